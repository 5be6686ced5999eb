//! The jobs of one run: its tasks in the order of the pipeline, each attempt and each run of a matrix by itself, and those that have not begun or
//! were not needed.

use super::{
    Shape,
    api::{Api, JobKey, RunKey, is_of},
    origin,
    standing::{self, said},
    wire::{Child, Named, Param, PipelineRun, Step as WireStep, TaskRun, TaskStatus, Tasks, succeeded},
};
use crate::{
    clean,
    domain::{Batch, Change, Fact, Id, Job, Run, RunStatus, Step},
    sources::{
        SourceError,
        kubernetes::{
            feeds::Facts,
            sight::{Said, Sight},
            wire::{Lean, label},
        },
    },
    text::{Clean, redact},
};
use futures::{
    StreamExt,
    stream::{self},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What is known of a run's tasks.
#[derive(Default)]
pub struct Known {
    /// The TaskRuns by their names.
    pub tasks: BTreeMap<String, TaskRun>,
}

/// The jobs of `run` for as long as they are asked for.
pub fn watch(api: Arc<Api>, run: Id<Run>) -> Facts {
    let opened = async move {
        match open(api, &run).await {
            Ok(facts) => facts,
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    };
    stream::once(opened).flatten().boxed()
}

async fn open(api: Arc<Api>, run: &Id<Run>) -> Result<Facts, SourceError> {
    let key = RunKey::of(run)?;
    let version = api.version().await?;
    let runs = api.sight::<PipelineRun>(version, Api::named(&key.namespace, &key.name));
    let tasks = api.sight::<TaskRun>(version, Api::of_run(&key));
    let watch = Watch { api, key, runs, tasks, run: None, known: Known::default(), listed: (false, false), told: None, over: false };
    Ok(stream::unfold(watch, Watch::step).boxed())
}

struct Watch {
    api: Arc<Api>,
    key: RunKey,
    runs: Sight<PipelineRun>,
    tasks: Sight<TaskRun>,
    run: Option<PipelineRun>,
    known: Known,
    /// Whether the run, and its tasks, were listed as a whole.
    listed: (bool, bool),
    told: Option<BTreeMap<Id<Job>, Job>>,
    over: bool,
}

impl Watch {
    async fn step(mut self) -> Option<(Result<Batch, SourceError>, Self)> {
        while !self.over {
            let heard = tokio::select! {
                said = self.runs.next() => said.map(|said| said.map(|said| self.of_run(said))),
                said = self.tasks.next() => said.map(|said| said.map(|said| self.of_task(said))),
            };
            let error = match heard {
                Some(Ok(())) => match self.facts() {
                    Some(batch) => return Some((Ok(batch), self)),
                    None => continue,
                },
                Some(Err(halt)) => halt.into(),
                None => SourceError::Protocol(Clean::from_static("the list of tasks began anew")),
            };
            self.over = true;
            return Some((Err(error), self));
        }
        None
    }

    fn of_run(&mut self, said: Said<PipelineRun, Lean<PipelineRun>>) {
        match said {
            Said::Begin => self.run = None,
            Said::Done => self.listed.0 = true,
            Said::Is(run) if run.meta().uid.as_deref().unwrap_or_default() == self.key.uid => self.run = Some(run),
            Said::Is(_) => {}
            Said::Gone(_) => self.run = None,
        }
    }

    fn of_task(&mut self, said: Said<TaskRun, Lean<TaskRun>>) {
        match said {
            Said::Begin => self.known.tasks.clear(),
            Said::Done => self.listed.1 = true,
            Said::Is(task) => _ = task.meta().name.clone().map(|name| self.known.tasks.insert(name, task)),
            Said::Gone(lean) => _ = kube::Resource::meta(&lean).name.as_ref().map(|name| self.known.tasks.remove(name)),
        }
    }

    /// What is another now; none before all is known, and where nothing is.
    fn facts(&mut self) -> Option<Batch> {
        if self.listed != (true, true) {
            return None;
        }
        let Some(run) = &self.run else {
            // What was told of a run that is gone stays: its row goes by itself.
            let first = self.told.is_none();
            self.told.get_or_insert_default();
            return first.then(|| Batch::list(Vec::<Job>::new()));
        };
        let now: BTreeMap<Id<Job>, Job> = jobs(&self.api, run, &self.known).into_iter().map(|job| (job.id.clone(), job)).collect();
        let Some(before) = self.told.replace(now.clone()) else { return Some(Batch::list(now.into_values())) };
        let gone = before.keys().filter(|id| !now.contains_key(*id)).map(|id| Fact::from(Change::<Job>::Remove(id.clone())));
        let new = now.values().filter(|job| before.get(&job.id) != Some(job)).map(|job| Fact::from(Change::Upsert(job.clone())));
        let facts: Vec<Fact> = gone.chain(new).collect();
        (!facts.is_empty()).then(|| Batch { facts, cursor: None })
    }
}

/// One thing that a run made for a task.
struct Made<'a> {
    name: &'a str,
    display: &'a str,
    /// What it is, where it is no TaskRun: `CustomRun`.
    other: Option<&'a str>,
    params: &'a [Param],
    status: Option<&'a TaskStatus>,
}

/// The jobs of a run.
pub fn jobs(api: &Api, run: &PipelineRun, known: &Known) -> Vec<Job> {
    let Some(key) = RunKey::seen(run) else { return Vec::new() };
    let maker = Maker { api, key, run, status: standing::of_run(run), workflow: origin::pipeline(run) };
    let mut made = maker.made(known);
    let (mut jobs, mut place) = (Vec::new(), 0);
    for task in planned(run) {
        match made.remove(task.name.as_str()) {
            Some(children) => jobs.extend(maker.children(&task.name, &task.display_name, &children)),
            None => jobs.push(maker.unbegun(task, place)),
        }
        place += 1;
    }
    // What the pipeline does not name, or where it is not written down.
    for (name, children) in made {
        jobs.extend(maker.children(name, "", &children));
    }
    if maker.is_reason(&jobs) {
        jobs.push(maker.itself());
    }
    jobs
}

/// The tasks of the pipeline in their order, those at its end last.
fn planned(run: &PipelineRun) -> impl Iterator<Item = &Named> {
    let of = |tasks: &'_ Tasks| !tasks.tasks.is_empty();
    let written = run.status.pipeline_spec.as_ref().filter(|tasks| of(tasks)).or(run.spec.pipeline_spec.as_ref());
    written.into_iter().flat_map(|tasks| tasks.tasks.iter().chain(&tasks.finally))
}

struct Maker<'a> {
    api: &'a Api,
    key: RunKey,
    run: &'a PipelineRun,
    status: RunStatus,
    workflow: String,
}

impl<'a> Maker<'a> {
    /// What the run made, by the task that it is for: what it says itself first, then what else belongs to it.
    fn made(&self, known: &'a Known) -> BTreeMap<&'a str, Vec<Made<'a>>>
    where
        Self: 'a,
    {
        let run: &'a PipelineRun = self.run;
        let mut found: BTreeMap<&str, Vec<Made<'_>>> = BTreeMap::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for child in run.status.child_references.iter().filter(|child| !child.name.is_empty()) {
            seen.insert(&child.name);
            found.entry(&child.pipeline_task_name).or_default().push(referred(run, known, child));
        }
        for (name, inline) in run.status.task_runs.iter().filter(|(name, _)| !seen.contains(name.as_str())) {
            let task = known.tasks.get(name);
            let status = task.map_or(&inline.status, |task| &task.status);
            let params = task.map(|task| task.spec.params.as_slice()).unwrap_or_default();
            found.entry(&inline.pipeline_task_name).or_default().push(Made { name, display: "", other: None, params, status: Some(status) });
        }
        for (name, inline) in run.status.runs.iter().filter(|(name, _)| !seen.contains(name.as_str())) {
            let made = Made { name, display: "", other: Some("Run"), params: &[], status: Some(&inline.status) };
            found.entry(&inline.pipeline_task_name).or_default().push(made);
        }
        for (name, task) in
            known.tasks.iter().filter(|(name, task)| !seen.contains(name.as_str()) && !run.status.task_runs.contains_key(*name) && is_of(task, run))
        {
            let of = label(task.meta(), "tekton.dev/pipelineTask").unwrap_or(name);
            found.entry(of).or_default().push(Made { name, display: "", other: None, params: &task.spec.params, status: Some(&task.status) });
        }
        found
    }

    /// The jobs of one task: of each run of its matrix, and of each of its attempts.
    fn children(&self, task: &str, display: &str, made: &[Made<'_>]) -> Vec<Job> {
        let differ = differing(made);
        let mut jobs = Vec::new();
        for (nth, one) in made.iter().enumerate() {
            let named = [one.display, display, task].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
            let name = match made.len() {
                1 => clean!("{named}"),
                _ if !one.display.is_empty() => clean!("{named}"),
                count => clean!("{named} ({})", combination(one, &differ).unwrap_or_else(|| format!("{} of {count}", nth + 1))),
            };
            match (one.status, one.other) {
                (Some(status), None) => jobs.extend(self.attempts(&name, one.name, status)),
                (status, other) => jobs.push(self.unread(name, one.name, (other, status))),
            }
        }
        jobs
    }

    /// Each attempt of a TaskRun. An earlier one failed, and counts for nothing: it was tried again.
    fn attempts(&self, name: &Clean, task: &str, status: &TaskStatus) -> Vec<Job> {
        let before = &status.retries_status;
        let earlier = before.iter().enumerate().map(|(nth, attempt)| {
            let standing = if standing::of_task(attempt) == RunStatus::Failed { RunStatus::Warn } else { standing::of_task(attempt) };
            Job { gate: None, status: standing, ..self.job(clean!("{name}, attempt {}", nth + 1), task, nth + 1, attempt) }
        });
        let named = if before.is_empty() { name.clone() } else { clean!("{name}, attempt {}", before.len() + 1) };
        earlier.chain([self.job(named, task, before.len() + 1, status)]).collect()
    }

    fn job(&self, name: Clean, task: &str, attempt: usize, status: &TaskStatus) -> Job {
        let key = JobKey::Task { namespace: self.key.namespace.clone(), name: task.to_owned(), attempt };
        Job {
            status: standing::of_task(status),
            started: status.start_time,
            ended: status.completion_time,
            steps: steps(status).into(),
            ..self.bare(key, name)
        }
    }

    fn bare(&self, key: JobKey, name: Clean) -> Job {
        Job {
            id: key.id(&self.api.id),
            run: self.key.id(&self.api.id),
            gate: self.api.gates.of(origin::repository(self.run).raw(), &name, &self.workflow),
            name,
            status: RunStatus::Queued,
            started: None,
            ended: None,
            steps: Box::default(),
            url: Clean::EMPTY,
        }
    }

    /// A task that nothing was made for.
    fn unbegun(&self, task: &Named, place: usize) -> Job {
        let name = if task.display_name.is_empty() { &task.name } else { &task.display_name };
        let skipped = self.run.status.skipped_tasks.iter().find(|skipped| skipped.name == task.name);
        let why = skipped.map(|skipped| skipped.reason.as_str()).filter(|why| !why.is_empty() && *why != "None");
        let status = if skipped.is_some() || self.status.over() { RunStatus::Skipped } else { RunStatus::Queued };
        let steps = why.map(|why| step(1, Clean::from_untrusted(why), RunStatus::Skipped)).into_iter().collect();
        Job { status, steps, ..self.bare(JobKey::Unbegun { uid: self.key.uid.clone(), place }, Clean::from_untrusted(name)) }
    }

    /// Something of which only the name is known: it is no TaskRun, or was deleted.
    fn unread(&self, name: Clean, made: &str, (other, told): (Option<&str>, Option<&TaskStatus>)) -> Job {
        let key = JobKey::Task { namespace: self.key.namespace.clone(), name: made.to_owned(), attempt: 1 };
        let status = match other {
            // Old controllers write into the run how it stands.
            Some(_) if told.is_some_and(|told| succeeded(&told.conditions).is_some()) => told.map_or(RunStatus::Neutral, standing::of_task),
            Some(_) if self.status.over() => RunStatus::Neutral,
            Some(kind) => RunStatus::Unknown(clean!("{kind}")),
            None => RunStatus::Unknown("gone".into()),
        };
        let words = other.map_or_else(|| clean!("its TaskRun {made} was deleted"), |kind| clean!("a {kind}: what it does is not read"));
        Job { steps: [step(1, words, RunStatus::Neutral)].into(), status, ..self.bare(key, name) }
    }

    /// Whether none of its jobs tells how it ended: it came to none, it is what itself is wrong or took too long, or what failed is not read.
    fn is_reason(&self, jobs: &[Job]) -> bool {
        // One that still seems to run is about to be told of.
        let tells = |job: &Job| matches!(job.status, RunStatus::Failed | RunStatus::Queued | RunStatus::Running | RunStatus::Waiting(_));
        self.status.over() && (jobs.is_empty() || (self.status == RunStatus::Failed && !jobs.iter().any(tells)))
    }

    /// The run itself: why it ended as it did is all that can be told.
    fn itself(&self) -> Job {
        let condition = succeeded(&self.run.status.conditions);
        let steps = condition.map(|condition| step(1, said(condition), self.status.clone())).into_iter().collect();
        let (started, ended) = (self.run.status.start_time, self.run.status.completion_time);
        Job {
            gate: None,
            status: self.status.clone(),
            started,
            ended,
            steps,
            ..self.bare(JobKey::Itself(self.key.clone()), Clean::from_static("the run itself"))
        }
    }
}

fn referred<'a>(run: &'a PipelineRun, known: &'a Known, child: &'a Child) -> Made<'a> {
    let task = known.tasks.get(&child.name);
    let status = task.map(|task| &task.status).or_else(|| run.status.task_runs.get(&child.name).map(|inline| &inline.status));
    let other = Some(child.kind.as_str()).filter(|kind| !matches!(*kind, "TaskRun" | ""));
    let params = task.map(|task| task.spec.params.as_slice()).unwrap_or_default();
    Made { name: &child.name, display: &child.display_name, other, params, status }
}

fn value<'a>(one: &Made<'a>, name: &str) -> Option<&'a Value> {
    one.params.iter().find(|param| param.name == name).map(|param| &param.value)
}

/// The parameters in which the runs of a matrix differ.
fn differing<'a>(made: &[Made<'a>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    // What `matrix.include` adds to some of them, others do not have.
    for name in made.iter().flat_map(|one| one.params).map(|param| param.name.as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.retain(|name| made.iter().any(|one| value(one, name) != value(&made[0], name)));
    names
}

/// `linux, 1.21`: what one run of a matrix has for itself.
fn combination(one: &Made<'_>, differ: &[&str]) -> Option<String> {
    let values: Vec<String> = differ.iter().filter_map(|name| one.params.iter().find(|param| param.name == *name)).map(Param::text).collect();
    (!values.is_empty()).then(|| redact(&values.join(", ")).into_owned())
}

fn step(number: u32, name: Clean, status: RunStatus) -> Step {
    Step { number, name, status, started: None, ended: None }
}

/// The steps of an attempt; where none of them tells why it failed, that comes at the end.
fn steps(status: &TaskStatus) -> Vec<Step> {
    let named = |step: &WireStep| (step.name.clone(), Some(step.clone()));
    let told = status.steps.iter().map(named);
    let rest = status.task_spec.steps.iter().filter(|_| status.steps.is_empty()).map(|step| (step.name.clone(), None));
    let mut steps: Vec<Step> = told.chain(rest).zip(1..).map(|((name, told), number)| one(number, &name, told.as_ref())).collect();
    let standing = standing::of_task(status);
    if standing.over() {
        // Nothing of it goes on: a step that was never told to have begun or ended did not, or was stopped.
        for step in steps.iter_mut().filter(|step| !step.status.over()) {
            step.status = if step.status == RunStatus::Running { RunStatus::Cancelled } else { RunStatus::Skipped };
        }
    }
    let unsaid = standing == RunStatus::Failed && !steps.iter().any(|step| step.status == RunStatus::Failed);
    if let (true, Some(condition)) = (unsaid, succeeded(&status.conditions)) {
        let number = u32::try_from(steps.len() + 1).unwrap_or(u32::MAX);
        steps.push(step(number, said(condition), RunStatus::Failed));
    }
    steps
}

fn one(number: u32, name: &str, told: Option<&WireStep>) -> Step {
    let name = if name.is_empty() { clean!("step {number}") } else { Clean::from_untrusted(name) };
    let Some(told) = told else { return step(number, name, RunStatus::Queued) };
    let (status, beside) = standing::of_step(told);
    let name = beside.map_or(name.clone(), |beside| clean!("{name}: {beside}"));
    let ended = told.terminated.as_ref();
    let started = ended.map_or_else(|| told.running.as_ref().and_then(|running| running.started_at), |ended| ended.started_at);
    Step { number, name, status, started, ended: ended.and_then(|ended| ended.finished_at) }
}
