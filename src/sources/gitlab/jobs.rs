//! The jobs of one pipeline, stage by stage, with those that begin other pipelines and the jobs of the child pipelines that they began.

use super::{api::Api, approvals, keys, meter::Need, wire::WireJob};
use crate::{
    clean,
    domain::{Batch, Id, Job, Run, RunStatus},
    sources::{
        SourceError,
        ci::{self, Board, Look, Rows, Standing},
        refusal::Refusal,
    },
};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A matrix has at most 200 jobs, and a pipeline some of those.
const PAGES: usize = 10;
/// A child may have children, and they none (GitLab's own limit); of so many in all the jobs are shown.
const DEPTH: u8 = 2;
const CHILDREN: usize = 20;

/// The jobs of `run` for as long as they are asked for.
pub(super) fn watch(api: Arc<Api>, run: Id<Run>) -> BoxStream<'static, Result<Batch, SourceError>> {
    ci::jobs(Jobs { api, run: run.clone(), childless: Mutex::default() }, run)
}

struct Jobs {
    api: Arc<Api>,
    run: Id<Run>,
    /// The pipelines that begin no others: what does is made along with the jobs of a pipeline, and is not asked for again.
    childless: Mutex<BTreeSet<u64>>,
}

impl Look for Jobs {
    fn board(&self) -> &Board {
        &self.api.board
    }

    fn pause(&self) -> Duration {
        self.api.pace.jobs * self.api.slowness()
    }

    fn read(&self, _: Option<Standing>) -> BoxFuture<'_, Result<Vec<Job>, SourceError>> {
        async move {
            let Some((project, number)) = keys::of_pipeline(&self.run) else {
                return Err(SourceError::NotFound(clean!("{} is not a pipeline of GitLab", self.run.as_str())));
            };
            let mut tree = Tree { of: self, project, left: CHILDREN, jobs: Vec::new() };
            tree.read(number, String::new(), 0).await?;
            let mut jobs = tree.jobs;
            // A job that waits for a person may wait for an approval before.
            if jobs.iter().any(|job| matches!(job.status, RunStatus::Waiting(_) | RunStatus::Neutral)) {
                let blocked = approvals::blocked(&self.api, Need::Detail, project).await.unwrap_or_default();
                approvals::tell(&self.api, project, &blocked, &mut jobs);
            }
            Ok(jobs)
        }
        .boxed()
    }
}

/// The jobs of a pipeline and of its children, as they are read.
struct Tree<'a> {
    of: &'a Jobs,
    project: &'a str,
    left: usize,
    jobs: Vec<Job>,
}

impl Tree<'_> {
    /// Pipeline `number`, whose jobs' names are led by `under`.
    fn read(&mut self, number: u64, under: String, depth: u8) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let Jobs { api, run, .. } = self.of;
            let of = (&api.id, self.project);
            // They come newest first, and are made in the order of their stages.
            let jobs = pages(api, Need::Detail, self.project, number, "jobs").await?;
            let bridges = self.bridges(number, !jobs.is_empty()).await?;
            self.jobs.extend(jobs.iter().map(|job| job.job(of, run, &under, &api.gates)));
            for bridge in &bridges {
                self.jobs.push(bridge.bridge(of, run, &under, &api.gates));
                let child = bridge.downstream_pipeline.as_ref().filter(|child| child.is_of(self.project)).map(|child| child.id);
                if let Some(child) = child.filter(|_| depth < DEPTH && self.left > 0) {
                    self.left -= 1;
                    let under = format!("{under}{} › ", bridge.name());
                    match self.read(child, under, depth + 1).await {
                        // It may be another project's after all, or gone: the bridge tells how it stands.
                        Ok(()) | Err(Refusal::Here(_)) => {}
                        Err(everywhere) => return Err(everywhere),
                    }
                }
            }
            Ok(())
        })
    }

    /// The jobs of a pipeline that begin others; `made` says whether its jobs are there.
    async fn bridges(&self, number: u64, made: bool) -> Result<Vec<WireJob>, Refusal> {
        let childless = || self.of.childless.lock().unwrap_or_else(PoisonError::into_inner);
        if childless().contains(&number) {
            return Ok(Vec::new());
        }
        match pages(&self.of.api, Need::Detail, self.project, number, "bridges").await {
            Ok(bridges) => {
                if made && bridges.is_empty() {
                    childless().insert(number);
                }
                Ok(bridges)
            }
            Err(Refusal::Here(_)) => Ok(Vec::new()),
            Err(everywhere) => Err(everywhere),
        }
    }
}

/// The jobs or the bridges of a pipeline, in the order in which they were made.
pub(super) async fn pages(api: &Api, need: Need, project: &str, number: u64, what: &str) -> Result<Vec<WireJob>, Refusal> {
    let mut ask = Api::ask(project, &["pipelines", &number.to_string(), what]).with("per_page", "100");
    let mut found: Vec<WireJob> = Vec::new();
    let mut lost = None;
    for turn in 1..=PAGES {
        let (page, next) = api.read::<Rows<WireJob>>(need, project, ask).await?;
        // Pages move while they are read: what is told twice is one.
        found.extend(page.read.into_iter().filter(|job| job.id > 0));
        lost = lost.or(page.lost);
        let Some(next) = next else { break };
        if turn == PAGES {
            lost = Some(clean!("only {} are read, and there are more", found.len()));
        }
        ask = next;
    }
    api.note(&format!("{project} {what}"), lost.map(|words| clean!("{project}: {what} of pipeline {number}: {words}")));
    found.sort_by_key(|job| job.id);
    found.dedup_by_key(|job| job.id);
    Ok(found)
}
