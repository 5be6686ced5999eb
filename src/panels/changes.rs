//! What changed, newest first (`T`).

use super::words;
use crate::{
    app::{App, Effect},
    keys::Action,
    line,
    store::Happened,
    text::Clean,
    theme::Role,
    widgets::{Align, Edge, Line, Panel, Piece, cut, draw_lines, pad, width},
};
use jiff::SignedDuration;
use ratatui::{buffer::Buffer, layout::Rect};

/// How far back the timeline reaches.
const REACH: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A wish to the timeline.
pub fn act(app: &mut App, offset: &mut usize, action: Action) -> Option<Vec<Effect>> {
    let last = app.store.timeline(app.now.wall - REACH).len().saturating_sub(1);
    *offset = super::page::scrolled(*offset, action, usize::from(app.size.height.saturating_sub(6)), last)?;
    Some(Vec::new())
}

/// Draws the timeline; also the third column of a wide screen.
pub fn draw(app: &App, offset: usize, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let found = app.store.timeline(app.now.wall - REACH);
    let mut panel = Panel::new(line![(Role::Title, "Changes")]);
    panel.counts = vec![line![(Role::Dim, crate::clean!("{} in 7 days", found.len()))]];
    panel.edge = if app.screens.is_empty() { Edge::Plain } else { Edge::Focus };
    let inner = panel.draw(buf, area, theme);
    let shown: Vec<_> = found.iter().skip(offset).take(usize::from(inner.height)).map(|change| (change, words::time(app, change.at))).collect();
    let mut lines = change_lines(&shown, usize::from(inner.width));
    if lines.is_empty() {
        lines.push(line![(Role::Dim, "nothing is known to have changed in the last 7 days")]);
    }
    draw_lines(buf, inner, &lines, theme);
}

/// Cells between two columns.
const GAP: usize = 2;
/// The narrowest column for what changed: changes of different days stand below each other.
const WORDS: usize = 22;

/// Changes in lines: when, what, where, and the run that shipped it. The run leaves before anything is cut; what then does not fit beside
/// its place has the place below it.
pub fn change_lines(changes: &[(&Happened, Clean)], wide: usize) -> Vec<Line> {
    let most = |of: &dyn Fn(&(&Happened, Clean)) -> usize| changes.iter().map(of).max().unwrap_or(0);
    let lead = most(&|(_, when)| width(when)).max(4);
    let words = most(&|(change, _)| width(&change.words())).max(WORDS);
    let place = most(&|(change, _)| width(&place_of(change)));
    let run = most(&|(change, _)| width(&run_of(change)));
    let beside = lead + GAP + words + GAP + place;
    let with_run = run > 0 && beside + GAP + run <= wide;
    changes.iter().flat_map(|(change, when)| lines(change, when, (lead, words, place), (beside <= wide, with_run), wide)).collect()
}

fn place_of(change: &Happened) -> Clean {
    change.environment.as_ref().map(|environment| environment.name.clean().clone()).unwrap_or_default()
}

fn run_of(change: &Happened) -> Clean {
    change.run.as_ref().map(|(_, called)| crate::clean!("run {called}")).unwrap_or_default()
}

fn lines(change: &Happened, when: &Clean, (lead, words, place): (usize, usize, usize), (beside, with_run): (bool, bool), wide: usize) -> Vec<Line> {
    let mut first = pad(&line![(Role::Dim, when.clone())], lead, Align::Right);
    first.push(Piece::blank(GAP));
    let what = line![(Role::Text, change.words())];
    if beside {
        first.extend(pad(&what, words, Align::Left));
        first.push(Piece::blank(GAP));
        first.extend(pad(&line![(Role::Dim, place_of(change))], place, Align::Left));
        if with_run {
            first.extend(line![Piece::blank(GAP), (Role::Dim, run_of(change))]);
        }
        return vec![first];
    }
    first.extend(cut(&what, wide.saturating_sub(lead + GAP)));
    let run = run_of(change);
    let both = if run.is_empty() { place_of(change) } else { crate::clean!("{}  {run}", place_of(change)) };
    vec![first, cut(&line![Piece::blank(lead + GAP), (Role::Dim, both)], wide)]
}
