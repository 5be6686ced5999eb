//! Argo Rollouts: how far one is, by its controller's own rules, and the ways back.
//!
//! The rules are those of `utils/rollout/rolloututil.go` of Argo Rollouts 1.9: the controller writes phase and message; what it has not
//! looked at yet is under way whatever the phase says.

pub mod feed;
pub mod forward;
pub mod speed;
pub mod way;

use super::{
    rows,
    wire::{
        note,
        rollouts::{Duration, PauseCondition, Rollout},
    },
};
use crate::{clean, domain::Progress, text::Clean};
use jiff::SignedDuration;

/// How far it is.
pub fn progress(object: &Rollout) -> Progress {
    let status = &object.status;
    if !observed(object) {
        return Progress::Unobserved;
    }
    if status.abort {
        return Progress::Aborted {
            since: status.aborted_at,
            back_to: crate::text::Raw::new(&status.stable),
            whole: whole(object),
            message: clean!("{}", status.message),
        };
    }
    match status.phase.as_str() {
        "Healthy" => Progress::Done,
        "Progressing" => Progress::Rolling,
        "Paused" => paused(object),
        "Degraded" => {
            let (reason, message) = status.message.split_once(": ").unwrap_or(("Degraded", &status.message));
            let since = status.common.conditions.iter().find(|condition| condition.reason == reason || condition.kind == reason);
            Progress::Stuck { since: since.and_then(|condition| condition.last_transition_time), reason: clean!("{reason}"), message: clean!("{message}") }
        }
        _ => Progress::Unknown,
    }
}

/// Whether its controller has looked at all that was asked of it.
fn observed(object: &Rollout) -> bool {
    let (meta, status) = (&object.metadata.0, &object.status);
    let unpausing = status.controller_pause && status.pause_conditions.is_empty();
    let referred = note(meta, "rollout.argoproj.io/workload-generation").and_then(|number| number.parse::<i64>().ok());
    let behind = referred.is_some_and(|number| object.spec.workload_ref.is_some() && status.workload_observed_generation < number);
    observed_spec(object) && !unpausing && !behind
}

/// Whether its controller has looked at its newest specification.
fn observed_spec(object: &Rollout) -> bool {
    object.metadata.0.generation.unwrap_or_default() <= object.status.common.observed_generation
}

/// A pause of the controller that ends by itself is a step of the rollout like any other.
fn paused(object: &Rollout) -> Progress {
    let status = &object.status;
    if object.spec.common.paused {
        return Progress::Paused { since: None };
    }
    match status.pause_conditions.iter().find(|condition| !ends_by_itself(object, condition)) {
        Some(condition) => Progress::Waiting { since: condition.start_time, place: waits_at(object, condition) },
        None => Progress::Rolling,
    }
}

fn ends_by_itself(object: &Rollout, condition: &PauseCondition) -> bool {
    let strategy = &object.spec.strategy;
    match condition.reason.as_str() {
        "CanaryPauseStep" => {
            let at = object.status.current_step_index.unwrap_or_default() as usize;
            let step = strategy.canary.as_ref().and_then(|canary| canary.steps.get(at));
            step.and_then(|step| step.pause.as_ref()).is_some_and(|pause| pause.duration.is_some())
        }
        "BlueGreenPause" => strategy.blue_green.as_ref().is_some_and(|how| how.auto_promotion_seconds.is_some_and(|seconds| seconds > 0)),
        _ => false,
    }
}

fn waits_at(object: &Rollout, condition: &PauseCondition) -> Clean {
    let place = place(object).unwrap_or_else(|| Clean::from_static("a pause"));
    match condition.reason.as_str() {
        "BlueGreenPause" => Clean::from_static("its preview"),
        "InconclusiveAnalysisRun" => clean!("{place}: its analysis was inconclusive"),
        "InconclusiveExperiment" => clean!("{place}: its experiment was inconclusive"),
        _ => place,
    }
}

/// `step 2 of 5`, while a canary is at one of its steps.
pub fn place(object: &Rollout) -> Option<Clean> {
    let (canary, status) = (object.spec.strategy.canary.as_ref()?, &object.status);
    let (at, steps) = (status.current_step_index.unwrap_or_default() as usize, canary.steps.len());
    let under_way = status.current_pod_hash != status.stable && !status.abort && at < steps;
    under_way.then(|| clean!("step {} of {steps}", at + 1))
}

/// Whether nothing but the stable revision serves, as its controller sees it.
fn whole(object: &Rollout) -> bool {
    let (strategy, status) = (&object.spec.strategy, &object.status);
    let Some(canary) = &strategy.canary else { return !status.stable.is_empty() && status.blue_green.active_selector == status.stable };
    let counts = rows::replicas(crate::domain::Kind::Rollout, &object.spec.common, &status.common);
    let only = match &status.canary.weights {
        Some(weights) if canary.traffic_routing => weights.canary.weight == 0 && weights.verified != Some(false),
        _ => !canary.traffic_routing && counts.updated == 0,
    };
    only && counts.available >= counts.wanted
}

/// How long a pause is; none where it can not be read.
fn length(duration: &Duration) -> Option<SignedDuration> {
    let text = match duration {
        Duration::Seconds(seconds) => return Some(SignedDuration::from_secs(i64::try_from(*seconds).ok()?)),
        Duration::Text(text) => text.trim(),
    };
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(SignedDuration::from_secs(seconds));
    }
    let mut total = SignedDuration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let seconds = match &rest[digits..unit] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total = total.checked_add(SignedDuration::try_from_secs_f64(rest[..digits].parse::<f64>().ok()? * seconds).ok()?)?;
        rest = &rest[unit..];
    }
    Some(total)
}

#[cfg(test)]
mod tests;
