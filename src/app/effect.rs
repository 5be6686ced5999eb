//! What the console wants done outside of itself. The runtime carries it out.

use crate::{
    domain::{Id, Operation, Pod, Program, Question, RevisionRef, SourceId, TaskId, Tier, Workload},
    gate::{Confirmation, Policy},
    rollback::{AlertRef, Baseline},
    text::{Clean, Name, Raw},
};
use jiff::{SignedDuration, Timestamp};

/// What a person confirmed, as the journal keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Intended {
    /// The whole plan in a sentence.
    pub plan: Clean,
    /// Where.
    pub environment: Name,
    /// How strict that is.
    pub tier: Tier,
    /// Of which service.
    pub service: Name,
    /// The revision that is left.
    pub running: Option<RevisionRef>,
    /// The images that come back.
    pub images: Vec<Clean>,
    /// The command that does the same by hand.
    pub command: Clean,
    /// How it stands, where a verdict is owed: whoever gives it must know.
    pub before: Option<Box<Before>>,
}

/// How a workload stood when its rollback was confirmed.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// What was bad.
    pub baseline: Baseline,
    /// The alert that started it.
    pub alert: Option<AlertRef>,
}

/// A container that somebody goes into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The pod.
    pub pod: Id<Pod>,
    /// The container.
    pub container: Raw,
    /// The environment.
    pub environment: Name,
    /// The service.
    pub service: Name,
    /// In words: `shop/cart-6b9d-x7k2p cart`.
    pub target: Clean,
}

/// A wish to the world outside.
#[derive(Debug)]
pub enum Effect {
    /// Put a question to a source.
    Ask {
        /// Whose answer it will be.
        task: TaskId,
        /// To whom.
        source: SourceId,
        /// What.
        question: Question,
    },
    /// Find out what a change would do.
    Prepare {
        /// Whose checks these will be.
        task: TaskId,
        /// To whom.
        source: SourceId,
        /// Which change.
        operation: Operation,
    },
    /// Carry a confirmed change out, once: write the intent, mint the warrant, send.
    Act {
        /// Whose stages these will be.
        task: TaskId,
        /// To whom.
        source: SourceId,
        /// Which change.
        operation: Box<Operation>,
        /// How it was confirmed.
        confirmation: Confirmation,
        /// What holds in its environment.
        policy: Policy,
        /// What was confirmed, for the journal.
        intended: Box<Intended>,
        /// When it was confirmed: by this clock an environment is open.
        at: Timestamp,
    },
    /// Find out what the journal remembers of a workload's revisions.
    Remember(Id<Workload>),
    /// Read from the journal what was begun and not ended.
    LookBack,
    /// Dial a source that is only listed.
    Connect(SourceId),
    /// Skip the wait of everything that is down, and ask again what is polled.
    Refresh,
    /// Write something into the journal that is not a change: a verdict, a note, what was seen.
    Record(Record),
    /// Put lines of text into the terminal's clipboard.
    Copy(Vec<Clean>),
    /// Save text to a file in the state directory.
    Save {
        /// What the file is about: it becomes part of its name.
        name: Clean,
        /// Its lines.
        lines: Vec<Clean>,
    },
    /// Tell a person who looks elsewhere: bell, or the terminal's notification.
    Notify(Clean),
    /// Paint everything anew.
    Redraw,
    /// Write down that somebody goes into a container, and find the program that does.
    Shell {
        /// Into which.
        into: Box<Door>,
        /// What holds in its environment.
        policy: Policy,
    },
    /// Give the terminal to a program until that has ended.
    Lend(Program),
    /// Give the terminal back to the shell until it brings us back.
    Suspend,
    /// Leave, with this exit code.
    Quit(u8),
}

/// What became of a request whose answer nobody has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It was carried out.
    Done,
    /// It was not.
    Not,
    /// Somebody else changed the object since, so that the object does not tell.
    Superseded,
}

/// An entry of the journal that is not an intent.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// What came of an operation in the end.
    Verdict {
        /// Which operation.
        operation: crate::domain::OpId,
        /// `RECOVERED`, `NOT RECOVERED`, `WORSE`, `COULD NOT TELL`.
        verdict: Clean,
        /// How long it took, in milliseconds.
        took: u64,
        /// Its proofs, a line each.
        proofs: Vec<Clean>,
    },
    /// This process goes on with an operation that another left.
    Taken(crate::domain::OpId),
    /// Reading the world settled whether a lost answer was a yes.
    Settled {
        /// Which operation.
        operation: crate::domain::OpId,
        /// What became of it.
        came: Came,
        /// What was read.
        detail: Clean,
    },
    /// A revision was seen fully available.
    Observed {
        /// Where.
        environment: Name,
        /// Of which service.
        service: Name,
        /// The workload.
        workload: String,
        /// The back end's hash of its template.
        template: Raw,
        /// Since when.
        since: Timestamp,
        /// For how long by now.
        held: SignedDuration,
    },
    /// What a person noted.
    Note(Clean),
    /// Somebody goes into a container.
    Shell {
        /// Into which.
        into: Door,
        /// The command.
        command: Clean,
    },
}
