//! What a story is made of: the tables of `config/demo/*.toml`.
//!
//! A scenario says what stands where, what happens when, and what is said; how a world goes on from there is in the rules beside it.

use super::words::{Length, Moment, ScenarioError};
use crate::domain::{Environment, EnvironmentRule, Match, Tier};
use crate::text::Name;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// The built-in stories, by name.
pub const STORIES: &[(&str, &str)] = &[
    ("incident", include_str!("../../../config/demo/incident.toml")),
    ("node-down", include_str!("../../../config/demo/node-down.toml")),
    ("quiet", include_str!("../../../config/demo/quiet.toml")),
    ("blind", include_str!("../../../config/demo/blind.toml")),
];

/// A story: a world at its start, and what happens in it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(super) tables: Tables,
    script: Timestamp,
    start: Timestamp,
}

/// A name that must stand elsewhere in the scenario.
pub(super) type Ref = Spanned<String>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tables {
    /// One line for `--help` and for people who read the file.
    pub title: String,
    start: Moment,
    at: Length,
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

impl Scenario {
    /// The built-in story of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = STORIES.iter().find(|(known, _)| *known == name)?;
        Self::read(&format!("config/demo/{name}.toml"), text).ok()
    }

    /// The story that `text` tells; `file` is its name in errors.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let fault = |span: std::ops::Range<usize>, what: &str| ScenarioError::at(file, text, span.start, what);
        let tables: Tables = toml::from_str(text).map_err(|e| fault(e.span().unwrap_or(0..0), e.message()))?;
        if let Some((span, what)) = super::refs::wrong(&tables) {
            return Err(fault(span, &what));
        }
        let Some(script) = tables.start.whole() else {
            return Err(fault(0..0, "start must be a date and a time with its zone: 2026-11-24T02:57:20Z"));
        };
        Ok(Self { tables, script, start: script })
    }

    /// The same story, beginning at another moment: everything in it moves along.
    #[must_use]
    pub fn starting(self, start: Timestamp) -> Self {
        Self { start, ..self }
    }

    /// One line about it.
    pub fn title(&self) -> &str {
        &self.tables.title
    }

    /// When it begins.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// How far into the story a console opens, unless somebody says otherwise.
    pub const fn at(&self) -> SignedDuration {
        self.tables.at.0
    }

    /// The moment at which a console opens, unless somebody says otherwise.
    pub fn opens(&self) -> Timestamp {
        self.start + self.at()
    }

    /// When a moment of the script comes.
    pub(super) fn when(&self, moment: &Moment) -> Timestamp {
        self.start + moment.after(self.script)
    }

    /// The environments as a configuration would declare them, so that nothing in the demo is guessed.
    pub fn environments(&self) -> Vec<EnvironmentRule> {
        let one = |environment: &EnvironmentTable| EnvironmentRule {
            name: Name::new(&environment.name),
            tier: Some(environment.tier.into()),
            matches: self
                .places(environment)
                .into_iter()
                .map(|(context, namespace)| Match { context: Some(context), namespace: Some(namespace), ..Match::default() })
                .collect(),
            locked: false,
            allow_insecure_writes: false,
            automatic: crate::domain::Automatic::default(),
            settle: Environment::SETTLE,
        };
        self.tables.environment.iter().map(one).collect()
    }

    fn places(&self, environment: &EnvironmentTable) -> BTreeSet<(String, String)> {
        let own = (environment.source.get_ref().clone(), environment.namespace.clone());
        let elsewhere = |place: &PlaceTable| {
            let source = place.source.as_ref().unwrap_or(&environment.source).get_ref().clone();
            (source, place.namespace.as_ref().unwrap_or(&environment.namespace).clone())
        };
        let runs = self.tables.service.iter().filter_map(|service| service.runs.get(&environment.name));
        runs.map(elsewhere).chain([own]).collect()
    }
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
