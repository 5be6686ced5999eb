//! Rows for tests, made by few words.

use super::{Rules, Store};
use crate::{
    domain::*,
    text::{Clean, Name, Raw},
};
use jiff::{SignedDuration, Timestamp};

/// The moment at which every test plays: 2026-11-24 03:00:00 UTC.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_489_200).expect("in range")
}

/// So many seconds before [`now`].
pub fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// Guesses by the context alone.
pub fn rules() -> Rules {
    Rules::guessing(|place| {
        let tier = match place.context.raw() {
            "dev" => Tier::Development,
            "test" => Tier::Testing,
            "staging" => Tier::Staging,
            _ => Tier::Production,
        };
        let name = if place.context.raw() == "prod" { "production" } else { place.context.raw() };
        (Name::new(name), tier)
    })
}

pub fn source(context: &str) -> SourceId {
    SourceId::new(&format!("kubernetes/{context}"))
}

pub fn image(reference: &str) -> Image {
    Image { container: Name::default(), reference: Name::new(reference), digest: None }
}

pub fn counts(wanted: u32, total: u32, updated: u32, ready: u32) -> Replicas {
    Replicas { wanted, total, updated, ready, available: ready }
}

/// A Deployment that is well: three of three, carried out two days ago, as revision 2.
pub fn workload(context: &str, namespace: &str, name: &str) -> Workload {
    let images = [image(&format!("registry/{name}:1.0"))];
    Workload {
        id: Id::new(&source(context), &format!("{namespace}/{name}")),
        kind: Kind::Deployment,
        place: Place::new(context, namespace),
        name: Name::new(name),
        uid: Raw::new("uid"),
        labels: Labels::default(),
        selector: Raw::new(""),
        version: Version::of(None, &images),
        images: Box::new(images),
        revision: Some(2),
        replicas: counts(3, 3, 3, 3),
        progress: Progress::Done,
        in_order: None,
        owner: None,
        changed: Some(ago(2 * 86_400)),
        created: Some(ago(90 * 86_400)),
        remark: None,
    }
}

/// Revision `number` of a workload, with template `h{number}` and version `{number}.0`.
pub fn revision(of: &Workload, number: u64, ready: u32) -> Revision {
    let images = [image(&format!("registry/{}:{number}.0", of.name.raw()))];
    Revision {
        id: Id::new(&of.id.source(), &format!("{}@{number}", of.id.key())),
        workload: of.id.clone(),
        number,
        template: Raw::new(&format!("h{number}")),
        version: Version::of(None, &images),
        images: Box::new(images),
        replicas: counts(ready, ready, ready, ready),
        current: of.revision == Some(number),
        created: of.changed.filter(|_| of.revision == Some(number)).or_else(|| Some(ago(86_400 * (50 - number as i64).max(0)))),
        cause: None,
        evidence: Vec::new(),
        outline: Outline::default(),
    }
}

/// A pod of `of` that serves, made from template `h{revision}` on node `n1`.
pub fn pod(of: &Workload, revision: u64, name: &str) -> Pod {
    let container = Container {
        name: Name::new("app"),
        init: false,
        image: image("registry/app:1").into(),
        state: ContainerState::Running { since: Some(ago(600)) },
        last: None,
        ready: true,
        restarts: 0,
    };
    Pod {
        id: Id::new(&of.id.source(), name),
        place: of.place.clone(),
        name: Name::new(name),
        uid: Raw::new(name),
        workload: Some(of.id.clone()),
        template: Raw::new(&format!("h{revision}")),
        reason: Clean::from_static("Running"),
        message: Clean::EMPTY,
        ready: true,
        leaving: false,
        restarts: 0,
        restarted: None,
        containers: Box::new([container]),
        node: Some(Name::new("n1")),
        created: Some(ago(600)),
    }
}

pub fn unready(mut pod: Pod) -> Pod {
    pod.ready = false;
    pod.containers[0].ready = false;
    pod
}

pub fn waiting(pod: Pod, reason: &'static str, message: &'static str) -> Pod {
    let mut pod = unready(pod);
    pod.reason = Clean::from_static(reason);
    pod.containers[0].state = ContainerState::Waiting { reason: reason.into(), message: message.into() };
    pod
}

pub fn crashing(pod: Pod, code: i32, restarts: u32) -> Pod {
    let mut pod = waiting(pod, "CrashLoopBackOff", "back-off 40s");
    pod.restarts = restarts;
    pod.containers[0].restarts = restarts;
    pod.containers[0].last = Some(ContainerState::Ended { code, reason: "Error".into(), message: Clean::EMPTY, began: Some(ago(62)), ended: Some(ago(60)) });
    pod
}

pub fn node(context: &str, name: &str, ready: bool) -> Node {
    Node {
        id: Id::new(&source(context), name),
        place: Place::new(context, ""),
        name: Name::new(name),
        ready,
        cordoned: false,
        reason: if ready { Clean::EMPTY } else { "KubeletNotReady".into() },
        since: Some(ago(180)),
        labels: Labels::default(),
        created: Some(ago(90 * 86_400)),
    }
}

/// A run of cart's workflow that failed.
pub fn run(number: u64) -> crate::domain::Run {
    crate::domain::Run {
        id: Id::new(&SourceId::new("github"), &format!("acme/cart/{number}")),
        repository: Name::new("acme/cart"),
        workflow: "deploy".into(),
        number,
        attempt: 1,
        title: "Round prices up".into(),
        branch: Name::new("main"),
        commit: Name::new("0f3c9d21aa"),
        actor: "ci-bot".into(),
        status: crate::domain::RunStatus::Failed,
        created: Some(ago(600)),
        started: Some(ago(590)),
        ended: Some(ago(60)),
        was: None,
        digests: Box::default(),
        usual: None,
        url: "https://github.example/acme/cart/actions/runs/311".into(),
    }
}

pub fn alert(reporter: &str, fingerprint: &str, name: &str, labels: &[(&str, &str)]) -> Alert {
    Alert {
        id: Id::new(&SourceId::new(reporter), fingerprint),
        name: Name::new(name),
        severity: Severity::Critical,
        state: AlertState::Firing,
        since: Some(ago(120)),
        labels: Labels::new(labels.iter().copied()),
        summary: Clean::EMPTY,
        runbook: None,
        value: None,
        expression: None,
        reporter: Clean::from_untrusted(reporter),
    }
}

pub fn sample(metric: Metric, labels: &[(&str, &str)], points: Vec<(Timestamp, f64)>) -> Sample {
    let key = format!("{}{labels:?}", metric.word());
    Sample { id: Id::new(&SourceId::new("prometheus"), &key), metric, labels: Labels::new(labels.iter().copied()), points, guessed: None }
}

/// A store to which rows are told in a few words.
pub struct World(pub Store);

impl World {
    pub fn new() -> Self {
        Self(Store::new(rules()))
    }

    pub fn tell(mut self, source: &SourceId, feed: &Feed, rows: Batch) -> Self {
        self.0.link(source, feed, Link::Live { offers: Offers::default(), synced: true });
        for fact in rows.facts {
            self.0.apply(source, feed, fact, now());
        }
        self
    }

    pub fn workloads(self, context: &str, rows: impl IntoIterator<Item = Workload>) -> Self {
        self.tell(&source(context), &Feed::Workloads, Batch::list(rows))
    }

    pub fn revisions(self, context: &str, rows: impl IntoIterator<Item = Revision>) -> Self {
        self.tell(&source(context), &Feed::Workloads, Batch::list(rows))
    }

    pub fn pods(self, context: &str, rows: impl IntoIterator<Item = Pod>) -> Self {
        self.tell(&source(context), &Feed::Pods(Scope::All), Batch::list(rows))
    }

    pub fn nodes(self, context: &str, rows: impl IntoIterator<Item = Node>) -> Self {
        self.tell(&source(context), &Feed::Nodes, Batch::list(rows))
    }

    pub fn alerts(self, reporter: &str, rows: impl IntoIterator<Item = Alert>) -> Self {
        self.tell(&SourceId::new(reporter), &Feed::Alerts, Batch::list(rows))
    }

    pub fn samples(self, rows: impl IntoIterator<Item = Sample>) -> Self {
        self.tell(&SourceId::new("prometheus"), &Feed::Samples, Batch::list(rows))
    }
}
