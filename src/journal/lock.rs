//! One writer at a time, over all consoles.

use super::{
    error::JournalError,
    place::{self, LOCK},
};
use crate::text::Clean;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How often a lock is tried again. `flock` can not wait with a deadline.
const RETRY: Duration = Duration::from_millis(4);
const HOLDER_LIMIT: u64 = 200;

/// The lock, until it is dropped. The kernel gives it back when the process dies.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else writes, for `wait` at most. `holder` is what others are told meanwhile.
    pub fn exclusive(dir: &Path, wait: Duration, holder: &str) -> Result<Self, JournalError> {
        let path = dir.join(LOCK);
        let mut file = place::private_file().read(true).write(true).create(true).truncate(false).open(&path).map_err(JournalError::file("open", &path))?;
        if !acquire(&file, FlockOperation::NonBlockingLockExclusive, wait).map_err(JournalError::file("lock", &path))? {
            return Err(JournalError::Locked { holder: holder_of(&file), waited: wait });
        }
        // Only a courtesy to those who wait: without it they are told less.
        let _ = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
        Ok(Self { _file: file })
    }

    /// Waits a moment until nobody writes. Reading goes on without the lock where it can not be had.
    pub fn shared(dir: &Path, wait: Duration) -> Option<Self> {
        let file = File::open(dir.join(LOCK)).ok()?;
        acquire(&file, FlockOperation::NonBlockingLockShared, wait).ok()?.then_some(Self { _file: file })
    }
}

fn acquire(file: &File, operation: FlockOperation, wait: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + wait;
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if Instant::now() >= deadline => return Ok(false),
            Err(Errno::WOULDBLOCK) => thread::sleep(RETRY),
            Err(error) => return Err(error.into()),
        }
    }
}

fn holder_of(file: &File) -> Option<Clean> {
    let mut text = String::new();
    file.take(HOLDER_LIMIT).read_to_string(&mut text).ok()?;
    (!text.is_empty()).then(|| Clean::from_untrusted(&text))
}
