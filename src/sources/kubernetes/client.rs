//! One context: its clients, made when they are first needed, and the calls that read.
//!
//! Three faces of one connection, told apart by type: [`Cluster`] reads, [`Writer`] changes and exists only where we may write at all,
//! [`Dry`] marks every request `dryRun=All`. Nothing here repeats a request but one: a read that was answered 401 is made once more with
//! a client that was built afresh.

mod write;

pub use write::{Dry, Writer};

use super::{
    fault::{self, Tried},
    kubeconfig::{Known, Place},
    life,
};
use crate::{clean, domain::SourceId, sources::SourceError, text::Clean};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};
use kube::{
    client::{Body, ClientBuilder},
    core::Status,
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, sync::Mutex, time::Duration};

/// The deadline of one reading call.
const READING: Duration = Duration::from_secs(10);
/// Until when the head of any answer must be there; a server carries a change out within 34 s or not at all.
pub const HEAD: Duration = Duration::from_secs(40);
/// How long a sign of life may take.
const PROBE: Duration = Duration::from_secs(2);
/// How long a login program may take.
const LOGIN: Duration = Duration::from_secs(30);
/// No answer may be longer (reliability R18).
const LONGEST: usize = 64 << 20;
/// The resource of a request that goes on to a Service.
pub const PROXY: &str = "services/proxy";
/// How we introduce ourselves; what stands before the `/` is our field manager.
const AGENT: &str = concat!("pilothouse/", env!("CARGO_PKG_VERSION"));

/// One context of a kubeconfig.
pub struct Cluster {
    /// Which source it is.
    pub id: SourceId,
    /// The context.
    pub known: Known,
    /// Namespaces to look into where not all may be seen: the configuration's, then the context's.
    pub namespaces: Vec<String>,
    /// Whether the configuration limits us to [`Cluster::namespaces`].
    pub confined: bool,
    /// `--read-only`.
    pub read_only: bool,
    place: Place,
    session: tokio::sync::Mutex<(u64, Option<kube::Client>)>,
    lacks: Mutex<BTreeMap<String, Clean>>,
    /// Where logs were left.
    pub logs: super::logs::Memory,
    /// The records that a helm of ours left in the middle, by uid.
    pub left: Mutex<Vec<String>>,
    /// Told with each connection: none when it answers, else why it does not.
    pub answers: tokio::sync::watch::Sender<Option<Clean>>,
}

/// A client, and which one it is in a row of them.
#[derive(Clone)]
pub struct Session {
    /// The client.
    pub client: kube::Client,
    /// Which one.
    pub turn: u64,
}

/// What is asked of the API.
pub struct Call {
    /// The verb of the right that it needs.
    pub verb: &'static str,
    /// `deployments.apps`.
    pub resource: String,
    /// Where; none for what belongs to no namespace.
    pub namespace: Option<String>,
    /// The path with its query.
    pub path: String,
}

impl Call {
    /// Reads one object at `path`.
    pub fn get(resource: &str, namespace: Option<&str>, path: String) -> Self {
        Self { verb: "get", resource: resource.to_owned(), namespace: namespace.map(str::to_owned), path }
    }

    /// Reads a list at `path`.
    pub fn list(resource: &str, namespace: Option<&str>, path: String) -> Self {
        Self { verb: "list", resource: resource.to_owned(), namespace: namespace.map(str::to_owned), path }
    }
}

/// A body as it comes.
pub type Flow = BoxStream<'static, Result<Bytes, kube::Error>>;

/// Why a body does not come.
pub enum NoFlow {
    /// Not even its head came: there is nothing to be said yet.
    Silent,
    /// The server refuses it.
    Refused {
        /// Its code.
        code: u16,
        /// Its own words.
        said: Clean,
        /// The same for an operator.
        error: SourceError,
    },
    /// The connection broke.
    Broken(SourceError),
}

/// A whole answer.
pub struct Reply {
    /// Its code.
    pub code: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Cluster {
    /// The arguments by which kubectl and helm speak to the same cluster as we do; `flag` is their word for the context.
    pub fn command_line(&self, flag: &str) -> Vec<String> {
        let context = || [flag.to_owned(), self.known.name.clone()];
        match &self.place {
            Place::InCluster | Place::Nowhere => Vec::new(),
            Place::Files(files) if files.len() == 1 => ["--kubeconfig".to_owned(), files[0].display().to_string()].into_iter().chain(context()).collect(),
            // Several come from $KUBECONFIG, which kubectl reads as well.
            Place::Files(_) | Place::Home(_) => context().into(),
        }
    }

    /// A context that is not dialled yet.
    pub fn new(id: SourceId, place: Place, known: Known, namespaces: Vec<String>, read_only: bool) -> Self {
        let confined = !namespaces.is_empty();
        let mut all = namespaces;
        if !all.contains(&known.namespace) && !confined {
            all.push(known.namespace.clone());
        }
        Self {
            id,
            known,
            namespaces: all,
            confined,
            read_only,
            place,
            session: tokio::sync::Mutex::default(),
            lacks: Mutex::default(),
            logs: super::logs::Memory::default(),
            left: Mutex::default(),
            answers: tokio::sync::watch::Sender::default(),
        }
    }

    /// The same context for another source, which has a connection of its own and tells itself what it lacks.
    pub fn of(&self, id: SourceId) -> Self {
        let namespaces = if self.confined { self.namespaces.clone() } else { Vec::new() };
        Self::new(id, self.place.clone(), self.known.clone(), namespaces, self.read_only)
    }

    /// The client, built if there is none, under a deadline: building runs the login program.
    pub async fn session(&self) -> Result<Session, SourceError> {
        let mut held = self.session.lock().await;
        let stale = |client: &kube::Client| client.valid_until().is_some_and(|until| Timestamp::now() + SignedDuration::from_mins(1) > until);
        if let (turn, Some(client)) = &*held
            && !stale(client)
        {
            return Ok(Session { client: client.clone(), turn: *turn });
        }
        let (place, name) = (self.place.clone(), self.known.name.clone());
        let building = tokio::task::spawn_blocking(move || build(&place, &name));
        let client = match tokio::time::timeout(LOGIN, building).await {
            Ok(Ok(client)) => client?,
            Ok(Err(_)) => return Err(SourceError::Protocol(Clean::from_static("the client could not be made: this is a fault of ours"))),
            Err(_) => {
                return Err(SourceError::Denied(clean!(
                    "the login program of context {} did not end within {} s: run `kubectl get ns` in a shell to log in, then ctrl-r",
                    self.known.name,
                    LOGIN.as_secs()
                )));
            }
        };
        held.0 += 1;
        held.1 = Some(client.clone());
        Ok(Session { client, turn: held.0 })
    }

    /// Drops the client of `turn`, whose credentials are no longer good.
    pub async fn forget(&self, turn: u64) {
        let mut held = self.session.lock().await;
        if held.0 == turn {
            held.1 = None;
        }
    }

    /// What was tried, for the words about its failure.
    pub fn tried(&self, verb: &'static str, resource: &str, namespace: Option<&str>) -> Tried {
        Tried {
            verb,
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
            context: self.known.name.clone(),
            server: self.known.server.clone(),
        }
    }

    /// Reads an object or a list.
    pub async fn get<T: DeserializeOwned>(&self, call: &Call) -> Result<T, SourceError> {
        let body = self.read(call, None).await?.body;
        self.decode(call, &body)
    }

    /// Asks something that is posted and changes nothing: an access review.
    pub async fn review<T: DeserializeOwned>(&self, call: &Call, question: &serde_json::Value) -> Result<T, SourceError> {
        let body = self.read(call, Some(question)).await?.body;
        self.decode(call, &body)
    }

    /// Reads text as it is.
    pub async fn text(&self, call: &Call) -> Result<Bytes, SourceError> {
        Ok(self.read(call, None).await?.body)
    }

    /// Reads an object, or learns that it is not there.
    pub async fn find<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>, SourceError> {
        match self.get(call).await {
            Ok(found) => Ok(Some(found)),
            Err(SourceError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn decode<T: DeserializeOwned>(&self, call: &Call, body: &[u8]) -> Result<T, SourceError> {
        let tried = self.tried(call.verb, &call.resource, call.namespace.as_deref());
        if body.trim_ascii_start().starts_with(b"<") {
            return Err(tried.web_page(200));
        }
        serde_json::from_slice(body).map_err(|error| tried.failed(&kube::Error::SerdeError(error)))
    }

    async fn read(&self, call: &Call, question: Option<&serde_json::Value>) -> Result<Reply, SourceError> {
        let reply = self.answer(call, question, LONGEST).await?;
        let tried = self.tried(call.verb, &call.resource, call.namespace.as_deref());
        if reply.code < 300 { Ok(reply) } else { Err(tried.refused(&reply.status())) }
    }

    /// An answer of at most `longest` bytes, whatever its code.
    pub async fn answer(&self, call: &Call, question: Option<&serde_json::Value>, longest: usize) -> Result<Reply, SourceError> {
        let tried = self.tried(call.verb, &call.resource, call.namespace.as_deref());
        for last in [false, true] {
            let session = self.session().await?;
            let request = request(if question.is_some() { "POST" } else { "GET" }, &call.path, question.map(|q| ("application/json", q)))?;
            let reply = match tokio::time::timeout(READING, send(&session.client, request, longest)).await {
                Err(_) => return Err(tried.late(READING.as_secs())),
                Ok(Err(error)) => return Err(tried.failed(&error)),
                Ok(Ok(reply)) => reply,
            };
            // A server behind the proxy that does not know us says nothing of our login here.
            if reply.code == 401 && !last && (call.resource != PROXY || reply.is_status()) {
                self.forget(session.turn).await;
                continue;
            }
            return Ok(reply);
        }
        Err(SourceError::Denied(Clean::EMPTY))
    }

    /// Opens a body that is read as it comes. Its end is not known, so nothing but its head has a deadline.
    pub async fn stream(&self, call: &Call) -> Result<Flow, NoFlow> {
        let tried = self.tried(call.verb, &call.resource, call.namespace.as_deref());
        let mut renewed = false;
        loop {
            let session = self.session().await.map_err(NoFlow::Broken)?;
            let sent = session.client.send(request("GET", &call.path, None).map_err(NoFlow::Broken)?).await;
            let answer = sent.map_err(|error| if fault::is_late(&error) { NoFlow::Silent } else { NoFlow::Broken(tried.failed(&error)) })?;
            let (head, body) = answer.into_parts();
            if head.status.is_success() {
                return Ok(body.into_data_stream().boxed());
            }
            if head.status.as_u16() == 401 && !std::mem::replace(&mut renewed, true) {
                self.forget(session.turn).await;
                continue;
            }
            let body = Limited::new(body, LONGEST).collect().await.map_err(|error| NoFlow::Broken(tried.failed(&kube::Error::Service(error))))?;
            let status = Reply { code: head.status.as_u16(), headers: head.headers, body: body.to_bytes() }.status();
            return Err(NoFlow::Refused { code: status.code, said: clean!("{}", status.message.trim()), error: tried.refused(&status) });
        }
    }

    /// The client that changes things; none with `--read-only`.
    pub async fn writer(&self) -> Result<Option<Writer>, SourceError> {
        if self.read_only {
            return Ok(None);
        }
        self.session().await.map(|session| Some(Writer::of(session.client)))
    }

    /// The client that only tries; none with `--read-only`.
    pub async fn dry(&self) -> Result<Option<Dry>, SourceError> {
        if self.read_only {
            return Ok(None);
        }
        self.session().await.map(|session| Some(Dry::of(session.client)))
    }

    /// A cheap sign of life.
    pub async fn alive(&self) -> bool {
        let Some(address) = self.known.address.clone() else { return false };
        matches!(tokio::time::timeout(PROBE, tokio::net::TcpStream::connect(address)).await, Ok(Ok(_)))
    }

    /// Remembers something that this cluster, or our rights in it, lack.
    pub fn lack(&self, about: &str, words: Clean) {
        if let Ok(mut lacks) = self.lacks.lock() {
            lacks.insert(about.to_owned(), words);
        }
    }

    /// What it lacks, and about what.
    pub fn lacks(&self) -> BTreeMap<String, Clean> {
        self.lacks.lock().map(|lacks| lacks.clone()).unwrap_or_default()
    }
}

fn request(method: &str, path: &str, body: Option<(&str, &serde_json::Value)>) -> Result<Request<Body>, SourceError> {
    let mut builder = Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json, */*;q=0.1");
    let mut bytes = Vec::new();
    if let Some((kind, value)) = body {
        builder = builder.header(header::CONTENT_TYPE, kind);
        bytes = value.to_string().into_bytes();
    }
    builder.body(Body::from(bytes)).map_err(|_| SourceError::Protocol(clean!("a name in {path} can not be asked for")))
}

async fn send(client: &kube::Client, request: Request<Body>, longest: usize) -> Result<Reply, kube::Error> {
    let answer = client.send(request).await?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, longest).collect().await.map_err(kube::Error::Service)?.to_bytes();
    Ok(Reply { code: head.status.as_u16(), headers: head.headers, body })
}

impl Reply {
    /// Whether the API server itself says it, not what stands behind it.
    pub fn is_status(&self) -> bool {
        serde_json::from_slice::<serde_json::Value>(&self.body).is_ok_and(|body| body["kind"] == "Status" && body["apiVersion"] == "v1")
    }

    /// The server's words about a failure; a body that is no Status is its own words.
    pub fn status(&self) -> Status {
        let mut status = serde_json::from_slice::<Status>(&self.body).unwrap_or_else(|_| {
            let words = String::from_utf8_lossy(&self.body[..self.body.len().min(512)]).into_owned();
            Status::failure(&words, "Unknown")
        });
        status.code = self.code;
        status
    }
}

/// Builds the client of a context. It blocks: it may run the login program.
fn build(place: &Place, context: &str) -> Result<kube::Client, SourceError> {
    let mut config = place.client_config(context).map_err(|fault| SourceError::Denied(fault.0))?;
    config.default_retry = false;
    config.connect_timeout = Some(READING);
    config.headers.push((header::USER_AGENT, HeaderValue::from_static(AGENT)));
    // Two providers may be compiled in; the one that is there first stays.
    _ = rustls::crypto::ring::default_provider().install_default();
    let server = config.cluster_url.authority().map_or_else(|| Clean::from_static("the server"), |authority| clean!("{}", authority.host()));
    let tried = Tried { verb: "get", resource: "version".into(), namespace: None, context: context.to_owned(), server };
    let builder = ClientBuilder::try_from(config).map_err(|error| match &error {
        kube::Error::Auth(error) => SourceError::Denied(fault::login(error)),
        kube::Error::RustlsTls(_) => SourceError::Denied(clean!(
            "the certificates of context {context} can not be used: check certificate-authority, client-certificate and client-key in the kubeconfig"
        )),
        other => tried.failed(other),
    })?;
    let builder = builder.with_layer(&tower::timeout::TimeoutLayer::new(HEAD));
    Ok(builder.with_layer(&tower::util::MapRequestLayer::new(life::longer)).build())
}
