//! The screens that open over the main one, one above the other. Esc closes one.

use crate::{
    domain::{Happening, Id, LogTarget, Pod, Run, Scope, TaskId, Why, Workload},
    keys::Layer,
    rollback::Expected,
    text::{Clean, Name},
    widgets::Selection,
};

/// A screen over the main one.
#[derive(Debug)]
pub enum Screen {
    /// The pods of the workloads of a cell, with their containers.
    Pods(Pods),
    /// Log lines of one target, on the whole screen.
    Logs(LogTarget, Clean),
    /// Lines of text that were asked for: YAML, a description.
    Text(Page),
    /// Why it is broken (`x`).
    Explain(Explain),
    /// Revisions of a workload (`z`).
    History(History),
    /// The jobs and steps of a run.
    Run(Id<Run>, Selection<String>),
    /// A list of things, as `:po` or `:ctx` name it.
    List(List, Selection<String>),
    /// A procedure: its plan, its progress, its verdict.
    Operation(OperationKey),
    /// What is under way and what was left open (`B`).
    Background(Selection<String>),
    /// What changed, newest first (`T`).
    Changes(usize),
    /// Whether a release is in, everywhere, and well (`v`).
    Verify(Verify),
}

/// Which procedure of this console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationKey(pub u64);

/// A list of things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// Pods.
    Pods(Scope),
    /// Workloads.
    Workloads,
    /// Nodes.
    Nodes,
    /// Events.
    Happenings(Scope),
    /// Contexts and other sources: Enter connects.
    Sources,
    /// Namespaces that are known.
    Namespaces,
}

impl List {
    /// What stands in its title.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Pods(_) => "Pods",
            Self::Workloads => "Workloads",
            Self::Nodes => "Nodes",
            Self::Happenings(_) => "Events",
            Self::Sources => "Sources and contexts",
            Self::Namespaces => "Namespaces",
        }
    }
}

/// The pods of the workloads of a cell.
#[derive(Debug)]
pub struct Pods {
    /// The service.
    pub service: Clean,
    /// The environment.
    pub environment: Clean,
    /// The workloads, the unhealthiest first.
    pub workloads: Vec<Id<Workload>>,
    /// Which row.
    pub at: Selection<PodRow>,
    /// Pods whose containers are shown.
    pub open: Vec<Id<Pod>>,
}

/// A row of the pods of a cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodRow {
    /// A pod.
    Pod(Id<Pod>),
    /// A container of a pod.
    Container(Id<Pod>, Clean),
}

/// Text that was asked for, or is on its way.
#[derive(Debug)]
pub struct Page {
    /// What it is.
    pub title: Clean,
    /// Its lines.
    pub body: Asked<Vec<Clean>>,
    /// What happened to it, which a description has above its lines.
    pub events: Option<Asked<Vec<Happening>>>,
    /// The one pod whose events these are; all of the workload where it is none.
    pub pod: Option<Clean>,
    /// How far it was scrolled, lines and cells.
    pub offset: (usize, usize),
    /// What is searched for in it.
    pub search: Option<Clean>,
    /// The layer of keys, for help.
    pub layer: Layer,
}

impl Page {
    /// A page from its top.
    pub const fn new(title: Clean, body: Asked<Vec<Clean>>) -> Self {
        Self { title, body, events: None, pod: None, offset: (0, 0), search: None, layer: Layer::Global }
    }
}

/// Something that was asked for.
#[derive(Debug)]
pub enum Asked<T> {
    /// Not answered yet.
    Waiting(TaskId),
    /// Here it is.
    Here(T),
    /// It could not be had.
    Failed(Why),
}

impl<T> Asked<T> {
    /// Whether this is the answer that it waits for.
    pub fn waits_for(&self, task: TaskId) -> bool {
        matches!(self, Self::Waiting(waiting) if *waiting == task)
    }
}

/// Why something is broken.
#[derive(Debug)]
pub struct Explain {
    /// Of what.
    pub workload: Id<Workload>,
    /// What the source said.
    pub answer: Asked<Box<crate::domain::Answer>>,
    /// How far it was scrolled.
    pub offset: usize,
}

/// The revisions of a workload.
#[derive(Debug)]
pub struct History {
    /// Of what.
    pub workload: Id<Workload>,
    /// With their outlines, newest first.
    pub revisions: Asked<Vec<crate::domain::Revision>>,
    /// Which one.
    pub at: usize,
}

/// A release that is being verified wherever its service runs.
#[derive(Debug)]
pub struct Verify {
    /// Of which service.
    pub service: Name,
    /// What should run.
    pub expected: Expected,
    /// Where that was read: `the newest in development`.
    pub from: Clean,
    /// Which place.
    pub at: Selection<String>,
}

impl Screen {
    /// Whether both show the same thing: then there is one of them.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pods(one), Self::Pods(two)) => (&one.service, &one.environment) == (&two.service, &two.environment),
            (Self::Logs(one, _), Self::Logs(two, _)) => one == two,
            (Self::Text(one), Self::Text(two)) => one.title == two.title,
            (Self::Explain(one), Self::Explain(two)) => one.workload == two.workload,
            (Self::History(one), Self::History(two)) => one.workload == two.workload,
            (Self::Run(one, _), Self::Run(two, _)) => one == two,
            (Self::List(one, _), Self::List(two, _)) => one == two,
            (Self::Operation(one), Self::Operation(two)) => one == two,
            (Self::Verify(one), Self::Verify(two)) => one.service == two.service,
            (Self::Background(_), Self::Background(_)) | (Self::Changes(_), Self::Changes(_)) => true,
            _ => false,
        }
    }

    /// The layer of the keymap that it is; a procedure says its own.
    pub const fn layer(&self) -> Layer {
        match self {
            Self::Pods(_) => Layer::Pods,
            Self::Logs(..) => Layer::Logs,
            Self::Text(page) => page.layer,
            Self::Run(..) => Layer::Pipelines,
            Self::List(List::Pods(_), _) => Layer::Pods,
            Self::Explain(_) | Self::History(_) | Self::List(..) | Self::Background(_) | Self::Changes(_) | Self::Verify(_) => Layer::Global,
            Self::Operation(_) => Layer::Plan,
        }
    }
}
