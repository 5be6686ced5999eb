//! What is done to a run: its end is asked for, or another run repeats it. It is read afresh before the one request, and that is sent once.

use super::{
    Shape,
    api::{Api, Fresh, RunKey, Version, is_of},
    jobs::{Known, jobs},
    origin,
    repeat::{self, AT_ONCE, GENTLE, REPEATS},
    wire::{PipelineRun, TaskRun},
};
use crate::{
    clean,
    domain::{Again, Check, CheckKind, Finding, Id, Inputs, Job, Operation, Run, RunNow, RunStatus, Stage, Verb},
    gate::Warrant,
    sources::{
        SourceError,
        kubernetes::{
            act,
            checks::{dry, may_do, would},
            client::{Cluster, Reply, Writer},
            template::OPERATION,
            wire::{List, note},
        },
        steps::{self, not_sent},
    },
    text::Clean,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use serde_json::{Value, json};
use std::sync::Arc;

const CHECKS: [CheckKind; 3] = [CheckKind::Pipeline, CheckKind::Rights, CheckKind::DryRun];

/// A run as it was just read.
struct Current {
    key: RunKey,
    version: Version,
    raw: Value,
    lean: PipelineRun,
    now: RunNow,
}

impl Current {
    async fn read(api: &Api, id: &Id<Run>) -> Result<Self, SourceError> {
        let Fresh { version, key, raw, lean } = api.fresh(id).await?;
        let run = api.run(&lean).ok_or_else(|| SourceError::Protocol(clean!("PipelineRun {} has no name", key.name)))?;
        let failed = if run.status == RunStatus::Failed { failed(api, version, &key, &lean).await? } else { Vec::new() };
        let again = Again::Anew { newest: newest(api, version, &key).await?, same: repeat::same(&lean) };
        Ok(Self { version, raw, now: RunNow { run, failed, held: Vec::new(), again, inputs: Ok(Inputs::default()) }, lean, key })
    }

    /// The path of the object, or of all of its kind.
    fn path(&self, whole: bool) -> String {
        let all = Api::path::<PipelineRun>(self.version, &self.key.namespace);
        if whole { all } else { format!("{all}/{}", self.key.name) }
    }

    /// The request of an operation, or why there is none.
    fn change(&self, operation: &Operation) -> Result<Change, Clean> {
        match operation.verb {
            Verb::Rerun => Ok(Change::Create(self.path(true), repeat::body(&self.raw, &operation.id))),
            Verb::Cancel => Ok(Change::Patch(self.path(false), self.ends(GENTLE))),
            Verb::ForceCancel => Ok(Change::Patch(self.path(false), self.ends(AT_ONCE))),
            verb => Err(clean!("Tekton can not {} a run", verb.words())),
        }
    }

    /// Asks for its end, only if the object is as it was just read.
    fn ends(&self, how: &str) -> Value {
        let of = |key: &str| self.raw.pointer(key).cloned().unwrap_or(Value::Null);
        json!({ "metadata": { "uid": of("/metadata/uid"), "resourceVersion": of("/metadata/resourceVersion") }, "spec": { "status": how } })
    }
}

/// What is sent: a merge patch to an object, or a new one.
enum Change {
    Patch(String, Value),
    Create(String, Value),
}

impl Change {
    const fn verb(&self) -> &'static str {
        match self {
            Self::Patch(..) => "patch",
            Self::Create(..) => "create",
        }
    }

    async fn send(&self, writer: &Writer) -> Result<Reply, kube::Error> {
        match self {
            Self::Patch(path, patch) => writer.patch(path, patch).await,
            Self::Create(path, object) => writer.create(path, object).await,
        }
    }
}

/// The jobs that failed.
async fn failed(api: &Api, version: Version, key: &RunKey, run: &PipelineRun) -> Result<Vec<Clean>, SourceError> {
    let labels = Api::of_run(key).labels.map(|labels| format!("?labelSelector={}", labels.replace('/', "%2F"))).unwrap_or_default();
    let path = format!("{}{labels}", Api::path::<TaskRun>(version, &key.namespace));
    let list: List<TaskRun> = api.cluster.get(&Api::call::<TaskRun>("list", &key.namespace, path)).await?;
    let tasks = list.whole().filter(|task| is_of(task, run)).filter_map(|task| Some((task.meta().name.clone()?, task)));
    let known = Known { tasks: tasks.collect() };
    Ok(jobs(api, run, &known).into_iter().filter(|job: &Job| job.status == RunStatus::Failed).map(|job| job.name).collect())
}

/// When the newest run was made that repeats it.
async fn newest(api: &Api, version: Version, key: &RunKey) -> Result<Option<u64>, SourceError> {
    let path = format!("{}?labelSelector={}%3D{}", Api::path::<PipelineRun>(version, &key.namespace), REPEATS.replace('/', "%2F"), key.uid);
    let list: List<PipelineRun> = api.cluster.get(&Api::call::<PipelineRun>("list", &key.namespace, path)).await?;
    Ok(list.whole().filter_map(|run| run.meta().creation_timestamp.as_ref().map(|at| at.0.as_second().cast_unsigned())).max())
}

/// A run as it is at this moment.
pub async fn now(api: &Api, id: &Id<Run>) -> Result<RunNow, SourceError> {
    Ok(Current::read(api, id).await?.now)
}

/// What would be in its way.
pub fn prepare(api: Arc<Api>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let current = Current::read(&api, &operation.subject.cast()).await?;
        let change = current.change(&operation).map_err(SourceError::Unsupported)?;
        let place = [vec![format!("-n {}", current.key.namespace)], api.cluster.command_line("--context")].concat().join(" ");
        let first = [Check::Command(repeat::command(operation.verb, &place, &current.key.name)), Check::Made(can(operation.verb, &current))];
        let rest = async move {
            let object = (PipelineRun::PLURAL, current.key.namespace.as_str(), if matches!(change, Change::Patch(..)) { &*current.key.name } else { "" });
            let (rights, tried) = futures::join!(may_do(&api.cluster, change.verb(), PipelineRun::GROUP, object, ""), try_out(&api.cluster, &current, &change));
            stream::iter([Check::Made(rights), Check::Made(tried)])
        };
        Ok(stream::iter(first).chain(stream::once(rest).flatten()).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

/// Whether it makes sense.
fn can(verb: Verb, current: &Current) -> Finding {
    let (kind, over, asked) = (CheckKind::Pipeline, current.now.run.status.over(), current.lean.spec.status.as_str());
    let pods = "pods that still run are deleted, and what they said with them, unless Tekton is told to keep them";
    match verb {
        Verb::Rerun if !over => {
            kind.block("it is not over: another run beside it would do the same at the same time", Some("cancel it, or wait for its end".into()))
        }
        Verb::Rerun => match origin::own_token(&current.lean) {
            Some(secret) => kind.warn(
                clean!("its token for git is in Secret {secret}, which Pipelines as Code made for that run alone: it may have expired or be gone"),
                Some("comment /retest on the request instead".into()),
            ),
            None => kind.ok("it can be repeated"),
        },
        Verb::Cancel | Verb::ForceCancel if over => kind.block("it is over: nothing is left to cancel", None),
        Verb::Cancel if matches!(asked, GENTLE | AT_ONCE) => {
            kind.block(clean!("its end was asked for already ({asked})"), Some(":force-cancel leaves out the tasks at its end too".into()))
        }
        Verb::ForceCancel if asked == AT_ONCE => kind.block("its end was asked for already (Cancelled): its controller has to act on it", None),
        Verb::ForceCancel => kind.warn(clean!("the tasks at its end (finally) do not run then, and {pods}"), Some("X asks for an orderly end".into())),
        _ => kind.warn(clean!("its tasks end, those at its end (finally) still run; {pods}"), None),
    }
}

async fn try_out(cluster: &Cluster, current: &Current, change: &Change) -> Finding {
    let dry = match dry(cluster).await {
        Ok(dry) => dry,
        Err(finding) => return finding,
    };
    let tried = cluster.tried(change.verb(), &PipelineRun::resource(), Some(&current.key.namespace));
    let answer = match change {
        Change::Patch(path, patch) => dry.patch(path, patch).await,
        Change::Create(path, object) => dry.create(path, object).await,
    };
    would(&tried, answer, &current.key.name)
}

/// Carries it out, once.
pub fn carry_out(api: Arc<Api>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(api, warrant), Request::send)
}

/// The one request. It owns the warrant, so that there is no second one.
struct Request {
    api: Arc<Api>,
    warrant: Warrant,
    writer: Writer,
    current: Current,
    change: Change,
}

async fn make_ready(api: Arc<Api>, warrant: Warrant) -> Result<Request, Stage> {
    let operation = warrant.operation();
    let writer = api.cluster.writer().await.map_err(|error| not_sent(&error))?.ok_or_else(steps::read_only)?;
    let current = Current::read(&api, &operation.subject.cast()).await.map_err(|error| not_sent(&error))?;
    if let Some(what) = current.now.moved(operation.verb, &operation.from) {
        return Err(Stage::Conflict { what, same: false });
    }
    let change = current.change(operation).map_err(|why| Stage::Refused { why })?;
    Ok(Request { api, warrant, writer, current, change })
}

impl Request {
    /// Sends it. Whatever comes back, it is not sent again.
    async fn send(self) -> Stage {
        let tried = self.api.cluster.tried(self.change.verb(), &PipelineRun::resource(), Some(&self.current.key.namespace));
        match act::answered(&tried, self.change.send(&self.writer)).await {
            Err(unclear) => unclear,
            Ok(reply) if reply.code == 409 => self.conflict(&reply).await,
            // A run is told without its generation: nobody could wait for one.
            Ok(reply) => match act::outcome(&tried, &reply) {
                Stage::Accepted { request, warnings, .. } => Stage::Accepted { request, warnings, revision: None, generation: None },
                other => other,
            },
        }
    }

    /// It was written to between our read and our request, or a run of that name is there: what the operator saw may still be so.
    async fn conflict(&self, reply: &Reply) -> Stage {
        let operation = self.warrant.operation();
        if let Change::Create(path, _) = &self.change {
            let name = repeat::name(&self.current.raw, &operation.id);
            let call = Api::call::<PipelineRun>("get", &self.current.key.namespace, format!("{path}/{name}"));
            if let Ok(Some(run)) = self.api.cluster.find::<PipelineRun>(&call).await {
                return match note(run.meta(), OPERATION) == Some(operation.id.as_str()) {
                    true => Stage::Accepted { request: None, warnings: vec![clean!("{name} was there already")], revision: None, generation: None },
                    false => Stage::Conflict { what: clean!("a run of the name {name} is there, and is not ours"), same: false },
                };
            }
        }
        match Current::read(&self.api, &operation.subject.cast()).await {
            Ok(current) => match current.now.moved(operation.verb, &operation.from) {
                Some(what) => Stage::Conflict { what, same: false },
                None => Stage::Conflict { what: clean!("{} was written to at the same moment; what you saw is still so", self.current.key.name), same: true },
            },
            Err(error) => Stage::Conflict { what: clean!("{}; and it can not be read again: {error}", reply.status().message), same: false },
        }
    }
}
