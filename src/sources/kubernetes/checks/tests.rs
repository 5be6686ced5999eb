use super::{
    capacity::{cost, lacking, quantity, surge},
    parts::{named, nodes_with, whole},
    *,
};
use crate::{domain::Outcome, sources::kubernetes::wire::core::NodeImage};

#[test]
fn a_reference_is_the_same_however_it_is_written() {
    for (short, long) in [
        ("cart", "docker.io/library/cart:latest"),
        ("lab/app:1", "docker.io/lab/app:1"),
        ("docker.io/lab/app:1", "docker.io/lab/app:1"),
        ("localhost/a", "localhost/a:latest"),
        ("r:5000/a", "r:5000/a:latest"),
        ("ghcr.io/a/b@sha256:ff", "ghcr.io/a/b@sha256:ff"),
    ] {
        assert_eq!(whole(short), long);
    }
}

#[test]
fn what_a_template_names_is_found_wherever_it_names_it() {
    let template = json!({ "spec": {
        "serviceAccountName": "cart", "priorityClassName": "high", "imagePullSecrets": [{ "name": "registry" }],
        "containers": [{ "env": [{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "api", "key": "token" } } }, { "name": "B", "valueFrom": { "configMapKeyRef": { "name": "maybe", "key": "x", "optional": true } } }, { "name": "C", "value": "c" }],
            "envFrom": [{ "configMapRef": { "name": "conf" } }] }],
        "volumes": [{ "name": "v", "secret": { "secretName": "tls", "items": [{ "key": "tls.crt", "path": "c" }] } }, { "name": "p", "persistentVolumeClaim": { "claimName": "disk" } },
            { "name": "j", "projected": { "sources": [{ "configMap": { "name": "extra" } }, { "serviceAccountToken": { "path": "t" } }] } }, { "name": "e", "emptyDir": {} }] } });
    let found: Vec<_> = named(&template)
        .into_iter()
        .map(|(named, keys)| format!("{}/{} {}", named.plural, named.name, keys.into_iter().collect::<Vec<_>>().join(",")))
        .collect();
    assert_eq!(
        found,
        [
            "configmaps/conf ",
            "configmaps/extra ",
            "persistentvolumeclaims/disk ",
            "priorityclasses/high ",
            "secrets/api token",
            "secrets/registry ",
            "secrets/tls tls.crt",
            "serviceaccounts/cart "
        ]
    );
}

#[test]
fn quantities_and_what_a_pod_costs_are_counted() {
    for (text, value) in [("2", 2.0), ("500m", 0.5), ("1Ki", 1024.0), ("1k", 1000.0), ("0.5Gi", 536_870_912.0)] {
        assert_eq!(quantity(text), Some(value), "{text}");
    }
    assert_eq!(quantity("much"), None);
    let template = json!({ "spec": { "containers": [{ "resources": { "requests": { "cpu": "250m" }, "limits": { "memory": "1Gi" } } }, { "resources": { "requests": { "cpu": "1" } } }] } });
    assert_eq!(
        (cost(&template, "pods"), cost(&template, "requests.cpu"), cost(&template, "cpu"), cost(&template, "limits.memory"), cost(&template, "services")),
        (1.0, 1.25, 1.25, 1_073_741_824.0, 0.0)
    );
}

#[test]
fn a_quota_without_room_is_named_with_what_it_lacks() {
    let template = json!({ "spec": { "containers": [{ "resources": { "requests": { "cpu": "250m" } } }] } });
    let quota = |hard: Value, used: Value| json!({ "metadata": { "name": "shop" }, "status": { "hard": hard, "used": used } });
    let of = |hard: Value, used: Value, extra| {
        lacking(&[quota(json!({}), json!({})), quota(hard, used)], &template, extra).map(|(name, of)| format!("{name}: {of}"))
    };
    assert_eq!(of(json!({ "pods": "4" }), json!({ "pods": "3" }), 1), None);
    assert_eq!(of(json!({ "pods": "4" }), json!({ "pods": "3" }), 2).as_deref(), Some("shop: pods"));
    assert_eq!(of(json!({ "pods": "9", "requests.cpu": "1" }), json!({ "pods": "3", "requests.cpu": "800m" }), 1).as_deref(), Some("shop: requests.cpu"));
    assert_eq!(of(json!({ "pods": "3", "services": "1" }), json!({ "pods": "3", "services": "1" }), 0), None, "no pod more, no room needed");
}

#[test]
fn a_surge_is_rounded_up() {
    let object = |surge: Value| json!({ "spec": { "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": surge } } } });
    assert_eq!((surge(&object(json!("25%")), 3), surge(&object(json!(2)), 3), surge(&json!({}), 4)), (1, 2, 1));
    assert_eq!(surge(&json!({ "spec": { "strategy": { "type": "Recreate" } } }), 3), 0);
}

#[test]
fn migrations_are_known_by_their_names() {
    assert!(migrates("cart-db-migrate-18") && migrates("Flyway") && migrates("alembic-upgrade"));
    assert!(!migrates("cart-report"));
}

#[test]
fn an_image_that_a_node_may_have_and_not_tell_of_is_not_called_gone() {
    let images = |count: usize| (0..count).map(|at| NodeImage { names: vec![format!("shop/other:{at}")] }).collect::<Vec<_>>();
    let with = [images(3), vec![NodeImage { names: vec!["docker.io/shop/cart@sha256:ab".into(), "docker.io/shop/cart:1".into()] }]];
    assert_eq!(nodes_with(&with, "shop/cart:1"), Some(1));
    assert_eq!(nodes_with(&with, "shop/cart@sha256:ab"), Some(1));
    assert_eq!(nodes_with(&[images(3), images(49)], "shop/cart:1"), Some(0));
    assert_eq!(nodes_with(&[images(3), images(50)], "shop/cart:1"), None, "a kubelet tells of its fifty largest");
}

#[test]
fn what_the_server_says_to_the_very_request_bars_it_where_it_would_be_refused() {
    let tried = Tried { verb: "patch", resource: "deployments.apps".into(), namespace: None, context: "a".into(), server: "s".into() };
    let said = |code, warning: &str| {
        let mut headers = http::HeaderMap::new();
        if !warning.is_empty() {
            headers.append("warning", warning.parse().expect("a header"));
        }
        let body = bytes::Bytes::from(json!({ "kind": "Status", "message": "no such thing", "code": code }).to_string());
        let found = would(&tried, Ok(Reply { code, headers, body }), "cart");
        (found.outcome, found.sentence.to_string())
    };
    assert_eq!(said(200, ""), (Outcome::Ok, "the server would accept it".into()));
    assert_eq!(said(200, r#"299 - "deprecated""#), (Outcome::Warn, "the server would accept it and warns: deprecated".into()));
    for code in [400, 403, 404, 422] {
        assert_eq!(said(code, ""), (Outcome::Block, "the server would refuse it: no such thing".into()), "{code}");
    }
    for code in [409, 429, 500, 503] {
        assert_eq!(said(code, "").0, Outcome::Unknown, "{code}: that says nothing of the request itself");
    }
}
