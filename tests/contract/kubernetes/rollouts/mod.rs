//! Argo Rollouts: the real API server, real ReplicaSets and pods, and a stand-in for their controller.

mod controller;
mod forward;
mod torn;

use super::{
    acts::{checks, insist, operation, revisions, subject},
    lab::{self, Reading, Space, client, send},
};
use crate::script::Script;
use controller::{Controller, GROUP};
use kube::Client;
use pilothouse::{
    domain::{Change, CheckKind, Fact, Feed, Id, Kind, Outcome, Progress, Stage, Verb, Workload},
    sources::Source,
};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};

/// The definition of Rollouts: one for the whole cluster, so that only one test of any process has it at a time.
struct Definition(std::fs::File);

const DEFINITION: &str = "rollouts.argoproj.io";

impl Definition {
    fn new() -> Self {
        let lock = std::fs::File::create(std::env::temp_dir().join("pilothouse-contract-rollouts.lock")).expect("a file");
        lock.lock().expect("a lock");
        lab::serve("argoproj.io", "v1alpha1", ("rollouts", "Rollout"), true);
        Self(lock)
    }
}

impl Drop for Definition {
    fn drop(&mut self) {
        _ = std::process::Command::new("kubectl").args(["delete", "crd", DEFINITION, "--timeout=120s"]).output();
        _ = self.0.unlock();
    }
}

/// A namespace with one Rollout in it, and what works on that.
struct Scene {
    space: Space,
    client: Client,
    _controller: Controller,
}

impl Scene {
    /// Version 1 of `cart` serves, and version 2 ends again and again.
    async fn new(kubeconfig: &Path, about: &str) -> Self {
        let space = Space::new(about);
        let client = client(kubeconfig).await;
        let _controller = Controller::of(client.clone(), space.name.clone());
        let scene = Self { space, client, _controller };
        lab::eventually("a Rollout can be made", async || scene.write("POST", "", &scene.rollout(1, &[])).await).await;
        scene.status("version 1 is stable", |status| status["phase"] == "Healthy").await;
        scene
    }

    fn rollout(&self, version: u32, environment: &[(&str, &str)]) -> Value {
        let mut manifest: Value = serde_json::from_str(&lab::deployment("cart", &format!("lab/app:{version}"), environment, "")).expect("JSON");
        (manifest["apiVersion"], manifest["kind"]) = ("argoproj.io/v1alpha1".into(), "Rollout".into());
        manifest["spec"]["strategy"] = json!({ "canary": { "steps": [{ "setWeight": 50 }, { "pause": {} }, { "pause": { "duration": "5m" } }] } });
        manifest
    }

    async fn write(&self, method: &str, part: &str, body: &Value) -> Option<Value> {
        let name = if method == "POST" { "" } else { "/cart" };
        send(&self.client, method, &format!("{GROUP}/namespaces/{}/rollouts{name}{part}", self.space.name), body).await
    }

    /// Ships version 2: one that ends again and again, or one that is only another.
    async fn ship(&self, crashes: bool) {
        let more: &[(&str, &str)] = if crashes { &[("APP_CRASH_AFTER", "0.1"), ("APP_READY_AFTER", "never")] } else { &[] };
        let template = self.rollout(2, more)["spec"]["template"].clone();
        self.write("PATCH", "", &json!({ "spec": { "template": template } })).await.expect("it is shipped");
    }

    /// Waits until version 2 is on its way and its pod ends again and again.
    async fn crashes(&self) {
        self.ship(true).await;
        self.status("version 2 is on its way", |status| status["stableRS"] != status["currentPodHash"] && status["updatedReplicas"] == 1).await;
        let loops = async || self.space.kubectl(&["get", "pods"]).contains("CrashLoopBackOff").then_some(());
        lab::eventually("its pod crashes", loops).await;
    }

    async fn status(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let read = async || self.write("GET", "", &Value::Null).await.map(|object| object["status"].clone()).filter(|status| wanted(status));
        lab::eventually(what, read).await
    }

    fn id(&self, source: &Arc<dyn Source>) -> Id<Workload> {
        Id::new(source.id(), &format!("rollouts/{}/cart", self.space.name))
    }

    /// `pilothouse rollback cart`, begun.
    fn roll_back(&self, kubeconfig: &Path) -> Script {
        let config = "[[environment]]\nname = 'development'\ntier = 'development'\nmatch = [{ context = 'lab' }]\n";
        let place = ["--context", "lab", "-n", &self.space.name];
        let wish = ["rollback", "cart", "-e", "development", "--yes", "--reason", "it crashes", "--json"];
        Script::new(config, Some(kubeconfig), &[&place[..], &wish].concat())
    }
}

/// All stories at the same time, under one definition: it is gone after them.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_goes_back_by_an_abort_under_way_and_by_an_undo_after_it() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let definition = tokio::task::spawn_blocking(Definition::new).await.expect("a definition");
    tokio::join!(
        aborted(&kubeconfig),
        retried(&kubeconfig),
        promoted_meanwhile(&kubeconfig),
        undone(&kubeconfig),
        forward::goes(&kubeconfig),
        torn::sent_once(&kubeconfig),
        torn::killed(&kubeconfig)
    );
    drop(definition);
}

/// A canary that crashes is given up on: the stable revision serves, and what was left behind is said.
async fn aborted(kubeconfig: &Path) {
    let scene = Scene::new(kubeconfig, "aborted").await;
    scene.crashes().await;
    let (code, done) = scene.roll_back(kubeconfig).ended().await;
    assert_eq!((code, &done["verdict"], &done["to"]["version"]), (Some(0), &"RECOVERED".into(), &"1".into()), "{done:#}");
    assert_eq!(done["command"], format!("kubectl argo rollouts abort cart -n {} --context lab", scene.space.name), "{done:#}");
    let object = scene.write("GET", "", &Value::Null).await.expect("it is there");
    assert_eq!((&object["status"]["abort"], &object["status"]["updatedReplicas"]), (&true.into(), &0.into()));
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "lab/app:2", "an abort changes no template");
    assert!(done["still_open"].to_string().contains("still asks for 2: a retry ships it again"), "{done:#}");
}

/// Somebody retries what was aborted: that is no recovery, however well the pods are.
async fn retried(kubeconfig: &Path) {
    let scene = Scene::new(kubeconfig, "retried").await;
    scene.crashes().await;
    let mut face = scene.roll_back(kubeconfig);
    face.says("taken up: the controller works on it").await;
    scene.write("PATCH", "/status", &json!({ "status": { "abort": false } })).await.expect("it is retried");
    let (code, done) = face.ended().await;
    assert_eq!((code, &done["verdict"]), (Some(1), &"NOT RECOVERED".into()), "{done:#}");
    assert!(done["why"].to_string().contains("it goes forward to 2 again"), "{done:#}");
}

/// Somebody promotes it while the plan is read: nothing is sent.
async fn promoted_meanwhile(kubeconfig: &Path) {
    let scene = Scene::new(kubeconfig, "promoted").await;
    let source = lab::source(kubeconfig, "lab", &format!("namespaces = ['{}']", scene.space.name));
    let id = scene.id(&source);
    scene.ship(false).await;
    scene.status("it waits at its pause", |status| status["phase"] == "Paused").await;
    let mut reading = Reading::of(&source, Feed::Workloads);
    let waits = |fact: &Fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if row.id == id && matches!(&row.progress, Progress::Waiting { place, .. } if &**place == "step 2 of 3"));
    let (fact, _) = reading.until("the Rollout, waiting", waits).await;
    assert!(matches!(&fact, Fact::Workload(Change::Upsert(row)) if row.kind == Kind::Rollout && &*row.version.0 == "2"), "{fact:?}");

    let before = subject(&source, &id).await;
    let rows = revisions(&source, &id).await;
    assert_eq!(rows.iter().map(|row| (row.number, row.current)).collect::<Vec<_>>(), [(2, true), (1, false)]);
    assert_eq!(before.abort_to.as_ref(), Some(&rows[1].template));
    let wish = operation(Verb::Abort, &before, Some(&rows[1]));
    let (expected, _, made) = checks(&source, wish.clone()).await;
    assert_eq!(expected, made.keys().copied().collect::<Vec<_>>());
    for kind in [CheckKind::Rights, CheckKind::Owner, CheckKind::Strategy, CheckKind::Traffic, CheckKind::DryRun] {
        assert_eq!(made[&kind].outcome, Outcome::Ok, "{:?}", made[&kind]);
    }
    assert_eq!(subject(&source, &id).await.seen, before.seen, "looking changes nothing");
    scene.write("PATCH", "/status", &json!({ "status": { "promoteFull": true } })).await.expect("it is promoted");
    let stages = insist(&source, wish.clone()).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, same: false }] if what.contains("promoted")), "{stages:?}");
    scene.status("it is promoted", |status| status["phase"] == "Healthy" && status["stableRS"] == status["currentPodHash"]).await;
    let stages = insist(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, same: false }] if what.contains("was promoted meanwhile")), "{stages:?}");
}

/// What is promoted is undone by its template, step by step; back to what is stable again it is instant.
async fn undone(kubeconfig: &Path) {
    let scene = Scene::new(kubeconfig, "undone").await;
    let source = lab::source(kubeconfig, "lab", "");
    let id = scene.id(&source);
    scene.ship(false).await;
    scene.status("it waits at its pause", |status| status["phase"] == "Paused").await;
    scene.write("PATCH", "/status", &json!({ "status": { "promoteFull": true } })).await.expect("it is promoted");
    scene.status("it is promoted", |status| status["phase"] == "Healthy" && status["stableRS"] == status["currentPodHash"]).await;
    let before = subject(&source, &id).await;
    let rows = revisions(&source, &id).await;
    assert_eq!((before.abort_to.clone(), rows.len(), rows[1].number), (None, 2, 1));
    let wish = operation(Verb::RollBack, &before, Some(&rows[1]));
    let (_, command, made) = checks(&source, wish.clone()).await;
    assert_eq!(command.as_deref(), Some(format!("kubectl argo rollouts undo cart -n {} --context lab --to-revision=1", scene.space.name).as_str()));
    let strategy = &made[&CheckKind::Strategy];
    assert!(strategy.sentence.starts_with("stepwise: all 3 steps run again, about 5 min of pauses, 1 until somebody promotes it"), "{strategy:?}");
    assert_eq!(made[&CheckKind::DryRun].outcome, Outcome::Ok, "{:?}", made[&CheckKind::DryRun]);
    let stages = insist(&source, wish.clone()).await;
    assert!(matches!(stages.last(), Some(Stage::Accepted { .. })), "{stages:?}");
    scene.status("it goes back step by step", |status| status["phase"] == "Paused" && status["stableRS"] != status["currentPodHash"]).await;
    let after = subject(&source, &id).await;
    assert_eq!(after.operation.as_deref(), Some(wish.id.as_str()));
    assert_eq!(after.abort_to.as_ref(), Some(&rows[0].template), "the bad version is stable until the way back is over");
}
