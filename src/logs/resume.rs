//! After a break a log is asked for again from its last second; what was already seen is left out, and nothing else.

use jiff::Timestamp;
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// How far back what was seen is remembered. Servers floor `sinceTime` to the second, and a line that was written just before another may be
/// stamped just after it; so a log is asked for from one second before the last one.
const SLACK: i64 = 1;

/// Where one log was left, and what of its last seconds was seen. Kept by whoever follows the log, across its connections.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    last: Option<Timestamp>,
    /// How often each line of the remembered seconds was seen, by the second it is stamped with.
    seen: HashMap<(i64, u64), u32>,
    /// What of it the present connection will repeat.
    repeats: HashMap<(i64, u64), u32>,
    /// Until the present connection says something new, lines stamped before this second are repetitions. Afterwards they are news from a clock
    /// that was set back.
    known_before: Option<i64>,
}

impl Resume {
    /// From when on to ask, at the beginning of a connection: a whole second. `None` the first time, when nothing was seen.
    pub fn since(&mut self) -> Option<Timestamp> {
        let from = self.last?.as_second().saturating_sub(SLACK);
        self.repeats.clone_from(&self.seen);
        self.known_before = Some(from);
        Timestamp::from_second(from).ok()
    }

    /// Whether this line (its stamp, and all of its bytes) is new. To be asked once for every line that arrives, in order.
    pub fn is_new(&mut self, at: Option<Timestamp>, line: &[u8]) -> bool {
        // Without a stamp it is a refusal in the place of a log: always worth showing.
        let Some(at) = at else {
            return true;
        };
        if self.known_before.is_some_and(|from| at.as_second() < from) {
            return false;
        }
        let key = (at.as_second(), hash(at, line));
        if let Some(left) = self.repeats.get_mut(&key) {
            *left -= 1;
            if *left == 0 {
                self.repeats.remove(&key);
            }
            return false;
        }
        self.known_before = None;
        self.remember(at, key);
        true
    }

    fn remember(&mut self, at: Timestamp, key: (i64, u64)) {
        let before = self.last.map(Timestamp::as_second);
        self.last = self.last.max(Some(at));
        let from = self.last.map_or(i64::MIN, |last| last.as_second() - SLACK);
        if before.is_none_or(|second| second < from + SLACK) {
            self.seen.retain(|(second, _), _| *second >= from);
            // A connection that has come this far has repeated what it will repeat.
            self.repeats.retain(|(second, _), _| *second >= from);
        }
        if key.0 >= from {
            *self.seen.entry(key).or_default() += 1;
        }
    }
}

fn hash(at: Timestamp, line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (at.subsec_nanosecond(), line).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A log: tenths of a second, and a text.
    type Line = (u32, u8);

    fn at((tenths, _): Line) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + i64::from(tenths) * 100).expect("in range")
    }

    /// What arrives through connections that break after some lines each, from a server that floors to the second.
    fn follow(log: &[Line], breaks: &[usize]) -> Vec<Line> {
        let mut resume = Resume::default();
        let mut got = Vec::new();
        // Lines are written while we read: a connection sees the log as far as `written`.
        let mut written = 0;
        for length in breaks.iter().copied().chain([usize::MAX]) {
            let since = resume.since();
            written = if length == usize::MAX { log.len() } else { log.len().min(written + length) };
            let answer = log[..written].iter().copied().filter(|line| since.is_none_or(|since| at(*line).as_second() >= since.as_second()));
            got.extend(answer.filter(|line| resume.is_new(Some(at(*line)), &[line.1])));
        }
        got
    }

    #[test]
    fn equal_lines_at_the_same_time_are_counted_not_confused() {
        let log = [(0, 1), (0, 1), (0, 1), (5, 2), (5, 2), (12, 3)];
        for breaks in [vec![1], vec![2], vec![1, 1, 1], vec![3, 0, 0, 1], vec![5, 1], vec![6, 0]] {
            assert_eq!(follow(&log, &breaks), log, "{breaks:?}");
        }
    }

    #[test]
    fn a_connection_that_breaks_while_repeating_is_resumed_as_well() {
        let log: Vec<Line> = (0..8).map(|n| (3, n)).collect();
        let mut resume = Resume::default();
        let mut got: Vec<Line> = log[..6].iter().copied().filter(|line| resume.is_new(Some(at(*line)), &[line.1])).collect();
        resume.since();
        // Breaks after repeating two of six.
        assert!(log[..2].iter().all(|line| !resume.is_new(Some(at(*line)), &[line.1])));
        resume.since();
        got.extend(log.iter().copied().filter(|line| resume.is_new(Some(at(*line)), &[line.1])));
        assert_eq!(got, log);
    }

    #[test]
    fn the_first_time_everything_is_asked_for_and_everything_is_new() {
        let mut resume = Resume::default();
        assert_eq!(resume.since(), None);
        assert!(resume.is_new(Some(at((0, 0))), b"x") && resume.is_new(Some(at((0, 0))), b"x"));
        assert!(resume.is_new(None, b"unable to retrieve container logs"));
    }

    #[test]
    fn a_server_that_repeats_everything_is_understood() {
        let log: Vec<Line> = (0..100).map(|n| (n, 0)).collect();
        let mut resume = Resume::default();
        log.iter().for_each(|line| assert!(resume.is_new(Some(at(*line)), &[0])));
        resume.since();
        assert!(log.iter().all(|line| !resume.is_new(Some(at(*line)), &[0])));
        assert!(resume.seen.len() <= 20, "only the last seconds are remembered: {}", resume.seen.len());
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let mut resume = Resume::default();
        assert!(resume.is_new(Some(at((600, 0))), &[0]));
        resume.since();
        assert!(!resume.is_new(Some(at((600, 0))), &[0]) && resume.is_new(Some(at((605, 1))), &[1]));
        assert!(resume.is_new(Some(at((7, 2))), &[2]));
    }

    proptest! {
        #[test]
        fn none_is_lost_and_none_comes_twice(
            mut log in prop::collection::vec((0u32..60, 0u8..3), 0..60),
            swaps in prop::collection::vec(0usize..60, 0..6),
            breaks in prop::collection::vec(0usize..20, 0..8),
        ) {
            log.sort_by_key(|(tenths, _)| *tenths);
            // Two neighbours may be stamped the wrong way round, by less than a second.
            for at in swaps {
                if at + 1 < log.len() && log[at + 1].0 - log[at].0.min(log[at + 1].0) < 10 && log[at].0 <= log[at + 1].0 {
                    log.swap(at, at + 1);
                }
            }
            prop_assert_eq!(follow(&log, &breaks), log);
        }
    }
}
