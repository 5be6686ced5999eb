//! What lies over the panels.

use super::{Panel, clear};
use crate::theme::{Role, Theme};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

/// A rectangle of at most this size in the middle of `area`.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Takes the colours out of what lies behind a dialog, so that nothing there looks current.
pub fn dim(buf: &mut Buffer, area: Rect, theme: &Theme) {
    let plain = Style::new().remove_modifier(Modifier::all());
    buf.set_style(area, plain.patch(theme.style(Role::Text)).patch(theme.style(Role::Faint)));
}

/// Dims `behind`, draws `panel` at `area` on top of it and answers the space for contents.
pub fn popup(buf: &mut Buffer, behind: Rect, area: Rect, panel: &Panel, theme: &Theme) -> Rect {
    dim(buf, behind, theme);
    clear(buf, area, theme);
    panel.draw(buf, area, theme)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{text, theme};
    use super::*;
    use ratatui::style::Color;

    #[test]
    fn a_dialog_dims_what_is_behind_and_halves_no_character() {
        let mut buf = Buffer::with_lines(["漢漢漢漢漢漢"; 3]);
        buf.set_style(buf.area, Style::new().fg(Color::Red).add_modifier(Modifier::REVERSED));
        let behind = buf.area;
        popup(&mut buf, behind, Rect::new(3, 0, 6, 3), &Panel::default(), &theme());
        assert_eq!(text(&buf), "漢  ╭────╮ 漢 \n漢  │    │ 漢 \n漢  ╰────╯ 漢 ");
        assert_eq!(buf[(0, 0)].fg, theme().style(Role::Faint).fg.expect("a colour"));
        assert!(buf[(0, 0)].modifier.is_empty());
    }

    #[test]
    fn a_dialog_is_never_larger_than_the_screen() {
        assert_eq!(centred(Rect::new(0, 0, 80, 24), 60, 10), Rect::new(10, 7, 60, 10));
        assert_eq!(centred(Rect::new(5, 5, 10, 2), 60, 10), Rect::new(5, 5, 10, 2));
    }
}
