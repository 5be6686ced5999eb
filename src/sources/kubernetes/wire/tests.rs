use super::{
    apps::{Deployment, Selector},
    core::Pod,
    *,
};
use kube::{Resource, core::ObjectList};

const DEPLOYMENTS: &str = include_str!("../../../../tests/fixtures/kubernetes/1.20/deployments.json");

fn deployments() -> ObjectList<Lean<Deployment>> {
    serde_json::from_str(DEPLOYMENTS).expect("the client library can read the list")
}

#[test]
fn an_object_that_can_not_be_read_does_not_lose_the_others() {
    let list = deployments();
    assert_eq!(list.items.len(), 3);
    let Lean::Torn { meta, why } = &list.items[1] else { panic!("replicas is a word") };
    assert_eq!((meta.name.as_deref(), meta.resource_version.as_deref()), (Some("broken"), Some("4701")));
    assert!(why.contains("three"), "{why}");
    assert!(matches!(&list.items[2], Lean::Whole(bare) if bare.spec.replicas.is_none()), "nulls are nothing");
}

#[test]
fn metadata_are_kept_without_what_nobody_reads() {
    let list = deployments();
    let meta = list.items[0].meta();
    assert_eq!(meta.managed_fields, None);
    assert_eq!(note(meta, "kubectl.kubernetes.io/last-applied-configuration"), None);
    assert_eq!(note(meta, "deployment.kubernetes.io/revision"), Some("18"));
    assert_eq!((label(meta, "app"), label(meta, "noise.example/x")), (Some("cart"), None));
}

#[test]
fn a_watch_event_is_read_too() {
    let line = r#"{"type":"MODIFIED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"9","labels":{"app":"x"}},"status":{"phase":"Running","extra":[1,{"b":2}]}}}"#;
    let event: kube::core::WatchEvent<Lean<Pod>> = serde_json::from_str(line).expect("an event");
    let kube::core::WatchEvent::Modified(Lean::Whole(pod)) = event else { panic!("it is whole") };
    assert_eq!((pod.status.phase.as_str(), pod.metadata.0.resource_version.as_deref()), ("Running", Some("9")));
}

#[test]
fn a_selector_is_written_as_requests_have_it() {
    let selector: Selector = serde_json::from_str(
        r#"{"matchLabels":{"a":"1"},"matchExpressions":[{"key":"b","operator":"In","values":["x","y"]},{"key":"c","operator":"NotIn","values":["z"]},{"key":"d","operator":"Exists"},{"key":"e","operator":"DoesNotExist","values":null}]}"#,
    )
    .expect("a selector");
    assert_eq!(selector.text(), "a=1,b in (x,y),c notin (z),d,!e");
    assert_eq!(Selector::default().text(), "");
}

#[test]
fn times_that_say_nothing_are_none() {
    assert_eq!(parse_time("0001-01-01T00:00:00Z"), None);
    assert_eq!(parse_time(""), None);
    assert!(parse_time("2026-01-01T00:00:00.123456Z").is_some());
    assert_eq!(parse_time("2026-01-01T01:00:00+01:00"), parse_time("2026-01-01T00:00:00Z"));
}

proptest::proptest! {
    #[test]
    fn no_json_value_in_any_field_fails_a_list(spec in value(), status in value(), labels in value()) {
        let text = serde_json::json!({ "metadata": { "resourceVersion": "1" }, "items": [{ "metadata": { "name": "x", "labels": labels }, "spec": spec, "status": status }] }).to_string();
        proptest::prop_assert!(serde_json::from_str::<ObjectList<Lean<Pod>>>(&text).is_ok());
        proptest::prop_assert!(serde_json::from_str::<ObjectList<Lean<Deployment>>>(&text).is_ok());
    }
}

fn value() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    let leaf =
        prop_oneof![Just(serde_json::Value::Null), any::<bool>().prop_map(Into::into), any::<i64>().prop_map(Into::into), "[a-z]{0,6}".prop_map(Into::into)];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::vec(("(containers|replicas|labels|conditions|phase|containerStatuses|state|name)", inner), 0..4)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}
