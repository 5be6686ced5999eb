//! Changes under way: each is a procedure, with the line in which it is confirmed and the answers it waits for.

use super::{App, Dialog, DialogId, Effect, Intended, OpenOperation, OperationKey, Record, Screen, Tone, tasks::Purpose};
use crate::{
    domain::{Answer, Check, Feed, Id, OpId, Question, RevisionRef, SourceId, Stage, TaskId, Verb, Why, Workload},
    gate::{Confirmation, Demand, NotConfirmed},
    keys::{Action, Layer},
    rollback::{self, Ask, Barred, Case, Confirm, Observed, Procedure, State, Timing, Want, Who},
    store::words,
    text::{Clean, Name, Raw},
    widgets::{Edit, Field, Part, hint},
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
    pub(super) fn edit(&mut self, key: OperationKey, edit: Edit) {
        if let Some(line) = self.line(key) {
            if line.on_reason {
                line.reason.edit(edit)
            } else {
                line.word.edit(edit)
            };
        }
    }

    /// Pasted text goes into a reason, never into the word that confirms.
    pub(super) fn paste(&mut self, key: OperationKey, text: &str) -> bool {
        match self.line(key) {
            Some(line) if line.on_reason => {
                line.reason.paste(text);
                true
            }
            Some(_) | None => false,
        }
    }

    pub(super) fn painted(&mut self, dialog: DialogId) {
        for line in self.running.iter_mut().filter_map(|running| running.confirming.as_mut()) {
            line.dialog.painted(dialog);
        }
    }

    /// The dialog of a procedure's confirm line, as long as nobody can have seen it.
    pub(super) fn unseen(&self, key: OperationKey) -> Option<DialogId> {
        self.get(key).and_then(|running| running.confirming.as_ref()).and_then(|line| line.dialog.unseen())
    }

    /// What would be lost sight of by leaving now, in words.
    pub fn under_way(&self) -> Vec<Clean> {
        self.running.iter().filter(|running| running.procedure.under_way_now()).map(|running| running.procedure.case.title()).collect()
    }

    /// The feeds that procedures must have.
    pub(super) fn wanted(&self) -> BTreeSet<(SourceId, Feed)> {
        self.running.iter().flat_map(|running| running.procedure.feeds()).collect()
    }

    /// Whether something counts seconds.
    pub fn ticking(&self) -> bool {
        self.running.iter().any(|running| running.procedure.under_way_now() || matches!(running.procedure.state, State::Gathering(_)))
    }

    /// What runs in the background and what was left open: an identity and a line each.
    pub fn lines(&self, app: &App) -> Vec<(String, Clean)> {
        let open = |key| app.screens.iter().any(|screen| matches!(screen, Screen::Operation(shown) if *shown == key));
        let mut lines: Vec<(String, Clean)> =
            self.running.iter().filter(|running| !open(running.key)).map(|running| (format!("run-{}", running.key.0), running.line(app))).collect();
        lines.extend(self.open.iter().map(|left| {
            let whose = left
                .alive
                .as_ref()
                .map_or_else(|| Clean::from_static("left behind; Enter reads what became of it"), |alive| crate::clean!("under way at {alive}"));
            (format!("open-{}", left.operation), crate::clean!("! {}  begun {} ago, {whose}", left.title, words::long(words::since(left.since, app.now.wall))))
        }));
        lines
    }

    /// The keys of a procedure, as its state has them.
    pub fn hints(&self, app: &App, key: OperationKey) -> Vec<Part> {
        let layer = self.layer(key);
        let name = |action| crate::clean!("{}", app.start.keymap.key(layer, action).unwrap_or_default());
        let of = |actions: &[(Action, &'static str)]| {
            actions.iter().enumerate().map(|(at, (action, words))| hint(u8::try_from(at).unwrap_or(90) + 1, name(*action), Clean::from_static(words))).collect()
        };
        match layer {
            Layer::Plan => of(&[
                (Action::Enter, "confirm…"),
                (Action::Escape, "leave, nothing done"),
                (Action::TabLeft, "older"),
                (Action::TabRight, "newer"),
                (Action::Describe, "difference"),
                (Action::OpenLock, "open"),
            ]),
            Layer::Confirm => of(&[(Action::Enter, "do it"), (Action::Escape, "no"), (Action::NextPanel, "next field")]),
            Layer::UnderWay => of(&[
                (Action::Logs, "logs"),
                (Action::Explain, "explain"),
                (Action::Describe, "difference"),
                (Action::CopyView, "copy as text"),
                (Action::Escape, "background"),
            ]),
            _ => of(&[(Action::Enter, "done"), (Action::CopyView, "copy as text"), (Action::History, "history"), (Action::Background, "still open")]),
        }
    }

    /// When a procedure wants to be told the time.
    pub(super) fn next_wake(&self, now: super::Now) -> Option<Duration> {
        let wake = self.running.iter().filter_map(|running| running.procedure.wake(now.wall)).min()?;
        Some(now.mono + wake.duration_since(now.wall).max(SignedDuration::ZERO).unsigned_abs())
    }
}

impl Running {
    /// `↻ cart in production 5/6 0:41`.
    fn line(&self, app: &App) -> Clean {
        let title = self.procedure.case.title();
        match &self.procedure.state {
            State::UnderWay { run, .. } => {
                crate::clean!("↻ {title}  {}/{}  {}", run.view.ready, run.view.wanted, words::clock(app.steady().duration_since(run.began)))
            }
            State::Sending { .. } | State::Unclear { .. } => crate::clean!("↻ {title}  sent, waiting for the answer"),
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } => crate::clean!("· {title}  planned, nothing sent"),
            State::Done { verdict, .. } => crate::clean!("{title}  {}", verdict.word()),
            State::Closed { why } => crate::clean!("{title}  {why}"),
        }
    }

    /// What must be typed now.
    pub fn demand(&self, app: &App) -> Demand {
        match &self.procedure.state {
            State::Confirming { confirm: Confirm::Again { .. }, .. } => Demand::Enter,
            _ => app.policy(&self.environment).demand(Verb::RollBack, self.service.raw()),
        }
    }

    /// Whether the typed override is demanded on top.
    pub fn undo_of_undo(&self) -> bool {
        matches!(self.procedure.state, State::Confirming { confirm: Confirm::ByPolicy { undo_of_undo: true }, .. })
    }
}

impl App {
    /// The wall's time at the start and what the monotonic clock counted since: it never jumps.
    pub fn steady(&self) -> Timestamp {
        let passed = self.now.mono.saturating_sub(self.start.now.mono);
        self.start.now.wall + SignedDuration::try_from(passed).unwrap_or(SignedDuration::ZERO)
    }

    fn timing(&self) -> Timing {
        Timing { limits: self.start.limits, min_requests: self.start.min_requests, ..Timing::default() }
    }

    /// Opens the plan of a rollback: nothing on it executes. One that is open already is shown again.
    pub fn open_plan(&mut self, workload: &Id<Workload>) -> Vec<Effect> {
        let alive = |running: &&Running| {
            running.procedure.case.workload.id == *workload && !matches!(running.procedure.state, State::Done { .. } | State::Closed { .. })
        };
        if let Some(key) = self.operations.running.iter().find(alive).map(|running| running.key) {
            self.show_operation(key);
            return Vec::new();
        }
        self.waiting = Some(workload.clone());
        vec![Effect::Remember(workload.clone())]
    }

    /// Begins once the journal has said what it remembers.
    fn begin_plan(&mut self, workload: &Id<Workload>) -> Vec<Effect> {
        let (steady, timing) = (self.steady(), self.timing());
        let (Some(case), Some(joined)) = (Case::of(&self.store, workload, &timing, steady), self.store.joined(workload).cloned()) else {
            self.complain("this workload is gone");
            return Vec::new();
        };
        let records = self.records.get(workload.as_str()).cloned().unwrap_or_default();
        let id = self.op();
        let (procedure, wants) = Procedure::begin(case, &self.store.revisions_of(workload), records, (id, self.start.user.clone()), timing, steady);
        let key = OperationKey(self.number());
        self.operations.running.push(Running {
            key,
            procedure,
            service: joined.service,
            environment: joined.environment.name,
            confirming: None,
            difference: false,
            offset: 0,
            reason: Clean::EMPTY,
            entry: None,
            asked: BTreeMap::new(),
            preparing: None,
            acting: None,
            confirmation: None,
            told: false,
        });
        self.show_operation(key);
        self.carry_wants(key, wants)
    }

    fn show_operation(&mut self, key: OperationKey) {
        self.screens.retain(|screen| !matches!(screen, Screen::Operation(shown) if *shown == key));
        self.screens.push(Screen::Operation(key));
    }

    fn op(&mut self) -> OpId {
        let count = self.number();
        OpId::new(&self.start.session, count)
    }

    /// Turns what a procedure wants into effects.
    fn carry_wants(&mut self, key: OperationKey, wants: Vec<Want>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for want in wants {
            match want {
                Want::Ask(ask) => effects.extend(self.put_question(key, ask)),
                Want::Prepare { round, operation } => {
                    let (task, source) = (self.task(), operation.subject.source());
                    if let Some(running) = self.operations.get_mut(key) {
                        running.preparing = Some((task, round));
                    }
                    self.tasks.expect(task, Purpose::Operation(key));
                    effects.push(Effect::Prepare { task, source, operation: *operation });
                }
                Want::Act(operation) => {
                    let (task, source) = (self.task(), operation.subject.source());
                    let held = self.operations.get(key).map(|running| (self.policy(&running.environment), self.intended(running)));
                    let Some((running, (policy, intended))) = self.operations.get_mut(key).zip(held) else { continue };
                    let Some(confirmation) = running.confirmation.take() else { continue };
                    running.acting = Some((task, operation.id.clone()));
                    self.tasks.expect(task, Purpose::Operation(key));
                    effects.push(Effect::Act { task, source, operation, confirmation, policy, intended: Box::new(intended) });
                }
            }
        }
        effects
    }

    /// What the journal keeps of a confirmed plan.
    fn intended(&self, running: &Running) -> Intended {
        let sent = match &running.procedure.state {
            State::Sending { sent, .. } => Some(sent),
            _ => None,
        };
        let plan = running.procedure.plan();
        let candidate = plan.and_then(|plan| plan.candidate());
        let to = candidate.map(|candidate| crate::clean!(" → {} {}", candidate.revision.version, candidate.revision.short())).unwrap_or_default();
        Intended {
            plan: crate::clean!("{}: {}{to}", running.procedure.case.title(), running.procedure.case.version()),
            environment: running.environment.clone(),
            tier: self.policy(&running.environment).tier,
            service: running.service.clone(),
            running: sent.map(|sent| self.left_revision(running, &sent.running)),
            images: candidate.map(|candidate| candidate.revision.images.iter().map(|image| image.reference.clean().clone()).collect()).unwrap_or_default(),
            command: plan.and_then(|plan| plan.command.clone()).unwrap_or_default(),
        }
    }

    /// The revision that is left: its template is what guards against undoing the undo.
    fn left_revision(&self, running: &Running, template: &Raw) -> RevisionRef {
        let workload = &running.procedure.case.workload;
        RevisionRef { id: workload.id.cast(), number: workload.revision.unwrap_or_default(), template: template.clone(), version: workload.version.clone() }
    }

    pub(super) fn remembered(&mut self, workload: &Id<Workload>, records: Vec<rollback::Record>) -> Vec<Effect> {
        self.records.insert(workload.as_str().to_owned(), records);
        if self.waiting.take_if(|waiting| waiting == workload).is_some() { self.begin_plan(workload) } else { Vec::new() }
    }

    /// Puts a question to everybody who can answer it, and tells the procedure how many those are.
    fn put_question(&mut self, key: OperationKey, ask: Ask) -> Vec<Effect> {
        let sources: Vec<SourceId> = match &ask.who {
            Who::Source(source) => vec![source.clone()],
            Who::Offering(kind) => {
                let offers = |known: &Result<super::Known, Why>| matches!(known, Ok(super::Known::Ready(offers)) if offers.feeds.contains(kind));
                self.sources.iter().filter(|(_, known)| offers(known)).map(|(source, _)| source.clone()).collect()
            }
        };
        let mut effects = Vec::new();
        for source in &sources {
            let (task, effect) = self.ask(Purpose::Operation(key), source.clone(), ask.question.clone());
            if let Some(running) = self.operations.get_mut(key) {
                running.asked.insert(task, ask.question.clone());
            }
            effects.push(effect);
        }
        let steady = self.steady();
        let wants = self.operations.get_mut(key).map(|running| running.procedure.asked(&ask.question, sources.len(), steady)).unwrap_or_default();
        effects.extend(self.carry_wants(key, wants));
        effects
    }

    pub(super) fn operation_answered(&mut self, key: OperationKey, task: TaskId, answer: Result<Box<Answer>, Why>) -> Vec<Effect> {
        let steady = self.steady();
        let Some(running) = self.operations.get_mut(key) else { return Vec::new() };
        let Some(question) = running.asked.remove(&task) else { return Vec::new() };
        let wants = running.procedure.answered(&question, answer.map(|answer| *answer), steady);
        self.carry_wants(key, wants)
    }

    pub(super) fn checked(&mut self, task: TaskId, check: Option<Result<Check, Why>>) -> Vec<Effect> {
        let Some(running) = self.operations.running.iter_mut().find(|running| running.preparing.is_some_and(|(waiting, _)| waiting == task)) else {
            return Vec::new();
        };
        let Some((_, round)) = running.preparing else { return Vec::new() };
        match check {
            Some(Ok(check)) => running.procedure.checked(round, check),
            Some(Err(why)) => running.procedure.prepared(round, Err(why)),
            None => running.procedure.prepared(round, Ok(())),
        }
        Vec::new()
    }

    pub(super) fn recorded(&mut self, task: TaskId, written: Result<u64, Clean>) -> Vec<Effect> {
        let Some((running, op)) = self.acting(task) else { return Vec::new() };
        match written {
            Ok(entry) => running.entry = Some(entry),
            Err(why) => running.procedure.withheld(&op, why),
        }
        Vec::new()
    }

    pub(super) fn staged(&mut self, task: TaskId, stage: Stage) -> Vec<Effect> {
        let steady = self.steady();
        let Some((running, op)) = self.acting(task) else { return Vec::new() };
        let key = running.key;
        let wants = running.procedure.staged(&op, stage, steady);
        if matches!(running.procedure.state, State::Confirming { .. }) {
            self.open_line(key);
        }
        self.carry_wants(key, wants)
    }

    fn acting(&mut self, task: TaskId) -> Option<(&mut Running, OpId)> {
        self.operations.running.iter_mut().find_map(|running| match &running.acting {
            Some((waiting, op)) if *waiting == task => {
                let op = op.clone();
                Some((running, op))
            }
            Some(_) | None => None,
        })
    }

    /// Shows every procedure what is believed now, and the time; says what ended.
    pub(super) fn attend_operations(&mut self) -> Vec<Effect> {
        let steady = self.steady();
        let mut effects = self.renew_outdated(steady);
        let keys: Vec<OperationKey> = self.operations.running.iter().map(|running| running.key).collect();
        for key in keys {
            let Some(running) = self.operations.running.iter_mut().find(|running| running.key == key) else { continue };
            let mut wants = Vec::new();
            let workload = running.procedure.case.workload.id.clone();
            wants.extend(running.procedure.observed(&Observed::of(&self.store, &workload), steady));
            wants.extend(running.procedure.tick(steady));
            effects.extend(self.carry_wants(key, wants));
            effects.extend(self.tell_verdict(key));
        }
        effects
    }

    /// Plans whose workload was rolled out anew meanwhile are made anew: what they say of it is no longer so.
    fn renew_outdated(&mut self, steady: Timestamp) -> Vec<Effect> {
        let outdated = |running: &&Running| self.store.workload(&running.procedure.case.workload.id).is_some_and(|row| running.procedure.outdated(row));
        let keys: Vec<OperationKey> = self.operations.running.iter().filter(outdated).map(|running| running.key).collect();
        let mut effects = Vec::new();
        for key in keys {
            let timing = self.timing();
            let Some(running) = self.operations.running.iter_mut().find(|running| running.key == key) else { continue };
            let id = running.procedure.case.workload.id.clone();
            let Some(case) = Case::of(&self.store, &id, &timing, steady) else { continue };
            running.asked.clear();
            let wants = running.procedure.renew(case, &self.store.revisions_of(&id), steady);
            effects.extend(self.carry_wants(key, wants));
        }
        effects
    }

    /// Writes a verdict down and rings, once.
    fn tell_verdict(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(running) = self.operations.get_mut(key) else { return Vec::new() };
        let State::Done { sent, run, proofs, verdict, at } = &running.procedure.state else { return Vec::new() };
        if std::mem::replace(&mut running.told, true) {
            return Vec::new();
        }
        let took = at.duration_since(run.began).as_millis().max(0);
        let title = running.procedure.case.title();
        let record = Record::Verdict {
            operation: sent.ids.last().cloned().unwrap_or_else(|| OpId::restore("")),
            verdict: Clean::from_static(verdict.word()),
            took: u64::try_from(took).unwrap_or(u64::MAX),
            proofs: proofs.iter().map(|proof| crate::clean!("{}: {}", proof.kind.word(), proof.text)).collect(),
        };
        let words = crate::clean!("{title}: {}", verdict.word());
        let left = rollback::Record { template: sent.running.clone(), evidence: crate::domain::Evidence::RolledBackFrom { at: *at } };
        let workload = running.procedure.case.workload.id.as_str().to_owned();
        let proved = run.complete.filter(|_| matches!(verdict, rollback::Verdict::Recovered { .. })).map(|complete| Record::Observed {
            environment: running.environment.clone(),
            service: running.service.clone(),
            workload: workload.clone(),
            template: sent.goal.template.clone(),
            since: complete,
            held: at.duration_since(complete),
        });
        self.records.entry(workload).or_default().push(left);
        self.notices.say(Tone::Plain, words.clone(), self.now);
        [Some(Effect::Record(record)), proved.map(Effect::Record), Some(Effect::Notify(words))].into_iter().flatten().collect()
    }

    /// A wish to the procedure on screen.
    pub(super) fn operation_wish(&mut self, action: Action) -> Option<Vec<Effect>> {
        let Some(Screen::Operation(key)) = self.screens.last() else { return None };
        let (key, steady) = (*key, self.steady());
        let layer = self.operations.layer(key);
        let running = self.operations.get_mut(key)?;
        let wants = match (layer, action) {
            (Layer::Plan, Action::TabLeft) => running.procedure.older(steady),
            (Layer::Plan, Action::TabRight) => running.procedure.newer(steady),
            (Layer::Plan | Layer::UnderWay, Action::Describe) => {
                running.difference = !running.difference;
                Vec::new()
            }
            (Layer::Plan, Action::Enter) => {
                self.open_confirm(key);
                Vec::new()
            }
            (Layer::Confirm, Action::Enter) => return Some(self.confirm(key)),
            (Layer::Confirm, Action::Escape | Action::Back) => {
                running.procedure.close_confirm();
                running.confirming = None;
                Vec::new()
            }
            (Layer::Confirm, Action::NextPanel | Action::PrevPanel) => {
                if let Some(line) = &mut running.confirming {
                    line.on_reason = !line.on_reason;
                }
                Vec::new()
            }
            (Layer::Plan | Layer::Verdict, Action::Escape | Action::Back) | (Layer::Verdict, Action::Enter) => {
                self.screens.pop();
                self.operations.running.retain(|running| running.key != key);
                Vec::new()
            }
            (Layer::UnderWay, Action::Escape | Action::Back) => {
                self.screens.pop();
                self.say("it goes on in the background; B lists it");
                Vec::new()
            }
            (Layer::Verdict, Action::TabLeft) => return Some(self.older_than_this(key)),
            _ => return None,
        };
        Some(self.carry_wants(key, wants))
    }

    /// `[` on a verdict: another plan for the same workload. What was just rolled back from is not proposed again.
    fn older_than_this(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(workload) = self.operations.get(key).map(|running| running.procedure.case.workload.id.clone()) else { return Vec::new() };
        self.screens.pop();
        self.operations.running.retain(|running| running.key != key);
        self.open_plan(&workload)
    }

    /// Enter on the plan: opens the confirm line at its foot, unless something is in the way.
    fn open_confirm(&mut self, key: OperationKey) {
        let Some(running) = self.operations.get(key) else { return };
        let (environment, policy) = (running.environment.clone(), self.policy(&running.environment));
        if let Some(closed) = policy.closed(Verb::RollBack, self.now.wall) {
            return self.complain(crate::clean!("{environment} is {}: {}", closed.word(), closed.remedy()));
        }
        let opened = self.operations.get_mut(key).map(|running| running.procedure.open_confirm());
        match opened {
            Some(Ok(())) => self.open_line(key),
            Some(Err(barred)) => self.complain(barred_words(&barred)),
            None => {}
        }
    }

    /// Opens the confirm line; its reason is filled in from the alert.
    fn open_line(&mut self, key: OperationKey) {
        let dialog = self.dialog();
        let Some(running) = self.operations.get_mut(key) else { return };
        running.confirmation = None;
        let reason = if running.reason.is_empty() { rollback::reason(&running.procedure) } else { running.reason.clone() };
        running.confirming = Some(Confirming { word: Field::default(), reason: Field::holding(&reason), on_reason: false, dialog });
    }

    /// Enter on the confirm line: once it was painted and says what is demanded, the one request is handed out.
    fn confirm(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(running) = self.operations.get(key) else { return Vec::new() };
        let Some(line) = running.confirming.clone().filter(|line| line.dialog.seen()) else { return Vec::new() };
        let demand = running.demand(self);
        if let Demand::NameAndReason(name) = &demand
            && !running.undo_of_undo()
            && !line.on_reason
            && line.word.text().trim() == name
            && line.reason.is_empty()
        {
            if let Some(line) = self.operations.line(key) {
                line.on_reason = true;
            }
            return Vec::new();
        }
        match demand.confirm(line.word.text(), line.reason.text(), running.undo_of_undo()) {
            Err(why) => {
                self.complain(not_confirmed(why, &demand));
                Vec::new()
            }
            Ok(confirmation) => self.send(key, confirmation),
        }
    }

    /// Confirmed: from here on there is one request.
    fn send(&mut self, key: OperationKey, confirmation: Confirmation) -> Vec<Effect> {
        let (id, by, steady) = (self.op(), self.start.user.clone(), self.steady());
        let Some(running) = self.operations.get_mut(key) else { return Vec::new() };
        let reason = confirmation.reason().clone();
        running.reason = reason.clone();
        running.confirmation = Some(confirmation);
        running.confirming = None;
        let wants = running.procedure.confirmed(id, reason, by, steady);
        self.carry_wants(key, wants)
    }

    /// Selects the revision of that number as the target, for the faces that have no screen.
    pub fn aim_plan(&mut self, key: OperationKey, number: u64) -> Result<Vec<Effect>, Clean> {
        let steady = self.steady();
        let Some(running) = self.operations.get_mut(key) else { return Err(Clean::from_static("there is no such plan")) };
        let Some(plan) = running.procedure.plan() else { return Err(Clean::from_static("there is no plan")) };
        let Some(wanted) = plan.target.candidates.iter().position(|candidate| candidate.revision.number == number) else {
            let known: Vec<String> = plan.target.candidates.iter().map(|candidate| candidate.revision.short().to_string()).collect();
            return Err(crate::clean!("there is no revision r{number} to go back to; there are {}", known.join(", ")));
        };
        let mut wants = Vec::new();
        while let Some(at) = running.procedure.plan().and_then(|plan| plan.selected.or(Some(usize::MAX)))
            && at != wanted
        {
            let step = if at == usize::MAX || at < wanted { running.procedure.older(steady) } else { running.procedure.newer(steady) };
            if step.is_empty() {
                break;
            }
            wants = step;
        }
        Ok(self.carry_wants(key, wants))
    }

    /// Shows a procedure that was made by hand.
    #[cfg(test)]
    pub(crate) fn hold(&mut self, procedure: Procedure) -> OperationKey {
        let key = OperationKey(self.number());
        let (service, environment) = (procedure.case.service.clone(), procedure.case.environment.name.clone());
        let confirming = matches!(procedure.state, State::Confirming { .. });
        self.operations.running.push(Running {
            key,
            procedure,
            service,
            environment,
            confirming: None,
            difference: false,
            offset: 0,
            reason: Clean::EMPTY,
            entry: None,
            asked: BTreeMap::new(),
            preparing: None,
            acting: None,
            confirmation: None,
            told: false,
        });
        if confirming {
            self.open_line(key);
        }
        self.show_operation(key);
        key
    }

    /// Confirms without a screen, for the faces that have none: what was typed there comes as arguments.
    pub fn confirm_headless(&mut self, key: OperationKey, word: &str, reason: &str) -> Result<Vec<Effect>, Clean> {
        let Some(running) = self.operations.get_mut(key) else { return Err(Clean::from_static("there is no such plan")) };
        running.procedure.open_confirm().map_err(|barred| barred_words(&barred))?;
        let Some(running) = self.operations.get(key) else { return Err(Clean::from_static("there is no such plan")) };
        let demand = running.demand(self);
        let confirmation = demand.confirm(word, reason, running.undo_of_undo()).map_err(|why| not_confirmed(why, &demand))?;
        Ok(self.send(key, confirmation))
    }

    /// Makes the checks again after an environment was opened.
    pub(super) fn opened_again(&mut self, environment: &Name) -> Vec<Effect> {
        let steady = self.steady();
        let keys: Vec<OperationKey> = self.operations.running.iter().filter(|running| running.environment == *environment).map(|running| running.key).collect();
        let mut effects = Vec::new();
        for key in keys {
            let wants = self.operations.get_mut(key).map(|running| running.procedure.check_again(steady)).unwrap_or_default();
            effects.extend(self.carry_wants(key, wants));
        }
        effects
    }

    pub(super) fn open_operations(&mut self, open: Vec<OpenOperation>) -> Vec<Effect> {
        if let Some(first) = open.first() {
            self.notices.say(Tone::Bad, crate::clean!("{} was begun and not ended; B shows it", first.title), self.now);
        }
        self.operations.open = open;
        Vec::new()
    }

    /// Goes to what runs in the background, or takes up what was left open.
    pub fn attach(&mut self, line: &str) {
        let key = line.strip_prefix("run-").and_then(|number| number.parse().ok()).map(OperationKey);
        match key {
            Some(key) if self.operations.get(key).is_some() => self.show_operation(key),
            Some(_) | None => self.say("what became of it is in the history of its workload: z"),
        }
    }
}

fn barred_words(barred: &Barred) -> Clean {
    match barred {
        Barred::NoTarget(why) => why.clone(),
        Barred::Checking => Clean::from_static("the checks are still being made"),
        Barred::Blocked(finding) => crate::clean!("{}: {}", finding.kind.word(), finding.sentence),
        Barred::NotPlanned => Clean::from_static("there is no plan to confirm"),
    }
}

fn not_confirmed(why: NotConfirmed, demand: &Demand) -> Clean {
    match (why, demand) {
        (NotConfirmed::Word, Demand::Yes) => Clean::from_static("type yes"),
        (NotConfirmed::Word, Demand::NameAndReason(name)) => crate::clean!("type the service's name: {name}"),
        (NotConfirmed::Word, Demand::Enter) => Clean::from_static("Enter confirms"),
        (NotConfirmed::Reason, _) => Clean::from_static("a reason is demanded here"),
        (NotConfirmed::Override, _) => crate::clean!("this goes back to what was itself rolled back from: type {}", crate::gate::OVERRIDE),
    }
}
