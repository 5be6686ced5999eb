//! Panel 1: services × environments. What runs where, in which version, and is it well?

use super::words;
use crate::{
    app::{App, Effect, Known, Panel as Focus, Subject},
    domain::{Feed, FeedKind, Id, Tier, Verb, Workload},
    keys::Action,
    line,
    store::{Cell, CellState, CellVersion, ErrorRate, Row},
    text::{Clean, Name},
    theme::Role,
    view::Main,
    widgets::{self, Cursor, Edge, Line, Order, Panel, Piece, Selection, Table, sign},
};
use ratatui::{buffer::Buffer, layout::Rect};
use std::collections::{BTreeSet, HashMap};

mod columns;
mod order;

use columns::{Columns, Drawn, MARK};
pub use order::{Sort, settle};

/// Cells that `12 more below` takes beside it in the lower edge.
const NOTED: usize = 18;

/// The cursor of the matrix is a cell.
#[derive(Debug, Default)]
pub struct State {
    /// Which service.
    pub at: Selection<Name>,
    /// Which environment; none as long as nobody chose one: the strictest.
    pub environment: Option<Name>,
    /// Only rows that hold this.
    pub filter: String,
    /// Sorted by this column and direction, instead of problems first.
    pub sorted: Option<(Sort, Order)>,
    /// The services in the order in which they stand.
    pub order: Vec<Name>,
    /// Marked cells, by service and environment: what is taken back together.
    pub marks: BTreeSet<(Name, Name)>,
    /// How many would stand elsewhere if the order were not frozen.
    pub moved: usize,
}

impl App {
    /// The column of the matrix that the cursor is in.
    pub fn column(&self) -> usize {
        let chosen = self.environments.environment.as_ref();
        let found = chosen.and_then(|name| self.matrix.columns.iter().position(|column| column.environment.name == *name));
        found.unwrap_or_else(|| self.matrix.columns.len().saturating_sub(1))
    }

    /// The row of a service.
    pub fn row_of(&self, service: &Name) -> Option<&Row> {
        self.matrix.rows.iter().find(|row| row.service == *service)
    }

    /// A service's cell in an environment.
    pub fn cell_named(&self, service: &Clean, environment: &Clean) -> Option<&Cell> {
        let row = self.matrix.rows.iter().find(|row| row.service.clean() == service)?;
        row.cells.iter().find(|cell| cell.environment.name.clean() == environment)
    }

    /// The cell that the cursor is in.
    pub fn cell_here(&self) -> Option<(&Name, &Cell)> {
        let row = self.row_of(self.environments.at.id()?)?;
        row.cells.get(self.column()).map(|cell| (&row.service, cell))
    }

    /// Puts the cursor on what was asked for, or on the worst of the strictest tier; true once it stands there.
    pub fn land(&mut self) -> bool {
        if self.last_key.is_some() {
            return true;
        }
        let told = self.told_what_runs();
        if told {
            self.forget_what_is_not_there();
        }
        let (open, environment) = self.start.open.clone();
        if let Some(wanted) = open {
            let about = self.store.alerts().rows.iter().find(|row| row.alert.name == wanted).and_then(|row| row.subject().cloned());
            let of_alert = about.as_ref().and_then(|about| about.environment.as_ref()).map(|environment| environment.name.clone());
            let service = about.map_or(wanted, |about| about.service);
            return aim(self, service.clean(), environment.or(of_alert).as_ref());
        }
        if let Some(environment) = environment {
            self.environments.environment = Some(environment);
            return told;
        }
        let cells = self.matrix.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
        let worst =
            cells.filter(|(_, cell)| cell.state.problem().is_some()).max_by_key(|(_, cell)| (cell.environment.tier, std::cmp::Reverse(cell.state.problem())));
        if let Some((service, environment)) = worst.map(|(row, cell)| (row.service.clone(), cell.environment.name.clone())) {
            aim(self, service.clean(), Some(&environment));
        }
        told
    }

    /// Says that a service or an environment that was asked for is not there, and goes on as if it had not been: the cursor must not stand
    /// on something else in its name.
    fn forget_what_is_not_there(&mut self) {
        let (open, environment) = self.start.open.clone();
        let mut missing = Vec::new();
        let alert = |name: &Name| self.store.alerts().rows.iter().any(|row| row.alert.name == *name);
        if let Some(name) = open.filter(|name| !self.matrix.rows.iter().any(|row| row.service == *name) && !alert(name)) {
            self.start.open.0 = None;
            missing.push(format!("there is no service {name} in what is connected"));
        }
        let columns: Vec<&str> = self.matrix.columns.iter().map(|column| column.environment.name.raw()).collect();
        if let Some(name) = environment.filter(|name| !columns.contains(&name.raw())) {
            missing.push(format!("there is no environment {name}; there are {}", columns.join(", ")));
            self.start.open.1 = None;
        }
        if !missing.is_empty() {
            self.complain(crate::clean!("{}", missing.join(", and ")));
        }
    }

    /// Whether every source that is dialled has told what runs there, or why it can not: until then the worst may be where nobody has looked.
    pub fn told_what_runs(&self) -> bool {
        let runs_things = |known: &_| matches!(known, Ok(Known::Ready(offers)) if offers.feeds.contains(&FeedKind::Workloads));
        let mut dialled = self.sources.iter().filter(|(_, known)| runs_things(known)).map(|(id, _)| id);
        self.store.whole(FeedKind::Workloads) && dialled.all(|id| self.store.feeds().iter().any(|feed| feed.source == *id && feed.feed == Feed::Workloads))
    }
}

/// Puts the cursor on a service; whether it is there.
pub fn aim(app: &mut App, service: &Clean, environment: Option<&Name>) -> bool {
    let Some(found) = app.matrix.rows.iter().find(|row| row.service.clean() == service).map(|row| row.service.clone()) else { return false };
    app.environments.at.select(found);
    let order = app.environments.order.clone();
    app.environments.at.settle(&order);
    if let Some(environment) = environment {
        app.environments.environment = Some(environment.clone());
    }
    true
}

/// What is under the cursor.
pub fn subject(app: &App) -> Subject {
    match app.cell_here() {
        Some((service, cell)) => Subject::Cell { service: service.clean().clone(), environment: cell.environment.name.clean().clone() },
        None => Subject::Nothing,
    }
}

/// A wish to the matrix.
pub fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let page = isize::try_from(matrix_area(app).height.saturating_sub(3).max(1)).unwrap_or(1);
    let order = app.environments.order.clone();
    let at = &mut app.environments.at;
    match action {
        Action::Up => at.step(-1, &order),
        Action::Down => at.step(1, &order),
        Action::PageUp => at.step(-page, &order),
        Action::PageDown => at.step(page, &order),
        Action::HalfUp => at.step(-(page / 2).max(1), &order),
        Action::HalfDown => at.step((page / 2).max(1), &order),
        Action::Top => at.first(&order),
        Action::Bottom => at.last(&order),
        Action::Left => step_column(app, -1),
        Action::Right => step_column(app, 1),
        Action::NextTrouble => order::next_trouble(app, 1),
        Action::PrevTrouble => order::next_trouble(app, -1),
        Action::SortNext => order::sort(app, 1),
        Action::SortPrev => order::sort(app, -1),
        Action::Mark => mark(app),
        Action::Escape if !app.environments.marks.is_empty() => app.environments.marks.clear(),
        Action::Enter => return Some(enter(app)),
        _ => return None,
    }
    Some(Vec::new())
}

fn step_column(app: &mut App, by: isize) {
    let last = app.matrix.columns.len().saturating_sub(1);
    let to = app.column().saturating_add_signed(by).min(last);
    app.environments.environment = app.matrix.columns.get(to).map(|column| column.environment.name.clone());
}

/// What is marked: the environment, and the workloads there that can be taken back; none where nothing is.
pub fn marked(app: &App) -> Option<(Name, Vec<Id<Workload>>)> {
    if app.panel != Focus::Environments || !app.screens.is_empty() {
        return None;
    }
    let environment = app.environments.marks.first().map(|(_, environment)| environment.clone())?;
    // In the order in which they stand on the screen.
    let rows = app.environments.order.iter().filter(|name| app.environments.marks.contains(&((*name).clone(), environment.clone())));
    let cells = rows.filter_map(|name| app.cell_named(name.clean(), environment.clean()));
    let workloads = cells.flat_map(|cell| &cell.workloads).map(|one| one.id.clone()).filter(|id| app.can(id, Verb::RollBack));
    let workloads = workloads.collect();
    Some((environment, workloads))
}

/// Marks the cell under the cursor, or takes its mark away; the cursor goes on to the next service.
fn mark(app: &mut App) {
    let Some((service, cell)) = app.cell_here() else { return };
    let (service, environment) = (service.clone(), cell.environment.name.clone());
    if cell.workloads.is_empty() {
        return app.complain(crate::clean!("{service} does not run in {environment}"));
    }
    if let Some((_, other)) = app.environments.marks.iter().find(|(_, marked)| *marked != environment) {
        return app.complain(crate::clean!("services are marked in {other}: those of one environment go back together; Esc takes the marks away"));
    }
    let cell = (service, environment);
    if !app.environments.marks.remove(&cell) {
        app.environments.marks.insert(cell);
    }
    let order = app.environments.order.clone();
    app.environments.at.step(1, &order);
}

/// Enter: the pods of the cell, or the connection to what is not connected.
fn enter(app: &mut App) -> Vec<Effect> {
    let Some((service, cell)) = app.cell_here() else { return Vec::new() };
    if cell.state == CellState::NotConnected {
        let sources = app.matrix.columns.get(app.column()).map(|column| column.not_connected.clone()).unwrap_or_default();
        app.say(crate::clean!("connecting {}", sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
        return sources.into_iter().map(Effect::Connect).collect();
    }
    let workloads: Vec<Id<Workload>> = cell.workloads.iter().map(|one| one.id.clone()).collect();
    let (service, environment) = (service.clean().clone(), cell.environment.name.clean().clone());
    if workloads.is_empty() {
        app.complain(crate::clean!("{service} does not run in {environment}"));
        return Vec::new();
    }
    app.open_pods(service, environment, workloads);
    Vec::new()
}

/// Where the matrix stands now.
fn matrix_area(app: &App) -> Rect {
    match crate::view::layout(app.size).main {
        Main::Compact { matrix, .. } | Main::Medium { matrix, .. } | Main::Wide { matrix, .. } => matrix,
    }
}

/// Draws the matrix.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let inner = Panel::inner(area);
    let Columns { columns, folded } = Columns::fitting(app, inner.width.saturating_sub(MARK));
    let rows: HashMap<&Name, &Row> = app.matrix.rows.iter().map(|row| (&row.service, row)).collect();
    let drawn: Vec<Drawn<'_>> = app.environments.order.iter().filter_map(|name| rows.get(name)).map(|row| Drawn { app, row, folded: &folded }).collect();
    let focused = app.panel == Focus::Environments && app.screens.is_empty();
    let row = app.environments.at.row();
    let mut table = Table::new(&columns, &drawn);
    table.cursor = row.filter(|at| *at < drawn.len()).map_or(Cursor::None, |at| Cursor::Cell(at, 1 + app.column()));
    table.focused = focused;
    table.marked = true;
    table.stale = Drawn::stale;
    let empty = empty(app, usize::from(inner.width));
    table.empty = &empty;
    let lines = usize::from(table.lines(inner.height));
    table.offset = widgets::viewport(row.unwrap_or_default(), app.environments.at.offset(), lines, drawn.len());
    let mut panel = Panel::new(line![(Role::Title, "1 Environments")]);
    panel.counts = counts(app);
    panel.legend = legend();
    panel.edge = if focused { Edge::Focus } else { Edge::Plain };
    let below = table.hidden_below(inner.height);
    let below = (below > 0).then(|| line![(Role::Dim, crate::clean!("{below} more below"))]);
    let folded = columns::folded_words(app, &folded).filter(|words| widgets::line_width(words) + NOTED < usize::from(inner.width));
    panel.note = widgets::join(folded.into_iter().chain(below), &Piece::new(Role::Dim, " · "));
    panel.draw(buf, area, theme);
    table.draw(buf, inner, theme);
}

/// A cell: version, sign, and the word where it is not ok.
pub fn cell_line(app: &App, cell: &Cell) -> Line {
    let state = words::state(&cell.state, app.now.wall);
    if cell.workloads.is_empty() {
        return state;
    }
    let mut line = match &cell.version {
        CellVersion::None => line![(Role::Unknown, "?")],
        CellVersion::Mixed => line![(Role::Warn, "mixed")],
        CellVersion::One(version) => line![version.0.clone()],
        // Where a stuck rollout comes from matters where people are; elsewhere the room goes to the other columns.
        CellVersion::Transition { from, to } if cell.environment.tier == Tier::Production => line![from.0.clone(), (Role::Dim, " → "), to.0.clone()],
        CellVersion::Transition { to, .. } => line![to.0.clone()],
    };
    if cell.differs {
        line.push(Piece::new(Role::Warn, crate::clean!(" {}", sign::DIFFERS)));
    }
    if matches!(cell.state, CellState::Stale { .. }) {
        // What may no longer be so is drawn so, wherever the cursor stands.
        line.iter_mut().for_each(|piece| piece.role = Role::Stale);
    }
    line.push(Piece::blank(1));
    line.extend(state);
    line
}

/// The sparkline of the last 30 minutes and the rate now.
pub fn errors(app: &App, errors: &ErrorRate) -> Line {
    match errors {
        ErrorRate::NoQuery => line![(Role::Faint, "no query")],
        ErrorRate::NoTraffic => line![(Role::Unknown, "no traffic")],
        ErrorRate::Known(series) => {
            let limit = app.start.limits.error_rate;
            let limits = widgets::Limits { warn: limit / 2.0, critical: limit };
            let peak = series.buckets.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
            let mut line = widgets::spark(&series.buckets, 10, peak.max(limit), limits);
            line.push(Piece::new(limits.role(series.now), crate::clean!("{:>9}", words::share(series.now))));
            line
        }
    }
}

fn counts(app: &App) -> Vec<Line> {
    let totals = if app.matrix.rows.is_empty() && !app.told_what_runs() { crate::view::awaited(app) } else { app.matrix.totals.words() };
    let mut counts: Vec<Line> = totals.split(" · ").map(|part| line![(Role::Dim, Clean::from_untrusted(part))]).collect();
    if !app.environments.filter.is_empty() {
        counts.push(line![(Role::Accent, crate::clean!("/{}", app.environments.filter))]);
    }
    if !app.environments.marks.is_empty() {
        counts.push(line![(Role::Marked, crate::clean!("{} {} marked", sign::MARKED, app.environments.marks.len()))]);
    }
    counts.push(match (app.environments.moved, app.problems_only, app.environments.sorted) {
        (moved, ..) if moved > 0 => line![(Role::Accent, crate::clean!("{moved} moved"))],
        (_, true, _) => line![(Role::Accent, "problems only")],
        (_, _, Some((by, _))) => line![(Role::Dim, by.words())],
        (..) => line![(Role::Dim, "problems first")],
    });
    counts
}

fn legend() -> Vec<Line> {
    let signs = [
        (Role::Ok, sign::OK, " ok"),
        (Role::Rolling, sign::ROLLING, " rolling"),
        (Role::Critical, sign::BAD, " stuck, failing or down"),
        (Role::Stale, sign::STALE, " stale"),
        (Role::Warn, sign::DIFFERS, " same version, other image"),
        (Role::Faint, sign::ABSENT, " absent"),
    ];
    signs.into_iter().map(|(role, glyph, words)| line![(role, glyph), (Role::Dim, words)]).collect()
}

/// Why the matrix is empty.
fn empty(app: &App, wide: usize) -> Vec<Line> {
    if app.matrix.rows.is_empty() {
        return crate::view::nothing_yet(app, wide);
    }
    if app.problems_only {
        return vec![line![(Role::Ok, "nothing is in trouble")], line![(Role::Dim, "! shows all services again")]];
    }
    vec![line![(Role::Dim, crate::clean!("no service fits “{}”", app.environments.filter))], line![(Role::Dim, "Esc drops the filter")]]
}
