//! The cell under the cursor: which versions live there, how each does, and what that points to.

use super::words;
use crate::{
    app::App,
    domain::{Evidence, Revision, Verb, Workload},
    line, rollback,
    store::{Cell, CellDetail, CellState, ErrorRate, Live, Pointing, warning, words as said},
    text::{Clean, Name},
    theme::Role,
    widgets::{Align, Line, Panel, Piece, draw_line, pad, sign, wrap},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Draws the details of the selected cell.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let Some((service, cell)) = app.cell_here() else {
        Panel::new(line![(Role::Title, "no cell")]).draw(buf, area, theme);
        return;
    };
    let detail = app.store.cell_detail(service, &cell.environment, app.start.limits, app.now.wall);
    let mut panel = Panel::new(line![(Role::Title, crate::clean!("{service} in {}", cell.environment.name))]);
    if let Some(workload) = detail.as_ref().and_then(|detail| app.store.workload(&detail.workload)) {
        let owner = workload.owner.as_ref().map(|owner| crate::clean!("{} · ", owner.words())).unwrap_or_default();
        panel.counts = vec![line![(Role::Dim, crate::clean!("{owner}{} {}/{}", workload.kind.word(), workload.place.namespace, workload.name))]];
    }
    let inner = panel.draw(buf, area, theme);
    let lines = match &detail {
        Some(detail) => lines(app, (service, cell), detail, usize::from(inner.width), usize::from(inner.height)),
        None => vec![line![(Role::Dim, crate::clean!("{service} does not run here"))]],
    };
    for (row, line) in inner.rows().zip(&lines) {
        draw_line(buf, row, line, Align::Left, theme);
    }
}

fn lines(app: &App, (service, cell): (&Name, &Cell), detail: &CellDetail, wide: usize, high: usize) -> Vec<Line> {
    let by_pipeline = app.store.workload(&detail.workload).is_some_and(|workload| workload.kind.told_by_pipeline());
    let head = if by_pipeline { "VERSION      DEPLOYED     ERRORS, 10 MIN       SINCE" } else { "VERSION      PODS         ERRORS, 10 MIN       SINCE" };
    let mut lines = vec![line![(Role::Header, head)]];
    lines.extend(detail.live.iter().flat_map(|live| live_lines(app, live, by_pipeline)));
    lines.push(Line::new());
    lines.extend(trouble(app, cell, detail, wide));
    let verb = way_back(app, (service, cell), detail, wide);
    lines.truncate(high.saturating_sub(1 + verb.len()));
    while lines.len() + verb.len() < high {
        lines.push(Line::new());
    }
    lines.extend(verb);
    lines
}

/// A version with its pods and errors, and below it the pods that can not come up.
fn live_lines(app: &App, live: &Live, by_pipeline: bool) -> Vec<Line> {
    let revision = live.revision.filter(|number| *number > 0).map(|number| crate::clean!("r{number}")).unwrap_or_default();
    let stands = match (by_pipeline, live.ready > 0) {
        (false, _) => crate::clean!("{} ready", live.ready),
        (true, true) => Clean::from_static("yes"),
        (true, false) => Clean::from_static("not yet"),
    };
    let mut first = pad(&line![live.version.0.clone(), (Role::Dim, crate::clean!("  {revision}"))], 13, Align::Left);
    first.extend(pad(&line![(if live.ready > 0 { Role::Text } else { Role::Dim }, stands)], 11, Align::Left));
    first.extend(pad(&errors(app, &live.errors), 23, Align::Left));
    first.push(Piece::new(Role::Dim, live.since.map(|at| words::time_in_words(app, at)).unwrap_or_default()));
    let mut lines = vec![first];
    if live.sick > 0 {
        let said = live.sick_words.clone().unwrap_or_default();
        lines.push(line![Piece::blank(13), (Role::Critical, crate::clean!("{} {}", live.sick, live.sick_how)), (Role::Critical, crate::clean!("   {said}"))]);
    }
    lines
}

fn errors(app: &App, errors: &ErrorRate) -> Line {
    let limits = crate::widgets::Limits { warn: app.start.limits.error_rate / 2.0, critical: app.start.limits.error_rate };
    match errors {
        ErrorRate::NoQuery => line![(Role::Faint, "      no query")],
        ErrorRate::NoTraffic => line![(Role::Unknown, "      no traffic")],
        ErrorRate::Known(series) => {
            let peak = series.buckets.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
            let mut line = line![(limits.role(series.now), crate::clean!("{:>8}  ", words::share(series.now)))];
            line.extend(crate::widgets::spark(&series.buckets, 10, peak.max(app.start.limits.error_rate), limits));
            line
        }
    }
}

/// What is wrong, who shows it, and what that points to.
fn trouble(app: &App, cell: &Cell, detail: &CellDetail, wide: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some((since, sentence)) = &detail.trouble {
        let role = words::role(&cell.state);
        let at = since.map(|at| crate::clean!("since {}: ", at.to_zoned(words::zone(app)).strftime("%H:%M"))).unwrap_or_default();
        let word = cell.state.words();
        let apart = if at.is_empty() { ": " } else { " " };
        lines.extend(wrap(&line![(role, crate::clean!("{} {word}{apart}{at}{sentence}", words::glyph(&cell.state)))], wide));
    }
    if let Some((pod, says)) = &detail.witness {
        lines.push(line![(Role::Critical, crate::clean!("  {pod}")), crate::clean!("  {says}")]);
    }
    let (glyph, role) = match &detail.pointing {
        Pointing::To(_) => (sign::STALE, Role::Accent),
        Pointing::Away(_) | Pointing::CanNotTell(_) => (sign::STALE, Role::Dim),
        Pointing::Nothing => (sign::OK, Role::Ok),
    };
    if let Some(sentence) = detail.pointing.sentence() {
        lines.extend(wrap(&line![(role, crate::clean!("{glyph} {sentence}"))], wide));
    }
    if !detail.excluded.is_empty() {
        lines.extend(wrap(&line![(Role::Dim, crate::clean!("  {}: checked, nothing", detail.excluded.join(", ")))], wide));
    }
    lines
}

/// The key that takes it back, with what speaks for where it leads; for a victim, that it will not help.
fn way_back(app: &App, (service, cell): (&Name, &Cell), detail: &CellDetail, wide: usize) -> Vec<Line> {
    let Some(workload) = app.store.workload(&detail.workload) else { return Vec::new() };
    if cell.state.problem().is_none() || app.offer(crate::keys::Action::Rollback, &crate::app::Subject::Workload(workload.id.clone())).is_err() {
        return Vec::new();
    }
    if let CellState::Victim { .. } = cell.state {
        let warning = warning(&app.store, app.cause.as_ref(), workload, (service, &cell.environment), app.now.wall);
        return warning.map(|finding| wrap(&line![(Role::Warn, finding.sentence)], wide)).unwrap_or_default();
    }
    if workload.kind.told_by_pipeline() {
        return vec![line![(Role::Key, "R"), crate::clean!("  {}", deployed_before(app, workload))]];
    }
    let old = detail.live.iter().rfind(|live| !live.newest && live.ready > 0);
    let words = match old {
        Some(old) => crate::clean!("  back to {}: {}{} of its pods serve now", old.version, proof(app, workload, old), old.ready),
        None => crate::clean!("  {} {service}: see what it would go back to", Verb::RollBack.words()),
    };
    vec![line![(Role::Key, "R"), words]]
}

/// Where the pipeline would go back to, and what speaks for that.
fn deployed_before(app: &App, workload: &Workload) -> Clean {
    let revisions: Vec<Revision> = app.store.revisions_of(&workload.id).into_iter().cloned().collect();
    let records = app.records.get(workload.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    let target = rollback::target(&rollback::History { revisions: &revisions, records, pods: &[] }, app.now.wall);
    match target.chosen() {
        Some(candidate) => crate::clean!("back to {}: {}", candidate.revision.version, candidate.why),
        None => Clean::from_static("see what it would go back to"),
    }
}

/// `proven, 9 d, `: how sure it is that a version is good, as far as the store knows without asking.
fn proof(app: &App, workload: &Workload, old: &Live) -> Clean {
    let mut revisions: Vec<Revision> = app.store.revisions_of(&workload.id).into_iter().cloned().collect();
    let serving = Evidence::ServingNow { ready: old.ready, wanted: workload.replicas.wanted };
    revisions.iter_mut().filter(|revision| Some(revision.number) == old.revision).for_each(|revision| revision.evidence.push(serving.clone()));
    let pods: Vec<_> = app.store.pods_of(&workload.id).cloned().collect();
    let records = app.records.get(workload.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    let target = rollback::target(&rollback::History { revisions: &revisions, records, pods: &pods }, app.now.wall);
    let Some(candidate) = target.candidates.iter().find(|candidate| Some(candidate.revision.number) == old.revision) else { return Clean::EMPTY };
    let age = old.since.map(|at| crate::clean!("{}, ", said::long(said::since(at, app.now.wall)))).unwrap_or_default();
    match candidate.class {
        rollback::Class::None => Clean::EMPTY,
        class @ (rollback::Class::Likely | rollback::Class::Proven) => crate::clean!("{}, {age}", class.word()),
    }
}

/// What the cell says in a few words, for a narrow screen.
pub fn sentence(app: &App) -> Clean {
    let Some((service, cell)) = app.cell_here() else { return Clean::EMPTY };
    match &cell.why {
        Some(why) => crate::clean!("{service} in {}: {why}", cell.environment.name),
        None => crate::clean!("{service} in {}: {}", cell.environment.name, cell.state.words()),
    }
}
