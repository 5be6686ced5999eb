//! The log of one job. GitHub has none while the job runs; when it is over the log lies at another host, which is not told who we are.

use super::{api::Api, keys, meter::Need, wire::WireJob};
use crate::{
    clean,
    domain::{Batch, Cursor, Fact, Id, Job, LogLine, LogStream, RunStatus},
    logs::line,
    sources::{
        SourceError,
        ci::{self, Lines},
        http::{Ask, Opened},
    },
    text::{Clean, Raw},
};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::{SignedDuration, Timestamp};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// How long after its end a job may still have no log, and how often it is looked for meanwhile.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(3);

/// The log of `job`, from line `after` on, when it is there.
pub(super) fn watch(api: Arc<Api>, job: Id<Job>, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
    let given = after.and_then(|Cursor(lines)| lines.expose().parse().ok());
    let watch = Watch { api, job, lines: Lines::after(given.unwrap_or(0)), quiet: given.is_some(), state: State::Begin };
    stream::try_unfold(watch, |mut watch| async move { Ok(watch.next().await?.map(|batch| (batch, watch))) }).boxed()
}

struct Watch {
    api: Arc<Api>,
    job: Id<Job>,
    lines: Lines,
    /// That it must be waited for was said already.
    quiet: bool,
    state: State,
}

enum State {
    Begin,
    Waiting,
    Reading(BoxStream<'static, Result<Bytes, SourceError>>),
    Over,
}

impl Watch {
    async fn next(&mut self) -> Result<Option<Batch>, SourceError> {
        match &mut self.state {
            State::Begin => self.begin().await.map(Some),
            State::Waiting => {
                sleep(self.api.pace.jobs * self.api.slowness()).await;
                let job = self.job().await?;
                if job.completed() { self.open(&job).await.map(Some) } else { Ok(Some(Batch::default())) }
            }
            State::Reading(_) => self.read().await,
            State::Over => Ok(None),
        }
    }

    async fn begin(&mut self) -> Result<Batch, SourceError> {
        let job = self.job().await?;
        let stream = LogStream::new(keys::log(&self.job), job.name(), "");
        let mut facts = vec![Fact::Stream(stream)];
        if job.completed() {
            facts.extend(self.open(&job).await?.facts);
        } else {
            self.state = State::Waiting;
            if !self.quiet {
                facts.push(self.notice("its log is there when the job ends: GitHub has none of a job that runs".into()));
            }
        }
        Ok(Batch { facts, cursor: Some(self.cursor()) })
    }

    async fn job(&mut self) -> Result<WireJob, SourceError> {
        let (repository, number) = place(&self.job)?;
        read(&self.api, repository, &number).await
    }

    /// Asks for the log until it is there, or is known not to come.
    async fn open(&mut self, job: &WireJob) -> Result<Batch, SourceError> {
        let (repository, number) = place(&self.job)?;
        loop {
            let reply = match self.api.open(Need::Detail, log(repository, &number)).await? {
                Opened::Body { chunks, .. } => {
                    self.state = State::Reading(chunks);
                    return Ok(Batch::default());
                }
                Opened::Refused(reply) => reply,
            };
            match reply.status.as_u16() {
                404 | 410 if fresh(job) => sleep(AGAIN).await,
                404 | 410 => {
                    self.state = State::Over;
                    return Ok(Batch { facts: vec![self.notice(absent(job))], cursor: None });
                }
                _ => return Err(self.api.trouble(repository, &reply).into()),
            }
        }
    }

    /// The next lines, or the end.
    async fn read(&mut self) -> Result<Option<Batch>, SourceError> {
        let State::Reading(body) = &mut self.state else { return Ok(None) };
        let (lines, ended) = self.lines.read(body, true).await?;
        if ended {
            self.state = State::Over;
        }
        let facts = if lines.is_empty() { Vec::new() } else { vec![Fact::Lines(keys::log(&self.job), lines)] };
        Ok(Some(Batch { facts, cursor: Some(self.cursor()) }))
    }

    fn cursor(&self) -> Cursor {
        Cursor(Raw::new(&self.lines.given.max(self.lines.skip).to_string()))
    }

    fn notice(&self, words: Clean) -> Fact {
        Fact::Lines(keys::log(&self.job), vec![line::notice(Some(Timestamp::now()), words)])
    }
}

/// The last lines of the step that failed.
pub(super) async fn tail(api: &Api, job: &Id<Job>) -> Result<Vec<Clean>, SourceError> {
    let (repository, number) = place(job)?;
    match api.open(Need::Detail, log(repository, &number)).await? {
        Opened::Body { chunks, .. } => Ok(failing(&ci::lines(&ci::end_of(chunks).await?))),
        Opened::Refused(reply) if matches!(reply.status.as_u16(), 404 | 410) => {
            let job = read(api, repository, &number).await?;
            Err(SourceError::NotFound(if fresh(&job) { "its log is not there yet".into() } else { absent(&job) }))
        }
        Opened::Refused(reply) => Err(api.trouble(repository, &reply).into()),
    }
}

/// What a runner writes into a log beside what the job says (seen in logs of GitHub; the commands are documented as workflow commands).
const MARK: &str = "##[";
const ERROR: &str = "##[error]";

/// The last lines up to the error that ended the step: steps that tidy up speak after it.
fn failing(lines: &[LogLine]) -> Vec<Clean> {
    let end = lines.iter().rposition(|line| line.text.text.starts_with(ERROR)).map_or(lines.len(), |at| at + 1);
    let unmarked = |line: &LogLine| {
        let text = line.text.text.as_str();
        let rest = text.strip_prefix(MARK).and_then(|rest| rest.split_once(']')).map_or(text, |(_, rest)| rest);
        LogLine { text: Clean::from_untrusted(rest).into(), ..line.clone() }
    };
    ci::last(&lines[..end].iter().map(unmarked).collect::<Vec<_>>(), ci::LINES)
}

/// The repository and the number of a job, for a URL.
fn place(job: &Id<Job>) -> Result<(&str, String), SourceError> {
    let none = || SourceError::NotFound(clean!("{} is not a job of GitHub", job.as_str()));
    keys::of_job(job).map(|(repository, number)| (repository, number.to_string())).ok_or_else(none)
}

async fn read(api: &Api, repository: &str, number: &str) -> Result<WireJob, SourceError> {
    Ok(api.read(Need::Detail, repository, Api::ask(repository, &["actions", "jobs", number])).await?.0)
}

fn log(repository: &str, number: &str) -> Ask {
    Api::ask(repository, &["actions", "jobs", number, "logs"]).any()
}

fn fresh(job: &WireJob) -> bool {
    job.ran() && job.ended().is_some_and(|at| Timestamp::now().duration_since(at) < FRESH)
}

/// Why there is no log.
fn absent(job: &WireJob) -> Clean {
    match job.status() {
        RunStatus::Skipped => "this job was skipped: it has no log".into(),
        RunStatus::Cancelled if !job.ran() => "this job was cancelled before it began: it has no log".into(),
        _ => "the log of this job is gone: GitHub keeps logs for 90 days, or as long as the repository says, and people may delete them".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_that_failed_speaks_and_not_those_that_tidy_up_after_it() {
        let log = "\u{feff}2026-11-24T02:54:31.1234567Z ##[group]Run make test\n2026-11-24T02:54:32.0Z make test\n2026-11-24T02:54:32.0Z ##[endgroup]\n\
            2026-11-24T02:54:33.0Z \u{1b}[31mFAIL\u{1b}[0m price_test\n2026-11-24T02:54:34.0Z ##[error]Process completed with exit code 1.\n\
            2026-11-24T02:54:35.0Z Post job cleanup.\n2026-11-24T02:54:36.0Z Cleaning up orphan processes\n";
        let told: Vec<String> = failing(&ci::lines(log.as_bytes())).iter().map(Clean::to_string).collect();
        assert_eq!(told, ["Run make test", "make test", "FAIL price_test", "Process completed with exit code 1."]);
        assert_eq!(failing(&ci::lines(b"one\ntwo\n")).len(), 2, "without a mark it is the end of all");
    }
}
