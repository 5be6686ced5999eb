//! `kind = "docker"` against a real engine.

mod cut;
pub mod engine;
mod recreate;
mod swarm;
pub mod told;

use engine::{Engine, left_out};
use futures::StreamExt;
use pilothouse::{
    domain::{Answer, ContainerState, Feed, Id, Kind, Link, LogTarget, Metric, Pod, Progress, Question, Scope, Workload},
    sources::{Source, SourceError},
    text::Raw,
};
use std::sync::Arc;
use told::{Kept, Watched, source, source_of};

fn id(source: &Arc<dyn Source>, key: &str) -> Id<Workload> {
    Id::new(source.id(), key)
}

fn log_of(source: &Arc<dyn Source>, key: &str) -> Feed {
    Feed::Logs(LogTarget::Workload { workload: id(source, key), since: None })
}

/// A script that counts as fast as it may, and says which run of it counts.
const COUNTING: &str = "run=$(cat /proc/sys/kernel/random/uuid); n=0; while :; do n=$((n+1)); echo \"$run n=$n\"; usleep 2000; done";

#[tokio::test]
async fn a_container_that_crashes_is_told_with_its_exit_code_and_its_last_words() {
    if left_out("a_container_that_crashes") {
        return;
    }
    let engine = Engine::any();
    let source = source(&engine.host());
    let mut workloads = Watched::new(&source, Feed::Workloads);
    workloads.until("a list", |told| told.workloads.values().all(|row| row.name.raw() != "plh-crash").then_some(())).await;
    let mut happened = Watched::new(&source, Feed::Happenings(Scope::Workload(id(&source, "container/plh-crash"))));
    let mut pods = Watched::new(&source, Feed::Pods(Scope::Workload(id(&source, "container/plh-crash"))));
    let _container = engine.run("plh-crash", &["--restart", "on-failure:2"], "echo 'ERROR no such table'; exit 3");
    let row = workloads
        .until("the end of its last run", |told| told.workload("plh-crash").filter(|row| row.remark.as_deref() == Some("exit 3, 2 restarts")).cloned())
        .await;
    assert_eq!((row.kind, row.replicas.wanted, row.replicas.ready, row.place.namespace.raw()), (Kind::Container, 1, 0, ""));
    let pod = pods.until("its pod", |told| told.pods.values().find(|pod| pod.restarts == 2 && &*pod.reason == "Error").cloned()).await;
    assert!(matches!(pod.containers[0].state, ContainerState::Ended { code: 3, .. }));
    happened.until("three deaths", |told| told.happenings.values().find(|row| &*row.reason == "die" && row.count == 3 && row.warning).map(|_| ())).await;
    let Answer::Explain { pods, happenings, conditions, last_words } = source.ask(Question::Explain(row.id.clone())).await.unwrap() else {
        panic!("another answer")
    };
    assert_eq!((pods.len(), &*conditions[0].1), (1, "exit 3, 2 restarts"));
    assert!(happenings.iter().any(|row| &*row.message == "exit 3"));
    assert_eq!(last_words[0].1.last().unwrap().as_str(), "ERROR no such table");
}

#[tokio::test]
async fn a_log_goes_on_over_restarts_and_no_line_is_lost_or_repeated() {
    if left_out("a_log_goes_on_over_restarts") {
        return;
    }
    let engine = Engine::any();
    let source = source(&engine.host());
    let container = engine.run("plh-count", &["--stop-timeout", "0"], COUNTING);
    let mut log =
        Watched::new(&source, Feed::Logs(LogTarget::Workload { workload: id(&source, "container/plh-count"), since: Some(jiff::Timestamp::UNIX_EPOCH) }));
    for lines in [50, 200, 400] {
        log.until("more lines", |told| (told.lines.len() > lines).then_some(())).await;
        engine.docker(&["restart", "-t", "0", "plh-count"]);
    }
    let before = log.told.lines.len();
    log.until("lines of the last run", |told| (told.lines.len() > before + 100).then_some(())).await;
    engine.docker(&["kill", "plh-count"]);
    let truth = container.said();
    log.until("all of it", |told| (told.lines.len() >= truth.len()).then_some(())).await;
    assert_eq!(log.told.lines.len(), truth.len());
    assert_eq!(log.told.lines, truth.iter().map(|line| normal(line)).collect::<Vec<_>>());
    assert!(log.told.notices.iter().any(|said| said.contains("ended: exit 137 (killed)")), "{:?}", log.told.notices);
    assert_eq!(log.told.notices.iter().filter(|said| said.contains("started again")).count(), 3);
}

/// A line with its time as we write times.
fn normal(line: &str) -> String {
    let (time, text) = line.split_once(' ').expect("a time");
    format!("{} {text}", time.parse::<jiff::Timestamp>().expect("a time"))
}

#[tokio::test]
async fn terminals_and_long_lines_are_read_as_they_were_said() {
    if left_out("terminals_and_long_lines") {
        return;
    }
    let engine = Engine::any();
    let source = source(&engine.host());
    for (name, options) in [("plh-tty", &["-t"][..]), ("plh-frames", &[][..])] {
        let _container = engine.run(
            name,
            options,
            "printf '\\001 begins like a frame\\n'; head -c 40000 /dev/zero | tr '\\0' x; echo; echo on errors >&2; echo end; sleep 1000",
        );
        let mut log = Watched::new(&source, log_of(&source, &format!("container/{name}")));
        log.until("the end", |told| (told.lines.len() == 4).then_some(())).await;
        // Output and errors are two pipes: which of them is read first is nobody's to say.
        let texts: Vec<String> = log.told.lines.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
        assert!(texts.iter().any(|text| text.ends_with("begins like a frame")), "{name}");
        assert!(texts.contains(&"x".repeat(40000)), "{name}: {:?}", texts.iter().map(String::len).collect::<Vec<_>>());
        assert!(texts.contains(&"end".to_owned()) && texts.contains(&"on errors".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn containers_of_a_compose_service_are_one_row_that_follows_them() {
    if left_out("containers_of_a_compose_service") {
        return;
    }
    let engine = Engine::any();
    let source = source(&engine.host());
    let labels = ["--label", "com.docker.compose.project=plh", "--label", "com.docker.compose.service=web", "--label", "com.docker.compose.oneoff=False"];
    let mut workloads = Watched::new(&source, Feed::Workloads);
    let _one = engine.run("plh-web-1", &labels, "sleep 1000");
    let two = engine.run("plh-web-2", &labels, "exec sleep 1000");
    let counts = |ready: u32, wanted: u32| {
        move |told: &told::Told| told.workload("web").filter(|row| (row.replicas.ready, row.replicas.wanted) == (ready, wanted)).cloned()
    };
    let row = workloads.until("two of two", counts(2, 2)).await;
    assert_eq!((row.kind, row.place.namespace.raw(), &*row.version.0, &row.progress), (Kind::ComposeService, "plh", "1", &Progress::Done));
    engine.docker(&["kill", &two.id]);
    let row = workloads.until("one of two", counts(1, 2)).await;
    assert_eq!(row.remark.as_deref(), Some("exit 137 (killed)"));
    drop(two);
    workloads.until("one of one", counts(1, 1)).await;
    let mut pods = Watched::new(&source, Feed::Pods(Scope::Namespace(Raw::new("plh"))));
    pods.until("its pod", |told| (told.pods.len() == 1).then_some(())).await;
}

#[tokio::test]
async fn health_checks_decide_what_is_ready_and_yaml_masks_secrets() {
    if left_out("health_checks") {
        return;
    }
    let engine = Engine::any();
    let source = source(&engine.host());
    let options = ["-e", "DB_PASSWORD=hunter2", "--health-cmd", "cat /no/such/file", "--health-interval", "300ms", "--health-retries", "1"];
    let container = engine.run("plh-ill", &options, "sleep 1000");
    let mut workloads = Watched::new(&source, Feed::Workloads);
    let row = workloads
        .until("that it is unhealthy", |told| {
            told.workload("plh-ill").filter(|row| row.remark.as_ref().is_some_and(|remark| remark.starts_with("unhealthy: cat:"))).cloned()
        })
        .await;
    assert_eq!((row.replicas.wanted, row.replicas.ready), (1, 0));
    let pod = Id::<Pod>::new(source.id(), &format!("container/{}", container.id));
    let Answer::Text(lines) = source.ask(Question::PodYaml(pod)).await.unwrap() else { panic!("another answer") };
    let text = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(text.contains("DB_PASSWORD=") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn use_is_measured_of_the_limit() {
    if left_out("use_is_measured") {
        return;
    }
    let engine = Engine::any();
    let source = source(&engine.host());
    let _container = engine.run("plh-busy", &["--memory", "64m"], "while :; do :; done");
    let mut stats = Watched::new(&source, Feed::Stats(id(&source, "container/plh-busy")));
    let value =
        |metric: Metric| move |told: &told::Told| told.samples.values().find(|sample| sample.metric == metric).and_then(pilothouse::domain::Sample::now);
    let memory = stats.until("memory", value(Metric::Memory)).await;
    let cpu = stats.until("processor", value(Metric::Cpu)).await;
    assert!(memory > 0.0 && memory < 1.0 && cpu > 0.0 && cpu <= 1.05, "{memory} {cpu}");
}

#[tokio::test]
async fn a_log_that_nobody_keeps_says_so() {
    if left_out("a_log_that_nobody_keeps") {
        return;
    }
    let engine = Engine::any();
    let source = source(&engine.host());
    let _container = engine.run("plh-mute", &["--log-driver", "none"], "echo x; sleep 1000");
    let mut log = Watched::new(&source, log_of(&source, "container/plh-mute"));
    let said = log.until("why there are no lines", |told| told.notices.first().cloned()).await;
    assert!(said.contains("its log driver is none"), "{said}");
}

#[tokio::test]
async fn the_run_before_this_one_can_be_read() {
    if left_out("the_run_before_this_one") {
        return;
    }
    let engine = Engine::any();
    let source = source(&engine.host());
    let container = engine.run("plh-twice", &[], "echo run; sleep 1000");
    engine.docker(&["restart", "-t", "0", "plh-twice"]);
    let pod = Id::<Pod>::new(source.id(), &format!("container/{}", container.id));
    let previous = |previous| Feed::Logs(LogTarget::Pod { pod: pod.clone(), container: None, previous, since: None });
    let mut both = Watched::new(&source, previous(false));
    both.until("both runs", |told| (told.lines.len() == 2).then_some(())).await;
    let mut stream = source.watch(previous(true), None);
    let mut told = told::Told::default();
    while let Some(batch) = stream.next().await {
        told.take(batch.unwrap().facts);
    }
    assert_eq!(told.lines, both.told.lines[..1]);
    assert!(both.told.notices.iter().any(|said| said.contains("started again here")), "{:?}", both.told.notices);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_stops_is_an_error_and_all_goes_on_when_it_is_back() {
    if left_out("an_engine_that_stops") {
        return;
    }
    let mut engine = Engine::own();
    let source = source(&engine.host());
    let id = engine.run("plh-count", &["--restart", "always"], COUNTING);
    let id = std::mem::ManuallyDrop::new(id).id.clone();
    let workloads = Kept::new(&source, Feed::Workloads);
    let log =
        Kept::new(&source, Feed::Logs(LogTarget::Workload { workload: Id::new(source.id(), "container/plh-count"), since: Some(jiff::Timestamp::UNIX_EPOCH) }));
    workloads.until("the container", |told| told.workload("plh-count").map(|_| ())).await;
    log.until("lines", |told| (told.lines.len() > 100).then_some(())).await;
    assert!(source.probe().await);

    engine.stop();
    workloads.until("that it is lost", |told| matches!(told.links.last(), Some(Link::Retrying { .. })).then_some(())).await;
    assert!(!source.probe().await);
    let error = Watched::new(&source, Feed::Workloads).error().await;
    assert!(matches!(&error, SourceError::Unreachable(words) if words.contains("docker.sock")), "{error}");

    let lines = log.until("the lines so far", |told| Some(told.lines.len())).await;
    engine.start();
    workloads.until("that it is back", |told| matches!(told.links.last(), Some(Link::Live { synced: true, .. })).then_some(())).await;
    log.until("more lines", |told| (told.lines.len() > lines + 100).then_some(())).await;
    engine.docker(&["update", "--restart", "no", &id]);
    engine.docker(&["kill", &id]);
    let truth: Vec<String> = engine.docker(&["logs", "--timestamps", &id]).lines().map(normal).collect();
    log.until("all of it", |told| (told.lines.len() >= truth.len()).then_some(())).await;
    log.until("exactly it", |told| {
        assert_eq!(told.lines, truth);
        Some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_a_swarm_is_told_with_its_tasks_and_their_trouble() {
    if left_out("a_service_of_a_swarm") {
        return;
    }
    let engine = Engine::own();
    engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0"]);
    let source = source(&engine.host());
    let mut workloads = Watched::new(&source, Feed::Workloads);
    let create = |name: &str, script: &str| {
        let label = ["--container-label", "com.docker.stack.namespace=shop", "--label", "com.docker.stack.namespace=shop"];
        let arguments = [
            &["service", "create", "--detach", "--no-resolve-image", "--network", "host", "--restart-delay", "500ms", "--name", name],
            &label[..],
            &[engine::IMAGE, "/bin/sh", "-c", script],
        ]
        .concat();
        engine.docker(&arguments)
    };
    create("shop_web", "echo hello; sleep 1000");
    create("shop_bad", "exit 4");
    let row = workloads.until("one of one", |told| told.workload("web").filter(|row| row.replicas.ready == 1).cloned()).await;
    assert_eq!((row.kind, row.place.namespace.raw(), row.replicas.wanted, &*row.version.0), (Kind::SwarmService, "shop", 1, "1"));
    workloads
        .until("the trouble of the other", |told| {
            told.workload("bad").and_then(|row| row.remark.clone()).filter(|remark| remark.contains("non-zero exit (4)")).map(|_| ())
        })
        .await;
    let mut pods = Watched::new(&source, Feed::Pods(Scope::Workload(row.id.clone())));
    pods.until("its task", |told| told.pods.values().any(|pod| pod.ready && pod.node.is_some()).then_some(())).await;
    let mut log = Watched::new(&source, Feed::Logs(LogTarget::Workload { workload: row.id, since: None }));
    log.until("its line", |told| told.lines.iter().any(|line| line.ends_with(" hello")).then_some(())).await;
}

#[tokio::test]
async fn an_engine_behind_tls_is_reached_with_our_certificate_and_refuses_us_without() {
    if left_out("an_engine_behind_tls") {
        return;
    }
    let (engine, host, folder) = Engine::with_tls();
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let keys = |ca: &str, own: bool| {
        let own = if own { format!("\ncert = \"{}\"\nkey = \"{}\"", path("client.pem"), path("client-key.pem")) } else { String::new() };
        format!("host = \"{host}\"\nca = \"{}\"{own}", path(ca))
    };
    let _container = engine.run("plh-tls", &[], "sleep 1000");
    let mut workloads = Watched::new(&source_of(&keys("ca.pem", true)), Feed::Workloads);
    workloads.until("the container", |told| told.workload("plh-tls").map(|_| ())).await;
    for (keys, words) in
        [(keys("ca.pem", false), "does not accept our certificate"), (keys("client.pem", true), "do not know"), (format!("host = \"{host}\""), "wants TLS")]
    {
        let error = Watched::new(&source_of(&keys), Feed::Workloads).error().await;
        assert!(matches!(&error, SourceError::Denied(said) if said.contains(words)), "{words}: {error}");
    }
}
