//! Requests to one GitHub: one after the other, within the budget, and every refusal in words that name the remedy.

use super::{
    deployments::Records,
    meter::{Allowance, Meter, Need},
};
use crate::{
    clean,
    domain::{SourceId, Stage},
    sources::{
        SourceError,
        ci::{Board, Ends, Hurry, Pace, Started, Usual},
        gates::Gates,
        http::{Ask, Budget, HeaderName, HeaderValue, Http, Method, Opened, Reply, Transport},
        refusal::Refusal,
    },
    text::Clean,
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Without a token: the 60 requests of an hour must last. With one a request for what has not changed costs nothing.
pub(super) const ANONYMOUS: Pace = Pace { busy: Duration::from_secs(150), idle: Duration::from_secs(300), jobs: Duration::from_secs(90) };

/// The requests of an hour where GitHub does not say: with a token, and without one.
const KNOWN: Allowance = Allowance::Token(5_000);
const UNKNOWN: Allowance = Allowance::Anonymous(60);

/// Who we are to it, for sentences.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// `github.com`.
    pub host: Clean,
    /// Where the token is, if there is one: `the variable GITHUB_TOKEN`.
    pub token: Option<Clean>,
}

/// The way to one GitHub, shared by its feeds.
pub(super) struct Api {
    pub id: SourceId,
    pub login: Login,
    pub pace: Pace,
    pub gates: Gates,
    pub board: Board,
    pub usual: Mutex<Usual>,
    pub records: Records,
    pub hurry: Hurry,
    pub started: Started,
    /// How far back the lists go.
    pub ends: Ends<Timestamp>,
    http: Http,
    meter: Mutex<Meter>,
    turn: tokio::sync::Mutex<()>,
    notes: Mutex<BTreeMap<String, Clean>>,
}

impl Api {
    pub fn new(id: SourceId, login: Login, http: Http, pace: Pace, gates: Gates, usual: Usual) -> Self {
        let meter = Mutex::new(Meter::new(if login.token.is_some() { KNOWN } else { UNKNOWN }, Timestamp::now()));
        let (board, turn, notes) = (Board::default(), tokio::sync::Mutex::default(), Mutex::default());
        let (records, hurry, started, ends) = (Records::default(), Hurry::default(), Started::default(), Ends::default());
        Self { id, login, pace, gates, board, usual: Mutex::new(usual), records, hurry, started, ends, http, meter, turn, notes }
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left of the budget: `4,912 left`.
    pub fn budget(&self) -> Option<Clean> {
        self.meter().words()
    }

    /// How much slower than usual to ask.
    pub fn slowness(&self) -> u32 {
        self.meter().slowness()
    }

    /// What is wrong with single repositories.
    pub fn notes(&self) -> Vec<Clean> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Remembers what is wrong with one repository, or that nothing is.
    pub fn note(&self, repository: &str, words: Option<Clean>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        match words {
            Some(words) => notes.insert(repository.to_owned(), words),
            None => notes.remove(repository),
        };
    }

    /// Whether it answers a connection.
    pub fn probe(&self) -> futures::future::BoxFuture<'static, bool> {
        self.http.probe()
    }

    /// A request below a repository.
    pub fn ask(repository: &str, path: &[&str]) -> Ask {
        Self::afresh(repository, path).conditional()
    }

    /// The same, whatever is remembered of it: what a token may do is told in headers, and those of an answer that has not changed are old.
    pub fn afresh(repository: &str, path: &[&str]) -> Ask {
        let parts = repository.split('/').chain(path.iter().copied());
        headed(parts.fold(Ask::get("repos"), Ask::segment))
    }

    /// A change below a repository.
    pub fn change(method: Method, repository: &str, path: &[&str], json: Option<Bytes>) -> Ask {
        let parts = repository.split('/').chain(path.iter().copied());
        headed(parts.fold(Ask::change(method, "repos", json), Ask::segment))
    }

    /// Reads JSON about `repository`, and the next page where there is one.
    pub async fn read<T: DeserializeOwned>(&self, need: Need, repository: &str, ask: Ask) -> Result<(T, Option<Ask>), Refusal> {
        let asked = ask.clone();
        let reply = self.reply(need, repository, ask).await?;
        let next = reply.next().map(|url| asked.turned(&url));
        Ok((reply.json().map_err(Refusal::of_answer)?, next))
    }

    /// Reads JSON about `repository`, and the scopes of a classic token, which GitHub tells along with every answer.
    pub async fn read_with_scopes<T: DeserializeOwned>(&self, need: Need, repository: &str, ask: Ask) -> Result<(T, Option<Clean>), Refusal> {
        let reply = self.reply(need, repository, ask).await?;
        let scopes = reply.header("x-oauth-scopes").map(Clean::from_untrusted);
        Ok((reply.json().map_err(Refusal::of_answer)?, scopes))
    }

    async fn reply(&self, need: Need, repository: &str, ask: Ask) -> Result<Reply, Refusal> {
        self.admit(need).await?;
        let _turn = self.turn.lock().await;
        let reply = self.http.send(ask).await?;
        if !reply.status.is_success() {
            return Err(self.trouble(repository, &reply));
        }
        self.meter().answered(Budget::read(&reply.headers), reply.unchanged);
        Ok(reply)
    }

    /// Sends a change, once, and gives back whatever is answered.
    ///
    /// # Errors
    /// That nothing was sent, because GitHub wants us to wait; or that the answer was lost.
    pub async fn send(&self, ask: Ask) -> Result<Reply, SourceError> {
        self.admit(Need::Person).await?;
        let _turn = self.turn.lock().await;
        self.http.send(ask.staying()).await
    }

    /// Sends a change about `repository`, once, and tells what came of it, with the status of the answer. It is never sent again.
    pub async fn carry(&self, repository: &str, ask: Ask) -> (Stage, u16) {
        let (stage, reply) = self.carry_told(repository, ask).await;
        let none = if matches!(stage, Stage::Refused { .. }) { 429 } else { 0 };
        (stage, reply.map_or(none, |reply| reply.status.as_u16()))
    }

    /// The same with the answer, where there was one.
    pub async fn carry_told(&self, repository: &str, ask: Ask) -> (Stage, Option<Reply>) {
        self.hurry.changed(repository);
        let reply = match self.send(ask).await {
            Ok(reply) => reply,
            Err(error @ SourceError::RateLimited { .. }) => return (Stage::Refused { why: clean!("{error}") }, None),
            Err(error) => return (Stage::Unclear { why: clean!("{error}") }, None),
        };
        let (status, said) = (reply.status.as_u16(), reply.said());
        let stage = match status {
            200..=299 => {
                let request = reply.header("x-github-request-id").map(Clean::from_untrusted);
                Stage::Accepted { request, warnings: Vec::new(), revision: None, generation: None }
            }
            // What it says is about the run; that the token may not is checked before.
            403 if !self.limits(&reply) && reply.header("x-github-sso").is_none() => {
                Stage::Refused { why: clean!("{repository}: {} refuses it: {said}{}", self.login.host, needs(&reply)) }
            }
            409 | 422 => Stage::Refused { why: clean!("{repository}: {} refuses it: {said}", self.login.host) },
            // Where that leads nobody goes with a change: nothing was done of it there or here.
            301 | 302 | 307 | 308 => Stage::Refused {
                why: clean!(
                    "{repository}: {} sends it on to another place, where a change is not sent: it was renamed or moved, or a login stands between",
                    self.login.host
                ),
            },
            400..=499 => Stage::Refused { why: clean!("{}: {said}", SourceError::from(self.trouble(repository, &reply)).why().words) },
            _ => Stage::Unclear { why: clean!("{} answers with {status}: {said}", self.login.host) },
        };
        (stage, Some(reply))
    }

    /// How far GitHub's clock is ahead of ours.
    pub fn clock_offset(&self) -> Option<jiff::SignedDuration> {
        self.http.clock_offset()
    }

    /// Opens what is sent from another place, chunk by chunk; that place is not told who we are.
    pub async fn open(&self, need: Need, ask: Ask) -> Result<Opened, SourceError> {
        self.admit(need).await?;
        let _turn = self.turn.lock().await;
        self.http.open(ask).await
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

    /// What a refusal means (facts of GitHub's limits and tokens: its REST documentation).
    pub fn trouble(&self, repository: &str, reply: &Reply) -> Refusal {
        let now = Timestamp::now();
        let said = reply.said();
        let (host, status) = (&self.login.host, reply.status.as_u16());
        if self.limits(reply) {
            let budget = Budget::read(&reply.headers);
            let asked = crate::sources::http::retry_after(&reply.headers, now);
            let spent = budget.as_ref().is_some_and(|budget| budget.left == 0);
            let words = self.limit(spent, &said);
            return Refusal::Everywhere(self.meter().refused(budget, asked, &words, now));
        }
        match status {
            401 => Refusal::Everywhere(SourceError::Denied(self.unknown(&said))),
            403 => Refusal::Here(SourceError::Denied(self.forbidden(repository, reply, &said))),
            404 | 410 | 451 => Refusal::Here(SourceError::NotFound(self.missing(repository))),
            _ => match reply.clone().good() {
                Err(error) => Refusal::of_answer(error),
                Ok(_) => Refusal::Faulty(SourceError::Protocol(clean!("{host} answers with {status}"))),
            },
        }
    }

    /// Whether it asks us to wait. A 403 does by a budget that is spent, by a time, or in words.
    fn limits(&self, reply: &Reply) -> bool {
        let spent = || Budget::read(&reply.headers).is_some_and(|budget| budget.left == 0);
        let asked = || crate::sources::http::retry_after(&reply.headers, Timestamp::now()).is_some();
        let lower = reply.said().to_lowercase();
        let says = lower.contains("rate limit") || lower.contains("abuse detection");
        reply.status == 429 || (reply.status == 403 && (says || spent() || asked()))
    }

    fn limit(&self, spent: bool, said: &Clean) -> Clean {
        let host = &self.login.host;
        match (&self.login.token, spent) {
            (None, true) => clean!("the 60 requests that {host} allows an hour without a token are spent; set GITHUB_TOKEN, or run `gh auth login`"),
            (Some(token), true) => clean!("the requests of this hour are spent at {host} for {token}; it goes on when the hour is over"),
            (_, false) => clean!("{host} asks us to wait: {said}"),
        }
    }

    fn unknown(&self, said: &Clean) -> Clean {
        let host = &self.login.host;
        match &self.login.token {
            Some(token) => clean!(
                "{host} does not accept the token of {token} ({said}): it has expired, was revoked, or belongs to another host. Make a new one, or run `gh auth login --hostname {host}`"
            ),
            None => {
                clean!("{host} wants a login ({said}); name token_env, token_file or token_command in [[source]], or run `gh auth login --hostname {host}`")
            }
        }
    }

    fn forbidden(&self, repository: &str, reply: &Reply, said: &Clean) -> Clean {
        let Some(token) = &self.login.token else {
            return clean!("{repository}: {} wants a login for this ({said}); set GITHUB_TOKEN, or run `gh auth login`", self.login.host);
        };
        if let Some(sso) = reply.header("x-github-sso").filter(|sso| sso.contains("required")) {
            let url = sso.split_once("url=").map_or("its single sign-on page", |(_, url)| url);
            return clean!("{repository}: the organisation wants single sign-on for the token of {token}; open {url} and authorise it");
        }
        clean!("{repository}: the token of {token} may not read this ({said}){}", needs(reply))
    }

    fn missing(&self, repository: &str) -> Clean {
        let host = &self.login.host;
        match &self.login.token {
            Some(token) => clean!(
                "{repository}: {host} answers \"not found\", also where the token of {token} may not look. Check the name, and that the token may read Actions there (classic: repo)"
            ),
            None => clean!("{repository}: {host} knows no such public repository; a private one needs a token: set GITHUB_TOKEN, or run `gh auth login`"),
        }
    }
}

/// What a token needs for it, where GitHub says so.
fn needs(reply: &Reply) -> Clean {
    let needs = reply.header("x-accepted-github-permissions").filter(|needs| !needs.is_empty());
    needs.map_or(Clean::EMPTY, |needs| clean!("; it needs {needs}"))
}

fn headed(ask: Ask) -> Ask {
    ask.header(HeaderName::from_static("accept"), HeaderValue::from_static("application/vnd.github+json"))
        .header(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"))
}
