//! Why a workload is broken, in one sentence: what `x` answers.
//!
//! The causes are looked for in a fixed order, each by a small function of the same scene. The first that is found is the answer;
//! those that were looked for and not found are said, and so are those that could not be looked for.

mod looks;

use super::{Health, Store, health, words};
use crate::{
    domain::{AlertState, Answer, Happening, Id, Node, Pod, Progress, Revision, Workload},
    text::Clean,
};
use jiff::Timestamp;

/// An object at fault, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `pod x7k2p`, `node eu-4`.
    pub object: Clean,
    /// What it says.
    pub says: Clean,
}

/// Something that was said or seen, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// When, where it is known.
    pub at: Option<Timestamp>,
    /// What.
    pub words: Clean,
}

/// Why a workload is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence.
    pub sentence: Clean,
    /// Which cause was found; none where all is well or nothing was found.
    pub cause: Option<&'static str>,
    /// The objects at fault, the clearest first.
    pub faults: Vec<Fault>,
    /// What speaks for it, newest first.
    pub evidence: Vec<Hint>,
    /// Other causes that hold as well, later in the order.
    pub also: Vec<Clean>,
    /// What was looked for and is not so.
    pub excluded: Vec<&'static str>,
    /// What could not be looked for, and why.
    pub unknown: Vec<Clean>,
    /// The key that helps next, and what it does.
    pub next: (&'static str, Clean),
}

/// Everything that the looks look at.
struct Scene<'a> {
    workload: &'a Workload,
    health: Health,
    revisions: Vec<&'a Revision>,
    /// Pods of the newest revision that do not serve; where there are none, those of any.
    ill: Vec<&'a Pod>,
    pods: &'a [Pod],
    nodes: Vec<&'a Node>,
    happenings: &'a [Happening],
    conditions: &'a [(Clean, Clean, Clean)],
    last_words: &'a [(Clean, Vec<Clean>)],
    now: Timestamp,
}

/// What came of looking for one cause.
enum Look {
    Found(Box<Found>),
    Excluded,
    Blind(Clean),
}

/// A cause that was found.
struct Found {
    sentence: Clean,
    faults: Vec<Fault>,
    evidence: Vec<Hint>,
    next: (&'static str, Clean),
}

type Find = fn(&Scene<'_>) -> Look;

/// The causes in the order in which they are looked for (SCREENS rule 10).
const CAUSES: &[(&str, Find)] = &[
    ("paused", looks::paused),
    ("controller behind", looks::behind),
    ("pods can not be made", looks::can_not_create),
    ("no node takes it", looks::unschedulable),
    ("image", looks::image),
    ("init container", looks::init),
    ("configuration missing", looks::config),
    ("crash", looks::crash),
    ("probe", looks::probe),
    ("node", looks::node),
    ("terminating", looks::terminating),
    ("strategy", looks::strategy),
    ("ordered start", looks::ordered),
    ("canary pause", looks::canary),
];

/// Explains a workload from the answer to [`crate::domain::Question::Explain`]; none where the answer is another.
pub fn explain(store: &Store, id: &Id<Workload>, answer: &Answer, now: Timestamp) -> Option<Explanation> {
    let Answer::Explain { pods, happenings, conditions, last_words } = answer else { return None };
    let workload = store.workload(id)?;
    let revisions = store.revisions_of(id);
    let all: Vec<&Pod> = pods.iter().collect();
    let scene = Scene {
        health: health(workload, &revisions, (!all.is_empty()).then_some(&all), now),
        ill: ill(pods, &revisions),
        nodes: store.nodes().filter(|node| node.place.context == workload.place.context).collect(),
        workload,
        revisions,
        pods,
        happenings,
        conditions,
        last_words,
        now,
    };
    let found = scene.explanation();
    Some(if found.cause.is_none() { with_alert(store, id, found, now) } else { found })
}

/// Well by its pods alone is not well: an alert that fires about the service comes first.
fn with_alert(store: &Store, id: &Id<Workload>, found: Explanation, now: Timestamp) -> Explanation {
    let row = store.joined(id).and_then(|joined| store.worst_alert(joined.service.raw(), joined.environment.name.raw()));
    let Some(row) = row.filter(|row| row.alert.state == AlertState::Firing) else { return found };
    let held = row.alert.since.map(|at| crate::clean!(" for {}", words::long(words::since(at, now)))).unwrap_or_default();
    Explanation { sentence: crate::clean!("{} fires{held}, and nothing about the pods explains it: {}", row.alert.name, found.sentence), ..found }
}

fn ill<'a>(pods: &'a [Pod], revisions: &[&Revision]) -> Vec<&'a Pod> {
    let newest = revisions.iter().find(|revision| revision.current).map(|revision| &revision.template);
    let all: Vec<&Pod> = pods.iter().filter(|pod| super::ailment(pod).is_some()).collect();
    let fresh: Vec<&Pod> = all.iter().copied().filter(|pod| newest.is_none_or(|template| pod.template == *template) && !pod.leaving).collect();
    if fresh.is_empty() { all } else { fresh }
}

impl Scene<'_> {
    fn explanation(&self) -> Explanation {
        let mut excluded = Vec::new();
        let mut unknown = Vec::new();
        let mut found: Vec<(&'static str, Found)> = Vec::new();
        for (name, look) in CAUSES {
            match look(self) {
                Look::Found(one) => found.push((name, *one)),
                Look::Excluded => excluded.push(*name),
                Look::Blind(why) => unknown.push(crate::clean!("{name}: {why}")),
            }
        }
        if self.happenings.is_empty() {
            unknown.push(Clean::from_static("events: none, they are kept for about 1 h"));
        }
        let mut found = found.into_iter();
        let Some((cause, first)) = found.next() else { return self.nothing(excluded, unknown) };
        let also = found.map(|(_, other)| other.sentence).collect();
        Explanation {
            sentence: self.with_versions(&first.sentence),
            cause: Some(cause),
            faults: first.faults,
            evidence: first.evidence,
            also,
            excluded,
            unknown,
            next: self.next(first.next),
        }
    }

    /// Nothing was found: it is well, or it is not and we do not know why.
    fn nothing(&self, excluded: Vec<&'static str>, unknown: Vec<Clean>) -> Explanation {
        let workload = self.workload;
        let counts = &workload.replicas;
        let age = workload.changed.map(|at| crate::clean!(", unchanged for {}", words::long(words::since(at, self.now)))).unwrap_or_default();
        let ready = crate::clean!("{} of {} pods ready", counts.ready, counts.wanted);
        let sentence = match &self.health {
            Health::Ok => crate::clean!("{} is well: {ready} on {}{age}", workload.name, workload.version),
            Health::Zero => crate::clean!("{} is scaled to zero", workload.name),
            Health::Rolling => crate::clean!("{} is on its way: {ready}, and nothing stands in the way", workload.name),
            Health::Stuck { why, .. } | Health::Failing { why } | Health::Down { why } => crate::clean!("no cause was found: {ready}, {why}"),
            Health::Unknown => match &workload.remark {
                Some(remark) => crate::clean!("{}: {ready}. {remark}", workload.name),
                None => crate::clean!("it can not be said how {} is: {ready}", workload.name),
            },
        };
        let next = if self.health.bad() { ("d", Clean::from_static("describe with events")) } else { ("l", Clean::from_static("logs")) };
        Explanation { sentence, cause: None, faults: Vec::new(), evidence: Vec::new(), also: Vec::new(), excluded, unknown, next }
    }

    /// `2.8.0 (r42) never became ready: …; 2.7.3 (r41) serves with 4 pods`: a rollout that hangs is told by its versions.
    fn with_versions(&self, sentence: &Clean) -> Clean {
        let (Some(newest), Some(old)) = (self.newest(), self.serving()) else { return sentence.clone() };
        let ready = self.ready_of(newest);
        let state = if ready == 0 { Clean::from_static("never became ready") } else { crate::clean!("has {ready} of {} ready", self.workload.replicas.wanted) };
        let pods = words::count(self.ready_of(old) as usize, "pod");
        crate::clean!("{} ({}) {state}: {sentence}; {} ({}) serves with {pods}", newest.version, newest.short(), old.version, old.short())
    }

    /// Where an older revision serves, going back to it is the next key.
    fn next(&self, own: (&'static str, Clean)) -> (&'static str, Clean) {
        match (self.serving(), &self.health) {
            (Some(old), Health::Stuck { .. } | Health::Failing { .. } | Health::Down { .. }) if own.0 != "A" => {
                ("R", crate::clean!("back to {} ({})", old.version, old.short()))
            }
            _ => own,
        }
    }

    fn newest(&self) -> Option<&Revision> {
        self.revisions.iter().copied().find(|revision| revision.current)
    }

    /// The older revision that serves best beside the newest.
    fn serving(&self) -> Option<&Revision> {
        let old = self.revisions.iter().copied().filter(|revision| !revision.current && self.ready_of(revision) > 0);
        old.max_by_key(|revision| (self.ready_of(revision), revision.number))
    }

    fn ready_of(&self, revision: &Revision) -> u32 {
        let own = self.pods.iter().filter(|pod| pod.template == revision.template && pod.ready && !pod.leaving).count();
        if self.pods.is_empty() { revision.replicas.ready } else { u32::try_from(own).unwrap_or(u32::MAX) }
    }

    fn rolling(&self) -> bool {
        match self.workload.progress {
            Progress::Rolling | Progress::Stuck { .. } | Progress::Waiting { .. } | Progress::Unobserved => true,
            Progress::Done | Progress::Paused { .. } | Progress::Aborted { .. } | Progress::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests;
