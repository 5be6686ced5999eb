//! A database of the lab's server, as a test sees it.

use pilothouse::{
    config::{Database, Layers},
    journal::{Body, Content, Filter, Journal, JournalError, Note, Summary, Who, Written},
};
use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{RwLock, RwLockReadGuard},
};
use tempfile::TempDir;

/// Held for writing by who stops the server.
pub static SERVER: RwLock<()> = RwLock::new(());

fn lab(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("there is no lab: {name} is not set; run tests/lab/up and source its lab.env, or set PILOTHOUSE_LAB_SKIP=1"))
}

/// A database that goes with the test.
pub struct Base {
    /// Its name.
    pub name: String,
    /// Where consoles have their keys.
    pub home: TempDir,
    _stays: Option<RwLockReadGuard<'static, ()>>,
}

impl Base {
    /// Makes one on a server that stays; none when the tests are left out on purpose.
    pub fn new(about: &str) -> Option<Self> {
        left_in().then(|| Self::make(about, Some(SERVER.read().unwrap_or_else(std::sync::PoisonError::into_inner))))
    }

    /// The same for who stops the server, and has seen to it that nobody else is disturbed.
    pub fn alone(about: &str) -> Self {
        Self::make(about, None)
    }

    fn make(about: &str, stays: Option<RwLockReadGuard<'static, ()>>) -> Self {
        let name = format!("journal_{about}_{}", std::process::id());
        psql("postgres", &format!("CREATE DATABASE {name}"));
        Self { name, home: TempDir::new().expect("a folder"), _stays: stays }
    }

    /// Runs SQL in it as who may do everything.
    pub fn sql(&self, text: &str) -> String {
        psql(&self.name, text)
    }

    /// The URL of it by way of `place`, for the role `user`.
    pub fn url(&self, user: &str, place: &str) -> String {
        format!("postgresql://{user}@{place}/{}", self.name)
    }

    /// The database as a configuration names it.
    pub fn database(&self, url: &str) -> Database {
        let text = format!("[journal]\nurl = \"{url}\"\npassword_env = \"LAB_POSTGRES_PASSWORD\"\n");
        let config = Layers::new().file(Path::new("c.toml"), &text).read().unwrap_or_else(|errors| panic!("{errors:?}"));
        config.journal.database().expect("a database")
    }

    /// The journal of a console, by this URL.
    pub fn by(&self, url: &str) -> Journal {
        Journal::shared(self.home.path(), self.database(url), "ann@bastion, pid 1")
    }

    /// The journal of a console.
    pub fn journal(&self) -> Journal {
        self.by(&self.url("lab", &lab("LAB_POSTGRES")))
    }

    /// A role that goes with the database, with the lab's password.
    pub fn role(&self, about: &str) -> String {
        let role = format!("{about}_{}", self.name);
        self.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD '{}'", lab("LAB_POSTGRES_PASSWORD")));
        role
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        let roles = format!("SELECT 'DROP ROLE ' || rolname FROM pg_roles WHERE rolname LIKE '%\\_{}' \\gexec\n", self.name);
        _ = run("postgres", &format!("DROP DATABASE {} WITH (FORCE);\n{roles}", self.name));
    }
}

/// Whether the lab is used.
pub fn left_in() -> bool {
    crate::kubernetes::lab::kubeconfig().is_some()
}

/// Where the server is.
pub fn server() -> String {
    lab("LAB_POSTGRES")
}

/// A psql of who may do everything, with something to read.
pub fn client(database: &str) -> Command {
    let server = server();
    let (host, port) = server.split_once(':').expect("an address");
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
    command.env("PGPASSWORD", lab("LAB_POSTGRES_PASSWORD")).args(["-h", host, "-p", port, "-U", "lab", "-d", database]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(database: &str, text: &str) -> std::process::Output {
    use std::io::Write;
    let mut child = client(database).spawn().expect("psql is installed");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("psql reads");
    child.wait_with_output().expect("psql ends")
}

/// What is said to a role that tries something.
pub fn run_as(role: &str, database: &str, text: &str) -> String {
    let out = client(database).args(["-U", role, "-c", text]).output().expect("psql is installed");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// Runs SQL and gives what it printed.
pub fn psql(database: &str, text: &str) -> String {
    let out = run(database, text);
    assert!(out.status.success(), "{text}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// The console number `pid`.
pub fn who(pid: u32) -> Who {
    Who {
        user: "ann".into(),
        uid: 1000,
        sudo_user: None,
        ssh_client: None,
        host: "bastion".into(),
        tty: None,
        pid,
        boot_id: "b00t".into(),
        session: "7f3a".into(),
        version: "0.1.0".into(),
    }
}

/// A note.
pub fn note(text: &str) -> Body {
    Body::Note(Note { environment: "production".into(), service: "cart".into(), text: pilothouse::text::Clean::from_untrusted(text) })
}

/// Writes a note.
pub fn write(journal: &Journal, text: &str) -> Result<Written, JournalError> {
    journal.append(jiff::Timestamp::now(), &who(1), &note(text))
}

/// The texts of all notes.
pub fn texts(journal: &Journal) -> Vec<String> {
    let entries = journal.history(&Filter::default()).expect("reads").into_iter();
    entries.filter_map(|entry| if let Content::Known(Body::Note(note)) = entry.content { Some(note.text.to_string()) } else { None }).collect()
}

/// What a whole journal holds.
pub fn sound(journal: &Journal) -> Summary {
    journal.verify().unwrap_or_else(|unsound| panic!("{unsound}"))
}
