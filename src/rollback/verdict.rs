//! Step 8: whether it helped.
//!
//! The rule. A *required* proof is one of pods and restarts, which are always measured, of smoke requests where some are configured, and whatever was measured **bad when the
//! plan was opened**: pods that were not well, restarts, an alert that fired, errors or latency over their limit.
//!
//! - RECOVERED: every required proof was measured good, nothing else is measured bad, and there was a symptom to judge by:
//!   something that was bad is good again, or errors or smoke requests were measured good. What was not measured before and is not measured after
//!   does not stand in the way where the symptom was visible in the pods; it is never counted as good either.
//! - COULD NOT TELL: something required can not be measured any more (the metrics are gone, too little traffic, no such rule), or
//!   nothing was bad and nothing but pods was ever measured.
//! - NOT RECOVERED: the deadline came, and something is measured bad.
//! - WORSE: the same, and it was better before: fewer pods serve, errors have risen, or something was good and is bad.
//!
//! RECOVERED is said as soon as it is true; everything else waits for the deadline, because it may come.

use super::{Baseline, Proof, ProofKind, ProofState, Run, Standing, Timing, pipeline, run::Overtaken, synced::Syncing};
use crate::{domain::Verb, text::Clean};
use jiff::{SignedDuration, Timestamp};

/// Whether a rollback helped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that was bad is measured good again.
    Recovered {
        /// From the confirmation to the last proof.
        took: SignedDuration,
    },
    /// Something is still bad.
    NotRecovered {
        /// What.
        why: Clean,
    },
    /// It is worse than before.
    Worse {
        /// What.
        why: Clean,
    },
    /// It can not be said.
    CouldNotTell {
        /// What was not measured.
        why: Clean,
    },
}

impl Verdict {
    /// The words on screen.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Recovered { .. } => "RECOVERED",
            Self::NotRecovered { .. } => "NOT RECOVERED",
            Self::Worse { .. } => "WORSE",
            Self::CouldNotTell { .. } => "COULD NOT TELL",
        }
    }

    /// Why it is not a recovery.
    pub const fn why(&self) -> Option<&Clean> {
        match self {
            Self::Recovered { .. } => None,
            Self::NotRecovered { why } | Self::Worse { why } | Self::CouldNotTell { why } => Some(why),
        }
    }

    /// 0 yes, 1 no, 2 could not tell (the faces' exit codes).
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Recovered { .. } => 0,
            Self::NotRecovered { .. } | Self::Worse { .. } => 1,
            Self::CouldNotTell { .. } => 2,
        }
    }
}

/// Whether the verdict needs this proof measured good.
pub fn required(kind: ProofKind, baseline: &Baseline) -> bool {
    matches!(kind, ProofKind::Pods | ProofKind::Restarts | ProofKind::Smoke) || kind.at_start(baseline).bad()
}

/// The verdict, if there is one at `now`.
pub(super) fn verdict(run: &Run, baseline: &Baseline, proofs: &[Proof], timing: &Timing, now: Timestamp) -> Option<Verdict> {
    if let Some(why) = pipeline::failed(run) {
        return Some(Verdict::NotRecovered { why });
    }
    match run.overtaken {
        Some(Overtaken::ChangedBack) if run.verb == Verb::SwitchBack => {
            return Some(Verdict::NotRecovered { why: crate::clean!("the traffic was led to {} again: somebody switched forward", run.left) });
        }
        Some(Overtaken::ChangedBack) if run.verb == Verb::Abort => {
            return Some(Verdict::NotRecovered { why: crate::clean!("it goes forward to {} again: somebody retried or promoted it", run.left) });
        }
        Some(Overtaken::ChangedBack) => {
            return Some(Verdict::NotRecovered { why: Clean::from_static("something changed it back: look for the owner that keeps it") });
        }
        Some(Overtaken::Superseded) => return Some(Verdict::CouldNotTell { why: Clean::from_static("somebody rolled out something else meanwhile") }),
        None => {}
    }
    if let Some(why) = run.syncing.as_ref().and_then(Syncing::failed) {
        return Some(Verdict::NotRecovered { why });
    }
    if all_good(run, baseline, proofs, timing, now) {
        return Some(if symptom(baseline, proofs) {
            Verdict::Recovered { took: now.duration_since(run.began) }
        } else {
            let stands = if run.pipeline.is_some() { "it is deployed" } else { "pods are ready" };
            Verdict::CouldNotTell { why: crate::clean!("{stands}; nothing was bad before, and nothing else was measured") }
        });
    }
    (now.duration_since(run.accepted) >= timing.deadline).then(|| at_deadline(run, baseline, proofs))
}

/// Whether all that is required is good, and nothing else may still say otherwise.
fn all_good(run: &Run, baseline: &Baseline, proofs: &[Proof], timing: &Timing, now: Timestamp) -> bool {
    let Some(complete) = run.complete else { return false };
    let settled = now.duration_since(complete) >= timing.settle;
    proofs.iter().all(|proof| match proof.state {
        ProofState::Good | ProofState::NotAsked => true,
        ProofState::StillBad => false,
        // A measure may still come in; it is waited for a while even where nothing was bad.
        ProofState::Waiting | ProofState::Running | ProofState::Unknown => !required(proof.kind, baseline) && settled,
    })
}

/// Whether there was anything to judge by: readiness alone says little where the pods had been well.
fn symptom(baseline: &Baseline, proofs: &[Proof]) -> bool {
    let measured_good = |kind| proofs.iter().any(|proof| proof.kind == kind && proof.state == ProofState::Good);
    ProofKind::ALL.into_iter().any(|kind| kind.at_start(baseline).bad()) || measured_good(ProofKind::Errors) || measured_good(ProofKind::Smoke)
}

fn at_deadline(run: &Run, baseline: &Baseline, proofs: &[Proof]) -> Verdict {
    let bad: Vec<&Proof> = proofs.iter().filter(|proof| bad_at_the_end(proof)).collect();
    if let Some(why) = worse(run, baseline, &bad) {
        return Verdict::Worse { why };
    }
    if let Some(why) = sentence(run, &bad) {
        return Verdict::NotRecovered { why };
    }
    let open = proofs.iter().find(|proof| required(proof.kind, baseline) && proof.state != ProofState::Good);
    let why = open.map_or_else(|| Clean::from_static("nothing was measured"), |proof| crate::clean!("{}: {}", proof.kind.word(), proof.text));
    let ready = proofs.iter().any(|proof| proof.kind == ProofKind::Pods && proof.state == ProofState::Good);
    let stands = if run.pipeline.is_some() { "it is deployed" } else { "pods are ready" };
    Verdict::CouldNotTell { why: if ready { crate::clean!("{stands}; {why}") } else { why } }
}

/// Pods that were given the whole time and are not ready are bad, not under way.
fn bad_at_the_end(proof: &Proof) -> bool {
    match proof.state {
        ProofState::StillBad => true,
        ProofState::Running => proof.kind == ProofKind::Pods,
        ProofState::Waiting | ProofState::Good | ProofState::Unknown | ProofState::NotAsked => false,
    }
}

fn worse(run: &Run, baseline: &Baseline, bad: &[&Proof]) -> Option<Clean> {
    let is_bad = |kind| bad.iter().any(|proof| proof.kind == kind);
    if is_bad(ProofKind::Pods) && !run.view.gone && run.view.serving < baseline.ready.min(run.view.wanted) {
        return Some(crate::clean!("{} of {} pods serve, {} did before", run.view.serving, run.view.wanted, baseline.ready));
    }
    if let (true, super::Measure::Value { value, .. }, Some(before)) = (is_bad(ProofKind::Errors), &run.errors, baseline.error_rate)
        && *value > before * 1.25 + 0.01
    {
        return Some(crate::clean!("{} errors, {} before", crate::store::words::percent(*value), crate::store::words::percent(before)));
    }
    let turned = bad.iter().find(|proof| !matches!(proof.kind, ProofKind::Pods) && *proof.kind.at_start(baseline) == Standing::Good);
    turned.map(|proof| crate::clean!("{}: {}, and it was good before", proof.kind.word(), proof.text))
}

/// `pods are fine, errors still 16.9 %: 2.8.0 was not the cause`.
fn sentence(run: &Run, bad: &[&Proof]) -> Option<Clean> {
    let first = bad.iter().find(|proof| proof.kind == ProofKind::Pods).or(bad.first())?;
    if first.kind == ProofKind::Pods {
        let blocker = run.view.blockers.iter().find(|blocker| blocker.lasting).or(run.view.blockers.first());
        let blocker = blocker.map(|blocker| crate::clean!(": {} {}", blocker.pod, blocker.state)).unwrap_or_default();
        return Some(crate::clean!("{}{blocker}", first.text));
    }
    if first.kind == ProofKind::Restarts {
        return Some(crate::clean!("{}", first.text));
    }
    let stands = if run.pipeline.is_some() { "it is deployed" } else { "pods are fine" };
    Some(crate::clean!("{stands}, {} still {}: {} was not the cause", first.kind.word(), first.text, run.left))
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
