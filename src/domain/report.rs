//! What a run has to show for itself beside its jobs: what its tests came to, and what it made.

use crate::text::Clean;
use jiff::Timestamp;

/// What a run has to show. What its CI does not publish is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// It ended well with warnings, which its list may not tell.
    pub warns: bool,
    /// What its tests came to.
    pub tests: Option<Tests>,
    /// How many of the lines tests reach, in percent.
    pub coverage: Option<f64>,
    /// What it made, as many as were listed.
    pub artifacts: Vec<Artifact>,
    /// How many there are beside those.
    pub more: usize,
    /// What it says came of it: names and values.
    pub results: Vec<(Clean, Clean)>,
    /// What could not be read of all this, and why.
    pub lacks: Vec<Clean>,
}

/// How many tests there were, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// All of them.
    pub total: u64,
    /// Those that failed, or could not be run.
    pub failed: u64,
    /// Those that were left out.
    pub skipped: u64,
}

impl Tests {
    /// These and those.
    pub fn and(self, other: Self) -> Self {
        let add = u64::saturating_add;
        Self { total: add(self.total, other.total), failed: add(self.failed, other.failed), skipped: add(self.skipped, other.skipped) }
    }
}

/// Something that a run made, and that can be had from its CI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its name.
    pub name: Clean,
    /// How large it is, where that is told.
    pub bytes: Option<u64>,
    /// Until when it is kept, where that is told; what is past is gone.
    pub until: Option<Timestamp>,
    /// Its CI says that it is gone.
    pub gone: bool,
}

impl Report {
    /// So many artifacts are listed at most.
    pub const LISTED: usize = 20;

    /// Takes in what a run made: the first of them, and how many `more` there are than were read.
    pub fn made(&mut self, mut artifacts: Vec<Artifact>, more: usize) {
        self.more = more + artifacts.len().saturating_sub(Self::LISTED);
        artifacts.truncate(Self::LISTED);
        self.artifacts = artifacts;
    }

    /// Whether tests reach fewer lines than `part` of them, from 0 to 1.
    pub fn below(&self, part: f64) -> bool {
        self.coverage.is_some_and(|coverage| coverage < part * 100.0)
    }
}

/// A percentage as its CI writes it: `88.44`, `88.44%`; none of what is no part of a whole.
pub fn percent(text: &str) -> Option<f64> {
    text.trim().trim_end_matches('%').trim_end().parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_as_it_is_written_and_nonsense_is_none() {
        for (text, expected) in [("88.44", Some(88.44)), (" 88.44 % ", Some(88.44)), ("0", Some(0.0)), ("100%", Some(100.0))] {
            assert_eq!(percent(text), expected, "{text}");
        }
        for text in ["", "%", "NaN", "inf", "-1", "101", "+3.5%x", "88,4", "n/a"] {
            assert_eq!(percent(text), None, "{text}");
        }
    }

    #[test]
    fn of_many_artifacts_the_first_are_listed_and_the_rest_is_counted() {
        let one = |n: usize| Artifact { name: crate::clean!("{n}"), bytes: None, until: None, gone: false };
        let mut report = Report::default();
        report.made((0..25).map(one).collect(), 100);
        assert_eq!((report.artifacts.len(), report.more), (20, 105));
        report.made(vec![one(1)], 0);
        assert_eq!((report.artifacts.len(), report.more), (1, 0));
    }

    #[test]
    fn coverage_is_held_against_a_part_of_the_whole() {
        let covered = |coverage| Report { coverage, ..Report::default() };
        assert!(covered(Some(79.9)).below(0.80) && !covered(Some(80.0)).below(0.80) && !covered(None).below(0.80));
    }
}
