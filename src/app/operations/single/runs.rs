//! Changes of a run: run again, cancelled, approved, rejected. What can be done, in which environment it counts, and when it is done.

use super::{End, Single, Thing};
use crate::{
    app::{App, Effect, Known, Subject},
    domain::{Again, Environment, GateKind, Id, Job, Run, RunNow, RunStatus, Subject as Read, Verb},
    keys::Action,
    store::{EnvironmentRef, words::count},
    text::{Clean, Name},
};

/// The job that is meant: the one that is chosen, or the only one that waits.
fn playable<'a>(jobs: &[&'a Job], subject: &Subject) -> Result<&'a Job, Clean> {
    // A job that need not be played waits for nobody, and can be.
    let waits = |job: &Job| matches!(job.status, RunStatus::Waiting(_) | RunStatus::Neutral);
    let no = |words: &'static str| Err(Clean::from_static(words));
    if let Subject::Job(id) = subject {
        let chosen = jobs.iter().find(|job| job.id == *id);
        return chosen.copied().filter(|job| waits(job)).ok_or_else(|| Clean::from_static("this job waits for nobody: there is nothing to play"));
    }
    let mut waiting = jobs.iter().copied().filter(|job| matches!(job.status, RunStatus::Waiting(_)));
    match (waiting.next(), waiting.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => no("several of its jobs wait: open it with Enter, and play one of them"),
        (None, _) => no("none of its jobs is known to wait: open it with Enter, and play one of them"),
    }
}

impl App {
    /// Whether a change of a run can be planned: in words, or why not. None: `action` plans none, or this is no run.
    pub(in crate::app) fn offer_run(&self, action: Action, subject: &Subject) -> Option<Result<Clean, Clean>> {
        let run = self.store.run(&self.run_of(subject)?)?;
        let verb = self.verb_of(action, run, subject)?;
        Some(self.can_run(verb, run, subject).map(|thing| crate::clean!("{} {}", verb.words(), thing.words())))
    }

    /// The run that a subject is, or is a part of.
    fn run_of(&self, subject: &Subject) -> Option<Id<Run>> {
        match subject {
            Subject::Run(run) => Some(run.clone()),
            Subject::Job(job) => self.store.job(job).map(|job| job.run.clone()),
            Subject::Cell { .. } | Subject::Workload(_) | Subject::Pod(_) | Subject::Alert(_) | Subject::Node(_) | Subject::Nothing => None,
        }
    }

    fn offers_of_run(&self, verb: Verb, run: &Run) -> bool {
        matches!(self.sources.get(&run.id.source()), Some(Ok(Known::Ready(offers))) if offers.verbs.contains(&verb))
    }

    /// Whether its CI runs nothing but the whole of it again.
    fn reruns_whole(&self, run: &Run) -> bool {
        self.offers_of_run(Verb::Rerun, run) && !self.offers_of_run(Verb::RerunFailed, run)
    }

    /// Whether a job is chosen that failed, or was allowed to.
    fn job_failed(&self, subject: &Subject) -> bool {
        let Subject::Job(id) = subject else { return false };
        self.store.job(id).is_some_and(|job| matches!(job.status, RunStatus::Failed | RunStatus::Warn | RunStatus::Cancelled))
    }

    /// The jobs of a run that wait for an approval, or the one that is chosen, if it does.
    fn unapproved(&self, run: &Run, subject: &Subject) -> Vec<&Job> {
        let chosen = |job: &Job| !matches!(subject, Subject::Job(id) if job.id != *id);
        self.store.jobs_of(&run.id).into_iter().filter(|job| job.status.asks_approval() && chosen(job)).collect()
    }

    /// The change of a run that an action plans; none plans none. One key runs again the job that is chosen and failed, or all that failed, or all of
    /// it where nothing did, as far as its CI knows such things; one lets it go on, or where a CI lets jobs go on by themselves plays the job.
    fn verb_of(&self, action: Action, run: &Run, subject: &Subject) -> Option<Verb> {
        match action {
            Action::Restart if self.offers_of_run(Verb::RerunJob, run) && self.job_failed(subject) => Some(Verb::RerunJob),
            Action::Restart if matches!(run.status, RunStatus::Failed | RunStatus::Cancelled) && !self.reruns_whole(run) => Some(Verb::RerunFailed),
            Action::Restart | Action::Rerun => Some(Verb::Rerun),
            Action::Stop => Some(Verb::Cancel),
            Action::ForceCancel => Some(Verb::ForceCancel),
            Action::LetGo if self.offers_of_run(Verb::Play, run) && self.unapproved(run, subject).is_empty() => Some(Verb::Play),
            Action::LetGo => Some(Verb::Approve),
            Action::Reject => Some(Verb::Reject),
            Action::Dispatch => Some(Verb::Dispatch),
            _ => None,
        }
    }

    /// What a change of a run would be about, or why it can not be.
    fn can_run(&self, verb: Verb, run: &Run, subject: &Subject) -> Result<Thing, Clean> {
        if !self.offers_of_run(verb, run) {
            let open = if run.url.is_empty() { Clean::EMPTY } else { crate::clean!(": open {}", run.url) };
            return Err(crate::clean!("{} can not {} a run from here{open}", run.id.source(), verb.words()));
        }
        let jobs = self.store.jobs_of(&run.id);
        let waits = || matches!(run.status, RunStatus::Waiting(_)) || jobs.iter().any(|job| matches!(job.status, RunStatus::Waiting(_)));
        let no = |words: &'static str| Err(Clean::from_static(words));
        match verb {
            Verb::Rerun | Verb::RerunFailed if !run.status.over() => no("it is under way: X cancels it"),
            Verb::Cancel | Verb::ForceCancel if run.status.over() => no("it is over already: nothing is left to cancel"),
            Verb::Approve | Verb::Reject if !self.unapproved(run, subject).is_empty() => match self.unapproved(run, subject)[..] {
                [one] => Ok(Thing::Job(Box::new(run.clone()), Box::new(one.clone()))),
                _ => no("several of its jobs wait for an approval: open it with Enter, and choose one of them"),
            },
            Verb::Approve | Verb::Reject if !waits() => no("it waits for nobody: there is nothing to approve"),
            Verb::RerunJob => {
                let chosen = jobs.iter().find(|job| matches!(subject, Subject::Job(id) if job.id == *id)).copied();
                chosen.map_or_else(|| no("this job is gone"), |job| Ok(Thing::Job(Box::new(run.clone()), Box::new(job.clone()))))
            }
            Verb::Play => playable(&jobs, subject).map(|job| Thing::Job(Box::new(run.clone()), Box::new(job.clone()))),
            Verb::Dispatch => Ok(Thing::Workflow(Box::new(run.clone()))),
            _ => Ok(Thing::Run(Box::new(run.clone()))),
        }
    }

    /// Opens the plan of a change of a run.
    pub(in crate::app) fn plan_run(&mut self, action: Action, subject: &Subject) -> Vec<Effect> {
        let Some(run) = self.run_of(subject).and_then(|id| self.store.run(&id).cloned()) else { return Vec::new() };
        let planned = self.verb_of(action, &run, subject).and_then(|verb| Some((verb, self.can_run(verb, &run, subject).ok()?)));
        let Some((verb, thing)) = planned else { return Vec::new() };
        let place = (self.store.rules().service_of_repository(&run.repository), self.ground_of(&run));
        self.open_thing(verb, thing, place, None)
    }

    /// The environment by whose policy a run is changed: the strictest that its name or its jobs name; where a job deploys and names none that
    /// is known, or no job is known, the strictest there is; else that of the CI itself.
    fn ground_of(&self, run: &Run) -> Name {
        let jobs = self.store.jobs_of(&run.id);
        let why = |status: &RunStatus| match status {
            RunStatus::Waiting(why) => why.clone(),
            _ => Clean::EMPTY,
        };
        let texts: Vec<Clean> =
            [run.workflow.clone(), why(&run.status)].into_iter().chain(jobs.iter().flat_map(|job| [job.name.clone(), why(&job.status)])).collect();
        let known: Vec<&EnvironmentRef> = self.matrix.columns.iter().map(|column| &column.environment).collect();
        let strictest =
            |wanted: &dyn Fn(&EnvironmentRef) -> bool| known.iter().filter(|one| wanted(one)).max_by_key(|one| one.tier).map(|one| one.name.clone());
        let named = strictest(&|one| texts.iter().any(|text| mentions(text, one.name.raw())));
        let deploys = jobs.is_empty() || jobs.iter().copied().any(deploys);
        named.or_else(|| deploys.then(|| strictest(&|_| true)).flatten()).unwrap_or_else(|| Name::new(Environment::CI))
    }
}

fn deploys(job: &Job) -> bool {
    job.gate == Some(GateKind::Deployment)
}

/// Whether a text names an environment: by its name, or by the beginning of it (`prod` of `production`).
fn mentions(text: &str, environment: &str) -> bool {
    let environment = environment.to_lowercase();
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= 3);
    lower.contains(&environment) || words.any(|word| environment.starts_with(word))
}

/// Whether what was asked for is so already, whoever did it.
pub(super) fn applied(verb: Verb, before: &Read, now: &Read) -> bool {
    ended(verb, before, now) == Some(End::Complete)
}

/// How it ended, if it did; none also where it is about no run.
pub(super) fn ended(verb: Verb, before: &Read, now: &Read) -> Option<End> {
    let (was, is) = (before.run.as_ref()?, now.run.as_ref()?);
    let again = is.run.attempt > was.run.attempt;
    // Where attempts are not counted, what was over goes on, or another run repeats it.
    let goes_on = again || (was.run.status.over() && !is.run.status.over()) || is.repeated() > was.repeated();
    let overtaken = |words: Clean| Some(End::Overtaken(words));
    match verb {
        Verb::Rerun | Verb::RerunFailed => goes_on.then_some(End::Complete),
        Verb::RerunJob => is.failed.is_empty().then_some(End::Complete),
        Verb::Dispatch => (is.repeated() > was.repeated()).then_some(End::Complete),
        _ if again => overtaken(crate::clean!("it was run again meanwhile: attempt {}", is.run.attempt)),
        Verb::Cancel | Verb::ForceCancel => match &is.run.status {
            RunStatus::Cancelled => Some(End::Complete),
            // Where a job failed before, what is cancelled ends as failed.
            status if status.over() && is.again == Again::Within => overtaken(crate::clean!("it ended, and not as cancelled: {}", status.word())),
            status if status.over() => overtaken(crate::clean!("it ended by itself before: {}", status.word())),
            _ => None,
        },
        Verb::Reject if is.run.status.over() => Some(End::Complete),
        Verb::Approve | Verb::Play if is.run.status == RunStatus::Cancelled => overtaken(Clean::from_static("it was cancelled meanwhile")),
        _ => was.held.iter().all(|held| is.held.iter().all(|now| now.key != held.key)).then_some(End::Complete),
    }
}

/// The answer to a start was lost, and nothing that it started is seen.
pub(super) fn not_seen(why: &Clean) -> End {
    End::CouldNotTell(crate::clean!("no run that it started is seen by now, and the answer was lost ({why}): look before you start another"))
}

/// How it stands: `attempt 2, running`.
pub(super) fn stands(now: &RunNow) -> Clean {
    let does = match &now.held[..] {
        [] => now.run.status.word(),
        held => crate::clean!("waits for {}", list(held.iter().map(|held| held.environment.clean().clone()))),
    };
    match now.again {
        Again::Attempt => crate::clean!("attempt {}, {does}", now.run.attempt),
        Again::Anew { newest: Some(number), .. } if now.run.number > 0 => crate::clean!("{does}, and #{number} repeats it"),
        Again::Anew { newest: Some(_), .. } => crate::clean!("{does}, and another run repeats it"),
        Again::Within | Again::Anew { newest: None, .. } => does,
        Again::Fresh { newest: Some(number), .. } => crate::clean!("the newest that was started by hand is #{number}"),
        Again::Fresh { newest: None, .. } => Clean::from_static("none is known that was started by hand"),
    }
}

fn list(names: impl Iterator<Item = Clean>) -> Clean {
    let names: Vec<Clean> = names.collect();
    let shown = names.iter().take(3).map(Clean::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 3 { crate::clean!("{shown} and {} more", names.len() - 3) } else { Clean::from_untrusted(&shown) }
}

impl Single {
    /// What Enter leads to, in full sentences.
    pub(super) fn changes_run(&self, now: &RunNow, most: &Clean) -> Clean {
        let (title, run) = (self.title(), &now.run);
        let deployed =
            if matches!(now.again, Again::Anew { .. }) { "Where it deploys, that is deployed." } else { "What it deployed before it deploys again." };
        let (how, until) = match &now.again {
            Again::Attempt => (
                crate::clean!(", as attempt {}: the same commit {}, with the rights of {}", run.attempt + 1, self.thing.version(), run.actor),
                Clean::from_static("the new attempt is there"),
            ),
            Again::Within => (crate::clean!(", in the same run: the same commit {}", self.thing.version()), Clean::from_static("it goes on")),
            Again::Anew { same, .. } => (crate::clean!(" in a run of its own: {same}"), Clean::from_static("that run is there")),
            Again::Fresh { on, .. } => (crate::clean!(", on {on}"), Clean::from_static("that run is there")),
        };
        let written = if self.with(0).is_empty() { "" } else { ", with the inputs above" };
        let held = || list(now.held.iter().map(|held| held.environment.clean().clone()));
        let does = match self.verb {
            Verb::Rerun => crate::clean!("One request runs every job of {title} again{how}. {deployed} It is followed until {until}"),
            Verb::RerunFailed => crate::clean!(
                "One request runs again what failed of {title} ({}) and what waited for it{how}. {deployed} It is followed until {until}",
                if now.failed.is_empty() { Clean::from_static("its jobs do not say what") } else { list(now.failed.iter().cloned()) }
            ),
            Verb::RerunJob => crate::clean!(
                "One request runs {title} again, as a new job of the same pipeline and the same commit {}, and then what waited for it. {deployed} It is \
                 followed until that job is there",
                self.thing.version()
            ),
            Verb::Cancel => crate::clean!(
                "One request asks for the end of {title}. Steps that must always run still run; what was deployed by then stays deployed. It is followed \
                 until it is over"
            ),
            Verb::ForceCancel => crate::clean!(
                "One request ends {title} at once, also what must always run at its end: only where a cancel did not bite. What was deployed by then stays \
                 deployed. It is followed until it is over"
            ),
            Verb::Approve if matches!(self.thing, Thing::Job(..)) => crate::clean!(
                "One request approves the deployment of {title} to {}. The job does not begin by that: A plays it then. It is followed until the deployment \
                 waits for no approval any more",
                held()
            ),
            Verb::Approve => crate::clean!("One request lets {title} go on where it waits for {}. It is followed until it no longer waits there", held()),
            Verb::Play => crate::clean!("One request begins {title}, with the variables that it has{written}. It is followed until it no longer waits"),
            Verb::Dispatch => {
                crate::clean!("One request starts a new run of {title}{how}{written}. Where it deploys, that is deployed. It is followed until {until}")
            }
            _ => crate::clean!("One request says no to {} of {title}: what waits for that ends. It is followed until it no longer waits there", held()),
        };
        crate::clean!("{does}, for at most {most}. Nothing is sent twice.")
    }

    /// How it ended, where it ended well.
    pub(super) fn run_complete(&self, took: &Clean) -> Clean {
        let now = self.read();
        let attempt = now.map(|now| now.run.attempt).unwrap_or_default();
        match self.verb {
            Verb::Rerun | Verb::RerunFailed => match now.map(|now| &now.again) {
                Some(Again::Anew { newest: Some(_), .. }) if now.is_some_and(|now| now.run.number == 0) => {
                    crate::clean!("a run of its own repeats it after {took}: W rings when that ends")
                }
                Some(Again::Anew { newest: Some(number), .. }) => crate::clean!("#{number} repeats it after {took}: W rings when that ends"),
                Some(Again::Within) => crate::clean!("it goes on after {took}: W rings when it ends"),
                _ => crate::clean!("attempt {attempt} is there after {took}: W rings when it ends"),
            },
            Verb::RerunJob => crate::clean!("it is run again after {took}: W rings when its pipeline ends"),
            Verb::Cancel | Verb::ForceCancel => crate::clean!("cancelled in {took}"),
            Verb::Approve if matches!(self.thing, Thing::Job(..)) => crate::clean!("approved: the job does not begin by itself, A plays it"),
            Verb::Approve => crate::clean!("approved, it goes on: W rings when it ends"),
            Verb::Play => crate::clean!("played, it goes on: W rings when it ends"),
            Verb::Dispatch => match now.and_then(RunNow::repeated) {
                Some(number) => crate::clean!("#{number} was started, seen after {took}: on it W rings when it ends"),
                None => crate::clean!("a run was started, seen after {took}"),
            },
            _ => Clean::from_static("rejected: it does not go on there"),
        }
    }

    /// The run as it was last read.
    pub fn read(&self) -> Option<&RunNow> {
        let seen = self.course().and_then(|course| course.seen.as_ref());
        seen.or_else(|| self.form().map(|form| &form.subject)).and_then(|subject| subject.run.as_deref())
    }

    /// What is there now, for the plan.
    pub fn seen_run(&self, now: &RunNow) -> Clean {
        if let Again::Fresh { .. } = now.again {
            return crate::clean!("Of the runs of {}, {}.", self.title(), stands(now));
        }
        let failed = if now.failed.is_empty() {
            Clean::EMPTY
        } else {
            crate::clean!(", {} failed: {}", count(now.failed.len(), "job"), list(now.failed.iter().cloned()))
        };
        let asks: Vec<Clean> = now.held.iter().flat_map(|held| held.asks.iter().cloned()).collect();
        let asks = if asks.is_empty() { Clean::EMPTY } else { crate::clean!(", which asks {}", list(asks.into_iter())) };
        // A build need have neither a commit nor a branch.
        let (version, branch) = (self.thing.version(), &now.run.branch);
        let title = if version.is_empty() { now.run.title.clone() } else { crate::clean!("{version} ({})", now.run.title) };
        let on = if branch.raw().is_empty() { Clean::EMPTY } else { crate::clean!(" on {branch}") };
        crate::clean!("{title}{on}, {}{asks}{failed}.", stands(now))
    }
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
