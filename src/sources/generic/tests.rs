use super::{
    filter::{self, Filter},
    preset::{PRESETS, Preset, filled},
    record::Record,
    *,
};
use crate::domain::{Run, RunStatus};
use serde_json::{Value, json};

/// What is wrong with a table, each as `line:column what`.
fn wrong(table: &str) -> Vec<String> {
    let source = SourceConfig::from_toml(&format!("kind = \"http\"\n{table}")).expect("its common keys are right");
    check(&source).iter().map(|error| format!("{} {}", error.place(), error.what())).collect()
}

/// What the expression of a preset makes of an answer.
fn mapped(preset: &str, answer: &Value) -> Vec<Result<Run, String>> {
    let preset = Preset::named(preset).expect("a preset");
    let made = filter::roomy(|| {
        let mut made = Vec::new();
        Filter::read(&preset.runs)?.run(answer.to_string().as_bytes(), |one| {
            made.push(one.map(|value| value.to_string()));
            true
        });
        Ok(made)
    });
    let read = |text: String| {
        let value: Value = serde_json::from_str(&text).expect("JSON");
        Record::read(&SourceId::new("http/x"), &Name::new("acme/cart"), &value).map(|record| record.run).map_err(|why| why.to_string())
    };
    made.expect("it can be read").into_iter().map(|one| one.and_then(read)).collect()
}

#[test]
fn every_preset_can_be_read_and_asks_for_what_it_uses() {
    for (name, _) in PRESETS {
        let preset = Preset::named(name).unwrap_or_else(|why| panic!("{name}: {why}"));
        filter::check(&preset.runs).unwrap_or_else(|why| panic!("{name}: {why}"));
        if let Some(each) = &preset.each {
            filter::check(&each.items).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
        let used = std::cell::RefCell::new(std::collections::BTreeSet::new());
        for text in preset.query.values().chain([&preset.path, &preset.repository]) {
            filled(text, |value| {
                used.borrow_mut().insert(value.to_owned());
                None
            });
        }
        let used: Vec<String> = used.into_inner().into_iter().filter(|value| value != "count").collect();
        assert_eq!(used, preset.values.keys().cloned().collect::<Vec<_>>(), "{name}");
        assert!(preset.token.header().is_ok() && preset.most <= 100 && !preset.remedy.is_empty(), "{name}");
    }
}

#[test]
fn what_is_right_is_said_nothing_of() {
    for table in [
        "preset = 'buildkite'\nvalues = { organization = 'acme', pipeline = 'cart' }\ntoken_env = 'T'",
        "preset = 'drone'\nurl = 'https://drone.example'\nvalues = { owner = 'acme', name = 'cart' }\ninterval = '30s'\nnewest = 50",
        "url = 'https://ci.example/api/builds'\nruns = '.[] | {id}'\ntoken_header = 'X-Key'\ntoken_env = 'T'\nquery = { limit = '50' }\nrepository = 'acme/cart'",
    ] {
        assert_eq!(wrong(table), Vec::<String>::new(), "{table}");
    }
}

#[test]
fn what_the_commented_configuration_shows_is_right() {
    let text = include_str!("../../../config/default.toml");
    let shown: Vec<String> = text
        .split("# [[source]]\n")
        .filter(|block| block.starts_with("# kind = \"http\""))
        .map(|block| {
            let lines = block.lines().take_while(|line| *line != "#").filter(|line| !line.contains("kind ="));
            lines.map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n").collect()
        })
        .collect();
    assert_eq!(shown.len(), 2);
    shown.iter().for_each(|table| assert_eq!(wrong(table), Vec::<String>::new(), "{table}"));
}

#[test]
fn every_mistake_has_its_place_and_its_remedy() {
    let known = "azure, bitbucket, buildkite, circleci, drone, teamcity, woodpecker";
    let mut missed = Vec::new();
    for (table, place, words) in [
        ("preset = 'buildkit'\nvalues = {}", ":3:10 ", &*format!("no preset of this name; known are {known}")),
        ("preset = 'buildkite'\nvalues = { organization = 'acme' }", ":4:10 ", "`pipeline` is missing: the slug of the pipeline; write values = { pipeline"),
        ("preset = 'buildkite'", ":3:10 ", "`organization` is missing"),
        ("preset = 'buildkite'\nvalues = { organization = 'acme', pipeline = ' ' }", ":4:10 ", "`pipeline` is missing"),
        (
            "preset = 'buildkite'\nvalues = { organization = 'acme', pipeline = 'cart', branch = 'main' }",
            ":4:10 ",
            "`branch` is no value of Buildkite; it needs organization, pipeline",
        ),
        ("preset = 'drone'\nvalues = { owner = 'acme', name = 'cart' }", ":3:10 ", "`url` is missing: where your Drone is"),
        ("preset = 'drone'\nurl = 'https://d'\nruns = '.'\nvalues = { owner = 'acme', name = 'cart' }", ":5:8 ", "a preset has this itself"),
        ("newest = 5", ":2:8 ", "name a preset ("),
        ("url = 'https://ci.example'", ":3:7 ", "`runs` is missing"),
        ("runs = '.'", ":3:8 ", "`url` is missing"),
        ("url = 'https://ci.example'\nruns = '.[] | {id'", ":4:8 ", "line 1, column 10 of the expression: closing brace is expected before its end"),
        ("url = 'https://ci.example'\nruns = '''\n.[]\n| {id: bulid(.)}'''", ":4:8 ", "line 2, column 8 of the expression: there is no filter `bulid`"),
        ("url = 'https://ci.example'\nruns = '$name'", ":4:8 ", "there is no variable `$name`"),
        ("url = 'https://ci.example'\nruns = 'include \"x\"; .'", ":4:8 ", "modules are not read here"),
        ("url = 'https://ci.example'\nruns = ''", ":4:8 ", "line 1, column 1 of the expression: term is expected before its end"),
        ("url = 'https://ci.example'\nruns = '.'\nvalues = { a = 'b' }", ":5:10 ", "values are for a preset"),
        ("url = 'https://ci.example'\nruns = '.'\ntoken_header = 'X Key'", ":5:16 ", "`X Key` is not the name of a header"),
        ("url = 'https://ci.example'\nruns = '.'\ntoken_header = 'X-Key'\nusername = 'kim'", ":5:16 ", "keep one of username and token_header"),
        ("url = 'https://ci.example'\nruns = '.'\ninterval = '1s'", ":5:12 ", "from 5s to 1h"),
        ("url = 'https://ci.example'\nruns = '.'\ninterval = 'often'", ":5:12 ", "is not a duration"),
        ("url = 'https://ci.example'\nruns = '.'\nnewest = 0", ":5:10 ", "0 is not between 1 and 100"),
        ("url = 'https://ci.example?limit=5'\nruns = '.'", ":3:7 ", "leave out what follows ?"),
        ("url = 'http://ci.example'\nruns = '.'\ntoken_env = 'T'", ":3:7 ", "in the clear"),
        ("url = 'https://ci.example'\nruns = '.'\nrusn = '.'", ":5:1 ", "`rusn` is not known here; did you mean `runs`?"),
    ] {
        let found = wrong(table);
        if !found.iter().any(|error| error.contains(place) && error.contains(words)) {
            missed.push(format!("{table}:\n{found:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_source_with_a_mistake_is_known_and_not_dialled() {
    let table = SourceConfig::from_toml("kind = 'http'\npreset = 'drone'\nname = 'ours'").expect("a table");
    match paced(&table, Pace::USUAL, Worker::own()) {
        Made::Broken(id, why) => assert!(id.as_str() == "drone/ours" && why.words.contains("`name` is missing"), "{id}: {}", why.words),
        _ => panic!("it must not be made"),
    }
}

#[test]
fn sources_are_called_by_what_they_are_and_look_at() {
    let id = |table: &str| match paced(&SourceConfig::from_toml(&format!("kind = 'http'\n{table}")).expect("a table"), Pace::USUAL, Worker::own()) {
        Made::Source(source) => source.id().to_string(),
        Made::Broken(_, why) => panic!("{}", why.words),
        _ => panic!("it is made"),
    };
    assert_eq!(id("preset = 'buildkite'\nvalues = { organization = 'acme', pipeline = 'cart' }"), "buildkite/acme/cart");
    assert_eq!(id("url = 'https://ci.example:8443/api'\nruns = '.[]'"), "http/ci.example:8443");
    assert_eq!(id("url = 'https://ci.example/api'\nruns = '.[]'\nname = 'nightly'"), "http/nightly");
}

#[test]
fn so_deep_an_expression_that_reading_it_takes_much_room_is_read_and_a_longer_one_refused() {
    let deep = |depth: usize| format!("{}.{}", "(".repeat(depth), ")".repeat(depth));
    for code in [deep(2_047), format!("{}1", "-".repeat(4_095)), format!("{}{}", "[".repeat(2_048), "]".repeat(2_048)), format!("{}.", "try ".repeat(1_023))] {
        assert_eq!(filter::check(&code), Ok(()));
    }
    assert!(filter::check(&"(".repeat(4_096)).is_err());
    assert!(filter::check(&deep(2_048)).is_err_and(|why| why.contains("longer than 4096 bytes")));
}

#[test]
fn an_error_at_one_place_loses_nothing_else() {
    let mut made = Vec::new();
    let read = filter::roomy(|| {
        Filter::read(".[] | {id: .id, title: (.title | split(\" \") | .[0])}")?.run(br#"[{"id":1,"title":"a b"},{"id":2},{"id":3,"title":"c"}]"#, |one| {
            made.push(one.map(|value| value.to_string()));
            true
        });
        Ok(())
    });
    assert!(read.is_ok() && made.len() == 3 && made[1].is_err(), "{made:?}");
    assert_eq!((made[0].as_deref(), made[2].as_deref()), (Ok("{\"id\":1,\"title\":\"a\"}"), Ok("{\"id\":3,\"title\":\"c\"}")));
}

/// How each system says something, and what that is.
fn told(preset: &str, status: &str) -> RunStatus {
    let (state, outcome) = status.split_once('/').map_or((status, None), |(state, outcome)| (state, Some(outcome)));
    let one = json!({ "id": 7, "number": 7, "state": state, "status": state, "result": outcome });
    let answer = match preset {
        "azure" => json!({ "value": [one] }),
        "circleci" => json!({ "of": { "id": "p", "number": 7 }, "answer": { "items": [one] } }),
        "bitbucket" => {
            let state = json!({ "name": state, "result": outcome.map(|name| json!({ "name": name })), "stage": outcome.map(|name| json!({ "name": name })) });
            json!({ "values": [{ "build_number": 7, "state": state }] })
        }
        "teamcity" => json!({ "build": [{ "id": 7, "state": state, "status": outcome }] }),
        _ => json!([one]),
    };
    mapped(preset, &answer).remove(0).unwrap_or_else(|why| panic!("{preset} {status}: {why}")).status
}

#[test]
fn every_word_of_every_system_is_told_in_ours() {
    let words: &[(&str, &str, &str)] = &[
        ("buildkite", "queued", "creating scheduled waiting"),
        ("buildkite", "running", "running failing canceling"),
        ("buildkite", "failed", "failed waiting_failed"),
        ("buildkite", "waiting", "blocked"),
        ("buildkite", "ok", "passed"),
        ("buildkite", "cancelled", "canceled"),
        ("buildkite", "skipped", "skipped not_run"),
        ("circleci", "running", "running failing"),
        ("circleci", "waiting", "on_hold"),
        ("circleci", "ok", "success"),
        ("circleci", "failed", "failed error unauthorized"),
        ("circleci", "cancelled", "canceled"),
        ("circleci", "skipped", "not_run"),
        ("drone", "queued", "pending waiting_on_dependencies"),
        ("drone", "running", "running"),
        ("drone", "waiting", "blocked"),
        ("drone", "ok", "success"),
        ("drone", "failed", "failure error"),
        ("drone", "cancelled", "killed declined"),
        ("drone", "skipped", "skipped"),
        ("woodpecker", "queued", "created pending"),
        ("woodpecker", "running", "running"),
        ("woodpecker", "waiting", "blocked"),
        ("woodpecker", "ok", "success"),
        ("woodpecker", "failed", "failure error"),
        ("woodpecker", "cancelled", "killed canceled declined"),
        ("woodpecker", "skipped", "skipped"),
        ("azure", "queued", "notStarted"),
        ("azure", "running", "inProgress cancelling inProgress/failed"),
        ("azure", "waiting", "postponed"),
        ("azure", "ok", "completed/succeeded"),
        ("azure", "warning", "completed/partiallySucceeded"),
        ("azure", "failed", "completed/failed"),
        ("azure", "cancelled", "completed/canceled"),
        ("bitbucket", "queued", "PENDING"),
        ("bitbucket", "running", "IN_PROGRESS IN_PROGRESS/RUNNING"),
        ("bitbucket", "waiting", "IN_PROGRESS/PAUSED IN_PROGRESS/HALTED PAUSED HALTED"),
        ("bitbucket", "ok", "COMPLETED/SUCCESSFUL"),
        ("bitbucket", "failed", "COMPLETED/FAILED COMPLETED/ERROR COMPLETED/EXPIRED"),
        ("bitbucket", "cancelled", "COMPLETED/STOPPED"),
        ("teamcity", "queued", "queued"),
        ("teamcity", "running", "running/SUCCESS running/FAILURE"),
        ("teamcity", "ok", "finished/SUCCESS"),
        ("teamcity", "failed", "finished/FAILURE finished/ERROR"),
        ("teamcity", "cancelled", "finished/UNKNOWN"),
    ];
    for (preset, ours, theirs) in words {
        for word in theirs.split(' ') {
            assert_eq!(&*told(preset, word).word(), *ours, "{preset}: {word}");
        }
    }
}

#[test]
fn a_word_that_a_preset_does_not_know_is_told_as_it_is() {
    for (preset, word, said) in [
        ("buildkite", "frozen", "frozen"),
        ("circleci", "frozen", "frozen"),
        ("drone", "frozen", "frozen"),
        ("woodpecker", "frozen", "frozen"),
        ("azure", "frozen", "frozen"),
        ("azure", "completed/frozen", "frozen"),
        ("azure", "completed", "completed without a result"),
        ("bitbucket", "FROZEN", "FROZEN"),
        ("bitbucket", "COMPLETED/FROZEN", "FROZEN"),
        ("bitbucket", "IN_PROGRESS/FROZEN", "FROZEN"),
        ("teamcity", "finished/FROZEN", "FROZEN"),
        ("teamcity", "deleted", "deleted"),
    ] {
        assert_eq!(told(preset, word), RunStatus::Unknown(Clean::from_untrusted(said)), "{preset}: {word}");
    }
}

#[test]
fn a_record_with_nothing_but_an_id_is_a_run_all_the_same() {
    let bare = json!({ "id": 7, "number": null, "state": null, "status": null, "build_number": 7, "message": null, "pipeline": null });
    for (preset, answer) in [
        ("buildkite", json!([{ "id": "u", "number": null }, bare])),
        ("circleci", json!({ "of": { "id": "p" }, "answer": { "items": [bare] } })),
        ("circleci", json!({ "of": { "id": "p" }, "answer": null })),
        ("drone", json!([{ "number": 7 }])),
        ("woodpecker", json!([{ "number": 7 }])),
        ("azure", json!({ "value": [bare] })),
        ("bitbucket", json!({ "values": [bare, { "build_number": 8, "state": null, "target": null }] })),
        ("teamcity", json!({ "build": [bare, { "id": 8, "revisions": { "revision": [] } }] })),
    ] {
        for run in mapped(preset, &answer) {
            let run = run.unwrap_or_else(|why| panic!("{preset}: {why}"));
            assert!(matches!(run.status, RunStatus::Unknown(_)), "{preset}: {run:?}");
        }
    }
    assert_eq!(mapped("teamcity", &json!({ "count": 0 })).len(), 0);
}

#[test]
fn a_pipeline_of_circleci_without_workflows_says_how_far_it_came() {
    let of =
        |state: &str| mapped("circleci", &json!({ "of": { "id": "p", "number": 9, "state": state }, "answer": { "items": [] } })).remove(0).expect("a run");
    assert_eq!((of("created").status, of("setup").status, of("errored").status), (RunStatus::Queued, RunStatus::Running, RunStatus::Failed));
    assert_eq!(of("created").number, 9);
}
