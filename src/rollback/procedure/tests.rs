use super::*;
use crate::{
    domain::*,
    rollback::{Mark, Observed, Standing},
    store::{
        Store,
        fixture::{World, ago, counts, crashing, now, pod, revision, source, workload},
    },
    text::Name,
};
use proptest::prelude::*;

const FAST: i64 = 1_000_000;

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn op(count: u64) -> OpId {
    OpId::new("7f3a", count)
}

/// Revision 41 serves with four pods, 42 crash-loops: the store as it is then.
fn burning() -> World {
    let mut cart = workload("prod", "shop", "cart");
    cart.revision = Some(42);
    cart.version = Version("42.0".into());
    cart.changed = Some(ago(360));
    cart.progress = Progress::Rolling;
    cart.replicas = counts(6, 7, 3, 4);
    let pods = [crashing(pod(&cart, 42, "x7k2p"), 1, 5), pod(&cart, 41, "m4h9q")];
    let revisions = revisions(&cart);
    World::new().workloads("prod", [cart]).revisions("prod", revisions).pods("prod", pods)
}

fn revisions(of: &Workload) -> [Revision; 2] {
    let mut rows = [revision(of, 42, 0), revision(of, 41, 4)];
    rows[1].evidence = vec![Evidence::ServingNow { ready: 4, wanted: 6 }];
    for row in &mut rows {
        row.outline = outline(row.number);
    }
    rows
}

fn outline(number: u64) -> Outline {
    Outline(vec![Leaf { part: Part::Image, path: "app".into(), value: crate::clean!("cart:{number}") }])
}

/// The store after the controller has carried the rollback out, as revision 43 with the template of 41.
fn healed() -> World {
    let mut cart = workload("prod", "shop", "cart");
    cart.revision = Some(43);
    cart.version = Version("41.0".into());
    cart.changed = Some(later(1));
    cart.replicas = counts(6, 6, 6, 6);
    let mut row = revision(&cart, 43, 6);
    row.template = crate::text::Raw::new("h41");
    row.version = Version("41.0".into());
    let pods = ["a", "b", "c", "d", "e", "f"].map(|name| pod(&cart, 41, name));
    let old = revision(&cart, 42, 0);
    World::new().workloads("prod", [cart]).revisions("prod", [row, old]).pods("prod", pods)
}

fn subject(template: &str) -> Subject {
    Subject {
        workload: id(),
        seen: Seen { uid: crate::text::Raw::new("uid"), template: crate::text::Raw::new(template), paused: false },
        revision: Some(42),
        outline: outline(42),
        operation: None,
        rolled_back_from: None,
        changed_by: None,
        generation: 7,
        observed: 7,
        replicas: counts(6, 7, 3, 4),
        progress: Progress::Rolling,
    }
}

fn id() -> Id<Workload> {
    Id::new(&source("prod"), "shop/cart")
}

fn begin(store: &Store) -> (Procedure, Vec<Want>) {
    let timing = Timing::default();
    let case = Case::of(store, &id(), &timing, now()).expect("it is known");
    let revisions: Vec<&Revision> = store.revisions_of(&id());
    Procedure::begin(case, &revisions, Vec::new(), (op(0), "oncall".into()), timing, now())
}

fn no() -> Result<Answer, Why> {
    Err(Why { trouble: Trouble::Unsupported, words: "not here".into() })
}

/// Answers every question as a cluster without metrics does.
fn answer(procedure: &mut Procedure, wants: Vec<Want>, at: Timestamp) -> Vec<Want> {
    let mut next = Vec::new();
    for want in wants {
        let Want::Ask(ask) = want else { continue };
        let result = match &ask.question {
            Question::Subject(_) => Ok(Answer::Subject(Box::new(subject("t42")))),
            Question::Revisions(_) => Ok(Answer::Revisions(revisions(&procedure.case.workload).to_vec())),
            _ => no(),
        };
        next.extend(procedure.answered(&ask.question, result, at));
    }
    next
}

/// A plan whose checks are made.
fn planned() -> Procedure {
    let world = burning();
    let (mut procedure, wants) = begin(&world.0);
    let wants = answer(&mut procedure, wants, now());
    let [Want::Prepare { round, operation }] = &wants[..] else { panic!("checks are wanted: {wants:?}") };
    assert_eq!(operation.to.as_ref().map(|to| to.number), Some(41));
    procedure.checked(*round, Check::Expect(vec![CheckKind::Rights, CheckKind::DryRun]));
    procedure.checked(*round, made(CheckKind::Rights, Outcome::Ok));
    procedure.checked(*round, made(CheckKind::DryRun, Outcome::Ok));
    procedure.prepared(*round, Ok(()));
    procedure
}

fn made(kind: CheckKind, outcome: Outcome) -> Check {
    Check::Made(Finding { kind, outcome, sentence: "said".into(), remedy: None })
}

fn sent(mut procedure: Procedure) -> Procedure {
    procedure.open_confirm().expect("nothing bars it");
    let wants = procedure.confirmed(op(1), "errors".into(), "oncall".into(), now());
    assert!(matches!(&wants[..], [Want::Act(_)]), "one request: {wants:?}");
    procedure
}

fn accepted() -> Stage {
    Stage::Accepted { request: None, warnings: Vec::new(), revision: None, generation: None }
}

/// Plays the world of `store` second by second until there is a verdict, answering by `answers`.
fn play(procedure: &mut Procedure, store: &Store, until: i64, answers: &dyn Fn(&Question) -> Result<Answer, Why>) -> Option<(Verdict, i64)> {
    let mut wants = Vec::new();
    for second in 0..=until {
        let at = later(second);
        wants.extend(procedure.observed(&Observed::of(store, &id()), at));
        wants.extend(procedure.tick(at));
        for want in std::mem::take(&mut wants) {
            if let Want::Ask(ask) = want {
                wants.extend(procedure.answered(&ask.question, answers(&ask.question), at));
            }
        }
        if let State::Done { verdict, .. } = &procedure.state {
            return Some((verdict.clone(), second));
        }
    }
    None
}

fn state(procedure: &Procedure) -> &'static str {
    match procedure.state {
        State::Gathering(_) => "gathering",
        State::Planned(_) => "planned",
        State::Confirming { .. } => "confirming",
        State::Sending { .. } => "sending",
        State::Unclear { .. } => "unclear",
        State::UnderWay { .. } => "under way",
        State::Done { .. } => "done",
        State::Closed { .. } => "closed",
    }
}

#[test]
fn a_crash_looping_rollout_on_a_bare_cluster_is_taken_back_and_recovers() {
    let mut procedure = sent(planned());
    assert!(matches!(procedure.case.baseline.pods, Standing::Bad(_)));
    let _ = procedure.staged(&op(1), Stage::Sending, now());
    let wants = procedure.staged(&op(1), accepted(), now());
    assert_eq!(wants.len(), 2, "errors and latency are asked for");
    let (verdict, second) = play(&mut procedure, &healed().0, 700, &|_| no()).expect("a verdict");
    assert!(matches!(verdict, Verdict::Recovered { .. }), "{verdict:?}");
    assert!((60..=100).contains(&second), "after {second} s");
    let headline = procedure.headline(later(second));
    assert!(headline.line.starts_with("RECOVERED in 1m"), "{headline:?}");
    assert_eq!(&*headline.detail, "42.0 → 41.0");
    assert_eq!(&*procedure.change(), "42.0 r42 → 41.0 r41 (it runs on as r43)");
    let lines: Vec<(Mark, String)> = procedure.lines(later(second)).iter().map(|line| (line.mark, line.label.to_string())).collect();
    assert_eq!(lines[0], (Mark::Good, "pods".into()));
    assert_eq!(lines[2], (Mark::Unknown, "errors".into()), "what was not measured is not green");
}

#[test]
fn pods_that_never_come_up_are_not_recovered_and_named() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let world = {
        let mut cart = workload("prod", "shop", "cart");
        cart.revision = Some(43);
        cart.progress = Progress::Rolling;
        cart.replicas = counts(6, 7, 6, 5);
        let mut row = revision(&cart, 43, 5);
        row.template = crate::text::Raw::new("h41");
        let pods = [crashing(pod(&cart, 41, "q8w2n"), 2, 3), pod(&cart, 41, "a"), crashing(pod(&cart, 42, "x7k2p"), 1, 5)];
        World::new().workloads("prod", [cart]).revisions("prod", [row]).pods("prod", pods)
    };
    assert_eq!(play(&mut procedure, &world.0, 90, &|_| no()), None);
    assert!(procedure.headline(later(90)).detail.contains("x explains"), "no progress for a minute");
    let waiting: Vec<&str> = procedure.waiting_for().iter().map(|blocker| &*blocker.pod).collect();
    assert_eq!(waiting, ["q8w2n", "x7k2p"]);
    let (verdict, second) = play(&mut procedure, &world.0, 700, &|_| no()).expect("a verdict");
    let Verdict::NotRecovered { why } = verdict else { panic!("{verdict:?}") };
    assert!(why.contains("q8w2n exit 2, 3 restarts"), "{why}");
    assert_eq!(second, 600);
}

#[test]
fn errors_that_stay_say_that_the_version_was_not_the_cause() {
    let mut procedure = sent(planned());
    procedure.case.baseline.errors = Standing::Bad("17.4 %".into());
    procedure.case.baseline.error_rate = Some(0.174);
    let _ = procedure.staged(&op(1), accepted(), now());
    let answers = |question: &Question| match question {
        Question::Window(window) if window.metric == Metric::ErrorRate => Ok(Answer::Window { value: Some(0.169), requests: Some(4182.0), guessed: None }),
        _ => no(),
    };
    let (verdict, _) = play(&mut procedure, &healed().0, 700, &answers).expect("a verdict");
    assert_eq!(verdict, Verdict::NotRecovered { why: "pods are fine, errors still 16.9 % now, limit 5 %: 42.0 was not the cause".into() });
}

#[test]
fn errors_are_proven_by_a_window_that_began_after_the_pods_were_ready() {
    let mut procedure = sent(planned());
    procedure.case.baseline.errors = Standing::Bad("17.4 %".into());
    let _ = procedure.staged(&op(1), accepted(), now());
    let answers = |question: &Question| match question {
        Question::Window(window) if window.metric == Metric::ErrorRate => Ok(Answer::Window { value: Some(0.002), requests: Some(4182.0), guessed: None }),
        _ => no(),
    };
    let (verdict, second) = play(&mut procedure, &healed().0, 700, &answers).expect("a verdict");
    assert!(matches!(verdict, Verdict::Recovered { .. }));
    assert!(second >= 60, "the window is a minute: {second}");
    let errors = procedure.proofs(later(second)).into_iter().find(|proof| proof.kind == ProofKind::Errors).expect("there");
    assert_eq!(&*errors.text, "0.2 % for 1 min, 4,182 requests, limit 5 %");
}

#[test]
fn too_little_traffic_is_could_not_tell() {
    let mut procedure = sent(planned());
    procedure.case.baseline.errors = Standing::Bad("17.4 %".into());
    let _ = procedure.staged(&op(1), accepted(), now());
    let answers = |question: &Question| match question {
        Question::Window(_) => Ok(Answer::Window { value: Some(0.0), requests: Some(12.0), guessed: None }),
        _ => no(),
    };
    let (verdict, second) = play(&mut procedure, &healed().0, 700, &answers).expect("a verdict");
    assert_eq!(verdict, Verdict::CouldNotTell { why: "pods are ready; errors: 12 requests since: too little traffic to judge errors".into() });
    assert_eq!(second, 600, "traffic may come until then");
}

#[test]
fn nothing_is_planned_without_the_object_and_what_is_not_answered_is_unknown() {
    let world = burning();
    let (mut procedure, wants) = begin(&world.0);
    assert_eq!(procedure.tick(later(4)), []);
    assert_eq!(state(&procedure), "gathering");
    let _ = procedure.tick(later(5));
    let State::Closed { why } = &procedure.state else { panic!("{}", state(&procedure)) };
    assert!(why.contains("no answer in time"), "{why}");
    let (mut procedure, _) = begin(&world.0);
    for want in wants.into_iter().take(2) {
        let _ = answer(&mut procedure, vec![want], now());
    }
    let wants = procedure.tick(later(5));
    assert!(matches!(&wants[..], [Want::Prepare { .. }]));
    assert_eq!(procedure.plan().expect("planned").unknown.len(), 3, "memory, errors, latency");
}

#[test]
fn enter_does_not_open_the_line_while_checks_run_or_when_one_blocks() {
    let world = burning();
    let (mut procedure, wants) = begin(&world.0);
    let _ = answer(&mut procedure, wants, now());
    procedure.checked(1, Check::Expect(vec![CheckKind::Rights, CheckKind::Owner]));
    assert_eq!(procedure.open_confirm(), Err(Barred::Checking));
    procedure.checked(1, made(CheckKind::Owner, Outcome::Block));
    assert!(matches!(procedure.open_confirm(), Err(Barred::Blocked(_))));
    let _ = procedure.older(now());
    let mut procedure = planned();
    procedure.checked(9, made(CheckKind::Owner, Outcome::Block));
    assert_eq!(procedure.open_confirm(), Ok(()), "a check of another round is dropped");
}

#[test]
fn a_check_that_does_not_come_is_unknown_and_shown_as_such() {
    let world = burning();
    let (mut procedure, wants) = begin(&world.0);
    let _ = answer(&mut procedure, wants, now());
    procedure.checked(1, Check::Expect(vec![CheckKind::DryRun]));
    let _ = procedure.tick(later(5));
    let plan = procedure.plan().expect("planned");
    assert_eq!(plan.findings[&CheckKind::DryRun].outcome, Outcome::Unknown);
    assert_eq!(procedure.open_confirm(), Ok(()), "unknown is an answer");
}

#[test]
fn a_conflict_with_an_unchanged_object_takes_one_enter_and_any_other_goes_back_to_the_questions() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), Stage::Conflict { what: "the version moved".into(), same: true }, now());
    assert!(matches!(&procedure.state, State::Confirming { confirm: Confirm::Again { .. }, .. }));
    assert_eq!(procedure.confirmed(op(2), "errors".into(), "oncall".into(), now()).len(), 1);
    let wants = procedure.staged(&op(2), Stage::Conflict { what: "argocd changed the image".into(), same: false }, now());
    assert_eq!(state(&procedure), "gathering");
    let wants = answer(&mut procedure, wants, now());
    assert!(matches!(&wants[..], [Want::Prepare { .. }]));
    assert!(procedure.plan().and_then(|plan| plan.note.clone()).expect("said").contains("argocd changed the image"));
}

#[test]
fn a_lost_answer_is_settled_by_reading_the_world() {
    let unclear = || {
        let mut procedure = sent(planned());
        let wants = procedure.staged(&op(1), Stage::Unclear { why: "connection reset".into() }, later(1));
        assert!(matches!(&wants[..], [Want::Ask(Ask { question: Question::Subject(_), .. })]), "it is read, not sent: {wants:?}");
        procedure
    };
    let read = |procedure: &mut Procedure, subject: Subject, at: Timestamp| {
        let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject))), at);
        state(procedure)
    };
    let marked = Subject { operation: Some("7f3a-1".into()), ..subject("t41") };
    assert_eq!(read(&mut unclear(), marked, later(2)), "under way");
    let arrived = Subject { outline: outline(41), ..subject("t41") };
    assert_eq!(read(&mut unclear(), arrived, later(2)), "under way");
    assert_eq!(read(&mut unclear(), subject("t42"), later(2)), "unclear", "it may still be on its way");
    assert_eq!(read(&mut unclear(), subject("t42"), later(40)), "confirming", "not applied: Enter sends it again");
    let other = Subject { changed_by: Some(("argocd".into(), None)), ..subject("t99") };
    let mut procedure = unclear();
    assert_eq!(read(&mut procedure, other, later(2)), "done");
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::CouldNotTell { why }, .. } if why.contains("argocd")));
}

#[test]
fn silence_after_sending_becomes_unclear_and_an_unreadable_world_could_not_tell() {
    let mut procedure = sent(planned());
    let wants = procedure.tick(later(36));
    assert_eq!((state(&procedure), wants.len()), ("unclear", 1));
    let _ = procedure.tick(later(601));
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::CouldNotTell { .. }, .. }));
}

#[test]
fn what_was_found_open_in_the_journal_is_settled_without_sending() {
    let world = healed();
    let timing = Timing::default();
    let case = Case::of(&world.0, &id(), &timing, now()).expect("known");
    let goal = RevisionRef { id: Id::new(&source("prod"), "r"), number: 41, template: crate::text::Raw::new("h41"), version: Version("41.0".into()) };
    let resume = |case: Case| Procedure::resume(case, (op(1), goal.clone(), subject("t42").seen), Raw::new("h42"), ago(60), "oncall".into(), timing, now());
    let (mut procedure, _) = resume(case.clone());
    let marked = Subject { operation: Some("7f3a-1".into()), ..subject("t41") };
    let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(marked))), now());
    assert_eq!(state(&procedure), "under way");
    let (mut procedure, _) = resume(case);
    let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject("t42")))), now());
    assert_eq!(state(&procedure), "closed", "not applied, and its plan is gone");
}

#[test]
fn something_that_changes_it_back_ends_it_as_not_recovered() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let _ = procedure.observed(&Observed::of(&healed().0, &id()), later(1));
    let _ = procedure.observed(&Observed::of(&burning().0, &id()), later(2));
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::NotRecovered { why }, .. } if why.contains("changed it back")));
}

#[test]
fn a_source_that_falls_silent_never_proves_anything() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let mut world = healed();
    let why = Why { trouble: Trouble::Unreachable, words: "no answer".into() };
    world.0.link(&source("prod"), &Feed::Workloads, Link::Retrying { at: now(), since: None, why });
    let (verdict, _) = play(&mut procedure, &world.0, 700, &|_| no()).expect("a verdict");
    assert!(matches!(verdict, Verdict::CouldNotTell { .. }), "{verdict:?}");
}

#[test]
fn the_reason_is_prefilled_from_what_burns() {
    let mut procedure = planned();
    assert_eq!(&*crate::rollback::reason(&procedure), "42.0 exit 1, 5 restarts");
    procedure.case.alert = Some(crate::rollback::AlertRef { name: Name::new("CartErrorRate"), labels: Labels::default(), since: None });
    procedure.case.baseline.errors = Standing::Bad("17.4 %".into());
    procedure.case.baseline.error_rate = Some(0.174);
    assert_eq!(&*crate::rollback::reason(&procedure), "CartErrorRate 17.4 %, 42.0 exit 1, 5 restarts");
}

#[derive(Clone, Debug)]
enum Move {
    Answer(u8),
    OpenConfirm,
    CloseConfirm,
    Confirm,
    Stage(u8),
    Lost,
    Withheld,
    See(bool),
    Select(bool),
    Checks,
    Wait(i64),
    Read(u8),
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => (0u8..6).prop_map(Move::Answer),
        3 => Just(Move::OpenConfirm),
        1 => Just(Move::CloseConfirm),
        3 => Just(Move::Confirm),
        3 => (0u8..6).prop_map(Move::Stage),
        1 => Just(Move::Lost),
        1 => Just(Move::Withheld),
        2 => any::<bool>().prop_map(Move::See),
        1 => any::<bool>().prop_map(Move::Select),
        3 => Just(Move::Checks),
        2 => (1i64..40).prop_map(Move::Wait),
        2 => (0u8..4).prop_map(Move::Read),
    ]
}

struct Player {
    procedure: Procedure,
    at: i64,
    ops: u64,
    confirms: usize,
    acts: usize,
    round: u32,
}

impl Player {
    fn take(&mut self, wants: Vec<Want>, confirmed: bool) -> Result<(), TestCaseError> {
        for want in wants {
            match want {
                Want::Act(operation) => {
                    prop_assert!(confirmed, "a request without a confirmation: {operation:?}");
                    self.acts += 1;
                }
                Want::Prepare { round, .. } => self.round = round,
                Want::Ask(_) => {}
            }
        }
        Ok(())
    }

    fn play(&mut self, step: &Move, worlds: &[World; 2]) -> Result<(), TestCaseError> {
        let at = later(self.at);
        let id_of = op(self.ops);
        let mut confirmed = false;
        let wants = match step {
            Move::Answer(which) => match which {
                0 => self.procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject("t42")))), at),
                1 => {
                    let rows = revisions(&self.procedure.case.workload).to_vec();
                    self.procedure.answered(&Question::Revisions(id()), Ok(Answer::Revisions(rows)), at)
                }
                2 => self.procedure.answered(&Question::Subject(id()), no(), at),
                _ => self.procedure.tick(at),
            },
            Move::OpenConfirm => {
                let _ = self.procedure.open_confirm();
                Vec::new()
            }
            Move::CloseConfirm => {
                self.procedure.close_confirm();
                Vec::new()
            }
            Move::Confirm => {
                let open = state(&self.procedure) == "confirming";
                self.ops += 1;
                self.confirms += usize::from(open);
                confirmed = open;
                self.procedure.confirmed(op(self.ops), "why".into(), "me".into(), at)
            }
            Move::Stage(which) => {
                let stage = match which {
                    0 => Stage::Sending,
                    1 => accepted(),
                    2 => Stage::Conflict { what: "moved".into(), same: true },
                    3 => Stage::Conflict { what: "moved".into(), same: false },
                    4 => Stage::Refused { why: "no".into() },
                    _ => Stage::Unclear { why: "reset".into() },
                };
                self.procedure.staged(&id_of, stage, at)
            }
            Move::Lost => self.procedure.lost(&id_of, "gone".into(), at),
            Move::Withheld => {
                self.procedure.withheld(&id_of, "disk full".into());
                Vec::new()
            }
            Move::See(which) => self.procedure.observed(&Observed::of(&worlds[usize::from(*which)].0, &id()), at),
            Move::Select(older) => {
                if *older {
                    self.procedure.older(at)
                } else {
                    self.procedure.newer(at)
                }
            }
            Move::Checks => {
                self.procedure.prepared(self.round, Ok(()));
                Vec::new()
            }
            Move::Wait(seconds) => {
                self.at += seconds;
                self.procedure.tick(later(self.at))
            }
            Move::Read(which) => {
                let seen = match which {
                    0 => subject("t42"),
                    1 => Subject { operation: Some(crate::clean!("{id_of}")), ..subject("t41") },
                    2 => Subject { outline: outline(41), ..subject("t41") },
                    _ => subject("t99"),
                };
                self.procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(seen))), at)
            }
        };
        self.take(wants, confirmed)
    }
}

proptest! {
    #[test]
    fn no_schedule_sends_more_than_was_confirmed_and_every_one_ends(steps in prop::collection::vec(any_move(), 0..60)) {
        let worlds = [burning(), healed()];
        let (procedure, _) = begin(&worlds[0].0);
        let mut player = Player { procedure, at: 0, ops: 0, confirms: 0, acts: 0, round: 0 };
        for step in &steps {
            player.play(step, &worlds)?;
            prop_assert!(player.acts <= player.confirms);
        }
        let mut idle = 0;
        while player.procedure.wake(later(player.at)).is_some() {
            player.play(&Move::Wait(5), &worlds)?;
            idle += 1;
            prop_assert!(idle < FAST / 1000, "it never ends: {}", state(&player.procedure));
        }
        let ended = state(&player.procedure);
        prop_assert!(matches!(ended, "planned" | "confirming" | "done" | "closed"), "it waits for nobody in {ended}");
        prop_assert!(player.acts <= player.confirms);
    }
}
