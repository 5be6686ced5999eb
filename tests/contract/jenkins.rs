//! `kind = "jenkins"` against a Jenkins that we play ourselves, in the shapes of controllers with the one plugin for stages, with the other, and with
//! none.

mod acts;
mod changes;
mod dispatch;
mod lost;
pub mod stand_in;
mod told;
pub mod world;

use crate::github::seen::Seen;
use futures::StreamExt;
use pilothouse::{
    domain::{Batch, Cursor, Fact, Feed, GateKind, Id, Job, LineKind, LogTarget, RunStatus},
    sources::{Source, SourceError},
};
use serde_json::json;
use stand_in::{Jenkins, source};
use std::{sync::Arc, time::Duration};
use world::{Build, FREESTYLE, PIPELINE, Plugins, World, asked, stage};

/// Runs of the one job `shop/cart`.
fn with_history(world: &mut World, builds: Vec<Build>) {
    world.add("shop/cart", PIPELINE, builds);
}

#[tokio::test]
async fn a_build_is_followed_from_the_queue_to_its_end_with_its_stages() {
    for plugins in [Plugins::StageView, Plugins::GraphView] {
        let jenkins = Jenkins::new(plugins).await;
        jenkins.with(|world| {
            with_history(world, vec![Build::over(310, "SUCCESS")]);
            world.waits(77, "shop/cart", "Waiting for next available executor");
        });
        let source = jenkins.source("");
        let mut runs = Seen::new(&source, Feed::Runs);
        let queued = runs.until("what waits", |seen| seen.run(311).filter(|_| seen.whole).cloned()).await;
        assert_eq!((&queued.status, &*queued.title, queued.started), (&RunStatus::Queued, "Waiting for next available executor", None));
        assert_eq!((queued.repository.raw(), &*queued.workflow), ("shop/cart", "cart"));
        let mut none = Seen::new(&source, Feed::Jobs(queued.id.clone()));
        none.look().await;
        assert!(none.jobs.is_empty(), "what has not begun has no stages");

        jenkins.with(|world| {
            world.queue.clear();
            let mut build = Build::running(311);
            build.stages = vec![stage(5, "Build", "SUCCESS"), stage(8, "Unit tests", "IN_PROGRESS"), stage(10, "Deploy", "NOT_EXECUTED")];
            build.stages[1].steps = vec![("Shell Script", "IN_PROGRESS", None)];
            world.begin("shop/cart", build);
        });
        let run = runs.until("that it runs", |seen| seen.run(311).filter(|run| run.status == RunStatus::Running && run.usual == Some(300)).cloned()).await;
        assert_ne!(run.id, queued.id);
        assert!(!runs.runs.contains_key(&queued.id), "it waits no more");
        assert!(
            run.url.starts_with(&*jenkins.url) && run.url.ends_with("/job/shop/job/cart/311/"),
            "where we reach it, not where it thinks it is: {}",
            run.url
        );
        let mut jobs = Seen::new(&source, Feed::Jobs(run.id.clone()));
        jobs.until("its stages", |seen| (seen.jobs.len() == 3).then_some(())).await;
        let told = |name: &str| jobs.job(name).map(|job| (job.status.clone(), job.gate)).expect("a stage");
        assert_eq!(told("Build"), (RunStatus::Success, Some(GateKind::Build)));
        assert_eq!(told("Unit tests"), (RunStatus::Running, Some(GateKind::Build)));
        assert_eq!(told("Deploy"), (RunStatus::Queued, Some(GateKind::Deployment)), "{plugins:?}: it may come");
        if plugins == Plugins::StageView {
            assert_eq!(jobs.job("Unit tests").map(|job| job.steps[0].name.to_string()).as_deref(), Some("Shell Script: make test"));
        }
        jenkins.with(|world| {
            let build = world.build("shop/cart", 311);
            build.stages[1].status = "FAILED";
            build.stages[1].steps = vec![("Shell Script", "FAILED", Some("script returned exit code 1"))];
            build.ends("FAILURE");
        });
        runs.until("its end", |seen| seen.run(311).filter(|run| run.status == RunStatus::Failed && run.ended.is_some()).cloned()).await;
        let over = |seen: &Seen| seen.job("Deploy").filter(|job| job.status == RunStatus::Skipped).map(|_| ());
        jobs.until("what did not come", over).await;
        let failed = jobs.job("Unit tests").expect("a stage");
        assert_eq!((&failed.status, failed.ended.is_some()), (&RunStatus::Failed, true));
        if plugins == Plugins::StageView {
            assert!(failed.steps[0].name.contains("exit code 1"), "{failed:?}");
        }
    }
}

#[tokio::test]
async fn without_a_plugin_for_stages_a_build_is_one_job_and_that_is_said() {
    let jenkins = Jenkins::new(Plugins::Neither).await;
    jenkins.with(|world| {
        with_history(world, vec![Build::over(1, "UNSTABLE")]);
        world.add("nightly build", FREESTYLE, vec![Build::running(7)]);
    });
    let source = jenkins.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("both", |seen| (seen.run(1).is_some() && seen.run(7).is_some()).then_some(())).await;
    let (pipeline, freestyle) = (runs.run(1).expect("told").clone(), runs.run(7).expect("told").clone());
    assert_eq!((&pipeline.status, pipeline.workflow.as_str()), (&RunStatus::Warn, "cart"));
    let mut jobs = Seen::new(&source, Feed::Jobs(freestyle.id));
    let job = jobs.until("the build itself", |seen| seen.job("nightly build").cloned()).await;
    assert_eq!((&job.status, job.gate, jobs.jobs.len()), (&RunStatus::Running, Some(GateKind::Build), 1));
    assert!(source.offers().lacks.is_empty(), "a freestyle job has no stages: {:?}", source.offers().lacks);
    let mut jobs = Seen::new(&source, Feed::Jobs(pipeline.id));
    jobs.until("the build itself", |seen| seen.job("cart").filter(|job| job.status == RunStatus::Warn).cloned()).await;
    assert!(source.offers().lacks.iter().any(|words| words.contains("stages of pipelines are not known")), "{:?}", source.offers().lacks);
    jenkins.with(|world| world.asked.clear());
    runs.look().await;
    assert!(
        !jenkins.with(|world| world.asked.iter().any(|asked| asked.what.contains("wfapi") || asked.what.contains("stages"))),
        "nobody is asked again who is not there"
    );
}

#[tokio::test]
async fn a_pipeline_that_asks_somebody_waits_and_says_for_what() {
    for plugins in [Plugins::StageView, Plugins::GraphView] {
        let jenkins = Jenkins::new(plugins).await;
        jenkins.with(|world| {
            let mut build = Build::running(3);
            build.stages = vec![stage(5, "Build", "SUCCESS"), stage(8, "Deploy", "PAUSED_PENDING_INPUT")];
            build.asks = vec![asked("Go", "Ship to production?", json!([]))];
            with_history(world, vec![build]);
        });
        let source = jenkins.source("");
        let mut runs = Seen::new(&source, Feed::Runs);
        let id = runs.until("the build", |seen| seen.run(3).cloned()).await.id;
        let mut jobs = Seen::new(&source, Feed::Jobs(id));
        jobs.until("the stage", |seen| seen.job("Deploy").filter(|job| matches!(job.status, RunStatus::Waiting(_))).cloned()).await;
        let waits = |seen: &Seen| seen.run(3).and_then(|run| if let RunStatus::Waiting(why) = &run.status { Some(why.to_string()) } else { None });
        let why = runs.until("that it waits", waits).await;
        assert_eq!(why, if plugins == Plugins::StageView { "for an answer: Ship to production?" } else { "for somebody's answer" });
        jenkins.with(|world| {
            let build = world.build("shop/cart", 3);
            (build.asks, build.stages[1].status) = (Vec::new(), "IN_PROGRESS");
        });
        runs.until("that it goes on", |seen| seen.run(3).filter(|run| run.status == RunStatus::Running).cloned()).await;
    }
}

#[tokio::test]
async fn folders_branches_and_what_is_built_are_told() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    let checkout = |remote: &str, sha: &str| json!({ "_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": { "SHA1": sha, "branch": [{ "name": "refs/remotes/origin/main" }] }, "remoteUrls": [remote] });
    jenkins.with(|world| {
        world.branches.push("shop/cart".into());
        let mut main = Build::over(41, "SUCCESS");
        main.message = Some("Price in the right currency".into());
        main.actions = json!([{ "causes": [{ "shortDescription": "Started by an SCM change" }] }, checkout("https://git.example/acme/library.git", "11b"),
            checkout("git@git.example:acme/cart.git", "c0ffee"), checkout("https://git.example/acme/tools", "700")]);
        world.add("shop/cart/main", PIPELINE, vec![main]);
        world.add("shop/cart/hot%2Ffix", PIPELINE, vec![Build::over(2, "ABORTED")]);
        let mut ship = Build::over(9, "SUCCESS");
        ship.actions = json!([{ "parameters": [{ "name": "VERSION", "value": "2.8.0" }, { "name": "DB_PASSWORD", "value": "hunter2" }, { "name": "DRY", "value": true }, { "name": "FILE" }] },
            { "causes": [{ "shortDescription": "Started by upstream project", "upstreamProject": "shop/cart/main" }] }, checkout("https://git.example/acme/deploy", "d00d")]);
        world.add("shop/ship", FREESTYLE, vec![ship]);
        world.add("idle", FREESTYLE, Vec::new());
    });
    let source = jenkins.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    let main = runs.until("all that is in it", |seen| seen.run(41).filter(|run| run.commit.raw() == "c0ffee").cloned()).await;
    assert_eq!(
        (main.repository.raw(), &*main.workflow, main.branch.raw(), &*main.title, &*main.actor),
        ("shop/cart", "cart", "main", "Price in the right currency", "Started by an SCM change")
    );
    let hot = runs.until("the branch", |seen| seen.run(2).filter(|run| &*run.actor == "Kim").cloned()).await;
    assert_eq!((hot.repository.raw(), hot.branch.raw(), &hot.status), ("shop/cart", "hot/fix", &RunStatus::Cancelled));
    assert!(hot.url.ends_with("/job/shop/job/cart/job/hot%252Ffix/2/"), "{}", hot.url);
    let ship = runs.until("its parameters", |seen| seen.run(9).filter(|run| run.title.contains("VERSION")).cloned()).await;
    assert!(ship.title.starts_with("VERSION=2.8.0 DB_PASSWORD=••••") && ship.title.ends_with("DRY=true"), "{}", ship.title);
    assert_eq!((ship.repository.raw(), ship.branch.raw(), ship.commit.raw(), &*ship.actor), ("shop/ship", "main", "d00d", "shop/cart/main"));
    assert_eq!(runs.runs.len(), 3);

    let some = jenkins.source("jobs = ['shop/cart']\nbranches = ['hot/*']");
    jenkins.with(|world| world.asked.clear());
    let mut runs = Seen::new(&some, Feed::Runs);
    runs.until("what is wanted", |seen| (seen.whole && seen.runs.len() == 1).then_some(())).await;
    assert!(runs.run(2).is_some());
    assert_eq!(jenkins.with(|world| world.asked[0].what.clone()), "/ci/job/shop/api/json", "only the folder is read");
}

/// Reads a log until `so` holds, from `after` on: its lines, and where to go on.
async fn read(
    source: &Arc<dyn Source>,
    job: &Id<Job>,
    after: Option<Cursor>,
    mut so: impl FnMut(&[String], &[String]) -> bool,
) -> (Vec<String>, Vec<String>, Option<Cursor>) {
    let mut stream = source.watch(Feed::Logs(LogTarget::Job(job.clone())), after);
    let (mut lines, mut notices, mut cursor) = (Vec::new(), Vec::new(), None);
    while !so(&lines, &notices) {
        let next = tokio::time::timeout(Duration::from_secs(120), stream.next()).await.unwrap_or_else(|_| panic!("nothing came: {lines:?}"));
        let Some(batch) = next else { break };
        let Batch { facts, cursor: place } = batch.expect("no error");
        cursor = place.or(cursor);
        for fact in facts {
            let Fact::Lines(_, new) = fact else { continue };
            new.into_iter()
                .for_each(|line| if line.kind == LineKind::Output { lines.push(line.text.text.to_string()) } else { notices.push(line.text.text.to_string()) });
        }
    }
    (lines, notices, cursor)
}

#[tokio::test]
async fn the_console_is_followed_as_it_grows_and_after_a_break_each_line_comes_once() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| world.add("nightly", FREESTYLE, vec![Build::running(7)]));
    let source = jenkins.source("");
    let run = Seen::new(&source, Feed::Runs).until("the build", |seen| seen.run(7).cloned()).await;
    let job = Seen::new(&source, Feed::Jobs(run.id)).until("its job", |seen| seen.job("nightly").cloned()).await.id;
    let says = |text: &str| jenkins.with(|world| world.build("nightly", 7).log.extend_from_slice(text.as_bytes()));
    // Hidden notes are not sent, and count; a line is written in two pieces.
    says("\u{1b}[8mha:AAAAbbbbCCCC==\u{1b}[0mStarted by user Kim\nRunning on a\u{1b}[8mha:DDDD==\u{1b}[0mgent\ncompi");
    let (lines, _, cursor) = read(&source, &job, None, |lines, _| lines.len() == 2).await;
    assert_eq!(lines, ["Started by user Kim", "Running on agent"]);
    says("ling\nlinking\nta");
    let (more, _, cursor) = read(&source, &job, cursor, |lines, _| lines.len() == 2).await;
    assert_eq!(more, ["compiling", "linking"], "nothing twice, nothing lost");
    says("il");
    jenkins.with(|world| world.build("nightly", 7).ends("SUCCESS"));
    let (rest, _, _) = read(&source, &job, cursor, |_, _| false).await;
    assert_eq!(rest, ["tail"], "it ends when the build has");

    let (all, _, _) = read(&source, &job, None, |_, _| false).await;
    assert_eq!(all, ["Started by user Kim", "Running on agent", "compiling", "linking", "tail"]);
}

#[tokio::test]
async fn a_console_that_begins_anew_is_told_as_that_and_one_that_is_gone_too() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        let mut build = Build::running(7);
        build.log = b"a first line that is long\nand a second one\n".to_vec();
        world.add("nightly", FREESTYLE, vec![build]);
    });
    let source = jenkins.source("");
    let run = Seen::new(&source, Feed::Runs).until("the build", |seen| seen.run(7).cloned()).await;
    let job = Seen::new(&source, Feed::Jobs(run.id)).until("its job", |seen| seen.job("nightly").cloned()).await.id;
    let mut replaced = false;
    let read_on = |lines: &[String], notices: &[String]| {
        if lines.len() == 2 && !replaced {
            replaced = true;
            jenkins.with(|world| world.build("nightly", 7).log = b"short\n".to_vec());
        }
        !notices.is_empty() && lines.len() == 3
    };
    let (lines, notices, _) = read(&source, &job, None, read_on).await;
    assert_eq!((lines[2].as_str(), notices.as_slice()), ("short", &["the log was begun anew".to_owned()][..]));
    jenkins.with(|world| world.jobs.clear());
    let (lines, notices, _) = read(&source, &job, None, |_, notices| !notices.is_empty()).await;
    assert!(lines.is_empty() && notices[0].contains("is gone"), "{notices:?}");
}

#[tokio::test]
async fn a_huge_console_comes_whole_and_in_order() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        let mut build = Build::over(7, "SUCCESS");
        build.log = (0..100_000).map(|n| format!("line {n}\n")).collect::<String>().into_bytes();
        build.log.extend_from_slice(&[0xff, 0xfe, b'x']);
        world.add("nightly", FREESTYLE, vec![build]);
    });
    let source = jenkins.source("");
    let run = Seen::new(&source, Feed::Runs).until("the build", |seen| seen.run(7).cloned()).await;
    let job = Seen::new(&source, Feed::Jobs(run.id)).until("its job", |seen| seen.job("nightly").cloned()).await.id;
    let (lines, _, _) = read(&source, &job, None, |_, _| false).await;
    assert_eq!(lines.len(), 100_001);
    assert!(lines[..100_000].iter().enumerate().all(|(n, line)| *line == format!("line {n}")), "each once, in order");
}

#[tokio::test]
async fn of_many_jobs_and_builds_only_the_newest_are_read_and_a_quiet_server_is_left_alone() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        for job in 0..600_u64 {
            world.add(&format!("team-{}/job-{job}", job % 7), FREESTYLE, vec![Build::over(job + 1, "SUCCESS")]);
        }
        world.add("busy", PIPELINE, (1..=10_000).map(|number| Build::over(number, "SUCCESS")).collect());
    });
    let source = jenkins.source("runs = 5");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("the first rows", |seen| seen.whole.then_some(())).await;
    assert!(jenkins.with(|world| world.asked.len()) <= 3, "one look tells the newest of each: {:?}", jenkins.with(|world| world.asked.clone()));
    assert_eq!(runs.runs.len(), 500, "those that were built last");
    assert!(source.offers().lacks.iter().any(|words| words.contains("of 601 jobs the 500")), "{:?}", source.offers().lacks);
    runs.until("the builds of the busy one", |seen| (seen.runs.values().filter(|run| run.repository.raw() == "busy").count() == 5).then_some(())).await;
    assert!(runs.run(9_996).is_some() && runs.run(9_995).is_none());
    assert!(jenkins.with(|world| world.asked.len()) <= 40, "{}", jenkins.with(|world| world.asked.len()));
}

#[tokio::test]
async fn a_steady_look_asks_for_the_jobs_and_the_queue_alone_and_rows_that_are_gone_leave() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        with_history(world, (1..=4).map(|number| Build::over(number, "SUCCESS")).collect());
        world.add("old", FREESTYLE, vec![Build::over(90, "FAILURE")]);
    });
    let source = jenkins.source("runs = 3");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("all", |seen| (seen.runs.len() == 4).then_some(())).await;
    for _ in 0..3 {
        runs.look().await;
    }
    jenkins.with(|world| world.asked.clear());
    for _ in 0..3 {
        runs.look().await;
    }
    let mut asked: Vec<String> = jenkins.with(|world| world.asked.drain(..).map(|asked| asked.what).collect());
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ["/ci/api/json", "/ci/queue/api/json"]);
    jenkins.with(|world| {
        world.jobs.remove("old");
        world.begin("shop/cart", Build::running(5));
    });
    runs.until("what is new", |seen| (seen.run(5).is_some() && seen.run(90).is_none() && seen.run(2).is_none() && seen.runs.len() == 3).then_some(())).await;
}

#[tokio::test]
async fn what_is_missing_or_null_does_no_harm_and_new_words_are_kept() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        let mut odd = Build::over(1, "QUARANTINED");
        odd.stages = vec![stage(1, "Odd", "HIBERNATING"), stage(2, "Bare", "")];
        let mut nobody = Build { sparse: true, ..Build::over(2, "SUCCESS") };
        nobody.result = None;
        world.add("odd", PIPELINE, vec![odd]);
        world.add("bare", FREESTYLE, vec![nobody]);
        world.add("half", FREESTYLE, vec![Build { building: true, ..Build::over(3, "FAILURE") }]);
        world.add("secret", FREESTYLE, vec![Build::over(4, "NOT_BUILT")]);
        world.secret.push("secret".into());
        world.queue.push(json!({ "id": 1, "why": null, "task": null }));
        world.queue.push(json!("nonsense"));
    });
    let source = jenkins.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("all", |seen| (seen.whole && seen.runs.len() == 4).then_some(())).await;
    let status = |number| runs.run(number).map(|run| run.status.clone()).expect("told");
    assert_eq!(status(1), RunStatus::Unknown("quarantined".into()));
    assert_eq!((status(2), status(3), status(4)), (RunStatus::Lost, RunStatus::Running, RunStatus::Skipped), "a result is none while it builds");
    let id = runs.run(1).expect("told").id.clone();
    let mut jobs = Seen::new(&source, Feed::Jobs(id));
    jobs.until("its stages", |seen| (seen.jobs.len() == 2).then_some(())).await;
    let stage = |name: &str| jobs.job(name).map(|job| job.status.clone()).expect("a stage");
    assert_eq!((stage("Odd"), stage("Bare")), (RunStatus::Unknown("hibernating".into()), RunStatus::Unknown("no status".into())));
    runs.until("that one is not ours to see", |_| source.offers().lacks.iter().any(|words| words.contains("hudson.model.Item.Read")).then_some(())).await;
}

#[tokio::test]
async fn a_plugin_that_fails_on_one_job_hides_nothing_else() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    jenkins.with(|world| {
        world.add("sick", PIPELINE, vec![Build::running(7)]);
        world.add("torn", FREESTYLE, vec![Build::over(5, "FAILURE")]);
        world.add("well", PIPELINE, vec![Build::over(1, "SUCCESS"), Build::over(2, "SUCCESS")]);
        world.broken = vec!["/job/sick/7/wfapi", "/job/torn/api"];
    });
    let source = jenkins.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("all", |seen| (seen.runs.len() == 4).then_some(())).await;
    let id = runs.run(7).expect("told").id.clone();
    Seen::new(&source, Feed::Jobs(id)).until("the build itself", |seen| seen.job("sick").filter(|job| job.status == RunStatus::Running).cloned()).await;
    runs.until("that one job can not be read", |_| {
        source.offers().lacks.iter().any(|words| words.contains("/job/torn") && words.contains("500")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn each_refusal_is_told_with_its_remedy() {
    let jenkins = Jenkins::new(Plugins::StageView).await;
    let error = async |source: Arc<dyn Source>| Seen::new(&source, Feed::Runs).error().await;
    let said = error(jenkins.known_as("stale", "")).await;
    assert!(matches!(&said, SourceError::Denied(words) if words.contains("the program echo") && words.contains("/user/kim/security")), "{said}");
    let said = error(source(&jenkins.url, "")).await;
    assert!(matches!(&said, SourceError::Denied(words) if words.contains("wants a login") && words.contains("username")), "{said}");
    let said = error(source(&jenkins.url.replace("/ci", "/other"), "username = 'kim'\ntoken_command = ['echo', 't0ken']")).await;
    assert!(matches!(&said, SourceError::NotFound(words) if words.contains("prefix")), "{said}");
    let said = error(jenkins.source("jobs = ['nowhere/*']")).await;
    assert!(matches!(&said, SourceError::NotFound(words) if words.contains("nowhere")), "{said}");
    let html = |status: u16, body: &'static str| (status, vec![("content-type", "text/html".to_owned())], body);
    for (refusal, words) in [
        (html(200, "<html>Sign in</html>"), "a web page"),
        (html(503, "<html>Please wait while Jenkins is getting ready to work</html>"), "503"),
        ((403, vec![("x-required-permission", "hudson.model.Hudson.Read".to_owned())], "no"), "it needs hudson.model.Hudson.Read"),
    ] {
        jenkins.with(|world| world.refusal = Some(refusal));
        let said = error(jenkins.source("")).await;
        assert!(said.to_string().contains(words), "{said}");
    }
    jenkins.with(|world| world.refusal = Some((429, vec![("retry-after", "7".to_owned())], "slow down")));
    assert!(matches!(error(jenkins.source("")).await, SourceError::RateLimited { .. }));
    jenkins.with(|world| (world.refusal, world.nameless) = (Some((200, vec![("content-type", "application/json".to_owned())], "{}")), true));
    let said = error(jenkins.source("")).await;
    assert!(said.to_string().contains("is no Jenkins"), "{said}");
}
