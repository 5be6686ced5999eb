//! A build, or what waits in the queue, as it is at this moment, with what a change of it must know.

use super::{
    dispatch::{self, Start},
    force::{self, Force},
    input::{self, Input},
    rebuild::{self, Rebuild},
};
use crate::{
    clean,
    domain::{Again, Held, Id, Inputs, Run, RunNow, RunStatus, Verb},
    sources::{
        SourceError,
        jenkins::{
            api::{Api, Need},
            keys,
            wire::{Build, ORIGIN, QUEUE_ITEM, Queued, STATE},
        },
    },
    text::Clean,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// It, and what was read for one verb.
#[derive(Debug)]
pub(super) struct Now {
    pub run: RunNow,
    /// Its job.
    pub path: String,
    /// The number of the build, or of the item of the queue.
    pub number: u64,
    pub pages: Pages,
    pub what: What,
}

/// Where a person does what can not be done from here.
#[derive(Debug)]
pub(super) struct Pages {
    pub job: Clean,
    pub build: Clean,
}

/// What was read of it.
#[derive(Debug)]
pub(super) enum What {
    /// How it stands.
    Build,
    /// It is, or was, in the queue, and has become a build where that is told.
    Queued { began: Option<u64> },
    /// What would be built.
    Rebuild(Rebuild),
    /// What would be started.
    Start(Start),
    /// How it would be ended by force; none where its kind knows nothing but a stop.
    Force(Option<Force>),
    /// What it asks; none where nobody tells.
    Asks(Option<Vec<Input>>),
}

impl Now {
    /// The one question that is asked.
    pub fn question(&self) -> Option<&str> {
        match &self.what {
            What::Asks(Some(asks)) => asks.first().map(|input| input.id.as_str()),
            _ => None,
        }
    }
}

/// Reads it.
pub(super) async fn read(api: &Api, id: &Id<Run>, verb: Verb) -> Result<Now, SourceError> {
    match (keys::of_run(id), keys::of_queued(id)) {
        (Some((path, number)), _) => build(api, id, (path, number), verb).await,
        (None, Some((path, item))) => queued(api, path, item).await,
        (None, None) => Err(SourceError::NotFound(clean!("{} is not a build of Jenkins", id.key()))),
    }
}

async fn build(api: &Api, id: &Id<Run>, (path, number): (&str, u64), verb: Verb) -> Result<Now, SourceError> {
    let fields = format!("_class,{STATE},{ORIGIN}");
    let build: Build = api.read(Need::Change, path, Api::fields(path, &[&number.to_string()], &fields)).await?;
    let over = build.status().over();
    let what = match verb {
        Verb::Rerun => What::Rebuild(rebuild::read(api, id, path, &build).await?),
        Verb::Dispatch => What::Start(dispatch::read(api, id, path, &build).await?),
        Verb::ForceCancel if !over => What::Force(force::read(api, path, number, &build).await),
        Verb::Approve | Verb::Reject if build.alive() => What::Asks(input::read(api, path, number).await?),
        _ => What::Build,
    };
    let held: Vec<Held> = match &what {
        What::Asks(Some(asks)) => asks.iter().map(Input::held).collect(),
        _ => Vec::new(),
    };
    let waiting = held.first().map(|held| held.environment.clean().clone());
    let run = build.run(api, &api.item(path), None, waiting.as_ref());
    let again = match &what {
        What::Rebuild(rebuild) => Again::Anew { newest: rebuild.newest, same: rebuild.same(&run) },
        What::Start(start) => Again::Fresh { newest: start.newest, on: held_by(&run) },
        _ => Again::Anew { newest: None, same: Clean::EMPTY },
    };
    let inputs = match &what {
        What::Start(start) => start.inputs.clone(),
        _ => Ok(Inputs::default()),
    };
    let pages = Pages { job: api.pages(path, &[]), build: api.page(path, number) };
    Ok(Now { run: RunNow { run, failed: Vec::new(), held, again, inputs }, path: path.to_owned(), number, pages, what })
}

/// What a build builds: Jenkins is told no commit.
fn held_by(run: &Run) -> Clean {
    if run.branch.is_empty() { "what its job and its sources hold by then".into() } else { clean!("what {} holds by then", run.branch) }
}

/// What an item of the queue tells once it has left it: for five minutes, then Jenkins forgets it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Left {
    cancelled: Option<bool>,
    executable: Option<Executable>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Executable {
    number: Option<u64>,
}

async fn queued(api: &Api, path: &str, item: u64) -> Result<Now, SourceError> {
    let fields = format!("cancelled,executable[number],{QUEUE_ITEM}");
    let told = api.find_for::<Box<RawValue>>(Need::Change, "the queue", Api::fields("", &["queue", "item", &item.to_string()], &fields)).await?;
    let gone = || SourceError::NotFound(clean!("it has left the queue, and Jenkins has forgotten what became of it"));
    let told = told.ok_or_else(gone)?;
    let unread = |why: serde_json::Error| SourceError::Protocol(clean!("the queue: item {item} can not be read: {why}"));
    let left: Left = serde_json::from_str(told.get()).map_err(unread)?;
    let waits: Queued = serde_json::from_str(told.get()).map_err(unread)?;
    let job = api.item(path);
    let began = left.executable.and_then(|executable| executable.number);
    let mut run = waits.run(api, &job, began.unwrap_or(job.next));
    match (left.cancelled, began) {
        (Some(true), _) => run.status = RunStatus::Cancelled,
        (_, Some(_)) => run.status = RunStatus::Running,
        _ => {}
    }
    let pages = Pages { job: api.pages(path, &[]), build: run.url.clone() };
    let again = Again::Anew { newest: None, same: Clean::EMPTY };
    let run = RunNow { run, failed: Vec::new(), held: Vec::new(), again, inputs: Ok(Inputs::default()) };
    Ok(Now { run, path: path.to_owned(), number: item, pages, what: What::Queued { began } })
}
