//! Metrics of a service in an environment, as a row can show them.

use super::{EnvironmentRef, Store};
use crate::{
    domain::{Metric, Sample},
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The limits beyond which a metric is trouble (`[thresholds]`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Failed of all requests, 0 to 1.
    pub error_rate: f64,
    /// Seconds at the 99th percentile.
    pub latency: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { error_rate: 0.05, latency: 10.0 }
    }
}

/// How long the errors of a row reach back, and in how many columns they are drawn.
const SPAN: SignedDuration = SignedDuration::from_mins(30);
const BUCKETS: usize = 10;

/// A metric by time, in equal buckets, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The worst value of each bucket; none where there is no point or no traffic.
    pub buckets: [Option<f64>; BUCKETS],
    /// The newest value.
    pub now: f64,
    /// Whether the query was guessed, and from which family.
    pub guessed: Option<Clean>,
}

/// The error rate of a service. What is not measured is not zero.
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorRate {
    /// Nobody measures it.
    NoQuery,
    /// It is measured and nothing was asked of the service.
    NoTraffic,
    /// It is measured.
    Known(Series),
}

impl Store {
    /// The error rate of a service in an environment over the last half hour.
    pub fn error_rate(&self, service: &Name, environment: &EnvironmentRef, now: Timestamp) -> ErrorRate {
        whole_errors(&self.samples_about(Metric::ErrorRate, service, environment), now)
    }

    /// The samples of a metric by the service and environment that each is about, for a whole screen at once.
    pub(super) fn samples_by_subject(&self, metric: Metric) -> BTreeMap<(Name, Name), Vec<&Sample>> {
        let mut found: BTreeMap<(Name, Name), Vec<&Sample>> = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| sample.metric == metric) {
            for about in self.about(&sample.id.source(), &sample.labels) {
                if let Some(environment) = about.environment {
                    found.entry((about.service, environment.name)).or_default().push(sample);
                }
            }
        }
        found
    }

    /// The error rate of one version of a service, where the metrics tell versions apart.
    pub fn error_rate_of_version(&self, service: &Name, environment: &EnvironmentRef, version: &str, now: Timestamp) -> ErrorRate {
        let mut samples = self.samples_about(Metric::ErrorRate, service, environment);
        samples.retain(|sample| sample.labels.get("version").is_some_and(|label| label.raw() == version));
        errors(&samples, now)
    }

    /// Since when the error rate has been over `limit` without a break, as far back as it is known.
    pub fn errors_since(&self, service: &Name, environment: &EnvironmentRef, limit: f64) -> Option<Timestamp> {
        let samples = self.samples_about(Metric::ErrorRate, service, environment);
        let run = |sample: &&Sample| sample.points.iter().rev().take_while(|(_, value)| *value > limit).last().map(|(at, _)| *at);
        samples.iter().filter_map(run).min()
    }

    /// All samples of a metric that are about a service in an environment.
    pub fn samples_about(&self, metric: Metric, service: &Name, environment: &EnvironmentRef) -> Vec<&Sample> {
        let about = |sample: &&Sample| {
            sample.metric == metric
                && self
                    .about(&sample.id.source(), &sample.labels)
                    .iter()
                    .any(|about| about.service == *service && about.environment.as_ref().is_some_and(|e| e.name == environment.name))
        };
        self.samples.iter().filter(about).collect()
    }
}

/// The errors of all versions together: a series that is told for each version counts only where there is no other.
pub(super) fn whole_errors(samples: &[&Sample], now: Timestamp) -> ErrorRate {
    let whole: Vec<&Sample> = samples.iter().copied().filter(|sample| sample.labels.get("version").is_none()).collect();
    errors(if whole.is_empty() { samples } else { &whole }, now)
}

fn errors(samples: &[&Sample], now: Timestamp) -> ErrorRate {
    if samples.is_empty() {
        return ErrorRate::NoQuery;
    }
    let known = |sample: &&&Sample| sample.now().is_some_and(|value| !value.is_nan());
    let Some(worst) = samples.iter().filter(known).max_by(|a, b| a.now().unwrap_or_default().total_cmp(&b.now().unwrap_or_default())) else {
        return ErrorRate::NoTraffic;
    };
    let mut buckets = [None; BUCKETS];
    for (at, value) in samples.iter().flat_map(|sample| &sample.points) {
        if let Some(bucket) = bucket(*at, now).filter(|_| !value.is_nan()) {
            let slot: &mut Option<f64> = &mut buckets[bucket];
            *slot = Some(slot.map_or(*value, |before| before.max(*value)));
        }
    }
    ErrorRate::Known(Series { buckets, now: worst.now().unwrap_or_default(), guessed: worst.guessed.clone() })
}

fn bucket(at: Timestamp, now: Timestamp) -> Option<usize> {
    let back = now.duration_since(at);
    if back < SignedDuration::ZERO {
        return Some(BUCKETS - 1);
    }
    let width = SPAN.as_secs() / BUCKETS as i64;
    let behind = usize::try_from(back.as_secs() / width).ok()?;
    (BUCKETS - 1).checked_sub(behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture::{World, ago, now, sample, workload};

    const CART: &[(&str, &str)] = &[("namespace", "shop"), ("app", "cart")];

    fn of(points: Vec<(Timestamp, f64)>) -> ErrorRate {
        let world = World::new().workloads("prod", [workload("prod", "shop", "cart")]).samples([sample(Metric::ErrorRate, CART, points)]);
        let environment = world.0.environment("production").expect("known").clone();
        world.0.error_rate(&Name::new("cart"), &environment, now())
    }

    #[test]
    fn what_nobody_measures_is_no_query_and_not_zero() {
        let world = World::new().workloads("prod", [workload("prod", "shop", "cart")]);
        let environment = world.0.environment("production").expect("known").clone();
        assert_eq!(world.0.error_rate(&Name::new("cart"), &environment, now()), ErrorRate::NoQuery);
    }

    #[test]
    fn no_traffic_is_not_zero_errors() {
        assert_eq!(of(vec![(ago(60), f64::NAN)]), ErrorRate::NoTraffic);
        assert_eq!(of(vec![]), ErrorRate::NoTraffic);
    }

    #[test]
    fn points_fall_into_ten_buckets_of_three_minutes_and_gaps_stay_gaps() {
        let ErrorRate::Known(series) = of(vec![(ago(1795), 0.01), (ago(600), f64::NAN), (ago(200), 0.2), (ago(10), 0.17)]) else { panic!("it is measured") };
        assert_eq!(series.buckets[0], Some(0.01));
        assert_eq!(series.buckets[8], Some(0.2));
        assert_eq!(series.buckets[9], Some(0.17));
        assert_eq!(series.buckets.iter().flatten().count(), 3, "no traffic and no points are gaps");
        assert_eq!(series.now, 0.17);
    }

    #[test]
    fn errors_are_over_the_limit_since_the_unbroken_run_began() {
        let points = vec![(ago(400), 0.5), (ago(300), 0.01), (ago(200), 0.2), (ago(100), 0.3)];
        let world = World::new().workloads("prod", [workload("prod", "shop", "cart")]).samples([sample(Metric::ErrorRate, CART, points)]);
        let environment = world.0.environment("production").expect("known").clone();
        assert_eq!(world.0.errors_since(&Name::new("cart"), &environment, 0.05), Some(ago(200)));
    }
}
