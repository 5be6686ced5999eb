//! How facts travel: four words for every kind of back end.

use super::{Alert, FeedKind, Happening, Hold, Id, Job, LogLine, LogStream, Node, Pod, Revision, Rule, Run, Sample, Workload};
use crate::text::Raw;
use jiff::Timestamp;

/// A change to the rows of one feed. Rows untouched between `Begin` and `Done` are gone.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<T> {
    /// A whole list begins.
    Begin,
    /// This row is so now.
    Upsert(T),
    /// This row is gone.
    Remove(Id<T>),
    /// The whole list was said.
    Done,
}

/// Anything that has an identity.
pub trait Row: Sized {
    /// Its identity.
    fn id(&self) -> &Id<Self>;
}

macro_rules! rows {
    ($($noun:ident),*) => {
        $(impl Row for $noun { fn id(&self) -> &Id<Self> { &self.id } })*

        /// One fact, as a source tells it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Fact {
            $(#[allow(missing_docs)] $noun(Change<$noun>),)*
            /// A stream that will speak.
            Stream(LogStream),
            /// Lines of a stream, oldest first.
            Lines(Id<LogStream>, Vec<LogLine>),
        }

        $(impl From<Change<$noun>> for Fact { fn from(change: Change<$noun>) -> Self { Self::$noun(change) } })*
    };
}
rows!(Workload, Revision, Pod, Happening, Node, Hold, Run, Job, Alert, Rule, Sample);

/// Which objects of a back end a feed is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All that the source is configured to see.
    All,
    /// One namespace or project.
    Namespace(Raw),
    /// The pods of one workload, or what happened to it and to them.
    Workload(Id<Workload>),
}

/// Whose log is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogTarget {
    /// All containers of all pods of a workload, those that come later too.
    Workload {
        /// The workload.
        workload: Id<Workload>,
        /// From when on; none means the last few lines.
        since: Option<Timestamp>,
    },
    /// One pod, or one container of it.
    Pod {
        /// The pod.
        pod: Id<Pod>,
        /// One container of it, or all.
        container: Option<Raw>,
        /// The run before this one instead.
        previous: bool,
        /// From when on.
        since: Option<Timestamp>,
    },
    /// A job of a CI run; some systems have it only once the job has ended.
    Job(Id<Job>),
}

/// One stream of facts that a source can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    /// Workloads with their revisions.
    Workloads,
    /// Nodes.
    Nodes,
    /// Controllers that are held off.
    Holds,
    /// Pods.
    Pods(Scope),
    /// Events.
    Happenings(Scope),
    /// CI runs.
    Runs,
    /// The jobs of a run.
    Jobs(Id<Run>),
    /// Alerts.
    Alerts,
    /// Alerting rules.
    Rules,
    /// Metrics of services.
    Samples,
    /// CPU and memory of a workload's containers, on demand.
    Stats(Id<Workload>),
    /// Log lines.
    Logs(LogTarget),
}

impl Feed {
    /// What kind of feed it is.
    pub const fn kind(&self) -> FeedKind {
        match self {
            Self::Workloads => FeedKind::Workloads,
            Self::Nodes => FeedKind::Nodes,
            Self::Holds => FeedKind::Holds,
            Self::Pods(_) => FeedKind::Pods,
            Self::Happenings(_) => FeedKind::Happenings,
            Self::Runs => FeedKind::Runs,
            Self::Jobs(_) => FeedKind::Jobs,
            Self::Alerts => FeedKind::Alerts,
            Self::Rules => FeedKind::Rules,
            Self::Samples => FeedKind::Samples,
            Self::Stats(_) => FeedKind::Stats,
            Self::Logs(_) => FeedKind::Logs,
        }
    }
}

/// Where a feed can go on after a break: the source's own words (a log resumes from its last time stamp).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Raw);

/// Facts that arrived together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The facts, in order.
    pub facts: Vec<Fact>,
    /// Where to go on after these.
    pub cursor: Option<Cursor>,
}

impl Batch {
    /// Facts without a cursor.
    pub fn of(facts: impl IntoIterator<Item = impl Into<Fact>>) -> Self {
        Self { facts: facts.into_iter().map(Into::into).collect(), cursor: None }
    }

    /// A whole list at once, as a poll gives it.
    pub fn list<T>(rows: impl IntoIterator<Item = T>) -> Self
    where
        Fact: From<Change<T>>,
    {
        let mut facts = vec![Fact::from(Change::Begin)];
        facts.extend(rows.into_iter().map(|row| Fact::from(Change::Upsert(row))));
        facts.push(Fact::from(Change::Done));
        Self { facts, cursor: None }
    }
}
