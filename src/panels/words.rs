//! States and times in pieces of a line, the same in every panel.

use crate::{
    app::{App, Times},
    store::{CellState, words},
    text::Clean,
    theme::Role,
    widgets::{Line, Piece, line_width, sign, wrap},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// Whether an age is counted in seconds.
pub fn young(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < SignedDuration::from_secs(60)
}

/// A time as the user wants times shown: an age, or a clock.
pub fn time(app: &App, at: Timestamp) -> Clean {
    match app.times {
        Times::Age => words::short(words::since(at, app.now.wall)),
        Times::Local => clock(at, &app.start.zone),
        Times::Utc => clock(at, &TimeZone::UTC),
    }
}

/// How long an environment is still open, in whole minutes begun: `15m`.
pub fn left(until: Timestamp, now: Timestamp) -> Clean {
    crate::clean!("{}m", (until.duration_since(now).as_secs().max(0) + 59) / 60)
}

/// The same in prose: `6 min`.
pub fn time_in_words(app: &App, at: Timestamp) -> Clean {
    match app.times {
        Times::Age => words::long(words::since(at, app.now.wall)),
        Times::Local | Times::Utc => time(app, at),
    }
}

/// The same as something that is past: `6 min ago`.
pub fn ago(app: &App, at: Timestamp) -> Clean {
    match app.times {
        Times::Age => crate::clean!("{} ago", time_in_words(app, at)),
        Times::Local | Times::Utc => time(app, at),
    }
}

/// Hours, minutes and seconds, as a log line has them.
pub fn clock(at: Timestamp, zone: &TimeZone) -> Clean {
    crate::clean!("{}", at.to_zoned(zone.clone()).strftime("%H:%M:%S"))
}

/// The zone in which clocks are shown now.
pub fn zone(app: &App) -> TimeZone {
    match app.times {
        Times::Age | Times::Local => app.start.zone.clone(),
        Times::Utc => TimeZone::UTC,
    }
}

/// How a state looks.
pub const fn role(state: &CellState) -> Role {
    match state {
        CellState::Ok => Role::Ok,
        CellState::Rolling { .. } => Role::Rolling,
        CellState::Stuck { .. } | CellState::Failing | CellState::Down => Role::Critical,
        CellState::Victim { .. } => Role::Warn,
        CellState::Stale { .. } => Role::Stale,
        CellState::Unknown => Role::Unknown,
        CellState::Absent | CellState::NotConnected => Role::Faint,
    }
}

/// The sign of a state.
pub const fn glyph(state: &CellState) -> &'static str {
    match state {
        CellState::Ok => sign::OK,
        CellState::Rolling { .. } => sign::ROLLING,
        CellState::Stuck { .. } | CellState::Failing | CellState::Down => sign::BAD,
        CellState::Victim { .. } => sign::ATTENTION,
        CellState::Stale { .. } | CellState::Unknown => sign::STALE,
        CellState::Absent => sign::ABSENT,
        CellState::NotConnected => sign::IDLE,
    }
}

/// A state in a cell: its sign, its word where it is not ok, and how many of the new ones are ready.
pub fn state(state: &CellState, now: Timestamp) -> Line {
    let role = role(state);
    let words = match state {
        CellState::Ok | CellState::Absent | CellState::NotConnected => Clean::EMPTY,
        CellState::Rolling { fresh, wanted } => crate::clean!(" {fresh}/{wanted}"),
        CellState::Stuck { fresh, wanted } => crate::clean!(" stuck {fresh}/{wanted}"),
        CellState::Stale { since: Some(since) } => crate::clean!(" {}", words::short(words::since(*since, now))),
        CellState::Stale { since: None } => Clean::from_static(" never seen"),
        CellState::Failing | CellState::Victim { .. } | CellState::Down | CellState::Unknown => crate::clean!(" {}", state.words()),
    };
    vec![Piece::new(role, glyph(state)), Piece::new(role, words)]
}

/// A share as a column has it, always with one digit: `0.0 %`, `17.4 %`.
pub fn share(value: f64) -> Clean {
    if value.is_nan() { Clean::from_static("no traffic") } else { crate::clean!("{:.1} %", value * 100.0) }
}

/// Below this many cells a text beside its label is cut instead of broken.
const NARROW: usize = 12;

/// `lead` with `text` beside it, which goes on below itself.
pub fn hanging(lead: Line, text: Line, width: usize) -> Vec<Line> {
    let indent = line_width(&lead);
    if width < indent + NARROW {
        return vec![[lead, text].concat()];
    }
    let mut rows = wrap(&text, width - indent).into_iter();
    let first = [lead, rows.next().unwrap_or_default()].concat();
    std::iter::once(first).chain(rows.map(|row| [vec![Piece::blank(indent)], row].concat())).collect()
}
