//! What is watched where a pipeline deploys an earlier version again: its run, and the deployment that comes of it.

use super::{ProofState, Run, Timing};
use crate::{
    domain::{Rerun, RunStatus, Subject},
    text::Clean,
};
use jiff::Timestamp;

/// The run that deploys, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline {
    /// It, since it was run again.
    rerun: Option<Rerun>,
}

impl Pipeline {
    /// Takes in what was read. How it stood before it was run again says nothing.
    pub fn learn(&mut self, subject: &Subject, began: Timestamp) {
        if let Some(rerun) = subject.rerun.as_ref().filter(|rerun| rerun.since(began)) {
            self.rerun = Some(rerun.clone());
        }
    }

    /// How the deployment stands.
    pub fn stands(&self, run: &Run, timing: &Timing) -> (ProofState, Clean) {
        let (view, version) = (&run.view, &run.target.version);
        if !view.live {
            return (ProofState::Unknown, Clean::from_static("the CI does not answer"));
        }
        if view.gone {
            return (ProofState::StillBad, Clean::from_static("the CI knows no such environment any more"));
        }
        if view.complete && run.in_a_row < timing.in_a_row {
            return (ProofState::Running, crate::clean!("{version} is deployed, check {} of {}", run.in_a_row, timing.in_a_row));
        }
        if view.complete {
            return (ProofState::Good, crate::clean!("{version} is deployed, {} checks in a row", timing.in_a_row));
        }
        let state = if run.complete.is_some() { ProofState::StillBad } else { ProofState::Running };
        (state, self.waits_for(run))
    }

    /// What is waited for.
    fn waits_for(&self, run: &Run) -> Clean {
        let version = &run.target.version;
        let waits = |rerun: &Rerun| match &rerun.status {
            RunStatus::Waiting(what) => crate::clean!("{} waits {what}", rerun.name),
            RunStatus::Queued => crate::clean!("{} waits for a runner", rerun.name),
            RunStatus::Running => crate::clean!("{} is under way", rerun.name),
            status => crate::clean!("{} has ended ({})", rerun.name, status.word()),
        };
        match (&self.rerun, run.taken_up) {
            (_, Some(_)) => crate::clean!("the deployment of {version} is under way"),
            (Some(rerun), None) => crate::clean!("{}; no deployment of {version} yet", waits(rerun)),
            (None, None) => crate::clean!("no deployment of {version} yet"),
        }
    }

    /// What took it up, in a sentence.
    pub fn taken_up(&self, run: &Run) -> Clean {
        match (&self.rerun, run.taken_up) {
            (Some(rerun), None) => crate::clean!("{} was begun again, attempt {}", rerun.name, rerun.attempt),
            (_, Some(_)) => Clean::from_static("it has made a new deployment"),
            (None, None) => Clean::from_static("the run was not seen to begin yet"),
        }
    }

    /// Whether the run was seen to begin again.
    pub const fn began(&self) -> bool {
        self.rerun.is_some()
    }
}

/// Why it will not be deployed any more: its deployment failed, or the run ended before there was one.
pub(super) fn failed(run: &Run) -> Option<Clean> {
    let pipeline = run.pipeline.as_ref().filter(|_| run.view.live && run.complete.is_none())?;
    if run.taken_up.is_some() {
        return run.view.controller.as_ref().map(|why| crate::clean!("the deployment of {} failed: {why}", run.target.version));
    }
    let rerun = pipeline.rerun.as_ref()?;
    let bad = matches!(rerun.status, RunStatus::Failed | RunStatus::Cancelled | RunStatus::Skipped | RunStatus::Stale | RunStatus::Lost);
    bad.then(|| crate::clean!("{} ended as {}: {} is not deployed", rerun.name, rerun.status.word(), run.target.version))
}
