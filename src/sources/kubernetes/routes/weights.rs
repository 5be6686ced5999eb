//! A canary by weights: a VirtualService of Istio that divides the traffic among workloads.
//!
//! Read are those of the workload's own namespace, and of these the routes in which every destination leads to the pods of exactly one
//! workload: its host is a Service, its subset the labels that a DestinationRule gives it. All routes of one VirtualService that divide
//! among the same workloads are switched together.

use super::{
    Found, Sort,
    board::{Work, labels, name, text},
};
use crate::sources::kubernetes::rows::Address;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The protocols of its routes.
const PROTOCOLS: [&str; 3] = ["http", "tls", "tcp"];

/// How a VirtualService divides.
#[derive(Clone, Debug)]
pub struct Weights {
    /// The version of its API.
    pub version: String,
    /// Each destination, by its pointer and by the workload that it leads to.
    pub places: Vec<(String, Address)>,
    /// The Services that its destinations name.
    pub hosts: BTreeSet<String>,
    /// How many of its other routes lead to one of the workloads too: those that match a header or a path.
    pub beside: usize,
}

/// What destinations are resolved by.
pub struct Hosts<'a> {
    /// The Services of the namespace.
    pub services: &'a [Value],
    /// Its DestinationRules.
    pub rules: &'a [Value],
    /// Its workloads.
    pub works: &'a [Work],
    /// The namespace.
    pub namespace: &'a str,
}

/// All routes with the pointer to each.
fn routes(object: &Value) -> impl Iterator<Item = (String, &Vec<Value>)> {
    PROTOCOLS.iter().flat_map(move |protocol| {
        let entries = object.pointer(&format!("/spec/{protocol}")).and_then(Value::as_array);
        let entries = entries.into_iter().flatten().enumerate();
        entries.filter_map(move |(at, entry)| Some((format!("/spec/{protocol}/{at}/route"), entry.get("route")?.as_array()?)))
    })
}

/// Whether it divides anything at all.
pub fn splits(object: &Value) -> bool {
    routes(object).any(|(_, route)| route.len() > 1)
}

fn weight(destination: &Value) -> u64 {
    destination.get("weight").and_then(Value::as_u64).unwrap_or_default()
}

/// The name of the Service that a host means, where it is one of this namespace.
fn service_of<'a>(host: &'a str, namespace: &str) -> Option<&'a str> {
    let mut parts = host.split('.');
    let (name, rest) = (parts.next()?, (parts.next(), parts.next()));
    let here = match rest {
        (None, _) => true,
        (Some(other), None | Some("svc")) => other == namespace,
        (Some(_), Some(_)) => false,
    };
    (here && !name.is_empty()).then_some(name)
}

impl Hosts<'_> {
    /// The one workload that a destination leads to, and the Service by which.
    fn resolve(&self, destination: &Value) -> Option<(&Work, String)> {
        let host = service_of(text(destination, "/destination/host"), self.namespace)?;
        let service = self.services.iter().find(|service| name(service) == host)?;
        let mut wanted = labels(service, "/spec/selector");
        if wanted.is_empty() {
            return None;
        }
        if let Some(subset) = destination.pointer("/destination/subset").and_then(Value::as_str) {
            wanted.extend(self.subset(host, subset)?);
        }
        let mut matched = self.works.iter().filter(|work| wanted.iter().all(|(key, value)| work.labels.get(key) == Some(value)));
        match (matched.next(), matched.next()) {
            (Some(one), None) => Some((one, host.to_owned())),
            _ => None,
        }
    }

    fn subset(&self, host: &str, subset: &str) -> Option<BTreeMap<String, String>> {
        let mut rules = self.rules.iter().filter(|rule| service_of(text(rule, "/spec/host"), self.namespace) == Some(host));
        let all = rules.find_map(|rule| rule.pointer("/spec/subsets")?.as_array()?.iter().find(|one| text(one, "/name") == subset));
        all.map(|one| labels(one, "/labels")).filter(|labels| !labels.is_empty())
    }

    /// The workloads among which a route divides, with how many of a hundred go to each; none where it can not be said.
    fn divides(&self, route: &[Value]) -> Option<Vec<(&Work, String, u32)>> {
        let sum: u64 = route.iter().map(weight).sum();
        let mut seen = BTreeSet::new();
        let one = |destination: &Value| {
            let (work, host) = self.resolve(destination)?;
            let share = weight(destination).checked_mul(100)?.checked_div(sum)?.max(u64::from(weight(destination) > 0));
            Some((work, host, u32::try_from(share).ok()?))
        };
        let found: Vec<_> = route.iter().map(one).collect::<Option<_>>()?;
        (route.len() > 1 && found.iter().all(|(work, _, _)| seen.insert(&work.address.name))).then_some(found)
    }
}

/// The workloads among which a VirtualService divides, `own` among them; none where it does not.
pub fn arms(object: &Value, hosts: &Hosts<'_>, own: &Address, version: String) -> Option<Found> {
    let divided: Vec<_> = routes(object).filter_map(|(pointer, route)| Some((pointer, hosts.divides(route)?))).collect();
    let among = |arms: &[(&Work, String, u32)]| arms.iter().map(|(work, _, _)| work.address.name.clone()).collect::<BTreeSet<String>>();
    let (_, first) = divided.iter().find(|(_, arms)| arms.iter().any(|(work, _, _)| work.address == *own))?;
    let names = among(first);
    let together: Vec<_> = divided.iter().filter(|(_, arms)| among(arms) == names).collect();
    let place = |(pointer, arms): &(String, Vec<(&Work, String, u32)>)| {
        arms.iter().enumerate().map(|(at, (work, _, _))| (format!("{pointer}/{at}"), work.address.clone())).collect::<Vec<_>>()
    };
    let share = |of: &Work| {
        let shares = together.iter().flat_map(|(_, arms)| arms.iter().filter(|(work, _, _)| work.address == of.address).map(|(_, _, share)| *share));
        let sum: u32 = shares.sum();
        (sum / u32::try_from(together.len()).unwrap_or(1)).max(u32::from(sum > 0))
    };
    let leads_there = |route: &[Value]| route.iter().filter_map(|destination| hosts.resolve(destination)).any(|(work, _)| names.contains(&work.address.name));
    let ours: BTreeSet<&String> = together.iter().map(|(pointer, _)| pointer).collect();
    let beside = routes(object).filter(|(pointer, route)| !ours.contains(pointer) && leads_there(route)).count();
    Some(Found {
        raw: object.clone(),
        arms: first.iter().map(|(work, _, _)| ((*work).clone(), share(work))).collect(),
        sort: Sort::Weights(Weights {
            version,
            places: together.iter().flat_map(|one| place(one)).collect(),
            hosts: together.iter().flat_map(|(_, arms)| arms.iter().map(|(_, host, _)| host.clone())).collect(),
            beside,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::kubernetes::routes::board::tests::{map, service, work};
    use serde_json::json;

    fn destination(host: &str, subset: Option<&str>, weight: Option<u64>) -> Value {
        let mut one = json!({ "destination": { "host": host } });
        if let Some(subset) = subset {
            one["destination"]["subset"] = subset.into();
        }
        if let Some(weight) = weight {
            one["weight"] = weight.into();
        }
        one
    }

    fn dividing(routes: &[Vec<Value>]) -> Value {
        let http: Vec<Value> = routes.iter().map(|route| json!({ "route": route })).collect();
        json!({ "metadata": { "name": "web", "namespace": "shop" }, "spec": { "http": http } })
    }

    /// What is found for `web-v2`: shares by name, and the number of other routes that lead there.
    fn found(object: &Value) -> Option<(String, usize)> {
        let works = [
            work("web-v1", &[("app", "web"), ("version", "v1")], "app"),
            work("web-v2", &[("app", "web"), ("version", "v2")], "app"),
            work("cart", &[("app", "cart")], "app"),
        ];
        let services = [service("web", &[("app", "web")]), service("web-v2", &[("app", "web"), ("version", "v2")]), service("cart", &[("app", "cart")])];
        let subsets = json!([{ "name": "stable", "labels": map(&[("version", "v1")]) }, { "name": "canary", "labels": map(&[("version", "v2")]) }]);
        let rules = [json!({ "spec": { "host": "web.shop.svc.cluster.local", "subsets": subsets } })];
        let hosts = Hosts { services: &services, rules: &rules, works: &works, namespace: "shop" };
        let found = arms(object, &hosts, &works[1].address, "v1".into())?;
        let Sort::Weights(weights) = found.sort else { panic!("weights") };
        let shares: Vec<String> = found.arms.iter().map(|(work, share)| format!("{} {share}", work.address.name)).collect();
        Some((shares.join(", "), weights.beside))
    }

    fn subsets(stable: u64, canary: u64) -> Vec<Value> {
        vec![destination("web", Some("stable"), Some(stable)), destination("web", Some("canary"), Some(canary))]
    }

    #[test]
    fn how_the_traffic_is_divided_is_read_by_subsets_and_by_hosts() {
        let only_canary = vec![destination("web", Some("canary"), None)];
        for (what, object, shares) in [
            ("subsets", dividing(&[subsets(90, 10)]), Some(("web-v1 90, web-v2 10", 0))),
            ("all of it on one", dividing(&[subsets(0, 100)]), Some(("web-v1 0, web-v2 100", 0))),
            ("relative weights", dividing(&[subsets(3, 1)]), Some(("web-v1 75, web-v2 25", 0))),
            ("a little of it is not nothing", dividing(&[subsets(999, 1)]), Some(("web-v1 99, web-v2 1", 0))),
            (
                "hosts, one of them whole",
                dividing(&[vec![destination("web.shop.svc.cluster.local", Some("stable"), Some(90)), destination("web-v2", None, Some(10))]]),
                Some(("web-v1 90, web-v2 10", 0)),
            ),
            ("a header leads to one beside it", dividing(&[only_canary.clone(), subsets(90, 10)]), Some(("web-v1 90, web-v2 10", 1))),
            ("two routes are one", dividing(&[subsets(100, 0), subsets(50, 50)]), Some(("web-v1 75, web-v2 25", 0))),
            ("nothing is divided", dividing(&[only_canary]), None),
            ("no weights at all", dividing(&[vec![destination("web", Some("stable"), None), destination("web", Some("canary"), None)]]), None),
            ("a subset that nobody defines", dividing(&[vec![destination("web", Some("stable"), Some(90)), destination("web", Some("next"), Some(10))]]), None),
            ("a Service that leads to both", dividing(&[vec![destination("web", None, Some(90)), destination("web", Some("canary"), Some(10))]]), None),
            ("another namespace", dividing(&[vec![destination("web.other", Some("stable"), Some(90)), destination("web", Some("canary"), Some(10))]]), None),
            ("a host outside", dividing(&[vec![destination("web.shop.example", None, Some(90)), destination("web", Some("canary"), Some(10))]]), None),
            ("one workload by two ports", dividing(&[vec![destination("web-v2", None, Some(90)), destination("web", Some("canary"), Some(10))]]), None),
        ] {
            assert_eq!(found(&object), shares.map(|(shares, beside)| (shares.to_owned(), beside)), "{what}");
        }
        assert!(splits(&dividing(&[subsets(90, 10)])) && !splits(&json!({ "spec": { "http": [{ "redirect": {} }] } })));
    }
}
