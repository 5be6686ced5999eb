//! What the screen of a run tells beside its jobs, and what is asked for it.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{Effect, Event},
    domain::{Answer, Artifact, Change, Fact, Feed, Id, Job, Question, Report, Run, RunStatus, SourceId, TaskId, Tests, Trouble, Why},
    keys::Key,
    text::Clean,
    theme::Role,
};

/// Cart's run that failed, on the whole screen.
fn failed(width: u16, height: u16) -> Scene {
    stage("incident").size(width, height).keys("2G").play()
}

fn run(scene: &Scene, number: u64) -> Run {
    scene.app.store.runs().into_iter().find(|run| run.number == number).expect("it is known").clone()
}

/// Moves the cursor to the run of that number and opens it; what is asked then.
fn open(scene: &mut Scene, number: u64) -> Vec<(TaskId, Question)> {
    scene.go("g");
    while scene.app.pipelines.at.id().and_then(|id| scene.app.store.run(id)).map(|run| run.number) != Some(number) {
        scene.go("j");
    }
    press(scene, "enter")
}

fn press(scene: &mut Scene, key: &str) -> Vec<(TaskId, Question)> {
    let key: Key = key.parse().expect("a key");
    asked(scene.app.update(scene.app.now, Event::Key(key)))
}

fn asked(effects: Vec<Effect>) -> Vec<(TaskId, Question)> {
    effects.into_iter().filter_map(|effect| if let Effect::Ask { task, question, .. } = effect { Some((task, question)) } else { None }).collect()
}

fn tails(asked: &[(TaskId, Question)]) -> Vec<TaskId> {
    asked.iter().filter(|(_, question)| matches!(question, Question::Tail(_))).map(|(task, _)| *task).collect()
}

fn reports(asked: &[(TaskId, Question)]) -> Vec<TaskId> {
    asked.iter().filter(|(_, question)| matches!(question, Question::Report { .. })).map(|(task, _)| *task).collect()
}

fn answer(scene: &mut Scene, task: TaskId, answer: Result<Answer, Why>) {
    scene.told(Event::Answer(task, answer.map(Box::new)));
}

fn why(trouble: Trouble, words: &'static str) -> Why {
    Why { trouble, words: words.into() }
}

#[test]
fn the_job_that_failed_says_its_last_lines_by_itself_and_is_asked_once() {
    let mut scene = failed(120, 40);
    let first = open(&mut scene, 311);
    assert_eq!((tails(&first).len(), reports(&first).len()), (1, 1), "{first:?}");
    scene.says(&["its last lines are asked for"]);
    answer(&mut scene, tails(&first)[0], Ok(Answer::Text(vec!["3 of 6 updated".into(), "error: timed out".into()])));
    scene.says(&["│ 3 of 6 updated", "│ error: timed out"]);
    // Another job of it, and back: nobody is asked twice, and what did not fail is not asked at all.
    let again = [press(&mut scene, "k"), press(&mut scene, "j")].concat();
    assert_eq!(again, []);
    scene.says(&["│ error: timed out"]);
    let mut closed = press(&mut scene, "esc");
    closed.extend(open(&mut scene, 311));
    assert_eq!(closed, [], "nor when it is opened again");
}

#[test]
fn a_log_that_is_not_there_is_said_and_asked_for_again_only_while_it_is_fresh() {
    let mut scene = failed(120, 40);
    let first = open(&mut scene, 311);
    answer(&mut scene, tails(&first)[0], Err(why(Trouble::NotFound, "its log is not there yet")));
    scene.says(&["its last lines are not known: its log is not there yet"]);
    let after = |scene: &mut Scene, seconds: u64| {
        let mut now = scene.app.now;
        now.mono += std::time::Duration::from_secs(seconds);
        now.wall += jiff::SignedDuration::from_secs(seconds.cast_signed());
        tails(&asked(scene.app.update(now, Event::Tick)))
    };
    assert_eq!(after(&mut scene, 5), [], "not so soon");
    let again = after(&mut scene, 90);
    assert_eq!(again.len(), 1, "it may be there by now");
    answer(&mut scene, again[0], Err(why(Trouble::NotFound, "its log is not there yet")));
    assert_eq!(after(&mut scene, 600), [], "it will not come any more");
    press(&mut scene, "esc");
    assert_eq!(tails(&open(&mut scene, 311)).len(), 1, "whoever opens it again wants to know");
}

#[test]
fn at_80_columns_the_last_lines_are_in_view() {
    let mut scene = failed(80, 24);
    let first = open(&mut scene, 311);
    let lines = (1..=8).map(|n| Clean::from_untrusted(&format!("line {n}"))).collect();
    answer(&mut scene, tails(&first)[0], Ok(Answer::Text(lines)));
    scene.says(&["✗  deploy", "│ line 1", "│ line 8"]);
    // What stands below the jobs comes into view too, and is no job.
    let artifact = Artifact { name: "app.tar.gz".into(), bytes: None, until: None, gone: false };
    answer(&mut scene, reports(&first)[0], Ok(Answer::Report(Box::new(Report { artifacts: vec![artifact], ..Report::default() }))));
    scene.hides(&["app.tar.gz"]);
    press(&mut scene, "G");
    scene.says(&["✗ production", "ARTIFACTS", "app.tar.gz"]);
    assert!(matches!(scene.app.subject(), pilothouse::app::Subject::Run(_)));
    press(&mut scene, "enter");
    scene.says(&["app.tar.gz"]);
    press(&mut scene, "k");
    scene.says(&["│ line 8"]);
}

#[test]
fn tests_coverage_and_artifacts_are_told_in_words_and_too_little_coverage_warns_in_the_list_too() {
    let mut scene = failed(120, 40);
    let first = open(&mut scene, 940);
    scene.hides(&["coverage"]);
    let artifact = |name: &'static str, bytes, days: i64| Artifact {
        name: name.into(),
        bytes,
        until: Some(scene.app.now.wall + jiff::SignedDuration::from_hours(24 * days)),
        gone: false,
    };
    let artifacts = vec![artifact("app.tar.gz", Some(19_398_656), 89), artifact("old.zip", None, -1)];
    let tests = Some(Tests { total: 1_412, failed: 3, skipped: 1 });
    let results = vec![("IMAGE_DIGEST".into(), "sha256:c0ffee".into())];
    let report = Report { warns: false, tests, coverage: Some(79.97), artifacts, more: 31, results, lacks: vec!["coverage of parts: not told".into()] };
    answer(&mut scene, reports(&first)[0], Ok(Answer::Report(Box::new(report))));
    scene.says(&[
        "1,412 tests, 3 failed, 1 skipped · coverage 79.9 % (gate asks 80 %)",
        "app.tar.gz    18.5 MiB   kept 89 d",
        "old.zip",
        "gone",
        "and 31 more",
    ]);
    scene.says(&["RESULTS", "IMAGE_DIGEST  sha256:c0ffee", "coverage of parts: not told"]);
    assert!(scene.role_of("3 failed").contains(&Role::Critical) && scene.role_of("coverage 79.9").contains(&Role::Warn));
    scene.says(&["build !"]);
    press(&mut scene, "esc");
    let gates = |scene: &Scene| scene.text().lines().filter(|line| line.contains("build !")).count();
    assert_eq!(gates(&scene), 1, "{}", scene.text());
}

#[test]
fn a_run_is_asked_for_its_report_once_while_it_goes_and_once_when_it_is_over() {
    let mut scene = failed(120, 40);
    assert_eq!(reports(&open(&mut scene, 88)).len(), 1);
    let (source, mut now): (SourceId, Run) = (run(&scene, 88).id.source(), run(&scene, 88));
    assert_eq!(now.status, RunStatus::Running);
    let mut tell = |scene: &mut Scene, change: &dyn Fn(&mut Run)| {
        change(&mut now);
        let facts: Vec<Fact> = vec![Change::Upsert(now.clone()).into()];
        reports(&asked(scene.app.update(scene.app.now, Event::Facts(source.clone(), Feed::Runs, facts)))).len()
    };
    assert_eq!(tell(&mut scene, &|run| run.title = "Another title".into()), 0);
    assert_eq!(tell(&mut scene, &|run| run.status = RunStatus::Success), 1);
    assert_eq!(tell(&mut scene, &|run| run.title = "Once more".into()), 0);
    assert_eq!(tell(&mut scene, &|run| run.attempt = 2), 1, "another attempt has another report");
}

#[test]
fn a_ci_that_has_no_reports_is_not_complained_about_and_one_that_refuses_is() {
    let mut scene = failed(120, 40);
    let first = open(&mut scene, 940);
    answer(&mut scene, reports(&first)[0], Err(why(Trouble::Unsupported, "no reports here")));
    scene.hides(&["no reports here"]);
    press(&mut scene, "esc");
    let again = open(&mut scene, 940);
    answer(&mut scene, reports(&again)[0], Err(why(Trouble::Denied, "the token may not")));
    scene.says(&["tests and artifacts are not known: the token may not"]);
}

#[test]
fn a_gate_that_is_missing_is_news_and_one_that_was_skipped_is_not_passed() {
    let mut scene = failed(120, 40);
    open(&mut scene, 940);
    scene.says(&["build ✓", "security missing"]);
    let run = run(&scene, 940);
    let jobs = scene.app.store.jobs_of(&run.id).into_iter().cloned().collect::<Vec<Job>>();
    let skipped = |job: &Job| Fact::from(Change::Upsert(Job { status: RunStatus::Skipped, ..job.clone() }));
    let feed = Feed::Jobs(run.id.clone());
    scene.told(Event::Facts(Id::source(&run.id), feed, jobs.iter().map(skipped).collect()));
    scene.hides(&["build ✓"]).says(&["security missing"]);
}
