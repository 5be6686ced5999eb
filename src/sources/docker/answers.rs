//! Answers to questions: an object as it is, and why it is not well.

use super::{
    container::{Container, Run},
    engine::Session,
    events::{self, Happened},
    logs::{self, Log},
    rows, swarm,
    swarm::Swarm,
    wire, yaml,
};
use crate::{
    clean,
    domain::{Answer, Id, Pod, Scope, SourceId, Workload},
    sources::SourceError,
    text::Clean,
};
use serde_json::Value;

/// How many last lines of a crashed container are shown.
const LAST: usize = 20;
/// Of how many containers.
const CRASHED: usize = 3;

/// The whole workload as YAML: a service of a swarm, or its containers one after the other.
pub async fn yaml(session: &Session, workload: &Id<Workload>) -> Result<Answer, SourceError> {
    if let Some(service) = logs::service(session, workload) {
        return object(session, &format!("/services/{}", Session::part(service)?)).await.map(Answer::Text);
    }
    let mut lines = Vec::new();
    for container in logs::containers_of(session, workload.key()).await? {
        if !lines.is_empty() {
            lines.push(Clean::from_static("---"));
        }
        lines.extend(object(session, &format!("/containers/{}/json", container.id)).await?);
    }
    if lines.is_empty() { Err(gone(workload.key())) } else { Ok(Answer::Text(lines)) }
}

/// One container or task as YAML.
pub async fn pod_yaml(session: &Session, pod: &Id<Pod>) -> Result<Answer, SourceError> {
    let path = match pod.key().split_once('/') {
        Some(("container", id)) => format!("/containers/{}/json", Session::part(id)?),
        Some(("task", id)) => format!("/tasks/{}", Session::part(id)?),
        _ => return Err(gone(pod.key())),
    };
    object(session, &path).await.map(Answer::Text)
}

async fn object(session: &Session, path: &str) -> Result<Vec<Clean>, SourceError> {
    session.json::<Value>(path).await.map(|value| yaml::lines(&value))
}

fn gone(key: &str) -> SourceError {
    SourceError::NotFound(clean!("{key} is no longer there"))
}

/// Everything that says why a workload is not well.
pub async fn explain(session: &Session, source: &SourceId, workload: &Id<Workload>) -> Result<Answer, SourceError> {
    let happenings = happened(session, source, workload).await?;
    let (pods, conditions, last_words) = match logs::service(session, workload) {
        Some(service) => of_service(session, source, service).await?,
        None => of_containers(session, source, workload).await?,
    };
    Ok(Answer::Explain { pods, happenings, conditions, last_words })
}

async fn happened(session: &Session, source: &SourceId, workload: &Id<Workload>) -> Result<Vec<crate::domain::Happening>, SourceError> {
    let (mut happened, scope) = (Happened::default(), Scope::Workload(workload.clone()));
    for event in events::past(session).await? {
        happened.take(source, &session.hello.host, &scope, &event);
    }
    let mut rows = happened.rows();
    rows.reverse();
    Ok(rows)
}

type Causes = (Vec<Pod>, Vec<(Clean, Clean, Clean)>, Vec<(Clean, Vec<Clean>)>);

async fn of_containers(session: &Session, source: &SourceId, workload: &Id<Workload>) -> Result<Causes, SourceError> {
    let mut containers = logs::containers_of(session, workload.key()).await?;
    if containers.is_empty() {
        return Err(gone(workload.key()));
    }
    containers.sort_by_key(|container| (std::cmp::Reverse(container.rank()), std::cmp::Reverse(container.restarts)));
    let mut words = Vec::new();
    for container in containers.iter().filter(|container| crashed(container)).take(CRASHED) {
        // Where another run has begun since, its lines are not those of the crash.
        let until = container.parted();
        let lines = logs::last_words(session, &Log::of_container(source, container), LAST, until).await.unwrap_or_else(|error| vec![error.why().words]);
        words.push((Clean::from_untrusted(&container.name), lines));
    }
    let pods = containers.iter().map(|container| rows::pod(source, &session.hello.host, container)).collect();
    Ok((pods, containers.iter().filter_map(rows::condition).collect(), words))
}

fn crashed(container: &Container) -> bool {
    match container.run {
        Run::Restarting | Run::Dead => true,
        Run::Ended => container.wanted(),
        Run::Running | Run::Paused => container.restarts > 0,
        Run::Created | Run::Leaving | Run::Unknown => false,
    }
}

async fn of_service(session: &Session, source: &SourceId, service: &str) -> Result<Causes, SourceError> {
    let mut all = Swarm::read(session).await?;
    all.services.retain(|one| one.id == service);
    let Some(one) = all.services.first() else { return Err(gone(service)) };
    let update = &one.update_status;
    let mut conditions = Vec::new();
    if !update.state.is_empty() {
        conditions.push((Clean::from_static("update"), Clean::from_untrusted(&update.state), Clean::from_untrusted(&update.message)));
    }
    let mut troubled: Vec<&wire::Task> = all.tasks.iter().filter(|task| task.service_id == service && !task.status.err.is_empty()).collect();
    troubled.sort_by_key(|task| std::cmp::Reverse(wire::time(&task.status.timestamp)));
    conditions.extend(
        troubled
            .iter()
            .take(CRASHED)
            .map(|task| (clean!("task {}", task.slot), Clean::from_untrusted(&task.status.state), Clean::from_untrusted(&task.status.err))),
    );
    let mut words = Vec::new();
    if let Some(failed) = troubled.iter().find(|task| task.status.state == "failed") {
        let lines = logs::last_words(session, &Log::of_task(source, failed), LAST, None).await.unwrap_or_else(|error| vec![error.why().words]);
        words.push((clean!("task {}", failed.slot), lines));
    }
    let mut pods = swarm::pods(source, &session.hello.host, &all);
    pods.sort_by_key(|pod| (pod.ready, std::cmp::Reverse(pod.restarts)));
    Ok((pods, conditions, words))
}
