//! Jenkins 2.x: builds of freestyle and Pipeline jobs in folders and branches, what waits in the queue, stages, and the console as it grows.
//!
//! Jenkins has nothing to watch and no conditional requests, and reading builds costs it its disk: one request lists the jobs with their
//! newest build, and only jobs whose newest build is another one, or runs, are read further, one request after the other.

mod api;
mod changes;
mod jobs;
mod keys;
mod logs;
mod older;
mod report;
mod runs;
mod stages;
mod tail;
mod tree;
mod wire;

#[cfg(test)]
mod tests;

pub use super::ci::Pace;

use super::{
    Made, Source, SourceError, Wish,
    ci::Newest,
    gates::Gates,
    http::{Auth, Http, Settings, Url},
    steps,
};
use crate::{
    clean,
    config::{Config, ConfigError, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, LogTarget, Offers, Operation, Question, SourceId, Stage, Trouble, Why},
    gate::Warrant,
    text::Clean,
};
use api::{Api, Login};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use serde::Deserialize;
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};
use tree::Scope;

/// What `[[source]] kind = "jenkins"` understands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Where it is, with its prefix.
    url: String,
    /// The user whose API token or password it is.
    username: Option<String>,
    /// The jobs by their folders and names, as in `shop/cart`; texts may have `*` and `?`. All that we may see where none is named.
    #[serde(default)]
    jobs: Vec<String>,
    /// Only these branches of multibranch projects; texts may have `*` and `?`.
    #[serde(default)]
    branches: Vec<String>,
    /// How many of the newest builds of each job are shown; their successes tell how long it usually takes.
    #[serde(default)]
    runs: Newest<10>,
    /// The authorities to trust instead of the system's, as a PEM file.
    ca_file: Option<PathBuf>,
}

/// One controller.
pub struct Jenkins {
    api: Arc<Api>,
    scope: Arc<Scope>,
    read_only: bool,
}

/// Makes the source that the configuration names.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    wish.table.map(|table| made(table, (wish.config, wish.read_only), Pace::USUAL)).into_iter().collect()
}

/// As [`connect`] with a table, at another pace: for controllers of one's own, and for tests.
pub fn paced(table: &SourceConfig, config: &Config, pace: Pace) -> Made {
    made(table, (config, false), pace)
}

/// What is wrong with its table.
pub fn check(source: &SourceConfig) -> Vec<ConfigError> {
    let (table, mut errors) = source.read_partly::<Table>();
    let Some(table) = table else { return errors };
    errors.extend(wrong(&table, source).map(|(key, why)| source.error(key, &why)));
    errors
}

/// What can not be, by its key.
fn wrong(table: &Table, source: &SourceConfig) -> Option<(&'static str, Clean)> {
    if table.username.is_none() && source.credential().is_some() {
        return Some(("url", "username is missing: an API token of Jenkins belongs to a user, and is sent with the user's name".into()));
    }
    if table.username.is_some() && source.credential().is_none() {
        return Some(("username", "the API token is missing; name token_env, token_file or token_command".into()));
    }
    let empty = table.jobs.iter().any(|job| job.split('/').any(str::is_empty));
    empty.then(|| ("jobs", "a job is written with its folders, as in \"shop/cart\"".into()))
}

fn made(source: &SourceConfig, config: (&Config, bool), pace: Pace) -> Made {
    let told = |errors: Vec<ConfigError>| errors.first().map_or(Clean::EMPTY, |error| clean!("{}: {}", error.place(), error.what()));
    let table: Table = match source.read() {
        Ok(table) => table,
        Err(errors) => return broken(named(source, None), told(errors)),
    };
    let id = named(source, Some(&table.url));
    if let Some((key, why)) = wrong(&table, source) {
        return broken(id, clean!("{key}: {why}"));
    }
    match Jenkins::new(id.clone(), table, source, config, pace) {
        Ok(jenkins) => Made::Source(Arc::new(jenkins)),
        Err(words) => broken(id, words),
    }
}

const fn broken(id: SourceId, words: Clean) -> Made {
    Made::Broken(id, Why { trouble: Trouble::Unsupported, words })
}

/// `jenkins/HOST`, or as the configuration calls it.
fn named(source: &SourceConfig, url: Option<&str>) -> SourceId {
    match (source.name(), url.and_then(host)) {
        (Some(name), _) => SourceId::new(&clean!("jenkins/{name}")),
        (None, Some(host)) => SourceId::new(&clean!("jenkins/{host}")),
        (None, None) => SourceId::new("jenkins"),
    }
}

/// `ci.example:8080` of a URL.
fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let name = url.host_str()?;
    Some(url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}")))
}

impl Jenkins {
    fn new(id: SourceId, table: Table, source: &SourceConfig, (config, read_only): (&Config, bool), pace: Pace) -> Result<Self, Clean> {
        let credential = source.credential();
        let user = table.username.as_deref();
        let login = Login {
            host: clean!("{}", host(&table.url).unwrap_or_default()),
            url: clean!("{}", table.url.trim_end_matches('/')),
            token: user.zip(credential).map(|(user, credential)| (Clean::from_untrusted(user), clean!("{credential}"))),
        };
        let settings = Settings { url: table.url, auth: Auth::of(user, credential), ca_file: table.ca_file, ..Settings::default() };
        let api = Api::new(id, login, Http::new(settings)?, pace, Gates::new(&config.gates));
        let scope = Scope { jobs: table.jobs, branches: table.branches, runs: table.runs.0 };
        Ok(Self { api: Arc::new(api), scope: Arc::new(scope), read_only })
    }

    fn lacks(&self) -> Vec<Clean> {
        let anonymous = self.api.login.token.is_none();
        let nobody =
            anonymous.then(|| Clean::from_static("no API token: only what anybody may see; write username and token_env, token_file or token_command"));
        nobody.into_iter().chain(self.api.notes()).collect()
    }
}

impl Source for Jenkins {
    fn id(&self) -> &SourceId {
        &self.api.id
    }

    fn offers(&self) -> Offers {
        let verbs = if self.api.login.token.is_some() { changes::VERBS.into() } else { BTreeSet::new() };
        Offers { feeds: [FeedKind::Runs, FeedKind::Jobs, FeedKind::Logs].into(), verbs, lacks: self.lacks(), ..Offers::default() }
    }

    fn watch(&self, feed: Feed, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        match feed {
            Feed::Runs => runs::watch(self.api.clone(), self.scope.clone()),
            Feed::Jobs(run) => jobs::watch(self.api.clone(), run),
            Feed::Logs(LogTarget::Job(job)) => logs::watch(self.api.clone(), job, after),
            Feed::Workloads
            | Feed::Nodes
            | Feed::Holds
            | Feed::Pods(_)
            | Feed::Happenings(_)
            | Feed::Alerts
            | Feed::Rules
            | Feed::Samples
            | Feed::Stats(_)
            | Feed::Logs(LogTarget::Workload { .. } | LogTarget::Pod { .. }) => {
                stream::once(async { Err(unsupported("Jenkins has builds, their stages and logs")) }).boxed()
            }
        }
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let api = self.api.clone();
        match question {
            Question::Run { run, verb } => async move { changes::subject(&api, &run, verb).await.map(|subject| Answer::Subject(Box::new(subject))) }.boxed(),
            Question::Report { run, .. } => async move { report::read(&api, &run).await.map(|report| Answer::Report(Box::new(report))) }.boxed(),
            Question::Tail(job) => async move { tail::tail(&api, &job).await.map(Answer::Text) }.boxed(),
            Question::Older { repository, after } => {
                let scope = self.scope.clone();
                async move { older::read(&api, &scope, &repository, after.as_ref()).await }.boxed()
            }
            _ => async { Err(unsupported("Jenkins has no workloads and no metrics")) }.boxed(),
        }
    }

    fn prepare(&self, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        if changes::VERBS.contains(&operation.verb) {
            return changes::prepare(self.api.clone(), operation);
        }
        stream::once(async { Err(no_such_change()) }).boxed()
    }

    fn act(&self, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        if self.read_only {
            return stream::iter([Ok(steps::read_only())]).boxed();
        }
        if changes::VERBS.contains(&warrant.operation().verb) {
            return changes::carry_out(self.api.clone(), warrant);
        }
        stream::once(async { Err(no_such_change()) }).boxed()
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        self.api.probe()
    }
}

const fn no_such_change() -> SourceError {
    unsupported("Jenkins builds again, stops builds and takes answers, and nothing else is changed there from here")
}

const fn unsupported(words: &'static str) -> SourceError {
    SourceError::Unsupported(Clean::from_static(words))
}
