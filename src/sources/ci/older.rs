//! How far a list of runs goes, and how what is older is read page by page, so that nothing is lost or lost sight of while pages move.

use crate::{
    clean,
    domain::Cursor,
    sources::{SourceError, refusal::Refusal},
    text::{Clean, Raw},
};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// So many older runs of a repository are read at a time.
pub(in crate::sources) const OLDER: usize = 50;

/// So many pages are read of what lies between a list and the runs that were known before it.
pub(in crate::sources) const BETWEEN: usize = 3;

/// How far the list of each repository goes, in whatever orders it.
pub(in crate::sources) struct Ends<T>(Mutex<HashMap<String, End<T>>>);

struct End<T> {
    oldest: T,
    newest: T,
    /// Somebody has asked for what is older: what comes is to go on from that without a gap.
    asked: bool,
}

impl<T> Default for Ends<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Copy + Ord> Ends<T> {
    /// The list of a repository goes from `oldest` to `newest`. Where it does not reach what was known before, and that is to be gone on from: the newest
    /// of that.
    pub fn tell(&self, repository: &str, (oldest, newest): (T, T)) -> Option<T> {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ends.entry(repository.to_owned()).or_insert(End { oldest, newest, asked: false });
        let known = end.newest;
        (end.oldest, end.newest) = (oldest, newest.max(known));
        Some(known).filter(|known| end.asked && *known < oldest)
    }

    /// How far it goes back, for somebody who asks for what is older.
    pub fn of(&self, repository: &str) -> Option<T> {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ends.get_mut(repository)?;
        end.asked = true;
        Some(end.oldest)
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

/// The rows between the newest that were `known` and the `oldest` of a list, page after page; and from when to when some were not read, and why. What the list
/// told is not lost for it.
pub(in crate::sources) async fn between<T, P>(
    (known, oldest): (Timestamp, Timestamp),
    page: impl Fn(Before) -> P,
    at: impl Fn(&T) -> Option<Timestamp>,
) -> (Vec<T>, Option<Clean>)
where
    P: Future<Output = Result<(Vec<T>, bool), Refusal>>,
{
    let (mut before, mut found) = (Before { at: Some(oldest), page: 1 }, Vec::new());
    let mut why = clean!("more than {} came at once", BETWEEN * OLDER);
    for _ in 0..BETWEEN {
        let (rows, more) = match page(before).await {
            Ok(page) => page,
            Err(refusal) => {
                why = SourceError::from(refusal).why().words;
                break;
            }
        };
        let last = rows.last().and_then(&at);
        found.extend(rows);
        if !more || last.is_none_or(|last| last <= known) {
            return (found, None);
        }
        before = before.then(last);
    }
    (found, Some(clean!("those from {known} to {} were not read: {why}", before.at.unwrap_or(oldest))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_does_not_reach_what_was_known_says_so_to_whoever_has_asked() {
        let ends = Ends::<u64>::default();
        assert_eq!((ends.of("cart"), ends.tell("cart", (1, 5)), ends.tell("cart", (8, 12))), (None, None, None), "nobody has asked");
        assert_eq!((ends.of("cart"), ends.tell("cart", (12, 16)), ends.tell("shop", (1, 5))), (Some(8), None, None));
        assert_eq!(ends.tell("cart", (18, 22)), Some(16));
        assert_eq!((ends.tell("cart", (18, 22)), ends.tell("cart", (3, 7)), ends.tell("cart", (22, 26))), (None, None, None), "a newest one was deleted");
    }

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
