//! Smoke requests: what the configuration wants tried once the pods are ready.

use super::{ProofState, Run};
use crate::{
    domain::{Answer, Smoke, Why},
    store::words::count,
    text::{Clean, Name},
};
use jiff::SignedDuration;

/// What came of the smoke requests of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tried {
    /// None were sent yet: the pods are not ready.
    #[default]
    Not,
    /// They are on their way.
    Sent,
    /// None are configured.
    Nobody,
    /// They came back.
    Came(Vec<Smoke>),
}

impl Run {
    /// So many sources were asked to send the smoke requests.
    pub(super) fn trying(&mut self, sources: usize) {
        match self.tried {
            _ if sources == 0 => self.tried = Tried::Nobody,
            Tried::Not | Tried::Nobody => self.tried = Tried::Sent,
            Tried::Sent | Tried::Came(_) => {}
        }
    }

    /// The smoke requests came back; what could not be sent has not succeeded. Before the pods are ready they say nothing.
    pub(super) fn came(&mut self, service: &Name, result: Result<Answer, Why>) {
        let tried = match result {
            Ok(Answer::Smoke(tried)) => tried,
            Ok(_) => return,
            Err(why) => vec![Smoke { what: service.clean().clone(), came: Err(why.words) }],
        };
        if self.complete.is_some() {
            self.tried = if tried.is_empty() { Tried::Nobody } else { Tried::Came(tried) };
        }
    }
}

/// Whether smoke requests succeed: the first that does not, or the slowest.
pub(super) fn succeed(tried: &[Smoke]) -> (ProofState, Clean) {
    let wrong = tried.iter().find_map(|one| Some((&one.what, one.came.as_ref().err()?)));
    if let Some((what, why)) = wrong {
        return (ProofState::StillBad, crate::clean!("{what}: {why}"));
    }
    let slowest = tried.iter().filter_map(|one| one.came.as_ref().ok()).max().map_or(0, SignedDuration::as_millis);
    (ProofState::Good, crate::clean!("{} as expected, in {slowest} ms", count(tried.len(), "request")))
}
