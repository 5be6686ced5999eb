//! What the lines add up to: operations with their states, revisions seen healthy. Built when first asked for, then continued.

use super::{
    entry::{Body, Content, Entry, Intent, Who},
    error::JournalError,
    line::{self, Pieces},
    place::Segment,
    postgres::Row,
    state::State,
};
use crate::domain::OpId;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

/// An operation as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Op {
    /// The number of its first line.
    pub seq: u64,
    /// When it was confirmed first.
    pub began: Timestamp,
    /// Its latest intent.
    pub intent: Intent,
    /// How far it has come.
    pub state: State,
    /// Whether one of its steps was accepted, whatever came of later ones.
    pub accepted: bool,
    /// Who wrote its latest line.
    pub who: Who,
}

/// A revision that was seen healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub held_ms: u64,
    pub until: Timestamp,
}

/// What the lines add up to.
#[derive(Default)]
pub(super) struct Index {
    /// Every operation.
    pub ops: BTreeMap<OpId, Op>,
    /// By workload and template.
    pub seen: BTreeMap<(String, String), Seen>,
    read: BTreeMap<(u64, u64), u64>,
    last: Option<Row>,
}

impl Index {
    /// Reads on, from where the last reading ended.
    pub fn refresh(&mut self, segments: Vec<Segment>) -> Result<(), JournalError> {
        if !self.still_there(&segments) {
            *self = Self::default();
        }
        for segment in segments {
            let doing = JournalError::file("read", &segment.path);
            self.read_on(segment).map_err(doing)?;
        }
        Ok(())
    }

    /// Files are only added to and renamed: another picture means that somebody replaced them.
    fn still_there(&self, segments: &[Segment]) -> bool {
        self.read.iter().all(|(inode, offset)| segments.iter().any(|segment| segment.inode == *inode && segment.len >= *offset))
    }

    fn read_on(&mut self, mut segment: Segment) -> io::Result<()> {
        let from = self.read.get(&segment.inode).copied().unwrap_or(0);
        if from == segment.len {
            return Ok(());
        }
        segment.file.seek(SeekFrom::Start(from))?;
        let mut pieces = Pieces::new(BufReader::with_capacity(1 << 16, segment.file.take(segment.len - from)));
        let (mut offset, mut end) = (from, from);
        while let Some(piece) = pieces.next()? {
            offset += piece.bytes.len() as u64;
            if piece.ended {
                end = offset;
            }
            if let Some(Ok(line)) = piece.line.map(line::read) {
                self.add(line.entry);
            }
        }
        self.read.insert(segment.inode, end);
        Ok(())
    }

    /// Reads on in a table, of which `after` gives the next rows behind a number. The last one that was read is read again: where it is no longer
    /// there, somebody replaced the table.
    pub fn follow(&mut self, after: impl Fn(i64) -> Result<Vec<Row>, JournalError>) -> Result<(), JournalError> {
        let mut rows = after(self.last.as_ref().map_or(i64::MIN, |last| last.seq.saturating_sub(1)))?;
        if self.last.is_some() && rows.first() != self.last.as_ref() {
            *self = Self::default();
            rows = after(i64::MIN)?;
        }
        let mut known = usize::from(self.last.is_some());
        while rows.len() > known {
            for row in rows.drain(..).skip(known) {
                if let Ok(line) = line::read(row.line.as_bytes()) {
                    self.add(line.entry);
                }
                self.last = Some(row);
            }
            known = 0;
            rows = after(self.last.as_ref().map_or(i64::MIN, |last| last.seq))?;
        }
        Ok(())
    }

    fn add(&mut self, entry: Entry) {
        let Content::Known(body) = entry.content else { return };
        match body {
            Body::Observed(observed) => {
                let new = Seen { held_ms: observed.available_ms, until: entry.at };
                let seen = self.seen.entry((observed.workload.raw().expose().to_owned(), observed.template.raw().expose().to_owned())).or_insert(new);
                *seen = Seen { held_ms: seen.held_ms.max(new.held_ms), until: seen.until.max(new.until) };
            }
            Body::Intent(intent) => self.intend(entry.seq, entry.at, entry.who, *intent),
            Body::Sent(_) | Body::Outcome(_) | Body::Verdict(_) | Body::Taken(_) => self.advance(&body, entry.who),
            Body::Note(_) | Body::Acknowledged(_) | Body::Shell(_) => {}
        }
    }

    fn intend(&mut self, seq: u64, at: Timestamp, who: Who, intent: Intent) {
        let Some(op) = self.ops.get_mut(&intent.op) else {
            self.ops.insert(intent.op.clone(), Op { seq, began: at, intent, state: State::Confirmed, accepted: false, who });
            return;
        };
        let body = Body::Intent(Box::new(intent));
        let Some(state) = op.state.after(&op.intent, &body) else { return };
        if let Body::Intent(intent) = body {
            *op = Op { intent: *intent, state, who, ..op.clone() };
        }
    }

    fn advance(&mut self, body: &Body, who: Who) {
        let Some(op) = body.op().and_then(|op| self.ops.get_mut(op)) else { return };
        op.state = op.state.after(&op.intent, body).unwrap_or(op.state);
        op.accepted |= matches!(op.state, State::Between | State::Verifying | State::Done(_));
        op.who = who;
    }
}
