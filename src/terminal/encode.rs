//! Changed cells into the fewest bytes.

use ratatui::{
    buffer::{Cell, CellWidth},
    style::{Color, Modifier},
};
use std::io::Write as _;

/// What the terminal would draw the next character with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// Turns cells into bytes and remembers where that leaves the terminal: place, colours, cursor. What it does not know it says in full.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    out: Vec<u8>,
    width: u16,
    at: Option<(u16, u16)>,
    pen: Option<Pen>,
    cursor_shown: Option<bool>,
}

/// A few full clipboards.
const MOST_ASIDE: usize = 512 * 1024;

/// Modifiers with the codes that switch them on and off. Bold and dim are switched off together.
const MODIFIERS: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

impl Encoder {
    /// The bytes since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// How many columns there are: after the last one the place is uncertain.
    pub fn set_width(&mut self, width: u16) {
        self.width = width;
    }

    /// Forgets what the terminal was left with: somebody else has written to it.
    pub fn forget(&mut self) {
        (self.at, self.pen, self.cursor_shown) = (None, None, None);
    }

    /// Bytes that draw nothing: clipboard, bell. More than a terminal that does not read can be expected to take are dropped.
    pub fn aside(&mut self, bytes: &[u8]) {
        if self.out.len() + bytes.len() <= MOST_ASIDE {
            self.out.extend_from_slice(bytes);
        }
    }

    /// Empties the screen in the terminal's own colours.
    pub fn clear(&mut self) {
        self.out.extend_from_slice(b"\x1b[0m\x1b[2J");
        (self.at, self.pen) = (None, Some(Pen::default()));
    }

    /// Shows or hides the terminal's own cursor.
    pub fn show_cursor(&mut self, shown: bool) {
        if self.cursor_shown != Some(shown) {
            self.out.extend_from_slice(if shown { b"\x1b[?25h" } else { b"\x1b[?25l" });
            self.cursor_shown = Some(shown);
        }
    }

    /// Where the terminal's own cursor stands, as far as it is known.
    pub fn place(&self) -> Option<(u16, u16)> {
        self.at
    }

    /// One changed cell.
    pub fn cell(&mut self, x: u16, y: u16, cell: &Cell) {
        self.go(x, y);
        self.dip(Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier });
        // Everything is clean by now; this is the last gate, and it costs nothing.
        let symbol = if cell.symbol().contains(char::is_control) { " " } else { cell.symbol() };
        self.out.extend_from_slice(symbol.as_bytes());
        let next = x.saturating_add(symbol.cell_width());
        self.at = (next < self.width && sure_of_width(symbol)).then_some((next, y));
    }

    /// Moves to a place, by the shortest way from where the terminal is.
    pub fn go(&mut self, x: u16, y: u16) {
        if self.at == Some((x, y)) {
            return;
        }
        let mut way = absolute(x, y);
        if let Some((from_x, from_y)) = self.at {
            let relative = match (x, from_y == y) {
                (0, true) => b"\r".to_vec(),
                (0, false) if y == from_y.saturating_add(1) => b"\r\n".to_vec(),
                (_, true) => sideways(from_x, x),
                (_, false) => way.clone(),
            };
            if relative.len() < way.len() {
                way = relative;
            }
        }
        self.out.extend_from_slice(&way);
        self.at = Some((x, y));
    }

    fn dip(&mut self, to: Pen) {
        if self.pen == Some(to) {
            return;
        }
        let anew = codes(&[0], Pen::default(), to);
        let changed = self.pen.map(|from| codes(&[], from, to)).filter(|changed| changed.len() < anew.len());
        let codes = changed.unwrap_or(anew);
        self.out.extend_from_slice(b"\x1b[");
        // A lone 0 may be left out.
        self.out.extend_from_slice(if codes == b"0" { b"" } else { &codes });
        self.out.push(b'm');
        self.pen = Some(to);
    }
}

fn absolute(x: u16, y: u16) -> Vec<u8> {
    let mut way = Vec::with_capacity(10);
    // Writing to a vector can not fail.
    let _ = match (x, y) {
        (0, 0) => write!(way, "\x1b[H"),
        (0, _) => write!(way, "\x1b[{}H", u32::from(y) + 1),
        (_, 0) => write!(way, "\x1b[;{}H", u32::from(x) + 1),
        (_, _) => write!(way, "\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1),
    };
    way
}

fn sideways(from: u16, to: u16) -> Vec<u8> {
    let mut way = Vec::with_capacity(6);
    let (by, letter) = if to > from { (to - from, 'C') } else { (from - to, 'D') };
    let _ = if by == 1 { write!(way, "\x1b[{letter}") } else { write!(way, "\x1b[{by}{letter}") };
    way
}

/// The codes from one pen to another, joined by `;`.
fn codes(first: &[u8], from: Pen, to: Pen) -> Vec<u8> {
    let mut codes: Vec<String> = first.iter().map(u8::to_string).collect();
    let mut kept = from.modifier;
    for (modifier, _, off) in MODIFIERS {
        if kept.contains(modifier) && !to.modifier.contains(modifier) {
            codes.push(off.to_string());
            MODIFIERS.iter().filter(|(_, _, other)| *other == off).for_each(|(gone, ..)| kept.remove(*gone));
        }
    }
    let on = MODIFIERS.iter().filter(|(modifier, ..)| to.modifier.contains(*modifier) && !kept.contains(*modifier));
    codes.extend(on.map(|(_, on, _)| on.to_string()));
    if from.fg != to.fg {
        codes.push(colour(to.fg, 30));
    }
    if from.bg != to.bg {
        codes.push(colour(to.bg, 40));
    }
    codes.join(";").into_bytes()
}

/// The code of a colour; `base` is 30 for the foreground and 40 for the background.
fn colour(colour: Color, base: u16) -> String {
    let index: u16 = match colour {
        Color::Reset => return (base + 9).to_string(),
        Color::Rgb(r, g, b) => return format!("{};2;{r};{g};{b}", base + 8),
        Color::Indexed(index) => index.into(),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    match index {
        0..8 => (base + index).to_string(),
        8..16 => (base + 60 + index - 8).to_string(),
        _ => format!("{};5;{index}", base + 8),
    }
}

/// Whether every terminal agrees on how far this symbol moves the cursor. After any other the place is said anew.
fn sure_of_width(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => {
            matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{24f}' | '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{45f}' | '–' | '—' | '…' | '•' | '\u{2190}'..='\u{21ff}' | '\u{2200}'..='\u{22ff}' | '\u{2500}'..='\u{25fb}' | '✓' | '✗')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    fn encoder() -> Encoder {
        Encoder { width: 80, ..Encoder::default() }
    }

    fn shown(encoder: &mut Encoder) -> String {
        String::from_utf8(encoder.take()).expect("text").replace('\x1b', "^")
    }

    fn cell(symbol: &str, style: Style) -> Cell {
        let mut cell = Cell::default();
        cell.set_symbol(symbol).set_style(style);
        cell
    }

    #[test]
    fn neighbours_in_one_style_cost_their_characters_only() {
        let mut encoder = encoder();
        for (x, symbol) in ["a", "b", "─", "✓"].into_iter().enumerate() {
            encoder.cell(x as u16 + 4, 2, &cell(symbol, Style::new()));
        }
        assert_eq!(shown(&mut encoder), "^[3;5H^[mab─✓");
    }

    #[test]
    fn the_way_is_the_shortest() {
        let mut encoder = encoder();
        let plain = cell("x", Style::new());
        for (x, y) in [(0, 0), (3, 0), (0, 0), (0, 1), (5, 1), (4, 1), (7, 9), (0, 5)] {
            encoder.cell(x, y, &plain);
        }
        assert_eq!(shown(&mut encoder), "^[H^[mx^[2Cx\rx\r\nx^[4Cx^[2Dx^[10;8Hx^[6Hx");
    }

    #[test]
    fn a_change_of_style_says_what_changed_or_starts_anew_whichever_is_shorter() {
        let mut encoder = encoder();
        let steps = [
            Style::new().fg(Color::Red),
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            Style::new().fg(Color::Red).add_modifier(Modifier::DIM),
            Style::new().fg(Color::Indexed(12)).bg(Color::Rgb(1, 2, 3)),
            Style::new().fg(Color::Indexed(12)),
            Style::new(),
        ];
        for (x, style) in steps.into_iter().enumerate() {
            encoder.cell(x as u16, 0, &cell("x", style));
        }
        assert_eq!(shown(&mut encoder), "^[H^[0;31mx^[1mx^[22;2mx^[0;94;48;2;1;2;3mx^[49mx^[mx");
    }

    #[test]
    fn after_a_symbol_of_doubtful_width_the_place_is_said_anew() {
        for symbol in ["漢", "👩‍👩‍👧", "❤\u{fe0f}", "e\u{301}"] {
            let mut encoder = encoder();
            encoder.cell(0, 0, &cell(symbol, Style::new()));
            encoder.cell(symbol.cell_width(), 0, &cell("x", Style::new()));
            assert!(shown(&mut encoder).contains(&format!("^[;{}Hx", symbol.cell_width() + 1)), "{symbol}");
        }
    }

    #[test]
    fn after_the_last_column_the_place_is_said_anew() {
        let mut encoder = encoder();
        encoder.cell(79, 0, &cell("x", Style::new()));
        encoder.cell(0, 1, &cell("x", Style::new()));
        assert_eq!(shown(&mut encoder), "^[;80H^[mx^[2Hx");
    }

    #[test]
    fn no_control_byte_gets_through() {
        let mut encoder = encoder();
        encoder.cell(0, 0, &cell("\x1b[2J", Style::new()));
        encoder.cell(1, 0, &cell("\u{9b}", Style::new()));
        assert_eq!(shown(&mut encoder), "^[H^[m  ");
    }
}
