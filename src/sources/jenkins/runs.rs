//! The runs: the newest builds of each job, and what waits in the queue. Often while something runs, less and less often while nothing does.

use super::{
    api::Api,
    older, stages,
    tree::{self, Item, Scope},
    wire::{Build, ORIGIN, QUEUE, Queued, STATE},
};
use crate::{
    clean,
    domain::{Batch, Change, Fact, Id, Run, RunStatus},
    sources::{
        SourceError,
        ci::{Rows, SOON, Standing, Usual},
    },
    text::Clean,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio::time::{Instant, sleep, sleep_until};

/// The builds of so many jobs are read in one look; the others are in their turn.
const READS: usize = 5;
/// What a build is made of is there some time after it has begun: so often it is looked for.
const ORIGINS: u8 = 4;
/// Of so many pipelines that run it is asked whether they wait for somebody.
const ASKED: usize = 10;

/// Runs for as long as they are asked for.
pub(super) fn watch(api: Arc<Api>, scope: Arc<Scope>) -> BoxStream<'static, Result<Batch, SourceError>> {
    let watch =
        Watch { usual: Usual::new(scope.runs), api, scope, jobs: HashMap::new(), told: BTreeMap::new(), due: Instant::now(), turn: 0, calm: 0, begun: false };
    stream::try_unfold(watch, |mut watch| async move {
        let batch = watch.next().await?;
        Ok(Some((batch, watch)))
    })
    .boxed()
}

struct Watch {
    api: Arc<Api>,
    scope: Arc<Scope>,
    usual: Usual,
    jobs: HashMap<String, Known>,
    told: BTreeMap<Id<Run>, Run>,
    due: Instant,
    turn: u64,
    /// How many looks in a row showed nothing that runs.
    calm: u32,
    begun: bool,
}

/// What is known of the builds of one job.
#[derive(Default)]
struct Known {
    builds: BTreeMap<u64, Build>,
    /// How many of them are beyond those that are wanted: they came since the last look.
    between: usize,
    /// The newest build when they were read.
    read: Option<u64>,
    /// How often they were read since that is the newest.
    reads: u8,
    /// In which look that was: who was read longest ago is read first.
    turn: u64,
    /// What builds wait for, where they do.
    waits: BTreeMap<u64, Clean>,
    /// The same as rows.
    rows: Vec<Run>,
    /// Whether these are no more what is known.
    stale: bool,
}

impl Known {
    fn alive(&self) -> bool {
        self.builds.values().any(Build::alive)
    }

    /// Whether its builds must be read: another one has come, or has just ended, or runs beside the newest. How that stands is told by the list of jobs,
    /// but not whether it is lost.
    fn due(&self, item: &Item) -> bool {
        let newest = item.last.as_ref().map(|last| last.number);
        let runs = |build: &Build| build.alive() && (self.reads < ORIGINS || Some(build.number) != newest || build.doubtful());
        self.read != newest || self.builds.values().any(runs)
    }

    /// Takes in how the newest one stands, which the list of jobs tells; one that has just ended is read once more.
    fn stands(&mut self, last: &Build) {
        let known = self.builds.entry(last.number).or_insert_with(|| {
            self.stale = true;
            last.clone()
        });
        if known.alive() && !last.alive() {
            self.read = None;
        }
        let before = known.clone();
        known.stands(last);
        self.stale |= *known != before;
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Builds {
    builds: Option<Rows<Build>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Items {
    items: Option<Rows<Queued>>,
}

impl Watch {
    async fn next(&mut self) -> Result<Batch, SourceError> {
        tokio::select! {
            () = sleep_until(self.due) => {}
            _ = self.api.hurry.changes() => sleep(SOON.min(self.api.pace.busy)).await,
            _ = self.api.board.over() => {}
        }
        self.turn += 1;
        let items = tree::read(&self.api, &self.scope).await?;
        self.jobs.retain(|path, _| items.iter().any(|item| item.path == *path));
        for item in &items {
            let known = self.jobs.entry(item.path.clone()).or_default();
            match &item.last {
                Some(last) => known.stands(last),
                None => (known.builds.clear(), known.rows.clear()).1,
            }
        }
        let queue = self.queue(&items).await?;
        // The first look tells what the list of jobs has; the rest follows at once.
        let open = if self.begun { self.read(&items).await? } else { true };
        let busy = !queue.is_empty() || self.jobs.values().any(Known::alive);
        let facts = self.tell(&items, queue);
        self.plan(busy, open);
        Ok(Batch { facts, cursor: None })
    }

    /// When it is looked again: at once after the first look, soon while builds are still to be read.
    fn plan(&mut self, busy: bool, open: bool) {
        self.calm = if busy || open { 0 } else { self.calm.saturating_add(1) };
        self.due = if self.begun { Instant::now() + self.api.pace.rest(self.calm) } else { Instant::now() };
        self.begun = true;
    }

    /// Reads the builds of those jobs that need it, those first that were read longest ago; whether some are left.
    async fn read(&mut self, items: &[Item]) -> Result<bool, SourceError> {
        let due = |item: &&Item| self.jobs.get(&item.path).is_some_and(|known| known.due(item));
        let mut wanted: Vec<&Item> = items.iter().filter(due).collect();
        wanted.sort_by_key(|item| self.jobs.get(&item.path).map(|known| (known.turn, !known.alive())));
        let left = wanted.len() > READS;
        for item in wanted.into_iter().take(READS) {
            self.builds(item).await?;
        }
        let running: Vec<&Item> = items.iter().filter(|item| item.pipeline && self.jobs.get(&item.path).is_some_and(Known::alive)).collect();
        for item in running.into_iter().take(ASKED) {
            self.waits(item).await?;
        }
        Ok(left)
    }

    /// The newest builds of one job.
    async fn builds(&mut self, item: &Item) -> Result<(), SourceError> {
        let tree = format!("builds[{STATE},{ORIGIN}]{{0,{}}}", self.scope.runs);
        let told = match self.api.find::<Builds>(&item.path, Api::fields(&item.path, &[], &tree)).await {
            Ok(answer) => {
                let told = answer.and_then(|answer| answer.builds).unwrap_or_default();
                self.api.note(&item.path, told.lost.as_ref().map(|words| clean!("{}: {words}", item.path)));
                told
            }
            // What one job keeps from us, or a plugin that fails on it, is no reason to know nothing of the others.
            Err(SourceError::Denied(words) | SourceError::Protocol(words)) => {
                self.api.note(&item.path, Some(words));
                Rows::default()
            }
            Err(error) => return Err(error),
        };
        let mut read: BTreeMap<u64, Build> = told.read.into_iter().filter(|build| build.number > 0).map(|build| (build.number, build)).collect();
        let ends = read.keys().next().copied().zip(read.keys().next_back().copied());
        // Numbers have no gaps but where one was deleted.
        let gap = ends.and_then(|(oldest, newest)| Some((self.api.ends.tell(&item.path, (oldest.saturating_sub(1), newest))?, oldest)));
        let before = match gap {
            Some(gap) => older::between(&self.api, item, self.scope.runs, gap).await,
            None => Vec::new(),
        };
        let between = before.len();
        read.extend(before.into_iter().map(|build| (build.number, build)));
        let Some(known) = self.jobs.get_mut(&item.path) else { return Ok(()) };
        if !read.is_empty() {
            (known.builds, known.between) = (read, between);
        }
        (known.stale, known.turn) = (true, self.turn);
        let newest = item.last.as_ref().map(|last| last.number);
        known.reads = if known.read == newest { known.reads.saturating_add(1) } else { 1 };
        known.read = newest;
        let took = known.builds.values().filter_map(|build| Some((build.number, build.took()?)));
        took.for_each(|(number, seconds)| self.usual.learn(&item.path, 0, number, seconds));
        Ok(())
    }

    /// What the running builds of a pipeline wait for.
    async fn waits(&mut self, item: &Item) -> Result<(), SourceError> {
        let Some(known) = self.jobs.get_mut(&item.path) else { return Ok(()) };
        known.waits.clear();
        known.stale = true;
        let alive: Vec<u64> = known.builds.values().filter(|build| build.alive()).map(|build| build.number).collect();
        for number in alive {
            match stages::waits(&self.api, &item.path, number).await {
                Ok(words) => known.waits.extend(words.map(|words| (number, words))),
                Err(SourceError::Denied(_) | SourceError::Protocol(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What waits for an executor, or for a quiet moment.
    async fn queue(&self, items: &[Item]) -> Result<Vec<Run>, SourceError> {
        let answer = match self.api.find::<Items>("the queue", Api::fields("", &["queue"], QUEUE)).await {
            Ok(answer) => answer.and_then(|answer| answer.items).unwrap_or_default(),
            Err(SourceError::Denied(_) | SourceError::Protocol(_)) => Rows::default(),
            Err(error) => return Err(error),
        };
        self.api.note("the queue", answer.lost.map(|words| clean!("the queue: {words}")));
        let mut waiting = answer.read;
        waiting.sort_by_key(|one| one.id);
        let mut next: HashMap<&str, u64> = HashMap::new();
        let runs = waiting.into_iter().filter_map(|one| {
            let path = one.path()?;
            let item = items.iter().find(|item| item.path == path)?;
            let number = next.entry(&item.path).and_modify(|number| *number += 1).or_insert(item.next);
            Some(one.run(&self.api, item, *number))
        });
        Ok(runs.collect())
    }

    /// Tells what is new, what is another, and what is gone.
    fn tell(&mut self, items: &[Item], queue: Vec<Run>) -> Vec<Fact> {
        let mut now: BTreeMap<Id<Run>, Run> = queue.into_iter().map(|run| (run.id.clone(), run)).collect();
        for item in items {
            let Some(known) = self.jobs.get_mut(&item.path) else { continue };
            if std::mem::take(&mut known.stale) {
                known.rows = told(&self.api, item, known, (self.scope.runs, self.usual.of(&item.path, 0)));
            }
            now.extend(known.rows.iter().map(|run| (run.id.clone(), run.clone())));
        }
        let mut facts: Vec<Fact> = Vec::new();
        if !self.begun {
            facts.push(Change::<Run>::Begin.into());
        }
        facts.extend(now.values().rev().filter(|run| self.told.get(&run.id) != Some(run)).map(|run| Change::Upsert(run.clone()).into()));
        // The oldest first: what goes from the end of a list is told from what was deleted in its midst.
        let mut gone: Vec<&Run> = self.told.values().filter(|run| !now.contains_key(&run.id)).collect();
        gone.sort_by_key(|run| (run.created, run.number));
        for run in gone {
            self.api.board.tell(&run.id, None);
            facts.push(Change::<Run>::Remove(run.id.clone()).into());
        }
        if !self.begun {
            facts.push(Change::<Run>::Done.into());
        }
        self.told = now;
        facts
    }
}

/// The newest builds of a job as rows; whoever looks at one of them is told how it stands.
fn told(api: &Api, item: &Item, known: &Known, (newest, usual): (usize, Option<u32>)) -> Vec<Run> {
    let row = |build: &Build| {
        let run = build.run(api, item, usual, known.waits.get(&build.number));
        let good = matches!(run.status, RunStatus::Success | RunStatus::Warn);
        api.board.tell(&run.id, Some(Standing { attempt: 1, alive: build.alive(), good }));
        run
    };
    known.builds.values().rev().take(newest + known.between).map(row).collect()
}
