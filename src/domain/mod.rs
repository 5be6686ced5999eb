//! The nouns of the field. No tokio, no ratatui, no network, no clock.

mod alert;
mod change;
mod check;
mod environment;
mod id;
mod image;
mod link;
mod log;
mod metric;
mod operation;
mod outline;
mod place;
mod pod;
mod program;
mod question;
mod revision;
mod run;
mod workload;

pub use alert::{Alert, AlertState, Rule, Severity};
pub use change::{Batch, Change, Cursor, Fact, Feed, LogTarget, Row, Scope};
pub use check::{Check, CheckKind, Finding, Outcome};
pub use environment::*;
pub use id::{Id, SourceId};
pub use image::{Image, Version};
pub use link::{Down, FeedKind, Link, Member, Offers, Trouble, Why};
pub use log::{Level, LineKind, LogLine, LogStream};
pub use metric::{Metric, Sample};
pub use operation::{OpId, Operation, Scaling, Seen, Stage, TaskId, Verb};
pub use outline::{Leaf, Outline, Part};
pub use place::{Labels, Place};
pub use pod::{Container, ContainerState, Happening, Node, Pod};
pub use program::{Program, quoted};
pub use question::{Answer, Question, Subject, Window};
pub use revision::{Evidence, Revision, RevisionRef};
pub use run::{GateKind, Job, Run, RunStatus, Step};
pub use workload::{Kind, Owner, Progress, Replicas, Workload};
