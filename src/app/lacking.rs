//! What this version can not do, in plain words, and the command that does it elsewhere where there is one.

use super::{App, Subject};
use crate::{
    domain::{Alert, quoted},
    keys::Action,
    text::Clean,
};

/// Something that can not be done from here.
pub(super) struct Lack {
    /// Why not.
    pub words: Clean,
    /// What does it elsewhere.
    pub command: Option<Clean>,
}

/// Whether an action exists in this version at all: help lists nothing else.
pub const fn built(action: Action) -> bool {
    !matches!(action, Action::Acknowledge | Action::Silence | Action::Incident | Action::Note | Action::Priority | Action::Panel5 | Action::Panel6)
}

impl App {
    /// What is lacking for `action` on `subject`.
    pub(super) fn lack(&self, action: Action, subject: &Subject) -> Lack {
        let (words, command) = match action {
            Action::Acknowledge => ("acknowledging is not built yet", self.silence(subject, "15m")),
            Action::Silence => ("silences are not built yet", self.silence(subject, "2h")),
            Action::Dispatch => ("only what a run of a CI is of can be started: choose a run in panel 2", None),
            Action::Incident => ("the record of an incident is not built yet", None),
            _ => ("this can not be done with what is under the cursor", None),
        };
        Lack { words: Clean::from_static(words), command }
    }

    /// Why not, with the command in the same sentence.
    pub(super) fn lack_words(&self, action: Action, subject: &Subject) -> Clean {
        let Lack { words, command } = self.lack(action, subject);
        command.map_or(words.clone(), |command| crate::clean!("{words}: {command}"))
    }

    fn silence(&self, subject: &Subject, length: &str) -> Option<Clean> {
        let Subject::Alert(id) = subject else { return None };
        let alert: &Alert = self.store.alert(id)?;
        let labels = alert.labels.0.iter().filter(|(key, _)| key.raw() != "alertname");
        let matchers: String = labels.map(|(key, value)| format!(" {}", quoted(&format!("{key}={value}")))).collect();
        let (name, user) = (quoted(&format!("alertname={}", alert.name)), quoted(&self.start.user));
        Some(crate::clean!("amtool silence add {name}{matchers} --duration={length} --author={user} --comment='looking into it'"))
    }
}
