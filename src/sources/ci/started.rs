//! What the answer to a start named, by the run that it was started from: which run it is, and which item of a queue.

use crate::domain::{Id, Run};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The newest of each.
#[derive(Default)]
pub(in crate::sources) struct Started(Mutex<HashMap<Id<Run>, u64>>);

impl Started {
    /// What was named; none before the answer is there, and where it names nothing.
    pub fn named(&self, from: &Id<Run>, number: Option<u64>) {
        match number {
            Some(number) => self.all().insert(from.clone(), number),
            None => self.all().remove(from),
        };
    }

    /// What was named last.
    pub fn of(&self, from: &Id<Run>) -> Option<u64> {
        self.all().get(from).copied()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Id<Run>, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
