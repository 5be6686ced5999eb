//! Which pod is waited for in vain, and what is asked of the server.

use super::*;
use crate::{
    domain::{CheckKind, OpId, Outcome, Verb},
    sources::kubernetes::rows::Address,
};

const GOOD: &str = "web-good";
const BAD: &str = "web-bad";

fn source() -> SourceId {
    SourceId::new("kubernetes/lab")
}

/// A pod of that ordinal, of that revision.
fn pod(ordinal: u32, of: &str, ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({
        "metadata": { "name": format!("web-{ordinal}"), "namespace": "shop", "uid": format!("uid-{ordinal}"), "resourceVersion": "17",
            "labels": { "controller-revision-hash": of },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "set", "controller": true }] },
        "spec": { "containers": [{ "name": "app", "image": "app:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": status, "lastTransitionTime": "2026-11-24T02:54:10Z" }] },
    })
}

fn kept(number: u64, template: &str, image: &str) -> Kept {
    let revision = json!({ "metadata": { "name": template }, "revision": number,
        "data": { "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": image }] } } } } });
    Kept::of_controller(revision).expect("a revision")
}

/// Three pods of which the one in the middle is bad, after the template went back.
fn stuck(more: impl FnOnce(&mut Value, &mut Vec<Value>)) -> Turns {
    let mut set = json!({
        "metadata": { "name": "web", "namespace": "shop", "uid": "set", "generation": 3 },
        "spec": { "replicas": 3, "selector": { "matchLabels": { "app": "web" } }, "updateStrategy": { "type": "RollingUpdate" } },
        "status": { "observedGeneration": 3, "updateRevision": GOOD, "currentRevision": GOOD },
    });
    let mut pods = vec![pod(0, GOOD, true), pod(1, BAD, false), pod(2, BAD, false)];
    more(&mut set, &mut pods);
    let address = Address { plural: "statefulsets".into(), namespace: "shop".into(), name: "web".into() };
    let pods = pods.into_iter().map(|raw| One::of(&source(), raw).expect("a pod")).collect();
    let current = Current::of(address, Kind::StatefulSet, set).expect("a StatefulSet");
    Turns { current, kept: vec![kept(3, GOOD, "app:1"), kept(2, BAD, "app:2")], pods }
}

fn deletes(from: Seen) -> Operation {
    Operation {
        id: OpId::restore("7f3a-1"),
        verb: Verb::DeletePod,
        subject: rows::workload_id(&source(), "statefulsets", "shop", "web"),
        title: "web in production".into(),
        from,
        to: None,
        scaling: None,
        inputs: Vec::new(),
        reason: Clean::EMPTY,
        by: Clean::EMPTY,
    }
}

#[test]
fn only_the_first_pod_that_is_not_ready_and_of_a_revision_that_is_left_is_waited_for_in_vain() {
    let name = |turns: Turns| turns.waits_for().map(|pod| pod.name().to_string()).map_err(|why| why.to_string());
    assert_eq!(name(stuck(|_, _| ())).as_deref(), Ok("web-1"), "the lowest of two");
    assert_eq!(name(stuck(|set, _| set["spec"]["updateStrategy"]["rollingUpdate"] = json!({ "partition": 1 }))).as_deref(), Ok("web-1"));
    type Case = (&'static str, fn(&mut Value, &mut Vec<Value>));
    let none: [Case; 9] = [
        ("Parallel: web replaces its pods without waiting", |set, _| set["spec"]["podManagementPolicy"] = "Parallel".into()),
        ("OnDelete: web replaces no pod by itself", |set, _| set["spec"]["updateStrategy"] = json!({ "type": "OnDelete" })),
        ("web-1 is below the partition", |set, _| set["spec"]["updateStrategy"]["rollingUpdate"] = json!({ "partition": 2 })),
        ("has not looked at its newest template yet", |set, _| set["status"]["observedGeneration"] = 2.into()),
        ("every pod of web is ready", |_, pods| *pods = vec![pod(0, GOOD, true), pod(1, BAD, true), pod(2, BAD, true)]),
        ("waits for web-0, which is of the newest revision", |_, pods| pods[0] = pod(0, GOOD, false)),
        ("web-1 is being deleted already", |_, pods| pods[1]["metadata"]["deletionTimestamp"] = "2026-11-24T03:00:00Z".into()),
        ("web-1 has ended: its controller deletes it", |_, pods| pods[1]["status"]["phase"] = "Failed".into()),
        ("web-0 is not there: its controller makes that one first", |_, pods| drop(pods.remove(0))),
    ];
    for (words, more) in none {
        let why = name(stuck(more)).expect_err(words);
        assert!(why.contains(words), "{why}");
    }
    assert_eq!(name(stuck(|set, _| set["spec"]["replicas"] = 1.into())), Err("every pod of web is ready: it waits for none".into()), "the others go anyway");
}

#[test]
fn the_one_request_names_the_very_pod_and_its_version() {
    let turns = stuck(|_, _| ());
    let seen = turns.told("web-1").seen();
    assert_eq!((turns.told("web-1").of.as_str(), turns.told("web-1").anew.as_str(), Awaited::name_in(&seen).as_str()), ("2 r2", "1 r3", "web-1"));
    assert_eq!(turns.moved(&seen), None);
    let change = turns.change(&deletes(seen)).unwrap_or_else(|stage| panic!("{stage:?}"));
    assert_eq!((change.path.as_str(), change.verb()), ("/api/v1/namespaces/shop/pods/web-1", "delete"));
    let Does::Delete(options) = change.does else { panic!("it is deleted") };
    assert_eq!(options["preconditions"], json!({ "uid": "uid-1", "resourceVersion": "17" }));
    let other = turns.told("web-2").seen();
    assert!(matches!(turns.change(&deletes(other)), Err(Stage::Refused { .. })), "another pod than the one that is waited for");
}

#[test]
fn what_is_not_as_it_was_seen_is_said() {
    let seen = stuck(|_, _| ()).told("web-1").seen();
    type Case = (&'static str, fn(&mut Value, &mut Vec<Value>));
    let cases: [Case; 5] = [
        ("web-1 was replaced meanwhile", |_, pods| pods[1]["metadata"]["uid"] = "another".into()),
        ("web-1 is gone", |_, pods| drop(pods.remove(1))),
        ("web-1 has become ready", |_, pods| pods[1] = pod(1, BAD, true)),
        ("web-1 would be made anew from 2 r2 now", |set, _| set["status"]["updateRevision"] = BAD.into()),
        ("waits for web-0", |_, pods| pods[0] = pod(0, BAD, false)),
    ];
    for (words, more) in cases {
        let moved = stuck(more).moved(&seen).unwrap_or_else(|| panic!("{words}"));
        assert!(moved.contains(words), "{moved}");
    }
}

#[test]
fn what_goes_with_it_and_what_stays_is_named() {
    let volumes = |volumes: Value| {
        let turns = stuck(|_, pods| pods[1]["spec"]["volumes"] = volumes);
        let found = prepare::holds(&turns, &"web-1".into());
        assert_eq!(found.kind, CheckKind::Deletion);
        (found.outcome, found.sentence.to_string())
    };
    let claim = json!({ "name": "data", "persistentVolumeClaim": { "claimName": "data-web-1" } });
    assert_eq!(volumes(json!([claim])), (Outcome::Ok, "nothing is lost; the claim data-web-1 stays".into()));
    let (outcome, sentence) = volumes(json!([claim, { "name": "scratch", "emptyDir": {} }, { "name": "settings", "configMap": {} }]));
    assert_eq!((outcome, sentence.as_str()), (Outcome::Warn, "what is in the emptyDir scratch is lost with it; the claim data-web-1 stays"));
    assert_eq!(volumes(json!([{ "name": "s", "secret": {} }])).0, Outcome::Ok);
}
