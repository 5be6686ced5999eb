//! What the HTTP API writes, as far as it is used.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Labels by name.
pub(super) type Pairs = BTreeMap<String, String>;

/// What is around every answer. `errorType` and status codes differ between look-alikes: only the words are used.
#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    pub status: String,
    pub data: Option<T>,
    pub error: Option<String>,
    /// Partial answers are told here, with success.
    #[serde(default, deserialize_with = "or_empty")]
    pub warnings: Vec<String>,
}

/// The answer of a query: a vector, a matrix, or a scalar `[time, "value"]`.
#[derive(Deserialize)]
pub(super) struct Result {
    #[serde(rename = "resultType")]
    pub kind: String,
    pub result: Box<RawValue>,
}

/// A value in its time: seconds, and a number as text (`"NaN"`, `"+Inf"`).
pub(super) type Point = (f64, String);

/// A series of a vector or a matrix. A native histogram has neither value nor values, and is left out.
#[derive(Deserialize)]
pub(super) struct Series {
    #[serde(default)]
    pub metric: Pairs,
    pub value: Option<Point>,
    #[serde(default)]
    pub values: Vec<Point>,
}

/// `data` of `/api/v1/rules`.
#[derive(Deserialize)]
pub(super) struct Groups {
    #[serde(default, deserialize_with = "or_empty")]
    pub groups: Vec<Group>,
}

#[derive(Deserialize)]
pub(super) struct Group {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub file: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub rules: Vec<Rule>,
}

/// A rule; a recording one has no state.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub name: String,
    #[serde(default)]
    pub query: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub health: String,
    #[serde(default)]
    pub last_error: String,
    #[serde(default)]
    pub duration: f64,
    #[serde(default)]
    pub labels: Pairs,
    #[serde(default, deserialize_with = "or_empty")]
    pub alerts: Vec<Alert>,
}

/// An instance of an alerting rule.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    #[serde(default)]
    pub labels: Pairs,
    #[serde(default)]
    pub annotations: Pairs,
    #[serde(default)]
    pub state: String,
    pub active_at: Option<Timestamp>,
    #[serde(default)]
    pub value: String,
}

/// `data` of `/api/v1/status/config`.
#[derive(Deserialize)]
pub(super) struct ConfigText {
    pub yaml: String,
}

/// The configuration, as far as it is used.
#[derive(Default, Deserialize)]
pub(super) struct ConfigYaml {
    #[serde(default)]
    pub global: Global,
}

#[derive(Default, Deserialize)]
pub(super) struct Global {
    #[serde(default)]
    pub external_labels: Pairs,
}

/// A list that some write as `null` when it is empty.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> std::result::Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}
