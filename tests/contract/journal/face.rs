//! The program itself, with a team's journal.

use super::base::{Base, server};
use crate::kubernetes::lab::{self, Space};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

/// The program with a configuration of its own, whose journal is `url`.
fn face(home: &Path, url: &str, arguments: &[&str]) -> Command {
    let file = home.join("c.toml");
    let config = format!(
        "[journal]\nurl = '{url}'\npassword_env = 'DB_PASSWORD'\n[[environment]]\nname = 'development'\ntier = 'development'\nmatch = [{{ context = 'lab' }}]\n"
    );
    std::fs::write(&file, config).expect("a file of ours");
    let mut face = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
    face.env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home)
        .env("KUBECONFIG", lab::kubeconfig().expect("the lab"))
        .env("DB_PASSWORD", std::env::var("LAB_POSTGRES_PASSWORD").expect("lab.env sets it"))
        .args(["--config", &file.display().to_string(), "--context", "lab"])
        .args(arguments);
    face
}

fn run(home: &Path, url: &str, arguments: &[&str]) -> Output {
    face(home, url, arguments).output().expect("it runs")
}

fn json(out: &Output) -> Value {
    serde_json::from_slice(&out.stdout).unwrap_or_else(|why| panic!("{why}: {}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

/// What doctor says of the journal: state and words.
fn doctor(home: &Path, url: &str) -> (String, String) {
    let said = json(&run(home, url, &["doctor", "--json"]));
    let journal = said["looked"].as_array().expect("a list").iter().find(|one| one["what"] == "journal").expect("it looks at the journal");
    (journal["state"].as_str().expect("a word").to_owned(), journal["words"].as_str().expect("words").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_written_into_the_teams_journal_and_is_not_done_without_it() {
    let Some(base) = Base::new("face") else { return };
    let space = Space::new("journal");
    space.deploy("cart", 1, &[], "good");
    space.rolled_out("cart");
    space.deploy("cart", 2, &[("APP_CRASH_AFTER", "1"), ("APP_READY_AFTER", "never")], "bad");
    let image = || space.kubectl(&["get", "deployment", "cart", "-o", "jsonpath={.spec.template.spec.containers[0].image}"]);
    let go = ["-n", &space.name, "rollback", "cart", "-e", "development", "--yes", "--reason", "it crashes", "--json"];
    // The first port is never anybody's.
    let (home, there, away) = (base.home.path(), base.url("lab", &server()), base.url("lab", "127.0.0.1:1"));

    let out = run(home, &away, &go);
    let said = json(&out);
    assert_eq!((out.status.code(), image().as_str()), (Some(2), "lab/app:2"), "{said:#}");
    let why = said["refused"].as_str().unwrap_or_default();
    assert!(why.contains("no plan is made") && why.contains("Connection refused") && why.contains("PILOTHOUSE_JOURNAL_URL=file"), "{said:#}");
    let (state, words) = doctor(home, &away);
    assert!(state == "bad" && words.contains("127.0.0.1:1") && words.contains("nothing can be changed"), "{state} {words}");

    let mut running = face(home, &there, &go).stdout(Stdio::null()).spawn().expect("it runs");
    let lines = || match base.sql("SELECT to_regclass('pilothouse_journal') IS NULL").as_str() {
        "t" => String::new(),
        _ => base.sql("SELECT line FROM pilothouse_journal ORDER BY seq"),
    };
    lab::eventually("the outcome is written", async || lines().contains("\"kind\":\"outcome\"").then_some(())).await;
    running.kill().expect("it watches");
    running.wait().expect("it ends");
    assert_eq!(image(), "lab/app:1");
    let lines = lines();
    let kinds: Vec<String> = lines.lines().filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?["kind"].as_str()?.to_owned())).collect();
    let of_it: Vec<&str> = kinds.iter().map(String::as_str).filter(|kind| *kind != "observed").collect();
    assert_eq!(of_it, ["intent", "outcome"], "{lines}");
    assert_eq!(tokio::task::block_in_place(|| super::sound(&base.journal())).entries as usize, lines.lines().count());
    assert_eq!(doctor(home, &there), ("ok".to_owned(), there.clone()));
    assert!(!lines.contains(&std::env::var("LAB_POSTGRES_PASSWORD").expect("lab.env sets it")), "{lines}");

    // Whoever shares the journal finds what it left open, with a home of its own too.
    let operation = lines.lines().find_map(|line| serde_json::from_str::<Value>(line).ok()?["op"].as_str().map(str::to_owned)).expect("an operation");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let out = run(elsewhere.path(), &there, &["-n", &space.name, "rollback", "--resume", "nobody-1", "--json"]);
    let error = json(&out)["error"].as_str().unwrap_or_default().to_owned();
    assert!(out.status.code() == Some(1) && error.ends_with(&format!("open are {operation}")), "{error}");
}
