//! The confirm line: what is demanded, what was typed, and the one request that follows.

use super::{
    App, Confirming, Dialog, OperationKey, Running,
    words::{barred_words, not_confirmed},
};
use crate::{
    app::Effect,
    domain::{Automatic, Environment, Verb},
    gate::{Confirmation, Demand, NotConfirmed},
    rollback::{self, Class, Confirm, State, Verification},
    text::{Clean, Name},
    widgets::Field,
};

/// What Enter on the confirm line comes to.
pub(super) enum Entered {
    /// Nothing: it was not painted yet, or the reason has the keys now.
    Nothing,
    /// What was typed does not confirm.
    Not(NotConfirmed),
    /// It does.
    Yes(Confirmation),
}

impl Confirming {
    /// An open line that nobody has seen yet.
    pub(super) fn new(reason: &Clean, dialog: Dialog) -> Self {
        Self { word: Field::default(), reason: Field::holding(reason), on_reason: false, dialog }
    }

    /// Enter: holds what was typed against what is demanded, once it was painted. With the name typed, a demanded reason gets the keys.
    pub(super) fn enter(&mut self, demand: &Demand, undo_of_undo: bool) -> Entered {
        if !self.dialog.seen() {
            return Entered::Nothing;
        }
        let named = matches!(demand, Demand::NameAndReason(name) if self.word.text().trim() == name);
        if named && !undo_of_undo && !self.on_reason && self.reason.is_empty() {
            self.on_reason = true;
            return Entered::Nothing;
        }
        match demand.confirm(self.word.text(), self.reason.text(), undo_of_undo) {
            Ok(confirmation) => Entered::Yes(confirmation),
            Err(why) => Entered::Not(why),
        }
    }
}

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
    /// Why `verb` is not done in an environment now, and what opens it; none where it is allowed.
    pub fn forbids(&self, environment: &Name, verb: Verb) -> Option<Clean> {
        let closed = self.policy(environment).closed(verb, self.now.wall)?;
        Some(crate::clean!("{environment} is {}: {}", closed.word(), closed.remedy()))
    }

    /// Enter on the plan: opens the confirm line at its foot, unless something is in the way.
    pub(super) fn open_confirm(&mut self, key: OperationKey) {
        let Some(running) = self.operations.get(key) else { return };
        if let Some(closed) = self.forbids(&running.environment, Verb::RollBack) {
            return self.complain(closed);
        }
        let opened = self.operations.get_mut(key).map(|running| running.procedure.open_confirm());
        match opened {
            Some(Ok(())) => self.open_line(key),
            Some(Err(barred)) => self.bar(key, &barred),
            None => {}
        }
    }

    /// Opens the confirm line; its reason is filled in from the alert.
    pub(super) fn open_line(&mut self, key: OperationKey) {
        let dialog = self.dialog();
        let Some(running) = self.operations.get_mut(key) else { return };
        running.confirmation = None;
        let reason = if running.reason.is_empty() { rollback::reason(&running.procedure) } else { running.reason.clone() };
        running.confirming = Some(Confirming::new(&reason, dialog));
    }

    /// Enter on the confirm line: once it was painted and says what is demanded, the one request is handed out.
    pub(super) fn confirm(&mut self, key: OperationKey) -> Vec<Effect> {
        let Some(running) = self.operations.get(key) else { return Vec::new() };
        let (demand, undo_of_undo) = (running.demand(self), running.undo_of_undo());
        match self.operations.line(key).map(|line| line.enter(&demand, undo_of_undo)) {
            Some(Entered::Yes(confirmation)) => self.send(key, confirmation),
            Some(Entered::Not(why)) => {
                self.complain(not_confirmed(why, &demand));
                Vec::new()
            }
            Some(Entered::Nothing) | None => Vec::new(),
        }
    }

    /// Confirmed: from here on there is one request.
    pub(super) fn send(&mut self, key: OperationKey, confirmation: Confirmation) -> Vec<Effect> {
        let (id, by, steady) = (self.op(), self.start.user.clone(), self.steady());
        let Some(running) = self.operations.get_mut(key) else { return Vec::new() };
        let reason = confirmation.reason().clone();
        running.reason = reason.clone();
        running.confirmation = Some(confirmation);
        (running.confirming, running.settled) = (None, None);
        let wants = running.procedure.confirmed(id, reason, by, steady);
        self.carry_wants(key, wants)
    }

    /// Why a release that was not verified is not taken back without a person; none where the policy of its environment allows it.
    pub fn keeps(&self, verification: &Verification) -> Option<Clean> {
        let environment = &verification.case.environment.name;
        if self.executes(environment).is_none() {
            return Some(crate::clean!("the configuration does not say rollback = {{ automatic = \"execute\" }} for {environment}"));
        }
        self.forbids(environment, Verb::RollBack).or_else(|| verification.unfit())
    }

    /// The environment, where its configuration says that a rollback may be carried out without a person.
    fn executes(&self, environment: &Name) -> Option<&Environment> {
        self.declared(environment).filter(|declared| declared.automatic == Automatic::Execute)
    }

    /// Confirms by the policy of the environment, without a person: only what was proposed, and is proven.
    pub fn confirm_by_policy(&mut self, key: OperationKey, reason: &Clean) -> Result<Vec<Effect>, Clean> {
        let gone = || Clean::from_static("there is no such plan");
        let running = self.operations.get(key).ok_or_else(gone)?;
        let environment = self.executes(&running.environment).cloned().ok_or_else(|| Clean::from_static("no policy allows it"))?;
        let plan = running.procedure.plan().ok_or_else(gone)?;
        let candidate = plan.candidate().ok_or_else(|| plan.target.proposed.as_ref().err().cloned().unwrap_or_default())?;
        if candidate.class != Class::Proven {
            return Err(crate::clean!(
                "{} is {}, and only a proven version is gone back to without a person",
                candidate.revision.version,
                candidate.class.word()
            ));
        }
        if candidate.undo_of_undo {
            return Err(crate::clean!("{} was itself rolled back from within a day: a person decides", candidate.revision.version));
        }
        let confirmation = Confirmation::by_policy(&environment, reason).ok_or_else(|| Clean::from_static("no policy allows it"))?;
        let running = self.operations.get_mut(key).ok_or_else(gone)?;
        running.procedure.open_confirm().map_err(|barred| barred_words(&barred))?;
        Ok(self.send(key, confirmation))
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
