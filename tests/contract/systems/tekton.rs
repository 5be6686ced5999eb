//! Tekton: real objects of a real API server, over a wire that counts what is changed; the controller's words are the suite's.

use super::{BEGAN, Ci, How, Pipeline, Task, at};
use crate::{
    kubernetes::lab,
    tekton::world::{World, source, succeeded},
    wire::{Fault, Wire},
};
use futures::{StreamExt, stream};
use pilothouse::sources::Source;
use serde_json::{Value, json};
use std::{ops::Range, path::PathBuf, sync::Arc};

/// A namespace.
pub struct Tekton {
    pub(super) world: World,
    pub(super) wire: Wire,
    home: tempfile::TempDir,
    kubeconfig: PathBuf,
}

fn condition(how: How) -> Value {
    match how {
        How::Queued | How::Skipped => json!([]),
        How::Running => succeeded("Unknown", "Running", ""),
        How::Held => unreachable!("nothing holds one of its tasks"),
        How::Success => succeeded("True", "Succeeded", ""),
        How::Failed => succeeded("False", "Failed", ""),
        How::Cancelled => succeeded("False", "Cancelled", ""),
        How::Odd => succeeded("Unknown", "SomethingNew", ""),
    }
}

impl Tekton {
    fn name(number: u64) -> String {
        format!("ship-{number:05}")
    }

    fn at(&self, kubeconfig: &std::path::Path, more: &str, read_only: bool) -> Arc<dyn Source> {
        source(kubeconfig, "lab", &self.world.space.name, more, read_only)
    }

    /// Its object, made where it is not there yet.
    async fn object(&self, number: u64) -> Value {
        let name = Self::name(number);
        match self.world.get(&format!("pipelineruns/{name}")).await {
            Value::Null => self.world.run(&name, json!({})).await,
            object => object,
        }
    }

    async fn task(&self, run: &Value, task: &Task) -> Value {
        let name = format!("{}-{}", run["metadata"]["name"].as_str().expect("a name"), task.name);
        if self.world.get(&format!("taskruns/{name}")).await.is_null() {
            self.world.task(run, &task.name, &name, json!([])).await;
        }
        let mut status = json!({ "conditions": condition(task.how), "startTime": at(task.from).to_string() });
        if task.how.over() {
            status["completionTime"] = at(task.to).to_string().into();
        }
        if task.how == How::Cancelled {
            status["conditions"] = succeeded("False", "TaskRunCancelled", "");
        }
        self.world.says(&format!("taskruns/{name}"), status).await;
        json!({ "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": name, "pipelineTaskName": task.name })
    }
}

impl Ci for Tekton {
    const HOLDS: bool = false;
    const REMEMBERS: bool = true;

    async fn new(about: &str) -> Option<Self> {
        let about = about.split('_').filter(|word| word.len() > 4).collect::<Vec<_>>().join("-");
        let world = World::new(&format!("suite-{about}")).await?;
        let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
        let kubeconfig = wire.kubeconfig(home.path());
        Some(Self { world, wire, home, kubeconfig })
    }

    fn table(&self) -> String {
        let (kubeconfig, namespace) = (self.kubeconfig.display(), &self.world.space.name);
        format!("kind = 'tekton'\nkubeconfig = '{kubeconfig}'\ncontexts = ['lab']\nnamespaces = ['{namespace}']")
    }

    fn source(&self, more: &str) -> Arc<dyn Source> {
        self.at(&self.kubeconfig, more, false)
    }

    fn reading(&self) -> Arc<dyn Source> {
        self.at(&self.kubeconfig, "", true)
    }

    fn stranger(&self) -> Arc<dyn Source> {
        let context = lab::kubectl(&["config", "view", "--raw", "--minify", "--context", "lab", "-o", "json"]);
        let mut context: Value = serde_json::from_str(&context).expect("JSON");
        context["users"][0]["user"] = json!({ "token": "stale" });
        let path = self.home.path().join("stranger.json");
        std::fs::write(&path, context.to_string()).expect("a file");
        self.at(&path, "", false)
    }

    async fn write(&self, pipeline: &Pipeline) {
        let run = self.object(pipeline.number).await;
        let ran = pipeline.tasks.iter().filter(|task| !matches!(task.how, How::Queued | How::Skipped));
        let children: Vec<Value> = stream::iter(ran.map(|task| self.task(&run, task))).buffered(16).collect().await;
        let tasks: Vec<Value> = pipeline.tasks.iter().map(|task| json!({ "name": task.name, "taskSpec": { "steps": [] } })).collect();
        let skipped: Vec<Value> = pipeline.tasks.iter().filter(|task| task.how == How::Skipped).map(|task| json!({ "name": task.name })).collect();
        if pipeline.how == How::Queued {
            return;
        }
        let mut status = json!({ "startTime": BEGAN.to_string(), "pipelineSpec": { "tasks": tasks }, "childReferences": children, "skippedTasks": skipped,
            "conditions": condition(pipeline.how) });
        if pipeline.how.over() {
            status["completionTime"] = at(pipeline.took).to_string().into();
        }
        self.world.says(&format!("pipelineruns/{}", Self::name(pipeline.number)), status).await;
    }

    async fn bare(&self, number: u64) {
        let bare = json!({ "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": { "name": Self::name(number) } });
        self.world.make("pipelineruns", &bare).await;
    }

    /// A pod says it, as far as it was begun before; to say more it waits for a file, which a second call writes.
    async fn says(&self, number: u64, lines: Range<usize>, over: bool) {
        let (run, pod) = (Self::name(number), format!("{}-build-pod", Self::name(number)));
        if over {
            self.world.space.kubectl(&["exec", &pod, "--", "busybox", "touch", "/tmp/go"]);
            return lab::eventually("its pod is over", async || {
                let phase = self.world.space.kubectl(&["get", "pod", &pod, "-o", "jsonpath={.status.phase}"]);
                (phase == "Succeeded").then_some(())
            })
            .await;
        }
        let count = |from: usize, to: usize| format!("busybox awk 'BEGIN {{ for (n = {from}; n < {to}; n++) print \"line \" n }}'");
        let script = format!("{}; while [ ! -e /tmp/go ]; do busybox sleep 0.1; done; {}", count(lines.start, lines.end), count(lines.end, 50_000));
        let object = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": pod },
            "spec": { "restartPolicy": "Never", "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
                "volumes": [{ "name": "tmp", "emptyDir": {} }],
                "containers": [{ "name": "step-say", "image": "lab/app:1", "imagePullPolicy": "Never", "command": ["busybox", "sh", "-c", script],
                    "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }] }] } });
        self.world.space.apply(&object.to_string());
        self.world.says(&format!("taskruns/{run}-build"), json!({ "podName": pod })).await;
    }

    fn called(&self, number: u64) -> String {
        Self::name(number)
    }

    /// Each is an object of a real server: all of them only where somebody has the time.
    async fn many(&self, count: u64) -> u64 {
        let count = if std::env::var_os("PILOTHOUSE_LONG").is_some() { count } else { count.min(1_000) };
        // One after the other: which is the newest is told to the second.
        for number in 1..=count {
            self.world.run(&Self::name(number), json!({})).await;
        }
        count
    }

    fn changes(&self) -> usize {
        self.wire.changes()
    }

    fn cut(&self) {
        self.wire.next(Fault::After);
    }

    fn refuse(&self, refuses: bool) {
        self.wire.hides(if refuses { &["/apis/tekton.dev"] } else { &[] });
    }

    async fn ends(&self, number: u64) {
        let object = self.object(number).await;
        assert_eq!(object["spec"]["status"], "CancelledRunFinally", "it was asked to end");
        self.world.says(&format!("pipelineruns/{}", Self::name(number)), json!({ "conditions": condition(How::Cancelled) })).await;
    }
}
