//! The words of such a change, from its plan to its end: the view only lays them out.

use super::{Course, End, Form, Single, Stand, forward};
use crate::{
    domain::{Owner, Verb},
    rollback::{Line, Mark},
    store::words::{clock, count, long, took},
    text::Clean,
};
use jiff::Timestamp;

/// So many inputs are repeated where there is one line for all.
const FEW: usize = 3;

impl Single {
    /// What is done, with its numbers: `scale from 3 to 5`.
    pub fn deed(&self) -> Clean {
        let before = self.form().map(|form| form.subject.replicas.wanted);
        match (self.verb, before, self.wanted) {
            (Verb::Scale, Some(before), Some(wanted)) => crate::clean!("scale from {before} to {wanted}"),
            (Verb::DeletePod, ..) => crate::clean!("delete {}", self.pod_name()),
            (Verb::Hold, ..) => crate::clean!("hold off {}", self.keeper()),
            (Verb::Release, ..) => crate::clean!("let {} go", self.keeper()),
            (verb, ..) => Clean::from_static(verb.words()),
        }
    }

    /// What the frame says at its top: `Restart cart in production`.
    pub fn headline(&self) -> Clean {
        let title = self.title();
        let under_way = self.under_way_now();
        match self.verb {
            Verb::Restart if under_way => crate::clean!("Restarting {title}"),
            Verb::Restart => crate::clean!("Restart {title}"),
            Verb::Scale if under_way => crate::clean!("Scaling {title}"),
            Verb::Scale => crate::clean!("Scale {title}"),
            Verb::DeletePod if under_way => crate::clean!("Deleting {} of {title}", self.pod_name()),
            Verb::DeletePod => crate::clean!("Delete {} of {title}", self.pod_name()),
            Verb::Pause => crate::clean!("Pause the rollouts of {title}"),
            Verb::Resume => crate::clean!("Let {title} go on"),
            Verb::Promote => crate::clean!("Promote {title}"),
            Verb::PromoteFull => crate::clean!("Promote {title} past all its steps"),
            Verb::Retry => crate::clean!("Retry {title}"),
            Verb::Hold => crate::clean!("Hold off {}", self.keeper()),
            Verb::Release => crate::clean!("Let {} go", self.keeper()),
            Verb::Rerun => crate::clean!("Rerun {title}"),
            Verb::RerunFailed => crate::clean!("Rerun what failed of {title}"),
            Verb::RerunJob => crate::clean!("Rerun {title}"),
            Verb::Cancel => crate::clean!("Cancel {title}"),
            Verb::ForceCancel => crate::clean!("Force-cancel {title}"),
            Verb::Approve => crate::clean!("Approve {title}"),
            Verb::Reject => crate::clean!("Reject {title}"),
            Verb::Play => crate::clean!("Play {title}"),
            Verb::Dispatch => crate::clean!("Dispatch {title}"),
            Verb::RollBack | Verb::Abort | Verb::SwitchBack | Verb::SyncBack | Verb::Acknowledge | Verb::Silence | Verb::Shell => title,
        }
    }

    /// What stands at the right of it: `0:41 of at most 10:00`.
    pub fn clock(&self, now: Timestamp) -> Clean {
        match &self.stand {
            Stand::Sending { course, .. } | Stand::Unclear { course, .. } => clock(course.took(now)),
            Stand::UnderWay(course) => crate::clean!("{} of at most {}", clock(course.took(now)), clock(self.timing.deadline)),
            Stand::Done { course, at, .. } => clock(course.took(*at)),
            Stand::Reading { .. } | Stand::Planned(_) | Stand::Confirming { .. } | Stand::Closed { .. } => Clean::EMPTY,
        }
    }

    /// `↻ restart cart in production  4 of 6 up to date  0:41`.
    pub fn line(&self, now: Timestamp) -> Clean {
        let (title, deed) = (self.title(), self.deed());
        match &self.stand {
            Stand::UnderWay(course) if self.above() => crate::clean!("↻ {deed}  {}", clock(course.took(now))),
            Stand::UnderWay(course) => crate::clean!("↻ {deed}: {title}  {}  {}", course.counts(), clock(course.took(now))),
            Stand::Sending { .. } | Stand::Unclear { .. } => crate::clean!("↻ {deed}: {title}  sent, waiting for the answer"),
            Stand::Reading { .. } | Stand::Planned(_) | Stand::Confirming { .. } => crate::clean!("· {deed}: {title}  planned, nothing sent"),
            Stand::Done { course, end, at } => crate::clean!("{title}: {}", self.outcome(end, &took(course.took(*at)))),
            Stand::Closed { why } => crate::clean!("{deed}: {title}  {why}"),
        }
    }

    /// Where it goes, in a sentence that the confirm line repeats.
    pub fn goal(&self) -> Clean {
        crate::clean!("{}: {}{}", self.title(), self.deed(), self.with(FEW))
    }

    /// What Enter leads to, in full sentences.
    pub fn happens(&self, form: &Form) -> Clean {
        let what = self.thing.words();
        let counts = &form.subject.replicas;
        let most = long(self.timing.deadline);
        match self.verb {
            Verb::Restart => crate::clean!(
                "One request marks the template of {what} with the time, as kubectl does. The image stays the same. The controller then replaces {} \
                 as its strategy says; {} ready now. It is followed until all are new and ready, for at most {most}. Nothing is sent twice.",
                count(counts.wanted as usize, "pod"),
                counts.ready
            ),
            Verb::Scale => self.resizes(&what, counts.wanted, &most),
            Verb::Pause => crate::clean!(
                "One request sets spec.paused of {what}. A rollout that is under way stands still where it is: {} of {} up to date. Pods that run go on \
                 running, and one that dies is replaced. Nothing rolls out until somebody resumes it, a rollback neither. Nothing is sent twice.",
                counts.updated,
                counts.wanted
            ),
            Verb::Promote | Verb::PromoteFull | Verb::Retry => self.goes_forward(&what, form, &most),
            Verb::DeletePod => self.deletes(form, &most),
            Verb::Resume if form.subject.steps.is_some() => crate::clean!(
                "One request takes spec.paused of {what} away. Its controller then goes on with its steps where it stood; at a step that waits for \
                 somebody it waits again. It is followed until its controller goes on, for at most {most}. Nothing is sent twice."
            ),
            Verb::Resume => crate::clean!(
                "One request takes spec.paused of {what} away. The controller then goes on with the newest specification: {} of {} up to date now. \
                 It is followed until that is complete, for at most {most}. Nothing is sent twice.",
                counts.updated,
                counts.wanted
            ),
            Verb::Hold => self.holds_off(form),
            Verb::Release => crate::clean!(
                "One request makes {0} act as it did before it was held off, as its mark says, and takes the mark away. From then on it ships what git \
                 says: if that is the bad version still, it brings it back. Nothing is sent twice.",
                self.keeper()
            ),
            Verb::Rerun
            | Verb::RerunFailed
            | Verb::RerunJob
            | Verb::Cancel
            | Verb::ForceCancel
            | Verb::Approve
            | Verb::Reject
            | Verb::Play
            | Verb::Dispatch => form.subject.run.as_ref().map(|run| self.changes_run(run, &most)).unwrap_or_default(),
            Verb::RollBack | Verb::Abort | Verb::SwitchBack | Verb::SyncBack | Verb::Acknowledge | Verb::Silence | Verb::Shell => Clean::EMPTY,
        }
    }

    /// What a promotion or a retry leads to; that a retry goes forward is said in words.
    fn goes_forward(&self, what: &Clean, form: &Form, most: &Clean) -> Clean {
        let (at, version) = (forward::stands(&form.subject), self.thing.version());
        match self.verb {
            Verb::Promote => crate::clean!(
                "One request takes away the pause of {what}: {at}. Its controller then goes on to the next step towards {version}, and no further than the \
                 next pause. It is followed until it has left that pause, for at most {most}. Nothing is sent twice."
            ),
            Verb::PromoteFull => crate::clean!(
                "One request tells the controller of {what} to skip every step, pause and analysis that is left: {at}. {version} gets all the traffic and \
                 becomes the stable revision. It is followed until that is so, for at most {most}. Nothing is sent twice."
            ),
            _ => crate::clean!(
                "One request takes status.abort of {what} away. That goes forward, not back: {version}, the version that was aborted, is rolled out again \
                 from its first step. It is followed until its controller goes on, for at most {most}. Nothing is sent twice."
            ),
        }
    }

    /// `retried in 4s: it waits at step 2 of 3`.
    fn went_forward(&self, done: &str, took: &Clean) -> Clean {
        let stands = match &self.stand {
            Stand::Done { course, .. } => course.stands(),
            _ => Clean::EMPTY,
        };
        crate::clean!("{done} in {took}: {stands}")
    }

    fn holds_off(&self, form: &Form) -> Clean {
        let does = match form.subject.keeper {
            Some(Owner::ArgoCd { .. }) => "switches off the auto-sync of",
            _ => "suspends",
        };
        crate::clean!(
            "One request {does} {} and leaves a mark on it: who did it, and how it was. What runs is not touched. It ships no commit and takes nothing \
             back until it is let go again.",
            self.keeper()
        )
    }

    fn resizes(&self, what: &Clean, before: u32, most: &Clean) -> Clean {
        let wanted = self.wanted.unwrap_or(before);
        let then = match wanted {
            0 => Clean::from_static("All pods are stopped, and nothing serves until it is scaled again."),
            fewer if fewer < before => crate::clean!("{} stopped, which ones the controller chooses.", is_are(before - fewer)),
            more => crate::clean!("{} started with the specification that runs now.", is_are(more.saturating_sub(before))),
        };
        crate::clean!(
            "One request sets spec.replicas of {what} from {before} to {wanted}. {then} It is followed until {wanted} run and are ready, for at most {most}. \
             Nothing is sent twice."
        )
    }

    /// How it ended: `restarted, complete in 41s`.
    pub fn outcome(&self, end: &End, took: &Clean) -> Clean {
        match (end, self.verb) {
            (End::Complete, Verb::Restart) => crate::clean!("restarted, complete in {took}"),
            (End::Complete, Verb::Scale) => crate::clean!("scaled to {}, complete in {took}", self.wanted.unwrap_or_default()),
            (End::Complete, Verb::DeletePod) => self.made_anew(took),
            (End::Complete, Verb::Pause) => Clean::from_static("paused: nothing rolls out until it is resumed"),
            (End::Complete, Verb::Hold) => crate::clean!("{} is held off: H lets it go again", self.keeper()),
            (End::Complete, Verb::Promote) => self.went_forward("promoted", took),
            (End::Complete, Verb::PromoteFull) => crate::clean!("promoted past all its steps, complete in {took}"),
            (End::Complete, Verb::Retry) => self.went_forward("retried", took),
            (End::Complete, Verb::Resume) if self.form().is_some_and(|form| form.subject.steps.is_some()) => self.went_forward("resumed", took),
            (End::Complete, Verb::Release) => crate::clean!("{} acts by itself again", self.keeper()),
            (End::Complete, verb) if verb.of_a_run() => self.run_complete(took),
            (End::Complete, _) => crate::clean!("it went on, complete in {took}"),
            (End::Incomplete(why), _) => crate::clean!("not complete: {why}"),
            (End::Overtaken(why), _) => crate::clean!("overtaken: {why}"),
            (End::CouldNotTell(why), _) => crate::clean!("could not tell: {why}"),
        }
    }

    /// The word above everything when it is over, with its sign.
    pub fn verdict(&self, end: &End) -> (Mark, &'static str) {
        match end {
            End::Complete => (Mark::Good, "COMPLETE"),
            End::Incomplete(_) => (Mark::Bad, "NOT COMPLETE"),
            End::Overtaken(_) => (Mark::Open, "OVERTAKEN"),
            End::CouldNotTell(_) => (Mark::Unknown, "COULD NOT TELL"),
        }
    }

    /// The lines of what was sent and of how far it is.
    pub fn steps(&self) -> Vec<Line> {
        let line = |mark, label: &'static str, text: Clean, clock: Option<Clean>| Line { mark, label: label.into(), text, clock, bar: None, trace: Vec::new() };
        match &self.stand {
            Stand::Sending { left: None, .. } => {
                vec![line(Mark::Running, "recorded", Clean::from_static("the intent is being written before anything leaves"), None)]
            }
            Stand::Sending { left: Some(_), .. } => vec![line(Mark::Running, "sent", Clean::from_static("waiting for the answer"), None)],
            Stand::Unclear { why, .. } => vec![line(Mark::Unknown, "sent", crate::clean!("the answer was lost: {why}"), None)],
            Stand::UnderWay(course) | Stand::Done { course, .. } => course
                .accepted
                .map(|at| {
                    let after = course.took(at);
                    let sent = line(Mark::Good, "sent", crate::clean!("accepted in {} ms, once", after.as_millis()), Some(clock(after)));
                    vec![sent, self.pods_line(course)]
                })
                .unwrap_or_default(),
            Stand::Reading { .. } | Stand::Planned(_) | Stand::Confirming { .. } | Stand::Closed { .. } => Vec::new(),
        }
    }

    fn pods_line(&self, course: &Course) -> Line {
        if self.above() {
            let off = course.seen.as_ref().map(|subject| subject.seen.paused);
            let text = match off {
                None => Clean::from_static("not read since it was sent"),
                Some(true) => Clean::from_static("it does nothing by itself now"),
                Some(false) => Clean::from_static("it acts by itself now"),
            };
            return Line { mark: Mark::Good, label: Clean::from_static("read"), text, clock: None, bar: None, trace: Vec::new() };
        }
        let end = match &self.stand {
            Stand::Done { end, at, .. } => Some((end, clock(course.took(*at)))),
            _ => None,
        };
        let (mark, clock) = match end {
            None => (Mark::Running, None),
            Some((end, clock)) => (self.verdict(end).0, Some(clock)),
        };
        if self.verb.of_a_run() {
            return Line { mark, label: Clean::from_static("run"), text: course.counts(), clock, bar: None, trace: Vec::new() };
        }
        if self.verb.of_a_pod() {
            return Line { mark, label: Clean::from_static("pod"), text: course.counts(), clock, bar: None, trace: Vec::new() };
        }
        let bar = course.seen.as_ref().filter(|_| mark == Mark::Running && self.verb != Verb::Pause);
        let bar = bar.map(|subject| (subject.replicas.updated.min(subject.replicas.available), subject.replicas.wanted));
        let stands = if course.is_stepwise() { crate::clean!("; {}", course.stands()) } else { Clean::EMPTY };
        Line { mark, label: Clean::from_static("pods"), text: crate::clean!("{}{stands}", course.counts()), clock, bar, trace: Vec::new() }
    }
}

fn is_are(number: u32) -> Clean {
    if number == 1 { Clean::from_static("1 pod is") } else { crate::clean!("{number} pods are") }
}
