//! Steps 6 and 7: what is watched after the request was accepted.

use super::{Timing, Tried, pipeline::Pipeline, switched::Switched, synced};
use crate::{
    domain::{Kind, Metric, Pod, Progress, Revision, RevisionRef, Subject, Verb, Version, Workload},
    store::{Ailment, Freshness, Store, ailment},
    text::{Clean, Name, Raw},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The world as the store has it at a moment.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// The workload; none when it is gone.
    pub workload: Option<&'a Workload>,
    /// Its revisions.
    pub revisions: Vec<&'a Revision>,
    /// Its pods.
    pub pods: Vec<&'a Pod>,
    /// Whether what is known of it and of its pods can be true now.
    pub live: bool,
}

impl<'a> Observed<'a> {
    /// What the store has of a workload.
    pub fn of(store: &'a Store, id: &crate::domain::Id<Workload>) -> Self {
        Self {
            workload: store.workload(id),
            revisions: store.revisions_of(id),
            pods: store.pods_of(id).collect(),
            live: store.freshness(id) == Freshness::Live && store.pods_freshness(id) == Freshness::Live,
        }
    }
}

/// A pod that the rollback waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Its name.
    pub pod: Clean,
    /// One word: `starting`, `leaving`, `not ready`, `exit 1, 3 restarts`.
    pub state: Clean,
    /// What goes with it: the version, the message.
    pub detail: Clean,
    /// Whether waiting will not mend it.
    pub lasting: bool,
}

/// What was last seen of the pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Whether it is gone.
    pub gone: bool,
    /// Whether its source is live.
    pub live: bool,
    /// Pods that are wanted.
    pub wanted: u32,
    /// Ready pods of any version.
    pub serving: u32,
    /// Ready pods of the target.
    pub ready: u32,
    /// Whether the rollout is complete by the rules of `kubectl rollout status`, and it is the target that runs.
    pub complete: bool,
    /// Pods that it waits for.
    pub blockers: Vec<Blocker>,
    /// What the controller says, where it gave up.
    pub controller: Option<Clean>,
    /// The number under which the target runs now.
    pub revision: Option<u64>,
    /// The one digest that all ready pods of the target run, where there is one.
    pub digest: Option<Clean>,
    /// The template that is the newest now.
    newest: Option<Raw>,
    observed: bool,
    pub(super) restarts: BTreeMap<Raw, u32>,
}

/// A metric as it was last measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// Not asked or not answered yet.
    Waiting,
    /// Measured.
    Value {
        /// NaN: no traffic.
        value: f64,
        /// The requests it rests on, where they are known.
        requests: Option<f64>,
        /// When.
        at: Timestamp,
    },
    /// It can not be measured, and why.
    Missing(Clean),
}

/// What is watched from the acceptance to the verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Where it goes.
    pub target: RevisionRef,
    /// What it is: a rollback, an abort, a switch.
    pub verb: Verb,
    /// Where the route leads, where traffic was switched.
    pub(super) switched: Option<Switched>,
    /// The operation of the application, where that is synced back.
    pub(super) syncing: Option<synced::Syncing>,
    /// The run that deploys it, where a pipeline does.
    pub(super) pipeline: Option<Pipeline>,
    /// The template it came from.
    pub(super) from: Raw,
    /// The version it came from.
    pub left: Version,
    /// When it was confirmed.
    pub began: Timestamp,
    /// When it was accepted, or found taken up.
    pub accepted: Timestamp,
    /// When the controller took it up.
    pub taken_up: Option<Timestamp>,
    /// What was last seen.
    pub view: View,
    /// When a pod more was last seen ready, or one of the old gone.
    pub progressed: Timestamp,
    /// When the rollout was first complete.
    pub complete: Option<Timestamp>,
    /// How often in a row the pods were found ready since.
    pub in_a_row: u32,
    /// When that was last looked at.
    pub looked: Option<Timestamp>,
    /// Restarts of the target's pods since it was complete, and the last of them.
    pub restarted: Option<(u32, Timestamp)>,
    /// Errors.
    pub errors: Measure,
    /// Latency.
    pub latency: Measure,
    /// The error rate by time, for the line that falls.
    pub trace: Vec<(Timestamp, f64)>,
    /// How the alert's rule stands: whether it fires, and when that was said.
    pub rule: Option<(bool, Timestamp)>,
    /// What came of the smoke requests.
    pub tried: Tried,
    /// When metrics and rules were last asked.
    pub asked: Option<Timestamp>,
    /// When the world is read next to learn which template runs now; none where that is known.
    pub(super) reread: Option<Timestamp>,
    /// The Helm release that went back as a whole.
    pub(super) released: Option<Name>,
    /// What ended it early: somebody or something changed it again.
    pub overtaken: Option<Overtaken>,
    best: (u32, u32),
}

/// Somebody or something changed the workload again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overtaken {
    /// Back to what was rolled back from.
    ChangedBack,
    /// To something else.
    Superseded,
}

const TRACE: usize = 240;

impl Run {
    pub(super) fn new((target, verb): (RevisionRef, Verb), (from, left): (Raw, Version), began: Timestamp, accepted: Timestamp) -> Self {
        Self {
            target,
            verb,
            switched: None,
            syncing: None,
            pipeline: None,
            from,
            left,
            began,
            accepted,
            taken_up: None,
            view: View::default(),
            progressed: accepted,
            complete: None,
            in_a_row: 0,
            looked: None,
            restarted: None,
            errors: Measure::Waiting,
            latency: Measure::Waiting,
            trace: Vec::new(),
            rule: None,
            tried: Tried::Not,
            asked: None,
            reread: None,
            released: None,
            overtaken: None,
            best: (0, u32::MAX),
        }
    }

    /// What runs once Helm has ended is what it made of the release and of changes by hand, under a hash that only the controller knows.
    pub(super) fn learn(&mut self, subject: &Subject, now: Timestamp) {
        if let Some(switched) = &mut self.switched {
            self.overtaken = self.overtaken.or(switched.learn(subject, &self.target.template, &self.from));
            if switched.leads {
                self.taken_up.get_or_insert(now);
            }
            return;
        }
        if let (Some(syncing), Some(application)) = (&mut self.syncing, &subject.application) {
            if self.reread.is_none() {
                return;
            }
            self.overtaken = self.overtaken.or(syncing.learn(application));
            if syncing.stands == synced::Stands::Over && !application.template.is_empty() {
                self.target.template = application.template.clone();
                self.reread = None;
            }
            return;
        }
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.learn(subject, self.began);
            return;
        }
        if let Some(release) = subject.release.as_ref().filter(|release| self.reread.is_some() && !release.template.is_empty()) {
            self.target.template = release.template.clone();
            self.reread = None;
            self.released = Some(release.name.clone());
        }
    }

    pub(super) fn observe(&mut self, seen: &Observed<'_>, now: Timestamp) {
        let mut view = view(seen, &self.target, self.verb == Verb::Abort);
        if let Some(switched) = &self.switched {
            view.complete &= switched.arrived;
            // Another revision was rolled out where it leads.
            if switched.to.is_some() && view.live && view.newest.as_ref().is_some_and(|newest| *newest != self.target.template) {
                self.overtaken = self.overtaken.or(Some(Overtaken::Superseded));
            }
        } else if self.syncing.is_some() && self.reread.is_some() {
            // Which template it brings is known only when the operation is over: no pod is of another one yet.
            view.blockers.clear();
        } else if view.live && view.newest.as_ref() == Some(&self.target.template) && view.observed {
            self.taken_up.get_or_insert(now);
        } else if self.taken_up.is_some() && view.live && view.newest.is_some() && view.newest.as_ref() != Some(&self.target.template) {
            let back = view.newest.as_ref() == Some(&self.from);
            self.overtaken = Some(if back { Overtaken::ChangedBack } else { Overtaken::Superseded });
        }
        let leaving = u32::try_from(view.blockers.len()).unwrap_or(u32::MAX);
        if view.ready > self.best.0 || (view.ready == self.best.0 && leaving < self.best.1) {
            self.best = (view.ready, leaving);
            self.progressed = now;
        }
        if self.complete.is_some() {
            self.count_restarts(&view, now);
        }
        if view.complete && view.live {
            self.complete.get_or_insert(now);
        } else {
            self.in_a_row = 0;
        }
        self.view = view;
    }

    fn count_restarts(&mut self, view: &View, now: Timestamp) {
        let before = &self.view.restarts;
        if before.is_empty() {
            return;
        }
        let more: u32 = view.restarts.iter().map(|(uid, count)| count.saturating_sub(before.get(uid).copied().unwrap_or(0))).sum();
        if more > 0 {
            self.restarted = Some((self.restarted.map_or(0, |(count, _)| count) + more, now));
        }
    }

    /// Looks once more whether the pods are ready, if it is time.
    pub(super) fn look(&mut self, timing: &Timing, now: Timestamp) {
        let due = self.looked.is_none_or(|last| now.duration_since(last) >= timing.check_every);
        if self.complete.is_some() && due {
            self.looked = Some(now);
            self.in_a_row = if self.view.complete && self.view.live { self.in_a_row.saturating_add(1) } else { 0 };
        }
    }

    pub(super) fn measured(&mut self, metric: Metric, measure: Measure) {
        match metric {
            Metric::ErrorRate => {
                if let Measure::Value { value, at, .. } = measure
                    && !value.is_nan()
                    && self.trace.len() < TRACE
                {
                    self.trace.push((at, value));
                }
                self.errors = measure;
            }
            Metric::Latency => self.latency = measure,
            Metric::Throughput | Metric::Cpu | Metric::Memory | Metric::Disk => {}
        }
    }

    /// A metric as it was last measured; what no proof rests on never is.
    pub(super) const fn measure(&self, metric: Metric) -> &Measure {
        match metric {
            Metric::ErrorRate => &self.errors,
            Metric::Latency => &self.latency,
            Metric::Throughput | Metric::Cpu | Metric::Memory | Metric::Disk => &Measure::Waiting,
        }
    }

    /// One source could not measure it. Another may have, just now.
    pub(super) fn missing(&mut self, metric: Metric, why: Clean, now: Timestamp) {
        let known = self.measure(metric);
        let recent = matches!(known, Measure::Value { at, .. } if now.duration_since(*at) < SignedDuration::from_secs(60));
        if !recent {
            self.measured(metric, Measure::Missing(why));
        }
    }

    /// Since when nothing moves, where that is long enough to ask why.
    pub fn stalled(&self, timing: &Timing, now: Timestamp) -> Option<SignedDuration> {
        let idle = now.duration_since(self.progressed);
        (self.complete.is_none() && idle >= timing.stalled).then_some(idle)
    }
}

fn view(seen: &Observed<'_>, target: &RevisionRef, aborts: bool) -> View {
    let Some(workload) = seen.workload else { return View { gone: true, live: seen.live, ..View::default() } };
    // What was given up on still is the newest; an undo is not complete before its own template is.
    let newest = if aborts { workload.heads_to(&seen.revisions) } else { seen.revisions.iter().copied().find(|revision| revision.current) };
    let counts = &workload.replicas;
    let own: Vec<&&Pod> = seen.pods.iter().filter(|pod| pod.template == target.template && !pod.leaving).collect();
    let of_target = seen.revisions.iter().find(|revision| revision.template == target.template);
    let ready = if seen.pods.is_empty() { of_target.map_or(0, |revision| revision.replicas.ready) } else { total(&own, |pod| u32::from(pod.ready)) };
    let runs = newest.is_some_and(|revision| revision.template == target.template);
    // A StatefulSet may keep pods below its partition, and counts no available ones before Kubernetes 1.22: its controller's word is enough.
    let counted = counts.updated >= counts.wanted && counts.total <= counts.updated && counts.available >= counts.updated;
    let done = match &workload.progress {
        Progress::Done => !matches!(workload.kind, Kind::Deployment) || counted,
        // Its controller says that only this revision serves, and all of its pods do.
        Progress::Aborted { since, whole, .. } => aborts && since.is_some() && *whole && ready >= counts.wanted,
        Progress::Unobserved | Progress::Rolling | Progress::Stuck { .. } | Progress::Paused { .. } | Progress::Waiting { .. } | Progress::Unknown => false,
    };
    View {
        gone: false,
        live: seen.live,
        wanted: counts.wanted,
        serving: counts.ready,
        ready,
        complete: runs && done,
        blockers: blockers(seen, target),
        controller: gave_up(&workload.progress).filter(|_| !(aborts && matches!(workload.progress, Progress::Aborted { .. }))),
        revision: of_target.map(|revision| revision.number),
        digest: one_digest(&own),
        newest: newest.map(|revision| revision.template.clone()),
        observed: !matches!(workload.progress, Progress::Unobserved | Progress::Aborted { since: None, .. }),
        restarts: own.iter().map(|pod| (pod.uid.clone(), pod.restarts)).collect(),
    }
}

fn total(pods: &[&&Pod], of: impl Fn(&Pod) -> u32) -> u32 {
    pods.iter().map(|pod| of(pod)).sum()
}

fn gave_up(progress: &Progress) -> Option<Clean> {
    match progress {
        Progress::Stuck { reason, message, .. } => Some(if message.is_empty() { reason.clone() } else { message.clone() }),
        Progress::Paused { .. } => Some(Clean::from_static("somebody paused it")),
        Progress::Waiting { place, .. } => Some(crate::clean!("it waits at {place} until somebody promotes it")),
        Progress::Aborted { message, .. } => Some(crate::clean!("it was aborted: {message}")),
        Progress::Done | Progress::Unobserved | Progress::Rolling | Progress::Unknown => None,
    }
}

/// The pods of the target that are not ready, and those of others that are not gone, the worst first.
fn blockers(seen: &Observed<'_>, target: &RevisionRef) -> Vec<Blocker> {
    let mut found: Vec<(u8, Blocker)> = Vec::new();
    let awaited = seen.workload.and_then(|workload| workload.awaits(seen.pods.iter().copied(), &target.template)).map(|pod| &pod.id);
    for pod in &seen.pods {
        let (of_target, ill) = (pod.template == target.template, ailment(pod));
        let version = seen.revisions.iter().find(|revision| revision.template == pod.template).map(|revision| revision.version.0.clone());
        let (state, detail) = match (&ill, of_target) {
            (Some(Ailment::Leaving) | None, true) => continue,
            (Some(ill), true) => (ill.words(), pod.message.clone()),
            (Some(Ailment::Leaving), false) => (Clean::from_static("leaving"), version.unwrap_or_default()),
            // OrderedReady waits for it, and it will not get ready (kubernetes#67250): only its deletion lets the others go on.
            (Some(_), false) if awaited == Some(&pod.id) => {
                (Clean::from_static("holds it up"), crate::clean!("delete it: kubectl delete pod {} -n {}", pod.name, pod.place.namespace))
            }
            (Some(_) | None, false) => (Clean::from_static("still there"), version.unwrap_or_default()),
        };
        let lasting = of_target && ill.as_ref().is_some_and(Ailment::lasting);
        let rank = if of_target { 100 + ill.as_ref().map_or(0, Ailment::rank) } else { 0 };
        found.push((rank, Blocker { pod: pod.name.clean().clone(), state, detail, lasting }));
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.pod.cmp(&b.1.pod)));
    found.into_iter().map(|(_, blocker)| blocker).collect()
}

fn one_digest(pods: &[&&Pod]) -> Option<Clean> {
    let mut digests = pods.iter().filter(|pod| pod.ready).map(|pod| pod.containers.iter().find(|c| !c.init).and_then(|c| c.image.digest_hex()));
    let first = digests.next()??;
    digests.all(|other| other == Some(first)).then(|| Clean::from_untrusted(first.get(..6).unwrap_or(first)))
}
