//! A fresh release that goes bad: the plan that takes it back is ready, and nothing is sent.

use crate::stage::{Scene, stage, stage_of};
use pilothouse::{app::Effect, gate::Mode, sources::demo::Scenario};

fn prepared(scene: &Scene) -> Vec<String> {
    scene.app.operations.lines(&scene.app).into_iter().map(|(_, words)| words.to_string()).collect()
}

fn until_prepared(scene: &mut Scene) -> bool {
    for _ in 0..36 {
        if !prepared(scene).is_empty() {
            return true;
        }
        scene.go("<wait:5s>");
    }
    false
}

#[test]
fn what_was_just_shipped_and_is_bad_has_its_plan_ready_and_everybody_is_told_once() {
    let mut scene = stage("incident").mode(Mode::Write).guarding().play();
    assert!(until_prepared(&mut scene), "{}", scene.text());
    assert_eq!(prepared(&scene).len(), 1, "{:?}", prepared(&scene));
    assert!(scene.app.screens.is_empty(), "nobody's screen is taken away");
    scene.go("<wait:2s>").says(&["cart in production: 2.8.0 is bad, the way back to 2.7.3 is planned and B shows it"]);
    scene.go("<wait:60s>");
    assert!(scene.theatre.acts.is_empty(), "a console only prepares");
    assert_eq!(prepared(&scene), ["· cart in production  planned, nothing sent"]);
    scene.go("R").says(&["2.8.0 r42", "2.7.3 r41", "“cart” and the reason must be typed"]);
    scene.go("<enter>cart<enter>");
    assert_eq!(scene.theatre.acts.len(), 1, "it is confirmed like any other");
    scene.go("<esc><wait:300s>");
    assert_eq!(scene.theatre.acts.len(), 1);
    assert!(!prepared(&scene).iter().any(|line| line.contains("planned")), "what it went back to is not watched for another way back: {:?}", prepared(&scene));
}

#[test]
fn without_a_word_in_the_configuration_nothing_is_prepared() {
    let mut scene = stage("incident").mode(Mode::Write).play();
    assert!(!until_prepared(&mut scene), "{:?}", prepared(&scene));
}

#[test]
fn where_a_node_takes_many_down_no_release_is_blamed() {
    let mut scene = stage("node-down").mode(Mode::Write).guarding().play();
    assert!(!until_prepared(&mut scene), "{:?}", prepared(&scene));
}

#[test]
fn a_fresh_release_that_goes_down_with_a_node_is_not_blamed() {
    let shipped = |of: &str| format!("[[deploy]]\nservice = '{of}'\nenvironment = 'production'\nat = 02:50:00\nversion = '9.9.9'\nby = 'ci-bot'\n");
    let fresh = |down: &str| {
        let text = include_str!("../../config/demo/node-down.toml").replace("down = 02:56:40", down);
        let story = Scenario::read("node-down", &format!("{text}\n{}", shipped("cart"))).expect("a story");
        stage_of(story).mode(Mode::Write).guarding().play()
    };
    let mut scene = fresh("down = 02:56:40");
    scene.says(&["9.9.9"]);
    assert!(scene.row(" cart ").contains("victim of eu-4"), "{}", scene.text());
    assert!(!until_prepared(&mut scene), "{:?}", prepared(&scene));
}

#[test]
fn what_somebody_is_at_already_needs_no_second_plan() {
    let mut scene = stage("incident").mode(Mode::Write).guarding().keys("R<esc>").play();
    scene.go("R");
    scene.go("<wait:150s>");
    scene.go("<esc>");
    assert!(prepared(&scene).is_empty(), "it was judged while a person read its plan: {:?}", prepared(&scene));
}

#[test]
fn it_rings_once() {
    let mut scene = stage("incident").mode(Mode::Write).guarding().play();
    scene.go("<wait:150s>");
    let rang: Vec<String> =
        scene.theatre.wanted.iter().filter_map(|effect| if let Effect::Notify(words) = effect { Some(words.to_string()) } else { None }).collect();
    assert_eq!(rang.iter().filter(|words| words.contains("is planned")).count(), 1, "{rang:?}");
}
