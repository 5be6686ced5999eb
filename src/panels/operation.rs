//! A procedure: being drawn.
use crate::{
    app::{App, Effect, OperationKey, Subject},
    keys::Action,
};
use ratatui::{buffer::Buffer, layout::Rect};
/// A wish.
pub fn act(_: &mut App, _: OperationKey, _: Action) -> Option<Vec<Effect>> {
    None
}
/// What it is about.
pub fn subject(app: &App, key: OperationKey) -> Subject {
    app.operations.get(key).map_or(Subject::Nothing, |running| Subject::Workload(running.procedure.case.workload.id.clone()))
}
/// Draws.
pub fn draw(_: &App, _: OperationKey, _: &mut Buffer, _: Rect) {}
