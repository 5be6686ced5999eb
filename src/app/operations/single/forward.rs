//! What became of a rollout that was promoted, retried, paused or resumed, by what it says of itself: its status carries no mark of ours.

use super::{Course, End};
use crate::{
    domain::{Progress, Subject, Verb},
    text::Clean,
};

/// What its controller says of an abort that it has not taken back yet.
const ABORTED: &str = "RolloutAborted";

/// Whether what was asked for is so already, whoever did it. Only of a rollout that goes step by step.
pub(super) fn applied(verb: Verb, before: &Subject, now: &Subject) -> bool {
    let (Some(was), Some(is)) = (&before.steps, &now.steps) else { return false };
    if now.seen.uid != before.seen.uid || is.template != was.template {
        return false;
    }
    match verb {
        Verb::Promote => !is.aborted && (is.through || is.at > was.at || was.waits && !is.waits),
        Verb::PromoteFull => !is.aborted && (is.full || is.through),
        Verb::Retry => !is.aborted,
        Verb::Pause => now.seen.paused,
        Verb::Resume => !now.seen.paused,
        _ => false,
    }
}

/// How it ended, if it did.
pub(super) fn ended(verb: Verb, before: &Subject, now: &Subject) -> Option<End> {
    let (was, is) = (before.steps.as_ref()?, now.steps.as_ref()?);
    let overtaken = |words: &'static str| Some(End::Overtaken(Clean::from_static(words)));
    if now.seen.uid != before.seen.uid {
        return overtaken("it was deleted and made anew meanwhile");
    }
    if is.template != was.template {
        return overtaken("it was changed again meanwhile");
    }
    match verb {
        Verb::Pause if !now.seen.paused => overtaken("somebody resumed it meanwhile"),
        Verb::Pause => (now.observed >= now.generation).then_some(End::Complete),
        _ if now.seen.paused => overtaken("somebody paused it by hand meanwhile"),
        Verb::Promote | Verb::PromoteFull if is.aborted => overtaken("it was aborted meanwhile"),
        Verb::Promote if is.at < was.at && !is.through => overtaken("it began its steps again meanwhile"),
        Verb::Promote if is.through || is.at > was.at => Some(End::Complete),
        Verb::PromoteFull if is.through => Some(End::Complete),
        Verb::Promote | Verb::PromoteFull => gave_up(&now.progress),
        _ => gone_on(verb, &now.progress),
    }
}

/// How a retry or a resumption ended: its controller goes on, whatever comes of that.
fn gone_on(verb: Verb, progress: &Progress) -> Option<End> {
    match progress {
        Progress::Rolling | Progress::Waiting { .. } | Progress::Done => Some(End::Complete),
        Progress::Aborted { .. } => (verb == Verb::Resume).then_some(End::Complete),
        Progress::Stuck { .. } => gave_up(progress),
        Progress::Unobserved | Progress::Paused { .. } | Progress::Unknown => None,
    }
}

fn gave_up(progress: &Progress) -> Option<End> {
    match progress {
        Progress::Stuck { reason, message, .. } if &**reason != ABORTED => {
            Some(End::Incomplete(crate::clean!("its controller gave up: {}", if message.is_empty() { reason } else { message })))
        }
        _ => None,
    }
}

impl Course {
    /// Whether it goes step by step.
    pub(super) const fn is_stepwise(&self) -> bool {
        self.form.subject.steps.is_some()
    }

    /// Where a rollout stands that goes step by step, as it was last read.
    pub(super) fn stands(&self) -> Clean {
        self.seen.as_ref().map_or(Clean::from_static("not read since it was sent"), stands)
    }
}

/// Where a rollout stands, in words.
pub fn stands(subject: &Subject) -> Clean {
    match &subject.progress {
        Progress::Waiting { place, .. } => crate::clean!("it waits at {place}"),
        Progress::Paused { .. } => Clean::from_static("it is paused by hand"),
        Progress::Aborted { .. } => Clean::from_static("it is aborted"),
        Progress::Stuck { reason, .. } => crate::clean!("its controller says {reason}"),
        Progress::Done => Clean::from_static("its newest revision is all that serves"),
        Progress::Unobserved => Clean::from_static("its controller has not looked at it since"),
        Progress::Rolling | Progress::Unknown => match &subject.steps {
            Some(steps) if steps.at < steps.of && !steps.through => crate::clean!("it is at step {} of {}", steps.at + 1, steps.of),
            _ => Clean::from_static("it goes on"),
        },
    }
}

#[cfg(test)]
#[path = "forward_tests.rs"]
mod tests;
