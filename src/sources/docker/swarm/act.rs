//! The way back of a service: what is checked, and the one request, which asks the swarm to swap its two specifications.
//!
//! The request names the version that was read just before, so that it can not happen twice nor over somebody else's change: a second one
//! with the same version is refused (`update out of sequence`).

use super::history::Whole;
use crate::{
    clean,
    domain::{Check, CheckKind, Finding, Operation, Stage},
    gate::Warrant,
    sources::{
        SourceError,
        docker::{
            engine::{Session, filters},
            wire::ServiceSpec,
        },
        steps,
    },
    text::Clean,
};
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use serde_json::Value;

/// What the engine answers to a version that is not the newest any more.
const OUT_OF_SEQUENCE: &str = "update out of sequence";

/// What is checked.
const CHECKS: [CheckKind; 6] = [CheckKind::Rights, CheckKind::Owner, CheckKind::Image, CheckKind::References, CheckKind::Scaling, CheckKind::Strategy];

/// Makes the checks of a way back, each told as it is made.
pub fn prepare(
    opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static,
    operation: Operation,
) -> BoxStream<'static, Result<Check, SourceError>> {
    let made = async move {
        let session = opening.await?;
        let whole = Whole::read(&session, &operation.service()?).await?;
        let command = Check::Command(clean!("docker service rollback {}", whole.lean.spec.name));
        let Some(before) = whole.previous().cloned() else { return Ok(stream::iter([command]).boxed()) };
        let previous = whole.raw["PreviousSpec"].clone();
        let at_once = [rights(&session), owner(&whole), scaling(&whole, &before), strategy(&whole)];
        let asked = async move {
            let found = futures::join!(image(&session, &before), references(&session, &previous));
            stream::iter([found.0, found.1])
        };
        let found = stream::iter(at_once).chain(asked.into_stream().flatten());
        Ok(stream::iter([command]).chain(found.map(Check::Made)).boxed())
    };
    steps::checking(CHECKS.to_vec(), made)
}

fn rights(session: &Session) -> Finding {
    let host = &session.hello.host;
    match session.hello.manager {
        true => CheckKind::Rights.ok(clean!("{host} manages the swarm")),
        false => CheckKind::Rights.block(clean!("{host} does not manage the swarm"), Some(Clean::from_static("name a manager as `host`"))),
    }
}

fn owner(whole: &Whole) -> Finding {
    match super::stack(&whole.lean) {
        "" => CheckKind::Owner.ok("no stack claims it"),
        stack => CheckKind::Owner.warn(
            clean!("it belongs to the stack {stack}: the next `docker stack deploy` ships what its file says"),
            Some(Clean::from_static("put the earlier image into that file as well")),
        ),
    }
}

/// The whole specification goes back, the number of tasks with it.
fn scaling(whole: &Whole, before: &ServiceSpec) -> Finding {
    let count = |spec: &ServiceSpec| spec.mode.replicated.as_ref().map(|mode| mode.replicas.unwrap_or(1));
    match (count(&whole.lean.spec), count(before)) {
        (Some(now), Some(then)) if now != then => CheckKind::Scaling.warn(
            clean!("the number of tasks goes back too: {then}, now {now}"),
            Some(clean!("afterwards: docker service scale {}={now}", whole.lean.spec.name)),
        ),
        (Some(now), _) => CheckKind::Scaling.ok(clean!("{now} tasks, before and after")),
        (None, _) => CheckKind::Scaling.ok("one task on each node"),
    }
}

fn strategy(whole: &Whole) -> Finding {
    let level = "the swarm keeps one level: what runs now becomes the previous one, and a second rollback would bring it back";
    // Where nothing is said the swarm exchanges one at a time.
    let config = whole.lean.spec.rollback_config.as_ref();
    let at_a_time = match config.map_or(1, |config| config.parallelism) {
        0 => "all at once".to_owned(),
        count => format!("{count} at a time"),
    };
    let start_first = config.is_some_and(|config| config.order == "start-first");
    let order = if start_first { ", the new task before the old one stops" } else { ", each stopped first" };
    CheckKind::Strategy.warn(clean!("{level}; tasks are exchanged {at_a_time}{order}"), None)
}

/// Whether the image of the way back is on this manager, else whether its registry has it.
async fn image(session: &Session, before: &ServiceSpec) -> Finding {
    let reference = &before.task_template.container_spec.image;
    let kind = CheckKind::Image;
    match session.find::<serde::de::IgnoredAny>(&format!("/images/{reference}/json")).await {
        Ok(Some(_)) => return kind.ok(clean!("{reference} is on {}; other nodes may have to get it", session.hello.host)),
        Ok(None) => {}
        Err(error) => return kind.failed(&error),
    }
    match session.find::<serde::de::IgnoredAny>(&format!("/distribution/{reference}/json")).await {
        Ok(Some(_)) => kind.ok(clean!("its registry has {reference}")),
        Ok(None) => kind.block(
            clean!("{reference} is neither on {} nor in its registry: no node could start it", session.hello.host),
            Some(Clean::from_static("push the image again, or go forward")),
        ),
        Err(error) => kind.warn(
            clean!("{reference} is not on {}, and its registry does not tell whether it has it: {error}", session.hello.host),
            Some(clean!("docker manifest inspect {reference}")),
        ),
    }
}

/// Whether the secrets and configs that the specification before names are still there: the swarm guards only those of the newest.
async fn references(session: &Session, before: &Value) -> Finding {
    let named = |list: &str, id: &str| -> Vec<String> {
        let items = before["TaskTemplate"]["ContainerSpec"][list].as_array();
        items.into_iter().flatten().filter_map(|item| item[id].as_str().map(str::to_owned)).collect()
    };
    let mut missing = Vec::new();
    for (what, path, ids) in [("secret", "secrets", named("Secrets", "SecretID")), ("config", "configs", named("Configs", "ConfigID"))] {
        if ids.is_empty() {
            continue;
        }
        let there: Result<Vec<Value>, SourceError> = session.json(&format!("/{path}?filters={}", filters([("id", ids.clone())]))).await;
        match there {
            Ok(there) => missing.extend(ids.into_iter().filter(|id| !there.iter().any(|one| one["ID"] == **id)).map(|id| format!("{what} {id}"))),
            Err(error) => return CheckKind::References.failed(&error),
        }
    }
    if missing.is_empty() {
        return CheckKind::References.ok("every secret and config that it names is there");
    }
    CheckKind::References.block(clean!("{} is gone: its tasks could not start", missing.join(", ")), Some(Clean::from_static("make it anew, or go forward")))
}

/// Carries out what the warrant permits.
pub fn carry_out(
    opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static,
    warrant: Warrant,
) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(opening, warrant), Request::send)
}

/// The one request, ready to leave. It owns the warrant, so that there is no second one.
struct Request {
    session: Session,
    warrant: Warrant,
    whole: Whole,
}

async fn make_ready(opening: impl Future<Output = Result<Session, SourceError>>, warrant: Warrant) -> Result<Request, Stage> {
    let operation = warrant.operation();
    let read = async {
        let (service, session) = (operation.service()?, opening.await?);
        let whole = Whole::read(&session, &service).await?;
        Ok((session, whole))
    };
    let (session, whole) = read.await.map_err(|error| steps::not_sent(&error))?;
    if let Some(what) = moved(operation, &whole) {
        return Err(Stage::Conflict { what, same: false });
    }
    Ok(Request { session, warrant, whole })
}

/// What is not as the operator saw it; none where all is.
fn moved(operation: &Operation, whole: &Whole) -> Option<Clean> {
    let name = &whole.lean.spec.name;
    if whole.seen() != operation.from {
        return Some(clean!("{name} was changed meanwhile: it now asks for {}", whole.lean.spec.task_template.container_spec.image));
    }
    let goal = operation.to.as_ref()?;
    let same = whole.previous().is_some_and(|before| before.task_template.mark == goal.template.expose());
    (!same).then(|| clean!("{name} has another specification before this one now"))
}

impl Request {
    /// Sends it. Whatever comes back, it is not sent again.
    async fn send(self) -> Stage {
        let (service, index) = (&self.whole.lean.id, self.whole.lean.version.index);
        let path = format!("/services/{service}/update?version={index}&rollback=previous&registryAuthFrom=previous-spec");
        match self.session.post(&path, &self.whole.raw["Spec"]).await {
            Ok(_) => Stage::Accepted { request: None, warnings: Vec::new(), revision: None, generation: None },
            Err(failed) if failed.code == Some(500) && failed.words().contains(OUT_OF_SEQUENCE) => self.conflict().await,
            // The engine's own words for what it did not do: a bad request, nothing there, no manager.
            Err(failed) if matches!(failed.code, Some(400..=499 | 503)) => Stage::Refused { why: failed.words() },
            Err(failed) => Stage::Unclear { why: failed.words() },
        }
    }

    /// Another write came first: whether what the operator saw is still so.
    async fn conflict(&self) -> Stage {
        let what = || clean!("{} was written by somebody else at the same moment", self.whole.lean.spec.name);
        match Whole::read(&self.session, &self.whole.lean.id).await {
            Ok(now) => match moved(self.warrant.operation(), &now) {
                Some(what) => Stage::Conflict { what, same: false },
                None => Stage::Conflict { what: what(), same: true },
            },
            Err(_) => Stage::Conflict { what: what(), same: false },
        }
    }
}

impl Operation {
    /// The service of a swarm that it is about.
    fn service(&self) -> Result<String, SourceError> {
        let other = || SourceError::Unsupported(clean!("only a service of a swarm can be taken back here"));
        self.subject.key().strip_prefix("service/").map(str::to_owned).ok_or_else(other)
    }
}

#[cfg(test)]
#[path = "act_tests.rs"]
mod tests;
