//! The peers of one cluster: read from the first that answers, and say which do not.

use super::{Ask, PERIOD, SourceError, Transport, clean};
use crate::{
    domain::{Down, Member},
    text::Clean,
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a peer that is not read from may take to say that it is well.
const CARE: Duration = Duration::from_secs(3);

/// The peers of one cluster.
pub(super) struct Peers {
    ways: Vec<Arc<dyn Transport>>,
    /// What is wrong with each, in the same order.
    troubles: Mutex<Vec<Option<Down>>>,
}

impl Peers {
    pub fn new(ways: Vec<Arc<dyn Transport>>) -> Self {
        let troubles = Mutex::new(vec![None; ways.len()]);
        Self { ways, troubles }
    }

    /// What is wrong with whom.
    pub fn troubles(&self) -> Vec<Clean> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.iter().flatten().map(|down| down.words.clone()).collect()
    }

    /// How each stands, where there are several.
    pub fn members(&self) -> Vec<Member> {
        if self.ways.len() < 2 {
            return Vec::new();
        }
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        self.ways.iter().zip(troubles.iter()).map(|(way, down)| Member { name: way.who().clone(), down: down.clone() }).collect()
    }

    /// Where they were found, if nobody named them.
    pub fn found(&self) -> Option<Clean> {
        self.ways.iter().find_map(|way| way.found())
    }

    /// What the first peer says that can be read, those that were well last time first. The others are asked how they are.
    ///
    /// # Errors
    /// What the first one said, where none can be read.
    pub async fn first<T, F: Future<Output = Result<T, SourceError>>>(&self, read: impl Fn(Arc<dyn Transport>) -> F) -> Result<T, SourceError> {
        let mut found = None;
        let mut failed: Vec<(usize, SourceError)> = Vec::new();
        for at in self.order() {
            match read(self.ways[at].clone()).await {
                Ok(said) => {
                    found = Some((at, said));
                    break;
                }
                Err(error) => failed.push((at, error)),
            }
        }
        failed.iter().for_each(|(at, error)| self.note(*at, Some(error)));
        let Some((reader, said)) = found else {
            return Err(all_failed(failed));
        };
        self.note(reader, None);
        let others = (0..self.ways.len()).filter(|at| *at != reader && failed.iter().all(|(failed, _)| failed != at));
        join_all(others.map(|at| self.look_after(at))).await;
        Ok(said)
    }

    /// Whether anyone gives a sign of life.
    pub async fn probe(&self) -> bool {
        join_all(self.ways.iter().map(|way| way.probe())).await.into_iter().any(|alive| alive)
    }

    fn order(&self) -> Vec<usize> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order: Vec<usize> = (0..self.ways.len()).collect();
        order.sort_by_key(|at| troubles[*at].is_some());
        order
    }

    async fn look_after(&self, at: usize) {
        let well = self.ways[at].send(Ask::get("-/healthy").any().within(CARE)).await;
        // A proxy may hide this page; that it answers is enough.
        let trouble = well.and_then(|reply| if reply.status.is_server_error() { reply.good().map(drop) } else { Ok(()) }).err();
        self.note(at, trouble.as_ref());
    }

    fn note(&self, at: usize, trouble: Option<&SourceError>) {
        let now = Timestamp::now();
        let next = now + SignedDuration::try_from(PERIOD).unwrap_or(SignedDuration::ZERO);
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let since = troubles[at].as_ref().map_or(now, |down| down.since);
        let words = trouble.filter(|_| self.ways.len() > 1).map(|error| clean!("{} does not serve: {error}", self.ways[at].who()));
        troubles[at] = words.map(|words| Down { words, since, next });
    }
}

/// The first error, with the words of all.
fn all_failed(failed: Vec<(usize, SourceError)>) -> SourceError {
    let words: Vec<String> = failed.iter().map(|(_, error)| error.to_string()).collect();
    let words = clean!("{}", words.join("; "));
    match failed.into_iter().next().map(|(_, error)| error) {
        Some(SourceError::Denied(_)) => SourceError::Denied(words),
        Some(SourceError::NotFound(_)) => SourceError::NotFound(words),
        Some(SourceError::Protocol(_)) => SourceError::Protocol(words),
        Some(SourceError::Conflict(_)) => SourceError::Conflict(words),
        Some(SourceError::Unsupported(_)) => SourceError::Unsupported(words),
        Some(SourceError::RateLimited { until, .. }) => SourceError::RateLimited { until, words },
        Some(SourceError::Unreachable(_)) | None => SourceError::Unreachable(words),
    }
}
