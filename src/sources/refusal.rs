//! A refusal of a CI, and how far it reaches.

use super::SourceError;

/// A refusal, and how far it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// This repository or project alone, and for as long as nobody changes something.
    Here(SourceError),
    /// What was asked of this repository or project is answered by a fault. Whether others are too is not known.
    Faulty(SourceError),
    /// Everything.
    Everywhere(SourceError),
}

impl Refusal {
    /// What an answer that came, and is no good, means beyond the statuses that a CI gives a meaning of its own.
    pub fn of_answer(error: SourceError) -> Self {
        if Self::may_pass(&error) { Self::Faulty(error) } else { Self::Everywhere(error) }
    }

    /// What is told, where it may be missing: nothing where this repository or project refuses it.
    pub fn or_none<T>(told: Result<T, Self>) -> Result<Option<T>, SourceError> {
        match told {
            Ok(told) => Ok(Some(told)),
            Err(Self::Here(_)) => Ok(None),
            Err(Self::Faulty(error) | Self::Everywhere(error)) => Err(error),
        }
    }

    /// Whether what refuses a repository is a fault that may be over soon.
    pub const fn may_pass(error: &SourceError) -> bool {
        matches!(error, SourceError::Protocol(_) | SourceError::Unreachable(_) | SourceError::Conflict(_))
    }
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        Self::Everywhere(error)
    }
}

impl From<Refusal> for SourceError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Here(error) | Refusal::Faulty(error) | Refusal::Everywhere(error) => error,
        }
    }
}
