//! From the marks to the verdicts.

use super::{Batch, Member, Together, goes_on, order};
use crate::{
    app::{
        App, Confirming, Effect, OperationKey, Running,
        operations::{
            confirm::Entered,
            words::{barred_words, not_confirmed},
        },
    },
    domain::{Id, Verb, Workload},
    gate::{Confirmation, Demand},
    keys::{Action, Layer},
    rollback::{Checks, Confirm, State},
    text::{Clean, Name},
};
use std::collections::VecDeque;

impl App {
    /// Opens the plan of several rollbacks in one environment: nothing on it executes.
    pub fn open_batch(&mut self, environment: &Name, workloads: &[Id<Workload>]) -> Vec<Effect> {
        let busy = |id: &&Id<Workload>| {
            let about = |running: &Running| running.procedure.case.workload.id == **id && running.procedure.under_way_now();
            self.operations.running.iter().any(about)
        };
        if let Some(busy) = workloads.iter().find(busy).and_then(|id| self.store.joined(id)) {
            let words = crate::clean!("{} is being rolled back already: B shows it", busy.service);
            self.complain(words);
            return Vec::new();
        }
        let member = |id: &Id<Workload>| {
            let service = self.store.joined(id)?.service.clone();
            Some(Member { workload: id.clone(), service, key: None, taken: true, confirmed: None })
        };
        let mut members: Vec<Member> = workloads.iter().filter_map(member).collect();
        let rules = &self.start.rules.services;
        let circle = order::sort(&mut members, |member| &member.service, rules);
        let said = members.iter().any(|member| rules.iter().any(|rule| rule.name == member.service && !rule.depends_on.is_empty()));
        let order = match (circle, said) {
            (true, _) => Some("depends_on goes round in a circle: where it does, the order is that of the screen"),
            (false, true) => Some("what depends on others (depends_on) goes back before them"),
            (false, false) => None,
        };
        // A plan that was only read is made anew as a part of this one.
        self.operations.running.retain(|running| !workloads.contains(&running.procedure.case.workload.id));
        let key = OperationKey(self.number());
        let effects = members.iter().map(|member| Effect::Remember(member.workload.clone())).collect();
        self.operations.batches.push(Batch {
            key,
            environment: environment.clone(),
            members,
            at: 0,
            offset: 0,
            confirming: None,
            stand: Together::Planned,
            reason: Clean::EMPTY,
            order: order.map(Clean::from_static),
        });
        self.show_operation(key);
        effects
    }

    /// Begins the plan of every member that waited for what the journal remembers.
    pub(in crate::app::operations) fn begin_members(&mut self, workload: &Id<Workload>) -> Vec<Effect> {
        let waits = |member: &&mut Member| member.key.is_none() && member.workload == *workload;
        if !self.operations.batches.iter_mut().any(|batch| batch.members.iter_mut().any(|member| waits(&member))) {
            return Vec::new();
        }
        let Some((key, effects)) = self.begin_procedure(workload) else { return Vec::new() };
        for member in self.operations.batches.iter_mut().flat_map(|batch| &mut batch.members).filter(waits) {
            member.key = Some(key);
        }
        effects
    }

    /// What must be typed for all of them.
    pub fn batch_demand(&self, batch: &Batch) -> Demand {
        self.policy(&batch.environment).demand(Verb::RollBack, batch.environment.raw())
    }

    /// A wish to a batch on screen.
    pub(in crate::app::operations) fn batch_wish(&mut self, key: OperationKey, action: Action) -> Option<Vec<Effect>> {
        let layer = self.operations.layer(key);
        let batch = self.operations.batch_mut(key)?;
        let last = batch.members.len().saturating_sub(1);
        match (layer, action) {
            (Layer::Confirm, Action::Enter) => return Some(self.confirm_batch(key)),
            (Layer::Confirm, Action::Escape | Action::Back) => {
                batch.confirming = None;
                batch.stand = Together::Planned;
            }
            (Layer::Confirm, Action::NextPanel | Action::PrevPanel) => {
                if let Some(line) = &mut batch.confirming {
                    line.on_reason = !line.on_reason;
                }
            }
            (Layer::Confirm, _) => return None,
            (_, Action::Up) => batch.at = batch.at.saturating_sub(1),
            (_, Action::Down) => batch.at = (batch.at + 1).min(last),
            (_, Action::Describe) => match batch.members.get(batch.at).and_then(|member| member.key) {
                Some(member) => self.show_operation(member),
                None => self.complain("its plan is being made"),
            },
            (Layer::Plan, Action::Mark) => {
                if let Some(member) = batch.members.get_mut(batch.at) {
                    member.taken = !member.taken;
                }
            }
            (Layer::Plan, Action::Enter) => self.open_batch_confirm(key),
            (Layer::Plan | Layer::Verdict, Action::Escape | Action::Back) | (Layer::Verdict, Action::Enter) => self.close_batch(key),
            (Layer::UnderWay, Action::Escape | Action::Back) => {
                self.screens.pop();
                self.say("it goes on in the background; B lists it");
            }
            (Layer::UnderWay, Action::Stop) => self.halt(key),
            _ => return None,
        }
        Some(Vec::new())
    }

    /// Leaves a batch: what was not sent is forgotten.
    fn close_batch(&mut self, key: OperationKey) {
        self.screens.pop();
        let Some(batch) = self.operations.batch(key) else { return };
        let members: Vec<OperationKey> = batch.members.iter().filter_map(|member| member.key).collect();
        members.into_iter().for_each(|member| self.operations.forget(member));
        self.operations.batches.retain(|batch| batch.key != key);
    }

    /// No other one begins; what is at work goes on.
    fn halt(&mut self, key: OperationKey) {
        let Some(batch) = self.operations.batch_mut(key) else { return };
        let left = batch.to_come();
        let Together::Working { halted, .. } = &mut batch.stand else { return };
        if left == 0 {
            return self.say("it is the last one, and nothing calls it back");
        }
        *halted = true;
        self.say(crate::clean!("no other one begins, {left} after it stay as they are; the one at work goes on"));
    }

    fn open_batch_confirm(&mut self, key: OperationKey) {
        let Some(batch) = self.operations.batch(key) else { return };
        if let Some(closed) = self.forbids(&batch.environment, Verb::RollBack) {
            return self.complain(closed);
        }
        if let Some((at, barred)) = self.operations.bars(batch) {
            let words = crate::clean!("{}: {}; space leaves it out", batch.name(at), barred_words(&barred));
            self.early(key, &barred);
            return self.complain(words);
        }
        let reason = batch.taken().find_map(|(_, member)| {
            let running = self.operations.of_member(member)?;
            Some(crate::rollback::reason(&running.procedure)).filter(|reason| !reason.is_empty())
        });
        let dialog = self.dialog();
        self.operations.fix(key);
        if let Some(batch) = self.operations.batch_mut(key) {
            batch.confirming = Some(Confirming::new(&reason.unwrap_or_default(), dialog));
            batch.stand = Together::Confirming;
        }
    }

    /// Confirms all of them without a screen: what was typed there comes as arguments.
    pub fn confirm_batch_headless(&mut self, key: OperationKey, word: &str, reason: &str) -> Result<Vec<Effect>, Clean> {
        let batch = self.operations.batch(key).ok_or_else(|| Clean::from_static("there is no such plan"))?;
        if let Some(closed) = self.forbids(&batch.environment, Verb::RollBack) {
            return Err(closed);
        }
        if let Some((at, barred)) = self.operations.bars(batch) {
            return Err(crate::clean!("{}: {}", batch.name(at), barred_words(&barred)));
        }
        let demand = self.batch_demand(batch);
        let first = demand.confirm(word, reason, false).map_err(|why| not_confirmed(why, &demand))?;
        self.operations.fix(key);
        Ok(self.begin_batch(key, first, || demand.confirm(word, reason, false).ok()))
    }

    /// Enter on the confirm line: what was typed once holds for each of them.
    fn confirm_batch(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(batch) = self.operations.batch(key) else { return Vec::new() };
        let demand = self.batch_demand(batch);
        let Some(line) = self.operations.line(key) else { return Vec::new() };
        match line.enter(&demand, false) {
            Entered::Nothing => Vec::new(),
            Entered::Not(why) => {
                self.complain(not_confirmed(why, &demand));
                Vec::new()
            }
            Entered::Yes(first) => {
                let (word, reason) = (line.word.text().to_owned(), line.reason.text().to_owned());
                self.begin_batch(key, first, || demand.confirm(&word, &reason, false).ok())
            }
        }
    }

    fn begin_batch(&mut self, key: OperationKey, first: Confirmation, more: impl Fn() -> Option<Confirmation>) -> Vec<Effect> {
        let Some(batch) = self.operations.batch_mut(key) else { return Vec::new() };
        batch.reason = first.reason().clone();
        let count = batch.taken().count();
        let confirmations: VecDeque<Confirmation> = std::iter::once(first).chain((1..count).filter_map(|_| more())).collect();
        let Some(at) = batch.taken().next().map(|(at, _)| at) else { return Vec::new() };
        batch.confirming = None;
        batch.stand = Together::Working { at, sent: false, confirmations, halted: false };
        batch.at = at;
        self.environments.marks.clear();
        self.attend_batch(key)
    }

    /// Goes on with the batches whose turn it is.
    pub(in crate::app::operations) fn attend_batches(&mut self) -> Vec<Effect> {
        let working = |batch: &&Batch| matches!(batch.stand, Together::Working { .. });
        let keys: Vec<OperationKey> = self.operations.batches.iter().filter(working).map(|batch| batch.key).collect();
        keys.into_iter().flat_map(|key| self.attend_batch(key)).collect()
    }

    fn attend_batch(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(batch) = self.operations.batch(key) else { return Vec::new() };
        let Together::Working { at, sent, .. } = batch.stand else { return Vec::new() };
        let Some(member) = batch.members.get(at) else { return Vec::new() };
        let Some(running) = self.operations.of_member(member) else {
            return self.stop_batch(key, Clean::from_static("its plan is gone"));
        };
        match (&running.procedure.state, sent) {
            (State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. }, _) | (State::Gathering(_), false) => Vec::new(),
            (State::Planned(plan), false) if matches!(plan.checks, Checks::Running { .. }) => Vec::new(),
            (State::Planned(_), false) => self.send_member(key),
            (State::Done { run, verdict, .. }, _) if goes_on(verdict, run) => self.next_member(key),
            (State::Done { verdict, .. }, _) => {
                let why = verdict.why().map(|why| crate::clean!(": {why}")).unwrap_or_default();
                self.stop_batch(key, crate::clean!("{}{why}", verdict.word()))
            }
            (State::Closed { why }, _) => self.stop_batch(key, why.clone()),
            (State::Gathering(gathering), true) => self.stop_batch(key, gathering.note.clone().unwrap_or_else(|| Clean::from_static("it is another one now"))),
            (State::Confirming { confirm: Confirm::Again { why }, .. }, _) => self.stop_batch(key, crate::clean!("nothing was carried out: {why}")),
            (State::Planned(_) | State::Confirming { .. }, _) => self.stop_batch(key, Clean::from_static("nothing was carried out")),
        }
    }

    /// Hands the request of the member out whose turn it is, if it still is what was confirmed and nothing bars it by now.
    fn send_member(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(batch) = self.operations.batch(key) else { return Vec::new() };
        let Together::Working { at, .. } = batch.stand else { return Vec::new() };
        let (member, environment) = (&batch.members[at], &batch.environment);
        let Some(running) = self.operations.of_member(member) else { return Vec::new() };
        let now = running.aim();
        if now.is_none() || now != member.confirmed {
            return self.stop_batch(key, Clean::from_static("it is not any more what was confirmed: another revision came meanwhile"));
        }
        if let Some(closed) = self.policy(environment).closed(Verb::RollBack, self.now.wall) {
            let why = crate::clean!("{environment} is {} again: {}", closed.word(), closed.remedy());
            return self.stop_batch(key, why);
        }
        if let Some(barred) = self.operations.barred_member(member) {
            return self.stop_batch(key, barred_words(&barred));
        }
        let (member, reason) = (member.key, batch.reason.clone());
        let Some(batch) = self.operations.batch_mut(key) else { return Vec::new() };
        let Together::Working { sent, confirmations, .. } = &mut batch.stand else { return Vec::new() };
        let (Some(member), Some(confirmation)) = (member, confirmations.pop_front()) else { return Vec::new() };
        *sent = true;
        let Some(running) = self.operations.get_mut(member) else { return Vec::new() };
        running.reason = reason;
        match running.procedure.open_confirm() {
            Ok(()) => self.send(member, confirmation),
            Err(barred) => self.stop_batch(key, barred_words(&barred)),
        }
    }

    /// The one at work has helped: has the next one checked once more, or ends.
    fn next_member(&mut self, key: OperationKey) -> Vec<Effect> {
        let steady = self.steady();
        let Some(batch) = self.operations.batch_mut(key) else { return Vec::new() };
        let next = batch.taken().map(|(at, member)| (at, member.key)).find(|(place, _)| matches!(batch.stand, Together::Working { at, .. } if *place > at));
        let Some((next, member)) = next else {
            batch.stand = Together::Over { stopped: None };
            let words = crate::clean!("{}: all of them are over", batch.title());
            self.say(words.clone());
            return vec![Effect::Notify(words)];
        };
        let Together::Working { at, sent, halted, .. } = &mut batch.stand else { return Vec::new() };
        (*at, *sent, batch.at) = (next, false, next);
        if *halted {
            return self.stop_batch(key, Clean::from_static("it was not to begin any more"));
        }
        let member = member.and_then(|member| self.operations.get_mut(member));
        let Some((member, wants)) = member.map(|running| (running.key, running.procedure.check_again(steady))) else { return Vec::new() };
        self.carry_wants(member, wants)
    }

    fn stop_batch(&mut self, key: OperationKey, why: Clean) -> Vec<Effect> {
        let Some(batch) = self.operations.batch_mut(key) else { return Vec::new() };
        let Together::Working { at, .. } = batch.stand else { return Vec::new() };
        let left = batch.to_come();
        let (name, member) = batch.members.get(at).map(|member| (member.service.clone(), member.key)).unwrap_or_default();
        batch.stand = Together::Over { stopped: Some((at, why.clone())) };
        batch.at = at;
        // What would be sent again by one Enter is a plan again: that Enter belongs to a plan of its own.
        if let Some(running) = member.and_then(|member| self.operations.get_mut(member)) {
            running.procedure.close_confirm();
            running.confirming = None;
        }
        let after = if left == 0 { Clean::EMPTY } else { crate::clean!("; {left} after it were not begun") };
        let words = crate::clean!("the rollbacks stopped at {name}: {why}{after}");
        self.complain(words.clone());
        vec![Effect::Notify(words)]
    }
}
