//! Alerting rules, and the alerts that they make before an Alertmanager hears of them.

use super::{Prometheus, labels, wire};
use crate::{
    clean,
    domain::{Alert, AlertState, Batch, Id, Labels, Rule, Severity},
    sources::SourceError,
    text::{Clean, Name},
};
use regex::Regex;
use std::{collections::HashMap, sync::LazyLock};

impl Prometheus {
    pub(super) async fn read_rules(&self) -> Result<Batch, SourceError> {
        let groups = self.0.api.rules(false).await?;
        let rules = self.rules(&groups);
        self.0.knowledge.note_rules(!rules.is_empty());
        Ok(Batch::list(rules))
    }

    pub(super) async fn read_alerts(&self) -> Result<Batch, SourceError> {
        let groups = self.0.api.rules(true).await?;
        let known = self.0.knowledge.of(&self.0.api).await?;
        self.0.knowledge.note_rules(alerting(&groups).next().is_some());
        Ok(Batch::list(self.alerts(&groups, &known.external)))
    }

    /// The alerting rules of `groups`. The same name may stand several times in a group, and the same group in several files.
    pub(super) fn rules(&self, groups: &wire::Groups) -> Vec<Rule> {
        let mut twins: HashMap<String, u32> = HashMap::new();
        let rule = |(group, rule): (&wire::Group, &wire::Rule)| {
            let place = format!("{}/{}/{}", group.file, group.name, rule.name);
            let twin = twins.entry(place.clone()).and_modify(|twin| *twin += 1).or_default();
            Rule { id: Id::new(&self.0.id, &format!("{place}/{twin}")), ..rule.noun() }
        };
        alerting(groups).map(rule).collect()
    }

    /// Pending and firing alerts, with the labels they have where an Alertmanager tells them.
    pub(super) fn alerts(&self, groups: &wire::Groups, external: &wire::Pairs) -> Vec<Alert> {
        let instances = alerting(groups).flat_map(|(_, rule)| rule.alerts.iter().map(move |alert| (rule, alert)));
        instances.filter(|(_, alert)| matches!(alert.state.as_str(), "pending" | "firing")).map(|(rule, alert)| self.alert(rule, alert, external)).collect()
    }

    fn alert(&self, rule: &wire::Rule, alert: &wire::Alert, external: &wire::Pairs) -> Alert {
        let told = whole(alert, external);
        let about = self.0.contexts.label(told.get("cluster").map(String::as_str));
        let says = |keys: &[&str]| keys.iter().find_map(|key| alert.annotations.get(*key)).map(|text| Clean::from_untrusted(text.trim()));
        Alert {
            id: Id::new(&self.0.id, &labels::fingerprint(&told)),
            name: Name::new(&rule.name),
            severity: Severity::of(told.get("severity").map_or("", String::as_str)),
            state: if alert.state == "pending" { AlertState::Pending } else { AlertState::Firing },
            since: alert.active_at,
            labels: Labels::new(told.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(about)),
            summary: says(&["summary", "message", "description"]).unwrap_or_default(),
            runbook: says(&["runbook_url", "runbook"]),
            value: alert.value.parse().ok(),
            expression: Some(Clean::from_untrusted(&rule.query)),
            reporter: clean!("{}", self.0.id),
        }
    }
}

/// The alerting ones of all rules, with their groups; old servers tell the recording ones too.
pub(super) fn alerting(groups: &wire::Groups) -> impl Iterator<Item = (&wire::Group, &wire::Rule)> {
    groups.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule))).filter(|(_, rule)| rule.kind == "alerting")
}

/// The labels of an alert as an Alertmanager gets them: those of its own come before external ones.
pub(super) fn whole(alert: &wire::Alert, external: &wire::Pairs) -> wire::Pairs {
    let mut labels = external.clone();
    labels.extend(alert.labels.clone());
    labels.retain(|_, value| !value.is_empty());
    labels
}

impl wire::Rule {
    fn noun(&self) -> Rule {
        let state = match self.health.as_str() {
            "err" => Err(Clean::from_untrusted(&self.last_error)),
            _ => Ok(Clean::from_untrusted(&self.state)),
        };
        Rule {
            id: Id::restore(""),
            name: Name::new(&self.name),
            state,
            expression: Clean::from_untrusted(&self.query),
            limit: limit(&self.query),
            holds: self.duration,
            labels: Labels::new(self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
        }
    }
}

/// Strings and comments, in which a `>` means nothing.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*"#).expect("a tested pattern"));
/// A comparison with a number, and what follows it.
static COMPARED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(>=|<=|==|!=|>|<)\s*(?:bool\s+)?([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*([-+*/%^]|[a-zA-Z0-9_.]*)")
        .expect("a tested pattern")
});

/// The limit of an expression: the number in its last comparison, where that is "more than" and nothing is calculated with it.
pub(super) fn limit(expression: &str) -> Option<f64> {
    let bare = QUOTED.replace_all(expression, "\"\"");
    let last = COMPARED.captures_iter(&bare).last()?;
    let plain = matches!(&last[3], "" | "and" | "or" | "unless" | "AND" | "OR" | "UNLESS");
    (plain && last[1].starts_with('>')).then(|| last[2].parse().ok()).flatten()
}
