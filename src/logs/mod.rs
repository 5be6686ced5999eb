//! What was said: lines of many streams, bounded, merged by time, searched without copying. Pure: it asks nobody for the time or for bytes.
//!
//! ```text
//! bytes ─► line::parse ─► Buffer ─► page (rows of a screen, e/E, times)
//!             ▲              └────► Snapshot ─► Hits, Alike   (elsewhere, with a stop flag)
//!          Resume: what of a repeated answer is new
//! ```
//!
//! Each stream keeps its lines in blocks in the order of time; the merged order is walked, never stored. A line costs its bytes and 13 more.

mod alike;
mod buffer;
pub mod line;
mod query;
mod resume;
mod search;
mod segment;
mod shape;
mod stream;
mod view;
mod walk;

#[cfg(test)]
mod tests;

pub use alike::{Alike, Before};
pub use buffer::{Buffer, Caps, Line, LineId, Spot};
pub use query::{Query, QueryError};
pub use resume::Resume;
pub use search::{Hits, Snapshot};
pub use shape::{shape, shape_hash};
pub use view::{Anchor, Fold, Page, Row, Sidecars, View, page};
pub use walk::{Towards, Walk};
