//! Reading one piece of TOML as a type, with all that is wrong with it and not only the first.

use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

/// What is wrong at some bytes of a text, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub span: Range<usize>,
    pub what: String,
}

impl Fault {
    pub fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Self { span, what: what.into() }
    }
}

/// More faults than this in one piece are told when the first ones are mended.
const MOST: usize = 32;

/// `value` as a `T`. After a fault the entry that has it is left out and the rest is read on, so that every fault is told.
pub(super) fn read<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>, faults: &mut Vec<Fault>) -> Option<T> {
    read_without(value, &[], faults)
}

/// The same for a value out of which some entries were `taken`: those are not missing.
pub(super) fn read_without<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>, taken: &[String], faults: &mut Vec<Fault>) -> Option<T> {
    let before = faults.len();
    read_partly(value, taken, faults).filter(|_| faults.len() == before)
}

/// The same without what is wrong, where that can be.
pub(super) fn read_partly<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>, taken: &[String], faults: &mut Vec<Fault>) -> Option<T> {
    let (mut value, mut left_out) = (value.clone(), taken.to_vec());
    for _ in 0..MOST {
        let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_else(|| value.span());
        // A field that was left out because it is wrong is not missing.
        let known = missing(error.message()).is_some_and(|name| left_out.iter().any(|n| n == name));
        if !known {
            faults.push(Fault::new(span.clone(), phrase(error.message())));
        }
        match leave_out(&mut value, &span) {
            Some(name) => left_out.push(name),
            None => return None,
        }
    }
    None
}

/// Takes the innermost entry that `span` is about out of `value`, and names it.
fn leave_out(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<String> {
    match value.get_mut() {
        DeValue::Table(table) => {
            if let Some(name) = table.iter_mut().find_map(|(_, value)| leave_out(value, span)) {
                return Some(name);
            }
            let name = table.iter().find(|(key, value)| about(&key.span(), span) || about(&value.span(), span)).map(|(key, _)| key.get_ref().to_string())?;
            table.remove(name.as_str());
            Some(name)
        }
        DeValue::Array(items) => {
            if let Some(name) = items.iter_mut().find_map(|item| leave_out(item, span)) {
                return Some(name);
            }
            let at = items.iter().position(|item| about(&item.span(), span))?;
            *items = items.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, item)| item.clone()).collect();
            Some(String::new())
        }
        _ => None,
    }
}

fn about(whole: &Range<usize>, part: &Range<usize>) -> bool {
    whole.start <= part.start && part.end <= whole.end
}

/// What the parser says of a text that is not TOML.
fn syntax(errors: &[toml::de::Error]) -> Vec<Fault> {
    let phrase = |message: &str| match message {
        "duplicate key" => "this key is here twice; keep one".to_owned(),
        other => format!("this is not TOML: {other}"),
    };
    errors.iter().take(MOST).map(|e| Fault::new(e.span().unwrap_or(0..0), phrase(e.message()))).collect()
}

/// A text as a table, or what is wrong with its syntax.
pub(super) fn parse(text: &str) -> Result<DeTable<'_>, Vec<Fault>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() { Ok(root.into_inner()) } else { Err(syntax(&errors)) }
}

fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

/// The words of the deserializer in ours. Values are left out: one of them might be a secret in the wrong place.
fn phrase(message: &str) -> String {
    let quoted = || message.split('`').skip(1).step_by(2);
    let first = quoted().next().unwrap_or_default();
    let known: Vec<&str> = quoted().skip(1).collect();
    if message.starts_with("unknown field ") {
        return format!("`{first}` is not known here{}", among(first, &known));
    }
    if message.starts_with("unknown variant ") {
        return format!("`{first}` is not possible here{}", among(first, &known));
    }
    if let Some(name) = missing(message) {
        return format!("`{name}` is missing; add it");
    }
    match message.split_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid type: ") => {
            let found = found.trim_start_matches("invalid type: ").split([' ', '`']).next().unwrap_or_default();
            format!("this is {}, and {} is expected", kind(found), kind(expected))
        }
        Some((found, expected)) if found.starts_with("invalid value: ") => format!("this value does not fit; {} is expected", kind(expected)),
        _ => message.to_owned(),
    }
}

/// `; did you mean …?` and all there is.
pub(super) fn among(name: &str, known: &[&str]) -> String {
    let best = known.iter().map(|n| (strsim::normalized_damerau_levenshtein(name, n), n)).max_by(|a, b| a.0.total_cmp(&b.0));
    let meant = best.filter(|(likeness, _)| *likeness >= 0.5).map(|(_, n)| format!("; did you mean `{n}`?")).unwrap_or_default();
    if known.is_empty() { meant } else { format!("{meant}; known are {}", known.join(", ")) }
}

/// The deserializer's word for a kind of value in the words of TOML.
fn kind(word: &str) -> &str {
    match word {
        "a sequence" | "sequence" => "a list",
        "a map" | "map" => "a table",
        "string" | "a string" => "a text",
        "integer" => "a whole number",
        "floating" | "f64" => "a number",
        "boolean" | "a boolean" => "true or false",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, zero or more",
        "i32" | "i64" => "a whole number",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}
