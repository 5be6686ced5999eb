//! Panel 2: what is being shipped, and did its gates pass?

mod looked;

use super::words;
use crate::{
    app::{App, Beyond, Effect, Known, Panel as Focus, Screen, Subject},
    domain::{GateKind, GateState, Id, Job, Run, RunStatus},
    keys::{Action, Layer},
    line,
    store::{Arrival, RunList, words as said},
    text::{Clean, Name},
    theme::Role,
    widgets::{self, Align, Below, Column, Cursor, Edge, Line, Panel, Piece, Selection, Table, Width, sign},
};
use looked::Looked;
use ratatui::{buffer::Buffer, layout::Rect};
use std::collections::BTreeSet;

/// The cursor follows a run.
#[derive(Debug, Default)]
pub struct State {
    /// Which run.
    pub at: Selection<Id<Run>>,
    /// Only rows that hold this.
    pub filter: String,
    /// The runs that are shown, in order.
    pub order: Vec<Id<Run>>,
    /// The repositories that they are of; all of them where no run is shown.
    pub lists: BTreeSet<RunList>,
    /// Whose jobs are asked for.
    pub looked: Looked,
    stamp: Option<(u64, String, bool)>,
}

/// Brings rows and cursor up to date: what runs or failed last of each workflow comes first, then by time. Older runs never come first: whoever asks for
/// them at the end finds them there.
pub fn settle(app: &mut App) {
    arrange(app);
    looked::settle(app);
}

fn arrange(app: &mut App) {
    let stamp = (app.store.stamp(), app.pipelines.filter.clone(), app.problems_only);
    if app.pipelines.stamp.as_ref() == Some(&stamp) {
        return;
    }
    let filter = app.pipelines.filter.to_lowercase();
    let runs = app.store.runs();
    let mut seen = BTreeSet::new();
    let listed = runs.iter().map(|run| (seen.insert((run.repository.clone(), run.workflow.clone(), run.branch.clone())), *run));
    let all: Vec<(bool, &Run)> = listed.chain(app.store.older_runs().into_iter().map(|run| (false, run))).collect();
    let mut rows = all.clone();
    rows.retain(|(_, run)| fits(run, &filter) && (!app.problems_only || troubled(run)));
    let of: &[_] = if rows.is_empty() { &all } else { &rows };
    app.pipelines.lists = of.iter().map(|(_, run)| (run.id.source(), run.repository.clone())).collect();
    rows.sort_by_key(|(newest, run)| (if *newest { urgency(&run.status) } else { 3 }, std::cmp::Reverse(run.started.or(run.created))));
    app.pipelines.order = rows.into_iter().map(|(_, run)| run.id.clone()).collect();
    let order = std::mem::take(&mut app.pipelines.order);
    // A cursor at the top that nobody is at does not go down with a run that ended: what runs stays in view.
    match (app.panel == Focus::Pipelines, app.pipelines.at.row()) {
        (false, Some(0)) => app.pipelines.at.first(&order),
        _ => app.pipelines.at.settle(&order),
    }
    app.pipelines.order = order;
    app.pipelines.stamp = Some(stamp);
}

/// What failed or runs comes before what is over.
const fn urgency(status: &RunStatus) -> u8 {
    match status {
        RunStatus::Failed => 0,
        RunStatus::Waiting(_) | RunStatus::Running | RunStatus::Queued | RunStatus::Unknown(_) => 1,
        RunStatus::Success | RunStatus::Warn | RunStatus::Cancelled | RunStatus::Skipped | RunStatus::Neutral | RunStatus::Stale | RunStatus::Lost => 2,
    }
}

fn troubled(run: &Run) -> bool {
    matches!(run.status, RunStatus::Failed | RunStatus::Waiting(_) | RunStatus::Warn | RunStatus::Lost | RunStatus::Unknown(_))
}

fn fits(run: &Run, filter: &str) -> bool {
    let (filter, inverted) = filter.strip_prefix('!').map_or((filter, false), |rest| (rest, true));
    let texts = [run.repository.clean(), &run.workflow, &run.title, run.branch.clean(), &run.actor, &run.status.word()];
    filter.is_empty()
        || (texts.iter().any(|text| text.to_lowercase().contains(filter)) || run.called().trim_start_matches('#') == filter.trim_start_matches('#')) != inverted
}

/// Whether something runs that is shown: its clock counts seconds.
pub fn ticks(app: &App) -> bool {
    looked::in_view(app)
        .iter()
        .filter_map(|id| app.store.run(id))
        .any(|run| run.status == RunStatus::Running && run.started.is_some_and(|at| words::young(at, app.now.wall)))
}

/// The service and environment that a run is about: the service of its repository, in the strictest environment where it runs.
pub fn cell(app: &App, id: &Id<Run>) -> Option<(Name, Name)> {
    let run = app.store.run(id)?;
    let service = app.store.rules().service_of_repository(&run.repository);
    let row = app.row_of(&service)?;
    row.leading().map(|cell| (service.clone(), cell.environment.name.clone()))
}

/// What is under the cursor.
pub fn subject(app: &App) -> Subject {
    app.pipelines.at.id().map_or(Subject::Nothing, |id| Subject::Run(id.clone()))
}

/// A wish to the runs.
pub fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let order = app.pipelines.order.clone();
    let at = &mut app.pipelines.at;
    match action {
        Action::Up => at.step(-1, &order),
        Action::PageUp | Action::HalfUp => at.step(-5, &order),
        Action::Top => at.first(&order),
        Action::Down | Action::PageDown | Action::HalfDown | Action::Bottom => {
            match action {
                Action::Down => at.step(1, &order),
                Action::Bottom => at.last(&order),
                _ => at.step(5, &order),
            }
            if at.row().is_none_or(|row| row + 1 == order.len()) {
                return Some(app.ask_beyond());
            }
        }
        Action::NextTrouble => trouble(app, 1),
        Action::PrevTrouble => trouble(app, -1),
        Action::Enter => {
            if let Some(run) = app.pipelines.at.id().cloned() {
                app.open_screen(Screen::Run(run, Selection::default()));
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn trouble(app: &mut App, by: isize) {
    let order = app.pipelines.order.clone();
    let (len, here) = (order.len() as isize, app.pipelines.at.row().unwrap_or_default() as isize);
    let found = (1..=len).map(|step| (here + by * step).rem_euclid(len) as usize).find(|at| app.store.run(&order[*at]).is_some_and(troubled));
    match found {
        Some(at) => {
            app.pipelines.at.select(order[at].clone());
            app.pipelines.at.settle(&order);
        }
        None => app.say("no run is in trouble"),
    }
}

/// How a status looks.
pub const fn look(status: &RunStatus) -> (Role, &'static str) {
    match status {
        RunStatus::Success => (Role::Ok, sign::OK),
        RunStatus::Failed => (Role::Critical, sign::BAD),
        RunStatus::Running => (Role::Rolling, sign::ROLLING),
        RunStatus::Queued => (Role::Dim, sign::IDLE),
        RunStatus::Waiting(_) => (Role::Warn, sign::ATTENTION),
        RunStatus::Warn => (Role::Warn, sign::ATTENTION),
        RunStatus::Cancelled | RunStatus::Skipped | RunStatus::Neutral => (Role::Faint, sign::ABSENT),
        RunStatus::Stale | RunStatus::Lost | RunStatus::Unknown(_) => (Role::Unknown, sign::STALE),
    }
}

/// A run as it is drawn: its line, and its gates below it.
struct Drawn {
    name: Line,
    number: Line,
    says: Line,
    since: Line,
    gates: Line,
}

/// Draws the runs.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let focused = app.panel == Focus::Pipelines && app.screens.is_empty();
    let mut panel = Panel::new(line![(Role::Title, "2 Pipelines")]);
    panel.edge = if focused { Edge::Focus } else { Edge::Plain };
    panel.counts = counts(app);
    let inner = panel.draw(buf, area, theme);
    let rows: Vec<Drawn> =
        app.pipelines.order.iter().filter_map(|id| app.store.run(id)).map(|run| drawn(app, run, app.pipelines.looked.has(&run.id))).collect();
    let columns = columns();
    let mut table = Table::new(&columns, &rows);
    table.cursor = app.pipelines.at.row().filter(|at| *at < rows.len()).map_or(Cursor::None, Cursor::Row);
    table.focused = focused;
    table.below = Some(Below { under: 1, lines: |row| vec![row.gates.clone()] });
    let empty = empty(app);
    let beyond = if focused { beyond(app) } else { Vec::new() };
    table.foot = &beyond;
    let empty: Vec<Line> = empty.into_iter().chain(beyond.iter().filter(|_| rows.is_empty()).cloned()).collect();
    table.empty = &empty;
    table.draw(buf, inner, theme);
}

/// The line below the last run: whether there are older ones.
fn beyond(app: &App) -> Vec<Line> {
    let dim = |words: Clean| line![(Role::Dim, words)];
    let line = app.beyond().map(|beyond| match beyond {
        Beyond::More => dim(crate::clean!("older runs: {} loads them", app.start.keymap.key(Layer::Global, Action::Bottom).unwrap_or_default())),
        Beyond::Loading => line![(Role::Rolling, sign::ROLLING), (Role::Dim, " loading older runs…")],
        Beyond::Failed(why) => line![(Role::Warn, crate::clean!("older runs: {why}"))],
        Beyond::Full(kept) => dim(crate::clean!("{kept} older runs are kept, and no more: look further back at the CI itself")),
        Beyond::Nothing(None) => dim(Clean::from_static("no older runs")),
        Beyond::Nothing(Some(why)) => dim(crate::clean!("no older runs: {why}")),
    });
    line.into_iter().collect()
}

fn columns() -> [Column<Drawn>; 4] {
    [
        Column::new("", Width::Between(10, 16), |row: &Drawn| row.name.clone()),
        Column { priority: 1, ..Column::new("", Width::Between(4, 6), |row: &Drawn| row.number.clone()) },
        Column::new("", Width::Fill(12, 1), |row: &Drawn| row.says.clone()),
        Column { align: Align::Right, priority: 2, ..Column::new("", Width::Fixed(4), |row: &Drawn| row.since.clone()) },
    ]
}

/// `asked`: its jobs are asked for.
fn drawn(app: &App, run: &Run, asked: bool) -> Drawn {
    let (role, glyph) = look(&run.status);
    let jobs = app.store.jobs_of(&run.id);
    let name = run.repository.raw().rsplit('/').next().unwrap_or_default();
    Drawn {
        name: line![(role, glyph), (Role::Text, crate::clean!(" {name}"))],
        number: line![(Role::Dim, run.called_short())],
        says: says(app, run, &jobs, asked),
        since: run.ended.or(run.started).filter(|_| run.status.over()).map(|at| vec![Piece::new(Role::Dim, words::time(app, at))]).unwrap_or_default(),
        gates: gates(app, run, &jobs, asked),
    }
}

/// What a run does: its step and a bar while it runs, the job that failed, or where it is.
fn says(app: &App, run: &Run, jobs: &[&Job], asked: bool) -> Line {
    match &run.status {
        RunStatus::Running => {
            let job = jobs.iter().find(|job| job.status == RunStatus::Running).map(|job| job.name.clone()).unwrap_or_else(|| run.workflow.clone());
            let mut line = line![job];
            line.push(Piece::blank(2));
            line.extend(progress(app, run));
            line
        }
        RunStatus::Failed => {
            let failed = jobs.iter().find(|job| job.status == RunStatus::Failed);
            let step = failed
                .and_then(|job| job.steps.iter().find(|step| step.status == RunStatus::Failed))
                .map(|step| crate::clean!(": {}", step.name))
                .unwrap_or_default();
            match failed {
                Some(job) => line![(Role::Critical, crate::clean!("{} failed{step}", job.name))],
                None => line![(Role::Critical, crate::clean!("{} failed", run.workflow))],
            }
        }
        RunStatus::Waiting(why) => line![(Role::Warn, crate::clean!("waits: {why}"))],
        RunStatus::Success | RunStatus::Warn if asked => match come_to(app, run) {
            Some(places) => line![(Role::Dim, places)],
            None => line![(Role::Dim, run.status.word()), (Role::Dim, crate::clean!("  {}", run.title))],
        },
        RunStatus::Success
        | RunStatus::Queued
        | RunStatus::Warn
        | RunStatus::Cancelled
        | RunStatus::Skipped
        | RunStatus::Neutral
        | RunStatus::Stale
        | RunStatus::Lost
        | RunStatus::Unknown(_) => {
            line![(Role::Dim, run.status.word()), (Role::Dim, crate::clean!("  {}", run.title))]
        }
    }
}

/// `testing 22m, staging not yet`: where what it built has come to; none where it runs nowhere.
fn come_to(app: &App, run: &Run) -> Option<Clean> {
    let places = app.store.shipped(run);
    let here = places.iter().rev().find_map(|one| if let Arrival::Runs { since, .. } = one.arrival { Some((&one.environment.name, since)) } else { None })?;
    let next = places.iter().find(|one| matches!(one.arrival, Arrival::NotYet(_))).map(|one| crate::clean!(", {} not yet", one.environment.name));
    let since = here.1.map(|at| crate::clean!(" {}", words::time(app, at))).unwrap_or_default();
    Some(crate::clean!("{}{since}{}", here.0, next.unwrap_or_default()))
}

/// Elapsed against the usual time.
pub fn progress(app: &App, run: &Run) -> Line {
    let elapsed = run.started.map_or(0, |at| said::since(at, app.now.wall).as_secs());
    let Some(usual) = run.usual.filter(|usual| *usual > 0) else {
        return line![(Role::Dim, crate::clean!("{}", said::long(jiff::SignedDuration::from_secs(elapsed))))];
    };
    let mut line = widgets::bar(elapsed as f64, f64::from(usual), 15);
    let usual_words = said::long(jiff::SignedDuration::from_secs(usual.into()));
    let late = elapsed > i64::from(usual);
    let words = if late {
        crate::clean!(" {} of usually {usual_words}", said::long(jiff::SignedDuration::from_secs(elapsed)))
    } else {
        crate::clean!(" {} of {usual_words}", elapsed / 60)
    };
    line.push(Piece::new(if late { Role::Warn } else { Role::Dim }, words));
    line
}

/// Build, security, deploy: each the worst of its jobs; a gate without a job that the run must have is missing, and that is news.
pub fn gates(app: &App, run: &Run, jobs: &[&Job], asked: bool) -> Line {
    if jobs.is_empty() {
        let says = match run.status {
            RunStatus::Queued => "not begun",
            _ if asked => "jobs are asked for",
            _ => "",
        };
        return line![(Role::Faint, says)];
    }
    let demand = app.store.rules().demands.of(&run.repository);
    let gate = |kind: GateKind| match GateState::of(kind, jobs) {
        GateState::Missing if demand.asks(kind) => Some(line![(Role::Warn, crate::clean!("{} missing", kind.word()))]),
        GateState::Missing => None,
        GateState::NotRun => Some(line![(Role::Dim, crate::clean!("{} {}", kind.word(), sign::IDLE))]),
        GateState::Stands(status) => {
            let short = kind == GateKind::Build && *status == RunStatus::Success && app.told.shown(&run.id).is_some_and(|report| report.below(demand.coverage));
            let (role, glyph) = look(if short { &RunStatus::Warn } else { status });
            Some(line![(Role::Dim, crate::clean!("{} ", kind.word())), (role, glyph)])
        }
    };
    widgets::join(GateKind::ALL.into_iter().filter_map(gate), &Piece::blank(4))
}

fn counts(app: &App) -> Vec<Line> {
    let mut counts: Vec<Line> = Vec::new();
    for (source, known) in &app.sources {
        if let Ok(Known::Ready(offers)) = known
            && let Some(budget) = &offers.budget
        {
            counts.push(line![(Role::Dim, crate::clean!("{} {budget}", app.kind_of(source)))]);
        }
    }
    if !app.pipelines.filter.is_empty() {
        counts.push(line![(Role::Accent, crate::clean!("/{}", app.pipelines.filter))]);
    }
    counts
}

/// Why there is no run.
fn empty(app: &App) -> Vec<Line> {
    let feeds: Vec<_> = app.store.feeds().iter().filter(|feed| feed.feed == crate::domain::Feed::Runs).collect();
    let say = |words: Clean| vec![line![(Role::Dim, words)]];
    if feeds.is_empty() {
        return vec![
            line![(Role::Dim, "no CI is connected")],
            line![(Role::Dim, "[[source]] kind = \"github\", \"gitlab\", \"jenkins\", \"tekton\" or \"http\"")],
        ];
    }
    if !app.pipelines.order.is_empty() || !app.store.runs().is_empty() {
        return say(Clean::from_static("no run fits; Esc drops the filter"));
    }
    match feeds.iter().find_map(|feed| match &feed.link {
        crate::domain::Link::Retrying { why, .. } | crate::domain::Link::Refused { why, .. } => Some(why.words.clone()),
        crate::domain::Link::Live { .. } | crate::domain::Link::Connecting | crate::domain::Link::NotConnected => None,
    }) {
        Some(why) => say(why),
        None if app.store.whole(crate::domain::FeedKind::Runs) => say(Clean::from_static("nothing was run lately")),
        None => say(Clean::from_static("asking for runs")),
    }
}

/// One line, where there is no room for more.
pub fn summary(app: &App) -> Line {
    let mut line = line![(Role::Key, "2 "), (Role::Title, "Pipelines")];
    let runs: Vec<&Run> = app.pipelines.order.iter().filter_map(|id| app.store.run(id)).take(3).collect();
    if runs.is_empty() {
        line.push(Piece::blank(4));
        line.extend(widgets::join(empty(app), &Piece::new(Role::Faint, " · ")));
        return line;
    }
    line.push(Piece::blank(1));
    for run in runs {
        let (role, glyph) = look(&run.status);
        let name = run.repository.raw().rsplit('/').next().unwrap_or_default().to_owned();
        line.push(Piece::new(role, crate::clean!("   {glyph} ")));
        line.push(Piece::new(Role::Text, crate::clean!("{name} {} {}", run.called(), run.status.word())));
    }
    line
}
