//! The controllers above a workload that would change it back: Argo CD applications, Flux Kustomizations and HelmReleases. They are
//! read, held off (auto-sync off, suspended) and let go again; an application is also synced back ([`Sync`]).
//!
//! What is held carries a mark that says who did it and how it was before, so that any console can let it go again as it was.

mod prepare;
mod sync;
mod watch;

pub use prepare::checks;
pub use sync::{Sync, checks as sync_checks, of as application};
pub use watch::holds;

use super::{
    act::{Change, Does},
    ask::Current,
    client::{Call, Cluster},
    groups::Served,
    rows,
    wire::{Shape, parse_time},
};
use crate::{
    clean,
    domain::{Id, Operation, Owner, Progress, Seen, Stage, Subject, Verb, Workload},
    sources::{SourceError, spec},
    text::{Clean, Raw},
};
use jiff::Timestamp;
use kube::core::ObjectMeta;
use serde_json::{Value, json};

/// The label and the annotation of what is held.
const HELD: &str = "pilothouse.dev/held";
/// More floors than this are a circle.
const FLOORS: usize = 5;

/// A kind of controller that can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Its group in the API.
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
}

/// Every kind that can be held.
const SORTS: [Sort; 3] = [
    Sort { group: "argoproj.io", plural: "applications", kind: "Application" },
    Sort { group: "kustomize.toolkit.fluxcd.io", plural: "kustomizations", kind: "Kustomization" },
    Sort { group: "helm.toolkit.fluxcd.io", plural: "helmreleases", kind: "HelmRelease" },
];

impl Sort {
    const fn argo(self) -> bool {
        matches!(self.group.as_bytes(), b"argoproj.io")
    }

    fn resource(self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// Where its automation stands in its specification.
    const fn pointer(self) -> &'static str {
        if self.argo() { "/spec/syncPolicy/automated" } else { "/spec/suspend" }
    }
}

/// One of them, as it is at this moment.
pub struct Keeper {
    sort: Sort,
    version: String,
    /// Who it is, in our words.
    pub owner: Owner,
    meta: ObjectMeta,
    raw: Value,
}

/// What the mark on something held says.
struct Mark {
    operation: Clean,
    by: Clean,
    at: Option<Timestamp>,
    workload: String,
    was: Value,
}

impl Keeper {
    fn new(sort: Sort, version: String, owner: Owner, raw: Value) -> Self {
        let meta = raw.get("metadata").and_then(|meta| serde_json::from_value(meta.clone()).ok()).unwrap_or_default();
        Self { sort, version, owner, meta, raw }
    }

    fn name(&self) -> &str {
        self.meta.name.as_deref().unwrap_or_default()
    }

    fn namespace(&self) -> &str {
        self.meta.namespace.as_deref().unwrap_or_default()
    }

    fn uid(&self) -> &str {
        self.meta.uid.as_deref().unwrap_or_default()
    }

    fn path(&self) -> String {
        let Sort { group, plural, .. } = self.sort;
        format!("/apis/{group}/{}/namespaces/{}/{plural}/{}", self.version, self.namespace(), self.name())
    }

    /// Whether it acts by itself: Argo CD on each commit, Flux in each interval.
    pub fn acts(&self) -> bool {
        let policy = self.raw.pointer(self.sort.pointer());
        match self.sort.argo() {
            // `enabled: false` switches it off since Argo CD 3.
            true => policy.is_some_and(|automated| automated.is_object() && automated.get("enabled").and_then(Value::as_bool) != Some(false)),
            false => policy.and_then(Value::as_bool) != Some(true),
        }
    }

    /// Whether it takes back what somebody changes beside it, without a new commit.
    pub fn heals(&self) -> bool {
        let says = |pointer| self.raw.pointer(pointer);
        self.acts()
            && match self.sort.kind {
                "Application" => says("/spec/syncPolicy/automated/selfHeal").and_then(Value::as_bool) == Some(true),
                "HelmRelease" => says("/spec/driftDetection/mode").and_then(Value::as_str) == Some("enabled"),
                _ => true,
            }
    }

    fn mark(&self) -> Option<Mark> {
        let mark: Value = serde_json::from_str(self.meta.annotations.as_ref()?.get(HELD)?).ok()?;
        let text = |key: &str| mark.get(key).and_then(Value::as_str).unwrap_or_default();
        Some(Mark {
            operation: Clean::from_untrusted(text("operation")),
            by: Clean::from_untrusted(text("by")),
            at: parse_time(text("at")),
            workload: text("workload").to_owned(),
            was: mark.get("was").cloned().unwrap_or(Value::Null),
        })
    }

    /// Whether somebody of ours holds it: it carries the mark and does not act.
    fn held(&self) -> bool {
        !self.acts() && self.mark().is_some()
    }

    /// What an operation must still find: what it does by itself, and whether it is held.
    fn seen(&self) -> Seen {
        let mark = self.meta.annotations.as_ref().and_then(|notes| notes.get(HELD));
        let says = json!({ "does": self.raw.pointer(self.sort.pointer()), "mark": mark });
        Seen { uid: Raw::new(self.uid()), template: spec::hash(&says), paused: !self.acts() }
    }

    /// What is not as the operator saw it any more; none where all is.
    pub fn moved(&self, from: &Seen) -> Option<Clean> {
        let now = self.seen();
        let does = if now.paused { "does nothing by itself now" } else { "acts by itself now" };
        (now != *from).then(|| clean!("{} was changed meanwhile: it {does}", self.owner.words()))
    }

    /// The request that holds it off or lets it go, or why there is none.
    pub fn change(&self, operation: &Operation, at: Timestamp) -> Result<Change, Stage> {
        if operation.verb == Verb::Hold && !self.acts() {
            return Err(Stage::Refused { why: clean!("{} does nothing by itself already", self.owner.words()) });
        }
        let (resource, namespace) = (self.sort.resource(), self.namespace().to_owned());
        Ok(Change { path: self.path(), resource, namespace, does: Does::Patch(self.patch(operation, at)) })
    }

    /// The merge patch that makes it so, on the condition that nobody has written to it since it was read.
    fn patch(&self, operation: &Operation, at: Timestamp) -> Value {
        let hold = operation.verb == Verb::Hold;
        let before = self.raw.pointer(self.sort.pointer()).cloned().unwrap_or(Value::Null);
        let mark = json!({ "operation": operation.id.as_str(), "by": operation.by, "at": at, "workload": operation.subject.key(), "was": before });
        let (label, note) = if hold { (json!("true"), json!(mark.to_string())) } else { (Value::Null, Value::Null) };
        let policy = match (hold, self.sort.argo()) {
            (true, true) => Value::Null,
            (true, false) => json!(true),
            (false, _) => self.mark().map_or(Value::Null, |mark| mark.was),
        };
        let spec = if self.sort.argo() { json!({ "syncPolicy": { "automated": policy } }) } else { json!({ "suspend": policy }) };
        json!({
            "metadata": { "resourceVersion": self.meta.resource_version, "labels": { HELD: label }, "annotations": { HELD: note } },
            "spec": spec,
        })
    }

    /// The command that does the same by hand.
    fn command(&self, verb: Verb, context: &str) -> Clean {
        let (name, namespace) = (self.name(), self.namespace());
        if !self.sort.argo() {
            let word = if verb == Verb::Hold { "suspend" } else { "resume" };
            return clean!("flux {word} {} {name} -n {namespace} --context {context}", self.sort.kind.to_ascii_lowercase());
        }
        let policy = if verb == Verb::Hold { Value::Null } else { self.mark().map_or(Value::Null, |mark| mark.was) };
        let patch = json!({ "spec": { "syncPolicy": { "automated": policy } } });
        clean!("kubectl patch {} {name} -n {namespace} --context {context} --type merge -p '{patch}'", self.sort.resource())
    }

    /// How somebody without a console switches it off.
    pub fn off_by_hand(&self) -> Clean {
        let (name, namespace) = (self.name(), self.namespace());
        match self.sort.argo() {
            true => clean!("argocd app set {name} --sync-policy none"),
            false => clean!("flux suspend {} {name} -n {namespace}", self.sort.kind.to_ascii_lowercase()),
        }
    }

    /// The workloads and applications that stand still while it is held; none where it does not say.
    fn keeps(&self) -> Option<Vec<String>> {
        let listed = |(kind, name): (&str, &str)| match kind {
            "Deployment" | "StatefulSet" | "DaemonSet" | "Rollout" | "CronJob" => Some(name.to_owned()),
            "Application" | "Kustomization" | "HelmRelease" => Some(format!("{} {name}", kind.to_ascii_lowercase())),
            _ => None,
        };
        if let Some(resources) = self.raw.pointer("/status/resources").and_then(Value::as_array) {
            let text = |one: &'_ Value, key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Some(resources.iter().filter_map(|one| listed((&text(one, "kind"), &text(one, "name")))).collect());
        }
        // An entry is NAMESPACE_NAME_GROUP_KIND; none of them has an underscore where these kinds are concerned.
        let entries = self.raw.pointer("/status/inventory/entries").and_then(Value::as_array)?;
        let parts = entries.iter().filter_map(|entry| {
            let mut parts = entry.get("id")?.as_str()?.split('_');
            let (name, kind) = (parts.nth(1)?, parts.nth(1)?);
            listed((kind, name))
        });
        Some(parts.collect())
    }

    /// As the procedure of a change wants it.
    fn subject(&self, workload: Id<Workload>) -> Subject {
        let generation = self.meta.generation.unwrap_or_default();
        Subject {
            operation: self.mark().map(|mark| mark.operation),
            generation,
            observed: generation,
            progress: Progress::Done,
            keeper: Some(self.owner.clone()),
            ..Subject::new(workload, self.seen())
        }
    }
}

/// Reads one; none where it is not on this cluster.
pub async fn read(cluster: &Cluster, served: &Served, owner: &Owner) -> Result<Option<Keeper>, SourceError> {
    let (sort, namespace, name) = match owner {
        // An application outside Argo CD's own namespace is tracked as NAMESPACE_NAME.
        Owner::ArgoCd { application } => match application.raw().split_once('_') {
            Some((namespace, name)) => (SORTS[0], Some(namespace), name),
            None => (SORTS[0], None, application.raw()),
        },
        Owner::Flux { kind, name } => {
            let sort = if kind.as_str() == "HelmRelease" { SORTS[2] } else { SORTS[1] };
            let Some((namespace, name)) = name.raw().split_once('/') else { return Ok(None) };
            (sort, Some(namespace), name)
        }
        Owner::Helm { .. } | Owner::Operator { .. } => return Ok(None),
    };
    let Some(version) = served.best(sort.group) else { return Ok(None) };
    let (resource, root) = (sort.resource(), format!("/apis/{}/{version}", sort.group));
    let one = async |namespace: &str| {
        cluster.find::<Value>(&Call::get(&resource, Some(namespace), format!("{root}/namespaces/{namespace}/{}/{name}", sort.plural))).await
    };
    let found = match namespace {
        Some(namespace) => one(namespace).await,
        None => {
            let everywhere = format!("{root}/{}?fieldSelector=metadata.name%3D{name}", sort.plural);
            let list = cluster.get::<Value>(&Call::list(&resource, None, everywhere)).await;
            match list.map(|list| list.pointer("/items/0").cloned()) {
                Err(SourceError::Denied(_)) => one("argocd").await,
                // Another program of the same group may be here alone.
                Err(SourceError::NotFound(_)) => Ok(None),
                other => other,
            }
        }
    };
    Ok(found?.map(|raw| Keeper::new(sort, version, owner.clone(), raw)))
}

/// Those above an object, the nearest first: an application may be kept by another one.
pub async fn above(cluster: &Cluster, served: &Served, meta: &ObjectMeta) -> Result<Vec<Keeper>, SourceError> {
    let mut floors: Vec<Keeper> = Vec::new();
    let mut owner = rows::owner(meta);
    while let Some(above) = owner.take().filter(|_| floors.len() < FLOORS) {
        let Some(keeper) = read(cluster, served, &above).await? else { break };
        if floors.iter().any(|floor| floor.uid() == keeper.uid()) {
            break;
        }
        owner = rows::owner(&keeper.meta);
        floors.push(keeper);
    }
    Ok(floors)
}

/// Which of them a verb comes to first: to hold, the highest that would undo it below, else the nearest; to let go, the nearest that is held.
fn first(floors: &[Keeper], verb: Verb) -> Option<usize> {
    match verb {
        Verb::Hold => floors.iter().rposition(Keeper::heals).or_else(|| floors.first().filter(|keeper| keeper.acts()).map(|_| 0)),
        _ => floors.iter().position(Keeper::held),
    }
}

/// The one that an operation names, and the others above its workload.
pub async fn named(cluster: &Cluster, operation: &Operation) -> Result<(Keeper, Vec<Keeper>), SourceError> {
    of(cluster, &operation.subject, Some(&operation.from.uid), operation.verb).await
}

/// One of those above a workload, and the others.
async fn of(cluster: &Cluster, workload: &Id<Workload>, uid: Option<&Raw>, verb: Verb) -> Result<(Keeper, Vec<Keeper>), SourceError> {
    let current = Current::read(cluster, workload).await?;
    let served = Served::ask(cluster).await?;
    let mut floors = above(cluster, &served, current.lean.meta()).await?;
    let name = &current.address.name;
    let wanted = match uid {
        Some(uid) => floors.iter().position(|keeper| keeper.uid() == uid.expose()),
        None => first(&floors, verb),
    };
    match wanted {
        Some(at) => Ok((floors.remove(at), floors)),
        None if floors.is_empty() => Err(SourceError::NotFound(clean!("nothing on this cluster that could be held off keeps {name}"))),
        None if verb == Verb::Hold => Err(SourceError::Unsupported(clean!("{} does nothing by itself: there is nothing to hold off", floors[0].owner.words()))),
        None => Err(SourceError::NotFound(clean!("nothing above {name} is held by pilothouse"))),
    }
}

/// Answers [`crate::domain::Question::Keeper`].
pub async fn answer(cluster: &Cluster, workload: Id<Workload>, uid: Option<&Raw>, verb: Verb) -> Result<Subject, SourceError> {
    let (keeper, _) = of(cluster, &workload, uid, verb).await?;
    Ok(keeper.subject(workload))
}

#[cfg(test)]
mod tests;
