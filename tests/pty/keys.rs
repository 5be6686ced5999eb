//! Keys in a real terminal: what they open, and what they never do.

use crate::term::{GONE, Term, pilothouse};
use pilothouse::journal::verify;
use rustix::process::Signal;
use std::path::PathBuf;

fn demo(args: &[&str]) -> Term {
    let term = pilothouse(args).start();
    term.shows("stuck 2/6");
    term
}

/// As far as a plan whose checks are made.
fn planned(args: &[&str]) -> Term {
    let mut term = demo(args);
    term.types("R").shows("dry run");
    term.until("every check", |screen| !screen.contents().contains("still being made"));
    term
}

/// The journal of the simulated world.
fn journal(term: &Term) -> PathBuf {
    let tmp = term.home().join("tmp");
    let found = std::fs::read_dir(tmp).expect("a folder").flatten().map(|entry| entry.path()).find(|path| path.display().to_string().contains("pilothouse-demo"));
    found.expect("the demo has a journal")
}

#[test]
fn keys_open_and_close_screens() {
    let mut term = demo(&["demo"]);
    for (keys, words) in [("x", "unknown currency"), ("z", "r41"), ("y", "kind: Deployment"), ("T", "2.7.3 → 2.8.0")] {
        term.types(keys).shows(words);
        term.types("\x1b").shows("1 Environments");
    }
    term.types("3+").shows("unknown currency");
    term.types("\x1b").shows("2 Pipelines");
    term.types("/pay\r").hides("catalog");
    term.types("0").shows("catalog");
    term.types("q");
    assert_eq!(term.leaves_within(GONE), 0);
}

#[test]
fn what_is_typed_right_after_the_key_never_confirms() {
    let mut term = demo(&["--write", "demo"]);
    term.types("R");
    std::thread::sleep(std::time::Duration::from_millis(1));
    term.types("\rcart\r\r\r");
    term.shows("Roll back").shows("dry run");
    term.types("\x1b\x1b\x1b").shows("2 Pipelines");
    term.types("B").hides("under way");
    assert!(!term.contents().contains("cart in production: 2.8"), "{}", term.contents());
    assert_eq!(intents(&term), 0, "an intent was written");
}

#[test]
fn what_is_typed_before_the_confirm_line_was_painted_never_confirms() {
    let mut term = planned(&["--write", "demo"]);
    // One write: the terminal has them all before a frame can show the line.
    term.types("\rcart\r\r\r\r");
    term.shows("do it");
    assert_eq!(intents(&term), 0, "an intent was written");
    term.types("cart\r").types("\r");
    term.shows("sent");
    assert_eq!(intents(&term), 1);
}

#[test]
fn pasted_text_never_confirms() {
    let mut term = planned(&["--write", "demo"]);
    term.types("\x1b[200~\rcart\r\r\x1b[201~");
    term.types("\r").shows("do it");
    term.types("\x1b[200~cart\r\r\x1b[201~").types("\r").shows("type the service's name");
    assert_eq!(intents(&term), 0, "an intent was written");
}

#[test]
fn read_only_refuses_in_words() {
    let mut term = demo(&["--read-only", "demo"]);
    term.types("R").shows("read-only");
    term.types("\x0f\r\rcart\r\r");
    term.types("\x1b\x1b\x1b").shows("2 Pipelines");
    assert_eq!(intents(&term), 0, "an intent was written");
    term.types("q");
    assert_eq!(term.leaves_within(GONE), 0);
}

#[test]
fn the_journal_is_whole_after_the_program_was_killed_in_the_middle() {
    let mut term = planned(&["--write", "demo"]);
    term.types("\r").shows("do it");
    term.types("cart\r").types("\r").shows("sent");
    let journal = journal(&term);
    term.signal(Signal::KILL);
    term.leaves_within(GONE);
    let summary = verify(&journal).expect("the journal is whole");
    assert!(summary.entries >= 1 && summary.torn.is_empty(), "{summary:?}");
    assert_eq!(count(&journal, "\"intent\""), 1);
}

#[test]
fn leaving_while_something_is_under_way_asks_first() {
    let mut term = planned(&["--write", "demo"]);
    term.types("\r").shows("do it");
    term.types("cart\r").types("\r").shows("sent");
    term.types("\x03").shows("under way");
    term.types("\x1b").shows("sent");
    term.types("\x03").shows("leaves all the same");
    term.types("\r");
    assert_eq!(term.leaves_within(GONE), 0);
    term.is_given_back();
}

fn intents(term: &Term) -> usize {
    count(&journal(term), "\"intent\"")
}

/// How many lines of the journal hold `words`.
fn count(journal: &std::path::Path, words: &str) -> usize {
    let files = std::fs::read_dir(journal).expect("a folder").flatten().map(|entry| entry.path());
    files.filter_map(|file| std::fs::read_to_string(file).ok()).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).filter(|line| line.contains(words)).count()
}
