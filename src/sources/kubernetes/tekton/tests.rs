//! What a table may say, and what objects become where that needs no server.

use super::{
    api::{JobKey, RunKey},
    jobs::{Known, jobs},
    shelf::Shelf,
    wire::{PipelineRun, Step, TaskRun, TaskStatus},
    *,
};
use crate::{
    domain::{Change, Id, OpId, Run, RunStatus},
    sources::ci::Before,
    sources::kubernetes::kubeconfig::Known as Context,
    store::fixture,
    text::Name,
};
use serde_json::{Value, json};

fn api() -> Api {
    let known = Context { name: "ci".into(), server: "ci.example".into(), namespace: "builds".into(), insecure: false, address: None };
    let id = SourceId::new("tekton/ci");
    let cluster = Cluster::new(id.clone(), Place::Nowhere, known, Vec::new(), true);
    Api { id, cluster: Arc::new(cluster), gates: Gates::default(), dashboard: Some("https://tekton.example".into()), shelf: Mutex::new(Shelf::new(10)) }
}

fn run(value: Value) -> PipelineRun {
    let mut all = json!({ "metadata": { "name": "ship-x7k2p", "namespace": "builds", "uid": "u1" } });
    for (part, fields) in value.as_object().into_iter().flatten() {
        for (key, value) in fields.as_object().into_iter().flatten() {
            all[part][key] = value.clone();
        }
    }
    serde_json::from_value(all).expect("a run")
}

fn condition(status: &str, reason: &str, message: &str) -> Value {
    json!({ "conditions": [{ "type": "Other", "status": "True" }, { "type": "Succeeded", "status": status, "reason": reason, "message": message }] })
}

#[test]
fn a_table_says_where_pipelines_run_and_nothing_else() {
    let errors = |table: &str| check(&SourceConfig::from_toml(&format!("kind = 'tekton'\n{table}")).expect("a table")).len();
    assert_eq!(errors("contexts = ['ci']\nnamespaces = ['builds']\nkubeconfig = '/x'\ndashboard = 'https://tekton.example'\nruns = 5"), 0);
    assert_eq!((errors(""), errors("url = 'https://x'"), errors("runs = 'many'")), (0, 1, 1));
}

#[test]
fn the_condition_decides_how_a_run_stands_and_then_its_reason() {
    for (status, reason, message, wanted) in [
        ("Unknown", "Started", "", RunStatus::Running),
        ("Unknown", "Cancelled", "", RunStatus::Running),
        ("Unknown", "CancelledRunningFinally", "", RunStatus::Running),
        ("Unknown", "Odd", "", RunStatus::Unknown("Odd".into())),
        ("", "", "", RunStatus::Unknown("no word".into())),
        ("True", "Succeeded", "Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0", RunStatus::Success),
        ("True", "Completed", "Tasks Completed: 3 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 1", RunStatus::Warn),
        ("True", "Completed", "Tasks Completed: 3 (Failed: 0 (Ignored: 0), Cancelled 0), Skipped: 1", RunStatus::Success),
        ("False", "Cancelled", "", RunStatus::Cancelled),
        ("False", "PipelineRunTimeout", "", RunStatus::Failed),
        ("False", "SomethingNew", "", RunStatus::Failed),
    ] {
        assert_eq!(standing::of_run(&run(json!({ "status": condition(status, reason, message) }))), wanted, "{status} {reason}");
    }
    assert_eq!(standing::of_run(&run(json!({}))), RunStatus::Queued);
    assert!(matches!(standing::of_run(&run(json!({ "spec": { "status": "PipelineRunPending" } }))), RunStatus::Waiting(_)));
    let pending = run(json!({ "status": condition("Unknown", "PipelineRunPending", "") }));
    assert!(matches!(standing::of_run(&pending), RunStatus::Waiting(_)));
}

#[test]
fn tasks_and_steps_stand_as_their_controller_says() {
    let task = |status, reason| standing::of_task(&serde_json::from_value::<TaskStatus>(condition(status, reason, "0/3 nodes fit")).expect("a status"));
    for (status, reason, wanted) in [
        ("Unknown", "Running", RunStatus::Running),
        ("Unknown", "Pending", RunStatus::Queued),
        ("Unknown", "ToBeRetried", RunStatus::Queued),
        ("Unknown", "ExceededNodeResources", RunStatus::Waiting("no room: ExceededNodeResources: 0/3 nodes fit".into())),
        ("Unknown", "Odd", RunStatus::Unknown("Odd".into())),
        ("True", "Succeeded", RunStatus::Success),
        ("False", "FailureIgnored", RunStatus::Warn),
        ("False", "TaskRunCancelled", RunStatus::Cancelled),
        ("False", "TaskRunTimeout", RunStatus::Failed),
    ] {
        assert_eq!(task(status, reason), wanted, "{status} {reason}");
    }
    let step = |value: Value| {
        let (status, beside) = standing::of_step(&serde_json::from_value::<Step>(value).expect("a step"));
        (status, beside.unwrap_or_default().to_string())
    };
    let ended = |code: i64, reason: &str, tekton: &str| step(json!({ "terminationReason": tekton, "terminated": { "exitCode": code, "reason": reason } }));
    assert_eq!(ended(0, "Completed", ""), (RunStatus::Success, String::new()));
    assert_eq!(ended(1, "Error", "Continued"), (RunStatus::Warn, "failed, which is allowed".into()));
    assert_eq!(ended(1, "Error", "Skipped").0, RunStatus::Skipped);
    assert_eq!(ended(2, "Error", "Error"), (RunStatus::Failed, "exit code 2".into()));
    assert_eq!(ended(0, "OOMKilled", ""), (RunStatus::Failed, "out of memory".into()), "whatever its code says");
    assert_eq!(ended(1, "TaskRunCancelled", "").0, RunStatus::Cancelled);
    assert_eq!(step(json!({ "terminated": {} })).0, RunStatus::Failed, "no code is no good one");
    assert_eq!(step(json!({ "waiting": { "reason": "ImagePullBackOff" } })), (RunStatus::Queued, "ImagePullBackOff".into()));
    assert_eq!(step(json!({ "waiting": { "reason": "PodInitializing" } })), (RunStatus::Queued, String::new()));
    assert_eq!(step(json!({ "running": { "startedAt": null }, "terminated": null })).0, RunStatus::Running);
}

#[test]
fn where_a_run_comes_from_is_told_by_whoever_made_it() {
    let labels = json!({ "pipelinesascode.tekton.dev/url-org": "acme", "pipelinesascode.tekton.dev/url-repository": "cart", "pipelinesascode.tekton.dev/sha": "c0ffee" });
    let notes = json!({ "pipelinesascode.tekton.dev/sha-title": "Price in euros", "pipelinesascode.tekton.dev/branch": "main",
        "pipelinesascode.tekton.dev/source-branch": "refs/heads/euro", "pipelinesascode.tekton.dev/sender": "kim", "pipelinesascode.tekton.dev/log-url": "https://console/x" });
    let row = |value: Value| api().run(&run(value)).expect("a row");
    let told = row(json!({ "metadata": { "labels": labels, "annotations": notes } }));
    assert_eq!((told.repository.raw(), told.branch.raw(), told.commit.raw()), ("acme/cart", "euro", "c0ffee"));
    assert_eq!((&*told.title, &*told.actor), ("Price in euros", "kim"));
    assert_eq!(&*told.url, "https://tekton.example/#/namespaces/builds/pipelineruns/ship-x7k2p", "our own dashboard first");

    let params = |params: Value| row(json!({ "spec": { "params": params } }));
    let told = params(
        json!([{ "name": "git-url", "value": "git@git.example:acme/shop.git" }, { "name": "gitRevision", "value": "main" }, { "name": "list", "value": ["a"] }]),
    );
    assert_eq!((told.repository.raw(), told.branch.raw(), told.commit.raw()), ("acme/shop", "main", ""), "a revision may be a branch");
    let told = params(
        json!([{ "name": "url", "value": "no place" }, { "name": "revision", "value": "deadbeef" }, { "name": "commit-message", "value": "One\n\nmore" }]),
    );
    assert_eq!((told.repository.raw(), told.branch.raw(), told.commit.raw(), &*told.title), ("builds", "", "deadbeef", "One"));
    let told = row(
        json!({ "status": { "results": [{ "name": "CHAINS-GIT_COMMIT", "value": "0123456789abcdef" }, { "name": "CHAINS-GIT_URL", "value": "https://git.example/acme/cart/" }] } }),
    );
    assert_eq!((told.repository.raw(), told.commit.raw()), ("acme/cart", "0123456789abcdef"));
    let images = json!([{ "name": "cart-IMAGE_DIGEST", "value": "sha256:aa\n" }, { "name": "IMAGES", "value": "r/a@sha256:bb, r/b@sha256:cc,r/c:latest" }, { "name": "DIGEST", "value": "sha256:dd" }]);
    for written in ["results", "pipelineResults"] {
        let told = row(json!({ "status": { written: images } }));
        assert_eq!(told.digests.iter().map(Name::raw).collect::<Vec<_>>(), ["sha256:aa", "sha256:bb", "sha256:cc"], "{written}");
    }
    let told = row(json!({}));
    assert_eq!((told.repository.raw(), &*told.title, &*told.called(), &*told.called_short()), ("builds", "ship-x7k2p", "ship-x7k2p", "x7k2p"));
}

#[test]
fn a_pipeline_has_a_name_wherever_it_is_written() {
    let name = |value: Value| origin::pipeline(&run(value));
    assert_eq!(name(json!({ "spec": { "pipelineRef": { "name": "ship" } } })), "ship");
    let git = json!([{ "name": "url", "value": "x" }, { "name": "pathInRepo", "value": "ci/deploy.yaml" }]);
    assert_eq!(name(json!({ "spec": { "pipelineRef": { "resolver": "git", "params": git } } })), "deploy");
    assert_eq!(
        name(json!({ "metadata": { "labels": { "tekton.dev/pipeline": "ship-x7k2p" }, "generateName": "nightly-" } })),
        "nightly",
        "it is written in the run"
    );
    assert_eq!(name(json!({ "metadata": { "labels": { "tekton.dev/pipeline": "ship" } } })), "ship");
    assert_eq!(name(json!({})), "ship-x7k2p");
}

#[test]
fn tasks_are_in_the_order_of_the_pipeline_and_only_those_of_the_run() {
    let tasks = json!({ "tasks": [{ "name": "z", "displayName": "Build it" }, { "name": "a" }], "finally": [{ "name": "end" }] });
    let run = run(
        json!({ "status": { "pipelineSpec": tasks, "childReferences": [{ "name": "t-end", "pipelineTaskName": "end" }, { "name": "gone", "pipelineTaskName": "a" }],
        "conditions": condition("True", "Succeeded", "")["conditions"] } }),
    );
    let task = |name: &str, task: &str, owner: &str| -> (String, TaskRun) {
        let meta = json!({ "name": name, "labels": { "tekton.dev/pipelineTask": task }, "ownerReferences": [{ "kind": "PipelineRun", "name": "ship-x7k2p", "uid": owner }] });
        (name.to_owned(), serde_json::from_value(json!({ "metadata": meta, "status": condition("True", "Succeeded", "") })).expect("a task"))
    };
    let known = Known { tasks: [task("t-z", "z", "u1"), task("t-end", "end", "u1"), task("other", "a", "u0")].into() };
    let told: Vec<(String, RunStatus)> = jobs(&api(), &run, &known).into_iter().map(|job| (job.name.to_string(), job.status)).collect();
    let wanted = [("Build it", RunStatus::Success), ("a", RunStatus::Unknown("gone".into())), ("end", RunStatus::Success)];
    assert_eq!(told, wanted.map(|(name, status)| (name.to_owned(), status)));
}

/// The jobs of a run, each with how it stands and its last step.
fn rows(run: &PipelineRun, tasks: Vec<Value>) -> Vec<(String, RunStatus, String)> {
    let task = |value: Value| serde_json::from_value::<TaskRun>(value).expect("a task");
    let known = Known { tasks: tasks.into_iter().map(task).map(|task| (task.metadata.0.name.clone().expect("a name"), task)).collect() };
    let last = |job: &crate::domain::Job| job.steps.last().map(|step| step.name.to_string()).unwrap_or_default();
    jobs(&api(), run, &known).into_iter().map(|job| (job.name.to_string(), job.status.clone(), last(&job))).collect()
}

/// A TaskRun of task `of`, with more about it.
fn task(name: &str, of: &str, params: Value, status: Value) -> Value {
    let owner = json!([{ "kind": "PipelineRun", "name": "ship-x7k2p", "uid": "u1" }]);
    json!({ "metadata": { "name": name, "labels": { "tekton.dev/pipelineTask": of }, "ownerReferences": owner }, "spec": { "params": params }, "status": status })
}

#[test]
fn where_no_task_tells_why_a_run_failed_the_run_tells_it_itself() {
    let of = |status: Value| run(json!({ "spec": { "pipelineSpec": { "tasks": [{ "name": "build" }, { "name": "ship" }] } }, "status": status }));
    let row = |name: &str, status, last: &str| (name.to_owned(), status, last.to_owned());
    // Its pipeline is written in it, and it came to none of its tasks.
    let missing = of(condition("False", "ParameterMissing", "missing parameter: version"));
    let skipped = |name| row(name, RunStatus::Skipped, "");
    let itself = row("the run itself", RunStatus::Failed, "ParameterMissing: missing parameter: version");
    assert_eq!(rows(&missing, Vec::new()), [skipped("build"), skipped("ship"), itself]);
    // Its tasks were stopped because it took too long.
    let stopped = task("t", "build", json!([]), condition("False", "TaskRunCancelled", ""));
    let late = rows(&of(condition("False", "PipelineRunTimeout", "failed to finish within \"1h0m0s\"")), vec![stopped]);
    assert_eq!(late[2], row("the run itself", RunStatus::Failed, "PipelineRunTimeout: failed to finish within \"1h0m0s\""));
    // A task tells it, or is about to, or nothing is wrong.
    let failed = task("t", "build", json!([]), condition("False", "Failed", ""));
    let running = task("t", "build", json!([]), condition("Unknown", "Running", ""));
    for (reason, status, one) in
        [("Failed", "False", failed), ("Failed", "False", running.clone()), ("Cancelled", "False", running), ("Succeeded", "True", Value::Null)]
    {
        let told = rows(&of(condition(status, reason, "")), Some(one).filter(|one| !one.is_null()).into_iter().collect());
        assert_eq!(told.len(), 2, "{reason}: {told:?}");
    }
}

#[test]
fn runs_of_a_matrix_differ_also_in_what_only_some_of_them_have() {
    let done = || condition("True", "Succeeded", "");
    let param = |name: &str, value: Value| json!({ "name": name, "value": value });
    let with = |name: &str, params: Vec<Value>| task(name, "unit", json!(params), done());
    let run = run(json!({ "spec": { "pipelineSpec": { "tasks": [{ "name": "unit" }] } }, "status": done() }));
    let tasks = vec![
        with("a", vec![param("os", json!("linux"))]),
        with("b", vec![param("os", json!("linux")), param("flags", json!(["-race", "-v"]))]),
        with("c", vec![param("os", json!("mac")), param("env", json!({ "CI": "1" }))]),
    ];
    let names: Vec<String> = rows(&run, tasks).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["unit (linux)", "unit (linux, [\"-race\",\"-v\"])", "unit (mac, {\"CI\":\"1\"})"]);
    let many: Vec<Value> = (0..300).map(|n| with(&format!("t{n:03}"), vec![param("shard", json!(n.to_string()))])).collect();
    let told = rows(&run, many);
    assert_eq!((told.len(), told[299].0.as_str()), (300, "unit (299)"));
}

#[test]
fn a_custom_task_of_an_old_controller_stands_as_the_run_says() {
    let of = |status, reason| json!({ "custom-x": { "pipelineTaskName": "approve", "status": condition(status, reason, "") } });
    let told = |runs: Value, end: Value| {
        rows(&run(json!({ "status": { "runs": runs, "pipelineSpec": { "tasks": [{ "name": "approve" }] }, "conditions": end["conditions"] } })), Vec::new())
    };
    let [(name, status, last)] = &told(of("Unknown", "Running"), condition("Unknown", "Running", ""))[..] else { panic!("one") };
    assert_eq!((name.as_str(), status, last.as_str()), ("approve", &RunStatus::Running, "a Run: what it does is not read"));
    let over = told(of("False", "Rejected"), condition("False", "Failed", "one failed"));
    assert_eq!(over.iter().map(|(name, status, _)| (name.as_str(), status)).collect::<Vec<_>>(), [("approve", &RunStatus::Failed)]);
}

#[test]
fn no_step_of_a_task_that_is_over_goes_on() {
    let spec = json!({ "steps": [{ "name": "clone" }, { "name": "test" }] });
    let steps = |mut status: Value, more: Value| {
        more.as_object().into_iter().flatten().for_each(|(key, value)| status[key] = value.clone());
        let run = run(json!({ "status": condition("False", "Cancelled", "") }));
        let known = Known { tasks: [("t".to_owned(), serde_json::from_value(task("t", "unit", json!([]), status)).expect("a task"))].into() };
        let [job] = &jobs(&api(), &run, &known)[..] else { panic!("one") };
        job.steps.iter().map(|step| (step.name.to_string(), step.status.clone())).collect::<Vec<_>>()
    };
    let named = |name: &str, status| (name.to_owned(), status);
    // It never had a pod.
    let gone = steps(condition("False", "TaskRunImagePullFailed", "no such image"), json!({ "taskSpec": spec }));
    let skipped = |name| named(name, RunStatus::Skipped);
    assert_eq!(gone, [skipped("clone"), skipped("test"), named("TaskRunImagePullFailed: no such image", RunStatus::Failed)]);
    // Its pod was taken away under it.
    let told = json!({ "steps": [{ "name": "clone", "running": { "startedAt": null } }, { "name": "test", "waiting": { "reason": "PodInitializing" } }] });
    let stopped = steps(condition("False", "TaskRunCancelled", ""), told.clone());
    assert_eq!(stopped, [named("clone", RunStatus::Cancelled), skipped("test")]);
    assert_eq!(steps(condition("Unknown", "Running", ""), told), [named("clone", RunStatus::Running), named("test", RunStatus::Queued)]);
}

#[test]
fn identities_lead_back_to_what_they_stand_for() {
    let source = SourceId::new("tekton/ci");
    let run = RunKey { uid: "u1".into(), namespace: "builds".into(), name: "ship-x7k2p".into() };
    assert_eq!(RunKey::of(&run.id(&source)), Ok(run.clone()));
    assert!(RunKey::of(&Id::<Run>::new(&source, "nothing")).is_err());
    let task = |attempt| JobKey::Task { namespace: "builds".into(), name: "t".into(), attempt };
    for key in [task(2), JobKey::Unbegun { uid: "u1".into(), place: 3 }, JobKey::Itself(run)] {
        assert_eq!(JobKey::of(&key.id(&source)), Some(key));
    }
    assert_eq!(JobKey::of(&task(0).id(&source)), None, "attempts are counted from 1");
}

fn told(changes: Vec<Change<Run>>) -> Vec<String> {
    let word = |change| match change {
        Change::Begin => "begin".to_owned(),
        Change::Done => "done".to_owned(),
        Change::Upsert(run) => format!("+{} {:?}", Run::called(&run), run.usual),
        Change::Remove(id) => format!("-{}", id.key().rsplit('/').next().unwrap_or_default()),
    };
    changes.into_iter().map(word).collect()
}

#[test]
fn of_each_pipeline_the_newest_are_told_and_their_successes_are_the_measure() {
    let at = fixture::now();
    let row = |name: &str, age: i64, status: RunStatus| Run {
        id: Id::new(&SourceId::new("tekton/ci"), &format!("u/builds/{name}")),
        number: 0,
        created: Some(at - jiff::SignedDuration::from_secs(age)),
        started: Some(at),
        ended: Some(at + jiff::SignedDuration::from_secs(100 - age)),
        usual: None,
        status,
        ..fixture::run(1)
    };
    let mut shelf = Shelf::new(2);
    assert_eq!(told(shelf.begin()), ["begin"]);
    assert_eq!(told(shelf.is("p", row("new", 10, RunStatus::Running))), ["+new None"]);
    assert_eq!(told(shelf.is("p", row("old", 30, RunStatus::Success))), ["+old None"]);
    assert_eq!(told(shelf.is("p", row("mid", 20, RunStatus::Failed))), ["-old", "+mid None"]);
    assert_eq!(told(shelf.is("q", row("other", 50, RunStatus::Running))), ["+other None"]);
    assert_eq!(told(shelf.done()), ["+mid Some(70)", "+new Some(70)", "done"], "only one succeeded");
    assert_eq!(told(shelf.is("p", row("new", 10, RunStatus::Running))), [""; 0], "nothing is another");
    assert_eq!(told(shelf.gone(&row("new", 10, RunStatus::Running).id)), ["-new", "+old Some(70)"]);
    assert_eq!(told(shelf.gone(&row("never", 1, RunStatus::Running).id)), [""; 0]);
    // Where somebody has asked for what is older, what comes while a watch is broken off is told too.
    shelf.older(&row("mid", 20, RunStatus::Failed).repository, Before { at: None, page: 1 });
    assert_eq!(told(shelf.begin()), ["begin"]);
    let all: Vec<String> = (1..=4).flat_map(|minutes| told(shelf.is("p", row(&format!("r{minutes}"), 5 - minutes, RunStatus::Running)))).collect();
    assert_eq!(all, ["+r1 None", "+r2 None", "+r3 None", "+r4 None"]);
}

#[test]
fn a_copy_is_named_after_its_operation() {
    let object = json!({ "metadata": { "name": format!("ship-{}", "x".repeat(80)), "generateName": "ship-" }, "spec": { "status": "Cancelled" } });
    let (one, other) = (OpId::new("7f3a", 1), OpId::new("7f3a", 2));
    let name = repeat::name(&object, &one);
    assert!(
        name.starts_with("ship-") && name.len() == 13 && name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        "{name}"
    );
    assert_eq!(name, repeat::name(&object, &one));
    assert_ne!(name, repeat::name(&object, &other));
    let copy = repeat::body(&object, &one);
    assert_eq!(copy["metadata"]["name"], *name);
    let again = repeat::name(&copy, &other);
    assert!(again.starts_with("ship-") && again.len() == 13 && again != name, "a copy of a copy is called no longer: {again}");
    let lean: PipelineRun = serde_json::from_value(copy).expect("a run");
    assert_eq!(origin::pipeline(&lean), "ship", "and is told with the others");
    let bare = json!({ "metadata": { "name": "x".repeat(90) } });
    assert_eq!(repeat::name(&bare, &one).len(), 63);
    assert_eq!(repeat::body(&object, &one)["spec"], json!({}), "what was asked of the old one is not asked of the new one");
    let same = |value: Value| repeat::same(&run(value)).to_string();
    assert!(same(json!({ "spec": { "pipelineRef": { "name": "ship" } } })).contains("as it is by then"));
    assert!(same(json!({ "spec": { "pipelineRef": { "resolver": "bundles" } } })).contains("fetched again"));
    assert_eq!(same(json!({ "spec": { "pipelineSpec": { "tasks": [{ "name": "a" }] } } })), "the same tasks and parameters");
}
