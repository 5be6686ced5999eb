//! Workflows that are started with inputs, once each, behind GitHub's own description.

use super::{
    seen::{Seen, reading, repository},
    world::Run,
};
use crate::kubernetes::acts::{accepted, act, checks, run_now as now, run_wish as wish};
use pilothouse::{
    domain::{CheckKind, Feed, Given, Id, Operation, Outcome, Stage, Verb},
    sources::Source,
    text::{Name, Raw},
};
use serde_json::json;
use std::sync::Arc;

const FILE: &str = r#"
on:
  push:
  workflow_dispatch:
    inputs:
      version: { required: true }
      environment: { type: choice, options: [staging, production], default: staging }
      dry_run: { type: boolean, default: false }
      api_token: {}
"#;
const OTHER_FILE: &str = "on:\n  workflow_dispatch:\n    inputs:\n      release: { required: true }\n";

async fn told(source: &Arc<dyn Source>) -> (Seen, Id<pilothouse::domain::Run>) {
    let mut seen = Seen::new(source, Feed::Runs);
    let run = seen.until("the run", |seen| seen.run(311).filter(|_| seen.whole).cloned()).await;
    (seen, run.id)
}

fn given(pairs: &[(&str, &str)]) -> Vec<Given> {
    pairs.iter().map(|(name, value)| Given { name: Name::new(name), value: Raw::new(value) }).collect()
}

async fn start(source: &Arc<dyn Source>, run: &Id<pilothouse::domain::Run>, pairs: &[(&str, &str)]) -> Operation {
    Operation { inputs: given(pairs), ..wish(source, run, Verb::Dispatch).await }
}

async fn newest(source: &Arc<dyn Source>, run: &Id<pilothouse::domain::Run>) -> Option<u64> {
    now(source, run, Verb::Dispatch).await.run.expect("a run").repeated()
}

#[tokio::test]
async fn a_workflow_is_started_once_with_its_inputs_and_which_run_it_is_is_known() {
    for (name, names) in [("start-listed", false), ("start-named", true)] {
        let Some((github, name, source)) = repository(name, "") else { return };
        github.with(&name, |world| {
            (world.file, world.names) = (Some(FILE), names);
            world.add(Run::over(311, "success"));
        });
        let (mut seen, id) = told(&source).await;
        let before = now(&source, &id, Verb::Dispatch).await.run.expect("a run");
        let lines: Vec<String> = before.inputs.as_ref().expect("it can be started").known.iter().map(|input| input.line()).collect();
        assert_eq!((lines, before.repeated()), (["version=", "environment=staging", "dry_run=false", "api_token="].map(String::from).to_vec(), None));
        let wish = start(&source, &id, &[("version", "2.8.1"), ("environment", "production"), ("api_token", "hunter2")]).await;
        let (expected, command, made) = checks(&source, wish.clone()).await;
        assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
        let command = command.expect("a command");
        assert!(command.contains("gh workflow run deploy.yml --ref main -f version=2.8.1 -f environment=production -f 'api_token=••••'"), "{command}");
        assert!(made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:?}");
        let stages = act(&source, wish.clone()).await;
        accepted(&stages);
        let named = matches!(&stages[1], Stage::Accepted { request: Some(request), .. } if request.as_str() == "run 312");
        assert_eq!(named, names, "{stages:?}");
        let sent = json!({ "version": "2.8.1", "environment": "production", "api_token": "hunter2" });
        assert_eq!(github.with(&name, |world| world.starts.clone()), [("main".to_owned(), sent)], "once, with these");
        assert_eq!(newest(&source, &id).await, Some(312));
        seen.until("the new run in the list", |seen| seen.run(312).map(|_| ())).await;
        // The plan is of before: somebody started one since.
        assert!(matches!(&act(&source, wish).await[..], [Stage::Conflict { what, same: false }] if what.contains("#312")));
        assert_eq!(github.with(&name, |world| world.starts.len()), 1);
    }
}

#[tokio::test]
async fn what_can_not_be_started_is_said_in_the_plan_and_what_its_file_no_longer_takes_is_a_conflict() {
    let Some((github, name, source)) = repository("start-not", "") else { return };
    github.with(&name, |world| world.add(Run::over(311, "success")));
    let (_, id) = told(&source).await;
    for (file, why) in [(Some("on: [push]"), "workflow_dispatch among its triggers"), (None, "does not hold deploy.yml"), (Some("on: ["), "is no YAML")] {
        github.with(&name, |world| world.file = file);
        let wish = wish(&source, &id, Verb::Dispatch).await;
        let found = checks(&source, wish.clone()).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
        assert!(found.outcome == Outcome::Block && found.sentence.contains(why), "{found:?}");
        assert!(matches!(&act(&source, wish).await[..], [Stage::Conflict { what, .. }] if what.contains(why)));
    }
    github.with(&name, |world| world.file = Some(FILE));
    let wish = start(&source, &id, &[("version", "2.8.1")]).await;
    github.with(&name, |world| world.file = Some(OTHER_FILE));
    assert!(matches!(&act(&source, wish).await[..], [Stage::Conflict { what, same: false }] if what.contains("no input version")));
    assert!(github.with(&name, |world| world.starts.is_empty()), "nothing was sent");
}

#[tokio::test]
async fn a_lost_answer_to_a_start_is_unclear_a_refusal_has_words_and_read_only_sends_nothing() {
    let Some((github, name, source)) = repository("start-lost", "") else { return };
    github.with(&name, |world| {
        world.file = Some(FILE);
        world.add(Run::over(311, "success"));
    });
    let (_, id) = told(&source).await;
    let inputs = [("version", "2.8.1")];
    github.with(&name, |world| world.forbids = Some("Resource not accessible by personal access token"));
    let stages = act(&source, start(&source, &id, &inputs).await).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.contains("Resource not accessible")), "{stages:?}");
    let stages = act(&reading(&github.proxy, &name), start(&source, &id, &inputs).await).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("read-only")), "{stages:?}");
    assert!(github.with(&name, |world| world.starts.is_empty()), "nothing was started");
    github.with(&name, |world| (world.forbids, world.cut) = (None, true));
    let before = newest(&source, &id).await;
    let stages = act(&source, start(&source, &id, &inputs).await).await;
    let look = "gh run list -w 77 -e workflow_dispatch";
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Unclear { why }] if why.contains(look)), "{stages:?}");
    assert_eq!(github.with(&name, |world| world.starts.len()), 1, "sent once");
    assert!(newest(&source, &id).await > before, "the list tells that it was started");
}
