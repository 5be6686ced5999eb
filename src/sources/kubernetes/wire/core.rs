//! Pods, events and nodes.

use super::{
    Meta,
    apps::{Condition, PodSpec},
    count, or_default, shape,
};
use jiff::Timestamp;
use serde::Deserialize;

/// A container that waits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// One word.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// A sentence.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
}

/// A container that runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Running {
    /// Since when.
    #[serde(deserialize_with = "super::time")]
    pub started_at: Option<Timestamp>,
}

/// A container that has ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Terminated {
    /// How.
    #[serde(deserialize_with = "or_default")]
    pub exit_code: i32,
    /// By which signal.
    #[serde(deserialize_with = "or_default")]
    pub signal: i32,
    /// One word.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// Its termination message.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// When it began.
    #[serde(deserialize_with = "super::time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(deserialize_with = "super::time")]
    pub finished_at: Option<Timestamp>,
}

/// What a container does: at most one of them is set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct State {
    /// It waits.
    pub waiting: Option<Waiting>,
    /// It runs.
    pub running: Option<Running>,
    /// It has ended.
    pub terminated: Option<Terminated>,
}

/// How a container is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// What it does.
    #[serde(deserialize_with = "or_default")]
    pub state: State,
    /// What its run before this one did.
    #[serde(deserialize_with = "or_default")]
    pub last_state: State,
    /// Whether it is ready.
    #[serde(deserialize_with = "or_default")]
    pub ready: bool,
    /// Whether a sidecar has started.
    #[serde(deserialize_with = "or_default")]
    pub started: bool,
    /// At least how often it was restarted.
    #[serde(deserialize_with = "count")]
    pub restart_count: u32,
    /// What runs: `docker.io/x@sha256:…`, or only a digest.
    #[serde(rename = "imageID", deserialize_with = "or_default")]
    pub image_id: String,
}

/// How a pod is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    #[serde(deserialize_with = "or_default")]
    pub phase: String,
    /// `Evicted`, `NodeLost` …
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// A sentence.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// What is known of it.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
    /// Its containers.
    #[serde(deserialize_with = "or_default")]
    pub container_statuses: Vec<ContainerStatus>,
    /// Its init containers.
    #[serde(deserialize_with = "or_default")]
    pub init_container_statuses: Vec<ContainerStatus>,
}

/// A pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Who it is.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta,
    /// What is wanted.
    #[serde(deserialize_with = "or_default")]
    pub spec: PodSpec,
    /// What there is.
    #[serde(deserialize_with = "or_default")]
    pub status: PodStatus,
}
shape!(Pod, "Pod", "", "pods");

/// What an event is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Involved {
    /// Its kind.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its uid.
    #[serde(deserialize_with = "or_default")]
    pub uid: String,
    /// Which part of it.
    #[serde(deserialize_with = "or_default")]
    pub field_path: String,
}

/// An event that goes on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Series {
    /// How often.
    #[serde(deserialize_with = "count")]
    pub count: u32,
    /// The last time.
    #[serde(deserialize_with = "super::time")]
    pub last_observed_time: Option<Timestamp>,
}

/// An event, in the core's words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Event {
    /// Who it is.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta,
    /// What it is about.
    #[serde(deserialize_with = "or_default")]
    pub involved_object: Involved,
    /// One word.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// A sentence.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// `Normal` or `Warning`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// How often.
    #[serde(deserialize_with = "count")]
    pub count: u32,
    /// The first time.
    #[serde(deserialize_with = "super::time")]
    pub first_timestamp: Option<Timestamp>,
    /// The last time; none where the newer API wrote it.
    #[serde(deserialize_with = "super::time")]
    pub last_timestamp: Option<Timestamp>,
    /// When, where the newer API wrote it.
    #[serde(deserialize_with = "super::time")]
    pub event_time: Option<Timestamp>,
    /// The newer API's count.
    pub series: Option<Series>,
}
shape!(Event, "Event", "", "events");

/// An image on a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeImage {
    /// Its references, by tag and by digest.
    #[serde(deserialize_with = "or_default")]
    pub names: Vec<String>,
}

/// What is wanted of a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// Whether it is closed to new pods.
    #[serde(deserialize_with = "or_default")]
    pub unschedulable: bool,
}

/// How a node is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// What is known of it.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
}

/// A node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Who it is.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta,
    /// What is wanted.
    #[serde(deserialize_with = "or_default")]
    pub spec: NodeSpec,
    /// What there is.
    #[serde(deserialize_with = "or_default")]
    pub status: NodeStatus,
}
shape!(Node, "Node", "", "nodes", false);
