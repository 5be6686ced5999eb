//! The timeline: what changed, when, and where. A change that is near is the nearest, never the cause.

use super::{
    EnvironmentRef, Store,
    shipped::went_on,
    table::{Table, Turned},
    words,
};
use crate::{
    domain::{Id, Node, Revision, Run, Version, Workload},
    text::{Clean, Name},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Another version was rolled out.
    Rollout {
        /// What ran before, where it is known.
        from: Option<Version>,
        /// What was rolled out.
        to: Version,
        /// The number of its revision.
        revision: Option<u64>,
    },
    /// The same version was rolled out with other settings.
    Settings {
        /// The number of its revision.
        revision: Option<u64>,
    },
    /// A run ended without a rollout that it could be held against.
    RunEnded {
        /// What people call it.
        called: Clean,
        /// How it ended, in one word.
        word: Clean,
    },
    /// A node joined.
    NodeJoined(Clean),
    /// A node left.
    NodeLeft(Clean),
    /// A node is not ready.
    NodeNotReady(Clean),
}

/// One entry of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// The service that changed; none for what all services of an environment share.
    pub service: Option<Name>,
    /// Where; none where nothing tells it.
    pub environment: Option<EnvironmentRef>,
    /// The run that shipped it, as far as times tell: `#311`.
    pub run: Option<(Id<Run>, Clean)>,
    /// The workload that changed.
    pub workload: Option<Id<Workload>>,
}

impl Happened {
    /// `cart 2.7.3 → 2.8.0`.
    pub fn words(&self) -> Clean {
        let service = self.service.as_ref().map(Name::clean).cloned().unwrap_or_default();
        match &self.what {
            What::Rollout { from: Some(from), to, .. } => crate::clean!("{service} {from} → {to}"),
            What::Rollout { from: None, to, .. } => crate::clean!("{service} {to}"),
            What::Settings { .. } => crate::clean!("{service}: settings"),
            What::RunEnded { called, word } => crate::clean!("{service} run {called} {word}"),
            What::NodeJoined(name) => crate::clean!("node {name} joined"),
            What::NodeLeft(name) => crate::clean!("node {name} left"),
            What::NodeNotReady(name) => crate::clean!("node {name} not ready"),
        }
    }

    /// The number of the revision that was rolled out.
    pub const fn revision(&self) -> Option<u64> {
        match self.what {
            What::Rollout { revision, .. } | What::Settings { revision } => revision,
            What::RunEnded { .. } | What::NodeJoined(_) | What::NodeLeft(_) | What::NodeNotReady(_) => None,
        }
    }

    /// `Nearest change: 2.7.3 → 2.8.0, 3 min before`: said of what went before `then`.
    pub fn nearest_words(&self, then: Timestamp) -> Clean {
        let what = match &self.what {
            What::Rollout { from: Some(from), to, .. } => crate::clean!("{from} → {to}"),
            What::Rollout { .. } | What::Settings { .. } | What::RunEnded { .. } | What::NodeJoined(_) | What::NodeLeft(_) | What::NodeNotReady(_) => {
                self.words()
            }
        };
        crate::clean!("Nearest change: {what}, {} before", words::long(words::since(self.at, then)))
    }
}

/// How many changes that rows no longer show are kept.
const KEPT: usize = 500;
/// A change of ours and one that rows show are the same when they are nearer than this.
const SAME: SignedDuration = SignedDuration::from_secs(120);

/// Changes that we saw happen and that rows do not keep: an undo that was followed by another rollout, a node that left.
#[derive(Debug, Default)]
pub(super) struct Seen(VecDeque<(Timestamp, Sighting)>);

#[derive(Debug)]
enum Sighting {
    Rollout { workload: Id<Workload>, from: Version, to: Version, revision: Option<u64> },
    NodeLeft { context: Name, name: Name },
}

impl Seen {
    fn push(&mut self, at: Timestamp, sighting: Sighting) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((at, sighting));
    }

    pub(super) fn workload(&mut self, before: &Workload, row: &Workload, at: Timestamp) {
        let same_object = before.uid == row.uid;
        if same_object && (before.version != row.version || (before.revision.is_some() && before.revision != row.revision)) {
            let at = row.changed.filter(|changed| before.changed.is_none_or(|earlier| *changed > earlier)).unwrap_or(at);
            let sighting = Sighting::Rollout { workload: row.id.clone(), from: before.version.clone(), to: row.version.clone(), revision: row.revision };
            self.push(at, sighting);
        }
    }

    pub(super) fn nodes(&mut self, _now: &Table<Node>, turned: Turned<Node>, at: Timestamp) {
        if let Turned::Went(gone) = turned {
            for node in gone {
                self.push(at, Sighting::NodeLeft { context: node.place.context, name: node.name });
            }
        }
    }
}

impl Store {
    /// All that changed since `since`, newest first.
    pub fn timeline(&self, since: Timestamp) -> Vec<Happened> {
        let mut found: Vec<Happened> = Vec::new();
        for workload in self.workloads.iter() {
            self.rollouts(workload, &mut found);
        }
        self.sightings(&mut found);
        found.retain(|entry| entry.at >= since);
        self.attach_runs(&mut found, since);
        self.node_changes(since, &mut found);
        found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.workload.cmp(&b.workload)));
        found
    }

    /// What changed before `then` within `reach`, nearest first.
    pub fn changes_before(&self, then: Timestamp, reach: SignedDuration) -> Vec<Happened> {
        let mut found = self.timeline(then - reach);
        found.retain(|entry| entry.at <= then);
        found
    }

    /// The rollouts that a workload's rows still show. Revisions keep the time at which they were first made, so that one that was
    /// taken up again shows by the workload's own time.
    fn rollouts(&self, workload: &Workload, found: &mut Vec<Happened>) {
        let mut revisions = self.revisions_of(&workload.id);
        revisions.sort_by_key(|revision| (revision.created, revision.number));
        for (at, revision) in revisions.iter().enumerate() {
            if let Some(created) = revision.created {
                let before = predecessor(revision, &revisions[..at]);
                found.push(self.rollout(workload, created, before.map(|b| &b.version), &revision.version, Some(revision.number).filter(|number| *number > 0)));
            }
        }
        let Some(changed) = workload.changed else { return };
        // What waits because of a pause was not rolled out.
        if matches!(workload.progress, crate::domain::Progress::Paused { .. }) && !revisions.is_empty() && !revisions.iter().any(|revision| revision.current) {
            return;
        }
        // Where another was made since, it was taken up again, however soon that was.
        let current = revisions.last().filter(|revision| revision.current);
        let told = current.and_then(|revision| revision.created).is_some_and(|created| changed.duration_since(created).abs() < SAME);
        if !told {
            let from = revisions.iter().filter(|revision| !revision.current).max_by_key(|revision| revision.number).map(|revision| &revision.version);
            found.push(self.rollout(workload, changed, from, &workload.version, workload.revision));
        }
    }

    fn rollout(&self, workload: &Workload, at: Timestamp, from: Option<&Version>, to: &Version, revision: Option<u64>) -> Happened {
        let joined = self.joined.get(&workload.id);
        let what = if from == Some(to) { What::Settings { revision } } else { What::Rollout { from: from.cloned(), to: to.clone(), revision } };
        Happened {
            at,
            what,
            service: Some(joined.map_or_else(|| workload.name.clone(), |joined| joined.service.clone())),
            environment: joined.map(|joined| joined.environment.clone()),
            run: None,
            workload: Some(workload.id.clone()),
        }
    }

    fn sightings(&self, found: &mut Vec<Happened>) {
        for (at, sighting) in &self.seen.0 {
            match sighting {
                Sighting::Rollout { workload, from, to, revision } => {
                    let same = |entry: &Happened| entry.workload.as_ref() == Some(workload) && entry.at.duration_since(*at).abs() < SAME;
                    if let Some(row) = self.workloads.get(workload).filter(|_| !found.iter().any(same)) {
                        found.push(self.rollout(row, *at, Some(from), to, *revision));
                    }
                }
                Sighting::NodeLeft { context, name } => found.push(self.of_node(*at, What::NodeLeft(name.clean().clone()), context)),
            }
        }
    }

    fn node_changes(&self, since: Timestamp, found: &mut Vec<Happened>) {
        for node in self.nodes.iter() {
            let name = node.name.clean().clone();
            if let Some(at) = node.created.filter(|at| *at >= since) {
                found.push(self.of_node(at, What::NodeJoined(name.clone()), &node.place.context));
            }
            if let Some(at) = node.since.filter(|at| !node.ready && *at >= since) {
                found.push(self.of_node(at, What::NodeNotReady(name), &node.place.context));
            }
        }
    }

    /// A node's change belongs to an environment only where its whole cluster does.
    fn of_node(&self, at: Timestamp, what: What, context: &Name) -> Happened {
        let here = |id: &Id<Workload>| self.workloads.get(id).is_some_and(|workload| workload.place.context == *context);
        let mut environments = self.joined.iter().filter(|(id, _)| here(id)).map(|(_, joined)| &joined.environment);
        let first = environments.next();
        let environment = first.filter(|first| environments.all(|other| other == *first)).cloned();
        Happened { at, what, service: None, environment, run: None, workload: None }
    }

    fn attach_runs(&self, found: &mut Vec<Happened>, since: Timestamp) {
        for run in self.runs.iter() {
            let service = self.rules.service_of_repository(&run.repository);
            if run.started.or(run.created).is_none() {
                continue;
            }
            let ended = run.ended.filter(|_| run.status.over());
            let shipped = |entry: &&mut Happened| entry.service.as_ref() == Some(&service) && went_on(run, entry.at);
            let mut any = false;
            for entry in found.iter_mut().filter(shipped) {
                entry.run = Some((run.id.clone(), run.called()));
                any = true;
            }
            if let Some(at) = ended.filter(|at| !any && *at >= since) {
                let what = What::RunEnded { called: run.called(), word: run.status.word() };
                let environment = self.rules.environment_of_run(run);
                found.push(Happened { at, what, service: Some(service), environment, run: Some((run.id.clone(), run.called())), workload: None });
            }
        }
    }
}

/// What was current when `revision` was first made; `older` are those made before it, the youngest last. A number is taken anew when a
/// revision is taken up again, so that the number below is the surest word; where nobody has it any more, one that was taken up
/// again since may have had it.
fn predecessor<'a>(revision: &Revision, older: &[&'a Revision]) -> Option<&'a Revision> {
    let below = older.iter().find(|other| other.number + 1 == revision.number);
    let again = || older.iter().rfind(|other| other.number > revision.number);
    below.or_else(again).or_else(|| older.iter().max_by_key(|other| other.number)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Change, Fact, Feed},
        store::fixture::{World, ago, node, now, revision, source, workload},
    };

    fn words(store: &Store) -> Vec<String> {
        store.timeline(ago(86_400)).iter().map(|entry| entry.words().as_str().to_owned()).collect()
    }

    #[test]
    fn a_rollout_says_what_ran_before_and_what_was_rolled_out() {
        let mut row = workload("prod", "shop", "cart");
        row.revision = Some(42);
        row.changed = Some(ago(360));
        let (mut new, mut old) = (revision(&row, 42, 2), revision(&row, 41, 4));
        new.created = Some(ago(361));
        old.created = Some(ago(9 * 86_400));
        let world = World::new().workloads("prod", [row]).revisions("prod", [new, old]);
        assert_eq!(words(&world.0), ["cart 41.0 → 42.0"], "the old one's rollout is out of reach and the new one is told once");
    }

    /// What is told where the good one was made so many seconds ago, the bad one after it, and then the good one was taken up again.
    fn undone(good_made: i64, bad_made: i64, changed: i64) -> Vec<String> {
        let mut row = workload("prod", "shop", "cart");
        row.revision = Some(43);
        row.changed = Some(ago(changed));
        row.version = crate::domain::Version("41.0".into());
        let (mut bad, mut good) = (revision(&row, 42, 0), revision(&row, 43, 6));
        good.version = row.version.clone();
        good.created = Some(ago(good_made));
        bad.created = Some(ago(bad_made));
        words(&World::new().workloads("prod", [row]).revisions("prod", [bad, good]).0)
    }

    #[test]
    fn an_undo_shows_by_the_workloads_own_time_because_its_revision_keeps_the_old_one() {
        assert_eq!(undone(9 * 86_400, 600, 60), ["cart 42.0 → 41.0", "cart 41.0 → 42.0"]);
    }

    #[test]
    fn an_undo_right_after_the_rollout_shows_too() {
        assert_eq!(undone(60, 30, 10), ["cart 42.0 → 41.0", "cart 41.0 → 42.0", "cart 41.0"]);
    }

    #[test]
    fn nodes_that_joined_left_or_failed_are_changes() {
        let mut young = node("prod", "eu-4", false);
        young.created = Some(ago(1560));
        let gone = node("prod", "eu-5", true);
        let id = gone.id.clone();
        let mut world = World::new().workloads("prod", []).nodes("prod", [young, gone]);
        world.0.apply(&source("prod"), &Feed::Nodes, Fact::Node(Change::Remove(id)), now());
        assert_eq!(words(&world.0), ["node eu-5 left", "node eu-4 not ready", "node eu-4 joined"]);
    }

    #[test]
    fn the_nearest_change_is_said_with_how_long_before() {
        let what = What::Rollout { from: Some(crate::domain::Version("2.7.3".into())), to: crate::domain::Version("2.8.0".into()), revision: None };
        let entry = Happened { at: ago(300), what, service: Some(Name::new("cart")), environment: None, run: None, workload: None };
        assert_eq!(&*entry.nearest_words(ago(120)), "Nearest change: 2.7.3 → 2.8.0, 3 min before");
    }
}
