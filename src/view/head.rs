//! The header: what is locked, where one is, which links live, what burns, what time it is. Below it the worst alert in one sentence.

use crate::{
    app::{App, Known, Times},
    domain::{Link, Owner, Tier, Verb},
    line,
    panels::{alerts, words},
    store,
    text::Clean,
    theme::Role,
    widgets::{Align, Bar, Line, Part, Piece, draw_line, join, line_width, sign},
};
use jiff::tz::TimeZone;
use ratatui::{buffer::Buffer, layout::Rect};
use std::collections::BTreeMap;

/// Draws the first line.
pub fn draw(app: &App, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let title = Part::new(4, line![(Role::Title, "PILOTHOUSE")]);
    let mut left: Vec<Part> = Vec::new();
    if app.start.demo {
        left.push(Part::new(0, line![(Role::Demo, " DEMO ")]));
    }
    left.extend(lock(app));
    left.extend(held(app));
    let right = [Part::new(2, burning(app)), Part::new(1, line![(Role::Header, clock(app))])];
    let place = place(app);
    let badges = Badges::of(app);
    let room = usize::from(area.width).saturating_sub(2);
    let taken = |parts: &[&[Part]]| parts.iter().copied().flatten().map(|part| line_width(&part.line) + 2).sum::<usize>();
    let always = taken(&[&left[..], &right[..]]);
    let (title, place) = ([title], place.into_iter().collect::<Vec<_>>());
    let (title, place): (&[Part], &[Part]) = (&title, &place);
    // From roomy to tight: first the sources that are well become a number, then names leave that stand elsewhere too.
    let ways: [(&[Part], &[Part], Line); 7] = [
        (title, place, badges.all()),
        (title, place, badges.counted()),
        (title, &[], badges.counted()),
        (title, place, badges.bad(true)),
        (title, &[], badges.bad(true)),
        (&[], &[], badges.bad(true)),
        (&[], &[], badges.bad(false)),
    ];
    let fits = |(title, place, links): &&(&[Part], &[Part], Line)| always + taken(&[*title, *place]) + line_width(links) <= room;
    let none = (title, place, badges.counted());
    let (title, place, links) = ways.iter().find(fits).unwrap_or(&none);
    let parts = [title.to_vec(), left, place.to_vec()].concat();
    let mut bar = Bar { ground: Role::Header, left: parts, right: vec![Part::new(5, links.clone())] };
    bar.right.extend(right);
    bar.draw(buf, area, theme);
}

/// The environment under the cursor and whether it can be changed now.
fn lock(app: &App) -> Option<Part> {
    let environment = app.environment_here()?;
    let policy = app.policy(&environment);
    let guessed = app.store.environment(environment.raw()).is_some_and(|known| known.guessed);
    let mark = if guessed { "?" } else { "" };
    let (name, role) =
        if policy.tier == Tier::Production { (environment.clean().to_uppercase(), Role::Production) } else { (environment.clean().to_string(), Role::Accent) };
    let state = match (policy.closed(Verb::RollBack, app.now.wall), policy.open_until) {
        (Some(closed), _) => Clean::from_static(closed.word()),
        (None, Some(until)) if policy.tier == Tier::Production => {
            crate::clean!("open {}", words::left(until, app.now.wall))
        }
        (None, _) => Clean::EMPTY,
    };
    Some(Part::new(0, line![(role, crate::clean!("{name}{mark} {state}"))]))
}

/// What is held off and must be let go again: it stands here until it is.
fn held(app: &App) -> Option<Part> {
    let holds = app.store.holds();
    let first = holds.first()?;
    let name = match &first.keeper {
        Owner::ArgoCd { application } => application.clean().clone(),
        Owner::Flux { name, .. } => name.clean().rsplit('/').next().map(Clean::from_untrusted).unwrap_or_default(),
        Owner::Helm { .. } | Owner::Operator { .. } => first.keeper.words(),
    };
    let more = if holds.len() > 1 { crate::clean!(" +{}", holds.len() - 1) } else { Clean::EMPTY };
    Some(Part::new(0, line![(Role::Warn, crate::clean!("HELD {name}{more}"))]))
}

/// The cluster and namespace of the cell under the cursor.
fn place(app: &App) -> Option<Part> {
    let subject = app.subject();
    let workload = app.workloads_of(&subject).into_iter().next()?;
    let place = &app.store.workload(&workload)?.place;
    let words = if place.namespace.is_empty() { place.context.clean().clone() } else { crate::clean!("{} · {}", place.context, place.namespace) };
    Some(Part::new(6, line![(Role::Header, words)]))
}

/// The short word of a kind of back end.
fn short(kind: &str) -> &str {
    match kind {
        "kubernetes" => "k8s",
        "prometheus" => "prom",
        "alertmanager" => "alerts",
        other => other,
    }
}

/// How many of one kind of source live.
#[derive(Clone, Copy, Default)]
struct Count {
    live: usize,
    all: usize,
    listed: usize,
    /// One of them was found and not named.
    found: bool,
    /// What one of them is told, or tells, could be read or changed on the way (reliability, R15).
    exposed: bool,
}

impl Count {
    const fn well(self) -> bool {
        self.all > 0 && self.live == self.all && !self.exposed
    }

    /// Whether one that was dialled does not answer, or can not be trusted.
    const fn bad(self) -> bool {
        self.live < self.all || self.exposed
    }
}

/// One sign for each kind of source: all live, some, none.
struct Badges(Vec<(Clean, Count)>);

impl Badges {
    fn of(app: &App) -> Self {
        let mut kinds: BTreeMap<(u8, Clean), Count> = BTreeMap::new();
        for (id, known) in &app.sources {
            if matches!(known, Ok(Known::Sought | Known::Absent(_))) {
                continue;
            }
            let kind = app.kind_of(id);
            let count = kinds.entry((rank(&kind), Clean::from_untrusted(short(&kind)))).or_default();
            let feeds: Vec<&Link> = app.store.feeds().iter().filter(|feed| feed.source == *id).map(|feed| &feed.link).collect();
            let down = known.is_err() || feeds.iter().any(|link| matches!(link, Link::Retrying { .. } | Link::Refused { .. }));
            let live = feeds.iter().any(|link| link.live()) && !down;
            match known {
                Ok(Known::Listed(_)) => count.listed += 1,
                Ok(Known::Ready(offers)) => {
                    let up = offers.members.iter().filter(|member| member.down.is_none()).count();
                    let (up, all) = if offers.members.is_empty() { (1, 1) } else { (up, offers.members.len()) };
                    count.live += if live { up } else { 0 };
                    count.all += all;
                    count.found |= offers.found.is_some();
                    count.exposed |= !offers.warnings.is_empty();
                }
                Err(_) => count.all += 1,
                Ok(Known::Sought | Known::Absent(_)) => {}
            }
        }
        Self(kinds.into_iter().map(|((_, kind), count)| (kind, count)).collect())
    }

    fn all(&self) -> Line {
        join(self.0.iter().map(|(kind, count)| badge(kind, *count, true)), &Piece::blank(1))
    }

    /// Those that are well become a number.
    fn counted(&self) -> Line {
        let well = self.0.iter().filter(|(_, count)| count.well()).count();
        let number = (well > 0).then(|| line![(Role::Dim, crate::clean!("{well} ")), (Role::Ok, sign::LINK_OK)]);
        let rest = self.0.iter().filter(|(_, count)| !count.well()).map(|(kind, count)| badge(kind, *count, true));
        join(number.into_iter().chain(rest), &Piece::blank(1))
    }

    fn bad(&self, counted: bool) -> Line {
        join(self.0.iter().filter(|(_, count)| count.bad()).map(|(kind, count)| badge(kind, *count, counted)), &Piece::blank(1))
    }
}

fn badge(kind: &Clean, count: Count, counted: bool) -> Line {
    let Count { live, all, listed, found, exposed } = count;
    let (role, glyph) = match (live, all) {
        (_, 0) => (Role::Faint, sign::IDLE),
        (live, all) if live == all => (Role::Ok, sign::LINK_OK),
        (0, _) => (Role::Critical, sign::LINK_DOWN),
        (..) => (Role::Warn, sign::LINK_PART),
    };
    let of = match (live == all, listed) {
        _ if !counted => Clean::EMPTY,
        (true, 0) => Clean::EMPTY,
        (true, listed) => crate::clean!(" {all} of {}", all + listed),
        (false, listed) if all + listed == 1 => Clean::EMPTY,
        (false, listed) => crate::clean!(" {live} of {}", all + listed),
    };
    let how = if found && counted { " found" } else { "" };
    let tls = if exposed { " TLS!" } else { "" };
    line![(Role::Dim, crate::clean!("{kind} ")), (role, glyph), (Role::Dim, of), (Role::Faint, how), (Role::Critical, tls)]
}

fn rank(kind: &str) -> u8 {
    match kind {
        "kubernetes" => 0,
        "docker" => 1,
        "github" | "jenkins" | "tekton" => 2,
        "prometheus" => 3,
        "alertmanager" => 4,
        _ => 5,
    }
}

/// How many alerts fire; unknown is not zero.
fn burning(app: &App) -> Line {
    let Some(view) = &app.alerts.view else { return Line::new() };
    if view.firing.is_none() {
        return line![(Role::Unknown, "alerts ?")];
    }
    let count = |severity| view.rows.iter().filter(|row| row.alert.state == crate::domain::AlertState::Firing && row.alert.severity == severity).count();
    let (critical, warning) = (count(crate::domain::Severity::Critical), count(crate::domain::Severity::Warning));
    line![
        (if critical > 0 { Role::Critical } else { Role::Dim }, crate::clean!("{}{critical} ", sign::CRITICAL)),
        (if warning > 0 { Role::Warn } else { Role::Dim }, crate::clean!("{}{warning}", sign::WARNING)),
    ]
}

fn clock(app: &App) -> Clean {
    let zone = match app.times {
        Times::Age | Times::Local => app.start.zone.clone(),
        Times::Utc => TimeZone::UTC,
    };
    crate::clean!("{}", app.now.wall.to_zoned(zone).strftime("%H:%M %Z"))
}

/// The line below the header: a shared cause, or the worst alert, in one sentence.
pub fn headline(app: &App, buf: &mut Buffer, area: Rect) {
    let inside = Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(2), ..area };
    draw_line(buf, inside, &sentence(app), Align::Left, &app.start.theme);
}

fn sentence(app: &App) -> Line {
    if let Some(cause) = &app.cause {
        return line![(Role::Critical, crate::clean!("{} {}", sign::CRITICAL, cause.words(app.now.wall)))];
    }
    if let Some(row) = alerts::worst(app) {
        return alert_sentence(app, row);
    }
    if let Some((service, cell)) = worst_cell(app) {
        let why = cell.why.as_ref().map(|why| crate::clean!(": {why}")).unwrap_or_default();
        return line![
            (words::role(&cell.state), crate::clean!("{} ", words::glyph(&cell.state))),
            crate::clean!("{service} in {} is {}{why}", cell.environment.name, cell.state.word())
        ];
    }
    match app.start.remarks.first() {
        Some(remark) => line![(Role::Dim, remark.clone())],
        None => Line::new(),
    }
}

fn worst_cell(app: &App) -> Option<(&crate::text::Name, &store::Cell)> {
    let cells = app.matrix.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (&row.service, cell)));
    let bad = |cell: &store::Cell| matches!(cell.state, store::CellState::Down | store::CellState::Stuck { .. } | store::CellState::Failing);
    cells.filter(|(_, cell)| bad(cell)).max_by_key(|(_, cell)| (cell.environment.tier, std::cmp::Reverse(cell.state.problem())))
}

/// `▲ CartErrorRate  cart in production: 17.4 % errors, limit 5 %, for 2 min.   Nearest change: 2.7.3 → 2.8.0, 3 min before`.
fn alert_sentence(app: &App, row: &store::AlertRow) -> Line {
    let role = if row.alert.severity == crate::domain::Severity::Critical { Role::Critical } else { Role::Warn };
    let about = row.subject().map(|about| match &about.environment {
        Some(environment) => crate::clean!("{} in {}: ", about.service, environment.name),
        None => crate::clean!("{}: ", about.service),
    });
    let says = match (row.alert.value, row.limit) {
        (Some(value), Some(limit)) if limit < 1.0 => crate::clean!("{} errors, limit {}", store::words::percent(value), store::words::percent(limit)),
        (..) => row.alert.summary.clone(),
    };
    let held = row.alert.since.map(|at| crate::clean!(", for {}.", store::words::long(store::words::since(at, app.now.wall)))).unwrap_or_default();
    let nearest = row.nearest.as_ref().zip(row.alert.since).map(|(change, since)| crate::clean!("   {}", change.nearest_words(since)));
    let mut line = vec![
        Piece::new(role, crate::clean!("{} {}", sign::CRITICAL, row.alert.name)),
        Piece::new(Role::Text, crate::clean!("  {}{says}{held}", about.unwrap_or_default())),
    ];
    line.extend(nearest.map(|words| Piece::new(Role::Dim, words)));
    line
}
