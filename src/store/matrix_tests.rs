use super::*;
use crate::{
    domain::{Change, Fact, Feed, Id, Progress, Trouble, Version, Why},
    store::fixture::{World, ago, counts, crashing, now, pod, revision, source, workload},
};

fn versioned(mut row: Workload, version: &'static str, digest: &str) -> Workload {
    row.version = Version(version.into());
    row.images[0].digest = Some(Name::new(digest));
    row
}

fn stuck_cart() -> World {
    let mut cart = workload("prod", "shop", "cart");
    cart.revision = Some(42);
    cart.changed = Some(ago(360));
    cart.progress = Progress::Rolling;
    cart.replicas = counts(6, 7, 3, 6);
    let (mut new, old) = (revision(&cart, 42, 2), revision(&cart, 41, 4));
    new.version = Version("42.0".into());
    cart.version = new.version.clone();
    let sick = crashing(pod(&cart, 42, "x7k2p"), 1, 5);
    World::new().workloads("prod", [cart]).revisions("prod", [new, old]).pods("prod", [sick])
}

#[test]
fn a_stuck_rollout_reads_from_to_and_how_many_of_the_new_are_ready() {
    let matrix = stuck_cart().0.matrix(now());
    let cell = matrix.rows[0].leading().expect("it runs");
    assert_eq!(cell.version.to_string(), "41.0 → 42.0");
    assert_eq!(cell.state, CellState::Stuck { fresh: 2, wanted: 6 });
    assert_eq!(cell.serving, Some((6, 6)), "any version serves");
    assert_eq!(cell.why.as_deref(), Some("exit 1, 5 restarts"));
    assert_eq!(&*matrix.totals.words(), "1 service · 1 stuck");
}

#[test]
fn a_template_that_waits_because_of_a_pause_is_not_what_runs_until_it_is_let_go_or_taken_back() {
    let mut cart = workload("prod", "shop", "cart");
    cart.changed = Some(ago(60));
    cart.progress = Progress::Paused { since: Some(ago(120)) };
    cart.replicas = counts(3, 3, 0, 3);
    cart.version = Version("3.0".into());
    let mut runs = revision(&cart, 2, 3);
    runs.created = Some(ago(86_400));
    let mut world = World::new().workloads("prod", [cart.clone()]).revisions("prod", [runs]);
    let cell = world.0.matrix(now()).rows[0].cells[0].clone();
    assert_eq!((cell.version.to_string().as_str(), cell.state), ("2.0 → 3.0", CellState::Stuck { fresh: 0, wanted: 3 }));
    assert_eq!(cell.changed, Some(ago(60)), "not when what runs was made");

    cart.replicas = counts(3, 3, 3, 3);
    cart.version = Version("2.0".into());
    world = world.workloads("prod", [cart]);
    let cell = world.0.matrix(now()).rows[0].cells[0].clone();
    assert_eq!((cell.version.to_string().as_str(), cell.state), ("2.0", CellState::Ok));
    let id = cell.workloads[0].id.clone();
    assert!(world.0.revisions_of(&id)[0].current);
}

#[test]
fn columns_stand_in_the_order_of_tiers_and_what_does_not_run_is_absent() {
    let world = World::new()
        .workloads("prod", [workload("prod", "shop", "cart"), workload("prod", "shop", "search")])
        .workloads("dev", [workload("dev", "shop", "cart")])
        .workloads("staging", [workload("staging", "shop", "cart")]);
    let matrix = world.0.matrix(now());
    let names: Vec<&str> = matrix.columns.iter().map(|column| column.environment.name.raw()).collect();
    assert_eq!(names, ["dev", "staging", "production"]);
    let search = matrix.rows.iter().find(|row| row.service.raw() == "search").expect("it runs");
    let states: Vec<&str> = search.cells.iter().map(|cell| cell.state.word()).collect();
    assert_eq!(states, ["absent", "absent", "ok"]);
}

#[test]
fn an_environment_that_is_not_connected_is_not_absent() {
    let mut world = World::new().workloads("prod", [workload("prod", "shop", "cart")]);
    world.0.link(&source("staging"), &Feed::Workloads, Link::NotConnected);
    let matrix = world.0.matrix(now());
    assert_eq!(matrix.rows[0].cells[0].state, CellState::NotConnected);
    assert_eq!(matrix.columns[0].not_connected, [source("staging")]);
}

#[test]
fn a_list_that_is_not_whole_leaves_cells_unknown_and_the_count_open() {
    let mut world = World::new().workloads("prod", [workload("prod", "shop", "cart")]);
    let staging = source("staging");
    world.0.link(&staging, &Feed::Workloads, Link::Connecting);
    world.0.apply(&staging, &Feed::Workloads, Fact::Workload(Change::Begin), now());
    world.0.apply(&staging, &Feed::Workloads, Fact::Workload(Change::Upsert(workload("staging", "shop", "search"))), now());
    let matrix = world.0.matrix(now());
    assert_eq!(matrix.rows.len(), 2, "the first page is on screen at once");
    assert_eq!(matrix.totals.services, None);
    let cart = matrix.rows.iter().find(|row| row.service.raw() == "cart").expect("it runs");
    assert_eq!(cart.cells[0].state, CellState::Unknown);
}

#[test]
fn a_source_that_broke_leaves_its_cells_stale_and_not_green() {
    let mut world = World::new().workloads("prod", [workload("prod", "shop", "cart")]);
    let why = Why { trouble: Trouble::Unreachable, words: "no answer".into() };
    world.0.link(&source("prod"), &Feed::Workloads, Link::Retrying { at: now(), since: Some(now()), why });
    let matrix = world.0.matrix(now());
    assert_eq!(matrix.rows[0].cells[0].state, CellState::Stale { since: Some(now()) });
    assert_eq!(matrix.totals.unknown, 1);
}

#[test]
fn another_digest_under_the_same_version_is_marked_against_the_majority() {
    let row = |context: &str, digest: &str| versioned(workload(context, "shop", "search"), "101.2", digest);
    let world = World::new()
        .workloads("dev", [row("dev", "sha256:aa")])
        .workloads("test", [row("test", "sha256:aa")])
        .workloads("staging", [row("staging", "sha256:bb")])
        .workloads("prod", [row("prod", "sha256:aa")]);
    let differs: Vec<bool> = world.0.matrix(now()).rows[0].cells.iter().map(|cell| cell.differs).collect();
    assert_eq!(differs, [false, false, true, false]);
    let tie = World::new().workloads("dev", [row("dev", "sha256:bb")]).workloads("prod", [row("prod", "sha256:aa")]);
    let differs: Vec<bool> = tie.0.matrix(now()).rows[0].cells.iter().map(|cell| cell.differs).collect();
    assert_eq!(differs, [true, false], "on a tie production is right");
}

#[test]
fn several_workloads_of_a_cell_are_mixed_and_the_unhealthiest_leads() {
    let mut worker = versioned(workload("prod", "shop", "cart-worker"), "1.9", "sha256:aa");
    worker.labels = crate::domain::Labels::new([("app", "cart")]);
    worker.replicas.ready = 1;
    let world = World::new().workloads("prod", [workload("prod", "shop", "cart"), worker]);
    let matrix = world.0.matrix(now());
    let cell = matrix.rows[0].leading().expect("it runs");
    assert_eq!(cell.version, CellVersion::Mixed);
    assert_eq!(cell.state, CellState::Failing);
    assert_eq!(cell.workloads[0].id.key(), "shop/cart-worker");
    assert_eq!(cell.serving, Some((4, 6)));
}

#[test]
fn problems_stand_first_the_strictest_tier_before_the_others_then_the_latest_change() {
    let down = |context: &str, name: &str| {
        let mut row = workload(context, "shop", name);
        row.replicas.ready = 0;
        row
    };
    let aged = |name: &str, seconds: i64| {
        let mut row = workload("prod", "shop", name);
        row.changed = Some(ago(seconds));
        row
    };
    let world = World::new()
        .workloads("prod", [down("prod", "payments"), aged("old", 9_000), aged("fresh", 300), aged("accounts", 9_000)])
        .workloads("dev", [down("dev", "accounts")]);
    let order: Vec<String> = world.0.matrix(now()).rows.iter().map(|row| row.service.raw().to_owned()).collect();
    assert_eq!(order, ["payments", "accounts", "fresh", "old"]);
}

#[test]
fn a_row_that_is_untouched_by_the_next_list_goes_and_an_unfinished_list_takes_nothing() {
    let mut world = World::new().workloads("prod", [workload("prod", "shop", "cart"), workload("prod", "shop", "search")]);
    let (prod, feed) = (source("prod"), Feed::Workloads);
    let tell = |world: &mut World, change: Change<Workload>| world.0.apply(&prod, &feed, Fact::Workload(change), now());
    tell(&mut world, Change::Begin);
    tell(&mut world, Change::Upsert(workload("prod", "shop", "cart")));
    assert_eq!(world.0.matrix(now()).rows.len(), 2);
    tell(&mut world, Change::Begin);
    tell(&mut world, Change::Upsert(workload("prod", "shop", "cart")));
    tell(&mut world, Change::Done);
    assert_eq!(world.0.matrix(now()).rows.len(), 1);
}

#[test]
fn a_pod_that_two_feeds_tell_of_stays_until_both_let_it_go() {
    let cart = workload("prod", "shop", "cart");
    let id = cart.id.clone();
    let own = Feed::Pods(crate::domain::Scope::Workload(id.clone()));
    let row = pod(&cart, 2, "a");
    let mut world = World::new().workloads("prod", [cart]).pods("prod", [row.clone()]).tell(&source("prod"), &own, crate::domain::Batch::list([row]));
    world.0.forget(&source("prod"), &own, now());
    assert_eq!(world.0.pods_of(&id).count(), 1);
    let all = Feed::Pods(crate::domain::Scope::All);
    world.0.apply(&source("prod"), &all, Fact::Pod(Change::Remove(Id::new(&source("prod"), "a"))), now());
    assert_eq!(world.0.pods_of(&id).count(), 0);
}
