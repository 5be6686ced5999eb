//! Services of a swarm, seen from one of its managers. Their tasks send no events beyond the containers of this node, so that a manager is
//! asked for them every few seconds: the one thing here that is polled.

pub mod act;
pub mod history;

use super::{
    engine::{Session, filters},
    wire::{self, Service, Task, time},
};
use crate::{
    clean,
    domain::{Container, ContainerState, Id, Image, Kind, Labels, Place, Pod, Progress, Replicas, SourceId, Version, Workload},
    sources::SourceError,
    text::{Clean, Name, Raw},
};
use std::{collections::BTreeMap, time::Duration};

/// How often the services of a swarm are asked for.
pub const EVERY: Duration = Duration::from_secs(5);

/// What a manager knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swarm {
    /// Services.
    pub services: Vec<Service>,
    /// Tasks, old ones too.
    pub tasks: Vec<Task>,
    /// The names of nodes.
    pub nodes: BTreeMap<String, String>,
}

impl Swarm {
    /// Asks a manager for all of it.
    pub async fn read(session: &Session) -> Result<Self, SourceError> {
        let services: Vec<Service> = session.json("/services?status=1").await?;
        if services.is_empty() {
            return Ok(Self::default());
        }
        let (tasks, nodes) = futures::future::try_join(session.json("/tasks"), session.json::<Vec<wire::Node>>("/nodes")).await?;
        Ok(Self { services, tasks, nodes: nodes.into_iter().map(|node| (node.id, node.description.hostname)).collect() })
    }

    /// The tasks of one service that should run now.
    pub async fn current(session: &Session, service: &str) -> Result<Vec<Task>, SourceError> {
        let wanted = filters([("service", vec![service.to_owned()]), ("desired-state", vec!["running".to_owned()])]);
        session.json(&format!("/tasks?filters={wanted}")).await
    }
}

/// A service's name without the stack in front of it.
pub fn short<'a>(name: &'a str, stack: &str) -> &'a str {
    if stack.is_empty() { name } else { name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('_')).unwrap_or(name) }
}

fn stack(service: &Service) -> &str {
    service.spec.labels.get("com.docker.stack.namespace").map_or("", String::as_str)
}

/// `repository:tag@sha256:…`, as managers pin it, taken apart.
fn image(reference: &str) -> Image {
    let (name, digest) = reference.split_once('@').map_or((reference, None), |(name, digest)| (name, Some(Name::new(digest))));
    Image { container: Name::default(), reference: Name::new(name), digest }
}

/// Services as workloads.
pub fn workloads(source: &SourceId, host: &str, swarm: &Swarm) -> Vec<Workload> {
    swarm.services.iter().map(|service| workload(source, host, service, &tasks_of(swarm, service))).collect()
}

fn tasks_of<'a>(swarm: &'a Swarm, service: &Service) -> Vec<&'a Task> {
    swarm.tasks.iter().filter(|task| task.service_id == service.id).collect()
}

fn workload(source: &SourceId, host: &str, service: &Service, tasks: &[&Task]) -> Workload {
    let spec = &service.spec;
    let images = [image(&spec.task_template.container_spec.image)];
    let labels: Vec<(&str, &str)> =
        spec.labels.iter().chain(&spec.task_template.container_spec.labels).map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let labels = Labels::new(labels.into_iter().filter(|(key, _)| !key.starts_with("com.docker.")));
    let began = time(&service.update_status.started_at);
    Workload {
        id: Id::new(source, &format!("service/{}", service.id)),
        kind: Kind::SwarmService,
        place: Place::new(host, stack(service)),
        name: Name::new(short(&spec.name, stack(service))),
        uid: Raw::new(&service.id),
        version: Version::of(labels.get("app.kubernetes.io/version"), &images),
        labels,
        selector: Raw::new(&format!("label=com.docker.swarm.service.id={}", service.id)),
        images: images.into(),
        revision: None,
        replicas: replicas(service, tasks),
        progress: progress(service, tasks),
        in_order: None,
        owner: None,
        changed: began.or_else(|| time(&service.created_at)),
        created: time(&service.created_at),
        remark: remark(service, tasks),
    }
}

fn running(task: &Task) -> bool {
    task.status.state == "running"
}

fn meant(task: &Task) -> bool {
    matches!(&*task.desired_state, "running" | "ready")
}

fn replicas(service: &Service, tasks: &[&Task]) -> Replicas {
    let count = |of: &dyn Fn(&Task) -> bool| u32::try_from(tasks.iter().filter(|task| of(task)).count()).unwrap_or(u32::MAX);
    let named = service.spec.mode.replicated.as_ref().map(|mode| mode.replicas.unwrap_or(1));
    let counted = service.service_status.as_ref().map(|status| status.desired_tasks);
    let newest = |task: &Task| task.spec.mark == service.spec.task_template.mark;
    let ready = count(&|task| meant(task) && running(task));
    Replicas {
        wanted: named.or(counted).unwrap_or_else(|| count(&meant)),
        total: count(&meant),
        updated: count(&|task| meant(task) && newest(task)),
        ready,
        available: ready,
    }
}

/// The swarm's own word about the last update; without one, whether tasks are on their way.
fn progress(service: &Service, tasks: &[&Task]) -> Progress {
    let update = &service.update_status;
    match &*update.state {
        "updating" | "rollback_started" => Progress::Rolling,
        "paused" | "rollback_paused" => {
            Progress::Stuck { since: time(&update.started_at), reason: Clean::from_untrusted(&update.state), message: Clean::from_untrusted(&update.message) }
        }
        _ if tasks.iter().any(|task| meant(task) && !running(task) && task.status.err.is_empty()) => Progress::Rolling,
        // An update that was asked for has no state before the swarm has taken it up.
        "" if service.previous_spec.is_some() && tasks.iter().any(|task| meant(task) && task.spec.mark != service.spec.task_template.mark) => Progress::Rolling,
        _ => Progress::Done,
    }
}

/// The newest trouble of its tasks: `exit 1: task: non-zero exit (1)`, `no suitable node (…)`.
fn remark(service: &Service, tasks: &[&Task]) -> Option<Clean> {
    let paused = matches!(&*service.update_status.state, "paused" | "rollback_paused");
    let short = tasks.iter().any(|task| meant(task) && !running(task));
    if !paused && !short {
        return None;
    }
    let newest = tasks.iter().filter(|task| !task.status.err.is_empty()).max_by_key(|task| time(&task.status.timestamp))?;
    Some(clean!("{}: {}", newest.status.state, newest.status.err))
}

/// Tasks that should run as pods, with the failed ones of the same slot as their runs before this one.
pub fn pods(source: &SourceId, host: &str, swarm: &Swarm) -> Vec<Pod> {
    let of_service = |service: &Service| {
        let tasks = tasks_of(swarm, service);
        let current: Vec<Pod> = tasks.iter().filter(|task| meant(task)).map(|task| pod(source, host, swarm, service, task, &tasks)).collect();
        current
    };
    swarm.services.iter().flat_map(of_service).collect()
}

fn pod(source: &SourceId, host: &str, swarm: &Swarm, service: &Service, task: &Task, all: &[&Task]) -> Pod {
    let slot = |other: &&&Task| if task.slot == 0 { other.node_id == task.node_id } else { other.slot == task.slot };
    let mut failed: Vec<&&Task> =
        all.iter().filter(|other| other.id != task.id && matches!(&*other.status.state, "failed" | "rejected")).filter(slot).collect();
    failed.sort_by_key(|other| time(&other.status.timestamp));
    let node = swarm.nodes.get(&task.node_id);
    let which = if task.slot == 0 { node.map_or_else(|| task.node_id.clone(), Clone::clone) } else { task.slot.to_string() };
    let restarts = u32::try_from(failed.len()).unwrap_or(u32::MAX);
    let word = match &*task.status.state {
        "running" => Clean::from_static("Running"),
        "pending" | "new" | "allocated" => Clean::from_static("Pending"),
        state => Clean::from_untrusted(state),
    };
    let name = Name::new(&format!("{}.{which}", service.spec.name));
    let inner = Container {
        name: Name::new(short(&service.spec.name, stack(service))),
        init: false,
        image: image(&task.spec.container_spec.image).into(),
        state: state(task),
        last: failed.last().map(|other| ended(other)),
        ready: running(task),
        restarts,
    };
    Pod {
        id: Id::new(source, &format!("task/{}", task.id)),
        place: Place::new(host, stack(service)),
        name,
        uid: Raw::new(if task.status.container_status.container_id.is_empty() { &task.id } else { &task.status.container_status.container_id }),
        workload: Some(Id::new(source, &format!("service/{}", service.id))),
        template: Raw::new(&task.spec.mark),
        reason: word,
        message: Clean::from_untrusted(if task.status.err.is_empty() { &task.status.message } else { &task.status.err }),
        ready: running(task),
        leaving: false,
        restarts,
        restarted: failed.last().and_then(|other| time(&other.status.timestamp)),
        containers: [inner].into(),
        node: node.map(|name| Name::new(name)),
        created: time(&task.created_at),
    }
}

fn state(task: &Task) -> ContainerState {
    let message = || Clean::from_untrusted(if task.status.err.is_empty() { &task.status.message } else { &task.status.err });
    match &*task.status.state {
        "running" => ContainerState::Running { since: time(&task.status.timestamp) },
        "complete" | "failed" | "shutdown" | "remove" | "orphaned" => ended(task),
        // A node that can not get the image rejects the task.
        "rejected" if task.status.err.contains("No such image") => ContainerState::Waiting { reason: "ErrImagePull".into(), message: message() },
        other => ContainerState::Waiting { reason: Clean::from_untrusted(other), message: message() },
    }
}

fn ended(task: &Task) -> ContainerState {
    let code = i32::try_from(task.status.container_status.exit_code).unwrap_or(i32::MAX);
    ContainerState::Ended {
        code,
        reason: Clean::from_static(if code == 0 && task.status.err.is_empty() { "Completed" } else { "Error" }),
        message: Clean::from_untrusted(&task.status.err),
        began: None,
        ended: time(&task.status.timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn swarm(update: serde_json::Value, tasks: serde_json::Value) -> Swarm {
        let services = json!([{
            "ID": "s1", "CreatedAt": "2026-11-24T02:00:00.5Z", "UpdatedAt": "2026-11-24T02:10:00Z",
            "Spec": { "Name": "shop_web", "Labels": { "com.docker.stack.namespace": "shop", "app": "web" }, "Mode": { "Replicated": { "Replicas": 2 } },
                "TaskTemplate": { "ContainerSpec": { "Image": "shop/web:2@sha256:bbbbbbbbb", "Labels": null } } },
            "ServiceStatus": { "RunningTasks": 1, "DesiredTasks": 2 }, "UpdateStatus": update,
        }]);
        Swarm {
            services: serde_json::from_value(services).unwrap(),
            tasks: serde_json::from_value(tasks).unwrap(),
            nodes: [("n1".to_owned(), "alpha".to_owned())].into(),
        }
    }

    fn task(id: &str, slot: u64, desired: &str, state: &str, err: &str, image: &str) -> serde_json::Value {
        json!({ "ID": id, "ServiceID": "s1", "Slot": slot, "NodeID": "n1", "DesiredState": desired, "CreatedAt": "2026-11-24T02:10:00Z",
            "Spec": { "ContainerSpec": { "Image": image } },
            "Status": { "State": state, "Err": err, "Timestamp": "2026-11-24T02:10:05Z", "ContainerStatus": { "ContainerID": format!("c-{id}"), "ExitCode": if err.is_empty() { 0 } else { 1 } } } })
    }

    #[test]
    fn an_update_that_the_swarm_paused_is_stuck_and_says_why() {
        let old = "shop/web:1@sha256:aaaaaaaaa";
        let new = "shop/web:2@sha256:bbbbbbbbb";
        let tasks = json!([
            task("a", 1, "running", "running", "", old),
            task("b", 2, "shutdown", "failed", "task: non-zero exit (1)", new),
            task("c", 2, "running", "starting", "", new)
        ]);
        let swarm = swarm(json!({ "State": "paused", "StartedAt": "2026-11-24T02:10:01Z", "Message": "update paused due to failure" }), tasks);
        let row = workloads(&SourceId::new("docker"), "host", &swarm).remove(0);
        assert_eq!((row.name.raw(), row.place.namespace.raw(), &*row.version.0), ("web", "shop", "2"));
        assert_eq!(row.replicas, Replicas { wanted: 2, total: 2, updated: 1, ready: 1, available: 1 });
        assert!(matches!(&row.progress, Progress::Stuck { message, .. } if message.contains("due to failure")), "{:?}", row.progress);
        assert_eq!(row.remark.as_deref(), Some("failed: task: non-zero exit (1)"));
        let pods = pods(&SourceId::new("docker"), "host", &swarm);
        assert_eq!((pods.len(), pods[1].restarts, pods[1].node.as_ref().unwrap().raw()), (2, 1, "alpha"));
        assert!(matches!(pods[1].containers[0].last, Some(ContainerState::Ended { code: 1, .. })));
    }

    #[test]
    fn a_service_without_an_update_rolls_while_its_first_tasks_start() {
        let image = "shop/web:2@sha256:bbbbbbbbb";
        let starting = swarm(json!(null), json!([task("a", 1, "running", "preparing", "", image), task("b", 2, "running", "running", "", image)]));
        assert_eq!(workloads(&SourceId::new("docker"), "host", &starting)[0].progress, Progress::Rolling);
        let unplaced = swarm(json!(null), json!([task("a", 1, "running", "pending", "no suitable node (1 node not available)", image)]));
        let row = workloads(&SourceId::new("docker"), "host", &unplaced).remove(0);
        assert_eq!((row.progress, row.remark.as_deref()), (Progress::Done, Some("pending: no suitable node (1 node not available)")));
        assert_eq!(&*pods(&SourceId::new("docker"), "host", &unplaced)[0].reason, "Pending");
    }

    #[test]
    fn an_image_that_a_node_can_not_get_is_an_image_trouble() {
        let row = swarm(json!(null), json!([task("a", 1, "running", "rejected", "No such image: shop/web:2", "shop/web:2")]));
        let state = pods(&SourceId::new("docker"), "host", &row).remove(0).containers[0].state.clone();
        assert!(matches!(state, ContainerState::Waiting { reason, .. } if &*reason == "ErrImagePull"));
    }
}
