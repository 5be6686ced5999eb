//! Where there is much of it: runs without number, a matrix, and a list that grows while its pages are read.

use super::{Ci, How, Pipeline, Task, find, told};
use crate::github::seen::Seen;
use pilothouse::domain::Feed;
use std::time::Duration;

/// Which of many runs are of `main` where only some are.
pub const fn is_main(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// Ten thousand of them; where each is a real object of a real server, as many only when somebody has the time.
pub async fn of_many_only_the_newest_are_told<C: Ci>(ci: C) {
    let count = ci.many(10_000).await;
    let source = ci.source("runs = 100");
    let mut runs = Seen::new(&source, Feed::Runs);
    runs.until("the newest", |seen| (seen.whole && seen.runs.len() == 100).then_some(())).await;
    ci.write(&Pipeline::new(count + 1, How::Running, Vec::new())).await;
    runs.until("one more", |seen| find(seen, count + 1).filter(|_| seen.runs.len() <= 100)).await;
    let old = (1..count / 10).find(|number| find(&runs, *number).is_some());
    assert_eq!(old, None, "the newest are told");
}

/// A matrix of five hundred.
pub async fn each_of_five_hundred_jobs_is_told<C: Ci>(ci: C) {
    let shard = |n: usize| Task { name: format!("shard-{n}"), how: if n.is_multiple_of(7) { How::Failed } else { How::Success }, from: 0, to: 50 };
    ci.write(&Pipeline::new(1, How::Failed, (0..500).map(shard).collect())).await;
    let source = ci.source("");
    let (_, run) = told(&source, 1).await;
    let mut jobs = Seen::new(&source, Feed::Jobs(run));
    jobs.until("all of its jobs", |seen| (seen.jobs.len() == 500).then_some(())).await;
    let failed = jobs.jobs.values().filter(|job| job.status == pilothouse::domain::RunStatus::Failed).count();
    assert_eq!(failed, 72, "each as it stands");
}

/// Runs begin while the list is read: what was there before is told without a gap.
pub async fn pages_that_move_lose_nothing<C: Ci>(ci: C) {
    ci.many(300).await;
    let source = ci.source(if C::PAGED { "runs = 100\nbranches = ['mai*']" } else { "runs = 100" });
    let mut runs = Seen::new(&source, Feed::Runs);
    let more = async {
        let mut turn = tokio::time::interval(Duration::from_millis(5));
        for number in 301..=330 {
            turn.tick().await;
            ci.write(&Pipeline::new(number, How::Running, Vec::new())).await;
        }
        std::future::pending::<()>().await;
    };
    // One that tells the newest of each job first tells what came before a moment later.
    let whole = runs.until("the list", |seen| (seen.whole && seen.runs.len() >= 90).then_some(()));
    tokio::select! { () = whole => {}, () = more => {} }
    let numbers: Vec<u64> = (1..=330).filter(|number| find(&runs, *number).is_some()).collect();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    let wanted: Vec<u64> = (first..=last).filter(|number| !C::PAGED || *number > 300 || is_main(*number)).collect();
    assert_eq!(numbers, wanted, "one was lost between two pages");
}
