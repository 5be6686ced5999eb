//! What the network may do to an abort, a promotion and a retry. No controller moves this Rollout: what was carried out stays as it was sent.

use super::{
    super::{
        acts::{operation, subject},
        faults::Line,
        lab::{self, Space, client, send},
        torn::{ended, intent, rollback},
    },
    Scene,
    controller::GROUP,
    forward::wish,
};
use crate::wire::{Fault, Wire};
use kube::Client;
use pilothouse::domain::{Id, Operation, RevisionRef, Verb, Version, Workload};
use serde_json::{Value, json};
use std::path::Path;

/// A Rollout that waits at its second step.
struct Still {
    space: Space,
    client: Client,
    line: Line,
    id: Id<Workload>,
}

impl Still {
    async fn new(kubeconfig: &Path) -> Self {
        let (space, client, line) = (Space::new("torn-rollouts"), client(kubeconfig).await, Line::new().await);
        let id = Id::new(line.source.id(), &format!("rollouts/{}/cart", space.name));
        let still = Self { space, client, line, id };
        let template = json!({ "metadata": { "labels": { "app": "cart" } }, "spec": { "containers": [{ "name": "app", "image": "lab/app:2" }] } });
        let steps = json!([{ "setWeight": 50 }, { "pause": {} }, { "setWeight": 80 }]);
        let object = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": { "name": "cart" },
            "spec": { "replicas": 2, "selector": { "matchLabels": { "app": "cart" } }, "strategy": { "canary": { "steps": steps } }, "template": template } });
        lab::eventually("a Rollout can be made", async || still.write("POST", "", &object).await).await;
        still
    }

    async fn write(&self, method: &str, part: &str, body: &Value) -> Option<Value> {
        let name = if method == "POST" { "" } else { "/cart" };
        send(&self.client, method, &format!("{GROUP}/namespaces/{}/rollouts{name}{part}", self.space.name), body).await
    }

    /// It stands at its pause, or has been aborted there.
    async fn stands(&self, aborted: bool) {
        let waits = json!([{ "reason": "CanaryPauseStep", "startTime": "2026-01-01T10:00:00Z" }]);
        let status = json!({ "observedGeneration": "1", "phase": if aborted { "Degraded" } else { "Paused" }, "stableRS": "aaa", "currentPodHash": "bbb",
            "currentStepIndex": 1, "pauseConditions": if aborted { Value::Null } else { waits }, "controllerPause": !aborted, "abort": aborted, "promoteFull": false });
        self.write("PATCH", "/status", &json!({ "status": status })).await.expect("it is set");
    }

    async fn makes(&self, verb: Verb) -> Operation {
        self.stands(verb == Verb::Retry).await;
        let seen = subject(&self.line.source, &self.id).await;
        if verb != Verb::Abort {
            return wish(verb, &seen);
        }
        let template = seen.abort_to.clone().expect("it can be aborted");
        let to = RevisionRef { id: self.id.cast(), number: 1, template, version: Version::default() };
        Operation { to: Some(to), ..operation(verb, &seen, None) }
    }

    async fn says(&self, field: &str) -> Value {
        self.write("GET", "", &Value::Null).await.expect("it is there")["status"][field].clone()
    }
}

pub async fn sent_once(kubeconfig: &Path) {
    let still = Still::new(kubeconfig).await;
    let line = &still.line;
    line.sent_once(async || still.makes(Verb::Abort).await, async || still.says("abort").await == true).await;
    line.sent_once(async || still.makes(Verb::Promote).await, async || still.says("pauseConditions").await.is_null()).await;
    line.sent_once(async || still.makes(Verb::PromoteFull).await, async || still.says("promoteFull").await == true).await;
    line.sent_once(async || still.makes(Verb::Retry).await, async || still.says("abort").await != true).await;
}

/// Killed while the answer to its abort is on the way: the next one finds it done, sees it through, and sends nothing.
pub async fn killed(kubeconfig: &Path) {
    let scene = Scene::new(kubeconfig, "killed-abort").await;
    scene.crashes().await;
    let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
    wire.next(Fault::Silent);
    let go = ["cart", "-e", "development", "--yes", "--reason", "it crashes"];
    let mut first = rollback(&wire, home.path(), &scene.space, &go);
    wire.came(1).await;
    scene.status("it is aborted", |status| status["abort"] == true).await;
    first.kill().expect("it runs");
    first.wait().expect("it ends");
    let operation = intent(home.path()).expect("an intent");
    let next = rollback(&wire, home.path(), &scene.space, &["--resume", &operation]);
    let (code, said) = tokio::task::spawn_blocking(|| ended(next)).await.expect("no panic");
    assert_eq!((code, &said["verdict"], wire.changes()), (Some(0), &"RECOVERED".into(), 1), "{said:#}");
    let status = scene.write("GET", "", &Value::Null).await.expect("it is there")["status"].clone();
    assert_eq!(status["abort"], true, "{status}");
}
