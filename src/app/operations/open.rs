//! What other consoles left open, and what runs in the background.
//!
//! What was begun and not ended is settled by reading the object: it carries the operation's mark, or it is as the operator saw it, or
//! somebody else has changed it since. Nothing is sent.

use super::{App, OperationKey};
use crate::{
    app::{Came, Effect, Known, OpenOperation, Record, Tone, tasks::Purpose},
    domain::{Answer, Question, Revision, Subject, TaskId, Verb, Why},
    rollback::Timing,
    store::words,
    text::Clean,
};
use std::collections::BTreeMap;

/// An operation that was begun and not ended, and how far it is settled.
#[derive(Debug)]
pub struct Left {
    pub(super) key: OperationKey,
    /// As the journal has it.
    pub open: OpenOperation,
    /// How far it is settled.
    pub settling: Settling,
}

/// How far it is settled.
#[derive(Debug)]
pub enum Settling {
    /// Nobody has asked.
    Not,
    /// The world is being read.
    Reading {
        /// The questions that are not answered.
        asked: BTreeMap<TaskId, Question>,
        /// The object, once it was read.
        subject: Option<Box<Subject>>,
        /// The newest revision, once the revisions were read.
        newest: Option<Box<Revision>>,
    },
    /// It could not be read, or it is too early to say.
    Unknown(Clean),
    /// What became of it, in words.
    Settled(Came, Clean),
}

impl Left {
    /// `! cart in production: 2.8.0 → 2.7.3  begun 12 min ago, …`.
    pub(super) fn line(&self, app: &App) -> Clean {
        let ago = words::long(words::since(self.open.since, app.now.wall));
        let stands = match (&self.open.alive, &self.settling) {
            (Some(alive), _) => crate::clean!("under way at {alive}"),
            (None, Settling::Not) => Clean::from_static("left behind; Enter reads what became of it"),
            (None, Settling::Reading { .. }) => Clean::from_static("reading what became of it"),
            (None, Settling::Unknown(why)) => crate::clean!("{why}; Enter reads again"),
            (None, Settling::Settled(_, says)) if self.rolls_back() => crate::clean!("{says}; Enter opens a new plan"),
            (None, Settling::Settled(_, says)) => crate::clean!("{says}; Enter takes it off the list"),
        };
        crate::clean!("! {}  begun {ago} ago, {stands}", self.open.title)
    }

    fn rolls_back(&self) -> bool {
        self.open.verb.as_str() == Verb::RollBack.words()
    }

    /// What became of it, by the object; none as long as the request may still be on its way.
    fn judge(&self, subject: &Subject, newest: Option<&Revision>, late: bool) -> Option<(Came, Clean)> {
        let open = &self.open;
        let marked = subject.operation.as_ref().is_some_and(|mark| mark.as_str() == open.operation.as_str());
        let by = subject.changed_by.as_ref().map(|(who, _)| crate::clean!(" by {who}")).unwrap_or_default();
        let runs = newest.map(|newest| crate::clean!(": {} {} is the newest", newest.version, newest.short())).unwrap_or_default();
        let elsewhere = open.to.as_ref().zip(newest).is_some_and(|(to, newest)| newest.template != *to);
        if marked && !elsewhere {
            return Some((Came::Done, crate::clean!("it was carried out{runs}")));
        }
        if marked {
            return Some((Came::Done, crate::clean!("it was carried out, and another revision was rolled out since{by}{runs}")));
        }
        if subject.seen == open.from {
            return (late && !open.accepted).then(|| (Came::Not, Clean::from_static("it was not carried out: the object is as it was")));
        }
        let words = if subject.seen.uid == open.from.uid { "the object was changed since" } else { "the object was made anew since" };
        Some((Came::Superseded, crate::clean!("{words}{by}, and does not carry its mark{runs}")))
    }
}

impl App {
    pub(in crate::app) fn open_operations(&mut self, open: Vec<OpenOperation>) -> Vec<Effect> {
        if let Some(first) = open.first() {
            self.notices.say(Tone::Bad, crate::clean!("{} was begun and not ended; B shows it", first.title), self.now);
        }
        let mut left = Vec::new();
        for open in open {
            left.push(Left { key: OperationKey(self.number()), open, settling: Settling::Not });
        }
        self.operations.open = left;
        Vec::new()
    }

    /// Goes to what runs in the background, or settles what was left open.
    pub fn attach(&mut self, line: &str) -> Vec<Effect> {
        let key = |kind| line.strip_prefix(kind).and_then(|number| number.parse().ok()).map(OperationKey);
        if let Some(key) = key("run-").filter(|key| self.operations.knows(*key)) {
            self.show_operation(key);
            return Vec::new();
        }
        key("open-").map(|key| self.take_up(key)).unwrap_or_default()
    }

    fn take_up(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(left) = self.operations.open.iter().find(|left| left.key == key) else { return Vec::new() };
        if let Some(alive) = &left.open.alive {
            let words = crate::clean!("it is under way at {alive}: it is only shown here");
            self.say(words);
            return Vec::new();
        }
        match &left.settling {
            Settling::Reading { .. } => Vec::new(),
            Settling::Not | Settling::Unknown(_) => self.read_left(key),
            Settling::Settled(..) => {
                let (back, workload) = (left.rolls_back(), left.open.subject.clone());
                self.operations.open.retain(|left| left.key != key);
                if back { self.open_plan(&workload) } else { Vec::new() }
            }
        }
    }

    fn read_left(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(left) = self.operations.open.iter().find(|left| left.key == key) else { return Vec::new() };
        let (workload, back) = (left.open.subject.clone(), left.rolls_back());
        let source = workload.source();
        if !matches!(self.sources.get(&source), Some(Ok(Known::Ready(_)))) {
            self.complain(crate::clean!("{source} is not connected, so that its object can not be read: :ctx connects it"));
            return Vec::new();
        }
        let questions = [Some(Question::Subject(workload.clone())), back.then_some(Question::Revisions(workload))];
        let (mut asked, mut effects) = (BTreeMap::new(), Vec::new());
        for question in questions.into_iter().flatten() {
            let (task, effect) = self.ask(Purpose::Left(key), source.clone(), question.clone());
            asked.insert(task, question);
            effects.push(effect);
        }
        if let Some(left) = self.operations.open.iter_mut().find(|left| left.key == key) {
            left.settling = Settling::Reading { asked, subject: None, newest: None };
        }
        effects
    }

    pub(in crate::app) fn left_answered(&mut self, key: OperationKey, task: TaskId, answer: Result<Box<Answer>, Why>) -> Vec<Effect> {
        let late = Timing::default().late;
        let Some(left) = self.operations.open.iter_mut().find(|left| left.key == key) else { return Vec::new() };
        let Settling::Reading { asked, subject, newest } = &mut left.settling else { return Vec::new() };
        if asked.remove(&task).is_none() {
            return Vec::new();
        }
        match answer.map(|answer| *answer) {
            Ok(Answer::Subject(read)) => *subject = Some(read),
            Ok(Answer::Revisions(rows)) => *newest = rows.into_iter().find(|row| row.current).map(Box::new),
            Ok(_) => {}
            Err(why) if subject.is_none() && asked.is_empty() => {
                left.settling = Settling::Unknown(crate::clean!("the object could not be read: {}", why.words));
                return Vec::new();
            }
            Err(_) => {}
        }
        if !asked.is_empty() {
            return Vec::new();
        }
        let (subject, newest) = (subject.take(), newest.take());
        let Some(subject) = subject else {
            left.settling = Settling::Unknown(Clean::from_static("the object could not be read"));
            return Vec::new();
        };
        let late = words::since(left.open.since, self.now.wall) >= late;
        let judged = left.judge(&subject, newest.as_deref(), late);
        self.settle_left(key, judged)
    }

    fn settle_left(&mut self, key: OperationKey, judged: Option<(Came, Clean)>) -> Vec<Effect> {
        let Some(left) = self.operations.open.iter_mut().find(|left| left.key == key) else { return Vec::new() };
        let Some((came, says)) = judged else {
            left.settling = Settling::Unknown(Clean::from_static("not carried out so far, it may be on its way"));
            return Vec::new();
        };
        let operation = left.open.operation.clone();
        let mut effects = Vec::new();
        if !left.open.accepted || came == Came::Superseded {
            effects.push(Effect::Record(Record::Settled { operation: operation.clone(), came, detail: says.clone() }));
        }
        if came == Came::Done && left.rolls_back() {
            // A rollback owes a verdict. Nobody watched it, so that none but this can be given.
            let proof = crate::clean!("{says}; the console that watched it went away");
            let took = words::since(left.open.since, self.now.wall).as_millis();
            let verdict = Clean::from_static("COULD NOT TELL");
            effects.push(Effect::Record(Record::Verdict { operation, verdict, took: u64::try_from(took).unwrap_or_default(), proofs: vec![proof] }));
        }
        let words = crate::clean!("{}: {says}", left.open.title);
        left.settling = Settling::Settled(came, says);
        self.say(words);
        effects
    }
}
