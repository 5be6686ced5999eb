//! One world as the sources of a team. Here time passes: the world's clock runs with the console's.

use super::{Length, Scenario, World};
use crate::{
    config::{ConfigError, SourceConfig},
    domain::{Answer, Batch, Check, CheckKind, Cursor, Fact, Feed, LogTarget, Offers, Operation, Outcome, Question, SourceId, Stage, Trouble, Why},
    gate::Warrant,
    sources::{Made, Source, SourceError, Wish},
    text::{Clean, Raw},
};
use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

/// A world and its clock, shared by the sources that speak of it.
#[derive(Clone)]
pub struct Demo(Arc<Shared>);

struct Shared {
    world: Mutex<World>,
    opened: Timestamp,
    began: Instant,
    acted: watch::Sender<u64>,
    read_only: bool,
}

/// The world that was opened last: a source that is only listed is dialled without knowing which world it belongs to.
static LAST: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// How long an answer takes, and how far apart checks arrive.
const ANSWER: Duration = Duration::from_millis(12);
const BETWEEN_CHECKS: Duration = Duration::from_millis(75);

impl Demo {
    /// Opens a story at `opened`, an instant of its own time, which is now. With `read_only` nothing can be changed.
    pub fn open(scenario: &Scenario, seed: u64, opened: Timestamp, read_only: bool) -> Self {
        let (acted, _) = watch::channel(0);
        let shared = Arc::new(Shared { world: Mutex::new(World::new(scenario, seed)), opened, began: Instant::now(), acted, read_only });
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&shared);
        Self(shared)
    }

    /// Opens a story so that it is `at` old now, by the clock of this machine.
    pub fn live(scenario: Scenario, seed: u64, at: Option<SignedDuration>, read_only: bool) -> Self {
        let now = Timestamp::now();
        let at = at.unwrap_or_else(|| scenario.at());
        Self::open(&scenario.starting(now - at), seed, now, read_only)
    }

    /// All sources of the world.
    pub fn made(&self) -> Vec<Made> {
        let sources = self.0.world().sources();
        let aside = [SourceId::SMOKE, SourceId::REGISTRIES].map(|id| Made::Aside(self.source(SourceId::new(id))));
        let one = |(id, _, listed): (SourceId, _, Option<Clean>)| match listed {
            Some(words) => Made::Listed(id, words),
            None => Made::Source(self.source(id)),
        };
        sources.into_iter().map(one).chain(aside).collect()
    }

    /// One source of the world, whether it is only listed or not; none where the world has no such source.
    pub fn dial(&self, id: &SourceId) -> Option<Arc<dyn Source>> {
        let known = self.0.world().sources().iter().any(|(known, _, _)| known == id);
        known.then(|| self.source(id.clone()))
    }

    fn source(&self, id: SourceId) -> Arc<dyn Source> {
        Arc::new(One { id, shared: self.0.clone() })
    }
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the world's clock says.
    fn now(&self) -> Timestamp {
        self.opened + SignedDuration::try_from(self.began.elapsed()).unwrap_or(SignedDuration::MAX)
    }

    /// The instant of the console's clock at which the world's clock says `at`.
    fn instant(&self, at: Timestamp) -> Instant {
        self.began + Duration::try_from(at.duration_since(self.opened)).unwrap_or_default()
    }

    fn unreachable(&self, id: &SourceId) -> Option<SourceError> {
        let now = self.now();
        self.world().outage(id, now).map(|outage| SourceError::Unreachable(outage.says))
    }
}

/// One source of the world.
struct One {
    id: SourceId,
    shared: Arc<Shared>,
}

impl Source for One {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn offers(&self) -> Offers {
        self.shared.world().offers(&self.id)
    }

    fn watch(&self, feed: Feed, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        if !self.offers().feeds.contains(&feed.kind()) {
            let why = crate::clean!("{} has no such feed", self.id);
            return stream::iter([Err(SourceError::Unsupported(why))]).boxed();
        }
        let after = after.and_then(|cursor| cursor.0.expose().parse().ok());
        let watcher = Watcher { id: self.id.clone(), feed, acted: self.shared.acted.subscribe(), shared: self.shared.clone(), after, told: Told::Nothing };
        stream::unfold(watcher, |mut watcher| async move {
            let next = watcher.next().await?;
            Some((next, watcher))
        })
        .boxed()
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let (shared, id) = (self.shared.clone(), self.id.clone());
        Box::pin(async move {
            sleep(ANSWER).await;
            if let Some(error) = shared.unreachable(&id) {
                return Err(error);
            }
            let now = shared.now();
            shared.world().answer(&id, &question, now)
        })
    }

    fn prepare(&self, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        if let Some(error) = self.shared.unreachable(&self.id) {
            return stream::iter([Err(error)]).boxed();
        }
        let (shared, now) = (self.shared.clone(), self.shared.now());
        let checks = self.shared.world().check(&operation, now);
        let made = move |check| Ok(if shared.read_only { without_dry_run(check) } else { check });
        let paced = stream::iter(checks).then(|check| async move {
            if matches!(check, Check::Made(_)) {
                sleep(BETWEEN_CHECKS).await;
            }
            check
        });
        paced.map(made).boxed()
    }

    fn act(&self, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        if let Some(error) = self.shared.unreachable(&self.id) {
            return stream::iter([Err(error)]).boxed();
        }
        if self.shared.read_only {
            let why = Clean::from_static("this world was opened read-only: nothing in it can be changed");
            return stream::iter([Err(SourceError::Denied(why))]).boxed();
        }
        let now = self.shared.now();
        let (stages, answers_in) = {
            let mut world = self.shared.world();
            (world.act(warrant.operation(), now), world.answers_in())
        };
        self.shared.acted.send_modify(|count| *count += 1);
        let answers_in = Duration::try_from(answers_in).unwrap_or_default();
        stream::iter(stages)
            .then(move |stage| async move {
                if stage != Stage::Sending {
                    sleep(answers_in).await;
                }
                Ok(stage)
            })
            .boxed()
    }

    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    fn lost(&self) -> Option<Timestamp> {
        let now = self.shared.now();
        self.shared.world().outage(&self.id, now).map(|outage| outage.since)
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        let alive = self.shared.unreachable(&self.id).is_none();
        Box::pin(async move { alive })
    }
}

/// Read-only, not even a dry run is sent.
fn without_dry_run(check: Check) -> Check {
    match check {
        Check::Made(mut finding) if finding.kind == CheckKind::DryRun => {
            (finding.outcome, finding.sentence) = (Outcome::Unknown, Clean::from_static("read-only: nothing is sent, not even a dry run"));
            Check::Made(finding)
        }
        other @ (Check::Made(_) | Check::Expect(_) | Check::Command(_)) => other,
    }
}

/// What a feed has told so far.
#[derive(Clone, Copy)]
enum Told {
    Nothing,
    /// The list of the last moment before the link broke, which a console that was there earlier would have.
    Stale,
    Until(Timestamp),
    All,
}

/// One feed of one source, followed.
struct Watcher {
    id: SourceId,
    feed: Feed,
    acted: watch::Receiver<u64>,
    shared: Arc<Shared>,
    /// A log goes on after this.
    after: Option<Timestamp>,
    told: Told,
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Batch, SourceError>> {
        match self.told {
            Told::Nothing => {
                sleep(ANSWER).await;
                Some(self.first())
            }
            Told::Stale => Some(Err(self.broken(self.shared.now())?)),
            Told::Until(at) => self.follow(at).await,
            Told::All => None,
        }
    }

    fn first(&mut self) -> Result<Batch, SourceError> {
        let now = self.shared.now();
        let outage = self.shared.world().outage(&self.id, now);
        match outage {
            // Opened on a link that had broken before: what was told until then is still on the screen.
            Some(outage) if outage.since < self.shared.opened && now < self.shared.opened + SignedDuration::from_secs(1) && self.after.is_none() => {
                self.told = Told::Stale;
                Ok(self.list(outage.since))
            }
            Some(outage) => Err(SourceError::Unreachable(outage.says)),
            None => {
                self.told = if self.over(now) { Told::All } else { Told::Until(now) };
                Ok(self.list(now))
            }
        }
    }

    fn list(&self, at: Timestamp) -> Batch {
        let world = self.shared.world();
        let facts = match self.after {
            Some(after) => {
                let streams = world.facts(&self.id, &self.feed, at).into_iter().filter(|fact| matches!(fact, Fact::Stream(_)));
                let lines = world.changes(&self.id, &self.feed, after, at).into_iter().filter(|fact| matches!(fact, Fact::Lines(..)));
                streams.chain(lines).collect()
            }
            None => world.facts(&self.id, &self.feed, at),
        };
        self.batch(facts, at)
    }

    /// A log can go on after a break from the time until which it was told.
    fn batch(&self, facts: Vec<Fact>, at: Timestamp) -> Batch {
        let cursor = matches!(self.feed, Feed::Logs(LogTarget::Workload { .. } | LogTarget::Pod { .. })).then(|| Cursor(Raw::new(&at.to_string())));
        Batch { facts, cursor }
    }

    async fn follow(&mut self, mut told: Timestamp) -> Option<Result<Batch, SourceError>> {
        loop {
            self.until_something(told).await;
            let now = self.shared.now();
            if let Some(error) = self.broken(now) {
                return Some(Err(error));
            }
            let facts = self.shared.world().changes(&self.id, &self.feed, told, now);
            told = now;
            self.told = if self.over(now) { Told::All } else { Told::Until(now) };
            if !facts.is_empty() {
                return Some(Ok(self.batch(facts, now)));
            }
            if matches!(self.told, Told::All) {
                return None;
            }
        }
    }

    /// Waits until something may have changed: by itself, because the link breaks, or because somebody did something.
    async fn until_something(&mut self, told: Timestamp) {
        let next = {
            let world = self.shared.world();
            [world.next_change(&self.id, &self.feed, told), world.next_outage(&self.id, told)].into_iter().flatten().min()
        };
        match next.map(|next| self.shared.instant(next)) {
            Some(instant) => {
                tokio::select! { () = sleep_until(instant) => {}, _ = self.acted.changed() => {} }
            }
            None => drop(self.acted.changed().await),
        }
    }

    fn broken(&self, now: Timestamp) -> Option<SourceError> {
        self.shared.world().outage(&self.id, now).map(|outage| SourceError::Unreachable(outage.says))
    }

    fn over(&self, now: Timestamp) -> bool {
        match &self.feed {
            Feed::Logs(target) => self.shared.world().log_is_over(&self.id, target, now),
            _ => false,
        }
    }
}

/// `[[source]] kind = "demo"`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Which story.
    scenario: Option<String>,
    seed: Option<u64>,
    /// How old the story is when the console opens.
    at: Option<Length>,
}

/// The seed where nobody names one.
const SEED: u64 = 7;

/// Makes the sources of a world that the configuration asks for; unasked it makes none.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    let Some(config) = wish.table else { return Vec::new() };
    match read(config) {
        Ok((table, scenario)) => Demo::live(scenario, table.seed.unwrap_or(SEED), table.at.map(|at| at.0), wish.read_only).made(),
        Err(errors) => {
            let words = errors.first().map(|error| crate::clean!("{error}")).unwrap_or_default();
            vec![Made::Broken(SourceId::new("demo"), Why { trouble: Trouble::Unsupported, words })]
        }
    }
}

/// What is wrong with its table.
pub fn check(config: &SourceConfig) -> Vec<ConfigError> {
    read(config).err().unwrap_or_default()
}

fn read(config: &SourceConfig) -> Result<(Table, Scenario), Vec<ConfigError>> {
    let table: Table = config.read()?;
    let name = table.scenario.as_deref().unwrap_or("incident");
    let known = || super::STORIES.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
    match Scenario::named(name) {
        Some(scenario) => Ok((table, scenario)),
        None => Err(vec![config.error("scenario", &format!("there is no story `{name}`; there are {}", known()))]),
    }
}

/// Dials a source that the world opened last has listed.
pub fn dial(id: &SourceId, _: &Wish<'_>) -> Vec<Made> {
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    vec![match last.and_then(|shared| Demo(shared).dial(id)) {
        Some(source) => Made::Source(source),
        None => Made::Broken(id.clone(), Why { trouble: Trouble::NotFound, words: crate::clean!("the simulated world has no {id}") }),
    }]
}
