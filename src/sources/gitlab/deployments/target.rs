//! The job behind an earlier deployment: what must be run again for it to be deployed again.

use super::wire::WireDeployment;
use crate::{
    clean,
    domain::Rerun,
    sources::{
        SourceError,
        gitlab::{
            api::Api,
            meter::Need,
            wire::{WireJob, who},
        },
        http::{Ask, Method},
        refusal::Refusal,
    },
    text::Clean,
};

/// The job behind a deployment, as it is in its pipeline now.
pub(super) struct Behind {
    pub project: String,
    /// The job that deployed.
    pub job: WireJob,
    /// The newest of its name in its pipeline: the job itself, or one that it was retried as.
    pub newest: WireJob,
    /// How many of its name there are.
    attempts: u32,
}

/// Why it can not be run again.
pub(super) struct Bar {
    pub why: Clean,
    pub remedy: Clean,
}

/// What to do where the job is of no use any more.
const ANEW: &str = "deploy that commit anew: a new pipeline on its tag, or a revert in git";

impl Behind {
    /// Reads it; none where no job deployed.
    pub async fn read(api: &Api, project: &str, deployment: &WireDeployment) -> Result<Option<Self>, SourceError> {
        let Some(number) = deployment.deployable.as_ref().map(|job| job.id).filter(|id| *id > 0) else { return Ok(None) };
        let ask = Api::ask(project, &["jobs", &number.to_string()]);
        let (job, _) = api.read::<WireJob>(Need::Person, project, ask).await.map_err(|refusal| gone(refusal, number, project))?;
        let (newest, attempts) = match job.pipeline.as_ref().map(|pipeline| pipeline.id) {
            Some(pipeline) => Self::again(api, project, pipeline, &job).await?,
            None => (job.clone(), 1),
        };
        Ok(Some(Self { project: project.to_owned(), job, newest, attempts }))
    }

    /// The newest job of the same name: a retry makes a new one.
    async fn again(api: &Api, project: &str, pipeline: u64, job: &WireJob) -> Result<(WireJob, u32), SourceError> {
        let ask = Api::ask(project, &["pipelines", &pipeline.to_string(), "jobs"]).with("include_retried", "true").with("per_page", "100");
        let (jobs, _) = api.read::<Vec<WireJob>>(Need::Person, project, ask).await?;
        let own: Vec<WireJob> = jobs.into_iter().filter(|other| other.name() == job.name()).collect();
        let attempts = u32::try_from(own.len()).unwrap_or(u32::MAX).max(1);
        Ok((own.into_iter().max_by_key(|other| other.id).unwrap_or_else(|| job.clone()), attempts))
    }

    /// What it is called.
    pub fn name(&self) -> Clean {
        clean!("job {} #{} of {}", self.job.name(), self.job.id, self.project)
    }

    /// Why it can not be run again to deploy `commit`; none where it can.
    pub fn bar(&self, commit: &str) -> Option<Bar> {
        let name = self.name();
        let bar = |why: Clean, remedy: &'static str| Some(Bar { why, remedy: Clean::from_static(remedy) });
        let other = self.job.commit.as_ref().and_then(|one| one.id.as_deref()).is_some_and(|own| own != commit);
        if other {
            return bar(clean!("{name} is not of the commit that the deployment is of: it would deploy something else"), ANEW);
        }
        if self.job.archived() {
            return bar(clean!("{name} is archived: GitLab only shows it"), ANEW);
        }
        if !self.newest.over() {
            let by = self.by();
            let by = if by.is_empty() { by } else { clean!(", by {by}") };
            return bar(clean!("{name} is being run again already (#{}{by})", self.newest.id), "wait for its end, or cancel it");
        }
        None
    }

    /// Whether it was run again and is not over.
    pub fn moves(&self) -> bool {
        !self.newest.over()
    }

    /// Who had it run last.
    pub fn by(&self) -> Clean {
        who(self.newest.user.as_ref())
    }

    /// The request that has it deployed again. What was retried is not retried once more: the newest of its name is, and that one once.
    pub fn request(&self) -> Ask {
        Api::change(Method::POST, &self.project, &["jobs", &self.newest.id.to_string(), "retry"], None)
    }

    /// The same by hand.
    pub fn command(&self, host: &str) -> Clean {
        let at = if host == "gitlab.com" { String::new() } else { format!("GITLAB_HOST={host} ") };
        clean!("{at}glab ci retry {} -R {}", self.newest.id, self.project)
    }

    /// How it stands.
    pub fn rerun(&self, api: &Api) -> Rerun {
        // Its clock may be ahead of ours.
        let ahead = api.clock_offset().unwrap_or_default();
        let began = self.newest.created().map(|created| created - ahead);
        Rerun { name: self.name(), attempt: self.attempts, began, by: self.by(), status: self.newest.status() }
    }
}

fn gone(refusal: Refusal, job: u64, project: &str) -> SourceError {
    match refusal {
        Refusal::Here(SourceError::NotFound(_)) => SourceError::NotFound(clean!("job #{job} of {project} was deleted: it can not be run again")),
        refusal => refusal.into(),
    }
}
