//! It starts: on the demo, with nothing that answers, on small terminals and poor ones.

use crate::term::{GONE, pilothouse};
use std::time::Duration;
use vt100::Color;

/// Backends at ports where nothing listens.
const CLOSED: &str = "[[source]]\nkind = \"alertmanager\"\nurl = \"http://127.0.0.1:1\"\n[[source]]\nkind = \"kubernetes\"\n";
const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: prod-eu\ncontexts:\n- name: prod-eu\n  context: {cluster: c, user: u, namespace: shop}\n\
    clusters:\n- name: c\n  cluster: {server: 'https://127.0.0.1:1'}\nusers:\n- name: u\n  user: {token: canary-0123456789}\n";

#[test]
fn the_demo_shows_the_matrix_and_says_that_it_is_one() {
    let mut term = pilothouse(&["demo"]).start();
    term.shows("1 Environments").shows("cart").shows("DEMO").shows("stuck 2/6");
    assert!(term.screen().alternate_screen() && term.screen().hide_cursor() && term.screen().bracketed_paste());
    term.quits();
    assert_eq!(term.leaves_within(GONE), 0);
    term.is_given_back();
}

#[test]
fn with_everything_down_the_first_frame_is_usable() {
    let mut term = pilothouse(&["--config", "closed.toml"]).file("closed.toml", CLOSED).file("kubeconfig", KUBECONFIG).with("KUBECONFIG", "kubeconfig").start();
    term.shows("PILOTHOUSE").shows("1 Environments");
    term.types("?").shows("environment to the left");
    term.types("\x1b").hides("environment to the left");
    term.types(":ctx\r").shows("Sources and contexts").shows("prod-eu");
    term.types("q").hides("Sources and contexts");
    term.quits();
    assert_eq!(term.leaves_within(GONE), 0);
    term.is_given_back();
    assert!(!String::from_utf8_lossy(&term.bytes()).contains("canary-0123456789"), "a token reached the terminal");
}

#[test]
fn with_nothing_at_all_it_explains_itself() {
    let mut term = pilothouse(&[]).with("DOCKER_HOST", "unix:///nowhere.sock").start();
    term.shows("PILOTHOUSE").shows("pilothouse demo");
    term.types("\x03");
    assert_eq!(term.leaves_within(GONE), 0);
}

#[test]
fn a_terminal_that_can_not_place_text_is_refused_in_words() {
    for value in ["dumb", ""] {
        let mut term = pilothouse(&["demo"]).with("TERM", value).start();
        term.shows("can not place text");
        assert_eq!(term.leaves_within(Duration::from_secs(10)), 64);
        assert!(!term.bytes().contains(&0x1b), "an escape sequence reached a terminal that knows none");
    }
}

#[test]
fn no_color_means_no_colour() {
    let mut term = pilothouse(&["demo"]).with("NO_COLOR", "1").start();
    term.shows("stuck 2/6");
    let screen = term.screen();
    let (rows, columns) = screen.size();
    for (y, x) in (0..rows.get()).flat_map(|y| (0..columns.get()).map(move |x| (y, x))) {
        let cell = screen.cell(y, x).expect("a cell");
        assert_eq!((cell.fgcolor(), cell.bgcolor()), (Color::Default, Color::Default), "row {y}, column {x}");
    }
    term.quits();
    term.leaves_within(GONE);
}

#[test]
fn the_linux_console_gets_its_sixteen_colours_and_no_others() {
    let mut term = pilothouse(&["demo"]).with("TERM", "linux").with("COLORTERM", "").start();
    term.shows("stuck 2/6");
    let screen = term.screen();
    let (rows, columns) = screen.size();
    for (y, x) in (0..rows.get()).flat_map(|y| (0..columns.get()).map(move |x| (y, x))) {
        let cell = screen.cell(y, x).expect("a cell");
        for colour in [cell.fgcolor(), cell.bgcolor()] {
            assert!(matches!(colour, Color::Default | Color::Idx(0..=15)), "row {y}, column {x}: {colour:?}");
        }
    }
    term.quits();
    term.leaves_within(GONE);
}

#[test]
fn a_terminal_of_any_size_is_drawn_on() {
    for (width, height) in [(1, 1), (2, 1), (1, 50), (39, 9), (40, 10), (80, 24), (300, 100)] {
        let mut term = pilothouse(&["demo"]).size(width, height).start();
        term.until("the other screen", |screen| screen.alternate_screen());
        if (width, height) >= (80, 24) {
            term.shows("cart");
        }
        term.types("jjx").types("\x03");
        assert_eq!(term.leaves_within(GONE), 0, "{width}×{height}");
        term.modes_are_given_back();
    }
}

#[test]
fn a_storm_of_sizes_ends_on_the_last_one() {
    let mut term = pilothouse(&["demo"]).start();
    term.shows("stuck 2/6");
    for step in 0_u16..400 {
        term.resize(1 + step * 37 % 300, 1 + step * 53 % 100);
    }
    term.resize(80, 24);
    term.until("the frame of 80×24", |screen| {
        screen.contents().contains("PILOTHOUSE") && screen.contents().lines().count() <= 24 && screen.contents().contains("cart")
    });
    term.resize(120, 40);
    term.shows("2 Pipelines").shows("stuck 2/6");
    term.quits();
    assert_eq!(term.leaves_within(GONE), 0);
    term.modes_are_given_back();
}
