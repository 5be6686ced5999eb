//! What changed, newest first (`T`).

use super::{alerts::change_line, words};
use crate::{
    app::{App, Effect},
    keys::Action,
    line,
    theme::Role,
    widgets::{Edge, Line, Panel, draw_lines},
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
    let mut lines: Vec<Line> =
        found.iter().skip(offset).take(usize::from(inner.height)).map(|change| change_line(change, words::time(app, change.at))).collect();
    if lines.is_empty() {
        lines.push(line![(Role::Dim, "nothing is known to have changed in the last 7 days")]);
    }
    draw_lines(buf, inner, &lines, theme);
}
