//! Taking a service of a swarm back: the swarm keeps one specification before the newest, and a way back swaps the two.

use super::{
    cut::Cut,
    engine::{self, Engine, left_out},
};
use serde_json::Value;
use std::{path::Path, process::Command};

/// The good version, and the bad one under the same image.
const GOOD: &str = "pilothouse/box:1";
const BAD: &str = "pilothouse/box:2";

/// A face of the program on an engine, with a home of its own: its exit code and its answer.
pub fn face(engine: &Engine, home: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    face_at(&engine.host(), home, arguments)
}

/// The same, where the engine is reached by another way.
pub fn face_at(host: &str, home: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let out = program(host, home, arguments).output().expect("it runs");
    let text = String::from_utf8_lossy(&out.stdout);
    (out.status.code(), serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}{}", String::from_utf8_lossy(&out.stderr))))
}

/// The program with an engine at `host`, which it is told to answer about in JSON.
pub fn program(host: &str, home: &Path, arguments: &[&str]) -> Command {
    let config = format!(
        "[[source]]\nkind = 'docker'\nhost = '{host}'\n[[environment]]\nname = 'development'\ntier = 'development'\nmatch = [{{ source = 'docker*' }}]\n",
    );
    std::fs::write(home.join("c.toml"), config).expect("a file of ours");
    let mut program = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
    let file = home.join("c.toml").display().to_string();
    program.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).args(["--config", &file]).args(arguments).arg("--json");
    program
}

/// A swarm with a service whose newest specification can not start, because its update was paused by the failure.
fn bad_service() -> Engine {
    let engine = Engine::own();
    engine.docker(&["tag", engine::IMAGE, BAD]);
    engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0"]);
    let script = ["/bin/sh", "-c"];
    let create = ["service", "create", "--no-resolve-image", "--network", "host", "--restart-delay", "500ms", "--replicas", "2", "--name", "web", "--quiet"];
    engine.docker(&[&create[..], &["--update-monitor", "5s", GOOD], &script[..], &["sleep 1000"]].concat());
    // All tasks at once: with one after the other it is chance whether the second one is replaced before the first one has failed.
    let update = ["service", "update", "--detach", "--no-resolve-image", "--quiet", "--update-parallelism", "0", "--image", BAD];
    engine.docker(&[&update[..], &["--args", "/bin/sh -c 'exit 3'", "web"]].concat());
    engine
}

fn image(engine: &Engine) -> String {
    engine.docker(&["service", "inspect", "web", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}"]).trim().to_owned()
}

#[test]
fn a_bad_service_is_taken_back_once_recovers_and_a_second_press_is_guarded() {
    if left_out("swarm") {
        return;
    }
    let (engine, home) = (bad_service(), tempfile::tempdir().expect("a folder"));
    let began = std::time::Instant::now();
    while !engine.docker(&["service", "inspect", "web", "--format", "{{.UpdateStatus.State}}"]).contains("paused") {
        assert!(began.elapsed() < std::time::Duration::from_secs(240), "the update was not paused: {}", engine.docker(&["service", "ps", "web"]));
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let back = ["rollback", "web", "-e", "development"];
    let (code, plan) = face(&engine, home.path(), &[&back[..], &["--dry-run"]].concat());
    assert_eq!(
        (code, &plan["from"]["version"], &plan["to"]["version"], &plan["to"]["class"]),
        (Some(0), &"2".into(), &"1".into(), &"not verified good".into()),
        "{plan:#}{}",
        engine.docker(&["service", "ps", "web", "--no-trunc"])
    );
    // Nobody has watched it, and the swarm has replaced all of its tasks: it is known only that they ran.
    assert!(plan["to"]["why"].as_str().is_some_and(|why| why.contains("served")), "{plan:#}");
    let changed: Vec<&str> = plan["difference"].as_array().expect("a difference").iter().filter_map(|one| one["path"].as_str()).collect();
    assert!(changed.contains(&"image") && changed.contains(&"args"), "{changed:?}");
    assert_eq!(plan["command"], "docker service rollback web");
    let checks = plan["checks"].as_array().expect("checks");
    let outcome = |kind: &str| checks.iter().find(|check| check["check"] == kind).map(|check| check["outcome"].as_str().unwrap_or_default().to_owned());
    assert_eq!((outcome("rights"), outcome("image"), outcome("strategy")), (Some("ok".into()), Some("ok".into()), Some("warn".into())), "{plan:#}");

    // The answer to the one request gets lost: it is read whether it was carried out, and nothing is sent again.
    let cut = Cut::new(&engine.host(), "/update?");
    let (code, done) = face_at(&cut.host(), home.path(), &[&back[..], &["--yes", "--reason", "it ends with 3"]].concat());
    assert_eq!(cut.changes().len(), 1, "{:?}", cut.changes());
    assert_eq!((code, &done["verdict"]), (Some(0), &"RECOVERED".into()), "{done:#}");
    assert_eq!(image(&engine), GOOD);
    assert_eq!(engine.docker(&["service", "inspect", "web", "--format", "{{.UpdateStatus.Message}}"]).trim(), "rollback completed");

    // What was rolled back from is the one specification before now: nobody goes there with one key.
    let (code, again) = face_at(&cut.host(), home.path(), &[&back[..], &["--dry-run"]].concat());
    assert_eq!((code, again["no_target"].is_string()), (Some(1), true), "{again:#}");
    let (code, forward) = face_at(&cut.host(), home.path(), &[&back[..], &["--to", "previous", "--yes", "--reason", "again"]].concat());
    assert_eq!(code, Some(77), "{forward:#}");
    assert_eq!(image(&engine), GOOD, "nothing was sent");
}
