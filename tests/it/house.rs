//! The walls of the house: what each room may use, and the names that must not occur in its sources.

use pilothouse::sources::{CHECKS, KINDS};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A room, the rooms of ours (or parts of them) that it may use, and the foreign names that it must not.
struct Room(&'static str, &'static [&'static str], &'static [&'static str]);

const PURE: &[&str] =
    &["tokio", "kube", "bollard", "reqwest", "hyper", "crossterm", "rustix", "*::now", "std::env", "std::fs", "std::net", "std::process", "std::thread"];
const NO_CLOCK_NO_SCREEN: &[&str] = &["ratatui", "crossterm", "tokio", "kube", "reqwest", "bollard", "*::now", "std::env", "std::fs"];
const DECIDING: &[&str] = &["app", "panels", "view", "domain", "gate", "store", "logs", "rollback", "keys", "widgets", "theme", "text"];

const HOUSE: &[Room] = &[
    Room("text", &[], &["tokio", "crossterm", "*::now", "std::fs", "std::env"]),
    Room("keys", &[], NO_CLOCK_NO_SCREEN),
    Room("domain", &["text"], NO_CLOCK_NO_SCREEN),
    Room("gate", &["domain", "text"], NO_CLOCK_NO_SCREEN),
    Room("sources", &["domain", "gate", "text", "config", "logs::line", "logs::Resume"], &["ratatui", "crossterm"]),
    Room("store", &["domain", "text"], NO_CLOCK_NO_SCREEN),
    Room("logs", &["domain", "text"], NO_CLOCK_NO_SCREEN),
    Room("rollback", &["domain", "store", "text"], NO_CLOCK_NO_SCREEN),
    // A team's journal is a server; nobody's loop waits for it.
    Room("journal", &["domain", "gate", "text", "config::Database", "config::Protection"], &["ratatui", "crossterm"]),
    Room("theme", &[], PURE),
    Room("widgets", &["text", "theme"], PURE),
    Room("app", DECIDING, PURE),
    Room("panels", DECIDING, PURE),
    Room("view", DECIDING, PURE),
    Room("runtime", &["app", "gate", "sources", "journal", "config", "domain", "rollback", "text", "terminal"], &["ratatui", "crossterm"]),
    Room("terminal", &["text", "keys", "widgets"], &["kube", "bollard", "reqwest"]),
    Room("config", &["text", "domain", "keys", "theme", "store", "gate"], &["ratatui", "crossterm", "tokio", "kube", "bollard", "reqwest"]),
];

/// Longer than this a file becomes a folder, unless it is named here with its reason.
const LONGEST: usize = 400;
const LONGER: &[(&str, &str)] = &[];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The modules of a folder that are compiled for tests alone, as its files say.
fn only_for_tests(folder: &Path) -> Vec<String> {
    let text = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    let beside = folder.with_extension("rs");
    let says: String = [folder.join("mod.rs"), folder.join("lib.rs"), beside].into_iter().map(text).collect();
    let behind = says.split("#[cfg(test)]").skip(1).filter_map(|after| after.split_once(';'));
    behind.filter_map(|(item, _)| item.trim().split_once("mod ").map(|(_, name)| name.to_owned())).collect()
}

/// The files of a room, or of the whole house, that are no tests.
fn files(under: &Path) -> Vec<PathBuf> {
    let tests = only_for_tests(under);
    let test =
        |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with("_tests") || tests.iter().any(|name| name == stem));
    let mut found = Vec::new();
    for entry in fs::read_dir(under).into_iter().flatten().flatten() {
        let path = entry.path();
        if test(&path) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn room(name: &str) -> Vec<PathBuf> {
    let src = here().join("src");
    let mut found = files(&src.join(name));
    found.extend(Some(src.join(format!("{name}.rs"))).filter(|file| file.exists()));
    found
}

/// The source with comments, texts and test modules blanked out; its lines stay where they are.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source of ours");
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut last = ' ';
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('/', Some('/')) => {
                while chars.peek().is_some_and(|next| *next != '\n') {
                    chars.next();
                }
            }
            ('"', _) => {
                while let Some(inside) = chars.next()
                    && inside != '"'
                {
                    if inside == '\\' {
                        chars.next();
                    }
                    if inside == '\n' {
                        out.push('\n');
                    }
                }
            }
            // A character is no text: '"' and '\''.
            ('\'', Some('"' | '\\' | '{' | '}')) => {
                while chars.next().is_some_and(|inside| inside != '\'' || last == '\\') {
                    last = ' ';
                }
            }
            _ => out.push(c),
        }
        last = c;
    }
    without_tests(&out)
}

/// What stands behind `#[cfg(test)]` goes, up to its semicolon or its closing brace.
fn without_tests(code: &str) -> String {
    let Some((before, after)) = code.split_once("#[cfg(test)]") else { return code.to_owned() };
    let (mut depth, mut end) = (0_usize, after.len());
    for (at, c) in after.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(c, ';' | '}') {
            end = at + 1;
            break;
        }
    }
    let gone: String = after[..end].chars().filter(|c| *c == '\n').collect();
    format!("{before}{gone}{}", without_tests(&after[end..]))
}

/// Every path of a source, with its line: `use a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<(usize, String)> {
    let (mut found, mut stack, mut path, mut line) = (Vec::new(), Vec::<Option<String>>::new(), String::new(), 1);
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        line += usize::from(c == '\n');
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => path.push(c),
            ':' if chars.peek() == Some(&':') => {
                chars.next();
                path.push_str("::");
            }
            '{' if path.ends_with("::") => stack.push(Some(std::mem::take(&mut path))),
            '{' => {
                stack.push(None);
                path.clear();
            }
            _ => {
                let prefix: String = stack.iter().rev().map_while(Option::as_deref).collect::<Vec<_>>().into_iter().rev().collect();
                if !path.is_empty() {
                    found.push((line, format!("{prefix}{path}")));
                }
                path.clear();
                if c == '}' {
                    stack.pop();
                }
            }
        }
    }
    found
}

/// Whether `path` says `name`: `tokio` is its root, `*::now` its end, `std::fs` its beginning.
fn says(path: &str, name: &str) -> bool {
    match name.strip_prefix('*') {
        Some(end) => path.ends_with(end),
        None => path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::")) || (name.contains("::") && path == name),
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(here().join("src")).unwrap_or(path).display().to_string()
}

#[test]
fn no_room_names_what_it_must_not() {
    let mut broken = Vec::new();
    for Room(name, may, must_not) in HOUSE {
        for file in room(name) {
            for (line, path) in paths(&code(&file)) {
                let ours = path.strip_prefix("crate::").and_then(|rest| rest.split("::").next());
                let ours = ours.filter(|other| HOUSE.iter().any(|Room(room, ..)| room == other) || ["cli", "console"].contains(other));
                let allowed = |room: &&str| path.strip_prefix("crate::").is_some_and(|rest| *rest == **room || rest.starts_with(&format!("{room}::")));
                let stranger = ours.is_some_and(|other| other != *name) && !may.iter().any(allowed);
                if stranger || must_not.iter().any(|forbidden| says(&path, forbidden)) {
                    broken.push(format!("src/{}:{line}: {name} names {path}", shown(&file)));
                }
            }
        }
    }
    assert!(broken.is_empty(), "a wall is broken:\n{}", broken.join("\n"));
}

#[test]
fn a_wall_that_is_broken_is_seen() {
    let said = |code: &str| paths(code).into_iter().map(|(line, path)| format!("{line} {path}")).collect::<Vec<_>>().join(", ");
    assert_eq!(
        said("use crate::{\n app::{App, x::Y}, domain,\n};\nInstant::now();"),
        "1 use, 2 crate::app::App, 2 crate::app::x::Y, 2 crate::domain, 4 Instant::now"
    );
    assert!(says("tokio::time::sleep", "tokio") && says("std::fs", "std::fs") && says("Instant::now", "*::now"));
    assert!(!says("tokios::x", "tokio") && !says("std::fmt", "std::fs"));
}

#[test]
fn every_room_of_the_house_has_its_walls() {
    let lib = fs::read_to_string(here().join("src/lib.rs")).expect("the library");
    let rooms = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let open: Vec<&str> = rooms.filter(|room| !["cli", "console"].contains(room) && !HOUSE.iter().any(|Room(name, ..)| name == room)).collect();
    assert!(open.is_empty(), "no wall is written for {open:?}");
}

#[test]
fn only_the_journal_writes_intents_and_only_the_gate_mints_warrants() {
    for file in files(&here().join("src")) {
        let (name, code) = (shown(&file), code(&file));
        assert!(!code.contains("Ledger for") || name.starts_with("journal/"), "src/{name} writes intents down");
        assert!(!code.contains("Warrant {") || name.starts_with("gate/"), "src/{name} makes a warrant by hand");
        assert!(!code.contains("Warrant::mint") || name.starts_with("runtime/"), "src/{name} mints a warrant");
    }
}

#[test]
fn no_file_is_longer_than_a_person_can_hold() {
    let long = files(&here().join("src")).into_iter().filter_map(|file| {
        let lines = code(&file).lines().count();
        let name = shown(&file);
        (lines > LONGEST && !LONGER.iter().any(|(known, _)| *known == name)).then(|| format!("src/{name}: {lines} lines"))
    });
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "split these into folders of the same name:\n{}", long.join("\n"));
}

#[test]
fn nothing_is_unsafe_unfinished_or_left_to_debug() {
    let lib = fs::read_to_string(here().join("src/lib.rs")).expect("the library");
    assert!(lib.contains("#![forbid(unsafe_code)]"));
    for file in files(&here().join("src")) {
        let code = code(&file);
        for word in ["todo!(", "unimplemented!(", "dbg!(", ".unwrap()"] {
            assert!(!code.contains(word), "src/{} says {word}", shown(&file));
        }
    }
}

#[test]
fn every_kind_of_source_is_in_the_commented_configuration() {
    let text = fs::read_to_string(here().join("config/default.toml")).expect("the defaults");
    let undocumented: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).filter(|kind| !text.contains(&format!("kind = \"{kind}\""))).collect();
    assert!(undocumented.is_empty(), "config/default.toml says nothing of {undocumented:?}");
}

#[test]
fn every_kind_of_source_has_its_table_looked_at_before_it_is_made() {
    let names = |kinds: Vec<&'static str>| kinds.into_iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(KINDS.iter().map(|(kind, _)| *kind).collect()), names(CHECKS.iter().map(|(kind, _)| *kind).collect()));
}
