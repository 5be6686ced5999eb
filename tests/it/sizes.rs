//! Every size draws, on every screen, and nothing that a terminal would obey reaches a cell (F12).

use crate::stage::{assert_no_control, stage};
use pilothouse::{app::Size, view};
use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};
use std::cell::RefCell;

/// The keys to every screen there is.
const SCREENS: &[&str] = &[
    "",
    "1+",
    "2+",
    "3+",
    "4+",
    "<enter>",
    "<enter><enter>",
    "x",
    "z",
    "y",
    "d",
    "l",
    "p",
    "T",
    "B",
    "2<enter>",
    ":po<enter>",
    ":ctx<enter>",
    ":no<enter>",
    ":ev<enter>",
    ":deploy<enter>",
    ":ns<enter>",
    "?",
    ":",
    "/c",
    "b",
    "<ctrl-o>",
    "R",
    "Rd",
    "R<ctrl-o>",
    "R<ctrl-o><enter><enter>",
    "R<ctrl-o><enter><enter>cart<enter>",
    "R<ctrl-o><enter><enter>cart<enter><wait:30s>",
    "R<ctrl-o><enter><enter>cart<enter><wait:30s><esc>B",
    "R<ctrl-o><enter><enter>cart<enter><wait:6m>",
];

fn draws(scene: &mut crate::stage::Scene, (width, height): (u16, u16)) {
    scene.app.size = Size { width, height };
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    view::draw_into(&scene.app, &mut buffer, area);
    assert_no_control(&buffer);
}

#[test]
fn every_screen_draws_at_every_size() {
    let edges = [1, 2, 9, 39, 40, 41, 79, 80, 99, 100, 180, 300];
    for keys in SCREENS {
        let mut scene = stage("incident").keys(keys).play();
        for width in edges {
            for height in [1, 2, 9, 10, 11, 24, 32, 45, 100] {
                draws(&mut scene, (width, height));
            }
        }
    }
}

#[test]
fn a_storm_of_sizes_ends_on_the_last_one() {
    let scene = RefCell::new(stage("incident").play());
    proptest!(ProptestConfig::with_cases(600), |(width in 1_u16..=300, height in 1_u16..=100)| draws(&mut scene.borrow_mut(), (width, height)));
    let mut scene = scene.into_inner();
    let expected = stage("incident").play().text();
    draws(&mut scene, (120, 40));
    assert_eq!(scene.text(), expected);
}

#[test]
fn below_the_smallest_size_it_says_what_is_missing() {
    let scene = stage("incident").size(39, 10).play();
    scene.says(&["too small", "40×10"]);
}

#[test]
fn every_story_draws_on_every_main_screen() {
    for story in ["incident", "node-down", "quiet", "blind"] {
        let mut scene = stage(story).play();
        for size in [(1, 1), (40, 10), (80, 24), (120, 40), (200, 60), (300, 100)] {
            draws(&mut scene, size);
        }
    }
}
