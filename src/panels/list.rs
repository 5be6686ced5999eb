//! Lists that the palette opens: pods, workloads, nodes, events, sources, namespaces.

use super::{pods, words};
use crate::{
    app::{App, Effect, Known, List, Subject},
    domain::{Link, Pod, SourceId},
    keys::Action,
    line,
    text::Clean,
    theme::Role,
    widgets::{Align, Column, Cursor, Edge, Line, Panel, Piece, Selection, Table, Width, sign},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// A row: its identity, what it is about, and its columns.
struct Drawn {
    id: String,
    subject: Subject,
    cells: Vec<Line>,
}

fn rows(app: &App, list: &List) -> Vec<Drawn> {
    let rows = match list {
        List::Pods(_) => pod_rows(app),
        List::Workloads => workload_rows(app),
        List::Nodes => node_rows(app),
        List::Happenings(_) => happening_rows(app),
        List::Sources => source_rows(app),
        List::Namespaces => namespace_rows(app),
    };
    let filter = app.list_filter.to_lowercase();
    let holds = |row: &Drawn| row.cells.iter().any(|cell| crate::widgets::plain(cell).to_lowercase().contains(&filter));
    rows.into_iter().filter(|row| filter.is_empty() || holds(row)).collect()
}

fn dim(text: impl Into<Clean>) -> Line {
    vec![Piece::new(Role::Dim, text)]
}

fn text(text: &Clean) -> Line {
    vec![Piece::new(Role::Text, text.clone())]
}

fn pod_rows(app: &App) -> Vec<Drawn> {
    let mut found: Vec<&Pod> = app.store.pods().filter(|pod| !app.problems_only || !pod.ready).collect();
    found.sort_by_key(|pod| (pods::rank(pod), pod.place.clone(), pod.name.clone()));
    let row = |pod: &Pod| Drawn {
        id: pod.id.as_str().to_owned(),
        subject: Subject::Pod(pod.id.clone()),
        cells: vec![
            text(pod.name.clean()),
            vec![Piece::new(
                if pod.ready { Role::Ok } else { Role::Critical },
                crate::clean!("{} {}", if pod.ready { sign::OK } else { sign::BAD }, pod.reason),
            )],
            dim(crate::clean!("{}/{}", pod.place.context, pod.place.namespace)),
            dim(crate::clean!("{} restarts", pod.restarts)),
            pod.created.map(|at| dim(words::time(app, at))).unwrap_or_default(),
        ],
    };
    found.into_iter().map(row).collect()
}

fn workload_rows(app: &App) -> Vec<Drawn> {
    let row = |workload: &crate::domain::Workload| {
        let health = app.store.health(workload, app.now.wall);
        Drawn {
            id: workload.id.as_str().to_owned(),
            subject: Subject::Workload(workload.id.clone()),
            cells: vec![
                text(workload.name.clean()),
                vec![Piece::new(if health.bad() { Role::Critical } else { Role::Ok }, Clean::from_static(health.word()))],
                dim(crate::clean!("{} {}/{}", workload.kind.word(), workload.place.context, workload.place.namespace)),
                dim(crate::clean!("{}  {}/{}", workload.version, workload.replicas.ready, workload.replicas.wanted)),
                workload.changed.map(|at| dim(words::time(app, at))).unwrap_or_default(),
            ],
        }
    };
    app.store.workloads().map(row).collect()
}

fn node_rows(app: &App) -> Vec<Drawn> {
    let row = |node: &crate::domain::Node| Drawn {
        id: node.id.as_str().to_owned(),
        subject: Subject::Node(node.id.clone()),
        cells: vec![
            text(node.name.clean()),
            vec![Piece::new(if node.ready { Role::Ok } else { Role::Critical }, if node.ready { "ready" } else { "not ready" })],
            dim(node.place.context.clean().clone()),
            dim(if node.cordoned { Clean::from_static("cordoned") } else { node.reason.clone() }),
            node.since.map(|at| dim(words::time(app, at))).unwrap_or_default(),
        ],
    };
    app.store.nodes().map(row).collect()
}

fn happening_rows(app: &App) -> Vec<Drawn> {
    let mut found: Vec<_> = app.store.happenings().collect();
    found.sort_by_key(|happening| std::cmp::Reverse(happening.at));
    let row = |happening: &crate::domain::Happening| Drawn {
        id: happening.id.as_str().to_owned(),
        subject: Subject::Nothing,
        cells: vec![
            text(&crate::clean!("{} {}", happening.kind, happening.object)),
            vec![Piece::new(if happening.warning { Role::Warn } else { Role::Dim }, happening.reason.clone())],
            dim(happening.message.clone()),
            dim(crate::clean!("× {}", happening.count)),
            happening.at.map(|at| dim(words::time(app, at))).unwrap_or_default(),
        ],
    };
    found.into_iter().map(row).collect()
}

fn namespace_rows(app: &App) -> Vec<Drawn> {
    let places: std::collections::BTreeSet<_> = app.store.workloads().map(|workload| workload.place.clone()).collect();
    let count = |place: &crate::domain::Place| app.store.workloads().filter(|workload| workload.place == *place).count();
    let row = |place: &crate::domain::Place| Drawn {
        id: format!("{}/{}", place.context, place.namespace),
        subject: Subject::Nothing,
        cells: vec![
            text(place.namespace.clean()),
            Line::new(),
            dim(place.context.clean().clone()),
            dim(crate::store::words::count(count(place), "workload")),
            Line::new(),
        ],
    };
    places.iter().map(row).collect()
}

/// How a source stands as a whole: its worst feed.
fn source_rows(app: &App) -> Vec<Drawn> {
    let row = |(id, known): (&SourceId, &Result<Known, crate::domain::Why>)| {
        let (role, state, words) = source_state(app, id, known);
        Drawn {
            id: id.to_string(),
            subject: Subject::Nothing,
            cells: vec![text(&crate::clean!("{id}")), vec![Piece::new(role, state)], dim(words), Line::new(), Line::new()],
        }
    };
    app.sources.iter().map(row).collect()
}

fn source_state(app: &App, id: &SourceId, known: &Result<Known, crate::domain::Why>) -> (Role, &'static str, Clean) {
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
    at.id().and_then(|id| rows.iter().find(|row| row.id == *id)).or(rows.first()).map_or(Subject::Nothing, |row| row.subject.clone())
}

/// A wish to the list.
pub fn act(app: &mut App, list: &List, at: &mut Selection<String>, action: Action) -> Option<Vec<Effect>> {
    let rows = rows(app, list);
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    at.settle(&ids);
    let page = isize::try_from(app.size.height.saturating_sub(8).max(1)).unwrap_or(1);
    match action {
        Action::Up => at.step(-1, &ids),
        Action::Down => at.step(1, &ids),
        Action::PageUp | Action::HalfUp => at.step(-page, &ids),
        Action::PageDown | Action::HalfDown => at.step(page, &ids),
        Action::Top => at.first(&ids),
        Action::Bottom => at.last(&ids),
        Action::Enter => return Some(enter(app, list, at, &rows)),
        _ => return None,
    }
    Some(Vec::new())
}

fn enter(app: &mut App, list: &List, at: &Selection<String>, rows: &[Drawn]) -> Vec<Effect> {
    let Some(id) = at.id() else { return Vec::new() };
    if *list == List::Sources {
        let source = SourceId::new(id);
        if let Some(Ok(Known::Listed(_))) = app.sources.get(&source) {
            app.say(crate::clean!("connecting {source}"));
            return vec![Effect::Connect(source)];
        }
        return vec![Effect::Refresh];
    }
    let subject = rows.iter().find(|row| row.id == *id).map(|row| row.subject.clone());
    match subject {
        Some(subject @ (Subject::Workload(_) | Subject::Pod(_))) => {
            let cell = app.cell_of(&subject);
            if let Some((service, environment)) = cell {
                let workloads = app.workloads_of(&subject);
                app.open_pods(service.clean().clone(), environment.clean().clone(), workloads);
            }
        }
        Some(Subject::Cell { .. } | Subject::Run(_) | Subject::Job(_) | Subject::Alert(_) | Subject::Node(_) | Subject::Nothing) | None => {}
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
    let columns: [Column<Drawn>; 5] = [
        Column::new("", Width::Between(16, 44), |row: &Drawn| row.cells[0].clone()),
        Column::new("", Width::Between(6, 24), |row: &Drawn| row.cells[1].clone()),
        Column::new("", Width::Fill(10, 1), |row: &Drawn| row.cells[2].clone()),
        Column { priority: 2, ..Column::new("", Width::Between(4, 20), |row: &Drawn| row.cells[3].clone()) },
        Column { priority: 1, align: Align::Right, ..Column::new("", Width::Between(0, 8), |row: &Drawn| row.cells[4].clone()) },
    ];
    let mut table = Table::new(&columns, &rows);
    let cursor = at.id().and_then(|id| rows.iter().position(|row| row.id == *id)).unwrap_or_default();
    table.cursor = if rows.is_empty() { Cursor::None } else { Cursor::Row(cursor) };
    table.focused = true;
    table.marked = true;
    let empty = [line![(Role::Dim, "nothing of that kind is known; what is asked for on demand comes in a moment")]];
    table.empty = &empty;
    table.draw(buf, inner, theme);
}
