//! The console of a build as it grows. Jenkins counts bytes of its own file, which has more in it than is sent: it says itself where to go on.

use super::{
    api::{Api, Need},
    keys,
};
use crate::{
    clean,
    domain::{Batch, Cursor, Fact, Id, Job, LogStream},
    logs::line,
    sources::{
        SourceError,
        ci::Lines,
        http::{HeaderMap, Opened},
    },
    text::{Clean, Raw},
};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::time::sleep;

/// Where the next bytes begin, and whether there will be more.
pub(super) const SIZE: &str = "x-text-size";
const MORE: &str = "x-more-data";

/// The log of the build of `job`, from where `after` says.
pub(super) fn watch(api: Arc<Api>, job: Id<Job>, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
    let place = after.and_then(|Cursor(place)| {
        let (from, lines) = place.expose().split_once('/')?;
        Some((from.parse().ok()?, lines.parse().ok()?))
    });
    let (from, skip) = place.unwrap_or((0, 0));
    let watch = Watch { api, job, begin: from, next: from, lines: Lines::after(skip), named: false, state: State::Rested };
    stream::try_unfold(watch, |mut watch| async move { Ok(watch.next().await?.map(|batch| (batch, watch))) }).boxed()
}

struct Watch {
    api: Arc<Api>,
    job: Id<Job>,
    /// Where in the file the lines began that are counted now: at the beginning of one.
    begin: u64,
    /// Where in the file to go on.
    next: u64,
    lines: Lines,
    named: bool,
    state: State,
}

enum State {
    /// It is time to ask.
    Rested,
    /// There is nothing new now.
    Resting,
    Reading {
        body: BoxStream<'static, Result<Bytes, SourceError>>,
        /// Where the file ends with it.
        size: u64,
        /// Whether more will come.
        more: bool,
    },
    Over,
}

impl Watch {
    async fn next(&mut self) -> Result<Option<Batch>, SourceError> {
        match &mut self.state {
            State::Over => Ok(None),
            State::Resting => {
                sleep(self.api.pace.jobs).await;
                self.open().await.map(Some)
            }
            State::Rested => self.open().await.map(Some),
            State::Reading { .. } => self.read().await.map(Some),
        }
    }

    /// Asks for what is new.
    async fn open(&mut self) -> Result<Batch, SourceError> {
        let Some((path, number)) = keys::of_job(&self.job) else {
            return Err(SourceError::NotFound(clean!("{} is not a job of Jenkins", self.job.as_str())));
        };
        let ask = Api::ask(path, &[&number.to_string(), "logText", "progressiveText"]).with("start", self.next.to_string());
        let mut facts = Vec::new();
        if !self.named {
            self.named = true;
            facts.push(Fact::Stream(LogStream::new(keys::log(&self.job), &format!("{path} #{number}"), "")));
        }
        match self.api.open(Need::List, ask).await? {
            Opened::Body { headers, chunks } => facts.extend(self.opened(&headers, chunks)),
            Opened::Refused(reply) if matches!(reply.status.as_u16(), 404 | 410) => {
                self.state = State::Over;
                facts.push(self.notice("this build is gone, and its log with it".into()));
            }
            Opened::Refused(reply) => return Err(self.api.trouble(path, &reply)),
        }
        Ok(Batch { facts, cursor: Some(self.cursor()) })
    }

    fn opened(&mut self, headers: &HeaderMap, body: BoxStream<'static, Result<Bytes, SourceError>>) -> Option<Fact> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let size: u64 = text(SIZE).and_then(|size| size.parse().ok()).unwrap_or(self.next);
        let more = text(MORE).is_some_and(|more| more.eq_ignore_ascii_case("true"));
        // The file is shorter than what was read: it is another one, and is sent from its beginning.
        let anew = size < self.next;
        if anew {
            (self.begin, self.lines) = (0, Lines::default());
        }
        self.state = State::Reading { body, size, more };
        anew.then(|| self.notice("the log was begun anew".into()))
    }

    async fn read(&mut self) -> Result<Batch, SourceError> {
        let State::Reading { body, size, more } = &mut self.state else { return Ok(Batch::default()) };
        let (size, more) = (*size, *more);
        let (lines, ended) = self.lines.read(body, !more).await?;
        if ended {
            self.next = size;
            self.state = if more { State::Resting } else { State::Over };
            // Only what ends with a line can be gone on with from here; else this piece is read again.
            if !self.lines.open() {
                (self.begin, self.lines) = (size, Lines::default());
            }
        }
        let facts = if lines.is_empty() { Vec::new() } else { vec![Fact::Lines(keys::log(&self.job), lines)] };
        Ok(Batch { facts, cursor: Some(self.cursor()) })
    }

    fn cursor(&self) -> Cursor {
        Cursor(Raw::new(&format!("{}/{}", self.begin, self.lines.given.max(self.lines.skip))))
    }

    fn notice(&self, words: Clean) -> Fact {
        Fact::Lines(keys::log(&self.job), vec![line::notice(Some(Timestamp::now()), words)])
    }
}
