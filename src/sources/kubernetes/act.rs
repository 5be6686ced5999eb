//! Carries one operation out, once.
//!
//! The object is read again; if it still is what the operator saw, the version of this very read is the condition of the one request. An
//! answer that was lost is never asked for again: the world must be read (reliability, 3.3).

use super::{
    ask::Current,
    awaited::Turns,
    client::{Cluster, Reply, Writer},
    fault::Tried,
    keepers::{self, Keeper, Sync},
    revisions::{self, Kept},
    rollouts::{forward, way},
    routes::Switch,
    template::{self, Marks},
};
use crate::{
    clean,
    domain::{Kind, Operation, Scaling, Seen, Stage, Verb},
    gate::Warrant,
    sources::{
        SourceError,
        steps::{self, not_sent},
    },
    text::Clean,
};
use futures::stream::BoxStream;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// Until when the whole answer must be there.
const DEADLINE: Duration = Duration::from_secs(45);

/// Carries out what the warrant permits.
pub fn carry_out(cluster: Arc<Cluster>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    steps::once(make_ready(cluster, warrant), Request::send)
}

/// The one request, ready to leave. It owns the warrant, so that there is no second one.
struct Request {
    cluster: Arc<Cluster>,
    warrant: Warrant,
    writer: Writer,
    change: Change,
}

/// What is sent.
pub struct Change {
    /// What it is sent to: an object, or one part of it.
    pub path: String,
    /// That, in the words of a right: `deployments.apps`, `rollouts.argoproj.io/status`.
    pub resource: String,
    /// Where it is.
    pub namespace: String,
    /// What is done, only if the object is as it was just read.
    pub does: Does,
}

/// What is done to an object.
pub enum Does {
    /// It is changed: a JSON patch where it is a list, else a merge patch.
    Patch(Value),
    /// It is deleted, under these options.
    Delete(Value),
}

impl Change {
    /// The verb of the right that it takes.
    pub const fn verb(&self) -> &'static str {
        match self.does {
            Does::Patch(_) => "patch",
            Does::Delete(_) => "delete",
        }
    }
}

async fn make_ready(cluster: Arc<Cluster>, warrant: Warrant) -> Result<Request, Stage> {
    let operation = warrant.operation();
    let writer = cluster.writer().await.map_err(|error| not_sent(&error))?.ok_or_else(steps::read_only)?;
    let object = Object::read(&cluster, operation).await.map_err(|error| not_sent(&error))?;
    if let Some(what) = object.overtaken(operation) {
        return Err(Stage::Conflict { what, same: false });
    }
    let change = object.change(&cluster, operation).await?;
    Ok(Request { cluster, warrant, writer, change })
}

/// What an operation changes, as it is at this moment.
enum Object {
    Workload(Current),
    Keeper(Keeper),
    Route(Switch),
    Application(Sync),
    Pod(Turns),
}

impl Object {
    async fn read(cluster: &Cluster, operation: &Operation) -> Result<Self, SourceError> {
        match operation.verb {
            Verb::Hold | Verb::Release => keepers::named(cluster, operation).await.map(|(keeper, _)| Self::Keeper(keeper)),
            Verb::SwitchBack => Switch::read(cluster, operation).await.map(Self::Route),
            Verb::SyncBack => Sync::read(cluster, operation).await.map(Self::Application),
            Verb::DeletePod => Turns::named(cluster, operation).await.map(Self::Pod),
            _ => Current::read(cluster, &operation.subject).await.map(Self::Workload),
        }
    }

    fn name(&self) -> Clean {
        match self {
            Self::Workload(current) => clean!("{}", current.address.name),
            Self::Keeper(keeper) => keeper.owner.words(),
            Self::Route(switch) => switch.name(),
            Self::Application(sync) => sync.name(),
            Self::Pod(turns) => turns.name(),
        }
    }

    /// What is not as the operator saw it any more; none where all is.
    fn overtaken(&self, operation: &Operation) -> Option<Clean> {
        match self {
            Self::Workload(current) => overtaken(operation, current),
            Self::Keeper(keeper) => keeper.moved(&operation.from),
            Self::Route(switch) => switch.moved(&operation.from),
            Self::Application(sync) => sync.moved(&operation.from),
            Self::Pod(turns) => turns.moved(&operation.from),
        }
    }

    /// The request of an operation, or why there is none.
    async fn change(&self, cluster: &Cluster, operation: &Operation) -> Result<Change, Stage> {
        match self {
            Self::Workload(current) => change(cluster, current, operation).await,
            Self::Keeper(keeper) => keeper.change(operation, Timestamp::now()),
            Self::Route(switch) => switch.change(operation, Timestamp::now()),
            Self::Application(sync) => sync.change(operation),
            Self::Pod(turns) => turns.change(operation),
        }
    }
}

/// What is not as the operator saw it any more; none where all is.
fn overtaken(operation: &Operation, current: &Current) -> Option<Clean> {
    let resized = |scaling: Scaling| {
        let now = current.replicas();
        (now != scaling.from).then(|| clean!("{} was scaled meanwhile: it asks for {now} now, it was {} before", current.address.name, scaling.from))
    };
    moved(operation.verb, &operation.from, current).or_else(|| operation.scaling.and_then(resized))
}

/// What is not as the operator saw it, and who changed it; none where all is.
pub fn moved(verb: Verb, from: &Seen, current: &Current) -> Option<Clean> {
    let now = current.seen_by(verb);
    let by = || match current.changed_by() {
        Some((who, Some(when))) => format!("by {who} at {}", when.strftime("%H:%M:%S UTC")),
        Some((who, None)) => format!("by {who}"),
        None => "by somebody".to_owned(),
    };
    let name = &current.address.name;
    if now.uid != from.uid {
        return Some(clean!("{name} was deleted and made anew: it is another object now"));
    }
    if now.template != from.template {
        if let Some(what) = way::moved(name, from, &now) {
            return Some(what);
        }
        return Some(clean!("{name} was changed {}: it now asks for {}", by(), current.image()));
    }
    match (from.paused, now.paused) {
        (false, true) => Some(clean!("{name} was paused meanwhile")),
        (true, false) => Some(clean!("{name} was resumed meanwhile")),
        _ => None,
    }
}

/// The request of an operation, or why there is none.
pub async fn change(cluster: &Cluster, current: &Current, operation: &Operation) -> Result<Change, Stage> {
    let patch = patch(cluster, current, operation).await?;
    // Only a new template goes to the object that has it; a merge patch is one of the status.
    let address = if operation.verb == Verb::RollBack { current.templated().0 } else { &current.address };
    let part = if patch.is_object() { "/status" } else { "" };
    let (path, resource) = (format!("{}{part}", address.path()), format!("{}{part}", address.resource()));
    Ok(Change { path, resource, namespace: address.namespace.clone(), does: Does::Patch(patch) })
}

async fn patch(cluster: &Cluster, current: &Current, operation: &Operation) -> Result<Value, Stage> {
    let refused = |why: Clean| Err(Stage::Refused { why });
    let marks = |from| Marks { operation: operation.id.as_str(), from, at: Timestamp::now() };
    let pauses = matches!(current.kind, Kind::Deployment | Kind::Rollout);
    match operation.verb {
        Verb::RollBack => {
            let kept = revisions::kept(cluster, current).await.map_err(|error| not_sent(&error))?;
            rollback(current, operation, &kept)
        }
        Verb::Abort => abort(current, operation),
        Verb::Promote | Verb::PromoteFull | Verb::Retry => match &current.rollout {
            Some(rollout) => forward::change(operation.verb, &rollout.lean, &current.raw).map_err(|why| Stage::Refused { why }),
            None => refused(clean!("a {} goes by no steps: it can not be {} from here", current.kind.word(), operation.verb.words())),
        },
        Verb::Restart if current.kind == Kind::Rollout => refused(Clean::from_static("a Rollout can not be restarted from here")),
        Verb::Restart if !current.lean.spec.paused => Ok(template::restart(&current.raw, &marks(None))),
        Verb::Restart => refused(clean!("{} is paused: resume it first, or no pod will be replaced", current.address.name)),
        Verb::Pause if pauses => Ok(template::pause(&current.raw, true, &marks(None))),
        Verb::Resume if pauses => Ok(template::pause(&current.raw, false, &marks(None))),
        Verb::Pause | Verb::Resume => refused(clean!("a {} can not be paused", current.kind.word())),
        Verb::Scale if matches!(current.kind, Kind::Deployment | Kind::StatefulSet) => match operation.scaling {
            Some(scaling) => Ok(template::scale(&current.raw, scaling.to, &marks(None))),
            None => refused(Clean::from_static("no number of replicas was chosen")),
        },
        Verb::Scale => refused(clean!("a {} carries no number of replicas", current.kind.word())),
        Verb::SwitchBack
        | Verb::SyncBack
        | Verb::DeletePod
        | Verb::Hold
        | Verb::Release
        | Verb::Acknowledge
        | Verb::Silence
        | Verb::Rerun
        | Verb::RerunFailed
        | Verb::RerunJob
        | Verb::Cancel
        | Verb::ForceCancel
        | Verb::Approve
        | Verb::Reject
        | Verb::Play
        | Verb::Dispatch
        | Verb::Shell => refused(clean!("Kubernetes can not {} from here", operation.verb.words())),
    }
}

/// What is kept of the revision that an operation goes to.
pub fn target<'a>(operation: &Operation, sets: &'a [Kept]) -> Option<&'a Kept> {
    let wanted = operation.to.as_ref()?;
    sets.iter().find(|set| set.template == wanted.template.expose())
}

/// Whether its newest template is none of its revisions: it was changed while it was paused, and waits.
pub fn waits(current: &Current, sets: &[Kept]) -> bool {
    !sets.iter().any(|set| current.is_at(set))
}

/// Why a pause forbids a rollback, where it is paused: nothing would roll out, and to resume may ship what waits.
pub fn paused(current: &Current, sets: &[Kept]) -> Option<Clean> {
    let name = &current.address.name;
    current.lean.spec.paused.then(|| match waits(current, sets) {
        true => clean!("{name} is paused, and its changed template waits: no pod runs that, and resuming ships it"),
        false => clean!("{name} is paused: it would not roll out"),
    })
}

/// The patch of a rollback, from what was just read.
pub fn rollback(current: &Current, operation: &Operation, sets: &[Kept]) -> Result<Value, Stage> {
    let refused = |why: Clean| Err(Stage::Refused { why });
    let Some(to) = &operation.to else { return refused(Clean::from_static("no revision was chosen")) };
    if let Some(why) = paused(current, sets) {
        return refused(why);
    }
    let Some(target) = target(operation, sets) else {
        return refused(clean!("r{} is no longer there: it was removed from the history; choose another revision", to.number));
    };
    if current.is_at(target) {
        return refused(clean!("{} already asks for r{}", current.address.name, to.number));
    }
    let left = sets.iter().find(|set| current.is_at(set));
    let from = left.map(|set| (set.template.as_str(), set.number));
    Ok(template::rollback(current.kind, current.templated().1, &target.raw, &Marks { operation: operation.id.as_str(), from, at: Timestamp::now() }))
}

/// The patch that gives up on what is being rolled out: only back to the stable revision, and only while another is on its way.
fn abort(current: &Current, operation: &Operation) -> Result<Value, Stage> {
    let stable = current.rollout.as_ref().and_then(|rollout| rollout.abort_to());
    let wanted = operation.to.as_ref().map(|to| to.template.expose());
    match stable.is_some() && stable == wanted {
        true => Ok(way::abort(&current.raw)),
        false => Err(Stage::Refused { why: clean!("{} is not on the way from that revision to another: there is nothing to abort", current.address.name) }),
    }
}

impl Request {
    /// Sends it. Whatever comes back, it is not sent again.
    async fn send(self) -> Stage {
        let tried = self.cluster.tried(self.change.verb(), &self.change.resource, Some(&self.change.namespace));
        let (path, deletes) = (&self.change.path, matches!(self.change.does, Does::Delete(_)));
        let sending = async {
            match &self.change.does {
                Does::Patch(patch) => self.writer.patch(path, patch).await,
                Does::Delete(options) => self.writer.delete(path, options).await,
            }
        };
        match answered(&tried, sending).await {
            Err(unclear) => unclear,
            // What was to be deleted and is not there any more is no answer to us: somebody else did it.
            Ok(reply) if reply.code == 409 || deletes && reply.code == 404 => self.conflict(&reply).await,
            Ok(reply) => outcome(&tried, &reply),
        }
    }

    /// The version moved between our read and our request: what the operator saw may still be so.
    async fn conflict(&self, reply: &Reply) -> Stage {
        let operation = self.warrant.operation();
        match Object::read(&self.cluster, operation).await {
            Ok(object) => match object.overtaken(operation) {
                Some(what) => Stage::Conflict { what, same: false },
                None => Stage::Conflict { what: clean!("{} was written to at the same moment; what you saw is still so", object.name()), same: true },
            },
            Err(error) => Stage::Conflict { what: clean!("{}; and it can not be read again: {error}", reply.status().message), same: false },
        }
    }
}

/// The whole answer to what is being sent; none came where nobody knows whether it was carried out.
pub async fn answered(tried: &Tried, sending: impl Future<Output = Result<Reply, kube::Error>>) -> Result<Reply, Stage> {
    match tokio::time::timeout(DEADLINE, sending).await {
        Err(_) => Err(Stage::Unclear { why: clean!("{} did not answer within {} s", tried.server, DEADLINE.as_secs()) }),
        Ok(Err(error)) => Err(Stage::Unclear { why: clean!("{}", tried.failed(&error)) }),
        Ok(Ok(reply)) => Ok(reply),
    }
}

/// What a whole answer means.
pub fn outcome(tried: &Tried, reply: &Reply) -> Stage {
    match reply.code {
        200..300 => {
            let object: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
            // What is on its way out is not waited for.
            let stays = object.pointer("/metadata/deletionTimestamp").is_none();
            Stage::Accepted {
                request: reply.headers.get("audit-id").and_then(|id| id.to_str().ok()).map(Clean::from_untrusted),
                warnings: warnings(&reply.headers),
                revision: None,
                generation: object.pointer("/metadata/generation").and_then(Value::as_i64).filter(|_| stays),
            }
        }
        // A server that fails, or that gave up waiting, may have carried it out.
        408 | 500.. => Stage::Unclear { why: clean!("{} answered HTTP {}: {}", tried.server, reply.code, reply.status().message.trim()) },
        _ => Stage::Refused { why: clean!("{}", tried.refused(&reply.status())) },
    }
}

/// The texts of `Warning: 299 - "text"` headers.
pub fn warnings(headers: &HeaderMap) -> Vec<Clean> {
    let mut texts = Vec::new();
    for value in headers.get_all("warning").iter().filter_map(|value| value.to_str().ok()) {
        let mut text: Option<String> = None;
        let mut characters = value.chars();
        while let Some(character) = characters.next() {
            match (character, &mut text) {
                ('"', None) => text = Some(String::new()),
                ('"', Some(_)) => texts.extend(text.take().map(|text| Clean::from_untrusted(&text))),
                ('\\', Some(text)) => text.extend(characters.next()),
                (other, Some(text)) => text.push(other),
                (_, None) => {}
            }
        }
    }
    texts
}

#[cfg(test)]
mod tests;
