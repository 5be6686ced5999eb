//! GitLab CI, in the shape of its newest version.

use super::{BEGAN, Ci, How, Pipeline, Task, at, many::is_main};
use crate::{
    gitlab::{
        source,
        stand_in::GitLab as Server,
        table,
        world::{Job, Pipeline as Row, Shape},
    },
    reader::reader,
};
use jiff::Timestamp;
use pilothouse::{
    config::{Config, SourceConfig},
    sources::{
        Made, Source,
        gitlab::{Pace, paced},
    },
};
use std::{ops::Range, sync::Arc, time::Duration};

/// A project.
pub struct GitLab(Server);

const fn word(how: How) -> &'static str {
    match how {
        How::Queued => "pending",
        How::Running => "running",
        How::Held => "manual",
        How::Success => "success",
        How::Failed => "failed",
        How::Cancelled => "canceled",
        How::Skipped => "skipped",
        How::Odd => "hibernating",
    }
}

fn job(run: u64, (nth, task): (u64, &Task)) -> Job {
    let mut job = Job::new(run * 1_000 + nth, "", &task.name, word(task.how));
    // A stage that is called like its one job is not told twice.
    job.stage = task.name.clone().leak();
    job.started = (task.how.over() && task.how != How::Skipped || task.how == How::Running).then(|| at(task.from));
    job.finished = job.started.filter(|_| task.how.over()).map(|_| at(task.to));
    job
}

impl Ci for GitLab {
    const PAGED: bool = true;

    async fn new(about: &str) -> Option<Self> {
        Some(Self(Server::start(&format!("suite-{}", about.replace('_', "-")), Shape::New)))
    }

    fn table(&self) -> String {
        table(&self.0)
    }

    fn source(&self, more: &str) -> Arc<dyn Source> {
        source(&self.0, more)
    }

    fn steady(&self, more: &str) -> Arc<dyn Source> {
        let second = Duration::from_secs(1);
        let table = SourceConfig::from_toml(&format!("{}{more}", self.table())).expect("a table");
        match paced(&table, &Config::default(), Pace { busy: second, idle: second, jobs: second }) {
            Made::Source(source) => source,
            _ => panic!("it is made"),
        }
    }

    fn reading(&self) -> Arc<dyn Source> {
        reader(&self.table(), &Config::default())
    }

    fn stranger(&self) -> Arc<dyn Source> {
        reader(&self.table().replace("t0ken-test", "stale"), &Config::default())
    }

    async fn write(&self, pipeline: &Pipeline) {
        let mut row = Row::new(pipeline.number, word(pipeline.how), (0..).zip(&pipeline.tasks).map(|task| job(pipeline.number, task)).collect());
        row.created = *BEGAN;
        row.updated = if pipeline.how.over() { at(pipeline.took) } else { Timestamp::now() };
        self.0.with(|world| {
            let logs = world.pipelines.get(&row.id).map(|before| before.jobs.iter().map(|job| job.log.clone()).collect::<Vec<_>>()).unwrap_or_default();
            row.jobs.iter_mut().zip(logs).for_each(|(job, log)| job.log = log);
            world.add(row);
        });
    }

    async fn bare(&self, number: u64) {
        self.0.with(|world| world.add(Row { sparse: true, ..Row::new(number, "pending", Vec::new()) }));
    }

    async fn says(&self, number: u64, lines: Range<usize>, _: bool) {
        let text: String = lines.map(|n| format!("line {n}\n")).collect();
        self.0.with(|world| world.pipeline(number).jobs[0].log = Some(text.into_bytes()));
    }

    async fn many(&self, count: u64) -> u64 {
        self.0.with(|world| {
            for number in 1..=count {
                let mut row = Row::new(number, "success", Vec::new());
                row.reference = if is_main(number) { "main" } else { "dev" }.into();
                // Some of them at one time, which orders nothing.
                row.updated = at(i64::try_from(number).expect("few") / 3 - 20_000);
                row.created = row.updated;
                world.add(row);
            }
        });
        count
    }

    fn changes(&self) -> usize {
        self.0.with(|world| world.changes.len())
    }

    fn cut(&self) {
        self.0.with(|world| world.cut = true);
    }

    fn refuse(&self, refuses: bool) {
        self.0.with(|world| world.refusal = refuses.then(|| (403, "403 Forbidden", Vec::new())));
    }
}
