//! What would be refused, and what answers mean, where that needs no server.

use super::{
    answer::{Sent, sent, told},
    force::may_be_killed,
    input::{Input, of_stage_view},
    now::Pages,
    rebuild::{Rebuild, WireJob},
    *,
};
use crate::{
    domain::{Again, Inputs, RunNow, RunStatus},
    sources::{
        http::{HeaderMap, Reply, StatusCode, Url},
        jenkins::wire::{Build, Queued},
    },
    store::fixture,
};
use bytes::Bytes;
use serde_json::{Value, json};

fn now(status: RunStatus, what: What) -> Now {
    let mut run = fixture::run(311);
    run.status = status;
    let again = Again::Anew { newest: None, same: Clean::EMPTY };
    let pages = Pages { job: "https://ci.example/job/cart/".into(), build: "https://ci.example/job/cart/311/".into() };
    Now { run: RunNow { run, failed: Vec::new(), held: Vec::new(), again, inputs: Ok(Inputs::default()) }, path: "cart".into(), number: 311, pages, what }
}

fn login() -> Login {
    Login { host: "ci.example".into(), url: "https://ci.example/ci".into(), token: Some(("kim".into(), "the variable T".into())) }
}

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_str(&value.to_string()).expect("it can be read")
}

#[test]
fn what_jenkins_would_refuse_is_said_before_and_nothing_is_asked_for() {
    let asks = |list: Value| What::Asks(Some(of_stage_view(parse(list))));
    let one = |wants: Value| json!([{ "id": "Go", "message": "Ship?", "inputs": wants }]);
    let (running, failed) = (RunStatus::Running, RunStatus::Failed);
    for (verb, status, what, words) in [
        (Verb::Rerun, &running, What::Rebuild(Rebuild::default()), "it is not over"),
        (Verb::Cancel, &failed, What::Build, "nothing is left to stop"),
        (Verb::ForceCancel, &failed, What::Build, "nothing is left to stop"),
        (Verb::ForceCancel, &running, What::Force(None), "only pipelines"),
        (Verb::Approve, &failed, What::Build, "asks nobody"),
        (Verb::Approve, &running, What::Asks(None), "neither Pipeline: Stage View nor"),
        (Verb::Reject, &running, asks(json!([])), "asks nobody"),
        (Verb::Approve, &running, asks(one(json!([{ "type": "FileParameterDefinition", "name": "dump" }]))), "a file: dump"),
        (Verb::Approve, &running, asks(one(json!([7]))), "which ones is not told"),
        (Verb::Approve, &running, asks(json!([{ "id": "Go", "proceedUrl": "/x/wfapi/inputSubmit?inputId=Go" }])), "which ones is not told"),
        (Verb::Approve, &running, asks(json!([{ "id": "A" }, { "id": "B" }])), "several things at once: A; B"),
        (Verb::Cancel, &running, What::Queued { began: Some(312) }, "build #312"),
        (Verb::Cancel, &RunStatus::Cancelled, What::Queued { began: None }, "was taken out"),
        (Verb::ForceCancel, &RunStatus::Queued, What::Queued { began: None }, "nothing of it runs yet"),
    ] {
        let now = now(status.clone(), what);
        let found = can(verb, &now);
        assert!(found.outcome == Outcome::Block && found.sentence.contains(words), "{verb:?} {now:?}: {found:?}");
    }
    let ready = |verb, status: &RunStatus, what| {
        let now = now(status.clone(), what);
        (can(verb, &now).outcome, request(verb, &now, &[]).map(|post| post.by_hand(&login()).to_string()).unwrap_or_default())
    };
    let by_hand = |what: &str| format!("curl -X POST -u kim https://ci.example/ci/job/cart/311/{what}");
    for (verb, status, what, outcome, command) in [
        (Verb::Cancel, &running, What::Build, Outcome::Ok, by_hand("stop")),
        (Verb::ForceCancel, &running, What::Force(Some(Force::Term)), Outcome::Warn, by_hand("term")),
        (Verb::ForceCancel, &running, What::Force(Some(Force::Kill)), Outcome::Warn, by_hand("kill")),
        (Verb::Approve, &running, asks(one(json!([]))), Outcome::Ok, by_hand("input/Go/proceedEmpty")),
        (Verb::Approve, &running, asks(json!([{ "id": "Go", "proceedUrl": "/x/input/Go/proceedEmpty" }])), Outcome::Ok, by_hand("input/Go/proceedEmpty")),
        (Verb::Reject, &running, asks(one(json!([7]))), Outcome::Ok, by_hand("input/Go/abort")),
    ] {
        assert_eq!(ready(verb, status, what), (outcome, command), "{verb:?}");
    }
    let (_, queue) = ready(Verb::Cancel, &RunStatus::Queued, What::Queued { began: None });
    assert_eq!(queue, "curl -X POST -u kim 'https://ci.example/ci/queue/cancelItem?id=311'");
}

#[test]
fn secrets_are_in_no_command() {
    let list = json!([{ "id": "Go", "inputs": [{ "type": "StringParameterDefinition", "name": "API_TOKEN", "definition": { "defaultVal": "hunter2" } }] }]);
    let asks: Vec<Input> = of_stage_view(parse(list));
    let now = now(RunStatus::Running, What::Asks(Some(asks)));
    let post = request(Verb::Approve, &now, &[]).expect("it has a default");
    let shown = format!("{} {}", post.by_hand(&login()), can(Verb::Approve, &now).sentence);
    assert!(!shown.contains("hunter2") && shown.contains("API_TOKEN"), "{shown}");
    assert!(post.ask().encoded().is_some_and(|(_, body)| String::from_utf8_lossy(&body).contains("hunter2")), "but it is sent");
}

fn rebuild(given: Value, defined: &[(&str, &str)], queue: &[Value], builds: Value, asked: Option<u64>) -> Rebuild {
    let build: Build = parse(json!({ "number": 10, "building": false, "result": "FAILURE", "actions": [{ "parameters": given }] }));
    let definitions: Vec<Value> = defined.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    let job: WireJob = parse(json!({ "buildable": true, "nextBuildNumber": 20, "property": [{}, { "parameterDefinitions": definitions }], "builds": builds }));
    let queue: Vec<Queued> = queue.iter().cloned().map(parse).collect();
    Rebuild::of(&build, &job, &queue, "kim", asked)
}

#[test]
fn a_password_a_file_and_what_has_no_value_are_not_given_again() {
    let pages = Pages { job: "https://ci.example/job/cart/".into(), build: Clean::EMPTY };
    let (text, password) = ("StringParameterDefinition", "PasswordParameterDefinition");
    for (given, defined, outcome, words) in [
        (json!([{ "name": "A", "value": "1" }]), &[("A", text)][..], Outcome::Ok, ""),
        (json!([{ "name": "A" }]), &[("A", text)], Outcome::Block, "for A"),
        (json!([{ "name": "A", "value": null }]), &[("A", text)], Outcome::Block, "for A"),
        (json!([{ "name": "A", "value": "" , "_class": "hudson.model.PasswordParameterValue" }]), &[("A", text)], Outcome::Block, "for A"),
        (json!([{ "name": "A", "value": "x" }]), &[("A", password)], Outcome::Block, "for A"),
        (json!([{ "name": "A" }]), &[], Outcome::Warn, "knows no A any more"),
        (json!([]), &[("B", password)], Outcome::Warn, "B was not known then"),
    ] {
        let found = rebuild(given.clone(), defined, &[], json!([]), None).finding(&pages);
        assert!(found.outcome == outcome && found.sentence.contains(words), "{given} {defined:?}: {found:?}");
    }
}

#[test]
fn which_build_repeats_another_is_told_by_its_item_else_by_who_asked_and_for_what() {
    let with = |more: Value, user: &str, value: &str| {
        let mut raw = json!({ "actions": [{ "causes": [{ "userId": user }] }, { "parameters": [{ "name": "A", "value": value }] }] });
        more.as_object().into_iter().flatten().for_each(|(key, value)| raw[key] = value.clone());
        raw
    };
    let build = |number: u64, user: &str, value: &str| with(json!({ "number": number, "queueId": 100 + number }), user, value);
    let item = |id: u64, user: &str, value: &str| with(json!({ "id": id }), user, value);
    let newest = |queue: &[Value], builds: Value, asked| {
        rebuild(json!([{ "name": "A", "value": "1" }]), &[("A", "StringParameterDefinition")], queue, builds, asked).newest
    };
    assert_eq!(newest(&[], json!([build(9, "kim", "1"), build(10, "kim", "1")]), None), None, "itself and what was before it");
    assert_eq!(newest(&[], json!([build(11, "robin", "1"), build(12, "kim", "2"), build(13, "KIM", " 1")]), None), Some(13));
    assert_eq!(newest(&[item(7, "robin", "1"), item(8, "kim", "1")], json!([build(13, "kim", "1")]), None), Some(21), "the second of those that wait");
    assert_eq!(newest(&[], json!([build(11, "kim", "1"), build(12, "kim", "1")]), Some(111)), Some(11), "what Jenkins named");
    assert_eq!(newest(&[item(8, "kim", "1")], json!([build(11, "kim", "1")]), Some(8)), Some(20));
    assert_eq!(newest(&[], json!([build(11, "kim", "1")]), Some(8)), None, "it is not there yet");
}

#[test]
fn where_an_answer_sends_us_tells_whether_it_was_done() {
    let at = Url::parse("https://ci.example/ci/job/cart/311/stop").expect("a URL");
    for (place, wanted) in [
        (".", Sent::Back),
        ("http://localhost:8080/job/cart/311/", Sent::Back),
        ("https://ci.example/ci/job/cart/", Sent::Back),
        ("https://ci.example/ci/login?from=%2Fci%2Fjob%2Fcart", Sent::Login),
        ("https://ci.example/ci/securityRealm/commenceLogin", Sent::Login),
        ("https://sso.example/start?rd=x", Sent::Elsewhere("sso.example".into())),
        ("https://ci.example/ci/job/other/311/", Sent::Elsewhere("ci.example".into())),
    ] {
        assert_eq!(sent(Some(&at), place), wanted, "{place}");
    }
    let reply = |status: u16, place: &str| {
        let headers: HeaderMap = [("location".parse().expect("a name"), place.parse().expect("a value"))].into_iter().collect();
        Reply::made(StatusCode::from_u16(status).expect("a status"), headers, Bytes::from_static(b"<html>No valid crumb was included</html>"))
    };
    let says = |verb, status, place: &str| format!("{:?}", told(verb, &Some(at.clone()), &reply(status, place), &login()));
    for (verb, status, place, wanted) in [
        (Verb::Rerun, 201, "http://wrong/queue/item/77/", "Accepted { request: Some(\"item 77"),
        (Verb::Rerun, 303, "http://wrong/queue/item/77/", "Conflict"),
        (Verb::Rerun, 302, ".", "Refused"),
        (Verb::Cancel, 302, ".", "Accepted"),
        (Verb::Cancel, 302, "/ci/login?from=x", "Refused"),
        (Verb::Cancel, 302, "https://sso.example/", "Unclear"),
        (Verb::Cancel, 403, ".", "did not accept the crumb"),
        (Verb::Cancel, 422, ".", "Refused"),
        (Verb::Cancel, 500, ".", "Unclear"),
    ] {
        assert!(says(verb, status, place).contains(wanted), "{status} {place}: {}", says(verb, status, place));
    }
}

#[test]
fn no_parameter_is_lost_because_its_choices_are_no_texts() {
    let of = |kind: &str, choices: Value| json!({ "name": "N", "type": kind, "choices": choices, "defaultParameterValue": { "value": 2 } });
    for (definition, line, takes) in [
        (of("ChoiceParameterDefinition", json!([1, 2, true])), "N=2", "one of 1, 2, true"),
        (of("ChoiceParameterDefinition", json!([])), "N=2", "any text"),
        (of("ChoiceParameterDefinition", Value::Null), "N=2", "any text"),
        (of("PT_SINGLE_SELECT", json!(["a", null])), "N=2", "any text"),
    ] {
        let job: WireJob = parse(json!({ "property": [{ "parameterDefinitions": [definition] }] }));
        let start = super::dispatch::Start::of(&Build::default(), &job, &[], "kim", None);
        let inputs = start.inputs.expect("it can be started").known;
        assert_eq!(inputs.iter().map(|one| (one.line(), one.takes().to_string())).collect::<Vec<_>>(), [(line.to_owned(), takes.to_owned())]);
    }
}

#[test]
fn only_the_line_of_jenkins_itself_lets_a_build_be_killed() {
    assert!(may_be_killed("Terminating sh\r\nClick here to forcibly kill entire build\r\nmore"));
    assert!(!may_be_killed("Click here to forcibly terminate running steps\n+ echo Click here to forcibly kill entire build"));
}

/// Recorded questions, where they are at hand (`PILOTHOUSE_SPECS` names the folder).
#[test]
fn recorded_questions_can_be_read() {
    let Some(folder) = std::env::var_os("PILOTHOUSE_SPECS").map(|folder| std::path::PathBuf::from(folder).join("jenkins")) else { return };
    let read = |name: &str| serde_json::from_slice::<Value>(&std::fs::read(folder.join(name)).expect("a sample")).expect("JSON");
    for (list, outcome, words) in [
        (json!([read("wfapi-input-model-01.json")]), Outcome::Block, "Enter a passord"),
        (json!([read("wfapi-input-model-02.json")]), Outcome::Block, "Unsupported"),
        (read("wfapi-readme-job-job-name-run-id-wfapi-pendinginputactions.json"), Outcome::Ok, "Is the build okay?"),
    ] {
        let found = can(Verb::Approve, &now(RunStatus::Running, What::Asks(Some(of_stage_view(parse(list))))));
        assert!(found.outcome == outcome && found.sentence.contains(words), "{found:?}");
    }
}
