//! The revisions of a workload, with what speaks for and against each.

use super::{
    ask::Current,
    client::{Call, Cluster},
    outline, rows, template,
    wire::{
        List, Shape,
        apps::{ControllerRevision, ReplicaSet},
        core::{Event, Pod},
        label, note,
    },
};
use crate::{
    domain::{Evidence, Id, Image, Kind, Outline, Pod as PodRow, Revision, Version, Workload},
    sources::SourceError,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::HashMap;

mod life;

/// A ReplicaSet, whole.
pub struct Kept {
    /// As far as rows need it.
    pub lean: ReplicaSet,
    /// The object itself.
    pub raw: Value,
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

/// The ReplicaSets that a Deployment owns, by its uid.
pub async fn replica_sets(cluster: &Cluster, current: &Current) -> Result<Vec<Kept>, SourceError> {
    let namespace = &current.address.namespace;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets?labelSelector={}", query(&current.selector()));
    let list: Raw = cluster.get(&Call::list("replicasets.apps", Some(namespace), path)).await?;
    let kept = list.items.into_iter().filter_map(|raw| Some(Kept { lean: serde_json::from_value(raw.clone()).ok()?, raw }));
    Ok(kept.filter(|kept| super::wire::controller(kept.lean.meta()).is_some_and(|owner| owner.uid == current.uid())).collect())
}

/// The pods of a workload.
pub async fn pods(cluster: &Cluster, current: &Current) -> Result<Vec<PodRow>, SourceError> {
    Ok(wire_pods(cluster, current).await?.iter().map(|pod| rows::pod(&cluster.id, pod)).collect())
}

async fn wire_pods(cluster: &Cluster, current: &Current) -> Result<Vec<Pod>, SourceError> {
    let namespace = &current.address.namespace;
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", query(&current.selector()));
    let list: List<Pod> = cluster.get(&Call::list("pods", Some(namespace), path)).await?;
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
    let current = Current::read(cluster, id).await?;
    match current.kind {
        Kind::Deployment => deployment(cluster, &current).await,
        _ => controller_revisions(cluster, &current).await,
    }
}

async fn deployment(cluster: &Cluster, current: &Current) -> Result<Vec<Revision>, SourceError> {
    let (sets, pods, events) = futures::join!(replica_sets(cluster, current), wire_pods(cluster, current), events(cluster, &current.address.namespace));
    let (sets, pods) = (sets?, pods.unwrap_or_default());
    let seen = template::bare(&current.raw);
    let wanted = rows::replicas(current.kind, &current.lean.spec, &current.lean.status).wanted;
    let mut revisions: Vec<Revision> = Vec::new();
    for set in &sets {
        let Some(mut revision) = rows::revision_of_replica_set(&cluster.id, &set.lean) else { continue };
        let template = template::bare(&set.raw);
        revision.current = template == seen;
        revision.outline = outline::outline(&template);
        let own: Vec<&Pod> = pods.iter().filter(|pod| label(pod.meta(), "pod-template-hash") == Some(revision.template.expose())).collect();
        resolve(&mut revision.images, &own);
        revision.version = version(&revision, set);
        revision.evidence = evidence(current, set, &own, &events, wanted);
        revisions.push(revision);
    }
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    served(&mut revisions, &sets);
    rolled_back(current, &mut revisions);
    Ok(revisions)
}

fn version(revision: &Revision, set: &Kept) -> Version {
    let named = label(&set.lean.spec.template.metadata.0, "app.kubernetes.io/version").map(crate::text::Name::new);
    Version::of(named.as_ref(), &revision.images)
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

/// How long each revision stayed current: from its creation to the next one's. One that was taken up again keeps its first creation, which
/// says nothing about its last time.
fn served(revisions: &mut [Revision], sets: &[Kept]) {
    let again: HashMap<String, bool> = sets
        .iter()
        .map(|set| {
            (
                label(set.lean.meta(), "pod-template-hash").unwrap_or_default().to_owned(),
                note(set.lean.meta(), "deployment.kubernetes.io/revision-history").is_some(),
            )
        })
        .collect();
    let taken_up = |revision: &Revision| again.get(revision.template.expose()).copied().unwrap_or(false);
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
    let namespace = &current.address.namespace;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/controllerrevisions?labelSelector={}", query(&current.selector()));
    let list: Raw = cluster.get(&Call::list("controllerrevisions.apps", Some(namespace), path)).await?;
    let pods = pods(cluster, current).await.unwrap_or_default();
    let mut revisions = Vec::new();
    for raw in list.items {
        let Ok(lean) = serde_json::from_value::<ControllerRevision>(raw.clone()) else { continue };
        if super::wire::controller(lean.meta()).is_none_or(|owner| owner.uid != current.uid()) {
            continue;
        }
        let Some(mut revision) = rows::revision_of_controller(&cluster.id, &lean) else { continue };
        let template = raw.pointer("/data/spec/template").cloned().unwrap_or(Value::Null);
        if let Ok(known) = serde_json::from_value::<super::wire::apps::Template>(template.clone()) {
            revision.images = rows::template_images(&known);
            revision.version = Version::of(label(&known.metadata.0, "app.kubernetes.io/version").map(crate::text::Name::new).as_ref(), &revision.images);
        }
        revision.outline = if template.is_null() { Outline::default() } else { outline::outline(&template) };
        let own = || pods.iter().filter(|pod| pod.template == revision.template);
        let ready = u32::try_from(own().filter(|pod| pod.ready).count()).unwrap_or(u32::MAX);
        let wanted = rows::replicas(current.kind, &current.lean.spec, &current.lean.status).wanted;
        revision.replicas = crate::domain::Replicas { wanted, total: u32::try_from(own().count()).unwrap_or(u32::MAX), updated: 0, ready, available: ready };
        if ready > 0 {
            revision.evidence.push(Evidence::ServingNow { ready, wanted });
        }
        revisions.push(revision);
    }
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    if let Some(first) = revisions.first_mut() {
        first.current = true;
    }
    Ok(revisions)
}
