//! Traffic that is led by hand to one of several workloads: blue and green by a Service's selector ([`selector`]), a canary by the weights
//! of an Istio VirtualService ([`weights`]). It is switched back by one request to that object; no workload is changed.
//!
//! Where a controller owns the object (Argo Rollouts, Flagger, an owner reference) it would write it again: that is found by the checks,
//! and forbids the switch.

mod board;
mod checks;
mod reach;
mod selector;
mod switch;
mod weights;

pub use checks::{checks, says};
pub use switch::Switch;

use super::{
    ask::Current,
    client::Cluster,
    groups::Served,
    outline, revisions, rows,
    template::{self, OPERATION, ROLLED_BACK_FROM},
    wire::parse_time,
};
use crate::{
    clean,
    domain::{Arm, Evidence, Id, Leaf, Part, Revision, Route, Seen, Workload},
    sources::{SourceError, spec},
    text::{Clean, Name, Raw},
};
use board::{Work, labels, name, text};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde_json::Value;
use weights::Weights;

/// A route as it was recognised, with the workloads that it can lead to and how many of a hundred requests go to each.
pub struct Found {
    raw: Value,
    sort: Sort,
    arms: Vec<(Work, u32)>,
}

/// What kind of object it is.
enum Sort {
    /// A Service, which leads to what its selector matches.
    Selector,
    /// A VirtualService.
    Weights(Weights),
}

impl Found {
    fn kind(&self) -> &'static str {
        match self.sort {
            Sort::Selector => "Service",
            Sort::Weights(_) => "VirtualService",
        }
    }

    /// `Service web`.
    fn words(&self) -> Clean {
        clean!("{} {}", self.kind(), name(&self.raw))
    }

    fn uid(&self) -> &str {
        text(&self.raw, "/metadata/uid")
    }

    /// What a switch must still find: all that the object says of where it leads.
    fn seen(&self) -> Seen {
        let says = match self.sort {
            Sort::Selector => self.raw.pointer("/spec/selector"),
            Sort::Weights(_) => self.raw.pointer("/spec"),
        };
        Seen { uid: Raw::new(self.uid()), template: spec::hash(says.unwrap_or(&Value::Null)), paused: false }
    }

    /// Who wrote last where it leads, and when, as far as the server remembers.
    fn changed_by(&self) -> Option<(Clean, Option<Timestamp>)> {
        let owns = match self.sort {
            Sort::Selector => "/fieldsV1/f:spec/f:selector",
            Sort::Weights(_) => "/fieldsV1/f:spec",
        };
        let entries = self.raw.pointer("/metadata/managedFields")?.as_array()?;
        let time = |entry: &Value| parse_time(text(entry, "/time"));
        let newest = entries.iter().filter(|entry| entry.pointer(owns).is_some()).max_by_key(|entry| time(entry))?;
        let manager = newest.get("manager").and_then(Value::as_str).unwrap_or("somebody");
        Some((clean!("{manager}"), time(newest)))
    }

    /// When all of the traffic was switched: the selector was written after the Service was made, and there is only one place that it can have
    /// led to before.
    fn switched(&self) -> Option<Timestamp> {
        let made = parse_time(text(&self.raw, "/metadata/creationTimestamp"))?;
        let (_, at) = self.changed_by()?;
        at.filter(|at| *at > made && self.arms.len() == 2 && matches!(self.sort, Sort::Selector))
    }

    fn note(&self, key: &str) -> Option<&str> {
        self.raw.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// The template that was switched back from, and when.
    fn switched_back_from(&self) -> Option<(String, Timestamp)> {
        let mark: Value = serde_json::from_str(self.note(ROLLED_BACK_FROM)?).ok()?;
        Some((text(&mark, "/template").to_owned(), parse_time(text(&mark, "/at"))?))
    }

    /// Where it leads, or would lead if all went to `to`, leaf by leaf.
    fn leaves(&self, to: Option<&Work>) -> Vec<Leaf> {
        let leaf = |what: &str, value: Clean| Leaf { part: Part::Route, path: clean!("{}: {what}", self.words()), value };
        let share = |work: &Work, share: u32| match to {
            Some(to) if to.address == work.address => 100,
            Some(_) => 0,
            None => share,
        };
        match &self.sort {
            Sort::Selector => {
                let selector = labels(&self.raw, "/spec/selector");
                let value = |key: &String, now: &String| to.map_or(now, |to| to.labels.get(key).unwrap_or(now)).clone();
                selector.iter().map(|(key, now)| leaf(&format!("selector {key}"), clean!("{}", value(key, now)))).collect()
            }
            Sort::Weights(_) => {
                self.arms.iter().map(|(work, now)| leaf(&format!("weight of {}", work.address.name), clean!("{} %", share(work, *now)))).collect()
            }
        }
    }

    /// One of its workloads with its newest revision; none where its controller has not looked at that yet.
    async fn arm(&self, cluster: &Cluster, work: &Work, share: u32, own: bool) -> Result<Option<Arm>, SourceError> {
        let current = Current::of(work.address.clone(), work.kind, work.raw.clone())?;
        let mut revisions = revisions::of(cluster, &current).await?.into_iter().filter(|revision| revision.current && !revision.template.is_empty());
        let Some(mut revision) = revisions.next() else { return Ok(None) };
        let counts = rows::replicas(work.kind, &current.lean.spec, &current.lean.status);
        let mut leaves = outline::outline(&template::bare(&work.raw)).0;
        leaves.extend(self.leaves((!own).then_some(work)));
        leaves.sort();
        revision.outline.0 = leaves;
        if share == 0 {
            self.stands(&mut revision, counts.ready, counts.wanted);
        }
        if let Some((template, at)) = self.switched_back_from()
            && revision.template.expose() == template
        {
            revision.evidence.push(Evidence::RolledBackFrom { at });
        }
        let address = &work.address;
        let workload = rows::workload_id(&cluster.id, &address.plural, &address.namespace, &address.name);
        Ok(Some(Arm { workload, name: Name::new(&address.name), revision, ready: counts.ready, wanted: counts.wanted, share }))
    }

    /// Nothing leads to it: its pods do not serve, they stand ready.
    fn stands(&self, revision: &mut Revision, ready: u32, wanted: u32) {
        revision.evidence.retain(|evidence| !matches!(evidence, Evidence::ServingNow { .. }));
        revision.evidence.push(Evidence::StandsReady { ready, wanted, until: self.switched() });
    }

    /// As the procedure of a rollback wants it, for a workload; none where one of those that it leads to can not be judged yet.
    async fn told(&self, cluster: &Cluster, served: &Served, own: &Id<Workload>) -> Result<Option<Route>, SourceError> {
        let is_own = |work: &Work| Some(&work.address) == rows::Address::of(own).as_ref();
        let arms = try_join_all(self.arms.iter().map(|(work, share)| self.arm(cluster, work, *share, is_own(work)))).await?;
        let Some(arms) = arms.into_iter().collect::<Option<Vec<Arm>>>() else { return Ok(None) };
        let reach = reach::read(cluster, served, self, &arms).await?;
        Ok(Some(Route {
            name: self.words(),
            seen: self.seen(),
            operation: self.note(OPERATION).map(Clean::from_untrusted),
            changed_by: self.changed_by(),
            switched: self.switched(),
            arms,
            reach,
        }))
    }
}

/// The routes that lead to a workload, or could, those that lead there now first.
pub async fn of(cluster: &Cluster, current: &Current, id: &Id<Workload>) -> Result<Vec<Route>, SourceError> {
    let served = Served::ask(cluster).await?;
    let found = board::routes(cluster, current, &served).await?;
    let told = try_join_all(found.iter().map(|one| one.told(cluster, &served, id))).await?;
    Ok(told.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::{
        board::tests::{service, work},
        *,
    };
    use serde_json::json;

    /// A Service that leads to green, whose selector was written so many seconds after it was made.
    fn found(arms: usize, after: i64) -> Found {
        let made: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        let mut raw = service("web", &[("app", "web"), ("color", "green")]);
        raw["metadata"]["creationTimestamp"] = made.to_string().into();
        let entry = |manager: &str, at: i64, fields: Value| json!({ "manager": manager, "time": (made + jiff::SignedDuration::from_secs(at)).to_string(), "fieldsV1": { "f:spec": fields } });
        raw["metadata"]["managedFields"] = json!([
            entry("kubectl", after, json!({ "f:selector": { "f:color": {} } })),
            entry("helm", 0, json!({ "f:selector": { "f:app": {} } })),
            entry("controller", after + 60, json!({ "f:ports": {} })),
        ]);
        let colours = ["green", "blue", "red"];
        let arms = colours
            .iter()
            .take(arms)
            .map(|color| (work(&format!("web-{color}"), &[("app", "web"), ("color", color)], "app"), u32::from(*color == "green") * 100));
        Found { raw, sort: Sort::Selector, arms: arms.collect() }
    }

    #[test]
    fn since_when_it_leads_there_is_only_said_where_it_must_have_led_elsewhere_before() {
        let at = |found: &Found| found.switched().map(|at| at.to_string());
        assert_eq!(at(&found(2, 600)).as_deref(), Some("2026-01-02T03:14:05Z"));
        assert_eq!(at(&found(2, 0)), None, "it was made so");
        assert_eq!(at(&found(3, 600)), None, "it may have led to either of the others");
        assert_eq!(found(2, 600).changed_by().map(|(who, _)| who.to_string()).as_deref(), Some("kubectl"), "not who wrote something else");
    }

    #[test]
    fn the_difference_is_that_of_the_selector() {
        let found = found(2, 600);
        let said = |to| found.leaves(to).iter().map(|leaf| format!("{} = {}", leaf.path, leaf.value)).collect::<Vec<_>>();
        assert_eq!(said(None), ["Service web: selector app = web", "Service web: selector color = green"]);
        assert_eq!(said(Some(&found.arms[1].0))[1], "Service web: selector color = blue");
    }

    #[test]
    fn what_the_operator_saw_is_where_it_leads_and_nothing_else() {
        let (one, mut other) = (found(2, 600), found(2, 600));
        other.raw["metadata"]["resourceVersion"] = "99".into();
        other.raw["spec"]["ports"] = json!([{ "port": 80 }]);
        assert_eq!(one.seen(), other.seen());
        other.raw["spec"]["selector"]["color"] = "blue".into();
        assert_ne!(one.seen(), other.seen());
    }
}
