//! Text on the whole screen: YAML, a description.

use super::explain::event_lines;
use crate::{
    app::{App, Asked, Effect, Page},
    domain::Why,
    keys::Action,
    line,
    text::Clean,
    theme::Role,
    widgets::{Edge, Hit, Line, Panel, Piece, TextView, find},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Where a scrolled view stands after `action`; none when it does not scroll.
pub fn scrolled(offset: usize, action: Action, page: usize, last: usize) -> Option<usize> {
    let page = page.max(1);
    Some(match action {
        Action::Up => offset.saturating_sub(1),
        Action::Down => (offset + 1).min(last),
        Action::PageUp => offset.saturating_sub(page),
        Action::PageDown => (offset + page).min(last),
        Action::HalfUp => offset.saturating_sub(page / 2),
        Action::HalfDown => (offset + page / 2).min(last),
        Action::Top => 0,
        Action::Bottom => last,
        _ => return None,
    })
}

fn lines(app: &App, page: &Page) -> Vec<Line> {
    let asked = || vec![line![(Role::Dim, "asked for; it comes in a moment")]];
    let failed = |why: &Why| vec![line![(Role::Critical, why.words.clone())]];
    let body = match &page.body {
        Asked::Here(lines) => lines.iter().map(coloured).collect(),
        Asked::Waiting(_) => asked(),
        Asked::Failed(why) => failed(why),
    };
    let Some(events) = &page.events else { return body };
    let mut lines = match events {
        Asked::Here(events) => event_lines(app, events, usize::from(app.size.width).saturating_sub(4)),
        Asked::Waiting(_) => [vec![Line::new(), line![(Role::Title, "EVENTS")]], asked()].concat(),
        Asked::Failed(why) => [vec![Line::new(), line![(Role::Title, "EVENTS")]], failed(why)].concat(),
    };
    // It begins with a blank line, which belongs between it and the rest.
    lines.rotate_left(1);
    lines.extend(body);
    lines
}

/// A line of YAML: its key stands out.
fn coloured(line: &Clean) -> Line {
    match line.split_once(": ") {
        Some((key, value)) if !key.trim_start().contains(' ') => {
            vec![Piece::new(Role::Accent, crate::clean!("{key}:")), Piece::new(Role::Text, crate::clean!(" {value}"))]
        }
        _ if line.ends_with(':') => vec![Piece::new(Role::Accent, line.clone())],
        _ => vec![Piece::new(Role::Text, line.clone())],
    }
}

fn hits(page: &Page, lines: &[Line]) -> Vec<Hit> {
    page.search.as_ref().map(|words| find(lines, words)).unwrap_or_default()
}

/// A wish to the page.
pub fn act(app: &mut App, page: &mut Page, action: Action) -> Option<Vec<Effect>> {
    let high = usize::from(app.size.height.saturating_sub(6));
    let lines = lines(app, page);
    let last = lines.len().saturating_sub(high);
    if let Some(offset) = scrolled(page.offset.0, action, high, last) {
        page.offset.0 = offset;
        return Some(Vec::new());
    }
    let hits = hits(page, &lines);
    match action {
        Action::Left => page.offset.1 = page.offset.1.saturating_sub(8),
        Action::Right => page.offset.1 += 8,
        Action::NextHit => {
            page.offset.0 =
                hits.iter().map(|hit| hit.line).find(|line| *line > page.offset.0).or(hits.first().map(|hit| hit.line)).unwrap_or(page.offset.0).min(last)
        }
        Action::PrevHit => {
            page.offset.0 =
                hits.iter().map(|hit| hit.line).rfind(|line| *line < page.offset.0).or(hits.last().map(|hit| hit.line)).unwrap_or(page.offset.0).min(last)
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Draws the page.
pub fn draw(app: &App, page: &Page, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let lines = lines(app, page);
    let hits = hits(page, &lines);
    let mut panel = Panel::new(line![(Role::Title, page.title.clone())]);
    panel.edge = Edge::Focus;
    panel.counts = vec![line![(Role::Dim, crate::clean!("{} lines", lines.len()))]];
    if let Some(search) = &page.search {
        panel.counts.push(line![(Role::Accent, crate::clean!("/{search}  {} hits", hits.len()))]);
    }
    let inner = panel.draw(buf, area, theme);
    TextView { lines: &lines, offset: page.offset.0, wrap: false, sideways: page.offset.1, hits: &hits, hit: None }.draw(buf, inner, theme);
}
