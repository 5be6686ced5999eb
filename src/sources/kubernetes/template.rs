//! Templates: how two are compared, and the one patch that takes a workload back.
//!
//! The patch is what `kubectl rollout undo` sends (kubectl pkg/polymorphichelpers/rollback.go) with two things more: the version of the
//! read just made, so that it can not happen twice nor over somebody else's change, and our own two annotations.

use crate::{domain::Kind, sources::spec::canonical};
use serde_json::{Map, Value, json};

/// The label that the Deployment controller adds to the template it keeps in a ReplicaSet.
const HASH_LABELS: [&str; 2] = ["pod-template-hash", "rollouts-pod-template-hash"];
/// Where the controller of Rollouts says what it added to the template of a ReplicaSet for as long as that is canary or stable.
const EPHEMERAL: &str = "/metadata/annotations/rollout.argoproj.io~1ephemeral-metadata";
/// Marks the object with the operation that changed it last.
pub const OPERATION: &str = "pilothouse.dev/operation";
/// Says what it was rolled back from: JSON with `template`, `revision`, `at`.
pub const ROLLED_BACK_FROM: &str = "pilothouse.dev/rolled-back-from";
/// What `kubectl apply` compares with.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Where `kubectl rollout restart` leaves its mark.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";
/// Annotations that stay with the Deployment and are never taken from a ReplicaSet (kubectl's annotationsToSkip).
const STAY: &[&str] = &[
    LAST_APPLIED,
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// `spec.template` of an object without what its controller added.
pub fn bare(object: &Value) -> Value {
    let mut template = object.pointer("/spec/template").cloned().unwrap_or(Value::Null);
    let added: Value = object.pointer(EPHEMERAL).and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for part in ["labels", "annotations"] {
        let Some(all) = template.pointer_mut(&format!("/metadata/{part}")).and_then(Value::as_object_mut) else { continue };
        let added = added.get(part).and_then(Value::as_object);
        all.retain(|key, _| !HASH_LABELS.contains(&key.as_str()) && !added.is_some_and(|added| added.contains_key(key)));
    }
    template
}

/// Whether two objects have the same template.
pub fn same(a: &Value, b: &Value) -> bool {
    canonical(&bare(a)) == canonical(&bare(b))
}

fn annotations(object: &Value) -> Map<String, Value> {
    object.pointer("/metadata/annotations").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// What our annotations will say.
pub struct Marks<'a> {
    /// The operation.
    pub operation: &'a str,
    /// The controller's hash of the template that is left, and its revision, where they are known.
    pub from: Option<(&'a str, u64)>,
    /// Now.
    pub at: jiff::Timestamp,
}

/// The annotations after a rollback: those that stay with the Deployment, all others as the ReplicaSet has them, and ours.
fn annotations_after(deployment: &Value, replica_set: &Value, marks: &Marks<'_>) -> Map<String, Value> {
    let own = [OPERATION, ROLLED_BACK_FROM];
    let mut after: Map<_, _> = annotations(deployment).into_iter().filter(|(key, _)| STAY.contains(&key.as_str())).collect();
    after.extend(annotations(replica_set).into_iter().filter(|(key, _)| !STAY.contains(&key.as_str()) && !own.contains(&key.as_str())));
    with_marks(after, marks)
}

fn with_marks(mut annotations: Map<String, Value>, marks: &Marks<'_>) -> Map<String, Value> {
    annotations.insert(OPERATION.into(), marks.operation.into());
    if let Some((template, revision)) = marks.from {
        let mark = json!({ "template": template, "revision": revision, "at": marks.at.to_string() });
        annotations.insert(ROLLED_BACK_FROM.into(), mark.to_string().into());
    }
    annotations
}

fn versioned(object: &Value, mut operations: Vec<Value>) -> Value {
    let version = object.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null);
    operations.insert(0, json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": version }));
    Value::Array(operations)
}

/// The patch that takes `object`, as it was just read, back to what `kept` remembers. Only those of a Deployment go back with it: kubectl
/// leaves the annotations of the other kinds alone (it sends the ControllerRevision's own patch, which has none).
pub fn rollback(kind: Kind, object: &Value, kept: &Value, marks: &Marks<'_>) -> Value {
    let annotations = if kind == Kind::Deployment { annotations_after(object, kept, marks) } else { with_marks(annotations(object), marks) };
    versioned(
        object,
        vec![
            json!({ "op": "replace", "path": "/spec/template", "value": bare(kept) }),
            // `add` replaces what is there and also works where there were none.
            json!({ "op": "add", "path": "/metadata/annotations", "value": annotations }),
        ],
    )
}

/// The patch that makes `changes` to what leads traffic to a workload, with our marks.
pub fn switch(object: &Value, mut changes: Vec<Value>, marks: &Marks<'_>) -> Value {
    changes.push(json!({ "op": "add", "path": "/metadata/annotations", "value": with_marks(annotations(object), marks) }));
    versioned(object, changes)
}

/// The patch that sets whether a Deployment is paused.
pub fn pause(deployment: &Value, paused: bool, marks: &Marks<'_>) -> Value {
    versioned(deployment, vec![json!({ "op": "add", "path": "/spec/paused", "value": paused }), marked(deployment, marks)])
}

/// The patch that sets how many there are.
pub fn scale(object: &Value, replicas: u32, marks: &Marks<'_>) -> Value {
    versioned(object, vec![json!({ "op": "add", "path": "/spec/replicas", "value": replicas }), marked(object, marks)])
}

/// The patch that replaces all pods, as `kubectl rollout restart` does.
pub fn restart(object: &Value, marks: &Marks<'_>) -> Value {
    let mut notes = object.pointer("/spec/template/metadata/annotations").and_then(Value::as_object).cloned().unwrap_or_default();
    notes.insert(RESTARTED.into(), marks.at.round(jiff::Unit::Second).unwrap_or(marks.at).to_string().into());
    versioned(object, vec![json!({ "op": "add", "path": "/spec/template/metadata/annotations", "value": notes }), marked(object, marks)])
}

fn marked(object: &Value, marks: &Marks<'_>) -> Value {
    let mut all = annotations(object);
    all.insert(OPERATION.into(), marks.operation.into());
    json!({ "op": "add", "path": "/metadata/annotations", "value": all })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Value {
        json!({
            "metadata": { "resourceVersion": "77", "annotations": {
                "deployment.kubernetes.io/revision": "18", "kubernetes.io/change-cause": "v2.8.0", LAST_APPLIED: "{}", "team": "shop", OPERATION: "old-1" } },
            "spec": { "template": { "metadata": { "labels": { "app": "cart" } }, "spec": { "containers": [{ "name": "app", "image": "cart:2.8.0" }] } } }
        })
    }

    fn replica_set() -> Value {
        json!({
            "metadata": { "annotations": { "deployment.kubernetes.io/revision": "16", "deployment.kubernetes.io/desired-replicas": "3",
                "kubernetes.io/change-cause": "v2.7.3", OPERATION: "older-9", ROLLED_BACK_FROM: "{}", "pilothouse.dev/migration": "expand" } },
            "spec": { "template": { "metadata": { "labels": { "app": "cart", "pod-template-hash": "6b9d7f" } }, "spec": { "containers": [{ "name": "app", "image": "cart:2.7.3" }] } } }
        })
    }

    fn marks() -> Marks<'static> {
        Marks { operation: "7f3a-2", from: Some(("5d8c", 18)), at: "2026-01-02T03:04:05Z".parse().expect("a time") }
    }

    #[test]
    fn the_controllers_label_is_no_part_of_a_template() {
        assert_eq!(bare(&replica_set()).pointer("/metadata/labels"), Some(&json!({ "app": "cart" })));
    }

    #[test]
    fn a_rollback_takes_the_annotations_that_kubectl_takes_and_marks_the_object() {
        let patch = rollback(Kind::Deployment, &deployment(), &replica_set(), &marks());
        assert_eq!(patch[0], json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": "77" }));
        assert_eq!((&patch[1]["path"], &patch[1]["op"]), (&json!("/spec/template"), &json!("replace")));
        assert_eq!(patch[1]["value"]["spec"]["containers"][0]["image"], "cart:2.7.3");
        assert_eq!(patch[1]["value"]["metadata"]["labels"], json!({ "app": "cart" }));
        let after = patch[2]["value"].as_object().expect("annotations");
        assert_eq!(after["deployment.kubernetes.io/revision"], "18", "the number stays with the Deployment");
        assert_eq!(after["kubernetes.io/change-cause"], "v2.7.3", "the cause goes back too");
        assert_eq!(after[LAST_APPLIED], "{}");
        assert!(!after.contains_key("deployment.kubernetes.io/desired-replicas") && !after.contains_key("team"));
        assert_eq!(after["pilothouse.dev/migration"], "expand", "somebody else's word is kept");
        assert_eq!(after[OPERATION], "7f3a-2");
        let from: Value = serde_json::from_str(after[ROLLED_BACK_FROM].as_str().expect("text")).expect("JSON");
        assert_eq!(from, json!({ "template": "5d8c", "revision": 18, "at": "2026-01-02T03:04:05Z" }));
        assert_eq!(patch.as_array().map(Vec::len), Some(3), "replicas and strategy are never written");
        let patch = rollback(Kind::StatefulSet, &deployment(), &replica_set(), &marks());
        assert_eq!((&patch[2]["value"]["team"], &patch[2]["value"]["kubernetes.io/change-cause"]), (&json!("shop"), &json!("v2.8.0")));
    }

    #[test]
    fn a_restart_keeps_the_other_annotations_of_the_template() {
        let mut object = deployment();
        object["spec"]["template"]["metadata"]["annotations"] = json!({ "a": "b" });
        let patch = restart(&object, &marks());
        assert_eq!(patch[1]["value"], json!({ "a": "b", RESTARTED: "2026-01-02T03:04:05Z" }));
        assert_eq!(patch[2]["value"]["team"], "shop");
    }
}
