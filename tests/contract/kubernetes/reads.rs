//! What is seen.

use super::lab::{self, Reading, Space};
use pilothouse::domain::{Answer, Change, Evidence, Fact, Feed, Progress, Question, Revision, Scope, Trouble};
use std::time::{Duration, Instant};

/// How many events are compared; the middle one counts, so that a moment in which the machine does something else does not.
const EVENTS: usize = 7;

/// kubectl watches too, and both begin to count when the command that makes the deployment is started: a slow machine slows all three.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_seen_as_soon_as_kubectl_sees_it() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("seen");
    let source = lab::source(&kubeconfig, "lab", "");
    let mut reading = Reading::of(&source, Feed::Workloads);
    reading.until("the list begins", |fact| *fact == Fact::Workload(Change::Begin)).await;
    reading.until("workloads are listed", |fact| *fact == Fact::Workload(Change::Done)).await;
    let mut watch = lab::Watch::new(&space.name);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first one only shows that kubectl watches by now.
    for n in 0..=EVENTS {
        let (name, namespace) = (format!("empty-{n}"), space.name.clone());
        let began = Instant::now();
        let creating = {
            let name = name.clone();
            tokio::task::spawn_blocking(move || lab::kubectl(&["create", "deployment", &name, "--image=lab/app:1", "--replicas=0", "-n", &namespace]))
        };
        let appears = |fact: &Fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if row.place.namespace.raw() == space.name && row.name.raw() == name);
        reading.until("the deployment appears", appears).await;
        ours.push(began.elapsed());
        theirs.push(watch.saw(&format!("deployment.apps/{name}")).duration_since(began));
        creating.await.expect("it was made");
    }
    let middle = |took: &[Duration]| {
        let mut took = took[1..].to_vec();
        took.sort_unstable();
        took[EVENTS / 2]
    };
    assert!(middle(&ours) < middle(&theirs) * 2 + Duration::from_millis(250), "we: {ours:?}; kubectl: {theirs:?}");

    space.deploy("cart", 1, &[], "first");
    let is_ours = |fact: &Fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if row.place.namespace.raw() == space.name && row.name.raw() == "cart");
    reading
        .until(
            "it is done",
            |fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if is_ours(fact) && row.progress == Progress::Done && row.replicas.ready == 2),
        )
        .await;
    space.kubectl(&["delete", "deployment", "cart", "--wait=false"]);
    let id = space.deployment(&source, "cart");
    reading.until("it leaves", |fact| *fact == Fact::Workload(Change::Remove(id.clone()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_crashes_is_seen_with_its_cause() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("crash");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    space.deploy("cart", 1, &[], "good");
    space.rolled_out("cart");
    space.deploy(
        "cart",
        2,
        &[("APP_CRASH_AFTER", "0.1"), ("APP_CRASH_CODE", "7"), ("APP_CRASH_MESSAGE", "cannot reach the price list"), ("APP_READY_AFTER", "never")],
        "bad",
    );
    let mut pods = Reading::of(&source, Feed::Pods(Scope::Workload(id.clone())));
    let crashed = |fact: &Fact| match fact {
        Fact::Pod(Change::Upsert(pod)) => pod.workload.as_ref() == Some(&id) && pod.restarts > 0 && &*pod.reason == "CrashLoopBackOff",
        _ => false,
    };
    pods.until("a pod crashes", crashed).await;
    let mut happenings = Reading::of(&source, Feed::Happenings(Scope::Workload(id.clone())));
    happenings.until("an event says so", |fact| matches!(fact, Fact::Happening(Change::Upsert(event)) if &*event.reason == "BackOff" && event.warning)).await;
    // Between one crash and the next wait the kubelet calls the same pod "Error" for a moment.
    let (pods, happenings, conditions, last_words) =
        lab::eventually("the worst is first, while it waits", async || match lab::ask(&source, Question::Explain(id.clone())).await {
            Ok(Answer::Explain { pods, happenings, conditions, last_words }) => {
                (&*pods[0].reason == "CrashLoopBackOff").then_some((pods, happenings, conditions, last_words))
            }
            other => panic!("no explanation: {other:?}"),
        })
        .await;
    assert_eq!(pods.len(), 3);
    assert!(happenings.windows(2).all(|pair| pair[0].at >= pair[1].at) && !happenings.is_empty());
    assert!(conditions.iter().any(|(kind, _, _)| kind.starts_with("Progressing")));
    assert!(last_words.iter().any(|(_, lines)| lines.iter().any(|line| line.contains("cannot reach the price list"))), "{last_words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_says_which_revision_serves_and_which_never_did() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("history");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    super::reads::broken_history(&space).await;
    // Its own pods tell of the newest; of the one before nothing but events is left, and those come when the kubelet has time.
    let never = |row: &Revision| row.evidence.iter().any(|e| matches!(e, Evidence::NeverAvailable { .. }));
    let revisions = lab::eventually("both bad ones are known to be bad", async || match lab::ask(&source, Question::Revisions(id.clone())).await {
        Ok(Answer::Revisions(rows)) => (never(&rows[0]) && never(&rows[1])).then_some(rows),
        other => panic!("{other:?}"),
    })
    .await;
    let numbers: Vec<_> = revisions.iter().map(|revision| (revision.number, revision.current)).collect();
    assert_eq!(numbers, [(3, true), (2, false), (1, false)]);
    let serves = |index: usize| revisions[index].evidence.iter().any(|e| matches!(e, Evidence::ServingNow { ready: 2, wanted: 2 }));
    assert_eq!((serves(0), serves(1), serves(2)), (false, false, true), "{revisions:#?}");
    assert!(revisions[1].evidence.iter().any(|e| matches!(e, Evidence::NeverAvailable { .. })), "events remember it: {:?}", revisions[1].evidence);
    assert_eq!(revisions[2].cause.as_deref(), Some("good"));
    assert!(revisions[2].images[0].digest.is_some(), "its pods say what the image is");
    assert!(!revisions[2].outline.0.is_empty());
}

/// Good, then an image that is not there, then a crash.
pub async fn broken_history(space: &Space) {
    space.deploy("cart", 1, &[], "good");
    space.rolled_out("cart");
    space.apply(&lab::deployment("cart", "lab/app:missing", &[], "bad"));
    lab::eventually("the image is missed", async || space.kubectl(&["get", "pods"]).contains("ErrImageNeverPull").then_some(())).await;
    space.deploy("cart", 2, &[("APP_CRASH_AFTER", "0.1"), ("APP_READY_AFTER", "never")], "worse");
    lab::eventually("it crashes", async || space.kubectl(&["get", "pods"]).contains("CrashLoopBackOff").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_one_namespace_sees_that_one_and_is_told() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let source = lab::source(&kubeconfig, "limited", "");
    let mut reading = Reading::of(&source, Feed::Workloads);
    let mut elsewhere = 0;
    reading
        .until("workloads are listed", |fact| {
            elsewhere += usize::from(matches!(fact, Fact::Workload(Change::Upsert(row)) if row.place.namespace.raw() != "shop"));
            *fact == Fact::Workload(Change::Done)
        })
        .await;
    assert_eq!(elsewhere, 0);
    let lacks = source.offers().lacks;
    assert!(
        lacks
            .iter()
            .any(|words| words.contains("only namespace shop is shown") && words.contains("kubectl auth can-i list deployments.apps -A --context limited")),
        "{lacks:?}"
    );
    let refused = Reading::of(&source, Feed::Nodes).error().await;
    assert_eq!(refused.why().trouble, Trouble::Denied);
    assert!(refused.to_string().contains("kubectl auth can-i list nodes"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_an_error_and_its_return_is_seen() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (mut door, _dir, path) = lab::door(&kubeconfig).await;
    let source = lab::source(&path, "lab", "");
    let mut reading = Reading::of(&source, Feed::Workloads);
    reading.until("workloads are listed", |fact| *fact == Fact::Workload(Change::Done)).await;
    assert!(source.probe().await);
    door.shut().await;
    let error = reading.error().await;
    assert_eq!(error.why().trouble, Trouble::Unreachable);
    assert!(!source.probe().await);
    assert_eq!(Reading::of(&source, Feed::Nodes).error().await.why().trouble, Trouble::Unreachable);
    door.reopen().await;
    assert!(source.probe().await);
    Reading::of(&source, Feed::Workloads).until("workloads are listed again", |fact| *fact == Fact::Workload(Change::Done)).await;
}

/// It takes as long as a watch may be silent, so that it is made with `PILOTHOUSE_LONG` alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_nobody_closed_and_nobody_answers_is_asked_for_anew() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    if std::env::var_os("PILOTHOUSE_LONG").is_none() {
        return;
    }
    let (door, _dir, path) = lab::door(&kubeconfig).await;
    let (space, source) = (Space::new("forgotten"), lab::source(&path, "lab", ""));
    let (id, mut reading) = (space.deployment(&source, "cart"), Reading::of(&source, Feed::Workloads));
    let stands = |progress: Progress| {
        let id = id.clone();
        move |fact: &Fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if row.id == id && row.progress == progress)
    };
    space.deploy("cart", 1, &[], "first");
    // All that makes a row is watched once it was seen to change.
    reading.until("it is there", stands(Progress::Rolling)).await;
    reading.until("it is rolled out", stands(Progress::Done)).await;
    door.forgets();
    let began = Instant::now();
    space.deploy("cart", 2, &[], "second");
    // Twice as patient as elsewhere: nothing is wrong before two bookmarks are missing.
    reading.within(2 * lab::PATIENCE, "what came meanwhile", stands(Progress::Rolling)).await;
    println!("seen {} s after it was made", began.elapsed().as_secs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_read_fresh_and_its_yaml_keeps_secrets() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("subject");
    let source = lab::source(&kubeconfig, "lab", "");
    let id = space.deployment(&source, "cart");
    space.deploy("cart", 1, &[("DB_PASSWORD", "hunter2")], "first");
    space.rolled_out("cart");
    let subject = async || match lab::ask(&source, Question::Subject(id.clone())).await {
        Ok(Answer::Subject(subject)) => *subject,
        other => panic!("{other:?}"),
    };
    let first = subject().await;
    assert_eq!((first.revision, first.progress.clone(), first.seen.paused), (Some(1), Progress::Done, false));
    assert_eq!(first.changed_by.as_ref().map(|(who, _)| who.as_str()), Some("kubectl-client-side-apply"));
    assert!(first.generation == first.observed && first.operation.is_none());
    space.kubectl(&["annotate", "deployment", "cart", "note=x"]);
    assert_eq!(subject().await.seen, first.seen, "an annotation is not what the operator saw");
    space.kubectl(&["set", "image", "deployment/cart", "app=lab/app:2"]);
    assert_ne!(subject().await.seen.template, first.seen.template);
    let Ok(Answer::Text(lines)) = lab::ask(&source, Question::Yaml(id)).await else { panic!("no YAML") };
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert!(text.contains("image: lab/app:2") || text.contains("image: \"lab/app:2\""), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("managedFields"), "{text}");
}
