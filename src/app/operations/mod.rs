//! Changes under way: each is a procedure, with the line in which it is confirmed and the answers it waits for.

mod ahead;
mod batch;
mod confirm;
mod open;
mod plan;
mod send;
mod single;
mod stop;
mod wish;
mod words;

pub use ahead::Ahead;
pub use batch::{Batch, Member, Together};
pub use open::{Left, Settling};
pub use plan::Aim;
pub use single::{Course, End, Form, Single, Stand, Thing};
pub(super) use stop::of_workload;

use super::{App, Dialog, DialogId, OpenOperation, OperationKey};
use crate::{
    domain::{Feed, Id, OpId, Question, RevisionRef, Scope, Seen, SourceId, TaskId, Workload},
    gate::Confirmation,
    keys::Layer,
    rollback::{Procedure, State},
    text::{Clean, Name},
    widgets::{Edit, Field},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// All procedures of this console, and what others left open.
#[derive(Debug, Default)]
pub struct Operations {
    running: Vec<Running>,
    singles: Vec<Single>,
    batches: Vec<Batch>,
    /// Operations that the journal has as begun and not ended, by consoles that went away.
    pub open: Vec<Left>,
    /// What this console has settled: a journal that was read before says otherwise.
    ended: BTreeSet<OpId>,
}

/// One procedure.
#[derive(Debug)]
pub struct Running {
    /// Which one.
    pub key: OperationKey,
    /// How it stands.
    pub procedure: Procedure,
    /// The service.
    pub service: Name,
    /// The environment.
    pub environment: Name,
    /// The confirm line, while it is open.
    pub confirming: Option<Confirming>,
    /// Whether the raw difference is shown.
    pub difference: bool,
    /// How far its screen was scrolled.
    pub offset: usize,
    /// Why it was confirmed; empty before.
    pub reason: Clean,
    /// The number of the journal's entry that holds the intent.
    pub entry: Option<u64>,
    /// A lost answer turned out to be a no when the world was read: what was read.
    pub settled: Option<Clean>,
    /// Whose it is.
    pub hand: Hand,
    asked: BTreeMap<TaskId, Question>,
    preparing: Option<(TaskId, u32)>,
    acting: Option<(TaskId, OpId)>,
    confirmation: Option<Confirmation>,
    told: bool,
}

impl Running {
    /// What a confirmation of its plan is about: the object as it was seen, and where it goes.
    fn aim(&self) -> Option<(Seen, RevisionRef)> {
        let plan = self.procedure.plan()?;
        Some((plan.from().clone(), plan.goal()?))
    }

    /// A procedure that has just begun.
    fn new(key: OperationKey, procedure: Procedure, service: Name, environment: Name) -> Self {
        Self {
            key,
            procedure,
            service,
            environment,
            confirming: None,
            difference: false,
            offset: 0,
            reason: Clean::EMPTY,
            entry: None,
            settled: None,
            hand: Hand::Own,
            asked: BTreeMap::new(),
            preparing: None,
            acting: None,
            confirmation: None,
            told: false,
        }
    }
}

/// Whose operation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// This process began it.
    Own,
    /// It was left by another process, and this one sees it through.
    Took,
    /// The same, and the server's yes is in the journal already.
    TookAccepted,
    /// Another process sees it through; here it is only shown.
    Watches,
}

impl Hand {
    /// What this process has of an operation that the journal holds open: who lives keeps it.
    const fn on(open: &OpenOperation) -> Self {
        match (&open.alive, open.accepted) {
            (Some(_), _) => Self::Watches,
            (None, true) => Self::TookAccepted,
            (None, false) => Self::Took,
        }
    }
}

/// The confirm line.
#[derive(Clone, Debug)]
pub struct Confirming {
    /// The word that is demanded.
    pub word: Field,
    /// The reason.
    pub reason: Field,
    /// Whether the reason has the keys.
    pub on_reason: bool,
    /// It can be confirmed once it was painted.
    pub dialog: Dialog,
}

impl Operations {
    /// One procedure.
    pub fn get(&self, key: OperationKey) -> Option<&Running> {
        self.running.iter().find(|running| running.key == key)
    }

    pub(crate) fn get_mut(&mut self, key: OperationKey) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| running.key == key)
    }

    /// A change without a target: restart, scale, pause, resume, promote, retry.
    pub fn single(&self, key: OperationKey) -> Option<&Single> {
        self.singles.iter().find(|single| single.key == key)
    }

    pub(crate) fn single_mut(&mut self, key: OperationKey) -> Option<&mut Single> {
        self.singles.iter_mut().find(|single| single.key == key)
    }

    /// Whether there is such a procedure.
    pub fn knows(&self, key: OperationKey) -> bool {
        self.get(key).is_some() || self.single(key).is_some() || self.batch(key).is_some()
    }

    /// What a procedure is about: the workload or the run, the service, the environment.
    pub fn about(&self, key: OperationKey) -> Option<(Id<Workload>, &Name, &Name)> {
        let single = self.single(key).map(|single| (single.thing.id(), &single.service, &single.environment));
        let member = self.batch(key).and_then(|batch| batch.members.get(batch.at).map(|member| (member.workload.clone(), &member.service, &batch.environment)));
        single.or(member).or_else(|| self.get(key).map(|running| (running.procedure.case.workload.id.clone(), &running.service, &running.environment)))
    }

    /// How far a procedure's screen was scrolled.
    pub(crate) fn offset(&mut self, key: OperationKey) -> Option<&mut usize> {
        let single = self.singles.iter_mut().find(|single| single.key == key).map(|single| &mut single.offset);
        let batch = self.batches.iter_mut().find(|batch| batch.key == key).map(|batch| &mut batch.offset);
        match single.or(batch) {
            Some(offset) => Some(offset),
            None => self.running.iter_mut().find(|running| running.key == key).map(|running| &mut running.offset),
        }
    }

    /// The confirm line of a procedure, while it is open.
    pub fn confirming(&self, key: OperationKey) -> Option<&Confirming> {
        match (self.single(key), self.batch(key)) {
            (Some(single), _) => single.confirming.as_ref(),
            (None, Some(batch)) => batch.confirming.as_ref(),
            (None, None) => self.get(key).and_then(|running| running.confirming.as_ref()),
        }
    }

    /// The layer of the keymap that a procedure is in now.
    pub fn layer(&self, key: OperationKey) -> Layer {
        if let Some(single) = self.single(key) {
            return match &single.stand {
                Stand::Planned(_) if single.lines.at.is_some() => Layer::Form,
                Stand::Reading { .. } | Stand::Planned(_) => Layer::Plan,
                Stand::Confirming { .. } => Layer::Confirm,
                Stand::Sending { .. } | Stand::Unclear { .. } | Stand::UnderWay(_) => Layer::UnderWay,
                Stand::Done { .. } | Stand::Closed { .. } => Layer::Verdict,
            };
        }
        if let Some(batch) = self.batch(key) {
            return batch.layer();
        }
        match self.get(key).map(|running| &running.procedure.state) {
            Some(State::Gathering(_) | State::Planned(_)) => Layer::Plan,
            Some(State::Confirming { .. }) => Layer::Confirm,
            Some(State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. }) => Layer::UnderWay,
            Some(State::Done { .. } | State::Closed { .. }) | None => Layer::Verdict,
        }
    }

    fn line(&mut self, key: OperationKey) -> Option<&mut Confirming> {
        let single = self.singles.iter_mut().filter(|single| single.key == key).map(|single| &mut single.confirming);
        let batch = self.batches.iter_mut().filter(|batch| batch.key == key).map(|batch| &mut batch.confirming);
        let running = self.running.iter_mut().filter(|running| running.key == key).map(|running| &mut running.confirming);
        single.chain(batch).chain(running).next().and_then(Option::as_mut)
    }

    /// Types into the confirm line.
    pub(in crate::app) fn edit(&mut self, key: OperationKey, edit: Edit) {
        if let Some(field) = self.single_mut(key).and_then(|single| single.lines.here()) {
            field.edit(edit);
            return;
        }
        if let Some(line) = self.line(key) {
            if line.on_reason {
                line.reason.edit(edit)
            } else {
                line.word.edit(edit)
            };
        }
    }

    /// Pasted text goes into an input or a reason, never into the word that confirms.
    pub(in crate::app) fn paste(&mut self, key: OperationKey, text: &str) -> bool {
        if let Some(field) = self.single_mut(key).and_then(|single| single.lines.here()) {
            field.paste(text);
            return true;
        }
        match self.line(key) {
            Some(line) if line.on_reason => {
                line.reason.paste(text);
                true
            }
            Some(_) | None => false,
        }
    }

    pub(in crate::app) fn painted(&mut self, dialog: DialogId) {
        let lines = self.running.iter_mut().filter_map(|running| running.confirming.as_mut());
        let singles = self.singles.iter_mut().filter_map(|single| single.confirming.as_mut());
        let batches = self.batches.iter_mut().filter_map(|batch| batch.confirming.as_mut());
        for line in lines.chain(singles).chain(batches) {
            line.dialog.painted(dialog);
        }
    }

    /// The dialog of a procedure's confirm line, as long as nobody can have seen it.
    pub(in crate::app) fn unseen(&self, key: OperationKey) -> Option<DialogId> {
        self.confirming(key).and_then(|line| line.dialog.unseen())
    }

    /// What would be lost sight of by leaving now, in words.
    pub fn under_way(&self) -> Vec<Clean> {
        let singles = self.singles.iter().filter(|single| single.under_way_now()).map(Single::goal);
        let batches = self.batches.iter().filter(|batch| batch.to_come() > 0);
        let after = batches.map(|batch| crate::clean!("{} more in {}, confirmed, which will not begin", batch.to_come(), batch.environment));
        let running = self.running.iter().filter(|running| running.procedure.under_way_now()).map(|running| running.procedure.case.title());
        running.chain(singles).chain(after).collect()
    }

    /// The rollbacks that somebody else must see through if this process goes away now.
    pub fn to_hand_over(&self) -> Vec<OpId> {
        let under_way = |running: &&Running| running.procedure.under_way_now() && running.hand != Hand::Watches;
        self.running.iter().filter(under_way).filter_map(|running| running.procedure.operation().cloned()).collect()
    }

    /// The procedure of a workload that is planned or under way.
    pub(in crate::app) fn works_on(&self, workload: &Id<Workload>) -> Option<OperationKey> {
        let over = |running: &Running| matches!(running.procedure.state, State::Done { .. } | State::Closed { .. });
        self.running.iter().find(|running| running.procedure.case.workload.id == *workload && !over(running)).map(|running| running.key)
    }

    /// Forgets a procedure of which nothing was sent.
    pub(in crate::app) fn forget(&mut self, key: OperationKey) {
        self.running.retain(|running| running.key != key || running.procedure.under_way_now());
    }

    /// The feeds that procedures must have.
    pub(in crate::app) fn wanted(&self) -> BTreeSet<(SourceId, Feed)> {
        let feed = |single: &Single| match &single.thing {
            Thing::Workload(workload) => (workload.id.source(), Feed::Pods(Scope::Workload(workload.id.clone()))),
            Thing::Run(run) | Thing::Job(run, _) | Thing::Workflow(run) => (run.id.source(), Feed::Jobs(run.id.clone())),
        };
        let singles = self.singles.iter().filter(|single| !single.over()).map(feed);
        self.running.iter().flat_map(|running| running.procedure.feeds()).chain(singles).collect()
    }

    /// Whether something counts seconds.
    pub fn ticking(&self) -> bool {
        let counts = |single: &Single| single.under_way_now() || matches!(single.stand, Stand::Reading { .. });
        let gathers = |running: &Running| running.procedure.under_way_now() || matches!(running.procedure.state, State::Gathering(_));
        self.running.iter().any(gathers) || self.singles.iter().any(counts)
    }

    /// When a procedure wants to be told the time.
    pub(in crate::app) fn next_wake(&self, now: super::Now) -> Option<Duration> {
        let singles = self.singles.iter().filter_map(Single::wake);
        let wake = self.running.iter().filter_map(|running| running.procedure.wake(now.wall)).chain(singles).min()?;
        Some(now.mono + wake.duration_since(now.wall).max(SignedDuration::ZERO).unsigned_abs())
    }
}

impl App {
    /// The wall's time at the start and what the monotonic clock counted since: it never jumps.
    pub fn steady(&self) -> Timestamp {
        let passed = self.now.mono.saturating_sub(self.start.now.mono);
        self.start.now.wall + SignedDuration::try_from(passed).unwrap_or(SignedDuration::ZERO)
    }

    pub(super) fn op(&mut self) -> OpId {
        let count = self.number();
        OpId::new(&self.start.session, count)
    }
}
