//! The way to an engine, on which the answer to one request gets lost, or never comes, or before which somebody else is faster.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// What happens to the first request that changes something and whose line holds certain words.
#[derive(Clone)]
enum Fate {
    /// It is carried out, and its answer lost.
    Lost,
    /// The same, but the connection stays open and nothing is heard on it any more.
    Silent,
    /// Somebody does something before it arrives.
    After(Arc<dyn Fn() + Send + Sync>),
}

/// The way; whoever goes over it says so.
pub struct Cut {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Cut {
    /// A way to the engine at `host`. The first request that changes something and whose line holds `words` is carried out, and its answer lost.
    pub fn new(host: &str, words: &'static str) -> Self {
        Self::way(host, words, Fate::Lost)
    }

    /// The same, but the connection stays open and nothing is heard on it any more.
    pub fn silent(host: &str, words: &'static str) -> Self {
        Self::way(host, words, Fate::Silent)
    }

    /// The same, but nothing is lost: `somebody` does something before it arrives.
    pub fn after(host: &str, words: &'static str, somebody: impl Fn() + Send + Sync + 'static) -> Self {
        Self::way(host, words, Fate::After(Arc::new(somebody)))
    }

    fn way(host: &str, words: &'static str, fate: Fate) -> Self {
        let folder = tempfile::Builder::new().prefix("plc").tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("s")).expect("a socket");
        let (asked, socket) = (Arc::new(Mutex::new(Vec::new())), host.trim_start_matches("unix://").to_owned());
        let of_all = asked.clone();
        thread::spawn(move || {
            for guest in listener.incoming().map_while(Result::ok) {
                let (socket, asked, fate) = (socket.clone(), of_all.clone(), fate.clone());
                thread::spawn(move || drop(pass(guest, Path::new(&socket), (words, &fate), &asked)));
            }
        });
        Self { folder, asked }
    }

    /// Where it begins.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("s").display())
    }

    /// The requests that change something, as they came: `POST /containers/ID/stop`.
    pub fn changes(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// One connection. Requests go on whole; once one of them is to be lost, what the engine says ends the connection, or is kept, instead of coming back.
fn pass(mut guest: UnixStream, socket: &Path, (words, fate): (&str, &Fate), asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut engine = UnixStream::connect(socket)?;
    let lost = Arc::new(AtomicBool::new(false));
    let (mut answers, mut back, loses, silent) = (engine.try_clone()?, guest.try_clone()?, lost.clone(), matches!(fate, Fate::Silent));
    thread::spawn(move || -> std::io::Result<()> {
        let mut bytes = vec![0; 1 << 16];
        loop {
            let count = answers.read(&mut bytes)?;
            match loses.load(Ordering::SeqCst) {
                true if silent && count > 0 => continue,
                false if count > 0 => {}
                _ => return back.shutdown(Shutdown::Both),
            }
            back.write_all(&bytes[..count])?;
        }
    });
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = guest.read(&mut bytes)?;
        if count == 0 {
            return engine.shutdown(Shutdown::Both);
        }
        let line = String::from_utf8_lossy(&bytes[..count]).lines().next().unwrap_or_default().to_owned();
        if line.starts_with("POST ") || line.starts_with("DELETE ") {
            let mut all = asked.lock().expect("no panic");
            let first = line.contains(words) && !all.iter().any(|before| before.contains(words));
            all.push(line);
            drop(all);
            match fate {
                Fate::After(somebody) if first => somebody(),
                Fate::After(_) => {}
                Fate::Lost | Fate::Silent => lost.store(first, Ordering::SeqCst),
            }
        }
        engine.write_all(&bytes[..count])?;
    }
}
