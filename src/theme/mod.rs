//! Themes: from a role to a style. Widgets ask for a [`Role`] and never name a colour.
//!
//! A theme is a text: `inherits`, a `[palette]` of names and `[roles]` that use them. Reading files is the caller's.

mod colour;
mod k9s;
mod read;
mod role;

pub use colour::Depth;
pub use k9s::from_k9s;
pub use role::Role;

use ratatui::style::{Color, Style};
use std::ops::Range;

/// The themes that are built in, by name: the first is the one that is taken where the terminal allows it.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../themes/colour-blind.toml")),
    ("16-colours", include_str!("../../themes/16-colours.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// What is wrong with a theme, with its remedy, and the bytes of the text that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The theme whose text it is: the one asked for or one that it inherits.
    pub theme: String,
    /// Where in that text.
    pub span: Range<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

/// A style for every role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    styles: [Style; Role::COUNT],
}

impl Default for Theme {
    fn default() -> Self {
        Self::read("dark", &|_| None).expect("the built-in themes are whole: a test reads each of them")
    }
}

impl Theme {
    /// The theme called `name`, which may inherit others. `own` gives the text of a user's theme, which goes before a built-in one.
    ///
    /// # Errors
    /// All that is wrong with its text or with one that it inherits.
    pub fn read(name: &str, own: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<Fault>> {
        read::read(name, own).map(|styles| Self { styles })
    }

    /// How that role is drawn.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// The same theme in the colours that a terminal has. Without colours it is the one that needs none: attributes carry what colours did.
    #[must_use]
    pub fn at(self, depth: Depth) -> Self {
        if depth == Depth::None {
            return Self::read("mono", &|_| None).expect("the built-in themes are whole: a test reads each of them");
        }
        self.map(|colour| depth.nearest(colour))
    }

    fn map(mut self, colour: impl Fn(Color) -> Color) -> Self {
        for style in &mut self.styles {
            style.fg = style.fg.map(&colour);
            style.bg = style.bg.map(&colour);
        }
        self
    }
}

#[cfg(test)]
mod tests;
