//! StatefulSets and DaemonSets are taken back.

use super::{
    acts::{checks, insist, operation, revisions, subject},
    lab::{self, Space},
};
use pilothouse::{
    domain::{CheckKind, Evidence, Id, Outcome, Revision, Stage, Verb, Workload},
    sources::Source,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The lab's application as another kind of workload.
pub fn manifest(kind: &str, name: &str, version: u32, environment: &[(&str, &str)]) -> Value {
    let mut manifest: Value = serde_json::from_str(&lab::deployment(name, &format!("lab/app:{version}"), environment, "")).expect("JSON");
    let spec = manifest["spec"].as_object_mut().expect("a specification");
    match kind {
        "Deployment" => return manifest,
        _ => _ = spec.remove("strategy"),
    }
    match kind {
        "DaemonSet" => _ = spec.remove("replicas"),
        _ => _ = spec.insert("serviceName".into(), name.into()),
    }
    manifest["kind"] = kind.into();
    manifest
}

async fn rows(source: &Arc<dyn Source>, id: &Id<Workload>) -> (Revision, Vec<Revision>) {
    let rows = revisions(source, id).await;
    (rows.iter().find(|row| row.current).expect("one runs").clone(), rows)
}

fn template(space: &Space, object: &str) -> Value {
    serde_json::from_str(&space.kubectl(&["get", object, "-o", "jsonpath={.spec.template}"])).expect("JSON")
}

/// Back to the revision with this image, through the gate.
async fn back(source: &Arc<dyn Source>, id: &Id<Workload>, image: &str) -> Vec<Stage> {
    let (_, rows) = rows(source, id).await;
    let to = rows.iter().find(|row| row.images.iter().any(|known| known.reference.raw() == image)).expect("it is kept");
    insist(source, operation(Verb::RollBack, &subject(source, id).await, Some(to))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_go_back_to_what_kubectl_makes_of_the_same_history() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("sets");
    let source = lab::source(&kubeconfig, "lab", "");
    for (kind, plural, name) in [("StatefulSet", "statefulsets", "web"), ("DaemonSet", "daemonsets", "agent")] {
        let (object, id) = (format!("{}/{name}", kind.to_lowercase()), Id::new(source.id(), &format!("{plural}/{}/{name}", space.name)));
        let rolled_out = || space.object_rolled_out(&object);
        for version in [1, 2] {
            space.apply(&manifest(kind, name, version, &[]).to_string());
            rolled_out();
        }
        let (current, all) = rows(&source, &id).await;
        assert_eq!((current.number, &*current.version.0, all.len()), (2, "2", 2));
        let serving = current.evidence.iter().any(|evidence| matches!(evidence, Evidence::ServingNow { ready, wanted } if ready == wanted));
        assert!(serving, "{current:?}");

        let wish = operation(Verb::RollBack, &subject(&source, &id).await, Some(&all[1]));
        let mark = wish.id.to_string();
        let (_, command, made) = checks(&source, wish.clone()).await;
        let words = format!("kubectl rollout undo {object} -n {} --context lab --to-revision=1", space.name);
        assert_eq!(command.as_deref(), Some(words.as_str()));
        let bad: Vec<_> = made.values().filter(|finding| finding.outcome != Outcome::Ok && finding.kind != CheckKind::LastApplied).collect();
        assert!(bad.is_empty(), "{bad:#?}");
        let stages = insist(&source, wish).await;
        assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
        rolled_out();
        let ours = template(&space, &object);
        let after = subject(&source, &id).await;
        assert_eq!(after.operation.as_deref(), Some(mark.as_str()));
        let (current, all) = rows(&source, &id).await;
        assert_eq!((current.number, &*current.version.0, all.len()), (3, "1", 2), "the old revision has a new number");
        assert_eq!(after.rolled_back_from.map(|(template, _)| template.to_string()), Some(all[1].template.expose().to_owned()));
        assert!(all[1].evidence.iter().any(|evidence| matches!(evidence, Evidence::RolledBackFrom { .. })), "{all:?}");

        space.kubectl(&["rollout", "undo", &object, "--to-revision=2"]);
        rolled_out();
        space.kubectl(&["rollout", "undo", &object, "--to-revision=3"]);
        rolled_out();
        assert_eq!(template(&space, &object), ours, "what kubectl makes of it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pod_that_an_ordered_set_waits_for_in_vain_is_named_and_its_deletion_ends_the_wait() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("ordered");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = Id::new(source.id(), &format!("statefulsets/{}/web", space.name));
    space.apply(&manifest("StatefulSet", "web", 1, &[]).to_string());
    space.object_rolled_out("statefulset/web");
    space.apply(&manifest("StatefulSet", "web", 2, &[("APP_READY_AFTER", "never")]).to_string());
    let bad = lab::eventually("the second pod is replaced and never ready", async || {
        let (current, _) = rows(&source, &id).await;
        (current.number == 2 && current.replicas.total == 1 && current.replicas.ready == 0).then_some(current)
    })
    .await;
    let (_, all) = rows(&source, &id).await;
    let good = all.iter().find(|row| row.number == 1).expect("it is kept");
    assert!(good.evidence.iter().any(|evidence| matches!(evidence, Evidence::ServingNow { ready: 1, wanted: 2 })), "{good:?}");
    let (_, _, made) = checks(&source, operation(Verb::RollBack, &subject(&source, &id).await, Some(good))).await;
    let strategy = &made[&CheckKind::Strategy];
    assert!(strategy.outcome == Outcome::Warn && strategy.sentence.contains("nothing moves before web-1 is ready"), "{strategy:?}");
    let by_hand = format!("by hand kubectl delete pod web-1 -n {}", space.name);
    assert!(strategy.remedy.as_ref().is_some_and(|remedy| remedy.starts_with("A plans that") && remedy.ends_with(&by_hand)), "{strategy:?}");

    let stages = back(&source, &id, "lab/app:1").await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
    // The controller has taken it up, and the pod of the bad revision is still there.
    lab::eventually("the controller has seen it", async || {
        let seen = subject(&source, &id).await;
        (seen.observed >= seen.generation).then_some(())
    })
    .await;
    let hash = space.kubectl(&["get", "pod", "web-1", "-o", "jsonpath={.metadata.labels.controller-revision-hash}"]);
    assert_eq!(hash, bad.template.expose());
    space.kubectl(&["delete", "pod", "web-1"]);
    space.object_rolled_out("statefulset/web");
    let (current, _) = rows(&source, &id).await;
    assert_eq!((&*current.version.0, current.replicas.ready), ("1", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_delete_and_partition_are_said_plainly() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("plainly");
    let source = lab::source(&kubeconfig, "lab", "");
    let cases = [
        ("DaemonSet", "daemonsets", "agent", json!({ "type": "OnDelete" }), "no pod is replaced until somebody deletes it"),
        ("StatefulSet", "statefulsets", "web", json!({ "rollingUpdate": { "partition": 1 } }), "only pods from web-1 on go back"),
    ];
    for (kind, plural, name, strategy, words) in cases {
        let id = Id::new(source.id(), &format!("{plural}/{}/{name}", space.name));
        for version in [1, 2] {
            let mut manifest = manifest(kind, name, version, &[]);
            manifest["spec"]["updateStrategy"] = strategy.clone();
            space.apply(&manifest.to_string());
            lab::eventually("its revision", async || (revisions(&source, &id).await.len() == version as usize).then_some(())).await;
        }
        let (_, all) = rows(&source, &id).await;
        let (_, _, made) = checks(&source, operation(Verb::RollBack, &subject(&source, &id).await, Some(&all[1]))).await;
        let strategy = &made[&CheckKind::Strategy];
        assert!(strategy.outcome == Outcome::Warn && strategy.sentence.contains(words) && strategy.remedy.is_some(), "{strategy:?}");
    }
}
