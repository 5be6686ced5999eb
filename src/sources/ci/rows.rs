//! A list of which every row is read by itself: one that can not be read does no harm to the others, and is counted.

use crate::{
    clean,
    text::{Clean, count},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

/// What could be read of a list, and what is wrong with the rest.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources) struct Rows<T> {
    /// The rows that could be read.
    pub read: Vec<T>,
    /// How many there are.
    pub all: usize,
    /// How many could not, and why the first of them could not.
    pub lost: Option<Clean>,
}

/// None, where a list may be missing.
impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { read: Vec::new(), all: 0, lost: None }
    }
}

/// What may be any value: what it is to us, or why it can not be read.
#[derive(Debug)]
pub(in crate::sources) struct Row<T>(pub Result<T, serde_json::Error>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Row<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // It is read where it stands in the answer, which is large.
        let told: &RawValue = Deserialize::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(told.get())))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told: Vec<Row<T>> = Vec::deserialize(deserializer)?;
        let (all, mut read, mut why) = (told.len(), Vec::new(), None);
        for Row(row) in told {
            match row {
                Ok(row) => read.push(row),
                Err(error) => why = why.or(Some(error)),
            }
        }
        let lost = why.map(|why| clean!("{} of {} rows can not be read: {why}", count((all - read.len()) as u64), count(all as u64)));
        Ok(Self { read, all, lost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        id: u64,
    }

    #[test]
    fn a_row_that_can_not_be_read_is_counted_and_the_others_are_there() {
        let read = |text: &str| serde_json::from_str::<Rows<Row>>(text);
        let rows = read(r#"[{"id":1},{"id":null},7,{"id":2}]"#).unwrap();
        assert_eq!(rows.read.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2]);
        assert!(rows.lost.as_ref().is_some_and(|words| words.starts_with("2 of 4 rows can not be read: invalid type: null")), "{:?}", rows.lost);
        assert!(read("[]").unwrap().lost.is_none());
        assert!(read("null").is_err() && read(r#"{"message":"no"}"#).is_err(), "what is no list is no empty list");
    }
}
