//! How long a way back of a Rollout takes: at once, or step by step.

use super::{length, way::Delivery};
use crate::{
    clean,
    domain::{CheckKind, Finding},
    sources::kubernetes::{
        revisions::Kept,
        wire::{
            Shape, note, parse_time,
            rollouts::{BlueGreen, Canary, Step},
        },
    },
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};

/// How many it asks for, how many of the target are there, and when that is asked.
pub struct Room {
    /// Pods that are wanted.
    pub wanted: u32,
    /// Now.
    pub now: Timestamp,
}

/// What an abort leads to.
pub fn of_abort(stable: Option<&Kept>, room: &Room) -> Finding {
    let made = CheckKind::Strategy;
    let Some(stable) = stable else { return made.unknown("the stable revision's ReplicaSet is not there") };
    let serve = stable.lean.status.available_replicas;
    match room.wanted.saturating_sub(serve) {
        0 => made.ok(clean!("abort, instant: all {serve} pods of the stable r{} run, and all traffic goes back to them at once", stable.number)),
        missing => {
            made.ok(clean!("abort: traffic goes back to the stable r{} at once; {missing} of its {} pods have to start again", stable.number, room.wanted))
        }
    }
}

/// What an undo leads to: the rules of its controller (fast track: back to the stable revision, inside the rollback window, or to a revision
/// of a blue-green delivery whose pods were not taken away yet).
pub fn of_undo(delivery: &Delivery, target: &Kept, sets: &[Kept], room: &Room) -> Finding {
    let made = CheckKind::Strategy;
    let (spec, number) = (&delivery.lean.spec, target.number);
    if target.template == delivery.lean.status.stable {
        return made.ok(clean!("instant: r{number} is the stable revision, which its controller takes without steps"));
    }
    if let Some(between) = within(delivery, target, sets) {
        let window = spec.rollback_window.revisions;
        return made.ok(clean!(
            "fast: {between} revisions lie between, inside the rollback window of {window}: no steps and no analysis, its pods only have to start"
        ));
    }
    match (&spec.strategy.blue_green, &spec.strategy.canary) {
        (Some(how), _) => blue_green(how, target, room),
        (None, Some(canary)) => stepwise(canary),
        (None, None) => made.unknown("it has neither a canary nor a blue-green strategy"),
    }
}

/// How many revisions lie between the target and the stable one, where that is inside the window. They count by their age.
fn within(delivery: &Delivery, target: &Kept, sets: &[Kept]) -> Option<usize> {
    let age = |set: &Kept| set.lean.meta().creation_timestamp.as_ref().map(|time| time.0);
    let stable = sets.iter().find(|set| set.template == delivery.lean.status.stable).and_then(age)?;
    let target = age(target)?;
    let between = sets.iter().filter_map(age).filter(|age| target < *age && *age < stable).count();
    (target < stable && between < delivery.lean.spec.rollback_window.revisions as usize).then_some(between)
}

fn blue_green(how: &BlueGreen, target: &Kept, room: &Room) -> Finding {
    let made = CheckKind::Strategy;
    let until = note(target.lean.meta(), "scale-down-deadline").and_then(parse_time).filter(|until| *until > room.now);
    let runs = target.lean.status.available_replicas >= room.wanted;
    if let (Some(until), true) = (until, runs) {
        return made.ok(clean!("instant until {}: the pods of r{} still run, and the traffic is only switched", until.strftime("%H:%M:%S UTC"), target.number));
    }
    let mut also = Vec::new();
    if how.pre_promotion_analysis {
        also.push("an analysis before the switch".to_owned());
    }
    match (how.auto_promotion_enabled, how.auto_promotion_seconds.filter(|seconds| *seconds > 0)) {
        (Some(false), Some(seconds)) => also.push(format!("a pause of {} before the switch", long(SignedDuration::from_secs(seconds.into())))),
        (Some(false), None) => also.push("a pause until somebody promotes it".to_owned()),
        (Some(true) | None, _) => {}
    }
    if how.post_promotion_analysis {
        also.push("an analysis after the switch".to_owned());
    }
    let start = clean!("not instant: the pods of r{} were taken away, {} have to start before the traffic is switched", target.number, room.wanted);
    match also[..] {
        [] => made.warn(start, None),
        _ => made.warn(clean!("{start}; on the way {}", also.join(", ")), Some(Clean::from_static("promote it in full where that can not wait"))),
    }
}

/// `stepwise: 5 steps, about 12 min of pauses, 1 pause until somebody promotes it, 2 analyses`.
fn stepwise(canary: &Canary) -> Finding {
    let made = CheckKind::Strategy;
    if canary.steps.is_empty() {
        return made.ok("a canary without steps: pods are replaced as in a rolling update");
    }
    let mut words = vec![format!("stepwise: all {} run again", plural(canary.steps.len(), "step"))];
    words.extend(also(&canary.steps, canary.analysis));
    made.warn(clean!("{}", words.join(", ")), Some(Clean::from_static("promote it in full where that can not wait")))
}

/// What some steps have in them: `about 12 min of pauses, 1 until somebody promotes it, 2 with an analysis`.
pub(super) fn also(steps: &[Step], analysis: bool) -> Vec<String> {
    let pauses = || steps.iter().filter_map(|step| step.pause.as_ref());
    let timed: SignedDuration = pauses().filter_map(|pause| pause.duration.as_ref().and_then(length)).sum();
    let endless = pauses().filter(|pause| pause.duration.as_ref().is_none_or(|duration| length(duration).is_none())).count();
    let measured = steps.iter().filter(|step| step.analysis || step.experiment).count();
    let mut also = Vec::new();
    if !timed.is_zero() {
        also.push(format!("about {} of pauses", long(timed)));
    }
    if endless > 0 {
        also.push(format!("{endless} until somebody promotes it"));
    }
    if measured > 0 {
        also.push(format!("{measured} with an analysis"));
    }
    if analysis {
        also.push("an analysis beside them".to_owned());
    }
    let plugins = steps.iter().filter(|step| step.plugin).count();
    if plugins > 0 {
        also.push(format!("{plugins} of a plugin"));
    }
    also
}

/// `1 step`, `2 steps`.
pub(super) fn plural(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `12 min`, `90 s`.
fn long(length: SignedDuration) -> String {
    match length.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h", (seconds + 1800) / 3600),
    }
}

#[cfg(test)]
mod tests;
