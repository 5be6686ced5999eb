//! Runs that are run again, cancelled, let go on and stopped, behind GitHub's own description.

use super::{
    seen::{Seen, reading, repository},
    world::{Job, Run, World},
};
use crate::kubernetes::acts::{accepted, act, checks, run_now as now, run_wish as wish};
use pilothouse::{
    domain::{CheckKind, Feed, Id, Outcome, RunStatus, Stage, Verb},
    sources::Source,
};
use std::sync::Arc;

async fn told(source: &Arc<dyn Source>, number: u64) -> (Seen, Id<pilothouse::domain::Run>) {
    let mut seen = Seen::new(source, Feed::Runs);
    let run = seen.until("the run", |seen| seen.runs.values().find(|run| run.number == number).filter(|_| seen.whole).cloned()).await;
    (seen, run.id)
}

async fn becomes(seen: &mut Seen, id: &Id<pilothouse::domain::Run>, attempt: u32, status: RunStatus) {
    seen.until("the run goes on", |seen| seen.runs.get(id).filter(|run| run.attempt == attempt && run.status == status).map(|_| ())).await;
}

/// A run in which one job succeeded and one failed.
fn failed(world: &mut World) {
    let mut jobs = vec![Job::queued(1, "build"), Job::queued(2, "deploy")];
    jobs[0].ends("success", None);
    jobs[1].ends("failure", None);
    world.add(Run { jobs, ..Run::over(311, "failure") });
}

#[tokio::test]
async fn what_failed_is_run_again_once_and_the_list_shows_it_soon() {
    let Some((github, name, source)) = repository("run-again", "") else { return };
    github.with(&name, failed);
    let (mut seen, id) = told(&source, 311).await;
    let operation = wish(&source, &id, Verb::RerunFailed).await;
    let (expected, command, made) = checks(&source, operation.clone()).await;
    assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
    assert!(command.is_some_and(|command| command.contains("gh run rerun 311 --failed")));
    assert!(made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:?}");
    accepted(&act(&source, operation.clone()).await);
    becomes(&mut seen, &id, 2, RunStatus::Queued).await;
    assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { what, same: false }] if what.contains("attempt 2")));
    assert_eq!(github.with(&name, |world| world.reruns.clone()), ["rerun-failed-jobs/311"], "once");
    github.with(&name, |world| world.run(311).stands("completed", Some("success")));
    becomes(&mut seen, &id, 2, RunStatus::Success).await;
    let found = checks(&source, wish(&source, &id, Verb::RerunFailed).await).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
    assert_eq!(found.outcome, Outcome::Block, "{found:?}");
    accepted(&act(&source, wish(&source, &id, Verb::Rerun).await).await);
    becomes(&mut seen, &id, 3, RunStatus::Running).await;
}

#[tokio::test]
async fn a_run_is_cancelled_and_one_that_has_ended_meanwhile_is_a_conflict() {
    let Some((github, name, source)) = repository("run-cancelled", "") else { return };
    github.with(&name, |world| {
        for number in [320, 321, 322] {
            let mut run = Run::queued(number, vec![Job::queued(number, "build")]);
            run.stands("in_progress", None);
            world.add(run);
        }
    });
    let (mut seen, id) = told(&source, 320).await;
    accepted(&act(&source, wish(&source, &id, Verb::Cancel).await).await);
    becomes(&mut seen, &id, 1, RunStatus::Cancelled).await;
    let (_, forced) = told(&source, 321).await;
    accepted(&act(&source, wish(&source, &forced, Verb::ForceCancel).await).await);
    let (_, ended) = told(&source, 322).await;
    let late = wish(&source, &ended, Verb::Cancel).await;
    github.with(&name, |world| world.run(322).stands("completed", Some("success")));
    assert!(matches!(&act(&source, late).await[..], [Stage::Conflict { what, .. }] if what.contains("ok")));
    assert_eq!(github.with(&name, |world| world.reruns.clone()), ["cancel/320", "force-cancel/321"]);
}

#[tokio::test]
async fn what_an_environment_holds_is_let_go_on_or_not_by_those_whom_it_asks() {
    let Some((github, name, source)) = repository("run-held", "") else { return };
    github.with(&name, |world| {
        for (number, ours) in [(330, true), (331, true), (332, false)] {
            let mut run = Run::queued(number, vec![Job::queued(number, "deploy production")]);
            run.stands("waiting", None);
            run.held = vec![(7, "production", ours), (8, "eu/prod", ours)];
            world.add(run);
        }
        let mut both = Run::queued(334, vec![Job::queued(334, "deploy production")]);
        both.stands("waiting", None);
        both.held = vec![(7, "production", true), (8, "eu/prod", false)];
        world.add(both);
        let mut fork = Run::over(333, "action_required");
        fork.jobs = Vec::new();
        world.add(fork);
    });
    let (mut seen, id) = told(&source, 330).await;
    let held = now(&source, &id, Verb::Approve).await.run.expect("a run").held;
    assert_eq!(held.iter().map(|held| held.environment.raw()).collect::<Vec<_>>(), ["production", "eu/prod"]);
    let approve = wish(&source, &id, Verb::Approve).await;
    accepted(&act(&source, approve).await);
    becomes(&mut seen, &id, 1, RunStatus::Running).await;
    assert!(now(&source, &id, Verb::Approve).await.run.is_some_and(|run| run.held.is_empty()));
    let (mut seen, id) = told(&source, 331).await;
    accepted(&act(&source, wish(&source, &id, Verb::Reject).await).await);
    becomes(&mut seen, &id, 1, RunStatus::Failed).await;
    let (_, foreign) = told(&source, 332).await;
    let found = checks(&source, wish(&source, &foreign, Verb::Approve).await).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
    assert!(found.outcome == Outcome::Block && found.sentence.contains("not among those"), "{found:?}");
    // Of two that hold it one asks others: ours is let go on, and the other holds it still.
    let (_, both) = told(&source, 334).await;
    let approve = wish(&source, &both, Verb::Approve).await;
    accepted(&act(&source, approve).await);
    assert_eq!(github.with(&name, |world| world.run(334).held.clone()), [(8, "eu/prod", false)]);
    let (mut seen, fork) = told(&source, 333).await;
    accepted(&act(&source, wish(&source, &fork, Verb::Approve).await).await);
    becomes(&mut seen, &fork, 1, RunStatus::Queued).await;
    assert_eq!(
        github.with(&name, |world| world.reruns.clone()),
        ["pending_deployments/330", "pending_deployments/331", "pending_deployments/334", "approve/333"]
    );
}

#[tokio::test]
async fn a_lost_answer_is_unclear_a_refusal_says_who_and_read_only_sends_nothing() {
    let Some((github, name, source)) = repository("run-lost", "") else { return };
    github.with(&name, failed);
    let (_, id) = told(&source, 311).await;
    github.with(&name, |world| world.cut = true);
    let stages = act(&source, wish(&source, &id, Verb::RerunFailed).await).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Unclear { .. }]), "{stages:?}");
    assert_eq!(now(&source, &id, Verb::RerunFailed).await.run.expect("a run").run.attempt, 2, "it was carried out, and says so itself");
    assert_eq!(github.with(&name, |world| world.reruns.clone()), ["rerun-failed-jobs/311"], "and is not sent again");
    github.with(&name, |world| world.run(311).stands("completed", Some("failure")));
    let reader = reading(&github.proxy, &name);
    let stages = act(&reader, wish(&source, &id, Verb::Rerun).await).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("read-only")), "{stages:?}");
    github.with(&name, |world| world.may_write = false);
    let found = checks(&source, wish(&source, &id, Verb::Rerun).await).await.2.remove(&CheckKind::Rights).expect("it is looked at");
    assert_eq!(found.outcome, Outcome::Block, "{found:?}");
    assert_eq!(github.with(&name, |world| world.reruns.len()), 1);
}
