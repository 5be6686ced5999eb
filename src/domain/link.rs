//! How a source stands, and what it can do.

use super::Verb;
use crate::text::Clean;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The kinds of feeds, for what a source offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedKind {
    /// Workloads with their revisions.
    Workloads,
    /// Nodes.
    Nodes,
    /// Controllers that are held off.
    Holds,
    /// Pods of a scope.
    Pods,
    /// Events of a scope.
    Happenings,
    /// CI runs.
    Runs,
    /// Jobs of a run.
    Jobs,
    /// Alerts.
    Alerts,
    /// Alerting rules.
    Rules,
    /// Metrics of services.
    Samples,
    /// Resource use of a workload, on demand.
    Stats,
    /// Log lines.
    Logs,
}

/// What a source can do, as far as it knows; it may change after discovery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// The feeds it has.
    pub feeds: BTreeSet<FeedKind>,
    /// The changes it can carry out, or make a plan for.
    pub verbs: BTreeSet<Verb>,
    /// What is left of its budget of requests: `4,912 left`.
    pub budget: Option<Clean>,
    /// What it lacks, in words: `no policy/v1: disruption budgets are read as v1beta1`.
    pub lacks: Vec<Clean>,
    /// Where it may look, if not everywhere: what runs elsewhere is not known then.
    pub partly: Option<Clean>,
    /// Warnings that must stay on screen: `TLS is not verified`.
    pub warnings: Vec<Clean>,
    /// Where it was found, if nobody named it: `found in prod-eu, monitoring/prometheus-k8s`.
    pub found: Option<Clean>,
    /// The servers behind it where there are several that tell the same: one is enough, and the others are missed.
    pub members: Vec<Member>,
}

/// One of several servers that tell the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, or where it is.
    pub name: Clean,
    /// What is wrong with it, where something is.
    pub down: Option<Down>,
}

/// How long something has not answered, and when it is asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// What it said instead.
    pub words: Clean,
    /// Since when.
    pub since: Timestamp,
    /// When it is asked again.
    pub next: Timestamp,
}

/// What kind of trouble a source is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// It does not answer.
    Unreachable,
    /// It answers something else than it should.
    Protocol,
    /// It refuses us.
    Denied,
    /// What was asked for is not there.
    NotFound,
    /// The world has moved on.
    Conflict,
    /// It asks us to wait.
    RateLimited,
    /// It can not do that.
    Unsupported,
}

/// Why a source is not live, in words that an operator can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What kind of trouble.
    pub trouble: Trouble,
    /// What happened, where, and what to do about it.
    pub words: Clean,
}

/// How one feed of one source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Known, and not dialled because nobody asked for it.
    NotConnected,
    /// On the way.
    Connecting,
    /// Facts arrive.
    Live {
        /// What the source can do.
        offers: Offers,
        /// Whether the first whole list is there: until then a count is not a number.
        synced: bool,
    },
    /// It broke; it is tried again.
    Retrying {
        /// When it is tried again.
        at: Timestamp,
        /// When it broke, if it ever told anything.
        since: Option<Timestamp>,
        /// What broke.
        why: Why,
    },
    /// It refused us; it is tried again seldom.
    Refused {
        /// When it broke, if it ever told anything.
        since: Option<Timestamp>,
        /// What it said.
        why: Why,
    },
}

impl Link {
    /// Whether what this feed says is true now.
    pub const fn live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Since when what this feed said may no longer be true.
    pub const fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Retrying { since, .. } | Self::Refused { since, .. } => *since,
            Self::NotConnected | Self::Connecting | Self::Live { .. } => None,
        }
    }
}
