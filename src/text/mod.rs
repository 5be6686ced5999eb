//! Text that came from outside, made harmless: nothing else may reach a terminal.
//!
//! [`Raw`] is what was received, opaque; [`Clean`] is what may be shown.

mod clean;
mod name;
mod raw;

pub use clean::Clean;
pub use name::Name;
pub use raw::Raw;

/// Harmless text from a format string: whatever the arguments hold, the result is cleaned.
#[macro_export]
macro_rules! clean {
    ($($arg:tt)*) => { $crate::text::Clean::from_untrusted(&format!($($arg)*)) };
}
