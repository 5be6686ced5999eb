//! Deployments that wait for an approval, and what is answered.

use super::{
    source,
    stand_in::GitLab,
    world::{Deployment, Job, Pipeline, Shape, World},
};
use crate::{
    github::seen::Seen,
    kubernetes::acts::{accepted, act, checks, operation, run_now as now, run_wish as wish},
};
use jiff::Timestamp;
use pilothouse::{
    domain::{CheckKind, Feed, Id, Outcome, Run, RunStatus, Stage, Verb},
    sources::Source,
};
use serde_json::json;
use std::sync::Arc;

/// A pipeline whose jobs deploy to environments that are protected.
fn blocked(world: &mut World) {
    let names = ["production", "eu", "us"];
    let jobs = names.iter().zip(41..).map(|(name, id)| Job::new(id, "deploy", name, "manual")).chain([Job::new(44, "deploy", "free", "manual")]);
    world.add(Pipeline::new(4, "manual", jobs.collect()));
    let one = |(name, id): (&&str, u64)| Deployment {
        id: id - 30,
        environment: (*name).into(),
        sha: "c0ffee".into(),
        status: "blocked",
        job: Some(id),
        by: "kim",
        created: Timestamp::now(),
    };
    world.deployments = names.iter().zip(41..).map(one).collect();
}

/// The job of this name, when it stands so.
async fn job(jobs: &mut Seen, name: &str, so: impl Fn(&RunStatus) -> bool) -> Id<Run> {
    jobs.until("how the job stands", |seen| seen.job(name).filter(|job| so(&job.status)).cloned()).await.id.cast()
}

async fn jobs(source: &Arc<dyn Source>) -> Seen {
    let mut seen = Seen::new(source, Feed::Runs);
    let run = seen.until("the pipeline", |seen| seen.run(4).filter(|_| seen.whole).cloned()).await;
    Seen::new(source, Feed::Jobs(run.id))
}

#[tokio::test]
async fn a_deployment_that_waits_for_an_approval_says_so_and_is_approved_once_or_rejected() {
    let gitlab = GitLab::start("approved", Shape::New);
    gitlab.with(blocked);
    let source = source(&gitlab, "");
    let mut jobs = jobs(&source).await;
    let waits = |to: &'static str| move |status: &RunStatus| matches!(status, RunStatus::Waiting(why) if why.ends_with(to)) && status.asks_approval();
    let production = job(&mut jobs, "deploy: production", waits("its deployment to production")).await;
    let free = job(&mut jobs, "deploy: free", |status| matches!(status, RunStatus::Waiting(_)) && !status.asks_approval()).await;
    let before = now(&source, &production, Verb::Approve).await;
    assert_eq!(before.run.as_ref().map(|run| run.held.iter().map(|held| held.environment.raw().to_owned()).collect()), Some(vec!["production".to_owned()]));
    let approve = operation(Verb::Approve, &before, None);
    let (expected, command, made) = checks(&source, approve.clone()).await;
    assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
    assert!(command.is_some_and(|command| command.contains("deployments/11/approval")) && made.values().all(|found| found.outcome == Outcome::Ok), "{made:?}");
    accepted(&act(&source, approve.clone()).await);
    job(&mut jobs, "deploy: production", |status| matches!(status, RunStatus::Waiting(_)) && !status.asks_approval()).await;
    assert!(now(&source, &production, Verb::Approve).await.run.is_some_and(|run| run.held.is_empty()), "it waits to be played");
    assert!(matches!(&act(&source, approve).await[..], [Stage::Conflict { same: false, .. }]), "it was approved");
    let found = checks(&source, wish(&source, &free, Verb::Approve).await).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
    assert!(found.outcome == Outcome::Block && found.sentence.contains("no deployment of it"), "{found:?}");
    let eu = job(&mut jobs, "deploy: eu", RunStatus::asks_approval).await;
    accepted(&act(&source, wish(&source, &eu, Verb::Reject).await).await);
    job(&mut jobs, "deploy: eu", |status| *status == RunStatus::Failed).await;
    assert_eq!(gitlab.with(|world| world.changes.clone()), ["approved/11", "rejected/12"], "each once");
    let answer = |status: &str| json!({ "status": status, "comment": "" });
    assert_eq!(gitlab.with(|world| world.written.clone()), [answer("approved"), answer("rejected")]);
}

#[tokio::test]
async fn an_approval_that_does_not_count_is_refused_and_a_lost_answer_is_unclear() {
    let gitlab = GitLab::start("unheard", Shape::Old);
    gitlab.with(blocked);
    let source = source(&gitlab, "");
    let us = job(&mut jobs(&source).await, "deploy: us", RunStatus::asks_approval).await;
    let approve = wish(&source, &us, Verb::Approve).await;
    gitlab.with(|world| world.role = 20);
    let stages = act(&source, approve.clone()).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Refused { why }] if why.contains("permission to approve")), "{stages:?}");
    gitlab.with(|world| (world.role, world.cut) = (30, true));
    assert!(matches!(&act(&source, approve).await[..], [Stage::Sending, Stage::Unclear { .. }]));
    assert!(now(&source, &us, Verb::Approve).await.run.is_some_and(|run| run.held.is_empty()), "it was carried out, and says so itself");
    assert_eq!(gitlab.with(|world| world.changes.clone()), ["approved/13"], "sent once");
}
