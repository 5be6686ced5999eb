//! Bytes from a keyboard into keys.

use super::inbox::Input;
use crate::keys::{Key, KeyCode};
use std::time::Duration;

/// Turns what a terminal sends into [`Input`]s. Bytes may come in any pieces; what makes no sense is skipped.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    /// Whether the terminal was asked how wide a box character is and has not answered yet.
    asked: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC: a sequence, a key with alt, or the key itself.
    Escape,
    /// After ESC O.
    Single,
    /// After ESC [, with what came since.
    Control(Vec<u8>),
    /// After ESC [ M: so many bytes of an old mouse report are still to come.
    Mouse(u8),
    /// An answer of the terminal that nobody asked for, up to its end; whether the last byte was ESC.
    Words(bool),
    /// A character of several bytes.
    Char(Vec<u8>),
    /// Pasted text, with the bytes of a possible end.
    Paste(Vec<u8>),
}

const PASTE_ENDS: &[u8] = b"\x1b[201~";
/// A paste holds no more than this.
const LONGEST_PASTE: usize = 64 * 1024;
/// No sequence of any keyboard is longer.
const LONGEST_SEQUENCE: usize = 64;
/// After so long ESC is the key and not the beginning of something; a sequence comes in one piece even over a slow line.
const ESC_ALONE: Duration = Duration::from_millis(40);
/// After so long in silence a paste that did not end has lost its end.
const PASTE_LOST: Duration = Duration::from_secs(5);

impl Decoder {
    /// A decoder that takes the next report of the cursor's place for the answer to the question that was written at the start.
    pub fn expecting_width() -> Self {
        Self { asked: true, ..Self::default() }
    }

    /// Decodes `bytes`; what is complete goes to `told`.
    pub fn feed(&mut self, bytes: &[u8], told: &mut Vec<Input>) {
        for &byte in bytes {
            self.byte(byte, told);
        }
    }

    /// How long to wait for more before [`silence`](Self::silence) must be called; nothing when everything is complete.
    pub fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Paste(_) => Some(PASTE_LOST),
            State::Escape | State::Single | State::Control(_) | State::Mouse(_) | State::Words(_) | State::Char(_) => Some(ESC_ALONE),
        }
    }

    /// Nothing came for as long as [`patience`](Self::patience) said: what was begun will not go on.
    pub fn silence(&mut self, told: &mut Vec<Input>) {
        match std::mem::take(&mut self.state) {
            State::Escape => told.push(plain(KeyCode::Esc)),
            State::Single => told.push(alt('O')),
            State::Control(begun) if begun.is_empty() => told.push(alt('[')),
            State::Paste(text) => told.push(pasted(&text)),
            State::Ground | State::Control(_) | State::Mouse(_) | State::Words(_) | State::Char(_) => {}
        }
    }

    fn byte(&mut self, byte: u8, told: &mut Vec<Input>) {
        self.state = match std::mem::take(&mut self.state) {
            State::Ground => ground(byte, false, told),
            State::Escape => escape(byte, told),
            State::Single => {
                told.extend(single(byte));
                State::Ground
            }
            State::Control(begun) => self.control(begun, byte, told),
            State::Mouse(left) if left > 1 => State::Mouse(left - 1),
            State::Mouse(_) => State::Ground,
            State::Words(after_escape) => match byte {
                0x07 | 0x18 | 0x1a => State::Ground,
                b'\\' if after_escape => State::Ground,
                _ => State::Words(byte == 0x1b),
            },
            State::Char(begun) => char_goes_on(begun, byte, told),
            State::Paste(text) => paste(text, byte, told),
        };
    }

    fn control(&mut self, mut begun: Vec<u8>, byte: u8, told: &mut Vec<Input>) -> State {
        match byte {
            0x1b => State::Escape,
            // The Linux console says f1 to f5 as ESC [ [ A to E.
            b'[' if begun.is_empty() => {
                begun.push(byte);
                State::Control(begun)
            }
            b'A'..=b'E' if begun == b"[" => {
                told.push(plain(KeyCode::F(byte - b'A' + 1)));
                State::Ground
            }
            0x20..=0x3f if begun.len() < LONGEST_SEQUENCE => {
                begun.push(byte);
                State::Control(begun)
            }
            b'M' if begun.is_empty() => State::Mouse(3),
            b'~' if begun == b"200" => State::Paste(Vec::new()),
            b'R' if self.asked => {
                self.asked = false;
                told.extend(width_answer(&begun));
                State::Ground
            }
            0x40..=0x7e => {
                told.extend(sequence(&begun, byte));
                State::Ground
            }
            _ => State::Ground,
        }
    }
}

/// Writes a box character in the upper left corner, asks where the cursor is now, and takes the character away again.
pub(super) const WIDTH_QUESTION: &[u8] = "\x1b[H─\x1b[6n\r\x1b[K".as_bytes();

fn width_answer(numbers: &[u8]) -> Option<Input> {
    match numbers {
        b"1;2" => Some(Input::NarrowGlyphs(true)),
        b"1;3" | b"1;4" => Some(Input::NarrowGlyphs(false)),
        _ => None,
    }
}

fn key(code: KeyCode, ctrl: bool, alt: bool, shift: bool) -> Input {
    Input::Key(Key::new(code, ctrl, alt, shift))
}

fn plain(code: KeyCode) -> Input {
    key(code, false, false, false)
}

fn alt(c: char) -> Input {
    key(KeyCode::Char(c), false, true, false)
}

fn ground(byte: u8, alt: bool, told: &mut Vec<Input>) -> State {
    let (code, ctrl) = match byte {
        0x1b => return State::Escape,
        b'\r' => (KeyCode::Enter, false),
        b'\t' => (KeyCode::Tab, false),
        // Which of the two a backspace sends is a setting of the terminal; ctrl-h is no key of ours.
        0x7f | 0x08 => (KeyCode::Backspace, false),
        0x00 => (KeyCode::Char(' '), true),
        0x01..=0x1a => (KeyCode::Char(char::from(byte - 1 + b'a')), true),
        0x1c..=0x1f => (KeyCode::Char(char::from(byte - 0x1c + b'\\')), true),
        0x20..=0x7e => (KeyCode::Char(char::from(byte)), false),
        0xc2..=0xf4 => return State::Char(vec![byte]),
        0x80..=0xc1 | 0xf5..=0xff => return State::Ground,
    };
    told.push(key(code, ctrl, alt, false));
    State::Ground
}

fn escape(byte: u8, told: &mut Vec<Input>) -> State {
    match byte {
        b'[' => State::Control(Vec::new()),
        b'O' => State::Single,
        b']' | b'P' | b'X' | b'^' | b'_' => State::Words(false),
        0x1b => {
            told.push(plain(KeyCode::Esc));
            State::Escape
        }
        _ => ground(byte, true, told),
    }
}

/// ESC O and a letter: arrows and f1 to f4 of a terminal in application mode, Enter of its number block.
fn single(byte: u8) -> Option<Input> {
    match byte {
        b'M' => Some(plain(KeyCode::Enter)),
        _ => lettered(byte).map(plain),
    }
}

fn lettered(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'P'..=b'S' => KeyCode::F(byte - b'P' + 1),
        _ => return None,
    })
}

fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number as u8 - 10),
        17..=21 => KeyCode::F(number as u8 - 11),
        23 | 24 => KeyCode::F(number as u8 - 12),
        _ => return None,
    })
}

/// ESC [ numbers letter.
fn sequence(begun: &[u8], last: u8) -> Option<Input> {
    // Private answers (ESC [ ? … , ESC [ < …) are of modes that we never switch on.
    if begun.first().is_some_and(|first| (b'<'..=b'?').contains(first)) {
        return None;
    }
    let mut numbers = std::str::from_utf8(begun).ok()?.split(';').map(|number| number.split(':').map(|part| part.parse::<u32>().unwrap_or(0)));
    let first = numbers.next().and_then(|mut parts| parts.next()).unwrap_or(0);
    let mut held = numbers.next().into_iter().flatten();
    let (held_keys, kind) = (held.next().unwrap_or(1).max(1) - 1, held.next().unwrap_or(1));
    let released = kind == 3;
    if released {
        return None;
    }
    let (shift, alt, ctrl) = (held_keys & 1 != 0, held_keys & 2 != 0, held_keys & 4 != 0);
    match last {
        b'I' => Some(Input::Focus(true)),
        b'O' => Some(Input::Focus(false)),
        b'Z' => Some(key(KeyCode::Tab, ctrl, alt, true)),
        b'~' => numbered(first).map(|code| key(code, ctrl, alt, shift)),
        b'u' => coded(first).map(|code| key(code, ctrl, alt, shift)),
        _ => lettered(last).map(|code| key(code, ctrl, alt, shift)),
    }
}

/// A key as newer keyboards' protocol numbers it: by its character.
fn coded(number: u32) -> Option<KeyCode> {
    match number {
        9 => Some(KeyCode::Tab),
        13 => Some(KeyCode::Enter),
        27 => Some(KeyCode::Esc),
        127 => Some(KeyCode::Backspace),
        _ => char::from_u32(number).filter(|c| !c.is_control()).map(KeyCode::Char),
    }
}

fn char_goes_on(mut begun: Vec<u8>, byte: u8, told: &mut Vec<Input>) -> State {
    if !(0x80..=0xbf).contains(&byte) {
        return ground(byte, false, told);
    }
    begun.push(byte);
    match std::str::from_utf8(&begun) {
        Ok(text) => {
            told.extend(text.chars().filter(|c| !c.is_control()).map(|c| plain(KeyCode::Char(c))));
            State::Ground
        }
        Err(error) if error.error_len().is_none() => State::Char(begun),
        Err(_) => State::Ground,
    }
}

fn paste(mut text: Vec<u8>, byte: u8, told: &mut Vec<Input>) -> State {
    text.push(byte);
    if text.ends_with(PASTE_ENDS) {
        text.truncate(text.len() - PASTE_ENDS.len());
        told.push(pasted(&text));
        return State::Ground;
    }
    // Beyond the limit only the end is looked for.
    if text.len() > LONGEST_PASTE + 2 * PASTE_ENDS.len() {
        text.drain(LONGEST_PASTE..text.len() - PASTE_ENDS.len());
    }
    State::Paste(text)
}

fn pasted(text: &[u8]) -> Input {
    Input::Paste(String::from_utf8_lossy(&text[..text.len().min(LONGEST_PASTE)]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(bytes: &[u8]) -> Vec<Input> {
        let (mut decoder, mut told) = (Decoder::default(), Vec::new());
        decoder.feed(bytes, &mut told);
        if decoder.patience().is_some() {
            decoder.silence(&mut told);
        }
        told
    }

    /// Keys as a keymap writes them.
    fn keys(bytes: &str) -> String {
        let names = told(bytes.as_bytes()).into_iter().map(|input| match input {
            Input::Key(key) => key.to_string(),
            other => format!("{other:?}"),
        });
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn letters_capitals_and_other_scripts_are_themselves() {
        assert_eq!(keys("jG?é漢"), "j G ? é 漢");
    }

    #[test]
    fn control_alt_and_the_keys_with_names() {
        assert_eq!(keys("\r\t\u{7f}\u{8} "), "enter tab backspace backspace space");
        assert_eq!(keys("\u{3}\u{f}\u{1a}\0\n\u{1f}"), "ctrl-c ctrl-o ctrl-z ctrl-space ctrl-j ctrl-_");
        assert_eq!(keys("\u{1b}x\u{1b}\u{3}"), "alt-x ctrl-alt-c");
        assert_eq!(
            keys("\u{1b}[A\u{1b}OB\u{1b}[1;5C\u{1b}[1;2D\u{1b}[H\u{1b}[4~\u{1b}[5~\u{1b}[6;3~\u{1b}[Z"),
            "up down ctrl-right shift-left home end pgup alt-pgdn shift-tab"
        );
        assert_eq!(keys("\u{1b}OP\u{1b}[15~\u{1b}[24~\u{1b}[[C\u{1b}[1;2R\u{1b}OM\u{1b}[3~\u{1b}[2~"), "f1 f5 f12 f3 shift-f3 enter del ins");
        assert_eq!(keys("\u{1b}[106;5u\u{1b}[27u"), "ctrl-j esc");
    }

    #[test]
    fn escape_alone_is_a_key_after_a_moment_of_silence() {
        let (mut decoder, mut told) = (Decoder::default(), Vec::new());
        decoder.feed(b"\x1b", &mut told);
        assert_eq!((told.len(), decoder.patience()), (0, Some(ESC_ALONE)));
        decoder.silence(&mut told);
        assert_eq!(told, [plain(KeyCode::Esc)]);
        assert_eq!(keys("\u{1b}\u{1b}[A"), "esc up");
        assert_eq!(keys("\u{1b}["), "alt-[");
    }

    #[test]
    fn releases_mouse_reports_and_unasked_answers_are_not_keys() {
        for silent in [
            "\u{1b}[106;1:3u",
            "\u{1b}[M !!",
            "\u{1b}[<0;3;4M",
            "\u{1b}[?62;4c",
            "\u{1b}]11;rgb:00/00/00\u{7}",
            "\u{1b}P1$r0m\u{1b}\\",
            "\u{1b}_Gi=1;OK\u{1b}\\",
        ] {
            assert_eq!(keys(&format!("a{silent}b")), "a b", "{silent:?}");
        }
    }

    #[test]
    fn a_paste_is_one_thing_whatever_it_holds() {
        assert_eq!(told(b"\x1b[200~rm -rf /\r\x1b[A\x1b[201~j"), [Input::Paste("rm -rf /\r\x1b[A".into()), Input::Key(Key::char('j'))]);
    }

    #[test]
    fn an_endless_paste_keeps_its_beginning_and_a_lost_end_does_not_hold_the_keys() {
        let mut bytes = b"\x1b[200~".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', 300_000));
        let whole = told(&[&bytes[..], PASTE_ENDS, b"j"].concat());
        assert!(matches!(&whole[..], [Input::Paste(text), Input::Key(_)] if text.len() == LONGEST_PASTE));
        assert!(matches!(&told(&bytes)[..], [Input::Paste(_)]));
    }

    #[test]
    fn the_width_of_a_box_character_is_heard_once() {
        let (mut decoder, mut told) = (Decoder::expecting_width(), Vec::new());
        decoder.feed(b"j\x1b[1;3R\x1b[1;2R", &mut told);
        assert_eq!(told, [Input::Key(Key::char('j')), Input::NarrowGlyphs(false), key(KeyCode::F(3), false, false, true)]);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_end_in_silence(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let cut = cut.min(bytes.len());
            let (mut decoder, mut pieces) = (Decoder::default(), Vec::new());
            decoder.feed(&bytes[..cut], &mut pieces);
            decoder.feed(&bytes[cut..], &mut pieces);
            if decoder.patience().is_some() {
                decoder.silence(&mut pieces);
            }
            prop_assert!(decoder.patience().is_none());
            prop_assert_eq!(pieces, told(&bytes));
        }
    }
}
