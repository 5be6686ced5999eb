//! Runs that are older than those that a list tells: to the last, while others come, and where they can not be had.

use super::{Ci, How, Pipeline, desk::Desk, is, many::is_main};
use crate::reader::reader;
use jiff::Timestamp;
use pilothouse::{
    app::{App, Beyond, Screen},
    config::Config,
    domain::{Feed, Run},
    sources::Source,
};
use std::sync::Arc;

/// So many of them are shown before anybody asks for more.
const SHOWN: usize = 25;
/// So many there are.
const ALL: u64 = 150;

fn shown(app: &App) -> Vec<&Run> {
    app.pipelines.order.iter().map(|id| app.store.run(id).expect("a run that is shown is there")).collect()
}

fn numbers(app: &App, of: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    let runs = shown(app);
    of.filter(|number| runs.iter().any(|run| is(run, *number))).collect()
}

/// A source that looks as often as a console does, so that it has requests left for who asks.
fn calm<C: Ci>(ci: &C) -> Arc<dyn Source> {
    reader(&format!("{}\nruns = {SHOWN}", ci.table()), &Config::default())
}

/// A console on the panel of runs, once the list is there.
async fn opened(source: Arc<dyn Source>) -> Desk {
    let mut desk = Desk::new(source);
    desk.press("2");
    desk.until("the list", |app| (app.beyond() == Some(Beyond::More) && app.pipelines.order.len() >= SHOWN).then_some(())).await;
    desk
}

/// Goes to the end, and waits for what is asked for there.
async fn further(desk: &mut Desk) -> Beyond {
    desk.press("G");
    desk.until("what is older", |app| app.beyond().filter(|beyond| *beyond != Beyond::Loading)).await
}

async fn to_the_last(desk: &mut Desk) {
    for _ in 0..20 {
        match further(desk).await {
            Beyond::More => {}
            Beyond::Nothing(None) => return,
            other => panic!("{other:?}\n{}", desk.text()),
        }
    }
    panic!("it never ends\n{}", desk.text());
}

/// All of them, in their order, none twice, and then it is said that there are no more. Nobody asks before somebody is at the end.
pub async fn older_runs_come_to_the_last<C: Ci>(ci: C) {
    assert_eq!(ci.many(ALL).await, ALL);
    let mut desk = opened(calm(&ci)).await;
    desk.press("g j k");
    assert_eq!((shown(&desk.app).len(), desk.app.beyond()), (SHOWN, Some(Beyond::More)), "{}", desk.text());
    to_the_last(&mut desk).await;
    let runs = shown(&desk.app);
    assert_eq!((runs.len() as u64, numbers(&desk.app, 1..=ALL).len() as u64), (ALL, ALL));
    // The newest of each branch come first.
    let times: Vec<Option<Timestamp>> = runs.iter().skip(2).map(|run| run.started.or(run.created)).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    desk.press("G");
    assert_eq!(desk.app.beyond(), Some(Beyond::Nothing(None)), "nothing more is asked for");
    assert!(desk.text().contains("no older runs"), "{}", desk.text());
    desk.press("enter");
    let Some(Screen::Run(run, _)) = desk.app.screens.last() else { panic!("a run is open") };
    let run = run.clone();
    assert!(!desk.text().contains("this run is gone"), "{}", desk.text());
    desk.until("its jobs", |app| app.store.feed(&run.source(), &Feed::Jobs(run.clone())).filter(|feed| feed.link.live()).map(|_| ())).await;
}

/// Runs begin while older ones are read: none is lost, also none of those that leave the list meanwhile.
pub async fn older_runs_are_not_lost_while_others_come<C: Ci>(ci: C) {
    ci.many(ALL).await;
    let mut desk = opened(ci.steady(&format!("runs = {SHOWN}\n{}", if C::PAGED { "branches = ['mai*']" } else { "" }))).await;
    let last = ALL + 20;
    for first in (ALL + 1..last).step_by(5) {
        desk.press("G");
        for number in first..first + 5 {
            ci.write(&Pipeline::new(number, How::Success, Vec::new())).await;
        }
        desk.until("the newest", |app| numbers(app, first..=first + 4).get(4).copied()).await;
        desk.until("what is older", |app| app.beyond().filter(|beyond| *beyond != Beyond::Loading)).await;
    }
    to_the_last(&mut desk).await;
    let wanted: Vec<u64> = (1..=last).filter(|number| !C::PAGED || *number > ALL || is_main(*number)).collect();
    assert_eq!(numbers(&desk.app, 1..=last), wanted);
    assert_eq!(shown(&desk.app).len(), wanted.len(), "none twice");
}

/// Why they can not be had is said, what is here stays, and it is tried again when somebody asks again.
pub async fn a_refusal_of_older_runs_is_said<C: Ci>(ci: C) {
    ci.many(60).await;
    let mut desk = opened(calm(&ci)).await;
    ci.refuse(true);
    if C::REMEMBERS {
        to_the_last(&mut desk).await;
    } else {
        let Beyond::Failed(why) = further(&mut desk).await else { panic!("{}", desk.text()) };
        let begins: String = why.chars().take(40).collect();
        assert!(desk.text().contains(&format!("older runs: {begins}")), "{}", desk.text());
        assert_eq!(shown(&desk.app).len(), SHOWN);
        ci.refuse(false);
        to_the_last(&mut desk).await;
    }
    assert_eq!(numbers(&desk.app, 1..=60).len(), 60);
}

/// More runs come between two looks than a list holds: those between it and the older ones are there too, and what are too many of them is said.
pub async fn more_come_at_once_than_a_list_holds<C: Ci>(ci: C) {
    ci.many(60).await;
    let source = ci.steady(&format!("runs = {SHOWN}"));
    let mut desk = opened(source.clone()).await;
    further(&mut desk).await;
    if C::REMEMBERS {
        for number in 61..=100 {
            ci.write(&Pipeline::new(number, How::Success, Vec::new())).await;
        }
    } else {
        ci.many(100).await;
    }
    desk.until("the newest", |app| numbers(app, 100..=100).first().copied()).await;
    to_the_last(&mut desk).await;
    assert_eq!(numbers(&desk.app, 1..=100), (1..=100).collect::<Vec<_>>());
    if !C::REMEMBERS {
        ci.many(400).await;
        desk.until("that some are missing", |_| source.offers().lacks.iter().any(|words| words.contains("came at once")).then_some(())).await;
    }
}
