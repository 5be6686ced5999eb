//! Where logs were left, so that a feed that broke goes on without losing or repeating a line.

use crate::{
    domain::{Cursor, Id, LogStream},
    logs::Resume,
    text::Raw,
};
use jiff::Timestamp;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

/// How many feeds are remembered after they have ended.
const FEEDS: usize = 32;

/// Where one log was left.
pub type Place = Arc<Mutex<Resume>>;

/// Where the logs of one feed were left.
#[derive(Default)]
pub struct Places {
    token: u64,
    left: Option<Timestamp>,
    places: Mutex<HashMap<Id<LogStream>, Place>>,
}

impl Places {
    /// The place in one log.
    pub fn of(&self, stream: &Id<LogStream>) -> Place {
        self.places.lock().map(|mut places| places.entry(stream.clone()).or_default().clone()).unwrap_or_default()
    }

    /// The cursor after a line of that time.
    pub fn cursor(&self, last: Option<Timestamp>) -> Cursor {
        let last = last.or(self.left).map(|last| last.to_string()).unwrap_or_default();
        Cursor(Raw::new(&format!("{}@{last}", self.token)))
    }

    /// From when on logs that are new to us must be read, because this feed goes on after a break.
    pub fn left(&self) -> Option<Timestamp> {
        self.left
    }
}

/// What this source remembers of its log feeds.
#[derive(Default)]
pub struct Memory(Mutex<Feeds>);

#[derive(Default)]
struct Feeds {
    last: u64,
    kept: VecDeque<Arc<Places>>,
}

impl Memory {
    /// The places of the feed that `after` leads to, or of a new one. A cursor of another life still tells the time.
    pub fn places(&self, after: Option<&Cursor>) -> Arc<Places> {
        let words = after.map(|cursor| cursor.0.expose()).unwrap_or_default();
        let (token, last) = words.split_once('@').unwrap_or_default();
        let left = last.parse::<Timestamp>().ok();
        let Ok(mut feeds) = self.0.lock() else { return Arc::default() };
        let known = token.parse::<u64>().ok().and_then(|token| feeds.kept.iter().position(|kept| kept.token == token));
        let kept = known.and_then(|at| feeds.kept.remove(at));
        let places = kept.and_then(|kept| kept.places.lock().ok().map(|places| places.clone())).unwrap_or_default();
        feeds.last += 1;
        let places = Arc::new(Places { token: feeds.last, left, places: Mutex::new(places) });
        feeds.kept.push_back(places.clone());
        if feeds.kept.len() > FEEDS {
            feeds.kept.pop_front();
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SourceId;

    #[test]
    fn a_cursor_leads_back_to_what_was_seen() {
        let memory = Memory::default();
        let stream = Id::new(&SourceId::new("kubernetes/a"), "x");
        let at = "2026-01-01T00:00:01.5Z".parse::<Timestamp>().expect("a time");
        let first = memory.places(None);
        assert!(first.left().is_none());
        assert!(first.of(&stream).lock().expect("it is free").is_new(Some(at), b"a"));
        let second = memory.places(Some(&first.cursor(Some(at))));
        assert_eq!(second.left(), Some(at));
        let place = second.of(&stream);
        let mut place = place.lock().expect("it is free");
        assert_eq!(place.since().map(|since| since.to_string()).as_deref(), Some("2026-01-01T00:00:00Z"));
        assert!(!place.is_new(Some(at), b"a") && place.is_new(Some(at), b"b"));
    }

    #[test]
    fn a_cursor_of_another_life_still_tells_the_time() {
        let memory = Memory::default();
        let places = memory.places(Some(&Cursor(Raw::new("77@2026-01-01T00:00:01Z"))));
        assert_eq!(places.left().map(|left| left.to_string()).as_deref(), Some("2026-01-01T00:00:01Z"));
        assert!(memory.places(Some(&Cursor(Raw::new("nonsense")))).left().is_none());
    }
}
