//! A rollback that goes through a release.

use super::{stage::*, *};
use crate::{
    domain::{Release, ReleaseState, Stage, Subject, Trouble},
    store::fixture::now,
    text::Name,
};

/// The subject of [`subject`], made by a release whose newest revision is `number`.
fn released(number: u64, status: &'static str, back_to: Option<u64>) -> Subject {
    let state = match status {
        "deployed" => ReleaseState::Deployed,
        "failed" => ReleaseState::Other,
        _ => ReleaseState::Pending { since: Some(now()) },
    };
    let seen = Seen { uid: Raw::new(&format!("record-{number}")), template: Raw::new(&format!("{number} {status}")), paused: false };
    let (name, namespace) = (Name::new("shop"), Name::new("shop"));
    let release = Release { name, namespace, revision: number, status: status.into(), state, back_to, seen, template: Raw::default() };
    Subject { revision: Some(number), release: Some(release), ..subject("t42") }
}

/// Confirmed: helm is at work.
fn at_work() -> Procedure {
    let mut procedure = planned();
    if let State::Planned(plan) = &mut procedure.state {
        plan.subject = released(4, "deployed", None);
    }
    sent(procedure)
}

fn answer(procedure: &mut Procedure, subject: Subject, at: Timestamp) -> Vec<Want> {
    procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject))), at)
}

fn goal(procedure: &Procedure) -> u64 {
    procedure.goal().expect("it goes somewhere").number
}

#[test]
fn what_the_operator_saw_is_the_release() {
    let mut procedure = planned();
    if let State::Planned(plan) = &mut procedure.state {
        plan.subject = released(4, "deployed", None);
    }
    procedure.open_confirm().expect("nothing bars it");
    let wants = procedure.confirmed(op(1), "errors".into(), "oncall".into(), now());
    assert!(matches!(&wants[..], [Want::Act(operation)] if operation.from.uid.expose() == "record-4"), "{wants:?}");
    assert!(procedure.change().starts_with("42.0 r4 →"), "the release counts for itself: {}", procedure.change());
}

#[test]
fn helm_is_given_the_time_that_its_hooks_take() {
    let mut procedure = at_work();
    assert!(procedure.tick(later(60)).is_empty() && matches!(procedure.state, State::Sending { .. }), "35 s are for one request");
    assert_eq!(procedure.lines(later(60))[0].label.as_str(), "recorded");
    assert!(procedure.staged(&op(1), Stage::Sending, later(1)).is_empty());
    assert_eq!(procedure.lines(later(60))[0].label.as_str(), "helm");
    assert!(!procedure.tick(later(331)).is_empty() && matches!(procedure.state, State::Unclear { .. }));
}

#[test]
fn the_template_that_runs_after_helm_is_read_and_not_guessed() {
    let mut procedure = at_work();
    let wants = procedure.staged(&op(1), accepted(), later(9));
    assert!(wants.iter().any(|want| matches!(want, Want::Ask(Ask { question: Question::Subject(_), .. }))), "{wants:?}");
    let mut done = released(5, "deployed", Some(goal(&procedure)));
    assert!(answer(&mut procedure, done.clone(), later(10)).is_empty());
    let again = procedure.tick(later(13));
    assert!(again.iter().any(|want| matches!(want, Want::Ask(Ask { question: Question::Subject(_), .. }))), "its controller had not looked at it: {again:?}");
    done.release.as_mut().expect("a release").template = Raw::new("h77");
    let _ = answer(&mut procedure, done, later(14));
    assert_eq!(procedure.goal().map(|goal| goal.template.expose().to_owned()).as_deref(), Some("h41"), "what was confirmed stays");
    let State::UnderWay { run, .. } = &procedure.state else { panic!("{:?}", procedure.state) };
    assert_eq!(run.target.template.expose(), "h77");
    assert!(!procedure.tick(later(20)).iter().any(|want| matches!(want, Want::Ask(Ask { question: Question::Subject(_), .. }))), "it is known");
}

#[test]
fn a_helm_that_ended_in_the_middle_is_settled_by_its_records() {
    let lost = || {
        let mut procedure = at_work();
        let _ = procedure.staged(&op(1), Stage::Unclear { why: "helm was killed".into() }, later(9));
        procedure
    };
    let mut procedure = lost();
    let done = released(5, "deployed", Some(goal(&procedure)));
    let _ = answer(&mut procedure, done, later(10));
    assert!(matches!(procedure.state, State::UnderWay { .. }), "it was carried out: {:?}", procedure.state);

    for status in ["pending-rollback", "failed"] {
        let mut procedure = lost();
        let left = released(5, status, Some(goal(&procedure)));
        let _ = answer(&mut procedure, left, later(10));
        let State::Done { verdict: Verdict::CouldNotTell { why }, .. } = &procedure.state else { panic!("{:?}", procedure.state) };
        assert!(why.contains("helm was killed") && why.contains(&format!("r5 of Helm release shop is {status}")), "{why}");
    }

    let mut procedure = lost();
    let other = released(5, "deployed", Some(1));
    let _ = answer(&mut procedure, other, later(10));
    assert!(matches!(procedure.state, State::Done { verdict: Verdict::CouldNotTell { .. }, .. }), "somebody went elsewhere: {:?}", procedure.state);

    let mut procedure = lost();
    assert!(
        answer(&mut procedure, released(4, "deployed", None), later(60)).is_empty() && matches!(procedure.state, State::Unclear { .. }),
        "too early to say"
    );
    let _ = answer(&mut procedure, released(4, "deployed", None), later(331));
    assert!(matches!(&procedure.state, State::Confirming { confirm: Confirm::Again { .. }, .. }), "nothing was carried out: {:?}", procedure.state);
}

#[test]
fn a_helm_that_another_console_began_may_still_be_at_work() {
    let before = at_work();
    let goal = before.goal().expect("it goes somewhere");
    let from = released(4, "deployed", None).from().clone();
    let resume = |began| {
        Procedure::resume(
            before.case.clone(),
            (op(1), crate::domain::Verb::RollBack, goal.clone(), from.clone()),
            Raw::new("h42"),
            began,
            "oncall".into(),
            Timing::default(),
            now(),
        )
    };
    let pending = || released(5, "pending-rollback", Some(goal.number));
    let (mut procedure, _) = resume(now());
    let _ = answer(&mut procedure, pending(), later(60));
    assert!(matches!(procedure.state, State::Unclear { .. }), "{:?}", procedure.state);
    let _ = answer(&mut procedure, pending(), later(331));
    assert!(matches!(procedure.state, State::Done { verdict: Verdict::CouldNotTell { .. }, .. }), "{:?}", procedure.state);
    let (mut procedure, _) = resume(now());
    let _ = answer(&mut procedure, released(5, "deployed", Some(goal.number)), later(61));
    let State::UnderWay { run, .. } = &procedure.state else { panic!("{:?}", procedure.state) };
    assert!(run.reread.is_some(), "which template runs is not known yet");
    let unreadable = Why { trouble: Trouble::Denied, words: "no".into() };
    assert!(procedure.answered(&Question::Subject(id()), Err(unreadable), later(62)).is_empty());
}
