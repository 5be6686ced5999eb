//! Runs of CI, their jobs and what the jobs said.

use super::{
    tables::{EndName, GateName, JobTable, RunTable},
    world::World,
};
use crate::{
    domain::{GateKind, Id, Job, Level, LogLine, Run, RunStatus, SourceId, Step},
    text::{Clean, Name, Painted},
};
use jiff::{SignedDuration, Timestamp};

/// From being asked for to being taken by a runner.
const QUEUED: SignedDuration = SignedDuration::from_secs(2);

impl World {
    /// The runs that were asked for by `at`.
    pub(super) fn runs(&self, source: &SourceId, at: Timestamp) -> Vec<Run> {
        let asked = self.scenario.tables.run.iter().filter(|table| self.scenario.when(&table.started) - QUEUED <= at);
        asked.map(|table| self.run(source, table, at)).collect()
    }

    fn run(&self, source: &SourceId, table: &RunTable, at: Timestamp) -> Run {
        let started = self.scenario.when(&table.started);
        let repository = format!("shop/{}", table.service.get_ref());
        let status = self.run_status(table, at);
        let ended = table.job.iter().map(|job| started + job.after.0 + job.takes.0).max().filter(|_| status.over());
        Run {
            id: run_id(source, table),
            workflow: Clean::from_untrusted(&table.workflow),
            number: table.number,
            attempt: 1,
            title: Clean::from_untrusted(&table.title),
            branch: Name::new(&table.branch),
            commit: Name::new(&super::chance::Chance::new(2).of(&repository).nth(table.number.cast_signed()).hex(40)),
            actor: Clean::from_untrusted(&table.by),
            status,
            created: Some(started - QUEUED),
            started: Some(started).filter(|started| *started <= at),
            ended,
            usual: table.usual.and_then(|usual| u32::try_from(usual.0.as_secs()).ok()),
            url: crate::clean!("https://github.example/{repository}/actions/runs/{}", table.number),
            repository: Name::new(&repository),
        }
    }

    fn run_status(&self, table: &RunTable, at: Timestamp) -> RunStatus {
        let started = self.scenario.when(&table.started);
        let jobs: Vec<RunStatus> = table.job.iter().map(|job| job_status(job, started, at)).collect();
        if at < started {
            return RunStatus::Queued;
        }
        let worst = jobs.iter().min_by_key(|status| status.rank()).cloned().unwrap_or(RunStatus::Success);
        let all_over = jobs.iter().all(RunStatus::over);
        match worst {
            RunStatus::Failed if !all_over => RunStatus::Running,
            RunStatus::Queued => RunStatus::Running,
            other => other,
        }
    }

    /// The jobs of a run.
    pub(super) fn jobs(&self, source: &SourceId, run: &Id<Run>, at: Timestamp) -> Vec<Job> {
        let Some(table) = self.scenario.tables.run.iter().find(|table| run_id(source, table) == *run) else { return Vec::new() };
        let started = self.scenario.when(&table.started);
        table.job.iter().map(|job| self::job(source, run, job, started, at)).collect()
    }

    /// Every moment at which a run or a job changes.
    pub(super) fn run_moments(&self) -> Vec<Timestamp> {
        let of = |table: &RunTable| {
            let started = self.scenario.when(&table.started);
            let jobs = table.job.iter().flat_map(move |job| (0..=job.steps.len().max(1)).map(move |step| step_at(job, started, step)));
            jobs.chain([started - QUEUED, started]).collect::<Vec<_>>()
        };
        self.scenario.tables.run.iter().flat_map(of).collect()
    }

    /// What a job said; the whole once it has ended, as the real system has it, and nothing before.
    pub(super) fn job_log(&self, source: &SourceId, id: &Id<Job>, at: Timestamp) -> Option<(Clean, Timestamp, Vec<LogLine>)> {
        let jobs = self.scenario.tables.run.iter().flat_map(|run| run.job.iter().map(move |job| (run, job)));
        let (run, job) = jobs.into_iter().find(|(run, job)| job_id(&run_id(source, run), source, job) == *id)?;
        let began = self.scenario.when(&run.started) + job.after.0;
        let ended = began + job.takes.0;
        let said = if job.log.is_empty() { &job.steps } else { &job.log };
        let step = job.takes.0 / i32::try_from(said.len() + 1).unwrap_or(i32::MAX);
        let line = |(nth, text): (usize, &String)| LogLine {
            at: Some(began + step * i32::try_from(nth + 1).unwrap_or(i32::MAX)),
            level: if text.starts_with("error") { Level::Error } else { Level::Unknown },
            text: Painted::from_untrusted(text),
            ..LogLine::default()
        };
        let lines = if ended <= at { said.iter().enumerate().map(line).collect() } else { Vec::new() };
        Some((Clean::from_untrusted(&job.name), ended, lines))
    }
}

fn run_id(source: &SourceId, table: &RunTable) -> Id<Run> {
    Id::new(source, &format!("{}/{}", table.service.get_ref(), table.number))
}

fn job_id(run: &Id<Run>, source: &SourceId, job: &JobTable) -> Id<Job> {
    Id::new(source, &format!("{}/{}", run.key(), job.name))
}

fn job_status(job: &JobTable, started: Timestamp, at: Timestamp) -> RunStatus {
    let began = started + job.after.0;
    match &job.ends {
        _ if at < began => RunStatus::Queued,
        EndName::Waiting(what) => RunStatus::Waiting(Clean::from_untrusted(what)),
        EndName::Ok | EndName::Failed if at < began + job.takes.0 => RunStatus::Running,
        EndName::Ok => RunStatus::Success,
        EndName::Failed => RunStatus::Failed,
    }
}

fn job(source: &SourceId, run: &Id<Run>, table: &JobTable, started: Timestamp, at: Timestamp) -> Job {
    let status = job_status(table, started, at);
    let began = started + table.after.0;
    Job {
        id: job_id(run, source, table),
        run: run.clone(),
        name: Clean::from_untrusted(&table.name),
        started: Some(began).filter(|began| *began <= at),
        ended: Some(began + table.takes.0).filter(|_| status.over()),
        steps: (0..table.steps.len()).map(|nth| step(table, started, nth, at)).collect(),
        gate: table.gate.map(|gate| match gate {
            GateName::Build => GateKind::Build,
            GateName::Security => GateKind::Security,
            GateName::Deploy => GateKind::Deployment,
        }),
        url: crate::clean!("https://github.example/shop/actions/jobs/{}", table.name),
        status,
    }
}

/// When a step of a job begins; the one after the last is its end. The last step takes half of the time.
fn step_at(job: &JobTable, started: Timestamp, nth: usize) -> Timestamp {
    let (began, count) = (started + job.after.0, job.steps.len());
    if nth >= count {
        return began + job.takes.0;
    }
    let parts = i32::try_from(2 * count.saturating_sub(1)).unwrap_or(1).max(1);
    began + job.takes.0 / parts * i32::try_from(nth).unwrap_or_default()
}

fn step(job: &JobTable, started: Timestamp, nth: usize, at: Timestamp) -> Step {
    let (began, ended) = (step_at(job, started, nth), step_at(job, started, nth + 1));
    let last = nth + 1 == job.steps.len();
    let status = match &job.ends {
        _ if at < began => RunStatus::Queued,
        EndName::Waiting(what) if last => RunStatus::Waiting(Clean::from_untrusted(what)),
        _ if at < ended => RunStatus::Running,
        EndName::Failed if last => RunStatus::Failed,
        EndName::Ok | EndName::Failed | EndName::Waiting(_) => RunStatus::Success,
    };
    Step {
        number: u32::try_from(nth + 1).unwrap_or(u32::MAX),
        name: Clean::from_untrusted(&job.steps[nth]),
        started: Some(began).filter(|began| *began <= at),
        ended: Some(ended).filter(|_| status.over()),
        status,
    }
}
