//! The jobs and steps of one run.

mod told;

use super::{pipelines, words};
use crate::{
    app::{App, Effect, Subject},
    domain::{Feed, Id, Job, Run, RunStatus, Version},
    keys::Action,
    line,
    store::{Arrival, Claim, Shipped, words as said},
    text::Clean,
    theme::Role,
    widgets::{Align, Edge, Line, Panel, Piece, Selection, draw_line, pad, sign},
};
use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};

/// How many environments are listed.
const PLACES: usize = 6;

/// Where the cursor is when it stands below the jobs, on what else is told of the run.
const REST: &str = "rest";

fn keys(app: &App, run: &Id<Run>) -> Vec<String> {
    let jobs = app.store.jobs_of(run).into_iter().map(|job| job.id.as_str().to_owned());
    let rest = app.store.run(run).is_some_and(|run| !rest(app, run).is_empty());
    jobs.chain(rest.then(|| REST.to_owned())).collect()
}

fn at_rest(at: &Selection<String>) -> bool {
    at.id().is_some_and(|id| id == REST)
}

/// The job under the cursor; where nobody has moved it, the one that stands worst.
pub fn job_here<'a>(app: &'a App, run: &Id<Run>, at: &Selection<String>) -> Option<&'a Job> {
    let jobs = app.store.jobs_of(run);
    let wanted = at.id().and_then(|id| jobs.iter().find(|job| job.id.as_str() == id));
    wanted.or_else(|| jobs.iter().min_by_key(|job| job.status.rank())).copied()
}

/// What is under the cursor.
pub fn subject(app: &App, run: &Id<Run>, at: &Selection<String>) -> Subject {
    job_here(app, run, at).filter(|_| !at_rest(at)).map_or_else(|| Subject::Run(run.clone()), |job| Subject::Job(job.id.clone()))
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
            let job = job_here(app, run, at).filter(|_| !at_rest(at)).map(|job| (job.id.clone(), job.name.clone()));
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
    let status = app.told.standing(run);
    let (role, glyph) = pipelines::look(&status);
    panel.counts = vec![line![(role, crate::clean!("{glyph} {}", status.word()))], line![(Role::Dim, crate::clean!("attempt {}", run.attempt))]];
    panel.edge = Edge::Focus;
    let inner = panel.draw(buf, area, theme);
    let (lines, end) = lines(app, run, at);
    let cursor = lines.iter().position(|(_, here)| *here).unwrap_or_default();
    // What stands below the job is seen with it, as far as there is room.
    let view = |row: usize, top: usize| crate::widgets::viewport(row, top, usize::from(inner.height), lines.len());
    let top = view(cursor, view(end.max(cursor), 0));
    for (row, (line, here)) in inner.rows().zip(lines.iter().skip(top)) {
        draw_line(buf, row, line, Align::Left, theme);
        if *here {
            buf.set_style(row, theme.style(Role::Cursor));
        }
    }
}

/// The lines, with the one under the cursor marked, and the last one that belongs to it.
fn lines(app: &App, run: &Run, at: &Selection<String>) -> (Vec<(Line, bool)>, usize) {
    let plain = |lines: Vec<Line>| lines.into_iter().map(|line| (line, false));
    let jobs = app.store.jobs_of(&run.id);
    let here = job_here(app, &run.id, at).filter(|_| !at_rest(at)).map(|job| job.id.clone());
    let mut lines: Vec<(Line, bool)> = plain(head(app, run, &jobs)).collect();
    if jobs.is_empty() {
        let told = app.offered(&run.id.source(), &Feed::Jobs(run.id.clone()));
        let words = if told { Clean::from_static("no job of this run is known yet") } else { crate::clean!("its jobs are not read here  {}", run.url) };
        lines.push((line![(Role::Dim, words)], false));
    }
    let mut end = 0;
    for job in jobs {
        let selected = here.as_ref() == Some(&job.id);
        lines.push((entry(app, 0, &job.status, &job.name, (job.started, job.ended)), selected));
        if selected {
            lines.extend(plain(below(app, run, job)));
            end = lines.len() - 1;
        }
    }
    lines.extend(plain(rest(app, run)));
    if let Some((_, last)) = lines.last_mut().filter(|_| at_rest(at)) {
        *last = true;
    }
    (lines, end)
}

/// What is told below the jobs: of a run that failed where it runs, since nobody asks that first, and what any of them made.
fn rest(app: &App, run: &Run) -> Vec<Line> {
    let shipped = if run.status == RunStatus::Failed { shipped(app, run) } else { Vec::new() };
    let mut lines = Vec::new();
    for part in [shipped, told::artifacts(app, run)].into_iter().filter(|part| !part.is_empty()) {
        lines.push(Line::new());
        lines.extend(part);
    }
    lines
}

/// What is told of the run as a whole, and where what it built runs by now.
fn head(app: &App, run: &Run, jobs: &[&Job]) -> Vec<Line> {
    let about = line![(Role::Dim, crate::clean!("{} · {} · {}", run.branch, run.short_commit(), run.actor))];
    let progress = (!run.status.over()).then(|| pipelines::progress(app, run));
    let gates = (!jobs.is_empty()).then(|| pipelines::gates(app, run, jobs, true));
    let remark = run.status.remark().map(|words| line![(Role::Unknown, words)]);
    let optional = [remark, progress, gates, told::tests(app, run)];
    let mut lines: Vec<Line> = [line![run.title.clone()], about].into_iter().chain(optional.into_iter().flatten()).chain([Line::new()]).collect();
    if run.status != RunStatus::Failed {
        lines.extend(shipped(app, run));
        lines.push(Line::new());
    }
    lines
}

/// What is told below the job under the cursor: its steps, and what it said last where it failed.
fn below(app: &App, run: &Run, job: &Job) -> Vec<Line> {
    let mut lines: Vec<Line> = job.steps.iter().map(|step| entry(app, 4, &step.status, &step.name, (step.started, step.ended))).collect();
    if !job.status.over() && run.id.source().kind() != "gitlab" {
        lines.push(line![(Role::Dim, "    its log is there when it ends: the CI has no log of a running job")]);
    }
    lines.extend(told::tail(app, job));
    lines
}

/// Where what it built runs by now.
fn shipped(app: &App, run: &Run) -> Vec<Line> {
    let places = app.store.shipped(run);
    if places.is_empty() {
        let words =
            crate::clean!("where it runs is not known: no workload is joined with {}; a [[service]] rule with that repository joins them", run.repository);
        return vec![line![(Role::Faint, words)]];
    }
    let width = places.iter().map(|one| one.environment.name.raw().chars().count()).max().unwrap_or_default().min(24);
    let row = |one: &Shipped| {
        let (role, glyph) = match one.arrival {
            Arrival::Runs { .. } => (Role::Ok, sign::OK),
            Arrival::Coming { stuck: false } => (Role::Rolling, sign::ROLLING),
            Arrival::Coming { stuck: true } => (Role::Critical, sign::BAD),
            Arrival::NotYet(_) | Arrival::Passed(_) => (Role::Faint, sign::ABSENT),
            Arrival::Perhaps(_) | Arrival::Unknown { .. } => (Role::Unknown, sign::STALE),
        };
        let name = pad(&[Piece::new(Role::Text, one.environment.name.clean().clone())], width + 2, Align::Left);
        let mut line = vec![Piece::new(role, glyph), Piece::blank(1)];
        line.extend(name);
        line.push(Piece::new(Role::Dim, arrival(app, run, &one.arrival)));
        line
    };
    let more = places.len().saturating_sub(PLACES);
    let rest = (more > 0).then(|| line![(Role::Faint, crate::clean!("and {} more", said::count(more, "environment")))]);
    places.iter().take(PLACES).map(row).chain(rest).collect()
}

fn arrival(app: &App, run: &Run, arrival: &Arrival) -> Clean {
    let ago = |at: Timestamp| words::ago(app, at);
    match arrival {
        Arrival::Runs { since, by } => {
            let since = since.map(|at| crate::clean!(", since {}", ago(at))).unwrap_or_default();
            crate::clean!("runs there{since}{}", by.words().map(|words| format!(", {words}")).unwrap_or_default())
        }
        Arrival::Coming { stuck: false } => Clean::from_static("is being rolled out there"),
        Arrival::Coming { stuck: true } => Clean::from_static("was rolled out there and is stuck: another version still serves"),
        Arrival::Perhaps(at) => crate::clean!("something was rolled out as this ran, {}: its version names no commit", ago(*at)),
        Arrival::Passed(run) => crate::clean!("{run} runs there, which is newer"),
        Arrival::NotYet(version) => crate::clean!("not yet: {version} runs there"),
        Arrival::Unknown { version, label } => unknown(run, version, label.as_ref()),
    }
}

fn unknown(run: &Run, version: &Version, label: Option<&Claim>) -> Clean {
    let neither = || crate::clean!("not known: {version} names neither {} nor a tag", run.short_commit());
    match label {
        None => neither(),
        // A builder that sets none of its own leaves the labels of the image that it began with.
        Some(Claim::Says(origin)) if origin.is_of(run) == Some(false) => {
            crate::clean!("not known: {version} names no commit, and its image's label another repository")
        }
        Some(Claim::Says(origin)) => crate::clean!("not this one: {version} is of {}, by its image's label", origin.short_commit()),
        Some(Claim::Silent) => crate::clean!("{}, no label does", neither()),
        Some(Claim::Unread { why, .. }) => crate::clean!("not known: no label was read, {why}"),
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
