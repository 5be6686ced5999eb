//! How each feed of each source stands.

use crate::domain::{Feed, FeedKind, Link, Scope, SourceId};
use std::collections::BTreeMap;

/// One feed of one source, in short: rows remember it instead of two long names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FeedNo(u32);

/// How one feed of one source stands.
#[derive(Clone, Debug)]
pub struct FeedState {
    /// The source.
    pub source: SourceId,
    /// Which of its feeds.
    pub feed: Feed,
    /// Its link.
    pub link: Link,
}

/// Every feed that was ever heard of, by source and feed; of those about one thing, of which there are ever new ones, only those that are listened to.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    numbers: BTreeMap<SourceId, BTreeMap<Feed, FeedNo>>,
    states: Vec<FeedState>,
    /// Places that nobody has any more.
    free: Vec<FeedNo>,
}

/// Whether it is about one thing.
const fn passes(feed: &Feed) -> bool {
    matches!(feed, Feed::Jobs(_) | Feed::Logs(_) | Feed::Stats(_) | Feed::Pods(Scope::Workload(_)) | Feed::Happenings(Scope::Workload(_)))
}

impl Feeds {
    /// The number of a feed, new if it was never heard of.
    pub fn number(&mut self, source: &SourceId, feed: &Feed) -> FeedNo {
        if let Some(number) = self.find(source, feed) {
            return number;
        }
        let state = FeedState { source: source.clone(), feed: feed.clone(), link: Link::Connecting };
        let number = self.free.pop().unwrap_or(FeedNo(u32::try_from(self.states.len()).unwrap_or(u32::MAX)));
        match self.state_mut(number) {
            Some(place) => *place = state,
            None => self.states.push(state),
        }
        self.numbers.entry(source.clone()).or_default().insert(feed.clone(), number);
        number
    }

    /// Nobody listens to it any more, and no row remembers it.
    pub fn forget(&mut self, number: FeedNo) {
        let Some(state) = self.states.get_mut(number.0 as usize) else { return };
        state.link = Link::NotConnected;
        if passes(&state.feed) && self.numbers.get_mut(&state.source).and_then(|feeds| feeds.remove(&state.feed)).is_some() {
            self.free.push(number);
        }
    }

    /// The number of a feed that was heard of.
    pub fn find(&self, source: &SourceId, feed: &Feed) -> Option<FeedNo> {
        self.numbers.get(source)?.get(feed).copied()
    }

    /// How it stands.
    pub fn state(&self, number: FeedNo) -> Option<&FeedState> {
        self.states.get(number.0 as usize)
    }

    /// The same, to change it.
    pub fn state_mut(&mut self, number: FeedNo) -> Option<&mut FeedState> {
        self.states.get_mut(number.0 as usize)
    }

    /// All of one kind.
    pub fn of_kind(&self, kind: FeedKind) -> impl Iterator<Item = (FeedNo, &FeedState)> {
        self.states.iter().enumerate().filter(move |(_, state)| state.feed.kind() == kind).map(|(at, state)| (FeedNo(at as u32), state))
    }

    /// All.
    pub fn all(&self) -> &[FeedState] {
        &self.states
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Id;

    #[test]
    fn a_feed_about_one_thing_leaves_its_place_to_the_next() {
        let (source, mut feeds) = (SourceId::new("ci"), Feeds::default());
        let runs = feeds.number(&source, &Feed::Runs);
        for run in 0..1_000 {
            let jobs = Feed::Jobs(Id::new(&source, &run.to_string()));
            let number = feeds.number(&source, &jobs);
            assert!(number != runs && feeds.state(number).is_some_and(|state| state.feed == jobs && state.link == Link::Connecting));
            feeds.forget(number);
            feeds.forget(number);
            assert_eq!(feeds.find(&source, &jobs), None);
        }
        feeds.forget(runs);
        assert_eq!((feeds.all().len(), feeds.find(&source, &Feed::Runs)), (2, Some(runs)), "that a source is not connected is not forgotten");
    }
}
