//! Answers to single questions: a metric in a window, how an alert's rule stands, what is remembered of a revision.

use super::{
    Prometheus,
    api::Line,
    families::{Found, Whom},
    known::{READY, WANTED},
    labels::{any_of, quoted},
    rules::{alerting, whole},
    samples::{own_query, windowed},
};
use crate::{
    clean,
    config::Service,
    domain::{Answer, Evidence, Labels, Window},
    sources::SourceError,
    text::{Clean, Name, age_in_words},
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, time::Duration};

/// A revision that was whole for less than this has proven nothing.
const PROVEN: SignedDuration = SignedDuration::from_mins(5);
/// How finely the past of a revision is looked at: a minute, or this part of the time.
const FINENESS: i64 = 1000;

impl Prometheus {
    /// A metric of a service in a window, by its own query or by the first family that has series of it.
    pub(super) async fn window(&self, window: &Window) -> Result<Answer, SourceError> {
        let service = self.0.services.iter().find(|service| service.name == window.service);
        let span = format!("{}s", window.seconds.max(1));
        if let Some(query) = service.and_then(|service| own_query(service, window.metric)) {
            let value = worst(&self.0.api.instant(&windowed(query, &span)).await?);
            return Ok(Answer::Window { value, requests: None, guessed: None });
        }
        let known = self.0.knowledge.of(&self.0.api).await?;
        let mut asked = None;
        for family in &known.families {
            let name = label_of(service, family).unwrap_or(window.service.raw());
            let whom = Whom::One { service: name, namespace: window.namespace.raw() };
            let Some(query) = family.query(window.metric, &whom, Some(&span)) else { continue };
            asked = Some(Clean::from_static(family.name()));
            let requests = worst(&self.0.api.instant(&family.count(&whom, &span)).await?);
            if let Some(requests) = requests {
                let value = worst(&self.0.api.instant(&query).await?);
                return Ok(Answer::Window { value, requests: Some(requests), guessed: asked });
            }
        }
        match asked {
            Some(_) => Ok(Answer::Window { value: None, requests: None, guessed: asked }),
            None => Err(SourceError::Unsupported(clean!(
                "no family of metrics here has the {} of {}: it needs a query of its own in [[service]]",
                window.metric.word(),
                window.service
            ))),
        }
    }

    /// Whether an alert fires by its rule, whatever is silenced.
    pub(super) async fn rule_state(&self, alert: &Name, labels: &Labels) -> Result<Answer, SourceError> {
        let groups = self.0.api.rules(true).await?;
        let known = self.0.knowledge.of(&self.0.api).await?;
        let rules: Vec<_> = alerting(&groups).map(|(_, rule)| rule).filter(|rule| rule.name == alert.raw()).collect();
        if rules.is_empty() || rules.iter().all(|rule| rule.health == "err") {
            return Ok(Answer::RuleState { firing: None });
        }
        let instances = rules.iter().flat_map(|rule| &rule.alerts).filter(|instance| instance.state == "firing");
        // A label that the rule does not set (one of an Alertmanager's own, a context) tells nothing apart here.
        let same = |told: &super::wire::Pairs| labels.0.iter().all(|(key, value)| told.get(key.raw()).is_none_or(|own| own == value.raw()));
        let firing = instances.map(|instance| whole(instance, &known.external)).any(|told| same(&told));
        Ok(Answer::RuleState { firing: Some(firing) })
    }

    /// What kube-state-metrics remembers of ReplicaSets: whether and for how long all wanted pods were ready.
    pub(super) async fn memory(&self, namespace: &Name, names: &[Name], since: Timestamp) -> Result<Answer, SourceError> {
        let known = self.0.knowledge.of(&self.0.api).await?;
        if !known.remembers() {
            return Err(SourceError::Unsupported("no kube-state-metrics here: what was ready before is not known".into()));
        }
        if names.is_empty() {
            return Ok(Answer::Memory(Vec::new()));
        }
        let seconds = Timestamp::now().duration_since(since).as_secs().max(60);
        let step = (seconds / FINENESS).max(60);
        let sets = any_of(names.iter().map(Name::raw));
        let series = |metric: &str| format!("{metric}{{namespace=\"{}\",replicaset=~\"{sets}\"}}", quoted(namespace.raw()));
        let one = |metric: &str| format!("max by (replicaset) ({})", series(metric));
        let most = |metric: &str| format!("max by (replicaset) (max_over_time({}[{seconds}s]))", series(metric));
        let whole = format!("count_over_time(({} >= {} > 0)[{seconds}s:{step}s])", one(READY), one(WANTED));
        let (ready, wanted, whole) = (most(READY), most(WANTED), whole);
        let (ready, wanted, whole) = futures::try_join!(self.by_set(&ready), self.by_set(&wanted), self.by_set(&whole))?;
        let evidence = names.iter().filter_map(|name| {
            let held = SignedDuration::from_secs(whole.get(name.raw()).map_or(0, |steps| *steps as i64 * step));
            let (ready, wanted) = (*ready.get(name.raw())?, *wanted.get(name.raw())?);
            Some((name.clone(), self.evidence(ready, wanted, held, since)?))
        });
        Ok(Answer::Memory(evidence.collect()))
    }

    fn evidence(&self, ready: f64, wanted: f64, held: SignedDuration, since: Timestamp) -> Option<Evidence> {
        let who = self.0.api.way().who();
        if ready == 0.0 && wanted > 0.0 {
            let since = since.strftime("%Y-%m-%d");
            return Some(Evidence::NeverAvailable { why: clean!("kube-state-metrics at {who} never saw a pod of it ready since {since}") });
        }
        let whole = held >= PROVEN;
        let what = clean!("{ready} of {wanted} ready for {}, errors not measured", age_in_words(Duration::from_secs(held.as_secs().unsigned_abs())));
        whole.then(|| Evidence::Measured { by: clean!("kube-state-metrics at {who}"), what })
    }

    async fn by_set(&self, query: &str) -> Result<BTreeMap<String, f64>, SourceError> {
        let lines = self.0.api.instant(query).await?;
        Ok(lines.into_iter().filter_map(|line| Some((line.labels.get("replicaset")?.clone(), line.last()?.1))).collect())
    }
}

/// What the family calls a service that a rule of the configuration joins by that label.
fn label_of<'a>(service: Option<&'a Service>, family: &Found) -> Option<&'a str> {
    let rule = service?.labels.iter().find(|(key, _)| key.replace(['.', '/', '-'], "_") == family.service_label())?;
    Some(&rule.1)
}

/// The largest value; no traffic only where there is nothing else, nothing where there is no series.
fn worst(lines: &[Line]) -> Option<f64> {
    let values = lines.iter().filter_map(Line::last).map(|(_, value)| value);
    values.reduce(f64::max)
}
