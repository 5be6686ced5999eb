//! One drawing of a table, once it is known which columns and rows are in view.

use super::{
    super::{Align, Piece, cut, draw_line, line_width, sign},
    Cursor, SIGN, Table,
    columns::Placed,
};
use crate::theme::{Role, Theme};
use ratatui::{buffer::Buffer, layout::Rect};

pub(super) struct Pass<'a, R> {
    pub table: &'a Table<'a, R>,
    pub placed: Vec<Placed>,
    /// Cells at the left for the mark of the cursor's row.
    pub mark: u16,
    pub theme: &'a Theme,
    pub buf: &'a mut Buffer,
}

impl<R> Pass<'_, R> {
    pub fn titles(&mut self, area: Rect) {
        let area = self.beside_mark(area);
        for place in &self.placed {
            let column = &self.table.columns[place.column];
            let mut title = vec![Piece::new(column.head, column.title.clone())];
            let room = usize::from(place.width).saturating_sub(line_width(&title));
            if let Some((_, order)) = self.table.sorted.filter(|(sorted, _)| *sorted == place.column && room >= SIGN) {
                title.push(Piece::new(Role::Accent, order.sign()));
            }
            draw_line(self.buf, place.rect(area), &title, column.align, self.theme);
        }
    }

    /// Draws from the row `first` on, without its first `skipped` lines.
    pub fn rows(&mut self, body: Rect, first: usize, skipped: usize) {
        let mut lines = body.rows();
        let mut above = skipped;
        for (at, row) in self.table.rows.iter().enumerate().skip(first) {
            let below = self.table.below.as_ref().map(|below| (below.lines)(row)).unwrap_or_default();
            for line in std::iter::once(None).chain(below.iter().map(Some)) {
                if above > 0 {
                    above -= 1;
                    continue;
                }
                let Some(area) = lines.next() else { return };
                match line {
                    None => self.row(area, at, row),
                    Some(line) => self.below(area, row, line),
                }
            }
        }
        for (area, line) in lines.zip(self.table.foot) {
            let area = self.beside_mark(area);
            draw_line(self.buf, area, line, Align::Left, self.theme);
        }
    }

    fn row(&mut self, line: Rect, at: usize, row: &R) {
        let area = self.beside_mark(line);
        for place in &self.placed {
            let column = &self.table.columns[place.column];
            draw_line(self.buf, place.rect(area), &column.cell(row), column.align, self.theme);
        }
        self.fade(area, row);
        if self.table.cursor.row() != Some(at) {
            return;
        }
        if self.mark > 0 {
            let role = if self.table.focused { Role::Accent } else { Role::Dim };
            draw_line(self.buf, Rect { width: self.mark, ..line }, &[Piece::new(role, sign::HERE)], Align::Left, self.theme);
        }
        if self.table.focused {
            self.buf.set_style(self.under_cursor(area, row), self.theme.style(Role::Cursor));
        }
    }

    /// The cells that the cursor covers: a whole row, or the words of one cell and a blank on each side.
    fn under_cursor(&self, area: Rect, row: &R) -> Rect {
        let Cursor::Cell(_, column) = self.table.cursor else { return area };
        let Some(place) = self.placed.iter().find(|place| place.column == column) else { return area };
        let (cell, column) = (place.rect(area), &self.table.columns[column]);
        let words = line_width(&cut(&column.cell(row), usize::from(cell.width)));
        let words = u16::try_from(words).unwrap_or(cell.width).clamp(1, cell.width.max(1));
        let start = match column.align {
            Align::Left => cell.x,
            Align::Right => cell.right().saturating_sub(words),
            Align::Centre => cell.x + cell.width.saturating_sub(words) / 2,
        };
        let left = start.saturating_sub(1).max(area.x);
        Rect { x: left, width: (start + words + 1).min(area.right()).saturating_sub(left), ..area }
    }

    fn below(&mut self, line: Rect, row: &R, says: &[Piece]) {
        let area = self.beside_mark(line);
        let under = self.table.below.as_ref().map_or(0, |below| below.under);
        let x = self.placed.iter().find(|place| place.column >= under).map_or(0, |place| place.x);
        draw_line(self.buf, Rect { x: area.x + x, width: area.width - x, ..area }, says, Align::Left, self.theme);
        self.fade(area, row);
    }

    fn fade(&mut self, area: Rect, row: &R) {
        if (self.table.stale)(row) {
            self.buf.set_style(area, self.theme.style(Role::Stale));
        }
    }

    fn beside_mark(&self, line: Rect) -> Rect {
        Rect { x: line.x + self.mark, width: line.width - self.mark, ..line }
    }
}
