//! Going back by a switch: what stands beside the workload and served before it, where a route can lead to either.
//!
//! It is proposed above every earlier revision of the workload itself, since its pods are ready already, unless there is something against
//! it: it is newer than what would be left, none of its pods is ready, somebody switched back from it, or the workload was changed in place
//! after the switch, so that the switch is not what began it.

use super::{
    Candidate, Class, History, Target,
    target::{candidate, newest},
};
use crate::{
    domain::{Reach, Revision, Route, Subject},
    text::Clean,
};
use jiff::Timestamp;

/// Puts what `subject` could be left for in front of its own revisions.
pub(super) fn beside(target: &mut Target, subject: &Subject, history: &History<'_>, now: Timestamp) {
    let (Some(route), Some(current)) = (subject.served_by(), newest(history.revisions)) else { return };
    let mut arms: Vec<&Revision> = route.arms.iter().filter(|arm| arm.workload != subject.workload).map(|arm| &arm.revision).collect();
    arms.sort_by_key(|revision| std::cmp::Reverse(revision.created));
    let found: Vec<Candidate> = arms.into_iter().map(|revision| one(revision, current, history, now)).collect();
    let first = found.iter().position(|candidate| !candidate.shunned);
    let own = std::mem::replace(&mut target.proposed, Err(Clean::EMPTY));
    target.proposed = match (first, own) {
        (Some(at), Ok(_)) if began_it(route, current) => Ok(at),
        (_, Ok(own)) => Ok(found.len() + own),
        (Some(at), Err(_)) => Ok(at),
        (None, Err(why)) => Err(found.first().map_or(why, |beside| crate::clean!("what stands beside it is {}", beside.why))),
    };
    target.candidates.splice(0..0, found);
}

/// Whether the switch is younger than what it led to: whatever is wrong came with it. Where weights lead to both it still goes on.
fn began_it(route: &Route, current: &Revision) -> bool {
    match route.reach {
        Reach::Mesh => true,
        Reach::Endpoints { .. } => route.switched.zip(current.created).is_some_and(|(switched, created)| created <= switched),
    }
}

fn one(revision: &Revision, current: &Revision, history: &History<'_>, now: Timestamp) -> Candidate {
    let mut found = candidate(revision.clone(), current, history, now);
    // Where that is not known it may be: the remedy must not be a release that nobody has tried.
    if current.created.zip(revision.created).is_none_or(|(current, other)| other >= current) {
        let known = found.why.strip_prefix(found.class.word()).unwrap_or(&found.why).to_owned();
        (found.class, found.shunned) = (Class::None, true);
        found.why = crate::clean!("{}: not older than what it would take the place of{}", Class::None.word(), known.replacen(':', ",", 1));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Arm, Evidence, Id, Seen},
        rollback::{procedure::stage::subject, target::target},
        store::fixture::{ago, now, revision, workload},
        text::{Name, Raw},
    };

    /// Made so long ago.
    fn made(name: &str, number: u64, age: i64) -> Revision {
        Revision { current: true, created: Some(ago(age)), ..revision(&workload("prod", "shop", name), number, 3) }
    }

    fn stands(ready: u32, until: Option<i64>) -> Evidence {
        Evidence::StandsReady { ready, wanted: 3, until: until.map(ago) }
    }

    fn arm(revision: Revision, name: &str, share: u32) -> Arm {
        Arm { workload: revision.workload.clone(), name: Name::new(name), revision, ready: 3, wanted: 3, share }
    }

    /// The target for `cart`, made 600 s ago, to which a route was switched `switched` s ago away from `other`.
    fn choose(own: &[Revision], other: Revision, switched: Option<i64>, shares: (u32, u32), reach: Reach) -> (Target, usize) {
        let current = made("cart", 42, 600);
        let route = Route {
            name: "Service web".into(),
            seen: Seen { uid: Raw::new("route"), template: Raw::default(), paused: false },
            operation: None,
            changed_by: None,
            switched: switched.map(ago),
            arms: vec![arm(other, "beside", shares.1), arm(current.clone(), "cart", shares.0)],
            reach,
        };
        let subject = Subject { workload: Id::restore(current.workload.as_str()), routes: vec![route], ..subject("t") };
        let revisions: Vec<Revision> = std::iter::once(current).chain(own.iter().cloned()).collect();
        let history = History { revisions: &revisions, records: &[], pods: &[] };
        let mut target = target(&history, now());
        let before = target.candidates.len();
        beside(&mut target, &subject, &history, now());
        (target, before)
    }

    const ENDPOINTS: Reach = Reach::Endpoints { own: 3, other: 0 };

    fn other(age: i64, evidence: Vec<Evidence>) -> Revision {
        Revision { evidence, ..made("beside", 7, age) }
    }

    fn proven() -> Revision {
        Revision { current: false, evidence: vec![Evidence::Measured { by: "m".into(), what: "ready".into() }], ..made("cart", 41, 5000) }
    }

    #[test]
    fn what_stood_before_the_switch_is_proposed_first_and_what_is_doubtful_never() {
        let switched_back = Evidence::RolledBackFrom { at: ago(60) };
        for (what, other, switched, proposed) in [
            ("it stands ready and was active before", other(9000, vec![stands(3, Some(300))]), Some(300), Ok(0)),
            ("the workload was changed in place after the switch", other(9000, vec![stands(3, Some(700))]), Some(700), Ok(1)),
            ("nobody switched", other(9000, vec![stands(3, None)]), None, Ok(1)),
            ("it is newer", other(100, vec![stands(3, Some(300))]), Some(300), Ok(1)),
            ("none of its pods is ready", other(9000, vec![stands(0, Some(300))]), Some(300), Ok(1)),
            ("somebody switched back from it", other(9000, vec![stands(3, Some(300)), switched_back]), Some(300), Ok(1)),
        ] {
            let (target, before) = choose(&[proven()], other.clone(), switched, (100, 0), ENDPOINTS);
            assert_eq!((target.proposed.clone(), before, target.candidates.len()), (proposed, 1, 2), "{what}: {:?}", target.candidates[0].why);
            let (alone, _) = choose(&[], other, switched, (100, 0), ENDPOINTS);
            assert_eq!(alone.proposed.is_ok(), !alone.candidates[0].shunned, "{what}: without an earlier revision it is that or nothing");
        }
    }

    #[test]
    fn it_is_said_in_words() {
        let why = |other| choose(&[], other, Some(300), (100, 0), ENDPOINTS).0.candidates[0].why.to_string();
        assert_eq!(why(other(9000, vec![stands(3, Some(300))])), "proven: instant, 3 of 3 of its pods stand ready, active until 5 min ago");
        assert_eq!(why(other(9000, vec![stands(3, None)])), "likely good: instant, 3 of 3 of its pods stand ready");
        assert_eq!(why(other(9000, vec![stands(0, Some(300))])), "not verified good: none of its pods is ready");
        let newer = why(other(100, vec![stands(3, None)]));
        assert_eq!(newer, "not verified good: not older than what it would take the place of, instant, 3 of 3 of its pods stand ready");
        let (none, _) = choose(&[], other(9000, vec![stands(0, Some(300))]), Some(300), (100, 0), ENDPOINTS);
        assert_eq!(none.proposed.unwrap_err().as_str(), "what stands beside it is not verified good: none of its pods is ready");
    }

    #[test]
    fn what_serves_by_weight_is_gone_back_to_from_the_newer_and_never_from_the_older() {
        let serves = vec![Evidence::ServingNow { ready: 3, wanted: 3 }];
        let (canary, _) = choose(&[proven()], other(9000, serves.clone()), None, (10, 90), Reach::Mesh);
        assert_eq!(canary.proposed, Ok(0));
        let (stable, _) = choose(&[proven()], other(100, serves), None, (90, 10), Reach::Mesh);
        assert_eq!(stable.proposed, Ok(1), "its own earlier revision, not the canary");
    }

    #[test]
    fn what_nothing_leads_to_is_left_for_nothing() {
        let (idle, before) = choose(&[proven()], other(9000, vec![stands(3, Some(300))]), Some(300), (0, 100), ENDPOINTS);
        assert_eq!((idle.candidates.len(), idle.proposed), (before, Ok(0)));
    }
}
