//! The procedure: from the questions to the verdict, as a machine that is told what happened and hands out what it wants.
//!
//! Only [`Procedure::confirmed`] hands out [`Want::Act`], only in [`State::Confirming`], and it leaves that state by doing so: one
//! confirmation, one request at most. Nothing is ever sent again by itself. `now` must be a steady clock: the wall's time at the
//! start and what a monotonic clock counted since.

mod renew;
mod send;
mod watch;

use super::{Ask, Barred, Case, Checks, Gathering, Plan, Proof, ProofKind, Record, Run, Timing, Verdict, questions};
use crate::{
    domain::{Answer, Check, OpId, Operation, Question, Revision, RevisionRef, Seen, Verb, Why},
    text::{Clean, Raw},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What the procedure wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// Put a question to everybody who can answer it.
    Ask(Ask),
    /// Let the source check what a change would do. Findings come back with the round.
    Prepare {
        /// Which round of checks.
        round: u32,
        /// What would be done.
        operation: Box<Operation>,
    },
    /// Write the intent, mint the warrant, carry it out once.
    Act(Box<Operation>),
}

/// What a person must do to confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// What the environment's policy demands.
    ByPolicy {
        /// Whether the typed override is demanded on top.
        undo_of_undo: bool,
    },
    /// One Enter: it was confirmed, and nothing was carried out.
    Again {
        /// Why it has to be sent again.
        why: Clean,
    },
}

/// A confirmed change, as far as it must be known to see what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// The plan; none where only the journal is left of it.
    pub plan: Option<Box<Plan>>,
    /// What it is: a rollback, an abort, a switch.
    pub verb: Verb,
    /// Where it goes.
    pub goal: RevisionRef,
    /// What the operator saw.
    pub from: Seen,
    /// The template that is left.
    pub running: Raw,
    /// The operations that may have carried it out, the last one last.
    pub ids: Vec<OpId>,
    /// When it was confirmed.
    pub began: Timestamp,
}

/// How a rollback stands.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Questions are under way.
    Gathering(Box<Gathering>),
    /// The plan is on screen. Nothing on it executes.
    Planned(Box<Plan>),
    /// The confirm line is open at its foot.
    Confirming {
        /// The plan.
        plan: Box<Plan>,
        /// What it takes.
        confirm: Confirm,
    },
    /// Confirmed: the intent is being written, the request leaves.
    Sending {
        /// What was confirmed.
        sent: Box<Sent>,
        /// When the request left, once it did.
        left: Option<Timestamp>,
        /// Which of several requests is under way, and when that was last said.
        doing: Option<(Clean, Timestamp)>,
    },
    /// The answer was lost: the world is being read.
    Unclear {
        /// What was confirmed.
        sent: Box<Sent>,
        /// What broke.
        why: Clean,
        /// When the world is read next.
        reread: Timestamp,
    },
    /// Accepted: the pods change over, then it is verified.
    UnderWay {
        /// What was confirmed.
        sent: Box<Sent>,
        /// What is watched.
        run: Box<Run>,
    },
    /// There is a verdict.
    Done {
        /// What was confirmed.
        sent: Box<Sent>,
        /// What was watched.
        run: Box<Run>,
        /// The proofs as they stood.
        proofs: Vec<Proof>,
        /// The verdict.
        verdict: Verdict,
        /// When.
        at: Timestamp,
    },
    /// It ended before anything was changed.
    Closed {
        /// Why.
        why: Clean,
    },
}

/// A rollback from its questions to its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Procedure {
    /// What it is about.
    pub case: Case,
    /// How it stands.
    pub state: State,
    /// How long it waits.
    pub timing: Timing,
    id: OpId,
    by: Clean,
    asks: Vec<Ask>,
    records: Vec<Record>,
    good_at: BTreeMap<ProofKind, Timestamp>,
}

impl Procedure {
    /// Begins with the questions. `id` marks the checks; each confirmation brings an id of its own. `records` are the journal's.
    #[must_use = "the wants must be carried out"]
    pub fn begin(case: Case, revisions: &[&Revision], records: Vec<Record>, (id, by): (OpId, Clean), timing: Timing, now: Timestamp) -> (Self, Vec<Want>) {
        let (state, timing) = (State::Closed { why: Clean::EMPTY }, timing.of(case.workload.kind));
        let mut new = Self { case, state, timing, id, by, asks: Vec::new(), records, good_at: BTreeMap::new() };
        new.asks = questions(&new.case.workload, revisions, &new.case.service, new.case.alert.as_ref(), &new.records, now);
        let wants = new.gather(None, now);
        (new, wants)
    }

    pub(super) fn gather(&mut self, note: Option<Clean>, now: Timestamp) -> Vec<Want> {
        let gathering = Gathering::new(self.asks.clone(), self.records.clone(), note, now + self.timing.gather);
        self.state = State::Gathering(Box::new(gathering));
        self.asks.iter().cloned().map(Want::Ask).collect()
    }

    /// So many sources were asked this: none means that nobody can answer.
    #[must_use = "the wants must be carried out"]
    pub fn asked(&mut self, question: &Question, sources: usize, now: Timestamp) -> Vec<Want> {
        match &mut self.state {
            State::Gathering(gathering) => {
                gathering.asked(question, sources);
                self.plan_when_known(now)
            }
            State::UnderWay { run, .. } => {
                watch::asked(run, question, sources);
                self.judge(now)
            }
            _ => Vec::new(),
        }
    }

    /// One source answered.
    #[must_use = "the wants must be carried out"]
    pub fn answered(&mut self, question: &Question, result: Result<Answer, Why>, now: Timestamp) -> Vec<Want> {
        match &mut self.state {
            State::Gathering(gathering) => {
                gathering.answered(&mut self.case, &self.timing, question, result);
                self.plan_when_known(now)
            }
            State::Unclear { .. } => match result {
                Ok(Answer::Subject(subject)) => self.settle(&subject, now),
                Ok(_) | Err(_) => Vec::new(),
            },
            State::UnderWay { run, .. } => {
                match &result {
                    Ok(Answer::Subject(subject)) => run.learn(subject, now),
                    Ok(_) | Err(_) => watch::measure(run, question, result, now),
                }
                self.judge(now)
            }
            State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Done { .. } | State::Closed { .. } => Vec::new(),
        }
    }

    fn plan_when_known(&mut self, now: Timestamp) -> Vec<Want> {
        let State::Gathering(gathering) = &self.state else { return Vec::new() };
        if !gathering.over(now) {
            return Vec::new();
        }
        match gathering.clone().finish(&self.case, now) {
            Ok(gathered) => {
                let plan = Plan::new(gathered, now + self.timing.checks);
                self.show(Box::new(plan))
            }
            Err(why) => {
                self.state = State::Closed { why };
                Vec::new()
            }
        }
    }

    /// Puts a plan on screen with our own warnings, and has its checks made.
    fn show(&mut self, mut plan: Box<Plan>) -> Vec<Want> {
        for warning in &self.case.warnings {
            plan.found(warning.clone());
        }
        let operation = plan.operation(&self.case, self.id.clone(), Clean::EMPTY, self.by.clone());
        let want = operation.map(|operation| Want::Prepare { round: plan.round, operation: Box::new(operation) });
        self.state = State::Planned(plan);
        want.into_iter().collect()
    }

    /// `[`: an older target.
    #[must_use = "the wants must be carried out"]
    pub fn older(&mut self, now: Timestamp) -> Vec<Want> {
        self.select(1, now)
    }

    /// `]`: a newer target.
    #[must_use = "the wants must be carried out"]
    pub fn newer(&mut self, now: Timestamp) -> Vec<Want> {
        self.select(-1, now)
    }

    fn select(&mut self, by: isize, now: Timestamp) -> Vec<Want> {
        let until = now + self.timing.checks;
        let State::Planned(plan) = &mut self.state else { return Vec::new() };
        if !plan.select(by, until) {
            return Vec::new();
        }
        let plan = plan.clone();
        self.show(plan)
    }

    /// Makes the checks again, as after ctrl-o opened the environment: the dry run was missing.
    #[must_use = "the wants must be carried out"]
    pub fn check_again(&mut self, now: Timestamp) -> Vec<Want> {
        let State::Planned(plan) = &self.state else { return Vec::new() };
        let mut plan = plan.clone();
        plan.again(now + self.timing.checks);
        self.show(plan)
    }

    /// A check of `round` was announced or made.
    pub fn checked(&mut self, round: u32, check: Check) {
        if let State::Planned(plan) | State::Confirming { plan, .. } = &mut self.state
            && plan.round == round
        {
            plan.checked(check);
        }
    }

    /// The source has made all checks of `round`, or broke off.
    pub fn prepared(&mut self, round: u32, result: Result<(), Why>) {
        if let State::Planned(plan) = &mut self.state
            && plan.round == round
        {
            if let Err(why) = &result {
                plan.unknown.push(why.words.clone());
            }
            plan.end_checks("the source did not say");
        }
    }

    /// Opens the confirm line, unless something bars it.
    pub fn open_confirm(&mut self) -> Result<(), Barred> {
        let State::Planned(plan) = &self.state else { return Err(Barred::NotPlanned) };
        plan.barred()?;
        let undo_of_undo = plan.candidate().is_some_and(|candidate| candidate.undo_of_undo);
        self.state = State::Confirming { plan: plan.clone(), confirm: Confirm::ByPolicy { undo_of_undo } };
        Ok(())
    }

    /// Esc on the confirm line. Esc is always no.
    pub fn close_confirm(&mut self) {
        if let State::Confirming { plan, .. } = &self.state {
            self.state = State::Planned(plan.clone());
        }
    }

    /// Time went by.
    #[must_use = "the wants must be carried out"]
    pub fn tick(&mut self, now: Timestamp) -> Vec<Want> {
        match &mut self.state {
            State::Gathering(_) => self.plan_when_known(now),
            State::Planned(plan) => {
                if matches!(plan.checks, Checks::Running { until } if now >= until) {
                    plan.end_checks("no answer in time");
                }
                Vec::new()
            }
            State::Sending { sent, doing, .. } if now.duration_since(send::heard(sent, doing.as_ref())) >= sent.late(&self.timing) => {
                let sent = sent.clone();
                self.unclear(sent, Clean::from_static("no answer"), now)
            }
            State::Unclear { sent, reread, .. } if now >= *reread => {
                *reread = now + self.timing.reread;
                let over = now.duration_since(sent.began) >= self.timing.deadline;
                if over { self.give_up_reading(now) } else { vec![self.ask_subject()] }
            }
            State::UnderWay { run, .. } => {
                let due = run.asked.is_none_or(|last| now.duration_since(last) >= self.timing.ask_every);
                let reread = run.reread.is_some_and(|at| now >= at);
                if reread {
                    run.reread = Some(now + if run.pipeline.is_some() { self.timing.ask_every } else { self.timing.reread });
                }
                let mut wants = if due { self.ask_measures(now) } else { Vec::new() };
                wants.extend(reread.then(|| self.ask_subject()));
                wants.extend(self.judge(now));
                wants
            }
            State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::Done { .. } | State::Closed { .. } => Vec::new(),
        }
    }

    /// The proofs as they stand; none before the request was accepted.
    pub fn proofs(&self, now: Timestamp) -> Vec<Proof> {
        match &self.state {
            State::UnderWay { run, .. } => self.proofs_of(run, now),
            State::Done { proofs, .. } => proofs.clone(),
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::Closed { .. } => {
                Vec::new()
            }
        }
    }

    /// When a proof became good, if it still is.
    pub fn good_at(&self, kind: ProofKind) -> Option<Timestamp> {
        self.good_at.get(&kind).copied()
    }

    /// The plan, where there is one.
    pub fn plan(&self) -> Option<&Plan> {
        match &self.state {
            State::Planned(plan) | State::Confirming { plan, .. } => Some(plan),
            State::Sending { sent, .. } | State::Unclear { sent, .. } | State::UnderWay { sent, .. } | State::Done { sent, .. } => sent.plan.as_deref(),
            State::Gathering(_) | State::Closed { .. } => None,
        }
    }

    /// The operation that was confirmed last, where one was.
    pub fn operation(&self) -> Option<&OpId> {
        match &self.state {
            State::Sending { sent, .. } | State::Unclear { sent, .. } | State::UnderWay { sent, .. } | State::Done { sent, .. } => sent.ids.last(),
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Closed { .. } => None,
        }
    }

    /// Whether a request may be on its way or is being carried out: leaving now would lose sight of it.
    pub const fn under_way_now(&self) -> bool {
        matches!(self.state, State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. })
    }

    /// When it wants to be told the time next.
    pub fn wake(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.state {
            State::Gathering(gathering) => Some(gathering.until()),
            State::Planned(plan) => match plan.checks {
                Checks::Running { until } => Some(until),
                Checks::Over => None,
            },
            State::Sending { sent, doing, .. } => Some(send::heard(sent, doing.as_ref()) + sent.late(&self.timing)),
            State::Unclear { reread, .. } => Some(*reread),
            State::UnderWay { .. } => Some(now + SignedDuration::from_secs(1)),
            State::Confirming { .. } | State::Done { .. } | State::Closed { .. } => None,
        }
    }
}

#[cfg(test)]
mod aborts;
#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod pipelines;
#[cfg(test)]
mod releases;
#[cfg(test)]
mod schedules;
#[cfg(test)]
pub(super) mod stage;
#[cfg(test)]
mod switches;
#[cfg(test)]
mod tests;
