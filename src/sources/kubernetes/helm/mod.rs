//! Helm releases: a workload that one installed is taken back through it.
//!
//! A release is no row of its own. Where the records of a workload's release can be read, its revisions are those of the release, its
//! plan is told in the objects of two manifests, and `helm` carries it out. Where they can not, the workload goes back by itself, and the
//! plan says why that is the lesser way.

pub mod act;
mod history;
mod likeness;
mod manifest;
mod objects;
pub mod prepare;
mod program;
mod record;

use super::{
    ask::Current,
    client::{Call, Cluster},
    revisions::{self, Kept},
    rows, template,
    wire::Shape,
};
use crate::{
    clean,
    domain::{Kind, Operation, Outline, Owner, Release, ReleaseState, Revision, Seen},
    sources::{SourceError, spec},
    text::{Clean, Name, Raw},
};
use manifest::{Key, Object};
use record::{Driver, Record, Torn};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A workload and the release that made it.
pub struct Through {
    /// The workload.
    pub current: Current,
    /// What its controller keeps of its revisions.
    pub sets: Vec<Kept>,
    /// The release.
    pub release: Name,
    /// Where its records are.
    pub namespace: Name,
    /// How its records are kept.
    pub driver: Driver,
    /// Its revisions, newest first; never empty.
    pub records: Vec<Record>,
    /// Those that can not be read.
    pub torn: Vec<Torn>,
    differing: BTreeSet<Key>,
}

/// What there is of the release of a workload.
pub enum Found {
    /// No release made it.
    None(Current),
    /// One did, and can be read.
    Release(Box<Through>),
    /// One did, and can not be gone through: why.
    Unreadable(Current, Clean),
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    items: Vec<record::Kept>,
}

/// Looks for the release of a workload.
pub async fn of(cluster: &Cluster, current: Current) -> Result<Found, SourceError> {
    let Some(Owner::Helm { release, namespace }) = rows::owner(current.lean.meta()) else { return Ok(Found::None(current)) };
    // A Rollout knows a shorter way back, which its own controller goes.
    if current.kind == Kind::Rollout {
        return Ok(Found::None(current));
    }
    let mut denied = None;
    for driver in [Driver::Secret, Driver::ConfigMap] {
        match list(cluster, driver, release.raw(), namespace.raw()).await {
            Ok(list) if list.items.is_empty() => {}
            Ok(list) => {
                let sets = revisions::kept(cluster, &current).await.unwrap_or_default();
                return Ok(Through::new(current, sets, (release, namespace), driver, &list.items));
            }
            Err(error @ (SourceError::Unreachable(_) | SourceError::RateLimited { .. })) => return Err(error),
            Err(error) => denied = denied.or(Some(clean!("{error}"))),
        }
    }
    let why = denied.unwrap_or_else(|| clean!("namespace {namespace} keeps no record of it (an SQL driver, or it was forgotten)"));
    Ok(Found::Unreadable(current, why))
}

async fn list(cluster: &Cluster, driver: Driver, release: &str, namespace: &str) -> Result<List, SourceError> {
    let selector = revisions::query(&format!("owner=helm,name={release}"));
    let path = format!("/api/v1/namespaces/{namespace}/{}?labelSelector={selector}", driver.plural());
    cluster.get(&Call::list(driver.plural(), Some(namespace), path)).await
}

/// The number of the revision of a release that an operation goes to; none where it goes through none.
pub fn number(operation: &Operation) -> Option<u64> {
    operation.to.as_ref()?.id.key().strip_prefix("release/")?.rsplit('/').next()?.parse().ok()
}

impl Through {
    fn new(current: Current, sets: Vec<Kept>, (release, namespace): (Name, Name), driver: Driver, kept: &[record::Kept]) -> Found {
        let (mut records, mut torn) = (Vec::new(), Vec::new());
        for kept in kept {
            match record::read(kept, driver) {
                Ok(record) => records.push(record),
                Err(one) => torn.push(one),
            }
        }
        records.sort_by_key(|record| std::cmp::Reverse(record.number));
        torn.sort_by_key(|torn| std::cmp::Reverse(torn.number));
        let newest = records.first().map_or(0, |record| record.number);
        if let Some(torn) = torn.first().filter(|torn| torn.number >= newest) {
            return Found::Unreadable(current, clean!("its newest record can not be read: {}", torn.why));
        }
        let differing = objects::differing(&records);
        let through = Self { current, sets, release, namespace, driver, records, torn, differing };
        match through.own(through.newest()) {
            _ if through.newest().status == "uninstalled" => Found::Unreadable(through.current, clean!("it was uninstalled as r{newest}")),
            Some(_) => Found::Release(Box::new(through)),
            None => {
                let words = clean!("its r{newest} has no {} {}", through.current.kind.word(), through.current.address.name);
                Found::Unreadable(through.current, words)
            }
        }
    }

    /// The newest revision.
    pub fn newest(&self) -> &Record {
        &self.records[0]
    }

    /// The revision with this number.
    pub fn record(&self, number: u64) -> Option<&Record> {
        self.records.iter().find(|record| record.number == number)
    }

    /// How the workload is known in a manifest.
    fn key(&self) -> Key {
        let address = &self.current.address;
        Key { kind: self.current.kind.word().into(), name: address.name.clone(), group: "apps".into(), namespace: address.namespace.clone() }
    }

    /// The workload itself in a revision.
    fn own<'a>(&self, record: &'a Record) -> Option<&'a Object> {
        let key = self.key();
        record.objects.iter().find(|object| object.key == key && object.template().is_some())
    }

    /// The pod template that a revision asks for.
    pub fn template<'a>(&self, record: &'a Record) -> Option<&'a Value> {
        self.own(record).and_then(Object::template)
    }

    /// Whether the workload is what the newest revision asks for.
    pub fn runs(&self) -> bool {
        let live = template::bare(&self.current.raw);
        self.template(self.newest()).is_some_and(|wanted| likeness::covers(wanted, &live) || likeness::alike(wanted, &live))
    }

    /// What the controller keeps of the template that runs now.
    fn running(&self) -> Option<&Kept> {
        self.sets.iter().find(|set| template::same(&set.raw, &self.current.raw))
    }

    /// What the controller keeps of a template; of several that only a restart tells apart the one that serves, else the newest.
    fn kept(&self, wanted: &Value) -> Option<&Kept> {
        let like = self.sets.iter().filter(|set| likeness::covers(wanted, &template::bare(&set.raw)));
        like.max_by_key(|set| (set.lean.status.available_replicas, set.number))
    }

    /// The controller's hash of what a revision asks for; one of ours where the controller keeps it no more.
    fn hash(&self, record: &Record) -> Raw {
        let Some(wanted) = self.template(record) else { return Raw::default() };
        if record.number == self.newest().number && self.runs() {
            return self.running().map(|set| Raw::new(&set.template)).unwrap_or_default();
        }
        match self.kept(wanted) {
            Some(set) => Raw::new(&set.template),
            None => Raw::new(&format!("manifest-{}", &spec::hash(wanted).expose()[..12])),
        }
    }

    /// What a rollback must still find: the newest record as it stands, and the workload's own template.
    pub fn seen(&self) -> Seen {
        let (newest, own) = (self.newest(), self.current.seen());
        let all = json!({ "manifest": newest.digest.expose(), "status": newest.status, "workload": own.uid.expose(), "template": own.template.expose() });
        Seen { uid: newest.uid.clone(), template: spec::hash(&all), paused: own.paused }
    }

    /// How the release stands.
    pub fn told(&self) -> Release {
        let newest = self.newest();
        let state = match newest.status.as_str() {
            "deployed" => ReleaseState::Deployed,
            _ if newest.pending() => ReleaseState::Pending { since: newest.at },
            _ => ReleaseState::Other,
        };
        let settled = state == ReleaseState::Deployed && self.runs();
        let template = self.running().filter(|_| settled).map(|set| Raw::new(&set.template)).unwrap_or_default();
        let (name, namespace) = (self.release.clone(), self.namespace.clone());
        let status = Clean::from_untrusted(&newest.status);
        Release { name, namespace, revision: newest.number, status, state, back_to: newest.back_to, seen: self.seen(), template }
    }

    /// What the release is now, leaf by leaf: its newest manifest, and in it the workload as it runs.
    pub fn outline(&self) -> Outline {
        let newest = self.newest();
        let live = self.template(newest).filter(|_| !self.runs()).map(|wanted| likeness::told(&template::bare(&self.current.raw), wanted));
        self.tell(newest, live.as_ref(), &newest.status)
    }

    /// All revisions, newest first.
    pub async fn revisions(&self, cluster: &Cluster) -> Result<Vec<Revision>, SourceError> {
        let rows = revisions::of(cluster, &self.current).await?;
        Ok(self.history(&cluster.id, &rows))
    }
}

#[cfg(test)]
mod tests;
