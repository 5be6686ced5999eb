//! A Helm release: what it stands for, and how it stands.

use super::{RevisionRef, Seen, Subject};
use crate::text::{Clean, Name, Raw};
use jiff::Timestamp;

/// How the newest revision of a release stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseState {
    /// It is what the release is.
    Deployed,
    /// Somebody is at work on it, or went away in the middle.
    Pending {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// It failed, or is otherwise not what the release should be.
    Other,
}

/// The Helm release through which a workload is taken back, with all else that it installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: Name,
    /// The namespace that keeps its records.
    pub namespace: Name,
    /// The number of its newest revision.
    pub revision: u64,
    /// The status of that, in Helm's word.
    pub status: Clean,
    /// The same for decisions.
    pub state: ReleaseState,
    /// The revision that the newest one went back to, where it was a rollback.
    pub back_to: Option<u64>,
    /// What a rollback must still find: the newest record, its manifest and status, and the workload's own template.
    pub seen: Seen,
    /// The controller's hash of the template that runs, once it is the one of the newest revision; empty before.
    pub template: Raw,
}

impl Release {
    /// `r5 of Helm release shop is pending-rollback`.
    pub fn words(&self) -> Clean {
        crate::clean!("r{} of Helm release {} is {}", self.revision, self.name, self.status)
    }
}

impl Subject {
    /// What a rollback of it must still find.
    pub fn from(&self) -> &Seen {
        self.release.as_ref().map_or(&self.seen, |release| &release.seen)
    }

    /// Whether its release went back to `goal` since it was as in `from`.
    pub fn went_back(&self, goal: &RevisionRef, from: &Seen) -> bool {
        let there = |release: &Release| release.state == ReleaseState::Deployed && release.back_to == Some(goal.number) && release.seen.uid != from.uid;
        self.release.as_ref().is_some_and(there)
    }
}
