//! Verification standing alone: whether a release is in, everywhere, and well. For people who check a release quickly, and for pipelines.
//!
//! The proofs are those of a rollback, measured from now on: pods ready many times in a row, no restart, errors and latency inside their
//! limits in a window that lies after the rollout. To them come the expected version, one digest on every pod, smoke requests, no alert about
//! the service, and the gates of the run that shipped it. What nobody measures is named and asks for nothing; what should be measured and is not leaves the answer open.

mod gates;
mod matters;
mod point;

use super::{Ask, Case, Measure, Observed, Proof, ProofKind, ProofState, Run, Timing, measures, pipeline::Pipeline, proof, smoke};
use crate::{
    domain::{self, Answer, Id, Metric, Pod, Question, Revision, RevisionRef, Trouble, Verb, Why},
    store::{Store, words::long},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};
use matters::{alarms, digest};
use point::point;
pub use point::{Expected, Matter, Point, Verified};
use std::collections::BTreeMap;

/// One service in one environment, being verified.
#[derive(Clone, Debug)]
pub struct Verification {
    /// What it is about.
    pub case: Case,
    /// What should run.
    pub expected: Expected,
    /// Since when.
    pub began: Timestamp,
    timing: Timing,
    /// What runs, once that is what should.
    run: Option<Run>,
    newest: Option<RevisionRef>,
    digest: Option<Point>,
    alerts: Point,
    gates: Point,
    /// The runs that shipped what runs.
    pub runs: Vec<Id<domain::Run>>,
    /// Metrics that nobody measures for this service.
    nobody: BTreeMap<Metric, Clean>,
    asked: Option<Timestamp>,
    /// Since when something is bad, or not to be had.
    bad: Option<Timestamp>,
    /// How long it must be bad, where more hangs on it than a word.
    settle: Option<SignedDuration>,
    /// Whether it was bad for that long.
    settled: bool,
    blind: Option<Timestamp>,
    /// What came of it.
    pub verdict: Option<(Verified, Timestamp)>,
}

/// What was rolled out longer ago than this is no fresh release.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// Something bad must stay so for this long: a scrape may be old, a pod may be on its way out.
const HELD: SignedDuration = SignedDuration::from_secs(30);

impl Verification {
    /// Begins; `timing.deadline` is how long the release is waited for.
    pub fn new(case: Case, expected: Expected, timing: Timing, now: Timestamp) -> Self {
        let alerts = point(Matter::Alerts, ProofState::Waiting, "not looked at yet");
        let gates = point(Matter::Gates, ProofState::Waiting, "not looked at yet");
        Self {
            case,
            expected,
            began: now,
            timing,
            run: None,
            newest: None,
            digest: None,
            alerts,
            gates,
            runs: Vec::new(),
            nobody: BTreeMap::new(),
            asked: None,
            bad: None,
            settle: None,
            settled: false,
            blind: None,
            verdict: None,
        }
    }

    /// Calls nothing bad that was not bad for `settle`: it is to be taken back without a person.
    pub fn hold(&mut self, settle: SignedDuration) {
        self.settle = Some(settle.max(HELD));
    }

    /// Why it is none to be taken back without a person, whoever allows that.
    pub fn unfit(&self) -> Option<Clean> {
        let runs = self.case.workload.changed.map(|at| self.began.duration_since(at));
        match (&self.run, runs) {
            (None, _) => Some(Clean::from_static("what runs is not the release that was to be verified")),
            (Some(_), None) => Some(Clean::from_static("it is not known when it was rolled out")),
            (Some(_), Some(age)) if age > FRESH => Some(crate::clean!("it runs for {}: that is no fresh release", long(age))),
            _ if !matches!(self.verdict, Some((Verified::No { .. }, _))) || !self.settled => Some(Clean::from_static("it was not found bad for long enough")),
            _ => None,
        }
    }

    /// So many sources were asked this.
    pub fn asked(&mut self, question: &Question, sources: usize) {
        match (question, sources) {
            (Question::Window(window), 0) => _ = self.nobody.insert(window.metric, Clean::from_static("no source measures it")),
            (Question::Smoke { .. }, sources) => self.run.iter_mut().for_each(|run| run.trying(sources)),
            _ => {}
        }
    }

    /// One source answered. What one measured counts, whatever another lacks.
    pub fn answered(&mut self, question: &Question, result: Result<Answer, Why>, now: Timestamp) {
        let Some(run) = &mut self.run else { return };
        let metric = match question {
            Question::Window(window) => window.metric,
            Question::Smoke { service, .. } => return run.came(service, result),
            _ => return,
        };
        match result {
            Ok(Answer::Window { value: Some(value), requests, .. }) => {
                self.nobody.remove(&metric);
                run.measured(metric, Measure::Value { value, requests, at: now });
            }
            Ok(Answer::Window { value: None, .. }) => self.lacks(metric, Clean::from_static("no series of this service")),
            Ok(_) => {}
            Err(Why { trouble: Trouble::Unsupported, words }) => self.lacks(metric, words),
            Err(why) => {
                self.nobody.remove(&metric);
                run.missing(metric, why.words, now);
            }
        }
    }

    /// One source does not measure it: nobody does, unless another has or should have.
    fn lacks(&mut self, metric: Metric, why: Clean) {
        let known = self.run.as_ref().is_some_and(|run| *run.measure(metric) != Measure::Waiting);
        if !known {
            self.nobody.insert(metric, why);
        }
    }

    /// The world as the store has it now, and the time. The questions that it wants answered.
    #[must_use = "the questions must be asked"]
    pub fn observed(&mut self, store: &Store, now: Timestamp) -> Vec<Ask> {
        if self.verdict.is_some() {
            return Vec::new();
        }
        let seen = Observed::of(store, &self.case.workload.id);
        if let Some(row) = seen.workload {
            self.case.workload = row.clone();
        }
        self.alerts = alarms(store, &self.case, now);
        self.follow(&seen, now);
        let asks = self.measure(now);
        if !asks.is_empty() {
            self.runs = self.newest.as_ref().map(|newest| gates::shipped_by(store, &self.case, newest)).unwrap_or_default();
        }
        self.gates = gates::gates(store, &self.runs);
        self.judge(now);
        asks
    }

    /// Begins anew where another revision is the newest.
    fn follow(&mut self, seen: &Observed<'_>, now: Timestamp) {
        let revision = seen.workload.and_then(|row| row.heads_to(&seen.revisions)).filter(|_| seen.live);
        let Some(revision) = revision else {
            if let Some(run) = &mut self.run {
                run.observe(seen, now);
            }
            return;
        };
        let newest = reference(revision);
        if self.newest.as_ref().is_none_or(|before| before.template != newest.template) {
            (self.run, self.bad, self.blind) = (None, None, None);
            (self.asked, self.runs) = (None, Vec::new());
        }
        let wanted = self.expected.version.as_ref().is_none_or(|version| *version == newest.version.0);
        if wanted {
            let run =
                self.run.get_or_insert_with(|| Run::new((newest.clone(), Verb::RollBack), (crate::text::Raw::default(), newest.version.clone()), now, now));
            if run.pipeline.is_none() && self.case.workload.kind.told_by_pipeline() {
                run.pipeline = Some(Pipeline::default());
            }
            run.observe(seen, now);
            run.look(&self.timing, now);
            let own: Vec<&Pod> = seen.pods.iter().copied().filter(|pod| pod.template == newest.template && !pod.leaving && pod.ready).collect();
            self.digest = Some(digest(&own, revision.images.first().map(|image| &image.container), self.expected.digest.as_ref()));
        }
        self.newest = Some(newest);
    }

    fn measure(&mut self, now: Timestamp) -> Vec<Ask> {
        let due = self.run.is_some() && self.asked.is_none_or(|last| now.duration_since(last) >= self.timing.ask_every);
        if !due {
            return Vec::new();
        }
        self.asked = Some(now);
        let seconds = u32::try_from(self.timing.window.as_secs()).unwrap_or(60);
        let mut asks = measures(&self.case.workload, &self.case.service, seconds).to_vec();
        if self.run.as_ref().is_some_and(|run| run.complete.is_some()) {
            asks.push(smoke(&self.case.service, &self.case.environment.name));
        }
        asks
    }

    /// Everything, as it stands; as it stood, once there is a verdict.
    pub fn points(&self, now: Timestamp) -> Vec<Point> {
        let now = self.verdict.as_ref().map_or(now, |(_, at)| *at);
        let mut points = vec![self.version()];
        let Some(run) = &self.run else {
            points.push(self.alerts.clone());
            return points;
        };
        let good = super::Baseline::good();
        for proof in proof::proofs(run, &good, None, &self.timing, now) {
            let matter = match proof.kind {
                ProofKind::Pods => Matter::Pods,
                ProofKind::Restarts => Matter::Restarts,
                ProofKind::Errors => Matter::Errors,
                ProofKind::Latency => Matter::Latency,
                ProofKind::Smoke | ProofKind::Alert => continue,
            };
            points.push(self.told(matter, proof));
            if matter == Matter::Pods {
                points.extend(self.digest.clone());
            }
        }
        points.push(matters::smoke(&run.tried));
        points.push(self.alerts.clone());
        points.push(self.gates.clone());
        points
    }

    /// The beginning of the digest that all its ready pods run, where they run one.
    pub fn one_digest(&self) -> Option<&Clean> {
        self.run.as_ref().and_then(|run| run.view.digest.as_ref())
    }

    fn told(&self, matter: Matter, proof: Proof) -> Point {
        let metric = match matter {
            Matter::Errors => Metric::ErrorRate,
            Matter::Latency => Metric::Latency,
            _ => return Point { matter, state: proof.state, text: proof.text },
        };
        match self.nobody.get(&metric) {
            Some(why) => point(matter, ProofState::NotAsked, why.clone()),
            None => Point { matter, state: proof.state, text: proof.text },
        }
    }

    fn version(&self) -> Point {
        let say = |state, text: Clean| point(Matter::Version, state, text);
        match (&self.newest, &self.expected.version) {
            (None, _) => say(ProofState::Unknown, Clean::from_static("what runs is not known")),
            (Some(newest), Some(wanted)) if newest.version.0 != *wanted => {
                say(ProofState::Running, crate::clean!("{} is the newest, {wanted} is expected", newest.version.numbered(newest.number)))
            }
            (Some(newest), _) => say(ProofState::Good, newest.version.numbered(newest.number)),
        }
    }

    fn judge(&mut self, now: Timestamp) {
        let points = self.points(now);
        let find = |states: &[ProofState]| points.iter().find(|point| states.contains(&point.state));
        let hold = self.settle.unwrap_or(HELD);
        let held = |since: &mut Option<Timestamp>, is: bool| {
            *since = is.then(|| since.unwrap_or(now));
            since.is_some_and(|since| now.duration_since(since) >= hold)
        };
        let complete = self.run.as_ref().is_some_and(|run| run.complete.is_some());
        let (bad, blind) = (find(&[ProofState::StillBad]), find(&[ProofState::Unknown]));
        let open = find(&[ProofState::Running, ProofState::Waiting]);
        let gave_up = self.run.as_ref().and_then(|run| run.view.controller.clone().filter(|_| run.view.live));
        // Where more hangs on it, what will not mend by waiting is bad as soon as it has lasted: its controller gives up much later.
        let live = self.run.as_ref().map(|run| &run.view).filter(|view| self.settle.is_some() && view.live);
        let hopeless = live.is_some_and(|view| view.blockers.iter().any(|blocker| blocker.lasting));
        let bad_held = held(&mut self.bad, (bad.is_some() && complete) || gave_up.is_some() || hopeless);
        self.settled = bad_held;
        let blind_held = held(&mut self.blind, blind.is_some() && complete && open.is_none());
        let says = |point: &Point| crate::clean!("{}: {}", point.matter.word(), point.text);
        let late = now.duration_since(self.began) >= self.timing.deadline;
        let verdict = match (bad, blind, open) {
            _ if gave_up.is_some() && (self.settle.is_none() || bad_held || late) => Some(Verified::No { why: self.stuck(gave_up.unwrap_or_default()) }),
            _ if hopeless && bad_held => Some(Verified::No { why: self.stuck(Clean::from_static("it does not get ready")) }),
            (Some(bad), ..) if bad_held || late => Some(Verified::No { why: says(bad) }),
            (None, None, None) => Some(Verified::Yes { unmeasured: unmeasured(&points) }),
            (None, Some(blind), None) if blind_held => Some(Verified::CouldNotTell { why: says(blind) }),
            (None, Some(blind), _) if late => Some(Verified::CouldNotTell { why: says(blind) }),
            (None, None, Some(open)) if late => Some(Verified::No { why: self.stuck(says(open)) }),
            _ => None,
        };
        self.verdict = verdict.map(|verdict| (verdict, now));
    }

    /// With the pod that is to blame, where one is.
    fn stuck(&self, why: Clean) -> Clean {
        let view = self.run.as_ref().map(|run| &run.view);
        let blocker = view.and_then(|view| view.blockers.iter().find(|blocker| blocker.lasting).or(view.blockers.first()));
        blocker.map_or_else(|| why.clone(), |blocker| crate::clean!("{why}; {} {}", blocker.pod, blocker.state))
    }
}

fn reference(revision: &Revision) -> RevisionRef {
    RevisionRef { id: revision.id.clone(), number: revision.number, template: revision.template.clone(), version: revision.version.clone() }
}

fn unmeasured(points: &[Point]) -> Vec<&'static str> {
    points.iter().filter(|point| point.state == ProofState::NotAsked).map(|point| point.matter.word()).collect()
}

#[cfg(test)]
mod tests;
