//! Tekton's objects in a namespace of the lab's real API server. Its controller is not there: each test writes the status that it would write.

use crate::kubernetes::lab::{self, Space, client, send};
use kube::Client;
use pilothouse::{
    config::{Config, SourceConfig},
    sources::{Made, Source, Wish, kubernetes::tekton},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Once},
};

/// A namespace, and who writes in it.
pub struct World {
    pub space: Space,
    pub kubeconfig: PathBuf,
    client: Client,
}

/// A source for one context, looking only into a namespace.
pub fn source(kubeconfig: &Path, context: &str, namespace: &str, more: &str, read_only: bool) -> Arc<dyn Source> {
    let text = format!("kind = 'tekton'\nkubeconfig = '{}'\ncontexts = ['{context}']\nnamespaces = ['{namespace}']\n{more}", kubeconfig.display());
    let (table, config) = (SourceConfig::from_toml(&text).expect("a table"), Config::default());
    match tekton::connect(&Wish { table: Some(&table), config: &config, read_only, contexts: &[], namespace: None }).swap_remove(0) {
        Made::Source(source) => source,
        _ => panic!("it is made"),
    }
}

/// The definitions are the cluster's and stay: tests of other processes may use them.
fn serve() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for kind in [("pipelineruns", "PipelineRun"), ("taskruns", "TaskRun")] {
            lab::serve_all("tekton.dev", &["v1", "v1beta1"], kind, true);
        }
    });
}

impl World {
    /// A namespace of one's own; none when the tests are left out on purpose.
    pub async fn new(about: &str) -> Option<Self> {
        let kubeconfig = lab::kubeconfig()?;
        serve();
        Some(Self { space: Space::new(about), client: client(&kubeconfig).await, kubeconfig })
    }

    /// Who looks here.
    pub fn source(&self, more: &str) -> Arc<dyn Source> {
        source(&self.kubeconfig, "lab", &self.space.name, more, false)
    }

    fn path(&self, what: &str) -> String {
        format!("/apis/tekton.dev/v1/namespaces/{}/{what}", self.space.name)
    }

    /// One object, as it is.
    pub async fn get(&self, what: &str) -> Value {
        send(&self.client, "GET", &self.path(what), &Value::Null).await.unwrap_or_default()
    }

    /// All objects of a kind.
    pub async fn all(&self, plural: &str) -> Vec<Value> {
        self.get(plural).await["items"].as_array().cloned().unwrap_or_default()
    }

    /// Makes an object, and gives it as the server has it.
    pub async fn make(&self, plural: &str, object: &Value) -> Value {
        send(&self.client, "POST", &self.path(plural), object).await.unwrap_or_else(|| panic!("the server takes it: {object}"))
    }

    /// Changes an object, as in `pipelineruns/x`, or a part of it.
    pub async fn patch(&self, what: &str, patch: &Value) {
        send(&self.client, "PATCH", &self.path(what), patch).await.unwrap_or_else(|| panic!("the server takes it: {what} {patch}"));
    }

    /// What a controller says of an object.
    pub async fn says(&self, what: &str, status: Value) {
        self.patch(&format!("{what}/status"), &json!({ "status": status })).await;
    }

    /// A run of the pipeline `ship`; its name is given.
    pub async fn run(&self, name: &str, more: Value) -> Value {
        let mut run = json!({ "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": { "name": name, "generateName": "ship-" },
            "spec": { "pipelineRef": { "name": "ship" }, "params": [{ "name": "repo-url", "value": "https://git.example/acme/cart.git" },
                { "name": "revision", "value": "c0ffee5" }, { "name": "branch", "value": "refs/heads/main" }] } });
        merge(&mut run, more);
        self.make("pipelineruns", &run).await
    }

    /// A TaskRun of a run.
    pub async fn task(&self, run: &Value, task: &str, name: &str, params: Value) -> Value {
        let meta = &run["metadata"];
        let object = json!({ "apiVersion": "tekton.dev/v1", "kind": "TaskRun",
            "metadata": { "name": name, "labels": { "tekton.dev/pipelineRun": meta["name"], "tekton.dev/pipelineTask": task },
                "ownerReferences": [{ "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": meta["name"], "uid": meta["uid"], "controller": true }] },
            "spec": { "params": params } });
        self.make("taskruns", &object).await
    }
}

/// Lays one object over another.
fn merge(object: &mut Value, over: Value) {
    match (object, over) {
        (Value::Object(object), Value::Object(over)) => over.into_iter().for_each(|(key, value)| merge(object.entry(key).or_insert(Value::Null), value)),
        (object, over) => *object = over,
    }
}

/// The one condition that counts.
pub fn succeeded(status: &str, reason: &str, message: &str) -> Value {
    json!([{ "type": "Succeeded", "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-11-26T10:05:00Z" }])
}

/// A step that ended.
pub fn ended(name: &str, code: i64, reason: &str) -> Value {
    json!({ "name": name, "container": format!("step-{name}"),
        "terminated": { "exitCode": code, "reason": reason, "startedAt": "2026-11-26T10:00:10Z", "finishedAt": "2026-11-26T10:01:00Z" } })
}
