//! What a server says of its limits and its clock.

use super::HeaderMap;
use crate::text::{Clean, count};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::header::{DATE, RETRY_AFTER};

/// However long a server asks us to wait, not longer than this (reliability R7).
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// No period of a budget is longer, in seconds; no moment of ours is earlier.
const A_YEAR: i64 = 31_536_000;

/// What is left of a budget of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests in a period, where it is told.
    pub limit: Option<u64>,
    /// Requests that are left.
    pub left: u64,
    /// When the period ends, where it is told.
    pub until: Option<Timestamp>,
}

impl Budget {
    /// From `x-ratelimit-*` or `ratelimit-*`.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let number =
            |what: &str| ["x-ratelimit-", "ratelimit-"].iter().find_map(|prefix| text(headers, &format!("{prefix}{what}"))?.trim().parse::<u64>().ok());
        let until = number("reset").and_then(|reset| until(i64::try_from(reset).ok()?, Timestamp::now()));
        Some(Self { limit: number("limit"), left: number("remaining")?, until })
    }

    /// `4,912 left`, as the header of the screen shows it.
    pub fn words(&self) -> Clean {
        crate::clean!("{} left", count(self.left))
    }
}

/// A moment, as GitHub and GitLab write it; or a number of seconds from now on, as Buildkite and the draft of the IETF for these fields do.
fn until(reset: i64, now: Timestamp) -> Option<Timestamp> {
    if reset < A_YEAR { now.checked_add(SignedDuration::from_secs(reset)).ok() } else { Timestamp::from_second(reset).ok() }
}

/// Until when `Retry-After` asks to wait: seconds or a date; none where it says neither. Never longer than 15 minutes.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let said = text(headers, RETRY_AFTER.as_str())?.trim();
    let digits = !said.is_empty() && said.bytes().all(|b| b.is_ascii_digit());
    let asked = if digits { said.parse().map_or(PATIENCE, SignedDuration::from_secs) } else { http_date(said)?.duration_since(now) };
    Some(now + asked.clamp(SignedDuration::ZERO, PATIENCE))
}

/// What the server takes for now.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(text(headers, DATE.as_str())?)
}

fn http_date(said: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(said.trim()).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::http::HeaderValue;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_longer_than_a_quarter_of_an_hour() {
        let now: Timestamp = "2026-08-01T03:00:00Z".parse().unwrap();
        let cases: &[(&str, Option<i64>)] = &[
            ("30", Some(30)),
            (" 0 ", Some(0)),
            ("1000000000", Some(900)),
            ("99999999999999999999999", Some(900)),
            ("Sat, 01 Aug 2026 03:01:00 GMT", Some(60)),
            ("Sat, 01 Aug 2026 02:00:00 GMT", Some(0)),
            ("Sat, 01 Aug 2099 02:00:00 GMT", Some(900)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ];
        for (said, seconds) in cases {
            let headers = [(RETRY_AFTER, HeaderValue::from_str(said).unwrap())].into_iter().collect();
            assert_eq!(retry_after(&headers, now).map(|until| until.duration_since(now).as_secs()), *seconds, "{said}");
        }
    }

    #[test]
    fn the_end_of_a_budget_is_a_moment_or_a_number_of_seconds() {
        let now: Timestamp = "2026-08-01T03:00:00Z".parse().unwrap();
        assert_eq!(until(42, now), Some(now + SignedDuration::from_secs(42)));
        assert_eq!(until(1_790_000_000, now).map(Timestamp::as_second), Some(1_790_000_000));
    }

    #[test]
    fn a_budget_is_read_where_its_rest_is_told() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(name, value)| (super::super::HeaderName::from_static(name), HeaderValue::from_static(value))).collect::<HeaderMap>()
        };
        let github = headers(&[("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4912"), ("x-ratelimit-reset", "1790000000")]);
        let budget = Budget::read(&github).unwrap();
        assert_eq!((&*budget.words(), budget.limit, budget.until.map(Timestamp::as_second)), ("4,912 left", Some(5000), Some(1_790_000_000)));
        assert_eq!(Budget::read(&headers(&[("ratelimit-remaining", "7")])).unwrap().left, 7);
        assert_eq!(Budget::read(&headers(&[("x-ratelimit-limit", "5000")])), None);
    }
}
