//! What is followed after the request was accepted, by what the object itself says.

use super::{Form, forward, pods, runs};
use crate::{
    domain::{OpId, Progress, Subject, Verb},
    rollback::Timing,
    store::words::{clock, long},
    text::{Clean, Raw},
};
use jiff::{SignedDuration, Timestamp};

/// A confirmed change, and what was last read of its object.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The plan that was confirmed.
    pub form: Form,
    /// The operation.
    pub id: OpId,
    /// When it was confirmed.
    pub began: Timestamp,
    /// When it was accepted, once it was.
    pub accepted: Option<Timestamp>,
    /// What was last read.
    pub seen: Option<Subject>,
    /// When something moved last.
    pub progressed: Timestamp,
    /// When it was read last.
    pub read: Timestamp,
    /// Why it could not be read the last time.
    pub blind: Option<Clean>,
    pub(super) generation: Option<i64>,
    after: Option<Raw>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All that was asked for is so.
    Complete,
    /// The controller gave up, or the time was over: what is not as asked for.
    Incomplete(Clean),
    /// Somebody asked for something else meanwhile.
    Overtaken(Clean),
    /// It could not be seen what came of it.
    CouldNotTell(Clean),
}

impl Course {
    pub(super) fn new(form: Form, id: OpId, now: Timestamp) -> Self {
        Self { form, id, began: now, accepted: None, seen: None, progressed: now, read: now, blind: None, generation: None, after: None }
    }

    /// Whether the object carries our mark: it was carried out, whoever changed something else since.
    pub(super) fn marked(&self, subject: &Subject) -> bool {
        subject.operation.as_ref().is_some_and(|mark| mark.as_str() == self.id.as_str())
    }

    /// Takes in what was read; how it ended, if it did.
    pub(super) fn observe(&mut self, verb: Verb, wanted: Option<u32>, subject: Subject, now: Timestamp) -> Option<End> {
        let moved = self.seen.as_ref().is_none_or(|before| {
            before.replicas != subject.replicas || before.steps != subject.steps || before.run != subject.run || before.awaited != subject.awaited
        });
        if moved {
            self.progressed = now;
        }
        self.blind = None;
        let mark = self.marked(&subject);
        // A cache may answer with the object as it was before.
        let old = !mark && self.generation.is_some_and(|generation| subject.generation < generation);
        if old {
            return None;
        }
        let before = &self.form.subject;
        let end = if subject.run.is_some() {
            runs::ended(verb, before, &subject)
        } else if let (Some(seen), Some(now)) = (&before.awaited, &subject.awaited) {
            pods::ended(seen, now)
        } else if self.is_stepwise() {
            forward::ended(verb, before, &subject)
        } else {
            let after = self.after.get_or_insert_with(|| subject.seen.template.clone());
            ended(verb, wanted, &subject, after)
        };
        self.seen = Some(subject);
        end
    }

    /// How it stands when the time is over.
    pub(super) fn at_deadline(&self, timing: &Timing) -> End {
        match (&self.seen, &self.blind) {
            (Some(_), None) if self.is_stepwise() => End::Incomplete(crate::clean!("after {}: {}", clock(timing.deadline), self.stands())),
            (Some(_), None) => End::Incomplete(crate::clean!("after {}: {}", clock(timing.deadline), self.counts())),
            (_, Some(why)) => End::CouldNotTell(crate::clean!("the object could not be read: {why}")),
            (None, None) => End::CouldNotTell(Clean::from_static("the object could not be read since")),
        }
    }

    /// `4 of 6 new, 5 ready, 7 there`.
    pub fn counts(&self) -> Clean {
        let Some(subject) = &self.seen else { return Clean::from_static("not read since it was sent") };
        if let Some(run) = &subject.run {
            return runs::stands(run);
        }
        if let Some(pod) = &subject.awaited {
            return pod.words();
        }
        let counts = &subject.replicas;
        crate::clean!("{} of {} up to date, {} ready, {} there", counts.updated, counts.wanted, counts.ready, counts.total)
    }

    /// Since when nothing moves, where that is long enough to ask why.
    pub fn stalled(&self, timing: &Timing, now: Timestamp) -> Option<Clean> {
        let idle = now.duration_since(self.progressed);
        (idle >= timing.stalled).then(|| crate::clean!("no progress for {}: x explains why", long(idle)))
    }

    /// How long it took until `at`.
    pub fn took(&self, at: Timestamp) -> SignedDuration {
        at.duration_since(self.began).max(SignedDuration::ZERO)
    }
}

/// How it ended, by the object: what is asked for is so, or will not be.
fn ended(verb: Verb, wanted: Option<u32>, subject: &Subject, after: &Raw) -> Option<End> {
    let counts = &subject.replicas;
    let by = subject.changed_by.as_ref().map(|(who, _)| crate::clean!(" by {who}")).unwrap_or_default();
    if subject.seen.template != *after {
        return Some(End::Overtaken(crate::clean!("it was changed again meanwhile{by}")));
    }
    if let Some(wanted) = wanted.filter(|wanted| verb == Verb::Scale && *wanted != counts.wanted) {
        return Some(End::Overtaken(crate::clean!("somebody or something set {} instead of {wanted}", counts.wanted)));
    }
    if verb == Verb::Pause {
        return Some(if subject.seen.paused { End::Complete } else { End::Overtaken(Clean::from_static("somebody resumed it meanwhile")) });
    }
    if verb == Verb::Hold {
        let again = || Clean::from_static("somebody or something switched it on again");
        return Some(if subject.seen.paused { End::Complete } else { End::Overtaken(again()) });
    }
    if verb == Verb::Release {
        return Some(if subject.seen.paused { End::Overtaken(Clean::from_static("somebody or something switched it off again")) } else { End::Complete });
    }
    if subject.seen.paused && verb == Verb::Resume {
        return Some(End::Overtaken(Clean::from_static("somebody paused it again")));
    }
    if subject.observed < subject.generation {
        return None;
    }
    let whole = counts.updated >= counts.wanted && counts.total <= counts.updated && counts.available >= counts.updated;
    match &subject.progress {
        Progress::Stuck { reason, message, .. } => {
            let words = if message.is_empty() { reason } else { message };
            Some(End::Incomplete(crate::clean!("its controller gave up: {words}")))
        }
        // Where somebody paused it, the number of pods is still kept.
        Progress::Paused { .. } if verb == Verb::Scale => (counts.total == counts.wanted && counts.ready >= counts.wanted).then_some(End::Complete),
        // Fewer are complete once the others are gone.
        Progress::Done => (whole && (verb != Verb::Scale || counts.total == counts.wanted)).then_some(End::Complete),
        Progress::Unobserved | Progress::Rolling | Progress::Paused { .. } | Progress::Waiting { .. } | Progress::Aborted { .. } | Progress::Unknown => None,
    }
}
