//! Builds that are started with parameters that a person writes, once each.

use super::{
    stand_in::{Jenkins, reading},
    world::{Build, FREESTYLE, PIPELINE, Plugins, World},
};
use crate::{
    github::seen::Seen,
    kubernetes::acts::{accepted, act, checks, run_now, run_wish as wish},
};
use pilothouse::{
    domain::{CheckKind, Feed, Given, Id, Operation, Outcome, Run, RunNow, RunStatus, Stage, Verb},
    sources::Source,
    text::{Name, Raw},
};
use serde_json::json;
use std::sync::Arc;

async fn now(source: &Arc<dyn Source>, run: &Id<Run>) -> RunNow {
    *run_now(source, run, Verb::Dispatch).await.run.expect("a run")
}

async fn listed(source: &Arc<dyn Source>, number: u64) -> (Seen, Id<Run>) {
    let mut seen = Seen::new(source, Feed::Runs);
    let id = seen.until("the build", |seen| seen.run(number).filter(|_| seen.whole).cloned()).await.id;
    (seen, id)
}

async fn start(source: &Arc<dyn Source>, id: &Id<Run>, inputs: &[(&str, &str)]) -> Operation {
    let inputs = inputs.iter().map(|(name, value)| Given { name: Name::new(name), value: Raw::new(value) });
    Operation { inputs: inputs.collect(), ..wish(source, id, Verb::Dispatch).await }
}

/// A job with parameters of each kind, and one build of it.
fn parameterised(world: &mut World) {
    world.add("shop/cart", PIPELINE, vec![Build::running(311)]);
    world.jobs.get_mut("shop/cart").expect("a job").parameters = vec![
        ("VERSION", "StringParameterDefinition", json!("latest")),
        ("TO", "ChoiceParameterDefinition", json!(["staging", "production"])),
        ("DRY", "BooleanParameterDefinition", json!(false)),
        ("NOTES", "TextParameterDefinition", json!("one\ntwo")),
    ];
}

#[tokio::test]
async fn a_build_is_started_once_with_its_parameters_and_which_one_it_is_is_known() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(parameterised);
    let source = jenkins.source("");
    let (mut seen, id) = listed(&source, 311).await;
    let before = now(&source, &id).await;
    let told: Vec<(String, String)> =
        before.inputs.as_ref().expect("it can be started").known.iter().map(|input| (input.line(), input.takes().to_string())).collect();
    let line = |line: &str, takes: &str| (line.to_owned(), takes.to_owned());
    let kinds = [
        line("VERSION=latest", "any text"),
        line("TO=staging", "one of staging, production"),
        line("DRY=false", "true or false"),
        line("NOTES=one two", "any text"),
    ];
    assert_eq!((told, before.repeated()), (kinds.to_vec(), None), "also beside a build that goes on");
    let inputs = [("VERSION", "2.8.1"), ("TO", "production"), ("DRY", "true"), ("NOTES", "one\ntwo")];
    let operation = start(&source, &id, &inputs).await;
    let (expected, command, made) = checks(&source, operation.clone()).await;
    assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
    assert_eq!(made[&CheckKind::Pipeline].outcome, Outcome::Ok, "{made:?}");
    assert!(command.is_some_and(|command| command.contains("/buildWithParameters --data-urlencode VERSION=2.8.1 --data-urlencode TO=production")));
    let stages = act(&source, operation.clone()).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Accepted { request: Some(item), .. }] if item.contains("of the queue")), "{stages:?}");
    let acts = || jenkins.with(|world| world.acts.clone());
    assert_eq!(acts(), ["buildWithParameters shop/cart DRY=true&NOTES=one\ntwo&TO=production&VERSION=2.8.1"]);
    assert_eq!(now(&source, &id).await.repeated(), Some(312), "it waits in the queue");
    assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { what, same: false }] if what.contains("#312")));
    // What is just the same and waits still is one build for Jenkins.
    let stages = act(&source, start(&source, &id, &inputs).await).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Conflict { what, .. }] if what.contains("waits in the queue already")), "{stages:?}");
    jenkins.with(|world| world.starts("shop/cart"));
    seen.until("the new build", |seen| seen.run(312).filter(|run| run.status == RunStatus::Running).map(|_| ())).await;
    assert_eq!(now(&source, &id).await.repeated(), Some(312));
}

#[tokio::test]
async fn a_job_that_takes_a_secret_is_refused_in_the_plan_and_one_that_takes_nothing_is_started_so() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        world.add("secret", PIPELINE, vec![Build::over(1, "SUCCESS")]);
        world.jobs.get_mut("secret").expect("a job").parameters =
            vec![("VERSION", "StringParameterDefinition", json!("1")), ("DB_PASSWORD", "PasswordParameterDefinition", json!("hunter2"))];
        world.add("closed", FREESTYLE, vec![Build::over(2, "FAILURE")]);
        world.jobs.get_mut("closed").expect("a job").disabled = true;
        world.add("bare", FREESTYLE, vec![Build::over(3, "SUCCESS")]);
    });
    let source = jenkins.source("");
    for (number, words) in [(1, "DB_PASSWORD"), (2, "disabled")] {
        let (_, id) = listed(&source, number).await;
        let operation = wish(&source, &id, Verb::Dispatch).await;
        let found = checks(&source, operation.clone()).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
        assert!(found.outcome == Outcome::Block && found.sentence.contains(words) && !found.sentence.contains("hunter2"), "{found:?}");
        assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { same: false, .. }]));
    }
    let (_, bare) = listed(&source, 3).await;
    accepted(&act(&source, wish(&source, &bare, Verb::Dispatch).await).await);
    assert_eq!(jenkins.with(|world| world.acts.clone()), ["build bare"], "and nothing else was sent");
}

#[tokio::test]
async fn what_the_job_no_longer_takes_is_a_conflict_a_lost_answer_is_unclear_and_read_only_sends_nothing() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(parameterised);
    let source = jenkins.source("");
    let (_, id) = listed(&source, 311).await;
    let operation = start(&source, &id, &[("VERSION", "2.8.1"), ("TO", "production")]).await;
    jenkins.with(|world| world.jobs.get_mut("shop/cart").expect("a job").parameters[1].2 = json!(["staging"]));
    assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { what, .. }] if what.contains("TO takes one of staging")));
    let inputs = [("VERSION", "2.8.1"), ("TO", "staging")];
    let stages = act(&reading(&jenkins.url), start(&source, &id, &inputs).await).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("read-only")), "{stages:?}");
    jenkins.with(|world| world.denied.push("hudson.model.Item.Build"));
    let stages = act(&source, start(&source, &id, &inputs).await).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.contains("hudson.model.Item.Build")), "{stages:?}");
    assert!(jenkins.with(|world| world.acts.is_empty()), "nothing was started");
    jenkins.with(|world| (world.denied.clear(), world.cut = true));
    let before = now(&source, &id).await.repeated();
    let stages = act(&source, start(&source, &id, &inputs).await).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Unclear { why }] if why.contains("Whether it started shows http")), "{stages:?}");
    assert_eq!(jenkins.with(|world| world.acts.len()), 1, "sent once");
    assert!(now(&source, &id).await.repeated() > before, "the queue tells that it was started");
}
