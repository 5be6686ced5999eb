//! A workflow is started from one of its runs, with inputs that are written on the plan: nothing in them executes.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{Effect, End, Event, Screen, Single, Stand, offers},
    domain::{Stage as Told, Verb},
    gate::Mode,
    keys::{Action, Key},
};

/// The plan of another run of what cart's newest run is of.
fn planned(mode: Mode, size: (u16, u16)) -> Scene {
    let mut scene = stage("incident").size(size.0, size.1).mode(mode).keys("2").after("4m").play();
    scene.go("gD");
    scene
}

fn single(scene: &Scene) -> &Single {
    let key = scene.app.screens.iter().find_map(|screen| if let Screen::Operation(key) = screen { Some(*key) } else { None });
    scene.app.operations.single(key.expect("a plan is open")).expect("it is one change")
}

fn lines(scene: &Scene) -> Vec<&str> {
    single(scene).lines.fields.iter().map(|field| field.text()).collect()
}

#[test]
fn what_is_written_on_the_plan_is_what_is_sent_once_and_the_new_run_is_named() {
    let mut scene = planned(Mode::Write, (120, 40));
    scene.says(&["Dispatch release of shop/cart on main", "INPUTS", "must be written", "environment=staging", "one of staging, production"]);
    scene.says(&["Enter is barred: version must be written: Tab writes it"]);
    scene.go("<enter>");
    assert!(matches!(single(&scene).stand, Stand::Planned(_)), "Enter is barred");
    // Keys are text here: q does not close, R rolls nothing back.
    scene.go(
        "<tab>2.8.1-qR<backspace><backspace><backspace><down><backspace><backspace><backspace><backspace><backspace><backspace><backspace>production<enter>",
    );
    assert_eq!(lines(&scene), ["version=2.8.1", "environment=production", "dry_run=false"]);
    scene.says(&[
        "version=2.8.1",
        "environment=production",
        "gh workflow run release.yml --ref main -f version=2.8.1 -f environment=production -f dry_run=false",
    ]);
    scene.go("<enter>").says(&["dispatch with version=2.8.1, environment=production, dry_run=false"]);
    scene.go("cart<enter>the mirror is back<enter>");
    let [sent] = &scene.theatre.acts[..] else { panic!("{:?}", scene.theatre.acts) };
    let given: Vec<(&str, &str)> = sent.inputs.iter().map(|one| (one.name.raw(), one.value.expose())).collect();
    assert_eq!((sent.verb, given), (Verb::Dispatch, vec![("version", "2.8.1"), ("environment", "production"), ("dry_run", "false")]));
    scene.go("<wait:10s>").says(&["COMPLETE", "#313 was started"]);
    assert_eq!(scene.theatre.acts.len(), 1, "once");
    let run = scene.app.store.runs().into_iter().find(|run| run.number == 313).expect("it is in the list");
    assert_eq!(run.branch.raw(), "main");
}

#[test]
fn a_value_that_is_no_choice_is_said_at_once_and_can_not_be_sent() {
    let mut scene = planned(Mode::Write, (120, 40));
    scene.go("<tab>1<tab>2").says(&["environment takes one of staging, production"]);
    scene.go("<enter>").says(&["Enter is barred: environment takes one of staging, production"]);
    scene.go("<enter>");
    assert!(matches!(single(&scene).stand, Stand::Planned(_)) && scene.theatre.acts.is_empty());
    // Esc leaves them as they were before the last Tab.
    scene.go("<shift-tab><shift-tab><backspace><esc>");
    assert_eq!(lines(&scene), ["version=1", "environment=staging2", "dry_run=false"]);
    scene.go("<tab><down><backspace><enter>").says(&["confirm…"]);
    scene.go("<enter>");
    assert!(matches!(single(&scene).stand, Stand::Confirming { .. }), "{:?}", single(&scene).stand);
    scene.go("<esc><esc>");
    assert!(scene.app.screens.is_empty() && scene.theatre.acts.is_empty(), "Esc is always no");
}

#[test]
fn read_only_and_a_lock_forbid_it_and_what_is_no_run_says_why() {
    for (mode, says) in [(Mode::ReadOnly, "read-only"), (Mode::ByTier, "locked")] {
        let mut scene = planned(mode, (120, 40));
        scene.go("<tab>2.8.1<enter><enter>").says(&[says]);
        assert!(matches!(single(&scene).stand, Stand::Planned(_)) && scene.theatre.acts.is_empty());
    }
    let mut scene = stage("incident").size(120, 40).mode(Mode::Write).after("4m").play();
    scene.go(":dispatch").says(&["only what a run of a CI is of can be started"]);
    let mut scene = stage("incident").size(120, 40).mode(Mode::Write).keys("2").after("4m").play();
    let found = offers(&scene.app, &scene.app.subject()).into_iter().find(|offer| offer.action == Action::Dispatch).expect("it is offered");
    assert!(found.words.is_ok_and(|words| words.starts_with("dispatch release of shop/")));
    scene.go("<enter>D").says(&["Dispatch release of shop/"]);
}

#[test]
fn a_lost_answer_is_never_called_not_applied_and_nothing_is_sent_again() {
    let mut scene = planned(Mode::Write, (120, 40));
    scene.go("<tab>2.8.1<enter><enter>cart<enter>the mirror is back");
    let key: Key = "enter".parse().expect("a key");
    let effects = scene.app.update(scene.app.now, Event::Key(key));
    let task = effects.into_iter().find_map(|effect| if let Effect::Act { task, .. } = effect { Some(task) } else { None }).expect("the one request");
    scene.told(Event::Recorded(task, Ok(7))).told(Event::Stage(task, Told::Sending));
    scene.told(Event::Stage(task, Told::Unclear { why: "the connection broke".into() }));
    assert!(matches!(single(&scene).stand, Stand::Unclear { .. }));
    scene.go("<wait:1m>").says(&["COULD NOT TELL", "the connection broke", "you start another"]);
    assert!(matches!(&single(&scene).stand, Stand::Done { end: End::CouldNotTell(_), .. }) && scene.theatre.acts.is_empty(), "nothing is sent by itself");
}

#[test]
fn the_plan_of_a_start_as_it_is_written() {
    let scene = || stage("incident").size(80, 24).mode(Mode::Write).keys("2").after("4m");
    scene().keys("gD").shows("dispatch_plan_80x24");
    scene().keys("gD<tab>2.8.1<tab>x").shows("dispatch_inputs_80x24");
    scene().keys("gD<tab>2.8.1<enter><enter>").shows("dispatch_confirm_80x24");
}
