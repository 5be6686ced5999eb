//! How far an operation has come, by its lines alone.

use super::entry::{Body, Ended, Ends, Intent, Verdict};

/// How far an operation has come. What is planned but not confirmed is not in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A step may leave; nothing has, as far as is known.
    Confirmed,
    /// A step's request left; no answer is known.
    Sent,
    /// A step was accepted, and there are more.
    Between,
    /// The answer was lost: it may have happened.
    Unclear,
    /// All steps were accepted; whether they helped is not known yet.
    Verifying,
    /// It ended, with a verdict where one was owed.
    Done(Option<Verdict>),
    /// It was not carried out.
    Failed,
    /// Somebody else changed the object in the meantime.
    Superseded,
}

impl State {
    /// The word in a list.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Sent => "sent",
            Self::Between => "between steps",
            Self::Unclear => "unclear",
            Self::Verifying => "verifying",
            Self::Done(_) => "done",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }

    /// Whether nothing more is owed.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Confirmed | Self::Sent | Self::Between | Self::Unclear | Self::Verifying => false,
            Self::Done(_) | Self::Failed | Self::Superseded => true,
        }
    }

    /// Whether the latest step may have changed the object.
    pub const fn may_have_changed(self) -> bool {
        match self {
            Self::Sent | Self::Between | Self::Unclear | Self::Verifying | Self::Done(_) | Self::Superseded => true,
            Self::Confirmed | Self::Failed => false,
        }
    }

    /// The state after `body`, a line about the operation whose latest intent is `intent`; none where the line can not follow and changes nothing.
    pub fn after(self, intent: &Intent, body: &Body) -> Option<Self> {
        match body {
            // A step that failed with a conflict may be confirmed and sent again.
            Body::Intent(_) => matches!(self, Self::Between | Self::Failed).then_some(Self::Confirmed),
            Body::Sent(sent) => (self == Self::Confirmed && sent.step == intent.step).then_some(Self::Sent),
            Body::Outcome(outcome) if outcome.step != intent.step => None,
            Body::Outcome(outcome) => self.ended(intent, outcome.result),
            Body::Verdict(judged) => matches!(self, Self::Verifying | Self::Unclear | Self::Sent).then_some(Self::Done(Some(judged.verdict))),
            Body::Taken(_) | Body::Observed(_) | Body::Note(_) | Body::Acknowledged(_) | Body::Shell(_) => None,
        }
    }

    fn ended(self, intent: &Intent, result: Ended) -> Option<Self> {
        if self == Self::Verifying && result == Ended::Superseded {
            return Some(Self::Superseded);
        }
        if !matches!(self, Self::Confirmed | Self::Sent | Self::Unclear) {
            return None;
        }
        Some(match result {
            Ended::Accepted if intent.step < intent.steps => Self::Between,
            Ended::Accepted => match intent.ends {
                Ends::AtVerdict => Self::Verifying,
                Ends::AtOutcome => Self::Done(None),
            },
            Ended::Conflict | Ended::Refused | Ended::Failed => Self::Failed,
            Ended::Unclear => Self::Unclear,
            Ended::Superseded => Self::Superseded,
        })
    }
}
