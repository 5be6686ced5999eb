//! A frame as a picture: cells and colours, no fonts to install, the same text every time.

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use std::fmt::Write;

/// The size of one cell in the picture.
const CELL: (f32, u16) = (8.4, 18);
const FONT: u16 = 14;
const MARGIN: u16 = 10;
const INK: &str = "#d7dae0";
const PAPER: &str = "#12151c";

/// The sixteen colours, as a terminal with a dark background has them.
const ANSI: [&str; 16] = [
    "#1b1f27", "#e05f65", "#78b892", "#d9b36c", "#6a9fd8", "#b48ead", "#6fb3b8", "#c5c8d0", "#5c6370", "#ff7a80", "#98d6ae", "#f0cb84", "#8cbcf0", "#d0a8ca",
    "#8fd2d6", "#ffffff",
];

/// `buffer` as an SVG picture with `title` for readers of the picture's text.
pub fn picture(buffer: &Buffer, title: &str) -> String {
    let area = buffer.area;
    let (width, height) = (f32::from(area.width) * CELL.0 + f32::from(2 * MARGIN), area.height * CELL.1 + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height}\" viewBox=\"0 0 {width:.0} {height}\" font-family=\"'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"{FONT}\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n",
        escape(title)
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let first = &buffer[(area.x + x, area.y + y)];
            let end = (x + 1..area.width).find(|next| !same(first, &buffer[(area.x + next, area.y + y)])).unwrap_or(area.width);
            run(&mut svg, buffer, (x, y), end);
            x = end;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn same(a: &Cell, b: &Cell) -> bool {
    (a.fg, a.bg, a.modifier) == (b.fg, b.bg, b.modifier)
}

/// One run of cells of the same style: its background, then its text at its exact width.
fn run(svg: &mut String, buffer: &Buffer, (x, y): (u16, u16), end: u16) {
    let area = buffer.area;
    let cell = &buffer[(area.x + x, area.y + y)];
    let (ink, paper) = colours(cell);
    let (left, top, wide) = (f32::from(MARGIN) + f32::from(x) * CELL.0, MARGIN + y * CELL.1, f32::from(end - x) * CELL.0);
    if let Some(paper) = paper {
        let _ = writeln!(svg, "<rect x=\"{left:.1}\" y=\"{top}\" width=\"{wide:.1}\" height=\"{}\" fill=\"{paper}\"/>", CELL.1);
    }
    let text: String = (x..end).map(|x| buffer[(area.x + x, area.y + y)].symbol()).collect();
    let lead = text.len() - text.trim_start().len();
    let body = text.trim();
    if body.is_empty() {
        return;
    }
    let cells = u16::try_from(crate::widgets::width(body)).unwrap_or(u16::MAX);
    let mut look = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.6\""),
    ] {
        if cell.modifier.contains(modifier) {
            look.push_str(attribute);
        }
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{ink}\"{look}>{}</text>",
        left + lead as f32 * CELL.0,
        top + FONT,
        f32::from(cells) * CELL.0,
        escape(body)
    );
}

/// Ink, and paper where it is not the picture's own.
fn colours(cell: &Cell) -> (String, Option<String>) {
    let (ink, paper) = (hex(cell.fg), hex(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        return (paper.unwrap_or_else(|| PAPER.to_owned()), Some(ink.unwrap_or_else(|| INK.to_owned())));
    }
    (ink.unwrap_or_else(|| INK.to_owned()), paper)
}

fn hex(colour: Color) -> Option<String> {
    let index = match colour {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(index) if index >= 16 => return Some(indexed(index)),
        Color::Indexed(index) => usize::from(index),
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
    Some(ANSI[index].to_owned())
}

/// The 6×6×6 cube and the greys of xterm's 256 colours.
fn indexed(index: u8) -> String {
    if index >= 232 {
        let grey = 8 + 10 * (u16::from(index) - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let step = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
    let cube = index - 16;
    format!("#{:02x}{:02x}{:02x}", step(cube / 36), step(cube / 6 % 6), step(cube % 6))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{layout::Rect, style::Style};

    #[test]
    fn a_run_of_one_style_is_one_text_at_its_exact_width() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
        buffer.set_string(2, 0, "a<b", Style::new().fg(Color::Rgb(1, 2, 3)));
        let svg = picture(&buffer, "t");
        assert!(svg.contains("x=\"26.8\"") && svg.contains("textLength=\"25.2\"") && svg.contains("fill=\"#010203\"") && svg.contains(">a&lt;b<"), "{svg}");
        assert_eq!(svg.matches("<text").count(), 1);
    }

    #[test]
    fn the_colour_cube_follows_xterm() {
        assert_eq!((indexed(16), indexed(231), indexed(244)), ("#000000".into(), "#ffffff".into(), "#808080".into()));
    }
}
