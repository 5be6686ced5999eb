//! The environments of the repositories that services name, as workloads: looked at often while something is being deployed or waited for, and
//! seldom elsewhere. What has not changed costs nothing.

use super::{
    records::{DEPTH, fill, site_of},
    wire::WireDeployment,
};
use crate::{
    domain::{Batch, Change, Fact, Progress, Revision, Workload},
    sources::{
        SourceError,
        github::{
            api::{Api, Refusal},
            meter::Need,
        },
    },
    text::Name,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How many pages are looked through at first for environments that are seldom deployed to.
const PAGES: usize = 3;
/// How often a repository that refuses us is asked again.
const REFUSED: Duration = Duration::from_secs(5 * 60);

/// Which environments of a repository are told.
pub(in crate::sources::github) type Wanted = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// The environments of `repositories` for as long as they are asked for.
pub(in crate::sources::github) fn watch(api: Arc<Api>, repositories: Vec<Name>, wanted: Wanted) -> BoxStream<'static, Result<Batch, SourceError>> {
    let lists = repositories.into_iter().map(List::new).collect();
    let bell = api.records.bell();
    stream::try_unfold(Watch { api, wanted, lists, bell, told: None }, |mut watch| async move {
        let batch = watch.next().await?;
        Ok(Some((batch, watch)))
    })
    .boxed()
}

struct Watch {
    api: Arc<Api>,
    wanted: Wanted,
    lists: Vec<List>,
    bell: tokio::sync::watch::Receiver<()>,
    told: Option<Rows>,
}

type Rows = (Vec<Workload>, Vec<Revision>);

/// The deployments of one repository.
struct List {
    name: Name,
    due: Instant,
    looked: bool,
    calm: u32,
    /// By environment, the newest first.
    known: BTreeMap<String, Vec<WireDeployment>>,
    rows: Rows,
    refused: Option<SourceError>,
}

impl List {
    fn new(name: Name) -> Self {
        Self { name, due: Instant::now(), looked: false, calm: 0, known: BTreeMap::new(), rows: Rows::default(), refused: None }
    }
}

impl Watch {
    /// Looks at the repository whose turn it is, when it is.
    async fn next(&mut self) -> Result<Batch, SourceError> {
        let at = self.turn().await;
        let looked = self.look(at).await;
        let list = &mut self.lists[at];
        list.looked = true;
        list.refused = match looked {
            Ok(()) => None,
            Err(Refusal::Everywhere(error)) => return Err(error),
            Err(Refusal::Here(error)) => Some(error),
        };
        let words = list.refused.as_ref().map(|error| crate::clean!("deployments: {}", error.why().words));
        self.api.note(&format!("{} deployments", list.name.raw()), words);
        if let (true, Some(error)) = (self.lists.iter().all(|list| list.refused.is_some()), &self.lists[at].refused) {
            return Err(error.clone());
        }
        self.plan(at);
        Ok(self.batch())
    }

    /// Waits for the repository that is to be looked at next. A person who waits comes first.
    async fn turn(&mut self) -> usize {
        loop {
            let Some(at) = (0..self.lists.len()).min_by_key(|at| self.lists[*at].due) else { return std::future::pending().await };
            tokio::select! {
                () = sleep_until(self.lists[at].due) => return at,
                Ok(()) = self.bell.changed() => {
                    for list in self.lists.iter_mut().filter(|list| self.api.records.hurries(list.name.raw())) {
                        list.due = list.due.min(Instant::now() + self.api.pace.jobs);
                    }
                }
            }
        }
    }

    fn plan(&mut self, at: usize) {
        let (pace, slower) = (self.api.pace, self.api.slowness());
        let list = &mut self.lists[at];
        let hurries = self.api.records.hurries(list.name.raw());
        let busy = hurries || list.rows.0.iter().any(|row| row.progress == Progress::Rolling);
        list.calm = if busy { 0 } else { list.calm.saturating_add(1) };
        let rest = match list.refused {
            Some(_) => REFUSED,
            None if hurries => pace.jobs,
            None => pace.busy.saturating_mul(1 << list.calm.min(6)).min(pace.idle),
        };
        list.due = Instant::now() + rest * slower;
    }

    async fn look(&mut self, at: usize) -> Result<(), Refusal> {
        let (name, first) = (self.lists[at].name.clone(), !self.lists[at].looked);
        let mut ask = Api::ask(name.raw(), &["deployments"]).with("per_page", "100");
        let (mut page, mut rest) = (Vec::new(), None);
        for _ in 0..if first { PAGES } else { 1 } {
            let (rows, next) = self.api.read::<Vec<WireDeployment>>(Need::List, name.raw(), ask).await?;
            page.extend(rows);
            rest = next.clone();
            let Some(next) = next else { break };
            ask = next;
        }
        self.learn(at, page, rest.is_none());
        let (mut workloads, mut revisions) = Rows::default();
        for (environment, rows) in &self.lists[at].known {
            let deployments = fill(&self.api, Need::List, name.raw(), rows, false).await?;
            let site = site_of(&self.api, name.raw(), environment, deployments);
            workloads.extend(site.workload());
            revisions.extend(site.revisions());
        }
        self.lists[at].rows = (workloads, revisions);
        Ok(())
    }

    /// Lays what was read over what is known: what is older than all of it is still so, unless all was read.
    fn learn(&mut self, at: usize, page: Vec<WireDeployment>, whole: bool) {
        let list = &mut self.lists[at];
        let oldest = page.iter().map(|row| row.id).min().unwrap_or_default();
        for rows in list.known.values_mut() {
            rows.retain(|row| !whole && row.id < oldest);
        }
        let mut new: BTreeMap<String, Vec<WireDeployment>> = BTreeMap::new();
        for row in page.into_iter().filter(WireDeployment::counts) {
            if let Some(environment) = row.environment.clone().filter(|environment| (self.wanted)(list.name.raw(), environment)) {
                new.entry(environment).or_default().push(row);
            }
        }
        for (environment, mut rows) in new {
            let known = list.known.entry(environment).or_default();
            rows.append(known);
            rows.sort_by_key(|row| std::cmp::Reverse(row.id));
            rows.truncate(DEPTH);
            *known = rows;
        }
        list.known.retain(|_, rows| !rows.is_empty());
    }

    /// All of it, once all was looked at and whenever something of it has changed.
    fn batch(&mut self) -> Batch {
        if !self.lists.iter().all(|list| list.looked) {
            return Batch::default();
        }
        let mut rows = Rows::default();
        for list in &self.lists {
            rows.0.extend(list.rows.0.iter().cloned());
            rows.1.extend(list.rows.1.iter().cloned());
        }
        if self.told.as_ref() == Some(&rows) {
            return Batch::default();
        }
        self.told = Some(rows.clone());
        let (workloads, revisions) = rows;
        let mut facts: Vec<Fact> = Batch::list(revisions).facts;
        facts.splice(0..0, [Fact::from(Change::<Workload>::Begin)].into_iter().chain(workloads.into_iter().map(|row| Change::Upsert(row).into())));
        facts.push(Change::<Workload>::Done.into());
        Batch { facts, cursor: None }
    }
}
