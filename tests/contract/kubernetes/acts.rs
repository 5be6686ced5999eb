//! What is changed.

use super::{
    lab::{self, Space},
    reads::broken_history,
};
use futures::StreamExt;
use jiff::Timestamp;
use pilothouse::{
    domain::{
        Answer, Check, CheckKind, Evidence, Finding, Id, OpId, Operation, Outcome, Question, Revision, RevisionRef, Run, Scaling, Stage, Subject, Tier, Verb,
        Workload,
    },
    gate::{Confirmation, Demand, Ledger, Mode, OnDisk, Policy, Warrant},
    sources::Source,
    text::Clean,
};
use std::{collections::BTreeMap, sync::Arc};

/// A journal that is a promise: what it would write is not what is tested here.
struct Promise;

impl Ledger for Promise {
    type Error = std::convert::Infallible;
    fn intend(&self, _: &Operation, _: &Confirmation, _: Timestamp) -> Result<(u64, String), Self::Error> {
        Ok((1, "hash".into()))
    }
}

pub fn warrant(operation: Operation) -> Warrant {
    let policy = Policy { mode: Mode::Write, tier: Tier::Development, locked: false, open_until: None, distrusted: false };
    let confirmation = Demand::Enter.confirm("", "", false).expect("Enter is enough");
    let now = Timestamp::now();
    let proof = OnDisk::write(&Promise, &operation, &confirmation, now).expect("a promise");
    Warrant::mint(&policy, &confirmation, proof, operation, now).expect("the policy is open")
}

pub async fn subject(source: &Arc<dyn Source>, id: &Id<Workload>) -> Subject {
    match lab::ask(source, Question::Subject(id.clone())).await {
        Ok(Answer::Subject(subject)) => *subject,
        other => panic!("{other:?}"),
    }
}

/// A run, as a change of it must know it.
pub async fn run_now(source: &Arc<dyn Source>, run: &Id<Run>, verb: Verb) -> Subject {
    match lab::ask(source, Question::Run { run: run.clone(), verb }).await.expect("it is there") {
        Answer::Subject(subject) => *subject,
        other => panic!("{other:?}"),
    }
}

/// A change of a run as it is at this moment.
pub async fn run_wish(source: &Arc<dyn Source>, run: &Id<Run>, verb: Verb) -> Operation {
    operation(verb, &run_now(source, run, verb).await, None)
}

/// That it was accepted, and nothing else was told.
pub fn accepted(stages: &[Stage]) {
    assert!(matches!(stages, [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
}

pub async fn revisions(source: &Arc<dyn Source>, id: &Id<Workload>) -> Vec<Revision> {
    match lab::ask(source, Question::Revisions(id.clone())).await {
        Ok(Answer::Revisions(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

pub fn operation(verb: Verb, subject: &Subject, to: Option<&Revision>) -> Operation {
    let to = to.map(|to| RevisionRef { id: to.id.clone(), number: to.number, template: to.template.clone(), version: to.version.clone() });
    let id = OpId::new(&format!("{:x}", Timestamp::now().as_nanosecond()), 1);
    Operation {
        id,
        verb,
        subject: subject.workload.clone(),
        title: "cart".into(),
        from: subject.seen.clone(),
        to,
        scaling: None,
        inputs: Vec::new(),
        reason: Clean::EMPTY,
        by: Clean::EMPTY,
    }
}

pub async fn act(source: &Arc<dyn Source>, operation: Operation) -> Vec<Stage> {
    source.act(warrant(operation)).map(|stage| stage.expect("stages are no errors")).collect().await
}

/// The same as a person does it: where only the version moved (a controller wrote the status at that moment), or nothing was sent
/// because the server was late with what is read before, Enter once more.
pub async fn insist(source: &Arc<dyn Source>, operation: Operation) -> Vec<Stage> {
    lab::eventually("no status is written at the same moment", async || {
        let stages = act(source, operation.clone()).await;
        let again = match &stages[..] {
            [.., Stage::Conflict { same: true, .. }] => true,
            [Stage::Refused { why }] => why.contains(LATE),
            _ => false,
        };
        (!again).then_some(stages)
    })
    .await
}

/// How a server that was late is told.
const LATE: &str = "did not answer";

/// What a plan finds, made again where the server was late with some of it.
pub async fn checks(source: &Arc<dyn Source>, operation: Operation) -> (Vec<CheckKind>, Option<Clean>, BTreeMap<CheckKind, Finding>) {
    lab::eventually("all checks are answered", async || {
        let all = checked(source, operation.clone()).await;
        (!all.2.values().any(|finding| finding.sentence.contains(LATE))).then_some(all)
    })
    .await
}

async fn checked(source: &Arc<dyn Source>, operation: Operation) -> (Vec<CheckKind>, Option<Clean>, BTreeMap<CheckKind, Finding>) {
    let (mut expected, mut command, mut made) = (Vec::new(), None, BTreeMap::new());
    let mut stream = source.prepare(operation);
    while let Some(check) = stream.next().await {
        match check.expect("checks are made") {
            Check::Expect(kinds) => expected = kinds,
            Check::Command(words) => command = Some(words),
            Check::Made(finding) => _ = made.insert(finding.kind, finding),
        }
    }
    (expected, command, made)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_to_the_revision_that_serves_and_happens_once() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("rollback");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    broken_history(&space).await;
    let before = subject(&source, &id).await;
    let rows = revisions(&source, &id).await;
    let good = rows.iter().find(|revision| revision.evidence.iter().any(|e| matches!(e, Evidence::ServingNow { .. }))).expect("one serves");
    assert_eq!(good.number, 1);

    let wish = operation(Verb::RollBack, &before, Some(good));
    let (expected, command, made) = checks(&source, wish.clone()).await;
    assert_eq!(expected, made.keys().copied().collect::<Vec<_>>(), "all that is promised is made, in the order on screen");
    assert_eq!(command.as_deref(), Some(format!("kubectl rollout undo deployment/cart -n {} --context lab --to-revision=1", space.name).as_str()));
    let found = |kind| (made[&kind].outcome, made[&kind].sentence.to_string());
    for kind in [
        CheckKind::Rights,
        CheckKind::Paused,
        CheckKind::Owner,
        CheckKind::Image,
        CheckKind::References,
        CheckKind::Scaling,
        CheckKind::Quota,
        CheckKind::Strategy,
        CheckKind::Migration,
        CheckKind::Traffic,
        CheckKind::DryRun,
    ] {
        assert_eq!(found(kind).0, Outcome::Ok, "{:?}", made[&kind]);
    }
    assert_eq!(found(CheckKind::LastApplied).0, Outcome::Warn);
    assert_eq!(subject(&source, &id).await.seen, before.seen, "looking changes nothing");

    let name = wish.id.to_string();
    let stages = insist(&source, wish).await;
    assert_eq!(stages[0], Stage::Sending);
    // The name of the request is there where the server audits, which the lab's does not have to.
    let Stage::Accepted { generation, .. } = &stages[1] else { panic!("{stages:?}") };
    assert!(*generation == Some(before.generation + 1) && stages.len() == 2, "{stages:?}, before it was {}", before.generation);
    space.rolled_out("cart");

    let after = subject(&source, &id).await;
    assert_eq!(after.operation.as_deref(), Some(name.as_str()));
    let bad = rows.iter().find(|revision| revision.current).expect("one was current");
    assert_eq!(after.rolled_back_from.as_ref().map(|(template, _)| template.as_str()), Some(bad.template.expose()));
    assert_eq!(after.changed_by.as_ref().map(|(who, _)| who.as_str()), Some("pilothouse"));
    let history = space.kubectl(&["rollout", "history", "deployment/cart"]);
    let newest = history.lines().rfind(|line| !line.trim().is_empty()).expect("a history");
    assert!(newest.starts_with('4') && newest.ends_with("good"), "{history}");
    let rows = revisions(&source, &id).await;
    assert_eq!((rows[0].number, rows[0].template.clone(), rows[0].current), (4, good.template.clone(), true));
    let left = rows.iter().find(|revision| revision.template == bad.template).expect("it is kept");
    assert!(left.evidence.iter().any(|e| matches!(e, Evidence::RolledBackFrom { .. })), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_on_is_a_conflict_and_nothing_is_sent() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("conflict");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    space.deploy("cart", 1, &[], "one");
    space.rolled_out("cart");
    space.deploy("cart", 2, &[], "two");
    space.rolled_out("cart");
    let before = subject(&source, &id).await;
    let rows = revisions(&source, &id).await;
    let wish = operation(Verb::RollBack, &before, Some(&rows[1]));
    space.kubectl(&["set", "image", "deployment/cart", "app=lab/app:3"]);
    let stages = act(&source, wish.clone()).await;
    let [Stage::Conflict { what, same: false }] = &stages[..] else { panic!("{stages:?}") };
    assert!(what.contains("by kubectl-set") && what.contains("lab/app:3"), "{what}");
    assert_eq!(space.kubectl(&["get", "deployment", "cart", "-o", "jsonpath={.spec.template.spec.containers[0].image}"]), "lab/app:3");

    let now = subject(&source, &id).await;
    space.kubectl(&["rollout", "pause", "deployment/cart"]);
    let stages = act(&source, operation(Verb::RollBack, &now, Some(&rows[1]))).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, .. }] if what.contains("paused meanwhile")), "{stages:?}");
    let (_, _, made) = checks(&source, operation(Verb::RollBack, &subject(&source, &id).await, Some(&rows[1]))).await;
    assert_eq!((made[&CheckKind::Paused].outcome, made[&CheckKind::DryRun].outcome), (Outcome::Block, Outcome::Block));
    assert!(made[&CheckKind::Paused].remedy.as_ref().is_some_and(|remedy| remedy.starts_with("kubectl rollout resume deployment/cart")));

    space.kubectl(&["delete", "deployment", "cart"]);
    space.deploy("cart", 1, &[], "anew");
    let stages = act(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, .. }] if what.contains("made anew")), "{stages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_console_neither_tries_nor_sends() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("readonly");
    let source = lab::reader(&kubeconfig, "lab");
    let id = space.deployment(&source, "cart");
    space.deploy("cart", 1, &[], "one");
    space.rolled_out("cart");
    space.deploy("cart", 2, &[], "two");
    let before = subject(&source, &id).await;
    let rows = revisions(&source, &id).await;
    let wish = operation(Verb::RollBack, &before, Some(&rows[1]));
    let (_, _, made) = checks(&source, wish.clone()).await;
    assert_eq!(made[&CheckKind::DryRun].outcome, Outcome::Unknown);
    assert!(made[&CheckKind::DryRun].sentence.starts_with("read-only"));
    let stages = act(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("--read-only")), "{stages:?}");
    assert_eq!(subject(&source, &id).await.generation, before.generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_is_told_so_before_and_by_the_server() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("rights");
    let source = lab::source(&kubeconfig, "readonly", "");
    let id = space.deployment(&source, "cart");
    space.deploy("cart", 1, &[], "one");
    space.rolled_out("cart");
    space.deploy("cart", 2, &[], "two");
    let before = subject(&source, &id).await;
    let rows = revisions(&source, &id).await;
    let wish = operation(Verb::RollBack, &before, Some(&rows[1]));
    let (_, _, made) = checks(&source, wish.clone()).await;
    assert_eq!((made[&CheckKind::Rights].outcome, made[&CheckKind::DryRun].outcome), (Outcome::Block, Outcome::Block), "{made:#?}");
    let stages = act(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.contains("kubectl auth can-i patch deployments.apps")), "{stages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_revision_needs_and_is_gone_blocks() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("needs");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    space.kubectl(&["create", "configmap", "conf", "--from-literal=a=b"]);
    let mut manifest: serde_json::Value = serde_json::from_str(&lab::deployment("cart", "lab/app:1", &[], "one")).expect("JSON");
    manifest["spec"]["template"]["spec"]["containers"][0]["envFrom"] = serde_json::json!([{ "configMapRef": { "name": "conf" } }]);
    space.apply(&manifest.to_string());
    space.rolled_out("cart");
    space.deploy("cart", 2, &[], "two");
    space.rolled_out("cart");
    space.kubectl(&["delete", "configmap", "conf"]);
    space.kubectl(&["create", "job", "cart-migrate-7", "--image=lab/app:1"]);
    let rows = revisions(&source, &id).await;
    let (_, _, made) = checks(&source, operation(Verb::RollBack, &subject(&source, &id).await, Some(&rows[1]))).await;
    assert_eq!(made[&CheckKind::References].outcome, Outcome::Block);
    assert!(made[&CheckKind::References].sentence.contains("there is no configmap conf"), "{:?}", made[&CheckKind::References]);
    assert_eq!(made[&CheckKind::Migration].outcome, Outcome::Warn);
    assert!(made[&CheckKind::Migration].sentence.contains("cart-migrate-7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_pause_and_resume_do_what_they_say() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("verbs");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    space.deploy("cart", 1, &[], "one");
    space.rolled_out("cart");
    let accepted = async |verb| {
        let before = subject(&source, &id).await;
        let stages = insist(&source, operation(verb, &before, None)).await;
        assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{verb:?} {stages:?}");
    };
    accepted(Verb::Restart).await;
    space.rolled_out("cart");
    assert!(space.kubectl(&["get", "deployment", "cart", "-o", "yaml"]).contains("kubectl.kubernetes.io/restartedAt"));
    accepted(Verb::Pause).await;
    assert!(subject(&source, &id).await.seen.paused);
    accepted(Verb::Resume).await;
    assert!(!subject(&source, &id).await.seen.paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_set_once_and_only_from_the_number_that_was_seen() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("scale");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    space.deploy("cart", 1, &[], "one");
    space.rolled_out("cart");
    let before = subject(&source, &id).await;
    let from = before.replicas.wanted;
    let to = |from, to| Operation { scaling: Some(Scaling { from, to }), ..operation(Verb::Scale, &before, None) };
    let (_, command, made) = checks(&source, to(from, from + 1)).await;
    let words = format!("kubectl scale deployment/cart -n {} --context lab --current-replicas={from} --replicas={}", space.name, from + 1);
    assert_eq!(command.as_deref(), Some(words.as_str()));
    assert!(made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:#?}");
    assert_eq!(subject(&source, &id).await.replicas.wanted, from, "looking changes nothing");

    let wish = to(from, from + 1);
    let name = wish.id.to_string();
    let stages = insist(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { generation: Some(_), .. }]), "{stages:?}");
    space.rolled_out("cart");
    let after = subject(&source, &id).await;
    assert_eq!((after.replicas.wanted, after.replicas.ready, after.operation.as_deref()), (from + 1, from + 1, Some(name.as_str())));
    assert_eq!(after.seen, before.seen, "a number is no part of what else was seen");

    let stages = act(&source, to(from, from + 2)).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, same: false }] if what.contains("was scaled meanwhile")), "{stages:?}");
    assert_eq!(subject(&source, &id).await.replicas.wanted, from + 1);

    let scaler = serde_json::json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "keeper" },
        "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "cart" }, "minReplicas": 1, "maxReplicas": 4,
            "targetCPUUtilizationPercentage": 80 },
    });
    space.apply(&scaler.to_string());
    let (_, _, made) = checks(&source, to(from + 1, from + 2)).await;
    assert_eq!(made[&CheckKind::Scaling].outcome, Outcome::Warn);
    assert!(made[&CheckKind::Scaling].sentence.contains("the autoscaler keeper keeps 1 to 4 pods"), "{:?}", made[&CheckKind::Scaling]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_carries_no_number_is_not_scaled() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("daemons");
    let source = lab::source(&kubeconfig, "lab", "");
    let mut manifest: serde_json::Value = serde_json::from_str(&lab::deployment("agent", "lab/app:1", &[], "one")).expect("JSON");
    manifest["kind"] = "DaemonSet".into();
    for field in ["replicas", "strategy", "progressDeadlineSeconds"] {
        manifest["spec"].as_object_mut().expect("a specification").remove(field);
    }
    space.apply(&manifest.to_string());
    let id = Id::new(source.id(), &format!("daemonsets/{}/agent", space.name));
    // Its number is what its controller counts, which is none at first.
    let before = lab::eventually("its pod is counted", async || Some(subject(&source, &id).await).filter(|subject| subject.replicas.wanted == 1)).await;
    let wish = Operation { scaling: Some(Scaling { from: before.replicas.wanted, to: 2 }), ..operation(Verb::Scale, &before, None) };
    let stages = act(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("carries no number of replicas")), "{stages:?}");
    assert_eq!(subject(&source, &id).await.generation, before.generation);
}
