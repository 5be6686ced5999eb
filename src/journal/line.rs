//! One line as bytes, and the hash that chains it to the one before.
//!
//! `{"v":1,"seq":…,"prev":"…",…,"hash":"…"}`: the hash is the SHA-256 of the previous line's hash, as text, followed by
//! the line as it stands with its last member left out. Verifying needs the bytes only, so that not even a space or the
//! case of an escape can change without being seen.

use super::{
    entry::{Body, Content, Entry, Who},
    error::JournalError,
    wire,
};
use crate::text::{Clean, Raw};
use jiff::Timestamp;
use ring::digest;
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    io::{self, BufRead, Read},
};

/// The version of a line that this program writes and understands.
pub(super) const VERSION: u64 = 1;
/// The longest line, in bytes.
pub(super) const LIMIT: usize = 256 * 1024;
/// What the first line follows.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const MEMBER: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";

/// A line that is whole: it parses, and its hash is that of its bytes.
#[derive(Debug)]
pub(super) struct Line {
    pub prev: String,
    pub hash: String,
    pub torn: Option<Torn>,
    pub entry: Entry,
}

/// What lay between the line before and this one: the rest of a write that never ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Torn {
    pub bytes: u64,
    pub sha256: String,
}

/// Why bytes are not a line of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotALine {
    /// A newer program wrote it.
    Newer(u64),
    /// It was cut off or changed.
    Damaged,
}

#[derive(Serialize)]
struct Out<'a> {
    v: u64,
    seq: u64,
    prev: &'a str,
    #[serde(with = "wire::time")]
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    torn: Option<&'a Torn>,
    who: &'a Who,
    #[serde(flatten)]
    body: &'a Body,
}

#[derive(Deserialize)]
struct In {
    v: u64,
    seq: u64,
    prev: String,
    #[serde(with = "wire::time")]
    at: Timestamp,
    torn: Option<Torn>,
    who: Who,
    kind: Clean,
}

#[derive(Deserialize)]
struct Version {
    v: u64,
}

/// What a line follows: the number and hash of the one before, and what lies between.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub seq: u64,
    pub hash: String,
    pub torn: Option<Torn>,
}

impl Before {
    /// Before the first line.
    pub fn nothing() -> Self {
        Self { seq: 0, hash: GENESIS.to_owned(), torn: None }
    }
}

/// The line that follows `before`, without its newline, and its hash; refused where it is too long.
pub(super) fn next(before: &Before, at: Timestamp, who: &Who, body: &Body) -> Result<(Vec<u8>, String), JournalError> {
    let (bytes, hash) = write(before, at, who, body).map_err(JournalError::Unwritable)?;
    if bytes.len() > LIMIT { Err(JournalError::TooLong { bytes: bytes.len() }) } else { Ok((bytes, hash)) }
}

fn write(before: &Before, at: Timestamp, who: &Who, body: &Body) -> serde_json::Result<(Vec<u8>, String)> {
    let out = Out { v: VERSION, seq: before.seq + 1, prev: &before.hash, at, torn: before.torn.as_ref(), who, body };
    let mut bytes = wire::json(&out)?;
    let hash = chain(&before.hash, &bytes[..bytes.len() - 1]);
    bytes.pop();
    bytes.extend_from_slice(MEMBER);
    bytes.extend_from_slice(hash.as_bytes());
    bytes.extend_from_slice(END);
    Ok((bytes, hash))
}

/// Reads one line, without its newline.
pub(super) fn read(bytes: &[u8]) -> Result<Line, NotALine> {
    if let Some(line) = own(bytes) {
        return Ok(line);
    }
    match serde_json::from_slice::<Version>(bytes) {
        Ok(Version { v }) if v > VERSION => Err(NotALine::Newer(v)),
        Ok(_) | Err(_) => Err(NotALine::Damaged),
    }
}

fn own(bytes: &[u8]) -> Option<Line> {
    let rest = bytes.strip_suffix(END)?;
    let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(GENESIS.len())?)?;
    let sealed = rest.strip_suffix(MEMBER)?;
    let head: In = serde_json::from_slice(bytes).ok()?;
    let hash = std::str::from_utf8(hash).ok()?;
    if head.v != VERSION || chain(&head.prev, sealed) != hash {
        return None;
    }
    let content = match serde_json::from_slice(bytes) {
        Ok(body) => Content::Known(body),
        Err(_) => Content::Unknown { kind: head.kind, line: Raw::new(std::str::from_utf8(bytes).ok()?) },
    };
    let entry = Entry { seq: head.seq, at: head.at, who: head.who, content };
    Some(Line { prev: head.prev, hash: hash.to_owned(), torn: head.torn, entry })
}

fn chain(prev: &str, sealed: &[u8]) -> String {
    let mut sum = digest::Context::new(&digest::SHA256);
    sum.update(prev.as_bytes());
    sum.update(sealed);
    sum.update(b"}");
    hex(sum.finish().as_ref())
}

/// Bytes as lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The number and the digest of a run of bytes that are no line.
#[derive(Clone)]
pub(super) struct Gap {
    pub bytes: u64,
    sum: digest::Context,
}

impl Gap {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { bytes: 0, sum: digest::Context::new(&digest::SHA256) }
    }

    /// More of it.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sum.update(bytes);
    }

    /// As the line behind it says it; nothing where there is no gap.
    pub fn torn(self) -> Option<Torn> {
        (self.bytes > 0).then(|| Torn { bytes: self.bytes, sha256: hex(self.sum.finish().as_ref()) })
    }
}

/// What lies between two newlines, bounded by [`LIMIT`].
pub(super) struct Piece<'a> {
    /// All of it, with its newline.
    pub bytes: &'a [u8],
    /// Whether a newline ends it.
    pub ended: bool,
    /// The line in it: none at an end that was cut off, nor in parts of what is too long.
    pub line: Option<&'a [u8]>,
}

/// Reads pieces one after the other, in bounded memory.
pub(super) struct Pieces<R> {
    from: R,
    buffer: Vec<u8>,
    within: bool,
}

impl<R: BufRead> Pieces<R> {
    /// The pieces of `from`.
    pub fn new(from: R) -> Self {
        Self { from, buffer: Vec::new(), within: false }
    }

    /// The next one, none at the end.
    pub fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        self.buffer.clear();
        if self.from.by_ref().take(LIMIT as u64 + 1).read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(None);
        }
        let line = self.buffer.strip_suffix(b"\n");
        let ended = line.is_some();
        let line = line.filter(|_| !self.within);
        self.within = !ended;
        Ok(Some(Piece { bytes: &self.buffer, ended, line }))
    }
}
