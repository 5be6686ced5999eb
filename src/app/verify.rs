//! Verifications: releases that are watched until it is known whether they are in and well.

use super::{App, Effect, Screen, Subject, tasks::Purpose};
use crate::{
    domain::{Answer, Environment, Feed, Id, Question, Scope, SourceId, TaskId, Version, Why, Workload},
    rollback::{Ask, Case, Expected, Timing, Verification},
    text::{Clean, Name},
    widgets::Selection,
};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// How long a release is waited for on the screen.
const SHOWN: SignedDuration = SignedDuration::from_mins(10);

/// One of them, and the answers that it waits for.
#[derive(Debug)]
pub struct Verifying {
    /// How it stands.
    pub verification: Verification,
    asked: BTreeMap<TaskId, Question>,
    /// Whose it is.
    of: For,
    /// The state of the store and the second in which it was last shown the world.
    looked: Option<(u64, i64)>,
}

/// For whom a release is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// A face, until it has its verdict.
    Face,
    /// The screen, as long as it is open.
    Screen,
    /// The plan that is to be ready where it is bad.
    Guard,
}

impl Verifying {
    /// Whether it is watched over without anybody's asking.
    pub(super) fn guards(&self) -> bool {
        self.of == For::Guard
    }
}

impl App {
    /// Begins to verify a workload; the release is waited for at most `within`.
    pub fn verify(&mut self, workload: &Id<Workload>, expected: Expected, within: SignedDuration) -> Result<(), Clean> {
        self.verify_for(For::Face, workload, expected, within)
    }

    pub(super) fn verify_for(&mut self, of: For, workload: &Id<Workload>, expected: Expected, within: SignedDuration) -> Result<(), Clean> {
        let (steady, timing) = (self.steady(), Timing { deadline: within, ..self.timing() });
        let case = Case::of(&self.store, workload, &timing, steady).ok_or(Clean::from_static("this workload is gone"))?;
        let mut verification = Verification::new(case, expected, timing, steady);
        if of == For::Guard {
            let settle = self.settles(&verification.case.environment.name);
            verification.hold(settle);
        }
        self.verifying.push(Verifying { verification, asked: BTreeMap::new(), of, looked: None });
        Ok(())
    }

    /// For how long a release must be bad in an environment before more hangs on it than a word.
    pub fn settles(&self, environment: &Name) -> SignedDuration {
        SignedDuration::try_from(self.declared(environment).map_or(Environment::SETTLE, |declared| declared.settle)).unwrap_or(SignedDuration::MAX)
    }

    /// What somebody asked to have verified.
    pub fn verifications(&self) -> impl Iterator<Item = &Verification> {
        self.verifying.iter().filter(|one| !one.guards()).map(|one| &one.verification)
    }

    /// Opens the screen of `v`: the release of a subject's service, everywhere.
    pub(super) fn show_verify(&mut self, subject: &Subject) {
        let Some((service, _)) = self.cell_of(subject) else { return };
        let (expected, from) = self.expected(subject, &service);
        self.verifying.retain(Verifying::guards);
        self.open_screen(Screen::Verify(super::Verify { service, expected, from, at: Selection::default() }));
    }

    /// What should run: what the run under the cursor shipped, else the newest version in the earliest tier.
    fn expected(&self, subject: &Subject, service: &Name) -> (Expected, Clean) {
        let of = |version: &Version| Expected { version: Some(version.0.clone()), digest: None };
        let cells = || self.row_of(service).into_iter().flat_map(|row| &row.cells);
        let versions = || cells().flat_map(|cell| cell.workloads.iter().filter_map(move |one| Some((cell, self.store.workload(&one.id)?))));
        let run = if let Subject::Run(id) = subject { self.store.run(id) } else { None };
        let shipped = run.and_then(|run| Some((run, versions().find(|(_, one)| self.store.runs_build_of(&one.id, run).is_some())?.1)));
        match (shipped, versions().next()) {
            (Some((run, workload)), _) => (of(&workload.version), crate::clean!("by run {}", run.called())),
            (None, Some((cell, workload))) => {
                (of(&workload.version), crate::clean!("the newest in {}, the earliest place where it runs", cell.environment.name))
            }
            (None, None) => (Expected::default(), Clean::EMPTY),
        }
    }

    /// What the screen shows is verified as long as it is open, and no longer.
    fn keep_shown(&mut self) {
        let screen = self
            .screens
            .iter()
            .find_map(|screen| if let Screen::Verify(verify) = screen { Some((verify.service.clone(), verify.expected.clone())) } else { None });
        let Some((service, expected)) = screen else { return self.verifying.retain(|one| one.of != For::Screen) };
        if self.verifying.iter().any(|one| one.of == For::Screen) {
            return;
        }
        let ids: Vec<Id<Workload>> =
            self.row_of(&service).into_iter().flat_map(|row| &row.cells).flat_map(|cell| cell.workloads.iter().map(|one| one.id.clone())).collect();
        for id in ids {
            let _ = self.verify_for(For::Screen, &id, expected.clone(), SHOWN);
        }
    }

    /// Whether something is still being verified.
    pub(super) fn verifies(&self) -> bool {
        self.verifying.iter().any(|one| one.verification.verdict.is_none())
    }

    /// The feeds that verifications rest on.
    pub(super) fn want_verifying(&self, wanted: &mut BTreeSet<(SourceId, Feed)>) {
        let open = self.verifying.iter().filter(|one| one.verification.verdict.is_none());
        for verification in open.map(|one| &one.verification) {
            let id = &verification.case.workload.id;
            wanted.insert((id.source(), Feed::Pods(Scope::Workload(id.clone()))));
            wanted.extend(verification.runs.iter().map(|run| (run.source(), Feed::Jobs(run.clone()))));
        }
    }

    /// Shows each what is believed now, and the time.
    pub(super) fn attend_verifying(&mut self) -> Vec<Effect> {
        self.keep_shown();
        let steady = self.steady();
        let moment = Some((self.store.stamp(), steady.as_second()));
        let mut effects = Vec::new();
        for at in 0..self.verifying.len() {
            if self.verifying[at].looked == moment {
                continue;
            }
            self.verifying[at].looked = moment;
            let asks = self.verifying[at].verification.observed(&self.store, steady);
            effects.extend(asks.into_iter().flat_map(|ask| self.put_verifying(at, ask)));
        }
        effects
    }

    fn put_verifying(&mut self, at: usize, ask: Ask) -> Vec<Effect> {
        let sources = self.asked_of(&ask);
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
