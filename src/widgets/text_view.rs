//! Text to read and search: YAML, describe, help, a difference.

use super::{Align, Line, draw_line, highlight, plain, skip, wrap};
use crate::theme::{Role, Theme};
use ratatui::{buffer::Buffer, layout::Rect};
use std::ops::Range;

/// Where the searched words stand: the line and the bytes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which line.
    pub line: usize,
    /// Which bytes of its text.
    pub bytes: Range<usize>,
}

/// Every place where `words` stand, in any case (ASCII letters).
pub fn find(lines: &[Line], words: &str) -> Vec<Hit> {
    let needle = words.to_ascii_lowercase();
    if needle.is_empty() {
        return Vec::new();
    }
    let hits = |(line, text): (usize, &Line)| {
        let text = plain(text).to_ascii_lowercase();
        text.match_indices(&needle).map(|(at, found)| Hit { line, bytes: at..at + found.len() }).collect::<Vec<_>>()
    };
    lines.iter().enumerate().flat_map(hits).collect()
}

/// A page of text.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextView<'a> {
    /// All lines.
    pub lines: &'a [Line],
    /// The first line in view.
    pub offset: usize,
    /// Whether long lines go on in the next row, instead of beyond the edge.
    pub wrap: bool,
    /// How many cells the view is moved sideways, when not wrapped.
    pub sideways: usize,
    /// What was searched, in the order of lines.
    pub hits: &'a [Hit],
    /// Which hit is the current one.
    pub hit: Option<usize>,
}

impl TextView<'_> {
    /// Draws what fits into `area`.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let area = area.intersection(buf.area);
        super::clear(buf, area, theme);
        let width = usize::from(area.width);
        let rows = (self.offset..self.lines.len()).flat_map(|at| self.rows(at, width));
        for (row, line) in area.rows().zip(rows) {
            draw_line(buf, row, &line, Align::Left, theme);
        }
    }

    /// The offset at which the last line stands at the bottom of `area`: scrolling ends with the text.
    pub fn last_offset(&self, area: Rect) -> usize {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let (mut used, mut first) = (0, self.lines.len().saturating_sub(1));
        for (at, line) in self.lines.iter().enumerate().rev() {
            used += if self.wrap { wrap(line, width).len() } else { 1 };
            if used > height {
                break;
            }
            first = at;
        }
        first
    }

    fn rows(&self, at: usize, width: usize) -> Vec<Line> {
        let line = self.lit(at);
        if self.wrap { wrap(&line, width) } else { vec![skip(&line, self.sideways)] }
    }

    /// The line with its hits marked; the current one as the cursor.
    fn lit(&self, at: usize) -> Line {
        let first = self.hits.partition_point(|hit| hit.line < at);
        let here: Vec<(usize, &Hit)> = self.hits.iter().enumerate().skip(first).take_while(|(_, hit)| hit.line == at).collect();
        if here.is_empty() {
            return self.lines[at].clone();
        }
        let ranges: Vec<Range<usize>> = here.iter().map(|(_, hit)| hit.bytes.clone()).collect();
        let lit = highlight(&self.lines[at], &ranges, Role::Hit);
        match here.iter().find(|(index, _)| Some(*index) == self.hit) {
            Some((_, hit)) => highlight(&lit, std::slice::from_ref(&hit.bytes), Role::Cursor),
            None => lit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{drawn, theme, under_cursor};
    use super::*;
    use crate::line;

    fn text() -> Vec<Line> {
        ["spec:", "  replicas: 6", "  image: registry.example/shop/cart:2.8.0", "  replicas again"].into_iter().map(|line| line![line]).collect()
    }

    #[test]
    fn hits_are_marked_and_the_current_one_is_the_cursor() {
        let lines = text();
        let hits = find(&lines, "REPLICAS");
        assert_eq!(hits, [Hit { line: 1, bytes: 2..10 }, Hit { line: 3, bytes: 2..10 }]);
        let view = TextView { lines: &lines, hits: &hits, hit: Some(1), ..TextView::default() };
        assert_eq!(under_cursor(30, 4, |buf, area| view.draw(buf, area, &theme())), "replicas");
    }

    #[test]
    fn long_lines_wrap_or_are_read_sideways() {
        let lines = text();
        let view = TextView { lines: &lines, offset: 2, ..TextView::default() };
        insta::assert_snapshot!(drawn(24, 2, |buf, area| view.draw(buf, area, &theme())), @"
          image: registry.examp…
          replicas again
        ");
        insta::assert_snapshot!(drawn(24, 2, |buf, area| TextView { sideways: 9, ..view }.draw(buf, area, &theme())), @"
        registry.example/shop/c…
        s again
        ");
        insta::assert_snapshot!(drawn(24, 3, |buf, area| TextView { wrap: true, ..view }.draw(buf, area, &theme())), @"
          image:
        registry.example/shop/ca
        rt:2.8.0
        ");
    }

    #[test]
    fn scrolling_ends_with_the_text() {
        let lines = text();
        let view = TextView { lines: &lines, ..TextView::default() };
        assert_eq!(view.last_offset(Rect::new(0, 0, 40, 3)), 1);
        assert_eq!(view.last_offset(Rect::new(0, 0, 40, 9)), 0);
        assert_eq!(TextView { wrap: true, ..view }.last_offset(Rect::new(0, 0, 24, 4)), 2);
        assert_eq!(view.last_offset(Rect::new(0, 0, 0, 0)), 3);
    }

    #[test]
    fn a_search_for_nothing_finds_nothing() {
        assert!(find(&text(), "").is_empty());
    }
}
