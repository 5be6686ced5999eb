//! Several rollbacks as one plan: confirmed once, carried out one after the other, each with its own verdict. What does not help stops
//! what comes after it.

mod carry;
mod order;

use super::{Confirming, OperationKey, Operations, Running};
use crate::{
    domain::{Id, RevisionRef, Seen, Workload},
    gate::Confirmation,
    keys::Layer,
    rollback::{Barred, Run, State, Verdict},
    text::{Clean, Name},
};
use std::collections::VecDeque;

/// Services of one environment that go back together.
#[derive(Debug)]
pub struct Batch {
    /// Which one.
    pub key: OperationKey,
    /// Where.
    pub environment: Name,
    /// What goes back, in the order in which it does.
    pub members: Vec<Member>,
    /// Which one is under the cursor.
    pub at: usize,
    /// How far its screen was scrolled.
    pub offset: usize,
    /// The confirm line, while it is open.
    pub confirming: Option<Confirming>,
    /// How it stands.
    pub stand: Together,
    /// Why it was confirmed; empty before.
    pub reason: Clean,
    /// What the order is, where that is worth a word.
    pub order: Option<Clean>,
}

/// One of them.
#[derive(Debug)]
pub struct Member {
    /// What goes back.
    pub workload: Id<Workload>,
    /// Of which service.
    pub service: Name,
    /// Its own procedure, once the journal has said what it remembers of it.
    pub key: Option<OperationKey>,
    /// Whether it goes back with the others.
    pub taken: bool,
    /// What is to be confirmed: the object as it was seen when the confirm line opened, and where it goes.
    confirmed: Option<(Seen, RevisionRef)>,
}

/// How several rollbacks stand.
#[derive(Debug)]
pub enum Together {
    /// Their plans are being made, or can be read.
    Planned,
    /// The confirm line is open.
    Confirming,
    /// Confirmed: one after the other.
    Working {
        /// Which one is at work, or checked once more before it is.
        at: usize,
        /// Whether its request was handed out.
        sent: bool,
        /// What was confirmed for those that come.
        confirmations: VecDeque<Confirmation>,
        /// Somebody wants no other to begin.
        halted: bool,
    },
    /// All of them ended, or what came after one was stopped.
    Over {
        /// At which one, and why.
        stopped: Option<(usize, Clean)>,
    },
}

impl Batch {
    /// Those that go back, by their places.
    pub fn taken(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.members.iter().enumerate().filter(|(_, member)| member.taken)
    }

    /// The layer of the keymap that it is in now.
    pub(super) const fn layer(&self) -> Layer {
        match self.stand {
            Together::Planned => Layer::Plan,
            Together::Confirming => Layer::Confirm,
            Together::Working { .. } => Layer::UnderWay,
            Together::Over { .. } => Layer::Verdict,
        }
    }

    /// `Roll back 3 services in production`.
    pub fn title(&self) -> Clean {
        let word = match self.stand {
            Together::Planned | Together::Confirming => "Roll back",
            Together::Working { .. } => "Rolling back",
            Together::Over { .. } => "Rolled back",
        };
        let count = self.taken().count();
        crate::clean!("{word} {count} {} in {}", if count == 1 { "workload" } else { "workloads" }, self.environment)
    }

    /// The service at a place.
    pub fn name(&self, at: usize) -> Name {
        self.members.get(at).map(|member| member.service.clone()).unwrap_or_default()
    }

    /// How many after the one at work were confirmed and not begun.
    pub fn to_come(&self) -> usize {
        match self.stand {
            Together::Working { at, .. } => self.taken().filter(|(place, _)| *place > at).count(),
            Together::Planned | Together::Confirming | Together::Over { .. } => 0,
        }
    }
}

impl Operations {
    /// Several rollbacks as one.
    pub fn batch(&self, key: OperationKey) -> Option<&Batch> {
        self.batches.iter().find(|batch| batch.key == key)
    }

    fn batch_mut(&mut self, key: OperationKey) -> Option<&mut Batch> {
        self.batches.iter_mut().find(|batch| batch.key == key)
    }

    /// What stands on the screen now is what is confirmed, whatever comes meanwhile.
    fn fix(&mut self, key: OperationKey) {
        let Self { running, batches, .. } = self;
        for member in batches.iter_mut().filter(|batch| batch.key == key).flat_map(|batch| &mut batch.members) {
            member.confirmed = running.iter().find(|running| Some(running.key) == member.key).and_then(Running::aim);
        }
    }

    /// The batch that a procedure belongs to.
    pub fn batch_of(&self, key: OperationKey) -> Option<&Batch> {
        self.batches.iter().find(|batch| batch.members.iter().any(|member| member.key == Some(key)))
    }

    /// The procedure of a member.
    pub fn of_member(&self, member: &Member) -> Option<&Running> {
        self.get(member.key?)
    }

    /// What keeps a batch from being confirmed: the first member that can not go back, and why.
    pub fn bars(&self, batch: &Batch) -> Option<(usize, Barred)> {
        if batch.taken().next().is_none() {
            return Some((0, Barred::NoTarget(Clean::from_static("all were left out"))));
        }
        batch.taken().find_map(|(at, member)| self.barred_member(member).map(|barred| (at, barred)))
    }

    /// Why a member can not go back as it stands.
    pub fn barred_member(&self, member: &Member) -> Option<Barred> {
        let Some(running) = self.of_member(member) else { return Some(Barred::Checking) };
        let plan = match &running.procedure.state {
            State::Planned(plan) => plan,
            State::Gathering(_) => return Some(Barred::Checking),
            State::Closed { why } => return Some(Barred::NoTarget(why.clone())),
            State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } | State::Done { .. } => {
                return Some(Barred::NotPlanned);
            }
        };
        if plan.candidate().is_some_and(|candidate| candidate.undo_of_undo) {
            let why = "it would go back to what was itself rolled back from within a day: on its own only";
            return Some(Barred::NoTarget(Clean::from_static(why)));
        }
        plan.barred().err()
    }
}

/// Whether the next one may begin after this verdict: it helped, or nothing says that it did not and its pods are all exchanged.
fn goes_on(verdict: &Verdict, run: &Run) -> bool {
    match verdict {
        Verdict::Recovered { .. } => true,
        Verdict::CouldNotTell { .. } => run.complete.is_some(),
        Verdict::NotRecovered { .. } | Verdict::Worse { .. } => false,
    }
}
