//! The two lines at the foot: what sources and the console have to say, and the keys.

use crate::{
    app::{App, Offer, Overlay, Screen, Tone, offers},
    domain::Link,
    keys::{Action, Layer},
    line,
    store::words,
    text::Clean,
    theme::Role,
    widgets::{Bar, Look, Part, hint, prompt},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Draws the line above the keys.
pub fn status(app: &App, buf: &mut Buffer, area: Rect) {
    if let Some(Overlay::Filter(field)) = &app.overlay {
        let says = line![(Role::Dim, "Enter keeps it, Esc drops it, ! inverts")];
        return prompt(buf, area, &line![(Role::Key, " /")], field, &Look::Plain, &says, &app.start.theme);
    }
    let mut bar = Bar::default();
    match app.notices.newest() {
        Some(notice) => bar.left.push(Part::new(0, line![(if notice.tone == Tone::Bad { Role::Warn } else { Role::Text }, notice.text.clone())])),
        None => bar.left.extend(pinned(app).or_else(|| trouble(app)).map(|line| Part::new(0, line))),
    }
    if let Some(words) = lock_hint(app) {
        bar.right.push(Part::new(1, line![(Role::Dim, words)]));
    }
    bar.draw(buf, area, &app.start.theme);
}

/// Whether there is anything to say that nothing else on a procedure's screen says.
pub fn speaks(app: &App) -> bool {
    matches!(app.overlay, Some(Overlay::Filter(_))) || app.notices.newest().is_some() || pinned(app).is_some() || trouble(app).is_some()
}

/// An operation in the background stays in sight.
fn pinned(app: &App) -> Option<crate::widgets::Line> {
    let (_, words) = app.operations.lines(app).into_iter().next()?;
    Some(line![(Role::Rolling, words), (Role::Dim, "   B lists it")])
}

/// The source that is worst off, and when it is tried again.
fn trouble(app: &App) -> Option<crate::widgets::Line> {
    let feeds = app.store.feeds();
    let broken = feeds.iter().find_map(|feed| match &feed.link {
        Link::Retrying { at, since, why } => {
            let next = words::long(at.duration_since(app.now.wall).max(jiff::SignedDuration::ZERO));
            let stale = since.map(|since| crate::clean!(", stale {}", words::long(words::since(since, app.now.wall)))).unwrap_or_default();
            Some((Role::Warn, crate::clean!("{}: {}, next try in {next}{stale}", feed.source, why.words)))
        }
        Link::Refused { why, .. } => Some((Role::Warn, crate::clean!("{}: {}", feed.source, why.words))),
        Link::NotConnected | Link::Connecting | Link::Live { .. } => None,
    });
    let unusable = || app.sources.iter().find_map(|(id, known)| known.as_ref().err().map(|why| (Role::Warn, crate::clean!("{id}: {}", why.words))));
    let lacking = || {
        app.sources.iter().find_map(|(id, known)| match known {
            Ok(crate::app::Known::Ready(offers)) => offers.warnings.first().map(|words| (Role::Critical, crate::clean!("{id}: {words}"))),
            Ok(crate::app::Known::Listed(_) | crate::app::Known::Sought | crate::app::Known::Absent(_)) | Err(_) => None,
        })
    };
    lacking().or(broken).or_else(unusable).map(|(role, words)| line![(role, words)])
}

fn lock_hint(app: &App) -> Option<Clean> {
    let environment = app.environment_here()?;
    let policy = app.policy(&environment);
    let closed = policy.closed(crate::domain::Verb::RollBack, app.now.wall)?;
    Some(if policy.can_open() { crate::clean!("ctrl-o opens {environment} for 15 min") } else { crate::clean!("{environment} is {}", closed.word()) })
}

/// The actions that a footer names after the verbs.
const ALWAYS: [Action; 3] = [Action::Problems, Action::Palette, Action::Help];

/// Draws the keys.
pub fn keys(app: &App, buf: &mut Buffer, area: Rect) {
    let mut bar = Bar::default();
    let layer = app.layers().first().copied().unwrap_or(Layer::Global);
    let key = |action| app.start.keymap.key(layer, action).unwrap_or_default();
    if let Some(Screen::Operation(operation)) = app.screens.last()
        && app.overlay.is_none()
    {
        bar.left = app.operations.hints(app, *operation);
    } else {
        let can: Vec<Offer> = offers(app, &app.subject()).into_iter().filter(|offer| offer.words.is_ok() && !key(offer.action).is_empty()).collect();
        for (at, offer) in can.iter().enumerate() {
            let words = if offer.action == Action::Rollback { offer.words.clone().unwrap_or_default() } else { Clean::from_static(offer.action.label()) };
            bar.left.push(hint(u8::try_from(at).unwrap_or(200) + 3, crate::clean!("{}", key(offer.action)), words));
        }
    }
    for (at, action) in ALWAYS.into_iter().enumerate() {
        bar.right.push(hint(
            if action == Action::Help { 0 } else { 40 + u8::try_from(at).unwrap_or(0) },
            crate::clean!("{}", key(action)),
            Clean::from_static(action.label()),
        ));
    }
    bar.draw(buf, area, &app.start.theme);
}
