//! How the gates of a run stand, and which of them it must have.

use super::{GateKind, Job, RunStatus, glob};
use crate::text::Name;

/// How a gate of a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState<'a> {
    /// No job counts for it.
    Missing,
    /// All of its jobs were skipped: it says nothing, and nothing good.
    NotRun,
    /// The worst of its jobs that were not skipped.
    Stands(&'a RunStatus),
}

impl<'a> GateState<'a> {
    /// The gate `kind` of the jobs of a run, in their latest attempt.
    pub fn of(kind: GateKind, jobs: &[&'a Job]) -> Self {
        let own = || jobs.iter().filter(|job| job.gate == Some(kind)).map(|job| &job.status);
        match own().filter(|status| **status != RunStatus::Skipped).min_by_key(|status| status.rank()) {
            Some(worst) => Self::Stands(worst),
            None if own().next().is_some() => Self::NotRun,
            None => Self::Missing,
        }
    }
}

/// What the runs of a repository must show.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// The gates that they must have.
    pub gates: Vec<GateKind>,
    /// The part of the lines, from 0 to 1, that tests must reach.
    pub coverage: f64,
}

impl Default for Demand {
    fn default() -> Self {
        Self { gates: GateKind::ALL.into(), coverage: 0.80 }
    }
}

impl Demand {
    /// Whether a run without this gate lacks something.
    pub fn asks(&self, kind: GateKind) -> bool {
        self.gates.contains(&kind)
    }
}

/// The same of all repositories.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demands {
    /// Of a repository of its own, by its name, which may have `*` and `?`; the first that fits counts.
    pub own: Vec<(String, Demand)>,
    /// Of all others.
    pub rest: Demand,
}

impl Demands {
    /// What the runs of `repository` must show.
    pub fn of(&self, repository: &Name) -> &Demand {
        self.own.iter().find(|(name, _)| glob(name, repository.raw())).map_or(&self.rest, |(_, demand)| demand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Id, SourceId},
        text::Clean,
    };

    fn job(gate: Option<GateKind>, status: RunStatus) -> Job {
        let source = SourceId::new("github");
        let (name, url) = (Clean::EMPTY, Clean::EMPTY);
        Job { id: Id::new(&source, "a/jobs/1"), run: Id::new(&source, "a/runs/1"), name, status, started: None, ended: None, steps: Box::default(), gate, url }
    }

    #[test]
    fn a_gate_is_the_worst_of_its_jobs_and_what_was_skipped_is_nothing_good() {
        let build = Some(GateKind::Build);
        let state = |of: &[(Option<GateKind>, RunStatus)]| {
            let jobs: Vec<Job> = of.iter().map(|(gate, status)| job(*gate, status.clone())).collect();
            match GateState::of(GateKind::Build, &jobs.iter().collect::<Vec<_>>()) {
                GateState::Missing => "missing".to_owned(),
                GateState::NotRun => "not run".to_owned(),
                GateState::Stands(status) => status.word().to_string(),
            }
        };
        let security = Some(GateKind::Security);
        assert_eq!(state(&[(security, RunStatus::Failed), (None, RunStatus::Failed)]), "missing");
        assert_eq!(state(&[(build, RunStatus::Skipped), (build, RunStatus::Skipped)]), "not run");
        assert_eq!(state(&[(build, RunStatus::Skipped), (build, RunStatus::Success)]), "ok");
        assert_eq!(state(&[(build, RunStatus::Success), (build, RunStatus::Warn)]), "warning");
        assert_eq!(state(&[(build, RunStatus::Running), (build, RunStatus::Failed), (build, RunStatus::Success)]), "failed");
        assert_eq!(state(&[(build, RunStatus::Success), (build, RunStatus::Unknown("odd".into()))]), "odd", "what is not known is never green");
    }

    #[test]
    fn a_repository_of_its_own_asks_for_less() {
        let docs = Demand { gates: vec![GateKind::Build], coverage: 0.0 };
        let demands = Demands { own: vec![("acme/docs*".into(), docs)], rest: Demand::default() };
        assert!(!demands.of(&Name::new("acme/docs-site")).asks(GateKind::Deployment));
        assert!(demands.of(&Name::new("acme/cart")).asks(GateKind::Deployment));
    }
}
