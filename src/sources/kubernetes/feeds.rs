//! The feeds: which kinds are looked at for each, and how several become one list.

use super::{
    ask::Current,
    client::{Call, Cluster},
    groups,
    rollouts::feed::rollouts,
    rows::{self, Address, Common},
    sight::{Filter, Halt, Said, Sight, Telling, sight, together},
    wire::{
        Lean, Shape,
        apps::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet, selector},
        core::{Event, Node, Pod},
    },
};
use crate::{
    clean,
    domain::{Batch, Change, Fact, Happening, Id, Kind, Revision, Scope, SourceId, Workload},
    sources::SourceError,
    text::Clean,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::watch;

/// How many facts may travel together.
const TOGETHER: usize = 512;

/// A stream of batches.
pub type Facts = BoxStream<'static, Result<Batch, SourceError>>;

/// What a list tells, in the words of a noun.
pub type Saying<R> = Telling<R, Id<R>>;

/// Turns objects into rows. What makes no row is passed over.
fn rows_of<T: Shape, R: Send + 'static>(
    seen: Sight<T>,
    mut row: impl FnMut(&T) -> Option<R> + Send + 'static,
    id: impl Fn(&Lean<T>) -> Option<Id<R>> + Send + 'static,
) -> Saying<R> {
    seen.filter_map(move |said| {
        std::future::ready(match said {
            Err(halt) => Some(Err(halt)),
            Ok(Said::Begin) => Some(Ok(Said::Begin)),
            Ok(Said::Done) => Some(Ok(Said::Done)),
            Ok(Said::Is(object)) => row(&object).map(|row| Ok(Said::Is(row))),
            Ok(Said::Gone(lean)) => id(&lean).map(|id| Ok(Said::Gone(id))),
        })
    })
    .boxed()
}

/// Several lists of one noun, as changes of its rows.
fn changes<R: Send + 'static>(parts: Vec<Saying<R>>) -> BoxStream<'static, Result<Change<R>, SourceError>> {
    let told = together(parts).map(|said| match said {
        Ok(Said::Begin) => Ok(Change::Begin),
        Ok(Said::Is(row)) => Ok(Change::Upsert(row)),
        Ok(Said::Gone(id)) => Ok(Change::Remove(id)),
        Ok(Said::Done) => Ok(Change::Done),
        Err(halt) => Err(halt.into()),
    });
    told.boxed()
}

/// Facts that are ready together become one batch; an error ends the stream after what came before it.
pub fn batches(facts: BoxStream<'static, Result<Vec<Fact>, SourceError>>) -> Facts {
    let chunks = facts.ready_chunks(TOGETHER).flat_map(|chunk| {
        let (mut batches, mut facts) = (Vec::new(), Vec::new());
        for item in chunk {
            match item {
                Ok(more) => facts.extend(more),
                Err(error) => {
                    batches.push(Ok(Batch::of(std::mem::take(&mut facts))));
                    batches.push(Err(error));
                    break;
                }
            }
        }
        batches.push(Ok(Batch::of(facts)));
        stream::iter(batches.into_iter().filter(|batch| batch.as_ref().map_or(true, |batch| !batch.facts.is_empty())))
    });
    let mut over = false;
    chunks
        .take_while(move |item| {
            let before = over;
            over |= item.is_err();
            std::future::ready(!before)
        })
        .boxed()
}

fn facts<R>(changes: BoxStream<'static, Result<Change<R>, SourceError>>) -> BoxStream<'static, Result<Vec<Fact>, SourceError>>
where
    R: Send + 'static,
    Fact: From<Change<R>>,
{
    changes.map(|change| change.map(|change| vec![Fact::from(change)])).boxed()
}

/// A kind that we may not see at all counts as an empty list, and is told among what is lacking.
pub fn spared<R: Send + 'static>(cluster: &Arc<Cluster>, what: &'static str, saying: Saying<R>) -> Saying<R> {
    let cluster = cluster.clone();
    let told = saying.flat_map(move |said| match said {
        Err(Halt::Forbidden(words)) => {
            cluster.lack(what, words);
            stream::once(std::future::ready(Ok(Said::Done))).chain(stream::pending()).boxed()
        }
        other => stream::once(std::future::ready(other)).boxed(),
    });
    told.boxed()
}

/// The workloads of one kind.
pub fn workloads_of<T: Shape>(cluster: &Arc<Cluster>, kind: Kind, row: fn(&SourceId, Kind, &T) -> Workload) -> Saying<Workload> {
    let (source, namesake) = (cluster.id.clone(), cluster.id.clone());
    let id = move |lean: &Lean<T>| {
        let meta = kube::Resource::meta(lean);
        Some(rows::workload_id(&namesake, T::PLURAL, meta.namespace.as_deref()?, meta.name.as_deref()?))
    };
    rows_of(sight::<T>(cluster.clone(), Filter { soon: true, ..Filter::default() }), move |object| Some(row(&source, kind, object)), id)
}

fn revisions_of<T: Shape>(cluster: &Arc<Cluster>, row: fn(&SourceId, &T) -> Option<Revision>) -> Saying<Revision> {
    let (source, namesake) = (cluster.id.clone(), cluster.id.clone());
    let id = move |lean: &Lean<T>| match lean {
        Lean::Whole(whole) => row(&namesake, whole).map(|revision| revision.id),
        Lean::Torn { .. } => None,
    };
    rows_of(sight::<T>(cluster.clone(), Filter::default()), move |object| row(&source, object), id)
}

/// Deployments, StatefulSets, DaemonSets and Rollouts with their revisions. Each noun has its own barrier, so that workloads are complete before
/// their history is; all that is asked beside them waits for their first page, which is what an operator waits for.
pub fn workloads(cluster: &Arc<Cluster>) -> Facts {
    let (cluster, asked) = (cluster.clone(), cluster.clone());
    let there = async move {
        match named(&asked).await {
            Ok(()) => workloads_there(&cluster),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    };
    stream::once(there).flatten().boxed()
}

/// That the namespaces that were named are there: an empty list would say that nothing runs in one that does not exist.
pub async fn named(cluster: &Cluster) -> Result<(), SourceError> {
    if !cluster.confined {
        return Ok(());
    }
    let asked = cluster.namespaces.iter().map(|name| async move {
        let call = Call::get("namespaces", None, format!("/api/v1/namespaces/{name}"));
        matches!(cluster.get::<serde::de::IgnoredAny>(&call).await, Err(SourceError::NotFound(_))).then_some(name)
    });
    let missing: Vec<&String> = futures::future::join_all(asked).await.into_iter().flatten().collect();
    let words = |name: &String| clean!("there is no namespace {name} in {}", cluster.known.name);
    for name in &missing {
        cluster.lack(&format!("namespace {name}"), words(name));
    }
    match missing.first() {
        Some(first) if missing.len() == cluster.namespaces.len() => Err(SourceError::NotFound(words(first))),
        _ => Ok(()),
    }
}

fn workloads_there(cluster: &Arc<Cluster>) -> Facts {
    let workloads = changes(vec![
        workloads_of::<Deployment>(cluster, Kind::Deployment, |source, kind, object| rows::workload(source, kind, object, &object.spec, &object.status)),
        spared(
            cluster,
            "statefulsets",
            workloads_of::<StatefulSet>(cluster, Kind::StatefulSet, |source, kind, object| rows::workload(source, kind, object, &object.spec, &object.status)),
        ),
        spared(
            cluster,
            "daemonsets",
            workloads_of::<DaemonSet>(cluster, Kind::DaemonSet, |source, kind, object| rows::workload(source, kind, object, &object.spec, &object.status)),
        ),
        rollouts(cluster),
    ]);
    let (tell, told) = watch::channel(false);
    let workloads = workloads.inspect(move |change| _ = (!matches!(change, Ok(Change::Begin))).then(|| tell.send_replace(true))).boxed();
    let revisions = changes(vec![
        spared(cluster, "replicasets", revisions_of::<ReplicaSet>(cluster, rows::revision_of_replica_set)),
        spared(cluster, "controllerrevisions", revisions_of::<ControllerRevision>(cluster, rows::revision_of_controller)),
    ]);
    let mut newest = Newest::default();
    let revisions = revisions.map(move |change| change.map(|change| newest.mark(change).into_iter().map(Fact::from).collect())).boxed();
    // Either ending means that a list has begun again: both are asked for anew.
    let marked = |facts: BoxStream<'static, Result<Vec<Fact>, SourceError>>| facts.map(Some).chain(stream::iter([None])).boxed();
    let both = stream::select(marked(facts(workloads)), marked(after(told.clone(), revisions)));
    let both = both.take_while(|item| std::future::ready(item.is_some())).filter_map(std::future::ready);
    let learning = stream::once(groups::learn(cluster.clone())).filter_map(|()| std::future::ready(None));
    batches(stream::select(both, after(told, learning.boxed())).boxed())
}

/// `stream`, not asked before something was told, or before nothing will be.
fn after<T: Send + 'static>(mut told: watch::Receiver<bool>, stream: BoxStream<'static, T>) -> BoxStream<'static, T> {
    let waited = async move {
        _ = told.wait_for(|told| *told).await;
        stream
    };
    stream::once(waited).flatten().boxed()
}

/// Knows the newest revision of each owner, so that only that one is called current. It keeps one row for an owner, not all of them.
#[derive(Default)]
struct Newest(HashMap<Id<Workload>, Revision>);

impl Newest {
    fn mark(&mut self, change: Change<Revision>) -> Vec<Change<Revision>> {
        match change {
            Change::Begin => {
                self.0.clear();
                vec![Change::Begin]
            }
            Change::Done => vec![Change::Done],
            Change::Remove(id) => {
                self.0.retain(|_, newest| newest.id != id);
                vec![Change::Remove(id)]
            }
            Change::Upsert(revision) => self.upsert(revision),
        }
    }

    fn upsert(&mut self, mut revision: Revision) -> Vec<Change<Revision>> {
        let before = self.0.get(&revision.workload);
        if before.is_some_and(|before| before.id != revision.id && before.number > revision.number) {
            return vec![Change::Upsert(revision)];
        }
        revision.current = true;
        let before = self.0.insert(revision.workload.clone(), revision.clone()).filter(|before| before.id != revision.id);
        let dethroned = before.map(|before| Change::Upsert(Revision { current: false, ..before }));
        dethroned.into_iter().chain([Change::Upsert(revision)]).collect()
    }
}

/// Nodes; a refusal refuses this feed alone.
pub fn nodes(cluster: &Arc<Cluster>) -> Facts {
    let source = cluster.id.clone();
    let namesake = source.clone();
    let id = move |lean: &Lean<Node>| kube::Resource::meta(lean).name.as_deref().map(|name| Id::new(&namesake, &format!("nodes/{name}")));
    batches(facts(changes(vec![rows_of(sight::<Node>(cluster.clone(), Filter::default()), move |node| Some(rows::node(&source, node)), id)])))
}

/// The workload of a scope, read for its selector and for what tells its family's events.
pub struct Focus {
    /// Where it is.
    pub address: Address,
    /// Its selector.
    pub selector: String,
    uid: String,
    created: Option<Timestamp>,
}

impl Focus {
    /// Reads it.
    pub async fn read(cluster: &Cluster, id: &Id<Workload>) -> Result<Self, SourceError> {
        let address = Address::of(id).ok_or_else(|| SourceError::NotFound(Clean::from_static("this is no workload of a cluster")))?;
        let call = Call::get(&address.resource(), Some(&address.namespace), address.path());
        // All kinds have the same fields here.
        let object: Deployment = cluster.get(&call).await?;
        Ok(Self::new(address, &object))
    }

    /// From what was read already.
    pub fn of(current: &Current) -> Self {
        Self::new(current.address.clone(), &current.lean)
    }

    fn new(address: Address, object: &Deployment) -> Self {
        let meta = object.meta();
        let created = meta.creation_timestamp.as_ref().map(|time| time.0);
        Self { selector: selector(&object.spec, &object.status), uid: meta.uid.clone().unwrap_or_default(), created, address }
    }

    /// Whether an event is about the workload, its ReplicaSets or its pods. The workload itself is known by its uid; the others by how
    /// their names are made, and by having happened since it is there: a namesake's past stays out.
    pub fn concerns(&self, event: &Event) -> bool {
        let about = &event.involved_object;
        if about.uid == self.uid {
            return true;
        }
        let since = self.created.is_none_or(|created| rows::when(event).is_none_or(|when| when >= created));
        let Some(rest) = about.name.strip_prefix(&self.address.name).and_then(|rest| rest.strip_prefix('-')) else { return false };
        let depth = match (about.kind.as_str(), self.address.plural.as_str()) {
            ("ReplicaSet", "deployments" | "rollouts") | ("Pod", "statefulsets" | "daemonsets") => 1,
            ("Pod", "deployments" | "rollouts") => 2,
            _ => return false,
        };
        since && rest.split('-').count() == depth && rest.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    }
}

/// Pods of a scope.
pub fn pods(cluster: &Arc<Cluster>, scope: Scope) -> Facts {
    let cluster = cluster.clone();
    let opened = async move {
        let (filter, of) = match &scope {
            Scope::All => (Filter::default(), None),
            Scope::Namespace(namespace) => (Filter { namespace: Some(namespace.expose().to_owned()), ..Filter::default() }, None),
            Scope::Workload(id) => match Focus::read(&cluster, id).await {
                Ok(focus) => (Filter { labels: Some(focus.selector), namespace: Some(focus.address.namespace), ..Filter::default() }, Some(id.clone())),
                Err(error) => return stream::iter([Err(error)]).boxed(),
            },
        };
        let source = cluster.id.clone();
        let namesake = source.clone();
        // A selector may catch pods of another owner; a workload's own list is of its own pods.
        let mut common = Common::default();
        let row = move |object: &Pod| Some(rows::pod(&source, object)).filter(|pod| of.is_none() || pod.workload == of).map(|pod| common.within(pod));
        let id = move |lean: &Lean<Pod>| {
            let meta = kube::Resource::meta(lean);
            Some(rows::pod_id(&namesake, meta.namespace.as_deref()?, meta.name.as_deref()?))
        };
        batches(facts(changes(vec![rows_of(sight::<Pod>(cluster, filter), row, id)])))
    };
    stream::once(opened).flatten().boxed()
}

/// Events of a scope. For a workload: its own, its ReplicaSets' and its pods'.
pub fn happenings(cluster: &Arc<Cluster>, scope: Scope) -> Facts {
    let cluster = cluster.clone();
    let opened = async move {
        let (namespace, focus) = match &scope {
            Scope::All => (None, None),
            Scope::Namespace(namespace) => (Some(namespace.expose().to_owned()), None),
            Scope::Workload(id) => match Focus::read(&cluster, id).await {
                Ok(focus) => (Some(focus.address.namespace.clone()), Some(focus)),
                Err(error) => return stream::iter([Err(error)]).boxed(),
            },
        };
        let source = cluster.id.clone();
        let namesake = source.clone();
        let row = move |event: &Event| focus.as_ref().is_none_or(|focus| focus.concerns(event)).then(|| rows::happening(&source, event));
        let seen = sight::<Event>(cluster, Filter { namespace, ..Filter::default() });
        batches(facts(changes(vec![rows_of(seen, row, move |lean| event_id(&namesake, lean))])))
    };
    stream::once(opened).flatten().boxed()
}

fn event_id(source: &SourceId, lean: &Lean<Event>) -> Option<Id<Happening>> {
    let meta = kube::Resource::meta(lean);
    Some(Id::new(source, &format!("events/{}/{}", meta.namespace.as_deref()?, meta.name.as_deref()?)))
}
