//! Logs: which ones a target means, and how one is asked for.

mod follow;
mod frames;
mod lines;
mod read;

pub use follow::{Memories, follow};
pub use read::{last_words, previous};

use super::{
    container::Container,
    engine::Session,
    rows,
    swarm::Swarm,
    wire::{Listed, Task},
    world,
};
use crate::{
    clean,
    domain::{Id, Image, LogStream, Pod, SourceId, Version, Workload},
    sources::SourceError,
    text::Name,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

/// How many logs are followed at once for one workload.
const MOST: usize = 64;

/// One log that can be read.
#[derive(Clone, Debug)]
pub struct Log {
    /// The container's or the task's id.
    pub id: String,
    /// Where it is asked for.
    pub path: String,
    /// Who speaks in it.
    pub stream: LogStream,
    /// Whether it has no frames.
    pub tty: bool,
    /// Where it goes.
    pub driver: String,
    /// The moment that parts its present run from the one before, where there was one.
    pub parted: Option<Timestamp>,
}

impl Log {
    /// The log of a container.
    pub fn of_container(source: &SourceId, container: &Container) -> Self {
        let mut stream = LogStream::new(Id::new(source, &format!("log/{}", container.id)), &container.name, "");
        stream.workload = rows::workload_id(source, container);
        stream.version = container.version();
        Self {
            path: format!("/containers/{}/logs", container.id),
            stream,
            tty: container.tty,
            driver: container.log_driver.clone(),
            parted: container.parted(),
            id: container.id.clone(),
        }
    }

    /// The log of a task of a swarm, on whatever node.
    pub fn of_task(source: &SourceId, task: &Task) -> Self {
        let id = &task.id;
        let name = if task.slot == 0 { id.chars().take(12).collect() } else { format!("task-{}", task.slot) };
        let mut stream = LogStream::new(Id::new(source, &format!("log/{id}")), &name, "");
        stream.workload = Some(Id::new(source, &format!("service/{}", task.service_id)));
        let reference = task.spec.container_spec.image.split('@').next().unwrap_or_default();
        stream.version = Version::of(None, &[Image { container: Name::default(), reference: Name::new(reference), digest: None }]);
        Self { path: format!("/tasks/{id}/logs"), stream, tty: task.spec.container_spec.tty, driver: String::new(), parted: None, id: id.clone() }
    }
}

/// The containers of a workload as they are now, those that run first, then the newest first.
pub async fn containers_of(session: &Session, key: &str) -> Result<Vec<Container>, SourceError> {
    let listed: Vec<Listed> = session.json("/containers/json?all=1").await?;
    let own: Vec<Container> = listed.into_iter().map(Container::from).filter(|row| rows::workload_key(row).as_deref() == Some(key)).collect();
    let mut ids: Vec<Container> = rows::standing(own.iter()).into_iter().cloned().collect();
    ids.sort_by_key(|row| (!row.ready(), std::cmp::Reverse(row.created)));
    ids.truncate(MOST);
    let looked = stream::iter(ids.into_iter().map(|row| async move {
        match world::inspect(session, &row.id).await {
            Ok(container) => Ok(Some(container)),
            Err(SourceError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }));
    let found: Vec<Option<Container>> = looked.buffered(session.width()).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The service of a swarm that a workload is, where this engine manages it.
pub fn service<'a>(session: &Session, workload: &'a Id<Workload>) -> Option<&'a str> {
    workload.key().strip_prefix("service/").filter(|_| session.hello.manager)
}

async fn logs_of(session: &Session, source: &SourceId, workload: &Id<Workload>) -> Result<Vec<Log>, SourceError> {
    match service(session, workload) {
        Some(service) => Ok(Swarm::current(session, service).await?.iter().take(MOST).map(|task| Log::of_task(source, task)).collect()),
        None => Ok(containers_of(session, workload.key()).await?.iter().map(|container| Log::of_container(source, container)).collect()),
    }
}

async fn log_of(session: &Session, source: &SourceId, pod: &Id<Pod>) -> Result<Log, SourceError> {
    let key = pod.key();
    if let Some(task) = key.strip_prefix("task/") {
        let task: Task = session.json(&format!("/tasks/{}", Session::part(task)?)).await?;
        return Ok(Log::of_task(source, &task));
    }
    let Some(id) = key.strip_prefix("container/") else {
        return Err(SourceError::NotFound(clean!("{key} is no container")));
    };
    world::inspect(session, id).await.map(|container| Log::of_container(source, &container))
}
