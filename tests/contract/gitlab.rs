//! `kind = "gitlab"` against a GitLab that we play ourselves, in the shapes of an old and of a new version.

mod approvals;
mod changes;
mod deployments;
mod dispatch;
pub mod stand_in;
mod told;
pub mod world;

use crate::{github::seen::Seen, reader::reader};
use jiff::SignedDuration;
use pilothouse::{
    config::{Config, Layers, SourceConfig},
    domain::{Feed, LogTarget, RunStatus},
    sources::{
        Made, Source, SourceError,
        gitlab::{Pace, paced},
    },
};
use stand_in::GitLab;
use std::{sync::Arc, time::Duration};
use world::{Job, Pipeline, Shape};

const BRISK: Pace = Pace { busy: Duration::from_millis(100), idle: Duration::from_millis(200), jobs: Duration::from_millis(60) };

/// The source of a project, which ships the service cart.
pub fn source(gitlab: &GitLab, more: &str) -> Arc<dyn Source> {
    at(BRISK, gitlab, more)
}

fn at(pace: Pace, gitlab: &GitLab, more: &str) -> Arc<dyn Source> {
    let table = format!("{}{more}", table(gitlab));
    let service = format!("[[service]]\nname = 'cart'\nmatch = {{ repository = '{}' }}\n", gitlab.project);
    let config: Config = Layers::new().file("c.toml".as_ref(), &service).read().expect("a configuration");
    match paced(&SourceConfig::from_toml(&table).expect("a table"), &config, pace) {
        Made::Source(source) => source,
        Made::Broken(id, why) => panic!("{id}: {}", why.words),
        _ => panic!("it is made"),
    }
}

/// The same project in a console that was started with `--read-only`.
fn reading(gitlab: &GitLab) -> Arc<dyn Source> {
    reader(&table(gitlab), &Config::default())
}

/// The table of its source.
pub fn table(gitlab: &GitLab) -> String {
    format!("kind = 'gitlab'\nurl = '{}'\nprojects = ['{}']\ntoken_command = ['echo', 't0ken-test']\n", gitlab.url, gitlab.project)
}

/// The requests so far, without their methods.
fn asked(gitlab: &GitLab) -> Vec<String> {
    gitlab.with(|world| world.asked.iter().map(|asked| asked.what.trim_start_matches("GET ").to_owned()).collect())
}

/// Who looks at jobs need not ask for the list as often, and is told the end all the same.
#[tokio::test]
async fn the_end_of_a_pipeline_is_asked_for_when_its_jobs_are_over() {
    let gitlab = GitLab::start("jobs-end", Shape::New);
    gitlab.with(|world| world.add(Pipeline::new(311, "running", vec![Job::new(9_311, "test", "unit", "running")])));
    let hour = Duration::from_secs(3600);
    let source = at(Pace { busy: hour, idle: hour, jobs: Duration::from_millis(60) }, &gitlab, "");
    let mut runs = Seen::new(&source, Feed::Runs);
    let run = runs.until("that it runs", |seen| seen.run(311).filter(|run| run.status == RunStatus::Running).cloned()).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
    jobs.until("its job", |seen| seen.job("test: unit").filter(|job| job.status == RunStatus::Running).cloned()).await;
    gitlab.with(|world| {
        world.job(9_311).ends("success");
        world.pipeline(311).stands("success");
    });
    let ended = |seen: &Seen| seen.run(311).filter(|run| run.status == RunStatus::Success).cloned();
    let over = |seen: &Seen| seen.job("test: unit").filter(|job| job.status == RunStatus::Success).cloned();
    tokio::join!(runs.until("that it is over", ended), jobs.until("that its job is over", over));
}

#[tokio::test]
async fn a_pipeline_is_followed_from_the_queue_to_its_end_in_old_and_new_shapes() {
    for shape in [Shape::Old, Shape::New] {
        let gitlab = GitLab::start("followed", shape);
        let source = source(&gitlab, "");
        gitlab.with(|world| {
            let mut done = Pipeline::new(310, "success", Vec::new());
            done.created -= SignedDuration::from_mins(5);
            world.add(done);
            world.add(Pipeline::new(311, "pending", vec![Job::new(9_311, "test", "unit", "pending"), Job::new(9_312, "deploy", "deploy", "created")]));
        });
        let mut runs = Seen::new(&source, Feed::Runs);
        let first = runs.until("both", |seen| seen.run(311).filter(|_| seen.whole).cloned()).await;
        assert_eq!((&first.status, first.branch.raw(), first.usual), (&RunStatus::Queued, "main", Some(300)));
        assert_eq!(asked(&gitlab).len(), 1, "the first rows take one request: {:?}", asked(&gitlab));
        let run = runs.until("who and what", |seen| seen.run(311).filter(|run| !run.actor.is_empty() && run.title.starts_with("Change")).cloned()).await;
        assert_eq!((&*run.actor, &*run.title, &*run.workflow), ("kim", "Change number 311", "push"));
        let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
        jobs.until("its jobs", |seen| (seen.jobs.len() == 2).then_some(())).await;
        assert!(jobs.job("test: unit").is_some() && jobs.job("deploy").is_some(), "a stage of the same name is not repeated: {:?}", jobs.jobs);
        gitlab.with(|world| {
            world.pipeline(311).stands("running");
            *world.job(9_311) = Job::new(9_311, "test", "unit", "running");
        });
        runs.until("that it runs", |seen| seen.run(311).filter(|run| run.status == RunStatus::Running && run.ended.is_none()).cloned()).await;
        jobs.until("that its job runs", |seen| seen.job("test: unit").filter(|job| job.status == RunStatus::Running && job.started.is_some()).cloned()).await;
        gitlab.with(|world| {
            world.job(9_311).ends("failed");
            world.job(9_311).allowed = true;
            world.job(9_312).ends("success");
            world.pipeline(311).stands("success");
            world.pipeline(311).group = "success-with-warnings";
        });
        let end = runs.until("its warning", |seen| seen.run(311).filter(|run| run.status == RunStatus::Warn).cloned()).await;
        assert!(end.ended.is_some());
        jobs.until("what was allowed", |seen| seen.job("test: unit").filter(|job| job.status == RunStatus::Warn && job.ended.is_some()).cloned()).await;
        // One that is retried comes up again under its number.
        gitlab.with(|world| world.pipeline(310).stands("running"));
        runs.until("the old one", |seen| seen.run(310).filter(|run| run.status == RunStatus::Running).cloned()).await;
    }
}

#[tokio::test]
async fn a_pipeline_that_runs_is_followed_to_its_end_when_others_have_driven_it_out_of_the_list() {
    let gitlab = GitLab::start("driven-out", Shape::New);
    let source = source(&gitlab, "runs = 2");
    gitlab.with(|world| world.add(Pipeline::new(1, "running", Vec::new())));
    let mut runs = Seen::new(&source, Feed::Runs);
    let run = runs.until("it runs", |seen| seen.run(1).filter(|_| seen.whole).cloned()).await;
    for id in 2..=4 {
        gitlab.with(|world| world.add(Pipeline::new(id, "success", Vec::new())));
        runs.until("a newer one", |seen| seen.run(id).cloned()).await;
        assert_eq!(runs.run(1).map(|run| &run.status), Some(&RunStatus::Running), "behind {id}");
    }
    // A change of a pipeline brings it to the head of the list again: only one that ends as this one is asked for is never there.
    gitlab.with(|world| {
        let updated = world.pipeline(1).updated;
        world.pipeline(1).stands("failed");
        world.pipeline(1).updated = updated;
    });
    runs.until("its end", |seen| seen.runs.get(&run.id).filter(|run| run.status == RunStatus::Failed).map(|_| ())).await;
}

#[tokio::test]
async fn jobs_of_child_pipelines_are_told_and_what_another_project_runs_only_by_its_state() {
    for shape in [Shape::Old, Shape::New] {
        let gitlab = GitLab::start("family", shape);
        let source = source(&gitlab, "");
        gitlab.with(|world| {
            let mut parent = Pipeline::new(1, "running", vec![Job::new(10, "build", "compile", "success")]);
            parent.bridges = vec![(11, "shards", 2), (12, "elsewhere", 3)];
            world.add(parent);
            let mut child = Pipeline::new(2, "running", vec![Job::new(20, "test", "shard 1/2", "running"), Job::new(21, "test", "shard 2/2", "manual")]);
            child.source = "parent_pipeline";
            world.add(child);
            let mut other = Pipeline::new(3, "failed", Vec::new());
            other.elsewhere = true;
            world.add(other);
        });
        let mut runs = Seen::new(&source, Feed::Runs);
        let run = runs.until("the parent", |seen| seen.run(1).filter(|_| seen.whole).cloned()).await;
        assert_eq!(runs.runs.len(), 1, "children are told below their parent");
        let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
        jobs.until("all jobs", |seen| (seen.jobs.len() == 5).then_some(())).await;
        let status = |name: &str| jobs.job(name).map(|job| job.status.word().to_string()).unwrap_or_default();
        assert_eq!(status("shards › test: shard 1/2"), "running", "{:#?}", jobs.jobs);
        assert_eq!(status("deploy: shards → pipeline #2"), "running");
        assert_eq!(status("deploy: elsewhere → pipeline #3"), "failed", "the bridge alone would be green");
        assert_eq!(status("shards › test: shard 2/2"), "waiting");
        assert!(!asked(&gitlab).iter().any(|what| what.contains("pipelines/3")), "what is not ours is not asked for");
        let bridge = jobs.job("deploy: elsewhere → pipeline #3").expect("it is told").id.clone();
        let mut log = Seen::new(&source, Feed::Logs(LogTarget::Job(bridge)));
        log.end().await;
        assert!(log.notices.iter().any(|said| said.contains("begins another pipeline")), "{:?}", log.notices);
    }
}

#[tokio::test]
async fn a_log_is_followed_while_it_grows_each_line_once_and_begins_anew_where_it_was_erased() {
    let gitlab = GitLab::start("logged", Shape::New);
    let source = source(&gitlab, "");
    let line = |from: usize, to: usize| (from..to).map(|n| format!("line {n}\n")).collect::<String>().into_bytes();
    gitlab.with(|world| world.add(Pipeline::new(5, "running", vec![Job::new(50, "test", "unit", "pending")])));
    let mut runs = Seen::new(&source, Feed::Runs);
    let run = runs.until("the run", |seen| seen.run(5).cloned()).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
    let job = jobs.until("the job", |seen| seen.job("test: unit").cloned()).await;
    let mut seen = Seen::new(&source, Feed::Logs(LogTarget::Job(job.id)));
    seen.until("that it waits", |seen| seen.notices.iter().any(|said| said.contains("waits for a runner")).then_some(())).await;
    gitlab.with(|world| {
        *world.job(50) = Job::new(50, "test", "unit", "running");
        world.job(50).log = Some([line(0, 20_000), b"half a li".to_vec()].concat());
    });
    seen.until("the first lines", |seen| (seen.lines.len() == 20_000).then_some(())).await;
    gitlab.with(|world| {
        let log = world.job(50).log.take().unwrap_or_default();
        world.job(50).log = Some([log, b"ne\n\x1b[0Ksection_end:1767225607:step_script\r\x1b[0K\n".to_vec(), line(20_000, 20_010)].concat());
    });
    seen.until("the rest", |seen| (seen.lines.len() == 20_011).then_some(())).await;
    assert_eq!((&*seen.lines[19_999], &*seen.lines[20_000], &*seen.lines[20_001]), ("line 19999", "half a line", "line 20000"));
    // Somebody erases it, and it is written anew.
    gitlab.with(|world| world.job(50).log = Some(b"anew\n".to_vec()));
    seen.until("the new beginning", |seen| (seen.lines.last().is_some_and(|last| last == "anew")).then_some(())).await;
    assert!(seen.notices.iter().any(|said| said.contains("erased or written anew")), "{:?}", seen.notices);
    gitlab.with(|world| {
        world.job(50).log = Some(b"anew\nERROR: Job failed: exit code 1".to_vec());
        world.job(50).ends("failed");
    });
    seen.end().await;
    assert_eq!(seen.lines.last().map(String::as_str), Some("ERROR: Job failed: exit code 1"), "the last line needs no end");
    assert_eq!(seen.lines.len(), 20_013);
}

#[tokio::test]
async fn of_ten_thousand_pipelines_and_a_matrix_of_five_hundred_only_what_is_wanted_is_read() {
    let gitlab = GitLab::start("large", Shape::New);
    let plain = source(&gitlab, "runs = 100");
    gitlab.with(|world| {
        for id in 1..=10_000 {
            let mut row = Pipeline::new(id, if id % 10 == 0 { "failed" } else { "success" }, Vec::new());
            row.updated -= SignedDuration::from_secs(20_000 - i64::try_from(id).expect("few"));
            world.add(row);
        }
        world.pipeline(9_950).reference = "hot/fix".into();
        world.pipeline(9_700).reference = "hot/old".into();
        world.pipeline(10_000).jobs = (0..500).map(|n| Job::new(20_000 + n, "test", &format!("unit: [{n}]"), "success")).collect();
        world.pipeline(10_000).status = "hibernating";
    });
    let mut runs = Seen::new(&plain, Feed::Runs);
    runs.until("the newest", |seen| (seen.whole && seen.runs.len() == 100).then_some(())).await;
    assert!(runs.runs.values().all(|run| run.number > 9_900) && asked(&gitlab).len() == 1);
    let top = runs.run(10_000).expect("it was told").clone();
    assert_eq!(top.status, RunStatus::Unknown("hibernating".into()), "a word of tomorrow is kept, and is not green");
    let mut jobs = Seen::new(&plain, Feed::Jobs(top.id));
    jobs.until("each job of the matrix", |seen| (seen.jobs.len() == 500).then_some(())).await;
    let one = source(&gitlab, "branches = ['hot/old']");
    Seen::new(&one, Feed::Runs).until("the one that GitLab finds itself", |seen| seen.run(9_700).filter(|_| seen.runs.len() == 1).cloned()).await;
    let globbed = source(&gitlab, "runs = 100\nbranches = ['hot/*']");
    let mut runs = Seen::new(&globbed, Feed::Runs);
    runs.until("what fits of three pages", |seen| seen.whole.then_some(())).await;
    assert!(runs.run(9_950).is_some() && runs.runs.len() <= 2, "{:?}", runs.runs.keys());
}

#[tokio::test]
async fn a_train_is_told_by_its_request_where_there_are_trains() {
    let gitlab = GitLab::start("train", Shape::New);
    let source = source(&gitlab, "");
    gitlab.with(|world| {
        let mut row = Pipeline::new(7, "running", Vec::new());
        (row.reference, row.source) = ("refs/merge-requests/59/train".into(), "merge_request_event");
        world.add(row);
        world.trains = Some(vec![(59, 7)]);
    });
    let mut runs = Seen::new(&source, Feed::Runs);
    let run = runs.until("the train", |seen| seen.run(7).filter(|run| run.title.starts_with("train")).cloned()).await;
    assert_eq!((&*run.title, run.branch.raw(), &*run.workflow), ("train to main: !59 Faster prices", "!59", "merge request"));
    // Where there are none, nobody asks twice.
    gitlab.with(|world| (world.trains, world.asked) = (None, Vec::new()));
    let again = self::source(&gitlab, "");
    let mut runs = Seen::new(&again, Feed::Runs);
    runs.until("its commit", |seen| seen.run(7).filter(|run| run.title.starts_with("Change")).cloned()).await;
    while asked(&gitlab).iter().filter(|what| what.ends_with("sort=desc&per_page=20")).count() < 4 {
        runs.look().await;
    }
    assert_eq!(asked(&gitlab).iter().filter(|what| what.contains("merge_trains")).count(), 1, "{:?}", asked(&gitlab));
}

#[tokio::test]
async fn each_refusal_is_told_with_its_remedy_and_a_request_to_wait_is_obeyed() {
    let gitlab = GitLab::start("refused", Shape::New);
    let good = source(&gitlab, "");
    let refuse = |status, text, headers| gitlab.with(|world| world.refusal = Some((status, text, headers)));
    refuse(403, "403 Forbidden", Vec::new());
    let error = Seen::new(&good, Feed::Runs).error().await;
    assert!(matches!(&error, SourceError::Denied(words) if words.contains("read_api") && words.contains("acme/shop/refused")), "{error}");
    refuse(404, "404 Project Not Found", Vec::new());
    let error = Seen::new(&good, Feed::Runs).error().await;
    assert!(matches!(&error, SourceError::NotFound(words) if words.contains("may not look")), "{error}");
    gitlab.with(|world| (world.refusal, world.token) = (None, ("authorization", "Bearer t0ken-test")));
    let error = Seen::new(&good, Feed::Runs).error().await;
    assert!(matches!(&error, SourceError::Denied(words) if words.contains("token_kind") && words.contains("the program echo")), "{error}");
    assert!(Seen::new(&source(&gitlab, "token_kind = 'oauth'"), Feed::Runs).works().await, "a token of OAuth goes another way");
    gitlab.with(|world| world.token = ("job-token", "t0ken-test"));
    assert!(Seen::new(&source(&gitlab, "token_kind = 'job'"), Feed::Runs).works().await);

    gitlab.with(|world| world.token = ("private-token", "t0ken-test"));
    refuse(429, "Retry later", vec![("retry-after", "3".to_owned())]);
    let error = Seen::new(&good, Feed::Runs).error().await;
    assert!(matches!(&error, SourceError::RateLimited { words, .. } if words.contains("Retry later")), "{error}");
    gitlab.with(|world| (world.refusal, world.asked) = (None, Vec::new()));
    let error = Seen::new(&good, Feed::Runs).error().await;
    assert!(matches!(error, SourceError::RateLimited { .. }) && asked(&gitlab).is_empty(), "nothing is sent meanwhile");
    gitlab.with(|world| world.limit = Some((600, 400)));
    let again = source(&gitlab, "");
    assert!(Seen::new(&again, Feed::Runs).works().await);
    assert_eq!(again.offers().budget.as_deref(), Some("399 left"));
    gitlab.with(|world| world.limit = Some((600, 61)));
    let mut runs = Seen::new(&again, Feed::Runs);
    let error = runs.error().await;
    assert!(matches!(&error, SourceError::RateLimited { words, .. } if words.contains("60 of 600")), "the last tenth is kept: {error}");
}
