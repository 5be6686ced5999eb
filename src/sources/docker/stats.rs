//! What the containers of a workload use, while somebody looks. Each answer is one moment: the engine counts processor time, and only two
//! moments make a share.

use super::{
    container::{Limits, Run},
    engine::Session,
    logs,
    wire::{Stats, time},
    world::Facts,
};
use crate::{
    domain::{Batch, Id, Labels, Metric, Sample, SourceId, Workload},
    sources::SourceError,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// How often a container is asked, and how soon the second time: one moment is no share of a processor.
const EVERY: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);
/// How many values of each are kept.
const KEPT: usize = 120;

/// The processor's share of its limit between two moments, 0 to 1; none where the engine does not say.
fn cpu(before: &Stats, now: &Stats, limits: Limits) -> Option<f64> {
    let (before, now) = (&before.cpu_stats, &now.cpu_stats);
    let used = now.cpu_usage.total_usage.checked_sub(before.cpu_usage.total_usage)?;
    let passed = now.system_cpu_usage.checked_sub(before.system_cpu_usage).filter(|passed| *passed > 0)?;
    let cpus = if now.online_cpus > 0 { f64::from(now.online_cpus) } else { now.cpu_usage.percpu_usage.len().max(1) as f64 };
    Some(used as f64 / passed as f64 * cpus / limits.cpus.unwrap_or(cpus))
}

/// What is in use of the limit without what the kernel would give back, 0 to 1.
fn memory(now: &Stats) -> Option<f64> {
    let memory = &now.memory_stats;
    let cache = memory.stats.total_inactive_file.or(memory.stats.inactive_file).unwrap_or_default();
    let used = memory.usage.checked_sub(cache).unwrap_or(memory.usage);
    (memory.limit > 0 && memory.usage > 0).then(|| used as f64 / memory.limit as f64)
}

/// What was measured of one container.
struct Measured {
    name: String,
    limits: Limits,
    before: Option<Stats>,
    series: BTreeMap<&'static str, (Metric, Vec<(Timestamp, f64)>)>,
}

impl Measured {
    fn take(&mut self, now: Stats) {
        let at = time(&now.read).unwrap_or_else(Timestamp::now);
        let share = self.before.as_ref().and_then(|before| cpu(before, &now, self.limits));
        for (word, metric, value) in [("cpu", Metric::Cpu, share), ("memory", Metric::Memory, memory(&now))] {
            let Some(value) = value else { continue };
            let points = &mut self.series.entry(word).or_insert((metric, Vec::new())).1;
            points.push((at, value));
            points.drain(..points.len().saturating_sub(KEPT));
        }
        self.before = Some(now);
    }
}

struct Watch {
    session: Session,
    source: SourceId,
    workload: Id<Workload>,
    known: HashMap<String, Measured>,
    rounds: u32,
}

impl Watch {
    /// Asks every running container once.
    async fn round(&mut self) -> Result<Batch, SourceError> {
        let containers = logs::containers_of(&self.session, self.workload.key()).await?;
        self.known.retain(|id, _| containers.iter().any(|container| container.id == *id && container.began.is_some()));
        let running: Vec<(String, String, Limits)> = containers
            .iter()
            .filter(|container| container.run == Run::Running)
            .map(|container| (container.id.clone(), container.name.clone(), container.limits))
            .collect();
        let asked = stream::iter(running).map(|(id, name, limits)| {
            let session = self.session.clone();
            async move {
                let stats = session.find::<Stats>(&format!("/containers/{id}/stats?stream=false&one-shot=true")).await?;
                Ok::<_, SourceError>((id, name, limits, stats))
            }
        });
        let answers: Vec<_> = asked.buffer_unordered(self.session.width()).try_collect().await?;
        for (id, name, limits, stats) in answers {
            let Some(stats) = stats else { continue };
            self.known.entry(id).or_insert_with(|| Measured { name, limits, before: None, series: BTreeMap::new() }).take(stats);
        }
        let namespace = containers.first().and_then(|container| container.label("com.docker.compose.project")).unwrap_or_default();
        let service = containers.first().and_then(|container| container.label("com.docker.compose.service"));
        Ok(Batch::list(self.known.iter().flat_map(|(id, measured)| self.samples(id, measured, namespace, service))))
    }

    fn samples(&self, id: &str, measured: &Measured, namespace: &str, service: Option<&str>) -> Vec<Sample> {
        let labels = [("namespace", namespace), ("service", service.unwrap_or(&measured.name)), ("pod", &measured.name)];
        let sample = |(word, (metric, points)): (&&str, &(Metric, Vec<(Timestamp, f64)>))| Sample {
            id: Id::new(&self.source, &format!("stats/{id}/{word}")),
            metric: *metric,
            labels: Labels::new(labels),
            points: points.clone(),
            guessed: None,
        };
        measured.series.iter().map(sample).collect()
    }
}

/// The feed of what the containers of `workload` use.
pub fn stats(source: SourceId, workload: Id<Workload>, opening: impl Future<Output = Result<Session, SourceError>> + Send + 'static) -> Facts {
    let begin = async move {
        let session = opening.await?;
        let watch = Watch { session, source, workload, known: HashMap::new(), rounds: 0 };
        Ok::<_, SourceError>(stream::try_unfold(watch, |mut watch| async move {
            match watch.rounds {
                0 => {}
                1 => tokio::time::sleep(SECOND).await,
                _ => tokio::time::sleep(EVERY).await,
            }
            watch.rounds = watch.rounds.saturating_add(1);
            Ok(Some((watch.round().await?, watch)))
        }))
    };
    stream::once(begin).try_flatten().boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stats(total: u64, system: u64, cpus: u32) -> Stats {
        serde_json::from_value(json!({
            "read": "2026-11-24T02:00:00.5Z", "precpu_stats": {}, "cpu_stats": { "cpu_usage": { "total_usage": total, "percpu_usage": null }, "system_cpu_usage": system, "online_cpus": cpus },
            "memory_stats": { "usage": 300, "limit": 1000, "stats": { "inactive_file": 100, "cache": 7 } } }))
        .unwrap()
    }

    #[test]
    fn a_share_is_of_the_limit_and_needs_two_moments() {
        let (before, now) = (stats(1_000, 10_000, 4), stats(2_000, 18_000, 4));
        assert_eq!(cpu(&before, &now, Limits::default()), Some(0.125));
        assert_eq!(cpu(&before, &now, Limits { cpus: Some(0.5), memory: None }), Some(1.0));
        assert_eq!(cpu(&now, &before, Limits::default()), None, "it was started again");
        assert_eq!(memory(&now), Some(0.2));
        assert_eq!(memory(&Stats::default()), None, "a stopped container answers with zeros");
    }

    #[test]
    fn values_are_kept_up_to_a_bound() {
        let mut measured = Measured { name: "x".into(), limits: Limits::default(), before: None, series: BTreeMap::new() };
        (0..KEPT as u64 + 5).for_each(|n| measured.take(stats(n * 10, 1_000 + n * 100, 1)));
        assert!(measured.series.values().all(|(_, points)| points.len() == KEPT));
    }
}
