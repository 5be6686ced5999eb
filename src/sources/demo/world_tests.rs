//! How the world goes on, and what a change makes of it.

use super::{
    STORIES, Scenario, World,
    frame_tests::{believed, clock, incident},
};
use crate::{
    domain::{
        Answer, Change, Check, CheckKind, Evidence, Fact, Feed, Id, LogTarget, Metric, OpId, Operation, Outcome, Pod, Question, Revision, RevisionRef, Scope,
        Seen, SourceId, Stage, Subject, Verb, Window, Workload,
    },
    sources::SourceError,
    store::CellState,
    text::{Clean, Name, Raw},
};
use jiff::{SignedDuration, Timestamp};

fn prod() -> SourceId {
    SourceId::new("demo/prod-eu")
}

fn unit(world: &World, service: &str) -> Id<Workload> {
    world.units.iter().find(|unit| unit.service == service && unit.environment == "production").expect("it runs").id.clone()
}

fn subject(world: &World, id: &Id<Workload>, at: Timestamp) -> Subject {
    let Ok(Answer::Subject(subject)) = world.answer(&prod(), &Question::Subject(id.clone()), at) else { panic!("it is there") };
    *subject
}

fn revisions(world: &World, id: &Id<Workload>, at: Timestamp) -> Vec<Revision> {
    let Ok(Answer::Revisions(revisions)) = world.answer(&prod(), &Question::Revisions(id.clone()), at) else { panic!("it is there") };
    revisions
}

/// A rollback of `service` to `version`, from what is seen at `at`.
fn back(world: &World, service: &str, version: &str, at: Timestamp, count: u64) -> Operation {
    let id = unit(world, service);
    let to = revisions(world, &id, at).into_iter().find(|revision| &*revision.version.0 == version).expect("it is kept");
    Operation {
        id: OpId::new("7f3a", count),
        verb: Verb::RollBack,
        title: crate::clean!("{service} in production"),
        from: subject(world, &id, at).seen,
        to: Some(RevisionRef { id: to.id, number: to.number, template: to.template, version: to.version }),
        scaling: None,
        inputs: Vec::new(),
        reason: Clean::from_static("errors"),
        by: Clean::from_static("oncall"),
        subject: id,
    }
}

fn errors(world: &World, at: Timestamp) -> (f64, f64) {
    let window = Window { metric: Metric::ErrorRate, service: Name::new("cart"), namespace: Name::new("shop"), seconds: 60 };
    let Ok(Answer::Window { value, requests, .. }) = world.answer(&SourceId::new("demo/prometheus"), &Question::Window(window), at) else {
        panic!("it is measured")
    };
    (value.expect("a series"), requests.expect("counted"))
}

fn pods(world: &World, service: &str, at: Timestamp) -> Vec<Pod> {
    let facts = world.facts(&prod(), &Feed::Pods(Scope::Workload(unit(world, service))), at);
    facts.into_iter().filter_map(|fact| if let Fact::Pod(Change::Upsert(pod)) = fact { Some(pod) } else { None }).collect()
}

fn fires(world: &World, alert: &str, at: Timestamp) -> Option<bool> {
    let question = Question::RuleState { alert: Name::new(alert), labels: crate::domain::Labels::default() };
    let Ok(Answer::RuleState { firing }) = world.answer(&SourceId::new("demo/prometheus"), &question, at) else { panic!("it has rules") };
    firing
}

/// The incident with cart taken back to 2.7.3 at 03:01:28.
fn taken_back() -> World {
    let mut world = incident();
    let sent = clock(&world, "03:01:28");
    let operation = back(&world, "cart", "2.7.3", sent, 1);
    let stages = world.act(&operation, sent);
    assert!(matches!(stages[..], [Stage::Sending, Stage::Accepted { revision: Some(43), .. }]), "{stages:?}");
    world
}

#[test]
fn the_same_story_and_seed_give_the_same_world() {
    let (one, other) = (taken_back(), taken_back());
    let another = World::new(&Scenario::named("incident").expect("embedded"), 8);
    let feeds = [Feed::Workloads, Feed::Pods(Scope::All), Feed::Samples, Feed::Logs(LogTarget::Workload { workload: unit(&one, "search"), since: None })];
    for (source, feed) in one.sources().iter().flat_map(|(source, _, _)| feeds.iter().map(move |feed| (source, feed))) {
        let at = clock(&one, "03:02:09");
        assert_eq!(one.facts(source, feed, at), other.facts(source, feed, at), "{source} {feed:?}");
    }
    let lines = |world: &World| world.facts(&prod(), &feeds[3], clock(world, "03:02:09"));
    assert_ne!(lines(&one), lines(&another), "another seed says something else");
}

#[test]
fn changes_lead_from_one_list_to_the_next() {
    let world = taken_back();
    let github = SourceId::new("demo/github");
    for (source, feed) in [(prod(), Feed::Workloads), (prod(), Feed::Pods(Scope::All)), (prod(), Feed::Nodes), (github, Feed::Runs)] {
        let mut rows = std::collections::BTreeMap::new();
        let mut keep = |fact: Fact| {
            let text = format!("{fact:?}");
            match fact {
                Fact::Workload(Change::Upsert(row)) => drop(rows.insert(row.id.as_str().to_owned(), text)),
                Fact::Pod(Change::Upsert(row)) => drop(rows.insert(row.id.as_str().to_owned(), text)),
                Fact::Node(Change::Upsert(row)) => drop(rows.insert(row.id.as_str().to_owned(), text)),
                Fact::Run(Change::Upsert(row)) => drop(rows.insert(row.id.as_str().to_owned(), text)),
                Fact::Revision(Change::Upsert(row)) => drop(rows.insert(row.id.as_str().to_owned(), text)),
                Fact::Pod(Change::Remove(id)) => drop(rows.remove(id.as_str())),
                _ => {}
            }
        };
        let (mut now, end) = (clock(&world, "02:53:00"), clock(&world, "03:05:00"));
        world.facts(&source, &feed, now).into_iter().for_each(&mut keep);
        while let Some(next) = world.next_change(&source, &feed, now).filter(|next| *next <= end) {
            assert!(next > now, "time goes on");
            world.changes(&source, &feed, now, next).into_iter().for_each(&mut keep);
            now = next;
        }
        let mut told = rows.into_values().collect::<Vec<_>>();
        let mut listed: Vec<String> = world.facts(&source, &feed, end).iter().map(|fact| format!("{fact:?}")).filter(|text| text.contains("Upsert")).collect();
        told.sort();
        listed.sort();
        assert_eq!(told, listed, "{source} {feed:?}");
    }
}

#[test]
fn a_rollback_converges_as_in_the_second_frame() {
    let world = taken_back();
    let now = clock(&world, "03:02:09");
    let rows = pods(&world, "cart", now);
    let of = |name: &str| rows.iter().find(|pod| pod.name.raw() == name);
    assert_eq!(rows.iter().filter(|pod| pod.ready && pod.template.expose() == "5c7d").count(), 5);
    let q8w2n = of("cart-5c7d-q8w2n").expect("it starts");
    let Some(crate::domain::Container { state: crate::domain::ContainerState::Running { since: Some(since) }, .. }) = q8w2n.containers.first() else {
        panic!("it runs")
    };
    assert_eq!((q8w2n.ready, now.duration_since(*since).as_secs(), &*q8w2n.message), (false, 6, "probe GET /ready, usually 9 s"));
    let x7k2p = of("cart-6b9d-x7k2p").expect("it is leaving");
    assert!(x7k2p.leaving && x7k2p.message.contains("03:02:31"), "22 s of grace are left: {}", x7k2p.message);
    assert_eq!(format!("{:.1} %", errors(&world, now).0 * 100.0), "6.1 %");
    let workload = believed(&world, now);
    let row = workload.workload(&unit(&world, "cart")).expect("it runs").clone();
    assert_eq!((row.revision, row.replicas.ready, row.replicas.wanted), (Some(43), 6, 6), "never fewer than wanted serve");
}

#[test]
fn the_last_lines_of_the_new_pods_are_those_of_the_second_frame() {
    let world = taken_back();
    let target = LogTarget::Workload { workload: unit(&world, "cart"), since: Some(clock(&world, "03:02:06")) };
    let mut good = std::collections::BTreeSet::new();
    let mut said = Vec::new();
    for fact in world.facts(&prod(), &Feed::Logs(target), clock(&world, "03:02:09")) {
        match fact {
            Fact::Stream(stream) if &*stream.version.0 == "2.7.3" && !stream.sidecar => drop(good.insert(stream.id)),
            Fact::Lines(id, lines) if good.contains(&id) => {
                said.extend(lines.into_iter().map(|line| format!("{} {}", line.at.expect("stamped").strftime("%H:%M:%S"), line.text.text)))
            }
            _ => {}
        }
    }
    assert_eq!(said, ["03:02:07 cart 2.7.3 listening on :8080", "03:02:08 priced 6 items in 8 ms"]);
}

#[test]
fn a_rollback_heals_as_in_the_third_frame() {
    let world = taken_back();
    let at = |clock_time: &str| clock(&world, clock_time);
    assert!(errors(&world, at("03:03:19")).0 > 0.05, "errors hold for 8m49s after 02:54:31");
    assert!(errors(&world, at("03:03:20")).0 <= 0.05);
    assert_eq!(
        (fires(&world, "CartErrorRate", at("03:04:39")), fires(&world, "CartErrorRate", at("03:04:40"))),
        (Some(true), Some(false)),
        "3m12s after the request"
    );
    let (rate, requests) = errors(&world, at("03:04:40"));
    assert_eq!((format!("{:.1} %", rate * 100.0), requests), ("0.2 %".to_owned(), 4182.0));
    let rows = pods(&world, "cart", at("03:02:32"));
    assert_eq!(rows.len(), 6, "the old ones have gone");
    assert!(rows.iter().all(|pod| pod.ready && pod.restarts == 0 && pod.containers[0].image.digest_hex().is_some_and(|hex| hex.starts_with("41c0f2"))));
    let store = believed(&world, at("03:04:40"));
    let matrix = store.matrix(at("03:04:40"));
    let cart = matrix.rows.iter().find(|row| row.service.raw() == "cart").and_then(|row| row.leading().cloned()).expect("it runs");
    assert_eq!((cart.state, cart.version.to_string()), (CellState::Ok, "2.7.3".to_owned()));
    assert!(store.runs().iter().any(|run| run.number == 312 && matches!(&run.status, crate::domain::RunStatus::Waiting(what) if &**what == "approval")));
}

#[test]
fn what_is_left_knows_what_was_taken_back() {
    let world = taken_back();
    let now = clock(&world, "03:05:00");
    let told = subject(&world, &unit(&world, "cart"), now);
    assert_eq!(told.operation.as_deref(), Some("7f3a-1"));
    assert_eq!(told.rolled_back_from.map(|(template, _)| template), Some("6b9d".into()));
    let numbers: Vec<u64> = revisions(&world, &unit(&world, "cart"), now).iter().map(|revision| revision.number).collect();
    assert_eq!(numbers, [43, 42, 40, 39, 38], "41 runs on as 43");
}

#[test]
fn taking_the_rollback_back_brings_the_errors_back() {
    let mut world = taken_back();
    let again = clock(&world, "03:10:00");
    let operation = back(&world, "cart", "2.8.0", again, 2);
    assert!(matches!(world.act(&operation, again).last(), Some(Stage::Accepted { revision: Some(44), .. })));
    let later = again + SignedDuration::from_mins(6);
    assert!(errors(&world, later).0 > 0.05);
    assert_eq!(fires(&world, "CartErrorRate", later), Some(true));
}

#[test]
fn going_back_to_a_bad_revision_does_not_heal() {
    let mut world = incident();
    let sent = clock(&world, "03:01:28");
    let operation = back(&world, "cart", "2.7.2", sent, 1);
    world.act(&operation, sent);
    let later = sent + SignedDuration::from_mins(10);
    assert!(errors(&world, later).0 > 0.05);
    let sick = pods(&world, "cart", later);
    assert!(sick.iter().any(|pod| &*pod.reason == "ErrImagePull") && sick.iter().filter(|pod| pod.ready).count() == 6);
    assert_eq!(fires(&world, "CartErrorRate", later), Some(true));
}

#[test]
fn evidence_speaks_for_the_last_good_one_and_against_the_bad_one() {
    let world = incident();
    let now = world.scenario().opens();
    let found = revisions(&world, &unit(&world, "cart"), now);
    let of = |number: u64| found.iter().find(|revision| revision.number == number).expect("kept").evidence.clone();
    assert!(of(41).contains(&Evidence::ServingNow { ready: 4, wanted: 6 }), "{:?}", of(41));
    assert!(of(41).iter().any(|evidence| matches!(evidence, Evidence::Served { held } if held.as_hours() / 24 == 9)));
    assert_eq!(of(40), [Evidence::NeverAvailable { why: "ErrImagePull".into() }]);
    let question = Question::Memory {
        workload: unit(&world, "cart"),
        namespace: Name::new("shop"),
        names: vec![Name::new("cart-5c7d"), Name::new("cart-d94f")],
        since: now - SignedDuration::from_hours(14 * 24),
    };
    let Ok(Answer::Memory(memory)) = world.answer(&SourceId::new("demo/prometheus"), &question, now) else { panic!("it remembers") };
    assert_eq!(memory.len(), 1);
    assert!(
        matches!(&memory[0], (name, Evidence::Measured { what, .. }) if name.raw() == "cart-5c7d" && &**what == "6 of 6 ready for 9 d, errors 0.2 %"),
        "{memory:?}"
    );
}

#[test]
fn a_world_that_moved_on_conflicts() {
    let mut world = incident();
    let sent = clock(&world, "03:01:28");
    let right = back(&world, "cart", "2.7.3", sent, 1);
    let stale = [
        Operation { from: Seen { uid: Raw::new("another"), ..right.from.clone() }, ..right.clone() },
        Operation { from: Seen { template: Raw::new("another"), ..right.from.clone() }, ..right.clone() },
        Operation { from: Seen { paused: true, ..right.from.clone() }, ..right.clone() },
    ];
    for operation in stale {
        assert!(matches!(world.act(&operation, sent)[..], [Stage::Conflict { same: false, .. }]));
    }
    assert_eq!(world.facts(&prod(), &Feed::Workloads, sent), incident().facts(&prod(), &Feed::Workloads, sent), "nothing was changed");
    assert!(matches!(world.act(&right, sent).last(), Some(Stage::Accepted { .. })));
    let twice = world.act(&right, sent + SignedDuration::from_secs(5));
    assert!(matches!(&twice[..], [Stage::Conflict { what, .. }] if what.contains("oncall rolled out 2.7.3 as r43")), "{twice:?}");
}

#[test]
fn checks_announce_what_they_make_and_block_where_an_owner_heals_itself() {
    let world = incident();
    let now = clock(&world, "03:01:00");
    let checks = world.check(&back(&world, "cart", "2.7.3", now, 1), now);
    let Check::Expect(expected) = &checks[0] else { panic!("it announces them") };
    let made: Vec<(CheckKind, Outcome)> =
        checks.iter().filter_map(|check| if let Check::Made(finding) = check { Some((finding.kind, finding.outcome)) } else { None }).collect();
    assert_eq!(&made.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), expected);
    assert!(made.iter().all(|(kind, outcome)| *outcome == if *kind == CheckKind::LastApplied { Outcome::Warn } else { Outcome::Ok }), "{made:?}");
    assert!(checks.contains(&Check::Command("kubectl rollout undo deployment/cart -n shop --context prod-eu --to-revision=41".into())));
    let owned = world.units.iter().find(|unit| unit.owner.is_some()).expect("payments in staging").id.clone();
    let owned = Operation { subject: owned, ..back(&world, "cart", "2.7.3", now, 2) };
    assert!(
        world
            .check(&owned, now)
            .iter()
            .any(|check| matches!(check, Check::Made(finding) if finding.kind == CheckKind::Owner && finding.outcome == Outcome::Block))
    );
}

#[test]
fn explaining_names_the_crash_and_its_last_words() {
    let world = incident();
    let now = world.scenario().opens();
    let Ok(Answer::Explain { pods, happenings, conditions, last_words }) = world.answer(&prod(), &Question::Explain(unit(&world, "cart")), now) else {
        panic!("it is there")
    };
    assert_eq!(pods[0].name.raw(), "cart-6b9d-x7k2p");
    assert!(happenings.iter().any(|event| &*event.reason == "BackOff" && event.warning && event.count == 5));
    assert!(conditions.iter().any(|(kind, reason, _)| &**kind == "Progressing" && &**reason == "ProgressDeadlineExceeded"));
    assert_eq!(last_words[0].1, [Clean::from_static("unknown currency \"\""), Clean::from_static("exit 1 at price.rs:88")]);
}

#[test]
fn what_is_not_there_and_what_nobody_measures_is_said() {
    let world = incident();
    let now = world.scenario().opens();
    let stranger = Question::Subject(Id::new(&prod(), "shop/nobody"));
    assert!(matches!(world.answer(&prod(), &stranger, now), Err(SourceError::NotFound(_))));
    let window = Window { metric: Metric::ErrorRate, service: Name::new("mailer"), namespace: Name::new("shop"), seconds: 60 };
    let asked = Question::Window(window);
    assert!(matches!(world.answer(&SourceId::new("demo/prometheus"), &asked, now), Ok(Answer::Window { value: None, .. })));
    assert!(matches!(world.answer(&prod(), &asked, now), Err(SourceError::Unsupported(_))));
}

#[test]
fn every_story_is_right_and_named_by_its_file() {
    for (name, text) in STORIES {
        let read = Scenario::read(&format!("config/demo/{name}.toml"), text);
        let world = World::new(&read.unwrap_or_else(|error| panic!("{error}")), 7);
        assert!(world.units.len() >= 5, "{name}");
    }
}

#[test]
fn a_story_that_is_wrong_says_where() {
    let of = |text: &str| {
        Scenario::read("x.toml", &format!("title = \"t\"\nstart = 2026-11-24T02:57:20Z\nat = \"3m\"\n{text}")).expect_err("it is wrong").to_string()
    };
    let cases = [
        ("titel = \"t\"", "x.toml:4:1: unknown field `titel`"),
        ("answers = \"soon\"", "x.toml:4:11: `soon` is no length of time"),
        ("[[node]]\nname = \"a\"\nsource = \"nowhere\"", "x.toml:6:10: there is no source `nowhere`"),
        ("[[run]]\nservice = \"nobody\"\nnumber = 1\ntitle = \"\"\nby = \"\"\nstarted = 02:00:00\njob = []", "x.toml:5:11: there is no service `nobody`"),
    ];
    for (text, expected) in cases {
        assert!(of(text).starts_with(expected), "{}", of(text));
    }
}

#[test]
fn a_node_that_goes_down_takes_a_pod_of_every_service_with_it() {
    let world = World::new(&Scenario::named("node-down").expect("embedded"), 7);
    let now = world.scenario().opens();
    let facts = world.facts(&prod(), &Feed::Pods(Scope::All), now);
    let rows: Vec<Pod> = facts.into_iter().filter_map(|fact| if let Fact::Pod(Change::Upsert(pod)) = fact { Some(pod) } else { None }).collect();
    let failing: Vec<&Pod> = rows.iter().filter(|pod| !pod.ready).collect();
    let there = failing.iter().filter(|pod| pod.node.as_ref().is_some_and(|node| node.raw() == "eu-4")).count();
    assert_eq!((there, failing.len()), (28, 30));
    let matrix = believed(&world, now).matrix(now);
    assert_eq!(matrix.rows.iter().filter(|row| row.leading().is_some_and(|cell| cell.state.problem().is_some())).count(), 14);
    assert_eq!(fires(&world, "NodeNotReady", now), Some(true));
}

#[test]
fn a_quiet_night_has_no_problem_and_a_blind_one_no_measure() {
    let quiet = World::new(&Scenario::named("quiet").expect("embedded"), 7);
    let now = quiet.scenario().opens();
    let store = believed(&quiet, now);
    assert_eq!(&*store.matrix(now).totals.words(), "8 services · 8 ok");
    assert_eq!(store.alerts().rows.len(), 0);
    let blind = World::new(&Scenario::named("blind").expect("embedded"), 7);
    let listed: Vec<String> = blind.sources().into_iter().filter(|(_, _, listed)| listed.is_some()).map(|(source, _, _)| source.to_string()).collect();
    assert_eq!(listed, ["demo/lab-eu"]);
    assert!(blind.sources().iter().all(|(source, _, _)| !blind.offers(source).feeds.contains(&crate::domain::FeedKind::Samples)));
}

#[test]
fn a_link_that_comes_and_goes_is_back_after_a_while() {
    let world = incident();
    let github = SourceId::new("demo/github");
    let down = |time: &str| world.outage(&github, clock(&world, time)).is_some();
    assert_eq!([down("03:05:59"), down("03:06:00"), down("03:06:25"), down("03:13:10"), down("03:13:30")], [false, true, false, true, false]);
    assert_eq!(world.next_outage(&github, clock(&world, "03:06:00")), Some(clock(&world, "03:13:00")));
}
