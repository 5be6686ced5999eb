//! GitHub Actions, behind the proxy that holds everything against GitHub's own description.

use super::{BEGAN, Ci, How, Pipeline, Task, at, many::is_main};
use crate::github::{
    seen::{reading, repository, source},
    stand_in::GitHub as Server,
    world::{Job, Refusal, Run},
};
use jiff::Timestamp;
use pilothouse::sources::Source;
use std::{ops::Range, sync::Arc};

/// A repository.
pub struct GitHub {
    server: &'static Server,
    name: String,
}

const fn words(how: How) -> (&'static str, Option<&'static str>) {
    match how {
        How::Queued => ("queued", None),
        How::Running => ("in_progress", None),
        How::Held => ("waiting", None),
        How::Success => ("completed", Some("success")),
        How::Failed => ("completed", Some("failure")),
        How::Cancelled => ("completed", Some("cancelled")),
        How::Skipped => ("completed", Some("skipped")),
        How::Odd => ("hibernating", None),
    }
}

fn job(run: u64, (nth, task): (u64, &Task)) -> Job {
    let mut job = Job::queued(run * 1_000 + nth, &task.name);
    (job.status, job.conclusion) = if task.how == How::Odd { ("completed", None) } else { words(task.how) };
    job.started = at(task.from);
    job.completed = task.how.over().then(|| at(task.to));
    job
}

impl Ci for GitHub {
    const LIVE: bool = false;
    const PAGED: bool = true;

    async fn new(about: &str) -> Option<Self> {
        let (server, name, _) = repository(&format!("suite-{}", about.replace('_', "-")), "")?;
        Some(Self { server, name })
    }

    fn table(&self) -> String {
        format!("kind = 'github'\nurl = '{}'\nrepositories = ['{}']\ntoken_command = ['echo', 't0ken']", self.server.proxy, self.name)
    }

    fn source(&self, more: &str) -> Arc<dyn Source> {
        source(self.server, &self.name, "t0ken", more)
    }

    fn reading(&self) -> Arc<dyn Source> {
        reading(&self.server.proxy, &self.name)
    }

    fn stranger(&self) -> Arc<dyn Source> {
        source(self.server, &self.name, "stale", "")
    }

    async fn write(&self, pipeline: &Pipeline) {
        let mut run = Run::queued(pipeline.number, (0..).zip(&pipeline.tasks).map(|task| job(pipeline.number, task)).collect());
        (run.status, run.conclusion) = words(pipeline.how);
        (run.created, run.started) = (*BEGAN, *BEGAN);
        run.updated = if pipeline.how.over() { at(pipeline.took) } else { Timestamp::now() };
        self.server.with(&self.name, |world| {
            let logs = world.runs.get(&run.id).map(|before| before.jobs.iter().map(|job| job.log.clone()).collect::<Vec<_>>()).unwrap_or_default();
            run.jobs.iter_mut().zip(logs).for_each(|(job, log)| job.log = log);
            world.add(run);
        });
    }

    async fn bare(&self, number: u64) {
        self.server.with(&self.name, |world| world.add(Run { sparse: true, ..Run::queued(number, Vec::new()) }));
    }

    async fn says(&self, number: u64, lines: Range<usize>, over: bool) {
        let text: String = lines.map(|n| format!("{} line {n}\r\n", Timestamp::now())).collect();
        self.server.with(&self.name, |world| world.run(number).jobs[0].log = over.then_some(text));
    }

    async fn many(&self, count: u64) -> u64 {
        self.server.with(&self.name, |world| {
            for number in 1..=count {
                let branch = if is_main(number) { "main" } else { "dev" };
                // Some of them in one second, as GitHub tells no less of a time.
                let created = at(i64::try_from(number).expect("few") / 3 - 20_000);
                world.add(Run { branch: branch.into(), created, started: created, updated: created, ..Run::over(number, "success") });
            }
        });
        count
    }

    fn changes(&self) -> usize {
        self.server.with(&self.name, |world| world.reruns.len())
    }

    fn cut(&self) {
        self.server.with(&self.name, |world| world.cut = true);
    }

    fn refuse(&self, refuses: bool) {
        let refusal = Refusal { status: 403, message: "Resource not accessible by personal access token", headers: Vec::new() };
        self.server.with(&self.name, |world| world.refusal = refuses.then_some(refusal));
    }
}
