//! From keys to wishes.

use super::{Action, Chord, DEFAULT, Fault, Key, Layer, read};
use std::ops::Range;

/// One key or chord that stands for an action in a layer.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub layer: Layer,
    pub action: Action,
    pub chord: Chord,
    /// Where the user's file says so; `None` for a built-in one.
    pub from: Option<Range<usize>>,
}

/// What the keys pressed so far stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// This wish.
    Action(Action),
    /// The beginning of a chord: wait for the next key.
    Pending,
    /// Nothing; in a text layer the key is text.
    None,
}

/// One line of help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// The keys as they are shown, `j, Down`; empty when no key is bound.
    pub keys: String,
    /// The action they stand for.
    pub action: Action,
    /// What it does in this layer.
    pub text: &'static str,
}

/// All bindings: the built-in ones, and the user's over them.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        let (found, faults) = read::read(DEFAULT);
        debug_assert!(faults.is_empty(), "the built-in keymap: {faults:?}");
        Self { bindings: found.iter().flat_map(|found| found.bindings(false)).collect() }
    }
}

impl Keymap {
    /// The built-in keymap with the user's file over it: an action bound there loses its built-in keys, `"none"` leaves it without.
    ///
    /// # Errors
    /// All that is wrong with the file, in its order.
    pub fn with(user: &str) -> Result<Self, Vec<Fault>> {
        let (found, mut faults) = read::read(user);
        let mut bindings = Self::default().bindings;
        bindings.retain(|b| !found.iter().any(|f| (f.layer, f.action) == (b.layer, b.action)));
        bindings.extend(found.iter().flat_map(|found| found.bindings(true)));
        faults.extend(read::conflicts(&bindings));
        if !faults.is_empty() {
            faults.sort_by_key(|fault| fault.span.start);
            return Err(faults);
        }
        Ok(Self { bindings })
    }

    /// What `keys`, pressed one after the other, stand for when `layers` lie over each other, the highest first.
    pub fn resolve(&self, layers: &[Layer], keys: &[Key]) -> Resolution {
        for layer in layers {
            match self.resolve_in(*layer, keys) {
                Resolution::None if layer.is_text() => return Resolution::None,
                Resolution::None => {}
                found @ (Resolution::Action(_) | Resolution::Pending) => return found,
            }
        }
        Resolution::None
    }

    fn resolve_in(&self, layer: Layer, keys: &[Key]) -> Resolution {
        let mut here = self.bindings.iter().filter(|b| b.layer == layer && b.chord.keys().starts_with(keys));
        match here.next() {
            Some(b) if b.chord.keys().len() == keys.len() => Resolution::Action(b.action),
            Some(_) => Resolution::Pending,
            None => Resolution::None,
        }
    }

    /// The chords that stand for `action` in `layer`, the preferred one first.
    pub fn chords(&self, layer: Layer, action: Action) -> impl Iterator<Item = &Chord> {
        self.bindings.iter().filter(move |b| (b.layer, b.action) == (layer, action)).map(|b| &b.chord)
    }

    /// The preferred key for `action` in `layer` or below it, as a footer shows it: `R`.
    pub fn key(&self, layer: Layer, action: Action) -> Option<String> {
        let below = (!layer.is_text()).then_some(Layer::Global);
        [Some(layer), below].into_iter().flatten().find_map(|layer| self.chords(layer, action).next().map(Chord::label))
    }

    /// The lines of help for one layer: first what is particular in it, then its own keys in the order of the table.
    pub fn help(&self, layer: Layer) -> Vec<Help> {
        let particular = layer.readings().map(|(action, text)| self.line(layer, action, text));
        let own = Action::ALL.iter().filter(|action| match layer {
            Layer::Global => matches!(action.table(), "global" | "verbs"),
            _ => self.chords(layer, **action).next().is_some() && layer.reading(**action).is_none(),
        });
        particular.chain(own.map(|action| self.line(layer, *action, action.help()))).collect()
    }

    fn line(&self, layer: Layer, action: Action, text: &'static str) -> Help {
        let own = self.chords(layer, action).next().is_some() || layer.is_text();
        let at = if own { layer } else { Layer::Global };
        let keys = self.chords(at, action).map(Chord::label).collect::<Vec<_>>().join(", ");
        Help { keys, action, text }
    }
}
