//! What the deletion of such a pod would mean. Changes nothing.

use super::{One, Turns};
use crate::{
    clean,
    domain::{Awaited, Check, CheckKind, Finding, Operation, Standing},
    sources::{
        SourceError,
        kubernetes::{
            checks,
            client::{Call, Cluster},
            wire::core::Node,
        },
        steps,
    },
    text::Clean,
};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::sync::Arc;

const CHECKS: [CheckKind; 5] = [CheckKind::Rights, CheckKind::Pod, CheckKind::Deletion, CheckKind::Strategy, CheckKind::DryRun];
/// A pod that is not ready for less than this may still become so.
const YOUNG: SignedDuration = SignedDuration::from_secs(60);

/// Makes the checks.
pub fn checks(cluster: Arc<Cluster>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let turns = Arc::new(Turns::named(&cluster, &operation).await?);
        let name = Awaited::name_in(&operation.from);
        let namespace = turns.current.address.namespace.clone();
        let command = Check::Command(clean!("kubectl delete pod {name} -n {namespace} --context {}", cluster.known.name));
        let at_once = [strategy(&turns, &name), holds(&turns, &name)];
        let (own, context) = (turns.clone(), cluster.clone());
        let (from, pod) = (operation.from.clone(), name.clone());
        let stands = async move { as_seen(&context, &own, own.moved(&from), &pod).await };
        let context = cluster.clone();
        let rights = async move { checks::may_do(&context, "delete", "", ("pods", &namespace, &name), "").await };
        let dry_run = async move { dry_run(&cluster, &turns, &operation).await };
        let asked: [BoxFuture<'static, Finding>; 3] = [rights.boxed(), stands.boxed(), dry_run.boxed()];
        let asked: FuturesUnordered<_> = asked.into_iter().collect();
        Ok(stream::iter([command]).chain(stream::iter(at_once).chain(asked).map(Check::Made)).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

/// Whether it still is the pod that was seen, of the revision that is left, and not ready; and whether it can go at all.
async fn as_seen(cluster: &Cluster, turns: &Turns, moved: Option<Clean>, name: &Clean) -> Finding {
    let made = CheckKind::Pod;
    let found = turns.pods.iter().find(|pod| pod.name() == name);
    let (None, Some(pod)) = (moved.as_ref(), found) else { return made.block(moved.unwrap_or_else(|| clean!("{name} is gone")), None) };
    if let Some(finalizer) = pod.raw.pointer("/metadata/finalizers/0").and_then(Value::as_str) {
        return made.warn(clean!("{name} goes only when its finalizer {finalizer} is taken away"), None);
    }
    let node = pod.lean.spec.node_name.as_str();
    if !node.is_empty() && down(cluster, node).await {
        let remedy = clean!("bring {node} back, or take it out of the cluster");
        return made.warn(clean!("{name} stands on {node}, which is not ready: it stays on its way out until that node answers"), Some(remedy));
    }
    let since = match pod.stands() {
        Standing::Unready { since, .. } => since,
        Standing::Gone | Standing::Leaving | Standing::Ready => None,
    };
    let (says, waited) = (pod.says(), since.map(|since| Timestamp::now().duration_since(since)));
    match waited.filter(|waited| *waited < YOUNG) {
        Some(waited) => made.warn(clean!("{name} is not ready for {} s only: it may still become ready ({says})", waited.as_secs().max(0)), None),
        None => made.ok(clean!("it still is that pod: {says}")),
    }
}

/// Whether a node is known not to be ready; who may not read it is not told.
async fn down(cluster: &Cluster, node: &str) -> bool {
    let call = Call::get("nodes", None, format!("/api/v1/nodes/{node}"));
    let found: Option<Node> = cluster.find(&call).await.unwrap_or_default();
    let ready = found.as_ref().and_then(|node| node.status.conditions.iter().find(|condition| condition.kind == "Ready"));
    ready.is_some_and(|ready| ready.status != "True")
}

/// Whether it is the one that everything waits for.
fn strategy(turns: &Turns, name: &Clean) -> Finding {
    let (made, set) = (CheckKind::Strategy, turns.name());
    match turns.waits_for() {
        Ok(pod) if pod.name() == name => {
            made.ok(clean!("OrderedReady: nothing of {set} moves before {name} is ready; it is made anew from {}", turns.called(turns.newest())))
        }
        Ok(other) => made.block(clean!("its controller waits for {}, not for {name}", other.name()), None),
        Err(why) => made.block(why, None),
    }
}

/// What it holds that goes with it, and what stays.
pub(super) fn holds(turns: &Turns, name: &Clean) -> Finding {
    let made = CheckKind::Deletion;
    let Some(pod) = turns.pods.iter().find(|pod| pod.name() == name) else { return made.unknown("it is gone") };
    let (stays, lost) = volumes(pod);
    let kept = if stays.is_empty() { Clean::EMPTY } else { clean!("; {} stay{}", stays.join(", "), if stays.len() == 1 { "s" } else { "" }) };
    match lost.as_slice() {
        [] if stays.is_empty() => made.ok("it has no volume of its own: nothing is lost but what its containers wrote into themselves"),
        [] => made.ok(clean!("nothing is lost{kept}")),
        lost => made.warn(clean!("what is in {} is lost with it{kept}", lost.join(", ")), None),
    }
}

/// Its volumes, in words: those that its successor gets again, and those that go with a pod (kubernetes.io, Volumes and Ephemeral Volumes).
fn volumes(pod: &One) -> (Vec<Clean>, Vec<Clean>) {
    let (mut stays, mut lost) = (Vec::new(), Vec::new());
    for volume in pod.raw.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten() {
        let name = volume.get("name").and_then(Value::as_str).unwrap_or_default();
        let claim = volume.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str);
        match claim {
            Some(claim) => stays.push(clean!("the claim {claim}")),
            None if volume.get("emptyDir").is_some() => lost.push(clean!("the emptyDir {name}")),
            None if volume.get("ephemeral").is_some() => lost.push(clean!("the ephemeral volume {name}")),
            None => {}
        }
    }
    (stays, lost)
}

/// What the server says to the very request.
async fn dry_run(cluster: &Cluster, turns: &Turns, operation: &Operation) -> Finding {
    let dry = match checks::dry(cluster).await {
        Ok(dry) => dry,
        Err(finding) => return finding,
    };
    match turns.change(operation) {
        Ok(change) => checks::try_out(cluster, &dry, &change, &Awaited::name_in(&operation.from)).await,
        Err(stage) => checks::no_request(stage),
    }
}
