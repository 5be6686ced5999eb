//! The sources there are. What one of them leads to joins later.

use super::{Inbox, spawn};
use crate::{
    app::{Event, Known},
    domain::SourceId,
    sources::{Made, Source},
};
use futures::StreamExt;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The sources there are; clones are of the same.
#[derive(Clone)]
pub(super) struct Fleet {
    inbox: Arc<Inbox>,
    sources: Arc<Mutex<BTreeMap<SourceId, Arc<dyn Source>>>>,
}

impl Fleet {
    pub fn new(inbox: Arc<Inbox>) -> Self {
        Self { inbox, sources: Arc::default() }
    }

    /// Takes one in and says so; what it leads to follows.
    pub fn adopt(&self, made: Made) {
        let (id, known) = match made {
            Made::Aside(source) => {
                self.keep(source);
                return;
            }
            Made::Source(source) => {
                let (id, offers) = (source.id().clone(), source.offers());
                self.follow(&source);
                self.keep(source);
                (id, Ok(Known::Ready(offers)))
            }
            Made::Listed(id, words) => (id, Ok(Known::Listed(words))),
            Made::Broken(id, why) => (id, Err(why)),
            Made::Sought(id) => (id, Ok(Known::Sought)),
            Made::Absent(id, words) => (id, Ok(Known::Absent(words))),
        };
        self.inbox.put(Event::Known(id, known));
    }

    fn keep(&self, source: Arc<dyn Source>) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(source.id().clone(), source);
    }

    fn follow(&self, source: &Arc<dyn Source>) {
        let (fleet, mut leads) = (self.clone(), source.leads());
        spawn(async move {
            while let Some(made) = leads.next().await {
                fleet.adopt(made);
            }
        });
    }

    pub fn source(&self, id: &SourceId) -> Option<Arc<dyn Source>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}
