//! What two revisions of a release differ in, by object: told leaf by leaf, secrets masked, and what would be deleted.

use super::{
    Through,
    manifest::{Key, Object},
    record::Record,
};
use crate::{
    clean,
    domain::{Outline, Part},
    sources::{
        kubernetes::outline,
        spec::{Leaves, canonical, mask, shown},
    },
    text::Clean,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Labels that change with every release and say nothing.
const NOISE: &[&str] = &["helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "chart"];
/// A longer text is told by its size.
const LONG: usize = 200;

/// The objects that are not the same in all revisions: only these are told leaf by leaf.
pub fn differing(records: &[Record]) -> BTreeSet<Key> {
    let mut first: BTreeMap<&Key, String> = BTreeMap::new();
    let mut differing = BTreeSet::new();
    for object in records.iter().flat_map(|record| &record.objects) {
        let text = canonical(&object.body);
        if *first.entry(&object.key).or_insert_with(|| text.clone()) != text {
            differing.insert(object.key.clone());
        }
    }
    differing
}

impl Through {
    /// A revision leaf by leaf. `template` stands in for the workload's own, `status` for what the release will be.
    pub(super) fn tell(&self, record: &Record, template: Option<&Value>, status: &str) -> Outline {
        let (own, mut leaves) = (self.key(), Leaves::default());
        for object in &record.objects {
            let name = self.name(&object.key);
            leaves.leaf(Part::Objects, &name, presence(object));
            if object.key == own {
                leaves.under("", outline::outline(template.or(object.template()).unwrap_or(&Value::Null)));
                body(&mut leaves, &name, object);
            } else if self.differing.contains(&object.key) {
                leaves.under(&format!("{name}: "), object.template().map(outline::outline).unwrap_or_default());
                body(&mut leaves, &name, object);
            }
        }
        leaves.leaf(Part::Other, "release: status", Clean::from_untrusted(status));
        leaves.outline()
    }

    /// How an object is called here.
    pub(super) fn name(&self, key: &Key) -> String {
        if key.namespace == self.namespace.raw() { format!("{}/{}", key.kind, key.name) } else { format!("{}/{}/{}", key.kind, key.namespace, key.name) }
    }

    /// The objects that Helm deletes on the way to a revision: what the newest has and that one has not.
    pub(super) fn deleted(&self, target: &Record) -> Vec<&Object> {
        let kept: BTreeSet<&Key> = target.objects.iter().map(|object| &object.key).collect();
        self.newest().objects.iter().filter(|object| !kept.contains(&object.key)).collect()
    }

    /// The other objects that it brings or changes.
    pub(super) fn changed<'a>(&self, target: &'a Record) -> Vec<&'a Object> {
        let (own, before) = (self.key(), &self.newest().objects);
        let same = |object: &Object| before.iter().any(|old| old.key == object.key && meaning(&old.body) == meaning(&object.body));
        target.objects.iter().filter(|object| object.key != own && !same(object)).collect()
    }
}

/// An object without the labels that every release changes.
fn meaning(body: &Value) -> String {
    let mut body = body.clone();
    for pointer in ["/metadata/labels", "/spec/template/metadata/labels"] {
        if let Some(labels) = body.pointer_mut(pointer).and_then(Value::as_object_mut) {
            labels.retain(|key, _| !NOISE.contains(&key.as_str()));
        }
    }
    canonical(&body)
}

fn presence(object: &Object) -> Clean {
    match (object.kept(), object.takes_along()) {
        (true, _) => Clean::from_static("stays where it is (resource-policy: keep)"),
        (false, Some(more)) => clean!("whole object, and with it {more}"),
        (false, None) => Clean::from_static("whole object"),
    }
}

/// All of an object but its name, its pod template and what says nothing.
fn body(leaves: &mut Leaves, name: &str, object: &Object) {
    for (key, value) in object.body.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" | "status" => {}
            "metadata" => metadata(leaves, name, value),
            "data" | "stringData" | "binaryData" => data(leaves, name, value, object.key.kind == "Secret"),
            "spec" if object.template().is_some() => {
                for (key, value) in value.as_object().into_iter().flatten().filter(|(key, _)| *key != "template") {
                    leaves.flat(Part::Other, &format!("{name}: spec.{key}"), value);
                }
            }
            _ => leaves.flat(Part::Other, &format!("{name}: {key}"), value),
        }
    }
}

fn metadata(leaves: &mut Leaves, name: &str, metadata: &Value) {
    for section in ["labels", "annotations"] {
        for (key, value) in metadata.get(section).and_then(Value::as_object).into_iter().flatten() {
            if !NOISE.contains(&key.as_str()) {
                leaves.leaf(Part::Other, &format!("{name}: {section}.{key}"), shown(key, value.as_str().unwrap_or_default()));
            }
        }
    }
}

/// What a ConfigMap or Secret holds. Nothing of a Secret is shown, whatever it is called.
fn data(leaves: &mut Leaves, name: &str, data: &Value, secret: bool) {
    for (key, value) in data.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let lines = text.lines().count();
        let value = match text.as_str() {
            text if secret => mask(text),
            text if lines > 1 || text.len() > LONG => clean!("{lines} lines, {} bytes {}", text.len(), mask(text)),
            text => shown(key, text),
        };
        leaves.leaf(Part::Other, &format!("{name}: {key}"), value);
    }
}
