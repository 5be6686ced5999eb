//! One cell of the matrix: a service in an environment.

use super::{EnvironmentRef, Freshness, Health, Store, health};
use crate::{
    domain::{Id, Pod, Progress, Revision, Version, Workload},
    text::{Clean, Name},
};
use jiff::Timestamp;

/// What a cell shows for a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellVersion {
    /// Nothing runs.
    None,
    /// One version.
    One(Version),
    /// A new one on its way.
    Transition {
        /// What serves.
        from: Version,
        /// What should.
        to: Version,
    },
    /// Several workloads, several versions.
    Mixed,
}

impl std::fmt::Display for CellVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::One(version) => write!(f, "{version}"),
            Self::Transition { from, to } => write!(f, "{from} → {to}"),
            Self::Mixed => f.write_str("mixed"),
        }
    }
}

/// How a cell stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellState {
    /// Well.
    Ok,
    /// A new revision is on its way.
    Rolling {
        /// Ready pods of the newest revision.
        fresh: u32,
        /// Wanted pods.
        wanted: u32,
    },
    /// A new revision does not get on its way.
    Stuck {
        /// Ready pods of the newest revision.
        fresh: u32,
        /// Wanted pods.
        wanted: u32,
    },
    /// Degraded.
    Failing,
    /// Degraded by a cause that many share: it did nothing itself.
    Victim {
        /// Whose: the node, the zone, the registry.
        of: Clean,
    },
    /// Nothing serves.
    Down,
    /// As it was when its source was last heard.
    Stale {
        /// When that was.
        since: Option<Timestamp>,
    },
    /// It can not be said, or its source has not told all yet.
    Unknown,
    /// The service does not run here.
    Absent,
    /// Nobody asked for this environment: Enter connects.
    NotConnected,
}

impl CellState {
    /// The word on screen.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Rolling { .. } => "rolling",
            Self::Stuck { .. } => "stuck",
            Self::Failing => "failing",
            Self::Victim { .. } => "victim",
            Self::Down => "down",
            Self::Stale { .. } => "stale",
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::NotConnected => "not connected",
        }
    }

    /// The word with what belongs to it: `victim of eu-4`.
    pub fn words(&self) -> Clean {
        match self {
            Self::Victim { of } => crate::clean!("victim of {of}"),
            Self::Ok
            | Self::Rolling { .. }
            | Self::Stuck { .. }
            | Self::Failing
            | Self::Down
            | Self::Stale { .. }
            | Self::Unknown
            | Self::Absent
            | Self::NotConnected => Clean::from_static(self.word()),
        }
    }

    /// How much it asks for attention, the most first; none for what is not a problem of the service.
    pub const fn problem(&self) -> Option<u8> {
        match self {
            Self::Down => Some(0),
            Self::Stuck { .. } => Some(1),
            Self::Failing => Some(2),
            Self::Victim { .. } => Some(3),
            Self::Rolling { .. } => Some(4),
            Self::Ok | Self::Stale { .. } | Self::Unknown | Self::Absent | Self::NotConnected => None,
        }
    }
}

/// One workload of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellWorkload {
    /// Which.
    pub id: Id<Workload>,
    /// How well it is.
    pub health: Health,
}

/// A service in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The environment.
    pub environment: EnvironmentRef,
    /// Its workloads, the unhealthiest first.
    pub workloads: Vec<CellWorkload>,
    /// What runs.
    pub version: CellVersion,
    /// How it stands.
    pub state: CellState,
    /// Ready pods of any version, of the wanted ones.
    pub serving: Option<(u32, u32)>,
    /// Whether it has the same version as elsewhere under another digest.
    pub differs: bool,
    /// When it last changed.
    pub changed: Option<Timestamp>,
    /// Why it is not well, in a few words.
    pub why: Option<Clean>,
}

/// How a deployment is that only its pipeline tells of. That one failed does not mean that nothing serves.
pub(super) fn deployed(progress: &Progress) -> Health {
    match progress {
        Progress::Done => Health::Ok,
        Progress::Stuck { since, reason, message } => Health::Stuck { since: *since, why: if message.is_empty() { reason.clone() } else { message.clone() } },
        Progress::Unobserved | Progress::Rolling | Progress::Waiting { .. } => Health::Rolling,
        Progress::Paused { .. } | Progress::Aborted { .. } | Progress::Unknown => Health::Unknown,
    }
}

/// Leaves out what a pipeline alone says of a service in an environment, where a system tells what runs there: it knows better.
pub(super) fn what_is_seen(rows: &mut Vec<&Workload>) {
    if rows.iter().any(|row| !row.kind.told_by_pipeline()) {
        rows.retain(|row| !row.kind.told_by_pipeline());
    }
}

impl Cell {
    /// A cell in which nothing runs.
    pub(super) const fn empty(environment: EnvironmentRef, state: CellState) -> Self {
        Self { environment, workloads: Vec::new(), version: CellVersion::None, state, serving: None, differs: false, changed: None, why: None }
    }
}

impl Store {
    /// How well a workload is at `now`.
    pub fn health(&self, workload: &Workload, now: Timestamp) -> Health {
        let pods: Vec<&Pod> = self.pods_of(&workload.id).collect();
        health(workload, &self.revisions_of(&workload.id), (!pods.is_empty()).then_some(&pods), now)
    }

    /// A service in an environment; none where it does not run.
    pub fn cell(&self, service: &Name, environment: &EnvironmentRef, now: Timestamp) -> Option<Cell> {
        let mut rows: Vec<&Workload> = self.workloads_in(service.raw(), environment.name.raw()).collect();
        what_is_seen(&mut rows);
        (!rows.is_empty()).then(|| self.cell_over(environment, &rows, now))
    }

    pub(super) fn cell_over(&self, environment: &EnvironmentRef, rows: &[&Workload], now: Timestamp) -> Cell {
        let mut judged: Vec<(&Workload, Health)> = rows.iter().map(|row| (*row, self.health(row, now))).collect();
        judged.sort_by(|a, b| b.1.rank().cmp(&a.1.rank()).then_with(|| a.0.id.cmp(&b.0.id)));
        let sum = |of: fn(&Workload) -> u32| rows.iter().map(|row| of(row)).sum();
        Cell {
            environment: environment.clone(),
            version: self.cell_version(&judged),
            state: self.cell_state(&judged, rows),
            serving: rows.iter().any(|row| !row.kind.told_by_pipeline()).then(|| (sum(|row| row.replicas.ready), sum(|row| row.replicas.wanted))),
            differs: false,
            changed: rows.iter().filter_map(|row| row.changed).max(),
            why: judged.first().and_then(|(_, health)| health.why().cloned()),
            workloads: judged.into_iter().map(|(row, health)| CellWorkload { id: row.id.clone(), health }).collect(),
        }
    }

    fn cell_state(&self, judged: &[(&Workload, Health)], rows: &[&Workload]) -> CellState {
        let stale = rows.iter().find_map(|row| match self.freshness(&row.id) {
            Freshness::Live => None,
            Freshness::Stale { since } => Some(since),
        });
        if let Some(since) = stale {
            return CellState::Stale { since };
        }
        let Some((worst, health)) = judged.first() else { return CellState::Absent };
        let fresh = || {
            let revisions = self.revisions_of(&worst.id);
            let ready = revisions.iter().find(|revision| revision.current).map(|revision| revision.replicas.ready);
            ready.unwrap_or_else(|| worst.replicas.updated.min(worst.replicas.ready))
        };
        let wanted = worst.replicas.wanted;
        match health {
            Health::Ok | Health::Zero => CellState::Ok,
            Health::Rolling => CellState::Rolling { fresh: fresh(), wanted },
            Health::Stuck { .. } => CellState::Stuck { fresh: fresh(), wanted },
            Health::Failing { .. } => CellState::Failing,
            Health::Down { .. } => CellState::Down,
            Health::Unknown => CellState::Unknown,
        }
    }

    fn cell_version(&self, judged: &[(&Workload, Health)]) -> CellVersion {
        let Some((worst, health)) = judged.first() else { return CellVersion::None };
        if judged.iter().any(|(row, _)| row.version != worst.version) {
            return CellVersion::Mixed;
        }
        let to = worst.version.clone();
        match health {
            Health::Rolling | Health::Stuck { .. } | Health::Down { .. } => match self.coming_from(worst) {
                Some(from) if from != to => CellVersion::Transition { from, to },
                Some(_) | None => CellVersion::One(to),
            },
            Health::Ok | Health::Zero | Health::Failing { .. } | Health::Unknown => CellVersion::One(to),
        }
    }

    /// The version that still serves beside the newest, or that did before it where a rollout left nothing.
    fn coming_from(&self, workload: &Workload) -> Option<Version> {
        if workload.replicas.updated >= workload.replicas.wanted && workload.replicas.total <= workload.replicas.updated {
            return None;
        }
        let revisions = self.revisions_of(&workload.id);
        let old = || revisions.iter().filter(|revision| !revision.current);
        let serving: Option<&&Revision> = old().filter(|revision| revision.replicas.total > 0).max_by_key(|revision| revision.replicas.ready);
        serving.or_else(|| old().next()).map(|revision| revision.version.clone())
    }
}
