//! Asks registries where what runs comes from: two at a time and one for each registry, only those that the configuration allows, and only for what the
//! store lacks. What could not be read is not asked for again for minutes.

use super::{App, Effect, tasks::Purpose};
use crate::{
    domain::{Answer, Question, SourceId, TaskId, Trouble, Why, glob},
    store::{Claim, Sought},
};
use std::collections::BTreeMap;

/// So many are asked at a time.
const TOGETHER: usize = 2;

/// The questions that are out.
#[derive(Debug, Default)]
pub(super) struct Origins(BTreeMap<TaskId, Sought>);

impl App {
    /// Asks for what is lacking.
    pub(super) fn ask_origins(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        // A face that answers another question would not wait for it.
        let asks = self.start.guards || self.start.demo || self.verifies();
        if !asks || self.start.registries.is_empty() || self.origins.0.len() >= TOGETHER {
            return effects;
        }
        for image in self.store.unclaimed(self.now.wall) {
            let busy = self.origins.0.values().any(|asked| asked.registry == image.registry);
            let allowed = self.start.registries.iter().any(|pattern| glob(pattern, image.registry.raw()));
            if self.origins.0.len() < TOGETHER && !busy && allowed {
                let question = Question::Origin(image.reference.clone());
                let (task, effect) = self.ask(Purpose::Origin, SourceId::new(SourceId::REGISTRIES), question);
                self.origins.0.insert(task, image);
                effects.push(effect);
            }
        }
        effects
    }

    pub(super) fn origin_answered(&mut self, task: TaskId, answer: Result<Box<Answer>, Why>) {
        let Some(image) = self.origins.0.remove(&task) else { return };
        let claim = match answer.map(|answer| *answer) {
            Ok(Answer::Origin(Some(origin))) => Claim::Says(origin),
            Ok(_) => Claim::Silent,
            Err(Why { trouble, words }) => {
                let registry = matches!(trouble, Trouble::Unreachable | Trouble::Denied | Trouble::RateLimited);
                Claim::Unread { why: words, registry }
            }
        };
        self.store.claim(&image, claim, self.now.wall);
    }
}
