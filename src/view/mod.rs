//! The frame around the panels: the header, the line below it, what lies over the screen, the keys at the foot.

mod foot;
mod head;
mod layout;
mod nothing;
mod over;

pub use layout::{Areas, Main, SMALLEST, layout};
pub use nothing::{awaited, nothing_yet};
pub use over::help_extent;

use crate::{
    app::{App, Screen},
    line,
    panels::{self, alerts, cell, changes, environments, logs, pipelines},
    theme::Role,
    widgets::{self, Align, draw_line},
};
use ratatui::{Frame, buffer::Buffer, layout::Rect};

/// Draws the console. It can not change anything.
pub fn draw(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    draw_into(app, frame.buffer_mut(), area);
}

/// Draws the console into `buf`.
pub fn draw_into(app: &App, buf: &mut Buffer, area: Rect) {
    let theme = &app.start.theme;
    widgets::clear(buf, area, theme);
    if area.width < SMALLEST.width || area.height < SMALLEST.height {
        too_small(app, buf, area);
    } else {
        let mut areas = layout(crate::app::Size { width: area.width, height: area.height });
        let procedure = matches!(app.screens.last(), Some(Screen::Operation(_)));
        if procedure {
            areas = areas.whole(foot::speaks(app));
        }
        head::draw(app, buf, areas.header);
        head::headline(app, buf, areas.headline);
        foot::status(app, buf, areas.status);
        body(app, buf, &areas);
        foot::keys(app, buf, areas.keys);
        over::draw(app, buf, &areas);
    }
    app.start.glyphs.settle(buf);
}

/// Whether anybody sees a panel: not below a screen, not where another has all of the room.
pub fn in_view(app: &App, panel: crate::app::Panel) -> bool {
    let alone = app.zoomed || matches!(layout(app.size).main, Main::Compact { .. });
    app.screens.is_empty() && (app.panel == panel || !alone)
}

fn too_small(app: &App, buf: &mut Buffer, area: Rect) {
    let words = crate::clean!("{}×{} is too small: {}×{} is needed", area.width, area.height, SMALLEST.width, SMALLEST.height);
    for (row, line) in area.rows().zip(widgets::wrap(&line![(Role::Text, words)], usize::from(area.width).max(1))) {
        draw_line(buf, row, &line, Align::Left, &app.start.theme);
    }
}

fn body(app: &App, buf: &mut Buffer, areas: &Areas) {
    if !app.screens.is_empty() {
        return panels::draw_screen(app, buf, areas.body);
    }
    if app.zoomed {
        return match app.panel {
            crate::app::Panel::Environments => environments::draw(app, buf, areas.body),
            crate::app::Panel::Pipelines => pipelines::draw(app, buf, areas.body),
            crate::app::Panel::Logs => logs::draw(app, buf, areas.body, false),
            crate::app::Panel::Alerts => alerts::draw(app, buf, areas.body),
        };
    }
    match &areas.main {
        Main::Compact { matrix, lines } => compact(app, buf, *matrix, lines),
        Main::Medium { matrix, cell, logs: at_logs, pipelines: at_pipelines, alerts: at_alerts } => {
            environments::draw(app, buf, *matrix);
            cell::draw(app, buf, *cell);
            logs::draw(app, buf, *at_logs, false);
            pipelines::draw(app, buf, *at_pipelines);
            alerts::draw(app, buf, *at_alerts);
        }
        Main::Wide { matrix, cell, logs: at_logs, pipelines: at_pipelines, alerts: at_alerts, timeline } => {
            environments::draw(app, buf, *matrix);
            cell::draw(app, buf, *cell);
            logs::draw(app, buf, *at_logs, false);
            pipelines::draw(app, buf, *at_pipelines);
            alerts::draw(app, buf, *at_alerts);
            changes::draw(app, 0, buf, *timeline);
        }
    }
}

/// The panel that has the keys takes the large place; the others have a line each.
fn compact(app: &App, buf: &mut Buffer, large: Rect, lines: &[Rect; 3]) {
    use crate::app::Panel;
    match app.panel {
        Panel::Environments => environments::draw(app, buf, large),
        Panel::Pipelines => pipelines::draw(app, buf, large),
        Panel::Logs => logs::draw(app, buf, large, false),
        Panel::Alerts => alerts::draw(app, buf, large),
    }
    let others = Panel::ALL.into_iter().filter(|panel| *panel != app.panel);
    for (row, panel) in lines.iter().zip(others) {
        let line = match panel {
            Panel::Environments => line![
                (Role::Key, "1 "),
                (Role::Title, "Environments "),
                (Role::Dim, if app.matrix.rows.is_empty() && !app.told_what_runs() { awaited(app) } else { app.matrix.totals.words() })
            ],
            Panel::Pipelines => pipelines::summary(app),
            Panel::Logs => logs::summary(app),
            Panel::Alerts => alerts::summary(app),
        };
        let inside = Rect { x: row.x + 1.min(row.width), width: row.width.saturating_sub(2), ..*row };
        draw_line(buf, inside, &line, Align::Left, &app.start.theme);
    }
}
