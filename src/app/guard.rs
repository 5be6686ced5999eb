//! Watches over fresh releases where the configuration says so: once one was found bad for long enough, the plan that takes it back is
//! ready, and everybody is told. Nothing is sent: a person confirms it, like any other.

use super::{App, Effect, Tone};
use crate::{
    domain::{Automatic, Environment, Id, Workload},
    rollback::{Expected, State, Verified},
    text::{Clean, Raw},
};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// A release that came longer ago than this is looked at by people already.
const FRESH: SignedDuration = SignedDuration::from_mins(20);
/// For so long a fresh release is watched at most.
const WATCHED: SignedDuration = SignedDuration::from_mins(10);

/// The releases that are watched over, and those that were: each is judged once.
#[derive(Debug, Default)]
pub(super) struct Guard(BTreeMap<Id<Workload>, Watch>);

#[derive(Debug)]
struct Watch {
    template: Raw,
    step: Step,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// It is being verified.
    Verifying,
    /// It is bad, and why: the journal is asked what it remembers.
    Bad(Clean),
    /// Its plan is being made, or lies ready.
    Planned(super::OperationKey, Clean),
    /// There is no more to say of it.
    Over,
}

impl App {
    /// Begins to watch over what was shipped just now.
    pub(super) fn guard(&mut self) {
        if !self.start.guards || self.start.environments.iter().all(|environment| environment.automatic == Automatic::Off) {
            return;
        }
        let now = self.steady();
        let mut fresh = Vec::new();
        for cell in self.matrix.rows.iter().flat_map(|row| &row.cells).filter(|cell| self.prepares(&cell.environment.name).is_some()) {
            for row in cell.workloads.iter().filter_map(|one| self.store.workload(&one.id)) {
                let young = row.changed.is_some_and(|at| now.duration_since(at) < FRESH);
                let Some(newest) = self.current_revision(&row.id).filter(|_| young) else { continue };
                if self.guard.0.get(&row.id).is_none_or(|watch| watch.template != newest.template) {
                    fresh.push((row.id.clone(), newest.template.clone(), newest.version.0.clone()));
                }
            }
        }
        for (id, template, version) in fresh {
            self.verifying.retain(|one| !(one.guards() && one.verification.case.workload.id == id));
            let begun = self.verify_for(super::verify::For::Guard, &id, Expected { version: Some(version), digest: None }, WATCHED).is_ok();
            self.guard.0.insert(id, Watch { template, step: if begun { Step::Verifying } else { Step::Over } });
        }
    }

    /// The environment, where its configuration wants plans to be ready.
    fn prepares(&self, environment: &crate::text::Name) -> Option<&Environment> {
        self.declared(environment).filter(|declared| declared.automatic != Automatic::Off)
    }

    /// Goes on with what was found bad; says so once its plan is ready.
    pub(super) fn attend_guard(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ids: Vec<Id<Workload>> = self.guard.0.iter().filter(|(_, watch)| watch.step != Step::Over).map(|(id, _)| id.clone()).collect();
        for id in ids {
            let step = match self.guard.0.get(&id).map(|watch| &watch.step) {
                Some(Step::Verifying) => self.judged(&id),
                Some(Step::Planned(key, why)) => {
                    let (key, why) = (*key, why.clone());
                    self.ready(key, &why, &mut effects)
                }
                Some(Step::Bad(_) | Step::Over) | None => None,
            };
            let Some(step) = step else { continue };
            if matches!(step, Step::Bad(_)) {
                effects.push(Effect::Remember(id.clone()));
            }
            if let Some(watch) = self.guard.0.get_mut(&id) {
                watch.step = step;
            }
        }
        effects
    }

    /// What came of a verification: what is to be taken back, or nothing more.
    fn judged(&mut self, id: &Id<Workload>) -> Option<Step> {
        let Some(at) = self.verifying.iter().position(|one| one.guards() && one.verification.case.workload.id == *id) else { return Some(Step::Over) };
        let verification = &self.verifying[at].verification;
        let (verified, _) = verification.verdict.as_ref()?;
        // Where many suffer from one cause, a release is not to blame; and what somebody is at already needs no second plan.
        let case = &verification.case;
        let victim = self.cause.as_ref().is_some_and(|cause| cause.victim(&case.service, &case.environment).is_some());
        let at_it = self.operations.works_on(id).is_some();
        let step = match verified {
            Verified::No { why } if verification.unfit().is_none() && !victim && !at_it => Step::Bad(why.clone()),
            _ => Step::Over,
        };
        self.verifying.remove(at);
        Some(step)
    }

    /// Begins the plan of what was found bad, once the journal has said what it remembers.
    pub(super) fn begin_guarded(&mut self, id: &Id<Workload>) -> Vec<Effect> {
        let Some(Step::Bad(why)) = self.guard.0.get(id).map(|watch| &watch.step) else { return Vec::new() };
        let why = why.clone();
        let (step, effects) = match self.begin_procedure(id) {
            Some((key, effects)) => (Step::Planned(key, why), effects),
            None => (Step::Over, Vec::new()),
        };
        if let Some(watch) = self.guard.0.get_mut(id) {
            watch.step = step;
        }
        effects
    }

    /// Tells everybody once the plan stands. Without a target, or where it would bring back what was itself rolled back from, it goes again.
    fn ready(&mut self, key: super::OperationKey, why: &Clean, effects: &mut Vec<Effect>) -> Option<Step> {
        let Some(running) = self.operations.get(key) else { return Some(Step::Over) };
        let title = running.procedure.case.title();
        let version = running.procedure.case.version().clone();
        let words = match &running.procedure.state {
            State::Gathering(_) => return None,
            State::Planned(plan) => match plan.candidate().filter(|candidate| !candidate.undo_of_undo) {
                Some(to) => {
                    crate::clean!("{title}: {version} is bad, the way back to {} is planned and B shows it; nothing is sent: {why}", to.revision.version)
                }
                None => {
                    self.operations.forget(key);
                    crate::clean!("{title}: {version} is bad, and there is nothing to go back to without a person, R shows why: {why}")
                }
            },
            State::Closed { why: closed } => crate::clean!("{title}: {version} is bad, and no way back could be planned ({closed}): {why}"),
            State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } | State::Done { .. } => return Some(Step::Over),
        };
        self.notices.say(Tone::Bad, words.clone(), self.now);
        effects.push(Effect::Notify(words));
        Some(Step::Over)
    }
}
