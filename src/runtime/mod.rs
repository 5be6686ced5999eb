//! Carries effects out: owns the sources, the tasks and the journal. The one gate for changes stands here.

mod act;
mod book;
mod fleet;
mod heir;
mod hook;
mod inbox;
mod shell;

pub use book::Book;
pub use heir::Heir;
pub use inbox::Inbox;

use crate::{
    app::{Effect, Event},
    config::Config,
    domain::{Check, Feed, Link, Operation, Program, Question, SourceId, TaskId, Trouble, Why},
    sources::{self, Made, Source, SourceError, supervise::supervise},
    text::Clean,
};
use fleet::Fleet;
use futures::{FutureExt, StreamExt};
use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, task::AbortHandle, time::timeout};

/// How long a source may take for one answer.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a source may take for all checks before a change.
const CHECKS: Duration = Duration::from_secs(10);
/// How long who leaves waits for the rest of several requests.
const BETWEEN: Duration = Duration::from_secs(300);

/// What is wanted of the loop itself: only it owns the terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum Errand {
    /// Put lines of text into the terminal's clipboard.
    Copy(Vec<Clean>),
    /// Tell a person who looks elsewhere.
    Notify(Clean),
    /// Paint everything anew.
    Redraw,
    /// Give the terminal to a program until that has ended.
    Lend(Program),
    /// Give the terminal back until the shell brings us back.
    Suspend,
    /// Leave.
    Quit(u8),
}

/// How this console was started, as far as sources and the gate must know.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--read-only`.
    pub read_only: bool,
    /// `--context`.
    pub contexts: Vec<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// The simulated world writes into a journal here, which goes with the console.
    pub scratch: Option<std::path::PathBuf>,
    /// Who goes on with a rollback when this process leaves; nobody in the simulated world, which leaves with it.
    pub heir: Option<Heir>,
}

/// The tasks and what they need.
pub struct Runtime {
    inbox: Arc<Inbox>,
    config: Arc<Config>,
    flags: Flags,
    fleet: Fleet,
    feeds: HashMap<(SourceId, Feed), Watch>,
    journal: Option<Arc<Book>>,
    acting: Vec<tokio::task::JoinHandle<()>>,
    /// How many changes are between the first and the last of several requests.
    between: Arc<AtomicUsize>,
    state: std::path::PathBuf,
}

struct Watch {
    task: AbortHandle,
    nudge: Arc<Notify>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Runtime {
    /// A runtime over `made` sources; what each of them is goes into the inbox at once.
    pub fn new(inbox: Arc<Inbox>, config: Arc<Config>, flags: Flags, journal: Option<Arc<Book>>, state: std::path::PathBuf, made: Vec<Made>) -> Self {
        let fleet = Fleet::new(inbox.clone());
        made.into_iter().for_each(|one| fleet.adopt(one));
        Self { inbox, config, flags, fleet, feeds: HashMap::new(), journal, acting: Vec::new(), between: Arc::default(), state }
    }

    /// Starts and stops watches until they are what is wanted.
    pub fn reconcile(&mut self, wanted: &BTreeSet<(SourceId, Feed)>) {
        let inbox = &self.inbox;
        self.feeds.retain(|address, _| {
            let stays = wanted.contains(address);
            if !stays {
                // What nobody watches any more would never be corrected: it is forgotten.
                inbox.put(Event::Link(address.0.clone(), address.1.clone(), Link::NotConnected));
            }
            stays
        });
        for (id, feed) in wanted {
            if self.feeds.contains_key(&(id.clone(), feed.clone())) {
                continue;
            }
            let Some(source) = self.fleet.source(id) else { continue };
            let nudge = Arc::new(Notify::new());
            let watch = supervise(source, feed.clone(), self.inbox.clone(), nudge.clone());
            let task = tokio::spawn(crate::terminal::supervised(watch)).abort_handle();
            self.feeds.insert((id.clone(), feed.clone()), Watch { task, nudge });
        }
    }

    /// Carries one effect out. What only the loop can do comes back.
    pub fn carry_out(&mut self, effect: Effect) -> Option<Errand> {
        match effect {
            Effect::Ask { task, source, question } => self.ask(task, &source, question),
            Effect::Prepare { task, source, operation } => self.prepare(task, &source, operation),
            Effect::Act { task, source, operation, confirmation, policy, intended, at } => {
                self.act(task, &source, *operation, act::Confirmed { confirmation, policy, intended: *intended, at });
            }
            Effect::Remember(workload) => self.remember(workload),
            Effect::LookBack => self.look_back(),
            Effect::Connect(source) => self.connect(&source),
            Effect::Refresh => self.feeds.values().for_each(|watch| watch.nudge.notify_one()),
            Effect::Record(record) => self.record(record),
            Effect::Save { name, lines } => self.save(&name, lines),
            Effect::Shell { into, policy } => self.shell(*into, policy),
            Effect::Lend(program) => return Some(Errand::Lend(program)),
            Effect::Copy(text) => return Some(Errand::Copy(text)),
            Effect::Notify(text) => {
                self.tell(&text);
                return Some(Errand::Notify(text));
            }
            Effect::Redraw => return Some(Errand::Redraw),
            Effect::Suspend => return Some(Errand::Suspend),
            Effect::Quit(code) => return Some(Errand::Quit(code)),
        }
        None
    }

    /// Lets a process of its own see these rollbacks through.
    pub fn hand_over(&self, operations: &[crate::domain::OpId]) {
        let Some(heir) = &self.flags.heir else { return };
        for operation in operations {
            if let Err(error) = heir.inherit(operation) {
                tracing::error!(%error, operation = operation.as_str(), "nobody could be started to see the rollback through");
            }
        }
    }

    /// Ends when every operation under way has been written to its end, or at the deadline: an intent must not lose its outcome. What is
    /// between two of its requests is waited for longer: left there it would leave a service that nobody starts again.
    pub async fn settle(&mut self, deadline: Duration) {
        let deadline = if self.between.load(Ordering::Relaxed) > 0 { BETWEEN } else { deadline };
        let acting = std::mem::take(&mut self.acting);
        let _ = timeout(deadline, futures::future::join_all(acting)).await;
    }

    fn source(&self, id: &SourceId) -> Result<Arc<dyn Source>, Why> {
        self.fleet.source(id).ok_or_else(|| Why { trouble: Trouble::Unsupported, words: crate::clean!("{id} is not connected") })
    }

    fn ask(&self, task: TaskId, id: &SourceId, question: Question) {
        let (source, inbox) = (self.source(id), self.inbox.clone());
        spawn(async move {
            let answer = match source {
                Ok(source) => within(ANSWER, "the answer", source.ask(question)).await.map_err(|error| error.why()),
                Err(why) => Err(why),
            };
            inbox.put(Event::Answer(task, answer.map(Box::new)));
        });
    }

    fn prepare(&self, task: TaskId, id: &SourceId, operation: Operation) {
        let (source, inbox) = (self.source(id), self.inbox.clone());
        spawn(async move {
            match source {
                Err(why) => inbox.put(Event::Check(task, Some(Err(why)))),
                Ok(source) => {
                    let tell = |check: Result<Check, SourceError>| inbox.put(Event::Check(task, Some(check.map_err(|error| error.why()))));
                    let _ = timeout(CHECKS, source.prepare(operation).for_each(async |check| tell(check))).await;
                }
            }
            inbox.put(Event::Check(task, None));
        });
    }

    fn connect(&self, id: &SourceId) {
        let made = sources::dial(
            id,
            &sources::Wish {
                table: self.config.sources.iter().find(|table| table.kind() == id.kind()),
                config: &self.config,
                read_only: self.flags.read_only,
                contexts: &self.flags.contexts,
                namespace: self.flags.namespace.as_deref(),
            },
        );
        made.into_iter().for_each(|one| self.fleet.adopt(one));
    }

    fn save(&self, name: &Clean, lines: Vec<Clean>) {
        let (inbox, folder) = (self.inbox.clone(), self.state.clone());
        let file = file_name(name);
        tokio::task::spawn_blocking(move || {
            let path = folder.join(format!("{file}.txt"));
            let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
            let told = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, text));
            inbox.put(Event::Told(match told {
                Ok(()) => Ok(crate::clean!("saved to {}", path.display())),
                Err(error) => Err(crate::clean!("{} could not be written: {error}", path.display())),
            }));
        });
    }
}

/// `text` as the name of a file.
fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(80).collect()
}

/// Runs `task` so that its panic is an error of that task, not of the screen.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(crate::terminal::supervised(task));
}

/// An answer within a deadline; a panic of the source is an error of the source.
async fn within<T>(deadline: Duration, what: &str, answer: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
    match timeout(deadline, AssertUnwindSafe(answer).catch_unwind()).await {
        Err(_) => Err(SourceError::Unreachable(crate::clean!("{what} did not come within {} s", deadline.as_secs()))),
        Ok(Err(_)) => Err(SourceError::Protocol(Clean::from_static("this source stopped on a fault of ours; the report is in the log file"))),
        Ok(Ok(answer)) => answer,
    }
}
