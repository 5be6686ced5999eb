//! The lab's cluster, as a test sees it: a namespace of its own, kubectl beside us, a door to the API server that can be shut.

use crate::door::Door;
use futures::{StreamExt, stream::BoxStream};
use kube::{
    Client, Config as ClientConfig,
    config::{KubeConfigOptions, Kubeconfig},
};
use pilothouse::{
    config::{Config, SourceConfig},
    domain::{Answer, Batch, Fact, Feed, Id, Question, SourceId, Workload},
    sources::{Made, Source, SourceError, Wish, kubernetes},
};
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long anything may take that the cluster does by itself.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The kubeconfig of the lab; none when the tests are left out on purpose.
pub fn kubeconfig() -> Option<PathBuf> {
    if std::env::var_os("PILOTHOUSE_LAB_SKIP").is_some_and(|skip| skip == "1") {
        println!("left out: PILOTHOUSE_LAB_SKIP=1");
        return None;
    }
    assert!(std::env::var_os("PILOTHOUSE_LAB").is_some(), "there is no lab: run tests/lab/up and source its lab.env, or set PILOTHOUSE_LAB_SKIP=1");
    Some(PathBuf::from(std::env::var_os("KUBECONFIG").expect("lab.env sets KUBECONFIG")))
}

/// Runs kubectl and gives what it printed.
pub fn kubectl(arguments: &[&str]) -> String {
    feed_kubectl(arguments, "")
}

/// The same with something to read.
pub fn feed_kubectl(arguments: &[&str], input: &str) -> String {
    let mut child =
        Command::new("kubectl").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kubectl is installed");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("kubectl reads");
    let out = child.wait_with_output().expect("kubectl ends");
    assert!(out.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A source for one context, looking only where the test wants it to.
pub fn source(kubeconfig: &Path, context: &str, more: &str) -> Arc<dyn Source> {
    make(kubeconfig, context, more, false)
}

/// The same with `--read-only`.
pub fn reader(kubeconfig: &Path, context: &str) -> Arc<dyn Source> {
    make(kubeconfig, context, "", true)
}

fn make(kubeconfig: &Path, context: &str, more: &str, read_only: bool) -> Arc<dyn Source> {
    let table =
        SourceConfig::from_toml(&format!("kind = 'kubernetes'\nkubeconfig = '{}'\ncontexts = ['{context}']\n{more}", kubeconfig.display())).expect("a table");
    let config = Config::default();
    match kubernetes::connect(&Wish { table: Some(&table), config: &config, read_only, contexts: &[], namespace: None }).swap_remove(0) {
        Made::Source(source) | Made::Aside(source) => source,
        Made::Listed(id, words) => panic!("{id}: {words}"),
        Made::Broken(id, why) => panic!("{id}: {}", why.words),
        Made::Sought(id) | Made::Absent(id, _) => panic!("{id}: nobody looked for it"),
    }
}

/// A namespace that goes with the test.
pub struct Space {
    /// Its name.
    pub name: String,
}

/// The same for a thread beside the test, which does not take it away.
pub fn beside(space: &Space) -> std::mem::ManuallyDrop<Space> {
    std::mem::ManuallyDrop::new(Space { name: space.name.clone() })
}

impl Space {
    /// Makes one.
    pub fn new(about: &str) -> Self {
        let name = format!("contract-{about}-{}", std::process::id());
        kubectl(&["create", "namespace", &name]);
        Self { name }
    }

    /// Applies a Deployment of the lab's application: one replica, no readiness probe.
    pub fn deploy(&self, name: &str, version: u32, environment: &[(&str, &str)], cause: &str) {
        self.apply(&deployment(name, &format!("lab/app:{version}"), environment, cause));
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) {
        feed_kubectl(&["-n", &self.name, "apply", "-f", "-"], manifest);
    }

    /// Runs kubectl here.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let mut all = vec!["-n", &self.name];
        all.extend_from_slice(arguments);
        kubectl(&all)
    }

    /// Waits until a rollout is done.
    pub fn rolled_out(&self, name: &str) {
        self.object_rolled_out(&format!("deployment/{name}"));
    }

    /// The same for any kind, as in `statefulset/web`.
    pub fn object_rolled_out(&self, object: &str) {
        self.kubectl(&["rollout", "status", object, &format!("--timeout={}s", 2 * PATIENCE.as_secs())]);
    }

    /// The identity of a Deployment here.
    pub fn deployment(&self, source: &Arc<dyn Source>, name: &str) -> Id<Workload> {
        workload(source.id(), &self.name, name)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        _ = Command::new("kubectl").args(["delete", "namespace", &self.name, "--wait=false"]).output();
    }
}

/// The identity of a Deployment.
pub fn workload(source: &SourceId, namespace: &str, name: &str) -> Id<Workload> {
    Id::new(source, &format!("deployments/{namespace}/{name}"))
}

/// The manifest of a Deployment.
pub fn deployment(name: &str, image: &str, environment: &[(&str, &str)], cause: &str) -> String {
    let variables: Vec<_> = environment.iter().map(|(key, value)| serde_json::json!({ "name": key, "value": value })).collect();
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "annotations": { "kubernetes.io/change-cause": cause } },
        "spec": { "replicas": 2, "selector": { "matchLabels": { "app": name } }, "strategy": { "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": { "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
                "containers": [{ "name": "app", "image": image, "imagePullPolicy": "Never", "env": variables,
                    "readinessProbe": { "httpGet": { "path": "/ready", "port": 8080 }, "periodSeconds": 1 } }] } } }
    })
    .to_string()
}

/// Asks again while the server is late, as a person would: this machine is crowded, and what is tested is what it answers.
pub async fn ask(source: &Arc<dyn Source>, question: Question) -> Result<Answer, SourceError> {
    let answered = async || match source.ask(question.clone()).await {
        Err(SourceError::Unreachable(why)) => {
            println!("asked again: {why}");
            None
        }
        answer => Some(answer),
    };
    eventually("it answers", answered).await
}

/// A feed that is being read.
pub struct Reading {
    source: Arc<dyn Source>,
    feed: Feed,
    stream: BoxStream<'static, Result<Batch, SourceError>>,
    facts: Vec<Fact>,
}

impl Reading {
    /// Begins to read `feed`.
    pub fn of(source: &Arc<dyn Source>, feed: Feed) -> Self {
        Self { source: source.clone(), stream: source.watch(feed.clone(), None), feed, facts: Vec::new() }
    }

    /// Reads until a fact is as `wanted`, and gives that fact and how long it took. What came after it, in the same batch too, is yet to be read.
    pub async fn until(&mut self, what: &str, wanted: impl FnMut(&Fact) -> bool) -> (Fact, Duration) {
        self.within(PATIENCE, what, wanted).await
    }

    /// The same with a patience of its own.
    pub async fn within(&mut self, patience: Duration, what: &str, mut wanted: impl FnMut(&Fact) -> bool) -> (Fact, Duration) {
        let began = Instant::now();
        loop {
            if let Some(at) = self.facts.iter().position(&mut wanted) {
                let fact = self.facts.drain(..=at).next_back().expect("it is at this place");
                return (fact, began.elapsed());
            }
            self.facts.clear();
            let next = tokio::time::timeout(patience, self.stream.next()).await.unwrap_or_else(|_| panic!("nothing came: {what}"));
            match next {
                Some(Ok(batch)) => self.facts = batch.facts,
                // The supervisor begins again where a server was late, and so do we.
                Some(Err(SourceError::Unreachable(why))) if began.elapsed() < patience => {
                    println!("read anew: {why}");
                    self.stream = self.source.watch(self.feed.clone(), None);
                }
                Some(Err(error)) => panic!("{what}: {error}"),
                None => panic!("it ended: {what}"),
            }
        }
    }

    /// Reads until it fails.
    pub async fn error(&mut self) -> SourceError {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("it fails in time") {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error,
                None => panic!("it ended without an error"),
            }
        }
    }
}

/// Waits until `wanted` gives something.
pub async fn eventually<T>(what: &str, mut wanted: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = wanted().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "it never came: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// kubectl watching the deployments of a namespace.
pub struct Watch {
    kubectl: std::process::Child,
    lines: std::sync::mpsc::Receiver<(String, Instant)>,
}

impl Watch {
    /// Begins to watch.
    pub fn new(namespace: &str) -> Self {
        let arguments = ["get", "deployments", "--watch", "-o", "name", "-n", namespace];
        let mut kubectl = Command::new("kubectl").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("kubectl is installed");
        let out = BufReader::new(kubectl.stdout.take().expect("a pipe"));
        let (tell, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send((line, Instant::now()))));
        Self { kubectl, lines }
    }

    /// When it saw this object first.
    pub fn saw(&mut self, name: &str) -> Instant {
        loop {
            let (line, at) = self.lines.recv_timeout(PATIENCE).expect("kubectl sees it too");
            if line == name {
                return at;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        _ = self.kubectl.kill();
        _ = self.kubectl.wait();
    }
}

/// Serves a kind of a group: as much of a definition as tests need, with all fields kept.
pub fn serve(group: &str, version: &str, kind: (&str, &str), status: bool) {
    serve_all(group, &[version], kind, status);
}

/// The same in several versions, of which the first is the one that is kept.
pub fn serve_all(group: &str, versions: &[&str], (plural, kind): (&str, &str), status: bool) {
    let subresources = if status { serde_json::json!({ "status": {} }) } else { serde_json::json!({}) };
    let version = |(nth, name): (usize, &&str)| {
        serde_json::json!({ "name": name, "served": true, "storage": nth == 0, "subresources": subresources,
            "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } })
    };
    let versions: Vec<_> = versions.iter().enumerate().map(version).collect();
    let definition = serde_json::json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": format!("{plural}.{group}") },
        "spec": { "group": group, "scope": "Namespaced", "names": { "plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List") },
            "versions": versions },
    });
    // Two tests that make the same one at a moment are in each other's way.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    feed_kubectl(&["apply", "-f", "-"], &definition.to_string());
    kubectl(&["wait", "--for=condition=Established", "--timeout=120s", &format!("crd/{plural}.{group}")]);
}

/// A door in front of the API server of `kubeconfig`, and a kubeconfig that goes through it.
pub async fn door(kubeconfig: &Path) -> (Door, tempfile::TempDir, PathBuf) {
    let text = std::fs::read_to_string(kubeconfig).expect("a kubeconfig");
    let url = std::env::var("LAB_APISERVER").expect("lab.env sets LAB_APISERVER");
    let door = Door::before(&url).await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("kubeconfig");
    std::fs::write(&path, text.replace(&url, &format!("https://{}", door.address()))).expect("a file");
    (door, dir, path)
}

/// A client of the lab's API server.
pub async fn client(kubeconfig: &Path) -> Client {
    _ = rustls::crypto::ring::default_provider().install_default();
    let options = KubeConfigOptions { context: Some("lab".into()), ..KubeConfigOptions::default() };
    let file = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    Client::try_from(ClientConfig::from_custom_kubeconfig(file, &options).await.expect("a context")).expect("a client")
}

/// One request; none where the server refuses it.
pub async fn send(client: &Client, method: &str, path: &str, body: &serde_json::Value) -> Option<serde_json::Value> {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
    let body = if method == "GET" { Vec::new() } else { body.to_string().into_bytes() };
    client.request(request.body(body).expect("a request")).await.ok()
}
