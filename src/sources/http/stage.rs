//! A server of our own that answers as it is told, well or badly.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes and closes.
    Say(Vec<u8>),
    /// Sends these bytes and then nothing more.
    Stall(Vec<u8>),
    /// Sends these bytes and resets the connection.
    Reset(Vec<u8>),
}

impl Act {
    /// A whole answer.
    pub fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> Self {
        Self::Say(message(status, headers, body.as_bytes(), body.len()))
    }

    /// A good answer of JSON.
    pub fn json(body: &str) -> Self {
        Self::answer("200 OK", &[("Content-Type", "application/json")], body)
    }
}

/// The bytes of an answer that says it is `length` long.
pub(crate) fn message(status: &str, headers: &[(&str, &str)], body: &[u8], length: usize) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The first byte of a client that speaks TLS (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

type Asked = Arc<Mutex<Vec<String>>>;

/// The server. It ends when it is dropped.
pub(crate) struct Stage {
    /// Where it listens.
    pub address: SocketAddr,
    asked: Asked,
    task: JoinHandle<()>,
}

impl Stage {
    /// Answers one request after the other; the last act is repeated.
    pub async fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        let mut acts: VecDeque<Act> = acts.into_iter().collect();
        Self::with(move |_| if acts.len() > 1 { acts.pop_front().expect("more than one") } else { acts[0].clone() }).await
    }

    /// Answers each request, given as its head and body, as `answer` says.
    pub async fn with(mut answer: impl FnMut(&str) -> Act + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine");
        let address = listener.local_addr().expect("it is bound");
        let asked = Asked::default();
        let noted = asked.clone();
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else { continue };
                let act = answer(&request);
                noted.lock().expect("nobody panics").push(request);
                held.extend(play(stream, act).await);
            }
        });
        Self { address, asked, task }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics").clone()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse::<usize>().ok()));
            if body.len() >= length.flatten().unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            return Some("TLS".into());
        }
    }
}

/// Plays one act; gives the stream back where it must stay open.
async fn play(mut stream: TcpStream, act: Act) -> Option<TcpStream> {
    match act {
        Act::Say(bytes) => {
            // Whoever asked may be gone already.
            _ = stream.write_all(&bytes).await;
            _ = stream.shutdown().await;
            None
        }
        Act::Stall(bytes) => {
            _ = stream.write_all(&bytes).await;
            Some(stream)
        }
        Act::Reset(bytes) => {
            _ = stream.write_all(&bytes).await;
            _ = stream.set_zero_linger();
            None
        }
    }
}
