//! From keys to what they do: the highest layer that knows a key decides.

use super::{App, DialogId, Effect, Overlay, Panel, Screen};
use crate::{
    keys::{Action, Key, KeyCode, Layer, Resolution},
    widgets::Edit,
};

/// How an edit of a line of text is typed. Readline's keys, which fingers know.
pub(super) fn edit(key: Key) -> Option<Edit> {
    if let Some(c) = key.text() {
        return Some(Edit::Insert(c));
    }
    Some(match (key.code, key.ctrl, key.alt) {
        (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, _) => Edit::Backspace,
        (KeyCode::Delete, ..) => Edit::Delete,
        (KeyCode::Left, false, false) | (KeyCode::Char('b'), true, _) => Edit::Left,
        (KeyCode::Right, false, false) | (KeyCode::Char('f'), true, _) => Edit::Right,
        (KeyCode::Left, ..) | (KeyCode::Char('b'), _, true) => Edit::WordLeft,
        (KeyCode::Right, ..) | (KeyCode::Char('f'), _, true) => Edit::WordRight,
        (KeyCode::Home, ..) | (KeyCode::Char('a'), true, _) => Edit::Home,
        (KeyCode::End, ..) | (KeyCode::Char('e'), true, _) => Edit::End,
        (KeyCode::Char('w'), true, _) | (KeyCode::Backspace, ..) => Edit::DeleteWord,
        (KeyCode::Char('u'), true, _) => Edit::DeleteToStart,
        (KeyCode::Char('k'), true, _) => Edit::DeleteToEnd,
        _ => return None,
    })
}

impl App {
    /// The layer of the view below whatever lies over it.
    pub fn view_layer(&self) -> Layer {
        match (self.screens.last(), self.panel) {
            (Some(Screen::Operation(key)), _) => self.operations.layer(*key),
            (Some(screen), _) => screen.layer(),
            (None, Panel::Environments) => Layer::Environments,
            (None, Panel::Pipelines) => Layer::Pipelines,
            (None, Panel::Logs) => Layer::Logs,
            (None, Panel::Alerts) => Layer::Alerts,
        }
    }

    /// The layers of the keymap that hold now, the highest first.
    pub fn layers(&self) -> Vec<Layer> {
        let top = self.overlay.as_ref().map_or_else(|| self.view_layer(), Overlay::layer);
        if top == Layer::Global { vec![top] } else { vec![top, Layer::Global] }
    }

    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        self.last_key = Some(self.now.mono);
        if self.typed_ahead(key) {
            self.keys.clear();
            return Vec::new();
        }
        self.keys.push(key);
        let layers = self.layers();
        match self.start.keymap.resolve(&layers, &self.keys) {
            Resolution::Pending => Vec::new(),
            Resolution::Action(action) => {
                self.keys.clear();
                self.wish(action)
            }
            Resolution::None => {
                self.keys.clear();
                if layers.first().is_some_and(|layer| layer.is_text()) { self.type_in(key) } else { Vec::new() }
            }
        }
    }

    /// Carries a wish out: the overlay first, then the screen, then the panel, then the console itself.
    pub(super) fn wish(&mut self, action: Action) -> Vec<Effect> {
        if action == Action::Quit {
            return self.quit();
        }
        // What can not be seen can not be meant.
        if self.too_small() {
            return Vec::new();
        }
        if action == Action::Enter && self.unseen().is_some() {
            self.complain("that Enter came before this was on the screen: press it once more");
            return Vec::new();
        }
        if self.overlay.is_some() {
            return self.overlay_wish(action);
        }
        if let Some(effects) = self.screen_wish(action) {
            return effects;
        }
        if self.screens.is_empty()
            && let Some(effects) = self.panel_wish(action)
        {
            return effects;
        }
        self.console_wish(action)
    }

    fn type_in(&mut self, key: Key) -> Vec<Effect> {
        // What is typed before a dialog can have been read was meant for something else.
        if self.unseen().is_some() || self.too_small() {
            return Vec::new();
        }
        let Some(edit) = edit(key) else { return Vec::new() };
        match &mut self.overlay {
            Some(Overlay::Palette(palette)) => {
                palette.field.edit(edit);
                palette.search();
            }
            Some(Overlay::Filter(field)) => {
                field.edit(edit);
                let text = field.text().to_owned();
                self.filter(&text);
            }
            Some(Overlay::Help { .. } | Overlay::Choose(_) | Overlay::Unlock { .. } | Overlay::Quit { .. } | Overlay::Shell { .. } | Overlay::Links { .. }) => {
            }
            None => {
                if let Some(Screen::Operation(key)) = self.screens.last() {
                    self.operations.edit(*key, edit);
                }
            }
        }
        Vec::new()
    }

    /// Whether the terminal is too small for anything but those words.
    pub fn too_small(&self) -> bool {
        let least = crate::view::SMALLEST;
        self.size.width < least.width || self.size.height < least.height
    }

    /// Pasted text goes into a line of text; into a confirm line it never goes.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        if self.too_small() {
            return Vec::new();
        }
        match &mut self.overlay {
            Some(Overlay::Palette(palette)) => {
                palette.field.paste(text);
                palette.search();
            }
            Some(Overlay::Filter(field)) => {
                field.paste(text);
                let text = field.text().to_owned();
                self.filter(&text);
            }
            Some(Overlay::Help { .. } | Overlay::Choose(_) | Overlay::Unlock { .. } | Overlay::Quit { .. } | Overlay::Shell { .. } | Overlay::Links { .. }) => {
            }
            None => {
                if let Some(Screen::Operation(key)) = self.screens.last()
                    && !self.operations.paste(*key, text)
                {
                    self.complain("pasted text does not confirm anything: type it");
                }
            }
        }
        Vec::new()
    }

    pub(super) fn painted(&mut self, dialog: DialogId) -> Vec<Effect> {
        if let Some(overlay) = &mut self.overlay {
            overlay.painted(dialog);
        }
        self.operations.painted(dialog);
        Vec::new()
    }
}
