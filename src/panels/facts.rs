//! An alert or a run as text: all that its source told of it.

use super::words;
use crate::{
    app::{App, Subject},
    domain::{Alert, AlertState, Id, Run},
    store::words as said,
    text::Clean,
};
use jiff::Timestamp;

/// The facts of an alert or a run, a line each; none for what its back end describes itself.
pub fn of(app: &App, subject: &Subject) -> Option<Vec<Clean>> {
    match subject {
        Subject::Alert(id) => alert(app, id),
        Subject::Run(id) => run(app, id),
        Subject::Cell { .. } | Subject::Workload(_) | Subject::Pod(_) | Subject::Job(_) | Subject::Node(_) | Subject::Nothing => None,
    }
}

/// `since: 02:57:00, 2 min ago`.
fn when(app: &App, name: &str, at: Option<Timestamp>) -> Option<Clean> {
    let at = at?;
    let clock = words::clock(at, &words::zone(app));
    Some(crate::clean!("{name}: {clock}, {} ago", said::long(said::since(at, app.now.wall))))
}

fn field(name: &str, value: &str) -> Option<Clean> {
    (!value.is_empty()).then(|| crate::clean!("{name}: {value}"))
}

fn alert(app: &App, id: &Id<Alert>) -> Option<Vec<Clean>> {
    let alert = app.store.alert(id)?;
    let row = app.alerts.view.iter().flat_map(|view| &view.rows).find(|row| row.alert.id == *id);
    let state = match &alert.state {
        AlertState::Silenced { by, until } => {
            let until = until.map(|at| crate::clean!(" until {}", words::clock(at, &words::zone(app)))).unwrap_or_default();
            crate::clean!("silenced by {by}{until}")
        }
        AlertState::Inhibited { by } => crate::clean!("inhibited by {by}"),
        state @ (AlertState::Firing | AlertState::Pending) => Clean::from_static(state.word()),
    };
    let about = row.and_then(|row| row.subject()).map(|about| match &about.environment {
        Some(environment) => crate::clean!("{} in {}", about.service, environment.name),
        None => about.service.clean().clone(),
    });
    let value = row.and_then(|row| row.value_words()).or_else(|| alert.value.map(|value| crate::clean!("{value}")));
    let reporters = row.map(|row| row.reporters.iter().map(Clean::as_str).collect::<Vec<_>>().join(", ")).unwrap_or_default();
    let fields = [
        field("alert", alert.name.clean()),
        field("state", &state),
        field("severity", alert.severity.word()),
        when(app, "since", alert.since),
        field("about", about.as_deref().unwrap_or("no service: a [[service]] rule joins its labels")),
        field("value", value.as_deref().unwrap_or_default()),
        field("summary", &alert.summary),
        field("expression", alert.expression.as_deref().unwrap_or_default()),
        field("runbook", alert.runbook.as_deref().unwrap_or_default()),
        field("reported by", &reporters),
    ];
    let mut lines: Vec<Clean> = fields.into_iter().flatten().collect();
    lines.push(Clean::from_static("labels:"));
    lines.extend(alert.labels.0.iter().map(|(key, value)| crate::clean!("  {key}: {value}")));
    Some(lines)
}

fn run(app: &App, id: &Id<Run>) -> Option<Vec<Clean>> {
    let run = app.store.run(id)?;
    let usual = run.usual.map(|seconds| said::took(jiff::SignedDuration::from_secs(seconds.into()))).unwrap_or_default();
    let fields = [
        Some(crate::clean!("run: {} {}", run.repository, run.called())),
        field("workflow", &run.workflow),
        field("status", &run.status.word()),
        (run.attempt > 1).then(|| crate::clean!("attempt: {}", run.attempt)),
        field("title", &run.title),
        field("branch", run.branch.clean()),
        field("commit", run.commit.clean()),
        field("by", &run.actor),
        when(app, "asked for", run.created),
        when(app, "began", run.started),
        when(app, if run.status.over() { "ended" } else { "last changed" }, run.ended),
        field("usually takes", &usual),
        field("link", &run.url),
    ];
    let mut lines: Vec<Clean> = fields.into_iter().flatten().collect();
    let jobs = app.store.jobs_of(id);
    if !jobs.is_empty() {
        lines.push(Clean::from_static("jobs:"));
    }
    for job in jobs {
        lines.push(crate::clean!("  {}: {}", job.name, job.status.word()));
        lines.extend(job.steps.iter().map(|step| crate::clean!("    {}: {}", step.name, step.status.word())));
    }
    Some(lines)
}
