//! What labels are about: the services and environments that an alert, a series or a log line names.

use super::{EnvironmentRef, Joined, Store, join};
use crate::{
    domain::{Id, Labels, Place, SourceId, Workload},
    text::Name,
};

/// A service in an environment, and the workloads that run it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The service.
    pub service: Name,
    /// The environment; none where nothing tells it.
    pub environment: Option<EnvironmentRef>,
    /// Its workloads there, as far as they are known.
    pub workloads: Vec<Id<Workload>>,
}

const NAMESPACE: &[&str] = &["namespace", "kubernetes_namespace", "exported_namespace"];
const CLUSTER: &[&str] = &["context", "cluster", "kubernetes_cluster"];
const ENVIRONMENT: &[&str] = &["environment", "env", "stage"];
const POD: &[&str] = &["pod", "pod_name", "kubernetes_pod_name"];

impl Store {
    /// What `labels`, as `source` tells them, are about. Several when the labels leave it open; none when they say nothing.
    pub fn about(&self, source: &SourceId, labels: &Labels) -> Vec<About> {
        let known = self.known_services(labels);
        let mut found: Vec<About> = Vec::new();
        for (id, joined) in known.into_iter().filter(|(id, joined)| self.place_fits(source, labels, id, joined)) {
            let same = |about: &&mut About| about.service == joined.service && about.environment.as_ref() == Some(&joined.environment);
            match found.iter_mut().find(same) {
                Some(about) => about.workloads.push(id.clone()),
                None => {
                    let environment = Some(joined.environment.clone());
                    found.push(About { service: joined.service.clone(), environment, workloads: vec![id.clone()] });
                }
            }
        }
        if found.is_empty() {
            found.extend(self.named_only(source, labels));
        }
        found
    }

    /// Workloads that the labels name: by rule, by the pod, by the service, by the workload's own name.
    fn known_services(&self, labels: &Labels) -> Vec<(&Id<Workload>, &Joined)> {
        if let Some(service) = self.rules.ruled_service(labels) {
            return self.by_name(&service);
        }
        if let Some(found) = self.by_pod(labels) {
            return vec![found];
        }
        let mut candidates = join::ON_SERIES.iter().filter_map(|key| labels.get(key));
        candidates.find_map(|name| Some(self.by_name(name)).filter(|found| !found.is_empty())).unwrap_or_default()
    }

    fn by_name(&self, name: &Name) -> Vec<(&Id<Workload>, &Joined)> {
        self.named.get(name).into_iter().flatten().filter_map(|id| self.joined.get_key_value(id)).collect()
    }

    fn by_pod(&self, labels: &Labels) -> Option<(&Id<Workload>, &Joined)> {
        let name = labels.first(POD)?;
        let namespace = labels.first(NAMESPACE)?;
        let pod = self.pods.iter().find(|pod| pod.name == *name && pod.place.namespace == *namespace)?;
        self.joined.get_key_value(pod.workload.as_ref()?)
    }

    /// Whether a workload is where the labels say: environment, cluster, namespace, or the reporter's own cluster.
    fn place_fits(&self, source: &SourceId, labels: &Labels, id: &Id<Workload>, joined: &Joined) -> bool {
        let Some(workload) = self.workloads.get(id) else { return false };
        let namespace = labels.first(NAMESPACE).is_none_or(|name| *name == workload.place.namespace);
        let environment = labels.first(ENVIRONMENT).is_none_or(|name| {
            let nobody = !self.joined.values().any(|other| other.environment.name == *name);
            nobody || *name == joined.environment.name
        });
        let context = workload.place.context.raw();
        let cluster = match labels.first(CLUSTER) {
            Some(name) => name.raw() == context || !self.knows_context(name.raw()),
            None => source.instance() == context || !self.knows_context(source.instance()),
        };
        namespace && environment && cluster
    }

    fn knows_context(&self, name: &str) -> bool {
        self.workloads.iter().any(|workload| workload.place.context.raw() == name)
    }

    /// A service that no workload of ours runs, as the labels name it.
    fn named_only(&self, source: &SourceId, labels: &Labels) -> Option<About> {
        let service = self.rules.ruled_service(labels).or_else(|| labels.first(join::ON_SERIES).cloned())?;
        let (context, namespace) = (labels.first(CLUSTER), labels.first(NAMESPACE));
        let text = |name: Option<&Name>| name.map(|name| name.raw().to_owned()).unwrap_or_default();
        let (context_text, namespace_text) = (text(context), text(namespace));
        let clues = join::Clues { source, context: &context_text, namespace: &namespace_text, project: "", labels };
        let named = || labels.first(ENVIRONMENT).and_then(|name| self.environment(name.raw()).cloned());
        let guessed = || (context.is_some() || namespace.is_some()).then(|| self.rules.guessed(&Place::new(&context_text, &namespace_text)));
        let environment = self.rules.ruled(&clues).or_else(named).or_else(guessed);
        Some(About { service, environment, workloads: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture::{World, pod, workload};

    fn world() -> World {
        let cart = workload("prod", "shop", "cart");
        let pods = [pod(&cart, 2, "cart-5c7d-q8w2n")];
        World::new()
            .workloads("prod", [cart, workload("prod", "shop", "search")])
            .workloads("staging", [workload("staging", "shop", "cart")])
            .pods("prod", pods)
    }

    fn about(source: &str, labels: &[(&str, &str)]) -> Vec<String> {
        let found = world().0.about(&SourceId::new(source), &Labels::new(labels.iter().copied()));
        let words = |about: &About| format!("{} {} {}", about.service, about.environment.as_ref().map_or("-", |e| e.name.raw()), about.workloads.len());
        found.iter().map(words).collect()
    }

    #[test]
    fn labels_lead_to_a_service_in_an_environment() {
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            ("am", &[("namespace", "shop"), ("app", "cart"), ("cluster", "prod")], &["cart production 1"]),
            ("am", &[("namespace", "shop"), ("deployment", "cart"), ("env", "staging")], &["cart staging 1"]),
            ("am", &[("namespace", "shop"), ("app", "cart")], &["cart production 1", "cart staging 1"]),
            ("prometheus/prod", &[("namespace", "shop"), ("app", "cart")], &["cart production 1"]),
            ("am", &[("namespace", "shop"), ("pod", "cart-5c7d-q8w2n"), ("container", "app")], &["cart production 1"]),
            ("am", &[("namespace", "other"), ("app", "cart"), ("cluster", "prod")], &["cart production 0"]),
            ("am", &[("service", "ledger")], &["ledger - 0"]),
            ("am", &[("severity", "critical")], &[]),
        ];
        for (source, labels, expected) in cases {
            assert_eq!(about(source, labels), *expected, "{labels:?}");
        }
    }
}
