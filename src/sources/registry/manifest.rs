//! The manifest of an image and its configuration, as far as they say where it comes from (OCI image specification: manifest.md, image-index.md,
//! config.md; Docker's own forms of them have the same fields).

use super::{LARGEST, Reply, SourceError, StatusCode, Visit};
use crate::{clean, domain::Origin, sources::http::Ask};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::HashMap;

/// A configuration is some kilobytes; beside its labels it has the history of the image.
const CONFIGURATION: usize = 1 << 20;

/// A manifest, or the index of those of several platforms.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    annotations: Option<Texts>,
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
}

/// What one of these names.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Descriptor {
    digest: String,
    size: u64,
    platform: Option<Platform>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Configuration {
    config: Option<Settings>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    #[serde(rename = "Labels")]
    labels: Option<Texts>,
}

/// A value that is no text is none of ours.
type Texts = HashMap<String, serde_json::Value>;

fn read(texts: Option<&Texts>) -> Option<Origin> {
    Origin::read(|key| texts?.get(key)?.as_str())
}

impl Manifest {
    /// The image that stands for all in an index: they are built of the same commit. What is of no known platform is an attestation.
    fn one(&self) -> Option<&Descriptor> {
        let known = |one: &&Descriptor| one.platform.as_ref().is_none_or(|platform| platform.os != "unknown");
        let usual = |one: &&Descriptor| one.platform.as_ref().is_some_and(|platform| platform.os == "linux" && platform.architecture == "amd64");
        self.manifests.iter().find(usual).or_else(|| self.manifests.iter().find(known))
    }
}

/// Where the image of `reference` comes from, in the words of whoever built it; none where it does not say so.
pub(super) async fn origin(reference: &str) -> Result<Option<Origin>, SourceError> {
    let mut visit = Visit::to(reference)?;
    let which = visit.reference.which.clone();
    let mut manifest: Manifest = visit.get("manifests", &which, LARGEST).await?;
    if let Some(origin) = read(manifest.annotations.as_ref()) {
        return Ok(Some(origin));
    }
    if let Some(one) = manifest.one() {
        manifest = visit.get("manifests", named(&one.digest)?, LARGEST).await?;
        if let Some(origin) = read(manifest.annotations.as_ref()) {
            return Ok(Some(origin));
        }
    }
    let Some(configuration) = manifest.config else { return Ok(None) };
    if configuration.size > CONFIGURATION as u64 {
        return Err(SourceError::Protocol(clean!("the configuration of the image is larger than 1 MiB")));
    }
    let configuration: Configuration = visit.get("blobs", named(&configuration.digest)?, CONFIGURATION).await?;
    Ok(read(configuration.config.and_then(|config| config.labels).as_ref()))
}

/// A digest that becomes part of a path.
fn named(digest: &str) -> Result<&str, SourceError> {
    let fits = digest.split_once(':').is_some_and(|(kind, hex)| {
        !hex.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    if fits { Ok(digest) } else { Err(SourceError::Protocol(clean!("its manifest names something by what is no digest"))) }
}

impl Visit {
    /// Reads something as JSON, which a registry calls by any type, and which must be what it is asked for where that is a digest.
    async fn get<T: DeserializeOwned>(&mut self, what: &str, which: &str, most: usize) -> Result<T, SourceError> {
        let reply = self.send(Ask::get(&self.path(what, which)).any().up_to(most)).await?;
        let reply = good(reply, &self.reference.host)?;
        let other = which.strip_prefix("sha256:").is_some_and(|hex| hex != hash(&reply.body));
        let host = &self.reference.host;
        if other {
            return Err(SourceError::Protocol(clean!("{host} answers with something else than what has that digest")));
        }
        serde_json::from_slice(&reply.body).map_err(|_| SourceError::Protocol(clean!("{host} answers with what is no manifest of an image")))
    }
}

fn hash(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A refusal in few words: it stands in a line of a run's screen.
fn good(reply: Reply, host: &str) -> Result<Reply, SourceError> {
    match reply.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(SourceError::Denied(clean!("{host} tells only those whom it knows"))),
        StatusCode::NOT_FOUND => Err(SourceError::NotFound(clean!("{host} does not have it"))),
        _ => reply.good(),
    }
}
