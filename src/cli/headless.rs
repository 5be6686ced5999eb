//! The app without a screen: the same events, the same effects, nothing drawn.

use super::{Failed, exit::Exit};
use crate::{
    app::{App, Known},
    console::Clock,
    domain::{Feed, FeedKind, Link, SourceId, Trouble, Verb},
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

    /// Waits until every feed of an overview has told its whole list, was refused or broke, or the patience is over.
    pub async fn synced(&mut self) {
        self.wait_for(|feed| counts(feed) || *feed == Feed::Samples).await;
    }

    /// The same for one service: what is measured of all is not waited for.
    pub async fn placed(&mut self) {
        self.wait_for(counts).await;
    }

    /// The same for the runs of every CI.
    pub async fn runs(&mut self) {
        self.wait_for(|feed| *feed == Feed::Runs).await;
    }

    async fn wait_for(&mut self, which: impl Fn(&Feed) -> bool) {
        self.until(self.patience, |app| !waiting(app, &which) && !app.sources.is_empty() && settled(app)).await;
    }

    /// Waits until one more feed has told its whole list, was refused or broke, or the patience is over.
    pub async fn told(&mut self, kind: FeedKind) {
        let told = |app: &App| app.wanted().iter().filter(|(_, feed)| feed.kind() == kind).all(|(source, feed)| answered(app, source, feed));
        self.until(self.patience, told).await;
    }

    /// Everything that is wanted and was not told, and why.
    pub fn unheard(&self) -> Vec<Unheard> {
        unheard(&self.app, self.patience)
    }

    /// Something was not found: it is not there if everybody told, be it a moment ago; it can not be told while somebody who may have it never did.
    pub fn blind(&self, kind: FeedKind, what: &str, not_there: String) -> Failed {
        let told = |one: &Unheard| kind == FeedKind::Workloads && self.app.store.workloads_told(&one.source);
        let silent = |one: &&Unheard| one.feed.is_none_or(|feed| feed == kind) && !told(one);
        let partly = self.partly().filter(|_| kind == FeedKind::Workloads).map(|(source, words)| format!("{source}: {words}"));
        let why: Vec<String> = self.unheard().iter().filter(silent).map(|one| format!("{}: {}", one.source, one.why)).chain(partly).collect();
        if why.is_empty() { Failed::new(Exit::No, not_there) } else { Failed::new(Exit::Unknown, format!("{what} could not be asked: {}", why.join("; "))) }
    }

    /// Why a source that is looked for was not found yet.
    pub fn sought(&self, id: &SourceId) -> Clean {
        match hopeless(&self.app, id) {
            true => crate::clean!("it was not looked for: {} does not answer", id.instance()),
            false => Clean::from_static("it is still looked for: try again with a longer --timeout"),
        }
    }

    /// Who looks only into a part of what there is, and into which.
    pub fn partly(&self) -> impl Iterator<Item = (&SourceId, &Clean)> {
        self.app.sources.iter().filter_map(|(id, known)| match known {
            Ok(Known::Ready(offers)) => Some((id, offers.partly.as_ref()?)),
            _ => None,
        })
    }

    /// Ends once everything that was begun is written down.
    pub async fn settle(&mut self) {
        self.runtime.settle(SETTLE).await;
    }
}

/// Something that is wanted and was not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unheard {
    /// Whose.
    pub source: SourceId,
    /// What; none where the source as a whole can not be used.
    pub feed: Option<FeedKind>,
    /// Why, in words.
    pub why: Clean,
    /// What kind of trouble; none where it merely has not answered yet.
    pub trouble: Option<Trouble>,
}

impl Unheard {
    /// `workloads`, `alerts` …; nothing for a source as a whole.
    pub const fn what(&self) -> &'static str {
        match self.feed {
            Some(kind) => word(kind),
            None => "",
        }
    }
}

/// What a feed tells, in a word.
pub const fn word(kind: FeedKind) -> &'static str {
    match kind {
        FeedKind::Workloads => "workloads",
        FeedKind::Nodes => "nodes",
        FeedKind::Holds => "what is held off",
        FeedKind::Pods => "pods",
        FeedKind::Happenings => "events",
        FeedKind::Runs => "runs",
        FeedKind::Jobs => "jobs",
        FeedKind::Alerts => "alerts",
        FeedKind::Rules => "rules",
        FeedKind::Samples => "metrics",
        FeedKind::Stats => "usage",
        FeedKind::Logs => "logs",
    }
}

/// The feeds that an answer rests on. The pods of what is unwell are wanted only once the workloads are there.
const fn counts(feed: &Feed) -> bool {
    match feed {
        Feed::Workloads | Feed::Nodes | Feed::Alerts | Feed::Runs | Feed::Rules | Feed::Pods(_) => true,
        Feed::Holds | Feed::Jobs(_) | Feed::Happenings(_) | Feed::Samples | Feed::Stats(_) | Feed::Logs(_) => false,
    }
}

/// Whether what is looked for can not be found, because where it would be does not answer, or refuses.
fn hopeless(app: &App, id: &SourceId) -> bool {
    let broken = |link: &Link| matches!(link, Link::Retrying { .. } | Link::Refused { .. });
    app.store.feeds().iter().any(|feed| feed.source.instance() == id.instance() && broken(&feed.link))
}

/// Whether every source that is dialled has been heard of at all, and none is looked for where it may still be found.
fn settled(app: &App) -> bool {
    if app.sources.iter().any(|(id, known)| matches!(known, Ok(Known::Sought)) && !hopeless(app, id)) {
        return false;
    }
    let ready = app.sources.iter().filter(|(_, known)| matches!(known, Ok(Known::Ready(_))));
    ready.map(|(id, _)| id).all(|id| app.store.feeds().iter().any(|feed| feed.source == *id && feed.link != Link::Connecting))
}

/// Whether a feed that an answer rests on may still tell its list.
fn waiting(app: &App, which: &impl Fn(&Feed) -> bool) -> bool {
    app.wanted().into_iter().filter(|(_, feed)| which(feed)).any(|(source, feed)| !answered(app, &source, &feed))
}

/// Whether a feed has told its whole list, was refused or broke.
pub(super) fn answered(app: &App, source: &SourceId, feed: &Feed) -> bool {
    match app.store.feed(source, feed).map(|state| &state.link) {
        Some(Link::Live { synced, .. }) => *synced && !lacks_history(app, source, feed),
        Some(Link::Retrying { .. } | Link::Refused { .. }) => true,
        Some(Link::Connecting | Link::NotConnected) | None => false,
    }
}

/// Workloads that can be rolled back have revisions, which are a list of their own.
fn lacks_history(app: &App, source: &SourceId, feed: &Feed) -> bool {
    let remembers = matches!(app.sources.get(source), Some(Ok(Known::Ready(offers))) if offers.verbs.contains(&Verb::RollBack));
    *feed == Feed::Workloads && remembers && !app.store.history_told(source)
}

fn unheard(app: &App, patience: Duration) -> Vec<Unheard> {
    let unusable = |(source, known): (&SourceId, &Result<Known, crate::domain::Why>)| {
        let why = known.as_ref().err()?;
        Some(Unheard { source: source.clone(), feed: None, why: why.words.clone(), trouble: Some(why.trouble) })
    };
    let mut found: Vec<Unheard> = app.sources.iter().filter_map(unusable).collect();
    let after = jiff::SignedDuration::try_from(patience).unwrap_or(jiff::SignedDuration::ZERO);
    for (source, feed) in app.wanted().into_iter().filter(|(_, feed)| counts(feed) || *feed == Feed::Samples) {
        let silent = |words: &str| (crate::clean!("{words} within {after:#}"), None);
        let (why, trouble) = match app.store.feed(&source, &feed).map(|state| &state.link) {
            Some(Link::Live { synced: true, .. }) if !lacks_history(app, &source, &feed) => continue,
            Some(Link::Live { synced: true, .. }) => silent("its revisions were not told"),
            Some(Link::Live { synced: false, .. }) => silent("its list was not whole"),
            Some(Link::Retrying { why, .. } | Link::Refused { why, .. }) => (why.words.clone(), Some(why.trouble)),
            Some(Link::Connecting | Link::NotConnected) | None => silent("it did not answer"),
        };
        let new = Unheard { source, feed: Some(feed.kind()), why, trouble };
        if !found.contains(&new) {
            found.push(new);
        }
    }
    found
}
