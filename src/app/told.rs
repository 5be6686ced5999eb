//! What a CI was asked of the run that somebody looks at: once for each job that failed, and once for the run while it goes and once when it is
//! over; only while its screen is open.

use super::{App, Asked, Effect, Screen, tasks::Purpose};
use crate::{
    domain::{Answer, Id, Job, Question, Report, Run, RunStatus, TaskId, Why},
    panels::run,
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, time::Duration};

/// How long after its end the log of a job may not be there yet, and how often it is asked for meanwhile.
const FRESH: SignedDuration = SignedDuration::from_mins(2);
const AGAIN: Duration = Duration::from_secs(15);
/// Of so many jobs, and of so many runs, it is remembered what came.
const KEPT: usize = 100;

/// What was asked of runs, and what came.
#[derive(Debug, Default)]
pub struct Told {
    tails: BTreeMap<Id<Job>, Tail>,
    reports: BTreeMap<Id<Run>, (Stand, Asked<Box<Report>>)>,
}

/// How a run stood when it was asked: its attempt, whether it was over, and since when. One of GitLab is still the first attempt when it was retried.
type Stand = (u32, bool, Option<Timestamp>);

const fn stand(run: &Run) -> Stand {
    (run.attempt, run.status.over(), run.ended)
}

#[derive(Debug)]
struct Tail {
    lines: Asked<Vec<Clean>>,
    /// When to ask again where it was not there; never where the job had been over for long.
    again: Option<Duration>,
}

impl Told {
    /// What a job said last; none where nobody has asked.
    pub fn tail(&self, job: &Id<Job>) -> Option<&Asked<Vec<Clean>>> {
        self.tails.get(job).map(|tail| &tail.lines)
    }

    /// What a run has to show; none where nobody has asked.
    pub fn report(&self, run: &Id<Run>) -> Option<&Asked<Box<Report>>> {
        self.reports.get(run).map(|(_, report)| report)
    }

    /// The same as far as it is here.
    pub fn shown(&self, run: &Id<Run>) -> Option<&Report> {
        self.report(run).and_then(|report| if let Asked::Here(report) = report { Some(&**report) } else { None })
    }

    /// How a run stands. Of one that ended well an answer about it alone may tell that it has warnings, where its list does not.
    pub fn standing(&self, run: &Run) -> RunStatus {
        let warns = run.status == RunStatus::Success && self.shown(&run.id).is_some_and(|report| report.warns);
        if warns { RunStatus::Warn } else { run.status.clone() }
    }

    /// Whether an answer is on its way.
    pub fn waits(&self) -> bool {
        let tails = self.tails.values().any(|tail| matches!(tail.lines, Asked::Waiting(_)));
        tails || self.reports.values().any(|(_, report)| matches!(report, Asked::Waiting(_)))
    }

    fn wants_report(&self, run: &Run) -> bool {
        self.reports.get(&run.id).is_none_or(|(asked, _)| *asked != stand(run))
    }

    /// Whether the end of a job's log is to be asked for: it failed, and nobody has asked, or it was too early.
    fn wants_tail(&self, app: &App, job: &Job) -> bool {
        let bad = matches!(job.status, RunStatus::Failed | RunStatus::Warn);
        bad && match self.tails.get(&job.id) {
            None => true,
            Some(_) => self.again(job).is_some_and(|again| again <= app.now.mono),
        }
    }

    /// When to ask again for what was not there.
    fn again(&self, job: &Job) -> Option<Duration> {
        self.tails.get(&job.id).filter(|tail| matches!(tail.lines, Asked::Failed(_)))?.again
    }

    fn receive(&mut self, task: TaskId, answer: Result<Answer, Why>) {
        let tail = self.tails.values_mut().map(|tail| &mut tail.lines).find(|lines| lines.waits_for(task));
        let report = self.reports.values_mut().map(|(_, report)| report).find(|report| report.waits_for(task));
        match (tail, report, answer) {
            (Some(tail), _, Ok(Answer::Text(lines))) => *tail = Asked::Here(lines),
            (Some(tail), _, Err(why)) => *tail = Asked::Failed(why),
            (None, Some(report), Ok(Answer::Report(told))) => *report = Asked::Here(told),
            (None, Some(report), Err(why)) => *report = Asked::Failed(why),
            (Some(_) | None, _, _) => {}
        }
    }

    /// What could not be had is asked for anew when somebody looks the next time.
    fn forget_failures(&mut self) {
        self.tails.retain(|_, tail| !matches!(tail.lines, Asked::Failed(_)));
        self.reports.retain(|_, (_, report)| !matches!(report, Asked::Failed(_)));
        while self.tails.len() > KEPT {
            self.tails.pop_first();
        }
        while self.reports.len() > KEPT {
            self.reports.pop_first();
        }
    }
}

impl App {
    /// Asks for what the screen of a run shows beside its jobs.
    pub(super) fn attend_run(&mut self) -> Vec<Effect> {
        let Some(Screen::Run(id, at)) = self.screens.last() else {
            if !self.screens.iter().any(|screen| matches!(screen, Screen::Run(..))) {
                self.told.forget_failures();
            }
            return Vec::new();
        };
        let job = run::job_here(self, id, at).filter(|job| self.told.wants_tail(self, job)).map(|job| (job.id.clone(), job.ended));
        let run = self.store.run(id).filter(|run| self.told.wants_report(run)).map(|run| (run.id.clone(), run.commit.clone(), stand(run)));
        let tail = job.map(|(job, ended)| self.ask_tail(job, ended));
        tail.into_iter().chain(run.map(|(run, commit, stand)| self.ask_report(run, commit, stand))).collect()
    }

    fn ask_report(&mut self, run: Id<Run>, commit: Name, stand: Stand) -> Effect {
        let (task, effect) = self.ask(Purpose::Run, run.source(), Question::Report { run: run.clone(), commit });
        self.told.reports.insert(run, (stand, Asked::Waiting(task)));
        effect
    }

    fn ask_tail(&mut self, job: Id<Job>, ended: Option<Timestamp>) -> Effect {
        let (task, effect) = self.ask(Purpose::Run, job.source(), Question::Tail(job.clone()));
        let fresh = ended.is_some_and(|ended| self.now.wall.duration_since(ended) < FRESH);
        self.told.tails.insert(job, Tail { lines: Asked::Waiting(task), again: fresh.then_some(self.now.mono + AGAIN) });
        effect
    }

    /// When the end of a log is asked for again.
    pub(super) fn next_tail(&self) -> Option<Duration> {
        let Some(Screen::Run(id, at)) = self.screens.last() else { return None };
        self.told.again(run::job_here(self, id, at)?)
    }

    pub(super) fn run_answered(&mut self, task: TaskId, answer: Result<Box<Answer>, Why>) {
        self.told.receive(task, answer.map(|answer| *answer));
    }
}
