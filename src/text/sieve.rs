//! Character by character, only what a terminal may be given.

use super::painted::{Paint, Pen};
use unicode_width::UnicodeWidthChar;

/// The longest text that is kept, in bytes; what is beyond is counted.
pub(super) const CAP: usize = 64 * 1024;
/// Room inside [`CAP`] for the words that say what was left out, so that cleaning twice cuts once.
const CAP_WORDS: usize = 64;
/// Marks over one letter; more are painted over the neighbouring rows.
const MARKS: u8 = 4;
/// Joiners in one emoji; the longest one in use has four.
const JOINS: u8 = 8;
/// Stands where an invisible or direction-changing character was.
const MARK: char = '␣';
const JOINER: char = '\u{200d}';

enum Verdict {
    Base,
    Combining,
    Joiner,
    Shown(&'static str),
    Dropped,
}

fn verdict(c: char) -> Verdict {
    match c {
        ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' => Verdict::Base,
        '\t' => Verdict::Shown("    "),
        '\n' => Verdict::Shown("↵"),
        '\r' => Verdict::Shown("␍"),
        '\u{1b}' => Verdict::Shown("␛"),
        JOINER => Verdict::Joiner,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Verdict::Dropped,
        // Variation selectors: terminals disagree on the width they give, and bytes can be hidden in runs of them.
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => Verdict::Dropped,
        c if is_unseen(c) => Verdict::Shown("␣"),
        c if c.width() == Some(0) => Verdict::Combining,
        _ => Verdict::Base,
    }
}

/// Characters that turn the direction of writing, draw nothing, or pass for a space.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{70f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// Whether every byte is printable ASCII, which needs no sieve. In chunks, so that the compiler can compare many at once.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|chunk| chunk.iter().fold(true, |plain, byte| plain & (0x20..0x7f).contains(byte)))
}

/// What has passed so far, and what the next character needs to know about it.
#[derive(Default)]
pub(super) struct Sieve {
    out: String,
    beyond: usize,
    last: Option<char>,
    marks: u8,
    joins: u8,
    joiner: bool,
    /// Line ends that are shown only if something follows them.
    ends: usize,
}

impl Sieve {
    pub(super) fn for_text(text: &str) -> Self {
        Self { out: String::with_capacity(text.len().min(CAP)), ..Self::default() }
    }

    /// How much has passed, in bytes.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Lets `text`, which holds no escape sequence, pass.
    pub(super) fn feed(&mut self, text: &str) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let plain = rest.bytes().position(|b| !(0x20..0x7f).contains(&b)).unwrap_or(rest.len());
            if plain > 0 {
                self.release_joiner();
                self.emit(&rest[..plain]);
                (self.last, self.marks, self.joins) = (Some(' '), 0, 0);
                rest = &rest[plain..];
            } else {
                self.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }

    /// The end of a line within a text that becomes one line.
    pub(super) fn end_line(&mut self) {
        self.release_joiner();
        self.ends += 1;
        self.last = None;
    }

    fn push(&mut self, c: char) {
        match verdict(c) {
            Verdict::Dropped => {}
            Verdict::Base => self.base(c),
            Verdict::Shown(text) => {
                self.release_joiner();
                self.emit(text);
                // As if what is shown had been written: a joiner after it is judged the same when the text is read again.
                (self.last, self.marks, self.joins) = (text.chars().next_back(), 0, 0);
            }
            Verdict::Joiner if !self.joiner && self.joins < JOINS && self.last.is_some_and(is_emoji) => self.joiner = true,
            Verdict::Joiner => {
                self.joiner = true;
                self.release_joiner();
            }
            Verdict::Combining => {
                self.release_joiner();
                if self.last.is_some() && self.marks < MARKS {
                    self.marks += 1;
                    self.emit_char(c);
                }
            }
        }
    }

    fn base(&mut self, c: char) {
        if self.joiner && is_emoji(c) {
            self.joiner = false;
            self.joins += 1;
            self.emit_char(JOINER);
        } else {
            self.release_joiner();
            self.joins = 0;
        }
        self.emit_char(c);
        (self.last, self.marks) = (Some(c), 0);
    }

    /// A joiner that joins nothing is as invisible as the others.
    fn release_joiner(&mut self) {
        if std::mem::take(&mut self.joiner) {
            self.emit_char(MARK);
            (self.last, self.marks, self.joins) = (Some(MARK), 0, 0);
        }
    }

    fn emit_char(&mut self, c: char) {
        self.emit(c.encode_utf8(&mut [0; 4]));
    }

    fn emit(&mut self, text: &str) {
        for _ in 0..std::mem::take(&mut self.ends) {
            self.append("↵");
        }
        self.append(text);
    }

    fn append(&mut self, text: &str) {
        let room = floor_boundary(text, (CAP + 1).saturating_sub(self.out.len()));
        self.out.push_str(&text[..room]);
        self.beyond += text.len() - room;
    }

    /// The text, cut to [`CAP`] with the number of bytes that were left out.
    pub(super) fn finish(mut self) -> String {
        self.release_joiner();
        if self.beyond == 0 && self.out.len() <= CAP {
            return self.out;
        }
        let kept = floor_boundary(&self.out, CAP - CAP_WORDS);
        let left_out = self.out.len() - kept + self.beyond;
        self.out.truncate(kept);
        self.out.push_str(&format!(" … {} bytes more", super::wording::count(left_out as u64)));
        self.out
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// Passes one line on without its escape sequences; `painted` hears of every place where the colours change.
pub(super) fn sift(line: &str, sieve: &mut Sieve, mut painted: impl FnMut(usize, Paint)) {
    let mut rest = line;
    let mut vte: Option<(vte::Parser, Pen)> = None;
    while let Some(at) = memchr::memchr(0x1b, rest.as_bytes()) {
        sieve.feed(&rest[..at]);
        rest = &rest[at..];
        let (parser, pen) = vte.get_or_insert_with(Default::default);
        let Some(length) = sequence(parser, pen, rest) else {
            // It never ends, so neither does any that begins inside it: show what it would have swallowed.
            break;
        };
        rest = &rest[length..];
        painted(sieve.len(), pen.paint());
    }
    sieve.feed(rest);
}

/// The length of the escape sequence that `text` begins with, or `None` if it does not end in this line.
fn sequence(parser: &mut vte::Parser, pen: &mut Pen, text: &str) -> Option<usize> {
    pen.begin();
    for (at, byte) in text.bytes().enumerate() {
        parser.advance(pen, &[byte]);
        if pen.ended_by(byte) {
            // A device control string ends at byte 9C even inside a character.
            return (at + 1..=text.len()).find(|end| text.is_char_boundary(*end));
        }
    }
    None
}
