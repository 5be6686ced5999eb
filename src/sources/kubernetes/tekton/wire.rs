//! PipelineRuns and TaskRuns as they travel, of both versions: only the fields that are used. Nulls and missing fields are empty.

use crate::sources::kubernetes::wire::{Meta, Shape, or_default, shape, time};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// The group of both.
pub const GROUP: &str = "tekton.dev";

/// A run of a pipeline.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PipelineRun {
    /// Who it is.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta,
    /// What is wanted.
    #[serde(deserialize_with = "or_default")]
    pub spec: RunSpec,
    /// What there is.
    #[serde(deserialize_with = "or_default")]
    pub status: Told,
}
shape!(PipelineRun, "PipelineRun", "tekton.dev", "v1", "pipelineruns", true);

/// A run of one task, most often for a PipelineRun.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TaskRun {
    /// Who it is.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta,
    /// What is wanted.
    #[serde(deserialize_with = "or_default")]
    pub spec: TaskSpec,
    /// What there is.
    #[serde(deserialize_with = "or_default")]
    pub status: TaskStatus,
}
shape!(TaskRun, "TaskRun", "tekton.dev", "v1", "taskruns", true);

/// The same object in the version that older clusters serve.
#[derive(Clone, Debug)]
pub struct Beta<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Beta<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

impl<T: Shape> Shape for Beta<T> {
    const KIND: &'static str = T::KIND;
    const GROUP: &'static str = T::GROUP;
    const VERSION: &'static str = "v1beta1";
    const PLURAL: &'static str = T::PLURAL;
    const NAMESPACED: bool = T::NAMESPACED;
    fn meta(&self) -> &kube::core::ObjectMeta {
        self.0.meta()
    }
    fn meta_mut(&mut self) -> &mut kube::core::ObjectMeta {
        self.0.meta_mut()
    }
    fn written(&self) -> Option<Timestamp> {
        self.0.written()
    }
}

/// What a run of a pipeline is to be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RunSpec {
    /// The pipeline, where it is not written in the run.
    pub pipeline_ref: Option<PipelineRef>,
    /// The pipeline itself.
    pub pipeline_spec: Option<Tasks>,
    /// What it is told.
    #[serde(deserialize_with = "or_default")]
    pub params: Vec<Param>,
    /// What somebody has asked of it: `Cancelled`, `CancelledRunFinally`, `StoppedRunFinally`, `PipelineRunPending`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
}

/// Where a pipeline is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PipelineRef {
    /// Its name in the cluster.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// What fetches it from elsewhere: `git`, `bundles`, `hub`.
    #[serde(deserialize_with = "or_default")]
    pub resolver: String,
    /// From where.
    #[serde(deserialize_with = "or_default")]
    pub params: Vec<Param>,
}

/// A parameter, or a result.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Param {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// A text, a list or an object.
    pub value: Value,
}

impl Param {
    /// Its value as text.
    pub fn text(&self) -> String {
        match &self.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

/// The tasks of a pipeline.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tasks {
    /// In the order in which they are written.
    #[serde(deserialize_with = "or_default")]
    pub tasks: Vec<Named>,
    /// Those that run at the end whatever happens.
    #[serde(deserialize_with = "or_default")]
    pub finally: Vec<Named>,
}

/// Something that has a name, and may have one for people.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Named {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its name for people.
    #[serde(deserialize_with = "or_default")]
    pub display_name: String,
}

/// How a run of a pipeline stands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Told {
    /// One of them counts.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
    /// When it began.
    #[serde(deserialize_with = "time")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(deserialize_with = "time")]
    pub completion_time: Option<Timestamp>,
    /// What it made, in the order in which it did.
    #[serde(deserialize_with = "or_default")]
    pub child_references: Vec<Child>,
    /// What it did not need.
    #[serde(deserialize_with = "or_default")]
    pub skipped_tasks: Vec<Skipped>,
    /// The pipeline as it was when it began.
    pub pipeline_spec: Option<Tasks>,
    /// What came of it.
    #[serde(deserialize_with = "or_default")]
    pub results: Vec<Param>,
    /// The same as v1beta1 writes it.
    #[serde(deserialize_with = "or_default")]
    pub pipeline_results: Vec<Param>,
    /// Its TaskRuns as old controllers write them, by name.
    #[serde(deserialize_with = "or_default")]
    pub task_runs: BTreeMap<String, Inline>,
    /// Its runs of custom tasks as they write them.
    #[serde(deserialize_with = "or_default")]
    pub runs: BTreeMap<String, Inline>,
}

/// A condition.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// `Succeeded` is the one that counts.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// `True`, `False`, `Unknown`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    /// One word.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// A sentence.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// Since when.
    #[serde(deserialize_with = "time")]
    pub last_transition_time: Option<Timestamp>,
}

/// The condition that counts.
pub fn succeeded(conditions: &[Condition]) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.kind == "Succeeded")
}

/// What a run of a pipeline made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Child {
    /// `TaskRun`, `CustomRun`, `Run`, `PipelineRun`.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its name for people.
    #[serde(deserialize_with = "or_default")]
    pub display_name: String,
    /// The task of the pipeline that it is for.
    #[serde(deserialize_with = "or_default")]
    pub pipeline_task_name: String,
}

/// A task that was not needed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Skipped {
    /// Its name in the pipeline.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Why.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
}

/// A TaskRun within its PipelineRun.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Inline {
    /// The task of the pipeline that it is for.
    #[serde(deserialize_with = "or_default")]
    pub pipeline_task_name: String,
    /// How it stands.
    #[serde(deserialize_with = "or_default")]
    pub status: TaskStatus,
}

/// What a run of a task is to be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TaskSpec {
    /// What it is told; a matrix makes runs that differ in these.
    #[serde(deserialize_with = "or_default")]
    pub params: Vec<Param>,
}

/// How a run of a task stands, or one of its earlier attempts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TaskStatus {
    /// One of them counts.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
    /// The pod that it runs in; none before it is made, and between two attempts.
    #[serde(deserialize_with = "or_default")]
    pub pod_name: String,
    /// When it began.
    #[serde(deserialize_with = "time")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(deserialize_with = "time")]
    pub completion_time: Option<Timestamp>,
    /// Its steps, as far as they are known.
    #[serde(deserialize_with = "or_default")]
    pub steps: Vec<Step>,
    /// The task as it was when it began.
    #[serde(deserialize_with = "or_default")]
    pub task_spec: Steps,
    /// Its attempts before this one, the oldest first.
    #[serde(deserialize_with = "or_default")]
    pub retries_status: Vec<TaskStatus>,
}

/// The steps of a task.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Steps {
    /// In their order.
    #[serde(deserialize_with = "or_default")]
    pub steps: Vec<Named>,
}

/// A step, with the state of its container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Step {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// The container that it runs in.
    #[serde(deserialize_with = "or_default")]
    pub container: String,
    /// Why it ended, in a word of Tekton; newer controllers only.
    #[serde(deserialize_with = "or_default")]
    pub termination_reason: String,
    /// It runs.
    pub running: Option<Running>,
    /// It waits.
    pub waiting: Option<Waiting>,
    /// It ended.
    pub terminated: Option<Terminated>,
}

/// A container that runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Running {
    /// Since when.
    #[serde(deserialize_with = "time")]
    pub started_at: Option<Timestamp>,
}

/// A container that waits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// For what.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
}

/// A container that ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Terminated {
    /// Its exit code; one that is not told is not 0.
    pub exit_code: Option<i64>,
    /// Why, in a word of Kubernetes.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// When it began.
    #[serde(deserialize_with = "time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(deserialize_with = "time")]
    pub finished_at: Option<Timestamp>,
}
