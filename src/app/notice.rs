//! What the console has to say that belongs to no panel: one line above the keys.

use super::Now;
use crate::text::Clean;
use std::time::Duration;

/// How loud a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// It went well, or is worth knowing.
    Plain,
    /// It did not work, and says why.
    Bad,
}

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How loud.
    pub tone: Tone,
    /// What happened and what to do about it.
    pub text: Clean,
    until: Duration,
}

/// The newest notices, oldest first. They leave by themselves.
#[derive(Debug, Default)]
pub struct Notices(Vec<Notice>);

/// A notice stays long enough to be read by somebody tired: 4 s and 60 ms for each character more than 40.
fn reading_time(text: &str) -> Duration {
    Duration::from_millis(4_000 + 60 * text.chars().count().saturating_sub(40) as u64)
}

impl Notices {
    /// Says something.
    pub fn say(&mut self, tone: Tone, text: Clean, now: Now) {
        self.0.retain(|notice| notice.text != text);
        let until = now.mono + reading_time(&text);
        self.0.push(Notice { tone, text, until });
        if self.0.len() > 20 {
            self.0.remove(0);
        }
    }

    /// Forgets what has been there for long enough.
    pub fn expire(&mut self, now: Now) {
        self.0.retain(|notice| now.mono < notice.until);
    }

    /// The newest.
    pub fn newest(&self) -> Option<&Notice> {
        self.0.last()
    }

    /// When the next one leaves.
    pub fn next_wake(&self) -> Option<Duration> {
        self.0.iter().map(|notice| notice.until).min()
    }
}
