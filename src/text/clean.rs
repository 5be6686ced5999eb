//! Text that a terminal may be given.

use compact_str::CompactString;
use serde::{Serialize, Serializer};
use std::{borrow::Borrow, fmt, ops::Deref};

/// One line of harmless text: no control bytes, no escape sequences, no characters that change the direction of writing.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clean(CompactString);

impl Clean {
    /// Nothing.
    pub const EMPTY: Self = Self(CompactString::const_new(""));

    /// Our own words, harmless because we wrote them.
    pub const fn from_static(text: &'static str) -> Self {
        Self(CompactString::const_new(text))
    }

    /// Whatever `text` holds, made harmless.
    pub fn from_untrusted(text: &str) -> Self {
        if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Self(CompactString::new(text));
        }
        Self(text.chars().map(|c| if c.is_control() { '␣' } else { c }).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Clean {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}
impl Borrow<str> for Clean {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl AsRef<str> for Clean {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
impl From<&'static str> for Clean {
    fn from(text: &'static str) -> Self {
        Self::from_static(text)
    }
}
impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&*self.0, f)
    }
}
impl fmt::Debug for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
impl Serialize for Clean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
