//! The sources of a world, under a clock that is told to go on.

use super::{Demo, Scenario};
use crate::{
    domain::{Change, Fact, Feed, Id, LogTarget, Scope, SourceId},
    sources::{Made, Source, SourceError},
};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

fn open() -> (Demo, Timestamp) {
    let scenario = Scenario::named("incident").expect("embedded");
    let opens = scenario.opens();
    (Demo::open(&scenario, 7, opens, false), opens)
}

fn source(demo: &Demo, name: &str) -> Arc<dyn Source> {
    demo.dial(&SourceId::new(name)).expect("it is one of them")
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_the_whole_list_and_then_what_changes() {
    let (demo, _) = open();
    let mut rows = source(&demo, "demo/lab-eu").watch(Feed::Workloads, None);
    let first = rows.next().await.expect("a list").expect("live").facts;
    assert_eq!(first.first(), Some(&Fact::Workload(Change::Begin)));
    assert!(first.contains(&Fact::Workload(Change::Done)) && first.last() == Some(&Fact::Revision(Change::Done)));
    let began = tokio::time::Instant::now();
    let next = rows.next().await.expect("payments goes on").expect("live").facts;
    assert!(
        next.iter().any(|fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if row.name.raw() == "payments" && row.replicas.updated == 3)),
        "{next:?}"
    );
    assert!(began.elapsed().as_secs() > 20, "nothing was said until something changed");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_breaks_ends_the_watch_and_a_probe_tells_when_it_is_back() {
    let (demo, _) = open();
    let github = source(&demo, "demo/github");
    let mut runs = github.watch(Feed::Runs, None);
    let end = loop {
        match runs.next().await.expect("it ends with an error") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(end, SourceError::Unreachable(words) if words.contains("api.github.com")));
    assert!(!github.probe().await);
    tokio::time::sleep(std::time::Duration::from_secs(26)).await;
    assert!(github.probe().await);
    assert!(matches!(github.watch(Feed::Runs, None).next().await, Some(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_had_broken_before_shows_what_was_last_told() {
    let (demo, _) = open();
    let staging = source(&demo, "demo/docker-staging");
    let mut rows = staging.watch(Feed::Workloads, None);
    let first = rows.next().await.expect("the last list").expect("as it was");
    assert!(first.facts.iter().any(|fact| matches!(fact, Fact::Workload(Change::Upsert(row)) if row.name.raw() == "mailer")));
    assert!(matches!(rows.next().await, Some(Err(SourceError::Unreachable(_)))));
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert!(matches!(staging.watch(Feed::Workloads, None).next().await, Some(Err(SourceError::Unreachable(_)))), "only once");
}

#[tokio::test(start_paused = true)]
async fn a_log_goes_on_after_its_cursor_without_loss_or_repetition() {
    let (demo, opens) = open();
    let prod = source(&demo, "demo/prod-eu");
    let target = LogTarget::Workload { workload: Id::new(prod.id(), "shop/checkout"), since: Some(opens - SignedDuration::from_mins(2)) };
    let mut said = Vec::new();
    let mut cursor = None;
    for _ in 0..3 {
        let mut log = prod.watch(Feed::Logs(target.clone()), cursor.take());
        for _ in 0..4 {
            let batch = log.next().await.expect("it goes on").expect("live");
            cursor = batch.cursor.or(cursor);
            let lines = batch.facts.into_iter().filter_map(|fact| if let Fact::Lines(stream, lines) = fact { Some((stream, lines)) } else { None });
            said.extend(lines.flat_map(|(stream, lines)| lines.into_iter().map(move |line| (line.at, stream.clone(), line.text.text))));
        }
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    }
    let end = said.iter().filter_map(|(at, _, _)| *at).max().expect("something was said");
    let world = super::World::new(&Scenario::named("incident").expect("embedded"), 7);
    let whole =
        world.facts(prod.id(), &Feed::Logs(target), end).into_iter().map(|fact| if let Fact::Lines(_, lines) = fact { lines.len() } else { 0 }).sum::<usize>();
    let mut told = said.clone();
    told.sort();
    told.dedup();
    assert_eq!((said.len(), told.len()), (whole, whole));
}

#[tokio::test(start_paused = true)]
async fn what_is_only_listed_can_be_dialled() {
    let scenario = Scenario::named("blind").expect("embedded");
    let demo = Demo::open(&scenario, 7, scenario.opens(), false);
    assert_eq!(demo.made().iter().filter(|made| matches!(made, Made::Listed(..))).count(), 1);
    let lab = source(&demo, "demo/lab-eu");
    assert!(matches!(lab.watch(Feed::Pods(Scope::All), None).next().await, Some(Ok(_))));
    assert!(demo.dial(&SourceId::new("demo/nowhere")).is_none());
}
