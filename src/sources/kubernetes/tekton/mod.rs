//! Tekton Pipelines: PipelineRuns as runs, TaskRuns as jobs, steps as steps, and what their pods say. `tekton.dev/v1`, and v1beta1 where that is all.
//!
//! All of it is Kubernetes: runs and tasks are watched, a run is cancelled by a patch, and run again by an object of its own.

mod api;
mod changes;
mod jobs;
mod logs;
mod origin;
mod repeat;
mod report;
mod runs;
mod shelf;
mod standing;
mod wire;

#[cfg(test)]
mod tests;

use super::{
    client::Cluster,
    kubeconfig::{Fault, Known, Place},
    wire::Shape,
};
use crate::{
    clean,
    config::{self, ConfigError, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, LogTarget, Offers, Operation, Question, SourceId, Stage, Trouble, Verb, Why},
    gate::Warrant,
    sources::{
        Made, Source, SourceError, Wish,
        ci::{Before, Newest},
        gates::Gates,
    },
    text::Clean,
};
use api::Api;
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use serde::Deserialize;
use shelf::Shelf;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// What `[[source]] kind = "tekton"` understands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    /// The contexts whose Tekton is asked; the current one where nothing is said.
    contexts: Vec<String>,
    /// The namespaces to look into; all that we may see where nothing is said.
    namespaces: Vec<String>,
    /// The kubeconfig; `$KUBECONFIG` or `~/.kube/config` where nothing is said.
    kubeconfig: Option<PathBuf>,
    /// Where its dashboard is, for links.
    dashboard: Option<String>,
    /// How many of the newest runs of each pipeline are shown; their successes tell how long it usually takes.
    runs: Newest<10>,
}

/// The Tekton of one context.
pub struct Tekton {
    api: Arc<Api>,
}

/// Makes the sources that the configuration names, one for each context. It waits for nothing and runs nothing.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    let Some(source) = wish.table else { return Vec::new() };
    let told =
        |errors: Vec<ConfigError>| clean!("{}", errors.iter().map(|error| format!("{}: {}", error.place(), error.what())).collect::<Vec<_>>().join("; "));
    match source.read::<Table>() {
        Ok(table) => made(&table, source, wish),
        Err(errors) => vec![super::broken(SourceId::new("tekton"), told(errors))],
    }
}

/// What is wrong with its table.
pub fn check(source: &SourceConfig) -> Vec<ConfigError> {
    source.read::<Table>().err().unwrap_or_default()
}

/// The contexts that the table names: those are where pipelines run, whatever `--context` chooses for the rest.
fn made(table: &Table, source: &SourceConfig, wish: &Wish<'_>) -> Vec<Made> {
    let place = Place::here(table.kubeconfig.as_deref());
    let wanted = if table.contexts.is_empty() { wish.contexts } else { &table.contexts };
    let known = place.wanted(wanted);
    let alone = known.len() == 1;
    let one = |(name, known): (String, Result<Known, Fault>)| {
        let called = source.name().filter(|_| alone).map_or_else(|| clean!("{name}"), |name| name.clean().clone());
        let id = SourceId::new(if called.is_empty() { "tekton".into() } else { clean!("tekton/{called}") }.as_str());
        match known {
            Ok(known) => {
                let namespaces = match (table.namespaces.as_slice(), wish.namespace) {
                    ([], Some(namespace)) => vec![namespace.to_owned()],
                    (named, _) => named.to_vec(),
                };
                let cluster = Cluster::new(id.clone(), place.clone(), known, namespaces, wish.read_only);
                Made::Source(Arc::new(Tekton::new(id, Arc::new(cluster), table, &wish.config.gates)))
            }
            Err(Fault(words)) => Made::Broken(id, Why { trouble: Trouble::Unsupported, words }),
        }
    };
    known.into_iter().map(one).collect()
}

impl Tekton {
    fn new(id: SourceId, cluster: Arc<Cluster>, table: &Table, gates: &config::Gates) -> Self {
        let dashboard = table.dashboard.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        Self { api: Arc::new(Api { id, cluster, gates: Gates::new(gates), dashboard, shelf: Mutex::new(Shelf::new(table.runs.0)) }) }
    }

    /// That of a cluster for which nobody has named one, where it is there and its runs are ours to see.
    pub async fn found(id: SourceId, cluster: &Cluster, gates: &config::Gates) -> Option<Self> {
        let found = Self::new(id.clone(), Arc::new(cluster.of(id)), &Table::default(), gates);
        found.api.is_ours().await.unwrap_or(false).then_some(found)
    }
}

const fn unsupported(words: &'static str) -> SourceError {
    SourceError::Unsupported(Clean::from_static(words))
}

impl Source for Tekton {
    fn id(&self) -> &SourceId {
        &self.api.id
    }

    fn offers(&self) -> Offers {
        let cluster = &self.api.cluster;
        let insecure = cluster.known.insecure.then(|| Clean::from_static("TLS is not verified"));
        Offers {
            feeds: [FeedKind::Runs, FeedKind::Jobs, FeedKind::Logs].into(),
            verbs: [Verb::Rerun, Verb::Cancel, Verb::ForceCancel].into(),
            lacks: cluster.lacks().into_values().collect(),
            warnings: insecure.into_iter().collect(),
            ..Offers::default()
        }
    }

    fn watch(&self, feed: Feed, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        match feed {
            Feed::Runs => runs::watch(self.api.clone()),
            Feed::Jobs(run) => jobs::watch(self.api.clone(), run),
            Feed::Logs(LogTarget::Job(job)) => logs::watch(self.api.clone(), job, after),
            Feed::Workloads
            | Feed::Nodes
            | Feed::Holds
            | Feed::Pods(_)
            | Feed::Happenings(_)
            | Feed::Alerts
            | Feed::Rules
            | Feed::Samples
            | Feed::Stats(_)
            | Feed::Logs(LogTarget::Workload { .. } | LogTarget::Pod { .. }) => {
                stream::once(async { Err(unsupported("Tekton has runs of pipelines, their tasks and logs")) }).boxed()
            }
        }
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let api = self.api.clone();
        match question {
            Question::Run { run, verb } => async move { changes::now(&api, &run).await.map(|now| Answer::Subject(Box::new(now.subject(verb)))) }.boxed(),
            Question::Report { run, .. } => async move { report::read(&api, &run).await.map(|report| Answer::Report(Box::new(report))) }.boxed(),
            // What the cluster keeps is watched, and all of it is known; what it has deleted nobody has.
            Question::Older { repository, after } => {
                let older = Before::of(after.as_ref(), None).map(|before| api.shelf().older(&repository, before));
                async move { older.map(|(runs, next)| Answer::Older { runs, next: next.map(Before::cursor) }) }.boxed()
            }
            Question::Tail(job) => logs::tail(api, job).map(|lines| lines.map(Answer::Text)).boxed(),
            _ => async { Err(unsupported("Tekton has no workloads and no metrics")) }.boxed(),
        }
    }

    fn prepare(&self, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        changes::prepare(self.api.clone(), operation)
    }

    fn act(&self, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        changes::carry_out(self.api.clone(), warrant)
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        let cluster = self.api.cluster.clone();
        async move { cluster.alive().await }.boxed()
    }
}
