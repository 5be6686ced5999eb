//! Several services marked and taken back as one plan: one confirmation, one after the other, each with its own verdict.

use crate::stage::{Scene, Stage, stage, time};
use pilothouse::{
    app::{App, Batch, Effect, Event, Now, Screen, Together},
    domain::{Stage as Told, Verb},
    gate::Mode,
    keys::Key,
    rollback::{State, Verdict},
    text::{Clean, Name},
};
use proptest::prelude::*;

/// Marks the first two services of production and plans.
const PLANNED: &str = "<space><space>R";
/// Confirms for production.
const CONFIRMED: &str = "<enter>production<enter>";

fn open() -> Stage {
    stage("incident").mode(Mode::Write)
}

fn batch(app: &App) -> &Batch {
    let shown = app.screens.iter().rev().find_map(|screen| match screen {
        Screen::Operation(key) => app.operations.batch(*key),
        _ => None,
    });
    shown.expect("a batch is on the screen")
}

fn state<'a>(app: &'a App, service: &str) -> &'a State {
    let member = batch(app).members.iter().find(|member| member.service.raw() == service).expect("it is a member");
    &app.operations.of_member(member).expect("its plan was begun").procedure.state
}

fn sent(scene: &Scene) -> Vec<String> {
    scene.theatre.acts.iter().map(|operation| operation.title.to_string()).collect()
}

fn until(scene: &mut Scene, what: &str, holds: impl Fn(&Scene) -> bool) {
    for _ in 0..300 {
        if holds(scene) {
            return;
        }
        scene.go("<wait:5s>");
    }
    panic!("{what}: never\n{}", scene.text());
}

fn over(scene: &Scene) -> bool {
    matches!(batch(&scene.app).stand, Together::Over { .. })
}

/// A key, and what the console wants then; nobody carries it out.
fn press(scene: &mut Scene, key: &str) -> Vec<Effect> {
    let key: Key = key.parse().expect("a key");
    scene.app.update(scene.app.now, Event::Key(key))
}

/// Confirmed, with the one request that was handed out still in our hands.
fn handed_out(scene: &mut Scene) -> (pilothouse::domain::TaskId, Box<pilothouse::domain::Operation>) {
    scene.go("<enter>production");
    let mut acts = press(scene, "enter").into_iter().filter_map(|effect| match effect {
        Effect::Act { task, operation, .. } => Some((task, operation)),
        _ => None,
    });
    let act = acts.next().expect("a request");
    assert!(acts.next().is_none(), "one at a time");
    act
}

#[test]
fn marked_services_go_back_one_after_the_other_by_one_confirmation() {
    let mut scene = open().keys("<space><space>").play();
    scene.says(&["• 2 marked"]);
    assert!(scene.foot().contains("R roll back 2 marked in production"), "{}", scene.foot());
    scene.go("R").says(&["Roll back 2 workloads in production", "1 cart", "2 payments", "2.8.0 r42 → 2.7.3 r41", "“production” and the reason must be typed"]);
    scene.go("<enter>cart<enter><enter>").says(&["type the service's name: production"]);
    assert!(sent(&scene).is_empty(), "the name of one of them does not confirm all");
    scene.go("<esc><enter>production");
    assert!(sent(&scene).is_empty());
    scene.go("<enter>");
    assert_eq!(sent(&scene), ["cart in production"], "the second waits for the verdict of the first");
    assert!(scene.theatre.acts[0].reason.contains("CartErrorRate"));
    scene.says(&["waits for those before it"]);
    until(&mut scene, "the second begins", |scene| sent(scene).len() == 2);
    assert!(matches!(state(&scene.app, "cart"), State::Done { verdict: Verdict::Recovered { .. }, .. }));
    until(&mut scene, "all are over", over);
    assert_eq!(sent(&scene), ["cart in production", "payments in production"], "each once");
    scene.says(&["All of them are over, each with its own verdict", "RECOVERED in"]);
    scene.go("<enter>");
    assert!(scene.app.screens.is_empty() && scene.app.environments.marks.is_empty());
    assert!(scene.app.operations.lines(&scene.app).is_empty(), "nothing of it is left");
}

#[test]
fn what_is_refused_stops_what_comes_after_it() {
    let mut scene = open().keys(PLANNED).play();
    let (task, _) = handed_out(&mut scene);
    scene.told(Event::Stage(task, Told::Refused { why: Clean::from_static("quota exceeded") }));
    assert!(matches!(&batch(&scene.app).stand, Together::Over { stopped: Some((0, why)) } if why.contains("quota exceeded")), "{:?}", batch(&scene.app).stand);
    scene.says(&["Stopped at cart", "quota exceeded", "1 after it: not begun", "not begun"]);
    scene.go("<wait:30s>");
    assert!(sent(&scene).is_empty(), "nothing after it was sent");
}

#[test]
fn a_lost_answer_stops_nothing_and_sends_nothing_until_it_is_settled() {
    let mut scene = open().keys(PLANNED).play();
    let (task, _) = handed_out(&mut scene);
    let effects = scene.app.update(scene.app.now, Event::Stage(task, Told::Unclear { why: Clean::from_static("connection reset") }));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Act { .. })), "{effects:?}");
    assert!(matches!(batch(&scene.app).stand, Together::Working { at: 0, .. }));
}

#[test]
fn what_came_out_as_no_recovery_stops_what_comes_after_it() {
    let mut scene = open().keys(PLANNED).play();
    let (task, operation) = handed_out(&mut scene);
    // It is accepted, and the world stays as bad as it was.
    scene.told(Event::Stage(task, Told::Accepted { request: None, warnings: Vec::new(), revision: Some(43), generation: Some(99) }));
    let mut now = scene.app.now;
    for _ in 0..60 {
        now = Now { wall: now.wall + time("15s"), mono: now.mono + time("15s").unsigned_abs() };
        let effects = scene.app.update(now, Event::Tick);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Act { .. })), "after {}: {effects:?}", operation.title);
    }
    assert!(matches!(&batch(&scene.app).stand, Together::Over { stopped: Some((0, _)) }), "{:?}", batch(&scene.app).stand);
    scene.says(&["Stopped at cart: NOT RECOVERED", "1 after it: not begun"]);
}

#[test]
fn what_changed_since_it_was_confirmed_is_not_begun() {
    let mut scene = open().keys(PLANNED).keys(CONFIRMED).play();
    // Somebody else restarts the second one while the first is on its way.
    scene.go("j");
    let Scene { app, theatre } = &mut scene;
    theatre.acts_as_somebody_else(app, Verb::Restart, None);
    until(&mut scene, "it stops", over);
    assert_eq!(sent(&scene), ["cart in production"]);
    scene.says(&["Stopped at payments"]);
}

#[test]
fn what_changes_under_the_confirm_line_is_not_sent() {
    let mut scene = open().keys(PLANNED).keys("<enter>production").play();
    let Scene { app, theatre } = &mut scene;
    theatre.acts_as_somebody_else(app, Verb::Restart, None);
    scene.go("<wait:9s><enter>");
    until(&mut scene, "it stops", over);
    assert!(sent(&scene).is_empty(), "what was on the screen when the line opened is not there any more");
    scene.says(&["Stopped at cart: it is not any more what was confirmed"]);
}

#[test]
fn what_is_left_out_stays_and_what_can_not_go_back_bars_the_rest() {
    let mut scene = open().keys(PLANNED).keys("j<space>").play();
    scene.says(&["Roll back 1 workload in production", "left out"]);
    scene.go("k<space><enter>").says(&["all were left out"]);
    scene.go("<space>").go(CONFIRMED);
    until(&mut scene, "it is over", over);
    assert_eq!(sent(&scene), ["cart in production"]);
}

#[test]
fn the_cursor_stays_in_view_where_many_go_back() {
    let mut scene = open().size(80, 24).keys(&"<space>".repeat(12)).keys("R").play();
    scene.says(&["Roll back 12 workloads in production", "▸", "1 cart", "more below"]);
    scene.go("jjjjjjjjjjj").says(&["▸", "12 "]).hides(&["1 cart"]);
    scene.go("kkkkkkkkkkk").says(&["▸", "1 cart"]);
}

#[test]
fn nothing_is_confirmed_on_the_plan_of_one_of_them() {
    let mut scene = open().keys(PLANNED).keys("d").play();
    scene.says(&["Roll back cart in production"]).hides(&["2 workloads"]);
    scene.go("<enter>").says(&["it goes back with others"]);
    assert!(sent(&scene).is_empty());
    scene.go("<esc>").says(&["Roll back 2 workloads in production"]);
    scene.go("<esc>");
    assert!(scene.app.screens.is_empty() && scene.app.operations.lines(&scene.app).is_empty(), "leaving leaves nothing behind");
}

#[test]
fn another_target_of_one_of_them_can_be_chosen_before_it_is_confirmed_only() {
    let mut scene = open().keys(PLANNED).keys("d[<esc>").play();
    let State::Planned(plan) = state(&scene.app, "cart") else { panic!("{:?}", state(&scene.app, "cart")) };
    let number = plan.goal().expect("a target").number;
    assert!(number < 41, "an older one: {number}");
    scene.go(CONFIRMED);
    assert_eq!(scene.theatre.acts[0].to.as_ref().map(|to| to.number), Some(number));
    scene.go("jd[").says(&["it is confirmed: its target stays"]);
}

#[test]
fn no_other_one_begins_once_that_was_wished() {
    let mut scene = open().keys(PLANNED).keys(CONFIRMED).keys("X").play();
    scene.says(&["No other one begins"]);
    until(&mut scene, "it is over", over);
    assert_eq!(sent(&scene), ["cart in production"]);
    scene.says(&["Stopped at payments: it was not to begin any more", "RECOVERED in"]);
}

#[test]
fn it_goes_on_in_the_background_and_is_found_again() {
    let mut scene = open().keys(PLANNED).keys(CONFIRMED).keys("<esc>B").play();
    let line = scene.row("Rolling back 2 workloads in production");
    assert!(line.contains("1 of 2") && line.contains("cart in production"), "{line}");
    assert_eq!(scene.app.operations.lines(&scene.app).len(), 1, "its members are not listed besides");
    scene.go("<enter>").says(&["waits for those before it"]);
}

#[test]
fn what_was_itself_rolled_back_from_is_gone_back_to_on_its_own_only() {
    let mut scene = open().size(200, 50).keys("R<enter>cart<enter>").play();
    let over = |effect: &Effect| matches!(effect, Effect::Notify(words) if words.contains("cart in production: RECOVERED"));
    until(&mut scene, "cart is back", |scene| scene.theatre.wanted.iter().any(over));
    scene.go("<enter>").go(PLANNED);
    let at = batch(&scene.app).members.iter().position(|member| member.service.raw() == "cart").expect("it is a member");
    scene.go(&"k".repeat(9)).go(&"j".repeat(at)).go("d]]]]<esc>");
    let State::Planned(plan) = state(&scene.app, "cart") else { panic!("{:?}", state(&scene.app, "cart")) };
    assert!(plan.candidate().is_some_and(|candidate| candidate.undo_of_undo), "{:?}", plan.goal());
    scene.go("<enter>").says(&["within a day: on its own only"]);
    assert_eq!(sent(&scene).len(), 1, "nothing but the first");
}

#[test]
fn those_of_one_environment_only_go_back_together() {
    let mut scene = open().keys("<space><left><space>").play();
    scene.says(&["those of one environment go back together"]);
    assert_eq!(scene.app.environments.marks.len(), 1);
    scene.go("<esc>");
    assert!(scene.app.environments.marks.is_empty());
    assert!(scene.foot().contains("R roll back payments"), "the cell under the cursor again: {}", scene.foot());
}

#[test]
fn what_depends_on_others_goes_back_before_them() {
    let scene = open().needs("payments", "cart").keys(PLANNED).play();
    let order: Vec<&str> = batch(&scene.app).members.iter().map(|member| member.service.raw()).collect();
    assert_eq!(order, ["payments", "cart"]);
    scene.says(&["what depends on others (depends_on) goes back before them"]);
}

#[test]
fn a_locked_environment_takes_no_batch() {
    let mut scene = stage("incident").keys(PLANNED).keys("<enter>").play();
    scene.says(&["production is locked"]);
    assert!(matches!(batch(&scene.app).stand, Together::Planned));
    scene.go("<ctrl-o><enter>").go(CONFIRMED);
    assert_eq!(sent(&scene), ["cart in production"]);
}

#[test]
fn the_lock_that_comes_back_stops_what_was_not_begun() {
    let mut scene = stage("incident").keys(PLANNED).keys("<ctrl-o><enter>").keys(CONFIRMED).play();
    scene.app.opened.remove(&Name::new("production"));
    until(&mut scene, "it stops", over);
    assert_eq!(sent(&scene), ["cart in production"]);
    scene.says(&["Stopped at payments: production is locked again"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn whatever_is_typed_read_only_sends_nothing_and_nothing_is_sent_twice(
        keys in prop::collection::vec(prop::sample::select(vec!["<enter>", "<esc>", "<tab>", "<space>", "j", "k", "d", "[", "R", "X", "B", "production", "cart", "<wait:9s>"]), 1..16)
    ) {
        let script: String = keys.concat();
        let read_only = stage("incident").mode(Mode::ReadOnly).keys(PLANNED).keys(&script).play();
        prop_assert!(read_only.theatre.acts.is_empty(), "{script}");
        let scene = open().keys(PLANNED).keys(&script).play();
        let mut ids: Vec<_> = scene.theatre.acts.iter().map(|operation| operation.id.clone()).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), count, "{}", script);
        let mut subjects: Vec<_> = scene.theatre.acts.iter().map(|operation| (operation.subject.clone(), operation.from.template.clone())).collect();
        subjects.sort_by_key(|(subject, from)| (subject.as_str().to_owned(), format!("{from:?}")));
        let all = subjects.len();
        subjects.dedup();
        prop_assert_eq!(subjects.len(), all, "one request for what was seen once: {}", script);
    }
}
