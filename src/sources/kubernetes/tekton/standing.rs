//! How runs, tasks and steps stand, in the words of every CI. The status of the condition decides, then its reason: "Cancelled" is also said while
//! a run still ends.

use super::wire::{Condition, PipelineRun, Step, TaskStatus, succeeded};
use crate::{
    clean,
    domain::RunStatus,
    text::{Clean, redact},
};

/// What holds a run until somebody clears it.
pub const HELD: &str = "PipelineRunPending";

/// Words of a run that is under way.
const UNDER_WAY: &[&str] = &[
    "Started",
    "Running",
    "ResolvingPipelineRef",
    "ResolvingTaskRef",
    "PipelineRunStopping",
    "CancelledRunningFinally",
    "StoppedRunningFinally",
    "PipelineRunTimeoutRunningFinally",
    "Cancelled",
    "CancelledRunFinally",
    "StoppedRunFinally",
];
/// Words of a task that has a pod or is about to have one.
const TASK_UNDER_WAY: &[&str] = &["Started", "Running", "ResolvingTaskRef", "ResolvingStepActionRef", "TaskRunResolving"];
/// Words of a task that waits for its turn, or for its pod.
const TASK_QUEUED: &[&str] = &["Pending", "TaskRunPending", "ToBeRetried", "PodCreationPending"];
/// Words of a task for which there is no room.
const NO_ROOM: &[&str] = &["ExceededNodeResources", "ExceededResourceQuota"];
/// Words of what somebody stopped.
const CANCELLED: &[&str] = &["Cancelled", "PipelineRunCancelled", "CancelledRunFinally", "StoppedRunFinally", "TaskRunCancelled"];

/// How a run stands.
pub fn of_run(run: &PipelineRun) -> RunStatus {
    let condition = succeeded(&run.status.conditions);
    let reason = condition.map(|condition| condition.reason.as_str()).unwrap_or_default();
    match condition.map(|condition| condition.status.as_str()) {
        // Nothing is said of it but that somebody holds it.
        None | Some("Unknown") if run.spec.status == HELD || reason == HELD => {
            RunStatus::Waiting(Clean::from_static("held until somebody clears its spec.status"))
        }
        None => RunStatus::Queued,
        Some("Unknown") if UNDER_WAY.contains(&reason) => RunStatus::Running,
        Some("True") if ignored(condition) => RunStatus::Warn,
        Some(status) => ended(status, reason),
    }
}

/// Whether tasks failed that may fail: only the message tells.
fn ignored(condition: Option<&Condition>) -> bool {
    let count = condition.and_then(|condition| condition.message.split_once("(Ignored: ")).and_then(|(_, rest)| rest.split(')').next());
    count.and_then(|count| count.trim().parse::<u32>().ok()).is_some_and(|count| count > 0)
}

/// How a task stands, at its present attempt or an earlier one.
pub fn of_task(status: &TaskStatus) -> RunStatus {
    let Some(condition) = succeeded(&status.conditions) else { return RunStatus::Queued };
    let reason = condition.reason.as_str();
    match condition.status.as_str() {
        "Unknown" if NO_ROOM.contains(&reason) => RunStatus::Waiting(clean!("no room: {}", said(condition))),
        "Unknown" if TASK_QUEUED.contains(&reason) => RunStatus::Queued,
        "Unknown" if TASK_UNDER_WAY.contains(&reason) => RunStatus::Running,
        "False" if reason == "FailureIgnored" => RunStatus::Warn,
        status => ended(status, reason),
    }
}

/// What is left when it is not under way in a way that is known.
fn ended(status: &str, reason: &str) -> RunStatus {
    match status {
        "True" => RunStatus::Success,
        "False" if CANCELLED.contains(&reason) => RunStatus::Cancelled,
        "False" => RunStatus::Failed,
        status => RunStatus::Unknown(Clean::from_untrusted([reason, status, "no word"].into_iter().find(|word| !word.is_empty()).unwrap_or_default())),
    }
}

/// How a step stands, and what is to be said beside its name.
pub fn of_step(step: &Step) -> (RunStatus, Option<Clean>) {
    if let Some(end) = &step.terminated {
        let word = if step.termination_reason.is_empty() { &end.reason } else { &step.termination_reason };
        let failed = || match (word.as_str(), end.exit_code) {
            ("" | "Error", Some(code)) => clean!("exit code {code}"),
            ("OOMKilled", _) => Clean::from_static("out of memory"),
            ("TimeoutExceeded" | "TaskRunTimeout", _) => Clean::from_static("timed out"),
            (word, _) => Clean::from_untrusted(word),
        };
        return match word.as_str() {
            "Skipped" => (RunStatus::Skipped, None),
            "Continued" => (RunStatus::Warn, Some(clean!("failed, which is allowed"))),
            "Cancelled" | "TaskRunCancelled" => (RunStatus::Cancelled, None),
            "TimeoutExceeded" | "TaskRunTimeout" | "OOMKilled" => (RunStatus::Failed, Some(failed())),
            _ if end.exit_code == Some(0) => (RunStatus::Success, None),
            "Completed" if end.exit_code.is_none() => (RunStatus::Success, None),
            _ => (RunStatus::Failed, Some(failed())),
        };
    }
    match (&step.running, &step.waiting) {
        (Some(_), _) => (RunStatus::Running, None),
        (None, Some(waiting)) if !matches!(waiting.reason.as_str(), "" | "PodInitializing" | "ContainerCreating") => {
            (RunStatus::Queued, Some(Clean::from_untrusted(&waiting.reason)))
        }
        (None, _) => (RunStatus::Queued, None),
    }
}

/// `StepFailed: "step-test" exited with code 2`: what a condition says, without what looks like a secret.
pub fn said(condition: &Condition) -> Clean {
    let message = redact(condition.message.trim());
    match (condition.reason.as_str(), &*message) {
        ("", message) => Clean::from_untrusted(message),
        (reason, "") => Clean::from_untrusted(reason),
        (reason, message) => clean!("{reason}: {message}"),
    }
}
