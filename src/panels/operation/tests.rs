use super::fixture::*;
use crate::{
    app::{App, OperationKey},
    domain::*,
    keys::Action,
    rollback::{Asking, Procedure, State, Verdict},
    store::fixture::{World, ago, now, source},
    text::{Name, Painted},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};
use std::cell::RefCell;

/// With production open for 13 minutes.
fn open(mut app: App) -> App {
    app.opened.insert(Name::new("production"), app.now.wall + SignedDuration::from_mins(13));
    app
}

fn plan_of(procedure: Procedure) -> (App, OperationKey) {
    showing(open(app(burning(), now())), procedure)
}

fn shown(procedure: Procedure) -> String {
    let (app, key) = plan_of(procedure);
    drawn(&app, key, 80, 30)
}

fn confirming() -> Procedure {
    let mut procedure = checked();
    procedure.open_confirm().expect("nothing bars it");
    procedure
}

fn blocked() -> Procedure {
    let mut procedure = planned();
    let remedy = Some("argocd app set shop --sync-policy none");
    procedure.checked(1, made(CheckKind::Owner, Outcome::Block, "Argo CD application shop heals itself", remedy));
    procedure.checked(1, made(CheckKind::Cause, Outcome::Warn, "nothing changed here for 9 d: a rollback will not help", None));
    procedure.prepared(1, Ok(()));
    procedure
}

/// The only way back was itself rolled back from an hour ago; somebody chose it.
fn undo_of_undo() -> Procedure {
    let mut history = history();
    history[1].evidence = vec![Evidence::RolledBackFrom { at: ago(3600) }];
    let mut procedure = planned_from(&history);
    let _ = procedure.older(now());
    procedure.prepared(2, Ok(()));
    procedure
}

fn again() -> Procedure {
    let mut procedure = sending();
    let conflict = Stage::Conflict { what: "only its status moved".into(), same: true };
    let _ = procedure.staged(&OpId::restore("7f3a"), conflict, after(1));
    procedure
}

fn unclear() -> Procedure {
    let mut procedure = sending();
    let _ = procedure.staged(&OpId::restore("7f3a"), Stage::Unclear { why: "connection reset".into() }, after(2));
    procedure
}

/// The console while it converges, with the log of the workload.
fn converged(procedure: Procedure, world: World, at: Timestamp) -> (App, OperationKey) {
    let mut app = app(world, at);
    app.logs.target = Some(LogTarget::Workload { workload: id(), since: None });
    for (pod, second, text) in
        [("q8w2n", 39, "INFO cart 2.7.3 listening on :8080"), ("m4h9q", 40, "INFO priced 6 items in 8 ms"), ("x7k2p", 40, "ERROR unknown")]
    {
        let version = if pod == "x7k2p" { "6b9d" } else { "5c7d" };
        let stream = Id::new(&source("prod"), pod);
        app.logs.buffer.open(LogStream::new(stream.clone(), &format!("cart-{version}-{pod}"), "app"));
        let line = LogLine { at: Some(after(second)), level: Level::Info, text: Painted::from_untrusted(text), kind: LineKind::Output };
        app.logs.buffer.push(&stream, line);
    }
    showing(app, procedure)
}

fn half_way_screen() -> (App, OperationKey) {
    converged(half_way(), errors(converging(5), "▁▁▁▁▂▅███▇▅▃", after(-300), after(41)), after(41))
}

fn verdict_of(procedure: Procedure) -> (App, OperationKey) {
    let picture = "▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂▅███████████████████████████▇▆▅▄▃▂▁▁▁▁▁▁";
    let world = errors(converging(6), picture, after(192 - 900), after(192));
    let runs = Batch::list([run(312, "2.8.0", "approval")]);
    let mut app = app(world.tell(&SourceId::new("github/acme"), &Feed::Runs, runs), after(192));
    app.opened.insert(Name::new("production"), after(192) + SignedDuration::from_mins(10));
    showing(app, procedure)
}

#[test]
fn what_is_asked_is_listed_with_its_state_and_the_time_left() {
    let (mut procedure, _) = asking(&burning());
    let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject()))), now());
    let window = Window { metric: Metric::Latency, service: Name::new("cart"), namespace: Name::new("shop"), seconds: 300 };
    let _ = procedure.answered(&Question::Window(window), no(), now());
    let State::Gathering(gathering) = &procedure.state else { panic!("it still asks") };
    assert_eq!(gathering.questions()[4].1, Asking::Unknown("no source can answer it".into()));
    let screen = shown(procedure);
    assert!(screen.contains("PRODUCTION? open 13m · 0:05 left"), "{screen}");
    for line in ["✓ the object               known", "↻ its revisions            asked", "? latency                  no source can answer it"] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
}

#[test]
fn the_plan_at_80_columns() {
    let (app, key) = plan_of(checked());
    let frame = "\
╔═ Roll back cart in production ════════════════════════ PRODUCTION? open 13m ═╗
║ ✗ CartErrorRate fires for 2 min, 17.4 % errors (limit 5 %), pods: exit 1, 5  ║
║   restarts                                                                   ║
║ ? points to 2.8.0: only it errs, and the error is new                        ║
║                                                                              ║
║ 2.8.0 r42  →  2.7.3 r41                                                      ║
║ ✓ proven: served 9 d, 4 of its pods serve now                                ║
║                                                                              ║
║ DIFFERENCE   3 values                                                        ║
║ images       app  shop/cart:2.8.0 → shop/cart:2.7.3                          ║
║ environment  app: CURRENCY  - \"\"                                             ║
║              app: LEVEL  + info                                              ║
║                                                                              ║
║ CHECKS   3 made                                                              ║
║ ✓ rights       you may patch deployments in shop                             ║
║ ✓ image        shop/cart:2.7.3 is still there, same digest                   ║
║ ✓ dry run      the server would accept it                                    ║
║ ? what metrics remember: no source can answer it                             ║
║ ──────────────────────────────────────────────────────────────────────────── ║
║ Enter opens the confirm line, where “cart” and the reason must be typed.     ║
║ Nothing has been sent.                                                       ║
╚════════════════════════════════════════════════════════════ 11 more below ═══╝";
    assert_eq!(drawn(&app, key, 80, 22), frame);
}

#[test]
fn a_wide_plan_has_the_checks_beside_the_difference() {
    let (app, key) = plan_of(planned());
    let screen = drawn(&app, key, 120, 40);
    let row = |words: &str| screen.lines().position(|line| line.contains(words)).expect(words);
    assert_eq!(row("DIFFERENCE"), row("CHECKS   1 of 3 made, 0:05 left"));
    assert_eq!(row("images       app  shop/cart:2.8.0"), row("✓ rights       you may patch"));
    assert!(screen.contains("↻ dry run      being made"));
    assert!(screen.contains("new number: r43") && screen.contains("--to-revision=41"), "{screen}");
}

#[test]
fn everything_that_bars_enter_is_said_at_the_foot() {
    let (app, key) = showing(app(burning(), now()), blocked());
    let screen = drawn(&app, key, 80, 40);
    assert!(screen.contains("PRODUCTION? locked"), "{screen}");
    for line in [
        "! nothing changed here for 9 d: a rollback will not help",
        "✗ owner        Argo CD application shop heals itself",
        "               argocd app set shop --sync-policy none",
        "? dry run      the source did not say",
        "✗ Enter is barred (owner): Argo CD application shop heals itself",
        "! Enter is barred (locked): production starts locked: ctrl-o opens this",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    assert_eq!(screen.matches("nothing changed here").count(), 1, "what is said on top is not said again");
    assert!(shown(planned()).contains("↻ Enter is barred: the checks are still being made"));
}

#[test]
fn without_a_target_it_says_why_and_what_else_can_be_done() {
    let only = [history()[0].clone()];
    let screen = shown(planned_from(&only));
    assert!(screen.contains("? no target: earlier revisions are no longer kept (revisionHistoryLimit)"), "{screen}");
    assert!(screen.contains("What else: x explains") && screen.contains("? Enter is barred: there is no target"), "{screen}");
}

#[test]
fn the_confirm_line_asks_for_the_name_and_the_reason() {
    let (mut app, key) = plan_of(confirming());
    let foot = |app: &App| drawn(app, key, 80, 22).lines().skip(16).map(str::to_owned).collect::<Vec<_>>().join("\n");
    let frame = "\
║ ──────────────────────────────────────────────────────────────────────────── ║
║ cart in production back to 2.7.3 r41.  Enter does it, Tab changes the field, ║
║ Esc is no                                                                    ║
║ type cart                                                                    ║
║ reason     CartErrorRate 17.4 %, 2.8.0 exit 1, 5 restarts                    ║
╚════════════════════════════════════════════════════════════ 13 more below ═══╝";
    assert_eq!(foot(&app), frame);
    let line = app.operations.get_mut(key).and_then(|running| running.confirming.as_mut()).expect("it is open");
    "car".chars().for_each(|c| assert!(line.word.edit(crate::widgets::Edit::Insert(c))));
    assert!(foot(&app).contains("║ type cart  car "), "{}", foot(&app));
}

#[test]
fn what_takes_one_enter_more_says_why() {
    let screen = shown(again());
    assert!(screen.contains("! nothing was carried out: only its status moved"), "{screen}");
    assert!(screen.contains("Enter sends it again: cart in production back to 2.7.3 r41. Esc is no."), "{screen}");
    assert!(!screen.contains("type cart"), "the word was typed already");
}

#[test]
fn going_back_to_what_was_rolled_back_from_takes_the_override() {
    let mut procedure = undo_of_undo();
    let plan = shown(procedure.clone());
    assert!(plan.contains("✗ not verified good: rolled back from 1 h ago") && plan.contains("“back to bad” must be typed"), "{plan}");
    procedure.open_confirm().expect("nothing bars it");
    let line = shown(procedure);
    assert!(line.contains("! this takes cart in production back to 2.7.3 r41, which was itself rolled"), "{line}");
    assert!(line.contains("type back to bad "), "{line}");
}

#[test]
fn the_rollback_while_it_converges_at_80_columns() {
    let (app, key) = half_way_screen();
    let frame = "\
╭─ Rolling back cart in production ──────────────────── 0:41 of at most 10:00 ─╮
│                                                                              │
│ 2.8.0 r42  →  2.7.3 r41 (it runs on as r43)                op 7f3a · oncall  │
│                                                                              │
│ ✓ sent       accepted in 21 ms, once                                  0:00   │
│ ✓ taken up   the controller works on it                               0:01   │
│ ↻ pods       ━━━━━━━━━━━━━━━━━━━━━━━━━━─────  5 of 6 ready on 2.7.3          │
│ ↻ errors     6.1 % now, limit 5 %             ▁▁▁▁▂▅███▇▅▃  falling          │
│ · restarts   counted once the pods are ready                                 │
│ · alert      CartErrorRate fires 4 min, clears some time after the errors    │
│                                                                              │
│ WAITING FOR                                                                  │
│ ↻ cart-5c7d-q8w2n   starting   probe GET /ready, 6 s of usually 9 s          │
│ ↻ cart-6b9d-x7k2p   leaving    2.8.0                                         │
│                                                                              │
│ The request has left: nothing here calls it back. Esc puts this into the     │
│ background. If the session drops it is watched on, and the next start tells. │
│                                                                              │
│ LAST LINES OF THE NEW PODS                                                   │
│ 03:02:07  q8w2n  INFO   cart 2.7.3 listening on :8080                        │
│ 03:02:08  m4h9q  INFO   priced 6 items in 8 ms                               │
╰──────────────────────────────────────────────────────────────────────────────╯";
    assert_eq!(drawn(&app, key, 80, 22), frame);
    let tight = drawn(&app, key, 80, 20);
    assert!(tight.contains("priced 6 items") && !tight.contains("more below"), "blank lines leave first\n{tight}");
}

#[test]
fn a_procedure_has_all_rows_between_the_header_and_the_keys_unless_something_else_speaks() {
    let (mut app, _) = half_way_screen();
    let edges = |app: &App| {
        let screen = text(80, 24, |buf, area| crate::view::draw_into(app, buf, area));
        let at = |corner: &str| screen.split('\n').position(|line| line.starts_with(corner)).expect("a corner");
        (at("╭"), at("╰"))
    };
    assert_eq!(edges(&app), (1, 22));
    app.complain("type the service's name: cart");
    assert_eq!(edges(&app), (1, 21));
}

#[test]
fn a_minute_without_progress_points_to_x() {
    let mut procedure = half_way();
    see(&mut procedure, &converging(5), 105);
    let (app, key) = converged(procedure, converging(5), after(105));
    let screen = drawn(&app, key, 80, 30);
    assert!(screen.contains("! no progress for 1 min: x explains why"), "{screen}");
}

#[test]
fn before_the_answer_it_says_what_has_left_and_what_has_not() {
    let at = |procedure| converged(procedure, burning(), after(3));
    let (app, key) = at(sending());
    let screen = drawn(&app, key, 80, 22);
    assert!(screen.contains("↻ recorded   the intent is being written before anything leaves") && screen.contains("Nothing has left yet"), "{screen}");
    let (app, key) = at(unclear());
    let screen = drawn(&app, key, 80, 22);
    assert!(screen.contains("? sent       the answer was lost: connection reset"), "{screen}");
    assert!(screen.contains("It may have been carried out or not") && !screen.contains("nothing here calls it back"), "{screen}");
}

#[test]
fn the_verdict_at_80_columns() {
    let mut procedure = recovered();
    procedure.case.workload.owner = Some(Owner::Helm { release: Name::new("shop"), namespace: Name::new("shop") });
    let (mut app, key) = verdict_of(procedure);
    let running = app.operations.get_mut(key).expect("it is there");
    running.entry = Some(1842);
    running.reason = "CartErrorRate 17.4 %, 2.8.0 unknown currency".into();
    let frame = "\
╭─ Rolled back cart in production ─────────────────── 03:01:28 – 03:04:40 UTC ─╮
│                                                                              │
│ ✓ RECOVERED in 3m12s     2.8.0 → 2.7.3     users saw errors for 8m49s        │
│                                                                              │
│ ✓ pods       6 of 6 on 2.7.3, one digest 41c0f2, 10 checks in a row   0:58   │
│ ✓ restarts   none on the new pods                                     1:31   │
│ ✓ errors     0.2 % for 1 min, 4,182 requests, limit 5 %               2:52   │
│ ✓ latency    p99 240 ms for 1 min, 4,182 requests, limit 10 s         2:52   │
│ ✓ alert      CartErrorRate cleared 03:04:40, not silenced             3:12   │
│                                                                              │
│   errors     ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂▅███████████████████████████▇▆▅▄▃▂▁▁▁▁▁▁     │
│                               ╵2.8.0 02:54                 ╵back 03:01       │
│                                                                              │
│ STILL OPEN                                                                   │
│ ! Helm release shop still names 2.8.0: its next sync or upgrade ships it     │
│   again                                                                      │
│ ! run #312 (2.8.0) waits: approval                           2 shows it      │
│ · production locks itself in 10 min                          ctrl-o now      │
│                                                                              │
│ Recorded as entry 1842: \"CartErrorRate 17.4 %, 2.8.0 unknown currency\"       │
│                                                                              │
╰──────────────────────────────────────────────────────────────────────────────╯";
    assert_eq!(drawn(&app, key, 80, 22), frame);
}

#[test]
fn what_did_not_help_is_said_in_its_own_words_with_the_ways_on() {
    let (app, key) = converged(not_recovered(), converging(6), after(601));
    let screen = drawn(&app, key, 80, 22);
    for line in [
        "✗ NOT RECOVERED after 10:01",
        "  pods are fine, errors still 16.9 % now, limit 5 %: 2.8.0 was not the cause",
        "? latency    nobody measures it",
        "[ an older target   l logs   x explain   Y copy as text",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    assert!(!screen.contains("incident"), "what can not be done yet is not offered");
}

#[test]
fn a_verdict_that_could_not_be_told_is_neither_good_nor_bad() {
    let mut procedure = recovered();
    if let State::Done { verdict, .. } = &mut procedure.state {
        *verdict = Verdict::CouldNotTell { why: "pods are ready; 12 requests since: too little traffic".into() };
    }
    let (app, key) = verdict_of(procedure);
    let screen = drawn(&app, key, 80, 22);
    assert!(screen.contains("│ ? COULD NOT TELL   pods are ready; 12 requests since: too little traffic"), "{screen}");
}

#[test]
fn closed_says_that_nothing_was_changed_and_why() {
    let (app, key) = plan_of(closed());
    let screen = drawn(&app, key, 80, 22);
    assert!(screen.contains("NOTHING WAS CHANGED"), "{screen}");
    assert!(screen.contains("✗ refused, nothing was changed: admission webhook policy.example denied it"), "{screen}");
}

#[test]
fn what_does_not_fit_is_scrolled_and_no_further_than_its_end() {
    let (mut app, key) = plan_of(checked());
    for _ in 0..50 {
        let _ = super::act(&mut app, key, Action::Down);
    }
    let end = drawn(&app, key, 80, 21);
    assert!(end.contains("rollout undo") && end.contains("0 more below"), "{end}");
    let _ = super::act(&mut app, key, Action::Up);
    assert!(drawn(&app, key, 80, 21).contains("1 more below"), "one up from the end moves at once");
}

fn every_state() -> Vec<(App, OperationKey)> {
    let mut screens: Vec<(App, OperationKey)> =
        [asking(&burning()).0, planned(), checked(), blocked(), undo_of_undo(), confirming(), again(), closed()].into_iter().map(plan_of).collect();
    screens.extend([sending(), unclear(), under_way()].map(|procedure| converged(procedure, converging(4), after(20))));
    screens.extend([half_way_screen(), verdict_of(recovered()), converged(not_recovered(), converging(6), after(601))]);
    screens
}

#[test]
fn every_state_draws_at_every_size_and_only_inside_its_area() {
    let screens = RefCell::new(every_state());
    proptest!(ProptestConfig::with_cases(64), |(width in 1u16..=200, height in 1u16..=60, offset in 0usize..60, all in any::<bool>())| {
        for (app, key) in screens.borrow_mut().iter_mut() {
            let running = app.operations.get_mut(*key).expect("it is there");
            (running.offset, running.difference) = (offset, all);
            let whole = Rect::new(0, 0, width + 2, height + 2);
            let mut buf = Buffer::empty(whole);
            for cell in &mut buf.content {
                cell.set_symbol("#");
            }
            super::draw(app, *key, &mut buf, Rect::new(1, 1, width, height));
            let edge = (0..whole.width).flat_map(|x| [(x, 0), (x, height + 1)]).chain((0..whole.height).flat_map(|y| [(0, y), (width + 1, y)]));
            for at in edge {
                prop_assert_eq!(buf[at].symbol(), "#");
            }
        }
    });
}
