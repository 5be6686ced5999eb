//! Which answer was asked for what: one that nobody waits for any more is dropped.

use super::{App, Asked, Effect, Known, Screen};
use crate::{
    domain::{Answer, Question, SourceId, TaskId, Why},
    rollback::{Ask, Who},
    text::Name,
};
use std::collections::BTreeMap;

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The screen that asked.
    Screen,
    /// A procedure.
    Operation(super::OperationKey),
    /// An operation that was left open.
    Left(super::OperationKey),
    /// A verification.
    Verify,
    /// Whoever looks at a run.
    Run,
    /// The end of the list of runs.
    Older,
    /// What joins runs with what runs.
    Origin,
}

/// The answers that somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Tasks(BTreeMap<TaskId, Purpose>);

impl Tasks {
    /// Remembers that `purpose` waits for `task`.
    pub(super) fn expect(&mut self, task: TaskId, purpose: Purpose) {
        self.0.insert(task, purpose);
    }
}

impl App {
    /// The sources that can answer.
    fn who_can_answer(&self, who: &Who) -> Vec<SourceId> {
        match who {
            Who::Source(source) => vec![source.clone()],
            Who::Offering(kind) => {
                let offers = |known: &Result<Known, Why>| matches!(known, Ok(Known::Ready(offers)) if offers.feeds.contains(kind));
                self.sources.iter().filter(|(_, known)| offers(known)).map(|(source, _)| source.clone()).collect()
            }
        }
    }

    /// Who is asked this. Smoke requests are sent only where some are configured.
    pub(super) fn asked_of(&self, ask: &Ask) -> Vec<SourceId> {
        let tried = |service: &Name, environment: &Name| {
            self.start.smoke.iter().any(|(own, only)| own == service && only.as_ref().is_none_or(|only| only == environment))
        };
        match &ask.question {
            Question::Smoke { service, environment } if !tried(service, environment) => Vec::new(),
            _ => self.who_can_answer(&ask.who),
        }
    }

    /// Asks `source`, and remembers for whom.
    pub(super) fn ask(&mut self, purpose: Purpose, source: SourceId, question: Question) -> (TaskId, Effect) {
        let task = self.task();
        self.tasks.expect(task, purpose);
        (task, Effect::Ask { task, source, question })
    }

    pub(super) fn answered(&mut self, task: TaskId, answer: Result<Box<Answer>, Why>) -> Vec<Effect> {
        match self.tasks.0.remove(&task) {
            Some(Purpose::Operation(key)) => self.operation_answered(key, task, answer),
            Some(Purpose::Left(key)) => self.left_answered(key, task, answer),
            Some(Purpose::Verify) => {
                self.verify_answered(task, answer);
                Vec::new()
            }
            Some(Purpose::Run) => {
                self.run_answered(task, answer);
                Vec::new()
            }
            Some(Purpose::Older) => {
                self.older_answered(task, answer);
                Vec::new()
            }
            Some(Purpose::Origin) => {
                self.origin_answered(task, answer);
                Vec::new()
            }
            Some(Purpose::Screen) => {
                if let Some(screen) = self.screens.iter_mut().chain(self.left.as_mut()).find(|screen| screen.waits_for(task)) {
                    screen.receive(task, answer);
                }
                Vec::new()
            }
            None => Vec::new(),
        }
    }
}

impl Screen {
    fn waits_for(&self, task: TaskId) -> bool {
        match self {
            Self::Text(page) => page.body.waits_for(task) || page.events.as_ref().is_some_and(|events| events.waits_for(task)),
            Self::Explain(explain) => explain.answer.waits_for(task),
            Self::History(history) => history.revisions.waits_for(task),
            Self::Pods(_) | Self::Logs(..) | Self::Run(..) | Self::List(..) | Self::Operation(_) | Self::Background(_) | Self::Changes(_) | Self::Verify(_) => {
                false
            }
        }
    }

    fn receive(&mut self, task: TaskId, answer: Result<Box<Answer>, Why>) {
        match (self, answer) {
            (Self::Text(page), Ok(answer)) => match *answer {
                Answer::Text(lines) => page.body = Asked::Here(lines),
                Answer::Explain { mut happenings, .. } => {
                    happenings.retain(|event| page.pod.as_ref().is_none_or(|pod| event.object.clean() == pod));
                    page.events = Some(Asked::Here(happenings));
                }
                _ => {}
            },
            (Self::Text(page), Err(why)) if page.body.waits_for(task) => page.body = Asked::Failed(why),
            (Self::Text(page), Err(why)) => page.events = Some(Asked::Failed(why)),
            (Self::Explain(explain), Ok(answer)) => explain.answer = Asked::Here(answer),
            (Self::Explain(explain), Err(why)) => explain.answer = Asked::Failed(why),
            (Self::History(history), Ok(answer)) => {
                if let Answer::Revisions(revisions) = *answer {
                    history.revisions = Asked::Here(revisions);
                }
            }
            (Self::History(history), Err(why)) => history.revisions = Asked::Failed(why),
            (
                Self::Pods(_) | Self::Logs(..) | Self::Run(..) | Self::List(..) | Self::Operation(_) | Self::Background(_) | Self::Changes(_) | Self::Verify(_),
                _,
            ) => {}
        }
    }
}
