//! Which API groups a cluster serves, and in which version. Learnt beside the first lists, which never wait for it.

use super::client::{Call, Cluster};
use crate::{clean, sources::SourceError};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    name: String,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Resources {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    name: String,
}

/// Whether a cluster serves `plural` in a group and version.
pub async fn serves(cluster: &Cluster, version: &str, plural: &str) -> Result<bool, SourceError> {
    let served = cluster.find::<Resources>(&Call::get("the API groups", None, format!("/apis/{version}"))).await?;
    Ok(served.is_some_and(|served| served.resources.iter().any(|resource| resource.name == plural)))
}

/// The versions of each group that a cluster serves, in its own order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served(BTreeMap<String, Vec<String>>);

/// The groups that checks read: what for, and the versions that we can read, best first.
const READ: &[(&str, &str, &[&str])] = &[
    ("policy", "disruption budgets", &["v1", "v1beta1"]),
    ("autoscaling", "autoscalers", &["v2", "v2beta2", "v1"]),
    ("scheduling.k8s.io", "priority classes", &["v1"]),
];

impl Served {
    /// Asks the cluster.
    pub async fn ask(cluster: &Cluster) -> Result<Self, SourceError> {
        let groups: Groups = cluster.get(&Call::get("the API groups", None, "/apis".into())).await?;
        Ok(Self(groups.groups.into_iter().map(|group| (group.name, group.versions.into_iter().map(|version| version.version).collect())).collect()))
    }

    /// The best version of `group` that both sides know; none where there is none.
    pub fn best(&self, group: &str) -> Option<String> {
        let served = self.0.get(group)?;
        let known = READ.iter().find(|(name, _, _)| *name == group).map(|(_, _, versions)| *versions);
        match known {
            Some(known) => known.iter().find(|version| served.iter().any(|served| served == *version)).map(|version| (*version).to_owned()),
            None => served.first().cloned(),
        }
    }
}

/// Learns the groups and remembers what is lacking.
pub async fn learn(cluster: Arc<Cluster>) {
    let asked = Served::ask(&cluster).await;
    cluster.answers.send_replace(asked.as_ref().err().map(|error| clean!("{error}")));
    let Ok(served) = asked else { return };
    for (group, what, versions) in READ {
        match served.best(group) {
            Some(best) if best == versions[0] => {}
            Some(best) => cluster.lack(group, clean!("no {group}/{}: {what} are read as {best}", versions[0])),
            None => cluster.lack(group, clean!("no {group} that we can read: {what} are not checked")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_version_that_both_know_is_taken() {
        let served = |versions: &[&str]| Served([("policy".to_owned(), versions.iter().map(|v| (*v).to_owned()).collect())].into());
        assert_eq!(served(&["v1beta1"]).best("policy").as_deref(), Some("v1beta1"));
        assert_eq!(served(&["v1beta1", "v1"]).best("policy").as_deref(), Some("v1"));
        assert_eq!(served(&["v3"]).best("policy"), None);
        assert_eq!(Served::default().best("policy"), None);
    }
}
