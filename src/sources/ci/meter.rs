//! The manners towards a CI that need not tell a limit: a few requests a minute, nothing while it asks us to wait, and the last tenth of its limit, where
//! it tells one, is left to others.

pub(in crate::sources) use super::Need;

use super::{Bucket, Quota};
use crate::{
    clean,
    sources::{SourceError, http::Budget},
    text::{Clean, count},
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What may be asked at once, and in the course of an hour on top of it: one a second. Most servers of one's own tell no limit and have none.
const BURST: f64 = 60.0;
const HOURLY: f64 = 3_600.0;
/// How long to leave it alone after a refusal that does not say for how long; it doubles.
const PENALTY: SignedDuration = SignedDuration::from_secs(30);

/// The meter of one CI.
#[derive(Debug)]
pub(in crate::sources) struct Meter {
    bucket: Bucket,
    quota: Quota,
}

impl Meter {
    pub fn new(now: Timestamp) -> Self {
        Self { bucket: Bucket::new(BURST, now), quota: Quota::new(PENALTY) }
    }

    /// Takes one request: how long to wait for it, zero when it may be sent now.
    ///
    /// # Errors
    /// That nothing may be sent for a longer time, and why.
    pub fn take(&mut self, need: Need, now: Timestamp) -> Result<Duration, SourceError> {
        self.quota.bar(need, now, spent)?;
        if need == Need::Person {
            self.bucket.lend(BURST, HOURLY, now);
            return Ok(Duration::ZERO);
        }
        Ok(self.bucket.take(BURST, HOURLY, now))
    }

    /// Takes in what an answer tells.
    pub fn answered(&mut self, budget: Option<Budget>) {
        self.quota.answered(budget);
    }

    /// A request was refused for being one too many: until when nothing is sent. `asked` is what the CI named itself.
    pub fn refused(&mut self, budget: Option<Budget>, asked: Option<Timestamp>, words: &Clean, now: Timestamp) -> SourceError {
        self.quota.refused(budget, asked, words, now)
    }

    /// How much slower than usual to ask: the less is left, the slower.
    pub fn slowness(&self) -> u32 {
        self.quota.slowness()
    }

    /// What is left, where it is told.
    pub fn words(&self) -> Option<Clean> {
        self.quota.words()
    }
}

/// That what it allows is as good as spent.
fn spent(left: u64, limit: u64, until: Timestamp) -> Clean {
    let (left, limit, at) = (count(left), count(limit), until.strftime("%H:%M:%S UTC"));
    clean!("{left} of {limit} requests are left until {at}; the rest is kept for you and your other tools. It goes on then")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-08-01T03:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_burst_then_one_a_second_and_a_person_never_waits() {
        let mut meter = Meter::new(start());
        let sent = (0..600).filter(|_| meter.take(Need::List, start()) == Ok(Duration::ZERO)).count();
        assert_eq!(sent, 60);
        assert!(meter.take(Need::List, start()).is_ok_and(|wait| wait > Duration::from_millis(900)));
        assert_eq!(meter.take(Need::Person, start()), Ok(Duration::ZERO));
        let in_a_minute = (1..=60).filter(|second| meter.take(Need::List, start() + SignedDuration::from_secs(*second)) == Ok(Duration::ZERO)).count();
        assert!((55..=60).contains(&in_a_minute), "{in_a_minute}");
    }

    #[test]
    fn what_is_told_to_be_left_is_kept_for_people() {
        let mut meter = Meter::new(start());
        let budget = |left| Some(Budget { limit: Some(600), left, until: Some(start() + SignedDuration::from_secs(40)) });
        meter.answered(budget(80));
        assert!(meter.take(Need::List, start()).is_ok() && meter.take(Need::Detail, start()).is_err() && meter.slowness() == 2);
        meter.answered(budget(60));
        let Err(SourceError::RateLimited { words, .. }) = meter.take(Need::List, start()) else { panic!("it must stop") };
        assert!(words.contains("60 of 600"), "{words}");
        assert!(meter.take(Need::Person, start()).is_ok() && meter.take(Need::List, start() + SignedDuration::from_secs(40)).is_ok());
    }

    #[test]
    fn a_refusal_is_obeyed_and_doubles_where_it_does_not_say_for_how_long() {
        let mut meter = Meter::new(start());
        let seconds = |error: SourceError| match error {
            SourceError::RateLimited { until, .. } => until.duration_since(start()).as_secs(),
            other => panic!("{other}"),
        };
        let words = Clean::from_static("Retry later");
        assert_eq!(seconds(meter.refused(None, Some(start() + SignedDuration::from_secs(7)), &words, start())), 7);
        assert_eq!([(), (), ()].map(|()| seconds(meter.refused(None, None, &words, start()))), [60, 120, 240]);
        assert!(meter.take(Need::Person, start()).is_err(), "it refuses people too");
        meter.answered(None);
        assert_eq!(seconds(meter.refused(None, None, &words, start())), 30);
    }
}
