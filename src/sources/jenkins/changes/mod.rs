//! What is done to a build: built again, stopped, ended by force, its question answered, another one started beside it. It is read afresh before
//! the one request, and that is sent once.

mod answer;
mod dispatch;
mod force;
mod input;
mod now;
mod post;
mod rebuild;

#[cfg(test)]
mod tests;

use super::api::{Api, Login};
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Given, Id, Operation, Outcome, Run, Stage, Subject, Verb},
    gate::Warrant,
    sources::{
        SourceError,
        ci::Started,
        http::{HeaderName, HeaderValue},
        steps,
    },
    text::Clean,
};
use force::Force;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use now::{Now, What};
use post::Post;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// What Jenkins does with builds. A build of which only that runs again which failed is none of it.
pub(super) const VERBS: [Verb; 6] = [Verb::Rerun, Verb::Cancel, Verb::ForceCancel, Verb::Approve, Verb::Reject, Verb::Dispatch];

const CHECKS: [CheckKind; 2] = [CheckKind::Pipeline, CheckKind::Rights];

/// What was planned and asked for here, by the run that it is about.
#[derive(Default)]
pub(super) struct Memory {
    /// How a plan said that a build would be ended by force: no other way is gone then.
    forces: Mutex<HashMap<Id<Run>, Force>>,
    /// The item of the queue that Jenkins named for the build that repeats another one, or was started beside it.
    started: Started,
}

impl Memory {
    fn planned(&self, run: &Id<Run>, force: Force) {
        self.forces.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), force);
    }

    fn force(&self, run: &Id<Run>) -> Option<Force> {
        self.forces.lock().unwrap_or_else(PoisonError::into_inner).get(run).copied()
    }
}

/// The run as it is at this moment.
pub(super) async fn subject(api: &Api, run: &Id<Run>, verb: Verb) -> Result<Subject, SourceError> {
    Ok(now::read(api, run, verb).await?.run.subject(verb))
}

/// What would be in its way.
pub(super) fn prepare(api: Arc<Api>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let (verb, run): (Verb, Id<Run>) = (operation.verb, operation.subject.cast());
        let now = now::read(&api, &run, verb).await?;
        if let What::Force(Some(force)) = now.what {
            api.memory.planned(&run, force);
        }
        let command = request(verb, &now, &operation.inputs).map(|post| Check::Command(post.by_hand(&api.login)));
        let found = [can(verb, &now), rights(verb, &api.login)].map(Check::Made);
        Ok(stream::iter(command.into_iter().chain(found)).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

/// Whether Jenkins would do it.
fn can(verb: Verb, now: &Now) -> Finding {
    let (kind, over) = (CheckKind::Pipeline, now.run.run.status.over());
    match (verb, &now.what) {
        (_, What::Queued { began: Some(number) }) => {
            kind.block(clean!("it has left the queue and is build #{number} by now"), Some("choose that build in the list".into()))
        }
        (_, What::Queued { .. }) if over => kind.block("it was taken out of the queue: nothing of it runs", None),
        (Verb::Cancel, What::Queued { .. }) => kind.ok("it waits in the queue and is taken out of it: nothing of it has run"),
        (_, What::Queued { .. }) => kind.block("it waits in the queue: nothing of it runs yet", Some("X takes it out of the queue".into())),
        (Verb::Rerun, _) if !over => kind.block("it is not over: only what has ended is built again", Some("stop it, or wait for its end".into())),
        (Verb::Rerun, What::Rebuild(rebuild)) => rebuild.finding(&now.pages),
        (Verb::Dispatch, What::Start(start)) => start.finding(&now.run, &now.pages),
        (Verb::Cancel | Verb::ForceCancel, _) if over => kind.block("it is over: nothing is left to stop", None),
        (Verb::Cancel, _) => kind.ok("it can be stopped"),
        (Verb::ForceCancel, What::Force(force)) => force::finding(*force),
        (Verb::Approve | Verb::Reject, What::Asks(asks)) => input::finding(verb, asks.as_deref(), &now.pages),
        (Verb::Approve | Verb::Reject, _) => kind.block("it asks nobody anything", None),
        _ => kind.unknown("it was not read for that"),
    }
}

/// Jenkins tells nobody beforehand what he may do.
fn rights(verb: Verb, login: &Login) -> Finding {
    let kind = CheckKind::Rights;
    let user = login.token.as_ref().map(|(user, _)| user.clone()).unwrap_or_default();
    let may = |right: &'static str| kind.unknown(clean!("Jenkins does not tell beforehand what {user} may do there: it takes {right}"));
    match verb {
        Verb::Rerun | Verb::Dispatch => may("Job/Build"),
        Verb::Cancel | Verb::ForceCancel => may("Job/Cancel"),
        Verb::Approve => kind.unknown(clean!("whom the step lets answer is not told: whether {user} is among them shows when the answer is sent")),
        _ => kind.unknown(clean!("whom the step lets answer is not told; who has Job/Cancel may say no to it too")),
    }
}

/// The one request, where there is one that does it.
fn request(verb: Verb, now: &Now, given: &[Given]) -> Option<Post> {
    let (path, build) = (now.path.as_str(), now.number.to_string());
    let at = |what: &str| Some(Post::at(path, &[&build, what]));
    match (verb, &now.what) {
        (Verb::Cancel, What::Queued { began: None }) => Some(Post::at("", &["queue", "cancelItem"]).with("id", &build)),
        (Verb::Rerun, What::Rebuild(rebuild)) => rebuild.request(path),
        (Verb::Dispatch, What::Start(start)) => Some(start.request(path, given)),
        (Verb::Cancel, What::Build) => at("stop"),
        (Verb::ForceCancel, What::Force(Some(force))) => at(force.word()),
        (Verb::Approve | Verb::Reject, What::Asks(Some(asks))) => match &asks[..] {
            [one] => one.answer(verb, path, &build),
            _ => None,
        },
        _ => None,
    }
}

/// Carries it out, once.
pub(super) fn carry_out(api: Arc<Api>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(api, warrant), answer::send)
}

/// The one request. It owns the warrant, so that there is no second one.
struct Ready {
    api: Arc<Api>,
    verb: Verb,
    run: Id<Run>,
    path: String,
    number: u64,
    /// The question that is answered.
    question: Option<String>,
    post: Post,
    crumb: Vec<(HeaderName, HeaderValue)>,
    _warrant: Warrant,
}

async fn make_ready(api: Arc<Api>, warrant: Warrant) -> Result<Ready, Stage> {
    let operation = warrant.operation();
    let (verb, run): (Verb, Id<Run>) = (operation.verb, operation.subject.cast());
    let now = now::read(&api, &run, verb).await.map_err(|error| steps::not_sent(&error))?;
    let conflict = |what: Clean| Stage::Conflict { what, same: false };
    if let Some(what) = now.run.moved(verb, &operation.from).or_else(|| now.run.refuses(&operation.inputs)) {
        return Err(conflict(what));
    }
    let found = can(verb, &now);
    if found.outcome == Outcome::Block {
        return Err(conflict(found.sentence));
    }
    if let What::Force(Some(force)) = now.what
        && api.memory.force(&run) != Some(force)
    {
        return Err(conflict(clean!("{} would be sent by now, and that was not what the plan said", force.word())));
    }
    let Some(post) = request(verb, &now, &operation.inputs) else { return Err(conflict(found.sentence)) };
    let crumb = api.crumb().await.map_err(|error| steps::not_sent(&error))?;
    let question = now.question().map(str::to_owned);
    Ok(Ready { verb, run, question, post, crumb, path: now.path, number: now.number, api, _warrant: warrant })
}
