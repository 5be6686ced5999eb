//! The way to a server in the cluster: through the API server to a Service, with the kubeconfig's own rights. It only reads.

use super::{
    client::{Call, Cluster, PROXY, Reply as Answer},
    leads::Place,
};
use crate::{
    clean,
    sources::{
        SourceError,
        http::{Ask, Method, Reply, StatusCode, Transport, Url},
    },
    text::{Clean, redact},
};
use futures::{FutureExt, future::BoxFuture};
use std::{sync::Arc, time::Duration};

/// How long a sign of life may take.
const PROBE: Duration = Duration::from_secs(2);

/// The way to one Service. Cloning is cheap.
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

struct Inner {
    cluster: Arc<Cluster>,
    /// The kind of source that one would configure instead.
    kind: &'static str,
    place: Place,
    who: Clean,
}

impl Proxy {
    /// The way to `place` of `cluster`.
    pub fn new(cluster: Arc<Cluster>, kind: &'static str, place: Place) -> Self {
        let who = clean!("{}/{} in {}", place.namespace, place.name, cluster.known.name);
        Self(Arc::new(Inner { cluster, kind, place, who }))
    }

    /// The path at the API server. A form becomes a query: posting would need one more right, and nothing here may post.
    fn path(&self, ask: &Ask) -> Result<String, SourceError> {
        let Place { namespace, name, port, secure, under, .. } = &self.0.place;
        let scheme = if *secure { "https:" } else { "" };
        let base = Url::parse(&format!("http://api/api/v1/namespaces/{namespace}/services/{scheme}{name}:{port}/proxy/{under}"));
        let mut url = ask.url(&base.map_err(|_| SourceError::Protocol(clean!("{} has a name that can not be asked for", self.0.who)))?)?;
        match (ask.method(), ask.encoded()) {
            (Method::GET, None) => {}
            (Method::POST, Some(("application/x-www-form-urlencoded", form))) => url.set_query(Some(&String::from_utf8_lossy(&form))),
            _ => return Err(SourceError::Unsupported(clean!("{} is only read from: it was found, not configured", self.0.who))),
        }
        Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
    }

    async fn carry(self, ask: Ask) -> Result<Reply, SourceError> {
        let Inner { cluster, place, who, .. } = &*self.0;
        let call = Call::get(PROXY, Some(&place.namespace), self.path(&ask)?);
        let answer = cluster.answer(&call, None, ask.cap()).await?;
        if answer.code >= 300 && answer.is_status() {
            return Err(self.refused(&answer));
        }
        let status = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::BAD_GATEWAY);
        Ok(Reply::new(status, answer.headers, answer.body, who.clone(), ask.what()))
    }

    /// What the API server itself has against it.
    fn refused(&self, answer: &Answer) -> SourceError {
        let Inner { cluster, kind, place, who } = &*self.0;
        let (tried, status) = (cluster.tried("get", PROXY, Some(&place.namespace)), answer.status());
        let said = clean!("{}", redact(status.message.trim()));
        let instead = clean!("name its own address by [[source]] kind = \"{kind}\" with url");
        match status.code {
            403 => SourceError::Denied(clean!(
                "{who} was found, but the right to get services/proxy in namespace {} is missing: ask for it (`{}` checks), or {instead}",
                place.namespace,
                tried.can_i()
            )),
            404 => SourceError::NotFound(clean!("{who} was found, but is gone: {said}; start again to look anew, or {instead}")),
            503 if said.contains("no endpoints available") => SourceError::Unreachable(clean!("the Service {who} has no ready pod")),
            500..=504 => SourceError::Unreachable(clean!("the API server does not reach {who}: {said}")),
            _ => tried.refused(&status),
        }
    }
}

impl Transport for Proxy {
    fn who(&self) -> &Clean {
        &self.0.who
    }

    fn send(&self, ask: Ask) -> BoxFuture<'static, Result<Reply, SourceError>> {
        let (limit, who) = (ask.deadline(), self.0.who.clone());
        let carried = self.clone().carry(ask);
        let late = move |_| SourceError::Unreachable(clean!("{who} did not answer within {} s", limit.as_secs()));
        async move { tokio::time::timeout(limit, carried).await.map_err(late)? }.boxed()
    }

    fn probe(&self) -> BoxFuture<'static, bool> {
        let proxy = self.clone();
        async move {
            // While the API server itself is gone, nothing is asked of it.
            proxy.0.cluster.alive().await && proxy.send(Ask::get("-/healthy").any().within(PROBE)).await.is_ok_and(|reply| !reply.status.is_server_error())
        }
        .boxed()
    }

    fn found(&self) -> Option<Clean> {
        let Inner { cluster, place, .. } = &*self.0;
        let others = if place.among > 1 { clean!(" (one of {} that would do)", place.among) } else { Clean::EMPTY };
        Some(clean!("found in {}, {}/{}{others}", cluster.known.name, place.namespace, place.name))
    }
}

#[cfg(test)]
mod tests;
