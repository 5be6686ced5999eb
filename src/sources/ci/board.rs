//! How the runs stand, for those who look at one of them: a run that ends or is run again wakes whoever waits for it. And who looks at which, for
//! those who read the lists: what its jobs tell of a run its list need not tell.

use super::called::Called;
use crate::domain::{Id, Run};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources) struct Standing {
    /// Which attempt it is.
    pub attempt: u32,
    /// It may still change by itself.
    pub alive: bool,
    /// It ended well, whatever single jobs did.
    pub good: bool,
}

/// The runs that are known.
pub(in crate::sources) struct Board {
    runs: Mutex<HashMap<Id<Run>, Standing>>,
    bell: watch::Sender<()>,
    lookers: Arc<Mutex<HashMap<Id<Run>, u32>>>,
    over: Called<Id<Run>>,
}

/// One who looks at a run that goes on; until it is dropped.
pub(in crate::sources) struct Looker {
    lookers: Arc<Mutex<HashMap<Id<Run>, u32>>>,
    run: Id<Run>,
}

impl Drop for Looker {
    fn drop(&mut self) {
        let mut lookers = locked(&self.lookers);
        match lookers.get_mut(&self.run) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = lookers.remove(&self.run),
        }
    }
}

impl Default for Board {
    fn default() -> Self {
        Self { runs: Mutex::default(), bell: watch::Sender::new(()), lookers: Arc::default(), over: Called::default() }
    }
}

impl Board {
    /// How `run` stands, if it is known.
    pub fn standing(&self, run: &Id<Run>) -> Option<Standing> {
        locked(&self.runs).get(run).copied()
    }

    /// Tells how `run` stands; nothing means that it has left the lists.
    pub fn tell(&self, run: &Id<Run>, standing: Option<Standing>) {
        let mut runs = locked(&self.runs);
        let before = match standing {
            Some(standing) => runs.insert(run.clone(), standing),
            None => runs.remove(run),
        };
        drop(runs);
        if before != standing && standing.is_some() {
            self.bell.send_replace(());
        }
    }

    /// Tells how a run stands that no list tells: where one does, that is newer.
    pub fn introduce(&self, run: &Id<Run>, standing: Standing) {
        if self.standing(run).is_none() {
            self.tell(run, Some(standing));
        }
    }

    /// One more looks at a run that goes on.
    pub fn look(&self, run: &Id<Run>) -> Looker {
        *locked(&self.lookers).entry(run.clone()).or_default() += 1;
        Looker { lookers: self.lookers.clone(), run: run.clone() }
    }

    /// How many look at runs that go on.
    pub fn lookers(&self) -> u32 {
        locked(&self.lookers).values().sum()
    }

    /// Whether somebody looks at `run`.
    pub fn is_looked_at(&self, run: &Id<Run>) -> bool {
        locked(&self.lookers).contains_key(run)
    }

    /// Its jobs tell that a run is over, which its list has not told yet.
    pub fn seems_over(&self, run: &Id<Run>) {
        self.over.call(run.clone());
    }

    /// The runs that seem to be over, once there are any.
    pub async fn over(&self) -> BTreeSet<Id<Run>> {
        self.over.next().await
    }

    /// Ends when `run` no longer stands as it did.
    pub async fn changed(&self, run: &Id<Run>, from: Option<Standing>) {
        let mut bell = self.bell.subscribe();
        while matches!(self.standing(run), now if now == from || now.is_none()) {
            if bell.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
