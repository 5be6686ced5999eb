//! What changes something, or tries to: apart from what reads, so that with `--read-only` there is none of it.

use super::{LONGEST, Reply, send};
use http::{Request, header};
use kube::client::Body;

/// Sends changes. It exists only where changes may be made.
pub struct Writer(kube::Client);

impl Writer {
    pub(super) const fn of(client: kube::Client) -> Self {
        Self(client)
    }

    /// Sends one JSON patch, once. The answer's code is the caller's to read; an error means that nobody knows whether it was carried out.
    pub async fn patch(&self, path: &str, operations: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_patch(&self.0, JSON_PATCH, &format!("{path}?fieldManager=pilothouse"), operations).await
    }

    /// Sends one merge patch, once.
    pub async fn merge(&self, path: &str, patch: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_patch(&self.0, MERGE_PATCH, &format!("{path}?fieldManager=pilothouse"), patch).await
    }
}

/// Sends changes that the server checks and does not carry out.
pub struct Dry(kube::Client);

impl Dry {
    pub(super) const fn of(client: kube::Client) -> Self {
        Self(client)
    }

    /// Tries one JSON patch.
    pub async fn patch(&self, path: &str, operations: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_patch(&self.0, JSON_PATCH, &format!("{path}?dryRun=All&fieldManager=pilothouse"), operations).await
    }

    /// Tries one merge patch.
    pub async fn merge(&self, path: &str, patch: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_patch(&self.0, MERGE_PATCH, &format!("{path}?dryRun=All&fieldManager=pilothouse"), patch).await
    }
}

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";

async fn send_patch(client: &kube::Client, kind: &str, path: &str, patch: &serde_json::Value) -> Result<Reply, kube::Error> {
    let request = Request::patch(path).header(header::CONTENT_TYPE, kind).body(Body::from(patch.to_string().into_bytes()));
    send(client, request.map_err(kube::Error::HttpError)?, LONGEST).await
}
