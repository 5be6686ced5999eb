//! What comes of a rollout that is given up on while it is on its way.

use super::{stage::*, *};
use crate::{
    domain::*,
    rollback::Mark,
    store::fixture::{World, counts, pod, revision, workload},
    text::Raw,
};

/// The plan of which the target is the stable revision, confirmed and accepted.
fn aborting() -> Procedure {
    let mut procedure = planned();
    if let State::Planned(plan) = &mut procedure.state {
        plan.subject.abort_to = Some(Raw::new("h41"));
        assert_eq!(plan.verb(), Verb::Abort);
    }
    let mut procedure = sent(procedure);
    let _ = procedure.staged(&op(1), accepted(), now_is());
    procedure
}

fn now_is() -> Timestamp {
    later(0)
}

/// The same Rollout with `progress`, its stable pods all ready.
fn world(progress: Progress) -> World {
    let mut cart = workload("prod", "shop", "cart");
    (cart.kind, cart.revision, cart.progress, cart.replicas) = (Kind::Rollout, Some(42), progress, counts(6, 6, 0, 6));
    let pods = ["a", "b", "c", "d", "e", "f"].map(|name| pod(&cart, 41, name));
    let rows = [revision(&cart, 42, 0), revision(&cart, 41, 6)];
    World::new().workloads("prod", [cart]).revisions("prod", rows).pods("prod", pods)
}

fn given_up(since: Option<Timestamp>, whole: bool) -> Progress {
    Progress::Aborted { since, back_to: Raw::new("h41"), whole, message: "aborted".into() }
}

#[test]
fn it_is_recovered_when_its_controller_gave_up_and_only_the_stable_revision_serves() {
    for (progress, recovers) in [
        (given_up(Some(later(1)), true), true),
        (given_up(None, true), false),
        (given_up(Some(later(1)), false), false),
        (Progress::Rolling, false),
        (Progress::Done, false),
    ] {
        let mut procedure = aborting();
        let ended = play(&mut procedure, &world(progress.clone()).0, 120, &|_| no());
        assert_eq!(matches!(ended, Some((Verdict::Recovered { .. }, _))), recovers, "{progress:?}: {ended:?}");
        if recovers {
            let open = procedure.still_open(&[]);
            assert!(open.iter().any(|line| line.mark == Mark::Open && line.text.contains("still asks for 42.0: a retry ships it again")), "{open:?}");
        }
    }
}

#[test]
fn what_is_retried_after_the_abort_was_seen_is_not_recovered() {
    let mut procedure = aborting();
    assert_eq!(play(&mut procedure, &world(given_up(Some(later(1)), true)).0, 20, &|_| no()), None, "it is still being verified");
    let (verdict, _) = play(&mut procedure, &world(Progress::Rolling).0, 20, &|_| no()).expect("a verdict");
    assert!(matches!(&verdict, Verdict::NotRecovered { why } if why.contains("it goes forward to 42.0 again")), "{verdict:?}");
}

#[test]
fn an_undo_of_what_was_aborted_before_is_not_complete_by_that_abort() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now_is());
    let ended = play(&mut procedure, &world(given_up(Some(later(1)), true)).0, 300, &|_| no());
    assert_eq!(ended, None, "its template is still that of the bad version");
}

#[test]
fn a_lost_answer_to_an_abort_is_settled_by_what_the_rollout_says() {
    let mut procedure = aborting();
    let State::UnderWay { sent, .. } = procedure.state.clone() else { panic!("{:?}", procedure.state) };
    procedure.state = State::Unclear { sent: sent.clone(), why: "lost".into(), reread: later(5) };
    let aborted = Subject { progress: given_up(None, false), ..subject("t42 aborted") };
    let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(aborted))), later(1));
    assert!(matches!(procedure.state, State::UnderWay { .. }), "{:?}", procedure.state.word());
    procedure.state = State::Unclear { sent, why: "lost".into(), reread: later(5) };
    let elsewhere = Subject { progress: Progress::Rolling, ..subject("t99") };
    let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(elsewhere))), later(1));
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::CouldNotTell { .. }, .. }), "{:?}", procedure.state.word());
}
