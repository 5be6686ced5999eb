//! What the revision needs: its images and the objects that it names.

use crate::{
    clean,
    domain::{CheckKind, Finding},
    sources::{
        SourceError,
        kubernetes::{
            client::Call,
            prepare::Ground,
            wire::{List, core::NodeImage, or_default},
        },
        registry::{self, Held},
    },
    text::Clean,
};
use futures::future::join_all;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Node {
    #[serde(deserialize_with = "or_default")]
    metadata: super::Meta,
    #[serde(deserialize_with = "or_default")]
    status: Images,
}
super::shape!(Node, "Node", "", "nodes");

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Images {
    #[serde(deserialize_with = "or_default")]
    images: Vec<NodeImage>,
}

/// A reference as container runtimes list it: with the registry that is meant where none is named, and with the tag that is meant.
pub fn whole(reference: &str) -> String {
    let first = reference.split('/').next().unwrap_or_default();
    let registry = reference.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let named = match (registry, reference.contains('/')) {
        (true, _) => reference.to_owned(),
        (false, true) => format!("docker.io/{reference}"),
        (false, false) => format!("docker.io/library/{reference}"),
    };
    let last = named.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) { named } else { format!("{named}:latest") }
}

fn wanted(template: &Value) -> Vec<(String, bool)> {
    let lists = ["initContainers", "containers"].into_iter().filter_map(|list| template.pointer(&format!("/spec/{list}")).and_then(Value::as_array));
    let images = lists.flatten().filter_map(|container| {
        let never = container.get("imagePullPolicy").and_then(Value::as_str) == Some("Never");
        Some((container.get("image")?.as_str()?.to_owned(), never))
    });
    images.collect()
}

/// A kubelet tells of its largest images only, so many where nobody has set `nodeStatusMaxImages`.
const TOLD: usize = 50;

/// On how many nodes an image is, by what they tell; none where one of them may have it and not tell.
pub fn nodes_with(nodes: &[Vec<NodeImage>], reference: &str) -> Option<usize> {
    let name = whole(reference);
    let digest = reference.split_once('@').map(|(_, digest)| digest);
    let same = |known: &String| whole(known) == name || digest.is_some_and(|digest| known.ends_with(digest));
    let count = nodes.iter().filter(|images| images.iter().flat_map(|image| &image.names).any(same)).count();
    (count > 0 || nodes.iter().all(|images| images.len() < TOLD)).then_some(count)
}

/// Whether a node has the image still.
pub async fn image(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Image;
    if let Some(target) = ground.target()
        && target.lean.status.available_replicas > 0
    {
        return made.ok(clean!("{} of its pods run now", target.lean.status.available_replicas));
    }
    let nodes = match ground.cluster.get::<List<Node>>(&Call::list("nodes", None, "/api/v1/nodes".into())).await {
        Ok(nodes) => nodes.whole().map(|node| node.status.images).collect::<Vec<_>>(),
        Err(error) => return made.failed(&error),
    };
    let asked = wanted(&ground.template());
    let (mut told, mut worst) = (Vec::new(), None::<Finding>);
    for found in join_all(asked.iter().map(|(reference, never)| one_image(&nodes, reference, *never))).await {
        match found {
            Ok(words) => told.push(words.to_string()),
            Err(finding) if worst.as_ref().is_none_or(|worst| worst.outcome < finding.outcome) => worst = Some(finding),
            Err(_) => {}
        }
    }
    worst.unwrap_or_else(|| made.ok(clean!("{}", told.join(", "))))
}

/// What is known of one image: that it can be had, or what is in the way.
async fn one_image(nodes: &[Vec<NodeImage>], reference: &str, never: bool) -> Result<Clean, Finding> {
    let kind = CheckKind::Image;
    let with = nodes_with(nodes, reference);
    match with {
        Some(0) if never => Err(kind.block(
            clean!("{reference} is on no node and may not be pulled (imagePullPolicy: Never)"),
            Some(Clean::from_static("load the image on the nodes again, or go to another revision")),
        )),
        None if never => Err(kind.unknown(clean!("{reference} is not among the images that nodes tell of, and may not be pulled"))),
        Some(0) | None => from_registry(reference, with.is_some()).await,
        Some(some) => {
            let there = clean!("{reference} is on {some} of {} nodes", nodes.len());
            // What may not be pulled is whatever the nodes have.
            let moved = if never { None } else { moved(nodes, reference).await };
            match moved {
                Some(now) => Err(kind.warn(
                    clean!("{there}, but its tag names another image in the registry now ({now}): a pod that has to pull it gets that one"),
                    Some(Clean::from_static("name the image by its digest")),
                )),
                None => Ok(there),
            }
        }
    }
}

/// An image that no node tells of: whether its registry has it. `everywhere`: the nodes tell of all that they have.
async fn from_registry(reference: &str, everywhere: bool) -> Result<Clean, Finding> {
    let kind = CheckKind::Image;
    let seen = if everywhere { "is on no node" } else { "is not among the images that nodes tell of" };
    let by_hand = || Some(clean!("docker manifest inspect {reference}"));
    match registry::held(reference).await {
        Ok(Held::There(digest)) => {
            let digest = digest.map(|digest| format!(", digest {}", registry::short(&digest))).unwrap_or_default();
            Ok(clean!("{reference} {seen}, and its registry has it{digest}"))
        }
        Ok(Held::Gone) if everywhere => Err(kind.block(
            clean!("{reference} {seen}, and its registry does not have it any more: no pod could start"),
            Some(Clean::from_static("push the image again, or go to another revision")),
        )),
        Ok(Held::Gone) => Err(kind.warn(clean!("{reference} {seen}, and its registry does not have it any more"), by_hand())),
        Ok(Held::Closed) => Err(kind.unknown(clean!("{reference} {seen}, and its registry tells only those whom it knows"))),
        Err(error) => Err(kind.unknown(clean!("{reference} {seen}, and its registry could not be asked: {error}"))),
    }
}

/// The digest that a tag names in the registry now, where that is none of those that the nodes have under it.
async fn moved(nodes: &[Vec<NodeImage>], reference: &str) -> Option<Clean> {
    if reference.contains('@') {
        return None;
    }
    let Ok(Held::There(Some(now))) = registry::held(reference).await else { return None };
    let known = digests(nodes, reference);
    if known.is_empty() || known.iter().any(|digest| *digest == now) {
        return None;
    }
    for digest in &known {
        if registry::holds(reference, digest).await != Ok(false) {
            return None;
        }
    }
    Some(registry::short(&now))
}

/// The digests under which nodes know an image that they also know by this tag.
fn digests<'a>(nodes: &'a [Vec<NodeImage>], reference: &str) -> Vec<&'a str> {
    let name = whole(reference);
    let tagged = nodes.iter().flatten().filter(|image| image.names.iter().any(|known| whole(known) == name));
    tagged.flat_map(|image| &image.names).filter_map(|known| known.split_once('@').map(|(_, digest)| digest)).collect()
}

/// An object that a template names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// `configmaps`, `secrets`, …
    pub plural: &'static str,
    /// Its name.
    pub name: String,
}

/// What a template names, with the keys that it needs of each. What is optional is left out.
pub fn named(template: &Value) -> BTreeMap<Named, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    let spec = template.get("spec").unwrap_or(&Value::Null);
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    for container in list(spec, "initContainers").iter().chain(&list(spec, "containers")) {
        for variable in list(container, "env") {
            add(&mut all, "configmaps", variable.pointer("/valueFrom/configMapKeyRef"), "name");
            add(&mut all, "secrets", variable.pointer("/valueFrom/secretKeyRef"), "name");
        }
        for from in list(container, "envFrom") {
            add(&mut all, "configmaps", from.get("configMapRef"), "name");
            add(&mut all, "secrets", from.get("secretRef"), "name");
        }
    }
    for volume in list(spec, "volumes") {
        add(&mut all, "configmaps", volume.get("configMap"), "name");
        add(&mut all, "secrets", volume.get("secret"), "secretName");
        add(&mut all, "persistentvolumeclaims", volume.get("persistentVolumeClaim"), "claimName");
        for source in volume.get("projected").map(|projected| list(projected, "sources")).unwrap_or_default() {
            add(&mut all, "configmaps", source.get("configMap"), "name");
            add(&mut all, "secrets", source.get("secret"), "name");
        }
    }
    for secret in list(spec, "imagePullSecrets") {
        add(&mut all, "secrets", Some(&secret), "name");
    }
    add(&mut all, "serviceaccounts", Some(spec), "serviceAccountName");
    add(&mut all, "priorityclasses", Some(spec), "priorityClassName");
    all
}

fn add(all: &mut BTreeMap<Named, BTreeSet<String>>, plural: &'static str, reference: Option<&Value>, key: &str) {
    let Some(reference) = reference else { return };
    let Some(name) = reference.get(key).and_then(Value::as_str).filter(|name| !name.is_empty()) else { return };
    if reference.get("optional").and_then(Value::as_bool) == Some(true) {
        return;
    }
    let keys = all.entry(Named { plural, name: name.to_owned() }).or_default();
    if matches!(plural, "configmaps" | "secrets") {
        keys.extend(reference.get("key").and_then(Value::as_str).map(str::to_owned));
        let items = reference.get("items").and_then(Value::as_array).into_iter().flatten();
        keys.extend(items.filter_map(|item| item.get("key")?.as_str().map(str::to_owned)));
    }
}

/// Only the names of the keys: values of secrets are not even decoded.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Keys {
    #[serde(deserialize_with = "or_default")]
    data: BTreeMap<String, IgnoredAny>,
    #[serde(deserialize_with = "or_default")]
    binary_data: BTreeMap<String, IgnoredAny>,
}

/// Whether what the revision names is still there.
pub async fn references(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::References;
    let mut wanted = named(&ground.template());
    wanted.retain(|named, _| !ground.brings(named.plural, &named.name));
    if wanted.is_empty() {
        return made.ok("it names no ConfigMap, Secret, volume or account");
    }
    let total = wanted.len();
    let looked = join_all(wanted.into_iter().map(|(named, keys)| look(&ground, named, keys))).await;
    let missing: Vec<_> = looked.iter().filter_map(|found| found.as_ref().ok().and_then(Option::as_deref)).collect();
    let unknown: Vec<_> = looked.iter().filter_map(|found| found.as_ref().err()).collect();
    match (missing.is_empty(), unknown.first()) {
        (false, _) => made
            .block(clean!("its pods could not start: {}", missing.join(", ")), Some(Clean::from_static("bring them back first, or choose another revision"))),
        (true, Some(error)) => made.unknown(clean!("{} of {total} things that it names can not be looked at: {error}", unknown.len())),
        (true, None) => made.ok(clean!("all {total} things that it names are there")),
    }
}

/// What is missing of one thing; none when nothing is.
async fn look(ground: &Ground, wanted: Named, keys: BTreeSet<String>) -> Result<Option<String>, SourceError> {
    let Named { plural, name } = wanted;
    let namespace = ground.namespace();
    let singular = plural.trim_end_matches("es").trim_end_matches('s');
    let (resource, place, path) = match plural {
        "priorityclasses" => ("priorityclasses.scheduling.k8s.io", None, format!("/apis/scheduling.k8s.io/v1/priorityclasses/{name}")),
        _ => (plural, Some(namespace), format!("/api/v1/namespaces/{namespace}/{plural}/{name}")),
    };
    let Some(found) = ground.cluster.find::<Keys>(&Call::get(resource, place, path)).await? else {
        return Ok(Some(format!("there is no {singular} {name}")));
    };
    let absent = keys.iter().find(|key| !found.data.contains_key(*key) && !found.binary_data.contains_key(*key));
    Ok(absent.map(|key| format!("the {singular} {name} has no key {key}")))
}
