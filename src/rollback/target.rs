//! Which revision to go back to.
//!
//! Every revision carries its evidence. *Proven*: our own record, serving now, or measured. *Likely*: a deployment record, or long
//! current. Anything against it takes the class away. The target is the newest in the highest class; a revision that never had an
//! available pod, whose pods fail now, or that somebody rolled back from is never proposed, only reachable with `[` and `]`.

use crate::{
    domain::{Evidence, Pod, Revision},
    store::{ailment, words},
    text::{Clean, Raw},
};
use jiff::{SignedDuration, Timestamp};

/// How sure it is that a revision is good. The surest is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing speaks for it, or something against it.
    None,
    /// A deployment record, or long current.
    Likely,
    /// Seen, serving or measured. Only this may be called verified.
    Proven,
}

impl Class {
    /// As in a sentence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "not verified good",
            Self::Likely => "likely good",
            Self::Proven => "proven",
        }
    }
}

/// What the journal knows of a template: numbers change on an undo, templates do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The back end's hash of the template.
    pub template: Raw,
    /// What was seen or done.
    pub evidence: Evidence,
}

/// A revision one could go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The revision, with all that is known of it.
    pub revision: Revision,
    /// How sure it is that it is good.
    pub class: Class,
    /// One sentence: what speaks for it and against it.
    pub why: Clean,
    /// Whether it is never proposed unasked.
    pub shunned: bool,
    /// Whether it was itself rolled back from within a day: going there takes a typed override.
    pub undo_of_undo: bool,
}

/// Where to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// All revisions one could go back to, newest first: the order of `]` and `[`.
    pub candidates: Vec<Candidate>,
    /// The one that is proposed, or why none is.
    pub proposed: Result<usize, Clean>,
}

/// All that is known of the past of a workload.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// Its revisions, the current one among them.
    pub revisions: &'a [Revision],
    /// What the journal, the metrics and the annotations say of their templates.
    pub records: &'a [Record],
    /// Its pods now.
    pub pods: &'a [Pod],
}

/// A revision that was current this long without complaint is likely good.
const LONG: SignedDuration = SignedDuration::from_hours(1);
/// A revision that was seen fully available this long is proven.
const SEEN: SignedDuration = SignedDuration::from_mins(2);
/// Going back to what was rolled back from within this time takes an override.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The target of a rollback at `now`.
pub fn target(history: &History<'_>, now: Timestamp) -> Target {
    let Some(current) = newest(history.revisions) else {
        return Target { candidates: Vec::new(), proposed: Err(Clean::from_static("no revision of it is known: there is nothing to go back to")) };
    };
    let earlier = earlier(history.revisions, current);
    let candidates: Vec<Candidate> = earlier.into_iter().map(|revision| candidate(revision, current, history, now)).collect();
    // They stand newest first: of two that are as good the first one is taken.
    let rank = |(at, candidate): &(usize, &Candidate)| (candidate.class, had_pods(&candidate.revision.evidence), std::cmp::Reverse(*at));
    let best = candidates.iter().enumerate().filter(|(_, candidate)| !candidate.shunned).max_by_key(rank).map(|(at, _)| at);
    let proposed = best.ok_or_else(|| nothing(history, current, &candidates));
    Target { candidates, proposed }
}

/// What runs, or is to run.
pub(super) fn newest(revisions: &[Revision]) -> Option<&Revision> {
    revisions.iter().find(|r| r.current).or_else(|| revisions.iter().max_by_key(|r| r.number))
}

/// The revisions that are not what runs, newest first, each template once.
fn earlier(revisions: &[Revision], current: &Revision) -> Vec<Revision> {
    let mut rows: Vec<&Revision> = revisions.iter().filter(|revision| !revision.current && !same(revision, current)).collect();
    rows.sort_by_key(|revision| std::cmp::Reverse((revision.number, revision.created.filter(|_| revision.number == 0))));
    let mut found: Vec<Revision> = Vec::new();
    for row in rows {
        match found.iter_mut().find(|kept| same(kept, row)) {
            Some(kept) => kept.evidence.extend(row.evidence.iter().cloned()),
            None => found.push(row.clone()),
        }
    }
    found
}

/// Whether two revisions are the same: leaf by leaf where both are known, else by template. Those of a release may share a template and
/// differ in what stands around it.
fn same(a: &Revision, b: &Revision) -> bool {
    let told = !a.outline.0.is_empty() && !b.outline.0.is_empty();
    if told { a.outline == b.outline } else { !a.template.is_empty() && a.template == b.template }
}

/// A revision with all that is known of it.
pub(super) fn candidate(mut revision: Revision, current: &Revision, history: &History<'_>, now: Timestamp) -> Candidate {
    // What is known of a template that runs now is known of what stands around it now.
    let own = revision.template.is_empty() || revision.template != current.template;
    let records = history.records.iter().filter(|record| own && record.template == revision.template);
    revision.evidence.extend(records.map(|record| record.evidence.clone()));
    let mut against: Vec<Clean> = revision.evidence.iter().filter_map(|evidence| against(evidence, now)).collect();
    let failing = if own { failing_now(&revision, history.pods) } else { None };
    against.extend(failing.iter().map(|words| crate::clean!("its pods fail now: {words}")));
    let class = if against.is_empty() { class(&revision.evidence) } else { Class::None };
    let undo_of_undo = revision.evidence.iter().any(|evidence| matches!(evidence, Evidence::RolledBackFrom { at } if words::since(*at, now) < DAY));
    let never = |e: &Evidence| {
        matches!(e, Evidence::RolledBackFrom { .. } | Evidence::Failed { .. } | Evidence::NeverAvailable { .. } | Evidence::StandsReady { ready: 0, .. })
    };
    let shunned = failing.is_some() || revision.evidence.iter().any(never);
    Candidate { why: why(class, &revision.evidence, &against, now), class, shunned, undo_of_undo, revision }
}

/// What the worst of its pods says, where one of them will not mend by waiting.
fn failing_now(revision: &Revision, pods: &[Pod]) -> Option<Clean> {
    let own = pods.iter().filter(|pod| pod.template == revision.template).filter_map(ailment);
    own.filter(|found| found.lasting()).max_by_key(|found| found.rank()).map(|found| found.words())
}

fn class(evidence: &[Evidence]) -> Class {
    evidence.iter().map(class_of).max().unwrap_or(Class::None)
}

fn class_of(evidence: &Evidence) -> Class {
    match evidence {
        Evidence::ServingNow { ready, .. } if *ready > 0 => Class::Proven,
        Evidence::SeenHealthy { held, .. } if *held >= SEEN => Class::Proven,
        Evidence::Measured { .. } => Class::Proven,
        // What served before and is ready now; what never served may be ready for nothing.
        Evidence::StandsReady { ready: 1.., until: Some(_), .. } => Class::Proven,
        Evidence::StandsReady { ready: 1.., until: None, .. } | Evidence::SeenHealthy { .. } | Evidence::Deployed { .. } => Class::Likely,
        Evidence::Served { held } if *held >= LONG => Class::Likely,
        Evidence::ServingNow { .. }
        | Evidence::StandsReady { .. }
        | Evidence::Served { .. }
        | Evidence::AlertFired { .. }
        | Evidence::RolledBackFrom { .. }
        | Evidence::Failed { .. }
        | Evidence::NeverAvailable { .. } => Class::None,
    }
}

/// Whether a pod of it is known to have been available.
fn had_pods(evidence: &[Evidence]) -> bool {
    evidence.iter().any(|evidence| match evidence {
        Evidence::ServingNow { ready, .. } | Evidence::StandsReady { ready, .. } => *ready > 0,
        Evidence::SeenHealthy { .. } | Evidence::Measured { .. } => true,
        Evidence::Deployed { .. }
        | Evidence::Served { .. }
        | Evidence::AlertFired { .. }
        | Evidence::RolledBackFrom { .. }
        | Evidence::Failed { .. }
        | Evidence::NeverAvailable { .. } => false,
    })
}

fn against(evidence: &Evidence, now: Timestamp) -> Option<Clean> {
    match evidence {
        Evidence::AlertFired { alert } => Some(crate::clean!("{alert} fired while it was current")),
        Evidence::RolledBackFrom { at } => Some(crate::clean!("rolled back from {} ago", words::long(words::since(*at, now)))),
        Evidence::Failed { by, why } => Some(crate::clean!("{by}: {why}")),
        Evidence::NeverAvailable { why } if why.is_empty() => Some(Clean::from_static("no pod of it was ever available")),
        Evidence::NeverAvailable { why } => Some(crate::clean!("no pod of it was ever available: {why}")),
        Evidence::StandsReady { ready: 0, .. } => Some(Clean::from_static("none of its pods is ready")),
        Evidence::ServingNow { .. }
        | Evidence::StandsReady { .. }
        | Evidence::SeenHealthy { .. }
        | Evidence::Measured { .. }
        | Evidence::Deployed { .. }
        | Evidence::Served { .. } => None,
    }
}

fn speaks_for(evidence: &Evidence, now: Timestamp) -> Option<Clean> {
    match evidence {
        Evidence::Served { held } => Some(crate::clean!("served {}", words::long(*held))),
        Evidence::ServingNow { ready: 0, .. } => None,
        Evidence::ServingNow { ready: 1, .. } => Some(Clean::from_static("1 of its pods serves now")),
        Evidence::ServingNow { ready, .. } => Some(crate::clean!("{ready} of its pods serve now")),
        Evidence::StandsReady { ready: 0, .. } => None,
        Evidence::StandsReady { ready, wanted, until } => {
            let until = until.map(|at| crate::clean!(", active until {} ago", words::long(words::since(at, now)))).unwrap_or_default();
            Some(crate::clean!("instant, {ready} of {wanted} of its pods stand ready{until}"))
        }
        Evidence::SeenHealthy { held, .. } => Some(crate::clean!("seen fully available for {}", words::long(*held))),
        Evidence::Measured { by, what } => Some(crate::clean!("{by}: {what}")),
        Evidence::Deployed { by } => Some(crate::clean!("{by} says it was deployed")),
        Evidence::AlertFired { .. } | Evidence::RolledBackFrom { .. } | Evidence::Failed { .. } | Evidence::NeverAvailable { .. } => None,
    }
}

/// `proven: served 9 d, 4 of its pods serve now`.
fn why(class: Class, evidence: &[Evidence], against: &[Clean], now: Timestamp) -> Clean {
    let mut parts: Vec<Clean> = against.to_vec();
    parts.extend(evidence.iter().filter_map(|evidence| speaks_for(evidence, now)));
    parts.dedup();
    if parts.is_empty() {
        return crate::clean!("{}: nothing speaks for it or against it", class.word());
    }
    let parts: Vec<&str> = parts.iter().map(Clean::as_str).collect();
    crate::clean!("{}: {}", class.word(), parts.join(", "))
}

/// Why there is no target.
fn nothing(history: &History<'_>, current: &Revision, candidates: &[Candidate]) -> Clean {
    if !candidates.is_empty() {
        return Clean::from_static("every earlier revision has something against it");
    }
    if history.revisions.len() > 1 {
        return Clean::from_static("every revision that is kept is the same as what runs: there is nothing to go back to");
    }
    let good_and_gone = |record: &&Record| record.template != current.template && class_of(&record.evidence) == Class::Proven;
    if history.records.iter().any(|record| good_and_gone(&record)) {
        return Clean::from_static("the revision that was seen healthy is no longer kept (revisionHistoryLimit): ship it again from its source");
    }
    if current.number > 1 {
        return Clean::from_static("earlier revisions are no longer kept (revisionHistoryLimit): there is nothing to go back to");
    }
    Clean::from_static("this is its first revision: there is nothing to go back to")
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "histories_tests.rs"]
mod histories;
