//! Lists that the palette opens: pods, workloads, nodes, events, sources, namespaces.

use super::{pods, words};
use crate::{
    app::{App, Effect, Known, List, Subject},
    domain::{Happening, Link, Node, Place, Pod, SourceId, Why, Workload},
    keys::Action,
    line,
    text::Clean,
    theme::Role,
    widgets::{Align, Column, Cursor, Edge, Line, Panel, Piece, Selection, Show, Table, Width, sign},
};
use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};
use std::collections::BTreeMap;

/// What stands in a row. A list may have ten thousand: only of those in view more than this is made.
#[derive(Clone, Copy)]
enum Item<'a> {
    Pod(&'a Pod),
    Workload(&'a Workload),
    Node(&'a Node),
    Happening(&'a Happening),
    Source(&'a SourceId, &'a Result<Known, Why>),
    Namespace(&'a Place, usize),
}

/// A row, and what its words depend on.
struct Row<'a> {
    app: &'a App,
    item: Item<'a>,
}

/// The rows, in the order in which they stand.
fn rows<'a>(app: &'a App, list: &List) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = items(app, list).into_iter().map(|item| Row { app, item }).collect();
    let filter = app.list_filter.to_lowercase();
    if !filter.is_empty() {
        rows.retain(|row| (0..Row::CELLS).any(|at| crate::widgets::plain(&row.cell(at)).to_lowercase().contains(&filter)));
    }
    rows
}

fn items<'a>(app: &'a App, list: &List) -> Vec<Item<'a>> {
    let store = &app.store;
    match list {
        List::Pods(_) => {
            let mut found: Vec<&Pod> = store.pods().filter(|pod| !app.problems_only || !pod.ready).collect();
            found.sort_by(|a, b| (pods::rank(a), &a.place, &a.name).cmp(&(pods::rank(b), &b.place, &b.name)));
            found.into_iter().map(Item::Pod).collect()
        }
        List::Workloads => store.workloads().map(Item::Workload).collect(),
        List::Nodes => store.nodes().map(Item::Node).collect(),
        List::Happenings(_) => {
            let mut found: Vec<&Happening> = store.happenings().collect();
            found.sort_by_key(|happening| std::cmp::Reverse(happening.at));
            found.into_iter().map(Item::Happening).collect()
        }
        List::Sources => app.sources.iter().map(|(id, known)| Item::Source(id, known)).collect(),
        List::Namespaces => {
            let mut places: BTreeMap<&Place, usize> = BTreeMap::new();
            for workload in store.workloads() {
                *places.entry(&workload.place).or_default() += 1;
            }
            places.into_iter().map(|(place, count)| Item::Namespace(place, count)).collect()
        }
    }
}

impl Item<'_> {
    /// By what the cursor follows it.
    fn id(&self) -> String {
        match self {
            Self::Pod(pod) => pod.id.as_str().to_owned(),
            Self::Workload(workload) => workload.id.as_str().to_owned(),
            Self::Node(node) => node.id.as_str().to_owned(),
            Self::Happening(happening) => happening.id.as_str().to_owned(),
            Self::Source(id, _) => id.to_string(),
            Self::Namespace(place, _) => format!("{}/{}", place.context, place.namespace),
        }
    }

    fn is(&self, id: &str) -> bool {
        match self {
            Self::Pod(pod) => pod.id.as_str() == id,
            Self::Workload(workload) => workload.id.as_str() == id,
            Self::Node(node) => node.id.as_str() == id,
            Self::Happening(happening) => happening.id.as_str() == id,
            Self::Source(..) | Self::Namespace(..) => self.id() == id,
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Pod(pod) => Subject::Pod(pod.id.clone()),
            Self::Workload(workload) => Subject::Workload(workload.id.clone()),
            Self::Node(node) => Subject::Node(node.id.clone()),
            Self::Happening(_) | Self::Source(..) | Self::Namespace(..) => Subject::Nothing,
        }
    }
}

impl Row<'_> {
    const CELLS: usize = 5;

    fn cell(&self, at: usize) -> Line {
        let app = self.app;
        match self.item {
            Item::Pod(pod) => pod_cell(app, pod, at),
            Item::Workload(workload) => workload_cell(app, workload, at),
            Item::Node(node) => node_cell(app, node, at),
            Item::Happening(happening) => happening_cell(app, happening, at),
            Item::Source(id, known) => source_cell(app, id, known, at),
            Item::Namespace(place, count) => match at {
                0 => text(place.namespace.clean()),
                2 => dim(place.context.clean().clone()),
                3 => dim(crate::store::words::count(count, "workload")),
                _ => Line::new(),
            },
        }
    }
}

fn dim(text: impl Into<Clean>) -> Line {
    vec![Piece::new(Role::Dim, text)]
}

fn text(text: &Clean) -> Line {
    vec![Piece::new(Role::Text, text.clone())]
}

fn age(app: &App, at: Option<Timestamp>) -> Line {
    at.map(|at| dim(words::time(app, at))).unwrap_or_default()
}

fn pod_cell(app: &App, pod: &Pod, at: usize) -> Line {
    let (role, glyph) = if pod.ready { (Role::Ok, sign::OK) } else { (Role::Critical, sign::BAD) };
    match at {
        0 => text(pod.name.clean()),
        1 => vec![Piece::new(role, crate::clean!("{glyph} {}", pod.reason))],
        2 => dim(crate::clean!("{}/{}", pod.place.context, pod.place.namespace)),
        3 => dim(crate::clean!("{} restarts", pod.restarts)),
        _ => age(app, pod.created),
    }
}

fn workload_cell(app: &App, workload: &Workload, at: usize) -> Line {
    match at {
        0 => text(workload.name.clean()),
        1 => {
            let health = app.store.health(workload, app.now.wall);
            vec![Piece::new(if health.bad() { Role::Critical } else { Role::Ok }, Clean::from_static(health.word()))]
        }
        2 => dim(crate::clean!("{} {}/{}", workload.kind.word(), workload.place.context, workload.place.namespace)),
        3 => dim(crate::clean!("{}  {}/{}", workload.version, workload.replicas.ready, workload.replicas.wanted)),
        _ => age(app, workload.changed),
    }
}

fn node_cell(app: &App, node: &Node, at: usize) -> Line {
    match at {
        0 => text(node.name.clean()),
        1 => vec![Piece::new(if node.ready { Role::Ok } else { Role::Critical }, if node.ready { "ready" } else { "not ready" })],
        2 => dim(node.place.context.clean().clone()),
        3 => dim(if node.cordoned { Clean::from_static("cordoned") } else { node.reason.clone() }),
        _ => age(app, node.since),
    }
}

fn happening_cell(app: &App, happening: &Happening, at: usize) -> Line {
    match at {
        0 => text(&crate::clean!("{} {}", happening.kind, happening.object)),
        1 => vec![Piece::new(if happening.warning { Role::Warn } else { Role::Dim }, happening.reason.clone())],
        2 => dim(happening.message.clone()),
        3 => dim(crate::clean!("× {}", happening.count)),
        _ => age(app, happening.at),
    }
}

/// How a source stands as a whole: its worst feed.
fn source_cell(app: &App, id: &SourceId, known: &Result<Known, Why>, at: usize) -> Line {
    let (role, state, words) = source_state(app, id, known);
    match at {
        0 => text(&crate::clean!("{id}")),
        1 => vec![Piece::new(role, state)],
        2 => dim(words),
        _ => Line::new(),
    }
}

fn source_state(app: &App, id: &SourceId, known: &Result<Known, Why>) -> (Role, &'static str, Clean) {
    match known {
        Err(why) => (Role::Critical, "unusable", why.words.clone()),
        Ok(Known::Listed(words)) => (Role::Faint, "not connected", crate::clean!("{words}; Enter connects")),
        Ok(Known::Sought) => (Role::Dim, "looked for", Clean::EMPTY),
        Ok(Known::Absent(words)) => (Role::Faint, "not found", words.clone()),
        Ok(Known::Ready(offers)) => {
            let links: Vec<&Link> = app.store.feeds().iter().filter(|feed| feed.source == *id).map(|feed| &feed.link).collect();
            let lacks = offers.found.iter().chain(&offers.lacks).chain(&offers.warnings).map(Clean::as_str).collect::<Vec<_>>().join("; ");
            let trouble = links.iter().find_map(|link| match link {
                Link::Retrying { why, .. } | Link::Refused { why, .. } => Some(why.words.clone()),
                Link::NotConnected | Link::Connecting | Link::Live { .. } => None,
            });
            match (trouble, links.iter().any(|link| link.live())) {
                (Some(why), true) => (Role::Warn, "partly", why),
                (Some(why), false) => (Role::Critical, "down", why),
                (None, true) => (Role::Ok, "live", Clean::from_untrusted(&lacks)),
                (None, false) => (Role::Dim, "connecting", Clean::EMPTY),
            }
        }
    }
}

/// What is under the cursor.
pub fn subject(app: &App, list: &List, at: &Selection<String>) -> Subject {
    let rows = rows(app, list);
    at.id().and_then(|id| rows.iter().find(|row| row.item.is(id))).or(rows.first()).map_or(Subject::Nothing, |row| row.item.subject())
}

/// A wish to the list.
pub fn act(app: &mut App, list: &List, at: &mut Selection<String>, action: Action) -> Option<Vec<Effect>> {
    let ids: Vec<String> = rows(app, list).iter().map(|row| row.item.id()).collect();
    at.settle(&ids);
    let page = isize::try_from(app.size.height.saturating_sub(8).max(1)).unwrap_or(1);
    match action {
        Action::Up => at.step(-1, &ids),
        Action::Down => at.step(1, &ids),
        Action::PageUp | Action::HalfUp => at.step(-page, &ids),
        Action::PageDown | Action::HalfDown => at.step(page, &ids),
        Action::Top => at.first(&ids),
        Action::Bottom => at.last(&ids),
        Action::Enter => return Some(enter(app, list, at)),
        _ => return None,
    }
    Some(Vec::new())
}

fn enter(app: &mut App, list: &List, at: &Selection<String>) -> Vec<Effect> {
    let Some(id) = at.id() else { return Vec::new() };
    if *list == List::Sources {
        let source = SourceId::new(id);
        if let Some(Ok(Known::Listed(_))) = app.sources.get(&source) {
            app.say(crate::clean!("connecting {source}"));
            return vec![Effect::Connect(source)];
        }
        return vec![Effect::Refresh];
    }
    match subject(app, list, at) {
        subject @ (Subject::Workload(_) | Subject::Pod(_)) => {
            let cell = app.cell_of(&subject);
            if let Some((service, environment)) = cell {
                let workloads = app.workloads_of(&subject);
                app.open_pods(service.clean().clone(), environment.clean().clone(), workloads);
            }
        }
        Subject::Cell { .. } | Subject::Run(_) | Subject::Job(_) | Subject::Alert(_) | Subject::Node(_) | Subject::Nothing => {}
    }
    Vec::new()
}

/// Draws the list.
pub fn draw(app: &App, list: &List, at: &Selection<String>, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let rows = rows(app, list);
    let mut panel = Panel::new(line![(Role::Title, list.title())]);
    panel.edge = Edge::Focus;
    panel.counts = vec![line![(Role::Dim, crate::clean!("{}", rows.len()))]];
    if !app.list_filter.is_empty() {
        panel.counts.push(line![(Role::Accent, crate::clean!("/{}", app.list_filter))]);
    }
    let inner = panel.draw(buf, area, theme);
    let widths = [Width::Between(16, 44), Width::Between(6, 24), Width::Fill(10, 1), Width::Between(4, 20), Width::Between(0, 8)];
    let mut columns: [Column<Row<'_>>; Row::CELLS] =
        std::array::from_fn(|at| Column { show: Show::Part(|row: &Row<'_>, at| row.cell(at), at), ..Column::new("", widths[at], |_| Line::new()) });
    columns[3].priority = 2;
    columns[4].priority = 1;
    columns[4].align = Align::Right;
    let mut table = Table::new(&columns, &rows);
    let cursor = at.id().and_then(|id| rows.iter().position(|row| row.item.is(id))).unwrap_or_default();
    table.cursor = if rows.is_empty() { Cursor::None } else { Cursor::Row(cursor) };
    table.focused = true;
    table.marked = true;
    let empty = [line![(Role::Dim, "nothing of that kind is known; what is asked for on demand comes in a moment")]];
    table.empty = &empty;
    table.draw(buf, inner, theme);
}
