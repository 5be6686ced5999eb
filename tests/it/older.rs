//! Older runs: asked for once at the end of the panel, and always said how it stands with them.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{Beyond, Effect, Event, Screen},
    domain::{Answer, Question, RunStatus, TaskId, Trouble, Why},
    keys::Key,
};

/// The story on panel 2.
fn runs() -> Scene {
    stage("incident").size(120, 40).keys("2").play()
}

/// Presses a key whose questions nobody answers: which they are.
fn asks(scene: &mut Scene, key: &str) -> Vec<(TaskId, String)> {
    let key: Key = key.parse().expect("a key");
    let effects = scene.app.update(scene.app.now, Event::Key(key));
    let older = |effect: Effect| match effect {
        Effect::Ask { task, question: Question::Older { repository, .. }, .. } => Some((task, repository.raw().to_owned())),
        _ => None,
    };
    effects.into_iter().filter_map(older).collect()
}

fn titles(scene: &Scene) -> Vec<u64> {
    scene.app.pipelines.order.iter().filter_map(|id| scene.app.store.run(id)).map(|run| run.number).collect()
}

#[test]
fn at_the_end_each_repository_is_asked_once_and_nobody_before() {
    let mut scene = runs();
    scene.says(&["older runs: G loads them"]);
    assert!(asks(&mut scene, "g").is_empty());
    let mut asked = Vec::new();
    for _ in 1..titles(&scene).len() {
        asked.extend(asks(&mut scene, "j"));
    }
    let of: Vec<&str> = asked.iter().map(|(_, repository)| repository.as_str()).collect();
    assert_eq!(of, ["shop/payments", "shop/cart", "shop/catalog"], "those that end first");
    scene.says(&["loading older runs…"]).hides(&["G loads them"]);
    assert!(["G", "j"].iter().all(|key| asks(&mut scene, key).is_empty()), "the answer is on its way");
    for (task, _) in &asked {
        scene.told(Event::Answer(*task, Ok(Box::new(Answer::Older { runs: Vec::new(), next: None }))));
    }
    assert!(asks(&mut scene, "G").is_empty(), "there are none");
    scene.says(&["no older runs"]);
}

#[test]
fn older_runs_stand_below_in_their_order_and_can_be_opened() {
    let mut scene = runs();
    let before = titles(&scene);
    scene.go("G");
    assert_eq!(scene.app.beyond(), Some(Beyond::Nothing(None)));
    let after = titles(&scene);
    assert_eq!(after[..before.len()], before, "what failed long ago does not come first");
    assert_eq!(after[before.len()..], [87, 86, 939, 310, 309, 308]);
    scene.go("G").says(&["no older runs"]);
    scene.go("<enter>").says(&["#308", "build", "3 of 405 tests failed"]);
    assert!(matches!(scene.app.screens.last(), Some(Screen::Run(..))));
    let failed = scene.app.store.runs().into_iter().filter(|run| run.status == RunStatus::Failed).map(|run| run.number).collect::<Vec<_>>();
    assert!(!failed.contains(&308), "it is no news: {failed:?}");
}

#[test]
fn why_they_can_not_be_had_is_said_until_somebody_asks_again() {
    let mut scene = runs();
    let asked = asks(&mut scene, "G");
    let why = |trouble, words: &'static str| Err(Why { trouble, words: words.into() });
    scene.told(Event::Answer(asked[0].0, why(Trouble::Denied, "the token may not read this")));
    scene.told(Event::Answer(asked[1].0, why(Trouble::Unsupported, "of this CI only the newest are read")));
    scene.told(Event::Answer(asked[2].0, Ok(Box::new(Answer::Older { runs: Vec::new(), next: None }))));
    scene.says(&["older runs: the token may not read this"]);
    let again = asks(&mut scene, "G");
    assert_eq!(again.iter().map(|(_, repository)| repository).collect::<Vec<_>>(), [&asked[0].1], "who has answered is not asked again, nor who can not tell");
    scene.told(Event::Answer(again[0].0, Ok(Box::new(Answer::Older { runs: Vec::new(), next: None }))));
    scene.says(&["no older runs: of this CI only the newest are read"]);
}

#[test]
fn with_a_filter_those_are_asked_that_are_shown_and_one_that_hides_all_asks_nobody_by_itself() {
    let mut scene = runs();
    scene.go("/payments<enter>g");
    let asked = asks(&mut scene, "G");
    assert_eq!(asked.iter().map(|(_, repository)| repository.as_str()).collect::<Vec<_>>(), ["shop/payments"]);
    let mut scene = runs();
    scene.go("/nothing-fits<enter>").says(&["no run fits", "older runs: G loads them"]);
    assert_eq!(scene.app.beyond(), Some(Beyond::More));
    scene.go("<wait:1m>").says(&["older runs: G loads them"]);
    let asked = asks(&mut scene, "G");
    assert_eq!(asked.len(), 3, "who asks is not refused");
    for (task, _) in asked {
        let next = Some(pilothouse::domain::Cursor(pilothouse::text::Raw::new("on")));
        scene.told(Event::Answer(task, Ok(Box::new(Answer::Older { runs: Vec::new(), next }))));
    }
    assert_eq!(scene.app.beyond(), Some(Beyond::More), "it does not go on by itself");
}

#[test]
fn nobody_who_looks_elsewhere_asks() {
    let mut scene = stage("incident").size(120, 40).keys("1").play();
    scene.hides(&["older runs"]);
    assert!(["G", "j"].iter().all(|key| asks(&mut scene, key).is_empty()));
}

#[test]
fn the_end_of_the_runs_as_it_stands() {
    stage("incident").size(80, 24).keys("2+G").after("1s").keys("G").shows("older_runs_80x24");
    stage("incident").size(200, 60).keys("2G").after("1s").keys("G").shows("older_runs_200x60");
    let scene = stage("incident").size(80, 24).keys("2+").shows("older_runs_more_80x24");
    scene.says(&["older runs: G loads them"]);
}
