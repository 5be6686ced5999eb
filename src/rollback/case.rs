//! What a rollback is about, and how it stood when the plan was opened.

use super::{AlertRef, Observed, Timing};
use crate::{
    domain::{AlertState, Feed, Finding, Id, Kind, Metric, Pod, Severity, Version, Workload},
    store::{
        About, Ailment, AlertRow, CRASHES, EnvironmentRef, ErrorRate, Health, Store, ailment, health, shared_cause, warning,
        words::{long, percent, since},
    },
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};

/// How one thing stood when the plan was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was measured and well.
    Good,
    /// It was measured and bad: it must be measured good again.
    Bad(Clean),
    /// It was not measured.
    Unknown(Clean),
}

impl Standing {
    /// Whether it was bad.
    pub const fn bad(&self) -> bool {
        matches!(self, Self::Bad(_))
    }
}

/// How everything that will be proven stood when the plan was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Whether the workload was well.
    pub pods: Standing,
    /// Whether pods of the newest revision restarted without becoming ready.
    pub restarts: Standing,
    /// Error rate against its limit.
    pub errors: Standing,
    /// Latency against its limit.
    pub latency: Standing,
    /// The alert that started it.
    pub alert: Standing,
    /// Pods that served.
    pub ready: u32,
    /// Pods that were wanted.
    pub wanted: u32,
    /// The error rate, where it was measured.
    pub error_rate: Option<f64>,
    /// Since when it was over its limit.
    pub errors_since: Option<Timestamp>,
}

impl Baseline {
    /// Nothing was bad: a release is verified, nothing is taken back.
    pub(super) fn good() -> Self {
        let good = || Standing::Good;
        Self { pods: good(), restarts: good(), errors: good(), latency: good(), alert: good(), ready: 0, wanted: 0, error_rate: None, errors_since: None }
    }
}

/// What a rollback is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The workload.
    pub workload: Workload,
    /// Its service.
    pub service: Name,
    /// Its environment.
    pub environment: EnvironmentRef,
    /// The alert that started it, if one did.
    pub alert: Option<AlertRef>,
    /// How it stood.
    pub baseline: Baseline,
    /// Its pods then.
    pub pods: Vec<Pod>,
    /// What our own reading of the world has to say to the plan: a shared cause, nothing that changed here.
    pub warnings: Vec<Finding>,
    /// Whether it points to the newest version, in the words of the cell's detail: the plan repeats it on top.
    pub pointing: Option<Clean>,
}

impl Case {
    /// The case of a workload as the store has it at `now`; none where it is not known (any more).
    pub fn of(store: &Store, workload: &Id<Workload>, timing: &Timing, now: Timestamp) -> Option<Self> {
        let mut row = store.workload(workload)?.clone();
        // A StatefulSet or DaemonSet does not carry the number of its revision; its history does. What waits because of a pause has none.
        let revisions = store.revisions_of(workload);
        let current = revisions.iter().find(|revision| revision.current).map(|revision| revision.number);
        row.revision = if revisions.is_empty() { row.revision } else { current };
        let joined = store.joined(workload)?.clone();
        let (service, environment) = (joined.service, joined.environment);
        let pods: Vec<Pod> = store.pods_of(workload).cloned().collect();
        let alert = started_by(store, &row, (&service, &environment), now);
        let detail = store.cell_detail(&service, &environment, timing.limits, now);
        let baseline = baseline(store, &row, (&service, &environment), &pods, alert.as_ref(), timing, now);
        let pointing = detail.and_then(|detail| detail.pointing.sentence().cloned());
        let warnings = warning(store, shared_cause(store).as_ref(), &row, (&service, &environment), now).into_iter().collect();
        Some(Self { workload: row, service, environment, alert, baseline, pods, warnings, pointing })
    }

    /// Says which alert it was opened from.
    pub fn opened_from(&mut self, alert: AlertRef) {
        self.baseline.alert = Standing::Bad(crate::clean!("{} fires", alert.name));
        self.alert = Some(alert);
    }

    /// Takes in what is seen while the plan is on screen: a rollout that just began when it was opened may show only then that it is
    /// bad, and it is judged by how it stood when it was confirmed.
    pub(super) fn seen(&mut self, seen: &Observed<'_>, now: Timestamp) {
        let Some(row) = seen.workload.filter(|row| seen.live && row.revision.is_none_or(|number| Some(number) == self.workload.revision)) else { return };
        self.baseline.ready = row.replicas.ready;
        self.baseline.wanted = row.replicas.wanted;
        let pods: Vec<Pod> = seen.pods.iter().map(|pod| (*pod).clone()).collect();
        let judged = pods_standing(&health(row, &seen.revisions, (!seen.pods.is_empty()).then_some(&seen.pods), now), row);
        if judged.bad() {
            self.baseline.pods = judged;
        }
        let restarts = restarts(&pods, now);
        if restarts.bad() {
            self.baseline.restarts = restarts;
        }
        self.pods = pods;
    }

    /// `cart in production`.
    pub fn title(&self) -> Clean {
        crate::clean!("{} in {}", self.service, self.environment.name)
    }

    /// The version that is to be left.
    pub const fn version(&self) -> &Version {
        &self.workload.version
    }

    /// Takes in a metric that was measured while the plan was made, which says more than a sample that may be old.
    pub(super) fn measured(&mut self, metric: Metric, value: Option<f64>, timing: &Timing) {
        let standing = judge(metric, value, timing);
        match metric {
            Metric::ErrorRate => {
                self.baseline.errors = standing;
                self.baseline.error_rate = value.filter(|value| !value.is_nan());
            }
            Metric::Latency => self.baseline.latency = standing,
            Metric::Throughput | Metric::Cpu | Metric::Memory | Metric::Disk => {}
        }
    }
}

/// Holds a value against its limit.
fn judge(metric: Metric, value: Option<f64>, timing: &Timing) -> Standing {
    match value {
        None => Standing::Unknown(Clean::from_static("nobody measures it")),
        Some(value) if value.is_nan() => Standing::Unknown(Clean::from_static("no traffic")),
        Some(value) if metric == Metric::ErrorRate && value > timing.limits.error_rate => Standing::Bad(percent(value)),
        Some(value) if metric == Metric::Latency && value > timing.limits.latency => Standing::Bad(crate::clean!("{value:.1} s")),
        Some(_) => Standing::Good,
    }
}

fn baseline(
    store: &Store,
    row: &Workload,
    (service, environment): (&Name, &EnvironmentRef),
    pods: &[Pod],
    alert: Option<&AlertRef>,
    timing: &Timing,
    now: Timestamp,
) -> Baseline {
    let (rate, errors) = match store.error_rate(service, environment, now) {
        ErrorRate::Known(series) => (Some(series.now), judge(Metric::ErrorRate, Some(series.now), timing)),
        ErrorRate::NoTraffic => (None, judge(Metric::ErrorRate, Some(f64::NAN), timing)),
        ErrorRate::NoQuery => (None, judge(Metric::ErrorRate, None, timing)),
    };
    Baseline {
        pods: pods_standing(&store.health(row, now), row),
        restarts: restarts(pods, now),
        errors,
        latency: Standing::Unknown(Clean::from_static("nobody measures it")),
        alert: match alert {
            Some(alert) => Standing::Bad(crate::clean!("{} fires", alert.name)),
            None if alerts_arrive(store) => Standing::Good,
            None => Standing::Unknown(Clean::from_static("no source of alerts answers")),
        },
        ready: row.replicas.ready,
        wanted: row.replicas.wanted,
        error_rate: rate,
        errors_since: store.errors_since(service, environment, timing.limits.error_rate),
    }
}

fn pods_standing(health: &Health, row: &Workload) -> Standing {
    let counts = &row.replicas;
    match health {
        // In place of a pod that was well one is not ready: fewer serve than should, whatever comes of it.
        Health::Rolling if !matches!(row.kind, Kind::Deployment | Kind::Rollout) && counts.ready < counts.wanted => {
            Standing::Bad(crate::clean!("{} of {} pods serve", counts.ready, counts.wanted))
        }
        Health::Ok | Health::Zero | Health::Rolling => Standing::Good,
        Health::Stuck { why, .. } | Health::Failing { why } | Health::Down { why } => Standing::Bad(why.clone()),
        Health::Unknown => Standing::Unknown(Clean::from_static("its controller does not say")),
    }
}

fn alerts_arrive(store: &Store) -> bool {
    store.feeds().iter().any(|state| state.feed == Feed::Alerts && state.link.live())
}

/// An alert may have begun this much before the change that caused it: scrapes and evaluations lag.
const LAG: SignedDuration = SignedDuration::from_mins(5);
/// An alert that is older has become part of the furniture; waiting for it to clear would never end.
const STALE: SignedDuration = SignedDuration::from_hours(24);

/// The alert that started it: the worst that is about the service and began with the newest revision, else the worst critical one of
/// today. A silence changes nothing: it is judged by its rule.
fn started_by(store: &Store, workload: &Workload, (service, environment): (&Name, &EnvironmentRef), now: Timestamp) -> Option<AlertRef> {
    let about = |about: &About| about.service == *service && about.environment.as_ref().is_some_and(|other| other.name == environment.name);
    let mut rows = store.alerts().rows;
    rows.retain(|row| row.alert.state != AlertState::Pending && row.alert.severity > Severity::Info && row.about.iter().any(about));
    let after = |row: &&AlertRow| row.alert.since.zip(workload.changed).is_some_and(|(since, changed)| since + LAG >= changed);
    let today = |row: &&AlertRow| row.alert.severity == Severity::Critical && row.alert.since.is_none_or(|since| since + STALE >= now);
    let row = rows.iter().filter(after).find(today).or_else(|| rows.iter().find(after)).or_else(|| rows.iter().find(today))?;
    Some(AlertRef { name: row.alert.name.clone(), labels: row.alert.labels.clone(), since: row.alert.since })
}

/// The kubelet's back-off between restarts begins anew after so long without one: until then the next may be on its way.
const LATELY: SignedDuration = SignedDuration::from_mins(10);

/// What crashes again and again is bad in the moments too in which it is up.
fn restarts(pods: &[Pod], now: Timestamp) -> Standing {
    let crash = pods.iter().filter_map(ailment).find(|found| matches!(found, Ailment::Crash { .. }) && found.lasting());
    let again = || {
        let lately = |pod: &&Pod| !pod.leaving && pod.restarts >= CRASHES && pod.restarted.is_some_and(|at| since(at, now) < LATELY);
        let pod = pods.iter().filter(lately).max_by_key(|pod| pod.restarts)?;
        let ago = since(pod.restarted?, now);
        Some(crate::clean!("{} restarted {} times, last {} ago", pod.name, pod.restarts, long(ago)))
    };
    crash.map(|found| found.words()).or_else(again).map_or(Standing::Good, Standing::Bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture::{ago, now, pod, workload};

    #[test]
    fn what_crashes_again_and_again_is_bad_while_it_is_up_too() {
        let cart = workload("prod", "shop", "cart");
        let up = |restarts, seconds| Pod { restarts, restarted: Some(ago(seconds)), ..pod(&cart, 41, "x7k2p") };
        let said = |pod: Pod| match restarts(&[pod], now()) {
            Standing::Bad(why) => why.to_string(),
            Standing::Good | Standing::Unknown(_) => String::new(),
        };
        assert_eq!(said(up(5, 3)), "x7k2p restarted 5 times, last 3 s ago");
        assert_eq!(said(up(1, 3)), "", "once may be chance");
        assert_eq!(said(up(5, 601)), "", "it has got over it");
        assert_eq!(said(Pod { leaving: true, ..up(5, 3) }), "");
    }
}
