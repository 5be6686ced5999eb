//! What is done to a pipeline: what failed of it is run again, it is cancelled, a job that waits for a person is played, another one is started on
//! its branch. It is read afresh before the one request, and that is sent once.

use super::{
    api::Api,
    approvals,
    deployments::rights,
    dispatch, jobs, keys,
    meter::Need,
    wire::{WireJob, WirePipeline},
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
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use serde_json::Value;
use std::sync::Arc;

/// What can be done. A whole pipeline is never run again as it was: a new one would take what its branch holds by then.
pub(super) const VERBS: [Verb; 7] = [Verb::RerunFailed, Verb::RerunJob, Verb::Cancel, Verb::Play, Verb::Approve, Verb::Reject, Verb::Dispatch];
const CHECKS: [CheckKind; 2] = [CheckKind::Pipeline, CheckKind::Rights];

/// What a change is about: a pipeline, or one job of it.
struct Place<'a> {
    project: &'a str,
    pipeline: Option<u64>,
    job: Option<u64>,
}

impl<'a> Place<'a> {
    fn of(id: &'a Id<Run>) -> Result<Self, SourceError> {
        let pipeline = keys::of_pipeline(id).map(|(project, number)| Self { project, pipeline: Some(number), job: None });
        let job = || keys::of_job_key(id.key()).map(|(project, number)| Self { project, pipeline: None, job: Some(number) });
        pipeline.or_else(job).ok_or_else(|| SourceError::NotFound(clean!("{} is neither a pipeline nor a job of GitLab", id.key())))
    }
}

/// A pipeline as it is at this moment, with the job that the change is about.
pub(super) async fn now(api: &Api, id: &Id<Run>, verb: Verb) -> Result<RunNow, SourceError> {
    let place = Place::of(id)?;
    let job = match place.job {
        Some(job) => Some(read::<WireJob>(api, place.project, &["jobs", &job.to_string()]).await?),
        None => None,
    };
    let number = place.pipeline.or_else(|| job.as_ref()?.pipeline.as_ref().map(|pipeline| pipeline.id));
    let number = number.ok_or_else(|| SourceError::Protocol(clean!("{} does not say which pipeline the job is of", api.login.host)))?;
    let wire: WirePipeline = read(api, place.project, &["pipelines", &number.to_string()]).await?;
    let run = wire.run(&api.id, &Name::new(place.project), None, None);
    // A job that was run again is none of its pipeline's jobs any more.
    let jobs = if verb == Verb::RerunJob || matches!(run.status, RunStatus::Failed | RunStatus::Cancelled) {
        jobs::pages(api, Need::Person, place.project, number, "jobs").await?
    } else {
        Vec::new()
    };
    let failed = jobs.iter().filter(|job| place.job.is_none_or(|only| job.id == only)).filter_map(WireJob::failed).collect();
    let held: Vec<Held> = match (verb, place.job) {
        (Verb::Approve | Verb::Reject, Some(job)) => approvals::held(&approvals::blocked(api, Need::Person, place.project).await?, job).into_iter().collect(),
        _ => job.iter().filter_map(held).collect(),
    };
    let (again, inputs) = match verb {
        Verb::Dispatch => dispatch::read(api, place.project, &wire, &run).await?,
        Verb::Play if !held.is_empty() => (Again::Within, Ok(dispatch::any())),
        _ => (Again::Within, Ok(Inputs::default())),
    };
    Ok(RunNow { run, failed, held, again, inputs })
}

async fn read<T: serde::de::DeserializeOwned>(api: &Api, project: &str, path: &[&str]) -> Result<T, SourceError> {
    Ok(api.read::<T>(Need::Person, project, Api::ask(project, path)).await?.0)
}

/// The job, as long as it waits for somebody to play it.
fn held(job: &WireJob) -> Option<Held> {
    job.playable().then(|| Held { environment: Name::new(job.name()), key: Raw::new(&job.id.to_string()), ours: None, asks: Vec::new() })
}

/// What would be in its way.
pub(super) fn prepare(api: Arc<Api>, operation: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let run: Id<Run> = operation.subject.cast();
        let place = Place::of(&run)?;
        let now = now(&api, &run, operation.verb).await?;
        let first = [Check::Command(command(&api.login.host, &place, &now, &operation)), Check::Made(can(operation.verb, &now))];
        let project = place.project.to_owned();
        let rights = stream::once(async move { Check::Made(rights(&api, &project).await) });
        Ok(stream::iter(first).chain(rights).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

/// Whether GitLab would do it.
fn can(verb: Verb, now: &RunNow) -> Finding {
    let (kind, over) = (CheckKind::Pipeline, now.run.status.over());
    match verb {
        Verb::RerunFailed if !over => kind.block("it is not over", Some("cancel it, or wait for its end".into())),
        Verb::RerunFailed if now.failed.is_empty() => {
            kind.block("none of its jobs failed or was cancelled: GitLab runs no others again", Some("a new pipeline on its branch runs all of them".into()))
        }
        Verb::RerunFailed => kind.ok("what failed can be run again"),
        Verb::RerunJob if now.failed.is_empty() => kind.block("it did not fail, or was run again meanwhile", None),
        Verb::RerunJob => kind.ok("it can be run again"),
        Verb::Cancel if over => kind.block("it is over: nothing is left to cancel", None),
        Verb::Cancel => kind.ok("it can be cancelled"),
        Verb::Dispatch => match &now.inputs {
            Ok(_) => kind.ok(clean!("a pipeline can be asked for on {}; which jobs it has say its rules", now.run.branch)),
            Err(why) => kind.block(why.clone(), None),
        },
        Verb::Approve | Verb::Reject if now.held.is_empty() => {
            kind.block("no deployment of it waits for an approval", Some("open it with Enter, and choose the job that does".into()))
        }
        Verb::Approve => kind.ok("its deployment waits for an approval: whether yours counts shows when it is sent"),
        Verb::Reject => kind.ok("its deployment waits for an approval"),
        _ if now.held.is_empty() => kind.block("it waits for nobody by now: it was played, skipped or cancelled", None),
        _ => kind.ok("it waits for somebody to play it"),
    }
}

/// The same by hand.
fn command(host: &Clean, place: &Place<'_>, now: &RunNow, operation: &Operation) -> Clean {
    let Some(path) = path(operation.verb, place, &now.held) else { return Clean::EMPTY };
    let body = body(operation, now, true);
    dispatch::command(host, &format!("projects/{}/{}", place.project.replace('/', "%2F"), path.join("/")), body.as_ref())
}

fn body(operation: &Operation, now: &RunNow, shown: bool) -> Option<Value> {
    match operation.verb {
        Verb::Approve | Verb::Reject => Some(approvals::body(operation.verb, &operation.reason)),
        verb => dispatch::body(verb, now.run.branch.raw(), (now.inputs.as_ref().unwrap_or(&dispatch::any()), &operation.inputs), shown),
    }
}

/// Carries it out, once.
pub(super) fn carry_out(api: Arc<Api>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(api, warrant), |ready: Ready| async move {
        let Ready { api, project, what, ask, starts, _warrant } = ready;
        match starts {
            Some((from, branch)) => dispatch::send(&api, &project, &from, &branch, ask).await,
            None => api.carry(&project, &what, ask).await.0,
        }
    })
}

/// The one request. It owns the warrant, so that there is no second one.
struct Ready {
    api: Arc<Api>,
    project: String,
    what: Clean,
    ask: Ask,
    /// From which pipeline another one is started, and on which branch.
    starts: Option<(Id<Run>, String)>,
    _warrant: Warrant,
}

async fn make_ready(api: Arc<Api>, warrant: Warrant) -> Result<Ready, Stage> {
    let operation = warrant.operation();
    let (verb, run): (Verb, Id<Run>) = (operation.verb, operation.subject.cast());
    let place = Place::of(&run).map_err(|error| steps::not_sent(&error))?;
    let now = now(&api, &run, verb).await.map_err(|error| steps::not_sent(&error))?;
    if let Some(what) = now.moved(verb, &operation.from).or_else(|| now.refuses(&operation.inputs)) {
        return Err(Stage::Conflict { what, same: false });
    }
    let (what, branch) = (clean!("pipeline #{}", now.run.number), now.run.branch.raw());
    let Some(path) = path(verb, &place, &now.held) else {
        return Err(Stage::Refused { why: clean!("GitLab can not {} {what}", verb.words()) });
    };
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let ask = Api::change(Method::POST, place.project, &path, body(operation, &now, false));
    let starts = (verb == Verb::Dispatch).then(|| (run.clone(), branch.to_owned()));
    Ok(Ready { project: place.project.to_owned(), what, ask, starts, api, _warrant: warrant })
}

/// Where the one request goes, below the project.
fn path(verb: Verb, place: &Place<'_>, held: &[Held]) -> Option<Vec<String>> {
    let (of, number, what) = match verb {
        // Its path is singular.
        Verb::Dispatch => return Some(vec!["pipeline".to_owned()]),
        Verb::Approve | Verb::Reject => ("deployments", held.first()?.key.expose().parse().ok()?, "approval"),
        Verb::RerunFailed => ("pipelines", place.pipeline?, "retry"),
        Verb::Cancel => ("pipelines", place.pipeline?, "cancel"),
        Verb::Play => ("jobs", place.job?, "play"),
        Verb::RerunJob => ("jobs", place.job?, "retry"),
        _ => return None,
    };
    Some(vec![of.to_owned(), number.to_string(), what.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Outcome, domain::SourceId, store::fixture};

    fn now(status: RunStatus, failed: &[&'static str], held: bool) -> RunNow {
        let mut run = fixture::run(311);
        run.status = status;
        let held = held.then(|| Held { environment: Name::new("deploy"), key: Raw::new("5"), ours: None, asks: Vec::new() });
        let failed = failed.iter().map(|name| Clean::from_static(name)).collect();
        RunNow { run, failed, held: held.into_iter().collect(), again: Again::Within, inputs: Ok(Inputs::default()) }
    }

    #[test]
    fn what_gitlab_would_refuse_is_said_before() {
        for (verb, now, outcome) in [
            (Verb::RerunFailed, now(RunStatus::Running, &["unit"], false), Outcome::Block),
            (Verb::RerunFailed, now(RunStatus::Success, &[], false), Outcome::Block),
            (Verb::RerunFailed, now(RunStatus::Failed, &["unit"], false), Outcome::Ok),
            (Verb::Cancel, now(RunStatus::Cancelled, &[], false), Outcome::Block),
            (Verb::Cancel, now(RunStatus::Waiting("for somebody".into()), &[], false), Outcome::Ok),
            (Verb::RerunJob, now(RunStatus::Running, &[], false), Outcome::Block),
            (Verb::RerunJob, now(RunStatus::Running, &["unit"], false), Outcome::Ok),
            (Verb::Play, now(RunStatus::Running, &[], false), Outcome::Block),
            (Verb::Play, now(RunStatus::Running, &[], true), Outcome::Ok),
        ] {
            assert_eq!(can(verb, &now).outcome, outcome, "{verb:?} {now:?}");
        }
    }

    #[test]
    fn a_job_is_asked_for_as_a_job_and_a_pipeline_as_a_pipeline() {
        let source = SourceId::new("gitlab");
        let (job, pipeline) = (keys::job(&source, "acme/shop/cart", 50).cast::<Run>(), keys::pipeline(&source, "acme/shop/cart", 311));
        let said = |verb, id: &Id<Run>| path(verb, &Place::of(id).expect("a place"), &[]).map(|path| path.join("/"));
        assert_eq!(said(Verb::Play, &job).as_deref(), Some("jobs/50/play"));
        assert_eq!(said(Verb::Cancel, &pipeline).as_deref(), Some("pipelines/311/cancel"));
        assert_eq!(said(Verb::RerunFailed, &pipeline).as_deref(), Some("pipelines/311/retry"));
        assert_eq!(said(Verb::RerunJob, &job).as_deref(), Some("jobs/50/retry"));
        assert_eq!(said(Verb::Dispatch, &pipeline).as_deref(), Some("pipeline"));
        assert!([said(Verb::Play, &pipeline), said(Verb::Cancel, &job), said(Verb::Rerun, &pipeline)].iter().all(Option::is_none));
        assert!(Place::of(&Id::new(&source, "acme/shop/cart/-/bridges/5")).is_err());
    }
}
