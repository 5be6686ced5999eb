//! How long a workflow usually takes: the median of its last successes.

use std::collections::{BTreeMap, BTreeSet};

/// So many workflows are remembered: where each branch is one by itself they come and go.
const KEPT: usize = 1_000;

/// What is remembered of the workflows of all repositories.
#[derive(Debug)]
pub(in crate::sources) struct Usual {
    /// How many of the last successes count.
    history: usize,
    took: BTreeMap<(String, u64), BTreeMap<u64, u32>>,
    asked: BTreeSet<(String, u64)>,
}

impl Usual {
    pub fn new(history: usize) -> Self {
        Self { history, took: BTreeMap::new(), asked: BTreeSet::new() }
    }

    /// How many successes count.
    pub fn history(&self) -> usize {
        self.history
    }

    /// `run` of a workflow succeeded at its first attempt, in `seconds`. A re-run repeats only some of the jobs and says little.
    pub fn learn(&mut self, repository: &str, workflow: u64, run: u64, seconds: u32) {
        let took = self.took.entry((repository.to_owned(), workflow)).or_default();
        took.insert(run, seconds);
        // Ids grow with time.
        while took.len() > self.history {
            took.pop_first();
        }
        if self.took.len() > KEPT {
            let oldest = self.took.iter().min_by_key(|(_, took)| took.keys().next_back().copied()).map(|(key, _)| key.clone());
            oldest.map(|key| self.took.remove(&key));
        }
    }

    /// The median in seconds, where anything is known.
    pub fn of(&self, repository: &str, workflow: u64) -> Option<u32> {
        let mut took: Vec<u32> = self.took.get(&(repository.to_owned(), workflow))?.values().copied().collect();
        took.sort_unstable();
        took.get(took.len() / 2).copied()
    }

    /// Whether the history of a workflow must be asked for: nothing is known, and it was not asked for before. From now on it was.
    pub fn must_ask(&mut self, repository: &str, workflow: u64) -> bool {
        self.history > 0 && self.of(repository, workflow).is_none() && self.asked.insert((repository.to_owned(), workflow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_last_successes_counts() {
        let mut usual = Usual::new(3);
        assert_eq!(usual.of("acme/cart", 1), None);
        for (run, seconds) in [(1, 9_000), (2, 300), (3, 310), (4, 900), (2, 300)] {
            usual.learn("acme/cart", 1, run, seconds);
        }
        assert_eq!(usual.of("acme/cart", 1), Some(310), "run 1 is too old, run 4 an exception");
        assert_eq!(usual.of("acme/shop", 1), None);
    }

    #[test]
    fn of_many_workflows_those_are_remembered_that_ran_last() {
        let mut usual = Usual::new(3);
        (0..3_000).for_each(|run| usual.learn(&format!("shop branch-{run}"), 0, run, 60));
        let of = |run: u64| usual.of(&format!("shop branch-{run}"), 0);
        assert_eq!((usual.took.len(), of(1_999), of(2_000), of(2_999)), (KEPT, None, Some(60), Some(60)));
    }

    #[test]
    fn a_history_is_asked_for_once() {
        let mut usual = Usual::new(3);
        assert!(usual.must_ask("acme/cart", 1) && !usual.must_ask("acme/cart", 1));
        usual.learn("acme/cart", 2, 1, 60);
        assert!(!usual.must_ask("acme/cart", 2) && !Usual::new(0).must_ask("acme/cart", 1));
    }
}
