//! Stopping a rollout that is under way: the plan of its abort, which is the plan of a rollback.

use crate::{
    app::{App, Effect, Subject},
    domain::{Id, Kind, Progress, Verb, Workload},
    keys::Action,
    text::Clean,
};

/// Whether what is under the cursor is a workload, or stands for one.
pub(in crate::app) const fn of_workload(subject: &Subject) -> bool {
    matches!(subject, Subject::Cell { .. } | Subject::Workload(_) | Subject::Pod(_))
}

impl App {
    /// Whether a rollout of these can be stopped: in words, or why not.
    pub(in crate::app) fn offer_stop(&self, workloads: &[Id<Workload>]) -> Result<Clean, Clean> {
        let mut why = Clean::from_static("nothing here can be stopped");
        for id in workloads {
            match self.can_stop(id) {
                Ok(()) => return Ok(crate::clean!("abort the rollout of {}", self.words_of(&Subject::Workload(id.clone())))),
                Err(words) => why = words,
            }
        }
        Err(why)
    }

    fn can_stop(&self, id: &Id<Workload>) -> Result<(), Clean> {
        let Some(workload) = self.store.workload(id) else { return Err(Clean::from_static("this workload is gone")) };
        if workload.kind != Kind::Rollout || !self.can(id, Verb::RollBack) {
            return Err(crate::clean!("the rollout of a {} can not be aborted: R takes it back", workload.kind.word()));
        }
        match workload.progress {
            Progress::Rolling | Progress::Stuck { .. } | Progress::Waiting { .. } | Progress::Paused { .. } => Ok(()),
            Progress::Aborted { .. } => Err(Clean::from_static("it is aborted already")),
            Progress::Unobserved => Err(Clean::from_static("its controller has not looked at the newest specification yet")),
            Progress::Done | Progress::Unknown => Err(Clean::from_static("no rollout is under way: there is nothing to abort, R takes back what runs")),
        }
    }

    /// Opens the plan that aborts it, or asks for which of several workloads.
    pub(in crate::app) fn stop(&mut self, workloads: &[Id<Workload>]) -> Vec<Effect> {
        let can: Vec<Id<Workload>> = workloads.iter().filter(|id| self.can_stop(id).is_ok()).cloned().collect();
        if let [only] = &can[..] {
            return self.open_plan(only);
        }
        self.choose(Action::Rollback, &can);
        Vec::new()
    }
}
