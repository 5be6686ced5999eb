//! What a registry says of an image: whether it is still there, which digest its tag names now, and where it comes from. Nobody's credentials
//! are used for it.
//!
//! Accepted types, the header of the digest and the way to a token are those of the OCI distribution specification and of the
//! distribution project's token protocol.

mod labels;
mod manifest;

pub use labels::connect;

use super::{
    SourceError,
    http::{Ask, HeaderValue, Http, Reply, Settings, StatusCode, Transport, Url},
};
use crate::{clean, text::Clean};
use http::header;
use serde::Deserialize;
use std::time::Duration;

/// Without the types of an index a server may answer with one platform's manifest, and so with another digest.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1";
/// A plan waits five seconds for its checks.
const DEADLINE: Duration = Duration::from_secs(4);
/// No manifest is larger.
const LARGEST: usize = 4 << 20;

/// What a registry has under a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is there, under this digest (`sha256:…`) where the registry says so.
    There(Option<String>),
    /// It is not there.
    Gone,
    /// The registry does not tell everybody.
    Closed,
}

/// A reference taken apart.
struct Reference {
    host: String,
    repository: String,
    /// The digest, or else the tag.
    which: String,
}

impl Reference {
    /// Reads a reference as container runtimes do: without a host it is Docker Hub's, without a tag it is `latest`.
    fn read(text: &str) -> Self {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            _ => ("docker.io", name),
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, tag),
            _ => (path, "latest"),
        };
        let hub = host == "docker.io" || host == "index.docker.io";
        let repository = if hub && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        let host = if hub { "registry-1.docker.io" } else { host };
        Self { host: host.to_owned(), repository, which: digest.unwrap_or(tag).to_owned() }
    }

    /// Plain HTTP is for this machine only.
    fn client(&self) -> Result<Http, SourceError> {
        let name = self.host.rsplit_once(':').map_or(self.host.as_str(), |(name, _)| name);
        let scheme = if matches!(name, "localhost" | "127.0.0.1" | "[::1]") { "http" } else { "https" };
        client(format!("{scheme}://{}", self.host))
    }
}

fn client(url: String) -> Result<Http, SourceError> {
    Http::new(Settings { url, ..Settings::default() }).map_err(SourceError::Protocol)
}

/// Asks the registry of `reference` whether it has it.
pub async fn held(reference: &str) -> Result<Held, SourceError> {
    let mut visit = Visit::to(reference)?;
    let reply = visit.send(Ask::head(&visit.path("manifests", &visit.reference.which))).await?;
    match reply.status {
        StatusCode::OK => Ok(Held::There(reply.header("docker-content-digest").map(str::to_owned))),
        StatusCode::NOT_FOUND => Ok(Held::Gone),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(Held::Closed),
        _ => reply.good().map(|_| Held::There(None)),
    }
}

/// Whether what the registry has under `reference` is, or holds, the manifest `digest`: a node may tell of one platform's.
pub async fn holds(reference: &str, digest: &str) -> Result<bool, SourceError> {
    let mut visit = Visit::to(reference)?;
    let reply = visit.send(Ask::get(&visit.path("manifests", &visit.reference.which)).any().up_to(LARGEST)).await?.good()?;
    let same = reply.header("docker-content-digest") == Some(digest);
    Ok(same || serde_json::from_slice::<Index>(&reply.body).is_ok_and(|index| index.manifests.iter().any(|one| one.digest == digest)))
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    digest: String,
}

/// Some requests to one registry about one repository.
struct Visit {
    reference: Reference,
    http: Http,
    /// The token that this registry gives to everybody, once it was wanted.
    token: Option<HeaderValue>,
}

impl Visit {
    fn to(reference: &str) -> Result<Self, SourceError> {
        let reference = Reference::read(reference);
        Ok(Self { http: reference.client()?, reference, token: None })
    }

    fn path(&self, what: &str, which: &str) -> String {
        format!("/v2/{}/{what}/{which}", self.reference.repository)
    }

    /// Asks as nobody, and once more with the token that a registry gives to everybody, if it does. The token goes to the registry itself only.
    async fn send(&mut self, ask: Ask) -> Result<Reply, SourceError> {
        let ask = ask.within(DEADLINE).header(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        let with = |token: &Option<HeaderValue>| token.iter().fold(ask.clone(), |ask, token| ask.header(header::AUTHORIZATION, token.clone()));
        let reply = self.http.send(with(&self.token)).await?;
        let wants = reply.status == StatusCode::UNAUTHORIZED && self.token.is_none();
        let challenge = reply.header("www-authenticate").filter(|_| wants).and_then(Challenge::read);
        let Some(challenge) = challenge else { return Ok(reply) };
        self.token = challenge.token(&self.reference).await?;
        if self.token.is_some() { self.http.send(with(&self.token)).await } else { Ok(reply) }
    }
}

/// Where a registry sends whoever wants a token.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: Url,
    service: String,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// Reads `Bearer realm="…",service="…",scope="…"`.
    fn read(header: &str) -> Option<Self> {
        let rest = header.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "))?.len();
        let field = |name: &str| {
            let (_, after) = header.get(rest..)?.split_once(&format!("{name}=\""))?;
            after.split_once('"').map(|(value, _)| value.to_owned())
        };
        Some(Self { realm: Url::parse(&field("realm")?).ok()?, service: field("service").unwrap_or_default() })
    }

    /// The token that is given to everybody; none where it is given to nobody unknown.
    async fn token(&self, reference: &Reference) -> Result<Option<HeaderValue>, SourceError> {
        // A registry must not send us anywhere in the clear but to itself.
        if self.realm.scheme() != "https" && self.realm.host_str() != reference.host.split(':').next() {
            return Ok(None);
        }
        let url = self.realm.origin().ascii_serialization();
        let ask = Ask::get(self.realm.path()).within(DEADLINE).with("service", self.service.clone());
        let reply = client(url)?.send(ask.with("scope", format!("repository:{}:pull", reference.repository))).await?;
        if !reply.status.is_success() {
            return Ok(None);
        }
        let said: Token = reply.json()?;
        Ok(said.token.or(said.access_token).and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok()))
    }
}

/// The first characters of a digest, as they are shown.
pub fn short(digest: &str) -> Clean {
    let hex = digest.rsplit(':').next().unwrap_or(digest);
    clean!("{}", hex.get(..6).unwrap_or(hex))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::http::stage::{Act, Stage};

    fn parts(text: &str) -> (String, String, String) {
        let Reference { host, repository, which } = Reference::read(text);
        (host, repository, which)
    }

    #[test]
    fn references_are_read_as_container_runtimes_do() {
        for (text, host, repository, which) in [
            ("cart", "registry-1.docker.io", "library/cart", "latest"),
            ("shop/cart:2", "registry-1.docker.io", "shop/cart", "2"),
            ("localhost:5000/cart:2", "localhost:5000", "cart", "2"),
            ("registry.example/a/b/cart", "registry.example", "a/b/cart", "latest"),
            ("registry.example:5000/cart:2@sha256:ab", "registry.example:5000", "cart", "sha256:ab"),
        ] {
            assert_eq!(parts(text), (host.into(), repository.into(), which.into()), "{text}");
        }
    }

    #[test]
    fn a_challenge_is_read_and_another_scheme_is_none() {
        let read = Challenge::read(r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull""#).expect("one");
        assert_eq!((read.realm.as_str(), read.service.as_str()), ("https://auth.example/token", "registry.example"));
        assert_eq!(Challenge::read(r#"Basic realm="registry""#), None);
        assert_eq!(Challenge::read("Bearer"), None);
    }

    #[tokio::test]
    async fn a_token_for_everybody_is_fetched_once_and_what_is_closed_is_not_called_gone() {
        let token = Stage::of([Act::json(r#"{"access_token":"anybody"}"#)]).await;
        let challenge = format!("Bearer realm=\"{}/token\",service=\"test\"", token.url().trim_end_matches('/'));
        let refuse = Act::answer("401 Unauthorized", &[("WWW-Authenticate", &challenge)], "");
        let registry = Stage::of([refuse.clone(), Act::answer("200 OK", &[("Docker-Content-Digest", "sha256:abcd")], "")]).await;
        let reference = format!("127.0.0.1:{}/shop/cart:2", registry.address.port());
        assert_eq!(held(&reference).await, Ok(Held::There(Some("sha256:abcd".into()))));
        assert!(token.asked()[0].contains("scope=repository%3Ashop%2Fcart%3Apull"), "{:?}", token.asked());
        let again = registry.asked();
        assert!(again.len() == 2 && again[1].to_ascii_lowercase().contains("authorization: bearer anybody"), "{again:?}");
        let closed = Stage::of([refuse]).await;
        assert_eq!(held(&format!("127.0.0.1:{}/shop/cart:2", closed.address.port())).await, Ok(Held::Closed));
        let basic = Stage::of([Act::answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"r\"")], "")]).await;
        assert_eq!(held(&format!("127.0.0.1:{}/shop/cart:2", basic.address.port())).await, Ok(Held::Closed));
    }
}
