//! From a run to what runs: where that is by now which a run built, and which run brought what runs.
//!
//! A version that is the run's tag or names its commit says so itself, as does an environment whose CI tells the commit, and an image whose digest
//! the run has told. Where nothing says it, what was rolled out while the run went on is told as that, and nothing is made of it.

use super::{EnvironmentRef, Store};
use crate::{
    domain::{Id, Progress, Run, Version, Workload},
    text::Clean,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long after its end a run may still be what rolled something out.
const SHIPPED: SignedDuration = SignedDuration::from_mins(10);

/// How far what a run built has come in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It runs there, since that time.
    Runs(Option<Timestamp>),
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
    Unknown(Version),
}

/// One environment of the run's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Which.
    pub environment: EnvironmentRef,
    /// How far it is there.
    pub arrival: Arrival,
}

impl Store {
    /// How far what `run` built has come, the least strict environment first.
    pub fn shipped(&self, run: &Run) -> Vec<Shipped> {
        let service = self.rules.service_of_repository(&run.repository);
        let mut places: BTreeMap<_, (EnvironmentRef, Vec<&Workload>)> = BTreeMap::new();
        for (id, joined) in self.joined.iter().filter(|(_, joined)| joined.service == service) {
            if let Some(workload) = self.workloads.get(id) {
                let key = (joined.environment.tier, joined.environment.name.clone());
                places.entry(key).or_insert_with(|| (joined.environment.clone(), Vec::new())).1.push(workload);
            }
        }
        let own: Vec<&Run> = if places.is_empty() { Vec::new() } else { self.runs.iter().filter(|other| other.repository == run.repository).collect() };
        let mut found: Vec<Shipped> =
            places.values().map(|(environment, rows)| Shipped { environment: environment.clone(), arrival: arrival(run, &own, rows) }).collect();
        // Where the version says it in one environment, another version elsewhere is not this one; one that was there before is an earlier one.
        if found.iter().any(|one| matches!(one.arrival, Arrival::Runs(_) | Arrival::Coming { .. })) {
            for (one, (_, rows)) in found.iter_mut().zip(places.values()) {
                let before = rows.iter().all(|workload| workload.changed.or(workload.created).zip(run.created).is_some_and(|(at, made)| at < made));
                if let (Arrival::Unknown(version), true) = (&one.arrival, before) {
                    one.arrival = Arrival::NotYet(version.clone());
                }
            }
        }
        found
    }

    /// The run that brought what a workload runs: the newest whose tag or commit its version names, else the one that went on as it was rolled out.
    pub fn brought(&self, id: &Id<Workload>) -> Option<&Run> {
        let (workload, joined) = (self.workloads.get(id)?, self.joined.get(id)?);
        let own = || self.runs.iter().filter(|run| self.rules.service_of_repository(&run.repository) == joined.service);
        let newest = |run: &&Run| (run.started.or(run.created), run.number);
        let named = own().filter(|run| run.brought(workload)).max_by_key(newest);
        named.or_else(|| own().filter(|run| during(run, workload).is_some()).max_by_key(newest))
    }
}

fn arrival(run: &Run, own: &[&Run], rows: &[&Workload]) -> Arrival {
    if let Some(here) = rows.iter().find(|workload| run.brought(workload)) {
        let stuck = matches!(here.progress, Progress::Stuck { .. } | Progress::Aborted { .. });
        return if here.progress == Progress::Done { Arrival::Runs(here.changed.or(here.created)) } else { Arrival::Coming { stuck } };
    }
    let built = |workload: &&Workload| own.iter().copied().filter(|other| other.brought(workload)).max_by_key(|other| (other.created, other.number));
    if let Some((other, there)) = rows.iter().find_map(|workload| built(workload).map(|other| (other, *workload))) {
        return if other.created > run.created { Arrival::Passed(other.called()) } else { Arrival::NotYet(there.version.clone()) };
    }
    let at = rows.iter().find_map(|workload| during(run, workload));
    let version = || rows.first().map_or_else(Version::default, |workload| workload.version.clone());
    at.map_or_else(|| Arrival::Unknown(version()), Arrival::Perhaps)
}

/// When a workload changed, if that was while the run went on or soon after it.
fn during(run: &Run, workload: &Workload) -> Option<Timestamp> {
    workload.changed.filter(|at| went_on(run, *at))
}

/// Whether the run went on then, or had ended shortly before.
pub(super) fn went_on(run: &Run, at: Timestamp) -> bool {
    let ended = run.ended.filter(|_| run.status.over());
    run.started.or(run.created).is_some_and(|began| at >= began) && ended.is_none_or(|ended| at <= ended + SHIPPED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Batch, Feed},
        store::fixture::{World, ago, run, source, workload},
        text::Name,
    };

    fn version(text: &'static str) -> Version {
        Version(Clean::from_static(text))
    }

    fn made(number: u64, commit: &str, minutes: i64) -> Run {
        let mut run = run(number);
        (run.repository, run.commit) = (Name::new("acme/cart"), Name::new(commit));
        (run.created, run.started, run.ended) = (Some(ago(minutes * 60)), Some(ago(minutes * 60)), Some(ago(minutes * 60 - 120)));
        run
    }

    fn at(context: &str, text: &'static str, minutes: i64) -> Workload {
        let mut row = workload(context, "shop", "cart");
        (row.version, row.changed) = (version(text), Some(ago(minutes * 60)));
        row
    }

    fn world(rows: Vec<Workload>, runs: Vec<Run>) -> World {
        let mut world = World::new().tell(&source("ci"), &Feed::Runs, Batch::list(runs));
        for row in rows {
            let context = row.place.context.raw().to_owned();
            world = world.workloads(&context, [row]);
        }
        world
    }

    #[test]
    fn it_is_told_where_what_a_run_built_has_come_to() {
        let (old, new) = (made(310, "aaaaaaa0000", 60), made(311, "bbbbbbb0000", 10));
        let rows = vec![at("dev", "sha-bbbbbbb", 8), at("prod-eu", "aaaaaaa", 58)];
        let world = world(rows, vec![old.clone(), new.clone()]);
        let of = |run: &Run| world.0.shipped(run).into_iter().map(|one| one.arrival).collect::<Vec<_>>();
        assert_eq!(of(&new), [Arrival::Runs(Some(ago(480))), Arrival::NotYet(version("aaaaaaa"))]);
        assert_eq!(of(&old), [Arrival::Passed("#311".into()), Arrival::Runs(Some(ago(58 * 60)))]);
        let brought = |row: &Workload| world.0.brought(&row.id).map(|run| run.number);
        assert_eq!((brought(&at("dev", "", 0)), brought(&at("prod-eu", "", 0))), (Some(311), Some(310)));
    }

    #[test]
    fn the_digest_of_an_image_says_it_whatever_people_call_the_version() {
        let (mut old, mut new) = (made(310, "", 60), made(311, "", 10));
        (old.digests, new.digests) = ([Name::new("sha256:aaaa")].into(), [Name::new("sha256:cccc"), Name::new("sha256:bbbb")].into());
        let (mut here, mut there) = (at("dev", "latest", 500), at("prod-eu", "latest", 500));
        here.images[0].reference = Name::new("registry/shop/cart@sha256:bbbb");
        there.images[0].digest = Some(Name::new("sha256:aaaa"));
        let world = world(vec![here.clone(), there.clone()], vec![old.clone(), new.clone()]);
        let of = |run: &Run| world.0.shipped(run).into_iter().map(|one| one.arrival).collect::<Vec<_>>();
        assert_eq!(of(&new), [Arrival::Runs(Some(ago(500 * 60))), Arrival::NotYet(version("latest"))]);
        assert_eq!(of(&old)[0], Arrival::Passed("#311".into()));
        assert_eq!(world.0.brought(&there.id).map(|run| run.number), Some(310));
    }

    #[test]
    fn where_a_tag_says_it_in_one_environment_an_older_version_elsewhere_is_an_earlier_one() {
        let mut run = made(311, "bbbbbbb0000", 10);
        run.branch = Name::new("v2.8.0");
        let world = world(vec![at("dev", "2.8.0", 8), at("prod-eu", "2.7.3", 600), at("test", "2.9.0", 5)], vec![run.clone()]);
        let found = world.0.shipped(&run);
        let of = |version: Version| {
            found
                .iter()
                .filter(|one| matches!(&one.arrival, Arrival::NotYet(there) | Arrival::Unknown(there) if *there == version))
                .map(|one| one.arrival.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(of(version("2.7.3")), [Arrival::NotYet(version("2.7.3"))]);
        assert_eq!(of(version("2.9.0")), [], "it was rolled out while the run went on: {found:?}");
    }

    #[test]
    fn what_is_on_its_way_is_not_there_yet() {
        let run = made(311, "bbbbbbb0000", 10);
        let mut row = at("prod-eu", "bbbbbbb", 8);
        for (progress, arrival) in [
            (Progress::Rolling, Arrival::Coming { stuck: false }),
            (Progress::Stuck { since: None, reason: Clean::EMPTY, message: Clean::EMPTY }, Arrival::Coming { stuck: true }),
            (Progress::Done, Arrival::Runs(Some(ago(480)))),
        ] {
            row.progress = progress;
            let world = world(vec![row.clone()], vec![run.clone()]);
            assert_eq!(world.0.shipped(&run)[0].arrival, arrival);
        }
    }

    #[test]
    fn what_no_version_says_is_told_by_its_time_or_as_unknown() {
        let run = made(311, "bbbbbbb0000", 10);
        let world = world(vec![at("dev", "2.8.0", 9), at("prod-eu", "2.7.3", 600)], vec![run.clone()]);
        let found: Vec<Arrival> = world.0.shipped(&run).into_iter().map(|one| one.arrival).collect();
        assert_eq!(found, [Arrival::Perhaps(ago(540)), Arrival::Unknown(version("2.7.3"))]);
        assert_eq!(world.0.brought(&at("prod-eu", "", 0).id), None);
        assert_eq!(world.0.brought(&at("dev", "", 0).id).map(|run| run.number), Some(311));
    }
}
