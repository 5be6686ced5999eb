//! What stands before a registry and notes what we ask of it. It can refuse us, and be silent; other programs (the engine that pushes) pass.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU8, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

/// How it takes us.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mood {
    Open,
    Refuses,
    Silent,
}

/// The front of a registry.
pub struct Front {
    /// Where it is: `127.0.0.1:PORT`.
    pub address: String,
    asked: Arc<Mutex<String>>,
    mood: Arc<AtomicU8>,
}

impl Front {
    pub async fn before(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (asked, mood) = (Arc::<Mutex<String>>::default(), Arc::new(AtomicU8::new(Mood::Open as u8)));
        let (server, noted, felt) = (registry.to_owned(), asked.clone(), mood.clone());
        tokio::spawn(async move {
            while let Ok((guest, _)) = listener.accept().await {
                tokio::spawn(through(guest, server.clone(), noted.clone(), felt.clone()));
            }
        });
        Self { address, asked, mood }
    }

    pub fn takes_us(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    /// The requests of ours: nothing of them has a body.
    pub fn asked(&self) -> Vec<String> {
        let all = self.asked.lock().expect("nobody panics").clone();
        all.split("\r\n\r\n").filter(|request| !request.is_empty()).map(str::to_lowercase).collect()
    }
}

async fn through(mut guest: TcpStream, server: String, asked: Arc<Mutex<String>>, mood: Arc<AtomicU8>) {
    let mut first = vec![0; 16_384];
    let Ok(count @ 1..) = guest.read(&mut first).await else { return };
    let head = String::from_utf8_lossy(&first[..count]).into_owned();
    let ours = head.to_lowercase().contains("user-agent: pilothouse");
    if ours {
        asked.lock().expect("nobody panics").push_str(&head);
    }
    match mood.load(Ordering::SeqCst) {
        mood if ours && mood == Mood::Refuses as u8 => {
            _ = guest.write_all(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        }
        mood if ours && mood == Mood::Silent as u8 => _ = guest.read(&mut first).await,
        _ => {
            let Ok(mut to) = TcpStream::connect(&server).await else { return };
            let (mut from_guest, mut to_guest) = guest.split();
            let (mut from_server, mut to_server) = to.split();
            if to_server.write_all(&first[..count]).await.is_err() {
                return;
            }
            let up = async {
                while let Ok(count @ 1..) = from_guest.read(&mut first).await {
                    if ours {
                        asked.lock().expect("nobody panics").push_str(&String::from_utf8_lossy(&first[..count]));
                    }
                    if to_server.write_all(&first[..count]).await.is_err() {
                        break;
                    }
                }
                _ = to_server.shutdown().await;
            };
            _ = tokio::join!(up, copy(&mut from_server, &mut to_guest));
        }
    }
}
