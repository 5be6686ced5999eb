//! What an application was synced to as a way back, and what comes of the operation.

use super::*;
use crate::{
    domain::*,
    rollback::{
        Class, Procedure, State, Timing, Verdict, Want,
        procedure::stage::{accepted, answer as answers, begin, burning, healed, id, later, no, op, play, revisions, sent, state, subject},
    },
    store::fixture::{World, ago, now, revision, workload},
    text::{Name, Raw},
};
use jiff::SignedDuration;

/// What the application was synced to so many seconds ago.
fn synced(number: u64, seconds: i64, evidence: Vec<Evidence>) -> Revision {
    let id = Id::new(&SourceId::new("kubernetes/prod"), &format!("application/argocd/shop/{number}"));
    let outline = Outline(vec![Leaf { part: Part::Source, path: "shop: revision".into(), value: crate::clean!("c{number}") }]);
    Revision {
        id,
        number,
        template: Raw::default(),
        version: Version(crate::clean!("c{number}")),
        created: Some(ago(seconds)),
        evidence,
        outline,
        current: number == 4,
        ..revision(&workload("prod", "shop", "cart"), number, 0)
    }
}

fn deployed() -> Vec<Evidence> {
    vec![Evidence::Deployed { by: "Argo CD".into() }]
}

/// The application as its history and its last operation are.
fn application(revisions: Vec<Revision>, operation: Option<Synced>, template: &str) -> Application {
    let seen = Seen { uid: Raw::new("app"), template: Raw::new(if operation.is_some() { "asked" } else { "as it was" }), paused: true };
    Application { name: Name::new("shop"), seen, revisions, operation, template: Raw::new(template) }
}

fn history() -> Vec<Revision> {
    vec![synced(4, 500, deployed()), synced(3, 9000, deployed())]
}

fn told(application: Application) -> Subject {
    Subject { application: Some(application), ..subject("t42") }
}

fn asked(phase: Phase, mark: Option<&'static str>) -> Synced {
    Synced { mark: mark.map(Clean::from_static), by: "bob".into(), phase, says: "one of two".into() }
}

/// The plan of a workload with these revisions of its own and of its application.
fn planned(own: &[Revision], theirs: Vec<Revision>) -> Procedure {
    let (mut procedure, wants) = begin(&burning().0);
    for want in wants {
        let Want::Ask(ask) = want else { continue };
        let result = match &ask.question {
            Question::Subject(_) => Ok(Answer::Subject(Box::new(told(application(theirs.clone(), None, ""))))),
            Question::Revisions(_) => Ok(Answer::Revisions(own.to_vec())),
            _ => no(),
        };
        let _ = procedure.answered(&ask.question, result, now());
    }
    procedure.prepared(1, Ok(()));
    procedure
}

/// The bad one of the workload, and one before it with `evidence`.
fn own(evidence: Option<Vec<Evidence>>) -> Vec<Revision> {
    let [mut bad, mut before] = revisions(&workload("prod", "shop", "cart"));
    (bad.created, before.created) = (Some(ago(510)), Some(ago(9010)));
    bad.current = true;
    match evidence {
        Some(evidence) => vec![bad, Revision { evidence, ..before }],
        None => vec![bad],
    }
}

/// Confirmed: the sync is asked for.
fn syncing() -> Procedure {
    let mut procedure = planned(&own(None), history());
    assert_eq!(procedure.plan().map(crate::rollback::Plan::verb), Some(Verb::SyncBack));
    procedure.prepared(1, Ok(()));
    sent(procedure)
}

#[test]
fn the_workloads_own_revision_is_proposed_unless_the_application_has_a_surer_one() {
    let serves = || vec![Evidence::ServingNow { ready: 4, wanted: 6 }];
    let long = || vec![Evidence::Served { held: SignedDuration::from_hours(9) }];
    let left = || vec![Evidence::Deployed { by: "Argo CD".into() }, Evidence::RolledBackFrom { at: ago(600) }];
    for (what, own_evidence, theirs, verb) in [
        ("its pods serve", Some(serves()), deployed(), Some(Verb::RollBack)),
        ("both are likely", Some(long()), deployed(), Some(Verb::RollBack)),
        ("nothing speaks for its own", Some(Vec::new()), deployed(), Some(Verb::SyncBack)),
        ("its own never came up", Some(vec![Evidence::NeverAvailable { why: Clean::EMPTY }]), deployed(), Some(Verb::SyncBack)),
        ("it keeps none of its own", None, deployed(), Some(Verb::SyncBack)),
        ("somebody went back from what the application has", Some(Vec::new()), left(), Some(Verb::RollBack)),
        ("nothing is left", None, left(), None),
    ] {
        let procedure = planned(&own(own_evidence), vec![synced(4, 500, deployed()), synced(3, 9000, theirs)]);
        let plan = procedure.plan().expect("a plan");
        assert_eq!(plan.candidate().map(|_| plan.verb()), verb, "{what}: {:?}", plan.target);
    }
}

#[test]
fn both_stand_in_one_list_by_time_and_none_is_called_proven_by_the_history_alone() {
    let older = Revision { number: 40, template: Raw::new("h40"), created: Some(ago(20_000)), outline: Outline::default(), ..own(Some(deployed())).remove(1) };
    let mut rows = own(Some(vec![Evidence::ServingNow { ready: 4, wanted: 6 }]));
    rows.push(older);
    let procedure = planned(&rows, vec![synced(4, 500, deployed()), synced(3, 9000, deployed()), synced(2, 19_000, deployed())]);
    let plan = procedure.plan().expect("a plan");
    let order: Vec<(u64, bool)> = (0..plan.target.candidates.len()).map(|at| (plan.target.candidates[at].revision.number, plan.synced(at).is_some())).collect();
    assert_eq!(order, [(3, true), (41, false), (2, true), (40, false)]);
    assert_eq!(plan.selected, Some(1));
    assert!(plan.target.candidates.iter().all(|one| one.class < Class::Proven || one.revision.number == 41), "{:?}", plan.target);
}

#[test]
fn the_plan_of_a_sync_is_about_the_application() {
    let mut procedure = planned(&own(Some(vec![Evidence::ServingNow { ready: 4, wanted: 6 }])), history());
    assert_eq!(&*procedure.change(), "42.0 r42 → 41.0 r41");
    let wants = procedure.newer(now());
    let [Want::Prepare { operation, .. }] = &wants[..] else { panic!("{wants:?}") };
    assert_eq!((operation.verb, operation.from.uid.expose(), operation.to.as_ref().map(|to| to.number)), (Verb::SyncBack, "app", Some(3)));
    assert_eq!(&*procedure.change(), "42.0 r42 → c3 by a sync of shop");
    let plan = procedure.plan().expect("a plan");
    let difference: Vec<_> = plan.difference.iter().map(|change| (change.part, change.before.as_deref(), change.after.as_deref())).collect();
    assert_eq!(difference, [(Part::Source, Some("c4"), Some("c3"))]);
}

/// Plays a world second by second while the application is read as `reads` has it.
fn watch(procedure: &mut Procedure, world: &World, until: i64, reads: &dyn Fn() -> Application) -> Option<(Verdict, i64)> {
    play(procedure, &world.0, until, &|question| match question {
        Question::Subject(_) => Ok(Answer::Subject(Box::new(told(reads())))),
        _ => no(),
    })
}

#[test]
fn it_is_recovered_when_the_operation_is_over_and_the_pods_that_it_brought_are_well() {
    let at = |phase, template: &'static str| move || application(history(), Some(asked(phase, Some("7f3a-1"))), template);
    for (what, reads, recovers) in [
        ("it is asked for", &at(Phase::Asked, "") as &dyn Fn() -> Application, false),
        ("it is under way", &at(Phase::Running, ""), false),
        ("which template it brought is not known", &at(Phase::Succeeded, ""), false),
        ("it brought another than runs", &at(Phase::Succeeded, "h99"), false),
        ("it brought what runs", &at(Phase::Succeeded, "h41"), true),
    ] {
        let mut procedure = syncing();
        let wants = procedure.staged(&op(1), accepted(), later(0));
        assert!(wants.iter().any(|want| matches!(want, Want::Ask(crate::rollback::Ask { question: Question::Subject(_), .. }))), "it is read: {wants:?}");
        let ended = watch(&mut procedure, &healed(), 120, reads);
        assert_eq!(matches!(ended, Some((Verdict::Recovered { .. }, _))), recovers, "{what}: {ended:?}");
    }
    let mut procedure = syncing();
    let _ = procedure.staged(&op(1), accepted(), later(0));
    let _ = watch(&mut procedure, &burning(), 10, &at(Phase::Running, ""));
    assert_eq!(procedure.waiting_for(), [], "it waits for no pod yet");
    assert!(procedure.proofs(later(10))[0].text.contains("one of two"), "what it waits for is on the screen: {:?}", procedure.proofs(later(10)));
}

#[test]
fn a_sync_that_fails_ends_it_and_one_of_somebody_else_too() {
    let failed = || application(history(), Some(asked(Phase::Failed, Some("7f3a-1"))), "");
    let other = || application(history(), Some(asked(Phase::Running, Some("another"))), "");
    let none = || application(history(), None, "");
    for (what, reads, words) in [
        ("it failed", &failed as &dyn Fn() -> Application, "it failed: one of two"),
        ("somebody else's is under way", &other, "somebody rolled out something else"),
        ("its own is gone", &none, "somebody rolled out something else"),
    ] {
        let mut procedure = syncing();
        let _ = procedure.staged(&op(1), accepted(), later(0));
        let (verdict, _) = watch(&mut procedure, &healed(), 20, reads).unwrap_or_else(|| panic!("{what}: no verdict"));
        assert!(verdict.why().is_some_and(|why| why.contains(words)), "{what}: {verdict:?}");
        assert_eq!(matches!(verdict, Verdict::NotRecovered { .. }), what == "it failed", "{what}: {verdict:?}");
    }
}

#[test]
fn what_changes_it_again_after_the_sync_is_seen() {
    let over = || application(history(), Some(asked(Phase::Succeeded, Some("7f3a-1"))), "h41");
    let mut procedure = syncing();
    let _ = procedure.staged(&op(1), accepted(), later(0));
    assert_eq!(watch(&mut procedure, &burning(), 10, &over), None, "the watch lags behind what was read");
    assert_eq!(watch(&mut procedure, &healed(), 20, &over), None, "it is being verified");
    let (verdict, _) = watch(&mut procedure, &burning(), 30, &over).expect("a verdict");
    assert!(verdict.why().is_some_and(|why| why.contains("changed it back")), "{verdict:?}");
}

#[test]
fn a_lost_answer_is_settled_by_what_the_application_says() {
    let lost = || {
        let mut procedure = syncing();
        let _ = procedure.staged(&op(1), Stage::Unclear { why: "lost".into() }, later(1));
        procedure
    };
    let read = |procedure: &mut Procedure, found: Option<Synced>, second| {
        let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(told(application(history(), found, ""))))), later(second));
        state(procedure)
    };
    let mut procedure = lost();
    let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject("t99")))), later(2));
    assert_eq!(state(&procedure), "unclear", "what can not be read settles nothing");
    assert_eq!(read(&mut procedure, None, 3), "unclear", "it may be on its way");
    assert_eq!(read(&mut procedure, Some(asked(Phase::Asked, Some("7f3a-1"))), 4), "under way");
    let mut procedure = lost();
    assert_eq!(read(&mut procedure, None, 60), "confirming", "it was not applied");
    let mut procedure = lost();
    assert_eq!(read(&mut procedure, Some(asked(Phase::Succeeded, None)), 60), "done", "somebody else synced it");
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::CouldNotTell { why }, .. } if why.contains("by bob")), "{:?}", procedure.state);
}

#[test]
fn one_that_another_console_began_is_watched_by_its_operation() {
    let before = syncing();
    let (goal, from) = (before.goal().expect("a goal"), before.plan().expect("a plan").from().clone());
    let (mut procedure, wants) =
        Procedure::resume(before.case.clone(), (op(1), Verb::SyncBack, goal, from), Raw::new("h42"), now(), "oncall".into(), Timing::default(), now());
    let over = || application(history(), Some(asked(Phase::Succeeded, Some("7f3a-1"))), "h41");
    let _ = answers(&mut procedure, wants, now());
    assert_eq!(state(&procedure), "unclear", "what it was asked about is not known yet");
    let ended = watch(&mut procedure, &healed(), 120, &over);
    assert!(matches!(ended, Some((Verdict::Recovered { .. }, _))), "{ended:?}");
}
