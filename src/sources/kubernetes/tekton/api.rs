//! One Tekton: where its objects are, in which version, and how they are called here.

use super::{
    Shape, origin,
    shelf::Shelf,
    standing,
    wire::{Beta, GROUP, PipelineRun, TaskRun, succeeded},
};
use crate::{
    clean,
    domain::{Id, Job, Run, SourceId},
    sources::{
        SourceError,
        gates::Gates,
        kubernetes::{
            client::{Call, Cluster},
            groups,
            sight::{Filter, Halt, Said, Sight, sight},
            wire::Lean,
        },
    },
    text::Clean,
};
use futures::StreamExt;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One Tekton.
pub struct Api {
    /// Which source it is.
    pub id: SourceId,
    /// The cluster that it runs in.
    pub cluster: Arc<Cluster>,
    /// What jobs count for.
    pub gates: Gates,
    /// Where its dashboard is, without a slash at the end.
    pub dashboard: Option<String>,
    /// All runs, as far as they are known.
    pub shelf: Mutex<Shelf>,
}

/// The version of the group that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Tekton 0.43 and newer.
    V1,
    /// Before that.
    Beta,
}

impl Version {
    const fn word(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::Beta => "v1beta1",
        }
    }
}

/// A run that was just read.
pub struct Fresh {
    /// By this version.
    pub version: Version,
    /// Its identity.
    pub key: RunKey,
    /// All of it.
    pub raw: Value,
    /// What we read of it.
    pub lean: PipelineRun,
}

/// A run by its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunKey {
    /// The object's uid: a namesake that was made later is another run.
    pub uid: String,
    /// Where it is.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What a job stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobKey {
    /// One attempt of a TaskRun, counted from 1.
    Task { namespace: String, name: String, attempt: usize },
    /// A task that has no TaskRun, by its place among the tasks of its run.
    Unbegun { uid: String, place: usize },
    /// The run itself, which came to no task.
    Itself(RunKey),
}

const TASK: &str = "task";
const UNBEGUN: &str = "unbegun";
const ITSELF: &str = "run";

impl RunKey {
    /// The run of this identity.
    pub fn of(id: &Id<Run>) -> Result<Self, SourceError> {
        Self::parse(id.key()).ok_or_else(|| SourceError::NotFound(clean!("{} is not a run of Tekton", id.key())))
    }

    fn parse(key: &str) -> Option<Self> {
        let mut parts = key.splitn(3, '/').map(str::to_owned);
        Some(Self { uid: parts.next()?, namespace: parts.next()?, name: parts.next()? })
    }

    /// The key of a run that was read.
    pub fn seen(run: &PipelineRun) -> Option<Self> {
        let meta = run.meta();
        Some(Self { uid: meta.uid.clone().unwrap_or_default(), namespace: meta.namespace.clone()?, name: meta.name.clone()? })
    }

    /// Its identity.
    pub fn id(&self, source: &SourceId) -> Id<Run> {
        Id::new(source, &format!("{}/{}/{}", self.uid, self.namespace, self.name))
    }
}

impl JobKey {
    /// What the job of this identity stands for.
    pub fn of(id: &Id<Job>) -> Option<Self> {
        let (kind, rest) = id.key().split_once('/')?;
        let mut parts = rest.splitn(3, '/');
        match kind {
            TASK => Some(Self::Task {
                namespace: parts.next()?.into(),
                name: parts.next()?.into(),
                attempt: parts.next()?.parse().ok().filter(|attempt| *attempt > 0)?,
            }),
            UNBEGUN => Some(Self::Unbegun { uid: parts.next()?.into(), place: parts.next()?.parse().ok()? }),
            ITSELF => RunKey::parse(rest).map(Self::Itself),
            _ => None,
        }
    }

    /// Its identity. Jobs that have not begun are in the order of their places.
    pub fn id(&self, source: &SourceId) -> Id<Job> {
        let key = match self {
            Self::Task { namespace, name, attempt } => format!("{TASK}/{namespace}/{name}/{attempt}"),
            Self::Unbegun { uid, place } => format!("{UNBEGUN}/{uid}/{place:04}"),
            Self::Itself(run) => format!("{ITSELF}/{}/{}/{}", run.uid, run.namespace, run.name),
        };
        Id::new(source, &key)
    }
}

impl Api {
    /// All runs, as far as they are known.
    pub fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which version is served: asked each time, since a cluster is upgraded while we watch.
    pub async fn version(&self) -> Result<Version, SourceError> {
        for version in [Version::V1, Version::Beta] {
            // Versions between had tasks as v1 and no runs of pipelines.
            if groups::serves(&self.cluster, &format!("{GROUP}/{}", version.word()), PipelineRun::PLURAL).await? {
                return Ok(version);
            }
        }
        let context = &self.cluster.known.name;
        Err(SourceError::NotFound(clean!("{context} serves no {}.{GROUP}: Tekton Pipelines is not installed there", PipelineRun::PLURAL)))
    }

    /// A run as it is now, with all that the server tells of it.
    pub async fn fresh(&self, id: &Id<Run>) -> Result<Fresh, SourceError> {
        let key = RunKey::of(id)?;
        let version = self.version().await?;
        let path = format!("{}/{}", Self::path::<PipelineRun>(version, &key.namespace), key.name);
        let raw: Value = self.cluster.get(&Self::call::<PipelineRun>("get", &key.namespace, path)).await?;
        let unreadable = |error: serde_json::Error| SourceError::Protocol(clean!("PipelineRun {} can not be read: {error}", key.name));
        let lean: PipelineRun = serde_json::from_value(raw.clone()).map_err(unreadable)?;
        if lean.meta().uid.as_deref().unwrap_or_default() != key.uid {
            return Err(SourceError::NotFound(clean!("{} was deleted and made anew: it is another run now", key.name)));
        }
        Ok(Fresh { version, key, raw, lean })
    }

    /// Whether it is there and its runs may be seen, everywhere or where we look.
    pub async fn is_ours(&self) -> Result<bool, SourceError> {
        let version = self.version().await?;
        let places = std::iter::once(None).filter(|_| !self.cluster.confined).chain(self.cluster.namespaces.iter().map(Some));
        for place in places {
            let below = place.map_or_else(String::new, |namespace| format!("namespaces/{namespace}/"));
            let path = format!("/apis/{GROUP}/{}/{below}{}?limit=1", version.word(), PipelineRun::PLURAL);
            match self.cluster.get::<serde::de::IgnoredAny>(&Call::list(&PipelineRun::resource(), place.map(String::as_str), path)).await {
                Ok(_) => return Ok(true),
                Err(SourceError::Denied(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// The path of a kind's objects in a namespace.
    pub fn path<T: Shape>(version: Version, namespace: &str) -> String {
        format!("/apis/{GROUP}/{}/namespaces/{namespace}/{}", version.word(), T::PLURAL)
    }

    /// Reads one object at a path, or a list of a kind.
    pub fn call<T: Shape>(verb: &'static str, namespace: &str, path: String) -> Call {
        Call { verb, resource: T::resource(), namespace: Some(namespace.to_owned()), path }
    }

    /// Looks at the objects of a kind.
    pub fn sight<T: Shape>(&self, version: Version, filter: Filter) -> Sight<T> {
        match version {
            Version::V1 => sight::<T>(self.cluster.clone(), filter),
            Version::Beta => sight::<Beta<T>>(self.cluster.clone(), filter).map(bare).boxed(),
        }
    }

    /// The run as a row; none where it has no name.
    pub fn run(&self, run: &PipelineRun) -> Option<Run> {
        let key = RunKey::seen(run)?;
        let (status, condition) = (standing::of_run(run), succeeded(&run.status.conditions));
        Some(Run {
            id: key.id(&self.id),
            repository: origin::repository(run),
            workflow: Clean::from_untrusted(&origin::pipeline(run)),
            number: 0,
            attempt: 1,
            title: origin::title(run),
            branch: origin::branch(run),
            commit: origin::commit(run),
            actor: origin::author(run),
            created: run.meta().creation_timestamp.as_ref().map(|time| time.0),
            started: run.status.start_time,
            // A controller that gives up early writes no other time than that of the condition.
            ended: run.status.completion_time.or_else(|| condition?.last_transition_time).filter(|_| status.over()),
            status,
            was: None,
            digests: origin::digests(run),
            usual: None,
            url: self.page(run, &key),
        })
    }

    /// Where a person can look at it: the configuration knows, or whoever made it has told.
    fn page(&self, run: &PipelineRun, key: &RunKey) -> Clean {
        let ours = self.dashboard.as_ref().map(|url| clean!("{url}/#/namespaces/{}/pipelineruns/{}", key.namespace, key.name));
        ours.or_else(|| origin::link(run)).unwrap_or_default()
    }

    /// Only objects that belong to this run. Its name is a label where it is short enough for one.
    pub fn of_run(key: &RunKey) -> Filter {
        let labels = (key.name.len() <= 63).then(|| format!("tekton.dev/pipelineRun={}", key.name));
        Filter { labels, namespace: Some(key.namespace.clone()), ..Filter::default() }
    }

    /// Only the object of this name.
    pub fn named(namespace: &str, name: &str) -> Filter {
        Filter { fields: Some(format!("metadata.name={name}")), namespace: Some(namespace.to_owned()), ..Filter::default() }
    }
}

/// Whether a TaskRun is of this run.
pub fn is_of(task: &TaskRun, run: &PipelineRun) -> bool {
    let (uid, name) = (run.meta().uid.as_deref(), task.meta().name.as_deref());
    let owned = task.meta().owner_references.iter().flatten().any(|owner| Some(owner.uid.as_str()) == uid);
    owned || run.status.child_references.iter().any(|child| Some(child.name.as_str()) == name)
}

fn bare<T: Shape>(said: Result<Said<Beta<T>, Lean<Beta<T>>>, Halt>) -> Result<Said<T, Lean<T>>, Halt> {
    said.map(|said| match said {
        Said::Begin => Said::Begin,
        Said::Done => Said::Done,
        Said::Is(Beta(object)) => Said::Is(object),
        Said::Gone(Lean::Whole(Beta(object))) => Said::Gone(Lean::Whole(object)),
        Said::Gone(Lean::Torn { meta, why }) => Said::Gone(Lean::Torn { meta, why }),
    })
}
