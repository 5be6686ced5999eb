//! What is measured of a service.

use super::{Id, Labels};
use crate::text::Clean;
use jiff::Timestamp;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Failed of all requests, 0 to 1.
    ErrorRate,
    /// Seconds at the 99th percentile.
    Latency,
    /// Requests in a second.
    Throughput,
    /// Used of the limit, 0 to 1.
    Cpu,
    /// Used of the limit, 0 to 1.
    Memory,
    /// Used of the volume or disk, 0 to 1.
    Disk,
}

impl Metric {
    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ErrorRate => "errors",
            Self::Latency => "latency",
            Self::Throughput => "requests",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }
}

/// A metric of a service over the last while.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its identity.
    pub id: Id<Sample>,
    /// What is measured.
    pub metric: Metric,
    /// What it is about: namespace, service, version, cluster … as the query grouped it.
    pub labels: Labels,
    /// Values by time, oldest first. A gap is absent, never zero; `NaN` means no traffic.
    pub points: Vec<(Timestamp, f64)>,
    /// Whether the query was guessed from a known family of metrics, and which.
    pub guessed: Option<Clean>,
}

impl Sample {
    /// The newest value.
    pub fn now(&self) -> Option<f64> {
        self.points.last().map(|(_, value)| *value)
    }
}
