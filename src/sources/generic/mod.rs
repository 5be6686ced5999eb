//! Any CI that can be asked over HTTP: a jq expression makes runs of what it answers. Presets know how some are asked and read
//! (`config/presets`); for any other one the table says it. Only read: runs, and nothing of their jobs, their logs, or changes.

mod api;
mod filter;
mod preset;
mod record;
mod runs;
mod worker;

#[cfg(test)]
mod tests;

pub use super::ci::Pace;
pub use worker::{FACE, serve};

use super::{
    Made, Source, SourceError, Wish,
    ci::Newest,
    http::{Ask, Http, Settings, Url, Written},
    steps,
};
use crate::{
    clean,
    config::{ConfigError, Period, SourceConfig},
    domain::{Answer, Batch, Check, Cursor, Feed, FeedKind, Offers, Operation, Question, SourceId, Stage, Trouble, Why},
    gate::Warrant,
    text::{Clean, Name},
};
use api::{Api, Plan};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use preset::{Next, Preset, Token, filled};
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use worker::Worker;

/// What `[[source]] kind = "http"` understands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// A system that is known.
    preset: Option<String>,
    /// The values that the preset needs.
    #[serde(default)]
    values: BTreeMap<String, String>,
    /// Where it is; without a preset the whole address of its list.
    url: Option<String>,
    /// Without a preset: the jq expression that makes runs of the answer.
    runs: Option<String>,
    /// Without a preset: the parameters of the request.
    query: Option<BTreeMap<String, String>>,
    /// Without a preset: the header that the token is sent in, instead of `Authorization: Bearer …`.
    token_header: Option<String>,
    /// The user whose password the secret is.
    username: Option<String>,
    /// The repository as services name it, where the CI does not say it so.
    repository: Option<String>,
    /// How many of the newest runs are shown.
    #[serde(default)]
    newest: Newest<20>,
    /// How often it is asked while something runs.
    interval: Option<Period>,
    /// The authorities to trust instead of the system's, as a PEM file.
    ca_file: Option<PathBuf>,
}

/// The shortest and the longest time between two looks.
const OFTEN: Duration = Duration::from_secs(5);
const SELDOM: Duration = Duration::from_secs(3_600);

/// One list of runs.
pub struct Generic {
    api: Arc<Api>,
    read_only: bool,
}

/// Makes the source that the configuration names.
pub fn connect(wish: &Wish<'_>) -> Vec<Made> {
    wish.table.map(|table| made(table, wish.read_only, None, Worker::own())).into_iter().collect()
}

/// As [`connect`] with a table, at another pace and with `program` to run expressions: for tests.
pub fn paced(table: &SourceConfig, pace: Pace, program: PathBuf) -> Made {
    made(table, false, Some(pace), program)
}

/// What is wrong with its table.
pub fn check(source: &SourceConfig) -> Vec<ConfigError> {
    let (table, mut errors) = source.read_partly::<Table>();
    let Some(table) = table else { return errors };
    let written = Written { url: table.url.as_deref(), secret: source.credential().is_some(), ..Written::default() };
    errors.extend(super::http::check(source, &written));
    errors.extend(wrong(&table).into_iter().map(|(key, why)| source.error(key, &why)));
    errors
}

type Wrong = (&'static str, Clean);

/// What can not be, by its key.
fn wrong(table: &Table) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = match &table.preset {
        Some(name) => match Preset::named(name) {
            Ok(preset) => with_preset(table, &preset),
            Err(why) => vec![("preset", why)],
        },
        None => without_preset(table),
    };
    if table.interval.is_some_and(|Period(interval)| !(OFTEN..=SELDOM).contains(&interval)) {
        wrong.push(("interval", "write a duration from 5s to 1h; where nothing runs it is asked more seldom by itself".into()));
    }
    wrong
}

fn with_preset(table: &Table, preset: &Preset) -> Vec<Wrong> {
    let own = [("runs", table.runs.is_some()), ("query", table.query.is_some()), ("token_header", table.token_header.is_some())];
    let own = own.into_iter().filter(|(_, written)| *written);
    let own = own.map(|(key, _)| (key, clean!("a preset has this itself; leave it out, or leave the preset out")));
    let place = if table.values.is_empty() { "preset" } else { "values" };
    let values = preset.wrong_values(&table.values).map(|why| (place, why));
    let nowhere = table.url.is_none() && preset.url.is_none();
    let nowhere = nowhere.then(|| ("preset", clean!("`url` is missing: where your {} is, as \"https://ci.example\"", preset.title)));
    own.chain(values).chain(nowhere).collect()
}

fn without_preset(table: &Table) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = Vec::new();
    let known = preset::PRESETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if !table.values.is_empty() {
        wrong.push(("values", "values are for a preset, and none is named".into()));
    }
    match (&table.url, &table.runs) {
        (Some(_), Some(code)) => wrong.extend(filter::check(code).err().map(|why| ("runs", why))),
        (None, None) => wrong.push(("kind", clean!("name a preset ({known}), or write url and runs"))),
        (Some(_), None) => {
            wrong.push(("url", clean!("`runs` is missing: the jq expression that makes runs of what is answered there; or name a preset ({known})")));
        }
        (None, Some(code)) => {
            wrong.push(("runs", "`url` is missing: the address of the list that this is made of".into()));
            wrong.extend(filter::check(code).err().map(|why| ("runs", why)));
        }
    }
    wrong.extend(token(table).and_then(|token| token.header()).err().map(|why| ("token_header", why)));
    wrong
}

fn token(table: &Table) -> Result<Token, Clean> {
    match (&table.token_header, &table.username) {
        (Some(_), Some(_)) => Err("a password of a user is sent in a header of its own; keep one of username and token_header".into()),
        (Some(name), None) => Ok(Token::Header(name.clone())),
        (None, _) => Ok(Token::Bearer),
    }
}

/// The preset that is named, or what the table says in place of one.
fn preset(table: &Table) -> Result<Preset, Clean> {
    if let Some(name) = &table.preset {
        return Preset::named(name);
    }
    Ok(Preset {
        title: "the CI".into(),
        url: None,
        values: BTreeMap::new(),
        path: String::new(),
        query: table.query.clone().unwrap_or_default(),
        most: 100,
        token: token(table)?,
        remedy: String::new(),
        next: Next::Link,
        repository: String::new(),
        each: None,
        runs: table.runs.clone().unwrap_or_default(),
    })
}

fn made(source: &SourceConfig, read_only: bool, pace: Option<Pace>, program: PathBuf) -> Made {
    let table: Table = match source.read() {
        Ok(table) => table,
        Err(errors) => return broken(SourceId::new("http"), errors.first().map_or(Clean::EMPTY, |error| clean!("{}: {}", error.place(), error.what()))),
    };
    let id = named(source, &table);
    if let Some((key, why)) = wrong(&table).into_iter().next() {
        return broken(id, clean!("{key}: {why}"));
    }
    match new(id.clone(), &table, source, pace, program) {
        Ok(api) => Made::Source(Arc::new(Generic { api: Arc::new(api), read_only })),
        Err(words) => broken(id, words),
    }
}

const fn broken(id: SourceId, words: Clean) -> Made {
    Made::Broken(id, Why { trouble: Trouble::Unsupported, words })
}

/// `buildkite/acme/cart` by the preset and its values, `http/ci.example` without one; the configuration may call it something else.
fn named(source: &SourceConfig, table: &Table) -> SourceId {
    let kind = table.preset.as_deref().filter(|name| preset::PRESETS.iter().any(|(known, _)| known == name)).unwrap_or("http");
    let host = || table.url.as_deref().and_then(host);
    let values = || Some(table.values.values().map(String::as_str).collect::<Vec<_>>().join("/")).filter(|values| !values.is_empty());
    // What tells a row's key from its source stands in no name.
    let instance = source.name().map(|name| name.clean().to_string()).or_else(values).or_else(host);
    instance.map_or_else(|| SourceId::new(kind), |instance| SourceId::new(&clean!("{kind}/{}", instance.replace('#', "_"))))
}

/// `ci.example:8080` of a URL.
fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let name = url.host_str()?;
    Some(url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}")))
}

fn new(id: SourceId, table: &Table, source: &SourceConfig, pace: Option<Pace>, program: PathBuf) -> Result<Api, Clean> {
    let preset = preset(table)?;
    let url = table.url.clone().or_else(|| preset.url.clone()).unwrap_or_default();
    let host = clean!("{}", host(&url).unwrap_or_default());
    let value = |name: &str| match name {
        "count" => Some(table.newest.0.min(preset.most).to_string()),
        name => table.values.get(name).cloned(),
    };
    let list = preset.path.split('/').filter(|part| !part.is_empty()).fold(Ask::get(""), |ask, part| ask.segment(&filled(part, value)));
    let list = preset.query.iter().fold(list, |ask, (name, text)| ask.with(name, filled(text, value)));
    let repository = table.repository.clone().unwrap_or_else(|| filled(&preset.repository, value));
    let repository = Name::new(if repository.is_empty() { id.instance() } else { &repository });
    let auth = preset.token.auth(table.username.as_deref(), source.credential())?;
    let token = source.credential().map(|credential| clean!("{credential}"));
    let http = Http::new(Settings { url, auth, ca_file: table.ca_file.clone(), ..Settings::default() })?;
    let usual = || {
        let busy = table.interval.map_or(Pace::USUAL.busy, |Period(interval)| interval);
        Pace { busy, idle: Pace::USUAL.idle.max(busy), ..Pace::USUAL }
    };
    let plan = Plan { list, newest: table.newest.0, repository, host, token, preset };
    Ok(Api::new(id, plan, pace.unwrap_or_else(usual), Worker::new(program), http))
}

impl Source for Generic {
    fn id(&self) -> &SourceId {
        &self.api.id
    }

    fn offers(&self) -> Offers {
        let nobody = self.api.plan.token.is_none();
        let nobody = nobody.then(|| Clean::from_static("no token: only what anybody may see; write token_env, token_file or token_command"));
        let lacks = [clean!("runs only: their jobs and logs are read at {} itself, and nothing is changed there from here", self.api.plan.preset.title)];
        Offers {
            feeds: [FeedKind::Runs].into(),
            budget: self.api.budget(),
            lacks: lacks.into_iter().chain(nobody).chain(self.api.notes()).collect(),
            ..Offers::default()
        }
    }

    fn watch(&self, feed: Feed, _after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        match feed {
            Feed::Runs => runs::watch(self.api.clone()),
            Feed::Jobs(_)
            | Feed::Logs(_)
            | Feed::Workloads
            | Feed::Nodes
            | Feed::Holds
            | Feed::Pods(_)
            | Feed::Happenings(_)
            | Feed::Alerts
            | Feed::Rules
            | Feed::Samples
            | Feed::Stats(_) => {
                let error = self.only_runs();
                stream::once(async { Err(error) }).boxed()
            }
        }
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        let error = match question {
            Question::Older { .. } => SourceError::Unsupported(clean!("of {} only the newest are read", self.api.plan.preset.title)),
            _ => self.only_runs(),
        };
        async { Err(error) }.boxed()
    }

    fn prepare(&self, _operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        let error = self.only_runs();
        stream::once(async { Err(error) }).boxed()
    }

    fn act(&self, _warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        if self.read_only {
            return stream::iter([Ok(steps::read_only())]).boxed();
        }
        let error = self.only_runs();
        stream::once(async { Err(error) }).boxed()
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        self.api.probe()
    }
}

impl Generic {
    fn only_runs(&self) -> SourceError {
        SourceError::Unsupported(clean!("of {} only runs are read; look at this one there", self.api.plan.preset.title))
    }
}
