//! Back ends without a history, whose way back is several requests.

use super::{stage::*, *};
use crate::{
    domain::*,
    store::fixture::{ago, now},
};

#[test]
fn several_requests_are_not_given_up_for_lost_while_their_source_works_on_them() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), Stage::Sending, now());
    for second in 1..=100 {
        let _ = procedure.staged(&op(1), Stage::Working { what: "web stops".into() }, later(second));
        let _ = procedure.tick(later(second));
        assert_eq!(state(&procedure), "sending", "after {second} s");
    }
    assert_eq!(&*procedure.lines(later(100))[0].text, "web stops");
    let _ = procedure.tick(later(134));
    assert_eq!(state(&procedure), "sending");
    let _ = procedure.tick(later(135));
    assert_eq!(state(&procedure), "unclear", "nothing was heard of it");
    let _ = procedure.staged(&op(1), Stage::Failed { why: "exit 4; the old container is back".into() }, later(140));
    assert!(matches!(&procedure.state, State::Closed { why } if &**why == "it failed: exit 4; the old container is back"), "{:?}", procedure.state);
}

#[test]
fn where_no_system_keeps_a_history_what_was_seen_here_is_a_way_back() {
    let seen = |template: &str| Record {
        template: crate::text::Raw::new(template),
        evidence: Evidence::SeenHealthy { held: SignedDuration::from_hours(40), until: ago(400) },
    };
    let begin = |kind: Kind| {
        let world = burning();
        let mut case = Case::of(&world.0, &id(), &Timing::default(), now()).expect("it is known");
        case.workload.kind = kind;
        Procedure::begin(case, &[], vec![seen("h40"), seen("h40")], (op(0), "oncall".into()), Timing::default(), now())
    };
    let asked = |wants: &[Want]| {
        wants.iter().find_map(|want| match want {
            Want::Ask(Ask { question: Question::Templates { templates, .. }, .. }) => Some(templates.len()),
            _ => None,
        })
    };
    assert_eq!(asked(&begin(Kind::Deployment).1), None, "a cluster keeps it");
    let (mut procedure, wants) = begin(Kind::Container);
    assert_eq!(asked(&wants), Some(1));
    for want in wants {
        let Want::Ask(ask) = want else { continue };
        let mut rows = revisions(&procedure.case.workload).to_vec();
        let answer = match &ask.question {
            Question::Subject(_) => Ok(Answer::Subject(Box::new(subject("t42")))),
            Question::Revisions(_) => Ok(Answer::Revisions(vec![rows.remove(0)])),
            Question::Templates { .. } => {
                rows[1].number = 40;
                rows[1].template = crate::text::Raw::new("h40");
                rows[1].evidence.clear();
                Ok(Answer::Revisions(vec![rows.remove(1)]))
            }
            _ => no(),
        };
        let _ = procedure.answered(&ask.question, answer, now());
    }
    let candidate = procedure.plan().and_then(|plan| plan.candidate()).expect("a target");
    assert_eq!((candidate.revision.number, &*candidate.why), (40, "proven: seen fully available for 1 d"));
}
