//! What is checked before a change, and what came of it.

use crate::text::Clean;

/// What is checked before a rollback (rollback procedure, step 3). The order is the order on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckKind {
    /// Whether we may do it.
    Rights,
    /// Whether the program that carries it out is there.
    Program,
    /// Whether the run behind it can be run again.
    Pipeline,
    /// Whether it is paused, or another change is under way.
    Paused,
    /// Whether a person, or a clock, is asked on the way.
    Approval,
    /// Whether a controller above would change it back.
    Owner,
    /// Whether the one pod that is to go is as it was seen.
    Pod,
    /// Whether whole objects, or what a pod holds, are lost with it.
    Deletion,
    /// Whether the image is still there, and still the same.
    Image,
    /// Whether the ConfigMaps, Secrets, volumes and accounts it names are still there.
    References,
    /// Autoscaler and disruption budget.
    Scaling,
    /// Whether there is room: quota.
    Quota,
    /// Whether the kind has a trap of its own (OrderedReady, OnDelete, partition).
    Strategy,
    /// Whether programs run with it.
    Hooks,
    /// Whether a schema was migrated since.
    Migration,
    /// Whether a mesh or canary controller owns the traffic.
    Traffic,
    /// Whether the next `kubectl apply` will merge wrongly.
    LastApplied,
    /// Whether the failure comes from elsewhere: a shared cause, or nothing that changed here.
    Cause,
    /// What the server says to the very request, without carrying it out.
    DryRun,
}

impl CheckKind {
    /// One word or two.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rights => "rights",
            Self::Program => "program",
            Self::Pipeline => "pipeline",
            Self::Paused => "paused",
            Self::Approval => "approval",
            Self::Owner => "owner",
            Self::Pod => "pod",
            Self::Deletion => "deletes",
            Self::Image => "image",
            Self::References => "references",
            Self::Scaling => "scaling",
            Self::Quota => "quota",
            Self::Strategy => "strategy",
            Self::Hooks => "hooks",
            Self::Migration => "migration",
            Self::Traffic => "traffic",
            Self::LastApplied => "last applied",
            Self::Cause => "cause",
            Self::DryRun => "dry run",
        }
    }

    /// Nothing is in the way.
    pub fn ok(self, sentence: impl Into<Clean>) -> Finding {
        self.found(Outcome::Ok, sentence.into(), None)
    }

    /// It could not be found out.
    pub fn unknown(self, sentence: impl Into<Clean>) -> Finding {
        self.found(Outcome::Unknown, sentence.into(), None)
    }

    /// It could not be found out, because it could not be asked.
    pub fn failed(self, error: &impl std::fmt::Display) -> Finding {
        self.unknown(crate::clean!("{error}"))
    }

    /// Something to know, and what to do about it.
    pub fn warn(self, sentence: impl Into<Clean>, remedy: Option<Clean>) -> Finding {
        self.found(Outcome::Warn, sentence.into(), remedy)
    }

    /// It must not be done like this, and what to do instead.
    pub fn block(self, sentence: impl Into<Clean>, remedy: Option<Clean>) -> Finding {
        self.found(Outcome::Block, sentence.into(), remedy)
    }

    const fn found(self, outcome: Outcome, sentence: Clean, remedy: Option<Clean>) -> Finding {
        Finding { kind: self, outcome, sentence, remedy }
    }
}

/// What came of a check. Unknown is an answer, and is shown as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Nothing in the way.
    Ok,
    /// It could not be found out.
    Unknown,
    /// Something to know before going on.
    Warn,
    /// It must not be done like this.
    Block,
}

/// One check that has been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub kind: CheckKind,
    /// What came of it.
    pub outcome: Outcome,
    /// One sentence.
    pub sentence: Clean,
    /// What to do about it, where there is something: a command, a key.
    pub remedy: Option<Clean>,
}

/// What a source tells while it prepares a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// These will be made; those that do not come within the deadline are unknown.
    Expect(Vec<CheckKind>),
    /// One is made.
    Made(Finding),
    /// The command that does the same by hand.
    Command(Clean),
}
