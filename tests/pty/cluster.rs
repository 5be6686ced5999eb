//! A cluster as far as one Deployment with one pod goes: an API server on loopback that answers what is read and keeps watches open.

use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

/// The server. It ends with the test.
pub struct Cluster {
    port: u16,
}

impl Cluster {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mark = Arc::new(Mutex::new(None));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mark = mark.clone();
                std::thread::spawn(move || serve(stream, &mark));
            }
        });
        Self { port }
    }

    /// The kubeconfig that leads here, under a name that is no production.
    pub fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "dev", "users": [{ "name": "me", "user": {} }],
            "clusters": [{ "name": "here", "cluster": { "server": format!("http://127.0.0.1:{}", self.port) } }],
            "contexts": [{ "name": "dev", "context": { "cluster": "here", "user": "me", "namespace": "shop" } }],
        })
        .to_string()
    }
}

type Mark = Mutex<Option<String>>;

/// Answers requests of one connection. A change is carried out, and its answer never comes.
fn serve(stream: TcpStream, mark: &Mark) {
    let mut reader = BufReader::new(stream.try_clone().expect("a connection"));
    let mut stream = stream;
    while let Some((method, path, body)) = request(&mut reader) {
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        if query.contains("watch=true") || query.contains("watch=1") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
            // Open until the other side goes.
            let _ = reader.read(&mut [0; 1]);
            return;
        }
        let answer = match method.as_str() {
            "PATCH" if !query.contains("dryRun") => {
                *mark.lock().unwrap_or_else(PoisonError::into_inner) = marked(&body);
                let _ = reader.read(&mut [0; 1]);
                return;
            }
            "POST" => Some(json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "status": { "allowed": true } })),
            _ => object(path, mark.lock().unwrap_or_else(PoisonError::into_inner).as_deref()),
        };
        let (code, text) = match answer {
            Some(answer) => ("200 OK", answer.to_string()),
            None => ("404 Not Found", json!({ "kind": "Status", "status": "Failure", "message": "not here", "code": 404 }).to_string()),
        };
        let head = format!("HTTP/1.1 {code}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())).is_err() {
            return;
        }
    }
}

/// Method, path and body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|count| *count > 0)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, path, body))
}

/// The operation that a patch writes on its object.
fn marked(patch: &[u8]) -> Option<String> {
    let patch: Value = serde_json::from_slice(patch).ok()?;
    patch.as_array()?.iter().find_map(|step| step["value"]["pilothouse.dev/operation"].as_str().map(str::to_owned))
}

fn object(path: &str, mark: Option<&str>) -> Option<Value> {
    let list = |kind: &str, items: Vec<Value>| Some(json!({ "apiVersion": "v1", "kind": kind, "metadata": { "resourceVersion": "1" }, "items": items }));
    match path.rsplit('/').next().unwrap_or_default() {
        "deployments" => list("DeploymentList", vec![deployment(mark)]),
        "cart" if path.contains("/deployments/") => Some(deployment(mark)),
        "replicasets" => list("ReplicaSetList", vec![replica_set()]),
        "pods" => list("PodList", vec![pod()]),
        "statefulsets" => list("StatefulSetList", Vec::new()),
        "daemonsets" => list("DaemonSetList", Vec::new()),
        "controllerrevisions" => list("ControllerRevisionList", Vec::new()),
        "nodes" => list("NodeList", Vec::new()),
        "events" => list("EventList", Vec::new()),
        _ => None,
    }
}

fn template(hash: Option<&str>) -> Value {
    let mut labels = json!({ "app": "cart" });
    if let Some(hash) = hash {
        labels["pod-template-hash"] = hash.into();
    }
    json!({ "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "app", "image": "cart:1" }] } })
}

fn deployment(mark: Option<&str>) -> Value {
    let mut annotations = json!({ "deployment.kubernetes.io/revision": "1" });
    if let Some(mark) = mark {
        annotations["pilothouse.dev/operation"] = mark.into();
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "cart", "namespace": "shop", "uid": "d-1", "resourceVersion": "1", "generation": 1, "annotations": annotations,
            "labels": { "app": "cart" }, "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "cart" } }, "template": template(None) },
        "status": { "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1 },
    })
}

fn owned(kind: &str, name: &str, uid: &str) -> Value {
    json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true }])
}

fn replica_set() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "name": "cart-5d8c", "namespace": "shop", "uid": "r-1", "resourceVersion": "1", "labels": { "app": "cart", "pod-template-hash": "5d8c" },
            "annotations": { "deployment.kubernetes.io/revision": "1" }, "ownerReferences": owned("Deployment", "cart", "d-1"),
            "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "cart" } }, "template": template(Some("5d8c")) },
        "status": { "replicas": 1, "readyReplicas": 1, "availableReplicas": 1 },
    })
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "cart-5d8c-x7k2p", "namespace": "shop", "uid": "p-1", "resourceVersion": "1",
            "labels": { "app": "cart", "pod-template-hash": "5d8c" }, "ownerReferences": owned("ReplicaSet", "cart-5d8c", "r-1"),
            "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "nodeName": "n-1", "containers": [{ "name": "app", "image": "cart:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "app", "image": "cart:1", "imageID": "", "ready": true, "restartCount": 0,
                "state": { "running": { "startedAt": "2026-01-01T00:00:01Z" } } }] },
    })
}
