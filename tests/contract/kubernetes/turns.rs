//! The pod that a StatefulSet waits for in vain after its template went back ("forced rollback") is deleted: once, and only if it still is that one.

use super::{
    acts::{accepted, act, checks, insist, operation, revisions, subject},
    faults::{Line, word},
    lab::{self, Reading, Space},
    sets::manifest,
    torn::{after_a_kill, begun, config, ended, kinds},
};
use crate::{
    term::{Term, pilothouse},
    wire::{Fault, Wire},
};
use pilothouse::{
    domain::{Answer, Change, CheckKind, Fact, Feed, Id, Operation, Outcome, Question, Stage, Standing, Subject, Verb, Workload},
    sources::Source,
};
use serde_json::json;
use std::sync::Arc;

/// The pod that is waited for, or the one of that name.
async fn awaited(source: &Arc<dyn Source>, id: &Id<Workload>, pod: Option<&'static str>) -> Result<Subject, String> {
    match lab::ask(source, Question::Awaited { workload: id.clone(), pod: pod.map(Into::into) }).await {
        Ok(Answer::Subject(subject)) => Ok(*subject),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

async fn wish(source: &Arc<dyn Source>, id: &Id<Workload>) -> Operation {
    operation(Verb::DeletePod, &awaited(source, id, None).await.expect("one is waited for"), None)
}

fn set(source: &Arc<dyn Source>, space: &Space) -> Id<Workload> {
    Id::new(source.id(), &format!("statefulsets/{}/web", space.name))
}

/// The second pod's identity, and whether it is on its way out; nothing where there is none.
fn second(space: &Space) -> (String, bool) {
    let said = space.kubectl(&["get", "pod", "web-1", "--ignore-not-found", "-o", "jsonpath={.metadata.uid} {.metadata.deletionTimestamp}"]);
    let (uid, leaving) = said.split_once(' ').unwrap_or_default();
    (uid.to_owned(), !leaving.is_empty())
}

/// Two pods of version 1 in good order.
fn good(space: &Space) {
    let mut first = manifest("StatefulSet", "web", 1, &[]);
    first["spec"]["template"]["spec"]["volumes"] = json!([{ "name": "scratch", "emptyDir": {} }]);
    space.apply(&first.to_string());
    space.object_rolled_out("statefulset/web");
}

/// Version 2 never works: its first pod comes up and stays as it is.
async fn bad(space: &Space) {
    let mut second = manifest("StatefulSet", "web", 2, &[("APP_CRASH_AFTER", "1"), ("APP_READY_AFTER", "never")]);
    second["spec"]["template"]["spec"]["volumes"] = json!([{ "name": "scratch", "emptyDir": {} }]);
    space.apply(&second.to_string());
    lab::eventually("it crashes", async || space.kubectl(&["get", "pods"]).contains("CrashLoopBackOff").then_some(())).await;
}

/// The template has gone back, and the controller waits for the pod of version 2.
async fn stuck(space: &Space, source: &Arc<dyn Source>) -> Id<Workload> {
    let id = set(source, space);
    good(space);
    bad(space).await;
    space.kubectl(&["rollout", "undo", "statefulset/web"]);
    lab::eventually("it is waited for", async || awaited(source, &id, None).await.ok()).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_deleted_by_one_request_and_the_others_go_on() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("awaited");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = set(&source, &space);
    good(&space);
    let why = awaited(&source, &id, None).await.expect_err("all is well");
    assert!(why.contains("every pod of web is ready"), "{why}");
    bad(&space).await;
    let why = awaited(&source, &id, None).await.expect_err("nothing was taken back");
    assert!(why.contains("web-1, which is of the newest revision"), "{why}");
    let all = revisions(&source, &id).await;
    accepted(&insist(&source, operation(Verb::RollBack, &subject(&source, &id).await, all.iter().find(|row| row.number == 1))).await);
    let seen = lab::eventually("it is waited for", async || awaited(&source, &id, None).await.ok()).await;
    let pod = seen.awaited.clone().expect("it is told");
    assert_eq!((pod.name.as_str(), pod.of.as_str(), pod.anew.as_str()), ("web-1", "2 r2", "1 r3"));
    assert!(matches!(pod.stands, Standing::Unready { since: Some(_), .. }), "{pod:?}");
    // What a console offers rests on the row: which pods are taken one after the other.
    let mut rows = Reading::of(&source, Feed::Workloads);
    let ours = |fact: &Fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if row.id == id && row.in_order == Some(0));
    rows.until("its row says that it takes one after the other", ours).await;

    let wish = operation(Verb::DeletePod, &seen, None);
    let before = second(&space);
    let (expected, command, made) = checks(&source, wish.clone()).await;
    assert_eq!(expected, made.keys().copied().collect::<Vec<_>>(), "all that is promised is made, in the order on screen");
    assert_eq!(command.as_deref(), Some(format!("kubectl delete pod web-1 -n {} --context lab", space.name).as_str()));
    for kind in [CheckKind::Rights, CheckKind::Strategy, CheckKind::DryRun] {
        assert_eq!(made[&kind].outcome, Outcome::Ok, "{:?}", made[&kind]);
    }
    let said = |kind| made[&kind].sentence.as_str();
    assert!(made[&CheckKind::Pod].outcome < Outcome::Block && said(CheckKind::Pod).contains("restart"), "{made:?}");
    assert_eq!((made[&CheckKind::Deletion].outcome, said(CheckKind::Deletion)), (Outcome::Warn, "what is in the emptyDir scratch is lost with it"));
    assert_eq!(second(&space), before, "a dry run is no run");

    accepted(&insist(&source, wish.clone()).await);
    space.object_rolled_out("statefulset/web");
    let after = second(&space);
    assert!(after.0 != before.0 && !after.1, "{before:?} {after:?}");
    let now = awaited(&source, &id, Some("web-1")).await.expect("it is told by its name").awaited.expect("it is told");
    assert_eq!((now.of.as_str(), now.stands.clone()), ("1 r3", Standing::Ready));
    let late = act(&source, wish).await;
    assert!(matches!(&late[..], [Stage::Conflict { what, same: false }] if what.contains("web-1 was replaced meanwhile")), "{late:?}");
    assert_eq!(second(&space), after, "what took its place is not touched");
}

/// Between the last look and the request there is a moment: there the server itself refuses, by the uid and by the version.
#[tokio::test(flavor = "multi_thread")]
async fn what_moves_at_the_last_moment_is_refused_by_the_server() {
    let Some(_) = lab::kubeconfig() else { return };
    let (space, line) = (Space::new("awaited-late"), Line::new().await);
    let id = stuck(&space, &line.source).await;
    let before = second(&space);
    let beside = lab::beside(&space);
    line.wire.first(move || drop(beside.kubectl(&["annotate", "pod", "web-1", "somebody=was-here"])));
    let stages = act(&line.source, wish(&line.source, &id).await).await;
    assert_eq!(stages.iter().map(word).collect::<Vec<_>>(), ["sending", "the same once more"], "{stages:?}");
    assert_eq!(second(&space), before, "nothing was deleted");

    let wish = wish(&line.source, &id).await;
    let beside = lab::beside(&space);
    line.wire.first(move || {
        beside.kubectl(&["delete", "pod", "web-1"]);
        beside.object_rolled_out("statefulset/web");
    });
    let stages = act(&line.source, wish).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Conflict { what, same: false }] if what.contains("web-1 was replaced meanwhile")), "{stages:?}");
    let (uid, leaving) = second(&space);
    assert!(uid != before.0 && !leaving, "the pod that took its place stays: {uid}");
    assert_eq!(line.wire.changes(), 2, "each was sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_it_is_sent_once() {
    let Some(_) = lab::kubeconfig() else { return };
    let (space, line) = (Space::new("awaited-torn"), Line::new().await);
    let id = stuck(&space, &line.source).await;
    let (turn, here) = (std::sync::atomic::AtomicUsize::new(0), std::sync::Mutex::new(String::new()));
    // Each time the template is another one that never works: what was made anew from the one before is waited for in vain again.
    let makes = async || {
        lab::eventually("the one before was made anew", async || matches!(second(&space), (uid, false) if !uid.is_empty()).then_some(())).await;
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        space.kubectl(&["set", "env", "statefulset/web", "APP_READY_AFTER=never", &format!("TURN={turn}")]);
        let wish = lab::eventually("it is waited for", async || awaited(&line.source, &id, None).await.ok()).await;
        *here.lock().expect("no panic") = second(&space).0;
        operation(Verb::DeletePod, &wish, None)
    };
    let gone = async || {
        let (uid, leaving) = second(&space);
        leaving || uid != *here.lock().expect("no panic")
    };
    line.sent_once(makes, gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_deletes_nothing() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("awaited-reader");
    let source = lab::reader(&kubeconfig, "lab");
    let id = stuck(&space, &source).await;
    let (before, wish) = (second(&space), wish(&source, &id).await);
    let (.., made) = checks(&source, wish.clone()).await;
    assert_eq!(made[&CheckKind::DryRun].outcome, Outcome::Unknown, "{made:?}");
    let stages = act(&source, wish).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("read-only")), "{stages:?}");
    assert_eq!(second(&space), before);
}

/// Its controller does not wait with `Parallel`: there is nothing to delete, and nothing is offered.
#[tokio::test(flavor = "multi_thread")]
async fn what_replaces_its_pods_all_at_once_needs_no_deletion() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("awaited-parallel");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = set(&source, &space);
    let apply = |version, environment: &[(&str, &str)]| {
        let mut manifest = manifest("StatefulSet", "web", version, environment);
        manifest["spec"]["podManagementPolicy"] = "Parallel".into();
        space.apply(&manifest.to_string());
    };
    apply(1, &[]);
    space.object_rolled_out("statefulset/web");
    let before = second(&space).0;
    apply(2, &[("APP_READY_AFTER", "never")]);
    lab::eventually("the second pod is another one", async || (second(&space).0 != before).then_some(())).await;
    space.kubectl(&["rollout", "undo", "statefulset/web"]);
    let why = awaited(&source, &id, None).await.expect_err("it waits for none");
    assert!(why.contains("Parallel"), "{why}");
    let mut rows = Reading::of(&source, Feed::Workloads);
    rows.until("its row", |fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if row.id == id && row.in_order.is_none())).await;
    space.object_rolled_out("statefulset/web");
}

/// Opens the plan of the deletion, as far as its confirm line.
fn opens_the_line(console: &mut Term) {
    console.types("A").until("all its checks", |screen| screen.contents().contains("5 made") && screen.contents().contains("Enter asks once more"));
    console.types("\r").shows("Enter does it");
}

/// From `R` to RECOVERED, with the pod deleted on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_screen_the_rollback_waits_the_key_deletes_and_it_is_recovered() {
    let Some(_) = lab::kubeconfig() else { return };
    let (space, wire, home) = (Space::new("awaited-screen"), Wire::new().await, tempfile::tempdir().expect("a folder"));
    good(&space);
    bad(&space).await;
    let mut console = pilothouse(&[]).size(160, 50).file("config/pilothouse/config.toml", &config(&wire, home.path(), &space)).start();
    console.shows("web");
    console.types("R").shows("Enter asks once more");
    console.types("\r").shows("Enter does it");
    console.confirms("it is sent", |_| wire.changes() == 1);
    console.shows("holds it up").shows("nothing moves before web-1 is gone");
    let before = second(&space);
    opens_the_line(&mut console);
    assert_eq!((second(&space), wire.changes()), (before.clone(), 1), "a key opened a plan, and nothing else");
    console.confirms("it is sent", |_| wire.changes() == 2);
    console.shows("web-1 was made anew from 1 r3 and is ready");
    console.types("\r");
    lab::eventually("RECOVERED", async || console.contents().contains("✓ RECOVERED").then_some(())).await;
    let (after, leaving) = second(&space);
    assert!(after != before.0 && !leaving);
    assert_eq!(wire.changes(), 2, "one request each");
}

/// `pilothouse rollback --delete-pod`.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_screen_a_flag_deletes_it_and_without_the_flag_nothing_does() {
    let Some(_) = lab::kubeconfig() else { return };
    let (space, wire, home) = (Space::new("awaited-face"), Wire::new().await, tempfile::tempdir().expect("a folder"));
    good(&space);
    bad(&space).await;
    let before = second(&space);
    let go = ["web", "-e", "development", "--reason", "it crashes", "--delete-pod"];
    let back = |more: &str| ended(begun(&wire.kubeconfig(home.path()), home.path(), &space, &[&go[..], &[more]].concat(), &[("PATH", "/usr/bin:/bin")]));
    let (code, said) = back("--dry-run");
    assert_eq!((code, wire.changes(), second(&space)), (Some(0), 0, before.clone()), "{said:#}");
    let (code, said) = back("--yes");
    assert_eq!((code, said["verdict"].as_str(), wire.changes()), (Some(0), Some("RECOVERED"), 2), "{said:#}");
    assert_ne!(second(&space).0, before.0);
    let written = kinds(home.path());
    assert_eq!(written.iter().filter(|kind| *kind == "intent").count(), 2, "{written:?}");
}

/// A console that is killed after its intent was written: the next one looks what became of it, and sends nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deletion_whose_console_was_killed_is_told_by_the_next_one() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (space, wire, home) = (Space::new("awaited-killed"), Wire::new().await, tempfile::tempdir().expect("a folder"));
    let source = lab::source(&kubeconfig, "lab", "");
    stuck(&space, &source).await;
    let (config, state) = (config(&wire, home.path(), &space), home.path().join("state"));
    let console = || pilothouse(&[]).size(200, 50).with("XDG_STATE_HOME", &state.display().to_string()).file("config/pilothouse/config.toml", &config).start();
    for (fault, carried_out, words) in [(Fault::Held, false, "not carried out"), (Fault::Silent, true, "the pod that was to go is gone")] {
        let (before, sent) = (second(&space), wire.changes());
        wire.next(fault);
        let mut first = console();
        first.shows("let it go on");
        opens_the_line(&mut first);
        first.confirms("it is sent", |_| wire.changes() > sent);
        if carried_out {
            lab::eventually("it is carried out", async || (second(&space).0 != before.0).then_some(())).await;
        }
        after_a_kill(first, &state, console).types("\r").shows(words);
        assert_eq!((wire.changes(), second(&space).0 != before.0), (sent + 1, carried_out), "nothing is sent a second time");
    }
}
