//! An Argo CD application: what it was synced to, and how its last operation stands.

use super::{Id, OpId, Revision, Seen, Subject};
use crate::text::{Clean, Name, Raw};

/// The Argo CD application that made a workload, by which it can be synced back together with all else that it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub name: Name,
    /// What a sync must still find: its history, its last operation, and the workload's own template.
    pub seen: Seen,
    /// What it was synced to, newest first; the one that it is at now is `current`. They are told by what the source was, not by what the
    /// manifests said: those stay in git.
    pub revisions: Vec<Revision>,
    /// The operation that is under way, or was the last.
    pub operation: Option<Synced>,
    /// The controller's hash of the workload's template, read after the operation; empty where its controller has not looked at it yet.
    pub template: Raw,
}

/// An operation of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The operation of ours that it is; none where somebody else asked for it.
    pub mark: Option<Clean>,
    /// Who asked for it.
    pub by: Clean,
    /// How it stands.
    pub phase: Phase,
    /// What Argo CD says of it.
    pub says: Clean,
}

/// How an operation of an application stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It was asked for, and Argo CD has not begun.
    Asked,
    /// Argo CD works on it.
    Running,
    /// All that it applies is applied.
    Succeeded,
    /// It failed, or could not be begun: a part of it may be applied.
    Failed,
}

impl Synced {
    /// Whether it is one of these.
    pub fn ours<'a>(&self, ids: impl IntoIterator<Item = &'a OpId>) -> bool {
        self.mark.as_ref().is_some_and(|mark| ids.into_iter().any(|id| id.as_str() == mark.as_str()))
    }

    /// Whether nothing else can be begun meanwhile.
    pub const fn under_way(&self) -> bool {
        matches!(self.phase, Phase::Asked | Phase::Running)
    }

    /// `it failed: one object is invalid`.
    pub fn words(&self) -> Clean {
        let stands = match self.phase {
            Phase::Asked => "Argo CD has not begun with it",
            Phase::Running => "Argo CD works on it",
            Phase::Succeeded => "it is synced",
            Phase::Failed => "it failed",
        };
        if self.says.is_empty() || self.phase == Phase::Succeeded { Clean::from_static(stands) } else { crate::clean!("{stands}: {}", self.says) }
    }
}

impl Application {
    /// What it is synced to now, or was to be last.
    pub fn current(&self) -> Option<&Revision> {
        self.revisions.iter().find(|revision| revision.current)
    }

    /// Its operation, where that is one of these.
    pub fn ours<'a>(&self, ids: impl IntoIterator<Item = &'a OpId>) -> Option<&Synced> {
        self.operation.as_ref().filter(|operation| operation.ours(ids))
    }
}

impl Subject {
    /// The application of which this is a revision; none where it is one of the workload itself.
    pub fn synced_to(&self, revision: &Id<Revision>) -> Option<&Application> {
        self.application.as_ref().filter(|application| application.revisions.iter().any(|one| one.id == *revision))
    }
}
