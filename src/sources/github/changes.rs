//! What is done to a run: run again, cancelled, let go on or not. It is read afresh before the one request, and that is sent once.

use super::{
    api::Api,
    deployments::rights,
    dispatch, jobs, keys,
    meter::Need,
    wire::{WireJob, WireRun},
};
use crate::{
    clean,
    domain::{Again, Check, CheckKind, Finding, Held, Id, Inputs, Operation, Run, RunNow, RunStatus, Stage, Verb},
    gate::Warrant,
    sources::{
        SourceError,
        http::{Ask, Method},
        steps,
    },
    text::{Clean, Name, Raw},
};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// What can be done. A job that waits is let go on by its environment, and not by itself.
pub(in crate::sources) const VERBS: [Verb; 7] = [Verb::Rerun, Verb::RerunFailed, Verb::Cancel, Verb::ForceCancel, Verb::Approve, Verb::Reject, Verb::Dispatch];
const CHECKS: [CheckKind; 2] = [CheckKind::Pipeline, CheckKind::Rights];
/// GitHub runs nothing again that was asked for longer ago, nor more often (its documentation of re-runs).
pub(super) const OLDEST: SignedDuration = SignedDuration::from_hours(30 * 24);
pub(super) const OFTENEST: u32 = 50;
/// How a run from a fork is held: no environment does it, and another request lets it go on.
const FORK: &str = "fork";

/// An environment that holds a run.
#[derive(Debug, Deserialize)]
struct Pending {
    environment: Option<Environment>,
    current_user_can_approve: Option<bool>,
    #[serde(default)]
    reviewers: Vec<Reviewer>,
}

#[derive(Debug, Deserialize)]
struct Environment {
    id: Option<u64>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reviewer {
    reviewer: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    login: Option<String>,
    name: Option<String>,
}

impl Pending {
    fn held(self) -> Option<Held> {
        let environment = self.environment?;
        let asks = self.reviewers.into_iter().filter_map(|one| one.reviewer).filter_map(|named| named.login.or(named.name));
        Some(Held {
            environment: Name::new(&environment.name?),
            key: Raw::new(&environment.id?.to_string()),
            ours: self.current_user_can_approve,
            asks: asks.map(|name| Clean::from_untrusted(&name)).collect(),
        })
    }
}

/// Of environments that hold a run those that ask a person, and of these those that ask us, where any does: the others stay held, each by its own. A timer
/// and a rule of an app ask nobody, and are told without reviewers.
fn ours(mut held: Vec<Held>) -> Vec<Held> {
    let may = |one: &Held| one.ours != Some(false);
    held.retain(|one| may(one) || !one.asks.is_empty());
    if held.iter().any(may) {
        held.retain(may);
    }
    held
}

/// A run as it is at this moment.
pub(super) async fn now(api: &Api, id: &Id<Run>, verb: Verb) -> Result<RunNow, SourceError> {
    look(api, id, verb).await.map(|(now, _)| now)
}

/// The same, with what GitHub told of the run.
async fn look(api: &Api, id: &Id<Run>, verb: Verb) -> Result<(RunNow, WireRun), SourceError> {
    let (repository, number) = place(id)?;
    let (wire, _) = api.read::<WireRun>(Need::Person, repository, Api::afresh(repository, &["actions", "runs", &number.to_string()])).await?;
    let run = wire.run(&api.id, &Name::new(repository), None);
    let jobs = if run.status == RunStatus::Failed { jobs::all(api, Need::Person, repository, number).await? } else { Vec::new() };
    let held = match (verb, &run.status) {
        (Verb::Approve | Verb::Reject, RunStatus::Waiting(why)) if !wire.alive() => {
            vec![Held { environment: Name::new("a run from a fork"), key: Raw::new(FORK), ours: None, asks: vec![why.clone()] }]
        }
        (Verb::Approve | Verb::Reject, _) if wire.alive() => {
            let ask = Api::afresh(repository, &["actions", "runs", &number.to_string(), "pending_deployments"]);
            let (pending, _) = api.read::<Vec<Pending>>(Need::Person, repository, ask).await?;
            ours(pending.into_iter().filter_map(Pending::held).collect())
        }
        (..) => Vec::new(),
    };
    let (again, inputs) = match verb {
        Verb::Dispatch => dispatch::read(api, repository, &wire, &run).await?,
        _ => (Again::Attempt, Ok(Inputs::default())),
    };
    Ok((RunNow { run, failed: jobs.iter().filter_map(WireJob::failed).collect(), held, again, inputs }, wire))
}

fn place(id: &Id<Run>) -> Result<(&str, u64), SourceError> {
    keys::of_run(id).ok_or_else(|| SourceError::NotFound(clean!("{} is not a run of GitHub", id.key())))
}

/// What would be in its way.
pub(super) fn prepare(api: Arc<Api>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let run: Id<Run> = operation.subject.cast();
        let (repository, number) = place(&run)?;
        let (now, wire) = look(&api, &run, operation.verb).await?;
        let command = match operation.verb {
            Verb::Dispatch => dispatch::command(&api.login.host, wire.file(), &now.run, &operation.inputs),
            verb => command(verb, &api.login.host, repository, number),
        };
        let first = [Check::Command(command), Check::Made(can(operation.verb, &now, Timestamp::now()))];
        let repository = repository.to_owned();
        let rights = stream::once(async move { Check::Made(rights(&api, &repository, "this").await) });
        Ok(stream::iter(first).chain(rights).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

/// Whether GitHub would do it.
fn can(verb: Verb, now: &RunNow, at: Timestamp) -> Finding {
    let (kind, run) = (CheckKind::Pipeline, &now.run);
    let again = matches!(verb, Verb::Rerun | Verb::RerunFailed);
    let held = now.held.iter().map(|held| held.environment.raw()).collect::<Vec<_>>().join(", ");
    match verb {
        Verb::Dispatch => dispatch::finding(now),
        _ if again && !run.status.over() => kind.block("it is not over: GitHub runs again only what has ended", Some("cancel it, or wait for its end".into())),
        _ if again && run.created.is_some_and(|created| at.duration_since(created) > OLDEST) => {
            kind.block("it is older than 30 days: GitHub runs it no more", Some("dispatch the workflow anew".into()))
        }
        _ if again && run.attempt > OFTENEST => kind.block(clean!("it was run again {OFTENEST} times: GitHub allows no more"), None),
        Verb::RerunFailed if now.failed.is_empty() && run.status != RunStatus::Cancelled => {
            kind.block("none of its jobs failed", Some(":rerun runs all of them again".into()))
        }
        _ if again => kind.ok("it can be run again"),
        Verb::Cancel | Verb::ForceCancel if run.status.over() => kind.block("it is over: nothing is left to cancel", None),
        Verb::ForceCancel => kind.warn("what must always run at the end of its jobs does not run then", Some("X asks for an orderly end".into())),
        Verb::Cancel => kind.ok("it can be cancelled"),
        _ if now.held.is_empty() => kind.block("no environment holds it for a person: a timer, a rule or another run does", None),
        _ if now.held.iter().any(|held| held.ours == Some(false)) => {
            let asks: Vec<&str> = now.held.iter().flat_map(|held| held.asks.iter().map(Clean::as_str)).collect();
            kind.block(clean!("whoever owns the token is not among those whom {held} asks"), Some(clean!("it asks {}", asks.join(", "))))
        }
        Verb::Reject if now.held.iter().any(|held| held.key.expose() == FORK) => kind.block("a run from a fork is let go on or left alone", None),
        _ => kind.ok(clean!("it waits for {held}")),
    }
}

/// The same by hand.
pub(in crate::sources) fn command(verb: Verb, host: &str, repository: &str, number: u64) -> Clean {
    let host = if host == "github.com" { String::new() } else { format!("GH_HOST={host} ") };
    match verb {
        Verb::Rerun => clean!("{host}gh run rerun {number} -R {repository}"),
        Verb::RerunFailed => clean!("{host}gh run rerun {number} --failed -R {repository}"),
        Verb::Cancel => clean!("{host}gh run cancel {number} -R {repository}"),
        Verb::ForceCancel => clean!("{host}gh run cancel {number} --force -R {repository}"),
        _ => clean!("{host}gh run view {number} --web -R {repository}"),
    }
}

/// Carries it out, once.
pub(super) fn carry_out(api: Arc<Api>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(api, warrant), |ready: Ready| async move {
        let Ready { api, repository, ask, starts, _warrant } = ready;
        match starts {
            Some((from, workflow)) => dispatch::send(&api, &repository, &from, workflow, ask).await,
            None => api.carry(&repository, ask).await.0,
        }
    })
}

/// The one request. It owns the warrant, so that there is no second one.
struct Ready {
    api: Arc<Api>,
    repository: String,
    ask: Ask,
    /// From which run a workflow is started, and which.
    starts: Option<(Id<Run>, u64)>,
    _warrant: Warrant,
}

async fn make_ready(api: Arc<Api>, warrant: Warrant) -> Result<Ready, Stage> {
    let operation = warrant.operation();
    let (verb, run): (Verb, Id<Run>) = (operation.verb, operation.subject.cast());
    let (repository, number) = place(&run).map_err(|error| steps::not_sent(&error))?;
    let (now, wire) = look(&api, &run, verb).await.map_err(|error| steps::not_sent(&error))?;
    if let Some(what) = now.moved(verb, &operation.from).or_else(|| now.refuses(&operation.inputs)) {
        return Err(Stage::Conflict { what, same: false });
    }
    let (ask, starts) = match verb {
        Verb::Dispatch => {
            let ask = dispatch::request(&api.login.host, repository, wire.workflow(), now.run.branch.raw(), &operation.inputs);
            (ask, Some((run.clone(), wire.workflow())))
        }
        verb => (request(verb, repository, number, &now, &operation.reason), None),
    };
    Ok(Ready { repository: repository.to_owned(), ask, starts, api, _warrant: warrant })
}

fn request(verb: Verb, repository: &str, number: u64, now: &RunNow, reason: &Clean) -> Ask {
    let number = number.to_string();
    let (what, body) = match verb {
        Verb::Rerun => ("rerun", None),
        Verb::RerunFailed => ("rerun-failed-jobs", None),
        Verb::Cancel => ("cancel", None),
        Verb::ForceCancel => ("force-cancel", None),
        _ if now.held.iter().any(|held| held.key.expose() == FORK) => ("approve", None),
        verb => {
            let ids: Vec<u64> = now.held.iter().filter_map(|held| held.key.expose().parse().ok()).collect();
            let state = if verb == Verb::Approve { "approved" } else { "rejected" };
            ("pending_deployments", Some(json!({ "environment_ids": ids, "state": state, "comment": reason.as_str() })))
        }
    };
    Api::change(Method::POST, repository, &["actions", "runs", &number, what], body.map(|body| Bytes::from(body.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Outcome, store::fixture};

    fn run(status: RunStatus, failed: &[&'static str], held: Vec<Held>) -> RunNow {
        let mut run = fixture::run(311);
        run.status = status;
        RunNow { run, failed: failed.iter().map(|name| Clean::from_static(name)).collect(), held, again: Again::Attempt, inputs: Ok(Inputs::default()) }
    }

    fn held(key: &str, ours: Option<bool>) -> Held {
        Held { environment: Name::new("production"), key: Raw::new(key), ours, asks: vec!["kim".into()] }
    }

    #[test]
    fn what_github_would_refuse_is_said_before() {
        let at = fixture::now();
        let says = |verb, now: &RunNow| {
            let found = can(verb, now, at);
            (found.outcome, found.sentence.to_string())
        };
        let blocked = |verb, now: RunNow, words: &str| {
            let (outcome, sentence) = says(verb, &now);
            assert!(outcome == Outcome::Block && sentence.contains(words), "{verb:?}: {outcome:?} {sentence}");
        };
        let (running, waiting) = (|| run(RunStatus::Running, &[], Vec::new()), |held| run(RunStatus::Waiting("gate".into()), &[], held));
        let failed = || run(RunStatus::Failed, &["deploy"], Vec::new());
        blocked(Verb::Rerun, running(), "not over");
        blocked(Verb::RerunFailed, run(RunStatus::Success, &[], Vec::new()), "none of its jobs failed");
        blocked(Verb::Cancel, failed(), "it is over");
        blocked(Verb::Approve, waiting(Vec::new()), "no environment holds it");
        blocked(Verb::Approve, waiting(vec![held("7", Some(true)), held("8", Some(false))]), "not among those");
        blocked(Verb::Reject, waiting(vec![held(FORK, None)]), "from a fork");
        let mut old = failed();
        old.run.created = Some(at - OLDEST - SignedDuration::from_secs(1));
        blocked(Verb::Rerun, old, "30 days");
        let mut often = failed();
        often.run.attempt = OFTENEST + 1;
        blocked(Verb::RerunFailed, often, "50 times");
        for (verb, now) in [
            (Verb::Rerun, failed()),
            (Verb::RerunFailed, failed()),
            (Verb::RerunFailed, run(RunStatus::Cancelled, &[], Vec::new())),
            (Verb::Cancel, running()),
            (Verb::Approve, waiting(vec![held("7", Some(true))])),
            (Verb::Reject, waiting(vec![held("7", None)])),
        ] {
            assert_eq!(says(verb, &now).0, Outcome::Ok, "{verb:?} {now:?}");
        }
        assert_eq!(says(Verb::ForceCancel, &running()).0, Outcome::Warn);
    }

    #[test]
    fn what_holds_a_run_is_read_as_far_as_it_is_told() {
        let text = r#"[{"environment":{"id":7,"name":"eu/prod"},"current_user_can_approve":true,"reviewers":[{"type":"User","reviewer":{"login":"kim"}},
            {"type":"Team","reviewer":{"name":"SRE"}},{"type":"User","reviewer":null}]},{"environment":null},{"environment":{"name":"no number"}}]"#;
        let held: Vec<Held> = serde_json::from_str::<Vec<Pending>>(text).expect("JSON").into_iter().filter_map(Pending::held).collect();
        let [one] = &held[..] else { panic!("{held:?}") };
        assert_eq!((one.environment.raw(), one.key.expose(), one.ours), ("eu/prod", "7", Some(true)));
        assert_eq!(one.asks.iter().map(Clean::as_str).collect::<Vec<_>>(), ["kim", "SRE"]);
    }

    #[test]
    fn of_several_environments_those_are_let_go_on_that_ask_us() {
        let names = |held: Vec<Held>| ours(held).iter().map(|one| one.key.expose().to_owned()).collect::<Vec<_>>();
        let timer = || Held { asks: Vec::new(), ..held("9", Some(false)) };
        assert_eq!(names(vec![held("7", Some(true)), held("8", Some(false)), timer()]), ["7"]);
        assert_eq!(names(vec![held("7", Some(false)), held("8", Some(false)), timer()]), ["7", "8"], "whom they ask is said");
        assert!(names(vec![timer()]).is_empty(), "it asks nobody");
        assert_eq!(names(vec![Held { asks: Vec::new(), ..held("7", None) }]), ["7"], "an old server tells nothing of it");
    }
}
