//! From a run to what runs: where that is by now which a run built, and which run brought what runs.
//!
//! A version that is the run's tag or names its commit says so itself, as does an environment whose CI tells the commit, an image whose digest
//! the run has told, and one whose label names its commit. Where nothing says it, what was rolled out while the run went on is told as that, and
//! nothing is made of it.

use super::{Claim, EnvironmentRef, Store, origins};
use crate::{
    domain::{Id, Image, Origin, Progress, Revision, Run, Version, Workload},
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long after its end a run may still be what rolled something out.
const SHIPPED: SignedDuration = SignedDuration::from_mins(10);

/// How far the clocks of a CI and of where things run may be apart.
const APART: SignedDuration = SignedDuration::from_mins(1);

/// What says that what runs was built by a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The digest of the image, which the run has told.
    Digest,
    /// The image's label, which names the commit.
    Label,
    /// The same of the image that the tag names now.
    LabelOfTag,
    /// What people call the version: its tag, or its commit.
    Version,
    /// It was rolled out while the run went on, which says nothing of what it is.
    Time,
}

impl By {
    /// What must be said with it, where it is no certain word: `by its image's label`.
    pub const fn words(self) -> Option<&'static str> {
        match self {
            Self::Digest | Self::Version | Self::Time => None,
            Self::Label => Some("by its image's label"),
            Self::LabelOfTag => Some("by the label of the image that its tag names now"),
        }
    }
}

/// How far what a run built has come in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It runs there.
    Runs {
        /// Since when.
        since: Option<Timestamp>,
        /// What says so.
        by: By,
    },
    /// It is being rolled out there, or is stuck on the way.
    Coming {
        /// Whether its controller gave up waiting.
        stuck: bool,
    },
    /// Something was rolled out there as the run went on; no version says that it is this.
    Perhaps(Timestamp),
    /// What a newer run built runs there: this one.
    Passed(Clean),
    /// What an earlier run built runs there, or what none did that is known.
    NotYet(Version),
    /// The version there is neither a tag nor a commit that any run is known to have built.
    Unknown {
        /// The version.
        version: Version,
        /// What its image says; none where nobody has asked.
        label: Option<Claim>,
    },
}

/// One environment of the run's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Which.
    pub environment: EnvironmentRef,
    /// How far it is there.
    pub arrival: Arrival,
}

/// What is to be joined to a run: what a workload runs, or would by one of its revisions.
struct Release<'a> {
    row: &'a Workload,
    service: &'a Name,
    version: &'a Version,
    images: &'a [Image],
    /// The digest of the main image.
    digest: Option<&'a str>,
    /// What that image says, and whether only its tag is known.
    label: Option<(Claim, bool)>,
    /// When it was rolled out.
    since: Option<Timestamp>,
}

impl Release<'_> {
    /// Whether it may be what `run` shipped: its repository ships this service, or is the one that the image says it comes from.
    fn may_be_of(&self, store: &Store, run: &Run) -> bool {
        store.rules.service_of_repository(&run.repository) == *self.service || self.origin().is_some_and(|origin| origin.is_of(run) == Some(true))
    }

    fn origin(&self) -> Option<&Origin> {
        match &self.label {
            Some((Claim::Says(origin), _)) => Some(origin),
            Some((Claim::Silent | Claim::Unread { .. }, _)) | None => None,
        }
    }

    /// What says that `run` built it. This is the one rule.
    fn built_by(&self, run: &Run) -> Option<By> {
        let by_tag = matches!(self.label, Some((_, true)));
        if self.digest.is_some_and(|hex| run.made(hex)) || self.images.iter().filter_map(Image::digest_hex).any(|hex| run.made(hex)) {
            Some(By::Digest)
        } else if run.built(self.version) {
            Some(By::Version)
        } else {
            self.origin().is_some_and(|origin| origin.made_by(run)).then_some(if by_tag { By::LabelOfTag } else { By::Label })
        }
    }

    /// Whether it was rolled out before anybody asked for `run`, which is of the same commit then and did not bring it.
    fn before(&self, run: &Run) -> bool {
        self.since.zip(run.created.or(run.started)).is_some_and(|(at, asked)| at + APART < asked)
    }

    /// When it was rolled out, if that was while `run` went on or soon after it.
    fn during(&self, run: &Run) -> Option<Timestamp> {
        self.since.filter(|at| went_on(run, *at))
    }
}

impl Store {
    /// How far what `run` built has come, the least strict environment first.
    pub fn shipped(&self, run: &Run) -> Vec<Shipped> {
        let mut places: BTreeMap<_, (EnvironmentRef, Vec<Release<'_>>)> = BTreeMap::new();
        for (environment, release) in self.releases_of(run) {
            let key = (environment.tier, environment.name.clone());
            places.entry(key).or_insert_with(|| (environment.clone(), Vec::new())).1.push(release);
        }
        let own: Vec<&Run> = if places.is_empty() { Vec::new() } else { self.runs.iter().filter(|other| other.repository == run.repository).collect() };
        let mut found: Vec<Shipped> =
            places.values().map(|(environment, rows)| Shipped { environment: environment.clone(), arrival: arrival(run, &own, rows) }).collect();
        // Where the version says it in one environment, another version elsewhere is not this one; one that was there before is an earlier one.
        if found.iter().any(|one| matches!(one.arrival, Arrival::Runs { .. } | Arrival::Coming { .. })) {
            for (one, (_, rows)) in found.iter_mut().zip(places.values()) {
                let before = rows.iter().all(|release| release.since.or(release.row.created).zip(run.created).is_some_and(|(at, made)| at < made));
                match &one.arrival {
                    // What could not be read may be an image of the same commit, built before.
                    Arrival::Unknown { label: Some(Claim::Unread { .. }), .. } => {}
                    Arrival::Unknown { version, .. } if before => one.arrival = Arrival::NotYet(version.clone()),
                    _ => {}
                }
            }
        }
        found
    }

    /// The workloads of which only their pods can tell what image they run, where `run` may have shipped it: their tag moves.
    pub fn told_by_pods(&self, run: &Run) -> Vec<Id<Workload>> {
        let only_pods = |release: &Release<'_>| release.images.first().is_some_and(|main| main.digest.is_none() && main.moves());
        self.releases_of(run).filter(|(_, release)| only_pods(release)).map(|(_, release)| release.row.id.clone()).collect()
    }

    /// What says that a workload runs what `run` built; none where nothing does.
    pub fn runs_build_of(&self, id: &Id<Workload>, run: &Run) -> Option<By> {
        self.release(id, None).filter(|release| release.may_be_of(self, run))?.built_by(run)
    }

    /// The run that brought what a workload runs: the newest that says so, else the one that went on as it was rolled out.
    pub fn brought(&self, id: &Id<Workload>) -> Option<(&Run, By)> {
        self.brought_by(&self.release(id, None)?)
    }

    /// The same of one of its revisions.
    pub fn brought_revision(&self, id: &Id<Workload>, revision: &Id<Revision>) -> Option<(&Run, By)> {
        self.brought_by(&self.release(id, self.revisions.get(revision))?)
    }

    /// What the image of a workload says; none where nobody has asked.
    pub fn label_of(&self, id: &Id<Workload>) -> Option<Claim> {
        self.release(id, None)?.label.map(|(claim, _)| claim)
    }

    /// Whether something else than a label says which of `runs` brought what a workload runs.
    pub(super) fn told_otherwise(&self, id: &Id<Workload>, runs: &[&Run]) -> bool {
        let said = |release: Release<'_>| runs.iter().any(|run| matches!(release.built_by(run), Some(By::Digest | By::Version)));
        self.release(id, None).is_some_and(said)
    }

    fn brought_by(&self, release: &Release<'_>) -> Option<(&Run, By)> {
        let own = || self.runs.iter().filter(|run| release.may_be_of(self, run));
        let newest = |(run, _): &(&Run, By)| (run.started.or(run.created), run.number);
        let said = own().filter(|run| !release.before(run)).filter_map(|run| release.built_by(run).map(|by| (run, by))).max_by_key(newest);
        said.or_else(|| own().filter(|run| release.during(run).is_some()).map(|run| (run, By::Time)).max_by_key(newest))
    }

    /// What the workloads run that `run` may have shipped.
    fn releases_of(&self, run: &Run) -> impl Iterator<Item = (&EnvironmentRef, Release<'_>)> {
        let service = self.rules.service_of_repository(&run.repository);
        let from_it = |row: &Workload| origins::by_engine(row).is_some_and(|origin| origin.is_of(run) == Some(true));
        let rows = self.joined.iter().filter_map(|(id, joined)| Some((joined, self.workloads.get(id)?)));
        let mine = rows.filter(move |(joined, row)| joined.service == service || from_it(row));
        mine.filter_map(|(joined, row)| Some((&joined.environment, self.release(&row.id, None)?)))
    }

    /// What a workload runs, or would by `revision`.
    fn release<'a>(&'a self, id: &Id<Workload>, revision: Option<&'a Revision>) -> Option<Release<'a>> {
        let (row, joined) = (self.workloads.get(id)?, self.joined.get(id)?);
        let (version, images) = revision.map_or((&row.version, &row.images), |revision| (&revision.version, &revision.images));
        let digest = images.first().and_then(|main| self.digest(id, main));
        let label = self.claimed(row, images);
        let since = row.changed.filter(|_| revision.is_none_or(|revision| revision.current));
        Some(Release { row, service: &joined.service, version, images, digest, label, since })
    }
}

fn arrival(run: &Run, own: &[&Run], rows: &[Release<'_>]) -> Arrival {
    if let Some((here, by)) = rows.iter().find_map(|release| release.built_by(run).map(|by| (release, by))) {
        let stuck = matches!(here.row.progress, Progress::Stuck { .. } | Progress::Aborted { .. });
        let since = here.since.or(here.row.created);
        return if here.row.progress == Progress::Done { Arrival::Runs { since, by } } else { Arrival::Coming { stuck } };
    }
    let built =
        |release: &&Release<'_>| own.iter().copied().filter(|other| release.built_by(other).is_some()).max_by_key(|other| (other.created, other.number));
    if let Some((other, there)) = rows.iter().find_map(|release| built(&release).map(|other| (other, release))) {
        return if other.created > run.created { Arrival::Passed(other.called()) } else { Arrival::NotYet(there.version.clone()) };
    }
    let at = rows.iter().find_map(|release| release.during(run));
    at.map_or_else(|| unknown(rows), Arrival::Perhaps)
}

/// What is there instead, where nothing joins it with any run.
fn unknown(rows: &[Release<'_>]) -> Arrival {
    let first = rows.first();
    let version = first.map_or_else(Version::default, |release| release.version.clone());
    Arrival::Unknown { version, label: first.and_then(|release| release.label.as_ref()).map(|(claim, _)| claim.clone()) }
}

/// Whether the run went on then, or had ended shortly before.
pub(super) fn went_on(run: &Run, at: Timestamp) -> bool {
    let ended = run.ended.filter(|_| run.status.over());
    run.started.or(run.created).is_some_and(|began| at >= began) && ended.is_none_or(|ended| at <= ended + SHIPPED)
}

#[cfg(test)]
#[path = "shipped_tests.rs"]
mod tests;
