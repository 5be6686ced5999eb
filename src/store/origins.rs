//! Where the images that run say that they come from: which of them a registry is to be asked for, and what it said.
//!
//! An engine tells the labels of an image with its containers; the API of a cluster does not, so the registry is asked, once for each digest: what a digest
//! names never changes. Only what a run of a CI may have shipped is asked for, and only where neither a digest nor the version says by which.

use super::Store;
use crate::{
    domain::{Id, Image, Kind, Origin, Run, Workload},
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long what could not be read is left alone.
const ALONE: SignedDuration = SignedDuration::from_mins(10);
/// Of so many images it is remembered what they say, beside those that run.
const KEPT: usize = 256;

/// An image that a registry is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sought {
    /// What its labels are remembered by: its digest, or its reference where only its tag is known.
    pub key: Name,
    /// What the registry is asked for: `registry/shop/cart@sha256:…`, else by the tag.
    pub reference: Name,
    /// The host of that registry.
    pub registry: Name,
}

/// What an image says of where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This.
    Says(Origin),
    /// It names no commit.
    Silent,
    /// It could not be read.
    Unread {
        /// Why.
        why: Clean,
        /// The registry itself was in the way: for a while it is asked for nothing else either.
        registry: bool,
    },
}

/// What was asked for, what it came to, and when.
#[derive(Debug)]
struct Told {
    registry: Name,
    claim: Claim,
    at: Timestamp,
}

/// What is remembered of images.
#[derive(Debug, Default)]
pub(super) struct Origins(BTreeMap<Name, Told>);

impl Store {
    /// Takes in what an image says.
    pub fn claim(&mut self, image: &Sought, claim: Claim, at: Timestamp) {
        self.origins.0.insert(image.key.clone(), Told { registry: image.registry.clone(), claim, at });
        if self.origins.0.len() > KEPT {
            let runs: BTreeSet<Name> = self.workloads.iter().filter_map(|row| self.sought(row, &row.images)).map(|image| image.key).collect();
            self.origins.0.retain(|key, _| runs.contains(key) || *key == image.key);
        }
        self.stamp += 1;
    }

    /// The images that a registry is to be asked for now.
    pub fn unclaimed(&self, now: Timestamp) -> BTreeSet<Sought> {
        let mut own: BTreeMap<Name, Vec<&Run>> = BTreeMap::new();
        for run in self.runs.iter() {
            own.entry(self.rules.service_of_repository(&run.repository)).or_default().push(run);
        }
        let shut = |registry: &Name| {
            let shuts = |told: &Told| matches!(told.claim, Claim::Unread { registry: true, .. }) && told.registry == *registry && now < told.at + ALONE;
            self.origins.0.values().any(shuts)
        };
        let shipped = self.joined.iter().filter_map(|(id, joined)| Some((self.workloads.get(id)?, own.get(&joined.service)?)));
        let lacking = |row: &Workload| self.sought(row, &row.images).filter(|image| self.lacks(image, row, now) && !shut(&image.registry));
        shipped.filter_map(|(row, runs)| lacking(row).filter(|_| !self.told_otherwise(&row.id, runs))).collect()
    }

    /// Whether nothing is known of an image, or nothing that still holds: a tag may name another one since something was rolled out with it.
    fn lacks(&self, image: &Sought, row: &Workload, now: Timestamp) -> bool {
        self.origins.0.get(&image.key).is_none_or(|told| match told.claim {
            Claim::Unread { .. } => now >= told.at + ALONE,
            Claim::Says(_) | Claim::Silent => image.key == image.reference && row.changed.is_some_and(|changed| changed > told.at),
        })
    }

    /// By what a registry knows the image of the main container of `row`, which runs `images`; none where it is not asked.
    fn sought(&self, row: &Workload, images: &[Image]) -> Option<Sought> {
        match row.kind {
            Kind::ComposeService | Kind::Container | Kind::CiEnvironment => return None,
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::Rollout | Kind::SwarmService => {}
        }
        let main = images.first().filter(|main| !main.reference.is_empty())?;
        let registry = Name::new(main.registry());
        match self.digest(&row.id, main) {
            Some(hex) => {
                let key = Name::new(&format!("sha256:{hex}"));
                let reference = Name::new(&format!("{}@{key}", main.repository()));
                Some(Sought { key, reference, registry })
            }
            None => (!main.moves()).then(|| Sought { key: main.reference.clone(), reference: main.reference.clone(), registry }),
        }
    }

    /// The digest of the main image of a workload: its own, else the one that all its pods run which were made for that image.
    pub(super) fn digest<'a>(&'a self, id: &Id<Workload>, main: &'a Image) -> Option<&'a str> {
        if let Some(hex) = main.digest_hex() {
            return Some(hex);
        }
        let same = |image: &Image| image.reference == main.reference && (main.container.is_empty() || image.container == main.container);
        let run = self.pods_of(id).flat_map(|pod| pod.containers.iter()).map(|container| &*container.image).filter(|image| same(image));
        let mut digests = run.filter_map(Image::digest_hex);
        let first = digests.next()?;
        digests.all(|other| other == first).then_some(first)
    }

    /// What the image of a workload says; none where nobody has asked. The other word: whether only a tag stands for that image.
    pub(super) fn claimed(&self, row: &Workload, images: &[Image]) -> Option<(Claim, bool)> {
        if let Some(origin) = by_engine(row) {
            return Some((Claim::Says(origin), false));
        }
        let image = self.sought(row, images)?;
        self.origins.0.get(&image.key).map(|told| (told.claim.clone(), image.key == image.reference))
    }
}

/// What an engine tells with a container: the labels of its image stand among its own.
pub(super) fn by_engine(row: &Workload) -> Option<Origin> {
    match row.kind {
        Kind::ComposeService | Kind::Container => Origin::read(|key| row.labels.get(key).map(Name::raw)),
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::Rollout | Kind::SwarmService | Kind::CiEnvironment => None,
    }
}

#[cfg(test)]
impl Store {
    pub(super) fn remembered(&self) -> usize {
        self.origins.0.len()
    }
}
