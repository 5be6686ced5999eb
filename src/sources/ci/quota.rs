//! What a CI says of its limit, and how long it wants to be left alone.

use crate::{
    sources::{SourceError, http::Budget},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};

/// What a request is for; what is wanted less stops earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources) enum Need {
    /// How runs stand.
    List,
    /// Jobs and logs of one run.
    Detail,
    /// What a person waits for who takes a release back: what is kept for people is kept for this too.
    Person,
}

/// The longest that it is left alone without having said for how long.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

/// What one CI said last.
#[derive(Debug)]
pub(in crate::sources) struct Quota {
    budget: Option<Budget>,
    penalty: Option<(Timestamp, Clean)>,
    strikes: u32,
    /// How long to leave it alone after a refusal that does not say for how long; it doubles.
    first: SignedDuration,
}

impl Quota {
    /// Nothing was said yet.
    pub const fn new(first: SignedDuration) -> Self {
        Self { budget: None, penalty: None, strikes: 0, first }
    }

    /// Whether nothing may be sent for a longer time, and why; `words` say of what is left, of the limit and until when, why no more of it is spent.
    pub fn bar(&self, need: Need, now: Timestamp, words: impl FnOnce(u64, u64, Timestamp) -> Clean) -> Result<(), SourceError> {
        if let Some((until, words)) = self.penalty.as_ref().filter(|(until, _)| *until > now) {
            return Err(SourceError::RateLimited { until: *until, words: words.clone() });
        }
        let Some(Budget { limit: Some(limit), left, until: Some(until) }) = self.budget else { return Ok(()) };
        let kept = match need {
            Need::List => limit / 10,
            Need::Detail => limit * 15 / 100,
            Need::Person => 0,
        };
        if left <= kept && until > now { Err(SourceError::RateLimited { until, words: words(left, limit, until) }) } else { Ok(()) }
    }

    /// Takes in what an answer tells.
    pub fn answered(&mut self, budget: Option<Budget>) {
        self.strikes = 0;
        self.penalty = None;
        self.budget = budget.or(self.budget.take());
    }

    /// A request was refused for being one too many: until when nothing is sent. `asked` is what the CI named itself.
    pub fn refused(&mut self, budget: Option<Budget>, asked: Option<Timestamp>, words: &Clean, now: Timestamp) -> SourceError {
        let reset = budget.as_ref().filter(|budget| budget.left == 0).and_then(|budget| budget.until);
        let doubled = self.first.checked_mul(1 << self.strikes.min(8)).unwrap_or(LONGEST).min(LONGEST);
        self.strikes += 1;
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

    /// What is left, for the header: `4,912 left`.
    pub fn words(&self) -> Option<Clean> {
        self.budget.as_ref().map(Budget::words)
    }
}
