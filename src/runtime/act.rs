//! From a confirmed change to the one request: written down first, then sent once, then its outcome written down.

use super::Runtime;
use crate::{
    app::{Event, Intended, Record},
    domain::{Id, Operation, SourceId, Stage, TaskId, Workload},
    gate::{Confirmation, Policy, Warrant},
    runtime::{Book, Inbox},
    sources::Source,
    text::Clean,
};
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A change, as a person confirmed it.
pub(super) struct Confirmed {
    pub confirmation: Confirmation,
    pub policy: Policy,
    pub intended: Intended,
    /// When, by the clock of whoever confirmed: the one that an environment is open by.
    pub at: Timestamp,
}

impl Runtime {
    pub(super) fn act(&mut self, task: TaskId, id: &SourceId, operation: Operation, confirmed: Confirmed) {
        let (source, inbox, journal, between) = (self.source(id), self.inbox.clone(), self.journal.clone(), self.between.clone());
        let carried = async move {
            let source = match source {
                Ok(source) => source,
                Err(why) => return inbox.put(Event::Recorded(task, Err(why.words))),
            };
            let Some(journal) = journal else {
                return inbox.put(Event::Recorded(task, Err(Clean::from_static("there is no journal to write the intent into; nothing was sent"))));
            };
            match intend(journal.clone(), operation.clone(), confirmed).await {
                Err(why) => inbox.put(Event::Recorded(task, Err(why))),
                Ok(warrant) => {
                    inbox.put(Event::Recorded(task, Ok(warrant.entry())));
                    let last = carry(&*source, warrant, task, (&inbox, &between)).await;
                    if let Err(error) = write_outcome(journal, operation, last).await {
                        inbox.put(Event::Told(Err(error)));
                    }
                }
            }
        };
        self.acting.retain(|task| !task.is_finished());
        let carried = crate::terminal::supervised(carried);
        self.acting.push(tokio::spawn(async move {
            let _ = carried.await;
        }));
    }

    pub(super) fn remember(&self, workload: Id<Workload>) {
        let (journal, inbox) = (self.journal.clone(), self.inbox.clone());
        tokio::task::spawn_blocking(move || {
            let told = journal.map_or_else(|| Ok(Vec::new()), |journal| journal.remembered(workload.as_str(), Timestamp::now()));
            let told = told.map_err(|error| crate::clean!("no plan is made, for what was taken back before could not be read: {error}"));
            inbox.put(Event::Remembered(workload, told));
        });
    }

    /// What was begun and not ended.
    pub async fn open(&self) -> Result<Vec<crate::app::OpenOperation>, Clean> {
        let Some(journal) = self.journal.clone() else { return Err(Clean::from_static("there is no journal")) };
        let read = tokio::task::spawn_blocking(move || journal.open()).await;
        read.unwrap_or_else(|_| Ok(Vec::new())).map_err(|error| crate::clean!("the journal could not be read: {error}"))
    }

    /// Reads what was begun and not ended, by consoles that went away, and tells the app.
    pub fn look_back(&self) {
        let (journal, inbox) = (self.journal.clone(), self.inbox.clone());
        let Some(journal) = journal else { return };
        tokio::task::spawn_blocking(move || match journal.open() {
            Ok(open) => inbox.put(Event::Open(open)),
            Err(error) => inbox.put(Event::Told(Err(crate::clean!("what was left open could not be read from the journal: {error}")))),
        });
    }

    pub(super) fn record(&mut self, record: Record) {
        let (Some(journal), inbox) = (self.journal.clone(), self.inbox.clone()) else { return };
        let written = tokio::task::spawn_blocking(move || {
            if let Err(error) = journal.record(&record, Timestamp::now()) {
                inbox.put(Event::Told(Err(crate::clean!("the journal could not be written: {error}"))));
            }
        });
        self.acting.push(tokio::spawn(async move {
            let _ = written.await;
        }));
    }
}

/// Writes the intent and mints the warrant; nothing has left the house when this fails.
async fn intend(journal: Arc<Book>, operation: Operation, confirmed: Confirmed) -> Result<Warrant, Clean> {
    let Confirmed { confirmation, policy, intended, at } = confirmed;
    let since = std::time::Instant::now();
    let written = tokio::task::spawn_blocking(move || {
        let there = || at + jiff::SignedDuration::try_from(since.elapsed()).unwrap_or(jiff::SignedDuration::MAX);
        if let Some(closed) = policy.closed(operation.verb, there()) {
            return Err(crate::clean!("{}: {}", closed.word(), closed.remedy()));
        }
        let proof = journal
            .intend(&operation, &confirmation, &intended, Timestamp::now())
            .map_err(|error| crate::clean!("the intent could not be written down, so nothing was sent: {error}"))?;
        Warrant::mint(&policy, &confirmation, proof, operation, there()).map_err(|closed| Clean::from_static(closed.remedy()))
    });
    written.await.unwrap_or_else(|_| Err(Clean::from_static("writing the intent stopped on a fault of ours; nothing was sent")))
}

/// Sends the request, or several, and passes the stages on. What ends without a last word is unclear, never repeated. While it is `between`
/// the first and the last of several requests, this process had better stay.
async fn carry(source: &dyn Source, warrant: Warrant, task: TaskId, (inbox, between): (&Inbox, &AtomicUsize)) -> Stage {
    let lost = |why: &'static str| Stage::Unclear { why: Clean::from_static(why) };
    let given = warrant.operation().inputs.clone();
    let (mut stages, mut several) = (source.act(warrant), false);
    let last = loop {
        match AssertUnwindSafe(stages.next()).catch_unwind().await {
            Ok(Some(Ok(Stage::Sending))) => inbox.put(Event::Stage(task, Stage::Sending)),
            Ok(Some(Ok(stage @ Stage::Working { .. }))) => {
                if !std::mem::replace(&mut several, true) {
                    between.fetch_add(1, Ordering::Relaxed);
                }
                inbox.put(Event::Stage(task, stage));
            }
            Ok(Some(Ok(stage))) => break stage,
            Ok(Some(Err(error))) => break Stage::Unclear { why: error.why().words },
            Ok(None) => break lost("the source ended without an answer"),
            Err(_) => break lost("the source stopped on a fault of ours after the change was begun"),
        }
    };
    let last = last.without(&given);
    if several {
        between.fetch_sub(1, Ordering::Relaxed);
    }
    inbox.put(Event::Stage(task, last.clone()));
    last
}

async fn write_outcome(journal: Arc<Book>, operation: Operation, stage: Stage) -> Result<(), Clean> {
    let written = tokio::task::spawn_blocking(move || journal.outcome(&operation, &stage, Timestamp::now()));
    match written.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(crate::clean!("the outcome could not be written into the journal: {error}")),
        Err(_) => Err(Clean::from_static("writing the outcome stopped on a fault of ours")),
    }
}

#[cfg(test)]
mod tests;
