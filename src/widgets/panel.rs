//! The box around a panel: title and counts in its upper edge, legend and note in its lower one.

use super::{Align, Line, Piece, draw_line, join, line_width};
use crate::theme::{Role, Theme};
use ratatui::{buffer::Buffer, layout::Rect};

/// How a box is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// A panel among others.
    #[default]
    Plain,
    /// The panel that has the keys.
    Focus,
    /// Whatever changes production: a double line, so that it differs without colour too.
    Production,
}

struct Strokes {
    corners: [&'static str; 4],
    across: &'static str,
    down: &'static str,
}

const ROUND: Strokes = Strokes { corners: ["╭", "╮", "╰", "╯"], across: "─", down: "│" };
const DOUBLE: Strokes = Strokes { corners: ["╔", "╗", "╚", "╝"], across: "═", down: "║" };

/// A gap in the lower edge shorter than this stays blank: a few strokes between words would read as a dash.
const SHORTEST_STROKE: usize = 6;

impl Edge {
    const fn strokes(self) -> &'static Strokes {
        match self {
            Self::Plain | Self::Focus => &ROUND,
            Self::Production => &DOUBLE,
        }
    }

    const fn role(self) -> Role {
        match self {
            Self::Plain => Role::Border,
            Self::Focus => Role::BorderFocus,
            Self::Production => Role::Production,
        }
    }
}

/// A box. What does not fit leaves whole: counts and legend from their ends, then the note; the title is cut last.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// Upper left: `1 Environments`.
    pub title: Line,
    /// Upper right, joined by ` · `: `14 services`, `1 stuck`.
    pub counts: Vec<Line>,
    /// Lower left, three cells apart: what the signs mean.
    pub legend: Vec<Line>,
    /// Lower right: `4 more below`.
    pub note: Line,
    /// How the box is drawn.
    pub edge: Edge,
}

impl Panel {
    /// A box with a title.
    pub fn new(title: Line) -> Self {
        Self { title, ..Self::default() }
    }

    /// The space for contents: one row inside the edges, two columns inside.
    pub fn inner(area: Rect) -> Rect {
        let (dx, dy) = (2.min(area.width / 2), 1.min(area.height / 2));
        Rect { x: area.x + dx, y: area.y + dy, width: area.width - 2 * dx, height: area.height.saturating_sub(2 * dy) }
    }

    /// Draws the box, empties it, and answers [`Panel::inner`].
    pub fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) -> Rect {
        let area = area.intersection(buf.area);
        super::clear(buf, area, theme);
        if area.width < 2 || area.height < 2 {
            draw_line(buf, area, &self.title, Align::Left, theme);
            return Rect { height: 0, ..area };
        }
        let width = usize::from(area.width) - 2;
        draw_line(buf, area, &self.upper(width), Align::Left, theme);
        draw_line(buf, Rect { y: area.bottom() - 1, height: 1, ..area }, &self.lower(width), Align::Left, theme);
        let (side, style) = (self.edge.strokes().down, theme.style(self.edge.role()));
        for y in area.y + 1..area.bottom() - 1 {
            buf[(area.x, y)].set_symbol(side).set_style(style);
            buf[(area.right() - 1, y)].set_symbol(side).set_style(style);
        }
        Self::inner(area)
    }

    fn stroke(&self, count: usize) -> Piece {
        Piece::repeated(self.edge.role(), self.edge.strokes().across, count)
    }

    /// `─ title ──── counts ─`, with room for one stroke between the two.
    fn upper(&self, width: usize) -> Line {
        let left = self.led(&super::cut(&self.title, width.saturating_sub(3)));
        let room = width.saturating_sub(line_width(&left) + 1);
        let right = most(&self.counts, &Piece::new(Role::Dim, " · "), room, |counts| [apart(counts), vec![self.stroke(1)]].concat());
        let fill = self.stroke(width.saturating_sub(line_width(&left) + line_width(&right)));
        self.between([0, 1], [left, vec![fill], right].concat())
    }

    /// `─ legend   legend ──── note ───`.
    fn lower(&self, width: usize) -> Line {
        let note = if self.note.is_empty() { Line::new() } else { [apart(&self.note), vec![self.stroke(3)]].concat() };
        let right = if line_width(&note) < width { note } else { Line::new() };
        let room = width.saturating_sub(line_width(&right) + 1);
        let left = most(&self.legend, &Piece::blank(3), room, |legend| self.led(legend));
        let gap = width.saturating_sub(line_width(&left) + line_width(&right));
        let blank = gap < SHORTEST_STROKE && !left.is_empty() && !right.is_empty();
        let fill = if blank { Piece::blank(gap) } else { self.stroke(gap) };
        self.between([2, 3], [left, vec![fill], right].concat())
    }

    /// `label` as it stands at the left end of an edge.
    fn led(&self, label: &[Piece]) -> Line {
        if label.is_empty() { Line::new() } else { [vec![self.stroke(1)], apart(label)].concat() }
    }

    fn between(&self, corners: [usize; 2], line: Line) -> Line {
        let [left, right] = corners.map(|corner| Piece::new(self.edge.role(), self.edge.strokes().corners[corner]));
        [vec![left], line, vec![right]].concat()
    }
}

fn apart(label: &[Piece]) -> Line {
    [&[Piece::blank(1)], label, &[Piece::blank(1)]].concat()
}

/// As many of `parts`, from the first, as fit into `room` once `frame` has been put around them.
fn most(parts: &[Line], between: &Piece, room: usize, frame: impl Fn(&[Piece]) -> Line) -> Line {
    (1..=parts.len()).rev().map(|count| frame(&join(parts[..count].iter().cloned(), between))).find(|line| line_width(line) <= room).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{drawn, theme};
    use super::*;
    use crate::line;

    fn environments() -> Panel {
        Panel {
            title: line![(Role::Title, "1 Environments")],
            counts: vec![line!["14 services"], line!["1 stuck"], line!["1 rolling"], line!["12 ok"], line!["problems first"]],
            legend: vec![
                line!["✓ ok"],
                line!["↻ rolling"],
                line!["✗ stuck, failing or down"],
                line!["? stale"],
                line!["≠ same version, other image"],
                line!["– absent"],
            ],
            note: line!["4 more below"],
            edge: Edge::Plain,
        }
    }

    fn shown(panel: &Panel, width: u16, height: u16) -> String {
        drawn(width, height, |buf, area| {
            panel.draw(buf, area, &theme());
        })
    }

    #[test]
    fn the_box_of_the_matrix_at_120_columns() {
        insta::assert_snapshot!(shown(&environments(), 120, 3), @"
        ╭─ 1 Environments ──────────────────────────────────────── 14 services · 1 stuck · 1 rolling · 12 ok · problems first ─╮
        │                                                                                                                      │
        ╰─ ✓ ok   ↻ rolling   ✗ stuck, failing or down   ? stale   ≠ same version, other image   – absent      4 more below ───╯
        ");
    }

    #[test]
    fn counts_and_legend_leave_whole_from_their_ends() {
        insta::assert_snapshot!(shown(&environments(), 46, 2), @"
        ╭─ 1 Environments ─── 14 services · 1 stuck ─╮
        ╰─ ✓ ok   ↻ rolling ──────── 4 more below ───╯
        ");
        insta::assert_snapshot!(shown(&environments(), 20, 2), @"
        ╭─ 1 Environments ─╮
        ╰─ 4 more below ───╯
        ");
        insta::assert_snapshot!(shown(&environments(), 10, 2), @"
        ╭─ 1 En… ╮
        ╰─ ✓ ok ─╯
        ");
    }

    #[test]
    fn production_differs_without_colour() {
        let panel = Panel { edge: Edge::Production, ..Panel::new(line!["Roll back cart"]) };
        insta::assert_snapshot!(shown(&panel, 24, 3), @"
        ╔═ Roll back cart ═════╗
        ║                      ║
        ╚══════════════════════╝
        ");
    }

    #[test]
    fn contents_never_reach_the_edges() {
        assert_eq!(Panel::inner(Rect::new(3, 4, 20, 10)), Rect::new(5, 5, 16, 8));
        for (width, height) in [(0, 0), (1, 1), (2, 2), (3, 9)] {
            assert_eq!(Panel::inner(Rect::new(0, 0, width, height)).intersection(Rect::new(0, 0, width, height)), Panel::inner(Rect::new(0, 0, width, height)));
        }
    }
}
