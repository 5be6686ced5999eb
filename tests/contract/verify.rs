//! `pilothouse verify` of real releases: what each of them exits with, and why. All are watched at the same time.

use crate::{
    faces::{face, told},
    gateway::{Pushed, client, server},
    kubernetes::lab::{self, Space},
};
use pilothouse::sources::http::{Ask, Method, Transport};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, process::Command, thread};

/// Where the release is measured.
struct Places {
    prometheus: String,
    alertmanager: String,
}

/// A release, and how it must be told.
struct Case {
    service: &'static str,
    /// Arguments on top of the service and its environment.
    more: Vec<String>,
    /// Whether it is measured at the lab's servers, at a Prometheus that nobody serves, or by nobody.
    sources: String,
    code: i32,
    /// Parts of the sentence that says why.
    why: &'static [&'static str],
}

impl Places {
    fn measured(&self, service: &str, series: &str) -> String {
        format!(
            "[[source]]\nkind = 'prometheus'\ncontext = 'lab'\nurl = '{}'\n[[source]]\nkind = 'alertmanager'\ncontext = 'lab'\nurl = '{}'\n\
             [[service]]\nname = '{service}'\nerror_rate = 'max_over_time(service_error_ratio{{service=\"{series}\"}}[$window])'\n\
             latency = 'max_over_time(service_latency_p99_seconds{{service=\"{series}\"}}[$window])'\n",
            self.prometheus, self.alertmanager
        )
    }
}

/// Verifies one release with a configuration of its own.
fn verified(kubeconfig: &Path, space: &Space, case: &Case) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    let text = format!("[[source]]\nkind = 'kubernetes'\nkubeconfig = '{}'\ncontexts = ['lab']\n{}", kubeconfig.display(), case.sources);
    std::fs::write(&file, text).expect("a file");
    let more: Vec<&str> = case.more.iter().map(String::as_str).collect();
    let arguments = [&["--config", file.to_str().expect("a path"), "verify", case.service, "-e", "lab"], more.as_slice()].concat();
    told(kubeconfig, space, &arguments)
}

/// The first pod of a service runs one image, the second another of the same name: the tag was moved between their starts.
fn moved_tag(space: &Space, service: &str) {
    let (engine, tag) = (std::env::var("DOCKER_HOST").expect("lab.env sets it"), format!("lab/{}:moved", space.name));
    let name = |image: &str| {
        let out = Command::new("docker").args(["-H", &engine, "tag", image, &tag]).output().expect("docker is installed");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    name("lab/app:1");
    space.apply(&lab::deployment(service, &tag, &[], "moved").replace("\"replicas\":2", "\"replicas\":1"));
    space.rolled_out(service);
    name("lab/app:2");
    space.kubectl(&["scale", &format!("deployment/{service}"), "--replicas=2"]);
    space.rolled_out(service);
    _ = Command::new("docker").args(["-H", &engine, "rmi", &tag]).output();
}

/// Fires an alert about a service at an Alertmanager, until the test ends it.
async fn fire(url: &str, service: &str, space: &str, ends: jiff::SignedDuration) {
    let now = jiff::Timestamp::now();
    let labels = json!({ "alertname": "OrdersLost", "severity": "critical", "service": service, "namespace": space });
    let body = json!([{ "labels": labels, "startsAt": (now - jiff::SignedDuration::from_mins(2)).to_string(), "endsAt": (now + ends).to_string() }]);
    client(url).send(Ask::change(Method::POST, "api/v2/alerts", Some(body.to_string().into()))).await.expect("it answers").good().expect("it is taken");
}

fn cases(places: &Places, names: &BTreeMap<&'static str, String>, digest: &str) -> Vec<Case> {
    let lab = |service: &'static str| places.measured(service, &names[service]);
    let case = |service, sources: String, code, why| Case { service, more: Vec::new(), sources, code, why };
    let more = |case: Case, more: &[&str]| Case { more: more.iter().map(|word| (*word).to_owned()).collect(), ..case };
    let digest = digest.rsplit(':').next().unwrap_or_default();
    let closed = "[[source]]\nkind = 'prometheus'\nurl = 'http://127.0.0.1:1'\n".to_owned();
    vec![
        more(case("sound", lab("sound"), 0, &[]), &["--release", "1", "--digest", digest]),
        case("sound", String::new(), 0, &["nobody measures: errors, latency, smoke, alerts, gates"]),
        more(case("sound", String::new(), 1, &["is expected"]), &["--digest", "0123456789"]),
        more(case("sound", String::new(), 1, &["version: 1 r1 is the newest, 2 is expected"]), &["--release", "2", "--within", "3s"]),
        case("sound", closed, 2, &["127.0.0.1:1"]),
        case("mixed", lab("mixed"), 1, &["digest: mixed-", " runs ", ", others "]),
        case("restless", String::new(), 1, &[]),
        case("burning", lab("burning"), 1, &["alerts: OrdersLost fires"]),
        case("failing", lab("failing"), 1, &["errors: 17 % now, limit 5 %"]),
        case("crashing", String::new(), 1, &["timed out progressing"]),
        case("sound", smoke("sound", &format!("{}/-/ready", places.prometheus)), 0, &["nobody measures: errors, latency, alerts, gates"]),
        case("sound", smoke("sound", &format!("{}/-/nowhere?token=hush", places.prometheus)), 1, &["smoke: 127.0.0.1:", "/-/nowhere: 404, 200 is expected"]),
    ]
}

/// A service whose releases are tried by one request.
fn smoke(service: &str, url: &str) -> String {
    format!("[[service]]\nname = '{service}'\nsmoke = [{{ url = '{url}' }}]\n")
}

/// Deploys what the cases verify.
fn deploy(space: &Space) {
    for service in ["sound", "burning", "failing"] {
        space.deploy(service, 1, &[], "good");
    }
    space.deploy("restless", 1, &[("APP_CRASH_AFTER", "30")], "restless");
    // Never ready, so that its controller has nothing to call progress.
    space.deploy("crashing", 2, &[("APP_CRASH_AFTER", "1"), ("APP_READY_AFTER", "never")], "bad");
    space.kubectl(&["patch", "deployment", "crashing", "-p", r#"{"spec":{"progressDeadlineSeconds":5}}"#]);
    moved_tag(space, "mixed");
    ["sound", "burning", "failing"].iter().for_each(|service| space.rolled_out(service));
}

#[tokio::test(flavor = "multi_thread")]
async fn good_bad_and_unknown_releases_exit_0_1_and_2() {
    let (Some(prometheus), Some(alertmanager), Some(gateway), Some(kubeconfig)) =
        (server("LAB_PROMETHEUS"), server("LAB_ALERTMANAGER_1"), server("LAB_PUSHGATEWAY"), lab::kubeconfig())
    else {
        return;
    };
    let (places, space) = (Places { prometheus, alertmanager }, Space::new("verify"));
    deploy(&space);
    let names: BTreeMap<&'static str, String> = ["sound", "mixed", "burning", "failing"].map(|service| (service, format!("{service}-{}", space.name))).into();
    let pushed = Pushed::new(&gateway, "verify");
    let measure = |(service, name): (&&str, &String)| {
        let errors = if *service == "failing" { 0.17 } else { 0.002 };
        format!("service_error_ratio{{service=\"{name}\"}} {errors}\nservice_latency_p99_seconds{{service=\"{name}\"}} 0.2\n")
    };
    let lines: String = names.iter().map(measure).collect();
    pushed.push(&grouped(&lines)).await;
    fire(&places.alertmanager, "burning", &space.name, jiff::SignedDuration::from_mins(5)).await;

    let digest = space.kubectl(&["get", "pods", "-l", "app=sound", "-o", "jsonpath={.items[0].status.containerStatuses[0].imageID}"]);
    let cases = cases(&places, &names, &digest);
    let told: Vec<(Option<i32>, Value)> = thread::scope(|scope| {
        let under_way: Vec<_> = cases.iter().map(|case| scope.spawn(|| verified(&kubeconfig, &space, case))).collect();
        under_way.into_iter().map(|one| one.join().expect("it ends")).collect()
    });
    fire(&places.alertmanager, "burning", &space.name, jiff::SignedDuration::ZERO).await;
    pushed.take_back().await;
    for (case, (code, said)) in cases.iter().zip(told) {
        let (service, why) = (case.service, said["environments"][0]["why"].as_str().unwrap_or_default());
        assert_eq!(code, Some(case.code), "{service} {:?}: {said:#}", case.more);
        assert!(case.why.iter().all(|part| why.contains(part)) && !why.contains("hush"), "{service} {:?}: {why}", case.more);
        let point =
            |what: &str| said["environments"][0]["points"].as_array().into_iter().flatten().find(|point| point["what"] == what).cloned().unwrap_or_default();
        match service {
            "sound" if case.code == 0 && !case.more.is_empty() => assert_eq!(why, "nobody measures: smoke, gates", "{said:#}"),
            "restless" => assert_eq!(point("restarts")["state"], "bad", "{said:#}"),
            _ => {}
        }
    }
}

/// Verifies a release that never gets ready, with a policy of its environment; what became of it, and what runs then.
fn taken_back(kubeconfig: &Path, policy: &str) -> (Option<i32>, Value, String, String) {
    let space = Space::new(if policy.is_empty() { "kept" } else { "taken" });
    space.deploy("cart", 1, &[], "good");
    space.rolled_out("cart");
    // Never ready for a moment, so that the one before goes on serving, which proves it.
    space.deploy("cart", 2, &[("APP_CRASH_AFTER", "1"), ("APP_READY_AFTER", "never")], "bad");
    space.kubectl(&["patch", "deployment", "cart", "-p", r#"{"spec":{"progressDeadlineSeconds":5}}"#]);
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("config.toml");
    let source = format!("[[source]]\nkind = 'kubernetes'\nkubeconfig = '{}'\ncontexts = ['lab']\n", kubeconfig.display());
    let environment = format!("[[environment]]\nname = 'lab'\ntier = 'testing'\nmatch = [{{ context = 'lab' }}]\n{policy}");
    std::fs::write(&file, source + &environment).expect("a file");
    let out = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("HOME", home.path().to_str().expect("a path")), ("USER", "pipeline")])
        .args(["--config", file.to_str().expect("a path"), "-n", &space.name, "verify", "cart", "-e", "lab", "--auto-rollback", "--json"])
        .output()
        .expect("it runs");
    let said = serde_json::from_slice(&out.stdout).unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&out.stderr)));
    let journal = Command::new("grep").args(["-rh", "verification failed", home.path().to_str().expect("a path")]).output().expect("grep runs");
    let image = space.kubectl(&["get", "deployment", "cart", "-o", "jsonpath={.spec.template.spec.containers[0].image}"]);
    (out.status.code(), said, image, String::from_utf8_lossy(&journal.stdout).into_owned())
}

#[test]
fn without_a_person_a_release_is_taken_back_only_where_the_configuration_says_so() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let ((code, said, image, journal), kept) = thread::scope(|scope| {
        let kept = scope.spawn(|| taken_back(&kubeconfig, ""));
        (taken_back(&kubeconfig, "rollback = { automatic = 'execute', settle = '5s' }\n"), kept.join().expect("it ends"))
    });
    let rollback = &said["environments"][0]["rollback"];
    assert_eq!((code, &rollback["verdict"], image.as_str()), (Some(1), &"RECOVERED".into(), "lab/app:1"), "the release was bad: {said:#}");
    for part in ["policy: automatic = execute", "pipeline"] {
        assert!(journal.contains(part), "{part} is not in the journal: {journal}");
    }
    let why = ["timed out progressing", "it does not get ready"];
    assert!(why.iter().any(|why| journal.contains(why)), "neither its controller nor its pods are said to have given up: {journal}");
    let (code, said, image, journal) = kept;
    let why = said["environments"][0]["rollback"]["refused"].as_str().unwrap_or_default();
    assert_eq!((code, image.as_str(), journal.as_str()), (Some(1), "lab/app:2", ""), "{said:#}");
    assert!(why.contains(r#"does not say rollback = { automatic = "execute" } for lab"#), "{why}");
}

/// The exposition format wants the lines of a metric together.
fn grouped(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn a_digest_that_is_none_is_refused() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (code, _, error) = face(&kubeconfig, &["--context", "lab", "verify", "cart", "-e", "lab", "--digest", "sha256:"]);
    assert_eq!(code, Some(64), "{error}");
    assert!(error.contains("--digest takes sha256:… or its beginning"), "{error}");
}
