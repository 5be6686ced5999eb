//! Deployments as a CI records them. An environment of a project is a workload, what was deployed to it are its revisions: one that is deployed
//! again is the same revision. What really runs there no record tells.

mod checks;
mod watch;

pub(super) use checks::{migration, moved, under_way};
pub(super) use watch::{Ci, DEPTH, Record, Wanted, watch};

use super::spec::Leaves;
use crate::{
    clean,
    domain::{Evidence, Id, Kind, Labels, Outline, Part, Place, Progress, Replicas, Revision, Seen, SourceId, Subject, Version, Workload},
    text::{Clean, Name, Raw},
};
use jiff::Timestamp;

/// How one deployment stands, by its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is under way, or waits: in words.
    Moving(Clean),
    /// It succeeded. That another one took its place since changes nothing about that.
    Succeeded,
    /// It failed, and what it says.
    Failed(Clean),
    /// It ended, or was taken away, and never succeeded.
    Gone,
    /// It was not read.
    Unread,
}

/// One deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deployment {
    /// The CI's number of it: the later, the greater.
    pub id: u64,
    /// The commit.
    pub commit: Name,
    /// The branch or tag.
    pub reference: Name,
    /// Who deployed it.
    pub by: Clean,
    /// When it was asked for.
    pub created: Option<Timestamp>,
    /// How it stands.
    pub state: State,
    /// Since when it does; for what succeeded, when it did.
    pub since: Option<Timestamp>,
}

/// An environment of a project with its deployments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// Who tells of it, for identities.
    pub source: SourceId,
    /// Who tells of it, for sentences: `GitHub`.
    pub ci: &'static str,
    /// The project: `acme/cart`.
    pub project: Name,
    /// The environment, as the CI calls it.
    pub environment: Name,
    /// The newest first; never empty.
    pub deployments: Vec<Deployment>,
}

/// Between the project and the environment in an identity. A project's path is never followed by it otherwise.
const BETWEEN: &str = "#environment/";

/// The environment `environment` of `project`.
pub(super) fn workload_id(source: &SourceId, project: &str, environment: &str) -> Id<Workload> {
    Id::new(source, &format!("{project}{BETWEEN}{environment}"))
}

/// The project and the environment of a workload.
pub(super) fn of_workload(id: &Id<Workload>) -> Option<(&str, &str)> {
    id.key().split_once(BETWEEN)
}

/// The number of the deployment that a revision is.
pub(super) fn of_revision(id: &Id<Revision>) -> Option<u64> {
    id.key().rsplit_once('@')?.1.parse().ok()
}

/// What people call it: a tag that looks like a version, else the short commit. A branch moves.
pub(super) fn version(reference: &str, commit: &str) -> Version {
    let named = reference.strip_prefix("refs/tags/").unwrap_or(reference);
    let digits = named.strip_prefix('v').unwrap_or(named);
    let is_version = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains('.');
    Version(Clean::from_untrusted(if is_version { named } else { commit.get(..7).unwrap_or(commit) }))
}

impl Deployment {
    /// What people call it.
    pub fn version(&self) -> Version {
        version(self.reference.raw(), self.commit.raw())
    }

    /// What tells it from another that deploys something else.
    fn outline(&self) -> Outline {
        let mut leaves = Leaves::default();
        leaves.leaf(Part::Other, "commit", self.commit.clean().clone());
        if !self.reference.is_empty() {
            leaves.leaf(Part::Other, "ref", self.reference.clean().clone());
        }
        leaves.outline()
    }

    fn succeeded(&self) -> bool {
        self.state == State::Succeeded
    }

    fn moves(&self) -> bool {
        matches!(self.state, State::Moving(_))
    }
}

impl Site {
    /// The newest deployment.
    pub fn newest(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    fn id(&self) -> Id<Workload> {
        workload_id(&self.source, self.project.raw(), self.environment.raw())
    }

    /// The environment as what runs there.
    pub fn workload(&self) -> Option<Workload> {
        let newest = self.newest()?;
        let name = self.project.raw().rsplit('/').next().unwrap_or_default();
        Some(Workload {
            id: self.id(),
            kind: Kind::CiEnvironment,
            place: Place { context: self.project.clone(), namespace: self.environment.clone() },
            name: Name::new(name),
            uid: Raw::new(self.environment.raw()),
            labels: Labels::default(),
            selector: Raw::default(),
            images: Box::default(),
            version: newest.version(),
            revision: None,
            replicas: self.replicas(),
            progress: progress(newest),
            in_order: None,
            owner: None,
            changed: newest.created,
            created: None,
            remark: None,
        })
    }

    /// One where something that succeeded is deployed, and whether that is the newest: there is nothing else to count.
    fn replicas(&self) -> Replicas {
        let newest = u32::from(self.newest().is_some_and(Deployment::succeeded));
        let any = u32::from(self.deployments.iter().any(Deployment::succeeded));
        Replicas { wanted: 1, total: any, updated: newest, ready: any, available: any }
    }

    /// What was deployed, the newest first.
    pub fn revisions(&self) -> Vec<Revision> {
        self.deployments.iter().enumerate().map(|(at, deployment)| self.revision(at, deployment)).collect()
    }

    fn revision(&self, at: usize, deployment: &Deployment) -> Revision {
        let last_good = self.deployments.iter().position(Deployment::succeeded) == Some(at);
        let lives = u32::from(last_good);
        Revision {
            id: Id::new(&self.source, &format!("{}@{}", self.id().key(), deployment.id)),
            workload: self.id(),
            number: 0,
            template: Raw::new(deployment.commit.raw()),
            images: Box::default(),
            version: deployment.version(),
            replicas: Replicas { wanted: 1, total: lives, updated: lives, ready: lives, available: lives },
            current: at == 0,
            created: deployment.created,
            cause: (!deployment.by.is_empty()).then(|| clean!("by {}", deployment.by)),
            evidence: self.evidence(at, deployment),
            outline: deployment.outline(),
        }
    }

    /// What the records say for and against it.
    fn evidence(&self, at: usize, deployment: &Deployment) -> Vec<Evidence> {
        let by = || Clean::from_static(self.ci);
        let failed = |why: Clean| Evidence::Failed { by: by(), why };
        let mut evidence = match &deployment.state {
            State::Succeeded => vec![Evidence::Deployed { by: by() }],
            State::Failed(why) => vec![failed(why.clone())],
            State::Moving(_) if at > 0 => vec![failed("its deployment never ended".into())],
            State::Gone => vec![failed("its deployment never succeeded".into())],
            State::Moving(_) | State::Unread => Vec::new(),
        };
        if deployment.succeeded() {
            evidence.extend(self.served(at, deployment));
        }
        evidence.extend(self.rolled_back_from(at).map(|at| Evidence::RolledBackFrom { at }));
        evidence
    }

    /// From its success to whatever was deployed next.
    fn served(&self, at: usize, deployment: &Deployment) -> Option<Evidence> {
        let next = self.deployments.get(at.checked_sub(1)?)?;
        let held = next.created?.duration_since(deployment.since.or(deployment.created)?);
        held.is_positive().then_some(Evidence::Served { held })
    }

    /// When it was rolled back from: what came right after it had been deployed before it already. One that succeeds again later is
    /// forgiven.
    fn rolled_back_from(&self, at: usize) -> Option<Timestamp> {
        let (own, next) = (self.deployments.get(at)?, self.deployments.get(at.checked_sub(1)?)?);
        let older = &self.deployments[at + 1..];
        let back = next.commit != own.commit && (next.succeeded() || next.moves()) && older.iter().any(|before| before.commit == next.commit);
        let again = self.deployments[..at].iter().any(|later| later.commit == own.commit && later.succeeded());
        next.created.filter(|_| back && !again)
    }

    /// What an operation must still find: that nothing was deployed since.
    pub fn seen(&self) -> Seen {
        let newest = self.newest().map(|newest| newest.id.to_string()).unwrap_or_default();
        Seen { uid: Raw::new(self.environment.raw()), template: Raw::new(&newest), paused: false }
    }

    /// The environment as the procedure wants it.
    pub fn subject(&self) -> Option<Subject> {
        let newest = self.newest()?;
        let by = (!newest.by.is_empty()).then(|| (newest.by.clone(), newest.created));
        Some(Subject {
            outline: newest.outline(),
            changed_by: by,
            replicas: self.replicas(),
            progress: progress(newest),
            ..Subject::new(self.id(), self.seen())
        })
    }
}

fn progress(newest: &Deployment) -> Progress {
    match &newest.state {
        State::Succeeded => Progress::Done,
        State::Moving(_) => Progress::Rolling,
        State::Failed(why) => Progress::Stuck { since: newest.since, reason: "the deployment failed".into(), message: why.clone() },
        State::Gone | State::Unread => Progress::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollback::{History, target};
    use jiff::SignedDuration;

    fn now() -> Timestamp {
        "2026-11-24T03:00:00Z".parse().expect("a time")
    }

    /// Deployments of commits, the newest first, an hour apart.
    fn site(told: &[(&str, State)]) -> Site {
        let one = |(at, (commit, state)): (usize, &(&str, State))| {
            let created = now() - SignedDuration::from_hours(i64::try_from(at).expect("few") + 1);
            Deployment {
                id: 100 - at as u64,
                commit: Name::new(&format!("{commit}0000000000")),
                reference: Name::new("main"),
                by: "kim".into(),
                created: Some(created),
                state: state.clone(),
                since: Some(created + SignedDuration::from_mins(2)),
            }
        };
        let deployments = told.iter().enumerate().map(one).collect();
        Site { source: SourceId::new("github"), ci: "GitHub", project: Name::new("acme/cart"), environment: Name::new("eu/prod"), deployments }
    }

    fn failed() -> State {
        State::Failed("exit 1".into())
    }

    fn proposed(site: &Site) -> Result<String, String> {
        let rows = site.revisions();
        let target = target(&History { revisions: &rows, records: &[], pods: &[] }, now());
        match target.proposed {
            Ok(at) => Ok(format!("{} {}", target.candidates[at].revision.version, target.candidates[at].why)),
            Err(why) => Err(why.to_string()),
        }
    }

    #[test]
    fn the_newest_earlier_one_that_succeeded_is_likely_and_nothing_else_is() {
        use State::{Gone, Moving, Succeeded, Unread};
        let good = "likely good: GitHub says it was deployed";
        let moving = || Moving("in progress".into());
        for (told, expected) in [
            (vec![("bad", failed()), ("aaa", Succeeded), ("bbb", Succeeded)], "aaa0000"),
            (vec![("bad", Succeeded), ("aaa", failed()), ("bbb", Succeeded)], "bbb0000"),
            (vec![("bad", Succeeded), ("aaa", moving()), ("bbb", Gone), ("ccc", Succeeded)], "ccc0000"),
            (vec![("bad", moving()), ("aaa", Succeeded)], "aaa0000"),
            // The same commit again is no way back.
            (vec![("bad", failed()), ("bad", Succeeded), ("aaa", Succeeded)], "aaa0000"),
            (vec![("bad", failed()), ("aaa", Unread), ("bbb", Succeeded)], "bbb0000"),
        ] {
            let found = proposed(&site(&told)).unwrap_or_else(|why| panic!("{told:?}: {why}"));
            assert!(found.starts_with(expected) && found.contains(good), "{told:?}: {found}");
        }
        for told in [vec![("bad", failed())], vec![("bad", failed()), ("bad", Succeeded)], vec![("bad", Succeeded), ("aaa", failed()), ("bbb", Gone)]] {
            let found = proposed(&site(&told));
            assert!(found.is_err(), "{told:?}: {found:?}");
        }
    }

    #[test]
    fn what_was_rolled_back_from_is_not_proposed_until_it_succeeds_again() {
        use State::Succeeded;
        let undone = site(&[("aaa", Succeeded), ("bad", Succeeded), ("aaa", Succeeded), ("old", Succeeded)]);
        assert!(proposed(&undone).is_ok_and(|found| found.starts_with("old0000")), "{:?}", proposed(&undone));
        let rows = undone.revisions();
        let target = target(&History { revisions: &rows, records: &[], pods: &[] }, now());
        let bad = target.candidates.iter().find(|candidate| candidate.revision.version.0.starts_with("bad")).expect("it is known");
        assert!(bad.undo_of_undo && bad.shunned);
        let again = site(&[("new", failed()), ("bad", Succeeded), ("aaa", Succeeded), ("bad", Succeeded), ("aaa", Succeeded)]);
        assert!(proposed(&again).is_ok_and(|found| found.starts_with("bad0000")), "{:?}", proposed(&again));
    }

    #[test]
    fn an_environment_stands_as_its_newest_deployment() {
        let of = |told: &[(&str, State)]| site(told).workload().expect("a row");
        assert_eq!(of(&[("aaa", State::Succeeded)]).progress, Progress::Done);
        assert_eq!(of(&[("aaa", State::Moving("queued".into()))]).progress, Progress::Rolling);
        assert!(matches!(of(&[("aaa", failed())]).progress, Progress::Stuck { message, .. } if &*message == "exit 1"));
        assert_eq!(of(&[("aaa", State::Gone)]).progress, Progress::Unknown);
        let row = of(&[("aaa", failed()), ("bbb", State::Succeeded)]);
        assert_eq!((row.replicas.ready, row.replicas.updated, &*row.version.0), (1, 0, "aaa0000"));
        assert_eq!(of_workload(&row.id), Some(("acme/cart", "eu/prod")));
        assert_eq!(of_revision(&site(&[("aaa", State::Gone)]).revisions()[0].id), Some(100));
    }

    #[test]
    fn a_version_is_a_tag_that_looks_like_one_or_the_commit() {
        let of = |reference: &str| version(reference, "3e9f1a2b77").0.to_string();
        for (reference, expected) in [("v2.8.0", "v2.8.0"), ("refs/tags/2.8.0", "2.8.0"), ("main", "3e9f1a2"), ("2024-fix", "3e9f1a2"), ("", "3e9f1a2")] {
            assert_eq!(of(reference), expected, "{reference}");
        }
    }
}
