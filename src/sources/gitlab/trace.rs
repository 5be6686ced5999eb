//! The log of one job, followed while it runs. GitLab sends it whole each time, whatever is asked: it is asked for the more seldom the larger it
//! is, what was seen before is let go as it arrives, and only what is new is told.

use super::{api::Api, keys, meter::Need, wire::WireJob};
use crate::{
    clean,
    domain::{Batch, Cursor, Fact, Id, Job, LineKind, LogLine, LogStream, RunStatus},
    logs::line,
    sources::{
        SourceError, ci,
        http::{Ask, Opened},
    },
    text::{Clean, Raw},
};
use bytes::{Bytes, BytesMut};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// How much is handed on at once, and how long to rest after it.
const BATCH: usize = 256 << 10;
const REST: Duration = Duration::from_millis(25);
/// A line beyond this is handed on in pieces.
const LINE: usize = 1 << 20;
/// For each so many bytes of the whole it is asked for once less often, up to so seldom.
const WIDENS: u64 = 1 << 20;
const SELDOM: u32 = 12;

/// The log of `job`, from byte `after` on.
pub(super) fn watch(api: Arc<Api>, job: Id<Job>, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
    let given = after.and_then(|Cursor(bytes)| bytes.expose().parse().ok()).unwrap_or(0);
    let watch = Watch { api, job, given, said: given > 0, state: State::Begin };
    stream::try_unfold(watch, |mut watch| async move { Ok(watch.next().await?.map(|batch| (batch, watch))) }).boxed()
}

struct Watch {
    api: Arc<Api>,
    job: Id<Job>,
    /// Bytes of whole lines that were handed on.
    given: u64,
    /// That nothing is there yet was said already.
    said: bool,
    state: State,
}

enum State {
    Begin,
    /// The whole is on its way once more.
    Reading(Reading),
    Resting(Duration),
    Over,
}

struct Reading {
    body: BoxStream<'static, Result<Bytes, SourceError>>,
    /// Bytes that came so far, and what is not handed on of them.
    came: u64,
    rest: BytesMut,
    /// The job was over before it was asked for: nothing more will come.
    last: bool,
}

impl Watch {
    async fn next(&mut self) -> Result<Option<Batch>, SourceError> {
        match &mut self.state {
            State::Begin => self.begin().await.map(Some),
            State::Resting(pause) => {
                sleep(*pause).await;
                self.ask().await.map(Some)
            }
            State::Reading(_) => self.read().await.map(Some),
            State::Over => Ok(None),
        }
    }

    async fn begin(&mut self) -> Result<Batch, SourceError> {
        if keys::is_bridge(&self.job) {
            self.state = State::Over;
            let words = "this job begins another pipeline: it has no log of its own, the jobs of that pipeline have";
            return Ok(Batch::of([Fact::Stream(LogStream::new(keys::log(&self.job), "", "")), self.notice(words.into())]));
        }
        let job = self.job().await?;
        let mut facts = vec![Fact::Stream(LogStream::new(keys::log(&self.job), job.name(), ""))];
        facts.extend(self.open(&job).await?.facts);
        Ok(Batch { facts, cursor: Some(self.cursor()) })
    }

    async fn ask(&mut self) -> Result<Batch, SourceError> {
        let job = self.job().await?;
        self.open(&job).await
    }

    async fn job(&mut self) -> Result<WireJob, SourceError> {
        let (project, number) = place(&self.job)?;
        read(&self.api, project, &number).await
    }

    /// Asks for the whole.
    async fn open(&mut self, job: &WireJob) -> Result<Batch, SourceError> {
        let (project, number) = place(&self.job)?;
        let last = job.over();
        if !job.ran() && !last {
            let words = match job.status() {
                RunStatus::Waiting(what) => clean!("this job waits {what}: its log begins when a runner takes it"),
                _ => "this job waits for a runner: its log begins when one takes it".into(),
            };
            return Ok(self.wait(words));
        }
        match self.api.open(Need::Detail, trace(project, &number)).await? {
            Opened::Body { chunks: body, .. } => {
                self.state = State::Reading(Reading { body, came: 0, rest: BytesMut::new(), last });
                Ok(Batch::default())
            }
            // There is none yet, or none any more: both are told in the same way.
            Opened::Refused(reply) if matches!(reply.status.as_u16(), 404 | 410) => Ok(if last {
                self.state = State::Over;
                Batch { facts: vec![self.notice(absent(job))], cursor: Some(self.cursor()) }
            } else {
                self.wait("it has said nothing yet".into())
            }),
            Opened::Refused(reply) => Err(self.api.trouble(project, &reply).into()),
        }
    }

    /// Comes back later; why, is said once.
    fn wait(&mut self, words: Clean) -> Batch {
        self.state = State::Resting(self.pause(0));
        let facts = if std::mem::replace(&mut self.said, true) { Vec::new() } else { vec![self.notice(words)] };
        Batch { facts, cursor: Some(self.cursor()) }
    }

    fn pause(&self, size: u64) -> Duration {
        let wider = u32::try_from(size / WIDENS).unwrap_or(SELDOM).saturating_add(1).min(SELDOM);
        self.api.pace.jobs * self.api.slowness() * wider
    }

    /// The next lines that are new, or the end of what is there now.
    async fn read(&mut self) -> Result<Batch, SourceError> {
        let State::Reading(reading) = &mut self.state else { return Ok(Batch::default()) };
        let (mut ended, enough) = (false, reading.rest.len() + BATCH);
        while reading.rest.len() < enough && !ended {
            match reading.body.next().await {
                Some(chunk) => reading.take(&chunk?, self.given),
                None => ended = true,
            }
        }
        let (bytes, came, last) = (reading.whole_lines(ended), reading.came, reading.last);
        self.said |= !bytes.is_empty();
        self.given += bytes.len() as u64;
        let mut facts = Vec::new();
        let lines: Vec<LogLine> = lines(&bytes);
        if !lines.is_empty() {
            facts.push(Fact::Lines(keys::log(&self.job), lines));
        }
        match (ended, last) {
            (false, _) => sleep(REST).await,
            // It is shorter than what was seen of it: somebody erased it, or it was written anew.
            (true, _) if came < self.given => {
                facts.push(self.notice("the log was erased or written anew: it begins once more".into()));
                self.given = 0;
                self.state = State::Resting(self.pause(0));
            }
            (true, true) => self.state = State::Over,
            (true, false) => self.state = State::Resting(self.pause(came)),
        }
        Ok(Batch { facts, cursor: Some(self.cursor()) })
    }

    fn cursor(&self) -> Cursor {
        Cursor(Raw::new(&self.given.to_string()))
    }

    fn notice(&self, words: Clean) -> Fact {
        Fact::Lines(keys::log(&self.job), vec![line::notice(Some(Timestamp::now()), words)])
    }
}

impl Reading {
    /// Keeps what is new of a chunk: what lies beyond the `given` bytes of the whole.
    fn take(&mut self, chunk: &Bytes, given: u64) {
        let skip = usize::try_from(given.saturating_sub(self.came)).unwrap_or(usize::MAX).min(chunk.len());
        self.rest.extend_from_slice(&chunk[skip..]);
        self.came += chunk.len() as u64;
    }

    /// The whole lines that wait; at the very end of a job all of it.
    fn whole_lines(&mut self, ended: bool) -> BytesMut {
        let whole = match memchr::memrchr(b'\n', &self.rest) {
            _ if ended && self.last => self.rest.len(),
            Some(end) => end + 1,
            None if self.rest.len() >= LINE => self.rest.len(),
            None => 0,
        };
        self.rest.split_to(whole)
    }
}

/// The last lines of the script that failed. The whole goes by for them: GitLab cuts nothing off.
pub(super) async fn tail(api: &Api, job: &Id<Job>) -> Result<Vec<Clean>, SourceError> {
    if keys::is_bridge(job) {
        return Err(SourceError::NotFound("it begins another pipeline and has no log: the jobs of that pipeline have".into()));
    }
    let (project, number) = place(job)?;
    match api.open(Need::Detail, trace(project, &number)).await? {
        Opened::Body { chunks, .. } => Ok(failing(&ci::end_of(chunks).await?)),
        Opened::Refused(reply) if matches!(reply.status.as_u16(), 404 | 410) => Err(SourceError::NotFound(absent(&read(api, project, &number).await?))),
        Opened::Refused(reply) => Err(api.trouble(project, &reply).into()),
    }
}

/// How the runner calls the script of a job in its marks, and how it ends a log (facts of GitLab Runner's logs).
const SCRIPT_ENDS: &[u8] = b":step_script";
const ENDS: &str = "ERROR: ";

/// The last lines of the script, and the runner's last word: what is tidied up between them is left out.
fn failing(bytes: &[u8]) -> Vec<Clean> {
    let mark = |at: &usize| {
        let begin = memchr::memrchr2(b'\r', b'\n', &bytes[..*at]).map_or(0, |begin| begin + 1);
        memchr::memmem::find(&bytes[begin..*at], b"section_end:").is_some()
    };
    let end = memchr::memmem::find_iter(bytes, SCRIPT_ENDS).filter(mark).last();
    let Some(end) = end else { return ci::last(&lines(bytes), ci::LINES) };
    let (script, rest) = (lines(&bytes[..end]), lines(&bytes[end..]));
    let word: Vec<LogLine> = rest.into_iter().rfind(|line| line.text.text.starts_with(ENDS)).into_iter().collect();
    [ci::last(&script, ci::LINES - word.len()), ci::last(&word, 1)].concat()
}

/// The project and the number of a job.
fn place(job: &Id<Job>) -> Result<(&str, String), SourceError> {
    let none = || SourceError::NotFound(clean!("{} is not a job of GitLab", job.as_str()));
    keys::of_job(job).map(|(project, number)| (project, number.to_string())).ok_or_else(none)
}

async fn read(api: &Api, project: &str, number: &str) -> Result<WireJob, SourceError> {
    Ok(api.read(Need::Detail, project, Api::ask(project, &["jobs", number])).await?.0)
}

fn trace(project: &str, number: &str) -> Ask {
    Api::ask(project, &["jobs", number, "trace"]).any()
}

/// Lines without the marks of sections, and of a line that was written over itself what it came to be.
fn lines(bytes: &[u8]) -> Vec<LogLine> {
    let each = bytes.split_inclusive(|byte| *byte == b'\n');
    each.filter_map(|one| {
        let one = one.strip_suffix(b"\n").unwrap_or(one);
        let one = shown(one.strip_suffix(b"\r").unwrap_or(one))?;
        Some(line::parse(&one, LineKind::Output))
    })
    .collect()
}

/// What a terminal would show of a line in the end; none where it was but marks.
fn shown(line: &[u8]) -> Option<Vec<u8>> {
    let (stamp, body) = stamped(line);
    let mut marks = false;
    let last = ci::came_to(body.split(|byte| *byte == b'\r').map(|part| {
        let part = part.strip_prefix(b"\x1b[0K").unwrap_or(part);
        let mark = section(part);
        marks |= mark.is_some();
        // A mark may stand behind text.
        &part[..mark.unwrap_or(part.len())]
    }));
    (!(marks && last.is_empty())).then(|| [stamp, last].concat())
}

/// `2026-01-01T00:00:00.000000Z 00O ` of newer runners: the time stays, the stream's number goes.
fn stamped(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(end) = line.get(..40).unwrap_or(line).windows(2).position(|pair| pair == b"Z ") else { return (b"", line) };
    let (stamp, rest) = line.split_at(end + 2);
    let is_stamp = stamp.len() >= 20 && stamp[..4].iter().all(u8::is_ascii_digit) && stamp[4] == b'-' && stamp[10] == b'T';
    match rest {
        [a, b, b'O' | b'E', b' ' | b'+', body @ ..] if is_stamp && a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => (stamp, body),
        _ => (b"", line),
    }
}

/// Where the mark of a section stands: `section_start:1767225600:name[collapsed=true]`.
fn section(part: &[u8]) -> Option<usize> {
    let find = |word: &[u8]| memchr::memmem::find(part, word).filter(|at| part.get(at + word.len()).is_some_and(u8::is_ascii_digit));
    find(b"section_start:").or_else(|| find(b"section_end:"))
}

/// Why there is no log.
fn absent(job: &WireJob) -> Clean {
    match job.status() {
        _ if job.erased() => "the log of this job was erased".into(),
        RunStatus::Skipped => "this job was skipped: it has no log".into(),
        _ if !job.ran() => "this job ended before a runner took it: it has no log".into(),
        _ => "the log of this job is gone: people may delete it, and projects keep it only for so long".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<String> {
        lines(bytes).iter().map(|line| line.text.text.to_string()).collect()
    }

    #[test]
    fn marks_of_sections_are_taken_out_and_the_rest_stays() {
        let trace = b"\x1b[0KRunning with gitlab-runner 17.5.0\x1b[0;m\nsection_start:1767225600:prepare_executor\r\x1b[0K\x1b[0K\x1b[36;1mPreparing\x1b[0;m\n\
            section_end:1767225607:prepare_executor\r\x1b[0Ksection_start:1767225607:step_script\r\x1b[0KExecuting\nsection_start:1767225608:my[collapsed=true]\r\x1b[0KUnit tests\n\
            section_end:1767225611:my\r\x1b[0K\nok 42 passed\n";
        assert_eq!(read(trace), ["Running with gitlab-runner 17.5.0", "Preparing", "Executing", "Unit tests", "ok 42 passed"]);
    }

    #[test]
    fn a_line_that_is_written_over_itself_is_what_it_came_to_be() {
        assert_eq!(read(b" 10%\r 50%\r100%\r\nnext\n"), ["100%", "next"]);
        assert_eq!(read(b"\n\nx"), ["", "", "x"], "empty lines are lines");
        assert_eq!(read(b"section_start: is a word here\n"), ["section_start: is a word here"]);
    }

    #[test]
    fn the_script_that_failed_speaks_and_the_runner_has_the_last_word() {
        let log = b"section_start:1:step_script\r\x1b[0K$ make test\nFAIL price :step_script\nmake: *** [test] Error 1\nsection_end:2:step_script\r\x1b[0Ksection_start:2:cleanup_file_variables\r\x1b[0K\x1b[0KCleaning up project directory and file based variables\nsection_end:3:cleanup_file_variables\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code 2\n\x1b[0;m";
        let told: Vec<String> = failing(log).iter().map(Clean::to_string).collect();
        assert_eq!(told, ["$ make test", "FAIL price :step_script", "make: *** [test] Error 1", "ERROR: Job failed: exit code 2"]);
        let early =
            b"section_start:1:get_sources\r\x1b[0KFetching\nfatal: no such repository\nsection_end:2:get_sources\r\x1b[0KERROR: Job failed: exit code 1\n";
        assert_eq!(failing(early).len(), 3, "it never came to a script: {:?}", failing(early));
    }

    #[test]
    fn the_time_that_a_newer_runner_writes_is_the_time_of_the_line() {
        let line = &lines(b"2026-01-01T10:00:00.123456Z 00O $ make test\n2026-01-01T10:00:01.000000Z 01E+oops\n")[..];
        assert_eq!((line[0].at.map(|at| at.to_string()).as_deref(), &*line[0].text.text), (Some("2026-01-01T10:00:00.123456Z"), "$ make test"));
        assert_eq!(&*line[1].text.text, "oops");
        assert_eq!(read(b"2026-01-01 Z 00O x\n"), ["2026-01-01 Z 00O x"]);
    }

    #[test]
    fn only_what_is_new_is_kept_however_it_comes_in_pieces() {
        let whole = b"one\ntwo\nthree\nfo";
        for given in [0_usize, 4, 8, 14] {
            for size in 1..whole.len() {
                let mut reading = Reading { body: stream::empty().boxed(), came: 0, rest: BytesMut::new(), last: false };
                whole.chunks(size).for_each(|chunk| reading.take(&Bytes::copy_from_slice(chunk), given as u64));
                assert_eq!((&reading.whole_lines(true)[..], reading.came), (&whole[given..14], 16), "{given} {size}");
            }
        }
    }
}
