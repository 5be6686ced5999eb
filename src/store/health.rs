//! How well a pod and a workload are.
//!
//! SERVING is the ready pods of any version of the wanted ones, and it alone decides between degraded and down. A rollout whose
//! new pods crash is stuck long before its controller gives up waiting.

use super::words::since;
use crate::{
    domain::{Container, ContainerState, Kind, Pod, Progress, Revision, Workload},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};

/// How well a workload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// All that is wanted is there and ready.
    Ok,
    /// Nothing is wanted: scaled to zero on purpose.
    Zero,
    /// A new revision is on its way.
    Rolling,
    /// A new revision does not get on its way.
    Stuck {
        /// Since when, where it is known.
        since: Option<Timestamp>,
        /// Why, in a few words.
        why: Clean,
    },
    /// Degraded: fewer are ready than wanted, and no rollout explains it.
    Failing {
        /// Why, in a few words.
        why: Clean,
    },
    /// Nothing serves.
    Down {
        /// Why, in a few words.
        why: Clean,
    },
    /// It can not be said.
    Unknown,
}

impl Health {
    /// The worst is the greatest.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::Ok => 1,
            Self::Unknown => 2,
            Self::Rolling => 3,
            Self::Failing { .. } => 4,
            Self::Stuck { .. } => 5,
            Self::Down { .. } => 6,
        }
    }

    /// The word on screen.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ok | Self::Zero => "ok",
            Self::Rolling => "rolling",
            Self::Stuck { .. } => "stuck",
            Self::Failing { .. } => "failing",
            Self::Down { .. } => "down",
            Self::Unknown => "unknown",
        }
    }

    /// Whether somebody should act.
    pub const fn bad(&self) -> bool {
        match self {
            Self::Stuck { .. } | Self::Failing { .. } | Self::Down { .. } => true,
            Self::Ok | Self::Zero | Self::Rolling | Self::Unknown => false,
        }
    }

    /// Why it is bad, where it is.
    pub const fn why(&self) -> Option<&Clean> {
        match self {
            Self::Stuck { why, .. } | Self::Failing { why } | Self::Down { why } => Some(why),
            Self::Ok | Self::Zero | Self::Rolling | Self::Unknown => None,
        }
    }
}

/// What keeps a pod from serving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// Its image can not be had.
    Image {
        /// The image as the specification names it.
        reference: Clean,
        /// `ErrImagePull`, `InvalidImageName` …
        reason: Clean,
        /// The registry's or the runtime's words.
        message: Clean,
    },
    /// A ConfigMap, Secret or key that it names is missing.
    Config {
        /// Which.
        message: Clean,
    },
    /// The runtime can not start a container.
    CannotStart {
        /// Which.
        container: Clean,
        /// `CreateContainerError`, `RunContainerError` …
        reason: Clean,
        /// The runtime's words.
        message: Clean,
    },
    /// An init container fails.
    Init {
        /// Which.
        container: Clean,
        /// How it last ended, where that is known.
        code: Option<i32>,
        /// Its last words.
        message: Clean,
    },
    /// A container ends again and again.
    Crash {
        /// Which.
        container: Clean,
        /// How it last ended, where that is known.
        code: Option<i32>,
        /// `Error`, `OOMKilled` …
        reason: Clean,
        /// Its last words.
        message: Clean,
        /// How often it was restarted.
        restarts: u32,
        /// Whether it is being held back (`CrashLoopBackOff`).
        looping: bool,
    },
    /// No node takes it.
    Unschedulable {
        /// The scheduler's words.
        message: Clean,
    },
    /// Its node is gone or threw it out.
    Node {
        /// `NodeLost`, `Evicted` …
        reason: Clean,
    },
    /// It is on its way out.
    Leaving,
    /// It runs and does not report ready.
    NotReady,
    /// It is being made.
    Starting,
}

const IMAGE: &[&str] =
    &["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"];
const CANNOT_START: &[&str] = &["CreateContainerError", "RunContainerError", "PostStartHookError", "ContainerCannotRun", "StartError"];
const NODE: &[&str] = &["NodeLost", "Unknown", "Evicted", "Shutdown", "NodeShutdown", "NodeAffinity", "UnexpectedAdmissionError", "Preempting"];
/// After this many restarts without being ready a container counts as crashing, whatever word it carries at the moment.
pub const CRASHES: u32 = 2;

impl Ailment {
    /// Whether it will not mend by waiting, so that a rollout that has it is stuck.
    pub fn lasting(&self) -> bool {
        match self {
            Self::Image { .. } | Self::Config { .. } | Self::CannotStart { .. } => true,
            Self::Crash { restarts, looping, .. } => *looping || *restarts >= CRASHES,
            Self::Init { code, .. } => code.is_some(),
            Self::Unschedulable { .. } | Self::Node { .. } | Self::Leaving | Self::NotReady | Self::Starting => false,
        }
    }

    /// A few words: `exit 1, 5 restarts`.
    pub fn words(&self) -> Clean {
        let code = |code: &Option<i32>| code.map_or_else(|| Clean::from_static("ends"), |code| crate::clean!("exit {code}"));
        match self {
            Self::Image { reason, .. } => reason.clone(),
            Self::Config { .. } => Clean::from_static("configuration missing"),
            Self::CannotStart { reason, .. } => reason.clone(),
            Self::Init { container, code: ended, .. } => crate::clean!("init {container}: {}", code(ended)),
            Self::Crash { code: ended, reason, restarts, .. } => {
                let oom = if &**reason == "OOMKilled" { " out of memory" } else { "" };
                let times = if *restarts == 1 { "restart" } else { "restarts" };
                crate::clean!("{}{oom}, {restarts} {times}", code(ended))
            }
            Self::Unschedulable { .. } => Clean::from_static("no node takes it"),
            Self::Node { reason } => crate::clean!("node: {reason}"),
            Self::Leaving => Clean::from_static("leaving"),
            Self::NotReady => Clean::from_static("not ready"),
            Self::Starting => Clean::from_static("starting"),
        }
    }

    /// What a pod that has it does: only what ran and ended crashes.
    pub const fn doing(&self) -> &'static str {
        match self {
            Self::Crash { .. } | Self::Init { .. } => "crashing",
            Self::Image { .. }
            | Self::Config { .. }
            | Self::CannotStart { .. }
            | Self::Unschedulable { .. }
            | Self::Node { .. }
            | Self::Leaving
            | Self::NotReady
            | Self::Starting => "not starting",
        }
    }

    /// The worst is the greatest, to name one of many.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Leaving => 0,
            Self::Starting => 1,
            Self::NotReady => 2,
            Self::Unschedulable { .. } => 3,
            Self::Node { .. } => 4,
            Self::Init { .. } => 5,
            Self::CannotStart { .. } => 6,
            Self::Config { .. } => 7,
            Self::Image { .. } => 8,
            Self::Crash { .. } => 9,
        }
    }
}

/// What keeps `pod` from serving, if something does.
pub fn ailment(pod: &Pod) -> Option<Ailment> {
    if pod.leaving {
        return Some(Ailment::Leaving);
    }
    if pod.ready || matches!(&*pod.reason, "Completed" | "Succeeded") {
        return None;
    }
    if NODE.contains(&&*pod.reason) || pod.reason.starts_with("OutOf") {
        return Some(Ailment::Node { reason: pod.reason.clone() });
    }
    if let Some(found) = pod.containers.iter().find_map(of_container) {
        return Some(found);
    }
    let unplaced = pod.node.is_none() && matches!(&*pod.reason, "Pending" | "Unschedulable");
    if unplaced && (!pod.message.is_empty() || &*pod.reason == "Unschedulable") {
        return Some(Ailment::Unschedulable { message: pod.message.clone() });
    }
    let runs = pod.containers.iter().any(|c| !c.init && matches!(c.state, ContainerState::Running { .. }));
    Some(if runs { Ailment::NotReady } else { Ailment::Starting })
}

fn of_container(container: &Container) -> Option<Ailment> {
    if container.ready {
        return None;
    }
    let name = container.name.clean().clone();
    if let ContainerState::Waiting { reason, message } = &container.state {
        if IMAGE.contains(&&**reason) {
            return Some(Ailment::Image { reference: container.image.reference.clean().clone(), reason: reason.clone(), message: message.clone() });
        }
        if &**reason == "CreateContainerConfigError" {
            return Some(Ailment::Config { message: message.clone() });
        }
        if CANNOT_START.contains(&&**reason) {
            return Some(Ailment::CannotStart { container: name, reason: reason.clone(), message: message.clone() });
        }
    }
    crash_of(container, name)
}

fn crash_of(container: &Container, name: Clean) -> Option<Ailment> {
    let looping = matches!(&container.state, ContainerState::Waiting { reason, .. } if &**reason == "CrashLoopBackOff");
    let ended = [Some(&container.state), container.last.as_ref()].into_iter().flatten().find_map(|state| match state {
        ContainerState::Ended { code, reason, message, .. } => Some((*code, reason.clone(), message.clone())),
        ContainerState::Waiting { .. } | ContainerState::Running { .. } | ContainerState::Unknown => None,
    });
    let down_now = matches!(&container.state, ContainerState::Ended { code, .. } if *code != 0 || !container.init);
    if !looping && !down_now && container.restarts < CRASHES {
        return None;
    }
    let code = ended.as_ref().map(|(code, ..)| *code);
    let (reason, message) = ended.map_or((Clean::EMPTY, Clean::EMPTY), |(_, reason, message)| (reason, message));
    if container.init {
        return Some(Ailment::Init { container: name, code, message });
    }
    Some(Ailment::Crash { container: name, code, reason, message, restarts: container.restarts, looping })
}

/// A rollout is given this long by default before its controller gives up (`progressDeadlineSeconds`).
const PATIENCE: SignedDuration = SignedDuration::from_secs(600);
/// Nothing serving counts as a change of guard, not as down, for this long after a change.
const GUARD_CHANGE: SignedDuration = SignedDuration::from_secs(60);

/// How well a workload is at `now`. Without its pods (they are watched only where somebody looks or something is unwell) the
/// controller's word is all there is.
pub fn health(workload: &Workload, revisions: &[&Revision], pods: Option<&[&Pod]>, now: Timestamp) -> Health {
    let counts = &workload.replicas;
    if workload.kind.told_by_pipeline() {
        return super::cell::deployed(&workload.progress);
    }
    if counts.wanted == 0 {
        return Health::Zero;
    }
    let pods = pods.unwrap_or_default();
    let worst = || why(workload, pods);
    let moving = moving(workload, now);
    let sick = newest_sick(workload, revisions, pods, now);
    if counts.ready == 0 && sick.is_none() && moving && young(workload, revisions, now) {
        return Health::Rolling;
    }
    if counts.ready == 0 {
        return Health::Down { why: sick.unwrap_or_else(worst) };
    }
    match &workload.progress {
        Progress::Stuck { since, reason, message } => {
            let said = || if message.is_empty() { reason.clone() } else { message.clone() };
            Health::Stuck { since: *since, why: sick.unwrap_or_else(said) }
        }
        Progress::Paused { since } if counts.updated < counts.wanted => Health::Stuck { since: *since, why: Clean::from_static("paused on the way") },
        // Its pods serve, and somebody has to act all the same: the specification names what was given up on.
        Progress::Aborted { since, .. } => Health::Stuck { since: *since, why: Clean::from_static("aborted, its spec still asks for it") },
        Progress::Waiting { since, .. } => sick.map_or(Health::Rolling, |why| Health::Stuck { since: *since, why }),
        Progress::Rolling | Progress::Unobserved if moving => sick.map_or(Health::Rolling, |why| Health::Stuck { since: workload.changed, why }),
        Progress::Rolling | Progress::Unobserved | Progress::Done | Progress::Paused { .. } if counts.ready < counts.wanted => Health::Failing { why: worst() },
        Progress::Rolling | Progress::Unobserved | Progress::Done | Progress::Paused { .. } => Health::Ok,
        Progress::Unknown if counts.ready < counts.wanted => Health::Failing { why: worst() },
        Progress::Unknown => Health::Unknown,
    }
}

/// Whether a rollout is really under way: `rollout status` also waits when a pod of a finished one falls ill much later.
fn moving(workload: &Workload, now: Timestamp) -> bool {
    let counts = &workload.replicas;
    match workload.progress {
        Progress::Unobserved | Progress::Waiting { .. } => true,
        Progress::Rolling | Progress::Stuck { .. } => {
            let mixed = counts.updated < counts.wanted || counts.total > counts.updated;
            mixed || workload.changed.is_none_or(|changed| since(changed, now) < PATIENCE)
        }
        Progress::Done | Progress::Paused { .. } | Progress::Aborted { .. } | Progress::Unknown => false,
    }
}

/// Whether nothing can be expected to serve yet: the first revision of all, or a change of guard.
fn young(workload: &Workload, revisions: &[&Revision], now: Timestamp) -> bool {
    let Some(changed) = workload.changed.or(workload.created) else { return false };
    let age = since(changed, now);
    age < GUARD_CHANGE || (revisions.len() <= 1 && workload.revision.is_none_or(|number| number <= 1) && age < PATIENCE)
}

/// A pod that runs for so long and is not ready, or that no node has taken for so long, counts as sick: the controller would go on
/// waiting for minutes.
const WARMS_UP: SignedDuration = SignedDuration::from_secs(120);
const UNPLACED: SignedDuration = SignedDuration::from_secs(60);

/// What keeps a pod of the newest revision from ever serving. A StatefulSet waits for its older pods too before it exchanges them.
fn newest_sick(workload: &Workload, revisions: &[&Revision], pods: &[&Pod], now: Timestamp) -> Option<Clean> {
    let newest = revisions.iter().find(|revision| revision.current).filter(|_| workload.kind != Kind::StatefulSet);
    let of_newest = |pod: &&&Pod| newest.is_none_or(|revision| revision.template == pod.template);
    let sick = pods.iter().filter(of_newest).filter_map(|pod| sickness(pod, now));
    sick.max_by_key(Ailment::rank).map(|found| found.words())
}

/// What keeps a pod from serving and will not mend by waiting.
pub fn sickness(pod: &Pod, now: Timestamp) -> Option<Ailment> {
    ailment(pod).filter(|ill| ill.lasting() || overdue(pod, ill, now))
}

/// Whether a pod should long have got over what it has.
fn overdue(pod: &Pod, ill: &Ailment, now: Timestamp) -> bool {
    let age = |longer: SignedDuration| pod.created.is_some_and(|created| since(created, now) > longer);
    match ill {
        Ailment::NotReady => age(WARMS_UP),
        Ailment::Unschedulable { .. } => age(UNPLACED),
        Ailment::Image { .. }
        | Ailment::Config { .. }
        | Ailment::CannotStart { .. }
        | Ailment::Init { .. }
        | Ailment::Crash { .. }
        | Ailment::Node { .. }
        | Ailment::Leaving
        | Ailment::Starting => false,
    }
}

fn why(workload: &Workload, pods: &[&Pod]) -> Clean {
    let counts = &workload.replicas;
    let worst = pods.iter().filter_map(|pod| ailment(pod)).filter(|found| *found != Ailment::Leaving).max_by_key(Ailment::rank);
    worst.map(|found| found.words()).or_else(|| workload.remark.clone()).unwrap_or_else(|| match &workload.progress {
        Progress::Stuck { reason, .. } => reason.clone(),
        Progress::Done
        | Progress::Unobserved
        | Progress::Rolling
        | Progress::Paused { .. }
        | Progress::Waiting { .. }
        | Progress::Aborted { .. }
        | Progress::Unknown => {
            crate::clean!("{} of {} ready", counts.ready, counts.wanted)
        }
    })
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
