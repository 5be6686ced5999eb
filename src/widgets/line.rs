//! The vocabulary in which panels speak: pieces of harmless text with a role, in lines.

use super::sign;
use crate::{text::Clean, theme::Role};
use ratatui::buffer::CellWidth;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Harmless text that means one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is said.
    pub text: Clean,
    /// What it means; the theme says how that looks.
    pub role: Role,
}

/// Pieces from left to right. [`line!`](crate::line!) writes one.
pub type Line = Vec<Piece>;

/// Where text stands in its space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// At the left edge.
    #[default]
    Left,
    /// At the right edge: numbers, times, ages.
    Right,
    /// In the middle: what an empty panel says.
    Centre,
}

/// Writes a [`Line`]: `line!["plain, ", (Role::Ok, "✓ ready"), name.clone()]`.
#[macro_export]
macro_rules! line {
    ($($piece:expr),* $(,)?) => { ::std::vec![$($crate::widgets::Piece::from($piece)),*] };
}

impl Piece {
    /// `text` that means `role`.
    pub fn new(role: Role, text: impl Into<Clean>) -> Self {
        Self { text: text.into(), role }
    }

    /// `count` blank cells.
    pub fn blank(count: usize) -> Self {
        Self::repeated(Role::Text, " ", count)
    }

    /// `unit` over and over.
    pub fn repeated(role: Role, unit: &'static str, count: usize) -> Self {
        Self { text: Clean::from_untrusted(&unit.repeat(count)), role }
    }

    fn part(&self, range: Range<usize>) -> Self {
        Self { text: Clean::from_untrusted(&self.text[range]), role: self.role }
    }
}

impl From<&'static str> for Piece {
    fn from(text: &'static str) -> Self {
        Self::new(Role::Text, text)
    }
}
impl From<Clean> for Piece {
    fn from(text: Clean) -> Self {
        Self::new(Role::Text, text)
    }
}
impl From<&Clean> for Piece {
    fn from(text: &Clean) -> Self {
        Self::new(Role::Text, text.clone())
    }
}
impl<T: Into<Clean>> From<(Role, T)> for Piece {
    fn from((role, text): (Role, T)) -> Self {
        Self::new(role, text)
    }
}

/// The characters that take space, each with its width in cells. What has no width of its own is left out, as a terminal would.
pub(super) fn symbols(text: &str) -> impl Iterator<Item = (usize, &str, usize)> {
    text.grapheme_indices(true)
        .filter(|(_, symbol)| !symbol.contains(char::is_control))
        .map(|(at, symbol)| (at, symbol, usize::from(symbol.cell_width())))
        .filter(|(_, _, width)| *width > 0)
}

/// How many cells `text` takes.
pub fn width(text: &str) -> usize {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return text.len();
    }
    symbols(text).map(|(_, _, width)| width).sum()
}

/// How many cells `line` takes.
pub fn line_width(line: &[Piece]) -> usize {
    line.iter().map(|piece| width(&piece.text)).sum()
}

/// The words alone, for copying and for tests.
pub fn plain(line: &[Piece]) -> String {
    line.iter().map(|piece| piece.text.as_str()).collect()
}

/// The lines one after the other with `between` in the gaps.
pub fn join(lines: impl IntoIterator<Item = Line>, between: &Piece) -> Line {
    let mut joined = Line::new();
    for line in lines {
        if !joined.is_empty() {
            joined.push(between.clone());
        }
        joined.extend(line);
    }
    joined
}

/// The part of `line` between two byte offsets of its whole text; offsets inside a character are moved to its start.
pub fn slice(line: &[Piece], range: Range<usize>) -> Line {
    let mut at = 0;
    let mut part = Line::new();
    for piece in line {
        let (from, to) = (range.start.saturating_sub(at).min(piece.text.len()), range.end.saturating_sub(at).min(piece.text.len()));
        let (from, to) = (boundary(&piece.text, from), boundary(&piece.text, to));
        if from < to {
            part.push(piece.part(from..to));
        }
        at += piece.text.len();
    }
    part
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The byte where the first `cells` cells of `line` end. A character that would be halved is left out.
fn prefix(line: &[Piece], cells: usize) -> usize {
    let (mut at, mut used) = (0, 0);
    for piece in line {
        for (offset, _, width) in symbols(&piece.text) {
            used += width;
            if used > cells {
                return at + offset;
            }
        }
        at += piece.text.len();
    }
    at
}

/// `line` in at most `cells` cells, ending in `…` where something was left out.
pub fn cut(line: &[Piece], cells: usize) -> Line {
    if line_width(line) <= cells {
        return line.to_vec();
    }
    let Some(room) = cells.checked_sub(1) else { return Line::new() };
    let mut short = slice(line, 0..prefix(line, room));
    let role = short.last().or(line.first()).map_or(Role::Text, |piece| piece.role);
    short.push(Piece::new(role, sign::MORE));
    short
}

/// `line` in exactly `cells` cells: cut, or filled with blanks.
pub fn pad(line: &[Piece], cells: usize, align: Align) -> Line {
    let mut line = cut(line, cells);
    let missing = cells - line_width(&line).min(cells);
    let left = match align {
        Align::Left => 0,
        Align::Right => missing,
        Align::Centre => missing / 2,
    };
    if left > 0 {
        line.insert(0, Piece::blank(left));
    }
    if missing > left {
        line.push(Piece::blank(missing - left));
    }
    line
}

/// `line` moved `cells` cells to the left, for looking sideways. Of a character that would be halved a blank is left.
pub fn skip(line: &[Piece], cells: usize) -> Line {
    if cells == 0 {
        return line.to_vec();
    }
    let whole = prefix(line, cells);
    let missing = cells - line_width(&slice(line, 0..whole)).min(cells);
    if missing == 0 || whole >= plain(line).len() {
        return slice(line, whole..usize::MAX);
    }
    let halved = prefix(line, cells + 1);
    [vec![Piece::blank(1)], slice(line, halved..usize::MAX)].concat()
}

/// `line` with the bytes in `ranges` (ascending, apart) drawn as `role`.
pub fn highlight(line: &[Piece], ranges: &[Range<usize>], role: Role) -> Line {
    let (mut lit, mut at) = (Line::new(), 0);
    for range in ranges {
        lit.extend(slice(line, at..range.start));
        lit.extend(slice(line, range.clone()).into_iter().map(|piece| Piece { role, ..piece }));
        at = range.end;
    }
    lit.extend(slice(line, at..usize::MAX));
    lit
}

/// `line` in rows of at most `cells` cells, broken between words where there are any.
pub fn wrap(line: &[Piece], cells: usize) -> Vec<Line> {
    if line_width(line) <= cells || cells == 0 {
        return vec![line.to_vec()];
    }
    breaks(&plain(line), cells).into_iter().map(|row| slice(line, row)).collect()
}

fn breaks(text: &str, cells: usize) -> Vec<Range<usize>> {
    let (mut rows, mut start, mut used, mut word) = (Vec::new(), 0, 0, 0);
    for (at, symbol, width) in symbols(text) {
        if used + width > cells && at > start {
            if symbol == " " {
                rows.push(start..at);
                (start, used, word) = (at + 1, 0, at + 1);
                continue;
            }
            let next = if word > start { word } else { at };
            rows.push(start..start + text[start..next].trim_end_matches(' ').len());
            (start, used) = (next, self::width(&text[next..at]));
        }
        used += width;
        if symbol == " " {
            word = at + 1;
        }
    }
    if start < text.len() || rows.is_empty() {
        rows.push(start..text.len());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &'static str, cells: usize) -> Vec<String> {
        wrap(&line![text], cells).iter().map(|row| plain(row)).collect()
    }

    #[test]
    fn a_line_is_cut_between_characters_and_says_that_it_goes_on() {
        assert_eq!(plain(&cut(&line!["cart in ", (Role::Ok, "production")], 12)), "cart in pro…");
        assert_eq!(plain(&cut(&line!["漢字漢字"], 6)), "漢字…");
        assert_eq!(plain(&cut(&line!["漢字"], 4)), "漢字");
        assert_eq!(plain(&cut(&line!["é́é́é́"], 2)), "é́…");
        assert_eq!(plain(&cut(&line!["abc"], 0)), "");
    }

    #[test]
    fn padding_gives_the_exact_width_even_where_a_wide_character_does_not_fit() {
        for cells in 0..9 {
            for align in [Align::Left, Align::Right, Align::Centre] {
                assert_eq!(line_width(&pad(&line!["a漢字b"], cells, align)), cells);
            }
        }
    }

    #[test]
    fn wrapping_breaks_between_words_and_splits_only_what_is_too_long() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abc def", 3), ["abc", "def"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("漢字漢", 1), ["漢", "字", "漢"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn highlighting_changes_roles_and_no_text() {
        let lit = highlight(&line!["unknown ", (Role::Dim, "currency")], &[2..4, 6..10], Role::Marker);
        assert_eq!(plain(&lit), "unknown currency");
        let marked: String = lit.iter().filter(|piece| piece.role == Role::Marker).map(|piece| piece.text.as_str()).collect();
        assert_eq!(marked, "knn cu");
    }

    #[test]
    fn looking_sideways_skips_cells() {
        assert_eq!(plain(&skip(&line!["abc", "def"], 4)), "ef");
        assert_eq!(plain(&skip(&line!["漢字"], 1)), " 字", "half a character is a blank");
        assert_eq!(plain(&skip(&line!["abc"], 9)), "");
    }
}
