//! The supervisor under a paused clock.

use super::*;
use crate::{
    domain::{Answer, Check, Node, Offers, Operation, Question, Stage},
    gate::Warrant,
    text::Clean,
};
use futures::{
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::{collections::VecDeque, sync::Mutex};

type Script = VecDeque<Vec<Result<Batch, SourceError>>>;

/// A source that plays one scripted stream for each time it is asked, and then hangs.
struct Player {
    id: SourceId,
    script: Mutex<Script>,
    asked: Mutex<Vec<(Duration, Option<Cursor>)>>,
    alive: Mutex<VecDeque<bool>>,
    began: Instant,
}

impl Source for Player {
    fn id(&self) -> &SourceId {
        &self.id
    }
    fn offers(&self) -> Offers {
        Offers { budget: Some(crate::clean!("{} left", 100 - self.began.elapsed().as_secs() / 10)), ..Offers::default() }
    }
    fn watch(&self, _: Feed, after: Option<Cursor>) -> BoxStream<'static, Result<Batch, SourceError>> {
        self.asked.lock().unwrap().push((self.began.elapsed(), after));
        let next = self.script.lock().unwrap().pop_front();
        match next {
            Some(items) if items.is_empty() => panic!("a source that panics"),
            Some(items) => stream::iter(items).boxed(),
            None => stream::pending().boxed(),
        }
    }
    fn ask(&self, _: Question) -> BoxFuture<'static, Result<Answer, SourceError>> {
        unreachable!()
    }
    fn prepare(&self, _: Operation) -> BoxStream<'static, Result<Check, SourceError>> {
        unreachable!()
    }
    fn act(&self, _: Warrant) -> BoxStream<'static, Result<Stage, SourceError>> {
        unreachable!()
    }
    fn probe(&self) -> BoxFuture<'static, bool> {
        let alive = self.alive.lock().unwrap().pop_front().unwrap_or(false);
        Box::pin(async move { alive })
    }
}

#[derive(Default)]
struct Told {
    links: Mutex<Vec<Link>>,
    facts: Mutex<usize>,
}

impl Sink for Told {
    fn facts(&self, _: &SourceId, _: &Feed, facts: Vec<Fact>) {
        *self.facts.lock().unwrap() += facts.len();
    }
    fn link(&self, _: &SourceId, _: &Feed, link: Link) {
        self.links.lock().unwrap().push(link);
    }
}

/// Plays `script` for `time` of paused clock; what was asked when, and what was told.
async fn play(script: Vec<Vec<Result<Batch, SourceError>>>, alive: &[bool], time: Duration) -> (Vec<(Duration, Option<Cursor>)>, Vec<Link>, usize) {
    let player = Arc::new(Player {
        id: SourceId::new("test"),
        script: Mutex::new(script.into()),
        asked: Mutex::default(),
        alive: Mutex::new(alive.iter().copied().collect()),
        began: Instant::now(),
    });
    let told = Arc::new(Told::default());
    let task = supervise(player.clone(), Feed::Nodes, told.clone(), Arc::new(Notify::new()));
    let _ = tokio::time::timeout(time, task).await;
    let (asked, links, facts) = (player.asked.lock().unwrap().clone(), told.links.lock().unwrap().clone(), *told.facts.lock().unwrap());
    (asked, links, facts)
}

fn down() -> Vec<Result<Batch, SourceError>> {
    vec![Err(SourceError::Unreachable(Clean::from_static("connection refused")))]
}

fn whole_list() -> Batch {
    Batch { facts: Batch::list(Vec::<Node>::new()).facts, cursor: Some(Cursor(crate::text::Raw::new("7"))) }
}

#[tokio::test(start_paused = true)]
async fn a_break_is_tried_again_from_the_last_cursor() {
    let (asked, links, facts) = play(vec![vec![Ok(whole_list()), Err(SourceError::Protocol(Clean::from_static("cut")))]], &[], Duration::from_secs(40)).await;
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].1, Some(Cursor(crate::text::Raw::new("7"))));
    assert_eq!(facts, 2);
    assert!(matches!(links[1], Link::Live { synced: true, .. }));
    assert!(matches!(&links[2], Link::Retrying { since: Some(_), .. }), "{links:?}");
}

fn begun() -> Batch {
    Batch { facts: vec![Fact::Node(Change::Begin)], cursor: None }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_only_begins_is_no_sign_of_life_and_the_time_of_the_loss_stays() {
    let lost = |links: &[Link]| links.iter().filter_map(|link| if let Link::Retrying { since, .. } = link { Some(*since) } else { None }).collect::<Vec<_>>();
    let broken = || Err(SourceError::Protocol(Clean::from_static("cut")));
    let tries = |count: usize| (0..count).map(|_| vec![Ok(begun()), broken()]);
    let (_, links, facts) = play(tries(3).collect(), &[], Duration::from_secs(60)).await;
    assert_eq!((lost(&links), facts), (vec![None; 3], 3), "nothing was ever told: {links:?}");
    assert!(!links.iter().any(Link::live), "{links:?}");
    let told = std::iter::once(vec![Ok(whole_list()), broken()]).chain(tries(3));
    let (_, links, _) = play(told.collect(), &[], Duration::from_secs(60)).await;
    let since = lost(&links);
    assert!(since.len() == 4 && since[0].is_some() && since.iter().all(|at| *at == since[0]), "{since:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_came_back_and_is_not_ready_yet_is_asked_again_soon() {
    let wait = async |alive: &[bool]| {
        let player = Player {
            id: SourceId::new("test"),
            script: Mutex::default(),
            asked: Mutex::default(),
            alive: Mutex::new(alive.iter().copied().collect()),
            began: Instant::now(),
        };
        let mut keeper =
            Keeper { source: Arc::new(player), feed: Feed::Nodes, sink: Arc::new(Told::default()), cursor: None, told: None, lost: None, tries: 9 };
        keeper.wait(Rest { wait: LONGEST, probe: true }, &Notify::new()).await;
        keeper.tries
    };
    assert_eq!(wait(&[false, false, true]).await, 0, "it gave a sign of life: its next refusals are first ones");
    assert_eq!(wait(&[true, true, true]).await, 9, "it was never silent: nothing has changed");
    assert_eq!(wait(&[]).await, 9, "it is still silent");
}

#[tokio::test(start_paused = true)]
async fn waits_grow_from_half_a_second_and_stay_under_thirty() {
    let (asked, _, _) = play((0..12).map(|_| vec![Err(SourceError::Protocol(Clean::EMPTY))]).collect(), &[], Duration::from_secs(600)).await;
    let waits: Vec<_> = asked.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(waits.len(), 12);
    assert!(waits.iter().all(|wait| *wait >= SHORTEST && *wait <= LONGEST), "{waits:?}");
    assert_eq!(backoff(0, 1.0), SHORTEST);
    assert_eq!(backoff(40, 1.0), LONGEST);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_tried_again_every_five_minutes() {
    let (asked, links, _) = play(vec![vec![Err(SourceError::Denied(Clean::from_static("no rights")))]], &[], Duration::from_secs(400)).await;
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].0, REFUSED);
    assert!(matches!(links[1], Link::Refused { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_obeyed_up_to_fifteen_minutes() {
    let until = Timestamp::now() + SignedDuration::from_hours(24 * 300);
    let (asked, _, _) = play(vec![vec![Err(SourceError::RateLimited { until, words: Clean::EMPTY })]], &[], Duration::from_secs(1_000)).await;
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].0, PATIENCE.unsigned_abs());
}

#[tokio::test(start_paused = true)]
async fn a_sign_of_life_after_silence_ends_the_wait() {
    let broken = (0..9).map(|_| down()).collect();
    let (asked, _, _) = play(broken, &[], Duration::from_secs(60)).await;
    let tries = asked.len();
    let (asked, _, _) = play(vec![down(), down(), down(), down(), down(), down(), down()], &[false, true].repeat(60), Duration::from_secs(60)).await;
    let waits: Vec<_> = asked.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(waits.iter().all(|wait| *wait <= PROBE * 2), "{waits:?}; without signs of life {tries} tries");
}

#[tokio::test(start_paused = true)]
async fn what_a_live_source_offers_is_said_again_when_it_changes() {
    let player = Player { id: SourceId::new("test"), script: Mutex::default(), asked: Mutex::default(), alive: Mutex::default(), began: Instant::now() };
    let told = Arc::new(Told::default());
    let mut keeper = Keeper { source: Arc::new(player), feed: Feed::Nodes, sink: told.clone(), cursor: None, told: None, lost: None, tries: 0 };
    let mut said = None;
    for _ in 0..30 {
        keeper.pass_on(whole_list(), &mut said);
        keeper.pass_on(whole_list(), &mut said);
        sleep(Duration::from_secs(1)).await;
    }
    let left = |link: &Link| if let Link::Live { offers, synced: true } = link { offers.budget.as_ref().map(ToString::to_string) } else { None };
    let said: Vec<Option<String>> = told.links.lock().unwrap().iter().map(left).collect();
    assert_eq!(said, ["100 left", "99 left", "98 left"].map(|words| Some(words.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_source_is_an_error_of_that_source() {
    let (asked, links, _) = play(vec![vec![], vec![Ok(whole_list())]], &[], Duration::from_secs(2)).await;
    assert!(asked.len() >= 2, "{asked:?}");
    assert!(matches!(links[1], Link::Retrying { .. }));
    assert!(matches!(links[2], Link::Live { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_nudge_skips_the_wait_once() {
    let player = Arc::new(Player {
        id: SourceId::new("test"),
        script: Mutex::new(vec![vec![Err(SourceError::Denied(Clean::EMPTY))]].into()),
        asked: Mutex::default(),
        alive: Mutex::default(),
        began: Instant::now(),
    });
    let nudge = Arc::new(Notify::new());
    let task = tokio::spawn(supervise(player.clone(), Feed::Nodes, Arc::new(Told::default()), nudge.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    nudge.notify_waiters();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(player.asked.lock().unwrap().len(), 2);
    task.abort();
}
