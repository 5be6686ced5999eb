//! Decides. Pure: keys, facts and answers in, effects out; no clock, no terminal, no network.

mod copy;
mod dialog;
mod effect;
mod event;
mod feeds;
mod go;
mod guard;
mod input;
mod lacking;
mod notice;
mod older;
mod operations;
mod origins;
mod overlay;
mod palette;
mod screen;
mod shell;
mod subject;
mod tasks;
mod told;
mod verbs;
mod verify;
mod watch;
mod witness;

pub use dialog::{Dialog, DialogId};
pub use effect::{Before, Came, Door, Effect, Intended, Record};
pub use event::{Event, Known, Now, OpenOperation, Size};
pub use feeds::source_of;
pub use lacking::built;
pub use notice::{Notice, Notices, Tone};
pub use older::{Beyond, Older};
pub use operations::{Aim, Batch, Confirming, Course, End, Form, Hand, Left, Member, Operations, Running, Settling, Single, Stand, Thing, Together};
pub use overlay::{Choose, Chosen, Goal, Overlay, Palette};
pub use screen::{Asked, Explain, History, List, OperationKey, Page, PodRow, Pods, Screen, Verify};
pub use subject::Subject;
pub use told::Told;
pub use verbs::{Offer, offers};
pub use verify::Verifying;
pub use watch::Watched;

use crate::{
    domain::{Environment, Feed, Id, Link, SourceId, TaskId, Tier, Why, Workload},
    gate::{Mode, Policy},
    keys::{Key, Keymap},
    panels::{alerts, environments, logs, pipelines},
    store::{Cause, Limits, Matrix, Rules, Store, Totals, shared_cause},
    text::{Clean, Name},
    theme::Theme,
    widgets::Glyphs,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// For how long ctrl-o opens an environment.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_mins(15);

/// For how long after the start the cursor follows what burns worst, unless somebody presses a key.
const LANDING: Duration = Duration::from_secs(5);

/// Everything that reaches in from outside when the console begins.
#[derive(Clone, Debug)]
pub struct Start {
    /// The time.
    pub now: Now,
    /// The size of the terminal.
    pub size: Size,
    /// The zone of the person at the keyboard.
    pub zone: TimeZone,
    /// The user's name.
    pub user: Clean,
    /// The host's name.
    pub host: Clean,
    /// A few characters that no other console has now.
    pub session: String,
    /// `--read-only`, `--write` or neither.
    pub mode: Mode,
    /// The simulated world: said on screen at all times.
    pub demo: bool,
    /// How names join.
    pub rules: Rules,
    /// The limits beyond which a measure is bad.
    pub limits: Limits,
    /// Fewer requests than this say nothing about errors.
    pub min_requests: f64,
    /// The environments that somebody declared.
    pub environments: Vec<Environment>,
    /// The services that have smoke requests; those of one environment only with its name.
    pub smoke: Vec<(Name, Option<Name>)>,
    /// The registries, as patterns, that may be asked where an image comes from.
    pub registries: Vec<String>,
    /// What a key stands for.
    pub keymap: Arc<Keymap>,
    /// How roles look.
    pub theme: Arc<Theme>,
    /// Which signs the terminal has.
    pub glyphs: Glyphs,
    /// The service or alert, and the environment, to open on.
    pub open: (Option<Name>, Option<Name>),
    /// Whether it watches over fresh releases by itself: a console does, a face that answers one question does not.
    pub guards: bool,
    /// What the user must know of the configuration: `guessed from names`, files.
    pub remarks: Vec<Clean>,
}

/// The panel that has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Panel {
    /// The matrix.
    #[default]
    Environments,
    /// Runs.
    Pipelines,
    /// Log lines.
    Logs,
    /// Alerts and changes.
    Alerts,
}

impl Panel {
    /// All of them, by their number.
    pub const ALL: [Self; 4] = [Self::Environments, Self::Pipelines, Self::Logs, Self::Alerts];
}

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// As age.
    #[default]
    Age,
    /// In the zone of the person at the keyboard.
    Local,
    /// In UTC.
    Utc,
}

/// The console.
#[derive(Debug)]
pub struct App {
    /// What it began with.
    pub start: Start,
    /// The time of the last event.
    pub now: Now,
    /// The size of the terminal.
    pub size: Size,
    /// What we believe.
    pub store: Store,
    /// The matrix as it follows from the store at its present stamp.
    pub matrix: Matrix,
    /// The cause that many share, if there is one.
    pub cause: Option<Cause>,
    /// Every source that exists: dialled, listed or broken.
    pub sources: BTreeMap<SourceId, Result<Known, Why>>,
    /// Which panel has the keys.
    pub panel: Panel,
    /// Whether that panel has the whole body.
    pub zoomed: bool,
    /// Screens over the main one, the topmost last.
    pub screens: Vec<Screen>,
    /// What lies over everything.
    pub overlay: Option<Overlay>,
    /// Panel 1.
    pub environments: environments::State,
    /// Panel 2.
    pub pipelines: pipelines::State,
    /// Panel 3.
    pub logs: logs::State,
    /// Panel 4.
    pub alerts: alerts::State,
    /// Changes under way, and what was left open.
    pub operations: Operations,
    /// Releases that are verified.
    pub verifying: Vec<Verifying>,
    /// What the console has to say.
    pub notices: Notices,
    /// Only what is in trouble.
    pub problems_only: bool,
    /// How times are shown.
    pub times: Times,
    /// What the journal remembers of revisions, by workload.
    pub records: BTreeMap<String, Vec<crate::rollback::Record>>,
    /// Of which workloads that could not be told last, and why.
    unread: BTreeMap<String, Clean>,
    guard: guard::Guard,
    /// What was asked of runs beside their jobs.
    pub told: Told,
    older: Older,
    origins: origins::Origins,
    /// Environments opened with ctrl-o, until then.
    pub opened: BTreeMap<Name, Timestamp>,
    /// Subjects that ring when they change.
    pub watched: Vec<Watched>,
    /// When a key was last pressed: the order of rows is frozen for a while after.
    pub last_key: Option<Duration>,
    /// Somebody may be typing what a line that is not open yet will ask.
    ahead: Option<operations::Ahead>,
    /// The screen that was closed last.
    pub left: Option<Screen>,
    /// The filter of the list that is open.
    pub list_filter: String,
    /// What is said instead of the terminal's word, once a copy has arrived.
    copying: Option<Clean>,
    waiting: Option<Id<Workload>>,
    keys: Vec<Key>,
    tasks: tasks::Tasks,
    counter: u64,
    computed: Option<(u64, i64)>,
    landed: bool,
    witness: witness::Witness,
}

impl App {
    /// A console that believes nothing yet.
    pub fn new(start: Start) -> Self {
        Self {
            now: start.now,
            size: start.size,
            store: Store::new(start.rules.clone()),
            matrix: Matrix { columns: Vec::new(), rows: Vec::new(), totals: Totals::default() },
            cause: None,
            sources: BTreeMap::new(),
            panel: Panel::default(),
            zoomed: false,
            screens: Vec::new(),
            overlay: None,
            environments: environments::State::default(),
            pipelines: pipelines::State::default(),
            logs: logs::State::default(),
            alerts: alerts::State::default(),
            operations: Operations::default(),
            verifying: Vec::new(),
            notices: Notices::default(),
            problems_only: false,
            times: Times::default(),
            records: BTreeMap::new(),
            unread: BTreeMap::new(),
            guard: guard::Guard::default(),
            told: Told::default(),
            older: Older::default(),
            origins: origins::Origins::default(),
            opened: BTreeMap::new(),
            watched: Vec::new(),
            last_key: None,
            ahead: None,
            left: None,
            list_filter: String::new(),
            copying: None,
            waiting: None,
            keys: Vec::new(),
            tasks: tasks::Tasks::default(),
            counter: 0,
            computed: None,
            landed: false,
            witness: witness::Witness::default(),
            start,
        }
    }

    /// Takes one event in. What must be done outside comes back.
    #[must_use]
    pub fn update(&mut self, now: Now, event: Event) -> Vec<Effect> {
        self.now = now;
        self.notices.expire(now);
        let mut effects = match event {
            Event::Key(key) => self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(size) => self.resize(size),
            Event::Tick => Vec::new(),
            Event::Facts(source, feed, facts) => self.facts(&source, &feed, facts),
            Event::Dropped(source, feed, count) => self.dropped(&source, &feed, count),
            Event::Link(source, feed, link) => self.link(&source, &feed, link),
            Event::Known(source, known) => self.know(source, known),
            Event::Open(open) => self.open_operations(open),
            Event::Remembered(workload, records) => self.remembered(&workload, records),
            Event::Painted(dialog) => self.painted(dialog),
            Event::Answer(task, answer) => self.answered(task, answer),
            Event::Check(task, check) => self.checked(task, check),
            Event::Recorded(task, written) => self.recorded(task, written),
            Event::Stage(task, stage) => self.staged(task, stage),
            Event::Lend(program) => self.lend(program),
            Event::Back(program, ended) => self.back(&program, ended),
            Event::Told(told) => self.told(told),
        };
        self.opened.retain(|_, until| *until > now.wall);
        if self.settle() {
            effects.extend(self.witness());
            effects.extend(self.ask_origins());
            self.guard();
        }
        for attend in [Self::attend_operations, Self::attend_verifying, Self::attend_guard, Self::attend_run, Self::ring_watched] {
            effects.extend(attend(self));
        }
        effects
    }

    fn resize(&mut self, size: Size) -> Vec<Effect> {
        self.size = size;
        Vec::new()
    }

    fn link(&mut self, source: &SourceId, feed: &Feed, link: Link) -> Vec<Effect> {
        if let Link::Live { offers, .. } = &link {
            self.sources.insert(source.clone(), Ok(Known::Ready(offers.clone())));
        }
        if link == Link::NotConnected {
            self.store.forget(source, feed, self.now.wall);
        } else {
            self.store.link(source, feed, link);
        }
        Vec::new()
    }

    fn know(&mut self, source: SourceId, known: Result<Known, Why>) -> Vec<Effect> {
        if let Ok(Known::Ready(crate::domain::Offers { found: Some(found), .. })) = &known {
            self.say(crate::clean!("{source}: {found}"));
        }
        self.sources.insert(source, known);
        Vec::new()
    }

    /// Brings what follows from the store up to date: the matrix, the cursors, the first landing. Whether the matrix was made anew.
    fn settle(&mut self) -> bool {
        let second = self.now.wall.as_second();
        let anew = self.computed != Some((self.store.stamp(), second));
        if anew {
            self.cause = shared_cause(&self.store);
            self.matrix = self.store.matrix_under(self.cause.as_ref(), self.now.wall);
            self.computed = Some((self.store.stamp(), second));
        }
        environments::settle(self);
        pipelines::settle(self);
        alerts::settle(self);
        logs::settle(self);
        // Pods and alerts tell more than the first list: until a key is pressed the cursor still moves to what is worst.
        let early = self.last_key.is_none() && self.now.mono.saturating_sub(self.start.now.mono) < LANDING;
        if !self.landed || early {
            self.landed = self.land();
        }
        anew
    }

    /// The identity of the dialog that nobody can have seen yet, if there is one: the loop ends its batch there.
    pub fn unseen(&self) -> Option<DialogId> {
        match (&self.overlay, self.screens.last()) {
            (Some(overlay), _) => overlay.dialog().and_then(Dialog::unseen),
            // A confirm line below another screen has not been seen, whatever is painted.
            (None, Some(Screen::Operation(key))) => self.operations.unseen(*key),
            (None, _) => None,
        }
    }

    /// What the configuration declares of an environment.
    pub fn declared(&self, environment: &Name) -> Option<&Environment> {
        self.start.environments.iter().find(|declared| declared.name == *environment)
    }

    /// What holds in an environment at this moment.
    pub fn policy(&self, environment: &Name) -> Policy {
        let declared = self.declared(environment);
        let known = || self.store.environment(environment.raw()).map(|known| known.tier);
        let unknown = if environment.raw() == Environment::CI { Tier::Testing } else { Tier::Production };
        let tier = declared.map(|declared| declared.tier).or_else(known).unwrap_or(unknown);
        Policy {
            mode: self.start.mode,
            tier,
            locked: declared.is_some_and(|declared| declared.locked),
            open_until: self.opened.get(environment).copied(),
            distrusted: false,
        }
    }

    /// Says something that went well or is worth knowing.
    pub fn say(&mut self, words: impl Into<Clean>) {
        self.notices.say(Tone::Plain, words.into(), self.now);
    }

    /// Says what did not work.
    pub fn complain(&mut self, words: impl Into<Clean>) {
        self.notices.say(Tone::Bad, words.into(), self.now);
    }

    /// A number that this console has not used yet.
    fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn task(&mut self) -> TaskId {
        TaskId(self.number())
    }

    fn dialog(&mut self) -> Dialog {
        Dialog::Unseen(DialogId(self.number()))
    }
}
