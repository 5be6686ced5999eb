//! How far what a route says is carried out.

use super::{Found, Sort, board, labels, name, text};
use crate::{
    domain::{Arm, Reach},
    sources::{
        SourceError,
        kubernetes::{client::Cluster, groups::Served, revisions::query, rows, wire::core::Pod},
    },
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The endpoints of a Service, by the slices that the cluster serves or else by its Endpoints; a mesh keeps what it does to itself.
pub async fn read(cluster: &Cluster, served: &Served, found: &Found, arms: &[Arm]) -> Result<Reach, SourceError> {
    if let Sort::Weights(_) = found.sort {
        return Ok(Reach::Mesh);
    }
    let (namespace, service) = (text(&found.raw, "/metadata/namespace"), name(&found.raw));
    let slices = served.best("discovery.k8s.io").map(|version| format!("/apis/discovery.k8s.io/{version}"));
    let endpoints = async {
        match &slices {
            Some(api) => {
                let of = format!("?labelSelector={}", query(&format!("kubernetes.io/service-name={service}")));
                board::list(cluster, api, ("endpointslices", "discovery.k8s.io"), namespace, &of).await.map(|list| in_slices(&list))
            }
            None => {
                let of = format!("?fieldSelector={}", query(&format!("metadata.name={service}")));
                board::list(cluster, "/api/v1", ("endpoints", ""), namespace, &of).await.map(|list| in_endpoints(&list))
            }
        }
    };
    let selector: Vec<String> = labels(&found.raw, "/spec/selector").iter().map(|(key, value)| format!("{key}={value}")).collect();
    let of = format!("?labelSelector={}", query(&selector.join(",")));
    let (endpoints, pods) = futures::join!(endpoints, board::list(cluster, "/api/v1", ("pods", ""), namespace, &of));
    let ready: BTreeMap<String, String> = pods?
        .into_iter()
        .filter_map(|pod| serde_json::from_value::<Pod>(pod).ok())
        .map(|pod| rows::pod(&cluster.id, &pod))
        .filter(|pod| pod.ready && !pod.leaving)
        .filter_map(|pod| Some((pod.name.raw().to_owned(), pod.workload?.as_str().to_owned())))
        .collect();
    let led: BTreeSet<&str> = arms.iter().filter(|arm| arm.share == 100).map(|arm| arm.workload.as_str()).collect();
    let (own, other): (BTreeSet<_>, BTreeSet<_>) = endpoints?.into_iter().partition(|pod| ready.get(pod).is_some_and(|of| led.contains(of.as_str())));
    let count = |set: BTreeSet<String>| u32::try_from(set.len()).unwrap_or(u32::MAX);
    Ok(Reach::Endpoints { own: count(own), other: count(other) })
}

/// Whom an endpoint leads to: a pod by its name, else an address.
fn target(endpoint: &Value, address: &str) -> String {
    let pod = endpoint.pointer("/targetRef/name").and_then(Value::as_str);
    pod.map_or_else(|| text(endpoint, address).to_owned(), str::to_owned)
}

/// The ready endpoints of slices. Without a word it is ready.
fn in_slices(slices: &[Value]) -> BTreeSet<String> {
    let all = slices.iter().filter_map(|slice| slice.get("endpoints")?.as_array()).flatten();
    all.filter(|endpoint| endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false))).map(|endpoint| target(endpoint, "/addresses/0")).collect()
}

/// The same of Endpoints, which keep those that are not ready apart.
fn in_endpoints(list: &[Value]) -> BTreeSet<String> {
    let subsets = list.iter().filter_map(|one| one.get("subsets")?.as_array()).flatten();
    subsets.filter_map(|subset| subset.get("addresses")?.as_array()).flatten().map(|endpoint| target(endpoint, "/ip")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_gets_traffic_is_counted_each_pod_once() {
        let one =
            |name: &str, ready: Value| json!({ "addresses": ["10.0.0.9"], "targetRef": { "kind": "Pod", "name": name }, "conditions": { "ready": ready } });
        let slices = [
            json!({ "endpoints": [one("a", json!(true)), one("b", json!(false)), one("c", Value::Null)] }),
            json!({ "addressType": "IPv6", "endpoints": [one("a", json!(true)), { "addresses": ["fd00::1"] }] }),
            json!({ "endpoints": null }),
        ];
        assert_eq!(in_slices(&slices), ["a", "c", "fd00::1"].map(str::to_owned).into());
        let endpoints = [
            json!({ "subsets": [{ "addresses": [{ "ip": "10.0.0.9", "targetRef": { "name": "a" } }, { "ip": "10.0.0.8" }], "notReadyAddresses": [{ "ip": "10.0.0.7" }] }] }),
        ];
        assert_eq!(in_endpoints(&endpoints), ["10.0.0.8", "a"].map(str::to_owned).into());
    }
}
