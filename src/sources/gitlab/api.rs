//! Requests to one GitLab: one after the other, within the budget, and every refusal in words that name the remedy.

use super::{
    meter::{Allowance, Meter, Need},
    place::TokenKind,
    wire::WireCommit,
};
use crate::{
    clean,
    domain::{SourceId, Stage},
    sources::{
        SourceError,
        ci::{Board, Ends, Hurry, Pace, Started, Usual},
        gates::Gates,
        http::{Ask, Budget, Http, Method, Opened, Reply, Transport, Url},
        refusal::Refusal,
    },
    text::Clean,
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Who we are to it, for sentences.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// `gitlab.com`.
    pub host: Clean,
    /// Where the token is, if there is one, and what kind it is.
    pub token: Option<(Clean, TokenKind)>,
}

/// The way to one GitLab, shared by its feeds.
pub(super) struct Api {
    pub id: SourceId,
    pub login: Login,
    pub pace: Pace,
    pub gates: Gates,
    pub board: Board,
    pub usual: Mutex<Usual>,
    pub hurry: Hurry,
    pub started: Started,
    /// How far back the lists go.
    pub ends: Ends<Timestamp>,
    http: Http,
    graph: Option<Url>,
    meter: Mutex<Meter>,
    turn: tokio::sync::Mutex<()>,
    notes: Mutex<BTreeMap<String, Clean>>,
}

impl Api {
    pub fn new(id: SourceId, login: Login, (http, graph): (Http, Option<Url>), pace: Pace, gates: Gates, usual: Usual) -> Self {
        let meter = Mutex::new(Meter::new(Allowance::Unsaid, Timestamp::now()));
        let (board, hurry, started, ends) = (Board::default(), Hurry::default(), Started::default(), Ends::default());
        let (turn, notes) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { id, login, pace, gates, board, usual: Mutex::new(usual), hurry, started, ends, http, graph, meter, turn, notes }
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left of the budget, where GitLab tells it.
    pub fn budget(&self) -> Option<Clean> {
        self.meter().words()
    }

    /// How much slower than usual to ask.
    pub fn slowness(&self) -> u32 {
        self.meter().slowness()
    }

    /// What is wrong with single projects.
    pub fn notes(&self) -> Vec<Clean> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Remembers what is wrong with one project, or that nothing is.
    pub fn note(&self, project: &str, words: Option<Clean>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        match words {
            Some(words) => notes.insert(project.to_owned(), words),
            None => notes.remove(project),
        };
    }

    /// Whether it answers a connection.
    pub fn probe(&self) -> futures::future::BoxFuture<'static, bool> {
        self.http.probe()
    }

    /// How far GitLab's clock is ahead of ours.
    pub fn clock_offset(&self) -> Option<jiff::SignedDuration> {
        self.http.clock_offset()
    }

    /// A request below a project.
    pub fn ask(project: &str, path: &[&str]) -> Ask {
        path.iter().copied().fold(Ask::get("projects").segment(project), Ask::segment).conditional()
    }

    /// A question in GraphQL, which may be asked by GET as long as it changes nothing; none where that can not be asked with a token of this kind (GitLab's
    /// documentation of GraphQL and of job tokens).
    pub fn query(&self, query: &str, variables: &Value) -> Option<Ask> {
        let known = self.login.token.as_ref().is_some_and(|(_, kind)| *kind != TokenKind::Job);
        let url = self.graph.clone().filter(|_| known)?;
        Some(Ask::page(url).with("query", query).with("variables", variables.to_string()))
    }

    /// A change below a project.
    pub fn change(method: Method, project: &str, path: &[&str], json: Option<Value>) -> Ask {
        let json = json.map(|json| Bytes::from(json.to_string()));
        path.iter().copied().fold(Ask::change(method, "projects", json).segment(project), Ask::segment)
    }

    /// Reads JSON about `project`, and the next page where there is one.
    pub async fn read<T: DeserializeOwned>(&self, need: Need, project: &str, ask: Ask) -> Result<(T, Option<Ask>), Refusal> {
        self.admit(need).await?;
        let _turn = self.turn.lock().await;
        let asked = ask.clone();
        let reply = self.http.send(ask).await?;
        if !reply.status.is_success() {
            return Err(self.trouble(project, &reply));
        }
        self.meter().answered(Budget::read(&reply.headers), reply.unchanged);
        let next = reply.next().map(|url| asked.turned(&url));
        Ok((reply.json().map_err(Refusal::of_answer)?, next))
    }

    /// What the newest commits of all branches are called, from a time on: one request, each by what it is.
    pub async fn titles(&self, need: Need, project: &str, until: Option<Timestamp>) -> Result<Vec<(String, Clean)>, Refusal> {
        let ask = Self::ask(project, &["repository", "commits"]).with("all", "true").with("per_page", "100");
        let ask = until.into_iter().fold(ask, |ask, until| ask.with("until", until.to_string()));
        let (commits, _) = self.read::<Vec<WireCommit>>(need, project, ask).await?;
        Ok(commits.into_iter().filter_map(|commit| Some((commit.id, Clean::from_untrusted(&commit.title?)))).collect())
    }

    /// Opens a log, chunk by chunk.
    pub async fn open(&self, need: Need, ask: Ask) -> Result<Opened, SourceError> {
        self.admit(need).await?;
        let _turn = self.turn.lock().await;
        self.http.open(ask).await
    }

    async fn send(&self, ask: Ask) -> Result<Reply, SourceError> {
        self.admit(Need::Person).await?;
        let _turn = self.turn.lock().await;
        self.http.send(ask.staying()).await
    }

    /// Sends a change about `what` of `project`, once, and tells what came of it, with the status of the answer. It is never sent again.
    pub async fn carry(&self, project: &str, what: &Clean, ask: Ask) -> (Stage, u16) {
        let (stage, reply) = self.carry_told(project, what, ask).await;
        let none = if matches!(stage, Stage::Refused { .. }) { 429 } else { 0 };
        (stage, reply.map_or(none, |reply| reply.status.as_u16()))
    }

    /// The same with the answer, where there was one.
    pub async fn carry_told(&self, project: &str, what: &Clean, ask: Ask) -> (Stage, Option<Reply>) {
        self.hurry.changed(project);
        let reply = match self.send(ask).await {
            Ok(reply) => reply,
            Err(error @ SourceError::RateLimited { .. }) => return (Stage::Refused { why: clean!("{error}") }, None),
            Err(error) => return (Stage::Unclear { why: clean!("{error}") }, None),
        };
        let (status, said) = (reply.status.as_u16(), faults(&reply).unwrap_or_else(|| reply.said()));
        let stage = match status {
            200..=299 => {
                let request = reply.header("x-request-id").map(Clean::from_untrusted);
                Stage::Accepted { request, warnings: Vec::new(), revision: None, generation: None }
            }
            // What it says is about the job; that the token may not is checked before.
            400 | 403 => Stage::Refused { why: clean!("{what}: {said}") },
            // Where that leads nobody goes with a change: nothing was done of it there or here.
            301 | 302 | 307 | 308 => Stage::Refused {
                why: clean!(
                    "{project}: {} sends it on to another place, where a change is not sent: it was renamed or moved, or a login stands between",
                    self.login.host
                ),
            },
            400..=499 => Stage::Refused { why: SourceError::from(self.trouble(project, &reply)).why().words },
            _ => Stage::Unclear { why: clean!("{} answers with {status}: {said}", self.login.host) },
        };
        (stage, Some(reply))
    }

    /// Waits for the budget.
    async fn admit(&self, need: Need) -> Result<(), SourceError> {
        loop {
            let wait = self.meter().take(need, Timestamp::now())?;
            if wait.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// What a refusal means (facts of GitLab's limits and tokens: its REST documentation).
    pub fn trouble(&self, project: &str, reply: &Reply) -> Refusal {
        let (now, said) = (Timestamp::now(), reply.said());
        let (host, status) = (&self.login.host, reply.status.as_u16());
        match status {
            429 => {
                let words = clean!("{host} asks us to wait: {said}");
                let asked = crate::sources::http::retry_after(&reply.headers, now);
                Refusal::Everywhere(self.meter().refused(Budget::read(&reply.headers), asked, &words, now))
            }
            401 => Refusal::Everywhere(SourceError::Denied(self.unknown(&said))),
            403 => Refusal::Here(SourceError::Denied(self.forbidden(project, &said))),
            404 | 410 => Refusal::Here(SourceError::NotFound(self.missing(project))),
            _ => match reply.clone().good() {
                Err(error) => Refusal::of_answer(error),
                Ok(_) => Refusal::Faulty(SourceError::Protocol(clean!("{host} answers with {status}"))),
            },
        }
    }

    fn unknown(&self, said: &Clean) -> Clean {
        let host = &self.login.host;
        match &self.login.token {
            Some((token, kind)) => {
                let other = match kind {
                    TokenKind::Access => "it has expired, was revoked, belongs to another host, or is of another kind (token_kind = \"oauth\" or \"job\")",
                    TokenKind::OAuth => "it has expired (they live for two hours: `glab auth login` renews it), or is no token of OAuth",
                    TokenKind::Job => "the job that it belongs to is over, or may not ask this",
                };
                clean!("{host} does not accept the token of {token} ({said}): {other}")
            }
            None => {
                clean!("{host} wants a login ({said}); name token_env, token_file or token_command in [[source]], or run `glab auth login --hostname {host}`")
            }
        }
    }

    fn forbidden(&self, project: &str, said: &Clean) -> Clean {
        match &self.login.token {
            Some((token, TokenKind::Job)) => {
                clean!("{project}: the job token of {token} may not read this ({said}): most of it takes an access token with read_api")
            }
            Some((token, _)) => clean!("{project}: the token of {token} may not read this ({said}); it takes the scope read_api and the role Reporter"),
            None => clean!("{project}: {} wants a login for this ({said}); set GITLAB_TOKEN, or run `glab auth login`", self.login.host),
        }
    }

    fn missing(&self, project: &str) -> Clean {
        let host = &self.login.host;
        match &self.login.token {
            Some((token, _)) => clean!(
                "{project}: {host} answers \"not found\", also where the token of {token} may not look. Check the path with all groups, and that the token has read_api and the role Reporter there"
            ),
            None => clean!("{project}: {host} knows no such public project; a private one needs a token: set GITLAB_TOKEN, or run `glab auth login`"),
        }
    }
}

/// What is wrong with what was asked, where that is told by its parts: `{"message":{"base":["…"]}}`.
fn faults(reply: &Reply) -> Option<Clean> {
    let told: Value = serde_json::from_slice(&reply.body).ok()?;
    let parts = told.get("message")?.as_object()?.values().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    let words = parts.collect::<Vec<_>>().join("; ");
    (!words.is_empty()).then(|| Clean::from_untrusted(&words))
}
