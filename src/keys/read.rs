//! Reading a keymap, and all that can be wrong with one.

use super::{Action, Chord, Fault, Layer, keymap::Binding};
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The tables of a keymap and the layer that each one fills.
const TABLES: &[(&str, Layer)] = &[
    ("global", Layer::Global),
    ("verbs", Layer::Global),
    ("pods", Layer::Pods),
    ("pipelines", Layer::Pipelines),
    ("logs", Layer::Logs),
    ("incident", Layer::Incident),
    ("prompt", Layer::Prompt),
    ("form", Layer::Form),
    ("confirm", Layer::Confirm),
];

/// Actions that a panel may give one more key of its own, beside the one that they have everywhere.
const ALSO: &[(&str, Action)] = &[("pipelines", Action::WatchNotify)];

/// All that can be done where text is typed, beside typing.
const IN_TEXT: &[Action] = &[Action::Enter, Action::Escape, Action::NextPanel, Action::PrevPanel, Action::Up, Action::Down];

/// What a file says of one action.
pub(super) struct Found {
    pub layer: Layer,
    pub action: Action,
    chords: Vec<(Chord, Range<usize>)>,
}

impl Found {
    pub fn bindings(&self, user: bool) -> impl Iterator<Item = Binding> {
        let (layer, action) = (self.layer, self.action);
        self.chords.iter().map(move |(chord, span)| Binding { layer, action, chord: chord.clone(), from: user.then(|| span.clone()) })
    }
}

/// What `text` binds, and what is wrong with it.
pub(super) fn read(text: &str) -> (Vec<Found>, Vec<Fault>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<Fault> = errors.iter().map(|e| Fault { span: e.span().unwrap_or(0..0), what: e.message().to_owned() }).collect();
    if !faults.is_empty() {
        return (Vec::new(), faults);
    }
    let mut found = Vec::new();
    for (name, value) in root.get_ref() {
        match TABLES.iter().find(|(table, _)| table == name.get_ref()) {
            None => faults.push(no_table(name)),
            Some((table, layer)) => match value.get_ref() {
                DeValue::Table(rows) => found.extend(rows.iter().filter_map(|row| action(table, *layer, row, &mut faults))),
                _ => faults.push(Fault { span: value.span(), what: format!("`{table}` is a table of actions; write [{table}] on a line of its own") }),
            },
        }
    }
    (found, faults)
}

fn no_table(name: &Spanned<std::borrow::Cow<'_, str>>) -> Fault {
    let names: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    let what = match Action::named(name.get_ref()) {
        Some(action) => format!("`{}` stands outside of a table; put it under [{}]", action.name(), action.table()),
        None => format!("there are no keys for `{}`; the tables are {}", name.get_ref(), names.join(", ")),
    };
    Fault { span: name.span(), what }
}

fn action(table: &str, layer: Layer, row: (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>), faults: &mut Vec<Fault>) -> Option<Found> {
    let (name, value) = row;
    let fault = |what| Fault { span: name.span(), what };
    let Some(action) = Action::named(name.get_ref()) else {
        faults.push(fault(format!("there is no action `{}`{}", name.get_ref(), nearest(name.get_ref()))));
        return None;
    };
    if let Some(what) = misplaced(table, layer, action) {
        faults.push(fault(what));
        return None;
    }
    let (mut chords, mut bad) = (Vec::new(), false);
    for (text, span) in texts(value, faults)? {
        match text.parse::<Chord>().map_err(|bad| bad.0).and_then(|chord| typed(layer, chord)) {
            Ok(chord) => chords.push((chord, span)),
            Err(what) => {
                faults.push(Fault { span, what });
                bad = true;
            }
        }
    }
    (!bad || !chords.is_empty()).then_some(Found { layer, action, chords })
}

fn misplaced(table: &str, layer: Layer, action: Action) -> Option<String> {
    let name = action.name();
    match layer.is_text() {
        true if action.changes() => Some(format!("`{name}` leads to a change and is never bound where text is typed; bind it under [{}]", action.table())),
        true if !IN_TEXT.contains(&action) => Some(format!("`{name}` means nothing where text is typed; bind it under [{}]", action.table())),
        true => None,
        false if action.table() != table && !ALSO.contains(&(table, action)) => {
            Some(format!("`{name}` belongs under [{}], not under [{table}]", action.table()))
        }
        false => None,
    }
}

/// A character alone would be missing from the text that is typed.
fn typed(layer: Layer, chord: Chord) -> Result<Chord, String> {
    match chord.keys()[0].text() {
        Some(_) if layer.is_text() => Err(format!("`{chord}` is text here; take a key that types nothing, as `tab` or `ctrl-n`")),
        _ => Ok(chord),
    }
}

type Texts<'a> = Vec<(&'a str, Range<usize>)>;

/// The keys of one action: a text, a list of texts, or `"none"`.
fn texts<'a>(value: &'a Spanned<DeValue<'_>>, faults: &mut Vec<Fault>) -> Option<Texts<'a>> {
    let wrong = |span| Fault { span, what: "a key is a text, as \"ctrl-r\", or a list of them, as [\"j\", \"down\"]".into() };
    match value.get_ref() {
        DeValue::String(text) if text == "none" => Some(Vec::new()),
        DeValue::String(text) => Some(vec![(text.as_ref(), value.span())]),
        DeValue::Array(list) => {
            let (good, bad): (Vec<_>, Vec<_>) = list.iter().partition(|item| item.get_ref().is_str());
            faults.extend(bad.iter().map(|item| wrong(item.span())));
            Some(good.iter().filter_map(|item| Some((item.get_ref().as_str()?, item.span()))).collect())
        }
        _ => {
            faults.push(wrong(value.span()));
            None
        }
    }
}

fn nearest(name: &str) -> String {
    let by_likeness = Action::ALL.iter().map(|action| (strsim::normalized_damerau_levenshtein(name, action.name()), action));
    match by_likeness.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, action)) if likeness >= 0.5 => format!("; did you mean `{}`?", action.name()),
        _ => "; `pilothouse config init` writes a file with all of them".into(),
    }
}

/// Keys that mean two things, told about the later of the two that the user wrote.
pub(super) fn conflicts(bindings: &[Binding]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (i, a) in bindings.iter().enumerate() {
        for b in &bindings[i + 1..] {
            if let Some(what) = conflict(a, b)
                && let Some(span) = later(a, b)
            {
                faults.push(Fault { span, what });
            }
        }
    }
    faults
}

fn later(a: &Binding, b: &Binding) -> Option<Range<usize>> {
    [a, b].into_iter().filter_map(|binding| binding.from.clone()).max_by_key(|span| span.start)
}

fn conflict(a: &Binding, b: &Binding) -> Option<String> {
    let global = [a, b].into_iter().find(|binding| binding.layer == Layer::Global);
    let shadows = a.layer != b.layer && global.is_some() && !a.layer.is_text() && !b.layer.is_text();
    if a.layer != b.layer && !shadows {
        return None;
    }
    let (short, long) = if a.chord.keys().len() <= b.chord.keys().len() { (a, b) } else { (b, a) };
    if !long.chord.keys().starts_with(short.chord.keys()) {
        return None;
    }
    let (first, second) = (a.action.name(), b.action.name());
    Some(match global {
        _ if a.action == b.action && a.layer == b.layer && a.chord == b.chord => format!("`{}` is written twice for `{first}`; once is enough", a.chord),
        _ if a.chord != b.chord => {
            format!("`{}` ({}) can not begin the chord `{}` ({}); take another key for one", short.chord, short.action.name(), long.chord, long.action.name())
        }
        Some(global) if shadows => format!(
            "`{}` is `{}` everywhere, and a panel's key never hides a global one; rebind one of `{first}` and `{second}`, or set it to \"none\"",
            a.chord,
            global.action.name()
        ),
        _ => format!("`{}` would be both `{first}` and `{second}`; rebind one of them, or set it to \"none\"", a.chord),
    })
}
