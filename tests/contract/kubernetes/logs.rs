//! What is said.

use super::lab::{self, Reading, Space};
use futures::StreamExt;
use pilothouse::domain::{Change, Fact, Feed, Id, LineKind, LogLine, LogTarget, Pod, Scope};
use pilothouse::sources::Source;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

/// The lines of each boot of the application, by what it counts: a line reads `… boot=ID n=COUNT …`.
#[derive(Default)]
struct Counted(BTreeMap<(String, String), Vec<u32>>);

impl Counted {
    fn add(&mut self, stream: &str, lines: &[LogLine]) {
        for line in lines.iter().filter(|line| line.kind != LineKind::Notice) {
            let field = |name: &str| line.text.text.split(' ').find_map(|word| word.strip_prefix(name)).map(str::to_owned);
            if let (Some(boot), Some(count)) = (field("boot="), field("n=").and_then(|count| count.parse().ok())) {
                self.0.entry((stream.to_owned(), boot)).or_default().push(count);
            }
        }
    }

    /// Every boot counts from one without a gap and without saying anything twice.
    fn check(&self) {
        for (boot, counts) in &self.0 {
            assert!(counts.iter().copied().eq(1..=counts.len() as u32), "{boot:?}: {counts:?}");
        }
    }

    /// The same of containers of which only the last runs are kept: no boot has a gap or says anything twice, and what never restarted is whole.
    fn steady(&self) {
        for ((who, boot), counts) in &self.0 {
            let mut sorted = counts.clone();
            sorted.sort_unstable();
            let first = if who.ends_with("/steady") { 1 } else { sorted[0] };
            assert!(sorted.iter().copied().eq(first..first + sorted.len() as u32), "{who} {boot}: {counts:?}");
        }
    }

    fn lines(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

fn lines(fact: &Fact) -> Option<(&str, &[LogLine])> {
    match fact {
        Fact::Lines(stream, lines) => Some((stream.as_str(), lines)),
        _ => None,
    }
}

async fn a_pod(source: &Arc<dyn Source>, space: &Space, name: &str) -> Id<Pod> {
    let (fact, _) = Reading::of(source, Feed::Pods(Scope::Workload(space.deployment(source, name))))
        .until("a pod", |fact| matches!(fact, Fact::Pod(Change::Upsert(_))))
        .await;
    match fact {
        Fact::Pod(Change::Upsert(pod)) => pod.id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_is_lost_or_repeated_when_containers_restart_and_pods_come() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("logs");
    let source = lab::source(&kubeconfig, "lab", "");
    let workload = space.deployment(&source, "talk");
    space.deploy("talk", 1, &[("APP_LOG_EVERY", "0.1"), ("APP_LOG_BURST", "20"), ("APP_CRASH_AFTER", "3")], "talks and crashes");
    let since = Some(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(60));
    let mut reading = Reading::of(&source, Feed::Logs(LogTarget::Workload { workload, since }));
    let mut counted = Counted::default();
    let mut streams = 0;
    let whole = |counted: &Counted| counted.0.len() >= 5 && counted.lines() > 1500;
    reading
        .until("two pods talk over several boots", |fact| {
            streams += usize::from(matches!(fact, Fact::Stream(_)));
            if let Some((stream, lines)) = lines(fact) {
                counted.add(stream, lines);
            }
            whole(&counted)
        })
        .await;
    assert!(streams >= 2);
    counted.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_of_the_connection_loses_and_repeats_nothing() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("break");
    let (mut door, _dir, path) = lab::door(&kubeconfig).await;
    let source = lab::source(&path, "lab", "");
    space.deploy("talk", 1, &[("APP_LOG_EVERY", "0.05"), ("APP_LOG_BURST", "10")], "talks");
    space.rolled_out("talk");
    let pod = a_pod(&source, &space, "talk").await;
    let since = Some(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(60));
    let feed = Feed::Logs(LogTarget::Pod { pod, container: None, previous: false, since });
    let mut counted = Counted::default();
    let mut cursor = None;
    for wanted in [200, 600, 1200] {
        let mut stream = source.watch(feed.clone(), cursor.clone());
        while let Some(Ok(batch)) = futures::StreamExt::next(&mut stream).await {
            cursor = batch.cursor.or(cursor);
            batch.facts.iter().filter_map(lines).for_each(|(stream, lines)| counted.add(stream, lines));
            if counted.lines() > wanted {
                door.shut().await;
            }
        }
        door.reopen().await;
    }
    counted.check();
    assert!(counted.lines() > 1200 && counted.0.len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_before_is_read_once_and_its_absence_is_said() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("previous");
    let source = lab::source(&kubeconfig, "lab", "");
    space.deploy("talk", 1, &[("APP_LOG_EVERY", "0"), ("APP_CRASH_AFTER", "0.2"), ("APP_CRASH_MESSAGE", "last words")], "crashes");
    let pod = a_pod(&source, &space, "talk").await;
    lab::eventually("it has restarted", async || {
        let rows = space.kubectl(&["get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}"]);
        rows.split(' ').all(|count| count.parse::<u32>().is_ok_and(|count| count > 0)).then_some(())
    })
    .await;
    let target = |previous| Feed::Logs(LogTarget::Pod { pod: pod.clone(), container: None, previous, since: None });
    // The node keeps one run before the current one, and for a moment around a crash none.
    lab::eventually("its last words", async || {
        let batches: Vec<_> = source.watch(target(true), None).collect().await;
        let said = |fact: &Fact| {
            lines(fact).is_some_and(|(_, lines)| lines.iter().any(|line| line.kind == LineKind::Previous && line.text.text.contains("last words")))
        };
        batches.iter().flatten().any(|batch| batch.facts.iter().any(said)).then_some(())
    })
    .await;
    space.deploy("quiet", 1, &[], "never crashed");
    space.rolled_out("quiet");
    let quiet = a_pod(&source, &space, "quiet").await;
    let mut none = Reading::of(&source, Feed::Logs(LogTarget::Pod { pod: quiet, container: None, previous: true, since: None }));
    none.until("a notice", |fact| {
        lines(fact).is_some_and(|(_, lines)| lines.iter().any(|line| line.kind == LineKind::Notice && line.text.text.contains("no run before")))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_can_not_start_says_why_instead() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("waits");
    let source = lab::source(&kubeconfig, "lab", "");
    space.apply(&lab::deployment("cart", "lab/app:missing", &[], "bad"));
    let workload = space.deployment(&source, "cart");
    let mut reading = Reading::of(&source, Feed::Logs(LogTarget::Workload { workload, since: None }));
    reading
        .until("a notice", |fact| {
            lines(fact).is_some_and(|(_, lines)| lines.iter().any(|line| line.kind == LineKind::Notice && line.text.text.contains("ErrImageNeverPull")))
        })
        .await;
}

/// A Deployment of two pods with two containers each, of which one crashes and begins again.
fn talkers() -> String {
    let container = |name: &str, port: &str, more: &[(&str, &str)]| {
        let own = [("APP_NAME", name), ("APP_PORT", port), ("APP_LOG_EVERY", "0.1"), ("APP_LOG_BURST", "10")];
        let all: Vec<_> = own.iter().chain(more).map(|(name, value)| serde_json::json!({ "name": name, "value": value })).collect();
        serde_json::json!({ "name": name, "image": "lab/app:1", "imagePullPolicy": "Never", "env": all })
    };
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "talk" },
        "spec": { "replicas": 2, "selector": { "matchLabels": { "app": "talk" } },
            "template": { "metadata": { "labels": { "app": "talk" } }, "spec": { "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
                "containers": [container("steady", "8080", &[]), container("frail", "0", &[("APP_CRASH_AFTER", "4")])] } } }
    })
    .to_string()
}

/// The program, on a namespace of the lab.
fn face(space: &Space, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
    command
        .args(["--context", "lab", "-n", &space.name, "--timeout", "60s"])
        .args(arguments)
        .env("XDG_STATE_HOME", std::env::temp_dir().join(&space.name))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    command
}

/// A printed line as it is counted: who speaks, and the line.
fn printed(counted: &mut Counted, line: &str) {
    let mut words = line.splitn(3, ' ');
    if let (Some(_), Some(who), Some(text)) = (words.next(), words.next(), words.next()) {
        counted.add(who, &[LogLine { text: pilothouse::text::Painted::from_untrusted(text), ..LogLine::default() }]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_face_writes_each_line_once_over_pods_containers_restarts_and_what_was_said_before() {
    let Some(_) = lab::kubeconfig() else { return };
    let space = Space::new("face");
    space.apply(&talkers());
    lab::eventually("a container has restarted", async || {
        let counts = space.kubectl(&["get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}"]);
        counts.split(' ').any(|count| count.parse::<u32>().is_ok_and(|count| count > 0)).then_some(())
    })
    .await;
    let mut child = face(&space, &["logs", "talk", "-f", "--since", "10m"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut counted = Counted::default();
    let (mut times, began) = (Vec::new(), Instant::now());
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("a line");
        printed(&mut counted, &line);
        times.extend(line.split(' ').next().and_then(|time| time.parse::<jiff::Timestamp>().ok()));
        assert!(began.elapsed() < lab::PATIENCE * 3, "too few lines: {}", counted.lines());
        if counted.lines() > 6_000 && counted.0.len() >= 6 {
            break;
        }
    }
    _ = child.kill();
    _ = child.wait();
    counted.steady();
    let behind = times.windows(2).filter(|pair| pair[1] < pair[0]).count();
    // A line that comes later than the merge waits stands behind: few do, more on a busy machine.
    assert!(behind * 33 < times.len(), "{behind} of {} lines stand behind a later one", times.len());
    let whole = face(&space, &["logs", "talk", "--since", "10m"]).output().expect("it ends");
    assert_eq!(whole.status.code(), Some(0));
    let mut again = Counted::default();
    String::from_utf8_lossy(&whole.stdout).lines().for_each(|line| printed(&mut again, line));
    again.steady();
    let steady = |counted: &Counted| counted.0.iter().filter(|((who, _), _)| who.ends_with("/steady")).map(|(_, counts)| counts.len()).min();
    assert!(steady(&again) >= steady(&counted), "a log that is not followed ends before what was said: {:?} < {:?}", steady(&again), steady(&counted));
}
