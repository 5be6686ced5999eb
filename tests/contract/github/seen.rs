//! What the GitHub source has told, as a console would keep it.

use super::stand_in::{self, GitHub};
use crate::reader::reader;
use futures::{StreamExt, stream::BoxStream};
use pilothouse::{
    config::{Config, Layers, SourceConfig},
    domain::{Batch, Change, Fact, Feed, Id, Job, LineKind, Revision, Row, Run, Workload},
    sources::{
        Made, Source, SourceError,
        github::{Pace, paced},
    },
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Nothing here may take longer.
pub const DEADLINE: Duration = Duration::from_secs(120);
const BRISK: Pace = Pace { busy: Duration::from_millis(100), idle: Duration::from_millis(200), jobs: Duration::from_millis(100) };

/// A repository of the test's own at our GitHub, and its source; none when the tests are left out on purpose.
pub fn repository(name: &str, more: &str) -> Option<(&'static GitHub, String, Arc<dyn Source>)> {
    let github = stand_in::github()?;
    let repository = format!("acme/{name}");
    github.make(&repository, "t0ken");
    let source = source(github, &repository, "t0ken", more);
    Some((github, repository, source))
}

/// The source of a repository, known by this token.
pub fn source(github: &GitHub, repository: &str, token: &str, more: &str) -> Arc<dyn Source> {
    made(&github.proxy, repository, token, more, &Config::default())
}

/// The same of a repository that ships a service, reached at `url`: its deployments are told.
pub fn shipping(url: &str, repository: &str) -> Arc<dyn Source> {
    made(url, repository, "t0ken", "", &ships(repository))
}

fn ships(repository: &str) -> Config {
    let service = format!("[[service]]\nname = 'cart'\nmatch = {{ repository = '{repository}' }}\n");
    Layers::new().file("c.toml".as_ref(), &service).read().expect("a configuration")
}

/// The same of a console that was started with `--read-only`.
pub fn reading(url: &str, repository: &str) -> Arc<dyn Source> {
    let table = format!("kind = 'github'\nurl = '{url}'\nrepositories = ['{repository}']\ntoken_command = ['echo', 't0ken']\n");
    reader(&table, &ships(repository))
}

/// The same, asked at this pace.
pub fn at(pace: Pace, url: &str, repository: &str) -> Arc<dyn Source> {
    of(pace, url, repository, "t0ken", "", &Config::default())
}

fn made(url: &str, repository: &str, token: &str, more: &str, config: &Config) -> Arc<dyn Source> {
    of(BRISK, url, repository, token, more, config)
}

fn of(pace: Pace, url: &str, repository: &str, token: &str, more: &str, config: &Config) -> Arc<dyn Source> {
    let table = format!("kind = 'github'\nurl = '{url}'\nrepositories = ['{repository}']\ntoken_command = ['echo', '{token}']\n{more}");
    match paced(&SourceConfig::from_toml(&table).expect("a table"), config, pace) {
        Made::Source(source) | Made::Aside(source) => source,
        Made::Listed(id, words) => panic!("{id}: {words}"),
        Made::Broken(id, why) => panic!("{id}: {}", why.words),
        Made::Sought(id) | Made::Absent(id, _) => panic!("{id}: nobody looked for it"),
    }
}

/// A feed and what it has told so far.
pub struct Seen {
    source: Arc<dyn Source>,
    feed: Feed,
    stream: BoxStream<'static, Result<Batch, SourceError>>,
    pub runs: BTreeMap<Id<Run>, Run>,
    pub jobs: BTreeMap<Id<Job>, Job>,
    pub workloads: BTreeMap<Id<Workload>, Workload>,
    pub revisions: BTreeMap<Id<Revision>, Revision>,
    pub lines: Vec<String>,
    pub notices: Vec<String>,
    /// The list was told as a whole.
    pub whole: bool,
    over: bool,
}

impl Seen {
    pub fn new(source: &Arc<dyn Source>, feed: Feed) -> Self {
        let (runs, jobs, workloads, revisions) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let stream = source.watch(feed.clone(), None);
        Self { source: source.clone(), feed, stream, runs, jobs, workloads, revisions, lines: Vec::new(), notices: Vec::new(), whole: false, over: false }
    }

    fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Run(change) => {
                self.whole |= change == Change::Done;
                keep(&mut self.runs, change);
            }
            Fact::Job(change) => keep(&mut self.jobs, change),
            Fact::Workload(change) => {
                self.whole |= change == Change::Done;
                keep(&mut self.workloads, change);
            }
            Fact::Revision(change) => keep(&mut self.revisions, change),
            Fact::Lines(_, lines) => {
                for line in lines {
                    let text = line.text.text.to_string();
                    if line.kind == LineKind::Output { self.lines.push(text) } else { self.notices.push(text) }
                }
            }
            _ => {}
        }
    }

    /// Takes facts in until `so` holds.
    pub async fn until<T>(&mut self, what: &str, so: impl Fn(&Self) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = so(self) {
                    return found;
                }
                match self.stream.next().await {
                    // The proxy checks large descriptions and may be slow, or close a connection that was idle: asked again, as a supervisor would.
                    Some(Err(SourceError::Unreachable(_))) => self.stream = self.source.watch(self.feed.clone(), None),
                    Some(batch) => batch.expect("no error").facts.into_iter().for_each(|fact| self.take(fact)),
                    None if self.over => std::future::pending().await,
                    None => self.over = true,
                }
            }
        };
        let found = tokio::time::timeout(DEADLINE, waiting).await;
        found.unwrap_or_else(|_| panic!("{what} was never told: {:#?} {:#?} {:#?} {:?} {:?}", self.runs, self.jobs, self.workloads, self.lines, self.notices))
    }

    /// Takes in what comes next.
    pub async fn look(&mut self) {
        match tokio::time::timeout(DEADLINE, self.stream.next()).await.expect("it says something") {
            Some(batch) => batch.expect("no error").facts.into_iter().for_each(|fact| self.take(fact)),
            None => self.over = true,
        }
    }

    /// Whether it tells facts, and no error.
    pub async fn works(&mut self) -> bool {
        self.stream.next().await.is_some_and(|batch| batch.is_ok())
    }

    /// The error that ends it.
    pub async fn error(&mut self) -> SourceError {
        let ending = async {
            loop {
                if let Err(error) = self.stream.next().await.expect("an error") {
                    return error;
                }
            }
        };
        tokio::time::timeout(DEADLINE, ending).await.expect("it ends")
    }

    /// The end of a feed that ends.
    pub async fn end(&mut self) {
        self.until("the end", |seen| seen.over.then_some(())).await;
    }

    /// The run with this number.
    pub fn run(&self, number: u64) -> Option<&Run> {
        self.runs.values().find(|run| run.number == number)
    }

    /// The environment of this name.
    pub fn environment(&self, name: &str) -> Option<&Workload> {
        self.workloads.values().find(|row| row.place.namespace.raw() == name)
    }

    /// The job of this name.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.values().find(|job| &*job.name == name)
    }
}

fn keep<T: Row + Clone>(rows: &mut BTreeMap<Id<T>, T>, change: Change<T>) {
    match change {
        Change::Begin => rows.clear(),
        Change::Upsert(row) => drop(rows.insert(row.id().clone(), row)),
        Change::Remove(id) => drop(rows.remove(&id)),
        Change::Done => {}
    }
}
