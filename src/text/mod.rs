//! Text that came from outside, made harmless: nothing else may reach a terminal.
//!
//! [`Raw`] is what was received, opaque; [`Clean`] is what may be shown, [`Painted`] the same with a log's own colours.
//! [`redact`] masks secrets, [`width`] measures, [`fit`] cuts, and [`age`] and its neighbours say numbers.

mod clean;
mod name;
mod painted;
mod raw;
mod redact;
mod secret;
mod sieve;
mod width;
mod wording;

#[cfg(test)]
mod tests;

pub use clean::Clean;
pub use name::Name;
pub use painted::{Hue, Paint, Painted, Span, parts};
pub use raw::Raw;
pub use redact::{Redactor, redact};
pub use secret::secret;
pub use width::{fit, fit_middle, pad, pad_left, width};
pub use wording::{age, age_in_words, bytes, clock, cores, count, latency, percent, took};

/// Harmless text from a format string: whatever the arguments hold, the result is cleaned.
#[macro_export]
macro_rules! clean {
    ($($arg:tt)*) => { $crate::text::Clean::from_untrusted(&format!($($arg)*)) };
}
