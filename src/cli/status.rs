//! The matrix, alerts and runs as text or JSON; exit 1 if something is critical, 2 if it can not be told.

mod missing;

use super::{Failed, args::Output, exit::Exit, headless::Headless, out::say};
use crate::{
    app::{App, Known},
    domain::{AlertState, Severity},
    panels::words,
    store::{Cell, CellState, ErrorRate, Row, words as said},
    text::Clean,
};
use missing::{Missing, missing};
use serde_json::{Value, json};

/// The version of the JSON shape.
const SHAPE: u32 = 1;

/// Waits for the sources and prints what they say.
pub async fn run(mut headless: Headless, output: Output) -> Result<Exit, Failed> {
    headless.synced().await;
    let missing = missing(&headless);
    let app = &headless.app;
    if output.json {
        say!("{:#}", shape(app, &missing));
    } else {
        print(app, &missing);
    }
    Ok(exit(app, &missing))
}

/// No if something is down, stuck or failing where it matters, or a critical alert fires; unknown if not everything could be seen.
fn exit(app: &App, missing: &[Missing]) -> Exit {
    let cells = || app.matrix.rows.iter().flat_map(|row| &row.cells);
    let bad = cells().any(|cell| matches!(cell.state, CellState::Down | CellState::Stuck { .. } | CellState::Failing | CellState::Victim { .. }));
    let alert = alerts(app).any(|row| row.alert.state == AlertState::Firing && row.alert.severity == Severity::Critical);
    if bad || alert {
        return Exit::No;
    }
    let blind = app.matrix.rows.is_empty()
        || cells().any(|cell| matches!(cell.state, CellState::Unknown | CellState::Stale { .. }))
        || missing.iter().any(|one| one.troubled);
    if blind { Exit::Unknown } else { Exit::Yes }
}

fn alerts(app: &App) -> impl Iterator<Item = &crate::store::AlertRow> {
    app.alerts.view.iter().flat_map(|view| &view.rows)
}

/// Whose victim a cell is, where a cause that many share explains it.
fn victim(app: &App, row: &Row, cell: &Cell) -> Option<Clean> {
    let cause = app.cause.as_ref()?;
    cause.victim(&row.service, &cell.environment).map(|_| cause.name())
}

fn shape(app: &App, missing: &[Missing]) -> Value {
    let cell = |row: &Row, cell: &Cell| {
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
            "victim_of": victim(app, row, cell),
        })
    };
    let row = |row: &Row| {
        let errors = match &row.errors {
            ErrorRate::Known(series) => json!(series.now),
            ErrorRate::NoQuery | ErrorRate::NoTraffic => Value::Null,
        };
        json!({ "service": row.service.clean(), "error_rate": errors, "environments": row.cells.iter().map(|one| cell(row, one)).collect::<Vec<_>>() })
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
    let source = |(id, known): (&crate::domain::SourceId, &Result<Known, crate::domain::Why>)| {
        let lacks = match known {
            Ok(Known::Ready(offers)) => offers.lacks.clone(),
            Ok(Known::Absent(words)) => vec![words.clone()],
            Ok(Known::Listed(_) | Known::Sought) | Err(_) => Vec::new(),
        };
        let trouble = missing.iter().find(|one| one.troubled && one.source.as_ref() == Some(id));
        let state = match known {
            Err(_) => "unusable",
            Ok(Known::Listed(_)) => "not connected",
            Ok(Known::Sought) => "looked for",
            Ok(Known::Absent(_)) => "not found",
            Ok(Known::Ready(_)) if trouble.is_some() => "down",
            Ok(Known::Ready(_)) => "live",
        };
        json!({ "source": id.as_str(), "state": state, "lacks": lacks, "trouble": trouble.map(|one| &one.why) })
    };
    let cause = app.cause.as_ref().map(|cause| {
        let victims: Vec<Value> =
            cause.victims.iter().map(|one| json!({ "service": one.service.clean(), "environment": one.environment.name.clean() })).collect();
        json!({ "what": cause.what(), "explained": cause.explained, "failing": cause.failing, "victims": victims })
    });
    json!({
        "v": SHAPE,
        "at": app.now.wall.to_string(),
        "cause": cause,
        "services": app.matrix.rows.iter().map(row).collect::<Vec<_>>(),
        "alerts": alerts(app).map(alert).collect::<Vec<_>>(),
        "runs": app.store.runs().into_iter().take(20).map(run_shape).collect::<Vec<_>>(),
        "sources": app.sources.iter().map(source).collect::<Vec<_>>(),
        "missing": missing.iter().map(Missing::shape).collect::<Vec<_>>(),
    })
}

/// A run of a CI as JSON.
pub(super) fn run_shape(run: &crate::domain::Run) -> Value {
    json!({
        "repository": run.repository.clean(), "workflow": run.workflow, "number": run.number, "called": run.called(), "attempt": run.attempt, "branch": run.branch.clean(),
        "status": run.status.word(), "title": run.title, "started": run.started.map(|at| at.to_string()), "url": run.url,
    })
}

fn print(app: &App, missing: &[Missing]) {
    say!("{}", headline(app, missing));
    if let Some(cause) = &app.cause {
        say!("cause  {}", cause.words(app.now.wall));
    }
    for row in &app.matrix.rows {
        for cell in row.cells.iter().filter(|cell| !cell.workloads.is_empty()) {
            let serving = cell.serving.map(|(ready, wanted)| format!("{ready}/{wanted}")).unwrap_or_default();
            let mark = if cell.environment.guessed { "?" } else { "" };
            let excused = victim(app, row, cell).filter(|_| !matches!(cell.state, CellState::Victim { .. })).map(|of| crate::clean!("victim of {of}"));
            let why = excused.into_iter().chain(cell.why.clone()).map(|why| format!("  {why}")).collect::<String>();
            let age = cell.changed.map(|at| words::time(app, at).to_string()).unwrap_or_default();
            say!(
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
        say!("alert  {}  {}{place}{held}  {}", row.alert.severity.word(), row.alert.name, row.alert.summary);
    }
    for run in app.store.runs().into_iter().take(10).filter(|run| !matches!(run.status, crate::domain::RunStatus::Success)) {
        say!("run    {} {}  {}  {}", run.repository, run.called(), run.status.word(), run.title);
    }
    missing.iter().for_each(|one| say!("{}", one.words()));
}

/// How many of what there are; never a number where nobody told one.
fn headline(app: &App, missing: &[Missing]) -> Clean {
    let blind = missing.iter().any(|one| one.troubled && (one.feeds.is_empty() || one.feeds.contains(&"workloads")));
    match (app.matrix.rows.is_empty(), blind) {
        (true, true) => Clean::from_static("what runs is not known: nobody who could say it answers"),
        (true, false) if missing.iter().any(|one| one.source.is_none() && one.feeds == ["workloads"]) => {
            Clean::from_static("what runs is not known: nothing is connected that could say it")
        }
        (true, false) if missing.iter().any(|one| one.feeds == ["workloads"]) => {
            Clean::from_static("nothing runs where we look; it is not known what runs elsewhere")
        }
        (true, false) | (false, _) => app.matrix.totals.words(),
    }
}
