//! What the engine's API says, as far as we use it. Words that may grow (states, actions, types) stay text here, so that one new word never
//! costs a whole list; Go's `null` for an empty list or map is an empty one.

use crate::sources::spec;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// Labels, attributes.
pub type Texts = BTreeMap<String, String>;

fn some<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// A time in RFC 3339; the engine's zero (year 1) and what can not be read are none.
pub fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|time| *time > Timestamp::UNIX_EPOCH)
}

macro_rules! wire {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $field:ident: $kind:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(default, rename_all = "PascalCase")]
        pub struct $name {
            $(#[serde(deserialize_with = "some")] $(#[$attr])* #[allow(missing_docs)] pub $field: $kind,)*
        })*
    };
}

wire! {
    /// `GET /version`.
    Version { api_version: String, #[serde(rename = "MinAPIVersion")] min_api_version: String, version: String, components: Vec<Component>, }
    /// A part of the server, by name: `Engine`, `Podman Engine`.
    Component { name: String, }
    /// `GET /info`.
    Info { name: String, system_time: String, swarm: SwarmInfo, }
    /// This node's part in a swarm.
    SwarmInfo { #[serde(rename = "NodeID")] node_id: String, local_node_state: String, control_available: bool, }
    /// A row of `GET /containers/json`.
    Listed { id: String, names: Vec<String>, image: String, #[serde(rename = "ImageID")] image_id: String, created: i64, state: String, labels: Texts, health: ListedHealth, }
    /// Health in a list, since API 1.52.
    ListedHealth { status: String, failing_streak: u32, }
    /// `GET /containers/ID/json`.
    Inspected { id: String, name: String, created: String, image: String, restart_count: u32, state: State, config: Config, host_config: HostConfig, }
    /// What a container does.
    State {
        status: String, running: bool, paused: bool, restarting: bool, #[serde(rename = "OOMKilled")] oom_killed: bool, dead: bool,
        exit_code: i64, error: String, started_at: String, finished_at: String, health: Health,
    }
    /// What its health check says; an empty status is no health check.
    Health { status: String, failing_streak: u32, log: Vec<Probe>, }
    /// One run of a health check.
    Probe { exit_code: i64, output: String, }
    /// What was asked for, merged with the image's defaults.
    Config { image: String, labels: Texts, tty: bool, }
    /// What the host gives it.
    HostConfig { log_config: LogConfig, restart_policy: RestartPolicy, nano_cpus: i64, cpu_quota: i64, cpu_period: i64, memory: i64, }
    /// Where its log goes.
    LogConfig { #[serde(rename = "Type")] driver: String, }
    /// When the engine starts it again.
    RestartPolicy { name: String, }
    /// `GET /images/ID/json`.
    ImageInspected { repo_digests: Vec<String>, repo_tags: Vec<String>, }
    /// A row of `GET /services?status=1`.
    Service {
        #[serde(rename = "ID")] id: String, version: Index, created_at: String, updated_at: String, spec: ServiceSpec, previous_spec: Option<ServiceSpec>,
        update_status: UpdateStatus, service_status: Option<ServiceStatus>,
    }
    /// Which write of an object it is: the next one must name it.
    Index { index: u64, }
    /// What a service should be.
    ServiceSpec { name: String, labels: Texts, task_template: Template, mode: Mode, rollback_config: Option<UpdateConfig>, }
    /// How an update, or the way back, is carried out.
    UpdateConfig { parallelism: u64, failure_action: String, order: String, }
    /// How many tasks are wanted; the other modes name no number.
    Mode { replicated: Option<Replicated>, }
    /// The number of a replicated service; none is one.
    Replicated { replicas: Option<u32>, }
    /// How far the last update has come; no state is no update.
    UpdateStatus { state: String, started_at: String, message: String, }
    /// How many tasks run (API 1.41).
    ServiceStatus { running_tasks: u32, desired_tasks: u32, }
    /// What a task should be.
    TaskSpec { container_spec: ContainerSpec, force_update: u64, }
    /// The container of a task.
    ContainerSpec { image: String, labels: Texts, #[serde(rename = "TTY")] tty: bool, }
    /// A row of `GET /tasks`.
    Task {
        #[serde(rename = "ID")] id: String, created_at: String, #[serde(rename = "ServiceID")] service_id: String, slot: u64, #[serde(rename = "NodeID")] node_id: String,
        desired_state: String, status: TaskStatus, spec: Template,
    }
    /// What a task does.
    TaskStatus { timestamp: String, state: String, message: String, err: String, container_status: ContainerStatus, }
    /// The container of a task, on whatever node.
    ContainerStatus { #[serde(rename = "ContainerID")] container_id: String, exit_code: i64, }
    /// A row of `GET /nodes`.
    Node { #[serde(rename = "ID")] id: String, description: NodeDescription, }
    /// What a node says of itself.
    NodeDescription { hostname: String, }
    /// One message of `GET /events`.
    Event { #[serde(rename = "Type")] kind: String, action: String, #[serde(rename = "status")] status: String, actor: Actor, #[serde(rename = "time")] time: i64, #[serde(rename = "timeNano")] time_nano: i64, }
    /// What an event is about.
    Actor { #[serde(rename = "ID")] id: String, attributes: Texts, }
}

/// What a task should be, and the mark by which two of them are compared: pods of one revision carry the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// The mark.
    pub mark: String,
    spec: TaskSpec,
}

impl std::ops::Deref for Template {
    type Target = TaskSpec;
    fn deref(&self) -> &TaskSpec {
        &self.spec
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut whole = Option::<Value>::deserialize(from)?.unwrap_or_default();
        // A service names its runtime, and its tasks do not.
        if let Some(fields) = whole.as_object_mut() {
            fields.remove("Runtime");
        }
        let mark = spec::hash(&whole).expose().chars().take(12).collect();
        let spec = Option::<TaskSpec>::deserialize(whole).map_err(serde::de::Error::custom)?;
        Ok(Self { mark, spec: spec.unwrap_or_default() })
    }
}

macro_rules! snake {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(#[serde(deserialize_with = "some")] #[allow(missing_docs)] pub $field: $kind,)*
        })*
    };
}

snake! {
    /// `GET /containers/ID/stats`: the one answer of the API that is written in snake case.
    Stats { read: String, cpu_stats: Cpu, memory_stats: Memory, }
    /// Counters of the processor, in nanoseconds.
    Cpu { cpu_usage: CpuUsage, system_cpu_usage: u64, online_cpus: u32, }
    /// What the container has used.
    CpuUsage { total_usage: u64, percpu_usage: Vec<u64>, }
    /// Bytes in use.
    Memory { usage: u64, limit: u64, stats: MemoryParts, }
    /// Parts of them: which names there are depends on the version of cgroups.
    MemoryParts { total_inactive_file: Option<u64>, inactive_file: Option<u64>, }
}

impl Event {
    /// What happened, without the command or the result that some actions carry behind a colon.
    pub fn verb(&self) -> &str {
        let action = if self.action.is_empty() { &self.status } else { &self.action };
        action.split(':').next().unwrap_or_default().trim()
    }

    /// What stands behind the colon: `unhealthy` of `health_status: unhealthy`.
    pub fn detail(&self) -> &str {
        let action = if self.action.is_empty() { &self.status } else { &self.action };
        action.split_once(':').map_or("", |(_, rest)| rest.trim())
    }

    /// When it happened, by the engine's clock.
    pub fn at(&self) -> Option<Timestamp> {
        let nanos = if self.time_nano == 0 { i128::from(self.time) * 1_000_000_000 } else { i128::from(self.time_nano) };
        Timestamp::from_nanosecond(nanos).ok().filter(|time| *time > Timestamp::UNIX_EPOCH)
    }

    /// What the engine knows of its actor under `key`.
    pub fn attribute(&self, key: &str) -> &str {
        self.actor.attributes.get(key).map_or("", String::as_str)
    }
}
