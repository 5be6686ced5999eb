//! From the wish for a rollback to its plan.

use super::{App, OperationKey, Running};
use crate::{
    app::{Effect, Screen},
    domain::{Id, Workload},
    rollback::{self, Case, Procedure, State, Timing},
    text::{Clean, Name},
};

/// A target, as it is named where there is no screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The revision of that number, 0 where there are no numbers.
    Number(u64),
    /// The workload of that name, which stands beside and can be switched to; or what an Argo CD application was synced to, by its version.
    Named(Clean),
}

impl App {
    /// Has the checks of a workload's open plans made again: what is above it acts otherwise now.
    pub(super) fn check_plans_again(&mut self, workload: &Id<Workload>) -> Vec<Effect> {
        let steady = self.steady();
        let about = |running: &&Running| running.procedure.case.workload.id == *workload;
        let keys: Vec<OperationKey> = self.operations.running.iter().filter(about).map(|running| running.key).collect();
        let mut effects = Vec::new();
        for key in keys {
            let wants = self.operations.get_mut(key).map(|running| running.procedure.check_again(steady)).unwrap_or_default();
            effects.extend(self.carry_wants(key, wants));
        }
        effects
    }

    pub(in crate::app) fn timing(&self) -> Timing {
        Timing { limits: self.start.limits, min_requests: self.start.min_requests, ..Timing::default() }
    }

    /// Opens the plan of a rollback: nothing on it executes. One that is open already is shown again.
    pub fn open_plan(&mut self, workload: &Id<Workload>) -> Vec<Effect> {
        if let Some(key) = self.operations.works_on(workload) {
            self.show_operation(key);
            return Vec::new();
        }
        self.waiting = Some(workload.clone());
        vec![Effect::Remember(workload.clone())]
    }

    /// Begins once the journal has said what it remembers.
    fn begin_plan(&mut self, workload: &Id<Workload>) -> Vec<Effect> {
        let Some((key, effects)) = self.begin_procedure(workload) else { return Vec::new() };
        self.show_operation(key);
        effects
    }

    /// Begins a procedure with its questions; none where the workload is gone. Where it is not known what the journal remembers it could bring
    /// back what was taken back: it is closed at once.
    pub(in crate::app) fn begin_procedure(&mut self, workload: &Id<Workload>) -> Option<(OperationKey, Vec<Effect>)> {
        let (steady, timing) = (self.steady(), self.timing());
        let (Some(case), Some(joined)) = (Case::of(&self.store, workload, &timing, steady), self.store.joined(workload).cloned()) else {
            self.complain("this workload is gone");
            return None;
        };
        let records = self.records.get(workload.as_str()).cloned().unwrap_or_default();
        let id = self.op();
        let (mut procedure, mut wants) = Procedure::begin(case, &self.store.revisions_of(workload), records, (id, self.start.user.clone()), timing, steady);
        if let Some(why) = self.unread.get(workload.as_str()) {
            (procedure.state, wants) = (State::Closed { why: why.clone() }, Vec::new());
        }
        let key = OperationKey(self.number());
        self.operations.running.push(Running::new(key, procedure, joined.service, joined.environment.name));
        Some((key, self.carry_wants(key, wants)))
    }

    pub(super) fn show_operation(&mut self, key: OperationKey) {
        self.open_screen(Screen::Operation(key));
    }

    pub(in crate::app) fn remembered(&mut self, workload: &Id<Workload>, told: Result<Vec<rollback::Record>, Clean>) -> Vec<Effect> {
        let name = workload.as_str().to_owned();
        self.unread.remove(&name);
        match told {
            Ok(records) => drop(self.records.insert(name, records)),
            Err(why) => drop(self.unread.insert(name, why)),
        }
        let mut effects = self.begin_members(workload);
        effects.extend(self.begin_guarded(workload));
        if self.waiting.take_if(|waiting| waiting == workload).is_some() {
            effects.extend(self.begin_plan(workload));
        }
        effects
    }

    /// Selects a target, for the faces that have no screen.
    pub fn aim_plan(&mut self, key: OperationKey, aim: &Aim) -> Result<Vec<Effect>, Clean> {
        let steady = self.steady();
        let Some(running) = self.operations.get_mut(key) else { return Err(Clean::from_static("there is no such plan")) };
        let Some(plan) = running.procedure.plan() else { return Err(Clean::from_static("there is no plan")) };
        let version = |at: usize| plan.synced(at).map(|_| &plan.target.candidates[at].revision.version.0);
        let named = |at: usize| plan.beside(at).map(|arm| arm.name.clean()).or_else(|| version(at));
        let meant = |at: usize| match aim {
            Aim::Number(number) => named(at).is_none() && plan.target.candidates[at].revision.number == *number,
            Aim::Named(name) => named(at).unwrap_or(&plan.target.candidates[at].revision.version.0) == name,
        };
        let all = 0..plan.target.candidates.len();
        let Some(wanted) = all.clone().find(|at| meant(*at)) else {
            let known: Vec<String> = all.map(|at| named(at).cloned().unwrap_or_else(|| plan.target.candidates[at].revision.short()).to_string()).collect();
            let wanted = match aim {
                Aim::Number(0) => Clean::from_static("previous revision"),
                Aim::Number(number) => crate::clean!("revision r{number}"),
                Aim::Named(name) => crate::clean!("{name}"),
            };
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(crate::clean!("there is no {wanted} to go back to; there are {known}"));
        };
        let mut wants = Vec::new();
        while let Some(at) = running.procedure.plan().and_then(|plan| plan.selected.or(Some(usize::MAX)))
            && at != wanted
        {
            let step = if at == usize::MAX || at < wanted { running.procedure.older(steady) } else { running.procedure.newer(steady) };
            if step.is_empty() {
                break;
            }
            wants = step;
        }
        Ok(self.carry_wants(key, wants))
    }

    /// Shows a procedure that was made by hand.
    #[cfg(test)]
    pub(crate) fn hold(&mut self, procedure: Procedure) -> OperationKey {
        let key = OperationKey(self.number());
        let (service, environment) = (procedure.case.service.clone(), procedure.case.environment.name.clone());
        let confirming = matches!(procedure.state, State::Confirming { .. });
        self.operations.running.push(Running::new(key, procedure, service, environment));
        if confirming {
            self.open_line(key);
        }
        self.show_operation(key);
        key
    }

    /// Makes the checks again after an environment was opened.
    pub(in crate::app) fn opened_again(&mut self, environment: &Name) -> Vec<Effect> {
        let steady = self.steady();
        let keys: Vec<OperationKey> = self.operations.running.iter().filter(|running| running.environment == *environment).map(|running| running.key).collect();
        let singles: Vec<OperationKey> = self.operations.singles.iter().filter(|single| single.environment == *environment).map(|single| single.key).collect();
        let mut effects: Vec<Effect> = singles.into_iter().flat_map(|key| self.again_single(key)).collect();
        for key in keys {
            let wants = self.operations.get_mut(key).map(|running| running.procedure.check_again(steady)).unwrap_or_default();
            effects.extend(self.carry_wants(key, wants));
        }
        effects
    }
}
