//! What switching back would mean. Changes nothing.

use super::{Found, Sort, Switch, Work, board, name, text};
use crate::{
    clean,
    domain::{Arm, Check, CheckKind, Finding, Id, Kind, Operation, Owner, Progress, Workload},
    sources::{
        SourceError,
        kubernetes::{
            ask::Current,
            checks,
            client::Cluster,
            groups::Served,
            rows,
            template::LAST_APPLIED,
            wire::{controller, note},
        },
        steps,
    },
};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
};
use jiff::Timestamp;
use kube::core::ObjectMeta;
use serde_json::Value;
use std::sync::Arc;

const CHECKS: [CheckKind; 7] =
    [CheckKind::Rights, CheckKind::Owner, CheckKind::Strategy, CheckKind::Migration, CheckKind::Traffic, CheckKind::LastApplied, CheckKind::DryRun];

/// Where a Service says which Rollout keeps it.
const KEPT_BY_ROLLOUT: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";

/// Makes the checks.
pub fn checks(cluster: Arc<Cluster>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let switch = Arc::new(Switch::read(&cluster, &operation).await?);
        let command = switch.command(&operation, &cluster.known.name).map(Check::Command);
        let (operation, meta) = (Arc::new(operation), Arc::new(meta(&switch.found.raw)));
        let at_once = [stands_ready(&switch, &operation), last_applied(&switch, &meta)];
        let asked: [BoxFuture<'static, Finding>; 5] = [
            rights(cluster.clone(), switch.clone()).boxed(),
            owner(cluster.clone(), switch.clone(), meta.clone()).boxed(),
            migration(cluster.clone(), switch.clone(), operation.clone()).boxed(),
            traffic(cluster.clone(), switch.clone(), meta).boxed(),
            dry_run(cluster, switch, operation).boxed(),
        ];
        let asked: FuturesUnordered<_> = asked.into_iter().collect();
        Ok(stream::iter(command).chain(stream::iter(at_once).chain(asked).map(Check::Made)).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

fn meta(object: &Value) -> ObjectMeta {
    object.get("metadata").and_then(|meta| serde_json::from_value(meta.clone()).ok()).unwrap_or_default()
}

async fn rights(cluster: Arc<Cluster>, switch: Arc<Switch>) -> Finding {
    let resource = switch.resource();
    let (plural, group) = resource.split_once('.').unwrap_or((&resource, ""));
    let raw = &switch.found.raw;
    checks::may_patch(&cluster, group, (plural, text(raw, "/metadata/namespace"), name(raw)), "").await
}

/// Who would write it again by what git or a chart says.
async fn owner(cluster: Arc<Cluster>, switch: Arc<Switch>, meta: Arc<ObjectMeta>) -> Finding {
    let kind = CheckKind::Owner;
    match rows::owner(&meta) {
        None => kind.ok(clean!("nothing else claims {}", switch.name())),
        Some(Owner::Helm { release, namespace }) => kind.warn(
            clean!("Helm release {release} in {namespace} made {}: its next upgrade may lead the traffic forward again", switch.name()),
            Some("correct what the next upgrade says, before it runs".into()),
        ),
        Some(owner @ (Owner::ArgoCd { .. } | Owner::Flux { .. })) => checks::kept(&cluster, &switch.served, &meta, &owner).await,
        // Whether it forbids the switch is said where controllers of traffic are told.
        Some(owner @ Owner::Operator { .. }) => kind.warn(clean!("{} owns {}", owner.words(), switch.name()), None),
    }
}

/// Whether the pods are ready that will have to bear the traffic, and enough of them.
fn stands_ready(switch: &Switch, operation: &Operation) -> Finding {
    let kind = CheckKind::Strategy;
    let (Some((arm, work)), left) = (switch.target(operation), switch.route.arm(&operation.subject)) else {
        return kind.block("what it would be switched to is not there any more, or another revision runs there", None);
    };
    let Arm { name, ready, wanted, .. } = arm;
    let needed = left.map_or(0, |left| left.ready.max(left.wanted));
    let scale = || {
        let (kind, namespace) = (work.kind.word().to_ascii_lowercase(), &work.address.namespace);
        Some(clean!("kubectl scale {kind}/{name} -n {namespace} --replicas={}", needed.max(1)))
    };
    match *ready {
        0 => kind.block(clean!("no pod of {name} is ready, {wanted} asked for: nothing would serve"), scale()),
        _ if unfinished(work) => kind.warn(
            clean!("{ready} of {wanted} pods of {name} are ready, and its own rollout is not over: it is not called recovered before that is"),
            Some(clean!("look at {name} first")),
        ),
        few if few < needed => kind.warn(clean!("instant: {few} of {wanted} pods of {name} are ready, for what {needed} are asked for now"), scale()),
        _ => kind.ok(clean!("instant: {ready} of {wanted} pods of {name} are ready")),
    }
}

/// Whether its newest revision is not carried out whole.
fn unfinished(work: &Work) -> bool {
    let current = Current::of(work.address.clone(), work.kind, work.raw.clone());
    current.is_ok_and(|current| current.progress() != Progress::Done)
}

/// Whether a schema was changed since what it goes back to was made.
async fn migration(cluster: Arc<Cluster>, switch: Arc<Switch>, operation: Arc<Operation>) -> Finding {
    let Some((arm, work)) = switch.target(&operation) else { return CheckKind::Migration.unknown("what it would be switched to is not there") };
    checks::jobs_since(&cluster, &work.address.namespace, arm.revision.created).await
}

fn last_applied(switch: &Switch, meta: &ObjectMeta) -> Finding {
    let kind = CheckKind::LastApplied;
    if note(meta, LAST_APPLIED).is_none() && switch.found.note(LAST_APPLIED).is_none() {
        return kind.ok("it was not made by `kubectl apply`, which would lead the traffic forward again");
    }
    kind.warn(
        clean!("{} was made by `kubectl apply`: the next apply of its manifest leads the traffic where that says", switch.name()),
        Some("correct the manifest before the next apply".into()),
    )
}

/// Whether a controller steers this traffic: it would write the object again.
async fn traffic(cluster: Arc<Cluster>, switch: Arc<Switch>, meta: Arc<ObjectMeta>) -> Finding {
    let kind = CheckKind::Traffic;
    let (namespace, found) = (text(&switch.found.raw, "/metadata/namespace"), &switch.found);
    if let Some(owner) = controller(&meta) {
        let owner = clean!("{} {}", owner.kind, owner.name);
        return kind.block(clean!("{owner} owns {} and writes it again", switch.name()), Some(clean!("change {owner} instead")));
    }
    let listed = async |(group, plural): (&'static str, &'static str)| match switch.served.best(group) {
        Some(version) => board::list(&cluster, &format!("/apis/{group}/{version}"), (plural, group), namespace, "").await,
        None => Ok(Vec::new()),
    };
    let (rollouts, canaries) = futures::join!(listed(("argoproj.io", "rollouts")), listed(("flagger.app", "canaries")));
    let (rollouts, canaries) = match (rollouts, canaries) {
        (Ok(rollouts), Ok(canaries)) => (rollouts, canaries),
        (Err(error), _) | (_, Err(error)) => return kind.failed(&error),
    };
    if let Some(block) = steered(found, &rollouts, &canaries) {
        return block;
    }
    let beside = match &found.sort {
        Sort::Weights(weights) => weights.beside,
        Sort::Selector => 0,
    };
    match (&switch.others[..], beside) {
        ([], 0) => kind.ok("no canary controller steers this traffic"),
        ([], count) => kind.warn(
            clean!("{count} more route{} of {} lead{} to one of them by a match, and stay{} as they are", s(count), switch.name(), verb(count), verb(count)),
            Some(clean!("look at {} for what still reaches the version that you leave", switch.name())),
        ),
        ([other, ..], _) => kind.warn(clean!("{other} leads to what you leave too, and stays as it is"), Some("R once more switches it as well".into())),
    }
}

const fn s(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

const fn verb(count: usize) -> &'static str {
    if count == 1 { "s" } else { "" }
}

/// The controller that names the object, its Services or its workloads, and the way that is its own.
fn steered(found: &Found, rollouts: &[Value], canaries: &[Value]) -> Option<Finding> {
    let kind = CheckKind::Traffic;
    let own = name(&found.raw);
    let services: Vec<&str> = match &found.sort {
        Sort::Selector => vec![own],
        Sort::Weights(weights) => weights.hosts.iter().map(String::as_str).collect(),
    };
    let weighs = matches!(found.sort, Sort::Weights(_));
    let is_work = |wanted: &str| found.arms.iter().any(|(work, _)| work.address.name == wanted);
    let marked = found.note(KEPT_BY_ROLLOUT).map(str::to_owned);
    let rollout = marked.or_else(|| {
        rollouts
            .iter()
            .find(|rollout| names(rollout, &services, weighs.then_some(own)) || is_work(text(rollout, "/spec/workloadRef/name")))
            .map(|rollout| name(rollout).to_owned())
    });
    if let Some(rollout) = rollout {
        let sentence = clean!("Rollout {rollout} steers {}: its controller would lead the traffic again as it wants", found.words());
        return Some(kind.block(sentence, Some(clean!("R on Rollout {rollout} aborts it or takes it back"))));
    }
    let flagger = canaries.iter().find(|canary| {
        let target = text(canary, "/spec/targetRef/name");
        let apex = Some(text(canary, "/spec/service/name")).filter(|name| !name.is_empty()).unwrap_or(target);
        let led = |service: &&str| *service == apex || ["primary", "canary"].iter().any(|part| **service == format!("{apex}-{part}"));
        is_work(target) || is_work(&format!("{target}-primary")) || services.iter().any(|service| led(service)) || (weighs && own == apex)
    });
    flagger.map(|canary| {
        let (name, target) = (name(canary), text(canary, "/spec/targetRef/name"));
        let sentence = clean!("Flagger canary {name} steers {}: its next step would write it again", found.words());
        kind.block(sentence, Some(clean!("let Flagger go back: by its rollback gate, or by the earlier version of {target}")))
    })
}

/// Whether a Rollout names one of these Services, or this VirtualService.
fn names(rollout: &Value, services: &[&str], virtual_service: Option<&str>) -> bool {
    let strategy = |pointer: &str| text(rollout, &format!("/spec/strategy/{pointer}"));
    let named = ["blueGreen/activeService", "blueGreen/previewService", "canary/stableService", "canary/canaryService"];
    let istio = rollout.pointer("/spec/strategy/canary/trafficRouting/istio");
    let several = istio.and_then(|istio| istio.get("virtualServices")?.as_array()).into_iter().flatten();
    let one = istio.and_then(|istio| istio.get("virtualService"));
    // `NAMESPACE/NAME` where it is another one's.
    let is = |wanted: &str| one.into_iter().chain(several).any(|named| text(named, "/name").rsplit('/').next() == Some(wanted));
    named.iter().any(|pointer| services.contains(&strategy(pointer))) || virtual_service.is_some_and(is)
}

/// What the server says to the very request.
async fn dry_run(cluster: Arc<Cluster>, switch: Arc<Switch>, operation: Arc<Operation>) -> Finding {
    let dry = match checks::dry(&cluster).await {
        Ok(dry) => dry,
        Err(finding) => return finding,
    };
    match switch.change(&operation, Timestamp::now()) {
        Ok(change) => checks::try_out(&cluster, &dry, &change, &switch.name()).await,
        Err(stage) => checks::no_request(stage),
    }
}

/// What routes have to say to another change of a workload: that nothing leads to it, or what stands beside it.
pub async fn says(cluster: &Cluster, served: &Served, current: &Current, id: &Id<Workload>) -> Result<Option<Finding>, SourceError> {
    if !matches!(current.kind, Kind::Deployment | Kind::StatefulSet) {
        return Ok(None);
    }
    let found = board::routes(cluster, current, served).await?;
    let own = |found: &Found| found.arms.iter().find(|(work, _)| Some(&work.address) == rows::Address::of(id).as_ref()).map_or(0, |(_, share)| *share);
    let (kind, this) = (CheckKind::Traffic, &current.address.name);
    if let Some(leads) = found.iter().find(|found| own(found) > 0) {
        let share = own(leads);
        let others: Vec<&str> = leads.arms.iter().map(|(work, _)| work.address.name.as_str()).filter(|name| name != this).collect();
        return Ok(Some(kind.ok(clean!("{} leads {share} % here; it could be switched to {}", leads.words(), others.join(" or ")))));
    }
    let idle = found.first().map(|found| {
        let leads: Vec<&str> = found.arms.iter().filter(|(_, share)| *share > 0).map(|(work, _)| work.address.name.as_str()).collect();
        let leads = leads.join(" and ");
        let sentence = clean!("{this} serves nothing of {}, which leads to {leads}: this would not help its users", found.words());
        kind.warn(sentence, Some(clean!("R on {leads} leads the traffic back")))
    });
    Ok(idle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Outcome,
        sources::kubernetes::routes::{
            board::tests::{service, work},
            weights::Weights,
        },
    };
    use serde_json::json;

    fn selector() -> Found {
        let arms = ["blue", "green"].map(|color| (work(&format!("web-{color}"), &[("color", color)], "app"), 0));
        Found { raw: service("web", &[("color", "green")]), sort: Sort::Selector, arms: arms.into() }
    }

    fn weights() -> Found {
        let sort = Sort::Weights(Weights { version: "v1".into(), places: Vec::new(), hosts: ["web-host".to_owned()].into(), beside: 0 });
        Found { sort, ..selector() }
    }

    #[test]
    fn what_a_controller_steers_is_not_switched_by_hand() {
        let rollout = |spec: Value| json!({ "metadata": { "name": "shop" }, "spec": spec });
        let strategy = |strategy: Value| rollout(json!({ "strategy": strategy }));
        let istio = |istio: Value| strategy(json!({ "canary": { "trafficRouting": { "istio": istio } } }));
        let (service, mesh) = (selector(), weights());
        for (what, found, rollout, blocks) in [
            ("active", &service, strategy(json!({ "blueGreen": { "activeService": "web" } })), true),
            ("preview", &service, strategy(json!({ "blueGreen": { "activeService": "other", "previewService": "web" } })), true),
            ("stable", &service, strategy(json!({ "canary": { "stableService": "web" } })), true),
            ("another Service", &service, strategy(json!({ "canary": { "stableService": "cart", "canaryService": "cart-canary" } })), false),
            ("its workload", &service, rollout(json!({ "workloadRef": { "name": "web-blue" } })), true),
            ("a VirtualService", &mesh, istio(json!({ "virtualService": { "name": "web" } })), true),
            ("one of several", &mesh, istio(json!({ "virtualServices": [{ "name": "cart" }, { "name": "shop/web" }] })), true),
            ("a host of it", &mesh, strategy(json!({ "canary": { "canaryService": "web-host" } })), true),
            ("another one", &mesh, istio(json!({ "virtualService": { "name": "cart" } })), false),
            ("a VirtualService that is called as the Service", &service, istio(json!({ "virtualService": { "name": "web" } })), false),
        ] {
            let finding = steered(found, &[rollout], &[]);
            assert_eq!(finding.as_ref().map(|finding| finding.outcome), blocks.then_some(Outcome::Block), "{what}: {finding:?}");
            assert!(finding.is_none_or(|finding| finding.sentence.contains("Rollout shop") && finding.remedy.is_some()), "{what}");
        }
        let mut marked = selector();
        marked.raw["metadata"]["annotations"] = json!({ KEPT_BY_ROLLOUT: "far" });
        assert!(steered(&marked, &[], &[]).is_some_and(|finding| finding.sentence.contains("Rollout far")));
        let canary = |spec: Value| json!({ "metadata": { "name": "c" }, "spec": spec });
        for (what, found, spec, blocks) in [
            ("its target", &service, json!({ "targetRef": { "name": "web-green" } }), true),
            ("its Service", &service, json!({ "targetRef": { "name": "web" } }), true),
            ("its Service by name", &service, json!({ "targetRef": { "name": "x" }, "service": { "name": "web" } }), true),
            ("its VirtualService", &mesh, json!({ "targetRef": { "name": "web" } }), true),
            ("a host of it", &mesh, json!({ "targetRef": { "name": "web-host" } }), true),
            ("another one", &service, json!({ "targetRef": { "name": "cart" } }), false),
        ] {
            let finding = steered(found, &[], &[canary(spec)]);
            assert_eq!(finding.as_ref().map(|finding| finding.outcome), blocks.then_some(Outcome::Block), "{what}: {finding:?}");
            assert!(finding.is_none_or(|finding| finding.sentence.contains("Flagger canary c")), "{what}");
        }
    }
}
