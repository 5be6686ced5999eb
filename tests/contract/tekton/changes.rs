//! Runs whose end is asked for, and runs that repeat another one: one request each, whatever the network does.

use super::{
    becomes, named, succeeded,
    world::{World, source},
};
use crate::{
    github::seen::Seen,
    kubernetes::{
        acts::{act, checks, run_now as now, run_wish as wish},
        faults::Line,
        lab,
    },
};
use pilothouse::{
    domain::{Again, CheckKind, Feed, Id, Operation, Outcome, Run, RunStatus, Stage, Verb},
    sources::Source,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// The identity of a run that a server has.
fn id(source: &Arc<dyn Source>, object: &Value) -> Id<Run> {
    let text = |key: &str| object["metadata"][key].as_str().expect("a server writes it").to_owned();
    Id::new(source.id(), &format!("{}/{}/{}", text("uid"), text("namespace"), text("name")))
}

fn accepted(stages: &[Stage]) {
    // Whoever follows it waits for that generation, and a run is told without one.
    assert!(matches!(stages, [Stage::Sending, Stage::Accepted { generation: None, .. }]), "{stages:?}");
}

async fn running(world: &World, name: &str) -> Value {
    let object = world.run(name, json!({})).await;
    world.says(&format!("pipelineruns/{name}"), json!({ "conditions": succeeded("Unknown", "Running", "") })).await;
    object
}

async fn failed(world: &World, name: &str, more: Value) -> Value {
    let object = world.run(name, more).await;
    world.says(&format!("pipelineruns/{name}"), json!({ "conditions": succeeded("False", "Failed", "") })).await;
    object
}

async fn repeats(world: &World, of: &Value) -> Vec<Value> {
    let all = world.all("pipelineruns").await;
    all.into_iter().filter(|run| run["metadata"]["labels"]["pilothouse.dev/repeats"] == of["metadata"]["uid"]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_asked_to_end_and_one_that_has_ended_meanwhile_is_a_conflict() {
    let Some(world) = World::new("tekton-cancel").await else { return };
    let source = world.source("");
    let gentle = id(&source, &running(&world, "ship-1").await);
    let operation = wish(&source, &gentle, Verb::Cancel).await;
    let (expected, command, made) = checks(&source, operation.clone()).await;
    assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
    assert!(command.is_some_and(|command| command.contains("kubectl patch pipelinerun ship-1") && command.contains("CancelledRunFinally")));
    assert_eq!(made[&CheckKind::Pipeline].outcome, Outcome::Warn, "logs go with the pods");
    assert!(made[&CheckKind::Rights].outcome == Outcome::Ok && made[&CheckKind::DryRun].outcome == Outcome::Ok, "{made:?}");
    assert_eq!(world.get("pipelineruns/ship-1").await["spec"]["status"], Value::Null, "looking changes nothing");
    accepted(&act(&source, operation).await);
    assert_eq!(world.get("pipelineruns/ship-1").await["spec"]["status"], "CancelledRunFinally");
    let found = checks(&source, wish(&source, &gentle, Verb::Cancel).await).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
    assert!(found.outcome == Outcome::Block && found.sentence.contains("asked for already"), "{found:?}");
    accepted(&act(&source, wish(&source, &gentle, Verb::ForceCancel).await).await);
    assert_eq!(world.get("pipelineruns/ship-1").await["spec"]["status"], "Cancelled");
    world.says("pipelineruns/ship-1", json!({ "conditions": succeeded("Unknown", "Cancelled", "") })).await;
    assert_eq!(now(&source, &gentle, Verb::Cancel).await.run.expect("a run").run.status, RunStatus::Running, "it still ends");
    world.says("pipelineruns/ship-1", json!({ "conditions": succeeded("False", "Cancelled", "") })).await;
    assert_eq!(now(&source, &gentle, Verb::Cancel).await.run.expect("a run").run.status, RunStatus::Cancelled);

    let ended = id(&source, &running(&world, "ship-2").await);
    let late = wish(&source, &ended, Verb::Cancel).await;
    world.says("pipelineruns/ship-2", json!({ "conditions": succeeded("True", "Succeeded", "") })).await;
    assert!(matches!(&act(&source, late).await[..], [Stage::Conflict { what, same: false }] if what.contains("ok")));
    let anew = id(&source, &running(&world, "ship-3").await);
    let old = wish(&source, &anew, Verb::Cancel).await;
    world.space.kubectl(&["delete", "pipelinerun", "ship-3", "--wait=true"]);
    running(&world, "ship-3").await;
    assert!(matches!(&act(&source, old).await[..], [Stage::Refused { why }] if why.contains("another run")), "a namesake is left alone");
    for name in ["ship-2", "ship-3"] {
        assert_eq!(world.get(&format!("pipelineruns/{name}")).await["spec"]["status"], Value::Null, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_repeated_once_by_an_object_of_its_own() {
    let Some(world) = World::new("tekton-rerun").await else { return };
    let source = world.source("");
    let keys = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), Value::from("x"))).collect::<serde_json::Map<_, _>>();
    let labels = keys(&["team", "tekton.dev/pipeline", "pipelinesascode.tekton.dev/sha", "pipelinesascode.tekton.dev/state", "argocd.argoproj.io/instance"]);
    let notes = keys(&["kubectl.kubernetes.io/last-applied-configuration", "chains.tekton.dev/signed", "results.tekton.dev/record", "acme.example/why"]);
    let more = json!({ "metadata": { "labels": labels, "annotations": notes, "finalizers": ["acme.example/keep"] }, "spec": { "status": "CancelledRunFinally", "timeouts": { "pipeline": "1h" } } });
    let object = failed(&world, "ship-1", more).await;
    world.patch("pipelineruns/ship-1", &json!({ "metadata": { "finalizers": null } })).await;
    let run = id(&source, &object);
    let mut runs = Seen::new(&source, Feed::Runs);
    becomes(&mut runs, "ship-1", RunStatus::Failed).await;
    let first = wish(&source, &run, Verb::Rerun).await;
    let (expected, command, made) = checks(&source, first.clone()).await;
    assert!(expected.len() == made.len() && made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:?}");
    assert!(command.is_some_and(|command| command.contains("kubectl create")));
    assert!(repeats(&world, &object).await.is_empty(), "looking makes nothing");
    accepted(&act(&source, first.clone()).await);
    let [copy] = &repeats(&world, &object).await[..] else { panic!("one is made") };
    let meta = &copy["metadata"];
    let name = meta["name"].as_str().expect("a name");
    assert!(name.starts_with("ship-") && name.len() == 13, "{name}");
    let has = |what: &str| meta[what].as_object().expect("some").keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(has("labels"), ["pilothouse.dev/repeats", "pipelinesascode.tekton.dev/sha", "team"]);
    assert_eq!(has("annotations"), ["acme.example/why", "pilothouse.dev/operation", "pilothouse.dev/repeats"]);
    assert_eq!((&meta["annotations"]["pilothouse.dev/repeats"], &meta["finalizers"]), (&json!("ship-1"), &Value::Null));
    assert_eq!(
        (&copy["spec"]["status"], &copy["spec"]["timeouts"], &copy["spec"]["params"]),
        (&Value::Null, &object["spec"]["timeouts"], &object["spec"]["params"])
    );
    runs.until("the new one", |seen| named(seen, name).map(|_| ())).await;
    let seen = now(&source, &run, Verb::Rerun).await.run.expect("a run");
    assert!(matches!(&seen.again, Again::Anew { newest: Some(_), same } if same.contains("pipeline ship")), "{:?}", seen.again);

    // The same operation again: what it has seen is no more so. As one that sees it again: its run is there.
    assert!(matches!(&act(&source, first.clone()).await[..], [Stage::Conflict { what, same: false }] if what.contains("run again meanwhile")));
    let twice = Operation { id: first.id.clone(), ..wish(&source, &run, Verb::Rerun).await };
    let stages = act(&source, twice).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { warnings, .. }] if warnings[0].contains("there already")), "{stages:?}");
    assert_eq!(repeats(&world, &object).await.len(), 1, "the server makes no second one of an operation");
    let going = id(&source, &running(&world, "ship-2").await);
    let found = checks(&source, wish(&source, &going, Verb::Rerun).await).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
    assert!(found.outcome == Outcome::Block && found.sentence.contains("not over"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_it_is_sent_once() {
    let Some(world) = World::new("tekton-torn").await else { return };
    let line = Line::to(|kubeconfig| source(kubeconfig, "lab", &world.space.name, "", false)).await;
    let last: Mutex<(u32, Value)> = Mutex::default();
    let next = || {
        let mut last = last.lock().expect("no panic");
        last.0 += 1;
        format!("ship-{}", last.0)
    };
    let of = || last.lock().expect("no panic").1.clone();
    let cancel = async || {
        let object = running(&world, &next()).await;
        last.lock().expect("no panic").1 = object.clone();
        wish(&line.source, &id(&line.source, &object), Verb::Cancel).await
    };
    let asked = async || world.get(&format!("pipelineruns/{}", of()["metadata"]["name"].as_str().expect("a name"))).await["spec"]["status"] != Value::Null;
    line.sent_once(cancel, asked).await;
    let rerun = async || {
        let object = failed(&world, &next(), json!({})).await;
        last.lock().expect("no panic").1 = object.clone();
        wish(&line.source, &id(&line.source, &object), Verb::Rerun).await
    };
    line.sent_once(rerun, async || repeats(&world, &of()).await.len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_so_and_read_only_sends_nothing() {
    let Some(world) = World::new("tekton-rights").await else { return };
    let object = running(&world, "ship-1").await;
    let over = failed(&world, "ship-2", json!({})).await;
    let reader = source(&world.kubeconfig, "lab", &world.space.name, "", true);
    for (verb, object) in [(Verb::Cancel, &object), (Verb::Rerun, &over)] {
        let operation = wish(&reader, &id(&reader, object), verb).await;
        let stages = act(&reader, operation).await;
        assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("read-only")), "{stages:?}");
        let watcher = source(&world.kubeconfig, "readonly", &world.space.name, "", false);
        let operation = wish(&watcher, &id(&watcher, object), verb).await;
        let found = checks(&watcher, operation.clone()).await.2.remove(&CheckKind::Rights).expect("it is looked at");
        let words = found.remedy.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(found.outcome == Outcome::Block && words.contains("kubectl auth can-i") && words.contains("pipelineruns.tekton.dev"), "{found:?}");
        let stages = act(&watcher, operation).await;
        assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.contains("may not")), "{stages:?}");
    }
    assert_eq!(world.get("pipelineruns/ship-1").await["spec"]["status"], Value::Null);
    assert!(repeats(&world, &over).await.is_empty());
    let outside = source(&world.kubeconfig, "limited", &world.space.name, "", false);
    let error = Seen::new(&outside, Feed::Runs).error().await;
    assert!(error.to_string().contains("pipelineruns.tekton.dev") && error.to_string().contains("auth can-i list"), "{error}");
    lab::eventually("it lives", async || reader.probe().await.then_some(())).await;
}
