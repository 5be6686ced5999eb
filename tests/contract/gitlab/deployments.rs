//! Deployments: told as environments, and an earlier one made again by the job that made it.

use super::{
    asked, source,
    stand_in::GitLab,
    world::{Shape, World},
};
use crate::{
    github::seen::Seen,
    kubernetes::acts::{act, checks, operation, revisions, subject},
};
use pilothouse::{
    domain::{Answer, CheckKind, Evidence, Feed, Id, Outcome, Progress, Question, Revision, Stage, Verb, Workload},
    sources::Source,
};
use std::sync::Arc;

fn commit(version: &str) -> String {
    format!("{version:0<40}")
}

/// Production: 3 failed, 2 and 1 succeeded one after the other.
fn bad_release(world: &mut World) {
    world.deployed(301, "1aaaaaa", "production", "success", 30);
    world.deployed(302, "2bbbbbb", "production", "success", 20);
    world.deployed(303, "3cccccc", "production", "failed", 1);
    world.deployed(304, "4dddddd", "review/faster", "success", 1);
}

async fn production(source: &Arc<dyn Source>) -> Workload {
    let mut seen = Seen::new(source, Feed::Workloads);
    let row = seen.until("production", |seen| seen.environment("production").filter(|_| seen.whole).cloned()).await;
    assert_eq!(seen.workloads.len(), 1, "reviews are no environments of a service: {:?}", seen.workloads);
    row
}

async fn deployed(source: &Arc<dyn Source>, id: &Id<Workload>, version: &str) -> Revision {
    revisions(source, id).await.into_iter().find(|row| row.template.expose() == commit(version)).expect("it was deployed")
}

#[tokio::test]
async fn the_deploying_job_is_retried_once_and_a_new_deployment_comes_of_it_in_old_and_new_shapes() {
    for shape in [Shape::Old, Shape::New] {
        let gitlab = GitLab::start("back", shape);
        gitlab.with(|world| {
            bad_release(world);
            world.approvals = 2;
            world.files.push("db/migrate/0007_price.rb");
        });
        let source = source(&gitlab, "");
        let row = production(&source).await;
        assert!(matches!(&row.progress, Progress::Stuck { .. }) && &*row.version.0 == "3cccccc", "{row:?}");
        let before = subject(&source, &row.id).await;
        let good = deployed(&source, &row.id, "2bbbbbb").await;
        assert!(good.evidence.contains(&Evidence::Deployed { by: "GitLab".into() }), "{good:?}");
        let wish = operation(Verb::RollBack, &before, Some(&good));
        let (expected, command, made) = checks(&source, wish.clone()).await;
        assert_eq!(expected, made.keys().copied().collect::<Vec<_>>(), "all that is promised is made");
        assert!(command.is_some_and(|command| command.contains("glab ci retry 3020 -R acme/shop/back")));
        let found = |kind| (made[&kind].outcome, made[&kind].sentence.to_string());
        assert_eq!(found(CheckKind::Rights).0, Outcome::Ok, "{made:?}");
        assert_eq!(found(CheckKind::Pipeline).0, Outcome::Ok, "{made:?}");
        assert_eq!(found(CheckKind::Paused).0, Outcome::Ok);
        assert!(found(CheckKind::Approval).0 == Outcome::Warn && found(CheckKind::Approval).1.contains("2 approvals"));
        assert!(found(CheckKind::Migration).0 == Outcome::Warn && found(CheckKind::Migration).1.contains("db/migrate"));

        let mut seen = Seen::new(&source, Feed::Workloads);
        let began = jiff::Timestamp::now();
        let stages = act(&source, wish.clone()).await;
        assert!(matches!(stages[..], [Stage::Sending, Stage::Accepted { .. }]), "{stages:?}");
        let question = Question::Redeployed { workload: row.id.clone(), to: good.id.clone() };
        let Ok(Answer::Subject(read)) = source.ask(question).await else { panic!("it is known") };
        assert!(read.rerun.as_ref().is_some_and(|rerun| rerun.attempt == 2 && rerun.since(began)), "{read:?}");
        seen.until("that it is under way", |seen| {
            seen.environment("production").filter(|row| row.progress == Progress::Rolling && &*row.version.0 == "2bbbbbb").cloned()
        })
        .await;
        gitlab.with(|world| world.finish(302, "success"));
        seen.until("its success", |seen| seen.environment("production").filter(|row| row.progress == Progress::Done).cloned()).await;
        let again = act(&source, wish).await;
        assert!(matches!(&again[..], [Stage::Conflict { what, same: false }] if what.contains("of 2bbbbbb by sam")), "{again:?}");
        assert_eq!(gitlab.with(|world| world.retries.clone()), [3_020]);
        let bad = deployed(&source, &row.id, "3cccccc").await;
        assert!(bad.evidence.iter().any(|one| matches!(one, Evidence::RolledBackFrom { .. })), "{bad:?}");
        // A job that was retried is not retried once more: the one that it was retried as is.
        gitlab.with(|world| world.deployed(320, "5eeeeee", "production", "failed", 0));
        let good = deployed(&source, &row.id, "2bbbbbb").await;
        let stages = act(&source, operation(Verb::RollBack, &subject(&source, &row.id).await, Some(&good))).await;
        assert!(matches!(stages.last(), Some(Stage::Accepted { .. })), "{stages:?}");
        assert_eq!(gitlab.with(|world| world.retries.len()), 2);
        assert!(
            !asked(&gitlab).iter().any(|what| what.contains("deployments") && !what.contains("sort=desc")),
            "the oldest come first where nobody says otherwise"
        );
    }
}

#[tokio::test]
async fn what_can_not_be_run_again_is_barred_with_the_reason() {
    let gitlab = GitLab::start("barred", Shape::New);
    gitlab.with(bad_release);
    let source = source(&gitlab, "");
    let id = production(&source).await.id;
    let good = deployed(&source, &id, "2bbbbbb").await;
    let wish = operation(Verb::RollBack, &subject(&source, &id).await, Some(&good));
    let barred = async |kind: CheckKind, words: &str| {
        let (_, _, made) = checks(&source, wish.clone()).await;
        assert!(made[&kind].outcome == Outcome::Block && made[&kind].sentence.contains(words), "{:?}", made[&kind]);
    };
    gitlab.with(|world| world.role = 20);
    barred(CheckKind::Rights, "takes Developer").await;
    gitlab.with(|world| (world.role, world.scopes) = (30, vec!["read_api"]));
    barred(CheckKind::Rights, "a change takes api").await;
    gitlab.with(|world| (world.scopes, world.rollback_allowed) = (vec!["api"], false));
    barred(CheckKind::Pipeline, "lets no older deployment run").await;
    gitlab.with(|world| {
        world.rollback_allowed = true;
        world.job(3_020).archived = true;
    });
    barred(CheckKind::Pipeline, "is archived").await;
    assert!(matches!(&act(&source, wish.clone()).await[..], [Stage::Refused { why }] if why.contains("archived")));
    gitlab.with(|world| {
        world.job(3_020).archived = false;
        world.deployments.iter_mut().for_each(|one| one.job = None);
    });
    barred(CheckKind::Pipeline, "the pipeline offers no redeploy").await;
    assert!(matches!(&act(&source, wish.clone()).await[..], [Stage::Refused { why }] if why.contains("the pipeline offers no redeploy")));
    gitlab.with(|world| {
        world.deployments.iter_mut().for_each(|one| one.job = Some(one.id * 10));
        if let Some(newest) = world.deployments.iter_mut().find(|one| one.id == 303) {
            newest.status = "blocked";
        }
    });
    barred(CheckKind::Paused, "waits for an approval").await;
    assert!(gitlab.with(|world| world.retries.is_empty()));
}

#[tokio::test]
async fn of_two_consoles_one_wins_and_a_lost_answer_is_read_and_not_sent_again() {
    let gitlab = GitLab::start("two", Shape::New);
    gitlab.with(bad_release);
    let (one, two) = (source(&gitlab, ""), source(&gitlab, ""));
    let id = production(&one).await.id;
    let good = deployed(&one, &id, "2bbbbbb").await;
    let wish = operation(Verb::RollBack, &subject(&one, &id).await, Some(&good));
    let (first, second) = tokio::join!(act(&one, wish.clone()), act(&two, wish));
    let accepted = |stages: &[Stage]| matches!(stages.last(), Some(Stage::Accepted { .. }));
    assert!(accepted(&first) != accepted(&second), "{first:?} {second:?}");
    let lost = if accepted(&first) { second } else { first };
    assert!(matches!(lost.last(), Some(Stage::Conflict { what, same: false }) if what.contains("sam")), "{lost:?}");
    assert_eq!(gitlab.with(|world| world.retries.len()), 1);

    let gitlab = GitLab::start("cut", Shape::New);
    gitlab.with(|world| {
        bad_release(world);
        world.cut = true;
    });
    let source = source(&gitlab, "");
    let id = production(&source).await.id;
    let good = deployed(&source, &id, "2bbbbbb").await;
    let began = jiff::Timestamp::now();
    let stages = act(&source, operation(Verb::RollBack, &subject(&source, &id).await, Some(&good))).await;
    assert!(matches!(stages[..], [Stage::Sending, Stage::Unclear { .. }]), "{stages:?}");
    let Ok(Answer::Subject(read)) = source.ask(Question::Redeployed { workload: id, to: good.id }).await else { panic!("it is known") };
    assert!(read.rerun.is_some_and(|rerun| rerun.since(began)));
    assert_eq!(gitlab.with(|world| world.retries.len()), 1);
}
