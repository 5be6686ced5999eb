//! A request, before anybody knows which way it goes.

use super::{HeaderName, HeaderValue, Method, Reply, SourceError, Url, redirect};
use crate::{clean, text::Clean};
use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::{RequestBuilder, header};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long a request may take from the first byte sent to the last one received.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// The largest body of an answer (reliability R18), after unpacking.
pub const CAP: usize = 64 << 20;
/// From which size on a body is decoded beside the async tasks.
const LARGE: usize = 1 << 20;

/// The way to a server: a URL that is dialled ([`super::Http`]), or the service proxy of an API server.
pub trait Transport: Send + Sync + 'static {
    /// What the server is called in sentences: its host and port.
    fn who(&self) -> &Clean;

    /// Carries one request there and the answer back, whatever its status; at most for as long as the request says.
    fn send(&self, ask: Ask) -> BoxFuture<'static, Result<Reply, SourceError>>;

    /// A cheap sign of life.
    fn probe(&self) -> BoxFuture<'static, bool>;

    /// Where the server was found, if nobody named it.
    fn found(&self) -> Option<Clean> {
        None
    }
}

/// Sends `ask` and reads the JSON of a good answer.
///
/// # Errors
/// Whatever is between us and a good answer, in words.
pub async fn json<T: DeserializeOwned + Send + 'static>(way: &dyn Transport, ask: Ask) -> Result<T, SourceError> {
    let reply = way.send(ask).await?.good()?;
    if reply.body.len() < LARGE {
        return reply.json();
    }
    let lost = || SourceError::Protocol(clean!("the answer of {} could not be read", way.who()));
    tokio::task::spawn_blocking(move || reply.json()).await.map_err(|_| lost())?
}

/// What kind of answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// JSON.
    Json,
    /// Anything: a log, an archive.
    Any,
}

#[derive(Clone)]
enum Place {
    /// Below the base URL, segment by segment.
    Below(Vec<String>),
    /// A page that the server named itself.
    Page(Url),
}

#[derive(Clone)]
enum Body {
    None,
    Form(Vec<(String, String)>),
    Json(Bytes),
}

/// One request.
#[derive(Clone)]
pub struct Ask {
    method: Method,
    place: Place,
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
    accept: Accept,
    conditional: bool,
    stays: bool,
    cap: usize,
    deadline: Duration,
}

impl Ask {
    /// Reads `path`, which is ours, below the base URL; names from outside are added by [`Ask::segment`].
    pub fn get(path: &str) -> Self {
        let below = path.split('/').filter(|segment| !segment.is_empty()).map(String::from).collect();
        Self::new(Method::GET, Place::Below(below), Body::None)
    }

    /// Reads the headers alone of what is at `path`.
    pub fn head(path: &str) -> Self {
        Self { method: Method::HEAD, ..Self::get(path) }
    }

    /// Reads a further page that the server named (`Link: rel="next"`); only at the server's own origin.
    pub fn page(url: Url) -> Self {
        Self::new(Method::GET, Place::Page(url), Body::None)
    }

    /// The same request for the further page that the server names: by its parameters alone. Which host and path it names for itself is what somebody
    /// wrote into its settings, and need not be where we reach it (a tunnel, a proxy).
    #[must_use]
    pub fn turned(self, next: &Url) -> Self {
        let query = next.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
        Self { query, ..self }
    }

    /// Reads `path` with its parameters in the body, where they would be too long for a URL.
    pub fn post_form(path: &str, fields: Vec<(String, String)>) -> Self {
        Self { method: Method::POST, body: Body::Form(fields), ..Self::get(path) }
    }

    /// Changes something by `method`; it is sent once and never follows a redirect.
    pub fn change(method: Method, path: &str, json: Option<Bytes>) -> Self {
        Self { method, body: json.map_or(Body::None, Body::Json), ..Self::get(path) }
    }

    fn new(method: Method, place: Place, body: Body) -> Self {
        Self {
            method,
            place,
            query: Vec::new(),
            headers: Vec::new(),
            body,
            accept: Accept::Json,
            conditional: false,
            stays: false,
            cap: CAP,
            deadline: DEADLINE,
        }
    }

    /// One more segment of the path, whatever it holds.
    #[must_use]
    pub fn segment(mut self, name: &str) -> Self {
        if let Place::Below(segments) = &mut self.place {
            segments.push(name.to_owned());
        }
        self
    }

    /// One more parameter.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.query.push((key.to_owned(), value.into()));
        self
    }

    /// One more header; it goes to the server's own origin only.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Anything may answer, not only JSON.
    #[must_use]
    pub fn any(mut self) -> Self {
        self.accept = Accept::Any;
        self
    }

    /// Asks only for what has changed since it was last read; an answer that has not is taken from memory.
    #[must_use]
    pub fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    /// Follows no redirect: that is the answer.
    #[must_use]
    pub fn staying(mut self) -> Self {
        self.stays = true;
        self
    }

    /// Another deadline than 10 s.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Another largest body than 64 MiB.
    #[must_use]
    pub fn up_to(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method.clone()
    }

    /// The largest body.
    pub fn cap(&self) -> usize {
        self.cap
    }

    /// How long it may take.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Whether it follows no redirect.
    pub(super) fn stays(&self) -> bool {
        self.stays
    }

    /// Whether a second time does no harm.
    pub fn reads(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// The whole URL below `base`, for whoever carries it.
    ///
    /// # Errors
    /// That a page lies at another origin than the server.
    pub fn url(&self, base: &Url) -> Result<Url, SourceError> {
        let mut url = match &self.place {
            Place::Page(url) if redirect::same_origin(url, base) => url.clone(),
            Place::Page(_) => {
                return Err(SourceError::Protocol(clean!("the next page of {} lies at another server; it is not asked there", super::words::host(base))));
            }
            Place::Below(below) => {
                let mut url = base.clone();
                if let Ok(mut segments) = url.path_segments_mut() {
                    // The parser drops `.` and `..`: a name of them alone must not climb.
                    segments.pop_if_empty().extend(below.iter().map(|name| if matches!(name.as_str(), "." | "..") { "" } else { name }));
                }
                url
            }
        };
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    /// The headers, what is accepted, and the body, laid onto `request`.
    pub(super) fn fill(&self, request: RequestBuilder, at_home: bool) -> RequestBuilder {
        let accept = match self.accept {
            Accept::Json => "application/json",
            Accept::Any => "*/*",
        };
        let own = |request: RequestBuilder| self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let mut request = if at_home { own(request) } else { request };
        if !self.headers.iter().any(|(name, _)| name == header::ACCEPT) {
            request = request.header(header::ACCEPT, accept);
        }
        match self.encoded() {
            Some((kind, bytes)) => request.header(header::CONTENT_TYPE, kind).body(bytes),
            None => request,
        }
    }

    /// The content type and the bytes of the body, if there is one.
    pub fn encoded(&self) -> Option<(&'static str, Bytes)> {
        match &self.body {
            Body::None => None,
            Body::Json(bytes) => Some(("application/json", bytes.clone())),
            Body::Form(fields) => {
                // The encoding of a query is the encoding of a form.
                let mut form = Url::parse("http://form").ok()?;
                form.query_pairs_mut().extend_pairs(fields);
                Some(("application/x-www-form-urlencoded", Bytes::from(form.query().unwrap_or_default().to_owned())))
            }
        }
    }

    /// What it asks for in a sentence: the method and the path, without parameters.
    pub fn what(&self) -> Clean {
        match &self.place {
            Place::Below(segments) => clean!("{} /{}", self.method, segments.join("/")),
            Place::Page(url) => clean!("{} {}", self.method, url.path()),
        }
    }

    /// Whether it asks only for what has changed.
    pub(super) fn is_conditional(&self) -> bool {
        self.conditional && self.method == Method::GET
    }
}
