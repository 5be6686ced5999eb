//! What we believe: the rows that the sources told, how they belong together, and what follows from them.
//!
//! Facts come in by [`Store::apply`] and [`Store::link`]; selectors ([`Store::matrix`], [`Store::alerts`], …) read. Nothing here
//! waits, asks or looks at a clock: times are passed in. Everything is keyed by source and feed, and until a feed has told
//! its whole list a count is unknown.

mod alerts;
mod cause;
mod cell;
mod changes;
mod detail;
mod explain;
mod feeds;
mod health;
mod join;
mod matrix;
mod older;
mod origins;
mod read;
mod series;
mod shipped;
mod subject;
mod table;
pub mod words;

#[cfg(test)]
pub(crate) mod fixture;

pub use alerts::{AlertRow, AlertsView, Watchdog};
pub use cause::{Cause, Shared, Victim, shared_cause, victims_of, warning};
pub use cell::{Cell, CellState, CellVersion, CellWorkload};
pub use changes::{Happened, What};
pub use detail::{CellDetail, Live, Pointing};
pub use explain::{Explanation, Fault, Hint, explain};
pub use feeds::FeedState;
pub use health::{Ailment, CRASHES, Health, ailment, health, sickness};
pub use join::{EnvironmentMatch, EnvironmentRef, EnvironmentRule, Guess, Rules, ServiceRule};
pub use matrix::{Column, Matrix, Row, Totals, problems_first};
pub use older::{Reach, RunList};
pub use origins::{Claim, Sought};
pub use read::Freshness;
pub use series::{ErrorRate, Limits, Series};
pub use shipped::{Arrival, By, Shipped};
pub use subject::About;

use crate::{
    domain::{Alert, Change, Fact, Feed, Happening, Hold, Id, Job, Link, Node, Pod, Progress, Revision, Rule, Run, Sample, SourceId, Workload},
    text::Name,
};
use feeds::Feeds;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use table::{Table, Turned};

/// Which service and environment a workload belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The service.
    pub service: Name,
    /// The environment.
    pub environment: EnvironmentRef,
}

/// What we believe.
#[derive(Debug)]
pub struct Store {
    rules: Rules,
    feeds: Feeds,
    workloads: Table<Workload>,
    revisions: Table<Revision>,
    pods: Table<Pod>,
    happenings: Table<Happening>,
    nodes: Table<Node>,
    holds: Table<Hold>,
    runs: Table<Run>,
    older: older::Older,
    jobs: Table<Job>,
    alerts: Table<Alert>,
    alert_rules: Table<Rule>,
    samples: Table<Sample>,
    origins: origins::Origins,
    joined: BTreeMap<Id<Workload>, Joined>,
    named: BTreeMap<Name, BTreeSet<Id<Workload>>>,
    pods_of: BTreeMap<Id<Workload>, BTreeSet<Id<Pod>>>,
    revisions_of: BTreeMap<Id<Workload>, BTreeSet<Id<Revision>>>,
    seen: changes::Seen,
    watchdogs: BTreeMap<SourceId, Timestamp>,
    /// When each workload was changed by its own word.
    changed: BTreeMap<Id<Workload>, Option<Timestamp>>,
    stamp: u64,
}

impl Store {
    /// Believes nothing yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            feeds: Feeds::default(),
            workloads: Table::default(),
            revisions: Table::default(),
            pods: Table::default(),
            happenings: Table::default(),
            nodes: Table::default(),
            holds: Table::default(),
            runs: Table::default(),
            older: older::Older::default(),
            jobs: Table::default(),
            alerts: Table::default(),
            alert_rules: Table::default(),
            samples: Table::default(),
            origins: origins::Origins::default(),
            joined: BTreeMap::new(),
            named: BTreeMap::new(),
            pods_of: BTreeMap::new(),
            revisions_of: BTreeMap::new(),
            seen: changes::Seen::default(),
            watchdogs: BTreeMap::new(),
            changed: BTreeMap::new(),
            stamp: 0,
        }
    }

    /// Takes in one fact that `feed` of `source` told at `at`. Log lines are not kept here. Back ends say much again that has not changed
    /// (the heartbeat of a node, a resync): then nothing that follows from it has either, and the stamp stays.
    pub fn apply(&mut self, source: &SourceId, feed: &Feed, fact: Fact, at: Timestamp) {
        let number = self.feeds.number(source, feed);
        let changed = match fact {
            Fact::Workload(change) => {
                if let Change::Upsert(row) = &change {
                    self.changed.insert(row.id.clone(), row.changed);
                }
                let (changed, turned) = self.workloads.tell(number, change);
                self.turned_workload(turned, at);
                changed
            }
            Fact::Revision(change) => {
                let (changed, turned) = self.revisions.tell(number, change);
                let about = match &turned {
                    Turned::Came(id) | Turned::Changed(id, _) => self.revisions.get(id).map(|row| row.workload.clone()),
                    Turned::Nothing | Turned::Went(_) => None,
                };
                index(&mut self.revisions_of, &self.revisions, turned, |row| Some(row.workload.clone()));
                about.into_iter().for_each(|workload| self.date(&workload));
                changed
            }
            Fact::Pod(change) => {
                let (changed, turned) = self.pods.tell(number, change);
                index(&mut self.pods_of, &self.pods, turned, |row| row.workload.clone());
                changed
            }
            Fact::Node(change) => {
                let (changed, turned) = self.nodes.tell(number, change);
                self.seen.nodes(&self.nodes, turned, at);
                changed
            }
            Fact::Hold(change) => self.holds.tell(number, change).0,
            Fact::Alert(change) => {
                let watchdog = matches!(&change, Change::Upsert(alert) if alerts::is_watchdog(&alert.name));
                if watchdog {
                    self.watchdogs.insert(source.clone(), at);
                }
                self.alerts.tell(number, change).0 || watchdog
            }
            Fact::Happening(change) => self.happenings.tell(number, change).0,
            Fact::Run(change) => {
                let (changed, turned) = self.runs.tell(number, change);
                self.keep_fallen(turned);
                changed
            }
            Fact::Job(change) => self.jobs.tell(number, change).0,
            Fact::Rule(change) => self.alert_rules.tell(number, change).0,
            Fact::Sample(change) => self.samples.tell(number, change).0,
            Fact::Stream(_) | Fact::Lines(..) => false,
        };
        self.stamp += u64::from(changed);
    }

    /// Takes in how a feed stands.
    pub fn link(&mut self, source: &SourceId, feed: &Feed, link: Link) {
        let number = self.feeds.number(source, feed);
        if let Some(state) = self.feeds.state_mut(number) {
            state.link = link;
        }
        self.stamp += 1;
    }

    /// Forgets a feed that nobody watches any more: what only it told would never be corrected.
    pub fn forget(&mut self, source: &SourceId, feed: &Feed, at: Timestamp) {
        let Some(number) = self.feeds.find(source, feed) else { return };
        self.stamp += 1;
        let turned = self.workloads.forget(number);
        self.turned_workload(turned, at);
        let turned = self.revisions.forget(number);
        index(&mut self.revisions_of, &self.revisions, turned, |row| Some(row.workload.clone()));
        let turned = self.pods.forget(number);
        index(&mut self.pods_of, &self.pods, turned, |row| row.workload.clone());
        self.nodes.forget(number);
        self.holds.forget(number);
        self.alerts.forget(number);
        self.happenings.forget(number);
        self.runs.forget(number);
        if *feed == Feed::Runs {
            self.older.forget(source);
        }
        self.jobs.forget(number);
        self.alert_rules.forget(number);
        self.samples.forget(number);
        self.feeds.forget(number);
    }

    /// Says when a workload was last changed. Where its newest revision is also the youngest, that one's creation says it best: what else
    /// tells of a rollout (conditions, the time of the last writer) moves on with every pod or with another field.
    fn date(&mut self, id: &Id<Workload>) {
        self.hold(id);
        self.name_by_revision(id);
        let revisions = self.revisions_of(id);
        let youngest = revisions.iter().filter_map(|revision| revision.created).max();
        let made = revisions.iter().find(|revision| revision.current).and_then(|revision| revision.created).filter(|made| youngest == Some(*made));
        let said = self.changed.get(id).copied().flatten();
        if let Some(row) = self.workloads.get_mut(id) {
            row.changed = made.or(said);
        }
    }

    /// Says what a workload runs that has no template of its own, because it refers to another's: what its newest revision runs.
    fn name_by_revision(&mut self, id: &Id<Workload>) {
        let newest = self.revisions_of(id).into_iter().find(|revision| revision.current).map(|revision| (revision.version.clone(), revision.images.clone()));
        let row = self.workloads.get_mut(id).filter(|row| row.kind == crate::domain::Kind::Rollout);
        if let Some((row, (version, images))) = row.filter(|row| row.images.is_empty()).zip(newest) {
            (row.version, row.images) = (version, images);
        }
    }

    /// Takes the mark of being current from the newest revision of a Deployment that was paused before its changed template had a
    /// revision of its own: then none of its pods is up to date, while the newest revision has some.
    fn hold(&mut self, id: &Id<Workload>) {
        let Some(workload) = self.workloads.get(id) else { return };
        let revisions = self.revisions_of(id);
        let Some(newest) = revisions.first() else { return };
        let waits = matches!(workload.progress, Progress::Paused { .. }) && workload.replicas.updated == 0 && newest.replicas.total > 0;
        let named = workload.revision.is_none_or(|number| number == newest.number);
        let current = !waits && (newest.current || (named && !revisions.iter().any(|revision| revision.current)));
        let newest = newest.id.clone();
        if let Some(row) = self.revisions.get_mut(&newest) {
            row.current = current;
        }
    }

    fn turned_workload(&mut self, turned: Turned<Workload>, at: Timestamp) {
        let (id, before) = match turned {
            Turned::Nothing => return,
            Turned::Went(gone) => {
                for row in gone {
                    self.unname(&row.id);
                    self.joined.remove(&row.id);
                    self.changed.remove(&row.id);
                }
                return;
            }
            Turned::Came(id) => (id, None),
            Turned::Changed(id, before) => (id, Some(before)),
        };
        self.date(&id);
        let Some(row) = self.workloads.get(&id) else { return };
        if let Some(before) = &before {
            self.seen.workload(before, row, at);
        }
        if before.as_ref().is_none_or(|before| before.labels != row.labels || before.place != row.place) {
            let joined = Joined { service: self.rules.service_of_workload(row), environment: self.rules.environment_of(row) };
            let names = [joined.service.clone(), row.name.clone()];
            self.unname(&id);
            for name in names {
                self.named.entry(name).or_default().insert(id.clone());
            }
            self.joined.insert(id.clone(), joined);
        }
    }

    /// Takes a workload out of the index by name.
    fn unname(&mut self, id: &Id<Workload>) {
        if self.joined.contains_key(id) {
            self.named.retain(|_, ids| {
                ids.remove(id);
                !ids.is_empty()
            });
        }
    }
}

/// Keeps the index from a workload to its rows true after a change.
fn index<T: crate::domain::Row + PartialEq>(
    index: &mut BTreeMap<Id<Workload>, BTreeSet<Id<T>>>,
    table: &Table<T>,
    turned: Turned<T>,
    workload: impl Fn(&T) -> Option<Id<Workload>>,
) {
    let mut leave = |row: &T| {
        let Some(of) = workload(row) else { return };
        if let Some(ids) = index.get_mut(&of) {
            ids.remove(row.id());
            if ids.is_empty() {
                index.remove(&of);
            }
        }
    };
    let enter = match turned {
        Turned::Nothing => return,
        Turned::Went(rows) => return rows.iter().for_each(leave),
        Turned::Came(id) => id,
        Turned::Changed(id, before) => {
            if table.get(&id).is_some_and(|row| workload(row) == workload(&before)) {
                return;
            }
            leave(&before);
            id
        }
    };
    if let Some(of) = table.get(&enter).and_then(&workload) {
        index.entry(of).or_default().insert(enter);
    }
}
