//! What burns, over all reporters.

use super::{About, Happened, Store, words::percent};
use crate::{
    domain::{Alert, AlertState, FeedKind, Severity, SourceId, Tier},
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// One alert, merged over all that report it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRow {
    /// The alert, in the words of the reporter whose state counts.
    pub alert: Alert,
    /// Everybody who reports it.
    pub reporters: Vec<Clean>,
    /// What it is about; empty where its labels name no service.
    pub about: Vec<About>,
    /// The limit in its rule, where one can be read.
    pub limit: Option<f64>,
    /// The nearest change before it. Near is not because.
    pub nearest: Option<Happened>,
}

/// The alert that always fires, by which one knows that alerts arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watchdog {
    /// It fires, or nobody ever set one up.
    Quiet,
    /// It does not arrive any more: alerts may be lost.
    Missing {
        /// When it was last heard, where it was.
        heard: Option<Timestamp>,
        /// Who does not report it.
        source: SourceId,
    },
}

/// What burns.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertsView {
    /// Firing first, then by severity.
    pub rows: Vec<AlertRow>,
    /// How many fire and reach people; none until every source has told its whole list.
    pub firing: Option<usize>,
    /// How many somebody silenced.
    pub silenced: usize,
    /// How many another alert explains.
    pub inhibited: usize,
    /// Whether the way on which alerts come is alive.
    pub watchdog: Watchdog,
}

impl AlertRow {
    /// The service and environment it is about, the strictest first.
    pub fn subject(&self) -> Option<&About> {
        self.about.iter().max_by_key(|about| about.environment.as_ref().map(|environment| environment.tier))
    }

    /// `17.4 % > 5 %`, where both are known and read as shares of one; else the bare numbers.
    pub fn value_words(&self) -> Option<Clean> {
        let value = self.alert.value?;
        let share = self.limit.is_some_and(|limit| limit < 1.0) && value <= 1.0;
        let show = |number: f64| if share { percent(number) } else { crate::clean!("{}", (number * 100.0).round() / 100.0) };
        Some(match self.limit {
            Some(limit) => crate::clean!("{} > {}", show(value), show(limit)),
            None => show(value),
        })
    }

    fn tier(&self) -> Option<Tier> {
        self.subject().and_then(|about| about.environment.as_ref()).map(|environment| environment.tier)
    }
}

/// How far back a change may lie to be called the nearest.
const REACH: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn is_watchdog(name: &Name) -> bool {
    matches!(name.raw(), "Watchdog" | "DeadMansSwitch" | "DeadMansSnitch")
}

impl Store {
    /// What burns, the alert that always fires left out.
    pub fn alerts(&self) -> AlertsView {
        let mut merged: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
        for alert in self.alerts.iter().filter(|alert| !is_watchdog(&alert.name)) {
            merged.entry(alert.id.key()).or_default().push(alert);
        }
        let timeline = self.timeline_for(&merged);
        let mut rows: Vec<AlertRow> = merged.into_values().filter_map(|reports| self.alert_row(&reports, &timeline)).collect();
        rows.sort_by_key(|row| {
            (state_rank(&row.alert.state), Reverse(row.alert.severity), Reverse(row.tier()), Reverse(row.alert.since), row.alert.name.clone())
        });
        let count = |wanted: u8| rows.iter().filter(|row| state_rank(&row.alert.state) == wanted).count();
        AlertsView { firing: self.whole(FeedKind::Alerts).then(|| count(0)), inhibited: count(2), silenced: count(3), watchdog: self.watchdog(), rows }
    }

    /// The worst alert that fires about a service in an environment.
    pub fn worst_alert(&self, service: &str, environment: &str) -> Option<AlertRow> {
        let about = |about: &About| about.service.raw() == service && about.environment.as_ref().is_some_and(|e| e.name.raw() == environment);
        let fires = |row: &AlertRow| !matches!(row.alert.state, AlertState::Pending) && row.alert.severity > Severity::Info;
        self.alerts().rows.into_iter().find(|row| fires(row) && row.about.iter().any(about))
    }

    fn timeline_for(&self, merged: &BTreeMap<&str, Vec<&Alert>>) -> Vec<Happened> {
        let oldest = merged.values().flatten().filter_map(|alert| alert.since).min();
        oldest.map_or_else(Vec::new, |oldest| self.timeline(oldest - REACH))
    }

    fn alert_row(&self, reports: &[&Alert], timeline: &[Happened]) -> Option<AlertRow> {
        let mut alert = (*leading(reports)?).clone();
        // An Alertmanager is told of no values; the Prometheus that tells it is.
        alert.value = alert.value.or_else(|| reports.iter().find_map(|report| report.value));
        let source = alert.id.source();
        let about = self.about(&source, &alert.labels);
        let limit = self.alert_rules.iter().find(|rule| rule.name == alert.name).and_then(|rule| rule.limit);
        let nearest = alert.since.and_then(|since| nearest(timeline, &about, since).cloned());
        let reporters: BTreeSet<Clean> = reports.iter().map(|report| report.reporter.clone()).collect();
        Some(AlertRow { alert, reporters: reporters.into_iter().collect(), about, limit, nearest })
    }

    /// A watchdog is missed where a rule for one exists, or one was heard, and a live source with a whole list does not tell of it.
    fn watchdog(&self) -> Watchdog {
        let ruled = self.alert_rules.iter().any(|rule| is_watchdog(&rule.name));
        for (number, state) in self.feeds.of_kind(FeedKind::Alerts) {
            let heard = self.watchdogs.get(&state.source).copied();
            let expected = heard.is_some() || ruled;
            let there = self.alerts.iter().any(|alert| is_watchdog(&alert.name) && alert.id.source() == state.source);
            if expected && !there && state.link.live() && self.alerts.whole(number) {
                return Watchdog::Missing { heard, source: state.source.clone() };
            }
        }
        Watchdog::Quiet
    }
}

const fn state_rank(state: &AlertState) -> u8 {
    match state {
        AlertState::Firing => 0,
        AlertState::Pending => 1,
        AlertState::Inhibited { .. } => 2,
        AlertState::Silenced { .. } => 3,
    }
}

/// The report whose state counts: Prometheus does not know of silences, so that an Alertmanager outranks it; among Alertmanagers
/// the one that still tells people.
fn leading<'a>(reports: &[&'a Alert]) -> Option<&'a Alert> {
    let blind = |alert: &Alert| alert.id.source().kind() == "prometheus";
    reports.iter().copied().min_by_key(|alert| (blind(alert), state_rank(&alert.state), alert.since))
}

/// The nearest change before `since`: of the service where it burns, else of what its whole environment shares, else of its environment.
fn nearest<'a>(timeline: &'a [Happened], about: &[About], since: Timestamp) -> Option<&'a Happened> {
    let in_reach = |entry: &&Happened| entry.at <= since && entry.at >= since - REACH;
    let here = |entry: &&Happened| about.iter().any(|about| about.environment.is_some() && about.environment == entry.environment);
    let own = |entry: &&Happened| here(entry) && about.iter().any(|about| entry.service.as_ref() == Some(&about.service));
    let before = || timeline.iter().filter(in_reach);
    before().find(own).or_else(|| before().find(|entry| here(entry) && entry.service.is_none())).or_else(|| before().find(here))
}

#[cfg(test)]
#[path = "alerts_tests.rs"]
mod tests;
