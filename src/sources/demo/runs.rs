//! Runs of CI, their jobs and what the jobs said.

use super::{
    errands::{Course, JobCourse},
    tables::{EndName, GateName, JobTable, RunTable},
    unit::Unit,
    world::World,
};
use crate::{
    domain::{Answer, Artifact, GateKind, Id, Job, Level, LogLine, Origin, Report, Run, RunStatus, SourceId, Step, Tests},
    sources::SourceError,
    text::{Clean, Name, Painted},
};
use jiff::{SignedDuration, Timestamp};

/// From being asked for to being taken by a runner.
const QUEUED: SignedDuration = SignedDuration::from_secs(2);

impl World {
    /// The newest runs that were asked for by `at`.
    pub(super) fn runs(&self, source: &SourceId, at: Timestamp) -> Vec<Run> {
        let asked = self.scenario.tables.run.iter().filter(|table| !table.older && self.scenario.when(&table.started) - QUEUED <= at);
        asked.map(|table| self.run(source, table, at)).collect()
    }

    /// The older ones of a repository.
    pub(super) fn older_runs(&self, source: &SourceId, repository: &Name, at: Timestamp) -> Vec<Run> {
        let older = self.scenario.tables.run.iter().filter(|table| table.older).map(|table| self.run(source, table, at));
        older.filter(|run| run.repository == *repository).collect()
    }

    fn run(&self, source: &SourceId, table: &RunTable, at: Timestamp) -> Run {
        let course = self.course(source, table);
        let repository = format!("shop/{}", table.service.get_ref());
        let status = run_status(table, &course, at);
        let ended = table.job.iter().map(|job| course.job(job).ended).max().filter(|_| status.over());
        Run {
            id: run_id(source, table),
            workflow: Clean::from_untrusted(&table.workflow),
            number: table.number,
            attempt: course.attempt,
            title: Clean::from_untrusted(&table.title),
            branch: Name::new(&table.branch),
            commit: commit(table),
            actor: Clean::from_untrusted(&table.by),
            status,
            created: Some(self.scenario.when(&table.started) - QUEUED),
            started: Some(course.started).filter(|started| *started <= at),
            ended: ended.map(|ended| course.cancelled.map_or(ended, |cancelled| cancelled.min(ended))),
            was: None,
            digests: Box::default(),
            usual: table.usual.and_then(|usual| u32::try_from(usual.0.as_secs()).ok()),
            url: crate::clean!("https://github.example/{repository}/actions/runs/{}", table.number),
            repository: Name::new(&repository),
        }
    }

    /// Where the image of that digest comes from: the commit of the run that its rollout names.
    pub(super) fn origin(&self, reference: &Name) -> Option<Origin> {
        let (_, digest) = reference.raw().split_once('@')?;
        let built =
            |unit: &Unit| unit.templates.iter().filter(|one| one.digest == digest).find_map(|one| one.cause.as_deref()?.strip_prefix("run #")?.parse().ok());
        let (service, number): (_, u64) = self.units.iter().find_map(|unit| Some((&unit.service, built(unit)?)))?;
        let table = self.scenario.tables.run.iter().find(|table| table.service.get_ref() == service && table.number == number)?;
        Some(Origin { source: Name::new(&format!("https://github.example/shop/{service}")), commit: commit(table) })
    }

    /// The jobs of a run.
    pub(super) fn jobs(&self, source: &SourceId, run: &Id<Run>, at: Timestamp) -> Vec<Job> {
        let Some(table) = self.run_table(source, run) else { return Vec::new() };
        let course = self.course(source, table);
        table.job.iter().map(|one| job(source, run, &course.job(one), at)).collect()
    }

    pub(super) fn run_table(&self, source: &SourceId, run: &Id<Run>) -> Option<&RunTable> {
        self.scenario.tables.run.iter().find(|table| run_id(source, table) == *run)
    }

    /// Every moment at which a run or a job changes.
    pub(super) fn run_moments(&self, source: &SourceId) -> Vec<Timestamp> {
        let of = |table: &RunTable| {
            let course = self.course(source, table);
            let jobs = table.job.iter().flat_map(|job| (0..=job.steps.len().max(1)).map(|step| course.job(job).step_at(step)));
            let jobs: Vec<Timestamp> = jobs.collect();
            jobs.into_iter().chain([course.started - QUEUED, course.started]).chain(course.cancelled).collect::<Vec<_>>()
        };
        self.scenario.tables.run.iter().flat_map(of).collect()
    }

    /// What a job said; the whole once it has ended, as the real system has it, and nothing before.
    pub(super) fn job_log(&self, source: &SourceId, id: &Id<Job>, at: Timestamp) -> Option<(Clean, Timestamp, Vec<LogLine>)> {
        let jobs = self.scenario.tables.run.iter().flat_map(|run| run.job.iter().map(move |job| (run, job)));
        let (run, job) = jobs.into_iter().find(|(run, job)| job_id(&run_id(source, run), source, job) == *id)?;
        let course = self.course(source, run).job(job);
        let said = if job.log.is_empty() { &job.steps } else { &job.log };
        let step = job.takes.0 / i32::try_from(said.len() + 1).unwrap_or(i32::MAX);
        let line = |(nth, text): (usize, &String)| LogLine {
            at: Some(course.began + step * i32::try_from(nth + 1).unwrap_or(i32::MAX)),
            level: if text.starts_with("error") { Level::Error } else { Level::Unknown },
            text: Painted::from_untrusted(text),
            ..LogLine::default()
        };
        let lines = if course.ended <= at { said.iter().enumerate().map(line).collect() } else { Vec::new() };
        Some((Clean::from_untrusted(&job.name), course.ended, lines))
    }

    /// What a run has to show: nothing before it is over.
    pub(super) fn report(&self, source: &SourceId, id: &Id<Run>, at: Timestamp) -> Result<Answer, SourceError> {
        let none = || SourceError::NotFound(crate::clean!("{source} has no run {}", id.key()));
        let table = self.run_table(source, id).ok_or_else(none)?;
        let mut report = Report::default();
        if let Some(ended) = self.run(source, table, at).ended {
            report.tests = table.tests.map(|(total, failed, skipped)| Tests { total, failed, skipped });
            report.coverage = table.coverage;
            let until = Some(ended + SignedDuration::from_hours(KEPT));
            let made = |(name, bytes): &(String, u64)| Artifact { name: Clean::from_untrusted(name), bytes: Some(*bytes), until, gone: false };
            report.made(table.artifacts.iter().map(made).collect(), 0);
        }
        Ok(Answer::Report(Box::new(report)))
    }

    /// The last lines of what a job said.
    pub(super) fn job_tail(&self, source: &SourceId, id: &Id<Job>, at: Timestamp) -> Result<Answer, SourceError> {
        let (_, ended, lines) = self.job_log(source, id, at).ok_or_else(|| SourceError::NotFound(crate::clean!("{source} has no job {}", id.key())))?;
        if ended > at {
            return Err(SourceError::NotFound(Clean::from_static("its log is there when the job ends")));
        }
        let last = lines.len().saturating_sub(TAIL);
        Ok(Answer::Text(lines[last..].iter().map(|line| line.text.text.clone()).collect()))
    }
}

/// Runs of one title are about one commit.
fn commit(table: &RunTable) -> Name {
    Name::new(&super::chance::Chance::new(2).of(table.service.get_ref()).of(&table.title).hex(40))
}

/// For so many hours artifacts are kept.
const KEPT: i64 = 90 * 24;
/// So many lines are told of the end of a log.
const TAIL: usize = 8;

fn run_status(table: &RunTable, course: &Course, at: Timestamp) -> RunStatus {
    if at < course.started {
        return RunStatus::Queued;
    }
    let jobs: Vec<RunStatus> = table.job.iter().map(|job| course.job(job).status(at)).collect();
    let worst = jobs.iter().min_by_key(|status| status.rank()).cloned().unwrap_or(RunStatus::Success);
    let all_over = jobs.iter().all(RunStatus::over);
    match worst {
        RunStatus::Failed if !all_over => RunStatus::Running,
        RunStatus::Queued => RunStatus::Running,
        other => other,
    }
}

pub(super) fn run_id(source: &SourceId, table: &RunTable) -> Id<Run> {
    Id::new(source, &format!("{}/{}", table.service.get_ref(), table.number))
}

fn job_id(run: &Id<Run>, source: &SourceId, job: &JobTable) -> Id<Job> {
    Id::new(source, &format!("{}/{}", run.key(), job.name))
}

fn job(source: &SourceId, run: &Id<Run>, course: &JobCourse<'_>, at: Timestamp) -> Job {
    let (table, status) = (course.job, course.status(at));
    Job {
        id: job_id(run, source, table),
        run: run.clone(),
        name: Clean::from_untrusted(&table.name),
        started: Some(course.began).filter(|began| *began <= at),
        ended: Some(course.ended).filter(|_| status.over()),
        steps: (0..table.steps.len()).map(|nth| step(course, nth, at)).collect(),
        gate: table.gate.map(|gate| match gate {
            GateName::Build => GateKind::Build,
            GateName::Security => GateKind::Security,
            GateName::Deploy => GateKind::Deployment,
        }),
        url: crate::clean!("https://github.example/shop/actions/jobs/{}", table.name),
        status,
    }
}

fn step(course: &JobCourse<'_>, nth: usize, at: Timestamp) -> Step {
    let (began, ended) = (course.step_at(nth), course.step_at(nth + 1));
    let last = nth + 1 == course.job.steps.len();
    let status = match &course.ends {
        _ if at < began => RunStatus::Queued,
        EndName::Waiting(what) if last => RunStatus::Waiting(Clean::from_untrusted(what)),
        _ if at < ended => RunStatus::Running,
        EndName::Failed if last => RunStatus::Failed,
        EndName::Ok | EndName::Failed | EndName::Waiting(_) => RunStatus::Success,
    };
    Step {
        number: u32::try_from(nth + 1).unwrap_or(u32::MAX),
        name: Clean::from_untrusted(&course.job.steps[nth]),
        started: Some(began).filter(|began| *began <= at),
        ended: Some(ended).filter(|_| status.over()),
        status,
    }
}
