//! Wishes to the procedure on screen, by its state.

use super::{App, OperationKey};
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
        let layer = self.operations.layer(key);
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
                self.operations.running.retain(|running| running.key != key);
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

    /// `[` on a verdict: another plan for the same workload. What was just rolled back from is not proposed again.
    fn older_than_this(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(workload) = self.operations.get(key).map(|running| running.procedure.case.workload.id.clone()) else { return Vec::new() };
        self.screens.pop();
        self.operations.running.retain(|running| running.key != key);
        self.open_plan(&workload)
    }
}
