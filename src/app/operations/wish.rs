//! Wishes to the procedure on screen, by its state.

use super::{App, OperationKey, Together};
use crate::{
    app::{Effect, Screen},
    keys::{Action, Layer},
};

impl App {
    /// A wish to the procedure on screen.
    pub(in crate::app) fn operation_wish(&mut self, action: Action) -> Option<Vec<Effect>> {
        let Some(Screen::Operation(key)) = self.screens.last() else { return None };
        let (key, steady) = (*key, self.steady());
        if self.operations.single(key).is_some() {
            return self.single_wish(key, action);
        }
        if self.operations.batch(key).is_some() {
            return self.batch_wish(key, action);
        }
        let layer = self.operations.layer(key);
        if self.operations.batch_of(key).is_some()
            && let Some(effects) = self.member_wish(key, layer, action)
        {
            return Some(effects);
        }
        let running = self.operations.get_mut(key)?;
        let wants = match (layer, action) {
            (Layer::Plan, Action::TabLeft) => running.procedure.older(steady),
            (Layer::Plan, Action::TabRight) => running.procedure.newer(steady),
            (Layer::Plan | Layer::UnderWay, Action::Describe) => {
                running.difference = !running.difference;
                Vec::new()
            }
            (Layer::Plan, Action::Enter) => {
                self.open_confirm(key);
                Vec::new()
            }
            (Layer::Confirm, Action::Enter) => return Some(self.confirm(key)),
            (Layer::Confirm, Action::Escape | Action::Back) => {
                running.procedure.close_confirm();
                running.confirming = None;
                Vec::new()
            }
            (Layer::Confirm, Action::NextPanel | Action::PrevPanel) => {
                if let Some(line) = &mut running.confirming {
                    line.on_reason = !line.on_reason;
                }
                Vec::new()
            }
            (Layer::Plan | Layer::Verdict, Action::Escape | Action::Back) | (Layer::Verdict, Action::Enter) => {
                self.screens.pop();
                self.operations.forget(key);
                Vec::new()
            }
            (Layer::UnderWay, Action::Escape | Action::Back) => {
                self.screens.pop();
                self.say("it goes on in the background; B lists it");
                Vec::new()
            }
            (Layer::Verdict, Action::TabLeft) => return Some(self.older_than_this(key)),
            _ => return None,
        };
        Some(self.carry_wants(key, wants))
    }

    /// A wish to one of several that go back together: it is only read here, and what it does is confirmed for all of them.
    fn member_wish(&mut self, key: OperationKey, layer: Layer, action: Action) -> Option<Vec<Effect>> {
        let planned = self.operations.batch_of(key).is_some_and(|batch| matches!(batch.stand, Together::Planned));
        match (layer, action) {
            (Layer::Plan, Action::Enter) => self.complain("it goes back with others: Esc leads to them, where all are confirmed at once"),
            (Layer::Plan, Action::TabLeft | Action::TabRight) if !planned => self.complain("it is confirmed: its target stays"),
            (Layer::Verdict, Action::TabLeft) => self.complain("it went back with others: close those first"),
            (_, Action::Escape | Action::Back) | (Layer::Verdict, Action::Enter) => drop(self.screens.pop()),
            _ => return None,
        }
        Some(Vec::new())
    }

    /// `[` on a verdict: another plan for the same workload. What was just rolled back from is not proposed again.
    fn older_than_this(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(workload) = self.operations.get(key).map(|running| running.procedure.case.workload.id.clone()) else { return Vec::new() };
        self.screens.pop();
        self.operations.forget(key);
        self.open_plan(&workload)
    }
}
