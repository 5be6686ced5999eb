//! What a table may say, and what answers of Jenkins become where that needs no server.

use super::{
    tree::Item,
    wire::{Build, Queued, decoded},
    *,
};
use crate::domain::RunStatus;
use serde_json::{Value, json};

fn errors(table: &str) -> String {
    let source = SourceConfig::from_toml(&format!("kind = 'jenkins'\n{table}")).expect("a table");
    check(&source).iter().map(|error| format!("{}: {}", error.place(), error.what())).collect::<Vec<_>>().join("; ")
}

fn api() -> Api {
    let login = Login { host: "ci.example".into(), url: "https://ci.example/ci".into(), token: None };
    let http = Http::new(Settings { url: "https://ci.example/ci".into(), ..Settings::default() }).expect("a client");
    Api::new(SourceId::new("jenkins/ci.example"), login, http, Pace::USUAL, Gates::default())
}

fn item(path: &str) -> Item {
    Item { path: path.into(), branch: None, pipeline: true, next: 1, last: None }
}

#[test]
fn a_table_that_can_not_be_says_what_to_write() {
    assert_eq!(errors("url = 'https://ci.example'\nusername = 'kim'\ntoken_env = 'T'"), "");
    assert_eq!(errors("url = 'https://ci.example'"), "", "anybody may be let in");
    for (table, words) in [
        ("url = 'https://ci.example'\ntoken_env = 'T'", "username is missing"),
        ("url = 'https://ci.example'\nusername = 'kim'", "the API token is missing"),
        ("url = 'https://ci.example'\njobs = ['shop//cart']", "\"shop/cart\""),
        ("username = 'kim'", "url"),
        ("url = 'https://ci.example'\nrepositories = ['x']", "repositories"),
    ] {
        assert!(errors(table).contains(words), "{table}: {}", errors(table));
    }
}

#[test]
fn it_is_called_after_its_host_or_as_the_configuration_says() {
    let id =
        |table: &str| named(&SourceConfig::from_toml(&format!("kind = 'jenkins'\n{table}")).expect("a table"), Some("https://ci.example:8443/x")).to_string();
    assert_eq!((id("").as_str(), id("name = 'builds'").as_str()), ("jenkins/ci.example:8443", "jenkins/builds"));
}

#[test]
fn what_waits_is_joined_to_its_job_by_the_path_whatever_host_it_names() {
    let path = |url: &str| serde_json::from_value::<Queued>(json!({ "task": { "url": url } })).expect("an item").path();
    for (url, wanted) in [
        ("http://localhost:8080/job/cart/", Some("cart")),
        ("https://wrong.example/ci/job/shop/job/cart/job/feature%252Fx/", Some("shop/cart/feature%2Fx")),
        ("job/nightly%20build/", Some("nightly build")),
        // A pipeline that waits for an executor in the middle names its build.
        ("https://ci.example/job/cart/12/", None),
        ("https://ci.example/computer/x/", None),
        ("", None),
    ] {
        assert_eq!(path(url).as_deref(), wanted, "{url}");
    }
    assert_eq!((decoded("a%2Fb%"), decoded("%zz"), decoded("%c3%a9")), ("a/b%".into(), "%zz".into(), "é".into()));
}

#[test]
fn what_people_see_is_the_change_else_its_name_else_its_parameters_else_why_it_was_begun() {
    let title = |more: Value| {
        let mut raw = json!({ "number": 7, "displayName": "#7", "actions": [null, {}, { "causes": [{ "shortDescription": "Started by timer" }] }] });
        more.as_object().into_iter().flatten().for_each(|(key, value)| raw[key] = value.clone());
        serde_json::from_str::<Build>(&raw.to_string()).expect("a build").run(&api(), &item("cart"), None, None).title.to_string()
    };
    let change = json!({ "items": [{ "msg": "Price it" }] });
    let parameters = json!([{ "parameters": [{ "name": "VERSION", "value": "2.8.0" }] }]);
    assert_eq!(title(json!({ "changeSets": [{ "items": [] }, change], "displayName": "2.8.0", "actions": parameters })), "Price it");
    assert_eq!(title(json!({ "changeSet": change })), "Price it");
    assert_eq!(title(json!({ "displayName": "2.8.0", "actions": parameters })), "2.8.0");
    assert_eq!(title(json!({ "actions": parameters })), "VERSION=2.8.0");
    assert_eq!(title(json!({})), "Started by timer");
    assert_eq!(title(json!({ "actions": null, "displayName": null })), "");
}

#[test]
fn how_a_build_stands_and_how_long_it_takes_is_told_by_what_is_over() {
    let build = |raw: Value| serde_json::from_str::<Build>(&raw.to_string()).expect("a build");
    for (raw, status, took) in [
        (json!({ "building": true, "result": "FAILURE" }), RunStatus::Running, None),
        (json!({ "building": false, "result": "SUCCESS", "duration": 61_000 }), RunStatus::Success, Some(61)),
        (json!({ "building": false, "result": "UNSTABLE", "duration": 61_000 }), RunStatus::Warn, None),
        (json!({ "building": false, "result": null, "duration": 61_000 }), RunStatus::Lost, None),
        (json!({ "building": true, "result": null, "inProgress": false }), RunStatus::Running, None),
        (json!({ "building": true, "result": null, "inProgress": false, "executor": {} }), RunStatus::Running, None),
        (json!({ "building": true, "result": null, "inProgress": false, "executor": null }), RunStatus::Lost, None),
        (json!({ "building": true, "result": null, "inProgress": true, "executor": null }), RunStatus::Running, None),
        (json!({ "building": true, "result": "FAILURE", "inProgress": false, "executor": null }), RunStatus::Running, None),
        (json!({ "result": "SOMETHING NEW" }), RunStatus::Unknown("something new".into()), None),
        (json!({ "building": null, "duration": null }), RunStatus::Unknown("no result".into()), None),
    ] {
        let build = build(raw.clone());
        assert_eq!((build.status(), build.took()), (status, took), "{raw}");
    }
    let running = build(json!({ "number": 1, "building": true, "timestamp": 1_461_091_892_486_i64, "duration": 0, "estimatedDuration": 60_258 }));
    let run = running.run(&api(), &item("cart"), None, None);
    assert_eq!((run.usual, run.ended, run.started.map(|at| at.as_second())), (Some(60), None, Some(1_461_091_892)));
    assert_eq!(running.run(&api(), &item("cart"), Some(50), None).usual, Some(50), "what was measured goes before what Jenkins thinks");
}

/// Recorded answers of others, where they are at hand (`PILOTHOUSE_SPECS` names the folder): each is read, and says something.
#[test]
fn recorded_answers_can_be_read() {
    let Some(folder) = std::env::var_os("PILOTHOUSE_SPECS").map(|folder| PathBuf::from(folder).join("jenkins")) else { return };
    let json = |name: &str| serde_json::from_slice::<Value>(&std::fs::read(folder.join(name)).expect("a sample")).expect("JSON");
    for (name, status) in [("rest-build-info.json", RunStatus::Success), ("rest-build-info-git-commit.json", RunStatus::Success)] {
        let build: Build = serde_json::from_str(&json(name).to_string()).expect("a build");
        let run = build.run(&api(), &item("fish"), None, None);
        assert!(run.status == status && run.number > 0 && run.ended.is_some() && !run.title.is_empty() && !run.actor.is_empty(), "{name}: {run:?}");
    }
    let queue: Vec<Queued> = serde_json::from_str(&json("rest-queue.json")["items"].to_string()).expect("a queue");
    assert_eq!(queue.iter().filter_map(Queued::path).collect::<Vec<_>>(), ["chicken", "Freestyle"]);
    for (name, pointer, count) in [
        ("rest-workflow.json", "/stages", 3),
        ("wfapi-runs-04_rest_api_runs_failed.json", "/0/stages", 3),
        ("wfapi-runs-07_rest_api_runs_in_progress.json", "/0/stages", 2),
    ] {
        let stages = stages::known(json(name).pointer(pointer).cloned());
        assert!(stages.len() == count && stages.iter().all(|status| !matches!(status, RunStatus::Unknown(_))), "{name}: {stages:?}");
    }
}
