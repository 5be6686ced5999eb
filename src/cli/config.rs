//! The configuration: where it is, whether it is right.

use super::{
    Failed,
    args::{ConfigFace, Global},
    exit::Exit,
    out::say,
    start::{depth, load, wrong},
};
use crate::{
    config::{self, Paths},
    sources::{self, Wish},
};

/// Runs what was asked about the configuration.
pub fn run(global: &Global, what: &ConfigFace) -> Result<Exit, Failed> {
    let paths = || Paths::find(global.config.clone(), &|name| std::env::var_os(name)).map_err(|error| wrong(&[error]));
    match what {
        ConfigFace::Path => {
            for (name, path) in paths()?.all() {
                let there = if path.exists() { "" } else { "  (not there)" };
                say!("{name:<14} {}{there}", path.display());
            }
            Ok(Exit::Yes)
        }
        ConfigFace::Init => {
            let mut errors = Vec::new();
            for one in config::init(&paths()?) {
                match one {
                    Ok(path) => say!("written: {}", path.display()),
                    Err(error) => errors.push(error),
                }
            }
            if errors.is_empty() { Ok(Exit::Yes) } else { Err(wrong(&errors)) }
        }
        ConfigFace::Check => check(global),
        ConfigFace::Schema => {
            say!("{:#}", config::schema());
            Ok(Exit::Yes)
        }
    }
}

/// What a back end says of its table, with the place where it does not say one itself.
fn placed(table: &config::SourceConfig, words: &str) -> String {
    let error = table.error("url", words);
    let file = error.place().to_string();
    let file = file.split(':').next().unwrap_or_default();
    if words.contains(file) { words.to_owned() } else { error.to_string() }
}

/// Reads everything, the back ends' own tables too; nothing is dialled.
fn check(global: &Global) -> Result<Exit, Failed> {
    let (paths, loaded) = load(global, depth())?;
    let mut broken = Vec::new();
    for table in &loaded.config.sources {
        let wish = Wish { table: Some(table), config: &loaded.config, read_only: true, contexts: &[], namespace: None };
        let connect = sources::KINDS.iter().find(|(kind, _)| *kind == table.kind()).map(|(_, connect)| connect);
        broken.extend(connect.map(|connect| connect(&wish)).unwrap_or_default().into_iter().filter_map(|made| match made {
            sources::Made::Broken(_, why) => Some(placed(table, &why.words)),
            sources::Made::Source(_) | sources::Made::Aside(_) | sources::Made::Listed(..) | sources::Made::Sought(_) | sources::Made::Absent(..) => None,
        }));
    }
    if !broken.is_empty() {
        return Err(Failed::new(Exit::Config, broken.join("\n")));
    }
    let sources = loaded.config.sources.len();
    say!(
        "{}: right ({sources} sources, {} environments, {} services)",
        paths.config().display(),
        loaded.config.environments.len(),
        loaded.config.services.len()
    );
    Ok(Exit::Yes)
}
