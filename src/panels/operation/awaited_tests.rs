//! A rollback of a StatefulSet that waits for a pod of the version that was left.

use super::fixture::*;
use crate::{
    domain::*,
    store::fixture::{World, counts, crashing, pod},
    text::{Name, Raw},
};

/// `cart` as a StatefulSet whose second pod is of 2.8.0 and crashes; its template is back at 2.7.3.
fn waiting(in_order: Option<u32>) -> World {
    let mut rows = history();
    rows[0].current = false;
    (rows[1].number, rows[1].current) = (43, true);
    let mut row = converging(6).0.workload(&id()).expect("it is known").clone();
    (row.kind, row.in_order, row.progress, row.replicas) = (Kind::StatefulSet, in_order, Progress::Rolling, counts(3, 3, 2, 2));
    let named = |mut pod: Pod, name: &str, template: &str| {
        (pod.name, pod.template, pod.uid) = (Name::new(name), Raw::new(template), Raw::new(name));
        pod
    };
    let pods = [
        named(pod(&row, 41, "cart-0"), "cart-0", "5c7d"),
        named(crashing(pod(&row, 42, "cart-1"), 1, 5), "cart-1", "6b9d"),
        named(pod(&row, 41, "cart-2"), "cart-2", "5c7d"),
    ];
    World::new().workloads("prod", [row]).revisions("prod", rows).pods("prod", pods)
}

fn shown(in_order: Option<u32>, high: u16) -> String {
    let mut procedure = under_way();
    see(&mut procedure, &waiting(in_order), 41);
    let (app, key) = showing(app(waiting(in_order), after(41)), procedure);
    drawn(&app, key, 80, high)
}

#[test]
fn the_pod_that_holds_it_up_is_named_with_the_key_that_deletes_it() {
    let screen = shown(Some(0), 22);
    let frame = "\
╭─ Rolling back cart in production ──────────────────── 0:41 of at most 10:00 ─╮
│                                                                              │
│ 2.8.0 r42  →  2.7.3 r41 (it runs on as r43)                op 7f3a · oncall  │
│                                                                              │
│ ✓ sent       accepted in 21 ms, once                                  0:00   │
│ ✓ taken up   the controller works on it                               0:01   │
│ ↻ pods       ━━━━━━━━━━━━━━━━━━━━━──────────  2 of 3 ready on 2.7.3          │
│ · errors     not measured yet                                                │
│ · restarts   counted once the pods are ready                                 │
│ · alert      CartErrorRate: its rule was not read yet                        │
│                                                                              │
│ WAITING FOR                                                                  │
│ ↻ cart-1   holds it up   delete it: kubectl delete pod cart-1 -n shop        │
│                                                                              │
│ ! nothing moves before cart-1 is gone: A plans its deletion, then it is made │
│   anew from the newest revision                                              │
│                                                                              │
│ The request has left: nothing here calls it back. Esc puts this into the     │
│ background. If the session drops it is watched on, and the next start tells. │
│                                                                              │
│                                                                              │
╰──────────────────────────────────────────────────────────────────────────────╯";
    assert_eq!(screen, frame);
}

#[test]
fn where_nothing_waits_in_order_no_deletion_is_offered() {
    let screen = shown(None, 22);
    assert!(screen.contains("cart-1") && !screen.contains("holds it up") && !screen.contains("plans its deletion"), "{screen}");
}
