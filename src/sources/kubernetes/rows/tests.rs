use super::*;
use crate::{
    domain::{ContainerState, Evidence, Owner, Progress},
    sources::kubernetes::wire::{
        List, Meta,
        apps::{Deployment, ReplicaSet, Spec, Status},
        core::{Event, Pod as WirePod},
    },
};
use serde_json::{Value, json};

fn source() -> SourceId {
    SourceId::new("kubernetes/prod")
}

macro_rules! fixture {
    ($version:literal, $name:literal) => {
        include_str!(concat!("../../../../tests/fixtures/kubernetes/", $version, "/", $name, ".json"))
    };
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str::<List<T>>(text).expect("a list").whole().collect()
}

fn pods(text: &str) -> Vec<Pod> {
    read::<WirePod>(text).iter().map(|object| pod(&source(), object)).collect()
}

#[test]
fn a_deployment_in_the_middle_of_a_rollout_is_a_row() {
    let object = &read::<Deployment>(fixture!("1.20", "deployments"))[0];
    let row = workload(&source(), Kind::Deployment, object, &object.spec, &object.status);
    assert_eq!(row.id.as_str(), "kubernetes/prod#deployments/shop/cart");
    assert_eq!((row.revision, &*row.version.0, row.selector.expose()), (Some(18), "2.8.0", "app=cart,tier in (a,b)"));
    assert_eq!((row.replicas.wanted, row.replicas.total, row.replicas.updated, row.replicas.ready), (3, 4, 1, 3));
    assert_eq!(row.progress, Progress::Rolling);
    assert_eq!(row.owner, Some(Owner::Helm { release: crate::text::Name::new("shop"), namespace: crate::text::Name::new("shop") }));
    assert!(row.labels.get("app").is_some() && row.labels.get("noise.example/x").is_none());
    assert_eq!(Address::of(&row.id).map(|address| address.path()).as_deref(), Some("/apis/apps/v1/namespaces/shop/deployments/cart"));
}

#[test]
fn only_the_replica_sets_of_deployments_and_rollouts_are_revisions() {
    let sets = read::<ReplicaSet>(fixture!("1.20", "replicasets"));
    let rows: Vec<_> = sets.iter().filter_map(|set| revision_of_replica_set(&source(), set)).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1].workload, workload_id(&source(), "rollouts", "shop", "canary"));
    assert_eq!((rows[0].number, rows[0].template.expose(), &*rows[0].version.0), (16, "6b9d7f", "2.7.3"));
    assert_eq!(rows[0].cause.as_deref(), Some("release 2.7.3"));
    assert_eq!(rows[0].evidence, [Evidence::ServingNow { ready: 3, wanted: 3 }]);
    assert_eq!(rows[0].workload, workload_id(&source(), "deployments", "shop", "cart"));
}

#[test]
fn a_crash_looping_pod_says_why() {
    let rows = pods(fixture!("1.20", "pods"));
    let crashed = &rows[0];
    assert_eq!((&*crashed.reason, crashed.ready, crashed.restarts), ("CrashLoopBackOff", false, 4));
    assert_eq!(crashed.workload, Some(workload_id(&source(), "deployments", "shop", "cart")));
    assert_eq!(crashed.containers[0].image.digest.as_ref().map(|digest| digest.raw()), Some("sha256:3e9f1a2b"));
    let Some(ContainerState::Ended { code, message, .. }) = &crashed.containers[0].last else { panic!("it ended") };
    assert_eq!((*code, message.as_str()), (1, "panic: no config"));
    assert!(crashed.restarted.is_some());
    assert!(rank(crashed) > rank(&rows[1]));
}

#[test]
fn leaving_and_waiting_pods_say_so() {
    let rows = pods(fixture!("1.20", "pods"));
    assert_eq!((&*rows[1].reason, rows[1].leaving, rows[1].ready), ("Terminating", true, false));
    assert_eq!((&*rows[2].reason, rows[2].message.as_str()), ("Pending", "0/3 nodes are available: 3 Insufficient cpu."));
    assert_eq!(rows[2].workload, None);
}

#[test]
fn a_running_sidecar_is_not_waited_for() {
    let rows = pods(fixture!("1.36", "pods"));
    assert_eq!(&*rows[0].reason, "Init:2/3");
    assert_eq!(rows[0].workload, Some(workload_id(&source(), "statefulsets", "shop", "kafka")));
    assert_eq!(
        rows[0].containers.iter().map(|container| (container.name.raw(), container.init)).collect::<Vec<_>>(),
        [("mesh", false), ("chown", true), ("late", true), ("broker", false)]
    );
    assert!(matches!(rows[0].containers[1].state, ContainerState::Ended { code: 0, began: None, ended: None, .. }));
}

#[test]
fn an_event_happened_when_its_writer_says() {
    let rows: Vec<_> = read::<Event>(fixture!("1.36", "events")).iter().map(|event| happening(&source(), event)).collect();
    assert_eq!((rows[0].count, rows[0].at.map(|at| at.to_string())), (7, Some("2026-10-01T00:05:00.000001Z".to_owned())));
    assert_eq!(
        (rows[1].count, rows[1].at.map(|at| at.to_string()), rows[1].message.as_str()),
        (12, Some("2026-10-01T00:04:00Z".to_owned()), "Back-off restarting failed container")
    );
    assert!(rows[0].warning && &*rows[1].field == "spec.containers{app}");
}

fn judged(kind: Kind, generation: i64, spec: Value, status: Value) -> &'static str {
    let spec: Spec = serde_json::from_value(spec).expect("a spec");
    let status: Status = serde_json::from_value(status).expect("a status");
    match progress(kind, generation, &spec, &status) {
        Progress::Done => "done",
        Progress::Unobserved => "unobserved",
        Progress::Rolling => "rolling",
        Progress::Stuck { .. } => "stuck",
        Progress::Paused { .. } => "paused",
        Progress::Waiting { .. } => "waiting",
        Progress::Aborted { .. } => "aborted",
        Progress::Unknown => "unknown",
    }
}

#[test]
fn progress_follows_the_rules_of_kubectl_rollout_status() {
    let late = json!([{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }]);
    let fails = json!([{ "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate" }]);
    let (deployment, stateful, daemon) = (Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet);
    let rolling = json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } });
    let whole = json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3 });
    let with = |changes: Value| {
        let mut status = whole.clone();
        changes.as_object().into_iter().flatten().for_each(|(key, value)| status[key] = value.clone());
        status
    };
    let three = json!({ "replicas": 3 });
    let table = [
        (deployment, 2, three.clone(), whole.clone(), "done"),
        (deployment, 3, three.clone(), whole.clone(), "unobserved"),
        (deployment, 2, json!({ "replicas": 3, "paused": true }), whole.clone(), "paused"),
        (deployment, 2, json!({}), json!({ "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 }), "done"),
        (deployment, 2, json!({ "replicas": 0 }), json!({ "observedGeneration": 2 }), "done"),
        (deployment, 2, three.clone(), with(json!({ "updatedReplicas": 2 })), "rolling"),
        (deployment, 2, three.clone(), with(json!({ "replicas": 4 })), "rolling"),
        (deployment, 2, three.clone(), with(json!({ "availableReplicas": 2 })), "rolling"),
        (deployment, 2, three.clone(), with(json!({ "updatedReplicas": 1, "conditions": late })), "stuck"),
        (deployment, 3, three.clone(), with(json!({ "conditions": late })), "unobserved"),
        (deployment, 2, three.clone(), with(json!({ "updatedReplicas": 1, "conditions": fails })), "stuck"),
        (deployment, 2, three.clone(), with(json!({ "conditions": fails })), "done"),
        (stateful, 2, json!({ "replicas": 3, "updateStrategy": rolling }), with(json!({ "currentRevision": "a", "updateRevision": "a" })), "done"),
        (
            stateful,
            2,
            json!({ "replicas": 3, "updateStrategy": rolling }),
            with(json!({ "readyReplicas": 2, "updateRevision": "a", "currentRevision": "a" })),
            "rolling",
        ),
        (stateful, 2, json!({ "replicas": 3, "updateStrategy": rolling }), with(json!({ "currentRevision": "a", "updateRevision": "b" })), "rolling"),
        (
            stateful,
            2,
            json!({ "replicas": 3, "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 2 } } }),
            with(json!({ "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b" })),
            "done",
        ),
        (
            stateful,
            2,
            json!({ "replicas": 3, "updateStrategy": { "type": "OnDelete" } }),
            with(json!({ "updatedReplicas": 0, "currentRevision": "a", "updateRevision": "b" })),
            "unknown",
        ),
        (daemon, 2, json!({}), json!({ "observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2 }), "done"),
        (daemon, 2, json!({}), json!({ "observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1, "numberAvailable": 2 }), "rolling"),
        (daemon, 2, json!({}), json!({ "observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1 }), "rolling"),
        (daemon, 2, json!({}), json!({ "observedGeneration": 2 }), "done"),
        (
            daemon,
            2,
            json!({ "updateStrategy": { "type": "OnDelete" } }),
            json!({ "observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1, "numberAvailable": 2 }),
            "unknown",
        ),
    ];
    for (index, (kind, generation, spec, status, expected)) in table.into_iter().enumerate() {
        assert_eq!(judged(kind, generation, spec, status), expected, "case {index}");
    }
}

fn owned(labels: Value, annotations: Value, owners: Value) -> Option<String> {
    let meta: Meta =
        serde_json::from_value(json!({ "name": "cart", "namespace": "shop", "labels": labels, "annotations": annotations, "ownerReferences": owners }))
            .expect("metadata");
    super::workload::owner(&meta.0).map(|owner| owner.words().to_string())
}

#[test]
fn the_owner_that_acts_soonest_is_named() {
    let helm = json!({ "meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop" });
    assert_eq!(owned(json!({}), helm.clone(), json!([])).as_deref(), Some("Helm release shop"));
    assert_eq!(
        owned(json!({ "helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux" }), helm.clone(), json!([])).as_deref(),
        Some("Flux HelmRelease flux/shop")
    );
    assert_eq!(owned(json!({ "kustomize.toolkit.fluxcd.io/name": "apps" }), json!({}), json!([])).as_deref(), Some("Flux Kustomization shop/apps"));
    assert_eq!(
        owned(json!({}), json!({ "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/cart" }), json!([])).as_deref(),
        Some("Argo CD application shop")
    );
    assert_eq!(
        owned(json!({}), json!({ "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/other" }), json!([])),
        None,
        "a copied annotation is about something else"
    );
    assert_eq!(owned(json!({}), helm, json!([{ "kind": "Canary", "name": "cart", "controller": true }])).as_deref(), Some("Canary cart"));
    assert_eq!(owned(json!({}), json!({}), json!([])), None);
}
