//! What other consoles left open, and what runs in the background.
//!
//! What was begun and not ended is settled by reading the object: it carries the operation's mark, or it is as the operator saw it, or
//! somebody else has changed it since. A rollback is then seen through to its verdict. Nothing is sent.

mod judge;

use super::{App, Hand, OperationKey, Running};
use crate::{
    app::{Came, Effect, Known, OpenOperation, Record, Tone, tasks::Purpose},
    domain::{Answer, Awaited, OpId, Question, Revision, Subject, TaskId, Verb, Why},
    rollback::{Case, Procedure, Timing},
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
    /// It is to be seen through, once the journal says that it is still open and its source has told of the workload.
    Waiting {
        /// Whether the journal was read since.
        read: bool,
    },
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
            (_, Settling::Waiting { .. }) => crate::clean!("waiting for {}", self.open.subject.source()),
            (Some(alive), _) if self.can_be_watched() => crate::clean!("under way at {alive}; Enter watches it"),
            (Some(alive), _) => crate::clean!("under way at {alive}"),
            (None, Settling::Not) if self.can_be_watched() => Clean::from_static("left behind; Enter sees it through"),
            (None, Settling::Not) => Clean::from_static("left behind; Enter reads what became of it"),
            (None, Settling::Reading { .. }) => Clean::from_static("reading what became of it"),
            (None, Settling::Unknown(why)) => crate::clean!("{why}; Enter reads again"),
            (None, Settling::Settled(_, says)) if self.rolls_back() => crate::clean!("{says}; Enter opens a new plan"),
            (None, Settling::Settled(_, says)) => crate::clean!("{says}; Enter takes it off the list"),
        };
        crate::clean!("! {}  begun {ago} ago, {stands}", self.open.title)
    }

    fn rolls_back(&self) -> bool {
        Verb::back(&self.open.verb).is_some()
    }

    /// Whether the journal holds what a verdict is given by.
    const fn can_be_watched(&self) -> bool {
        self.open.to.is_some() && self.open.before.is_some()
    }
}

impl App {
    /// What the journal has as begun and not ended now: at the start, when the list is opened, and before anything is taken over.
    pub(in crate::app) fn open_operations(&mut self, open: Vec<OpenOperation>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut before = std::mem::take(&mut self.operations.open);
        for open in open {
            if open.operation.session() == self.start.session || self.operations.ended.contains(&open.operation) {
                continue;
            }
            if let Some(adopted) = self.adopt(&open) {
                effects.extend(adopted);
                continue;
            }
            let known = before.iter().position(|left| left.open.operation == open.operation).map(|at| before.remove(at));
            let left = match known {
                Some(Left { key, settling: Settling::Waiting { .. }, .. }) => Left { key, open, settling: Settling::Waiting { read: true } },
                Some(Left { key, settling, .. }) => Left { key, open, settling },
                None => {
                    let words = match &open.alive {
                        Some(alive) => crate::clean!("{} is under way at {alive}; B shows it", open.title),
                        None => crate::clean!("{} was begun and not ended; B shows it", open.title),
                    };
                    if self.operations.open.is_empty() {
                        self.notices.say(Tone::Bad, words, self.now);
                    }
                    Left { key: OperationKey(self.number()), open, settling: Settling::Not }
                }
            };
            self.operations.open.push(left);
        }
        for left in before {
            match left.settling {
                Settling::Waiting { .. } => self.say(crate::clean!("{} has ended meanwhile", left.open.title)),
                Settling::Settled(..) | Settling::Reading { .. } => self.operations.open.push(left),
                Settling::Not | Settling::Unknown(_) => {}
            }
        }
        effects.extend(self.go_on_where_known());
        effects
    }

    /// Whether this console shows the operation already; where who saw it through is gone, whoever watched goes on with it and writes its
    /// verdict down. None where it is not shown.
    fn adopt(&mut self, open: &OpenOperation) -> Option<Vec<Effect>> {
        let running = self.operations.running.iter_mut().find(|running| running.procedure.operation() == Some(&open.operation))?;
        if running.hand != Hand::Watches || open.alive.is_some() {
            return Some(Vec::new());
        }
        running.hand = Hand::on(open);
        running.told = false;
        Some(vec![Effect::Record(Record::Taken(open.operation.clone()))])
    }

    /// Goes to what runs in the background, or settles what was left open.
    pub fn attach(&mut self, line: &str) -> Vec<Effect> {
        let key = |kind| line.strip_prefix(kind).and_then(|number| number.parse().ok()).map(OperationKey);
        if let Some(key) = key("run-").filter(|key| self.operations.knows(*key)) {
            self.show_operation(key);
            return Vec::new();
        }
        if let Some(id) = line.strip_prefix("hold-") {
            let about = self.store.holds().into_iter().find(|hold| hold.id.as_str() == id).map(|hold| hold.workload.clone());
            return about.map(|workload| self.open_single(Verb::Release, &workload, None)).unwrap_or_default();
        }
        key("open-").map(|key| self.take_up(key)).unwrap_or_default()
    }

    fn take_up(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(left) = self.operations.open.iter().find(|left| left.key == key) else { return Vec::new() };
        if left.can_be_watched() && matches!(left.settling, Settling::Not | Settling::Unknown(_)) {
            if let Some(left) = self.operations.open.iter_mut().find(|left| left.key == key) {
                left.settling = Settling::Waiting { read: false };
            }
            return vec![Effect::LookBack];
        }
        if let Some(alive) = &left.open.alive {
            let words = crate::clean!("it is under way at {alive}: it is only shown here");
            self.say(words);
            return Vec::new();
        }
        match &left.settling {
            Settling::Reading { .. } | Settling::Waiting { .. } => Vec::new(),
            Settling::Not | Settling::Unknown(_) => self.read_left(key),
            Settling::Settled(..) => {
                let (back, workload) = (left.rolls_back(), left.open.subject.clone());
                self.operations.open.retain(|left| left.key != key);
                if back { self.open_plan(&workload) } else { Vec::new() }
            }
        }
    }

    /// Goes on with a rollback that the journal has as begun and not ended, whoever began it. For the face that sees it through.
    pub fn resume(&mut self, operation: &OpId) -> Result<(OperationKey, Vec<Effect>), Clean> {
        let Some(left) = self.operations.open.iter().find(|left| left.open.operation == *operation) else {
            return Err(crate::clean!("{operation} is not open: it ended, or this journal does not know it"));
        };
        if !left.can_be_watched() {
            return Err(crate::clean!("{operation} is no rollback that can be seen through; B in the console reads what became of it"));
        }
        let key = left.key;
        self.go_on(key).map(|effects| (key, effects))
    }

    /// Goes on with what waits for a workload that is known by now; says so where it never will be.
    pub(super) fn go_on_where_known(&mut self) -> Vec<Effect> {
        let waiting = |left: &&Left| matches!(left.settling, Settling::Waiting { read: true });
        let ready = |left: &&Left| {
            let dialled = matches!(self.sources.get(&left.open.subject.source()), Some(Ok(Known::Ready(_))));
            !dialled || self.store.workload(&left.open.subject).is_some()
        };
        let keys: Vec<OperationKey> = self.operations.open.iter().filter(waiting).filter(ready).map(|left| left.key).collect();
        let mut effects = Vec::new();
        for key in keys {
            match self.go_on(key) {
                Ok(more) => effects.extend(more),
                Err(why) => {
                    if let Some(left) = self.operations.open.iter_mut().find(|left| left.key == key) {
                        left.settling = Settling::Unknown(why);
                    }
                }
            }
        }
        effects
    }

    /// Sees a rollback through: nothing is sent, what was sent is watched to its verdict.
    fn go_on(&mut self, key: OperationKey) -> Result<Vec<Effect>, Clean> {
        let (steady, timing) = (self.steady(), self.timing());
        let gone = || Clean::from_static("there is no such operation any more");
        let open = self.operations.open.iter().find(|left| left.key == key).ok_or_else(gone)?.open.clone();
        let source = open.subject.source();
        let hand = Hand::on(&open);
        let (Some(goal), Some(before)) = (open.to, open.before) else { return Err(gone()) };
        let Some(mut case) = Case::of(&self.store, &open.subject, &timing, steady) else {
            return Err(match self.sources.get(&source) {
                Some(Ok(Known::Ready(_))) => crate::clean!("{source} does not know the workload"),
                _ => crate::clean!("{source} is not connected: :ctx connects it"),
            });
        };
        (case.baseline, case.alert) = (before.baseline, before.alert);
        let running = open.left.as_ref().map(|left| left.template.clone()).unwrap_or_default();
        if let Some(left) = open.left {
            (case.workload.version, case.workload.revision) = (left.version, Some(left.number));
        }
        let verb = Verb::back(&open.verb).unwrap_or(Verb::RollBack);
        let (service, environment) = (case.service.clone(), case.environment.name.clone());
        let (procedure, wants) =
            Procedure::resume(case, (open.operation.clone(), verb, goal, open.from), running, open.since, self.start.user.clone(), timing, steady);
        self.operations.open.retain(|left| left.key != key);
        self.operations.running.push(Running { hand, reason: open.reason, entry: Some(open.entry), ..Running::new(key, procedure, service, environment) });
        self.show_operation(key);
        let mut effects = self.carry_wants(key, wants);
        if hand != Hand::Watches {
            effects.push(Effect::Record(Record::Taken(open.operation)));
        }
        Ok(effects)
    }

    fn read_left(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(left) = self.operations.open.iter().find(|left| left.key == key) else { return Vec::new() };
        let (workload, back) = (left.open.subject.clone(), left.rolls_back());
        let source = workload.source();
        if !matches!(self.sources.get(&source), Some(Ok(Known::Ready(_)))) {
            self.complain(crate::clean!("{source} is not connected, so that its object can not be read: :ctx connects it"));
            return Vec::new();
        }
        let subject = match Verb::named(&left.open.verb) {
            // What was held off or let go is not the workload.
            Some(verb) if verb.of_a_run() => Question::Run { run: workload.cast(), verb },
            Some(verb @ (Verb::Hold | Verb::Release)) => Question::Keeper { workload: workload.clone(), uid: Some(left.open.from.uid.clone()), verb },
            Some(verb) if verb.of_a_pod() => Question::Awaited { workload: workload.clone(), pod: Some(Awaited::name_in(&left.open.from)) },
            _ => match left.open.to.as_ref().filter(|_| self.store.workload(&workload).is_some_and(|row| row.kind.told_by_pipeline())) {
                Some(to) => Question::Redeployed { workload: workload.clone(), to: to.id.clone() },
                None => Question::Subject(workload.clone()),
            },
        };
        let questions = [Some(subject), back.then_some(Question::Revisions(workload))];
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
        let timing = Timing::default();
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
        let limit = timing.late_through(subject.release.is_some());
        let late = words::since(left.open.since, self.now.wall) >= limit;
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
        self.operations.ended.insert(operation.clone());
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
