//! An Argo CD application is synced back to what it was synced to before: by one request that writes its `operation`, as its own server does it.
//!
//! That server would refuse it while the application syncs by itself and while another operation is under way; whoever writes the object
//! has to look for that alone.

mod checks;
mod history;

pub use checks::checks;

use super::{Keeper, above, read};
use crate::{
    clean,
    domain::{Application, Id, Operation, Owner, Phase, Seen, Stage, Synced, Workload},
    sources::{
        SourceError,
        kubernetes::{
            act::{Change, Does},
            ask::Current,
            client::Cluster,
            groups::Served,
            revisions, rows,
            template::OPERATION,
            wire::Shape,
        },
        spec,
    },
    text::{Clean, Name, Raw},
};
use history::Point;
use serde_json::{Value, json};

/// An application that an operation syncs back, as it is at this moment.
pub struct Sync {
    keeper: Keeper,
    /// What is above it.
    others: Vec<Keeper>,
    /// The workload's own name and what it was found as.
    workload: (String, Seen),
}

impl Sync {
    /// Reads it.
    pub async fn read(cluster: &Cluster, operation: &Operation) -> Result<Self, SourceError> {
        let current = Current::read(cluster, &operation.subject).await?;
        let served = Served::ask(cluster).await?;
        let mut floors = above(cluster, &served, current.lean.meta()).await?.into_iter();
        let workload = (current.address.name.clone(), current.seen());
        match floors.next().filter(|keeper| keeper.sort.argo()) {
            Some(keeper) => Ok(Self { keeper, others: floors.collect(), workload }),
            None => Err(SourceError::Conflict(clean!("{} belongs to no Argo CD application any more that can be read", workload.0))),
        }
    }

    /// Its name.
    pub fn name(&self) -> Clean {
        self.keeper.owner.words()
    }

    /// What is not as the operator saw it any more; none where all is.
    pub fn moved(&self, from: &Seen) -> Option<Clean> {
        let (now, who) = (self.keeper.synced_seen(&self.workload.1), self.name());
        if now.uid != from.uid {
            return Some(clean!("{} belongs to another application now, or {who} was made anew", self.workload.0));
        }
        if self.keeper.acts() {
            return Some(self.forward());
        }
        let last = || self.keeper.operation().map(|last| clean!(": last by {}, {}", last.by, last.words())).unwrap_or_default();
        (now != *from).then(|| clean!("{who} was synced meanwhile, or {} was changed{}", self.workload.0, last()))
    }

    fn forward(&self) -> Clean {
        clean!("{} syncs by itself and would go forward again at once: hold it off first (H)", self.name())
    }

    /// Why it may not be synced now, and what to do about it; none where it may.
    fn busy(&self) -> Option<(Clean, Clean)> {
        let (who, name) = (self.name(), self.keeper.name());
        if self.keeper.meta.deletion_timestamp.is_some() {
            return Some((clean!("{who} is being deleted"), Clean::from_static("go back by the workload's own revision instead")));
        }
        let last = self.keeper.operation().filter(Synced::under_way)?;
        let remedy = clean!("wait until it is over, or end it: argocd app terminate-op {name}");
        Some((clean!("{} is at work on {who}, {}", last.by, last.words()), remedy))
    }

    /// What the operation goes to; none where the history has it no more, or it does not say where it came from.
    fn point(&self, operation: &Operation) -> Option<Point<'_>> {
        let wanted = operation.to.as_ref()?.number;
        self.keeper.points().into_iter().find(|point| point.id == wanted).filter(Point::whole)
    }

    /// The request of an operation, or why there is none.
    pub fn change(&self, operation: &Operation) -> Result<Change, Stage> {
        let refused = |why: Clean| Err(Stage::Refused { why });
        if self.keeper.acts() {
            return refused(self.forward());
        }
        if let Some((why, _)) = self.busy() {
            return refused(why);
        }
        let Some(point) = self.point(operation) else {
            return refused(clean!("{} has it no more in its history: choose another", self.name()));
        };
        let (resource, namespace) = (self.keeper.sort.resource(), self.keeper.namespace().to_owned());
        Ok(Change { path: self.keeper.path(), resource, namespace, does: Does::Patch(self.patch(operation, &point)) })
    }

    /// The merge patch that asks for it, on the condition that nobody has written to the application since it was read.
    fn patch(&self, operation: &Operation, point: &Point<'_>) -> Value {
        // As its own server does it: all of the source as it was, no hooks, nothing pruned, the options of the application.
        let mut sync = json!({ "syncStrategy": { "apply": {} } });
        for key in ["revision", "revisions", "source", "sources"] {
            if let Some(value) = point.raw.get(key).filter(|value| !value.is_null()) {
                sync[key] = value.clone();
            }
        }
        if let Some(options) = self.keeper.raw.pointer("/spec/syncPolicy/syncOptions").filter(|options| options.is_array()) {
            sync["syncOptions"] = options.clone();
        }
        let line = |name: &str, value: &str| json!({ "name": name, "value": value });
        let info = [line("Reason", &operation.reason), line(OPERATION, operation.id.as_str())];
        json!({
            "metadata": { "resourceVersion": self.keeper.meta.resource_version },
            "operation": { "initiatedBy": { "username": operation.by }, "info": info, "sync": sync },
        })
    }

    /// The command that does the same by hand.
    fn command(&self, operation: &Operation) -> Option<Clean> {
        let point = self.point(operation)?;
        Some(clean!("argocd app rollback {} {}", self.keeper.name(), point.id))
    }
}

impl Keeper {
    /// What a sync must still find, where the workload was found as in `workload`. That it is held off meanwhile is what the plan asks for.
    fn synced_seen(&self, workload: &Seen) -> Seen {
        let last = |key: &str| self.raw.pointer(&format!("/status/operationState/{key}"));
        let all = json!({
            "history": self.raw.pointer("/status/history"), "asked": self.raw.get("operation"), "began": last("startedAt"), "phase": last("phase"),
            "workload": workload.uid.expose(), "template": workload.template.expose(),
        });
        Seen { uid: Raw::new(self.uid()), template: spec::hash(&all), paused: false }
    }

    /// The operation that is under way, or was the last.
    fn operation(&self) -> Option<Synced> {
        let text = |pointer: &str| self.raw.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let phase = match text("/status/operationState/phase") {
            "" => None,
            "Succeeded" => Some(Phase::Succeeded),
            "Failed" | "Error" => Some(Phase::Failed),
            // Whatever else it may be called one day, it is not over.
            _ => Some(Phase::Running),
        };
        let says = Clean::from_untrusted(text("/status/operationState/message"));
        // It stays on the object until it is begun, and in some versions until it is over; the state beside it is that of the one before until then.
        match (self.raw.get("operation").filter(|asked| !asked.is_null()), phase) {
            (Some(asked), Some(Phase::Running)) => Some(synced(asked, Phase::Running, says)),
            (Some(asked), _) => Some(synced(asked, Phase::Asked, Clean::EMPTY)),
            (None, Some(phase)) => Some(synced(self.raw.pointer("/status/operationState/operation").unwrap_or(&Value::Null), phase, says)),
            (None, None) => None,
        }
    }
}

fn synced(operation: &Value, phase: Phase, says: Clean) -> Synced {
    let info = operation.get("info").and_then(Value::as_array);
    let ours = info.into_iter().flatten().find(|line| line.get("name").and_then(Value::as_str) == Some(OPERATION));
    let mark = ours.and_then(|line| line.get("value")).and_then(Value::as_str).map(Clean::from_untrusted);
    Synced { mark, by: asked_by(operation), phase, says }
}

/// Who asked for it, as `initiatedBy` has it.
fn asked_by(of: &Value) -> Clean {
    let by = of.get("initiatedBy");
    match by.and_then(|by| by.get("username")).and_then(Value::as_str).filter(|name| !name.is_empty()) {
        Some(name) => Clean::from_untrusted(name),
        None if by.and_then(|by| by.get("automated")).and_then(Value::as_bool) == Some(true) => Clean::from_static("Argo CD itself"),
        None => Clean::from_static("somebody"),
    }
}

/// The application that made a workload, as the procedure of a rollback wants it; none where none did, or it can not be read: the checks of
/// its owner say why.
pub async fn of(cluster: &Cluster, current: &Current, id: &Id<Workload>) -> Option<Application> {
    let owner = rows::owner(current.lean.meta()).filter(|owner| matches!(owner, Owner::ArgoCd { .. }))?;
    let served = Served::ask(cluster).await.ok()?;
    let keeper = read(cluster, &served, &owner).await.ok()??;
    let operation = keeper.operation();
    // What a finished operation applied is seen by whoever reads the workload after it.
    let ended = operation.as_ref().is_some_and(|last| last.mark.is_some() && last.phase == Phase::Succeeded);
    let template = if ended { runs(cluster, id).await.ok()? } else { Raw::default() };
    Some(Application {
        name: Name::new(keeper.name()),
        seen: keeper.synced_seen(&current.seen()),
        revisions: keeper.synced_to(&cluster.id, id),
        operation,
        template,
    })
}

/// The controller's hash of the newest template of a workload; empty where its controller has not looked at it yet.
async fn runs(cluster: &Cluster, id: &Id<Workload>) -> Result<Raw, SourceError> {
    let current = Current::read(cluster, id).await?;
    let sets = revisions::kept(cluster, &current).await?;
    Ok(sets.iter().find(|set| current.is_at(set)).map(|set| Raw::new(&set.template)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
