//! The tables of a scenario, as they are written.

mod story;

pub(super) use story::{AlertTable, DeployTable, DropTable, EndName, ErrorsTable, GateName, JobTable, LogTable, On, PodTable, RunTable};

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
    /// A request that tries it: good unless what was rolled out last is bad.
    pub smoke: Option<String>,
    /// The environment whose releases it tries; all of them where this is silent.
    pub smoke_in: Option<String>,
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
