//! What runs in the background and what was left open (`B`).

use crate::{
    app::{App, Effect},
    keys::Action,
    line,
    text::Clean,
    theme::Role,
    widgets::{Align, Edge, Panel, Selection, draw_line},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// A wish to the list.
pub fn act(app: &mut App, at: &mut Selection<String>, action: Action) -> Option<Vec<Effect>> {
    let ids: Vec<String> = app.operations.lines(app).into_iter().map(|(id, _)| id).collect();
    at.settle(&ids);
    match action {
        Action::Up => at.step(-1, &ids),
        Action::Down => at.step(1, &ids),
        Action::Enter => {
            if let Some(id) = at.id().cloned() {
                return Some(app.attach(&id));
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Draws the list.
pub fn draw(app: &App, at: &Selection<String>, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let mut panel = Panel::new(line![(Role::Title, "Under way and still open")]);
    panel.edge = Edge::Focus;
    let inner = panel.draw(buf, area, theme);
    let lines: Vec<(String, Clean)> = app.operations.lines(app);
    if lines.is_empty() {
        draw_line(buf, inner, &line![(Role::Dim, "nothing is under way, nothing was left open")], Align::Left, theme);
    }
    let here = at.id().and_then(|id| lines.iter().position(|(line, _)| line == id)).unwrap_or_default();
    for (index, (row, (_, words))) in inner.rows().zip(&lines).enumerate() {
        draw_line(buf, row, &line![words.clone()], Align::Left, theme);
        if index == here {
            buf.set_style(row, theme.style(Role::Cursor));
        }
    }
}
