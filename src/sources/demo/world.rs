//! The world at any instant: what stands where, computed from the story, the seed and what was done to it.

use super::{
    alarms::next_tick,
    chance::Chance,
    errands::Errand,
    lives::{Ground, Life, Site},
    measure::{self, Gauge, SCRAPE, SCRAPE_AT},
    rows::{self, View},
    scenario::Scenario,
    tables::{SourceKind, SourceTable},
    unit::Unit,
};
use crate::{
    domain::{Change, Fact, Feed, FeedKind, Id, Offers, Row, Scope, SourceId, Verb, Workload},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The simulated world. It has no clock: every question names the instant.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) scenario: Scenario,
    pub(super) units: Vec<Unit>,
    pub(super) ground: Ground,
    pub(super) errands: Vec<Errand>,
    gauges: BTreeMap<(String, String), Gauge>,
}

/// A link that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: Timestamp,
    /// When it mends.
    pub until: Timestamp,
    /// When a console that asks every half minute asks again.
    pub next_try: Timestamp,
    /// What happened, and what to do about it.
    pub says: Clean,
}

/// How often a console that found a link broken asks again.
const RETRY: SignedDuration = SignedDuration::from_secs(30);

impl World {
    /// The world of a story. Equal stories, seeds and actions give equal worlds.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let (tables, chance) = (&scenario.tables, Chance::new(seed));
        let old = scenario.start() - SignedDuration::from_hours(24 * 120);
        let when = |moment: &Option<super::words::Moment>| moment.as_ref().map(|moment| scenario.when(moment));
        let site = |node: &super::tables::NodeTable| Site {
            name: node.name.clone(),
            context: node.source.get_ref().clone(),
            zone: node.zone.clone(),
            joined: when(&node.joined).unwrap_or(old),
            down: when(&node.down),
            back: when(&node.back),
        };
        let ground = Ground { sites: tables.node.iter().map(site).collect(), pods: tables.pod.iter().map(|pod| (pod.name.clone(), pod.clone())).collect() };
        let mut world = Self { scenario: scenario.clone(), units: Vec::new(), ground, errands: Vec::new(), gauges: BTreeMap::new() };
        for (service, environment) in tables.service.iter().flat_map(|service| tables.environment.iter().map(move |environment| (service, environment))) {
            let Some(place) = service.runs.get(&environment.name) else { continue };
            world.units.push(Unit::new(scenario, service, environment, place, chance));
            if let Some(gauge) = Gauge::new(scenario, service, &environment.name, chance).filter(|_| environment.measured) {
                world.gauges.insert((service.name.clone(), environment.name.clone()), gauge);
            }
        }
        world.tell_past(scenario);
        world
    }

    fn tell_past(&mut self, scenario: &Scenario) {
        for table in &scenario.tables.revision {
            self.units
                .iter_mut()
                .filter(|unit| unit.service == *table.service.get_ref() && unit.environment == *table.environment.get_ref())
                .for_each(|unit| unit.remember(scenario, table));
        }
        for table in &scenario.tables.deploy {
            self.units
                .iter_mut()
                .filter(|unit| unit.service == *table.service.get_ref() && unit.environment == *table.environment.get_ref())
                .for_each(|unit| unit.deploy(scenario, table));
        }
    }

    /// The story.
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// How long a cluster of this world takes to accept a request.
    pub const fn answers_in(&self) -> SignedDuration {
        self.scenario.tables.answers.0
    }

    /// The sources of this world, each with what it stands for, and why it is not dialled where it is only listed.
    pub fn sources(&self) -> Vec<(SourceId, SourceKind, Option<Clean>)> {
        let one = |table: &SourceTable| (source_id(table), table.kind, table.listed.as_deref().map(Clean::from_untrusted));
        self.scenario.tables.source.iter().map(one).collect()
    }

    /// What a source offers.
    pub fn offers(&self, source: &SourceId) -> Offers {
        let Some(table) = self.source(source) else { return Offers::default() };
        let feeds: &[FeedKind] = match table.kind {
            SourceKind::Kubernetes => {
                &[FeedKind::Workloads, FeedKind::Nodes, FeedKind::Holds, FeedKind::Pods, FeedKind::Happenings, FeedKind::Stats, FeedKind::Logs]
            }
            SourceKind::Docker => &[FeedKind::Workloads, FeedKind::Pods, FeedKind::Happenings, FeedKind::Stats, FeedKind::Logs],
            SourceKind::Github => &[FeedKind::Runs, FeedKind::Jobs, FeedKind::Logs],
            SourceKind::Prometheus => &[FeedKind::Rules, FeedKind::Samples],
            SourceKind::Alertmanager => &[FeedKind::Alerts],
        };
        let verbs: &[Verb] = match table.kind {
            SourceKind::Kubernetes => &[Verb::RollBack, Verb::Restart, Verb::Scale, Verb::Pause, Verb::Resume, Verb::Hold, Verb::Release],
            SourceKind::Github => &crate::sources::github::VERBS,
            SourceKind::Docker | SourceKind::Prometheus | SourceKind::Alertmanager => &[],
        };
        let budget = table.budget.as_deref().map(Clean::from_untrusted);
        Offers { feeds: feeds.iter().copied().collect(), verbs: verbs.iter().copied().collect(), budget, ..Offers::default() }
    }

    /// The link to a source, where it is broken at `at`.
    pub fn outage(&self, source: &SourceId, at: Timestamp) -> Option<Outage> {
        let own = self.scenario.tables.drop.iter().filter(|drop| *drop.source.get_ref() == source.instance());
        own.filter_map(|drop| {
            let first = self.scenario.when(&drop.at);
            let since = match drop.every {
                Some(every) if at >= first => next_tick(first, every.0, at) - every.0,
                Some(_) | None => first,
            };
            let until = since + drop.lasts.0;
            let next_try = next_tick(since, RETRY, at).min(until);
            (since <= at && at < until).then(|| Outage { since, until, next_try, says: Clean::from_untrusted(&drop.says) })
        })
        .next()
    }

    /// When the link to a source breaks next.
    pub fn next_outage(&self, source: &SourceId, after: Timestamp) -> Option<Timestamp> {
        let own = self.scenario.tables.drop.iter().filter(|drop| *drop.source.get_ref() == source.instance());
        own.filter_map(|drop| {
            let first = self.scenario.when(&drop.at);
            match drop.every {
                _ if after < first => Some(first),
                Some(every) => Some(next_tick(first, every.0, after)),
                None => None,
            }
        })
        .min()
    }

    /// The whole rows of a feed of a source at `at`: what a list would say, from `Begin` to `Done`; of a log, all that was said so far.
    pub fn facts(&self, source: &SourceId, feed: &Feed, at: Timestamp) -> Vec<Fact> {
        match feed {
            Feed::Workloads => {
                let views = || self.units_of(source).map(|unit| (unit, unit.lives(&self.ground)));
                let workloads = views().map(|(unit, lives)| self.view(unit, &lives, at).workload());
                let revisions = views().flat_map(|(unit, lives)| self.view(unit, &lives, at).revisions());
                list(workloads).into_iter().chain(list(revisions)).collect()
            }
            Feed::Nodes => {
                list(self.ground.sites.iter().filter(|site| site.context == source.instance() && site.joined <= at).map(|site| rows::node(source, site, at)))
            }
            Feed::Pods(scope) => list(self.scoped(source, scope).flat_map(|unit| self.view(unit, &unit.lives(&self.ground), at).pods().collect::<Vec<_>>())),
            Feed::Happenings(scope) => list(self.scoped(source, scope).flat_map(|unit| super::happenings::of(&self.view(unit, &unit.lives(&self.ground), at)))),
            Feed::Runs => list(if self.is(source, SourceKind::Github) { self.runs(source, at) } else { Vec::new() }),
            Feed::Jobs(run) => list(self.jobs(source, run, at)),
            Feed::Alerts => list(if self.is(source, SourceKind::Alertmanager) { self.alerts(source, at) } else { Vec::new() }),
            Feed::Rules => list(if self.is(source, SourceKind::Prometheus) { self.alert_rules(source, at) } else { Vec::new() }),
            Feed::Samples => list(if self.is(source, SourceKind::Prometheus) { self.samples(source, at) } else { Vec::new() }),
            Feed::Stats(workload) => list(self.unit(workload).map(|unit| measure::stats(&self.view(unit, &unit.lives(&self.ground), at))).unwrap_or_default()),
            Feed::Holds => list(self.holds(source, at)),
            Feed::Logs(target) => self.log_so_far(source, target, at),
        }
    }

    /// What changed in a feed after `from` until `to`.
    pub fn changes(&self, source: &SourceId, feed: &Feed, from: Timestamp, to: Timestamp) -> Vec<Fact> {
        if let Feed::Logs(target) = feed {
            return self.log_between(source, target, from, to);
        }
        super::differ::between(self.facts(source, feed, from), self.facts(source, feed, to))
    }

    /// The first instant after `after` at which a feed may say something new.
    pub fn next_change(&self, source: &SourceId, feed: &Feed, after: Timestamp) -> Option<Timestamp> {
        let moments = match feed {
            Feed::Workloads => self.units_of(source).flat_map(|unit| self.unit_moments(unit, after)).collect(),
            Feed::Nodes => self.node_moments(source),
            Feed::Holds => self.units_of(source).flat_map(|unit| unit.alterations.iter().map(|one| one.at)).collect(),
            Feed::Pods(scope) | Feed::Happenings(scope) => self.scoped(source, scope).flat_map(|unit| self.unit_moments(unit, after)).collect(),
            Feed::Runs | Feed::Jobs(_) => self.run_moments(source),
            Feed::Alerts | Feed::Rules => vec![self.next_evaluation(after)],
            Feed::Samples => vec![next_tick(self.scenario.start() + SCRAPE_AT, SCRAPE, after)],
            Feed::Stats(_) => vec![next_tick(Timestamp::UNIX_EPOCH, SignedDuration::from_secs(10), after)],
            Feed::Logs(target) => self.next_line(source, target, after).into_iter().collect(),
        };
        moments.into_iter().filter(|moment| *moment > after).min()
    }

    fn unit_moments(&self, unit: &Unit, after: Timestamp) -> Vec<Timestamp> {
        let lives = unit.lives(&self.ground);
        let pods = lives.iter().flat_map(|life| life.moments(unit.templates[life.of].crash.as_ref(), after));
        let turns = unit.turns.iter().filter(|turn| !turn.settled).flat_map(|turn| [turn.at, turn.at + super::lives::OBSERVED]);
        let gave_up = self.view(unit, &lives, after).gave_up();
        let altered = unit.alterations.iter().flat_map(|one| [one.at, one.at + super::lives::OBSERVED]);
        pods.chain(turns).chain(altered).chain(gave_up).collect()
    }

    fn node_moments(&self, source: &SourceId) -> Vec<Timestamp> {
        let here = self.ground.sites.iter().filter(|site| site.context == source.instance());
        here.flat_map(|site| [Some(site.joined), site.lost().map(|(from, _)| from), site.back]).flatten().collect()
    }

    fn samples(&self, source: &SourceId, at: Timestamp) -> Vec<crate::domain::Sample> {
        let measured = self.units.iter().filter_map(|unit| Some((unit, self.gauge(unit)?)));
        measured.flat_map(|(unit, gauge)| measure::samples(source, gauge, &self.view(unit, &unit.lives(&self.ground), at), self.scenario.start())).collect()
    }

    pub(super) fn view<'a>(&'a self, unit: &'a Unit, lives: &'a [Life], at: Timestamp) -> View<'a> {
        View { unit, ground: &self.ground, lives, at }
    }

    pub(super) fn gauge(&self, unit: &Unit) -> Option<&Gauge> {
        self.gauges.get(&(unit.service.clone(), unit.environment.clone()))
    }

    pub(super) fn unit(&self, id: &Id<Workload>) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.id == *id)
    }

    pub(super) fn units_of(&self, source: &SourceId) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(move |unit| unit.source == *source)
    }

    fn scoped(&self, source: &SourceId, scope: &Scope) -> impl Iterator<Item = &Unit> {
        self.units_of(source).filter(move |unit| match scope {
            Scope::All => true,
            Scope::Namespace(namespace) => unit.place.namespace.raw() == namespace.expose(),
            Scope::Workload(workload) => unit.id == *workload,
        })
    }

    fn source(&self, source: &SourceId) -> Option<&SourceTable> {
        self.scenario.tables.source.iter().find(|table| source_id(table) == *source)
    }

    pub(super) fn is(&self, source: &SourceId, kind: SourceKind) -> bool {
        self.source(source).is_some_and(|table| table.kind == kind)
    }
}

fn source_id(table: &SourceTable) -> SourceId {
    SourceId::new(&format!("demo/{}", table.name))
}

/// Rows as a whole list.
fn list<T: Row>(rows: impl IntoIterator<Item = T>) -> Vec<Fact>
where
    Fact: From<Change<T>>,
{
    crate::domain::Batch::list(rows).facts
}
