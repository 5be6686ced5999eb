//! What the steps of a task say: their containers' logs, one after the other. Tekton keeps none of it; with the pod it is gone.

use super::{
    api::{Api, JobKey, Version},
    standing::{self, said},
    wire::{Step, TaskRun, TaskStatus, succeeded},
};
use crate::{
    clean,
    domain::{Batch, Cursor, Fact, Id, Job, LogStream, RunStatus},
    logs::line,
    sources::{
        SourceError, ci,
        kubernetes::{
            client::Call,
            feeds::Facts,
            logs::{self, Places},
            sight::Said,
        },
    },
    text::Clean,
};
use futures::{
    StreamExt,
    stream::{self},
};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use std::sync::Arc;

/// So many lines are read where a few are told: some of them may be empty.
const TAIL: usize = 4 * ci::LINES;

const GONE: &str = "its pod is gone: Tekton keeps no logs, what it said went with it";

/// The log of a job, from where `after` left it.
pub fn watch(api: Arc<Api>, job: Id<Job>, after: Option<Cursor>) -> Facts {
    let places = api.cluster.logs.places(after.as_ref());
    let Some(key) = JobKey::of(&job) else {
        return stream::iter([Err(SourceError::NotFound(clean!("{} is not a job of Tekton", job.key())))]).boxed();
    };
    match key {
        JobKey::Task { namespace, name, attempt } => {
            let task = Task { api, job, namespace, name, attempt, places, said: None };
            stream::unfold(At::Begin(task), step).flatten().boxed()
        }
        JobKey::Unbegun { .. } => notice(&job, "", "it has not begun, or was not needed: there is nothing that could speak".into()),
        JobKey::Itself(_) => notice(&job, "", "this is the run itself: what it says is said by its tasks".into()),
    }
}

/// A line of ours, in a stream of the job's own.
fn notice(job: &Id<Job>, name: &str, words: Clean) -> Facts {
    let mut stream = LogStream::new(job.cast(), name, "");
    stream.told = true;
    let line = Fact::Lines(stream.id.clone(), vec![line::notice(Some(Timestamp::now()), words)]);
    stream::iter([Ok(Batch { facts: vec![Fact::Stream(stream), line], cursor: None })]).boxed()
}

fn failed(error: SourceError) -> Facts {
    stream::iter([Err(error)]).boxed()
}

/// One attempt of a TaskRun.
struct Task {
    api: Arc<Api>,
    job: Id<Job>,
    namespace: String,
    name: String,
    attempt: usize,
    places: Arc<Places>,
    /// What was said last of its waiting.
    said: Option<Clean>,
}

enum At {
    /// Its pod is looked for.
    Begin(Task),
    /// What its pod says is read; then it is asked whether the pod is still there.
    Read(Task, String),
    Over,
}

async fn step(at: At) -> Option<(Facts, At)> {
    match at {
        At::Over => None,
        At::Begin(mut task) => Some(match task.pod().await {
            Err(error) => (failed(error), At::Over),
            Ok(Pod::None(words)) => (task.notice(words), At::Over),
            Ok(Pod::NotYet(words)) => (task.notice(words), At::Begin(task)),
            Ok(Pod::Named(pod)) => match task.is_there(&pod).await {
                Err(error) => (failed(error), At::Over),
                Ok(false) => (task.notice(GONE.into()), At::Over),
                Ok(true) => (logs::steps(task.api.cluster.clone(), &task.namespace, &pod, task.places.clone()), At::Read(task, pod)),
            },
        }),
        At::Read(task, pod) => match task.is_there(&pod).await {
            Ok(false) => Some((task.notice(GONE.into()), At::Over)),
            Ok(true) | Err(_) => None,
        },
    }
}

/// The last lines of the step that failed, or of the last one that spoke.
pub async fn tail(api: Arc<Api>, job: Id<Job>) -> Result<Vec<Clean>, SourceError> {
    let none = |words: Clean| SourceError::NotFound(words);
    let (namespace, name, attempt) = match JobKey::of(&job) {
        Some(JobKey::Task { namespace, name, attempt }) => (namespace, name, attempt),
        Some(JobKey::Itself(_)) => return Err(none("this is the run itself: what it says is said by its tasks".into())),
        Some(JobKey::Unbegun { .. }) | None => return Err(none("nothing of it could speak".into())),
    };
    let places = api.cluster.logs.places(None);
    let task = Task { api, job, namespace, name, attempt, places, said: None };
    let version = task.api.version().await?;
    let path = format!("{}/{}", Api::path::<TaskRun>(version, &task.namespace), task.name);
    let now = task.api.cluster.find::<TaskRun>(&Api::call::<TaskRun>("get", &task.namespace, path)).await?.ok_or_else(|| none(task.missing()))?;
    match (task.of(&now), task.status(&now)) {
        (Pod::None(words) | Pod::NotYet(words), _) => Err(none(words)),
        (Pod::Named(_), None) => Err(none("none of its steps has begun".into())),
        (Pod::Named(pod), Some(status)) => task.end_of(&pod, status).await,
    }
}

/// Where an attempt speaks.
enum Pod {
    /// In this pod.
    Named(String),
    /// Nowhere, and never will.
    None(Clean),
    /// Nowhere now.
    NotYet(Clean),
}

impl Task {
    fn notice(&self, words: Clean) -> Facts {
        notice(&self.job, &self.name, words)
    }

    async fn is_there(&self, pod: &str) -> Result<bool, SourceError> {
        let call = Call::get("pods", Some(&self.namespace), format!("/api/v1/namespaces/{}/pods/{pod}", self.namespace));
        Ok(self.api.cluster.find::<IgnoredAny>(&call).await?.is_some())
    }

    /// Its pod; where it has none yet, that is said once and then waited for.
    async fn pod(&mut self) -> Result<Pod, SourceError> {
        let version = self.api.version().await?;
        let path = format!("{}/{}", Api::path::<TaskRun>(version, &self.namespace), self.name);
        let Some(now) = self.api.cluster.find::<TaskRun>(&Api::call::<TaskRun>("get", &self.namespace, path)).await? else {
            return Ok(Pod::None(self.missing()));
        };
        match self.of(&now) {
            Pod::NotYet(words) if self.said.as_ref() == Some(&words) => self.waits(version).await,
            Pod::NotYet(words) => {
                self.said = Some(words.clone());
                Ok(Pod::NotYet(words))
            }
            found => Ok(found),
        }
    }

    fn missing(&self) -> Clean {
        clean!("there is no TaskRun {}: it was deleted, and what it said went with it, or it is of another kind", self.name)
    }

    /// Waits for news of its pod.
    async fn waits(&mut self, version: Version) -> Result<Pod, SourceError> {
        let mut seen = self.api.sight::<TaskRun>(version, Api::named(&self.namespace, &self.name));
        while let Some(said) = seen.next().await {
            let found = match said? {
                Said::Is(now) => self.of(&now),
                Said::Gone(_) => Pod::None(self.missing()),
                Said::Begin | Said::Done => continue,
            };
            match found {
                Pod::NotYet(words) if self.said.as_ref() == Some(&words) => {}
                found => {
                    if let Pod::NotYet(words) = &found {
                        self.said = Some(words.clone());
                    }
                    return Ok(found);
                }
            }
        }
        Err(SourceError::Protocol(Clean::from_static("the list of tasks began anew")))
    }

    /// The attempt, as a TaskRun tells it.
    fn status<'a>(&self, now: &'a TaskRun) -> Option<&'a TaskStatus> {
        let before = &now.status.retries_status;
        before.get(self.attempt - 1).or((self.attempt == before.len() + 1).then_some(&now.status))
    }

    /// What its pod said last.
    async fn end_of(&self, pod: &str, status: &TaskStatus) -> Result<Vec<Clean>, SourceError> {
        let bad = |step: &&Step| standing::of_step(step).0 == RunStatus::Failed;
        let step = status.steps.iter().find(bad).or_else(|| status.steps.iter().rfind(|step| step.terminated.is_some()));
        let Some(step) = step else { return Err(SourceError::NotFound("none of its steps has begun".into())) };
        let container = if step.container.is_empty() { format!("{}{}", logs::STEP, step.name) } else { step.container.clone() };
        let path = format!("/api/v1/namespaces/{}/pods/{pod}/log?container={container}&tailLines={TAIL}&limitBytes=65536", self.namespace);
        match self.api.cluster.text(&Call::get("pods/log", Some(&self.namespace), path)).await {
            Ok(text) => Ok(ci::last(&ci::lines(&text), ci::LINES)),
            Err(SourceError::NotFound(_)) => Err(SourceError::NotFound(GONE.into())),
            Err(error) => Err(error),
        }
    }

    /// The pod of the attempt, as a TaskRun tells it.
    fn of(&self, now: &TaskRun) -> Pod {
        let status = self.status(now);
        let Some(status) = status else { return Pod::None(clean!("there is no attempt {} of TaskRun {}", self.attempt, self.name)) };
        match (status.pod_name.as_str(), standing::of_task(status).over()) {
            ("", true) => Pod::None(clean!("no pod was made for it: {}", why(status))),
            ("", false) => Pod::NotYet(clean!("it waits for its pod{}", before_colon(status))),
            (pod, _) => Pod::Named(pod.to_owned()),
        }
    }
}

fn why(status: &TaskStatus) -> Clean {
    succeeded(&status.conditions).map(said).filter(|words| !words.is_empty()).unwrap_or_else(|| "nobody says why".into())
}

fn before_colon(status: &TaskStatus) -> Clean {
    succeeded(&status.conditions).map(|condition| clean!(": {}", said(condition))).unwrap_or_default()
}
