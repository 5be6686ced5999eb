//! Deployments, StatefulSets, DaemonSets and the objects that remember their revisions.

use super::{Authored, Meta, count, generation, or_default, shape};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A container of a template.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its image.
    #[serde(deserialize_with = "or_default")]
    pub image: String,
    /// `Always` makes an init container a sidecar.
    #[serde(deserialize_with = "or_default")]
    pub restart_policy: String,
}

/// The part of a pod's specification that is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    /// Its containers.
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<Container>,
    /// Its init containers.
    #[serde(deserialize_with = "or_default")]
    pub init_containers: Vec<Container>,
    /// The node it stands on.
    #[serde(deserialize_with = "or_default")]
    pub node_name: String,
}

/// A pod template.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Its labels matter: some carry the version only there.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta,
    /// What a pod of it is.
    #[serde(deserialize_with = "or_default")]
    pub spec: PodSpec,
}

/// One term of a selector.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Term {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: String,
    /// The values.
    #[serde(deserialize_with = "or_default")]
    pub values: Vec<String>,
}

/// By which labels a controller knows its pods.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Selector {
    /// Labels that must have these values.
    #[serde(deserialize_with = "or_default")]
    pub match_labels: BTreeMap<String, String>,
    /// Other terms.
    #[serde(deserialize_with = "or_default")]
    pub match_expressions: Vec<Term>,
}

impl Selector {
    /// As a request has it.
    pub fn text(&self) -> String {
        let equal = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let terms = self.match_expressions.iter().filter_map(|term| {
            let (key, values) = (&term.key, term.values.join(","));
            Some(match term.operator.as_str() {
                "In" => format!("{key} in ({values})"),
                "NotIn" => format!("{key} notin ({values})"),
                "Exists" => key.clone(),
                "DoesNotExist" => format!("!{key}"),
                _ => return None,
            })
        });
        equal.chain(terms).collect::<Vec<_>>().join(",")
    }
}

/// A condition of a controller.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// Its type.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// `True`, `False`, `Unknown`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    /// One word.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// A sentence.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// When the status last changed.
    #[serde(deserialize_with = "super::time")]
    pub last_transition_time: Option<jiff::Timestamp>,
    /// When it was last written.
    #[serde(deserialize_with = "super::time")]
    pub last_update_time: Option<jiff::Timestamp>,
}

/// How pods are replaced.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Strategy {
    /// `RollingUpdate`, `Recreate`, `OnDelete`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Its settings.
    #[serde(deserialize_with = "or_default")]
    pub rolling_update: Rolling,
}

/// The settings of a rolling update.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rolling {
    /// Ordinals below it are left alone.
    #[serde(deserialize_with = "count")]
    pub partition: u32,
}

/// How the pods of a StatefulSet are counted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ordinals {
    /// The first.
    #[serde(deserialize_with = "count")]
    pub start: u32,
}

/// What all kinds of workloads want.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    /// How many; missing means one.
    pub replicas: Option<u32>,
    /// Whether it is paused.
    #[serde(deserialize_with = "or_default")]
    pub paused: bool,
    /// Its pods.
    #[serde(deserialize_with = "or_default")]
    pub selector: Selector,
    /// What its pods are.
    #[serde(deserialize_with = "or_default")]
    pub template: Template,
    /// How a Deployment replaces pods.
    #[serde(deserialize_with = "or_default")]
    pub strategy: Strategy,
    /// How the other two do.
    #[serde(deserialize_with = "or_default")]
    pub update_strategy: Strategy,
    /// StatefulSet: `OrderedReady` or `Parallel`.
    #[serde(deserialize_with = "or_default")]
    pub pod_management_policy: String,
    /// StatefulSet: from where its pods are counted.
    #[serde(deserialize_with = "or_default")]
    pub ordinals: Ordinals,
}

/// What their controllers say. A zero is left out on the wire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// The generation that the controller has seen.
    #[serde(deserialize_with = "generation")]
    pub observed_generation: i64,
    /// Pods that exist.
    #[serde(deserialize_with = "count")]
    pub replicas: u32,
    /// Pods of the newest specification.
    #[serde(deserialize_with = "count")]
    pub updated_replicas: u32,
    /// Pods that are ready.
    #[serde(deserialize_with = "count")]
    pub ready_replicas: u32,
    /// Pods that have been ready for long enough.
    #[serde(deserialize_with = "count")]
    pub available_replicas: u32,
    /// StatefulSet: the revision before.
    #[serde(deserialize_with = "or_default")]
    pub current_revision: String,
    /// StatefulSet: the newest revision.
    #[serde(deserialize_with = "or_default")]
    pub update_revision: String,
    /// DaemonSet: nodes that should run one.
    #[serde(deserialize_with = "count")]
    pub desired_number_scheduled: u32,
    /// DaemonSet: nodes that run one.
    #[serde(deserialize_with = "count")]
    pub current_number_scheduled: u32,
    /// DaemonSet: nodes that run the newest.
    #[serde(deserialize_with = "count")]
    pub updated_number_scheduled: u32,
    /// DaemonSet: ready ones.
    #[serde(deserialize_with = "count")]
    pub number_ready: u32,
    /// DaemonSet: available ones.
    #[serde(deserialize_with = "count")]
    pub number_available: u32,
    /// What the controller says.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
    /// Rollout: by which labels it knows its pods, where only the workload that it refers to says so.
    #[serde(deserialize_with = "or_default")]
    pub selector: String,
}

/// The labels by which a workload knows its pods, as a request has them.
pub fn selector(spec: &Spec, status: &Status) -> String {
    let own = spec.selector.text();
    if !own.is_empty() {
        return own;
    }
    // That of a blue-green Rollout names the active revision too.
    let terms = status.selector.split(',').filter(|term| !term.starts_with("rollouts-pod-template-hash"));
    terms.collect::<Vec<_>>().join(",")
}

macro_rules! workload {
    ($name:ident, $meta:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default)]
        pub struct $name {
            /// Who it is.
            #[serde(deserialize_with = "or_default")]
            pub metadata: $meta,
            /// What is wanted.
            #[serde(deserialize_with = "or_default")]
            pub spec: Spec,
            /// What there is.
            #[serde(deserialize_with = "or_default")]
            pub status: Status,
        }
    };
}
workload!(Deployment, Authored, "A Deployment.");
workload!(StatefulSet, Authored, "A StatefulSet.");
workload!(DaemonSet, Authored, "A DaemonSet.");
workload!(ReplicaSet, Meta, "A ReplicaSet: the memory of a Deployment's revision.");
shape!(Deployment, "Deployment", "apps", "deployments");
shape!(StatefulSet, "StatefulSet", "apps", "statefulsets");
shape!(DaemonSet, "DaemonSet", "apps", "daemonsets");
shape!(ReplicaSet, "ReplicaSet", "apps", "replicasets");

/// A ControllerRevision: the memory of the other two.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ControllerRevision {
    /// Who it is.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta,
    /// Its number.
    #[serde(deserialize_with = "or_default")]
    pub revision: i64,
    /// The patch that brings it back.
    #[serde(deserialize_with = "or_default")]
    pub data: Data,
}

/// As much of a ControllerRevision's patch as rows need.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Data {
    /// What it replaces.
    #[serde(deserialize_with = "or_default")]
    pub spec: Patched,
}

/// The part of a specification that a ControllerRevision replaces.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Patched {
    /// The template.
    #[serde(deserialize_with = "or_default")]
    pub template: Template,
}
shape!(ControllerRevision, "ControllerRevision", "apps", "controllerrevisions");
