//! Log bodies keep their colours, and nothing else of their escape sequences.

use super::{
    Clean,
    sieve::{self, Sieve},
};

/// A colour that a log line asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hue {
    /// One of the sixteen that every terminal names, 0–7 and the bright 8–15.
    Basic(u8),
    /// One of the 256.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// How a part of a line is drawn. Concealed, blinking and reversed text is drawn as any other: nothing in a log may hide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Paint {
    /// The colour of the letters, or the terminal's own.
    pub fg: Option<Hue>,
    /// The colour behind them, or the terminal's own.
    pub bg: Option<Hue>,
    /// Heavier.
    pub bold: bool,
    /// Fainter.
    pub dim: bool,
    /// Slanted.
    pub italic: bool,
    /// With a line below.
    pub underline: bool,
}

/// A part of a line, in bytes, that is not drawn as the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// How it is drawn.
    pub paint: Paint,
}

/// A harmless line with the colours that its author gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Painted {
    /// What it says.
    pub text: Clean,
    /// Its coloured parts, in order, on character boundaries, never overlapping. Empty for most lines.
    pub spans: Box<[Span]>,
}

impl Painted {
    /// A line from outside: colours become spans, every other sequence is removed.
    pub fn from_untrusted(text: &str) -> Self {
        if !text.bytes().any(|b| b == 0x1b) {
            return Clean::from_untrusted(text).into();
        }
        let mut spans = Spans::default();
        let mut sieve = Sieve::for_text(text);
        for (row, line) in super::clean::lines_of(text).enumerate() {
            if row > 0 {
                sieve.end_line();
            }
            sieve::sift(line, &mut sieve, |at, paint| spans.turn(at, paint));
            spans.turn(sieve.len(), Paint::default());
        }
        let text = Clean::sieved(sieve.finish());
        let spans = spans.done.into_iter().filter(|s| text.is_char_boundary(s.end as usize) && text.is_char_boundary(s.start as usize));
        Self { spans: spans.collect(), text }
    }

    /// As [`Painted::from_untrusted`]; what is not UTF-8 becomes U+FFFD.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_untrusted(&String::from_utf8_lossy(bytes))
    }

    /// The line in pieces, each with its paint, covering all of it in order.
    pub fn parts(&self) -> impl Iterator<Item = (&str, Paint)> {
        parts(&self.text, &self.spans)
    }
}

/// `text` in pieces, each with its paint, covering all of it in order. Spans that do not fit the text are left out.
pub fn parts<'a>(text: &'a str, spans: &'a [Span]) -> impl Iterator<Item = (&'a str, Paint)> {
    let mut at = 0;
    let mut pieces = Vec::with_capacity(spans.len() * 2 + 1);
    for span in spans {
        let (Some(before), Some(inside)) = (text.get(at..span.start as usize), text.get(span.start as usize..span.end as usize)) else {
            break;
        };
        pieces.push((before, Paint::default()));
        pieces.push((inside, span.paint));
        at = span.end as usize;
    }
    pieces.push((&text[at..], Paint::default()));
    pieces.into_iter().filter(|(piece, _)| !piece.is_empty())
}

impl From<Clean> for Painted {
    fn from(text: Clean) -> Self {
        Self { text, spans: Box::default() }
    }
}

#[derive(Default)]
struct Spans {
    done: Vec<Span>,
    from: usize,
    paint: Paint,
}

impl Spans {
    fn turn(&mut self, at: usize, paint: Paint) {
        if paint == self.paint {
            return;
        }
        if self.paint != Paint::default() && at > self.from {
            self.done.push(Span { start: self.from as u32, end: at as u32, paint: self.paint });
        }
        (self.from, self.paint) = (at, paint);
    }
}

/// Follows the colour sequences of one line, and notices where a sequence ends.
#[derive(Default)]
pub(super) struct Pen {
    paint: Paint,
    ended: bool,
    unhooked: bool,
}

impl Pen {
    pub(super) fn begin(&mut self) {
        (self.ended, self.unhooked) = (false, false);
    }

    /// Whether `byte`, just read, was the last of its sequence.
    pub(super) fn ended_by(&mut self, byte: u8) -> bool {
        self.ended || (std::mem::take(&mut self.unhooked) && byte != 0x1b)
    }

    /// What is drawn from here. Letters in the colour of their ground keep neither.
    pub(super) fn paint(&self) -> Paint {
        let hidden = self.paint.fg.is_some() && self.paint.fg == self.paint.bg;
        if hidden { Paint { fg: None, bg: None, ..self.paint } } else { self.paint }
    }

    fn select(&mut self, params: &vte::Params) {
        let mut params = params.iter();
        while let Some(param) = params.next() {
            let paint = &mut self.paint;
            match param[0] {
                0 => *paint = Paint::default(),
                1 => paint.bold = true,
                2 => paint.dim = true,
                3 => paint.italic = true,
                4 => paint.underline = param.get(1) != Some(&0),
                21 => paint.underline = true,
                22 => (paint.bold, paint.dim) = (false, false),
                23 => paint.italic = false,
                24 => paint.underline = false,
                30..=37 => paint.fg = Some(Hue::Basic((param[0] - 30) as u8)),
                38 => paint.fg = hue(param, &mut params).or(paint.fg),
                39 => paint.fg = None,
                40..=47 => paint.bg = Some(Hue::Basic((param[0] - 40) as u8)),
                48 => paint.bg = hue(param, &mut params).or(paint.bg),
                49 => paint.bg = None,
                90..=97 => paint.fg = Some(Hue::Basic((param[0] - 90 + 8) as u8)),
                100..=107 => paint.bg = Some(Hue::Basic((param[0] - 100 + 8) as u8)),
                _ => {}
            }
        }
    }
}

/// The colour after 38 or 48, in both spellings: `38;5;N`, `38;2;R;G;B` and with colons, where a colour space may come first.
fn hue(param: &[u16], rest: &mut vte::ParamsIter<'_>) -> Option<Hue> {
    let byte = |value: u16| u8::try_from(value).ok();
    if let [_, kind, values @ ..] = param {
        return match (kind, values) {
            (5, [index, ..]) => Some(Hue::Indexed(byte(*index)?)),
            (2, [_, r, g, b, ..] | [r, g, b]) => Some(Hue::Rgb(byte(*r)?, byte(*g)?, byte(*b)?)),
            _ => None,
        };
    }
    let mut next = || rest.next().and_then(|p| p.first().copied());
    match next()? {
        5 => Some(Hue::Indexed(byte(next()?)?)),
        2 => {
            let (r, g, b) = (next()?, next()?, next()?);
            Some(Hue::Rgb(byte(r)?, byte(g)?, byte(b)?))
        }
        _ => None,
    }
}

impl vte::Perform for Pen {
    fn execute(&mut self, byte: u8) {
        self.ended |= matches!(byte, 0x18 | 0x1a);
    }
    fn unhook(&mut self) {
        self.unhooked = true;
    }
    fn osc_dispatch(&mut self, _: &[&[u8]], bell_terminated: bool) {
        self.ended |= bell_terminated;
    }
    fn esc_dispatch(&mut self, _: &[u8], _: bool, _: u8) {
        self.ended = true;
    }
    fn csi_dispatch(&mut self, params: &vte::Params, intermediates: &[u8], ignore: bool, action: char) {
        self.ended = true;
        if action == 'm' && intermediates.is_empty() && !ignore {
            self.select(params);
        }
    }
}
