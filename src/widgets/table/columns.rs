//! Columns as data, and how they share the width.

use super::super::{Align, Line};
use crate::{text::Clean, theme::Role};
use ratatui::layout::Rect;

/// How wide a column is, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Always so wide.
    Fixed(u16),
    /// As wide as its contents, within these bounds.
    Between(u16, u16),
    /// At least so wide; what nobody else needs goes to these columns, in proportion to the second number.
    Fill(u16, u16),
}

/// How a cell is made from a row.
pub enum Show<R> {
    /// From the row alone.
    Row(fn(&R) -> Line),
    /// From one of several equal parts of the row, for columns that are only known at run time (one per environment).
    Part(fn(&R, usize) -> Line, usize),
}

/// The direction of sorting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Up,
    /// Largest first.
    Down,
}

impl Order {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Up => " ↑",
            Self::Down => " ↓",
        }
    }
}

/// One column: what it is called, what it shows, and when it leaves.
pub struct Column<R> {
    /// In the row of titles.
    pub title: Clean,
    /// How the title is drawn: production's column says so.
    pub head: Role,
    /// Its width.
    pub width: Width,
    /// Where its contents stand.
    pub align: Align,
    /// The highest leaves first when the terminal narrows; 0 never does.
    pub priority: u8,
    /// What it shows.
    pub show: Show<R>,
}

impl<R> Column<R> {
    /// A column at the left edge that never leaves.
    pub const fn new(title: &'static str, width: Width, cell: fn(&R) -> Line) -> Self {
        Self { title: Clean::from_static(title), head: Role::Dim, width, align: Align::Left, priority: 0, show: Show::Row(cell) }
    }

    /// The cell of `row`.
    pub fn cell(&self, row: &R) -> Line {
        match self.show {
            Show::Row(cell) => cell(row),
            Show::Part(cell, part) => cell(row, part),
        }
    }
}

/// Where a column stands within its row.
pub(super) struct Placed {
    pub column: usize,
    pub x: u16,
    pub width: u16,
}

impl Placed {
    pub fn rect(&self, row: Rect) -> Rect {
        Rect { x: row.x + self.x, width: self.width, ..row }
    }
}

/// Cells between two columns.
const GAP: u16 = 2;

/// Chooses the columns that fit by their priority, and gives each its width. `natural` is how wide a column's contents are.
pub(super) fn place<R>(columns: &[Column<R>], width: u16, natural: impl Fn(&Column<R>) -> usize) -> Vec<Placed> {
    let chosen = fitting(columns, width);
    let mut widths: Vec<u16> = chosen.iter().map(|&column| least(columns[column].width)).collect();
    let gaps = GAP * u16::try_from(chosen.len().saturating_sub(1)).unwrap_or(0);
    let mut free = width.saturating_sub(widths.iter().sum::<u16>().saturating_add(gaps));
    for (at, &column) in chosen.iter().enumerate() {
        if let Width::Between(_, most) = columns[column].width {
            let wanted = u16::try_from(natural(&columns[column])).unwrap_or(u16::MAX).min(most);
            let more = wanted.saturating_sub(widths[at]).min(free);
            widths[at] += more;
            free -= more;
        }
    }
    share(columns, &chosen, &mut widths, free);
    positions(&chosen, &widths, width)
}

const fn least(width: Width) -> u16 {
    match width {
        Width::Fixed(cells) | Width::Between(cells, _) | Width::Fill(cells, _) => cells,
    }
}

/// The columns that have room, by their priority.
pub fn fitting<R>(columns: &[Column<R>], width: u16) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    let needed = |chosen: &[usize]| chosen.iter().map(|&column| u32::from(least(columns[column].width) + GAP)).sum::<u32>().saturating_sub(u32::from(GAP));
    while needed(&chosen) > u32::from(width) {
        let Some(leaving) = (0..chosen.len()).rev().filter(|&at| columns[chosen[at]].priority > 0).max_by_key(|&at| (columns[chosen[at]].priority, at)) else {
            break;
        };
        chosen.remove(leaving);
    }
    chosen
}

fn share<R>(columns: &[Column<R>], chosen: &[usize], widths: &mut [u16], free: u16) {
    let weight = |column: usize| match columns[column].width {
        Width::Fill(_, weight) => u32::from(weight.max(1)),
        Width::Fixed(_) | Width::Between(..) => 0,
    };
    let mut weights: u32 = chosen.iter().map(|&column| weight(column)).sum();
    let mut left = u32::from(free);
    for (at, &column) in chosen.iter().enumerate().filter(|(_, column)| weight(**column) > 0) {
        let part = left * weight(column) / weights;
        widths[at] += part as u16;
        left -= part;
        weights -= weight(column);
    }
}

/// Left to right; where not even the columns that never leave fit, the last is narrowed and those beyond it are left out.
fn positions(chosen: &[usize], widths: &[u16], width: u16) -> Vec<Placed> {
    let mut x = 0;
    let mut placed = Vec::new();
    for (&column, &wide) in chosen.iter().zip(widths) {
        if x >= width {
            break;
        }
        placed.push(Placed { column, x, width: wide.min(width - x) });
        x = x.saturating_add(wide).saturating_add(GAP);
    }
    placed
}
