//! What such a change is about: a workload, a run of a CI, or a job of one.

use super::Single;
use crate::{
    domain::{Id, Job, Run, Workload},
    text::Clean,
};

/// As the store had it when the change was opened.
#[derive(Clone, Debug)]
pub enum Thing {
    /// A workload.
    Workload(Box<Workload>),
    /// A run.
    Run(Box<Run>),
    /// A job of a run.
    Job(Box<Run>, Box<Job>),
    /// What a run is of, of which another one is started.
    Workflow(Box<Run>),
}

impl Thing {
    /// Its identity, as an operation carries it.
    pub fn id(&self) -> Id<Workload> {
        match self {
            Self::Workload(workload) => workload.id.clone(),
            Self::Run(run) | Self::Workflow(run) => run.id.cast(),
            Self::Job(_, job) => job.id.cast(),
        }
    }

    /// What it is and where, in a sentence: `Deployment cart in shop (prod-eu)`.
    pub(super) fn words(&self) -> Clean {
        match self {
            Self::Workload(row) => crate::clean!("{} {} in {} ({})", row.kind.word(), row.name, row.place.namespace, row.place.context),
            Self::Run(run) => of_run(run),
            Self::Job(run, job) => of_job(run, job),
            Self::Workflow(run) => of_workflow(run),
        }
    }

    /// What runs there, or was run.
    pub fn version(&self) -> Clean {
        match self {
            Self::Workload(workload) => workload.version.0.clone(),
            Self::Run(run) | Self::Job(run, _) | Self::Workflow(run) => Clean::from_untrusted(run.short_commit()),
        }
    }
}

/// `deploy #311 of acme/cart`.
pub fn of_run(run: &Run) -> Clean {
    crate::clean!("{} {} of {}", run.workflow, run.called(), run.repository)
}

/// `deploy production of build #311 of acme/cart`.
pub fn of_job(run: &Run, job: &Job) -> Clean {
    crate::clean!("{} of {}", job.name, of_run(run))
}

/// `deploy of acme/cart on main`. At GitLab a project has one pipeline, and runs are named after what began them.
fn of_workflow(run: &Run) -> Clean {
    let workflow = if run.id.source().kind() == "gitlab" { Clean::from_static("pipeline") } else { run.workflow.clone() };
    // A build need have no branch.
    let on = if run.branch.is_empty() { Clean::EMPTY } else { crate::clean!(" on {}", run.branch) };
    crate::clean!("{workflow} of {}{on}", run.repository)
}

impl Single {
    /// `cart in production`, or `deploy #311 of acme/cart`.
    pub fn title(&self) -> Clean {
        match &self.thing {
            Thing::Workload(_) => crate::clean!("{} in {}", self.service, self.environment),
            Thing::Run(run) => of_run(run),
            Thing::Job(run, job) => of_job(run, job),
            Thing::Workflow(run) => of_workflow(run),
        }
    }
}
