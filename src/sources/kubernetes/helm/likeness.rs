//! Whether what runs is what a manifest asks for: the server fills in what a manifest leaves out, and writes some of it in its own way.

use crate::sources::kubernetes::checks::quantity;
use serde_json::{Map, Value};

/// What the server fills in.
fn filled_in(key: &str, value: &Value) -> bool {
    let text = |known: &[&str]| value.as_str().is_some_and(|value| known.contains(&value));
    match key {
        "terminationMessagePath" => text(&["/dev/termination-log"]),
        "terminationMessagePolicy" => text(&["File"]),
        "imagePullPolicy" => text(&["Always", "IfNotPresent"]),
        "dnsPolicy" => text(&["ClusterFirst"]),
        "restartPolicy" => text(&["Always"]),
        "schedulerName" => text(&["default-scheduler"]),
        "protocol" => text(&["TCP"]),
        "scheme" => text(&["HTTP"]),
        "apiVersion" => text(&["v1"]),
        "volumeMode" => text(&["Filesystem"]),
        "divisor" => text(&["0"]),
        "timeoutSeconds" | "successThreshold" => value == 1,
        "periodSeconds" => value == 10,
        "failureThreshold" => value == 3,
        "terminationGracePeriodSeconds" => value == 30,
        "defaultMode" => value == 420,
        "expirationSeconds" => value == 3600,
        // The old name of serviceAccountName, and what a restart leaves behind: the same revision runs.
        "serviceAccount" | "kubectl.kubernetes.io/restartedAt" => true,
        _ => empty(value),
    }
}

/// What the server leaves out.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Whether `live` says what `wanted` asks for, and nothing else but what the server fills in.
pub fn covers(wanted: &Value, live: &Value) -> bool {
    compare(wanted, live, false)
}

fn compare(wanted: &Value, live: &Value, amounts: bool) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => maps(wanted, live, amounts),
        (Value::Array(wanted), Value::Array(live)) => wanted.len() == live.len() && wanted.iter().zip(live).all(|(a, b)| compare(a, b, amounts)),
        _ => wanted == live || (empty(wanted) && empty(live)) || (amounts && amount(wanted) == amount(live) && amount(wanted).is_some()),
    }
}

fn maps(wanted: &Map<String, Value>, live: &Map<String, Value>, amounts: bool) -> bool {
    let there = |(key, value): (&String, &Value)| {
        let amounts = amounts || matches!(key.as_str(), "limits" | "requests" | "sizeLimit" | "divisor");
        live.get(key).map_or_else(|| empty(value), |live| compare(value, live, amounts))
    };
    wanted.iter().all(there) && live.iter().all(|(key, value)| wanted.contains_key(key) || filled_in(key, value))
}

fn amount(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => quantity(text),
        _ => None,
    }
}

/// `live` without what the server filled in, so that it can be told beside `wanted`.
pub fn told(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let kept = live.iter().filter(|(key, value)| wanted.contains_key(*key) || !filled_in(key, value));
            Value::Object(kept.map(|(key, value)| (key.clone(), wanted.get(key).map_or_else(|| value.clone(), |wanted| told(value, wanted)))).collect())
        }
        (Value::Array(live), Value::Array(wanted)) => {
            let one = |(at, item): (usize, &Value)| wanted.get(at).map_or_else(|| item.clone(), |wanted| told(item, wanted));
            Value::Array(live.iter().enumerate().map(one).collect())
        }
        _ if compare(wanted, live, true) => wanted.clone(),
        _ => live.clone(),
    }
}

/// Whether both run the same programs: image, command, arguments and environment of each container. What a webhook adds around them
/// makes no other revision of it.
pub fn alike(wanted: &Value, live: &Value) -> bool {
    let same = |list: &str| {
        let of = |template: &Value| template.pointer(&format!("/spec/{list}")).and_then(Value::as_array).cloned().unwrap_or_default();
        let (wanted, live) = (of(wanted), of(live));
        let field = |a: &Value, b: &Value, key: &str| compare(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), false);
        wanted.iter().all(|one| {
            let other = live.iter().find(|other| other.get("name") == one.get("name"));
            other.is_some_and(|other| ["image", "command", "args", "env", "envFrom"].iter().all(|key| field(one, other, key)))
        })
    };
    same("containers") && same("initContainers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wanted() -> Value {
        json!({ "metadata": { "labels": { "app": "cart" }, "annotations": {} }, "spec": { "hostNetwork": false, "tolerations": null,
            "containers": [{ "name": "app", "image": "cart:1", "env": [{ "name": "A", "value": "" }], "ports": [{ "containerPort": 80 }],
                "resources": { "limits": { "cpu": 1, "memory": "1024Mi" } }, "readinessProbe": { "httpGet": { "path": "/", "port": 80 } } }] } })
    }

    fn live() -> Value {
        json!({ "metadata": { "creationTimestamp": null, "labels": { "app": "cart" } }, "spec": { "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
            "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30,
            "containers": [{ "name": "app", "image": "cart:1", "imagePullPolicy": "IfNotPresent", "env": [{ "name": "A" }], "ports": [{ "containerPort": 80, "protocol": "TCP" }],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "resources": { "limits": { "cpu": "1", "memory": "1Gi" } },
                "readinessProbe": { "httpGet": { "path": "/", "port": 80, "scheme": "HTTP" }, "failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1 } }] } })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut changed = live();
        match pointer.rsplit_once('/') {
            Some((parent, key)) => changed.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").insert(key.into(), value),
            None => None,
        };
        changed
    }

    #[test]
    fn what_the_server_fills_in_makes_no_other_template() {
        assert!(covers(&wanted(), &live()));
        assert!(covers(&wanted(), &with("/metadata/annotations", json!({ "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z" }))), "a restart is none");
    }

    #[test]
    fn what_anybody_else_added_took_away_or_changed_does() {
        let cases = [
            ("/spec/containers/0/image", json!("cart:2")),
            ("/spec/containers/0/env", json!([{ "name": "A" }, { "name": "B", "value": "1" }])),
            ("/spec/containers/0/livenessProbe", json!({ "httpGet": { "path": "/", "port": 80 } })),
            ("/spec/terminationGracePeriodSeconds", json!(5)),
            ("/spec/containers/0/resources", json!({ "limits": { "cpu": "2", "memory": "1Gi" } })),
            ("/spec/serviceAccountName", json!("cart")),
            ("/spec/hostNetwork", json!(true)),
        ];
        for (pointer, value) in cases {
            assert!(!covers(&wanted(), &with(pointer, value)), "{pointer}");
        }
        let env = json!({ "env": [{ "name": "CPU", "value": "1000m" }] });
        assert!(!covers(&env, &json!({ "env": [{ "name": "CPU", "value": "1" }] })), "only amounts are compared as such");
    }

    #[test]
    fn the_live_template_is_told_in_the_manifests_own_words() {
        let told = told(&with("/spec/containers/0/image", json!("cart:2")), &wanted());
        assert_eq!(told["spec"]["containers"][0]["resources"], wanted()["spec"]["containers"][0]["resources"]);
        assert_eq!((&told["spec"]["containers"][0]["image"], &told["spec"]["dnsPolicy"]), (&json!("cart:2"), &Value::Null));
    }

    #[test]
    fn the_same_programs_with_something_around_them_are_alike() {
        assert!(alike(&wanted(), &with("/metadata/annotations", json!({ "sidecar": "on" }))));
        assert!(!alike(&wanted(), &with("/spec/containers/0/env", json!([{ "name": "A", "value": "2" }]))));
    }
}
