//! What a namespace has of what leads traffic, and of what it can lead to.

use super::{Found, Sort, selector, weights};
use crate::{
    domain::Kind,
    sources::{
        SourceError,
        kubernetes::{
            ask::Current,
            client::{Call, Cluster},
            groups::Served,
            rows::Address,
        },
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Istio's group.
pub const ISTIO: &str = "networking.istio.io";

/// A workload that traffic can be led to.
#[derive(Clone)]
pub struct Work {
    /// Where it is.
    pub address: Address,
    /// What it is.
    pub kind: Kind,
    /// The labels of its pods, but for those that its controller adds.
    pub labels: BTreeMap<String, String>,
    /// The name of its main container.
    pub main: String,
    /// The object.
    pub raw: Value,
}

impl Work {
    /// From an object that was read; none where its pods have no labels.
    pub fn of(plural: &str, kind: Kind, raw: Value) -> Option<Self> {
        let address = Address { plural: plural.into(), namespace: text(&raw, "/metadata/namespace").into(), name: name(&raw).into() };
        let mut labels = labels(&raw, "/spec/template/metadata/labels");
        labels.retain(|key, _| !key.ends_with("pod-template-hash"));
        let main = text(&raw, "/spec/template/spec/containers/0/name").to_owned();
        (!labels.is_empty()).then_some(Self { address, kind, labels, main, raw })
    }
}

/// The text at a pointer; empty where there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The name of an object.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The texts of a map by their keys.
pub fn labels(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let map = object.pointer(pointer).and_then(Value::as_object);
    map.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// All objects of a kind in a namespace; none where the cluster does not serve the kind.
pub async fn list(cluster: &Cluster, api: &str, (plural, group): (&str, &str), namespace: &str, query: &str) -> Result<Vec<Value>, SourceError> {
    let resource = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    let call = Call::list(&resource, Some(namespace), format!("{api}/namespaces/{namespace}/{plural}{query}"));
    let list: Option<Value> = cluster.find(&call).await?;
    Ok(list
        .and_then(|mut list| list.get_mut("items").map(Value::take))
        .and_then(|items| if let Value::Array(items) = items { Some(items) } else { None })
        .unwrap_or_default())
}

/// The routes that lead to a workload, or could.
pub async fn routes(cluster: &Cluster, current: &Current, served: &Served) -> Result<Vec<Found>, SourceError> {
    let namespace = &current.address.namespace;
    let istio = served.best(ISTIO).map(|version| (format!("/apis/{ISTIO}/{version}"), version));
    let of_istio = async |plural: &str| match &istio {
        Some((api, _)) => list(cluster, api, (plural, ISTIO), namespace, "").await,
        None => Ok(Vec::new()),
    };
    let (services, virtual_services) = futures::join!(list(cluster, "/api/v1", ("services", ""), namespace, ""), of_istio("virtualservices"));
    let (services, virtual_services) = (services?, virtual_services?);
    let own = Work::of(&current.address.plural, current.kind, current.raw.clone());
    let Some(own) = own.filter(|_| matches!(current.kind, Kind::Deployment | Kind::StatefulSet)) else { return Ok(Vec::new()) };
    let split: Vec<&Value> = virtual_services.iter().filter(|object| weights::splits(object)).collect();
    if split.is_empty() && !services.iter().any(|service| selector::may(service, &own.labels)) {
        return Ok(Vec::new());
    }
    let apps = async |plural: &str| list(cluster, "/apis/apps/v1", (plural, "apps"), namespace, "").await;
    let rules = async { if split.is_empty() { Ok(Vec::new()) } else { of_istio("destinationrules").await } };
    let (deployments, sets, rules) = futures::join!(apps("deployments"), apps("statefulsets"), rules);
    let works = |list: Vec<Value>, plural: &'static str, kind| list.into_iter().filter_map(move |raw| Work::of(plural, kind, raw));
    let works: Vec<Work> = works(deployments?, "deployments", Kind::Deployment).chain(works(sets?, "statefulsets", Kind::StatefulSet)).collect();
    let is_own = |work: &Work| work.address == current.address;
    let switched = services.iter().filter_map(|service| {
        let arms = selector::arms(service, &works)?.into_iter().enumerate();
        Some(Found { raw: service.clone(), sort: Sort::Selector, arms: arms.map(|(at, work)| (work.clone(), if at == 0 { 100 } else { 0 })).collect() })
    });
    let rules = rules?;
    let weighed = split.into_iter().filter_map(|object| {
        let version = istio.as_ref().map(|(_, version)| version.clone())?;
        weights::arms(object, &weights::Hosts { services: &services, rules: &rules, works: &works, namespace }, &own.address, version)
    });
    let mut found: Vec<Found> = switched.chain(weighed).filter(|found| found.arms.iter().any(|(work, _)| is_own(work))).collect();
    for one in &mut found {
        one.arms.sort_by(|(a, _), (b, _)| a.address.name.cmp(&b.address.name));
    }
    Ok(found)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    pub fn map(pairs: &[(&str, &str)]) -> Value {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect::<serde_json::Map<_, _>>().into()
    }

    pub fn work(name: &str, labels: &[(&str, &str)], main: &str) -> Work {
        let template = json!({ "metadata": { "labels": map(labels) }, "spec": { "containers": [{ "name": main }] } });
        Work::of("deployments", Kind::Deployment, json!({ "metadata": { "name": name, "namespace": "shop" }, "spec": { "template": template } }))
            .expect("it has labels")
    }

    pub fn service(name: &str, selector: &[(&str, &str)]) -> Value {
        json!({ "metadata": { "name": name, "namespace": "shop" }, "spec": { "selector": map(selector) } })
    }
}
