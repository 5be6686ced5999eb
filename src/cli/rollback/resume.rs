//! A rollback that a console left is seen through: read from the journal, watched to its verdict, written down. Nothing is sent.

use super::{
    WATCH, over,
    told::{Progress, Told},
};
use crate::{
    app::{App, Effect, Event, Known, OpenOperation},
    cli::{Failed, args::Output, exit::Exit, headless::Headless},
    domain::{Id, OpId, SourceId, Workload},
    gate::Mode,
    text::Clean,
};
use std::time::{Duration, Instant};

/// How long who hands it over may take to leave.
const LEAVING: Duration = Duration::from_secs(10);

/// Sees it through.
pub async fn run(mut headless: Headless, operation: &str, output: Output) -> Result<Exit, Failed> {
    if headless.app.start.mode == Mode::ReadOnly {
        return Err(Failed::new(Exit::Forbidden, "--read-only writes no verdict down: leave it out, or watch along in the console (B, Enter)"));
    }
    let operation = OpId::restore(operation);
    let (open, left) = free(&headless, &operation).await?;
    let effects = headless.app.update(headless.clock.now(), Event::Open(open));
    headless.carry_out(effects);
    connect(&mut headless, &left.subject.source()).await;
    // The cluster may be away at just this time: that is no reason to lose sight of it before its deadline.
    if !headless.until(WATCH, |app| known(app, &left.subject)).await {
        return Err(Failed::new(Exit::Unknown, format!("{}: its source did not answer in time; the journal has the intent", left.title)));
    }
    let (key, effects) = headless.app.resume(&operation).map_err(|why| Failed::new(Exit::No, why.to_string()))?;
    headless.carry_out(effects);
    // Of two that take it at the same moment the later one in the journal has it.
    headless.settle().await;
    if let Some(holder) = held(&headless, &operation).await?.and_then(|left| left.alive).filter(|holder| !holder.ends_with(&own())) {
        return Err(taken(&operation, &holder));
    }
    let progress = Progress::default();
    let seen = |app: &App| {
        progress.tell(app, key);
        over(app, key)
    };
    headless.until(WATCH, seen).await;
    headless.settle().await;
    Ok(Told { json: output.json }.end(&headless.app, key))
}

/// What is open, and this operation of it, once nobody else has it.
async fn free(headless: &Headless, operation: &OpId) -> Result<(Vec<OpenOperation>, OpenOperation), Failed> {
    let began = Instant::now();
    loop {
        let open = open_now(headless).await?;
        let Some(left) = open.iter().find(|left| left.operation == *operation).cloned() else {
            let known: Vec<&str> = open.iter().map(|left| left.operation.as_str()).collect();
            let there = if known.is_empty() { "nothing is open".to_owned() } else { format!("open are {}", known.join(", ")) };
            return Err(Failed::new(Exit::No, format!("{operation} is not open: it ended, or this journal does not know it; {there}")));
        };
        match &left.alive {
            None => return Ok((open, left)),
            Some(holder) if began.elapsed() > LEAVING => return Err(taken(operation, holder)),
            Some(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn open_now(headless: &Headless) -> Result<Vec<OpenOperation>, Failed> {
    headless.runtime.open().await.map_err(|why| Failed::new(Exit::Fault, why.to_string()))
}

async fn held(headless: &Headless, operation: &OpId) -> Result<Option<OpenOperation>, Failed> {
    Ok(open_now(headless).await?.into_iter().find(|left| left.operation == *operation))
}

/// How the journal names this process at the end.
fn own() -> String {
    format!("pid {}", std::process::id())
}

fn taken(operation: &OpId, holder: &Clean) -> Failed {
    Failed::new(Exit::Conflict, format!("{operation} is under way at {holder}: it is seen through there; the console watches along (B, Enter)"))
}

/// A context that somebody connected by hand is only listed at first. What is configured tells of itself before it is asked for.
async fn connect(headless: &mut Headless, source: &SourceId) {
    headless.until(headless.patience, |app| !app.sources.is_empty()).await;
    if matches!(headless.app.sources.get(source), None | Some(Ok(Known::Listed(_)))) {
        headless.carry_out(vec![Effect::Connect(source.clone())]);
    }
}

/// Whether the workload is known, or never will be.
fn known(app: &App, workload: &Id<Workload>) -> bool {
    let refused = matches!(app.sources.get(&workload.source()), Some(Err(_)));
    refused || app.store.workload(workload).is_some()
}
