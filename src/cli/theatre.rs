//! The simulated world played to an app without a runtime: update, effects, answers, the same frame every time.

use crate::{
    app::{App, Effect, Event, Known, Now},
    domain::{Feed, Link, Operation, SourceId, Stage, TaskId, Trouble, Why},
    keys::Key,
    sources::demo::{Scenario, World},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, VecDeque};

/// How many rounds of effects and answers one moment may take: more would be a loop.
const ROUNDS: usize = 200;

/// One line of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    /// A key is pressed.
    Key(Key),
    /// Time passes.
    Wait(SignedDuration),
}

/// A stage with a world behind it.
pub struct Theatre {
    world: World,
    at: Timestamp,
    opened: Timestamp,
    watched: BTreeSet<(SourceId, Feed)>,
    told: VecDeque<(Option<Timestamp>, Event)>,
    entries: u64,
    /// What the app wanted of a terminal: copies, notices, whether to leave.
    pub wanted: Vec<Effect>,
    /// Every change that the app handed out to be carried out.
    pub acts: Vec<Operation>,
    /// What the app wanted written into the journal.
    pub recorded: Vec<Effect>,
}

impl Theatre {
    /// The world of a story, at `at`.
    pub fn new(scenario: &Scenario, seed: u64, at: Timestamp) -> Self {
        Self {
            world: World::new(scenario, seed),
            at,
            opened: at,
            watched: BTreeSet::new(),
            told: VecDeque::new(),
            entries: 1841,
            wanted: Vec::new(),
            acts: Vec::new(),
            recorded: Vec::new(),
        }
    }

    fn say(&mut self, event: Event) {
        self.told.push_back((None, event));
    }

    fn now(&self) -> Now {
        let mono = self.at.duration_since(self.opened).max(SignedDuration::ZERO).unsigned_abs();
        // The cursor has rested before the curtain rises.
        Now { wall: self.at, mono: mono + std::time::Duration::from_secs(10) }
    }

    /// Raises the curtain: every source is there and has told its lists.
    pub fn open(&mut self, app: &mut App) {
        for (id, _, listed) in self.world.sources() {
            let known = match listed {
                Some(words) => Known::Listed(words),
                None => Known::Ready(self.world.offers(&id)),
            };
            self.say(Event::Known(id, Ok(known)));
        }
        self.settle(app);
    }

    /// Presses keys and lets time pass, as a script has it; a dialog counts as painted before the next key.
    pub fn play(&mut self, app: &mut App, script: &[Cue]) {
        for cue in script {
            match cue {
                Cue::Key(key) => {
                    self.tell(app, Event::Key(*key));
                    self.paint(app);
                }
                Cue::Wait(time) => self.after(app, *time),
            }
        }
        // Nobody presses anything for a while: the cursor rests, the order settles.
        self.after(app, SignedDuration::from_millis(600));
    }

    /// One event, and everything that follows from it at this moment. No dialog is painted.
    pub fn tell(&mut self, app: &mut App, event: Event) {
        self.say(event);
        self.settle(app);
    }

    /// The frame that shows a new dialog reaches the terminal.
    pub fn paint(&mut self, app: &mut App) {
        if let Some(dialog) = app.unseen() {
            self.tell(app, Event::Painted(dialog));
        }
    }

    /// Lets time pass, second by second, as a console would see it.
    pub fn after(&mut self, app: &mut App, time: SignedDuration) {
        let end = self.at + time;
        while self.at < end {
            let from = self.at;
            self.at = (self.at + SignedDuration::from_secs(1)).min(end);
            for (source, feed) in self.watched.clone() {
                let facts = self.world.changes(&source, &feed, from, self.at);
                if !facts.is_empty() && self.world.outage(&source, self.at).is_none() {
                    self.say(Event::Facts(source.clone(), feed.clone(), facts));
                }
                self.relink(&source, &feed, from);
            }
            self.say(Event::Tick);
            self.settle(app);
        }
    }

    /// Events in, effects out, answers back, until nothing is left to say.
    fn settle(&mut self, app: &mut App) {
        for _ in 0..ROUNDS {
            self.watch(app);
            let Some((then, event)) = self.told.pop_front() else { return };
            let now = Now { wall: then.unwrap_or(self.at), ..self.now() };
            for effect in app.update(now, event) {
                self.answer(effect);
            }
        }
    }

    /// Starts the feeds that are wanted now: a whole list each, or the reason why there is none.
    fn watch(&mut self, app: &App) {
        let wanted = app.wanted();
        let gone: Vec<_> = self.watched.iter().filter(|address| !wanted.contains(*address)).cloned().collect();
        for (source, feed) in gone {
            self.watched.remove(&(source.clone(), feed.clone()));
            self.say(Event::Link(source, feed, Link::NotConnected));
        }
        for (source, feed) in wanted {
            if !self.watched.insert((source.clone(), feed.clone())) {
                continue;
            }
            let outage = self.world.outage(&source, self.at);
            let told = outage.as_ref().map_or(self.at, |outage| outage.since);
            let facts = self.world.facts(&source, &feed, told);
            let offers = self.world.offers(&source);
            // What is down now was last heard when it broke.
            self.told.push_back((Some(told), Event::Facts(source.clone(), feed.clone(), facts)));
            self.say(Event::Link(source.clone(), feed.clone(), Link::Live { offers, synced: true }));
            self.relink(&source, &feed, Timestamp::MIN);
        }
    }

    /// Says that a link broke or came back between `from` and now.
    fn relink(&mut self, source: &SourceId, feed: &Feed, from: Timestamp) {
        let before = self.world.outage(source, from.max(Timestamp::MIN));
        let link = match (self.world.outage(source, self.at), before) {
            (Some(outage), _) => {
                Link::Retrying { at: outage.next_try, since: Some(outage.since), why: Why { trouble: Trouble::Unreachable, words: outage.says } }
            }
            (None, Some(_)) => Link::Live { offers: self.world.offers(source), synced: true },
            (None, None) => return,
        };
        self.say(Event::Link(source.clone(), feed.clone(), link));
    }

    fn answer(&mut self, effect: Effect) {
        match effect {
            Effect::Ask { task, source, question } => {
                let answer = self.world.answer(&source, &question, self.at).map(Box::new).map_err(|error| error.why());
                self.say(Event::Answer(task, answer));
            }
            Effect::Prepare { task, operation, .. } => {
                let checks = self.world.check(&operation, self.at);
                self.told.extend(checks.into_iter().map(|check| (None, Event::Check(task, Some(Ok(check))))));
                self.say(Event::Check(task, None));
            }
            Effect::Act { task, operation, policy, .. } => self.act(task, &operation, policy.closed(operation.verb, self.at)),
            Effect::Remember(workload) => self.say(Event::Remembered(workload, Ok(Vec::new()))),
            Effect::Connect(source) => self.say(Event::Known(source.clone(), Ok(Known::Ready(self.world.offers(&source))))),
            Effect::Record(crate::app::Record::Observed { .. }) => {}
            Effect::Record(_) => {
                self.entries += 1;
                self.recorded.push(effect);
            }
            Effect::Refresh | Effect::LookBack => {}
            Effect::Shell { .. }
            | Effect::Lend(_)
            | Effect::Copy(_)
            | Effect::Save { .. }
            | Effect::Notify(_)
            | Effect::Redraw
            | Effect::Suspend
            | Effect::Quit(_) => self.wanted.push(effect),
        }
    }

    /// What another console or a controller does meanwhile to what is under the cursor of the procedure on screen.
    pub fn acts_as_somebody_else(&mut self, app: &App, verb: crate::domain::Verb, scaling: Option<crate::domain::Scaling>) -> Vec<Stage> {
        let Some(id) = app.workloads_of(&app.subject()).into_iter().next() else { return Vec::new() };
        let question = crate::domain::Question::Subject(id.clone());
        let Ok(crate::domain::Answer::Subject(subject)) = self.world.answer(&id.source(), &question, self.at) else { return Vec::new() };
        let (other, title) = (crate::domain::OpId::new("else", 1), Clean::from_static("somebody else"));
        let (from, inputs) = (subject.seen, Vec::new());
        let operation = Operation { id: other, verb, subject: id, title: title.clone(), from, to: None, scaling, inputs, reason: Clean::EMPTY, by: title };
        self.world.act(&operation, self.at)
    }

    fn act(&mut self, task: TaskId, operation: &Operation, closed: Option<crate::gate::Closed>) {
        self.acts.push(operation.clone());
        if let Some(closed) = closed {
            return self.say(Event::Recorded(task, Err(Clean::from_static(closed.remedy()))));
        }
        self.entries += 1;
        self.say(Event::Recorded(task, Ok(self.entries)));
        let stages = self.world.act(operation, self.at);
        self.told.extend(stages.into_iter().map(|stage| (None, Event::Stage(task, stage))));
        // What the change did at this very instant lies between no two seconds: the lists are told anew.
        let source = operation.subject.source();
        let told = self.watched.iter().filter(|(own, feed)| *own == source && !matches!(feed, Feed::Logs(_)));
        let told: Vec<Event> = told.map(|(own, feed)| Event::Facts(own.clone(), feed.clone(), self.world.facts(own, feed, self.at))).collect();
        told.into_iter().for_each(|event| self.say(event));
    }
}
