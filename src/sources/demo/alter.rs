//! What was done to a unit without a new template: another number of pods, a halt, and its end.

use super::{lives::OBSERVED, unit::Unit};
use jiff::Timestamp;

/// One such change.
#[derive(Clone, Debug)]
pub(super) struct Alteration {
    pub at: Timestamp,
    pub what: Altered,
    pub operation: String,
    pub by: String,
}

/// What was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Altered {
    /// How many pods are wanted.
    Size(u32),
    /// Whether rollouts stand still.
    Paused(bool),
    /// Whether what keeps it is held off.
    Held(bool),
}

impl Unit {
    fn altered(&self, at: Timestamp) -> impl DoubleEndedIterator<Item = &Alteration> {
        // Holding off what keeps it changes nothing of the unit itself.
        self.alterations.iter().filter(move |one| one.at <= at && !matches!(one.what, Altered::Held(_)))
    }

    /// How many pods are wanted at `at`.
    pub fn wanted(&self, at: Timestamp) -> u32 {
        let size = |one: &Alteration| match one.what {
            Altered::Size(size) => Some(size),
            Altered::Paused(_) | Altered::Held(_) => None,
        };
        self.altered(at).rev().find_map(size).unwrap_or(self.size)
    }

    /// Whether rollouts stand still at `at`.
    pub fn paused(&self, at: Timestamp) -> bool {
        let paused = |one: &Alteration| match one.what {
            Altered::Paused(paused) => Some(paused),
            Altered::Size(_) | Altered::Held(_) => None,
        };
        self.altered(at).rev().find_map(paused).unwrap_or(false)
    }

    /// Counts up with everything that was asked for; and since when it asks for this.
    pub fn generation(&self, at: Timestamp) -> (i64, Timestamp) {
        let turn = self.turn(at).1;
        let last = self.altered(at).next_back().map_or(turn.at, |one| one.at.max(turn.at));
        (turn.number.cast_signed() + self.altered(at).count() as i64, last)
    }

    /// The operation of ours that changed it last.
    pub fn mark(&self, at: Timestamp) -> Option<&str> {
        let turn = self.turn(at).1;
        let altered = self.altered(at).next_back().filter(|one| one.at >= turn.at).map(|one| one.operation.as_str());
        altered.or(turn.operation.as_deref())
    }

    /// The moments at which its controller takes something up between `from` and `until`.
    pub fn taken_up(&self, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let altered = self.alterations.iter().map(|one| one.at).filter(|at| *at > from && *at < until);
        std::iter::once(from).chain(altered).map(|at| at + OBSERVED).collect()
    }
}
