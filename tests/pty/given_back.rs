//! However it ends, the terminal is given back, and no process is left.

use crate::term::{GONE, Term, gone_within, pilothouse};
use rustix::process::Signal;

fn demo() -> Term {
    let term = pilothouse(&["demo"]).start();
    term.shows("stuck 2/6");
    term
}

#[test]
fn a_signal_that_ends_it_gives_the_terminal_back() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let mut term = demo();
        term.signal(signal);
        let code = term.leaves_within(GONE);
        assert_eq!(code, if signal == Signal::HUP { 129 } else { 0 }, "{signal:?}");
        term.is_given_back();
    }
}

#[test]
fn stopped_it_lends_the_terminal_to_the_shell_and_continued_it_paints_anew() {
    let mut term = demo();
    for _ in 0..3 {
        term.signal(Signal::TSTP).until_state('T');
        term.is_given_back();
        term.signal(Signal::CONT).until("the other screen", |screen| screen.alternate_screen());
        term.shows("stuck 2/6");
    }
    term.types("?").shows("environment to the left");
    term.types("\x1b").hides("environment to the left");
    term.quits();
    assert_eq!(term.leaves_within(GONE), 0);
    term.is_given_back();
}

#[test]
fn a_terminal_that_is_gone_ends_it_within_two_seconds() {
    for _ in 0..5 {
        let mut term = demo();
        term.hang_up();
        term.leaves_within(GONE);
    }
}

#[test]
fn a_terminal_that_is_gone_without_a_signal_ends_it_within_two_seconds() {
    // The session's leader is another program, and ours has a session of its own: no SIGHUP reaches it.
    for _ in 0..3 {
        let mut term = pilothouse(&["demo"]).under(&["/usr/bin/setsid", "--fork", "--wait"]).start();
        term.shows("stuck 2/6");
        let children = term.children();
        assert_eq!(children.len(), 1, "setsid has started the program");
        term.hang_up();
        gone_within(children[0], GONE);
    }
}

#[test]
fn an_ignored_hang_up_does_not_keep_it() {
    let mut term = pilothouse(&["demo"]).under(&["/bin/sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""]).start();
    term.shows("stuck 2/6");
    term.hang_up();
    term.leaves_within(GONE);
}

#[test]
fn a_fault_of_the_screen_gives_it_back_before_it_says_a_word() {
    let mut term = pilothouse(&["demo"]).with("PILOTHOUSE_PANIC", "ui").start();
    term.shows("stuck 2/6");
    term.types("j");
    assert_eq!(term.leaves_within(GONE), 70);
    term.is_given_back();
    term.shows("provoked at ui").shows("This is a fault of Pilothouse");
}

#[test]
fn a_fault_of_a_source_leaves_the_others_alone() {
    let mut term = pilothouse(&["demo"]).with("PILOTHOUSE_PANIC", "source:demo/prometheus").start();
    term.shows("stuck 2/6").shows("CartErrorRate").shows("2 Pipelines");
    assert!(term.screen().alternate_screen(), "the screen was given back for a fault of a source");
    term.types(":ctx\r").shows("Sources and contexts").shows("fault of ours");
    term.types("q").hides("Sources and contexts");
    term.quits();
    assert_eq!(term.leaves_within(GONE), 0);
    term.is_given_back();
}
