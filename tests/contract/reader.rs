//! A source as a console makes it that was started with `--read-only`.

use pilothouse::{
    config::{Config, SourceConfig},
    sources::{KINDS, Made, Source, Wish},
};
use std::sync::Arc;

/// The source of a table, whatever its kind.
pub fn reader(table: &str, config: &Config) -> Arc<dyn Source> {
    let table = SourceConfig::from_toml(table).expect("a table");
    let (_, connect) = KINDS.iter().find(|(kind, _)| *kind == table.kind()).expect("it is registered");
    match connect(&Wish { table: Some(&table), config, read_only: true, contexts: &[], namespace: None }).remove(0) {
        Made::Source(source) | Made::Aside(source) => source,
        Made::Listed(id, _) | Made::Broken(id, _) | Made::Sought(id) | Made::Absent(id, _) => panic!("{id} is of no use"),
    }
}
