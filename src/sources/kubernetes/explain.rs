//! Everything that `x` needs: pods, events, conditions and the last words of what crashed.

use super::{
    ask::Current,
    client::{Call, Cluster},
    feeds::Focus,
    revisions, rows,
    wire::{List, apps::Condition, core::Event},
};
use crate::{
    clean,
    domain::{Answer, Container, ContainerState, Happening, Id, Kind, Pod, Workload},
    sources::SourceError,
    text::Clean,
};
use std::cmp::Reverse;

/// How many events are worth reading.
const EVENTS: usize = 60;
/// How many crashed containers are quoted, and how many lines of each.
const QUOTED: usize = 4;
const LINES: usize = 20;

/// Reads it all, at the same time where possible. Events and pods that we may not see are left out, the workload itself is not.
pub async fn read(cluster: &Cluster, id: &Id<Workload>) -> Result<Answer, SourceError> {
    let current = Current::read(cluster, id).await?;
    let (pods, happenings, conditions) = futures::join!(revisions::pods(cluster, &current), happenings(cluster, &current), conditions(cluster, &current));
    let mut pods = pods.unwrap_or_default();
    pods.sort_by_key(|pod| (Reverse(rows::rank(pod)), Reverse(pod.restarts), pod.name.clone()));
    let last_words = last_words(cluster, &pods).await;
    Ok(Answer::Explain { pods, happenings: happenings.unwrap_or_default(), conditions, last_words })
}

async fn happenings(cluster: &Cluster, current: &Current) -> Result<Vec<Happening>, SourceError> {
    let namespace = &current.address.namespace;
    let list: List<Event> = cluster.get(&Call::list("events", Some(namespace), format!("/api/v1/namespaces/{namespace}/events"))).await?;
    let focus = Focus::of(current);
    let mut rows: Vec<_> = list.whole().filter(|event| focus.concerns(event)).map(|event| rows::happening(&cluster.id, &event)).collect();
    rows.sort_by_key(|row| Reverse(row.at));
    rows.truncate(EVENTS);
    Ok(rows)
}

/// The conditions of the workload, and those of its newest ReplicaSet, which say why no pod can be made.
async fn conditions(cluster: &Cluster, current: &Current) -> Vec<(Clean, Clean, Clean)> {
    let mut told: Vec<_> = current.lean.status.conditions.iter().map(words).collect();
    if matches!(current.kind, Kind::Deployment | Kind::Rollout)
        && let Ok(sets) = revisions::kept(cluster, current).await
    {
        let newest = sets.iter().max_by_key(|set| set.number);
        told.extend(newest.into_iter().flat_map(|set| set.lean.status.conditions.iter().map(words)));
    }
    told
}

fn words(condition: &Condition) -> (Clean, Clean, Clean) {
    (clean!("{}={}", condition.kind, condition.status), clean!("{}", condition.reason), clean!("{}", condition.message))
}

/// What crashed containers said last, each kind of container once.
async fn last_words(cluster: &Cluster, pods: &[Pod]) -> Vec<(Clean, Vec<Clean>)> {
    let mut wanted: Vec<(&Pod, &Container, bool)> = Vec::new();
    for pod in pods {
        for container in &pod.containers {
            let before = matches!(&container.last, Some(ContainerState::Ended { code, .. }) if *code != 0);
            let now = matches!(&container.state, ContainerState::Ended { code, .. } if *code != 0);
            let known = wanted.iter().any(|(other, seen, _)| other.template == pod.template && seen.name == container.name);
            if (before || now) && !known && wanted.len() < QUOTED {
                wanted.push((pod, container, before && !now));
            }
        }
    }
    let mut asked = Vec::new();
    for (pod, container, previous) in wanted {
        asked.push(quote(cluster, pod, container, previous));
    }
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

async fn quote(cluster: &Cluster, pod: &Pod, container: &Container, previous: bool) -> Option<(Clean, Vec<Clean>)> {
    let (namespace, name) = (pod.place.namespace.raw(), pod.name.raw());
    let path =
        format!("/api/v1/namespaces/{namespace}/pods/{name}/log?container={}&previous={previous}&tailLines={LINES}&limitBytes=65536", container.name.raw());
    let text = cluster.text(&Call::get("pods/log", Some(namespace), path)).await.ok()?;
    let lines: Vec<_> = String::from_utf8_lossy(&text).lines().map(|line| clean!("{}", crate::text::redact(line))).collect();
    (!lines.is_empty()).then(|| (clean!("{} {}", pod.name, container.name), lines))
}
