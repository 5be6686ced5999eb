//! The merged log of what the targets say, as plain text.

use super::{Failed, args::Logs, exit::Exit, headless::Headless, start::duration};
use crate::{
    app::Event,
    domain::{Id, LineKind, LogTarget, Pod, Workload},
    logs::{Spot, Towards},
    text::{Clean, redact},
};
use jiff::SignedDuration;
use std::{io::Write, time::Duration};

/// Lines later than this after their neighbours still find their place.
const WINDOW: Duration = Duration::from_millis(300);

/// Whose log, once the sources have said what runs.
enum Target {
    Workload(Id<Workload>),
    Pod(Id<Pod>),
}

/// Finds the targets, listens, prints in the order of time.
pub async fn run(mut headless: Headless, args: Logs) -> Result<Exit, Failed> {
    let since = duration(&args.since)?;
    let grep = args.grep.as_deref().map(regex::Regex::new).transpose().map_err(|error| Failed::new(Exit::Usage, format!("--grep: {error}")))?;
    headless.synced().await;
    let mut targets = Vec::new();
    for name in &args.targets {
        targets.push(find(&headless, name, args.environment.as_deref())?);
    }
    let asked = headless.app.now.wall;
    let from = asked - SignedDuration::try_from(since).unwrap_or(SignedDuration::ZERO);
    let wanted = targets.into_iter().map(|target| match target {
        Target::Workload(workload) => LogTarget::Workload { workload, since: Some(from) },
        Target::Pod(pod) => LogTarget::Pod { pod, container: None, previous: args.previous, since: Some(from) },
    });
    headless.app.listen(wanted.collect());
    let mut printed = None;
    loop {
        let patience = if args.follow { WINDOW } else { headless.patience.min(Duration::from_secs(3)) };
        let before = headless.app.logs.buffer.len();
        headless.until(patience, |_| false).await;
        let grew = headless.app.logs.buffer.len() > before;
        if !print(&headless, &mut printed, grep.as_ref()) {
            return Ok(Exit::Yes);
        }
        // Whoever does not follow wants what was said until now; something that never falls silent would keep us for ever.
        let newest = headless.app.logs.buffer.walk(None, Towards::Older).find_map(|line| line.at);
        if !args.follow && (!grew || newest.is_some_and(|at| at >= asked)) {
            return Ok(if headless.app.logs.buffer.is_empty() { Exit::Unknown } else { Exit::Yes });
        }
        let _ = headless.app.update(headless.clock.now(), Event::Tick);
    }
}

/// A service, or SERVICE/POD.
fn find(headless: &Headless, name: &str, environment: Option<&str>) -> Result<Target, Failed> {
    let (service, pod) = name.split_once('/').map_or((name, None), |(service, pod)| (service, Some(pod)));
    let app = &headless.app;
    let rows = app.matrix.rows.iter().filter(|row| row.service.raw() == service);
    let cells =
        rows.flat_map(|row| &row.cells).filter(|cell| !cell.workloads.is_empty() && environment.is_none_or(|wanted| cell.environment.name.raw() == wanted));
    let workloads: Vec<Id<Workload>> = cells.flat_map(|cell| cell.workloads.iter().map(|one| one.id.clone())).collect();
    let no = |words: String| Failed::new(Exit::No, words);
    match (workloads.as_slice(), pod) {
        ([], _) => {
            Err(no(format!("nothing called `{}` runs{}", Clean::from_untrusted(service), environment.map(|name| format!(" in {name}")).unwrap_or_default())))
        }
        ([workload, ..], Some(wanted)) => app
            .store
            .pods_of(workload)
            .find(|pod| pod.name.raw() == wanted)
            .map(|pod| Target::Pod(pod.id.clone()))
            .ok_or_else(|| no(format!("{service} has no pod called `{}`", Clean::from_untrusted(wanted)))),
        ([workload], None) => Ok(Target::Workload(workload.clone())),
        (several, None) => {
            let cells: Vec<String> = several.iter().filter_map(|id| app.store.joined(id)).map(|joined| joined.environment.name.to_string()).collect();
            Err(Failed::new(Exit::Usage, format!("{service} runs in {}: choose with -e", cells.join(", "))))
        }
    }
}

/// Prints what is new; false when nobody reads any more.
fn print(headless: &Headless, printed: &mut Option<Spot>, grep: Option<&regex::Regex>) -> bool {
    let mut out = std::io::stdout().lock();
    let buffer = &headless.app.logs.buffer;
    for line in buffer.walk(printed.map(Spot::behind), Towards::Newer) {
        *printed = Some(line.spot);
        let own = matches!(line.kind, LineKind::Notice | LineKind::Change);
        if !own && grep.is_some_and(|grep| !grep.is_match(line.text())) {
            continue;
        }
        let at = line.at.map(|at| format!("{at:.3}")).unwrap_or_default();
        let who = if own { String::new() } else { format!("{}/{} ", line.stream.pod, line.stream.container) };
        if writeln!(out, "{at} {who}{}", redact(line.text())).is_err() {
            return false;
        }
    }
    out.flush().is_ok()
}
