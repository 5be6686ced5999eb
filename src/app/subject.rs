//! What is under the cursor, whichever panel it is in.

use crate::{
    domain::{Alert, Id, Job, Node, Pod, Run, Workload},
    text::Clean,
};

/// What a verb is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A service in an environment: a cell of the matrix.
    Cell {
        /// The service.
        service: Clean,
        /// The environment's name.
        environment: Clean,
    },
    /// One workload.
    Workload(Id<Workload>),
    /// One pod.
    Pod(Id<Pod>),
    /// One CI run.
    Run(Id<Run>),
    /// One job of a run.
    Job(Id<Job>),
    /// One alert.
    Alert(Id<Alert>),
    /// One node.
    Node(Id<Node>),
    /// Nothing is under the cursor.
    Nothing,
}
