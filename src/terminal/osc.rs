//! What the terminal does for us besides drawing: the clipboard, a bell, a notification.

use crate::{clean, text::Clean};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What stands between us and the terminal, and has to be told to pass things on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mux {
    /// Nothing.
    #[default]
    None,
    /// tmux; it passes on what is wrapped if `allow-passthrough` is on.
    Tmux,
    /// GNU screen; it passes on short pieces.
    Screen,
}

/// The most that terminals take: its base64 is just under 100,000 characters.
const LARGEST: usize = 74_994;
/// Screen drops longer strings.
const PIECE: usize = 250;

impl Mux {
    /// From the environment: `TMUX`, `STY` and `TERM`.
    pub fn of(tmux: Option<&str>, sty: Option<&str>, term: Option<&str>) -> Self {
        let set = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        if set(tmux) {
            Self::Tmux
        } else if set(sty) || term.is_some_and(|term| term.starts_with("screen")) {
            Self::Screen
        } else {
            Self::None
        }
    }

    fn wrap(self, sequence: &[u8]) -> Vec<u8> {
        match self {
            Self::None => sequence.to_vec(),
            Self::Tmux => {
                let doubled = sequence.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == 0x1b { 2 } else { 1 }));
                b"\x1bPtmux;".iter().copied().chain(doubled).chain(*b"\x1b\\").collect()
            }
            Self::Screen => sequence.chunks(PIECE).flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect(),
        }
    }
}

/// A copy on its way to the clipboard. Whether it arrives is up to the terminal, which does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// For [`Canvas::aside`](super::Canvas::aside).
    pub bytes: Vec<u8>,
    /// For the notice.
    pub says: Clean,
}

/// Asks the terminal to put `text` into its clipboard (OSC 52), which works over SSH.
///
/// # Errors
/// What to tell the user when the text is larger than terminals take.
pub fn clipboard(text: &str, mux: Mux) -> Result<Copied, Clean> {
    if text.len() > LARGEST {
        return Err(clean!(
            "not copied: {} bytes are too large for a terminal's clipboard, which takes {LARGEST}; ctrl-s saves the view to a file",
            text.len()
        ));
    }
    let sequence = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
    Ok(Copied { bytes: mux.wrap(sequence.as_bytes()), says: clean!("sent to the terminal's clipboard ({} bytes)", text.len()) })
}

/// How to call somebody who looks elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ring {
    /// Not at all.
    #[default]
    Off,
    /// The bell.
    Bell,
    /// A notification, as iTerm2, ConEmu, WezTerm and others have it (OSC 9).
    Osc9,
    /// A notification with a title, as urxvt, foot, Ghostty and others have it (OSC 777).
    Osc777,
}

/// The bytes that call somebody and say `words`.
pub fn ring(how: Ring, words: &Clean, mux: Mux) -> Vec<u8> {
    // The words are clean; a semicolon would still end a field.
    let words: String = words.chars().filter(|c| !c.is_control()).map(|c| if c == ';' { ',' } else { c }).collect();
    match how {
        Ring::Off => Vec::new(),
        Ring::Bell => b"\x07".to_vec(),
        Ring::Osc9 => mux.wrap(format!("\x1b]9;Pilothouse: {words}\x07").as_bytes()),
        Ring::Osc777 => mux.wrap(format!("\x1b]777;notify;Pilothouse;{words}\x07").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace('\x1b', "^").replace('\x07', "%")
    }

    #[test]
    fn a_copy_is_wrapped_for_what_stands_in_between() {
        let copy = |mux| shown(&clipboard("cart", mux).expect("small").bytes);
        assert_eq!(copy(Mux::None), "^]52;c;Y2FydA==%");
        assert_eq!(copy(Mux::Tmux), "^Ptmux;^^]52;c;Y2FydA==%^\\");
        assert_eq!(copy(Mux::Screen), "^P^]52;c;Y2FydA==%^\\");
        let long = clipboard(&"x".repeat(1000), Mux::Screen).expect("small enough").bytes;
        assert!(shown(&long).split("^\\").all(|piece| piece.len() <= PIECE + 2));
    }

    #[test]
    fn a_copy_says_its_size_and_one_too_large_is_refused() {
        assert_eq!(clipboard("cart", Mux::None).expect("small").says.as_str(), "sent to the terminal's clipboard (4 bytes)");
        assert!(clipboard(&"x".repeat(LARGEST), Mux::None).is_ok_and(|copied| copied.bytes.len() < 100_000 + 10));
        assert!(clipboard(&"x".repeat(LARGEST + 1), Mux::None).is_err_and(|says| says.contains("too large")));
    }

    #[test]
    fn words_from_outside_can_not_leave_their_notification() {
        let words = Clean::from_untrusted("cart\x1b]52;c;AAAA\x07; rm");
        assert_eq!(shown(&ring(Ring::Osc9, &words, Mux::None)).matches(['^', '%']).count(), 2);
        let titled = shown(&ring(Ring::Osc777, &words, Mux::None));
        assert_eq!((titled.matches(';').count(), titled.matches('%').count()), (3, 1));
        assert_eq!(ring(Ring::Bell, &words, Mux::Tmux), b"\x07");
    }

    #[test]
    fn the_environment_says_what_stands_in_between() {
        assert_eq!(Mux::of(Some("/tmp/tmux-0/default,1,0"), None, Some("tmux-256color")), Mux::Tmux);
        assert_eq!(Mux::of(None, Some("1.pts"), Some("screen")), Mux::Screen);
        assert_eq!(Mux::of(Some(""), None, Some("xterm-256color")), Mux::None);
    }
}
