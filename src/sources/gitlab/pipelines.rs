//! The pipelines of some projects: read one project after the other by what changed last, often where something runs and seldom where nothing does.
//!
//! A list tells little of a pipeline. What it lacks is asked for afterwards: at once of what runs and of what is news, and by and by of the rest, one
//! pipeline after the other whatever their projects are, so that twenty projects cost little more than one does.

mod list;
mod titles;

use super::{api::Api, meter::Need, older, wire::WirePipeline};
use crate::{
    clean,
    domain::{Batch, Change, Fact, Run},
    sources::{
        SourceError,
        ci::{Rows, SOON},
        http::Ask,
        refusal::Refusal,
    },
    text::Name,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use list::List;
use std::{
    collections::{BTreeMap, BTreeSet},
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
/// How many pipelines that still run and are no longer among those that changed last are looked after.
const OLD: usize = 10;

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

impl Scope {
    /// A request for a list of pipelines of a project, as far as GitLab itself leaves out what is not wanted.
    pub fn ask(&self, project: &Name) -> Ask {
        let ask = Api::ask(project.raw(), &["pipelines"]).with("order_by", "updated_at").with("sort", "desc");
        match self.branches.as_slice() {
            [one] if !one.contains(['*', '?', '!']) => ask.with("ref", one.clone()),
            _ => ask,
        }
    }
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
            Err(Refusal::Faulty(error)) => {
                self.doubt(at, error);
                Vec::new()
            }
        };
        let list = &self.lists[at];
        self.api.note(list.name.raw(), list.refused.as_ref().map(|error| error.why().words).or_else(|| list.lost.clone()));
        if let (true, Some(error)) = (self.lists.iter().all(|list| list.refused.is_some()), &self.lists[at].refused) {
            return Err(error.clone());
        }
        self.plan(at, turn);
        self.frame(&mut facts);
        Ok(Batch { facts, cursor: None })
    }

    /// A project answers by a fault. Where that is new the others are looked at now: it may be GitLab that is at fault, and not this one.
    fn doubt(&mut self, at: usize, error: SourceError) {
        let new = self.lists[at].refused.replace(error).is_none();
        if new {
            self.lists[at].calm = 0;
        }
        for list in self.lists.iter_mut().filter(|list| new && list.refused.is_none()) {
            list.due = Instant::now();
        }
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
                over = self.api.board.over() => {
                    for list in self.lists.iter_mut().filter(|list| list.awaits(&over)) {
                        list.due = list.due.min(Instant::now() + SOON);
                        list.lacks = Lacks::Nothing;
                    }
                    continue;
                }
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
        if turn == Turn::List || list.faulty() {
            list.calm = if list.busy() && !list.faulty() { 0 } else { list.calm.saturating_add(1) };
        }
        let rest = match &list.refused {
            Some(error) => pace.again(error, list.calm),
            // Not all at once.
            None if list.lacks == Lacks::News => pace.busy.min(Duration::from_secs(1)),
            None if list.is_looked_at(&self.api.board) => pace.aside(),
            None => pace.rest(list.calm),
        };
        list.due = Instant::now() + rest * slower;
    }

    /// The first facts begin a whole list, which is done when each project was looked at, and none of them is at fault any more.
    fn frame(&mut self, facts: &mut Vec<Fact>) {
        if self.phase == Phase::New {
            facts.insert(0, Change::<Run>::Begin.into());
            self.phase = Phase::Begun;
        }
        if self.phase == Phase::Begun && self.lists.iter().all(|list| list.looked && !list.faulty()) {
            facts.push(Change::<Run>::Done.into());
            self.phase = Phase::Whole;
        }
    }

    /// A first look tells the list alone, so that it is there at once; later ones ask for what it lacks.
    async fn look(&mut self, at: usize, turn: Turn) -> Result<Vec<Fact>, Refusal> {
        let (name, first) = (self.lists[at].name.clone(), !self.lists[at].looked);
        let mut rows: Vec<WirePipeline> = match turn {
            Turn::List => self.listed(at, &name, first).await?,
            Turn::News | Turn::Rest => self.lists[at].rows.values().rev().map(|(wire, _)| wire.clone()).collect(),
        };
        if turn != Turn::Rest && !first {
            self.titles(at, &rows).await?;
            self.trains(at, &rows).await?;
        }
        self.lists[at].lacks = if first { Lacks::News } else { self.details(&name, &mut rows, turn).await? };
        self.learn(&name, &rows);
        Ok(self.merge(at, rows))
    }

    /// The pipelines that changed last, with what is known of them; and those that ran when they were last seen, and were driven out of the list since.
    async fn listed(&mut self, at: usize, name: &Name, first: bool) -> Result<Vec<WirePipeline>, Refusal> {
        let newest = self.newest(at, name).await?;
        let known = &self.lists[at].rows;
        let lasting = |mut row: WirePipeline| {
            row.news = !first && !row.asked;
            known.get(&row.id).map_or(row.clone(), |(known, _)| row.with_details_of(known))
        };
        let mut rows: Vec<WirePipeline> = newest.into_iter().map(lasting).collect();
        let unseen: Vec<u64> = known.iter().filter(|(id, (wire, _))| wire.alive() && !rows.iter().any(|row| row.id == **id)).map(|(id, _)| *id).collect();
        for id in unseen.into_iter().rev().take(OLD) {
            match self.api.read::<WirePipeline>(Need::List, name.raw(), Api::ask(name.raw(), &["pipelines", &id.to_string()])).await {
                Ok((mut whole, _)) => {
                    whole.asked = true;
                    rows.push(whole);
                }
                // It was deleted.
                Err(Refusal::Here(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(rows)
    }

    /// The pipelines that changed last. One that is retried comes up again.
    async fn newest(&mut self, at: usize, name: &Name) -> Result<Vec<WirePipeline>, Refusal> {
        let mut ask = self.scope.ask(name).with("per_page", self.scope.runs.to_string());
        let (mut found, mut newest, mut end): (Vec<WirePipeline>, _, _) = (Vec::new(), None, None);
        self.lists[at].lost = None;
        for _ in 0..PAGES {
            let (page, next) = self.api.read::<Rows<WirePipeline>>(Need::List, name.raw(), ask).await?;
            let lost = page.lost.map(|words| clean!("{name}: {words}"));
            self.lists[at].lost = self.lists[at].lost.take().or(lost);
            newest = newest.or(page.read.first().and_then(WirePipeline::updated));
            end = page.read.last().and_then(WirePipeline::updated).or(end);
            // A page may repeat what moved down while it was read.
            let new: Vec<WirePipeline> =
                page.read.into_iter().filter(|row| row.fits(&self.scope.branches) && !found.iter().any(|known| known.id == row.id)).collect();
            found.extend(new);
            match next {
                Some(next) if found.len() < self.scope.runs && !self.scope.branches.is_empty() => ask = next,
                _ => break,
            }
        }
        if found.len() >= self.scope.runs {
            found.truncate(self.scope.runs);
            end = found.last().and_then(WirePipeline::updated).or(end);
        }
        if let (Some(oldest), Some(newest)) = (end, newest)
            && let Some(known) = self.api.ends.tell(name.raw(), (oldest, newest))
        {
            let between = older::between(&self.api, &self.scope, name, (known, oldest)).await;
            let there: BTreeSet<u64> = found.iter().map(|row| row.id).collect();
            found.extend(between.into_iter().filter(|row| !there.contains(&row.id)));
        }
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
