//! A name from outside, kept both ways.

use super::{Clean, Raw};
use std::fmt;

/// A name that is used in requests as it came and shown harmless. Compared by what came.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    raw: Raw,
    clean: Clean,
}

impl Name {
    /// Both faces of `text`.
    pub fn new(text: &str) -> Self {
        Self { raw: Raw::new(text), clean: Clean::from_untrusted(text) }
    }

    /// As it came, for requests.
    pub fn raw(&self) -> &str {
        self.raw.expose()
    }

    /// As it may be shown.
    pub fn clean(&self) -> &Clean {
        &self.clean
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.clean, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.clean, f)
    }
}
