//! What runs a service in an environment.

use super::{Id, Image, Labels, Place, Revision, Version};
use crate::text::{Clean, Name, Raw};
use jiff::Timestamp;

/// The kind of thing that runs a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A Kubernetes Deployment.
    Deployment,
    /// A Kubernetes StatefulSet.
    StatefulSet,
    /// A Kubernetes DaemonSet.
    DaemonSet,
    /// An Argo Rollout.
    Rollout,
    /// A service of a compose project, one or more containers of one host.
    ComposeService,
    /// A container that nothing else owns.
    Container,
    /// A service of a Docker swarm.
    SwarmService,
    /// An environment that a CI deploys a project to, as its deployment records tell it: what really runs there they do not.
    CiEnvironment,
}

impl Kind {
    /// The field's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Rollout => "Rollout",
            Self::ComposeService => "compose service",
            Self::Container => "container",
            Self::SwarmService => "swarm service",
            Self::CiEnvironment => "CI environment",
        }
    }

    /// Whether all that is known of it is what the pipeline says that deploys it.
    pub const fn told_by_pipeline(self) -> bool {
        matches!(self, Self::CiEnvironment)
    }

    /// Whether no system keeps them, so that what we saw ourselves is the record of what ran before.
    pub const fn keeps_no_history(self) -> bool {
        matches!(self, Self::ComposeService | Self::Container)
    }
}

/// How many there are, of how many there should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// How many are wanted.
    pub wanted: u32,
    /// How many exist, of any revision.
    pub total: u32,
    /// How many of the newest revision exist.
    pub updated: u32,
    /// How many are ready, of any revision: what serves.
    pub ready: u32,
    /// How many have been ready for long enough, of any revision.
    pub available: u32,
}

/// How far the newest specification has been carried out, by the rules of `kubectl rollout status`
/// (kubectl pkg/polymorphichelpers/rollout_status.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The newest specification is carried out.
    Done,
    /// The controller has not looked at the newest specification yet.
    Unobserved,
    /// Under way: `updated` of the wanted are of the newest revision.
    Rolling,
    /// The controller gave up waiting (`ProgressDeadlineExceeded`) or can not create pods (`ReplicaFailure`).
    Stuck {
        /// Since when, where it is known.
        since: Option<Timestamp>,
        /// The controller's reason.
        reason: Clean,
        /// The controller's message.
        message: Clean,
    },
    /// Somebody paused it.
    Paused {
        /// Since when, where that is known.
        since: Option<Timestamp>,
    },
    /// It stands at a step of its rollout until somebody says that it may go on.
    Waiting {
        /// Since when, where that is known.
        since: Option<Timestamp>,
        /// Where: `step 2 of 5`.
        place: Clean,
    },
    /// The newest specification was given up on before all of it was rolled out, and still is the newest: the revision before it serves.
    Aborted {
        /// When its controller took that up; none where it has not yet.
        since: Option<Timestamp>,
        /// The template that it is back at.
        back_to: Raw,
        /// Whether nothing but that serves any more.
        whole: bool,
        /// The controller's message.
        message: Clean,
    },
    /// It can not be said.
    Unknown,
}

impl Progress {
    /// Whether the newest specification was given up on.
    pub const fn is_aborted(&self) -> bool {
        matches!(self, Self::Aborted { .. })
    }
}

/// Who else owns this workload and would change it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A Helm release.
    Helm {
        /// Its name.
        release: Name,
        /// Its namespace.
        namespace: Name,
    },
    /// An Argo CD application.
    ArgoCd {
        /// Its name.
        application: Name,
    },
    /// A Flux Kustomization or HelmRelease.
    Flux {
        /// `Kustomization` or `HelmRelease`.
        kind: Clean,
        /// Its namespace and name.
        name: Name,
    },
    /// Another controller, named by an owner reference.
    Operator {
        /// The owner's kind.
        kind: Name,
        /// The owner's name.
        name: Name,
    },
}

impl Owner {
    /// A few words for a column or a sentence: `Helm release shop`.
    pub fn words(&self) -> Clean {
        match self {
            Self::Helm { release, .. } => crate::clean!("Helm release {release}"),
            Self::ArgoCd { application } => crate::clean!("Argo CD application {application}"),
            Self::Flux { kind, name } => crate::clean!("Flux {kind} {name}"),
            Self::Operator { kind, name } => crate::clean!("{kind} {name}"),
        }
    }
}

/// What runs a service in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its identity.
    pub id: Id<Workload>,
    /// Its kind.
    pub kind: Kind,
    /// Cluster and namespace, host and project.
    pub place: Place,
    /// Its name.
    pub name: Name,
    /// The back end's own identity, which a namesake created later does not share.
    pub uid: Raw,
    /// The labels that say what it is (not all it carries).
    pub labels: Labels,
    /// The labels by which it knows its pods, as a selector for requests.
    pub selector: Raw,
    /// The images of the newest specification, the main container first.
    pub images: Box<[Image]>,
    /// The version of the newest specification.
    pub version: Version,
    /// The number of the newest revision, where there are numbers.
    pub revision: Option<u64>,
    /// How many there are.
    pub replicas: Replicas,
    /// How far the newest specification is carried out.
    pub progress: Progress,
    /// Where it takes its pods one after the other, each only when those before are ready: the lowest ordinal that gets the newest template.
    pub in_order: Option<u32>,
    /// Who else would change it.
    pub owner: Option<Owner>,
    /// When the specification last changed, where it is known.
    pub changed: Option<Timestamp>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// What it says of itself when nothing else does: an exit code, a failed health check.
    pub remark: Option<Clean>,
}

impl Workload {
    /// The revision that it goes to and stays with: its newest, or where that was given up on the one it is back at.
    pub fn heads_to<'a>(&self, revisions: &[&'a Revision]) -> Option<&'a Revision> {
        let mut revisions = revisions.iter().copied();
        match &self.progress {
            Progress::Aborted { back_to, .. } => revisions.find(|revision| revision.template == *back_to),
            Progress::Done
            | Progress::Unobserved
            | Progress::Rolling
            | Progress::Stuck { .. }
            | Progress::Paused { .. }
            | Progress::Waiting { .. }
            | Progress::Unknown => revisions.find(|revision| revision.current),
        }
    }
}
