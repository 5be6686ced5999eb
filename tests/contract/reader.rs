//! A source as a console makes it.

use pilothouse::{
    config::{Config, SourceConfig},
    sources::{KINDS, Made, Source, Wish},
};
use std::sync::Arc;

/// The source of a table, whatever its kind, in a console that was started with `--read-only`.
pub fn reader(table: &str, config: &Config) -> Arc<dyn Source> {
    made(table, config, true)
}

/// The same in one that may change what it shows.
pub fn writer(table: &str, config: &Config) -> Arc<dyn Source> {
    made(table, config, false)
}

fn made(table: &str, config: &Config, read_only: bool) -> Arc<dyn Source> {
    let table = SourceConfig::from_toml(table).expect("a table");
    let (_, connect) = KINDS.iter().find(|(kind, _)| *kind == table.kind()).expect("it is registered");
    match connect(&Wish { table: Some(&table), config, read_only, contexts: &[], namespace: None }).remove(0) {
        Made::Source(source) | Made::Aside(source) => source,
        Made::Listed(id, _) | Made::Broken(id, _) | Made::Sought(id) | Made::Absent(id, _) => panic!("{id} is of no use"),
    }
}
