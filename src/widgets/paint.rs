//! Lines into cells. Everything that reaches the buffer goes through here.

use super::{Align, Line, Piece, line, line_width, sign};
use crate::theme::{Role, Theme};
use ratatui::{
    buffer::{Buffer, CellWidth},
    layout::Rect,
    style::Style,
};
use std::ops::Range;

/// Empties `area`, and the left half of a wide character that would reach into it.
pub fn clear(buf: &mut Buffer, area: Rect, theme: &Theme) {
    clear_on(buf, area, theme.style(Role::Text));
}

fn clear_on(buf: &mut Buffer, area: Rect, ground: Style) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        if area.width > 0 && area.x > buf.area.x {
            let left = &mut buf[(area.x - 1, y)];
            if left.symbol().cell_width() > 1 {
                left.set_symbol(" ");
            }
        }
        for x in area.left()..area.right() {
            let cell = &mut buf[(x, y)];
            cell.reset();
            cell.set_style(ground);
        }
    }
}

/// Draws `line` into the first row of `area`: the rest of the row is emptied, and what does not fit ends in `…`.
pub fn draw_line(buf: &mut Buffer, area: Rect, line: &[Piece], align: Align, theme: &Theme) {
    draw_line_on(buf, area, line, align, Role::Text, theme);
}

/// As [`draw_line`], on the ground of another role: the header's. Plain text takes the whole style of that role.
pub fn draw_line_on(buf: &mut Buffer, area: Rect, line: &[Piece], align: Align, ground: Role, theme: &Theme) {
    let row = Rect { height: area.height.min(1), ..area }.intersection(buf.area);
    if row.is_empty() {
        return;
    }
    let style = |role| theme.style(if role == Role::Text { ground } else { role });
    clear_on(buf, row, theme.style(Role::Text).patch(style(ground)));
    let (room, needed) = (usize::from(row.width), line_width(line));
    if needed > room {
        let (x, role) = write(buf, row.x..row.right() - 1, row.y, line, &style);
        buf[(x, row.y)].set_symbol(sign::MORE).set_style(style(role));
        return;
    }
    let free = u16::try_from(room - needed).unwrap_or(0);
    let start = row.x
        + match align {
            Align::Left => 0,
            Align::Right => free,
            Align::Centre => free / 2,
        };
    write(buf, start..row.right(), row.y, line, &style);
}

/// Draws `lines` one under the other, as many as `area` holds.
pub fn draw_lines(buf: &mut Buffer, area: Rect, lines: &[Line], theme: &Theme) {
    for (row, line) in area.rows().zip(lines) {
        draw_line(buf, row, line, Align::Left, theme);
    }
}

/// Writes into these columns; answers the first free one and the role of what stands before it.
fn write(buf: &mut Buffer, columns: Range<u16>, y: u16, pieces: &[Piece], style: &dyn Fn(Role) -> Style) -> (u16, Role) {
    let mut x = columns.start;
    let mut role = pieces.first().map_or(Role::Text, |piece| piece.role);
    for piece in pieces {
        role = piece.role;
        let style = style(role);
        for (_, symbol, width) in line::symbols(&piece.text) {
            let next = usize::from(x) + width;
            if next > usize::from(columns.end) {
                return (x, role);
            }
            buf[(x, y)].set_symbol(symbol).set_style(style);
            x += 1;
            while usize::from(x) < next {
                buf[(x, y)].set_symbol(" ").set_style(style);
                x += 1;
            }
        }
    }
    (x, role)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{text, theme};
    use super::*;
    use crate::line;

    #[test]
    fn a_line_stays_inside_its_area_and_never_halves_a_character() {
        let mut buf = Buffer::with_lines(["xxxxxxxxxx"; 2]);
        draw_line(&mut buf, Rect::new(2, 0, 6, 2), &line!["漢字漢字"], Align::Left, &theme());
        assert_eq!(text(&buf), "xx漢 字 … xx\nxxxxxxxxxx");
    }

    #[test]
    fn text_over_the_second_half_of_a_wide_character_removes_the_first() {
        let mut buf = Buffer::with_lines(["漢字漢字"]);
        draw_line(&mut buf, Rect::new(3, 0, 2, 1), &line!["ab"], Align::Left, &theme());
        assert_eq!(buf[(2, 0)].symbol(), " ");
        assert_eq!((buf[(3, 0)].symbol(), buf[(4, 0)].symbol()), ("a", "b"));
    }

    #[test]
    fn numbers_stand_right_and_what_an_empty_panel_says_in_the_middle() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 7, 2));
        draw_line(&mut buf, Rect::new(0, 0, 7, 1), &line!["6m"], Align::Right, &theme());
        draw_line(&mut buf, Rect::new(0, 1, 7, 1), &line!["dot"], Align::Centre, &theme());
        assert_eq!(text(&buf), "     6m\n  dot  ");
    }
}
