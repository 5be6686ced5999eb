//! How the runs stand, for those who look at one of them: a run that ends or is run again wakes whoever waits for it.

use crate::domain::{Id, Run};
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
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
    lookers: AtomicU32,
}

/// One who looks at a run that goes on; until it is dropped.
pub(in crate::sources) struct Looker<'a>(&'a AtomicU32);

impl Drop for Looker<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Board {
    fn default() -> Self {
        Self { runs: Mutex::default(), bell: watch::Sender::new(()), lookers: AtomicU32::new(0) }
    }
}

impl Board {
    /// How `run` stands, if it is known.
    pub fn standing(&self, run: &Id<Run>) -> Option<Standing> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(run).copied()
    }

    /// Tells how `run` stands; nothing means that it has left the lists.
    pub fn tell(&self, run: &Id<Run>, standing: Option<Standing>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// One more looks at a run that goes on; how many do with it.
    pub fn look(&self) -> (Looker<'_>, u32) {
        let others = self.lookers.fetch_add(1, Ordering::Relaxed);
        (Looker(&self.lookers), others + 1)
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
