//! What stands where nothing is known yet: what is awaited, what is down, and what to do.

use crate::{
    app::{App, Known},
    domain::{FeedKind, Link, SourceId, Why},
    line,
    store::words,
    text::Clean,
    theme::Role,
    widgets::{Line, wrap},
};
use jiff::SignedDuration;

/// In place of a count, where nobody has told anything: `no source answers`.
pub fn awaited(app: &App) -> Clean {
    let ready = |known: &Result<Known, Why>| matches!(known, Ok(Known::Ready(offers)) if offers.feeds.contains(&FeedKind::Workloads));
    let mut dialled = app.sources.iter().filter(|(_, known)| ready(known)).map(|(id, _)| id).peekable();
    if dialled.peek().is_none() {
        let usable = app.sources.values().any(|known| known.is_ok());
        return Clean::from_static(if usable { "nothing that runs services is connected" } else { "nothing is connected" });
    }
    let down = |id: &SourceId| app.store.feeds().iter().any(|feed| feed.source == *id && matches!(feed.link, Link::Retrying { .. } | Link::Refused { .. }));
    Clean::from_static(if dialled.all(down) { "no source answers" } else { "asking what runs" })
}

/// Why there is no service at all, and what to do, in lines of so many cells.
pub fn nothing_yet(app: &App, wide: usize) -> Vec<Line> {
    let lines = if app.sources.is_empty() { nothing_found() } else { sources(app) };
    lines.iter().flat_map(|line| wrap(line, wide)).collect()
}

fn nothing_found() -> Vec<Line> {
    vec![
        line![(Role::Text, "Nothing to show: no kubeconfig, no Docker socket, no git remote with a CI was found.")],
        Line::new(),
        line![(Role::Key, "pilothouse demo"), (Role::Dim, "  shows a simulated world")],
        line![(Role::Key, "pilothouse doctor"), (Role::Dim, "  says what was looked for")],
        line![(Role::Key, "pilothouse config init"), (Role::Dim, "  writes a configuration")],
    ]
}

/// How each source stands, the worst first.
fn sources(app: &App) -> Vec<Line> {
    let mut lines: Vec<(u8, Line)> = app.sources.iter().filter_map(|(id, known)| source(app, id, known)).collect();
    lines.sort_by_key(|(rank, _)| *rank);
    let down = lines.iter().any(|(rank, _)| *rank < 2);
    let mut lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
    if app.told_what_runs() && app.matrix.rows.is_empty() {
        lines.insert(0, line![(Role::Text, "Nothing runs in what is connected.")]);
    }
    if down {
        let key = app.start.keymap.key(crate::keys::Layer::Global, crate::keys::Action::Refresh).unwrap_or_default();
        lines.push(Line::new());
        lines.push(line![
            (Role::Key, crate::clean!("{key}")),
            (Role::Dim, "  tries again now    "),
            (Role::Key, "pilothouse doctor"),
            (Role::Dim, "  says what was asked and how")
        ]);
    }
    lines
}

fn source(app: &App, id: &SourceId, known: &Result<Known, Why>) -> Option<(u8, Line)> {
    let trouble = app.store.feeds().iter().filter(|feed| feed.source == *id).find_map(|feed| match &feed.link {
        Link::Retrying { why, at, .. } => {
            let next = words::long(at.duration_since(app.now.wall).max(SignedDuration::ZERO));
            Some((Role::Warn, crate::clean!("{id}: {}, next try in {next}", why.words)))
        }
        Link::Refused { why, .. } => Some((Role::Warn, crate::clean!("{id}: {}", why.words))),
        Link::NotConnected | Link::Connecting | Link::Live { .. } => None,
    });
    Some(match (known, trouble) {
        (Err(why), _) => (0, line![(Role::Critical, crate::clean!("{id}: {}", why.words))]),
        (Ok(_), Some(line)) => (1, line![line]),
        (Ok(Known::Ready(offers)), None) if app.store.workloads_told(id) => {
            let partly = offers.partly.as_ref().map(|words| crate::clean!("; {words}")).unwrap_or_default();
            (3, line![(Role::Dim, crate::clean!("{id}: nothing runs there{partly}"))])
        }
        (Ok(Known::Ready(offers)), None) if offers.feeds.contains(&FeedKind::Workloads) => {
            (2, line![(Role::Dim, crate::clean!("{id}: asking what runs there"))])
        }
        (Ok(Known::Listed(words)), None) => (3, line![(Role::Dim, crate::clean!("{id}: {words}, :ctx connects it"))]),
        (Ok(Known::Ready(_)), None) => (4, line![(Role::Dim, crate::clean!("{id}: answers, and has no services"))]),
        // They never say what runs.
        (Ok(Known::Sought | Known::Absent(_)), None) => return None,
    })
}
