//! What the console decides: keys, facts and answers in, effects out. No terminal, no network.

use crate::stage::{Scene, stage, time};
use pilothouse::{
    app::{App, Came, Effect, Event, Now, Record, Screen, Size},
    domain::{Answer, Progress, Question, Stage, Subject, Tier, guess},
    gate::Mode,
    keys::Key,
    rollback::State,
    text::{Clean, Name},
    theme::Role,
};
use proptest::prelude::*;
use std::time::Duration;

/// As far as the confirm line of production.
const CONFIRMING: &str = "R<ctrl-o><enter><enter>";

fn press(scene: &mut Scene, key: &str) {
    let key: Key = key.parse().expect("a key");
    scene.theatre.tell(&mut scene.app, Event::Key(key));
}

fn paste(scene: &mut Scene, text: &str) {
    scene.theatre.tell(&mut scene.app, Event::Paste(text.to_owned()));
}

fn state(app: &App) -> Option<&State> {
    app.screens.iter().rev().find_map(|screen| match screen {
        Screen::Operation(key) => app.operations.get(*key).map(|running| &running.procedure.state),
        _ => None,
    })
}

fn service_here(app: &App) -> String {
    app.cell_here().map(|(service, _)| service.to_string()).unwrap_or_default()
}

#[test]
fn production_is_locked_until_somebody_opens_it() {
    let mut scene = stage("incident").keys("R<enter>").play();
    assert!(matches!(state(&scene.app), Some(State::Planned(_))), "{:?}", state(&scene.app));
    scene.says(&["locked"]).hides(&["PRODUCTION open"]);
    scene.go("cart<enter><enter>");
    assert!(scene.theatre.acts.is_empty());
}

#[test]
fn the_key_r_opens_a_plan_and_nothing_else() {
    let scene = stage("incident").mode(Mode::Write).keys("R").play();
    assert!(matches!(state(&scene.app), Some(State::Planned(_))));
    assert!(scene.theatre.acts.is_empty());
}

#[test]
fn the_straight_way_acts_once_with_what_was_confirmed() {
    let mut scene = stage("incident").keys(CONFIRMING).keys("cart").play();
    assert!(scene.theatre.acts.is_empty(), "the name alone is no Enter");
    scene.go("<enter>");
    assert_eq!(scene.theatre.acts.len(), 1);
    let operation = &scene.theatre.acts[0];
    assert_eq!(operation.to.as_ref().map(|to| to.number), Some(41));
    assert!(operation.reason.contains("CartErrorRate"), "the reason comes from the alert: {}", operation.reason);
    scene.go("<enter><enter>cart<enter><enter>");
    assert_eq!(scene.theatre.acts.len(), 1, "nothing that is pressed afterwards sends it again");
}

#[test]
fn another_name_does_not_confirm() {
    let scene = stage("incident").keys(CONFIRMING).keys("carts<enter><enter>").play();
    assert!(scene.theatre.acts.is_empty());
    scene.says(&["type the service's name: cart"]);
}

#[test]
fn an_empty_reason_does_not_confirm() {
    let scene = stage("incident").keys(CONFIRMING).keys("cart<tab><ctrl-u><enter><enter><enter>").play();
    assert!(scene.theatre.acts.is_empty());
}

#[test]
fn no_key_typed_before_the_confirm_line_was_painted_confirms() {
    let mut scene = stage("incident").keys("R<ctrl-o><enter>").play();
    for key in ["enter", "c", "a", "r", "t", "enter", "enter", "enter"] {
        press(&mut scene, key);
    }
    assert!(scene.theatre.acts.is_empty(), "the dialog was never painted");
    let Scene { app, theatre } = &mut scene;
    theatre.paint(app);
    assert!(theatre.acts.is_empty(), "painting confirms nothing");
}

#[test]
fn what_is_typed_while_the_checks_are_made_is_no_key_and_confirms_nothing() {
    for (ready, open, says) in [("R", "[", "the checks are still being made"), ("", "r", "there is no plan to confirm")] {
        let mut scene = stage("incident").mode(Mode::Write).keys(ready).play();
        let key = |key: &str| Event::Key(key.parse().expect("a key"));
        // Nobody answers what is asked then: of an older target, of a restart.
        scene.told(key(open)).told(key("enter")).says(&[says]);
        let screens = scene.app.screens.len();
        for letter in ["c", "a", "r", "t", ":", "q", "?", "d"] {
            scene.told(key(letter));
        }
        assert!(scene.app.overlay.is_none() && scene.app.screens.len() == screens, "{open}: no letter is a key\n{}", scene.text());
        scene.says(&["what is typed is not taken"]);
        scene.told(key("enter"));
        assert!(!demanded(&scene.app) && scene.theatre.acts.is_empty(), "nothing was kept for the line");
        // Whoever pauses reads again, and letters are keys.
        let now = Now { mono: scene.app.now.mono + Duration::from_secs(2), ..scene.app.now };
        let _ = scene.app.update(now, key("?"));
        assert!(scene.app.overlay.is_some(), "{open}: {}", scene.text());
    }
}

#[test]
fn no_key_typed_before_the_question_was_painted_opens_production() {
    let mut scene = stage("incident").play();
    for key in ["ctrl-o", "enter", "enter"] {
        press(&mut scene, key);
    }
    assert!(scene.app.opened.is_empty());
}

#[test]
fn pasted_text_never_confirms() {
    for text in ["cart", "cart\n", "cart\r\n\r\n", "cart\rerrors\r"] {
        let mut scene = stage("incident").keys(CONFIRMING).play();
        paste(&mut scene, text);
        assert!(scene.theatre.acts.is_empty(), "{text:?} acted by itself");
        scene.go("<enter><enter>");
        assert!(scene.theatre.acts.is_empty(), "{text:?} stood for the typed name");
    }
    let mut plan = stage("incident").mode(Mode::Write).keys("R").play();
    paste(&mut plan, "\r\rcart\r\r");
    assert!(plan.theatre.acts.is_empty());
}

#[test]
fn read_only_never_acts_and_nothing_opens_it() {
    let scene = stage("incident").mode(Mode::ReadOnly).keys("R<ctrl-o><enter><enter>cart<enter><enter>").play();
    assert!(scene.theatre.acts.is_empty() && scene.app.opened.is_empty());
    scene.says(&["read-only"]);
}

#[test]
fn read_only_holds_in_every_tier() {
    for left in ["", "<left>", "<left><left>", "<left><left><left>"] {
        let scene = stage("incident").mode(Mode::ReadOnly).keys(left).keys("R<enter>yes<enter><enter><enter>").play();
        assert!(scene.theatre.acts.is_empty(), "it acted after {left}");
    }
}

/// Time passes at once, with nothing in between.
fn later(app: &mut App, passed: &str) {
    let now = Now { wall: app.now.wall + time(passed), mono: app.now.mono + time(passed).unsigned_abs() };
    let _ = app.update(now, Event::Tick);
}

#[test]
fn ctrl_o_opens_one_environment_for_fifteen_minutes() {
    let mut scene = stage("incident").keys("<ctrl-o><enter>").play();
    let production = Name::new("production");
    assert_eq!(scene.app.opened.keys().collect::<Vec<_>>(), [&production]);
    scene.says(&["PRODUCTION open"]);
    later(&mut scene.app, "14m");
    assert!(scene.app.opened.contains_key(&production));
    later(&mut scene.app, "61s");
    assert!(scene.app.opened.is_empty());
    scene.says(&["PRODUCTION locked"]);
}

#[test]
fn a_lock_that_fell_while_the_confirm_line_was_open_holds() {
    let mut scene = stage("incident").keys(CONFIRMING).keys("cart").play();
    later(&mut scene.app, "16m");
    let now = scene.app.now;
    let effects = scene.app.update(now, Event::Key("enter".parse().unwrap()));
    let closed = |effect: &Effect| match effect {
        Effect::Act { policy, operation, .. } => policy.closed(operation.verb, now.wall).is_some(),
        _ => true,
    };
    assert!(effects.iter().all(closed), "a request would leave after the environment had locked itself: {effects:?}");
    assert!(scene.app.opened.is_empty());
}

/// On a terminal that is too small the dialog is there and nobody sees it.
#[test]
fn no_key_confirms_what_a_small_terminal_can_not_show() {
    let mut scene = stage("incident").keys(CONFIRMING).keys("cart").play();
    scene.told(Event::Resize(Size { width: 39, height: 9 })).says(&["too small"]);
    scene.go("<enter><esc>x");
    assert!(scene.theatre.acts.is_empty(), "Enter was taken for a dialog that is not on the screen");
    scene.told(Event::Resize(Size { width: 80, height: 24 }));
    assert!(matches!(state(&scene.app), Some(State::Confirming { .. })), "it waits as it was left");
    scene.go("<enter>");
    assert_eq!(scene.theatre.acts.len(), 1);
}

#[test]
fn what_was_asked_for_and_is_not_there_is_said_and_nothing_else_stands_in_its_name() {
    let scene = stage("incident").open("nosuch", Some("nowhere")).play();
    scene.says(&["no service nosuch"]);
    assert_eq!(service_here(&scene.app), "cart", "the cursor is where it burns worst");
    assert!(scene.app.start.open == (None, None));
    let scene = stage("incident").open("search", Some("staging")).play();
    assert_eq!(service_here(&scene.app), "search");
}

#[test]
fn esc_is_always_no() {
    let scene = stage("incident").keys(CONFIRMING).keys("cart<esc>").play();
    assert!(matches!(state(&scene.app), Some(State::Planned(_))));
    let gone = stage("incident").keys(CONFIRMING).keys("cart<esc><esc>").play();
    assert!(gone.app.screens.is_empty() && gone.theatre.acts.is_empty());
}

#[test]
fn a_confirm_line_that_opened_behind_another_screen_must_be_seen_before_it_confirms() {
    let mut scene = stage("incident").keys(CONFIRMING).keys("cart").play();
    let (now, key) = (scene.app.now, |name: &str| Event::Key(name.parse().expect("a key")));
    let sent = scene.app.update(now, key("enter"));
    let task = sent.iter().find_map(|effect| match effect {
        Effect::Act { task, .. } => Some(*task),
        _ => None,
    });
    let task = task.expect("it was confirmed");
    let _ = scene.app.update(now, Event::Recorded(task, Ok(1)));
    // Put into the background before the answer: the object moved, and one more Enter is asked for.
    let _ = scene.app.update(now, key("esc"));
    let _ = scene.app.update(now, Event::Stage(task, Stage::Conflict { what: Clean::from_static("somebody scaled it"), same: true }));
    assert_eq!(scene.app.unseen(), None, "a frame that does not show the line counts as one that does");
    let acted = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Act { .. }));
    for name in ["B", "enter", "enter", "enter"] {
        assert!(!acted(scene.app.update(now, key(name))), "{name} sent it again although nobody has seen the question");
    }
    let dialog = scene.app.unseen().expect("it is on the screen now");
    let _ = scene.app.update(now, Event::Painted(dialog));
    assert!(acted(scene.app.update(now, key("enter"))), "one Enter is enough once it was seen");
}

#[test]
fn a_server_that_failed_and_changed_nothing_is_settled_in_the_journal_and_asked_for_one_enter() {
    let mut scene = stage("incident").keys(CONFIRMING).keys("cart").play();
    let now = scene.app.now;
    let sent = scene.app.update(now, Event::Key("enter".parse().expect("a key")));
    let (task, operation) = sent
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Act { task, operation, .. } => Some((task, operation)),
            _ => None,
        })
        .expect("it was confirmed");
    let _ = scene.app.update(now, Event::Recorded(task, Ok(1)));
    let _ = scene.app.update(now, Event::Stage(task, Stage::Sending));
    let why = Clean::from_static("prod answered HTTP 500: failed calling webhook");
    let effects = scene.app.update(now, Event::Stage(task, Stage::Unclear { why }));
    let reading = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Ask { task, question: Question::Subject(_), .. } => Some(*task),
            _ => None,
        })
    };
    assert!(reading(&effects).is_some(), "it is read, not sent: {effects:?}");
    let later = Now { wall: now.wall + time("40s"), mono: now.mono + time("40s").unsigned_abs() };
    let again = reading(&scene.app.update(later, Event::Tick)).expect("it is read again");
    let subject = Subject { generation: 1, observed: 1, progress: Progress::Done, ..Subject::new(operation.subject.clone(), operation.from.clone()) };
    let effects = scene.app.update(later, Event::Answer(again, Ok(Box::new(Answer::Subject(Box::new(subject))))));
    let settled = effects.iter().find_map(|effect| match effect {
        Effect::Record(Record::Settled { operation: of, came, detail }) => Some((of.clone(), *came, detail.clone())),
        _ => None,
    });
    let (of, came, detail) = settled.expect("it is written down");
    assert!(
        of == operation.id && came == Came::Not && detail.contains("nothing was changed") && detail.contains("HTTP 500: failed calling webhook"),
        "{detail}"
    );
    assert!(matches!(state(&scene.app), Some(State::Confirming { .. })));
    assert!(scene.app.unseen().is_some(), "the question is on the screen");
}

/// What opens the plan of a change that is no rollback.
const OTHERS: &[&str] = &["r", ":scale 9<enter>", ":scale<enter>]", ":pause<enter>"];

/// What hands and terminals do on the plan and on the confirm line.
#[derive(Clone, Debug)]
enum Move {
    Key(&'static str),
    Word(&'static str),
    Paste(&'static str),
    Painted,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let keys = [
        "enter",
        "enter",
        "esc",
        "tab",
        "R",
        "r",
        "y",
        "d",
        "[",
        "]",
        "ctrl-o",
        "ctrl-c",
        "ctrl-u",
        "backspace",
        "j",
        "q",
        "c",
        "a",
        "r",
        "t",
        "x",
        "A",
        "X",
        "space",
        "1",
        ":",
        "?",
    ];
    let one = prop_oneof![
        4 => prop::sample::select(keys.to_vec()).prop_map(Move::Key),
        2 => prop::sample::select(vec!["cart", "yes", "carts", "back to bad"]).prop_map(Move::Word),
        1 => prop::sample::select(vec!["cart", "cart\n", "yes\r", "\r\r"]).prop_map(Move::Paste),
        2 => Just(Move::Painted),
    ];
    prop::collection::vec(one, 1..24)
}

/// Whether this very Enter is what the confirm line demands: painted, the name typed, a reason there.
fn demanded(app: &App) -> bool {
    let Some(Screen::Operation(key)) = app.screens.last() else { return false };
    let Some(line) = app.operations.confirming(*key) else { return false };
    line.dialog.seen() && line.word.text().trim() == "cart" && !line.reason.text().trim().is_empty() && app.overlay.is_none()
}

fn letters_of_the_name_were_typed(typed: &str) -> bool {
    let mut rest = typed.chars();
    "cart".chars().all(|wanted| rest.any(|c| c == wanted))
}

/// Plays moves on an app and holds every act against what was painted and typed.
fn only_the_demanded_acts(scene: &mut Scene, moves: &[Move]) -> Result<usize, TestCaseError> {
    let mut typed = String::new();
    for step in moves {
        let before = scene.theatre.acts.len();
        let may = demanded(&scene.app);
        match step {
            Move::Key(name) => {
                typed.extend(Some(*name).filter(|name| name.len() == 1));
                press(scene, name);
                prop_assert!(scene.theatre.acts.len() == before || (may && *name == "enter"), "{name} acted");
            }
            Move::Word(word) => {
                for c in word.chars() {
                    typed.push(c);
                    press(scene, &Key::char(c).to_string());
                }
                prop_assert_eq!(scene.theatre.acts.len(), before, "a letter of {} acted", word);
            }
            Move::Paste(text) => {
                paste(scene, text);
                prop_assert_eq!(scene.theatre.acts.len(), before, "a paste acted");
            }
            Move::Painted => {
                let Scene { app, theatre } = scene;
                theatre.paint(app);
                prop_assert_eq!(theatre.acts.len(), before, "a frame acted");
            }
        }
        prop_assert!(scene.theatre.acts.is_empty() || letters_of_the_name_were_typed(&typed), "acted although the name was not typed: {}", typed);
    }
    Ok(scene.theatre.acts.len())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn whatever_is_pressed_on_an_open_plan_only_the_demanded_acts(moves in moves()) {
        let mut scene = stage("incident").mode(Mode::Write).keys("R").play();
        only_the_demanded_acts(&mut scene, &moves)?;
    }

    #[test]
    fn whatever_is_pressed_on_the_confirm_line_only_the_demanded_acts(moves in moves()) {
        let mut scene = stage("incident").keys(CONFIRMING).play();
        prop_assert!(only_the_demanded_acts(&mut scene, &moves)? <= 1);
    }

    #[test]
    fn whatever_is_pressed_on_the_plan_of_another_change_only_the_demanded_acts(moves in moves(), opens in prop::sample::select(OTHERS.to_vec())) {
        let mut scene = stage("incident").mode(Mode::Write).keys(opens).play();
        only_the_demanded_acts(&mut scene, &moves)?;
    }

    #[test]
    fn whatever_is_pressed_on_the_confirm_line_of_another_change_only_the_demanded_acts(moves in moves(), opens in prop::sample::select(OTHERS.to_vec())) {
        let mut scene = stage("incident").mode(Mode::Write).keys(opens).keys("<enter>").play();
        prop_assert!(only_the_demanded_acts(&mut scene, &moves)? <= 1);
    }

    #[test]
    fn whatever_is_pressed_in_read_only_nothing_acts(moves in moves(), opens in prop::sample::select([OTHERS, &["R"]].concat())) {
        let mut scene = stage("incident").mode(Mode::ReadOnly).keys(opens).play();
        let _ = only_the_demanded_acts(&mut scene, &moves)?;
        prop_assert!(scene.theatre.acts.is_empty());
    }
}

#[test]
fn an_answer_for_a_screen_that_was_closed_is_dropped() {
    let mut scene = stage("incident").play();
    let now = Now { wall: scene.app.now.wall, mono: scene.app.now.mono };
    let asked = scene.app.update(now, Event::Key(Key::char('y')));
    let task = asked.iter().find_map(|effect| match effect {
        Effect::Ask { task, .. } => Some(*task),
        _ => None,
    });
    let task = task.expect("y asks for the object");
    let before = {
        let _ = scene.app.update(now, Event::Key("esc".parse().unwrap()));
        scene.text()
    };
    let _ = scene.app.update(now, Event::Answer(task, Ok(Box::new(Answer::Text(vec![Clean::from_static("the secret of another screen")])))));
    assert!(scene.app.screens.is_empty());
    assert_eq!(scene.text(), before);
}

#[test]
fn an_answer_for_another_object_does_not_land_on_the_screen_that_is_open_now() {
    let mut scene = stage("incident").play();
    let now = Now { wall: scene.app.now.wall, mono: scene.app.now.mono };
    let asked = scene.app.update(now, Event::Key(Key::char('y')));
    let Some(Effect::Ask { task, .. }) = asked.first() else { panic!("{asked:?}") };
    let (first, esc): (_, Key) = (*task, "esc".parse().unwrap());
    for key in [esc, Key::char('j'), Key::char('y')] {
        let _ = scene.app.update(now, Event::Key(key));
    }
    let _ = scene.app.update(now, Event::Answer(first, Ok(Box::new(Answer::Text(vec![Clean::from_static("kind: Elsewhere")])))));
    scene.hides(&["kind: Elsewhere"]);
}

#[test]
fn the_cursor_follows_the_service_when_the_order_changes() {
    let mut scene = stage("incident").at("-3m20s").keys("jjj").play();
    let (service, row) = (service_here(&scene.app), scene.app.environments.at.row());
    assert_ne!(service, "cart");
    let order = scene.app.environments.order.clone();
    scene.go("<wait:90s>");
    assert_ne!(scene.app.environments.order, order, "the incident has changed the order of the rows");
    assert_eq!(service_here(&scene.app), service);
    assert_ne!(scene.app.environments.at.row(), row, "the row has moved, the cursor with it");
}

#[test]
fn the_order_is_frozen_for_five_seconds_after_a_key() {
    // The deploy that burns happens at 02:54:10; keys are pressed once a second until after it shows.
    let mut scene = stage("incident").at("-3m20s").keys("j").play();
    let order = scene.app.environments.order.clone();
    for _ in 0..60 {
        scene.go("j<wait:1s>");
        assert_eq!(scene.app.environments.order, order, "the rows moved under the fingers");
    }
    assert!(scene.app.environments.moved > 0, "nothing has changed, so nothing was frozen");
    scene.says(&["moved"]);
    scene.go("<wait:6s>");
    assert_ne!(scene.app.environments.order, order);
}

#[test]
fn it_opens_where_it_burns() {
    let scene = stage("incident").play();
    assert_eq!(service_here(&scene.app), "cart");
    assert_eq!(scene.app.environment_here(), Some(Name::new("production")));
}

#[test]
fn a_guessed_tier_may_tighten_and_never_loosen() {
    for (context, namespace, tier) in [
        ("prod-eu", "prepaid", Tier::Production),
        ("prod-eu", "dev", Tier::Production),
        ("dev", "production", Tier::Production),
        ("staging", "shop", Tier::Staging),
        ("unheard-of", "shop", Tier::Production),
        ("", "", Tier::Production),
    ] {
        let guess = guess(context, namespace);
        assert_eq!((guess.tier, guess.guessed), (tier, true), "{context}/{namespace}");
    }
}

#[test]
fn a_notice_leaves_by_itself() {
    let mut scene = stage("incident").keys("<ctrl-l>").play();
    assert!(scene.app.notices.newest().is_some());
    later(&mut scene.app, "1m");
    assert!(scene.app.notices.newest().is_none(), "{:?}", scene.app.notices);
}

#[test]
fn where_nothing_was_measured_nothing_is_green() {
    let scene = stage("blind").play();
    scene.says(&["no query", "no source of alerts is connected", "alerts ?"]).hides(&["0 firing", "nothing fires", "0.0 %"]);
    for words in ["no query", "no source of alerts", "alerts ?"] {
        let roles = scene.role_of(words);
        assert!(!roles.contains(&Role::Ok), "{words} is drawn as {roles:?}");
    }
    assert_eq!(stage("quiet").play().role_of("8.0.4 ✓").last(), Some(&Role::Ok), "the check sees green where there is some");
}

#[test]
fn without_a_measure_of_errors_and_alerts_the_verdict_is_that_it_could_not_tell() {
    let verdict = |keys: &str| {
        let scene = stage("blind").keys(keys).keys("<wait:4m>").play();
        assert_eq!(scene.theatre.acts.len(), 1);
        let Some(State::Done { verdict, .. }) = state(&scene.app) else { panic!("{:?}", state(&scene.app)) };
        let word = verdict.word();
        (word, scene)
    };
    // The trouble was in the pods and is gone from them; what nobody measures is named and not drawn as good.
    let (word, scene) = verdict("R<ctrl-o><enter><enter>payments<enter><enter>");
    assert_eq!(word, "RECOVERED");
    scene.says(&["? errors", "? alert", "not measured: errors, latency, alert"]);
    // Nothing was bad that anybody could see: pods that were well and are well prove nothing.
    let (word, scene) = verdict("/cart<enter>R<ctrl-o><enter><enter>cart<tab>it errs<enter>");
    assert_eq!(word, "COULD NOT TELL");
    scene.says(&["? errors", "nothing else was measured"]);
}

#[test]
fn a_node_that_went_away_is_named_and_its_victims_are_not_blamed() {
    let scene = stage("node-down").play();
    let headline = scene.text().lines().nth(1).expect("a second line").to_owned();
    assert!(headline.contains("node eu-4 not ready") && headline.contains("explains 28 of 30"), "{headline}");
}
