//! An Argo CD application is synced back. Its controller is not in the lab: a stand-in carries out the operations that are asked for, as the
//! real one does, and syncs by itself where the application says so; the first assertion about it is that it does.

use super::{
    acts::{act, checks, insist, operation, subject},
    faults::Line,
    lab::{self, Space},
    torn::{ended, intent, rollback},
};
use crate::wire::{Fault, Wire};
use pilothouse::domain::{CheckKind, Id, Operation, Outcome, Revision, Stage, Subject, Verb, Workload};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// What git has: a good release and one that crashes.
const GOOD: &str = "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c";
const BAD: &str = "9a8b7c6d5e4f30219a8b7c6d5e4f30219a8b7c6d";

fn source() -> Value {
    json!({ "repoURL": "https://git.example/shop", "path": "cart", "targetRevision": "main" })
}

/// Its history: what was synced, oldest first.
fn application(name: &str, space: &Space, automated: Value, synced: &[&str]) -> Value {
    let entry = |(id, revision): (usize, &&str)| json!({ "id": id, "revision": revision, "source": source(), "deployedAt": format!("2026-11-20T{:02}:00:00Z", 8 + id), "initiatedBy": { "username": "alice" } });
    let history: Vec<Value> = synced.iter().enumerate().map(entry).collect();
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": { "name": name },
        "spec": { "project": "default", "destination": { "namespace": space.name }, "source": source(),
            "syncPolicy": { "automated": automated, "syncOptions": ["CreateNamespace=true"] } },
        "status": { "sync": { "status": "Synced" }, "history": history, "resources": [{ "kind": "Deployment", "name": "cart" }, { "kind": "Service", "name": "cart" }] },
    })
}

/// The manifest of `cart` at a commit, as `application` tracks it.
fn manifest(revision: &str, application: &str, space: &Space) -> Value {
    let bad: &[(&str, &str)] = if revision == BAD { &[("APP_CRASH_AFTER", "1"), ("APP_READY_AFTER", "never")] } else { &[] };
    let image = if revision == BAD { "lab/app:2" } else { "lab/app:1" };
    let mut cart: Value = serde_json::from_str(&lab::deployment("cart", image, bad, revision)).expect("JSON");
    // Nothing of its own is left to go back to.
    cart["spec"]["revisionHistoryLimit"] = 0.into();
    cart["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = format!("{application}:apps/Deployment:{}/cart", space.name).into();
    cart
}

/// What carries operations out.
struct Controller {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Controller {
    fn start(name: &str, space: &Space) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, name, space) = (stop.clone(), name.to_owned(), lab::beside(space));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                turn(&name, &space);
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        _ = self.thread.take().map(JoinHandle::join);
    }
}

fn read(name: &str, space: &Space) -> Value {
    serde_json::from_str(&space.kubectl(&["get", "application", name, "-o", "json"])).expect("JSON")
}

fn patch(name: &str, space: &Space, patch: &Value) {
    space.kubectl(&["patch", "application", name, "--type", "merge", "-p", &patch.to_string()]);
}

/// One round: begins what is asked for, or asks for what git says where it syncs by itself.
fn turn(name: &str, space: &Space) {
    let app = read(name, space);
    let history = app["status"]["history"].as_array().cloned().unwrap_or_default();
    if app["operation"].is_object() {
        return carry_out(name, space, app["operation"].clone(), history);
    }
    let newest = history.last().is_some_and(|entry| entry["revision"] == BAD);
    if app["spec"]["syncPolicy"]["automated"].is_object() && !newest {
        let asked = json!({ "initiatedBy": { "automated": true }, "sync": { "revision": BAD, "source": source() } });
        patch(name, space, &json!({ "operation": asked }));
    }
}

fn carry_out(name: &str, space: &Space, operation: Value, mut history: Vec<Value>) {
    let now = || jiff::Timestamp::now().to_string();
    let (began, sync) = (now(), operation["sync"].clone());
    let revision = sync["revision"].as_str().unwrap_or_default().to_owned();
    let state = |phase: &str, message: &str| json!({ "phase": phase, "message": message, "startedAt": began, "operation": operation });
    // The real one takes the request off the object when it begins.
    patch(name, space, &json!({ "operation": null, "status": { "operationState": state("Running", "waiting for its turn") } }));
    if sync["syncStrategy"] != json!({ "apply": {} }) && operation["initiatedBy"]["automated"] != true {
        return patch(name, space, &json!({ "status": { "operationState": state("Failed", "this is no rollback") } }));
    }
    space.apply(&manifest(&revision, name, space).to_string());
    let id = history.iter().filter_map(|entry| entry["id"].as_u64()).max().unwrap_or_default() + 1;
    history.push(json!({ "id": id, "revision": revision, "source": sync["source"], "deployStartedAt": began, "deployedAt": now(), "initiatedBy": operation["initiatedBy"] }));
    let mut ended = state("Succeeded", "successfully synced (all tasks run)");
    ended["syncResult"] = json!({ "revision": revision, "source": sync["source"] });
    patch(name, space, &json!({ "status": { "history": history, "operationState": ended } }));
}

/// An application that is at the bad release, and its Deployment, which keeps no revision of its own.
fn burning(space: &Space, automated: Value) -> String {
    lab::serve("argoproj.io", "v1alpha1", ("applications", "Application"), false);
    let name = format!("{}-app", space.name);
    space.apply(&manifest(GOOD, &name, space).to_string());
    space.rolled_out("cart");
    space.apply(&manifest(BAD, &name, space).to_string());
    space.apply(&application(&name, space, automated, &[GOOD, BAD]).to_string());
    name
}

/// Going to the good release, as the application tells it.
fn back(subject: &Subject) -> Operation {
    let application = subject.application.as_ref().expect("an application made it");
    let good = application.revisions.iter().find(|revision| &*revision.version.0 == &GOOD[..7]).expect("it is in its history");
    Operation { from: application.seen.clone(), ..operation(Verb::SyncBack, subject, Some(good)) }
}

fn asked(space: &Space, name: &str) -> Value {
    read(name, space)["operation"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_refused_while_the_application_syncs_by_itself_or_is_at_work_and_asked_once_when_it_is_held() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("syncs");
    let source = lab::source(&kubeconfig, "lab", "");
    let name = burning(&space, json!({ "prune": true }));
    let id = space.deployment(&source, "cart");
    let found = subject(&source, &id).await;
    let told: Vec<&Revision> = found.application.iter().flat_map(|application| &application.revisions).collect();
    assert_eq!(told.iter().map(|one| (&*one.version.0, one.current)).collect::<Vec<_>>(), [(&BAD[..7], true), (&GOOD[..7], false)]);
    let good = told[1];
    assert!(good.outline.0.iter().any(|leaf| &*leaf.value == "2026-11-20 08:00 UTC"), "{:?}", good.outline);

    let made = checks(&source, back(&found)).await.2;
    assert_eq!(made[&CheckKind::Owner].outcome, Outcome::Block, "{made:?}");
    assert!(made[&CheckKind::Owner].remedy.as_ref().is_some_and(|remedy| remedy.contains("press H first")), "{made:?}");
    let stages = act(&source, back(&found)).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, same: false }] if what.contains("hold it off first")), "{stages:?}");
    assert!(asked(&space, &name).is_null(), "nothing was sent");

    // Held off, as the plan asks for it: the plan that was made before is not stale by that.
    patch(&name, &space, &json!({ "spec": { "syncPolicy": { "automated": null } } }));
    let (expected, command, made) = checks(&source, back(&found)).await;
    assert_eq!(expected, made.keys().copied().collect::<Vec<_>>(), "all that is promised is made, in the order on screen");
    assert!(made.values().all(|finding| finding.outcome < Outcome::Block), "{made:?}");
    assert_eq!(made[&CheckKind::DryRun].outcome, Outcome::Ok, "{made:?}");
    assert_eq!(command.as_deref(), Some(format!("argocd app rollback {name} 0").as_str()));
    assert!(asked(&space, &name).is_null(), "a dry run is no run");

    let stages = insist(&source, back(&found)).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
    let request = asked(&space, &name);
    assert_eq!((&request["sync"]["revision"], &request["sync"]["source"]), (&GOOD.into(), &self::source()), "{request}");
    // Nobody has begun with it: whoever comes now must wait.
    let busy = subject(&source, &id).await;
    let made = checks(&source, back(&busy)).await.2;
    assert_eq!(made[&CheckKind::Paused].outcome, Outcome::Block, "{made:?}");
    let second = act(&source, back(&busy)).await;
    assert!(matches!(&second[..], [Stage::Refused { why }] if why.contains("at work")), "{second:?}");
    let stale = act(&source, back(&found)).await;
    assert!(matches!(&stale[..], [Stage::Conflict { same: false, .. }]), "{stale:?}");
    assert_eq!(asked(&space, &name), request, "and the first one stands as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_a_sync_is_asked_for_once() {
    let Some(_) = lab::kubeconfig() else { return };
    let (space, line) = (Space::new("torn-syncs"), Line::new().await);
    lab::serve("argoproj.io", "v1alpha1", ("applications", "Application"), false);
    let name = format!("{}-app", space.name);
    let mut cart = manifest(GOOD, &name, &space);
    cart["spec"]["replicas"] = 0.into();
    space.apply(&cart.to_string());
    space.apply(&application(&name, &space, Value::Null, &[GOOD, BAD]).to_string());
    let id: Id<Workload> = space.deployment(&line.source, "cart");
    let wish = async || {
        patch(&name, &space, &json!({ "operation": null }));
        back(&subject(&line.source, &id).await)
    };
    line.sent_once(wish, async || asked(&space, &name).is_object()).await;
}

/// Killed while the answer to its request is on the way: the next one finds it asked for, sees the operation and the pods through, and sends
/// nothing. Then auto-sync is switched on, and the stand-in shows that it would have gone forward.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sync_whose_console_was_killed_is_seen_through_to_its_verdict() {
    let Some(_) = lab::kubeconfig() else { return };
    let space = Space::new("killed-sync");
    let name = burning(&space, Value::Null);
    lab::eventually("it crashes", async || space.kubectl(&["get", "pods"]).contains("CrashLoopBackOff").then_some(())).await;
    let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
    wire.next(Fault::Silent);
    let mut first = rollback(&wire, home.path(), &space, &["cart", "-e", "development", "--yes", "--reason", "it crashes", "--to", &GOOD[..7]]);
    wire.came(1).await;
    lab::eventually("it is asked for", async || asked(&space, &name).is_object().then_some(())).await;
    first.kill().expect("it runs");
    first.wait().expect("it ends");
    let controller = Controller::start(&name, &space);
    let operation = intent(home.path()).expect("an intent");
    let next = rollback(&wire, home.path(), &space, &["--resume", &operation]);
    let (code, said) = tokio::task::spawn_blocking(|| ended(next)).await.expect("no panic");
    assert_eq!((code, &said["verdict"], wire.changes()), (Some(0), &"RECOVERED".into(), 1), "{said:#}");
    let image = || space.kubectl(&["get", "deployment", "cart", "-o", "jsonpath={.spec.template.spec.containers[0].image}"]);
    assert_eq!(image(), "lab/app:1");
    let history = read(&name, &space)["status"]["history"].clone();
    assert_eq!(history.as_array().map(Vec::len), Some(3), "it was carried out once: {history:#}");
    patch(&name, &space, &json!({ "spec": { "syncPolicy": { "automated": {} } } }));
    lab::eventually("it goes forward by itself", async || (image() == "lab/app:2").then_some(())).await;
    drop(controller);
}
