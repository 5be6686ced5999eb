//! Numbers as pictures: sparklines and progress bars.

use super::{Line, Piece, sign};
use crate::theme::Role;

/// From where on a value is worth a colour. Both in the value's own unit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From here on it warns.
    pub warn: f64,
    /// From here on it is critical.
    pub critical: f64,
}

impl Limits {
    /// No value is worth a colour.
    pub const NONE: Self = Self { warn: f64::INFINITY, critical: f64::INFINITY };

    /// What `value` means; not a number is unknown, never good.
    pub fn role(self, value: f64) -> Role {
        if value.is_nan() {
            Role::Unknown
        } else if value >= self.critical {
            Role::Critical
        } else if value >= self.warn {
            Role::Warn
        } else {
            Role::Text
        }
    }
}

/// The last `cells` values, oldest first; `·` where nothing was measured. `top` is the value of a full block:
/// give several sparklines the same one to make them comparable, and never less than the limit, or noise looks like fire.
pub fn spark(values: &[Option<f64>], cells: usize, top: f64, limits: Limits) -> Line {
    let known = &values[values.len().saturating_sub(cells)..];
    let silent = std::iter::repeat_n(None, cells - known.len());
    let mut line = Line::new();
    for (role, glyph) in silent.chain(known.iter().copied()).map(|value| block(value, top, limits)) {
        match line.last_mut() {
            Some(last) if last.role == role => last.text = crate::clean!("{}{glyph}", last.text),
            _ => line.push(Piece::new(role, glyph)),
        }
    }
    line
}

fn block(value: Option<f64>, top: f64, limits: Limits) -> (Role, &'static str) {
    let Some(value) = value.filter(|value| value.is_finite()) else { return (Role::Unknown, sign::IDLE) };
    let share = if top > 0.0 { value / top } else { 0.0 };
    let level = (share * 8.0).clamp(0.0, 7.0);
    // Clamped to 0..=7 above, so that the cast neither wraps nor points outside.
    (limits.role(value), sign::SPARK[level as usize])
}

/// `done` of `of` in `cells` cells: `━━━━━─────`. It is full only when everything is done, and empty only when nothing is.
pub fn bar(done: f64, of: f64, cells: usize) -> Line {
    let share = if of > 0.0 && done.is_finite() { (done / of).clamp(0.0, 1.0) } else { 0.0 };
    let mut full = (share * cells as f64).round() as usize;
    if share < 1.0 {
        full = full.min(cells.saturating_sub(1));
    }
    if share > 0.0 && cells > 1 {
        full = full.max(1);
    }
    vec![Piece::repeated(Role::BarDone, sign::BAR_DONE, full), Piece::repeated(Role::BarTodo, sign::BAR_TODO, cells - full)]
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;

    #[test]
    fn a_sparkline_shows_height_and_says_where_nothing_was_measured() {
        let values: Vec<_> = [0.0, 0.0, 1.0, 2.5, 5.0, 9.9, 10.0, 99.0].into_iter().map(Some).collect();
        assert_eq!(plain(&spark(&values, 10, 10.0, Limits::NONE)), "··▁▁▁▃▅███");
        assert_eq!(plain(&spark(&[Some(1.0), None, Some(f64::NAN), Some(-3.0)], 4, 8.0, Limits::NONE)), "▂··▁");
        assert_eq!(plain(&spark(&values, 3, 10.0, Limits::NONE)), "███");
    }

    #[test]
    fn values_over_a_limit_change_colour() {
        let limits = Limits { warn: 5.0, critical: 8.0 };
        let line = spark(&[Some(1.0), Some(2.0), Some(6.0), Some(9.0)], 4, 8.0, limits);
        assert_eq!(line.iter().map(|piece| piece.role).collect::<Vec<_>>(), [Role::Text, Role::Warn, Role::Critical]);
    }

    #[test]
    fn a_bar_is_full_only_when_everything_is_done() {
        assert_eq!(plain(&bar(5.0, 6.0, 31)), format!("{}{}", "━".repeat(26), "─".repeat(5)));
        assert_eq!(plain(&bar(999.0, 1000.0, 10)), "━━━━━━━━━─");
        assert_eq!(plain(&bar(1.0, 1000.0, 10)), "━─────────");
        assert_eq!(plain(&bar(0.0, 10.0, 4)), "────");
        assert_eq!(plain(&bar(7.0, 5.0, 4)), "━━━━");
        assert_eq!(plain(&bar(1.0, 0.0, 4)), "────", "of nothing, nothing is done");
        assert_eq!(plain(&bar(1.0, 2.0, 0)), "");
    }
}
