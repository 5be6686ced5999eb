//! One change to the world.

use super::{Given, Id, RevisionRef, Workload};
use crate::text::{Clean, Raw};
use std::fmt;

/// What can be done to something. The same word in the keymap, the footer and the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Back to an earlier revision.
    RollBack,
    /// Back to the stable revision while the newest is still being rolled out step by step; the specification stays.
    Abort,
    /// On from the pause at which a rollout that goes step by step waits.
    Promote,
    /// Past all steps that are left of such a rollout.
    PromoteFull,
    /// Forward again to the newest revision, which was given up on.
    Retry,
    /// Traffic back to another workload that stands ready beside the one that serves; neither of them is changed.
    SwitchBack,
    /// What an Argo CD application made, all of it, back to what the application was synced to before.
    SyncBack,
    /// Delete the one pod that a StatefulSet waits for in vain, so that it is made anew from the newest revision.
    DeletePod,
    /// Replace all pods by new ones of the same revision.
    Restart,
    /// Another number of replicas.
    Scale,
    /// Stop rolling out.
    Pause,
    /// Go on rolling out.
    Resume,
    /// Stop the controller above from changing it back.
    Hold,
    /// Let that controller go on.
    Release,
    /// Tell people that somebody is on it.
    Acknowledge,
    /// Keep an alert quiet for a while.
    Silence,
    /// Run all of it again.
    Rerun,
    /// Run again what failed, and what waited for that.
    RerunFailed,
    /// Run one job of it again.
    RerunJob,
    /// Stop it; what must be done at its end is still done.
    Cancel,
    /// Stop it at once.
    ForceCancel,
    /// Let it go on where it waits for a person.
    Approve,
    /// Do not let it go on.
    Reject,
    /// Begin a job that waits for a person.
    Play,
    /// Start a run of its own, with inputs.
    Dispatch,
    /// Go into a container: what is done there nobody here can see.
    Shell,
}

impl Verb {
    /// All of them.
    const ALL: [Self; 26] = [
        Self::RollBack,
        Self::Abort,
        Self::SwitchBack,
        Self::SyncBack,
        Self::Promote,
        Self::PromoteFull,
        Self::Retry,
        Self::DeletePod,
        Self::Restart,
        Self::Scale,
        Self::Pause,
        Self::Resume,
        Self::Hold,
        Self::Release,
        Self::Acknowledge,
        Self::Silence,
        Self::Rerun,
        Self::RerunFailed,
        Self::RerunJob,
        Self::Cancel,
        Self::ForceCancel,
        Self::Approve,
        Self::Reject,
        Self::Play,
        Self::Dispatch,
        Self::Shell,
    ];

    /// Whether it takes a release back, and owes a verdict.
    pub const fn takes_back(self) -> bool {
        matches!(self, Self::RollBack | Self::Abort | Self::SwitchBack | Self::SyncBack)
    }

    /// Whether it changes the workload, or the release that it is a part of, and not what leads to it or stands above it.
    pub const fn of_the_workload(self) -> bool {
        !matches!(self, Self::SwitchBack | Self::SyncBack | Self::Hold | Self::Release)
    }

    /// Whether it is done to a run of a CI, or to a job of one.
    pub const fn of_a_run(self) -> bool {
        matches!(
            self,
            Self::Rerun | Self::RerunFailed | Self::RerunJob | Self::Cancel | Self::ForceCancel | Self::Approve | Self::Reject | Self::Play | Self::Dispatch
        )
    }

    /// The one whose words these are, as a journal has them.
    pub fn named(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.words() == words)
    }

    /// The one that takes a release back whose words these are.
    pub fn back(words: &str) -> Option<Self> {
        Self::named(words).filter(|verb| verb.takes_back())
    }

    /// As in a sentence: `roll back`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RollBack => "roll back",
            Self::Abort => "abort",
            Self::Promote => "promote",
            Self::PromoteFull => "promote in full",
            Self::Retry => "retry",
            Self::SwitchBack => "switch back",
            Self::SyncBack => "sync back",
            Self::DeletePod => "delete a pod of",
            Self::Restart => "restart",
            Self::Scale => "scale",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Hold => "hold off",
            Self::Release => "let go",
            Self::Acknowledge => "acknowledge",
            Self::Silence => "silence",
            Self::Rerun => "rerun",
            Self::RerunFailed => "rerun what failed of",
            Self::RerunJob => "rerun the job",
            Self::Cancel => "cancel",
            Self::ForceCancel => "force-cancel",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Play => "play",
            Self::Dispatch => "dispatch",
            Self::Shell => "open a shell in",
        }
    }
}

/// The identity of an operation, unique over consoles: a session and a counter, as in `7f3a-2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(Clean);

impl OpId {
    /// The operation that `session` numbers `count`.
    pub fn new(session: &str, count: u64) -> Self {
        Self(crate::clean!("{session}-{count}"))
    }

    /// An identity read back from a journal.
    pub fn restore(text: &str) -> Self {
        Self(Clean::from_untrusted(text))
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The session that numbers it.
    pub fn session(&self) -> &str {
        self.0.rsplit_once('-').map_or(&self.0, |(session, _)| session)
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which asynchronous answer belongs to which question: an answer to one that is gone is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

/// What the operator saw when deciding. A world that no longer looks like this answers `Conflict`.
///
/// Not the resourceVersion, which every status write moves: a crash-looping Deployment would conflict with itself while somebody types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The object's uid.
    pub uid: Raw,
    /// A hash of its raw template: SHA-256 in hex over the canonical JSON. Of a Rollout also how far it was: which revision is stable, and
    /// whether the newest was given up on.
    pub template: Raw,
    /// Whether it was paused.
    pub paused: bool,
}

/// Another number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// What the operator saw. Another number by now is a world that moved on.
    pub from: u32,
    /// What is wanted.
    pub to: u32,
}

/// One request, or one indivisible step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its identity, which also marks the changed object.
    pub id: OpId,
    /// What to do.
    pub verb: Verb,
    /// To what: a workload, or by its own identity a run.
    pub subject: Id<Workload>,
    /// The subject in words: `cart in production`.
    pub title: Clean,
    /// What the operator saw.
    pub from: Seen,
    /// Where to, for a rollback.
    pub to: Option<RevisionRef>,
    /// How many, for another number of replicas.
    pub scaling: Option<Scaling>,
    /// With what, for a start.
    pub inputs: Vec<Given>,
    /// Why.
    pub reason: Clean,
    /// Who, as the journal has it.
    pub by: Clean,
}

/// What a source tells while it carries an operation out. The last one is `Accepted`, `Conflict`, `Refused`, `Failed` or `Unclear`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The object was read again and still is what the operator saw; the request leaves now.
    Sending,
    /// One of several requests is under way: what is done, and what is waited for. Told again while it takes long.
    Working {
        /// What.
        what: Clean,
    },
    /// The server accepted the one request, or all of them.
    Accepted {
        /// The server's name for the request (`Audit-Id`), for its own log.
        request: Option<Clean>,
        /// Warnings that the server sent along.
        warnings: Vec<Clean>,
        /// The revision that runs it now, where it is known already.
        revision: Option<u64>,
        /// The generation that the controller must have observed.
        generation: Option<i64>,
    },
    /// The world has moved on; nothing was changed.
    Conflict {
        /// What changed, and who changed it.
        what: Clean,
        /// Whether what the operator saw is still so, and only the version moved: one Enter sends it again.
        same: bool,
    },
    /// The server refused it; nothing was changed.
    Refused {
        /// What it said.
        why: Clean,
    },
    /// It was begun and failed: what was done is taken back again, or the words say what is left.
    Failed {
        /// What failed, and what runs now.
        why: Clean,
    },
    /// The answer was lost: it may have happened. The world must be read; nothing is sent again.
    Unclear {
        /// What broke.
        why: Clean,
    },
}

impl Stage {
    /// The same without what is secret of `given`: whoever refuses a value may say it again.
    #[must_use]
    pub fn without(self, given: &[Given]) -> Self {
        // One may be a part of another.
        let mut given: Vec<&Given> = given.iter().collect();
        given.sort_by_key(|one| std::cmp::Reverse(one.value.expose().len()));
        let masked = |words: Clean| given.iter().fold(words, |words, one| one.masked_in(words));
        match self {
            Self::Accepted { request, warnings, revision, generation } => {
                Self::Accepted { request, warnings: warnings.into_iter().map(masked).collect(), revision, generation }
            }
            Self::Conflict { what, same } => Self::Conflict { what: masked(what), same },
            Self::Refused { why } => Self::Refused { why: masked(why) },
            Self::Failed { why } => Self::Failed { why: masked(why) },
            Self::Unclear { why } => Self::Unclear { why: masked(why) },
            Self::Sending | Self::Working { .. } => self,
        }
    }
}
