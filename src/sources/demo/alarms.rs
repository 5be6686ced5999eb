//! Alerts and their rules. Prometheus looks every 30 s; an alert fires once its condition has held long enough, and clears once it
//! has been gone for as long as it is kept.

use super::{
    tables::{AlertTable, On},
    world::World,
};
use crate::{
    domain::{Alert, AlertState, Id, Labels, Rule, Severity, SourceId},
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};

/// Rules are looked at this often …
pub(super) const EVALUATE: SignedDuration = SignedDuration::from_secs(30);
/// … at this moment of each turn, counted from the start of the story.
pub(super) const EVALUATE_AT: SignedDuration = SignedDuration::from_secs(20);
/// How far back the conditions are followed.
const REACH: SignedDuration = SignedDuration::from_mins(90);

/// How a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Inactive,
    Pending(Timestamp),
    Firing { since: Timestamp, last_true: Timestamp },
}

impl World {
    /// What an Alertmanager says.
    pub(super) fn alerts(&self, source: &SourceId, at: Timestamp) -> Vec<Alert> {
        self.scenario.tables.alert.iter().filter_map(|table| self.alert(source, table, at)).collect()
    }

    /// Alerts that are pending are Prometheus's own business: an Alertmanager hears of those that fire.
    fn alert(&self, source: &SourceId, table: &AlertTable, at: Timestamp) -> Option<Alert> {
        let Standing::Firing { since, .. } = self.standing(table, at) else { return None };
        let inhibitor = table.inhibited.as_ref().and_then(|name| self.scenario.tables.alert.iter().find(|other| other.name == *name));
        let silence = table.silenced.as_ref().map(|silence| (silence, self.scenario.when(&silence.until)));
        let state = match (silence, inhibitor) {
            (Some((silence, until)), _) if at < until => AlertState::Silenced { by: Clean::from_untrusted(&silence.by), until: Some(until) },
            (_, Some(other)) if matches!(self.standing(other, at), Standing::Firing { .. }) => AlertState::Inhibited { by: Clean::from_untrusted(&other.name) },
            _ => AlertState::Firing,
        };
        Some(Alert {
            id: Id::new(source, &fingerprint(table)),
            name: Name::new(&table.name),
            severity: Severity::of(&table.severity),
            state,
            since: Some(since),
            labels: self.alert_labels(table),
            summary: Clean::from_untrusted(&table.summary.replace("{restarts}", &self.restarts(table, at).to_string())),
            runbook: table.runbook.as_deref().map(Clean::from_untrusted),
            value: self.value(table, at),
            expression: Some(expression(table)),
            reporter: Clean::from_untrusted(source.instance()),
        })
    }

    /// What Prometheus says of its rules.
    pub(super) fn alert_rules(&self, source: &SourceId, at: Timestamp) -> Vec<Rule> {
        let word = |table: &AlertTable| match self.standing(table, at) {
            Standing::Inactive => "inactive",
            Standing::Pending(_) => "pending",
            Standing::Firing { .. } => "firing",
        };
        let one = |table: &AlertTable| Rule {
            id: Id::new(source, &table.name),
            name: Name::new(&table.name),
            state: Ok(Clean::from_static(word(table))),
            expression: expression(table),
            limit: match table.on {
                On::Errors(limit) => Some(limit),
                On::Restarts(_) | On::Node(_) | On::From(_) | On::Always(_) => None,
            },
            holds: table.holds.0.as_secs_f64(),
            labels: self.alert_labels(table),
        };
        self.scenario.tables.alert.iter().map(one).collect()
    }

    /// Whether the alert called `name` fires; none where there is no such rule.
    pub(super) fn fires(&self, name: &str, at: Timestamp) -> Option<bool> {
        let table = self.scenario.tables.alert.iter().find(|table| table.name == name)?;
        Some(matches!(self.standing(table, at), Standing::Firing { .. }))
    }

    /// When rules are looked at next.
    pub(super) fn next_evaluation(&self, after: Timestamp) -> Timestamp {
        next_tick(self.scenario.start() + EVALUATE_AT, EVALUATE, after)
    }

    fn standing(&self, table: &AlertTable, at: Timestamp) -> Standing {
        match &table.on {
            On::Always(true) => {
                let since = self.scenario.start() - SignedDuration::from_hours(24 * 40);
                return Standing::Firing { since, last_true: at };
            }
            On::Always(false) => return Standing::Inactive,
            On::From(moment) => {
                let since = self.scenario.when(moment);
                return if since <= at { Standing::Firing { since, last_true: at } } else { Standing::Inactive };
            }
            On::Errors(_) | On::Restarts(_) | On::Node(_) => {}
        }
        let lives = self.unit_of(table).map(|unit| unit.lives(&self.ground));
        let mut standing = Standing::Inactive;
        let mut tick = self.next_evaluation(at - REACH);
        while tick <= at {
            standing = self.step(table, lives.as_deref().unwrap_or_default(), standing, tick);
            tick += EVALUATE;
        }
        standing
    }

    fn step(&self, table: &AlertTable, lives: &[super::lives::Life], standing: Standing, tick: Timestamp) -> Standing {
        let holds = self.condition(table, lives, tick);
        match (standing, holds) {
            (Standing::Inactive, true) if table.holds.0.is_zero() => Standing::Firing { since: tick, last_true: tick },
            (Standing::Inactive, true) => Standing::Pending(tick),
            (Standing::Pending(since), true) if tick.duration_since(since) >= table.holds.0 => Standing::Firing { since: tick, last_true: tick },
            (Standing::Firing { since, .. }, true) => Standing::Firing { since, last_true: tick },
            (Standing::Firing { last_true, .. }, false) if tick.duration_since(last_true) > table.keep.0 => Standing::Inactive,
            (Standing::Inactive | Standing::Pending(_), false) => Standing::Inactive,
            (Standing::Pending(_), true) | (Standing::Firing { .. }, false) => standing,
        }
    }

    fn condition(&self, table: &AlertTable, lives: &[super::lives::Life], at: Timestamp) -> bool {
        match &table.on {
            On::Errors(limit) => self.errors_about(table, at).is_some_and(|value| value > *limit),
            On::Restarts(limit) => self.restarts_among(table, lives, at) >= *limit,
            On::Node(name) => self.ground.sites.iter().any(|site| site.name == *name.get_ref() && !site.ready(at)),
            On::From(_) | On::Always(_) => true,
        }
    }

    fn errors_about(&self, table: &AlertTable, at: Timestamp) -> Option<f64> {
        let unit = self.unit_of(table)?;
        self.gauge(unit).map(|gauge| gauge.errors(unit, at))
    }

    fn restarts(&self, table: &AlertTable, at: Timestamp) -> u32 {
        self.unit_of(table).map_or(0, |unit| self.restarts_among(table, &unit.lives(&self.ground), at))
    }

    fn restarts_among(&self, table: &AlertTable, lives: &[super::lives::Life], at: Timestamp) -> u32 {
        let Some(unit) = self.unit_of(table) else { return 0 };
        let staying = lives.iter().filter(|life| life.exists(at) && !life.leaving(at));
        let crashed = staying.filter_map(|life| unit.templates[life.of].crash.as_ref().and_then(|crash| life.crashed(crash, at)));
        crashed.map(|crashed| crashed.restarts).max().unwrap_or_default()
    }

    fn value(&self, table: &AlertTable, at: Timestamp) -> Option<f64> {
        match table.on {
            On::Errors(_) => self.errors_about(table, at).map(|value| (value * 1000.0).round() / 1000.0),
            On::Restarts(_) | On::Node(_) | On::From(_) | On::Always(_) => None,
        }
    }

    fn alert_labels(&self, table: &AlertTable) -> Labels {
        let mut pairs = vec![("alertname", table.name.as_str()), ("severity", &table.severity)];
        if let Some(unit) = self.unit_of(table) {
            pairs.extend([("namespace", unit.place.namespace.raw()), ("app", &unit.service), ("cluster", unit.place.context.raw())]);
        }
        if let On::Node(node) = &table.on {
            pairs.push(("node", node.get_ref()));
        }
        Labels::new(pairs)
    }

    fn unit_of(&self, table: &AlertTable) -> Option<&super::unit::Unit> {
        let (service, environment) = (table.service.as_ref()?.get_ref(), table.environment.as_ref()?.get_ref());
        self.units.iter().find(|unit| unit.service == *service && unit.environment == *environment)
    }
}

/// The first tick after `after` of a clock that ticks at `first` and every `step` before and after it.
pub(super) fn next_tick(first: Timestamp, step: SignedDuration, after: Timestamp) -> Timestamp {
    let gone = after.duration_since(first).as_millis().div_euclid(step.as_millis()) + 1;
    first + SignedDuration::from_millis((gone * step.as_millis()) as i64)
}

/// The same labels give the same fingerprint on every peer.
fn fingerprint(table: &AlertTable) -> String {
    super::chance::Chance::new(1).of(&table.name).of(table.environment.as_ref().map_or("", |name| name.get_ref())).hex(16)
}

fn expression(table: &AlertTable) -> Clean {
    let app = table.service.as_ref().map_or("", |name| name.get_ref().as_str());
    match &table.on {
        On::Errors(limit) => {
            crate::clean!("sum(rate(http_requests_total{{app=\"{app}\",code=~\"5..\"}}[1m])) / sum(rate(http_requests_total{{app=\"{app}\"}}[1m])) > {limit}")
        }
        On::Restarts(limit) => crate::clean!("increase(kube_pod_container_status_restarts_total{{container=\"{app}\"}}[5m]) >= {limit}"),
        On::Node(node) => crate::clean!("kube_node_status_condition{{condition=\"Ready\",status=\"true\",node=\"{}\"}} == 0", node.get_ref()),
        On::From(_) => crate::clean!("{app}_behind_seconds > 1800"),
        On::Always(_) => Clean::from_static("vector(1)"),
    }
}
