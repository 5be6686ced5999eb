//! Asks for runs that are older than those of the lists: when somebody comes to the end of the panel, once, for the repositories whose runs end there first,
//! so that what comes below is in order and without gaps. Nobody is asked again before somebody moves on.

use super::{App, Effect, Known, tasks::Purpose};
use crate::{
    domain::{Answer, Question, TaskId, Trouble, Why},
    store::{Reach, RunList},
    text::Clean,
};
use std::collections::BTreeMap;

/// So many repositories are asked at a time, each once.
const TOGETHER: usize = 5;

/// The questions that are out, and what could not be had.
#[derive(Debug, Default)]
pub struct Older {
    asked: BTreeMap<TaskId, RunList>,
    failed: BTreeMap<RunList, Clean>,
}

/// What is beyond the end of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// More, for whoever asks.
    More,
    /// What was asked for.
    Loading,
    /// Something that could not be had; it is asked for again when somebody asks.
    Failed(Clean),
    /// Something, and there is no room for it: so many are kept.
    Full(usize),
    /// Nothing; or nothing that its CI would tell from here, which says so.
    Nothing(Option<Clean>),
}

impl App {
    /// What is beyond the end of the runs that are shown; none before the lists themselves are here.
    pub fn beyond(&self) -> Option<Beyond> {
        let lists: Vec<&RunList> = self.pipelines.lists.iter().filter(|list| self.has_end(list)).collect();
        let why = |lists: &[&RunList]| lists.iter().find_map(|list| self.older.failed.get(*list).cloned());
        let (open, whole): (Vec<&RunList>, Vec<&RunList>) = lists.iter().partition(|list| self.goes_on(list));
        Some(match self.store.older_full() {
            _ if lists.is_empty() => return None,
            _ if !self.older.asked.is_empty() => Beyond::Loading,
            Some(kept) => Beyond::Full(kept),
            None if open.is_empty() => Beyond::Nothing(why(&whole)),
            None => why(&open).map_or(Beyond::More, Beyond::Failed),
        })
    }

    /// Whether there may be older runs of a repository than those that are here.
    fn goes_on(&self, list: &RunList) -> bool {
        self.store.reach(list) != Some(&Reach::All)
    }

    /// Whether the list of a repository is here, so that it has an end, and somebody to ask.
    fn has_end(&self, (source, _): &RunList) -> bool {
        self.store.knows_runs_of(source) && matches!(self.sources.get(source), Some(Ok(Known::Ready(_))))
    }

    /// Asks for what is beyond the end. While an answer is on its way nothing more is asked for: where that ends decides who is next.
    pub fn ask_beyond(&mut self) -> Vec<Effect> {
        if !self.older.asked.is_empty() || self.store.older_full().is_some() {
            return Vec::new();
        }
        let ends = self.store.run_ends();
        let open = |list: &&RunList| self.has_end(list) && self.goes_on(list);
        let mut lists: Vec<RunList> = self.pipelines.lists.iter().filter(open).cloned().collect();
        lists.sort_by_key(|list| std::cmp::Reverse(ends.get(list).copied().flatten()));
        lists.truncate(TOGETHER);
        lists.into_iter().map(|list| self.ask_older(list)).collect()
    }

    fn ask_older(&mut self, list: RunList) -> Effect {
        let after = match self.store.reach(&list) {
            Some(Reach::Further(cursor)) => Some(cursor.clone()),
            Some(Reach::Asked | Reach::All) | None => None,
        };
        let (task, effect) = self.ask(Purpose::Older, list.0.clone(), Question::Older { repository: list.1.clone(), after });
        self.older.failed.remove(&list);
        self.store.older_asked(&list);
        self.older.asked.insert(task, list);
        effect
    }

    pub(super) fn older_answered(&mut self, task: TaskId, answer: Result<Box<Answer>, Why>) {
        let Some(list) = self.older.asked.remove(&task) else { return };
        match answer.map(|answer| *answer) {
            Ok(Answer::Older { runs, next }) => self.store.older(list, runs, next),
            Ok(_) => {}
            Err(why) => {
                // Who can not tell is not asked again.
                if why.trouble == Trouble::Unsupported {
                    self.store.older(list.clone(), Vec::new(), None);
                }
                self.older.failed.insert(list, why.words);
            }
        }
    }
}
