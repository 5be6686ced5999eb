//! What keeps a workload (Argo CD, Flux) is held off and let go. Their controllers are not in the lab: a stand-in heals as the real ones
//! do, by what the application says of itself, and the first assertion about it is that it does.

use super::{
    acts::{act, checks, insist, operation, revisions, subject},
    faults::Line,
    lab::{self, Reading, Space},
    torn::{after_a_kill, config},
};
use crate::{
    faces::face,
    term::pilothouse,
    wire::{Fault, Wire},
};
use pilothouse::{
    domain::{Answer, Change, CheckKind, Fact, Feed, Hold, Id, Outcome, Owner, Question, Stage, Subject, Verb, Workload},
    sources::Source,
};
use serde_json::{Value, json};
use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// An application that syncs by itself and heals, and says that it made `resources`.
fn application(name: &str, parent: Option<&str>, resources: &[(&str, &str)], namespace: &str) -> Value {
    let resources: Vec<Value> = resources.iter().map(|(kind, name)| json!({ "kind": kind, "name": name, "status": "Synced" })).collect();
    let tracked = parent.map(|parent| format!("{parent}:argoproj.io/Application:{namespace}/{name}"));
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "annotations": tracked.map(|tracked| json!({ "argocd.argoproj.io/tracking-id": tracked })) },
        "spec": { "project": "default", "destination": { "namespace": namespace }, "source": { "repoURL": "https://git.example/shop", "path": "." },
            "syncPolicy": { "automated": { "prune": true, "selfHeal": true }, "syncOptions": ["CreateNamespace=true"] } },
        "status": { "sync": { "status": "Synced" }, "resources": resources },
    })
}

/// What heals: in each round the child gets the policy that the parent's git says, the Deployment the image that the child's git says.
struct Healer {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Healer {
    fn start(space: &Space, parent: String, child: String, image: String) -> Self {
        let (stop, rounds, namespace) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), space.name.clone());
        let (stopped, counted) = (stop.clone(), rounds.clone());
        let thread = std::thread::spawn(move || {
            let kubectl = |arguments: &[&str]| {
                let out = Command::new("kubectl").args(["-n", &namespace]).args(arguments).output().expect("kubectl is there");
                String::from_utf8_lossy(&out.stdout).into_owned()
            };
            let heals = |name: &str| {
                let says = kubectl(&["get", "application", name, "-o", "jsonpath={.spec.syncPolicy.automated.selfHeal}"]);
                says.trim() == "true"
            };
            while !stopped.load(Ordering::Relaxed) {
                if heals(&parent) {
                    let patch = r#"{"spec":{"syncPolicy":{"automated":{"prune":true,"selfHeal":true}}}}"#;
                    kubectl(&["patch", "application", &child, "--type", "merge", "-p", patch]);
                }
                if heals(&child) {
                    kubectl(&["set", "image", "deployment/cart", &format!("app={image}")]);
                }
                counted.fetch_add(1, Ordering::Relaxed);
                // It starts three programs in each round: the others want the machine too.
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        Self { stop, rounds, thread: Some(thread) }
    }

    /// Waits until it has looked at everything at least twice from now on.
    async fn looks_twice(&self) {
        let before = self.rounds.load(Ordering::Relaxed);
        lab::eventually("it has looked", async || (self.rounds.load(Ordering::Relaxed) >= before + 3).then_some(())).await;
    }
}

impl Drop for Healer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn keeper(source: &Arc<dyn Source>, workload: &Id<Workload>, verb: Verb) -> Result<Subject, String> {
    match lab::ask(source, Question::Keeper { workload: workload.clone(), uid: None, verb }).await {
        Ok(Answer::Subject(subject)) => Ok(*subject),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn name(subject: &Subject) -> String {
    match &subject.keeper {
        Some(Owner::ArgoCd { application }) => application.raw().to_owned(),
        Some(Owner::Flux { name, .. }) => name.raw().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn image(space: &Space) -> String {
    image_of(space, "cart")
}

fn image_of(space: &Space, name: &str) -> String {
    space.kubectl(&["get", "deployment", name, "-o", "jsonpath={.spec.template.spec.containers[0].image}"])
}

fn accepted(stages: &[Stage]) {
    assert!(matches!(stages, [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
}

/// Revisions of a Deployment that an application made.
fn made_by(application: &str, space: &Space, name: &str, versions: &[&str]) {
    for version in versions {
        let mut object: Value = serde_json::from_str(&lab::deployment(name, &format!("lab/app:{version}"), &[], version)).expect("JSON");
        object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = format!("{application}:apps/Deployment:{}/{name}", space.name).into();
        space.apply(&object.to_string());
        space.rolled_out(name);
    }
}

/// Two revisions of a Deployment that an application made, which another one made: their names, the upper one first.
fn kept_by_two(space: &Space) -> (String, String) {
    let (parent, child) = (format!("apps-{}", space.name), format!("shop-{}", space.name));
    made_by(&child, space, "cart", &["1", "2"]);
    space.apply(&application(&parent, None, &[("Application", &child)], &space.name).to_string());
    space.apply(&application(&child, Some(&parent), &[("Deployment", "cart"), ("Deployment", "stock"), ("Service", "cart")], &space.name).to_string());
    (parent, child)
}

/// `pilothouse rollback --hold`: both are held off, the upper one first, and the rollback stays.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_screen_what_would_undo_a_rollback_is_held_off_first() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    lab::serve("argoproj.io", "v1alpha1", ("applications", "Application"), false);
    let space = Space::new("held-first");
    let (parent, child) = kept_by_two(&space);
    let healer = Healer::start(&space, parent.clone(), child.clone(), "lab/app:2".into());
    let heals = |name: &str| space.kubectl(&["get", "application", name, "-o", "jsonpath={.spec.syncPolicy.automated.selfHeal}"]) == "true";
    let back = |more: &[&str]| {
        let common = ["--context", "lab", "-n", &space.name, "rollback", "cart", "-e", "lab", "--write", "--reason", "bad", "--confirm", "cart"];
        face(&kubeconfig, &[&common[..], more].concat())
    };
    let (code, out, error) = back(&["--yes"]);
    assert_eq!(code, Some(1), "without it the plan is blocked: {out}{error}");
    let (code, out, error) = back(&["--dry-run", "--hold"]);
    assert_eq!((code, heals(&parent), heals(&child)), (Some(1), true, true), "a dry run holds nothing: {out}{error}");
    assert!(error.contains(&format!("--hold would hold off Argo CD application {parent}")), "{error}");
    let (code, out, error) = back(&["--yes", "--hold"]);
    assert!(matches!(code, Some(0 | 2)), "nothing was bad before, so nobody may be able to tell: {out}{error}");
    let held: Vec<usize> = [&parent, &child].into_iter().filter_map(|name| error.find(&format!("held off: Argo CD application {name}"))).collect();
    assert!(held.len() == 2 && held.is_sorted(), "{error}");
    healer.looks_twice().await;
    assert_eq!((image(&space).as_str(), heals(&parent), heals(&child)), ("lab/app:1", false, false), "it stays");
}

/// The same of several at once: what keeps all of them is held off once, before the first goes back; where one of them can not go back at all, nothing is held off.
#[tokio::test(flavor = "multi_thread")]
async fn what_would_undo_several_rollbacks_is_held_off_before_the_first() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    lab::serve("argoproj.io", "v1alpha1", ("applications", "Application"), false);
    let space = Space::new("held-several");
    let (parent, child) = kept_by_two(&space);
    made_by(&child, &space, "stock", &["1", "2"]);
    made_by(&child, &space, "first", &["1"]);
    let healer = Healer::start(&space, parent.clone(), child.clone(), "lab/app:2".into());
    let heals = |name: &str| space.kubectl(&["get", "application", name, "-o", "jsonpath={.spec.syncPolicy.automated.selfHeal}"]) == "true";
    let back = |services: &[&str], more: &[&str]| {
        let common = ["-e", "lab", "--write", "--reason", "bad", "--confirm", "lab"];
        face(&kubeconfig, &[&["--context", "lab", "-n", &space.name, "rollback"], services, &common[..], more].concat())
    };
    let (code, out, error) = back(&["cart", "first"], &["--yes", "--hold"]);
    assert_eq!((code, heals(&parent), heals(&child)), (Some(1), true, true), "one can not go back: {out}{error}");
    assert!(out.contains("first: ") && out.contains("nothing was held off"), "{out}{error}");
    let (code, out, error) = back(&["cart", "stock"], &["--dry-run", "--hold"]);
    assert_eq!((code, heals(&parent), heals(&child)), (Some(1), true, true), "a dry run holds nothing: {out}{error}");
    let (code, out, error) = back(&["cart", "stock"], &["--yes", "--hold"]);
    assert!(matches!(code, Some(0 | 2)), "nothing was bad before, so nobody may be able to tell: {out}{error}");
    for name in [&parent, &child] {
        assert_eq!(error.matches(&format!("held off: Argo CD application {name}")).count(), 1, "once: {error}");
    }
    healer.looks_twice().await;
    let images = ["cart", "stock"].map(|name| image_of(&space, name));
    assert_eq!((images, heals(&parent), heals(&child)), (["lab/app:1".to_owned(), "lab/app:1".to_owned()], false, false), "they stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_heals_is_held_off_from_the_top_the_rollback_stays_and_it_is_let_go_as_it_was() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    lab::serve("argoproj.io", "v1alpha1", ("applications", "Application"), false);
    let space = Space::new("keepers");
    let source = lab::source(&kubeconfig, "lab", "");
    let (parent, child) = kept_by_two(&space);
    let policy = |name: &str| space.kubectl(&["get", "application", name, "-o", "jsonpath={.spec.syncPolicy}"]);
    let (before, as_it_was) = (policy(&child), whole(&space, &child));
    let id = space.deployment(&source, "cart");
    let healer = Healer::start(&space, parent.clone(), child.clone(), "lab/app:2".into());

    let back = async || {
        let (row, all) = (subject(&source, &id).await, revisions(&source, &id).await);
        let good = all.into_iter().find(|revision| &*revision.version.0 == "1").expect("the first one is kept");
        operation(Verb::RollBack, &row, Some(&good))
    };
    let owner = async || checks(&source, back().await).await.2.remove(&CheckKind::Owner).expect("its owner is looked at");
    let found = owner().await;
    assert_eq!(found.outcome, Outcome::Block, "{found:?}");
    assert!(found.sentence.contains(&child) && found.remedy.as_ref().is_some_and(|remedy| remedy.contains("H ")), "{found:?}");
    accepted(&insist(&source, back().await).await);
    lab::eventually("it heals", async || (image(&space) == "lab/app:2").then_some(())).await;

    // The one at the top first: it would switch the one below on again.
    let top = keeper(&source, &id, Verb::Hold).await.expect("it keeps it");
    assert_eq!((name(&top), top.seen.paused), (parent.clone(), false));
    let hold = operation(Verb::Hold, &top, None);
    let (_, command, made) = checks(&source, hold.clone()).await;
    assert!(command.is_some_and(|command| command.contains(&parent) && command.contains("--type merge")));
    assert!(made.values().all(|finding| finding.outcome < Outcome::Block), "{made:?}");
    accepted(&insist(&source, hold.clone()).await);
    let stale = act(&source, hold).await;
    assert!(matches!(&stale[..], [Stage::Conflict { what, same: false }] if what.contains(&parent)), "it is not as it was: {stale:?}");

    let near = keeper(&source, &id, Verb::Hold).await.expect("it keeps it");
    assert_eq!(name(&near), child);
    let hold = operation(Verb::Hold, &near, None);
    let made = checks(&source, hold.clone()).await.2;
    assert!(made[&CheckKind::Strategy].sentence.contains("stock"), "what stands still is named: {made:?}");
    assert_eq!(made[&CheckKind::Owner].outcome, Outcome::Ok, "{made:?}");
    assert_eq!(policy(&child), before, "a dry run is no run");
    accepted(&insist(&source, hold).await);
    assert_eq!(policy(&child), r#"{"syncOptions":["CreateNamespace=true"]}"#, "nothing else was touched");
    assert!(keeper(&source, &id, Verb::Hold).await.is_err_and(|why| why.contains("nothing to hold off")));

    let found = owner().await;
    assert_eq!(found.outcome, Outcome::Warn, "{found:?}");
    accepted(&insist(&source, back().await).await);
    healer.looks_twice().await;
    assert_eq!(image(&space), "lab/app:1", "it stays");

    let mut holds = Reading::of(&source, Feed::Holds);
    let ours = |hold: &Hold| hold.workload == id && matches!(&hold.keeper, Owner::ArgoCd { application } if application.raw() == child);
    holds.until("what is held is told", |fact| matches!(fact, Fact::Hold(Change::Upsert(hold)) if ours(hold))).await;

    let near = keeper(&source, &id, Verb::Release).await.expect("it is held");
    assert_eq!((name(&near), near.seen.paused), (child.clone(), true));
    accepted(&insist(&source, operation(Verb::Release, &near, None)).await);
    assert_eq!(policy(&child), before, "just as it was");
    assert_eq!(whole(&space, &child), as_it_was, "and nothing of ours is left on it");
    lab::eventually("it ships what git says again", async || (image(&space) == "lab/app:2").then_some(())).await;
    assert_eq!(keeper(&source, &id, Verb::Release).await.map(|subject| name(&subject)), Ok(parent.clone()));
    drop(healer);
    // A whole list that has the one above, which still is held, and not this one.
    let above = |hold: &Hold| matches!(&hold.keeper, Owner::ArgoCd { application } if application.raw() == parent);
    let (mut still, mut others) = (true, false);
    let gone = holds.until("it is gone from what is held", |fact| {
        match fact {
            Fact::Hold(Change::Begin) => (still, others) = (false, false),
            Fact::Hold(Change::Upsert(hold)) => (still, others) = (still || ours(hold), others || above(hold)),
            _ => {}
        }
        matches!(fact, Fact::Hold(Change::Done)) && others && !still
    });
    tokio::time::timeout(Duration::from_secs(120), gone).await.expect("what was let go is no more told as held");
}

/// What somebody else would see of an application: all but what the server counts.
fn whole(space: &Space, name: &str) -> Value {
    let object: Value = serde_json::from_str(&space.kubectl(&["get", "application", name, "-o", "json"])).expect("JSON");
    json!({ "labels": object["metadata"]["labels"], "annotations": object["metadata"]["annotations"], "spec": object["spec"] })
}

/// A Kustomization that keeps `cart`, which needs no pods for that.
fn kustomization(space: &Space) {
    space.deploy("cart", 1, &[], "good");
    let entries = json!([{ "id": format!("{}_cart_apps_Deployment", space.name), "v": "v1" }]);
    let object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": { "name": "apps" },
        "spec": { "interval": "10m", "path": "./", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "apps" } }, "status": { "inventory": { "entries": entries } } });
    space.apply(&object.to_string());
    space.kubectl(&["label", "deployment", "cart", "kustomize.toolkit.fluxcd.io/name=apps", &format!("kustomize.toolkit.fluxcd.io/namespace={}", space.name)]);
}

/// Nobody holds it.
fn let_go(space: &Space) {
    let patch = r#"{"spec":{"suspend":null},"metadata":{"labels":{"pilothouse.dev/held":null},"annotations":{"pilothouse.dev/held":null}}}"#;
    space.kubectl(&["patch", "kustomization", "apps", "--type", "merge", "-p", patch]);
}

fn suspended(space: &Space) -> bool {
    space.kubectl(&["get", "kustomization", "apps", "-o", "jsonpath={.spec.suspend}"]) == "true"
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_a_hold_and_a_release_are_sent_once() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    lab::serve("kustomize.toolkit.fluxcd.io", "v1", ("kustomizations", "Kustomization"), false);
    let (space, line) = (Space::new("torn-flux"), Line::new().await);
    let direct = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&line.source, "cart");
    kustomization(&space);
    let hold = async |source: &Arc<dyn Source>| {
        let_go(&space);
        operation(Verb::Hold, &keeper(source, &id, Verb::Hold).await.expect("it keeps it"), None)
    };
    line.sent_once(async || hold(&line.source).await, async || suspended(&space)).await;
    let release = async || {
        let held = hold(&direct).await;
        accepted(&insist(&direct, held).await);
        operation(Verb::Release, &keeper(&line.source, &id, Verb::Release).await.expect("it is held"), None)
    };
    line.sent_once(release, async || !suspended(&space)).await;
}

/// What would undo a rollback is not held off: then nothing goes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_screen_nothing_goes_back_where_the_hold_did_not_come_off() {
    let Some(_) = lab::kubeconfig() else { return };
    lab::serve("kustomize.toolkit.fluxcd.io", "v1", ("kustomizations", "Kustomization"), false);
    let (space, wire, home) = (Space::new("no-hold"), Wire::new().await, tempfile::tempdir().expect("a folder"));
    kustomization(&space);
    space.rolled_out("cart");
    space.kubectl(&["set", "image", "deployment/cart", "app=lab/app:2"]);
    space.rolled_out("cart");
    let kubeconfig = wire.kubeconfig(home.path());
    let common = ["--context", "lab", "-n", &space.name, "rollback", "cart", "-e", "lab", "--write", "--reason", "bad", "--confirm", "cart", "--yes", "--hold"];
    for (fault, exit, held) in [(Fault::Answered(409), Some(75), false), (Fault::Answered(403), Some(2), false), (Fault::Before, Some(75), false)] {
        let before = wire.changes();
        wire.next(fault);
        let (code, out, error) = tokio::task::block_in_place(|| face(&kubeconfig, &common));
        assert_eq!(code, exit, "{fault:?}: {out}{error}");
        assert_eq!((wire.changes(), suspended(&space), image(&space).as_str()), (before + 1, held, "lab/app:2"), "{fault:?}: {out}{error}");
    }
}

/// A console that is killed while its hold is on the way: the next one says what became of it, and sends nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hold_whose_console_was_killed_is_told_by_the_next_one() {
    let Some(_) = lab::kubeconfig() else { return };
    lab::serve("kustomize.toolkit.fluxcd.io", "v1", ("kustomizations", "Kustomization"), false);
    let (space, wire) = (Space::new("killed-hold"), Wire::new().await);
    kustomization(&space);
    let home = tempfile::tempdir().expect("a folder");
    let (config, state) = (config(&wire, home.path(), &space), home.path().join("state"));
    let console = || pilothouse(&[]).size(200, 50).with("XDG_STATE_HOME", &state.display().to_string()).file("config/pilothouse/config.toml", &config).start();
    for (fault, carried_out, words) in [(Fault::Silent, true, "it was carried out"), (Fault::Held, false, "not carried out")] {
        let before = wire.changes();
        wire.next(fault);
        let mut first = console();
        first.shows("cart");
        first.types("H").shows("Enter asks once more");
        first.types("\r").shows("Enter does it");
        first.confirms("it is sent", |_| wire.changes() > before);
        if carried_out {
            lab::eventually("it is carried out", async || suspended(&space).then_some(())).await;
        }
        let mut next = after_a_kill(first, &state, console);
        if carried_out {
            // What is held stands before it as soon as it is told.
            next.shows("is held off for");
            next.types("j");
        }
        next.types("\r").shows(words);
        assert_eq!((wire.changes(), suspended(&space)), (before + 1, carried_out), "nothing is sent a second time");
        let_go(&space);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kustomization_is_suspended_and_resumed() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    lab::serve("kustomize.toolkit.fluxcd.io", "v1", ("kustomizations", "Kustomization"), false);
    let space = Space::new("flux");
    let source = lab::source(&kubeconfig, "lab", "");
    kustomization(&space);
    space.rolled_out("cart");
    let id = space.deployment(&source, "cart");
    let suspended = || space.kubectl(&["get", "kustomization", "apps", "-o", "jsonpath={.spec.suspend}"]);
    let seen = keeper(&source, &id, Verb::Hold).await.expect("it keeps it");
    accepted(&insist(&source, operation(Verb::Hold, &seen, None)).await);
    assert_eq!(suspended(), "true");
    let seen = keeper(&source, &id, Verb::Release).await.expect("it is held");
    accepted(&insist(&source, operation(Verb::Release, &seen, None)).await);
    assert_eq!(suspended(), "", "as it was: it said nothing");
}
