//! What changed between two lists.

use crate::domain::{Change, Fact, Row};
use std::collections::BTreeMap;

/// The changes that turn what `before` lists into what `after` lists.
pub(super) fn between(before: Vec<Fact>, after: Vec<Fact>) -> Vec<Fact> {
    let old: BTreeMap<String, Fact> = before.into_iter().filter_map(|fact| Some((key(&fact)?, fact))).collect();
    let new: BTreeMap<String, Fact> = after.into_iter().filter_map(|fact| Some((key(&fact)?, fact))).collect();
    let gone = old.iter().filter(|(key, _)| !new.contains_key(*key)).filter_map(|(_, fact)| removed(fact));
    let gone: Vec<Fact> = gone.collect();
    let changed = new.into_iter().filter(|(key, fact)| old.get(key) != Some(fact)).map(|(_, fact)| fact);
    gone.into_iter().chain(changed).collect()
}

macro_rules! nouns {
    ($($noun:ident),*) => {
        /// What a row is known by, among all nouns.
        fn key(fact: &Fact) -> Option<String> {
            match fact {
                $(Fact::$noun(Change::Upsert(row)) => Some(format!("{} {}", stringify!($noun), row.id().as_str())),)*
                $(Fact::$noun(_) => None,)*
                Fact::Stream(_) | Fact::Lines(..) => None,
            }
        }

        fn removed(fact: &Fact) -> Option<Fact> {
            match fact {
                $(Fact::$noun(Change::Upsert(row)) => Some(Change::Remove(row.id().clone()).into()),)*
                $(Fact::$noun(_) => None,)*
                Fact::Stream(_) | Fact::Lines(..) => None,
            }
        }
    };
}
nouns!(Workload, Revision, Pod, Happening, Node, Hold, Run, Job, Alert, Rule, Sample);
