//! What Alertmanager writes, as far as it is used, and what it means.

use super::{Contexts, http::Url};
use crate::{
    clean,
    domain::{self, AlertState, Id, Labels, Severity, SourceId},
    text::{Clean, Name},
};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// One of `GET /api/v2/alerts` (gettableAlert).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    pub fingerprint: String,
    pub starts_at: Option<Timestamp>,
    pub status: Status,
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(rename = "generatorURL", default)]
    pub generator_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub state: String,
    #[serde(default)]
    pub silenced_by: Vec<String>,
    #[serde(default)]
    pub inhibited_by: Vec<String>,
    /// Names of time intervals; from 0.28 on.
    #[serde(default)]
    pub muted_by: Vec<String>,
}

/// One of `GET /api/v2/silences`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Silence {
    pub id: String,
    #[serde(default)]
    pub created_by: String,
    #[serde(default)]
    pub comment: String,
    pub ends_at: Option<Timestamp>,
}

/// The alerts of `source`, explained by its silences and by each other.
pub(super) fn alerts(source: &SourceId, contexts: &Contexts, alerts: Vec<Alert>, silences: &[Silence]) -> Vec<domain::Alert> {
    let silences: HashMap<&str, &Silence> = silences.iter().map(|silence| (silence.id.as_str(), silence)).collect();
    let names: HashMap<&str, Clean> = alerts.iter().map(|alert| (alert.fingerprint.as_str(), clean!("{}", alert.label("alertname")))).collect();
    alerts.iter().map(|alert| alert.row(source, contexts, alert.status.meaning(&silences, &names))).collect()
}

impl Alert {
    fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }

    /// The first annotation of these names that says something.
    fn says(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.annotations.get(*key)).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn row(&self, source: &SourceId, contexts: &Contexts, state: AlertState) -> domain::Alert {
        let about = contexts.label(self.labels.get("cluster").map(String::as_str));
        domain::Alert {
            id: Id::new(source, &self.fingerprint),
            name: Name::new(self.label("alertname")),
            severity: Severity::of(self.label("severity")),
            state,
            since: self.starts_at,
            labels: Labels::new(self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(about)),
            summary: self.says(&["summary", "message", "description"]).map_or(Clean::EMPTY, Clean::from_untrusted),
            runbook: self.says(&["runbook_url", "runbook"]).map(Clean::from_untrusted),
            value: self.says(&["value", "current_value"]).and_then(number),
            expression: expression(&self.generator_url),
            reporter: clean!("{source}"),
        }
    }
}

impl Status {
    fn meaning(&self, silences: &HashMap<&str, &Silence>, names: &HashMap<&str, Clean>) -> AlertState {
        // A person's word weighs more than a rule's where both hold.
        if !self.silenced_by.is_empty() {
            let known = self.silenced_by.iter().filter_map(|id| silences.get(id.as_str()));
            return match known.max_by_key(|silence| silence.ends_at) {
                Some(silence) => AlertState::Silenced { by: silence.words(), until: silence.ends_at },
                None => AlertState::Silenced { by: "a silence that can not be read".into(), until: None },
            };
        }
        if let Some(source) = self.inhibited_by.first() {
            return AlertState::Inhibited { by: names.get(source.as_str()).cloned().unwrap_or_else(|| clean!("alert {source}")) };
        }
        if !self.muted_by.is_empty() {
            return AlertState::Silenced { by: clean!("the time interval {}", self.muted_by.join(", ")), until: None };
        }
        match self.state.as_str() {
            "suppressed" => AlertState::Silenced { by: "a rule of its route".into(), until: None },
            _ => AlertState::Firing,
        }
    }
}

impl Silence {
    fn words(&self) -> Clean {
        match (self.created_by.trim(), self.comment.trim()) {
            ("", "") => "somebody who left no name".into(),
            (who, "") => clean!("{who}"),
            ("", why) => clean!("somebody: {why}"),
            (who, why) => clean!("{who}: {why}"),
        }
    }
}

/// A number as people write it into an annotation: `0.174`, `17.4%`, `17.4 %`.
fn number(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().ok().map(|value: f64| value / 100.0),
        None => text.parse().ok(),
    }
}

/// The rule's expression, which the link back to Prometheus carries.
fn expression(generator: &str) -> Option<Clean> {
    let url = Url::parse(generator).ok()?;
    let (_, expression) = url.query_pairs().find(|(key, _)| key == "g0.expr")?;
    Some(Clean::from_untrusted(&expression))
}
