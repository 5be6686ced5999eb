//! What must be known before a rollback can be planned, and who can say it.

use super::Record;
use crate::{
    domain::{Evidence, FeedKind, Id, Labels, Metric, Question, Revision, SourceId, Window, Workload},
    text::{Name, Raw},
};
use jiff::{SignedDuration, Timestamp};

/// Who can answer a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The source of the workload.
    Source(SourceId),
    /// Any source that has this kind of feed.
    Offering(FeedKind),
}

/// A question, and who can answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who.
    pub who: Who,
    /// What.
    pub question: Question,
}

/// The alert that started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRef {
    /// Its name.
    pub name: Name,
    /// The labels that tell which of its series.
    pub labels: Labels,
    /// Since when it fires.
    pub since: Option<Timestamp>,
}

/// The window that is shown; the one that verifies is shorter (SCREENS rule 2).
pub const SHOWN: u32 = 300;
/// How far back metrics are asked for a revision's health.
const MEMORY: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The questions of step 0, for a workload of `service`.
pub fn questions(workload: &Workload, revisions: &[&Revision], service: &Name, alert: Option<&AlertRef>, records: &[Record], now: Timestamp) -> Vec<Ask> {
    let id = &workload.id;
    let own = |question| Ask { who: Who::Source(id.source()), question };
    let mut asks = vec![own(Question::Subject(id.clone())), own(Question::Revisions(id.clone()))];
    asks.extend(seen_here(workload, records).map(own));
    asks.extend((!workload.kind.told_by_pipeline()).then(|| memory(workload, revisions, id, now)));
    asks.extend(measures(workload, service, SHOWN));
    asks.extend(alert.map(rule_state));
    asks
}

/// What was seen healthy is a way back where no system keeps a history, as long as it is still there.
fn seen_here(workload: &Workload, records: &[Record]) -> Option<Question> {
    let mut templates: Vec<Raw> = Vec::new();
    for record in records.iter().filter(|record| matches!(record.evidence, Evidence::SeenHealthy { .. })) {
        if !templates.contains(&record.template) {
            templates.push(record.template.clone());
        }
    }
    (workload.kind.keeps_no_history() && !templates.is_empty()).then(|| Question::Templates { workload: workload.id.clone(), templates })
}

/// The questions whose answers verify: error rate and latency over the last `seconds`.
pub fn measures(workload: &Workload, service: &Name, seconds: u32) -> [Ask; 2] {
    [Metric::ErrorRate, Metric::Latency].map(|metric| {
        let window = Window { metric, service: service.clone(), namespace: workload.place.namespace.clone(), seconds };
        Ask { who: Who::Offering(FeedKind::Samples), question: Question::Window(window) }
    })
}

/// Whether the smoke requests of the service succeed.
pub fn smoke(service: &Name, environment: &Name) -> Ask {
    let question = Question::Smoke { service: service.clone(), environment: environment.clone() };
    Ask { who: Who::Source(SourceId::new(SourceId::SMOKE)), question }
}

/// How the rule of `alert` stands.
pub fn rule_state(alert: &AlertRef) -> Ask {
    let question = Question::RuleState { alert: alert.name.clone(), labels: alert.labels.clone() };
    Ask { who: Who::Offering(FeedKind::Rules), question }
}

/// A revision's own object is called after its workload and its template (`cart-5c7d9f`).
fn memory(workload: &Workload, revisions: &[&Revision], id: &Id<Workload>, now: Timestamp) -> Ask {
    let names = revisions.iter().map(|revision| Name::new(&object_name(workload.name.raw(), revision))).collect();
    let question = Question::Memory { workload: id.clone(), namespace: workload.place.namespace.clone(), names, since: now - MEMORY };
    Ask { who: Who::Offering(FeedKind::Samples), question }
}

/// What the back end calls the object of a revision.
pub fn object_name(workload: &str, revision: &Revision) -> String {
    let template = revision.template.expose();
    if template.starts_with(workload) { template.to_owned() } else { format!("{workload}-{template}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture::{now, revision, workload};

    #[test]
    fn the_workloads_source_and_whoever_measures_are_asked() {
        let cart = workload("prod", "shop", "cart");
        let revision = revision(&cart, 2, 3);
        let alert = AlertRef { name: Name::new("CartErrorRate"), labels: Labels::default(), since: None };
        let asks = questions(&cart, &[&revision], &Name::new("cart"), Some(&alert), &[], now());
        let kinds: Vec<&str> = asks
            .iter()
            .map(|ask| match (&ask.who, &ask.question) {
                (Who::Source(source), Question::Subject(_) | Question::Revisions(_)) => source.kind(),
                (Who::Offering(FeedKind::Samples), Question::Memory { names, .. }) => names[0].raw(),
                (Who::Offering(FeedKind::Samples), Question::Window(window)) => window.metric.word(),
                (Who::Offering(FeedKind::Rules), Question::RuleState { .. }) => "rule",
                _ => "nobody",
            })
            .map(|kind| if kind == "kubernetes" { "own" } else { kind })
            .map(|kind| if kind == "cart-h2" { "memory" } else { kind })
            .collect();
        assert_eq!(kinds, ["own", "own", "memory", "errors", "latency", "rule"]);
    }
}
