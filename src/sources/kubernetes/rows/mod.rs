//! From the wire to the nouns.

mod event;
mod pod;
mod workload;

pub use event::{happening, when};
pub use pod::{Common, node, pod, rank};
pub use workload::{hash, number, owner, progress, replicas, revision_id, revision_of_controller, revision_of_replica_set, rollout, template_images, workload};

use crate::domain::{Id, Kind, Pod, SourceId, Workload};

/// The kinds of workloads that this source shows, with their words in ids and paths.
pub const KINDS: [(Kind, &str, &str); 4] = [
    (Kind::Deployment, "Deployment", "deployments"),
    (Kind::StatefulSet, "StatefulSet", "statefulsets"),
    (Kind::DaemonSet, "DaemonSet", "daemonsets"),
    (Kind::Rollout, "Rollout", "rollouts"),
];

/// Where an object is, read back from the identity of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The plural: `deployments`, `pods`.
    pub plural: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Address {
    /// The address in the identity of any row of this source that has a path for a key.
    pub fn of<T>(id: &Id<T>) -> Option<Self> {
        let mut parts = id.key().splitn(3, '/');
        let (plural, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { plural: plural.into(), namespace: namespace.into(), name: name.into() })
    }

    /// Its path in the API.
    pub fn path(&self) -> String {
        let api = match self.plural.as_str() {
            "pods" => "/api/v1",
            "rollouts" => "/apis/argoproj.io/v1alpha1",
            _ => "/apis/apps/v1",
        };
        format!("{api}/namespaces/{}/{}/{}", self.namespace, self.plural, self.name)
    }

    /// `deployments.apps`.
    pub fn resource(&self) -> String {
        let group = self.group();
        if group.is_empty() { self.plural.clone() } else { format!("{}.{group}", self.plural) }
    }

    /// Its group; empty for the core.
    pub fn group(&self) -> &'static str {
        match self.plural.as_str() {
            "pods" => "",
            "rollouts" => "argoproj.io",
            _ => "apps",
        }
    }

    /// The kind of workload.
    pub fn kind(&self) -> Option<Kind> {
        KINDS.iter().find(|(_, _, plural)| *plural == self.plural).map(|(kind, _, _)| *kind)
    }
}

/// The identity of a workload.
pub fn workload_id(source: &SourceId, plural: &str, namespace: &str, name: &str) -> Id<Workload> {
    Id::new(source, &format!("{plural}/{namespace}/{name}"))
}

/// The identity of a pod.
pub fn pod_id(source: &SourceId, namespace: &str, name: &str) -> Id<Pod> {
    Id::new(source, &format!("pods/{namespace}/{name}"))
}

#[cfg(test)]
mod tests;
