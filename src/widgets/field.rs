//! A line of typing: filter, palette, confirm line, reason.

use super::{Align, Piece, draw_line};
use crate::{
    text::Clean,
    theme::{Role, Theme},
};
use ratatui::{buffer::Buffer, layout::Rect};
use tui_input::{Input, InputRequest};

/// One change of a field. Which key means which is the keymap's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A typed character.
    Insert(char),
    /// One character back.
    Left,
    /// One character on.
    Right,
    /// To the start of the word.
    WordLeft,
    /// To the start of the next word.
    WordRight,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// Deletes the character before the cursor.
    Backspace,
    /// Deletes the character under the cursor.
    Delete,
    /// Deletes the word before the cursor.
    DeleteWord,
    /// Deletes all before the cursor.
    DeleteToStart,
    /// Deletes all from the cursor on.
    DeleteToEnd,
}

/// What is being typed, and where the cursor stands in it.
#[derive(Clone, Debug, Default)]
pub struct Field {
    input: Input,
}

/// How a field is drawn.
#[derive(Clone, Debug, Default)]
pub enum Look {
    /// As typed.
    #[default]
    Plain,
    /// As typed; before anything is, these words.
    Hint(Clean),
    /// One mark for each character.
    Masked,
    /// As typed up to the first `=`, after it one mark for each character.
    MaskedValue,
}

/// A field holds no more characters than this: typing has an end, a pasted file has none.
const LONGEST: usize = 4096;

impl Field {
    /// A field that already holds `text`, the cursor at its end.
    pub fn holding(text: &str) -> Self {
        let mut field = Self::default();
        field.paste(text);
        field
    }

    /// What has been typed.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Whether nothing has been typed.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// Empties the field and answers what it held.
    pub fn take(&mut self) -> String {
        self.input.value_and_reset()
    }

    /// Carries out one edit; answers whether the text is another one now.
    pub fn edit(&mut self, edit: Edit) -> bool {
        let request = match edit {
            Edit::Insert(c) if c.is_control() || self.text().len() >= LONGEST => return false,
            Edit::Insert(c) => InputRequest::InsertChar(c),
            Edit::Left => InputRequest::GoToPrevChar,
            Edit::Right => InputRequest::GoToNextChar,
            Edit::WordLeft => InputRequest::GoToPrevWord,
            Edit::WordRight => InputRequest::GoToNextWord,
            Edit::Home => InputRequest::GoToStart,
            Edit::End => InputRequest::GoToEnd,
            Edit::Backspace => InputRequest::DeletePrevChar,
            Edit::Delete => InputRequest::DeleteNextChar,
            Edit::DeleteWord => InputRequest::DeletePrevWord,
            Edit::DeleteToStart => InputRequest::DeleteFromStart,
            Edit::DeleteToEnd => InputRequest::DeleteTillEnd,
        };
        self.input.handle(request).is_some_and(|changed| changed.value)
    }

    /// Inserts pasted text as one line: what is not a character becomes a blank.
    pub fn paste(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars().take(LONGEST) {
            self.edit(Edit::Insert(if c.is_control() { ' ' } else { c }));
        }
    }

    /// Draws the field into the first row of `area`, scrolled so that the cursor is in view. The cursor is a reversed cell.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, look: &Look, focused: bool, theme: &Theme) {
        let area = Rect { height: area.height.min(1), ..area }.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let (before, after) = self.shown(look);
        let at = super::width(&before);
        let room = usize::from(area.width);
        let hidden = (at + 1).saturating_sub(room);
        let line = match look {
            Look::Hint(hint) if self.is_empty() => vec![Piece::new(Role::Faint, hint.clone())],
            Look::Plain | Look::Hint(_) | Look::Masked | Look::MaskedValue => super::skip(&[Piece::from(crate::clean!("{before}{after}"))], hidden),
        };
        draw_line(buf, area, &line, Align::Left, theme);
        if focused {
            let x = area.x + u16::try_from((at - hidden).min(room - 1)).unwrap_or(0);
            buf.set_style(Rect { x, width: 1, ..area }, theme.style(Role::Cursor));
        }
    }

    /// The text before and after the cursor, as it is drawn.
    fn shown(&self, look: &Look) -> (Clean, Clean) {
        let split = self.text().char_indices().nth(self.input.cursor()).map_or(self.text().len(), |(at, _)| at);
        // From here on the text is hidden.
        let hidden = match look {
            Look::Plain | Look::Hint(_) => self.text().len(),
            Look::Masked => 0,
            Look::MaskedValue => self.text().find('=').map_or(self.text().len(), |at| at + 1),
        };
        let face = |from: usize, to: usize| {
            let (shown, masked) = self.text()[from..to].split_at(hidden.clamp(from, to) - from);
            crate::clean!("{shown}{}", super::sign::MASK.repeat(masked.chars().count()))
        };
        (face(0, split), face(split, self.text().len()))
    }
}

/// Draws a prompt: `/cart    12 hits`. The label comes first, `says` stands at the right and leaves before the field gets narrow.
pub fn prompt(buf: &mut Buffer, area: Rect, label: &[Piece], field: &Field, look: &Look, says: &[Piece], theme: &Theme) {
    const NARROW: u16 = 12;
    let area = Rect { height: area.height.min(1), ..area }.intersection(buf.area);
    let cells = |line: &[Piece]| u16::try_from(super::line_width(line)).unwrap_or(u16::MAX);
    let label_width = cells(label).min(area.width);
    let rest = area.width - label_width;
    let says_width = if cells(says).saturating_add(1 + NARROW) <= rest { cells(says) } else { 0 };
    draw_line(buf, area, label, Align::Left, theme);
    if says_width > 0 {
        draw_line(buf, Rect { x: area.right() - says_width, width: says_width, ..area }, says, Align::Right, theme);
    }
    let gap = u16::from(says_width > 0);
    field.draw(buf, Rect { x: area.x + label_width, width: rest - says_width - gap, ..area }, look, true, theme);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{drawn, theme, under_cursor};
    use super::*;
    use crate::line;

    fn shown(field: &Field, look: &Look, width: u16) -> (String, String) {
        let draw = |buf: &mut Buffer, area| field.draw(buf, area, look, true, &theme());
        (drawn(width, 1, draw), under_cursor(width, 1, draw))
    }

    #[test]
    fn the_cursor_stays_in_view_however_long_the_text() {
        let mut field = Field::holding("a service name that is long");
        assert_eq!(shown(&field, &Look::Plain, 12), ("hat is long".into(), " ".into()));
        field.edit(Edit::Home);
        assert_eq!(shown(&field, &Look::Plain, 12), ("a service n…".into(), "a".into()));
        field.edit(Edit::WordRight);
        assert_eq!(shown(&field, &Look::Plain, 40), ("a service name that is long".into(), "s".into()));
    }

    #[test]
    fn wide_characters_never_push_the_cursor_out() {
        let field = Field::holding("漢字漢字漢字");
        for width in 1..14 {
            let (_, cursor) = shown(&field, &Look::Plain, width);
            assert_eq!(cursor.chars().count(), 1, "one cell at width {width}");
        }
    }

    #[test]
    fn a_secret_shows_its_length_only_and_an_empty_field_says_what_belongs_there() {
        assert_eq!(shown(&Field::holding("hunter2"), &Look::Masked, 12).0, "•••••••");
        assert_eq!(shown(&Field::default(), &Look::Hint("service name".into()), 20).0, "service name");
        let mut field = Field::holding("TOKEN=hunter2");
        assert_eq!(shown(&field, &Look::MaskedValue, 20).0, "TOKEN=•••••••");
        field.edit(Edit::Home);
        assert_eq!(shown(&field, &Look::MaskedValue, 20), ("TOKEN=•••••••".into(), "T".into()));
    }

    #[test]
    fn what_is_pasted_becomes_one_line_of_bounded_length() {
        let mut field = Field::default();
        field.paste("cart\r\nrm -rf\x1b[31m\n");
        assert_eq!(field.text(), "cart  rm -rf [31m");
        field.paste(&"x".repeat(1_000_000));
        assert!(field.text().len() <= LONGEST);
    }

    #[test]
    fn edits_say_whether_the_text_changed() {
        let mut field = Field::holding("one two");
        assert!(!field.edit(Edit::Left));
        assert!(field.edit(Edit::DeleteWord));
        assert!(!field.edit(Edit::Insert('\u{1b}')));
        assert_eq!(field.take(), "one o");
        assert!(field.is_empty());
    }

    #[test]
    fn a_prompt_keeps_room_for_typing() {
        let field = Field::holding("currency");
        let draw = |width| drawn(width, 1, |buf, area| prompt(buf, area, &line![(Role::Key, "/")], &field, &Look::Plain, &line!["245 hits"], &theme()));
        insta::assert_snapshot!(draw(40), @"/currency                       245 hits");
        insta::assert_snapshot!(draw(20), @"/currency");
    }
}
