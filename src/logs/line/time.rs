//! The time that a container runtime or a CI runner puts before each line.

use jiff::{Timestamp, fmt::temporal::DateTimeParser};

static PARSER: DateTimeParser = DateTimeParser::new();

/// No time stamp is longer: `2026-11-24T02:54:31.123456789+01:00`.
const LONGEST: usize = 35;

/// The RFC 3339 time (any fraction, any offset) that a line begins with, and the rest after one space; the whole line if there is none.
/// Kubernetes, Docker, containerd, GitHub and GitLab write lines so.
pub fn split_time(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let end = memchr::memchr(b' ', &line[..line.len().min(LONGEST + 1)]).unwrap_or(line.len());
    let Some(at) = parse(&line[..end]) else {
        return (None, line);
    };
    let rest = line.get(end + 1..).unwrap_or_default();
    (Some(at), without_runner_mark(rest))
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    if text.len() > LONGEST || text.get(10) != Some(&b'T') || !text[0].is_ascii_digit() {
        return None;
    }
    fast(text).or_else(|| PARSER.parse_timestamp(text).ok())
}

/// `2026-11-24T02:54:31[.fraction]Z`, which is nearly all there is, without the general parser.
fn fast(text: &[u8]) -> Option<Timestamp> {
    let body = text.strip_suffix(b"Z")?;
    let number =
        |from: usize, to: usize| body.get(from..to)?.iter().try_fold(0i64, |n, digit| digit.is_ascii_digit().then(|| n * 10 + i64::from(digit - b'0')));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let right = body[4] == b'-' && body[7] == b'-' && body[13] == b':' && body[16] == b':';
    // Days that need the calendar's finer rules (29 to 31, leap seconds) are left to the general parser.
    if !right || !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let nanos = match body.get(19) {
        None => 0,
        Some(b'.') if (21..=29).contains(&body.len()) => number(20, body.len())? * 10i64.pow(29 - body.len() as u32),
        Some(_) => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Timestamp::new(seconds, nanos as i32).ok()
}

/// Days since 1970-01-01 in the Gregorian calendar: years counted from March, so that the leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + in_year - 719_468
}

/// GitLab's runners add a stream number, `O` or `E`, and a space or `+`: `00O text`.
fn without_runner_mark(rest: &[u8]) -> &[u8] {
    match rest {
        [a, b, b'O' | b'E', b' ' | b'+', text @ ..] if a.is_ascii_digit() && b.is_ascii_digit() => text,
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> (Option<String>, &str) {
        let (at, rest) = split_time(line.as_bytes());
        (at.map(|at| at.to_string()), std::str::from_utf8(rest).expect("text"))
    }

    #[test]
    fn runtimes_and_runners_write_their_time_first() {
        for (line, at, rest) in [
            ("2026-11-24T02:54:31.123456789Z hello  you", "2026-11-24T02:54:31.123456789Z", "hello  you"),
            ("2026-11-24T03:54:31.5+01:00 hello", "2026-11-24T02:54:31.5Z", "hello"),
            ("\u{feff}2026-11-24T02:54:31.1234567Z ##[group]Run", "2026-11-24T02:54:31.1234567Z", "##[group]Run"),
            ("2026-11-24T02:54:31.000001Z 00O built", "2026-11-24T02:54:31.000001Z", "built"),
            ("2024-02-29T23:59:59Z leap", "2024-02-29T23:59:59Z", "leap"),
            ("2026-11-24T02:54:31Z", "2026-11-24T02:54:31Z", ""),
            ("2026-11-24T02:54:31Z ", "2026-11-24T02:54:31Z", ""),
        ] {
            assert_eq!(split(line), (Some(at.to_owned()), rest), "{line}");
        }
    }

    #[test]
    fn a_line_without_a_time_stays_whole() {
        for line in ["", "hello", "2026-11-24 02:54:31 INFO", "2026-02-30T00:00:00Z x", "2026-11-24T02:54:31.Z x", "2026-13-01T00:00:00Z x"] {
            assert_eq!(split(line), (None, line), "{line}");
        }
    }

    proptest! {
        #[test]
        fn times_come_back_as_they_were_written(seconds in -60_000_000_000i64..250_000_000_000, nanos in 0i32..1_000_000_000) {
            let at = Timestamp::new(seconds, nanos).expect("in range");
            prop_assume!(seconds > -60_000_000_000 && at.to_string().len() <= LONGEST && !at.to_string().starts_with('-'));
            let line = format!("{at} x");
            let (found, rest) = split_time(line.as_bytes());
            prop_assert_eq!((found, rest), (Some(at), &b"x"[..]));
        }

        #[test]
        fn any_bytes_can_be_split(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let (_, rest) = split_time(&bytes);
            prop_assert!(bytes.ends_with(rest));
        }
    }
}
