//! Why the journal could not be written or read, and what to do about it.

use crate::text::Clean;
use std::{fmt, io, path::Path, time::Duration};

/// Why the journal could not be written or read. A change whose intent can not be written is not made.
#[derive(Debug)]
pub enum JournalError {
    /// The system refused.
    File {
        /// What was being done: `write`.
        doing: &'static str,
        /// To which file or directory.
        path: Clean,
        /// What the system said.
        source: io::Error,
    },
    /// Another process held the lock for too long.
    Locked {
        /// Who, where it is known.
        holder: Option<Clean>,
        /// How long was waited.
        waited: Duration,
    },
    /// A newer version of this program wrote to it: it can be read here, not written.
    Newer {
        /// The version of its lines.
        version: u64,
        /// Which file.
        path: Clean,
    },
    /// The end of the file holds no entry to go on from.
    Damaged {
        /// Which file.
        path: Clean,
    },
    /// The entry is longer than a line may be.
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The entry can not be written as JSON.
    Unwritable(serde_json::Error),
    /// A database does not do what is asked of it.
    Database {
        /// Which one.
        place: Clean,
        /// What it said or did not say, and what to do.
        why: Clean,
    },
    /// The answer of a database was lost, and it could not be asked again.
    Unsure {
        /// Which one.
        place: Clean,
        /// The number of the entry.
        seq: u64,
        /// What it said last.
        why: Clean,
    },
    /// The last row of a table is not what was written.
    Changed {
        /// In which database.
        place: Clean,
        /// Which row.
        row: i64,
    },
    /// The installation's key can not be used.
    Key {
        /// Which file.
        path: Clean,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
}

impl JournalError {
    /// Makes an error of the system's into ours.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = shown(path);
        move |source| Self::File { doing, path, source }
    }
}

impl JournalError {
    /// What ended the reading of rows: ours, carried through a reader.
    pub(super) fn of_rows(error: io::Error, place: &Clean) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| Self::Database { place: place.clone(), why: crate::clean!("{error}") })
    }
}

/// A path as it may be shown.
pub(super) fn shown(path: &Path) -> Clean {
    Clean::from_untrusted(&path.to_string_lossy())
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => "make room on that disk",
        io::ErrorKind::PermissionDenied => "it must belong to you, the directory with mode 0700 and the files with 0600",
        io::ErrorKind::ReadOnlyFilesystem => "that filesystem is read only: choose another state directory (XDG_STATE_HOME)",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "a file is where a directory should be: choose another state directory (XDG_STATE_HOME)",
        _ => "see that the directory can be written",
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { doing, path, source } => write!(f, "journal: can not {doing} {path}: {source}; {}", remedy(source)),
            Self::Locked { holder: Some(holder), waited } => {
                write!(f, "journal: locked by {holder} for more than {} ms; look at that process, then try again", waited.as_millis())
            }
            Self::Locked { holder: None, waited } => {
                write!(f, "journal: locked by another process for more than {} ms; `fuser` on the file journal.lock names it", waited.as_millis())
            }
            Self::Newer { version, path } => {
                write!(f, "journal: {path} was written by a newer version (lines of v{version}): it is read only here; use that version for changes")
            }
            Self::Damaged { path } => write!(f, "journal: {path} holds no whole entry at its end; move the file aside, keep it, and try again"),
            Self::TooLong { bytes } => write!(f, "journal: the entry has {bytes} bytes, a line holds {}; shorten the reason or the plan", super::line::LIMIT),
            Self::Unwritable(error) => write!(f, "journal: the entry can not be written as JSON: {error}"),
            Self::Database { place, why } => write!(f, "journal: {place}: {why}"),
            Self::Unsure { place, seq, why } => {
                write!(f, "journal: {place}: whether entry {seq} was written is not known ({why}); B shows what the journal has once the server answers")
            }
            Self::Changed { place, row } => write!(
                f,
                "journal: {place}: row {row} is not what was written: somebody changed the table; have it looked at before anything is added, and keep a copy"
            ),
            Self::Key { path, why } => write!(f, "journal: the key in {path} {why}"),
        }
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Unwritable(error) => Some(error),
            Self::Locked { .. } | Self::Newer { .. } | Self::Damaged { .. } | Self::TooLong { .. } | Self::Key { .. } => None,
            Self::Database { .. } | Self::Unsure { .. } | Self::Changed { .. } => None,
        }
    }
}
