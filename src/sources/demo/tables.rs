//! The tables of a scenario, as they are written.

use super::words::{Length, Moment};
use crate::domain::Tier;
use jiff::SignedDuration;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A name that must stand elsewhere in the scenario.
pub(super) type Ref = Spanned<String>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {
    /// One line for `--help` and for people who read the file.
    pub title: String,
    pub start: Moment,
    pub at: Length,
    /// How long a cluster takes to accept a request.
    #[serde(default = "answers")]
    pub answers: Length,
    #[serde(default)]
    pub source: Vec<SourceTable>,
    #[serde(default)]
    pub environment: Vec<EnvironmentTable>,
    #[serde(default)]
    pub node: Vec<NodeTable>,
    #[serde(default)]
    pub service: Vec<ServiceTable>,
    #[serde(default)]
    pub revision: Vec<RevisionTable>,
    #[serde(default)]
    pub deploy: Vec<DeployTable>,
    #[serde(default)]
    pub pod: Vec<PodTable>,
    #[serde(default)]
    pub errors: Vec<ErrorsTable>,
    #[serde(default)]
    pub alert: Vec<AlertTable>,
    #[serde(default)]
    pub run: Vec<RunTable>,
    #[serde(default)]
    pub drop: Vec<DropTable>,
    #[serde(default)]
    pub log: Vec<LogTable>,
}

const fn answers() -> Length {
    Length(SignedDuration::from_millis(21))
}

/// What kind of back end a source stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A cluster.
    Kubernetes,
    /// A Docker host.
    Docker,
    /// Runs of CI.
    Github,
    /// Metrics and rules.
    Prometheus,
    /// Alerts.
    Alertmanager,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceTable {
    pub name: String,
    pub kind: SourceKind,
    pub budget: Option<String>,
    /// Known and not dialled: why, in a few words.
    pub listed: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentTable {
    pub name: String,
    pub tier: TierName,
    pub source: Ref,
    pub namespace: String,
    /// Whether Prometheus scrapes it.
    #[serde(default)]
    pub measured: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TierName {
    Development,
    Testing,
    Staging,
    Production,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeTable {
    pub name: String,
    pub source: Ref,
    pub zone: Option<String>,
    pub joined: Option<Moment>,
    pub down: Option<Moment>,
    pub back: Option<Moment>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceTable {
    pub name: String,
    #[serde(default)]
    pub kind: KindName,
    /// Requests in a second where it is measured; without it nothing asks for its errors.
    pub requests: Option<f64>,
    #[serde(default)]
    pub errors: f64,
    #[serde(default = "latency")]
    pub latency: Length,
    /// From a pod's creation until it reports ready.
    #[serde(default = "ready")]
    pub ready: Length,
    #[serde(default = "grace")]
    pub grace: Length,
    /// After so long without progress the controller gives up.
    #[serde(default = "deadline")]
    pub deadline: Length,
    #[serde(default)]
    pub sidecar: bool,
    pub runs: BTreeMap<String, PlaceTable>,
}

const fn latency() -> Length {
    Length(SignedDuration::from_millis(80))
}
const fn ready() -> Length {
    Length::seconds(9)
}
const fn grace() -> Length {
    Length::seconds(30)
}
const fn deadline() -> Length {
    Length::seconds(600)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum KindName {
    #[default]
    Deployment,
    StatefulSet,
    ComposeService,
}

/// A service in one environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceTable {
    pub version: String,
    pub replicas: u32,
    /// Since when it runs, before the moment on which the story opens.
    pub age: Length,
    pub digest: Option<String>,
    pub hash: Option<String>,
    pub number: Option<u64>,
    #[serde(default)]
    pub pods: Vec<String>,
    /// Elsewhere than its environment.
    pub source: Option<Ref>,
    pub namespace: Option<String>,
    pub kind: Option<KindName>,
    /// The Argo CD application that owns it.
    pub argo: Option<String>,
}

/// A revision that came before the one that runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevisionTable {
    pub service: Ref,
    pub environment: Ref,
    pub number: u64,
    pub version: String,
    pub age: Length,
    pub hash: Option<String>,
    pub digest: Option<String>,
    pub cause: Option<String>,
    /// No pod of it was ever available: what they said (`ErrImagePull`).
    pub bad: Option<String>,
}

/// A rollout that the story brings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeployTable {
    pub service: Ref,
    pub environment: Ref,
    pub at: Moment,
    pub version: String,
    pub hash: Option<String>,
    pub digest: Option<String>,
    pub by: String,
    pub cause: Option<String>,
    #[serde(default)]
    pub pods: Vec<String>,
    /// Environment variables that it brings.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    pub crash: Option<CrashTable>,
}

/// How its pods fail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CrashTable {
    /// Which of them; none named: all.
    #[serde(default)]
    pub pods: Vec<String>,
    pub code: i32,
    /// From the start of the container.
    pub after: Length,
    /// Its last words.
    pub says: Vec<String>,
}

/// What is special about one pod.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PodTable {
    pub name: String,
    pub node: Option<String>,
    /// How long its image takes to arrive.
    pub pull: Option<Length>,
    /// From its creation until it reports ready.
    pub ready: Option<Length>,
}

/// The part of the requests that fail, by time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorsTable {
    pub service: Ref,
    pub environment: Ref,
    /// Of one version only; while it errs, its rollout can be taken back.
    pub version: Option<String>,
    pub points: Vec<(Moment, f64)>,
    /// What is left of it after a rollback that helps, as a part of what it was.
    #[serde(default)]
    pub heal: Vec<(Length, f64)>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertTable {
    pub name: String,
    pub severity: String,
    pub service: Option<Ref>,
    pub environment: Option<Ref>,
    pub on: On,
    #[serde(default)]
    pub holds: Length,
    #[serde(default)]
    pub keep: Length,
    pub summary: String,
    pub runbook: Option<String>,
    pub silenced: Option<SilenceTable>,
    /// The alert that explains it.
    pub inhibited: Option<String>,
}

/// What makes an alert fire.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum On {
    /// More errors than this.
    Errors(f64),
    /// A pod that crashes was restarted as often as this.
    Restarts(u32),
    /// This node is not ready.
    Node(Ref),
    /// From this moment on.
    From(Moment),
    /// At all times.
    Always(bool),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SilenceTable {
    pub by: String,
    pub until: Moment,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunTable {
    pub service: Ref,
    pub number: u64,
    pub title: String,
    #[serde(default = "workflow")]
    pub workflow: String,
    #[serde(default = "branch")]
    pub branch: String,
    pub by: String,
    pub started: Moment,
    pub usual: Option<Length>,
    pub job: Vec<JobTable>,
}

fn workflow() -> String {
    "release".to_owned()
}
fn branch() -> String {
    "main".to_owned()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobTable {
    pub name: String,
    pub gate: Option<GateName>,
    /// After the run's start.
    pub after: Length,
    pub takes: Length,
    #[serde(default)]
    pub ends: EndName,
    #[serde(default)]
    pub steps: Vec<String>,
    #[serde(default)]
    pub log: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum GateName {
    Build,
    Security,
    Deploy,
}

/// How a job ends; in one that failed the last step did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EndName {
    #[default]
    Ok,
    Failed,
    Waiting(String),
}

/// A link that breaks, once or again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropTable {
    pub source: Ref,
    pub at: Moment,
    #[serde(rename = "for")]
    pub lasts: Length,
    pub every: Option<Length>,
    pub says: String,
}

/// Lines that pods say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogTable {
    /// One service, or `*` for those that have no table of their own there.
    pub service: String,
    pub environment: Option<Ref>,
    pub version: Option<String>,
    #[serde(default)]
    pub pods: Vec<String>,
    pub container: Option<String>,
    /// The first of several at a fixed moment …
    pub at: Option<Moment>,
    /// … or so long after the start of each container …
    pub after: Option<Length>,
    /// … or all the time between these two.
    pub from: Option<Moment>,
    pub until: Option<Moment>,
    pub every: Option<Length>,
    pub count: Option<u32>,
    #[serde(default = "level")]
    pub level: String,
    /// `{2..14}` stands for a number between the two.
    pub text: Vec<String>,
}

fn level() -> String {
    "INFO".to_owned()
}

impl From<TierName> for Tier {
    fn from(name: TierName) -> Self {
        match name {
            TierName::Development => Self::Development,
            TierName::Testing => Self::Testing,
            TierName::Staging => Self::Staging,
            TierName::Production => Self::Production,
        }
    }
}
