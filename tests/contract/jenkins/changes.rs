//! Builds that are built again, stopped, ended by force and answered.

use super::{
    stand_in::{Jenkins, reading},
    world::{Build, FREESTYLE, PIPELINE, Plugins, World, asked, stage},
};
use crate::{
    github::seen::Seen,
    kubernetes::acts::{accepted, act, checks, operation, run_now, run_wish as wish},
};
use pilothouse::{
    domain::{CheckKind, Feed, Finding, Id, Operation, Outcome, Run, RunNow, RunStatus, Stage, Verb},
    sources::Source,
};
use serde_json::{Value, json};
use std::sync::Arc;

async fn now(source: &Arc<dyn Source>, run: &Id<Run>, verb: Verb) -> RunNow {
    *run_now(source, run, verb).await.run.expect("a run")
}

/// The plan of it: the command by hand, and whether it can be done.
async fn plan(source: &Arc<dyn Source>, operation: Operation) -> (String, Finding) {
    let (expected, command, mut made) = checks(source, operation).await;
    assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
    assert_eq!(made.get(&CheckKind::Rights).map(|found| found.outcome), Some(Outcome::Unknown), "Jenkins does not tell that: {made:?}");
    (command.map(|command| command.to_string()).unwrap_or_default(), made.remove(&CheckKind::Pipeline).expect("it is looked at"))
}

/// Plans it and carries it out, as a person does.
async fn done(source: &Arc<dyn Source>, run: &Id<Run>, verb: Verb) -> Vec<Stage> {
    let operation = wish(source, run, verb).await;
    plan(source, operation.clone()).await;
    act(source, operation).await
}

async fn listed(source: &Arc<dyn Source>, number: u64) -> (Seen, Id<Run>) {
    let mut seen = Seen::new(source, Feed::Runs);
    let id = seen.until("the build", |seen| seen.run(number).filter(|_| seen.whole).cloned()).await.id;
    (seen, id)
}

async fn becomes(seen: &mut Seen, id: &Id<Run>, status: RunStatus) {
    seen.until("how it stands then", |seen| seen.runs.get(id).filter(|run| run.status == status).map(|_| ())).await;
}

/// A job with two parameters, and a build of it that failed.
fn failed(world: &mut World) {
    let mut build = Build::over(311, "FAILURE");
    build.actions = json!([{ "causes": [{ "userId": "robin" }] }, { "parameters": [{ "name": "VERSION", "value": "2.8.0 & more" }, { "name": "DRY", "value": true }] },
        { "lastBuiltRevision": { "SHA1": "c0ffee0000", "branch": [{ "name": "refs/remotes/origin/main" }] }, "remoteUrls": ["https://git.example/cart"] }]);
    world.add("shop/cart", PIPELINE, vec![build]);
    let job = world.jobs.get_mut("shop/cart").expect("a job");
    job.parameters = vec![("VERSION", "StringParameterDefinition", json!("latest")), ("DRY", "BooleanParameterDefinition", json!(false))];
}

fn acts(jenkins: &Jenkins) -> Vec<String> {
    jenkins.with(|world| world.acts.clone())
}

#[tokio::test]
async fn a_build_is_built_again_once_with_its_parameters_and_the_one_that_repeats_it_is_told() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(failed);
    let source = jenkins.source("");
    assert!(source.offers().verbs.contains(&Verb::Rerun) && !source.offers().verbs.contains(&Verb::RerunFailed));
    let (mut seen, id) = listed(&source, 311).await;
    let before = now(&source, &id, Verb::Rerun).await;
    assert_eq!(before.repeated(), None);
    let operation = operation(Verb::Rerun, &before.subject(Verb::Rerun), None);
    let (command, found) = plan(&source, operation.clone()).await;
    assert_eq!(found.outcome, Outcome::Ok, "{found:?}");
    assert!(command.contains("/ci/job/shop/job/cart/buildWithParameters --data-urlencode 'VERSION=2.8.0 & more'"), "{command}");
    accepted(&act(&source, operation.clone()).await);
    assert_eq!(acts(&jenkins), ["buildWithParameters shop/cart DRY=true&VERSION=2.8.0 & more"]);
    // It waits, and counts as the one that repeats it already.
    assert_eq!(now(&source, &id, Verb::Rerun).await.repeated(), Some(312));
    assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { what, same: false }] if what.contains("run again meanwhile")), "nothing is sent");
    // Somebody else's build comes first: by its item in the queue ours is known all the same.
    jenkins.with(|world| {
        world.begin("shop/cart", Build::running(312));
        world.starts("shop/cart");
    });
    assert_eq!(now(&source, &id, Verb::Rerun).await.repeated(), Some(313));
    seen.until("the new build", |seen| seen.run(313).filter(|run| run.status == RunStatus::Running).map(|_| ())).await;
    assert_eq!(acts(&jenkins).len(), 1, "once");
}

#[tokio::test]
async fn after_a_lost_answer_the_build_is_found_by_who_asked_for_it_and_its_parameters() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(failed);
    jenkins.with(|world| (world.name, world.cut) = ("kim.k", true));
    let source = jenkins.source("");
    let (_, id) = listed(&source, 311).await;
    let stages = done(&source, &id, Verb::Rerun).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Unclear { .. }]), "{stages:?}");
    assert_eq!(now(&source, &id, Verb::Rerun).await.repeated(), Some(312), "it waits in the queue");
    let with = |user: &str, version: &str| json!([{ "causes": [{ "userId": user }] }, { "parameters": [{ "name": "VERSION", "value": version }, { "name": "DRY", "value": true }] }]);
    jenkins.with(|world| {
        world.starts("shop/cart");
        world.begin("shop/cart", Build { actions: with("kim.k", "2.9.0"), ..Build::running(313) });
        world.begin("shop/cart", Build { actions: with("kim", "2.8.0 & more"), ..Build::running(314) });
    });
    assert_eq!(now(&source, &id, Verb::Rerun).await.repeated(), Some(312), "the others were asked for by somebody else, or with something else");
    assert_eq!(acts(&jenkins).len(), 1, "and nothing is sent again");
}

#[tokio::test]
async fn what_can_not_be_given_again_is_said_and_nothing_is_sent() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        let with = |number, parameters: Value| Build { actions: json!([{ "parameters": parameters }]), ..Build::over(number, "FAILURE") };
        let secret = json!([{ "_class": "hudson.model.PasswordParameterValue", "name": "DB_PASSWORD" }, { "name": "VERSION", "value": "1" }]);
        world.add("secret", PIPELINE, vec![with(1, secret)]);
        world.jobs.get_mut("secret").expect("a job").parameters =
            vec![("DB_PASSWORD", "PasswordParameterDefinition", json!("")), ("VERSION", "StringParameterDefinition", json!(""))];
        world.add("closed", FREESTYLE, vec![with(2, json!([]))]);
        world.jobs.get_mut("closed").expect("a job").disabled = true;
        world.add("changed", FREESTYLE, vec![with(3, json!([{ "name": "OLD", "value": "1" }]))]);
        world.jobs.get_mut("changed").expect("a job").parameters = vec![("NEW", "StringParameterDefinition", json!("x"))];
        world.add("bare", FREESTYLE, vec![with(4, json!([]))]);
    });
    let source = jenkins.source("");
    for (number, outcome, words) in [
        (1, Outcome::Block, "does not tell what was given for DB_PASSWORD"),
        (2, Outcome::Block, "disabled"),
        (3, Outcome::Warn, "knows no OLD any more; NEW was not known then"),
        (4, Outcome::Ok, ""),
    ] {
        let (_, id) = listed(&source, number).await;
        let operation = wish(&source, &id, Verb::Rerun).await;
        let (command, found) = plan(&source, operation.clone()).await;
        assert_eq!(command.is_empty(), number == 1, "no command leaves something out: {command}");
        assert!(found.outcome == outcome && found.sentence.contains(words), "{number}: {found:?}");
        let stages = act(&source, operation).await;
        assert_eq!(matches!(&stages[..], [Stage::Conflict { same: false, .. }]), outcome == Outcome::Block, "{number}: {stages:?}");
    }
    assert_eq!(acts(&jenkins), ["buildWithParameters changed", "build bare"]);
}

#[tokio::test]
async fn a_build_is_stopped_then_its_steps_are_ended_then_it_is_killed() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        world.add("shop/cart", PIPELINE, vec![Build { stubborn: true, log: b"compiling\n".repeat(10_000), ..Build::running(7) }]);
        world.add("plain", FREESTYLE, vec![Build::running(8), Build::running(9)]);
    });
    let source = jenkins.source("");
    let (mut seen, id) = listed(&source, 7).await;
    accepted(&done(&source, &id, Verb::Cancel).await);
    let by_force = wish(&source, &id, Verb::ForceCancel).await;
    let (command, found) = plan(&source, by_force.clone()).await;
    assert!(
        command.ends_with("/job/shop/job/cart/7/term") && found.outcome == Outcome::Warn && found.sentence.starts_with("term is sent"),
        "{command} {found:?}"
    );
    accepted(&act(&source, by_force.clone()).await);
    let stages = act(&source, by_force.clone()).await;
    assert!(matches!(&stages[..], [Stage::Conflict { what, .. }] if what.contains("kill would be sent")), "the plan said term: {stages:?}");
    jenkins.with(|world| world.build("shop/cart", 7).log.extend_from_slice(&b"it goes on and on\n".repeat(2_000)));
    let (command, found) = plan(&source, by_force.clone()).await;
    assert!(command.ends_with("/7/kill") && found.sentence.starts_with("kill is sent"), "{command} {found:?}");
    accepted(&act(&source, by_force).await);
    becomes(&mut seen, &id, RunStatus::Cancelled).await;

    let (mut seen, plain) = listed(&source, 8).await;
    let (_, found) = plan(&source, wish(&source, &plain, Verb::ForceCancel).await).await;
    assert!(found.outcome == Outcome::Block && found.sentence.contains("only pipelines"), "{found:?}");
    accepted(&done(&source, &plain, Verb::Cancel).await);
    becomes(&mut seen, &plain, RunStatus::Cancelled).await;
    let (_, ended) = listed(&source, 9).await;
    let late = wish(&source, &ended, Verb::Cancel).await;
    jenkins.with(|world| world.build("plain", 9).ends("SUCCESS"));
    assert!(matches!(&act(&source, late).await[..], [Stage::Conflict { what, .. }] if what.contains("moved on meanwhile: ok")));
    assert_eq!(acts(&jenkins), ["stop shop/cart 7", "term shop/cart 7", "kill shop/cart 7", "stop plain 8"]);
}

#[tokio::test]
async fn what_waits_in_the_queue_is_taken_out_unless_it_has_begun() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        world.add("shop/cart", PIPELINE, vec![Build::over(310, "SUCCESS")]);
        world.waits(77, "shop/cart", "Waiting for next available executor");
        world.waits(78, "shop/cart", "Waiting for next available executor");
    });
    let source = jenkins.source("");
    let (_, second) = listed(&source, 312).await;
    accepted(&done(&source, &second, Verb::Cancel).await);
    assert_eq!(now(&source, &second, Verb::Cancel).await.run.status, RunStatus::Cancelled);
    let (_, first) = listed(&source, 311).await;
    let late = wish(&source, &first, Verb::Cancel).await;
    jenkins.with(|world| world.starts("shop/cart"));
    assert!(matches!(&act(&source, late).await[..], [Stage::Conflict { what, .. }] if what.contains("build #311")));
    assert_eq!(acts(&jenkins), ["cancelItem 78"]);
}

/// A pipeline that asks something.
fn asking(number: u64, asks: Vec<super::world::Asked>) -> Build {
    Build { asks, stages: vec![stage(5, "Build", "SUCCESS"), stage(8, "Deploy", "PAUSED_PENDING_INPUT")], ..Build::running(number) }
}

#[tokio::test]
async fn the_question_that_was_seen_is_answered_and_no_other() {
    for plugins in [Plugins::StageView, Plugins::GraphView] {
        let jenkins = Jenkins::new(plugins).await;
        let ship = || vec![asked("Ship", "Ship to production?", json!([]))];
        jenkins.with(|world| world.add("shop/cart", PIPELINE, (1..=4).map(|number| asking(number, ship())).collect()));
        let source = jenkins.source("");
        let (mut seen, id) = listed(&source, 1).await;
        let [second, third, fourth] = [2, 3, 4].map(|number| seen.run(number).expect("a build").id.clone());
        let held = now(&source, &id, Verb::Approve).await.held;
        assert_eq!(
            held.iter().map(|held| (held.environment.raw(), held.key.expose(), held.ours)).collect::<Vec<_>>(),
            [("\"Ship to production?\"", "Ship", None)]
        );
        accepted(&done(&source, &id, Verb::Approve).await);
        becomes(&mut seen, &id, RunStatus::Running).await;
        assert!(now(&source, &id, Verb::Approve).await.held.is_empty());
        accepted(&done(&source, &second, Verb::Reject).await);
        assert_eq!(now(&source, &second, Verb::Reject).await.run.status, RunStatus::Cancelled);
        // Somebody was faster, and it asks something else with the same words.
        let late = wish(&source, &third, Verb::Approve).await;
        jenkins.with(|world| world.build("shop/cart", 3).asks = vec![asked("Again", "Ship to production?", json!([]))]);
        assert!(matches!(&act(&source, late).await[..], [Stage::Conflict { what, .. }] if what.contains("something else")));
        // It is not ours to answer.
        jenkins.with(|world| world.denied.push("input"));
        let stages = done(&source, &fourth, Verb::Approve).await;
        assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.contains("does not take the answer from kim")), "{stages:?}");
        assert_eq!(acts(&jenkins), ["proceedEmpty 1/Ship", "abort 2/Ship"]);
    }
}

#[tokio::test]
async fn values_that_an_answer_wants_are_sent_where_all_have_a_default() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    let one = |kind: &str, name: &str, default: Value| json!({ "type": kind, "name": name, "description": "", "definition": { "defaultVal": default } });
    jenkins.with(|world| {
        let known = json!([one("BooleanParameterDefinition", "Migrate?", json!(false)), one("ChoiceParameterDefinition", "Where", json!("eu"))]);
        let open = json!([one("StringParameterDefinition", "Ticket", json!("")), one("PasswordParameterDefinition", "Key", json!("MyPasswd"))]);
        let builds = vec![
            asking(1, vec![asked("Ship", "Ship?", known)]),
            asking(2, vec![asked("Ship", "Ship?", open)]),
            asking(3, vec![asked("A", "First?", json!([])), asked("B", "Second?", json!([]))]),
        ];
        world.add("shop/cart", PIPELINE, builds);
    });
    let source = jenkins.source("");
    let (_, id) = listed(&source, 1).await;
    let approve = wish(&source, &id, Verb::Approve).await;
    let (_, found) = plan(&source, approve.clone()).await;
    assert!(found.outcome == Outcome::Warn && found.sentence.contains("Migrate?=false, Where=eu"), "{found:?}");
    accepted(&act(&source, approve).await);
    for (number, words) in [(2, "no default, or is a secret or a file: Ticket, Key"), (3, "several things at once: First?; Second?")] {
        let (_, id) = listed(&source, number).await;
        let (_, found) = plan(&source, wish(&source, &id, Verb::Approve).await).await;
        assert!(found.outcome == Outcome::Block && found.sentence.contains(words), "{found:?}");
        assert!(found.remedy.is_some_and(|remedy| remedy.ends_with(&format!("/job/shop/job/cart/{number}/input/"))));
    }
    let [said] = &acts(&jenkins)[..] else { panic!("once") };
    let said: Value = serde_json::from_str(said.strip_prefix("proceed 1/Ship ").expect("with values")).expect("JSON");
    assert_eq!(said, json!({ "parameter": [{ "name": "Migrate?", "value": false }, { "name": "Where", "value": "eu" }] }), "as JSON, not as texts");
}

#[tokio::test]
async fn a_password_takes_a_crumb_with_its_session_and_a_stale_one_is_told_and_not_replaced() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| world.add("plain", FREESTYLE, vec![Build::running(1), Build::running(2)]));
    let source = jenkins.known_as("pa55", "");
    let (_, id) = listed(&source, 1).await;
    accepted(&done(&source, &id, Verb::Cancel).await);
    let (_, other) = listed(&source, 2).await;
    jenkins.with(|world| world.stale = true);
    jenkins.with(|world| world.asked.clear());
    let stages = done(&source, &other, Verb::Cancel).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.contains("crumb") && why.contains("/user/kim/security")), "{stages:?}");
    assert_eq!(jenkins.with(|world| world.asked.iter().filter(|asked| asked.what.ends_with("/2/stop")).count()), 1, "once");
    assert_eq!(acts(&jenkins), ["stop plain 1"]);
}

#[tokio::test]
async fn a_refusal_says_who_and_what_it_takes_and_read_only_sends_nothing() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        failed(world);
        world.add("plain", FREESTYLE, vec![Build::running(1)]);
        world.denied = vec!["hudson.model.Item.Build", "hudson.model.Item.Cancel"];
    });
    let source = jenkins.source("");
    for (number, verb, right) in [(311, Verb::Rerun, "hudson.model.Item.Build"), (1, Verb::Cancel, "hudson.model.Item.Cancel")] {
        let (_, id) = listed(&source, number).await;
        let stages = done(&source, &id, verb).await;
        assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.contains("let kim do this") && why.contains(right)), "{stages:?}");
    }
    jenkins.with(|world| world.denied.clear());
    let (_, id) = listed(&source, 1).await;
    let operation = wish(&source, &id, Verb::Cancel).await;
    jenkins.with(|world| world.asked.clear());
    let stages = act(&reading(&jenkins.url), operation).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("read-only")), "{stages:?}");
    assert!(acts(&jenkins).is_empty());
    assert!(!jenkins.with(|world| world.asked.iter().any(|asked| asked.what.ends_with("/stop") || asked.what.contains("crumb"))));
}
