//! The jobs and steps of one run: often while it runs, once when it is over, and again when it is run again.

use super::{
    api::Api,
    board::Standing,
    keys,
    meter::Need,
    wire::{self, WireJob},
};
use crate::{
    clean,
    domain::{Batch, Id, Job, Run},
    sources::SourceError,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use std::sync::Arc;
use tokio::time::sleep;

/// A run has at most 256 jobs of a matrix, and some beside it.
const PAGES: usize = 5;
/// How often jobs that are not over are looked at after their run is: GitHub tells the end of a run before that of its jobs.
const AFTER: u8 = 10;

/// The jobs of `run` for as long as they are asked for.
pub(super) fn watch(api: Arc<Api>, run: Id<Run>) -> BoxStream<'static, Result<Batch, SourceError>> {
    let watch = Watch { api, run, known: None, standing: None, after: 0 };
    stream::try_unfold(watch, |mut watch| async move {
        let batch = watch.next().await?;
        Ok(Some((batch, watch)))
    })
    .boxed()
}

struct Watch {
    api: Arc<Api>,
    run: Id<Run>,
    known: Option<Vec<Job>>,
    standing: Option<Standing>,
    after: u8,
}

impl Watch {
    async fn next(&mut self) -> Result<Batch, SourceError> {
        if self.known.is_some() {
            self.rest().await;
        }
        let standing = self.api.board.standing(&self.run);
        self.after = if self.standing == standing { self.after.saturating_add(1) } else { 0 };
        self.standing = standing;
        let jobs = self.read().await?;
        let same = self.known.as_ref() == Some(&jobs);
        self.known = Some(jobs.clone());
        Ok(if same { Batch::default() } else { Batch::list(jobs) })
    }

    /// Waits for the next look: a moment while anything may change, else until the run is another one.
    async fn rest(&self) {
        let changed = self.api.board.changed(&self.run, self.standing);
        if self.alive() {
            let pause = self.api.pace.jobs * self.api.slowness();
            tokio::select! { () = sleep(pause) => {}, () = changed => {} }
        } else {
            changed.await;
        }
    }

    fn alive(&self) -> bool {
        let unfinished = self.known.iter().flatten().any(|job| !job.status.over());
        match self.standing {
            Some(standing) => standing.alive || (unfinished && self.after < AFTER),
            None => unfinished,
        }
    }

    async fn read(&self) -> Result<Vec<Job>, SourceError> {
        let Some((repository, number)) = keys::of_run(&self.run) else {
            return Err(SourceError::NotFound(clean!("{} is not a run of GitHub", self.run.as_str())));
        };
        let mut ask = Api::ask(repository, &["actions", "runs", &number.to_string(), "jobs"]).with("filter", "latest").with("per_page", "100");
        let mut found: Vec<WireJob> = Vec::new();
        for _ in 0..PAGES {
            let (page, next) = self.api.read::<wire::Jobs>(Need::Detail, repository, ask).await?;
            found.extend(page.jobs);
            let Some(next) = next else { break };
            ask = next;
        }
        Ok(found.into_iter().map(|job| job.job(&self.api.id, repository, number, self.standing, &self.api.gates)).collect())
    }
}
