//! What happens to the console: keys, facts and answers, each with the time at which it arrived.

use super::dialog::DialogId;
use crate::{
    domain::{Answer, Check, Fact, Feed, Id, Link, Program, RevisionRef, Seen, SourceId, Stage, TaskId, Why, Workload},
    keys::Key,
    rollback,
    text::Clean,
};
use jiff::Timestamp;
use std::time::Duration;

/// One instant, on both clocks: the wall's, for people, and the monotonic one, for deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// What the wall says.
    pub wall: Timestamp,
    /// Since the console began.
    pub mono: Duration,
}

/// Cells of the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted: it never confirms anything.
    Paste(String),
    /// The terminal has another size.
    Resize(Size),
    /// Time has passed.
    Tick,
    /// Facts of one feed, in order.
    Facts(SourceId, Feed, Vec<Fact>),
    /// Log lines that had to be dropped before they arrived here.
    Dropped(SourceId, Feed, u64),
    /// How a feed stands.
    Link(SourceId, Feed, Link),
    /// A source that is there, with the words that list it where it is not dialled.
    Known(SourceId, Result<Known, Why>),
    /// Operations that the journal has as begun and not ended.
    Open(Vec<OpenOperation>),
    /// What the journal remembers of a workload's revisions, or why it can not be told.
    Remembered(Id<Workload>, Result<Vec<rollback::Record>, Clean>),
    /// The dialog was painted, and what was typed before that was dropped: from now on it can be confirmed.
    Painted(DialogId),
    /// What a source answered.
    Answer(TaskId, Result<Box<Answer>, Why>),
    /// A check that was made; none: no more will come.
    Check(TaskId, Option<Result<Check, Why>>),
    /// The intent is on disk under this number, or why it could not be written (nothing was sent).
    Recorded(TaskId, Result<u64, Clean>),
    /// How far an operation is.
    Stage(TaskId, Stage),
    /// It is written down that somebody goes into a container: the program that does, or why it was not begun.
    Lend(Result<Program, Clean>),
    /// The program that had the terminal has ended, with its exit code where it has one, or it could not be started.
    Back(Program, Result<Option<i32>, Clean>),
    /// What a side task has to say: a copy that was sent, a file that was saved.
    Told(Result<Clean, Clean>),
}

/// A source that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is dialled when something of it is wanted.
    Ready(crate::domain::Offers),
    /// It is listed, with a word about it; a key connects it.
    Listed(Clean),
    /// It is looked for where it usually is.
    Sought,
    /// It was looked for and is not there; the words say what to do.
    Absent(Clean),
}

/// An operation that was begun and not ended, as the journal has it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOperation {
    /// Which.
    pub operation: crate::domain::OpId,
    /// In words: `cart in production: 2.8.0 → 2.7.3`.
    pub title: Clean,
    /// What was done: `roll back`.
    pub verb: Clean,
    /// The subject's identity.
    pub subject: Id<Workload>,
    /// What the operator saw.
    pub from: Seen,
    /// Where it went, for a rollback.
    pub to: Option<RevisionRef>,
    /// The revision that it left, for a rollback.
    pub left: Option<RevisionRef>,
    /// How it stood then, for a rollback.
    pub before: Option<Box<super::Before>>,
    /// Why.
    pub reason: Clean,
    /// The number of the journal's entry that holds the intent.
    pub entry: u64,
    /// Since when.
    pub since: Timestamp,
    /// The server's yes is in the journal: only what came of it is not.
    pub accepted: bool,
    /// The console that began it still lives, and where.
    pub alive: Option<Clean>,
}
