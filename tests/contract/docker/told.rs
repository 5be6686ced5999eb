//! What a source has told, as a console would keep it.

use crate::reader::reader;
use futures::{StreamExt, stream::BoxStream};
use pilothouse::{
    config::Config,
    domain::{Batch, Change, Fact, Feed, Happening, Id, LineKind, Link, Pod, Row, Sample, SourceId, Workload},
    sources::{Source, SourceError, supervise},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::Notify, task::JoinHandle};

/// Nothing here may take longer.
const DEADLINE: Duration = Duration::from_secs(120);

/// The source of the engine at `host`, made as the console makes it.
pub fn source(host: &str) -> Arc<dyn Source> {
    source_of(&format!("host = \"{host}\""))
}

/// The source of a `[[source]]` with these keys.
pub fn source_of(keys: &str) -> Arc<dyn Source> {
    reader(&format!("kind = \"docker\"\n{keys}"), &Config::default())
}

#[derive(Debug, Default)]
pub struct Told {
    pub workloads: BTreeMap<Id<Workload>, Workload>,
    pub pods: BTreeMap<Id<Pod>, Pod>,
    pub happenings: BTreeMap<Id<Happening>, Happening>,
    pub samples: BTreeMap<Id<Sample>, Sample>,
    /// Lines of programs, each with its time.
    pub lines: Vec<String>,
    pub notices: Vec<String>,
    pub links: Vec<Link>,
}

fn apply<T: Row + Clone>(rows: &mut BTreeMap<Id<T>, T>, change: Change<T>) {
    match change {
        Change::Begin => rows.clear(),
        Change::Upsert(row) => drop(rows.insert(row.id().clone(), row)),
        Change::Remove(id) => drop(rows.remove(&id)),
        Change::Done => {}
    }
}

impl Told {
    pub fn take(&mut self, facts: Vec<Fact>) {
        for fact in facts {
            match fact {
                Fact::Workload(change) => apply(&mut self.workloads, change),
                Fact::Pod(change) => apply(&mut self.pods, change),
                Fact::Happening(change) => apply(&mut self.happenings, change),
                Fact::Sample(change) => apply(&mut self.samples, change),
                Fact::Lines(_, lines) => {
                    for line in lines {
                        match line.kind {
                            LineKind::Output | LineKind::Previous => self.lines.push(format!("{} {}", line.at.expect("a time"), line.text.text)),
                            LineKind::Notice | LineKind::Change => self.notices.push(line.text.text.to_string()),
                        }
                    }
                }
                _ => {}
            }
        }
    }

    pub fn workload(&self, name: &str) -> Option<&Workload> {
        self.workloads.values().find(|row| row.name.raw() == name)
    }
}

/// A feed that is watched without a supervisor.
pub struct Watched {
    stream: BoxStream<'static, Result<Batch, SourceError>>,
    pub told: Told,
}

impl Watched {
    pub fn new(source: &Arc<dyn Source>, feed: Feed) -> Self {
        Self { stream: source.watch(feed, None), told: Told::default() }
    }

    /// Takes facts in until `so` holds.
    pub async fn until<T>(&mut self, what: &str, so: impl Fn(&Told) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = so(&self.told) {
                    return found;
                }
                let batch = self.stream.next().await.expect("it goes on").expect("no error");
                self.told.take(batch.facts);
            }
        };
        let found = tokio::time::timeout(DEADLINE, waiting).await;
        found.unwrap_or_else(|_| panic!("{what} was never told: {:#?}", self.told))
    }

    /// The error that ends it.
    pub async fn error(&mut self) -> SourceError {
        let ending = async {
            loop {
                match self.stream.next().await.expect("an error") {
                    Ok(batch) => self.told.take(batch.facts),
                    Err(error) => return error,
                }
            }
        };
        tokio::time::timeout(DEADLINE, ending).await.expect("it ends")
    }
}

/// A feed that is kept alive as the console keeps it.
pub struct Kept {
    told: Arc<Sink>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Sink {
    told: Mutex<Told>,
    changed: Notify,
}

impl supervise::Sink for Sink {
    fn facts(&self, _: &SourceId, _: &Feed, facts: Vec<Fact>) {
        self.told.lock().unwrap().take(facts);
        self.changed.notify_one();
    }
    fn link(&self, _: &SourceId, _: &Feed, link: Link) {
        self.told.lock().unwrap().links.push(link);
        self.changed.notify_one();
    }
}

impl Kept {
    pub fn new(source: &Arc<dyn Source>, feed: Feed) -> Self {
        let told = Arc::new(Sink::default());
        let task = tokio::spawn(supervise::supervise(source.clone(), feed, told.clone(), Arc::new(Notify::new())));
        Self { told, task }
    }

    pub async fn until<T>(&self, what: &str, so: impl Fn(&Told) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = so(&self.told.told.lock().unwrap()) {
                    return found;
                }
                self.told.changed.notified().await;
            }
        };
        let found = tokio::time::timeout(DEADLINE, waiting).await;
        found.unwrap_or_else(|_| panic!("{what} was never told: {:#?}", self.told.told.lock().unwrap()))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}
