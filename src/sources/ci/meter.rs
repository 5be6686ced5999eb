//! The manners towards a CI: some requests at once and then so many in the course of time, nothing while it asks us to wait, and the last tenth of its
//! limit, where it tells one, is left to others.

pub(in crate::sources) use super::Need;

use super::{Bucket, Quota};
use crate::{
    clean,
    sources::{SourceError, http::Budget},
    text::{Clean, count},
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What a CI allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources) enum Allowance {
    /// It need not tell a limit; most servers of one's own have none.
    Unsaid,
    /// So many an hour for all that the owner of a token does. What has not changed costs nothing.
    Token(u64),
    /// So many an hour for this address.
    Anonymous(u64),
}

impl Allowance {
    /// What may be asked at once, and in the course of an hour on top of it. Where nothing is said that is one a second. A token's budget is shared with
    /// all that its owner does: together a quarter of it (reliability R19). Nobody shares the small budget without a token: all but the tenth.
    fn burst(self) -> f64 {
        match self {
            Self::Unsaid => 60.0,
            Self::Token(limit) => limit as f64 * 0.05,
            Self::Anonymous(limit) => limit as f64 * 0.2,
        }
    }

    fn hourly(self) -> f64 {
        match self {
            Self::Unsaid => 3_600.0,
            Self::Token(limit) => limit as f64 * 0.2,
            Self::Anonymous(limit) => limit as f64 * 0.7,
        }
    }

    /// How long to leave it alone after a refusal that does not say for how long; it doubles. Where requests are counted by the hour that is GitHub's own
    /// advice.
    fn penalty(self) -> SignedDuration {
        SignedDuration::from_secs(if self == Self::Unsaid { 30 } else { 60 })
    }

    /// The same with the limit that an answer tells.
    fn of(self, limit: u64) -> Self {
        match self {
            Self::Unsaid => self,
            Self::Token(_) => Self::Token(limit.max(1)),
            Self::Anonymous(_) => Self::Anonymous(limit.max(1)),
        }
    }
}

/// The meter of one CI.
#[derive(Debug)]
pub(in crate::sources) struct Meter {
    allowance: Allowance,
    bucket: Bucket,
    quota: Quota,
}

impl Meter {
    pub fn new(allowance: Allowance, now: Timestamp) -> Self {
        Self { allowance, bucket: Bucket::new(allowance.burst(), now), quota: Quota::new(allowance.penalty()) }
    }

    /// Takes one request: how long to wait for it, zero when it may be sent now.
    ///
    /// # Errors
    /// That nothing may be sent for a longer time, and why.
    pub fn take(&mut self, need: Need, now: Timestamp) -> Result<Duration, SourceError> {
        self.quota.bar(need, now, |left, limit, until| spent(need, (left, limit), until))?;
        let (burst, hourly) = (self.allowance.burst(), self.allowance.hourly());
        if need == Need::Person {
            self.bucket.lend(burst, hourly, now);
            return Ok(Duration::ZERO);
        }
        Ok(self.bucket.take(burst, hourly, now))
    }

    /// Takes in what an answer tells, which may be that nothing has changed.
    pub fn answered(&mut self, budget: Option<Budget>, unchanged: bool) {
        if unchanged && matches!(self.allowance, Allowance::Token(_)) {
            self.bucket.back(self.allowance.burst());
        }
        if let Some(limit) = budget.as_ref().and_then(|budget| budget.limit) {
            self.allowance = self.allowance.of(limit);
            self.bucket.shrink(self.allowance.burst());
        }
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

    /// What is left, for the header, where it is told: `4,912 left`.
    pub fn words(&self) -> Option<Clean> {
        self.quota.words()
    }
}

/// That what it allows is as good as spent.
fn spent(need: Need, (left, limit): (u64, u64), until: Timestamp) -> Clean {
    let what = match need {
        Need::List => "the last tenth is",
        Need::Detail => "jobs and logs are no longer asked for, and the rest is",
        Need::Person => "nothing is",
    };
    let (left, limit, at) = (count(left), count(limit), until.strftime("%H:%M:%S UTC"));
    clean!("{left} of {limit} requests are left until {at}; {what} kept for you and your other tools. It goes on then")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-08-01T03:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_burst_then_one_a_second_and_a_person_never_waits() {
        let mut meter = Meter::new(Allowance::Unsaid, start());
        let sent = (0..600).filter(|_| meter.take(Need::List, start()) == Ok(Duration::ZERO)).count();
        assert_eq!(sent, 60);
        assert!(meter.take(Need::List, start()).is_ok_and(|wait| wait > Duration::from_millis(900)));
        assert_eq!(meter.take(Need::Person, start()), Ok(Duration::ZERO));
        let in_a_minute = (1..=60).filter(|second| meter.take(Need::List, start() + SignedDuration::from_secs(*second)) == Ok(Duration::ZERO)).count();
        assert!((55..=60).contains(&in_a_minute), "{in_a_minute}");
    }

    #[test]
    fn what_is_told_to_be_left_is_kept_for_people() {
        let mut meter = Meter::new(Allowance::Unsaid, start());
        let budget = |left| Some(Budget { limit: Some(600), left, until: Some(start() + SignedDuration::from_secs(40)) });
        meter.answered(budget(80), false);
        assert!(meter.take(Need::List, start()).is_ok() && meter.take(Need::Detail, start()).is_err() && meter.slowness() == 2);
        meter.answered(budget(60), false);
        let Err(SourceError::RateLimited { words, .. }) = meter.take(Need::List, start()) else { panic!("it must stop") };
        assert!(words.contains("60 of 600"), "{words}");
        assert!(meter.take(Need::Person, start()).is_ok() && meter.take(Need::List, start() + SignedDuration::from_secs(40)).is_ok());
    }

    #[test]
    fn a_refusal_is_obeyed_and_doubles_where_it_does_not_say_for_how_long() {
        let mut meter = Meter::new(Allowance::Unsaid, start());
        let seconds = |error: SourceError| match error {
            SourceError::RateLimited { until, .. } => until.duration_since(start()).as_secs(),
            other => panic!("{other}"),
        };
        let words = Clean::from_static("Retry later");
        assert_eq!(seconds(meter.refused(None, Some(start() + SignedDuration::from_secs(7)), &words, start())), 7);
        assert_eq!([(), (), ()].map(|()| seconds(meter.refused(None, None, &words, start()))), [60, 120, 240]);
        assert!(meter.take(Need::Person, start()).is_err(), "it refuses people too");
        meter.answered(None, false);
        assert_eq!(seconds(meter.refused(None, None, &words, start())), 30);
    }

    fn budget(limit: u64, left: u64) -> Option<Budget> {
        Some(Budget { limit: Some(limit), left, until: Some(start() + SignedDuration::from_mins(40)) })
    }

    /// How many requests get through in the first hour when there is always one more to send.
    fn in_an_hour(meter: &mut Meter) -> u64 {
        (0..3600)
            .map(|second| (0..).take_while(|_| meter.take(Need::List, start() + SignedDuration::from_secs(second)) == Ok(Duration::ZERO)).count() as u64)
            .sum()
    }

    #[test]
    fn no_more_than_a_quarter_of_a_token_s_budget_is_ever_used() {
        for limit in [1_000, 5_000, 15_000] {
            let mut meter = Meter::new(Allowance::Token(5_000), start());
            meter.answered(Some(Budget { limit: Some(limit), left: limit, until: None }), false);
            let used = in_an_hour(&mut meter);
            assert!(used <= limit / 4 && used > limit / 5, "{used} of {limit}");
        }
    }

    #[test]
    fn without_a_token_the_small_budget_lasts_for_the_hour() {
        let used = in_an_hour(&mut Meter::new(Allowance::Anonymous(60), start()));
        assert!((40..=54).contains(&used), "{used} of 60");
    }

    #[test]
    fn what_has_not_changed_is_given_back_to_a_token_only() {
        let tries = |allowance| {
            let mut meter = Meter::new(allowance, start());
            let mut last = meter.take(Need::List, start());
            for _ in 0..400 {
                meter.answered(None, true);
                last = meter.take(Need::List, start());
            }
            last
        };
        assert_eq!(tries(Allowance::Token(5_000)), Ok(Duration::ZERO));
        assert!(tries(Allowance::Anonymous(60)).unwrap() > Duration::from_secs(60));
    }

    #[test]
    fn details_stop_before_lists_and_lists_before_the_last_tenth_until_the_reset() {
        let mut meter = Meter::new(Allowance::Token(5_000), start());
        let allowed = |meter: &mut Meter, need, minutes| meter.take(need, start() + SignedDuration::from_mins(minutes)).is_ok();
        meter.answered(budget(5_000, 750), false);
        assert!(allowed(&mut meter, Need::List, 0) && !allowed(&mut meter, Need::Detail, 0));
        assert_eq!(meter.slowness(), 2);
        meter.answered(budget(5_000, 500), false);
        let Err(SourceError::RateLimited { until, words }) = meter.take(Need::List, start()) else { panic!("it must stop") };
        assert_eq!(until, start() + SignedDuration::from_mins(40));
        assert!(words.contains("500 of 5,000") && words.contains("03:40:00 UTC"), "{words}");
        assert!(allowed(&mut meter, Need::List, 40) && allowed(&mut meter, Need::Detail, 40));
        assert_eq!(meter.words().unwrap().as_str(), "500 left");
    }

    #[test]
    fn where_an_hour_is_counted_a_refusal_is_obeyed_for_longer() {
        let mut meter = Meter::new(Allowance::Token(5_000), start());
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
