//! Pods, what happened to them, and the nodes they stand on.

use super::{Id, Image, Labels, Place, Workload};
use crate::text::{Clean, Name, Raw};
use jiff::Timestamp;
use std::sync::Arc;

/// A pod, or a container where there are no pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its identity.
    pub id: Id<Pod>,
    /// Cluster and namespace.
    pub place: Place,
    /// Its name.
    pub name: Name,
    /// The back end's own identity.
    pub uid: Raw,
    /// The workload it belongs to, where it can be told.
    pub workload: Option<Id<Workload>>,
    /// The template it was made from (`pod-template-hash`, `controller-revision-hash`); empty where there is none.
    pub template: Raw,
    /// One word for its state, as `kubectl get pods` has it: Running, CrashLoopBackOff, Pending, Terminating …
    pub reason: Clean,
    /// What goes with the reason.
    pub message: Clean,
    /// Whether it serves.
    pub ready: bool,
    /// Whether it is on its way out.
    pub leaving: bool,
    /// Restarts of all its containers together.
    pub restarts: u32,
    /// When a container last restarted.
    pub restarted: Option<Timestamp>,
    /// Its containers: init containers first, then the rest, in the order of the specification.
    pub containers: Box<[Container]>,
    /// The node it stands on.
    pub node: Option<Name>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

impl Pod {
    /// Its place in a StatefulSet, where its name has one.
    pub fn ordinal(&self) -> Option<u32> {
        self.name.raw().rsplit('-').next().and_then(|number| number.parse().ok())
    }
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: Name,
    /// Whether it must end before the others start.
    pub init: bool,
    /// Its image. The pods of a workload have the same one: a source that tells of thousands lets them share it.
    pub image: Arc<Image>,
    /// What it does now.
    pub state: ContainerState,
    /// How its run before this one ended.
    pub last: Option<ContainerState>,
    /// Whether it is ready.
    pub ready: bool,
    /// How often it was restarted.
    pub restarts: u32,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// It waits.
    Waiting {
        /// `CrashLoopBackOff`, `ImagePullBackOff`, `CreateContainerConfigError` …
        reason: Clean,
        /// The detail.
        message: Clean,
    },
    /// It runs.
    Running {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// It has ended.
    Ended {
        /// The exit code.
        code: i32,
        /// `Completed`, `Error`, `OOMKilled` …
        reason: Clean,
        /// The detail, or its termination message.
        message: Clean,
        /// When it began.
        began: Option<Timestamp>,
        /// When it ended.
        ended: Option<Timestamp>,
    },
    /// It can not be said.
    Unknown,
}

/// Something that happened to an object: a Kubernetes Event, a Docker event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Its identity.
    pub id: Id<Happening>,
    /// Cluster and namespace.
    pub place: Place,
    /// The kind of the object it is about.
    pub kind: Name,
    /// The name of the object it is about.
    pub object: Name,
    /// The uid of the object it is about.
    pub uid: Raw,
    /// The field of the object: `spec.containers{app}`.
    pub field: Clean,
    /// Whether it warns.
    pub warning: bool,
    /// `FailedScheduling`, `Unhealthy`, `BackOff` …
    pub reason: Clean,
    /// What happened.
    pub message: Clean,
    /// How often.
    pub count: u32,
    /// When it last happened.
    pub at: Option<Timestamp>,
}

/// A machine that many share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its identity.
    pub id: Id<Node>,
    /// The cluster or swarm.
    pub place: Place,
    /// Its name.
    pub name: Name,
    /// Whether it takes and keeps pods: `Ready`.
    pub ready: bool,
    /// Whether it was closed to new pods.
    pub cordoned: bool,
    /// Why it is not ready.
    pub reason: Clean,
    /// Since when it is as it is.
    pub since: Option<Timestamp>,
    /// Labels that name a zone or a pool.
    pub labels: Labels,
    /// When it was created.
    pub created: Option<Timestamp>,
}
