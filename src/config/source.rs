//! One `[[source]]`: what every back end has, and the rest for the back end itself to read.

use super::{
    ConfigError, Credential,
    error::Text,
    literal,
    read::{self, Fault},
};
use crate::text::Name;
use serde::{Deserialize, de::DeserializeOwned};
use std::{fmt, path::PathBuf};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// One `[[source]]` of the configuration.
#[derive(Clone, Default)]
pub struct SourceConfig {
    kind: String,
    name: Option<Name>,
    credential: Option<Credential>,
    text: Text,
    index: usize,
}

/// The keys that every source may have. The rest is its own.
#[derive(Deserialize)]
struct Common {
    kind: String,
    name: Option<Spanned<String>>,
    #[serde(alias = "password_env")]
    token_env: Option<Spanned<String>>,
    #[serde(alias = "password_command")]
    token_command: Option<Spanned<Vec<String>>>,
    #[serde(alias = "password_file")]
    token_file: Option<Spanned<PathBuf>>,
}

const COMMON: &[&str] = &["kind", "name", "token_env", "token_command", "token_file", "password_env", "password_command", "password_file"];

impl SourceConfig {
    /// The source that `table` describes, as one `[[source]]` would; for a back end that is tried with settings of its own, and for tests.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn from_toml(table: &str) -> Result<Self, Vec<ConfigError>> {
        let text = Text::file("source".as_ref(), &format!("[[source]]\n{table}"));
        let (sources, faults) = all(&text);
        match sources.into_iter().next() {
            Some(source) if faults.is_empty() => Ok(source),
            _ => Err(faults.iter().map(|fault| text.error(&fault.span, &fault.what)).collect()),
        }
    }

    /// The kind of back end, the key of the registry.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it is called, where the configuration gives it a name.
    pub fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// Where its secret is, if it has one.
    pub fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    /// What this back end itself understands: `T` has its own keys and `deny_unknown_fields`. Kind, name and credential are read already.
    ///
    /// # Errors
    /// All that is wrong, each with its line and column.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Vec<ConfigError>> {
        match self.read_partly() {
            (Some(read), errors) if errors.is_empty() => Ok(read),
            (_, errors) => Err(errors),
        }
    }

    /// The same without what is wrong, where that can be, and what that is.
    pub fn read_partly<T: DeserializeOwned>(&self) -> (Option<T>, Vec<ConfigError>) {
        let mut faults = Vec::new();
        let read = self.with_table(|mut table| {
            let taken = rows(&mut table).map(|rows| {
                COMMON.iter().for_each(|key| _ = rows.remove(*key));
                literal::refuse(rows, &mut Vec::new())
            });
            read::read_partly::<T>(&table, &taken.unwrap_or_default(), &mut faults)
        });
        faults.sort_by_key(|fault| fault.span.start);
        (read.flatten(), faults.iter().map(|fault| self.text.error(&fault.span, &fault.what)).collect())
    }

    /// The error that `what` is wrong with `key`, or with the source as a whole where it has no such key.
    pub fn error(&self, key: &str, what: &str) -> ConfigError {
        let span = self.with_table(|table| match table.get_ref() {
            DeValue::Table(rows) => rows.get_key_value(key).map_or(table.span(), |(_, value)| value.span()),
            _ => table.span(),
        });
        self.text.error(&span.unwrap_or(0..0), what)
    }

    /// The same of one element of the list `key`.
    pub fn error_in(&self, key: &str, index: usize, what: &str) -> ConfigError {
        let span = self.with_table(|table| match table.get_ref() {
            DeValue::Table(rows) => rows.get(key).and_then(|list| list.get_ref().as_array()?.get(index)).map(Spanned::span),
            _ => None,
        });
        span.flatten().map_or_else(|| self.error(key, what), |span| self.text.error(&span, what))
    }

    fn with_table<R>(&self, f: impl FnOnce(Spanned<DeValue<'_>>) -> R) -> Option<R> {
        let root = read::parse(self.text.body()).ok()?;
        let list = root.get("source")?.get_ref().as_array()?;
        list.get(self.index).cloned().map(f)
    }
}

impl fmt::Debug for SourceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceConfig").field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

fn rows<'a, 'i>(value: &'a mut Spanned<DeValue<'i>>) -> Option<&'a mut DeTable<'i>> {
    match value.get_mut() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// Every `[[source]]` of a text, and what is wrong with the keys that all sources share.
pub(super) fn all(text: &Text) -> (Vec<SourceConfig>, Vec<Fault>) {
    let (mut sources, mut faults) = (Vec::new(), Vec::new());
    let root = match read::parse(text.body()) {
        Ok(root) => root,
        Err(faults) => return (sources, faults),
    };
    let Some(list) = root.get("source").and_then(|value| value.get_ref().as_array()) else {
        return (sources, faults);
    };
    for (index, item) in list.iter().enumerate() {
        sources.extend(one(text, index, item.clone(), &mut faults));
    }
    unique(&root, &sources, &mut faults);
    (sources, faults)
}

fn one(text: &Text, index: usize, mut item: Spanned<DeValue<'_>>, faults: &mut Vec<Fault>) -> Option<SourceConfig> {
    let taken = rows(&mut item).map(|rows| literal::refuse(rows, faults)).unwrap_or_default();
    // A source with a fault is told of as a whole: what its back end finds wrong in it too.
    let common: Common = read::read_partly(&item, &taken, faults)?;
    let credential = credential(common.token_env.as_ref(), common.token_command.as_ref(), common.token_file.as_ref(), faults);
    let name = common.name.map(|name| Name::new(name.get_ref()));
    Some(SourceConfig { kind: common.kind, name, credential, text: text.clone(), index })
}

/// The one way to a secret.
pub(super) fn credential(
    env: Option<&Spanned<String>>,
    command: Option<&Spanned<Vec<String>>>,
    file: Option<&Spanned<PathBuf>>,
    faults: &mut Vec<Fault>,
) -> Option<Credential> {
    let env = env.map(|env| (env.span(), Credential::env(env.get_ref())));
    let command = command.map(|argv| (argv.span(), Credential::command(argv.get_ref())));
    let file = file.map(|file| (file.span(), Credential::file(file.get_ref())));
    let mut given = [env, command, file].into_iter().flatten();
    let (span, first) = given.next()?;
    if let Some((span, _)) = given.next() {
        faults.push(Fault::new(span, "there are two ways to the secret here; keep one of env, command and file"));
    }
    first.map_err(|what| faults.push(Fault::new(span, what))).ok()
}

/// Two sources of one kind and name could not be told apart on the screen.
fn unique(root: &DeTable<'_>, sources: &[SourceConfig], faults: &mut Vec<Fault>) {
    let list = root.get("source").and_then(|value| value.get_ref().as_array());
    for (i, source) in sources.iter().enumerate() {
        let twin = sources[..i].iter().find(|other| source.name.is_some() && (&other.kind, &other.name) == (&source.kind, &source.name));
        let place = list.and_then(|list| list.get(source.index)?.get_ref().get("name"));
        if let (Some(_), Some(name)) = (twin, place) {
            faults.push(Fault::new(name.span(), format!("another {} source has this name; give each its own", source.kind)));
        }
    }
}
