//! What panels are made of: lines of pieces, boxes, tables, bars, inputs, log and text views.
//!
//! Nothing here knows the domain. Every drawing is a pure function of its input, writes only inside its area,
//! and takes any size down to 0×0. Panels speak in [`Line`]s: a [`Piece`] is harmless text and a role, and the theme
//! says how a role looks. The glyphs are drawn in Unicode; [`Glyphs::settle`] makes a whole frame ASCII where a terminal needs that.

mod bar;
mod field;
mod fuzzy;
mod glyphs;
mod line;
mod log_view;
mod paint;
mod panel;
mod popup;
mod selection;
mod spark;
mod steps;
mod table;
mod text_view;
mod tree;

#[cfg(test)]
mod tests;

pub use bar::{Bar, Part, hint};
pub use field::{Edit, Field, Look, prompt};
pub use fuzzy::{Choice, Found, Picker, palette, rank};
pub use glyphs::{Glyphs, sign};
pub use line::{Align, Line, Piece, cut, highlight, join, line_width, pad, plain, skip, slice, width, wrap};
pub use log_view::{Anchor, LogRow, LogView};
pub use paint::{clear, draw_line, draw_line_on, draw_lines};
pub use panel::{Edge, Panel};
pub use popup::{centred, dim, popup};
pub use selection::Selection;
pub use spark::{Limits, bar, spark};
pub use steps::{Step, draw_steps};
pub use table::{Below, Column, Cursor, Order, Show, Table, Width, fitting, viewport};
pub use text_view::{Hit, TextView, find};
pub use tree::{Fold, guides};

pub use crate::line;
