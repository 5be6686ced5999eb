//! What a person does to the runs of the simulated CI: run again, cancelled, let go on or not.

use super::{
    chance::Chance,
    runs::run_id,
    tables::{EndName, JobTable, RunTable},
    words::Moment,
    world::World,
};
use crate::{
    domain::{Again, Check, CheckKind, Held, Id, Input, InputKind, Inputs, Operation, Run, RunNow, RunStatus, SourceId, Stage, Verb},
    sources::github,
    text::{Clean, Name, Raw},
};
use jiff::{SignedDuration, Timestamp};

/// From being wanted again to being taken by a runner.
const TAKEN: SignedDuration = SignedDuration::from_secs(3);
/// What a run is called that a person started.
const BY_HAND: &str = "Started by hand";

/// What every workflow here is started with.
fn taken() -> Inputs {
    let input = |name, kind, default, required| Input { name: Name::new(name), kind, default: Raw::new(default), required };
    let to = InputKind::Choice(["staging", "production"].map(Name::new).into());
    let known = vec![input("version", InputKind::Text, "", true), input("environment", to, "staging", true), input("dry_run", InputKind::Flag, "false", false)];
    Inputs { known, open: false }
}

/// One thing that was done to a run.
#[derive(Clone, Debug)]
pub struct Errand {
    run: Id<Run>,
    verb: Verb,
    at: Timestamp,
}

/// How the newest attempt of a run goes.
pub(super) struct Course {
    pub attempt: u32,
    pub started: Timestamp,
    pub cancelled: Option<Timestamp>,
    said: Option<(Verb, Timestamp)>,
}

/// The same of one of its jobs.
pub(super) struct JobCourse<'a> {
    pub job: &'a JobTable,
    pub began: Timestamp,
    pub ended: Timestamp,
    pub ends: EndName,
    cancelled: Option<Timestamp>,
}

impl Course {
    pub fn job<'a>(&self, job: &'a JobTable) -> JobCourse<'a> {
        let began = self.started + job.after.0;
        let told = |ends, began| JobCourse { job, began, ended: began + job.takes.0, ends, cancelled: self.cancelled };
        match (&job.ends, self.said) {
            (EndName::Waiting(_), Some((Verb::Approve, at))) => told(EndName::Ok, at),
            (EndName::Waiting(_), Some((_, at))) => JobCourse { ended: at, ..told(EndName::Failed, began) },
            // What failed once has found its mirror or its memory the second time.
            (EndName::Failed, _) if self.attempt > 1 => told(EndName::Ok, began),
            (ends, _) => told(ends.clone(), began),
        }
    }
}

impl JobCourse<'_> {
    pub fn status(&self, at: Timestamp) -> RunStatus {
        let status = match &self.ends {
            _ if at < self.began => RunStatus::Queued,
            EndName::Waiting(what) => RunStatus::Waiting(Clean::from_untrusted(what)),
            EndName::Ok | EndName::Failed if at < self.ended => RunStatus::Running,
            EndName::Ok => RunStatus::Success,
            EndName::Failed => RunStatus::Failed,
        };
        let stopped = self.cancelled.is_some_and(|cancelled| cancelled <= at && (cancelled < self.ended || matches!(self.ends, EndName::Waiting(_))));
        if stopped { RunStatus::Cancelled } else { status }
    }

    /// When a step begins; the one after the last is its end. The last step takes half of the time.
    pub fn step_at(&self, nth: usize) -> Timestamp {
        let count = self.job.steps.len();
        if nth >= count {
            return self.ended;
        }
        let parts = i32::try_from(2 * count.saturating_sub(1)).unwrap_or(1).max(1);
        self.began + self.job.takes.0 / parts * i32::try_from(nth).unwrap_or_default()
    }
}

impl World {
    pub(super) fn course(&self, source: &SourceId, table: &RunTable) -> Course {
        let mut course = Course { attempt: 1, started: self.scenario.when(&table.started), cancelled: None, said: None };
        for errand in self.errands.iter().filter(|errand| errand.run == run_id(source, table)) {
            match errand.verb {
                Verb::Rerun | Verb::RerunFailed => course = Course { attempt: course.attempt + 1, started: errand.at + TAKEN, cancelled: None, said: None },
                Verb::Cancel | Verb::ForceCancel => course.cancelled = Some(errand.at),
                verb => course.said = Some((verb, errand.at)),
            }
        }
        course
    }

    /// A run as it is at `at`, for what is to be done with it.
    pub(super) fn run_now(&self, source: &SourceId, id: &Id<Run>, verb: Verb, at: Timestamp) -> Option<RunNow> {
        let run = self.runs(source, at).into_iter().find(|run| run.id == *id)?;
        let jobs = self.jobs(source, id, at);
        let failed = jobs.iter().filter(|job| job.status == RunStatus::Failed).map(|job| job.name.clone()).collect();
        let waits = jobs.iter().any(|job| matches!(job.status, RunStatus::Waiting(_)));
        let held = Held { environment: Name::new("production"), key: Raw::new("1"), ours: Some(true), asks: vec![Clean::from_static("release-managers")] };
        let (again, inputs) = match verb {
            Verb::Dispatch => {
                let started = self.runs(source, at).into_iter().filter(|one| one.repository == run.repository && &*one.title == BY_HAND);
                (Again::Fresh { newest: started.map(|one| one.number).max(), on: crate::clean!("what {} holds by then", run.branch) }, taken())
            }
            _ => (Again::Attempt, Inputs::default()),
        };
        Some(RunNow { run, failed, held: waits.then_some(held).into_iter().collect(), again, inputs: Ok(inputs) })
    }

    /// Another run of the same, which goes as it goes where nothing is wrong.
    fn start(&mut self, source: &SourceId, run: &Id<Run>, by: &Clean, at: Timestamp) {
        let Some(mut table) = self.run_table(source, run).cloned() else { return };
        let of_service = self.scenario.tables.run.iter().filter(|one| one.service.get_ref() == table.service.get_ref());
        table.number = of_service.map(|one| one.number).max().unwrap_or_default() + 1;
        (table.title, table.by, table.started) = (BY_HAND.to_owned(), by.to_string(), Moment::at(at + TAKEN));
        table.job.iter_mut().for_each(|job| job.ends = EndName::Ok);
        self.scenario.tables.run.push(table);
    }

    pub(super) fn check_errand(&self, operation: &Operation, at: Timestamp) -> Vec<Check> {
        let run: Id<Run> = operation.subject.cast();
        let Some(now) = self.run_now(&run.source(), &run, operation.verb, at) else {
            return vec![Check::Made(CheckKind::Rights.block(crate::clean!("{} is not there any more", operation.title), None))];
        };
        let repository = &now.run.repository;
        let rights = CheckKind::Rights.ok(crate::clean!("you may write Actions of {repository}"));
        let command = match operation.verb {
            Verb::Dispatch => github::start_command(&"github.com".into(), &crate::clean!("{}.yml", now.run.workflow), &now.run, &operation.inputs),
            verb => github::command(verb, "github.com", repository.raw(), now.run.number),
        };
        vec![Check::Expect(vec![CheckKind::Rights]), Check::Command(command), Check::Made(rights)]
    }

    pub(super) fn carry_errand(&mut self, operation: &Operation, at: Timestamp) -> Vec<Stage> {
        let run: Id<Run> = operation.subject.cast();
        let Some(now) = self.run_now(&run.source(), &run, operation.verb, at) else {
            return vec![Stage::Refused { why: crate::clean!("{} is not there any more", operation.title) }];
        };
        if let Some(what) = now.moved(operation.verb, &operation.from).or_else(|| now.refuses(&operation.inputs)) {
            return vec![Stage::Conflict { what, same: false }];
        }
        match operation.verb {
            Verb::Dispatch => self.start(&run.source(), &run, &operation.by, at),
            verb => self.errands.push(Errand { run, verb, at }),
        }
        let request = Chance::new(4).of(operation.id.as_str()).hex(8);
        let accepted = Stage::Accepted { request: Some(crate::clean!("{request}")), warnings: Vec::new(), revision: None, generation: None };
        vec![Stage::Sending, accepted]
    }
}
