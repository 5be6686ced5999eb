//! How each feed of each source stands.

use crate::domain::{Feed, FeedKind, Link, SourceId};
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

/// Every feed that was ever heard of, by source and feed.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    numbers: BTreeMap<SourceId, BTreeMap<Feed, FeedNo>>,
    states: Vec<FeedState>,
}

impl Feeds {
    /// The number of a feed, new if it was never heard of.
    pub fn number(&mut self, source: &SourceId, feed: &Feed) -> FeedNo {
        if let Some(number) = self.find(source, feed) {
            return number;
        }
        let number = FeedNo(u32::try_from(self.states.len()).unwrap_or(u32::MAX));
        self.numbers.entry(source.clone()).or_default().insert(feed.clone(), number);
        self.states.push(FeedState { source: source.clone(), feed: feed.clone(), link: Link::Connecting });
        number
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
