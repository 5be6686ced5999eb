//! Panel 4: what burns, and what changed just before.

use super::{changes::change_lines, words};
use crate::{
    app::{App, Effect, Panel as Focus, Subject},
    domain::{Alert, AlertState, Feed, Id, Link, Severity},
    keys::Action,
    line,
    store::{About, AlertRow, AlertsView, Watchdog, words as said},
    text::{Clean, Name},
    theme::Role,
    widgets::{Align, Column, Cursor, Edge, Line, Panel, Piece, Selection, Table, Width, draw_line, sign},
};
use jiff::SignedDuration;
use ratatui::{buffer::Buffer, layout::Rect};

/// The cursor follows an alert.
#[derive(Debug, Default)]
pub struct State {
    /// Which alert.
    pub at: Selection<Id<Alert>>,
    /// Only rows that hold this.
    pub filter: String,
    /// What burns, as it follows from the store.
    pub view: Option<AlertsView>,
    /// The identities of the rows that are shown, in order.
    pub order: Vec<Id<Alert>>,
    /// Whether somebody has moved the cursor: until then it is on the worst.
    pub chosen: bool,
    stamp: Option<u64>,
}

/// How many changes before an alert are shown at the most.
const CHANGES: usize = 20;

/// Brings rows and cursor up to date.
pub fn settle(app: &mut App) {
    if app.alerts.stamp != Some(app.store.stamp()) {
        app.alerts.stamp = Some(app.store.stamp());
        app.alerts.view = Some(app.store.alerts());
    }
    let filter = app.alerts.filter.to_lowercase();
    let problems = app.problems_only;
    let State { at, view, order, chosen, .. } = &mut app.alerts;
    let shown = |row: &&AlertRow| fits(row, &filter) && (!problems || row.alert.state == AlertState::Firing);
    *order = view.iter().flat_map(|view| view.rows.iter().filter(shown)).map(|row| row.alert.id.clone()).collect();
    if let (false, Some(worst)) = (*chosen, order.first()) {
        at.select(worst.clone());
    }
    at.settle(order);
}

fn fits(row: &AlertRow, filter: &str) -> bool {
    let (filter, inverted) = filter.strip_prefix('!').map_or((filter, false), |rest| (rest, true));
    let label = |(key, value): &(Name, Name)| format!("{key}={value}").to_lowercase().contains(filter);
    filter.is_empty() || (row.alert.name.clean().to_lowercase().contains(filter) || row.alert.labels.0.iter().any(label)) != inverted
}

fn row<'a>(app: &'a App, id: &Id<Alert>) -> Option<&'a AlertRow> {
    app.alerts.view.iter().flat_map(|view| &view.rows).find(|row| row.alert.id == *id)
}

/// The alert that leads the screen: the worst that fires.
pub fn worst(app: &App) -> Option<&AlertRow> {
    app.alerts.view.iter().flat_map(|view| &view.rows).find(|row| row.alert.state == AlertState::Firing && row.alert.severity > Severity::Info)
}

/// The service and environment that an alert is about.
pub fn cell(app: &App, id: &Id<Alert>) -> Option<(Name, Name)> {
    let about: &About = row(app, id)?.subject()?;
    Some((about.service.clone(), about.environment.as_ref()?.name.clone()))
}

/// What is under the cursor.
pub fn subject(app: &App) -> Subject {
    app.alerts.at.id().map_or(Subject::Nothing, |id| Subject::Alert(id.clone()))
}

/// A wish to the alerts.
pub fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let order = app.alerts.order.clone();
    let at = &mut app.alerts.at;
    match action {
        Action::Up | Action::PrevTrouble => at.step(-1, &order),
        Action::Down | Action::NextTrouble => at.step(1, &order),
        Action::PageUp | Action::HalfUp => at.step(-5, &order),
        Action::PageDown | Action::HalfDown => at.step(5, &order),
        Action::Top => at.first(&order),
        Action::Bottom => at.last(&order),
        Action::Enter => {
            go_there(app);
            return Some(Vec::new());
        }
        _ => return None,
    }
    app.alerts.chosen = true;
    Some(Vec::new())
}

/// Enter on an alert goes to the cell that it is about.
fn go_there(app: &mut App) {
    let cell = app.alerts.at.id().cloned().and_then(|id| cell(app, &id));
    match cell {
        Some((service, environment)) => {
            app.go(Focus::Environments);
            super::environments::aim(app, service.clean(), Some(&environment));
        }
        None => app.complain(app.offer(Action::Explain, &subject(app)).err().unwrap_or_default()),
    }
}

/// A row as it is drawn.
struct Drawn {
    severity: Line,
    name: Line,
    place: Line,
    value: Line,
    since: Line,
    quiet: bool,
}

/// Draws alerts, and below them the changes before the one under the cursor.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let focused = app.panel == Focus::Alerts && app.screens.is_empty();
    let mut panel = Panel::new(line![(Role::Title, "4 Alerts and changes")]);
    panel.counts = counts(app);
    panel.edge = if focused { Edge::Focus } else { Edge::Plain };
    let inner = panel.draw(buf, area, theme);
    let rows: Vec<Drawn> = app.alerts.order.iter().filter_map(|id| row(app, id)).map(|row| drawn(app, row)).collect();
    let empty = empty(app, usize::from(inner.width));
    let before = changes(app, usize::from(inner.height), usize::from(inner.width));
    let high = if rows.is_empty() { empty.len() } else { rows.len() };
    let room = usize::from(inner.height);
    let high = high.min(room.saturating_sub(before.len().min(5)).max(1)).min(room);
    let top = Rect { height: u16::try_from(high).unwrap_or(inner.height), ..inner };
    let columns = columns();
    let mut table = Table::new(&columns, &rows);
    table.cursor = app.alerts.at.row().filter(|at| *at < rows.len()).map_or(Cursor::None, Cursor::Row);
    table.focused = focused;
    table.stale = |row| row.quiet;
    table.empty = &empty;
    table.draw(buf, top, theme);
    let rest = Rect { y: top.bottom(), height: inner.height - top.height, ..inner };
    for (row, line) in rest.rows().zip(&before) {
        draw_line(buf, row, line, Align::Left, theme);
    }
}

fn columns() -> [Column<Drawn>; 5] {
    [
        Column::new("", Width::Between(1, 11), |row: &Drawn| row.severity.clone()),
        Column::new("", Width::Fill(12, 3), |row: &Drawn| row.name.clone()),
        Column { priority: 1, ..Column::new("", Width::Between(8, 12), |row: &Drawn| row.place.clone()) },
        Column { priority: 2, ..Column::new("", Width::Between(4, 14), |row: &Drawn| row.value.clone()) },
        Column { align: Align::Right, ..Column::new("", Width::Fixed(4), |row: &Drawn| row.since.clone()) },
    ]
}

const fn severity(alert: &Alert) -> (Role, &'static str) {
    match (&alert.state, alert.severity) {
        (AlertState::Silenced { .. } | AlertState::Inhibited { .. }, _) => (Role::Faint, sign::IDLE),
        (AlertState::Pending, _) => (Role::Dim, sign::WARNING),
        (AlertState::Firing, Severity::Critical) => (Role::Critical, sign::CRITICAL),
        (AlertState::Firing, Severity::Warning) => (Role::Warn, sign::WARNING),
        (AlertState::Firing, Severity::Info) => (Role::Dim, sign::IDLE),
    }
}

fn drawn(app: &App, row: &AlertRow) -> Drawn {
    let (role, glyph) = severity(&row.alert);
    let word = match &row.alert.state {
        AlertState::Firing => row.alert.severity.word(),
        state @ (AlertState::Pending | AlertState::Silenced { .. } | AlertState::Inhibited { .. }) => state.word(),
    };
    let environment = row.subject().and_then(|about| about.environment.as_ref()).map(|environment| environment.name.clean().clone());
    Drawn {
        severity: line![(role, crate::clean!("{glyph} {word}"))],
        name: line![(if role == Role::Faint { Role::Dim } else { Role::Text }, row.alert.name.clean().clone())],
        place: vec![Piece::new(Role::Dim, environment.unwrap_or_else(|| Clean::from_static("no service")))],
        value: row.value_words().map(|words| vec![Piece::new(Role::Text, words)]).unwrap_or_default(),
        since: row.alert.since.map(|at| vec![Piece::new(Role::Dim, words::time(app, at))]).unwrap_or_default(),
        quiet: role == Role::Faint,
    }
}

fn counts(app: &App) -> Vec<Line> {
    let Some(view) = &app.alerts.view else { return Vec::new() };
    let firing =
        view.firing.map_or_else(|| Clean::from_static(if silence(app).is_some() { "not known" } else { "…" }), |count| crate::clean!("{count} firing"));
    let mut counts = vec![line![(Role::Dim, firing)]];
    for (count, word) in [(view.silenced, "silenced"), (view.inhibited, "inhibited")] {
        if count > 0 {
            counts.push(line![(Role::Dim, crate::clean!("{count} {word}"))]);
        }
    }
    if !app.alerts.filter.is_empty() {
        counts.push(line![(Role::Accent, crate::clean!("/{}", app.alerts.filter))]);
    }
    counts
}

/// Why nobody could say whether anything fires; none where somebody can.
fn silence(app: &App) -> Option<(Role, &'static str)> {
    let mut reporters = app.store.feeds().iter().filter(|feed| feed.feed == Feed::Alerts && feed.link != Link::NotConnected).peekable();
    if reporters.peek().is_none() {
        return Some((Role::Unknown, "no source of alerts is connected"));
    }
    reporters.all(|feed| matches!(feed.link, Link::Retrying { .. } | Link::Refused { .. })).then_some((Role::Stale, "no source of alerts answers"))
}

/// Why there is no alert: because nothing burns, or because nobody could say so.
fn empty(app: &App, wide: usize) -> Vec<Line> {
    if let Some((role, words)) = silence(app) {
        let tail = "silence here says nothing";
        let one = crate::clean!("{words}: {tail}");
        return if crate::widgets::width(&one) <= wide {
            vec![line![(role, one)]]
        } else {
            vec![line![(role, crate::clean!("{words}:"))], line![(role, tail)]]
        };
    }
    if app.alerts.view.as_ref().is_some_and(|view| !view.rows.is_empty()) {
        return vec![line![(Role::Dim, "no alert fits the filter; Esc drops it")]];
    }
    vec![line![(Role::Ok, "nothing fires")]]
}

/// The changes before the alert under the cursor, nearest first; without one, the newest changes.
fn changes(app: &App, most: usize, wide: usize) -> Vec<Line> {
    let alert = app.alerts.at.id().and_then(|id| row(app, id)).or_else(|| worst(app));
    let mut lines = vec![Line::new()];
    match alert.and_then(|row| row.alert.since.map(|since| (row, since))) {
        Some((row, since)) => {
            let clock = since.to_zoned(words::zone(app)).strftime("%H:%M").to_string();
            lines.push(line![(Role::Header, crate::clean!("CHANGED BEFORE {} ({clock}), nearest first", row.alert.name))]);
            let found = app.store.changes_before(since, SignedDuration::from_hours(24));
            if found.is_empty() {
                lines.push(line![(Role::Dim, "  nothing is known to have changed in the day before")]);
            }
            let changes = found.iter().take(CHANGES.min(most)).map(|change| (change, said::long(said::since(change.at, since))));
            lines.extend(change_lines(&changes.collect::<Vec<_>>(), wide));
        }
        None => {
            lines.push(line![(Role::Header, "LAST CHANGES")]);
            let found = app.store.timeline(app.now.wall - SignedDuration::from_hours(24));
            let changes = found.iter().take(CHANGES.min(most)).map(|change| (change, words::time(app, change.at)));
            lines.extend(change_lines(&changes.collect::<Vec<_>>(), wide));
        }
    }
    if let Some(view) = &app.alerts.view
        && let Watchdog::Missing { source, .. } = &view.watchdog
    {
        lines.insert(1, line![(Role::Critical, crate::clean!("! the alert that always fires is missing at {source}: alerts may be lost"))]);
    }
    lines
}

/// One line, where there is no room for more.
pub fn summary(app: &App) -> Line {
    let mut line = line![(Role::Key, "4 "), (Role::Title, "Alerts       ")];
    line.extend(crate::widgets::join(counts(app), &Piece::new(Role::Faint, " · ")));
    if let (None, Some((role, words))) = (app.alerts.view.as_ref().and_then(|view| view.firing), silence(app)) {
        return line![(Role::Key, "4 "), (Role::Title, "Alerts       "), (role, words), (role, ": silence says nothing")];
    }
    if let Some(row) = worst(app) {
        let (role, glyph) = severity(&row.alert);
        line.push(Piece::new(role, crate::clean!("   {glyph} {}", row.alert.name)));
    }
    line
}
