//! What speaks for and against a revision, by what its controller keeps of it.

use super::*;
use crate::{domain::SourceId, sources::kubernetes::rows::Address};
use serde_json::json;

/// The ReplicaSet of revision `number`, made at that hour, with so many available pods.
fn kept(number: u64, hour: u32, available: i32, more: Value) -> Kept {
    let mut notes = json!({ "deployment.kubernetes.io/revision": number.to_string() });
    for (key, value) in more.as_object().into_iter().flatten() {
        notes[key] = value.clone();
    }
    let template = json!({ "metadata": { "labels": { "app": "cart", "pod-template-hash": format!("h{number}") } },
        "spec": { "containers": [{ "name": "app", "image": format!("cart:{number}") }] } });
    let raw = json!({
        "metadata": { "name": format!("cart-h{number}"), "uid": format!("u{number}"), "creationTimestamp": format!("2026-01-01T{hour:02}:00:00Z"),
            "labels": { "pod-template-hash": format!("h{number}") }, "annotations": notes,
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "uid": "u", "controller": true }] },
        "spec": { "template": template }, "status": { "replicas": available, "readyReplicas": available, "availableReplicas": available },
    });
    Kept::of_set(raw).expect("a ReplicaSet")
}

/// The Deployment, with parts of its own.
fn current(metadata: Value, spec: Value, conditions: Value) -> Current {
    let mut raw = json!({ "metadata": { "name": "cart", "namespace": "shop", "uid": "u" }, "spec": {}, "status": { "conditions": conditions } });
    raw["metadata"]["annotations"] = metadata;
    for (key, value) in spec.as_object().into_iter().flatten() {
        raw["spec"][key] = value.clone();
    }
    Current::of(Address { plural: "deployments".into(), namespace: "shop".into(), name: "cart".into() }, Kind::Deployment, raw).expect("a Deployment")
}

fn rows(sets: &[Kept]) -> Vec<Revision> {
    let source = SourceId::new("kubernetes/prod");
    let mut rows: Vec<Revision> = sets.iter().filter_map(|set| rows::revision_of_replica_set(&source, &set.lean)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.number));
    rows
}

/// For how many hours each was current, by number.
fn hours(sets: &[Kept]) -> Vec<(u64, Option<i64>)> {
    let mut rows = rows(sets);
    served(&mut rows, sets);
    let held = |row: &Revision| row.evidence.iter().find_map(|one| if let Evidence::Served { held } = one { Some(held.as_hours()) } else { None });
    rows.iter().map(|row| (row.number, held(row))).collect()
}

#[test]
fn a_revision_served_from_its_making_to_that_of_the_next_unless_it_was_taken_up_again() {
    let none = || json!({});
    assert_eq!(hours(&[kept(1, 1, 0, none()), kept(2, 4, 0, none()), kept(3, 9, 0, none())]), [(3, None), (2, Some(5)), (1, Some(3))]);
    let again = || json!({ "deployment.kubernetes.io/revision-history": "1" });
    // What was taken up again keeps the time of its first making: nothing says how long it was current, nor the one before it.
    assert_eq!(hours(&[kept(2, 4, 0, none()), kept(3, 5, 0, none()), kept(4, 6, 0, again())]), [(4, None), (3, None), (2, Some(1))]);
    assert_eq!(hours(&[kept(2, 4, 0, again()), kept(3, 9, 0, none())]), [(3, None), (2, None)]);
    assert_eq!(
        hours(&[kept(2, 4, 0, none()), kept(3, 9, 0, none()), kept(4, 1, 0, none())]),
        [(4, None), (3, None), (2, Some(5))],
        "older than those below it"
    );
}

#[test]
fn what_serves_now_is_told_also_while_a_bad_one_is_still_scaled_up() {
    let current = current(json!({}), json!({}), json!([]));
    let said = |set: &Kept| evidence(&current, set, &[], &[], 3);
    assert_eq!(said(&kept(16, 1, 3, json!({}))), [Evidence::ServingNow { ready: 3, wanted: 3 }]);
    assert_eq!(said(&kept(18, 1, 0, json!({}))), [], "without pods and events nothing is known");
}

#[test]
fn what_its_controller_says_was_carried_out_is_believed_only_where_pods_had_to_stay_ready() {
    let pod: Pod = serde_json::from_value(json!({ "metadata": { "name": "cart-h18-x", "creationTimestamp": "2026-01-01T00:00:00Z" },
        "status": { "containerStatuses": [{ "name": "app", "state": { "waiting": { "reason": "ErrImagePull" } } }] } }))
    .expect("a pod");
    let told = json!([{ "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "ReplicaSet \"cart-h18\" has successfully progressed." }]);
    let said = |seconds: i64, conditions: &Value| {
        evidence(&current(json!({}), json!({ "minReadySeconds": seconds }), conditions.clone()), &kept(18, 1, 0, json!({})), &[&pod], &[], 3)
    };
    let never = [Evidence::NeverAvailable { why: "ErrImagePull".into() }];
    assert_eq!(said(30, &told), [], "it was ready for half a minute once");
    assert_eq!(said(0, &told), never, "ready for the moment between its start and its crash");
    assert_eq!(said(30, &json!([])), never);
}

#[test]
fn what_was_rolled_back_from_carries_that() {
    let mark = json!({ "template": "h18", "revision": 18, "at": "2026-01-01T10:00:00Z" }).to_string();
    let marked = current(json!({ template::ROLLED_BACK_FROM: mark }), json!({}), json!([]));
    let mut rows = rows(&[kept(16, 1, 3, json!({})), kept(18, 2, 0, json!({}))]);
    rolled_back(&marked, &mut rows);
    let left = Evidence::RolledBackFrom { at: "2026-01-01T10:00:00Z".parse().expect("a time") };
    assert_eq!(rows.iter().map(|row| (row.number, row.evidence.contains(&left))).collect::<Vec<_>>(), [(18, true), (16, false)]);
}
