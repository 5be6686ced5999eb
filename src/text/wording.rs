//! Numbers as they are written everywhere on screen.

use super::Clean;
use compact_str::{CompactString, ToCompactString, format_compact};
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;
/// Seconds of a unit, its name in a column, its name in a sentence.
const UNITS: [(u64, &str, &str); 5] = [(YEAR, "y", "y"), (DAY, "d", "d"), (HOUR, "h", "h"), (MINUTE, "m", "min"), (1, "s", "s")];

fn largest(seconds: u64) -> (u64, &'static str, &'static str) {
    let (unit, column, prose) = UNITS.into_iter().find(|(unit, ..)| seconds >= *unit).unwrap_or(UNITS[4]);
    (seconds / unit, column, prose)
}

/// How old something is, in a column: `14s`, `6m`, `3h`, `9d`.
pub fn age(age: Duration) -> Clean {
    let (n, unit, _) = largest(age.as_secs());
    Clean::ours(format_compact!("{n}{unit}"))
}

/// How old something is, in a sentence: `14 s`, `6 min`, `3 h`, `9 d`.
pub fn age_in_words(age: Duration) -> Clean {
    let (n, _, unit) = largest(age.as_secs());
    Clean::ours(format_compact!("{n} {unit}"))
}

/// How long something took: `41s`, `3m12s`, `2h05m`, `3d04h`.
pub fn took(duration: Duration) -> Clean {
    let s = duration.as_secs();
    Clean::ours(match s {
        0..MINUTE => format_compact!("{s}s"),
        MINUTE..HOUR => format_compact!("{}m{:02}s", s / MINUTE, s % MINUTE),
        HOUR..DAY => format_compact!("{}h{:02}m", s / HOUR, s % HOUR / MINUTE),
        _ => format_compact!("{}d{:02}h", s / DAY, s % DAY / HOUR),
    })
}

/// A running clock: `0:41`, `10:00`, `1:02:03`.
pub fn clock(duration: Duration) -> Clean {
    let s = duration.as_secs();
    Clean::ours(match s {
        0..HOUR => format_compact!("{}:{:02}", s / MINUTE, s % MINUTE),
        _ => format_compact!("{}:{:02}:{:02}", s / HOUR, s % HOUR / MINUTE, s % MINUTE),
    })
}

/// A short duration such as a latency: `9 ms`, `240 ms`, `1.2 s`, `75 s`.
pub fn latency(duration: Duration) -> Clean {
    let ms = duration.as_secs_f64() * 1e3;
    Clean::ours(match ms {
        0.0 => CompactString::const_new("0 ms"),
        ms if ms < 1.0 => CompactString::const_new("<1 ms"),
        ms if ms < 999.5 => format_compact!("{ms:.0} ms"),
        ms if ms < 9_950.0 => format_compact!("{:.1} s", ms / 1e3),
        ms => format_compact!("{:.0} s", ms / 1e3),
    })
}

/// A number of things: `4,912`.
pub fn count(n: u64) -> Clean {
    let digits = n.to_compact_string();
    let mut out = CompactString::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    Clean::ours(out)
}

/// A part of a whole, given as 0.0–1.0: `17.4 %`. What is not a number is `–`.
pub fn percent(ratio: f64) -> Clean {
    if !ratio.is_finite() {
        return Clean::from_static("–");
    }
    // Adding zero turns -0.0 into 0.0.
    Clean::ours(format_compact!("{:.1} %", (ratio * 1000.0).round() / 10.0 + 0.0))
}

/// An amount of memory or disk: `512 B`, `4.2 KiB`, `64 MiB`.
pub fn bytes(n: u64) -> Clean {
    const NAMES: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return Clean::ours(format_compact!("{n} B"));
    }
    let mut amount = n as f64 / 1024.0;
    let mut name = 0;
    while amount >= 1023.95 && name + 1 < NAMES.len() {
        amount /= 1024.0;
        name += 1;
    }
    let name = NAMES[name];
    let whole = amount >= 99.95 || (amount - amount.round()).abs() < 0.05;
    Clean::ours(if whole { format_compact!("{amount:.0} {name}") } else { format_compact!("{amount:.1} {name}") })
}

/// Processors as Kubernetes writes them: `250m`, `1.5`, `12`. What is not a number is `–`.
pub fn cores(cores: f64) -> Clean {
    Clean::ours(match cores {
        c if !c.is_finite() || c < 0.0 => CompactString::const_new("–"),
        0.0 => CompactString::const_new("0"),
        c if c < 0.9995 => format_compact!("{:.0}m", (c * 1e3).max(1.0)),
        c if (c - c.round()).abs() < 0.05 => format_compact!("{c:.0}"),
        c => format_compact!("{c:.1}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(seconds: u64, say: fn(Duration) -> Clean) -> String {
        say(Duration::from_secs(seconds)).to_string()
    }

    #[test]
    fn ages_name_their_largest_unit() {
        for (seconds, column, prose) in
            [(0, "0s", "0 s"), (14, "14s", "14 s"), (360, "6m", "6 min"), (7_300, "2h", "2 h"), (9 * DAY, "9d", "9 d"), (800 * DAY, "2y", "2 y")]
        {
            assert_eq!(said(seconds, age), column);
            assert_eq!(said(seconds, age_in_words), prose);
        }
    }

    #[test]
    fn durations_name_two_units_and_clocks_tick() {
        assert_eq!([41, 192, 7_500, 3 * DAY + 4 * HOUR].map(|s| said(s, took)), ["41s", "3m12s", "2h05m", "3d04h"]);
        assert_eq!([41, 600, 3_723].map(|s| said(s, clock)), ["0:41", "10:00", "1:02:03"]);
        assert_eq!([0, 9, 240, 1_200, 75_000].map(|ms| latency(Duration::from_millis(ms)).to_string()), ["0 ms", "9 ms", "240 ms", "1.2 s", "75 s"]);
        assert_eq!(&*latency(Duration::from_micros(20)), "<1 ms");
    }

    #[test]
    fn numbers_are_grouped_and_measured() {
        assert_eq!([0, 999, 4_912, 1_234_567].map(|n| count(n).to_string()), ["0", "999", "4,912", "1,234,567"]);
        assert_eq!([0.174, 0.001, 0.0, -0.0, 1.0].map(|r| percent(r).to_string()), ["17.4 %", "0.1 %", "0.0 %", "0.0 %", "100.0 %"]);
        assert_eq!(&*percent(f64::NAN), "–");
        assert_eq!([512, 4_300, 64 << 20, (1 << 20) - 1, u64::MAX].map(|n| bytes(n).to_string()), ["512 B", "4.2 KiB", "64 MiB", "1 MiB", "16384 PiB"]);
        assert_eq!([0.0, 0.25, 0.0001, 1.5, 12.0, 0.9999].map(|c| cores(c).to_string()), ["0", "250m", "1m", "1.5", "12", "1"]);
    }
}
