//! A run of a CI, followed to its end: for people who wait, and for scripts. It changes nothing.

use super::{
    Failed,
    args::Watch,
    exit::Exit,
    headless::{Headless, answered},
    out::{remark, say},
    start::duration,
    status,
};
use crate::{
    app::{App, Asked, Event, Known, Screen},
    domain::{Feed, FeedKind, Id, Job, Link, Run, RunStatus},
    store::words::{since, took},
    text::Clean,
    widgets::Selection,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};

/// The version of the JSON shape.
const SHAPE: u32 = 1;
/// How long a list may take until the words of its runs are whole.
const COMPLETE: Duration = Duration::from_secs(5);
/// How long what is asked beside the run may take once that is over, and how long its jobs may still take to end: what a run does not wait for may go
/// on for hours, and what waits for a person for ever.
const BESIDE: Duration = Duration::from_secs(20);
/// How long a run may be missing: what has left a queue is told as a build a moment later.
const GONE: SignedDuration = SignedDuration::from_secs(60);

/// Finds the run, tells what changes on standard error, and ends as it ends.
pub async fn run(mut headless: Headless, args: Watch) -> Result<Exit, Failed> {
    let within = duration(&args.within)?;
    let id = find(&mut headless, &args, within).await?;
    headless.app.open_screen(Screen::Run(id, Selection::default()));
    let ended = follow(&mut headless, within).await;
    let app = &headless.app;
    let Some(run) = followed(app) else {
        let gone = "the run is not told any more: it was deleted, taken out of the queue, or driven out of the list by newer ones";
        return Err(Failed::new(Exit::Unknown, gone));
    };
    if let Some(why) = silent(app, run) {
        remark(&format!("its jobs are not known: {why}"));
    }
    if args.output.json {
        say!("{:#}", shape(app, run));
    } else {
        print(app, run);
    }
    let status = app.told.standing(run);
    if let Some(words) = status.remark() {
        remark(words);
    }
    if !ended {
        remark(&format!("it did not end within {}", args.within));
    }
    Ok(if ended { exit(&status) } else { Exit::Unknown })
}

/// The run that is meant; one of a commit is waited for.
async fn find(headless: &mut Headless, args: &Watch, within: Duration) -> Result<Id<Run>, Failed> {
    headless.runs().await;
    let known = |app: &App| matches!(choose(app, args), Ok(Some(_)) | Err(_));
    if choose(&headless.app, args)?.is_none() {
        // A first list need not have all words of a run: some systems tell its branch and its commit a moment later.
        headless.until(COMPLETE, known).await;
    }
    let mut found = choose(&headless.app, args)?;
    if found.is_none() && args.commit.is_some() {
        remark("no run of this commit yet: it is waited for");
        headless.until(within, known).await;
        found = choose(&headless.app, args)?;
    }
    if found.is_none() || args.run.is_none() {
        lacks(&headless.app).for_each(|words| remark(&words));
    }
    // Only the newest are read: what is not among them may be there, and no is what is said of a run that failed.
    let none = format!("there is no {} among the newest that are read", wanted(args));
    found.ok_or_else(|| Failed::new(Exit::Unknown, headless.blind(FeedKind::Runs, &wanted(args), none).words))
}

/// What those lack who tell runs: the newest one of a branch may be in a repository that refuses us.
fn lacks(app: &App) -> impl Iterator<Item = String> {
    let ready = app.sources.iter().filter_map(|(id, known)| if let Ok(Known::Ready(offers)) = known { Some((id, offers)) } else { None });
    let told = ready.filter(|(_, offers)| offers.feeds.contains(&FeedKind::Runs));
    told.flat_map(|(id, offers)| offers.lacks.iter().map(move |words| format!("{id}: {words}")))
}

/// Tells what changes until the run has ended, or is gone; whether it was so within the time.
async fn follow(headless: &mut Headless, within: Duration) -> bool {
    // Where its jobs came before its screen was opened nothing more may come, and what the screen asks for is asked at the next event.
    let effects = headless.app.update(headless.clock.now(), Event::Tick);
    headless.carry_out(effects);
    let told = RefCell::new(Told::default());
    let over = |app: &App| {
        let Some(run) = followed(app) else { return told.borrow_mut().gone(app) };
        told.borrow_mut().changes(app, run);
        // Its jobs may be told a moment after the run itself; some sources tell none.
        let (source, feed) = (run.id.source(), Feed::Jobs(run.id.clone()));
        ended(run) && (answered(app, &source, &feed) || !app.offered(&source, &feed))
    };
    let in_time = headless.until(within, over).await;
    if in_time {
        let quiet = |app: &App| {
            let Some(run) = followed(app) else { return true };
            told.borrow_mut().changes(app, run);
            app.store.jobs_of(&run.id).iter().all(|job| job.status.over())
        };
        headless.until(BESIDE, quiet).await;
        headless.until(BESIDE, |app| !app.told.waits()).await;
        if let Some(run) = followed(&headless.app) {
            told.borrow_mut().changes(&headless.app, run);
        }
    }
    in_time
}

fn print(app: &App, run: &Run) {
    let took = run.started.zip(run.ended).map(|(began, ended)| format!(" after {}", took(since(began, ended)))).unwrap_or_default();
    say!("{} {} of {}, attempt {}: {}{took}", run.workflow, run.called(), run.repository, run.attempt, app.told.standing(run).word());
    for job in app.store.jobs_of(&run.id).into_iter().filter(|job| job.status == RunStatus::Failed) {
        say!("  failed   {}{}", job.name, step(job));
        last(app, job).iter().for_each(|line| say!("           | {line}"));
    }
}

/// The run that is followed; what waited in a queue may be called something else by now.
fn followed(app: &App) -> Option<&Run> {
    app.screens.iter().find_map(|screen| if let Screen::Run(id, _) = screen { app.store.run(id) } else { None })
}

/// Whether it will not change by itself. How it ended may be told in a word that we do not know.
const fn ended(run: &Run) -> bool {
    run.status.over() || (matches!(run.status, RunStatus::Unknown(_)) && run.ended.is_some())
}

/// Why nobody tells its jobs, where they should be told.
fn silent(app: &App, run: &Run) -> Option<Clean> {
    match &app.store.feed(&run.id.source(), &Feed::Jobs(run.id.clone()))?.link {
        Link::Retrying { why, .. } | Link::Refused { why, .. } => Some(why.words.clone()),
        Link::Live { .. } | Link::Connecting | Link::NotConnected => None,
    }
}

/// How a script is told.
const fn exit(status: &RunStatus) -> Exit {
    match status {
        RunStatus::Success | RunStatus::Warn | RunStatus::Skipped | RunStatus::Neutral => Exit::Yes,
        RunStatus::Failed | RunStatus::Cancelled | RunStatus::Stale => Exit::No,
        RunStatus::Queued | RunStatus::Running | RunStatus::Waiting(_) | RunStatus::Lost | RunStatus::Unknown(_) => Exit::Unknown,
    }
}

/// `run #311 of acme/cart`, as it was asked for.
fn wanted(args: &Watch) -> String {
    let one = |what: &str, value: &Option<String>| value.as_ref().map(|value| format!("{what}{}", Clean::from_untrusted(value)));
    let parts = [
        one("", &args.run),
        one("of branch ", &args.branch),
        one("of commit ", &args.commit),
        one("of ", &args.repository),
        one("of workflow ", &args.workflow),
    ];
    format!("run {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The run that is meant, where it is known by now; which ones are, where several may be.
fn choose(app: &App, args: &Watch) -> Result<Option<Id<Run>>, Failed> {
    let fits: Vec<&Run> = app.store.runs().into_iter().filter(|run| fits(run, args)).collect();
    if args.run.is_none() {
        return Ok(fits.into_iter().max_by_key(|run| (run.created, run.number)).map(|run| run.id.clone()));
    }
    match fits.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.id.clone())),
        several => {
            let names: Vec<String> = several.iter().take(5).map(|run| format!("{} {} of {}", run.workflow, run.called(), run.repository)).collect();
            Err(Failed::new(Exit::Usage, format!("several runs may be meant: {}; -R and --workflow choose", names.join(", "))))
        }
    }
}

fn fits(run: &Run, args: &Watch) -> bool {
    let repository = |wanted: &str| {
        run.repository.raw().eq_ignore_ascii_case(wanted) || run.repository.raw().rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(wanted))
    };
    let named = |wanted: &str| {
        let (of, number) = wanted.rsplit_once('#').unwrap_or(("", wanted));
        let called = run.called();
        run.url.as_str() == wanted || ((of.is_empty() || repository(of)) && called.trim_start_matches('#') == number)
    };
    args.run.as_deref().is_none_or(named)
        && args.branch.as_deref().is_none_or(|branch| run.branch.raw() == branch)
        && args.commit.as_deref().is_none_or(|commit| run.commit.raw().starts_with(commit))
        && args.repository.as_deref().is_none_or(repository)
        && args.workflow.as_deref().is_none_or(|workflow| run.workflow.eq_ignore_ascii_case(workflow))
}

/// What was told last of the run and of each of its jobs: only what is another word is told again.
#[derive(Default)]
struct Told {
    said: BTreeMap<String, Clean>,
    /// When the run was first missed.
    missed: Option<Timestamp>,
}

impl Told {
    /// Whether it has been missing for so long that it will not be told again.
    fn gone(&mut self, app: &App) -> bool {
        app.now.wall.duration_since(*self.missed.get_or_insert(app.now.wall)) >= GONE
    }

    fn changes(&mut self, app: &App, run: &Run) {
        self.missed = None;
        let clock = app.now.wall.to_zoned(app.start.zone.clone()).strftime("%H:%M:%S").to_string();
        let mut tell = |key: String, name: &Clean, says: Clean| {
            if self.said.insert(key, says.clone()) != Some(says.clone()) {
                remark(&format!("{clock}  {name}  {says}"));
            }
        };
        tell(String::new(), &crate::clean!("{} {}", run.workflow, run.called()), crate::clean!("attempt {}, {}", run.attempt, word(&app.told.standing(run))));
        for job in app.store.jobs_of(&run.id) {
            tell(job.id.as_str().to_owned(), &job.name, crate::clean!("{}{}", word(&job.status), step(job)));
        }
    }
}

fn word(status: &RunStatus) -> Clean {
    match status {
        RunStatus::Waiting(why) => crate::clean!("waits: {why}"),
        status => status.word(),
    }
}

/// The step that failed.
fn step(job: &Job) -> Clean {
    let failed = job.steps.iter().find(|step| step.status == RunStatus::Failed);
    failed.map_or(Clean::EMPTY, |step| crate::clean!(": {}", step.name))
}

/// What a job said last, where that was told.
fn last<'a>(app: &'a App, job: &Job) -> &'a [Clean] {
    if let Some(Asked::Here(lines)) = app.told.tail(&job.id) { lines } else { &[] }
}

fn shape(app: &App, run: &Run) -> Value {
    let jobs = app.store.jobs_of(&run.id);
    let job = |job: &Job| {
        let steps: Vec<Value> = job.steps.iter().map(|step| json!({ "number": step.number, "name": step.name, "status": step.status.word() })).collect();
        json!({ "name": job.name, "status": job.status.word(), "gate": job.gate.map(crate::domain::GateKind::word), "started": job.started.map(|at| at.to_string()),
            "ended": job.ended.map(|at| at.to_string()), "url": job.url, "steps": steps, "last": last(app, job) })
    };
    let mut value = status::run_shape(run);
    (value["v"], value["status"]) = (json!(SHAPE), json!(app.told.standing(run).word()));
    (value["commit"], value["ended"]) = (json!(run.commit.clean()), json!(run.ended.map(|at| at.to_string())));
    value["jobs"] = jobs.into_iter().map(job).collect();
    let report = app.told.shown(&run.id);
    value["tests"] =
        json!(report.and_then(|report| report.tests).map(|tests| json!({ "total": tests.total, "failed": tests.failed, "skipped": tests.skipped })));
    value["coverage"] = json!(report.and_then(|report| report.coverage));
    value
}
