//! A stand-in for the controller of Argo Rollouts: ReplicaSets whose pods really run, and the status as the real one writes it.
//!
//! What it does is what rollout/{canary,pause,sync}.go and utils/rollout/rolloututil.go of Argo Rollouts 1.9 do, for a canary without a mesh:
//! a new template begins its steps anew and takes an abort back; an abort scales the stable revision up and the newest to zero; a way
//! back to the stable revision skips all steps; the end of the steps makes the newest the stable one; one that is paused by hand stands still.

use super::super::lab::send;
use kube::Client;
use serde_json::{Value, json};
use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    time::Duration,
};

const HASH: &str = "rollouts-pod-template-hash";
const REVISION: &str = "rollout.argoproj.io/revision";
pub const GROUP: &str = "/apis/argoproj.io/v1alpha1";

/// The controller, for one namespace, until it is dropped.
pub struct Controller(tokio::task::JoinHandle<()>);

impl Controller {
    /// Begins to work.
    pub fn of(client: Client, namespace: String) -> Self {
        Self(tokio::spawn(async move {
            loop {
                turn(&client, &namespace).await;
                // As often as is enough: four of them at once must not keep the server busy.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }))
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn turn(client: &Client, namespace: &str) {
    let list = async |path: String| send(client, "GET", &path, &Value::Null).await.and_then(|list| list["items"].as_array().cloned()).unwrap_or_default();
    let rollouts = list(format!("{GROUP}/namespaces/{namespace}/rollouts")).await;
    let sets = list(format!("/apis/apps/v1/namespaces/{namespace}/replicasets")).await;
    for rollout in rollouts {
        let own = sets.iter().filter(|set| set["metadata"]["ownerReferences"][0]["uid"] == rollout["metadata"]["uid"]).cloned().collect();
        Work { client, namespace, rollout, sets: own }.reconcile().await;
    }
}

struct Work<'a> {
    client: &'a Client,
    namespace: &'a str,
    rollout: Value,
    sets: Vec<Value>,
}

fn hash_of(template: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    template.to_string().hash(&mut hasher);
    format!("{:08x}", hasher.finish())[..8].to_owned()
}

impl Work<'_> {
    fn set(&self, hash: &str) -> Option<&Value> {
        self.sets.iter().find(|set| set["metadata"]["labels"][HASH] == hash)
    }

    fn count(&self, hash: &str, what: &str) -> u64 {
        self.set(hash).and_then(|set| set["status"][what].as_u64()).unwrap_or_default()
    }

    fn total(&self, what: &str) -> u64 {
        self.sets.iter().filter_map(|set| set["status"][what].as_u64()).sum()
    }

    fn path(&self, name: &Value) -> String {
        format!("/apis/apps/v1/namespaces/{}/replicasets/{}", self.namespace, name.as_str().unwrap_or_default())
    }

    async fn reconcile(mut self) {
        // Defaults of the pod are filled in by the API server for a ReplicaSet only: the hash is that of the template as it was written.
        let hash = hash_of(&self.rollout["spec"]["template"]);
        let newest = self.sets.iter().filter_map(|set| set["metadata"]["annotations"][REVISION].as_str()?.parse::<u64>().ok()).max().unwrap_or(0);
        let revision = |set: &Value| set["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        match self.set(&hash) {
            None => return self.create(&hash, newest + 1).await,
            Some(set) if revision(set) < newest => {
                let patch = json!({ "metadata": { "annotations": { REVISION: (newest + 1).to_string() } } });
                send(self.client, "PATCH", &self.path(&set["metadata"]["name"]), &patch).await;
                return;
            }
            Some(_) => {}
        }
        let before = self.rollout["status"].clone();
        let mut status = before.clone();
        if before["currentPodHash"] != hash.as_str() {
            status = json!({ "stableRS": before["stableRS"].as_str().unwrap_or_default(), "currentPodHash": hash, "currentStepIndex": 0 });
        }
        self.go_on(&hash, &mut status).await;
        status["observedGeneration"] = self.rollout["metadata"]["generation"].to_string().into();
        for what in ["replicas", "readyReplicas", "availableReplicas"] {
            status[what] = self.total(what).into();
        }
        status["updatedReplicas"] = self.count(&hash, "replicas").into();
        if status != before {
            let path = format!("{GROUP}/namespaces/{}/rollouts/{}/status", self.namespace, self.rollout["metadata"]["name"].as_str().unwrap_or_default());
            self.rollout["status"] = status;
            // A status that somebody wrote meanwhile is not written over: the next turn reads it.
            send(self.client, "PUT", &path, &self.rollout).await;
        }
    }

    async fn go_on(&self, hash: &str, status: &mut Value) {
        let wanted = self.rollout["spec"]["replicas"].as_u64().unwrap_or(1);
        let stable = status["stableRS"].as_str().unwrap_or_default().to_owned();
        let steps = self.rollout["spec"]["strategy"]["canary"]["steps"].as_array().cloned().unwrap_or_default();
        let at = usize::try_from(status["currentStepIndex"].as_u64().unwrap_or_default()).unwrap_or_default();
        let ready = self.count(hash, "availableReplicas") >= wanted;
        let say = |status: &mut Value, phase: &str, message: &str| (status["phase"], status["message"]) = (phase.into(), message.into());
        if self.rollout["spec"]["paused"] == true && !stable.is_empty() {
            say(status, "Paused", "manually paused");
        } else if stable.is_empty() || stable == hash {
            self.scale(hash, wanted, 0).await;
            say(status, if ready && self.total("replicas") == wanted { "Healthy" } else { "Progressing" }, "");
            if ready {
                status["stableRS"] = hash.into();
                status["abort"] = Value::Null;
            }
        } else if status["abort"] == true {
            say(status, "Degraded", "RolloutAborted: Rollout aborted update to the newest revision");
            self.scale(&stable, wanted, 0).await;
            (status["currentStepIndex"], status["pauseConditions"], status["controllerPause"]) = (0.into(), Value::Null, Value::Null);
            if status["abortedAt"].is_null() {
                status["abortedAt"] = "2026-01-01T10:00:00Z".into();
            }
        } else if status["promoteFull"] == true || at >= steps.len() {
            say(status, "Progressing", "more replicas need to be updated");
            self.scale(hash, wanted, if ready { 0 } else { wanted }).await;
            if ready {
                (status["stableRS"], status["promoteFull"]) = (hash.into(), Value::Null);
            }
        } else {
            status["abortedAt"] = Value::Null;
            self.step(hash, &steps[at], (at, wanted), status).await;
        }
    }

    async fn step(&self, hash: &str, step: &Value, (at, wanted): (usize, u64), status: &mut Value) {
        (status["phase"], status["message"]) = ("Progressing".into(), "more replicas need to be updated".into());
        if let Some(weight) = step["setWeight"].as_u64() {
            let some = (wanted * weight).div_ceil(100);
            let ready = self.count(hash, "availableReplicas") >= some;
            self.scale(hash, some, if ready { wanted - some } else { wanted }).await;
            if ready {
                status["currentStepIndex"] = (at + 1).into();
            }
            return;
        }
        let waits = status["pauseConditions"].as_array().is_some_and(|conditions| !conditions.is_empty());
        match (waits, status["controllerPause"] == true) {
            (false, true) => (status["currentStepIndex"], status["controllerPause"]) = ((at + 1).into(), Value::Null),
            (false, false) => {
                status["pauseConditions"] = json!([{ "reason": "CanaryPauseStep", "startTime": "2026-01-01T10:00:00Z" }]);
                status["controllerPause"] = true.into();
                (status["phase"], status["message"]) = ("Paused".into(), "CanaryPauseStep".into());
            }
            (true, _) => (status["phase"], status["message"]) = ("Paused".into(), "CanaryPauseStep".into()),
        }
    }

    /// So many of one revision; those of the stable one become `rest`, all others none.
    async fn scale(&self, hash: &str, some: u64, rest: u64) {
        let stable = self.rollout["status"]["stableRS"].as_str().unwrap_or_default();
        for set in &self.sets {
            let own = set["metadata"]["labels"][HASH].as_str().unwrap_or_default();
            let wanted = if own == hash {
                some
            } else if own == stable {
                rest
            } else {
                0
            };
            if set["spec"]["replicas"] != wanted {
                send(self.client, "PATCH", &self.path(&set["metadata"]["name"]), &json!({ "spec": { "replicas": wanted } })).await;
            }
        }
    }

    async fn create(&self, hash: &str, revision: u64) {
        let (meta, spec) = (&self.rollout["metadata"], &self.rollout["spec"]);
        let mut template = spec["template"].clone();
        template["metadata"]["labels"][HASH] = hash.into();
        let mut selector = spec["selector"].clone();
        selector["matchLabels"][HASH] = hash.into();
        let owner = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": meta["name"], "uid": meta["uid"], "controller": true });
        let set = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": { "name": format!("{}-{hash}", meta["name"].as_str().unwrap_or_default()), "labels": template["metadata"]["labels"],
                "annotations": { REVISION: revision.to_string() }, "ownerReferences": [owner] },
            "spec": { "replicas": 0, "selector": selector, "template": template } });
        send(self.client, "POST", &format!("/apis/apps/v1/namespaces/{}/replicasets", self.namespace), &set).await;
    }
}
