//! What was said: time, who, level, words; and the moments in between.

use super::{Align, Line, Piece, draw_line, line_width, pad, sign, skip, wrap};
use crate::{
    text::Clean,
    theme::{Role, Theme},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// One entry of the stream.
#[derive(Clone, Debug)]
pub enum LogRow {
    /// A line that somebody wrote.
    Said {
        /// When, as wide in every row.
        time: Clean,
        /// Who: version, pod, container.
        source: Line,
        /// `INFO`, in the role of its level; empty where none was recognised.
        level: Piece,
        /// The words, with hits already marked.
        text: Line,
        /// How many lines alike it stands for, told at its end whatever must be cut for that.
        times: usize,
    },
    /// Something that happened meanwhile, across the whole width: `─── 02:54:10  cart 2.7.3 → 2.8.0 ───`.
    Marker(Line),
    /// About the stream itself: lines dropped, previous run.
    Note(Line),
}

/// Which end of the view is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// This row is the first.
    Top(usize),
    /// This row is the last; following is the last row of all.
    Bottom(usize),
}

/// A window on the log.
#[derive(Clone, Copy, Debug)]
pub struct LogView<'a> {
    /// Rows in the order of time.
    pub rows: &'a [LogRow],
    /// Which of them are in view.
    pub anchor: Anchor,
    /// Whether long lines go on below their words.
    pub wrap: bool,
    /// How many cells the words are moved sideways, when not wrapped.
    pub sideways: usize,
    /// The row under the cursor.
    pub cursor: Option<usize>,
    /// Why there is nothing.
    pub empty: &'a [Line],
}

/// Cells between columns.
const GAP: usize = 2;
/// Columns give way so that the words keep at least this much.
const WORDS: usize = 24;
/// The longest name of a level.
const LEVEL: usize = 5;

/// The widths of the columns; 0 where a column had to give way.
struct Columns {
    time: usize,
    source: usize,
    level: usize,
    words: usize,
}

impl LogView<'_> {
    /// Draws what fits into `area`.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let area = area.intersection(buf.area);
        super::clear(buf, area, theme);
        if self.rows.is_empty() {
            return super::table::draw_empty(buf, area, self.empty, theme);
        }
        for (row, (at, line)) in area.rows().zip(self.lines(area)) {
            draw_line(buf, row, &line, Align::Left, theme);
            if self.cursor == Some(at) {
                buf.set_style(row, theme.style(Role::Cursor));
            }
        }
    }

    /// How many rows an `area` shows, at least one, for paging.
    pub fn rows_in(&self, area: Rect) -> usize {
        let lines = self.lines(area);
        let (Some((first, _)), Some((last, _))) = (lines.first(), lines.last()) else { return 1 };
        last - first + 1
    }

    /// The lines in view, each with the row that it belongs to.
    fn lines(&self, area: Rect) -> Vec<(usize, Line)> {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let near = match self.anchor {
            Anchor::Top(first) => first.min(self.rows.len())..first.saturating_add(height).min(self.rows.len()),
            Anchor::Bottom(last) => {
                let end = last.saturating_add(1).min(self.rows.len());
                end.saturating_sub(height)..end
            }
        };
        let columns = self.columns(&self.rows[near.clone()], width);
        let mut lines: Vec<(usize, Line)> = near.flat_map(|at| self.lay(&self.rows[at], &columns, width).into_iter().map(move |line| (at, line))).collect();
        match self.anchor {
            Anchor::Top(_) => lines.truncate(height),
            Anchor::Bottom(_) => drop(lines.drain(..lines.len().saturating_sub(height))),
        }
        lines
    }

    fn columns(&self, rows: &[LogRow], width: usize) -> Columns {
        let mut columns = Columns { time: 0, source: 0, level: 0, words: 0 };
        for row in rows {
            if let LogRow::Said { time, source, level, .. } = row {
                columns.time = columns.time.max(super::width(time));
                columns.source = columns.source.max(line_width(source));
                columns.level = columns.level.max(if level.text.is_empty() { 0 } else { LEVEL });
            }
        }
        columns.source = columns.source.min(width / 3);
        for leave in [|c: &mut Columns| c.source = 0, |c: &mut Columns| c.time = 0, |c: &mut Columns| c.level = 0] {
            if columns.before() + WORDS <= width {
                break;
            }
            leave(&mut columns);
        }
        columns.words = width.saturating_sub(columns.before());
        columns
    }

    fn lay(&self, row: &LogRow, columns: &Columns, width: usize) -> Vec<Line> {
        match row {
            LogRow::Said { time, source, level, text, times } => {
                let cells = [(columns.time, vec![Piece::new(Role::Dim, time.clone())]), (columns.source, source.clone()), (columns.level, vec![level.clone()])];
                let head: Line = cells
                    .into_iter()
                    .filter(|(cells, _)| *cells > 0)
                    .flat_map(|(cells, line)| pad(&pad(&line, cells, Align::Left), cells + GAP, Align::Left))
                    .collect();
                let count: Line = if *times > 1 { vec![Piece::new(Role::Accent, crate::clean!("   × {times}"))] } else { Line::new() };
                let room = columns.words.saturating_sub(line_width(&count));
                let words = match self.wrap {
                    true => wrap(&[text.clone(), count].concat(), columns.words),
                    false => vec![[super::cut(&skip(text, self.sideways), room), count].concat()],
                };
                let indent = vec![Piece::blank(columns.before())];
                words.into_iter().enumerate().map(|(at, words)| [if at == 0 { head.clone() } else { indent.clone() }, words].concat()).collect()
            }
            LogRow::Marker(line) => vec![across(line, width)],
            LogRow::Note(line) => vec![line.clone()],
        }
    }
}

impl Columns {
    fn before(&self) -> usize {
        [self.time, self.source, self.level].into_iter().filter(|cells| *cells > 0).map(|cells| cells + GAP).sum()
    }
}

/// `─── line ─────────` over `width` cells.
fn across(line: &[Piece], width: usize) -> Line {
    let stroke = |count| Piece::repeated(Role::Marker, sign::BAR_TODO, count);
    let middle = super::cut(line, width.saturating_sub(8));
    let rest = width.saturating_sub(line_width(&middle) + 5);
    [vec![stroke(3), Piece::blank(1)], middle, vec![Piece::blank(1), stroke(rest)]].concat()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{drawn, theme};
    use super::*;
    use crate::line;

    fn said(time: &'static str, version: &'static str, pod: &'static str, level: &'static str, text: &'static str) -> LogRow {
        LogRow::Said { time: time.into(), source: line![version, "  ", pod], level: Piece::new(Role::LogInfo, level), text: line![text], times: 1 }
    }

    fn rows() -> Vec<LogRow> {
        vec![
            said("02:53:58", "2.7.3", "m4h9q", "INFO", "priced 12 items in 9 ms"),
            LogRow::Marker(line!["02:54:10  cart 2.7.3 → 2.8.0 · run #311 · ci-bot"]),
            said("02:54:31", "2.8.0", "x7k2p", "ERROR", "unknown currency \"\" while pricing a basket of 12 items"),
            LogRow::Note(line!["… 96 lines dropped"]),
        ]
    }

    fn shown(view: LogView<'_>, width: u16, height: u16) -> String {
        drawn(width, height, |buf, area| view.draw(buf, area, &theme()))
    }

    #[test]
    fn a_marker_goes_across_and_words_are_cut_or_wrapped() {
        let rows = rows();
        let view = LogView { rows: &rows, anchor: Anchor::Top(0), wrap: false, sideways: 0, cursor: None, empty: &[] };
        insta::assert_snapshot!(shown(view, 58, 4), @"
        02:53:58  2.7.3  m4h9q  INFO   priced 12 items in 9 ms
        ─── 02:54:10  cart 2.7.3 → 2.8.0 · run #311 · ci-bot ─────
        02:54:31  2.8.0  x7k2p  ERROR  unknown currency \"\" while …
        … 96 lines dropped
        ");
        insta::assert_snapshot!(shown(LogView { wrap: true, ..view }, 58, 5), @"
        02:53:58  2.7.3  m4h9q  INFO   priced 12 items in 9 ms
        ─── 02:54:10  cart 2.7.3 → 2.8.0 · run #311 · ci-bot ─────
        02:54:31  2.8.0  x7k2p  ERROR  unknown currency \"\" while
                                       pricing a basket of 12
                                       items
        ");
    }

    #[test]
    fn the_count_of_lines_alike_is_never_what_is_cut_off() {
        let mut rows = rows();
        if let LogRow::Said { times, .. } = &mut rows[2] {
            *times = 227;
        }
        let view = LogView { rows: &rows, anchor: Anchor::Top(2), wrap: false, sideways: 0, cursor: None, empty: &[] };
        insta::assert_snapshot!(shown(view, 58, 1), @"02:54:31  2.8.0  x7k2p  ERROR  unknown currency \"…   × 227");
    }

    #[test]
    fn following_shows_the_end_even_when_lines_wrap() {
        let rows = rows();
        let view = LogView { rows: &rows, anchor: Anchor::Bottom(usize::MAX), wrap: true, sideways: 0, cursor: None, empty: &[] };
        insta::assert_snapshot!(shown(view, 58, 3), @"
                                       pricing a basket of 12
                                       items
        … 96 lines dropped
        ");
        assert_eq!(view.rows_in(Rect::new(0, 0, 58, 3)), 2);
    }

    #[test]
    fn the_words_keep_their_room_and_the_source_goes_first() {
        let rows = rows();
        let view = LogView { rows: &rows, anchor: Anchor::Top(2), wrap: false, sideways: 0, cursor: None, empty: &[] };
        insta::assert_snapshot!(shown(view, 44, 1), @"02:54:31  ERROR  unknown currency \"\" while …");
        insta::assert_snapshot!(shown(view, 34, 1), @"ERROR  unknown currency \"\" while …");
        insta::assert_snapshot!(shown(view, 20, 1), @"unknown currency \"\"…");
    }

    #[test]
    fn an_empty_log_says_why() {
        let says = [line!["no pod of cart has said anything since 02:50"]];
        let view = LogView { rows: &[], anchor: Anchor::Top(0), wrap: false, sideways: 0, cursor: None, empty: &says };
        assert_eq!(shown(view, 50, 1), "   no pod of cart has said anything since 02:50");
    }
}
