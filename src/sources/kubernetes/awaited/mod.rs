//! The pod that a StatefulSet waits for in vain: read, and deleted on the condition that it still is the one that was seen.
//!
//! Which one that is, and what its successor is made from, are the rules of the controller (stateful_set_control.go, updateStatefulSet): it
//! goes up the ordinals and stops at the first pod that is missing, being deleted, or not running and ready.

mod prepare;

pub use prepare::checks;

use super::{
    act::{Change, Does},
    ask::Current,
    client::Cluster,
    revisions::{self, Kept},
    rows,
    wire::{Shape, core::Pod},
};
use crate::{
    clean,
    domain::{Awaited, Id, Kind, Operation, Pod as Row, Progress, Seen, SourceId, Stage, Standing, Subject, Workload},
    sources::SourceError,
    text::{Clean, Raw},
};
use serde_json::{Value, json};

/// A StatefulSet with its pods, as they are at this moment.
pub struct Turns {
    current: Current,
    kept: Vec<Kept>,
    pods: Vec<One>,
}

/// One of its pods.
struct One {
    row: Row,
    lean: Pod,
    raw: Value,
}

impl One {
    fn of(source: &SourceId, raw: Value) -> Result<Self, SourceError> {
        let lean: Pod = serde_json::from_value(raw.clone()).map_err(|error| SourceError::Protocol(clean!("a pod can not be read: {error}")))?;
        Ok(Self { row: rows::pod(source, &lean), lean, raw })
    }

    fn name(&self) -> &Clean {
        self.row.name.clean()
    }

    fn stands(&self) -> Standing {
        if self.row.leaving {
            return Standing::Leaving;
        }
        if self.row.ready {
            return Standing::Ready;
        }
        let ready = self.lean.status.conditions.iter().find(|condition| condition.kind == "Ready");
        Standing::Unready { since: ready.and_then(|ready| ready.last_transition_time).or(self.row.created), says: self.row.reason.clone() }
    }

    /// What it is in words: `CrashLoopBackOff, 5 restarts`.
    fn says(&self) -> Clean {
        match self.row.restarts {
            0 => self.row.reason.clone(),
            count => clean!("{}, {count} restart{}", self.row.reason, if count == 1 { "" } else { "s" }),
        }
    }
}

impl Turns {
    async fn read(cluster: &Cluster, workload: &Id<Workload>) -> Result<Self, SourceError> {
        let current = Current::read(cluster, workload).await?;
        if current.kind != Kind::StatefulSet {
            return Err(SourceError::Unsupported(clean!("a {} waits for none of its pods", current.kind.word())));
        }
        let (kept, pods) = futures::join!(revisions::kept(cluster, &current), revisions::raw_pods(cluster, &current));
        let pods = pods?.into_iter().map(|raw| One::of(&cluster.id, raw)).collect::<Result<Vec<One>, _>>()?;
        Ok(Self { current, kept: kept?, pods: pods.into_iter().filter(|one| one.row.workload.as_ref() == Some(workload)).collect() })
    }

    /// The same, where an operation names the pod.
    pub async fn named(cluster: &Cluster, operation: &Operation) -> Result<Self, SourceError> {
        Self::read(cluster, &operation.subject).await
    }

    /// Its name.
    pub fn name(&self) -> Clean {
        clean!("{}", self.current.address.name)
    }

    /// The revision that pods are made from now.
    fn newest(&self) -> &str {
        &self.current.lean.status.update_revision
    }

    /// The pod that is waited for in vain, or why there is none.
    fn waits_for(&self) -> Result<&One, Clean> {
        let (set, spec, status) = (self.name(), &self.current.lean.spec, &self.current.lean.status);
        let generation = self.current.lean.meta().generation.unwrap_or_default();
        if spec.update_strategy.kind == "OnDelete" {
            return Err(clean!("OnDelete: {set} replaces no pod by itself and waits for none"));
        }
        if spec.pod_management_policy == "Parallel" {
            return Err(clean!("Parallel: {set} replaces its pods without waiting for any"));
        }
        if generation > status.observed_generation {
            return Err(clean!("the controller of {set} has not looked at its newest template yet: a pod that goes now may come back as it is"));
        }
        let start = spec.ordinals.start;
        for ordinal in start..start.saturating_add(self.current.replicas()) {
            match self.pods.iter().find(|pod| pod.row.ordinal() == Some(ordinal)) {
                None => return Err(clean!("{set}-{ordinal} is not there: its controller makes that one first")),
                Some(pod) if pod.row.ready => {}
                Some(pod) => return self.in_vain(pod, start.saturating_add(spec.update_strategy.rolling_update.partition)),
            }
        }
        Err(clean!("every pod of {set} is ready: it waits for none"))
    }

    /// The first that is not ready, where nothing but its deletion lets the others go on.
    fn in_vain<'a>(&self, pod: &'a One, least: u32) -> Result<&'a One, Clean> {
        let name = pod.name();
        if pod.row.leaving {
            return Err(clean!("{name} is being deleted already: its controller waits for that"));
        }
        if matches!(pod.lean.status.phase.as_str(), "Failed" | "Succeeded") {
            return Err(clean!("{name} has ended: its controller deletes it by itself"));
        }
        if pod.row.template.expose() == self.newest() {
            return Err(clean!("its controller waits for {name}, which is of the newest revision: it would come back as it is"));
        }
        if pod.row.ordinal() < Some(least) {
            return Err(clean!("{name} is below the partition: it would not be made anew from the newest revision"));
        }
        Ok(pod)
    }

    fn called(&self, template: &str) -> Clean {
        let kept = self.kept.iter().find(|kept| kept.template == template);
        kept.map_or_else(|| Clean::from_static("a revision that is not kept"), revisions::called)
    }

    /// The pod of that name as it is.
    fn told(&self, name: &str) -> Awaited {
        let pod = self.pods.iter().find(|pod| pod.name().as_str() == name);
        let template = pod.map_or("", |pod| pod.row.template.expose());
        Awaited {
            name: clean!("{name}"),
            uid: pod.map(|pod| pod.row.uid.clone()).unwrap_or_default(),
            template: Raw::new(template),
            of: self.called(template),
            newest: Raw::new(self.newest()),
            anew: self.called(self.newest()),
            stands: pod.map_or(Standing::Gone, One::stands),
        }
    }

    /// What is not as the operator saw it any more; none where all is.
    pub fn moved(&self, from: &Seen) -> Option<Clean> {
        let name = Awaited::name_in(from);
        let now = self.told(&name);
        if now.stands == Standing::Gone {
            return Some(clean!("{name} is gone: somebody deleted it, or its controller did"));
        }
        if now.uid != from.uid {
            return Some(clean!("{name} was replaced meanwhile: it is another pod now, {}", now.words()));
        }
        if now.stands == Standing::Ready {
            return Some(clean!("{name} has become ready: nothing waits for it"));
        }
        if now.seen() != *from {
            return Some(clean!("{} was changed meanwhile: {name} would be made anew from {} now", self.name(), now.anew));
        }
        match self.waits_for() {
            Ok(pod) if *pod.name() == name => None,
            Ok(other) => Some(clean!("its controller waits for {} now", other.name())),
            Err(why) => Some(why),
        }
    }

    /// The deletion of that one pod, if it is as it was just read.
    pub fn change(&self, operation: &Operation) -> Result<Change, Stage> {
        let pod = self.waits_for().map_err(|why| Stage::Refused { why })?;
        if pod.row.uid != operation.from.uid {
            return Err(Stage::Refused { why: clean!("{} is another pod than the one that was seen", pod.name()) });
        }
        let version = pod.raw.pointer("/metadata/resourceVersion");
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "preconditions": { "uid": pod.row.uid.expose(), "resourceVersion": version },
        });
        let namespace = &self.current.address.namespace;
        Ok(Change {
            path: format!("/api/v1/namespaces/{namespace}/pods/{}", pod.row.name.raw()),
            resource: "pods".into(),
            namespace: namespace.clone(),
            does: Does::Delete(options),
        })
    }
}

/// Answers [`crate::domain::Question::Awaited`].
pub async fn answer(cluster: &Cluster, workload: Id<Workload>, pod: Option<&Clean>) -> Result<Subject, SourceError> {
    let turns = Turns::read(cluster, &workload).await?;
    let name = match pod {
        Some(name) => name.clone(),
        None => turns.waits_for().map_err(SourceError::NotFound)?.name().clone(),
    };
    let (awaited, current) = (turns.told(&name), &turns.current);
    Ok(Subject {
        revision: current.revision(),
        changed_by: current.changed_by(),
        replicas: rows::replicas(current.kind, &current.lean.spec, &current.lean.status),
        progress: Progress::Unknown,
        awaited: Some(Box::new(awaited.clone())),
        ..Subject::new(workload, awaited.seen())
    })
}

#[cfg(test)]
mod tests;
