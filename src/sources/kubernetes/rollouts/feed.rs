//! Rollouts among the workloads: looked at only where the cluster serves them, and gone with their definition.

use crate::{
    clean,
    domain::{Id, Kind, Workload},
    sources::{
        SourceError,
        kubernetes::{
            client::Cluster,
            feeds::{Saying, spared, workloads_of},
            groups, rows,
            sight::{Halt, Said},
            wire::rollouts::Rollout,
        },
    },
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use std::{collections::BTreeSet, sync::Arc};

/// The Rollouts that we may see; none where the cluster serves none. Nothing that is wrong with them keeps the other workloads back.
pub fn rollouts(cluster: &Arc<Cluster>) -> Saying<Workload> {
    let cluster = cluster.clone();
    let opened = async move {
        // Another program of the same group may be there alone.
        match groups::serves(&cluster, "argoproj.io/v1alpha1", "rollouts").await {
            Ok(true) => while_defined(spared(&cluster, "rollouts", workloads_of::<Rollout>(&cluster, Kind::Rollout, rows::rollout))),
            Ok(false) => ended(Vec::new()),
            Err(error) => {
                cluster.lack("rollouts", clean!("whether there are Argo Rollouts could not be asked: {error}"));
                ended(Vec::new())
            }
        }
    };
    stream::once(opened).flatten().boxed()
}

/// These are gone, and nothing more will be said.
fn ended(gone: Vec<Id<Workload>>) -> Saying<Workload> {
    let last = gone.into_iter().map(|id| Ok(Said::Gone(id))).chain([Ok(Said::Done)]);
    stream::iter(last).chain(stream::pending()).boxed()
}

/// Where the definition is taken away, its objects went with it.
fn while_defined(saying: Saying<Workload>) -> Saying<Workload> {
    let mut there = BTreeSet::new();
    let told = saying.flat_map(move |said| {
        match &said {
            Ok(Said::Is(row)) => _ = there.insert(row.id.clone()),
            Ok(Said::Gone(id)) => _ = there.remove(id),
            Ok(Said::Begin) => there.clear(),
            Ok(Said::Done) | Err(_) => {}
        }
        let one: BoxStream<'static, _> = match said {
            Err(Halt::Failed(SourceError::NotFound(_))) => ended(std::mem::take(&mut there).into_iter().collect()),
            other => stream::once(std::future::ready(other)).boxed(),
        };
        one
    });
    told.boxed()
}
