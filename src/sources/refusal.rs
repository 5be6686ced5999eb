//! A refusal of a CI, and how far it reaches.

use super::SourceError;

/// A refusal, and how far it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// This repository or project alone.
    Here(SourceError),
    /// Everything.
    Everywhere(SourceError),
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        Self::Everywhere(error)
    }
}

impl From<Refusal> for SourceError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Here(error) | Refusal::Everywhere(error) => error,
        }
    }
}
