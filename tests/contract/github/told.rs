//! What is asked for beside the jobs of a run, when somebody looks at it.

use super::{
    seen::{Seen, repository},
    world::{Job, Run, Step},
};
use jiff::{SignedDuration, Timestamp};
use pilothouse::{
    domain::{Answer, Feed, Id, Job as Told, Question, Report, Tests},
    sources::{Source, SourceError},
};
use std::sync::Arc;

const FAILED: &[Step] = &[("Set up job", "completed", Some("success")), ("Test", "completed", Some("failure"))];

async fn tail(source: &Arc<dyn Source>, job: &Id<Told>) -> Result<Vec<String>, SourceError> {
    match source.ask(Question::Tail(job.clone())).await? {
        Answer::Text(lines) => Ok(lines.iter().map(|line| line.to_string()).collect()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_last_lines_of_the_step_that_failed_take_one_request_however_long_the_log_is() {
    let Some((github, name, source)) = repository("tail", "") else { return };
    let at = Timestamp::now();
    let noise: String = (0..60_000).map(|n| format!("{at} line {n}\r\n")).collect();
    let log = format!(
        "{noise}{at} \u{1b}[31mFAIL\u{1b}[0m price\u{1b}]0;owned\u{7}\r\n\r\n{at} ##[error]Process completed with exit code 1.\r\n{at} Post job cleanup.\r\n"
    );
    github.with(&name, |world| {
        world.add(Run::queued(5, vec![Job::queued(50, "test"), Job::queued(51, "lint")]));
        world.job(50).runs(FAILED);
        world.job(50).ends("failure", Some(&log));
        world.job(51).runs(FAILED);
        world.job(51).ends("failure", None);
    });
    let run = Seen::new(&source, Feed::Runs).until("the run", |seen| seen.run(5).cloned()).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
    jobs.until("both jobs", |seen| (seen.jobs.len() == 2).then_some(())).await;
    let (test, lint) = (jobs.job("test").expect("told").id.clone(), jobs.job("lint").expect("told").id.clone());
    github.with(&name, |world| world.asked.clear());
    let told = tail(&source, &test).await.expect("it is there");
    let last: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(last[4..], ["line 59998", "line 59999", "FAIL price", "Process completed with exit code 1."], "no control bytes, nothing that tidies up");
    assert_eq!(told.len(), 8);
    let asked: Vec<String> = github.with(&name, |world| world.asked.iter().map(|asked| asked.what.clone()).collect());
    assert_eq!(asked, ["jobs/50/logs?"]);
    assert_eq!(github.leaks(), Vec::<String>::new());
    // It may take a moment to be written; what is gone, is gone.
    let early = tail(&source, &lint).await;
    assert!(matches!(&early, Err(SourceError::NotFound(words)) if words.contains("not there yet")), "{early:?}");
    github.with(&name, |world| world.job(51).completed = Some(at - SignedDuration::from_hours(24 * 91)));
    let late = tail(&source, &lint).await;
    assert!(matches!(&late, Err(SourceError::NotFound(words)) if words.contains("is gone")), "{late:?}");
}

async fn report(source: &Arc<dyn Source>, run: &pilothouse::domain::Run) -> Result<Report, SourceError> {
    match source.ask(Question::Report { run: run.id.clone(), commit: run.commit.clone() }).await? {
        Answer::Report(report) => Ok(*report),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_run_uploaded_and_the_coverage_and_tests_of_its_commit_are_told_and_cost_nothing_twice() {
    let Some((github, name, source)) = repository("report", "") else { return };
    github.with(&name, |world| {
        world.add(Run::over(5, "success"));
        world.artifacts = (0..130).map(|n| (format!("part {n}\u{7}"), 1_000 + n, n == 1)).collect();
        world.statuses = vec![("ci/other", None), ("codecov/project", Some("78.10% (-2.30%) compared to 0f3c9d2"))];
        world.checks = vec![("build", None); 120];
        world.checks[110..112].clone_from_slice(&[("Unit Tests", Some("All 87 tests pass, 6 skipped in 9m")), ("API", Some("1 fail, 17 pass in 12s"))]);
    });
    let run = Seen::new(&source, Feed::Runs).until("the run", |seen| seen.run(5).cloned()).await;
    github.with(&name, |world| world.asked.clear());
    let told = report(&source, &run).await.expect("it is told");
    assert_eq!((told.coverage, told.artifacts.len(), told.more), (Some(78.1), 20, 110));
    assert_eq!(told.tests, Some(Tests { total: 111, failed: 1, skipped: 6 }), "of both who counted, on whatever page");
    assert_eq!((&*told.artifacts[1].name, told.artifacts[1].bytes, told.artifacts[1].gone), ("part 1", Some(1_001), true));
    assert!(!told.artifacts[0].gone && told.artifacts[0].until.is_some() && told.lacks.is_empty(), "{told:?}");
    let left = github.with(&name, |world| world.left);
    let asked: Vec<String> = github.with(&name, |world| world.asked.iter().map(|asked| asked.what.clone()).collect());
    let commit = run.commit.raw();
    let checks = [format!("commits/{commit}/check-runs?per_page=100"), format!("commits/{commit}/check-runs?per_page=100&page=2")];
    let all = ["runs/5/artifacts?per_page=20".to_owned(), format!("commits/{commit}/status?")].into_iter().chain(checks);
    assert_eq!(asked, all.collect::<Vec<_>>());
    let again = report(&source, &run).await.expect("it is told");
    assert_eq!((again.coverage, again.more, github.with(&name, |world| world.left)), (Some(78.1), 110, left), "what has not changed costs nothing");
    github.with(&name, |world| (world.statuses, world.checks) = (Vec::new(), vec![("codecov/project", Some("81.50% (+0.10%) compared to 0f3c9d2"))]));
    let told = report(&source, &run).await.expect("it is told");
    assert_eq!((told.coverage, told.tests), (Some(81.5), None), "the same as a check, where it is no status");
    github.with(&name, |world| (world.artifacts, world.checks) = (Vec::new(), Vec::new()));
    assert_eq!(report(&source, &run).await, Ok(Report::default()), "nothing is told where there is nothing");
    github.with(&name, |world| drop(world.runs.remove(&5)));
    let told = report(&source, &run).await.expect("the rest is told");
    assert!(told.lacks[0].starts_with("artifacts: ") && told.lacks[0].contains("not found"), "{told:?}");
}
