use super::*;
use crate::{
    domain::{Id, OpId, RevisionRef, SourceId, Version},
    sources::kubernetes::rows::Address,
    text::Raw,
};
use bytes::Bytes;
use serde_json::json;

fn current(image: &str) -> Current {
    let raw = json!({ "metadata": { "name": "cart", "namespace": "shop", "uid": "u", "resourceVersion": "7",
            "managedFields": [{ "manager": "helm", "time": "2026-01-01T10:00:00Z", "fieldsV1": { "f:spec": { "f:template": {} } } }] },
        "spec": { "template": template(image, None) } });
    Current::of(Address { plural: "deployments".into(), namespace: "shop".into(), name: "cart".into() }, Kind::Deployment, raw).expect("it is a Deployment")
}

fn template(image: &str, hash: Option<&str>) -> Value {
    let mut labels = json!({ "app": "cart" });
    if let Some(hash) = hash {
        labels["pod-template-hash"] = hash.into();
    }
    json!({ "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "app", "image": image }] } })
}

fn kept(hash: &str, number: &str, image: &str) -> Kept {
    let raw = json!({ "metadata": { "labels": { "pod-template-hash": hash }, "annotations": { "deployment.kubernetes.io/revision": number } }, "spec": { "template": template(image, Some(hash)) } });
    Kept::of_set(raw).expect("a ReplicaSet")
}

fn operation(from: Seen, to: &str) -> Operation {
    let source = SourceId::new("kubernetes/a");
    Operation {
        id: OpId::new("7f3a", 2),
        verb: Verb::RollBack,
        subject: Id::new(&source, "deployments/shop/cart"),
        title: "cart".into(),
        from,
        to: Some(RevisionRef { id: Id::new(&source, "u/x"), number: 16, template: Raw::new(to), version: Version::default() }),
        scaling: None,
        inputs: Vec::new(),
        reason: Clean::EMPTY,
        by: Clean::EMPTY,
    }
}

fn why(result: Result<Value, Stage>) -> String {
    match result {
        Err(Stage::Refused { why }) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_operator_saw_is_compared_and_the_change_is_named() {
    let seen = current("cart:2").seen();
    assert_eq!(moved(Verb::RollBack, &seen, &current("cart:2")), None);
    let words = moved(Verb::RollBack, &seen, &current("cart:3")).expect("another image");
    assert!(words.contains("by helm at 10:00:00 UTC") && words.contains("cart:3"), "{words}");
    assert!(moved(Verb::RollBack, &Seen { uid: Raw::new("other"), ..seen.clone() }, &current("cart:2")).expect("another object").contains("made anew"));
    assert!(moved(Verb::RollBack, &Seen { paused: true, ..seen }, &current("cart:2")).expect("resumed").contains("resumed"));
}

#[test]
fn a_rollback_finds_its_target_by_template_and_remembers_what_it_leaves() {
    let sets = [kept("good", "16", "cart:1"), kept("bad", "18", "cart:2")];
    let current = current("cart:2");
    let patch = rollback(&current, &operation(current.seen(), "good"), &sets).expect("there is a way");
    assert_eq!(patch[0]["value"], "7");
    assert_eq!(patch[1]["value"]["spec"]["containers"][0]["image"], "cart:1");
    let from: Value = serde_json::from_str(patch[2]["value"][template::ROLLED_BACK_FROM].as_str().expect("a mark")).expect("JSON");
    assert_eq!((&from["template"], &from["revision"]), (&json!("bad"), &json!(18)));
}

#[test]
fn a_rollback_that_leads_nowhere_is_refused_with_the_reason() {
    let sets = [kept("good", "16", "cart:1"), kept("bad", "18", "cart:2")];
    let current = current("cart:2");
    assert!(why(rollback(&current, &operation(current.seen(), "gone"), &sets)).contains("r16 is no longer there"));
    assert!(why(rollback(&current, &operation(current.seen(), "bad"), &sets)).contains("already asks for"));
}

#[test]
fn what_is_paused_is_not_rolled_back_and_what_waits_because_of_it_is_told_apart() {
    let sets = [kept("good", "16", "cart:1"), kept("bad", "18", "cart:2")];
    let paused = |image: &str| {
        let mut raw = current(image).raw;
        raw["spec"]["paused"] = true.into();
        Current::of(current(image).address, Kind::Deployment, raw).expect("it is a Deployment")
    };
    let said = |image: &str| why(rollback(&paused(image), &operation(paused(image).seen(), "good"), &sets));
    assert_eq!(said("cart:2"), "cart is paused: it would not roll out");
    assert!(said("cart:3").contains("its changed template waits"), "{}", said("cart:3"));
}

#[test]
fn a_revision_whose_pods_still_run_is_gone_back_to() {
    // In the middle of a failed rolling update the good one nearly always still has pods.
    let mut good = kept("good", "16", "cart:1").raw;
    good["status"] = json!({ "replicas": 3, "readyReplicas": 3, "availableReplicas": 3 });
    let sets = [Kept::of_set(good).expect("a ReplicaSet"), kept("bad", "18", "cart:2")];
    let current = current("cart:2");
    let patch = rollback(&current, &operation(current.seen(), "good"), &sets).expect("there is a way");
    assert_eq!(patch[1]["value"]["spec"]["containers"][0]["image"], "cart:1");
}

#[test]
fn an_abort_leads_back_to_the_stable_revision_and_only_while_another_is_on_its_way() {
    let rollout = |over: &[(&str, Value)]| {
        let mut status = json!({ "observedGeneration": "4", "stableRS": "aaa", "currentPodHash": "bbb" });
        for (key, value) in over {
            status[key] = value.clone();
        }
        let raw = json!({ "metadata": { "name": "cart", "namespace": "shop", "uid": "u", "generation": 4, "resourceVersion": "7" },
            "spec": { "strategy": { "canary": {} }, "template": template("cart:2", None) }, "status": status });
        Current::of(Address { plural: "rollouts".into(), namespace: "shop".into(), name: "cart".into() }, Kind::Rollout, raw).expect("it is a Rollout")
    };
    let asked = |over: &[(&str, Value)], to: &str| abort(&rollout(over), &operation(rollout(over).seen(), to));
    let patch = asked(&[], "aaa").expect("there is a way");
    assert_eq!((&patch["metadata"]["resourceVersion"], &patch["status"]), (&json!("7"), &json!({ "abort": true })));
    for (what, over, to) in [
        ("to the newest", vec![], "bbb"),
        ("to another one", vec![], "ccc"),
        ("it is aborted already", vec![("abort", json!(true))], "aaa"),
        ("it was promoted meanwhile", vec![("stableRS", json!("bbb"))], "aaa"),
        ("its controller has not looked at it yet", vec![("observedGeneration", json!("3"))], "aaa"),
    ] {
        assert!(why(asked(&over, to)).contains("there is nothing to abort"), "{what}");
    }
}

#[test]
fn an_answer_says_accepted_refused_or_unclear() {
    let tried = Tried { verb: "patch", resource: "deployments.apps".into(), namespace: None, context: "a".into(), server: "s".into() };
    let reply = |code, body: &str| Reply { code, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) };
    assert!(matches!(outcome(&tried, &reply(200, r#"{"metadata":{"generation":9}}"#)), Stage::Accepted { generation: Some(9), .. }));
    for code in [408, 500, 502, 503, 504] {
        assert!(matches!(outcome(&tried, &reply(code, "{}")), Stage::Unclear { .. }), "{code}");
    }
    for code in [301, 400, 401, 403, 404, 422, 429] {
        assert!(matches!(outcome(&tried, &reply(code, "{}")), Stage::Refused { .. }), "{code}");
    }
}

#[test]
fn warnings_are_taken_out_of_their_quotes() {
    let mut headers = HeaderMap::new();
    headers.append("warning", r#"299 - "unknown field \"spec.x\"", 299 - "deprecated""#.parse().expect("a header"));
    headers.append("warning", r#"299 - "third""#.parse().expect("a header"));
    assert_eq!(warnings(&headers), ["unknown field \"spec.x\"", "deprecated", "third"].map(Clean::from_static));
}
