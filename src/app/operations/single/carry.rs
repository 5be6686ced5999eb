//! From the wish to the effects: what such a change wants of the world, and what the world answers.

use super::{End, Single, Stand, Thing, Want};
use crate::{
    app::{
        App, Effect, Intended, OperationKey, Record, Screen, Tone,
        operations::{
            confirm::Entered,
            words::{barred_words, not_confirmed},
        },
        tasks::Purpose,
    },
    domain::{Answer, Check, Id, Stage, TaskId, Verb, Why, Workload},
    gate::{Confirmation, Demand},
    keys::{Action, Layer},
    store::words,
    text::{Clean, Name},
};

impl App {
    /// Opens the plan of a restart, a pause, another number: nothing on it executes.
    pub fn open_single(&mut self, verb: Verb, workload: &Id<Workload>, wanted: Option<u32>) -> Vec<Effect> {
        let (Some(row), Some(joined)) = (self.store.workload(workload).cloned(), self.store.joined(workload).cloned()) else {
            self.complain("this workload is gone");
            return Vec::new();
        };
        self.open_thing(verb, Thing::Workload(Box::new(row)), (joined.service, joined.environment.name), wanted)
    }

    /// Opens the plan of a change. One that is open already is shown again.
    pub(super) fn open_thing(&mut self, verb: Verb, thing: Thing, place: (Name, Name), wanted: Option<u32>) -> Vec<Effect> {
        let id = thing.id();
        let open = |single: &&mut Single| single.thing.id() == id && single.verb == verb && !single.over();
        if let Some(single) = self.operations.singles.iter_mut().find(open) {
            let key = single.key;
            if matches!(single.stand, Stand::Planned(_)) && wanted.is_some() {
                single.wanted = wanted;
            }
            self.show_operation(key);
            return self.again_single(key);
        }
        let (key, id) = (OperationKey(self.number()), self.op());
        let (by, timing, now) = (self.start.user.clone(), self.timing(), self.steady());
        self.operations.singles.push(Single::begin(key, (verb, wanted), thing, place, (id, by), timing, now));
        self.show_operation(key);
        self.carry_single(key, vec![Want::Read])
    }

    fn carry_single(&mut self, key: OperationKey, wants: Vec<Want>) -> Vec<Effect> {
        wants.into_iter().filter_map(|want| self.carry_one(key, want)).collect()
    }

    fn carry_one(&mut self, key: OperationKey, want: Want) -> Option<Effect> {
        let id = self.operations.single(key)?.thing.id();
        match want {
            Want::Read => {
                let question = self.operations.single(key)?.question();
                let (task, effect) = self.ask(Purpose::Operation(key), id.source(), question);
                self.operations.single_mut(key)?.asked = Some(task);
                Some(effect)
            }
            Want::Prepare(round, operation) => {
                let task = self.task();
                self.operations.single_mut(key)?.preparing = Some((task, round));
                self.tasks.expect(task, Purpose::Operation(key));
                Some(Effect::Prepare { task, source: id.source(), operation: *operation })
            }
            Want::Act(operation) => {
                let task = self.task();
                let single = self.operations.single(key)?;
                let (policy, intended) = (self.policy(&single.environment), Box::new(self.single_intended(single)));
                let single = self.operations.single_mut(key)?;
                let confirmation = single.confirmation.take()?;
                single.acting = Some((task, operation.id.clone()));
                self.tasks.expect(task, Purpose::Operation(key));
                Some(Effect::Act { task, source: id.source(), operation, confirmation, policy, intended, at: self.now.wall })
            }
        }
    }

    /// What the journal keeps of it.
    fn single_intended(&self, single: &Single) -> Intended {
        Intended {
            plan: crate::clean!("{}: {}{}", single.title(), single.deed(), single.with(usize::MAX)),
            environment: single.environment.clone(),
            tier: self.policy(&single.environment).tier,
            service: single.service.clone(),
            running: None,
            images: Vec::new(),
            command: single.form().and_then(|form| form.command.clone()).unwrap_or_default(),
            before: None,
        }
    }

    pub(in crate::app::operations) fn single_answered(&mut self, key: OperationKey, task: TaskId, answer: Result<Box<Answer>, Why>) -> Vec<Effect> {
        let steady = self.steady();
        let Some(single) = self.operations.single_mut(key).filter(|single| single.asked == Some(task)) else { return Vec::new() };
        single.asked = None;
        let wants = single.answered(answer.map(|answer| *answer), steady);
        self.reopen_line(key);
        self.carry_single(key, wants)
    }

    pub(in crate::app::operations) fn single_checked(&mut self, task: TaskId, check: Option<Result<Check, Why>>) {
        let waits = |single: &&mut Single| single.preparing.is_some_and(|(waiting, _)| waiting == task);
        let Some(single) = self.operations.singles.iter_mut().find(waits) else { return };
        if let Some((_, round)) = single.preparing {
            single.checked(round, check);
        }
    }

    fn acting_single(&mut self, task: TaskId) -> Option<&mut Single> {
        self.operations.singles.iter_mut().find(|single| single.acting.as_ref().is_some_and(|(waiting, _)| *waiting == task))
    }

    pub(in crate::app::operations) fn single_recorded(&mut self, task: TaskId, written: Result<u64, Clean>) {
        let Some(single) = self.acting_single(task) else { return };
        match written {
            Ok(entry) => single.entry = Some(entry),
            Err(why) => single.withheld(&why),
        }
    }

    pub(in crate::app::operations) fn single_staged(&mut self, task: TaskId, stage: Stage) -> Vec<Effect> {
        let steady = self.steady();
        let Some(single) = self.acting_single(task) else { return Vec::new() };
        let key = single.key;
        let wants = single.staged(stage, steady);
        self.reopen_line(key);
        self.carry_single(key, wants)
    }

    /// Where it is back on the confirm line, nothing was carried out: it must be seen before one Enter sends it again.
    fn reopen_line(&mut self, key: OperationKey) {
        let closed = |single: &Single| matches!(single.stand, Stand::Confirming { .. }) && single.confirming.is_none();
        if self.operations.single(key).is_some_and(closed) {
            self.open_single_line(key);
        }
    }

    fn open_single_line(&mut self, key: OperationKey) {
        let dialog = self.dialog();
        let Some(single) = self.operations.single_mut(key) else { return };
        single.confirmation = None;
        single.confirming = Some(crate::app::Confirming::new(&single.reason, dialog));
    }

    /// A wish to such a change on screen.
    pub(in crate::app::operations) fn single_wish(&mut self, key: OperationKey, action: Action) -> Option<Vec<Effect>> {
        let (layer, steady) = (self.operations.layer(key), self.steady());
        let single = self.operations.single_mut(key)?;
        if let Some(wants) = single.write(action, steady) {
            return Some(self.carry_single(key, wants));
        }
        let wants = match (layer, action) {
            (Layer::Plan, Action::TabLeft | Action::TabRight) if single.verb == Verb::Scale => single.resize(action == Action::TabRight, steady),
            (Layer::Plan, Action::Enter) => {
                self.confirm_line_of(key);
                Vec::new()
            }
            (Layer::Confirm, Action::Enter) => return Some(self.confirm_single(key)),
            (Layer::Confirm, Action::Escape | Action::Back) => {
                single.close_confirm();
                Vec::new()
            }
            (Layer::Confirm, Action::NextPanel | Action::PrevPanel) => {
                if let Some(line) = &mut single.confirming {
                    line.on_reason = !line.on_reason;
                }
                Vec::new()
            }
            (Layer::Plan | Layer::Verdict, Action::Escape | Action::Back) | (Layer::Verdict, Action::Enter) => {
                self.screens.pop();
                self.operations.singles.retain(|single| single.key != key);
                Vec::new()
            }
            (Layer::UnderWay, Action::Escape | Action::Back) => {
                self.screens.pop();
                self.say("it goes on in the background; B lists it");
                Vec::new()
            }
            _ => return None,
        };
        Some(self.carry_single(key, wants))
    }

    /// Enter on the plan: opens the confirm line at its foot, unless something is in the way.
    fn confirm_line_of(&mut self, key: OperationKey) {
        let Some(single) = self.operations.single(key) else { return };
        if let Some(closed) = self.forbids(&single.environment, single.verb) {
            return self.complain(closed);
        }
        match self.operations.single_mut(key).map(Single::open_confirm) {
            Some(Ok(())) => self.open_single_line(key),
            Some(Err(barred)) => self.bar(key, &barred),
            None => {}
        }
    }

    /// Enter on the confirm line: once it was painted and says what is demanded, the one request is handed out.
    fn confirm_single(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(demand) = self.operations.single(key).map(|single| single.demand(self)) else { return Vec::new() };
        let entered = self.operations.line(key).map(|line| line.enter(&demand, false));
        match entered {
            Some(Entered::Yes(confirmation)) => self.send_single(key, confirmation),
            Some(Entered::Not(why)) => {
                self.complain(not_confirmed(why, &demand));
                Vec::new()
            }
            Some(Entered::Nothing) | None => Vec::new(),
        }
    }

    /// Confirms without a screen: what was typed there comes as arguments.
    pub fn confirm_single_headless(&mut self, key: OperationKey, word: &str, reason: &str) -> Result<Vec<Effect>, Clean> {
        let gone = || Clean::from_static("there is no such plan");
        let single = self.operations.single(key).ok_or_else(gone)?;
        if let Some(closed) = self.forbids(&single.environment, single.verb) {
            return Err(closed);
        }
        self.operations.single_mut(key).ok_or_else(gone)?.open_confirm().map_err(|barred| barred_words(&barred))?;
        let demand = self.operations.single(key).ok_or_else(gone)?.demand(self);
        let confirmation = demand.confirm(word, reason, false).map_err(|why| not_confirmed(why, &demand))?;
        Ok(self.send_single(key, confirmation))
    }

    fn send_single(&mut self, key: OperationKey, confirmation: Confirmation) -> Vec<Effect> {
        let (id, steady) = (self.op(), self.steady());
        let Some(single) = self.operations.single_mut(key) else { return Vec::new() };
        let reason = confirmation.reason().clone();
        single.reason = reason.clone();
        single.confirmation = Some(confirmation);
        single.confirming = None;
        let wants = single.confirmed(id, reason, steady);
        self.carry_single(key, wants)
    }

    /// Makes the checks again, as after an environment was opened.
    pub(in crate::app::operations) fn again_single(&mut self, key: OperationKey) -> Vec<Effect> {
        let steady = self.steady();
        let wants = self.operations.single_mut(key).map(|single| single.again(steady)).unwrap_or_default();
        self.carry_single(key, wants)
    }

    /// Tells every one of them the time; says what ended.
    pub(in crate::app::operations) fn attend_singles(&mut self) -> Vec<Effect> {
        let steady = self.steady();
        let mut effects = Vec::new();
        let keys: Vec<OperationKey> = self.operations.singles.iter().map(|single| single.key).collect();
        for key in keys {
            let wants = self.operations.single_mut(key).map(|single| single.tick(steady)).unwrap_or_default();
            self.reopen_line(key);
            effects.extend(self.carry_single(key, wants));
            effects.extend(self.tell_end(key));
        }
        effects
    }

    /// Writes down how it ended, and rings where nobody looks at it, once.
    fn tell_end(&mut self, key: OperationKey) -> Vec<Effect> {
        let shown = matches!(self.screens.last(), Some(Screen::Operation(top)) if *top == key);
        let Some(single) = self.operations.single_mut(key) else { return Vec::new() };
        let Stand::Done { course, end, at } = &single.stand else { return Vec::new() };
        if std::mem::replace(&mut single.told, true) {
            return Vec::new();
        }
        let words = crate::clean!("{}: {}", single.title(), single.outcome(end, &words::took(course.took(*at))));
        let note = crate::clean!("op {} {words}", course.id);
        let tone = if *end == End::Complete { Tone::Plain } else { Tone::Bad };
        let changed = single.above().then(|| single.thing.id());
        self.notices.say(tone, words.clone(), self.now);
        let ring = (!shown).then_some(Effect::Notify(words));
        let again = changed.map(|workload| self.check_plans_again(&workload)).unwrap_or_default();
        [Effect::Record(Record::Note(note))].into_iter().chain(ring).chain(again).collect()
    }
}

impl Single {
    /// What must be typed now.
    pub fn demand(&self, app: &App) -> Demand {
        match &self.stand {
            Stand::Confirming { again: Some(_), .. } => Demand::Enter,
            _ => app.policy(&self.environment).demand(self.verb, self.service.raw()),
        }
    }
}
