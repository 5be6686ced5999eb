use super::*;
use crate::domain::GateKind;

const RUNS: &str = include_str!("../../../../tests/fixtures/github/2022-11-28/runs.json");
const JOBS: &str = include_str!("../../../../tests/fixtures/github/2022-11-28/jobs.json");

fn source() -> SourceId {
    SourceId::new("github")
}

fn wires() -> Vec<WireRun> {
    serde_json::from_str::<Runs>(RUNS).unwrap().workflow_runs.read
}

fn runs() -> Vec<Run> {
    wires().iter().map(|run| run.run(&source(), &Name::new("acme/cart"), None)).collect()
}

fn jobs(standing: Option<Standing>) -> Vec<Job> {
    let jobs = serde_json::from_str::<Jobs>(JOBS).unwrap().jobs.read;
    jobs.into_iter().map(|job| job.job(&source(), "acme/cart", 8_100_000_005, standing, &Gates::default())).collect()
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn a_run_that_was_run_again_is_of_whoever_did_so_and_ignores_its_old_end() {
    let run = &runs()[0];
    assert_eq!((run.number, run.attempt, &*run.actor, &*run.workflow), (311, 2, "kim", "deploy"));
    assert_eq!((&run.status, run.ended), (&RunStatus::Running, None));
    assert_eq!((run.created, run.started), (at("2026-08-01T01:10:00Z"), at("2026-08-01T02:58:00Z")));
    assert_eq!(keys::of_run(&run.id), Some(("acme/cart", 8_100_000_005)));
}

#[test]
fn a_workflow_without_a_name_is_called_by_its_file() {
    let (runs, wires) = (runs(), wires());
    assert_eq!((&*runs[1].workflow, &runs[1].status, runs[1].ended), ("ci.yml", &RunStatus::Success, at("2026-08-01T01:06:40Z")));
    assert_eq!(wires[1].took(), Some(400));
    assert_eq!(wires[0].took(), None, "it runs, and it is a second attempt");
}

#[test]
fn what_is_missing_or_new_does_no_harm() {
    let runs = runs();
    assert_eq!(runs[2].status, RunStatus::Waiting("for somebody to approve a run from a fork".into()));
    assert_eq!((&runs[3].status, runs[3].ended, runs[3].attempt), (&RunStatus::Unknown("quarantined".into()), None, 1));
    assert_eq!(runs[4].status, RunStatus::Unknown("no status".into()));
    assert!(wires()[2].standing() == Standing { attempt: 1, alive: false, good: false });
}

#[test]
fn runs_are_chosen_by_branch_and_by_the_file_or_name_of_their_workflow() {
    let chosen = |branches: &[&str], workflows: &[&str]| -> Vec<u64> {
        let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        wires().iter().filter(|run| run.fits(&own(branches), &own(workflows))).map(|run| run.id % 10).collect()
    };
    assert_eq!(chosen(&[], &[]), [5, 4, 3, 2, 1]);
    assert_eq!(chosen(&["main", "patch-?"], &[]), [5, 3]);
    assert_eq!(chosen(&[], &["deploy.yml"]), [5]);
    assert_eq!(chosen(&["deps/*"], &["ci*"]), [4]);
}

#[test]
fn jobs_have_their_steps_in_order_and_count_for_a_gate() {
    let jobs = jobs(None);
    let steps: Vec<(u32, &str)> = jobs[0].steps.iter().map(|step| (step.number, &*step.name)).collect();
    assert_eq!(steps, [(1, "Set up job"), (3, "Compile"), (16, "Post checkout")]);
    assert_eq!(jobs[0].steps[2].started, at("2026-08-01T02:58:44Z"), "with an offset");
    let gates: Vec<_> = jobs.iter().map(|job| job.gate).collect();
    assert_eq!(gates, [Some(GateKind::Build), Some(GateKind::Security), Some(GateKind::Deployment), None]);
    assert_eq!((jobs[2].started, jobs[2].steps.len()), (None, 0), "it waits: nothing has begun");
    assert!(matches!(&jobs[2].status, RunStatus::Waiting(why) if why.contains("reviewer")));
    assert_eq!(jobs[3].status, RunStatus::Unknown("dreaming".into()));
    assert_eq!(keys::of_job(&jobs[0].id), Some(("acme/cart", 21_000_000_001)));
}

#[test]
fn a_job_that_was_allowed_to_fail_is_a_warning() {
    let end = |good, alive| jobs(Some(Standing { attempt: 1, alive, good }))[1].status.clone();
    assert_eq!([end(true, false), end(false, false), end(true, true)], [RunStatus::Warn, RunStatus::Failed, RunStatus::Failed]);
}

#[test]
fn every_word_of_github_is_one_of_ours() {
    for (said, ended, ours) in [
        ("queued", None, "queued"),
        ("requested", None, "queued"),
        ("in_progress", Some("success"), "running"),
        ("waiting", None, "waiting"),
        ("pending", None, "waiting"),
        ("completed", Some("success"), "ok"),
        ("completed", Some("failure"), "failed"),
        ("completed", Some("timed_out"), "failed"),
        ("completed", Some("startup_failure"), "failed"),
        ("completed", Some("cancelled"), "cancelled"),
        ("completed", Some("skipped"), "skipped"),
        ("completed", Some("neutral"), "neutral"),
        ("completed", Some("stale"), "stale"),
        ("completed", Some("action_required"), "waiting"),
        ("completed", Some("of_tomorrow"), "of_tomorrow"),
        ("completed", None, "completed"),
        ("of_tomorrow", Some("success"), "of_tomorrow"),
    ] {
        assert_eq!(&*status(Some(said), ended).word(), ours, "{said} {ended:?}");
    }
}
