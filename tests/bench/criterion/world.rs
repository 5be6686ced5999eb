//! A cluster of as many pods as wanted, as its API server tells of it, and logs as its programs write them.

use jiff::{SignedDuration, Timestamp};
use pilothouse::{
    app::{App, Event, Known, Now, Size, Start},
    config::Config,
    domain::{
        Change, Fact, Feed, FeedKind, Id, Image, Kind, Labels, Link, LogStream, Offers, Place, Pod, Progress, Replicas, Scope, SourceId, Version, Workload,
    },
    gate::Mode,
    keys::Keymap,
    sources::kubernetes::pods_in,
    text::{Clean, Name, Raw},
    theme::Theme,
    widgets::Glyphs,
};
use serde_json::{Value, json};
use std::{ops::Range, sync::Arc, time::Duration};

/// Deployments, each of a service of its own.
pub const SERVICES: usize = 300;
const NAMESPACES: usize = 50;

pub fn source() -> SourceId {
    SourceId::new("kubernetes/prod-eu")
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_489_200).expect("2026-11-24, 03:00")
}

fn place(pod: usize) -> (String, String) {
    let service = pod % SERVICES;
    (format!("team-{:02}", service % NAMESPACES), format!("svc-{service:03}"))
}

/// A page of a list, with all that a server puts into it.
pub fn page(pods: Range<usize>) -> String {
    json!({ "kind": "PodList", "apiVersion": "v1", "metadata": { "resourceVersion": "1", "continue": "more" }, "items": pods.map(|at| object(at, 0)).collect::<Vec<_>>() })
        .to_string()
}

/// A pod, restarted so many times.
pub fn pod(at: usize, restarts: usize) -> Pod {
    let page = json!({ "metadata": {}, "items": [object(at, restarts)] }).to_string();
    pods_in(&source(), &page).expect("a list").remove(0)
}

fn object(at: usize, restarts: usize) -> Value {
    let (namespace, app) = place(at);
    let set = format!("{app}-6b9d7f5c4");
    let containers = ["app", "proxy"];
    let conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .map(|kind| json!({ "type": kind, "status": "True", "lastTransitionTime": "2026-11-20T10:00:00Z" }));
    json!({
        "metadata": {
            "name": format!("{set}-{at:05}"), "namespace": namespace, "uid": format!("{at:08x}-5717-4562-b3fc-2c963f66afa6"), "resourceVersion": format!("{at}"),
            "creationTimestamp": "2026-11-20T10:00:00Z",
            "labels": { "app": app, "app.kubernetes.io/name": app, "app.kubernetes.io/version": "v1.4.2", "pod-template-hash": "6b9d7f5c4" },
            "annotations": { "prometheus.io/scrape": "true", "checksum/settings": "a3f5".repeat(16) },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "uid": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "controller": true }],
            "managedFields": managed(),
        },
        "spec": { "nodeName": format!("node-{:03}", at % 200), "containers": containers.map(|name| container(&app, name)) },
        "status": {
            "phase": "Running", "podIP": "10.1.2.3", "startTime": "2026-11-20T10:00:00Z",
            "conditions": conditions,
            "containerStatuses": containers.map(|name| json!({
                "name": name, "ready": true, "started": true, "restartCount": restarts, "lastState": {}, "image": format!("registry.example.com/platform/{app}-{name}:v1.4.2"),
                "imageID": format!("docker-pullable://registry.example.com/platform/{app}-{name}@sha256:{}", "ab".repeat(32)),
                "containerID": format!("containerd://{at:064x}"), "state": { "running": { "startedAt": "2026-11-20T10:00:00Z" } },
            })),
        },
    })
}

fn container(app: &str, name: &str) -> Value {
    let settings: Vec<Value> = (0..12).map(|at| json!({ "name": format!("SETTING_{at}"), "value": format!("{app}-{at}.internal.example.com:8080") })).collect();
    json!({
        "name": name, "image": format!("registry.example.com/platform/{app}-{name}:v1.4.2"), "env": settings, "ports": [{ "containerPort": 8080, "name": "http" }],
        "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "cpu": "1", "memory": "512Mi" } },
        "readinessProbe": { "httpGet": { "path": "/ready", "port": 8080, "scheme": "HTTP" }, "periodSeconds": 5 },
        "volumeMounts": [{ "name": "settings", "mountPath": "/etc/settings" }],
    })
}

/// About half of what an API server sends of a pod is this.
fn managed() -> Value {
    let fields: serde_json::Map<String, Value> = (0..60).map(|at| (format!("f:field-{at:02}"), json!({ ".": {}, "f:name": {}, "f:value": {} }))).collect();
    json!([{ "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields }])
}

fn workload(service: usize, pods: usize) -> Workload {
    let (namespace, app) = place(service);
    let images = [Image { container: Name::default(), reference: Name::new(&format!("registry.example.com/platform/{app}-app:v1.4.2")), digest: None }];
    let count = u32::try_from(pods / SERVICES + usize::from(service < pods % SERVICES)).expect("not so many");
    Workload {
        id: Id::new(&source(), &format!("deployments/{namespace}/{app}")),
        kind: Kind::Deployment,
        place: Place::new("prod-eu", &namespace),
        name: Name::new(&app),
        uid: Raw::new(&app),
        labels: Labels::new([("app", app.as_str())]),
        selector: Raw::new(&format!("app={app}")),
        version: Version::of(None, &images),
        images: Box::new(images),
        revision: Some(2),
        replicas: Replicas { wanted: count, total: count, updated: count, ready: count, available: count },
        progress: Progress::Done,
        in_order: None,
        owner: None,
        changed: Some(now() - SignedDuration::from_hours(90)),
        created: None,
        remark: None,
    }
}

/// A console that knows all of them.
pub fn loaded(pods: usize) -> App {
    let mut app = App::new(start());
    let offers = Offers { feeds: [FeedKind::Workloads, FeedKind::Pods].into(), ..Offers::default() };
    let mut tell = |event| drop(app.update(Now { wall: now(), mono: Duration::from_secs(60) }, event));
    tell(Event::Known(source(), Ok(Known::Ready(offers.clone()))));
    let list = |facts: Vec<Fact>, begin: Fact, done: Fact| [vec![begin], facts, vec![done]].concat();
    let workloads = (0..SERVICES).map(|service| Fact::Workload(Change::Upsert(workload(service, pods)))).collect();
    tell(Event::Facts(source(), Feed::Workloads, list(workloads, Fact::Workload(Change::Begin), Fact::Workload(Change::Done))));
    let all = (0..pods).step_by(500).flat_map(|from| pods_in(&source(), &page(from..(from + 500).min(pods))).expect("a list"));
    let all = all.map(|pod| Fact::Pod(Change::Upsert(pod))).collect();
    tell(Event::Facts(source(), Feed::Pods(Scope::All), list(all, Fact::Pod(Change::Begin), Fact::Pod(Change::Done))));
    for feed in [Feed::Workloads, Feed::Pods(Scope::All)] {
        tell(Event::Link(source(), feed, Link::Live { offers: offers.clone(), synced: true }));
    }
    app
}

fn start() -> Start {
    let config = Config::default();
    Start {
        now: Now { wall: now(), mono: Duration::ZERO },
        size: Size { width: 120, height: 40 },
        zone: jiff::tz::TimeZone::UTC,
        user: Clean::from_static("oncall"),
        host: Clean::from_static("bastion"),
        session: "7f3a".into(),
        mode: Mode::ByTier,
        demo: false,
        rules: config.rules(),
        limits: config.limits(),
        min_requests: config.ui.min_requests as f64,
        environments: Vec::new(),
        keymap: Arc::new(Keymap::default()),
        theme: Arc::new(Theme::default()),
        glyphs: Glyphs::Unicode,
        open: (None, None),
        smoke: Vec::new(),
        registries: Vec::new(),
        guards: false,
        remarks: Vec::new(),
    }
}

/// Who speaks.
pub fn stream() -> LogStream {
    LogStream::new(Id::new(&source(), "logs/svc-000/app"), "svc-000-6b9d7f5c4-x7k2p", "app")
}

/// Lines with their times, a few of them coloured, one in fifty an error.
pub fn lines(count: usize) -> Vec<Vec<u8>> {
    let line = |at: usize| {
        let time = now() + SignedDuration::from_millis(at as i64);
        match at % 50 {
            0 => format!("{time} ERROR unknown currency \"\" in basket {at}, exit {} at price.rs:88", at % 10),
            7 | 19 => format!("{time} \x1b[33mWARN\x1b[0m retry {at} of upstream payments after {} ms", at % 400),
            _ => format!("{time} INFO priced {} items of basket {at} in {} ms for tenant acme-{}, cache hit", at % 40, at % 90, at % 7),
        }
        .into_bytes()
    };
    (0..count).map(line).collect()
}
