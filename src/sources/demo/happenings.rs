//! Events of a unit and its pods, as a cluster tells them for an hour.

use super::{lives::Life, rows::View, unit::Turn};
use crate::{
    domain::{Happening, Id},
    text::{Clean, Name, Raw},
};
use jiff::{SignedDuration, Timestamp};

/// A cluster forgets events after this long.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// All that happened lately, newest first.
pub(super) fn of(view: &View<'_>) -> Vec<Happening> {
    let mut found: Vec<Happening> = view.lives.iter().flat_map(|life| of_pod(view, life)).collect();
    found.extend(view.unit.turns.iter().filter(|turn| !turn.settled).map(|turn| scaled(view, turn)));
    found.retain(|event| event.at.is_some_and(|at| at <= view.at && view.at.duration_since(at) < KEPT));
    found.sort_by_key(|event| std::cmp::Reverse(event.at));
    found
}

fn scaled(view: &View<'_>, turn: &Turn) -> Happening {
    let object = view.unit.object(&view.unit.templates[turn.to]);
    let message = crate::clean!("Scaled up replica set {object} from 0 to 1");
    event(view, &view.unit.uid, (view.unit.kind.word(), &view.unit.service), ("ScalingReplicaSet", false), message, turn.at + super::lives::OBSERVED)
}

fn of_pod(view: &View<'_>, life: &Life) -> Vec<Happening> {
    let service = &view.unit.service;
    let node = view.site(life).map(|site| site.name.clone()).unwrap_or_default();
    let uid = format!("{}-{}", view.unit.uid, life.suffix);
    let told = |reason: &'static str, warning: bool, message: Clean, at: Timestamp| event(view, &uid, ("Pod", &life.name), (reason, warning), message, at);
    let template = view.template(life);
    let mut found = vec![told("Scheduled", false, crate::clean!("Successfully assigned {}/{} to {node}", view.unit.place.namespace, life.name), life.created)];
    if let Some(started) = life.started {
        let took = started.duration_since(life.created).as_secs();
        if took > 5 {
            found.push(told("Pulled", false, crate::clean!("Successfully pulled image \"{}\" in {took}s", template.reference), started));
        }
        found.push(told("Started", false, crate::clean!("Container started"), started));
    }
    if let Some(bad) = template.bad.as_ref().filter(|_| life.exists(view.at)) {
        let message = crate::clean!("Failed to pull image \"{}\": not found", template.reference);
        found.push(Happening { count: 4, ..told("Failed", true, crate::clean!("{bad}: {message}"), life.created + SignedDuration::from_secs(3)) });
    }
    if let Some(crashed) = view.crashed(life).filter(|crashed| crashed.restarts > 0) {
        let message = crate::clean!("Back-off restarting failed container {service} in pod {}", life.name);
        let at = crashed.last.map_or(life.created, |(_, ended)| ended);
        found.push(Happening { count: crashed.restarts, ..told("BackOff", true, message, at) });
    }
    if let Some((lost, _)) = life.lost {
        found.push(told("NodeNotReady", true, crate::clean!("Node {node} is not ready"), lost));
    }
    if let Some(leaving) = life.leaving {
        found.push(told("Killing", false, crate::clean!("Stopping container {service}"), leaving));
    }
    found
}

fn event(view: &View<'_>, uid: &str, (kind, object): (&str, &str), (reason, warning): (&'static str, bool), message: Clean, at: Timestamp) -> Happening {
    Happening {
        id: Id::new(&view.unit.source, &format!("{}/{object}/{reason}", view.unit.place.namespace.raw())),
        place: view.unit.place.clone(),
        kind: Name::new(kind),
        object: Name::new(object),
        uid: Raw::new(uid),
        field: if kind == "Pod" { crate::clean!("spec.containers{{{}}}", view.unit.service) } else { Clean::EMPTY },
        warning,
        reason: Clean::from_static(reason),
        message,
        count: 1,
        at: Some(at),
    }
}
