//! Kubernetes: one source for each context of the kubeconfig.
//!
//! Workloads, their revisions, pods, events, nodes and logs are watched; a workload can be asked about, planned for and changed. A
//! context is dialled when the first feed is watched, never when the source is made: dialling starts login programs. `tekton` is a kind of its own on
//! the same clients.

mod act;
mod ask;
mod awaited;
mod checks;
mod client;
mod explain;
mod fault;
mod feeds;
mod groups;
mod helm;
mod keepers;
mod kubeconfig;
mod leads;
mod life;
mod logs;
mod outline;
mod prepare;
mod proxy;
mod revisions;
mod rollouts;
mod routes;
mod rows;
mod sight;
pub mod tekton;
mod template;
mod wire;
mod yaml;

use super::{Made, Source, SourceError, Wish};
use crate::{
    clean,
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, Id, Offers, Operation, Pod, Program, Question, SourceId, Stage, Trouble, Verb, Why},
    gate::Warrant,
    text::{Clean, Raw},
};
use client::Cluster;
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use kube::config::Kubeconfig;
use kubeconfig::{Fault, IN_CLUSTER, Known, Place};
use leads::Wanted;
use serde::Deserialize;
use std::{path::PathBuf, sync::Arc};

/// What a `[[source]]` of this kind may say.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The contexts to dial; the current one where nothing is said.
    contexts: Vec<String>,
    /// The namespaces to look into; all that we may see where nothing is said.
    namespaces: Vec<String>,
    /// The kubeconfig; `$KUBECONFIG` or `~/.kube/config` where nothing is said.
    kubeconfig: Option<PathBuf>,
    /// Whether a Prometheus, an Alertmanager and a Tekton are looked for in the cluster, where none is configured for it.
    discover: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { contexts: Vec::new(), namespaces: Vec::new(), kubeconfig: None, discover: true }
    }
}

/// The better shell of a container, where it has one.
const SHELL: &str = "exec $(command -v bash || echo sh)";

/// One context.
pub struct Kubernetes {
    cluster: Arc<Cluster>,
    wanted: Wanted,
}

fn id_of(context: &str) -> SourceId {
    SourceId::new(&clean!("kubernetes/{context}"))
}

fn broken(id: SourceId, words: Clean) -> Made {
    Made::Broken(id, Why { trouble: Trouble::Unsupported, words })
}

/// What the configuration says of this kind.
fn settings(wish: &Wish<'_>) -> Result<Settings, Clean> {
    let told = |faults: Vec<crate::config::ConfigError>| {
        clean!("{}", faults.iter().map(|fault| format!("{}: {}", fault.place(), fault.what())).collect::<Vec<_>>().join("; "))
    };
    let mut settings: Settings = wish.table.map_or_else(|| Ok(Settings::default()), |table| table.read()).map_err(told)?;
    if !wish.contexts.is_empty() {
        settings.contexts = wish.contexts.to_vec();
    }
    if let Some(namespace) = wish.namespace {
        settings.namespaces = vec![namespace.to_owned()];
    }
    Ok(settings)
}

/// What is wrong with its table.
pub fn check(source: &crate::config::SourceConfig) -> Vec<crate::config::ConfigError> {
    source.read::<Settings>().err().unwrap_or_default()
}

/// Makes a source for each context that is asked for, or for the current one, and lists the others. It waits for nothing and runs nothing.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    let kind = || SourceId::new("kubernetes");
    let settings = match settings(wish) {
        Ok(settings) => settings,
        Err(words) => return vec![broken(kind(), words)],
    };
    let place = Place::here(settings.kubeconfig.as_deref());
    let way = Way { place: &place, settings: &settings, wish };
    match &place {
        Place::InCluster => return way.in_cluster(),
        // Nobody asked for Kubernetes and nothing hints at it.
        Place::Nowhere if wish.table.is_none() => return Vec::new(),
        Place::Nowhere | Place::Home(_) | Place::Files(_) => {}
    }
    match place.read().map_err(|Fault(words)| words) {
        Ok(kubeconfig) => way.contexts(&kubeconfig),
        Err(words) => vec![broken(kind(), words)],
    }
}

/// Makes the source of a context that was only listed: somebody pressed Enter on it.
pub fn dial(id: &SourceId, wish: &Wish<'_>) -> Vec<Made> {
    let settings = match settings(wish) {
        Ok(settings) => settings,
        Err(words) => return vec![broken(id.clone(), words)],
    };
    let place = Place::here(settings.kubeconfig.as_deref());
    match place.read() {
        Ok(kubeconfig) => {
            // An id is harmless text; the context's own name may not be.
            let name = kubeconfig.contexts.iter().map(|context| &context.name).find(|name| id_of(name) == *id).map_or(id.instance(), String::as_str);
            Way { place: &place, settings: &settings, wish }.make(&kubeconfig, name)
        }
        Err(Fault(words)) => vec![broken(id.clone(), words)],
    }
}

/// How sources are made here.
struct Way<'a> {
    place: &'a Place,
    settings: &'a Settings,
    wish: &'a Wish<'a>,
}

impl Way<'_> {
    fn contexts(&self, kubeconfig: &Kubeconfig) -> Vec<Made> {
        if !self.settings.contexts.is_empty() {
            return self.settings.contexts.iter().flat_map(|name| self.make(kubeconfig, name)).collect();
        }
        let current = self.place.current(kubeconfig);
        let mut made = match &current {
            Ok(name) => self.make(kubeconfig, name),
            Err(Fault(words)) => vec![broken(SourceId::new("kubernetes"), words.clone())],
        };
        let others = kubeconfig.contexts.iter().filter(|context| Some(&context.name) != current.as_ref().ok());
        made.extend(others.map(|context| match self.place.known(kubeconfig, &context.name) {
            Ok(known) => Made::Listed(id_of(&context.name), known.server),
            Err(Fault(words)) => broken(id_of(&context.name), words),
        }));
        made
    }

    fn make(&self, kubeconfig: &Kubeconfig, name: &str) -> Vec<Made> {
        match self.place.known(kubeconfig, name) {
            Ok(known) => self.source(known),
            Err(Fault(words)) => vec![broken(id_of(name), words)],
        }
    }

    /// The source, and what it will look for.
    fn source(&self, known: Known) -> Vec<Made> {
        let wanted = if self.settings.discover { Wanted::beside(self.wish.config, &known.name) } else { Wanted::default() };
        let sought: Vec<Made> = wanted.sought(&known.name).collect();
        let cluster = Cluster::new(id_of(&known.name), self.place.clone(), known, self.settings.namespaces.clone(), self.wish.read_only);
        std::iter::once(Made::Source(Arc::new(Kubernetes { cluster: Arc::new(cluster), wanted }))).chain(sought).collect()
    }

    fn in_cluster(&self) -> Vec<Made> {
        match self.place.in_cluster() {
            Ok(known) => self.source(known),
            Err(Fault(words)) => vec![broken(id_of(IN_CLUSTER), words)],
        }
    }
}

/// The rows in one page of a list of pods, read as a watch reads it. For what measures that.
#[doc(hidden)]
pub fn pods_in(source: &SourceId, page: &str) -> serde_json::Result<Vec<crate::domain::Pod>> {
    let list: kube::core::ObjectList<wire::Lean<wire::core::Pod>> = serde_json::from_str(page)?;
    let mut common = rows::Common::default();
    let whole = |lean| match lean {
        wire::Lean::Whole(pod) => Some(common.within(rows::pod(source, &pod))),
        wire::Lean::Torn { .. } => None,
    };
    Ok(list.items.into_iter().filter_map(whole).collect())
}

impl Source for Kubernetes {
    fn id(&self) -> &SourceId {
        &self.cluster.id
    }

    fn offers(&self) -> Offers {
        let feeds = [FeedKind::Workloads, FeedKind::Nodes, FeedKind::Holds, FeedKind::Pods, FeedKind::Happenings, FeedKind::Logs];
        let singles = [Verb::Restart, Verb::Scale, Verb::Pause, Verb::Resume, Verb::Promote, Verb::PromoteFull, Verb::Retry];
        let verbs = [Verb::RollBack, Verb::DeletePod, Verb::Hold, Verb::Release, Verb::Shell].into_iter().chain(singles);
        let warnings = self.cluster.known.insecure.then(|| Clean::from_static("TLS is not verified"));
        let lacks = self.cluster.lacks();
        Offers {
            feeds: feeds.into(),
            verbs: verbs.collect(),
            partly: lacks.get(<wire::apps::Deployment as wire::Shape>::PLURAL).cloned(),
            lacks: lacks.into_values().collect(),
            warnings: warnings.into_iter().collect(),
            ..Offers::default()
        }
    }

    fn watch(&self, feed: Feed, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        let cluster = &self.cluster;
        match feed {
            Feed::Workloads => feeds::workloads(cluster),
            Feed::Nodes => feeds::nodes(cluster),
            Feed::Holds => keepers::holds(cluster),
            Feed::Pods(scope) => feeds::pods(cluster, scope),
            Feed::Happenings(scope) => feeds::happenings(cluster, scope),
            Feed::Logs(target) => logs::follow(cluster, target, after),
            Feed::Runs | Feed::Jobs(_) | Feed::Alerts | Feed::Rules | Feed::Samples | Feed::Stats(_) => {
                stream::iter([Err(SourceError::Unsupported(Clean::from_static("Kubernetes has no such facts")))]).boxed()
            }
        }
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        ask::answer(self.cluster.clone(), question).boxed()
    }

    fn prepare(&self, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        prepare::checks(self.cluster.clone(), operation)
    }

    fn act(&self, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        match helm::number(warrant.operation()) {
            Some(_) => helm::act::carry_out(self.cluster.clone(), warrant),
            None => act::carry_out(self.cluster.clone(), warrant),
        }
    }

    fn shell(&self, pod: &Id<Pod>, container: &Raw) -> Option<Program> {
        let address = rows::Address::of(pod)?;
        let place = self.cluster.command_line("--context");
        let place = place.iter().map(String::as_str);
        let into = ["exec", "-it", "-n", &address.namespace, &address.name, "-c", container.expose(), "--", "sh", "-c", SHELL];
        Some(Program::new(["kubectl"].into_iter().chain(place).chain(into)))
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        let cluster = self.cluster.clone();
        async move { cluster.alive().await }.boxed()
    }

    fn leads(&self) -> BoxStream<'static, Made> {
        leads::leads(self.cluster.clone(), self.wanted.clone())
    }
}

#[cfg(test)]
mod tests;
