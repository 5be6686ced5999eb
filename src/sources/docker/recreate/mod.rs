//! Containers taken back: plain ones, and those of a compose service. No engine keeps a history of them, and none changes the image of a
//! container: so one is made anew, the same but for its image, and takes the place of the one that runs.
//!
//! What ran before is known from three sides: the containers that an earlier exchange has kept, the journal's own record of what was seen
//! healthy, and the images of the same repository that are still on the engine. A revision here is an image, by its id: the settings of the
//! container stay as they are.

mod act;
mod body;
mod checks;
mod config;
mod exchange;
mod group;
mod history;
pub mod names;

pub use act::carry_out;
pub use checks::prepare;
pub use history::{answer, known, revision, subject};

use crate::{domain::Image, text::Name};

/// Whether what the reference names changes over time.
fn moves(reference: &str) -> bool {
    Image { container: Name::default(), reference: Name::new(reference), digest: None }.moves()
}
