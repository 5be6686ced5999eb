//! What other consoles left open, what rings, and what is not offered.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{Before, Came, Effect, Event, OpenOperation, Record, Screen},
    domain::{OpId, Scaling, Seen, Verb},
    gate::Mode,
    text::{Clean, Raw},
};

/// A restart that a console began two minutes ago, whose process is gone.
fn open(scene: &Scene, operation: &str) -> OpenOperation {
    let subject = scene.app.workloads_of(&scene.app.subject()).into_iter().next().expect("a workload is under the cursor");
    OpenOperation {
        operation: OpId::restore(operation),
        title: Clean::from_static("cart in production: restart"),
        verb: Clean::from_static(Verb::Restart.words()),
        subject,
        from: Seen { uid: Raw::new("another"), template: Raw::new("another"), paused: false },
        to: None,
        left: None,
        before: None,
        reason: Clean::EMPTY,
        entry: 1,
        since: scene.app.now.wall - jiff::SignedDuration::from_mins(2),
        accepted: false,
        alive: None,
    }
}

/// The settlements that were written down.
fn settled(scene: &Scene) -> Vec<Came> {
    let came = |effect: &Effect| match effect {
        Effect::Record(Record::Settled { came, .. }) => Some(*came),
        _ => None,
    };
    scene.theatre.recorded.iter().filter_map(came).collect()
}

fn tell(scene: &mut Scene, open: OpenOperation) {
    scene.theatre.tell(&mut scene.app, Event::Open(vec![open]));
}

#[test]
fn what_carries_its_mark_was_carried_out_and_that_is_written_down() {
    let mut scene = stage("quiet").play();
    let _ = scene.theatre.acts_as_somebody_else(&scene.app, Verb::Restart, None);
    let left = open(&scene, "else-1");
    tell(&mut scene, left.clone());
    scene.says(&["cart in production: restart was begun and not ended; B shows it"]);
    scene.go("B").says(&["left behind; Enter reads what became of it"]);
    scene.go("<enter>").says(&["it was carried out", "Enter takes it off the list"]);
    assert_eq!(settled(&scene), [Came::Done]);
    scene.go("<enter>").says(&["nothing was left open"]);
    assert!(scene.theatre.acts.is_empty(), "nothing was sent");
    // A journal that was read before says otherwise.
    tell(&mut scene, left);
    scene.says(&["nothing was left open"]);
}

/// The rollback of what is under the cursor, confirmed just now at a console that lives, and watched from here.
fn watched() -> (Scene, OpenOperation) {
    let mut scene = stage("incident").size(200, 50).keys("R").play();
    let plan = |screen: &Screen| if let Screen::Operation(key) = screen { scene.app.operations.get(*key) } else { None };
    let procedure = &scene.app.screens.iter().find_map(plan).expect("a plan is open").procedure;
    let (plan, case) = (procedure.plan().expect("a plan is open"), &procedure.case);
    let left = OpenOperation {
        title: Clean::from_static("cart in production: 2.8.0 → 2.7.3"),
        verb: Clean::from_static(Verb::RollBack.words()),
        from: plan.from().clone(),
        to: plan.goal(),
        before: Some(Box::new(Before { baseline: case.baseline.clone(), alert: case.alert.clone() })),
        since: scene.app.now.wall,
        alive: Some(Clean::from_static("ada@bastion, pid 4242")),
        ..open(&scene, "8b2c-1")
    };
    scene.go("<esc>");
    tell(&mut scene, left.clone());
    scene.go("B").says(&["under way at ada@bastion, pid 4242; Enter watches it"]);
    scene.go("<enter>");
    // The journal is read once more before anything is watched.
    tell(&mut scene, left.clone());
    (scene, left)
}

fn verdicts(scene: &Scene) -> usize {
    scene.theatre.recorded.iter().filter(|effect| matches!(effect, Effect::Record(Record::Verdict { .. }))).count()
}

fn taken(scene: &Scene) -> usize {
    scene.theatre.recorded.iter().filter(|effect| matches!(effect, Effect::Record(Record::Taken(_)))).count()
}

/// Somebody else changes what was to be rolled back: nobody can tell what came of it.
fn overtaken(scene: &mut Scene) {
    let _ = scene.theatre.acts_as_somebody_else(&scene.app, Verb::Restart, None);
    scene.go("<wait:9s>").says(&["COULD NOT TELL"]);
}

#[test]
fn who_only_watches_hands_nothing_over_and_writes_nothing_down() {
    let (mut scene, _) = watched();
    assert_eq!(scene.app.operations.to_hand_over(), [], "who sees it through lives");
    overtaken(&mut scene);
    assert_eq!((taken(&scene), settled(&scene), verdicts(&scene)), (0, vec![], 0), "whoever sees it through writes its verdict down");
    assert!(scene.theatre.acts.is_empty(), "nothing was sent");
}

#[test]
fn who_watches_goes_on_where_who_saw_it_through_is_gone() {
    let (mut scene, left) = watched();
    tell(&mut scene, OpenOperation { alive: None, ..left.clone() });
    assert_eq!((taken(&scene), scene.app.operations.to_hand_over()), (1, vec![left.operation]), "it is ours from now on");
    overtaken(&mut scene);
    assert_eq!(verdicts(&scene), 1, "{:?}", scene.theatre.recorded);
    assert!(scene.theatre.acts.is_empty(), "nothing was sent");
}

#[test]
fn what_is_as_it_was_was_not_carried_out() {
    let mut scene = stage("quiet").play();
    scene.go("r");
    let saw = scene.app.screens.iter().find_map(|screen| match screen {
        pilothouse::app::Screen::Operation(key) => scene.app.operations.single(*key).and_then(|single| single.form()).map(|form| form.subject.seen.clone()),
        _ => None,
    });
    scene.go("<esc>");
    let left = OpenOperation { from: saw.expect("the plan shows what is there"), ..open(&scene, "8b2c-9") };
    let early = OpenOperation { since: scene.app.now.wall, ..left.clone() };
    tell(&mut scene, early);
    scene.go("B<enter>").says(&["it may be on its way; Enter reads again"]);
    assert_eq!(settled(&scene), []);
    tell(&mut scene, left);
    scene.go("<enter>").says(&["it was not carried out: the object is as it was"]);
    assert_eq!(settled(&scene), [Came::Not]);
}

#[test]
fn of_a_start_nobody_says_that_it_was_not_carried_out() {
    let mut scene = stage("incident").size(120, 40).mode(Mode::Write).keys("2").after("4m").play();
    scene.go("gD");
    let single = |scene: &Scene| match scene.app.screens.last() {
        Some(Screen::Operation(key)) => scene.app.operations.single(*key).and_then(|single| single.form()).map(|form| form.subject.seen.clone()),
        _ => None,
    };
    let saw = single(&scene).expect("the plan shows what is there");
    scene.go("<esc>");
    let run = scene.app.pipelines.at.id().expect("a run").clone();
    let quiet = open(&stage("quiet").play(), "8b2c-9");
    let since = scene.app.now.wall - jiff::SignedDuration::from_mins(30);
    let left = OpenOperation { verb: Clean::from_static(Verb::Dispatch.words()), subject: run.cast(), from: saw.clone(), since, ..quiet };
    tell(&mut scene, left.clone());
    scene.go("B<enter>").says(&["no run that it started is seen by now: look before you start another"]);
    let older = Seen { template: Raw::new("newest 1"), ..saw };
    tell(&mut scene, OpenOperation { operation: OpId::restore("8b2c-10"), from: older, ..left });
    scene.go("<enter><enter>").says(&["this or somebody else started one since"]);
    assert_eq!(settled(&scene), [Came::Superseded, Came::Superseded]);
}

#[test]
fn what_somebody_else_changed_since_can_not_be_told_from_the_object() {
    let mut scene = stage("quiet").play();
    let left = open(&scene, "8b2c-9");
    tell(&mut scene, left);
    scene.go("B<enter>").says(&["does not carry its mark"]);
    assert_eq!(settled(&scene), [Came::Superseded]);
}

#[test]
fn what_lives_elsewhere_is_only_shown() {
    let mut scene = stage("quiet").play();
    let left = OpenOperation { alive: Some(Clean::from_static("ada@bastion, pid 4242")), ..open(&scene, "8b2c-9") };
    tell(&mut scene, left);
    scene.go("B").says(&["under way at ada@bastion, pid 4242"]);
    scene.go("<enter>").says(&["it is only shown here"]);
    assert_eq!(settled(&scene), []);
}

#[test]
fn what_is_watched_rings_when_it_changes_and_not_before() {
    let mut scene = stage("quiet").play();
    let rung = |scene: &Scene| scene.theatre.wanted.iter().filter(|effect| matches!(effect, Effect::Notify(_))).count();
    scene.go("W").says(&["is watched", "it rings when that changes"]);
    scene.go("<wait:30s>");
    assert_eq!(rung(&scene), 0);
    let size = scene.app.workloads_of(&scene.app.subject()).first().and_then(|id| scene.app.store.workload(id)).map(|row| row.replicas.wanted);
    let from = size.expect("a workload is under the cursor");
    let _ = scene.theatre.acts_as_somebody_else(&scene.app, Verb::Scale, Some(Scaling { from, to: from + 2 }));
    scene.go("<wait:5m>");
    let first = rung(&scene);
    assert!(first >= 1, "it was scaled, and nothing rang");
    scene.go("W").says(&["is no longer watched"]);
    let _ = scene.theatre.acts_as_somebody_else(&scene.app, Verb::Scale, Some(Scaling { from: from + 2, to: from }));
    scene.go("<wait:5m>");
    assert_eq!(rung(&scene), first);
}

#[test]
fn footer_and_help_list_what_works_and_the_palette_says_why_not() {
    let mut scene = stage("incident").size(200, 100).play();
    let footer = scene.text().lines().last().expect("a footer").to_owned();
    assert!(footer.contains("r restart") && footer.contains("x explain"), "{footer}");
    for label in ["acknowledge", "silence", "incident", "dispatch", "pause"] {
        assert!(!footer.contains(label), "{label} is offered: {footer}");
    }
    scene.go("?");
    scene.hides(&["Silence the alert", "Open an incident"]).says(&["Plan a restart"]);
    scene.go("<esc>4:silence").says(&["silences are not built yet"]);
    scene.go("<enter>");
    let copied = scene.theatre.wanted.iter().any(|effect| matches!(effect, Effect::Copy(lines) if lines[0].starts_with("amtool silence add ")));
    assert!(copied, "{:?}", scene.theatre.wanted);
    scene.go("S").says(&["silences are not built yet: amtool silence add"]);
    scene.go("1<enter>s").says(&["the simulated pods have no shell"]);
}
