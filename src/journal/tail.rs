//! The end of a file, found from behind: a long journal is not read to add a line.

use super::{
    error::{JournalError, shown},
    line::{self, Gap, Line, NotALine, Torn},
};
use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

const FIRST_LOOK: u64 = 64 * 1024;
/// More damage than this is not chained over.
const FARTHEST: u64 = 64 * 1024 * 1024;

/// The end of a file.
pub(super) struct Tail {
    /// The last whole line; none in a file without any.
    pub last: Option<Line>,
    /// What follows it and is no line.
    pub torn: Option<Torn>,
    /// Whether a newline must be written first.
    pub open: bool,
    /// The file's length.
    pub len: u64,
}

/// Finds the last whole line of `file`.
pub(super) fn find(file: &File, path: &Path) -> Result<Tail, JournalError> {
    let reading = |error| JournalError::file("read", path)(error);
    let len = file.metadata().map_err(reading)?.len();
    let mut look = FIRST_LOOK;
    loop {
        let start = len.saturating_sub(look);
        let mut bytes = vec![0; usize::try_from(len - start).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, start).map_err(reading)?;
        let found = last_line(&bytes, start == 0).map_err(|version| JournalError::Newer { version, path: shown(path) })?;
        match found {
            Some((last, end)) => return rest(file, start + end as u64, len, Some(last)).map_err(reading),
            None if start == 0 => return rest(file, 0, len, None).map_err(reading),
            None if look >= FARTHEST => return Err(JournalError::Damaged { path: shown(path) }),
            None => look *= 4,
        }
    }
}

/// The last whole line in `bytes` and where it ends; the version of a newer line that comes after it.
///
/// A line that lacks nothing but its newline is whole: with the next entry's newline everybody else will read it so.
fn last_line(bytes: &[u8], from_start: bool) -> Result<Option<(Line, usize)>, u64> {
    let mut end = bytes.len();
    loop {
        let before = bytes[..end].iter().rposition(|b| *b == b'\n');
        if before.is_none() && !from_start {
            return Ok(None);
        }
        match line::read(&bytes[before.map_or(0, |newline| newline + 1)..end]) {
            Ok(line) => return Ok(Some((line, (end + 1).min(bytes.len())))),
            Err(NotALine::Newer(version)) => return Err(version),
            Err(NotALine::Damaged) => {}
        }
        match before {
            Some(newline) => end = newline,
            None => return Ok(None),
        }
    }
}

/// What follows the last whole line, which ends at `start`.
fn rest(file: &File, start: u64, len: u64, last: Option<Line>) -> io::Result<Tail> {
    let mut gap = Gap::new();
    let mut buffer = [0; 16 * 1024];
    let mut from = start;
    while from < len {
        let many = file.read_at(&mut buffer, from)?;
        if many == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        gap.add(&buffer[..many]);
        from += many as u64;
    }
    let mut end = [b'\n'];
    if len > 0 {
        file.read_exact_at(&mut end, len - 1)?;
    }
    let open = end != *b"\n";
    if open && start < len {
        gap.add(b"\n");
    }
    Ok(Tail { last, torn: gap.torn(), open, len })
}
