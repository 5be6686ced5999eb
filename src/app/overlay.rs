//! What lies over the screen and takes the keys first.

use super::{Subject, dialog::Dialog};
use crate::{
    domain::{Id, Workload},
    keys::Layer,
    text::Clean,
    widgets::{Choice, Field, Found, rank},
};

/// What lies over the screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// All keys of this view.
    Help {
        /// How far it was scrolled.
        offset: usize,
    },
    /// Go anywhere, do anything, by name.
    Palette(Palette),
    /// One line of text at the foot of a view: its filter.
    Filter(Field),
    /// Which of several.
    Choose(Choose),
    /// Open a locked environment for a while?
    Unlock {
        /// Which.
        environment: Clean,
        /// It can be confirmed once it was painted.
        dialog: Dialog,
    },
    /// Leave? Asked at the top, and always while something is under way.
    Quit {
        /// What is under way, in words; empty where nothing is.
        running: Vec<Clean>,
        /// It can be confirmed once it was painted.
        dialog: Dialog,
    },
    /// Leave the screen for a shell in a container?
    Shell {
        /// Into which.
        into: Box<super::Door>,
        /// It can be confirmed once it was painted.
        dialog: Dialog,
    },
    /// Links of what is under the cursor, to be copied.
    Links {
        /// What and where.
        links: Vec<(Clean, Clean)>,
        /// Which one.
        at: usize,
    },
}

/// The palette: a line of text and what it finds.
#[derive(Clone, Debug)]
pub struct Palette {
    /// What was typed.
    pub field: Field,
    /// Everything that can be chosen, and what cannot with the reason.
    pub choices: Vec<Choice>,
    /// What each choice stands for, in the same order.
    pub goals: Vec<Goal>,
    /// What matches, the best first.
    pub found: Vec<Found>,
    /// Which of those.
    pub at: usize,
}

/// What a choice in the palette does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The wish of a key.
    Action(crate::keys::Action),
    /// A service's row, in an environment or in the one under the cursor.
    Service(Clean),
    /// A list of things, as `:po` or `:ctx` name it.
    List(super::screen::List),
    /// What is not built here: the command that does it elsewhere, to be copied.
    Copies(Clean),
}

/// Which of several.
#[derive(Clone, Debug)]
pub struct Choose {
    /// The question.
    pub title: Clean,
    /// The choices, the unhealthiest first.
    pub items: Vec<(Clean, Chosen)>,
    /// Which one.
    pub at: usize,
}

/// What choosing does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// Opens the plan of a rollback of this workload.
    RollBack(Id<Workload>),
    /// Opens the plan of another change of this workload, with the number that was chosen for it.
    Single(crate::domain::Verb, Id<Workload>, Option<u32>),
    /// Goes on with a verb on this subject.
    Verb(crate::keys::Action, Subject),
}

/// The one verb that takes a number.
const SCALE: &str = crate::keys::Action::Scale.name();
/// What k9s fingers type that is not here.
const K9S: &[&str] = &[
    "alias",
    "aliases",
    "cj",
    "cm",
    "configmaps",
    "crb",
    "crd",
    "crds",
    "cronjobs",
    "csr",
    "daemonsets",
    "ds",
    "endpoints",
    "ep",
    "eps",
    "helm",
    "hpa",
    "ing",
    "ingress",
    "ingresses",
    "job",
    "jobs",
    "lease",
    "netpol",
    "networkpolicies",
    "pdb",
    "pf",
    "popeye",
    "portforward",
    "pulse",
    "pulses",
    "pv",
    "pvc",
    "quota",
    "rc",
    "replicasets",
    "role",
    "rolebindings",
    "roles",
    "rs",
    "sa",
    "sc",
    "sec",
    "secret",
    "secrets",
    "services",
    "statefulsets",
    "sts",
    "svc",
    "xray",
];

impl Palette {
    /// What was typed, without the colon that fingers type by habit.
    pub fn typed(&self) -> &str {
        self.field.text().trim_start_matches(':').trim()
    }

    /// Finds again after something was typed. An exact name comes before whatever only resembles it; a name that k9s knows and that is not
    /// here must not do something else that only resembles it.
    pub fn search(&mut self) {
        if self.number().is_some() {
            self.found = rank(SCALE, &self.choices);
            self.at = 0;
            return;
        }
        let typed = self.typed();
        let mut found = rank(typed, &self.choices);
        found.sort_by_key(|found| *self.choices[found.index].name != *typed);
        let exact = found.first().is_some_and(|found| *self.choices[found.index].name == *typed);
        if K9S.contains(&typed) && !exact {
            found.retain(|found| self.choices[found.index].name.starts_with(typed));
        }
        self.found = found;
        self.at = 0;
    }

    /// The number in `scale 5`.
    pub fn number(&self) -> Option<u32> {
        self.field.text().trim_start_matches(':').trim().strip_prefix(SCALE)?.strip_prefix(' ')?.trim().parse().ok()
    }
}

impl Overlay {
    /// The layer of the keymap that it is.
    pub const fn layer(&self) -> Layer {
        match self {
            Self::Palette(_) | Self::Filter(_) => Layer::Prompt,
            Self::Help { .. } | Self::Choose(_) | Self::Unlock { .. } | Self::Quit { .. } | Self::Shell { .. } | Self::Links { .. } => Layer::Global,
        }
    }

    /// Its dialog, where it confirms something.
    pub const fn dialog(&self) -> Option<&Dialog> {
        match self {
            Self::Unlock { dialog, .. } | Self::Quit { dialog, .. } | Self::Shell { dialog, .. } => Some(dialog),
            Self::Help { .. } | Self::Palette(_) | Self::Filter(_) | Self::Choose(_) | Self::Links { .. } => None,
        }
    }

    /// Marks its dialog as painted.
    pub fn painted(&mut self, id: super::dialog::DialogId) {
        if let Self::Unlock { dialog, .. } | Self::Quit { dialog, .. } | Self::Shell { dialog, .. } = self {
            dialog.painted(id);
        }
    }
}
