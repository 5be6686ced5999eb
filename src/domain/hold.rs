//! What was held off: a controller that would change things back, switched off by somebody of ours and to be switched on again.

use super::{Id, Owner, Workload};
use crate::text::Clean;
use jiff::Timestamp;

/// A controller above workloads that does nothing until it is let go again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its identity.
    pub id: Id<Hold>,
    /// Which controller.
    pub keeper: Owner,
    /// The workload for whose sake it is held.
    pub workload: Id<Workload>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Who holds it.
    pub by: Clean,
}
