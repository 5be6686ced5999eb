//! Where somebody waits: a project whose deployments are looked at often for a while, and whose runs are looked at soon.

use super::called::Called;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How long a project is looked at often after somebody has asked for it, or has had something deployed.
const LASTS: Duration = Duration::from_secs(180);
/// How long a CI takes to begin what was asked for.
pub(in crate::sources) const SOON: Duration = Duration::from_secs(2);

/// Where somebody waits.
#[derive(Debug)]
pub(in crate::sources) struct Hurry {
    until: Mutex<BTreeMap<String, Instant>>,
    bell: watch::Sender<()>,
    changed: Called<String>,
}

impl Default for Hurry {
    fn default() -> Self {
        Self { until: Mutex::default(), bell: watch::Sender::new(()), changed: Called::default() }
    }
}

impl Hurry {
    /// From now on the deployments of a project are looked at often for a while.
    pub fn on(&self, project: &str) {
        let before = locked(&self.until).insert(project.to_owned(), Instant::now() + LASTS);
        if before.is_none_or(|until| until < Instant::now()) {
            self.bell.send_replace(());
        }
    }

    /// Somebody changes something in a project: its runs and its deployments are looked at soon.
    pub fn changed(&self, project: &str) {
        self.on(project);
        self.changed.call(project.to_owned());
    }

    /// Whether its deployments are looked at often.
    pub fn is_on(&self, project: &str) -> bool {
        locked(&self.until).get(project).is_some_and(|until| *until > Instant::now())
    }

    /// Rings when there is one more project whose deployments are to be looked at often.
    pub fn bell(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    /// The projects whose runs are to be looked at soon, once there are any.
    pub async fn changes(&self) -> BTreeSet<String> {
        self.changed.next().await
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
