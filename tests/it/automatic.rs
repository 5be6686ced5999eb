//! What is taken back without a person: only where the policy of the environment says so, and only to what is proven.

use crate::stage::{Scene, Stage, stage, time};
use pilothouse::{
    app::{Effect, OperationKey, Screen},
    gate::Mode,
    rollback::Expected,
    text::Clean,
};

fn open() -> Stage {
    stage("incident").mode(Mode::Write)
}

/// The plan on the screen.
fn shown(scene: &Scene) -> OperationKey {
    let key = scene.app.screens.iter().find_map(|screen| if let Screen::Operation(key) = screen { Some(*key) } else { None });
    key.expect("a plan is open")
}

/// The plan is confirmed without a person: how each request that comes of it was confirmed, or why there is none.
fn by_policy(scene: &mut Scene) -> Result<Vec<&'static str>, String> {
    let key = shown(scene);
    let effects = scene.app.confirm_by_policy(key, &Clean::from_static("verification failed")).map_err(|why| why.to_string())?;
    Ok(effects.iter().filter_map(|effect| if let Effect::Act { confirmation, .. } = effect { Some(confirmation.kind()) } else { None }).collect())
}

#[test]
fn what_is_proposed_and_proven_goes_back_once_by_the_policy_that_says_execute() {
    let mut scene = open().executing().keys("R").play();
    assert_eq!(by_policy(&mut scene), Ok(vec!["policy: automatic = execute"]));
    assert!(by_policy(&mut scene).is_err(), "one confirmation, one request");
    for other in [open(), open().guarding()] {
        let why = by_policy(&mut other.keys("R").play()).expect_err("no policy says so");
        assert!(why.contains("no policy allows it"), "{why}");
    }
}

#[test]
fn what_is_not_proven_takes_a_person() {
    let mut scene = open().executing().keys("R[[[").play();
    let why = by_policy(&mut scene).expect_err("an older one");
    assert!(why.contains("only a proven version is gone back to without a person"), "{why}");
}

#[test]
fn why_a_bad_release_is_left_as_it_is_is_said() {
    for (stage, words) in [
        (open(), "does not say rollback = { automatic = \"execute\" } for production"),
        (open().guarding(), "does not say rollback = { automatic = \"execute\" } for production"),
        (stage("incident").executing(), "production is locked"),
        (stage("incident").executing().mode(Mode::ReadOnly), "production is read-only"),
        // Policy and lock allow it: what is left is whether it was bad for long enough.
        (open().executing(), "it was not found bad for long enough"),
    ] {
        let mut scene = stage.play();
        let workload = scene.app.workloads_of(&scene.app.subject()).into_iter().next().expect("a workload is under the cursor");
        scene.app.verify(&workload, Expected::default(), time("10m")).expect("it is known");
        scene.go("<wait:2s>");
        let verification = scene.app.verifications().next().expect("it was begun").clone();
        let why = scene.app.keeps(&verification).expect("it is left as it is");
        assert!(why.contains(words), "{words}: {why}");
    }
}
