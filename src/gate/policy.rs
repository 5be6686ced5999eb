//! What may be done in an environment, and what it takes.

use super::Demand;
use crate::domain::{Tier, Verb};
use jiff::Timestamp;

/// Which class of operations a verb belongs to: a production lock covers changes to what runs, not telling people that one is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Changes what runs.
    Change,
    /// Tells people something: acknowledgement, silence, note.
    Notice,
}

impl Class {
    /// The class of `verb`.
    pub const fn of(verb: Verb) -> Self {
        match verb {
            Verb::RollBack
            | Verb::Abort
            | Verb::Promote
            | Verb::PromoteFull
            | Verb::Retry
            | Verb::SwitchBack
            | Verb::SyncBack
            | Verb::DeletePod
            | Verb::Restart
            | Verb::Scale
            | Verb::Pause
            | Verb::Resume
            | Verb::Hold
            | Verb::Release
            | Verb::Rerun
            | Verb::RerunFailed
            | Verb::RerunJob
            | Verb::Cancel
            | Verb::ForceCancel
            | Verb::Approve
            | Verb::Reject
            | Verb::Play
            | Verb::Dispatch
            | Verb::Shell => Self::Change,
            Verb::Acknowledge | Verb::Silence => Self::Notice,
        }
    }
}

/// Three kinds of closed, of which two are ours: the third, `no rights`, is the server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// By policy; ctrl-o or `--write` opens it.
    Locked,
    /// By policy for good: `locked = true`.
    LockedForGood,
    /// By the flag `--read-only`.
    ReadOnly,
}

impl Closed {
    /// The word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Locked | Self::LockedForGood => "locked",
            Self::ReadOnly => "read-only",
        }
    }

    /// What happened and what to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Locked => "production starts locked: ctrl-o opens this environment for 15 minutes, or start with --write",
            Self::LockedForGood => "the configuration says locked = true for this environment: nothing opens it here",
            Self::ReadOnly => "this console was started with --read-only: nothing opens it",
        }
    }
}

/// How this console was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `--read-only`: nothing is ever changed.
    ReadOnly,
    /// Policy by tier.
    #[default]
    ByTier,
    /// `--write`: production does not start locked.
    Write,
}

/// What may be done in one environment at this moment. The strictest of flag, configuration and tier holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How this console was started.
    pub mode: Mode,
    /// The environment's tier.
    pub tier: Tier,
    /// `locked = true` in the configuration.
    pub locked: bool,
    /// Opened with ctrl-o, until then.
    pub open_until: Option<Timestamp>,
    /// The connection can not be trusted for writing (TLS is not verified and the environment does not allow that).
    pub distrusted: bool,
}

impl Policy {
    /// Why `verb` may not be done now, if it may not.
    pub fn closed(&self, verb: Verb, now: Timestamp) -> Option<Closed> {
        if self.mode == Mode::ReadOnly {
            return Some(Closed::ReadOnly);
        }
        if Class::of(verb) == Class::Notice {
            return None;
        }
        if self.locked || self.distrusted {
            return Some(Closed::LockedForGood);
        }
        let open = self.mode == Mode::Write || self.open_until.is_some_and(|until| now < until);
        (self.tier == Tier::Production && !open).then_some(Closed::Locked)
    }

    /// Whether the environment may be opened for a while from the console.
    pub fn can_open(&self) -> bool {
        self.mode != Mode::ReadOnly && !self.locked && !self.distrusted
    }

    /// What a person must type before a change in this tier.
    pub fn demand(&self, verb: Verb, service: &str) -> Demand {
        if verb == Verb::Shell {
            return Demand::Enter;
        }
        match (Class::of(verb), self.tier) {
            (Class::Notice, _) | (Class::Change, Tier::Development | Tier::Testing) => Demand::Enter,
            (Class::Change, Tier::Staging) => Demand::Yes,
            (Class::Change, Tier::Production) => Demand::NameAndReason(service.to_owned()),
        }
    }
}
