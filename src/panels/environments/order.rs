//! In which order the services stand: problems first, or by a column, and not while somebody presses keys.

use super::aim;
use crate::{
    app::App,
    store::{ErrorRate, Row},
    text::Name,
    widgets::Order,
};
use std::{cmp::Ordering, collections::HashSet, time::Duration};

/// For how long after a key the order of rows stays as it was.
const FROZEN: Duration = Duration::from_secs(5);

/// What the rows can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By name.
    Service,
    /// By how little serves.
    Serving,
    /// By error rate.
    Errors,
    /// By age.
    Age,
}

const SORTS: [Sort; 4] = [Sort::Service, Sort::Serving, Sort::Errors, Sort::Age];

impl Sort {
    /// What stands in the title.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Service => "by name",
            Self::Serving => "by serving",
            Self::Errors => "by errors",
            Self::Age => "by age",
        }
    }
}

/// Brings order and cursor up to date with the matrix.
pub fn settle(app: &mut App) {
    let wanted = order(app);
    let frozen = app.last_key.is_some_and(|at| app.now.mono.saturating_sub(at) < FROZEN) && app.environments.sorted.is_none();
    let state = &mut app.environments;
    state.moved = 0;
    if frozen && !state.order.is_empty() {
        let (shown, stood): (HashSet<&Name>, HashSet<&Name>) = (wanted.iter().collect(), state.order.iter().collect());
        let mut kept: Vec<Name> = state.order.iter().filter(|name| shown.contains(name)).cloned().collect();
        kept.extend(wanted.iter().filter(|name| !stood.contains(name)).cloned());
        state.moved = kept.iter().zip(&wanted).filter(|(a, b)| a != b).count();
        state.order = kept;
    } else {
        state.order = wanted;
    }
    state.at.settle(&state.order);
}

/// The services that are shown, in the order of the matrix or of the chosen column.
fn order(app: &App) -> Vec<Name> {
    let filter = app.environments.filter.to_lowercase();
    let mut rows: Vec<&Row> = app.matrix.rows.iter().filter(|row| fits(row, &filter)).filter(|row| !app.problems_only || troubled(row)).collect();
    if let Some((by, order)) = app.environments.sorted {
        rows.sort_by(|a, b| {
            let ordering = compare(by, a, b);
            if order == Order::Up { ordering } else { ordering.reverse() }
        });
    }
    rows.into_iter().map(|row| row.service.clone()).collect()
}

fn compare(by: Sort, a: &Row, b: &Row) -> Ordering {
    let share = |row: &Row| row.leading().and_then(|cell| cell.serving).map_or(2.0, |(ready, wanted)| f64::from(ready) / f64::from(wanted.max(1)));
    let errors = |row: &Row| match &row.errors {
        ErrorRate::Known(series) => series.now,
        ErrorRate::NoQuery | ErrorRate::NoTraffic => -1.0,
    };
    let changed = |row: &Row| row.leading().and_then(|cell| cell.changed);
    match by {
        Sort::Service => a.service.cmp(&b.service),
        Sort::Serving => share(a).total_cmp(&share(b)),
        Sort::Errors => errors(a).total_cmp(&errors(b)),
        Sort::Age => changed(b).cmp(&changed(a)),
    }
}

/// A filter holds against the service's name, its versions and the words of its states; `!` inverts.
fn fits(row: &Row, filter: &str) -> bool {
    let (filter, inverted) = filter.strip_prefix('!').map_or((filter, false), |rest| (rest, true));
    if filter.is_empty() {
        return true;
    }
    let cell = |cell: &crate::store::Cell| !cell.workloads.is_empty() && (cell.version.to_string().contains(filter) || cell.state.word().contains(filter));
    (row.service.clean().to_lowercase().contains(filter) || row.cells.iter().any(cell)) != inverted
}

fn troubled(row: &Row) -> bool {
    row.cells.iter().any(|cell| cell.state.problem().is_some() || cell.differs)
}

/// Moves the cursor to the next row in trouble, on its worst cell.
pub(super) fn next_trouble(app: &mut App, by: isize) {
    let order = &app.environments.order;
    let (len, here) = (order.len() as isize, app.environments.at.row().unwrap_or_default() as isize);
    let row_at = |at: isize| order.get(at.rem_euclid(len.max(1)) as usize).and_then(|name| app.row_of(name));
    let Some(row) = (1..=len).filter_map(|step| row_at(here + by * step)).find(|row| troubled(row)) else {
        return app.say("nothing else is in trouble");
    };
    let worst = row.cells.iter().filter(|cell| cell.state.problem().is_some()).min_by_key(|cell| cell.state.problem());
    let (service, environment) = (row.service.clone(), worst.map(|cell| cell.environment.name.clone()));
    aim(app, service.clean(), environment.as_ref());
}

/// Sorts by the next column; after the last one problems come first again.
pub(super) fn sort(app: &mut App, by: isize) {
    let state = &mut app.environments;
    let at = state.sorted.and_then(|(by, _)| SORTS.iter().position(|sort| *sort == by));
    let next = match at {
        None => Some(if by > 0 { 0 } else { SORTS.len() - 1 }),
        Some(at) => at.checked_add_signed(by).filter(|at| *at < SORTS.len()),
    };
    state.sorted = next.map(|at| (SORTS[at], if SORTS[at] == Sort::Errors { Order::Down } else { Order::Up }));
}
