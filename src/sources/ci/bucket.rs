//! A part of a budget: some requests at once, and then so many in the course of time.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What may be sent without waiting.
#[derive(Debug)]
pub(in crate::sources) struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

impl Bucket {
    /// A full one.
    pub fn new(burst: f64, now: Timestamp) -> Self {
        Self { tokens: burst, filled: now }
    }

    /// Takes one request: how long to wait for it, zero when it may be sent now. It fills by `hourly` up to `burst`.
    pub fn take(&mut self, burst: f64, hourly: f64, now: Timestamp) -> Duration {
        self.fill(burst, hourly, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Duration::ZERO;
        }
        Duration::from_secs_f64((1.0 - self.tokens) * 3600.0 / hourly)
    }

    /// Takes one that nobody may wait for, even where none is left.
    pub fn lend(&mut self, burst: f64, hourly: f64, now: Timestamp) {
        self.fill(burst, hourly, now);
        self.tokens -= 1.0;
    }

    fn fill(&mut self, burst: f64, hourly: f64, now: Timestamp) {
        let passed = now.duration_since(self.filled).max(SignedDuration::ZERO).as_secs_f64();
        self.tokens = (self.tokens + passed * hourly / 3600.0).min(burst);
        self.filled = now;
    }

    /// Gives one back that cost nothing.
    pub fn back(&mut self, burst: f64) {
        self.tokens = (self.tokens + 1.0).min(burst);
    }

    /// Lets it hold no more than this.
    pub fn shrink(&mut self, burst: f64) {
        self.tokens = self.tokens.min(burst);
    }
}
