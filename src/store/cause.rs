//! A cause that many share: a dead node with thirty innocent red services.
//!
//! It leads when at least three services are its victims, and a service is a victim when at least 60 % of its failing pods share
//! the cause. Sharing says something only where it tells apart: on a node that is ready its failing pods must outnumber the well
//! ones, there must be another node, and most services that fail must be among the victims.

use super::{Cell, CellState, EnvironmentRef, Store, ailment, words};
use crate::{
    domain::{CheckKind, Finding, Id, Image, Pod, Progress, Workload},
    store::Ailment,
    text::{Clean, Name},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What is shared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// Nodes that are not ready.
    NodesDown(Vec<Clean>),
    /// A registry that gives no image.
    Registry(Clean),
    /// An admission webhook that lets nothing through.
    Webhook(Clean),
    /// A zone.
    Zone(Clean),
    /// A node that says it is ready.
    Node(Clean),
}

/// A service that suffers and did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// The service.
    pub service: Name,
    /// Where.
    pub environment: EnvironmentRef,
    /// Its pods that the cause explains.
    pub explained: usize,
    /// Its pods that fail.
    pub failing: usize,
    /// When it last changed.
    pub changed: Option<Timestamp>,
}

/// A cause that many share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What.
    pub shared: Shared,
    /// In which cluster.
    pub context: Name,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
    /// Failing pods of that cluster that it explains.
    pub explained: usize,
    /// All failing pods of that cluster.
    pub failing: usize,
    /// Who suffers.
    pub victims: Vec<Victim>,
}

impl Cause {
    /// `node eu-4 not ready 3m: explains 28 of 30 failing pods`.
    pub fn words(&self, now: Timestamp) -> Clean {
        let age = self.since.map(|at| crate::clean!(" {}", words::short(words::since(at, now)))).unwrap_or_default();
        crate::clean!("{}{age}: explains {} of {} failing pods", self.what(), self.explained, self.failing)
    }

    /// `node eu-4 not ready`.
    pub fn what(&self) -> Clean {
        match &self.shared {
            Shared::NodesDown(names) if names.len() == 1 => crate::clean!("node {} not ready", names[0]),
            Shared::NodesDown(names) => crate::clean!("nodes {} not ready", names.iter().map(Clean::as_str).collect::<Vec<_>>().join(", ")),
            Shared::Registry(host) => crate::clean!("registry {host} gives no image"),
            Shared::Webhook(name) => crate::clean!("admission webhook {name} lets nothing through"),
            Shared::Zone(name) => crate::clean!("zone {name}"),
            Shared::Node(name) => crate::clean!("node {name}"),
        }
    }

    /// Whether a service is a victim of it.
    pub fn victim(&self, service: &Name, environment: &EnvironmentRef) -> Option<&Victim> {
        self.victims.iter().find(|victim| victim.service == *service && victim.environment.name == environment.name)
    }

    /// Whose victims they are, in a word: `eu-4`.
    pub fn name(&self) -> Clean {
        match &self.shared {
            Shared::NodesDown(names) => names.first().cloned().unwrap_or_default(),
            Shared::Registry(name) | Shared::Webhook(name) | Shared::Zone(name) | Shared::Node(name) => name.clone(),
        }
    }

    /// Turns a cell from red to a victim where all that fails in it is explained. What serves nothing is down, whoever is to blame, and a
    /// rollout with failures of its own is stuck.
    pub(super) fn excuse(&self, service: &Name, cell: &mut Cell) {
        let Some(victim) = self.victim(service, &cell.environment) else { return };
        let stuck = matches!(cell.state, CellState::Stuck { .. });
        if cell.state == CellState::Failing || (stuck && victim.explained == victim.failing) {
            cell.state = CellState::Victim { of: self.name() };
            cell.why = Some(self.what());
        }
    }
}

/// Something that fails: a pod, or the pods that can not even be made.
struct Failing<'a> {
    service: (&'a Name, &'a EnvironmentRef),
    changed: Option<Timestamp>,
    pods: usize,
    shares: BTreeSet<Shared>,
}

const SERVICES: usize = 3;

fn most(part: usize, whole: usize) -> bool {
    part * 10 >= whole * 6
}

/// The cause that many share, if there is one.
pub fn shared_cause(store: &Store) -> Option<Cause> {
    let contexts: BTreeSet<&Name> = store.workloads().map(|workload| &workload.place.context).collect();
    let causes = contexts.into_iter().filter_map(|context| in_context(store, context));
    causes.max_by_key(|cause| (cause.victims.len(), cause.explained))
}

/// What our own reading of the world says to a rollback of `service`: that it will not help.
pub fn warning(store: &Store, cause: Option<&Cause>, workload: &Workload, (service, environment): (&Name, &EnvironmentRef), now: Timestamp) -> Option<Finding> {
    let age = workload.changed.map(|at| words::since(at, now));
    let victim = cause.filter(|cause| cause.victim(service, environment).is_some());
    let unchanged = age.filter(|age| age.as_hours() >= 24).map(|age| crate::clean!("nothing changed here for {}", words::long(age)));
    let sentence = match (victim, unchanged) {
        (Some(cause), Some(unchanged)) => crate::clean!("{unchanged}, and {}: a rollback will not help", cause.what()),
        (Some(cause), None) => crate::clean!("{} takes this service with it: a rollback will hardly help", cause.what()),
        (None, Some(unchanged)) if store.health(workload, now).bad() => crate::clean!("{unchanged}: a rollback will not help"),
        (None, Some(_) | None) => return None,
    };
    Some(CheckKind::Cause.warn(sentence, None))
}

fn in_context(store: &Store, context: &Name) -> Option<Cause> {
    let failing = failing(store, context);
    let total: usize = failing.iter().map(|one| one.pods).sum();
    let shares: BTreeSet<&Shared> = failing.iter().flat_map(|one| &one.shares).collect();
    let judged = shares.into_iter().filter_map(|shared| judge(store, context, shared, &failing, total));
    // The one that explains most leads; of equals the surest, which is the first in the order of `Shared`.
    judged.max_by(|a, b| a.explained.cmp(&b.explained).then_with(|| b.shared.cmp(&a.shared)))
}

fn judge(store: &Store, context: &Name, shared: &Shared, failing: &[Failing<'_>], total: usize) -> Option<Cause> {
    let mut by_service: BTreeMap<(&Name, &Name), Victim> = BTreeMap::new();
    for one in failing {
        let (service, environment) = one.service;
        let fresh = || Victim { service: service.clone(), environment: environment.clone(), explained: 0, failing: 0, changed: None };
        let victim = by_service.entry((service, &environment.name)).or_insert_with(fresh);
        victim.failing += one.pods;
        victim.changed = victim.changed.max(one.changed);
        if one.shares.contains(shared) {
            victim.explained += one.pods;
        }
    }
    let services = by_service.len();
    let victims: Vec<Victim> = by_service.into_values().filter(|victim| victim.explained > 0 && most(victim.explained, victim.failing)).collect();
    let names: BTreeSet<&Name> = victims.iter().map(|victim| &victim.service).collect();
    let explained: usize = victims.iter().map(|victim| victim.explained).sum();
    if names.len() < SERVICES || !tells_apart(store, context, shared, (victims.len(), services), explained) {
        return None;
    }
    Some(Cause { shared: shared.clone(), context: context.clone(), since: since(store, context, shared), explained, failing: total, victims })
}

/// Whether sharing this says anything: everything of a cluster of one node stands on it.
fn tells_apart(store: &Store, context: &Name, shared: &Shared, (victims, services): (usize, usize), explained: usize) -> bool {
    match shared {
        Shared::NodesDown(_) | Shared::Registry(_) | Shared::Webhook(_) => true,
        // Few candidates have most of the services for victims, so that the walk over all pods is rare.
        Shared::Node(_) | Shared::Zone(_) if !most(victims, services) => false,
        Shared::Node(_) | Shared::Zone(_) => {
            let here = |pod: &&Pod| pod.place.context == *context;
            let on = |pod: &&Pod| places(store, pod).contains(shared);
            let well = store.pods().filter(here).filter(on).filter(|pod| pod.ready).count();
            let others: BTreeSet<&Name> = store.pods().filter(here).filter(|pod| !on(pod)).filter_map(|pod| pod.node.as_ref()).collect();
            let nodes: BTreeSet<&Name> = store.pods().filter(here).filter(on).filter_map(|pod| pod.node.as_ref()).collect();
            let several = matches!(shared, Shared::Node(_)) || nodes.len() >= 2;
            several && !others.is_empty() && well < explained
        }
    }
}

fn since(store: &Store, context: &Name, shared: &Shared) -> Option<Timestamp> {
    match shared {
        Shared::NodesDown(names) => {
            let named = |node: &&crate::domain::Node| node.place.context == *context && names.contains(node.name.clean());
            store.nodes().filter(named).filter_map(|node| node.since).min()
        }
        Shared::Registry(_) | Shared::Webhook(_) | Shared::Zone(_) | Shared::Node(_) => None,
    }
}

fn failing<'a>(store: &'a Store, context: &Name) -> Vec<Failing<'a>> {
    let down: BTreeSet<&Name> = store.nodes().filter(|node| node.place.context == *context && !node.ready).map(|node| &node.name).collect();
    let mut found = Vec::new();
    for workload in store.workloads().filter(|workload| workload.place.context == *context) {
        let Some(joined) = store.joined(&workload.id) else { continue };
        let one = |pods, shares| Failing { service: (&joined.service, &joined.environment), changed: workload.changed, pods, shares };
        for pod in store.pods_of(&workload.id) {
            if let Some(shares) = shares_of(store, pod, &down) {
                found.push(one(1, shares));
            }
        }
        if let Some((missing, webhook)) = unmade(workload) {
            found.push(one(missing, BTreeSet::from([Shared::Webhook(webhook)])));
        }
    }
    found
}

/// What a failing pod shares with others; none for a pod that does not fail.
fn shares_of(store: &Store, pod: &Pod, down: &BTreeSet<&Name>) -> Option<BTreeSet<Shared>> {
    let lost = pod.node.as_ref().is_some_and(|node| down.contains(node));
    let mut shares = match ailment(pod)? {
        Ailment::Leaving | Ailment::Starting if !lost => return None,
        Ailment::Image { .. } => images_without(pod).map(|image| Shared::Registry(Clean::from_untrusted(image.registry()))).collect(),
        Ailment::Config { .. }
        | Ailment::CannotStart { .. }
        | Ailment::Init { .. }
        | Ailment::Crash { .. }
        | Ailment::Unschedulable { .. }
        | Ailment::Node { .. }
        | Ailment::Leaving
        | Ailment::NotReady
        | Ailment::Starting => BTreeSet::new(),
    };
    if lost {
        shares.insert(Shared::NodesDown(down.iter().map(|name| name.clean().clone()).collect()));
    } else {
        shares.extend(places(store, pod));
    }
    Some(shares)
}

fn images_without(pod: &Pod) -> impl Iterator<Item = &Image> {
    pod.containers.iter().filter(|container| !container.ready).map(|container| &*container.image)
}

/// The node and the zone on which a pod stands.
fn places(store: &Store, pod: &Pod) -> BTreeSet<Shared> {
    const ZONE: &[&str] = &["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];
    let Some(name) = &pod.node else { return BTreeSet::new() };
    let zone = store.node(&pod.place.context, name).and_then(|node| node.labels.first(ZONE)).map(|zone| Shared::Zone(zone.clean().clone()));
    zone.into_iter().chain([Shared::Node(name.clean().clone())]).collect()
}

/// Pods that a webhook keeps from being made, and the webhook.
fn unmade(workload: &Workload) -> Option<(usize, Clean)> {
    let Progress::Stuck { message, .. } = &workload.progress else { return None };
    let name = webhook(message)?;
    let missing = workload.replicas.wanted.saturating_sub(workload.replicas.updated).max(1);
    Some((missing as usize, name))
}

/// The name in `failed calling webhook "NAME"` or `admission webhook "NAME" denied`.
pub(super) fn webhook(message: &str) -> Option<Clean> {
    let (_, rest) = message.split_once("webhook \"")?;
    rest.split_once('"').map(|(name, _)| Clean::from_untrusted(name))
}

/// Keeps the identity of the workloads a cause takes with it, for rows that turn from red to victims.
pub fn victims_of(store: &Store, cause: &Cause) -> BTreeSet<Id<Workload>> {
    let hit = |workload: &&Workload| store.joined(&workload.id).is_some_and(|joined| cause.victim(&joined.service, &joined.environment).is_some());
    store.workloads().filter(hit).map(|workload| workload.id.clone()).collect()
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
