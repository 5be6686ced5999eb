//! Keeps one feed alive: connects, streams, backs off and says how it stands. The only place that asks again.

use super::{Source, SourceError};
use crate::domain::{Batch, Change, Cursor, Fact, Feed, FeedKind, Link, Offers, SourceId, Why};
use futures::{FutureExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// The shortest and the longest wait between two tries (reliability R7).
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// How long a feed must have been live before its next break counts as the first.
const SETTLED: Duration = Duration::from_secs(60);
/// How often a refusal is tried again.
const REFUSED: Duration = Duration::from_secs(5 * 60);
/// How often a silent source is probed, so that it is back soon after its return.
const PROBE: Duration = Duration::from_secs(3);
/// How often a feed that is live is asked whether it offers something else now: a budget, a peer that is gone.
const OFFERS: Duration = Duration::from_secs(1);
/// However long a server asks us to wait, not longer than this.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// Who is told. It must never block: a slow console does not slow a source.
pub trait Sink: Send + Sync + 'static {
    /// Facts of a feed, in order.
    fn facts(&self, source: &SourceId, feed: &Feed, facts: Vec<Fact>);
    /// How a feed stands.
    fn link(&self, source: &SourceId, feed: &Feed, link: Link);
}

/// Keeps `feed` of `source` alive until it is dropped, or until a log that ends has ended. `nudge` skips the wait once (ctrl-r).
pub async fn supervise(source: Arc<dyn Source>, feed: Feed, sink: Arc<dyn Sink>, nudge: Arc<Notify>) {
    let mut keeper = Keeper { source, feed, sink, cursor: None, told: None, lost: None, tries: 0 };
    keeper.say(Link::Connecting);
    loop {
        let began = Instant::now();
        let end = keeper.stream().await;
        if began.elapsed() >= SETTLED {
            keeper.tries = 0;
        }
        let rest = match end {
            End::Over if keeper.feed.kind() == FeedKind::Logs => return,
            End::Over => keeper.rest(None),
            End::Broken(error) => keeper.rest(Some(error)),
        };
        keeper.wait(rest, &nudge).await;
    }
}

enum End {
    Over,
    Broken(SourceError),
}

/// What was last said of a feed that is live.
struct Said {
    whole: bool,
    offers: Offers,
    at: Instant,
}

/// How long to wait, and whether a sign of life ends the wait.
struct Rest {
    wait: Duration,
    probe: bool,
}

struct Keeper {
    source: Arc<dyn Source>,
    feed: Feed,
    sink: Arc<dyn Sink>,
    cursor: Option<Cursor>,
    /// When it last told anything.
    told: Option<Timestamp>,
    /// When it broke that had told something; none while it tells.
    lost: Option<Timestamp>,
    tries: u32,
}

impl Keeper {
    fn say(&self, link: Link) {
        self.sink.link(self.source.id(), &self.feed, link);
    }

    /// Streams until it ends or errs. A panic of the source is an error of the source.
    async fn stream(&mut self) -> End {
        let (source, feed, cursor) = (self.source.clone(), self.feed.clone(), self.cursor.clone());
        let watch = || {
            crate::provoke(&format!("source:{}", source.id()));
            source.watch(feed, cursor)
        };
        let Ok(mut stream) = std::panic::catch_unwind(AssertUnwindSafe(watch)) else {
            return End::Broken(panicked());
        };
        let mut said = None;
        loop {
            match AssertUnwindSafe(stream.next()).catch_unwind().await {
                Err(_) => return End::Broken(panicked()),
                Ok(None) => return End::Over,
                Ok(Some(Err(error))) => return End::Broken(error),
                Ok(Some(Ok(batch))) => self.pass_on(batch, &mut said),
            }
        }
    }

    fn pass_on(&mut self, batch: Batch, said: &mut Option<Said>) {
        let whole =
            said.as_ref().is_some_and(|said| said.whole) || self.feed.kind() == FeedKind::Logs || batch.facts.iter().any(|fact| ends_list(&self.feed, fact));
        if batch.cursor.is_some() {
            self.cursor = batch.cursor;
        }
        // A list that begins has told nothing yet: the request for it may not even have left.
        let tells = batch.facts.is_empty() || !batch.facts.iter().all(begins_list);
        if !batch.facts.is_empty() {
            self.sink.facts(self.source.id(), &self.feed, batch.facts);
        }
        if !tells {
            return;
        }
        (self.told, self.lost) = (Some(self.source.now()), None);
        if said.as_ref().is_none_or(|said| said.whole != whole || said.at.elapsed() >= OFFERS) {
            let offers = self.source.offers();
            if said.as_ref().is_none_or(|said| said.whole != whole || said.offers != offers) {
                self.say(Link::Live { offers: offers.clone(), synced: whole });
            }
            *said = Some(Said { whole, offers, at: Instant::now() });
        }
    }

    /// Decides how long to wait after a break, and says so.
    fn rest(&mut self, error: Option<SourceError>) -> Rest {
        let wait = backoff(self.tries, random());
        self.tries = self.tries.saturating_add(1);
        let Some(error) = error else { return Rest { wait, probe: false } };
        if self.told.is_some() {
            self.lost.get_or_insert_with(|| self.source.now());
        }
        let why = error.why();
        match error {
            SourceError::Denied(_) | SourceError::NotFound(_) | SourceError::Unsupported(_) => {
                self.say(Link::Refused { since: self.source.lost().or(self.lost), why });
                Rest { wait: REFUSED, probe: false }
            }
            SourceError::RateLimited { until, .. } => {
                let now = self.source.now();
                let asked = until.duration_since(now).clamp(SignedDuration::from_secs(1), PATIENCE);
                self.retry(asked.unsigned_abs(), why);
                Rest { wait: asked.unsigned_abs(), probe: false }
            }
            SourceError::Unreachable(_) => {
                self.retry(wait, why);
                Rest { wait, probe: true }
            }
            SourceError::Protocol(_) | SourceError::Conflict(_) => {
                self.retry(wait, why);
                Rest { wait, probe: false }
            }
        }
    }

    fn retry(&self, wait: Duration, why: Why) {
        let at = self.source.now() + SignedDuration::try_from(wait).unwrap_or(PATIENCE);
        self.say(Link::Retrying { at, since: self.source.lost().or(self.lost), why });
    }

    async fn wait(&mut self, rest: Rest, nudge: &Notify) {
        let waited = async {
            if rest.probe {
                tokio::select! { () = sleep(rest.wait) => false, () = self.returned() => true }
            } else {
                sleep(rest.wait).await;
                false
            }
        };
        let returned = tokio::select! { returned = waited => returned, () = nudge.notified() => false };
        if returned {
            // A server that has just come back is often not ready at once: it is asked again soon, not after what its absence had led to.
            self.tries = 0;
        }
    }

    /// Ends when the source gives a sign of life after it gave none. One that always answers a probe and never a watch
    /// (a wrong certificate, say) does not shorten the wait.
    async fn returned(&self) {
        let mut silent = false;
        loop {
            let alive = AssertUnwindSafe(self.source.probe()).catch_unwind().await.unwrap_or(false);
            if alive && silent {
                return;
            }
            silent = silent || !alive;
            sleep(PROBE).await;
        }
    }
}

fn panicked() -> SourceError {
    SourceError::Protocol(crate::text::Clean::from_static("this source stopped on a fault of ours; it starts again by itself. The report is in the log file"))
}

/// Full jitter: anything from the shortest wait to twice as long as the last longest, up to 30 s.
fn backoff(tries: u32, random: f64) -> Duration {
    let longest = SHORTEST.saturating_mul(2_u32.saturating_pow(tries.min(16))).min(LONGEST);
    SHORTEST + longest.saturating_sub(SHORTEST).mul_f64(random.clamp(0.0, 1.0))
}

/// A number from 0 to 1, for spreading consoles that lost the same server at the same moment.
fn random() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether `fact` only says that a list begins.
const fn begins_list(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Workload(Change::Begin)
            | Fact::Revision(Change::Begin)
            | Fact::Pod(Change::Begin)
            | Fact::Happening(Change::Begin)
            | Fact::Node(Change::Begin)
            | Fact::Run(Change::Begin)
            | Fact::Job(Change::Begin)
            | Fact::Alert(Change::Begin)
            | Fact::Rule(Change::Begin)
            | Fact::Sample(Change::Begin)
    )
}

/// Whether `fact` ends the whole list of the feed's main noun.
fn ends_list(feed: &Feed, fact: &Fact) -> bool {
    match (feed.kind(), fact) {
        (FeedKind::Workloads, Fact::Workload(Change::Done))
        | (FeedKind::Nodes, Fact::Node(Change::Done))
        | (FeedKind::Pods, Fact::Pod(Change::Done))
        | (FeedKind::Happenings, Fact::Happening(Change::Done))
        | (FeedKind::Runs, Fact::Run(Change::Done))
        | (FeedKind::Jobs, Fact::Job(Change::Done))
        | (FeedKind::Alerts, Fact::Alert(Change::Done))
        | (FeedKind::Rules, Fact::Rule(Change::Done))
        | (FeedKind::Samples | FeedKind::Stats, Fact::Sample(Change::Done)) => true,
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests;
