//! The line that errs most, in one sentence: how often, since when, and which versions say it.

use super::State;
use crate::{app::App, domain::Level, line, logs::View, panels::words, text::Clean, theme::Role, widgets::Line};
use std::{sync::atomic::AtomicBool, time::Duration};

/// Lines that are looked through at the most: a screen must not wait for a sentence.
const REACH: u64 = 50_000;
/// How often they are looked through again while lines arrive.
const EVERY: Duration = Duration::from_secs(2);

/// What was found when the log was last looked through.
#[derive(Debug, Default)]
pub struct Alike {
    lines: u64,
    at: Option<Duration>,
    sentence: Clean,
}

/// Looks through the log again, where more was said since and some time has passed.
pub(super) fn settle(app: &mut App) {
    let now = app.now.mono;
    let logs = &app.logs;
    let lines = logs.buffer.len();
    let known = &logs.alike;
    if known.lines == lines || known.at.is_some_and(|at| now.saturating_sub(at) < EVERY && !known.sentence.is_empty()) {
        return;
    }
    let sentence = if lines > REACH { Clean::EMPTY } else { sentence(app, logs) };
    app.logs.alike = Alike { lines, at: Some(now), sentence };
}

fn sentence(app: &App, logs: &State) -> Clean {
    let shapes = logs.buffer.snapshot().shapes(Level::Error, &View::default(), &AtomicBool::new(false)).unwrap_or_default();
    let Some((most, since)) = shapes.first().and_then(|most| most.since.map(|since| (most, since))).filter(|(most, _)| most.lines > 1) else {
        return Clean::EMPTY;
    };
    most.sentence(&words::clock(since, &words::zone(app)))
}

/// The sentence below the lines, where there is one and nothing was filtered.
pub(super) fn line(logs: &State) -> Option<Line> {
    (!logs.alike.sentence.is_empty() && logs.filter.is_empty()).then(|| line![(Role::Dim, logs.alike.sentence.clone())])
}
