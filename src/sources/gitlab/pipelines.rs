//! The pipelines of some projects: read one project after the other by what changed last, often where something runs and seldom where nothing does.
//!
//! A list tells little of a pipeline. What it lacks is asked for afterwards: at once of what runs and of what is news, and by and by of the rest, one
//! pipeline after the other whatever their projects are, so that twenty projects cost little more than one does.

use super::{
    api::Api,
    meter::Need,
    wire::{WireCar, WireCommit, WirePipeline},
};
use crate::{
    domain::{Batch, Change, Fact, Run},
    sources::{SourceError, ci::SOON, refusal::Refusal},
    text::{Clean, Name},
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// How many pages are read for as many pipelines as are wanted, where not all fit.
const PAGES: usize = 3;
/// Of how many pipelines more is asked for at one look; of those that are no news one in so long a time, and how far down the list.
const DETAILS: usize = 4;
const BY_AND_BY: Duration = Duration::from_secs(3);
const DEEP: usize = 10;
/// How many titles of commits are remembered.
const TITLES: usize = 2_000;
/// How often a project that refuses us is asked again.
const REFUSED: Duration = Duration::from_secs(5 * 60);

/// Which pipelines are wanted.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// The projects, with all groups.
    pub projects: Vec<Name>,
    /// Branches, with `*` and `?`; none means all.
    pub branches: Vec<String>,
    /// How many of each project that changed last.
    pub runs: usize,
}

/// Pipelines for as long as they are asked for.
pub(super) fn watch(api: Arc<Api>, scope: Scope) -> BoxStream<'static, Result<Batch, SourceError>> {
    let lists = scope.projects.iter().map(|name| List::new(name.clone())).collect();
    stream::try_unfold(Watch { api, scope, lists, phase: Phase::New, filled: Instant::now() }, |mut watch| async move {
        let batch = watch.next().await?;
        Ok(Some((batch, watch)))
    })
    .boxed()
}

struct Watch {
    api: Arc<Api>,
    scope: Scope,
    lists: Vec<List>,
    phase: Phase,
    /// When it was last asked for what is no news.
    filled: Instant,
}

/// What is asked of a project.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    /// Its list.
    List,
    /// What its rows lack, of which somebody may be waiting.
    News,
    /// One more of what they lack beside that.
    Rest,
}

/// What one answer about each of them would tell more than a list does of the rows.
#[derive(Clone, Copy, PartialEq)]
enum Lacks {
    Nothing,
    /// Titles, or more about what runs or has just come or changed.
    News,
    /// More about what is over for long.
    Rest,
}

/// Until each project was asked once, the list is not whole.
#[derive(PartialEq)]
enum Phase {
    New,
    Begun,
    Whole,
}

/// The pipelines of one project.
struct List {
    name: Name,
    due: Instant,
    looked: bool,
    /// How many looks in a row showed nothing that runs.
    calm: u32,
    rows: BTreeMap<u64, (WirePipeline, Run)>,
    titles: BTreeMap<String, Clean>,
    /// No merge trains are known here.
    trainless: bool,
    lacks: Lacks,
    /// When more was asked about its rows.
    filled: Instant,
    refused: Option<SourceError>,
}

impl List {
    fn new(name: Name) -> Self {
        Self {
            name,
            due: Instant::now(),
            looked: false,
            calm: 0,
            rows: BTreeMap::new(),
            titles: BTreeMap::new(),
            trainless: false,
            lacks: Lacks::Nothing,
            filled: Instant::now(),
            refused: None,
        }
    }

    fn busy(&self) -> bool {
        self.rows.values().any(|(wire, _)| wire.alive())
    }
}

impl Watch {
    /// Looks at the project whose turn it is, when it is.
    async fn next(&mut self) -> Result<Batch, SourceError> {
        let (at, turn) = self.turn().await;
        let looked = self.look(at, turn).await;
        let list = &mut self.lists[at];
        list.looked = true;
        let mut facts = match looked {
            Ok(facts) => {
                list.refused = None;
                facts
            }
            Err(Refusal::Everywhere(error)) => return Err(error),
            Err(Refusal::Here(error)) => {
                list.refused = Some(error);
                Vec::new()
            }
        };
        self.api.note(self.lists[at].name.raw(), self.lists[at].refused.as_ref().map(|error| error.why().words));
        if let (true, Some(error)) = (self.lists.iter().all(|list| list.refused.is_some()), &self.lists[at].refused) {
            return Err(error.clone());
        }
        self.plan(at, turn);
        self.frame(&mut facts);
        Ok(Batch { facts, cursor: None })
    }

    /// Waits for the project whose turn it is; one in which somebody has changed something comes soon.
    async fn turn(&mut self) -> (usize, Turn) {
        loop {
            let Some(at) = (0..self.lists.len()).min_by_key(|at| self.lists[*at].due) else {
                return std::future::pending().await;
            };
            let lacking = (0..self.lists.len()).filter(|at| self.lists[*at].lacks == Lacks::Rest).min_by_key(|at| self.lists[*at].filled);
            let hurried = tokio::select! {
                () = sleep_until(self.lists[at].due) => return (at, if self.lists[at].lacks == Lacks::News { Turn::News } else { Turn::List }),
                () = sleep_until(self.filled + BY_AND_BY.min(self.api.pace.busy)), if lacking.is_some() => return (lacking.unwrap_or(at), Turn::Rest),
                hurried = self.api.hurry.changes() => hurried,
            };
            for list in self.lists.iter_mut().filter(|list| hurried.contains(list.name.raw())) {
                list.due = list.due.min(Instant::now() + SOON);
                list.lacks = Lacks::Nothing;
            }
        }
    }

    /// When the project is looked at again.
    fn plan(&mut self, at: usize, turn: Turn) {
        let (pace, slower) = (self.api.pace, self.api.slowness());
        let list = &mut self.lists[at];
        if turn == Turn::Rest {
            list.filled = Instant::now();
            self.filled = list.filled;
            return;
        }
        if turn == Turn::List {
            list.calm = if list.busy() { 0 } else { list.calm.saturating_add(1) };
        }
        let rest = match list.refused {
            Some(_) => REFUSED,
            // Not all at once.
            None if list.lacks == Lacks::News => pace.busy.min(Duration::from_secs(1)),
            None => pace.rest(list.calm),
        };
        list.due = Instant::now() + rest * slower;
    }

    /// The first facts begin a whole list, which is done when each project was looked at.
    fn frame(&mut self, facts: &mut Vec<Fact>) {
        if self.phase == Phase::New {
            facts.insert(0, Change::<Run>::Begin.into());
            self.phase = Phase::Begun;
        }
        if self.phase == Phase::Begun && self.lists.iter().all(|list| list.looked) {
            facts.push(Change::<Run>::Done.into());
            self.phase = Phase::Whole;
        }
    }

    /// A first look tells the list alone, so that it is there at once; later ones ask for what it lacks.
    async fn look(&mut self, at: usize, turn: Turn) -> Result<Vec<Fact>, Refusal> {
        let (name, first) = (self.lists[at].name.clone(), !self.lists[at].looked);
        let known = &self.lists[at].rows;
        let lasting = |mut row: WirePipeline| {
            row.news = !first;
            known.get(&row.id).map_or(row.clone(), |(known, _)| row.with_details_of(known))
        };
        let mut rows: Vec<WirePipeline> = match turn {
            Turn::List => self.newest(&name).await?.into_iter().map(lasting).collect(),
            Turn::News | Turn::Rest => known.values().rev().map(|(wire, _)| wire.clone()).collect(),
        };
        if turn != Turn::Rest && !first {
            self.titles(at, &rows).await?;
            self.trains(at, &rows).await?;
        }
        self.lists[at].lacks = if first { Lacks::News } else { self.details(&name, &mut rows, turn).await? };
        self.learn(&name, &rows);
        Ok(self.merge(at, rows))
    }

    /// The pipelines that changed last. One that is retried comes up again.
    async fn newest(&self, name: &Name) -> Result<Vec<WirePipeline>, Refusal> {
        let mut ask = Api::ask(name.raw(), &["pipelines"]).with("order_by", "updated_at").with("sort", "desc").with("per_page", self.scope.runs.to_string());
        if let [one] = self.scope.branches.as_slice()
            && !one.contains(['*', '?', '!'])
        {
            ask = ask.with("ref", one.clone());
        }
        let mut found: Vec<WirePipeline> = Vec::new();
        for _ in 0..PAGES {
            let (page, next) = self.api.read::<Vec<WirePipeline>>(Need::List, name.raw(), ask).await?;
            // A page may repeat what moved down while it was read.
            let new: Vec<WirePipeline> =
                page.into_iter().filter(|row| row.fits(&self.scope.branches) && !found.iter().any(|known| known.id == row.id)).collect();
            found.extend(new);
            match next {
                Some(next) if found.len() < self.scope.runs && !self.scope.branches.is_empty() => ask = next,
                _ => break,
            }
        }
        found.truncate(self.scope.runs);
        Ok(found)
    }

    /// Asks for some of those that a list tells too little of; which are left.
    async fn details(&self, name: &Name, rows: &mut [WirePipeline], turn: Turn) -> Result<Lacks, Refusal> {
        let wanting: Vec<usize> = (0..rows.len()).filter(|at| !rows[*at].asked && (*at < DEEP || rows[*at].urgent())).collect();
        let (urgent, rest): (Vec<usize>, Vec<usize>) = wanting.into_iter().partition(|at| rows[*at].urgent());
        let now = match turn {
            Turn::List | Turn::News => urgent.iter().take(DETAILS),
            Turn::Rest => rest.iter().take(1),
        };
        for at in now {
            let ask = Api::ask(name.raw(), &["pipelines", &rows[*at].id.to_string()]);
            match self.api.read::<WirePipeline>(Need::List, name.raw(), ask).await {
                Ok((mut whole, _)) => {
                    whole.asked = true;
                    rows[*at] = whole;
                }
                // It was deleted, or is not for us: what the list says is what is known.
                Err(Refusal::Here(_)) => rows[*at].asked = true,
                Err(everywhere) => return Err(everywhere),
            }
        }
        let left = |of: &[usize]| of.iter().any(|at| !rows[*at].asked);
        Ok(if left(&urgent) {
            Lacks::News
        } else if left(&rest) {
            Lacks::Rest
        } else {
            Lacks::Nothing
        })
    }

    /// What the commits are called: one request for the newest of all branches.
    async fn titles(&mut self, at: usize, rows: &[WirePipeline]) -> Result<(), Refusal> {
        let list = &self.lists[at];
        if rows.iter().all(|row| row.commit().is_empty() || list.titles.contains_key(row.commit())) {
            return Ok(());
        }
        let ask = Api::ask(list.name.raw(), &["repository", "commits"]).with("all", "true").with("per_page", "100");
        let read = self.api.read::<Vec<WireCommit>>(Need::List, list.name.raw(), ask).await;
        let list = &mut self.lists[at];
        match read {
            Ok((commits, _)) => {
                let titled = commits.into_iter().filter_map(|commit| Some((commit.id, Clean::from_untrusted(&commit.title?))));
                list.titles.extend(titled);
            }
            // Who may see pipelines need not see the code.
            Err(Refusal::Here(_)) => {}
            Err(everywhere) => return Err(everywhere),
        }
        // Those that are too old are not asked for again.
        for row in rows {
            list.titles.entry(row.commit().to_owned()).or_insert(Clean::EMPTY);
        }
        if list.titles.len() > TITLES {
            list.titles.retain(|commit, _| rows.iter().any(|row| row.commit() == commit));
        }
        Ok(())
    }

    /// What the trains are called on which merge requests wait for their turn. Not every GitLab has them.
    async fn trains(&mut self, at: usize, rows: &[WirePipeline]) -> Result<(), Refusal> {
        let list = &self.lists[at];
        if list.trainless || !rows.iter().any(|row| row.on_train() && row.alive()) {
            return Ok(());
        }
        let ask = Api::ask(list.name.raw(), &["merge_trains"]).with("scope", "active").with("per_page", "100");
        let read = self.api.read::<Vec<WireCar>>(Need::List, list.name.raw(), ask).await;
        let list = &mut self.lists[at];
        match read {
            Ok((cars, _)) => {
                for (pipeline, words) in cars.iter().filter_map(WireCar::told) {
                    if let Some(row) = rows.iter().find(|row| row.id == pipeline) {
                        list.titles.insert(row.commit().to_owned(), words);
                    }
                }
            }
            Err(Refusal::Here(_)) => list.trainless = true,
            Err(everywhere) => return Err(everywhere),
        }
        Ok(())
    }

    fn learn(&self, name: &Name, rows: &[WirePipeline]) {
        let mut usual = self.api.usual.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            if let Some(seconds) = row.took() {
                usual.learn(&row.habit(name.raw()), 0, row.id, seconds);
            }
        }
    }

    /// Lays what was read over what is known, and tells the difference, the newest first.
    fn merge(&mut self, at: usize, rows: Vec<WirePipeline>) -> Vec<Fact> {
        let new: BTreeMap<u64, (WirePipeline, Run)> = rows.into_iter().map(|wire| (wire.id, self.row(at, wire))).collect();
        let before = std::mem::take(&mut self.lists[at].rows);
        let mut facts = Vec::new();
        for (id, (wire, run)) in new.iter().rev() {
            self.api.board.tell(&run.id, Some(wire.standing()));
            if before.get(id).is_none_or(|(_, known)| known != run) {
                facts.push(Change::Upsert(run.clone()).into());
            }
        }
        for (_, run) in before.into_iter().filter(|(id, _)| !new.contains_key(id)).map(|(_, row)| row) {
            self.api.board.tell(&run.id, None);
            facts.push(Change::<Run>::Remove(run.id).into());
        }
        self.lists[at].rows = new;
        facts
    }

    fn row(&self, at: usize, wire: WirePipeline) -> (WirePipeline, Run) {
        let list = &self.lists[at];
        let usual = self.api.usual.lock().unwrap_or_else(PoisonError::into_inner).of(&wire.habit(list.name.raw()), 0);
        let title = list.titles.get(wire.commit()).filter(|title| !title.is_empty()).cloned();
        let run = wire.run(&self.api.id, &list.name, title, usual);
        (wire, run)
    }
}
