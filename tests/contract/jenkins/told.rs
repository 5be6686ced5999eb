//! What is asked for beside the stages of a build, when somebody looks at it.

use super::{
    stand_in::Jenkins,
    with_history,
    world::{Build, Plugins, stage},
};
use crate::github::seen::Seen;
use pilothouse::{
    domain::{Answer, Feed, Id, Job, Question, Report, Tests},
    sources::{Source, SourceError},
};
use serde_json::json;
use std::sync::Arc;

async fn tail(source: &Arc<dyn Source>, job: &Id<Job>) -> Result<Vec<String>, SourceError> {
    match source.ask(Question::Tail(job.clone())).await? {
        Answer::Text(lines) => Ok(lines.iter().map(|line| line.to_string()).collect()),
        other => panic!("{other:?}"),
    }
}

/// A build that failed in its second stage, with a long console.
fn failed() -> Build {
    let mut build = Build::over(3, "FAILURE");
    build.stages = vec![stage(5, "Build", "SUCCESS"), stage(8, "Unit tests", "FAILED")];
    build.stages[1].steps =
        vec![("Shell Script", "SUCCESS", None), ("Shell Script", "FAILED", Some("script returned exit code 1")), ("Archive", "SUCCESS", None)];
    let noise: String = (0..40_000).map(|n| format!("line {n}\n")).collect();
    build.log =
        format!("{noise}FAIL price\x1b[8mha:abc\x1b[0m\n[Pipeline] End of Pipeline\nERROR: script returned exit code 1\nFinished: FAILURE\n").into_bytes();
    build
}

#[tokio::test]
async fn the_step_that_failed_speaks_where_a_plugin_tells_it_and_the_end_of_the_console_else() {
    for plugins in [Plugins::StageView, Plugins::GraphView, Plugins::Neither] {
        let jenkins = Jenkins::new(plugins).await;
        jenkins.with(|world| with_history(world, vec![failed()]));
        let source = jenkins.source("");
        let run = Seen::new(&source, Feed::Runs).until("the build", |seen| seen.run(3).cloned()).await;
        let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
        let name = if plugins == Plugins::Neither { "cart" } else { "Unit tests" };
        let id = jobs.until("what failed", |seen| seen.job(name).cloned()).await.id;
        jenkins.with(|world| world.asked.clear());
        let told = tail(&source, &id).await.expect("it is there");
        let last: Vec<&str> = told.iter().map(String::as_str).collect();
        assert_eq!(last[5..], ["line 39999", "FAIL price", "ERROR: script returned exit code 1"], "{plugins:?}: nobody tells of the step");
        assert_eq!(told.len(), 8);
        let consoles = jenkins.with(|world| world.asked.iter().filter(|asked| asked.what.contains("progressiveText")).count());
        assert_eq!(consoles, 2, "how long it is, and its end");

        jenkins.with(|world| {
            world.build("shop/cart", 3).said =
                vec![("801", "+ make &amp;&amp; test\n<span class=\"x\">FAIL &lt;price&gt;</span>\n"), ("8", "+ make && test\nFAIL <price>\n")];
            world.asked.clear();
        });
        if plugins != Plugins::Neither {
            assert_eq!(tail(&source, &id).await.expect("it is there"), ["+ make && test", "FAIL <price>"], "{plugins:?}");
            assert!(!jenkins.with(|world| world.asked.iter().any(|asked| asked.what.contains("progressiveText"))), "the console is not asked for");
        }
        jenkins.with(|world| world.jobs.clear());
        let gone = tail(&source, &id).await;
        assert!(matches!(&gone, Err(SourceError::NotFound(words)) if words.contains("gone")), "{gone:?}");
    }
}

#[tokio::test]
async fn a_short_console_takes_one_request() {
    let jenkins = Jenkins::new(Plugins::Neither).await;
    jenkins.with(|world| with_history(world, vec![Build { log: b"+ make\nFAIL\nFinished: FAILURE\n".to_vec(), ..Build::over(3, "FAILURE") }]));
    let source = jenkins.source("");
    let run = Seen::new(&source, Feed::Runs).until("the build", |seen| seen.run(3).cloned()).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
    let id = jobs.until("what failed", |seen| seen.job("cart").cloned()).await.id;
    jenkins.with(|world| world.asked.clear());
    assert_eq!(tail(&source, &id).await.expect("it is there"), ["+ make", "FAIL"]);
    assert_eq!(jenkins.with(|world| world.asked.len()), 1);
}

async fn report(source: &Arc<dyn Source>, run: &pilothouse::domain::Run) -> Result<Report, SourceError> {
    match source.ask(Question::Report { run: run.id.clone(), commit: run.commit.clone() }).await? {
        Answer::Report(report) => Ok(*report),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tests_coverage_and_what_was_archived_are_told_where_plugins_tell_them() {
    let jenkins = Jenkins::new(Plugins::Neither).await;
    jenkins.with(|world| {
        let actions = json!([{}, { "_class": "hudson.tasks.junit.TestResultAction", "failCount": 2, "skipCount": 5, "totalCount": 300, "urlName": "testReport" },
            { "_class": "x", "failCount": 1, "skipCount": null, "totalCount": 112 }, { "urlName": "coverage" }, { "totalCount": "odd" }, null]);
        let archived = (0..25).map(|n| format!("target/cart-{n}.jar")).collect();
        with_history(world, vec![Build { actions, archived, ..Build::over(3, "UNSTABLE") }, Build { sparse: true, ..Build::over(2, "SUCCESS") }]);
        world.coverage = Some("78.10%");
        world.waits(77, "shop/cart", "busy");
    });
    let source = jenkins.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("all of them", |seen| (seen.run(2).is_some() && seen.run(3).is_some() && seen.run(4).is_some()).then_some(())).await;
    let run = |number: u64| runs.run(number).expect("told").clone();
    jenkins.with(|world| world.asked.clear());
    let told = report(&source, &run(3)).await.expect("it is told");
    assert_eq!((told.coverage, told.tests), (Some(78.1), Some(Tests { total: 412, failed: 3, skipped: 5 })));
    assert_eq!((told.artifacts.len(), told.more, &*told.artifacts[0].name, told.artifacts[0].bytes), (20, 5, "target/cart-0.jar", None));
    assert_eq!(jenkins.with(|world| world.asked.len()), 2);
    assert_eq!(report(&source, &run(2)).await, Ok(Report::default()), "one that tells only what it must");
    assert_eq!(report(&source, &run(4)).await, Ok(Report::default()), "what waits has nothing to show");
    jenkins.with(|world| world.broken = vec!["coverage"]);
    let told = report(&source, &run(3)).await.expect("the rest is told");
    assert!(told.coverage.is_none() && told.tests.is_some() && told.lacks[0].starts_with("coverage: "), "{told:?}");
    jenkins.with(|world| (world.broken, world.coverage) = (Vec::new(), None));
    assert_eq!(report(&source, &run(3)).await.map(|told| (told.coverage, told.lacks)), Ok((None, Vec::new())), "a page that is gone");
}
