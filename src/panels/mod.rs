//! One file per panel or screen: its state, its keys, its drawing.
//!
//! Each has `act` (a wish; `None` when it is not its own), `draw` (from `&App`, changing nothing) and, where it has a cursor, `subject`.

pub mod alerts;
pub mod background;
pub mod cell;
pub mod changes;
pub mod environments;
pub mod explain;
pub mod facts;
pub mod history;
pub mod list;
pub mod logs;
pub mod operation;
pub mod page;
pub mod pipelines;
pub mod pods;
pub mod run;
pub mod verify;
pub mod words;

use crate::{
    app::{App, Effect, Screen, Subject},
    keys::Action,
    text::Clean,
};
use ratatui::{buffer::Buffer, layout::Rect};

/// A wish to the topmost screen.
pub fn screen_act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let mut screen = app.screens.pop()?;
    let depth = app.screens.len();
    let done = match &mut screen {
        Screen::Pods(pods) => pods::act(app, pods, action),
        Screen::Logs(..) => logs::act(app, action),
        Screen::Text(page) => page::act(app, page, action),
        Screen::Explain(explain) => explain::act(app, explain, action),
        Screen::History(history) => history::act(app, history, action),
        Screen::Run(run, at) => run::act(app, run, at, action),
        Screen::List(list, at) => list::act(app, list, at, action),
        Screen::Operation(key) => operation::act(app, *key, action),
        Screen::Background(at) => background::act(app, at, action),
        Screen::Changes(offset) => changes::act(app, offset, action),
        Screen::Verify(verify) => verify::act(app, verify, action),
    };
    app.screens.insert(depth.min(app.screens.len()), screen);
    done
}

/// What is under the cursor of a screen.
pub fn subject_of(app: &App, screen: &Screen) -> Subject {
    match screen {
        Screen::Pods(pods) => pods::subject(pods),
        Screen::Logs(..) => logs::subject(app),
        Screen::Explain(explain) => Subject::Workload(explain.workload.clone()),
        Screen::History(history) => Subject::Workload(history.workload.clone()),
        Screen::Run(run, at) => run::subject(app, run, at),
        Screen::List(list, at) => list::subject(app, list, at),
        Screen::Operation(key) => operation::subject(app, *key),
        Screen::Verify(verify) => verify::subject(app, verify),
        Screen::Text(_) | Screen::Background(_) | Screen::Changes(_) => Subject::Nothing,
    }
}

/// Draws the topmost screen.
pub fn draw_screen(app: &App, buf: &mut Buffer, area: Rect) {
    match app.screens.last() {
        Some(Screen::Pods(pods)) => pods::draw(app, pods, buf, area),
        Some(Screen::Logs(..)) => logs::draw(app, buf, area, true),
        Some(Screen::Text(page)) => page::draw(app, page, buf, area),
        Some(Screen::Explain(explain)) => explain::draw(app, explain, buf, area),
        Some(Screen::History(history)) => history::draw(app, history, buf, area),
        Some(Screen::Run(run, at)) => run::draw(app, run, at, buf, area),
        Some(Screen::List(list, at)) => list::draw(app, list, at, buf, area),
        Some(Screen::Operation(key)) => operation::draw(app, *key, buf, area),
        Some(Screen::Background(at)) => background::draw(app, at, buf, area),
        Some(Screen::Changes(offset)) => changes::draw(app, *offset, buf, area),
        Some(Screen::Verify(verify)) => verify::draw(app, verify, buf, area),
        None => {}
    }
}

/// Whether something that is shown is younger than a minute.
pub fn ticks(app: &App) -> bool {
    pipelines::ticks(app) || app.matrix.rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.changed).any(|at| words::young(at, app.now.wall))
}

/// Links of a subject, each with what it opens.
pub fn links(app: &App, subject: &Subject) -> Vec<(Clean, Clean)> {
    let mut links = Vec::new();
    match subject {
        Subject::Run(id) => links.extend(app.store.run(id).map(|run| (crate::clean!("run {}", run.called()), run.url.clone()))),
        Subject::Alert(id) => {
            let alert = app.store.alert(id);
            links.extend(alert.and_then(|alert| alert.runbook.clone()).map(|link| (Clean::from_static("runbook"), link)));
        }
        Subject::Cell { .. } | Subject::Workload(_) | Subject::Pod(_) | Subject::Job(_) | Subject::Node(_) | Subject::Nothing => {}
    }
    links.retain(|(_, link)| !link.is_empty());
    links
}
