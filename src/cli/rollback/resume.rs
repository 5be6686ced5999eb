//! A rollback that a console left is seen through: read from the journal, watched to its verdict, written down. Nothing is sent.

use super::{WATCH, over, told::Told};
use crate::{
    app::{App, Effect, Event, Known},
    cli::{Failed, args::Output, exit::Exit, headless::Headless},
    domain::{Id, OpId, SourceId, Workload},
};

/// Sees it through.
pub async fn run(mut headless: Headless, operation: &str, output: Output) -> Result<Exit, Failed> {
    let operation = OpId::restore(operation);
    let open = headless.runtime.open().await.map_err(|why| Failed::new(Exit::Fault, why.to_string()))?;
    let Some(left) = open.iter().find(|left| left.operation == operation) else {
        let known: Vec<&str> = open.iter().map(|left| left.operation.as_str()).collect();
        let there = if known.is_empty() { "nothing is open".to_owned() } else { format!("open are {}", known.join(", ")) };
        return Err(Failed::new(Exit::No, format!("{operation} is not open: it ended, or this journal does not know it; {there}")));
    };
    let (workload, title) = (left.subject.clone(), left.title.clone());
    let effects = headless.app.update(headless.clock.now(), Event::Open(open));
    headless.carry_out(effects);
    connect(&mut headless, &workload.source());
    // The cluster may be away at just this time: that is no reason to lose sight of it before its deadline.
    if !headless.until(WATCH, |app| known(app, &workload)).await {
        return Err(Failed::new(Exit::Unknown, format!("{title}: its source did not answer in time; the journal has the intent")));
    }
    let (key, effects) = headless.app.resume(&operation).map_err(|why| Failed::new(Exit::No, why.to_string()))?;
    headless.carry_out(effects);
    headless.until(WATCH, |app| over(app, key)).await;
    headless.settle().await;
    Ok(Told { json: output.json }.end(&headless.app, key))
}

/// A context that somebody connected by hand is only listed at first.
fn connect(headless: &mut Headless, source: &SourceId) {
    if matches!(headless.app.sources.get(source), None | Some(Ok(Known::Listed(_)))) {
        headless.carry_out(vec![Effect::Connect(source.clone())]);
    }
}

/// Whether the workload is known, or never will be.
fn known(app: &App, workload: &Id<Workload>) -> bool {
    let refused = matches!(app.sources.get(&workload.source()), Some(Err(_)));
    refused || app.store.workload(workload).is_some()
}
