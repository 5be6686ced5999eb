//! The pods of a cell, with their containers: where one goes in from the matrix.

use super::words;
use crate::{
    app::{App, Effect, PodRow, Pods, Subject},
    domain::{Container, ContainerState, Id, LogTarget, Pod},
    keys::Action,
    line,
    text::{Clean, Raw},
    theme::Role,
    widgets::{Align, Column, Cursor, Edge, Line, Panel, Piece, Table, Width, sign},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// The pods of the cell, worst first, with the containers of those that are open.
fn rows(app: &App, pods: &Pods) -> Vec<PodRow> {
    let mut found: Vec<&Pod> = pods.workloads.iter().flat_map(|workload| app.store.pods_of(workload)).collect();
    found.sort_by_key(|pod| (rank(pod), std::cmp::Reverse(pod.created), pod.name.clone()));
    let mut rows = Vec::new();
    for pod in found {
        rows.push(PodRow::Pod(pod.id.clone()));
        if pods.open.contains(&pod.id) {
            rows.extend(pod.containers.iter().map(|container| PodRow::Container(pod.id.clone(), container.name.clean().clone())));
        }
    }
    rows
}

/// Unready first, then what leaves, then what serves.
pub fn rank(pod: &Pod) -> u8 {
    match (pod.ready, pod.leaving) {
        (false, false) => 0,
        (_, true) => 1,
        (true, false) => 2,
    }
}

/// What is under the cursor.
pub fn subject(pods: &Pods) -> Subject {
    match pods.at.id() {
        Some(PodRow::Pod(pod) | PodRow::Container(pod, _)) => Subject::Pod(pod.clone()),
        None => Subject::Cell { service: pods.service.clone(), environment: pods.environment.clone() },
    }
}

/// A wish to the pods.
pub fn act(app: &mut App, pods: &mut Pods, action: Action) -> Option<Vec<Effect>> {
    let rows = rows(app, pods);
    pods.at.settle(&rows);
    let page = isize::try_from(app.size.height.saturating_sub(8).max(1)).unwrap_or(1);
    match action {
        Action::Up => pods.at.step(-1, &rows),
        Action::Down => pods.at.step(1, &rows),
        Action::PageUp | Action::HalfUp => pods.at.step(-page, &rows),
        Action::PageDown | Action::HalfDown => pods.at.step(page, &rows),
        Action::Top => pods.at.first(&rows),
        Action::Bottom => pods.at.last(&rows),
        Action::Enter => enter(app, pods),
        Action::Rollback => {
            let subject = Subject::Cell { service: pods.service.clone(), environment: pods.environment.clone() };
            return Some(app.verb_on(action, &subject));
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Enter on a pod shows its containers; on a container its log.
fn enter(app: &mut App, pods: &mut Pods) {
    match pods.at.id().cloned() {
        Some(PodRow::Pod(pod)) if pods.open.contains(&pod) => pods.open.retain(|open| *open != pod),
        Some(PodRow::Pod(pod)) => pods.open.push(pod),
        Some(PodRow::Container(pod, container)) => {
            let title = crate::clean!("{} {container}", app.words_of(&Subject::Pod(pod.clone())));
            let raw = app.store.pod(&pod).and_then(|pod| pod.containers.iter().find(|one| *one.name.clean() == container)).map(|one| Raw::new(one.name.raw()));
            app.open_logs(LogTarget::Pod { pod, container: raw, previous: false, since: None }, title);
        }
        None => {}
    }
}

struct Drawn {
    name: Line,
    state: Line,
    ready: Line,
    restarts: Line,
    version: Line,
    node: Line,
    age: Line,
}

/// Draws the pods.
pub fn draw(app: &App, pods: &Pods, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    let rows = rows(app, pods);
    let drawn: Vec<Drawn> = rows.iter().filter_map(|row| drawn(app, row)).collect();
    let mut panel = Panel::new(line![(Role::Title, crate::clean!("{} in {}", pods.service, pods.environment))]);
    panel.edge = Edge::Focus;
    panel.counts = vec![line![(Role::Dim, crate::store::words::count(rows.iter().filter(|row| matches!(row, PodRow::Pod(_))).count(), "pod"))]];
    let inner = panel.draw(buf, area, theme);
    let columns = columns(drawn.iter().map(|row| crate::widgets::line_width(&row.name)).max().unwrap_or_default());
    let mut table = Table::new(&columns, &drawn);
    let at = pods.at.id().and_then(|id| rows.iter().position(|row| row == id)).unwrap_or_default();
    table.cursor = if drawn.is_empty() { Cursor::None } else { Cursor::Row(at) };
    table.focused = true;
    table.marked = true;
    let empty = empty(app, pods);
    table.empty = &empty;
    table.draw(buf, inner, theme);
}

/// The columns beside names of up to `longest` cells: it is their end that tells pods apart.
fn columns(longest: usize) -> [Column<Drawn>; 7] {
    let least = u16::try_from(longest.clamp(16, 40)).unwrap_or(40);
    [
        Column::new("POD", Width::Between(least, 48), |row: &Drawn| row.name.clone()),
        Column::new("STATE", Width::Fill(18, 1), |row: &Drawn| row.state.clone()),
        Column { priority: 1, ..Column::new("READY", Width::Fixed(5), |row: &Drawn| row.ready.clone()) },
        Column { priority: 2, align: Align::Right, ..Column::new("RESTARTS", Width::Between(8, 14), |row: &Drawn| row.restarts.clone()) },
        Column { priority: 3, ..Column::new("VERSION", Width::Between(7, 14), |row: &Drawn| row.version.clone()) },
        Column { priority: 4, ..Column::new("NODE", Width::Between(4, 24), |row: &Drawn| row.node.clone()) },
        Column { priority: 5, align: Align::Right, ..Column::new("AGE", Width::Fixed(4), |row: &Drawn| row.age.clone()) },
    ]
}

fn drawn(app: &App, row: &PodRow) -> Option<Drawn> {
    let (id, container): (&Id<Pod>, Option<&Clean>) = match row {
        PodRow::Pod(id) => (id, None),
        PodRow::Container(id, name) => (id, Some(name)),
    };
    let pod = app.store.pod(id)?;
    match container {
        None => Some(pod_row(app, pod)),
        Some(name) => pod.containers.iter().find(|container| container.name.clean() == name).map(|container| container_row(app, container)),
    }
}

/// A pod in the columns of a table of pods.
fn pod_row(app: &App, pod: &Pod) -> Drawn {
    let role = if pod.ready {
        Role::Ok
    } else if pod.leaving {
        Role::Dim
    } else {
        Role::Critical
    };
    let glyph = if pod.ready {
        sign::OK
    } else if pod.leaving {
        sign::ROLLING
    } else {
        sign::BAD
    };
    let main = pod.containers.iter().find(|container| !container.init);
    let ready = pod.containers.iter().filter(|container| !container.init && container.ready).count();
    let all = pod.containers.iter().filter(|container| !container.init).count();
    let again = pod.restarted.map(|at| crate::clean!(" ({})", words::time(app, at))).unwrap_or_default();
    Drawn {
        name: line![pod.name.clean().clone()],
        state: line![(role, crate::clean!("{glyph} {}", pod.reason)), (Role::Dim, crate::clean!("  {}", pod.message))],
        ready: line![(Role::Text, crate::clean!("{ready}/{all}"))],
        restarts: line![(if pod.restarts > 0 { Role::Warn } else { Role::Dim }, crate::clean!("{}{again}", pod.restarts))],
        version: main.map(|main| vec![Piece::new(Role::Dim, crate::domain::Version::of(None, std::slice::from_ref(&*main.image)).0)]).unwrap_or_default(),
        node: pod.node.as_ref().map(|node| vec![Piece::new(Role::Dim, node.clean().clone())]).unwrap_or_default(),
        age: pod.created.map(|at| vec![Piece::new(Role::Dim, words::time(app, at))]).unwrap_or_default(),
    }
}

fn container_row(app: &App, container: &Container) -> Drawn {
    let (role, state) = state_words(app, &container.state);
    let last = container.last.as_ref().map(|last| crate::clean!("  before: {}", state_words(app, last).1)).unwrap_or_default();
    let kind = if container.init { " (init)" } else { "" };
    Drawn {
        name: line![(Role::Faint, "└ "), (Role::Text, crate::clean!("{}{kind}", container.name))],
        state: line![(role, state), (Role::Dim, last)],
        ready: line![(Role::Dim, if container.ready { "yes" } else { "no" })],
        restarts: line![(Role::Dim, crate::clean!("{}", container.restarts))],
        version: line![(Role::Dim, crate::clean!("{}", container.image.reference))],
        node: Line::new(),
        age: Line::new(),
    }
}

fn state_words(app: &App, state: &ContainerState) -> (Role, Clean) {
    match state {
        ContainerState::Waiting { reason, message } => (Role::Warn, crate::clean!("{reason} {message}")),
        ContainerState::Running { since } => {
            (Role::Ok, since.map_or_else(|| Clean::from_static("running"), |at| crate::clean!("running {}", words::time(app, at))))
        }
        ContainerState::Ended { code: 0, .. } => (Role::Dim, Clean::from_static("completed")),
        ContainerState::Ended { code, reason, message, .. } => (Role::Critical, crate::clean!("{reason}, exit {code} {message}")),
        ContainerState::Unknown => (Role::Unknown, Clean::from_static("unknown")),
    }
}

fn empty(app: &App, pods: &Pods) -> Vec<Line> {
    let asked = pods
        .workloads
        .iter()
        .find_map(|workload| app.store.feed(&workload.source(), &crate::domain::Feed::Pods(crate::domain::Scope::Workload(workload.clone()))));
    match asked.map(|feed| &feed.link) {
        Some(crate::domain::Link::Live { synced: true, .. }) => vec![line![(Role::Dim, "it has no pods")]],
        Some(crate::domain::Link::Refused { why, .. } | crate::domain::Link::Retrying { why, .. }) => vec![line![(Role::Critical, why.words.clone())]],
        Some(crate::domain::Link::Live { synced: false, .. } | crate::domain::Link::Connecting | crate::domain::Link::NotConnected) | None => {
            vec![line![(Role::Dim, "asking for its pods")]]
        }
    }
}
