//! `kind = "github"` against a GitHub that we play ourselves, behind a proxy that holds every request and every answer against GitHub's own
//! description and makes an error of what breaks it.

mod changes;
mod deployments;
mod dispatch;
pub mod seen;
pub mod stand_in;
mod told;
pub mod world;

use jiff::{SignedDuration, Timestamp};
use pilothouse::{
    domain::{Feed, LogTarget, RunStatus},
    sources::{
        SourceError,
        github::Pace,
        http::{Ask, HeaderName, HeaderValue, Http, Settings, StatusCode, Transport},
    },
};
use seen::{Seen, repository, source};
use serde_json::json;
use std::time::Duration;
use world::{Job, Refusal, Run};

const STEPS: &[world::Step] = &[("Set up job", "completed", Some("success")), ("Deploy", "in_progress", None), ("Complete job", "queued", None)];

/// Who looks at jobs need not ask for the list as often, and is told the end all the same.
#[tokio::test]
async fn the_end_of_a_run_is_asked_for_when_its_jobs_are_over() {
    let Some((github, name, _)) = repository("jobs-end", "") else { return };
    github.with(&name, |world| {
        world.add(Run::queued(311, vec![Job::queued(9_311, "deploy")]));
        world.run(311).stands("in_progress", None);
        world.job(9_311).runs(STEPS);
    });
    let hour = Duration::from_secs(3600);
    let source = seen::at(Pace { busy: hour, idle: hour, jobs: Duration::from_millis(100) }, &github.proxy, &name);
    let (mut runs, running) = (Seen::new(&source, Feed::Runs), |seen: &Seen| seen.run(311).filter(|run| run.status == RunStatus::Running).cloned());
    let run = runs.until("that it runs", running).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
    jobs.until("its job", |seen| seen.job("deploy").filter(|job| job.status == RunStatus::Running).cloned()).await;
    github.with(&name, |world| {
        world.job(9_311).ends("success", None);
        world.run(311).stands("completed", Some("success"));
    });
    let ended = |seen: &Seen| seen.run(311).filter(|run| run.status == RunStatus::Success).cloned();
    let over = |seen: &Seen| seen.job("deploy").filter(|job| job.status == RunStatus::Success).cloned();
    tokio::join!(runs.until("that it is over", ended), jobs.until("that its job is over", over));
}

#[tokio::test]
async fn a_run_is_followed_from_the_queue_to_its_end_and_what_has_not_changed_costs_nothing() {
    let Some((github, name, source)) = repository("followed", "") else { return };
    github.with(&name, |world| {
        world.add(Run::over(310, "success"));
        world.add(Run::queued(311, vec![Job::queued(9_311, "deploy")]));
    });
    let mut runs = Seen::new(&source, Feed::Runs);
    let run = runs.until("both runs", |seen| seen.run(311).filter(|_| seen.whole).cloned()).await;
    assert_eq!((&run.status, run.attempt, run.usual, &*run.workflow, run.branch.raw()), (&RunStatus::Queued, 1, Some(300), "deploy", "main"));
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
    let job = jobs.until("its job", |seen| seen.job("deploy").cloned()).await;
    assert_eq!((&job.status, job.started, job.steps.len()), (&RunStatus::Queued, None, 0));

    github.with(&name, |world| {
        world.run(311).stands("in_progress", None);
        world.job(9_311).runs(STEPS);
    });
    let steps =
        jobs.until("its steps", |seen| seen.job("deploy").filter(|job| job.status == RunStatus::Running && job.started.is_some()).cloned()).await.steps.clone();
    let told: Vec<_> = steps.iter().map(|step| (step.number, &*step.name, step.status.clone())).collect();
    assert_eq!(told, [(1, "Set up job", RunStatus::Success), (4, "Deploy", RunStatus::Running), (7, "Complete job", RunStatus::Queued)]);
    runs.until("that it runs", |seen| seen.run(311).filter(|run| run.status == RunStatus::Running && run.ended.is_none()).cloned()).await;

    github.with(&name, |world| world.asked.clear());
    let unchanged = |world: &mut world::World| world.asked.iter().filter(|asked| asked.status == 304).count();
    let before = github.with(&name, |world| world.left);
    while github.with(&name, unchanged) < 5 {
        runs.look().await;
    }
    let spent = before - github.with(&name, |world| world.left);
    assert_eq!(spent as usize, github.with(&name, |world| world.asked.len()) - github.with(&name, unchanged), "what is not modified costs nothing");
    assert!(spent <= 1, "only what was never asked for before costs: {spent}");

    github.with(&name, |world| {
        world.job(9_311).ends("success", None);
        world.run(311).stands("completed", Some("success"));
    });
    runs.until("its end", |seen| seen.run(311).filter(|run| run.status == RunStatus::Success && run.ended.is_some()).cloned()).await;
    let job = jobs.until("the end of its job", |seen| seen.job("deploy").filter(|job| job.status == RunStatus::Success).cloned()).await;
    assert!(job.ended.is_some() && job.steps.iter().all(|step| step.status == RunStatus::Success), "{job:?}");
    assert!(source.offers().budget.is_some_and(|words| words.ends_with(" left")));
}

#[tokio::test]
async fn an_old_run_that_is_run_again_counts_on_and_its_new_jobs_are_told() {
    let Some((github, name, source)) = repository("again", "runs = 2") else { return };
    github.with(&name, |world| {
        (1..=5).for_each(|id| world.add(Run::over(id, "success")));
        world.run(1).jobs = vec![Job::queued(11, "deploy")];
        world.job(11).ends("failure", None);
        world.run(1).conclusion = Some("failure");
    });
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("the newest", |seen| (seen.whole && seen.runs.len() == 2).then_some(())).await;
    github.with(&name, |world| {
        world.run(1).again(vec![Job::queued(12, "deploy")]);
        world.run(1).stands("in_progress", None);
        world.job(12).runs(STEPS);
    });
    let run = runs.until("the second attempt", |seen| seen.run(1).cloned()).await;
    assert_eq!((run.attempt, &run.status, run.created < run.started), (2, &RunStatus::Running, true));
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id.clone()));
    let first = jobs.until("the job of the second attempt", |seen| seen.job("deploy").cloned()).await;
    github.with(&name, |world| {
        world.job(12).ends("failure", None);
        world.run(1).stands("completed", Some("failure"));
    });
    runs.until("that it failed again", |seen| seen.run(1).filter(|run| run.status == RunStatus::Failed).cloned()).await;
    jobs.until("that its job failed", |seen| seen.job("deploy").filter(|job| job.status == RunStatus::Failed).cloned()).await;
    github.with(&name, |world| {
        world.run(1).again(vec![Job::queued(13, "deploy")]);
        world.run(1).stands("in_progress", None);
    });
    let second = jobs.until("the job of the third attempt", |seen| seen.job("deploy").filter(|job| job.id != first.id).cloned());
    let (second, ()) = tokio::join!(second, async { drop(runs.until("the third attempt", |seen| seen.run(1).filter(|run| run.attempt == 3).cloned()).await) });
    assert_eq!((second.status, jobs.jobs.len()), (RunStatus::Queued, 1), "the job of the attempt before is gone");
}

#[tokio::test]
async fn a_run_that_waits_for_a_reviewer_says_so_until_somebody_approves() {
    let Some((github, name, source)) = repository("gated", "") else { return };
    github.with(&name, |world| {
        let mut run = Run::queued(7, vec![Job::queued(70, "deploy to production")]);
        run.stands("waiting", None);
        run.jobs[0].status = "waiting";
        world.add(run);
        let mut held = Run::queued(8, Vec::new());
        held.stands("pending", None);
        world.add(held);
        world.add(Run::over(9, "action_required"));
    });
    let mut runs = Seen::new(&source, Feed::Runs);
    let said = |number: u64| {
        move |seen: &Seen| match seen.run(number).map(|run| &run.status) {
            Some(RunStatus::Waiting(why)) => Some(why.to_string()),
            _ => None,
        }
    };
    assert!(runs.until("the gate", said(7)).await.contains("reviewer"));
    assert!(runs.until("the lock", said(8)).await.contains("concurrency"));
    assert!(runs.until("the fork", said(9)).await.contains("approve"));
    let mut jobs = Seen::new(&source, Feed::Jobs(runs.run(7).expect("it was told").id.clone()));
    jobs.until("the job at the gate", |seen| seen.job("deploy to production").filter(|job| matches!(job.status, RunStatus::Waiting(_))).cloned()).await;
    github.with(&name, |world| {
        world.run(7).stands("in_progress", None);
        world.job(70).runs(STEPS);
    });
    runs.until("that it goes on", |seen| seen.run(7).filter(|run| run.status == RunStatus::Running).cloned()).await;
    jobs.until("that the job goes on", |seen| seen.job("deploy to production").filter(|job| job.status == RunStatus::Running).cloned()).await;
}

#[tokio::test]
async fn the_log_comes_when_the_job_is_over_from_a_place_that_is_not_told_who_we_are() {
    let Some((github, name, source)) = repository("logged", "") else { return };
    let began = Timestamp::now();
    let line = |n: u32| format!("{} line {n}", began + SignedDuration::from_millis(i64::from(n)));
    let log = format!("\u{feff}{}\r\n", (0..50_000).map(line).collect::<Vec<_>>().join("\r\n"));
    github.with(&name, |world| {
        world.add(Run::queued(5, vec![Job::queued(50, "test"), Job::queued(51, "skipped")]));
        world.job(50).runs(STEPS);
        world.job(51).ends("skipped", None);
    });
    let mut runs = Seen::new(&source, Feed::Runs);
    let run = runs.until("the run", |seen| seen.run(5).cloned()).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
    let job = jobs.until("the job", |seen| seen.job("test").cloned()).await;
    let mut seen = Seen::new(&source, Feed::Logs(LogTarget::Job(job.id)));
    seen.until("that it must be waited for", |seen| seen.notices.iter().any(|said| said.contains("when the job ends")).then_some(())).await;
    // It is over, and its log is there a moment later.
    github.with(&name, |world| world.job(50).ends("success", None));
    let asked = |world: &mut world::World| world.asked.iter().any(|asked| asked.what.starts_with("jobs/50/logs") && asked.status == 404);
    let written = async {
        let mut turn = tokio::time::interval(Duration::from_millis(20));
        while !github.with(&name, asked) {
            turn.tick().await;
        }
        github.with(&name, |world| world.job(50).log = Some(log));
    };
    tokio::join!(seen.end(), written);
    assert_eq!((seen.lines.len(), &*seen.lines[0], &*seen.lines[49_999]), (50_000, "line 0", "line 49999"));
    assert!(seen.lines.iter().enumerate().all(|(n, text)| *text == format!("line {n}")), "each line once, in order");
    assert_eq!(github.leaks(), Vec::<String>::new());

    let skipped = jobs.until("the skipped job", |seen| seen.job("skipped").cloned()).await;
    let mut seen = Seen::new(&source, Feed::Logs(LogTarget::Job(skipped.id)));
    seen.end().await;
    assert!(seen.lines.is_empty() && seen.notices.iter().any(|said| said.contains("was skipped")), "{:?}", seen.notices);
}

#[tokio::test]
async fn of_ten_thousand_runs_only_the_pages_that_are_wanted_are_read() {
    let Some((github, name, plain)) = repository("large", "runs = 100") else { return };
    github.with(&name, |world| {
        (1..=10_000).for_each(|id| world.add(Run::over(id, if id % 10 == 0 { "failure" } else { "success" })));
        world.run(9_750).branch = "hot/fix".into();
        world.run(9_600).branch = "hot/old".into();
        let matrix = (0..256).map(|n| Job::queued(20_000 + n, &format!("test ({n})"))).collect();
        world.run(10_000).jobs = matrix;
    });
    let mut runs = Seen::new(&plain, Feed::Runs);
    runs.until("the newest", |seen| (seen.whole && seen.runs.len() == 100).then_some(())).await;
    assert!(runs.runs.values().all(|run| run.number > 9_900));
    assert_eq!(github.with(&name, |world| world.asked.len()), 1);

    let mut jobs = Seen::new(&plain, Feed::Jobs(runs.run(10_000).expect("it was told").id.clone()));
    jobs.until("each job of the matrix", |seen| (seen.jobs.len() == 256).then_some(())).await;

    github.with(&name, |world| world.asked.clear());
    let filtered = source(github, &name, "t0ken", "runs = 100\nbranches = ['hot/*']");
    let mut runs = Seen::new(&filtered, Feed::Runs);
    runs.until("what fits", |seen| seen.whole.then_some(())).await;
    assert!(runs.runs.len() == 1 && runs.run(9_750).is_some(), "{:?}", runs.runs);
    let mut asked: Vec<String> = github.with(&name, |world| world.asked.iter().map(|asked| asked.what.clone()).collect());
    // A page that the proxy was too slow with is asked for again.
    asked.dedup();
    assert!(asked.len() == 3 && asked[1].contains("page=2") && asked[2].contains("page=3"), "{asked:?}");
    let one = source(github, &name, "t0ken", "branches = ['hot/old']");
    Seen::new(&one, Feed::Runs).until("the one that GitHub finds itself", |seen| seen.run(9_600).filter(|_| seen.runs.len() == 1).cloned()).await;
}

#[tokio::test]
async fn what_the_description_lets_be_missing_does_no_harm_and_new_words_are_kept() {
    let Some((github, name, source)) = repository("sparse", "") else { return };
    github.with(&name, |world| {
        for id in 1..=3 {
            world.add(Run { sparse: true, ..Run::queued(id, vec![Job { conclusion: Some("success"), ..Job::queued(id * 10, "bare") }]) });
        }
        let mut new = Run::queued(4, vec![Job::queued(40, "odd")]);
        new.stands("hibernating", None);
        world.job(10).status = "completed";
        new.jobs[0].runs(&[("Odd", "completed", Some("quarantined"))]);
        world.add(new);
        world.add(Run::over(5, "quarantined"));
    });
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("all runs", |seen| (seen.whole && seen.runs.len() == 5).then_some(())).await;
    let status = |number| runs.run(number).map(|run| run.status.clone());
    assert_eq!((status(1), status(4), status(5)), (unknown("no status"), unknown("hibernating"), unknown("quarantined")));
    let bare = runs.run(1).expect("it was told");
    assert_eq!((bare.attempt, bare.branch.raw(), &*bare.actor, &*bare.title), (1, "", "", "Change number 1"));
    let mut jobs = Seen::new(&source, Feed::Jobs(bare.id.clone()));
    let job = jobs.until("its job", |seen| seen.job("bare").cloned()).await;
    assert_eq!((Some(job.status), job.ended, job.steps.len()), (unknown("completed"), None, 0), "its conclusion is null");
    let mut jobs = Seen::new(&source, Feed::Jobs(runs.run(4).expect("it was told").id.clone()));
    let job = jobs.until("its job", |seen| seen.job("odd").cloned()).await;
    assert_eq!(Some(job.steps[0].status.clone()), unknown("quarantined"));
}

fn unknown(word: &'static str) -> Option<RunStatus> {
    Some(RunStatus::Unknown(word.into()))
}

#[tokio::test]
async fn each_refusal_is_told_with_its_remedy_and_a_request_to_wait_is_obeyed() {
    let Some((github, name, good)) = repository("refused", "") else { return };
    let mut told = Seen::new(&source(github, &name, "stale", ""), Feed::Runs);
    let error = told.error().await;
    assert!(matches!(&error, SourceError::Denied(words) if words.contains("the program echo") && words.contains("Bad credentials")), "{error}");
    let mut told = Seen::new(&source(github, "acme/nowhere", "t0ken", ""), Feed::Runs);
    let error = told.error().await;
    assert!(matches!(&error, SourceError::NotFound(words) if words.contains("may not look")), "{error}");

    let refuse = |refusal: Option<Refusal>| github.with(&name, |world| world.refusal = refusal);
    let header = |name, value: &str| vec![(name, value.to_owned())];
    refuse(Some(Refusal { status: 403, message: "Resource not accessible", headers: header("x-accepted-github-permissions", "actions=read") }));
    let error = Seen::new(&good, Feed::Runs).error().await;
    assert!(matches!(&error, SourceError::Denied(words) if words.contains("it needs actions=read")), "{error}");

    let wait = SignedDuration::from_secs(3);
    refuse(Some(Refusal { status: 403, message: "You have exceeded a secondary rate limit.", headers: header("retry-after", "3") }));
    let error = Seen::new(&good, Feed::Runs).error().await;
    assert!(matches!(&error, SourceError::RateLimited { words, .. } if words.contains("secondary rate limit")), "{error}");
    refuse(None);
    let refused = github.with(&name, |world| world.asked.last().expect("it was asked").at);
    let mut next = tokio::time::interval(std::time::Duration::from_millis(50));
    while !Seen::new(&good, Feed::Runs).works().await {
        next.tick().await;
    }
    let again = github.with(&name, |world| world.asked.iter().find(|asked| asked.at > refused).expect("it was asked again").at);
    assert!(again.duration_since(refused) >= wait - SignedDuration::from_secs(1), "{refused} {again}: the answer was on its way for a moment");
}

#[tokio::test]
async fn whatever_breaks_the_description_is_an_error() {
    let Some((github, name, source)) = repository("strict", "") else { return };
    let http = Http::new(Settings { url: format!("{}/api/v3", github.proxy), ..Settings::default() }).expect("a client");
    let asked = |key: &'static str, value: &'static str| {
        let ask = ["repos", "acme", "strict", "actions", "runs"].iter().fold(Ask::get(""), |ask, part| ask.segment(part)).with(key, value);
        let known = [("authorization", "Bearer t0ken"), ("x-github-api-version", "2022-11-28")];
        http.send(known.iter().fold(ask, |ask, (name, value)| ask.header(HeaderName::from_static(name), HeaderValue::from_static(value))))
    };
    for (key, value) in [("per_page", "many"), ("status", "broken"), ("exclude_pull_requests", "perhaps")] {
        let reply = asked(key, value).await.expect("the proxy answers");
        let said = String::from_utf8_lossy(&reply.body);
        assert!(reply.status == StatusCode::UNPROCESSABLE_ENTITY && said.contains(key), "{said}");
    }
    assert!(github.with(&name, |world| world.asked.is_empty()), "none of these arrives");

    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("an empty list", |seen| seen.whole.then_some(())).await;
    for (nonsense, field) in [
        (json!({ "total_count": "one", "workflow_runs": [] }), "total_count"),
        (json!({ "total_count": 1, "workflow_runs": [{ "id": 1 }] }), "workflow_runs"),
        (json!([]), "object"),
    ] {
        github.with(&name, |world| world.nonsense = Some(nonsense));
        let error = Seen::new(&seen::source(github, &name, "t0ken", ""), Feed::Runs).error().await;
        assert!(matches!(&error, SourceError::Protocol(words) if words.contains("500")), "{error}");
        let reply = asked("per_page", "1").await.expect("the proxy answers");
        let said = String::from_utf8_lossy(&reply.body);
        assert!(reply.status == StatusCode::INTERNAL_SERVER_ERROR && said.contains("VIOLATIONS") && said.contains(field), "{said}");
    }
}
