//! The journal as the ledger that a warrant demands.

use super::{
    Journal,
    entry::{Body, Ends, Intent, Origin, Rev, Stood, Subject, Who},
    error::JournalError,
    wire::Exact,
};
use crate::{
    domain::{Operation, RevisionRef, Tier},
    gate::{Confirmation, Ledger},
    text::Clean,
};
use jiff::Timestamp;

/// What an intent says beyond its operation: the plan that the operator confirmed.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// The whole plan in a sentence.
    pub plan: Clean,
    /// Where.
    pub environment: Clean,
    /// How strict that is.
    pub tier: Tier,
    /// Of which service.
    pub service: Clean,
    /// The revision that runs, and its images by digest.
    pub running: Option<(RevisionRef, Vec<Clean>)>,
    /// The target's images by digest.
    pub images: Vec<Clean>,
    /// [`Journal::keyed_hash`] of the request's parameters.
    pub params_hash: Clean,
    /// Which step this is, from 1.
    pub step: u32,
    /// How many there are.
    pub steps: u32,
    /// The command that would do the same by hand.
    pub command: Clean,
    /// What ends the operation.
    pub ends: Ends,
    /// How it stands, where a verdict is owed.
    pub stood: Option<Stood>,
}

/// A journal opened at one confirmed step: [`crate::gate::OnDisk::write`] takes it and gives the proof.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Where it is written.
    pub journal: &'a Journal,
    /// By whom.
    pub who: &'a Who,
    /// What was confirmed.
    pub confirmed: &'a Confirmed,
}

impl Ledger for Page<'_> {
    type Error = JournalError;

    fn intend(&self, operation: &Operation, confirmation: &Confirmation, at: Timestamp) -> Result<(u64, String), JournalError> {
        let body = Body::Intent(Box::new(self.confirmed.intent(operation, confirmation)));
        let written = self.journal.append(at, self.who, &body)?;
        Ok((written.seq(), written.hash().to_owned()))
    }
}

impl Confirmed {
    fn intent(&self, operation: &Operation, confirmation: &Confirmation) -> Intent {
        let from = &operation.from;
        Intent {
            op: operation.id.clone(),
            plan: self.plan.clone(),
            environment: self.environment.clone(),
            tier: Clean::from_static(tier(self.tier)),
            service: self.service.clone(),
            subject: Subject { id: Exact::new(operation.subject.as_str()), uid: Exact::from(&from.uid), title: operation.title.clone() },
            verb: Clean::from_static(operation.verb.words()),
            from: Origin {
                uid: Exact::from(&from.uid),
                template: Exact::from(&from.template),
                paused: from.paused,
                revision: self.running.as_ref().map(|(revision, images)| rev(revision, images)),
            },
            to: operation.to.as_ref().map(|revision| rev(revision, &self.images)),
            reason: confirmation.reason().clone(),
            confirmation: Clean::from_static(confirmation.kind()),
            params_hash: self.params_hash.clone(),
            step: self.step,
            steps: self.steps,
            command: self.command.clone(),
            ends: self.ends,
            stood: self.stood.clone(),
        }
    }
}

fn rev(revision: &RevisionRef, images: &[Clean]) -> Rev {
    Rev { number: revision.number, template: Exact::from(&revision.template), version: revision.version.0.clone(), images: images.to_vec() }
}

const fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Development => "development",
        Tier::Testing => "testing",
        Tier::Staging => "staging",
        Tier::Production => "production",
    }
}
