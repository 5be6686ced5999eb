//! Reading rows one by one.

use super::{EnvironmentRef, FeedState, Joined, Rules, Store};
use crate::{
    domain::{Alert, Feed, FeedKind, Happening, Hold, Id, Job, Link, Node, Pod, Revision, Rule, Run, Sample, SourceId, Workload},
    text::{Name, Raw},
};
use jiff::Timestamp;

/// Whether what is believed of a row can be true now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Its source is live.
    Live,
    /// Its source is not; the row is as it was then.
    Stale {
        /// When the source last said anything.
        since: Option<Timestamp>,
    },
}

impl Store {
    /// Counts up with every fact and link: what was computed under the same stamp is still true.
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The rules it joins by.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How every feed stands.
    pub fn feeds(&self) -> &[FeedState] {
        self.feeds.all()
    }

    /// How one feed stands, if it was ever heard of.
    pub fn feed(&self, source: &SourceId, feed: &Feed) -> Option<&FeedState> {
        self.feeds.find(source, feed).and_then(|number| self.feeds.state(number))
    }

    /// Whether a source has told all its workloads at least once: what is not among them did not run there then.
    pub fn workloads_told(&self, source: &SourceId) -> bool {
        self.feeds.find(source, &Feed::Workloads).is_some_and(|number| self.workloads.whole(number))
    }

    /// Whether a source that answers has told all revisions of its workloads: they have a list of their own, which comes later.
    pub fn history_told(&self, source: &SourceId) -> bool {
        let state = self.feeds.find(source, &Feed::Workloads);
        state.is_none_or(|number| self.revisions.whole(number) || self.feeds.state(number).is_some_and(|state| !state.link.live()))
    }

    /// All workloads.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.iter()
    }

    /// One workload.
    pub fn workload(&self, id: &Id<Workload>) -> Option<&Workload> {
        self.workloads.get(id)
    }

    /// Which service and environment a workload belongs to.
    pub fn joined(&self, id: &Id<Workload>) -> Option<&Joined> {
        self.joined.get(id)
    }

    /// The workloads of a service in an environment, by identity.
    pub fn workloads_in<'a>(&'a self, service: &'a str, environment: &'a str) -> impl Iterator<Item = &'a Workload> {
        let hit = move |joined: &Joined| joined.service.raw() == service && joined.environment.name.raw() == environment;
        self.joined.iter().filter(move |(_, joined)| hit(joined)).filter_map(|(id, _)| self.workloads.get(id))
    }

    /// The environment of that name, as the workloads know it.
    pub fn environment(&self, name: &str) -> Option<&EnvironmentRef> {
        self.joined.values().map(|joined| &joined.environment).find(|environment| environment.name.raw() == name)
    }

    /// Whether a workload's row can be true now: its newest live feed decides.
    pub fn freshness(&self, id: &Id<Workload>) -> Freshness {
        let states = || self.workloads.told_by(id).filter_map(|number| self.feeds.state(number));
        if states().any(|state| state.link.live()) {
            return Freshness::Live;
        }
        Freshness::Stale { since: states().filter_map(|state| state.link.since()).max() }
    }

    /// Whether what is known of a workload's pods can be true now; live where none are known.
    pub fn pods_freshness(&self, id: &Id<Workload>) -> Freshness {
        let mut feeds = self.pods_of(id).flat_map(|pod| self.pods.told_by(&pod.id)).filter_map(|number| self.feeds.state(number)).peekable();
        if feeds.peek().is_none() {
            return Freshness::Live;
        }
        let mut last = None;
        for state in feeds {
            if state.link.live() {
                return Freshness::Live;
            }
            last = last.max(state.link.since());
        }
        Freshness::Stale { since: last }
    }

    /// The pods of a workload, by identity.
    pub fn pods_of<'a>(&'a self, id: &Id<Workload>) -> impl Iterator<Item = &'a Pod> + use<'a> {
        self.pods_of.get(id).into_iter().flatten().filter_map(|pod| self.pods.get(pod))
    }

    /// The revisions of a workload, newest first.
    pub fn revisions_of(&self, id: &Id<Workload>) -> Vec<&Revision> {
        let mut rows: Vec<&Revision> = self.revisions_of.get(id).into_iter().flatten().filter_map(|id| self.revisions.get(id)).collect();
        rows.sort_by(|a, b| b.number.cmp(&a.number).then_with(|| a.id.cmp(&b.id)));
        rows
    }

    /// All pods.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter()
    }

    /// One pod.
    pub fn pod(&self, id: &Id<Pod>) -> Option<&Pod> {
        self.pods.get(id)
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The controllers that somebody holds off, in the order in which that was done.
    pub fn holds(&self) -> Vec<&Hold> {
        let mut rows: Vec<&Hold> = self.holds.iter().collect();
        rows.sort_by_key(|hold| (hold.since, &hold.id));
        rows
    }

    /// The node called `name` in a cluster.
    pub fn node(&self, context: &Name, name: &Name) -> Option<&Node> {
        self.nodes.iter().find(|node| node.place.context == *context && node.name == *name)
    }

    /// What happened to the object with `uid`, newest first.
    pub fn happenings_of(&self, uid: &Raw) -> Vec<&Happening> {
        let mut rows: Vec<&Happening> = self.happenings.iter().filter(|row| row.uid == *uid).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.at));
        rows
    }

    /// All that happened, as it is known.
    pub fn happenings(&self) -> impl Iterator<Item = &Happening> {
        self.happenings.iter()
    }

    /// Runs of CI that their lists tell: the newest first.
    pub fn runs(&self) -> Vec<&Run> {
        let mut rows: Vec<&Run> = self.runs.iter().collect();
        rows.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        rows
    }

    /// One run, however old it is.
    pub fn run(&self, id: &Id<Run>) -> Option<&Run> {
        self.runs.get(id).or_else(|| self.older.get(id))
    }

    /// One job of a run.
    pub fn job(&self, id: &Id<Job>) -> Option<&Job> {
        self.jobs.get(id)
    }

    /// The jobs of a run, by when they began.
    pub fn jobs_of(&self, run: &Id<Run>) -> Vec<&Job> {
        let mut rows: Vec<&Job> = self.jobs.iter().filter(|job| job.run == *run).collect();
        rows.sort_by_key(|job| (job.started.is_none(), job.started, job.id.clone()));
        rows
    }

    /// One alert as one reporter tells it.
    pub fn alert(&self, id: &Id<Alert>) -> Option<&Alert> {
        self.alerts.get(id)
    }

    /// The alerting rules.
    pub fn alert_rules(&self) -> impl Iterator<Item = &Rule> {
        self.alert_rules.iter()
    }

    /// All that is measured.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter()
    }

    /// Whether this source has told all of its runs.
    pub fn knows_runs_of(&self, source: &SourceId) -> bool {
        self.feeds.find(source, &Feed::Runs).is_some_and(|number| self.runs.whole(number))
    }

    /// Whether every live source of a noun has told its whole list, and at least one ever did. Until then a count is drawn as `…`.
    pub fn whole(&self, kind: FeedKind) -> bool {
        let told = |number| match kind {
            FeedKind::Workloads => self.workloads.whole(number),
            FeedKind::Nodes => self.nodes.whole(number),
            FeedKind::Holds => self.holds.whole(number),
            FeedKind::Pods => self.pods.whole(number),
            FeedKind::Happenings => self.happenings.whole(number),
            FeedKind::Runs => self.runs.whole(number),
            FeedKind::Jobs => self.jobs.whole(number),
            FeedKind::Alerts => self.alerts.whole(number),
            FeedKind::Rules => self.alert_rules.whole(number),
            FeedKind::Samples | FeedKind::Stats => self.samples.whole(number),
            FeedKind::Logs => true,
        };
        let mut any = false;
        for (number, state) in self.feeds.of_kind(kind).filter(|(_, state)| state.link != Link::NotConnected) {
            any |= told(number);
            if !told(number) && matches!(state.link, Link::Live { .. } | Link::Connecting) {
                return false;
            }
        }
        any
    }
}
