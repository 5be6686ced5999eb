//! The budget of requests: never more than our part of it, nothing while GitHub asks us to wait, and the last tenth is left to others.

pub(super) use crate::sources::ci::Need;

use crate::{
    clean,
    sources::{
        SourceError,
        ci::{Bucket, Quota},
        http::Budget,
    },
    text::{Clean, count},
};
use jiff::{SignedDuration, Timestamp};

/// The requests of an hour where GitHub does not say: with a token, and without one.
const KNOWN: u64 = 5_000;
const ANONYMOUS: u64 = 60;
/// How long to leave it alone after a refusal that does not say for how long; it doubles (GitHub's own advice).
const PENALTY: SignedDuration = SignedDuration::from_secs(60);

/// The meter of one GitHub.
#[derive(Debug)]
pub(super) struct Meter {
    anonymous: bool,
    limit: u64,
    bucket: Bucket,
    quota: Quota,
}

impl Meter {
    pub fn new(anonymous: bool, now: Timestamp) -> Self {
        let limit = if anonymous { ANONYMOUS } else { KNOWN };
        let mut meter = Self { anonymous, limit, bucket: Bucket::new(0.0, now), quota: Quota::new(PENALTY) };
        meter.bucket = Bucket::new(meter.burst(), now);
        meter
    }

    /// What may be asked at once, and in the course of an hour on top of it. A token's budget is shared with all that its owner does: together a
    /// quarter of it (reliability R19). Nobody shares the small budget without a token: all but the tenth.
    fn burst(&self) -> f64 {
        self.limit as f64 * if self.anonymous { 0.2 } else { 0.05 }
    }

    fn hourly(&self) -> f64 {
        self.limit as f64 * if self.anonymous { 0.7 } else { 0.2 }
    }

    /// Takes one request from the budget: how long to wait for it, zero when it may be sent now.
    ///
    /// # Errors
    /// That nothing may be sent for a longer time, and why.
    pub fn take(&mut self, need: Need, now: Timestamp) -> Result<std::time::Duration, SourceError> {
        self.quota.bar(need, now, |left, limit, until| spent(need, (left, limit), until))?;
        let (burst, hourly) = (self.burst(), self.hourly());
        if need == Need::Person {
            self.bucket.lend(burst, hourly, now);
            return Ok(std::time::Duration::ZERO);
        }
        Ok(self.bucket.take(burst, hourly, now))
    }

    /// Takes in what an answer tells. One that has not changed costs nothing, if it was asked for with a token.
    pub fn answered(&mut self, budget: Option<Budget>, unchanged: bool) {
        if unchanged && !self.anonymous {
            let burst = self.burst();
            self.bucket.back(burst);
        }
        if let Some(limit) = budget.as_ref().and_then(|budget| budget.limit) {
            self.limit = limit.max(1);
            let burst = self.burst();
            self.bucket.shrink(burst);
        }
        self.quota.answered(budget);
    }

    /// GitHub refused a request for being one too many: until when nothing is sent. `asked` is what it named itself.
    pub fn refused(&mut self, budget: Option<Budget>, asked: Option<Timestamp>, words: &Clean, now: Timestamp) -> SourceError {
        self.quota.refused(budget, asked, words, now)
    }

    /// How much slower than usual to ask: the less is left, the slower.
    pub fn slowness(&self) -> u32 {
        self.quota.slowness()
    }

    /// What is left, for the header: `4,912 left`.
    pub fn words(&self) -> Option<Clean> {
        self.quota.words()
    }
}

/// That the budget of this hour is as good as spent.
fn spent(need: Need, (left, limit): (u64, u64), until: Timestamp) -> Clean {
    let what = match need {
        Need::List => "the last tenth is",
        Need::Detail => "jobs and logs are no longer asked for, and the rest is",
        Need::Person => "nothing is",
    };
    let (left, limit, at) = (count(left), count(limit), until.strftime("%H:%M UTC"));
    clean!("{left} of {limit} requests are left until {at}; {what} kept for you and your other tools. It goes on then")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-08-01T03:00:00Z".parse().unwrap()
    }

    fn budget(limit: u64, left: u64) -> Option<Budget> {
        Some(Budget { limit: Some(limit), left, until: Some(start() + SignedDuration::from_mins(40)) })
    }

    /// How many requests get through in the first hour when there is always one more to send.
    fn in_an_hour(meter: &mut Meter) -> u64 {
        (0..3600)
            .map(|second| {
                (0..).take_while(|_| meter.take(Need::List, start() + SignedDuration::from_secs(second)) == Ok(std::time::Duration::ZERO)).count() as u64
            })
            .sum()
    }

    #[test]
    fn no_more_than_a_quarter_of_a_token_s_budget_is_ever_used() {
        for limit in [1_000, 5_000, 15_000] {
            let mut meter = Meter::new(false, start());
            meter.answered(Some(Budget { limit: Some(limit), left: limit, until: None }), false);
            let used = in_an_hour(&mut meter);
            assert!(used <= limit / 4 && used > limit / 5, "{used} of {limit}");
        }
    }

    #[test]
    fn without_a_token_the_small_budget_lasts_for_the_hour() {
        let used = in_an_hour(&mut Meter::new(true, start()));
        assert!((40..=54).contains(&used), "{used} of 60");
    }

    #[test]
    fn what_has_not_changed_is_given_back_to_a_token_only() {
        let tries = |anonymous| {
            let mut meter = Meter::new(anonymous, start());
            let mut last = meter.take(Need::List, start());
            for _ in 0..400 {
                meter.answered(None, true);
                last = meter.take(Need::List, start());
            }
            last
        };
        assert_eq!(tries(false), Ok(std::time::Duration::ZERO));
        assert!(tries(true).unwrap() > std::time::Duration::from_secs(60));
    }

    #[test]
    fn details_stop_before_lists_and_lists_before_the_last_tenth_until_the_reset() {
        let mut meter = Meter::new(false, start());
        let allowed = |meter: &mut Meter, need, minutes| meter.take(need, start() + SignedDuration::from_mins(minutes)).is_ok();
        meter.answered(budget(5_000, 750), false);
        assert!(allowed(&mut meter, Need::List, 0) && !allowed(&mut meter, Need::Detail, 0));
        assert_eq!(meter.slowness(), 2);
        meter.answered(budget(5_000, 500), false);
        let Err(SourceError::RateLimited { until, words }) = meter.take(Need::List, start()) else { panic!("it must stop") };
        assert_eq!(until, start() + SignedDuration::from_mins(40));
        assert!(words.contains("500 of 5,000") && words.contains("03:40 UTC"), "{words}");
        assert!(allowed(&mut meter, Need::List, 40) && allowed(&mut meter, Need::Detail, 40));
        assert_eq!(meter.words().unwrap().as_str(), "500 left");
    }

    #[test]
    fn a_refusal_is_obeyed_and_doubles_where_it_does_not_say_for_how_long() {
        let mut meter = Meter::new(false, start());
        let seconds = |error: SourceError| match error {
            SourceError::RateLimited { until, .. } => until.duration_since(start()).as_secs(),
            other => panic!("{other}"),
        };
        let words = Clean::from_static("too fast");
        assert_eq!(seconds(meter.refused(None, Some(start() + SignedDuration::from_secs(7)), &words, start())), 7);
        assert_eq!([(), (), (), (), ()].map(|()| seconds(meter.refused(None, None, &words, start()))), [120, 240, 480, 900, 900]);
        assert!(meter.take(Need::List, start()).is_err());
        meter.answered(None, false);
        assert_eq!(seconds(meter.refused(None, None, &words, start())), 60);
        assert_eq!(seconds(meter.refused(budget(5_000, 0), None, &words, start())), 2_400);
    }
}
