//! Telling others: the view as text that reads well in a chat, secrets masked.

use super::{App, Effect};
use crate::text::{Clean, redact};
use ratatui::{buffer::Buffer, layout::Rect};

impl App {
    /// The view as lines of text, as it is on screen without its frame of keys, secrets masked.
    pub fn view_as_text(&self) -> Vec<Clean> {
        let area = Rect::new(0, 0, self.size.width.max(80), self.size.height.max(24));
        let mut buffer = Buffer::empty(area);
        crate::view::draw_into(self, &mut buffer, area);
        let row = |y: u16| -> String { (0..area.width).map(|x| buffer[(x, y)].symbol()).collect() };
        (0..area.height.saturating_sub(2)).map(|y| Clean::from_untrusted(&redact(row(y).trim_end()))).collect()
    }

    pub(super) fn copy_view(&mut self) -> Vec<Effect> {
        vec![Effect::Copy(self.view_as_text())]
    }

    pub(super) fn save_view(&mut self) -> Vec<Effect> {
        let name = crate::clean!("{}-{}", self.words_of(&self.subject()), self.now.wall.strftime("%Y%m%dT%H%M%SZ"));
        vec![Effect::Save { name, lines: self.view_as_text() }]
    }

    /// What the loop tells of a copy or a file.
    pub(super) fn told(&mut self, told: Result<Clean, Clean>) -> Vec<Effect> {
        let expected = self.copying.take();
        match told {
            Ok(words) => self.say(expected.unwrap_or(words)),
            Err(words) => self.complain(words),
        }
        Vec::new()
    }

    /// Says `words` once what is copied has arrived, and until then too.
    pub(super) fn expect_copy(&mut self, words: Clean) {
        self.say(words.clone());
        self.copying = Some(words);
    }
}
