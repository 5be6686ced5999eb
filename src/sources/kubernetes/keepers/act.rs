//! Holds one off or lets it go, once: it is read again, and the version of this very read is the condition of the one request.

use super::{Keeper, of};
use crate::{
    clean,
    domain::{Operation, Stage, Verb},
    gate::Warrant,
    sources::{
        SourceError,
        kubernetes::{
            act::{self, DEADLINE},
            client::{Cluster, Reply, Writer},
        },
    },
    text::Clean,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// Carries out what the warrant permits.
pub fn carry_out(cluster: Arc<Cluster>, warrant: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
    stream::once(make_ready(cluster, warrant))
        .flat_map(|ready| match ready {
            Ok(request) => stream::iter([Ok(Stage::Sending)]).chain(stream::once(async move { Ok(request.send().await) })).boxed(),
            Err(last) => stream::iter([Ok(last)]).boxed(),
        })
        .boxed()
}

/// The one request, ready to leave. It owns the warrant, so that there is no second one.
struct Request {
    cluster: Arc<Cluster>,
    warrant: Warrant,
    writer: Writer,
    keeper: Keeper,
    patch: Value,
}

async fn make_ready(cluster: Arc<Cluster>, warrant: Warrant) -> Result<Request, Stage> {
    let operation = warrant.operation();
    let writer = act::writer(&cluster).await?;
    let (keeper, _) = of(&cluster, &operation.subject, Some(&operation.from.uid), operation.verb).await.map_err(|error| act::not_sent(&error))?;
    if let Some(what) = moved(operation, &keeper) {
        return Err(Stage::Conflict { what, same: false });
    }
    if operation.verb == Verb::Hold && !keeper.acts() {
        return Err(Stage::Refused { why: clean!("{} does nothing by itself already", keeper.owner.words()) });
    }
    let patch = keeper.patch(operation, Timestamp::now());
    Ok(Request { cluster, warrant, writer, keeper, patch })
}

/// What is not as the operator saw it; none where all is.
fn moved(operation: &Operation, keeper: &Keeper) -> Option<Clean> {
    let now = keeper.seen();
    let does = if now.paused { "does nothing by itself now" } else { "acts by itself now" };
    (now != operation.from).then(|| clean!("{} was changed meanwhile: it {does}", keeper.owner.words()))
}

impl Request {
    /// Sends it. Whatever comes back, it is not sent again.
    async fn send(self) -> Stage {
        let tried = self.cluster.tried("patch", &self.keeper.sort.resource(), Some(self.keeper.namespace()));
        match tokio::time::timeout(DEADLINE, self.writer.patch(&self.keeper.path(), &self.patch)).await {
            Err(_) => Stage::Unclear { why: clean!("{} did not answer within {} s", tried.server, DEADLINE.as_secs()) },
            Ok(Err(error)) => Stage::Unclear { why: clean!("{}", tried.failed(&error)) },
            Ok(Ok(reply)) if reply.code == 409 => self.conflict(&reply).await,
            Ok(Ok(reply)) => act::outcome(&tried, &reply),
        }
    }

    /// The version moved between our read and our request: what the operator saw may still be so.
    async fn conflict(&self, reply: &Reply) -> Stage {
        let operation = self.warrant.operation();
        match of(&self.cluster, &operation.subject, Some(&operation.from.uid), operation.verb).await {
            Ok((keeper, _)) => match moved(operation, &keeper) {
                Some(what) => Stage::Conflict { what, same: false },
                None => Stage::Conflict { what: clean!("{} was written to at the same moment; what you saw is still so", keeper.owner.words()), same: true },
            },
            Err(error) => Stage::Conflict { what: clean!("{}; and it can not be read again: {error}", reply.status().message), same: false },
        }
    }
}
