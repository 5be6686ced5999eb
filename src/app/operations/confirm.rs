//! The confirm line: what is demanded, what was typed, and the one request that follows.

use super::{
    App, Confirming, OperationKey, Running,
    words::{barred_words, not_confirmed},
};
use crate::{
    app::Effect,
    domain::Verb,
    gate::{Confirmation, Demand},
    rollback::{self, Confirm, State},
    text::Clean,
    widgets::Field,
};

impl Running {
    /// What must be typed now.
    pub fn demand(&self, app: &App) -> Demand {
        match &self.procedure.state {
            State::Confirming { confirm: Confirm::Again { .. }, .. } => Demand::Enter,
            _ => app.policy(&self.environment).demand(Verb::RollBack, self.service.raw()),
        }
    }

    /// Whether the typed override is demanded on top.
    pub fn undo_of_undo(&self) -> bool {
        matches!(self.procedure.state, State::Confirming { confirm: Confirm::ByPolicy { undo_of_undo: true }, .. })
    }
}

impl App {
    /// Enter on the plan: opens the confirm line at its foot, unless something is in the way.
    pub(super) fn open_confirm(&mut self, key: OperationKey) {
        let Some(running) = self.operations.get(key) else { return };
        let (environment, policy) = (running.environment.clone(), self.policy(&running.environment));
        if let Some(closed) = policy.closed(Verb::RollBack, self.now.wall) {
            return self.complain(crate::clean!("{environment} is {}: {}", closed.word(), closed.remedy()));
        }
        let opened = self.operations.get_mut(key).map(|running| running.procedure.open_confirm());
        match opened {
            Some(Ok(())) => self.open_line(key),
            Some(Err(barred)) => self.complain(barred_words(&barred)),
            None => {}
        }
    }

    /// Opens the confirm line; its reason is filled in from the alert.
    pub(super) fn open_line(&mut self, key: OperationKey) {
        let dialog = self.dialog();
        let Some(running) = self.operations.get_mut(key) else { return };
        running.confirmation = None;
        let reason = if running.reason.is_empty() { rollback::reason(&running.procedure) } else { running.reason.clone() };
        running.confirming = Some(Confirming { word: Field::default(), reason: Field::holding(&reason), on_reason: false, dialog });
    }

    /// Enter on the confirm line: once it was painted and says what is demanded, the one request is handed out.
    pub(super) fn confirm(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(running) = self.operations.get(key) else { return Vec::new() };
        let Some(line) = running.confirming.clone().filter(|line| line.dialog.seen()) else { return Vec::new() };
        let demand = running.demand(self);
        if let Demand::NameAndReason(name) = &demand
            && !running.undo_of_undo()
            && !line.on_reason
            && line.word.text().trim() == name
            && line.reason.is_empty()
        {
            if let Some(line) = self.operations.line(key) {
                line.on_reason = true;
            }
            return Vec::new();
        }
        match demand.confirm(line.word.text(), line.reason.text(), running.undo_of_undo()) {
            Err(why) => {
                self.complain(not_confirmed(why, &demand));
                Vec::new()
            }
            Ok(confirmation) => self.send(key, confirmation),
        }
    }

    /// Confirmed: from here on there is one request.
    pub(super) fn send(&mut self, key: OperationKey, confirmation: Confirmation) -> Vec<Effect> {
        let (id, by, steady) = (self.op(), self.start.user.clone(), self.steady());
        let Some(running) = self.operations.get_mut(key) else { return Vec::new() };
        let reason = confirmation.reason().clone();
        running.reason = reason.clone();
        running.confirmation = Some(confirmation);
        running.confirming = None;
        let wants = running.procedure.confirmed(id, reason, by, steady);
        self.carry_wants(key, wants)
    }

    /// Confirms without a screen, for the faces that have none: what was typed there comes as arguments.
    pub fn confirm_headless(&mut self, key: OperationKey, word: &str, reason: &str) -> Result<Vec<Effect>, Clean> {
        let Some(running) = self.operations.get_mut(key) else { return Err(Clean::from_static("there is no such plan")) };
        running.procedure.open_confirm().map_err(|barred| barred_words(&barred))?;
        let Some(running) = self.operations.get(key) else { return Err(Clean::from_static("there is no such plan")) };
        let demand = running.demand(self);
        let confirmation = demand.confirm(word, reason, running.undo_of_undo()).map_err(|why| not_confirmed(why, &demand))?;
        Ok(self.send(key, confirmation))
    }
}
