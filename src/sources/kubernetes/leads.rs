//! What a cluster leads to: its Prometheus and its Alertmanager, known by the labels that their usual installations give to Services, and its
//! Tekton, known by what the API serves.
//!
//! They are looked for once the cluster answers, and again after a while where there was none. What the configuration names is not. Every
//! cluster should be measured, so that what measures it is missed where there is none; few run pipelines, and nobody misses those.

use super::{
    client::{Call, Cluster},
    proxy::Proxy,
    revisions::query,
    tekton::Tekton,
};
use crate::{
    clean,
    config::{Config, Gates, Service as Known, SourceConfig},
    domain::SourceId,
    sources::{Made, Source, SourceError, alertmanager::Alertmanager, contexts::Contexts, http::Transport, prometheus::Prometheus},
    text::Clean,
};
use futures::{
    StreamExt,
    future::try_join_all,
    stream::{self, BoxStream},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// How long it is believed that there is none.
const AGAIN: Duration = Duration::from_secs(5 * 60);

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A Prometheus, or what speaks as it does.
    Prometheus,
    /// An Alertmanager.
    Alertmanager,
}

impl Sort {
    const ALL: [Self; 2] = [Self::Prometheus, Self::Alertmanager];

    const fn kind(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Alertmanager => "alertmanager",
        }
    }

    fn id(self, context: &str) -> SourceId {
        SourceId::new(&clean!("{}/{context}", self.kind()))
    }
}

/// What a cluster is looked through for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    sorts: Vec<Sort>,
    services: Vec<Known>,
    /// A Tekton, and which of its jobs count for which gate.
    tekton: Option<Gates>,
}

/// The part of a configured source that says which cluster it is about.
#[derive(Deserialize)]
struct Configured {
    context: Option<String>,
    #[serde(default)]
    clusters: BTreeMap<String, String>,
}

/// Whether `table` is about `context`, or may be: one that names no context is about all.
fn covers(table: &SourceConfig, context: &str) -> bool {
    let Ok(Configured { context: only, clusters }) = table.read() else { return true };
    let named = table.name().is_some_and(|name| name.raw() == context);
    named || only.is_none_or(|only| only == context) || clusters.values().any(|mapped| mapped == context)
}

impl Wanted {
    /// All that the configuration does not name for `context`.
    pub fn beside(config: &Config, context: &str) -> Self {
        let named = |sort: &Sort| config.sources.iter().any(|table| table.kind() == sort.kind() && covers(table, context));
        let pipelines = config.sources.iter().any(|table| table.kind() == "tekton");
        let tekton = (!pipelines).then(|| config.gates.clone());
        Self { sorts: Sort::ALL.into_iter().filter(|sort| !named(sort)).collect(), services: config.services.clone(), tekton }
    }

    /// The sources that may come of it.
    pub fn sought(&self, context: &str) -> impl Iterator<Item = Made> {
        self.sorts.iter().map(move |sort| Made::Sought(sort.id(context)))
    }
}

/// How a Service says what it is: labels that all must be there, and under which path the server answers.
struct Mark(Sort, &'static [(&'static str, &'static str)], &'static str);

const NAME: &str = "app.kubernetes.io/name";

/// The best first. The Services of kube-prometheus and of its chart lead to one server each; the one that the operator itself makes leads
/// to any of its namespace, which are several where there are several shards or teams.
const MARKS: &[Mark] = &[
    Mark(Sort::Prometheus, &[("app", "kube-prometheus-stack-prometheus")], ""),
    Mark(Sort::Prometheus, &[(NAME, "prometheus"), ("app.kubernetes.io/part-of", "kube-prometheus")], ""),
    Mark(Sort::Prometheus, &[("operated-prometheus", "true")], ""),
    Mark(Sort::Prometheus, &[(NAME, "prometheus")], ""),
    Mark(Sort::Prometheus, &[("app", "prometheus")], ""),
    Mark(Sort::Prometheus, &[(NAME, "vmsingle")], ""),
    Mark(Sort::Prometheus, &[(NAME, "vmselect")], "select/0/prometheus/"),
    Mark(Sort::Alertmanager, &[("app", "kube-prometheus-stack-alertmanager")], ""),
    Mark(Sort::Alertmanager, &[(NAME, "alertmanager"), ("app.kubernetes.io/part-of", "kube-prometheus")], ""),
    Mark(Sort::Alertmanager, &[("operated-alertmanager", "true")], ""),
    Mark(Sort::Alertmanager, &[(NAME, "alertmanager")], ""),
    Mark(Sort::Alertmanager, &[("app", "alertmanager")], ""),
    Mark(Sort::Alertmanager, &[("app", "prometheus"), ("component", "alertmanager")], ""),
    Mark(Sort::Alertmanager, &[(NAME, "vmalertmanager")], ""),
];

/// The components that are the server itself. Sidecars, exporters, gateways and operators often share its other labels.
const COMPONENTS: &[(Sort, &[&str])] = &[
    (Sort::Prometheus, &["prometheus", "server", "prometheus-server", "monitoring", "metrics"]),
    (Sort::Alertmanager, &["alertmanager", "alert-router", "server", "monitoring"]),
];
/// The usual names of the port, the best first; then the usual numbers.
const PORTS: &[&str] = &["web", "http-web", "https-web", "http", "https"];
const NUMBERS: &[u16] = &[9090, 9093, 80, 8428, 8429, 8481, 443];
/// By these a service of OpenShift says that it has a certificate.
const SERVING: &[&str] = &["service.beta.openshift.io/serving-cert-secret-name", "service.alpha.openshift.io/serving-cert-secret-name"];

#[derive(Deserialize)]
pub(super) struct List {
    #[serde(default)]
    items: Vec<Service>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Service {
    metadata: Meta,
    spec: Spec,
}

#[derive(Clone, Deserialize)]
struct Meta {
    name: String,
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Clone, Deserialize)]
struct Spec {
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    #[serde(default)]
    name: String,
    port: u16,
    app_protocol: Option<String>,
}

/// A server behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the Service is.
    pub namespace: String,
    /// What it is called.
    pub name: String,
    /// Its port, by name where it has one.
    pub port: String,
    /// Whether TLS is spoken there.
    pub secure: bool,
    /// The path that all requests are below.
    pub under: &'static str,
    /// Of how many that would do it was chosen.
    pub among: usize,
}

impl Service {
    /// How well it is known for one of a sort: the place of its mark.
    fn rank(&self, sort: Sort) -> Option<usize> {
        let labels = &self.metadata.labels;
        let component = labels.get("app.kubernetes.io/component").or(labels.get("component"));
        let itself = |component: &String| COMPONENTS.iter().any(|(of, known)| *of == sort && known.contains(&component.as_str()));
        if self.spec.kind == "ExternalName" || !component.is_none_or(itself) {
            return None;
        }
        let holds = |(key, value): &(&str, &str)| labels.get(*key).is_some_and(|found| found == value);
        MARKS.iter().position(|Mark(of, marks, _)| *of == sort && marks.iter().all(holds))
    }

    fn port(&self) -> Option<&Port> {
        let ports = &self.spec.ports;
        let named = PORTS.iter().find_map(|name| ports.iter().find(|port| port.name == *name));
        named.or_else(|| NUMBERS.iter().find_map(|number| ports.iter().find(|port| port.port == *number)))
    }

    fn secure(&self, port: &Port) -> bool {
        let says = port.name.starts_with("https") || port.app_protocol.as_deref() == Some("https") || port.port == 443;
        says || SERVING.iter().any(|key| self.metadata.annotations.contains_key(*key))
    }
}

/// The one of a sort among Services: the best known, then in a namespace for monitoring, then the first by name.
pub(super) fn choose(sort: Sort, services: &[Service]) -> Option<Place> {
    let known: Vec<(usize, &Service, &Port)> = services.iter().filter_map(|service| Some((service.rank(sort)?, service, service.port()?))).collect();
    let (rank, service, port) = known.iter().min_by_key(|(rank, service, _)| {
        let meta = &service.metadata;
        (*rank, !meta.namespace.contains("monitoring"), &meta.namespace, &meta.name)
    })?;
    Some(Place {
        namespace: service.metadata.namespace.clone(),
        name: service.metadata.name.clone(),
        port: if port.name.is_empty() { port.port.to_string() } else { port.name.clone() },
        secure: service.secure(port),
        under: MARKS.get(*rank).map_or("", |Mark(_, _, under)| under),
        among: known.len(),
    })
}

/// A selector for each label by which a Service may be known.
fn selectors() -> Vec<String> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, value) in MARKS.iter().filter_map(|Mark(_, marks, _)| marks.first()) {
        values.entry(key).or_default().insert(value);
    }
    values.into_iter().map(|(key, values)| format!("{key} in ({})", values.into_iter().collect::<Vec<_>>().join(","))).collect()
}

/// The Services of a namespace, or of all, that may be one.
async fn candidates(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Service>, SourceError> {
    let place = &namespace.map_or_else(String::new, |namespace| format!("/namespaces/{namespace}"));
    let list = |selector: String| async move {
        // What the server has in memory is new enough, and cheap.
        let path = format!("/api/v1{place}/services?resourceVersion=0&labelSelector={}", query(&selector));
        cluster.get::<List>(&Call::list("services", namespace, path)).await
    };
    let mut found = BTreeMap::new();
    for service in try_join_all(selectors().into_iter().map(list)).await?.into_iter().flat_map(|list| list.items) {
        found.insert((service.metadata.namespace.clone(), service.metadata.name.clone()), service);
    }
    Ok(found.into_values().collect())
}

/// The Services that may be one, and where was looked.
async fn services(cluster: &Cluster) -> Result<(Vec<Service>, Clean), SourceError> {
    match candidates(cluster, None).await {
        Ok(found) => Ok((found, clean!("in {}", cluster.known.name))),
        Err(refused @ SourceError::Denied(_)) => {
            let looks = cluster.namespaces.iter().map(|namespace| candidates(cluster, Some(namespace)));
            let found: Vec<_> = try_join_all(looks).await.map_err(|_| refused)?;
            Ok((found.into_iter().flatten().collect(), clean!("in namespace {} (no right to list services everywhere)", cluster.namespaces.join(", "))))
        }
        Err(error) => Err(error),
    }
}

struct Search {
    cluster: Arc<Cluster>,
    wanted: Wanted,
    answers: tokio::sync::watch::Receiver<Option<Clean>>,
    looked: bool,
}

/// What is found in a cluster, as it is found.
pub fn leads(cluster: Arc<Cluster>, wanted: Wanted) -> BoxStream<'static, Made> {
    let answers = cluster.answers.subscribe();
    let search = Search { cluster, wanted, answers, looked: false };
    stream::unfold(search, Search::turn).flat_map(stream::iter).boxed()
}

impl Search {
    /// Waits until it is worth to look, and looks. It ends when nothing is left to be found.
    async fn turn(mut self) -> Option<(Vec<Made>, Self)> {
        if self.wanted.sorts.is_empty() && self.wanted.tekton.is_none() {
            return None;
        }
        let later = tokio::time::sleep(AGAIN);
        tokio::select! {
            changed = self.answers.changed() => changed.ok()?,
            () = later, if self.looked => {}
        }
        let silent = self.answers.borrow_and_update().clone();
        let made = match silent {
            Some(why) => self.absent(&why),
            None => self.look().await,
        };
        Some((made, self))
    }

    async fn look(&mut self) -> Vec<Made> {
        self.looked = true;
        let mut made = if self.wanted.sorts.is_empty() { Vec::new() } else { self.measures().await };
        made.extend(self.tekton().await.map(Made::Source));
        made
    }

    /// A Tekton whose runs we may see.
    async fn tekton(&mut self) -> Option<Arc<dyn Source>> {
        let gates = self.wanted.tekton.as_ref()?;
        let context = &self.cluster.known.name;
        let id = SourceId::new(&clean!("tekton/{context}"));
        let found = Tekton::found(id, &self.cluster, gates).await?;
        self.wanted.tekton = None;
        Some(Arc::new(found))
    }

    async fn measures(&mut self) -> Vec<Made> {
        let (found, place) = match services(&self.cluster).await {
            Ok(found) => found,
            Err(error) => return self.absent(&clean!("{error}")),
        };
        let mut made = Vec::new();
        for sort in std::mem::take(&mut self.wanted.sorts) {
            match choose(sort, &found) {
                Some(chosen) => made.push(Made::Source(self.source(sort, chosen))),
                None => self.wanted.sorts.push(sort),
            }
        }
        made.extend(self.absent(&clean!("no Service {place} is labelled as one usually is")));
        made
    }

    fn absent(&self, why: &Clean) -> Vec<Made> {
        let context = &self.cluster.known.name;
        let one = |sort: &Sort| {
            let remedy = clean!("name it by [[source]] kind = \"{}\" with url and context = \"{context}\"", sort.kind());
            Made::Absent(sort.id(context), clean!("{why}; {remedy}"))
        };
        self.wanted.sorts.iter().map(one).collect()
    }

    fn source(&self, sort: Sort, place: Place) -> Arc<dyn Source> {
        let context = &self.cluster.known.name;
        let contexts = Contexts { only: Some(context.clone()), ..Contexts::default() };
        let way: Arc<dyn Transport> = Arc::new(Proxy::new(self.cluster.clone(), sort.kind(), place));
        let id = sort.id(context);
        match sort {
            Sort::Prometheus => Arc::new(Prometheus::new(id, way, contexts, &self.wanted.services)),
            Sort::Alertmanager => Arc::new(Alertmanager::new(id, vec![way], contexts)),
        }
    }
}

#[cfg(test)]
mod tests;
