//! Pipelines that are started with variables, and jobs that are played with some, once each.

use super::{
    reading, source,
    stand_in::GitLab,
    world::{Job, Pipeline, Shape},
};
use crate::{
    github::seen::Seen,
    kubernetes::acts::{accepted, act, checks, run_now as now, run_wish as wish},
};
use pilothouse::{
    domain::{CheckKind, Feed, Given, Id, Input, Operation, Outcome, Run, RunStatus, Stage, Verb},
    sources::Source,
    text::{Name, Raw},
};
use serde_json::json;
use std::sync::Arc;

async fn told(source: &Arc<dyn Source>, number: u64) -> (Seen, Id<Run>) {
    let mut seen = Seen::new(source, Feed::Runs);
    let run = seen.until("the pipeline", |seen| seen.run(number).filter(|_| seen.whole).cloned()).await;
    (seen, run.id)
}

/// With a variable that may be shown, and one that may not.
async fn written(source: &Arc<dyn Source>, id: &Id<Run>, verb: Verb) -> Operation {
    let inputs = [("VERSION", "2.8.1"), ("API_TOKEN", "hunter2")].map(|(name, value)| Given { name: Name::new(name), value: Raw::new(value) });
    Operation { inputs: inputs.into(), ..wish(source, id, verb).await }
}

async fn newest(source: &Arc<dyn Source>, id: &Id<Run>) -> Option<u64> {
    now(source, id, Verb::Dispatch).await.run.expect("a pipeline").repeated()
}

#[tokio::test]
async fn a_pipeline_is_started_once_on_its_branch_with_its_variables() {
    for shape in [Shape::Old, Shape::New] {
        let gitlab = GitLab::start("start", shape);
        gitlab.with(|world| {
            world.add(Pipeline::new(5, "success", vec![Job::new(50, "test", "unit", "success")]));
            world.add(Pipeline { reference: "other".into(), source: "api", ..Pipeline::new(6, "success", Vec::new()) });
        });
        let source = source(&gitlab, "");
        let (mut seen, id) = told(&source, 5).await;
        assert_eq!(newest(&source, &id).await, None, "what was started on another branch is another thing");
        let operation = written(&source, &id, Verb::Dispatch).await;
        let (expected, command, made) = checks(&source, operation.clone()).await;
        assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
        assert!(made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:?}");
        let command = command.expect("a command");
        assert!(command.contains("-X POST projects/acme%2Fshop%2Fstart/pipeline -H") && command.contains("2.8.1") && !command.contains("hunter2"), "{command}");
        let stages = act(&source, operation.clone()).await;
        assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { request: Some(named), .. }] if named.as_str() == "pipeline #7"), "{stages:?}");
        let variables = json!([{ "key": "VERSION", "value": "2.8.1" }, { "key": "API_TOKEN", "value": "hunter2" }]);
        assert_eq!(gitlab.with(|world| world.written.clone()), [json!({ "ref": "main", "variables": variables })]);
        assert_eq!(newest(&source, &id).await, Some(7));
        seen.until("the new pipeline in the list", |seen| seen.run(7).map(|_| ())).await;
        assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { what, same: false }] if what.contains("#7")));
        assert_eq!(gitlab.with(|world| world.changes.clone()), ["start/7"], "once");
    }
}

#[tokio::test]
async fn the_inputs_that_a_branch_declares_are_offered_and_sent_as_what_they_are() {
    let gitlab = GitLab::start("declared", Shape::New);
    gitlab.with(|world| {
        world.add(Pipeline::new(5, "success", Vec::new()));
        world.declared = Some(json!([
            { "name": "to", "type": "STRING", "required": true, "default": null, "options": ["staging", "production"] },
            { "name": "count", "type": "NUMBER", "required": false, "default": 2, "options": null },
        ]));
    });
    let source = source(&gitlab, "");
    let (_, id) = told(&source, 5).await;
    let takes = now(&source, &id, Verb::Dispatch).await.run.expect("a pipeline").inputs.expect("it can be started");
    assert_eq!(takes.known.iter().map(Input::line).collect::<Vec<_>>(), ["to=", "count=2"]);
    let stages = act(&source, written(&source, &id, Verb::Dispatch).await).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, .. }] if what.contains("to must be written: one of staging, production")), "{stages:?}");
    let inputs = [("to", "production"), ("count", "3"), ("VERSION", "2.8.1")].map(|(name, value)| Given { name: Name::new(name), value: Raw::new(value) });
    accepted(&act(&source, Operation { inputs: inputs.into(), ..wish(&source, &id, Verb::Dispatch).await }).await);
    let sent = json!({ "ref": "main", "inputs": { "to": "production", "count": 3 }, "variables": [{ "key": "VERSION", "value": "2.8.1" }] });
    assert_eq!(gitlab.with(|world| world.written.clone()), [sent]);
}

#[tokio::test]
async fn what_can_not_be_started_says_why_and_a_lost_answer_how_to_look() {
    let gitlab = GitLab::start("refused", Shape::New);
    gitlab.with(|world| {
        world.add(Pipeline::new(5, "success", Vec::new()));
        let request = Pipeline { reference: "refs/merge-requests/59/head".into(), source: "merge_request_event", ..Pipeline::new(6, "success", Vec::new()) };
        world.add(request);
    });
    let source = source(&gitlab, "");
    let (_, request) = told(&source, 6).await;
    let operation = wish(&source, &request, Verb::Dispatch).await;
    let found = checks(&source, operation.clone()).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
    assert!(found.outcome == Outcome::Block && found.sentence.contains("merge request"), "{found:?}");
    assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { .. }]));
    let (_, id) = told(&source, 5).await;
    gitlab.with(|world| world.rules = Some("The rules leave no job for this pipeline."));
    let stages = act(&source, wish(&source, &id, Verb::Dispatch).await).await;
    assert!(
        matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.as_str() == "a pipeline on main: The rules leave no job for this pipeline."),
        "{stages:?}"
    );
    let stages = act(&reading(&gitlab), written(&source, &id, Verb::Dispatch).await).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("read-only")), "{stages:?}");
    assert!(gitlab.with(|world| world.changes.is_empty()), "nothing was started");
    gitlab.with(|world| (world.rules, world.cut) = (None, true));
    let stages = act(&source, written(&source, &id, Verb::Dispatch).await).await;
    let look = "pipelines?source=api&ref=main";
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Unclear { why }] if why.contains(look)), "{stages:?}");
    assert_eq!(
        (gitlab.with(|world| world.changes.clone()), newest(&source, &id).await),
        (vec!["start/7".to_owned()], Some(7)),
        "sent once, and the list tells"
    );
}

#[tokio::test]
async fn a_job_is_played_once_with_the_variables_that_are_written_for_it() {
    let gitlab = GitLab::start("written", Shape::New);
    gitlab.with(|world| {
        let manual = |id, name| Job::new(id, "deploy", name, "manual");
        world.add(Pipeline::new(4, "manual", vec![manual(41, "production"), manual(42, "eu"), manual(43, "us")]));
    });
    let source = source(&gitlab, "");
    let (_, id) = told(&source, 4).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(id));
    let mut ids = Vec::new();
    for name in ["deploy: production", "deploy: eu", "deploy: us"] {
        let job = jobs.until("the job", |seen| seen.job(name).filter(|job| matches!(job.status, RunStatus::Waiting(_))).cloned()).await;
        ids.push(job.id.cast::<Run>());
    }
    let inputs = now(&source, &ids[0], Verb::Play).await.run.expect("a pipeline").inputs;
    assert!(inputs.is_ok_and(|inputs| inputs.open && inputs.known.is_empty()));
    let play = written(&source, &ids[0], Verb::Play).await;
    let command = checks(&source, play.clone()).await.1.expect("a command");
    assert!(command.contains("jobs/41/play") && command.contains("job_variables_attributes") && !command.contains("hunter2"), "{command}");
    accepted(&act(&source, play).await);
    // Without any nothing goes along, as before.
    accepted(&act(&source, wish(&source, &ids[1], Verb::Play).await).await);
    gitlab.with(|world| world.cut = true);
    assert!(matches!(&act(&source, written(&source, &ids[2], Verb::Play).await).await[..], [Stage::Sending, Stage::Unclear { .. }]));
    let variables = json!({ "job_variables_attributes": [{ "key": "VERSION", "value": "2.8.1" }, { "key": "API_TOKEN", "value": "hunter2" }] });
    assert_eq!(gitlab.with(|world| world.written.clone()), [variables.clone(), json!(null), variables]);
    assert_eq!(gitlab.with(|world| world.changes.clone()), ["play/41", "play/42", "play/43"], "each once");
}
