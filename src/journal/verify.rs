//! Whether the journal is whole: every line in its place, unchanged.

use super::{
    READ_WAIT,
    entry::Content,
    error::{JournalError, shown},
    line::{self, GENESIS, Gap, NotALine, Piece, Pieces},
    lock::Lock,
    place,
    postgres::Rows,
};
use crate::text::Clean;
use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    path::Path,
};

/// What a whole journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many entries: also the number of the last one.
    pub entries: u64,
    /// The last entry's hash. Kept elsewhere, it would also show that entries were cut off at the end, which no chain can show alone.
    pub head: String,
    /// In how many files.
    pub files: usize,
    /// Entries of kinds that this version does not know.
    pub unknown: u64,
    /// Writes that a crash or a full disk cut off: known, kept and chained over.
    pub torn: Vec<Cut>,
}

/// A write that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The entry that follows it and tells of it.
    pub before: u64,
    /// How many bytes were left of it.
    pub bytes: u64,
}

/// Why a journal is not whole.
#[derive(Debug)]
pub enum Unsound {
    /// It could not be read.
    Unreadable(JournalError),
    /// A line is not what was written.
    Broken(Broken),
}

/// The first line that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The entry that should be there.
    pub seq: u64,
    /// In which file.
    pub file: Clean,
    /// On which line of it, from 1.
    pub line: u64,
    /// What is wrong.
    pub why: Flaw,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Its bytes are not what was written.
    Altered,
    /// Another entry is in its place.
    Misplaced {
        /// The one that is there.
        found: u64,
    },
    /// It does not follow the entry before it.
    Unchained,
    /// It tells of a write that was cut off before it, and that is not there.
    Untorn,
    /// The file ends within it; the next entry will tell of that.
    Unfinished {
        /// How many bytes there are.
        bytes: u64,
    },
    /// A newer version wrote it: this one can not judge it.
    Newer {
        /// The version of the line.
        version: u64,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered => f.write_str("it is not what was written"),
            Self::Misplaced { found } => write!(f, "entry {found} is in its place"),
            Self::Unchained => f.write_str("it does not follow the entry before it"),
            Self::Untorn => f.write_str("the unfinished write that it tells of is not there"),
            Self::Unfinished { bytes } => write!(f, "it is unfinished ({bytes} bytes): a crash or a full disk; the next entry will mark it"),
            Self::Newer { version } => write!(f, "a newer version wrote it (v{version}): verify with that one"),
        }
    }
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Broken(Broken { seq, file, line, why }) => write!(f, "journal: entry {seq} ({file}, line {line}): {why}"),
        }
    }
}

impl std::error::Error for Unsound {}

/// Reads all of the journal in `dir` and names the first line that is not what was written.
pub fn verify(dir: &Path) -> Result<Summary, Unsound> {
    let segments = {
        let _lock = Lock::shared(dir, READ_WAIT);
        place::segments(dir).map_err(Unsound::Unreadable)?
    };
    let mut chain = Chain::new();
    for segment in segments {
        let doing = JournalError::file("read", &segment.path);
        let outcome = chain.follow(&shown(&segment.path), BufReader::with_capacity(1 << 16, segment.file.take(segment.len)));
        outcome.map_err(|error| Unsound::Unreadable(doing(error)))?.map_err(Unsound::Broken)?;
    }
    chain.end().map_err(Unsound::Broken)
}

/// The same of the rows of a database at `place`.
pub(super) fn rows(place: &Clean, rows: Rows<'_>) -> Result<Summary, Unsound> {
    let mut chain = Chain::new();
    let unreadable = |error| Unsound::Unreadable(JournalError::of_rows(error, place));
    chain.follow(place, rows).map_err(unreadable)?.map_err(Unsound::Broken)?;
    chain.end().map_err(Unsound::Broken)
}

/// Where the walk through the lines has come to.
pub(super) struct Chain {
    gap: Gap,
    gap_at: (Clean, u64),
    cut: bool,
    summary: Summary,
}

impl Chain {
    /// Before the first line.
    pub fn new() -> Self {
        Self { gap: Gap::new(), gap_at: (Clean::EMPTY, 0), cut: false, summary: Summary { head: GENESIS.to_owned(), ..Summary::default() } }
    }

    /// Walks through one file.
    pub fn follow(&mut self, file: &Clean, from: impl BufRead) -> std::io::Result<Result<(), Broken>> {
        let mut pieces = Pieces::new(from);
        let mut number = 0;
        self.summary.files += 1;
        while let Some(piece) = pieces.next()? {
            number += 1;
            if let Err(why) = self.take(&piece, file, number) {
                return Ok(Err(self.broken(file, number, why)));
            }
        }
        Ok(Ok(()))
    }

    /// After the last line.
    pub fn end(self) -> Result<Summary, Broken> {
        if self.gap.bytes == 0 {
            return Ok(self.summary);
        }
        let why = if self.cut { Flaw::Unfinished { bytes: self.gap.bytes } } else { Flaw::Altered };
        Err(self.broken(&Clean::EMPTY, 0, why))
    }

    fn broken(&self, file: &Clean, line: u64, why: Flaw) -> Broken {
        let (file, line) = if self.gap.bytes > 0 { self.gap_at.clone() } else { (file.clone(), line) };
        Broken { seq: self.summary.entries + 1, file, line, why }
    }

    fn take(&mut self, piece: &Piece<'_>, file: &Clean, number: u64) -> Result<(), Flaw> {
        let line = match piece.line.map(line::read) {
            Some(Ok(line)) => line,
            Some(Err(NotALine::Newer(version))) => return Err(Flaw::Newer { version }),
            Some(Err(NotALine::Damaged)) | None => {
                if self.gap.bytes == 0 {
                    self.gap_at = (file.clone(), number);
                }
                self.gap.add(piece.bytes);
                self.cut = !piece.ended;
                return Ok(());
            }
        };
        let gap = self.gap.clone().torn();
        match (&gap, &line.torn) {
            (None, None) => {}
            (Some(gap), Some(torn)) if gap == torn => self.summary.torn.push(Cut { before: line.entry.seq, bytes: torn.bytes }),
            (Some(_), _) => return Err(Flaw::Altered),
            (None, Some(_)) => return Err(Flaw::Untorn),
        }
        if line.entry.seq != self.summary.entries + 1 {
            return Err(Flaw::Misplaced { found: line.entry.seq });
        }
        if line.prev != self.summary.head {
            return Err(Flaw::Unchained);
        }
        self.gap = Gap::new();
        self.summary.entries = line.entry.seq;
        self.summary.head = line.hash;
        self.summary.unknown += u64::from(matches!(line.entry.content, Content::Unknown { .. }));
        Ok(())
    }
}
