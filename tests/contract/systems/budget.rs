//! What twenty repositories cost: requests, the time until the first row, and memory.

mod github;
mod gitlab;
mod jenkins;
mod tekton;

use crate::{
    asked::Asked,
    github::seen::{DEADLINE, Seen},
    reader::reader,
    term::{Term, pilothouse},
};
use jiff::Timestamp;
use pilothouse::{config::Config, domain::Feed};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const REPOSITORIES: usize = 20;
/// In so many of them something runs.
const ACTIVE: usize = 5;
/// The start of a console costs no more.
const START: usize = 40;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// How the runs of all repositories stand.
    All,
    /// How those of one stand.
    Runs(usize),
    /// What its list does not tell of them.
    More(usize),
    /// The jobs of the runs that stand on the screen.
    Jobs,
    /// What is asked once.
    Once,
}

/// What a CI says of what has not changed since it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// That it is the same, and does not count the request.
    Free,
    /// That it is the same.
    Told,
    /// All of it again.
    Untold,
}

/// A CI with many repositories, which are called `budget-0` and so on.
pub trait Fleet: Sized {
    /// What it says of what has not changed.
    const SAME: Same;
    /// How many requests a minute a repository may cost in which something runs that is looked at, where that is settled.
    const BUDGET: Option<f64>;

    /// One without any run; so many of each repository are shown.
    async fn new(runs: u64) -> Option<Self>;
    /// The table of its source.
    fn table(&self) -> String;
    /// A run of a repository, with five jobs where it goes on.
    async fn add(&self, of: usize, number: u64, goes_on: bool);
    /// What was asked so far, in its order.
    fn asked(&self) -> Vec<Asked>;
    /// What that was about.
    fn topic(what: &str) -> Topic;
    /// How often something may be asked in so many minutes.
    fn allowed(topic: Topic, minutes: f64) -> f64;
}

/// The number of the repository that is named.
fn named(what: &str) -> Option<usize> {
    let (_, rest) = what.split_once("budget-")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// How many looks at jobs are allowed: those that stand on the screen take turns, one look in ten seconds; each is looked at once at first, and once when
/// it comes into view, begins or ends, which four do each minute here.
fn jobs(minutes: f64) -> f64 {
    minutes * 60.0 / 10.0 + 12.0 + 4.0 * minutes
}

fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// How many of these requests were for what had been asked for before, and how many of those were told that it is the same.
fn repeated(asked: &[Asked], from: Timestamp) -> (usize, usize) {
    let again = asked.iter().enumerate().filter(|(at, one)| one.at > from && asked[..*at].iter().any(|before| before.what == one.what));
    again.fold((0, 0), |(again, same), (_, one)| (again + 1, same + usize::from(one.status == 304)))
}

/// The first answer is told before the others have come.
async fn tells_at_once<F: Fleet>(fleet: &F) {
    let source = reader(&fleet.table(), &Config::default());
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("the first row", |seen| (!seen.runs.is_empty()).then_some(())).await;
    let first = fleet.asked().len();
    assert!(first < REPOSITORIES / 2, "{first} were asked before anything was told");
    // One that tells the newest of each job first tells what came before by and by.
    runs.until("the list", |seen| (seen.whole && seen.runs.len() >= REPOSITORIES).then_some(())).await;
}

/// How many requests it took until how all of them stand had been asked for; what it asks after that is no part of its start, however late that is seen.
fn whole(topics: &[Topic]) -> Option<usize> {
    let first = |wanted| topics.iter().position(|topic| *topic == wanted).map(|at| at + 1);
    first(Topic::All).or_else(|| (0..REPOSITORIES).map(|of| first(Topic::Runs(of))).try_fold(0, |last, at| Some(last.max(at?))))
}

/// A console, once it has asked for all: what it has asked, and how long after the first answer its first row stood there.
async fn started<F: Fleet>(fleet: &F) -> (Term, Timestamp, usize) {
    let before = fleet.asked().len();
    let console = pilothouse(&[]).file("config/pilothouse/config.toml", &format!("[[source]]\n{}", fleet.table())).start();
    tokio::task::block_in_place(|| console.shows("budget-").contents());
    let row = Timestamp::now();
    let mut turn = tokio::time::interval(Duration::from_millis(100));
    let asks = async {
        loop {
            let topics: Vec<Topic> = fleet.asked()[before..].iter().map(|asked| F::topic(&asked.what)).collect();
            if let Some(start) = whole(&topics) {
                return start;
            }
            turn.tick().await;
        }
    };
    let start = tokio::time::timeout(DEADLINE, asks).await.expect("all is asked for");
    let first = fleet.asked()[before].at;
    println!("{start} requests at the start; first answer → first row: {} ms", row.duration_since(first).as_millis());
    (console, first, start)
}

/// What was seen of a console in some minutes.
struct Look {
    /// From its first request on.
    asked: Vec<Asked>,
    from: Timestamp,
    minutes: f64,
    sizes: Vec<u64>,
}

/// Looks at a console for a minute, with `PILOTHOUSE_LONG` for ten, while now and then a run begins. What runs stands on the screen.
async fn looked<F: Fleet>(fleet: &F, console: &Term, first: Timestamp, mut newest: u64) -> Look {
    let (from, began) = (Timestamp::now(), Instant::now());
    let (mut sizes, mut turn) = (Vec::new(), tokio::time::interval(Duration::from_secs(if long() { 60 } else { 6 })));
    for tenth in 0..=10 {
        turn.tick().await;
        sizes.push(resident(console.pid().as_raw_nonzero().get()));
        if long() || tenth == 5 {
            fleet.add(0, newest, false).await;
            newest += 1;
            fleet.add(0, newest, true).await;
        }
    }
    let asked = fleet.asked().into_iter().filter(|asked| asked.at >= first).collect();
    Look { asked, from, minutes: began.elapsed().as_secs_f64() / 60.0, sizes }
}

fn long() -> bool {
    std::env::var_os("PILOTHOUSE_LONG").is_some()
}

/// That a repository in which something runs costs no more than it may. What is asked for the first time is much at first and little later: it counts
/// where there is time for that to settle.
fn settled<F: Fleet>(look: &Look) {
    let Look { asked, from, minutes, .. } = look;
    let idle = |what: &str| matches!(F::topic(what), Topic::Runs(of) | Topic::More(of) if of >= ACTIVE);
    let active: Vec<Asked> = asked.iter().filter(|asked| !idle(&asked.what)).cloned().collect();
    let (again, _) = repeated(&active, *from);
    let all = active.iter().filter(|asked| asked.at > *from).count();
    let each = |count: usize| count as f64 / minutes / ACTIVE as f64;
    println!("where something runs: {:.2} requests a minute for each repository, {:.2} with those for the first time", each(again), each(all));
    let counts = if long() { all } else { again };
    assert!(F::BUDGET.is_none_or(|budget| each(counts) <= budget), "{:.2} a minute, {:?} are allowed", each(counts), F::BUDGET);
}

/// That it asked for no more than it may.
fn judged<F: Fleet>(look: &Look) {
    let Look { asked, from, minutes, sizes } = look;
    let mut topics: BTreeMap<Topic, usize> = BTreeMap::new();
    for one in asked.iter().filter(|asked| asked.at > *from) {
        *topics.entry(F::topic(&one.what)).or_default() += 1;
    }
    let (again, same) = repeated(asked, *from);
    println!("{} requests in {minutes:.1} min: {topics:?}", topics.values().sum::<usize>());
    println!("{again} of them for what was asked for before, {same} told the same; resident {sizes:?} kB");
    for (topic, count) in topics {
        let allowed = F::allowed(topic, *minutes);
        assert!(count as f64 <= allowed, "{topic:?}: {count} in {minutes:.1} min, {allowed:.0} are allowed");
    }
    let least = match F::SAME {
        Same::Free => again * 8 / 10,
        // How long a job runs is told with it, which is never the same.
        Same::Told => again / 2,
        Same::Untold => 0,
    };
    assert!(same >= least, "of {again} only {same} were told to be the same");
    let counted = asked.iter().filter(|asked| asked.at > *from && asked.status != 304).count();
    // What is asked for the first time counts too: once for each, what runs there however old it is.
    let allowed = 4.0 * ACTIVE as f64 * minutes + REPOSITORIES as f64;
    let jobs = asked.iter().filter(|asked| asked.at > *from && F::topic(&asked.what) == Topic::Jobs).count();
    assert!(jobs as f64 >= 4.0 * minutes, "{jobs} looks at jobs in {minutes:.1} min: nobody follows what runs");
    assert!(F::SAME != Same::Free || counted as f64 <= allowed, "{counted} that count in {minutes:.1} min, {allowed:.0} are allowed");
}

/// Twenty repositories, in five of which something runs, each with so many runs: a console keeps to its budget, and needs no more memory with time.
pub async fn stays_within<F: Fleet>(runs: u64) {
    let Some(fleet) = F::new(runs).await else { return };
    for of in 0..REPOSITORIES {
        for number in 1..=runs {
            fleet.add(of, number, of < ACTIVE && number == runs).await;
        }
    }
    tells_at_once(&fleet).await;
    let (mut console, first, start) = started(&fleet).await;
    let look = looked(&fleet, &console, first, runs).await;
    judged::<F>(&look);
    settled::<F>(&look);
    assert!(start <= START, "the start takes {start} requests");
    // What it needs at first is there once it has looked everywhere again a few times.
    let sizes = look.sizes;
    assert!(!long() || sizes[10] * 100 <= sizes[4] * 103, "it grows: {sizes:?} kB");
    console.quits();
}

macro_rules! fleets {
    ($($system:ident: $fleet:ty),+ $(,)?) => { $(
        mod $system {
            use super::super::stays_within;

            #[tokio::test(flavor = "multi_thread")]
            async fn two_hundred_runs_stay_within_their_budget() {
                stays_within::<$fleet>(10).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn two_thousand_runs_cost_no_more() {
                stays_within::<$fleet>(100).await;
            }
        }
    )+ };
}

mod of {
    fleets!(
        github: crate::systems::budget::github::Many,
        gitlab: crate::systems::budget::gitlab::Many,
        jenkins: crate::systems::budget::jenkins::Many,
        tekton: crate::systems::budget::tekton::Many,
    );
}
