//! A unit and its pods as the rows that a list would say.

use super::{
    lives::{Crashed, Ground, Life, OBSERVED, Site},
    unit::{Template, Turn, Unit},
};
use crate::{
    domain::{Container, ContainerState, Id, Image, Kind, Labels, Node, Outline, Place, Pod, Progress, Replicas, Revision, SourceId, Workload},
    text::{Clean, Name, Raw},
};
use jiff::Timestamp;

/// A unit at one moment.
pub(super) struct View<'a> {
    pub unit: &'a Unit,
    pub ground: &'a Ground,
    pub lives: &'a [Life],
    pub at: Timestamp,
}

impl<'a> View<'a> {
    pub fn turn(&self) -> &'a Turn {
        self.unit.turn(self.at).1
    }

    /// The pods that count: those on their way out do not.
    pub fn staying(&self) -> impl Iterator<Item = &'a Life> {
        let at = self.at;
        self.lives.iter().filter(move |life| life.exists(at) && !life.leaving(at))
    }

    pub fn template(&self, life: &Life) -> &'a Template {
        &self.unit.templates[life.of]
    }

    pub fn crashed(&self, life: &Life) -> Option<Crashed> {
        self.template(life).crash.as_ref().and_then(|crash| life.crashed(crash, self.at))
    }

    /// How many pods there are, of one template or of all.
    pub fn replicas(&self, of: Option<usize>) -> Replicas {
        let count = |is: &dyn Fn(&Life) -> bool| u32::try_from(self.staying().filter(|life| is(life)).count()).unwrap_or(u32::MAX);
        let own = |life: &Life| of.is_none_or(|of| life.of == of);
        let ready = count(&|life| own(life) && life.serves(self.at));
        let total = count(&own);
        // A revision's own object is scaled to what it has.
        let wanted = if of.is_some() { total } else { self.unit.wanted(self.at) };
        Replicas { wanted, total, updated: count(&|life| own(life) && life.of == self.turn().to), ready, available: ready }
    }

    /// By the rules of `kubectl rollout status`, and of the controller's own patience.
    pub fn progress(&self) -> Progress {
        let counts = self.replicas(None);
        if self.at < self.unit.generation(self.at).1 + OBSERVED {
            return Progress::Unobserved;
        }
        if self.unit.paused(self.at) {
            return Progress::Paused { since: None };
        }
        if counts.updated == counts.wanted && counts.total == counts.updated && counts.available == counts.wanted {
            return Progress::Done;
        }
        match self.gave_up().filter(|since| *since <= self.at) {
            Some(since) => Progress::Stuck {
                since: Some(since),
                reason: Clean::from_static("ProgressDeadlineExceeded"),
                message: crate::clean!("ReplicaSet \"{}\" has timed out progressing.", self.unit.object(self.unit.current(self.at))),
            },
            None => Progress::Rolling,
        }
    }

    /// When the controller gives up, as things stand: so long after the last pod that was made or became ready.
    pub fn gave_up(&self) -> Option<Timestamp> {
        let turn = self.turn();
        let steps = self.lives.iter().filter(|life| life.of == turn.to).flat_map(|life| [Some(life.created), life.ready]).flatten();
        let last = steps.filter(|step| *step <= self.at && *step >= turn.at).max().unwrap_or(turn.at);
        (!turn.settled).then(|| last + self.unit.deadline)
    }

    pub fn workload(&self) -> Workload {
        let (unit, template) = (self.unit, self.unit.current(self.at));
        let by_number = unit.kind != Kind::ComposeService;
        Workload {
            id: unit.id.clone(),
            kind: unit.kind,
            place: unit.place.clone(),
            name: Name::new(&unit.service),
            uid: Raw::new(&unit.uid),
            labels: labels(unit, template),
            selector: Raw::new(&format!("app.kubernetes.io/name={}", unit.service)),
            images: self.images(template),
            version: template.version(),
            revision: by_number.then_some(self.turn().number),
            replicas: self.replicas(None),
            progress: self.progress(),
            in_order: None,
            owner: unit.owner.clone(),
            changed: Some(self.turn().at),
            created: unit.turns.first().map(|turn| turn.at),
            remark: None,
        }
    }

    fn images(&self, template: &Template) -> Box<[Image]> {
        let sidecar = self.unit.sidecar.then(sidecar_image);
        [template.image(&self.unit.service)].into_iter().chain(sidecar).collect()
    }

    /// The revisions that are kept: each template once, under the number of its last rollout. Newest first.
    pub fn revisions(&self) -> Vec<Revision> {
        if self.unit.kind == Kind::ComposeService {
            return Vec::new();
        }
        let done = || self.unit.turns.iter().filter(|turn| turn.at <= self.at);
        let mut last: Vec<&Turn> = done().filter(|turn| done().filter(|other| other.to == turn.to).all(|other| other.number <= turn.number)).collect();
        last.sort_by_key(|turn| std::cmp::Reverse(turn.number));
        last.into_iter().map(|turn| self.revision(turn)).collect()
    }

    fn revision(&self, turn: &Turn) -> Revision {
        let template = &self.unit.templates[turn.to];
        Revision {
            id: Id::new(&self.unit.source, &format!("{}@{}", self.unit.id.key(), template.hash)),
            workload: self.unit.id.clone(),
            number: turn.number,
            template: Raw::new(&template.hash),
            images: self.images(template),
            version: template.version(),
            replicas: self.replicas(Some(turn.to)),
            current: turn.to == self.turn().to,
            created: Some(template.created),
            cause: template.cause.as_deref().map(Clean::from_untrusted),
            evidence: Vec::new(),
            outline: Outline::default(),
        }
    }

    pub fn pods(&self) -> impl Iterator<Item = Pod> {
        self.lives.iter().filter(|life| life.exists(self.at)).map(|life| self.pod(life))
    }

    pub fn pod(&self, life: &Life) -> Pod {
        let crashed = self.crashed(life);
        let (reason, message) = self.reason(life, crashed);
        let restarts = crashed.map_or(0, |crashed| crashed.restarts);
        Pod {
            id: self.pod_id(life),
            place: self.unit.place.clone(),
            name: Name::new(&life.name),
            uid: Raw::new(&format!("{}-{}", self.unit.uid, life.suffix)),
            workload: Some(self.unit.id.clone()),
            template: Raw::new(&self.template(life).hash),
            reason,
            message,
            ready: life.serves(self.at),
            leaving: life.leaving(self.at),
            restarts,
            restarted: crashed.filter(|_| restarts > 0).and_then(|crashed| crashed.running.or(crashed.last.map(|(began, _)| began))),
            containers: self.containers(life, crashed),
            node: self.site(life).map(|site| Name::new(&site.name)),
            created: Some(life.created),
        }
    }

    pub fn pod_id(&self, life: &Life) -> Id<Pod> {
        Id::new(&self.unit.source, &format!("{}/{}", self.unit.place.namespace.raw(), life.name))
    }

    pub fn site(&self, life: &Life) -> Option<&'a Site> {
        life.site.and_then(|at| self.ground.sites.get(at))
    }

    fn reason(&self, life: &Life, crashed: Option<Crashed>) -> (Clean, Clean) {
        let at = self.at;
        if life.lost(at) {
            let node = self.site(life).map(|site| site.name.clone()).unwrap_or_default();
            return (Clean::from_static("NodeLost"), crate::clean!("Node {node} which was running pod {} is unresponsive", life.name));
        }
        if life.leaving(at) {
            let grace = life.grace(self.unit.grace).map(|until| crate::clean!("grace ends {}", until.strftime("%H:%M:%SZ"))).unwrap_or_default();
            return (Clean::from_static("Terminating"), grace);
        }
        if let Some(bad) = &self.template(life).bad {
            return (Clean::from_untrusted(bad), Clean::EMPTY);
        }
        match crashed {
            Some(Crashed { running: None, .. }) => (Clean::from_static("CrashLoopBackOff"), Clean::EMPTY),
            Some(_) => (Clean::from_static("Running"), Clean::EMPTY),
            None if life.started.is_some_and(|started| started <= at) => (Clean::from_static("Running"), self.probed(life)),
            None => (Clean::from_static("ContainerCreating"), Clean::EMPTY),
        }
    }

    /// What a pod that runs and is not ready waits for.
    fn probed(&self, life: &Life) -> Clean {
        if life.serves(self.at) { Clean::EMPTY } else { crate::clean!("probe GET /ready, usually {} s", self.unit.ready.as_secs()) }
    }

    fn containers(&self, life: &Life, crashed: Option<Crashed>) -> Box<[Container]> {
        let template = self.template(life);
        let (state, last) = self.state(life, template, crashed);
        let main = Container {
            name: Name::new(&self.unit.service),
            init: false,
            image: template.image(&self.unit.service).into(),
            state,
            last,
            ready: life.serves(self.at),
            restarts: crashed.map_or(0, |crashed| crashed.restarts),
        };
        let runs = life.started.is_some_and(|started| started <= self.at);
        let sidecar = self.unit.sidecar.then(|| Container {
            name: Name::new(SIDECAR),
            init: false,
            image: sidecar_image().into(),
            state: if runs { ContainerState::Running { since: life.started } } else { creating() },
            last: None,
            ready: runs && !life.lost(self.at),
            restarts: 0,
        });
        [main].into_iter().chain(sidecar).collect()
    }

    fn state(&self, life: &Life, template: &Template, crashed: Option<Crashed>) -> (ContainerState, Option<ContainerState>) {
        if let Some(bad) = &template.bad {
            let message = crate::clean!("failed to pull and unpack image \"{}\": not found", template.reference);
            return (ContainerState::Waiting { reason: Clean::from_untrusted(bad), message }, None);
        }
        let (Some(crashed), Some(crash)) = (crashed, &template.crash) else {
            let started = life.started.filter(|started| *started <= self.at);
            return (started.map_or_else(creating, |since| ContainerState::Running { since: Some(since) }), None);
        };
        let ended = |(began, ended): (Timestamp, Timestamp)| ContainerState::Ended {
            code: crash.code,
            reason: Clean::from_static("Error"),
            message: crash.says.first().map(|says| Clean::from_untrusted(says)).unwrap_or_default(),
            began: Some(began),
            ended: Some(ended),
        };
        let waits = || ContainerState::Waiting {
            reason: Clean::from_static("CrashLoopBackOff"),
            message: crate::clean!("back-off restarting failed container {} in pod {}", self.unit.service, life.name),
        };
        (crashed.running.map_or_else(waits, |since| ContainerState::Running { since: Some(since) }), crashed.last.map(ended))
    }
}

/// The proxy that a mesh puts beside every container.
pub(super) const SIDECAR: &str = "istio-proxy";

fn sidecar_image() -> Image {
    Image { container: Name::new(SIDECAR), reference: Name::new("registry.example/istio/proxyv2:1.27.1"), digest: None }
}

fn creating() -> ContainerState {
    ContainerState::Waiting { reason: Clean::from_static("ContainerCreating"), message: Clean::EMPTY }
}

fn labels(unit: &Unit, template: &Template) -> Labels {
    match unit.kind {
        Kind::ComposeService => Labels::new([("com.docker.compose.project", unit.place.namespace.raw()), ("com.docker.compose.service", &unit.service)]),
        _ => Labels::new([("app.kubernetes.io/name", unit.service.as_str()), ("app.kubernetes.io/version", &template.version), ("team", "shop")]),
    }
}

/// A node as a row.
pub(super) fn node(source: &SourceId, site: &Site, at: Timestamp) -> Node {
    let ready = site.ready(at);
    let since = [Some(site.joined), site.lost().map(|(from, _)| from), site.back].into_iter().flatten().filter(|since| *since <= at).max();
    let zone = site.zone.as_deref().map(|zone| ("topology.kubernetes.io/zone", zone));
    Node {
        id: Id::new(source, &site.name),
        place: Place::new(&site.context, ""),
        name: Name::new(&site.name),
        ready,
        cordoned: false,
        reason: if ready { Clean::EMPTY } else { Clean::from_static("NodeStatusUnknown: kubelet stopped posting node status") },
        since,
        labels: Labels::new(zone),
        created: Some(site.joined),
    }
}
