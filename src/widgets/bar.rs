//! The lines above and below the panels: header, notices, key hints.

use super::{Align, Line, Piece, cut, draw_line_on, line_width};
use crate::{
    text::Clean,
    theme::{Role, Theme},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// One thing in a bar that is there whole or not at all.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it says.
    pub line: Line,
    /// The highest leaves first when the terminal narrows; 0 stays to the end.
    pub priority: u8,
}

impl Part {
    /// A part that leaves after all those with a higher number.
    pub fn new(priority: u8, line: Line) -> Self {
        Self { line, priority }
    }
}

/// A key and what it does: `R roll back cart in production`.
pub fn hint(priority: u8, key: impl Into<Clean>, does: impl Into<Clean>) -> Part {
    Part::new(priority, vec![Piece::new(Role::Key, key), Piece::blank(1), Piece::new(Role::Text, does)])
}

/// One row with parts at both ends and one blank cell outside them.
#[derive(Clone, Debug)]
pub struct Bar {
    /// From the left edge.
    pub left: Vec<Part>,
    /// Up to the right edge.
    pub right: Vec<Part>,
    /// What it lies on: [`Role::Header`] for the line at the top, else [`Role::Text`].
    pub ground: Role,
}

impl Default for Bar {
    fn default() -> Self {
        Self { left: Vec::new(), right: Vec::new(), ground: Role::Text }
    }
}

/// Cells between parts and the least between the two ends, from roomy to tight; after that parts leave.
const SPACINGS: [(usize, usize); 3] = [(3, 5), (2, 5), (2, 2)];

impl Bar {
    /// Draws into the first row of `area`.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let room = usize::from(area.width).saturating_sub(2);
        let (left, right) = self.fit(room);
        let middle = room.saturating_sub(line_width(&left) + line_width(&right));
        let line = [vec![Piece::blank(1)], left, vec![Piece::blank(middle)], right].concat();
        draw_line_on(buf, area, &line, Align::Left, self.ground, theme);
    }

    fn fit(&self, room: usize) -> (Line, Line) {
        let (mut left, mut right): (Vec<_>, Vec<_>) = (self.left.iter().collect(), self.right.iter().collect());
        while left.len() + right.len() > 1 {
            for (gap, apart) in SPACINGS {
                let ends = (spaced(&left, gap), spaced(&right, gap));
                let apart = if left.is_empty() || right.is_empty() { 0 } else { apart };
                if line_width(&ends.0) + line_width(&ends.1) + apart <= room {
                    return ends;
                }
            }
            drop_least(&mut left, &mut right);
        }
        (cut(&spaced(&left, 0), room), cut(&spaced(&right, 0), room))
    }
}

fn spaced(parts: &[&Part], gap: usize) -> Line {
    super::join(parts.iter().map(|part| part.line.clone()), &Piece::blank(gap))
}

/// Takes out the part with the highest number; among equals the first on the right, then the last on the left.
fn drop_least(left: &mut Vec<&Part>, right: &mut Vec<&Part>) {
    let most = left.iter().chain(right.iter()).map(|part| part.priority).max();
    if let Some(at) = right.iter().position(|part| Some(part.priority) == most) {
        right.remove(at);
    } else if let Some(at) = left.iter().rposition(|part| Some(part.priority) == most) {
        left.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{drawn, theme};
    use super::*;
    use crate::line;

    fn shown(bar: &Bar, width: u16) -> String {
        drawn(width, 1, |buf, area| bar.draw(buf, area, &theme()))
    }

    fn header(gap_of_links: &'static str) -> Bar {
        Bar {
            left: vec![
                Part::new(1, line![(Role::Title, "PILOTHOUSE")]),
                Part::new(0, line![(Role::Production, "PRODUCTION"), " locked"]),
                Part::new(2, line!["prod-eu · shop"]),
            ],
            right: vec![Part::new(3, line![gap_of_links]), Part::new(0, line!["▲1 △1"]), Part::new(1, line!["03:00 UTC"])],
            ground: Role::Header,
        }
    }

    #[test]
    fn the_header_at_120_columns_and_how_it_narrows() {
        let links = header("k8s ● docker ● github ● prom ● alerts ◐ 1 of 2");
        insta::assert_snapshot!(shown(&links, 120), @" PILOTHOUSE   PRODUCTION locked   prod-eu · shop     k8s ● docker ● github ● prom ● alerts ◐ 1 of 2   ▲1 △1   03:00 UTC ");
        insta::assert_snapshot!(shown(&links, 70), @" PILOTHOUSE  PRODUCTION locked  prod-eu · shop       ▲1 △1  03:00 UTC");
        insta::assert_snapshot!(shown(&links, 30), @" PRODUCTION locked      ▲1 △1");
        insta::assert_snapshot!(shown(&links, 12), @" PRODUCTIO…");
    }

    #[test]
    fn the_header_lies_on_its_own_ground_from_edge_to_edge() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 60, 1));
        header("k8s ●").draw(&mut buf, Rect::new(0, 0, 60, 1), &theme());
        let (header, production) = (theme().style(Role::Header).bg.expect("a ground"), theme().style(Role::Production).bg.expect("a ground"));
        assert!(buf.content.iter().all(|cell| [header, production].contains(&cell.bg)), "a hole in the header");
    }

    #[test]
    fn key_hints_stand_closer_before_any_of_them_leaves() {
        let bar = Bar {
            left: vec![hint(1, "l", "logs"), hint(2, "x", "explain"), hint(3, "d", "difference"), hint(4, "Y", "copy as text"), hint(0, "Esc", "background")],
            right: vec![hint(0, "?", "all keys")],
            ..Bar::default()
        };
        insta::assert_snapshot!(shown(&bar, 80), @" l logs  x explain  d difference  Y copy as text  Esc background     ? all keys");
        insta::assert_snapshot!(shown(&bar, 60), @" l logs   x explain   Esc background             ? all keys");
        insta::assert_snapshot!(shown(&bar, 40), @" l logs   Esc background     ? all keys");
    }
}
