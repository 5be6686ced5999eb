//! The manners towards one GitLab: a few requests a minute, nothing while it asks us to wait, and the last tenth of its limit is left to others.

use crate::{
    clean,
    sources::{SourceError, http::Budget},
    text::{Clean, count},
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What a request is for; what is wanted less stops earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// How pipelines stand.
    List,
    /// Jobs and logs of one pipeline.
    Detail,
    /// What a person waits for who takes a release back.
    Person,
}

/// What may be asked at once, and a minute on top of it. Most servers of one's own tell no limit and have none.
const BURST: f64 = 60.0;
const A_MINUTE: f64 = 60.0;
/// How long to leave it alone after a refusal that does not say for how long; it doubles.
const PENALTY: SignedDuration = SignedDuration::from_secs(30);
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

/// The meter of one GitLab.
#[derive(Debug)]
pub(super) struct Meter {
    budget: Option<Budget>,
    tokens: f64,
    filled: Timestamp,
    penalty: Option<(Timestamp, Clean)>,
    strikes: u32,
}

impl Meter {
    pub fn new(now: Timestamp) -> Self {
        Self { budget: None, tokens: BURST, filled: now, penalty: None, strikes: 0 }
    }

    /// Takes one request: how long to wait for it, zero when it may be sent now.
    ///
    /// # Errors
    /// That nothing may be sent for a longer time, and why.
    pub fn take(&mut self, need: Need, now: Timestamp) -> Result<Duration, SourceError> {
        if let Some((until, words)) = self.penalty.as_ref().filter(|(until, _)| *until > now) {
            return Err(SourceError::RateLimited { until: *until, words: words.clone() });
        }
        if let Some((until, words)) = self.spent(need, now) {
            return Err(SourceError::RateLimited { until, words });
        }
        let passed = now.duration_since(self.filled).max(SignedDuration::ZERO).as_secs_f64();
        self.tokens = (self.tokens + passed * A_MINUTE / 60.0).min(BURST);
        self.filled = now;
        if self.tokens >= 1.0 || need == Need::Person {
            self.tokens -= 1.0;
            return Ok(Duration::ZERO);
        }
        Ok(Duration::from_secs_f64((1.0 - self.tokens) * 60.0 / A_MINUTE))
    }

    /// Whether what it allows is as good as spent, until when, and in words.
    fn spent(&self, need: Need, now: Timestamp) -> Option<(Timestamp, Clean)> {
        let Budget { limit: Some(limit), left, until: Some(until) } = self.budget.clone()? else { return None };
        let kept = match need {
            Need::List => limit / 10,
            Need::Detail => limit * 15 / 100,
            Need::Person => 0,
        };
        let at = until.strftime("%H:%M:%S UTC");
        let words =
            || clean!("{} of {} requests are left until {at}; the rest is kept for you and your other tools. It goes on then", count(left), count(limit));
        (left <= kept && until > now).then(|| (until, words()))
    }

    /// Takes in what an answer tells.
    pub fn answered(&mut self, budget: Option<Budget>) {
        self.strikes = 0;
        self.penalty = None;
        self.budget = budget.or(self.budget.take());
    }

    /// GitLab refused a request for being one too many: until when nothing is sent. `asked` is what it named itself.
    pub fn refused(&mut self, budget: Option<Budget>, asked: Option<Timestamp>, words: &Clean, now: Timestamp) -> SourceError {
        let doubled = PENALTY.checked_mul(1 << self.strikes.min(8)).unwrap_or(LONGEST).min(LONGEST);
        self.strikes += 1;
        let reset = budget.as_ref().filter(|budget| budget.left == 0).and_then(|budget| budget.until);
        self.budget = budget.or(self.budget.take());
        let until = asked.or(reset).unwrap_or(now + doubled).max(now + SignedDuration::from_secs(1));
        self.penalty = Some((until, words.clone()));
        SourceError::RateLimited { until, words: words.clone() }
    }

    /// How much slower than usual to ask: the less is left, the slower.
    pub fn slowness(&self) -> u32 {
        match &self.budget {
            Some(Budget { limit: Some(limit), left, .. }) if *left < limit / 4 => 2,
            _ => 1,
        }
    }

    /// What is left, where it is told.
    pub fn words(&self) -> Option<Clean> {
        self.budget.as_ref().map(Budget::words)
    }
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
