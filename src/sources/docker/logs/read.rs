//! Reading one log over one connection.

use super::{
    Log,
    lines::{Lines, Said},
    log_of,
};
use crate::{
    clean,
    domain::{Batch, Fact, Id, LineKind, LogLine, Pod, SourceId},
    logs::{
        Resume,
        line::{self, notice, split_time},
    },
    sources::{
        SourceError,
        docker::{
            engine::{Session, stamp},
            world::Facts,
        },
    },
    text::Clean,
};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// How many of the last lines are shown first.
const HISTORY: usize = 200;
/// How many lines of a run that is over.
const PREVIOUS: usize = 1000;
/// How far back the words of a run that is over are looked for.
const BACK: SignedDuration = SignedDuration::from_hours(24);
/// How long a log that ends may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// What of a log was seen, over its connections.
#[derive(Debug, Default)]
pub struct Seen {
    resume: Resume,
    asked: bool,
}

impl Seen {
    /// Which part of the log to ask for now. When it was asked for before and was empty, all of it is new.
    fn part(&mut self, from: Option<Timestamp>) -> String {
        let first = !std::mem::replace(&mut self.asked, true);
        match (self.resume.since(), from) {
            (Some(since), _) => format!("since={}&tail=all", stamp(since)),
            (None, Some(from)) => format!("since={}&tail=all", stamp(from)),
            (None, None) if first => format!("tail={HISTORY}"),
            (None, None) => "tail=all".to_owned(),
        }
    }
}

/// What was seen of one log, shared by its connections.
pub type Shared = Arc<Mutex<Seen>>;

/// Follows `log` over one connection, from where it was left. Ends when the run ends; what can never be read says so in a line.
///
/// # Errors
/// When the engine is lost.
pub fn read(session: &Session, log: &Log, seen: &Shared, from: Option<Timestamp>) -> BoxStream<'static, Result<Vec<LogLine>, SourceError>> {
    if log.driver == "none" {
        return stream::once(std::future::ready(Ok(vec![unread(log, "")]))).boxed();
    }
    let Ok(part) = seen.lock().map(|mut seen| seen.part(from)) else {
        return stream::empty().boxed();
    };
    let bytes = session.stream(&format!("{}?follow=1&stdout=1&stderr=1&timestamps=1&{part}", log.path));
    stream::try_unfold(Some(Reading { bytes, lines: Lines::new(log.tty), log: log.clone(), seen: seen.clone() }), |reading| async move {
        match reading {
            Some(reading) => reading.next().await.map(Some),
            None => Ok(None),
        }
    })
    .boxed()
}

struct Reading {
    bytes: BoxStream<'static, Result<Bytes, SourceError>>,
    lines: Lines,
    log: Log,
    seen: Shared,
}

impl Reading {
    /// The lines of the next bytes, and whether there is more to come.
    async fn next(mut self) -> Result<(Vec<LogLine>, Option<Self>), SourceError> {
        match self.bytes.next().await {
            Some(Ok(bytes)) => {
                let Ok(said) = self.lines.feed(&bytes) else {
                    return Ok((vec![notice(None, clean!("the log of {} is not written as the engine says: it can not be read", self.log.stream.pod))], None));
                };
                let over = said.iter().any(|said| matches!(said, Said::Broken(_)));
                let lines = self.new_of(said);
                Ok((lines, (!over).then_some(self)))
            }
            None => {
                let said = self.lines.finish();
                Ok((self.new_of(said), None))
            }
            Some(Err(SourceError::Unsupported(said) | SourceError::Conflict(said) | SourceError::NotFound(said) | SourceError::Protocol(said))) => {
                Ok((vec![unread(&self.log, &said)], None))
            }
            Some(Err(error)) => Err(error),
        }
    }

    fn new_of(&self, said: Vec<Said>) -> Vec<LogLine> {
        let Ok(mut seen) = self.seen.lock() else { return Vec::new() };
        let lines = said.into_iter().filter_map(|said| match said {
            Said::Line(line) => seen.resume.is_new(split_time(&line).0, &line).then(|| line::parse(&line, LineKind::Output)),
            Said::Broken(why) => Some(notice(None, clean!("the engine stopped reading this log: {}; ctrl-r tries again", String::from_utf8_lossy(&why)))),
        });
        lines.collect()
    }
}

/// Why there are no lines, in their place.
fn unread(log: &Log, said: &str) -> LogLine {
    let name = &log.stream.pod;
    let text = match (&*log.driver, said) {
        ("none", _) => clean!("{name} keeps no log: its log driver is none; run it with --log-driver local to see its lines"),
        (driver, said) if said.contains("does not support reading") => {
            clean!("the log of {name} goes elsewhere: its log driver {driver} can not be read back; look there, or run it with --log-driver local")
        }
        (_, said) => clean!("the log of {name} can not be read: {said}"),
    };
    notice(None, text)
}

/// Lines of a log that ends: the last `tail` before `until`.
async fn ended(session: &Session, log: &Log, tail: usize, until: Option<Timestamp>) -> Result<Vec<Vec<u8>>, SourceError> {
    // The engine takes the last lines first and looks at their times then: those of the run after it would take their place.
    let part = until.map_or_else(|| format!("tail={tail}"), |until| format!("tail=all&since={}&until={}", stamp(until - BACK), stamp(until)));
    let mut parts = session.bytes(&format!("{}?stdout=1&stderr=1&timestamps=1&{part}", log.path), PATIENCE);
    let (mut lines, mut last) = (Lines::new(log.tty), std::collections::VecDeque::new());
    let over = tokio::time::Instant::now() + PATIENCE;
    // What has come until then is shown: a log of many gigabytes is not worth a longer wait.
    while let Ok(Some(bytes)) = tokio::time::timeout_at(over, parts.next()).await {
        let said = lines.feed(&bytes?).map_err(|_| SourceError::Protocol("the log is not written as the engine says".into()))?;
        last.extend(said.into_iter().filter_map(|said| match said {
            Said::Line(line) => Some(line),
            Said::Broken(_) => None,
        }));
        last.drain(..last.len().saturating_sub(tail));
    }
    Ok(last.into())
}

/// The run of a container before this one. Engines keep one log for all runs: it is what was said before this run began.
pub fn previous(opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static, source: SourceId, pod: Id<Pod>) -> Facts {
    let read = async move {
        let session = opening.await?;
        let mut log = log_of(&session, &source, &pod).await?;
        log.stream.id = Id::new(&source, &format!("log/{}/previous", log.id));
        (log.stream.previous, log.stream.told) = (true, true);
        let (id, until) = (log.stream.id.clone(), log.parted);
        let lines = match (&*log.driver, until) {
            ("none", _) => vec![unread(&log, "")],
            (_, None) => vec![notice(None, "there was no run before this one".into())],
            (_, Some(_)) => ended(&session, &log, PREVIOUS, until).await?.iter().map(|line| line::parse(line, LineKind::Previous)).collect(),
        };
        let lines = if lines.is_empty() { vec![notice(None, "the run before this one said nothing that is still kept".into())] } else { lines };
        Ok(Batch { facts: vec![Fact::Stream(log.stream), Fact::Lines(id, lines)], cursor: None })
    };
    stream::once(read).boxed()
}

/// The last lines of the run that ended: before `until`, where another has begun since.
pub async fn last_words(session: &Session, log: &Log, count: usize, until: Option<Timestamp>) -> Result<Vec<Clean>, SourceError> {
    if log.driver == "none" {
        return Ok(vec![unread(log, "").text.text]);
    }
    let lines = ended(session, log, count, until).await?;
    let last = lines.iter().skip(lines.len().saturating_sub(count));
    Ok(last.map(|line| line::parse(line, LineKind::Previous).text.text).collect())
}
