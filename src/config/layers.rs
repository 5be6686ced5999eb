//! One layer over the other: defaults, file, variables, flags.

use super::{
    Config, ConfigError, DEFAULT, Paths,
    error::Text,
    files, literal,
    model::{EnvironmentTable, GatesOver, ImagesOver, JournalOver, ServiceTable, ThresholdsOver, UiOver},
    read::{self, Fault},
    source,
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, ops::Range, path::Path};
use toml::{
    Spanned, Value,
    de::{DeTable, DeValue},
};

/// What was said over the built-in defaults, the later the stronger.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    texts: Vec<Text>,
}

/// The tables that hold settings, which variables and flags can set.
const SETTINGS: &[&str] = &["thresholds", "gates", "images", "journal", "ui"];
const LISTS: &[&str] = &["source", "environment", "service"];

impl Layers {
    /// Nothing but the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The text of a file.
    #[must_use]
    pub fn file(mut self, name: &Path, body: &str) -> Self {
        self.texts.push(Text::file(name, body));
        self
    }

    /// The variables among `all` that set something: `PILOTHOUSE_UI_THEME` is `theme` under `[ui]`. Others of that beginning are not ours
    /// to refuse: Kubernetes itself makes some in the pods beside a Service of our name.
    #[must_use]
    pub fn variables(mut self, all: impl IntoIterator<Item = (String, String)>) -> Self {
        let all: BTreeMap<String, String> = all.into_iter().collect();
        for (name, value) in &all {
            let Some(rest) = name.strip_prefix("PILOTHOUSE_").map(str::to_ascii_lowercase) else {
                continue;
            };
            if let Some((table, key)) = rest.split_once('_').filter(|(table, _)| SETTINGS.contains(table)) {
                self.texts.push(setting(name, table, key, value));
            }
        }
        self
    }

    /// What a flag sets: `--theme light` is `flag("--theme", "ui", "theme", "light")`.
    #[must_use]
    pub fn flag(mut self, flag: &str, table: &str, key: &str, value: &str) -> Self {
        self.texts.push(setting(flag, table, key, value));
        self
    }

    /// The user's file under all that was said so far, if there is one.
    pub(super) fn with_file(mut self, paths: &Paths) -> (Self, Vec<ConfigError>) {
        match files::read_config(paths.config()) {
            Ok(Some(body)) => self.texts.insert(0, Text::file(paths.config(), &body)),
            Ok(None) if paths.is_named() => return (self, vec![ConfigError::of_file(paths.config(), "is not there; name another file, or none")]),
            Ok(None) => {}
            Err(error) => return (self, vec![error]),
        }
        (self, Vec::new())
    }

    /// The configuration that all layers make together.
    ///
    /// # Errors
    /// All that is wrong with any of them.
    pub fn read(&self) -> Result<Config, Vec<ConfigError>> {
        match self.read_partly() {
            (config, errors) if errors.is_empty() => Ok(config),
            (_, errors) => Err(errors),
        }
    }

    /// What can be read of all layers, and what is wrong with the rest.
    pub fn read_partly(&self) -> (Config, Vec<ConfigError>) {
        let (mut config, mut errors) = (Config::default(), Vec::new());
        for text in [Text::file(Path::new("default.toml"), DEFAULT)].iter().chain(&self.texts) {
            let mut faults = Vec::new();
            lay(&mut config, text, &mut faults);
            faults.sort_by_key(|fault| fault.span.start);
            errors.extend(faults.iter().map(|fault| text.error(&fault.span, &fault.what)));
        }
        (config, errors)
    }
}

/// A setting from outside of a file. What is not TOML by itself is a text: nobody quotes in a shell.
fn setting(origin: &str, table: &str, key: &str, value: &str) -> Text {
    let value = if DeValue::parse(value).is_ok() && !value.contains('\n') { value.to_owned() } else { Value::from(value).to_string() };
    Text::said(origin, &format!("[{table}]\n{key} = {value}\n"))
}

fn lay(config: &mut Config, text: &Text, faults: &mut Vec<Fault>) {
    let mut root = match read::parse(text.body()) {
        Ok(root) => root,
        Err(wrong) => return faults.extend(wrong),
    };
    if root.contains_key("source") {
        let (sources, wrong) = source::all(text);
        config.sources = sources;
        faults.extend(wrong);
        faults.extend(not_a_list("source", &root));
        root.remove("source");
    }
    let taken = literal::refuse(&mut root, faults);
    for (key, value) in &root {
        match key.get_ref().as_ref() {
            "environment" => config.environments = environments(value, &taken, faults),
            "service" => config.services = services(value, &taken, faults),
            "thresholds" => over::<ThresholdsOver>(value, faults, |over| config.thresholds.lay(over)),
            "gates" => over::<GatesOver>(value, faults, |over| config.gates.lay(over)),
            "images" => over::<ImagesOver>(value, faults, |over| config.images.lay(over)),
            "journal" => {
                if let Some(over) = read::read::<JournalOver>(value, faults) {
                    config.journal.lay(over, faults);
                }
            }
            "ui" => over::<UiOver>(value, faults, |over| config.ui.lay(over)),
            other => faults.push(Fault::new(key.span(), format!("there is no `{other}`{}", read::among(other, &[LISTS, SETTINGS].concat())))),
        }
        if LISTS.contains(&key.get_ref().as_ref()) {
            faults.extend(not_a_list(key.get_ref(), &root));
        }
    }
}

fn not_a_list(name: &str, root: &DeTable<'_>) -> Option<Fault> {
    let value = root.get(name).filter(|value| !value.get_ref().is_array())?;
    Some(Fault::new(value.span(), format!("there can be several of these; write [[{name}]] with two brackets")))
}

fn over<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>, faults: &mut Vec<Fault>, lay: impl FnOnce(T)) {
    if let Some(read) = read::read::<T>(value, faults) {
        lay(read);
    }
}

/// Each element read by itself.
fn each<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>, taken: &[String], faults: &mut Vec<Fault>) -> Vec<T> {
    let items = value.get_ref().as_array().map_or(&[][..], |items| &items[..]);
    items.iter().filter_map(|item| read::read_without(item, taken, faults)).collect()
}

fn environments(value: &Spanned<DeValue<'_>>, taken: &[String], faults: &mut Vec<Fault>) -> Vec<crate::domain::EnvironmentRule> {
    let tables: Vec<EnvironmentTable> = each(value, taken, faults);
    names("environment", tables.iter().map(|table| (table.name.get_ref().as_str(), table.name.span())), faults);
    tables.into_iter().map(|table| table.rule(faults)).collect()
}

fn services(value: &Spanned<DeValue<'_>>, taken: &[String], faults: &mut Vec<Fault>) -> Vec<super::Service> {
    let tables: Vec<ServiceTable> = each(value, taken, faults);
    names("service", tables.iter().map(|table| (table.name.get_ref().as_str(), table.name.span())), faults);
    tables.into_iter().map(|table| table.service(faults)).collect()
}

/// Each has a name, and its own.
fn names<'a>(what: &str, all: impl Iterator<Item = (&'a str, Range<usize>)>, faults: &mut Vec<Fault>) {
    let mut seen = BTreeMap::new();
    for (name, span) in all {
        if name.trim().is_empty() {
            faults.push(Fault::new(span, "this needs a name"));
        } else if seen.insert(name, ()).is_some() {
            faults.push(Fault::new(span, format!("there are two of this name; name each {what} once, and list its places in `match`")));
        }
    }
}
