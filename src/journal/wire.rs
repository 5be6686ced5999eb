//! How values are written in a line: ASCII only, so that a journal may be printed on any terminal as it is.

use crate::text::{Clean, Raw};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, io};

/// An identity or a hash exactly as its system said it. It is compared, never shown; [`Clean`] holds what is shown.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(Raw);

impl Exact {
    /// Keeps `text` byte for byte.
    pub fn new(text: &str) -> Self {
        Self(Raw::new(text))
    }

    /// The text, for a comparison or an identity.
    pub fn raw(&self) -> &Raw {
        &self.0
    }
}

impl From<&Raw> for Exact {
    fn from(raw: &Raw) -> Self {
        Self(raw.clone())
    }
}
impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}
impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

// A file is outside as well: what is read back is made harmless again.
impl<'de> Deserialize<'de> for Clean {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from_untrusted(&text))
    }
}

/// An operation's identity as its text.
pub(super) mod op {
    use super::{Deserialize, Deserializer, Serializer};
    use crate::domain::OpId;

    pub fn serialize<S: Serializer>(op: &OpId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(op.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OpId, D::Error> {
        String::deserialize(deserializer).map(|text| OpId::restore(&text))
    }
}

/// A time as RFC 3339 in UTC.
pub(super) mod time {
    use super::{Deserialize, Deserializer, Serializer, de};
    use jiff::Timestamp;

    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The same where there may be none.
pub(super) mod maybe_time {
    use super::{Deserialize, Deserializer, Serializer, de};
    use jiff::Timestamp;

    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(at),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| text.parse().map_err(de::Error::custom)).transpose()
    }
}

/// The compact JSON of `value`, every character outside printable ASCII written as `\uXXXX`.
pub(super) fn json<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1024);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Ascii))?;
    Ok(bytes)
}

struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if (' '..='~').contains(&c) {
                writer.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_printable_ascii_and_reads_back_as_it_was() {
        let text = "café \u{202e}🚀\u{9b}31m\u{7f}\u{1b}[2J\t\"\\";
        let bytes = json(&Exact::new(text)).expect("writes");
        assert!(bytes.iter().all(|b| (0x20..0x7f).contains(b)), "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(serde_json::from_slice::<Exact>(&bytes).expect("reads").raw().expose(), text);
    }
}
