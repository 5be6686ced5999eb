//! The pod for which a StatefulSet waits that takes its pods one after the other.
//!
//! With the default pod management, `OrderedReady`, its controller goes on only when the pods before are ready. One that never gets ready
//! holds up every later change, its own correction too, until somebody deletes it: "forced rollback" (kubernetes.io, StatefulSets;
//! kubernetes#67250).

use super::{Pod, Seen, Verb, Workload};
use crate::text::{Clean, Raw};
use jiff::Timestamp;

/// A pod of such a StatefulSet as it is at this moment: the one that is waited for, or that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// Its name, which whatever takes its place has too.
    pub name: Clean,
    /// Its uid; empty where no pod of that name is there.
    pub uid: Raw,
    /// What it was made from.
    pub template: Raw,
    /// The same in words: `2.8.0 r42`.
    pub of: Clean,
    /// What its controller makes pods from now.
    pub newest: Raw,
    /// The same in words.
    pub anew: Clean,
    /// How it is.
    pub stands: Standing,
}

/// How such a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none of that name.
    Gone,
    /// It is being deleted.
    Leaving,
    /// It does not serve.
    Unready {
        /// Since when, where that is known.
        since: Option<Timestamp>,
        /// Its state in a word: `CrashLoopBackOff`.
        says: Clean,
    },
    /// It serves.
    Ready,
}

impl Awaited {
    /// What an operation must still find: this very pod, and the same revision for the one that takes its place.
    pub fn seen(&self) -> Seen {
        let template = format!("{} {} {}", self.name, self.template.expose(), self.newest.expose());
        Seen { uid: self.uid.clone(), template: Raw::new(&template), paused: false }
    }

    /// The name of the pod that an operation saw.
    pub fn name_in(seen: &Seen) -> Clean {
        Clean::from_untrusted(seen.template.expose().split(' ').next().unwrap_or_default())
    }

    /// Whether the pod that was seen as `before` is gone, or on its way out.
    pub fn left(&self, before: &Raw) -> bool {
        self.uid != *before || matches!(self.stands, Standing::Gone | Standing::Leaving)
    }

    /// How it is, in words.
    pub fn words(&self) -> Clean {
        match &self.stands {
            Standing::Gone => crate::clean!("{} is gone", self.name),
            Standing::Leaving => crate::clean!("{} is on its way out", self.name),
            Standing::Unready { says, .. } => crate::clean!("{} of {} is not ready: {says}", self.name, self.of),
            Standing::Ready => crate::clean!("{} of {} is ready", self.name, self.of),
        }
    }
}

impl Verb {
    /// Whether it is about a pod that is waited for.
    pub const fn of_a_pod(self) -> bool {
        matches!(self, Self::DeletePod)
    }
}

impl Workload {
    /// The pod of it that its controller waits for in vain, if it waits for one: the first that is not ready, where that is of another template than the newest
    /// and would be made anew from that.
    pub fn awaits<'a>(&self, pods: impl IntoIterator<Item = &'a Pod>, newest: &Raw) -> Option<&'a Pod> {
        let least = self.in_order?;
        in_vain(pods, Some(newest.expose())).filter(|first| first.ordinal() >= Some(least))
    }
}

/// The first of `pods`, which are taken one after the other, that is not ready, where that is of another template than the newest and not on its way out.
pub fn in_vain<'a>(pods: impl IntoIterator<Item = &'a Pod>, newest: Option<&str>) -> Option<&'a Pod> {
    let first = pods.into_iter().filter(|pod| !pod.ready).min_by_key(|pod| pod.ordinal())?;
    (!first.leaving && Some(first.template.expose()) != newest).then_some(first)
}
