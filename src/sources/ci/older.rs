//! Where a list of runs ends, and how what is older is read page by page, so that nothing is lost or lost sight of while pages move.

use crate::{clean, domain::Cursor, sources::SourceError, text::Raw};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// So many older runs of a repository are read at a time.
pub(in crate::sources) const OLDER: usize = 50;

/// Where the list of each repository ends.
#[derive(Default)]
pub(in crate::sources) struct Ends(Mutex<HashMap<String, Timestamp>>);

impl Ends {
    /// The list of a repository goes back to then.
    pub fn tell(&self, repository: &str, at: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.to_owned(), at);
    }

    /// How far it goes back.
    pub fn of(&self, repository: &str) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(repository).copied()
    }
}

/// What comes after a time, and from which page on: only where more rows have one time than a page holds is that another one than the first. A new row
/// moves no pages that are counted from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sources) struct Before {
    /// Rows of that time and older ones; all of them where there is none.
    pub at: Option<Timestamp>,
    /// From 1.
    pub page: u32,
}

impl Before {
    /// Where a question goes on, else what comes after `end`.
    pub fn of(after: Option<&Cursor>, end: Option<Timestamp>) -> Result<Self, SourceError> {
        let Some(Cursor(text)) = after else { return Ok(Self { at: end, page: 1 }) };
        let read = text.expose().split_once(' ').and_then(|(page, at)| Some(Self { at: at.parse().ok(), page: page.parse().ok()? }));
        read.ok_or_else(|| SourceError::Protocol(clean!("where older runs go on can not be read")))
    }

    /// What comes after a page whose last row is of `last`.
    pub fn then(self, last: Option<Timestamp>) -> Self {
        match (last, self.at) {
            (Some(last), Some(at)) if last >= at => Self { page: self.page + 1, ..self },
            (Some(last), _) => Self { at: Some(last), page: 1 },
            (None, _) => Self { page: self.page + 1, ..self },
        }
    }

    /// The same for the next question.
    pub fn cursor(self) -> Cursor {
        Cursor(Raw::new(&format!("{} {}", self.page, self.at.map(|at| at.to_string()).unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_goes_on_by_time_and_by_pages_only_within_one() {
        let at = |second: i64| Timestamp::from_second(1_795_489_200 + second).ok();
        let first = Before::of(None, at(0)).unwrap();
        assert_eq!(first, Before { at: at(0), page: 1 });
        let second = first.then(at(-9));
        assert_eq!(second, Before { at: at(-9), page: 1 });
        assert_eq!(second.then(at(-9)), Before { at: at(-9), page: 2 }, "a page of one time");
        assert_eq!(second.then(at(-9)).then(at(-9)).then(at(-10)), Before { at: at(-10), page: 1 });
        assert_eq!(second.then(None).page, 2, "rows without a time");
        for one in [first, second, Before { at: None, page: 3 }] {
            assert_eq!(Before::of(Some(&one.cursor()), at(5)), Ok(one));
        }
        assert!(Before::of(Some(&Cursor(Raw::new("nonsense"))), None).is_err());
    }
}
