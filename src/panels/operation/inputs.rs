//! What a run is started with: read on the plan, and written at its foot.

use super::{Entry, Foot, heading, mark, sentence};
use crate::{
    app::Single,
    domain::{Given, Input, Inputs},
    line,
    rollback::Mark,
    text::{Clean, Name, Raw, secret},
    theme::Role,
    widgets::{Align, Field, Line, Look, Piece, pad, wrap},
};

/// So many lines are written at once: the plan stays in sight above them.
const SHOWN: usize = 8;
/// What an input takes stands this far to the right of it, at least.
const VALUE: usize = 30;

/// The name in a line.
fn name(field: &Field) -> &str {
    field.text().split_once('=').map_or("", |(name, _)| name.trim())
}

/// A line as it may be shown.
fn shown(field: &Field) -> Clean {
    let (name, value) = field.text().split_once('=').unwrap_or_default();
    Given { name: Name::new(name.trim()), value: Raw::new(value) }.shown()
}

fn row(sign: Mark, shown: Clean, (role, takes): (Role, Clean)) -> Line {
    [vec![mark(sign), Piece::blank(1)], pad(&line![shown], VALUE, Align::Left), line!["  ", (role, takes)]].concat()
}

/// What a line is about: `must be written, one of staging, production`.
fn takes(inputs: &Inputs, field: &Field) -> Clean {
    match inputs.named(name(field)) {
        Some(input) if input.required => crate::clean!("must be written, {}", input.takes()),
        Some(input) => input.takes(),
        None => Clean::EMPTY,
    }
}

/// Every input with its value and what it takes, or what is wrong with it.
pub(super) fn lines(single: &Single, width: usize) -> Vec<Line> {
    let Some(inputs) = single.inputs() else { return Vec::new() };
    let mut lines = vec![heading("INPUTS", "Tab writes them")];
    let before = lines.len();
    for field in &single.lines.fields {
        let known = inputs.named(name(field));
        match (inputs.read(field.text()), known) {
            (Ok(None), _) => {}
            (Ok(Some(given)), _) => lines.push(row(Mark::Good, given.shown(), (Role::Dim, known.map(Input::takes).unwrap_or_default()))),
            (Err(why), Some(input)) => {
                let short = why.strip_prefix(input.name.clean().as_str()).map(str::trim_start).unwrap_or(&why);
                lines.push(row(Mark::Bad, shown(field), (Role::Warn, Clean::from_untrusted(short))));
            }
            (Err(why), None) => lines.extend(sentence(mark(Mark::Bad), why, width)),
        }
    }
    if lines.len() == before {
        lines.push(line![(Role::Dim, "none; any NAME=value can be written")]);
    }
    lines.push(Line::new());
    lines
}

/// The lines while they are written, the one with the keys in view, and what is wrong with them.
pub(super) fn foot(single: &Single, at: usize, width: usize) -> Foot<'_> {
    let (Some(inputs), fields) = (single.inputs(), &single.lines.fields) else { return Foot::default() };
    let mut says = Vec::new();
    if let Some(field) = fields.get(at) {
        let what = takes(inputs, field);
        match inputs.read(field.text()) {
            Err(why) => says.extend(sentence(mark(Mark::Bad), why, width)),
            Ok(Some(_)) if what.is_empty() => says.extend(sentence(mark(Mark::Good), "any text", width)),
            Ok(Some(_)) => says.extend(sentence(mark(Mark::Good), what, width)),
            Ok(None) => says.extend(sentence(mark(Mark::Waiting), "NAME=value; an empty line says nothing", width)),
        }
    }
    says.extend(wrap(&line![(Role::Key, "Enter"), " takes them, nothing is sent, ", (Role::Key, "Tab"), " next, ", (Role::Key, "Esc"), " as before"], width));
    let from = at.saturating_sub(SHOWN / 2).min(fields.len().saturating_sub(SHOWN));
    let shown = fields.iter().enumerate().skip(from).take(SHOWN);
    let entries = shown.map(|(nth, field)| {
        let look = if secret(name(field)) { Look::MaskedValue } else { Look::Plain };
        let sign = if inputs.read(field.text()).is_err() { mark(Mark::Bad) } else { Piece::blank(1) };
        Entry { label: vec![sign, Piece::blank(1)], field, look, focused: nth == at }
    });
    Foot { says, entries: entries.collect() }
}
