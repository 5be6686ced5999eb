//! What is asked of the journal.

use super::{
    Ground, Journal,
    entry::{Entry, Intent, Rev, Who},
    error::JournalError,
    index::Index,
    line::{self, Pieces},
    place::Segment,
    state::State,
    tail,
};
use crate::{
    domain::OpId,
    text::{Clean, Raw},
};
use jiff::{SignedDuration, Timestamp};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read},
    sync::PoisonError,
};

/// An operation that nothing has ended yet: found at the start, settled by reading the world.
#[derive(Clone, Debug)]
pub struct OpenIntent {
    /// The number of its first entry.
    pub seq: u64,
    /// When it was confirmed.
    pub began: Timestamp,
    /// What was intended: the latest step.
    pub intent: Intent,
    /// How far it is known to have come.
    pub state: State,
    /// Who wrote its latest entry, and so answers for it.
    pub who: Who,
    /// Whether that process is still there.
    pub life: Life,
}

/// Whether the process that answers for an operation is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs on this machine: the operation is only shown.
    Runs,
    /// It is gone: the operation is ours to settle.
    Gone,
    /// It ran on another machine: nobody here can tell.
    Elsewhere,
}

/// This machine and its boot, to tell whether a process is still there.
#[derive(Clone, Debug)]
pub struct Here {
    /// The machine's name.
    pub host: Clean,
    /// Its boot.
    pub boot_id: Clean,
}

impl Here {
    fn life(&self, who: &Who) -> Life {
        if who.host != self.host {
            return Life::Elsewhere;
        }
        let pid = i32::try_from(who.pid).ok().and_then(Pid::from_raw);
        // A process of somebody else's answers EPERM: it is there.
        let runs = pid.is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)));
        if who.boot_id == self.boot_id && runs { Life::Runs } else { Life::Gone }
    }
}

/// Which entries a history shows. The default is the newest 1,000 of all.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only of this service.
    pub service: Option<Clean>,
    /// Only in this environment.
    pub environment: Option<Clean>,
    /// Only since then.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self { service: None, environment: None, since: None, limit: 1_000 }
    }
}

/// A template that somebody took back, or may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The operation.
    pub op: OpId,
    /// When it was confirmed.
    pub at: Timestamp,
    /// Our hash of the raw template ([`crate::domain::Seen`]).
    pub seen: Raw,
    /// The revision, with the back end's hash of its template, where it was known.
    pub revision: Option<Rev>,
}

/// A revision that was seen healthy, by any console that shares this journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healthy {
    /// The back end's hash of its template.
    pub template: Raw,
    /// The longest time without a break.
    pub held: SignedDuration,
    /// The last time.
    pub until: Timestamp,
}

impl Journal {
    /// Every operation that nothing has ended yet, the oldest first.
    pub fn open_intents(&self, here: &Here) -> Result<Vec<OpenIntent>, JournalError> {
        self.indexed(|index| {
            let open = index.ops.values().filter(|op| !op.state.is_final()).cloned();
            let mut open: Vec<_> =
                open.map(|op| OpenIntent { life: here.life(&op.who), seq: op.seq, began: op.began, intent: op.intent, state: op.state, who: op.who }).collect();
            open.sort_unstable_by_key(|open| open.seq);
            open
        })
    }

    /// How far `op` has come; none where the journal does not know it.
    pub fn state(&self, op: &OpId) -> Result<Option<State>, JournalError> {
        self.indexed(|index| index.ops.get(op).map(|op| op.state))
    }

    /// What the workload `subject` was rolled back from since then, or may have been: going back to one of these needs a typed override.
    pub fn rolled_back_from(&self, subject: &str, since: Timestamp) -> Result<Vec<RolledBack>, JournalError> {
        self.indexed(|index| {
            let ours = index.ops.values().filter(|op| op.intent.subject.id.raw().expose() == subject && op.began >= since);
            let back = ours.filter(|op| crate::domain::Verb::back(&op.intent.verb).is_some() && (op.accepted || op.state.may_have_changed()));
            back.map(|op| RolledBack {
                op: op.intent.op.clone(),
                at: op.began,
                seen: op.intent.from.template.raw().clone(),
                revision: op.intent.from.revision.clone(),
            })
            .collect()
        })
    }

    /// Which revisions of the workload `subject` were seen healthy.
    pub fn observed(&self, subject: &str) -> Result<Vec<Healthy>, JournalError> {
        self.indexed(|index| {
            let ours = index.seen.range((subject.to_owned(), String::new())..).take_while(|((workload, _), _)| workload == subject);
            ours.map(|((_, template), seen)| Healthy {
                template: Raw::new(template),
                held: SignedDuration::from_millis(i64::try_from(seen.held_ms).unwrap_or(i64::MAX)),
                until: seen.until,
            })
            .collect()
        })
    }

    /// The entries that `filter` lets through, the oldest first. Entries about an operation go with its intent.
    pub fn history(&self, filter: &Filter) -> Result<Vec<Entry>, JournalError> {
        let mut entries = VecDeque::new();
        self.indexed(|_| ())?;
        match &self.ground {
            Ground::Files(files) => {
                for segment in files.segments()? {
                    if filter.since.is_some_and(|since| ends_before(&segment, since)) {
                        continue;
                    }
                    let doing = JournalError::file("read", &segment.path);
                    let lines = BufReader::with_capacity(1 << 16, segment.file.take(segment.len));
                    self.collect(lines, filter, &mut entries).map_err(doing)?;
                }
            }
            Ground::Postgres(postgres) => {
                self.collect(postgres.rows(), filter, &mut entries).map_err(|error| JournalError::of_rows(error, &postgres.place()))?;
            }
        }
        Ok(entries.into())
    }

    fn collect(&self, lines: impl BufRead, filter: &Filter, entries: &mut VecDeque<Entry>) -> io::Result<()> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pieces = Pieces::new(lines);
        while let Some(piece) = pieces.next()? {
            let Some(Ok(line)) = piece.line.map(line::read) else { continue };
            if !filter.lets(&line.entry, &index) {
                continue;
            }
            entries.push_back(line.entry);
            if entries.len() > filter.limit {
                entries.pop_front();
            }
        }
        Ok(())
    }

    fn indexed<T>(&self, ask: impl FnOnce(&Index) -> T) -> Result<T, JournalError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.ground {
            Ground::Files(files) => index.refresh(files.segments()?)?,
            Ground::Postgres(postgres) => index.follow(|row| postgres.after(row))?,
        }
        Ok(ask(&index))
    }
}

impl Filter {
    fn lets(&self, entry: &Entry, index: &Index) -> bool {
        if self.since.is_some_and(|since| entry.at < since) {
            return false;
        }
        let wanted = |want: &Option<Clean>, is: Option<&Clean>| want.as_ref().is_none_or(|want| is == Some(want));
        let (environment, service) = match &entry.content {
            super::Content::Known(body) => body.about().or_else(|| index.ops.get(body.op()?).map(|op| (&op.intent.environment, &op.intent.service))),
            super::Content::Unknown { .. } => None,
        }
        .unzip();
        wanted(&self.environment, environment) && wanted(&self.service, service)
    }
}

/// Whether the last entry of a file is older: then all of it is.
fn ends_before(segment: &Segment, since: Timestamp) -> bool {
    tail::find(&segment.file, &segment.path).is_ok_and(|tail| tail.last.is_some_and(|last| last.entry.at < since))
}
