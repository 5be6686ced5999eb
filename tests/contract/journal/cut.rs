//! A wire before the server that loses a commit, or its answer.

use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What happens to the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before it has gone on.
    Before,
    /// It goes on, and the connection is cut before the answer comes back.
    After,
    /// The connection is cut, and it goes on only when somebody waits for the lock.
    Meanwhile,
    /// It goes on, and nothing comes back.
    Silent,
}

#[derive(Default)]
struct Shared {
    fault: Mutex<Option<Fault>>,
    /// How often the lock was asked for.
    asked: watch::Sender<usize>,
    /// How many commits have come.
    commits: watch::Sender<usize>,
}

/// The wire; it ends with the test.
pub struct Cut {
    /// Where it is: `127.0.0.1:PORT`.
    pub address: String,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Cut {
    /// A wire to a server.
    pub async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, shared) = (listener.local_addr().expect("an address").to_string(), Arc::new(Shared::default()));
        let (server, of_all, mut tasks) = (server.to_owned(), shared.clone(), JoinSet::new());
        tasks.spawn(async move {
            let mut guests = JoinSet::new();
            while let Ok((guest, _)) = listener.accept().await {
                let (server, shared) = (TcpStream::connect(&server).await.expect("the server is there"), of_all.clone());
                guests.spawn(pass(guest, server, shared));
            }
        });
        Self { address, shared, _tasks: tasks }
    }

    /// What happens to the next commit.
    pub fn next(&self, fault: Fault) {
        *self.shared.fault.lock().expect("no panic") = Some(fault);
    }

    /// How many commits have come.
    pub fn commits(&self) -> usize {
        *self.shared.commits.borrow()
    }
}

fn says(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

async fn pass(mut guest: TcpStream, mut server: TcpStream, shared: Arc<Shared>) {
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut silent = false;
    loop {
        tokio::select! {
            read = guest.read(&mut up) => {
                let Ok(many @ 1..) = read else { return };
                let bytes = &up[..many];
                let commit = says(bytes, b"COMMIT\0");
                let fault = if commit { shared.fault.lock().expect("no panic").take() } else { None };
                shared.commits.send_modify(|count| *count += usize::from(commit));
                let mut asked = shared.asked.subscribe();
                asked.mark_unchanged();
                match fault {
                    Some(Fault::Before) => return,
                    Some(Fault::Meanwhile) => {
                        drop(guest);
                        asked.changed().await.expect("the wire is there");
                        return carry_out(server, bytes).await;
                    }
                    Some(Fault::After) => return carry_out(server, bytes).await,
                    Some(Fault::Silent) => silent = true,
                    None => {}
                }
                if server.write_all(bytes).await.is_err() {
                    return;
                }
                if says(bytes, b"pg_advisory_xact_lock") {
                    shared.asked.send_modify(|count| *count += 1);
                }
            }
            read = server.read(&mut down) => {
                let Ok(many @ 1..) = read else { return };
                if !silent && guest.write_all(&down[..many]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Sends it and waits for the answer, which nobody else gets: then the server has carried it out.
async fn carry_out(mut server: TcpStream, bytes: &[u8]) {
    let mut answer = [0; 256];
    server.write_all(bytes).await.expect("the server is there");
    assert!(server.read(&mut answer).await.expect("it answers") > 0);
}
