//! Requests to one Jenkins: one after the other, not too many in a minute, and every refusal in words that name the remedy.

use crate::{
    clean,
    domain::SourceId,
    sources::{
        SourceError,
        ci::{Board, Bucket, Pace},
        gates::Gates,
        http::{Ask, Http, Opened, Reply, Transport, Url},
    },
    text::Clean,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Jenkins counts no requests: so many at once, and in an hour on top of it.
const BURST: f64 = 40.0;
const HOURLY: f64 = 3_600.0;
/// A large list of jobs, or a log that Jenkins measures before it sends it, takes its time.
const PATIENCE: Duration = Duration::from_secs(45);
/// What Jenkins calls itself in each of its answers.
const VERSION: &str = "x-jenkins";

/// Who we are to it, for sentences.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// `ci.example:8080`.
    pub host: Clean,
    /// Where it is, for people.
    pub url: Clean,
    /// The user, and where the token is: `the variable JENKINS_TOKEN`.
    pub token: Option<(Clean, Clean)>,
}

/// How the stages of pipelines can be read; it depends on the plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Nobody has tried.
    Unknown,
    /// By the REST API of the Stage View plugin.
    StageView,
    /// By Pipeline Graph View.
    GraphView,
    /// Neither is there.
    Nothing,
}

/// The way to one Jenkins, shared by its feeds.
pub(super) struct Api {
    pub id: SourceId,
    pub login: Login,
    pub pace: Pace,
    pub gates: Gates,
    pub board: Board,
    http: Http,
    bucket: Mutex<Bucket>,
    turn: tokio::sync::Mutex<()>,
    way: Mutex<Way>,
    /// Whether jobs are pipelines, by their paths.
    pipelines: Mutex<BTreeMap<String, bool>>,
    notes: Mutex<BTreeMap<String, Clean>>,
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Api {
    pub fn new(id: SourceId, login: Login, http: Http, pace: Pace, gates: Gates) -> Self {
        let bucket = Mutex::new(Bucket::new(BURST, Timestamp::now()));
        let (board, turn, way) = (Board::default(), tokio::sync::Mutex::default(), Mutex::new(Way::Unknown));
        Self { id, login, pace, gates, board, http, bucket, turn, way, pipelines: Mutex::default(), notes: Mutex::default() }
    }

    /// What is lacking, or is wrong with single jobs.
    pub fn notes(&self) -> Vec<Clean> {
        lock(&self.notes).values().cloned().collect()
    }

    /// Remembers what is wrong with something, or that nothing is.
    pub fn note(&self, about: &str, words: Option<Clean>) {
        match words {
            Some(words) => lock(&self.notes).insert(about.to_owned(), words),
            None => lock(&self.notes).remove(about),
        };
    }

    /// How stages are read.
    pub fn way(&self) -> Way {
        *lock(&self.way)
    }

    /// Remembers how stages are read.
    pub fn goes(&self, way: Way) {
        *lock(&self.way) = way;
        let words = Clean::from_static("stages of pipelines are not known: neither the plugin Pipeline: Stage View nor Pipeline Graph View is there");
        self.note("stages", (way == Way::Nothing).then_some(words));
    }

    /// Whether the job at `path` is a pipeline, where that is known.
    pub fn is_pipeline(&self, path: &str) -> Option<bool> {
        lock(&self.pipelines).get(path).copied()
    }

    /// Remembers which jobs are pipelines.
    pub fn learn(&self, jobs: impl Iterator<Item = (String, bool)>) {
        *lock(&self.pipelines) = jobs.collect();
    }

    /// Whether it answers a connection.
    pub fn probe(&self) -> futures::future::BoxFuture<'static, bool> {
        self.http.probe()
    }

    /// A request below the job or folder at `path`.
    pub fn ask(path: &str, below: &[&str]) -> Ask {
        let names = path.split('/').filter(|name| !name.is_empty());
        let job = names.fold(Ask::get(""), |ask, name| ask.segment("job").segment(name));
        below.iter().fold(job, |ask, name| ask.segment(name)).within(PATIENCE)
    }

    /// A request for fields of what is at `path`.
    pub fn fields(path: &str, below: &[&str], tree: &str) -> Ask {
        Self::ask(path, &[below, &["api", "json"]].concat()).with("tree", tree)
    }

    /// Where people look at a build.
    pub fn page(&self, path: &str, number: u64) -> Clean {
        let Ok(mut url) = Url::parse(&self.login.url) else { return Clean::EMPTY };
        if let Ok(mut segments) = url.path_segments_mut() {
            let jobs = path.split('/').flat_map(|name| ["job", name]);
            segments.pop_if_empty().extend(jobs).push(&number.to_string()).push("");
        }
        clean!("{url}")
    }

    /// Waits for its turn and for the budget.
    async fn admit(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        loop {
            let wait = lock(&self.bucket).take(BURST, HOURLY, Timestamp::now());
            if wait.is_zero() {
                return turn;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads JSON about `what`; none where that is not there.
    pub async fn find<T: DeserializeOwned>(&self, what: &str, ask: Ask) -> Result<Option<T>, SourceError> {
        let _turn = self.admit().await;
        let reply = self.http.send(ask).await?;
        match reply.status.as_u16() {
            404 | 410 => Ok(None),
            _ if !reply.status.is_success() => Err(self.trouble(what, &reply)),
            // A proxy that answers in its place has no jobs, which would look like a Jenkins without any.
            _ if reply.header(VERSION).is_none() => match reply.json::<Value>() {
                Err(error) => Err(error),
                Ok(_) => Err(SourceError::Protocol(clean!("{} answers, and is no Jenkins; is the URL right, with its prefix?", self.login.host))),
            },
            _ => reply.json().map(Some),
        }
    }

    /// The same of what must be there.
    pub async fn read<T: DeserializeOwned>(&self, what: &str, ask: Ask) -> Result<T, SourceError> {
        self.find(what, ask).await?.ok_or_else(|| self.missing(what))
    }

    /// Opens a log.
    pub async fn open(&self, ask: Ask) -> Result<Opened, SourceError> {
        let _turn = self.admit().await;
        self.http.open(ask.any().within(PATIENCE)).await
    }

    /// What a refusal means.
    pub fn trouble(&self, what: &str, reply: &Reply) -> SourceError {
        let host = &self.login.host;
        let needs = reply.header("x-required-permission").map(|needs| clean!("; it needs {needs}")).unwrap_or_default();
        match (reply.status.as_u16(), &self.login.token) {
            (401, Some((user, token))) => SourceError::Denied(clean!(
                "{host} does not accept the token of {token} for {user}: it was revoked, or belongs to another user. Make a new one at {}/user/{user}/security",
                self.login.url
            )),
            (403, Some((user, _))) => SourceError::Denied(clean!("{what}: {host} does not let {user} read this{needs}")),
            (401 | 403, None) => {
                SourceError::Denied(clean!("{what}: {host} wants a login{needs}; write username and token_env, token_file or token_command in [[source]]"))
            }
            (404 | 410, _) => self.missing(what),
            _ => match reply.clone().good() {
                Err(error) => error,
                Ok(_) => SourceError::Protocol(clean!("{host} answers with {}", reply.status)),
            },
        }
    }

    fn missing(&self, what: &str) -> SourceError {
        SourceError::NotFound(clean!(
            "{what}: {} answers \"not found\", also where we may not look. Check the name, and the URL with its prefix",
            self.login.host
        ))
    }
}
