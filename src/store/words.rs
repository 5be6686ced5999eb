//! Lengths of time in the words of the screens.

use crate::text::Clean;
use jiff::{SignedDuration, Timestamp};

/// How long ago `then` was; never negative, whatever the clocks of others say.
pub fn since(then: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(then).max(SignedDuration::ZERO)
}

fn split(length: SignedDuration) -> (i64, &'static str, &'static str) {
    match length.as_secs().max(0) {
        seconds @ 0..60 => (seconds, "s", "s"),
        seconds @ 60..3600 => (seconds / 60, "m", "min"),
        seconds @ 3600..86_400 => (seconds / 3600, "h", "h"),
        seconds => (seconds / 86_400, "d", "d"),
    }
}

/// For a column: `6m`, `9d`.
pub fn short(length: SignedDuration) -> Clean {
    let (count, unit, _) = split(length);
    crate::clean!("{count}{unit}")
}

/// For a sentence: `6 min`, `9 d`.
pub fn long(length: SignedDuration) -> Clean {
    let (count, _, unit) = split(length);
    crate::clean!("{count} {unit}")
}

/// For a clock that runs: `0:41`, `10:00`.
pub fn clock(length: SignedDuration) -> Clean {
    let seconds = length.as_secs().max(0);
    crate::clean!("{}:{:02}", seconds / 60, seconds % 60)
}

/// For a verdict: `41s`, `3m12s`, `1h02m`.
pub fn took(length: SignedDuration) -> Clean {
    match length.as_secs().max(0) {
        seconds @ 0..60 => crate::clean!("{seconds}s"),
        seconds @ 60..3600 => crate::clean!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds => crate::clean!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A share of one as people read it: `17.4 %`.
pub fn percent(share: f64) -> Clean {
    let percent = share * 100.0;
    if percent.fract().abs() < 1e-9 { crate::clean!("{percent:.0} %") } else { crate::clean!("{percent:.1} %") }
}

/// `1 pod`, `2 pods`.
pub fn count(number: usize, one: &str) -> Clean {
    if number == 1 { crate::clean!("1 {one}") } else { crate::clean!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_on_the_screens() {
        let of = SignedDuration::from_secs;
        let cases = [
            (41, "41s", "41 s", "0:41", "41s"),
            (192, "3m", "3 min", "3:12", "3m12s"),
            (7320, "2h", "2 h", "122:00", "2h02m"),
            (800_000, "9d", "9 d", "13333:20", "222h13m"),
        ];
        for (seconds, a, b, c, d) in cases {
            assert_eq!([&*short(of(seconds)), &*long(of(seconds)), &*clock(of(seconds)), &*took(of(seconds))], [a, b, c, d]);
        }
    }

    #[test]
    fn a_clock_ahead_of_ours_makes_no_negative_age() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(since(now + SignedDuration::from_secs(5), now), SignedDuration::ZERO);
    }

    #[test]
    fn shares_keep_one_digit_where_it_says_something() {
        assert_eq!(&*percent(0.174), "17.4 %");
        assert_eq!(&*percent(0.05), "5 %");
    }
}
