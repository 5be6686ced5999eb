//! GitLab CI: pipelines with their stages, jobs and child pipelines, the logs of jobs as they grow, and deployments. gitlab.com and servers of one's
//! own, from version 15 on, API v4.
//!
//! GitLab has nothing to watch and no request is for nothing: lists are read by what changed last, often where something runs and seldom
//! elsewhere, one request after the other.

mod api;
mod approvals;
mod changes;
mod deployments;
mod dispatch;
mod jobs;
mod keys;
mod older;
mod pipelines;
mod place;
mod report;
mod trace;
mod wire;

#[cfg(test)]
mod tests;

pub use super::ci::Pace;

use super::{
    Made, Source, SourceError, Wish,
    ci::{Newest, Usual, meter},
    gates::Gates,
    http::{Http, Settings},
    remote, steps,
};
use crate::{
    clean,
    config::{Config, ConfigError, Credential, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, LogTarget, Offers, Operation, Question, SourceId, Stage, Subject, Trouble, Verb, Why},
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
use pipelines::Scope;
use place::{Logins, Place, TokenKind};
use serde::Deserialize;
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

/// What `[[source]] kind = "gitlab"` understands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The projects with all their groups, as in `acme/shop/cart`; those of the services, or the one of the current directory, where none is named.
    #[serde(default)]
    projects: Vec<String>,
    /// `gitlab.com`, or where a server of one's own is.
    url: Option<String>,
    /// What kind of token it is; `access` where nothing is said.
    token_kind: Option<TokenKind>,
    /// Only pipelines of these branches; texts may have `*` and `?`.
    #[serde(default)]
    branches: Vec<String>,
    /// How many of the pipelines of each project that changed last are shown.
    #[serde(default)]
    runs: Newest<20>,
    /// How many of the last successes tell how long a pipeline usually takes.
    #[serde(default)]
    history: Newest<10>,
    /// The authorities to trust instead of the system's, as a PEM file.
    ca_file: Option<PathBuf>,
}

/// The CI of some projects of one GitLab.
pub struct GitLab {
    api: Arc<Api>,
    scope: Scope,
    deploys: Option<Deploys>,
    read_only: bool,
}

/// The projects that services name, whose environments are told, and which of these.
struct Deploys {
    projects: Vec<Name>,
    wanted: super::deployments::Wanted,
}

/// Makes the source that the configuration names, or without one that of the project in which the console was started.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    let logins = Logins::here();
    let here = std::env::current_dir().ok().and_then(|dir| remote::of(&dir));
    match wish.table {
        Some(table) => vec![configured(table, (wish.config, wish.read_only), &logins, here.as_ref(), None)],
        None => here.and_then(|here| found(&here, (wish.config, wish.read_only), &logins)).into_iter().collect(),
    }
}

/// As [`connect`] with a table, at another pace: for servers of one's own, and for tests.
pub fn paced(table: &SourceConfig, config: &Config, pace: Pace) -> Made {
    configured(table, (config, false), &Logins::here(), None, Some(pace))
}

/// The project of the current directory, if it is on gitlab.com or on a host where the person is known: anybody can write a host into a clone.
fn found(here: &remote::Remote, config: (&Config, bool), logins: &Logins) -> Option<Made> {
    let place = Place::at(&here.host).ok().filter(|place| place.is_cloud() || logins.knows(&place.host))?;
    let table = Table { projects: vec![here.repository.clone()], ..bare() };
    let id = named(&place, None);
    let credential = logins.credential(&place, false);
    Some(made(id.clone(), GitLab::new(id, &place, table, credential, config, None)))
}

/// What is wrong with its table.
pub fn check(source: &SourceConfig) -> Vec<ConfigError> {
    let (table, mut errors) = source.read_partly::<Table>();
    let Some(table) = table else { return errors };
    let url = table.url.as_deref().and_then(|url| Place::at(url).err()).map(|why| source.error("url", &why));
    let names = table.projects.iter().enumerate().filter(|(_, name)| !place::is_project(name));
    let names = names.map(|(nth, name)| source.error_in("projects", nth, &no_project(name)));
    errors.extend(url.into_iter().chain(names));
    errors
}

fn no_project(name: &str) -> Clean {
    clean!("`{name}` is not the path of a project; write it with all its groups as \"group/sub-group/name\"")
}

fn bare() -> Table {
    Table { projects: Vec::new(), url: None, token_kind: None, branches: Vec::new(), runs: Newest::default(), history: Newest::default(), ca_file: None }
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
    let table = Table { projects: projects(&table, &place, config.0, here), ..table };
    let kind = table.token_kind.unwrap_or_default();
    let own = source.credential().cloned().map(|credential| (credential, kind));
    let credential = own.or_else(|| logins.credential(&place, table.url.is_some()));
    made(id.clone(), GitLab::new(id, &place, table, credential, config, pace))
}

fn made(id: SourceId, gitlab: Result<GitLab, Clean>) -> Made {
    match gitlab {
        Ok(gitlab) => Made::Source(Arc::new(gitlab)),
        Err(words) => Made::Broken(id, Why { trouble: Trouble::Unsupported, words }),
    }
}

/// `gitlab` for gitlab.com, else `gitlab/HOST`; the configuration may call it something else.
fn named(place: &Place, name: Option<&Name>) -> SourceId {
    match name {
        Some(name) => SourceId::new(&clean!("gitlab/{name}")),
        None if place.is_cloud() => SourceId::new("gitlab"),
        None => SourceId::new(&clean!("gitlab/{}", place.host)),
    }
}

/// The projects that the table names, else those of the services, else the one of the current directory.
fn projects(table: &Table, place: &Place, config: &Config, here: Option<&remote::Remote>) -> Vec<String> {
    if !table.projects.is_empty() {
        return table.projects.clone();
    }
    let of_services: Vec<String> = config.services.iter().filter_map(|service| service.repository.clone()).collect();
    if !of_services.is_empty() {
        return of_services;
    }
    here.filter(|here| here.host == place.host).map(|here| here.repository.clone()).into_iter().collect()
}

impl GitLab {
    fn new(
        id: SourceId,
        place: &Place,
        table: Table,
        credential: Option<(Credential, TokenKind)>,
        (config, read_only): (&Config, bool),
        pace: Option<Pace>,
    ) -> Result<Self, Clean> {
        if table.projects.is_empty() {
            return Err("no project is named; write projects = [\"group/name\"]".into());
        }
        if let Some(wrong) = table.projects.iter().find(|name| !place::is_project(name)) {
            return Err(no_project(wrong));
        }
        let unique: BTreeSet<&String> = table.projects.iter().collect();
        let projects: Vec<Name> = unique.into_iter().map(|name| Name::new(name)).collect();
        let deploys = credential.as_ref().and_then(|_| deploys(&id, &projects, config));
        let login = Login { host: clean!("{}", place.host), token: credential.as_ref().map(|(credential, kind)| (clean!("{credential}"), *kind)) };
        let auth = credential.map(|(credential, kind)| kind.auth(credential));
        let settings = Settings { url: place.api.clone(), auth, ca_file: table.ca_file, ..Settings::default() };
        let graph = place.graph();
        let api = Api::new(id, login, (Http::new(settings)?, graph), pace.unwrap_or(Pace::USUAL), Gates::new(&config.gates), Usual::new(table.history.0));
        let scope = Scope { projects, branches: table.branches, runs: table.runs.0 };
        Ok(Self { api: Arc::new(api), scope, deploys, read_only })
    }

    fn of_deployments(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        match Asked::of(question) {
            Some(asked) => deployments::answer(self.api.clone(), asked).boxed(),
            None => async { Err(unsupported("GitLab knows deployments, and no metrics")) }.boxed(),
        }
    }

    fn lacks(&self) -> Vec<Clean> {
        let token = match self.api.login.token {
            Some(_) => None,
            None => Some(Clean::from_static("no token: public projects only; set GITLAB_TOKEN, or run `glab auth login`, and start again")),
        };
        token.into_iter().chain(self.api.notes()).collect()
    }
}

impl Source for GitLab {
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
            Feed::Runs => pipelines::watch(self.api.clone(), self.scope.clone()),
            Feed::Jobs(run) => jobs::watch(self.api.clone(), run),
            Feed::Logs(LogTarget::Job(job)) => trace::watch(self.api.clone(), job, after),
            Feed::Workloads => match &self.deploys {
                Some(deploys) => super::deployments::watch(self.api.clone(), deploys.projects.clone(), deploys.wanted.clone()),
                None => stream::once(async { Err(unsupported("deployments are told of projects that a [[service]] names, with a token")) }).boxed(),
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
                stream::once(async { Err(unsupported("GitLab has pipelines, their jobs and logs")) }).boxed()
            }
        }
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let api = self.api.clone();
        match question {
            Question::Run { run, verb } => async move {
                let subject = changes::now(&api, &run, verb).await?.subject(verb);
                // It may be about a job of the pipeline.
                Ok(Answer::Subject(Box::new(Subject { workload: run.cast(), ..subject })))
            }
            .boxed(),
            Question::Tail(job) => async move { trace::tail(&api, &job).await.map(Answer::Text) }.boxed(),
            Question::Report { run, .. } => async move { report::read(&api, &run).await.map(|report| Answer::Report(Box::new(report))) }.boxed(),
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
    unsupported(
        "at GitLab what failed is run again, pipelines are started and cancelled, jobs played, deployments approved and earlier deployments made again, and nothing else from here",
    )
}

/// What deployments are told of: of those projects that a service names, and of environments that the configuration declares or whose name says
/// how strict they are. What else projects deploy (reviews, pages) is no environment of a service.
fn deploys(id: &SourceId, projects: &[Name], config: &Config) -> Option<Deploys> {
    let named = |name: &&Name| config.services.iter().any(|service| service.repository.as_deref() == Some(name.raw()));
    let projects: Vec<Name> = projects.iter().filter(named).cloned().collect();
    let (rules, source) = (config.rules(), id.clone());
    let wanted = Arc::new(move |project: &str, environment: &str| rules.knows_environment_of_ci(&source, project, environment));
    (!projects.is_empty()).then_some(Deploys { projects, wanted })
}

const fn unsupported(words: &'static str) -> SourceError {
    SourceError::Unsupported(Clean::from_static(words))
}
