//! What is measured of services: errors, latency, requests, CPU and memory.

use super::{
    alarms::next_tick,
    chance::Chance,
    rows::View,
    scenario::Scenario,
    tables::{ErrorsTable, ServiceTable},
    unit::{Template, Unit},
};
use crate::domain::{Id, Labels, Metric, Sample, SourceId};
use jiff::{SignedDuration, Timestamp};

/// Curves of one service in one environment.
#[derive(Clone, Debug)]
pub(super) struct Gauge {
    pub requests: f64,
    pub latency: f64,
    base: f64,
    whole: Curve,
    heal: Vec<(SignedDuration, f64)>,
    versions: Vec<(String, Curve)>,
    chance: Chance,
}

type Curve = Vec<(Timestamp, f64)>;

/// Prometheus scrapes this often …
pub(super) const SCRAPE: SignedDuration = SignedDuration::from_secs(15);
/// … at this moment of each turn, counted from the start of the story.
pub(super) const SCRAPE_AT: SignedDuration = SignedDuration::from_secs(11);
/// How far back a row shows.
const SPAN: SignedDuration = SignedDuration::from_mins(30);
/// How long errors take to rise after a bad version was rolled out again.
const RISE: SignedDuration = SignedDuration::from_secs(120);

impl Gauge {
    /// The curves of a service that is measured; none where no query asks for it.
    pub fn new(scenario: &Scenario, service: &ServiceTable, environment: &str, chance: Chance) -> Option<Self> {
        let own = |table: &&ErrorsTable| *table.service.get_ref() == service.name && table.environment.get_ref() == environment;
        let curve = |table: &ErrorsTable| -> Curve { table.points.iter().map(|(at, value)| (scenario.when(at), *value)).collect() };
        let tables: Vec<&ErrorsTable> = scenario.tables.errors.iter().filter(own).collect();
        let whole = tables.iter().find(|table| table.version.is_none());
        Some(Self {
            requests: service.requests?,
            latency: service.latency.0.as_secs_f64(),
            base: service.errors,
            whole: whole.map(|table| curve(table)).unwrap_or_default(),
            heal: whole.map(|table| table.heal.iter().map(|(after, part)| (after.0, *part)).collect()).unwrap_or_default(),
            versions: tables.iter().filter_map(|table| Some((table.version.clone()?, curve(table)))).collect(),
            chance: chance.of("gauge").of(&service.name),
        })
    }

    /// The part of all requests that fail.
    pub fn errors(&self, unit: &Unit, at: Timestamp) -> f64 {
        let ours = unit.turns.iter().filter(|turn| turn.operation.is_some() && turn.at <= at);
        let mut value: Box<dyn Fn(Timestamp) -> f64 + '_> = Box::new(|at| line(&self.whole, at).unwrap_or_else(|| self.quiet(at)));
        for turn in ours {
            let before = value(turn.at);
            value = self.after(&unit.templates[turn.to], turn.at, before);
        }
        value(at)
    }

    /// How it goes on after a rollout of ours.
    fn after<'a>(&'a self, to: &Template, then: Timestamp, before: f64) -> Box<dyn Fn(Timestamp) -> f64 + 'a> {
        if to.bad.is_some() {
            return Box::new(move |_| before);
        }
        if self.versions.iter().any(|(version, _)| *version == to.version) {
            let peak = self.whole.iter().map(|(_, value)| *value).fold(before, f64::max);
            return Box::new(move |at| (peak - before).mul_add((at.duration_since(then).as_secs_f64() / RISE.as_secs_f64()).min(1.0), before));
        }
        Box::new(move |at| {
            let curve: Curve = self.heal.iter().map(|(after, part)| (then + *after, *part)).collect();
            line(&curve, at).map_or_else(|| self.quiet(at), |part| (part * before).max(self.quiet(at) * 0.98))
        })
    }

    /// The part of the requests to one version that fail; none while nothing of it serves.
    fn errors_of(&self, version: &str, serves: bool, at: Timestamp) -> Option<f64> {
        let curve = self.versions.iter().find(|(known, _)| known == version).map(|(_, curve)| curve);
        match curve {
            Some(curve) if curve.first().is_some_and(|(first, _)| *first <= at) => serves.then(|| line(curve, at)).flatten(),
            Some(_) => None,
            None => serves.then(|| self.quiet(at)),
        }
    }

    /// The part of the requests that usually fail.
    pub const fn usual(&self) -> f64 {
        self.base
    }

    fn quiet(&self, at: Timestamp) -> f64 {
        self.base * self.chance.nth(at.as_second() / 15).sway().mul_add(0.015, 1.0)
    }

    /// Requests in a second.
    pub fn throughput(&self, at: Timestamp) -> f64 {
        self.requests * self.chance.of("requests").nth(at.as_second() / 15).sway().mul_add(0.03, 1.0)
    }
}

/// Straight between the points, level after the last; nothing before the first.
fn line(curve: &[(Timestamp, f64)], at: Timestamp) -> Option<f64> {
    let next = curve.partition_point(|(then, _)| *then <= at);
    let (from, value) = *curve.get(next.checked_sub(1)?)?;
    let Some((to, other)) = curve.get(next) else { return Some(value) };
    let part = at.duration_since(from).as_secs_f64() / to.duration_since(from).as_secs_f64();
    Some((other - value).mul_add(part, value))
}

/// The last scrapes before `at`.
fn scrapes(start: Timestamp, at: Timestamp) -> impl Iterator<Item = Timestamp> {
    let first = next_tick(start + SCRAPE_AT, SCRAPE, at - SPAN);
    std::iter::successors(Some(first), |last| Some(*last + SCRAPE)).take_while(move |then| *then <= at)
}

/// All samples of a unit.
pub(super) fn samples(source: &SourceId, gauge: &Gauge, view: &View<'_>, start: Timestamp) -> Vec<Sample> {
    let times: Vec<Timestamp> = scrapes(start, view.at).collect();
    let series = |metric: Metric, version: Option<&str>, points: Vec<(Timestamp, f64)>| sample(source, view.unit, metric, version, points);
    let of = |value: &dyn Fn(Timestamp) -> f64| times.iter().map(|at| (*at, value(*at))).collect();
    let chance = gauge.chance;
    let level = |name: &'static str, about: f64, at: Timestamp| about * chance.of(name).nth(at.as_second() / 15).sway().mul_add(0.05, 1.0);
    let (cpu, memory) = (chance.of("cpu").share().mul_add(0.35, 0.15), chance.of("memory").share().mul_add(0.3, 0.35));
    let mut found = vec![
        series(Metric::ErrorRate, None, of(&|at| gauge.errors(view.unit, at))),
        series(Metric::Latency, None, of(&|at| level("latency", gauge.latency, at))),
        series(Metric::Throughput, None, of(&|at| gauge.throughput(at))),
        series(Metric::Cpu, None, of(&|at| level("cpu", cpu, at))),
        series(Metric::Memory, None, of(&|at| level("memory", memory, at))),
    ];
    if !gauge.versions.is_empty() {
        found.extend(by_version(gauge, view, &times).into_iter().map(|(version, points)| series(Metric::ErrorRate, Some(&version), points)));
    }
    found
}

fn by_version(gauge: &Gauge, view: &View<'_>, times: &[Timestamp]) -> Vec<(String, Vec<(Timestamp, f64)>)> {
    let mut versions: Vec<&str> = view.lives.iter().map(|life| view.template(life).version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    let serves = |version: &str, at: Timestamp| view.lives.iter().any(|life| life.serves(at) && view.template(life).version == version);
    let points =
        |version: &str| -> Vec<(Timestamp, f64)> { times.iter().filter_map(|at| Some((*at, gauge.errors_of(version, serves(version, *at), *at)?))).collect() };
    versions.into_iter().map(|version| (version.to_owned(), points(version))).filter(|(_, points)| !points.is_empty()).collect()
}

fn sample(source: &SourceId, unit: &Unit, metric: Metric, version: Option<&str>, points: Vec<(Timestamp, f64)>) -> Sample {
    let key = format!("{}/{}/{}/{}", metric.word(), unit.service, unit.environment, version.unwrap_or_default());
    let place = [("namespace", unit.place.namespace.raw()), ("app", unit.service.as_str()), ("cluster", unit.place.context.raw())];
    let labels = Labels::new(place.into_iter().chain(version.map(|version| ("version", version))));
    Sample { id: Id::new(source, &key), metric, labels, points, guessed: None }
}

/// CPU and memory of each pod, for somebody who looks.
pub(super) fn stats(view: &View<'_>) -> Vec<Sample> {
    let slot = view.at.as_second().div_euclid(10);
    let at = Timestamp::from_second(slot * 10).unwrap_or(view.at);
    let one = |life: &super::lives::Life, metric: Metric, about: f64| {
        let value = about * view.unit.chance.of(&life.name).of(metric.word()).nth(slot).sway().mul_add(0.2, 1.0);
        let labels = Labels::new([("namespace", view.unit.place.namespace.raw()), ("pod", life.name.as_str()), ("container", view.unit.service.as_str())]);
        Sample { id: Id::new(&view.unit.source, &format!("{}/{}", metric.word(), life.name)), metric, labels, points: vec![(at, value)], guessed: None }
    };
    view.lives.iter().filter(|life| life.serves(view.at)).flat_map(|life| [one(life, Metric::Cpu, 0.3), one(life, Metric::Memory, 0.55)]).collect()
}
