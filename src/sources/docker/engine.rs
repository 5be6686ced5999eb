//! One engine: its client, which version of the API it is asked in, and the calls that read.
//!
//! bollard makes the connection (unix socket, TCP, TLS; ssh through its custom transport, see [`super::ssh`]) and tells an error answer from
//! another. Its typed calls are not used: their closed enums fail a whole list on one new word, its log decoder takes the engine's own errors
//! and some terminals' output for something else, `since` is whole seconds in it, and every request of theirs goes out without a version, so
//! that an upgraded engine would change its answers under us. So each request is one raw call of the library, `export_container`, whose
//! path its request modifier replaces: bytes come back, and we read them with the types of [`super::wire`].

mod write;

pub use write::Failed;

use super::{fault, place::Address, ssh, wire};
use crate::{clean, sources::SourceError, text::Clean};
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::uri::PathAndQuery;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// How long a whole answer may take.
const READING: Duration = Duration::from_secs(15);
/// How long the head of a stream may take: some engines send none before the first byte, and a quiet container says nothing for days.
const STREAMING: Duration = Duration::from_secs(366 * 24 * 3600);
/// How long a sign of life may take.
const PROBE: Duration = Duration::from_secs(1);
/// No answer may be longer (reliability R18).
const LONGEST: usize = 64 << 20;
/// The version we were written for: new enough for every engine that has dropped old ones, old enough to keep its shapes.
const OURS: (u32, u32) = (1, 44);

/// One engine that is not dialled yet.
pub struct Engine {
    address: Address,
    client: Mutex<Option<Docker>>,
    session: Mutex<Option<Session>>,
}

/// What an engine is, learnt when it was reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hello {
    /// The name of its host.
    pub host: String,
    /// Its version, for words.
    pub version: String,
    /// Whether it is Podman, which answers as Docker does and differs in places.
    pub podman: bool,
    /// Whether it manages a swarm.
    pub manager: bool,
    /// Our node in that swarm.
    pub node: String,
    /// The engine's time when it was asked.
    pub now: Option<Timestamp>,
}

/// An engine that was reached.
#[derive(Clone)]
pub struct Session {
    docker: Docker,
    prefix: String,
    address: Address,
    /// What it is.
    pub hello: Arc<Hello>,
}

impl Engine {
    /// The engine at `address`.
    pub fn new(address: Address) -> Self {
        Self { address, client: Mutex::default(), session: Mutex::default() }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The session that is there, or a new one. For questions: a feed opens its own.
    pub async fn session(&self) -> Result<Session, SourceError> {
        let held = self.session.lock().ok().and_then(|held| held.clone());
        match held {
            Some(session) => Ok(session),
            None => self.open().await,
        }
    }

    /// What it is, as far as is known.
    pub fn hello(&self) -> Option<Arc<Hello>> {
        self.session.lock().ok()?.as_ref().map(|session| session.hello.clone())
    }

    /// Reaches the engine and learns its version and what it is: it may be another one since the last time.
    pub async fn open(&self) -> Result<Session, SourceError> {
        let opened = self.opening().await;
        if let Ok(mut held) = self.session.lock() {
            held.clone_from(&opened.as_ref().ok().cloned());
        }
        opened
    }

    async fn opening(&self) -> Result<Session, SourceError> {
        let docker = self.client()?;
        let mut session = Session { docker, prefix: String::new(), address: self.address.clone(), hello: Arc::default() };
        let version = session.greeted().await?;
        session.prefix = prefix(&version, std::env::var("DOCKER_API_VERSION").ok().as_deref());
        let info: wire::Info = session.json("/info").await?;
        session.hello = Arc::new(Hello {
            host: info.name,
            podman: version.components.iter().any(|part| part.name.contains("Podman")),
            version: version.version,
            manager: info.swarm.control_available && info.swarm.local_node_state == "active",
            node: info.swarm.node_id,
            now: wire::time(&info.system_time),
        });
        Ok(session)
    }

    /// Whether it answers.
    pub async fn alive(&self) -> bool {
        let Ok(docker) = self.client() else { return false };
        let session = Session { docker, prefix: String::new(), address: self.address.clone(), hello: Arc::default() };
        session.text("/_ping", PROBE).await.is_ok()
    }

    /// Making a client opens no connection, but it looks for the socket and reads certificates: one that could not be made is tried anew.
    fn client(&self) -> Result<Docker, SourceError> {
        let Ok(mut held) = self.client.lock() else {
            return Err(SourceError::Protocol("the client could not be made: this is a fault of ours".into()));
        };
        if let Some(docker) = &*held {
            return Ok(docker.clone());
        }
        let docker = client(&self.address)?;
        *held = Some(docker.clone());
        Ok(docker)
    }
}

fn client(address: &Address) -> Result<Docker, SourceError> {
    let seconds = READING.as_secs();
    let made = match address {
        Address::Socket(path) => Docker::connect_with_unix(&path.to_string_lossy(), seconds, API_DEFAULT_VERSION),
        Address::Plain(host) => Docker::connect_with_http(&format!("http://{host}"), seconds, API_DEFAULT_VERSION),
        Address::Tls(host, tls) => {
            // Two providers may be compiled in; the one that is there first stays.
            _ = rustls::crypto::ring::default_provider().install_default();
            let named = [tls.ca.as_ref(), tls.own.as_ref().map(|(cert, _)| cert), tls.own.as_ref().map(|(_, key)| key)];
            for path in named.into_iter().flatten() {
                // The library would go on without our certificate, and the server's refusal would not say why.
                std::fs::File::open(path)
                    .map_err(|error| SourceError::Denied(clean!("{} can not be read ({}); name a file that you can read", path.display(), error.kind())))?;
            }
            let nothing = std::path::Path::new("/dev/null");
            let (cert, key) = tls.own.as_ref().map_or((nothing, nothing), |(cert, key)| (cert, key));
            Docker::connect_with_ssl(&format!("https://{host}"), key, cert, tls.ca.as_deref().unwrap_or(nothing), seconds, API_DEFAULT_VERSION)
        }
        Address::Ssh(ssh) => ssh::client(ssh, seconds),
    };
    made.map_err(|error| fault::failed(&error, address))
}

/// The version that both understand: ours, or the nearest one that the engine has.
fn prefix(version: &wire::Version, pinned: Option<&str>) -> String {
    let number = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let newest = number(&version.api_version).unwrap_or((1, 24));
    let oldest = number(&version.min_api_version).unwrap_or((1, 12)).min(newest);
    let (major, minor) = pinned.and_then(number).unwrap_or_else(|| OURS.clamp(oldest, newest));
    format!("/v{major}.{minor}")
}

impl Session {
    /// The first answer. By TLS 1.3 our side of a handshake is over before the engine has looked for our certificate: without one we read its
    /// refusal, or nothing at all when it has closed before that. One that is gone refuses the second try.
    async fn greeted(&self) -> Result<wire::Version, SourceError> {
        let bare = matches!(&self.address, Address::Tls(_, tls) if tls.own.is_none());
        let cut = |error: &SourceError| bare && fault::is_cut(error, &self.address);
        match self.json("/version").await {
            Err(error) if cut(&error) => self.json("/version").await.map_err(|error| if cut(&error) { fault::unknown(&self.address.words()) } else { error }),
            answer => answer,
        }
    }

    /// Reads a whole answer and decodes it.
    pub async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, SourceError> {
        let bytes = self.text(path, READING).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let place = path.split('?').next().unwrap_or_default();
            SourceError::Protocol(clean!(
                "the answer of {} to {place} can not be read (line {}, column {}); is it a Docker engine?",
                self.address.words(),
                error.line(),
                error.column()
            ))
        })
    }

    /// As [`Session::json`]; what is not there is none.
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, SourceError> {
        match self.json(path).await {
            Ok(found) => Ok(Some(found)),
            Err(SourceError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn text(&self, path: &str, within: Duration) -> Result<Vec<u8>, SourceError> {
        let reading = async {
            let (mut whole, mut parts) = (Vec::new(), self.bytes(path, within));
            while let Some(part) = parts.next().await {
                let part = part?;
                if whole.len() + part.len() > LONGEST {
                    return Err(SourceError::Protocol(clean!("{} answers more than {} MiB", self.address.words(), LONGEST >> 20)));
                }
                whole.extend_from_slice(&part);
            }
            Ok(whole)
        };
        let late = |_| SourceError::Unreachable(clean!("{} did not answer within {} s", self.address.words(), within.as_secs()));
        tokio::time::timeout(within, reading).await.map_err(late)?
    }

    /// An answer that may never end: events, a followed log.
    pub fn stream(&self, path: &str) -> BoxStream<'static, Result<Bytes, SourceError>> {
        self.bytes(path, STREAMING)
    }

    /// An answer in parts, for a log that ends.
    pub fn bytes(&self, path: &str, head: Duration) -> BoxStream<'static, Result<Bytes, SourceError>> {
        let Ok(target) = format!("{}{path}", self.prefix).parse::<PathAndQuery>() else {
            let error = SourceError::Protocol("a name holds what can not be asked for".into());
            return stream::once(std::future::ready(Err(error))).boxed();
        };
        let address = self.address.clone();
        let docker = self.docker.clone().with_timeout(head).with_request_modifier(move |request| aimed(request, &target));
        docker.export_container("any").map(move |part| part.map_err(|error| fault::failed(&error, &address))).boxed()
    }

    /// Whether the connection may die without a word: then somebody has to ask now and then. ssh does that by itself.
    pub fn silent(&self) -> bool {
        match self.address {
            Address::Socket(_) | Address::Ssh(_) => false,
            Address::Plain(_) | Address::Tls(..) => true,
        }
    }

    /// How many requests may be under way at once; over ssh each is a process.
    pub fn width(&self) -> usize {
        match self.address {
            Address::Socket(_) | Address::Plain(_) | Address::Tls(..) => 16,
            Address::Ssh(_) => 4,
        }
    }

    /// Whether it still answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), SourceError> {
        self.text("/_ping", READING).await.map(drop)
    }

    /// From when on events are new: the engine's own clock when it was opened.
    pub fn since(&self) -> Timestamp {
        self.hello.now.unwrap_or_else(|| Timestamp::now() - SignedDuration::from_secs(5))
    }

    /// A name or id as a part of a path: only what the engine itself allows in names.
    ///
    /// # Errors
    /// When it is none that could ever be found.
    pub fn part(name: &str) -> Result<&str, SourceError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let good = !name.is_empty() && name.bytes().all(plain) && !name.starts_with('.');
        good.then_some(name).ok_or_else(|| SourceError::NotFound(clean!("{name} is no name of a container")))
    }

    /// Where it is, for words.
    pub fn place(&self) -> Clean {
        self.address.words()
    }
}

/// The request of the library with another path; scheme and host, which hold the socket's name, stay.
fn aimed(mut request: BollardRequest, target: &PathAndQuery) -> BollardRequest {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.path_and_query = Some(target.clone());
    if let Ok(uri) = http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request.headers_mut().insert(http::header::USER_AGENT, http::HeaderValue::from_static(concat!("pilothouse/", env!("CARGO_PKG_VERSION"))));
    request
}

/// A time as the engine's `since` and `until` take it: `seconds.nanoseconds`.
pub fn stamp(time: Timestamp) -> String {
    let nanos = time.as_nanosecond().max(0);
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// A filter as the engine takes it: a map of lists in JSON, for a query.
pub fn filters<'a>(of: impl IntoIterator<Item = (&'a str, Vec<String>)>) -> String {
    let map: std::collections::BTreeMap<&str, Vec<String>> = of.into_iter().collect();
    escape(&serde_json::to_string(&map).unwrap_or_default())
}

/// A value in a query.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_ours_or_the_nearest_that_the_engine_has() {
        let of =
            |min: &str, max: &str, pinned| prefix(&wire::Version { api_version: max.into(), min_api_version: min.into(), ..wire::Version::default() }, pinned);
        assert_eq!(of("1.12", "1.41", None), "/v1.41");
        assert_eq!(of("1.40", "1.55", None), "/v1.44");
        assert_eq!(of("1.46", "1.60", None), "/v1.46");
        assert_eq!(of("", "", None), "/v1.24");
        assert_eq!(of("1.40", "1.55", Some("1.51")), "/v1.51");
    }

    #[test]
    fn filters_and_times_are_written_as_the_engine_reads_them() {
        assert_eq!(filters([("label", vec!["a=b".to_owned()])]), "%7B%22label%22%3A%5B%22a%3Db%22%5D%7D");
        assert_eq!(stamp(Timestamp::new(7, 5).unwrap()), "7.000000005");
    }

    #[test]
    fn a_name_never_leaves_its_part_of_the_path() {
        assert!(Session::part("shop-web_1.x").is_ok());
        for bad in ["", "a/b", "..", "a?b", "a b", "é"] {
            assert!(Session::part(bad).is_err(), "{bad}");
        }
    }
}
