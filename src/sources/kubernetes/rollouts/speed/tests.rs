use super::*;
use crate::{domain::Outcome, sources::kubernetes::rollouts::tests::lean};
use serde_json::{Value, json};

fn set(hash: &str, number: u32, day: u32, available: u32) -> Kept {
    let raw = json!({ "metadata": { "labels": { "rollouts-pod-template-hash": hash }, "annotations": { "rollout.argoproj.io/revision": number.to_string() },
            "creationTimestamp": format!("2026-01-0{day}T10:00:00Z") },
        "status": { "availableReplicas": available } });
    Kept::of_set(raw).expect("a ReplicaSet")
}

fn held(mut set: Kept, until: &str) -> Kept {
    set.raw["metadata"]["annotations"]["scale-down-deadline"] = until.into();
    Kept::of_set(set.raw).expect("a ReplicaSet")
}

fn room() -> Room {
    Room { wanted: 3, now: "2026-01-09T10:00:00Z".parse().expect("a time") }
}

fn undo(over: Value, target: &Kept) -> (Outcome, String) {
    let sets = [set("aaa", 5, 5, 3), set("ddd", 4, 4, 0), set("ccc", 3, 3, 0), set("old", 1, 1, 0)];
    let found = of_undo(&Delivery { lean: lean(over), reference: None }, target, &sets, &room());
    (found.outcome, found.sentence.to_string())
}

#[test]
fn a_way_back_is_instant_or_stepwise_by_the_rules_of_its_controller() {
    let canary = |steps: Value| json!({ "spec": { "strategy": { "canary": { "steps": steps } } } });
    let steps = json!([{ "setWeight": 20 }, { "pause": { "duration": "10m" } }, { "pause": {} }, { "analysis": {} }, { "pause": { "duration": 120 } }]);
    let blue = |how: Value| json!({ "spec": { "strategy": { "canary": null, "blueGreen": how } } });
    let window = |revisions: u32| json!({ "spec": { "rollbackWindow": { "revisions": revisions } } });
    let (third, first) = (set("ccc", 3, 3, 0), set("old", 1, 1, 0));
    let running = |until| held(set("ccc", 3, 3, 3), until);
    for (over, target, outcome, says) in [
        (canary(steps.clone()), &set("aaa", 5, 5, 3), Outcome::Ok, "instant: r5 is the stable revision"),
        (canary(steps), &third, Outcome::Warn, "stepwise: all 5 steps run again, about 12 min of pauses, 1 until somebody promotes it, 1 with an analysis"),
        (canary(json!([])), &third, Outcome::Ok, "a canary without steps"),
        (window(2), &third, Outcome::Ok, "fast: 1 revisions lie between"),
        (window(1), &third, Outcome::Warn, "stepwise"),
        (window(2), &first, Outcome::Warn, "stepwise"),
        (blue(json!({})), &running("2026-01-09T10:00:20Z"), Outcome::Ok, "instant until 10:00:20 UTC"),
        (blue(json!({})), &running("2026-01-09T09:59:20Z"), Outcome::Warn, "not instant: the pods of r3 were taken away, 3 have to start"),
        (blue(json!({})), &held(third_of(1), "2026-01-09T10:00:20Z"), Outcome::Warn, "not instant"),
        (
            blue(json!({ "autoPromotionEnabled": false })),
            &third,
            Outcome::Warn,
            "before the traffic is switched; on the way a pause until somebody promotes it",
        ),
        (
            blue(json!({ "autoPromotionEnabled": false, "autoPromotionSeconds": 90, "prePromotionAnalysis": {} })),
            &third,
            Outcome::Warn,
            "on the way an analysis before the switch, a pause of 90 s before the switch",
        ),
    ] {
        let (found, sentence) = undo(over, target);
        assert!(found == outcome && sentence.contains(says), "{found:?} {sentence}\n{says}");
    }
}

fn third_of(available: u32) -> Kept {
    set("ccc", 3, 3, available)
}

#[test]
fn an_abort_is_instant_where_all_stable_pods_run() {
    assert!(of_abort(Some(&set("aaa", 5, 5, 3)), &room()).sentence.starts_with("abort, instant: all 3 pods of the stable r5"));
    assert!(of_abort(Some(&set("aaa", 5, 5, 2)), &room()).sentence.contains("1 of its 3 pods have to start again"));
    assert_eq!(of_abort(None, &room()).outcome, Outcome::Unknown);
}
