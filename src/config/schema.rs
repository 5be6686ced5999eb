//! The shape of the configuration for editors.

use super::model::{EnvironmentTable, GatesOver, ImagesOver, JournalOver, ServiceTable, ThresholdsOver, UiOver};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The configuration of Pilothouse.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Pilothouse configuration")]
#[expect(dead_code, reason = "only its shape is used: the layers read table by table")]
struct File {
    /// Back ends.
    #[serde(default)]
    source: Vec<SourceTable>,
    /// Environments: the first one with an element of `match` that holds wins.
    #[serde(default)]
    environment: Vec<EnvironmentTable>,
    /// What joins a workload, a repository and the labels of an alert.
    #[serde(default)]
    service: Vec<ServiceTable>,
    /// From which value on a measure is trouble.
    thresholds: Option<ThresholdsOver>,
    /// What a run must show before its release counts as checked.
    gates: Option<GatesOver>,
    /// What is asked of images.
    images: Option<ImagesOver>,
    /// Where what was done is written down.
    journal: Option<JournalOver>,
    /// How it looks and rings.
    ui: Option<UiOver>,
}

/// A back end: what all of them have, and the settings of its kind.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct SourceTable {
    /// The kind of back end.
    kind: String,
    /// What tells it from others of its kind.
    name: Option<String>,
    /// The variable that holds its secret.
    token_env: Option<String>,
    /// The program that prints its secret, without a shell.
    token_command: Option<Vec<String>>,
    /// The file that holds its secret.
    token_file: Option<String>,
    #[serde(flatten)]
    own: Map<String, Value>,
}

/// The JSON Schema of the configuration.
pub fn schema() -> Value {
    schema_for!(File).to_value()
}
