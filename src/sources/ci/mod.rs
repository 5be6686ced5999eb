//! What sources of runs do alike: how often they look, how long a thing usually takes, who waits for a run, and how a long log is handed on.

mod board;
mod bucket;
mod called;
mod hurry;
mod jobs;
mod lines;
pub(in crate::sources) mod meter;
mod older;
mod quota;
mod rows;
mod started;
mod tail;
mod usual;

pub(in crate::sources) use board::{Board, Standing};
pub(in crate::sources) use bucket::Bucket;
pub(in crate::sources) use hurry::{Hurry, SOON};
pub(in crate::sources) use jobs::{Look, watch as jobs};
pub(in crate::sources) use lines::Lines;
pub(in crate::sources) use older::{BETWEEN, Before, Ends, OLDER, between};
pub(in crate::sources) use quota::{Need, Quota};
pub(in crate::sources) use rows::{Row, Rows};
pub(in crate::sources) use started::Started;
pub(in crate::sources) use tail::{LINES, came_to, end_of, last, lines, whole_lines};
pub(in crate::sources) use usual::Usual;

use super::{SourceError, refusal::Refusal};
use serde::Deserialize;
use std::time::Duration;

/// The most rows that one page of a CI holds.
const PAGE: i64 = 100;

/// How many of the newest of something are wanted, as a configuration says it; `N` where it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub(in crate::sources) struct Newest<const N: usize>(pub usize);

impl<const N: usize> Default for Newest<N> {
    fn default() -> Self {
        Self(N)
    }
}

impl<const N: usize> TryFrom<i64> for Newest<N> {
    type Error = String;
    fn try_from(wanted: i64) -> Result<Self, String> {
        match usize::try_from(wanted) {
            Ok(count) if (1..=PAGE).contains(&wanted) => Ok(Self(count)),
            _ => Err(format!("{wanted} is not between 1 and {PAGE}")),
        }
    }
}

/// How often a repository that refuses us is asked again.
pub(in crate::sources) const REFUSED: Duration = Duration::from_secs(5 * 60);

/// How often it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The runs where something runs.
    pub busy: Duration,
    /// The longest between two looks where nothing does.
    pub idle: Duration,
    /// The jobs of a run that is under way and looked at.
    pub jobs: Duration,
}

impl Pace {
    /// What a server bears that knows us.
    pub const USUAL: Self = Self { busy: Duration::from_secs(15), idle: Duration::from_secs(120), jobs: Duration::from_secs(10) };

    /// How long to rest where a repository refuses us: long, unless it is a fault, of which most are over at once.
    pub fn again(&self, refused: &SourceError, calm: u32) -> Duration {
        match Refusal::may_pass(refused) {
            false => REFUSED,
            true if calm == 1 => SOON.min(self.busy),
            true => self.rest(calm),
        }
    }

    /// How long to rest where the jobs of what runs are looked at, which tell how it goes on: both together cost what the runs alone do.
    pub fn aside(&self) -> Duration {
        self.busy.saturating_mul(2).min(self.idle)
    }

    /// How long to rest after `calm` looks in a row that showed nothing that runs.
    pub fn rest(&self, calm: u32) -> Duration {
        self.busy.saturating_mul(1 << calm.saturating_sub(1).min(6)).min(self.idle)
    }
}
