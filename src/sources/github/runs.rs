//! The runs of some repositories: read one repository after the other, often where something runs and seldom where nothing does.

use super::{
    api::Api,
    meter::Need,
    older,
    wire::{self, WireRun},
};
use crate::{
    clean,
    domain::{Batch, Change, Fact, Id, Run},
    sources::{
        SourceError,
        ci::{Board, SOON},
        http::Ask,
        refusal::Refusal,
    },
    text::{Clean, Name},
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};
use tokio::time::{Instant, sleep_until};

/// How many pages are read for as many runs as are wanted, where not all fit.
const PAGES: usize = 3;
/// How many runs that are no longer on the first page are looked after.
const OLD: usize = 10;
/// Every so many looks at a busy repository, what runs is asked for instead: an old run that was run again stays where it was in the list.
const TURNS: u32 = 4;
/// How many workflows of one repository are asked for their history at one look.
const HISTORIES: usize = 3;

/// Which runs are wanted.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// The repositories, `owner/name`.
    pub repositories: Vec<Name>,
    /// Branches, with `*` and `?`; none means all.
    pub branches: Vec<String>,
    /// Workflows by file or name; none means all.
    pub workflows: Vec<String>,
    /// How many of the newest of each repository.
    pub runs: usize,
}

impl Scope {
    /// A request for a list of runs of a repository, as far as GitHub itself leaves out what is not wanted.
    pub fn ask(&self, repository: &Name) -> Ask {
        let ask = match self.workflows.as_slice() {
            [one] if one.ends_with(".yml") || one.ends_with(".yaml") => Api::ask(repository.raw(), &["actions", "workflows", one, "runs"]),
            _ => Api::ask(repository.raw(), &["actions", "runs"]),
        };
        let ask = ask.with("exclude_pull_requests", "true");
        match self.branches.as_slice() {
            [one] if !one.contains(['*', '?']) => ask.with("branch", one.clone()),
            _ => ask,
        }
    }
}

/// Runs for as long as they are asked for.
pub(super) fn watch(api: Arc<Api>, scope: Scope) -> BoxStream<'static, Result<Batch, SourceError>> {
    let lists = scope.repositories.iter().map(|name| List::new(name.clone())).collect();
    stream::try_unfold(Watch { api, scope, lists, phase: Phase::New }, |mut watch| async move {
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
}

/// Until each repository was asked once, the list is not whole.
#[derive(PartialEq)]
enum Phase {
    New,
    Begun,
    Whole,
}

/// The runs of one repository.
struct List {
    name: Name,
    due: Instant,
    turn: u32,
    /// How many looks in a row showed nothing that runs.
    calm: u32,
    rows: BTreeMap<u64, Row>,
    refused: Option<SourceError>,
    /// What of its list can not be read.
    lost: Option<Clean>,
}

struct Row {
    run: Run,
    wire: WireRun,
    /// It is not among the newest.
    old: bool,
}

impl List {
    fn new(name: Name) -> Self {
        Self { name, due: Instant::now(), turn: 0, calm: 0, rows: BTreeMap::new(), refused: None, lost: None }
    }

    fn busy(&self) -> bool {
        self.rows.values().any(|row| row.wire.alive())
    }

    /// Whether it answered by a fault, which may be over soon.
    fn faulty(&self) -> bool {
        self.refused.as_ref().is_some_and(Refusal::may_pass)
    }

    /// Whether somebody looks at the jobs of all that runs in it.
    fn is_looked_at(&self, board: &Board) -> bool {
        self.busy() && self.rows.values().all(|row| !row.wire.alive() || board.is_looked_at(&row.run.id))
    }

    /// Whether one of these is over that still runs as far as the list has told.
    fn awaits(&self, over: &BTreeSet<Id<Run>>) -> bool {
        self.refused.is_none() && self.rows.values().any(|row| row.wire.alive() && over.contains(&row.run.id))
    }

    fn alive(&self) -> Vec<u64> {
        self.rows.iter().filter(|(_, row)| row.wire.alive()).map(|(id, _)| *id).collect()
    }
}

impl Watch {
    /// Looks at the repository whose turn it is, when it is.
    async fn next(&mut self) -> Result<Batch, SourceError> {
        let at = self.turn().await;
        let looked = self.look(at).await;
        let list = &mut self.lists[at];
        list.turn += 1;
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
        self.plan(at);
        self.frame(&mut facts);
        Ok(Batch { facts, cursor: None })
    }

    /// A repository answers by a fault. Where that is new the others are looked at now: it may be GitHub that is at fault, and not this one.
    fn doubt(&mut self, at: usize, error: SourceError) {
        let new = self.lists[at].refused.replace(error).is_none();
        if new {
            self.lists[at].calm = 0;
        }
        for list in self.lists.iter_mut().filter(|list| new && list.refused.is_none()) {
            list.due = Instant::now();
        }
    }

    /// Waits for the repository whose turn it is; one in which somebody has changed something comes soon.
    async fn turn(&mut self) -> usize {
        loop {
            let Some(at) = (0..self.lists.len()).min_by_key(|at| self.lists[*at].due) else {
                return std::future::pending().await;
            };
            let hurried = tokio::select! {
                () = sleep_until(self.lists[at].due) => return at,
                over = self.api.board.over() => {
                    for list in self.lists.iter_mut().filter(|list| list.awaits(&over)) {
                        list.due = list.due.min(Instant::now() + SOON);
                        // Its list tells how it ended.
                        list.turn = if list.turn % TURNS == TURNS - 1 { TURNS } else { list.turn };
                    }
                    continue;
                }
                hurried = self.api.hurry.changes() => hurried,
            };
            for list in self.lists.iter_mut().filter(|list| hurried.contains(list.name.raw())) {
                list.due = list.due.min(Instant::now() + SOON);
                // What is run again stays where it was in the list: then what runs is asked for.
                list.turn = if list.turn == 0 { 0 } else { TURNS - 1 };
            }
        }
    }

    /// When the repository is looked at again.
    fn plan(&mut self, at: usize) {
        let (pace, slower) = (self.api.pace, self.api.slowness());
        let list = &mut self.lists[at];
        list.calm = if list.busy() && !list.faulty() { 0 } else { list.calm.saturating_add(1) };
        let rest = match &list.refused {
            Some(error) => pace.again(error, list.calm),
            None if list.is_looked_at(&self.api.board) => pace.aside(),
            None => pace.rest(list.calm),
        };
        list.due = Instant::now() + rest * slower;
    }

    /// The first facts begin a whole list, which is done when each repository was looked at, and none of them is at fault any more.
    fn frame(&mut self, facts: &mut Vec<Fact>) {
        if self.phase == Phase::New {
            facts.insert(0, Change::<Run>::Begin.into());
            self.phase = Phase::Begun;
        }
        if self.phase == Phase::Begun && self.lists.iter().all(|list| list.turn > 0 && !list.faulty()) {
            facts.push(Change::<Run>::Done.into());
            self.phase = Phase::Whole;
        }
    }

    async fn look(&mut self, at: usize) -> Result<Vec<Fact>, Refusal> {
        let list = &self.lists[at];
        let (name, first, old_turn) = (list.name.clone(), list.turn == 0, list.turn % TURNS == TURNS - 1);
        let (calm, alive) = (!list.busy(), list.alive());
        let whole = calm || !old_turn;
        let newest = if whole { self.newest(at, &name).await? } else { Vec::new() };
        let mut old = if !first && (calm || old_turn) { self.running(&name).await? } else { Vec::new() };
        if whole {
            let unseen = alive.into_iter().filter(|id| !newest.iter().chain(&old).any(|run| run.id == *id));
            for id in unseen.take(OLD).collect::<Vec<_>>() {
                old.extend(self.one(&name, id).await?);
            }
        }
        old.retain(|run| !newest.iter().any(|new| new.id == run.id));
        self.learn(&name, newest.iter().chain(&old));
        self.histories(&name, newest.iter().chain(&old).filter(|run| run.alive()).map(WireRun::workflow).collect()).await?;
        Ok(self.merge(at, whole, newest, old))
    }

    /// The newest runs that are wanted.
    async fn newest(&mut self, at: usize, name: &Name) -> Result<Vec<WireRun>, Refusal> {
        let mut ask = self.scope.ask(name).with("per_page", self.scope.runs.to_string());
        let (mut found, mut newest, mut end) = (Vec::new(), None, None);
        self.lists[at].lost = None;
        for _ in 0..PAGES {
            let (page, next) = self.api.read::<wire::Runs>(Need::List, name.raw(), ask).await?;
            let lost = page.workflow_runs.lost.as_ref().map(|words| clean!("{name}: {words}"));
            self.lists[at].lost = self.lists[at].lost.take().or(lost);
            newest = newest.or(page.workflow_runs.read.first().and_then(WireRun::created));
            end = page.workflow_runs.read.last().and_then(WireRun::created).or(end);
            found.extend(self.wanted(page));
            match next {
                Some(next) if found.len() < self.scope.runs && self.filters() => ask = next,
                _ => break,
            }
        }
        if found.len() >= self.scope.runs {
            found.truncate(self.scope.runs);
            end = found.last().and_then(WireRun::created).or(end);
        }
        if let (Some(oldest), Some(newest)) = (end, newest)
            && let Some(known) = self.api.ends.tell(name.raw(), (oldest, newest))
        {
            found.extend(older::between(&self.api, &self.scope, name, (known, oldest)).await);
        }
        Ok(found)
    }

    fn filters(&self) -> bool {
        !self.scope.branches.is_empty() || !self.scope.workflows.is_empty()
    }

    fn wanted(&self, page: wire::Runs) -> impl Iterator<Item = WireRun> {
        page.workflow_runs.read.into_iter().filter(|run| run.fits(&self.scope.branches, &self.scope.workflows))
    }

    /// Whatever runs now, however old it is.
    async fn running(&self, name: &Name) -> Result<Vec<WireRun>, Refusal> {
        let ask = Api::ask(name.raw(), &["actions", "runs"]).with("exclude_pull_requests", "true");
        let ask = ask.with("per_page", self.scope.runs.to_string()).with("status", "in_progress");
        let (page, _) = self.api.read::<wire::Runs>(Need::List, name.raw(), ask).await?;
        Ok(self.wanted(page).collect())
    }

    /// One run; none if it was deleted.
    async fn one(&self, name: &Name, id: u64) -> Result<Option<WireRun>, Refusal> {
        let ask = Api::ask(name.raw(), &["actions", "runs", &id.to_string()]).with("exclude_pull_requests", "true");
        match self.api.read::<WireRun>(Need::List, name.raw(), ask).await {
            Ok((run, _)) => Ok(Some(run)),
            Err(Refusal::Here(SourceError::NotFound(_))) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    fn learn<'a>(&self, name: &Name, runs: impl Iterator<Item = &'a WireRun>) {
        let mut usual = self.api.usual.lock().unwrap_or_else(PoisonError::into_inner);
        for run in runs {
            if let Some(seconds) = run.took() {
                usual.learn(name.raw(), run.workflow(), run.id, seconds);
            }
        }
    }

    /// Asks once for the last successes of workflows that run now and of which nothing is known.
    async fn histories(&self, name: &Name, workflows: Vec<u64>) -> Result<(), Refusal> {
        if self.api.login.token.is_none() {
            return Ok(());
        }
        let unknown = |workflow: &u64| {
            let mut usual = self.api.usual.lock().unwrap_or_else(PoisonError::into_inner);
            usual.must_ask(name.raw(), *workflow).then(|| usual.history())
        };
        let asked: Vec<(u64, usize)> =
            workflows.iter().filter(|id| **id > 0).filter_map(|id| unknown(id).map(|history| (*id, history))).take(HISTORIES).collect();
        for (workflow, history) in asked {
            let ask = Api::ask(name.raw(), &["actions", "workflows", &workflow.to_string(), "runs"]).with("exclude_pull_requests", "true");
            let ask = ask.with("status", "success").with("per_page", history.to_string());
            match self.api.read::<wire::Runs>(Need::List, name.raw(), ask).await {
                Ok((page, _)) => self.learn(name, page.workflow_runs.read.iter()),
                // A workflow that was deleted has no history.
                Err(Refusal::Here(_)) => {}
                Err(everywhere) => return Err(everywhere),
            }
        }
        Ok(())
    }

    /// Lays what was read over what is known, and tells the difference, the newest first.
    fn merge(&mut self, at: usize, whole: bool, newest: Vec<WireRun>, old: Vec<WireRun>) -> Vec<Fact> {
        let new = newest.into_iter().map(|wire| (wire, false)).chain(old.into_iter().map(|wire| (wire, true)));
        let mut rows: BTreeMap<u64, Row> = new.map(|(wire, old)| (wire.id, self.row(at, wire, old))).collect();
        let mut before = std::mem::take(&mut self.lists[at].rows);
        for (id, row) in &mut rows {
            row.old = row.old && (whole || before.get(id).is_none_or(|known| known.old));
        }
        let kept = |row: &Row| !whole || (row.old && !row.wire.alive());
        let mut kept: Vec<u64> = before.iter().filter(|(id, row)| !rows.contains_key(id) && kept(row)).map(|(id, _)| *id).collect();
        if whole && kept.len() > OLD {
            kept.sort_by_key(|id| before[id].run.ended);
            kept.drain(..kept.len() - OLD);
        }
        let mut facts = Vec::new();
        for (id, row) in rows.iter().rev() {
            self.api.board.tell(&row.run.id, Some(row.wire.standing()));
            if before.get(id).is_none_or(|known| known.run != row.run) {
                facts.push(Change::Upsert(row.run.clone()).into());
            }
        }
        rows.extend(kept.into_iter().filter_map(|id| before.remove_entry(&id)));
        let gone: Vec<Id<Run>> = before.into_iter().filter(|(id, _)| !rows.contains_key(id)).map(|(_, row)| row.run.id).collect();
        for id in gone {
            self.api.board.tell(&id, None);
            facts.push(Change::<Run>::Remove(id).into());
        }
        self.lists[at].rows = rows;
        facts
    }

    fn row(&self, at: usize, wire: WireRun, old: bool) -> Row {
        let name = &self.lists[at].name;
        let usual = self.api.usual.lock().unwrap_or_else(PoisonError::into_inner).of(name.raw(), wire.workflow());
        let run = wire.run(&self.api.id, name, usual);
        Row { run, wire, old }
    }
}
