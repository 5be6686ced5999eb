use super::*;
use crate::{
    domain::{Batch, Feed, Kind, Labels},
    store::{
        Sought,
        fixture::{World, ago, now, pod, run, source, workload},
    },
};
use std::sync::Arc;

fn version(text: &'static str) -> Version {
    Version(Clean::from_static(text))
}

const fn unknown(version: Version, label: Option<Claim>) -> Arrival {
    Arrival::Unknown { version, label }
}

fn runs(seconds: i64, by: By) -> Arrival {
    Arrival::Runs { since: Some(ago(seconds)), by }
}

fn made(number: u64, commit: &str, minutes: i64) -> Run {
    let mut run = run(number);
    (run.repository, run.commit) = (Name::new("acme/cart"), Name::new(commit));
    (run.created, run.started, run.ended) = (Some(ago(minutes * 60)), Some(ago(minutes * 60)), Some(ago(minutes * 60 - 120)));
    run
}

fn at(context: &str, text: &'static str, minutes: i64) -> Workload {
    let mut row = workload(context, "shop", "cart");
    (row.version, row.changed) = (version(text), Some(ago(minutes * 60)));
    row
}

fn world(rows: Vec<Workload>, runs: Vec<Run>) -> World {
    let mut world = World::new().tell(&source("ci"), &Feed::Runs, Batch::list(runs));
    for row in rows {
        let context = row.place.context.raw().to_owned();
        world = world.workloads(&context, [row]);
    }
    world
}

#[test]
fn it_is_told_where_what_a_run_built_has_come_to() {
    let (old, new) = (made(310, "aaaaaaa0000", 60), made(311, "bbbbbbb0000", 10));
    let rows = vec![at("dev", "sha-bbbbbbb", 8), at("prod-eu", "aaaaaaa", 58)];
    let world = world(rows, vec![old.clone(), new.clone()]);
    let of = |run: &Run| world.0.shipped(run).into_iter().map(|one| one.arrival).collect::<Vec<_>>();
    assert_eq!(of(&new), [runs(480, By::Version), Arrival::NotYet(version("aaaaaaa"))]);
    assert_eq!(of(&old), [Arrival::Passed("#311".into()), runs(58 * 60, By::Version)]);
    let brought = |row: &Workload| world.0.brought(&row.id).map(|(run, _)| run.number);
    assert_eq!((brought(&at("dev", "", 0)), brought(&at("prod-eu", "", 0))), (Some(311), Some(310)));
}

#[test]
fn the_digest_of_an_image_says_it_whatever_people_call_the_version() {
    let (mut old, mut new) = (made(310, "", 60), made(311, "", 10));
    (old.digests, new.digests) = ([Name::new("sha256:aaaa")].into(), [Name::new("sha256:cccc"), Name::new("sha256:bbbb")].into());
    let (mut here, mut there) = (at("dev", "latest", 5), at("prod-eu", "latest", 40));
    here.images[0].reference = Name::new("registry/shop/cart@sha256:bbbb");
    there.images[0].digest = Some(Name::new("sha256:aaaa"));
    let world = world(vec![here.clone(), there.clone()], vec![old.clone(), new.clone()]);
    let of = |run: &Run| world.0.shipped(run).into_iter().map(|one| one.arrival).collect::<Vec<_>>();
    assert_eq!(of(&new), [runs(300, By::Digest), Arrival::NotYet(version("latest"))]);
    assert_eq!(of(&old)[0], Arrival::Passed("#311".into()));
    assert_eq!(world.0.brought(&there.id).map(|(run, by)| (run.number, by)), Some((310, By::Digest)));
}

#[test]
fn a_run_of_the_same_commit_did_not_bring_what_was_there_before_it() {
    let (first, again) = (made(310, COMMIT, 600), made(311, COMMIT, 10));
    let row = at("dev", "bbbbbbb", 500);
    let world = world(vec![row.clone()], vec![first, again.clone()]);
    assert_eq!(world.0.brought(&row.id).map(|(run, by)| (run.number, by)), Some((310, By::Version)));
    assert_eq!(arrivals(&world, &again), [runs(500 * 60, By::Version)], "and yet its commit runs there");
}

#[test]
fn where_a_tag_says_it_in_one_environment_an_older_version_elsewhere_is_an_earlier_one() {
    let mut run = made(311, "bbbbbbb0000", 10);
    run.branch = Name::new("v2.8.0");
    let world = world(vec![at("dev", "2.8.0", 8), at("prod-eu", "2.7.3", 600), at("test", "2.9.0", 5)], vec![run.clone()]);
    let found = world.0.shipped(&run);
    let of = |version: Version| {
        found
            .iter()
            .filter(|one| matches!(&one.arrival, Arrival::NotYet(there) | Arrival::Unknown { version: there, .. } if *there == version))
            .map(|one| one.arrival.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(version("2.7.3")), [Arrival::NotYet(version("2.7.3"))]);
    assert_eq!(of(version("2.9.0")), [], "it was rolled out while the run went on: {found:?}");
}

#[test]
fn what_is_on_its_way_is_not_there_yet() {
    let run = made(311, "bbbbbbb0000", 10);
    let mut row = at("prod-eu", "bbbbbbb", 8);
    for (progress, arrival) in [
        (Progress::Rolling, Arrival::Coming { stuck: false }),
        (Progress::Stuck { since: None, reason: Clean::EMPTY, message: Clean::EMPTY }, Arrival::Coming { stuck: true }),
        (Progress::Done, runs(480, By::Version)),
    ] {
        row.progress = progress;
        let world = world(vec![row.clone()], vec![run.clone()]);
        assert_eq!(world.0.shipped(&run)[0].arrival, arrival);
    }
}

#[test]
fn what_no_version_says_is_told_by_its_time_or_as_unknown() {
    let run = made(311, "bbbbbbb0000", 10);
    let world = world(vec![at("dev", "2.8.0", 9), at("prod-eu", "2.7.3", 600)], vec![run.clone()]);
    let found: Vec<Arrival> = world.0.shipped(&run).into_iter().map(|one| one.arrival).collect();
    assert_eq!(found, [Arrival::Perhaps(ago(540)), unknown(version("2.7.3"), None)]);
    assert_eq!(world.0.brought(&at("prod-eu", "", 0).id), None);
    assert_eq!(world.0.brought(&at("dev", "", 0).id).map(|(run, by)| (run.number, by)), Some((311, By::Time)));
}

const COMMIT: &str = "bbbbbbb0000bbbbbbb0000bbbbbbb0000bbbbbbb0";

fn says(commit: &str, source: &str) -> Claim {
    Claim::Says(Origin { commit: Name::new(commit), source: Name::new(source) })
}

/// A run of GitHub.
fn of_github(number: u64, repository: &str, commit: &str, minutes: i64) -> Run {
    let mut run = made(number, commit, minutes);
    (run.repository, run.url) = (Name::new(repository), Clean::from_untrusted(&format!("https://github.com/{repository}/actions/runs/{number}")));
    run
}

/// A workload that runs `latest`, pinned to a digest.
fn pinned(context: &str, digest: &str, minutes: i64) -> Workload {
    let mut row = at(context, "latest", minutes);
    row.images[0].reference = Name::new(&format!("ghcr.io/acme/cart:latest@sha256:{digest}"));
    row
}

/// The world, once what is to be asked of registries was answered by `claim`.
fn told(mut world: World, claim: impl Fn(&Sought) -> Claim) -> World {
    for image in world.0.unclaimed(now()) {
        let claim = claim(&image);
        world.0.claim(&image, claim, now());
    }
    world
}

fn arrivals(world: &World, run: &Run) -> Vec<Arrival> {
    world.0.shipped(run).into_iter().map(|one| one.arrival).collect()
}

#[test]
fn the_label_of_an_image_says_it_where_neither_digest_nor_version_does() {
    let (old, new) = (of_github(310, "acme/cart", "aaaaaaa0000", 60), of_github(311, "acme/cart", COMMIT, 40));
    let rows = vec![pinned("dev", "d1", 4), pinned("prod-eu", "d2", 55)];
    let world = world(rows.clone(), vec![old.clone(), new.clone()]);
    assert_eq!(arrivals(&world, &new)[0], unknown(version("latest"), None), "nobody was asked");
    let asked = world.0.unclaimed(now());
    let words: Vec<(&str, &str, &str)> = asked.iter().map(|image| (image.key.raw(), image.reference.raw(), image.registry.raw())).collect();
    assert_eq!(words[0], ("sha256:d1", "ghcr.io/acme/cart@sha256:d1", "ghcr.io"));
    let world = told(world, |image| says(if image.key.raw() == "sha256:d1" { COMMIT } else { "aaaaaaa0000" }, "https://github.com/acme/cart"));
    assert_eq!(arrivals(&world, &new), [runs(240, By::Label), Arrival::NotYet(version("latest"))]);
    assert_eq!(arrivals(&world, &old), [Arrival::Passed("#311".into()), runs(55 * 60, By::Label)]);
    assert_eq!(world.0.brought(&rows[0].id).map(|(run, by)| (run.number, by)), Some((311, By::Label)));
    assert_eq!(world.0.runs_build_of(&rows[0].id, &new), Some(By::Label));
    assert!(world.0.unclaimed(now()).is_empty(), "a digest is asked for once");
}

#[test]
fn another_repository_of_the_same_commit_or_beginning_is_not_joined() {
    let row = pinned("dev", "d1", 500);
    for (commit, source, joined) in [
        (COMMIT, "https://github.com/acme/cart.git", true),
        (COMMIT, "", true),
        (&COMMIT[..7], "", true),
        (COMMIT, "https://github.com/fork/cart", false),
        (&COMMIT[..7], "https://github.com/fork/cart", false),
        ("bbbbbbb1", "https://github.com/acme/cart", false),
    ] {
        let run = of_github(311, "acme/cart", COMMIT, 600);
        let world = told(world(vec![row.clone()], vec![run.clone()]), |_| says(commit, source));
        assert_eq!(world.0.brought(&row.id).is_some(), joined, "{commit} {source}");
        let label = || Some(says(commit, source));
        assert_eq!(arrivals(&world, &run)[0], if joined { runs(500 * 60, By::Label) } else { unknown(version("latest"), label()) });
    }
}

#[test]
fn what_needs_no_label_and_what_no_run_ships_is_not_asked_for() {
    let run = of_github(311, "acme/cart", COMMIT, 40);
    let mut other = pinned("dev", "d1", 4);
    (other.id, other.name) = (Id::new(&source("dev"), "shop/redis"), Name::new("redis"));
    let mut here = pinned("test", "d2", 4);
    here.version = version("sha-bbbbbbb");
    let mut engine = pinned("staging", "d3", 4);
    engine.kind = Kind::Container;
    let rows = vec![other, here, engine];
    assert!(world(rows.clone(), vec![run.clone()]).0.unclaimed(now()).is_empty());
    assert!(world(rows, vec![]).0.unclaimed(now()).is_empty());
    assert_eq!(world(vec![pinned("dev", "d1", 4)], vec![]).0.unclaimed(now()).len(), 0, "no CI is connected");
    assert_eq!(world(vec![pinned("dev", "d1", 4), pinned("test", "d1", 4)], vec![run]).0.unclaimed(now()).len(), 1, "one digest is one question");
}

#[test]
fn an_engine_tells_the_labels_itself_and_joins_another_name_by_the_repository() {
    let run = of_github(311, "acme/cart-api", COMMIT, 600);
    let mut row = at("dev", "latest", 500);
    row.kind = Kind::Container;
    row.labels = Labels::new([("org.opencontainers.image.revision", COMMIT), ("org.opencontainers.image.source", "https://github.com/acme/cart-api")]);
    let world = world(vec![row.clone()], vec![run.clone()]);
    assert_eq!(arrivals(&world, &run), [runs(500 * 60, By::Label)]);
    assert_eq!(world.0.brought(&row.id).map(|(run, by)| (run.number, by)), Some((311, By::Label)));
}

#[test]
fn a_tag_is_asked_for_unless_it_moves_and_again_after_a_rollout_and_pods_know_better() {
    let run = of_github(311, "acme/cart", COMMIT, 40);
    let mut row = at("dev", "build-7", 500);
    row.images[0].reference = Name::new("ghcr.io/acme/cart:build-7");
    let before = world(vec![row.clone()], vec![run.clone()]);
    let asked = before.0.unclaimed(now());
    assert_eq!(asked.first().map(|image| image.reference.raw()), Some("ghcr.io/acme/cart:build-7"));
    let world_told = told(before, |_| says(COMMIT, ""));
    assert_eq!(arrivals(&world_told, &run), [runs(500 * 60, By::LabelOfTag)]);
    assert!(world_told.0.unclaimed(now()).is_empty());
    let mut again = row.clone();
    again.changed = Some(now() + SignedDuration::from_secs(1));
    assert_eq!(world_told.workloads("dev", [again]).0.unclaimed(now()).len(), 1, "another image may have got that tag");

    let mut one = pod(&row, 2, "cart-1");
    Arc::make_mut(&mut one.containers[0].image).reference = row.images[0].reference.clone();
    Arc::make_mut(&mut one.containers[0].image).digest = Some(Name::new("sha256:d9"));
    let known = world(vec![row.clone()], vec![run.clone()]).pods("dev", [one.clone()]);
    assert_eq!(known.0.unclaimed(now()).first().map(|image| image.key.raw().to_owned()).as_deref(), Some("sha256:d9"));
    let mut other = pod(&row, 2, "cart-2");
    Arc::make_mut(&mut other.containers[0].image).reference = row.images[0].reference.clone();
    Arc::make_mut(&mut other.containers[0].image).digest = Some(Name::new("sha256:d8"));
    let torn = world(vec![row.clone()], vec![run.clone()]).pods("dev", [one, other]);
    assert_eq!(torn.0.unclaimed(now()).first().map(|image| image.key.raw().to_owned()).as_deref(), Some("ghcr.io/acme/cart:build-7"));

    (row.images[0].reference, row.version) = (Name::new("ghcr.io/acme/cart:main"), version("main"));
    let mut run = run;
    run.branch = Name::new("main");
    let moving = world(vec![row.clone()], vec![run.clone()]);
    assert!(moving.0.unclaimed(now()).is_empty(), "what a moving tag names now says nothing of what runs");
    assert_eq!(arrivals(&moving, &run), [unknown(version("main"), None)], "an image called as the branch is every run's");
}

#[test]
fn what_can_not_be_read_is_said_and_left_alone_for_minutes() {
    let run = of_github(311, "acme/cart", COMMIT, 40);
    let rows = || vec![pinned("dev", "d1", 500), pinned("test", "d2", 500)];
    let unread = |registry: bool| Claim::Unread { why: "it tells only those whom it knows".into(), registry };
    let minutes = |minutes: i64| now() + SignedDuration::from_mins(minutes);
    for (registry, others) in [(true, 0), (false, 1)] {
        let mut world = world(rows(), vec![run.clone()]);
        let first = world.0.unclaimed(now()).into_iter().next().expect("one");
        world.0.claim(&first, unread(registry), now());
        assert_eq!(world.0.unclaimed(minutes(9)).len(), others, "the other image of that registry");
        assert_eq!(world.0.unclaimed(minutes(10)).len(), 2);
        assert_eq!(arrivals(&world, &run)[0], unknown(version("latest"), Some(unread(registry))));
    }
}

#[test]
fn no_more_is_remembered_than_what_runs_and_a_few() {
    let run = of_github(311, "acme/cart", COMMIT, 40);
    let mut world = told(world(vec![pinned("dev", "d1", 500)], vec![run]), |_| says(COMMIT, ""));
    for number in 0..1_000 {
        let key = Name::new(&format!("sha256:{number:04}"));
        world.0.claim(&Sought { key: key.clone(), reference: key, registry: Name::new("r") }, Claim::Silent, now());
    }
    assert!(world.0.unclaimed(now()).is_empty(), "what runs is still known");
    assert!(world.0.remembered() <= 257, "{}", world.0.remembered());
}
