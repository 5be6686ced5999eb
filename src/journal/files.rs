//! The journal of one machine: files in a directory.

use super::{
    Limits, READ_WAIT, Written,
    entry::{Body, Who},
    error::{JournalError, shown},
    line::{self, Before},
    lock::Lock,
    place::{self, ACTIVE, Segment},
    tail::{self, Tail},
};
use jiff::Timestamp;
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// Files of lines in one directory.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    limits: Limits,
}

impl Files {
    /// Those in `dir`, which is made where it is missing.
    pub fn open(dir: &Path, limits: Limits) -> Result<Self, JournalError> {
        match place::make_private(dir) {
            Err(error) if !dir.is_dir() => return Err(error),
            Ok(()) | Err(_) => {}
        }
        place::segments(dir)?;
        Ok(Self { dir: dir.to_owned(), limits })
    }

    /// Writes one entry behind the last.
    pub fn append(&self, at: Timestamp, who: &Who, body: &Body) -> Result<Written, JournalError> {
        place::make_private(&self.dir)?;
        let _lock = Lock::exclusive(&self.dir, self.limits.wait, &who.short())?;
        let (mut file, tail) = self.end()?;
        let before = self.before(&tail)?;
        let (mut bytes, hash) = line::next(&before, at, who, body)?;
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

    /// Whether an entry could be written now.
    pub fn writable(&self) -> Result<(), JournalError> {
        place::make_private(&self.dir)?;
        let _lock = Lock::exclusive(&self.dir, self.limits.wait, &format!("pid {}", std::process::id()))?;
        let (_, tail) = self.end()?;
        self.before(&tail).map(|_| ())
    }

    /// All files as they are now, the oldest first.
    pub fn segments(&self) -> Result<Vec<Segment>, JournalError> {
        let _lock = Lock::shared(&self.dir, READ_WAIT);
        place::segments(&self.dir)
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
            return Ok(Before { torn, ..Before::nothing() });
        };
        let segment = place::segment(&path).map_err(JournalError::file("read", &path))?;
        match tail::find(&segment.file, &path)?.last {
            Some(last) => Ok(Before { seq: last.entry.seq, hash: last.hash, torn }),
            None => Err(JournalError::Damaged { path: shown(&path) }),
        }
    }
}
