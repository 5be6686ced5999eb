//! Following the logs of a target: each over a connection of its own, taken up again when its container starts again, and after a break from
//! where it was left. Events tell of containers that start and of those that join a workload later.

use super::{
    Log, log_of, logs_of,
    read::{Shared, read},
    service,
};
use crate::{
    clean,
    domain::{Batch, Cursor, Fact, LogLine, LogTarget, SourceId},
    logs::line::notice,
    sources::{
        SourceError,
        docker::{
            container::Death,
            engine::Session,
            events::{self, Events},
            rows, swarm,
            wire::Event,
            world::{self, Facts},
        },
    },
    text::Raw,
};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream, SelectAll},
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// A log that is open and silent for so long has told all that was said before.
const QUIET: Duration = Duration::from_secs(1);
/// For how many feeds it is remembered where their logs were left.
const KEPT: usize = 64;

/// What was seen of each log of one feed, by the container's id.
type Memory = Arc<Mutex<HashMap<String, Shared>>>;

/// Where the logs of each feed were left. A cursor is the number of a memory: what a log has shown of its last second does not fit into a word.
#[derive(Debug, Default)]
pub struct Memories(Mutex<(u64, BTreeMap<u64, Memory>)>);

impl Memories {
    /// The memory that `cursor` names, or a new one.
    pub fn take(&self, cursor: Option<&Cursor>) -> (Cursor, MemoryOf) {
        let Ok(mut held) = self.0.lock() else { return (Cursor(Raw::new("")), MemoryOf::default()) };
        let known = cursor.and_then(|cursor| cursor.0.expose().parse::<u64>().ok()).and_then(|number| Some((number, held.1.get(&number)?.clone())));
        let (number, memory) = known.unwrap_or_else(|| {
            held.0 += 1;
            (held.0, Memory::default())
        });
        held.1.insert(number, memory.clone());
        while held.1.len() > KEPT {
            held.1.pop_first();
        }
        (Cursor(Raw::new(&number.to_string())), MemoryOf(memory))
    }
}

/// The memory of one feed.
#[derive(Clone, Debug, Default)]
pub struct MemoryOf(Memory);

impl MemoryOf {
    /// What was seen of a log, and whether that is nothing yet.
    fn of(&self, id: &str) -> (Shared, bool) {
        let Ok(mut logs) = self.0.lock() else { return (Shared::default(), true) };
        let new = !logs.contains_key(id);
        (logs.entry(id.to_owned()).or_default().clone(), new)
    }
}

/// A log that is followed.
struct Followed {
    log: Log,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A connection is open.
    Reading,
    /// One is open, and its container has started again since: another follows.
    ReadingAgain,
    /// One is open, and its container is gone: what is still on its way is the last.
    ReadingLast,
    /// Its container does not run.
    Waiting,
}

enum Heard {
    Lines(Vec<LogLine>),
    /// All that was said before is told.
    Told,
    Over,
}

type Readers = SelectAll<BoxStream<'static, (String, Result<Heard, SourceError>)>>;

struct Follow {
    source: SourceId,
    session: Session,
    events: Events,
    target: LogTarget,
    from: Option<Timestamp>,
    memory: MemoryOf,
    cursor: Cursor,
    followed: HashMap<String, Followed>,
    readers: Readers,
    poll: Option<Instant>,
    first: Option<Vec<Fact>>,
}

/// The logs of `target`, from where `memory` left them.
pub fn follow(
    opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static,
    source: SourceId,
    target: LogTarget,
    (cursor, memory): (Cursor, MemoryOf),
) -> Facts {
    let begin = async move {
        let session = opening.await?;
        let (logs, from, poll) = match &target {
            LogTarget::Workload { workload, since } => (logs_of(&session, &source, workload).await?, *since, service(&session, workload).is_some()),
            LogTarget::Pod { pod, since, .. } => (vec![log_of(&session, &source, pod).await?], *since, false),
            LogTarget::Job(_) => return Err(SourceError::Unsupported("an engine has no jobs".into())),
        };
        let events = Events::of(&session, &["container"]);
        let poll = poll.then(|| Instant::now() + swarm::EVERY);
        let mut follow =
            Follow { source, session, events, target, from, memory, cursor, followed: HashMap::new(), readers: SelectAll::new(), poll, first: None };
        follow.first = Some(logs.into_iter().flat_map(|log| follow.begin(log)).collect());
        Ok(stream::try_unfold(follow, Follow::step))
    };
    stream::once(begin).try_flatten().boxed()
}

impl Follow {
    /// Begins with a log: says who speaks, and where its present run began if that was not its first.
    fn begin(&mut self, log: Log) -> Vec<Fact> {
        let (_, new) = self.memory.of(&log.id);
        let mut facts = vec![Fact::Stream(log.stream.clone())];
        if let (true, Some(at)) = (new, log.parted) {
            facts.push(say(&log, Some(at), clean!("{} was started again here", log.stream.pod)));
        }
        self.readers.push(self.reader(&log));
        self.followed.insert(log.id.clone(), Followed { log, standing: Standing::Reading });
        facts
    }

    fn reader(&self, log: &Log) -> BoxStream<'static, (String, Result<Heard, SourceError>)> {
        let (seen, _) = self.memory.of(&log.id);
        let id = log.id.clone();
        let lines = read(&self.session, log, &seen, self.from).map_ok(Heard::Lines);
        let lines = lines.chain(stream::once(std::future::ready(Ok(Heard::Over))));
        told_when_quiet(lines.boxed()).map(move |heard| (id.clone(), heard)).boxed()
    }

    /// The next facts; none when the one log that was asked for is no more.
    async fn step(mut self) -> Result<Option<(Batch, Self)>, SourceError> {
        if let Some(facts) = self.first.take() {
            return Ok(Some((self.batch(facts), self)));
        }
        if self.followed.is_empty() && matches!(self.target, LogTarget::Pod { .. }) {
            return Ok(None);
        }
        let due = self.poll;
        let facts = tokio::select! {
            // Only what happened is heard here: how it is answered may be waited for without losing what is read meanwhile.
            heard = self.readers.next(), if !self.readers.is_empty() => match heard {
                Some((id, heard)) => self.read(&id, heard?),
                None => Vec::new(),
            },
            events = self.events.next() => self.hear(&events?).await?,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.look().await?,
        };
        Ok(Some((self.batch(facts), self)))
    }

    fn batch(&self, facts: Vec<Fact>) -> Batch {
        Batch { facts, cursor: Some(self.cursor.clone()) }
    }

    fn read(&mut self, id: &str, heard: Heard) -> Vec<Fact> {
        let Some(followed) = self.followed.get_mut(id) else { return Vec::new() };
        match heard {
            Heard::Lines(lines) if lines.is_empty() => Vec::new(),
            Heard::Lines(lines) => vec![Fact::Lines(followed.log.stream.id.clone(), lines)],
            Heard::Told => {
                followed.log.stream.told = true;
                vec![Fact::Stream(followed.log.stream.clone())]
            }
            Heard::Over => {
                self.over(id);
                Vec::new()
            }
        }
    }

    fn over(&mut self, id: &str) {
        let Some(followed) = self.followed.get_mut(id) else { return };
        match std::mem::replace(&mut followed.standing, Standing::Waiting) {
            Standing::Reading | Standing::Waiting => {
                // No event tells of the end of a task of a swarm.
                if followed.log.path.starts_with("/tasks/") {
                    self.followed.remove(id);
                }
            }
            Standing::ReadingAgain => self.take_up(id),
            Standing::ReadingLast => drop(self.followed.remove(id)),
        }
    }

    /// Opens the log of a container that is known, once more.
    fn take_up(&mut self, id: &str) {
        let Some(followed) = self.followed.get_mut(id) else { return };
        match followed.standing {
            Standing::Reading | Standing::ReadingAgain | Standing::ReadingLast => followed.standing = Standing::ReadingAgain,
            Standing::Waiting => {
                followed.standing = Standing::Reading;
                let log = followed.log.clone();
                let reader = self.reader(&log);
                self.readers.push(reader);
            }
        }
    }

    fn gone(&mut self, id: &str) {
        match self.followed.get_mut(id) {
            Some(followed) if followed.standing == Standing::Waiting => drop(self.followed.remove(id)),
            Some(followed) => followed.standing = Standing::ReadingLast,
            None => {}
        }
    }

    async fn hear(&mut self, events: &[Event]) -> Result<Vec<Fact>, SourceError> {
        let mut facts = Vec::new();
        for event in events.iter().filter(|event| event.kind == "container") {
            let id = event.actor.id.clone();
            match (event.verb(), self.followed.get(&id).map(|followed| followed.log.clone())) {
                ("die" | "died", Some(log)) => {
                    let code = event.attribute("exitCode").parse().unwrap_or_default();
                    let words = Death { code, oom: false, at: None }.words();
                    facts.push(say(&log, event.at(), clean!("{} ended: {words}", log.stream.pod)));
                }
                ("start", Some(log)) => {
                    facts.push(say(&log, event.at(), clean!("{} started again", log.stream.pod)));
                    self.take_up(&id);
                }
                ("start", None) if self.concerns(event) => match world::inspect(&self.session, &id).await {
                    Ok(container) => facts.extend(self.begin(Log::of_container(&self.source, &container))),
                    // It has gone again already.
                    Err(SourceError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                },
                ("destroy" | "remove", Some(_)) => self.gone(&id),
                (_, _) => {}
            }
        }
        Ok(facts)
    }

    /// Whether a container that nobody knew belongs to the workload that is followed.
    fn concerns(&self, event: &Event) -> bool {
        let LogTarget::Workload { workload, .. } = &self.target else { return false };
        self.poll.is_none() && rows::workload_id(&self.source, &events::container(event)).as_ref() == Some(workload)
    }

    /// Looks for new tasks of a swarm's service: they send no events.
    async fn look(&mut self) -> Result<Vec<Fact>, SourceError> {
        self.poll = Some(Instant::now() + swarm::EVERY);
        let LogTarget::Workload { workload, .. } = self.target.clone() else { return Ok(Vec::new()) };
        let logs = logs_of(&self.session, &self.source, &workload).await?;
        let new: Vec<Log> = logs.into_iter().filter(|log| !self.followed.contains_key(&log.id)).collect();
        Ok(new.into_iter().flat_map(|log| self.begin(log)).collect())
    }
}

/// Says once that all of before is told: when the log is silent for a while, and when it ends.
fn told_when_quiet(heard: BoxStream<'static, Result<Heard, SourceError>>) -> impl futures::Stream<Item = Result<Heard, SourceError>> + Send {
    stream::unfold((heard, false, None), |(mut heard, told, over)| async move {
        if let Some(over) = over {
            return Some((over, (heard, true, None)));
        }
        if told {
            return heard.next().await.map(|next| (next, (heard, true, None)));
        }
        match tokio::time::timeout(QUIET, heard.next()).await {
            Err(_) => Some((Ok(Heard::Told), (heard, true, None))),
            Ok(Some(Ok(Heard::Over))) => Some((Ok(Heard::Told), (heard, true, Some(Ok(Heard::Over))))),
            Ok(next) => next.map(|next| (next, (heard, false, None))),
        }
    })
}

/// A line of ours in a log.
fn say(log: &Log, at: Option<Timestamp>, text: crate::text::Clean) -> Fact {
    Fact::Lines(log.stream.id.clone(), vec![notice(at, text)])
}
