//! The deletion of the pod that a StatefulSet waits for in vain: what is said of it, and what became of it. A pod carries no mark of ours.

use super::{End, Form, Single};
use crate::{
    domain::{Awaited, Standing, Subject},
    store::words::{long, since},
    text::Clean,
};
use jiff::Timestamp;

/// Whether the pod is gone or on its way out, whoever did that.
pub(super) fn applied(before: &Subject, now: &Subject) -> bool {
    before.awaited.as_ref().zip(now.awaited.as_ref()).is_some_and(|(seen, now)| now.left(&seen.uid))
}

/// How it ended, by what stands in its place.
pub(super) fn ended(seen: &Awaited, now: &Awaited) -> Option<End> {
    if now.newest != seen.newest {
        return Some(End::Overtaken(crate::clean!("its template was changed again meanwhile: pods are made from {} now", now.anew)));
    }
    if now.uid == seen.uid {
        return None;
    }
    match &now.stands {
        Standing::Gone | Standing::Leaving => None,
        Standing::Unready { .. } | Standing::Ready if now.template != seen.newest => {
            Some(End::Incomplete(crate::clean!("{} was made anew from {}, not from {}", now.name, now.of, seen.anew)))
        }
        Standing::Unready { .. } => None,
        Standing::Ready => Some(End::Complete),
    }
}

impl Single {
    /// The pod, as it was read for the plan.
    pub(super) fn pod(&self) -> Option<&Awaited> {
        self.form()?.subject.awaited.as_deref()
    }

    /// Its name, or what stands for it before it was read.
    pub(super) fn pod_name(&self) -> Clean {
        self.pod().map_or(Clean::from_static("the pod that is waited for"), |pod| pod.name.clone())
    }

    /// `web-1 (uid 3f2a90c1): 2.8.0 r3, not ready for 6 min, CrashLoopBackOff.`
    pub fn seen_pod(&self, pod: &Awaited, now: Timestamp) -> Clean {
        let uid: String = pod.uid.expose().chars().take(8).collect();
        let stands = match &pod.stands {
            Standing::Unready { since: Some(then), says } => crate::clean!("not ready for {}, {says}", long(since(*then, now))),
            Standing::Unready { since: None, says } => crate::clean!("not ready, {says}"),
            Standing::Gone | Standing::Leaving | Standing::Ready => pod.words(),
        };
        crate::clean!("{} (uid {uid}) is of {}: {stands}.", pod.name, pod.of)
    }

    /// `web-1 was made anew from 2.7.3 r4 and is ready, complete in 41s`.
    pub(super) fn made_anew(&self, took: &Clean) -> Clean {
        let anew = self.pod().map(|pod| crate::clean!(" from {}", pod.anew)).unwrap_or_default();
        crate::clean!("{} was made anew{anew} and is ready, complete in {took}", self.pod_name())
    }

    /// What Enter leads to.
    pub(super) fn deletes(&self, form: &Form, most: &Clean) -> Clean {
        let Some(pod) = &form.subject.awaited else { return Clean::EMPTY };
        crate::clean!(
            "One request deletes this very pod, with its grace. Its controller, which waits for it in vain, makes {} anew from {}. It is \
             followed until that is ready, for at most {most}. Nothing is sent twice.",
            pod.name,
            pod.anew
        )
    }
}
