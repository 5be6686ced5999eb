//! The app without a screen: the same events, the same effects, nothing drawn.

use crate::{
    app::{App, Known},
    console::Clock,
    domain::{Feed, Link, SourceId, Verb},
    runtime::{Errand, Inbox, Runtime},
    text::Clean,
};
use std::{sync::Arc, time::Duration};

/// How long an operation under way may take to write its outcome down.
const SETTLE: Duration = Duration::from_secs(5);

/// An app with its runtime, driven by a face.
pub struct Headless {
    /// What decides.
    pub app: App,
    /// What acts.
    pub runtime: Runtime,
    /// What arrives.
    pub inbox: Arc<Inbox>,
    /// The time.
    pub clock: Clock,
    /// How long to wait for sources.
    pub patience: Duration,
}

impl Headless {
    /// Runs until `done`, or until the patience is over; whether it was done.
    pub async fn until(&mut self, patience: Duration, done: impl Fn(&App) -> bool) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            self.runtime.reconcile(&self.app.wanted());
            if done(&self.app) {
                return true;
            }
            let wake = self.app.next_wake().map_or(Duration::from_secs(1), |wake| self.clock.until(wake).max(Duration::from_millis(1)));
            let tick = tokio::time::Instant::now() + wake;
            tokio::select! {
                () = self.inbox.wait() => self.take(),
                () = tokio::time::sleep_until(tick.min(deadline)) => {
                    let effects = self.app.update(self.clock.now(), crate::app::Event::Tick);
                    self.carry_out(effects);
                }
            }
            if tokio::time::Instant::now() >= deadline {
                return done(&self.app);
            }
        }
    }

    fn take(&mut self) {
        for event in self.inbox.take(4_096) {
            let effects = self.app.update(self.clock.now(), event);
            self.carry_out(effects);
        }
    }

    /// Carries effects out; what only a terminal can do is left out.
    pub fn carry_out(&mut self, effects: Vec<crate::app::Effect>) {
        for effect in effects {
            match self.runtime.carry_out(effect) {
                None | Some(Errand::Copy(_) | Errand::Notify(_) | Errand::Lend(_) | Errand::Redraw | Errand::Suspend | Errand::Quit(_)) => {}
            }
        }
    }

    /// Waits until every feed that is always wanted has told its whole list or was refused; the names of those that did neither.
    pub async fn synced(&mut self) -> Vec<Clean> {
        let patience = self.patience;
        self.until(patience, |app| missing(app).is_empty() && !app.sources.is_empty() && settled(app)).await;
        missing(&self.app)
    }

    /// Ends once everything that was begun is written down.
    pub async fn settle(&mut self) {
        self.runtime.settle(SETTLE).await;
    }
}

/// The feeds that an answer rests on. The pods of what is unwell are wanted only once the workloads are there.
fn counts(feed: &Feed) -> bool {
    match feed {
        Feed::Workloads | Feed::Alerts | Feed::Runs | Feed::Rules | Feed::Pods(_) => true,
        Feed::Nodes | Feed::Jobs(_) | Feed::Happenings(_) | Feed::Samples | Feed::Stats(_) | Feed::Logs(_) => false,
    }
}

/// Whether every source that is dialled has been heard of at all, and none is looked for where it may still be found.
fn settled(app: &App) -> bool {
    let broken = |link: &Link| matches!(link, Link::Retrying { .. } | Link::Refused { .. });
    let hopeless = |id: &SourceId| app.store.feeds().iter().any(|feed| feed.source.instance() == id.instance() && broken(&feed.link));
    if app.sources.iter().any(|(id, known)| matches!(known, Ok(Known::Sought)) && !hopeless(id)) {
        return false;
    }
    let ready = app.sources.iter().filter(|(_, known)| matches!(known, Ok(Known::Ready(_))));
    ready.map(|(id, _)| id).all(|id| app.store.feeds().iter().any(|feed| feed.source == *id && feed.link != Link::Connecting))
}

/// Sources that have not said their whole list yet.
fn missing(app: &App) -> Vec<Clean> {
    let told = |source: &SourceId, feed: &Feed| match app.store.feed(source, feed).map(|state| &state.link) {
        Some(Link::Live { synced, .. }) => *synced,
        Some(Link::Retrying { .. } | Link::Refused { .. }) => true,
        Some(Link::Connecting | Link::NotConnected) | None => false,
    };
    let remembers = |source: &SourceId| matches!(app.sources.get(source), Some(Ok(Known::Ready(offers))) if offers.verbs.contains(&Verb::RollBack));
    let whole = |source: &SourceId, feed: &Feed| told(source, feed) && (*feed != Feed::Workloads || !remembers(source) || app.store.history_told(source));
    let mut names: Vec<SourceId> = app.wanted().into_iter().filter(|(source, feed)| counts(feed) && !whole(source, feed)).map(|(source, _)| source).collect();
    names.dedup();
    names.iter().map(|name| crate::clean!("{name}")).collect()
}
