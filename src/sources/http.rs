//! The one HTTP client: credentials, pages, conditional requests, rate limits, redirects, and errors that name host, trouble and remedy.
//!
//! A back end builds an [`Ask`] and gives it to a [`Transport`]; [`Http`] is the one that dials a URL. Redirects are followed by hand
//! (reliability R16), a credential never leaves the origin it belongs to, and nothing here prints a URL that was dialled.

mod ask;
mod auth;
mod cache;
mod check;
mod limits;
mod redirect;
mod reply;
mod tls;
mod words;

#[cfg(test)]
pub(crate) mod openapi;
#[cfg(test)]
pub(crate) mod stage;
#[cfg(test)]
mod tests;

pub use ask::{Accept, Ask, Transport, json};
pub use auth::Auth;
pub use check::{Written, check};
pub use limits::{Budget, retry_after};
pub use reply::Reply;
pub use reqwest::{
    Method, StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
pub use tls::ClientCertificate;

use super::SourceError;
use crate::{clean, text::Clean};
use auth::Keyring;
use bytes::Bytes;
use cache::Cache;
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream::BoxStream};
use jiff::{SignedDuration, Timestamp};
use redirect::Trail;
use reqwest::{Client, RequestBuilder, Response, header};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::OnceCell;

/// How long a connection may take, and how long a probe of one.
const CONNECT: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_secs(2);
/// The longest silence in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(10);

/// What a client needs to know. Nothing is dialled by it.
#[derive(Default)]
pub struct Settings {
    /// Where the server is; requests are relative to it.
    pub url: String,
    /// How it knows us.
    pub auth: Option<Auth>,
    /// The authorities to trust instead of the system's, as a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Headers for every request, such as `X-Scope-OrgID`. They stay at the server's own origin, as credentials do.
    pub headers: Vec<(String, String)>,
}

/// A client of one server. Cloning is cheap and shares connections, cache and credential.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    base: Url,
    who: Clean,
    headers: HeaderMap,
    trust: tls::Trust,
    keys: Keyring,
    clients: OnceCell<Clients>,
    cache: Mutex<Cache>,
    seen: Mutex<Seen>,
}

/// One client for the server itself, and one without our certificate that a redirect to elsewhere is followed with.
struct Clients {
    home: Client,
    abroad: Client,
}

/// What the server said of itself along with its answers.
#[derive(Clone, Default)]
struct Seen {
    budget: Option<Budget>,
    clock: Option<SignedDuration>,
    requests: u64,
    unchanged: u64,
}

/// An answer whose body is read as it comes.
pub enum Opened {
    /// A good one.
    Body {
        /// What stands above it.
        headers: HeaderMap,
        /// The body, chunk by chunk.
        chunks: BoxStream<'static, Result<Bytes, SourceError>>,
    },
    /// Another one, whole.
    Refused(Reply),
}

impl Http {
    /// A client for `settings`; it waits for nothing.
    ///
    /// # Errors
    /// What is wrong with the settings, and what to write instead.
    pub fn new(settings: Settings) -> Result<Self, Clean> {
        let base = base(&settings.url)?;
        let who = words::host(&base);
        guarded(&base, settings.auth.is_some())?;
        let trust = tls::Trust { ca_file: settings.ca_file, client: settings.client_certificate };
        let keys = Keyring::new(settings.auth);
        let (clients, cache, seen) = (OnceCell::new(), Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { base, who, headers: headers(&settings.headers)?, trust, keys, clients, cache, seen })))
    }

    /// What is left of the budget of requests, as the last answer told it.
    pub fn budget(&self) -> Option<Budget> {
        self.seen(|seen| seen.budget.clone())
    }

    /// How far the server's clock is ahead of ours; whole seconds, as its `Date` has them.
    pub fn clock_offset(&self) -> Option<SignedDuration> {
        self.seen(|seen| seen.clock)
    }

    /// How many requests were answered, and how many of those with "not modified".
    pub fn requests(&self) -> (u64, u64) {
        self.seen(|seen| (seen.requests, seen.unchanged))
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn cache<T>(&self, look: impl FnOnce(&mut Cache) -> T) -> T {
        look(&mut self.0.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The clients, made at the first request: reading the system's certificates takes a moment.
    async fn clients(&self) -> Result<&Clients, SourceError> {
        let make = || {
            let (trust, base) = (self.0.trust.clone(), self.0.base.clone());
            async move {
                let made = tokio::task::spawn_blocking(move || Clients::make(&trust, &base)).await;
                made.map_err(|_| Clean::from_static("the client could not be made")).flatten().map_err(SourceError::NotFound)
            }
        };
        self.0.clients.get_or_try_init(make).await
    }

    /// Sends `ask` for a body of any size, which is read as it comes: only a silence ends it early.
    ///
    /// # Errors
    /// Whatever is between us and an answer, in words.
    pub async fn open(&self, ask: Ask) -> Result<Opened, SourceError> {
        let (limit, who) = (ask.deadline(), self.0.who.clone());
        let (trail, response) = tokio::time::timeout(limit, self.walk(&ask)).await.map_err(|_| words::late(&who, limit))??;
        if !response.status().is_success() {
            return Ok(Opened::Refused(self.receive(&ask, &trail, response).await?));
        }
        if trail.at_home() {
            self.note(response.status(), response.headers());
        }
        let (who, host) = (words::host(trail.url()), trail.url().host_str().map(String::from));
        let headers = response.headers().clone();
        let chunks = response.bytes_stream().map_err(move |error| words::broken(&who, host.as_deref(), &error));
        Ok(Opened::Body { headers, chunks: chunks.boxed() })
    }

    /// The status of the answer, whose body is not read.
    ///
    /// # Errors
    /// Whatever is between us and an answer, in words.
    pub async fn status(&self, ask: Ask) -> Result<StatusCode, SourceError> {
        let (limit, who) = (ask.deadline(), &self.0.who);
        let (_, response) = tokio::time::timeout(limit, self.walk(&ask)).await.map_err(|_| words::late(who, limit))??;
        Ok(response.status())
    }

    async fn dispatch(&self, ask: &Ask) -> Result<Reply, SourceError> {
        let (trail, response) = self.walk(ask).await?;
        self.receive(ask, &trail, response).await
    }

    /// Sends `ask` and follows where it is sent.
    async fn walk(&self, ask: &Ask) -> Result<(Trail, Response), SourceError> {
        let mut trail = Trail::new(&self.0.base, ask.url(&self.0.base)?);
        let mut key = self.0.keys.header().await?;
        let mut renewed = false;
        loop {
            let response = self.send_once(ask, &trail, key.as_ref()).await?;
            if let Some(place) = moved(&response).filter(|_| !ask.stays()) {
                trail.follow(ask, place, &self.0.who)?;
            } else if response.status() == StatusCode::UNAUTHORIZED && trail.at_home() && ask.reads() && !renewed {
                // A token may have been rotated since it was fetched. The same one again would only count as a second failed login.
                renewed = true;
                match self.0.keys.another(key.as_ref()).await? {
                    None => return Ok((trail, response)),
                    other => key = other,
                }
                self.cache(Cache::clear);
            } else {
                return Ok((trail, response));
            }
        }
    }

    async fn send_once(&self, ask: &Ask, trail: &Trail, key: Option<&(HeaderName, HeaderValue)>) -> Result<Response, SourceError> {
        let clients = self.clients().await?;
        let mut request: RequestBuilder = if trail.at_home() {
            let own = clients.home.request(ask.method(), trail.url().clone()).headers(self.0.headers.clone());
            let own = key.into_iter().fold(own, |request, (name, value)| request.header(name, value));
            self.cache(|cache| cache.conditions(ask, trail.url())).into_iter().fold(own, |request, (name, value)| request.header(name, value))
        } else {
            clients.abroad.request(ask.method(), trail.url().clone())
        };
        request = ask.fill(request, trail.at_home());
        request.send().await.map_err(|error| words::broken(&words::host(trail.url()), trail.url().host_str(), &error))
    }

    /// Reads the body, within its cap, and keeps what the headers tell. Another host that we were sent on to does not know us: what it refuses says nothing
    /// of what we may, or of what is there.
    async fn receive(&self, ask: &Ask, trail: &Trail, response: Response) -> Result<Reply, SourceError> {
        let (status, headers) = (response.status(), response.headers().clone());
        if trail.at_home() {
            self.note(status, &headers);
        }
        let who = words::host(trail.url());
        if trail.abroad() && !status.is_success() {
            return Err(words::astray(&self.0.who, &ask.what(), &who, status));
        }
        let body = reply::body(response, ask.cap(), &who).await?;
        let reply = Reply { status, headers, body, unchanged: false, redirected: trail.hops() > 0, who, what: ask.what() };
        Ok(if trail.at_home() { self.cache(|cache| cache.resolve(ask, trail.url(), reply)) } else { reply })
    }

    fn note(&self, status: StatusCode, headers: &HeaderMap) {
        let clock = limits::date(headers).map(|date| date.duration_since(Timestamp::now()));
        let budget = Budget::read(headers);
        self.seen(|seen| {
            seen.requests += 1;
            seen.unchanged += u64::from(status == StatusCode::NOT_MODIFIED);
            seen.clock = clock.or(seen.clock);
            seen.budget = budget.or(seen.budget.take());
        });
    }
}

impl Transport for Http {
    fn who(&self) -> &Clean {
        &self.0.who
    }

    fn send(&self, ask: Ask) -> BoxFuture<'static, Result<Reply, SourceError>> {
        let http = self.clone();
        async move {
            let limit = ask.deadline();
            let late = |_| words::late(&http.0.who, limit);
            tokio::time::timeout(limit, http.dispatch(&ask)).await.map_err(late)?
        }
        .boxed()
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        let base = self.0.base.clone();
        async move {
            let (Some(host), Some(port)) = (base.host_str(), base.port_or_known_default()) else { return false };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let dial = tokio::net::TcpStream::connect((host, port));
            matches!(tokio::time::timeout(PROBE, dial).await, Ok(Ok(_)))
        }
        .boxed()
    }
}

impl Clients {
    fn make(trust: &tls::Trust, base: &Url) -> Result<Self, Clean> {
        let agent = concat!("pilothouse/", env!("CARGO_PKG_VERSION"));
        let common = || {
            let builder = Client::builder().user_agent(agent).redirect(reqwest::redirect::Policy::none()).retry(reqwest::retry::never());
            // What goes to this machine itself is not a proxy's business, and would be in the clear on the way to it.
            let builder = if redirect::is_loopback(base) { builder.no_proxy() } else { builder };
            builder.connect_timeout(CONNECT).read_timeout(SILENCE).referer(false)
        };
        let made = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| clean!("the client could not be made: {}", error.without_url()));
        let home = made(common().tls_backend_preconfigured(trust.config()?))?;
        let stranger = tls::Trust { ca_file: trust.ca_file.clone(), client: None };
        let guard = redirect::Guard::around(base);
        let abroad = made(common().tls_backend_preconfigured(stranger.config()?).dns_resolver(Arc::new(guard)))?;
        Ok(Self { home, abroad })
    }
}

/// The URL of the configuration, as one that requests can be relative to.
fn base(url: &str) -> Result<Url, Clean> {
    let wrong = |why: &str| clean!("this is not the URL of a server ({why}); write it as \"https://host:port/path\"");
    let base = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    match base.scheme() {
        "http" | "https" if base.host_str().is_some() => {}
        _ => return Err(wrong("it begins neither with http:// nor with https://")),
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(Clean::from_static("a URL here holds no secrets; write username = \"…\" and password_env, password_file or password_command"));
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(wrong("leave out what follows ? or #"));
    }
    Ok(base)
}

/// A secret never crosses a network in the clear.
fn guarded(base: &Url, secret: bool) -> Result<(), Clean> {
    if secret && base.scheme() == "http" && !redirect::is_loopback(base) {
        return Err(clean!("a secret would cross the network in the clear to {}; write https, or use a tunnel to 127.0.0.1", words::host(base)));
    }
    Ok(())
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, Clean> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let wrong = || clean!("{name} with this value is not a header that can be sent");
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        if [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::HOST].contains(&key) {
            return Err(clean!("{name} is not written here; name the secret by token_env, token_file or token_command"));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    Ok(headers)
}

/// Where a redirect leads.
fn moved(response: &Response) -> Option<HeaderValue> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    response.headers().get(header::LOCATION).filter(|_| redirects).cloned()
}
