//! Steps 6 and 7: watching what came of it until there is a verdict.

use super::{Procedure, Sent, State, Want};
use crate::{
    domain::{Answer, Feed, Id, Question, Scope, SourceId, Subject, Verb, Why, Workload},
    rollback::{
        Measure, Observed, Proof, ProofState, Run, measures, pipeline::Pipeline, proof, rule_state, smoke, switched::Switched, synced::Syncing, verdict,
    },
    text::Clean,
};
use jiff::Timestamp;

impl Procedure {
    /// The feeds it must have while it lives.
    pub fn feeds(&self) -> Vec<(SourceId, Feed)> {
        let id = self.watched();
        let scope = || Scope::Workload(id.clone());
        match self.state {
            State::Done { .. } | State::Closed { .. } => Vec::new(),
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } => {
                [Feed::Workloads, Feed::Pods(scope()), Feed::Happenings(scope())].map(|feed| (id.source(), feed)).to_vec()
            }
        }
    }

    /// The workload whose pods must be well in the end: its own, or the one that the traffic was switched to.
    pub fn watched(&self) -> &Id<Workload> {
        let run = match &self.state {
            State::UnderWay { run, .. } | State::Done { run, .. } => Some(run),
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::Closed { .. } => None,
        };
        run.and_then(|run| run.switched.as_ref()).and_then(|switched| switched.to.as_ref()).unwrap_or(&self.case.workload.id)
    }

    pub(super) fn run(&self, sent: &Sent, now: Timestamp) -> Run {
        let mut run = Run::new((sent.goal.clone(), sent.verb), (sent.running.clone(), self.case.version().clone()), sent.began, now);
        if sent.verb == Verb::SwitchBack {
            let to = sent.plan.as_ref().and_then(|plan| plan.switch()).map(|(_, arm)| arm.workload.clone());
            run.switched = Some(Switched::new(sent.from.clone(), sent.ids.clone(), to));
        }
        run.syncing = (sent.verb == Verb::SyncBack).then(|| Syncing::new(sent.ids.clone()));
        run.pipeline = self.case.workload.kind.told_by_pipeline().then(Pipeline::default);
        run
    }

    /// `read`: the world as it was read, where that said that it was carried out. What only the world says must be read (again): the
    /// template that runs after a release or an application went back, where a route leads after a switch.
    pub(super) fn go_under_way(&mut self, sent: Box<Sent>, read: Option<&Subject>, now: Timestamp) -> Vec<Want> {
        let mut run = Box::new(self.run(&sent, now));
        let reads = run.switched.is_some() || run.syncing.is_some() || run.pipeline.is_some();
        let rereads = reads || read.map_or(sent.release(), |read| read.release.is_some());
        run.reread = rereads.then_some(now + self.timing.reread);
        if let Some(read) = read.filter(|_| reads) {
            run.learn(read, now);
        }
        self.state = State::UnderWay { sent, run };
        let mut wants = self.ask_measures(now);
        wants.extend(rereads.then(|| self.ask_subject()));
        wants
    }

    pub(super) fn ask_measures(&mut self, now: Timestamp) -> Vec<Want> {
        let seconds = u32::try_from(self.timing.window.as_secs()).unwrap_or(60);
        let State::UnderWay { run, .. } = &mut self.state else { return Vec::new() };
        run.asked = Some(now);
        let tries = run.complete.is_some().then(|| smoke(&self.case.service, &self.case.environment.name));
        let asks = measures(&self.case.workload, &self.case.service, seconds).into_iter().chain(self.case.alert.as_ref().map(rule_state)).chain(tries);
        asks.map(Want::Ask).collect()
    }

    /// The world as the store has it now.
    #[must_use = "the wants must be carried out"]
    pub fn observed(&mut self, seen: &Observed<'_>, now: Timestamp) -> Vec<Want> {
        match &mut self.state {
            State::Gathering(_) | State::Planned(_) | State::Confirming { .. } => {
                self.case.seen(seen, now);
                Vec::new()
            }
            State::UnderWay { run, .. } => {
                run.observe(seen, now);
                self.judge(now)
            }
            State::Sending { .. } | State::Unclear { .. } | State::Done { .. } | State::Closed { .. } => Vec::new(),
        }
    }

    /// Looks at the pods if it is time, and says the verdict if there is one.
    pub(super) fn judge(&mut self, now: Timestamp) -> Vec<Want> {
        let timing = self.timing;
        let State::UnderWay { run, .. } = &mut self.state else { return Vec::new() };
        run.look(&timing, now);
        let State::UnderWay { sent, run } = &self.state else { return Vec::new() };
        let proofs = self.proofs_of(run, now);
        let verdict = verdict::verdict(run, &self.case.baseline, &proofs, &timing, now);
        let ended = verdict.map(|verdict| (sent.clone(), run.clone(), verdict));
        for proof in &proofs {
            if proof.state == ProofState::Good {
                self.good_at.entry(proof.kind).or_insert(now);
            } else {
                self.good_at.remove(&proof.kind);
            }
        }
        if let Some((sent, run, verdict)) = ended {
            let proofs = self.proofs_of(&run, now);
            self.state = State::Done { sent, run, proofs, verdict, at: now };
        }
        Vec::new()
    }

    pub(in crate::rollback) fn proofs_of(&self, run: &Run, now: Timestamp) -> Vec<Proof> {
        let alert = self.case.alert.as_ref().map(|alert| (alert.name.clean(), alert.since));
        let mut found = proof::proofs(run, &self.case.baseline, alert, &self.timing, now);
        for proof in &mut found {
            proof.after = self.good_at.get(&proof.kind).map(|at| at.duration_since(run.began));
        }
        found
    }
}

pub(super) fn measure(run: &mut Run, question: &Question, result: Result<Answer, Why>, now: Timestamp) {
    match (question, result) {
        (Question::Window(window), Ok(Answer::Window { value: Some(value), requests, .. })) => {
            run.measured(window.metric, Measure::Value { value, requests, at: now })
        }
        (Question::Window(window), Ok(Answer::Window { value: None, .. })) => run.missing(window.metric, Clean::from_static("nobody measures it"), now),
        (Question::Window(window), Err(why)) => run.missing(window.metric, why.words, now),
        (Question::RuleState { .. }, Ok(Answer::RuleState { firing: Some(firing) })) => run.rule = Some((firing, now)),
        (Question::Smoke { service, .. }, result) => run.came(service, result),
        _ => {}
    }
}

/// So many sources were asked this: of none no answer will come.
pub(super) fn asked(run: &mut Run, question: &Question, sources: usize) {
    match question {
        Question::Window(window) if sources == 0 => run.measured(window.metric, Measure::Missing(Clean::from_static("no source measures it"))),
        Question::Smoke { .. } => run.trying(sources),
        _ => {}
    }
}
