//! Several rollbacks as one plan: what becomes of each, what keeps one of them, and the one confirm line.

use super::{
    Foot, Sheet, boxed, confirm, heading, mark, outcome,
    plan::{asks, barred, shut, typed},
    sentence,
};
use crate::{
    app::{App, Batch, Member, Running, Together},
    domain::{Outcome, Verb},
    line,
    panels::words::hanging,
    rollback::{Barred, Checks, Mark, Plan, State},
    store::words::{clock, count},
    text::Clean,
    theme::Role,
    widgets::{Align, Edge, Line, Panel, Piece, line_width, pad, sign, wrap},
};

/// Cells for the name of a service at most.
const NAME: usize = 24;
/// Lines that a member takes at 80 columns.
pub(super) const ROW: usize = 3;
/// Cells before a name: the cursor, the sign, the place in the order.
const LEAD: usize = 7;

/// What it shows by its state, and the line of the member under the cursor.
pub(super) fn sheet<'a>(app: &'a App, batch: &'a Batch, width: usize) -> (Sheet<'a>, usize) {
    let mut lines = vec![Line::new()];
    lines.extend(wrap(&line![headline(batch)], width));
    lines.extend(batch.order.iter().flat_map(|order| wrap(&line![(Role::Dim, order.clone())], width)));
    lines.push(Line::new());
    let names = batch.members.iter().map(|member| line_width(&line![member.service.clean().clone()])).max().unwrap_or_default().min(NAME);
    let mut cursor = 0;
    for (at, member) in batch.members.iter().enumerate() {
        if at == batch.at {
            cursor = lines.len();
        }
        lines.extend(row(app, batch, (at, member), names, width));
    }
    if let Some(member) = batch.members.get(batch.at) {
        lines.extend(detail(app, member, width));
    }
    let foot = match &batch.stand {
        Together::Planned => foot(app, batch, width),
        Together::Confirming => confirming(app, batch, width),
        Together::Working { .. } | Together::Over { .. } => Foot::default(),
    };
    (Sheet { panel: panel(app, batch), lines, foot }, cursor)
}

fn panel(app: &App, batch: &Batch) -> Panel {
    if matches!(batch.stand, Together::Planned | Together::Confirming) {
        return boxed(app, batch.title(), &batch.environment, Verb::RollBack);
    }
    let mut panel = Panel::new(line![(Role::Title, batch.title())]);
    panel.edge = Edge::Focus;
    panel
}

fn headline(batch: &Batch) -> Clean {
    match &batch.stand {
        Together::Planned | Together::Confirming => Clean::from_static(
            "One after the other, in this order: each is watched to its verdict before the next one begins, and what does not help stops the rest.",
        ),
        Together::Working { halted: true, .. } => {
            Clean::from_static("No other one begins: the one at work is watched to its verdict, the rest stays as it is.")
        }
        Together::Working { .. } => {
            let left = match batch.to_come() {
                0 => Clean::from_static("The last one is at work."),
                left => crate::clean!(
                    "{left} to come, each checked once more before it begins. If the session drops, the one at work is watched on and the rest is not begun."
                ),
            };
            crate::clean!("{left} Esc puts this into the background.")
        }
        Together::Over { stopped: None } => Clean::from_static("All of them are over, each with its own verdict."),
        Together::Over { stopped: Some((at, why)) } => {
            let name = batch.name(*at);
            let left = batch.taken().filter(|(place, _)| place > at).count();
            let rest = if left == 0 { Clean::EMPTY } else { crate::clean!(" {} after it: not begun.", left) };
            crate::clean!("Stopped at {name}: {why}.{rest}")
        }
    }
}

/// `▸ ✓ 1 cart  2.8.0 r42 → 2.7.3 r41`, and how it stands below.
fn row(app: &App, batch: &Batch, (at, member): (usize, &Member), names: usize, width: usize) -> Vec<Line> {
    let (sign, says) = stands(app, batch, at, member);
    let here = if at == batch.at { Piece::new(Role::Accent, sign::HERE) } else { Piece::blank(1) };
    let place = batch.taken().position(|(taken, _)| taken == at);
    let number = place.map_or(Clean::from_static("–"), |place| crate::clean!("{}", place + 1));
    let lead = [vec![here, Piece::blank(1), sign, Piece::blank(1)], pad(&line![(Role::Dim, number)], 2, Align::Right), line![" "]].concat();
    let role = if member.taken { Role::Text } else { Role::Dim };
    let change = app.operations.of_member(member).map(|running| running.procedure.change()).unwrap_or_default();
    let name = pad(&line![(role, member.service.clean().clone())], names + 2, Align::Left);
    let first = [lead, name, line![(role, change)]].concat();
    [hanging(vec![], first, width), hanging(vec![Piece::blank(LEAD)], line![(Role::Dim, says)], width)].concat()
}

/// How a member stands, in a sign and a few words.
fn stands(app: &App, batch: &Batch, at: usize, member: &Member) -> (Piece, Clean) {
    if !member.taken {
        return (mark(Mark::Waiting), Clean::from_static("left out"));
    }
    let Some(running) = app.operations.of_member(member) else { return (mark(Mark::Running), Clean::from_static("asking the journal")) };
    let headline = || running.procedure.headline(app.steady());
    match (&running.procedure.state, &batch.stand) {
        (State::Gathering(_), Together::Planned | Together::Confirming | Together::Working { .. }) => {
            (mark(Mark::Running), Clean::from_static("asking what must be known"))
        }
        (State::Planned(_), Together::Over { stopped: Some((stopped, _)) }) if at > *stopped => (mark(Mark::Waiting), Clean::from_static("not begun")),
        (State::Planned(plan), Together::Planned | Together::Confirming) => planned(app, member, plan),
        (State::Planned(_), Together::Working { at: here, .. }) if at == *here => {
            (mark(Mark::Running), Clean::from_static("checked once more before it begins"))
        }
        (State::Planned(_) | State::Confirming { .. }, Together::Working { .. }) => (mark(Mark::Waiting), Clean::from_static("waits for those before it")),
        (State::Planned(_) | State::Gathering(_) | State::Confirming { .. }, _) => {
            (mark(Mark::Bad), stopped_why(batch).unwrap_or_else(|| Clean::from_static("nothing was sent")))
        }
        (State::UnderWay { run, .. }, _) => {
            let time = clock(app.steady().duration_since(run.began));
            (mark(Mark::Running), crate::clean!("{} of {} ready   {time}", run.view.ready, run.view.wanted))
        }
        (State::Sending { .. } | State::Unclear { .. }, _) => (mark(Mark::Running), headline().line),
        (State::Done { .. } | State::Closed { .. }, _) => {
            let said = headline();
            let detail = if said.detail.is_empty() { Clean::EMPTY } else { crate::clean!("   {}", said.detail) };
            (mark(said.mark), crate::clean!("{}{detail}", said.line))
        }
    }
}

fn stopped_why(batch: &Batch) -> Option<Clean> {
    match &batch.stand {
        Together::Over { stopped: Some((_, why)) } => Some(why.clone()),
        Together::Planned | Together::Confirming | Together::Working { .. } | Together::Over { stopped: None } => None,
    }
}

/// The evidence of its target, or what keeps it.
fn planned(app: &App, member: &Member, plan: &Plan) -> (Piece, Clean) {
    match app.operations.barred_member(member) {
        Some(Barred::Checking) => {
            let left = match plan.checks {
                Checks::Running { until } => clock(until.duration_since(app.steady())),
                Checks::Over => Clean::EMPTY,
            };
            (mark(Mark::Running), crate::clean!("{} checks being made, {left} left", plan.waiting().count()))
        }
        Some(Barred::Blocked(finding)) => (mark(Mark::Bad), crate::clean!("{}: {}", finding.kind.word(), finding.sentence)),
        Some(Barred::NoTarget(why)) => (mark(Mark::Unknown), why),
        Some(Barred::NotPlanned) => (mark(Mark::Bad), Clean::from_static("it is no plan any more")),
        None => {
            let found = |wanted: Outcome| plan.findings.values().filter(|finding| finding.outcome == wanted).count();
            let made = |number, what| if number == 0 { Clean::EMPTY } else { crate::clean!(", {}", count(number, what)) };
            let (warned, unknown) = (made(found(Outcome::Warn), "warning"), made(found(Outcome::Unknown), "unknown"));
            let sign = if found(Outcome::Warn) > 0 { Mark::Open } else { Mark::Good };
            let why = plan.candidate().map(|candidate| candidate.why.clone()).unwrap_or_default();
            (mark(sign), crate::clean!("{why} · {}{warned}{unknown}", count(plan.findings.len(), "check")))
        }
    }
}

/// What the checks of the member under the cursor have to say, where it is not simply well.
fn detail(app: &App, member: &Member, width: usize) -> Vec<Line> {
    let plan = app.operations.of_member(member).map(|running: &Running| &running.procedure.state);
    let Some(State::Planned(plan) | State::Confirming { plan, .. }) = plan else { return Vec::new() };
    let told: Vec<_> = plan.findings.values().filter(|finding| finding.outcome != Outcome::Ok).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::new(), heading("CHECKS", member.service.clean().clone())];
    for finding in told {
        lines.extend(sentence(mark(outcome(finding.outcome)), crate::clean!("{}: {}", finding.kind.word(), finding.sentence), width));
        lines.extend(finding.remedy.iter().flat_map(|remedy| hanging(vec![Piece::blank(2)], line![(Role::Accent, remedy.clone())], width)));
    }
    lines
}

/// What Enter asks for, or everything that bars it.
fn foot<'a>(app: &App, batch: &Batch, width: usize) -> Foot<'a> {
    let mut says = Vec::new();
    if let Some((at, why)) = app.operations.bars(batch) {
        let name = batch.name(at);
        says.extend(match why {
            Barred::Checking => barred(Mark::Running, Clean::from_static("Enter is barred: the plans are still being made"), width),
            Barred::NoTarget(why) => barred(Mark::Unknown, crate::clean!("Enter is barred: {name}: {why}. Space leaves it out."), width),
            Barred::Blocked(finding) => barred(Mark::Bad, crate::clean!("Enter is barred: {name}: {}. Space leaves it out.", finding.sentence), width),
            Barred::NotPlanned => barred(Mark::Bad, crate::clean!("Enter is barred: {name} is no plan any more. Space leaves it out."), width),
        });
    }
    says.extend(shut(app, &batch.environment, Verb::RollBack, width));
    if says.is_empty() {
        says.extend(asks(typed(&app.batch_demand(batch)).as_ref(), " for all of them", width));
    }
    Foot { says, entries: Vec::new() }
}

/// The confirm line: what must be typed once for all.
fn confirming<'a>(app: &App, batch: &'a Batch, width: usize) -> Foot<'a> {
    let demand = app.batch_demand(batch);
    let names: Vec<String> = batch.taken().map(|(_, member)| member.service.to_string()).collect();
    let goal = crate::clean!("{} in {} go back, one after the other.  ", names.join(", "), batch.environment);
    let says = wrap(&[line![(Role::Accent, goal)], confirm::keys()].concat(), width);
    let entries = batch.confirming.as_ref().map(|line| confirm::entries(line, confirm::word(&demand), &demand)).unwrap_or_default();
    Foot { says, entries }
}
