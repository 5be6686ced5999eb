//! Changes under way: each is a procedure, with the line in which it is confirmed and the answers it waits for.

mod confirm;
mod open;
mod plan;
mod send;
mod wish;
mod words;

use super::{App, Dialog, DialogId, OpenOperation, OperationKey};
use crate::{
    domain::{Feed, OpId, Question, SourceId, TaskId},
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
    /// Operations that the journal has as begun and not ended, by consoles that went away.
    pub open: Vec<OpenOperation>,
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
    asked: BTreeMap<TaskId, Question>,
    preparing: Option<(TaskId, u32)>,
    acting: Option<(TaskId, OpId)>,
    confirmation: Option<Confirmation>,
    told: bool,
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

    /// The layer of the keymap that a procedure is in now.
    pub fn layer(&self, key: OperationKey) -> Layer {
        match self.get(key).map(|running| &running.procedure.state) {
            Some(State::Gathering(_) | State::Planned(_)) => Layer::Plan,
            Some(State::Confirming { .. }) => Layer::Confirm,
            Some(State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. }) => Layer::UnderWay,
            Some(State::Done { .. } | State::Closed { .. }) | None => Layer::Verdict,
        }
    }

    fn line(&mut self, key: OperationKey) -> Option<&mut Confirming> {
        self.get_mut(key).and_then(|running| running.confirming.as_mut())
    }

    /// Types into the confirm line.
    pub(in crate::app) fn edit(&mut self, key: OperationKey, edit: Edit) {
        if let Some(line) = self.line(key) {
            if line.on_reason {
                line.reason.edit(edit)
            } else {
                line.word.edit(edit)
            };
        }
    }

    /// Pasted text goes into a reason, never into the word that confirms.
    pub(in crate::app) fn paste(&mut self, key: OperationKey, text: &str) -> bool {
        match self.line(key) {
            Some(line) if line.on_reason => {
                line.reason.paste(text);
                true
            }
            Some(_) | None => false,
        }
    }

    pub(in crate::app) fn painted(&mut self, dialog: DialogId) {
        for line in self.running.iter_mut().filter_map(|running| running.confirming.as_mut()) {
            line.dialog.painted(dialog);
        }
    }

    /// The dialog of a procedure's confirm line, as long as nobody can have seen it.
    pub(in crate::app) fn unseen(&self, key: OperationKey) -> Option<DialogId> {
        self.get(key).and_then(|running| running.confirming.as_ref()).and_then(|line| line.dialog.unseen())
    }

    /// What would be lost sight of by leaving now, in words.
    pub fn under_way(&self) -> Vec<Clean> {
        self.running.iter().filter(|running| running.procedure.under_way_now()).map(|running| running.procedure.case.title()).collect()
    }

    /// The feeds that procedures must have.
    pub(in crate::app) fn wanted(&self) -> BTreeSet<(SourceId, Feed)> {
        self.running.iter().flat_map(|running| running.procedure.feeds()).collect()
    }

    /// Whether something counts seconds.
    pub fn ticking(&self) -> bool {
        self.running.iter().any(|running| running.procedure.under_way_now() || matches!(running.procedure.state, State::Gathering(_)))
    }

    /// When a procedure wants to be told the time.
    pub(in crate::app) fn next_wake(&self, now: super::Now) -> Option<Duration> {
        let wake = self.running.iter().filter_map(|running| running.procedure.wake(now.wall)).min()?;
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
