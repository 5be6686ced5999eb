//! What is hostile, and that nothing of it gets through.

use super::*;
use proptest::prelude::*;

/// Attacks on a terminal: clipboard, title, links, device strings, cursor, questions that answer into the input, resets, and what hides or turns text.
pub(super) const PAYLOADS: [&str; 40] = [
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]52;c;ZXZpbA==\x1b\\",
    "\x1b]0;owned\x07",
    "\x1b]2;owned\x1b\\",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]777;notify;a;b\x07",
    "\x1b]1337;File=inline=1:AAAA\x07",
    "\x1bPq#0;2;0;0;0\x1b\\",
    "\x1bPtmux;\x1b\x1b]0;owned\x07\x1b\\",
    "\x1bP$qm\u{9c}after",
    "\x1bP1$r✜after",
    "\x1b_Gf=24;AAAA\x1b\\",
    "\x1b^private\x1b\\",
    "\x1bXstring\x1b\\",
    "\x1b[2J\x1b[H",
    "\x1b[10;10H",
    "\x1b[A\x1b[2K",
    "\x1b[6n",
    "\x1b[c",
    "\x1b[>c",
    "\x1b[?1049h",
    "\x1b[?25l",
    "\x1b[?1000h\x1b[?2004h",
    "\x1b[21t",
    "\x1b[8;1;1t",
    "\x1bc",
    "\x1b#8",
    "\x1b(0lqqk",
    "\x1b=",
    "\x1b7\x1b8\x1bM",
    "\x1b]0;never ends",
    "\x1b[38;5",
    "\x1b",
    "\u{9b}31mred\u{9b}0m",
    "\u{9d}0;owned\u{9c}",
    "\u{90}q\u{9c}\u{85}\u{8d}",
    "ok\rFAILED",
    "a\x08\x08b\x07\x0e\x0f\x7f",
    "user\u{202e}txt.exe\u{202c}\u{2066}x\u{2069}\u{200f}\u{61c}",
    "a\u{200b}b\u{feff}c\u{e0041}\u{e0042}d\u{fe0f}\u{ad}\u{2028}e",
];

/// Hears everything that a terminal would do beyond printing.
#[derive(Default)]
struct Deeds(Vec<&'static str>);

impl vt100::Callbacks for Deeds {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0.push("bell");
    }
    fn visual_bell(&mut self, _: &mut vt100::Screen) {
        self.0.push("flash");
    }
    fn resize(&mut self, _: &mut vt100::Screen, _: (u16, u16)) {
        self.0.push("resize");
    }
    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0.push("icon");
    }
    fn set_window_title(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0.push("title");
    }
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], _: &[u8]) {
        self.0.push("clipboard");
    }
    fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0.push("paste");
    }
    fn unhandled_control(&mut self, _: &mut vt100::Screen, _: u8) {
        self.0.push("control");
    }
    fn unhandled_escape(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, _: u8) {
        self.0.push("escape");
    }
    fn unhandled_csi(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, _: &[&[u16]], _: char) {
        self.0.push("csi");
    }
    fn unhandled_osc(&mut self, _: &mut vt100::Screen, _: &[&[u8]]) {
        self.0.push("osc");
    }
}

/// What printing `text` does to a terminal, beyond letters on its first row.
fn deeds(text: &str) -> Vec<&'static str> {
    let size = |n| std::num::NonZeroU16::new(n).expect("not zero");
    let mut terminal = vt100::Parser::new_with_callbacks(size(40), size(200), 0, Deeds::default());
    let quiet = (terminal.screen().input_mode_formatted(), terminal.screen().attributes_formatted());
    terminal.process(text.as_bytes());
    let screen = terminal.screen();
    let changed = quiet != (screen.input_mode_formatted(), screen.attributes_formatted()) || screen.alternate_screen() || screen.hide_cursor();
    let mut deeds = terminal.callbacks().0.clone();
    if changed {
        deeds.push("modes");
    }
    deeds
}

fn harmless(text: &str) -> bool {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
    !text.chars().any(|c| c.is_control() || hidden(c)) && deeds(text).is_empty()
}

/// The longest run of characters that take no cell of their own.
fn tallest(text: &str) -> usize {
    use unicode_width::UnicodeWidthChar;
    text.chars().collect::<Vec<_>>().split(|c| c.width() != Some(0) || *c == '\u{200d}').map(<[char]>::len).max().unwrap_or(0)
}

#[test]
fn the_oracle_hears_what_the_payloads_do() {
    assert_eq!(deeds("\x1b]0;owned\x07"), ["icon", "title"]);
    assert_eq!(deeds("\x07"), ["bell"]);
    assert_eq!(deeds("\x1b[?25l"), ["modes"]);
    assert!(deeds("cart 2.8.0 ✓").is_empty());
}

#[test]
fn no_payload_does_anything() {
    for payload in PAYLOADS {
        for text in [payload.to_owned(), format!("before {payload} after"), payload.repeat(3)] {
            let clean = Clean::from_untrusted(&text);
            assert!(harmless(&clean), "{text:?} became {clean:?}");
            assert_eq!(Clean::from_untrusted(&clean), clean, "cleaned twice");
            assert_eq!(Painted::from_untrusted(&text).text, clean, "{text:?}");
        }
    }
}

#[test]
fn sequences_leave_whole_and_letters_stay() {
    for (text, clean) in [
        ("a\x1b[31mb\x1b[0mc", "abc"),
        ("\x1b]8;;http://x\x1b\\click\x1b]8;;\x07 me", "click me"),
        ("\x1bPq#0\x1b\\after", "after"),
        ("\x1bP1$r✜after", "after"),
        ("\x1b]0;never ends", "␛]0;never ends"),
        ("tab\there", "tab    here"),
        ("two\r\nlines\n", "two↵lines"),
        ("ok\rFAILED\r\n", "ok␍FAILED"),
        ("caf\u{e9} 日本 ✓ e\u{301}", "caf\u{e9} 日本 ✓ e\u{301}"),
        ("\u{301}start", "start"),
        ("txt\u{202e}exe", "txt␣exe"),
        ("👩\u{200d}🚀 a\u{200d}b \u{200d}", "👩\u{200d}🚀 a␣b ␣"),
        ("❤\u{fe0f}\u{200d}🔥", "❤\u{200d}🔥"),
        ("nul\0 bel\x07 c1\u{85}", "nul bel c1"),
        ("", ""),
        ("\n", ""),
        ("\n\x1b[0m\r\n", ""),
        ("\n\na", "↵↵a"),
    ] {
        assert_eq!(&*Clean::from_untrusted(text), clean, "{text:?}");
    }
    let tall = format!("a{}", "\u{301}".repeat(100));
    assert_eq!(&*Clean::from_untrusted(&tall), "a\u{301}\u{301}\u{301}\u{301}");
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such() {
    assert_eq!(&*Clean::from_bytes(b"caf\xe9 ok"), "caf\u{fffd} ok");
    assert_eq!(&*Clean::from_bytes(b"\x9b31m"), "\u{fffd}31m");
}

#[test]
fn a_text_of_lines_becomes_lines() {
    let lines: Vec<_> = Clean::lines("one\r\n\x1b[1mtwo\x1b[0m\n\nfour\n").map(|line| line.to_string()).collect();
    assert_eq!(lines, ["one", "two", "", "four"]);
}

#[test]
fn what_is_too_long_says_how_much_is_missing() {
    let clean = Clean::from_untrusted(&"x".repeat(100_000));
    assert!(clean.len() <= 64 * 1024);
    assert!(clean.ends_with("x … 34,528 bytes more"), "{}", &clean[clean.len() - 40..]);
    assert_eq!(Clean::from_untrusted(&clean), clean);
    let wide = Clean::from_untrusted(&"\t".repeat(60_000));
    assert!(wide.len() <= 64 * 1024 && wide.ends_with("bytes more"));
    assert_eq!(Clean::from_untrusted(&wide), wide);
    assert_eq!(Clean::from_untrusted(&"x".repeat(64 * 1024)).len(), 64 * 1024);
}

#[test]
fn a_line_of_unfinished_sequences_takes_no_longer_than_its_length() {
    let clean = Clean::from_untrusted(&"\x1b]".repeat(20_000));
    assert!(clean.starts_with("␛]␛]"));
}

#[test]
fn log_bodies_keep_their_colours() {
    let line = Painted::from_untrusted("\x1b[1;31mERROR\x1b[0m in \x1b[38;5;208mcart\x1b[39m \x1b[38;2;1;2;3mx\x1b[48:2::9:8:7my\x1b[m");
    assert_eq!(&*line.text, "ERROR in cart xy");
    let red = Paint { fg: Some(Hue::Basic(1)), bold: true, ..Paint::default() };
    let rgb = Paint { fg: Some(Hue::Rgb(1, 2, 3)), ..Paint::default() };
    let parts: Vec<_> = line.parts().collect();
    assert_eq!(
        parts,
        [
            ("ERROR", red),
            (" in ", Paint::default()),
            ("cart", Paint { fg: Some(Hue::Indexed(208)), ..Paint::default() }),
            (" ", Paint::default()),
            ("x", rgb),
            ("y", Paint { bg: Some(Hue::Rgb(9, 8, 7)), ..rgb }),
        ]
    );
}

#[test]
fn nothing_in_a_log_is_painted_invisible() {
    let line = Painted::from_untrusted("\x1b[8mhidden\x1b[0m \x1b[30;40mblack\x1b[0m");
    assert!(line.parts().all(|(_, paint)| paint == Paint::default()), "{line:?}");
    assert!(line.spans.is_empty());
}

#[test]
fn a_plain_line_has_no_spans() {
    assert_eq!(Painted::from_untrusted("plain"), Painted::from(Clean::from_static("plain")));
    assert_eq!(Painted::from_bytes(b"\x1b[32mok\xff").text, Clean::from_untrusted("ok\u{fffd}"));
}

/// Text in which hostile pieces are frequent.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(PAYLOADS.to_vec()).prop_map(String::from),
        prop::sample::select(vec!["\x1b[", "\x1b]", "\x1bP", "\x1b\\", "\x18", "\u{9c}", "\u{200d}", "👩", "\u{1f3fd}", "\u{301}", "\u{fe0f}", "\n", "\r"])
            .prop_map(String::from),
        ".{0,6}",
        "[ -~]{0,6}",
        prop::collection::vec(any::<char>(), 0..4).prop_map(String::from_iter),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn nothing_hostile_gets_through(text in hostile()) {
        let clean = Clean::from_untrusted(&text);
        prop_assert!(harmless(&clean), "{:?} became {:?}", text, clean);
        prop_assert!(tallest(&clean) <= 5, "{:?}", clean);
        prop_assert_eq!(&Clean::from_untrusted(&clean), &clean);
    }

    #[test]
    fn any_bytes_become_harmless(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let clean = Clean::from_bytes(&bytes);
        prop_assert!(harmless(&clean), "{:?}", clean);
    }

    #[test]
    fn colours_cover_the_text_and_never_split_a_letter(text in hostile()) {
        let painted = Painted::from_untrusted(&text);
        prop_assert_eq!(&painted.text, &Clean::from_untrusted(&text));
        prop_assert_eq!(painted.parts().map(|(part, _)| part).collect::<String>(), &*painted.text);
        prop_assert!(painted.spans.windows(2).all(|two| two[0].end <= two[1].start));
        prop_assert!(painted.spans.iter().all(|span| span.start < span.end && painted.text.get(span.start as usize..span.end as usize).is_some()));
    }

    #[test]
    fn plain_text_is_left_alone(text in "[ -~]{0,80}") {
        prop_assert_eq!(&*Clean::from_untrusted(&text), &text);
    }
}

#[test]
fn a_joiner_after_a_tab_joins_nothing() {
    let clean = Clean::from_untrusted("\t\u{200d}👩");
    assert_eq!(clean.as_str(), "    ␣👩");
    assert_eq!(Clean::from_untrusted(&clean), clean);
}
