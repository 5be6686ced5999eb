//! What a rollback is about, and how it stood when the plan was opened.

use super::{AlertRef, Timing};
use crate::{
    domain::{AlertState, Finding, Id, Kind, Metric, Pod, Version, Workload},
    store::{Ailment, EnvironmentRef, ErrorRate, Health, Store, ailment, shared_cause, warning, words::percent},
    text::{Clean, Name},
};
use jiff::Timestamp;

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
        let row = store.workload(workload)?.clone();
        let joined = store.joined(workload)?.clone();
        let (service, environment) = (joined.service, joined.environment);
        let pods: Vec<Pod> = store.pods_of(workload).cloned().collect();
        let firing = store.worst_alert(service.raw(), environment.name.raw()).filter(|row| row.alert.state == AlertState::Firing);
        let alert = firing.map(|row| AlertRef { name: row.alert.name, labels: row.alert.labels, since: row.alert.since });
        let detail = store.cell_detail(&service, &environment, timing.limits, now);
        let baseline = baseline(store, &row, (&service, &environment), &pods, alert.as_ref(), timing, now);
        let pointing = detail.and_then(|detail| detail.pointing.sentence().cloned());
        let warnings = warning(store, shared_cause(store).as_ref(), &row, (&service, &environment), now).into_iter().collect();
        Some(Self { workload: row, service, environment, alert, baseline, pods, warnings, pointing })
    }

    /// `cart in production`.
    pub fn title(&self) -> Clean {
        crate::clean!("{} in {}", self.service, self.environment.name)
    }

    /// The version that is to be left.
    pub const fn version(&self) -> &Version {
        &self.workload.version
    }

    /// Whether this kind can be taken back in this version of the console.
    pub const fn supported(&self) -> Result<(), &'static str> {
        match self.workload.kind {
            Kind::Deployment => Ok(()),
            Kind::StatefulSet | Kind::DaemonSet | Kind::Rollout | Kind::ComposeService | Kind::Container | Kind::SwarmService => {
                Err("only Deployments can be rolled back from here yet")
            }
        }
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
        pods: match store.health(row, now) {
            Health::Ok | Health::Zero | Health::Rolling => Standing::Good,
            Health::Stuck { why, .. } | Health::Failing { why } | Health::Down { why } => Standing::Bad(why),
            Health::Unknown => Standing::Unknown(Clean::from_static("its controller does not say")),
        },
        restarts: restarts(pods),
        errors,
        latency: Standing::Unknown(Clean::from_static("nobody measures it")),
        alert: alert.map_or(Standing::Good, |alert| Standing::Bad(crate::clean!("{} fires", alert.name))),
        ready: row.replicas.ready,
        wanted: row.replicas.wanted,
        error_rate: rate,
        errors_since: store.errors_since(service, environment, timing.limits.error_rate),
    }
}

fn restarts(pods: &[Pod]) -> Standing {
    let crashes = pods.iter().filter_map(ailment).filter(|found| matches!(found, Ailment::Crash { .. }) && found.lasting());
    crashes.map(|found| Standing::Bad(found.words())).next().unwrap_or(Standing::Good)
}
