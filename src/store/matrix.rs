//! The service × environment matrix.

use super::{Cause, Cell, CellState, CellVersion, EnvironmentRef, ErrorRate, Store, cell::what_is_seen, series, shared_cause};
use crate::{
    domain::{FeedKind, Id, Link, Metric, Sample, SourceId, Tier, Workload},
    text::{Clean, Name},
};
use jiff::Timestamp;
use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeMap,
};

/// An environment, as a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The environment.
    pub environment: EnvironmentRef,
    /// Sources that would have something to say about it and were not asked to: Enter connects them.
    pub not_connected: Vec<SourceId>,
    /// Whether all that is connected has told its whole list.
    pub whole: bool,
}

/// A service, as a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The service.
    pub service: Name,
    /// One cell for each column.
    pub cells: Vec<Cell>,
    /// Which cell is the strictest environment in which it runs: its SERVING, ERRORS and AGE stand in the row.
    pub strictest: usize,
    /// The errors of the last half hour there.
    pub errors: ErrorRate,
}

/// How many services stand how. Each counts once, by its worst problem, else as it stands in its strictest environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All services; none until all sources have told their whole list.
    pub services: Option<usize>,
    /// Down.
    pub down: usize,
    /// Stuck.
    pub stuck: usize,
    /// Failing.
    pub failing: usize,
    /// Degraded by a cause that many share.
    pub victims: usize,
    /// That cause's name.
    pub of: Clean,
    /// Rolling.
    pub rolling: usize,
    /// Ok.
    pub ok: usize,
    /// Stale, unknown or not connected.
    pub unknown: usize,
}

/// What runs where, in which version, and whether it is well.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The environments, in the order of their tiers.
    pub columns: Vec<Column>,
    /// The services, problems first.
    pub rows: Vec<Row>,
    /// How many there are.
    pub totals: Totals,
}

impl Row {
    /// The cell of the strictest environment in which it runs.
    pub fn leading(&self) -> Option<&Cell> {
        self.cells.get(self.strictest)
    }
}

impl Totals {
    /// `14 services · 1 stuck · 1 rolling · 12 ok`.
    pub fn words(&self) -> Clean {
        let services = self.services.map_or_else(|| "…".to_owned(), |count| count.to_string());
        let noun = if self.services == Some(1) { "service" } else { "services" };
        let victims = crate::clean!("{} of {}", if self.victims == 1 { "victim" } else { "victims" }, self.of);
        let parts = [
            (self.down, "down"),
            (self.stuck, "stuck"),
            (self.failing, "failing"),
            (self.victims, victims.as_str()),
            (self.rolling, "rolling"),
            (self.unknown, "unknown"),
            (self.ok, "ok"),
        ];
        let parts: String = parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!(" · {count} {word}")).collect();
        crate::clean!("{services} {noun}{parts}")
    }
}

type Samples<'a> = BTreeMap<(Name, Name), Vec<&'a Sample>>;

/// Problems first: the worst state, then the strictest tier it is in, then a digest that differs; the rest by the latest change, then by name.
pub fn problems_first(a: &Row, b: &Row) -> Ordering {
    fn key(row: &Row) -> (Option<(u8, Reverse<Tier>)>, bool) {
        let worst = row.cells.iter().filter_map(|cell| cell.state.problem().map(|rank| (rank, Reverse(cell.environment.tier)))).min();
        (worst, row.cells.iter().any(|cell| cell.differs))
    }
    let (a_key, b_key) = (key(a), key(b));
    let none_last = |key: &Option<(u8, Reverse<Tier>)>| (key.is_none(), *key);
    let changed = |row: &Row| Reverse(row.leading().and_then(|cell| cell.changed));
    none_last(&a_key.0)
        .cmp(&none_last(&b_key.0))
        .then_with(|| b_key.1.cmp(&a_key.1))
        .then_with(|| changed(a).cmp(&changed(b)))
        .then_with(|| a.service.cmp(&b.service))
}

impl Store {
    /// The matrix at `now`.
    pub fn matrix(&self, now: Timestamp) -> Matrix {
        self.matrix_under(shared_cause(self).as_ref(), now)
    }

    /// The matrix at `now`, under a cause that many share: its victims did nothing.
    pub fn matrix_under(&self, cause: Option<&Cause>, now: Timestamp) -> Matrix {
        let columns = self.columns();
        let mut services: BTreeMap<&Name, BTreeMap<&str, Vec<&Workload>>> = BTreeMap::new();
        for (id, joined) in &self.joined {
            if let Some(workload) = self.workloads.get(id) {
                services.entry(&joined.service).or_default().entry(joined.environment.name.raw()).or_default().push(workload);
            }
        }
        services.values_mut().flat_map(BTreeMap::values_mut).for_each(what_is_seen);
        let samples = self.samples_by_subject(Metric::ErrorRate);
        let mut rows: Vec<Row> = services.into_iter().map(|(service, by_environment)| self.row(service, &by_environment, &columns, &samples, now)).collect();
        if let Some(cause) = cause {
            rows.iter_mut().for_each(|row| row.cells.iter_mut().for_each(|cell| cause.excuse(&row.service, cell)));
        }
        rows.sort_by(problems_first);
        let totals = totals(&rows, self.whole(FeedKind::Workloads));
        Matrix { columns, rows, totals }
    }

    fn row(&self, service: &Name, by_environment: &BTreeMap<&str, Vec<&Workload>>, columns: &[Column], samples: &Samples<'_>, now: Timestamp) -> Row {
        let mut cells: Vec<Cell> = columns
            .iter()
            .map(|column| match by_environment.get(column.environment.name.raw()) {
                Some(rows) => self.cell_over(&column.environment, rows, now),
                None => Cell::empty(column.environment.clone(), column.emptiness()),
            })
            .collect();
        self.mark_differing(&mut cells);
        let strictest = cells.iter().rposition(|cell| !cell.workloads.is_empty()).unwrap_or_default();
        let own = cells.get(strictest).and_then(|cell| samples.get(&(service.clone(), cell.environment.name.clone())));
        let errors = own.map_or(ErrorRate::NoQuery, |own| series::whole_errors(own, now));
        Row { service: service.clone(), cells, strictest, errors }
    }

    /// Marks the cells whose image is another one than most have under the same version. On a tie the strictest environment is right.
    fn mark_differing(&self, cells: &mut [Cell]) {
        let digests: Vec<Option<(CellVersion, String)>> = cells.iter().map(|cell| self.settled_digest(cell)).collect();
        for (at, mine) in digests.iter().enumerate() {
            let Some((version, digest)) = mine else { continue };
            let mut votes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
            for (tier, (_, other)) in digests.iter().enumerate().filter_map(|(at, other)| other.as_ref().map(|o| (at, o))).filter(|(_, o)| o.0 == *version) {
                let vote = votes.entry(other).or_default();
                *vote = (vote.0 + 1, tier);
            }
            let right = votes.iter().max_by_key(|(_, vote)| **vote).map(|(digest, _)| *digest);
            cells[at].differs = right.is_some_and(|right| right != digest);
        }
    }

    fn settled_digest(&self, cell: &Cell) -> Option<(CellVersion, String)> {
        let workload = self.workloads.get(&cell.workloads.first()?.id)?;
        let digest = workload.images.first()?.digest_hex()?.to_owned();
        matches!(cell.version, CellVersion::One(_)).then(|| (cell.version.clone(), digest))
    }

    /// The environments that are known: of workloads, and of sources that have not told any or were not connected.
    fn columns(&self) -> Vec<Column> {
        let mut columns: BTreeMap<(Tier, Name), Column> = BTreeMap::new();
        let mut column = |environment: &EnvironmentRef, edit: &dyn Fn(&mut Column)| {
            let fresh = || Column { environment: environment.clone(), not_connected: Vec::new(), whole: true };
            edit(columns.entry((environment.tier, environment.name.clone())).or_insert_with(fresh));
        };
        for joined in self.joined.values() {
            column(&joined.environment, &|_| {});
        }
        for (number, state) in self.feeds.of_kind(FeedKind::Workloads) {
            let told = self.workloads.whole(number);
            for environment in self.environments_behind(&state.source) {
                column(&environment, &|column| match &state.link {
                    Link::NotConnected => column.not_connected.push(state.source.clone()),
                    Link::Connecting | Link::Live { .. } | Link::Retrying { .. } | Link::Refused { .. } => column.whole &= told,
                });
            }
        }
        columns.into_values().collect()
    }

    /// The environments that a source has told workloads of; before that, those it may be about.
    fn environments_behind(&self, source: &SourceId) -> Vec<EnvironmentRef> {
        let told: BTreeMap<&Name, &EnvironmentRef> =
            self.joined.iter().filter(|(id, _)| told_by(id, source)).map(|(_, joined)| (&joined.environment.name, &joined.environment)).collect();
        if !told.is_empty() {
            return told.into_values().cloned().collect();
        }
        let ruled = self.rules.environments_of_source(source);
        if !ruled.is_empty() || source.kind() == source.as_str() {
            return ruled;
        }
        vec![self.rules.guessed(&crate::domain::Place::new(source.instance(), ""))]
    }
}

impl Column {
    /// What a cell without workloads says here.
    fn emptiness(&self) -> CellState {
        match (self.not_connected.is_empty(), self.whole) {
            (false, _) => CellState::NotConnected,
            (true, false) => CellState::Unknown,
            (true, true) => CellState::Absent,
        }
    }
}

/// Whether `source` told of `id`, without making the source's name anew for each of thousands.
fn told_by(id: &Id<Workload>, source: &SourceId) -> bool {
    id.as_str().split('#').next() == Some(source.as_str())
}

fn totals(rows: &[Row], whole: bool) -> Totals {
    let mut totals = Totals { services: whole.then_some(rows.len()), ..Totals::default() };
    for row in rows {
        let worst = row.cells.iter().filter(|cell| cell.state.problem().is_some()).min_by_key(|cell| cell.state.problem());
        let slot = match worst.or_else(|| row.leading()).map(|cell| &cell.state) {
            Some(CellState::Down) => &mut totals.down,
            Some(CellState::Stuck { .. }) => &mut totals.stuck,
            Some(CellState::Failing) => &mut totals.failing,
            Some(CellState::Victim { of }) => {
                totals.of.clone_from(of);
                &mut totals.victims
            }
            Some(CellState::Rolling { .. }) => &mut totals.rolling,
            Some(CellState::Ok) => &mut totals.ok,
            Some(CellState::Stale { .. } | CellState::Unknown | CellState::Absent | CellState::NotConnected) | None => &mut totals.unknown,
        };
        *slot += 1;
    }
    totals
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
