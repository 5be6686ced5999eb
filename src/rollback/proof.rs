//! The proofs, each with its own line, clock and state.

use super::{Baseline, Measure, Run, Standing, Timing, Tried, switched::Switched, tried};
use crate::{
    store::words::{count, long, percent, since},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};

/// What is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProofKind {
    /// The pods of the target are ready, so many times in a row.
    Pods,
    /// They do not restart.
    Restarts,
    /// Errors are inside the limit.
    Errors,
    /// Latency is inside the limit.
    Latency,
    /// The smoke requests succeed.
    Smoke,
    /// The alert that started it has cleared.
    Alert,
}

/// Nobody sends smoke requests to what is about to be taken back.
static NOT_TRIED: Standing = Standing::Unknown(Clean::EMPTY);

impl ProofKind {
    /// All of them, in the order on screen.
    pub const ALL: [Self; 6] = [Self::Pods, Self::Restarts, Self::Errors, Self::Latency, Self::Smoke, Self::Alert];

    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Restarts => "restarts",
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Smoke => "smoke",
            Self::Alert => "alert",
        }
    }

    /// How it stood when the plan was opened.
    pub const fn at_start(self, baseline: &Baseline) -> &Standing {
        match self {
            Self::Pods => &baseline.pods,
            Self::Restarts => &baseline.restarts,
            Self::Errors => &baseline.errors,
            Self::Latency => &baseline.latency,
            Self::Smoke => &NOT_TRIED,
            Self::Alert => &baseline.alert,
        }
    }
}

/// How a proof stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofState {
    /// Something else must come first.
    Waiting,
    /// Under way, and nothing bad measured.
    Running,
    /// Measured, and still over its limit; it may come.
    StillBad,
    /// Measured good.
    Good,
    /// Not measured. Never counts as good.
    Unknown,
    /// Nothing to prove: no alert started it.
    NotAsked,
}

impl ProofState {
    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::StillBad => "bad",
            Self::Waiting | Self::Running => "waits",
            Self::Unknown => "unknown",
            Self::NotAsked => "nobody",
        }
    }
}

/// One proof.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// Of what.
    pub kind: ProofKind,
    /// How it stands.
    pub state: ProofState,
    /// What was measured, or why it was not.
    pub text: Clean,
    /// How long after the confirmation it became good.
    pub after: Option<SignedDuration>,
}

fn proof(kind: ProofKind, state: ProofState, text: Clean) -> Proof {
    Proof { kind, state, text, after: None }
}

/// All proofs at `now`; `alert` is the name of the alert that started it, and since when it fires.
pub(super) fn proofs(run: &Run, baseline: &Baseline, alert: Option<(&Clean, Option<Timestamp>)>, timing: &Timing, now: Timestamp) -> Vec<Proof> {
    let mut found = vec![pods(run, timing), restarts(run, timing, now)];
    let rate = |value: f64| percent(value);
    found.push(metric(ProofKind::Errors, (&run.errors, timing.limits.error_rate, &rate), baseline, run, timing, now));
    let delay = |value: f64| if value < 1.0 { crate::clean!("p99 {:.0} ms", value * 1000.0) } else { crate::clean!("p99 {value:.1} s") };
    found.push(metric(ProofKind::Latency, (&run.latency, timing.limits.latency, &delay), baseline, run, timing, now));
    found.extend(smoke(run));
    found.push(self::alert(run, baseline, alert, timing, now));
    found
}

fn pods(run: &Run, timing: &Timing) -> Proof {
    if let Some(pipeline) = &run.pipeline {
        let (state, text) = pipeline.stands(run, timing);
        return proof(ProofKind::Pods, state, text);
    }
    let view = &run.view;
    let version = &run.target.version;
    let ready = crate::clean!("{} of {} ready on {version}", view.ready, view.wanted);
    let say = |state, text| proof(ProofKind::Pods, state, text);
    if !view.live {
        return say(ProofState::Unknown, Clean::from_static("the cluster does not answer"));
    }
    if view.gone {
        return say(ProofState::StillBad, Clean::from_static("the workload is gone"));
    }
    if view.complete && view.wanted == 0 {
        return say(ProofState::Unknown, Clean::from_static("scaled to zero: nothing serves"));
    }
    if let Some(syncing) = run.syncing.as_ref().filter(|_| run.reread.is_some()) {
        return say(ProofState::Running, syncing.words());
    }
    let route = run.switched.as_ref().map(Switched::words).unwrap_or_default();
    if !view.complete {
        let ready = crate::clean!("{ready}{route}");
        return say(if run.complete.is_some() { ProofState::StillBad } else { ProofState::Running }, ready);
    }
    if run.in_a_row < timing.in_a_row {
        return say(ProofState::Running, crate::clean!("{} of {} ready, check {} of {}", view.ready, view.wanted, run.in_a_row, timing.in_a_row));
    }
    let digest = view.digest.as_ref().map(|digest| crate::clean!(", one digest {digest}")).unwrap_or_default();
    say(ProofState::Good, crate::clean!("{} of {} on {version}{digest}, {} checks in a row{route}", view.ready, view.wanted, timing.in_a_row))
}

fn restarts(run: &Run, timing: &Timing, now: Timestamp) -> Proof {
    let say = |state, text| proof(ProofKind::Restarts, state, text);
    if run.pipeline.is_some() {
        return say(ProofState::NotAsked, Clean::from_static("no pods are seen here"));
    }
    let Some(complete) = run.complete else {
        return say(ProofState::Waiting, Clean::from_static("counted once the pods are ready"));
    };
    if !run.view.live {
        return say(ProofState::Unknown, Clean::from_static("the cluster does not answer"));
    }
    if run.view.restarts.is_empty() {
        return say(ProofState::Unknown, Clean::from_static("its pods can not be listed: restarts are not counted"));
    }
    match run.restarted {
        Some((times, at)) if since(at, now) < timing.quiet => {
            say(ProofState::StillBad, crate::clean!("{} of the new pods, the last {} ago", count(times as usize, "restart"), long(since(at, now))))
        }
        None if since(complete, now) < timing.quiet => {
            say(ProofState::Running, crate::clean!("none for {} of {}", long(since(complete, now)), long(timing.quiet)))
        }
        Some((times, at)) => say(ProofState::Good, crate::clean!("{}, none for {}", count(times as usize, "restart"), long(since(at, now)))),
        None => say(ProofState::Good, Clean::from_static("none on the new pods")),
    }
}

/// Nothing where none are configured, and before they are sent.
fn smoke(run: &Run) -> Option<Proof> {
    let (state, text) = match &run.tried {
        Tried::Not | Tried::Nobody => return None,
        Tried::Sent => (ProofState::Waiting, Clean::from_static("being sent")),
        Tried::Came(tried) => tried::succeed(tried),
    };
    Some(proof(ProofKind::Smoke, state, text))
}

type Scale<'a> = (&'a Measure, f64, &'a dyn Fn(f64) -> Clean);

/// A window proves only what lies in it: it must have begun after the last pod became ready.
fn metric(kind: ProofKind, (measure, limit, show): Scale<'_>, baseline: &Baseline, run: &Run, timing: &Timing, now: Timestamp) -> Proof {
    let say = |state, text| proof(kind, state, text);
    let limit_words = match kind {
        ProofKind::Errors => percent(limit),
        ProofKind::Pods | ProofKind::Restarts | ProofKind::Latency | ProofKind::Smoke | ProofKind::Alert => crate::clean!("{limit} s"),
    };
    let (value, requests, at) = match measure {
        Measure::Waiting => return say(ProofState::Waiting, not_measured(kind, baseline)),
        Measure::Missing(why) => return say(ProofState::Unknown, why.clone()),
        Measure::Value { at, .. } if since(*at, now) > timing.fresh => {
            return say(ProofState::Unknown, crate::clean!("not measured for {}", long(since(*at, now))));
        }
        Measure::Value { value, requests, at } => (*value, *requests, *at),
    };
    if value.is_nan() || requests.is_some_and(|requests| requests < timing.min_requests) {
        let asked = requests.map_or(Clean::from_static("no requests"), |requests| count(requests.max(0.0) as usize, "request"));
        return say(ProofState::Unknown, crate::clean!("{asked} since: too little traffic to judge {}", kind.word()));
    }
    if value > limit {
        return say(ProofState::StillBad, crate::clean!("{} now, limit {limit_words}", show(value)));
    }
    let settled = run.complete.is_some_and(|complete| at.duration_since(complete) >= timing.window);
    if !settled {
        return say(ProofState::Running, crate::clean!("{} now, limit {limit_words}", show(value)));
    }
    let rests = requests.map_or_else(Clean::default, |requests| crate::clean!(", {} requests", thousands(requests)));
    say(ProofState::Good, crate::clean!("{} for {}{rests}, limit {limit_words}", show(value), long(timing.window)))
}

fn not_measured(kind: ProofKind, baseline: &Baseline) -> Clean {
    match kind.at_start(baseline) {
        Standing::Unknown(why) => why.clone(),
        Standing::Good | Standing::Bad(_) => Clean::from_static("not measured yet"),
    }
}

fn alert(run: &Run, baseline: &Baseline, alert: Option<(&Clean, Option<Timestamp>)>, timing: &Timing, now: Timestamp) -> Proof {
    let say = |state, text| proof(ProofKind::Alert, state, text);
    let Some((name, fires_since)) = alert else {
        return match &baseline.alert {
            Standing::Unknown(why) => say(ProofState::Unknown, why.clone()),
            Standing::Good | Standing::Bad(_) => say(ProofState::NotAsked, Clean::from_static("none fired when this began")),
        };
    };
    match run.rule {
        None => say(ProofState::Waiting, crate::clean!("{name}: its rule was not read yet")),
        Some((_, at)) if since(at, now) > timing.fresh => say(ProofState::Unknown, crate::clean!("{name}: its rule was not read for {}", long(since(at, now)))),
        Some((true, _)) => {
            let age = fires_since.map(|at| crate::clean!(" {}", long(since(at, now)))).unwrap_or_default();
            say(ProofState::StillBad, crate::clean!("{name} fires{age}"))
        }
        Some((false, _)) => say(ProofState::Good, crate::clean!("{name} cleared")),
    }
}

fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Id, RevisionRef, Verb, Version},
        store::fixture::{now, source},
        text::Raw,
    };

    #[test]
    fn a_measure_or_a_rule_that_nobody_has_told_of_for_a_minute_says_nothing_of_now() {
        let target = RevisionRef { id: Id::new(&source("prod"), "r"), number: 41, template: Raw::new("h41"), version: Version("41.0".into()) };
        let mut run = Run::new((target, Verb::RollBack), (Raw::new("h42"), Version("42.0".into())), now(), now());
        run.complete = Some(now());
        let (timing, told) = (Timing::default(), now() + Timing::default().window);
        run.errors = Measure::Value { value: 0.002, requests: Some(4_182.0), at: told };
        run.rule = Some((false, told));
        let name = Clean::from_static("CartErrorRate");
        let states = |at: Timestamp| {
            let found = proofs(&run, &Baseline::good(), Some((&name, None)), &timing, at);
            [ProofKind::Errors, ProofKind::Alert].map(|kind| found.iter().find(|proof| proof.kind == kind).expect("it is there").state)
        };
        assert_eq!(states(told + timing.fresh), [ProofState::Good; 2]);
        assert_eq!(states(told + timing.fresh + SignedDuration::from_secs(1)), [ProofState::Unknown; 2]);
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, words) in [(0.0, "0"), (999.0, "999"), (4182.0, "4,182"), (1_234_567.0, "1,234,567")] {
            assert_eq!(super::thousands(number), words);
        }
    }
}
