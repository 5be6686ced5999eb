//! A plan whose workload moved on while it was on its way or on screen.

use super::{Procedure, State, Want};
use crate::{
    domain::{Revision, Workload},
    rollback::{Case, questions},
};
use jiff::Timestamp;

impl Procedure {
    /// Begins again with the workload as it is now: another revision was rolled out while the plan was on its way or on screen.
    #[must_use = "the wants must be carried out"]
    pub fn renew(&mut self, case: Case, revisions: &[&Revision], now: Timestamp) -> Vec<Want> {
        let note = match &self.state {
            State::Gathering(gathering) => gathering.note.clone(),
            State::Planned(plan) => plan.note.clone(),
            State::Confirming { .. } | State::Sending { .. } | State::Unclear { .. } | State::UnderWay { .. } | State::Done { .. } | State::Closed { .. } => {
                return Vec::new();
            }
        };
        let moved = crate::clean!("{} was rolled out meanwhile: this plan is a new one", case.version());
        self.case = case;
        self.asks = questions(&self.case.workload, revisions, &self.case.service, self.case.alert.as_ref(), &self.records, now);
        self.gather(Some(note.unwrap_or(moved)), now)
    }

    /// Whether `row` is another revision than the plan that is on its way or on screen is about.
    pub fn outdated(&self, row: &Workload) -> bool {
        let known = &self.case.workload;
        // A StatefulSet or DaemonSet does not carry the number of its revision, and what waits because of a pause has none.
        let other = match (row.revision, known.revision) {
            (Some(now), Some(then)) => now != then,
            (None, _) | (_, None) => row.images != known.images || (row.kind.told_by_pipeline() && row.version != known.version),
        };
        matches!(self.state, State::Gathering(_) | State::Planned(_)) && other
    }
}
