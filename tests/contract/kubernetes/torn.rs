//! What the network, the server and the machine may do to the one request, and to who sent it.

use super::{
    acts::{act, operation, revisions, subject},
    faults::{FAULTS, word},
    lab::{self, Space},
};
use crate::{
    term::{Term, pilothouse},
    wire::{Fault, Pause, Wire},
};
use pilothouse::domain::{Stage, Verb};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

fn image(space: &Space, name: &str) -> String {
    space.kubectl(&["get", "deployment", name, "-o", "jsonpath={.spec.template.spec.containers[0].image}"])
}

/// What a console is configured with that sees one namespace, over the wire.
pub fn config(wire: &Wire, home: &Path, space: &Space) -> String {
    format!(
        "[[source]]\nkind = 'kubernetes'\nkubeconfig = '{}'\ncontexts = ['lab']\nnamespaces = ['{}']\ndiscover = false\n\
         [[environment]]\nname = 'development'\ntier = 'development'\nmatch = [{{ context = 'lab' }}]\n",
        wire.kubeconfig(home).display(),
        space.name,
    )
}

/// Kills a console in the middle of what it does: its journal is whole, and the console after it, of the same `state`, has found what was left behind and
/// lists it.
pub fn after_a_kill(first: Term, state: &Path, console: impl Fn() -> Term) -> Term {
    first.signal(rustix::process::Signal::KILL);
    drop(first);
    pilothouse::journal::verify(&state.join("pilothouse/journal")).expect("the journal is whole");
    let mut next = console();
    // It stands at the foot for as long as it is open.
    next.shows("left behind; Enter reads what became of it");
    next.types("B").shows("Under way and still open");
    next
}

/// Two good revisions, the second of which runs.
fn two(space: &Space, name: &str) {
    for version in [1, 2] {
        space.deploy(name, version, &[], "good");
        space.rolled_out(name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_network_does_a_change_is_sent_once_and_told_as_what_it_is() {
    let Some(_) = lab::kubeconfig() else { return };
    let space = Space::new("torn");
    two(&space, "cart");
    let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
    let source = lab::source(&wire.kubeconfig(home.path()), "lab", "");
    let id = space.deployment(&source, "cart");
    let mut runs = 2;
    // What happens on the wire, what is told of it, and whether it was carried out.
    for (fault, told, done) in FAULTS.into_iter().chain([(Fault::Silent, "unclear", true)]) {
        space.rolled_out("cart");
        let (seen, rows) = (subject(&source, &id).await, revisions(&source, &id).await);
        let other = rows.iter().find(|revision| !revision.current).expect("there are two");
        let goal = other.version.0.to_string();
        let before = wire.changes();
        wire.next(fault);
        let stages = act(&source, operation(Verb::RollBack, &seen, Some(other))).await;
        assert_eq!(stages.iter().map(word).collect::<Vec<_>>(), ["sending", told], "{fault:?}: {stages:?}");
        assert_eq!(wire.changes(), before + 1, "{fault:?}: it was sent once");
        if done {
            runs = goal.parse().expect("a version");
        }
        assert_eq!(image(&space, "cart"), format!("lab/app:{runs}"), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_faster_than_the_request_is_named_and_not_written_over() {
    let Some(_) = lab::kubeconfig() else { return };
    let space = Space::new("raced");
    two(&space, "cart");
    let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
    let source = lab::source(&wire.kubeconfig(home.path()), "lab", "");
    let id = space.deployment(&source, "cart");
    let (seen, rows) = (subject(&source, &id).await, revisions(&source, &id).await);
    let other = rows.iter().find(|revision| !revision.current).expect("there are two");
    // What is written while the request is on its way, and whether what the operator saw is still so after it.
    for (faster, same) in [(&["annotate", "deployment", "cart", "seen=yes"][..], true), (&["set", "image", "deployment/cart", "app=lab/app:3"][..], false)] {
        let before = wire.changes();
        let beside = lab::beside(&space);
        wire.first(move || drop(beside.kubectl(faster)));
        let stages = act(&source, operation(Verb::RollBack, &seen, Some(other))).await;
        let [Stage::Sending, Stage::Conflict { what, same: told }] = &stages[..] else { panic!("{faster:?}: {stages:?}") };
        assert_eq!((*told, wire.changes()), (same, before + 1), "{faster:?}: {what}");
        assert!(same || (what.contains("by kubectl-set") && what.contains("lab/app:3")), "{what}");
    }
    assert_eq!(image(&space, "cart"), "lab/app:3", "what came first stays");
}

/// A rollback without a terminal, over the wire, with a home of its own.
pub fn rollback(wire: &Wire, home: &Path, space: &Space, arguments: &[&str]) -> Child {
    begun(&wire.kubeconfig(home), home, space, arguments, &[("PATH", "/usr/bin:/bin")])
}

/// The same by any way to the cluster.
pub fn begun(kubeconfig: &Path, home: &Path, space: &Space, arguments: &[&str], environment: &[(&str, &str)]) -> Child {
    let config = "[[environment]]\nname = 'development'\ntier = 'development'\nmatch = [{ context = 'lab' }]\n";
    std::fs::write(home.join("c.toml"), config).expect("a file of ours");
    Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .env_clear()
        .env("HOME", home)
        .env("KUBECONFIG", kubeconfig)
        .envs(environment.iter().copied())
        .args(["--context", "lab"])
        .args(["--config", &home.join("c.toml").display().to_string(), "-n", &space.name, "rollback"])
        .args(arguments)
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs")
}

pub fn ended(child: Child) -> (Option<i32>, serde_json::Value) {
    let out = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&out.stdout);
    (out.status.code(), serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}{}", String::from_utf8_lossy(&out.stderr))))
}

/// The lines of the journal below a home.
fn journal(home: &Path) -> Vec<serde_json::Value> {
    let path = home.join(".local/state/pilothouse/journal/journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The operation whose intent is on disk.
pub fn intent(home: &Path) -> Option<String> {
    journal(home).iter().find(|line| line["kind"] == "intent").and_then(|line| line["op"].as_str().map(str::to_owned))
}

pub fn kinds(home: &Path) -> Vec<String> {
    let all = journal(home).into_iter().map(|line| line["kind"].as_str().unwrap_or_default().to_owned());
    all.filter(|kind| kind != "observed").collect()
}

/// Waits until the journal has a line of a kind.
pub async fn written(home: &Path, kind: &str) {
    lab::eventually(kind, async || kinds(home).iter().any(|written| written == kind).then_some(())).await;
}

pub const GO: [&str; 6] = ["cart", "-e", "development", "--yes", "--reason", "it crashes"];

/// Where the program is killed: what is done to the request, how far it came, and what the next one finds.
struct Kill {
    fault: Option<Fault>,
    /// The last line of the journal at that moment.
    until: &'static str,
    /// What the one who takes it up ends with.
    verdict: &'static str,
    code: i32,
    /// The version that runs in the end.
    runs: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_before_the_request_has_arrived_the_next_one_says_that_nothing_was_done() {
    killed("held", Kill { fault: Some(Fault::Held), until: "intent", verdict: "", code: 1, runs: 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_before_the_answer_the_next_one_finds_that_it_was_done_and_sees_it_through() {
    killed("silent", Kill { fault: Some(Fault::Silent), until: "intent", verdict: "RECOVERED", code: 0, runs: 1 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_while_the_pods_come_the_next_one_sees_it_through() {
    killed("watched", Kill { fault: None, until: "outcome", verdict: "RECOVERED", code: 0, runs: 1 }).await;
}

/// One that crashes, and a good one before it.
async fn crashing(at: &str) -> Space {
    let space = Space::new(&format!("killed-{at}"));
    space.deploy("cart", 1, &[], "good");
    space.rolled_out("cart");
    space.deploy("cart", 2, &[("APP_CRASH_AFTER", "1"), ("APP_READY_AFTER", "never")], "bad");
    lab::eventually("it crashes", async || space.kubectl(&["get", "pods"]).contains("CrashLoopBackOff").then_some(())).await;
    space
}

pub fn kill(mut program: Child, home: &Path) {
    program.kill().expect("it runs");
    program.wait().expect("it ends");
    if home.join(".local/state/pilothouse/journal").exists() {
        let summary = pilothouse::journal::verify(&home.join(".local/state/pilothouse/journal")).expect("the journal is whole");
        assert!(summary.torn.is_empty(), "{summary:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_while_it_plans_or_before_its_request_has_left_nothing_was_done() {
    let Some(_) = lab::kubeconfig() else { return };
    let space = crashing("early").await;
    let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
    for pause in [Pause::Reading, Pause::Checking] {
        wire.pauses(pause);
        let first = rollback(&wire, home.path(), &space, &GO);
        wire.paused().await;
        kill(first, home.path());
        assert_eq!(kinds(home.path()), Vec::<String>::new(), "{pause:?}: there is nothing that could be left behind");
    }
    // The intent is on disk, and the object is being read once more before the request leaves.
    wire.pauses(Pause::Sending);
    let first = rollback(&wire, home.path(), &space, &GO);
    wire.paused().await;
    written(home.path(), "intent").await;
    kill(first, home.path());
    assert_eq!((kinds(home.path()).last().map(String::as_str), wire.changes()), (Some("intent"), 0));
    wire.goes_on();
    let operation = intent(home.path()).expect("an intent");
    let (code, said) = ended(rollback(&wire, home.path(), &space, &["--resume", &operation]));
    assert_eq!((code, image(&space, "cart").as_str(), wire.changes()), (Some(1), "lab/app:2", 0), "{said:#}");
    assert!(said["why"].as_str().is_some_and(|why| why.contains("nothing was changed")), "{said:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_after_its_verdict_and_before_that_is_written_the_next_one_reaches_it_once_more() {
    let Some(_) = lab::kubeconfig() else { return };
    let space = crashing("verdict").await;
    let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
    let mut first = rollback(&wire, home.path(), &space, &GO);
    written(home.path(), "outcome").await;
    let (mut lines, mut locked) = (BufReader::new(first.stderr.take().expect("a pipe")).lines(), None);
    loop {
        let line = lines.next().expect("it reaches a verdict").expect("text");
        // All pods run, and it is being verified: from here on nobody else writes.
        if line.contains("pods") && locked.is_none() {
            locked = Some(lock(home.path()));
        }
        if line.contains("verdict: RECOVERED") {
            break;
        }
    }
    kill(first, home.path());
    drop(locked.expect("its pods ran"));
    assert!(!kinds(home.path()).contains(&"verdict".to_owned()), "{:?}", kinds(home.path()));
    let operation = intent(home.path()).expect("an intent");
    let (code, said) = ended(rollback(&wire, home.path(), &space, &["--resume", &operation]));
    assert_eq!((code, said["verdict"].as_str(), wire.changes()), (Some(0), Some("RECOVERED"), 1), "{said:#}");
    assert_eq!(kinds(home.path()).iter().filter(|kind| *kind == "verdict").count(), 1);
}

/// Nobody writes into the journal as long as this is there.
fn lock(home: &Path) -> File {
    let file = File::open(home.join(".local/state/pilothouse/journal/journal.lock")).expect("a lock");
    file.lock().expect("it is free");
    file
}

/// The journal is whole, the truth is told, and nothing is sent a second time.
async fn killed(at: &str, wanted: Kill) {
    let Some(_) = lab::kubeconfig() else { return };
    let space = crashing(at).await;
    let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
    if let Some(fault) = wanted.fault {
        wire.next(fault);
    }
    let first = rollback(&wire, home.path(), &space, &GO);
    wire.came(1).await;
    written(home.path(), wanted.until).await;
    if wanted.runs == 1 {
        lab::eventually("it is carried out", async || image(&space, "cart").ends_with(":1").then_some(())).await;
    }
    kill(first, home.path());
    let operation = intent(home.path()).expect("an intent");

    let (code, said) = ended(rollback(&wire, home.path(), &space, &["--resume", &operation]));
    assert_eq!((code, said["verdict"].as_str().unwrap_or_default()), (Some(wanted.code), wanted.verdict), "{said:#}");
    assert_eq!(image(&space, "cart"), format!("lab/app:{}", wanted.runs), "{said:#}");
    assert_eq!(wire.changes(), 1, "nothing is sent a second time");
    // It is settled: nobody can take it up again.
    let (code, again) = ended(rollback(&wire, home.path(), &space, &["--resume", &operation]));
    assert_eq!(code, Some(1), "{again:#}");
    assert!(again["error"].as_str().is_some_and(|words| words.contains("is not open")), "{again:#}");
}

/// How long it takes from `R` to a plan with all its checks, and from the confirmation to the request on the wire. Measured, not judged: how
/// long that may take depends on the machine (`--nocapture` shows it). The wire has a kubectl in it, which takes its part.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_the_key_to_the_plan_and_from_the_confirmation_to_the_wire() {
    let Some(_) = lab::kubeconfig() else { return };
    let space = Space::new("quick");
    space.deploy("cart", 1, &[], "good");
    space.rolled_out("cart");
    space.deploy("cart", 2, &[("APP_CRASH_AFTER", "1"), ("APP_READY_AFTER", "never")], "bad");
    lab::eventually("it crashes", async || space.kubectl(&["get", "pods"]).contains("CrashLoopBackOff").then_some(())).await;
    let (wire, home) = (Wire::new().await, tempfile::tempdir().expect("a folder"));
    let mut console = pilothouse(&[]).file("config/pilothouse/config.toml", &config(&wire, home.path(), &space)).start();
    console.shows("cart in development is stuck");
    let mut plans: Vec<Duration> = (0..7)
        .map(|_| {
            let began = Instant::now();
            console.types("R").until("all checks", |screen| screen.contents().contains("12 made") && screen.contents().contains("Enter asks once more"));
            let took = began.elapsed();
            // What stands lowest on it goes last.
            console.types("\x1b").hides("Enter asks once more");
            took
        })
        .collect();
    plans.sort();
    console.types("R").shows("Enter asks once more");
    console.types("\r").shows("Enter does it");
    // An Enter that comes before the program knows that its line is on the screen is dropped: then it is pressed once more.
    let mut began = Instant::now();
    console.types("\r");
    while tokio::time::timeout(Duration::from_secs(2), wire.came(1)).await.is_err() {
        began = Instant::now();
        console.types("\r");
    }
    println!("R to the plan with 12 checks: {:?} (of {plans:?}); Enter to the wire: {:?}", plans[plans.len() / 2], began.elapsed());
}
