//! The lab's Prometheus and Alertmanagers, as a test sees them: metrics go in through the push gateway.

use futures::StreamExt;
use pilothouse::{
    config::{Config, SourceConfig},
    domain::{Batch, Change, Fact, Feed},
    sources::{
        KINDS, Made, Source, Wish,
        http::{Ask, Http, Method, Settings, Transport},
    },
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long anything may take that the servers do by themselves.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pushing groups that fire an alert of the lab's rules, one test at a time.
pub static ALARM: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The address of one of the lab's servers; none when the tests are left out on purpose.
pub fn server(name: &str) -> Option<String> {
    if std::env::var_os("PILOTHOUSE_LAB_SKIP").is_some_and(|skip| skip == "1") {
        println!("left out: PILOTHOUSE_LAB_SKIP=1");
        return None;
    }
    assert!(std::env::var_os("PILOTHOUSE_LAB").is_some(), "there is no lab: run tests/lab/up and source its lab.env, or set PILOTHOUSE_LAB_SKIP=1");
    Some(std::env::var(name).unwrap_or_else(|_| panic!("lab.env sets {name}")))
}

/// The source that a configuration makes, with services of its own.
pub fn source(table: &str, config: Config) -> Arc<dyn Source> {
    let table = SourceConfig::from_toml(table).expect("a table");
    let (_, connect) = KINDS.iter().find(|(kind, _)| *kind == table.kind()).expect("a known kind");
    match connect(&Wish { table: Some(&table), config: &config, read_only: false, contexts: &[], namespace: None }).swap_remove(0) {
        Made::Source(source) | Made::Aside(source) => source,
        Made::Listed(id, words) => panic!("{id}: {words}"),
        Made::Broken(id, why) => panic!("{id}: {}", why.words),
        Made::Sought(id) | Made::Absent(id, _) => panic!("{id}: nobody looked for it"),
    }
}

/// What a feed says now.
pub async fn now(source: &Arc<dyn Source>, feed: Feed) -> Batch {
    source.watch(feed, None).next().await.expect("it says something").expect("it can be read")
}

/// Reads a feed until a row is as wanted.
pub async fn until<T>(source: &Arc<dyn Source>, feed: Feed, what: &str, mut wanted: impl FnMut(&Fact) -> Option<T>) -> T {
    let began = Instant::now();
    let mut turn = tokio::time::interval(Duration::from_millis(250));
    loop {
        turn.tick().await;
        let batch = now(source, feed.clone()).await;
        if let Some(found) = batch.facts.iter().find_map(&mut wanted) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} was not told within {} s: {:?}", PATIENCE.as_secs(), batch.facts);
    }
}

/// The alert of a fact, by its name.
pub fn alert<'a>(fact: &'a Fact, name: &str) -> Option<&'a pilothouse::domain::Alert> {
    match fact {
        Fact::Alert(Change::Upsert(alert)) if alert.name.raw() == name => Some(alert),
        _ => None,
    }
}

/// A group of pushed metrics that goes with the test.
pub struct Pushed {
    url: String,
    http: Http,
    group: String,
}

impl Pushed {
    /// A group of its own.
    pub fn new(gateway: &str, about: &str) -> Self {
        let url = gateway.to_owned();
        Self { http: client(&url), url, group: format!("contract-{about}-{}", std::process::id()) }
    }

    /// Replaces the group by these lines of the exposition format.
    pub async fn push(&self, lines: &str) {
        let ask = Ask::change(Method::PUT, "metrics/job", Some(format!("{lines}\n").into())).segment(&self.group);
        self.http.send(ask).await.expect("the gateway answers").good().expect("it takes the lines");
    }

    /// Takes the group away.
    pub async fn take_back(&self) {
        let ask = Ask::change(Method::DELETE, "metrics/job", None).segment(&self.group);
        self.http.send(ask).await.expect("the gateway answers").good().expect("it is taken away");
    }
}

impl Drop for Pushed {
    /// A test that fails must not leave an alarm behind.
    fn drop(&mut self) {
        let address = format!("{}/metrics/job/{}", self.url, self.group);
        _ = std::process::Command::new("curl").args(["-s", "-m", "3", "-X", "DELETE", &address]).output();
    }
}

/// A client of one of the lab's servers.
pub fn client(url: &str) -> Http {
    Http::new(Settings { url: url.to_owned(), ..Settings::default() }).expect("a URL of this machine")
}
