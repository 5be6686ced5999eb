//! How a workload stood when a change of it was confirmed.

use super::super::wire::{self, Exact};
use crate::text::Clean;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How it stood when it was confirmed. The verdict is given by it, by whatever process sees the operation through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    /// The workload.
    pub pods: Was,
    /// Restarts of the newest pods.
    pub restarts: Was,
    /// The error rate against its limit.
    pub errors: Was,
    /// Latency against its limit.
    pub latency: Was,
    /// The alert that started it.
    pub alert: Was,
    /// Which alert that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fires: Option<Fires>,
    /// Pods that served.
    pub ready: u32,
    /// Pods that were wanted.
    pub wanted: u32,
    /// The error rate in parts of a million, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors_ppm: Option<u64>,
    /// Since when it was over its limit.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::maybe_time")]
    pub errors_since: Option<Timestamp>,
}

/// How one thing stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Was {
    /// Measured, and well.
    Good,
    /// Measured, and bad.
    Bad(Clean),
    /// Not measured.
    Unknown(Clean),
}

/// An alert, by what tells it from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fires {
    /// Its name.
    pub name: Exact,
    /// Its labels.
    pub labels: Vec<(Exact, Exact)>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "wire::maybe_time")]
    pub since: Option<Timestamp>,
}
