//! Why it is broken (`x`): being drawn.
use crate::{
    app::{App, Effect, Explain},
    keys::Action,
};
use ratatui::{buffer::Buffer, layout::Rect};
/// A wish.
pub fn act(_: &mut App, _: &mut Explain, _: Action) -> Option<Vec<Effect>> {
    None
}
/// Draws.
pub fn draw(_: &App, _: &Explain, _: &mut Buffer, _: Rect) {}
