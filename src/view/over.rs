//! What lies over the screen: help, the palette, questions.

use super::Areas;
use crate::{
    app::{App, Overlay, built},
    keys::{Action, Layer},
    line,
    text::Clean,
    theme::Role,
    widgets::{self, Edge, Line, Panel, Picker, Piece, centred, draw_lines, palette},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Draws the overlay, if there is one.
pub fn draw(app: &App, buf: &mut Buffer, areas: &Areas) {
    let Some(overlay) = &app.overlay else { return };
    match overlay {
        Overlay::Filter(_) => {}
        Overlay::Help { offset } => help(app, buf, areas.body, *offset),
        Overlay::Palette(held) => {
            let inner = open(app, buf, areas.body, "Go to anything, do anything", (90, 24), Edge::Focus);
            let picker = Picker { choices: &held.choices, found: &held.found, selected: held.at };
            palette(buf, inner, &held.field, &picker, &app.start.theme);
        }
        Overlay::Choose(choose) => rows(app, buf, areas.body, &choose.title, choose.items.iter().map(|(words, _)| words.clone()), choose.at),
        Overlay::Links { links, at } => {
            rows(app, buf, areas.body, "Links: Enter copies", links.iter().map(|(name, link)| crate::clean!("{name}  {link}")), *at)
        }
        Overlay::Unlock { environment, .. } => {
            let words = [
                line![crate::clean!("{environment} starts locked, so that a stray key changes nothing.")],
                line!["Opened, a change still takes its name and a reason. It locks itself in 15 minutes."],
                Line::new(),
                line![(Role::Key, "Enter"), " opens it for 15 minutes   ", (Role::Key, "Esc"), " leaves it locked"],
            ];
            say(app, buf, areas.body, "Open a locked environment?", &words, Edge::Production);
        }
        Overlay::Shell { into, .. } => {
            let words = [
                line![crate::clean!("Leaves the screen for kubectl exec in {}.", into.target)],
                line!["What is typed there changes what runs, and nobody sees it here. That you went in is"],
                line!["written into the journal first. When the shell ends, the console comes back."],
                Line::new(),
                line![(Role::Key, "Enter"), " goes in   ", (Role::Key, "Esc"), " stays"],
            ];
            let production = app.policy(&into.environment).tier == crate::domain::Tier::Production;
            say(app, buf, areas.body, "A shell in a container?", &words, if production { Edge::Production } else { Edge::Focus });
        }
        Overlay::Quit { running, .. } => {
            if running.is_empty() {
                let words = [line![(Role::Key, "Enter"), " leaves, ", (Role::Key, "Esc"), " stays"]];
                return say(app, buf, areas.body, "Leave?", &words, Edge::Focus);
            }
            let mut words: Vec<Line> = running.iter().map(|one| line![(Role::Rolling, one.clone())]).collect();
            words.extend([
                Line::new(),
                line!["What was sent goes on in the cluster; what was written down stays in the journal."],
                line![(Role::Key, "Enter"), " leaves all the same   ", (Role::Key, "Esc"), " stays"],
            ]);
            say(app, buf, areas.body, "Something is under way", &words, Edge::Focus);
        }
    }
}

fn open(app: &App, buf: &mut Buffer, body: Rect, title: &str, size: (u16, u16), edge: Edge) -> Rect {
    noted(app, buf, body, title, size, edge, Line::new())
}

fn noted(app: &App, buf: &mut Buffer, body: Rect, title: &str, (width, height): (u16, u16), edge: Edge, note: Line) -> Rect {
    let mut panel = Panel::new(line![(Role::Title, Clean::from_untrusted(title))]);
    panel.edge = edge;
    panel.note = note;
    widgets::popup(buf, body, centred(body, width, height), &panel, &app.start.theme)
}

fn say(app: &App, buf: &mut Buffer, body: Rect, title: &str, words: &[Line], edge: Edge) {
    let height = u16::try_from(words.len() + 2).unwrap_or(body.height);
    let inner = open(app, buf, body, title, (84, height), edge);
    draw_lines(buf, inner, words, &app.start.theme);
}

fn rows(app: &App, buf: &mut Buffer, body: Rect, title: &str, items: impl Iterator<Item = Clean>, at: usize) {
    let items: Vec<Clean> = items.collect();
    let height = u16::try_from(items.len() + 2).unwrap_or(body.height).min(body.height);
    let inner = open(app, buf, body, title, (84, height), Edge::Focus);
    let top = widgets::viewport(at, 0, usize::from(inner.height), items.len());
    for (index, (row, words)) in inner.rows().zip(items.iter().skip(top)).enumerate() {
        widgets::draw_line(buf, row, &line![words.clone()], widgets::Align::Left, &app.start.theme);
        if index + top == at {
            buf.set_style(row, app.start.theme.style(Role::Cursor));
        }
    }
}

/// All keys of the layers that hold, the particular ones first, with how many lie below.
fn help(app: &App, buf: &mut Buffer, body: Rect, offset: usize) {
    let lines = help_lines(app);
    let high = usize::from(body.height.saturating_sub(2));
    let last = lines.len().saturating_sub(high);
    let offset = offset.min(last);
    let note = if last == 0 {
        Line::new()
    } else {
        let key = |action| Clean::from_untrusted(&app.start.keymap.key(Layer::Global, action).unwrap_or_default());
        line![
            (Role::Dim, crate::clean!("{} more below   ", last - offset)),
            (Role::Key, key(Action::Down)),
            " ",
            (Role::Key, key(Action::Up)),
            " ",
            (Role::Key, key(Action::PageDown)),
            (Role::Dim, " scroll")
        ]
    };
    let inner = noted(app, buf, body, "Keys", (92, body.height), Edge::Focus, note);
    draw_lines(buf, inner, &lines[offset..], &app.start.theme);
}

/// How far help can be scrolled.
pub fn help_extent(app: &App) -> usize {
    let high = usize::from(super::layout(app.size).body.height.saturating_sub(2));
    help_lines(app).len().saturating_sub(high)
}

fn help_lines(app: &App) -> Vec<Line> {
    let layer = match app.view_layer() {
        Layer::Global => None,
        layer => Some(layer),
    };
    let mut lines: Vec<Line> = Vec::new();
    for layer in layer.into_iter().chain([Layer::Global]) {
        for entry in app.start.keymap.help(layer).into_iter().filter(|entry| !entry.keys.is_empty() && built(entry.action)) {
            let mut line = widgets::pad(&[Piece::new(Role::Key, Clean::from_untrusted(&entry.keys))], 22, widgets::Align::Left);
            line.push(Piece::new(Role::Text, Clean::from_static(entry.text)));
            lines.push(line);
        }
        lines.push(Line::new());
    }
    lines.pop();
    lines
}
