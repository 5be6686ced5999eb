//! What ran, and what is known of its health.

use super::{Id, Image, Outline, Replicas, Version, Workload};
use crate::text::{Clean, Raw};
use jiff::{SignedDuration, Timestamp};

/// One revision of a workload. Its identity is the template, not the number: numbers change on an undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its identity.
    pub id: Id<Revision>,
    /// What it is a revision of.
    pub workload: Id<Workload>,
    /// Its number now; 0 where the back end numbers none.
    pub number: u64,
    /// The back end's hash of its template (`pod-template-hash`, `controller-revision-hash`).
    pub template: Raw,
    /// Its images, the main container first.
    pub images: Box<[Image]>,
    /// What people call it.
    pub version: Version,
    /// How many pods it has. `wanted` is what it is scaled to.
    pub replicas: Replicas,
    /// Whether it is the newest specification.
    pub current: bool,
    /// When it was first created. A revision that is taken up again keeps its old time.
    pub created: Option<Timestamp>,
    /// Why it was made, where somebody said so (`kubernetes.io/change-cause`).
    pub cause: Option<Clean>,
    /// What speaks for and against its health.
    pub evidence: Vec<Evidence>,
    /// Its template leaf by leaf, secrets masked; empty in a watch, filled in an answer.
    pub outline: Outline,
}

impl Revision {
    /// How a revision is always written: `r41`, or in a word where the back end numbers none.
    pub fn short(&self) -> Clean {
        match (self.number, self.current) {
            (0, true) => Clean::from_static("newest"),
            (0, false) => Clean::from_static("previous"),
            (number, _) => crate::clean!("r{number}"),
        }
    }
}

/// Enough to name a revision in an operation or a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionRef {
    /// Its identity.
    pub id: Id<Revision>,
    /// Its number when it was chosen.
    pub number: u64,
    /// The back end's hash of its template.
    pub template: Raw,
    /// What people call it.
    pub version: Version,
}

/// What is known of a revision's health, for and against (rollback procedure, step 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Its pods are available now.
    ServingNow {
        /// Available pods of this revision.
        ready: u32,
        /// Pods that the workload wants.
        wanted: u32,
    },
    /// Its pods are ready, and nothing leads to them.
    StandsReady {
        /// Ready pods.
        ready: u32,
        /// Pods that it asks for.
        wanted: u32,
        /// Until when the traffic was led there, where it was.
        until: Option<Timestamp>,
    },
    /// This console, or another that shares the journal, saw it fully available.
    SeenHealthy {
        /// For how long.
        held: SignedDuration,
        /// The last time.
        until: Timestamp,
    },
    /// Metrics remember it ready, with errors inside the limit.
    Measured {
        /// Where the measure came from.
        by: Clean,
        /// In words: `3 of 3 ready for 2 d, errors 0.2 %`.
        what: Clean,
    },
    /// A deployment record says that it succeeded.
    Deployed {
        /// Who says so.
        by: Clean,
    },
    /// It stayed current for this long.
    Served {
        /// From its creation to the next one's.
        held: SignedDuration,
    },
    /// An alert about its service fired while it was current.
    AlertFired {
        /// The alert's name.
        alert: Clean,
    },
    /// Somebody rolled back from it.
    RolledBackFrom {
        /// When.
        at: Timestamp,
    },
    /// A deployment record says that it failed, or never ended.
    Failed {
        /// Who says so.
        by: Clean,
        /// What it says.
        why: Clean,
    },
    /// No pod of it was ever available, as far as can be seen.
    NeverAvailable {
        /// What its pods said: `exit 1`, `ErrImagePull`.
        why: Clean,
    },
}
