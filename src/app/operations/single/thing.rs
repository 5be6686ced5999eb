//! What such a change is about: a workload, or a run of a CI.

use super::Single;
use crate::{
    domain::{Id, Run, Workload},
    text::Clean,
};

/// As the store had it when the change was opened.
#[derive(Clone, Debug)]
pub enum Thing {
    /// A workload.
    Workload(Box<Workload>),
    /// A run.
    Run(Box<Run>),
}

impl Thing {
    /// Its identity, as an operation carries it.
    pub fn id(&self) -> Id<Workload> {
        match self {
            Self::Workload(workload) => workload.id.clone(),
            Self::Run(run) => run.id.cast(),
        }
    }

    /// What it is and where, in a sentence: `Deployment cart in shop (prod-eu)`.
    pub(super) fn words(&self) -> Clean {
        match self {
            Self::Workload(row) => crate::clean!("{} {} in {} ({})", row.kind.word(), row.name, row.place.namespace, row.place.context),
            Self::Run(run) => of_run(run),
        }
    }

    /// What runs there, or was run.
    pub fn version(&self) -> Clean {
        match self {
            Self::Workload(workload) => workload.version.0.clone(),
            Self::Run(run) => Clean::from_untrusted(run.short_commit()),
        }
    }
}

/// `deploy #311 of acme/cart`.
pub fn of_run(run: &Run) -> Clean {
    crate::clean!("{} #{} of {}", run.workflow, run.number, run.repository)
}

impl Single {
    /// `cart in production`, or `deploy #311 of acme/cart`.
    pub fn title(&self) -> Clean {
        match &self.thing {
            Thing::Workload(_) => crate::clean!("{} in {}", self.service, self.environment),
            Thing::Run(run) => of_run(run),
        }
    }
}
