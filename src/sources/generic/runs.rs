//! The runs: read page by page, mapped by the expression, often where something runs and seldom where nothing does.

use super::{
    api::Api,
    preset::{Each, filled},
    record::Record,
    worker::Mapped,
};
use crate::{
    clean,
    domain::{Batch, Change, Fact, Id, Run, RunStatus},
    sources::{SourceError, ci::Usual, http::Ask},
    text::Clean,
};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// How many pages are read for as many runs as are wanted, where not all fit.
const PAGES: usize = 5;
/// Of so many things of a list more is asked at one look.
const DETAILS: usize = 10;
/// How soon the rest of them is asked for.
const SOON: Duration = Duration::from_secs(1);
/// How many of the last successes tell how long a workflow usually takes.
const HISTORY: usize = 10;

/// Runs for as long as they are asked for.
pub(super) fn watch(api: Arc<Api>) -> BoxStream<'static, Result<Batch, SourceError>> {
    let watch = Watch {
        api,
        usual: Usual::new(HISTORY),
        memory: Memory::default(),
        details: HashMap::new(),
        told: BTreeMap::new(),
        turn: 0,
        due: Instant::now(),
        calm: 0,
        begun: false,
    };
    stream::try_unfold(watch, |mut watch| async move {
        let batch = watch.next().await?;
        Ok(Some((batch, watch)))
    })
    .boxed()
}

struct Watch {
    api: Arc<Api>,
    usual: Usual,
    memory: Memory,
    /// What was answered about things of the list, by their ids.
    details: HashMap<String, Detail>,
    told: BTreeMap<Id<Run>, Run>,
    turn: u64,
    due: Instant,
    /// How many looks in a row showed nothing that runs.
    calm: u32,
    begun: bool,
}

/// What was answered about one thing of a list.
struct Detail {
    answer: Bytes,
    /// In which look.
    turn: u64,
    /// Whether it may be another one soon.
    alive: bool,
}

/// What came of answers that are the same as at the last look: these are not mapped again.
#[derive(Default)]
struct Memory {
    before: HashMap<(bool, Bytes), Mapped>,
    now: HashMap<(bool, Bytes), Mapped>,
}

impl Watch {
    async fn next(&mut self) -> Result<Batch, SourceError> {
        sleep_until(self.due).await;
        self.turn += 1;
        // What is sure to fail is not asked for.
        self.api.worker.ready()?;
        let (mapped, more) = match self.api.plan.preset.each.clone() {
            Some(each) => self.each(&each).await?,
            None => (self.pages(None).await?, false),
        };
        self.memory.before = std::mem::take(&mut self.memory.now);
        let runs = self.runs(mapped)?;
        let busy = runs.iter().any(alive);
        let facts = self.tell(runs);
        self.plan(busy, more);
        Ok(Batch { facts, cursor: None })
    }

    /// When it is looked again.
    fn plan(&mut self, busy: bool, more: bool) {
        self.calm = if busy { 0 } else { self.calm.saturating_add(1) };
        let rest = if more { SOON.min(self.api.pace.busy) } else { self.api.pace.rest(self.calm) * self.api.slowness() };
        let asked = self.api.pause().and_then(|until| Duration::try_from(until.duration_since(Timestamp::now())).ok());
        self.due = Instant::now() + rest.max(asked.unwrap_or_default());
        self.begun = true;
    }

    /// What comes of the list, page by page, until there are as many as are wanted; of its things by `items`, else of its runs.
    async fn pages(&mut self, items: Option<&str>) -> Result<Vec<Mapped>, SourceError> {
        let (mut all, mut found, mut ask) = (Vec::new(), 0, self.api.plan.list.clone());
        for page in 1..=PAGES {
            let reply = self.api.read(ask).await?;
            let mapped = self.mapped(items, vec![reply.body.clone()]).await?;
            let told: usize = mapped.iter().map(|mapped| mapped.records.len() + mapped.failed).sum();
            found += told;
            all.extend(mapped);
            match self.api.next(&reply, page, told) {
                Some(next) if found < self.api.plan.newest => ask = next,
                _ => break,
            }
        }
        Ok(all)
    }

    /// The same where one more request is made for each thing of the list: a few at a look, those that run first; whether more are left.
    async fn each(&mut self, each: &Each) -> Result<(Vec<Mapped>, bool), SourceError> {
        let list = self.pages(Some(&each.items)).await?;
        let mut unread = Mapped::default();
        let mut items = Vec::new();
        for one in list {
            unread.failed += one.failed;
            unread.why = unread.why.or(one.why);
            items.extend(one.records);
        }
        items.truncate(self.api.plan.newest);
        let ids: Vec<String> = items.iter().map(id).collect();
        self.details.retain(|known, _| ids.contains(known));
        let (wanted, more) = self.wanted(&ids);
        for at in wanted {
            let answer = self.detail(each, &items[at]).await?;
            self.details.insert(ids[at].clone(), Detail { answer, turn: self.turn, alive: true });
        }
        let known: Vec<usize> = (0..ids.len()).filter(|at| self.details.contains_key(&ids[*at])).collect();
        let both = |at: &usize| {
            let answer = self.details.get(&ids[*at]).map_or(&b"null"[..], |detail| &detail.answer);
            Bytes::from([b"{\"of\":", items[*at].to_string().as_bytes(), b",\"answer\":", answer, b"}"].concat())
        };
        let mut mapped = self.mapped(None, known.iter().map(both).collect()).await?;
        for (at, one) in known.into_iter().zip(&mapped) {
            let over = !one.records.is_empty() && one.records.iter().all(|run| self.read(run).is_ok_and(|record| !alive(&record.run)));
            self.details.entry(ids[at].clone()).and_modify(|detail| detail.alive = !over);
        }
        mapped.push(unread);
        Ok((mapped, more))
    }

    /// Of which things more is asked now: of those that may be others by now, those that nothing is known of, and of one that is over, as it may be
    /// run again. And whether nothing is known of others.
    fn wanted(&self, ids: &[String]) -> (Vec<usize>, bool) {
        let known = |at: &usize| self.details.get(&ids[*at]);
        let (mut wanted, rest): (Vec<usize>, Vec<usize>) = (0..ids.len()).partition(|at| known(at).is_none_or(|detail| detail.alive));
        wanted.sort_by_key(|at| (known(at).is_none(), known(at).map(|detail| detail.turn), *at));
        let more = wanted.iter().skip(DETAILS).any(|at| known(at).is_none());
        wanted.extend(rest.into_iter().min_by_key(|at| known(at).map(|detail| detail.turn)));
        wanted.truncate(DETAILS);
        (wanted, more)
    }

    /// What is answered about one thing; `null` where it is gone.
    async fn detail(&self, each: &Each, item: &Value) -> Result<Bytes, SourceError> {
        let field = |name: &str| item.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let ask = each.path.split('/').fold(Ask::get(""), |ask, part| ask.segment(&filled(part, field)));
        match self.api.read(ask).await {
            Ok(reply) => Ok(reply.body),
            Err(SourceError::NotFound(_)) => Ok(Bytes::from_static(b"null")),
            Err(error) => Err(error),
        }
    }

    /// What comes of answers. Those that are the same as at the last look are not mapped again.
    async fn mapped(&mut self, items: Option<&str>, answers: Vec<Bytes>) -> Result<Vec<Mapped>, SourceError> {
        let key = |answer: &Bytes| (items.is_some(), answer.clone());
        let new: Vec<Bytes> = answers.iter().filter(|answer| !self.memory.before.contains_key(&key(answer))).cloned().collect();
        let code = items.unwrap_or(&self.api.plan.preset.runs);
        let mapped = self.api.worker.map(code, &new).await?;
        self.memory.now.extend(new.iter().map(key).zip(mapped));
        let memory = &mut self.memory;
        let found = answers.iter().map(key).map(|key| {
            let one = memory.now.get(&key).or_else(|| memory.before.get(&key)).cloned().unwrap_or_default();
            memory.now.insert(key, one.clone());
            one
        });
        Ok(found.collect())
    }

    fn read(&self, record: &Value) -> Result<Record, Clean> {
        Record::read(&self.api.id, &self.api.plan.repository, record)
    }

    /// The newest runs. What can not be read is counted and told; nothing at all that can is an error.
    fn runs(&mut self, mapped: Vec<Mapped>) -> Result<Vec<Run>, SourceError> {
        let (mut runs, mut unread, mut untimed): (Vec<Run>, _, _) = (Vec::new(), Lacking::default(), Lacking::default());
        for one in mapped {
            unread.add(one.failed, one.why);
            for record in &one.records {
                match self.read(record) {
                    Ok(record) => {
                        untimed.add(usize::from(record.lacks.is_some()), record.lacks);
                        // A page may repeat what moved down while it was read.
                        if !runs.iter().any(|known| known.id == record.run.id) {
                            runs.push(record.run);
                        }
                    }
                    Err(why) => unread.add(1, Some(why)),
                }
            }
        }
        let all = runs.len() + unread.count;
        let unread = unread.words(|count| clean!("{count} of {all} records can not be read as runs"));
        if let (true, Some(words)) = (runs.is_empty(), &unread) {
            return Err(SourceError::Protocol(clean!("what {} answers: {words}", self.api.plan.host)));
        }
        self.api.note("records", unread);
        self.api.note("times", untimed.words(|count| clean!("{count} of {all} runs have a time that can not be read")));
        // Some lists begin with the oldest; what was not begun yet is the newest.
        runs.sort_by_key(|run| std::cmp::Reverse(run.created.or(run.started).unwrap_or(Timestamp::MAX)));
        runs.truncate(self.api.plan.newest);
        Ok(self.with_usual(runs))
    }

    fn with_usual(&mut self, mut runs: Vec<Run>) -> Vec<Run> {
        let habit = |run: &Run| format!("{} {}", run.repository.raw(), run.workflow);
        for run in &runs {
            if let (RunStatus::Success | RunStatus::Warn, Some(started), Some(ended)) = (&run.status, run.started, run.ended)
                && let (Ok(begun), Ok(took)) = (u64::try_from(started.as_second()), u32::try_from(ended.duration_since(started).as_secs()))
            {
                self.usual.learn(&habit(run), 0, begun, took);
            }
        }
        runs.iter_mut().for_each(|run| run.usual = self.usual.of(&habit(run), 0));
        runs
    }

    /// Tells what is new, what is another, and what is gone.
    fn tell(&mut self, runs: Vec<Run>) -> Vec<Fact> {
        let changed = runs.iter().filter(|run| self.told.get(&run.id) != Some(run)).map(|run| Fact::from(Change::Upsert(run.clone())));
        let gone = self.told.keys().filter(|id| !runs.iter().any(|run| run.id == **id)).map(|id| Fact::from(Change::<Run>::Remove(id.clone())));
        let (begin, done) = if self.begun { (None, None) } else { (Some(Change::<Run>::Begin.into()), Some(Change::<Run>::Done.into())) };
        let facts = begin.into_iter().chain(changed).chain(gone).chain(done).collect();
        self.told = runs.into_iter().map(|run| (run.id.clone(), run)).collect();
        facts
    }
}

/// How many lack something, and the words for the first.
#[derive(Default)]
struct Lacking {
    count: usize,
    first: Option<Clean>,
}

impl Lacking {
    fn add(&mut self, count: usize, why: Option<Clean>) {
        self.count += count;
        self.first = self.first.take().or(why);
    }

    fn words(&self, said: impl FnOnce(usize) -> Clean) -> Option<Clean> {
        (self.count > 0).then(|| clean!("{}; the first: {}", said(self.count), self.first.clone().unwrap_or_default()))
    }
}

/// Whether it may be another one soon. A word that nobody knows is no reason to ask often.
fn alive(run: &Run) -> bool {
    matches!(run.status, RunStatus::Queued | RunStatus::Running | RunStatus::Waiting(_))
}

/// What tells things of a list apart.
fn id(item: &Value) -> String {
    item.get("id").map_or_else(|| item.to_string(), Value::to_string)
}
