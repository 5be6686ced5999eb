//! The two lines at the foot: what sources and the console have to say, and the keys.

use crate::{
    app::{App, Known, Offer, Overlay, Screen, Subject, Tone, offers},
    domain::{Link, SourceId, Why},
    keys::{Action, Layer},
    line,
    store::words,
    text::Clean,
    theme::Role,
    widgets::{Bar, Line, Look, Part, cut, hint, line_width, prompt},
};
use jiff::{SignedDuration, Timestamp};
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
        None => {
            let room = usize::from(area.width).saturating_sub(2);
            bar.left.extend(pinned(app).or_else(|| trouble(app).map(|trouble| trouble.line(room))).map(|line| Part::new(0, line)));
        }
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
fn pinned(app: &App) -> Option<Line> {
    let (_, words) = app.operations.lines(app).into_iter().find(|(id, _)| !id.starts_with("hold-"))?;
    Some(line![(Role::Rolling, words), (Role::Dim, "   B lists it")])
}

/// What is wrong with a source: its words, which may be cut, and what is done about it, which may not.
struct Wrong {
    role: Role,
    says: Clean,
    next: Clean,
}

impl Wrong {
    fn line(&self, room: usize) -> Line {
        let next = line![(self.role, self.next.clone())];
        let says = cut(&line![(self.role, self.says.clone())], room.saturating_sub(line_width(&next)));
        [says, next].concat()
    }
}

/// The source that is worst off, and when it is tried again.
fn trouble(app: &App) -> Option<Wrong> {
    let now = app.now.wall;
    let next = |at: Timestamp| words::long(at.duration_since(now).max(SignedDuration::ZERO));
    let feeds = app.store.feeds();
    let broken = feeds.iter().find_map(|feed| match &feed.link {
        Link::Retrying { at, since, why } => {
            let stale = since.map(|since| crate::clean!(", stale {}", words::long(words::since(since, now)))).unwrap_or_default();
            Some(Wrong { role: Role::Warn, says: named(&feed.source, &why.words), next: crate::clean!(", next try in {}{stale}", next(*at)) })
        }
        Link::Refused { why, .. } => Some(Wrong { role: Role::Warn, says: named(&feed.source, &why.words), next: Clean::EMPTY }),
        Link::NotConnected | Link::Connecting | Link::Live { .. } => None,
    });
    let unusable = || {
        let broken = |(id, known): (&SourceId, &Result<Known, Why>)| known.as_ref().err().map(|why| named(id, &why.words));
        app.sources.iter().find_map(broken).map(|says| Wrong { role: Role::Warn, says, next: Clean::EMPTY })
    };
    let offers = || {
        app.sources.iter().filter_map(|(id, known)| match known {
            Ok(Known::Ready(offers)) => Some((id, offers)),
            Ok(Known::Listed(_) | Known::Sought | Known::Absent(_)) | Err(_) => None,
        })
    };
    let lacking = || {
        let warned = offers().find_map(|(id, offers)| offers.warnings.first().map(|words| named(id, words)));
        warned.map(|says| Wrong { role: Role::Critical, says, next: Clean::EMPTY })
    };
    let missed = || {
        let down = offers().flat_map(|(_, offers)| &offers.members).find_map(|member| member.down.as_ref());
        down.map(|down| Wrong {
            role: Role::Warn,
            says: down.words.clone(),
            next: crate::clean!(", next try in {}, down {}", next(down.next), words::long(words::since(down.since, now))),
        })
    };
    // A warning has its badge in the header.
    broken.or_else(missed).or_else(lacking).or_else(unusable)
}

/// A source with its words; one whose words name it already is not named twice.
fn named(source: &SourceId, words: &Clean) -> Clean {
    if !source.instance().is_empty() && words.contains(source.instance()) { words.clone() } else { crate::clean!("{source}: {words}") }
}

fn lock_hint(app: &App) -> Option<Clean> {
    let environment = app.environment_here()?;
    let policy = app.policy(&environment);
    let closed = policy.closed(crate::domain::Verb::RollBack, app.now.wall)?;
    Some(if policy.can_open() { crate::clean!("ctrl-o opens {environment} for 15 min") } else { crate::clean!("{environment} is {}", closed.word()) })
}

/// The actions that a footer names after the verbs.
const ALWAYS: [Action; 3] = [Action::Problems, Action::Palette, Action::Help];

/// Draws the keys: those of whatever lies on top, and none that it does not take.
pub fn keys(app: &App, buf: &mut Buffer, area: Rect) {
    let mut bar = Bar::default();
    let layer = app.layers().first().copied().unwrap_or(Layer::Global);
    let key = |action| app.start.keymap.key(layer, action).unwrap_or_default();
    match (&app.overlay, app.screens.last()) {
        (Some(overlay), _) => bar.left = over(overlay, &key),
        (None, Some(Screen::Operation(operation))) => bar.left = app.operations.hints(app, *operation),
        (None, _) => {
            let subject = app.subject();
            let label = |offer: &Offer| match (offer.action, &subject) {
                (Action::Rollback, _) => offer.words.clone().unwrap_or_default(),
                // One key starts pods anew, and runs.
                (Action::Restart, Subject::Run(_) | Subject::Job(_)) => "rerun".into(),
                (action, _) => Clean::from_static(action.label()),
            };
            let can: Vec<Offer> = offers(app, &subject).into_iter().filter(|offer| offer.words.is_ok() && !key(offer.action).is_empty()).collect();
            for (at, offer) in can.iter().enumerate() {
                bar.left.push(hint(u8::try_from(at).unwrap_or(200) + 3, crate::clean!("{}", key(offer.action)), label(offer)));
            }
        }
    }
    let elsewhere = app.overlay.is_none() && !layer.is_text();
    for (at, action) in ALWAYS.into_iter().enumerate().filter(|_| elsewhere) {
        bar.right.push(hint(
            if action == Action::Help { 0 } else { 40 + u8::try_from(at).unwrap_or(0) },
            crate::clean!("{}", key(action)),
            Clean::from_static(action.label()),
        ));
    }
    bar.draw(buf, area, &app.start.theme);
}

/// The keys of what lies over the screen.
fn over(overlay: &Overlay, key: &dyn Fn(Action) -> String) -> Vec<Part> {
    let of = |hints: &[(Action, &'static str)]| {
        let part = |(at, (action, words)): (usize, &(Action, &'static str))| {
            hint(u8::try_from(at).unwrap_or(90), crate::clean!("{}", key(*action)), Clean::from_static(words))
        };
        hints.iter().enumerate().map(part).collect()
    };
    match overlay {
        Overlay::Filter(_) => of(&[(Action::Enter, "keep it"), (Action::Escape, "drop it")]),
        Overlay::Palette(_) => of(&[(Action::Enter, "go"), (Action::Escape, "leave"), (Action::Down, "next"), (Action::Up, "previous")]),
        Overlay::Help { .. } => of(&[(Action::Escape, "close"), (Action::Down, "down"), (Action::Up, "up"), (Action::PageDown, "page down")]),
        Overlay::Choose(_) => of(&[(Action::Enter, "this one"), (Action::Escape, "none"), (Action::Down, "next"), (Action::Up, "previous")]),
        Overlay::Links { .. } => of(&[(Action::Enter, "copy"), (Action::Escape, "leave"), (Action::Down, "next"), (Action::Up, "previous")]),
        Overlay::Unlock { .. } => of(&[(Action::Enter, "open for 15 minutes"), (Action::Escape, "leave it locked")]),
        Overlay::Shell { .. } => of(&[(Action::Enter, "open the shell"), (Action::Escape, "stay")]),
        Overlay::Quit { .. } => of(&[(Action::Enter, "leave"), (Action::Escape, "stay")]),
    }
}
