use super::*;
use crate::store::fixture::{ago, counts, crashing, now, pod, revision, unready, waiting, workload};

/// Six wanted, revision 42 on its way for six minutes beside revision 41.
fn rollout(updated: u32, total: u32, ready: u32) -> Workload {
    let mut row = workload("prod", "shop", "cart");
    row.revision = Some(42);
    row.changed = Some(ago(360));
    row.progress = Progress::Rolling;
    row.replicas = counts(6, total, updated, ready);
    row
}

fn word(row: &Workload, pods: &[Pod]) -> &'static str {
    let revisions = [revision(row, 42, 0), revision(row, 41, 4)];
    let revisions: Vec<&Revision> = revisions.iter().collect();
    let pods: Vec<&Pod> = pods.iter().collect();
    health(row, &revisions, Some(&pods), now()).word()
}

#[test]
fn serving_alone_decides_between_degraded_and_down() {
    let mut row = workload("prod", "shop", "cart");
    for (ready, expected) in [(3, "ok"), (2, "failing"), (1, "failing"), (0, "down")] {
        row.replicas.ready = ready;
        assert_eq!(health(&row, &[], None, now()).word(), expected, "{ready} of 3");
    }
}

#[test]
fn a_workload_scaled_to_zero_is_well_and_not_down() {
    let mut row = workload("prod", "shop", "cart");
    row.replicas = counts(0, 0, 0, 0);
    assert_eq!(health(&row, &[], None, now()), Health::Zero);
}

#[test]
fn a_rollout_is_stuck_as_soon_as_a_new_pod_can_not_come_up() {
    let row = rollout(3, 7, 6);
    let fresh = || pod(&row, 42, "new");
    let aged = |pod: Pod, seconds: i64| Pod { created: Some(ago(seconds)), ..pod };
    let unplaced = || Pod { node: None, reason: Clean::from_static("Unschedulable"), containers: Box::default(), ..unready(fresh()) };
    let cases = [
        ("it just starts", aged(unready(fresh()), 20), "rolling"),
        ("it should long be ready", aged(unready(fresh()), 150), "stuck"),
        ("a node is sought", aged(unplaced(), 20), "rolling"),
        ("no node takes it", aged(unplaced(), 90), "stuck"),
        ("it crash-loops", crashing(fresh(), 1, 5), "stuck"),
        ("its image is missing", waiting(fresh(), "ImagePullBackOff", ""), "stuck"),
        ("its config is missing", waiting(fresh(), "CreateContainerConfigError", ""), "stuck"),
        ("an old pod crashes instead", crashing(pod(&row, 41, "old"), 1, 5), "rolling"),
    ];
    for (why, pod, expected) in cases {
        assert_eq!(word(&row, &[pod]), expected, "{why}");
    }
    let mut twice = unready(fresh());
    twice.containers[0].restarts = 2;
    assert_eq!(word(&row, &[twice]), "stuck", "two restarts without being ready, running at the moment");
    let mut back = fresh();
    back.containers[0].restarts = 5;
    assert_eq!(word(&row, &[back]), "rolling", "it restarted and is ready now");
}

#[test]
fn stuck_with_nothing_serving_is_down() {
    let row = rollout(3, 3, 0);
    assert_eq!(word(&row, &[crashing(pod(&row, 42, "new"), 1, 5)]), "down");
}

#[test]
fn the_controller_giving_up_is_stuck_even_without_pods() {
    let mut row = rollout(3, 7, 6);
    row.progress = Progress::Stuck { since: Some(ago(60)), reason: "ProgressDeadlineExceeded".into(), message: Clean::EMPTY };
    let found = health(&row, &[], None, now());
    assert_eq!(found, Health::Stuck { since: Some(ago(60)), why: "ProgressDeadlineExceeded".into() });
}

#[test]
fn a_finished_rollout_that_falls_ill_later_is_failing_and_not_rolling() {
    let mut row = workload("prod", "shop", "cart");
    row.progress = Progress::Rolling;
    row.replicas = counts(3, 3, 3, 2);
    assert_eq!(health(&row, &[], None, now()).word(), "failing", "carried out two days ago");
    row.changed = Some(ago(20));
    assert_eq!(health(&row, &[], None, now()).word(), "rolling", "changed just now");
}

#[test]
fn a_first_deployment_without_a_ready_pod_rolls_and_a_crashing_one_is_down() {
    let mut row = rollout(6, 6, 0);
    row.revision = Some(1);
    let first = [revision(&row, 1, 0)];
    let first: Vec<&Revision> = first.iter().collect();
    assert_eq!(health(&row, &first, None, now()), Health::Rolling);
    let bad = crashing(pod(&row, 1, "new"), 1, 5);
    assert_eq!(health(&row, &first, Some(&[&bad]), now()), Health::Down { why: "exit 1, 5 restarts".into() });
}

#[test]
fn paused_half_way_is_stuck_and_paused_when_done_is_well() {
    let mut row = rollout(2, 6, 6);
    row.progress = Progress::Paused { since: None };
    assert_eq!(word(&row, &[]), "stuck");
    row.replicas = counts(6, 6, 6, 6);
    assert_eq!(word(&row, &[]), "ok");
}

/// The controller of a StatefulSet waits for an older pod that crashes before it exchanges it (OrderedReady).
#[test]
fn a_crash_of_an_older_pod_holds_up_a_stateful_set_and_not_a_deployment() {
    let mut row = rollout(2, 6, 5);
    let (new, old) = (revision(&row, 42, 2), revision(&row, 41, 3));
    let sick = crashing(pod(&row, 41, "old"), 1, 5);
    assert_eq!(health(&row, &[&new, &old], Some(&[&sick]), now()).word(), "rolling");
    row.kind = Kind::StatefulSet;
    assert_eq!(health(&row, &[&new, &old], Some(&[&sick]), now()).word(), "stuck");
}

#[test]
fn what_can_not_be_said_is_not_green() {
    let mut row = workload("prod", "shop", "cart");
    row.progress = Progress::Unknown;
    assert_eq!(health(&row, &[], None, now()), Health::Unknown);
}

#[test]
fn a_first_crash_that_is_just_being_restarted_is_not_lasting_yet() {
    let row = rollout(3, 7, 6);
    let mut once = unready(pod(&row, 42, "new"));
    once.containers[0].state = ContainerState::Ended { code: 1, reason: "Error".into(), message: Clean::EMPTY, began: None, ended: None };
    let found = ailment(&once).expect("it does not serve");
    assert!(!found.lasting());
    assert_eq!(&*found.words(), "exit 1, 0 restarts");
}
