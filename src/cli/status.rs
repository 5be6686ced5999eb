//! The matrix, alerts and runs as text or JSON; exit 1 if something is critical, 2 if it can not be told.

use super::{Failed, args::Output, exit::Exit, headless::Headless};
use crate::{
    app::{App, Known},
    domain::{AlertState, Link, Severity},
    panels::words,
    store::{Cell, CellState, ErrorRate, words as said},
};
use serde_json::{Value, json};

/// The version of the JSON shape.
const SHAPE: u32 = 1;

/// Waits for the sources and prints what they say.
pub async fn run(mut headless: Headless, output: Output) -> Result<Exit, Failed> {
    let missing = headless.synced().await;
    let app = &headless.app;
    if output.json {
        println!("{:#}", shape(app, &missing));
    } else {
        print(app, &missing);
    }
    Ok(exit(app))
}

/// No if something is down, stuck or failing where it matters, or a critical alert fires; unknown if nothing could be seen.
fn exit(app: &App) -> Exit {
    let cells = || app.matrix.rows.iter().flat_map(|row| &row.cells);
    let bad = cells().any(|cell| matches!(cell.state, CellState::Down | CellState::Stuck { .. } | CellState::Failing | CellState::Victim { .. }));
    let alert = alerts(app).any(|row| row.alert.state == AlertState::Firing && row.alert.severity == Severity::Critical);
    if bad || alert {
        return Exit::No;
    }
    let blind =
        app.matrix.rows.is_empty() || cells().any(|cell| matches!(cell.state, CellState::Unknown | CellState::Stale { .. })) || broken(app).next().is_some();
    if blind { Exit::Unknown } else { Exit::Yes }
}

fn alerts(app: &App) -> impl Iterator<Item = &crate::store::AlertRow> {
    app.alerts.view.iter().flat_map(|view| &view.rows)
}

/// Feeds that do not tell, with the reason.
fn broken(app: &App) -> impl Iterator<Item = (String, String)> {
    let unusable = app.sources.iter().filter_map(|(id, known)| known.as_ref().err().map(|why| (id.to_string(), why.words.to_string())));
    let feeds = app.store.feeds().iter().filter_map(|feed| match &feed.link {
        Link::Retrying { why, .. } | Link::Refused { why, .. } => Some((feed.source.to_string(), why.words.to_string())),
        Link::NotConnected | Link::Connecting | Link::Live { .. } => None,
    });
    unusable.chain(feeds)
}

fn shape(app: &App, missing: &[crate::text::Clean]) -> Value {
    let cell = |cell: &Cell| {
        json!({
            "environment": cell.environment.name.clean(),
            "tier": cell.environment.tier.name(),
            "guessed": cell.environment.guessed,
            "state": cell.state.word(),
            "version": cell.version.to_string(),
            "serving": cell.serving.map(|(ready, wanted)| json!({ "ready": ready, "wanted": wanted })),
            "differs": cell.differs,
            "changed": cell.changed.map(|at| at.to_string()),
            "why": cell.why,
        })
    };
    let row = |row: &crate::store::Row| {
        let errors = match &row.errors {
            ErrorRate::Known(series) => json!(series.now),
            ErrorRate::NoQuery | ErrorRate::NoTraffic => Value::Null,
        };
        json!({ "service": row.service.clean(), "error_rate": errors, "environments": row.cells.iter().map(cell).collect::<Vec<_>>() })
    };
    let alert = |row: &crate::store::AlertRow| {
        json!({
            "name": row.alert.name.clean(),
            "severity": row.alert.severity.word(),
            "state": row.alert.state.word(),
            "since": row.alert.since.map(|at| at.to_string()),
            "summary": row.alert.summary,
            "value": row.alert.value,
            "limit": row.limit,
            "service": row.subject().map(|about| about.service.clean()),
            "environment": row.subject().and_then(|about| about.environment.as_ref()).map(|environment| environment.name.clean()),
            "nearest_change": row.nearest.as_ref().map(|change| json!({ "at": change.at.to_string(), "what": change.words() })),
            "reporters": row.reporters,
        })
    };
    let run = |run: &crate::domain::Run| {
        json!({
            "repository": run.repository.clean(), "workflow": run.workflow, "number": run.number, "attempt": run.attempt, "branch": run.branch.clean(),
            "status": run.status.word(), "title": run.title, "started": run.started.map(|at| at.to_string()), "url": run.url,
        })
    };
    let source = |(id, known): (&crate::domain::SourceId, &Result<Known, crate::domain::Why>)| {
        let lacks = match known {
            Ok(Known::Ready(offers)) => offers.lacks.clone(),
            Ok(Known::Absent(words)) => vec![words.clone()],
            Ok(Known::Listed(_) | Known::Sought) | Err(_) => Vec::new(),
        };
        let state = match known {
            Err(_) => "unusable",
            Ok(Known::Listed(_)) => "not connected",
            Ok(Known::Sought) => "looked for",
            Ok(Known::Absent(_)) => "not found",
            Ok(Known::Ready(_)) if broken(app).any(|(broken, _)| broken == id.as_str()) => "down",
            Ok(Known::Ready(_)) => "live",
        };
        json!({ "source": id.as_str(), "state": state, "lacks": lacks, "trouble": broken(app).find(|(broken, _)| broken == id.as_str()).map(|(_, why)| why) })
    };
    json!({
        "v": SHAPE,
        "at": app.now.wall.to_string(),
        "services": app.matrix.rows.iter().map(row).collect::<Vec<_>>(),
        "alerts": alerts(app).map(alert).collect::<Vec<_>>(),
        "runs": app.store.runs().into_iter().take(20).map(run).collect::<Vec<_>>(),
        "sources": app.sources.iter().map(source).collect::<Vec<_>>(),
        "missing": missing,
    })
}

fn print(app: &App, missing: &[crate::text::Clean]) {
    println!("{}", app.matrix.totals.words());
    for row in &app.matrix.rows {
        for cell in row.cells.iter().filter(|cell| !cell.workloads.is_empty()) {
            let serving = cell.serving.map(|(ready, wanted)| format!("{ready}/{wanted}")).unwrap_or_default();
            let mark = if cell.environment.guessed { "?" } else { "" };
            let why = cell.why.as_ref().map(|why| format!("  {why}")).unwrap_or_default();
            let age = cell.changed.map(|at| words::time(app, at).to_string()).unwrap_or_default();
            println!(
                "{:<20} {:<14} {:<20} {:<14} {serving:<7} {age:>4}{why}",
                row.service.clean().as_str(),
                format!("{}{mark}", cell.environment.name),
                cell.version.to_string(),
                cell.state.words()
            );
        }
    }
    for row in alerts(app).filter(|row| row.alert.state == AlertState::Firing) {
        let held = row.alert.since.map(|at| format!(" for {}", said::long(said::since(at, app.now.wall)))).unwrap_or_default();
        let place = row.subject().map(|about| format!("  {}", about.service)).unwrap_or_default();
        println!("alert  {}  {}{place}{held}  {}", row.alert.severity.word(), row.alert.name, row.alert.summary);
    }
    for run in app.store.runs().into_iter().take(10).filter(|run| !matches!(run.status, crate::domain::RunStatus::Success)) {
        println!("run    {} #{}  {}  {}", run.repository, run.number, run.status.word(), run.title);
    }
    for (source, why) in broken(app) {
        println!("source {source}: {why}");
    }
    for name in missing {
        println!("source {name}: did not answer in time");
    }
}
