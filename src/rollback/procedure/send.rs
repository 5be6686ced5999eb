//! Steps 4 and 5: one confirmation, one request, and what came of it when the answer is lost.

use super::{Confirm, Procedure, Sent, State, Want};
use crate::{
    domain::{OpId, Progress, Question, ReleaseState, RevisionRef, Seen, Stage, Subject, Verb},
    rollback::{Ask, Case, Timing, Verdict, Who},
    text::{Clean, Raw},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

impl Procedure {
    /// Takes up an operation whose intent was found open in the journal: whether it was carried out is settled by reading the world.
    /// `running` is the back end's hash of the template that was left, where the journal has it.
    #[must_use = "the wants must be carried out"]
    pub fn resume(
        case: Case,
        (id, verb, goal, from): (OpId, Verb, RevisionRef, Seen),
        running: Raw,
        began: Timestamp,
        by: Clean,
        timing: Timing,
        now: Timestamp,
    ) -> (Self, Vec<Want>) {
        let sent = Box::new(Sent { plan: None, verb, goal, from, running, ids: vec![id.clone()], began });
        let timing = timing.of(case.workload.kind);
        let state = State::Unclear { sent, why: Clean::from_static("the console that sent it went away"), reread: now + timing.reread };
        let new = Self { case, state, timing, id, by, asks: Vec::new(), records: Vec::new(), good_at: BTreeMap::new() };
        let wants = vec![new.ask_subject()];
        (new, wants)
    }

    /// A person confirmed: hands out the one request.
    #[must_use = "the wants must be carried out"]
    pub fn confirmed(&mut self, id: OpId, reason: Clean, by: Clean, now: Timestamp) -> Vec<Want> {
        let State::Confirming { plan, .. } = &self.state else { return Vec::new() };
        let (Some(operation), Some(goal)) = (plan.operation(&self.case, id.clone(), reason, by), plan.goal()) else { return Vec::new() };
        let mut plan = plan.clone();
        plan.tried.push(id);
        let (running, ids) = (plan.running.clone(), plan.tried.clone());
        let sent = Sent { goal, verb: operation.verb, from: operation.from.clone(), running, ids, began: now, plan: Some(plan) };
        self.state = State::Sending { sent: Box::new(sent), left: None, doing: None };
        vec![Want::Act(Box::new(operation))]
    }

    /// Nothing left: the intent could not be written, or the policy closed meanwhile.
    pub fn withheld(&mut self, id: &OpId, why: Clean) {
        if let State::Sending { sent, .. } = &self.state
            && sent.ids.last() == Some(id)
        {
            self.state = State::Closed { why: crate::clean!("nothing was sent: {why}") };
        }
    }

    /// A stage of the operation `id`.
    #[must_use = "the wants must be carried out"]
    pub fn staged(&mut self, id: &OpId, stage: Stage, now: Timestamp) -> Vec<Want> {
        let sent = match &mut self.state {
            State::Sending { sent, left, doing } if sent.ids.last() == Some(id) => {
                match &stage {
                    Stage::Sending => drop(left.get_or_insert(now)),
                    Stage::Working { what } => *doing = Some((what.clone(), now)),
                    _ => {}
                }
                sent.clone()
            }
            // The final word may come when it was given up for lost already.
            State::Unclear { sent, .. } if sent.ids.last() == Some(id) && matches!(stage, Stage::Accepted { .. } | Stage::Failed { .. }) => sent.clone(),
            State::Gathering(_)
            | State::Planned(_)
            | State::Confirming { .. }
            | State::Sending { .. }
            | State::Unclear { .. }
            | State::UnderWay { .. }
            | State::Done { .. }
            | State::Closed { .. } => return Vec::new(),
        };
        match stage {
            Stage::Sending | Stage::Working { .. } => Vec::new(),
            Stage::Accepted { .. } => self.go_under_way(sent, None, now),
            Stage::Conflict { what, same: true } => self.send_again(*sent, what),
            Stage::Conflict { what, same: false } => self.gather(Some(crate::clean!("the world moved on, nothing was changed: {what}")), now),
            Stage::Refused { why } => {
                self.state = State::Closed { why: crate::clean!("refused, nothing was changed: {why}") };
                Vec::new()
            }
            Stage::Failed { why } => {
                self.state = State::Closed { why: crate::clean!("it failed: {why}") };
                Vec::new()
            }
            Stage::Unclear { why } => self.unclear(sent, why, now),
        }
    }

    /// The stream of stages ended without a final word.
    #[must_use = "the wants must be carried out"]
    pub fn lost(&mut self, id: &OpId, why: Clean, now: Timestamp) -> Vec<Want> {
        self.staged(id, Stage::Unclear { why }, now)
    }

    /// Nothing was carried out: back to the confirm line for one Enter. Without its plan there is nothing to send again.
    fn send_again(&mut self, sent: Sent, why: Clean) -> Vec<Want> {
        self.state = match sent.plan {
            Some(plan) => State::Confirming { plan, confirm: Confirm::Again { why } },
            None => State::Closed { why: crate::clean!("nothing was changed: {why}") },
        };
        Vec::new()
    }

    pub(super) fn unclear(&mut self, sent: Box<Sent>, why: Clean, now: Timestamp) -> Vec<Want> {
        self.state = State::Unclear { sent, why, reread: now + self.timing.reread };
        vec![self.ask_subject()]
    }

    pub(super) fn ask_subject(&self) -> Want {
        let id = self.case.workload.id.clone();
        let who = Who::Source(id.source());
        let sent = match &self.state {
            State::Unclear { sent, .. } | State::UnderWay { sent, .. } => Some(sent),
            _ => None,
        };
        let question = match sent.filter(|_| self.case.workload.kind.told_by_pipeline()) {
            Some(sent) => Question::Redeployed { workload: id, to: sent.goal.id.clone() },
            None => Question::Subject(id),
        };
        Want::Ask(Ask { who, question })
    }

    /// Settles an unclear request by what the world looks like: taken up, not applied, or overtaken by somebody else.
    pub(super) fn settle(&mut self, subject: &Subject, now: Timestamp) -> Vec<Want> {
        let State::Unclear { sent, why, .. } = &self.state else { return Vec::new() };
        let (sent, why) = (sent.clone(), why.clone());
        if taken_up(&sent, subject) {
            return self.go_under_way(sent, Some(subject), now);
        }
        let release = subject.release.as_ref().filter(|_| sent.verb.of_the_workload());
        let late = now.duration_since(sent.began) >= self.timing.late_through(release.is_some());
        let Some(now_is) = subject.found(sent.verb, &sent.from) else { return Vec::new() };
        if *now_is == sent.from {
            // The request may still be on its way: only later does an unchanged object mean that it was not applied.
            return if late { self.send_again(*sent, crate::clean!("{why}: it was not applied, Enter sends it again")) } else { Vec::new() };
        }
        // A helm that another console began is not ended with it.
        if release.is_some_and(|release| matches!(release.state, ReleaseState::Pending { .. })) && sent.plan.is_none() && !late {
            return Vec::new();
        }
        if let Some(release) = release {
            let why = crate::clean!("{why}; {}: nobody can tell how much of it was carried out", release.words());
            self.end_without_watching(sent, Verdict::CouldNotTell { why }, now);
            return Vec::new();
        }
        let by = changed_by(&sent, subject).map(|who| crate::clean!(" by {who}")).unwrap_or_default();
        let why = match &sent.plan {
            Some(_) => crate::clean!("the answer was lost, and the object was changed{by} meanwhile"),
            None => {
                crate::clean!("the object was changed{by} since, and does not carry its mark: nobody can tell what it did, and a new plan says what is there")
            }
        };
        self.end_without_watching(sent, Verdict::CouldNotTell { why }, now);
        Vec::new()
    }

    pub(super) fn give_up_reading(&mut self, now: Timestamp) -> Vec<Want> {
        let State::Unclear { sent, why, .. } = &self.state else { return Vec::new() };
        let why = crate::clean!("the answer was lost ({why}), and the object could not be read since");
        self.end_without_watching(sent.clone(), Verdict::CouldNotTell { why }, now);
        Vec::new()
    }

    fn end_without_watching(&mut self, sent: Box<Sent>, verdict: Verdict, now: Timestamp) {
        // Nothing was watched: there is nothing to be proven by.
        let run = Box::new(self.run(&sent, now));
        self.state = State::Done { sent, run, proofs: Vec::new(), verdict, at: now };
    }
}

/// When the source last said that it is at work.
pub(super) fn heard(sent: &Sent, doing: Option<&(Clean, Timestamp)>) -> Timestamp {
    doing.map_or(sent.began, |(_, at)| *at)
}

/// Who wrote last what was to be changed.
fn changed_by<'a>(sent: &Sent, subject: &'a Subject) -> Option<&'a Clean> {
    match sent.verb {
        Verb::SwitchBack => subject.route(&sent.from)?.changed_by.as_ref().map(|(who, _)| who),
        Verb::SyncBack => subject.application.as_ref()?.operation.as_ref().map(|operation| &operation.by),
        _ => subject.changed_by.as_ref().map(|(who, _)| who),
    }
}

/// Whether the object carries our mark, or runs the target's specification although it did not before. An abort leaves no mark.
fn taken_up(sent: &Sent, subject: &Subject) -> bool {
    if sent.verb == Verb::SwitchBack {
        let mark = subject.route(&sent.from).and_then(|route| route.operation.as_ref());
        return mark.is_some_and(|mark| sent.ids.iter().any(|id| id.as_str() == mark.as_str()));
    }
    if sent.verb == Verb::SyncBack {
        return subject.application.as_ref().is_some_and(|application| application.ours(&sent.ids).is_some());
    }
    if sent.verb == Verb::Abort {
        return matches!(&subject.progress, Progress::Aborted { back_to, .. } if *back_to == sent.goal.template);
    }
    if subject.rerun.as_ref().is_some_and(|rerun| rerun.since(sent.began)) {
        return true;
    }
    let ours = subject.operation.as_ref().is_some_and(|mark| sent.ids.iter().any(|id| id.as_str() == mark.as_str()));
    let outline = sent.plan.as_ref().and_then(|plan| plan.candidate()).map(|candidate| &candidate.revision.outline);
    let arrived = outline.is_some_and(|outline| !outline.0.is_empty() && *outline == subject.outline);
    ours || (arrived && subject.from().template != sent.from.template) || subject.went_back(&sent.goal, &sent.from)
}

impl Sent {
    /// Whether it goes through a release.
    pub(in crate::rollback) fn release(&self) -> bool {
        self.verb.of_the_workload() && self.plan.as_ref().is_some_and(|plan| plan.subject.release.is_some())
    }

    /// For how long it may be on its way.
    pub(super) fn late(&self, timing: &Timing) -> SignedDuration {
        timing.late_through(self.release())
    }
}
