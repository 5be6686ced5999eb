//! One container's log, over all its runs.
//!
//! `follow=true` ends with the run. When the next one has begun, the end of the run before it is asked for first (`previous=true`): a run that
//! was shorter than our way back would be lost otherwise. What was seen already is known by its time stamp and its bytes and left out.

use super::{
    Begin,
    lines::{Lines, open},
    memory::Place,
    notice,
};
use crate::{
    domain::{Batch, Fact, Id, LineKind, LogLine, LogStream, Pod as PodRow, SourceId, Version},
    logs::line,
    sources::{
        SourceError,
        kubernetes::{
            client::{Cluster, NoFlow},
            feeds::Facts,
            wire::{
                Shape,
                core::{ContainerStatus, Pod},
                label,
            },
        },
    },
    text::Name,
};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// How long a log that ended while its container seems to run may be an end that the watch has not told yet.
const SETTLE: Duration = Duration::from_secs(1);
/// A log that is open and silent for so long has told all that was said before.
const QUIET: Duration = Duration::from_secs(1);
/// How long to leave a node alone whose kubelet does not answer.
const REST: Duration = Duration::from_secs(10);

/// What a container does, as far as its log is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// It never started; why, in the kubelet's words.
    NotYet(String),
    /// It runs; how often it was restarted.
    Running(u32),
    /// It has ended; how often it was restarted.
    Ended(u32),
    /// It will never run again: its pod is over.
    Over,
    /// Its pod is gone.
    Gone,
}

/// A container and its stream.
pub struct Container {
    /// Its name.
    pub name: String,
    /// Who speaks.
    pub stream: LogStream,
    /// What it does.
    pub run: Run,
    /// The path of its log.
    path: String,
    namespace: String,
}

/// What is told of a log, and the time of its last line.
pub struct Told {
    /// The facts.
    pub facts: Vec<Fact>,
    /// The last line's time.
    pub last: Option<Timestamp>,
}

/// The containers of a pod that can speak, init containers first.
pub fn containers(source: &SourceId, pod: &Pod, row: &PodRow) -> Vec<Container> {
    let meta = pod.meta();
    let (namespace, name) = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
    let uid = meta.uid.as_deref().unwrap_or_default();
    let over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    let named = label(meta, "app.kubernetes.io/version").map(Name::new);
    let all = pod.spec.init_containers.iter().map(|wanted| (wanted, &pod.status.init_container_statuses, true));
    let all = all.chain(pod.spec.containers.iter().map(|wanted| (wanted, &pod.status.container_statuses, false)));
    all.map(|(wanted, statuses, init)| {
        let mut stream = LogStream::new(Id::new(source, &format!("logs/{namespace}/{name}/{uid}/{}", wanted.name)), &name, &wanted.name);
        stream.workload = row.workload.clone();
        stream.sidecar |= init && wanted.restart_policy == "Always";
        if let Some(known) = row.containers.iter().find(|container| container.name.raw() == wanted.name) {
            stream.version = Version::of(named.as_ref(), std::slice::from_ref(&*known.image));
        }
        let run = run(statuses.iter().find(|status| status.name == wanted.name), over);
        // What never ran has said nothing.
        stream.told = matches!(run, Run::NotYet(_));
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/log?container={}&timestamps=true", wanted.name);
        Container { name: wanted.name.clone(), stream, run, path, namespace: namespace.clone() }
    })
    .collect()
}

fn run(status: Option<&ContainerStatus>, over: bool) -> Run {
    let Some(status) = status else { return Run::NotYet(String::new()) };
    let count = status.restart_count;
    let ran = count > 0 || status.state.terminated.is_some() || status.last_state.terminated.is_some();
    match (&status.state.running, &status.state.waiting) {
        (Some(_), _) => Run::Running(count),
        (None, _) if over && ran => Run::Over,
        (None, _) if ran => Run::Ended(count),
        (None, Some(waiting)) => Run::NotYet(format!("{} {}", waiting.reason, waiting.message).trim().to_owned()),
        (None, None) => Run::NotYet(String::new()),
    }
}

/// Follows a container over all its runs, until its pod is gone or over.
pub fn follow(
    cluster: Arc<Cluster>,
    container: Container,
    begin: Begin,
    place: Place,
    runs: watch::Receiver<Run>,
) -> BoxStream<'static, Result<Told, SourceError>> {
    let hello = Told { facts: vec![Fact::Stream(container.stream.clone())], last: None };
    let told = container.stream.told;
    let teller = Teller { cluster, container, begin, place, runs, step: Step::Wait { after: None }, said: String::new(), told };
    stream::iter([Ok(hello)]).chain(stream::unfold(Some(teller), next)).boxed()
}

async fn next(teller: Option<Teller>) -> Option<(Result<Told, SourceError>, Option<Teller>)> {
    let mut teller = teller?;
    match teller.tell().await {
        Some(told) => {
            let on = told.is_ok().then_some(teller);
            Some((told, on))
        }
        // Nothing will come, so all has been told.
        None => (!teller.told).then(|| (Ok(teller.all_told()), None)),
    }
}

enum Step {
    /// Waits for a run later than the one that was read.
    Wait { after: Option<u32> },
    /// Asks for the end of the run before this one.
    Before { run: u32 },
    /// Asks for the current run.
    Open { run: u32 },
    /// Reads.
    Read { run: u32, body: Lines },
}

struct Teller {
    cluster: Arc<Cluster>,
    container: Container,
    begin: Begin,
    place: Place,
    runs: watch::Receiver<Run>,
    step: Step,
    /// The last notice, so that it is not said again and again.
    said: String,
    /// Whether it was said that all of before has been told.
    told: bool,
}

impl Teller {
    /// What comes next; none when nothing will.
    async fn tell(&mut self) -> Option<Result<Told, SourceError>> {
        loop {
            match std::mem::replace(&mut self.step, Step::Wait { after: None }) {
                Step::Wait { after } => match self.wait(after).await {
                    Waited::Over => return None,
                    Waited::Say(words) => return Some(Ok(self.lines(vec![notice(&words)]))),
                    Waited::Run(run) => self.step = if after.is_some() { Step::Before { run } } else { Step::Open { run } },
                },
                Step::Before { run } => {
                    self.step = Step::Open { run };
                    // The run before may be gone already; the current one is what matters.
                    if let Ok(lines) = self.ask("&previous=true").await
                        && let Ok(text) = lines.rest().await
                    {
                        let lines = self.fresh(text);
                        if !lines.is_empty() {
                            return Some(Ok(self.lines(lines)));
                        }
                    }
                }
                Step::Open { run } => match self.ask("&follow=true").await {
                    Ok(body) => self.step = Step::Read { run, body },
                    Err(error) => {
                        if let Some(told) = self.failed(run, error).await {
                            return told;
                        }
                    }
                },
                Step::Read { run, mut body } => match some(&mut body, self.told).await {
                    None => {
                        self.step = Step::Read { run, body };
                        return Some(Ok(self.all_told()));
                    }
                    Some(Some(Ok(lines))) => {
                        self.step = Step::Read { run, body };
                        let lines = self.fresh(lines);
                        if !lines.is_empty() {
                            return Some(Ok(self.lines(lines)));
                        }
                    }
                    // The connection broke, not the log: the feed as a whole must go on from its cursor.
                    Some(Some(Err(error))) => return Some(Err(error)),
                    Some(None) => {
                        self.step = Step::Wait { after: Some(run) };
                        if !self.told {
                            return Some(Ok(self.all_told()));
                        }
                    }
                },
            }
        }
    }

    fn all_told(&mut self) -> Told {
        self.told = true;
        self.container.stream.told = true;
        Told { facts: vec![Fact::Stream(self.container.stream.clone())], last: None }
    }

    /// Waits for a run to read.
    async fn wait(&mut self, after: Option<u32>) -> Waited {
        if after.is_some() {
            // The end of a log comes before the news of it.
            _ = tokio::time::timeout(SETTLE, self.runs.changed()).await;
        }
        loop {
            let run = self.runs.borrow_and_update().clone();
            match (run, after) {
                (Run::Running(count), _) => return Waited::Run(count),
                (Run::Ended(count), None) => return Waited::Run(count),
                (Run::Ended(count), Some(read)) if count > read => return Waited::Run(count),
                (Run::Over, None) => return Waited::Run(u32::MAX),
                (Run::Over | Run::Gone, _) => return Waited::Over,
                (Run::NotYet(words), _) if !words.is_empty() && words != self.said && words != "ContainerCreating" && words != "PodInitializing" => {
                    self.said.clone_from(&words);
                    self.step = Step::Wait { after };
                    return Waited::Say(format!("waits to start: {words}"));
                }
                (Run::Ended(_) | Run::NotYet(_), _) => {}
            }
            if self.runs.changed().await.is_err() {
                return Waited::Over;
            }
        }
    }

    /// No log. None: it is asked again; some none: nothing will come.
    async fn failed(&mut self, run: u32, why: NoFlow) -> Option<Option<Result<Told, SourceError>>> {
        match why {
            NoFlow::Broken(error) => Some(Some(Err(error))),
            // A log without a line has no head either.
            NoFlow::Silent => {
                self.step = Step::Wait { after: Some(run) };
                (!self.told).then(|| Some(Ok(self.all_told())))
            }
            NoFlow::Refused { code: 404, .. } => Some(None),
            // The API server answers; the kubelet, or the container's runtime, does not.
            NoFlow::Refused { code: 400 | 500.., said, .. } => {
                self.step = Step::Wait { after: Some(run) };
                if self.said == *said {
                    _ = tokio::time::timeout(REST, self.runs.changed()).await;
                    return None;
                }
                self.said = said.to_string();
                let mut told = self.lines(vec![notice(&said)]);
                told.facts.extend(self.all_told().facts);
                Some(Some(Ok(told)))
            }
            NoFlow::Refused { error, .. } => Some(Some(Err(error))),
        }
    }

    async fn ask(&mut self, more: &str) -> Result<Lines, NoFlow> {
        let since = self.place.lock().ok().and_then(|mut place| place.since());
        let from = from(since, self.begin);
        let path = format!("{}{more}{from}", self.container.path);
        open(&self.cluster, &self.container.namespace, path).await
    }

    /// The lines that are new, made harmless.
    fn fresh(&self, lines: Vec<Bytes>) -> Vec<LogLine> {
        let Ok(mut place) = self.place.lock() else { return Vec::new() };
        let new = lines.into_iter().filter_map(|bytes| {
            let (at, body) = line::split_time(&bytes);
            place.is_new(at, body).then(|| line::parse(&bytes, LineKind::Output))
        });
        new.collect()
    }

    fn lines(&self, lines: Vec<LogLine>) -> Told {
        let last = lines.iter().filter_map(|line| line.at).max();
        Told { facts: vec![Fact::Lines(self.container.stream.id.clone(), lines)], last }
    }
}

/// What the body says next; none when it has been silent for so long that what was said before is all told.
async fn some(body: &mut Lines, told: bool) -> Option<Option<Result<Vec<Bytes>, SourceError>>> {
    if told {
        return Some(body.some().await);
    }
    tokio::time::timeout(QUIET, body.some()).await.ok()
}

enum Waited {
    Run(u32),
    Say(String),
    Over,
}

/// The beginning, as a query. The server knows whole seconds only, so they are floored here and not rounded by anybody.
fn from(since: Option<Timestamp>, begin: Begin) -> String {
    let time = |at: Timestamp| Timestamp::from_second(at.as_second()).map(|at| format!("&sinceTime={at}")).unwrap_or_default();
    match (since, begin) {
        (Some(since), _) | (None, Begin::Since(since)) => time(since),
        (None, Begin::Tail(lines)) => format!("&tailLines={lines}"),
        (None, Begin::First) => String::new(),
    }
}

/// What the run before this one said: once, to its end.
pub fn previous(cluster: Arc<Cluster>, pod: &Pod, only: Option<&str>, begin: Begin) -> Facts {
    let row = crate::sources::kubernetes::rows::pod(&cluster.id, pod);
    let wanted = containers(&cluster.id, pod, &row).into_iter().filter(|container| only.is_none_or(|only| only == container.name));
    let wanted: Vec<Container> = wanted.map(|container| earlier(&cluster, container)).collect();
    let who = wanted.iter().map(|container| Fact::Stream(container.stream.clone())).collect();
    let asked: Vec<_> = wanted.into_iter().map(|container| before(cluster.clone(), container, begin)).collect();
    stream::iter([Ok(Batch { facts: who, cursor: None })]).chain(stream::iter(asked).then(|asked| asked)).boxed()
}

/// The run before this one of a container, as a stream of its own.
fn earlier(cluster: &Cluster, mut container: Container) -> Container {
    container.stream.previous = true;
    container.stream.told = false;
    container.stream.id = Id::new(&cluster.id, &format!("{}/previous", container.stream.id.key()));
    container
}

async fn before(cluster: Arc<Cluster>, mut container: Container, begin: Begin) -> Result<Batch, SourceError> {
    let path = format!("{}&previous=true{}", container.path, from(None, begin));
    let lines = match open(&cluster, &container.namespace, path).await {
        Ok(lines) => lines.rest().await?.iter().map(|bytes| line::parse(bytes, LineKind::Previous)).collect(),
        // A container that was never restarted has no run before this one.
        Err(NoFlow::Refused { code: 400, said, .. }) if said.contains("previous terminated container") => vec![notice("there was no run before this one")],
        Err(NoFlow::Refused { error, .. } | NoFlow::Broken(error)) => return Err(error),
        Err(NoFlow::Silent) => Vec::new(),
    };
    container.stream.told = true;
    let id = container.stream.id.clone();
    Ok(Batch { facts: vec![Fact::Lines(id, lines), Fact::Stream(container.stream)], cursor: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_floored_to_the_second_and_a_resumed_one_wins() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let half = at("2026-01-01T10:00:00.700Z");
        assert_eq!(from(None, Begin::Since(half)), "&sinceTime=2026-01-01T10:00:00Z");
        assert_eq!(from(Some(half), Begin::Tail(5)), "&sinceTime=2026-01-01T10:00:00Z");
        assert_eq!(from(None, Begin::Tail(5)), "&tailLines=5");
        assert_eq!(from(None, Begin::First), "");
    }

    #[test]
    fn a_container_that_never_started_is_not_asked() {
        let status = |json: serde_json::Value| serde_json::from_value::<ContainerStatus>(json).expect("a status");
        let waits = status(serde_json::json!({ "state": { "waiting": { "reason": "ErrImagePull", "message": "not found" } } }));
        assert_eq!(run(Some(&waits), false), Run::NotYet("ErrImagePull not found".into()));
        let crashed = status(serde_json::json!({ "restartCount": 2, "state": { "waiting": { "reason": "CrashLoopBackOff" } } }));
        assert_eq!(run(Some(&crashed), false), Run::Ended(2));
        let done = status(serde_json::json!({ "state": { "terminated": { "exitCode": 0 } } }));
        assert_eq!((run(Some(&done), false), run(Some(&done), true)), (Run::Ended(0), Run::Over));
        assert_eq!(run(None, false), Run::NotYet(String::new()));
    }
}
