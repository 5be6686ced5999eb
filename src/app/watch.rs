//! What is watched (`W`) rings when its state changes.

use super::{App, Effect, Subject, Tone};
use crate::{
    store::{CellState, ailment},
    text::Clean,
};

/// Something that rings when it changes.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What.
    pub subject: Subject,
    /// In words.
    pub name: Clean,
    /// How it stood when it was last known.
    pub state: Option<Clean>,
}

impl App {
    pub(super) fn watch_subject(&mut self) {
        let subject = match self.subject() {
            // Its jobs are told only while somebody looks at them: what is watched is the run, which is told at all times.
            Subject::Job(job) => self.store.job(&job).map_or(Subject::Nothing, |job| Subject::Run(job.run.clone())),
            subject => subject,
        };
        let name = self.words_of(&subject);
        if subject == Subject::Nothing {
            return self.complain("nothing is under the cursor");
        }
        if matches!(subject, Subject::Node(_)) {
            return self.complain("how a node stands is not watched: watch what runs there");
        }
        if let Some(at) = self.watched.iter().position(|watched| watched.subject == subject) {
            self.watched.remove(at);
            return self.say(crate::clean!("{name} is no longer watched"));
        }
        let state = self.state_of(&subject);
        let stands = state.as_ref().map(|state| crate::clean!(" ({state} now)")).unwrap_or_default();
        self.watched.push(Watched { subject, name: name.clone(), state });
        self.say(crate::clean!("{name} is watched{stands}: it rings when that changes"));
    }

    /// Rings for everything that is watched and has changed. What can not be said now is no change.
    pub(super) fn ring_watched(&mut self) -> Vec<Effect> {
        let mut rung = Vec::new();
        for at in 0..self.watched.len() {
            let Some(state) = self.state_of(&self.watched[at].subject) else { continue };
            let watched = &mut self.watched[at];
            let before = watched.state.replace(state.clone());
            if let Some(before) = before.filter(|before| *before != state) {
                rung.push(crate::clean!("{}: {before} → {state}", watched.name));
            }
        }
        for words in &rung {
            self.notices.say(Tone::Plain, words.clone(), self.now);
        }
        rung.into_iter().map(Effect::Notify).collect()
    }

    /// How something stands, in a few words; none where that can not be said now.
    fn state_of(&self, subject: &Subject) -> Option<Clean> {
        let heard = |source: &crate::domain::SourceId| self.store.feeds().iter().any(|feed| feed.source == *source && feed.link.live());
        match subject {
            Subject::Cell { service, environment } => match self.cell_named(service, environment) {
                None => Some(Clean::from_static("gone")),
                Some(cell) => match &cell.state {
                    CellState::Stale { .. } | CellState::Unknown | CellState::NotConnected => None,
                    // How many are ready changes all the time while it rolls.
                    state => Some(crate::clean!("{} {}", cell.version, state.word())),
                },
            },
            Subject::Workload(id) => match self.store.workload(id) {
                None => heard(&id.source()).then(|| Clean::from_static("gone")),
                Some(row) => heard(&id.source()).then(|| crate::clean!("{} {}", row.version, self.store.health(row, self.now.wall).word())),
            },
            Subject::Pod(id) => match self.store.pod(id) {
                None => heard(&id.source()).then(|| Clean::from_static("gone")),
                Some(pod) => Some(ailment(pod).map_or(Clean::from_static("ready"), |ill| ill.words())),
            },
            Subject::Run(id) => self.store.run(id).map(|run| run.status.word()),
            Subject::Alert(id) => match self.store.alert(id) {
                None => heard(&id.source()).then(|| Clean::from_static("over")),
                Some(alert) => Some(Clean::from_static(alert.state.word())),
            },
            Subject::Job(_) | Subject::Node(_) | Subject::Nothing => None,
        }
    }
}
