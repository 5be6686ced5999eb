use super::*;
use crate::{
    domain::{Id, Kind, Progress, RevisionRef, Version, Workload},
    rollback::Observed,
    store::fixture::{World, ago, crashing, now, pod, source, workload},
    text::Raw,
};

fn good() -> Standing {
    Standing::Good
}

fn bad() -> Standing {
    Standing::Bad("bad".into())
}

fn unknown() -> Standing {
    Standing::Unknown("nobody measures it".into())
}

/// How it stood, as pods, restarts, errors, latency, alert.
fn baseline(standings: [Standing; 5]) -> Baseline {
    let [pods, restarts, errors, latency, alert] = standings;
    let error_rate = errors.bad().then_some(0.174);
    Baseline { pods, restarts, errors, latency, alert, ready: 4, wanted: 6, error_rate, errors_since: None }
}

/// A run that was accepted and complete so many seconds ago.
fn run(accepted: i64, complete: Option<i64>) -> Run {
    let target = RevisionRef { id: Id::new(&source("prod"), "r"), number: 41, template: Raw::new("h41"), version: Version("2.7.3".into()) };
    let mut run = Run::new((target, Verb::RollBack), (Raw::new("h42"), Version("2.8.0".into())), ago(accepted), ago(accepted));
    run.complete = complete.map(ago);
    run.view.wanted = 6;
    run.view.serving = 6;
    run.view.ready = 6;
    run
}

fn proofs(states: [ProofState; 5]) -> Vec<Proof> {
    ProofKind::ALL.into_iter().zip(states).map(|(kind, state)| Proof { kind, state, text: "…".into(), after: None }).collect()
}

fn word(start: [Standing; 5], end: [ProofState; 5], run: &Run) -> Option<&'static str> {
    verdict(run, &baseline(start), &proofs(end), &Timing::default(), now()).map(|verdict| verdict.word())
}

use ProofState::{Good, NotAsked, Running, StillBad, Unknown, Waiting};

#[test]
fn the_table_of_verdicts_at_the_deadline() {
    let late = || run(600, Some(500));
    let cases = [
        (
            "a crash-looping rollout on a bare cluster",
            [bad(), bad(), unknown(), unknown(), good()],
            [Good, Good, Unknown, Unknown, NotAsked],
            Some("RECOVERED"),
        ),
        ("a stuck one with everything measured", [bad(), bad(), bad(), good(), bad()], [Good, Good, Good, Good, Good], Some("RECOVERED")),
        ("errors alone, and they are gone", [good(), good(), bad(), good(), good()], [Good, Good, Good, Good, NotAsked], Some("RECOVERED")),
        (
            "errors alone, and nobody measures them any more",
            [good(), good(), bad(), good(), good()],
            [Good, Good, Unknown, Unknown, NotAsked],
            Some("COULD NOT TELL"),
        ),
        (
            "errors and crashes, and too little traffic since",
            [bad(), bad(), bad(), unknown(), good()],
            [Good, Good, Unknown, Unknown, NotAsked],
            Some("COULD NOT TELL"),
        ),
        (
            "an alert alone, and its rule is gone",
            [good(), good(), unknown(), unknown(), bad()],
            [Good, Good, Unknown, Unknown, Unknown],
            Some("COULD NOT TELL"),
        ),
        ("an alert alone, and it cleared", [good(), good(), unknown(), unknown(), bad()], [Good, Good, Unknown, Unknown, Good], Some("RECOVERED")),
        ("an alert that still fires", [bad(), bad(), unknown(), unknown(), bad()], [Good, Good, Unknown, Unknown, StillBad], Some("NOT RECOVERED")),
        ("errors that stay", [good(), good(), bad(), good(), bad()], [Good, Good, StillBad, Good, StillBad], Some("NOT RECOVERED")),
        (
            "nothing was bad, nothing is measured",
            [good(), good(), unknown(), unknown(), good()],
            [Good, Good, Unknown, Unknown, NotAsked],
            Some("COULD NOT TELL"),
        ),
        (
            "nothing was bad, and errors are measured good",
            [good(), good(), unknown(), unknown(), good()],
            [Good, Good, Good, Unknown, NotAsked],
            Some("RECOVERED"),
        ),
        ("latency was good and is bad", [bad(), bad(), unknown(), good(), good()], [Good, Good, Unknown, StillBad, NotAsked], Some("WORSE")),
        (
            "errors nobody measured before are bad now",
            [bad(), bad(), unknown(), unknown(), good()],
            [Good, Good, StillBad, Unknown, NotAsked],
            Some("NOT RECOVERED"),
        ),
        ("the cluster does not answer", [bad(), bad(), unknown(), unknown(), good()], [Unknown, Unknown, Unknown, Unknown, NotAsked], Some("COULD NOT TELL")),
        ("the new pods restart", [bad(), bad(), unknown(), unknown(), good()], [Good, StillBad, Unknown, Unknown, NotAsked], Some("NOT RECOVERED")),
    ];
    for (why, start, end, expected) in cases {
        assert_eq!(word(start, end, &late()), expected, "{why}");
    }
}

#[test]
fn recovered_is_said_as_soon_as_it_is_true_and_nothing_else_before_the_deadline() {
    let start = || [bad(), bad(), bad(), unknown(), good()];
    assert_eq!(word(start(), [Good, Good, Good, Unknown, NotAsked], &run(200, Some(100))), Some("RECOVERED"));
    assert_eq!(word(start(), [Good, Good, StillBad, Unknown, NotAsked], &run(200, Some(100))), None);
    assert_eq!(word(start(), [Running, Waiting, Waiting, Waiting, NotAsked], &run(200, None)), None);
    assert_eq!(word(start(), [Good, Good, Unknown, Unknown, NotAsked], &run(599, Some(500))), None, "traffic may come");
}

#[test]
fn a_measure_that_may_still_come_is_waited_for_even_where_nothing_was_bad() {
    let start = || [bad(), bad(), unknown(), unknown(), good()];
    assert_eq!(word(start(), [Good, Good, Running, Waiting, NotAsked], &run(100, Some(70))), None);
    assert_eq!(word(start(), [Good, Good, Running, Waiting, NotAsked], &run(120, Some(90))), Some("RECOVERED"));
}

#[test]
fn fewer_serving_than_before_is_worse_and_not_yet_ready_is_not_recovered() {
    let start = || [bad(), bad(), unknown(), unknown(), good()];
    let end = [Running, Waiting, Waiting, Waiting, NotAsked];
    let mut sinking = run(600, None);
    sinking.view.serving = 2;
    assert_eq!(word(start(), end, &sinking), Some("WORSE"));
    sinking.view.serving = 5;
    assert_eq!(word(start(), end, &sinking), Some("NOT RECOVERED"));
}

#[test]
fn the_pod_that_an_ordered_set_waits_for_in_vain_is_named_with_what_ends_the_wait() {
    for (kind, state, detail) in [(Kind::StatefulSet, "holds it up", "delete it: kubectl delete pod cart-1 -n shop"), (Kind::Deployment, "still there", "")] {
        let in_order = (kind == Kind::StatefulSet).then_some(0);
        let set = Workload { kind, in_order, progress: Progress::Rolling, ..workload("prod", "shop", "cart") };
        let pods = [crashing(pod(&set, 42, "cart-1"), 1, 5), pod(&set, 42, "cart-0")];
        let world = World::new().workloads("prod", [set.clone()]).pods("prod", pods);
        let mut run = run(60, None);
        run.observe(&Observed::of(&world.0, &set.id), now());
        let of = |name: &str| run.view.blockers.iter().find(|blocker| &*blocker.pod == name).map(|blocker| (&*blocker.state, &*blocker.detail));
        assert_eq!(of("cart-1"), Some((state, detail)), "{kind:?}");
        assert_eq!(of("cart-0").map(|(state, _)| state), Some("still there"), "it is ready: nobody has to wait for it");
    }
}

#[test]
fn errors_that_rose_are_worse() {
    let mut rising = run(600, Some(500));
    rising.errors = crate::rollback::Measure::Value { value: 0.5, requests: Some(900.0), at: now() };
    assert_eq!(word([good(), good(), bad(), good(), good()], [Good, Good, StillBad, Good, NotAsked], &rising), Some("WORSE"));
}

#[test]
fn being_changed_back_or_overtaken_ends_it_at_once() {
    let mut back = run(30, None);
    back.overtaken = Some(Overtaken::ChangedBack);
    let end = [Running, Waiting, Waiting, Waiting, NotAsked];
    assert_eq!(word([bad(), bad(), good(), good(), good()], end, &back), Some("NOT RECOVERED"));
    back.overtaken = Some(Overtaken::Superseded);
    assert_eq!(word([bad(), bad(), good(), good(), good()], end, &back), Some("COULD NOT TELL"));
}

#[test]
fn the_sentence_of_what_could_not_be_told_names_it() {
    let mut ends = proofs([Good, Good, Unknown, Unknown, NotAsked]);
    ends[2].text = "12 requests since: too little traffic to judge errors".into();
    let start = baseline([bad(), good(), bad(), unknown(), good()]);
    let found = verdict(&run(600, Some(500)), &start, &ends, &Timing::default(), now());
    assert_eq!(found, Some(Verdict::CouldNotTell { why: "pods are ready; errors: 12 requests since: too little traffic to judge errors".into() }));
}
