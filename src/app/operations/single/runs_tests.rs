use super::*;
use crate::{
    domain::{Held, Inputs},
    store::fixture,
    text::Raw,
};

fn now(attempt: u32, status: RunStatus, held: &[&str]) -> RunNow {
    let mut run = fixture::run(311);
    (run.attempt, run.status) = (attempt, status);
    let held = held.iter().map(|name| Held { environment: Name::new(name), key: Raw::new(name), ours: None, asks: Vec::new() });
    RunNow { run, failed: Vec::new(), held: held.collect(), again: Again::Attempt, inputs: Ok(Inputs::default()) }
}

#[test]
fn a_name_is_meant_by_itself_and_by_its_beginning() {
    for (text, environment, meant) in [
        ("Deploy production", "production", true),
        ("deploy (prod)", "production", true),
        ("release to PROD-EU", "prod-eu", true),
        ("unit tests", "testing", false),
        ("test", "testing", true),
        ("reproduce", "production", false),
        ("to pr", "production", false),
    ] {
        assert_eq!(mentions(text, environment), meant, "{text} {environment}");
    }
}

#[test]
fn the_job_that_is_chosen_is_played_or_the_only_one_that_waits() {
    let job = |name: &'static str, status: RunStatus| Job {
        id: Id::new(&fixture::source("ci"), name),
        run: fixture::run(311).id,
        name: Clean::from_static(name),
        status,
        started: None,
        ended: None,
        steps: Box::default(),
        gate: None,
        url: Clean::EMPTY,
    };
    let waits = || RunStatus::Waiting("for somebody".into());
    let (unit, staging) = (job("unit", RunStatus::Success), job("staging", waits()));
    let (production, review) = (job("production", waits()), job("review", RunStatus::Neutral));
    let run = Subject::Run(unit.run.clone());
    let played = |jobs: &[&Job], subject: &Subject| playable(jobs, subject).map(|job| job.name.to_string()).map_err(|why| why.to_string());
    assert_eq!(played(&[&unit, &staging, &review], &run), Ok("staging".into()), "what need not be played waits for nobody");
    assert!(played(&[&unit, &staging, &production], &run).is_err_and(|why| why.contains("several")));
    assert!(played(&[&unit, &review], &run).is_err_and(|why| why.contains("none of its jobs")));
    let all = [&unit, &staging, &production, &review];
    for (chosen, expected) in [(&production, Ok("production".to_owned())), (&review, Ok("review".into()))] {
        assert_eq!(played(&all, &Subject::Job(chosen.id.clone())), expected);
    }
    assert!(played(&all, &Subject::Job(unit.id.clone())).is_err_and(|why| why.contains("this job waits for nobody")));
}

#[test]
fn it_ends_by_what_the_run_itself_says() {
    let complete = Some(End::Complete);
    let end = |verb: Verb, before: RunNow, after: RunNow| ended(verb, &before.subject(verb), &after.subject(verb));
    let failed = || now(1, RunStatus::Failed, &[]);
    assert_eq!(end(Verb::Rerun, failed(), failed()), None);
    assert_eq!(end(Verb::RerunFailed, failed(), now(2, RunStatus::Queued, &[])), complete);
    assert_eq!(end(Verb::RerunFailed, failed(), now(1, RunStatus::Running, &[])), complete, "attempts are not counted there");
    let anew = |newest| RunNow { again: Again::Anew { newest, same: Clean::EMPTY }, ..failed() };
    assert_eq!(end(Verb::Rerun, anew(None), anew(Some(312))), complete, "a run of its own");
    assert_eq!((&*stands(&anew(None)), &*stands(&anew(Some(312)))), ("failed", "failed, and #312 repeats it"));
    assert_eq!(end(Verb::Rerun, anew(Some(312)), anew(Some(312))), None, "that was there before");
    let running = || now(2, RunStatus::Running, &[]);
    assert_eq!(end(Verb::Cancel, running(), running()), None);
    assert_eq!(end(Verb::Cancel, running(), now(2, RunStatus::Cancelled, &[])), complete);
    assert!(matches!(end(Verb::Cancel, running(), now(2, RunStatus::Success, &[])), Some(End::Overtaken(why)) if why.contains("ended by itself")));
    assert!(matches!(end(Verb::Cancel, running(), now(3, RunStatus::Queued, &[])), Some(End::Overtaken(why)) if why.contains("attempt 3")));
    let waits = |held: &[&str]| now(1, RunStatus::Waiting("gate".into()), held);
    assert_eq!(end(Verb::Approve, waits(&["staging", "production"]), waits(&["production"])), None, "both were approved");
    assert_eq!(end(Verb::Approve, waits(&["staging"]), waits(&["production"])), complete, "it waits for the next one");
    assert_eq!(end(Verb::Reject, waits(&["staging"]), now(1, RunStatus::Failed, &["staging"])), complete);
}

#[test]
fn what_was_seen_is_about_what_is_changed() {
    let seen = |now: RunNow, verb| now.seen(verb).template.expose().to_owned();
    assert_eq!(seen(now(1, RunStatus::Queued, &[]), Verb::Cancel), seen(now(1, RunStatus::Running, &[]), Verb::Cancel), "it goes on while somebody types");
    assert_ne!(seen(now(1, RunStatus::Failed, &[]), Verb::Rerun), seen(now(2, RunStatus::Failed, &[]), Verb::Rerun));
    let held = |names: &[&str]| seen(now(1, RunStatus::Waiting("gate".into()), names), Verb::Approve);
    assert_eq!(held(&["a", "b"]), held(&["b", "a"]));
    assert_ne!(held(&["a", "b"]), held(&["a"]));
}

#[test]
fn a_start_is_done_when_a_newer_run_is_there_and_a_job_runs_again_when_it_failed_no_more() {
    let end = |verb, before: RunNow, after: RunNow| ended(verb, &before.subject(verb), &after.subject(verb));
    let fresh = |newest| RunNow { again: Again::Fresh { newest, on: Clean::EMPTY }, ..now(1, RunStatus::Failed, &[]) };
    assert_eq!(end(Verb::Dispatch, fresh(None), fresh(None)), None);
    assert_eq!(end(Verb::Dispatch, fresh(Some(312)), fresh(Some(312))), None, "the same is none of ours");
    assert_eq!(end(Verb::Dispatch, fresh(None), fresh(Some(312))), Some(End::Complete));
    let moved = fresh(Some(313)).moved(Verb::Dispatch, &fresh(Some(312)).seen(Verb::Dispatch));
    assert!(moved.is_some_and(|what| what.contains("#313")));
    let again = RunNow { run: now(2, RunStatus::Running, &[]).run, ..fresh(Some(312)) };
    assert_eq!(again.moved(Verb::Dispatch, &fresh(Some(312)).seen(Verb::Dispatch)), None, "how the run stands that it is started from is all the same");
    let job = |failed: &[&'static str]| RunNow {
        failed: failed.iter().map(|name| Clean::from_static(name)).collect(),
        again: Again::Within,
        ..now(1, RunStatus::Running, &[])
    };
    assert_eq!(end(Verb::RerunJob, job(&["unit"]), job(&["unit"])), None);
    assert_eq!(end(Verb::RerunJob, job(&["unit"]), job(&[])), Some(End::Complete));
}
