//! The nouns of the field. No tokio, no ratatui, no network, no clock.

mod id;

pub use id::{Id, SourceId};
