//! From lines to rows of the view: who said it when, lines alike folded.

use super::State;
use crate::{
    app::App,
    domain::{Level, LineKind},
    line,
    logs::{self, Line as Said, Spot, Towards},
    panels::words,
    text::Clean,
    theme::Role,
    widgets::{Line, LogRow, Piece},
};
use jiff::tz::TimeZone;

/// How many lines are looked through for one screen of a filtered log.
const REACH: usize = 50_000;

/// The first line of the newest `high` rows.
pub(super) fn top(state: &State, high: usize) -> Option<Spot> {
    heard(state, None, Towards::Older).take(high).last().map(|line| line.spot)
}

fn heard(state: &State, from: Option<Spot>, towards: Towards) -> impl Iterator<Item = Said<'_>> {
    let walk = state.buffer.walk_among(from, towards, |stream| state.hears(stream));
    walk.take(REACH).filter(|line| state.matcher.fits(line))
}

/// The rows in view: the newest, or from where somebody stopped.
pub(super) fn rows(app: &App, high: usize) -> Vec<LogRow> {
    let state = &app.logs;
    let mut said: Vec<(Said<'_>, usize)> = Vec::new();
    match state.top {
        Some(from) => collect(state, heard(state, Some(from), Towards::Newer), high, &mut said),
        None => {
            collect(state, heard(state, None, Towards::Older), high, &mut said);
            said.reverse();
        }
    }
    let zone = words::zone(app);
    let alone = one_source(&said);
    said.iter().flat_map(|(line, times)| row(state, line, *times, &zone, alone)).collect()
}

/// Lines until there are `high` rows. Lines of one version alike but for numbers stand once, with their count, at their first time.
fn collect<'a>(state: &State, lines: impl Iterator<Item = Said<'a>>, high: usize, said: &mut Vec<(Said<'a>, usize)>) {
    for line in lines {
        if let Some((last, times)) = said.last_mut()
            && state.fold
            && alike(last, &line)
        {
            *times += 1;
            *last = if last.spot < line.spot { *last } else { line };
            continue;
        }
        if said.len() >= high {
            return;
        }
        said.push((line, 1));
    }
}

fn alike(a: &Said<'_>, b: &Said<'_>) -> bool {
    a.kind == LineKind::Output
        && b.kind == a.kind
        && a.stream.id == b.stream.id
        && a.level == b.level
        && a.text().len().abs_diff(b.text().len()) < 8
        && logs::shape_hash(a.text()) == logs::shape_hash(b.text())
}

/// Whether everything was said by one pod: then its name need not stand in every row.
fn one_source(said: &[(Said<'_>, usize)]) -> bool {
    let mut pods = said.iter().map(|(line, _)| &line.stream.id);
    let first = pods.next();
    pods.all(|pod| Some(pod) == first)
}

pub(in crate::panels) const fn level_role(level: Level) -> Role {
    match level {
        Level::Unknown => Role::Text,
        Level::Trace | Level::Debug => Role::LogDebug,
        Level::Info => Role::LogInfo,
        Level::Warn => Role::LogWarn,
        Level::Error | Level::Fatal => Role::LogError,
    }
}

fn row(state: &State, said: &Said<'_>, times: usize, zone: &TimeZone, alone: bool) -> Vec<LogRow> {
    let time = said.at.map(|at| words::clock(at, zone)).unwrap_or_default();
    match said.kind {
        LineKind::Change => vec![LogRow::Marker(line![(Role::Marker, crate::clean!("{time}  {}", said.clean()))])],
        LineKind::Notice => vec![LogRow::Note(line![(Role::Dim, crate::clean!("{time}  {}", said.clean()))])],
        LineKind::Output | LineKind::Previous => {
            let mut source: Line = Vec::new();
            if !said.stream.version.0.is_empty() {
                source.push(Piece::new(Role::Dim, crate::clean!("{}  ", said.stream.version)));
            }
            if !alone || source.is_empty() {
                source.push(Piece::new(Role::Accent, Clean::from_untrusted(said.stream.short())));
            }
            let level = Piece::new(level_role(said.level), said.level.word());
            body(state, said).into_iter().enumerate().map(|(at, text)| part(at, (&time, &source, &level), text, times)).collect()
        }
    }
}

fn part(at: usize, (time, source, level): (&Clean, &Line, &Piece), text: Line, times: usize) -> LogRow {
    if at == 0 {
        return LogRow::Said { time: time.clone(), source: source.clone(), level: level.clone(), text, times };
    }
    LogRow::Said { time: Clean::EMPTY, source: Vec::new(), level: Piece::new(Role::Text, ""), text, times: 1 }
}

/// The words of a line; of JSON its message with the rest behind it, or each field for itself.
fn body(state: &State, said: &Said<'_>) -> Vec<Line> {
    let role = if said.level.is_trouble() { Role::LogError } else { Role::Text };
    if state.unfold
        && let Some(fields) = fields(said.text())
    {
        return fields.into_iter().map(|(key, value)| line![(Role::Accent, key), (Role::Text, value)]).collect();
    }
    let mut text = vec![Piece::new(role, crate::text::Clean::from_untrusted(&crate::text::redact(said.text())))];
    if said.kind == LineKind::Previous || said.stream.previous {
        text.push(Piece::new(Role::Faint, "  (previous run)"));
    }
    vec![text]
}

fn fields(text: &str) -> Option<Vec<(Clean, Clean)>> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    Some(object.into_iter().map(|(key, value)| (crate::clean!("{key}: "), crate::clean!("{}", crate::text::redact(&value.to_string())))).collect())
}
