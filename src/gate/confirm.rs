//! What a person must say, and that they said it.

use crate::{
    domain::{Automatic, Environment},
    text::Clean,
};

/// What a person must type before a change is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Enter again.
    Enter,
    /// The word `yes`.
    Yes,
    /// The service's name, then a reason.
    NameAndReason(String),
}

/// Why what was typed does not confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotConfirmed {
    /// The word is another one.
    Word,
    /// A reason is demanded.
    Reason,
    /// An override must be typed: this goes back to what was itself rolled back from.
    Override,
}

/// How something was confirmed. Made only by [`Demand::confirm`] and, without a person, by [`Confirmation::by_policy`].
#[derive(Debug, PartialEq, Eq)]
pub struct Confirmation {
    kind: &'static str,
    reason: Clean,
}

/// The word that lets a rollback return to what was itself rolled back from within a day.
pub const OVERRIDE: &str = "back to bad";

impl Demand {
    /// Holds what was typed against what is demanded. `undo_of_undo` demands the typed override on top.
    pub fn confirm(&self, word: &str, reason: &str, undo_of_undo: bool) -> Result<Confirmation, NotConfirmed> {
        let reason = Clean::from_untrusted(reason.trim());
        let word = word.trim();
        if undo_of_undo {
            if word != OVERRIDE {
                return Err(NotConfirmed::Override);
            }
            if matches!(self, Self::NameAndReason(_)) && reason.is_empty() {
                return Err(NotConfirmed::Reason);
            }
            return Ok(Confirmation { kind: "typed override", reason });
        }
        match self {
            Self::Enter => Ok(Confirmation { kind: "enter", reason }),
            Self::Yes if word == "yes" => Ok(Confirmation { kind: "yes", reason }),
            Self::NameAndReason(name) if word == name => {
                if reason.is_empty() {
                    Err(NotConfirmed::Reason)
                } else {
                    Ok(Confirmation { kind: "typed name", reason })
                }
            }
            Self::Yes | Self::NameAndReason(_) => Err(NotConfirmed::Word),
        }
    }
}

impl Confirmation {
    /// Confirmed by the policy of an environment whose configuration says so, where somebody asked for that with a flag; none elsewhere.
    pub fn by_policy(environment: &Environment, reason: &Clean) -> Option<Self> {
        let allowed = environment.automatic == Automatic::Execute && !reason.is_empty();
        allowed.then(|| Self { kind: "policy: automatic = execute", reason: reason.clone() })
    }

    /// How it was confirmed, for the journal.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Why.
    pub const fn reason(&self) -> &Clean {
        &self.reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_takes_the_name_and_a_reason() {
        let demand = Demand::NameAndReason("cart".into());
        assert_eq!(demand.confirm("card", "errors", false), Err(NotConfirmed::Word));
        assert_eq!(demand.confirm("cart", "  ", false), Err(NotConfirmed::Reason));
        assert_eq!(demand.confirm("cart", "errors", false).map(|c| c.kind()), Ok("typed name"));
    }

    #[test]
    fn without_a_person_only_a_policy_that_says_execute_confirms() {
        let with = |automatic| Environment { automatic, ..Environment::new("staging", crate::domain::Tier::Staging, false) };
        let reason = Clean::from_static("verification failed");
        assert_eq!(Confirmation::by_policy(&with(Automatic::Execute), &reason).map(|c| c.kind()), Some("policy: automatic = execute"));
        for (automatic, reason) in [(Automatic::Off, &reason), (Automatic::Prepare, &reason), (Automatic::Execute, &Clean::EMPTY)] {
            assert_eq!(Confirmation::by_policy(&with(automatic), reason), None, "{automatic:?}");
        }
    }

    #[test]
    fn going_back_to_what_was_rolled_back_from_takes_the_override_in_every_tier() {
        for demand in [Demand::Enter, Demand::Yes, Demand::NameAndReason("cart".into())] {
            assert_eq!(demand.confirm("yes", "errors", true), Err(NotConfirmed::Override));
            assert_eq!(demand.confirm(OVERRIDE, "errors", true).map(|c| c.kind()), Ok("typed override"));
        }
    }
}
