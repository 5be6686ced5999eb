//! The jobs and steps of one run.

use super::{pipelines, words};
use crate::{
    app::{App, Effect, Subject},
    domain::{Id, Job, Run, RunStatus},
    keys::Action,
    line,
    store::{Arrival, Shipped, words as said},
    text::Clean,
    theme::Role,
    widgets::{Align, Edge, Line, Panel, Piece, Selection, draw_line, pad, sign},
};
use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};

/// How many environments are listed.
const PLACES: usize = 6;

fn keys(app: &App, run: &Id<Run>) -> Vec<String> {
    app.store.jobs_of(run).iter().map(|job| job.id.as_str().to_owned()).collect()
}

fn job_here<'a>(app: &'a App, run: &Id<Run>, at: &Selection<String>) -> Option<&'a Job> {
    let jobs = app.store.jobs_of(run);
    let wanted = at.id().and_then(|id| jobs.iter().find(|job| job.id.as_str() == id));
    wanted.or_else(|| jobs.iter().min_by_key(|job| job.status.rank())).copied()
}

/// What is under the cursor.
pub fn subject(app: &App, run: &Id<Run>, at: &Selection<String>) -> Subject {
    job_here(app, run, at).map_or_else(|| Subject::Run(run.clone()), |job| Subject::Job(job.id.clone()))
}

/// A wish to the run.
pub fn act(app: &mut App, run: &Id<Run>, at: &mut Selection<String>, action: Action) -> Option<Vec<Effect>> {
    let ids = keys(app, run);
    if at.id().is_none()
        && let Some(job) = job_here(app, run, at)
    {
        at.select(job.id.as_str().to_owned());
    }
    at.settle(&ids);
    match action {
        Action::Up => at.step(-1, &ids),
        Action::Down => at.step(1, &ids),
        Action::Top => at.first(&ids),
        Action::Bottom => at.last(&ids),
        Action::Enter => {
            let job = job_here(app, run, at).map(|job| (job.id.clone(), job.name.clone()));
            if let Some((job, name)) = job {
                app.open_logs(crate::domain::LogTarget::Job(job), name);
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Draws the run: its jobs at the left of their times, the steps of the one under the cursor below it.
pub fn draw(app: &App, id: &Id<Run>, at: &Selection<String>, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let Some(run) = app.store.run(id) else {
        Panel::new(line![(Role::Title, "this run is gone")]).draw(buf, area, theme);
        return;
    };
    let mut panel = Panel::new(line![(Role::Title, crate::clean!("{} {}  {}", run.repository, run.called(), run.workflow))]);
    let (role, glyph) = pipelines::look(&run.status);
    panel.counts = vec![line![(role, crate::clean!("{glyph} {}", run.status.word()))], line![(Role::Dim, crate::clean!("attempt {}", run.attempt))]];
    panel.edge = Edge::Focus;
    let inner = panel.draw(buf, area, theme);
    let lines = lines(app, run, at);
    let cursor = lines.iter().position(|(_, here)| *here).unwrap_or_default();
    let top = crate::widgets::viewport(cursor, 0, usize::from(inner.height), lines.len());
    for (row, (line, here)) in inner.rows().zip(lines.iter().skip(top)) {
        draw_line(buf, row, line, Align::Left, theme);
        if *here {
            buf.set_style(row, theme.style(Role::Cursor));
        }
    }
}

fn lines(app: &App, run: &Run, at: &Selection<String>) -> Vec<(Line, bool)> {
    let mut lines = vec![
        (line![run.title.clone()], false),
        (line![(Role::Dim, crate::clean!("{} · {} · {}", run.branch, run.short_commit(), run.actor))], false),
        (if run.status.over() { Line::new() } else { pipelines::progress(app, run) }, false),
        (Line::new(), false),
    ];
    lines.extend(shipped(app, run).into_iter().map(|line| (line, false)));
    let jobs = app.store.jobs_of(&run.id);
    let here = job_here(app, &run.id, at).map(|job| job.id.clone());
    if jobs.is_empty() {
        lines.push((line![(Role::Dim, "no job of this run is known yet")], false));
    }
    for job in jobs {
        let selected = here.as_ref() == Some(&job.id);
        lines.push((entry(app, 0, &job.status, &job.name, (job.started, job.ended)), selected));
        if selected {
            lines.extend(job.steps.iter().map(|step| (entry(app, 4, &step.status, &step.name, (step.started, step.ended)), false)));
            if !job.status.over() && run.id.source().kind() != "gitlab" {
                lines.push((line![(Role::Dim, "    its log is there when it ends: the CI has no log of a running job")], false));
            }
        }
    }
    lines
}

/// Where what it built runs by now, and an empty line below it.
fn shipped(app: &App, run: &Run) -> Vec<Line> {
    let places = app.store.shipped(run);
    if places.is_empty() {
        let words =
            crate::clean!("where it runs is not known: no workload is joined with {}; a [[service]] rule with that repository joins them", run.repository);
        return vec![line![(Role::Faint, words)], Line::new()];
    }
    let width = places.iter().map(|one| one.environment.name.raw().chars().count()).max().unwrap_or_default().min(24);
    let row = |one: &Shipped| {
        let (role, glyph) = match one.arrival {
            Arrival::Runs(_) => (Role::Ok, sign::OK),
            Arrival::Coming { stuck: false } => (Role::Rolling, sign::ROLLING),
            Arrival::Coming { stuck: true } => (Role::Critical, sign::BAD),
            Arrival::NotYet(_) | Arrival::Passed(_) => (Role::Faint, sign::ABSENT),
            Arrival::Perhaps(_) | Arrival::Unknown(_) => (Role::Unknown, sign::STALE),
        };
        let name = pad(&[Piece::new(Role::Text, one.environment.name.clean().clone())], width + 2, Align::Left);
        let mut line = vec![Piece::new(role, glyph), Piece::blank(1)];
        line.extend(name);
        line.push(Piece::new(Role::Dim, arrival(app, run, &one.arrival)));
        line
    };
    let more = places.len().saturating_sub(PLACES);
    let rest = (more > 0).then(|| line![(Role::Faint, crate::clean!("and {} more", said::count(more, "environment")))]);
    places.iter().take(PLACES).map(row).chain(rest).chain([Line::new()]).collect()
}

fn arrival(app: &App, run: &Run, arrival: &Arrival) -> Clean {
    let ago = |at: Timestamp| words::ago(app, at);
    match arrival {
        Arrival::Runs(Some(at)) => crate::clean!("runs there, since {}", ago(*at)),
        Arrival::Runs(None) => Clean::from_static("runs there"),
        Arrival::Coming { stuck: false } => Clean::from_static("is being rolled out there"),
        Arrival::Coming { stuck: true } => Clean::from_static("was rolled out there and is stuck: another version still serves"),
        Arrival::Perhaps(at) => crate::clean!("something was rolled out as this ran, {}: its version names no commit", ago(*at)),
        Arrival::Passed(run) => crate::clean!("{run} runs there, which is newer"),
        Arrival::NotYet(version) => crate::clean!("not yet: {version} runs there"),
        Arrival::Unknown(version) => crate::clean!("not known: {version} names neither {} nor a tag", run.short_commit()),
    }
}

fn entry(app: &App, indent: usize, status: &RunStatus, name: &Clean, (began, ended): (Option<Timestamp>, Option<Timestamp>)) -> Line {
    let (role, glyph) = pipelines::look(status);
    let mut line = vec![Piece::blank(indent), Piece::new(role, glyph), Piece::blank(2)];
    line.extend(pad(&[Piece::new(Role::Text, name.clone())], 40_usize.saturating_sub(indent), Align::Left));
    let took = match (began, ended) {
        (Some(began), Some(ended)) => said::took(said::since(began, ended)),
        (Some(began), None) if !status.over() => crate::clean!("{} so far", said::took(said::since(began, app.now.wall))),
        (Some(_) | None, _) => status.word(),
    };
    line.push(Piece::new(Role::Dim, took));
    if let Some(at) = began {
        line.push(Piece::new(Role::Faint, crate::clean!("   {}", words::clock(at, &words::zone(app)))));
    }
    line
}
