//! What was received, byte for byte.

use compact_str::CompactString;
use std::fmt;

/// Text exactly as a back end said it: to build requests, to compare, to be an id. It has no `Display`, and its `Debug` hides it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Raw(CompactString);

impl Raw {
    /// Keeps `text` as it is.
    pub fn new(text: &str) -> Self {
        Self(CompactString::new(text))
    }

    /// The text itself, for a request or a comparison; never for a screen, a log or an error.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw(…)")
    }
}
