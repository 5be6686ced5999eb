//! Rows that belong to rows: a pod and its containers, a run and its jobs.

use super::{Piece, sign};
use crate::theme::Role;

/// Whether a row hides rows of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// It has none.
    Leaf,
    /// They are shown below it.
    Open,
    /// They are hidden.
    Closed,
}

/// What to draw before each row, given its depth and fold, top to bottom: `▾ `, `├─ `, `└─ `, and lines through to later siblings.
pub fn guides(rows: &[(usize, Fold)]) -> Vec<Vec<Piece>> {
    (0..rows.len()).map(|row| guide(rows, row)).collect()
}

fn guide(rows: &[(usize, Fold)], row: usize) -> Vec<Piece> {
    let (depth, fold) = rows[row];
    let goes_on = |level: usize| rows[row + 1..].iter().take_while(|(other, _)| *other >= level).any(|(other, _)| *other == level);
    let mut guide = String::new();
    for level in 1..=depth {
        guide.push_str(match (level == depth, goes_on(level)) {
            (true, true) => "├─ ",
            (true, false) => "└─ ",
            (false, true) => "│  ",
            (false, false) => "   ",
        });
    }
    let folded = match fold {
        Fold::Leaf => "",
        Fold::Open => sign::OPEN,
        Fold::Closed => sign::HERE,
    };
    let mut pieces = vec![Piece::new(Role::Faint, crate::clean!("{guide}"))];
    if !folded.is_empty() {
        pieces.push(Piece::new(Role::Dim, crate::clean!("{folded} ")));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;

    #[test]
    fn guides_join_what_belongs_together() {
        let rows = [(0, Fold::Open), (1, Fold::Open), (2, Fold::Leaf), (2, Fold::Leaf), (1, Fold::Closed), (0, Fold::Leaf)];
        let drawn: Vec<_> = guides(&rows).iter().map(|guide| plain(guide)).collect();
        assert_eq!(drawn, ["▾ ", "├─ ▾ ", "│  ├─ ", "│  └─ ", "└─ ▸ ", ""]);
    }
}
