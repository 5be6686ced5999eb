//! Metadata without what nobody reads: last-applied copies, most annotations and labels, and managed fields but for who wrote a template.

use super::or_default;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use kube::core::ObjectMeta;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

/// Metadata, as far as they are kept.
#[derive(Clone, Debug, Default)]
pub struct Meta(pub ObjectMeta);

/// The same of an object with a pod template, and when that was last written.
#[derive(Clone, Debug, Default)]
pub struct Authored(pub ObjectMeta, Option<jiff::Timestamp>);

impl Meta {
    /// When the template was written: these objects do not say.
    pub const fn written(&self) -> Option<jiff::Timestamp> {
        None
    }
}

impl Authored {
    /// When the template was last written, as far as the managed fields tell. A writer that owns other fields too moves it with those.
    pub const fn written(&self) -> Option<jiff::Timestamp> {
        self.1
    }
}

const ANNOTATIONS: &[&str] = &[
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "rollout.argoproj.io/revision",
    "rollout.argoproj.io/revision-history",
    "rollout.argoproj.io/desired-replicas",
    "rollout.argoproj.io/workload-generation",
    "scale-down-deadline",
    "kubernetes.io/change-cause",
    "kubectl.kubernetes.io/default-container",
];
const ANNOTATION_STARTS: &[&str] = &["meta.helm.sh/", "argocd.argoproj.io/tracking-id", "pilothouse.dev/", "pipelinesascode.tekton.dev/"];
const LABELS: &[&str] = &[
    "app",
    "name",
    "service",
    "version",
    "component",
    "tier",
    "team",
    "env",
    "environment",
    "part-of",
    "k8s-app",
    "release",
    "pod-template-hash",
    "controller-revision-hash",
    "rollouts-pod-template-hash",
    "argocd.argoproj.io/instance",
    "karpenter.sh/nodepool",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "kubernetes.azure.com/agentpool",
    "node.kubernetes.io/instance-type",
];
const LABEL_STARTS: &[&str] = &[
    "app.kubernetes.io/",
    "helm.toolkit.fluxcd.io/",
    "kustomize.toolkit.fluxcd.io/",
    "topology.kubernetes.io/",
    "node-role.kubernetes.io/",
    "tekton.dev/",
    "pipelinesascode.tekton.dev/",
];

/// Which keys of a map are kept.
trait Keep {
    fn keeps(key: &str) -> bool;
}

#[derive(Default)]
struct Labels;
impl Keep for Labels {
    fn keeps(key: &str) -> bool {
        LABELS.contains(&key) || LABEL_STARTS.iter().any(|start| key.starts_with(start))
    }
}

#[derive(Default)]
struct Annotations;
impl Keep for Annotations {
    fn keeps(key: &str) -> bool {
        ANNOTATIONS.contains(&key) || ANNOTATION_STARTS.iter().any(|start| key.starts_with(start))
    }
}

#[derive(Default)]
struct Kept<K>(BTreeMap<String, String>, PhantomData<K>);

impl<'de, K: Keep> Deserialize<'de> for Kept<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<K>(PhantomData<K>);
        impl<'de, K: Keep> Visitor<'de> for Pairs<K> {
            type Value = Kept<K>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels or annotations")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut kept = BTreeMap::new();
                while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                    if K::keeps(&key) {
                        kept.insert(key.into_owned(), map.next_value::<Option<String>>()?.unwrap_or_default());
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Kept(kept, PhantomData))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reference {
    #[serde(deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    uid: String,
    #[serde(rename = "apiVersion", deserialize_with = "or_default")]
    api_version: String,
    controller: Option<bool>,
}

/// One entry of the managed fields: only whether it owns the template is read of what it owns.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Managed {
    #[serde(deserialize_with = "super::time")]
    time: Option<jiff::Timestamp>,
    #[serde(rename = "fieldsV1", deserialize_with = "or_default")]
    fields: Fields,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fields {
    #[serde(rename = "f:spec", deserialize_with = "or_default")]
    spec: SpecFields,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpecFields {
    #[serde(rename = "f:template")]
    template: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase", bound = "M: Deserialize<'de> + Default")]
struct Wire<M> {
    name: Option<String>,
    generate_name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    #[serde(deserialize_with = "super::time")]
    creation_timestamp: Option<jiff::Timestamp>,
    #[serde(deserialize_with = "super::time")]
    deletion_timestamp: Option<jiff::Timestamp>,
    #[serde(deserialize_with = "or_default")]
    labels: Kept<Labels>,
    #[serde(deserialize_with = "or_default")]
    annotations: Kept<Annotations>,
    #[serde(deserialize_with = "or_default")]
    owner_references: Vec<Reference>,
    #[serde(deserialize_with = "or_default")]
    managed_fields: M,
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::<IgnoredAny>::deserialize(deserializer).map(|wire| Self(wire.into()))
    }
}

impl<'de> Deserialize<'de> for Authored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::<Vec<Managed>>::deserialize(deserializer)?;
        let written = wire.managed_fields.iter().filter(|entry| entry.fields.spec.template.is_some()).filter_map(|entry| entry.time).max();
        Ok(Self(wire.into(), written))
    }
}

impl<M> From<Wire<M>> for ObjectMeta {
    fn from(wire: Wire<M>) -> Self {
        let owners: Vec<_> = wire.owner_references.into_iter().map(OwnerReference::from).collect();
        Self {
            name: wire.name,
            generate_name: wire.generate_name,
            namespace: wire.namespace,
            uid: wire.uid,
            resource_version: wire.resource_version,
            generation: wire.generation,
            creation_timestamp: wire.creation_timestamp.map(Time),
            deletion_timestamp: wire.deletion_timestamp.map(Time),
            labels: Some(wire.labels.0).filter(|map| !map.is_empty()),
            annotations: Some(wire.annotations.0).filter(|map| !map.is_empty()),
            owner_references: Some(owners).filter(|list| !list.is_empty()),
            ..Self::default()
        }
    }
}

impl From<Reference> for OwnerReference {
    fn from(wire: Reference) -> Self {
        Self { api_version: wire.api_version, kind: wire.kind, name: wire.name, uid: wire.uid, controller: wire.controller, block_owner_deletion: None }
    }
}

/// The owner that controls an object.
pub fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.as_ref()?.iter().find(|owner| owner.controller == Some(true))
}

/// The value of a label that is kept.
pub fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

/// The value of an annotation that is kept.
pub fn note<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}
