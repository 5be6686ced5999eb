use super::*;
use crate::{
    domain::{ContainerState, Id, Kind},
    store::fixture::{World, ago, counts, crashing, node, now, pod, revision, source, unready, waiting, workload},
    text::{Name, Raw},
};

/// Revision 42 on its way for six minutes; 41 serves with one pod.
struct Broken {
    workload: Workload,
    pods: Vec<Pod>,
    happenings: Vec<Happening>,
    conditions: Vec<(Clean, Clean, Clean)>,
    last_words: Vec<(Clean, Vec<Clean>)>,
    nodes: Vec<Node>,
}

impl Broken {
    fn new() -> Self {
        let mut row = workload("prod", "shop", "cart");
        row.revision = Some(42);
        row.changed = Some(ago(360));
        row.progress = Progress::Rolling;
        row.replicas = counts(3, 4, 1, 2);
        let pods = vec![pod(&row, 41, "old")];
        Self { workload: row, pods, happenings: Vec::new(), conditions: Vec::new(), last_words: Vec::new(), nodes: vec![node("prod", "n1", true)] }
    }

    fn with(mut self, ill: impl Fn(Pod) -> Pod) -> Self {
        let fresh = pod(&self.workload, 42, "x7k2p");
        self.pods.push(ill(fresh));
        self
    }

    fn event(mut self, reason: &'static str, message: &'static str) -> Self {
        self.happenings.push(Happening {
            id: Id::new(&source("prod"), reason),
            place: self.workload.place.clone(),
            kind: Name::new("Pod"),
            object: Name::new("x7k2p"),
            uid: Raw::new("x7k2p"),
            field: Clean::EMPTY,
            warning: true,
            reason: reason.into(),
            message: message.into(),
            count: 3,
            at: Some(ago(90)),
        });
        self
    }

    fn explain(self) -> Explanation {
        let id = self.workload.id.clone();
        let revisions = [revision(&self.workload, 42, 0), revision(&self.workload, 41, 2)];
        let world = World::new().workloads("prod", [self.workload]).revisions("prod", revisions).nodes("prod", self.nodes);
        let answer = Answer::Explain { pods: self.pods, happenings: self.happenings, conditions: self.conditions, last_words: self.last_words };
        explain(&world.0, &id, &answer, now()).expect("it is known")
    }
}

#[test]
fn a_crash_is_told_by_versions_exit_code_and_last_words_and_proposes_what_serves() {
    let mut broken = Broken::new().with(|pod| crashing(pod, 1, 5)).event("BackOff", "restarting failed container");
    broken.last_words = vec![("x7k2p app".into(), vec!["starting".into(), "unknown currency \"\"".into()])];
    let found = broken.explain();
    assert_eq!(&*found.sentence, "42.0 (r42) never became ready: exit 1 after 2 s: unknown currency \"\"; 41.0 (r41) serves with 1 pod");
    assert_eq!(found.cause, Some("crash"));
    assert_eq!(found.faults, [Fault { object: "pod x7k2p".into(), says: "exit 1, 5 restarts".into() }]);
    assert_eq!(found.next, ("R", "back to 41.0 (r41)".into()));
    assert_eq!(found.evidence[1].words.as_str(), "unknown currency \"\"");
    assert!(found.excluded.contains(&"image") && found.excluded.contains(&"node"), "{:?}", found.excluded);
}

#[test]
fn every_cause_is_told_apart() {
    let cases: Vec<(&str, Broken, &str, &str)> = vec![
        ("a missing image", Broken::new().with(|pod| waiting(pod, "ImagePullBackOff", "manifest unknown")), "image", "there is no such image"),
        ("a registry that refuses", Broken::new().with(|pod| waiting(pod, "ErrImagePull", "pull access denied")), "image", "refuses us"),
        (
            "a missing ConfigMap",
            Broken::new().with(|pod| waiting(pod, "CreateContainerConfigError", "configmap \"shop\" not found")),
            "configuration missing",
            "configmap \"shop\" not found",
        ),
        ("a command that is not there", Broken::new().with(|pod| waiting(pod, "RunContainerError", "exec: no such file")), "crash", "can not be started"),
        ("out of memory", Broken::new().with(oom), "crash", "out of memory"),
        ("a probe", Broken::new().with(unready).event("Unhealthy", "Readiness probe failed: HTTP 503"), "probe", "HTTP 503"),
        ("no room", Broken::new().with(|pod| pending(pod, "0/3 nodes are available: 3 Insufficient cpu.")), "no node takes it", "not enough cpu"),
        ("a taint", Broken::new().with(|pod| pending(pod, "node(s) had untolerated taint {a: b}")), "no node takes it", "tainted"),
        ("a volume", Broken::new().with(|pod| pending(pod, "unbound immediate PersistentVolumeClaims")), "no node takes it", "volume"),
        ("an init container", Broken::new().with(failing_init), "init container", "migrate ends with exit 3"),
    ];
    for (why, broken, cause, words) in cases {
        let found = broken.explain();
        assert_eq!(found.cause, Some(cause), "{why}: {}", found.sentence);
        assert!(found.sentence.contains(words), "{why}: {}", found.sentence);
    }
}

fn oom(pod: Pod) -> Pod {
    let mut pod = crashing(pod, 137, 4);
    pod.containers[0].last = Some(ContainerState::Ended { code: 137, reason: "OOMKilled".into(), message: Clean::EMPTY, began: None, ended: None });
    pod
}

fn pending(pod: Pod, message: &'static str) -> Pod {
    let mut pod = unready(pod);
    pod.node = None;
    pod.reason = "Pending".into();
    pod.message = message.into();
    pod.containers = Box::new([]);
    pod
}

fn failing_init(pod: Pod) -> Pod {
    let mut pod = crashing(pod, 3, 4);
    pod.containers[0].init = true;
    pod.containers[0].name = Name::new("migrate");
    pod
}

#[test]
fn what_keeps_pods_from_being_made_is_named() {
    let cases = [
        ("pods \"x\" is forbidden: exceeded quota: team", "the quota is used up"),
        ("admission webhook \"policy.acme.io\" denied the request", "admission webhook policy.acme.io stops it"),
        ("error looking up service account shop/cart: not found", "service account is missing"),
    ];
    for (message, words) in cases {
        let mut broken = Broken::new();
        broken.conditions = vec![("ReplicaFailure".into(), "FailedCreate".into(), Clean::from_static(message))];
        let found = broken.explain();
        assert_eq!(found.cause, Some("pods can not be made"));
        assert!(found.sentence.contains(words), "{}", found.sentence);
    }
}

#[test]
fn paused_comes_before_everything_else_and_says_what_else_holds() {
    let mut broken = Broken::new().with(|pod| crashing(pod, 1, 5));
    broken.workload.progress = Progress::Paused { since: None };
    let found = broken.explain();
    assert_eq!(found.cause, Some("paused"));
    assert_eq!(found.also.len(), 1, "the crash: {:?}", found.also);
}

#[test]
fn a_dead_node_is_named_and_nodes_that_may_not_be_listed_are_said() {
    let mut broken = Broken::new();
    broken.pods = vec![{
        let mut lost = waiting(pod(&broken.workload, 42, "lost"), "NodeLost", "");
        lost.node = Some(Name::new("eu-4"));
        lost
    }];
    broken.nodes = vec![node("prod", "eu-4", false)];
    let found = broken.explain();
    assert_eq!((found.cause, found.faults[0].object.as_str()), (Some("node"), "node eu-4"));
    let mut blind = Broken::new().with(|pod| crashing(pod, 1, 5));
    blind.nodes.clear();
    assert!(blind.explain().unknown.iter().any(|words| words.contains("nodes may not be listed")));
}

#[test]
fn the_stateful_set_that_waits_for_a_pod_that_never_comes_is_seen_through() {
    let mut broken = Broken::new();
    (broken.workload.kind, broken.workload.in_order) = (Kind::StatefulSet, Some(0));
    broken.pods = vec![crashing(pod(&broken.workload, 41, "cart-0"), 1, 9)];
    let found = broken.explain();
    assert_eq!(found.cause, Some("crash"));
    assert!(found.also[0].contains("pod cart-0 of an older revision never becomes ready"), "{:?}", found.also);
}

#[test]
fn a_workload_that_is_well_says_so_and_blames_nothing() {
    let mut broken = Broken::new();
    broken.workload.progress = Progress::Done;
    broken.workload.replicas = counts(3, 3, 3, 3);
    broken.workload.changed = Some(ago(9 * 86_400));
    let found = broken.explain();
    assert_eq!(&*found.sentence, "cart is well: 3 of 3 pods ready on 1.0, unchanged for 9 d");
    assert_eq!(found.cause, None);
    assert!(found.unknown.iter().any(|words| words.contains("1 h")), "events are kept for an hour");
}

#[test]
fn where_nothing_is_found_it_does_not_invent() {
    let mut broken = Broken::new();
    broken.workload.progress = Progress::Done;
    broken.workload.replicas = counts(3, 2, 3, 2);
    let found = broken.explain();
    assert!(found.sentence.starts_with("no cause was found"), "{}", found.sentence);
    assert_eq!(found.next.0, "d");
}

#[test]
fn a_change_that_its_controller_does_not_look_at_is_the_control_planes() {
    let mut broken = Broken::new();
    broken.workload.progress = Progress::Unobserved;
    let found = broken.explain();
    assert_eq!(found.cause, Some("controller behind"));
}
