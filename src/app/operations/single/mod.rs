//! Changes in one request that have no target to choose: restart, scale, pause, resume; promoting a rollout, retrying it; deleting the pod that a
//! StatefulSet waits for in vain; holding off the controller above, letting it go; running a run of a CI again, cancelling it, letting it go on.
//!
//! Each is a plan on which nothing executes, the same confirm line as a rollback's, one request, and what came of it. Only
//! [`Single::confirmed`] hands out [`Want::Act`], only in [`Stand::Confirming`], and it leaves that state by doing so.

mod carry;
mod course;
mod forward;
mod inputs;
mod machine;
mod offer;
mod pods;
mod runs;
mod thing;
mod words;

pub use course::{Course, End};
pub(in crate::app) use forward::stands;
use inputs::Lines;
pub use thing::Thing;

use super::{Confirming, OperationKey};
use crate::{
    domain::{CheckKind, Finding, Kind, OpId, Operation, Question, Subject, TaskId, Verb},
    gate::Confirmation,
    rollback::{Checks, Timing},
    text::{Clean, Name},
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// One such change, from the reading of its object to its end.
#[derive(Debug)]
pub struct Single {
    /// Which one.
    pub key: OperationKey,
    /// What is done.
    pub verb: Verb,
    /// To what, as the store had it when it was opened.
    pub thing: Thing,
    /// The service.
    pub service: Name,
    /// The environment.
    pub environment: Name,
    /// How many there shall be, where that is what is changed; none until somebody chose.
    pub wanted: Option<u32>,
    /// What it is started with, as a person writes it.
    pub lines: Lines,
    /// How it stands.
    pub stand: Stand,
    /// The confirm line, while it is open.
    pub confirming: Option<Confirming>,
    /// How far its screen was scrolled.
    pub offset: usize,
    /// Why it was confirmed; empty before.
    pub reason: Clean,
    /// The number of the journal's entry that holds the intent.
    pub entry: Option<u64>,
    id: OpId,
    by: Clean,
    timing: Timing,
    asked: Option<TaskId>,
    preparing: Option<(TaskId, u32)>,
    acting: Option<(TaskId, OpId)>,
    confirmation: Option<Confirmation>,
    told: bool,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Stand {
    /// The object is being read.
    Reading {
        /// What is not read by then can not be planned for.
        until: Timestamp,
        /// What made us read again.
        note: Option<Clean>,
    },
    /// The plan is on screen. Nothing on it executes.
    Planned(Box<Form>),
    /// The confirm line is open at its foot.
    Confirming {
        /// The plan.
        form: Box<Form>,
        /// It was confirmed before, and nothing was carried out: why.
        again: Option<Clean>,
    },
    /// Confirmed: the intent is being written, the request leaves, the answer may be lost.
    Sending {
        /// What was confirmed.
        course: Box<Course>,
        /// When the request left, once it did.
        left: Option<Timestamp>,
    },
    /// The answer was lost: the world is being read.
    Unclear {
        /// What was confirmed.
        course: Box<Course>,
        /// What broke.
        why: Clean,
        /// When the world is read next.
        reread: Timestamp,
    },
    /// Accepted: it is followed until it is complete.
    UnderWay(Box<Course>),
    /// It is over.
    Done {
        /// What was followed.
        course: Box<Course>,
        /// How it ended.
        end: End,
        /// When.
        at: Timestamp,
    },
    /// It ended before anything was changed.
    Closed {
        /// Why.
        why: Clean,
    },
}

/// The plan: the object as it was read, and what was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The object.
    pub subject: Subject,
    /// What made us plan again.
    pub note: Option<Clean>,
    /// What was found, by kind.
    pub findings: BTreeMap<CheckKind, Finding>,
    /// How far the checks are.
    pub checks: Checks,
    /// The command that does the same by hand.
    pub command: Option<Clean>,
    /// What could not be found out, with the reason.
    pub unknown: Vec<Clean>,
    expected: Vec<CheckKind>,
    round: u32,
}

/// What it wants done.
#[derive(Debug, PartialEq)]
pub(super) enum Want {
    /// Read the object.
    Read,
    /// Let the source check what the change would do.
    Prepare(u32, Box<Operation>),
    /// Write the intent, mint the warrant, carry it out once.
    Act(Box<Operation>),
}

impl Single {
    /// The plan, where there is one.
    pub fn form(&self) -> Option<&Form> {
        match &self.stand {
            Stand::Planned(form) | Stand::Confirming { form, .. } => Some(form),
            _ => self.course().map(|course| &course.form),
        }
    }

    /// What was confirmed, once it was.
    fn course(&self) -> Option<&Course> {
        match &self.stand {
            Stand::Sending { course, .. } | Stand::Unclear { course, .. } | Stand::UnderWay(course) | Stand::Done { course, .. } => Some(course),
            Stand::Reading { .. } | Stand::Planned(_) | Stand::Confirming { .. } | Stand::Closed { .. } => None,
        }
    }

    /// Whether a request may be on its way or is being carried out.
    pub const fn under_way_now(&self) -> bool {
        matches!(self.stand, Stand::Sending { .. } | Stand::Unclear { .. } | Stand::UnderWay(_))
    }

    /// How long it waits.
    pub const fn patience(&self) -> Timing {
        self.timing
    }

    /// Whether it is about the controller above, not the workload itself.
    pub const fn above(&self) -> bool {
        matches!(self.verb, Verb::Hold | Verb::Release)
    }

    /// The controller above, once it was read.
    pub fn keeper(&self) -> Clean {
        self.form().and_then(|form| form.subject.keeper.as_ref()).map_or(Clean::from_static("what keeps it"), crate::domain::Owner::words)
    }

    /// What is asked about what it changes.
    fn question(&self) -> Question {
        match &self.thing {
            Thing::Run(_) | Thing::Job(..) | Thing::Workflow(_) => Question::Run { run: self.thing.id().cast(), verb: self.verb },
            Thing::Workload(workload) if self.above() => {
                Question::Keeper { workload: workload.id.clone(), uid: self.form().map(|form| form.subject.seen.uid.clone()), verb: self.verb }
            }
            Thing::Workload(workload) if self.verb.of_a_pod() => {
                Question::Awaited { workload: workload.id.clone(), pod: self.form().and_then(|form| form.subject.awaited.as_ref()).map(|pod| pod.name.clone()) }
            }
            Thing::Workload(workload) => Question::Subject(workload.id.clone()),
        }
    }

    /// Whether it has ended.
    pub const fn over(&self) -> bool {
        matches!(self.stand, Stand::Done { .. } | Stand::Closed { .. })
    }

    /// The kinds whose back ends can do `verb` with them.
    pub const fn suits(verb: Verb, kind: Kind) -> bool {
        match (verb, kind) {
            (Verb::Restart, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet) => true,
            (Verb::Scale, Kind::Deployment | Kind::StatefulSet) => true,
            (Verb::Pause | Verb::Resume, Kind::Deployment | Kind::Rollout) => true,
            (Verb::Promote | Verb::PromoteFull | Verb::Retry, Kind::Rollout) => true,
            (Verb::Hold | Verb::Release, _) => true,
            (Verb::DeletePod, Kind::StatefulSet) => true,
            (..) => false,
        }
    }
}

impl Form {
    /// The checks that were announced and have not come.
    pub fn waiting(&self) -> impl Iterator<Item = CheckKind> {
        self.expected.iter().copied().filter(|kind| !self.findings.contains_key(kind))
    }
}
