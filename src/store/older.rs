//! Runs that are older than those that the lists of their CIs tell, as somebody has asked for them: apart from those lists, which begin anew and drop what
//! they no longer tell, and bounded.
//!
//! They are there to be looked at. What is said of the newest runs (what ships, which gates hold, what failed last) rests on the lists alone.

use super::{Store, table::Turned};
use crate::{
    domain::{Cursor, Id, Run, SourceId},
    text::Name,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// So many are kept of all repositories together.
const KEPT: usize = 500;

/// The runs of one repository of one CI.
pub type RunList = (SourceId, Name);

/// How far back the runs of a repository were read beyond its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not beyond it yet: somebody has asked.
    Asked,
    /// It goes on there.
    Further(Cursor),
    /// To the first that there is.
    All,
}

/// The older runs.
#[derive(Debug, Default)]
pub(super) struct Older {
    rows: BTreeMap<Id<Run>, Run>,
    reached: BTreeMap<RunList, Reach>,
    /// Some had to go.
    full: bool,
}

fn list_of(run: &Run) -> RunList {
    (run.id.source(), run.repository.clone())
}

impl Older {
    pub fn get(&self, id: &Id<Run>) -> Option<&Run> {
        self.rows.get(id)
    }

    pub fn forget(&mut self, source: &SourceId) {
        self.rows.retain(|id, _| id.source() != *source);
        self.reached.retain(|(of, _), _| of != source);
        self.full &= self.rows.len() >= KEPT;
    }

    /// Drops the oldest where there are too many.
    fn bound(&mut self) {
        while self.rows.len() > KEPT {
            self.full = true;
            let Some(oldest) = self.rows.values().min_by_key(|run| run.created).map(|run| run.id.clone()) else { return };
            self.rows.remove(&oldest);
        }
    }
}

impl Store {
    /// Older runs of a repository are asked for: what falls out of its list from now on stays.
    pub fn older_asked(&mut self, list: &RunList) {
        self.older.reached.entry(list.clone()).or_insert(Reach::Asked);
    }

    /// Takes in older runs of a repository, and where they go on.
    pub fn older(&mut self, list: RunList, runs: Vec<Run>, next: Option<Cursor>) {
        self.older.rows.extend(runs.into_iter().map(|run| (run.id.clone(), run)));
        self.older.reached.insert(list, next.map_or(Reach::All, Reach::Further));
        self.older.bound();
        self.stamp += 1;
    }

    /// How far back the runs of a repository were read; none where nobody has asked.
    pub fn reach(&self, list: &RunList) -> Option<&Reach> {
        self.older.reached.get(list)
    }

    /// How many older runs are kept where there was no room for more.
    pub fn older_full(&self) -> Option<usize> {
        self.older.full.then_some(KEPT)
    }

    /// The older runs that no list tells, the newest first.
    pub fn older_runs(&self) -> Vec<&Run> {
        let mut rows: Vec<&Run> = self.older.rows.values().filter(|run| self.runs.get(&run.id).is_none()).collect();
        rows.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        rows
    }

    /// When the oldest run of each repository was asked for down to which all of them are here. An old one that was run again, or that has waited for
    /// long, stands in the list of its CI without those before it: it is not that one.
    pub fn run_ends(&self) -> BTreeMap<RunList, Option<Timestamp>> {
        let mut ends: BTreeMap<RunList, (u8, Option<Timestamp>)> = BTreeMap::new();
        let listed = self.runs.iter().map(|run| (u8::from(run.attempt > 1 || !run.status.over()) + 1, run));
        for (rank, run) in self.older.rows.values().map(|run| (0, run)).chain(listed) {
            let end = ends.entry(list_of(run)).or_insert((rank, run.created));
            *end = match rank.cmp(&end.0) {
                std::cmp::Ordering::Less => (rank, run.created),
                std::cmp::Ordering::Equal => (rank, [end.1, run.created].into_iter().flatten().min()),
                std::cmp::Ordering::Greater => *end,
            };
        }
        ends.into_iter().map(|(list, (_, end))| (list, end)).collect()
    }

    /// Keeps what fell out of the end of a list below which older runs are here: else it would be missing in between. What left from the midst of its
    /// list was deleted.
    pub(super) fn keep_fallen(&mut self, turned: Turned<Run>) {
        let Turned::Went(gone) = turned else { return };
        // What waits in a queue leaves it to become another row, with the number that it was to have.
        let itself = |run: &Run| run.started.is_some() || run.number == 0;
        for run in gone.into_iter().filter(|run| itself(run) && self.older.reached.contains_key(&list_of(run))) {
            let alike = |other: &&Run| (&other.repository, &other.workflow, &other.branch) == (&run.repository, &run.workflow, &run.branch);
            let last = !self.runs.iter().filter(alike).any(|other| other.id.source() == run.id.source() && other.created < run.created);
            if last || self.older.rows.contains_key(&run.id) {
                self.older.rows.insert(run.id.clone(), run);
            }
        }
        self.older.bound();
    }
}

#[cfg(test)]
#[path = "older_tests.rs"]
mod tests;
