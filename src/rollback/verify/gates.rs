//! Whether the runs that shipped a release passed their gates.

use super::{Matter, Point, point};
use crate::{
    domain::{GateKind, Id, RevisionRef, Run, RunStatus},
    rollback::{Case, ProofState},
    store::Store,
    text::Clean,
};
use jiff::Timestamp;

/// The runs that shipped `newest`: those of the commit whose run names the version, else of the commit whose run ended as it was rolled out.
pub(super) fn shipped_by(store: &Store, case: &Case, newest: &RevisionRef) -> Vec<Id<Run>> {
    let own: Vec<&Run> = store.runs().into_iter().filter(|run| store.rules().service_of_repository(&run.repository) == case.service).collect();
    let named = own.iter().copied().filter(|run| run.built(&newest.version)).max_by_key(|run| run.started.or(run.created));
    let Some(one) = named.or_else(|| by_time(store, case, newest)) else { return Vec::new() };
    own.iter().filter(|run| run.repository == one.repository && run.commit == one.commit).map(|run| run.id.clone()).collect()
}

fn by_time<'a>(store: &'a Store, case: &Case, newest: &RevisionRef) -> Option<&'a Run> {
    let number = Some(newest.number).filter(|number| *number > 0);
    let rollout = store.timeline(Timestamp::MIN).into_iter().find(|entry| entry.workload.as_ref() == Some(&case.workload.id) && entry.revision() == number);
    store.run(&rollout?.run?.0)
}

/// How their gates stand. A deployment that is under way holds nothing up: it may be what asks.
pub(super) fn gates(store: &Store, runs: &[Id<Run>]) -> Point {
    let say = |state, text: Clean| point(Matter::Gates, state, text);
    let known: Vec<&Run> = runs.iter().filter_map(|run| store.run(run)).collect();
    let Some(newest) = known.iter().max_by_key(|run| (run.number, run.created)).map(|run| run.called()) else {
        return say(ProofState::NotAsked, Clean::from_static("no run is known to have shipped it"));
    };
    let jobs: Vec<_> = known.iter().flat_map(|run| store.jobs_of(&run.id)).collect();
    if jobs.iter().all(|job| job.gate.is_none()) {
        return match known.iter().min_by_key(|run| run.status.rank()).map(|run| &run.status) {
            Some(RunStatus::Success) => say(ProofState::Good, crate::clean!("{newest} ok")),
            Some(RunStatus::Failed) => say(ProofState::StillBad, crate::clean!("{newest} failed")),
            Some(status) => say(ProofState::Unknown, crate::clean!("{newest} {}, its gates are not known", status.word())),
            None => say(ProofState::Unknown, crate::clean!("{newest}: its gates are not known")),
        };
    }
    let worst = |kind: GateKind| {
        jobs.iter().filter(|job| job.gate == Some(kind) && job.status != RunStatus::Skipped).map(|job| &job.status).min_by_key(|status| status.rank())
    };
    let standing = GateKind::ALL.map(|kind| (kind, worst(kind)));
    let words: Vec<String> =
        standing.iter().map(|(kind, status)| format!("{} {}", kind.word(), status.map_or(Clean::from_static("missing"), RunStatus::word))).collect();
    let state = standing.iter().map(|(kind, status)| state(*kind, *status)).min_by_key(rank).unwrap_or(ProofState::Unknown);
    say(state, crate::clean!("{newest} {}", words.join(", ")))
}

fn state(kind: GateKind, status: Option<&RunStatus>) -> ProofState {
    match status {
        Some(RunStatus::Failed | RunStatus::Cancelled) => ProofState::StillBad,
        Some(RunStatus::Queued | RunStatus::Running | RunStatus::Waiting(_)) if kind != GateKind::Deployment => ProofState::Running,
        Some(RunStatus::Stale | RunStatus::Unknown(_)) => ProofState::Unknown,
        Some(_) | None => ProofState::Good,
    }
}

/// Worst first.
const fn rank(state: &ProofState) -> u8 {
    match state {
        ProofState::StillBad => 0,
        ProofState::Unknown => 1,
        ProofState::Running | ProofState::Waiting => 2,
        ProofState::Good | ProofState::NotAsked => 3,
    }
}
