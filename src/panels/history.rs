//! The revisions of a workload, with what is known of their health (`z`).

use super::words;
use crate::{
    app::{App, Asked, Effect, History},
    domain::{Evidence, Revision},
    keys::Action,
    line,
    store::words as said,
    theme::Role,
    widgets::{Align, Edge, Line, Panel, Piece, draw_line, pad},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// A wish to the history.
pub fn act(app: &mut App, history: &mut History, action: Action) -> Option<Vec<Effect>> {
    let last = match &history.revisions {
        Asked::Here(revisions) => revisions.len().saturating_sub(1),
        Asked::Waiting(_) | Asked::Failed(_) => 0,
    };
    history.at = super::page::scrolled(history.at, action, usize::from(app.size.height / 2), last)?;
    Some(Vec::new())
}

/// Draws the revisions, newest first, and what the one under the cursor differs in from the current one.
pub fn draw(app: &App, history: &History, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let name = app.words_of(&crate::app::Subject::Workload(history.workload.clone()));
    let mut panel = Panel::new(line![(Role::Title, crate::clean!("Revisions of {name}"))]);
    panel.edge = Edge::Focus;
    let inner = panel.draw(buf, area, theme);
    let lines = match &history.revisions {
        Asked::Waiting(_) => vec![(line![(Role::Dim, "asked for; they come in a moment")], false)],
        Asked::Failed(why) => vec![(line![(Role::Critical, why.words.clone())], false)],
        Asked::Here(revisions) => lines(app, revisions, history.at),
    };
    let cursor = lines.iter().position(|(_, here)| *here).unwrap_or_default();
    let top = crate::widgets::viewport(cursor, 0, usize::from(inner.height), lines.len());
    for (row, (line, here)) in inner.rows().zip(lines.iter().skip(top)) {
        draw_line(buf, row, line, Align::Left, theme);
        if *here {
            buf.set_style(row, theme.style(Role::Cursor));
        }
    }
}

fn lines(app: &App, revisions: &[Revision], at: usize) -> Vec<(Line, bool)> {
    let mut lines = Vec::new();
    for (index, revision) in revisions.iter().enumerate() {
        let mark = if revision.current { "now " } else { "    " };
        let mut line = line![(Role::Accent, mark), revision.short()];
        line.extend(pad(&[Piece::new(Role::Text, crate::clean!("  {}", revision.version))], 18, Align::Left));
        line.push(Piece::new(Role::Dim, revision.created.map(|at| crate::clean!("{:>6}  ", words::time(app, at))).unwrap_or_default()));
        line.push(Piece::new(Role::Dim, crate::clean!("{} of {} ready  ", revision.replicas.ready, revision.replicas.wanted)));
        line.push(Piece::new(Role::Dim, revision.cause.clone().unwrap_or_default()));
        lines.push((line, index == at));
        if index == at {
            lines.extend(revision.images.iter().map(|image| (line![(Role::Dim, crate::clean!("       {}", image.reference))], false)));
            lines.extend(revision.evidence.iter().map(|evidence| (evidence_line(app, evidence), false)));
            if revision.evidence.is_empty() {
                lines.push((line![(Role::Unknown, "       nothing is known of its health")], false));
            }
        }
    }
    lines
}

/// What speaks for or against a revision, in words.
pub fn evidence_line(app: &App, evidence: &Evidence) -> Line {
    let (role, sign, words) = match evidence {
        Evidence::ServingNow { ready, wanted } => (Role::Ok, "+", crate::clean!("serves now: {ready} of {wanted}")),
        Evidence::StandsReady { ready, wanted, .. } => (Role::Ok, "+", crate::clean!("stands ready: {ready} of {wanted}")),
        Evidence::SeenHealthy { held, until } => (Role::Ok, "+", crate::clean!("seen healthy for {}, last {}", said::long(*held), words::time(app, *until))),
        Evidence::Measured { by, what } => (Role::Ok, "+", crate::clean!("{by}: {what}")),
        Evidence::Deployed { by } => (Role::Text, "+", crate::clean!("{by} has it as deployed well")),
        Evidence::Served { held } => (Role::Text, "+", crate::clean!("was current for {}", said::long(*held))),
        Evidence::AlertFired { alert } => (Role::Critical, "-", crate::clean!("{alert} fired while it was current")),
        Evidence::RolledBackFrom { at } => (Role::Critical, "-", crate::clean!("was rolled back from, {}", words::time(app, *at))),
        Evidence::Failed { by, why } => (Role::Critical, "-", crate::clean!("{by}: {why}")),
        Evidence::NeverAvailable { why } => (Role::Critical, "-", crate::clean!("no pod of it was ever available: {why}")),
    };
    vec![Piece::new(role, crate::clean!("       {sign} ")), Piece::new(Role::Text, words)]
}
