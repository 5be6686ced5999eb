//! Logs as facts: which streams a target means, and what they said.

use super::{
    lives::Life,
    rows::View,
    speech::{self, Said},
    unit::Unit,
    world::World,
};
use crate::{
    domain::{Fact, Id, Level, LineKind, LogLine, LogStream, LogTarget, Pod, SourceId},
    text::Painted,
};
use jiff::{SignedDuration, Timestamp};

/// Without a beginning, a log starts with at most so many lines …
const LINES: usize = 200;
/// … of so long ago.
const TAIL: SignedDuration = SignedDuration::from_mins(30);

impl World {
    /// The streams of a target, and what they have said by `at`.
    pub(super) fn log_so_far(&self, source: &SourceId, target: &LogTarget, at: Timestamp) -> Vec<Fact> {
        let since = match target {
            LogTarget::Workload { since, .. } | LogTarget::Pod { since, .. } => *since,
            LogTarget::Job(_) => return self.job_facts(source, target, None, at),
        };
        if let LogTarget::Pod { pod, previous: true, .. } = target {
            return self.previous(pod, at);
        }
        let streams = self.streams(target, at);
        let mut said = self.said(target, since.unwrap_or(at - TAIL) - SignedDuration::from_nanos(1), at);
        said.retain(|said| streams.iter().any(|stream| stream.id == said.stream));
        if since.is_none() {
            said.drain(..said.len().saturating_sub(LINES));
        }
        streams.into_iter().map(Fact::Stream).chain(grouped(said)).collect()
    }

    /// Streams that came and lines that were said after `from` until `to`.
    pub(super) fn log_between(&self, source: &SourceId, target: &LogTarget, from: Timestamp, to: Timestamp) -> Vec<Fact> {
        match target {
            LogTarget::Job(_) => return self.job_facts(source, target, Some(from), to),
            LogTarget::Pod { previous: true, .. } => return Vec::new(),
            LogTarget::Workload { .. } | LogTarget::Pod { .. } => {}
        }
        let known = self.streams(target, from);
        let fresh = self.streams(target, to).into_iter().filter(|stream| !known.iter().any(|other| other.id == stream.id));
        let mut facts: Vec<Fact> = fresh.map(Fact::Stream).collect();
        facts.extend(grouped(self.said(target, from, to)));
        facts
    }

    /// When a target says something next, or a container of it starts.
    pub(super) fn next_line(&self, source: &SourceId, target: &LogTarget, after: Timestamp) -> Option<Timestamp> {
        if let LogTarget::Job(job) = target {
            return self.job_log(source, job, after).map(|(_, ended, _)| ended).filter(|ended| *ended > after);
        }
        if matches!(target, LogTarget::Pod { previous: true, .. }) {
            return None;
        }
        let unit = self.spoken_of(target)?;
        let lives = unit.lives(&self.ground);
        let view = self.view(unit, &lives, after);
        let line = speech::next_line(&self.scenario, &view, after, &|life, container| wanted(&view, target, life, container));
        let starts = lives.iter().filter_map(|life| life.started).filter(|started| *started > after).min();
        line.into_iter().chain(starts).min()
    }

    /// Whether a log of this kind ends once it was told.
    pub(super) fn log_is_over(&self, source: &SourceId, target: &LogTarget, at: Timestamp) -> bool {
        match target {
            LogTarget::Job(job) => self.job_log(source, job, at).is_none_or(|(_, ended, _)| ended <= at),
            LogTarget::Pod { previous, .. } => *previous,
            LogTarget::Workload { .. } => false,
        }
    }

    fn spoken_of(&self, target: &LogTarget) -> Option<&Unit> {
        match target {
            LogTarget::Workload { workload, .. } => self.unit(workload),
            LogTarget::Pod { pod, .. } => self.unit_with(pod).map(|(unit, _)| unit),
            LogTarget::Job(_) => None,
        }
    }

    /// The unit that a pod belongs to, and the pod's life.
    pub(super) fn unit_with(&self, pod: &Id<Pod>) -> Option<(&Unit, Life)> {
        self.units.iter().filter(|unit| unit.source == pod.source()).find_map(|unit| {
            let lives = unit.lives(&self.ground);
            let view = self.view(unit, &lives, Timestamp::MIN);
            lives.iter().find(|life| view.pod_id(life) == *pod).map(|life| (unit, life.clone()))
        })
    }

    fn streams(&self, target: &LogTarget, at: Timestamp) -> Vec<LogStream> {
        let Some(unit) = self.spoken_of(target) else { return Vec::new() };
        let lives = unit.lives(&self.ground);
        let view = self.view(unit, &lives, at);
        speech::streams(&view, &|life, container| wanted(&view, target, life, container))
    }

    fn said(&self, target: &LogTarget, from: Timestamp, to: Timestamp) -> Vec<Said> {
        let Some(unit) = self.spoken_of(target) else { return Vec::new() };
        let lives = unit.lives(&self.ground);
        let view = self.view(unit, &lives, to);
        speech::said(&self.scenario, &view, from, to, &|life, container| wanted(&view, target, life, container))
    }

    /// The run before this one of a container that crashes.
    fn previous(&self, pod: &Id<Pod>, at: Timestamp) -> Vec<Fact> {
        let Some((unit, life)) = self.unit_with(pod) else { return Vec::new() };
        let lives = [life];
        let (view, life) = (self.view(unit, &lives, at), &lives[0]);
        let Some((began, ended)) = view.crashed(life).and_then(|crashed| crashed.last) else { return Vec::new() };
        let stream = LogStream {
            workload: Some(unit.id.clone()),
            version: view.template(life).version(),
            previous: true,
            told: true,
            ..LogStream::new(Id::new(&unit.source, &format!("{}/{}/previous", pod.key(), unit.service)), &life.name, &unit.service)
        };
        let says = speech::last_words(&view, life);
        let step = ended.duration_since(began) / i32::try_from(says.len() + 1).unwrap_or(i32::MAX);
        let line = |(nth, text): (usize, crate::text::Clean)| LogLine {
            at: Some(began + step * i32::try_from(nth + 1).unwrap_or(i32::MAX)),
            level: Level::Error,
            text: Painted::from(text),
            kind: LineKind::Previous,
        };
        let lines = says.into_iter().enumerate().map(line).collect();
        vec![Fact::Stream(stream.clone()), Fact::Lines(stream.id, lines)]
    }

    fn job_facts(&self, source: &SourceId, target: &LogTarget, from: Option<Timestamp>, to: Timestamp) -> Vec<Fact> {
        let LogTarget::Job(job) = target else { return Vec::new() };
        let Some((name, ended, lines)) = self.job_log(source, job, to) else { return Vec::new() };
        let stream = LogStream::new(Id::new(source, job.key()), &name, "");
        let told = from.is_some_and(|from| ended <= from) || lines.is_empty();
        let opening = from.is_none().then(|| Fact::Stream(stream.clone()));
        opening.into_iter().chain((!told).then_some(Fact::Lines(stream.id, lines))).collect()
    }
}

fn wanted(view: &View<'_>, target: &LogTarget, life: &Life, container: &str) -> bool {
    match target {
        LogTarget::Workload { .. } => true,
        LogTarget::Pod { pod, container: only, .. } => view.pod_id(life) == *pod && only.as_ref().is_none_or(|only| only.expose() == container),
        LogTarget::Job(_) => false,
    }
}

/// Neighbouring lines of one stream together, in the order of time.
fn grouped(said: Vec<Said>) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for Said { stream, line } in said {
        match facts.last_mut() {
            Some(Fact::Lines(last, lines)) if *last == stream => lines.push(line),
            _ => facts.push(Fact::Lines(stream, vec![line])),
        }
    }
    facts
}
