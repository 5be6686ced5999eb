//! Whether the pods of a revision ever lived, as far as can be seen.
//!
//! A container without a readiness probe is ready for the moment between its start and its crash, so what the controller counted says
//! little. A pod never served when its waiting and crashing alone account for all of its life.

use crate::{
    clean,
    sources::kubernetes::wire::{
        Shape,
        core::{ContainerStatus, Event, Pod},
    },
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// A run that ended so soon did not serve.
const SHORT: SignedDuration = SignedDuration::from_secs(120);

/// Why no pod of these ever served; none when one did, or may have.
pub fn never_by_pods(pods: &[&Pod], now: Timestamp) -> Option<Clean> {
    let staying: Vec<&&Pod> = pods.iter().filter(|pod| pod.meta().deletion_timestamp.is_none()).collect();
    let mut words = None;
    for pod in &staying {
        words = Some(never(pod, now)?);
    }
    words
}

/// Why a pod never served; none when it did, or may have.
fn never(pod: &Pod, now: Timestamp) -> Option<Clean> {
    let created = pod.meta().creation_timestamp.as_ref()?.0;
    let status = &pod.status;
    let all = || status.init_container_statuses.iter().chain(&status.container_statuses);
    if let Some(crashed) = all().find(|container| container.restart_count > 0 || container.state.terminated.as_ref().is_some_and(|ended| ended.exit_code != 0))
    {
        return (!lived(crashed, now.duration_since(created))).then(|| crash(crashed));
    }
    if let Some(waiting) = all()
        .filter_map(|container| container.state.waiting.as_ref())
        .find(|waiting| !matches!(waiting.reason.as_str(), "" | "ContainerCreating" | "PodInitializing"))
    {
        return Some(clean!("{}", waiting.reason));
    }
    let unready = status.conditions.iter().find(|condition| condition.kind == "Ready" && condition.status == "False")?;
    let since = unready.last_transition_time?.duration_since(created);
    // A pod that is only young says nothing yet.
    let settled = now.duration_since(created) > SHORT;
    (settled && since < SignedDuration::from_secs(15)).then(|| Clean::from_static("never ready"))
}

/// Whether one run of a container was a long one: its waits between the runs do not account for its life.
fn lived(container: &ContainerStatus, age: SignedDuration) -> bool {
    let last = container.last_state.terminated.as_ref().or(container.state.terminated.as_ref());
    let run = last.and_then(|run| Some(run.finished_at?.duration_since(run.started_at?)));
    if run.is_some_and(|run| run > SHORT) {
        return true;
    }
    // The kubelet waits 10 s, 20 s, 40 s … up to five minutes between runs.
    let restarts = i64::from(container.restart_count);
    let waits = 10 * ((1 << restarts.min(5)) - 1) + 300 * (restarts - 5).max(0);
    let each = run.unwrap_or(SignedDuration::ZERO).as_secs().max(5);
    let runs = restarts + 1;
    age.as_secs() > waits + 300 + each * runs + SHORT.as_secs()
}

fn crash(container: &ContainerStatus) -> Clean {
    let last = container.state.terminated.as_ref().or(container.last_state.terminated.as_ref());
    match last {
        Some(ended) if ended.reason == "OOMKilled" => Clean::from_static("OOMKilled"),
        Some(ended) => clean!("exit {}", ended.exit_code),
        None => Clean::from_static("it restarts"),
    }
}

/// The same for a revision whose pods are gone, from the events that are left.
pub fn never_by_events(set: &str, events: &[Event]) -> Option<Clean> {
    let mut lives: BTreeMap<&str, Life<'_>> = BTreeMap::new();
    for event in events {
        let pod = event.involved_object.name.as_str();
        if pod.strip_prefix(set).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| !rest.contains('-')) {
            lives.entry(pod).or_default().add(event);
        }
    }
    let mut words = None;
    for life in lives.values() {
        words = Some(life.never()?);
    }
    words
}

#[derive(Default)]
struct Life<'a> {
    started: Option<Timestamp>,
    failed: Option<(Timestamp, &'a str)>,
}

impl<'a> Life<'a> {
    fn add(&mut self, event: &'a Event) {
        let first = event.first_timestamp.or(event.event_time).or(event.last_timestamp);
        let Some(first) = first else { return };
        match event.reason.as_str() {
            "Started" => self.started = Some(self.started.map_or(first, |at| at.min(first))),
            "Failed" | "BackOff" | "FailedMount" | "InspectFailed" if self.failed.is_none_or(|(at, _)| first < at) => {
                self.failed = Some((first, &event.message))
            }
            _ => {}
        }
    }

    fn never(&self) -> Option<Clean> {
        let (failed, message) = self.failed?;
        if self.started.is_some_and(|started| failed.duration_since(started) > SHORT) {
            return None;
        }
        Some(clean!("{}", message.split('\n').next().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "name": "cart-6b-x", "creationTimestamp": "2026-01-01T00:00:00Z" }, "status": status })).expect("a pod")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn crashing(restarts: u32) -> Pod {
        pod(json!({ "containerStatuses": [{ "name": "app", "restartCount": restarts, "state": { "waiting": { "reason": "CrashLoopBackOff" } },
            "lastState": { "terminated": { "exitCode": 1, "startedAt": "2026-01-01T00:01:00Z", "finishedAt": "2026-01-01T00:01:01Z" } } }] }))
    }

    #[test]
    fn a_pod_that_only_ever_crashed_never_served() {
        assert_eq!(never_by_pods(&[&crashing(4)], at("2026-01-01T00:03:00Z")).as_deref(), Some("exit 1"));
        assert_eq!(never_by_pods(&[&crashing(4)], at("2026-01-05T00:00:00Z")), None, "four restarts do not fill four days");
        assert_eq!(never_by_pods(&[&crashing(1200)], at("2026-01-05T00:00:00Z")).as_deref(), Some("exit 1"));
    }

    #[test]
    fn a_pod_that_can_not_have_its_image_never_served_and_a_young_one_may_yet() {
        let waits = |reason: &str| pod(json!({ "containerStatuses": [{ "name": "app", "state": { "waiting": { "reason": reason } } }] }));
        assert_eq!(never_by_pods(&[&waits("ImagePullBackOff")], at("2026-01-01T00:00:20Z")).as_deref(), Some("ImagePullBackOff"));
        assert_eq!(never_by_pods(&[&waits("ContainerCreating")], at("2026-01-01T00:00:20Z")), None);
        assert_eq!(never_by_pods(&[&waits("ImagePullBackOff"), &waits("ContainerCreating")], at("2026-01-01T00:00:20Z")), None, "one may yet live");
        assert_eq!(never_by_pods(&[], at("2026-01-01T00:00:20Z")), None);
    }

    #[test]
    fn events_remember_pods_that_are_gone() {
        let event = |pod: &str, reason: &str, time: &str| -> Event {
            serde_json::from_value(
                json!({ "involvedObject": { "kind": "Pod", "name": pod }, "reason": reason, "message": format!("{reason}!"), "firstTimestamp": time }),
            )
            .expect("an event")
        };
        let failed = [
            event("cart-6b-x", "Failed", "2026-01-01T00:00:05Z"),
            event("cart-6b-x", "BackOff", "2026-01-01T00:00:09Z"),
            event("cart-other-x", "Started", "2026-01-01T00:00:05Z"),
        ];
        assert_eq!(never_by_events("cart-6b", &failed).as_deref(), Some("Failed!"));
        let served = [event("cart-6b-x", "Started", "2026-01-01T00:00:05Z"), event("cart-6b-x", "BackOff", "2026-01-01T00:40:09Z")];
        assert_eq!(never_by_events("cart-6b", &served), None);
        assert_eq!(never_by_events("cart-7c", &failed), None);
    }
}
