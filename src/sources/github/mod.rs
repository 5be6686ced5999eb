//! GitHub Actions: runs, their jobs and steps, the logs of jobs that ended, and deployments. github.com, `*.ghe.com` and Enterprise Server, REST 2022-11-28.
//!
//! GitHub has nothing to watch and counts requests: lists are read conditionally, often where something runs and seldom elsewhere, one request
//! after the other, within a part of the budget.

mod api;
mod changes;
mod counted;
mod deployments;
mod dispatch;
mod jobs;
mod keys;
mod login;
mod logs;
mod older;
mod place;
mod report;
mod runs;
mod wire;

#[cfg(test)]
mod tests;

pub use super::ci::Pace;
pub(in crate::sources) use changes::{VERBS, command};
pub(in crate::sources) use dispatch::command as start_command;

use super::{
    Made, Source, SourceError, Wish,
    ci::{Newest, Usual, meter},
    gates::Gates,
    http::{Auth, Http, Settings},
    remote, steps,
};
use crate::{
    clean,
    config::{Config, ConfigError, Credential, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, LogTarget, Offers, Operation, Question, SourceId, Stage, Trouble, Verb, Why},
    gate::Warrant,
    text::{Clean, Name},
};
use api::{Api, Login};
use deployments::Asked;
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use login::Logins;
use place::Place;
use runs::Scope;
use serde::Deserialize;
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

/// What `[[source]] kind = "github"` understands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The repositories, as in `acme/cart`; those of the services, or the one of the current directory, where none is named.
    #[serde(default)]
    repositories: Vec<String>,
    /// `github.com`, `acme.ghe.com`, or where an Enterprise Server is.
    url: Option<String>,
    /// Only runs of these branches; texts may have `*` and `?`.
    #[serde(default)]
    branches: Vec<String>,
    /// Only runs of these workflows, by file (`deploy.yml`) or name; texts may have `*` and `?`.
    #[serde(default)]
    workflows: Vec<String>,
    /// How many of the newest runs of each repository are shown.
    #[serde(default)]
    runs: Newest<30>,
    /// How many of a workflow's last successes tell how long it usually takes.
    #[serde(default)]
    history: Newest<10>,
    /// The authorities to trust instead of the system's, as a PEM file.
    ca_file: Option<PathBuf>,
}

/// The Actions of some repositories of one GitHub.
pub struct GitHub {
    api: Arc<Api>,
    scope: Scope,
    deploys: Option<Deploys>,
    read_only: bool,
}

/// The repositories that services name, whose environments are told, and which of these.
struct Deploys {
    repositories: Vec<Name>,
    wanted: super::deployments::Wanted,
}

/// Makes the source that the configuration names, or without one that of the repository in which the console was started.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    let logins = Logins::here();
    let here = std::env::current_dir().ok().and_then(|dir| remote::of(&dir)).filter(|here| place::is_repository(&here.repository));
    match wish.table {
        Some(table) => vec![configured(table, (wish.config, wish.read_only), &logins, here.as_ref(), None)],
        None => here.and_then(|here| found(&here, (wish.config, wish.read_only), &logins)).into_iter().collect(),
    }
}

/// As [`connect`] with a table, at another pace: for servers of one's own, and for tests.
pub fn paced(table: &SourceConfig, config: &Config, pace: Pace) -> Made {
    configured(table, (config, false), &Logins::here(), None, Some(pace))
}

/// The repository of the current directory, if it is on github.com or on a host where the person is known: anybody can write a host into a clone.
fn found(here: &remote::Remote, config: (&Config, bool), logins: &Logins) -> Option<Made> {
    let place = Place::at(&here.host).ok().filter(|place| place.is_cloud() || logins.knows(&place.host))?;
    let table = Table { url: Some(here.host.clone()), repositories: vec![here.repository.clone()], ..bare() };
    let id = named(&place, None);
    let credential = logins.credential(&place, false);
    Some(made(id.clone(), GitHub::new(id, &place, table, credential, config, None)))
}

/// What is wrong with its table.
pub fn check(source: &SourceConfig) -> Vec<ConfigError> {
    let (table, mut errors) = source.read_partly::<Table>();
    let Some(table) = table else { return errors };
    let url = table.url.as_deref().and_then(|url| Place::at(url).err()).map(|why| source.error("url", &why));
    let names = table.repositories.iter().enumerate().filter(|(_, name)| !place::is_repository(name));
    let names = names.map(|(nth, name)| source.error_in("repositories", nth, &no_repository(name)));
    errors.extend(url.into_iter().chain(names));
    errors
}

fn no_repository(name: &str) -> Clean {
    clean!("`{name}` is not a repository; write it as \"owner/name\"")
}

fn bare() -> Table {
    Table {
        repositories: Vec::new(),
        url: None,
        branches: Vec::new(),
        workflows: Vec::new(),
        runs: Newest::default(),
        history: Newest::default(),
        ca_file: None,
    }
}

fn configured(source: &SourceConfig, config: (&Config, bool), logins: &Logins, here: Option<&remote::Remote>, pace: Option<Pace>) -> Made {
    let broken = |words: Clean| Made::Broken(named(&Place::cloud(), source.name()), Why { trouble: Trouble::Unsupported, words });
    let table: Table = match source.read() {
        Ok(table) => table,
        Err(errors) => return broken(errors.first().map_or(Clean::EMPTY, |error| clean!("{}: {}", error.place(), error.what()))),
    };
    let place = match table.url.as_deref().map_or_else(|| Ok(Place::cloud()), Place::at) {
        Ok(place) => place,
        Err(words) => return broken(words),
    };
    let id = named(&place, source.name());
    let table = Table { repositories: repositories(&table, &place, config.0, here), ..table };
    let credential = source.credential().cloned().or_else(|| logins.credential(&place, table.url.is_some()));
    made(id.clone(), GitHub::new(id, &place, table, credential, config, pace))
}

fn made(id: SourceId, github: Result<GitHub, Clean>) -> Made {
    match github {
        Ok(github) => Made::Source(Arc::new(github)),
        Err(words) => Made::Broken(id, Why { trouble: Trouble::Unsupported, words }),
    }
}

/// `github` for github.com, else `github/HOST`; the configuration may call it something else.
fn named(place: &Place, name: Option<&Name>) -> SourceId {
    match name {
        Some(name) => SourceId::new(&clean!("github/{name}")),
        None if place.is_cloud() => SourceId::new("github"),
        None => SourceId::new(&clean!("github/{}", place.host)),
    }
}

/// The repositories that the table names, else those of the services, else the one of the current directory.
fn repositories(table: &Table, place: &Place, config: &Config, here: Option<&remote::Remote>) -> Vec<String> {
    if !table.repositories.is_empty() {
        return table.repositories.clone();
    }
    let of_services: Vec<String> = config.services.iter().filter_map(|service| service.repository.clone()).collect();
    if !of_services.is_empty() {
        return of_services;
    }
    here.filter(|here| here.host == place.host).map(|here| here.repository.clone()).into_iter().collect()
}

impl GitHub {
    fn new(
        id: SourceId,
        place: &Place,
        table: Table,
        credential: Option<Credential>,
        (config, read_only): (&Config, bool),
        pace: Option<Pace>,
    ) -> Result<Self, Clean> {
        if table.repositories.is_empty() {
            return Err("no repository is named; write repositories = [\"owner/name\"]".into());
        }
        if let Some(wrong) = table.repositories.iter().find(|name| !place::is_repository(name)) {
            return Err(no_repository(wrong));
        }
        let unique: BTreeSet<&String> = table.repositories.iter().collect();
        let repositories: Vec<Name> = unique.into_iter().map(|name| Name::new(name)).collect();
        let deploys = credential.as_ref().and_then(|_| deploys(&id, &repositories, config));
        let login = Login { host: clean!("{}", place.host), token: credential.as_ref().map(|credential| clean!("{credential}")) };
        let usual_pace = if credential.is_some() { Pace::USUAL } else { api::ANONYMOUS };
        let settings = Settings { url: place.api.clone(), auth: credential.map(Auth::Bearer), ca_file: table.ca_file, ..Settings::default() };
        let api = Api::new(id, login, Http::new(settings)?, pace.unwrap_or(usual_pace), Gates::new(&config.gates), Usual::new(table.history.0));
        let scope = Scope { repositories, branches: table.branches, workflows: table.workflows, runs: table.runs.0 };
        Ok(Self { api: Arc::new(api), scope, deploys, read_only })
    }

    fn of_deployments(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        match Asked::of(question) {
            Some(asked) => deployments::answer(self.api.clone(), asked).boxed(),
            None => async { Err(unsupported("GitHub knows deployments, and no metrics")) }.boxed(),
        }
    }

    fn lacks(&self) -> Vec<Clean> {
        let token = match self.api.login.token {
            Some(_) => None,
            None => Some(Clean::from_static(
                "no token: public repositories only, 60 requests an hour, and no logs; set GITHUB_TOKEN, or run `gh auth login`, and start again",
            )),
        };
        token.into_iter().chain(self.api.notes()).collect()
    }
}

impl Source for GitHub {
    fn id(&self) -> &SourceId {
        &self.api.id
    }

    fn offers(&self) -> Offers {
        let mut offers =
            Offers { feeds: [FeedKind::Runs, FeedKind::Jobs, FeedKind::Logs].into(), budget: self.api.budget(), lacks: self.lacks(), ..Offers::default() };
        if self.deploys.is_some() {
            offers.feeds.insert(FeedKind::Workloads);
            offers.verbs.insert(Verb::RollBack);
        }
        if self.api.login.token.is_some() {
            offers.verbs.extend(changes::VERBS);
        }
        offers
    }

    fn watch(&self, feed: Feed, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        match feed {
            Feed::Runs => runs::watch(self.api.clone(), self.scope.clone()),
            Feed::Jobs(run) => jobs::watch(self.api.clone(), run),
            Feed::Logs(LogTarget::Job(job)) => logs::watch(self.api.clone(), job, after),
            Feed::Workloads => match &self.deploys {
                Some(deploys) => super::deployments::watch(self.api.clone(), deploys.repositories.clone(), deploys.wanted.clone()),
                None => stream::once(async { Err(unsupported("deployments are told of repositories that a [[service]] names, with a token")) }).boxed(),
            },
            Feed::Nodes
            | Feed::Holds
            | Feed::Pods(_)
            | Feed::Happenings(_)
            | Feed::Alerts
            | Feed::Rules
            | Feed::Samples
            | Feed::Stats(_)
            | Feed::Logs(LogTarget::Workload { .. } | LogTarget::Pod { .. }) => {
                stream::once(async { Err(unsupported("GitHub has runs, their jobs and logs")) }).boxed()
            }
        }
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let api = self.api.clone();
        match question {
            Question::Run { run, verb } => async move { changes::now(&api, &run, verb).await.map(|now| Answer::Subject(Box::new(now.subject(verb)))) }.boxed(),
            Question::Tail(job) => async move { logs::tail(&api, &job).await.map(Answer::Text) }.boxed(),
            Question::Report { run, commit } => {
                async move { report::read(&api, &run, commit.raw()).await.map(|report| Answer::Report(Box::new(report))) }.boxed()
            }
            Question::Older { repository, after } => {
                let scope = self.scope.clone();
                async move { older::read(&api, &scope, &repository, after.as_ref()).await }.boxed()
            }
            question => self.of_deployments(question),
        }
    }

    fn prepare(&self, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        match operation.verb {
            Verb::RollBack => deployments::prepare(self.api.clone(), operation),
            verb if changes::VERBS.contains(&verb) => changes::prepare(self.api.clone(), operation),
            _ => stream::once(async { Err(only_back()) }).boxed(),
        }
    }

    fn act(&self, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        if self.read_only {
            return stream::iter([Ok(steps::read_only())]).boxed();
        }
        match warrant.operation().verb {
            Verb::RollBack => deployments::carry_out(self.api.clone(), warrant),
            verb if changes::VERBS.contains(&verb) => changes::carry_out(self.api.clone(), warrant),
            _ => stream::once(async { Err(only_back()) }).boxed(),
        }
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        self.api.probe()
    }
}

fn only_back() -> SourceError {
    unsupported("at GitHub runs are changed and earlier deployments made again, and nothing else from here")
}

/// What deployments are told of: of those repositories that a service names, and of environments that the configuration declares or whose name
/// says how strict they are. What else repositories deploy (pages, previews) is no environment of a service.
fn deploys(id: &SourceId, repositories: &[Name], config: &Config) -> Option<Deploys> {
    let named = |name: &&Name| config.services.iter().any(|service| service.repository.as_deref() == Some(name.raw()));
    let repositories: Vec<Name> = repositories.iter().filter(named).cloned().collect();
    let (rules, source) = (config.rules(), id.clone());
    let wanted = Arc::new(move |repository: &str, environment: &str| rules.knows_environment_of_ci(&source, repository, environment));
    (!repositories.is_empty()).then_some(Deploys { repositories, wanted })
}

const fn unsupported(words: &'static str) -> SourceError {
    SourceError::Unsupported(Clean::from_static(words))
}
