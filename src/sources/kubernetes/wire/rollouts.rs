//! Argo Rollouts: a Deployment's specification and status, and what comes on top for a canary or blue-green delivery.

use super::{
    Authored,
    apps::{Spec, Status},
    or_default, shape,
};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// A Rollout.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rollout {
    /// Who it is.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Authored,
    /// What is wanted.
    #[serde(deserialize_with = "or_default")]
    pub spec: Wanted,
    /// What there is.
    #[serde(deserialize_with = "or_default")]
    pub status: Told,
}
shape!(Rollout, "Rollout", "argoproj.io", "v1alpha1", "rollouts", true);

/// What a Rollout wants.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Wanted {
    /// What it has in common with a Deployment.
    #[serde(flatten)]
    pub common: Spec,
    /// The object that has the template, where it is another one.
    pub workload_ref: Option<Reference>,
    /// How a new revision takes over.
    #[serde(deserialize_with = "or_default")]
    pub strategy: Strategy,
    /// Within how many revisions a way back skips its steps.
    #[serde(deserialize_with = "or_default")]
    pub rollback_window: Window,
}

/// The object that has the template.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// `Deployment`, `ReplicaSet`, `PodTemplate`.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
}

/// How far back the steps are skipped.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Window {
    /// So many revisions.
    #[serde(deserialize_with = "super::count")]
    pub revisions: u32,
}

/// How a new revision takes over: one of the two.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Strategy {
    /// Step by step.
    pub canary: Option<Canary>,
    /// All at once, after a preview.
    pub blue_green: Option<BlueGreen>,
}

/// Step by step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Canary {
    /// The steps.
    #[serde(deserialize_with = "or_default")]
    pub steps: Vec<Step>,
    /// Whether a mesh or an ingress splits the traffic; otherwise the numbers of pods do.
    #[serde(deserialize_with = "there")]
    pub traffic_routing: bool,
    /// Whether an analysis runs beside the steps.
    #[serde(deserialize_with = "there")]
    pub analysis: bool,
}

/// One step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    /// It stands still.
    pub pause: Option<Pause>,
    /// It measures.
    #[serde(deserialize_with = "there")]
    pub analysis: bool,
    /// It runs both side by side and measures.
    #[serde(deserialize_with = "there")]
    pub experiment: bool,
    /// Something that a plugin does.
    #[serde(deserialize_with = "there")]
    pub plugin: bool,
}

/// A pause: for a time, or until somebody promotes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pause {
    /// Seconds, or `10m`.
    pub duration: Option<Duration>,
}

/// A number of seconds, or text such as `1h30m`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Duration {
    /// Seconds.
    Seconds(u64),
    /// As Go writes it; a number alone is seconds.
    Text(String),
}

/// All at once, after a preview.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BlueGreen {
    /// Whether the traffic is switched by itself; yes where nothing is said.
    pub auto_promotion_enabled: Option<bool>,
    /// After how many seconds it is switched all the same.
    pub auto_promotion_seconds: Option<u32>,
    /// Whether an analysis decides before the switch.
    #[serde(deserialize_with = "there")]
    pub pre_promotion_analysis: bool,
    /// Whether an analysis decides after it.
    #[serde(deserialize_with = "there")]
    pub post_promotion_analysis: bool,
}

/// What the controller of a Rollout says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Told {
    /// What it has in common with a Deployment.
    #[serde(flatten)]
    pub common: Status,
    /// `Healthy`, `Degraded`, `Progressing`, `Paused`.
    #[serde(deserialize_with = "or_default")]
    pub phase: String,
    /// A sentence.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// The hash of the newest specification.
    #[serde(deserialize_with = "or_default")]
    pub current_pod_hash: String,
    /// The hash of the revision that was promoted last.
    #[serde(rename = "stableRS", deserialize_with = "or_default")]
    pub stable: String,
    /// Which step it is at, from 0.
    pub current_step_index: Option<u32>,
    /// Whether the newest specification is to be given up on.
    #[serde(deserialize_with = "or_default")]
    pub abort: bool,
    /// When the controller gave up on it.
    #[serde(deserialize_with = "super::time")]
    pub aborted_at: Option<jiff::Timestamp>,
    /// Whether it is to be promoted past all its steps.
    #[serde(deserialize_with = "or_default")]
    pub promote_full: bool,
    /// Whether the controller itself paused it.
    #[serde(deserialize_with = "or_default")]
    pub controller_pause: bool,
    /// Why it is paused.
    #[serde(deserialize_with = "or_default")]
    pub pause_conditions: Vec<PauseCondition>,
    /// The generation of the workload it refers to, as the controller has seen it.
    #[serde(deserialize_with = "super::generation")]
    pub workload_observed_generation: i64,
    /// Of a canary.
    #[serde(deserialize_with = "or_default")]
    pub canary: CanaryTold,
    /// Of a blue-green delivery.
    #[serde(deserialize_with = "or_default")]
    pub blue_green: BlueGreenTold,
}

/// Why it is paused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PauseCondition {
    /// `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun`, `InconclusiveExperiment`.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// Since when.
    #[serde(deserialize_with = "super::time")]
    pub start_time: Option<jiff::Timestamp>,
}

/// What is said of a canary.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CanaryTold {
    /// The analysis of the step that it is at.
    #[serde(rename = "currentStepAnalysisRunStatus", deserialize_with = "or_default")]
    pub step_analysis: AnalysisTold,
    /// How the traffic is split, where something splits it.
    pub weights: Option<Weights>,
}

/// What is said of an analysis.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AnalysisTold {
    /// `Running`, `Successful`, `Failed`, `Error`, `Inconclusive`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
}

/// How the traffic is split.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Weights {
    /// The share of the newest.
    #[serde(deserialize_with = "or_default")]
    pub canary: Weight,
    /// Whether the split was found to be so; none where nobody looks.
    pub verified: Option<bool>,
}

/// A share of the traffic.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Weight {
    /// In percent.
    #[serde(deserialize_with = "super::count")]
    pub weight: u32,
}

/// What is said of a blue-green delivery.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BlueGreenTold {
    /// The hash of the revision that serves.
    #[serde(deserialize_with = "or_default")]
    pub active_selector: String,
}

/// Whether something is said here at all, whatever it is.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<IgnoredAny>::deserialize(deserializer)?.is_some())
}
