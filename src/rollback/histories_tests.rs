//! Random histories of every kind, with what is really so known beforehand: thousands each. What is proposed is told from the evidence that
//! the back end of that kind can give, and from nothing else.

use super::*;
use crate::{
    domain::{Kind, Leaf, Outline, Part},
    store::fixture::{ago, now, revision, workload},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::collections::BTreeSet;

/// So many histories of each kind.
const MANY: usize = 3_000;

/// What keeps a history: each kind keeps and forgets in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeper {
    /// ReplicaSets or ControllerRevisions: an older one that is taken up again gets a new number. Whether pods of the last good one still run
    /// while a bad one does not get through.
    Controller { serves: bool },
    /// Records of a release: each is new, the same manifest twice too.
    Helm,
    /// The specification before this one.
    Swarm,
    /// Nothing but images, without numbers.
    Engine,
}

const KINDS: [(Kind, Keeper); 8] = [
    (Kind::Deployment, Keeper::Controller { serves: true }),
    (Kind::Rollout, Keeper::Controller { serves: true }),
    (Kind::StatefulSet, Keeper::Controller { serves: true }),
    (Kind::StatefulSet, Keeper::Controller { serves: false }),
    (Kind::DaemonSet, Keeper::Controller { serves: false }),
    (Kind::Deployment, Keeper::Helm),
    (Kind::SwarmService, Keeper::Swarm),
    (Kind::ComposeService, Keeper::Engine),
];

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Good,
    /// A version that never gets well; whether anything says so later.
    Bad {
        told: bool,
    },
    /// The same once more.
    Same,
    /// Back to what was before, good or not; whether that was done here and is remembered.
    Undo {
        ours: bool,
    },
    /// It is paused, changed, and waits so.
    Paused,
}

#[derive(Clone, Debug)]
struct Story {
    limit: usize,
    watched: bool,
    steps: Vec<Step>,
}

fn stories() -> impl Strategy<Value = Story> {
    let step = prop_oneof![
        4 => Just(Step::Good),
        4 => any::<bool>().prop_map(|told| Step::Bad { told }),
        1 => Just(Step::Same),
        2 => any::<bool>().prop_map(|ours| Step::Undo { ours }),
    ];
    let limit = prop_oneof![1 => Just(0_usize), 1 => Just(1), 4 => 2..11_usize];
    let steps = (prop::collection::vec(step, 1..9), prop::bool::weighted(0.1)).prop_map(|(mut steps, paused)| {
        steps.extend(paused.then_some(Step::Paused));
        steps
    });
    (limit, any::<bool>(), steps).prop_map(|(limit, watched, steps)| Story { limit, watched, steps })
}

/// One revision, and what is really so.
#[derive(Clone, Debug)]
struct Row {
    template: usize,
    number: u64,
    good: bool,
    told: bool,
    again: bool,
    hour: i64,
    left: bool,
}

/// A history that was played.
#[derive(Debug, Default)]
struct Played {
    rows: Vec<Row>,
    good: BTreeSet<usize>,
    templates: usize,
    count: u64,
    waits: bool,
}

impl Played {
    fn of(keeper: Keeper, story: &Story) -> Self {
        let mut played = Self::default();
        for (hour, step) in story.steps.iter().enumerate() {
            played.play(keeper, *step, i64::try_from(hour).expect("few"));
            played.forget(keeper, story.limit);
        }
        played
    }

    fn put(&mut self, template: usize, good: bool, told: bool, hour: i64) {
        self.count += 1;
        self.rows.push(Row { template, number: self.count, good, told, again: false, hour, left: false });
        if good {
            self.good.insert(template);
        }
    }

    fn new_one(&mut self, good: bool, told: bool, hour: i64) {
        self.templates += 1;
        self.put(self.templates, good, told, hour);
    }

    fn play(&mut self, keeper: Keeper, step: Step, hour: i64) {
        match step {
            Step::Good => self.new_one(true, true, hour),
            Step::Bad { told } => self.new_one(false, told, hour),
            Step::Paused => self.waits = !self.rows.is_empty(),
            Step::Same if keeper == Keeper::Helm => {
                if let Some(last) = self.rows.last().cloned() {
                    self.put(last.template, last.good, last.told, hour);
                }
            }
            Step::Same => {}
            Step::Undo { ours } => self.undo(keeper, ours, hour),
        }
    }

    /// Back to the one before, as the tools of today do it.
    fn undo(&mut self, keeper: Keeper, ours: bool, hour: i64) {
        if self.rows.len() < 2 {
            return;
        }
        let at = self.rows.len() - 2;
        let to = self.rows[at].clone();
        if let Some(last) = self.rows.last_mut() {
            last.left |= ours && last.template != to.template;
        }
        match keeper {
            Keeper::Helm => self.put(to.template, to.good, to.told, hour),
            Keeper::Controller { .. } | Keeper::Swarm | Keeper::Engine => {
                self.count += 1;
                let mut to = self.rows.remove(at);
                (to.number, to.again) = (self.count, true);
                self.rows.push(to);
            }
        }
    }

    /// What falls out of the history: never the one that runs, nor one whose pods run.
    fn forget(&mut self, keeper: Keeper, limit: usize) {
        let serving = self.serving(keeper);
        let keep = match keeper {
            Keeper::Swarm => 1,
            Keeper::Engine => limit.max(1),
            Keeper::Controller { .. } | Keeper::Helm => limit,
        };
        let older = self.rows.len().saturating_sub(1);
        let mut spare = older.saturating_sub(keep);
        let last = older;
        let mut at = 0;
        self.rows.retain(|row| {
            let goes = spare > 0 && at < last && Some(row.template) != serving;
            (spare, at) = (spare - usize::from(goes), at + 1);
            !goes
        });
    }

    /// The template of which pods still serve while the newest does not get through.
    fn serving(&self, keeper: Keeper) -> Option<usize> {
        let serves = matches!(keeper, Keeper::Controller { serves: true } | Keeper::Swarm);
        let newest = self.rows.last()?;
        let last_good = self.rows.iter().rev().find(|row| row.good)?;
        (serves && !newest.good && last_good.template != newest.template).then_some(last_good.template)
    }

    /// What the back end tells of a revision.
    fn evidence(&self, keeper: Keeper, at: usize) -> Vec<Evidence> {
        let row = &self.rows[at];
        let mut told = Vec::new();
        if Some(row.template) == self.serving(keeper) {
            told.push(Evidence::ServingNow { ready: 2, wanted: 3 });
        } else if !row.good && row.told {
            told.push(match keeper {
                Keeper::Helm => Evidence::Failed { by: "Helm says failed".into(), why: "timed out".into() },
                _ => Evidence::NeverAvailable { why: "exit 1".into() },
            });
        } else {
            // Without a word about it a bad one looks as if it had been current like any other.
            if keeper == Keeper::Helm {
                told.push(Evidence::Deployed { by: "Helm".into() });
            }
            let next = self.rows.get(at + 1).filter(|next| !next.again && !row.again);
            told.extend(next.map(|next| Evidence::Served { held: SignedDuration::from_hours(next.hour - row.hour) }));
        }
        told.extend(row.left.then(|| Evidence::RolledBackFrom { at: ago(3_600) }));
        told
    }

    fn told(&self, kind: Kind, keeper: Keeper) -> Vec<Revision> {
        let mut of = workload("prod", "shop", "cart");
        of.kind = kind;
        let numbered = matches!(keeper, Keeper::Controller { .. } | Keeper::Helm);
        let make = |(at, row): (usize, &Row)| {
            let template = Raw::new(&format!("t{}", row.template));
            let leaf = Leaf { part: Part::Environment, path: "N".into(), value: crate::clean!("{}", row.template) };
            let order = i64::try_from(self.rows.len() - at).expect("few");
            Revision {
                number: if numbered { row.number } else { 0 },
                template,
                current: at + 1 == self.rows.len() && !self.waits,
                created: Some(ago(order * 60)),
                evidence: self.evidence(keeper, at),
                outline: Outline(vec![leaf]),
                ..revision(&of, row.number, 0)
            }
        };
        let mut rows: Vec<Revision> = self.rows.iter().enumerate().map(make).collect();
        if self.waits {
            let leaf = Leaf { part: Part::Environment, path: "N".into(), value: "waits".into() };
            rows.push(Revision { number: 0, template: Raw::default(), current: true, created: None, outline: Outline(vec![leaf]), ..revision(&of, 0, 0) });
        }
        rows
    }

    fn is_good(&self, revision: &Revision) -> bool {
        self.good.iter().any(|template| revision.template.expose() == format!("t{template}"))
    }
}

/// How often the interesting cases came.
#[derive(Debug, Default)]
struct Count {
    bad_with_a_good_one: usize,
    found: usize,
    alone: usize,
    forgotten: usize,
    twice: usize,
    paused: usize,
}

fn judged(kind: Kind, keeper: Keeper, story: &Story, count: &mut Count) {
    let played = Played::of(keeper, story);
    let rows = played.told(kind, keeper);
    let record = |template: &usize| Record {
        template: Raw::new(&format!("t{template}")),
        evidence: Evidence::SeenHealthy { held: SignedDuration::from_mins(10), until: ago(60) },
    };
    let records: Vec<Record> = if story.watched { played.good.iter().map(record).collect() } else { Vec::new() };
    let found = target(&History { revisions: &rows, records: &records, pods: &[] }, now());
    let say = || format!("{kind:?} {keeper:?} {story:?}\n{rows:#?}\n{found:#?}");

    for candidate in &found.candidates {
        assert!(candidate.class != Class::Proven || played.is_good(&candidate.revision), "what never was well is called proven: {}", say());
        assert!(!candidate.revision.current && rows.iter().all(|row| !row.current || row.template != candidate.revision.template), "{}", say());
    }
    let templates: BTreeSet<&str> = found.candidates.iter().map(|candidate| candidate.revision.template.expose()).collect();
    assert_eq!(templates.len(), found.candidates.len(), "each template once: {}", say());
    let proposed = found.proposed.as_ref().ok().map(|at| &found.candidates[*at]);
    let against = |evidence: &Evidence| matches!(evidence, Evidence::NeverAvailable { .. } | Evidence::Failed { .. } | Evidence::RolledBackFrom { .. });
    if let Some(proposed) = proposed {
        assert!(!proposed.revision.evidence.iter().any(against), "something speaks against what is proposed: {}", say());
    }
    let known_good = |candidate: &&Candidate| {
        let proof = |evidence: &Evidence| matches!(evidence, Evidence::ServingNow { .. } | Evidence::SeenHealthy { .. });
        played.is_good(&candidate.revision) && candidate.revision.evidence.iter().any(proof) && !candidate.revision.evidence.iter().any(against)
    };
    let newest_is_bad = played.rows.last().is_some_and(|row| !row.good);
    let newest_known_good = found.candidates.iter().find(known_good);
    if let Some(good) = newest_known_good {
        count.bad_with_a_good_one += usize::from(newest_is_bad);
        let proposed = proposed.unwrap_or_else(|| panic!("a good one is known and nothing is proposed: {}", say()));
        assert!(proposed.class == Class::Proven && proposed.revision.template == good.revision.template, "not the newest that is proven: {}", say());
        count.found += usize::from(newest_is_bad);
    }
    let others =
        rows.iter().any(|row| !row.current && !row.template.expose().is_empty() && rows.iter().all(|other| !other.current || other.template != row.template));
    assert!(others || found.proposed.is_err(), "there is nothing to go back to: {}", say());
    count.alone += usize::from(!others);
    count.forgotten += usize::from(u64::try_from(rows.len()).expect("few") < played.count);
    let twice = |row: &Row| row.again || played.rows.iter().filter(|other| other.template == row.template).count() > 1;
    count.twice += usize::from(played.rows.iter().any(twice));
    count.paused += usize::from(played.waits);
}

#[test]
fn thousands_of_histories_of_each_kind_give_the_target_that_the_evidence_allows() {
    for (kind, keeper) in KINDS {
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
        let mut count = Count::default();
        for _ in 0..MANY {
            judged(kind, keeper, &stories().new_tree(&mut runner).expect("a story").current(), &mut count);
        }
        let enough = [count.bad_with_a_good_one, count.alone, count.forgotten, count.paused, count.twice].iter().all(|count| *count > 100);
        assert!(enough && count.found == count.bad_with_a_good_one, "the histories are too much alike: {kind:?} {keeper:?} {count:?}");
    }
}
