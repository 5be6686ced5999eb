//! A specification leaf by leaf, so that two can be compared in an operator's terms.

use crate::text::Clean;

/// Which part of a specification a leaf belongs to, in the order in which people want to see differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Where traffic is led.
    Route,
    /// What is deployed, where from.
    Source,
    /// Whole objects that come, or go.
    Objects,
    /// Image references.
    Image,
    /// Environment variables.
    Environment,
    /// Commands and arguments.
    Command,
    /// Requests and limits.
    Resources,
    /// Liveness, readiness and startup probes.
    Probes,
    /// Volumes and mounts.
    Volumes,
    /// Everything else.
    Other,
}

impl Part {
    /// The heading above its differences.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Source => "source",
            Self::Objects => "objects",
            Self::Image => "images",
            Self::Environment => "environment",
            Self::Command => "command",
            Self::Resources => "resources",
            Self::Probes => "probes",
            Self::Volumes => "volumes",
            Self::Other => "other",
        }
    }
}

/// One value in a specification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf {
    /// Which part it belongs to.
    pub part: Part,
    /// Where it stands: `app: LOG_LEVEL`, `app: limits.cpu`.
    pub path: Clean,
    /// Its value; a secret is masked as `•••• 3f9a` with a short keyed hash, so that a change still shows.
    pub value: Clean,
}

/// A whole specification, sorted by part and path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline(pub Vec<Leaf>);
