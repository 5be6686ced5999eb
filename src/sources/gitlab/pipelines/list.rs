//! What is known of the pipelines of one project.

use super::{Lacks, WirePipeline};
use crate::{
    domain::{Id, Run},
    sources::{SourceError, ci::Board, refusal::Refusal},
    text::{Clean, Name},
};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// The pipelines of one project.
pub(super) struct List {
    pub name: Name,
    pub due: Instant,
    pub looked: bool,
    /// How many looks in a row showed nothing that runs.
    pub calm: u32,
    pub rows: BTreeMap<u64, (WirePipeline, Run)>,
    pub titles: BTreeMap<String, Clean>,
    /// No merge trains are known here.
    pub trainless: bool,
    pub lacks: Lacks,
    /// When more was asked about its rows.
    pub filled: Instant,
    pub refused: Option<SourceError>,
    /// What of its list can not be read.
    pub lost: Option<Clean>,
}

impl List {
    pub fn new(name: Name) -> Self {
        Self {
            name,
            due: Instant::now(),
            looked: false,
            calm: 0,
            rows: BTreeMap::new(),
            titles: BTreeMap::new(),
            trainless: false,
            lacks: Lacks::Nothing,
            filled: Instant::now(),
            refused: None,
            lost: None,
        }
    }

    /// Whether it answered by a fault, which may be over soon.
    pub fn faulty(&self) -> bool {
        self.refused.as_ref().is_some_and(Refusal::may_pass)
    }

    /// Whether somebody looks at the jobs of all that runs in it.
    pub fn is_looked_at(&self, board: &Board) -> bool {
        self.busy() && self.rows.values().all(|(wire, run)| !wire.alive() || board.is_looked_at(&run.id))
    }

    /// Whether one of these is over that still runs as far as the list has told.
    pub fn awaits(&self, over: &BTreeSet<Id<Run>>) -> bool {
        self.refused.is_none() && self.rows.values().any(|(wire, run)| wire.alive() && over.contains(&run.id))
    }

    pub fn busy(&self) -> bool {
        self.rows.values().any(|(wire, _)| wire.alive())
    }
}
