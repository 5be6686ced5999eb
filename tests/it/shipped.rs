//! What is asked of registries, so that a run is joined with what runs: little, and nothing again that is known or was refused.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{Effect, Event, Now},
    domain::{Answer, Change, Fact, Feed, Origin, Question, TaskId, Trouble, Version, Why},
    text::{Clean, Name},
};
use std::time::Duration;

fn asked(effects: Vec<Effect>) -> Vec<(TaskId, String)> {
    let one = |effect| match effect {
        Effect::Ask { task, source, question: Question::Origin(reference) } => Some((task, format!("{source} {}", reference.raw()))),
        _ => None,
    };
    effects.into_iter().filter_map(one).collect()
}

/// Some time passes, and a service in an environment runs another image by then.
fn runs(scene: &mut Scene, seconds: u64, service: &str, environment: &str, image: &str) -> Vec<(TaskId, String)> {
    let mut row = scene.app.store.workloads_in(service, environment).next().expect("it runs there").clone();
    row.images[0].reference = Name::new(image);
    row.images[0].digest = None;
    row.version = Version(Clean::from_static("latest"));
    let source = row.id.source();
    let now = Now { wall: scene.app.now.wall + Duration::from_secs(seconds), mono: scene.app.now.mono + Duration::from_secs(seconds) };
    asked(scene.app.update(now, Event::Facts(source, Feed::Workloads, vec![Fact::Workload(Change::Upsert(row))])))
}

fn answer(scene: &mut Scene, task: TaskId, answer: Result<Answer, Why>) -> Vec<(TaskId, String)> {
    let now = scene.app.now;
    asked(scene.app.update(now, Event::Answer(task, answer.map(Box::new))))
}

fn pinned(registry: &str, digest: &str) -> String {
    format!("{registry}/shop/app@sha256:{digest}")
}

#[test]
fn two_registries_are_asked_at_a_time_each_for_one_image_and_only_those_that_may_be() {
    let mut scene = stage("incident").size(120, 40).play();
    scene.app.start.registries = vec!["*.example".into()];
    assert_eq!(runs(&mut scene, 1, "cart", "staging", &pinned("other.test", "01")), [], "it may not be asked");
    let first = runs(&mut scene, 1, "cart", "testing", &pinned("one.example", "02"));
    assert_eq!(first.iter().map(|(_, what)| what.as_str()).collect::<Vec<_>>(), ["registries one.example/shop/app@sha256:02"]);
    assert_eq!(runs(&mut scene, 1, "cart", "development", &pinned("one.example", "03")), [], "it is busy with the other");
    let second = runs(&mut scene, 1, "payments", "staging", &pinned("two.example", "04"));
    assert_eq!(second.len(), 1);
    assert_eq!(runs(&mut scene, 1, "payments", "testing", &pinned("three.example", "05")), [], "two are enough");
    let next = answer(&mut scene, first[0].0, Ok(Answer::Origin(None)));
    assert_eq!(next.iter().map(|(_, what)| what.as_str()).collect::<Vec<_>>(), ["registries one.example/shop/app@sha256:03"], "by name and place");
}

#[test]
fn what_is_known_is_not_asked_again_and_what_is_refused_not_for_minutes() {
    let mut scene = stage("incident").size(120, 40).play();
    let run = scene.app.store.runs().into_iter().find(|run| run.number == 311).expect("it is known").clone();
    let first = runs(&mut scene, 1, "cart", "staging", &pinned("one.example", "02"));
    let origin = Origin { commit: run.commit.clone(), source: Name::default() };
    assert_eq!(answer(&mut scene, first[0].0, Ok(Answer::Origin(Some(origin)))), []);
    assert_eq!(runs(&mut scene, 3_600, "cart", "testing", &pinned("one.example", "02")), [], "another place runs the same digest");
    let second = runs(&mut scene, 1, "cart", "development", &pinned("one.example", "03"));
    let why = Why { trouble: Trouble::Denied, words: Clean::from_static("one.example tells only those whom it knows") };
    assert_eq!(answer(&mut scene, second[0].0, Err(why)), []);
    assert_eq!(runs(&mut scene, 500, "cart", "testing", &pinned("one.example", "04")), [], "nor for its other images");
    assert_eq!(runs(&mut scene, 101, "cart", "testing", &pinned("one.example", "04")).len(), 1, "it is tried again, one at a time");
    scene.go(":311<enter>").says(&["by its image's label", "no label was read, one.example tells only those whom it knows"]);
}
