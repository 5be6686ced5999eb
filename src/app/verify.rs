//! Verifications: releases that are watched until it is known whether they are in and well.

use super::{App, Effect, tasks::Purpose};
use crate::{
    domain::{Answer, Feed, Id, Question, Scope, SourceId, TaskId, Why, Workload},
    rollback::{Ask, Case, Expected, Timing, Verification},
    text::Clean,
};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// One of them, and the answers that it waits for.
#[derive(Debug)]
pub struct Verifying {
    /// How it stands.
    pub verification: Verification,
    asked: BTreeMap<TaskId, Question>,
}

impl App {
    /// Begins to verify a workload; the release is waited for at most `within`.
    pub fn verify(&mut self, workload: &Id<Workload>, expected: Expected, within: SignedDuration) -> Result<(), Clean> {
        let (steady, timing) = (self.steady(), Timing { deadline: within, ..self.timing() });
        let case = Case::of(&self.store, workload, &timing, steady).ok_or(Clean::from_static("this workload is gone"))?;
        self.verifying.push(Verifying { verification: Verification::new(case, expected, timing, steady), asked: BTreeMap::new() });
        Ok(())
    }

    /// Whether something is still being verified.
    pub(super) fn verifies(&self) -> bool {
        self.verifying.iter().any(|one| one.verification.verdict.is_none())
    }

    /// The feeds that verifications rest on.
    pub(super) fn want_verifying(&self, wanted: &mut BTreeSet<(SourceId, Feed)>) {
        let open = self.verifying.iter().filter(|one| one.verification.verdict.is_none());
        wanted.extend(open.map(|one| &one.verification.case.workload.id).map(|id| (id.source(), Feed::Pods(Scope::Workload(id.clone())))));
    }

    /// Shows each what is believed now, and the time.
    pub(super) fn attend_verifying(&mut self) -> Vec<Effect> {
        let steady = self.steady();
        let mut effects = Vec::new();
        for at in 0..self.verifying.len() {
            let asks = self.verifying[at].verification.observed(&self.store, steady);
            effects.extend(asks.into_iter().flat_map(|ask| self.put_verifying(at, ask)));
        }
        effects
    }

    fn put_verifying(&mut self, at: usize, ask: Ask) -> Vec<Effect> {
        let sources = self.who_can_answer(&ask.who);
        self.verifying[at].verification.asked(&ask.question, sources.len());
        let mut effects = Vec::new();
        for source in sources {
            let (task, effect) = self.ask(Purpose::Verify, source, ask.question.clone());
            self.verifying[at].asked.insert(task, ask.question.clone());
            effects.push(effect);
        }
        effects
    }

    pub(super) fn verify_answered(&mut self, task: TaskId, answer: Result<Box<Answer>, Why>) {
        let steady = self.steady();
        let Some(one) = self.verifying.iter_mut().find(|one| one.asked.contains_key(&task)) else { return };
        if let Some(question) = one.asked.remove(&task) {
            one.verification.answered(&question, answer.map(|answer| *answer), steady);
        }
    }
}
