//! What the user wrote: read from the embedded defaults, the user's file, `PILOTHOUSE_*` variables and flags, each over the one before.
//!
//! Every layer is read on its own text, every table and every list element by itself, so that all errors come at once, each as
//! `file:line:column: what, and what to do`. No file is needed. The user's file is read once; nothing is ever written over it.

mod database;
mod error;
mod files;
mod gates;
mod layers;
mod literal;
mod model;
mod paths;
mod read;
mod rules;
mod schema;
mod secret;
mod source;
mod values;

pub use database::{Database, Protection};
pub use error::ConfigError;
pub use gates::{GateName, Names, RepositoryGates, RepositoryName};
pub use layers::Layers;
pub use model::{Gates, Images, Journal, Service, Smoke, Thresholds, Ui};
pub use paths::Paths;
pub use schema::schema;
pub use secret::{Credential, DEADLINE};
pub use source::SourceConfig;
pub use values::{Address, Glyphs, JournalUrl, Notify, Period, Ratio, Times};

use crate::{
    domain::EnvironmentRule,
    keys::{self, Keymap},
    theme::{self, Depth, Theme},
};
use error::Text;
use std::path::{Path, PathBuf};

/// The built-in configuration as its commented file.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

/// The whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The back ends that were asked for; with none the console takes what it finds.
    pub sources: Vec<SourceConfig>,
    /// The environments that were declared, in order; see [`crate::domain::Environment::of`].
    pub environments: Vec<EnvironmentRule>,
    /// What is known of services.
    pub services: Vec<Service>,
    /// From which value on a measure is trouble.
    pub thresholds: Thresholds,
    /// What a run must show.
    pub gates: Gates,
    /// What is asked of images.
    pub images: Images,
    /// Where what was done is written down.
    pub journal: Journal,
    /// How it looks and rings.
    pub ui: Ui,
}

impl Config {
    /// The sources whose kind is none of `kinds`, the names in the registry.
    pub fn unknown_kinds(&self, kinds: &[&str]) -> Vec<ConfigError> {
        let unknown = self.sources.iter().filter(|source| !kinds.contains(&source.kind()));
        unknown.map(|source| source.error("kind", &format!("there is no kind of source `{}`{}", source.kind(), read::among(source.kind(), kinds)))).collect()
    }
}

/// Everything that is read at the start.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The keys.
    pub keymap: Keymap,
    /// The theme, in the colours of the terminal.
    pub theme: Theme,
}

/// Reads configuration, keymap and theme. `depth` is how many colours the terminal shows.
///
/// # Errors
/// All that is wrong with any of them.
pub fn load(paths: &Paths, layers: Layers, depth: Depth) -> Result<Loaded, Vec<ConfigError>> {
    match load_partly(paths, layers, depth) {
        (loaded, errors) if errors.is_empty() => Ok(loaded),
        (_, errors) => Err(errors),
    }
}

/// The same without what is wrong, and what that is; the built-in value stands for it. A rule that is left out may have locked something:
/// a console that starts like this changes nothing.
pub fn load_partly(paths: &Paths, layers: Layers, depth: Depth) -> (Loaded, Vec<ConfigError>) {
    let (layers, mut errors) = layers.with_file(paths);
    let (config, wrong) = layers.read_partly();
    errors.extend(wrong);
    let theme = theme(&config.ui.theme, &paths.themes(), depth).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        Theme::default().at(depth)
    });
    let keymap = keymap(&paths.keys()).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        Keymap::default()
    });
    (Loaded { config, keymap, theme }, errors)
}

/// The built-in keymap with the user's file over it, if there is one.
///
/// # Errors
/// All that is wrong with the file.
pub fn keymap(file: &Path) -> Result<Keymap, Vec<ConfigError>> {
    let Some(body) = files::read_plain(file).map_err(|e| vec![e])? else {
        return Ok(Keymap::default());
    };
    let text = Text::file(file, &body);
    Keymap::with(text.body()).map_err(|faults| faults.iter().map(|fault| text.error(&fault.span, &fault.what)).collect())
}

/// The theme called `name` (`auto`: what fits the terminal) from the directory of the user's themes or from the built-in ones.
///
/// # Errors
/// All that is wrong with it or with a theme that it inherits.
pub fn theme(name: &str, dir: &Path, depth: Depth) -> Result<Theme, Vec<ConfigError>> {
    let name = if name == "auto" { depth.theme() } else { name };
    // The name becomes part of a path: it must stay in the directory.
    let path = |name: &str| (!name.contains(['/', '\\', '\0']) && !name.starts_with('.')).then(|| dir.join(format!("{name}.toml")));
    let text = |name: &str| files::read_plain(&path(name)?).ok().flatten().map(|body| Text::file(&path(name).unwrap_or_default(), &body));
    let read = Theme::read(name, &|name| text(name).map(|text| text.body().to_owned()));
    read.map(|theme| theme.at(depth)).map_err(|faults| {
        let unreadable = path(name).and_then(|path| files::read_plain(&path).err());
        let told = faults.iter().map(|fault| told(fault, &text, path(&fault.theme)));
        unreadable.into_iter().chain(told).collect()
    })
}

fn told(fault: &theme::Fault, text: &dyn Fn(&str) -> Option<Text>, path: Option<PathBuf>) -> ConfigError {
    match (text(&fault.theme), path) {
        (Some(text), _) => text.error(&fault.span, &fault.what),
        (None, _) => ConfigError::of_file(Path::new(&format!("theme {}", fault.theme)), &fault.what),
    }
}

/// Writes the commented configuration and keymap to the user's place, each only where none is; they change nothing until a line is
/// uncommented. What was written, or why not.
pub fn init(paths: &Paths) -> [Result<PathBuf, ConfigError>; 2] {
    let write = |path: PathBuf, text| files::write_new(&path, &template(text)).map(|()| path);
    [write(paths.config().to_path_buf(), DEFAULT), write(paths.keys(), keys::DEFAULT)]
}

/// A commented text with its settings commented out, so that built-in values can change under it.
fn template(text: &str) -> String {
    let setting = |line: &str| !(line.is_empty() || line.starts_with(['#', '[']));
    text.lines().map(|line| if setting(line) { format!("# {line}\n") } else { format!("{line}\n") }).collect()
}

#[cfg(test)]
mod tests;
