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
    app::{App, Asked, Screen},
    domain::{Feed, FeedKind, Id, Job, Run, RunStatus},
    store::words::{since, took},
    text::Clean,
    widgets::Selection,
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};

/// The version of the JSON shape.
const SHAPE: u32 = 1;
/// How long a list may take until the words of its runs are whole.
const COMPLETE: Duration = Duration::from_secs(5);
/// How long what is asked beside the jobs may take, once the run is over.
const BESIDE: Duration = Duration::from_secs(20);

/// Finds the run, tells what changes on standard error, and ends as it ends.
pub async fn run(mut headless: Headless, args: Watch) -> Result<Exit, Failed> {
    let within = duration(&args.within)?;
    headless.runs().await;
    let known = |app: &App| matches!(choose(app, &args), Ok(Some(_)) | Err(_));
    if choose(&headless.app, &args)?.is_none() {
        // A first list need not have all words of a run: some systems tell its branch and its commit a moment later.
        headless.until(COMPLETE, known).await;
    }
    let mut found = choose(&headless.app, &args)?;
    if found.is_none() && args.commit.is_some() {
        remark("no run of this commit yet: it is waited for");
        headless.until(within, known).await;
        found = choose(&headless.app, &args)?;
    }
    let Some(id) = found else { return Err(headless.blind(FeedKind::Runs, &wanted(&args), format!("there is no {}", wanted(&args)))) };
    headless.app.open_screen(Screen::Run(id.clone(), Selection::default()));
    let told = RefCell::new(Told::default());
    let over = |app: &App| {
        told.borrow_mut().changes(app, &id);
        // Its jobs may be told a moment after the run itself; some sources tell none.
        let (source, feed) = (id.source(), Feed::Jobs(id.clone()));
        let jobs = (answered(app, &source, &feed) || !app.offered(&source, &feed)) && app.store.jobs_of(&id).iter().all(|job| job.status.over());
        jobs && app.store.run(&id).is_some_and(|run| run.status.over())
    };
    let ended = headless.until(within, over).await;
    if ended {
        headless.until(BESIDE, |app| !app.told.waits()).await;
    }
    let app = &headless.app;
    let Some(run) = app.store.run(&id) else { return Err(Failed::new(Exit::Unknown, "the run is not told any more")) };
    if args.output.json {
        say!("{:#}", shape(app, run));
    } else {
        let took = run.started.zip(run.ended).map(|(began, ended)| format!(" after {}", took(since(began, ended)))).unwrap_or_default();
        say!("{} {} of {}, attempt {}: {}{took}", run.workflow, run.called(), run.repository, run.attempt, run.status.word());
        for job in app.store.jobs_of(&id).into_iter().filter(|job| job.status == RunStatus::Failed) {
            say!("  failed   {}{}", job.name, step(job));
            last(app, job).iter().for_each(|line| say!("           | {line}"));
        }
    }
    if !ended {
        remark(&format!("it did not end within {}", args.within));
    }
    Ok(if ended { exit(&run.status) } else { Exit::Unknown })
}

/// How a script is told.
const fn exit(status: &RunStatus) -> Exit {
    match status {
        RunStatus::Success | RunStatus::Warn | RunStatus::Skipped | RunStatus::Neutral => Exit::Yes,
        RunStatus::Failed | RunStatus::Cancelled | RunStatus::Stale => Exit::No,
        RunStatus::Queued | RunStatus::Running | RunStatus::Waiting(_) | RunStatus::Unknown(_) => Exit::Unknown,
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
struct Told(BTreeMap<String, Clean>);

impl Told {
    fn changes(&mut self, app: &App, id: &Id<Run>) {
        let Some(run) = app.store.run(id) else { return };
        let clock = app.now.wall.to_zoned(app.start.zone.clone()).strftime("%H:%M:%S").to_string();
        let mut tell = |key: String, name: &Clean, says: Clean| {
            if self.0.insert(key, says.clone()) != Some(says.clone()) {
                remark(&format!("{clock}  {name}  {says}"));
            }
        };
        tell(String::new(), &crate::clean!("{} {}", run.workflow, run.called()), crate::clean!("attempt {}, {}", run.attempt, word(&run.status)));
        for job in app.store.jobs_of(id) {
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
    value["v"] = json!(SHAPE);
    (value["commit"], value["ended"]) = (json!(run.commit.clean()), json!(run.ended.map(|at| at.to_string())));
    value["jobs"] = jobs.into_iter().map(job).collect();
    let report = app.told.shown(&run.id);
    value["tests"] =
        json!(report.and_then(|report| report.tests).map(|tests| json!({ "total": tests.total, "failed": tests.failed, "skipped": tests.skipped })));
    value["coverage"] = json!(report.and_then(|report| report.coverage));
    value
}
