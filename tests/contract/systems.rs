//! One suite for every CI: what the suite says of a pipeline each of them is told in its own words, and each source must make the same of it.

mod budget;
mod desk;
mod github;
mod gitlab;
mod jenkins;
mod many;
mod older;
mod tekton;
mod watched;

use crate::{
    github::seen::Seen,
    kubernetes::{
        acts::{accepted, act, run_wish as wish},
        lab,
    },
};
use jiff::{SignedDuration, Timestamp};
use pilothouse::{
    domain::{Feed, GateKind, Id, LogTarget, Run, RunStatus, Stage, Verb},
    sources::{Source, SourceError},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// When every run of the suite began, to the second as all systems tell it.
static BEGAN: LazyLock<Timestamp> = LazyLock::new(|| Timestamp::from_second(Timestamp::now().as_second() - 1_800).expect("a time"));

/// So many seconds after that.
fn at(second: i64) -> Timestamp {
    *BEGAN + SignedDuration::from_secs(second)
}

/// How a run or a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Queued,
    Running,
    /// A person must let it go on.
    Held,
    Success,
    Failed,
    Cancelled,
    Skipped,
    /// A word that nobody knows yet.
    Odd,
}

impl How {
    const fn over(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancelled | Self::Skipped)
    }
}

/// A job: its name, how it stands, and from which second of the run to which it went.
#[derive(Clone, Debug)]
pub struct Task {
    pub name: String,
    pub how: How,
    pub from: i64,
    pub to: i64,
}

/// A run of `main`, and how long it took where it is over.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub number: u64,
    pub how: How,
    pub took: i64,
    pub tasks: Vec<Task>,
}

impl Pipeline {
    pub fn new(number: u64, how: How, tasks: Vec<Task>) -> Self {
        Self { number, how, took: 300, tasks }
    }

    /// Build, unit tests, a look for holes and a deployment, as they stand one after the other.
    fn shipping(number: u64, how: How, stand: [How; 4]) -> Self {
        let names = ["build", "unit-tests", "trivy", "deploy"];
        let task = |(nth, (name, how)): (usize, (&str, How))| {
            let from = 60 * i64::try_from(nth).expect("few");
            // What is skipped begins and ends at the same time, where its system writes times at all.
            let took = if how == How::Skipped { 0 } else { 50 + 2 * i64::try_from(nth).expect("few") };
            Task { name: name.into(), how, from, to: from + took }
        };
        Self::new(number, how, names.into_iter().zip(stand).enumerate().map(task).collect())
    }
}

/// A CI as the suite needs it.
pub trait Ci: Sized {
    /// Whether one of its jobs can be held until a person lets it go on.
    const HOLDS: bool = true;
    /// Whether it tells what a job says before that is over.
    const LIVE: bool = true;
    /// Whether a list is read page by page where only runs of some branches are wanted: then two of three of its many runs are of others.
    const PAGED: bool = false;

    /// Whether its source knows all runs, those that it does not show too, so that nobody is asked for them.
    const REMEMBERS: bool = false;

    /// One in which nothing has run yet; none when the tests are left out on purpose.
    async fn new(about: &str) -> Option<Self>;
    /// The table of its source, as a configuration has it.
    fn table(&self) -> String;
    /// Its source, with something more in its table.
    fn source(&self, more: &str) -> Arc<dyn Source>;
    /// The same where it is read for longer than its manners let it be read so often.
    fn steady(&self, more: &str) -> Arc<dyn Source> {
        self.source(more)
    }
    /// The same of a console that was started with `--read-only`.
    fn reading(&self) -> Arc<dyn Source>;
    /// The same with a credential that is none.
    fn stranger(&self) -> Arc<dyn Source>;
    /// A run stands like this from now on.
    async fn write(&self, pipeline: &Pipeline);
    /// A run of which nothing is told but what must be.
    async fn bare(&self, number: u64);
    /// What the one job of a run has said so far; whether that is over too.
    async fn says(&self, number: u64, lines: std::ops::Range<usize>, over: bool);
    /// So many runs that succeeded: how many it made of them.
    async fn many(&self, count: u64) -> u64;
    /// What was asked to be changed, so far.
    fn changes(&self) -> usize;
    /// The next change is carried out, and its answer lost.
    fn cut(&self);
    /// Lets nobody in, or everybody again who is known.
    fn refuse(&self, refuses: bool);
    /// What people call its run of this number.
    fn called(&self, number: u64) -> String {
        number.to_string()
    }
    /// What its workers do when a run shall end, where that is not done already.
    async fn ends(&self, _: u64) {}
}

/// Whether people call it by this number.
fn is(run: &Run, number: u64) -> bool {
    run.number == number || run.called().rsplit_once('-').is_some_and(|(_, last)| last.parse() == Ok(number))
}

fn find(seen: &Seen, number: u64) -> Option<Run> {
    seen.runs.values().find(|run| is(run, number)).cloned()
}

/// The run of this number, once the list was told, and what goes on telling of it.
async fn told(source: &Arc<dyn Source>, number: u64) -> (Seen, Id<Run>) {
    let mut seen = Seen::new(source, Feed::Runs);
    let run = seen.until("the run", |seen| find(seen, number).filter(|_| seen.whole)).await;
    (seen, run.id)
}

/// What is seen of a run: its word and its seconds, and the same of each of its jobs with the gate that it counts for.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    run: (String, Option<i64>),
    jobs: BTreeMap<String, (String, Option<GateKind>, Option<i64>)>,
}

fn seconds(began: Option<Timestamp>, ended: Option<Timestamp>) -> Option<i64> {
    began.zip(ended).map(|(began, ended)| ended.duration_since(began).as_secs())
}

impl Look {
    fn of(run: &Run, jobs: &Seen) -> Self {
        let job = |job: &pilothouse::domain::Job| (job.name.to_string(), (job.status.word().to_string(), job.gate, seconds(job.started, job.ended)));
        Self { run: (run.status.word().to_string(), seconds(run.started, run.ended)), jobs: jobs.jobs.values().map(job).collect() }
    }

    /// What it must be, whichever system it is.
    fn wanted(pipeline: &Pipeline) -> Self {
        let word = |how: How| match how {
            How::Queued => "queued",
            How::Running => "running",
            How::Held => "waiting",
            How::Success => "ok",
            How::Failed => "failed",
            How::Cancelled => "cancelled",
            How::Skipped => "skipped",
            How::Odd => "unknown",
        };
        let gate = |name: &str| match name {
            "trivy" => Some(GateKind::Security),
            "deploy" => Some(GateKind::Deployment),
            _ => Some(GateKind::Build),
        };
        let took = |task: &Task| (task.how.over() && task.how != How::Skipped).then_some(task.to - task.from);
        let job = |task: &Task| (task.name.clone(), (word(task.how).to_owned(), gate(&task.name), took(task)));
        let ran = pipeline.how.over().then_some(pipeline.took);
        Self { run: (word(pipeline.how).to_owned(), ran), jobs: pipeline.tasks.iter().map(job).collect() }
    }
}

/// The same pipeline at every turn that it may take looks the same: its words, its gates, how long everything took.
async fn looks_the_same<C: Ci>(ci: C) {
    use How::{Cancelled, Failed, Held, Queued, Running, Skipped, Success};
    let good = [
        (Running, [Running, Queued, Queued, Queued]),
        (Running, [Success, Running, Queued, Queued]),
        (Held, [Success, Success, Success, Held]),
        (Running, [Success, Success, Success, Running]),
        (Success, [Success, Success, Success, Success]),
    ];
    let stories = [
        &good[..],
        &[(Running, [Success, Running, Queued, Queued]), (Failed, [Success, Failed, Skipped, Skipped])],
        &[(Running, [Success, Success, Running, Queued]), (Cancelled, [Success, Success, Cancelled, Skipped])],
    ];
    let source = ci.source("");
    for (number, story) in (311..).zip(stories) {
        ci.write(&Pipeline::new(number, Queued, Vec::new())).await;
        let (mut runs, id) = told(&source, number).await;
        let queued = &runs.runs[&id];
        assert_eq!((&queued.status, queued.ended), (&RunStatus::Queued, None), "{queued:?}");
        for &(how, stand) in story.iter().filter(|(how, _)| C::HOLDS || *how != Held) {
            let pipeline = Pipeline::shipping(number, how, stand);
            ci.write(&pipeline).await;
            let wanted = Look::wanted(&pipeline);
            let stands = |run: &Run| *run.status.word() == *wanted.run.0 && seconds(run.started, run.ended) == wanted.run.1;
            let run = runs.until(&format!("run {number}, {how:?}"), |seen| find(seen, number).filter(stands)).await;
            assert_eq!(run.branch.raw(), "main");
            let mut jobs = Seen::new(&source, Feed::Jobs(run.id.clone()));
            jobs.until(&format!("{wanted:#?}"), |seen| (Look::of(&run, seen) == wanted).then_some(())).await;
        }
    }
}

/// What is missing or null, and words of tomorrow, hide nothing and are never green.
async fn what_is_odd_is_told<C: Ci>(ci: C) {
    let task = |name: &str, how| Task { name: name.into(), how, from: 0, to: 50 };
    ci.write(&Pipeline::new(1, How::Success, vec![task("build", How::Success)])).await;
    ci.write(&Pipeline::new(2, How::Odd, Vec::new())).await;
    ci.write(&Pipeline::new(3, How::Running, vec![task("build", How::Success), task("odd", How::Odd)])).await;
    ci.bare(4).await;
    let source = ci.source("");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("all of them", |seen| (seen.whole && (1..=4).all(|number| find(seen, number).is_some())).then_some(())).await;
    let status = |number| find(&runs, number).map(|run| run.status).expect("it was told");
    assert_eq!((status(1), status(3)), (RunStatus::Success, RunStatus::Running));
    assert!(matches!(status(2), RunStatus::Unknown(_)), "{:?}", status(2));
    assert!(matches!(status(4), RunStatus::Unknown(_) | RunStatus::Queued | RunStatus::Lost), "{:?}", status(4));
    let mut jobs = Seen::new(&source, Feed::Jobs(find(&runs, 3).expect("it was told").id));
    let odd = jobs.until("its jobs", |seen| seen.job("odd").filter(|_| seen.jobs.len() == 2).cloned()).await;
    assert!(matches!(odd.status, RunStatus::Unknown(_)), "{odd:?}");
    let mut none = Seen::new(&source, Feed::Jobs(find(&runs, 4).expect("it was told").id));
    none.look().await;
}

/// Each line once and in order, of a log of fifty thousand and of one that goes on while it is read.
async fn a_log_comes_whole<C: Ci>(ci: C) {
    let job = Task { name: "build".into(), how: How::Running, from: 0, to: 50 };
    ci.write(&Pipeline::new(1, How::Running, vec![job.clone()])).await;
    let source = ci.source("");
    let (_, run) = told(&source, 1).await;
    let id = Seen::new(&source, Feed::Jobs(run)).until("its job", |seen| seen.job("build").cloned()).await.id;
    let log = || Seen::new(&source, Feed::Logs(LogTarget::Job(id.clone())));
    let mut live = log();
    ci.says(1, 0..20_000, false).await;
    if C::LIVE {
        live.until("what it says so far", |seen| (seen.lines.len() == 20_000).then_some(())).await;
    } else {
        live.until("that it says nothing yet", |seen| (!seen.notices.is_empty()).then_some(())).await;
    }
    ci.says(1, 0..50_000, true).await;
    ci.write(&Pipeline::new(1, How::Success, vec![Task { how: How::Success, ..job }])).await;
    let mut after = log();
    for seen in [&mut live, &mut after] {
        seen.end().await;
        assert_eq!(seen.lines.len(), 50_000, "{:?}", seen.notices);
        assert!(seen.lines.iter().enumerate().all(|(n, line)| *line == format!("line {n}")), "each once and in order");
    }
}

/// A run is cancelled by one request; one that ended meanwhile is left alone; a lost answer is told as that; read-only sends nothing.
async fn a_change_is_sent_once<C: Ci>(ci: C) {
    let source = ci.source("");
    let running = |number| Pipeline::new(number, How::Running, vec![Task { name: "build".into(), how: How::Running, from: 0, to: 50 }]);
    for number in 7..=10 {
        ci.write(&running(number)).await;
    }
    let (mut runs, id) = told(&source, 7).await;
    let operation = wish(&source, &id, Verb::Cancel).await;
    accepted(&act(&source, operation.clone()).await);
    ci.ends(7).await;
    runs.until("its end", |seen| find(seen, 7).filter(|run| run.status == RunStatus::Cancelled)).await;
    assert!(matches!(&act(&source, operation).await[..], [Stage::Conflict { same: false, .. }]), "it is over");

    let (_, late) = told(&source, 8).await;
    let late = wish(&source, &late, Verb::Cancel).await;
    ci.write(&Pipeline { how: How::Success, ..running(8) }).await;
    assert!(matches!(&act(&source, late).await[..], [Stage::Conflict { same: false, .. }]), "it ended by itself");

    let (_, lost) = told(&source, 9).await;
    let lost = wish(&source, &lost, Verb::Cancel).await;
    ci.cut();
    let stages = act(&source, lost).await;
    assert!(matches!(&stages[..], [Stage::Sending, Stage::Unclear { .. }]), "{stages:?}");
    assert_eq!(ci.changes(), 2, "one for the first and one for the lost one");

    let reader = ci.reading();
    let (_, kept) = told(&reader, 10).await;
    let stages = act(&reader, wish(&reader, &kept, Verb::Cancel).await).await;
    assert!(matches!(&stages[..], [Stage::Refused { why }] if why.contains("read-only")), "{stages:?}");
    assert_eq!(ci.changes(), 2, "nothing was sent");
}

/// Who is not known is told whose credential is not taken.
async fn a_stranger_is_refused<C: Ci>(ci: C) {
    let error = Seen::new(&ci.stranger(), Feed::Runs).error().await;
    assert!(matches!(&error, SourceError::Denied(words) if !words.is_empty()), "{error:?}");
    assert!(!error.to_string().contains("stale"), "a credential is never told: {error}");
    let good = ci.source("");
    lab::eventually("the right one is taken", async || Seen::new(&good, Feed::Runs).works().await.then_some(())).await;
}

/// A test of each case for each system.
macro_rules! suite {
    ($($system:ident: $ci:ty),+ $(,)?) => { $(
        mod $system {
            use crate::systems::{self, many, older, watched};

            suite!(@cases $ci, looks_the_same => systems::looks_the_same, what_is_odd_is_told => systems::what_is_odd_is_told,
                a_log_comes_whole => systems::a_log_comes_whole, a_change_is_sent_once => systems::a_change_is_sent_once,
                a_stranger_is_refused => systems::a_stranger_is_refused, of_many_only_the_newest_are_told => many::of_many_only_the_newest_are_told,
                each_of_five_hundred_jobs_is_told => many::each_of_five_hundred_jobs_is_told,
                pages_that_move_lose_nothing => many::pages_that_move_lose_nothing,
                older_runs_come_to_the_last => older::older_runs_come_to_the_last,
                older_runs_are_not_lost_while_others_come => older::older_runs_are_not_lost_while_others_come,
                more_come_at_once_than_a_list_holds => older::more_come_at_once_than_a_list_holds,
                a_refusal_of_older_runs_is_said => older::a_refusal_of_older_runs_is_said,
                a_script_follows_a_run_to_its_end => watched::a_script_follows_a_run_to_its_end,
                a_script_waits_for_no_more_than_the_run => watched::a_script_waits_for_no_more_than_the_run);
        }
    )+ };
    (@cases $ci:ty, $($name:ident => $case:path),+) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            if let Some(ci) = <$ci as systems::Ci>::new(stringify!($name)).await {
                $case(ci).await;
            }
        }
    )+ };
}

mod of {
    suite!(
        github: crate::systems::github::GitHub,
        gitlab: crate::systems::gitlab::GitLab,
        jenkins: crate::systems::jenkins::Jenkins,
        tekton: crate::systems::tekton::Tekton,
    );
}
