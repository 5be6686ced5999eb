//! The checks, each a question to the cluster and one sentence.

mod capacity;
mod owners;
mod parts;

pub use capacity::{autoscaler, quantity, quota, scaling, strategy};
pub use owners::{keeper, kept, kept_verdict, owner, traffic};
pub use parts::{image, references};

use super::{
    act::{self, Change, Does},
    client::{Call, Cluster, Dry, Reply},
    fault::Tried,
    prepare::Ground,
    template::LAST_APPLIED,
    wire::{List, Meta, Shape, or_default, shape},
};
use crate::{
    clean,
    domain::{CheckKind, Finding, Stage, Verb},
    sources::SourceError,
    text::Clean,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
struct Review {
    status: Allowed,
}

#[derive(Deserialize)]
struct Allowed {
    #[serde(default)]
    allowed: bool,
    #[serde(default)]
    reason: String,
}

async fn review(cluster: &Cluster, asked: Value) -> Result<Review, SourceError> {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let call = Call { verb: "create", resource: "selfsubjectaccessreviews.authorization.k8s.io".into(), namespace: None, path: path.into() };
    let question = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": { "resourceAttributes": asked } });
    cluster.review(&call, &question).await
}

/// Whether we may do something to any `PLURAL` or `PLURAL.GROUP` of a namespace.
pub async fn may(ground: &Ground, verb: &str, resource: &str, namespace: &str) -> Result<bool, SourceError> {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let review = review(&ground.cluster, json!({ "namespace": namespace, "verb": verb, "group": group, "resource": plural })).await?;
    Ok(review.status.allowed)
}

/// Whether we may patch it.
pub async fn rights(ground: Arc<Ground>) -> Finding {
    let address = if ground.operation.verb == Verb::RollBack { ground.current.templated().0 } else { &ground.current.address };
    let part = if ground.operation.verb == Verb::Abort || ground.operation.verb.leaves_no_mark() { "status" } else { "" };
    may_patch(&ground.cluster, address.group(), (&address.plural, ground.namespace(), &address.name), part).await
}

/// Whether we may patch an object of a group (its plural, where it is, its name), or a part of it.
pub async fn may_patch(cluster: &Cluster, group: &str, object: (&str, &str, &str), part: &str) -> Finding {
    may_do(cluster, "patch", group, object, part).await
}

/// The same of another verb.
pub async fn may_do(cluster: &Cluster, verb: &'static str, group: &str, (plural, namespace, name): (&str, &str, &str), part: &str) -> Finding {
    let made = CheckKind::Rights;
    let slash = if part.is_empty() { "" } else { "/" };
    let whole = format!("{plural}{slash}{part}");
    let asked = json!({ "namespace": namespace, "verb": verb, "group": group, "resource": plural, "subresource": part, "name": name });
    match review(cluster, asked).await {
        Ok(review) if review.status.allowed => made.ok(clean!("we may {verb} {whole} in {namespace}")),
        Ok(review) => {
            let why = if review.status.reason.is_empty() { String::new() } else { format!(" ({})", review.status.reason) };
            let remedy = cluster.tried(verb, &format!("{plural}.{group}{slash}{part}"), Some(namespace)).can_i();
            made.block(clean!("we may not {verb} {whole} in {namespace}{why}"), Some(clean!("check with `{remedy}`")))
        }
        Err(error) => made.failed(&error),
    }
}

/// Whether it is paused: a paused Deployment starts no rollout.
pub async fn paused(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Paused;
    if let (Verb::Abort, true) = (ground.operation.verb, ground.current.lean.spec.paused) {
        let resume = ground.resume();
        return made.warn(clean!("{} is paused by hand: its controller may act on the abort only when it is resumed", ground.name()), Some(resume));
    }
    let Some(why) = act::paused(&ground.current, &ground.sets) else { return made.ok(clean!("{} is not paused", ground.name())) };
    let resume = ground.resume();
    made.block(why, Some(if act::waits(&ground.current, &ground.sets) { clean!("apply the manifest of what runs, then {resume}") } else { resume }))
}

/// Whether the next `kubectl apply` will merge wrongly: what it compares with is not changed by a rollback.
pub async fn last_applied(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::LastApplied;
    if ground.current.note(LAST_APPLIED).is_none() {
        return made.ok("it was not made by `kubectl apply`, whose merge a rollback would confuse");
    }
    let sentence = "it was made by `kubectl apply`: its last-applied copy will not go back, so the next apply may leave parts of the old revision in place";
    made.warn(
        Clean::from_static(sentence),
        Some(Clean::from_static("apply the manifest of the revision you go back to, or correct git, before the next apply")),
    )
}

/// What only tries requests, or that there is none.
pub async fn dry(cluster: &Cluster) -> Result<Dry, Finding> {
    let made = CheckKind::DryRun;
    match cluster.dry().await {
        Ok(Some(dry)) => Ok(dry),
        Ok(None) => Err(made.unknown("read-only: nothing is sent, not even to be tried")),
        Err(error) => Err(made.failed(&error)),
    }
}

/// Why there is no request that could be tried.
pub fn no_request(stage: Stage) -> Finding {
    match stage {
        Stage::Refused { why } => CheckKind::DryRun.block(why, None),
        _ => CheckKind::DryRun.unknown("the request could not be made"),
    }
}

/// What the server says to the very request.
pub async fn dry_run(ground: Arc<Ground>) -> Finding {
    let dry = match dry(&ground.cluster).await {
        Ok(dry) => dry,
        Err(finding) => return finding,
    };
    match act::change(&ground.cluster, &ground.current, &ground.operation).await {
        Ok(change) => try_out(&ground.cluster, &dry, &change, ground.name()).await,
        Err(stage) => no_request(stage),
    }
}

/// Tries a request, and says what the server's answer means.
pub async fn try_out(cluster: &Cluster, dry: &Dry, change: &Change, name: &str) -> Finding {
    let tried = cluster.tried(change.verb(), &change.resource, Some(&change.namespace));
    let answer = match &change.does {
        Does::Patch(patch) => dry.patch(&change.path, patch).await,
        Does::Delete(options) => dry.delete(&change.path, options).await,
    };
    would(&tried, answer, name)
}

/// What the answer to a request means that was only tried.
pub fn would(tried: &Tried, answer: Result<Reply, kube::Error>, name: &str) -> Finding {
    let made = CheckKind::DryRun;
    match answer {
        Err(error) => made.failed(&tried.failed(&error)),
        Ok(reply) if reply.code < 300 => match act::warnings(&reply.headers).first() {
            Some(warning) => made.warn(clean!("the server would accept it and warns: {warning}"), None),
            None => made.ok("the server would accept it"),
        },
        Ok(reply) if reply.code == 409 => made.unknown(clean!("{name} was written to at the same moment")),
        Ok(reply) if reply.code >= 500 || reply.code == 429 => made.failed(&tried.refused(&reply.status())),
        Ok(reply) => made.block(clean!("the server would refuse it: {}", reply.status().message.trim()), None),
    }
}

/// A Job, by its name and time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Job {
    #[serde(deserialize_with = "or_default")]
    metadata: Meta,
}
shape!(Job, "Job", "batch", "jobs");

/// Words in the names of what changes a schema.
const MIGRATES: &[&str] = &["migrat", "flyway", "alembic", "liquibase", "goose", "db-upgrade", "schema"];
/// Where somebody says that a release changes the schema.
const MIGRATION: &str = "pilothouse.dev/migration";

/// Whether what is called so looks like a change of a schema.
pub fn migrates(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    MIGRATES.iter().any(|word| name.contains(word))
}

/// Whether a schema was changed since the revision to go back to: it is not rolled back with it.
pub async fn migration(ground: Arc<Ground>) -> Finding {
    let made = CheckKind::Migration;
    let warn = not_rolled_back;
    let Some(target) = ground.target() else { return made.unknown("the revision to go back to is not there") };
    let newer = ground.sets.iter().filter(|set| set.number > target.number);
    for set in newer {
        let annotation = set.raw.pointer("/metadata/annotations").and_then(|notes| notes.get(MIGRATION)).and_then(Value::as_str);
        if let Some(kind) = annotation {
            return warn(format!("r{} says that it migrates ({kind})", set.number));
        }
        if let Some(init) = set.lean.spec.template.spec.init_containers.iter().find(|init| migrates(&init.name)) {
            return warn(format!("r{} has the init container {}", set.number, init.name));
        }
    }
    jobs_since(&ground.cluster, ground.namespace(), target.lean.meta().creation_timestamp.as_ref().map(|time| time.0)).await
}

/// What a migration since then means.
pub fn not_rolled_back(what: String) -> Finding {
    let remedy = Clean::from_static("make sure that the older version works with the newer schema");
    CheckKind::Migration.warn(clean!("{what}: the schema is not rolled back"), Some(remedy))
}

/// Whether a job that looks like a migration was made since.
pub async fn jobs_since(cluster: &Cluster, namespace: &str, since: Option<Timestamp>) -> Finding {
    let (made, warn) = (CheckKind::Migration, not_rolled_back);
    let call = Call::list("jobs.batch", Some(namespace), format!("/apis/batch/v1/namespaces/{namespace}/jobs"));
    let jobs = match cluster.get::<List<Job>>(&call).await {
        Ok(jobs) => jobs,
        Err(error) => return made.failed(&error),
    };
    let made_since = |job: &Job| job.meta().creation_timestamp.as_ref().map(|time| time.0) > since;
    let found = jobs
        .whole()
        .filter(|job| job.meta().name.as_deref().is_some_and(migrates) && made_since(job))
        .max_by_key(|job| job.meta().creation_timestamp.clone().map(|time| time.0));
    match found {
        Some(job) => warn(format!("the job {} ran since that revision", job.meta().name.as_deref().unwrap_or_default())),
        None => made.ok("no job or init container that looks like a migration since that revision"),
    }
}

#[cfg(test)]
mod tests;
