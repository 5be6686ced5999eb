//! What was done and by whom.
//!
//! One file of JSON lines in the state directory, shared by any number of consoles: appending is lock, read the end,
//! write one line, sync, unlock. Nothing is kept open between. Each line carries the hash of the one before, so that
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
//! | `place`, `lock`, `tail` | the directory, one writer, the end of a file |
//! | `state`, `index`, `query` | how far operations have come; what is asked |
//! | `verify` | whether all is whole |
//! | `ledger` | the proof that a warrant demands |
//! | `render` | an entry as one line of text |
//!
//! Everything here blocks: call it from a thread that may.

mod entry;
mod error;
mod index;
mod key;
mod ledger;
mod line;
mod lock;
mod place;
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

use crate::domain::OpId;
use jiff::Timestamp;
use line::{Before, GENESIS};
use lock::Lock;
use place::ACTIVE;
use ring::hmac;
use std::{
    fmt, fs,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
    time::Duration,
};
use tail::Tail;

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

/// The journal in one directory.
pub struct Journal {
    dir: PathBuf,
    limits: Limits,
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
        f.debug_struct("Journal").field("dir", &self.dir).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Journal {
    /// The journal in `dir`, which is made where it is missing. A directory that can be read but not written opens: only appending fails then.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        Self::with_limits(dir, Limits::default())
    }

    /// As [`Journal::open`], with limits of one's own.
    pub fn with_limits(dir: &Path, limits: Limits) -> Result<Self, JournalError> {
        match place::make_private(dir) {
            Err(error) if !dir.is_dir() => return Err(error),
            Ok(()) | Err(_) => {}
        }
        place::segments(dir)?;
        Ok(Self { dir: dir.to_owned(), limits, index: Mutex::default(), key: OnceLock::new() })
    }

    /// Writes one entry so that it survives the machine. If this fails, what it announces must not be done.
    pub fn append(&self, at: Timestamp, who: &Who, body: &Body) -> Result<Written, JournalError> {
        place::make_private(&self.dir)?;
        let _lock = Lock::exclusive(&self.dir, self.limits.wait, &who.short())?;
        let (mut file, tail) = self.end()?;
        let before = self.before(&tail)?;
        let (mut bytes, hash) = line::write(&before, at, who, body).map_err(JournalError::Unwritable)?;
        if bytes.len() > line::LIMIT {
            return Err(JournalError::TooLong { bytes: bytes.len() });
        }
        if tail.open {
            bytes.insert(0, b'\n');
        }
        bytes.push(b'\n');
        let path = self.dir.join(ACTIVE);
        file.write_all(&bytes).map_err(JournalError::file("write", &path))?;
        file.sync_data().map_err(JournalError::file("sync", &path))?;
        if tail.last.is_none() {
            place::sync_dir(&self.dir)?;
        }
        Ok(Written { op: body.op().cloned(), seq: before.seq + 1, hash })
    }

    /// Whether an entry could be written now, and why not: for a badge and for `doctor`. Writes no entry.
    pub fn writable(&self) -> Result<(), JournalError> {
        place::make_private(&self.dir)?;
        let _lock = Lock::exclusive(&self.dir, self.limits.wait, &format!("pid {}", std::process::id()))?;
        let (_, tail) = self.end()?;
        self.before(&tail).map(|_| ())
    }

    /// HMAC-SHA-256 of `value` in hex, with the key of this installation: tells whether two values are the same without telling them.
    pub fn keyed_hash(&self, value: &[u8]) -> Result<String, JournalError> {
        if let Some(key) = self.key.get() {
            return Ok(key::keyed(key, value));
        }
        let key = key::load(&self.dir, self.limits.wait)?;
        Ok(key::keyed(self.key.get_or_init(|| key), value))
    }

    /// The file to write to and its end: a new file where the last is full. A cut-off write is first chained over in its own file.
    fn end(&self) -> Result<(File, Tail), JournalError> {
        let path = self.dir.join(ACTIVE);
        let file = place::open_active(&self.dir)?;
        let tail = tail::find(&file, &path)?;
        if tail.len < self.limits.full || tail.torn.is_some() || tail.open {
            return Ok((file, tail));
        }
        let number = place::rotated(&self.dir)?.last().map_or(1, |(number, _)| number + 1);
        fs::rename(&path, self.dir.join(format!("{ACTIVE}.{number}"))).map_err(JournalError::file("rename", &path))?;
        let file = place::open_active(&self.dir)?;
        let tail = tail::find(&file, &path)?;
        Ok((file, tail))
    }

    /// What the next line follows: the last of this file, or of the one before.
    fn before(&self, tail: &Tail) -> Result<Before, JournalError> {
        let torn = tail.torn.clone();
        if let Some(last) = &tail.last {
            return Ok(Before { seq: last.entry.seq, hash: last.hash.clone(), torn });
        }
        let Some((_, path)) = place::rotated(&self.dir)?.pop() else {
            return Ok(Before { seq: 0, hash: GENESIS.to_owned(), torn });
        };
        let segment = place::segment(&path).map_err(JournalError::file("read", &path))?;
        match tail::find(&segment.file, &path)?.last {
            Some(last) => Ok(Before { seq: last.entry.seq, hash: last.hash, torn }),
            None => Err(JournalError::Damaged { path: error::shown(&path) }),
        }
    }
}
