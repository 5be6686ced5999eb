//! Where something is, and the labels that say what it is.

use crate::text::Name;

/// The place of a row: the cluster, host or project, and the namespace (empty where there is none).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The kubeconfig context, the Docker host, the CI project.
    pub context: Name,
    /// The namespace or compose project.
    pub namespace: Name,
}

impl Place {
    /// `context` and `namespace` as they were said.
    pub fn new(context: &str, namespace: &str) -> Self {
        Self { context: Name::new(context), namespace: Name::new(namespace) }
    }
}

/// Labels in the order they came, few enough to search in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(pub Box<[(Name, Name)]>);

impl Labels {
    /// Keeps `pairs`.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (Name::new(key), Name::new(value))).collect())
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Name> {
        self.0.iter().find(|(name, _)| name.raw() == key).map(|(_, value)| value)
    }

    /// The first value among `keys`, in that order.
    pub fn first(&self, keys: &[&str]) -> Option<&Name> {
        keys.iter().find_map(|key| self.get(key))
    }
}
