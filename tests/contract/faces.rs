//! What the faces without a terminal say of a real cluster.

use crate::kubernetes::lab::{self, Space};
use std::{path::Path, process::Command};

/// A face of the program, with the lab's kubeconfig and nothing else: its exit code, and what it printed.
pub fn face(kubeconfig: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().expect("a folder");
    let out = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.path())
        .env("KUBECONFIG", kubeconfig)
        .args(arguments)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

/// The same in a namespace of the lab, as JSON.
pub fn told(kubeconfig: &Path, space: &Space, arguments: &[&str]) -> (Option<i32>, serde_json::Value) {
    let (code, out, error) = face(kubeconfig, &[&["--context", "lab", "-n", &space.name], arguments, &["--json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {out}{error}")))
}

#[test]
fn the_plan_of_a_stateful_set_and_of_a_daemon_set_names_both_versions() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("named");
    for (kind, name) in [("StatefulSet", "web"), ("DaemonSet", "agent")] {
        for version in [1, 2] {
            space.apply(&crate::kubernetes::sets::manifest(kind, name, version, &[]).to_string());
            space.object_rolled_out(&format!("{}/{name}", kind.to_lowercase()));
        }
        let (code, said) = told(&kubeconfig, &space, &["rollback", name, "-e", "lab", "--dry-run"]);
        let named = (&said["from"]["version"], &said["from"]["revision"], &said["to"]["version"], &said["to"]["revision"]);
        assert_eq!((code, named), (Some(0), (&"2".into(), &2.into(), &"1".into(), &1.into())), "{said:#}");
    }
}

/// Who may look into one namespace only does not hear that nothing runs in the others.
#[test]
fn where_we_may_not_look_nothing_is_said_to_be_absent() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (code, out, _) = face(&kubeconfig, &["--context", "limited", "status"]);
    assert_eq!(code, Some(2), "{out}");
    let parts =
        ["it is not known what runs elsewhere", "only namespace shop is shown; check with `kubectl auth can-i list deployments.apps -A --context limited`"];
    assert!(parts.iter().all(|part| out.contains(part)), "{out}");
    let (code, _, error) = face(&kubeconfig, &["--context", "limited", "rollback", "web", "-e", "staging"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("web in staging could not be asked") && error.contains("only namespace shop is shown"), "{error}");
}

#[test]
fn a_namespace_that_does_not_exist_is_not_an_empty_one() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let (code, out, _) = face(&kubeconfig, &["--context", "lab", "-n", "nope", "status"]);
    assert_eq!(code, Some(2), "{out}");
    assert!(out.contains("there is no namespace nope in lab"), "{out}");
    let (code, _, error) = face(&kubeconfig, &["--context", "lab", "-n", "nope", "rollback", "cart", "-e", "nope"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("there is no namespace nope in lab"), "{error}");
}

/// A template that was changed while the Deployment was paused runs nowhere, and the plan does not ship it.
#[test]
fn what_waits_because_of_a_pause_is_told_apart_from_what_runs() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("paused");
    space.deploy("cart", 1, &[], "good");
    space.rolled_out("cart");
    space.kubectl(&["rollout", "pause", "deployment/cart"]);
    space.deploy("cart", 2, &[("APP_CRASH_AFTER", "1")], "waits");
    let (code, said) = told(&kubeconfig, &space, &["status"]);
    let cell = &said["services"][0]["environments"][0];
    assert_eq!((code, &cell["version"], &cell["state"], &cell["serving"]["ready"]), (Some(1), &"1 → 2".into(), &"stuck".into(), &2.into()), "{cell:#}");
    let (code, said) = told(&kubeconfig, &space, &["rollback", "cart", "-e", "lab", "--dry-run"]);
    assert_eq!((code, &said["to"]["revision"]), (Some(1), &1.into()), "{said:#}");
    let checks = said["checks"].as_array().expect("checks");
    let paused = checks.iter().find(|check| check["check"] == "paused").expect("it is checked");
    assert_eq!(paused["outcome"], "block", "{paused}");
    assert!(paused["sentence"].as_str().is_some_and(|words| words.contains("its changed template waits")), "{paused}");
}
