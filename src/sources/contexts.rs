//! Which kubeconfig context the labels of an alert or a series are about: what a Prometheus calls `cluster` is not what a kubeconfig calls it.

use std::collections::BTreeMap;

/// What the configuration says of clusters and contexts.
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    /// The context that all is about, where no label names a cluster.
    pub only: Option<String>,
    /// Contexts by the value of the label `cluster`.
    pub clusters: BTreeMap<String, String>,
}

impl Contexts {
    /// The label `context` to add to labels whose `cluster` is this; none where the labels speak for themselves.
    pub fn label(&self, cluster: Option<&str>) -> Option<(&str, &str)> {
        let context = match cluster {
            Some(cluster) => self.clusters.get(cluster),
            None => self.only.as_ref(),
        };
        context.map(|context| ("context", context.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_is_mapped_becomes_its_context_and_one_that_is_not_stays() {
        let contexts = Contexts { only: Some("prod-eu".into()), clusters: [("eu-1".into(), "prod-eu-1".into())].into() };
        assert_eq!(contexts.label(None), Some(("context", "prod-eu")));
        assert_eq!(contexts.label(Some("eu-1")), Some(("context", "prod-eu-1")));
        assert_eq!(contexts.label(Some("eu-2")), None);
        assert_eq!(Contexts::default().label(None), None);
    }
}
