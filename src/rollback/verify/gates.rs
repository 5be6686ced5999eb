//! Whether the runs that shipped a release passed their gates.

use super::{Matter, Point, point};
use crate::{
    domain::{GateKind, GateState, Id, RevisionRef, Run, RunStatus},
    rollback::{Case, ProofState},
    store::Store,
    text::Clean,
};

/// The runs that shipped `newest`: those of the commit of the run that brought it.
pub(super) fn shipped_by(store: &Store, case: &Case, newest: &RevisionRef) -> Vec<Id<Run>> {
    let Some((one, _)) = store.brought_revision(&case.workload.id, &newest.id) else { return Vec::new() };
    let own = store.runs().into_iter().filter(|run| run.repository == one.repository && run.commit == one.commit);
    own.map(|run| run.id.clone()).collect()
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
    let demand = known.first().map(|run| store.rules().demands.of(&run.repository)).cloned().unwrap_or_default();
    let standing = GateKind::ALL.map(|kind| (kind, GateState::of(kind, &jobs)));
    let asked = || standing.iter().filter(|(kind, state)| *state != GateState::Missing || demand.asks(*kind));
    let words: Vec<String> = asked().map(|(kind, state)| format!("{} {}", kind.word(), word(*state))).collect();
    let state = asked().map(|(kind, state)| proof(*kind, *state)).min_by_key(rank).unwrap_or(ProofState::Unknown);
    say(state, crate::clean!("{newest} {}", words.join(", ")))
}

fn word(state: GateState<'_>) -> Clean {
    match state {
        GateState::Missing => Clean::from_static("missing"),
        GateState::NotRun => Clean::from_static("not run"),
        GateState::Stands(status) => status.word(),
    }
}

fn proof(kind: GateKind, state: GateState<'_>) -> ProofState {
    match state {
        GateState::Stands(RunStatus::Failed | RunStatus::Cancelled) => ProofState::StillBad,
        GateState::Stands(RunStatus::Queued | RunStatus::Running | RunStatus::Waiting(_)) if kind != GateKind::Deployment => ProofState::Running,
        GateState::Stands(RunStatus::Stale | RunStatus::Lost | RunStatus::Unknown(_)) => ProofState::Unknown,
        GateState::Stands(_) | GateState::NotRun | GateState::Missing => ProofState::Good,
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
