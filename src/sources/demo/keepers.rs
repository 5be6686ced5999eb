//! The controller above a service of the world, and whether somebody holds it off.

use super::{alter::Altered, answers::seen, unit::Unit, world::World};
use crate::{
    domain::{CheckKind, Finding, Hold, Id, Operation, Owner, Progress, Seen, SourceId, Subject, Verb},
    text::{Clean, Raw},
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Which verbs are about the controller, not about what it keeps.
pub(super) const fn above(verb: Verb) -> bool {
    matches!(verb, Verb::Hold | Verb::Release)
}

impl Unit {
    /// Who holds off what keeps it, since when, by which operation; none where it acts by itself.
    pub(super) fn held(&self, at: Timestamp) -> Option<(&str, Timestamp, &str)> {
        let held = |one: &&super::alter::Alteration| matches!(one.what, Altered::Held(_));
        let last = self.alterations.iter().filter(|one| one.at <= at).rfind(held)?;
        (last.what == Altered::Held(true)).then_some((&last.by, last.at, &last.operation))
    }
}

/// What an operation on what keeps a unit must find unchanged.
pub(super) fn keeper_seen(unit: &Unit, at: Timestamp) -> Seen {
    let paused = unit.held(at).is_some();
    Seen { uid: Raw::new(&format!("keeper of {}", unit.uid)), template: Raw::new(if paused { "off" } else { "on" }), paused }
}

/// What an operation on a unit, or on what keeps it, must find unchanged.
pub(super) fn found(unit: &Unit, verb: Verb, at: Timestamp) -> Seen {
    if above(verb) { keeper_seen(unit, at) } else { seen(unit, at) }
}

/// What keeps a unit, as it is at `at`; none where nothing does.
pub(super) fn keeper(unit: &Unit, at: Timestamp) -> Option<Subject> {
    Some(Subject {
        operation: unit.held(at).map(|(_, _, operation)| Clean::from_untrusted(operation)),
        generation: unit.generation(at).0,
        observed: unit.generation(at).0,
        progress: Progress::Done,
        keeper: Some(unit.owner.clone()?),
        ..Subject::new(unit.id.clone(), keeper_seen(unit, at))
    })
}

/// Whether what keeps a unit would change it back.
pub(super) fn owner(unit: &Unit, at: Timestamp) -> Finding {
    let kind = CheckKind::Owner;
    match &unit.owner {
        Some(owner @ Owner::ArgoCd { application }) if unit.held(at).is_none() => kind.block(
            crate::clean!("{} heals itself and would bring it back", owner.words()),
            Some(crate::clean!("H holds it off; argocd app set {application} --sync-policy none")),
        ),
        Some(owner @ Owner::ArgoCd { .. }) => kind.warn(
            crate::clean!("{} does not sync by itself, but git still says the version that you leave", owner.words()),
            Some(Clean::from_static("revert the commit too")),
        ),
        Some(owner) => kind.warn(crate::clean!("{} owns it", owner.words()), None),
        None => kind.ok("no controller above would change it back"),
    }
}

/// The command that holds it off, or lets it go.
pub(super) fn command(unit: &Unit, verb: Verb) -> Option<Clean> {
    let Some(Owner::ArgoCd { application }) = &unit.owner else { return None };
    let policy = if verb == Verb::Hold { "none" } else { "automated --self-heal" };
    Some(crate::clean!("argocd app set {application} --sync-policy {policy}"))
}

impl World {
    /// What is checked before something is held off or let go.
    pub(super) fn above_findings(&self, unit: &Unit, operation: &Operation) -> Vec<Finding> {
        let owner = unit.owner.as_ref().map(Owner::words).unwrap_or_default();
        let same = |other: &&Unit| other.source == unit.source && other.owner == unit.owner && other.id != unit.id;
        let others: Vec<&str> = self.units.iter().filter(same).map(|other| other.service.as_str()).collect();
        let hold = operation.verb == Verb::Hold;
        let still = match (hold, others.len()) {
            (true, 0) => CheckKind::Strategy.ok(crate::clean!("{owner} made nothing else: nothing but {} stands still", unit.service)),
            (true, count) => CheckKind::Strategy.warn(crate::clean!("{count} others of {owner} stand still too: {}", others.join(", ")), None),
            (false, _) => CheckKind::Strategy.ok(crate::clean!("{} moves again", unit.service)),
        };
        vec![
            CheckKind::Rights.ok("you may patch applications in argocd"),
            if hold {
                CheckKind::Owner.ok(crate::clean!("nothing above {owner} would switch it on again"))
            } else {
                CheckKind::Owner.warn(crate::clean!("when {owner} acts again, it brings whatever git says then"), None)
            },
            still,
            CheckKind::DryRun.ok("the server would accept the request"),
        ]
    }

    /// What is held off in a cluster at `at`.
    pub(super) fn holds(&self, source: &SourceId, at: Timestamp) -> Vec<Hold> {
        let held = self.units_of(source).filter_map(|unit| {
            let (keeper, (by, since, _)) = (unit.owner.clone()?, unit.held(at)?);
            let id = Id::new(source, &format!("holds/{}", keeper.words()));
            Some((id.clone(), Hold { id, keeper, workload: unit.id.clone(), since: Some(since), by: Clean::from_untrusted(by) }))
        });
        held.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}
