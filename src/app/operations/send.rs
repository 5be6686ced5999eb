//! What procedures want of the world, and what the world answers.

use super::{App, Hand, OperationKey, Running};
use crate::{
    app::{Before, Came, Effect, Intended, Record, Tone, tasks::Purpose},
    domain::{Answer, Check, OpId, RevisionRef, Stage, TaskId, Why},
    rollback::{self, Ask, Case, Observed, Procedure, State, Want},
    text::{Clean, Raw},
};
use jiff::Timestamp;

impl App {
    /// Turns what a procedure wants into effects.
    pub(super) fn carry_wants(&mut self, key: OperationKey, wants: Vec<Want>) -> Vec<Effect> {
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
                    effects.push(Effect::Act { task, source, operation, confirmation, policy, intended: Box::new(intended), at: self.now.wall });
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
        let to = plan.zip(candidate).map(|(plan, candidate)| crate::clean!(" → {} {}", candidate.revision.version, plan.target_words())).unwrap_or_default();
        Intended {
            plan: crate::clean!("{}: {}{to}", running.procedure.case.title(), running.procedure.case.version()),
            environment: running.environment.clone(),
            tier: self.policy(&running.environment).tier,
            service: running.service.clone(),
            running: sent.map(|sent| self.left_revision(running, &sent.running)),
            images: candidate.map(|candidate| candidate.revision.images.iter().map(|image| image.reference.clean().clone()).collect()).unwrap_or_default(),
            command: plan.and_then(|plan| plan.command.clone()).unwrap_or_default(),
            before: Some(Box::new(Before { baseline: running.procedure.case.baseline.clone(), alert: running.procedure.case.alert.clone() })),
        }
    }

    /// The revision that is left: its template is what guards against undoing the undo.
    fn left_revision(&self, running: &Running, template: &Raw) -> RevisionRef {
        let workload = &running.procedure.case.workload;
        let release = running.procedure.plan().and_then(|plan| plan.subject.release.as_ref()).map(|release| release.revision);
        RevisionRef {
            id: workload.id.cast(),
            number: release.or(workload.revision).unwrap_or_default(),
            template: template.clone(),
            version: workload.version.clone(),
        }
    }

    /// Puts a question to everybody who can answer it, and tells the procedure how many those are.
    fn put_question(&mut self, key: OperationKey, ask: Ask) -> Vec<Effect> {
        let sources = self.asked_of(&ask);
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

    pub(in crate::app) fn operation_answered(&mut self, key: OperationKey, task: TaskId, answer: Result<Box<Answer>, Why>) -> Vec<Effect> {
        let steady = self.steady();
        let Some(running) = self.operations.get_mut(key) else { return self.single_answered(key, task, answer) };
        let Some(question) = running.asked.remove(&task) else { return Vec::new() };
        let lost = lost(&running.procedure);
        let wants = running.procedure.answered(&question, answer.map(|answer| *answer), steady);
        let mut effects = self.carry_wants(key, wants);
        effects.extend(lost.and_then(|(operation, why)| self.settle_lost(key, operation, &why)));
        effects
    }

    /// The world was read after an answer was lost: writes down what that settled. What was not carried out can be sent again by one Enter.
    fn settle_lost(&mut self, key: OperationKey, operation: OpId, why: &Clean) -> Option<Effect> {
        let running = self.operations.get_mut(key).filter(|running| running.hand != Hand::Watches)?;
        let (came, detail) = match &running.procedure.state {
            State::Unclear { .. } | State::Done { .. } => return None,
            State::UnderWay { .. } => (Came::Done, crate::clean!("read again, it was carried out: {why}")),
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Closed { .. } => {
                (Came::Not, crate::clean!("nothing was changed: {why}"))
            }
        };
        if came == Came::Not {
            running.settled = Some(detail.clone());
        }
        // The server's yes is in the journal already.
        let known = running.hand == Hand::TookAccepted && came == Came::Done;
        if matches!(running.procedure.state, State::Confirming { .. }) {
            self.open_line(key);
        }
        (!known).then_some(Effect::Record(Record::Settled { operation, came, detail }))
    }

    pub(in crate::app) fn checked(&mut self, task: TaskId, check: Option<Result<Check, Why>>) -> Vec<Effect> {
        let Some(running) = self.operations.running.iter_mut().find(|running| running.preparing.is_some_and(|(waiting, _)| waiting == task)) else {
            self.single_checked(task, check);
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

    pub(in crate::app) fn recorded(&mut self, task: TaskId, written: Result<u64, Clean>) -> Vec<Effect> {
        let Some((running, op)) = self.acting(task) else {
            self.single_recorded(task, written);
            return Vec::new();
        };
        match written {
            Ok(entry) => running.entry = Some(entry),
            Err(why) => running.procedure.withheld(&op, why),
        }
        Vec::new()
    }

    pub(in crate::app) fn staged(&mut self, task: TaskId, stage: Stage) -> Vec<Effect> {
        let steady = self.steady();
        let Some((running, op)) = self.acting(task) else { return self.single_staged(task, stage) };
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
    pub(in crate::app) fn attend_operations(&mut self) -> Vec<Effect> {
        let steady = self.steady();
        let mut effects = self.renew_outdated(steady);
        effects.extend(self.go_on_where_known());
        let keys: Vec<OperationKey> = self.operations.running.iter().map(|running| running.key).collect();
        for key in keys {
            let Some(running) = self.operations.running.iter_mut().find(|running| running.key == key) else { continue };
            let mut wants = Vec::new();
            let workload = running.procedure.watched().clone();
            wants.extend(running.procedure.observed(&Observed::of(&self.store, &workload), steady));
            wants.extend(running.procedure.tick(steady));
            effects.extend(self.carry_wants(key, wants));
            effects.extend(self.tell_verdict(key));
        }
        effects.extend(self.attend_singles());
        effects.extend(self.attend_batches());
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
        if running.hand == Hand::Watches {
            self.notices.say(Tone::Plain, words.clone(), self.now);
            // Whoever sees it through writes the verdict down, unless they are gone by now.
            return vec![Effect::Notify(words), Effect::LookBack];
        }
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
}

/// The operation whose answer was lost, and what broke.
fn lost(procedure: &Procedure) -> Option<(OpId, Clean)> {
    match &procedure.state {
        State::Unclear { sent, why, .. } => sent.ids.last().map(|id| (id.clone(), why.clone())),
        _ => None,
    }
}
