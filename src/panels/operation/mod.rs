//! A procedure on the whole screen: its questions, its plan, the confirm line, what is under way, the verdict.

mod batch;
mod confirm;
mod errors;
mod inputs;
mod plan;
mod progress;
mod single;
mod target;
mod verdict;

#[cfg(test)]
mod awaited_tests;
#[cfg(test)]
pub(super) mod fixture;
#[cfg(test)]
mod pipeline_tests;
#[cfg(test)]
mod switch_tests;
#[cfg(test)]
mod sync_tests;
#[cfg(test)]
mod tests;

use super::{page::scrolled, words::hanging};
use crate::{
    app::{App, Effect, OperationKey, Running, Subject, Thing},
    domain::{Outcome, Tier, Verb},
    keys::Action,
    line,
    rollback::{Mark, State},
    text::{Clean, Name},
    theme::{Role, Theme},
    widgets::{Align, Edge, Field, Line, Look, Panel, Piece, draw_line, draw_lines, line_width, sign},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// What a procedure shows: the box, what scrolls in it, and what stays at its foot.
struct Sheet<'a> {
    panel: Panel,
    lines: Vec<Line>,
    foot: Foot<'a>,
}

/// What stays in sight at the foot of the box: why Enter goes on or does not, and the fields of the confirm line.
#[derive(Default)]
struct Foot<'a> {
    says: Vec<Line>,
    entries: Vec<Entry<'a>>,
}

/// One field of the confirm line.
struct Entry<'a> {
    label: Line,
    field: &'a Field,
    look: Look,
    focused: bool,
}

/// A wish to the procedure that the procedure itself does not know: scrolling.
pub fn act(app: &mut App, key: OperationKey, action: Action) -> Option<Vec<Effect>> {
    let (page, last) = extent(app, key)?;
    let offset = app.operations.offset(key)?;
    *offset = scrolled((*offset).min(last), action, page, last)?;
    Some(Vec::new())
}

/// The rows of a page and the last offset that shows something more.
fn extent(app: &App, key: OperationKey) -> Option<(usize, usize)> {
    let area = Rect::new(0, 0, app.size.width, app.size.height.saturating_sub(3));
    let inner = Panel::inner(area);
    let (sheet, _) = shown(app, key, inner)?;
    let high = sheet.high(inner);
    Some((high, fit(sheet.lines, high).len().saturating_sub(high)))
}

/// What a procedure shows by its state, and how far it was scrolled.
fn shown(app: &App, key: OperationKey, inner: Rect) -> Option<(Sheet<'_>, usize)> {
    let width = usize::from(inner.width);
    match (app.operations.single(key), app.operations.batch(key)) {
        (Some(single), _) => Some((single::sheet(app, single, width), single.offset)),
        (None, Some(batch)) => {
            let (sheet, cursor) = batch::sheet(app, batch, width);
            // The cursor stays in view, with what its row says below it.
            let least = (cursor + batch::ROW).saturating_sub(sheet.high(inner)).min(cursor);
            Some((sheet, batch.offset.clamp(least, cursor)))
        }
        (None, None) => app.operations.get(key).map(|running| (sheet(app, running, inner), running.offset)),
    }
}

/// What it is about.
pub fn subject(app: &App, key: OperationKey) -> Subject {
    match app.operations.single(key).map(|single| &single.thing) {
        Some(Thing::Run(run) | Thing::Workflow(run)) => return Subject::Run(run.id.clone()),
        Some(Thing::Job(_, job)) => return Subject::Job(job.id.clone()),
        Some(Thing::Workload(_)) | None => {}
    }
    app.operations.about(key).map_or(Subject::Nothing, |(workload, ..)| Subject::Workload(workload.clone()))
}

/// Draws the procedure by its state.
pub fn draw(app: &App, key: OperationKey, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let inner = Panel::inner(area);
    let Some((mut sheet, offset)) = shown(app, key, inner) else {
        Panel::new(line![(Role::Title, "This operation is over")]).draw(buf, area, theme);
        return;
    };
    let high = sheet.high(inner);
    let lines = fit(std::mem::take(&mut sheet.lines), high);
    let offset = offset.min(lines.len().saturating_sub(high));
    let below = lines.len().saturating_sub(offset + high);
    if below > 0 || offset > 0 {
        sheet.panel.note = line![(Role::Dim, crate::clean!("{below} more below"))];
    }
    let inner = sheet.panel.draw(buf, area, theme);
    let high = u16::try_from(sheet.high(inner)).unwrap_or(inner.height);
    draw_lines(buf, Rect { height: high, ..inner }, &lines[offset..], theme);
    sheet.foot.draw(buf, Rect { y: inner.y + high, height: inner.height - high, ..inner }, theme);
}

fn sheet<'a>(app: &'a App, running: &'a Running, inner: Rect) -> Sheet<'a> {
    let (width, high) = (usize::from(inner.width), usize::from(inner.height));
    match &running.procedure.state {
        State::Gathering(gathering) => plan::asking(app, running, gathering, width),
        State::Planned(plan) => plan::sheet(app, running, plan, plan::foot(app, running, plan, width), width),
        State::Confirming { plan, confirm } => plan::sheet(app, running, plan, confirm::foot(app, running, plan, confirm, width), width),
        State::Sending { sent, .. } | State::Unclear { sent, .. } => progress::sheet(app, running, sent, None, (width, high)),
        State::UnderWay { sent, run } => progress::sheet(app, running, sent, Some(run), (width, high)),
        State::Done { run, verdict, at, .. } => verdict::sheet(app, running, run, (verdict, *at), width),
        State::Closed { why } => verdict::closed(running, why, width),
    }
}

impl Sheet<'_> {
    /// Rows for what scrolls.
    fn high(&self, inner: Rect) -> usize {
        usize::from(inner.height).saturating_sub(self.foot.rows())
    }
}

impl Foot<'_> {
    /// Rows with the rule above; none where there is nothing to say.
    fn rows(&self) -> usize {
        let rows = self.says.len() + self.entries.len();
        if rows == 0 { 0 } else { rows + 1 }
    }

    /// Draws the rule, the words and the fields. Where rows are missing the fields stay.
    fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let missing = self.rows().saturating_sub(usize::from(area.height));
        let mut rows = area.rows();
        if missing == 0 && self.rows() > 0 {
            let rule = vec![Piece::repeated(Role::Faint, sign::BAR_TODO, usize::from(area.width))];
            rows.next().into_iter().for_each(|row| draw_line(buf, row, &rule, Align::Left, theme));
        }
        for (line, row) in self.says.iter().skip(missing.saturating_sub(1)).zip(rows.by_ref()) {
            draw_line(buf, row, line, Align::Left, theme);
        }
        let hidden = missing.saturating_sub(1 + self.says.len());
        for (row, entry) in rows.zip(self.entries.iter().skip(hidden)) {
            let label = u16::try_from(line_width(&entry.label)).unwrap_or(u16::MAX).min(row.width);
            draw_line(buf, row, &entry.label, Align::Left, theme);
            entry.field.draw(buf, Rect { x: row.x + label, width: row.width - label, ..row }, &entry.look, entry.focused, theme);
        }
    }
}

/// Gives up blank lines, from the top, as far as that brings everything into view.
fn fit(mut lines: Vec<Line>, high: usize) -> Vec<Line> {
    let blanks = lines.iter().filter(|line| line.is_empty()).count();
    let mut over = lines.len().saturating_sub(high);
    if over > blanks {
        return lines;
    }
    lines.retain(|line| {
        let goes = line.is_empty() && over > 0;
        over -= usize::from(goes);
        !goes
    });
    lines
}

/// The box of something that is not sent yet: whatever changes production has a double line and says so.
fn panel(app: &App, running: &Running) -> Panel {
    boxed(app, crate::clean!("Roll back {}", running.procedure.case.title()), &running.environment, Verb::RollBack)
}

fn boxed(app: &App, title: Clean, environment: &Name, verb: Verb) -> Panel {
    let mut panel = Panel::new(line![(Role::Title, title)]);
    let policy = app.policy(environment);
    let production = policy.tier == Tier::Production;
    panel.edge = if production { Edge::Production } else { Edge::Focus };
    let state = match (policy.closed(verb, app.now.wall), policy.open_until) {
        (Some(closed), _) => crate::clean!(" {}", closed.word()),
        (None, Some(until)) if production => crate::clean!(" open {}", crate::panels::words::left(until, app.now.wall)),
        (None, _) => Clean::EMPTY,
    };
    let (name, role) = if production { (policy.tier.name().to_uppercase(), Role::Production) } else { (policy.tier.name().to_owned(), Role::Accent) };
    let guessed = app.store.environment(environment.raw()).is_some_and(|known| known.guessed);
    let mark = if guessed { "?" } else { "" };
    panel.counts = vec![line![(role, crate::clean!("{name}{mark}")), (Role::Dim, state)]];
    panel
}

/// What a line begins with.
fn mark(mark: Mark) -> Piece {
    let (role, sign) = match mark {
        Mark::Good => (Role::Ok, sign::OK),
        Mark::Running => (Role::Rolling, sign::ROLLING),
        Mark::Waiting => (Role::Dim, sign::IDLE),
        Mark::Bad => (Role::Critical, sign::BAD),
        Mark::Unknown => (Role::Unknown, sign::STALE),
        Mark::Open => (Role::Warn, sign::ATTENTION),
    };
    Piece::new(role, sign)
}

/// The sign of what came of a check.
const fn outcome(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Ok => Mark::Good,
        Outcome::Unknown => Mark::Unknown,
        Outcome::Warn => Mark::Open,
        Outcome::Block => Mark::Bad,
    }
}

/// A sign and a sentence.
fn sentence(sign: Piece, text: impl Into<Clean>, width: usize) -> Vec<Line> {
    hanging(vec![sign, Piece::blank(1)], line![text.into()], width)
}

/// `left` and `right` at the two ends; `right` leaves where there is no room for both.
fn ends(left: Line, right: Line, width: usize) -> Line {
    let free = width.saturating_sub(line_width(&left) + line_width(&right));
    if right.is_empty() || free < 2 { left } else { [left, vec![Piece::blank(free)], right].concat() }
}

/// `2.8.0 r42  →  2.7.3 r41 (it runs on as r43)`.
fn change(running: &Running) -> Line {
    let words = running.procedure.change();
    let Some((from, to)) = words.split_once(" → ") else { return line![words] };
    let (to, rest) = to.find(" (").map_or((to, ""), |at| to.split_at(at));
    line![Clean::from_untrusted(from), (Role::Dim, "  →  "), (Role::Accent, Clean::from_untrusted(to)), Clean::from_untrusted(rest)]
}

/// A heading inside the box, with what goes with it.
fn heading(words: &'static str, says: impl Into<Clean>) -> Line {
    let says = says.into();
    if says.is_empty() { line![(Role::Title, words)] } else { line![(Role::Title, words), "   ", (Role::Dim, says)] }
}
