//! The plan: what is asked for it, where it goes, what is checked, what will happen. Nothing on it executes.

use super::{Foot, Sheet, heading, mark, outcome, panel, sentence, target};
use crate::{
    app::{App, Running},
    domain::{Application, Arm, CheckKind, Finding, Kind, Outcome, Reach, Revision, Route, Verb, Workload},
    gate::{Demand, OVERRIDE},
    line,
    panels::words::hanging,
    rollback::{Asking, Barred, Checks, Gathering, Mark, Plan},
    store::words::{clock, long},
    text::{Clean, Name},
    theme::Role,
    widgets::{Align, Line, Piece, pad, wrap},
};
use std::collections::BTreeMap;

/// From here on the checks stand beside the difference.
const BESIDE: usize = 100;
/// Cells between the two.
const GAP: usize = 3;
/// Cells for the name of a check with the gap after it.
const NAME: usize = 13;

/// What is being asked before there can be a plan, and how long it is waited for.
pub(super) fn asking<'a>(app: &App, running: &Running, gathering: &Gathering, width: usize) -> Sheet<'a> {
    let mut panel = panel(app, running);
    panel.counts.push(line![(Role::Dim, running.procedure.headline(app.steady()).clock)]);
    let mut lines = vec![Line::new()];
    if let Some(note) = &gathering.note {
        lines.extend(sentence(mark(Mark::Open), note.clone(), width));
        lines.push(Line::new());
    }
    lines.extend(wrap(&line!["Asking what must be known to choose where to go back to; what nobody answers in time counts as unknown."], width));
    lines.push(Line::new());
    for (question, state) in gathering.questions() {
        let (sign, says) = match state {
            Asking::Open => (Mark::Running, Clean::from_static("asked")),
            Asking::Known => (Mark::Good, Clean::from_static("known")),
            Asking::Unknown(why) => (Mark::Unknown, why),
        };
        let lead = [vec![mark(sign), Piece::blank(1)], pad(&line![question], 25, Align::Left)].concat();
        lines.extend(hanging(lead, line![(Role::Dim, says)], width));
    }
    lines.push(Line::new());
    lines.extend(wrap(&line![(Role::Dim, "Nothing is changed by any of this. Esc leaves.")], width));
    Sheet { panel, lines, foot: Foot::default() }
}

/// The plan with `foot` below it.
pub(super) fn sheet<'a>(app: &App, running: &Running, plan: &Plan, foot: Foot<'a>, width: usize) -> Sheet<'a> {
    let mut lines = target::wrong(app, running, plan, width);
    lines.push(Line::new());
    lines.extend(target::target(running, plan, width));
    lines.push(Line::new());
    if running.difference {
        lines.extend(target::raw(plan, width));
        lines.push(Line::new());
        lines.extend(checks(app, plan, width));
    } else if width >= BESIDE {
        let left = (width - GAP) / 2;
        let mut own = target::difference(plan, true, left);
        own.push(Line::new());
        own.extend(happens(running, plan, left));
        lines.extend(beside(own, checks(app, plan, width - GAP - left), left));
    } else {
        lines.extend(target::difference(plan, false, width));
        lines.push(Line::new());
        lines.extend(checks(app, plan, width));
        lines.push(Line::new());
        lines.extend(happens(running, plan, width));
    }
    Sheet { panel: panel(app, running), lines, foot }
}

/// Two columns as lines.
fn beside(left: Vec<Line>, right: Vec<Line>, width: usize) -> Vec<Line> {
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    let row = |_| match (left.next().unwrap_or_default(), right.next().unwrap_or_default()) {
        (left, right) if right.is_empty() => left,
        (left, right) => [pad(&left, width + GAP, Align::Left), right].concat(),
    };
    (0..rows).map(row).collect()
}

fn checks(app: &App, plan: &Plan, width: usize) -> Vec<Line> {
    let told_above = |finding: &&Finding| finding.kind == CheckKind::Cause && finding.outcome != Outcome::Ok;
    let mut rows: BTreeMap<CheckKind, Option<&Finding>> = plan.waiting().map(|kind| (kind, None)).collect();
    rows.extend(plan.findings.values().filter(|finding| !told_above(finding)).map(|finding| (finding.kind, Some(finding))));
    check_lines(app, rows, plan.checks.clone(), &plan.unknown, width)
}

/// The checks as they come in, in the order on screen, each with its sentence and what to do about it.
pub(super) fn check_lines(app: &App, rows: BTreeMap<CheckKind, Option<&Finding>>, checks: Checks, unknown: &[Clean], width: usize) -> Vec<Line> {
    let made = rows.values().flatten().count();
    let says = match checks {
        Checks::Running { until } => crate::clean!("{made} of {} made, {} left", rows.len(), clock(until.duration_since(app.steady()))),
        Checks::Over if rows.is_empty() => Clean::from_static("none were made"),
        Checks::Over => crate::clean!("{made} made"),
    };
    let mut lines = vec![heading("CHECKS", says)];
    for (kind, finding) in rows {
        let sign = finding.map_or(Mark::Running, |finding| outcome(finding.outcome));
        lines.extend(check(mark(sign), kind.word(), finding.map_or(Clean::from_static("being made"), |finding| finding.sentence.clone()), width));
        let remedy = finding.and_then(|finding| finding.remedy.clone());
        lines.extend(remedy.iter().flat_map(|remedy| hanging(vec![Piece::blank(2 + NAME)], line![(Role::Accent, remedy.clone())], width)));
    }
    for unknown in unknown {
        let (what, why) = unknown.split_once(": ").unwrap_or((unknown.as_str(), "not known"));
        lines.extend(check(mark(Mark::Unknown), what, Clean::from_untrusted(why), width));
    }
    lines
}

fn check(sign: Piece, name: &str, says: Clean, width: usize) -> Vec<Line> {
    let name = Clean::from_untrusted(name);
    let lead = if name.len() < NAME { pad(&line![name], NAME, Align::Left) } else { line![name, ": "] };
    hanging([vec![sign, Piece::blank(1)], lead].concat(), line![says], width)
}

/// What Enter leads to, in full sentences, and the command that does the same by hand.
fn happens(running: &Running, plan: &Plan, width: usize) -> Vec<Line> {
    let Some(candidate) = plan.candidate() else { return Vec::new() };
    let (case, target) = (&running.procedure.case, &candidate.revision);
    let counts = &plan.subject.replicas;
    let number = plan.subject.revision.map(|number| crate::clean!(": r{}", number + 1)).unwrap_or_default();
    let (kind, name, place) = (case.workload.kind.word(), &case.workload.name, &case.workload.place);
    let request = match (&plan.subject.release, case.workload.kind) {
        _ if plan.verb() == Verb::Abort => crate::clean!(
            "One request sets status.abort of {kind} {name} in {} ({}): the controller gives up on {} and goes back to {} ({}), which still serves. \
             The specification is not changed: it still asks for {}, and a retry goes forward to that again.",
            place.namespace,
            place.context,
            case.version(),
            target.short(),
            target.version,
            case.version()
        ),
        _ if plan.sync().is_some() => plan.sync().map(|application| syncs(application, target, running)).unwrap_or_default(),
        _ if plan.switch().is_some() => plan.switch().map(|(route, arm)| switches(route, arm, running)).unwrap_or_default(),
        (Some(release), _) => crate::clean!(
            "helm takes the whole release {} in {} ({}) back to {} ({}), as its revision r{}: all objects above, and the hooks of {}. \
             It merges: what was changed by hand and is in neither revision stays.",
            release.name,
            release.namespace,
            place.context,
            target.short(),
            target.version,
            release.revision + 1,
            target.short()
        ),
        (None, Kind::SwarmService) => crate::clean!(
            "One request asks the swarm of {} to give {kind} {name} its previous specification back ({}). What runs now becomes the previous one.",
            place.context,
            target.version
        ),
        (None, Kind::ComposeService | Kind::Container) => crate::clean!(
            "A new container of {kind} {name} is made on {}, the same but for its image ({}). The old one stops, the new one takes its name and starts; \
             the old one is kept, and comes back if the new one does not become healthy.",
            place.context,
            target.version
        ),
        (None, Kind::CiEnvironment) => crate::clean!(
            "One request has the CI run again what deployed {} to {} of {}: the same commit and workflow, with the secrets and variables of today. \
             What really runs there is not seen from here.",
            target.version,
            place.namespace,
            place.context
        ),
        (None, _) => crate::clean!(
            "One request replaces the template of {kind} {name} in {} ({}) by that of {} ({}); the revision gets a new number{number}.",
            place.namespace,
            place.context,
            target.short(),
            target.version
        ),
    };
    let then = match case.workload.kind {
        _ if matches!(plan.verb(), Verb::Abort | Verb::SwitchBack) => "",
        Kind::CiEnvironment => " A new deployment of it must then report success.",
        Kind::ComposeService | Kind::Container => " Several containers are exchanged one after the other, until one fails:",
        Kind::SwarmService | Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::Rollout => {
            " The controller then exchanges the pods as its strategy says:"
        }
    };
    let (wanted, ready) = plan.switch().map_or((counts.wanted, counts.ready), |(_, arm)| (arm.wanted, arm.ready));
    let counted = if case.workload.kind.told_by_pipeline() { Clean::EMPTY } else { crate::clean!(" {wanted} wanted, {ready} ready now.") };
    let words = crate::clean!(
        "{request}{then}{counted} \
         It is watched until everything that was bad is measured good, for at most {}. Nothing is sent twice.",
        long(running.procedure.timing.deadline)
    );
    let mut lines = vec![heading("WHAT WILL HAPPEN", "")];
    lines.extend(wrap(&line![words], width));
    if let Some(command) = &plan.command {
        lines.extend([Line::new(), heading("THE SAME BY HAND", "")]);
        lines.extend(wrap(&line![(Role::Accent, command.clone())], width));
    }
    lines
}

/// What a switch does.
fn switches(route: &Route, arm: &Arm, running: &Running) -> Clean {
    let Workload { name, place, .. } = &running.procedure.case.workload;
    let mesh = match route.reach {
        Reach::Endpoints { .. } => "at once",
        Reach::Mesh => "as fast as the mesh carries it out, which is not measured",
    };
    crate::clean!(
        "One request changes {} in {} ({}): all of the traffic goes to {} ({}) {mesh}. Neither that nor {name} is changed; {name} keeps running.",
        route.name,
        place.namespace,
        place.context,
        arm.name,
        arm.revision.version
    )
}

/// What a sync does.
fn syncs(application: &Application, target: &Revision, running: &Running) -> Clean {
    let Workload { name, place, .. } = &running.procedure.case.workload;
    crate::clean!(
        "One request asks Argo CD ({}) to sync application {} back to {}, as its history has it: all that it made, not {name} alone. \
         What the manifests say there is not known here. No hook runs and nothing is pruned; git is not changed.",
        place.context,
        application.name,
        target.version
    )
}

/// Why the policy of an environment bars Enter; nothing where it does not.
pub(super) fn shut(app: &App, environment: &Name, verb: Verb, width: usize) -> Vec<Line> {
    let closed = app.policy(environment).closed(verb, app.now.wall);
    closed.map(|closed| barred(Mark::Open, crate::clean!("Enter is barred ({}): {}", closed.word(), closed.remedy()), width)).unwrap_or_default()
}

/// What Enter asks for: itself once more, or what must be typed; `whom` says of whom, where it is not of one.
pub(super) fn asks(typed: Option<&Clean>, whom: &str, width: usize) -> Vec<Line> {
    let comma = if whom.is_empty() { "" } else { "," };
    let says = match typed {
        None => crate::clean!(" asks once more{comma}{whom}. Nothing has been sent."),
        Some(typed) => crate::clean!(" opens the confirm line, where {typed} must be typed{whom}. Nothing has been sent."),
    };
    wrap(&line![(Role::Key, "Enter"), says], width)
}

/// What a demand wants typed; none where Enter is enough.
pub(super) fn typed(demand: &Demand) -> Option<Clean> {
    match demand {
        Demand::Enter => None,
        Demand::Yes => Some(Clean::from_static("“yes”")),
        Demand::NameAndReason(name) => Some(crate::clean!("“{name}” and the reason")),
    }
}

/// What Enter asks for, or everything that bars it.
pub(super) fn foot<'a>(app: &App, running: &Running, plan: &Plan, width: usize) -> Foot<'a> {
    let mut says = Vec::new();
    match plan.barred() {
        Err(Barred::NoTarget(_)) => says.extend(barred(Mark::Unknown, Clean::from_static("Enter is barred: there is no target"), width)),
        Err(Barred::Blocked(finding)) => {
            says.extend(barred(Mark::Bad, crate::clean!("Enter is barred ({}): {}", finding.kind.word(), finding.sentence), width));
        }
        Err(Barred::Checking) => says.extend(barred(Mark::Running, Clean::from_static("Enter is barred: the checks are still being made"), width)),
        Err(Barred::NotPlanned) | Ok(()) => {}
    }
    says.extend(shut(app, &running.environment, Verb::RollBack, width));
    if says.is_empty() {
        let undo_of_undo = plan.candidate().is_some_and(|candidate| candidate.undo_of_undo);
        let typed = if undo_of_undo { Some(crate::clean!("“{OVERRIDE}”")) } else { typed(&running.demand(app)) };
        says.extend(asks(typed.as_ref(), "", width));
    }
    Foot { says, entries: Vec::new() }
}

pub(super) fn barred(sign: Mark, why: Clean, width: usize) -> Vec<Line> {
    hanging(vec![mark(sign), Piece::blank(1)], line![(Role::Warn, why)], width)
}
