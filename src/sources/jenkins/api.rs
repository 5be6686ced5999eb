//! Requests to one Jenkins: one after the other, not too many in a minute, and every refusal in words that name the remedy.

use super::{changes::Memory, tree::Item};
use crate::{
    clean,
    domain::SourceId,
    sources::{
        SourceError,
        ci::{Board, Bucket, Ends, Hurry, Pace},
        gates::Gates,
        http::{Ask, HeaderName, HeaderValue, Http, Opened, Reply, Transport, Url},
    },
    text::Clean,
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
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

/// For whom something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A list that is kept.
    List,
    /// A change that a person plans or has confirmed.
    Change,
}

/// The way to one Jenkins, shared by its feeds.
pub(super) struct Api {
    pub id: SourceId,
    pub login: Login,
    pub pace: Pace,
    pub gates: Gates,
    pub board: Board,
    /// How far the builds of each job are told, by its path.
    pub ends: Ends<u64>,
    http: Http,
    bucket: Mutex<Bucket>,
    turn: tokio::sync::Mutex<()>,
    way: Mutex<Way>,
    /// The jobs that are known, by their paths.
    items: Mutex<BTreeMap<String, Item>>,
    /// What was planned and asked for here.
    pub memory: Memory,
    /// Who we are to it in its own words, once it was asked.
    own: tokio::sync::OnceCell<Clean>,
    /// Where something was changed.
    pub hurry: Hurry,
    notes: Mutex<BTreeMap<String, Clean>>,
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Api {
    pub fn new(id: SourceId, login: Login, http: Http, pace: Pace, gates: Gates) -> Self {
        let bucket = Mutex::new(Bucket::new(BURST, Timestamp::now()));
        let (board, turn, way) = (Board::default(), tokio::sync::Mutex::default(), Mutex::new(Way::Unknown));
        let (items, memory, notes) = (Mutex::default(), Memory::default(), Mutex::default());
        let (own, hurry) = (tokio::sync::OnceCell::new(), Hurry::default());
        let ends = Ends::default();
        Self { id, login, pace, gates, board, ends, http, bucket, turn, way, items, memory, own, hurry, notes }
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
        lock(&self.items).get(path).map(|item| item.pipeline)
    }

    /// The job at `path`, as far as it is known.
    pub fn item(&self, path: &str) -> Item {
        lock(&self.items).get(path).cloned().unwrap_or_else(|| Item::unknown(path))
    }

    /// The jobs of a project, as far as they are known.
    pub fn jobs_of(&self, project: &str) -> Vec<Item> {
        lock(&self.items).values().filter(|item| item.project() == project).cloned().collect()
    }

    /// Remembers the jobs.
    pub fn learn(&self, jobs: impl Iterator<Item = Item>) {
        *lock(&self.items) = jobs.map(|item| (item.path.clone(), item)).collect();
    }

    /// Whether it answers a connection.
    pub fn probe(&self) -> futures::future::BoxFuture<'static, bool> {
        self.http.probe()
    }

    /// A request below the job or folder at `path`.
    pub fn ask(path: &str, below: &[&str]) -> Ask {
        Self::below(Ask::get(""), path, below).within(PATIENCE)
    }

    /// `ask` below the job or folder at `path`.
    pub fn below(ask: Ask, path: &str, below: &[&str]) -> Ask {
        let names = path.split('/').filter(|name| !name.is_empty());
        let job = names.fold(ask, |ask, name| ask.segment("job").segment(name));
        below.iter().fold(job, |ask, name| ask.segment(name))
    }

    /// A request for fields of what is at `path`.
    pub fn fields(path: &str, below: &[&str], tree: &str) -> Ask {
        Self::ask(path, &[below, &["api", "json"]].concat()).with("tree", tree)
    }

    /// Where people look at a build.
    pub fn page(&self, path: &str, number: u64) -> Clean {
        self.pages(path, &[&number.to_string()])
    }

    /// Where people look at what is below a job.
    pub fn pages(&self, path: &str, below: &[&str]) -> Clean {
        let Ok(mut url) = Url::parse(&self.login.url) else { return Clean::EMPTY };
        if let Ok(mut segments) = url.path_segments_mut() {
            let jobs = path.split('/').flat_map(|name| ["job", name]);
            segments.pop_if_empty().extend(jobs).extend(below).push("");
        }
        clean!("{url}")
    }

    /// Waits for its turn, and for the budget unless a person waits for a change.
    async fn admit(&self, need: Need) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        if need == Need::Change {
            lock(&self.bucket).lend(BURST, HOURLY, Timestamp::now());
            return turn;
        }
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
        self.find_for(Need::List, what, ask).await
    }

    /// The same for whatever needs it.
    pub async fn find_for<T: DeserializeOwned>(&self, need: Need, what: &str, ask: Ask) -> Result<Option<T>, SourceError> {
        let _turn = self.admit(need).await;
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
    pub async fn read<T: DeserializeOwned>(&self, need: Need, what: &str, ask: Ask) -> Result<T, SourceError> {
        self.find_for(need, what, ask).await?.ok_or_else(|| self.missing(what))
    }

    /// Opens a log.
    pub async fn open(&self, need: Need, ask: Ask) -> Result<Opened, SourceError> {
        let _turn = self.admit(need).await;
        self.http.open(ask.any().within(PATIENCE)).await
    }

    /// Who asked for a build that we asked for: somebody may log in by another name than the one that Jenkins knows.
    pub async fn user(&self) -> Result<&Clean, SourceError> {
        let asked = async {
            let told: Option<Whom> = self.find_for(Need::Change, "who we are", Ask::get("whoAmI/api/json").with("tree", "name")).await?;
            let configured = || self.login.token.as_ref().map(|(user, _)| user.clone()).unwrap_or_default();
            Ok(told.map_or_else(configured, |whom| Clean::from_untrusted(&whom.name)))
        };
        self.own.get_or_try_init(|| asked).await
    }

    /// What is sent along so that a change is not taken for a forged one, with the session that it belongs to. Whether the secret is an API token,
    /// which needs none and is not harmed by one, is not ours to see. Where none is given, the change goes without.
    pub async fn crumb(&self) -> Result<Vec<(HeaderName, HeaderValue)>, SourceError> {
        let _turn = self.admit(Need::Change).await;
        let reply = self.http.send(Ask::get("crumbIssuer/api/json")).await?;
        let told = reply.clone().good().and_then(|reply| reply.json::<Crumb>());
        Ok(told.ok().and_then(|crumb| crumb.headers(&reply)).unwrap_or_default())
    }

    /// Sends a change, once, and gives back whatever is answered: where that sends us is not gone to.
    pub async fn post(&self, ask: Ask) -> Result<Reply, SourceError> {
        let _turn = self.admit(Need::Change).await;
        self.http.send(ask.any().staying()).await
    }

    /// What a refusal means.
    pub fn trouble(&self, what: &str, reply: &Reply) -> SourceError {
        let (host, what) = (&self.login.host, if what.is_empty() { "the list of jobs" } else { what });
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

/// Whom Jenkins takes us for.
#[derive(Deserialize)]
struct Whom {
    name: String,
}

/// What Jenkins wants to see again in a change.
#[derive(Deserialize)]
struct Crumb {
    crumb: String,
    #[serde(rename = "crumbRequestField")]
    field: String,
}

impl Crumb {
    fn headers(&self, reply: &Reply) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let secret = |text: &str| {
            let mut value = HeaderValue::from_str(text).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let crumb = (HeaderName::from_bytes(self.field.as_bytes()).ok()?, secret(&self.crumb)?);
        let given = reply.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let cookies = given.map(str::trim).collect::<Vec<_>>().join("; ");
        let session = (!cookies.is_empty()).then(|| Some((HeaderName::from_static("cookie"), secret(&cookies)?))).flatten();
        Some([crumb].into_iter().chain(session).collect())
    }
}
