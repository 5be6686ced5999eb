//! The environments of some projects as workloads, for as long as they are asked for: looked at often while something is being deployed or waited
//! for, and seldom elsewhere.

use super::Site;
use crate::{
    domain::{Batch, Change, Fact, Progress, Revision, Workload},
    sources::{
        SourceError,
        ci::{Hurry, REFUSED},
        http::Ask,
        refusal::Refusal,
    },
    text::{Clean, Name},
};
use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How many deployments of one environment are looked at.
pub(in crate::sources) const DEPTH: usize = 20;
/// How many pages are looked through at first for environments that are seldom deployed to.
const PAGES: usize = 3;

/// A deployment as a CI tells it.
pub(in crate::sources) trait Record: Clone + Send + Sync + 'static {
    /// The CI's number of it: the later, the greater.
    fn id(&self) -> u64;
    /// The environment that it is to.
    fn environment(&self) -> Option<&str>;
    /// Whether it is one that can be told.
    fn counts(&self) -> bool;
}

/// A CI that has deployments.
pub(in crate::sources) trait Ci: Send + Sync + 'static {
    /// What it tells of one.
    type Record: Record;
    /// Reads a page of the deployments of a project, the newest first, and the way to the next one.
    fn page<'a>(&'a self, project: &'a str, next: Option<Ask>) -> BoxFuture<'a, Result<(Vec<Self::Record>, Option<Ask>), Refusal>>;
    /// An environment with what is known of its deployments.
    fn site<'a>(&'a self, project: &'a str, environment: &'a str, rows: &'a [Self::Record]) -> BoxFuture<'a, Result<Site, Refusal>>;
    /// How long to rest after so many looks at which nothing moved; none of them where somebody waits.
    fn rest(&self, calm: Option<u32>) -> Duration;
    /// Where somebody waits.
    fn hurry(&self) -> &Hurry;
    /// Remembers what is wrong with one project, or that nothing is.
    fn note(&self, project: &str, words: Option<Clean>);
}

/// Which environments of a project are told.
pub(in crate::sources) type Wanted = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// The environments of `projects` for as long as they are asked for.
pub(in crate::sources) fn watch<C: Ci>(ci: Arc<C>, projects: Vec<Name>, wanted: Wanted) -> BoxStream<'static, Result<Batch, SourceError>> {
    let lists = projects.into_iter().map(List::new).collect();
    let bell = ci.hurry().bell();
    stream::try_unfold(Watch { ci, wanted, lists, bell, told: None }, |mut watch| async move {
        let batch = watch.next().await?;
        Ok(Some((batch, watch)))
    })
    .boxed()
}

struct Watch<C: Ci> {
    ci: Arc<C>,
    wanted: Wanted,
    lists: Vec<List<C::Record>>,
    bell: tokio::sync::watch::Receiver<()>,
    told: Option<Rows>,
}

type Rows = (Vec<Workload>, Vec<Revision>);

/// The deployments of one project.
struct List<R> {
    name: Name,
    due: Instant,
    looked: bool,
    calm: u32,
    /// By environment, the newest first.
    known: BTreeMap<String, Vec<R>>,
    rows: Rows,
    refused: Option<SourceError>,
}

impl<R> List<R> {
    fn new(name: Name) -> Self {
        Self { name, due: Instant::now(), looked: false, calm: 0, known: BTreeMap::new(), rows: Rows::default(), refused: None }
    }
}

impl<C: Ci> Watch<C> {
    /// Looks at the project whose turn it is, when it is.
    async fn next(&mut self) -> Result<Batch, SourceError> {
        let at = self.turn().await;
        let looked = self.look(at).await;
        let list = &mut self.lists[at];
        list.looked = true;
        list.refused = match looked {
            Ok(()) => None,
            Err(Refusal::Faulty(error) | Refusal::Everywhere(error)) => return Err(error),
            Err(Refusal::Here(error)) => Some(error),
        };
        let words = list.refused.as_ref().map(|error| crate::clean!("deployments: {}", error.why().words));
        self.ci.note(&format!("{} deployments", list.name.raw()), words);
        if let (true, Some(error)) = (self.lists.iter().all(|list| list.refused.is_some()), &self.lists[at].refused) {
            return Err(error.clone());
        }
        self.plan(at);
        Ok(self.batch())
    }

    /// Waits for the project that is to be looked at next. A person who waits comes first.
    async fn turn(&mut self) -> usize {
        loop {
            let Some(at) = (0..self.lists.len()).min_by_key(|at| self.lists[*at].due) else { return std::future::pending().await };
            tokio::select! {
                () = sleep_until(self.lists[at].due) => return at,
                Ok(()) = self.bell.changed() => {
                    for list in self.lists.iter_mut().filter(|list| self.ci.hurry().is_on(list.name.raw())) {
                        list.due = list.due.min(Instant::now() + self.ci.rest(None));
                    }
                }
            }
        }
    }

    fn plan(&mut self, at: usize) {
        let list = &mut self.lists[at];
        let hurries = self.ci.hurry().is_on(list.name.raw());
        let busy = hurries || list.rows.0.iter().any(|row| row.progress == Progress::Rolling);
        list.calm = if busy { 0 } else { list.calm.saturating_add(1) };
        let rest = if list.refused.is_some() { REFUSED } else { self.ci.rest((!hurries).then_some(list.calm)) };
        list.due = Instant::now() + rest;
    }

    async fn look(&mut self, at: usize) -> Result<(), Refusal> {
        let (name, first) = (self.lists[at].name.clone(), !self.lists[at].looked);
        let (mut page, mut next) = (Vec::new(), None);
        for turn in 0..if first { PAGES } else { 1 } {
            if turn > 0 && next.is_none() {
                break;
            }
            let (rows, more) = self.ci.page(name.raw(), next.take()).await?;
            page.extend(rows);
            next = more;
        }
        self.learn(at, page, next.is_none());
        let mut rows = Rows::default();
        for (environment, deployments) in &self.lists[at].known {
            let site = self.ci.site(name.raw(), environment, deployments).await?;
            rows.0.extend(site.workload());
            rows.1.extend(site.revisions());
        }
        self.lists[at].rows = rows;
        Ok(())
    }

    /// Lays what was read over what is known: what is older than all of it is still so, unless all was read.
    fn learn(&mut self, at: usize, page: Vec<C::Record>, whole: bool) {
        let list = &mut self.lists[at];
        let oldest = page.iter().map(Record::id).min().unwrap_or_default();
        for rows in list.known.values_mut() {
            rows.retain(|row| !whole && row.id() < oldest);
        }
        for row in page.into_iter().filter(Record::counts) {
            let environment = row.environment().filter(|environment| (self.wanted)(list.name.raw(), environment)).map(str::to_owned);
            if let Some(environment) = environment {
                list.known.entry(environment).or_default().push(row);
            }
        }
        for rows in list.known.values_mut() {
            rows.sort_by_key(|row| std::cmp::Reverse(row.id()));
            rows.dedup_by_key(|row| row.id());
            rows.truncate(DEPTH);
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
