//! Restart, scale, pause and resume, from the key to how it ended.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{App, Effect, End, Event, Now, Screen, Stand},
    domain::{Scaling, Seen, Stage, Verb},
    gate::Mode,
    text::Clean,
};

fn stand(app: &App) -> Option<&Stand> {
    app.screens.iter().rev().find_map(|screen| match screen {
        Screen::Operation(key) => app.operations.single(*key).map(|single| &single.stand),
        _ => None,
    })
}

/// The story in which nothing burns, at a service in staging.
fn quiet(mode: Mode) -> Scene {
    let mut scene = stage("quiet").mode(mode).play();
    while scene.app.environment_here().is_some_and(|environment| environment.raw() != "staging") {
        scene.go("<left>");
    }
    scene
}

/// As far as the end, at most six minutes.
fn until_the_end(scene: &mut Scene) -> End {
    for _ in 0..72 {
        if let Some(Stand::Done { end, .. }) = stand(&scene.app) {
            return end.clone();
        }
        scene.go("<wait:5s>");
    }
    panic!("it did not end: {:?}", stand(&scene.app));
}

fn pods(scene: &Scene) -> Vec<String> {
    let workloads = scene.app.workloads_of(&scene.app.subject());
    let mut names: Vec<String> =
        workloads.iter().flat_map(|id| scene.app.store.pods_of(id)).filter(|pod| !pod.leaving).map(|pod| pod.name.raw().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_restart_replaces_every_pod_by_one_request_and_says_how_it_ended() {
    let mut scene = quiet(Mode::ByTier);
    let before = pods(&scene);
    scene.go("r");
    scene.says(&["Restart", "WHAT WILL HAPPEN", "kubectl rollout restart deployment/", "“yes” must be typed"]);
    assert!(scene.theatre.acts.is_empty(), "a key opened a plan, and nothing else");
    scene.go("<enter>").says(&["type yes"]);
    scene.go("<enter>").says(&["type yes"]);
    assert!(scene.theatre.acts.is_empty(), "Enter alone is no yes");
    scene.go("yes<enter>");
    let verbs: Vec<Verb> = scene.theatre.acts.iter().map(|operation| operation.verb).collect();
    assert_eq!(verbs, [Verb::Restart]);
    scene.says(&["Restarting", "accepted in", "The request has left"]);
    assert_eq!(until_the_end(&mut scene), End::Complete);
    scene.says(&["COMPLETE", "restarted, complete in", "Recorded as entry"]);
    let after = pods(&scene);
    assert!(!before.is_empty() && before.len() == after.len() && before.iter().all(|name| !after.contains(name)), "{before:?} {after:?}");
    scene.go("<enter><enter><enter>yes<enter>");
    assert_eq!(scene.theatre.acts.len(), 1, "nothing that is pressed afterwards sends it again");
}

#[test]
fn a_number_that_is_typed_is_planned_for_and_reached() {
    let mut scene = quiet(Mode::ByTier);
    let before = u32::try_from(pods(&scene).len()).expect("few");
    scene.go(&format!(":scale {}<enter>", before + 2));
    scene.says(&["Scale ", "WHAT WILL HAPPEN", &format!("--current-replicas={before} --replicas={}", before + 2)]);
    scene.go("[").says(&[&format!("--current-replicas={before} --replicas={}", before + 1)]);
    scene.go("<enter>yes<enter>");
    assert_eq!(scene.theatre.acts.iter().map(|operation| operation.scaling).collect::<Vec<_>>(), [Some(Scaling { from: before, to: before + 1 })]);
    assert_eq!(until_the_end(&mut scene), End::Complete);
    assert_eq!(pods(&scene).len(), before as usize + 1);
    scene.go("<enter>:scale<enter>").says(&["Enter is barred", "one fewer"]);
    scene.go("[[").go("<enter>yes<enter>");
    assert_eq!(until_the_end(&mut scene), End::Complete);
    assert_eq!(pods(&scene).len(), before as usize - 1);
}

#[test]
fn what_is_paused_stands_still_until_it_is_let_go() {
    let mut scene = quiet(Mode::ByTier);
    scene.go("A").says(&["it is not paused"]);
    scene.go(":pause<enter><enter>yes<enter>");
    assert_eq!(until_the_end(&mut scene), End::Complete);
    scene.says(&["paused: nothing rolls out until it is resumed"]);
    scene.go("<enter><wait:2s>r").says(&["it is paused: no pod would be replaced"]);
    scene.go("A").says(&["Let ", "go on", "kubectl rollout resume deployment/"]);
    scene.go("<enter>yes<enter>");
    assert_eq!(until_the_end(&mut scene), End::Complete);
    let verbs: Vec<Verb> = scene.theatre.acts.iter().map(|operation| operation.verb).collect();
    assert_eq!(verbs, [Verb::Pause, Verb::Resume]);
}

#[test]
fn production_takes_the_name_and_a_reason_and_starts_locked() {
    let mut scene = stage("incident").keys("r<enter>cart<enter><enter>").play();
    assert!(scene.theatre.acts.is_empty());
    scene.says(&["Enter is barred (locked)", "PRODUCTION"]);
    scene.go("<ctrl-o><enter><enter>cart<enter>");
    assert!(scene.theatre.acts.is_empty(), "a reason is demanded");
    scene.go("stuck connections<enter>");
    assert_eq!(scene.theatre.acts.iter().map(|operation| &*operation.reason).collect::<Vec<_>>(), ["stuck connections"]);
}

#[test]
fn read_only_shows_the_plan_and_never_acts() {
    let mut scene = quiet(Mode::ReadOnly);
    for keys in ["r", ":scale 1<enter>", ":pause<enter>"] {
        scene.go(keys).go("<enter>yes<enter><enter>").says(&["read-only"]);
        scene.go("<esc><esc>");
    }
    assert!(scene.theatre.acts.is_empty());
}

#[test]
fn what_another_has_scaled_meanwhile_is_a_conflict_and_nothing_is_changed() {
    let mut scene = quiet(Mode::ByTier);
    let before = u32::try_from(pods(&scene).len()).expect("few");
    scene.go(&format!(":scale {}<enter><enter>yes", before + 1));
    let mut other = scene.theatre.acts_as_somebody_else(&scene.app, Verb::Scale, Some(Scaling { from: before, to: before + 3 }));
    assert!(matches!(other.pop(), Some(Stage::Accepted { .. })));
    scene.go("<enter>").says(&["the world moved on, nothing was changed", "it was scaled meanwhile"]);
    assert!(matches!(stand(&scene.app), Some(Stand::Planned(_))), "a new plan, from what is there now: {:?}", stand(&scene.app));
}

#[test]
fn a_lost_answer_is_settled_by_reading_and_never_sent_again_by_itself() {
    let mut scene = quiet(Mode::ByTier);
    scene.go("r<enter>yes");
    let (now, enter) = (scene.app.now, Event::Key("enter".parse().expect("a key")));
    let sent = scene.app.update(now, enter);
    let Some(Effect::Act { task, .. }) = sent.iter().find(|effect| matches!(effect, Effect::Act { .. })) else { panic!("{sent:?}") };
    let _ = scene.app.update(now, Event::Recorded(*task, Ok(7)));
    let asked = scene.app.update(now, Event::Stage(*task, Stage::Unclear { why: Clean::from_static("the connection broke") }));
    assert!(asked.iter().any(|effect| matches!(effect, Effect::Ask { .. })), "the world is read: {asked:?}");
    scene.says(&["the answer was lost", "It may have been carried out or not"]);
    // It may still be on its way: what was read unchanged by now says nothing, and Enter sends nothing.
    scene.go("<wait:20s><enter>");
    assert!(matches!(stand(&scene.app), Some(Stand::Unclear { .. })) && scene.theatre.acts.is_empty(), "{:?}", stand(&scene.app));
    // Unchanged for so long that the request can not be on its way any more.
    scene.go("<wait:20s>");
    assert!(matches!(stand(&scene.app), Some(Stand::Confirming { again: Some(_), .. })), "{:?}", stand(&scene.app));
    scene.says(&["it was not applied", "sends it again"]);
    assert!(scene.theatre.acts.is_empty(), "nothing was sent again by itself");
}

#[test]
fn in_the_background_it_is_pinned_and_rings_when_it_ends() {
    let mut scene = quiet(Mode::ByTier);
    scene.go("r<enter>yes<enter><esc>").says(&["B lists it"]);
    scene.go("<wait:6s>").says(&["restart: "]);
    scene.go("<wait:4m>");
    let rang = scene.theatre.wanted.iter().any(|effect| matches!(effect, Effect::Notify(words) if words.contains("restarted, complete in")));
    assert!(rang, "{:?}", scene.theatre.wanted);
    scene.go("B<enter>").says(&["COMPLETE"]);
}

#[test]
fn the_same_eyes_are_demanded_of_the_world_as_the_operator_had() {
    let mut scene = quiet(Mode::ByTier);
    scene.go("r<enter>yes<enter>");
    let Some(operation) = scene.theatre.acts.first().cloned() else { panic!("it was confirmed") };
    let Seen { uid, template, paused } = operation.from;
    assert!(!uid.expose().is_empty() && !template.expose().is_empty() && !paused);
    assert_eq!((operation.to, operation.scaling), (None, None));
}

#[test]
fn leaving_while_it_is_under_way_asks() {
    let mut scene = quiet(Mode::ByTier);
    scene.go("r<enter>yes<enter>").go("<ctrl-c>").says(&["Something is under way", "leaves all the same"]);
}

#[test]
fn a_changed_number_must_be_painted_anew() {
    let scene = &mut quiet(Mode::ByTier);
    scene.go(":scale 7<enter>");
    let now = Now { wall: scene.app.now.wall, mono: scene.app.now.mono };
    for key in ["enter", "y", "e", "s", "enter"] {
        let effects = scene.app.update(now, Event::Key(key.parse().expect("a key")));
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Act { .. })), "{key} acted although the line was never painted");
    }
}

#[test]
fn what_keeps_a_service_is_held_off_stays_in_sight_and_is_let_go() {
    let mut scene = stage("incident").open("payments", Some("staging")).play();
    scene.hides(&["HELD"]);
    scene.go("H").says(&["Hold off Argo CD application shop-staging", "switches off the auto-sync", "argocd app set shop-staging --sync-policy none"]);
    assert!(scene.theatre.acts.is_empty(), "a key opened a plan, and nothing else");
    scene.go("<enter><enter>").says(&["type yes"]);
    scene.go("yes<enter>");
    assert_eq!(until_the_end(&mut scene), End::Complete);
    scene.says(&["COMPLETE", "is held off: H lets it go again"]);
    scene.go("<enter><wait:25s>").says(&["HELD shop-staging"]);
    scene.go("B").says(&["Argo CD application shop-staging is held off", "Enter plans to let it go"]);
    scene.go("<enter>").says(&["Let Argo CD application shop-staging go"]);
    scene.go("<enter>yes<enter>");
    assert_eq!(until_the_end(&mut scene), End::Complete);
    scene.go("<enter><esc><wait:25s>").hides(&["HELD"]);
    let verbs: Vec<Verb> = scene.theatre.acts.iter().map(|operation| operation.verb).collect();
    assert_eq!(verbs, [Verb::Hold, Verb::Release], "each once");
}

#[test]
fn what_nothing_keeps_is_not_held_off() {
    let mut scene = quiet(Mode::ByTier);
    scene.go("H").says(&["nothing to hold off"]);
    assert!(stand(&scene.app).is_none());
}
