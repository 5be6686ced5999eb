//! How services fare: the metrics of the families that are there, and the queries that the configuration brings.

use super::{
    Prometheus,
    api::Line,
    families::{Found, Whom},
    known::Known,
    wire::Pairs,
};
use crate::{
    clean,
    config::Service,
    domain::{Batch, Id, Labels, Metric, Sample},
    sources::SourceError,
    text::Clean,
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

/// The past that a row shows: 30 minutes in ten columns. The grid stands still for a step, so that it is asked once in that time.
const STEP: i64 = 180;
const COLUMNS: i64 = 10;
/// How many queries are under way at once.
const ABREAST: usize = 4;
/// The window of a configured query that only shows.
const SHOWN: &str = "5m";
/// Labels by which a series names a service: a configured query's own name comes before them.
const NAMING: &[&str] = &["app_kubernetes_io_name", "app", "service", "deployment", "statefulset", "daemonset", "workload", "container", "job"];

/// One query, and what its series are.
struct Plan<'a> {
    metric: Metric,
    query: String,
    of: Of<'a>,
}

enum Of<'a> {
    Family(&'a Found),
    /// By namespace and workload; the metric it rests on.
    Resource(&'static str),
    Service(&'a Service),
}

/// The past of each query, until the grid moves on.
#[derive(Default)]
pub(super) struct Histories(Mutex<HashMap<String, (i64, Vec<Line>)>>);

impl Prometheus {
    pub(super) async fn read_samples(&self) -> Result<Batch, SourceError> {
        let known = self.0.knowledge.of(&self.0.api).await?;
        let plans = plans(&known, &self.0.services);
        if plans.is_empty() {
            // Nothing to ask, but whether it answers must still be known.
            self.0.api.instant("vector(1)").await?;
        }
        let queries: Vec<String> = plans.iter().map(|plan| plan.query.clone()).collect();
        let read = queries.into_iter().map(|query| {
            let source = self.clone();
            async move { source.lines(&query).await }
        });
        let answers: Vec<_> = stream::iter(read).buffered(ABREAST).collect().await;
        let (mut found, mut failing) = (Vec::new(), Vec::new());
        for (plan, answer) in plans.iter().zip(answers) {
            match answer {
                Ok(lines) => found.push((plan, lines)),
                Err(SourceError::Protocol(words)) => failing.push(clean!("{}: {words}", plan.words())),
                Err(other) => return Err(other),
            }
        }
        if found.is_empty() && !failing.is_empty() {
            return Err(SourceError::Protocol(failing.swap_remove(0)));
        }
        self.0.knowledge.note_failing(failing);
        self.0.histories.keep(&plans);
        Ok(Batch::list(self.samples(found)))
    }

    /// The series of a query: ten points of the past and now. What has no value now has none.
    async fn lines(&self, query: &str) -> Result<Vec<Line>, SourceError> {
        let now = self.0.api.instant(query).await?;
        let Some((at, _)) = now.iter().find_map(Line::last) else { return Ok(Vec::new()) };
        let end = at.as_second() - at.as_second().rem_euclid(STEP);
        let past = match self.0.histories.at(query, end) {
            Some(past) => past,
            None => {
                let past = self.0.api.range(query, end - (COLUMNS - 1) * STEP, end, STEP).await?;
                self.0.histories.put(query, end, &past);
                past
            }
        };
        let before: HashMap<&Pairs, &Vec<(Timestamp, f64)>> = past.iter().map(|line| (&line.labels, &line.points)).collect();
        let joined = now.into_iter().map(|line| {
            let newest = line.last().map(|(at, _)| at);
            let older =
                before.get(&line.labels).into_iter().flat_map(|points| points.iter().copied()).filter(|(at, _)| newest.is_none_or(|newest| *at < newest));
            let points = older.chain(line.points.iter().copied()).collect();
            Line { labels: line.labels, points }
        });
        Ok(joined.collect())
    }

    /// The samples of all series; of several about the same service, the first one's.
    fn samples(&self, found: Vec<(&Plan<'_>, Vec<Line>)>) -> Vec<Sample> {
        let mut told: BTreeSet<(Metric, Vec<(String, String)>)> = BTreeSet::new();
        let mut samples = Vec::new();
        for (plan, lines) in found {
            let one = |line: Line| (self.labels(plan, &line.labels), line.points);
            for (labels, points) in lines.into_iter().map(one) {
                // Names of one label or another are the same service.
                let subject = labels.iter().filter(|(key, _)| key != "context").map(|(key, value)| (role(key).to_owned(), value.clone()));
                if !told.insert((plan.metric, subject.collect())) || self.has_own_query(plan, &labels) {
                    continue;
                }
                let words = labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
                samples.push(Sample {
                    id: Id::new(&self.0.id, &format!("{}/{words}", plan.metric.word())),
                    metric: plan.metric,
                    labels: Labels::new(labels.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
                    points,
                    guessed: plan.guessed(),
                });
            }
        }
        samples
    }

    fn labels(&self, plan: &Plan<'_>, labels: &Pairs) -> Vec<(String, String)> {
        let mut named: Vec<(&str, &str)> = match &plan.of {
            Of::Family(family) => family.renamed(labels),
            Of::Resource(_) => labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            Of::Service(service) => {
                let rest = labels.iter().filter(|(key, _)| !NAMING.contains(&key.as_str()) && *key != "__name__" && *key != "instance");
                rest.map(|(key, value)| (key.as_str(), value.as_str())).chain([("service", service.name.raw())]).collect()
            }
        };
        named.extend(self.0.contexts.label(labels.get("cluster").map(String::as_str)));
        named.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Whether a guess is about a service that has a query of its own for this.
    fn has_own_query(&self, plan: &Plan<'_>, labels: &[(String, String)]) -> bool {
        if matches!(plan.of, Of::Service(_)) {
            return false;
        }
        self.0.services.iter().filter(|service| own_query(service, plan.metric).is_some()).any(|service| {
            let named = labels.iter().any(|(key, value)| NAMING.contains(&key.as_str()) && value == service.name.raw());
            named || service.labels.iter().any(|rule| labels.contains(rule))
        })
    }
}

impl Plan<'_> {
    fn guessed(&self) -> Option<Clean> {
        match &self.of {
            Of::Family(family) => Some(Clean::from_static(family.name())),
            Of::Resource(name) => Some(Clean::from_static(name)),
            Of::Service(_) => None,
        }
    }

    fn words(&self) -> Clean {
        match &self.of {
            Of::Service(service) => clean!("the configured query for {} of {} fails", self.metric.word(), service.name),
            Of::Family(_) | Of::Resource(_) => clean!("{} are not read", self.metric.word()),
        }
    }
}

/// Everything to ask, what counts most first.
fn plans<'a>(known: &'a Known, services: &'a [Service]) -> Vec<Plan<'a>> {
    let metrics = [Metric::ErrorRate, Metric::Latency, Metric::Throughput];
    let own = services.iter().flat_map(|service| {
        metrics.into_iter().filter_map(move |metric| Some(Plan { metric, query: windowed(own_query(service, metric)?, SHOWN), of: Of::Service(service) }))
    });
    let family = |family: &'a Found| {
        let versions = family.has_versions().then_some(Whom::EachVersion);
        let plan = move |whom: Whom<'_>, metric| Some(Plan { metric, query: family.query(metric, &whom, None)?, of: Of::Family(family) });
        let whole = metrics.into_iter().filter_map(move |metric| plan(Whom::Each, metric));
        // Only errors are compared between versions.
        whole.chain(versions.and_then(|whom| plan(whom, Metric::ErrorRate))).collect::<Vec<_>>()
    };
    let resource = |metric| known.of_limit(metric).map(|(query, name)| Plan { metric, query, of: Of::Resource(name) });
    own.chain(known.families.iter().flat_map(family)).chain([Metric::Cpu, Metric::Memory].into_iter().filter_map(resource)).collect()
}

/// The query that the configuration has for a metric of a service.
pub(super) fn own_query(service: &Service, metric: Metric) -> Option<&str> {
    match metric {
        Metric::ErrorRate => service.error_rate.as_deref(),
        Metric::Latency => service.latency.as_deref(),
        Metric::Throughput | Metric::Cpu | Metric::Memory | Metric::Disk => None,
    }
}

/// A configured query with its window.
pub(super) fn windowed(query: &str, window: &str) -> String {
    query.replace("$window", window)
}

fn role(key: &str) -> &str {
    if NAMING.contains(&key) { "service" } else { key }
}

impl Histories {
    fn at(&self, query: &str, end: i64) -> Option<Vec<Line>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(query).filter(|(at, _)| *at == end).map(|(_, past)| past.clone())
    }

    fn put(&self, query: &str, end: i64, past: &[Line]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(query.to_owned(), (end, past.to_vec()));
    }

    /// Forgets what is no longer asked.
    fn keep(&self, plans: &[Plan<'_>]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|query, _| plans.iter().any(|plan| plan.query == *query));
    }
}
