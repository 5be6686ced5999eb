//! Answers: one question, one instant.

use super::{
    chance::Chance,
    lives::OBSERVED,
    rows::View,
    speech,
    tables::SourceKind,
    unit::{Template, Turn, Unit},
    world::World,
};
use crate::{
    domain::{Answer, Evidence, Id, Leaf, Metric, Outline, Part, Pod, Progress, Question, Revision, Seen, Smoke, SourceId, Subject, Window, Workload},
    sources::SourceError,
    text::{Clean, Name, Raw},
};
use jiff::{SignedDuration, Timestamp};

impl World {
    /// The answer of `source` to a question at `at`.
    ///
    /// # Errors
    /// `NotFound` for what is not there, `Unsupported` for what such a source can not know.
    pub fn answer(&self, source: &SourceId, question: &Question, at: Timestamp) -> Result<Answer, SourceError> {
        match question {
            Question::Subject(id) => self.about(source, id, at, |view| Answer::Subject(Box::new(subject(view)))),
            Question::Revisions(id) => self.about(source, id, at, |view| Answer::Revisions(revisions(view))),
            Question::Templates { workload, .. } => self.about(source, workload, at, |view| Answer::Revisions(revisions(view))),
            Question::Explain(id) => self.about(source, id, at, explain),
            Question::Yaml(id) => self.about(source, id, at, |view| Answer::Text(super::yaml::workload(view))),
            Question::PodYaml(id) => self.pod_yaml(id, at),
            Question::Window(window) if self.is(source, SourceKind::Prometheus) => Ok(self.window(window, at)),
            Question::Memory { workload, names, since, .. } if self.is(source, SourceKind::Prometheus) => Ok(self.memory(workload, names, *since, at)),
            Question::RuleState { alert, .. } if self.is(source, SourceKind::Prometheus) => Ok(Answer::RuleState { firing: self.fires(alert.raw(), at) }),
            Question::Keeper { workload, .. } => {
                let unit = self.unit(workload).filter(|unit| unit.source == *source);
                let keeper = unit.and_then(|unit| super::keepers::keeper(unit, at)).map(|subject| Answer::Subject(Box::new(subject)));
                keeper.ok_or_else(|| SourceError::NotFound(crate::clean!("nothing keeps {}", workload.key())))
            }
            Question::Run { run, verb } => {
                let gone = || SourceError::NotFound(crate::clean!("{source} has no run {}", run.key()));
                self.run_now(source, run, *verb, at).map(|now| Answer::Subject(Box::new(now.subject(*verb)))).ok_or_else(gone)
            }
            Question::Tail(job) => self.job_tail(source, job, at),
            Question::Report { run, .. } => self.report(source, run, at),
            Question::Older { repository, .. } => Ok(Answer::Older { runs: self.older_runs(source, repository, at), next: None }),
            Question::Origin(reference) => Ok(Answer::Origin(self.origin(reference))),
            Question::Smoke { service, environment } => Ok(Answer::Smoke(self.tried(service, environment, at))),
            Question::Awaited { .. } => Err(SourceError::NotFound(Clean::from_static("no pod is waited for in vain"))),
            Question::Redeployed { .. } => Err(SourceError::Unsupported(crate::clean!("{source} deploys nothing"))),
            Question::Window(_) | Question::Memory { .. } | Question::RuleState { .. } => {
                Err(SourceError::Unsupported(crate::clean!("{source} measures nothing")))
            }
        }
    }

    fn about(&self, source: &SourceId, id: &Id<Workload>, at: Timestamp, answer: impl Fn(&View<'_>) -> Answer) -> Result<Answer, SourceError> {
        let unit =
            self.unit(id).filter(|unit| unit.source == *source).ok_or_else(|| SourceError::NotFound(crate::clean!("{source} has no workload {}", id.key())))?;
        Ok(answer(&self.view(unit, &unit.lives(&self.ground), at)))
    }

    fn pod_yaml(&self, id: &Id<Pod>, at: Timestamp) -> Result<Answer, SourceError> {
        let gone = || SourceError::NotFound(crate::clean!("there is no pod {} any more", id.key()));
        let (unit, life) = self.unit_with(id).filter(|(_, life)| life.exists(at)).ok_or_else(gone)?;
        let lives = [life];
        let view = self.view(unit, &lives, at);
        Ok(Answer::Text(super::yaml::pod(&view, &lives[0])))
    }

    /// What comes of the smoke requests of a service.
    fn tried(&self, service: &Name, environment: &Name, at: Timestamp) -> Vec<Smoke> {
        let address = self.scenario.tables.service.iter().find(|table| table.name == service.raw()).and_then(|table| table.smoke.as_deref());
        let unit = self.units.iter().find(|unit| unit.service == service.raw() && unit.environment == environment.raw());
        let one = |(address, unit): (&str, &Unit)| {
            let bad = unit.current(at).bad.is_some();
            let what = Clean::from_untrusted(address.trim_start_matches("https://"));
            Smoke { what, came: if bad { Err(Clean::from_static("503, 200 is expected")) } else { Ok(SignedDuration::from_millis(84)) } }
        };
        address.zip(unit).map(one).into_iter().collect()
    }

    fn window(&self, window: &Window, at: Timestamp) -> Answer {
        let here = |unit: &&Unit| unit.service == window.service.raw() && unit.place.namespace == window.namespace;
        let found = self.units.iter().filter(here).find_map(|unit| Some((unit, self.gauge(unit)?)));
        let value = found.and_then(|(unit, gauge)| match window.metric {
            Metric::ErrorRate => Some(gauge.errors(unit, at)),
            Metric::Latency => Some(gauge.latency),
            Metric::Throughput => Some(gauge.throughput(at)),
            Metric::Cpu | Metric::Memory | Metric::Disk => None,
        });
        Answer::Window { value, requests: found.map(|(_, gauge)| (gauge.requests * f64::from(window.seconds)).round()), guessed: None }
    }

    /// What Prometheus remembers: revisions that were wholly ready for an hour, with the errors they had.
    fn memory(&self, id: &Id<Workload>, names: &[Name], since: Timestamp, at: Timestamp) -> Answer {
        let Some((unit, gauge)) = self.unit(id).and_then(|unit| Some((unit, self.gauge(unit)?))) else { return Answer::Memory(Vec::new()) };
        let lives = unit.lives(&self.ground);
        let view = self.view(unit, &lives, at);
        let known = |turn: &&Turn| served(&view, turn).is_some_and(|(until, held)| until > since && held >= SignedDuration::from_hours(1));
        let good = unit.turns.iter().filter(|turn| turn.at <= at).filter(known).filter(|turn| unit.templates[turn.to].bad.is_none());
        let evidence = good.filter_map(|turn| {
            let name = Name::new(&unit.object(&unit.templates[turn.to]));
            let (_, held) = served(&view, turn)?;
            let what = crate::clean!("{0} of {0} ready for {1} d, errors {2:.1} %", unit.wanted(at), held.as_hours() / 24, gauge.usual() * 100.0);
            names.contains(&name).then(|| (name, Evidence::Measured { by: Clean::from_static("prometheus"), what }))
        });
        Answer::Memory(evidence.collect())
    }
}

/// What an operation must find unchanged: the hash of the raw template stands for all that is in it.
pub(super) fn seen(unit: &Unit, at: Timestamp) -> Seen {
    let template = unit.current(at);
    let hash = Chance::new(3).of(&unit.uid).of(&template.hash).of(&template.reference).hex(64);
    Seen { uid: Raw::new(&unit.uid), template: Raw::new(&hash), paused: unit.paused(at) }
}

fn subject(view: &View<'_>) -> Subject {
    let (unit, turn) = (view.unit, view.turn());
    let (generation, since) = unit.generation(view.at);
    let observed = view.at >= since + OBSERVED;
    let (place, _) = unit.turn(view.at);
    let before = place.checked_sub(1).map(|before| &unit.templates[unit.turns[before].to]);
    Subject {
        revision: Some(turn.number),
        outline: outline(unit, unit.current(view.at)),
        operation: unit.mark(view.at).map(Clean::from_untrusted),
        rolled_back_from: before.filter(|_| turn.back).map(|before| (Clean::from_untrusted(&before.hash), Some(turn.at))),
        changed_by: Some((Clean::from_untrusted(&turn.by), Some(turn.at))),
        generation,
        observed: if observed { generation } else { generation - 1 },
        replicas: view.replicas(None),
        progress: view.progress(),
        ..Subject::new(unit.id.clone(), seen(unit, view.at))
    }
}

fn revisions(view: &View<'_>) -> Vec<Revision> {
    let turn_of = |revision: &Revision| view.unit.turns.iter().find(|turn| turn.number == revision.number);
    let told = |mut revision: Revision| {
        if let Some(turn) = turn_of(&revision) {
            let template = &view.unit.templates[turn.to];
            revision.evidence = evidence(view, turn, template);
            revision.outline = outline(view.unit, template);
        }
        revision
    };
    view.revisions().into_iter().map(told).collect()
}

/// What the cluster itself knows of a revision's health.
fn evidence(view: &View<'_>, turn: &Turn, template: &Template) -> Vec<Evidence> {
    if let Some(bad) = &template.bad {
        return vec![Evidence::NeverAvailable { why: Clean::from_untrusted(bad) }];
    }
    let mut found: Vec<Evidence> = Vec::new();
    found.extend(served(view, turn).map(|(_, held)| Evidence::Served { held }));
    let counts = view.replicas(Some(turn.to));
    if counts.ready > 0 {
        found.push(Evidence::ServingNow { ready: counts.ready, wanted: view.unit.wanted(view.at) });
    }
    found
}

/// Until when a rollout was the current one, and for how long.
fn served(view: &View<'_>, turn: &Turn) -> Option<(Timestamp, SignedDuration)> {
    let next = view.unit.turns.iter().find(|other| other.at > turn.at && other.at <= view.at);
    let until = next.map_or(view.at, |next| next.at);
    (until > turn.at).then(|| (until, until.duration_since(turn.at)))
}

/// The specification leaf by leaf.
pub(super) fn outline(unit: &Unit, template: &Template) -> Outline {
    let service = &unit.service;
    let leaf = |part: Part, path: Clean, value: &str| Leaf { part, path, value: Clean::from_untrusted(value) };
    let mut leaves = vec![leaf(Part::Image, crate::clean!("{service}"), &template.reference)];
    leaves.extend(template.settings.iter().map(|(name, value)| leaf(Part::Environment, crate::clean!("{service}: {name}"), value)));
    leaves.extend([
        leaf(Part::Environment, crate::clean!("{service}: DATABASE_PASSWORD"), &format!("•••• {}", unit.chance.of("password").hex(4))),
        leaf(Part::Resources, crate::clean!("{service}: limits.cpu"), "1"),
        leaf(Part::Resources, crate::clean!("{service}: limits.memory"), "512Mi"),
        leaf(Part::Resources, crate::clean!("{service}: requests.cpu"), "250m"),
        leaf(Part::Probes, crate::clean!("{service}: readinessProbe"), "GET :8080/ready"),
        leaf(Part::Other, Clean::from_static("serviceAccountName"), service),
    ]);
    leaves.sort();
    Outline(leaves)
}

fn explain(view: &View<'_>) -> Answer {
    let mut pods: Vec<Pod> = view.pods().collect();
    pods.sort_by_key(|pod| (pod.ready, pod.leaving, std::cmp::Reverse(pod.restarts), pod.name.clone()));
    let crashing = view.staying().filter(|life| life.crashes);
    let last_words = crashing.map(|life| (crate::clean!("{} {}", life.name, view.unit.service), speech::last_words(view, life)));
    Answer::Explain { last_words: last_words.collect(), conditions: conditions(view), happenings: super::happenings::of(view), pods }
}

/// Conditions in the controller's words.
fn conditions(view: &View<'_>) -> Vec<(Clean, Clean, Clean)> {
    let object = view.unit.object(view.unit.current(view.at));
    let counts = view.replicas(None);
    let available = match counts.available >= counts.wanted {
        true => ("MinimumReplicasAvailable", "Deployment has minimum availability."),
        false => ("MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
    };
    let progressing = match view.progress() {
        Progress::Stuck { reason, message, .. } => (reason, message),
        Progress::Done => (Clean::from_static("NewReplicaSetAvailable"), crate::clean!("ReplicaSet \"{object}\" has successfully progressed.")),
        Progress::Unobserved | Progress::Rolling | Progress::Paused { .. } | Progress::Waiting { .. } | Progress::Aborted { .. } | Progress::Unknown => {
            (Clean::from_static("ReplicaSetUpdated"), crate::clean!("ReplicaSet \"{object}\" is progressing."))
        }
    };
    vec![
        (Clean::from_static("Available"), Clean::from_static(available.0), Clean::from_static(available.1)),
        (Clean::from_static("Progressing"), progressing.0, progressing.1),
    ]
}
