//! The wire between the program and the API server, where one change is cut off, held or answered by somebody else. Reads pass.

use crate::asked::Asked;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use std::{
    io::{BufRead, BufReader, Error},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What happens to the next change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before a byte of it has gone on.
    Before,
    /// It is cut in the middle of its body.
    During,
    /// It goes on whole, and the connection is cut before the answer comes back.
    After,
    /// It goes on whole, and nobody answers any more.
    Silent,
    /// It is kept here, neither carried out nor answered.
    Held,
    /// It does not go on; this is answered.
    Answered(u16),
    /// It is carried out, and this is answered.
    CarriedOutAnswered(u16),
}

/// What is kept here and neither asked nor answered, so that whoever asks stands still at that point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The reading of one Deployment, which comes before a plan.
    Reading,
    /// The try of a change, which is the last of the checks.
    Checking,
    /// The reading of one Deployment after its change was tried, which comes before the change.
    Sending,
}

/// What somebody else does while a change is on the wire.
type Meanwhile = Box<dyn FnOnce() + Send>;
type Body = BoxBody<Bytes, Error>;

#[derive(Default)]
struct Shared {
    fault: Mutex<Option<Fault>>,
    first: Mutex<Option<Meanwhile>>,
    changes: watch::Sender<usize>,
    pause: Mutex<Option<Pause>>,
    tried: AtomicBool,
    hidden: Mutex<Vec<&'static str>>,
    paused: watch::Sender<bool>,
    asked: Mutex<Vec<Asked>>,
}

impl Shared {
    /// Whether whoever asks this stands still now.
    fn stands_still(&self, head: &Parts, tries: bool) -> bool {
        let reads = head.method == Method::GET && head.uri.path().contains("/deployments/");
        let still = match *self.pause.lock().expect("no panic") {
            None => false,
            Some(Pause::Reading) => reads,
            Some(Pause::Checking) => tries,
            Some(Pause::Sending) => reads && self.tried.load(Ordering::SeqCst),
        };
        self.tried.fetch_or(tries, Ordering::SeqCst);
        if still {
            self.paused.send_replace(true);
        }
        still
    }
}

/// The wire; it ends with the test.
pub struct Wire {
    address: String,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    proxy: Child,
}

impl Wire {
    /// A wire to the lab's API server. kubectl speaks TLS for it.
    pub async fn new() -> Self {
        let mut proxy = Command::new("kubectl").args(["--context", "lab", "proxy", "--port=0"]).stdout(Stdio::piped()).spawn().expect("kubectl is installed");
        let mut says = String::new();
        BufReader::new(proxy.stdout.take().expect("a pipe")).read_line(&mut says).expect("it says where it is");
        let server = says.trim().rsplit(' ').next().expect("an address").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (shared, mut tasks) = (Arc::new(Shared::default()), JoinSet::new());
        let of_all = shared.clone();
        tasks.spawn(async move {
            let mut guests = JoinSet::new();
            while let Ok((guest, _)) = listener.accept().await {
                prompt(&guest);
                let (server, shared) = (server.clone(), of_all.clone());
                let service = hyper::service::service_fn(move |request| pass(request, server.clone(), shared.clone()));
                guests.spawn(async move { drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(guest), service).await) });
            }
        });
        Self { address, shared, tasks, proxy }
    }

    /// A kubeconfig in `folder` whose one context, `lab`, is reached over this wire.
    pub fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let path = folder.join("wire.yaml");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: lab\nclusters: [{{name: lab, cluster: {{server: 'http://{}'}}}}]\n\
             users: [{{name: lab, user: {{}}}}]\ncontexts: [{{name: lab, context: {{cluster: lab, user: lab}}}}]\n",
            self.address
        );
        std::fs::write(&path, text).expect("a file of ours");
        path
    }

    /// What happens to the next change.
    pub fn next(&self, fault: Fault) {
        *self.shared.fault.lock().expect("no panic") = Some(fault);
    }

    /// What happens before the next change goes on.
    pub fn first(&self, meanwhile: impl FnOnce() + Send + 'static) {
        *self.shared.first.lock().expect("no panic") = Some(Box::new(meanwhile));
    }

    /// Nothing below these paths is there, as on a server that does not serve them.
    pub fn hides(&self, paths: &[&'static str]) {
        *self.shared.hidden.lock().expect("no panic") = paths.to_vec();
    }

    /// From now on whoever comes to this point stands still there.
    pub fn pauses(&self, pause: Pause) {
        *self.shared.pause.lock().expect("no panic") = Some(pause);
        self.shared.tried.store(false, Ordering::SeqCst);
        self.shared.paused.send_replace(false);
    }

    /// Nobody stands still any more.
    pub fn goes_on(&self) {
        *self.shared.pause.lock().expect("no panic") = None;
    }

    /// Waits until somebody stands still.
    pub async fn paused(&self) {
        let mut paused = self.shared.paused.subscribe();
        let still = tokio::time::timeout(std::time::Duration::from_secs(120), paused.wait_for(|still| *still)).await;
        still.expect("somebody comes to that point").expect("the wire is there");
    }

    /// How many changes have come, tries on a dry run left out.
    pub fn changes(&self) -> usize {
        *self.shared.changes.borrow()
    }

    /// What was read so far, and tried.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("no panic").clone()
    }

    /// Waits until so many have come.
    pub async fn came(&self, count: usize) {
        let mut changes = self.shared.changes.subscribe();
        let came = tokio::time::timeout(std::time::Duration::from_secs(120), changes.wait_for(|now| *now >= count)).await;
        came.expect("a change comes").expect("the wire is there");
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.tasks.abort_all();
        _ = self.proxy.kill();
        _ = self.proxy.wait();
    }
}

fn cut() -> Error {
    Error::other("cut")
}

async fn pass(request: Request<Incoming>, server: String, shared: Arc<Shared>) -> Result<Response<Body>, Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(Error::other)?.to_bytes();
    let below = |path: &&'static str| head.uri.path().strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if shared.hidden.lock().expect("no panic").iter().any(below) {
        return Ok(status(404));
    }
    let asks = head.method == Method::GET || head.uri.path().ends_with("reviews");
    let tries = head.uri.query().is_some_and(|query| query.contains("dryRun"));
    if shared.stands_still(&head, tries) {
        return std::future::pending().await;
    }
    if asks || tries {
        let what = head.uri.to_string();
        let answer = send(&server, Request::from_parts(head, whole(body))).await?;
        shared.asked.lock().expect("no panic").push(Asked::now(what, answer.status().as_u16()));
        return Ok(answer);
    }
    let first = shared.first.lock().expect("no panic").take();
    if let Some(first) = first {
        tokio::task::spawn_blocking(first).await.map_err(Error::other)?;
    }
    let fault = shared.fault.lock().expect("no panic").take();
    shared.changes.send_modify(|count| *count += 1);
    match fault {
        None => send(&server, Request::from_parts(head, whole(body))).await,
        Some(Fault::Before) => Err(cut()),
        Some(Fault::During) => {
            let half = body.slice(..body.len() / 2);
            let parts = futures::stream::iter([Ok(Frame::data(half)), Err(cut())]);
            _ = send(&server, Request::from_parts(head, StreamBody::new(parts).boxed())).await;
            Err(cut())
        }
        Some(Fault::After) => {
            read(&server, Request::from_parts(head, whole(body))).await?;
            Err(cut())
        }
        Some(Fault::Silent) => {
            read(&server, Request::from_parts(head, whole(body))).await?;
            std::future::pending().await
        }
        Some(Fault::Held) => std::future::pending().await,
        Some(Fault::Answered(code)) => Ok(status(code)),
        Some(Fault::CarriedOutAnswered(code)) => {
            read(&server, Request::from_parts(head, whole(body))).await?;
            Ok(status(code))
        }
    }
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// An answer as the API server words it.
fn status(code: u16) -> Response<Body> {
    let text = serde_json::json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "said on the wire", "code": code });
    let mut response = Response::new(whole(Bytes::from(text.to_string())));
    *response.status_mut() = StatusCode::from_u16(code).expect("a code");
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

/// The last few bytes of an answer leave at once, as an API server's do, and not when the ones before are acknowledged, which takes 40 ms.
fn prompt(stream: &TcpStream) {
    stream.set_nodelay(true).expect("a socket");
}

async fn send(server: &str, request: Request<Body>) -> Result<Response<Body>, Error> {
    let stream = TcpStream::connect(server).await?;
    prompt(&stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(Error::other)?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(Error::other)?;
    Ok(response.map(|body| body.map_err(Error::other).boxed()))
}

/// Sends it and reads the whole answer: then the server has carried it out.
async fn read(server: &str, request: Request<Body>) -> Result<(), Error> {
    let answer = send(server, request).await?;
    assert!(answer.status().is_success(), "the server refuses it: {}", answer.status());
    answer.into_body().collect().await.map(drop)
}
