//! One answer to one question.

use super::{
    Application, Awaited, Cursor, Evidence, Happening, Id, Job, Metric, Origin, Outline, Owner, Pod, Progress, Release, Replicas, Report, Revision, Route, Run,
    RunNow, RunStatus, Seen, Steps, Verb, Workload,
};
use crate::text::{Clean, Name, Raw};
use jiff::{SignedDuration, Timestamp};

/// What may be asked of a source. A source that can not answer says `Unsupported`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The workload as it is at this moment, read from its source and not from a watch.
    Subject(Id<Workload>),
    /// The controller above a workload that would change it back, as it is at this moment; told as a [`Subject`].
    Keeper {
        /// The workload.
        workload: Id<Workload>,
        /// Which of those above it: that one by its uid, else the one that `verb` (hold, release) comes to first.
        uid: Option<Raw>,
        /// What is to be done with it.
        verb: Verb,
    },
    /// A run as it is at this moment, for what is to be done with it; told as a [`Subject`].
    Run {
        /// The run.
        run: Id<Run>,
        /// What is to be done with it.
        verb: Verb,
    },
    /// The last lines of what a job that is over said, those of the step that failed where that can be told: a few, however long its log is.
    Tail(Id<Job>),
    /// What a run has to show for itself beside its jobs: tests, coverage, artifacts.
    Report {
        /// The run.
        run: Id<Run>,
        /// Its commit: what others report of that is told too.
        commit: Name,
    },
    /// Runs of a repository that are older than those that its list tells.
    Older {
        /// The repository.
        repository: Name,
        /// Where the answer before ended; none for what comes after the list.
        after: Option<Cursor>,
    },
    /// The same of an environment of a CI, and how the run stands that deploys an earlier revision again; told as a [`Subject`].
    Redeployed {
        /// The environment.
        workload: Id<Workload>,
        /// The revision whose run was run again, or was to be.
        to: Id<Revision>,
    },
    /// The pod that a StatefulSet waits for, as it is at this moment; told as a [`Subject`].
    Awaited {
        /// The StatefulSet.
        workload: Id<Workload>,
        /// The name of the pod; none for the one that is waited for now.
        pod: Option<Clean>,
    },
    /// Its revisions with their outlines, newest first.
    Revisions(Id<Workload>),
    /// Of these templates, which somebody saw here, those that one can still go back to, as revisions. Where no system keeps a history.
    Templates {
        /// The workload.
        workload: Id<Workload>,
        /// The templates.
        templates: Vec<Raw>,
    },
    /// What happened to it and to its pods, its pods, and what its controller says: everything `x` needs.
    Explain(Id<Workload>),
    /// The whole object as YAML, secrets masked.
    Yaml(Id<Workload>),
    /// The whole object of a pod as YAML, secrets masked.
    PodYaml(Id<Pod>),
    /// A metric in a window, for a service in a namespace.
    Window(Window),
    /// What metrics remember of a revision's health.
    Memory {
        /// The workload.
        workload: Id<Workload>,
        /// Where it is.
        namespace: Name,
        /// The revision's own objects, by name (a ReplicaSet's name).
        names: Vec<Name>,
        /// How far back.
        since: Timestamp,
    },
    /// How an alert's rule stands, whatever is silenced.
    RuleState {
        /// The alert's name.
        alert: Name,
        /// The labels that tell which of its series.
        labels: super::Labels,
    },
    /// Whether the smoke requests of a service succeed that try it in an environment.
    Smoke {
        /// The service.
        service: Name,
        /// The environment.
        environment: Name,
    },
    /// Where the image that is called so in its registry comes from, in the words of whoever built it.
    Origin(Name),
}

/// How the run behind a deployment stands, whether or not it was run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rerun {
    /// What it is called: `run #311 of acme/cart`.
    pub name: Clean,
    /// How often it was run.
    pub attempt: u32,
    /// When it was last begun, by our clock.
    pub began: Option<Timestamp>,
    /// Who had it run last.
    pub by: Clean,
    /// How it stands.
    pub status: RunStatus,
}

/// What clocks may differ by when a time of another is held against one of ours.
const APART: SignedDuration = SignedDuration::from_secs(5);

impl Rerun {
    /// Whether it was begun again since `then`.
    pub fn since(&self, then: Timestamp) -> bool {
        self.attempt > 1 && self.began.is_some_and(|began| began + APART >= then)
    }
}

/// What came of a smoke request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smoke {
    /// Which: `cart.example/healthz`.
    pub what: Clean,
    /// How long it took, or what came instead of what is expected.
    pub came: Result<SignedDuration, Clean>,
}

/// A metric in a window of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What is measured.
    pub metric: Metric,
    /// The service's name.
    pub service: Name,
    /// Its namespace.
    pub namespace: Name,
    /// How many seconds back from now.
    pub seconds: u32,
}

/// A workload as it is at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which.
    pub workload: Id<Workload>,
    /// What an operation must still find.
    pub seen: Seen,
    /// The number of the newest revision.
    pub revision: Option<u64>,
    /// The newest specification leaf by leaf.
    pub outline: Outline,
    /// The last operation of ours that it carries (`pilothouse.dev/operation`).
    pub operation: Option<Clean>,
    /// The template that was rolled back from, which it carries (`pilothouse.dev/rolled-back-from`), and when.
    pub rolled_back_from: Option<(Clean, Option<Timestamp>)>,
    /// Who changed the specification last (the field manager), and when.
    pub changed_by: Option<(Clean, Option<Timestamp>)>,
    /// The generation, and whether the controller has observed it.
    pub generation: i64,
    /// The generation that the controller has observed.
    pub observed: i64,
    /// How many there are.
    pub replicas: Replicas,
    /// How far the newest specification is carried out.
    pub progress: Progress,
    /// The controller above, where that is what was asked for ([`Question::Keeper`]).
    pub keeper: Option<Owner>,
    /// The pod that is waited for, or was, where that is what was asked for ([`Question::Awaited`]).
    pub awaited: Option<Box<Awaited>>,
    /// The template that it is back at when the rollout that is under way is aborted; none where none is that could be.
    pub abort_to: Option<Raw>,
    /// How far it is, where it goes step by step.
    pub steps: Option<Steps>,
    /// The Helm release through which it is taken back, where there is one whose records can be read.
    pub release: Option<Release>,
    /// The routes that lead to it, or could: none where there are none, or they can not be read.
    pub routes: Vec<Route>,
    /// The run, where that is what was asked for ([`Question::Run`]).
    pub run: Option<Box<RunNow>>,
    /// The Argo CD application that made it, where one did that can be read.
    pub application: Option<Application>,
    /// The run that deploys an earlier revision again, where that was asked for ([`Question::Redeployed`]).
    pub rerun: Option<Rerun>,
}

impl Subject {
    /// One of which nothing more is known than what it is and what an operation must still find.
    pub fn new(workload: Id<Workload>, seen: Seen) -> Self {
        Self {
            workload,
            seen,
            revision: None,
            outline: Outline::default(),
            operation: None,
            rolled_back_from: None,
            changed_by: None,
            generation: 0,
            observed: 0,
            replicas: Replicas::default(),
            progress: Progress::Unknown,
            keeper: None,
            awaited: None,
            abort_to: None,
            steps: None,
            release: None,
            routes: Vec::new(),
            run: None,
            application: None,
            rerun: None,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Question::Subject`], [`Question::Keeper`], [`Question::Awaited`], [`Question::Run`] and [`Question::Redeployed`].
    Subject(Box<Subject>),
    /// To [`Question::Revisions`] and [`Question::Templates`].
    Revisions(Vec<Revision>),
    /// To [`Question::Report`].
    Report(Box<Report>),
    /// To [`Question::Older`].
    Older {
        /// Older ones, whichever of them are known already.
        runs: Vec<Run>,
        /// Where it goes on; none where that was all.
        next: Option<Cursor>,
    },
    /// To [`Question::Explain`].
    Explain {
        /// The pods, worst first.
        pods: Vec<Pod>,
        /// What happened, newest first.
        happenings: Vec<Happening>,
        /// Conditions of the workload and its newest revision, in the controller's words: type, reason, message.
        conditions: Vec<(Clean, Clean, Clean)>,
        /// The last lines of a crashed container's run before this one: pod and container, then the lines.
        last_words: Vec<(Clean, Vec<Clean>)>,
    },
    /// To [`Question::Yaml`], [`Question::PodYaml`] and [`Question::Tail`].
    Text(Vec<Clean>),
    /// To [`Question::Window`]: the value, and how many requests it rests on where that is known.
    Window {
        /// None: no series. NaN: no traffic.
        value: Option<f64>,
        /// Requests in the window.
        requests: Option<f64>,
        /// Whether the query was guessed, and from which family.
        guessed: Option<Clean>,
    },
    /// To [`Question::Memory`]: evidence by the name of the revision's object.
    Memory(Vec<(Name, Evidence)>),
    /// To [`Question::RuleState`].
    RuleState {
        /// Whether it fires; none: there is no such rule here.
        firing: Option<bool>,
    },
    /// To [`Question::Smoke`], in the order of the configuration.
    Smoke(Vec<Smoke>),
    /// To [`Question::Origin`]; none where the image does not say so.
    Origin(Option<Origin>),
}
