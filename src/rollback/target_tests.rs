use super::*;
use crate::{
    domain::{Leaf, Outline, Part},
    store::fixture::{ago, crashing, now, pod, revision, workload},
};
use proptest::prelude::*;

/// A history: the numbers with their evidence; the last one is what runs.
fn history(rows: &[(u64, Vec<Evidence>)]) -> Vec<Revision> {
    let mut of = workload("prod", "shop", "cart");
    of.revision = rows.last().map(|(number, _)| *number);
    let make = |(number, evidence): &(u64, Vec<Evidence>)| Revision { evidence: evidence.clone(), ..revision(&of, *number, 0) };
    rows.iter().map(make).collect()
}

fn serving(ready: u32) -> Evidence {
    Evidence::ServingNow { ready, wanted: 3 }
}

fn served(hours: i64) -> Evidence {
    Evidence::Served { held: SignedDuration::from_hours(hours) }
}

fn seen(minutes: i64) -> Evidence {
    Evidence::SeenHealthy { held: SignedDuration::from_mins(minutes), until: ago(60) }
}

fn never(why: &'static str) -> Evidence {
    Evidence::NeverAvailable { why: why.into() }
}

fn measured() -> Evidence {
    Evidence::Measured { by: "prometheus".into(), what: "3 of 3 ready for 2 d".into() }
}

fn deployed() -> Evidence {
    Evidence::Deployed { by: "github".into() }
}

fn back(hours: i64) -> Evidence {
    Evidence::RolledBackFrom { at: now() - SignedDuration::from_hours(hours) }
}

fn alert() -> Evidence {
    Evidence::AlertFired { alert: "CartErrorRate".into() }
}

fn of(revisions: &[Revision]) -> Target {
    target(&History { revisions, records: &[], pods: &[] }, now())
}

fn proposed(target: &Target) -> Option<(u64, Class)> {
    target.proposed.as_ref().ok().map(|at| (target.candidates[*at].revision.number, target.candidates[*at].class))
}

#[test]
fn the_table_of_histories() {
    use Class::{Likely, None as Nothing, Proven};
    type Case = (&'static str, Vec<(u64, Vec<Evidence>)>, Option<(u64, Class)>);
    let cases: Vec<Case> = vec![
        (
            "the history on which kubectl goes to 17",
            vec![(16, vec![serving(3)]), (17, vec![never("ErrImagePull")]), (18, vec![never("exit 1")])],
            Some((16, Proven)),
        ),
        ("the same without a word about 17", vec![(16, vec![serving(3)]), (17, vec![]), (18, vec![])], Some((16, Proven))),
        ("an old one is proven, a newer only likely", vec![(3, vec![seen(60)]), (4, vec![served(200)]), (5, vec![])], Some((3, Proven))),
        ("both proven: the newer", vec![(3, vec![seen(60)]), (4, vec![measured()]), (5, vec![])], Some((4, Proven))),
        ("likely above nothing", vec![(3, vec![deployed()]), (4, vec![]), (5, vec![])], Some((3, Likely))),
        ("long current above short current", vec![(3, vec![served(9)]), (4, vec![served(0)]), (5, vec![])], Some((3, Likely))),
        ("nothing known: the newest, and it says so", vec![(3, vec![]), (4, vec![]), (5, vec![])], Some((4, Nothing))),
        ("seen for a moment only is not proven", vec![(4, vec![seen(1)]), (5, vec![])], Some((4, Likely))),
        ("no pods serving is no proof", vec![(4, vec![serving(0)]), (5, vec![])], Some((4, Nothing))),
        ("rolled back from yesterday and proven before", vec![(3, vec![served(9)]), (4, vec![seen(60), back(2)]), (5, vec![])], Some((3, Likely))),
        ("rolled back from long ago is still shunned", vec![(3, vec![]), (4, vec![seen(60), back(90)]), (5, vec![])], Some((3, Nothing))),
        ("an alert takes the class", vec![(3, vec![served(9)]), (4, vec![seen(60), alert()]), (5, vec![])], Some((3, Likely))),
        ("an alert, and nothing is known of the other", vec![(3, vec![]), (4, vec![seen(60), alert()]), (5, vec![])], Some((4, Nothing))),
        ("all are bad", vec![(3, vec![never("exit 1")]), (4, vec![back(1)]), (5, vec![])], None),
        ("only one revision", vec![(1, vec![serving(3)])], None),
        ("none at all", vec![], None),
    ];
    for (why, rows, expected) in cases {
        assert_eq!(proposed(&of(&history(&rows))), expected, "{why}");
    }
}

#[test]
fn why_there_is_no_target_is_said() {
    let words = |revisions: &[Revision], records: &[Record]| target(&History { revisions, records, pods: &[] }, now()).proposed.expect_err("none");
    assert!(words(&history(&[(1, vec![])]), &[]).contains("first revision"));
    assert!(words(&history(&[(7, vec![])]), &[]).contains("no longer kept"));
    let gone = Record { template: Raw::new("h6"), evidence: seen(60) };
    assert!(words(&history(&[(7, vec![])]), &[gone]).contains("seen healthy is no longer kept"));
    assert!(words(&history(&[(6, vec![never("exit 1")]), (7, vec![])]), &[]).contains("something against it"));
    assert!(words(&[], &[]).contains("no revision"));
}

#[test]
fn what_is_the_same_as_what_runs_is_no_target() {
    let mut rows = history(&[(5, vec![seen(60)]), (6, vec![seen(60)]), (7, vec![])]);
    let outline = |value: &'static str| Outline(vec![Leaf { part: Part::Image, path: "app".into(), value: value.into() }]);
    rows[0].outline = outline("cart:1");
    rows[1].outline = outline("cart:2");
    rows[2].outline = outline("cart:2");
    assert_eq!(proposed(&of(&rows)), Some((5, Class::Proven)), "6 runs already, under another number");
    rows.remove(0);
    assert!(of(&rows).proposed.expect_err("none").contains("same as what runs"));
}

#[test]
fn the_same_template_twice_is_one_candidate_with_the_evidence_of_both() {
    let mut rows = history(&[(4, vec![seen(60)]), (5, vec![]), (6, vec![])]);
    rows[0].template = rows[1].template.clone();
    let target = of(&rows);
    assert_eq!(target.candidates.len(), 1);
    assert_eq!(proposed(&target), Some((5, Class::Proven)));
}

#[test]
fn the_journal_speaks_by_template_because_numbers_change() {
    let rows = history(&[(4, vec![]), (5, vec![]), (6, vec![])]);
    let records = [Record { template: Raw::new("h4"), evidence: seen(60) }];
    assert_eq!(proposed(&target(&History { revisions: &rows, records: &records, pods: &[] }, now())), Some((4, Class::Proven)));
}

#[test]
fn what_is_known_of_the_template_that_runs_says_nothing_of_an_earlier_release_of_it() {
    // Two releases with one template, which differ in what stands around it.
    let mut rows = history(&[(1, vec![deployed()]), (2, vec![])]);
    let outline = |value: &'static str| Outline(vec![Leaf { part: Part::Other, path: "ConfigMap/conf".into(), value: value.into() }]);
    (rows[0].outline, rows[1].outline) = (outline("good"), outline("bad"));
    rows[0].template = rows[1].template.clone();
    let healthy = [Record { template: rows[1].template.clone(), evidence: seen(60) }];
    let crash = [crashing(pod(&workload("prod", "shop", "cart"), 2, "x7k2p"), 1, 4)];
    for (records, pods) in [(&healthy[..], &[][..]), (&[][..], &crash[..])] {
        let found = target(&History { revisions: &rows, records, pods }, now());
        assert_eq!(proposed(&found), Some((1, Class::Likely)), "{:?}", found.candidates[0].why);
    }
}

#[test]
fn a_revision_whose_pods_crash_now_is_not_proven_by_the_one_that_happens_to_be_ready() {
    let rows = history(&[(16, vec![serving(2)]), (17, vec![serving(1)]), (18, vec![])]);
    let of = workload("prod", "shop", "cart");
    let pods = [crashing(pod(&of, 17, "flaps"), 1, 4), pod(&of, 17, "ready"), pod(&of, 16, "good")];
    assert_eq!(proposed(&target(&History { revisions: &rows, records: &[], pods: &pods }, now())), Some((16, Class::Proven)));
}

#[test]
fn what_fails_now_is_not_proposed_even_where_there_is_nothing_else() {
    let rows = history(&[(17, vec![serving(1)]), (18, vec![])]);
    let pods = [crashing(pod(&workload("prod", "shop", "cart"), 17, "flaps"), 1, 4)];
    let found = target(&History { revisions: &rows, records: &[], pods: &pods }, now());
    assert_eq!(proposed(&found), None);
    assert!(found.candidates[0].why.contains("its pods fail now: exit 1, 4 restarts"));
}

#[test]
fn pressing_undo_twice_takes_an_override_for_a_day() {
    let of_hours = |hours: i64| of(&history(&[(4, vec![back(hours)]), (5, vec![])])).candidates[0].undo_of_undo;
    assert!(of_hours(1) && of_hours(23));
    assert!(!of_hours(25));
}

#[test]
fn the_sentence_says_what_speaks_for_it() {
    let target = of(&history(&[(41, vec![served(216), serving(4)]), (42, vec![])]));
    assert_eq!(&*target.candidates[0].why, "proven: served 9 d, 4 of its pods serve now");
    let unknown = of(&history(&[(41, vec![]), (42, vec![])]));
    assert_eq!(&*unknown.candidates[0].why, "not verified good: nothing speaks for it or against it");
}

#[test]
fn candidates_stand_newest_first_for_the_brackets() {
    let numbers: Vec<u64> = of(&history(&[(3, vec![]), (9, vec![back(1)]), (4, vec![]), (10, vec![])])).candidates.iter().map(|c| c.revision.number).collect();
    assert_eq!(numbers, [9, 4, 3]);
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    prop_oneof![
        (0u32..4).prop_map(serving),
        (0i64..100).prop_map(seen),
        (0i64..100).prop_map(served),
        Just(measured()),
        Just(deployed()),
        Just(never("exit 1")),
        (0i64..50).prop_map(back),
        Just(alert()),
    ]
}

proptest! {
    #[test]
    fn what_is_proposed_never_lacked_pods_where_another_had_them(rows in prop::collection::vec(prop::collection::vec(any_evidence(), 0..4), 1..8)) {
        let rows: Vec<(u64, Vec<Evidence>)> = rows.into_iter().enumerate().map(|(at, evidence)| (at as u64 + 1, evidence)).collect();
        let target = of(&history(&rows));
        let negative = |c: &Candidate| c.revision.evidence.iter().any(|e| against(e, now()).is_some());
        for candidate in &target.candidates {
            prop_assert!(!(negative(candidate) && candidate.class == Class::Proven), "a negative is never proven");
        }
        let Ok(at) = target.proposed else { return Ok(()) };
        let chosen = &target.candidates[at];
        let never_had = chosen.revision.evidence.iter().any(|e| matches!(e, Evidence::NeverAvailable { .. }));
        prop_assert!(!never_had, "one that never had an available pod is not proposed");
        for other in target.candidates.iter().filter(|other| !other.shunned) {
            prop_assert!(other.class <= chosen.class);
            if other.class == chosen.class && had_pods(&other.revision.evidence) {
                prop_assert!(had_pods(&chosen.revision.evidence));
            }
            if !negative(other) && other.class == chosen.class && !negative(chosen) && had_pods(&other.revision.evidence) == had_pods(&chosen.revision.evidence) {
                prop_assert!(other.revision.number <= chosen.revision.number, "the newest of its kind");
            }
        }
    }
}
