//! What is held off, as it is asked for now and then: the label makes each list as short as what is held.

use super::{HELD, Keeper, SORTS, Sort};
use crate::{
    clean,
    domain::{Batch, Hold, Id, Owner},
    sources::{
        SourceError,
        kubernetes::{
            client::{Call, Cluster},
            groups::Served,
        },
        poll,
    },
    text::{Clean, Name},
};
use futures::{FutureExt, future, stream::BoxStream};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How often it is asked for.
const PERIOD: Duration = Duration::from_secs(20);

/// What is held in a cluster. Kinds that it does not serve, or that we may not list, hold nothing that we could let go.
pub fn holds(cluster: &Arc<Cluster>) -> BoxStream<'static, Result<Batch, SourceError>> {
    let cluster = cluster.clone();
    poll::every(PERIOD, move || {
        let cluster = cluster.clone();
        async move { read(&cluster).await.map(Batch::list) }.boxed()
    })
}

async fn read(cluster: &Cluster) -> Result<Vec<Hold>, SourceError> {
    let served = Served::ask(cluster).await?;
    let asked = SORTS.into_iter().filter_map(|sort| Some((sort, served.best(sort.group)?))).map(|(sort, version)| list(cluster, sort, version));
    let mut holds = Vec::new();
    for listed in future::join_all(asked).await {
        match listed {
            Ok(keepers) => holds.extend(keepers.iter().filter_map(|keeper| hold(cluster, keeper))),
            // Not ours to see, or a group whose other kinds only are there.
            Err(SourceError::Denied(_) | SourceError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(holds)
}

async fn list(cluster: &Cluster, sort: Sort, version: String) -> Result<Vec<Keeper>, SourceError> {
    let path = format!("/apis/{}/{version}/{}?labelSelector={}", sort.group, sort.plural, HELD.replace('/', "%2F"));
    let list: Value = cluster.get(&Call::list(&sort.resource(), None, path)).await?;
    let items = list.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = |raw: &Value, key: &str| raw.pointer(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let keeper = |raw: Value| {
        let (namespace, name) = (named(&raw, "/metadata/namespace"), named(&raw, "/metadata/name"));
        let owner = match sort.argo() {
            true => Owner::ArgoCd { application: Name::new(&name) },
            false => Owner::Flux { kind: Clean::from_static(sort.kind), name: Name::new(&format!("{namespace}/{name}")) },
        };
        Keeper::new(sort, version.clone(), owner, raw)
    };
    Ok(items.into_iter().map(keeper).collect())
}

/// What is held; none where somebody has switched it on again beside us.
fn hold(cluster: &Cluster, keeper: &Keeper) -> Option<Hold> {
    let mark = keeper.mark().filter(|_| keeper.held())?;
    Some(Hold {
        id: Id::new(&cluster.id, &clean!("{}/{}/{}", keeper.sort.plural, keeper.namespace(), keeper.name())),
        keeper: keeper.owner.clone(),
        workload: Id::new(&cluster.id, &mark.workload),
        since: mark.at,
        by: mark.by,
    })
}
