//! An incident by hand: cart 2.8.0 crash-loops in production since 02:54:10 and is taken back to 2.7.3 at 03:01:28.

use crate::{
    app::{App, Now, OperationKey, Size, Start},
    domain::*,
    gate::Mode,
    keys::Keymap,
    rollback::{Case, Observed, Procedure, State, Timing, Want},
    store::{
        Limits,
        fixture::{self, World, ago, alert, counts, crashing, now, pod, revision, rules, sample, source, waiting, workload},
    },
    text::{Clean, Name, Raw},
    theme::Theme,
    widgets::Glyphs,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use ratatui::{buffer::Buffer, layout::Rect};
use std::{sync::Arc, time::Duration};

const LABELS: &[(&str, &str)] = &[("namespace", "shop"), ("app", "cart")];

pub fn start() -> Start {
    Start {
        now: Now { wall: now(), mono: Duration::ZERO },
        size: Size { width: 80, height: 24 },
        zone: TimeZone::UTC,
        user: "oncall".into(),
        host: "bastion".into(),
        session: "7f3a".into(),
        mode: Mode::ByTier,
        demo: false,
        rules: rules(),
        limits: Limits::default(),
        min_requests: 100.0,
        environments: Vec::new(),
        keymap: Arc::new(Keymap::default()),
        theme: Arc::new(Theme::default()),
        glyphs: Glyphs::Unicode,
        open: (None, None),
        smoke: Vec::new(),
        guards: false,
        registries: Vec::new(),
        remarks: Vec::new(),
    }
}

pub fn id() -> Id<Workload> {
    Id::new(&source("prod"), "shop/cart")
}

/// When it was confirmed.
pub fn began() -> Timestamp {
    now() + SignedDuration::from_secs(88)
}

pub fn after(seconds: i64) -> Timestamp {
    began() + SignedDuration::from_secs(seconds)
}

/// A console with `world`, at that time.
pub fn app(world: World, at: Timestamp) -> App {
    let mut app = App::new(start());
    app.store = world.0;
    app.now = Now { wall: at, mono: at.duration_since(now()).unsigned_abs() };
    app
}

fn outline(leaves: &[(Part, &'static str, &'static str)]) -> Outline {
    Outline(leaves.iter().map(|(part, path, value)| Leaf { part: *part, path: (*path).into(), value: (*value).into() }).collect())
}

fn revisions(cart: &Workload) -> [Revision; 2] {
    let mut rows = [revision(cart, 42, 2), revision(cart, 41, 4)];
    rows[0].template = Raw::new("6b9d");
    rows[0].version = Version("2.8.0".into());
    rows[0].outline = outline(&[(Part::Image, "app", "shop/cart:2.8.0"), (Part::Environment, "app: CURRENCY", ""), (Part::Resources, "app: limits.cpu", "1")]);
    rows[1].template = Raw::new("5c7d");
    rows[1].version = Version("2.7.3".into());
    rows[1].outline = outline(&[(Part::Image, "app", "shop/cart:2.7.3"), (Part::Environment, "app: LEVEL", "info"), (Part::Resources, "app: limits.cpu", "1")]);
    rows[1].evidence = vec![Evidence::Served { held: SignedDuration::from_hours(9 * 24) }, Evidence::ServingNow { ready: 4, wanted: 6 }];
    rows
}

fn own(mut pod: Pod, template: &str) -> Pod {
    pod.template = Raw::new(template);
    std::sync::Arc::make_mut(&mut pod.containers[0].image).digest = Some(Name::new("sha256:41c0f2aa"));
    pod
}

fn cart(number: u64, version: &'static str) -> Workload {
    let mut cart = workload("prod", "shop", "cart");
    cart.revision = Some(number);
    cart.version = Version(version.into());
    cart.changed = Some(ago(350));
    cart
}

/// 2.8.0 crashes beside four pods of 2.7.3, and the alert fires.
pub fn burning() -> World {
    let mut row = cart(42, "2.8.0");
    row.progress = Progress::Rolling;
    row.replicas = counts(6, 7, 3, 6);
    let pods = [own(crashing(pod(&row, 42, "cart-6b9d-x7k2p"), 1, 5), "6b9d"), own(pod(&row, 41, "cart-5c7d-m4h9q"), "5c7d")];
    let rows = revisions(&row);
    let fires = alert("alertmanager", "f1", "CartErrorRate", LABELS);
    World::new().workloads("prod", [row]).revisions("prod", rows).pods("prod", pods).alerts("alertmanager", [fires])
}

/// The world after the controller took it up: `ready` of six on 2.7.3, the rest starting, one of the old leaving unless all are ready.
pub fn converging(ready: usize) -> World {
    let mut row = cart(43, "2.7.3");
    row.progress = if ready == 6 { Progress::Done } else { Progress::Rolling };
    let count = u32::try_from(ready).expect("few");
    row.replicas = if ready == 6 { counts(6, 6, 6, 6) } else { counts(6, 7, 6, count) };
    let names = ["m4h9q", "zt5kw", "b2c4d", "f5g6h", "j7k8l", "q8w2n"];
    let mut pods: Vec<Pod> = names.iter().take(ready).map(|name| own(pod(&row, 41, &format!("cart-5c7d-{name}")), "5c7d")).collect();
    for name in names.iter().skip(ready) {
        let mut starting = own(waiting(pod(&row, 41, &format!("cart-5c7d-{name}")), "ContainerCreating", ""), "5c7d");
        starting.message = "probe GET /ready, 6 s of usually 9 s".into();
        pods.push(starting);
    }
    if ready < 6 {
        let mut leaving = own(pod(&row, 42, "cart-6b9d-x7k2p"), "6b9d");
        leaving.leaving = true;
        pods.push(leaving);
    }
    let mut rows = revisions(&row);
    rows[0].current = false;
    rows[1].number = 43;
    rows[1].current = true;
    World::new().workloads("prod", [row]).revisions("prod", rows).pods("prod", pods)
}

/// The errors as a picture has them: one sample in the middle of each of equal parts of the time.
pub fn errors(world: World, picture: &str, from: Timestamp, to: Timestamp) -> World {
    let cells = i32::try_from(picture.chars().count()).expect("short");
    let span = to.duration_since(from);
    let level = |sign: char| "▁▂▃▄▅▆▇█".chars().position(|one| one == sign).expect("a block") as f64;
    let point = |(at, sign): (usize, char)| (from + span * (2 * i32::try_from(at).expect("short") + 1) / (2 * cells), 0.2 * (level(sign) + 0.5) / 8.0);
    world.samples([sample(Metric::ErrorRate, LABELS, picture.chars().enumerate().map(point).collect())])
}

pub fn subject() -> Subject {
    Subject {
        revision: Some(42),
        outline: history()[0].outline.clone(),
        generation: 7,
        observed: 7,
        replicas: counts(6, 7, 3, 6),
        progress: Progress::Rolling,
        ..Subject::new(id(), Seen { uid: Raw::new("uid"), template: Raw::new("t42"), paused: false })
    }
}

pub fn no() -> Result<Answer, Why> {
    Err(Why { trouble: Trouble::Unsupported, words: "no source can answer it".into() })
}

/// The questions are out; nobody has answered.
pub fn asking(world: &World) -> (Procedure, Vec<Want>) {
    let timing = Timing::default();
    let case = Case::of(&world.0, &id(), &timing, now()).expect("it is known");
    let revisions: Vec<&Revision> = world.0.revisions_of(&id());
    Procedure::begin(case, &revisions, Vec::new(), (OpId::restore("7f3a"), "oncall".into()), timing, now())
}

/// The revisions that are kept: 2.8.0 and 2.7.3.
pub fn history() -> [Revision; 2] {
    revisions(&cart(42, "2.8.0"))
}

/// All is answered as `history` has it; the checks are announced.
pub fn planned_from(history: &[Revision]) -> Procedure {
    let (mut procedure, wants) = asking(&burning());
    for want in wants {
        let Want::Ask(ask) = want else { continue };
        let result = match &ask.question {
            Question::Subject(_) => Ok(Answer::Subject(Box::new(subject()))),
            Question::Revisions(_) => Ok(Answer::Revisions(history.to_vec())),
            Question::Window(window) if window.metric == Metric::ErrorRate => Ok(Answer::Window { value: Some(0.174), requests: Some(4000.0), guessed: None }),
            Question::RuleState { .. } => Ok(Answer::RuleState { firing: Some(true) }),
            _ => no(),
        };
        let _ = procedure.answered(&ask.question, result, now());
    }
    procedure.case.pointing = Some("points to 2.8.0: only it errs, and the error is new".into());
    procedure
}

pub fn planned() -> Procedure {
    let mut procedure = planned_from(&history());
    procedure.checked(1, Check::Expect(vec![CheckKind::Rights, CheckKind::Image, CheckKind::DryRun]));
    procedure.checked(1, Check::Command("kubectl --context prod -n shop rollout undo deployment/cart --to-revision=41".into()));
    procedure.checked(1, made(CheckKind::Rights, Outcome::Ok, "you may patch deployments in shop", None));
    procedure
}

pub fn made(kind: CheckKind, outcome: Outcome, sentence: &'static str, remedy: Option<&'static str>) -> Check {
    Check::Made(Finding { kind, outcome, sentence: sentence.into(), remedy: remedy.map(Clean::from_static) })
}

/// The checks are made and nothing is in the way.
pub fn checked() -> Procedure {
    let mut procedure = planned();
    procedure.checked(1, made(CheckKind::Image, Outcome::Ok, "shop/cart:2.7.3 is still there, same digest", None));
    procedure.checked(1, made(CheckKind::DryRun, Outcome::Ok, "the server would accept it", None));
    procedure.prepared(1, Ok(()));
    procedure
}

pub fn sending() -> Procedure {
    let mut procedure = checked();
    procedure.open_confirm().expect("nothing bars it");
    let wants = procedure.confirmed(OpId::restore("7f3a"), "errors".into(), "oncall".into(), began());
    assert!(matches!(&wants[..], [Want::Act(_)]));
    procedure
}

pub fn under_way() -> Procedure {
    let mut procedure = sending();
    let accepted = Stage::Accepted { request: None, warnings: Vec::new(), revision: None, generation: None };
    let _ = procedure.staged(&OpId::restore("7f3a"), accepted, began() + SignedDuration::from_millis(21));
    see(&mut procedure, &converging(4), 1);
    procedure
}

pub fn see(procedure: &mut Procedure, world: &World, second: i64) {
    let _ = procedure.observed(&Observed::of(&world.0, &id()), after(second));
}

/// A metric is measured in the window that verifies.
pub fn measure(procedure: &mut Procedure, metric: Metric, value: f64, second: i64) {
    let window = Window { metric, service: Name::new("cart"), namespace: Name::new("shop"), seconds: 60 };
    let answer = Answer::Window { value: Some(value), requests: Some(4182.0), guessed: None };
    let _ = procedure.answered(&Question::Window(window), Ok(answer), after(second));
}

pub fn rule(procedure: &mut Procedure, firing: bool, second: i64) {
    let question = Question::RuleState { alert: Name::new("CartErrorRate"), labels: Labels::new(LABELS.iter().copied()) };
    let _ = procedure.answered(&question, Ok(Answer::RuleState { firing: Some(firing) }), after(second));
}

/// Five of six are ready, errors fall: forty-one seconds in.
pub fn half_way() -> Procedure {
    let mut procedure = under_way();
    measure(&mut procedure, Metric::ErrorRate, 0.1, 5);
    measure(&mut procedure, Metric::ErrorRate, 0.061, 38);
    rule(&mut procedure, true, 38);
    see(&mut procedure, &converging(5), 41);
    procedure
}

/// All is proven after 3m12s.
pub fn recovered() -> Procedure {
    let mut procedure = under_way();
    procedure.case.baseline.errors_since = Some(after(172 - 529));
    let healed = converging(6);
    (31..=190).step_by(3).for_each(|second| see(&mut procedure, &healed, second));
    measure(&mut procedure, Metric::Latency, 0.24, 172);
    measure(&mut procedure, Metric::ErrorRate, 0.002, 172);
    rule(&mut procedure, true, 172);
    rule(&mut procedure, false, 192);
    assert!(matches!(procedure.state, State::Done { .. }), "{:?}", procedure.proofs(after(192)));
    if let State::Done { run, .. } = &mut procedure.state {
        run.trace.clear();
    }
    procedure
}

/// The deadline came and errors stayed.
pub fn not_recovered() -> Procedure {
    let mut procedure = under_way();
    let healed = converging(6);
    for second in (31..=601).step_by(3) {
        measure(&mut procedure, Metric::ErrorRate, 0.169, second);
        see(&mut procedure, &healed, second);
    }
    let _ = procedure.tick(after(601));
    procedure
}

pub fn closed() -> Procedure {
    let mut procedure = sending();
    let _ = procedure.staged(&OpId::restore("7f3a"), Stage::Refused { why: "admission webhook policy.example denied it".into() }, after(1));
    procedure
}

/// Shows a procedure.
pub fn showing(mut app: App, procedure: Procedure) -> (App, OperationKey) {
    let key = app.hold(procedure);
    (app, key)
}

/// The characters of the box, without blanks at the ends of rows.
/// A procedure in production, which was opened, at 80 columns.
pub fn opened(world: World, procedure: Procedure, height: u16) -> String {
    let mut app = app(world, now());
    app.opened.insert(Name::new("production"), app.now.wall + SignedDuration::from_mins(13));
    let (app, key) = showing(app, procedure);
    drawn(&app, key, 80, height)
}

pub fn drawn(app: &App, key: OperationKey, width: u16, height: u16) -> String {
    text(width, height, |buf, area| super::draw(app, key, buf, area))
}

pub fn text(width: u16, height: u16, draw: impl FnOnce(&mut Buffer, Rect)) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    draw(&mut buf, area);
    let row = |y: u16| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

pub fn run(number: u64, title: &'static str, what: &'static str) -> Run {
    Run {
        id: Id::new(&SourceId::new("github/acme"), &number.to_string()),
        repository: Name::new("acme/cart"),
        workflow: "deploy".into(),
        number,
        attempt: 1,
        title: title.into(),
        branch: Name::new("main"),
        commit: Name::new("3e9f1a2"),
        actor: "ci-bot".into(),
        status: RunStatus::Waiting(what.into()),
        created: Some(fixture::ago(30)),
        started: None,
        ended: None,
        was: None,
        digests: Box::default(),
        usual: None,
        url: Clean::EMPTY,
    }
}
