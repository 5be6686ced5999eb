//! The revisions of a workload, with what speaks for and against each.

use super::{
    ask::Current,
    client::{Call, Cluster},
    helm::{self, Found},
    outline, rows, template,
    wire::{
        List, Shape,
        apps::{ControllerRevision, Deployment, ReplicaSet},
        core::{Event, Pod},
        label, note,
    },
};
use crate::{
    domain::{Evidence, Id, Image, Kind, Pod as PodRow, Replicas, Revision, Version, Workload},
    sources::SourceError,
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;

mod life;

/// A revision as its controller keeps it: a ReplicaSet, or a ControllerRevision in the shape of one.
#[derive(Clone)]
pub struct Kept {
    /// As far as rows need it.
    pub lean: ReplicaSet,
    /// The object itself.
    pub raw: Value,
    /// Its hash, as its pods carry it.
    pub template: String,
    /// Its number.
    pub number: u64,
}

impl Kept {
    /// What a ReplicaSet keeps.
    pub fn of_set(raw: Value) -> Option<Self> {
        let lean: ReplicaSet = serde_json::from_value(raw.clone()).ok()?;
        let template = rows::hash(lean.meta()).or(lean.meta().name.as_deref())?.to_owned();
        let number = rows::number(lean.meta()).unwrap_or_default();
        Some(Self { lean, raw, template, number })
    }

    /// What a ControllerRevision keeps: the patch that brings the template back, which replaces all of it.
    pub fn of_controller(mut raw: Value) -> Option<Self> {
        let number = raw.get("revision").and_then(Value::as_u64).unwrap_or_default();
        let mut template = raw.pointer_mut("/data/spec/template").map(Value::take)?;
        template.as_object_mut()?.remove("$patch");
        let shaped = json!({ "metadata": raw.get_mut("metadata").map(Value::take), "spec": { "template": template } });
        let lean: ReplicaSet = serde_json::from_value(shaped.clone()).ok()?;
        let template = label(lean.meta(), "controller-revision-hash").or(lean.meta().name.as_deref())?.to_owned();
        Some(Self { lean, raw: shaped, template, number })
    }
}

#[derive(serde::Deserialize)]
struct Raw {
    #[serde(default)]
    items: Vec<Value>,
}

pub fn query(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The revisions that are kept of a workload: what it owns by its uid.
pub async fn kept(cluster: &Cluster, current: &Current) -> Result<Vec<Kept>, SourceError> {
    let (plural, of): (_, fn(Value) -> Option<Kept>) =
        if matches!(current.kind, Kind::Deployment | Kind::Rollout) { ("replicasets", Kept::of_set) } else { ("controllerrevisions", Kept::of_controller) };
    let namespace = &current.address.namespace;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/{plural}?labelSelector={}", query(&current.selector()));
    let list: Raw = cluster.get(&Call::list(&format!("{plural}.apps"), Some(namespace), path)).await?;
    let owned = |kept: &Kept| super::wire::controller(kept.lean.meta()).is_some_and(|owner| owner.uid == current.uid());
    Ok(list.items.into_iter().filter_map(of).filter(owned).collect())
}

/// The pods of a workload.
pub async fn pods(cluster: &Cluster, current: &Current) -> Result<Vec<PodRow>, SourceError> {
    Ok(wire_pods(cluster, current).await?.iter().map(|pod| rows::pod(&cluster.id, pod)).collect())
}

/// The pods that its selector finds, whole.
pub async fn raw_pods(cluster: &Cluster, current: &Current) -> Result<Vec<Value>, SourceError> {
    let list: Raw = cluster.get(&pods_call(current)).await?;
    Ok(list.items)
}

fn pods_call(current: &Current) -> Call {
    let namespace = &current.address.namespace;
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", query(&current.selector()));
    Call::list("pods", Some(namespace), path)
}

async fn wire_pods(cluster: &Cluster, current: &Current) -> Result<Vec<Pod>, SourceError> {
    let namespace = &current.address.namespace;
    let list: List<Pod> = cluster.get(&pods_call(current)).await?;
    let id = rows::workload_id(&cluster.id, &current.address.plural, namespace, &current.address.name);
    Ok(list.whole().filter(|pod| rows::pod(&cluster.id, pod).workload.as_ref() == Some(&id)).collect())
}

/// The warnings and starts of a namespace's pods, as long as the server keeps them (an hour); none where we may not read them.
async fn events(cluster: &Cluster, namespace: &str) -> Vec<Event> {
    let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector={}", query("involvedObject.kind=Pod"));
    let list: Result<List<Event>, _> = cluster.get(&Call::list("events", Some(namespace), path)).await;
    list.map(|list| list.whole().collect()).unwrap_or_default()
}

/// All revisions with their outlines, newest first.
pub async fn read(cluster: &Cluster, id: &Id<Workload>) -> Result<Vec<Revision>, SourceError> {
    match helm::of(cluster, Current::read(cluster, id).await?).await? {
        Found::Release(through) => through.revisions(cluster).await,
        Found::None(current) | Found::Unreadable(current, _) => of(cluster, &current).await,
    }
}

/// Those that its own controller keeps.
pub async fn of(cluster: &Cluster, current: &Current) -> Result<Vec<Revision>, SourceError> {
    match current.kind {
        Kind::Deployment | Kind::Rollout => replica_sets(cluster, current).await,
        _ => controller_revisions(cluster, current).await,
    }
}

/// The history of a Deployment or Rollout.
async fn replica_sets(cluster: &Cluster, current: &Current) -> Result<Vec<Revision>, SourceError> {
    let (sets, pods, events) = futures::join!(kept(cluster, current), wire_pods(cluster, current), events(cluster, &current.address.namespace));
    let (sets, pods) = (sets?, pods.unwrap_or_default());
    let wanted = rows::replicas(current.kind, &current.lean.spec, &current.lean.status).wanted;
    let mut revisions: Vec<Revision> = Vec::new();
    for set in &sets {
        let Some(mut revision) = rows::revision_of_replica_set(&cluster.id, &set.lean) else { continue };
        let template = template::bare(&set.raw);
        revision.current = current.is_at(set);
        revision.outline = outline::outline(&template);
        let own: Vec<&Pod> = pods.iter().filter(|pod| rows::hash(pod.meta()) == Some(revision.template.expose())).collect();
        resolve(&mut revision.images, &own);
        revision.version = version(&revision, set);
        revision.evidence = evidence(current, set, &own, &events, wanted);
        revisions.push(revision);
    }
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    served(&mut revisions, &sets);
    rolled_back(current, &mut revisions);
    if !revisions.iter().any(|revision| revision.current) {
        revisions.insert(0, waiting(cluster, current));
    }
    Ok(revisions)
}

/// A template that no ReplicaSet has: the Deployment was paused before it, or its controller has not looked at it yet.
fn waiting(cluster: &Cluster, current: &Current) -> Revision {
    let (_, templated) = current.templated();
    let lean: Deployment = serde_json::from_value(templated.clone()).unwrap_or_else(|_| current.lean.clone());
    let row = rows::workload(&cluster.id, current.kind, &lean, &lean.spec, &lean.status);
    Revision {
        id: rows::revision_id(&cluster.id, current.uid(), ""),
        workload: rows::workload_id(&cluster.id, &current.address.plural, &current.address.namespace, &current.address.name),
        number: 0,
        template: crate::text::Raw::default(),
        version: row.version,
        images: row.images,
        replicas: Replicas::default(),
        current: true,
        created: None,
        cause: None,
        evidence: Vec::new(),
        outline: outline::outline(&template::bare(templated)),
    }
}

fn version(revision: &Revision, set: &Kept) -> Version {
    version_of(set, &revision.images)
}

fn version_of(set: &Kept, images: &[Image]) -> Version {
    let named = label(&set.lean.spec.template.metadata.0, "app.kubernetes.io/version").map(crate::text::Name::new);
    Version::of(named.as_ref(), images)
}

/// What it is called: `2.8.0 r42`.
pub fn called(set: &Kept) -> Clean {
    crate::clean!("{} r{}", version_of(set, &rows::template_images(&set.lean.spec.template)), set.number)
}

/// What the images resolved to, from the pods that run them.
fn resolve(images: &mut [Image], pods: &[&Pod]) {
    let statuses = || pods.iter().flat_map(|pod| pod.status.container_statuses.iter());
    for image in images.iter_mut() {
        let name = image.container.raw();
        let digest = statuses().filter(|status| name.is_empty() || status.name == name).find_map(|status| status.image_id.rsplit_once("sha256:"));
        image.digest = digest.map(|(_, hex)| crate::text::Name::new(&format!("sha256:{hex}")));
    }
}

/// What speaks now for and against one revision.
fn evidence(current: &Current, set: &Kept, pods: &[&Pod], events: &[Event], wanted: u32) -> Vec<Evidence> {
    let ready = set.lean.status.available_replicas;
    if ready > 0 {
        return vec![Evidence::ServingNow { ready, wanted }];
    }
    if finished(current, set) {
        return Vec::new();
    }
    let name = set.lean.meta().name.as_deref().unwrap_or_default();
    let gone = pods.iter().all(|pod| pod.meta().deletion_timestamp.is_some());
    let why = if gone { life::never_by_events(name, events) } else { life::never_by_pods(pods, Timestamp::now()) };
    why.map(|why| Evidence::NeverAvailable { why }).into_iter().collect()
}

/// Whether the controller says that this revision was once carried out whole, and was so for long enough to believe it.
fn finished(current: &Current, set: &Kept) -> bool {
    let name = set.lean.meta().name.as_deref().unwrap_or_default();
    let minimum = current.raw.pointer("/spec/minReadySeconds").and_then(Value::as_i64).unwrap_or_default();
    let progressing = current.lean.status.conditions.iter().find(|condition| condition.kind == "Progressing");
    minimum >= 10 && progressing.is_some_and(|told| told.reason == "NewReplicaSetAvailable" && told.message.contains(&format!("\"{name}\"")))
}

/// Whether it was current before, under another number.
fn taken_up_before(set: &Kept) -> bool {
    ["deployment.kubernetes.io/revision-history", "rollout.argoproj.io/revision-history"].iter().any(|key| note(set.lean.meta(), key).is_some())
}

/// How long each revision stayed current: from its creation to the next one's. One that was taken up again keeps its first creation, which
/// says nothing about its last time.
fn served(revisions: &mut [Revision], sets: &[Kept]) {
    let again: HashMap<&str, bool> = sets.iter().map(|set| (set.template.as_str(), taken_up_before(set))).collect();
    // A ControllerRevision that is taken up again gets a new number, and nothing else says so: it is older than those below it.
    let ages: Vec<_> = revisions.iter().map(|revision| revision.created).collect();
    let older: Vec<bool> = ages.iter().enumerate().map(|(at, age)| ages[at + 1..].iter().any(|below| below > age)).collect();
    let older: HashMap<crate::text::Raw, bool> = revisions.iter().map(|revision| revision.template.clone()).zip(older).collect();
    let taken_up =
        |revision: &Revision| again.get(revision.template.expose()).copied().unwrap_or(false) || older.get(&revision.template).copied().unwrap_or(false);
    for index in 1..revisions.len() {
        let (next, this) = (&revisions[index - 1], &revisions[index]);
        if taken_up(next) || taken_up(this) {
            continue;
        }
        let held = next.created.zip(this.created).map(|(next, this)| next.duration_since(this));
        if let Some(held) = held.filter(|held| *held > SignedDuration::ZERO) {
            revisions[index].evidence.push(Evidence::Served { held });
        }
    }
}

/// The mark that an earlier rollback left.
fn rolled_back(current: &Current, revisions: &mut [Revision]) {
    let Some((template, Some(at))) = current.rolled_back_from() else { return };
    for revision in revisions.iter_mut().filter(|revision| revision.template.expose() == template.as_str()) {
        revision.evidence.push(Evidence::RolledBackFrom { at });
    }
}

/// The history of a StatefulSet or DaemonSet.
async fn controller_revisions(cluster: &Cluster, current: &Current) -> Result<Vec<Revision>, SourceError> {
    let (sets, pods) = futures::join!(kept(cluster, current), wire_pods(cluster, current));
    let (mut sets, pods) = (sets?, pods.unwrap_or_default());
    let wanted = rows::replicas(current.kind, &current.lean.spec, &current.lean.status).wanted;
    sets.sort_by_key(|set| std::cmp::Reverse(set.number));
    let newest = sets.iter().position(|set| template::same(&set.raw, &current.raw)).unwrap_or(0);
    let mut revisions = Vec::new();
    for (at, set) in sets.iter().enumerate() {
        let known = ControllerRevision {
            metadata: set.lean.metadata.clone(),
            revision: i64::try_from(set.number).unwrap_or(i64::MAX),
            ..ControllerRevision::default()
        };
        let Some(mut revision) = rows::revision_of_controller(&cluster.id, &known) else { continue };
        let own: Vec<&Pod> = pods.iter().filter(|pod| label(pod.meta(), "controller-revision-hash") == Some(set.template.as_str())).collect();
        revision.images = rows::template_images(&set.lean.spec.template);
        resolve(&mut revision.images, &own);
        revision.version = version(&revision, set);
        revision.outline = outline::outline(&template::bare(&set.raw));
        revision.current = at == newest;
        let ready = own.iter().filter(|pod| rows::pod(&cluster.id, pod).ready).count();
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        revision.replicas = Replicas { wanted, total: count(own.len()), updated: 0, ready: count(ready), available: count(ready) };
        let never = || life::never_by_pods(&own, Timestamp::now()).map(|why| Evidence::NeverAvailable { why });
        revision.evidence = if ready > 0 { vec![Evidence::ServingNow { ready: count(ready), wanted }] } else { never().into_iter().collect() };
        revisions.push(revision);
    }
    served(&mut revisions, &sets);
    rolled_back(current, &mut revisions);
    Ok(revisions)
}

#[cfg(test)]
mod tests;
