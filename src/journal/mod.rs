//! What was done and by whom.
//!
//! One file of JSON lines in the state directory, shared by any number of consoles: appending is lock, read the end,
//! write one line, sync, unlock. Nothing is kept open between. A team has the same lines in a table of PostgreSQL. Each line carries the hash of the one before, so that
//! [`verify`] names the first that is not what was written. An intent is here before its request leaves; what can not
//! be written down is not done.
//!
//! ```text
//! journal.jsonl.1   full, the oldest; never deleted, the chain goes on in the next
//! journal.jsonl     the newest lines
//! journal.lock      who writes just now
//! journal.key       the key of the keyed hashes
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `entry` | what a line says |
//! | `line`, `wire` | a line as bytes, its hash |
//! | `files`, `place`, `lock`, `tail` | the directory, one writer, the end of a file |
//! | `postgres` | the table, one writer, a server that may be away |
//! | `state`, `index`, `query` | how far operations have come; what is asked |
//! | `verify` | whether all is whole |
//! | `ledger` | the proof that a warrant demands |
//! | `render` | an entry as one line of text |
//!
//! Everything here blocks: call it from a thread that may.

mod entry;
mod error;
mod files;
mod index;
mod key;
mod ledger;
mod line;
mod lock;
mod place;
mod postgres;
mod query;
mod render;
mod state;
mod tail;
#[cfg(test)]
mod tests;
mod verify;
mod wire;

pub use entry::*;
pub use error::JournalError;
pub use ledger::{Confirmed, Page};
pub use query::{Filter, Healthy, Here, Life, OpenIntent, RolledBack};
pub use render::line_of;
pub use state::State;
pub use verify::{Broken, Cut, Flaw, Summary, Unsound, verify};
pub use wire::Exact;

use crate::{config::Database, domain::OpId, text::Clean};
use files::Files;
use jiff::Timestamp;
use postgres::Postgres;
use ring::hmac;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
    time::Duration,
};

/// For how long a reader waits for a writer before it reads without the lock.
const READ_WAIT: Duration = Duration::from_millis(100);

/// When a file is full, and for how long a writer waits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A file of so many bytes is full.
    pub full: u64,
    /// How long another writer is waited for. Below the two seconds in which a console must leave.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { full: 16 * 1024 * 1024, wait: Duration::from_millis(1_500) }
    }
}

/// Where the lines are.
enum Ground {
    Files(Files),
    Postgres(Box<Postgres>),
}

/// The journal: in one directory, or in a database that a team shares.
pub struct Journal {
    ground: Ground,
    /// Where the installation's key is, also where the lines are elsewhere.
    dir: PathBuf,
    wait: Duration,
    index: Mutex<index::Index>,
    key: OnceLock<hmac::Key>,
}

/// The proof that an entry is on disk. Made by [`Journal::append`] only, and not cloned.
#[derive(Debug)]
#[must_use]
pub struct Written {
    op: Option<OpId>,
    seq: u64,
    hash: String,
}

impl Written {
    /// The operation that the entry is about.
    pub const fn op(&self) -> Option<&OpId> {
        self.op.as_ref()
    }

    /// The entry's number.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The entry's hash.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journal").field(&self.place()).finish()
    }
}

impl Journal {
    /// The journal in `dir`, which is made where it is missing. A directory that can be read but not written opens: only appending fails then.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        Self::with_limits(dir, Limits::default())
    }

    /// As [`Journal::open`], with limits of one's own.
    pub fn with_limits(dir: &Path, limits: Limits) -> Result<Self, JournalError> {
        Ok(Self::on(Ground::Files(Files::open(dir, limits)?), dir, limits.wait))
    }

    /// The journal that a team keeps in `database`. It is asked for nothing yet: a server that is away is told of when something is wanted of it.
    /// `dir` holds the key of this installation; `holder` is what others are told while they wait for us.
    pub fn shared(dir: &Path, database: Database, holder: &str) -> Self {
        Self::on(Ground::Postgres(Box::new(Postgres::new(database, holder))), dir, Limits::default().wait)
    }

    fn on(ground: Ground, dir: &Path, wait: Duration) -> Self {
        Self { ground, dir: dir.to_owned(), wait, index: Mutex::default(), key: OnceLock::new() }
    }

    /// Where it is, as it may be shown.
    pub fn place(&self) -> Clean {
        match &self.ground {
            Ground::Files(_) => error::shown(&self.dir),
            Ground::Postgres(postgres) => postgres.place(),
        }
    }

    /// Writes one entry so that it survives the machine. If this fails, what it announces must not be done.
    pub fn append(&self, at: Timestamp, who: &Who, body: &Body) -> Result<Written, JournalError> {
        match &self.ground {
            Ground::Files(files) => files.append(at, who, body),
            Ground::Postgres(postgres) => postgres.append(at, who, body),
        }
    }

    /// Whether an entry could be written now, and why not: for a badge and for `doctor`. Writes no entry.
    pub fn writable(&self) -> Result<(), JournalError> {
        match &self.ground {
            Ground::Files(files) => files.writable(),
            Ground::Postgres(postgres) => postgres.writable(),
        }
    }

    /// Reads all of it and names the first line that is not what was written.
    pub fn verify(&self) -> Result<Summary, Unsound> {
        match &self.ground {
            Ground::Files(_) => verify(&self.dir),
            Ground::Postgres(postgres) => verify::rows(&postgres.place(), postgres.rows()),
        }
    }

    /// HMAC-SHA-256 of `value` in hex, with the key of this installation: tells whether two values are the same without telling them.
    pub fn keyed_hash(&self, value: &[u8]) -> Result<String, JournalError> {
        if let Some(key) = self.key.get() {
            return Ok(key::keyed(key, value));
        }
        let key = key::load(&self.dir, self.wait)?;
        Ok(key::keyed(self.key.get_or_init(|| key), value))
    }
}
