//! The stages of a pipeline, by whichever plugin tells them: a stage is a job, and where one runs or failed its steps are told too.

use super::{
    api::{Api, Way},
    keys,
    wire::{after, time},
};
use crate::{
    clean,
    domain::{Job, RunStatus, Step},
    sources::{
        SourceError,
        ci::{Rows, Standing},
    },
    text::Clean,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// The steps of so many stages are read at once.
const DETAILED: usize = 2;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Described {
    stages: Option<Rows<Stage>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Stage {
    id: String,
    name: Option<String>,
    status: Option<String>,
    #[serde(rename = "startTimeMillis")]
    start: Option<i64>,
    #[serde(rename = "durationMillis")]
    duration: Option<i64>,
    /// The steps, where one stage was asked for.
    #[serde(rename = "stageFlowNodes")]
    nodes: Option<Rows<Stage>>,
    #[serde(rename = "parameterDescription")]
    parameter: Option<String>,
    error: Option<Fault>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Fault {
    message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Grown {
    data: Option<Forest>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Forest {
    stages: Option<Rows<Branch>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Branch {
    id: Value,
    name: Option<String>,
    state: Option<String>,
    #[serde(rename = "startTimeMillis")]
    start: Option<i64>,
    #[serde(rename = "totalDurationMillis")]
    duration: Option<i64>,
    placeholder: Option<bool>,
    children: Option<Rows<Branch>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pending {
    message: Option<String>,
}

/// What both plugins tell of a stage.
#[derive(Debug)]
pub(super) struct Told {
    id: String,
    name: Clean,
    status: RunStatus,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
}

/// What a person is asked.
fn asks(message: Option<&str>) -> Clean {
    match message.filter(|message| !message.is_empty()) {
        Some(message) => clean!("for an answer: {}", message),
        None => Clean::from_static("for somebody's answer"),
    }
}

/// The words of both plugins. What was not executed may come as long as the build runs.
fn status(word: Option<&str>, alive: bool) -> RunStatus {
    match word.unwrap_or_default().to_ascii_uppercase().as_str() {
        "SUCCESS" => RunStatus::Success,
        "FAILED" | "FAILURE" => RunStatus::Failed,
        "UNSTABLE" => RunStatus::Warn,
        "ABORTED" => RunStatus::Cancelled,
        "IN_PROGRESS" | "RUNNING" => RunStatus::Running,
        "PAUSED_PENDING_INPUT" | "PAUSED" => RunStatus::Waiting(asks(None)),
        "QUEUED" => RunStatus::Queued,
        "NOT_EXECUTED" | "NOT_BUILT" if alive => RunStatus::Queued,
        "NOT_EXECUTED" | "NOT_BUILT" | "SKIPPED" => RunStatus::Skipped,
        "" => RunStatus::Unknown("no status".into()),
        other => RunStatus::Unknown(clean!("{}", other.to_lowercase())),
    }
}

fn text(text: Option<&String>) -> Clean {
    text.map_or(Clean::EMPTY, |text| Clean::from_untrusted(text))
}

impl Stage {
    fn told(&self, alive: bool) -> Told {
        let status = status(self.status.as_deref(), alive);
        let started = time(self.start).filter(|_| status.ran());
        let ended = after(self.start, self.duration).filter(|_| status.ran() && status.over());
        Told { id: self.id.clone(), name: text(self.name.as_ref()), started, ended, status }
    }

    fn step(&self, number: usize, alive: bool) -> Step {
        let told = self.told(alive);
        let more = [self.parameter.as_ref(), self.error.as_ref().and_then(|error| error.message.as_ref())].into_iter().flatten();
        let name = more.fold(told.name, |name, more| clean!("{name}: {}", more.lines().next().unwrap_or_default()));
        Step { number: u32::try_from(number + 1).unwrap_or(u32::MAX), name, status: told.status, started: told.started, ended: told.ended }
    }
}

/// The stages that have no others in them, in their order.
fn leaves(branches: Rows<Branch>, alive: bool, (found, lost): (&mut Vec<Told>, &mut Option<Clean>)) {
    *lost = lost.take().or(branches.lost);
    for branch in branches.read {
        let children = branch.children.unwrap_or_default();
        if children.all > 0 {
            leaves(children, alive, (&mut *found, &mut *lost));
        } else if branch.placeholder != Some(true) {
            let status = status(branch.state.as_deref(), alive);
            let started = time(branch.start).filter(|_| status.ran());
            let ended = after(branch.start, branch.duration).filter(|_| status.ran() && status.over());
            let id = branch.id.as_str().map_or_else(|| branch.id.to_string(), str::to_owned);
            found.push(Told { id, name: text(branch.name.as_ref()), started, ended, status });
        }
    }
}

/// What of the `what` of a build can not be read.
fn unread(api: &Api, (path, number, what): (&str, u64, &str), lost: Option<Clean>) {
    api.note(&format!("{path} #{number}, {what}"), lost.map(|words| clean!("{path} #{number}, {what}: {words}")));
}

/// The stages of a build, by the way that is there; none where there is none, or it has none.
pub(super) async fn read(api: &Api, path: &str, number: u64, alive: bool) -> Result<Vec<Told>, SourceError> {
    let build = number.to_string();
    let view = matches!(api.way(), Way::Unknown | Way::StageView);
    if view && let Some(found) = api.find::<Described>(path, Api::ask(path, &[&build, "wfapi", "describe"])).await? {
        api.goes(Way::StageView);
        let stages = found.stages.unwrap_or_default();
        unread(api, (path, number, "stages"), stages.lost);
        return Ok(stages.read.iter().map(|stage| stage.told(alive)).collect());
    }
    let graph = matches!(api.way(), Way::Unknown | Way::GraphView);
    if graph && let Some(found) = api.find::<Grown>(path, Api::ask(path, &[&build, "stages", "tree"])).await? {
        api.goes(Way::GraphView);
        let (mut told, mut lost) = (Vec::new(), None);
        leaves(found.data.and_then(|data| data.stages).unwrap_or_default(), alive, (&mut told, &mut lost));
        unread(api, (path, number, "stages"), lost);
        return Ok(told);
    }
    Ok(Vec::new())
}

/// What a build that runs waits for; none where it does not, or nobody tells.
pub(super) async fn waits(api: &Api, path: &str, number: u64) -> Result<Option<Clean>, SourceError> {
    if api.way() == Way::StageView {
        let ask = Api::ask(path, &[&number.to_string(), "wfapi", "nextPendingInputAction"]);
        let pending = api.find::<Option<Pending>>(path, ask).await?.flatten();
        return Ok(pending.map(|pending| asks(pending.message.as_deref())));
    }
    let stages = if api.way() == Way::Nothing { Vec::new() } else { read(api, path, number, true).await? };
    if api.way() == Way::Unknown {
        api.goes(Way::Nothing);
    }
    Ok(stages.into_iter().find_map(|stage| if let RunStatus::Waiting(words) = stage.status { Some(words) } else { None }))
}

/// The steps of a stage, where the plugin tells them.
async fn steps(api: &Api, path: &str, number: u64, stage: &str, alive: bool) -> Result<Box<[Step]>, SourceError> {
    let ask = Api::ask(path, &[&number.to_string(), "execution", "node", stage, "wfapi", "describe"]);
    let found = api.find::<Stage>(path, ask).await?.unwrap_or_default();
    let nodes = found.nodes.unwrap_or_default();
    unread(api, (path, number, &format!("steps of stage {stage}")), nodes.lost);
    Ok(nodes.read.iter().enumerate().map(|(at, node)| node.step(at, alive)).collect())
}

/// The step of a stage that failed, the last where several did: what came before it was caught.
pub(super) async fn failed_node(api: &Api, path: &str, number: u64, stage: &str) -> Result<Option<String>, SourceError> {
    let ask = Api::ask(path, &[&number.to_string(), "execution", "node", stage, "wfapi", "describe"]);
    let nodes = api.find::<Stage>(path, ask).await?.and_then(|stage| stage.nodes).unwrap_or_default().read;
    let bad = |node: &Stage| matches!(status(node.status.as_deref(), false), RunStatus::Failed | RunStatus::Warn);
    Ok(nodes.into_iter().rfind(bad).map(|node| node.id))
}

/// The stages as jobs. One that failed in a build that succeeded was allowed to.
pub(super) async fn jobs(api: &Api, path: &str, number: u64, standing: Option<Standing>, known: &[Job]) -> Result<Vec<Job>, SourceError> {
    let alive = standing.is_none_or(|standing| standing.alive);
    let forgiven = standing.is_some_and(|standing| standing.good && !standing.alive);
    let (item, mut jobs, mut left) = (api.item(path), Vec::new(), DETAILED);
    for stage in read(api, path, number, alive).await? {
        let id = keys::job(&api.id, path, number, &stage.id);
        let before = known.iter().find(|job| job.id == id && job.status.over() && !job.steps.is_empty()).map(|job| job.steps.clone());
        let telling = matches!(stage.status, RunStatus::Running | RunStatus::Failed | RunStatus::Warn) && api.way() == Way::StageView;
        let steps = match before {
            Some(steps) => steps,
            None if telling && left > 0 => {
                left -= 1;
                steps(api, path, number, &stage.id, alive).await?
            }
            None => Box::default(),
        };
        let status = if forgiven && stage.status == RunStatus::Failed { RunStatus::Warn } else { stage.status };
        jobs.push(Job {
            run: keys::run(&api.id, path, number),
            gate: api.gates.of(item.project(), &stage.name, path.rsplit('/').next().unwrap_or_default()),
            name: stage.name,
            status,
            started: stage.started,
            ended: stage.ended,
            steps,
            url: api.page(path, number),
            id,
        });
    }
    Ok(jobs)
}

/// How the stages of a list stand.
#[cfg(test)]
pub(super) fn known(list: Option<Value>) -> Vec<RunStatus> {
    let stages: Option<Rows<Stage>> = list.map(|list| serde_json::from_str(&list.to_string()).expect("a list"));
    stages.unwrap_or_default().read.iter().map(|stage| stage.told(true).status).collect()
}
