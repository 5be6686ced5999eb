//! The error rate of the service by time, from what was sampled and what was measured while it was watched.

use crate::{
    app::{App, Running},
    domain::{Metric, Sample},
    rollback::Run,
    theme::Role,
    widgets::{Limits, Line, Piece, sign, spark, width},
};
use jiff::{SignedDuration, Timestamp};

/// A value stands for so long until the next is measured; after that it is not known.
const HOLDS: SignedDuration = SignedDuration::from_secs(60);
/// Before the confirmation so much is shown while it converges.
const BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// At the verdict so much is shown at least.
const LEAST: SignedDuration = SignedDuration::from_mins(10);
/// A change that is longer ago than this is out of the picture.
const REACH: SignedDuration = SignedDuration::from_hours(1);

/// The line that falls or rises while it converges; empty where nothing was measured.
pub(super) fn converging(app: &App, running: &Running, run: &Run, cells: usize) -> Line {
    let now = app.steady();
    let points = points(app, running, run);
    if points.is_empty() {
        return Line::new();
    }
    let only_ours = points.iter().all(|(at, _)| *at >= run.began);
    let values = if only_ours { run.trace.iter().map(|(_, value)| Some(*value)).collect() } else { cut(&points, run.began - BEFORE, now, cells) };
    draw(running, &values, cells)
}

/// The whole story with a mark where the version came and where it went back; none where nothing was measured.
pub(super) fn story(app: &App, running: &Running, run: &Run, at: Timestamp, cells: usize) -> Option<[Line; 2]> {
    let points = points(app, running, run);
    let changed = running.procedure.case.workload.changed.filter(|changed| at.duration_since(*changed) < REACH);
    let span = changed.map_or(LEAST, |changed| at.duration_since(changed) * 10 / 7).max(at.duration_since(run.began) * 10 / 7).max(LEAST);
    let from = at - span;
    let values = cut(&points, from, at, cells);
    if cells < 8 || values.iter().all(Option::is_none) {
        return None;
    }
    let clock = |at: Timestamp| at.to_zoned(crate::panels::words::zone(app)).strftime("%H:%M").to_string();
    let mut ticks = Vec::new();
    ticks.extend(changed.map(|changed| (changed, format!("{} {}", run.left, clock(changed)))));
    ticks.push((run.began, format!("back {}", clock(run.began))));
    let marks = ticks.into_iter().map(|(moment, words)| (place(moment, from, span, cells), words));
    Some([draw(running, &values, cells), marked(marks.collect(), cells)])
}

/// Which cell a moment falls into.
fn place(moment: Timestamp, from: Timestamp, span: SignedDuration, cells: usize) -> usize {
    let (passed, span) = (moment.duration_since(from).as_millis().max(0), span.as_millis().max(1));
    usize::try_from(passed * cells as i128 / span).unwrap_or(0).min(cells.saturating_sub(1))
}

/// `╵2.8.0 02:54         ╵back 03:01`; a mark that would run into the one before it is left out.
fn marked(marks: Vec<(usize, String)>, cells: usize) -> Line {
    let mut line = Line::new();
    let mut used = 0;
    for (at, words) in marks {
        let at = at.min(cells.saturating_sub(width(&words) + 1));
        if at > used || (at == 0 && used == 0) {
            line.extend([Piece::blank(at - used), Piece::new(Role::Dim, crate::clean!("{}{words}", sign::TICK))]);
            used = at + 1 + width(&words);
        }
    }
    line
}

fn draw(running: &Running, values: &[Option<f64>], cells: usize) -> Line {
    let limit = running.procedure.timing.limits.error_rate;
    let top = values.iter().flatten().copied().fold(limit, f64::max);
    spark(values, cells, top, Limits { warn: limit, critical: limit })
}

/// All that is known of the errors, oldest first. A series for each version counts only where there is none for all.
fn points(app: &App, running: &Running, run: &Run) -> Vec<(Timestamp, f64)> {
    let case = &running.procedure.case;
    let samples = app.store.samples_about(Metric::ErrorRate, &case.service, &case.environment);
    let whole = |sample: &&Sample| sample.labels.get("version").is_none();
    let any_whole = samples.iter().any(whole);
    let told = samples.iter().filter(|sample| !any_whole || whole(sample)).flat_map(|sample| sample.points.iter());
    let mut points: Vec<(Timestamp, f64)> = told.chain(&run.trace).copied().filter(|(_, value)| value.is_finite()).collect();
    points.sort_by_key(|(at, _)| *at);
    points
}

/// The worst of each of `cells` equal parts of the time; a value holds on for a while.
fn cut(points: &[(Timestamp, f64)], from: Timestamp, to: Timestamp, cells: usize) -> Vec<Option<f64>> {
    let span = to.duration_since(from);
    let edge = |cell: usize| from + span * i32::try_from(cell).unwrap_or(0) / i32::try_from(cells.max(1)).unwrap_or(1);
    let value = |cell: usize| {
        let (begin, end) = (edge(cell), edge(cell + 1));
        let until = points.partition_point(|(at, _)| *at < end);
        let first = points[..until].partition_point(|(at, _)| *at < begin);
        let worst = points[first..until].iter().map(|(_, value)| *value).reduce(f64::max);
        worst.or_else(|| points[..first].last().filter(|(at, _)| end.duration_since(*at) <= HOLDS).map(|(_, value)| *value))
    };
    (0..cells).map(value).collect()
}
