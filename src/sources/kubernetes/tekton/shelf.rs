//! The newest runs of each pipeline, out of all that a cluster keeps: a list of the API has no order, and each of its runs may be the newest.

use crate::{
    domain::{Change, Id, Run, RunStatus},
    sources::ci::{BETWEEN, Before, OLDER, Usual},
    text::{Clean, Name},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How it stands in line: by when it was made, which is told to the second, and then by its name.
type Place = (Option<Timestamp>, Clean, Id<Run>);

/// All runs, and which of them are told.
pub struct Shelf {
    newest: usize,
    usual: Usual,
    pipelines: BTreeMap<String, Pipeline>,
    /// The pipeline and the place of each run.
    places: HashMap<Id<Run>, (String, Place)>,
    /// Whether all runs are known: only then is a median of successes one.
    whole: bool,
    /// Where somebody has asked for what is older. What comes is to go on from that without a gap, also where the watch broke off: there more are told.
    asked: BTreeSet<Name>,
}

#[derive(Default)]
struct Pipeline {
    runs: BTreeMap<Place, Run>,
    told: BTreeMap<Id<Run>, Run>,
}

impl Shelf {
    /// One that shows so many of each pipeline.
    pub fn new(newest: usize) -> Self {
        Self { newest, usual: Usual::new(newest), pipelines: BTreeMap::new(), places: HashMap::new(), whole: false, asked: BTreeSet::new() }
    }

    /// A whole list begins.
    pub fn begin(&mut self) -> Vec<Change<Run>> {
        *self = Self { asked: std::mem::take(&mut self.asked), ..Self::new(self.newest) };
        vec![Change::Begin]
    }

    /// A run of a pipeline is so now.
    pub fn is(&mut self, pipeline: &str, run: Run) -> Vec<Change<Run>> {
        let place = (run.created, run.called(), run.id.clone());
        let mut changes = match self.places.get(&run.id) {
            Some((of, at)) if of != pipeline || *at != place => self.gone(&run.id),
            _ => Vec::new(),
        };
        if let (RunStatus::Success | RunStatus::Warn, Some(began), Some(ended)) = (&run.status, run.started, run.ended)
            && let Ok(seconds) = u32::try_from(ended.duration_since(began).as_secs())
        {
            let order = run.created.map_or(0, |at| at.as_second().cast_unsigned());
            self.usual.learn(pipeline, 0, order, seconds);
        }
        self.places.insert(run.id.clone(), (pipeline.to_owned(), place.clone()));
        self.pipelines.entry(pipeline.to_owned()).or_default().runs.insert(place, run);
        changes.extend(self.tell(pipeline));
        changes
    }

    /// A run is gone.
    pub fn gone(&mut self, run: &Id<Run>) -> Vec<Change<Run>> {
        let Some((pipeline, place)) = self.places.remove(run) else { return Vec::new() };
        self.pipelines.get_mut(&pipeline).map(|of| of.runs.remove(&place));
        self.tell(&pipeline)
    }

    /// The runs of a repository that are not told, the newest first, from there on; and where it goes on.
    pub fn older(&mut self, repository: &Name, before: Before) -> (Vec<Run>, Option<Before>) {
        self.asked.insert(repository.clone());
        let untold = self.pipelines.values().flat_map(|pipeline| pipeline.runs.iter().filter(|(_, run)| !pipeline.told.contains_key(&run.id)));
        let mut rows: Vec<(&Place, &Run)> =
            untold.filter(|(_, run)| run.repository == *repository && before.at.is_none_or(|at| run.created.is_some_and(|made| made <= at))).collect();
        rows.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        let from = (before.page as usize).saturating_sub(1) * OLDER;
        let page: Vec<Run> = rows.iter().skip(from).take(OLDER).map(|(_, run)| (*run).clone()).collect();
        let more = rows.len() > from + page.len();
        let next = more.then(|| before.then(page.last().and_then(|run| run.created)));
        (page, next)
    }

    /// The whole list was said.
    pub fn done(&mut self) -> Vec<Change<Run>> {
        self.whole = true;
        let names: Vec<String> = self.pipelines.keys().cloned().collect();
        let mut changes: Vec<Change<Run>> = names.iter().flat_map(|name| self.tell(name)).collect();
        changes.push(Change::Done);
        changes
    }

    /// What is another now among the newest of a pipeline.
    fn tell(&mut self, name: &str) -> Vec<Change<Run>> {
        let usual = if self.whole { self.usual.of(name, 0) } else { None };
        let Some(pipeline) = self.pipelines.get_mut(name) else { return Vec::new() };
        let asked = pipeline.runs.values().next_back().is_some_and(|run| self.asked.contains(&run.repository));
        let most = self.newest + if asked { BETWEEN * OLDER } else { 0 };
        let now: BTreeMap<Id<Run>, Run> = pipeline.runs.values().rev().take(most).map(|run| (run.id.clone(), Run { usual, ..run.clone() })).collect();
        let gone = pipeline.told.keys().filter(|id| !now.contains_key(*id)).map(|id| Change::Remove(id.clone()));
        let new = now.values().filter(|run| pipeline.told.get(&run.id) != Some(run)).map(|run| Change::Upsert(run.clone()));
        let changes = gone.chain(new).collect();
        pipeline.told = now;
        if pipeline.runs.is_empty() {
            self.pipelines.remove(name);
        }
        changes
    }
}
