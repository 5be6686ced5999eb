//! One key as people write it: `j`, `G`, `ctrl-r`, `shift-tab`.

use std::{fmt, str::FromStr};

/// The key itself, without what is held with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyCode {
    /// A character; a capital is the character itself, not shift.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// The tabulator.
    Tab,
    /// Delete to the left.
    Backspace,
    /// Delete to the right.
    Delete,
    /// Insert.
    Insert,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, `F(5)` for f5.
    F(u8),
}

/// Code, how it is written in a keymap, how a footer shows it.
const NAMED: &[(KeyCode, &str, &str)] = &[
    (KeyCode::Char(' '), "space", "space"),
    (KeyCode::Enter, "enter", "Enter"),
    (KeyCode::Esc, "esc", "Esc"),
    (KeyCode::Tab, "tab", "Tab"),
    (KeyCode::Backspace, "backspace", "Backspace"),
    (KeyCode::Delete, "del", "Del"),
    (KeyCode::Insert, "ins", "Ins"),
    (KeyCode::Up, "up", "Up"),
    (KeyCode::Down, "down", "Down"),
    (KeyCode::Left, "left", "Left"),
    (KeyCode::Right, "right", "Right"),
    (KeyCode::Home, "home", "Home"),
    (KeyCode::End, "end", "End"),
    (KeyCode::PageUp, "pgup", "PgUp"),
    (KeyCode::PageDown, "pgdn", "PgDn"),
];

/// Keys that a terminal sends as the same byte as another, so that they can not be bound apart.
const TWINS: &[(char, &str)] = &[('i', "tab"), ('m', "enter"), ('[', "esc")];

/// A key with what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The key.
    pub code: KeyCode,
    /// Control is held.
    pub ctrl: bool,
    /// Alt is held.
    pub alt: bool,
    /// Shift is held; never set with a character, which has its capital instead.
    pub shift: bool,
}

impl Key {
    /// The key in the one form that is compared: `shift` with a character is its capital, control with a letter is the small one.
    pub fn new(code: KeyCode, ctrl: bool, alt: bool, shift: bool) -> Self {
        let KeyCode::Char(c) = code else {
            return Self { code, ctrl, alt, shift };
        };
        let c = match (ctrl, shift) {
            (true, _) => c.to_ascii_lowercase(),
            (false, true) => c.to_uppercase().next().unwrap_or(c),
            (false, false) => c,
        };
        Self { code: KeyCode::Char(c), ctrl, alt, shift: false }
    }

    /// `code` alone.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// The character `c` alone.
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// The character that this key types into a text, if it types one.
    pub fn text(&self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// The key as a footer shows it: `Esc`, `ctrl-o`, `PgUp`.
    pub fn label(&self) -> String {
        self.write(|code| NAMED.iter().find(|(c, ..)| *c == code).map(|(_, _, label)| *label))
    }

    fn write(&self, named: impl Fn(KeyCode) -> Option<&'static str>) -> String {
        let held = [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")];
        let mut text: String = held.iter().filter(|(held, _)| *held).map(|(_, name)| *name).collect();
        match (named(self.code), self.code) {
            (Some(name), _) => text.push_str(name),
            (None, KeyCode::Char(c)) => text.push(c),
            (None, KeyCode::F(n)) => text.push_str(&format!("f{n}")),
            (None, _) => {}
        }
        text
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.write(|code| NAMED.iter().find(|(c, ..)| *c == code).map(|(_, name, _)| *name)))
    }
}

/// Why a text is not a key, and how to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKey(pub String);

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadKey {}

impl FromStr for Key {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let (mut rest, mut held) = (text, [false; 3]);
        while let Some((i, after)) = modifier(rest) {
            held[i] = true;
            rest = after;
        }
        let [ctrl, alt, shift] = held;
        let code =
            code(rest).ok_or_else(|| BadKey(format!("`{text}` is not a key; write `j`, `G`, `ctrl-r`, `alt-x`, `shift-tab`, `pgup`, `f5` or `space`")))?;
        if let (true, KeyCode::Char(c)) = (ctrl, code)
            && let Some((_, twin)) = TWINS.iter().find(|(twin, _)| *twin == c.to_ascii_lowercase())
        {
            return Err(BadKey(format!("a terminal can not tell `{text}` from `{twin}`; write `{twin}` or take another key")));
        }
        Ok(Self::new(code, ctrl, alt, shift))
    }
}

fn modifier(text: &str) -> Option<(usize, &str)> {
    let found = ["ctrl-", "alt-", "shift-"].iter().enumerate().find_map(|(i, name)| Some((i, text.strip_prefix(name)?)));
    found.filter(|(_, rest)| !rest.is_empty())
}

fn code(text: &str) -> Option<KeyCode> {
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control() && c != ' ').then_some(KeyCode::Char(c));
    }
    if let Some((code, ..)) = NAMED.iter().find(|(_, name, _)| *name == text) {
        return Some(*code);
    }
    let number = text.strip_prefix('f')?.parse().ok()?;
    (1..=12).contains(&number).then_some(KeyCode::F(number))
}

/// One key, or several pressed one after the other, as in `g g`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chord(Vec<Key>);

impl Chord {
    /// The keys in the order in which they are pressed; never empty.
    pub fn keys(&self) -> &[Key] {
        &self.0
    }

    /// The chord as a footer shows it.
    pub fn label(&self) -> String {
        self.0.iter().map(Key::label).collect::<Vec<_>>().join(" ")
    }
}

impl From<Key> for Chord {
    fn from(key: Key) -> Self {
        Self(vec![key])
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.iter().map(Key::to_string).collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for Chord {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let keys = text.split_ascii_whitespace().map(str::parse).collect::<Result<Vec<Key>, _>>()?;
        if keys.is_empty() {
            return Err(BadKey("an empty text is not a key; write `space` for the space bar, `none` for no key".into()));
        }
        Ok(Self(keys))
    }
}
