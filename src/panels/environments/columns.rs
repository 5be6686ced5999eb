//! Which columns the matrix has. Production's never leaves; the other environments fold into one that says how the worst of them is.

use super::{cell_line, errors};
use crate::{
    app::App,
    domain::Tier,
    line,
    panels::words,
    store::{Cell, CellState, Row},
    theme::Role,
    widgets::{Align, Column, Line, Piece, Show, Width, fitting, line_width, sign},
};

/// The cells at the left that mark the row of the cursor.
pub(super) const MARK: u16 = 2;
/// The narrowest column of an environment, and the widest of production and of the others.
const LEAST: u16 = 11;
const PRODUCTION: u16 = 28;
const OTHER: u16 = 22;

/// The columns that are drawn, and the environments that have none of their own.
pub(super) struct Columns<'a> {
    pub columns: Vec<Column<Drawn<'a>>>,
    pub folded: Vec<usize>,
}

/// A row, and what its words depend on. There may be thousands: only the cells in view are made.
pub(super) struct Drawn<'a> {
    pub app: &'a App,
    pub row: &'a Row,
    /// The environments that have no column of their own.
    pub folded: &'a [usize],
}

impl<'a> Columns<'a> {
    /// The columns for so many cells.
    pub fn fitting(app: &App, width: u16) -> Self {
        let mut columns = columns(app, width);
        let environments = app.matrix.columns.len();
        let folded = |columns: &[Column<Drawn<'a>>]| {
            let shown = fitting(columns, width);
            (0..environments).filter(|at| !shown.contains(&(at + 1))).collect::<Vec<_>>()
        };
        if !folded(&columns).is_empty() {
            columns.insert(1 + environments, Column::new("", Width::Between(2, 3), Drawn::folded));
        }
        let folded = folded(&columns);
        if !folded.is_empty()
            && let Some(column) = columns.get_mut(1 + environments)
        {
            column.title = crate::clean!("+{}", folded.len());
        }
        Self { columns, folded }
    }
}

fn columns<'a>(app: &App, width: u16) -> Vec<Column<Drawn<'a>>> {
    let mut columns = vec![Column::new("SERVICE", Width::Between(10, 24), |drawn: &Drawn<'a>| vec![Piece::from(drawn.row.service.clean())])];
    columns.extend(environments(app, width.saturating_sub(10)));
    columns.push(Column { priority: 1, ..Column::new("SERVING", Width::Fixed(7), Drawn::serving) });
    columns.push(Column { priority: 2, ..Column::new("ERRORS 30 MIN", Width::Fixed(19), |drawn: &Drawn<'a>| errors(drawn.app, &drawn.row.errors)) });
    columns.push(Column { align: Align::Right, priority: 3, ..Column::new("AGE", Width::Fill(4, 1), Drawn::age) });
    columns
}

/// What production says is never cut: its column is as wide as its widest cell from the start, as long as all of production has room.
fn environments<'a>(app: &App, room: u16) -> Vec<Column<Drawn<'a>>> {
    let widest = |at: usize| {
        let widest = app.matrix.rows.iter().map(|row| line_width(&marked_line(app, row, at))).max().unwrap_or(0);
        u16::try_from(widest).unwrap_or(PRODUCTION).clamp(LEAST, PRODUCTION)
    };
    // One in which nothing runs, or that nobody asked for, makes room for all others, whatever its name.
    let empty = |at: usize| {
        let nothing = |cell: &Cell| matches!(cell.state, CellState::Absent | CellState::NotConnected);
        app.matrix.rows.iter().all(|row| row.cells.get(at).is_none_or(nothing))
    };
    let is_production = |at: usize| app.matrix.columns[at].environment.tier == Tier::Production && !empty(at);
    let strict: Vec<usize> = (0..app.matrix.columns.len()).filter(|at| is_production(*at)).collect();
    let whole = strict.iter().map(|at| widest(*at) + 2).sum::<u16>() <= room;
    let all = u16::try_from(strict.len()).unwrap_or(u16::MAX).saturating_mul(LEAST + 2) <= room;
    let last = app.matrix.columns.len().saturating_sub(1);
    let column = |(at, column): (usize, &crate::store::Column)| {
        let production = is_production(at);
        let name = column.environment.name.clean();
        let marked = if column.environment.guessed { crate::clean!("{name}?") } else { name.clone() };
        let (title, head) =
            if column.environment.tier == Tier::Production { (crate::clean!("{}", marked.to_uppercase()), Role::Production) } else { (marked, Role::Header) };
        // The column of the cursor never leaves either; of the others the least strict fold first.
        let priority = match (production, at == app.column()) {
            (_, true) => 0,
            _ if empty(at) => 120,
            (true, false) if all => 0,
            (true, false) => 5,
            (false, false) => 10 + u8::try_from(last - at).unwrap_or(100),
        };
        let (least, most) = if production { (if whole { widest(at) } else { LEAST }, PRODUCTION) } else { (LEAST, OTHER) };
        Column { title, head, width: Width::Between(least, most), align: Align::Left, priority, show: Show::Part(Drawn::cell, at) }
    };
    app.matrix.columns.iter().enumerate().map(column).collect()
}

/// A cell, with its mark where it has one.
fn marked_line(app: &App, row: &Row, at: usize) -> Line {
    let Some(cell) = row.cells.get(at) else { return Line::new() };
    let marked = app.environments.marks.contains(&(row.service.clone(), cell.environment.name.clone()));
    let mark = if marked { line![(Role::Marked, sign::MARKED), " "] } else { Line::new() };
    [mark, cell_line(app, cell)].concat()
}

impl Drawn<'_> {
    fn cell(&self, at: usize) -> Line {
        marked_line(self.app, self.row, at)
    }

    fn folded(&self) -> Line {
        worst(self.row, self.folded).map(|cell| line![(words::role(&cell.state), words::glyph(&cell.state))]).unwrap_or_default()
    }

    fn serving(&self) -> Line {
        let serving = self.row.leading().and_then(|cell| cell.serving);
        serving.map(|(ready, wanted)| vec![Piece::new(serving_role(ready, wanted), crate::clean!("{ready}/{wanted}"))]).unwrap_or_default()
    }

    fn age(&self) -> Line {
        let changed = self.row.leading().and_then(|cell| cell.changed);
        changed.map(|at| vec![Piece::new(Role::Dim, words::time(self.app, at))]).unwrap_or_default()
    }

    /// Whether its source does not answer.
    pub fn stale(&self) -> bool {
        self.row.leading().is_some_and(|cell| matches!(cell.state, CellState::Stale { .. }))
    }
}

/// The worst of the cells that have no column; what nobody knows is worse than what is well.
fn worst<'a>(row: &'a Row, folded: &[usize]) -> Option<&'a Cell> {
    folded.iter().filter_map(|at| row.cells.get(*at)).min_by_key(|cell| match &cell.state {
        CellState::Stale { .. } | CellState::Unknown => (1, 0),
        CellState::Ok => (2, 0),
        CellState::NotConnected => (3, 0),
        CellState::Absent => (4, 0),
        state @ (CellState::Down | CellState::Stuck { .. } | CellState::Failing | CellState::Victim { .. } | CellState::Rolling { .. }) => {
            (0, state.problem().unwrap_or(u8::MAX))
        }
    })
}

/// `+1 staging: 1 down`: what the columns that do not fit would say.
pub(super) fn folded_words(app: &App, folded: &[usize]) -> Option<Line> {
    let first = app.matrix.columns.get(*folded.first()?)?;
    let name = if folded.len() == 1 { first.environment.name.clean().clone() } else { crate::text::Clean::from_static("environments") };
    let mut counts: std::collections::BTreeMap<(u8, &'static str), (Role, usize)> = std::collections::BTreeMap::new();
    for cell in app.matrix.rows.iter().flat_map(|row| folded.iter().filter_map(|at| row.cells.get(*at))) {
        let rank = match &cell.state {
            CellState::Ok | CellState::Absent => continue,
            CellState::Stale { .. } | CellState::Unknown => 10,
            CellState::NotConnected => 11,
            state @ (CellState::Down | CellState::Stuck { .. } | CellState::Failing | CellState::Victim { .. } | CellState::Rolling { .. }) => {
                state.problem().unwrap_or(9)
            }
        };
        counts.entry((rank, cell.state.word())).or_insert((words::role(&cell.state), 0)).1 += 1;
    }
    let mut line = line![(Role::Dim, crate::clean!("+{} {name}: ", folded.len()))];
    if counts.is_empty() {
        line.extend(line![(Role::Ok, sign::OK), (Role::Dim, " all ok")]);
    }
    for (at, ((_, word), (role, count))) in counts.into_iter().enumerate() {
        line.push(Piece::new(Role::Dim, if at == 0 { "" } else { ", " }));
        line.push(Piece::new(role, crate::clean!("{count} {word}")));
    }
    Some(line)
}

/// What serves decides between degraded and down, whatever rolls.
const fn serving_role(ready: u32, wanted: u32) -> Role {
    match (ready, wanted) {
        (_, 0) => Role::Dim,
        (0, _) => Role::Critical,
        (ready, wanted) if ready < wanted => Role::Warn,
        _ => Role::Text,
    }
}
