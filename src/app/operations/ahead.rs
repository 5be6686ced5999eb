//! Enter on a plan that is still being made opens no line, and whoever pressed it may be typing the name for that line already: then no letter is a
//! key before there is a pause, and none is kept for the line, which must be read before it is typed into.

use super::{App, OperationKey, words::barred_words};
use crate::{
    app::Screen,
    keys::{Key, Layer},
    rollback::Barred,
};
use std::time::Duration;

/// Whoever types a name does not rest longer between two letters.
const PAUSE: Duration = Duration::from_secs(2);

/// Where Enter came too early, and when the last key came after it.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    plan: OperationKey,
    last: Duration,
}

impl App {
    /// Says what bars Enter on a plan.
    pub(super) fn bar(&mut self, plan: OperationKey, barred: &Barred) {
        self.early(plan, barred);
        self.complain(barred_words(barred));
    }

    /// Notes where Enter was pressed before it can open a line.
    pub(super) fn early(&mut self, plan: OperationKey, barred: &Barred) {
        let alone = self.operations.batch(plan).is_none();
        if matches!(barred, Barred::Checking) || (alone && matches!(barred, Barred::NotPlanned)) {
            self.ahead = Some(Ahead { plan, last: self.now.mono });
        }
    }

    /// Whether `key` is a letter that was meant for a confirm line that is not there.
    pub(in crate::app) fn typed_ahead(&mut self, key: Key) -> bool {
        let Some(Ahead { plan, last }) = self.ahead.take() else { return false };
        let there =
            self.overlay.is_none() && matches!(self.screens.last(), Some(Screen::Operation(at)) if *at == plan) && self.operations.layer(plan) == Layer::Plan;
        if !there || key.text().is_none() || self.now.mono.saturating_sub(last) >= PAUSE {
            return false;
        }
        self.ahead = Some(Ahead { plan, last: self.now.mono });
        self.complain("what is typed is not taken: Enter came before the checks were made. Once they are, it opens the line");
        true
    }
}
