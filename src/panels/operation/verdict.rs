//! The verdict: what it says, what each proof says, what was left behind; and why nothing was sent, where nothing was.

use super::{Foot, Sheet, ends, errors, heading, mark, progress, sentence};
use crate::{
    app::{App, Running},
    domain::{AlertState, CheckKind, Outcome, Run as CiRun},
    keys::{Action, Layer},
    line,
    panels::words::{self, hanging},
    rollback::{Line as Said, Mark, ProofKind, Run, Verdict},
    store::words::long,
    text::Clean,
    theme::Role,
    widgets::{Align, Edge, Line, Panel, Piece, Step, join, line_width, pad, wrap},
};
use jiff::{SignedDuration, Timestamp};

/// Cells at the right for the key that helps with what is still open.
const KEY: usize = 15;
/// Cells before the line of errors, and after it.
const MARGINS: (usize, usize) = (13, 4);

/// The screen of the verdict.
pub(super) fn sheet<'a>(app: &App, running: &Running, run: &Run, (verdict, at): (&Verdict, Timestamp), width: usize) -> Sheet<'a> {
    let mut panel = Panel::new(line![(Role::Title, running.procedure.headline(at).title)]);
    panel.edge = Edge::Focus;
    panel.counts = vec![line![(Role::Text, span(app, run.began, at))]];
    let mut lines = vec![Line::new()];
    lines.extend(headline(running, verdict, at, width));
    lines.push(Line::new());
    lines.extend(proofs(app, running, at, width.saturating_sub(2)));
    if let Some([trace, ticks]) = errors::story(app, running, run, at, width.saturating_sub(MARGINS.0 + MARGINS.1)) {
        let label = pad(&line!["  ", (Role::Dim, "errors")], MARGINS.0, Align::Left);
        lines.extend([Line::new(), [label, trace].concat(), [vec![Piece::blank(MARGINS.0)], ticks].concat()]);
    }
    if !matches!(verdict, Verdict::Recovered { .. }) {
        lines.extend(progress::waiting(running, "IN THE WAY", width));
        lines.extend(progress::in_vain(app, running, width));
    }
    lines.extend(still_open(app, running, width));
    lines.extend(ways(app, verdict, width));
    lines.extend(recorded(running, width));
    Sheet { panel, lines, foot: Foot::default() }
}

/// `03:01:28 – 03:04:40 UTC`.
fn span(app: &App, began: Timestamp, at: Timestamp) -> Clean {
    let zone = words::zone(app);
    let until = at.to_zoned(zone.clone());
    crate::clean!("{} – {}", words::clock(began, &zone), until.strftime("%H:%M:%S %Z"))
}

/// `✓ RECOVERED in 3m12s     2.8.0 → 2.7.3     users saw errors for 8m49s`.
fn headline(running: &Running, verdict: &Verdict, at: Timestamp, width: usize) -> Vec<Line> {
    let says = running.procedure.headline(at);
    let (role, gap) = match verdict {
        Verdict::Recovered { .. } => (Role::Ok, 5),
        Verdict::NotRecovered { .. } | Verdict::Worse { .. } => (Role::Critical, 3),
        Verdict::CouldNotTell { .. } => (Role::Unknown, 3),
    };
    let word = vec![mark(says.mark), Piece::blank(1), Piece::new(role, says.line)];
    let whole = [word.clone(), vec![Piece::blank(gap), Piece::new(Role::Text, says.detail.clone())]].concat();
    if line_width(&whole) <= width {
        return vec![whole];
    }
    let detail = hanging(line!["  "], line![says.detail], width);
    std::iter::once(word).chain(detail).collect()
}

fn proofs(app: &App, running: &Running, at: Timestamp, width: usize) -> Vec<Line> {
    let one = |said: &Said| {
        let cleared = *said.label == *ProofKind::Alert.word() && said.mark == Mark::Good;
        let text = if cleared { self::cleared(app, running, said) } else { said.text.clone() };
        // What something else had to come before, and never came, was not measured.
        let sign = if said.mark == Mark::Waiting { Mark::Unknown } else { said.mark };
        Step { sign: mark(sign), name: said.label.clone(), says: line![text], time: said.clock.clone().unwrap_or_default() }.line(width)
    };
    running.procedure.lines(at).iter().map(one).collect()
}

/// `CartErrorRate cleared 03:04:40, not silenced`: a silence does not clear anything.
fn cleared(app: &App, running: &Running, said: &Said) -> Clean {
    let when = running.procedure.good_at(ProofKind::Alert).map(|at| crate::clean!(" {}", words::clock(at, &words::zone(app)))).unwrap_or_default();
    let name = running.procedure.case.alert.as_ref().map(|alert| &alert.name);
    let rows = app.alerts.view.as_ref().map(|view| view.rows.as_slice()).unwrap_or_default();
    let silenced = rows.iter().any(|row| Some(&row.alert.name) == name && matches!(row.alert.state, AlertState::Silenced { .. }));
    crate::clean!("{}{when}, {}", said.text, if silenced { "and a silence lies over it" } else { "not silenced" })
}

/// What was left behind and brings the bad version back, and how the environment stands.
fn still_open(app: &App, running: &Running, width: usize) -> Vec<Line> {
    let procedure = &running.procedure;
    let service = &procedure.case.service;
    let runs: Vec<&CiRun> = app.store.runs().into_iter().filter(|run| app.store.rules().service_of_repository(&run.repository) == *service).collect();
    let mut rows: Vec<(Mark, Clean, Clean)> = Vec::new();
    let owner = procedure.plan().and_then(|plan| plan.findings.get(&CheckKind::Owner)).filter(|finding| finding.outcome != Outcome::Ok);
    if let (Some(finding), None) = (owner, &procedure.case.workload.owner) {
        rows.push((Mark::Open, finding.sentence.clone(), finding.remedy.clone().unwrap_or_default()));
    }
    for said in procedure.still_open(&runs) {
        let key = if &*said.label == "run" { crate::clean!("{} shows it", key(app, Action::Panel2)) } else { Clean::EMPTY };
        rows.push((said.mark, said.text, key));
    }
    if let Some(hold) = app.hold_of(&procedure.case.workload.id) {
        rows.push((
            Mark::Open,
            crate::clean!("{} is held off: no commit is shipped until it is let go", hold.keeper.words()),
            crate::clean!("{} lets go", key(app, Action::Hold)),
        ));
    }
    if let Some(until) = app.opened.get(&running.environment) {
        let left = long(until.duration_since(app.now.wall).max(SignedDuration::ZERO));
        rows.push((Mark::Waiting, crate::clean!("{} locks itself in {left}", running.environment), crate::clean!("{} now", key(app, Action::OpenLock))));
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let row = |(sign, text, key): (Mark, Clean, Clean)| {
        let key = line![(Role::Dim, key)];
        let column = width.saturating_sub(KEY.max(line_width(&key)));
        let beside = pad(&key, width - column, Align::Left);
        // A whole sentence of what to do stands below what it is about.
        let fits = (1..=width / 2).contains(&line_width(&key));
        let mut lines = sentence(mark(sign), text, if fits { column.saturating_sub(2) } else { width });
        match lines.first_mut() {
            Some(first) if fits => *first = ends(std::mem::take(first), beside, width),
            Some(_) | None if line_width(&key) > 0 => lines.extend(hanging(line!["  "], key, width)),
            Some(_) | None => {}
        }
        lines
    };
    [Line::new(), heading("STILL OPEN", "")].into_iter().chain(rows.into_iter().flat_map(row)).collect()
}

fn key(app: &App, action: Action) -> Clean {
    crate::clean!("{}", app.start.keymap.key(Layer::Global, action).unwrap_or_default())
}

/// What can be done next where it did not help; a way that does not exist yet is not offered.
fn ways(app: &App, verdict: &Verdict, width: usize) -> Vec<Line> {
    let subject = app.subject();
    let can = |key: &str| match key {
        "i" => app.offer(Action::Incident, &subject).is_ok(),
        "v" => app.offer(Action::Verify, &subject).is_ok(),
        _ => true,
    };
    let words: Vec<Line> = verdict.ways().iter().filter(|(key, _)| can(key)).map(|(key, does)| line![(Role::Key, *key), " ", *does]).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::new(), heading("WHAT NEXT", "")];
    lines.extend(wrap(&join(words, &Piece::blank(3)), width));
    lines
}

/// `Recorded as entry 1842: "CartErrorRate 17.4 %, 2.8.0 exit 1"`.
fn recorded(running: &Running, width: usize) -> Vec<Line> {
    let Some(entry) = running.entry else { return Vec::new() };
    let reason = if running.reason.is_empty() { Clean::EMPTY } else { crate::clean!(": \"{}\"", running.reason) };
    let mut lines = vec![Line::new()];
    lines.extend(wrap(&line![(Role::Dim, crate::clean!("Recorded as entry {entry}{reason}"))], width));
    lines
}

/// It ended before anything was changed, and why.
pub(super) fn closed<'a>(running: &Running, why: &Clean, width: usize) -> Sheet<'a> {
    let mut panel = Panel::new(line![(Role::Title, crate::clean!("Roll back {}", running.procedure.case.title()))]);
    panel.edge = Edge::Focus;
    let mut lines = vec![Line::new(), line![(Role::Title, "NOTHING WAS CHANGED")], Line::new()];
    lines.extend(sentence(mark(Mark::Bad), why.clone(), width));
    lines.push(Line::new());
    lines.extend(wrap(
        &line!["Enter or Esc closes this; then ", (Role::Key, "R"), " makes a new plan and ", (Role::Key, "x"), " explains why it is broken."],
        width,
    ));
    Sheet { panel, lines, foot: Foot::default() }
}
