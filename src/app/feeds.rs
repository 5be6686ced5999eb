//! Which feeds are wanted now: what is on screen, and what a decision rests on.

use super::{App, Known, List, Screen, Subject};
use crate::{
    domain::{Change, Fact, Feed, FeedKind, Id, Link, LogTarget, Run, Scope, SourceId, Workload},
    panels::logs,
    store::CellState,
};
use std::{collections::BTreeSet, time::Duration};

/// The feeds that every source which has them is asked for at all times.
const ALWAYS: [(FeedKind, Feed); 7] = [
    (FeedKind::Workloads, Feed::Workloads),
    (FeedKind::Nodes, Feed::Nodes),
    (FeedKind::Holds, Feed::Holds),
    (FeedKind::Runs, Feed::Runs),
    (FeedKind::Alerts, Feed::Alerts),
    (FeedKind::Rules, Feed::Rules),
    (FeedKind::Samples, Feed::Samples),
];

/// With more unwell workloads than this in one source, its pods are asked for all at once.
const ONE_BY_ONE: usize = 8;

impl App {
    /// Every feed that is wanted now. The runtime starts and stops watches to match.
    pub fn wanted(&self) -> BTreeSet<(SourceId, Feed)> {
        let mut wanted = BTreeSet::new();
        for (source, known) in &self.sources {
            let Ok(Known::Ready(offers)) = known else { continue };
            wanted.extend(ALWAYS.iter().filter(|(kind, _)| offers.feeds.contains(kind)).map(|(_, feed)| (source.clone(), feed.clone())));
        }
        self.want_pods(&mut wanted);
        self.want_screens(&mut wanted);
        wanted.extend(self.operations.wanted());
        self.want_verifying(&mut wanted);
        for target in self.logs.target.iter().chain(&self.logs.also) {
            wanted.insert((source_of(target), Feed::Logs(target.clone())));
        }
        // While the runs of a source still come in they stand on the screen for a moment only.
        for run in self.pipelines.looked.runs().filter(|run| self.store.knows_runs_of(&run.source())) {
            wanted.insert((run.source(), Feed::Jobs(run.clone())));
        }
        wanted.retain(|(source, feed)| self.offered(source, feed));
        wanted
    }

    /// Whether a source has that feed.
    pub fn offered(&self, source: &SourceId, feed: &Feed) -> bool {
        matches!(self.sources.get(source), Some(Ok(Known::Ready(offers))) if offers.feeds.contains(&feed.kind()))
    }

    /// Pods of what is under the cursor and of what is unwell.
    fn want_pods(&self, wanted: &mut BTreeSet<(SourceId, Feed)>) {
        let mut workloads: BTreeSet<Id<Workload>> = self
            .matrix
            .rows
            .iter()
            .flat_map(|row| &row.cells)
            .filter(|cell| unwell(&cell.state))
            .flat_map(|cell| cell.workloads.iter().map(|one| one.id.clone()))
            .collect();
        workloads.extend(self.workloads_of(&crate::panels::environments::subject(self)));
        if !self.screens.is_empty() {
            workloads.extend(self.workloads_of(&self.subject()));
        }
        let mut sources: std::collections::BTreeMap<SourceId, Vec<Id<Workload>>> = std::collections::BTreeMap::new();
        for workload in workloads {
            sources.entry(workload.source()).or_default().push(workload);
        }
        for (source, workloads) in sources {
            if workloads.len() > ONE_BY_ONE {
                wanted.insert((source, Feed::Pods(Scope::All)));
            } else {
                wanted.extend(workloads.into_iter().map(|workload| (source.clone(), Feed::Pods(Scope::Workload(workload)))));
            }
        }
    }

    fn want_screens(&self, wanted: &mut BTreeSet<(SourceId, Feed)>) {
        for screen in &self.screens {
            match screen {
                Screen::List(List::Pods(scope), _) => self.want_of_all(wanted, &Feed::Pods(scope.clone())),
                Screen::List(List::Happenings(scope), _) => self.want_of_all(wanted, &Feed::Happenings(scope.clone())),
                Screen::Pods(pods) => {
                    for workload in &pods.workloads {
                        wanted.insert((workload.source(), Feed::Pods(Scope::Workload(workload.clone()))));
                        wanted.insert((workload.source(), Feed::Happenings(Scope::Workload(workload.clone()))));
                    }
                }
                Screen::Run(run, _) => {
                    wanted.insert((run.source(), Feed::Jobs(run.clone())));
                    let shown = self.store.run(run).map(|run| self.store.told_by_pods(run)).unwrap_or_default();
                    wanted.extend(shown.into_iter().take(ONE_BY_ONE).map(|id| (id.source(), Feed::Pods(Scope::Workload(id)))));
                }
                Screen::List(..)
                | Screen::Logs(..)
                | Screen::Text(_)
                | Screen::Explain(_)
                | Screen::History(_)
                | Screen::Operation(_)
                | Screen::Background(_)
                | Screen::Changes(_)
                | Screen::Verify(_) => {}
            }
        }
    }

    fn want_of_all(&self, wanted: &mut BTreeSet<(SourceId, Feed)>, feed: &Feed) {
        let sources = self.sources.iter().filter(|(_, known)| matches!(known, Ok(Known::Ready(_)))).map(|(source, _)| source);
        match feed {
            Feed::Pods(Scope::Workload(workload)) | Feed::Happenings(Scope::Workload(workload)) => {
                wanted.insert((workload.source(), feed.clone()));
            }
            _ => wanted.extend(sources.map(|source| (source.clone(), feed.clone()))),
        }
    }

    /// When something on screen will change by itself.
    pub fn next_wake(&self) -> Option<Duration> {
        let minute = Duration::from_millis(60_000 - u64::try_from(self.now.wall.as_millisecond().rem_euclid(60_000)).unwrap_or(0));
        let second = Duration::from_millis(1_000 - u64::try_from(self.now.wall.as_millisecond().rem_euclid(1_000)).unwrap_or(0));
        let tick = self.now.mono + if self.ticks() { second } else { minute };
        let others = [self.notices.next_wake(), self.operations.next_wake(self.now), logs::next_wake(self), self.next_tail()];
        others.into_iter().flatten().chain([tick]).min()
    }

    /// Whether something on screen is younger than a minute, or counts down.
    fn ticks(&self) -> bool {
        !self.opened.is_empty()
            || self.operations.ticking()
            || self.verifies()
            || self.store.feeds().iter().any(|feed| matches!(feed.link, Link::Connecting | Link::Retrying { .. } | Link::Refused { .. }))
            || crate::panels::ticks(self)
    }

    /// Takes facts in: rows into the store, lines into the logs.
    pub(super) fn facts(&mut self, source: &SourceId, feed: &Feed, facts: Vec<Fact>) -> Vec<super::Effect> {
        for fact in facts {
            match fact {
                Fact::Stream(stream) => logs::stream(self, feed, stream),
                Fact::Lines(stream, lines) => logs::lines(self, feed, &stream, lines),
                Fact::Workload(_)
                | Fact::Revision(_)
                | Fact::Pod(_)
                | Fact::Happening(_)
                | Fact::Node(_)
                | Fact::Hold(_)
                | Fact::Run(_)
                | Fact::Job(_)
                | Fact::Alert(_)
                | Fact::Rule(_)
                | Fact::Sample(_) => {
                    if let Fact::Run(Change::Upsert(run)) = &fact {
                        self.runs_on(run);
                    }
                    self.store.apply(source, feed, fact, self.now.wall);
                }
            }
        }
        Vec::new()
    }

    /// What somebody looks at or has watched is the same run when its turn has come, whatever its CI calls it by then.
    fn runs_on(&mut self, run: &Run) {
        let Some(was) = &run.was else { return };
        for screen in &mut self.screens {
            if let Screen::Run(id, _) = screen
                && id == was
            {
                *id = run.id.clone();
            }
        }
        if self.pipelines.at.id() == Some(was) {
            self.pipelines.at.select(run.id.clone());
        }
        for watched in &mut self.watched {
            if watched.subject == Subject::Run(was.clone()) {
                watched.subject = Subject::Run(run.id.clone());
            }
        }
    }

    pub(super) fn dropped(&mut self, _: &SourceId, feed: &Feed, count: u64) -> Vec<super::Effect> {
        logs::dropped(self, feed, count);
        Vec::new()
    }
}

/// Whether the pods of such a cell are asked for although nobody looks at it.
const fn unwell(state: &CellState) -> bool {
    match state {
        CellState::Rolling { .. } | CellState::Stuck { .. } | CellState::Failing | CellState::Victim { .. } | CellState::Down => true,
        CellState::Ok | CellState::Stale { .. } | CellState::Unknown | CellState::Absent | CellState::NotConnected => false,
    }
}

/// The source that has the log of a target.
pub fn source_of(target: &LogTarget) -> SourceId {
    match target {
        LogTarget::Workload { workload, .. } => workload.source(),
        LogTarget::Pod { pod, .. } => pod.source(),
        LogTarget::Job(job) => job.source(),
    }
}
