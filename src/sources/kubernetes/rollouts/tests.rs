use super::*;
use crate::{domain::Kind, text::Raw};
use serde_json::{Value, json};

/// A Rollout of three pods and three steps, with what is laid over it.
pub(super) fn rollout(over: Value) -> Value {
    let mut object = json!({
        "metadata": { "name": "cart", "namespace": "shop", "uid": "u", "generation": 4, "resourceVersion": "7" },
        "spec": { "replicas": 3, "selector": { "matchLabels": { "app": "cart" } },
            "strategy": { "canary": { "steps": [{ "setWeight": 20 }, { "pause": {} }, { "pause": { "duration": "10m" } }] } },
            "template": { "metadata": { "labels": { "app": "cart" } }, "spec": { "containers": [{ "name": "app", "image": "cart:2" }] } } },
        "status": { "observedGeneration": "4", "phase": "Healthy", "stableRS": "aaa", "currentPodHash": "bbb", "replicas": 3, "readyReplicas": 3,
            "availableReplicas": 3, "updatedReplicas": 1, "currentStepIndex": 1 }
    });
    merge(&mut object, over);
    object
}

pub(super) fn merge(into: &mut Value, over: Value) {
    match (into, over) {
        (Value::Object(into), Value::Object(over)) => over.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value)),
        (into, over) => *into = over,
    }
}

pub(super) fn lean(over: Value) -> Rollout {
    serde_json::from_value(rollout(over)).expect("a Rollout")
}

fn word(over: Value) -> String {
    match progress(&lean(over)) {
        Progress::Done => "done".into(),
        Progress::Unobserved => "unobserved".into(),
        Progress::Rolling => "rolling".into(),
        Progress::Stuck { reason, message, .. } => format!("stuck {reason}: {message}"),
        Progress::Paused { .. } => "paused".into(),
        Progress::Waiting { place, .. } => format!("waits at {place}"),
        Progress::Aborted { since, back_to, whole, .. } => {
            format!("back at {} {} {whole}", back_to.expose(), if since.is_some() { "taken up" } else { "asked" })
        }
        Progress::Unknown => "unknown".into(),
    }
}

#[test]
fn how_far_it_is_is_what_its_controller_says_of_what_it_has_seen() {
    let pause = |reason: &str| json!([{ "reason": reason, "startTime": "2026-01-01T10:00:00Z" }]);
    let aborted = |more: Value| {
        let mut status = json!({ "abort": true, "abortedAt": "2026-01-01T10:00:00Z", "phase": "Degraded", "updatedReplicas": 0 });
        merge(&mut status, more);
        json!({ "status": status })
    };
    let routed = json!({ "canary": { "trafficRouting": { "istio": {} } } });
    let routed = |status: Value| {
        let mut object = aborted(status);
        object["spec"] = json!({ "strategy": routed });
        object
    };
    let blue = |status: Value| json!({ "spec": { "strategy": { "canary": null, "blueGreen": { "autoPromotionEnabled": false } } }, "status": status });
    for (over, expected) in [
        (json!({}), "done"),
        (json!({ "metadata": { "generation": 5 } }), "unobserved"),
        (json!({ "status": { "observedGeneration": "5f6c8d" } }), "done"),
        (json!({ "status": { "observedGeneration": null } }), "unobserved"),
        (json!({ "status": { "phase": "Progressing" } }), "rolling"),
        (json!({ "status": { "phase": "Degraded", "message": "ProgressDeadlineExceeded: late" } }), "stuck ProgressDeadlineExceeded: late"),
        (json!({ "status": { "phase": "Paused", "pauseConditions": pause("CanaryPauseStep"), "controllerPause": true } }), "waits at step 2 of 3"),
        (json!({ "status": { "phase": "Paused", "pauseConditions": pause("CanaryPauseStep"), "currentStepIndex": 2 } }), "rolling"),
        (
            json!({ "status": { "phase": "Paused", "pauseConditions": pause("InconclusiveAnalysisRun") } }),
            "waits at step 2 of 3: its analysis was inconclusive",
        ),
        (json!({ "spec": { "paused": true }, "status": { "phase": "Paused" } }), "paused"),
        (json!({ "status": { "phase": "Paused", "controllerPause": true } }), "unobserved"),
        (
            json!({ "spec": { "workloadRef": { "kind": "Deployment", "name": "cart" } }, "metadata": { "annotations": { "rollout.argoproj.io/workload-generation": "3" } },
                "status": { "workloadObservedGeneration": "2" } }),
            "unobserved",
        ),
        (json!({ "status": { "phase": "Odd" } }), "unknown"),
        (aborted(json!({})), "back at aaa taken up true"),
        (aborted(json!({ "abortedAt": null })), "back at aaa asked true"),
        (aborted(json!({ "updatedReplicas": 1 })), "back at aaa taken up false"),
        (aborted(json!({ "availableReplicas": 2 })), "back at aaa taken up false"),
        (
            routed(json!({ "updatedReplicas": 1, "canary": { "weights": { "canary": { "weight": 0 }, "stable": { "weight": 100 } } } })),
            "back at aaa taken up true",
        ),
        (routed(json!({ "canary": { "weights": { "canary": { "weight": 20 } } } })), "back at aaa taken up false"),
        (routed(json!({ "canary": { "weights": { "canary": { "weight": 0 }, "verified": false } } })), "back at aaa taken up false"),
        (routed(json!({})), "back at aaa taken up false"),
        (blue(json!({ "phase": "Paused", "pauseConditions": pause("BlueGreenPause") })), "waits at its preview"),
        (blue(json!({ "abort": true, "blueGreen": { "activeSelector": "aaa" } })), "back at aaa asked true"),
        (blue(json!({ "abort": true, "blueGreen": { "activeSelector": "bbb" } })), "back at aaa asked false"),
    ] {
        assert_eq!(word(over.clone()), expected, "{over}");
    }
}

#[test]
fn a_pause_is_as_long_as_go_reads_it() {
    let seconds = |duration: Value| length(&serde_json::from_value(duration).expect("a duration")).map(|length| length.as_secs());
    for (written, expected) in
        [(json!(30), Some(30)), (json!("30"), Some(30)), (json!("10m"), Some(600)), (json!("1h30m"), Some(5400)), (json!("1.5m"), Some(90))]
    {
        assert_eq!(seconds(written), expected);
    }
    for odd in ["", "soon", "10 minutes", "5x"] {
        assert!(length(&Duration::Text(odd.into())).is_none_or(|length| odd.is_empty() && length.is_zero()), "{odd}");
    }
}

#[test]
fn a_row_says_its_number_and_its_pods_even_where_another_object_has_the_template() {
    let source = crate::domain::SourceId::new("kubernetes/a");
    let own = lean(json!({ "metadata": { "annotations": { "rollout.argoproj.io/revision": "7" } } }));
    let row = rows::rollout(&source, Kind::Rollout, &own);
    assert_eq!((row.id.key(), row.revision, &*row.version.0, row.selector.expose()), ("rollouts/shop/cart", Some(7), "2", "app=cart"));
    let refers = json!({ "spec": { "template": null, "selector": null, "workloadRef": { "kind": "Deployment", "name": "cart" } },
        "status": { "selector": "app=cart,rollouts-pod-template-hash=aaa" } });
    let row = rows::rollout(&source, Kind::Rollout, &lean(refers));
    assert_eq!((row.images.len(), row.selector), (0, Raw::new("app=cart")));
}
