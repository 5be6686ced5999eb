//! What stands in a rollback's way, or only seems to (the failure modes that are about what lies around a workload).

use super::{
    acts::{checks, insist, operation, revisions, subject},
    lab::{self, Space},
};
use pilothouse::{
    domain::{CheckKind, Finding, Id, Operation, Outcome, Stage, Verb, Workload},
    sources::Source,
};
use std::{process::Command, sync::Arc};

/// The way back to the version `to`.
async fn back(source: &Arc<dyn Source>, id: &Id<Workload>, to: &str) -> Operation {
    let (row, all) = (subject(source, id).await, revisions(source, id).await);
    let good = all.into_iter().find(|revision| &*revision.version.0 == to).expect("it is kept");
    operation(Verb::RollBack, &row, Some(&good))
}

async fn found(source: &Arc<dyn Source>, id: &Id<Workload>, to: &str, kind: CheckKind) -> Finding {
    checks(source, back(source, id, to).await).await.2.remove(&kind).expect("it is checked")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autoscaler_at_its_limit_and_a_budget_that_allows_nothing_are_told_and_stop_nothing() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("ways");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    for version in [1, 2] {
        space.deploy("cart", version, &[], "a release");
        space.rolled_out("cart");
    }
    let budget = serde_json::json!({ "apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": { "name": "all" },
        "spec": { "minAvailable": "100%", "selector": { "matchLabels": { "app": "cart" } } } });
    space.apply(&budget.to_string());
    lab::eventually("the budget allows nothing", async || {
        (space.kubectl(&["get", "pdb", "all", "-o", "jsonpath={.status.expectedPods}/{.status.disruptionsAllowed}"]) == "2/0").then_some(())
    })
    .await;
    let told = found(&source, &id, "1", CheckKind::Scaling).await;
    assert!(told.outcome == Outcome::Ok && told.sentence.contains("budget all never blocks a rolling update"), "{told:?}");

    let scaler = serde_json::json!({ "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "cart" },
        "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart" }, "minReplicas": 2, "maxReplicas": 2 } });
    space.apply(&scaler.to_string());
    lab::eventually("the autoscaler is at its limit", async || {
        (space.kubectl(&["get", "hpa", "cart", "-o", "jsonpath={.status.currentReplicas}"]) == "2").then_some(())
    })
    .await;
    let told = found(&source, &id, "1", CheckKind::Scaling).await;
    assert!(told.outcome == Outcome::Warn && told.sentence.contains("at its limit of 2"), "{told:?}");

    let stages = insist(&source, back(&source, &id, "1").await).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
    space.rolled_out("cart");
    assert_eq!(space.kubectl(&["get", "deployment", "cart", "-o", "jsonpath={.spec.replicas}"]), "2", "the number is the autoscaler's");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_no_node_has_any_more_blocks_before_anything_is_sent() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let docker = |arguments: &[&str]| {
        let out = Command::new("docker").args(arguments).output().expect("docker is installed");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    let space = Space::new("gone");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    let image = format!("lab/passing:{}", std::process::id());
    docker(&["tag", "lab/app:1", &image]);
    space.apply(&lab::deployment("cart", &image, &[], "first"));
    space.rolled_out("cart");
    space.deploy("cart", 2, &[], "second");
    space.rolled_out("cart");
    let first = std::process::id().to_string();
    lab::eventually("the node tells of it", async || (found(&source, &id, &first, CheckKind::Image).await.outcome == Outcome::Ok).then_some(())).await;
    docker(&["rmi", &image]);
    let told = lab::eventually("the node does not any more", async || {
        Some(found(&source, &id, &first, CheckKind::Image).await).filter(|told| told.outcome != Outcome::Ok)
    })
    .await;
    assert!(told.outcome == Outcome::Block && told.sentence.contains(&image) && told.sentence.contains("on no node"), "{told:?}");
    assert!(told.remedy.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_no_node_has_is_looked_for_in_its_registry_and_a_tag_that_moved_is_told() {
    let (Some(kubeconfig), Ok(registry)) = (lab::kubeconfig(), std::env::var("LAB_REGISTRY")) else { return };
    let registry = registry.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let docker = |arguments: &[&str]| {
        let out = Command::new("docker").args(arguments).output().expect("docker is installed");
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let space = Space::new("registry");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    let name = format!("{registry}/contract/moves-{}", std::process::id());
    let (kept, never) = (format!("{name}:kept"), format!("{name}:never"));
    docker(&["tag", "lab/app:1", &kept]);
    docker(&["push", "--quiet", &kept]);
    // Neither has to run: what is asked is whether it could.
    for (image, what) in [(&kept, "there"), (&never, "never was"), (&"lab/app:2".to_owned(), "runs")] {
        let mut cart: serde_json::Value = serde_json::from_str(&lab::deployment("cart", image, &[], what)).expect("JSON");
        cart["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent".into();
        cart["spec"]["replicas"] = 0.into();
        space.apply(&cart.to_string());
        lab::eventually("it is a revision", async || revisions(&source, &id).await.iter().any(|one| one.cause.as_deref() == Some(what)).then_some(())).await;
    }
    let found = async |tag: &str| found(&source, &id, tag, CheckKind::Image).await;
    let gone = found("never").await;
    assert!(gone.outcome == Outcome::Block && gone.sentence.contains("its registry does not have it"), "{gone:?}");
    lab::eventually("the node has it", async || (found("kept").await.sentence.contains("is on 1 of 1 nodes")).then_some(())).await;
    docker(&["tag", "lab/app:2", &kept]);
    docker(&["push", "--quiet", &kept]);
    docker(&["tag", "lab/app:1", &kept]);
    let moved = lab::eventually("it moved", async || Some(found("kept").await).filter(|found| found.outcome == Outcome::Warn)).await;
    assert!(moved.sentence.contains("names another image in the registry now"), "{moved:?}");
    docker(&["rmi", &kept]);
    let there = lab::eventually("no node has it", async || Some(found("kept").await).filter(|found| found.sentence.contains("is on no node"))).await;
    assert!(there.outcome == Outcome::Ok && there.sentence.contains("its registry has it, digest"), "{there:?}");
}
