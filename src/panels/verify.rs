//! Whether a release is in, everywhere, and well (`v`): a row for each place where the service runs, and all points of one below.

use super::words;
use crate::{
    app::{App, Effect, Subject, Verify},
    keys::Action,
    line,
    rollback::{Matter, Point, ProofState, Verification, Verified},
    store::words::{long, took},
    theme::Role,
    widgets::{Align, Column, Cursor, Edge, Line, Panel, Piece, Show, Table, Width, draw_lines, pad, sign},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// A place, and how everything stands there.
struct Row<'a> {
    app: &'a App,
    verification: &'a Verification,
    points: Vec<Point>,
    /// Whether another image runs here than in the first place.
    differs: bool,
}

/// The columns of matters, by how early they leave.
const MATTERS: [(Matter, &str, u8); 7] = [
    (Matter::Pods, "ROLLOUT", 1),
    (Matter::Restarts, "RESTARTS", 5),
    (Matter::Gates, "GATES", 4),
    (Matter::Alerts, "ALERTS", 2),
    (Matter::Errors, "ERRORS", 3),
    (Matter::Latency, "LATENCY", 6),
    (Matter::Smoke, "SMOKE", 7),
];
/// Cells of the longest word for how a matter stands, and for a verdict: a column leaves whole before a word is cut.
const STATE: u16 = 9;
const VERDICT: u16 = 16;
/// When the image's digest leaves.
const DIGEST: u8 = 8;

fn rows<'a>(app: &'a App) -> Vec<Row<'a>> {
    let all: Vec<&Verification> = app.verifications().collect();
    let first = all.iter().find_map(|verification| verification.one_digest());
    let row = |verification: &&'a Verification| {
        let differs = verification.one_digest().is_some_and(|own| Some(own) != first);
        Row { app, verification, points: verification.points(app.steady()), differs }
    };
    all.iter().map(row).collect()
}

fn id(row: &Row<'_>) -> String {
    row.verification.case.workload.id.as_str().to_owned()
}

impl Row<'_> {
    fn matter(&self, matter: Matter) -> Line {
        let state = self.points.iter().find(|point| point.matter == matter).map_or(ProofState::Waiting, |point| point.state);
        let (role, glyph) = look(state);
        line![(role, crate::clean!("{glyph} {}", state.word()))]
    }

    fn version(&self) -> Line {
        let version = self.verification.case.version();
        let wrong = self.verification.expected.version.as_ref().is_some_and(|wanted| *wanted != version.0);
        line![(if wrong { Role::Warn } else { Role::Text }, version.0.clone())]
    }

    fn digest(&self) -> Line {
        match self.verification.one_digest() {
            Some(digest) if self.differs => line![(Role::Warn, crate::clean!("{} {digest}", sign::DIFFERS))],
            Some(digest) => line![(Role::Dim, digest.clone())],
            None => line![(Role::Faint, sign::IDLE)],
        }
    }

    fn verdict(&self) -> Line {
        let (verification, now) = (self.verification, self.app.steady());
        match &verification.verdict {
            Some((verdict, _)) => {
                let (role, glyph) = match verdict {
                    Verified::Yes { .. } => (Role::Ok, sign::OK),
                    Verified::No { .. } => (Role::Critical, sign::BAD),
                    Verified::CouldNotTell { .. } => (Role::Unknown, sign::STALE),
                };
                line![(role, crate::clean!("{glyph} {}", verdict.word()))]
            }
            None => line![(Role::Rolling, crate::clean!("{} for {}", sign::ROLLING, took(now.duration_since(verification.began))))],
        }
    }
}

const fn look(state: ProofState) -> (Role, &'static str) {
    match state {
        ProofState::Good => (Role::Ok, sign::OK),
        ProofState::StillBad => (Role::Critical, sign::BAD),
        ProofState::Running => (Role::Rolling, sign::ROLLING),
        ProofState::Waiting => (Role::Dim, sign::IDLE),
        ProofState::Unknown => (Role::Unknown, sign::STALE),
        ProofState::NotAsked => (Role::Faint, sign::ABSENT),
    }
}

/// What is under the cursor.
pub fn subject(app: &App, verify: &Verify) -> Subject {
    let here = app.verifications().map(|one| &one.case.workload.id).find(|own| verify.at.id().is_some_and(|id| id == own.as_str()));
    let first = || app.verifications().next().map(|one| &one.case.workload.id);
    here.or_else(first).map_or(Subject::Nothing, |id| Subject::Workload(id.clone()))
}

/// A wish to the screen.
pub fn act(app: &mut App, verify: &mut Verify, action: Action) -> Option<Vec<Effect>> {
    let ids: Vec<String> = rows(app).iter().map(id).collect();
    verify.at.settle(&ids);
    match action {
        Action::Up => verify.at.step(-1, &ids),
        Action::Down => verify.at.step(1, &ids),
        Action::Top => verify.at.first(&ids),
        Action::Bottom => verify.at.last(&ids),
        _ => return None,
    }
    Some(Vec::new())
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    let plain = |title: &'static str, width, show: fn(&Row<'a>) -> Line| Column::new(title, width, show);
    let mut columns = vec![
        plain("ENVIRONMENT", Width::Between(11, 16), |row| line![(Role::Text, row.verification.case.environment.name.clean().clone())]),
        plain("VERSION", Width::Between(7, 16), Row::version),
        plain("DIGEST", Width::Between(6, 8), Row::digest),
    ];
    columns[2].priority = DIGEST;
    columns.extend(MATTERS.iter().enumerate().map(|(at, (_, title, priority))| Column {
        priority: *priority,
        show: Show::Part(|row: &Row<'_>, at| row.matter(MATTERS[at].0), at),
        ..Column::new(*title, Width::Fixed(STATE), |_| Line::new())
    }));
    columns.push(plain("VERDICT", Width::Fixed(VERDICT), Row::verdict));
    columns
}

/// Draws it.
pub fn draw(app: &App, verify: &Verify, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let rows = rows(app);
    let verified = rows.iter().filter(|row| matches!(row.verification.verdict, Some((Verified::Yes { .. }, _)))).count();
    let mut panel = Panel::new(line![(Role::Title, crate::clean!("Verifying {}", verify.service))]);
    panel.edge = Edge::Focus;
    panel.counts = vec![line![(Role::Dim, crate::clean!("{verified} of {} verified", rows.len()))]];
    let inner = panel.draw(buf, area, theme);
    let [head, table_at, below] = areas(inner, rows.len());
    draw_lines(buf, head, &[expected(verify)], theme);
    let columns = columns();
    let cursor = verify.at.id().and_then(|own| rows.iter().position(|row| id(row) == *own)).unwrap_or_default();
    let mut table = Table::new(&columns, &rows);
    table.cursor = if rows.is_empty() { Cursor::None } else { Cursor::Row(cursor) };
    (table.focused, table.marked) = (true, true);
    let empty = [line![(Role::Dim, crate::clean!("{} runs nowhere any more", verify.service))]];
    table.empty = &empty;
    table.draw(buf, table_at, theme);
    let lines = rows.get(cursor).map(|row| detail(row, usize::from(below.width))).unwrap_or_default();
    draw_lines(buf, below, &lines, theme);
}

/// What is expected, the table, and what is below it: at least half of the room stays for that.
fn areas(inner: Rect, rows: usize) -> [Rect; 3] {
    let height = u16::try_from(rows + 1).unwrap_or(u16::MAX).min(inner.height / 2);
    let head = Rect { height: 1.min(inner.height), ..inner };
    let table = Rect { y: inner.y + head.height, height: height.min(inner.height - head.height), ..inner };
    let top = table.bottom().saturating_add(1).min(inner.bottom());
    [head, table, Rect { y: top, height: inner.bottom() - top, ..inner }]
}

fn expected(verify: &Verify) -> Line {
    match &verify.expected.version {
        Some(version) => line![(Role::Dim, "expected  "), (Role::Text, version.clone()), (Role::Dim, crate::clean!("  {}", verify.from))],
        None => line![(Role::Dim, "expected  whatever is the newest in each place")],
    }
}

/// All points of one place, and its verdict.
fn detail(row: &Row<'_>, wide: usize) -> Vec<Line> {
    let mut lines = vec![line![(Role::Title, row.verification.case.title())]];
    for point in &row.points {
        let (role, glyph) = look(point.state);
        let mut lead = line![(role, crate::clean!("{glyph} "))];
        lead.extend(pad(&line![(Role::Dim, point.matter.word())], 10, Align::Left));
        lines.extend(words::hanging(lead, line![(Role::Text, point.text.clone())], wide));
    }
    if let Some((verdict, at)) = &row.verification.verdict {
        let ago = long(at.duration_since(row.verification.began));
        lines.push(Line::new());
        let lead = row.verdict().into_iter().chain(line![(Role::Dim, crate::clean!(" after {ago}  "))]).collect();
        lines.extend(words::hanging(lead, vec![Piece::new(Role::Text, verdict.detail())], wide));
    }
    lines
}
