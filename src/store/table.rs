//! The rows of one noun, and which feeds say so.

use super::feeds::FeedNo;
use crate::domain::{Change, Id, Row};
use std::collections::BTreeMap;

/// A row, and the feeds that tell of it, each with the list in which it last did.
#[derive(Debug)]
struct Kept<T> {
    row: T,
    told: Vec<(FeedNo, u32)>,
}

/// How far a feed is with telling its list.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    number: u32,
    whole: bool,
}

/// The rows of one noun. A row stays as long as one feed tells of it.
#[derive(Debug)]
pub(super) struct Table<T> {
    /// Boxed: a map keeps room for rows that are not there, and ten thousand pods are large.
    rows: BTreeMap<Id<T>, Box<Kept<T>>>,
    rounds: BTreeMap<FeedNo, Round>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), rounds: BTreeMap::new() }
    }
}

/// What a change did to a table.
#[derive(Debug, PartialEq)]
pub(super) enum Turned<T> {
    /// No row came, went or changed.
    Nothing,
    /// A row that was not there came.
    Came(Id<T>),
    /// A row changed; this is how it was.
    Changed(Id<T>, T),
    /// Rows went.
    Went(Vec<T>),
}

impl<T: Row + PartialEq> Table<T> {
    /// Applies one change that `feed` tells: whether anything is otherwise now (a row, or how far the list was told), and which rows.
    pub fn tell(&mut self, feed: FeedNo, change: Change<T>) -> (bool, Turned<T>) {
        let barrier = matches!(change, Change::Begin | Change::Done);
        let turned = self.apply(feed, change);
        (barrier || !matches!(turned, Turned::Nothing), turned)
    }

    fn apply(&mut self, feed: FeedNo, change: Change<T>) -> Turned<T> {
        match change {
            Change::Begin => {
                self.rounds.entry(feed).or_default().number += 1;
                Turned::Nothing
            }
            Change::Upsert(row) => self.upsert(feed, row),
            Change::Remove(id) => self.remove(feed, &id),
            Change::Done => {
                let round = self.rounds.entry(feed).or_default();
                round.whole = true;
                let number = round.number;
                self.drop_claims(|claim| claim.0 != feed || claim.1 == number)
            }
        }
    }

    /// Forgets what `feed` told; rows that no other feed tells of go.
    pub fn forget(&mut self, feed: FeedNo) -> Turned<T> {
        self.rounds.remove(&feed);
        self.drop_claims(|claim| claim.0 != feed)
    }

    /// The row of `id`.
    pub fn get(&self, id: &Id<T>) -> Option<&T> {
        self.rows.get(id).map(|kept| &kept.row)
    }

    /// The same, to say better what another row tells of it.
    pub fn get_mut(&mut self, id: &Id<T>) -> Option<&mut T> {
        self.rows.get_mut(id).map(|kept| &mut kept.row)
    }

    /// All rows, by identity.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.values().map(|kept| &kept.row)
    }

    /// The feeds that tell of `id`.
    pub fn told_by(&self, id: &Id<T>) -> impl Iterator<Item = FeedNo> {
        self.rows.get(id).into_iter().flat_map(|kept| kept.told.iter().map(|(feed, _)| *feed))
    }

    /// Whether `feed` has told its whole list once.
    pub fn whole(&self, feed: FeedNo) -> bool {
        self.rounds.get(&feed).is_some_and(|round| round.whole)
    }

    fn upsert(&mut self, feed: FeedNo, row: T) -> Turned<T> {
        let number = self.rounds.entry(feed).or_default().number;
        let id = row.id().clone();
        let Some(kept) = self.rows.get_mut(&id) else {
            self.rows.insert(id.clone(), Box::new(Kept { row, told: vec![(feed, number)] }));
            return Turned::Came(id);
        };
        match kept.told.iter_mut().find(|claim| claim.0 == feed) {
            Some(claim) if kept.row == row => {
                claim.1 = number;
                return Turned::Nothing;
            }
            Some(claim) => claim.1 = number,
            // Even the same words count from another feed: they may be the first that can be true now.
            None => kept.told.push((feed, number)),
        }
        Turned::Changed(id, std::mem::replace(&mut kept.row, row))
    }

    fn remove(&mut self, feed: FeedNo, id: &Id<T>) -> Turned<T> {
        let Some(kept) = self.rows.get_mut(id) else { return Turned::Nothing };
        kept.told.retain(|claim| claim.0 != feed);
        if !kept.told.is_empty() {
            return Turned::Nothing;
        }
        self.rows.remove(id).map_or(Turned::Nothing, |kept| Turned::Went(vec![kept.row]))
    }

    fn drop_claims(&mut self, stays: impl Fn(&(FeedNo, u32)) -> bool) -> Turned<T> {
        let mut orphans = Vec::new();
        for (id, kept) in &mut self.rows {
            kept.told.retain(&stays);
            if kept.told.is_empty() {
                orphans.push(id.clone());
            }
        }
        let gone: Vec<T> = orphans.iter().filter_map(|id| self.rows.remove(id)).map(|kept| kept.row).collect();
        if gone.is_empty() { Turned::Nothing } else { Turned::Went(gone) }
    }
}
