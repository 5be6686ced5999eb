//! From the reading of the object to the end: it is told what happened and hands out what it wants. Nothing is ever sent again by itself.

use super::{Course, End, Form, Lines, OperationKey, Single, Stand, Thing, Want, forward, pods, runs};
use crate::{
    domain::{Answer, Check, OpId, Operation, Outcome, Scaling, Stage, Subject, Verb, Why},
    rollback::{Barred, Checks, Timing},
    text::{Clean, Name},
};
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Single {
    #[allow(clippy::too_many_arguments, reason = "all that it is about")]
    pub(super) fn begin(
        key: OperationKey,
        (verb, wanted): (Verb, Option<u32>),
        thing: Thing,
        (service, environment): (Name, Name),
        (id, by): (OpId, Clean),
        timing: Timing,
        now: Timestamp,
    ) -> Self {
        Self {
            key,
            verb,
            thing,
            service,
            environment,
            wanted,
            lines: Lines::default(),
            stand: Stand::Reading { until: now + timing.gather, note: None },
            confirming: None,
            offset: 0,
            reason: Clean::EMPTY,
            entry: None,
            id,
            by,
            timing,
            asked: None,
            preparing: None,
            acting: None,
            confirmation: None,
            told: false,
        }
    }

    /// The object was read, or could not be.
    pub(super) fn answered(&mut self, answer: Result<Answer, Why>, now: Timestamp) -> Vec<Want> {
        match (&mut self.stand, answer) {
            (Stand::Reading { note, .. }, Ok(Answer::Subject(subject))) => {
                let note = note.take();
                self.plan(*subject, note, now)
            }
            (Stand::Reading { note, .. }, Err(why)) => {
                let why = note.take().map_or_else(|| crate::clean!("it could not be read: {}", why.words), |note| crate::clean!("{note}; {}", why.words));
                self.close(why)
            }
            (Stand::Unclear { .. }, Ok(Answer::Subject(subject))) => self.settle(*subject, now),
            (Stand::UnderWay(course), Ok(Answer::Subject(subject))) => {
                if let Some(end) = course.observe(self.verb, self.wanted, *subject, now) {
                    self.stand = Stand::Done { course: course.clone(), end, at: now };
                }
                Vec::new()
            }
            (Stand::UnderWay(course), Err(why)) => {
                course.blind = Some(why.words);
                Vec::new()
            }
            (..) => Vec::new(),
        }
    }

    fn close(&mut self, why: Clean) -> Vec<Want> {
        self.stand = Stand::Closed { why };
        self.confirming = None;
        Vec::new()
    }

    fn plan(&mut self, subject: Subject, note: Option<Clean>, now: Timestamp) -> Vec<Want> {
        let checks = Checks::Running { until: now + self.timing.checks };
        if let Some(Ok(inputs)) = subject.run.as_ref().map(|run| &run.inputs) {
            self.lines.fit(inputs);
        }
        let form = Form { subject, note, findings: BTreeMap::new(), checks, command: None, unknown: Vec::new(), expected: Vec::new(), round: 1 };
        self.stand = Stand::Planned(Box::new(form));
        self.check()
    }

    /// Has the checks of the plan made.
    fn check(&mut self) -> Vec<Want> {
        let Stand::Planned(form) = &self.stand else { return Vec::new() };
        vec![Want::Prepare(form.round, Box::new(self.operation(form, self.id.clone(), Clean::EMPTY)))]
    }

    fn operation(&self, form: &Form, id: OpId, reason: Clean) -> Operation {
        let from = form.subject.replicas.wanted;
        Operation {
            id,
            verb: self.verb,
            subject: self.thing.id(),
            title: self.title(),
            from: form.subject.seen_by(self.verb),
            to: None,
            scaling: (self.verb == Verb::Scale).then(|| Scaling { from, to: self.wanted.unwrap_or(from) }),
            inputs: self.given(form).unwrap_or_default(),
            reason,
            by: self.by.clone(),
        }
    }

    /// `[` and `]`: one fewer, one more.
    pub(super) fn resize(&mut self, more: bool, now: Timestamp) -> Vec<Want> {
        let Stand::Planned(form) = &self.stand else { return Vec::new() };
        if self.verb != Verb::Scale {
            return Vec::new();
        }
        let before = self.wanted.unwrap_or(form.subject.replicas.wanted);
        self.wanted = Some(if more { before.saturating_add(1) } else { before.saturating_sub(1) });
        self.again(now)
    }

    /// Has the checks made once more, as after ctrl-o or for another number.
    pub(super) fn again(&mut self, now: Timestamp) -> Vec<Want> {
        let until = now + self.timing.checks;
        let Stand::Planned(form) = &mut self.stand else { return Vec::new() };
        form.round += 1;
        (form.findings, form.expected, form.command, form.unknown) = Default::default();
        form.checks = Checks::Running { until };
        self.check()
    }

    pub(super) fn checked(&mut self, round: u32, check: Option<Result<Check, Why>>) {
        let (Stand::Planned(form) | Stand::Confirming { form, .. }) = &mut self.stand else { return };
        if form.round != round {
            return;
        }
        match check {
            Some(Ok(Check::Expect(kinds))) => form.expected = kinds,
            Some(Ok(Check::Command(command))) => form.command = Some(command),
            Some(Ok(Check::Made(finding))) => _ = form.findings.insert(finding.kind, finding),
            Some(Err(why)) => {
                form.unknown.push(why.words);
                form.end_checks("the source did not say");
            }
            None => form.end_checks("the source did not say"),
        }
    }

    /// Why Enter does not open the confirm line, if it does not.
    pub fn barred(&self) -> Result<(), Barred> {
        let Stand::Planned(form) = &self.stand else { return Err(Barred::NotPlanned) };
        let now = form.subject.replicas.wanted;
        if self.verb == Verb::Scale && self.wanted.unwrap_or(now) == now {
            return Err(Barred::NoTarget(crate::clean!("there are {now} already: ] is one more, [ one fewer")));
        }
        if let Err(why) = self.given(form) {
            return Err(Barred::NoTarget(crate::clean!("{why}: Tab writes it")));
        }
        if let Some(block) = form.findings.values().find(|finding| finding.outcome == Outcome::Block) {
            return Err(Barred::Blocked(block.clone()));
        }
        match form.checks {
            Checks::Over => Ok(()),
            Checks::Running { .. } => Err(Barred::Checking),
        }
    }

    pub(super) fn open_confirm(&mut self) -> Result<(), Barred> {
        self.barred()?;
        if let Stand::Planned(form) = &self.stand {
            self.stand = Stand::Confirming { form: form.clone(), again: None };
        }
        Ok(())
    }

    /// Esc on the confirm line. Esc is always no.
    pub(super) fn close_confirm(&mut self) {
        self.confirming = None;
        if let Stand::Confirming { form, .. } = &self.stand {
            self.stand = Stand::Planned(form.clone());
        }
    }

    /// A person confirmed: hands out the one request.
    pub(super) fn confirmed(&mut self, id: OpId, reason: Clean, now: Timestamp) -> Vec<Want> {
        let Stand::Confirming { form, .. } = &self.stand else { return Vec::new() };
        let operation = self.operation(form, id.clone(), reason);
        self.stand = Stand::Sending { course: Box::new(Course::new((**form).clone(), id, now)), left: None };
        vec![Want::Act(Box::new(operation))]
    }

    /// Nothing left: the intent could not be written, or the policy closed meanwhile.
    pub(super) fn withheld(&mut self, why: &Clean) {
        if matches!(self.stand, Stand::Sending { .. }) {
            self.close(crate::clean!("nothing was sent: {why}"));
        }
    }

    /// A stage of the one request.
    pub(super) fn staged(&mut self, stage: Stage, now: Timestamp) -> Vec<Want> {
        let mut course = match &mut self.stand {
            Stand::Sending { course, left } => {
                if stage == Stage::Sending {
                    left.get_or_insert(now);
                }
                course.clone()
            }
            // The final word may come when it was given up for lost already.
            Stand::Unclear { course, .. } if matches!(stage, Stage::Accepted { .. }) => course.clone(),
            Stand::Reading { .. }
            | Stand::Planned(_)
            | Stand::Confirming { .. }
            | Stand::Unclear { .. }
            | Stand::UnderWay(_)
            | Stand::Done { .. }
            | Stand::Closed { .. } => return Vec::new(),
        };
        match stage {
            Stage::Sending | Stage::Working { .. } => Vec::new(),
            Stage::Accepted { generation, .. } => {
                course.generation = generation;
                self.go_under_way(course, now)
            }
            Stage::Conflict { what, same: true } => {
                self.stand = Stand::Confirming { form: Box::new(course.form), again: Some(what) };
                Vec::new()
            }
            Stage::Conflict { what, same: false } => {
                let note = Some(crate::clean!("the world moved on, nothing was changed: {what}"));
                self.stand = Stand::Reading { until: now + self.timing.gather, note };
                vec![Want::Read]
            }
            Stage::Refused { why } => self.close(crate::clean!("refused, nothing was changed: {why}")),
            Stage::Failed { why } => self.close(crate::clean!("it failed: {why}")),
            Stage::Unclear { why } => self.unclear(course, why, now),
        }
    }

    fn go_under_way(&mut self, mut course: Box<Course>, now: Timestamp) -> Vec<Want> {
        (course.accepted, course.read, course.progressed) = (Some(now), now, now);
        self.stand = Stand::UnderWay(course);
        vec![Want::Read]
    }

    fn unclear(&mut self, course: Box<Course>, why: Clean, now: Timestamp) -> Vec<Want> {
        self.stand = Stand::Unclear { course, why, reread: now + self.timing.reread };
        vec![Want::Read]
    }

    /// Settles a lost answer by what the world looks like: carried out, not applied, or overtaken by somebody else.
    fn settle(&mut self, subject: Subject, now: Timestamp) -> Vec<Want> {
        let Stand::Unclear { course, why, .. } = &self.stand else { return Vec::new() };
        let (course, why) = (course.clone(), why.clone());
        let before = &course.form.subject;
        if course.marked(&subject)
            || forward::applied(self.verb, before, &subject)
            || runs::applied(self.verb, before, &subject)
            || pods::applied(before, &subject)
        {
            return self.go_under_way(course, now);
        }
        // A list may be late: that nothing new is in it does not mean that nothing was started.
        if self.verb == Verb::Dispatch {
            if now.duration_since(course.began) >= self.timing.late {
                self.stand = Stand::Done { course, end: runs::not_seen(&why), at: now };
            }
            return Vec::new();
        }
        if subject.seen_by(self.verb) == before.seen_by(self.verb) && subject.replicas.wanted == before.replicas.wanted {
            // The request may still be on its way: only later does an unchanged object mean that it was not applied.
            if now.duration_since(course.began) >= self.timing.late {
                let again = Some(Clean::from_static("it was not applied, Enter sends it again"));
                self.stand = Stand::Confirming { form: Box::new(course.form), again };
            }
            return Vec::new();
        }
        let by = subject.changed_by.as_ref().map(|(who, _)| crate::clean!(" by {who}")).unwrap_or_default();
        let end = End::CouldNotTell(crate::clean!("the answer was lost, and the object was changed{by} meanwhile"));
        self.stand = Stand::Done { course, end, at: now };
        Vec::new()
    }

    /// Time went by.
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<Want> {
        let timing = self.timing;
        match &mut self.stand {
            Stand::Reading { until, .. } if now >= *until => self.close(Clean::from_static("it could not be read in time")),
            Stand::Planned(form) => {
                if matches!(form.checks, Checks::Running { until } if now >= until) {
                    form.end_checks("no answer in time");
                }
                Vec::new()
            }
            Stand::Sending { course, .. } if now.duration_since(course.began) >= timing.late => {
                let course = course.clone();
                self.unclear(course, Clean::from_static("no answer"), now)
            }
            Stand::Unclear { course, reread, .. } if now >= *reread => {
                *reread = now + timing.reread;
                if now.duration_since(course.began) >= timing.deadline {
                    let end = End::CouldNotTell(Clean::from_static("the answer was lost, and the object could not be read since"));
                    self.stand = Stand::Done { course: course.clone(), end, at: now };
                    return Vec::new();
                }
                vec![Want::Read]
            }
            Stand::UnderWay(course) if now.duration_since(course.began) >= timing.deadline => {
                self.stand = Stand::Done { end: course.at_deadline(&timing), course: course.clone(), at: now };
                Vec::new()
            }
            Stand::UnderWay(course) if now.duration_since(course.read) >= timing.reread => {
                course.read = now;
                vec![Want::Read]
            }
            Stand::Reading { .. }
            | Stand::Confirming { .. }
            | Stand::Sending { .. }
            | Stand::Unclear { .. }
            | Stand::UnderWay(_)
            | Stand::Done { .. }
            | Stand::Closed { .. } => Vec::new(),
        }
    }

    /// When it wants to be told the time next.
    pub(in crate::app) fn wake(&self) -> Option<Timestamp> {
        match &self.stand {
            Stand::Reading { until, .. } => Some(*until),
            Stand::Planned(form) => match form.checks {
                Checks::Running { until } => Some(until),
                Checks::Over => None,
            },
            Stand::Sending { course, .. } => Some(course.began + self.timing.late),
            Stand::Unclear { reread, .. } => Some(*reread),
            Stand::UnderWay(course) => Some(course.read + self.timing.reread),
            Stand::Confirming { .. } | Stand::Done { .. } | Stand::Closed { .. } => None,
        }
    }
}

impl Form {
    /// Ends the checks: what was announced and did not come is unknown.
    fn end_checks(&mut self, why: &'static str) {
        if self.checks == Checks::Over {
            return;
        }
        self.checks = Checks::Over;
        let missing: Vec<_> = self.waiting().collect();
        for kind in missing {
            self.findings.insert(kind, kind.unknown(why));
        }
    }
}
