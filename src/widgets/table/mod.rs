//! Rows and columns, drawn from a table of columns; the cursor is a row or one cell.

mod columns;
mod pass;

pub use columns::{Column, Order, Show, Width, fitting};

use super::{Align, Line, draw_line, line_width};
use crate::theme::Theme;
use columns::Placed;
use pass::Pass;
use ratatui::{buffer::Buffer, layout::Rect};

/// Where the cursor is, by row and column of what [`Table`] was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cursor {
    /// Nowhere.
    #[default]
    None,
    /// On a whole row.
    Row(usize),
    /// On one cell.
    Cell(usize, usize),
}

impl Cursor {
    fn row(self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Row(row) | Self::Cell(row, _) => Some(row),
        }
    }
}

/// Lines that stand below a row and move with it: the gates of a run.
pub struct Below<R> {
    /// The column under which they begin.
    pub under: usize,
    /// What they say.
    pub lines: fn(&R) -> Vec<Line>,
}

/// A table, ready to be drawn. Only what differs from [`Table::new`] needs to be said.
pub struct Table<'a, R> {
    /// What is shown of a row, from left to right.
    pub columns: &'a [Column<R>],
    /// The rows, in the order in which they stand.
    pub rows: &'a [R],
    /// Where the cursor is.
    pub cursor: Cursor,
    /// Whether this table has the keys; without them the cursor is a mark and no bar.
    pub focused: bool,
    /// Whether the cursor's row is marked with `▸` at the left.
    pub marked: bool,
    /// The first row in view, as far as the cursor allows it.
    pub offset: usize,
    /// Lines below a row that belong to it.
    pub below: Option<Below<R>>,
    /// Lines that stand below the last row, and are in view when the cursor is on it.
    pub foot: &'a [Line],
    /// Rows that are not current: their source does not answer.
    pub stale: fn(&R) -> bool,
    /// The column that the rows are sorted by.
    pub sorted: Option<(usize, Order)>,
    /// What an empty table says: why it is empty, and what to do.
    pub empty: &'a [Line],
}

/// The first row to show so that `selected` is in view, as near to `offset` as can be, without empty space at the end.
pub fn viewport(selected: usize, offset: usize, height: usize, len: usize) -> usize {
    let selected = selected.min(len.saturating_sub(1));
    let nearest = offset.min(selected).max((selected + 1).saturating_sub(height));
    nearest.min(len.saturating_sub(height))
}

/// Rows whose cells decide the width of a column, besides those in view: a width that changed with every scroll would be restless.
const MEASURED: usize = 200;
/// Cells that a sign of sorting takes after a title; where they are missing it is left out.
const SIGN: usize = 2;

impl<'a, R> Table<'a, R> {
    /// A table without cursor.
    pub fn new(columns: &'a [Column<R>], rows: &'a [R]) -> Self {
        Self {
            columns,
            rows,
            cursor: Cursor::None,
            focused: false,
            marked: false,
            offset: 0,
            below: None,
            foot: &[],
            stale: |_| false,
            sorted: None,
            empty: &[],
        }
    }

    /// Whether there is a row of titles.
    fn headed(&self) -> bool {
        self.columns.iter().any(|column| !column.title.is_empty())
    }

    /// How many lines are left for rows in `height`, for paging.
    pub fn lines(&self, height: u16) -> u16 {
        height.saturating_sub(u16::from(self.headed()))
    }

    /// How many rows, from [`Table::offset`] on, are below the view: for `4 more below`.
    pub fn hidden_below(&self, height: u16) -> usize {
        let lines = usize::from(self.lines(height));
        let (first, skipped) = self.first(lines);
        let mut free = (lines + skipped) as isize;
        let shown = self.rows[first..].iter().take_while(|row| {
            free -= self.height(row) as isize;
            free >= 0
        });
        self.rows.len() - first - shown.count()
    }

    /// Draws titles and rows into `area`.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let area = area.intersection(buf.area);
        super::clear(buf, area, theme);
        let titles = area.height - self.lines(area.height);
        let body = Rect { y: area.y + titles, height: area.height - titles, ..area };
        let mark = if self.marked { 2.min(area.width) } else { 0 };
        let (first, skipped) = self.first(usize::from(body.height));
        let placed = self.place(area.width - mark, first, usize::from(body.height));
        let mut pass = Pass { table: self, placed, mark, theme, buf };
        if titles > 0 {
            pass.titles(area);
        }
        if self.rows.is_empty() {
            return draw_empty(buf, body, self.empty, theme);
        }
        pass.rows(body, first, skipped);
    }

    fn height(&self, row: &R) -> usize {
        1 + self.below.as_ref().map_or(0, |below| (below.lines)(row).len())
    }

    /// The first row in view, and how many of its lines are above the view.
    fn first(&self, lines: usize) -> (usize, usize) {
        let selected = self.cursor.row().unwrap_or(self.offset.min(self.rows.len().saturating_sub(1)));
        if self.below.is_none() && self.foot.is_empty() {
            let offset = if self.cursor == Cursor::None {
                self.offset.min(self.rows.len().saturating_sub(lines))
            } else {
                viewport(selected, self.offset, lines, self.rows.len())
            };
            return (offset, 0);
        }
        let tops: Vec<usize> = self.rows.iter().scan(0, |top, row| Some(std::mem::replace(top, *top + self.height(row)))).collect();
        let Some(&last) = tops.get(selected) else { return (0, 0) };
        let total = tops.last().map_or(0, |top| top + self.height(&self.rows[tops.len() - 1])) + self.foot.len();
        let end = if selected + 1 == tops.len() { total } else { last + self.height(&self.rows[selected]) };
        let offset = tops.get(self.offset).copied().unwrap_or(last);
        let line = viewport(last, viewport(end - 1, offset, lines, total), lines, total);
        let first = tops.partition_point(|top| *top <= line).saturating_sub(1);
        (first, line - tops[first])
    }

    fn place(&self, width: u16, first: usize, lines: usize) -> Vec<Placed> {
        let in_view = self.rows.iter().skip(first).take(lines);
        let measured = || self.rows.iter().take(MEASURED.min(self.rows.len())).chain(in_view.clone());
        let natural = |column: &Column<R>| {
            let widest = measured().map(|row| line_width(&column.cell(row))).max().unwrap_or(0);
            widest.max(super::width(&column.title) + if self.sorted.is_some() { SIGN } else { 0 })
        };
        columns::place(self.columns, width, natural)
    }
}

/// Says in the middle of `area` why there is nothing.
pub(super) fn draw_empty(buf: &mut Buffer, area: Rect, says: &[Line], theme: &Theme) {
    let top = area.height.saturating_sub(u16::try_from(says.len()).unwrap_or(u16::MAX)) / 2;
    for (row, line) in area.rows().skip(usize::from(top)).zip(says) {
        draw_line(buf, row, line, Align::Centre, theme);
    }
}

#[cfg(test)]
mod tests;
