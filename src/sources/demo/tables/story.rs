//! The tables of what happens: rollouts, errors, alerts, runs, links that drop, and what pods say.

use super::{
    super::words::{Length, Moment},
    Ref,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A rollout that the story brings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct DeployTable {
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
pub(in super::super) struct CrashTable {
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
pub(in super::super) struct PodTable {
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
pub(in super::super) struct ErrorsTable {
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
pub(in super::super) struct AlertTable {
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
pub(in super::super) enum On {
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
pub(in super::super) struct SilenceTable {
    pub by: String,
    pub until: Moment,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct RunTable {
    pub service: Ref,
    pub number: u64,
    pub title: String,
    #[serde(default = "workflow")]
    pub workflow: String,
    #[serde(default = "branch")]
    pub branch: String,
    pub by: String,
    pub started: Moment,
    /// It is not among the newest: it is told to whoever asks for older ones.
    #[serde(default)]
    pub older: bool,
    pub usual: Option<Length>,
    /// What its tests came to: all, those that failed, those that were left out.
    pub tests: Option<(u64, u64, u64)>,
    /// In percent.
    pub coverage: Option<f64>,
    /// What it made: a name, and how many bytes.
    #[serde(default)]
    pub artifacts: Vec<(String, u64)>,
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
pub(in super::super) struct JobTable {
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
pub(in super::super) enum GateName {
    Build,
    Security,
    Deploy,
}

/// How a job ends; in one that failed the last step did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum EndName {
    #[default]
    Ok,
    Failed,
    Waiting(String),
}

/// A link that breaks, once or again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct DropTable {
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
pub(in super::super) struct LogTable {
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
