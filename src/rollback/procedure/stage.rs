//! A burning service, the world after the rollback, and the steps up to the request, for the tests of the procedure.

use super::*;
use crate::{
    domain::*,
    rollback::Observed,
    store::{
        Store,
        fixture::{World, ago, counts, crashing, now, pod, revision, source, workload},
    },
    text::Raw,
};

pub(in crate::rollback) fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

pub(in crate::rollback) fn op(count: u64) -> OpId {
    OpId::new("7f3a", count)
}

/// Revision 41 serves with four pods, 42 crash-loops: the store as it is then.
pub(in crate::rollback) fn burning() -> World {
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

pub(in crate::rollback) fn revisions(of: &Workload) -> [Revision; 2] {
    let mut rows = [revision(of, 42, 0), revision(of, 41, 4)];
    rows[1].evidence = vec![Evidence::ServingNow { ready: 4, wanted: 6 }];
    for row in &mut rows {
        row.outline = outline(row.number);
    }
    rows
}

pub(in crate::rollback) fn outline(number: u64) -> Outline {
    Outline(vec![Leaf { part: Part::Image, path: "app".into(), value: crate::clean!("cart:{number}") }])
}

/// The store after the controller has carried the rollback out, as revision 43 with the template of 41.
pub(in crate::rollback) fn healed() -> World {
    let mut cart = workload("prod", "shop", "cart");
    cart.revision = Some(43);
    cart.version = Version("41.0".into());
    cart.changed = Some(later(1));
    cart.replicas = counts(6, 6, 6, 6);
    let mut row = revision(&cart, 43, 6);
    row.template = Raw::new("h41");
    row.version = Version("41.0".into());
    let pods = ["a", "b", "c", "d", "e", "f"].map(|name| pod(&cart, 41, name));
    let old = revision(&cart, 42, 0);
    World::new().workloads("prod", [cart]).revisions("prod", [row, old]).pods("prod", pods)
}

pub(in crate::rollback) fn subject(template: &str) -> Subject {
    Subject {
        revision: Some(42),
        outline: outline(42),
        generation: 7,
        observed: 7,
        replicas: counts(6, 7, 3, 4),
        progress: Progress::Rolling,
        ..Subject::new(id(), Seen { uid: Raw::new("uid"), template: Raw::new(template), paused: false })
    }
}

pub(in crate::rollback) fn id() -> Id<Workload> {
    Id::new(&source("prod"), "shop/cart")
}

pub(in crate::rollback) fn begin(store: &Store) -> (Procedure, Vec<Want>) {
    let timing = Timing::default();
    let case = Case::of(store, &id(), &timing, now()).expect("it is known");
    let revisions: Vec<&Revision> = store.revisions_of(&id());
    Procedure::begin(case, &revisions, Vec::new(), (op(0), "oncall".into()), timing, now())
}

pub(in crate::rollback) fn no() -> Result<Answer, Why> {
    Err(Why { trouble: Trouble::Unsupported, words: "not here".into() })
}

/// Answers every question as a cluster without metrics does.
pub(in crate::rollback) fn answer(procedure: &mut Procedure, wants: Vec<Want>, at: Timestamp) -> Vec<Want> {
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
pub(in crate::rollback) fn planned() -> Procedure {
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

pub(in crate::rollback) fn made(kind: CheckKind, outcome: Outcome) -> Check {
    Check::Made(Finding { kind, outcome, sentence: "said".into(), remedy: None })
}

pub(in crate::rollback) fn sent(mut procedure: Procedure) -> Procedure {
    procedure.open_confirm().expect("nothing bars it");
    let wants = procedure.confirmed(op(1), "errors".into(), "oncall".into(), now());
    assert!(matches!(&wants[..], [Want::Act(_)]), "one request: {wants:?}");
    procedure
}

pub(in crate::rollback) fn accepted() -> Stage {
    Stage::Accepted { request: None, warnings: Vec::new(), revision: None, generation: None }
}

/// Plays the world of `store` second by second until there is a verdict, answering by `answers`.
pub(in crate::rollback) fn play(
    procedure: &mut Procedure,
    store: &Store,
    until: i64,
    answers: &dyn Fn(&Question) -> Result<Answer, Why>,
) -> Option<(Verdict, i64)> {
    let mut wants = Vec::new();
    for second in 0..=until {
        let at = later(second);
        let watched = procedure.watched().clone();
        wants.extend(procedure.observed(&Observed::of(store, &watched), at));
        wants.extend(procedure.tick(at));
        for want in std::mem::take(&mut wants) {
            let Want::Ask(ask) = want else { continue };
            // No smoke requests are configured here.
            wants.extend(match &ask.question {
                question @ Question::Smoke { .. } => procedure.asked(question, 0, at),
                question => procedure.answered(question, answers(question), at),
            });
        }
        if let State::Done { verdict, .. } = &procedure.state {
            return Some((verdict.clone(), second));
        }
    }
    None
}

pub(in crate::rollback) fn state(procedure: &Procedure) -> &'static str {
    procedure.state.word()
}
