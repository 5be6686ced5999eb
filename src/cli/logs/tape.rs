//! Lines of many streams, each written once and none left out, in the order of time as far as they come in it.
//!
//! While streams still tell what was said before, a line waits until none of them can say an earlier one. After that it waits for a
//! moment, since no two streams are equally fast. What comes later than that is written late.

use crate::{
    domain::{Id, LogStream},
    text::Clean,
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// How long a line waits for earlier ones of other streams.
pub const HOLD: Duration = Duration::from_secs(1);

/// Where a stream stands.
#[derive(Debug)]
struct Head {
    who: Clean,
    last: Option<Timestamp>,
    told: bool,
}

/// A line that waits.
#[derive(Debug)]
struct Held {
    text: String,
    came: Duration,
}

/// The lines that wait, and where each stream stands.
#[derive(Debug)]
pub struct Tape {
    held: BTreeMap<(Timestamp, u64), Held>,
    heads: HashMap<Id<LogStream>, Head>,
    newest: Option<Timestamp>,
    /// What was said from here on is new: a stream that has got here has told all that was before.
    asked: Timestamp,
    count: u64,
    moved: u64,
    /// What was said before is still being told.
    filling: bool,
}

impl Tape {
    /// Nothing yet. `asked` is when the streams were asked for.
    pub fn new(asked: Timestamp) -> Self {
        Self { held: BTreeMap::new(), heads: HashMap::new(), newest: None, asked, count: 0, moved: 0, filling: true }
    }

    /// A stream that speaks, or what is known of it now.
    pub fn knows(&mut self, stream: &LogStream) {
        let who = || if stream.container.is_empty() { stream.pod.clone() } else { crate::clean!("{}/{}", stream.pod, stream.container) };
        let moved = &mut self.moved;
        let head = self.heads.entry(stream.id.clone()).or_insert_with(|| {
            *moved += 1;
            Head { who: who(), last: None, told: false }
        });
        *moved += u64::from(stream.told && !head.told);
        head.told |= stream.told;
    }

    /// A line of a stream, as it will be written; none for one that is left out on purpose. One without a time was said after the one before it.
    pub fn put(&mut self, stream: &Id<LogStream>, at: Option<Timestamp>, text: Option<String>, now: Duration) {
        let head = self.heads.get_mut(stream);
        let last = head.as_ref().and_then(|head| head.last);
        let time = at.or(last).or(self.newest).unwrap_or(self.asked);
        if let Some(head) = head {
            self.moved += u64::from(!head.told);
            head.last = head.last.max(Some(time));
            head.told |= at.is_some_and(|at| at >= self.asked);
        }
        self.newest = self.newest.max(Some(time));
        if let Some(text) = text {
            self.count += 1;
            self.held.insert((time, self.count), Held { text, came: now });
        }
    }

    /// The streams that have not told what was said before, by name.
    pub fn untold(&self) -> Vec<&Clean> {
        let mut names: Vec<&Clean> = self.heads.values().filter(|head| !head.told).map(|head| &head.who).collect();
        names.sort();
        names
    }

    /// Grows whenever something comes of what was said before: while it does, waiting is worth it.
    pub const fn moved(&self) -> u64 {
        self.moved
    }

    /// How many streams speak.
    pub fn streams(&self) -> usize {
        self.heads.len()
    }

    /// Waits no longer for what was said before: somebody who has not told it yet may never do so.
    pub const fn give_up(&mut self) {
        self.filling = false;
    }

    /// The lines that wait no longer.
    pub fn due(&mut self, now: Duration) -> Vec<String> {
        if self.filling && !self.heads.is_empty() && self.heads.values().all(|head| head.told) {
            self.filling = false;
        }
        let until = if self.filling { self.slowest() } else { self.waited(now) };
        let Some(until) = until else { return Vec::new() };
        let rest = self.held.split_off(&(until, u64::MAX));
        std::mem::replace(&mut self.held, rest).into_values().map(|held| held.text).collect()
    }

    /// All lines that wait.
    pub fn rest(&mut self) -> Vec<String> {
        std::mem::take(&mut self.held).into_values().map(|held| held.text).collect()
    }

    /// How far every stream that still tells what was said before has come.
    fn slowest(&self) -> Option<Timestamp> {
        self.heads.values().filter(|head| !head.told).map(|head| head.last).min().flatten()
    }

    /// The last line that has waited for long enough. What was said before it goes with it, so that nothing can wait for ever.
    fn waited(&self, now: Duration) -> Option<Timestamp> {
        self.held.iter().rev().find(|(_, held)| now.saturating_sub(held.came) >= HOLD).map(|((time, _), _)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SourceId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).expect("a time")
    }

    fn stream(name: &str, told: bool) -> LogStream {
        LogStream { told, ..LogStream::new(Id::new(&SourceId::new("k"), name), name, "") }
    }

    fn put(tape: &mut Tape, name: &str, second: i64, now: u64) {
        tape.put(&stream(name, false).id, Some(at(second)), Some(format!("{name}{second}")), Duration::from_millis(now));
    }

    fn due(tape: &mut Tape, now: u64) -> String {
        tape.due(Duration::from_millis(now)).join(" ")
    }

    #[test]
    fn what_a_slow_stream_said_before_finds_its_place_however_late_it_comes() {
        let mut tape = Tape::new(at(100));
        for name in ["a", "b"] {
            tape.knows(&stream(name, false));
        }
        (1..=50).for_each(|second| put(&mut tape, "a", second, 0));
        tape.knows(&stream("a", true));
        assert_eq!(due(&mut tape, 60_000), "", "b may still say something earlier");
        put(&mut tape, "b", 2, 60_000);
        assert_eq!(due(&mut tape, 60_000), "a1 a2 b2");
        put(&mut tape, "b", 50, 61_000);
        put(&mut tape, "b", 49, 61_000);
        tape.knows(&stream("b", true));
        let rest = tape.rest().join(" ");
        assert!(rest.starts_with("a3 a4 ") && rest.ends_with("a49 b49 a50 b50"), "{rest}");
    }

    #[test]
    fn a_followed_line_waits_a_moment_for_earlier_ones_and_a_later_one_is_written_late() {
        let mut tape = Tape::new(at(0));
        for name in ["a", "b"] {
            tape.knows(&stream(name, true));
        }
        put(&mut tape, "a", 10, 0);
        assert_eq!(due(&mut tape, 999), "");
        put(&mut tape, "b", 9, 999);
        assert_eq!(due(&mut tape, 1_000), "b9 a10");
        put(&mut tape, "a", 11, 1_100);
        put(&mut tape, "b", 8, 2_000);
        assert_eq!(due(&mut tape, 2_100), "b8 a11", "late, and not lost");
        assert_eq!(due(&mut tape, 99_000), "", "and not twice");
    }

    #[test]
    fn interleaved_late_streams_lose_no_line_and_repeat_none() {
        let mut tape = Tape::new(at(500));
        let names = ["a", "b", "c", "d"];
        names.iter().for_each(|name| tape.knows(&stream(name, false)));
        let mut written = Vec::new();
        // Each stream has its own lag, and bursts: what it said in a second comes seconds later, and a restart repeats no number.
        for step in 0..1_200_i64 {
            for (nth, name) in names.iter().enumerate() {
                let lag = [0, 7, 31, 90][nth];
                if step >= lag && (step - lag) < 1_000 && step % (nth as i64 + 1) == 0 {
                    let from = step - lag - nth as i64;
                    (from..=step - lag).filter(|second| *second >= 0).for_each(|second| put(&mut tape, name, second, step as u64 * 100));
                }
                if step == 900 {
                    tape.knows(&stream(name, true));
                }
            }
            written.extend(tape.due(Duration::from_millis(step as u64 * 100)));
        }
        written.extend(tape.rest());
        for (nth, name) in names.iter().enumerate() {
            let own: Vec<&String> = written.iter().filter(|line| line.starts_with(name)).collect();
            let unique: std::collections::BTreeSet<&String> = own.iter().copied().collect();
            assert_eq!(unique.len(), own.len(), "{name} twice");
            assert!(own.len() >= 997 - nth, "{name}: {}", own.len());
        }
        assert_eq!(written.len() as u64, tape.count);
    }

    #[test]
    fn a_line_without_a_time_stays_behind_the_one_before_it() {
        let mut tape = Tape::new(at(0));
        tape.knows(&stream("a", true));
        put(&mut tape, "a", 5, 0);
        tape.put(&stream("a", true).id, None, Some("notice".to_owned()), Duration::ZERO);
        put(&mut tape, "a", 6, 0);
        assert_eq!(tape.rest(), ["a5", "notice", "a6"]);
    }

    #[test]
    fn a_stream_that_never_tells_holds_nobody_back_for_ever() {
        let mut tape = Tape::new(at(100));
        tape.knows(&stream("a", true));
        tape.knows(&stream("dumb", false));
        put(&mut tape, "a", 1, 0);
        assert_eq!((due(&mut tape, 5_000), tape.untold().len()), (String::new(), 1));
        tape.give_up();
        assert_eq!(due(&mut tape, 5_000), "a1");
    }
}
