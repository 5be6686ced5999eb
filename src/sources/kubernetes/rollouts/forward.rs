//! The ways forward of a Rollout: past its pause, past all its steps, and on again after an abort. Each is one merge patch of its status,
//! as the plugin of kubectl sends it (pkg/kubectl-argo-rollouts/cmd/{promote,retry} of Argo Rollouts 1.9), on condition of what was read.

use super::{
    observed,
    speed::{also, plural},
    way,
};
use crate::{
    clean,
    domain::{CheckKind, Finding, Steps, Verb},
    sources::kubernetes::wire::rollouts::{Canary, Rollout},
    text::{Clean, Raw},
};
use serde_json::{Value, json};

/// How far it is, by what its controller says; `template` is a hash of its template alone.
pub fn steps(rollout: &Rollout, template: Raw) -> Steps {
    let status = &rollout.status;
    let serves = match &rollout.spec.strategy.blue_green {
        Some(_) => &status.blue_green.active_selector,
        None => &status.stable,
    };
    Steps {
        at: status.current_step_index.unwrap_or_default(),
        of: rollout.spec.strategy.canary.as_ref().map_or(0, |canary| u32::try_from(canary.steps.len()).unwrap_or(u32::MAX)),
        waits: !status.pause_conditions.is_empty(),
        full: status.promote_full,
        aborted: status.abort,
        through: observed(rollout) && !serves.is_empty() && *serves == status.current_pod_hash,
        template,
    }
}

/// The merge patch of `verb`, or why there is none.
pub fn change(verb: Verb, rollout: &Rollout, object: &Value) -> Result<Value, Clean> {
    let status = &rollout.status;
    let sent = |status: Value| Ok(way::status(object, status));
    match (verb, status.abort) {
        (Verb::Retry, true) => return sent(json!({ "abort": false })),
        (Verb::Retry, false) => return Err(Clean::from_static("it was not aborted: there is nothing to retry")),
        (_, true) => return Err(Clean::from_static("it was aborted: only a retry sends it forward again")),
        (_, false) => {}
    }
    if rollout.spec.common.paused {
        return Err(Clean::from_static("it is paused by hand: resume it first, then it can be promoted"));
    }
    if !super::observed_spec(rollout) {
        return Err(Clean::from_static("its controller has not looked at its newest specification yet"));
    }
    if status.current_pod_hash.is_empty() || status.current_pod_hash == status.stable {
        return Err(Clean::from_static("its newest revision is its stable one: there is nothing to promote"));
    }
    match verb {
        Verb::PromoteFull if status.promote_full => Err(Clean::from_static("it is promoted past all its steps already")),
        Verb::PromoteFull => sent(json!({ "promoteFull": true })),
        _ if status.pause_conditions.is_empty() => Err(Clean::from_static("it stands at no pause: it goes on by itself")),
        _ if status.canary.step_analysis.status == "Inconclusive" && status.controller_pause => {
            let next = status.current_step_index.unwrap_or_default() + 1;
            sent(json!({ "pauseConditions": null, "controllerPause": false, "currentStepIndex": next }))
        }
        _ => sent(json!({ "pauseConditions": null })),
    }
}

/// What comes after it.
pub fn ahead(verb: Verb, rollout: &Rollout) -> Finding {
    let made = CheckKind::Strategy;
    match &rollout.spec.strategy.canary {
        Some(canary) => of_canary(verb, canary, rollout.status.current_step_index.unwrap_or_default() as usize),
        None if verb == Verb::Retry => made.ok("its preview starts again; the traffic stays where it is until that is promoted"),
        None if verb == Verb::PromoteFull => made.warn(Clean::from_static("all traffic is switched to the newest revision, whatever an analysis says"), None),
        None => made.ok("all traffic is switched to the newest revision"),
    }
}

fn of_canary(verb: Verb, canary: &Canary, at: usize) -> Finding {
    let made = CheckKind::Strategy;
    let words = |steps: &[_]| match also(steps, canary.analysis) {
        words if words.is_empty() => String::new(),
        words => format!(": {}", words.join(", ")),
    };
    let left = |from: usize| canary.steps.get(from..).unwrap_or_default();
    match verb {
        Verb::Retry => made.ok(clean!("{} from the first on{}", plural(canary.steps.len(), "step"), words(&canary.steps))),
        Verb::PromoteFull => made.warn(
            clean!("it skips {} that {} left{}", plural(left(at).len(), "step"), if left(at).len() == 1 { "is" } else { "are" }, words(left(at))),
            Some(Clean::from_static("promote it step by step where that can wait")),
        ),
        _ if left(at + 1).is_empty() => made.ok("it was the last step: the newest revision gets all traffic and becomes the stable one"),
        _ => made.ok(clean!("{} to come after this one{}", plural(left(at + 1).len(), "step"), words(left(at + 1)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::kubernetes::rollouts::tests::{lean, rollout};

    fn pause(reason: &str) -> Value {
        json!([{ "reason": reason, "startTime": "2026-01-01T10:00:00Z" }])
    }

    fn waiting(over: Value) -> Value {
        let mut object = rollout(json!({ "status": { "phase": "Paused", "pauseConditions": pause("CanaryPauseStep"), "controllerPause": true } }));
        crate::sources::kubernetes::rollouts::tests::merge(&mut object, over);
        object
    }

    fn patch(verb: Verb, over: Value) -> Result<Value, String> {
        let object = waiting(over);
        let lean = serde_json::from_value(object.clone()).expect("a Rollout");
        let patch = change(verb, &lean, &object).map_err(|why| why.to_string())?;
        assert_eq!(patch["metadata"]["resourceVersion"], "7", "it holds for what was read");
        assert_eq!(patch.as_object().map(serde_json::Map::len), Some(2), "nothing but its status is changed");
        Ok(patch["status"].clone())
    }

    #[test]
    fn each_way_forward_is_the_patch_that_the_plugin_sends_in_that_state() {
        let inconclusive = json!({ "status": { "pauseConditions": pause("InconclusiveAnalysisRun"), "canary": { "currentStepAnalysisRunStatus": { "status": "Inconclusive" } } } });
        for (verb, over, expected) in [
            (Verb::Promote, json!({}), json!({ "pauseConditions": null })),
            (Verb::Promote, json!({ "status": { "currentStepIndex": 2 } }), json!({ "pauseConditions": null })),
            (Verb::Promote, inconclusive, json!({ "pauseConditions": null, "controllerPause": false, "currentStepIndex": 2 })),
            (Verb::Promote, json!({ "status": { "pauseConditions": pause("InconclusiveExperiment") } }), json!({ "pauseConditions": null })),
            (Verb::PromoteFull, json!({}), json!({ "promoteFull": true })),
            (Verb::PromoteFull, json!({ "status": { "pauseConditions": null, "controllerPause": null } }), json!({ "promoteFull": true })),
            (Verb::Retry, json!({ "status": { "abort": true } }), json!({ "abort": false })),
        ] {
            assert_eq!(patch(verb, over.clone()), Ok(expected), "{verb:?} {over}");
        }
    }

    #[test]
    fn where_there_is_no_way_forward_it_says_why() {
        for (verb, over, words) in [
            (Verb::Promote, json!({ "status": { "pauseConditions": null, "controllerPause": null } }), "stands at no pause"),
            (Verb::Promote, json!({ "status": { "pauseConditions": null } }), "stands at no pause"),
            (Verb::Promote, json!({ "spec": { "paused": true } }), "resume it first"),
            (Verb::PromoteFull, json!({ "spec": { "paused": true } }), "resume it first"),
            (Verb::Promote, json!({ "status": { "abort": true } }), "only a retry"),
            (Verb::PromoteFull, json!({ "status": { "abort": true } }), "only a retry"),
            (Verb::PromoteFull, json!({ "status": { "promoteFull": true } }), "already"),
            (Verb::PromoteFull, json!({ "status": { "currentPodHash": "aaa" } }), "nothing to promote"),
            (Verb::Promote, json!({ "status": { "currentPodHash": "aaa" } }), "nothing to promote"),
            (Verb::PromoteFull, json!({ "metadata": { "generation": 5 } }), "has not looked"),
            (Verb::Retry, json!({}), "was not aborted"),
        ] {
            let why = patch(verb, over.clone()).expect_err("there is none");
            assert!(why.contains(words), "{verb:?} {over}: {why}");
        }
    }

    #[test]
    fn a_step_counts_as_left_only_by_what_the_controller_says() {
        let of = |over: Value| steps(&lean(over), Raw::new("t"));
        let under_way = of(json!({}));
        assert_eq!((under_way.at, under_way.of, under_way.waits, under_way.through), (1, 3, false, false));
        assert!(of(json!({ "status": { "currentPodHash": "aaa" } })).through);
        assert!(!of(json!({ "metadata": { "generation": 5 }, "status": { "currentPodHash": "aaa" } })).through, "a newer one is not looked at yet");
        let blue =
            |active: &str| of(json!({ "spec": { "strategy": { "canary": null, "blueGreen": {} } }, "status": { "blueGreen": { "activeSelector": active } } }));
        assert_eq!((blue("aaa").through, blue("bbb").through, blue("").through), (false, true, false));
    }

    #[test]
    fn what_is_to_come_is_said_before_somebody_goes_on() {
        let words = |verb, over: Value| ahead(verb, &lean(over)).sentence.to_string();
        assert_eq!(words(Verb::Promote, json!({})), "1 step to come after this one: about 10 min of pauses");
        assert!(words(Verb::Promote, json!({ "status": { "currentStepIndex": 2 } })).contains("the last step"));
        assert_eq!(words(Verb::PromoteFull, json!({})), "it skips 2 steps that are left: about 10 min of pauses, 1 until somebody promotes it");
        assert!(words(Verb::Retry, json!({})).starts_with("3 steps from the first on: about 10 min"));
    }
}
