//! Keys, chords and the keymap: which wish a key stands for, and in which layer.
//!
//! A leaf: it knows neither the terminal nor the panels. A key typed becomes a [`Key`], the [`Keymap`] turns it into an [`Action`].

mod action;
mod key;
mod keymap;
mod layer;
mod read;

pub use action::{Action, Group};
pub use key::{BadKey, Chord, Key, KeyCode};
pub use keymap::{Help, Keymap, Resolution};
pub use layer::Layer;

use std::ops::Range;

/// What is wrong with a keymap, with its remedy, and the bytes of the text that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where in the text.
    pub span: Range<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

/// The built-in keymap as its commented file, to be copied and changed.
pub const DEFAULT: &str = include_str!("../../config/keys.toml");

#[cfg(test)]
mod tests;
