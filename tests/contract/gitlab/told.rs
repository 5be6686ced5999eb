//! What is asked for beside the jobs of a pipeline, when somebody looks at it.

use super::{
    asked, source,
    stand_in::GitLab,
    table,
    world::{Job, Pipeline, Shape},
};
use crate::{github::seen::Seen, script::Script};
use pilothouse::{
    domain::{Answer, Feed, Id, Job as Told, Question, Report, Tests},
    sources::{Source, SourceError},
};
use serde_json::json;
use std::sync::Arc;

async fn tail(source: &Arc<dyn Source>, job: &Id<Told>) -> Result<Vec<String>, SourceError> {
    match source.ask(Question::Tail(job.clone())).await? {
        Answer::Text(lines) => Ok(lines.iter().map(|line| line.to_string()).collect()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_last_lines_of_the_script_that_failed_take_one_request() {
    let gitlab = GitLab::start("tail", Shape::New);
    let source = source(&gitlab, "");
    let noise: String = (0..60_000).map(|n| format!("line {n}\n")).collect();
    let log = format!(
        "section_start:1:step_script\r\x1b[0K{noise}\x1b[31mFAIL\x1b[0m price\x07\nsection_end:2:step_script\r\x1b[0K\
         section_start:2:cleanup_file_variables\r\x1b[0KCleaning up\nsection_end:3:cleanup_file_variables\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"
    );
    gitlab.with(|world| {
        let mut jobs = vec![Job::new(50, "test", "unit", "failed"), Job::new(51, "test", "lint", "failed")];
        jobs[0].log = Some(log.into_bytes());
        let mut pipeline = Pipeline::new(5, "failed", jobs);
        pipeline.bridges = vec![(52, "shards", 6)];
        world.add(pipeline);
        world.add(Pipeline { source: "parent_pipeline", ..Pipeline::new(6, "failed", Vec::new()) });
    });
    let run = Seen::new(&source, Feed::Runs).until("the run", |seen| seen.run(5).cloned()).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(run.id));
    jobs.until("its jobs", |seen| (seen.jobs.len() == 3).then_some(())).await;
    let id = |name: &str| jobs.jobs.values().find(|job| job.name.contains(name)).expect("told").id.clone();
    gitlab.with(|world| world.asked.clear());
    let told = tail(&source, &id("unit")).await.expect("it is there");
    let last: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(last[5..], ["line 59999", "FAIL price", "ERROR: Job failed: exit code 1"], "what is tidied up is left out: {last:?}");
    assert_eq!((told.len(), asked(&gitlab).len()), (8, 1), "{:?}", asked(&gitlab));
    let gone = tail(&source, &id("lint")).await;
    assert!(matches!(&gone, Err(SourceError::NotFound(words)) if words.contains("is gone")), "{gone:?}");
    let bridge = tail(&source, &id("shards")).await;
    assert!(matches!(&bridge, Err(SourceError::NotFound(words)) if words.contains("begins another pipeline")), "{bridge:?}");
}

async fn report(source: &Arc<dyn Source>, run: &pilothouse::domain::Run) -> Result<Report, SourceError> {
    match source.ask(Question::Report { run: run.id.clone(), commit: run.commit.clone() }).await? {
        Answer::Report(report) => Ok(*report),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tests_coverage_and_what_jobs_left_behind_are_told_in_old_and_new_shapes() {
    for shape in [Shape::Old, Shape::New] {
        let gitlab = GitLab::start("report", shape);
        let source = source(&gitlab, "");
        gitlab.with(|world| {
            let mut jobs = vec![Job::new(50, "test", "unit", "failed"), Job::new(51, "build", "compile", "success")];
            jobs[0].artifacts = json!([
                { "file_type": "archive", "size": 19_398_656, "filename": "artifacts.zip", "file_format": "zip" },
                { "file_type": "archive", "size": 9_223_372_036_854_775_807_u64, "filename": "all.zip" }, { "file_type": "metadata", "size": 186, "filename": "metadata.gz" },
                { "file_type": "trace", "size": 1500, "filename": "job.log" }, { "file_type": "junit", "size": null, "filename": null }, "odd", { "size": "large" },
            ]);
            jobs[1].artifacts = serde_json::Value::Null;
            if world.shape == Shape::New {
                jobs[1].artifacts = json!([]);
            }
            world.add(Pipeline::new(5, "failed", jobs));
            world.coverage = json!("78.10");
            world.tests = Some(json!({ "time": 1.5, "count": 412, "success": 400, "failed": 2, "skipped": 9, "error": 1, "suite_error": null }));
        });
        let run = Seen::new(&source, Feed::Runs).until("the run", |seen| seen.run(5).cloned()).await;
        let mut jobs = Seen::new(&source, Feed::Jobs(run.id.clone()));
        jobs.until("its jobs, whatever they left behind", |seen| (seen.jobs.len() == 2).then_some(())).await;
        let told = report(&source, &run).await.expect("it is told");
        assert_eq!((told.coverage, told.tests), (Some(78.1), Some(Tests { total: 412, failed: 3, skipped: 9 })));
        let made: Vec<(&str, Option<u64>)> = told.artifacts.iter().map(|one| (&*one.name, one.bytes)).collect();
        assert_eq!(made, [("unit: artifacts.zip", Some(19_398_656)), ("unit: all.zip", Some(9_223_372_036_854_775_807)), ("unit: junit", None)]);
        assert!(told.artifacts.iter().all(|one| one.until.is_some()) && told.lacks.is_empty(), "{told:?}");

        gitlab.with(|world| {
            world.coverage = serde_json::Value::Null;
            world.tests = Some(json!({ "count": 3, "failed": null, "suite_error": "invalid XML" }));
        });
        let told = report(&source, &run).await.expect("it is told");
        assert_eq!((told.coverage, told.tests), (None, Some(Tests { total: 3, failed: 0, skipped: 0 })));
        assert!(told.lacks[0].contains("could not be read by GitLab"), "{told:?}");
        gitlab.with(|world| (world.coverage, world.tests) = (json!(91.5), Some(json!({ "count": 0 }))));
        let told = report(&source, &run).await.expect("it is told");
        assert_eq!((told.coverage, told.tests), (Some(91.5), None), "a pipeline without tests has none");
        gitlab.with(|world| world.tests = None);
        assert_eq!(report(&source, &run).await.map(|told| told.tests), Ok(None), "nor has one whose summary may not be read");
        gitlab.with(|world| {
            let more = |id| Job { artifacts: json!([{ "file_type": "archive", "filename": "x.zip" }]), ..Job::new(id, "test", "part", "success") };
            world.pipeline(5).jobs.extend((100..250).map(more));
            world.asked.clear();
        });
        let told = report(&source, &run).await.expect("it is told");
        assert_eq!((told.artifacts.len(), told.more), (20, 80));
        assert!(told.lacks[0].contains("the newest 100") && asked(&gitlab).iter().filter(|what| what.contains("pipelines/5/jobs")).count() == 1, "{told:?}");
    }
}

/// A list does not tell that jobs failed which were allowed to: it is told all the same, whether the pipeline had ended before anybody looked or not.
#[tokio::test]
async fn a_script_is_told_of_warnings_also_where_the_pipeline_had_ended_before() {
    let gitlab = GitLab::start("warned", Shape::New);
    let warned = || vec![Job { allowed: true, ..Job::new(91, "test", "lint", "failed") }];
    gitlab.with(|world| {
        world.add(Pipeline { group: "success-with-warnings", ..Pipeline::new(9, "success", warned()) });
        world.add(Pipeline::new(10, "running", vec![Job { allowed: true, ..Job::new(101, "test", "lint", "running") }]));
    });
    let watch = |number: &str| Script::new(&format!("[[source]]\n{}", table(&gitlab)), None, &["watch", "--json", "--within", "10m", number]);
    let mut followed = watch("10");
    followed.says("running").await;
    gitlab.with(|world| {
        let pipeline = world.pipeline(10);
        pipeline.stands("success");
        pipeline.group = "success-with-warnings";
        pipeline.jobs[0].ends("failed");
    });
    let ((code, before), (followed, after)) = tokio::join!(watch("9").ended(), followed.ended());
    assert_eq!([(code, &before["status"]), (followed, &after["status"])], [(Some(0), &json!("warning")); 2], "{before} {after}");
}
