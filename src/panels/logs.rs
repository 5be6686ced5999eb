//! Panel 3 and every other log view: merged by time, followed, filtered.

mod alike;
mod matcher;
mod rows;
mod sick;

pub use matcher::Matcher;
pub(super) use rows::level_role;
pub use sick::look_at_sick;
use sick::sick_pods;

use crate::{
    app::{App, Effect, Panel as Focus, Screen, Subject},
    domain::{Feed, Id, LineKind, LogLine, LogStream, LogTarget, Workload},
    keys::Action,
    line,
    logs::{Buffer, Caps, Spot, Towards},
    text::{Clean, count},
    theme::Role,
    widgets::{Anchor, Edge, Line, LogView, Panel, Piece},
};
use jiff::{SignedDuration, Timestamp};
use ratatui::{buffer::Buffer as Cells, layout::Rect};
use std::{collections::BTreeSet, time::Duration};

/// The cursor must rest on a cell for so long before its log is asked for: walking over the matrix asks for nothing.
const REST: Duration = Duration::from_millis(400);
/// A log opens this long before the last change.
const BEFORE: SignedDuration = SignedDuration::from_mins(1);

/// From so many lines on there is room for one about them.
const ROOMY: u16 = 8;

/// What is listened to, and what of it is shown.
#[derive(Debug)]
pub struct State {
    /// Whose log is wanted.
    pub target: Option<LogTarget>,
    /// Whose it is, in words.
    pub title: Clean,
    /// What was said.
    pub buffer: Buffer,
    /// What was typed as a filter.
    pub filter: String,
    /// The same, read.
    pub matcher: Matcher,
    /// The first line in view, where somebody scrolled away from the end; none follows the newest.
    pub top: Option<Spot>,
    /// Long lines go on below.
    pub wrap: bool,
    /// Known sidecars are shown too.
    pub sidecars: bool,
    /// JSON lines are shown field by field.
    pub unfold: bool,
    /// Lines alike stand once, with their number.
    pub fold: bool,
    /// How many cells the view is moved sideways.
    pub sideways: usize,
    /// The pods that alone are heard; all where none is named.
    pub only: BTreeSet<Clean>,
    /// Further targets that are listened to, by a face without a screen.
    pub also: Vec<LogTarget>,
    alike: alike::Alike,
    held: bool,
    marked: Option<Timestamp>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            target: None,
            title: Clean::EMPTY,
            buffer: Buffer::new(Caps::default()),
            filter: String::new(),
            matcher: Matcher::default(),
            top: None,
            wrap: false,
            sidecars: false,
            unfold: false,
            fold: true,
            sideways: 0,
            only: BTreeSet::new(),
            also: Vec::new(),
            alike: alike::Alike::default(),
            held: false,
            marked: None,
        }
    }
}

impl State {
    /// Whether a stream is shown.
    fn hears(&self, stream: &LogStream) -> bool {
        (self.sidecars || !stream.sidecar) && (self.only.is_empty() || self.only.contains(&stream.pod))
    }
}

/// Listens to the cell under the cursor, once the cursor rests, unless a log is open on the whole screen.
pub fn settle(app: &mut App) {
    mark_change(app);
    alike::settle(app);
    if let (false, Some(LogTarget::Workload { workload, .. })) = (app.logs.only.is_empty(), &app.logs.target) {
        let more = sick_pods(app, workload);
        app.logs.only.extend(more);
    }
    let whole = app.screens.iter().any(|screen| matches!(screen, Screen::Logs(..)));
    if !whole {
        app.logs.only.clear();
    }
    if app.logs.held || whole || !rested(app) {
        return;
    }
    let workload = app.workloads_of(&super::environments::subject(app)).into_iter().next();
    let here = match &app.logs.target {
        Some(LogTarget::Workload { workload, .. }) => Some(workload),
        Some(LogTarget::Pod { .. } | LogTarget::Job(_)) | None => None,
    };
    if here == workload.as_ref() {
        return;
    }
    let title = app.words_of(&super::environments::subject(app));
    let target = workload.map(|workload| LogTarget::Workload { since: since(app, &workload), workload });
    aim(app, target, title);
}

/// Whether the cursor has rested for long enough.
pub fn rested(app: &App) -> bool {
    app.last_key.is_none_or(|at| app.now.mono.saturating_sub(at) >= REST)
}

/// When the cursor will have rested.
pub fn next_wake(app: &App) -> Option<Duration> {
    (!rested(app)).then(|| app.last_key.map(|at| at + REST)).flatten()
}

/// From when on a workload's log is interesting: a minute before its last change, when that was not long ago.
pub fn since(app: &App, workload: &Id<Workload>) -> Option<Timestamp> {
    let changed = app.store.workload(workload)?.changed?;
    (app.now.wall.duration_since(changed) < SignedDuration::from_hours(1)).then(|| changed - BEFORE)
}

/// Listens to something else.
pub fn aim(app: &mut App, target: Option<LogTarget>, title: Clean) {
    if app.logs.target == target {
        return;
    }
    let State { filter, matcher, wrap, sidecars, unfold, fold, .. } = std::mem::take(&mut app.logs);
    app.logs = State { target, title, filter, matcher, wrap, sidecars, unfold, fold, ..State::default() };
}

/// Puts the last change of the workload between the lines, once lines from before or after it are there.
fn mark_change(app: &mut App) {
    let Some(LogTarget::Workload { workload, since: Some(_) }) = &app.logs.target else { return };
    if app.logs.buffer.is_empty() {
        return;
    }
    let Some(row) = app.store.workload(workload) else { return };
    let Some(changed) = row.changed.filter(|at| app.logs.marked != Some(*at)) else { return };
    let change = app.store.timeline(changed - SignedDuration::from_secs(1)).into_iter().rfind(|change| change.workload.as_ref() == Some(workload));
    let Some(change) = change else { return };
    let run = change.run.as_ref().map(|(_, called)| format!(" · run {called}")).unwrap_or_default();
    let actor = change.run.as_ref().and_then(|(id, _)| app.store.run(id)).map(|run| format!(" · {}", run.actor)).unwrap_or_default();
    let words = crate::clean!("{}{run}{actor}", change.words());
    app.logs.marked = Some(changed);
    app.logs.buffer.mark(Some(changed), LineKind::Change, words);
}

impl App {
    /// Listens to several targets at once, for a face without a screen.
    pub fn listen(&mut self, targets: Vec<LogTarget>) {
        let mut targets = targets.into_iter();
        aim(self, targets.next(), Clean::from_static("logs"));
        self.logs.also = targets.collect();
        self.logs.held = true;
    }
}

/// A stream will speak.
pub fn stream(app: &mut App, feed: &Feed, stream: LogStream) {
    if heard(app, feed) {
        app.logs.buffer.open(stream);
    }
}

/// Lines arrive.
pub fn lines(app: &mut App, feed: &Feed, stream: &Id<LogStream>, lines: Vec<LogLine>) {
    if heard(app, feed) {
        for line in lines {
            app.logs.buffer.push(stream, line);
        }
    }
}

/// Lines were lost on the way.
pub fn dropped(app: &mut App, feed: &Feed, count: u64) {
    if heard(app, feed) {
        app.logs.buffer.mark(Some(app.now.wall), LineKind::Notice, crate::clean!("{count} lines came faster than they could be shown and were dropped"));
    }
}

fn heard(app: &App, feed: &Feed) -> bool {
    matches!(feed, Feed::Logs(of) if app.logs.target.as_ref() == Some(of) || app.logs.also.contains(of))
}

/// Sets the filter.
pub fn filter(app: &mut App, text: String) {
    app.logs.matcher = Matcher::read(&text);
    app.logs.filter = text;
}

/// What is under the cursor: whoever speaks.
pub fn subject(app: &App) -> Subject {
    match &app.logs.target {
        Some(LogTarget::Workload { workload, .. }) => Subject::Workload(workload.clone()),
        Some(LogTarget::Pod { pod, .. }) => Subject::Pod(pod.clone()),
        Some(LogTarget::Job(job)) => Subject::Job(job.clone()),
        None => Subject::Nothing,
    }
}

/// A wish to the log.
pub fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let page = usize::from(app.size.height.saturating_sub(8)).max(2);
    match action {
        Action::Up => scroll(app, Towards::Older, 1),
        Action::Down => scroll(app, Towards::Newer, 1),
        Action::PageUp => scroll(app, Towards::Older, page),
        Action::PageDown => scroll(app, Towards::Newer, page),
        Action::HalfUp => scroll(app, Towards::Older, page / 2),
        Action::HalfDown => scroll(app, Towards::Newer, page / 2),
        Action::Top => app.logs.top = app.logs.buffer.walk(None, Towards::Newer).next().map(|line| line.spot),
        Action::Bottom | Action::Follow => app.logs.top = None,
        Action::Mark => pause(app, page),
        Action::Left => app.logs.sideways = app.logs.sideways.saturating_sub(8),
        Action::Right => app.logs.sideways += 8,
        Action::NextTrouble => trouble(app, Towards::Newer),
        Action::PrevTrouble => trouble(app, Towards::Older),
        Action::NextHit => scroll(app, Towards::Newer, 1),
        Action::PrevHit => scroll(app, Towards::Older, 1),
        Action::Wrap => app.logs.wrap = !app.logs.wrap,
        Action::AllPanels if !app.logs.only.is_empty() => app.logs.only.clear(),
        Action::HiddenSidecars => app.logs.sidecars = !app.logs.sidecars,
        Action::Unfold => app.logs.unfold = !app.logs.unfold,
        Action::MarkLine => {
            app.logs.buffer.mark(Some(app.now.wall), LineKind::Change, Clean::from_static("mark"));
        }
        Action::Clear => app.logs.buffer.clear(),
        Action::FullScreen | Action::Enter => full_screen(app),
        _ => return None,
    }
    Some(Vec::new())
}

fn full_screen(app: &mut App) {
    if let (None, Some(target)) = (app.screens.last(), app.logs.target.clone()) {
        let title = app.logs.title.clone();
        app.open_screen(Screen::Logs(target, title));
    }
}

/// Space: stops where one is, or follows again.
fn pause(app: &mut App, page: usize) {
    if app.logs.top.take().is_none() {
        app.logs.top = rows::top(&app.logs, page);
    }
}

fn scroll(app: &mut App, towards: Towards, by: usize) {
    let logs = &app.logs;
    let page = usize::from(app.size.height.saturating_sub(8)).max(2);
    let Some(from) = logs.top.or_else(|| rows::top(logs, page)) else { return };
    let mut lines = logs.buffer.walk_among(Some(from), towards, |stream| logs.hears(stream)).filter(|line| logs.matcher.fits(line));
    let step = match towards {
        Towards::Older => lines.nth(by - 1).map(|line| line.spot).or(Some(from)),
        Towards::Newer => lines.nth(by).map(|line| line.spot),
    };
    let at_end = step.is_none_or(|spot| rows::top(logs, page).is_none_or(|last| spot >= last));
    app.logs.top = if towards == Towards::Newer && at_end { None } else { step };
}

fn trouble(app: &mut App, towards: Towards) {
    let logs = &app.logs;
    match logs.buffer.trouble(logs.top, towards, |stream| logs.hears(stream)) {
        Some(spot) => app.logs.top = Some(spot),
        None => app.say("no more errors that way"),
    }
}

/// Draws the log.
pub fn draw(app: &App, buf: &mut Cells, area: Rect, whole: bool) {
    let theme = &app.start.theme;
    let logs = &app.logs;
    let focused = whole || (app.panel == Focus::Logs && app.screens.is_empty());
    let title = if whole { crate::clean!("Logs · {}", logs.title) } else { Clean::from_static("3 Logs") };
    let mut panel = Panel::new(line![(Role::Title, title)]);
    panel.edge = if focused { Edge::Focus } else { Edge::Plain };
    panel.counts = counts(app);
    if logs.buffer.dropped() > 0 {
        panel.note = line![(Role::Warn, crate::clean!("{} older lines dropped", count(logs.buffer.dropped())))];
    }
    let inner = panel.draw(buf, area, theme);
    let (inner, below) = match alike::line(logs).filter(|_| inner.height >= ROOMY) {
        Some(line) => (Rect { height: inner.height - 1, ..inner }, Some((Rect { y: inner.bottom() - 1, height: 1, ..inner }, line))),
        None => (inner, None),
    };
    if let Some((row, line)) = below {
        crate::widgets::draw_line(buf, row, &line, crate::widgets::Align::Left, theme);
    }
    let high = usize::from(inner.height);
    let mut rows = rows::rows(app, high);
    let empty = empty(app);
    // The marks of changes are always there: alone they would look as if nothing had been said.
    let said = rows.iter().any(|row| matches!(row, crate::widgets::LogRow::Said { .. }));
    if !said && !logs.filter.is_empty() && !rows.is_empty() {
        rows.extend(empty.iter().cloned().map(crate::widgets::LogRow::Note));
    }
    let anchor = if logs.top.is_some() { Anchor::Top(0) } else { Anchor::Bottom(rows.len().saturating_sub(1)) };
    LogView { rows: &rows, anchor, wrap: logs.wrap, sideways: logs.sideways, cursor: None, empty: &empty }.draw(buf, inner, theme);
}

fn counts(app: &App) -> Vec<Line> {
    let logs = &app.logs;
    let pods =
        |hears: &dyn Fn(&LogStream) -> bool| logs.buffer.streams().filter(|stream| hears(stream)).map(|stream| &stream.pod).collect::<BTreeSet<_>>().len();
    let all = pods(&|stream| logs.sidecars || !stream.sidecar);
    let mut counts = if logs.only.is_empty() {
        vec![line![(Role::Dim, crate::store::words::count(all, "pod"))]]
    } else {
        let every = app.start.keymap.key(crate::keys::Layer::Logs, Action::AllPanels).unwrap_or_default();
        vec![
            line![(Role::Accent, crate::clean!("{} of {all} pods: not ready", pods(&|stream| logs.hears(stream))))],
            line![(Role::Dim, crate::clean!("{every} all"))],
        ]
    };
    counts.push(if logs.top.is_some() { line![(Role::Accent, "paused")] } else { line![(Role::Dim, "following")] });
    let mut hidden: Vec<_> = logs.buffer.streams().filter(|stream| stream.sidecar && !logs.sidecars).map(|stream| &stream.container).collect();
    hidden.sort();
    hidden.dedup();
    match hidden.as_slice() {
        [] => {}
        [one] => counts.push(line![(Role::Dim, crate::clean!("{one} hidden"))]),
        several => counts.push(line![(Role::Dim, crate::clean!("{} sidecars hidden", several.len()))]),
    }
    if !logs.filter.is_empty() {
        counts.push(line![(Role::Accent, crate::clean!("/{}", logs.filter))]);
    }
    counts
}

/// Why there is nothing to read.
fn empty(app: &App) -> Vec<Line> {
    let logs = &app.logs;
    let say = |words: Clean| vec![line![(Role::Dim, words)]];
    let Some(target) = &logs.target else {
        return say(Clean::from_static("nothing that speaks is under the cursor"));
    };
    if !logs.buffer.is_empty() && !logs.only.is_empty() && logs.filter.is_empty() {
        return say(crate::clean!("what is not ready has said nothing yet: {}", logs.only.iter().map(Clean::as_str).collect::<Vec<_>>().join(", ")));
    }
    if !logs.buffer.is_empty() {
        return vec![
            line![(Role::Dim, crate::clean!("no line of {} fits “{}”", count(logs.buffer.len()), logs.filter))],
            line![(Role::Dim, "Esc drops the filter")],
        ];
    }
    let feed = app.store.feed(&crate::app::source_of(target), &Feed::Logs(target.clone()));
    match feed.map(|feed| &feed.link) {
        Some(crate::domain::Link::Retrying { why, .. } | crate::domain::Link::Refused { why, .. }) => say(why.words.clone()),
        Some(crate::domain::Link::Live { .. }) => say(crate::clean!("{} has said nothing since it is listened to", logs.title)),
        Some(crate::domain::Link::NotConnected | crate::domain::Link::Connecting) | None => say(crate::clean!("listening to {}", logs.title)),
    }
}

/// One line, where there is no room for more: the newest line.
pub fn summary(app: &App) -> Line {
    let logs = &app.logs;
    let mut line = line![(Role::Key, "3 "), (Role::Title, "Logs         ")];
    let newest = logs.buffer.walk_among(None, Towards::Older, |stream| logs.hears(stream)).next();
    match newest {
        Some(newest) => {
            let at = newest.at.map(|at| super::words::clock(at, &super::words::zone(app))).unwrap_or_default();
            line.push(Piece::new(Role::Dim, crate::clean!("{at}  {}  ", newest.stream.short())));
            line.push(Piece::new(rows::level_role(newest.level), newest.clean()));
        }
        None => line.extend(crate::widgets::join(empty(app), &Piece::new(Role::Faint, " · "))),
    }
    line
}
