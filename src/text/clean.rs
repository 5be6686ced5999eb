//! Text that a terminal may be given.

use super::sieve::{self, Sieve};
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

    /// Whatever `text` holds, made harmless, on one line: tabs become spaces, line ends `↵`, what is invisible `␣`, escape sequences nothing.
    /// At most 64 KiB; beyond it the end says how much was left out.
    pub fn from_untrusted(text: &str) -> Self {
        if text.len() <= sieve::CAP && sieve::is_plain(text.as_bytes()) {
            return Self(CompactString::new(text));
        }
        let mut sieve = Sieve::for_text(text);
        for (row, line) in lines_of(text).enumerate() {
            if row > 0 {
                sieve.end_line();
            }
            sieve::sift(line, &mut sieve, |_, _| {});
        }
        Self::sieved(sieve.finish())
    }

    /// As [`Clean::from_untrusted`]; what is not UTF-8 becomes U+FFFD.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_untrusted(&String::from_utf8_lossy(bytes))
    }

    /// Text of several lines, each harmless; a line end at the end begins no further line.
    pub fn lines(text: &str) -> impl Iterator<Item = Self> {
        text.lines().map(Self::from_untrusted)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What came out of the sieve.
    pub(super) fn sieved(text: String) -> Self {
        Self(CompactString::from(text))
    }

    /// Words of ours with numbers in them.
    pub(super) fn ours(text: CompactString) -> Self {
        Self(text)
    }
}

/// The lines of a text that is to become one, without their ends.
pub(super) fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(|line| line.trim_end_matches('\r'))
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
