//! The jobs and steps of one run.

use super::{
    api::Api,
    keys,
    meter::Need,
    wire::{self, WireJob},
};
use crate::{
    clean,
    domain::{Batch, Id, Job, Run},
    sources::{
        SourceError,
        ci::{self, Board, Look, Standing},
        refusal::Refusal,
    },
};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use std::{sync::Arc, time::Duration};

/// A matrix has at most 256 jobs, and a run may have several.
const PAGES: usize = 10;

/// The jobs of `run` for as long as they are asked for.
pub(super) fn watch(api: Arc<Api>, run: Id<Run>) -> BoxStream<'static, Result<Batch, SourceError>> {
    ci::jobs(Jobs { api, run: run.clone() }, run)
}

struct Jobs {
    api: Arc<Api>,
    run: Id<Run>,
}

impl Look for Jobs {
    fn board(&self) -> &Board {
        &self.api.board
    }

    fn pause(&self) -> Duration {
        self.api.pace.jobs * self.api.slowness()
    }

    fn read(&self, standing: Option<Standing>) -> BoxFuture<'_, Result<Vec<Job>, SourceError>> {
        self.all(standing).boxed()
    }
}

impl Jobs {
    async fn all(&self, standing: Option<Standing>) -> Result<Vec<Job>, SourceError> {
        let Some((repository, number)) = keys::of_run(&self.run) else {
            return Err(SourceError::NotFound(clean!("{} is not a run of GitHub", self.run.as_str())));
        };
        let found = all(&self.api, Need::Detail, repository, number).await?;
        Ok(found.into_iter().map(|job| job.job(&self.api.id, repository, number, standing, &self.api.gates)).collect())
    }
}

/// The jobs of the latest attempt of a run, page after page.
pub(super) async fn all(api: &Api, need: Need, repository: &str, number: u64) -> Result<Vec<WireJob>, Refusal> {
    let mut ask = Api::ask(repository, &["actions", "runs", &number.to_string(), "jobs"]).with("filter", "latest").with("per_page", "100");
    let mut found: Vec<WireJob> = Vec::new();
    let mut lost = None;
    for page in 1..=PAGES {
        let (jobs, next) = api.read::<wire::Jobs>(need, repository, ask).await.map(|(page, next)| (page.jobs, next))?;
        found.extend(jobs.read);
        lost = lost.or(jobs.lost);
        let Some(next) = next else { break };
        if page == PAGES {
            lost = Some(clean!("only {} are read, and there are more", found.len()));
        }
        ask = next;
    }
    api.note(&format!("{repository} jobs"), lost.map(|words| clean!("{repository}: jobs of run {number}: {words}")));
    Ok(found)
}
