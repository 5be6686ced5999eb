//! Whose jobs are asked for: those of the runs that somebody looks at.

use crate::{
    app::{App, Panel},
    domain::{Id, Run},
    panels::logs,
};
use std::{collections::BTreeMap, time::Duration};

/// So many runs can be seen at once.
const SHOWN: usize = 6;
/// So long are they asked for after they went out of view: whoever comes back, or the order that turns back, finds them.
const LINGER: Duration = Duration::from_secs(60);
/// No more than so many are asked for, those that went out of view with them.
const KEPT: usize = 2 * SHOWN;

/// The runs that are asked for, each with when it was last in view.
#[derive(Debug, Default)]
pub struct Looked(BTreeMap<Id<Run>, Duration>);

impl Looked {
    /// Whether its jobs are asked for.
    pub fn has(&self, run: &Id<Run>) -> bool {
        self.0.contains_key(run)
    }

    /// All of them.
    pub fn runs(&self) -> impl Iterator<Item = &Id<Run>> {
        self.0.keys()
    }
}

/// The runs in view: those around the cursor; none below a screen.
pub fn in_view(app: &App) -> &[Id<Run>] {
    if !crate::view::in_view(app, Panel::Pipelines) {
        return &[];
    }
    let (order, at) = (&app.pipelines.order, app.pipelines.at.row().unwrap_or_default());
    let from = at.saturating_sub(SHOWN / 2).min(order.len().saturating_sub(SHOWN));
    &order[from..order.len().min(from + SHOWN)]
}

/// Brings it up to date. A cursor on its way passes over runs that nobody asks for; a panel that comes into view is asked for at once.
pub fn settle(app: &mut App) {
    let (now, mut looked) = (app.now.mono, std::mem::take(&mut app.pipelines.looked.0));
    let here = in_view(app);
    let at_once = logs::rested(app) || !here.iter().any(|run| looked.contains_key(run));
    for run in here {
        if at_once || looked.contains_key(run) {
            looked.insert(run.clone(), now);
        }
    }
    looked.retain(|run, at| now <= *at + LINGER && app.store.run(run).is_some());
    while looked.len() > KEPT {
        let oldest = looked.iter().min_by_key(|(_, at)| **at).map(|(run, _)| run.clone());
        oldest.and_then(|run| looked.remove(&run));
    }
    app.pipelines.looked.0 = looked;
}
