//! The calls that change something. Each is sent once, and nobody here sends one again.

use super::{Session, aimed};
use crate::{
    clean,
    sources::{SourceError, docker::fault},
    text::Clean,
};
use bollard::{BollardRequest, body_full};
use bytes::Bytes;
use futures::TryStreamExt;
use http::{HeaderValue, Method, header::CONTENT_TYPE, uri::PathAndQuery};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the answer to a change may take.
const WRITING: Duration = Duration::from_secs(45);

/// Why a change was not answered with a yes.
#[derive(Debug)]
pub struct Failed {
    /// The engine's status, where it answered at all: then it has not done it.
    pub code: Option<u16>,
    /// What that means.
    pub error: SourceError,
}

impl Failed {
    /// Whether the engine itself has answered: what stands between us and it says 502 and 504 when it does not know either.
    pub fn answered(&self) -> bool {
        self.code.is_some_and(|code| !matches!(code, 502 | 504))
    }

    /// What it says.
    pub fn words(&self) -> Clean {
        self.error.why().words
    }
}

impl Session {
    /// Posts `body` and reads the answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Bytes, Failed> {
        self.send(Method::POST, path, body, WRITING).await
    }

    /// Posts a command without a body, which may take `longer` than others.
    pub async fn command(&self, path: &str, longer: Duration) -> Result<(), Failed> {
        self.send(Method::POST, path, &json!({}), WRITING + longer).await.map(drop)
    }

    /// Has something removed.
    pub async fn delete(&self, path: &str) -> Result<(), Failed> {
        self.send(Method::DELETE, path, &json!({}), WRITING).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str, body: &Value, within: Duration) -> Result<Bytes, Failed> {
        let Ok(target) = format!("{}{path}", self.prefix).parse::<PathAndQuery>() else {
            return Err(Failed { code: Some(400), error: SourceError::Protocol("a name holds what can not be asked for".into()) });
        };
        let body = Bytes::from(body.to_string());
        let changed = move |request: BollardRequest| {
            let mut request = aimed(request, &target);
            *request.method_mut() = method.clone();
            *request.body_mut() = body_full(body.clone());
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request
        };
        // The one raw call of the library with a method and a body of ours; its typed ones would drop what it does not know.
        let docker = self.docker.clone().with_timeout(within).with_request_modifier(changed);
        let answer = docker.export_container("any").try_fold(Vec::new(), async |mut whole, part| {
            whole.extend_from_slice(&part);
            Ok(whole)
        });
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(whole)) => Ok(whole.into()),
            Ok(Err(error)) => {
                let code = match &error {
                    bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
                    _ => None,
                };
                Err(Failed { code, error: fault::failed(&error, &self.address) })
            }
            Err(_) => {
                let words = clean!("{} did not answer within {} s", self.address.words(), within.as_secs());
                Err(Failed { code: None, error: SourceError::Unreachable(words) })
            }
        }
    }
}
