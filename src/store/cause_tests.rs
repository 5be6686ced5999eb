use super::*;
use crate::{
    domain::Labels,
    store::fixture::{World, ago, crashing, node, now, pod, unready, waiting, workload},
};

fn on(mut pod: Pod, node: &str) -> Pod {
    pod.node = Some(Name::new(node));
    pod
}

/// So many services, each with one pod on `eu-4` and one on `eu-1`.
fn services(count: usize) -> Vec<Workload> {
    (0..count).map(|at| workload("prod", "shop", &format!("s{at}"))).collect()
}

fn dead_node(count: usize) -> World {
    let rows = services(count);
    let lost = rows.iter().map(|row| unready(on(pod(row, 2, &format!("{}-lost", row.name)), "eu-4")));
    let well = rows.iter().map(|row| on(pod(row, 2, &format!("{}-well", row.name)), "eu-1"));
    let pods: Vec<Pod> = lost.chain(well).collect();
    World::new().workloads("prod", rows).nodes("prod", [node("prod", "eu-1", true), node("prod", "eu-4", false)]).pods("prod", pods)
}

#[test]
fn a_dead_node_explains_its_pods_and_names_the_victims() {
    let world = dead_node(12);
    let cause = shared_cause(&world.0).expect("shared");
    assert_eq!(&*cause.words(now()), "node eu-4 not ready 3m: explains 12 of 12 failing pods");
    assert_eq!(cause.victims.len(), 12);
    assert_eq!(victims_of(&world.0, &cause).len(), 12);
    assert_eq!(&*cause.name(), "eu-4");
}

#[test]
fn two_services_are_not_enough() {
    assert_eq!(shared_cause(&dead_node(2).0), None);
    assert!(shared_cause(&dead_node(3).0).is_some());
}

#[test]
fn a_bad_deploy_beside_a_dead_node_is_no_victim_and_is_counted_as_not_explained() {
    let bad = workload("prod", "shop", "bad");
    let pods: Vec<Pod> = (0..4).map(|at| crashing(on(pod(&bad, 2, &format!("bad-{at}")), if at == 0 { "eu-4" } else { "eu-1" }), 1, 5)).collect();
    let rows = services(12);
    let lost: Vec<Pod> = rows.iter().map(|row| unready(on(pod(row, 2, &format!("{}-lost", row.name)), "eu-4"))).collect();
    let world = World::new()
        .workloads("prod", rows.into_iter().chain([bad]))
        .nodes("prod", [node("prod", "eu-1", true), node("prod", "eu-4", false)])
        .pods("prod", lost.into_iter().chain(pods));
    let cause = shared_cause(&world.0).expect("shared");
    assert_eq!((cause.explained, cause.failing), (12, 16));
    let environment = world.0.environment("production").expect("known").clone();
    assert!(cause.victim(&Name::new("bad"), &environment).is_none());
    assert!(cause.victim(&Name::new("s3"), &environment).is_some());
}

#[test]
fn the_only_node_of_a_cluster_is_not_blamed_for_what_crashes_on_it() {
    let rows = services(5);
    let pods: Vec<Pod> = rows.iter().map(|row| crashing(on(pod(row, 2, row.name.raw()), "only"), 1, 5)).collect();
    let world = World::new().workloads("prod", rows).nodes("prod", [node("prod", "only", true)]).pods("prod", pods);
    assert_eq!(shared_cause(&world.0), None);
}

#[test]
fn crashes_spread_over_the_nodes_have_no_shared_cause() {
    let rows = services(6);
    let pods: Vec<Pod> = rows.iter().enumerate().map(|(at, row)| crashing(on(pod(row, 2, row.name.raw()), &format!("n{}", at % 3)), 1, 5)).collect();
    let world = World::new().workloads("prod", rows).pods("prod", pods);
    assert_eq!(shared_cause(&world.0), None);
}

#[test]
fn a_node_that_says_it_is_ready_is_named_when_all_that_fails_stands_there_and_little_is_well() {
    let rows = services(4);
    let sick = rows.iter().map(|row| unready(on(pod(row, 2, &format!("{}-sick", row.name)), "eu-4")));
    let well = rows.iter().map(|row| on(pod(row, 2, &format!("{}-well", row.name)), "eu-1"));
    let pods: Vec<Pod> = sick.chain(well).collect();
    let world = World::new().workloads("prod", rows).pods("prod", pods);
    assert_eq!(shared_cause(&world.0).map(|cause| cause.shared), Some(Shared::Node("eu-4".into())), "nodes may not be listed");
}

#[test]
fn a_registry_that_gives_no_image_to_many_is_named() {
    let rows = services(4);
    let pull = |row: &Workload, node: &str| {
        let mut pod = waiting(on(pod(row, 2, row.name.raw()), node), "ImagePullBackOff", "x509");
        pod.containers[0].image = crate::store::fixture::image("reg.acme.io:5000/shop/x:1").into();
        pod
    };
    let pods: Vec<Pod> = rows.iter().enumerate().map(|(at, row)| pull(row, &format!("n{at}"))).collect();
    let world = World::new().workloads("prod", rows).pods("prod", pods);
    assert_eq!(&*shared_cause(&world.0).expect("shared").words(now()), "registry reg.acme.io:5000 gives no image: explains 4 of 4 failing pods");
}

#[test]
fn a_webhook_that_stops_all_rollouts_is_named() {
    let rows: Vec<Workload> = services(3)
        .into_iter()
        .map(|mut row| {
            let message = "Internal error occurred: failed calling webhook \"policy.acme.io\": no endpoints".into();
            row.progress = Progress::Stuck { since: None, reason: "FailedCreate".into(), message };
            row.replicas.updated = 1;
            row
        })
        .collect();
    let world = World::new().workloads("prod", rows);
    let cause = shared_cause(&world.0).expect("shared");
    assert_eq!(cause.shared, Shared::Webhook("policy.acme.io".into()));
    assert_eq!(cause.explained, 6);
}

#[test]
fn a_zone_is_named_only_when_it_explains_more_than_one_of_its_nodes() {
    let zoned = |name: &str, zone: &str| {
        let mut row = node("prod", name, true);
        row.labels = Labels::new([("topology.kubernetes.io/zone", zone)]);
        row
    };
    let nodes = [zoned("a1", "a"), zoned("a2", "a"), zoned("b1", "b")];
    let rows = services(4);
    let sick = |rows: &[Workload], nodes: &[&str]| -> Vec<Pod> {
        let sick = rows.iter().enumerate().map(|(at, row)| unready(on(pod(row, 2, &format!("{}-sick", row.name)), nodes[at % nodes.len()])));
        sick.chain(rows.iter().map(|row| on(pod(row, 2, &format!("{}-well", row.name)), "b1"))).collect()
    };
    let shared = |pods: Vec<Pod>| {
        let world = World::new().workloads("prod", rows.clone()).nodes("prod", nodes.clone()).pods("prod", pods);
        shared_cause(&world.0).map(|cause| cause.shared)
    };
    assert_eq!(shared(sick(&rows, &["a1", "a2"])), Some(Shared::Zone("a".into())));
    assert_eq!(shared(sick(&rows, &["a1"])), Some(Shared::Node("a1".into())));
}

#[test]
fn a_rollback_of_a_victim_is_warned_against_and_that_of_a_fresh_change_is_not() {
    let world = dead_node(4);
    let cause = shared_cause(&world.0);
    let environment = world.0.environment("production").expect("known").clone();
    let mut row = workload("prod", "shop", "s1");
    row.changed = Some(ago(9 * 86_400));
    let said = |row: &Workload, service: &str| warning(&world.0, cause.as_ref(), row, (&Name::new(service), &environment), now()).map(|found| found.sentence);
    assert_eq!(said(&row, "s1").as_deref(), Some("nothing changed here for 9 d, and node eu-4 not ready: a rollback will not help"));
    row.replicas.ready = 0;
    assert_eq!(said(&row, "other").as_deref(), Some("nothing changed here for 9 d: a rollback will not help"));
    row.changed = Some(ago(300));
    assert_eq!(said(&row, "other"), None);
}
