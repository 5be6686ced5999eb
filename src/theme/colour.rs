//! Colours as a terminal has them.

use ratatui::style::Color;

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// None, or none are wanted (`NO_COLOR`): attributes alone.
    None,
    /// The sixteen of the terminal's own palette.
    Ansi16,
    /// The 6×6×6 cube and the greys.
    Indexed256,
    /// 24 bits.
    TrueColour,
}

/// Terminals without colours, and those whose name alone says that they have all of them (`COLORTERM` does not cross SSH).
const NO_COLOURS: &[&str] = &["", "dumb", "vt52", "vt100", "vt102", "vt220", "unknown"];
const ALL_COLOURS: &[&str] = &["kitty", "alacritty", "foot", "wezterm", "ghostty", "-direct", "contour"];

impl Depth {
    /// What the values of `NO_COLOR`, `TERM` and `COLORTERM` say. A `NO_COLOR` that is empty says nothing.
    pub fn of(no_color: Option<&str>, term: Option<&str>, colorterm: Option<&str>) -> Self {
        let term = term.unwrap_or_default();
        if no_color.is_some_and(|value| !value.is_empty()) || NO_COLOURS.contains(&term) {
            return Self::None;
        }
        if matches!(colorterm, Some("truecolor" | "24bit")) || ALL_COLOURS.iter().any(|name| term.contains(name)) {
            return Self::TrueColour;
        }
        if term.contains("256color") { Self::Indexed256 } else { Self::Ansi16 }
    }

    /// The built-in theme to take at this depth when the user named none.
    pub const fn theme(self) -> &'static str {
        match self {
            Self::None => "mono",
            Self::Ansi16 => "16-colours",
            Self::Indexed256 | Self::TrueColour => "dark",
        }
    }

    /// The nearest colour that can be shown.
    pub fn nearest(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::None, _) => Color::Reset,
            (Self::Indexed256, Color::Rgb(r, g, b)) => Color::Indexed(nearest_of(16..=255, (r, g, b))),
            (Self::Ansi16, Color::Rgb(r, g, b)) => ANSI[usize::from(nearest_of(0..=15, (r, g, b)))],
            (Self::Ansi16, Color::Indexed(i)) => ANSI[usize::from(if i < 16 { i } else { nearest_of(0..=15, indexed(i)) })],
            (_, colour) => colour,
        }
    }
}

/// The sixteen colours in the order of their numbers.
pub(super) const ANSI: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

type Rgb = (u8, u8, u8);

/// What xterm shows for the sixteen; other terminals are near it.
const ANSI_RGB: [Rgb; 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// What a number of the 256 looks like: sixteen, a cube of 6×6×6, 24 greys.
pub(super) fn indexed(i: u8) -> Rgb {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match i {
        0..=15 => ANSI_RGB[usize::from(i)],
        16..=231 => {
            let step = |n: u8| STEPS[usize::from(n % 6)];
            (step((i - 16) / 36), step((i - 16) / 6), step(i - 16))
        }
        232..=255 => {
            let grey = 8 + 10 * (i - 232);
            (grey, grey, grey)
        }
    }
}

fn nearest_of(candidates: impl Iterator<Item = u8>, colour: Rgb) -> u8 {
    candidates.min_by_key(|i| distance(indexed(*i), colour)).unwrap_or_default()
}

/// How different two colours look: squared, and weighted by how red they are, as the eye weighs them.
fn distance(a: Rgb, b: Rgb) -> u32 {
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    let red = (u32::from(a.0) + u32::from(b.0)) / 2;
    (((512 + red) * square(a.0, b.0)) >> 8) + 4 * square(a.1, b.1) + (((767 - red) * square(a.2, b.2)) >> 8)
}
