//! Secrets that were written where only their names belong: found, refused and never shown.

use super::read::Fault;
use std::borrow::Cow;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Last words of a key whose value is a secret.
const LAST_WORDS: &[&str] = &["token", "password", "passwd", "passphrase", "secret", "apikey", "authorization", "bearer", "pat"];
/// Ends of such keys that are two words.
const ENDS: &[&str] = &["api_key", "access_key", "secret_key", "private_key", "auth_key"];
/// How well-known secrets begin.
const SHAPES: &[&str] =
    &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "AKIA", "xoxb-", "xoxp-", "hvs.", "eyJhbGciOi", "-----BEGIN", "dop_v1_"];

/// What stands for a secret in an excerpt.
const MASK: &str = "…";

fn names_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    let last = key.rsplit('_').next().unwrap_or_default();
    LAST_WORDS.contains(&last) || ENDS.iter().any(|end| key == *end || key.ends_with(&format!("_{end}")))
}

fn looks_secret(value: &str) -> bool {
    SHAPES.iter().any(|shape| value.contains(shape))
}

/// The password in `scheme://user:password@host`, with the bytes it has in the text.
fn url_password(text: &str) -> Option<std::ops::Range<usize>> {
    let begin = text.find("://")? + 3;
    let authority = text[begin..].split(['/', '?', '#', '"', '\'', ' ']).next().unwrap_or_default();
    let (user_info, _) = authority.rsplit_once('@')?;
    let colon = user_info.find(':')?;
    (colon + 1 < user_info.len()).then_some(begin + colon + 1..begin + user_info.len())
}

/// Takes the secrets out of a table, at every depth, with a fault for each; the names of what was taken, which is not missing then.
pub(super) fn refuse(table: &mut DeTable<'_>, faults: &mut Vec<Fault>) -> Vec<String> {
    let found: Vec<(String, Fault)> = table.iter().filter_map(|(key, value)| Some((key.get_ref().to_string(), literal(key, value)?))).collect();
    let mut taken = Vec::new();
    for (name, fault) in found {
        table.remove(name.as_str());
        faults.push(fault);
        taken.push(name);
    }
    taken.extend(table.iter_mut().flat_map(|(_, value)| refuse_in(value, faults)));
    taken
}

fn refuse_in(value: &mut Spanned<DeValue<'_>>, faults: &mut Vec<Fault>) -> Vec<String> {
    match value.get_mut() {
        DeValue::Table(table) => refuse(table, faults),
        DeValue::Array(items) => items.iter_mut().flat_map(|item| refuse_in(item, faults)).collect(),
        _ => Vec::new(),
    }
}

/// What is refused in one entry.
fn literal(key: &Spanned<Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Option<Fault> {
    let name = key.get_ref();
    let is_value = !matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_) | DeValue::Boolean(_));
    if is_value && names_secret(name) {
        let what = format!(
            "a secret is never written here; say where it is instead: \
             {name}_env = \"VARIABLE\", {name}_file = \"/path\" or {name}_command = [\"program\", \"argument\"]"
        );
        return Some(Fault { span: key.span(), what });
    }
    let mut texts = texts(value.get_ref());
    if texts.clone().any(looks_secret) {
        let what =
            format!("`{name}` holds what looks like a secret itself; keep it out of this file and name where it is: token_env, token_file or token_command");
        return Some(Fault { span: key.span(), what });
    }
    texts.any(|text| url_password(text).is_some()).then(|| Fault {
        span: key.span(),
        what: format!(
            "`{name}` has a password in its URL; take it out and name where it is: token_env, token_file, token_command, or PGPASSFILE for a database"
        ),
    })
}

fn texts<'a>(value: &'a DeValue<'_>) -> std::vec::IntoIter<&'a str> {
    let texts: Vec<&str> = match value {
        DeValue::String(text) => vec![text],
        DeValue::Array(items) => items.iter().filter_map(|item| item.get_ref().as_str()).collect(),
        _ => Vec::new(),
    };
    texts.into_iter()
}

/// A line without what might be a secret in it: the value of a key that names one, a password in a URL, a known shape.
pub(super) fn masked(line: &str) -> Cow<'_, str> {
    if let Some(cut) = secret_value(line) {
        return Cow::Owned(format!("{} {MASK}", &line[..cut]));
    }
    if let Some(at) = SHAPES.iter().filter_map(|shape| line.find(shape)).min() {
        return Cow::Owned(format!("{}{MASK}", &line[..at]));
    }
    match url_password(line) {
        Some(password) => Cow::Owned(format!("{}{MASK}{}", &line[..password.start], &line[password.end..])),
        None => Cow::Borrowed(line),
    }
}

/// Where the value of the first key that names a secret begins.
fn secret_value(line: &str) -> Option<usize> {
    line.match_indices('=').map(|(at, _)| at).find_map(|at| {
        let key = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let begin = key.rfind(|c: char| !(c.is_alphanumeric() || "_-".contains(c))).map_or(0, |i| i + key[i..].chars().next().map_or(1, char::len_utf8));
        names_secret(&key[begin..]).then_some(at + 1)
    })
}

/// Whether a line shows that it is configuration; one that does not may be the middle of a text that holds a secret.
pub(super) fn looks_like_config(line: &str) -> bool {
    let line = line.trim_start();
    line.contains('=') || line.starts_with(['[', ']', '{', '}', '#', ','])
}
