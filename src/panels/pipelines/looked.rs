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

/// The runs that are asked for.
#[derive(Debug, Default)]
pub struct Looked {
    /// Each with when it was last in view.
    runs: BTreeMap<Id<Run>, Duration>,
    /// Whether any run was in view a moment ago.
    open: bool,
}

impl Looked {
    /// Whether its jobs are asked for.
    pub fn has(&self, run: &Id<Run>) -> bool {
        self.runs.contains_key(run)
    }

    /// All of them.
    pub fn runs(&self) -> impl Iterator<Item = &Id<Run>> {
        self.runs.keys()
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
    let (now, Looked { mut runs, open }) = (app.now.mono, std::mem::take(&mut app.pipelines.looked));
    let here = in_view(app);
    for run in here {
        if logs::rested(app) || !open || runs.contains_key(run) {
            runs.insert(run.clone(), now);
        }
    }
    let open = !here.is_empty();
    runs.retain(|run, at| now <= *at + LINGER && app.store.run(run).is_some());
    while runs.len() > KEPT {
        let oldest = runs.iter().min_by_key(|(_, at)| **at).map(|(run, _)| run.clone());
        oldest.and_then(|run| runs.remove(&run));
    }
    app.pipelines.looked = Looked { runs, open };
}
