//! The words in which a scenario is written: lengths of time, moments, and what is wrong with them.

use jiff::{SignedDuration, Timestamp, civil};
use serde::{Deserialize, Deserializer, de::Error};
use std::fmt;

/// A length of time as people write it: `250ms`, `90s`, `3m9s`, `9d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub SignedDuration);

impl Length {
    pub(super) const fn seconds(seconds: i64) -> Self {
        Self(SignedDuration::from_secs(seconds))
    }

    fn read(text: &str) -> Option<Self> {
        let (mut rest, mut total) = (text, SignedDuration::ZERO);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let letters = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| at + digits);
            let count: i64 = rest[..digits].parse().ok()?;
            let unit = match &rest[digits..letters] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            total = total.checked_add(SignedDuration::from_millis(count.checked_mul(unit)?))?;
            rest = &rest[letters..];
        }
        (!text.is_empty()).then_some(Self(total))
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no length of time; write `250ms`, `90s`, `3m9s` or `9d`")))
    }
}

/// A moment of the story: a clock time near its start (`02:54:10`), or a whole date and time.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment(Told);

#[derive(Clone, Debug, PartialEq)]
enum Told {
    Clock(civil::Time),
    Whole(Timestamp),
}

impl Moment {
    /// This very moment.
    pub(super) const fn at(at: Timestamp) -> Self {
        Self(Told::Whole(at))
    }

    /// How long after `start` it is; a clock time is taken for the nearest one, before or after.
    pub(super) fn after(&self, start: Timestamp) -> SignedDuration {
        const DAY: i64 = 86_400_000;
        match &self.0 {
            Told::Whole(at) => at.duration_since(start),
            Told::Clock(time) => {
                let clock = time.duration_since(civil::Time::midnight()).as_millis() as i64;
                let away = (clock - start.as_millisecond()).rem_euclid(DAY);
                SignedDuration::from_millis(if away > DAY / 2 { away - DAY } else { away })
            }
        }
    }

    /// The moment itself, where the date was written.
    pub(super) const fn whole(&self) -> Option<Timestamp> {
        match self.0 {
            Told::Whole(at) => Some(at),
            Told::Clock(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = toml::value::Datetime::deserialize(deserializer)?.to_string();
        let clock = text.parse().map(Told::Clock).ok().filter(|_| !text.contains(['T', 'Z', '-']));
        let whole = || text.parse().map(Told::Whole).ok();
        clock.or_else(whole).map(Self).ok_or_else(|| D::Error::custom(format!("`{text}` is no moment; write 02:54:10 or 2026-11-24T02:54:10Z")))
    }
}

/// What is wrong with a scenario, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    file: String,
    line: usize,
    column: usize,
    what: String,
}

impl ScenarioError {
    /// At a byte of `text`.
    pub(super) fn at(file: &str, text: &str, byte: usize, what: &str) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { file: file.to_owned(), line, column, what: what.to_owned() }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)
    }
}

impl std::error::Error for ScenarioError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        let of = |text: &str| Length::read(text).map(|length| length.0.as_millis());
        assert_eq!([of("250ms"), of("3m9s"), of("9d")], [Some(250), Some(189_000), Some(777_600_000)]);
        assert_eq!([of(""), of("3"), of("m"), of("3 m"), of("3w")], [None; 5]);
    }

    #[test]
    fn a_clock_time_is_the_nearest_one() {
        let start: Timestamp = "2026-11-24T02:57:20Z".parse().expect("a time");
        let of = |clock: &str| Moment(Told::Clock(clock.parse().expect("a clock"))).after(start).as_secs();
        assert_eq!([of("02:54:10"), of("03:00:00"), of("23:57:20")], [-190, 160, -10_800]);
    }
}
