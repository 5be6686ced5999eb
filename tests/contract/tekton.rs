//! `kind = "tekton"` against a real API server, with real pods that speak; what Tekton's controller would say is written by the tests.

mod changes;
mod logs;
pub mod world;

use crate::{
    github::seen::Seen,
    kubernetes::{faults::Line, lab},
};
use futures::StreamExt;
use pilothouse::{
    domain::{Answer, Feed, GateKind, Job, Question, Run, RunStatus},
    sources::{Made, Source},
};
use serde_json::{Value, json};
use std::sync::Arc;
use world::{World, ended, source, succeeded};

fn named(seen: &Seen, name: &str) -> Option<Run> {
    seen.runs.values().find(|run| *run.called() == *name).cloned()
}

async fn becomes(seen: &mut Seen, name: &str, status: RunStatus) -> Run {
    seen.until(&format!("{name} is {status:?}"), |seen| named(seen, name).filter(|run| run.status == status)).await
}

async fn job(seen: &mut Seen, name: &str, status: RunStatus) -> Job {
    seen.until(&format!("{name} is {status:?}"), |seen| seen.job(name).filter(|job| job.status == status).cloned()).await
}

/// The pipeline that a run was made of, as its controller writes it down.
fn pipeline() -> Value {
    let task = |name: &str| json!({ "name": name, "taskSpec": { "steps": [] } });
    json!({ "tasks": [task("fetch"), task("unit-tests"), task("deploy"), task("smoke")], "finally": [task("report")] })
}

fn child(task: &str, name: &str) -> Value {
    json!({ "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": name, "pipelineTaskName": task })
}

/// A run from being held to its end, as `source` tells it.
async fn is_followed(world: &World, source: &Arc<dyn Source>) {
    let before = world.run("ship-0", json!({})).await;
    let took = json!({ "startTime": "2026-11-26T09:00:00Z", "completionTime": "2026-11-26T09:05:00Z", "conditions": succeeded("True", "Succeeded", "") });
    world.says("pipelineruns/ship-0", took).await;
    let object = world.run("ship-1", json!({ "spec": { "status": "PipelineRunPending" } })).await;
    let mut runs = Seen::new(source, Feed::Runs);
    let held = runs.until("what is held", |seen| named(seen, "ship-1").filter(|_| seen.whole)).await;
    assert!(matches!(&held.status, RunStatus::Waiting(why) if why.contains("held")), "{held:?}");
    assert_eq!((held.repository.raw(), &*held.workflow, held.branch.raw(), held.commit.raw()), ("acme/cart", "ship", "main", "c0ffee5"));
    assert_eq!((&*held.title, held.usual, before["metadata"]["name"].as_str()), ("ship-1", Some(300), Some("ship-0")));
    let mut jobs = Seen::new(source, Feed::Jobs(held.id.clone()));
    jobs.look().await;
    assert!(jobs.jobs.is_empty(), "nothing is known of its tasks yet");

    world.patch("pipelineruns/ship-1", &json!({ "spec": { "status": null } })).await;
    let mut status = json!({ "startTime": "2026-11-26T10:00:00Z", "pipelineSpec": pipeline(), "childReferences": [child("fetch", "ship-1-fetch")],
        "conditions": succeeded("Unknown", "Started", "") });
    world.says("pipelineruns/ship-1", status.clone()).await;
    let run = becomes(&mut runs, "ship-1", RunStatus::Running).await;
    assert!(run.started.is_some() && run.usual == Some(300), "{run:?}");
    jobs.until("its tasks", |seen| (seen.jobs.len() == 5).then_some(())).await;
    world.task(&object, "fetch", "ship-1-fetch", json!([])).await;
    let fetched = json!({ "podName": "p", "startTime": "2026-11-26T10:00:00Z", "completionTime": "2026-11-26T10:01:00Z", "steps": [ended("clone", 0, "Completed")],
        "conditions": succeeded("True", "Succeeded", "") });
    world.says("taskruns/ship-1-fetch", fetched).await;
    job(&mut jobs, "fetch", RunStatus::Success).await;
    job(&mut jobs, "report", RunStatus::Queued).await;

    // A matrix of two, of which one is tried again.
    for (name, os) in [("ship-1-unit-a", "linux"), ("ship-1-unit-b", "mac")] {
        world.task(&object, "unit-tests", name, json!([{ "name": "os", "value": os }, { "name": "same", "value": "x" }])).await;
    }
    world.says("taskruns/ship-1-unit-a", json!({ "podName": "p", "steps": [{ "name": "test", "running": { "startedAt": "2026-11-26T10:02:00Z" } }], "conditions": succeeded("Unknown", "Running", "") })).await;
    let attempt =
        json!({ "podName": "first", "steps": [ended("test", 2, "Error")], "conditions": succeeded("False", "Failed", "\"step-test\" exited with code 2") });
    let second = json!({ "podName": "second", "retriesStatus": [attempt], "steps": [ended("test", 137, "OOMKilled"), ended("lint", 1, "Skipped")],
        "conditions": succeeded("False", "StepOOM", "") });
    world.says("taskruns/ship-1-unit-b", second).await;
    let linux = job(&mut jobs, "unit-tests (linux)", RunStatus::Running).await;
    assert_eq!((linux.gate, &linux.steps[0].status), (Some(GateKind::Build), &RunStatus::Running));
    let last = job(&mut jobs, "unit-tests (mac), attempt 2", RunStatus::Failed).await;
    assert_eq!(
        last.steps.iter().map(|step| (&*step.name, &step.status)).collect::<Vec<_>>(),
        [("test: out of memory", &RunStatus::Failed), ("lint", &RunStatus::Skipped)]
    );
    let first = job(&mut jobs, "unit-tests (mac), attempt 1", RunStatus::Warn).await;
    assert_eq!((&*first.steps[0].name, first.gate), ("test: exit code 2", None));

    // A custom task, a skipped one, one that never came, and the end.
    status["childReferences"] = json!([child("fetch", "ship-1-fetch"), child("unit-tests", "ship-1-unit-a"), child("unit-tests", "ship-1-unit-b"),
        { "kind": "CustomRun", "name": "ship-1-report", "pipelineTaskName": "report" }]);
    status["skippedTasks"] = json!([{ "name": "deploy", "reason": "When Expressions evaluated to false" }]);
    status["conditions"] = succeeded("False", "Failed", "Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 2");
    status["completionTime"] = "2026-11-26T10:05:00Z".into();
    status["results"] = json!([{ "name": "IMAGE_DIGEST", "value": "sha256:c0ffee" }, { "name": "DEPLOY_TOKEN", "value": "hunter2" }]);
    world.says("pipelineruns/ship-1", status).await;
    let over = becomes(&mut runs, "ship-1", RunStatus::Failed).await;
    assert_eq!(over.digests.iter().map(pilothouse::text::Name::raw).collect::<Vec<_>>(), ["sha256:c0ffee"]);
    let question = Question::Report { run: over.id.clone(), commit: over.commit.clone() };
    let Ok(Answer::Report(report)) = lab::ask(source, question).await else { panic!("it has results") };
    let results: Vec<(&str, &str)> = report.results.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(results, [("IMAGE_DIGEST", "sha256:c0ffee"), ("DEPLOY_TOKEN", "••••")]);
    assert!(over.ended.is_some() && over.usual == Some(300), "what failed is no measure: {over:?}");
    let skipped = job(&mut jobs, "deploy", RunStatus::Skipped).await;
    assert_eq!((&*skipped.steps[0].name, skipped.gate), ("When Expressions evaluated to false", Some(GateKind::Deployment)));
    job(&mut jobs, "smoke", RunStatus::Skipped).await;
    job(&mut jobs, "report", RunStatus::Neutral).await;
    world.space.kubectl(&["delete", "pipelinerun", "ship-1", "--wait=true"]);
    runs.until("that it is gone", |seen| named(seen, "ship-1").is_none().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_from_being_held_to_its_end_with_its_tasks() {
    let Some(world) = World::new("tekton-run").await else { return };
    is_followed(&world, &world.source("")).await;
}

/// A cluster that serves v1beta1 alone, and one of a version that had tasks as v1 and no runs of pipelines.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_is_read_as_the_newer_one_is() {
    let Some(world) = World::new("tekton-beta").await else { return };
    let line = Line::to(|kubeconfig| source(kubeconfig, "lab", &world.space.name, "", false)).await;
    line.wire.hides(&["/apis/tekton.dev"]);
    let error = Seen::new(&line.source, Feed::Runs).error().await;
    assert!(error.to_string().contains("Tekton Pipelines is not installed"), "{error}");
    line.wire.hides(&["/apis/tekton.dev/v1"]);
    is_followed(&world, &line.source).await;
    // Old controllers write the TaskRuns into the run, and these may be gone.
    let inline =
        json!({ "pipelineTaskName": "compile", "status": { "steps": [ended("make", 0, "Completed")], "conditions": succeeded("True", "Succeeded", "") } });
    world.run("old-1", json!({})).await;
    world.says("pipelineruns/old-1", json!({ "taskRuns": { "old-1-compile-x": inline }, "conditions": succeeded("True", "Completed", "") })).await;
    let run = becomes(&mut Seen::new(&line.source, Feed::Runs), "old-1", RunStatus::Success).await;
    job(&mut Seen::new(&line.source, Feed::Jobs(run.id)), "compile", RunStatus::Success).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_null_or_unknown_is_told_as_far_as_it_goes() {
    let Some(world) = World::new("tekton-odd").await else { return };
    let bare = json!({ "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": { "name": "bare" } });
    world.make("pipelineruns", &bare).await;
    world.run("odd", json!({ "spec": { "params": null, "pipelineRef": null } })).await;
    world.says("pipelineruns/odd", json!({ "conditions": succeeded("Unknown", "SomethingNew", ""), "startTime": null, "childReferences": null })).await;
    world.run("early", json!({})).await;
    world.says("pipelineruns/early", json!({ "conditions": succeeded("False", "CouldntGetPipeline", "pipeline \"ship\" not found") })).await;
    world.run("torn", json!({})).await;
    world.says("pipelineruns/torn", json!({ "skippedTasks": "none" })).await;
    let source = world.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    let odd = becomes(&mut runs, "odd", RunStatus::Unknown("SomethingNew".into())).await;
    assert!(!odd.status.over() && odd.started.is_none() && odd.commit.raw().is_empty(), "{odd:?}");
    assert_eq!(odd.repository.raw(), world.space.name, "nobody tells its repository");
    let bare = becomes(&mut runs, "bare", RunStatus::Queued).await;
    assert_eq!((&*bare.workflow, bare.branch.raw(), &*bare.actor), ("bare", "", ""));
    let early = becomes(&mut runs, "early", RunStatus::Failed).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(early.id));
    let itself = job(&mut jobs, "the run itself", RunStatus::Failed).await;
    assert_eq!(&*itself.steps[0].name, "CouldntGetPipeline: pipeline \"ship\" not found");
    lab::eventually("what can not be read is said to lack", async || {
        source.offers().lacks.iter().any(|words| words.contains("/torn can not be read")).then_some(())
    })
    .await;
    assert_eq!(runs.runs.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_runs_of_each_pipeline_are_told() {
    let Some(world) = World::new("tekton-many").await else { return };
    for (name, pipeline) in [("a-1", "a"), ("a-2", "a"), ("a-3", "a"), ("b-1", "b")] {
        world.run(name, json!({ "spec": { "pipelineRef": { "name": pipeline } } })).await;
    }
    let source = world.source("runs = 2");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("all", |seen| seen.whole.then_some(())).await;
    assert_eq!(runs.runs.len(), 3, "{:?}", runs.runs);
    let shown: Vec<String> = runs.runs.values().map(|run| run.called().to_string()).filter(|name| name.starts_with('a')).collect();
    let gone = ["a-1", "a-2", "a-3"].into_iter().find(|name| !shown.iter().any(|shown| shown == name)).expect("one is not shown");
    world.space.kubectl(&["delete", "pipelinerun", &shown[0]]);
    runs.until("the one behind it", |seen| named(seen, gone).map(|_| ())).await;
    runs.until("that it is gone", |seen| named(seen, &shown[0]).is_none().then_some(())).await;
}

/// Whoever looks at a cluster sees its pipelines, without a word in the configuration.
#[tokio::test(flavor = "multi_thread")]
async fn the_one_of_a_cluster_is_found_where_its_runs_may_be_seen() {
    let Some(world) = World::new("tekton-found").await else { return };
    world.run("ship-1", json!({})).await;
    let cluster = lab::source(&world.kubeconfig, "lab", &format!("namespaces = ['{}']", world.space.name));
    let mut leads = cluster.leads();
    let watching = cluster.watch(Feed::Workloads, None).for_each(|_| async {});
    let leading = async {
        loop {
            match leads.next().await.expect("it is looked for") {
                Made::Source(source) if source.id().as_str() == "tekton/lab" => return source,
                _ => {}
            }
        }
    };
    let found = tokio::select! {
        found = tokio::time::timeout(lab::PATIENCE, leading) => found.expect("it is found"),
        () = watching => panic!("the cluster broke off"),
    };
    let run = becomes(&mut Seen::new(&found, Feed::Runs), "ship-1", RunStatus::Queued).await;
    assert_eq!(run.repository.raw(), "acme/cart");
}
