//! Answers to questions, each read from the API at this moment.

use super::{
    awaited,
    client::{Call, Cluster},
    explain,
    helm::{self, Found},
    keepers, outline,
    revisions::{self, Kept},
    rollouts::{
        self, forward,
        way::{self, Delivery},
    },
    routes,
    rows::{self, Address},
    template::{self, OPERATION, ROLLED_BACK_FROM},
    wire::{
        Shape,
        apps::{Deployment, selector},
        parse_time,
    },
    yaml,
};
use crate::{
    clean,
    domain::{Answer, Id, Kind, Progress, Question, Seen, Steps, Subject, Verb, Workload},
    sources::{SourceError, spec},
    text::{Clean, Raw},
};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// Answers one question.
pub async fn answer(cluster: Arc<Cluster>, question: Question) -> Result<Answer, SourceError> {
    match question {
        Question::Subject(id) => subject(&cluster, id).await.map(|subject| Answer::Subject(Box::new(subject))),
        Question::Keeper { workload, uid, verb } => {
            keepers::answer(&cluster, workload, uid.as_ref(), verb).await.map(|subject| Answer::Subject(Box::new(subject)))
        }
        Question::Awaited { workload, pod } => awaited::answer(&cluster, workload, pod.as_ref()).await.map(|subject| Answer::Subject(Box::new(subject))),
        Question::Revisions(id) => revisions::read(&cluster, &id).await.map(Answer::Revisions),
        Question::Explain(id) => explain::read(&cluster, &id).await,
        Question::Yaml(id) => text(&cluster, &address(&id)?).await,
        Question::PodYaml(id) => text(&cluster, &address(&id)?).await,
        Question::Redeployed { .. } => Err(SourceError::Unsupported(Clean::from_static("Kubernetes deploys nothing by itself"))),
        Question::Templates { .. } => Err(SourceError::Unsupported(Clean::from_static("Kubernetes keeps revisions itself"))),
        Question::Run { .. }
        | Question::Tail(_)
        | Question::Report { .. }
        | Question::Older { .. }
        | Question::Window(_)
        | Question::Memory { .. }
        | Question::RuleState { .. }
        | Question::Smoke { .. }
        | Question::Origin(_) => Err(SourceError::Unsupported(Clean::from_static("Kubernetes keeps no metrics, no alerts and no runs"))),
    }
}

/// A workload as it is at this moment; what a release made is told by the release.
async fn subject(cluster: &Cluster, id: Id<Workload>) -> Result<Subject, SourceError> {
    match helm::of(cluster, Current::read(cluster, &id).await?).await? {
        Found::None(current) | Found::Unreadable(current, _) => current.told(cluster, id).await,
        Found::Release(through) => {
            let (release, outline) = (through.told(), through.outline());
            Ok(Subject { revision: Some(release.revision), outline, release: Some(release), ..through.current.told(cluster, id).await? })
        }
    }
}

/// The address of a row of ours.
pub fn address<T>(id: &Id<T>) -> Result<Address, SourceError> {
    Address::of(id).ok_or_else(|| SourceError::NotFound(Clean::from_static("this is no object of a cluster")))
}

async fn text(cluster: &Cluster, address: &Address) -> Result<Answer, SourceError> {
    let object: Value = cluster.get(&Call::get(&address.resource(), Some(&address.namespace), address.path())).await?;
    Ok(Answer::Text(yaml::lines(&object)))
}

/// A workload as it is at this moment, whole.
#[derive(Clone)]
pub struct Current {
    /// Where it is.
    pub address: Address,
    /// What it is.
    pub kind: Kind,
    /// The object itself, for patches and comparison.
    pub raw: Value,
    /// The same, as far as rows need it.
    pub lean: Deployment,
    /// What a Rollout has more.
    pub rollout: Option<Box<Delivery>>,
}

impl Current {
    /// Reads it.
    pub async fn read(cluster: &Cluster, id: &Id<Workload>) -> Result<Self, SourceError> {
        let address = address(id)?;
        let kind = address.kind().ok_or_else(|| SourceError::NotFound(Clean::from_static("this is no workload of a cluster")))?;
        let raw: Value = cluster.get(&Call::get(&address.resource(), Some(&address.namespace), address.path())).await?;
        let mut current = Self::of(address, kind, raw)?;
        if let Some(rollout) = &mut current.rollout
            && let Some((call, address)) = way::reference(&rollout.lean, &current.address.namespace)?
        {
            rollout.reference = Some((address, cluster.get(&call).await?));
        }
        Ok(current)
    }

    /// From an object that was read.
    pub fn of(address: Address, kind: Kind, raw: Value) -> Result<Self, SourceError> {
        let torn = |error| SourceError::Protocol(clean!("{} {} can not be read: {error}", address.resource(), address.name));
        // All kinds have the same fields here.
        let lean = serde_json::from_value(raw.clone()).map_err(torn)?;
        let rollout = match kind {
            Kind::Rollout => Some(Box::new(Delivery { lean: serde_json::from_value(raw.clone()).map_err(torn)?, reference: None })),
            _ => None,
        };
        Ok(Self { address, kind, raw, lean, rollout })
    }

    /// The object that has the template, and where it is: a Rollout may refer to another one.
    pub fn templated(&self) -> (&Address, &Value) {
        let reference = self.rollout.as_ref().and_then(|rollout| rollout.reference.as_ref());
        reference.map_or((&self.address, &self.raw), |(address, raw)| (address, raw))
    }

    /// Whether what is kept in `set` is its newest specification. A Rollout's own template is not filled in as that of its ReplicaSets is:
    /// its controller says which of them it is.
    pub fn is_at(&self, set: &Kept) -> bool {
        match &self.rollout {
            Some(rollout) => rollout.newest() == Some(set.template.as_str()),
            None => template::same(&set.raw, &self.raw),
        }
    }

    /// How far the newest specification is carried out.
    pub fn progress(&self) -> Progress {
        let generation = self.lean.meta().generation.unwrap_or_default();
        match &self.rollout {
            Some(rollout) => rollouts::progress(&rollout.lean),
            None => rows::progress(self.kind, generation, &self.lean.spec, &self.lean.status),
        }
    }

    /// What a change by `verb` must still find.
    pub fn seen_by(&self, verb: Verb) -> Seen {
        let (seen, steps) = (self.seen(), self.steps().filter(|_| verb.of_one_step()));
        steps.map(|steps| steps.seen(&seen)).unwrap_or(seen)
    }

    /// How far it is, where it goes step by step.
    fn steps(&self) -> Option<Steps> {
        self.rollout.as_ref().map(|rollout| forward::steps(&rollout.lean, self.template_hash()))
    }

    fn template_hash(&self) -> Raw {
        spec::hash(&template::bare(self.templated().1))
    }

    /// What an operation must still find.
    pub fn seen(&self) -> Seen {
        let hash = self.template_hash();
        let template = self.rollout.as_ref().map(|rollout| Raw::new(&format!("{}{}", hash.expose(), rollout.mark()))).unwrap_or(hash);
        Seen { uid: Raw::new(self.uid()), template, paused: self.lean.spec.paused }
    }

    /// Its uid.
    pub fn uid(&self) -> &str {
        self.lean.meta().uid.as_deref().unwrap_or_default()
    }

    /// An annotation of the object that has its template, any.
    pub fn note(&self, key: &str) -> Option<&str> {
        self.templated().1.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// The labels by which it knows its pods.
    pub fn selector(&self) -> String {
        selector(&self.lean.spec, &self.lean.status)
    }

    /// The number of its newest revision.
    pub fn revision(&self) -> Option<u64> {
        rows::number(self.lean.meta())
    }

    /// How many it asks for.
    pub fn replicas(&self) -> u32 {
        self.lean.spec.replicas.unwrap_or(1)
    }

    /// Its main image.
    pub fn image(&self) -> Clean {
        let template = self.templated().1.pointer("/spec/template").and_then(|template| serde_json::from_value(template.clone()).ok());
        rows::template_images(&template.unwrap_or_default()).first().map(|image| image.reference.clean().clone()).unwrap_or_default()
    }

    /// Who changed the template last, and when, as far as the server remembers.
    pub fn changed_by(&self) -> Option<(Clean, Option<Timestamp>)> {
        let entries = self.templated().1.pointer("/metadata/managedFields")?.as_array()?;
        let touches = entries.iter().filter(|entry| entry.pointer("/fieldsV1/f:spec/f:template").is_some());
        let time = |entry: &Value| entry.get("time").and_then(Value::as_str).and_then(parse_time);
        let newest = touches.max_by_key(|entry| time(entry))?;
        Some((clean!("{}", newest.get("manager").and_then(Value::as_str).unwrap_or("somebody")), time(newest)))
    }

    /// The template that it was rolled back from, by the controller's hash, and when.
    pub fn rolled_back_from(&self) -> Option<(Clean, Option<Timestamp>)> {
        let mark: Value = serde_json::from_str(self.note(ROLLED_BACK_FROM)?).ok()?;
        let text = |key: &str| mark.get(key).and_then(Value::as_str);
        Some((clean!("{}", text("template")?), text("at").and_then(parse_time)))
    }

    async fn told(&self, cluster: &Cluster, id: Id<Workload>) -> Result<Subject, SourceError> {
        let sets = if self.rollout.is_some() { revisions::kept(cluster, self).await? } else { Vec::new() };
        // What leads the traffic, and what made it, is looked at with all else, and is no reason to know nothing: the checks say what could not be read.
        let (routes, application) = futures::join!(routes::of(cluster, self, &id), keepers::application(cluster, self, &id));
        Ok(Subject { routes: routes.unwrap_or_default(), application, ..self.subject(id, &sets) })
    }

    /// What is known of it; `sets` are the revisions of a Rollout, whose own template has gaps that theirs have not.
    fn subject(&self, id: Id<Workload>, sets: &[Kept]) -> Subject {
        let (spec, status) = (&self.lean.spec, &self.lean.status);
        let generation = self.lean.meta().generation.unwrap_or_default();
        let newest = sets.iter().find(|set| self.is_at(set)).map_or(self.templated().1, |set| &set.raw);
        Subject {
            revision: self.revision(),
            outline: outline::outline(&template::bare(newest)),
            operation: self.note(OPERATION).map(Clean::from_untrusted),
            rolled_back_from: self.rolled_back_from(),
            changed_by: self.changed_by(),
            generation,
            observed: status.observed_generation,
            replicas: rows::replicas(self.kind, spec, status),
            progress: self.progress(),
            abort_to: self.rollout.as_ref().and_then(|rollout| rollout.abort_to()).map(Raw::new),
            steps: self.steps(),
            ..Subject::new(id, self.seen())
        }
    }
}
