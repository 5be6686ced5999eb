//! What a run is started with, as lines of text: they are written on the plan, and nothing in them executes.

use super::{Form, Single, Stand, Want};
use crate::{
    domain::{Given, Input, Inputs},
    keys::Action,
    text::Clean,
    widgets::Field,
};
use jiff::Timestamp;

/// The lines, each `name=value`.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// All of them.
    pub fields: Vec<Field>,
    /// Which one has the keys; none while the plan is read.
    pub at: Option<usize>,
    before: Vec<Field>,
}

impl Lines {
    /// Lays them out for what is declared now; what was written for an input that is still there stays.
    pub(super) fn fit(&mut self, inputs: &Inputs) {
        let name = |field: &Field| field.text().split_once('=').map(|(name, _)| name.trim().to_owned());
        let (known, others): (Vec<Field>, Vec<Field>) =
            std::mem::take(&mut self.fields).into_iter().partition(|field| name(field).is_some_and(|name| inputs.named(&name).is_some()));
        let written = |input: &Input| known.iter().find(|field| name(field).as_deref() == Some(input.name.raw())).cloned();
        self.fields = inputs.known.iter().map(|input| written(input).unwrap_or_else(|| Field::holding(&input.line()))).collect();
        if inputs.open {
            self.fields.extend(others.into_iter().filter(|field| !field.text().trim().is_empty()));
            self.fields.push(Field::default());
        }
    }

    /// The line that has the keys.
    pub(in crate::app::operations) fn here(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(self.at?)
    }

    /// What they say.
    fn given(&self, inputs: &Inputs) -> Result<Vec<Given>, Clean> {
        inputs.given(self.fields.iter().map(Field::text))
    }

    /// The line after this one, or before it; where any name is taken there is always an empty one.
    fn turn(&mut self, on: bool, inputs: &Inputs) {
        if inputs.open && self.fields.last().is_none_or(|field| !field.is_empty()) {
            self.fields.push(Field::default());
        }
        let count = self.fields.len().max(1);
        self.at = self.at.map(|at| (at + if on { 1 } else { count - 1 }) % count);
    }
}

impl Single {
    /// What it can be started with, where it is on a plan.
    fn takes(form: &Form) -> Option<&Inputs> {
        form.subject.run.as_ref()?.inputs.as_ref().ok().filter(|inputs| inputs.any())
    }

    /// The same of the plan on screen, or of what was confirmed.
    pub fn inputs(&self) -> Option<&Inputs> {
        self.form().and_then(Self::takes)
    }

    /// What it is started with.
    pub(super) fn given(&self, form: &Form) -> Result<Vec<Given>, Clean> {
        Self::takes(form).map_or(Ok(Vec::new()), |inputs| self.lines.given(inputs))
    }

    /// ` with version=2.8.1, to=staging`, secrets masked; the first `most` of them.
    pub(super) fn with(&self, most: usize) -> Clean {
        let given = self.form().and_then(|form| self.given(form).ok()).unwrap_or_default();
        let shown: Vec<String> = given.iter().take(most).map(|one| one.shown().to_string()).collect();
        match given.len() {
            0 => Clean::EMPTY,
            all if all > most => crate::clean!(" with {} and {} more", shown.join(", "), all - most),
            _ => crate::clean!(" with {}", shown.join(", ")),
        }
    }

    /// A wish while the lines are read or written. Enter takes what is written, and has it checked; Esc is no.
    pub(super) fn write(&mut self, action: Action, now: Timestamp) -> Option<Vec<Want>> {
        let Stand::Planned(form) = &self.stand else { return None };
        let inputs = Self::takes(form)?;
        let lines = &mut self.lines;
        match (lines.at, action) {
            (None, Action::NextPanel | Action::PrevPanel) => {
                lines.before = lines.fields.clone();
                lines.at = Some(if action == Action::NextPanel { 0 } else { lines.fields.len().saturating_sub(1) });
            }
            (Some(_), Action::NextPanel | Action::Down) => lines.turn(true, inputs),
            (Some(_), Action::PrevPanel | Action::Up) => lines.turn(false, inputs),
            (Some(_), Action::Enter) => {
                lines.at = None;
                return Some(self.again(now));
            }
            (Some(_), Action::Escape | Action::Back) => {
                lines.at = None;
                lines.fields = std::mem::take(&mut lines.before);
            }
            (..) => return None,
        }
        Some(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::InputKind,
        text::{Name, Raw},
    };

    fn texts(lines: &Lines) -> Vec<&str> {
        lines.fields.iter().map(Field::text).collect()
    }

    fn known(names: &[&str]) -> Inputs {
        let input = |name: &&str| Input { name: Name::new(name), kind: InputKind::Text, default: Raw::new("x"), required: false };
        Inputs { known: names.iter().map(input).collect(), open: false }
    }

    #[test]
    fn where_any_name_is_taken_there_is_always_an_empty_line_for_another() {
        let open = Inputs { known: Vec::new(), open: true };
        let mut lines = Lines::default();
        lines.fit(&open);
        assert_eq!((texts(&lines), lines.given(&open)), (vec![""], Ok(Vec::new())));
        lines.at = Some(0);
        lines.turn(true, &open);
        assert_eq!((texts(&lines), lines.at), (vec![""], Some(0)), "an empty one is enough");
        lines.here().expect("a line").paste("VERSION=2");
        lines.turn(true, &open);
        assert_eq!((texts(&lines), lines.at), (vec!["VERSION=2", ""], Some(1)));
        lines.turn(true, &open);
        lines.turn(false, &open);
        assert_eq!((lines.at, lines.given(&open).map(|given| given.len())), (Some(1), Ok(1)));
        lines.fit(&open);
        assert_eq!(texts(&lines), ["VERSION=2", ""], "what was written stays when it is planned again");
    }

    #[test]
    fn what_was_written_stays_for_inputs_that_are_still_there() {
        let mut lines = Lines::default();
        lines.fit(&known(&["a", "b"]));
        lines.at = Some(1);
        lines.here().expect("a line").paste("yz");
        lines.fit(&known(&["b", "c"]));
        assert_eq!(texts(&lines), ["b=xyz", "c=x"]);
    }
}
