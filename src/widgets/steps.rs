//! What has to happen one after the other, each with its state, its words and its clock.

use super::{Align, Line, Piece, draw_line, line_width, pad};
use crate::{
    text::Clean,
    theme::{Role, Theme},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// One step: `✓ sent       accepted in 21 ms, once        0:00`.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its state.
    pub sign: Piece,
    /// Its name, a word.
    pub name: Clean,
    /// What is to say about it now.
    pub says: Line,
    /// When it ended, or nothing.
    pub time: Clean,
}

/// Cells for a step's name with the gap after it.
const NAME: usize = 11;

impl Step {
    /// The step in `width` cells: its time stands at the right edge and leaves before the words are cut.
    pub fn line(&self, width: usize) -> Line {
        let left = [vec![self.sign.clone(), Piece::blank(1)], pad(&[Piece::new(Role::Text, self.name.clone())], NAME, Align::Left), self.says.clone()].concat();
        let time = vec![Piece::new(Role::Dim, self.time.clone())];
        let free = width.saturating_sub(line_width(&left) + line_width(&time));
        if self.time.is_empty() || free < 2 { left } else { [left, vec![Piece::blank(free)], time].concat() }
    }
}

/// Draws as many steps as `area` has rows.
pub fn draw_steps(buf: &mut Buffer, area: Rect, steps: &[Step], theme: &Theme) {
    for (row, step) in area.rows().zip(steps) {
        draw_line(buf, row, &step.line(usize::from(area.width)), Align::Left, theme);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        bar,
        tests::{drawn, theme},
    };
    use super::*;
    use crate::line;

    #[test]
    fn the_steps_of_a_rollback_under_way() {
        let step =
            |sign: &'static str, name: &'static str, says: Line, time: &'static str| Step { sign: sign.into(), name: name.into(), says, time: time.into() };
        let steps = [
            step("✓", "sent", line!["accepted in 21 ms, once"], "0:00"),
            step("↻", "pods", [bar(5.0, 6.0, 31), line!["  5 of 6 ready on 2.7.3"]].concat(), ""),
            step("·", "alert", line!["CartErrorRate fires 4m, clears about 2 min after the errors"], ""),
        ];
        let shown = |width| drawn(width, 3, |buf, area| draw_steps(buf, area, &steps, &theme()));
        insta::assert_snapshot!(shown(74), @"
        ✓ sent       accepted in 21 ms, once                                  0:00
        ↻ pods       ━━━━━━━━━━━━━━━━━━━━━━━━━━─────  5 of 6 ready on 2.7.3
        · alert      CartErrorRate fires 4m, clears about 2 min after the errors
        ");
        insta::assert_snapshot!(shown(36), @"
        ✓ sent       accepted in 21 ms, once
        ↻ pods       ━━━━━━━━━━━━━━━━━━━━━━…
        · alert      CartErrorRate fires 4m…
        ");
    }
}
