//! Where expressions are run: a process of its own.
//!
//! jq is a whole language: an expression can run for ever, take all memory or go too deep, and nothing ends a thread that does (jaq has no limits of
//! its own). A process can be ended. It gets so much of the processor and of memory from the system and not more, no environment, no
//! credentials, nothing but the answers; what it says is cut at a length, and it ends with whoever started it or soon after.

use super::filter::{Filter, roomy};
use crate::{
    clean,
    sources::SourceError,
    text::{Clean, bytes as size},
};
use bytes::Bytes;
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use std::{
    borrow::Cow,
    io::{self, BufWriter, Read, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::{Instant, timeout},
};

/// The face of the program that does it.
pub const FACE: &str = "map-answers";

/// Seconds of the processor, and bytes of memory.
const PROCESSOR: u64 = 2;
const MEMORY: u64 = 512 << 20;
/// The longest that it may take by the clock, on a machine that has much else to do.
const LATEST: Duration = Duration::from_secs(60);
/// The largest that is taken in, and that is given back.
const INPUT: u64 = 80 << 20;
const OUTPUT: usize = 4 << 20;
/// The most that may come of one answer.
const MOST: usize = 1_000;
/// How long an expression that had to be ended is not run again.
const REST: Duration = Duration::from_secs(5 * 60);

/// What is to be done.
#[derive(Serialize, Deserialize)]
struct Task<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    answers: Vec<&'a RawValue>,
}

/// What came of one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mapped {
    /// What came.
    pub records: Vec<Value>,
    /// How often the expression failed instead.
    pub failed: usize,
    /// How, the first time.
    pub why: Option<Clean>,
}

/// How each line begins that is given back: with a record, with words of what failed, or that an answer is done.
const RECORD: char = '=';
const FAILED: char = '!';
const DONE: &str = ".";

/// What the process does: reads a task, maps, and writes line by line.
///
/// # Errors
/// That it can not be done within limits, or at all.
pub fn serve() -> Result<(), Clean> {
    let lost = |error: &dyn std::fmt::Display| clean!("{error}");
    for (what, most) in [(Resource::Cpu, PROCESSOR), (Resource::As, MEMORY)] {
        setrlimit(what, Rlimit { current: Some(most), maximum: Some(most + 1) }).map_err(|error| lost(&error))?;
    }
    let mut text = String::new();
    io::stdin().take(INPUT).read_to_string(&mut text).map_err(|error| lost(&error))?;
    let task: Task<'_> = serde_json::from_str(&text).map_err(|error| lost(&error))?;
    roomy(|| {
        let mut out = BufWriter::new(io::stdout().lock());
        let filter = Filter::read(&task.code)?;
        for answer in &task.answers {
            map(&filter, answer, &mut out).map_err(|error| lost(&error))?;
        }
        out.flush().map_err(|error| lost(&error))
    })
}

fn map(filter: &Filter, answer: &RawValue, out: &mut impl Write) -> io::Result<()> {
    let (mut count, mut wrote) = (0, Ok(()));
    filter.run(answer.get().as_bytes(), |one| {
        count += 1;
        wrote = match one {
            _ if count > MOST => writeln!(out, "{FAILED}more than {MOST} came of one answer; the rest is left out"),
            Ok(record) => writeln!(out, "{RECORD}{record}"),
            Err(why) => writeln!(out, "{FAILED}{}", why.lines().next().unwrap_or_default()),
        };
        wrote.is_ok() && count <= MOST
    });
    wrote?;
    writeln!(out, "{DONE}")
}

/// Runs expressions.
pub(super) struct Worker {
    program: PathBuf,
    resting: Mutex<Option<(Instant, Clean)>>,
}

impl Worker {
    /// With this program, which has [`FACE`].
    pub fn new(program: PathBuf) -> Self {
        Self { program, resting: Mutex::default() }
    }

    /// This program itself, also after a newer one took its place on the disk.
    pub fn own() -> PathBuf {
        let this = PathBuf::from("/proc/self/exe");
        if this.exists() { this } else { std::env::current_exe().unwrap_or_default() }
    }

    /// Why nothing is run at present, where an expression had to be ended.
    ///
    /// # Errors
    /// That.
    pub fn ready(&self) -> Result<(), SourceError> {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        match resting.as_ref().filter(|(until, _)| *until > Instant::now()) {
            Some((_, words)) => Err(SourceError::Protocol(words.clone())),
            None => Ok(()),
        }
    }

    /// What `code` makes of each of `answers`, which are JSON.
    ///
    /// # Errors
    /// That it had to be ended, and why.
    pub async fn map(&self, code: &str, answers: &[Bytes]) -> Result<Vec<Mapped>, SourceError> {
        if answers.is_empty() {
            return Ok(Vec::new());
        }
        self.ready()?;
        let mapped = self.within(code, answers).await;
        mapped.map_err(|words| {
            *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now() + REST, words.clone()));
            SourceError::Protocol(words)
        })
    }

    async fn within(&self, code: &str, answers: &[Bytes]) -> Result<Vec<Mapped>, Clean> {
        let unread = |error: serde_json::Error| clean!("an answer can not be mapped: {error}");
        let answers: Vec<&RawValue> = answers.iter().map(|answer| serde_json::from_slice(answer)).collect::<Result<_, _>>().map_err(unread)?;
        let wanted = answers.len();
        let task = serde_json::to_vec(&Task { code: code.into(), answers }).map_err(unread)?;
        let mut command = Command::new(&self.program);
        command.arg(FACE).env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.process_group(0).kill_on_drop(true).spawn();
        let mut child = child.map_err(|error| clean!("the process that runs expressions does not start: {error}"))?;
        let late = |_| clean!("the expression was ended: it took more than {} s", LATEST.as_secs());
        let (said, status) = timeout(LATEST, talk(&mut child, &task)).await.map_err(late)??;
        let mapped = understood(&said);
        if status.success() && mapped.len() == wanted { Ok(mapped) } else { Err(ended(status, &said)) }
    }
}

/// Gives it the task, and takes in what it says.
async fn talk(child: &mut Child, task: &[u8]) -> Result<(Vec<u8>, ExitStatus), Clean> {
    let lost = |error: io::Error| clean!("the process that runs expressions was lost: {error}");
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let tell = async move {
        if let Some(mut stdin) = stdin {
            // It may end before it has read all.
            _ = stdin.write_all(task).await;
        }
    };
    let hear = async move {
        let mut said = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(OUTPUT as u64 + 1).read_to_end(&mut said).await?;
        }
        Ok(said)
    };
    let ((), said) = tokio::join!(tell, hear);
    let said = said.map_err(lost)?;
    if said.len() > OUTPUT {
        return Err(clean!("the expression was ended: more than {} come of it", size(OUTPUT as u64)));
    }
    Ok((said, child.wait().await.map_err(lost)?))
}

/// What it said, answer by answer.
fn understood(said: &[u8]) -> Vec<Mapped> {
    let (mut all, mut one) = (Vec::new(), Mapped::default());
    for line in String::from_utf8_lossy(said).lines() {
        let read = line.strip_prefix(RECORD).map(serde_json::from_str::<Value>);
        match (read, line) {
            (_, DONE) => all.push(std::mem::take(&mut one)),
            (Some(Ok(record)), _) => one.records.push(record),
            (Some(Err(_)), _) => one.fails("what comes of it is no JSON (a number that is none, or bytes)"),
            (None, line) => one.fails(line.strip_prefix(FAILED).unwrap_or(line)),
        }
    }
    all
}

impl Mapped {
    fn fails(&mut self, why: &str) {
        self.failed += 1;
        self.why.get_or_insert_with(|| Clean::from_untrusted(&why.chars().take(200).collect::<String>()));
    }
}

/// Why it ended early.
fn ended(status: ExitStatus, said: &[u8]) -> Clean {
    let (seconds, memory) = (PROCESSOR, size(MEMORY));
    match status.signal().and_then(Signal::from_named_raw) {
        Some(Signal::XCPU | Signal::KILL) => {
            clean!("the expression was ended: it took more than {seconds} s of the processor; does it repeat something for ever?")
        }
        Some(_) => clean!("the expression was ended: it took more than {memory}, or goes too deep; does it call itself?"),
        None => {
            let said: String = String::from_utf8_lossy(said).chars().take(200).collect();
            clean!("the expression ended early ({status}): {said}")
        }
    }
}
