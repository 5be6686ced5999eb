//! The signs that states are drawn with, and how they look where only ASCII is safe.

use ratatui::buffer::{Buffer, CellWidth};

/// The signs by name. A state is always sign, word and colour together.
pub mod sign {
    /// Well.
    pub const OK: &str = "✓";
    /// On its way to another version.
    pub const ROLLING: &str = "↻";
    /// Stuck, failing or down.
    pub const BAD: &str = "✗";
    /// Stale or unknown.
    pub const STALE: &str = "?";
    /// The same version, another image.
    pub const DIFFERS: &str = "≠";
    /// Not there.
    pub const ABSENT: &str = "–";
    /// Nothing yet, nothing measured, not connected.
    pub const IDLE: &str = "·";
    /// A critical alert.
    pub const CRITICAL: &str = "▲";
    /// A warning.
    pub const WARNING: &str = "△";
    /// A source that answers.
    pub const LINK_OK: &str = "●";
    /// A source of which a part answers.
    pub const LINK_PART: &str = "◐";
    /// A source that does not answer.
    pub const LINK_DOWN: &str = "○";
    /// Demands attention in a list of things left open.
    pub const ATTENTION: &str = "!";
    /// The row under the cursor; also a closed branch.
    pub const HERE: &str = "▸";
    /// An open branch.
    pub const OPEN: &str = "▾";
    /// From one version to the next.
    pub const TO: &str = "→";
    /// Text that goes on beyond its space.
    pub const MORE: &str = "…";
    /// How often a line was repeated.
    pub const TIMES: &str = "×";
    /// Sorted upwards.
    pub const UP: &str = "↑";
    /// Sorted downwards.
    pub const DOWN: &str = "↓";
    /// Marks a moment under a sparkline.
    pub const TICK: &str = "╵";
    /// A marked cell.
    pub const MARKED: &str = "•";
    /// One masked character.
    pub const MASK: &str = "•";
    /// The done part of a bar.
    pub const BAR_DONE: &str = "━";
    /// The part of a bar still to do; also the line of a marker across the logs.
    pub const BAR_TODO: &str = "─";
    /// The eight heights of a sparkline, lowest first.
    pub const SPARK: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
}

/// Which characters the terminal can be trusted with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Box drawing, blocks and signs, each one cell wide.
    #[default]
    Unicode,
    /// Letters and punctuation only: a locale that is not UTF-8, or a terminal that draws a box character two cells wide.
    Ascii,
}

/// One for one, so that no layout depends on the set.
const ASCII: &[(&str, &str)] = &[
    ("✓", "+"),
    ("↻", "~"),
    ("✗", "x"),
    ("≠", "#"),
    ("–", "-"),
    ("—", "-"),
    ("·", "."),
    ("▲", "!"),
    ("△", "^"),
    ("●", "*"),
    ("◐", "%"),
    ("○", "o"),
    ("▸", ">"),
    ("▾", "v"),
    ("→", ">"),
    ("←", "<"),
    ("…", "~"),
    ("×", "x"),
    ("↑", "^"),
    ("↓", "v"),
    ("╵", "'"),
    ("•", "*"),
    ("━", "="),
    ("─", "-"),
    ("│", "|"),
    ("╭", "+"),
    ("╮", "+"),
    ("╰", "+"),
    ("╯", "+"),
    ("═", "="),
    ("║", "|"),
    ("╔", "#"),
    ("╗", "#"),
    ("╚", "#"),
    ("╝", "#"),
    ("├", "|"),
    ("└", "`"),
    ("▁", "_"),
    ("▂", ","),
    ("▃", "-"),
    ("▄", "~"),
    ("▅", "="),
    ("▆", "+"),
    ("▇", "*"),
    ("█", "#"),
    ("≤", "<"),
    ("≥", ">"),
    ("“", "\""),
    ("”", "\""),
    ("‘", "'"),
    ("’", "'"),
];

impl Glyphs {
    /// Makes a finished frame safe for this set: our signs one for one, foreign characters as `?`, each as wide as before.
    pub fn settle(self, buf: &mut Buffer) {
        match self {
            Self::Unicode => {}
            Self::Ascii => buf.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()).for_each(|cell| {
                let safe = ASCII.iter().find(|(from, _)| *from == cell.symbol()).map_or("?", |(_, to)| to);
                let wide = cell.symbol().cell_width() > 1;
                cell.set_symbol(if wide { "? " } else { safe });
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn every_sign_has_an_ascii_face_of_one_cell() {
        for (from, to) in ASCII {
            assert_eq!((from.cell_width(), to.len()), (1, 1), "{from} becomes {to}");
        }
        let named =
            [sign::OK, sign::ROLLING, sign::BAD, sign::DIFFERS, sign::ABSENT, sign::CRITICAL, sign::WARNING, sign::LINK_OK, sign::LINK_PART, sign::LINK_DOWN];
        let faces: Vec<_> = named.iter().map(|sign| ASCII.iter().find(|(from, _)| from == sign).expect("listed").1).collect();
        let distinct: std::collections::BTreeSet<_> = faces.iter().collect();
        assert_eq!(distinct.len(), faces.len(), "two states would look alike: {faces:?}");
    }

    #[test]
    fn an_ascii_frame_holds_ascii_only_and_keeps_its_shape() {
        let mut buf = Buffer::with_lines(["╭─ ✓ 漢字 é ─╮"]);
        Glyphs::Ascii.settle(&mut buf);
        assert_eq!(super::super::tests::text(&buf), "+- + ?  ?   ? -+");
        assert_eq!(buf.area, Rect::new(0, 0, 14, 1));
    }
}
