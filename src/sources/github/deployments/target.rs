//! The run behind an earlier deployment: what must be run again for it to be deployed again.

use super::records::maker;
use crate::{
    clean,
    domain::Rerun,
    sources::{
        SourceError,
        github::{
            api::Api,
            changes::{OFTENEST, OLDEST},
            jobs,
            meter::Need,
            wire::{WireJob, WireRun},
        },
        http::{Ask, Method},
        refusal::Refusal,
    },
    text::Clean,
};
use jiff::Timestamp;

/// The run behind a deployment, and the job that deployed.
pub(super) struct Behind {
    pub repository: String,
    pub run: WireRun,
    /// The job as it is in the latest attempt; none where the record does not name one, or it has none any more.
    pub job: Option<(u64, Clean)>,
}

/// Why it can not be run again.
pub(super) struct Bar {
    pub why: Clean,
    pub remedy: Clean,
}

impl Behind {
    /// Reads it; none where the deployment did not come from Actions.
    pub async fn read(api: &Api, repository: &str, deployment: u64) -> Result<Option<Self>, SourceError> {
        let Some(maker) = maker(api, repository, deployment).await? else { return Ok(None) };
        let ask = Api::ask(repository, &["actions", "runs", &maker.run.to_string()]).with("exclude_pull_requests", "true");
        let (run, _) = api.read::<WireRun>(Need::Person, repository, ask).await.map_err(|refusal| gone(refusal, maker.run, repository))?;
        let job = match maker.job {
            Some(job) => Self::job(api, repository, &run, job).await?,
            None => None,
        };
        Ok(Some(Self { repository: repository.to_owned(), run, job }))
    }

    /// The job in the latest attempt: it has another number where it was run again since.
    async fn job(api: &Api, repository: &str, run: &WireRun, wanted: u64) -> Result<Option<(u64, Clean)>, SourceError> {
        let latest = jobs::all(api, Need::Person, repository, run.id).await?;
        let named = |job: &WireJob| (job.id, Clean::from_untrusted(job.name()));
        if let Some(job) = latest.iter().find(|job| job.id == wanted) {
            return Ok(Some(named(job)));
        }
        let ask = Api::ask(repository, &["actions", "jobs", &wanted.to_string()]);
        match api.read::<WireJob>(Need::Person, repository, ask).await {
            Ok((old, _)) => Ok(latest.iter().find(|job| job.name() == old.name()).map(named)),
            Err(Refusal::Here(SourceError::NotFound(_))) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// What it is called.
    pub fn name(&self) -> Clean {
        clean!("run #{} of {}", self.run.number(), self.repository)
    }

    /// Why it can not be run again at `now` to deploy `commit`; none where it can. Whoever may write deployments may write any link into one.
    pub fn bar(&self, commit: &str, now: Timestamp) -> Option<Bar> {
        let name = self.name();
        let bar = |why: Clean, remedy: &'static str| Some(Bar { why, remedy: Clean::from_static(remedy) });
        if self.run.commit() != commit {
            return bar(
                clean!("{name} is not of the commit that the deployment is of: it would deploy something else"),
                "deploy that commit by what deployed it",
            );
        }
        if self.run.alive() {
            let by = self.run.actor();
            let by = if by.is_empty() { by } else { clean!(", by {by}") };
            return bar(
                clean!("{name} is not over (attempt {}{by}): GitHub runs again only what has ended", self.run.attempt()),
                "wait for its end, or cancel it",
            );
        }
        if self.run.created().is_some_and(|created| now.duration_since(created) > OLDEST) {
            return bar(
                clean!("{name} is older than 30 days: GitHub runs it no more"),
                "deploy that commit anew: dispatch the workflow on its tag, or revert in git",
            );
        }
        if self.run.attempt() > OFTENEST {
            return bar(clean!("{name} was run again {OFTENEST} times: GitHub allows no more"), "deploy that commit anew: dispatch the workflow on its tag");
        }
        None
    }

    /// The request that has it deployed again.
    pub fn request(&self) -> Ask {
        let (what, number) = match &self.job {
            Some((job, _)) => ("jobs", *job),
            None => ("runs", self.run.id),
        };
        Api::change(Method::POST, &self.repository, &["actions", what, &number.to_string(), "rerun"], None)
    }

    /// The same by hand.
    pub fn command(&self, host: &str) -> Clean {
        let repository = &self.repository;
        let at = if host == "github.com" { repository.clone() } else { format!("{host}/{repository}") };
        match &self.job {
            Some((job, _)) => clean!("gh run rerun --job {job} -R {at}"),
            None => clean!("gh run rerun {} -R {at}", self.run.id),
        }
    }

    /// How it stands.
    pub fn rerun(&self, api: &Api) -> Rerun {
        // Its clock may be ahead of ours.
        let ahead = api.clock_offset().unwrap_or_default();
        Rerun {
            name: self.name(),
            attempt: self.run.attempt(),
            began: self.run.began().map(|began| began - ahead),
            by: self.run.actor(),
            status: self.run.status(),
        }
    }
}

fn gone(refusal: Refusal, run: u64, repository: &str) -> SourceError {
    match refusal {
        Refusal::Here(SourceError::NotFound(_)) => SourceError::NotFound(clean!("run {run} of {repository} was deleted: it can not be run again")),
        refusal => refusal.into(),
    }
}
