//! The matters of a verification, how each stands, and what came of all.

use crate::{rollback::ProofState, text::Clean};

/// What is expected to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The version; any where none is said.
    pub version: Option<Clean>,
    /// The image's digest, or its beginning.
    pub digest: Option<Clean>,
}

/// What is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// The expected version is the newest.
    Version,
    /// The rollout is complete and its pods stay ready.
    Pods,
    /// They run one image, the expected one.
    Digest,
    /// They do not restart.
    Restarts,
    /// Errors are inside the limit.
    Errors,
    /// Latency is inside the limit.
    Latency,
    /// Smoke requests succeed.
    Smoke,
    /// The run that shipped it passed its gates.
    Gates,
    /// No alert about the service.
    Alerts,
}

impl Matter {
    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Pods => "pods",
            Self::Digest => "digest",
            Self::Restarts => "restarts",
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Smoke => "smoke",
            Self::Gates => "gates",
            Self::Alerts => "alerts",
        }
    }
}

/// How one matter stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Of what.
    pub matter: Matter,
    /// How it stands. `NotAsked`: nobody measures it.
    pub state: ProofState,
    /// What was seen.
    pub text: Clean,
}

pub(super) fn point(matter: Matter, state: ProofState, text: impl Into<Clean>) -> Point {
    Point { matter, state, text: text.into() }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// All that is measured is good.
    Yes {
        /// What nobody measures.
        unmeasured: Vec<&'static str>,
    },
    /// Something is not.
    No {
        /// What.
        why: Clean,
    },
    /// Something should be measured and is not.
    CouldNotTell {
        /// What.
        why: Clean,
    },
}

impl Verified {
    /// The words on screen.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Yes { .. } => "VERIFIED",
            Self::No { .. } => "NOT VERIFIED",
            Self::CouldNotTell { .. } => "COULD NOT TELL",
        }
    }

    /// What goes with it.
    pub fn detail(&self) -> Clean {
        match self {
            Self::Yes { unmeasured } if unmeasured.is_empty() => Clean::EMPTY,
            Self::Yes { unmeasured } => crate::clean!("nobody measures: {}", unmeasured.join(", ")),
            Self::No { why } | Self::CouldNotTell { why } => why.clone(),
        }
    }
}
