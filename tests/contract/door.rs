//! A door in front of a server. Shut, it refuses and breaks connections, as a server that was stopped does, and no other test is disturbed.

use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinSet,
};

/// How long the port of a door may still be held after it was shut.
const PATIENCE: Duration = Duration::from_secs(60);

/// The door.
pub struct Door {
    port: u16,
    server: String,
    tasks: JoinSet<()>,
    silence: watch::Sender<()>,
}

impl Door {
    /// Opens a door to a server by its URL: `https://HOST:PORT`, `http://HOST:PORT` or `unix:///PATH`.
    pub async fn before(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut door = Self { port, server: url.to_owned(), tasks: JoinSet::new(), silence: watch::Sender::new(()) };
        door.listen(listener);
        door
    }

    /// Where it is: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn listen(&mut self, listener: TcpListener) {
        let (server, silence) = (self.server.clone(), self.silence.clone());
        self.tasks.spawn(async move {
            let mut guests = JoinSet::new();
            while let Ok((guest, _)) = listener.accept().await {
                guests.spawn(through(guest, server.clone(), silence.subscribe()));
            }
        });
    }

    /// Forgets the connections that there are, as a balancer or a NAT may: nobody is told, and nothing passes on them any more. New ones are let through.
    pub fn forgets(&self) {
        self.silence.send_replace(());
    }

    /// Shuts it.
    pub async fn shut(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Opens it again.
    pub async fn reopen(&mut self) {
        let began = Instant::now();
        loop {
            match TcpListener::bind(("127.0.0.1", self.port)).await {
                Ok(listener) => return self.listen(listener),
                Err(error) => assert!(began.elapsed() < PATIENCE, "port {}: {error}", self.port),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn through(guest: TcpStream, server: String, silence: watch::Receiver<()>) {
    match server.split_once("://") {
        Some(("unix", path)) => join(guest, UnixStream::connect(path).await, silence).await,
        Some((_, address)) => join(guest, TcpStream::connect(address.trim_end_matches('/')).await, silence).await,
        None => panic!("{server} is no URL"),
    }
}

async fn join<S: AsyncRead + AsyncWrite + Unpin>(mut guest: TcpStream, server: std::io::Result<S>, mut silence: watch::Receiver<()>) {
    let Ok(mut server) = server else { return };
    let forgotten = tokio::select! {
        _ = copy_bidirectional(&mut guest, &mut server) => false,
        told = silence.changed() => told.is_ok(),
    };
    if forgotten {
        // Both ends stay open.
        std::future::pending::<()>().await;
    }
}
