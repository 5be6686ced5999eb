//! The merged log of what the targets say, as plain text. Exit 0: lines were written; 1: there are none, and why; 2: not all could be read.

mod tape;

use super::{Failed, args::Logs, exit::Exit, headless::Headless, out, start::duration};
use crate::{
    app::{List, Screen, source_of},
    domain::{ContainerState, Feed, FeedKind, Id, LineKind, Link, LogTarget, Pod, Scope, Workload},
    logs::Line,
    text::{Clean, redact},
    widgets::Selection,
};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use std::time::Duration;
use tape::Tape;

/// How often what waits is looked at.
const STEP: Duration = Duration::from_millis(200);

/// Whose log, once the sources have said what runs.
enum Target {
    Workload(Id<Workload>),
    Pod(Id<Pod>),
}

/// Finds the targets, listens, prints in the order of time.
pub async fn run(mut headless: Headless, args: Logs) -> Result<Exit, Failed> {
    let since = duration(&args.since)?;
    let grep = args.grep.as_deref().map(Regex::new).transpose().map_err(|error| Failed::new(Exit::Usage, format!("--grep: {error}")))?;
    headless.placed().await;
    let mut targets = Vec::new();
    for name in &args.targets {
        targets.extend(find(&mut headless, name, args.environment.as_deref()).await?);
    }
    let asked = headless.clock.now().wall;
    let from = asked - SignedDuration::try_from(since).unwrap_or(SignedDuration::ZERO);
    let wanted = targets.into_iter().map(|target| match target {
        Target::Workload(workload) => LogTarget::Workload { workload, since: Some(from) },
        Target::Pod(pod) => LogTarget::Pod { pod, container: None, previous: args.previous, since: Some(from) },
    });
    let wanted: Vec<LogTarget> = wanted.collect();
    headless.app.listen(wanted.clone());
    let mut face = Writer { headless, tape: Tape::new(asked), grep, wanted, found: 0, said: Vec::new() };
    face.listen(args.follow).await
}

/// The app that listens, and the lines on their way out.
struct Writer {
    headless: Headless,
    tape: Tape,
    grep: Option<Regex>,
    wanted: Vec<LogTarget>,
    /// How many lines were asked for and are there.
    found: u64,
    /// What was said on standard error.
    said: Vec<Clean>,
}

impl Writer {
    async fn listen(&mut self, follow: bool) -> Result<Exit, Failed> {
        let (mut progress, mut before) = (self.now(), 0);
        loop {
            self.headless.until(STEP, |app| !app.logs.buffer.is_empty()).await;
            self.take();
            let due = self.tape.due(self.now());
            if !self.write(&due) {
                return Ok(Exit::Yes);
            }
            self.trouble().into_iter().for_each(|words| self.remark(words));
            if self.tape.moved() != before {
                (before, progress) = (self.tape.moved(), self.now());
            }
            let tired = self.now().saturating_sub(progress) >= self.headless.patience;
            if tired {
                self.tape.give_up();
            }
            let all_told = self.all_told();
            if all_told && follow && self.found == 0 {
                let why: Vec<Clean> = self.wanted.iter().map(|target| self.why_nothing(target)).collect();
                why.into_iter().for_each(|words| self.remark(crate::clean!("{words}; it is listened to")));
            }
            if !follow && (tired || all_told) {
                let rest = self.tape.rest();
                self.write(&rest);
                return Ok(self.end());
            }
        }
    }

    fn now(&self) -> Duration {
        self.headless.clock.now().mono
    }

    /// Takes what has come out of the app, where only so much is kept.
    fn take(&mut self) {
        let (now, grep, tape, found) = (self.now(), self.grep.as_ref(), &mut self.tape, &mut self.found);
        let buffer = &mut self.headless.app.logs.buffer;
        buffer.streams().for_each(|stream| tape.knows(stream));
        buffer.drain(|line| {
            let own = matches!(line.kind, LineKind::Notice | LineKind::Change);
            let fits = own || grep.is_none_or(|grep| grep.is_match(line.text()));
            *found += u64::from(fits && !own);
            tape.put(&line.stream.id, line.at, fits.then(|| words(line, own)), now);
        });
    }

    /// Writes lines; false when nobody reads any more.
    fn write(&self, lines: &[String]) -> bool {
        lines.is_empty() || out::write(format_args!("{}\n", lines.join("\n")))
    }

    /// Says something on standard error, once.
    fn remark(&mut self, words: Clean) {
        if !self.said.contains(&words) {
            out::remark(&words);
            self.said.push(words);
        }
    }

    /// What is wrong with feeds.
    fn trouble(&self) -> Vec<Clean> {
        let troubled = |target: &LogTarget| match self.link(target) {
            Some(Link::Retrying { why, .. } | Link::Refused { why, .. }) => Some(crate::clean!("{}: {}", source_of(target), why.words)),
            Some(Link::Live { .. } | Link::NotConnected | Link::Connecting) | None => None,
        };
        self.wanted.iter().filter_map(troubled).collect()
    }

    fn link(&self, target: &LogTarget) -> Option<&Link> {
        self.headless.app.store.feed(&source_of(target), &Feed::Logs(target.clone())).map(|feed| &feed.link)
    }

    /// Whether all that was said until now is here: everybody who speaks is known, and each has told it or can not.
    fn all_told(&self) -> bool {
        let heard = |target: &LogTarget| matches!(self.link(target), Some(Link::Live { .. } | Link::Refused { .. }));
        self.wanted.iter().all(heard) && self.tape.untold().is_empty() && self.headless.inbox.is_empty() && self.headless.app.logs.buffer.is_empty()
    }

    /// How it ends, and why where there is little to show.
    fn end(&self) -> Exit {
        let untold = self.tape.untold();
        if !untold.is_empty() {
            let names: Vec<&str> = untold.iter().map(|name| name.as_str()).collect();
            out::remark(&format!("the log of {} was not told to its end within {:?}", names.join(", "), self.headless.patience));
        }
        let silent: Vec<&LogTarget> = self.wanted.iter().filter(|target| !matches!(self.link(target), Some(Link::Live { .. }))).collect();
        for target in silent.iter().filter(|target| matches!(self.link(target), Some(Link::Connecting | Link::NotConnected) | None)) {
            out::remark(&format!("{} did not answer within {:?}", source_of(target), self.headless.patience));
        }
        if !untold.is_empty() || !silent.is_empty() {
            return Exit::Unknown;
        }
        if self.found > 0 {
            return Exit::Yes;
        }
        self.wanted.iter().for_each(|target| out::remark(&self.why_nothing(target)));
        Exit::No
    }

    /// Why a target that answers has said nothing.
    fn why_nothing(&self, target: &LogTarget) -> Clean {
        let store = &self.headless.app.store;
        let (name, pods): (Clean, Vec<&Pod>) = match target {
            LogTarget::Workload { workload, .. } => {
                (store.workload(workload).map(|row| row.name.clean().clone()).unwrap_or_default(), store.pods_of(workload).collect())
            }
            LogTarget::Pod { pod, .. } => (store.pod(pod).map(|pod| pod.name.clean().clone()).unwrap_or_default(), store.pod(pod).into_iter().collect()),
            LogTarget::Job(_) => (Clean::from_static("the job"), Vec::new()),
        };
        if self.tape.streams() == 0 {
            return crate::clean!("{name} has no pods");
        }
        let waits =
            pods.iter().flat_map(|pod| pod.containers.iter().map(move |container| (pod, container))).find_map(|(pod, container)| match &container.state {
                // One that crashed has spoken before.
                ContainerState::Waiting { reason, message } if container.restarts == 0 && container.last.is_none() => {
                    Some(crate::clean!("{}/{} has not started: {reason} {message}", pod.name, container.name))
                }
                ContainerState::Waiting { .. } | ContainerState::Running { .. } | ContainerState::Ended { .. } | ContainerState::Unknown => None,
            });
        let fits = if self.grep.is_some() { " that fits --grep" } else { "" };
        waits.map_or_else(|| crate::clean!("{name} has said nothing{fits} in this time"), |waits| crate::clean!("{}", waits.trim()))
    }
}

/// A line as it is written.
fn words(line: &Line<'_>, own: bool) -> String {
    let at = line.at.map(|at: Timestamp| format!("{at:.3} ")).unwrap_or_default();
    let who = match (own, line.stream.container.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!("{} ", line.stream.pod),
        (false, false) => format!("{}/{} ", line.stream.pod, line.stream.container),
    };
    format!("{at}{who}{}", redact(line.text()))
}

/// A service, or SERVICE/POD: all workloads of a cell speak together.
async fn find(headless: &mut Headless, name: &str, environment: Option<&str>) -> Result<Vec<Target>, Failed> {
    let (service, pod) = name.split_once('/').map_or((name, None), |(service, pod)| (service, Some(pod)));
    let rows = headless.app.matrix.rows.iter().filter(|row| row.service.raw() == service);
    let cells =
        rows.flat_map(|row| &row.cells).filter(|cell| !cell.workloads.is_empty() && environment.is_none_or(|wanted| cell.environment.name.raw() == wanted));
    let cells: Vec<(Clean, Vec<Id<Workload>>)> =
        cells.map(|cell| (cell.environment.name.clean().clone(), cell.workloads.iter().map(|one| one.id.clone()).collect())).collect();
    let workloads = match cells.as_slice() {
        [] => {
            let place = environment.map(|name| format!(" in {}", Clean::from_untrusted(name))).unwrap_or_default();
            let words = format!("nothing called `{}` runs{place}", Clean::from_untrusted(service));
            return Err(headless.blind(FeedKind::Workloads, &format!("`{}`{place}", Clean::from_untrusted(service)), words));
        }
        [(_, workloads)] => workloads.clone(),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Failed::new(Exit::Usage, format!("{} runs in {}: choose with -e", Clean::from_untrusted(service), names.join(", "))));
        }
    };
    // Their pods are wanted: to find one by name, and to know why none speaks.
    headless.app.screens.extend(workloads.iter().map(|id| Screen::List(List::Pods(Scope::Workload(id.clone())), Selection::default())));
    headless.told(FeedKind::Pods).await;
    let Some(wanted) = pod else { return Ok(workloads.into_iter().map(Target::Workload).collect()) };
    let store = &headless.app.store;
    let found = workloads.iter().flat_map(|id| store.pods_of(id)).find(|pod| pod.name.raw() == wanted).map(|pod| Target::Pod(pod.id.clone()));
    let (service, wanted) = (Clean::from_untrusted(service), Clean::from_untrusted(wanted));
    found.map(|pod| vec![pod]).ok_or_else(|| headless.blind(FeedKind::Pods, &format!("{service}/{wanted}"), format!("{service} has no pod called `{wanted}`")))
}
