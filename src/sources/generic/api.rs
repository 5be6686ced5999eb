//! Requests to one CI: one after the other, within the budget, and every refusal in words that name the remedy.

use super::{
    preset::{Next, Preset},
    worker::Worker,
};
use crate::{
    clean,
    domain::SourceId,
    sources::{
        SourceError,
        ci::{
            Pace,
            meter::{Allowance, Meter, Need},
        },
        http::{Ask, Budget, Http, Reply, Transport, retry_after},
    },
    text::{Clean, Name},
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The largest answer.
const LARGEST: usize = 8 << 20;

/// What is asked, and of whom.
pub(super) struct Plan {
    /// How it is asked and understood.
    pub preset: Preset,
    /// The first page of its list.
    pub list: Ask,
    /// How many runs are wanted, and how many one page has.
    pub newest: usize,
    /// The repository, where a run does not say it.
    pub repository: Name,
    /// `ci.example:8080`.
    pub host: Clean,
    /// Where the token is, if there is one.
    pub token: Option<Clean>,
}

impl Plan {
    /// How many runs one page has.
    pub fn count(&self) -> usize {
        self.newest.min(self.preset.most)
    }
}

/// The way to one CI.
pub(super) struct Api {
    pub id: SourceId,
    pub plan: Plan,
    pub pace: Pace,
    pub worker: Worker,
    http: Http,
    meter: Mutex<Meter>,
    turn: tokio::sync::Mutex<()>,
    pause: Mutex<Option<Timestamp>>,
    notes: Mutex<BTreeMap<&'static str, Clean>>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Api {
    pub fn new(id: SourceId, plan: Plan, pace: Pace, worker: Worker, http: Http) -> Self {
        let meter = Mutex::new(Meter::new(Allowance::Unsaid, Timestamp::now()));
        Self { id, plan, pace, worker, http, meter, turn: tokio::sync::Mutex::default(), pause: Mutex::default(), notes: Mutex::default() }
    }

    /// What is left of the budget, where it is told.
    pub fn budget(&self) -> Option<Clean> {
        lock(&self.meter).words()
    }

    /// How much slower than usual to ask.
    pub fn slowness(&self) -> u32 {
        lock(&self.meter).slowness()
    }

    /// Until when it wants to be left alone, though it answered.
    pub fn pause(&self) -> Option<Timestamp> {
        *lock(&self.pause)
    }

    /// What could not be read.
    pub fn notes(&self) -> Vec<Clean> {
        lock(&self.notes).values().cloned().collect()
    }

    /// Remembers what is wrong with something, or that nothing is.
    pub fn note(&self, about: &'static str, words: Option<Clean>) {
        match words {
            Some(words) => lock(&self.notes).insert(about, words),
            None => lock(&self.notes).remove(about),
        };
    }

    /// Whether it answers a connection.
    pub fn probe(&self) -> BoxFuture<'static, bool> {
        self.http.probe()
    }

    /// A good answer, which is JSON.
    pub async fn read(&self, ask: Ask) -> Result<Reply, SourceError> {
        self.admit().await?;
        let _turn = self.turn.lock().await;
        let reply = self.http.send(ask.conditional().up_to(LARGEST)).await?;
        let now = Timestamp::now();
        if !reply.status.is_success() || reply.is_login() {
            return Err(self.trouble(&reply, now));
        }
        lock(&self.meter).answered(Budget::read(&reply.headers), reply.unchanged);
        // Azure DevOps answers whom it slows down, and says how long to wait before the next request.
        *lock(&self.pause) = retry_after(&reply.headers, now);
        reply.json::<Box<RawValue>>()?;
        Ok(reply)
    }

    /// The page after `reply`, which was the `page`th and told so many.
    pub fn next(&self, reply: &Reply, page: usize, told: usize) -> Option<Ask> {
        let with = |parameter: &str, value: &str| Some(value).filter(|value| !value.is_empty()).map(|value| self.plan.list.clone().with(parameter, value));
        match &self.plan.preset.next {
            Next::Link => reply.next().map(Ask::page),
            Next::Count(parameter) if told >= self.plan.count() => with(parameter, &(page + 1).to_string()),
            Next::Count(_) => None,
            Next::Header(name, parameter) => with(parameter, reply.header(name)?),
            Next::Field(name, parameter) => with(parameter, reply.json::<serde_json::Value>().ok()?.get(name)?.as_str()?),
        }
    }

    /// Waits for the budget.
    async fn admit(&self) -> Result<(), SourceError> {
        loop {
            let wait = lock(&self.meter).take(Need::List, Timestamp::now())?;
            if wait.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// What a refusal means.
    fn trouble(&self, reply: &Reply, now: Timestamp) -> SourceError {
        let (host, said) = (&self.plan.host, reply.said());
        let budget = Budget::read(&reply.headers);
        let asked = retry_after(&reply.headers, now);
        let spent = budget.as_ref().is_some_and(|budget| budget.left == 0);
        match reply.status.as_u16() {
            status if status == 429 || (status == 403 && (asked.is_some() || spent)) || (status == 503 && asked.is_some()) => {
                lock(&self.meter).refused(budget, asked, &clean!("{host} asks us to wait: {said}"), now)
            }
            401 => SourceError::Denied(self.unknown(&said)),
            _ if reply.is_login() => SourceError::Denied(self.unknown(&"a login for people instead of an answer".into())),
            403 => SourceError::Denied(match &self.plan.token {
                Some(token) => clean!("the token of {token} may not read this at {host} ({said}){}", self.remedy()),
                None => clean!("{host} wants a login for this ({said}){}", self.remedy()),
            }),
            404 | 410 => SourceError::NotFound(clean!(
                "{host} answers \"not found\", also where we may not look ({said}). Check the url, its values, and what the token may read{}",
                self.remedy()
            )),
            _ => match reply.clone().good() {
                Err(error) => error,
                Ok(_) => SourceError::Protocol(clean!("{host} answers with {}", reply.status)),
            },
        }
    }

    fn unknown(&self, said: &Clean) -> Clean {
        let host = &self.plan.host;
        match &self.plan.token {
            Some(token) => clean!("{host} does not accept the token of {token} ({said}): it has expired, was revoked, or is of another kind{}", self.remedy()),
            None => clean!("{host} wants a login ({said}); name token_env, token_file or token_command in [[source]]{}", self.remedy()),
        }
    }

    fn remedy(&self) -> Clean {
        match self.plan.preset.remedy.as_str() {
            "" => Clean::EMPTY,
            remedy => clean!(". {remedy}"),
        }
    }
}
