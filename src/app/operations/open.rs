//! What other consoles left open, and what runs in the background.

use super::{App, OperationKey};
use crate::app::{Effect, OpenOperation, Tone};

impl App {
    pub(in crate::app) fn open_operations(&mut self, open: Vec<OpenOperation>) -> Vec<Effect> {
        if let Some(first) = open.first() {
            self.notices.say(Tone::Bad, crate::clean!("{} was begun and not ended; B shows it", first.title), self.now);
        }
        self.operations.open = open;
        Vec::new()
    }

    /// Goes to what runs in the background, or takes up what was left open.
    pub fn attach(&mut self, line: &str) {
        let key = line.strip_prefix("run-").and_then(|number| number.parse().ok()).map(OperationKey);
        match key {
            Some(key) if self.operations.get(key).is_some() => self.show_operation(key),
            Some(_) | None => self.say("what became of it is in the history of its workload: z"),
        }
    }
}
