//! What is known of a server: the families of metrics it has, and its external labels.

use super::{
    Api, SourceError,
    families::{self, FAMILIES, Found},
    wire::Pairs,
};
use crate::{domain::Metric, text::Clean};
use futures::future::try_join_all;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Mutex as Lock, time::Instant};

/// How long it is believed: a family may appear with the next release.
const BELIEVED: Duration = Duration::from_secs(5 * 60);
/// How long it is believed that there is nothing: a server that has just started has not scraped yet.
const NOTHING: Duration = Duration::from_secs(15);

const CPU: &str = "container_cpu_usage_seconds_total";
const MEMORY: &str = "container_memory_working_set_bytes";
const LIMITS: &str = "kube_pod_container_resource_limits";
const OWNERS: &str = "kube_pod_owner";
/// What a revision's memory is read from.
pub(super) const READY: &str = "kube_replicaset_status_ready_replicas";
pub(super) const WANTED: &str = "kube_replicaset_spec_replicas";
/// All that is looked for beside the families of requests.
pub(super) const RESOURCES: &[&str] = &[CPU, MEMORY, LIMITS, OWNERS, READY, WANTED];

/// What is known of a server.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub families: Vec<Found>,
    pub names: BTreeSet<String>,
    pub external: Pairs,
    /// kube-state-metrics keeps its own pod in `pod`: nothing can be joined.
    exported: bool,
    clustered: bool,
}

/// The same, looked up when it is needed and again after a while.
#[derive(Default)]
pub(super) struct Knowledge {
    known: Lock<Option<(Instant, Arc<Known>)>>,
    /// For whoever can not wait: what was known last, and which queries failed.
    last: Mutex<Option<Arc<Known>>>,
    failing: Mutex<Vec<Clean>>,
    ruled: Mutex<Option<bool>>,
}

impl Knowledge {
    /// What is known, looked up if it must be.
    pub async fn of(&self, api: &Api) -> Result<Arc<Known>, SourceError> {
        let mut kept = self.known.lock().await;
        if let Some((_, known)) = kept.as_ref().filter(|(at, known)| at.elapsed() < known.holds()) {
            return Ok(known.clone());
        }
        let known = Arc::new(Known::look_up(api).await?);
        *kept = Some((Instant::now(), known.clone()));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }

    /// Which queries fail now.
    pub fn note_failing(&self, failing: Vec<Clean>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }

    /// Whether there are alerting rules at all.
    pub fn note_rules(&self, any: bool) {
        *self.ruled.lock().unwrap_or_else(PoisonError::into_inner) = Some(any);
    }

    /// What the server lacks, in words.
    pub fn lacks(&self, configured: bool) -> Vec<Clean> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut lacks = last.map_or_else(Vec::new, |known| known.lacks(configured));
        if *self.ruled.lock().unwrap_or_else(PoisonError::into_inner) == Some(false) {
            lacks.push("no alerting rules are known here: nothing can fire".into());
        }
        lacks.extend(self.failing.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        lacks
    }
}

impl Known {
    async fn look_up(api: &Api) -> Result<Self, SourceError> {
        let names: BTreeSet<String> = api.names(&families::names()).await?.into_iter().collect();
        let there = FAMILIES.iter().filter(|family| names.contains(family.total));
        let found = there.map(|family| async {
            let labels: BTreeSet<String> = api.labels(family.total).await?.into_iter().collect();
            Ok::<_, SourceError>(family.with(&names, &labels))
        });
        let families = try_join_all(found).await?.into_iter().flatten().collect();
        let owners = if names.contains(OWNERS) { api.labels(OWNERS).await? } else { Vec::new() };
        let has = |label: &str| owners.iter().any(|name| name == label);
        let (exported, clustered) = (has("exported_pod"), has("cluster"));
        Ok(Self { families, names, external: api.external_labels().await, exported, clustered })
    }

    fn holds(&self) -> Duration {
        if self.families.is_empty() { NOTHING } else { BELIEVED }
    }

    fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.names.contains(*name))
    }

    /// The query for the worst pod's part of its limit, by workload, and the metric it rests on.
    pub fn of_limit(&self, metric: Metric) -> Option<(String, &'static str)> {
        let (name, resource, used) = match metric {
            Metric::Cpu => (CPU, "cpu", format!("rate({CPU}{{container!=\"\",container!=\"POD\"}}[5m])")),
            Metric::Memory => (MEMORY, "memory", format!("{MEMORY}{{container!=\"\",container!=\"POD\"}}")),
            Metric::ErrorRate | Metric::Latency | Metric::Throughput | Metric::Disk => return None,
        };
        if self.exported || !self.has(&[name, LIMITS, OWNERS]) {
            return None;
        }
        let pod = if self.clustered { "cluster, namespace, pod" } else { "namespace, pod" };
        let whole = if self.clustered { "cluster, namespace, workload" } else { "namespace, workload" };
        // Two replicas of kube-state-metrics double every sum: the largest of equals counts.
        let limit = format!("sum by ({pod}) (max by ({pod}, container) ({LIMITS}{{resource=\"{resource}\"}}) > 0)");
        let from = |kinds: &str, name: &str| format!("label_replace({OWNERS}{{owner_kind=~\"{kinds}\"}}, \"workload\", \"$1\", \"owner_name\", \"{name}\")");
        let owner = format!("max by ({pod}, workload) ({} or {})", from("ReplicaSet", "(.+)-[^-]+"), from("StatefulSet|DaemonSet", "(.+)"));
        let used = format!("sum by ({pod}) (max by ({pod}, container) ({used}))");
        Some((format!("max by ({whole}) ({used} / {limit} * on ({pod}) group_left (workload) {owner})"), name))
    }

    /// Whether it remembers how many pods of a revision were ready.
    pub fn remembers(&self) -> bool {
        self.has(&[READY, WANTED])
    }

    fn lacks(&self, configured: bool) -> Vec<Clean> {
        let mut lacks = Vec::new();
        if self.families.is_empty() && !configured {
            lacks.push("no family of request metrics is known here: error rates need [[service]] error_rate".into());
        }
        if self.exported {
            lacks.push("kube-state-metrics is scraped without honor_labels: CPU and memory of their limits are not read".into());
        } else if !self.has(&[LIMITS, OWNERS]) {
            lacks.push("no kube-state-metrics: CPU and memory of their limits, and old revisions' health, are not known".into());
        }
        lacks
    }
}
