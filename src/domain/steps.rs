//! How far a rollout is that goes step by step.

use super::{Seen, Subject, Verb};
use crate::text::Raw;

/// How far a rollout is that goes step by step: what a promotion moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The step that it is at, from 0.
    pub at: u32,
    /// How many there are; none where it goes all at once, after a preview.
    pub of: u32,
    /// Whether it stands at a pause.
    pub waits: bool,
    /// Whether all steps that are left are to be skipped.
    pub full: bool,
    /// Whether its newest revision was given up on.
    pub aborted: bool,
    /// Whether its newest revision is all that serves.
    pub through: bool,
    /// A hash of the newest template alone.
    pub template: Raw,
}

impl Steps {
    /// What was seen, of one step only: two who promote at the same moment must not skip two of them.
    pub fn seen(&self, seen: &Seen) -> Seen {
        let waits = if self.waits { ",waits" } else { "" };
        Seen { template: Raw::new(&format!("{} step={}{waits}", seen.template.expose(), self.at)), ..seen.clone() }
    }
}

impl Verb {
    /// Whether it holds for one step of a rollout only.
    pub const fn of_one_step(self) -> bool {
        matches!(self, Self::Promote)
    }

    /// Whether it moves a rollout on by its status, which carries no mark of ours.
    pub const fn leaves_no_mark(self) -> bool {
        matches!(self, Self::Promote | Self::PromoteFull | Self::Retry)
    }
}

impl Subject {
    /// What a change by `verb` must still find.
    pub fn seen_by(&self, verb: Verb) -> Seen {
        let steps = self.steps.as_ref().filter(|_| verb.of_one_step());
        steps.map_or_else(|| self.seen.clone(), |steps| steps.seen(&self.seen))
    }
}
