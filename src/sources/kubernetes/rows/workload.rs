//! Workloads and their revisions.

use super::{KINDS, workload_id};
use crate::{
    clean,
    domain::{Evidence, Id, Image, Kind, Labels, Outline, Owner, Place, Progress, Replicas, Revision, SourceId, Version, Workload},
    sources::kubernetes::{
        rollouts,
        wire::{
            Shape,
            apps::{Condition, ControllerRevision, ReplicaSet, Spec, Status, Template, selector},
            controller, label, note,
            rollouts::Rollout,
        },
    },
    text::{Clean, Name, Raw},
};
use kube::core::ObjectMeta;

/// Labels that say nothing about what an object is.
const HASHES: &[&str] = &[DEPLOYMENT_HASH, "controller-revision-hash", ROLLOUT_HASH];
/// Where ReplicaSets and pods carry the hash of their template.
const DEPLOYMENT_HASH: &str = "pod-template-hash";
pub(super) const ROLLOUT_HASH: &str = "rollouts-pod-template-hash";

/// The hash of the template that a ReplicaSet or a pod of it carries.
pub fn hash(meta: &ObjectMeta) -> Option<&str> {
    label(meta, ROLLOUT_HASH).or_else(|| label(meta, DEPLOYMENT_HASH))
}

/// What a ReplicaSet, or the workload that owns it, notes of its revisions: its number, how many it should have.
fn noted<'a>(meta: &'a ObjectMeta, what: &str) -> Option<&'a str> {
    ["deployment.kubernetes.io", "rollout.argoproj.io"].iter().find_map(|domain| note(meta, &format!("{domain}/{what}")))
}

/// The number of its revision.
pub fn number(meta: &ObjectMeta) -> Option<u64> {
    noted(meta, "revision").and_then(|number| number.parse().ok())
}

/// A workload of `kind`, as a row.
pub fn workload<T: Shape>(source: &SourceId, kind: Kind, object: &T, spec: &Spec, status: &Status) -> Workload {
    let meta = object.meta();
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let images = template_images(&spec.template);
    Workload {
        id: workload_id(source, T::PLURAL, namespace, name),
        kind,
        place: Place::new(source.instance(), namespace),
        name: Name::new(name),
        uid: Raw::new(meta.uid.as_deref().unwrap_or_default()),
        labels: labels(meta),
        selector: Raw::new(&selector(spec, status)),
        version: version(meta, &spec.template, &images),
        images,
        revision: number(meta),
        replicas: replicas(kind, spec, status),
        progress: progress(kind, meta.generation.unwrap_or_default(), spec, status),
        in_order: in_order(kind, spec),
        owner: owner(meta),
        changed: object.written().or_else(|| condition(status, "Progressing").and_then(|progressing| progressing.last_update_time)),
        created: meta.creation_timestamp.as_ref().map(|time| time.0),
        remark: on_delete(spec, replicas(kind, spec, status)),
    }
}

/// Where its controller takes its pods one after the other: the lowest ordinal that it replaces (stateful_set_control.go). With OnDelete it replaces none, with
/// `Parallel` it does not wait.
fn in_order(kind: Kind, spec: &Spec) -> Option<u32> {
    let waits = kind == Kind::StatefulSet && spec.pod_management_policy != "Parallel" && spec.update_strategy.kind != "OnDelete";
    waits.then(|| spec.ordinals.start.saturating_add(spec.update_strategy.rolling_update.partition))
}

/// A Rollout, as a row. Where it only refers to the workload that has the template, its revisions say what it runs.
pub fn rollout(source: &SourceId, kind: Kind, object: &Rollout) -> Workload {
    let row = workload(source, kind, object, &object.spec.common, &object.status.common);
    Workload { progress: rollouts::progress(object), remark: rollouts::place(object), ..row }
}

/// What an OnDelete waits for, where it does.
fn on_delete(spec: &Spec, count: Replicas) -> Option<Clean> {
    let behind = count.wanted.saturating_sub(count.updated);
    let waits = spec.update_strategy.kind == "OnDelete" && behind > 0;
    waits.then(|| clean!("OnDelete: {behind} of {} pods keep the older template until somebody deletes them", count.wanted))
}

fn labels(meta: &ObjectMeta) -> Labels {
    let all = meta.labels.iter().flatten().filter(|(key, _)| !HASHES.contains(&key.as_str()));
    Labels::new(all.map(|(key, value)| (key.as_str(), value.as_str())))
}

/// The version that the object or its template names, else what its image says. The template comes first: a chart's own version label
/// stands on the object and stays when only the image was changed.
fn version(meta: &ObjectMeta, template: &Template, images: &[Image]) -> Version {
    const KEY: &str = "app.kubernetes.io/version";
    let named = label(&template.metadata.0, KEY).or_else(|| label(meta, KEY)).map(Name::new);
    Version::of(named.as_ref(), images)
}

/// The images of a template, the main container first.
pub fn template_images(template: &Template) -> Box<[Image]> {
    let containers = &template.spec.containers;
    let main = note(&template.metadata.0, "kubectl.kubernetes.io/default-container");
    let mut images: Vec<Image> = containers
        .iter()
        .map(|container| Image {
            container: if containers.len() > 1 { Name::new(&container.name) } else { Name::default() },
            reference: Name::new(&container.image),
            digest: None,
        })
        .collect();
    if let Some(at) = main.and_then(|main| images.iter().position(|image| image.container.raw() == main)) {
        images.swap(0, at);
    }
    images.into()
}

/// How many there are, of how many there should be.
pub fn replicas(kind: Kind, spec: &Spec, status: &Status) -> Replicas {
    if kind == Kind::DaemonSet {
        return Replicas {
            wanted: status.desired_number_scheduled,
            total: status.current_number_scheduled,
            updated: status.updated_number_scheduled,
            ready: status.number_ready,
            available: status.number_available,
        };
    }
    Replicas {
        wanted: spec.replicas.unwrap_or(1),
        total: status.replicas,
        updated: status.updated_replicas,
        ready: status.ready_replicas,
        available: status.available_replicas,
    }
}

fn condition<'a>(status: &'a Status, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.kind == kind)
}

fn stuck(condition: &Condition) -> Progress {
    Progress::Stuck { since: condition.last_transition_time, reason: clean!("{}", condition.reason), message: clean!("{}", condition.message) }
}

/// How far the newest specification is carried out: the rules of `kubectl rollout status`, and beyond them whether it is paused, whether
/// pods can not be created, and for a StatefulSet whether the two revisions are one.
pub fn progress(kind: Kind, generation: i64, spec: &Spec, status: &Status) -> Progress {
    if spec.paused {
        let paused = condition(status, "Progressing").filter(|progressing| progressing.reason == "DeploymentPaused");
        return Progress::Paused { since: paused.and_then(|paused| paused.last_update_time) };
    }
    if generation > status.observed_generation {
        return Progress::Unobserved;
    }
    let count = replicas(kind, spec, status);
    match kind {
        Kind::Deployment => deployment_progress(count, status),
        Kind::StatefulSet => stateful_progress(count, spec, status),
        Kind::DaemonSet => {
            let whole = count.updated >= count.wanted && count.available >= count.wanted;
            let waits = spec.update_strategy.kind == "OnDelete" && count.updated < count.wanted;
            match (whole, waits) {
                (true, _) => Progress::Done,
                (false, true) => Progress::Unknown,
                (false, false) => Progress::Rolling,
            }
        }
        Kind::Rollout | Kind::ComposeService | Kind::Container | Kind::SwarmService | Kind::CiEnvironment => Progress::Unknown,
    }
}

fn deployment_progress(count: Replicas, status: &Status) -> Progress {
    if let Some(late) = condition(status, "Progressing").filter(|progressing| progressing.reason == "ProgressDeadlineExceeded") {
        return stuck(late);
    }
    let whole = count.updated >= count.wanted && count.total <= count.updated && count.available >= count.updated;
    match condition(status, "ReplicaFailure").filter(|failure| failure.status == "True") {
        _ if whole => Progress::Done,
        Some(failure) => stuck(failure),
        None => Progress::Rolling,
    }
}

fn stateful_progress(count: Replicas, spec: &Spec, status: &Status) -> Progress {
    let same = status.update_revision == status.current_revision;
    if spec.update_strategy.kind == "OnDelete" {
        return if same && count.ready >= count.wanted { Progress::Done } else { Progress::Unknown };
    }
    let partition = spec.update_strategy.rolling_update.partition;
    let whole = count.ready >= count.wanted && count.updated >= count.wanted.saturating_sub(partition) && (partition > 0 || same);
    if whole { Progress::Done } else { Progress::Rolling }
}

/// Who else would change an object back. The one that acts soonest comes first: Argo CD and Flux before the Helm release they made.
pub fn owner(meta: &ObjectMeta) -> Option<Owner> {
    if let Some(application) = tracked(meta).or_else(|| label(meta, "argocd.argoproj.io/instance")) {
        return Some(Owner::ArgoCd { application: Name::new(application) });
    }
    for (kind, start) in [("HelmRelease", "helm.toolkit.fluxcd.io"), ("Kustomization", "kustomize.toolkit.fluxcd.io")] {
        if let Some(name) = label(meta, &format!("{start}/name")) {
            let namespace = label(meta, &format!("{start}/namespace")).or(meta.namespace.as_deref()).unwrap_or_default();
            return Some(Owner::Flux { kind: Clean::from_static(kind), name: Name::new(&format!("{namespace}/{name}")) });
        }
    }
    if let Some(owner) = controller(meta) {
        return Some(Owner::Operator { kind: Name::new(&owner.kind), name: Name::new(&owner.name) });
    }
    let release = note(meta, "meta.helm.sh/release-name")?;
    let namespace = note(meta, "meta.helm.sh/release-namespace").or(meta.namespace.as_deref()).unwrap_or_default();
    Some(Owner::Helm { release: Name::new(release), namespace: Name::new(namespace) })
}

/// The application in `APP:GROUP/KIND:NAMESPACE/NAME`, if it is about this very object: a copied annotation is not.
fn tracked(meta: &ObjectMeta) -> Option<&str> {
    let mut parts = note(meta, "argocd.argoproj.io/tracking-id")?.splitn(3, ':');
    let (application, object) = (parts.next()?, parts.nth(1)?);
    let name = object.rsplit('/').next()?;
    (Some(name) == meta.name.as_deref()).then_some(application)
}

/// The identity of a revision: the owner's uid and the template.
pub fn revision_id(source: &SourceId, owner: &str, template: &str) -> Id<Revision> {
    Id::new(source, &format!("{owner}/{template}"))
}

/// The revision that a ReplicaSet remembers; none where neither a Deployment nor a Rollout owns it.
pub fn revision_of_replica_set(source: &SourceId, set: &ReplicaSet) -> Option<Revision> {
    let meta = set.meta();
    let owner = controller(meta)?;
    let with_sets = |kind: Kind| matches!(kind, Kind::Deployment | Kind::Rollout);
    let (_, _, plural) = KINDS.iter().find(|(kind, word, _)| with_sets(*kind) && *word == owner.kind)?;
    let template = hash(meta).or(meta.name.as_deref())?;
    let images = template_images(&set.spec.template);
    let wanted = set.spec.replicas.unwrap_or_default();
    let (ready, available) = (set.status.ready_replicas, set.status.available_replicas);
    let desired = noted(meta, "desired-replicas").and_then(|number| number.parse().ok()).unwrap_or(wanted);
    let serving = (available > 0).then_some(Evidence::ServingNow { ready: available, wanted: desired });
    Some(Revision {
        id: revision_id(source, &owner.uid, template),
        workload: workload_id(source, plural, meta.namespace.as_deref().unwrap_or_default(), &owner.name),
        number: number(meta).unwrap_or_default(),
        template: Raw::new(template),
        version: version(&ObjectMeta::default(), &set.spec.template, &images),
        images,
        replicas: Replicas { wanted, total: set.status.replicas, updated: set.status.replicas, ready, available },
        current: false,
        created: meta.creation_timestamp.as_ref().map(|time| time.0),
        cause: note(meta, "kubernetes.io/change-cause").map(Clean::from_untrusted),
        evidence: serving.into_iter().collect(),
        outline: Outline::default(),
    })
}

/// The revision that a ControllerRevision remembers; none where neither a StatefulSet nor a DaemonSet owns it.
pub fn revision_of_controller(source: &SourceId, object: &ControllerRevision) -> Option<Revision> {
    let meta = object.meta();
    let owner = controller(meta)?;
    let (_, _, plural) = KINDS.iter().find(|(kind, word, _)| *kind != Kind::Deployment && *word == owner.kind)?;
    let template = label(meta, "controller-revision-hash").or(meta.name.as_deref())?;
    let kept = &object.data.spec.template;
    let images = template_images(kept);
    Some(Revision {
        id: revision_id(source, &owner.uid, template),
        workload: workload_id(source, plural, meta.namespace.as_deref().unwrap_or_default(), &owner.name),
        number: u64::try_from(object.revision).unwrap_or_default(),
        template: Raw::new(template),
        version: version(&ObjectMeta::default(), kept, &images),
        images,
        replicas: Replicas::default(),
        current: false,
        created: meta.creation_timestamp.as_ref().map(|time| time.0),
        cause: note(meta, "kubernetes.io/change-cause").map(Clean::from_untrusted),
        evidence: Vec::new(),
        outline: Outline::default(),
    })
}
