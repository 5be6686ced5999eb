//! Where a key is pressed.

use super::Action;

/// A layer of the keymap. The app says which ones lie over each other; the highest that knows a key decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Everywhere but in texts.
    Global,
    /// Panel 1, the matrix.
    Environments,
    /// Panel 1 at the level of pods and containers.
    Pods,
    /// Panel 2.
    Pipelines,
    /// Panel 3, and every other log view.
    Logs,
    /// Panel 4.
    Alerts,
    /// Panel 5.
    Incident,
    /// Panel 6.
    Posture,
    /// The plan of a change, on which nothing executes.
    Plan,
    /// A change that was sent and is being watched.
    UnderWay,
    /// The verdict over a change.
    Verdict,
    /// One line of text: the filter, the palette.
    Prompt,
    /// Several fields of text: a silence, an incident.
    Form,
    /// The confirm line at the foot of a plan.
    Confirm,
}

impl Layer {
    /// Whether keys are typed into a text here: then characters are text, and nothing below is heard.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Prompt | Self::Form | Self::Confirm)
    }

    /// What `action` does in this layer where that is not what it is called elsewhere. The key stays the same, so no key is redefined.
    pub fn reading(self, action: Action) -> Option<&'static str> {
        READINGS.iter().find(|(layer, a, _)| (*layer, *a) == (self, action)).map(|(.., text)| *text)
    }

    /// The actions that mean something particular in this layer.
    pub fn readings(self) -> impl Iterator<Item = (Action, &'static str)> {
        READINGS.iter().filter(move |(layer, ..)| *layer == self).map(|(_, action, text)| (*action, *text))
    }
}

const READINGS: &[(Layer, Action, &str)] = &[
    (Layer::Environments, Action::Left, "environment to the left"),
    (Layer::Environments, Action::Right, "environment to the right"),
    (Layer::Environments, Action::Enter, "open, or connect"),
    (Layer::Logs, Action::Mark, "pause"),
    (Layer::Logs, Action::Filter, "find and filter"),
    (Layer::Plan, Action::TabLeft, "older target"),
    (Layer::Plan, Action::TabRight, "newer target"),
    (Layer::Plan, Action::Describe, "difference"),
    (Layer::Plan, Action::Enter, "confirm…"),
    (Layer::Plan, Action::OpenLock, "open this environment"),
    (Layer::Plan, Action::Escape, "leave, nothing done"),
    (Layer::UnderWay, Action::Describe, "difference"),
    (Layer::UnderWay, Action::Escape, "background"),
    (Layer::Verdict, Action::TabLeft, "older target"),
    (Layer::Verdict, Action::Enter, "done"),
    (Layer::Prompt, Action::Enter, "filter, or go"),
    (Layer::Prompt, Action::NextPanel, "find"),
    (Layer::Prompt, Action::Escape, "leave"),
    (Layer::Form, Action::Enter, "take them, nothing is sent"),
    (Layer::Form, Action::NextPanel, "next field"),
    (Layer::Form, Action::PrevPanel, "previous field"),
    (Layer::Form, Action::Escape, "leave them as they were"),
    (Layer::Confirm, Action::Enter, "do it"),
    (Layer::Confirm, Action::NextPanel, "next field"),
    (Layer::Confirm, Action::Escape, "no"),
];
