//! What twenty repositories cost: requests, and memory.

use super::{
    seen::Seen,
    stand_in::{self, GitHub},
    world::{Job, Run, World},
};
use crate::{reader::reader, term::pilothouse};
use jiff::Timestamp;
use pilothouse::{config::Config, domain::Feed};
use std::time::{Duration, Instant};

const REPOSITORIES: usize = 20;
/// As many as a list may show: two thousand rows.
const RUNS: u64 = 100;
/// In so many of them something runs.
const ACTIVE: usize = 5;

fn names() -> Vec<String> {
    (0..REPOSITORIES).map(|nth| format!("acme/budget-{nth}")).collect()
}

fn table(github: &GitHub) -> String {
    format!("kind = 'github'\nurl = '{}'\nrepositories = {:?}\ntoken_command = ['echo', 't0ken']\nruns = {RUNS}\n", github.proxy, names())
}

/// All requests so far.
fn asked(github: &GitHub) -> usize {
    names().iter().map(|name| github.with(name, |world| world.asked.len())).sum()
}

/// How many requests since then were for what the console that began at `began` had asked for before, and how many of these were told that nothing
/// has changed.
fn repeated(github: &GitHub, began: Timestamp, since: Timestamp) -> (usize, usize) {
    let count = |world: &mut World| {
        let before = |at: usize| world.asked[..at].iter().any(|asked| asked.at > began && asked.what == world.asked[at].what);
        let again = (0..world.asked.len()).filter(|at| world.asked[*at].at > since && before(*at));
        let again: Vec<usize> = again.collect();
        (again.len(), again.iter().filter(|at| world.asked[**at].status == 304).count())
    };
    names().iter().map(|name| github.with(name, count)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// GitHub asks for no more than 4 requests a minute for each repository in which something runs, fewer elsewhere, and 40 at the start. With
/// `--long` it is looked at for ten minutes.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_repositories_cost_no_more_than_their_budget() {
    let Some(github) = stand_in::github() else { return };
    for (nth, name) in names().iter().enumerate() {
        github.make(name, "t0ken");
        github.with(name, |world| {
            (1..=RUNS).for_each(|id| world.add(Run::over(id, "success")));
            if nth < ACTIVE {
                world.add(Run::queued(RUNS, (0..5).map(|job| Job::queued(2_000 + job, "test")).collect()));
                world.run(RUNS).stands("in_progress", None);
            }
        });
    }
    // The first answer is told before the others have come.
    let source = reader(&table(github), &Config::default());
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("the first row", |seen| (!seen.runs.is_empty()).then_some(())).await;
    let first = asked(github);
    assert!(first <= 2, "{first} were asked before anything was told");
    runs.until("all rows", |seen| (seen.whole && seen.runs.len() == REPOSITORIES * RUNS as usize).then_some(())).await;
    drop((runs, source));

    let (before, launched) = (asked(github), Timestamp::now());
    let mut console = pilothouse(&[]).file("config/pilothouse/config.toml", &format!("[[source]]\n{}", table(github))).start();
    console.shows("pilothouse");
    let began = Instant::now();
    let start = async {
        let mut turn = tokio::time::interval(Duration::from_millis(100));
        while asked(github) < before + REPOSITORIES {
            turn.tick().await;
        }
    };
    tokio::time::timeout(super::seen::DEADLINE, start).await.expect("all is read");
    let (started, beginning, from) = (began.elapsed(), asked(github), Timestamp::now());
    let pid = console.pid().as_raw_nonzero().get();
    // What it needs at first is there once it has looked again a few times.
    let long = std::env::var_os("PILOTHOUSE_LONG").is_some();
    let looked = Duration::from_secs(if long { 600 } else { 60 });
    let (mut sizes, mut turn) = (Vec::new(), tokio::time::interval(looked / 10));
    for _ in 0..=10 {
        turn.tick().await;
        sizes.push(resident(pid));
    }
    let (again, same) = repeated(github, launched, from);
    println!(
        "{} requests at the start in {started:.1?}, then {} in {looked:?}; {again} for what was asked for before, {same} of them with nothing new; resident {sizes:?} kB",
        beginning - before,
        asked(github) - beginning,
    );
    let minutes = looked.as_secs_f64() / 60.0;
    for (nth, name) in names().iter().enumerate() {
        let lists = |world: &mut World| world.asked.iter().filter(|asked| asked.at > from && asked.what.starts_with("runs?")).count() as f64;
        let lists = github.with(name, lists);
        // Where nothing runs it is looked at less and less often, down to every two minutes, for its newest runs and for what was run again.
        let allowed = if nth < ACTIVE { 4.0 * minutes + 2.0 } else { minutes + 5.0 };
        assert!(lists <= allowed, "{name}: {lists} in {minutes} min, {allowed} are allowed");
    }
    // The jobs of the runs that stand on the screen are looked at in turns: one look in seven seconds, and each once at first.
    let jobs = |world: &mut World| world.asked.iter().filter(|asked| asked.at > from && asked.what.ends_with("/jobs?filter=latest&per_page=100")).count();
    let jobs: usize = names().iter().map(|name| github.with(name, jobs)).sum();
    assert!(jobs as f64 <= minutes * 60.0 / 7.0 + 12.0, "{jobs} looks at jobs in {minutes} min");
    assert!(beginning - before <= 40, "the start takes {} requests", beginning - before);
    assert!(same * 10 >= again * 8, "of {again} only {same} cost nothing");
    assert!(!long || sizes[10] * 100 <= sizes[2] * 103, "it grows: {sizes:?} kB");
    console.quits();
}
