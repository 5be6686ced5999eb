use super::*;
use crate::{
    domain::{Batch, Change, Feed, RunStatus},
    store::fixture::{World, ago, now, run as failed},
    text::Raw,
};

fn ci() -> SourceId {
    SourceId::new("github")
}

fn list() -> RunList {
    (ci(), Name::new("acme/cart"))
}

/// Run `number` of cart: each is a minute younger than the one before.
fn run(number: u64) -> Run {
    let at = Some(ago(60_000) + jiff::SignedDuration::from_mins(i64::try_from(number).expect("few")));
    Run { created: at, started: at, ended: at, status: RunStatus::Success, ..failed(number) }
}

fn runs(numbers: std::ops::RangeInclusive<u64>) -> Vec<Run> {
    numbers.map(run).collect()
}

/// The list holds these.
fn listed(numbers: std::ops::RangeInclusive<u64>) -> Store {
    World::new().tell(&ci(), &Feed::Runs, Batch::list(runs(numbers))).0
}

fn tell(store: &mut Store, batch: Batch) {
    batch.facts.into_iter().for_each(|fact| store.apply(&ci(), &Feed::Runs, fact, now()));
}

fn further(text: &str) -> Option<Cursor> {
    Some(Cursor(Raw::new(text)))
}

fn numbers(rows: &[&Run]) -> Vec<u64> {
    rows.iter().map(|run| run.number).collect()
}

#[test]
fn older_runs_stay_when_the_list_begins_anew_and_are_not_taken_for_the_newest() {
    let mut store = listed(21..=23);
    store.older(list(), runs(18..=21), further("18"));
    assert_eq!((numbers(&store.runs()), numbers(&store.older_runs())), (vec![23, 22, 21], vec![20, 19, 18]), "none twice");
    assert!(store.run(&run(18).id).is_some());
    tell(&mut store, Batch::list(runs(21..=23)));
    assert_eq!(numbers(&store.older_runs()), [20, 19, 18]);
    assert_eq!(store.reach(&list()), Some(&Reach::Further(Cursor(Raw::new("18")))));
}

#[test]
fn what_falls_out_of_the_list_stays_in_between_from_the_question_on() {
    let mut store = listed(21..=23);
    tell(&mut store, Batch::list(runs(22..=24)));
    assert!(store.run(&run(21).id).is_none(), "nobody has asked for older ones");
    store.older_asked(&list());
    tell(&mut store, Batch::list(runs(23..=25)));
    assert_eq!(numbers(&store.older_runs()), [22], "the answer is still on its way");
    store.older(list(), runs(20..=22), None);
    tell(&mut store, Batch::of([Change::Upsert(run(26)), Change::Remove(run(23).id)]));
    assert_eq!((numbers(&store.runs()), numbers(&store.older_runs())), (vec![26, 25, 24], vec![23, 22, 21, 20]));
    tell(&mut store, Batch::of([Change::<Run>::Remove(run(25).id)]));
    assert!(store.run(&run(25).id).is_none(), "what left from the midst was deleted");
    let waiting = Run { started: None, ..run(24) };
    tell(&mut store, Batch::of([Change::Upsert(waiting.clone()), Change::Remove(waiting.id.clone())]));
    assert!(store.run(&waiting.id).is_none(), "what waited in a queue is another row by now");
}

#[test]
fn the_row_of_the_list_wins_over_an_older_one_and_is_kept_when_it_leaves() {
    let mut store = listed(21..=23);
    store.older(list(), runs(18..=20), None);
    let again = Run { attempt: 2, status: RunStatus::Running, ..run(19) };
    tell(&mut store, Batch::of([Change::Upsert(again.clone())]));
    assert_eq!((store.run(&again.id), numbers(&store.older_runs())), (Some(&again), vec![20, 18]));
    let ended = Run { status: RunStatus::Failed, ..again };
    tell(&mut store, Batch::of([Change::Upsert(ended.clone()), Change::Remove(ended.id.clone())]));
    assert_eq!(store.run(&ended.id), Some(&ended));
}

#[test]
fn of_too_many_the_oldest_go_and_that_is_known() {
    let mut store = listed(1_001..=1_003);
    store.older(list(), runs(501..=1_000), further("501"));
    assert_eq!((store.older_runs().len(), store.older_full()), (KEPT, None));
    store.older(list(), runs(480..=501), further("480"));
    let kept = numbers(&store.older_runs());
    assert_eq!((kept.len(), kept.last(), store.older_full()), (KEPT, Some(&501), Some(KEPT)));
    store.forget(&ci(), &Feed::Runs, now());
    assert_eq!((store.older_runs().len(), store.older_full(), store.reach(&list())), (0, None, None), "its source is gone");
}

#[test]
fn a_list_ends_with_what_it_holds_of_its_own_and_not_with_an_old_run_that_goes_on() {
    let mut store = listed(21..=23);
    let held = Run { status: RunStatus::Running, ..run(1) };
    let again = Run { attempt: 2, ..run(2) };
    tell(&mut store, Batch::of([Change::Upsert(held), Change::Upsert(again)]));
    assert_eq!(store.run_ends().get(&list()), Some(&run(21).created));
    store.older(list(), runs(11..=20), further("11"));
    assert_eq!(store.run_ends().get(&list()), Some(&run(11).created));
}
