//! What waits for the console, in lanes: facts are kept latest-wins and never block a source; log lines have a byte cap.

use crate::{
    app::Event,
    domain::{Change, Fact, Feed, FeedKind, Id, Link, Row, SourceId},
    sources::supervise::Sink,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// How many bytes of log lines may wait for one feed before the oldest are dropped and counted.
const LOG_BYTES: usize = 4 << 20;

type Address = (SourceId, Feed);

/// The console's inbox. Any number of tasks put in, the loop takes out.
#[derive(Default)]
pub struct Inbox {
    lanes: Mutex<Lanes>,
    bell: Notify,
}

#[derive(Default)]
struct Lanes {
    /// Everything that is not a row or a line, in order.
    events: VecDeque<Event>,
    /// Rows by feed, each feed in order.
    rows: HashMap<Address, Rows>,
    /// Which feeds have rows, in the order in which they got the first.
    turn: VecDeque<Address>,
}

/// The waiting facts of one feed. A row that is said again before it was taken is replaced where it stands, unless a
/// `Begin` or `Done` lies between.
#[derive(Default)]
struct Rows {
    facts: VecDeque<Option<Fact>>,
    /// How many were taken from the front.
    taken: usize,
    /// Where the last word on a row stands, since the last barrier.
    last: HashMap<(u8, String), usize>,
    /// Bytes of log lines among them.
    bytes: usize,
    dropped: u64,
}

impl Inbox {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one event in.
    pub fn put(&self, event: Event) {
        self.lanes().events.push_back(event);
        self.bell.notify_one();
    }

    /// Takes out at most `most` events and facts, oldest first within each lane; events before facts.
    pub fn take(&self, most: usize) -> Vec<Event> {
        let mut lanes = self.lanes();
        let mut events: Vec<_> = Vec::new();
        while events.len() < most
            && let Some(event) = lanes.events.pop_front()
        {
            events.push(event);
        }
        let mut left = most.saturating_sub(events.len());
        while left > 0
            && let Some(address) = lanes.turn.pop_front()
        {
            let Some(rows) = lanes.rows.get_mut(&address) else { continue };
            let dropped = std::mem::take(&mut rows.dropped);
            let facts = rows.take(left);
            left = left.saturating_sub(facts.len().max(1));
            if rows.facts.is_empty() {
                lanes.rows.remove(&address);
            } else {
                lanes.turn.push_back(address.clone());
            }
            let (source, feed) = address;
            if dropped > 0 {
                events.push(Event::Dropped(source.clone(), feed.clone(), dropped));
            }
            if !facts.is_empty() {
                events.push(Event::Facts(source, feed, facts));
            }
        }
        events
    }

    /// Whether anything waits.
    pub fn is_empty(&self) -> bool {
        let lanes = self.lanes();
        lanes.events.is_empty() && lanes.turn.is_empty()
    }

    /// Ends when facts wait and `due` is past, or before that when at least `many` of them wait, or anything that is not a fact.
    pub async fn ripe(&self, many: usize, due: Instant) {
        loop {
            let (waiting, urgent) = {
                let lanes = self.lanes();
                let facts: usize = lanes.rows.values().map(|rows| rows.facts.len()).sum();
                (!lanes.turn.is_empty(), !lanes.events.is_empty() || facts >= many)
            };
            if urgent || (waiting && Instant::now() >= due) {
                return;
            }
            if waiting {
                let _ = timeout_at(due, self.bell.notified()).await;
            } else {
                self.bell.notified().await;
            }
        }
    }

    /// Ends when something waits.
    pub async fn wait(&self) {
        while self.is_empty() {
            self.bell.notified().await;
        }
    }
}

impl Sink for Inbox {
    fn facts(&self, source: &SourceId, feed: &Feed, facts: Vec<Fact>) {
        let mut lanes = self.lanes();
        let address = (source.clone(), feed.clone());
        let rows = match lanes.rows.get_mut(&address) {
            Some(rows) => rows,
            None => {
                lanes.turn.push_back(address.clone());
                lanes.rows.entry(address).or_default()
            }
        };
        for fact in facts {
            rows.put(feed.kind(), fact);
        }
        drop(lanes);
        self.bell.notify_one();
    }

    /// A link is told after the facts that came before it, so it waits behind them.
    fn link(&self, source: &SourceId, feed: &Feed, link: Link) {
        let mut lanes = self.lanes();
        let waiting = lanes.rows.remove(&(source.clone(), feed.clone()));
        if let Some(mut rows) = waiting {
            lanes.turn.retain(|(of, at)| (of, at) != (source, feed));
            let facts = rows.take(usize::MAX);
            lanes.events.push_back(Event::Facts(source.clone(), feed.clone(), facts));
        }
        lanes.events.push_back(Event::Link(source.clone(), feed.clone(), link));
        drop(lanes);
        self.bell.notify_one();
    }
}

impl Rows {
    fn put(&mut self, feed: FeedKind, fact: Fact) {
        match place(&fact) {
            Place::Barrier => self.last.clear(),
            Place::Row(noun, id) => {
                let end = self.taken + self.facts.len();
                let at = self.last.entry((noun, id)).or_insert(end);
                if *at < self.taken {
                    *at = end;
                }
                if *at < end {
                    self.facts[*at - self.taken] = Some(fact);
                    return;
                }
            }
            Place::Lines(bytes) => self.bytes += bytes,
        }
        self.facts.push_back(Some(fact));
        if feed == FeedKind::Logs {
            self.shed();
        }
    }

    /// Drops the oldest lines while too many bytes wait, and counts them.
    fn shed(&mut self) {
        while self.bytes > LOG_BYTES {
            let Some(oldest) = self.facts.iter_mut().find(|fact| matches!(fact, Some(Fact::Lines(..)))) else { return };
            if let Some(Fact::Lines(_, lines)) = oldest.take() {
                self.bytes = self.bytes.saturating_sub(lines.iter().map(|line| line.text.text.len()).sum());
                self.dropped += lines.len() as u64;
            }
        }
    }

    fn take(&mut self, most: usize) -> Vec<Fact> {
        let count = most.min(self.facts.len());
        self.taken += count;
        let facts: Vec<_> = self.facts.drain(..count).flatten().collect();
        for fact in &facts {
            if let Fact::Lines(_, lines) = fact {
                self.bytes = self.bytes.saturating_sub(lines.iter().map(|line| line.text.text.len()).sum());
            }
        }
        facts
    }
}

enum Place {
    Barrier,
    Row(u8, String),
    Lines(usize),
}

/// Where a fact stands among the others of its feed.
fn place(fact: &Fact) -> Place {
    fn of<T: Row>(noun: u8, change: &Change<T>) -> Place {
        let id = |id: &Id<T>| Place::Row(noun, id.as_str().to_owned());
        match change {
            Change::Begin | Change::Done => Place::Barrier,
            Change::Upsert(row) => id(row.id()),
            Change::Remove(gone) => id(gone),
        }
    }
    match fact {
        Fact::Workload(change) => of(0, change),
        Fact::Revision(change) => of(1, change),
        Fact::Pod(change) => of(2, change),
        Fact::Happening(change) => of(3, change),
        Fact::Node(change) => of(4, change),
        Fact::Run(change) => of(5, change),
        Fact::Job(change) => of(6, change),
        Fact::Alert(change) => of(7, change),
        Fact::Rule(change) => of(8, change),
        Fact::Sample(change) => of(9, change),
        Fact::Hold(change) => of(10, change),
        // That all of before is told must not overtake it.
        Fact::Stream(stream) => Place::Row(11 + u8::from(stream.told), stream.id.as_str().to_owned()),
        Fact::Lines(_, lines) => Place::Lines(lines.iter().map(|line| line.text.text.len()).sum()),
    }
}
