//! Pipelines that are run again where they failed, cancelled and let go on, once each.

use super::{
    source,
    stand_in::GitLab,
    world::{Job, Pipeline, Shape},
};
use crate::{
    github::seen::Seen,
    kubernetes::acts::{accepted, act, checks, operation, run_now as now, run_wish as wish},
};
use pilothouse::{
    domain::{CheckKind, Feed, Id, Outcome, Run, RunStatus, Stage, Verb},
    sources::Source,
};
use std::sync::Arc;

/// The pipeline of this number, and what goes on telling of it.
async fn told(source: &Arc<dyn Source>, number: u64) -> (Seen, Id<Run>) {
    let mut seen = Seen::new(source, Feed::Runs);
    let run = seen.until("the pipeline", |seen| seen.run(number).filter(|_| seen.whole).cloned()).await;
    (seen, run.id)
}

#[tokio::test]
async fn what_failed_is_run_again_once_within_its_pipeline_in_old_and_new_shapes() {
    for shape in [Shape::Old, Shape::New] {
        let gitlab = GitLab::start("again", shape);
        gitlab.with(|world| {
            let jobs = vec![Job::new(50, "test", "unit", "success"), Job::new(51, "deploy", "ship", "failed"), Job::new(52, "deploy", "tell", "skipped")];
            world.add(Pipeline::new(5, "failed", jobs));
            world.add(Pipeline::new(6, "success", vec![Job::new(60, "test", "unit", "success")]));
        });
        let source = source(&gitlab, "");
        let (mut seen, id) = told(&source, 5).await;
        let subject = now(&source, &id, Verb::RerunFailed).await;
        assert_eq!(subject.run.as_ref().map(|run| run.failed.iter().map(|job| job.to_string()).collect()), Some(vec!["deploy: ship".to_owned()]));
        let operation = operation(Verb::RerunFailed, &subject, None);
        let (expected, command, made) = checks(&source, operation.clone()).await;
        assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
        assert!(command.is_some_and(|command| command.ends_with("-X POST projects/acme%2Fshop%2Fagain/pipelines/5/retry")));
        assert!(made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:?}");
        accepted(&act(&source, operation.clone()).await);
        seen.until("it goes on", |seen| seen.run(5).filter(|run| run.status == RunStatus::Running).map(|_| ())).await;
        assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { what, same: false }] if what.contains("moved on")));
        assert_eq!(gitlab.with(|world| world.changes.clone()), ["retry/5"], "once");
        let (_, good) = told(&source, 6).await;
        let found = checks(&source, wish(&source, &good, Verb::RerunFailed).await).await.2.remove(&CheckKind::Pipeline).expect("it is looked at");
        assert!(found.outcome == Outcome::Block && found.sentence.contains("none of its jobs"), "{found:?}");
    }
}

#[tokio::test]
async fn a_pipeline_is_cancelled_and_one_that_has_ended_meanwhile_is_a_conflict() {
    let gitlab = GitLab::start("cancelled", Shape::New);
    gitlab.with(|world| {
        for number in [7, 8, 9] {
            world.add(Pipeline::new(number, "running", vec![Job::new(number * 10, "test", "unit", "running")]));
        }
    });
    let source = source(&gitlab, "");
    let (mut seen, id) = told(&source, 7).await;
    accepted(&act(&source, wish(&source, &id, Verb::Cancel).await).await);
    seen.until("its end", |seen| seen.run(7).filter(|run| run.status == RunStatus::Cancelled).map(|_| ())).await;
    let (_, late) = told(&source, 8).await;
    let late = wish(&source, &late, Verb::Cancel).await;
    gitlab.with(|world| world.pipeline(8).stands("success"));
    assert!(matches!(&act(&source, late).await[..], [Stage::Conflict { .. }]), "GitLab would answer 200 and do nothing");
    // Carried out, and its answer lost: it is read, and not sent again.
    let (_, lost) = told(&source, 9).await;
    let before = wish(&source, &lost, Verb::Cancel).await;
    gitlab.with(|world| world.cut = true);
    assert!(matches!(&act(&source, before).await[..], [Stage::Sending, Stage::Unclear { .. }]));
    assert_eq!(now(&source, &lost, Verb::Cancel).await.run.map(|run| run.run.status), Some(RunStatus::Cancelled));
    assert_eq!(gitlab.with(|world| world.changes.clone()), ["cancel/7", "cancel/9"]);
}

#[tokio::test]
async fn a_job_that_waits_is_played_once_and_whoever_may_not_is_told_before() {
    let gitlab = GitLab::start("played", Shape::New);
    gitlab.with(|world| {
        let jobs = vec![Job::new(40, "test", "unit", "success"), Job::new(41, "deploy", "production", "manual")];
        world.add(Pipeline::new(4, "manual", jobs));
    });
    let source = source(&gitlab, "");
    let (_, id) = told(&source, 4).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(id));
    let job = jobs.until("the job", |seen| seen.job("deploy: production").filter(|job| matches!(job.status, RunStatus::Waiting(_))).cloned()).await;
    let subject = now(&source, &job.id.cast(), Verb::Play).await;
    assert_eq!(subject.run.as_ref().map(|run| (run.run.number, run.held.len())), Some((4, 1)));
    let play = operation(Verb::Play, &subject, None);
    gitlab.with(|world| world.scopes = vec!["read_api"]);
    let rights = checks(&source, play.clone()).await.2.remove(&CheckKind::Rights).expect("it is looked at");
    assert!(rights.outcome == Outcome::Block && rights.sentence.contains("takes api"), "{rights:?}");
    gitlab.with(|world| world.scopes = vec!["api"]);
    let made = checks(&source, play.clone()).await.2;
    assert!(made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:?}");
    accepted(&act(&source, play.clone()).await);
    jobs.until("it runs", |seen| seen.job("deploy: production").filter(|job| job.status == RunStatus::Running).map(|_| ())).await;
    assert!(matches!(&act(&source, play).await[..], [Stage::Conflict { .. }]), "it was played");
    assert_eq!(gitlab.with(|world| world.changes.clone()), ["play/41"]);
}

#[tokio::test]
async fn one_job_that_failed_is_run_again_once_also_while_others_go_on() {
    let gitlab = GitLab::start("one-job", Shape::New);
    gitlab.with(|world| {
        let jobs = vec![Job::new(80, "test", "unit", "failed"), Job::new(81, "test", "style", "failed"), Job::new(82, "test", "slow", "running")];
        world.add(Pipeline::new(8, "running", jobs));
    });
    let source = source(&gitlab, "");
    let (_, id) = told(&source, 8).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(id));
    let unit = jobs.until("the job", |seen| seen.job("test: unit").filter(|job| job.status.over()).cloned()).await.id.cast::<Run>();
    let style = jobs.until("the job", |seen| seen.job("test: style").filter(|job| job.status.over()).cloned()).await.id.cast::<Run>();
    let before = now(&source, &unit, Verb::RerunJob).await;
    assert_eq!(before.run.as_ref().map(|run| run.failed.iter().map(|job| job.to_string()).collect()), Some(vec!["test: unit".to_owned()]));
    let again = operation(Verb::RerunJob, &before, None);
    let (expected, command, made) = checks(&source, again.clone()).await;
    assert_eq!(expected.len(), made.len(), "all that is promised is made: {made:?}");
    assert!(command.is_some_and(|command| command.ends_with("jobs/80/retry")) && made.values().all(|finding| finding.outcome == Outcome::Ok), "{made:?}");
    accepted(&act(&source, again.clone()).await);
    jobs.until("it runs", |seen| seen.job("test: unit").filter(|job| job.status == RunStatus::Running).map(|_| ())).await;
    assert!(now(&source, &unit, Verb::RerunJob).await.run.is_some_and(|run| run.failed.is_empty()), "another job runs in its place");
    assert!(matches!(&act(&source, again).await[..], [Stage::Conflict { what, same: false }] if what.contains("run again meanwhile")));
    gitlab.with(|world| world.cut = true);
    let lost = wish(&source, &style, Verb::RerunJob).await;
    assert!(matches!(&act(&source, lost).await[..], [Stage::Sending, Stage::Unclear { .. }]));
    assert!(now(&source, &style, Verb::RerunJob).await.run.is_some_and(|run| run.failed.is_empty()), "it was carried out, and the pipeline says so");
    assert_eq!(gitlab.with(|world| world.retries.clone()), [80, 81], "each once");
}
