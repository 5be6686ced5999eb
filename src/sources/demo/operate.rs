//! What a change would do to the world, and what it does.

use super::{
    alter::{Alteration, Altered},
    chance::Chance,
    keepers,
    rows::View,
    unit::{Template, Turn, Unit},
    world::World,
};
use crate::{
    domain::{Check, CheckKind, Finding, Kind, Operation, Stage, Verb},
    text::Clean,
};
use jiff::Timestamp;

impl World {
    /// The checks of a cluster before a change, in the order in which they are made. Changes nothing.
    pub fn check(&self, operation: &Operation, at: Timestamp) -> Vec<Check> {
        if operation.verb.of_a_run() {
            return self.check_errand(operation, at);
        }
        let Some(unit) = self.unit(&operation.subject) else {
            return vec![Check::Made(CheckKind::Rights.block(crate::clean!("{} is not there any more", operation.title), None))];
        };
        let lives = unit.lives(&self.ground);
        let view = self.view(unit, &lives, at);
        let findings = match operation.verb {
            Verb::RollBack => findings(&view, operation),
            verb if keepers::above(verb) => self.above_findings(unit, operation),
            _ => lighter(&view, operation),
        };
        let kinds = findings.iter().map(|finding| finding.kind).collect();
        let mut checks = vec![Check::Expect(kinds)];
        checks.extend(command(unit, operation).map(Check::Command));
        checks.extend(findings.into_iter().map(Check::Made));
        checks
    }

    /// Carries a change out at `at`: from now on the world goes on as changed. The stages end with what came of it.
    pub fn act(&mut self, operation: &Operation, at: Timestamp) -> Vec<Stage> {
        if operation.verb.of_a_run() {
            return self.carry_errand(operation, at);
        }
        let Some(unit) = self.units.iter_mut().find(|unit| unit.id == operation.subject) else {
            return vec![Stage::Refused { why: crate::clean!("{} is not there any more", operation.title) }];
        };
        if let Some(what) = overtaken(unit, operation, at) {
            return vec![Stage::Conflict { what, same: false }];
        }
        if let Err(why) = change(unit, operation, at) {
            return vec![Stage::Sending, Stage::Refused { why }];
        }
        let number = unit.turn(at).1.number;
        let request = Chance::new(4).of(operation.id.as_str()).hex(8);
        let accepted = Stage::Accepted {
            request: Some(crate::clean!("audit {request}")),
            warnings: Vec::new(),
            revision: Some(number),
            generation: Some(unit.generation(at).0),
        };
        vec![Stage::Sending, accepted]
    }
}

/// What is not as the operator saw it any more; none where all is.
fn overtaken(unit: &Unit, operation: &Operation, at: Timestamp) -> Option<Clean> {
    let now = keepers::found(unit, operation.verb, at);
    if now == operation.from {
        let size = unit.wanted(at);
        let resized = operation.scaling.filter(|scaling| scaling.from != size);
        return resized.map(|scaling| crate::clean!("it was scaled meanwhile: it asks for {size} now, it was {} before", scaling.from));
    }
    if keepers::above(operation.verb) {
        return Some(crate::clean!("what keeps {} was switched meanwhile", unit.service));
    }
    Some(match (now.template == operation.from.template, now.paused) {
        (true, true) => crate::clean!("{} was paused meanwhile", unit.service),
        (true, false) if operation.from.paused => crate::clean!("{} was resumed meanwhile", unit.service),
        (..) => moved(unit, at),
    })
}

/// Carries a change out: from now on the unit goes on as changed.
fn change(unit: &mut Unit, operation: &Operation, at: Timestamp) -> Result<(), Clean> {
    if unit.kind != Kind::Deployment {
        return Err(unlike(unit));
    }
    let what = match (operation.verb, operation.scaling) {
        (Verb::Scale, Some(scaling)) => Altered::Size(scaling.to),
        (Verb::Hold | Verb::Release, _) => Altered::Held(operation.verb == Verb::Hold),
        (Verb::Pause | Verb::Resume, _) => Altered::Paused(operation.verb == Verb::Pause),
        (..) => {
            let (to, number) = (goal(unit, operation, at)?, unit.next_number());
            let (by, back) = (operation.by.to_string(), operation.verb == Verb::RollBack);
            unit.turns.push(Turn { at, to, number, by, operation: Some(operation.id.to_string()), settled: false, back });
            unit.turns.sort_by_key(|turn| turn.at);
            return Ok(());
        }
    };
    unit.alterations.push(Alteration { at, what, operation: operation.id.to_string(), by: operation.by.to_string() });
    unit.alterations.sort_by_key(|one| one.at);
    Ok(())
}

fn unlike(unit: &Unit) -> Clean {
    crate::clean!("in the simulated world only Deployments can be changed, not a {}", unit.kind.word())
}

/// Which template a change leads to.
fn goal(unit: &mut Unit, operation: &Operation, at: Timestamp) -> Result<usize, Clean> {
    if unit.paused(at) {
        return Err(crate::clean!("{} is paused: resume it first", unit.service));
    }
    match operation.verb {
        Verb::RollBack => {
            let wanted = operation.to.as_ref().ok_or_else(|| Clean::from_static("no revision was named"))?;
            let known = |template: &Template| template.hash == wanted.template.expose() && template.created <= at;
            let found = unit.templates.iter().position(known).ok_or_else(|| crate::clean!("there is no revision {} any more", wanted.version))?;
            if found == unit.turn(at).1.to {
                return Err(crate::clean!("{} runs already", wanted.version));
            }
            Ok(found)
        }
        Verb::Restart => {
            let hash = Chance::new(5).of(operation.id.as_str()).hex(4);
            let fresh = Template { hash, created: at, cause: Some("restart".to_owned()), pods: Vec::new(), ..unit.current(at).clone() };
            unit.templates.push(fresh);
            Ok(unit.templates.len() - 1)
        }
        Verb::Abort
        | Verb::Promote
        | Verb::PromoteFull
        | Verb::Retry
        | Verb::DeletePod
        | Verb::SwitchBack
        | Verb::SyncBack
        | Verb::Scale
        | Verb::Pause
        | Verb::Resume
        | Verb::Hold
        | Verb::Release
        | Verb::Acknowledge
        | Verb::Silence
        | Verb::Rerun
        | Verb::RerunFailed
        | Verb::RerunJob
        | Verb::Cancel
        | Verb::ForceCancel
        | Verb::Approve
        | Verb::Reject
        | Verb::Play
        | Verb::Dispatch
        | Verb::Shell => Err(crate::clean!("the simulated world can not {}", operation.verb.words())),
    }
}

/// What changed since somebody looked, and who changed it.
fn moved(unit: &Unit, at: Timestamp) -> Clean {
    let turn = unit.turn(at).1;
    let version = &unit.current(at).version;
    crate::clean!("{} rolled out {version} as r{} at {}", turn.by, turn.number, turn.at.strftime("%H:%M:%SZ"))
}

/// The command that does the same by hand.
fn command(unit: &Unit, operation: &Operation) -> Option<Clean> {
    let flags = format!("deployment/{} -n {} --context {}", unit.service, unit.place.namespace, unit.place.context);
    match operation.verb {
        Verb::RollBack => operation.to.as_ref().map(|to| crate::clean!("kubectl rollout undo {flags} --to-revision={}", to.number)),
        Verb::Scale => operation.scaling.map(|scaling| crate::clean!("kubectl scale {flags} --current-replicas={} --replicas={}", scaling.from, scaling.to)),
        Verb::Restart | Verb::Pause | Verb::Resume => Some(crate::clean!("kubectl rollout {} {flags}", operation.verb.words())),
        Verb::Hold | Verb::Release => keepers::command(unit, operation.verb),
        Verb::Abort
        | Verb::SwitchBack
        | Verb::SyncBack
        | Verb::Promote
        | Verb::PromoteFull
        | Verb::Retry
        | Verb::DeletePod
        | Verb::Acknowledge
        | Verb::Silence
        | Verb::Rerun
        | Verb::RerunFailed
        | Verb::RerunJob
        | Verb::Cancel
        | Verb::ForceCancel
        | Verb::Approve
        | Verb::Reject
        | Verb::Play
        | Verb::Dispatch
        | Verb::Shell => None,
    }
}

fn findings(view: &View<'_>, operation: &Operation) -> Vec<Finding> {
    let unit = view.unit;
    let (place, service) = (&unit.place, &unit.service);
    let to = operation.to.as_ref().and_then(|to| unit.templates.iter().position(|template| template.hash == to.template.expose()));
    let mut found = vec![
        CheckKind::Rights.ok(crate::clean!("you may patch deployments in {}", place.namespace)),
        paused(view),
        keepers::owner(unit, view.at),
        image(view, to),
        CheckKind::References.ok(crate::clean!("Secret {service}-database and ServiceAccount {service} are there")),
        CheckKind::Scaling.ok(crate::clean!("no autoscaler; a disruption budget does not hold back a rollout")),
        CheckKind::Quota.ok(crate::clean!("room for one pod more in {}", place.namespace)),
        CheckKind::Strategy.ok("RollingUpdate, one more at a time, none fewer"),
    ];
    if unit.sidecar {
        found.push(CheckKind::Traffic.ok("no VirtualService splits the traffic by version"));
    }
    found.push(CheckKind::LastApplied.warn(
        crate::clean!("last-applied still names {}: the next kubectl apply may merge wrongly", unit.current(view.at).version),
        Some(Clean::from_static("apply the manifest of the version you went back to")),
    ));
    found.push(dry_run(view, operation));
    found
}

/// The checks of a change without a target: less can be in its way.
fn lighter(view: &View<'_>, operation: &Operation) -> Vec<Finding> {
    let unit = view.unit;
    let mut found = vec![CheckKind::Rights.ok(crate::clean!("you may patch deployments in {}", unit.place.namespace))];
    if operation.verb == Verb::Restart {
        found.push(paused(view));
    }
    found.push(match &unit.owner {
        Some(owner) => CheckKind::Owner.warn(crate::clean!("{} made it: what that names itself, its next sync brings back", owner.words()), None),
        None => CheckKind::Owner.ok("nothing else claims it"),
    });
    match (operation.verb, operation.scaling) {
        (Verb::Scale, Some(scaling)) if scaling.to == 0 => {
            found.push(CheckKind::Scaling.warn(Clean::from_static("scaled to zero nothing serves"), None));
        }
        (Verb::Scale, _) => found.push(CheckKind::Scaling.ok("no autoscaler")),
        (Verb::Restart, _) => found.push(CheckKind::Strategy.ok("RollingUpdate, one more at a time, none fewer")),
        (..) => {}
    }
    found.push(dry_run(view, operation));
    found
}

fn paused(view: &View<'_>) -> Finding {
    match view.unit.paused(view.at) {
        true => {
            CheckKind::Paused.block(crate::clean!("{} is paused: it would not roll out", view.unit.service), Some(Clean::from_static("resume it first: A")))
        }
        false => CheckKind::Paused.ok("not paused, nothing else under way"),
    }
}

/// Whether a node still has the image: one that was never pulled can only be hoped for.
fn image(view: &View<'_>, to: Option<usize>) -> Finding {
    let Some(template) = to.map(|to| &view.unit.templates[to]) else {
        return CheckKind::Image.unknown("no revision was named");
    };
    if template.bad.is_some() {
        return CheckKind::Image.warn(crate::clean!("no node has {}", template.reference), Some(Clean::from_static("look whether the registry still has it")));
    }
    let node = view.lives.iter().filter(|life| Some(life.of) == to && life.serves(view.at)).find_map(|life| view.site(life));
    match node {
        Some(node) => CheckKind::Image.ok(crate::clean!("{} has it, digest {}", node.name, template.digest.get(7..13).unwrap_or_default())),
        None => CheckKind::Image.unknown(crate::clean!("no node runs {} now; the registry was not asked", template.reference)),
    }
}

fn dry_run(view: &View<'_>, operation: &Operation) -> Finding {
    if let Some(what) = overtaken(view.unit, operation, view.at) {
        return CheckKind::DryRun.block(crate::clean!("409 Conflict: {what}"), None);
    }
    if view.unit.kind != Kind::Deployment {
        return CheckKind::DryRun.block(unlike(view.unit), None);
    }
    CheckKind::DryRun.ok("the server would accept the request")
}
