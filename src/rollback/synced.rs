//! Going back by a sync of the Argo CD application that made the workload: what it was synced to before stands among the workload's own
//! revisions, by time, and the operation is watched until it is over.
//!
//! A sync takes back all that the application made, and nothing here sees what its manifests say. So the workload's own revision, whose
//! pods were seen, is proposed, unless the application's history has a surer one. Either is drift for git.

use super::{Candidate, History, Target, run::Overtaken, target::target};
use crate::{
    domain::{Application, OpId, Phase, Subject},
    text::Clean,
};
use jiff::Timestamp;
use std::collections::VecDeque;

/// Puts what the application of `subject` was synced to among the revisions of the workload.
pub(super) fn through(found: &mut Target, subject: &Subject, now: Timestamp) {
    let Some(application) = &subject.application else { return };
    let theirs = target(&History { revisions: &application.revisions, records: &[], pods: &[] }, now);
    if theirs.candidates.is_empty() {
        return;
    }
    let proposed = match (found.chosen(), theirs.chosen()) {
        (Some(own), Some(theirs)) if theirs.class > own.class => Some(theirs),
        (None, Some(theirs)) => Some(theirs),
        (own, _) => own,
    };
    let wanted = proposed.map(|candidate| candidate.revision.id.clone());
    found.candidates = by_time(std::mem::take(&mut found.candidates), theirs.candidates);
    if let Some(at) = wanted.and_then(|id| found.candidates.iter().position(|candidate| candidate.revision.id == id)) {
        found.proposed = Ok(at);
    }
}

/// Both in their own order, the younger first: a sync ends after the revision that it brought was made.
fn by_time(own: Vec<Candidate>, theirs: Vec<Candidate>) -> Vec<Candidate> {
    let (mut own, mut theirs) = (VecDeque::from(own), VecDeque::from(theirs));
    let mut all = Vec::with_capacity(own.len() + theirs.len());
    while let (Some(one), Some(other)) = (own.front(), theirs.front()) {
        let next = if other.revision.created >= one.revision.created { theirs.pop_front() } else { own.pop_front() };
        all.extend(next);
    }
    all.extend(own.into_iter().chain(theirs));
    all
}

/// The operation of an application, as it was last read.
#[derive(Clone, Debug, PartialEq)]
pub struct Syncing {
    /// The operations of ours that it may be.
    ids: Vec<OpId>,
    /// How it stands.
    pub stands: Stands,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Stands {
    /// It is not over, in words.
    UnderWay(Clean),
    /// All is applied.
    Over,
    /// It failed, in words.
    Failed(Clean),
}

impl Syncing {
    pub const fn new(ids: Vec<OpId>) -> Self {
        Self { ids, stands: Stands::UnderWay(Clean::from_static("the application is being read")) }
    }

    /// Takes in what was read, and says whether somebody asked it for something else since.
    pub fn learn(&mut self, application: &Application) -> Option<Overtaken> {
        let Some(ours) = application.ours(&self.ids) else { return Some(Overtaken::Superseded) };
        self.stands = match ours.phase {
            Phase::Asked | Phase::Running => Stands::UnderWay(ours.words()),
            Phase::Succeeded => Stands::Over,
            Phase::Failed => Stands::Failed(ours.words()),
        };
        None
    }

    /// What is waited for, as long as it is not known what it brought.
    pub fn words(&self) -> Clean {
        match &self.stands {
            Stands::UnderWay(words) | Stands::Failed(words) => words.clone(),
            Stands::Over => Clean::from_static("it is synced; which template runs now is being read"),
        }
    }

    /// Why it can not recover the workload any more, where it failed.
    pub fn failed(&self) -> Option<Clean> {
        match &self.stands {
            Stands::Failed(words) => Some(crate::clean!("the sync was carried out in part or not at all, {words}")),
            Stands::UnderWay(_) | Stands::Over => None,
        }
    }
}

#[cfg(test)]
#[path = "synced_tests.rs"]
mod tests;
