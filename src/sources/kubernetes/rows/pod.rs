//! Pods and nodes.

use super::{KINDS, pod_id, workload_id};
use crate::{
    clean,
    domain::{Container, ContainerState, Id, Image, Labels, Node, Place, Pod, SourceId, Workload},
    sources::kubernetes::wire::{
        Shape,
        apps::{self, Condition},
        controller,
        core::{self as wire, ContainerStatus, PodStatus, State},
        label,
    },
    text::{Clean, Name, Raw},
};
use std::{collections::HashSet, hash::Hash, sync::Arc};

/// What the pods of a cluster have in common, so that ten thousand of them do not each keep their own copy.
#[derive(Default)]
pub struct Common {
    images: HashSet<Arc<Image>>,
    workloads: HashSet<Id<Workload>>,
    /// With more images than this, those that no pod has any more are let go.
    many: usize,
}

impl Common {
    /// The pod, with what others have too.
    pub fn within(&mut self, mut pod: Pod) -> Pod {
        if self.images.len() > self.many {
            self.images.retain(|image| Arc::strong_count(image) > 1);
            self.workloads.clear();
            self.many = 2 * self.images.len() + 256;
        }
        for container in &mut pod.containers {
            container.image = of_all(&mut self.images, container.image.clone());
        }
        pod.workload = pod.workload.map(|workload| of_all(&mut self.workloads, workload));
        pod
    }
}

fn of_all<T: Clone + Eq + Hash>(all: &mut HashSet<T>, one: T) -> T {
    if let Some(known) = all.get(&one) {
        return known.clone();
    }
    all.insert(one.clone());
    one
}

/// A pod, as a row.
pub fn pod(source: &SourceId, object: &wire::Pod) -> Pod {
    let meta = object.meta();
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let status = &object.status;
    let leaving = meta.deletion_timestamp.is_some();
    let containers = containers(object);
    let (reason, message) = word(object, leaving);
    Pod {
        id: pod_id(source, namespace, name),
        place: Place::new(source.instance(), namespace),
        name: Name::new(name),
        uid: Raw::new(meta.uid.as_deref().unwrap_or_default()),
        workload: workload(source, object),
        template: Raw::new(super::hash(meta).or_else(|| label(meta, "controller-revision-hash")).unwrap_or_default()),
        reason,
        message,
        ready: !leaving && is(status, "Ready"),
        leaving,
        restarts: containers.iter().map(|container| container.restarts).sum(),
        restarted: containers.iter().filter_map(restarted).max(),
        containers: containers.into(),
        node: Some(object.spec.node_name.as_str()).filter(|node| !node.is_empty()).map(Name::new),
        created: meta.creation_timestamp.as_ref().map(|time| time.0),
    }
}

fn is(status: &PodStatus, kind: &str) -> bool {
    status.conditions.iter().any(|condition| condition.kind == kind && condition.status == "True")
}

/// The workload of a pod. A Deployment or Rollout is recognised by its ReplicaSet's name, which is its own with the template's hash behind
/// it; a ReplicaSet that somebody else made has no such hash.
fn workload(source: &SourceId, object: &wire::Pod) -> Option<Id<Workload>> {
    let meta = object.meta();
    let owner = controller(meta)?;
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    if owner.kind == "ReplicaSet" {
        let hash = super::hash(meta)?;
        let name = owner.name.strip_suffix(hash)?.strip_suffix('-')?;
        let plural = if label(meta, super::workload::ROLLOUT_HASH).is_some() { "rollouts" } else { "deployments" };
        return Some(workload_id(source, plural, namespace, name));
    }
    let (_, _, plural) = KINDS.iter().find(|(_, word, _)| *word == owner.kind)?;
    Some(workload_id(source, plural, namespace, &owner.name))
}

fn containers(object: &wire::Pod) -> Vec<Container> {
    let (spec, status) = (&object.spec, &object.status);
    let init = spec.init_containers.iter().map(|wanted| container(wanted, &status.init_container_statuses, wanted.restart_policy != "Always"));
    let main = spec.containers.iter().map(|wanted| container(wanted, &status.container_statuses, false));
    init.chain(main).collect()
}

fn container(wanted: &apps::Container, statuses: &[ContainerStatus], init: bool) -> Container {
    let none = ContainerStatus::default();
    let status = statuses.iter().find(|status| status.name == wanted.name).unwrap_or(&none);
    let digest = status.image_id.rsplit_once("sha256:").map(|(_, hex)| Name::new(&format!("sha256:{hex}")));
    Container {
        name: Name::new(&wanted.name),
        init,
        image: Image { container: Name::new(&wanted.name), reference: Name::new(&wanted.image), digest }.into(),
        state: state(&status.state).unwrap_or(ContainerState::Unknown),
        last: state(&status.last_state),
        ready: status.ready,
        restarts: status.restart_count,
    }
}

fn state(state: &State) -> Option<ContainerState> {
    if let Some(waiting) = &state.waiting {
        return Some(ContainerState::Waiting { reason: clean!("{}", waiting.reason), message: clean!("{}", waiting.message) });
    }
    if let Some(running) = &state.running {
        return Some(ContainerState::Running { since: running.started_at });
    }
    let ended = state.terminated.as_ref()?;
    Some(ContainerState::Ended {
        code: ended.exit_code,
        reason: clean!("{}", ended.reason),
        message: clean!("{}", ended.message.trim()),
        began: ended.started_at,
        ended: ended.finished_at,
    })
}

/// When a container last restarted: its run began, or ended, after one before it.
fn restarted(container: &Container) -> Option<jiff::Timestamp> {
    if container.restarts == 0 {
        return None;
    }
    match (&container.state, &container.last) {
        (ContainerState::Running { since: Some(since) }, _) => Some(*since),
        (_, Some(ContainerState::Ended { began, ended, .. })) => ended.or(*began),
        _ => None,
    }
}

/// The one word for a pod's state and what goes with it, close to the column STATUS of `kubectl get pods` (printers.go, printPod).
fn word(object: &wire::Pod, leaving: bool) -> (Clean, Clean) {
    let status = &object.status;
    if leaving {
        let lost = status.reason == "NodeLost";
        return (Clean::from_static(if lost { "Unknown" } else { "Terminating" }), clean!("{}", status.message));
    }
    if !status.reason.is_empty() {
        return (clean!("{}", status.reason), clean!("{}", status.message));
    }
    if let Some(found) = init_word(object) {
        return found;
    }
    let mut found = None;
    for container in status.container_statuses.iter().rev() {
        found = trouble(&container.state).or(found);
    }
    let running = status.container_statuses.iter().any(|container| container.ready && container.state.running.is_some());
    match found {
        Some((word, _)) if word == "Completed" && running => (Clean::from_static(if is(status, "Ready") { "Running" } else { "NotReady" }), Clean::EMPTY),
        Some((word, message)) => (clean!("{word}"), clean!("{}", message.trim())),
        None => phase(status),
    }
}

fn phase(status: &PodStatus) -> (Clean, Clean) {
    let word = if status.phase.is_empty() { "Unknown" } else { &status.phase };
    let unmet = |condition: &&Condition| condition.status == "False" && !condition.message.is_empty();
    let message = status.conditions.iter().find(|condition| condition.kind == "PodScheduled" && unmet(condition));
    let message = message.or_else(|| status.conditions.iter().find(unmet));
    (clean!("{word}"), message.map(|condition| clean!("{}", condition.message)).unwrap_or_default())
}

/// The word for the init container that the pod waits for, if it waits for one.
fn init_word(object: &wire::Pod) -> Option<(Clean, Clean)> {
    let (spec, status) = (&object.spec, &object.status);
    for (index, container) in status.init_container_statuses.iter().enumerate() {
        let sidecar = spec.init_containers.iter().any(|wanted| wanted.name == container.name && wanted.restart_policy == "Always");
        let done = container.state.terminated.as_ref().is_some_and(|ended| ended.exit_code == 0) || (sidecar && container.started);
        if done {
            continue;
        }
        return match trouble(&container.state) {
            Some((word, message)) if word != "PodInitializing" => Some((clean!("Init:{word}"), clean!("{}", message.trim()))),
            _ => Some((clean!("Init:{index}/{}", spec.init_containers.len()), Clean::EMPTY)),
        };
    }
    None
}

fn trouble(state: &State) -> Option<(String, &str)> {
    if let Some(waiting) = state.waiting.as_ref().filter(|waiting| !waiting.reason.is_empty()) {
        return Some((waiting.reason.clone(), &waiting.message));
    }
    let ended = state.terminated.as_ref()?;
    let word = match (ended.reason.as_str(), ended.signal, ended.exit_code) {
        ("", 0, code) => format!("ExitCode:{code}"),
        ("", signal, _) => format!("Signal:{signal}"),
        (reason, _, _) => reason.to_owned(),
    };
    Some((word, &ended.message))
}

/// How ill a pod is; the worst is the greatest. For lists that show the worst first.
pub fn rank(pod: &Pod) -> u8 {
    let crashed = pod.containers.iter().any(|container| matches!(&container.state, ContainerState::Ended { code, .. } if *code != 0));
    let waits = pod
        .containers
        .iter()
        .any(|container| matches!(&container.state, ContainerState::Waiting { reason, .. } if !matches!(&**reason, "ContainerCreating" | "PodInitializing")));
    match pod {
        pod if pod.leaving => 1,
        pod if pod.ready => 0,
        _ if crashed || waits => 5,
        pod if &*pod.reason == "Pending" => 4,
        pod if &*pod.reason == "Completed" || &*pod.reason == "Succeeded" => 0,
        _ => 3,
    }
}

/// A node, as a row.
pub fn node(source: &SourceId, object: &wire::Node) -> Node {
    let meta = object.meta();
    let name = meta.name.as_deref().unwrap_or_default();
    let ready = object.status.conditions.iter().find(|condition| condition.kind == "Ready");
    let well = ready.is_some_and(|ready| ready.status == "True");
    let pressed = object.status.conditions.iter().find(|condition| condition.kind.ends_with("Pressure") && condition.status == "True");
    let reason = match (well, ready, pressed) {
        (_, _, Some(pressed)) => clean!("{}", pressed.kind),
        (false, Some(ready), None) => clean!("{}: {}", ready.reason, ready.message),
        (false, None, None) => Clean::from_static("its kubelet never reported"),
        (true, _, None) => Clean::EMPTY,
    };
    Node {
        id: Id::new(source, &format!("nodes/{name}")),
        place: Place::new(source.instance(), ""),
        name: Name::new(name),
        ready: well,
        cordoned: object.spec.unschedulable,
        reason,
        since: ready.and_then(|ready| ready.last_transition_time),
        labels: Labels::new(meta.labels.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()))),
        created: meta.creation_timestamp.as_ref().map(|time| time.0),
    }
}
