//! From what the engine says to the rows of the console.

use super::{
    container::{Check, Container, Death, Owner, Run},
    recreate::{
        self,
        names::{Role, apart},
    },
    swarm,
    world::World,
};
use crate::{
    clean,
    domain::{self, ContainerState, Id, Kind, Labels, Place, Pod, Progress, Replicas, Revision, Scope, SourceId, Workload},
    text::{Clean, Name, Raw},
};
use std::collections::{BTreeMap, BTreeSet};

/// The key of a workload: the same for a container that is made anew under its name.
pub fn workload_key(container: &Container) -> Option<String> {
    match container.owner() {
        Owner::Compose { project, service } => Some(format!("compose/{project}/{service}")),
        Owner::Swarm { service, .. } => Some(format!("service/{service}")),
        Owner::Alone => Some(format!("container/{}", apart(&container.name).0)),
        Owner::OneOff | Owner::Elsewhere => None,
    }
}

/// The identity of the workload that a container belongs to.
pub fn workload_id(source: &SourceId, container: &Container) -> Option<Id<Workload>> {
    workload_key(container).map(|key| Id::new(source, &key))
}

/// The project of a container, or the stack.
pub fn namespace(container: &Container) -> &str {
    whose(container).1
}

/// The identity of a container.
pub fn pod_id(source: &SourceId, container: &str) -> Id<Pod> {
    Id::new(source, &format!("container/{container}"))
}

/// Whether a container has run, or the engine has said why it could not: one that was only made stands for nothing.
pub fn counts(container: &Container) -> bool {
    container.run != Run::Created || container.wanted()
}

/// The containers that stand for what runs: without those that an exchange has set aside or not put into place yet. One that was set aside
/// and never replaced is all that there is.
pub fn standing<'a>(containers: impl Iterator<Item = &'a Container>) -> Vec<&'a Container> {
    let all: Vec<&Container> = containers.collect();
    let names: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let stands = |one: &&&Container| match apart(&one.name) {
        (_, Role::Own) => true,
        (place, Role::Aside(_)) => runs(one) || !names.contains(place),
        (_, Role::Next(_)) => runs(one),
    };
    all.iter().filter(stands).copied().collect()
}

fn runs(container: &Container) -> bool {
    matches!(container.run, Run::Running | Run::Paused | Run::Restarting)
}

/// The containers of a host by the key of their workload, in the order of the keys; those of a swarm only where it is not asked itself.
fn groups(world: &World) -> BTreeMap<String, Vec<&Container>> {
    let mut groups: BTreeMap<String, Vec<&Container>> = BTreeMap::new();
    for container in standing(world.containers()) {
        if world.swarm().is_some() && matches!(container.owner(), Owner::Swarm { .. }) {
            continue;
        }
        if let Some(key) = workload_key(container) {
            groups.entry(key).or_default().push(container);
        }
    }
    groups
}

/// Every workload of a host, in the order of their keys.
pub fn workloads(source: &SourceId, world: &World) -> Vec<Workload> {
    let mut rows: Vec<Workload> = groups(world).iter().filter_map(|(key, group)| workload(source, world.host(), key, group)).collect();
    rows.extend(world.swarm().into_iter().flat_map(|swarm| swarm::workloads(source, world.host(), swarm)));
    rows
}

/// The revisions of every service of a swarm, the one that it has and the one before; and the images that containers run.
pub fn revisions(source: &SourceId, world: &World) -> Vec<Revision> {
    let services = world.swarm().into_iter().flat_map(|swarm| swarm.services.iter().map(move |service| (swarm, service)));
    let mut rows: Vec<Revision> = services.flat_map(|(swarm, service)| swarm::history::revisions(source, service, &swarm.tasks)).collect();
    for (key, group) in groups(world).iter().filter(|(key, _)| !key.starts_with("service/")) {
        let Some(newest) = newest(group) else { continue };
        let images: BTreeSet<&str> = group.iter().map(|one| one.image_id.as_str()).filter(|id| !id.is_empty()).collect();
        rows.extend(images.into_iter().map(|id| {
            let own: Vec<&Container> = group.iter().copied().filter(|one| one.image_id == id).collect();
            recreate::revision(source, key, id, own[0].image(), &own, id == newest.image_id)
        }));
    }
    rows
}

/// The container that speaks for the specification of `group`: the newest of those that ran.
fn newest<'a>(group: &[&'a Container]) -> Option<&'a Container> {
    group.iter().copied().max_by_key(|container| (counts(container), container.created, &container.id))
}

/// The workload that `group` is.
fn workload(source: &SourceId, host: &str, key: &str, group: &[&Container]) -> Option<Workload> {
    let newest = newest(group)?;
    let oldest = group.iter().filter_map(|container| container.created).min();
    let worst = group.iter().max_by_key(|container| container.rank())?;
    let (kind, namespace, name, uid, selector) = whose(newest);
    let images = [newest.image()];
    Some(Workload {
        id: Id::new(source, key),
        kind,
        place: Place::new(host, namespace),
        name: Name::new(name),
        uid: Raw::new(&uid),
        labels: labels(newest),
        selector: Raw::new(&selector),
        version: newest.version(),
        images: images.into(),
        revision: None,
        replicas: replicas(newest, group),
        progress: progress(group),
        in_order: None,
        owner: newest.label("PODMAN_SYSTEMD_UNIT").map(|unit| domain::Owner::Operator { kind: Name::new("systemd unit"), name: Name::new(unit) }),
        changed: newest.created,
        created: oldest,
        remark: worst.remark(),
    })
}

/// Kind, namespace, name, identity and selector.
fn whose(container: &Container) -> (Kind, &str, &str, String, String) {
    match container.owner() {
        Owner::Compose { project, service } => {
            let selector = format!("label=com.docker.compose.project={project},label=com.docker.compose.service={service}");
            (Kind::ComposeService, project, service, format!("{project}/{service}"), selector)
        }
        Owner::Swarm { service, name } => {
            let stack = container.label("com.docker.stack.namespace").unwrap_or_default();
            (Kind::SwarmService, stack, swarm::short(name, stack), service.to_owned(), format!("label=com.docker.swarm.service.id={service}"))
        }
        Owner::Alone | Owner::OneOff | Owner::Elsewhere => (
            Kind::Container,
            container.label("com.docker.compose.project").unwrap_or_default(),
            apart(&container.name).0,
            apart(&container.name).0.to_owned(),
            format!("name={}", apart(&container.name).0),
        ),
    }
}

/// Compose's own book-keeping says nothing about a service.
fn labels(container: &Container) -> Labels {
    const KEPT: &[&str] = &["com.docker.compose.service", "com.docker.compose.project"];
    let noise =
        |key: &str| (key.starts_with("com.docker.") || key.starts_with("desktop.docker.io/") || key.starts_with("pilothouse.dev/")) && !KEPT.contains(&key);
    Labels::new(container.labels.iter().filter(|(key, _)| !noise(key)).map(|(key, value)| (key.as_str(), value.as_str())))
}

/// How many of `group` there are, `newest` speaking for the specification.
pub fn replicas(newest: &Container, group: &[&Container]) -> Replicas {
    let count = |of: &dyn Fn(&Container) -> bool| u32::try_from(group.iter().filter(|container| of(container)).count()).unwrap_or(u32::MAX);
    let template = newest.template();
    let ready = count(&Container::ready);
    Replicas {
        wanted: count(&Container::wanted),
        total: count(&|container| container.wanted()),
        updated: count(&|container| container.wanted() && container.template() == template),
        ready,
        available: ready,
    }
}

/// Nobody rolls containers out step by step: while one of them has not said how it is, the change is under way.
pub fn progress(group: &[&Container]) -> Progress {
    let starting = group.iter().any(|container| container.run == Run::Running && container.check == Check::Starting);
    if starting { Progress::Rolling } else { Progress::Done }
}

/// The containers of a scope as pods.
pub fn pods(source: &SourceId, world: &World, scope: &Scope) -> Vec<Pod> {
    let managed = world.swarm().is_some();
    let own = standing(world.containers()).into_iter().filter(|container| match container.owner() {
        Owner::Elsewhere => false,
        Owner::Swarm { .. } => !managed,
        Owner::Compose { .. } | Owner::OneOff | Owner::Alone => true,
    });
    let mut rows: Vec<Pod> = own.map(|container| pod(source, world.host(), container)).collect();
    rows.extend(world.swarm().into_iter().flat_map(|swarm| swarm::pods(source, world.host(), swarm)));
    rows.retain(|pod| match scope {
        Scope::All => true,
        Scope::Namespace(namespace) => pod.place.namespace.raw() == namespace.expose(),
        Scope::Workload(workload) => pod.workload.as_ref() == Some(workload),
    });
    rows
}

/// A container as a pod with one container.
pub fn pod(source: &SourceId, host: &str, container: &Container) -> Pod {
    let (reason, message) = reason(container);
    let restarted = (container.restarts > 0).then_some(container.began).flatten();
    Pod {
        id: pod_id(source, &container.id),
        place: Place::new(host, namespace(container)),
        name: Name::new(&container.name),
        uid: Raw::new(&container.id),
        workload: workload_id(source, container),
        template: Raw::new(&container.image_id),
        reason,
        message,
        ready: container.ready(),
        leaving: container.run == Run::Leaving,
        restarts: container.restarts,
        restarted,
        containers: [inner(container)].into(),
        node: Some(Name::new(host)),
        created: container.created,
    }
}

/// One word and what goes with it.
fn reason(container: &Container) -> (Clean, Clean) {
    let word = match (container.run, &container.check) {
        (Run::Running, Check::None | Check::Healthy) => "Running",
        (Run::Running, Check::Starting) => "Starting",
        (Run::Running, Check::Unhealthy { .. }) => "Unhealthy",
        (Run::Paused, _) => "Paused",
        (Run::Restarting, _) => "Restarting",
        (Run::Created, _) if !container.error.is_empty() => "StartError",
        (Run::Created, _) => "Created",
        (Run::Leaving, _) => "Terminating",
        (Run::Dead, _) => "Dead",
        (Run::Unknown, _) => "?",
        (Run::Ended, _) => return (ended_word(container.death.as_ref()), container.remark().unwrap_or_default()),
    };
    (Clean::from_static(word), container.remark().unwrap_or_default())
}

fn ended_word(death: Option<&Death>) -> Clean {
    Clean::from_static(match death {
        Some(Death { oom: true, .. }) => "OOMKilled",
        Some(Death { code: 0, .. }) => "Completed",
        Some(_) => "Error",
        None => "Exited",
    })
}

fn inner(container: &Container) -> domain::Container {
    let ended = container.death.as_ref().map(|death| ContainerState::Ended {
        code: death.code,
        reason: ended_word(Some(death)),
        message: Clean::from_untrusted(&container.error),
        began: container.began.filter(|began| death.at.is_none_or(|at| *began <= at)),
        ended: death.at,
    });
    let waiting = |reason: &'static str| ContainerState::Waiting { reason: reason.into(), message: Clean::from_untrusted(&container.error) };
    let (state, last) = match container.run {
        Run::Running => (ContainerState::Running { since: container.began }, ended),
        Run::Paused => (waiting("Paused"), ended),
        Run::Restarting => (waiting("Restarting"), ended),
        Run::Created if !container.error.is_empty() => (waiting("StartError"), ended),
        Run::Created => (waiting("Created"), None),
        Run::Ended | Run::Dead | Run::Leaving => (ended.unwrap_or(ContainerState::Unknown), None),
        Run::Unknown => (ContainerState::Unknown, None),
    };
    domain::Container {
        name: Name::new(&container.name),
        init: false,
        image: container.image().into(),
        state,
        last,
        ready: container.ready(),
        restarts: container.restarts,
    }
}

/// What a container's state amounts to, in the engine's terms: state, reason, message.
pub fn condition(container: &Container) -> Option<(Clean, Clean, Clean)> {
    let remark = container.remark()?;
    let policy = match &*container.policy {
        "" | "no" => Clean::from_static("the engine does not start it again"),
        policy => clean!("restart policy {policy}"),
    };
    Some((Clean::from_untrusted(&container.name), remark, policy))
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
