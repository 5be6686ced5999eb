//! Keys in a real terminal: what they open, and what they never do.

use crate::term::{GONE, Term, pilothouse};
use pilothouse::journal::verify;
use rustix::process::Signal;
use std::path::PathBuf;

fn demo(args: &[&str]) -> Term {
    let term = pilothouse(args).start();
    // The cursor has landed where it burns worst; with other sources it may stand elsewhere for a moment.
    term.shows("R roll back cart in production");
    term
}

/// As far as a plan whose checks are made.
fn planned(args: &[&str]) -> Term {
    let mut term = demo(args);
    term.types("R").shows("opens the confirm line");
    term
}

/// The journal of the simulated world.
fn journal(term: &Term) -> PathBuf {
    let mut folders = std::fs::read_dir(term.home().join("tmp")).expect("a folder").flatten().map(|entry| entry.path());
    folders.find(|path| path.display().to_string().contains("pilothouse-demo")).expect("the demo has a journal")
}

#[test]
fn keys_open_and_close_screens() {
    let mut term = demo(&["demo"]);
    for (keys, title) in [("x", "Why is cart"), ("z", "Revisions of cart"), ("y", "kind: Deployment"), ("T", "─ Changes ─")] {
        term.types(keys).shows(title);
        term.types("\x1b").hides(title).shows("2 Pipelines");
    }
    term.types("3+").hides("2 Pipelines").shows("unknown currency");
    term.types("\x1b").shows("2 Pipelines");
    term.types("1/pay\r").hides("accounts");
    term.types("0").shows("accounts");
    term.quits();
    assert_eq!(term.leaves_within(GONE), 0);
}

#[test]
fn what_is_typed_right_after_the_key_never_confirms() {
    let mut term = demo(&["--write", "demo"]);
    term.types("R");
    std::thread::sleep(std::time::Duration::from_millis(1));
    term.types("\rcart\r\r\r");
    term.shows("Roll back cart in production");
    assert_eq!(intents(&term), 0, "an intent was written");
    term.types("\x1b").hides("accepted in");
    assert_eq!(intents(&term), 0, "an intent was written");
}

#[test]
fn what_is_typed_before_the_confirm_line_was_painted_never_confirms() {
    let mut term = planned(&["--write", "demo"]);
    // One write: the terminal has them all before a frame can show the line.
    term.types("\rcart\r\r\r\r");
    term.shows("Enter does it");
    assert_eq!(intents(&term), 0, "an intent was written");
    term.names("cart").shows("accepted in");
    assert_eq!(intents(&term), 1);
}

#[test]
fn pasted_text_never_confirms() {
    let mut term = planned(&["--write", "demo"]);
    term.types("\x1b[200~\rcart\r\r\x1b[201~");
    term.types("\r").shows("Enter does it");
    term.types("\x1b[200~cart\r\r\x1b[201~").enters("type the service");
    assert_eq!(intents(&term), 0, "an intent was written");
}

#[test]
fn read_only_refuses_in_words() {
    let mut term = demo(&["--read-only", "demo"]);
    term.types("R").shows("Roll back cart in production").shows("Enter is barred (read-only)");
    term.types("\x0f\r\rcart\r\r");
    // The r of the name has opened the plan of a restart over it: 0 closes them all.
    term.types("0").hides("Roll back cart in production");
    assert_eq!(intents(&term), 0, "an intent was written");
    term.quits();
    assert_eq!(term.leaves_within(GONE), 0);
}

#[test]
fn the_journal_is_whole_after_the_program_was_killed_in_the_middle() {
    let mut term = planned(&["--write", "demo"]);
    term.types("\r").shows("Enter does it");
    term.names("cart").shows("accepted in");
    let journal = journal(&term);
    term.signal(Signal::KILL);
    term.leaves_within(GONE);
    let summary = verify(&journal).expect("the journal is whole");
    assert!(summary.entries >= 1 && summary.torn.is_empty(), "{summary:?}");
    assert_eq!(count(&journal, "\"intent\""), 1);
}

/// The story's clock is not the machine's: what an environment is open by is the one that the console shows.
#[test]
fn production_of_the_demo_is_opened_for_a_while_and_then_taken_back() {
    let mut term = demo(&["demo"]);
    term.types("R").shows("Enter is barred (locked");
    term.types("\x0f").shows("Open a locked environment?");
    term.enters("PRODUCTION open").shows("opens the confirm line");
    term.types("\r").shows("Enter does it");
    term.names("cart").shows("accepted in");
    assert_eq!(intents(&term), 1);
}

#[test]
fn leaving_while_something_is_under_way_asks_first() {
    let mut term = planned(&["--write", "demo"]);
    term.types("\r").shows("Enter does it");
    term.names("cart").shows("accepted in");
    term.types("\x03").shows("leaves all the same");
    term.types("\x1b").hides("leaves all the same");
    term.types("\x03").shows("leaves all the same");
    term.confirms("no question", |screen| !screen.contents().contains("leaves all the same"));
    assert_eq!(term.leaves_within(GONE), 0);
    term.is_given_back();
}

fn intents(term: &Term) -> usize {
    count(&journal(term), "\"intent\"")
}

/// How many lines of the journal hold `words`.
fn count(journal: &std::path::Path, words: &str) -> usize {
    let files = std::fs::read_dir(journal).expect("a folder").flatten().map(|entry| entry.path());
    files
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.contains(words))
        .count()
}
