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

    /// Sends one patch, once: a JSON patch where it is a list, else a merge patch. The answer's code is the caller's to read; an error means that nobody knows whether it was carried out.
    pub async fn patch(&self, path: &str, operations: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_patch(&self.0, &format!("{path}?fieldManager=pilothouse"), operations).await
    }

    /// Deletes one object, once; the same is to be said of the answer.
    pub async fn delete(&self, path: &str, options: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_deletion(&self.0, path, options).await
    }

    /// Makes one object, once; the same is to be said of the answer.
    pub async fn create(&self, path: &str, object: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_new(&self.0, &format!("{path}?fieldManager=pilothouse"), object).await
    }
}

/// Sends changes that the server checks and does not carry out.
pub struct Dry(kube::Client);

impl Dry {
    pub(super) const fn of(client: kube::Client) -> Self {
        Self(client)
    }

    /// Tries one patch.
    pub async fn patch(&self, path: &str, operations: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_patch(&self.0, &format!("{path}?dryRun=All&fieldManager=pilothouse"), operations).await
    }

    /// Tries a deletion. Where there are options in the body, the server does not look at those in the query (apiserver, handlers/delete.go): that it is only tried
    /// must stand in the body. The query says it to whoever reads along.
    pub async fn delete(&self, path: &str, options: &serde_json::Value) -> Result<Reply, kube::Error> {
        let mut options = options.clone();
        options["dryRun"] = serde_json::json!(["All"]);
        send_deletion(&self.0, &format!("{path}?dryRun=All"), &options).await
    }

    /// Tries to make an object.
    pub async fn create(&self, path: &str, object: &serde_json::Value) -> Result<Reply, kube::Error> {
        send_new(&self.0, &format!("{path}?dryRun=All&fieldManager=pilothouse"), object).await
    }
}

async fn send_patch(client: &kube::Client, path: &str, patch: &serde_json::Value) -> Result<Reply, kube::Error> {
    let kind = if patch.is_array() { "application/json-patch+json" } else { "application/merge-patch+json" };
    let request = Request::patch(path).header(header::CONTENT_TYPE, kind).body(Body::from(patch.to_string().into_bytes()));
    send(client, request.map_err(kube::Error::HttpError)?, LONGEST).await
}

async fn send_deletion(client: &kube::Client, path: &str, options: &serde_json::Value) -> Result<Reply, kube::Error> {
    let request = Request::delete(path).header(header::CONTENT_TYPE, "application/json").body(Body::from(options.to_string().into_bytes()));
    send(client, request.map_err(kube::Error::HttpError)?, LONGEST).await
}

async fn send_new(client: &kube::Client, path: &str, object: &serde_json::Value) -> Result<Reply, kube::Error> {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json").body(Body::from(object.to_string().into_bytes()));
    send(client, request.map_err(kube::Error::HttpError)?, LONGEST).await
}
