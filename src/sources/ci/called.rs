//! What is called for one by one, and taken by whoever waits for it, all of it at once.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Notify;

/// What was called for and was not taken yet.
#[derive(Debug)]
pub(super) struct Called<T> {
    waiting: Mutex<BTreeSet<T>>,
    bell: Notify,
}

impl<T> Default for Called<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), bell: Notify::new() }
    }
}

impl<T: Ord> Called<T> {
    /// One more, unless it waits already.
    pub fn call(&self, one: T) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(one);
        self.bell.notify_one();
    }

    /// All that wait, once there are any.
    pub async fn next(&self) -> BTreeSet<T> {
        loop {
            let rung = self.bell.notified();
            let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !waiting.is_empty() {
                return waiting;
            }
            rung.await;
        }
    }
}
