//! The cell under the cursor: which versions live there, how each does, and whether it points to the newest.
//!
//! A change that is near is not a cause. With two live versions they are compared with each other, with one before against after.

use super::{Ailment, Cell, EnvironmentRef, ErrorRate, Health, Limits, Store, ailment, health, sickness, words};
use crate::{
    domain::{Id, Pod, Progress, Revision, Version, Workload},
    text::{Clean, Name},
};
use jiff::Timestamp;

/// A version that lives in a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// What people call it.
    pub version: Version,
    /// Its revision, where there are numbers.
    pub revision: Option<u64>,
    /// Whether it is the newest.
    pub newest: bool,
    /// Ready pods.
    pub ready: u32,
    /// Pods that can not come up.
    pub sick: u32,
    /// What the worst of them does: `crashing`, `not starting`.
    pub sick_how: &'static str,
    /// What the worst of them says: `exit 1, 5 restarts`.
    pub sick_words: Option<Clean>,
    /// Restarts of its pods together.
    pub restarts: u32,
    /// Its errors, where the metrics tell versions apart.
    pub errors: ErrorRate,
    /// Since when it runs.
    pub since: Option<Timestamp>,
}

/// What the comparison of two versions, or of before and after, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pointing {
    /// Only the newest shows the trouble.
    To(Clean),
    /// Others show it too, or it began earlier.
    Away(Clean),
    /// Too little is known.
    CanNotTell(Clean),
    /// There is no trouble to point at.
    Nothing,
}

/// What a cell shows when it is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct CellDetail {
    /// The cell.
    pub cell: Cell,
    /// The unhealthiest workload, which the rest is about.
    pub workload: Id<Workload>,
    /// The versions that live, the newest last.
    pub live: Vec<Live>,
    /// `stuck since 02:55: one new pod never became ready`, in the words that need no zone.
    pub trouble: Option<(Option<Timestamp>, Clean)>,
    /// The pod that shows it best: its name and what it says.
    pub witness: Option<(Clean, Clean)>,
    /// Whether it points to the newest version.
    pub pointing: Pointing,
    /// What was looked at in its pods and nodes and is not so: `image`, `node`.
    pub excluded: Vec<&'static str>,
}

impl Pointing {
    /// The sentence that stands in the cell's detail and on top of the plan.
    pub fn sentence(&self) -> Option<&Clean> {
        match self {
            Self::To(words) | Self::Away(words) | Self::CanNotTell(words) => Some(words),
            Self::Nothing => None,
        }
    }
}

impl Store {
    /// A service in an environment in detail; none where it does not run.
    pub fn cell_detail(&self, service: &Name, environment: &EnvironmentRef, limits: Limits, now: Timestamp) -> Option<CellDetail> {
        let cell = self.cell(service, environment, now)?;
        let workload = self.workloads.get(&cell.workloads.first()?.id)?;
        let live = self.live_versions(service, environment, workload, now);
        let pods: Vec<&Pod> = self.pods_of(&workload.id).collect();
        let judged = health(workload, &self.revisions_of(&workload.id), (!pods.is_empty()).then_some(&pods), now);
        let pointing = self.pointing(service, environment, workload, (&judged, &live), limits, now);
        let excluded = if judged.bad() { self.excluded(workload, &pods) } else { Vec::new() };
        Some(CellDetail { excluded, trouble: trouble(&judged, workload, &live), witness: witness(&pods), workload: workload.id.clone(), live, pointing, cell })
    }

    /// The usual suspects that its pods and their nodes clear; nothing where no pod is known.
    fn excluded(&self, workload: &Workload, pods: &[&Pod]) -> Vec<&'static str> {
        if pods.is_empty() {
            return Vec::new();
        }
        let ills: Vec<Ailment> = pods.iter().filter_map(|pod| ailment(pod)).collect();
        let none = |is: fn(&Ailment) -> bool| !ills.iter().any(is);
        let nodes = || pods.iter().map(|pod| pod.node.as_ref().and_then(|name| self.node(&pod.place.context, name)));
        let looks = [
            ("quota", workload.replicas.total >= workload.replicas.wanted),
            ("image", none(|ill| matches!(ill, Ailment::Image { .. }))),
            ("probe", none(|ill| matches!(ill, Ailment::NotReady))),
            ("node", none(|ill| matches!(ill, Ailment::Node { .. })) && nodes().all(|node| node.is_some_and(|node| node.ready))),
            ("config", none(|ill| matches!(ill, Ailment::Config { .. }))),
        ];
        looks.into_iter().filter(|(_, cleared)| *cleared).map(|(name, _)| name).collect()
    }

    fn live_versions(&self, service: &Name, environment: &EnvironmentRef, workload: &Workload, now: Timestamp) -> Vec<Live> {
        let revisions = self.revisions_of(&workload.id);
        let pods: Vec<&Pod> = self.pods_of(&workload.id).collect();
        // Not every system counts the pods of a revision; the pods themselves tell whose they are.
        let runs = |revision: &Revision| pods.iter().any(|pod| pod.template == revision.template && !pod.leaving);
        let lives = |revision: &&&Revision| revision.current || revision.replicas.total > 0 || runs(revision);
        let one = |revision: &&Revision| {
            let errors = self.error_rate_of_version(service, environment, &revision.version.0, now);
            live(revision, workload, &pods, errors, now)
        };
        let mut live: Vec<Live> = revisions.iter().filter(lives).map(one).collect();
        live.reverse();
        if live.is_empty() {
            let errors = self.error_rate(service, environment, now);
            live.push(without_revisions(workload, &pods, errors, now));
        }
        live
    }

    fn pointing(
        &self,
        service: &Name,
        environment: &EnvironmentRef,
        workload: &Workload,
        (judged, live): (&Health, &[Live]),
        limits: Limits,
        now: Timestamp,
    ) -> Pointing {
        let total = self.error_rate(service, environment, now);
        let errs = rate(&total).is_some_and(|rate| rate > limits.error_rate);
        if !judged.bad() && !errs {
            return Pointing::Nothing;
        }
        let Some(newest) = live.iter().find(|live| live.newest) else {
            return match workload.progress {
                Progress::Paused { .. } => {
                    Pointing::Away(crate::clean!("does not point to {}: it waits for the pause to end, no pod runs it", workload.version))
                }
                _ => Pointing::CanNotTell(Clean::from_static("cannot tell: no revision is known")),
            };
        };
        let old: Vec<&Live> = live.iter().filter(|live| !live.newest).collect();
        if old.is_empty() {
            return before_and_after(newest, workload, self.errors_since(service, environment, limits.error_rate), now);
        }
        between(newest, &old, limits)
    }
}

fn rate(errors: &ErrorRate) -> Option<f64> {
    match errors {
        ErrorRate::Known(series) => Some(series.now),
        ErrorRate::NoQuery | ErrorRate::NoTraffic => None,
    }
}

fn live(revision: &Revision, workload: &Workload, pods: &[&Pod], errors: ErrorRate, now: Timestamp) -> Live {
    let own: Vec<&&Pod> = pods.iter().filter(|pod| pod.template == revision.template).collect();
    let worst = own.iter().filter_map(|pod| sickness(pod, now)).max_by_key(Ailment::rank);
    Live {
        version: revision.version.clone(),
        revision: Some(revision.number),
        newest: revision.current,
        ready: if own.is_empty() { revision.replicas.ready } else { count(&own, |pod| pod.ready && !pod.leaving) },
        sick: count(&own, |pod| sickness(pod, now).is_some()),
        sick_how: worst.as_ref().map_or("not starting", |found| found.doing()),
        sick_words: worst.map(|found| found.words()),
        restarts: own.iter().map(|pod| pod.restarts).sum(),
        errors,
        since: if revision.current { workload.changed.or(revision.created) } else { revision.created },
    }
}

fn without_revisions(workload: &Workload, pods: &[&Pod], errors: ErrorRate, now: Timestamp) -> Live {
    let all: Vec<&&Pod> = pods.iter().collect();
    Live {
        version: workload.version.clone(),
        revision: workload.revision,
        newest: true,
        ready: workload.replicas.ready,
        sick: count(&all, |pod| sickness(pod, now).is_some()),
        sick_how: all.iter().filter_map(|pod| sickness(pod, now)).max_by_key(Ailment::rank).map_or("not starting", |found| found.doing()),
        sick_words: workload.remark.clone(),
        restarts: pods.iter().map(|pod| pod.restarts).sum(),
        errors,
        since: workload.changed,
    }
}

fn count(pods: &[&&Pod], is: impl Fn(&Pod) -> bool) -> u32 {
    u32::try_from(pods.iter().filter(|pod| is(pod)).count()).unwrap_or(u32::MAX)
}

fn trouble(judged: &Health, workload: &Workload, live: &[Live]) -> Option<(Option<Timestamp>, Clean)> {
    match judged {
        Health::Stuck { since, why } => {
            let newest = live.iter().find(|live| live.newest);
            let never = newest.map_or(0, |live| live.sick);
            let words = if never > 0 { crate::clean!("{} never became ready", words::count(never as usize, "new pod")) } else { why.clone() };
            Some((since.or(workload.changed), words))
        }
        Health::Failing { why } => Some((None, crate::clean!("{} of {} ready: {why}", workload.replicas.ready, workload.replicas.wanted))),
        Health::Down { why } => Some((None, crate::clean!("nothing serves: {why}"))),
        Health::Ok | Health::Zero | Health::Rolling | Health::Unknown => None,
    }
}

fn witness(pods: &[&Pod]) -> Option<(Clean, Clean)> {
    let sick = pods.iter().filter_map(|pod| ailment(pod).map(|found| (pod, found)));
    let (pod, found) = sick.max_by_key(|(pod, found)| (found.rank(), pod.restarts))?;
    (found.rank() > 0).then(|| (pod.name.clean().clone(), found.words()))
}

/// Two versions live: does only the newest show it?
fn between(newest: &Live, old: &[&Live], limits: Limits) -> Pointing {
    // Two revisions of one name are told apart by their numbers.
    let same = old.iter().any(|live| live.version == newest.version);
    let version = newest.revision.filter(|_| same).map_or_else(|| newest.version.0.clone(), |number| crate::clean!("r{number}"));
    let over = |live: &Live| rate(&live.errors).map(|rate| rate > limits.error_rate);
    let old_sick = old.iter().any(|live| live.sick > 0);
    let old_errs = old.iter().any(|live| over(live) == Some(true));
    match (newest.sick > 0, over(newest)) {
        _ if old_sick => Pointing::Away(crate::clean!("does not point to {version}: older pods fail too")),
        _ if old_errs => Pointing::Away(crate::clean!("does not point to {version}: the version before it errs too")),
        (_, Some(true)) if old.iter().all(|live| over(live) == Some(false)) => Pointing::To(crate::clean!("points to {version}: only it errs")),
        (true, _) => Pointing::To(crate::clean!("points to {version}: only its pods fail")),
        (false, Some(false)) => Pointing::Away(crate::clean!("does not point to {version}: its pods are well and its errors inside the limit")),
        (false, Some(true) | None) => Pointing::CanNotTell(Clean::from_static("cannot tell: the metrics do not tell the versions apart")),
    }
}

/// One version lives: did it begin with it?
fn before_and_after(newest: &Live, workload: &Workload, errors_since: Option<Timestamp>, now: Timestamp) -> Pointing {
    let version = &newest.version;
    let Some(changed) = newest.since.or(workload.changed) else {
        return Pointing::CanNotTell(Clean::from_static("cannot tell: when it last changed is not known"));
    };
    if let Some(began) = errors_since {
        let after = words::long(words::since(changed, began));
        return if began < changed {
            Pointing::Away(crate::clean!("does not point to {version}: the errors began before it"))
        } else if words::since(changed, began).as_mins() <= 30 {
            Pointing::To(crate::clean!("points to {version}: the errors began {after} after it, none before"))
        } else {
            Pointing::Away(crate::clean!("does not point to {version}: it ran {after} without these errors"))
        };
    }
    let age = words::since(changed, now);
    if newest.sick > 0 && newest.ready == 0 {
        return Pointing::To(crate::clean!("points to {version}: none of its pods became ready"));
    }
    if age.as_hours() >= 24 {
        return Pointing::Away(crate::clean!("does not point to {version}: nothing changed here for {}", words::long(age)));
    }
    Pointing::CanNotTell(Clean::from_static("cannot tell: nothing measures what was before"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Metric,
        store::fixture::{World, ago, counts, crashing, now, pod, revision, sample, workload},
    };

    fn detail(world: &World) -> CellDetail {
        let environment = world.0.environment("production").expect("known").clone();
        world.0.cell_detail(&Name::new("cart"), &environment, Limits::default(), now()).expect("it runs")
    }

    fn two_versions(old_sick: bool) -> World {
        let mut cart = workload("prod", "shop", "cart");
        cart.revision = Some(42);
        cart.changed = Some(ago(360));
        cart.progress = Progress::Rolling;
        cart.replicas = counts(6, 7, 3, 6);
        let revisions = [revision(&cart, 42, 2), revision(&cart, 41, 4)];
        let old = pod(&cart, 41, "m4h9q");
        let old = if old_sick { crashing(old, 1, 3) } else { old };
        let pods = [crashing(pod(&cart, 42, "x7k2p"), 1, 5), pod(&cart, 42, "p9w3d"), old];
        World::new().workloads("prod", [cart]).revisions("prod", revisions).pods("prod", pods)
    }

    #[test]
    fn two_live_versions_are_told_apart() {
        let detail = detail(&two_versions(false));
        let rows: Vec<(String, u32, u32)> = detail.live.iter().map(|live| (live.version.to_string(), live.ready, live.sick)).collect();
        assert_eq!(rows, [("41.0".into(), 1, 0), ("42.0".into(), 1, 1)]);
        assert_eq!(detail.trouble.expect("stuck").1.as_str(), "1 new pod never became ready");
        assert_eq!(detail.witness, Some(("x7k2p".into(), "exit 1, 5 restarts".into())));
        assert_eq!(detail.excluded, ["quota", "image", "probe", "config"], "nodes are not known here, and are not said to be well");
    }

    #[test]
    fn it_points_to_the_newest_only_when_nothing_older_fails() {
        assert_eq!(detail(&two_versions(false)).pointing, Pointing::To("points to 42.0: only its pods fail".into()));
        assert_eq!(detail(&two_versions(true)).pointing, Pointing::Away("does not point to 42.0: older pods fail too".into()));
    }

    #[test]
    fn two_revisions_of_one_name_are_told_apart_by_their_numbers() {
        let mut cart = workload("prod", "shop", "cart");
        cart.revision = Some(42);
        cart.changed = Some(ago(360));
        cart.progress = Progress::Rolling;
        cart.replicas = counts(6, 7, 3, 6);
        let (mut new, old) = (revision(&cart, 42, 2), revision(&cart, 41, 4));
        new.version = old.version.clone();
        let pods = [crashing(pod(&cart, 42, "x7k2p"), 1, 5), pod(&cart, 41, "m4h9q")];
        let world = World::new().workloads("prod", [cart]).revisions("prod", [new, old]).pods("prod", pods);
        assert_eq!(detail(&world).pointing, Pointing::To("points to r42: only its pods fail".into()));
    }

    #[test]
    fn a_pod_whose_image_can_not_be_had_does_not_crash() {
        let doing = |pod| crate::store::ailment(&pod).expect("ill").doing();
        let cart = workload("prod", "shop", "cart");
        assert_eq!(doing(crate::store::fixture::waiting(pod(&cart, 42, "x7k2p"), "ImagePullBackOff", "")), "not starting");
        assert_eq!(doing(crashing(pod(&cart, 42, "x7k2p"), 1, 5)), "crashing");
    }

    #[test]
    fn errors_by_version_decide_where_they_are_measured() {
        let errs = |version: &str, value: f64| {
            sample(Metric::ErrorRate, &[("namespace", "shop"), ("app", "cart"), ("cluster", "prod"), ("version", version)], vec![(ago(10), value)])
        };
        let only_new = two_versions(false).samples([errs("41.0", 0.002), errs("42.0", 0.518)]);
        assert_eq!(detail(&only_new).pointing, Pointing::To("points to 42.0: only it errs".into()));
        let both = two_versions(false).samples([errs("41.0", 0.3), errs("42.0", 0.518)]);
        assert_eq!(detail(&both).pointing, Pointing::Away("does not point to 42.0: the version before it errs too".into()));
    }

    #[test]
    fn with_one_version_before_is_held_against_after() {
        let of = |changed: i64, began: i64| {
            let mut cart = workload("prod", "shop", "cart");
            cart.changed = Some(ago(changed));
            let points = vec![(ago(3_000), 0.0), (ago(began), 0.2), (ago(10), 0.2)];
            let labels = &[("namespace", "shop"), ("app", "cart")];
            detail(&World::new().workloads("prod", [cart]).samples([sample(Metric::ErrorRate, labels, points)])).pointing
        };
        assert!(matches!(of(360, 180), Pointing::To(_)));
        assert!(matches!(of(360, 600), Pointing::Away(_)), "they began before it");
        assert!(matches!(of(9 * 86_400, 180), Pointing::Away(_)), "it ran nine days without them");
    }

    #[test]
    fn without_measures_and_with_a_recent_change_it_can_not_be_told() {
        let mut cart = workload("prod", "shop", "cart");
        cart.changed = Some(ago(3_600));
        cart.replicas.ready = 2;
        let pointing = detail(&World::new().workloads("prod", [cart])).pointing;
        assert_eq!(pointing, Pointing::CanNotTell("cannot tell: nothing measures what was before".into()));
    }

    #[test]
    fn a_service_that_is_well_points_nowhere() {
        let world = World::new().workloads("prod", [workload("prod", "shop", "cart")]);
        assert_eq!(detail(&world).pointing, Pointing::Nothing);
    }
}
