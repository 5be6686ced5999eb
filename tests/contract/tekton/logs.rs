//! What the steps of a task say, in a pod that really runs.

use super::{becomes, ended, job, succeeded, world::World};
use crate::github::seen::Seen;
use pilothouse::{
    domain::{Answer, Feed, Id, Job, LogTarget, Question, RunStatus},
    sources::{Source, SourceError},
};
use serde_json::json;
use std::sync::Arc;

/// A pod as Tekton makes it: two steps of which the second waits for the first, and a sidecar.
fn pod(name: &str) -> String {
    let container = |name: &str, script: &str| {
        json!({ "name": name, "image": "lab/app:1", "imagePullPolicy": "Never", "command": ["busybox", "sh", "-c", script],
            "volumeMounts": [{ "name": "turn", "mountPath": "/turn" }] })
    };
    let build = "for i in 1 2 3 4 5; do echo build $i; busybox sleep 0.3; done; busybox touch /turn/done";
    let test = "while [ ! -e /turn/done ]; do busybox sleep 0.1; done; echo test 1; echo test 2";
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "restartPolicy": "Never", "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0, "volumes": [{ "name": "turn", "emptyDir": {} }],
            "containers": [container("step-build", build), container("step-test", test), container("sidecar-noise", "echo noise")] } })
    .to_string()
}

async fn tail(source: &Arc<dyn Source>, job: &Id<Job>) -> Result<Vec<String>, SourceError> {
    match source.ask(Question::Tail(job.clone())).await? {
        Answer::Text(lines) => Ok(lines.iter().map(|line| line.to_string()).collect()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_are_followed_one_after_the_other_and_a_pod_that_is_gone_is_said() {
    let Some(world) = World::new("tekton-logs").await else { return };
    let object = world.run("ship-1", json!({})).await;
    world.says("pipelineruns/ship-1", json!({ "conditions": succeeded("Unknown", "Running", "") })).await;
    world.task(&object, "build", "ship-1-build", json!([])).await;
    let source = world.source("");
    let run = becomes(&mut Seen::new(&source, Feed::Runs), "ship-1", RunStatus::Running).await;
    let build = job(&mut Seen::new(&source, Feed::Jobs(run.id)), "build", RunStatus::Queued).await;
    let log = || Feed::Logs(LogTarget::Job(build.id.clone()));
    let mut lines = Seen::new(&source, log());
    lines.until("that it waits", |seen| seen.notices.iter().any(|notice| notice.contains("waits for its pod")).then_some(())).await;
    world.space.apply(&pod("ship-1-build-pod"));
    world.says("taskruns/ship-1-build", json!({ "podName": "ship-1-build-pod", "conditions": succeeded("Unknown", "Running", "") })).await;
    lines.until("its first words", |seen| seen.lines.iter().any(|line| line == "build 1").then_some(())).await;
    lines.end().await;
    let said = ["build 1", "build 2", "build 3", "build 4", "build 5", "test 1", "test 2"];
    assert_eq!(lines.lines, said, "a step after the other, each line once, and no sidecar");
    assert_eq!(lines.notices.len(), 1, "{:?}", lines.notices);

    let mut again = Seen::new(&source, log());
    again.end().await;
    assert_eq!(again.lines, said, "and once more when all of it is over");
    // One step failed: that one speaks, and not the last one.
    let steps = json!([ended("build", 2, "Error"), ended("test", 0, "Completed")]);
    world.says("taskruns/ship-1-build", json!({ "podName": "ship-1-build-pod", "steps": steps, "conditions": succeeded("False", "Failed", "") })).await;
    assert_eq!(tail(&source, &build.id).await, Ok(["build 1", "build 2", "build 3", "build 4", "build 5"].map(String::from).to_vec()));
    world.space.kubectl(&["delete", "pod", "ship-1-build-pod", "--wait=true"]);
    let last = tail(&source, &build.id).await;
    assert!(matches!(&last, Err(SourceError::NotFound(words)) if words.contains("its pod is gone: Tekton keeps no logs")), "{last:?}");
    let mut gone = Seen::new(&source, log());
    gone.end().await;
    assert!(gone.lines.is_empty() && gone.notices.iter().any(|notice| notice.contains("its pod is gone: Tekton keeps no logs")), "{:?}", gone.notices);
    world.says("taskruns/ship-1-build", json!({ "podName": "", "conditions": succeeded("False", "PodCreationFailed", "quota") })).await;
    let mut none = Seen::new(&source, log());
    none.end().await;
    assert!(none.notices.iter().any(|notice| notice.contains("no pod was made for it: PodCreationFailed: quota")), "{:?}", none.notices);
}
