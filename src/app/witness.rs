//! Remembers for how long a revision was seen well, and has it written down: at a later rollback our own record is the best evidence.

use super::{App, Effect, Record};
use crate::{
    domain::{Id, Revision, Workload},
    store::{CellState, Health},
    text::Raw,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What was seen for less time proves nothing.
const WORTH: SignedDuration = SignedDuration::from_mins(2);
/// It is written down again when it has held for so many times as long.
const LONGER: i32 = 4;

/// What is seen of revisions that are current and well.
#[derive(Debug, Default)]
pub(super) struct Witness(BTreeMap<Id<Workload>, Sight>);

#[derive(Debug)]
struct Sight {
    template: Raw,
    since: Timestamp,
    next: SignedDuration,
}

impl App {
    /// Looks at every workload of the matrix: how long its newest revision has been well, without a break. What has held for long enough
    /// is written down.
    pub(super) fn witness(&mut self) -> Vec<Effect> {
        let now = self.steady();
        let mut before = std::mem::take(&mut self.witness.0);
        let mut effects = Vec::new();
        for row in &self.matrix.rows {
            for cell in row.cells.iter().filter(|cell| cell.state == CellState::Ok) {
                for one in cell.workloads.iter().filter(|one| one.health == Health::Ok) {
                    // That a pipeline once deployed it is no sight of it.
                    if self.store.workload(&one.id).is_some_and(|workload| workload.kind.told_by_pipeline()) {
                        continue;
                    }
                    let Some(template) = self.current_revision(&one.id).map(|revision| revision.template.clone()) else { continue };
                    let known = before.remove(&one.id).filter(|sight| sight.template == template);
                    let mut sight = known.unwrap_or(Sight { template, since: now, next: WORTH });
                    let held = now.duration_since(sight.since);
                    if held >= sight.next {
                        sight.next = held * LONGER;
                        let (service, environment) = (row.service.clone(), cell.environment.name.clone());
                        let (workload, template) = (one.id.as_str().to_owned(), sight.template.clone());
                        effects.push(Effect::Record(Record::Observed { environment, service, workload, template, since: sight.since, held }));
                    }
                    self.witness.0.insert(one.id.clone(), sight);
                }
            }
        }
        effects
    }

    /// The newest revision of a workload.
    pub(super) fn current_revision(&self, workload: &Id<Workload>) -> Option<&Revision> {
        self.store.revisions_of(workload).into_iter().find(|revision| revision.current)
    }
}
