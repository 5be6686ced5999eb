//! Where everything stands: one pure function, for painting, for paging and for the mouse.

use crate::app::Size;
use ratatui::layout::Rect;

/// The four panels that exist, as places on the main screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// The first line.
    pub header: Rect,
    /// The line below it: the worst alert in one sentence.
    pub headline: Rect,
    /// Everything between the headline and the foot: one screen, where one is open.
    pub body: Rect,
    /// How the main screen divides the body.
    pub main: Main,
    /// The line above the keys: what sources and operations have to say.
    pub status: Rect,
    /// The last line: the keys.
    pub keys: Rect,
}

/// How the main screen divides its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Main {
    /// 80×24 and the like: the matrix, and one line for each other panel.
    Compact {
        /// The matrix.
        matrix: Rect,
        /// A line each: logs, pipelines, alerts.
        lines: [Rect; 3],
    },
    /// 120×40 and the like: the matrix, the cell beside the logs, pipelines beside alerts.
    Medium {
        /// The matrix.
        matrix: Rect,
        /// The selected cell.
        cell: Rect,
        /// Logs.
        logs: Rect,
        /// Pipelines.
        pipelines: Rect,
        /// Alerts and changes.
        alerts: Rect,
    },
    /// 200×60 and the like: a third column for the timeline, logs at least 90 wide.
    Wide {
        /// The matrix.
        matrix: Rect,
        /// The selected cell.
        cell: Rect,
        /// Logs.
        logs: Rect,
        /// Pipelines.
        pipelines: Rect,
        /// Alerts.
        alerts: Rect,
        /// The timeline of changes.
        timeline: Rect,
    },
}

impl Areas {
    /// One screen has the line below the header too, and the line above the keys unless that `speaks`: a procedure says itself what
    /// they would say.
    pub fn whole(self, speaks: bool) -> Self {
        let more = u16::from(!speaks && self.status.height > 0);
        let body = Rect { y: self.headline.y, height: self.body.height + self.headline.height + more, ..self.body };
        let status = if speaks { self.status } else { Rect { height: 0, ..self.status } };
        Self { body, headline: Rect { height: 0, ..self.headline }, status, ..self }
    }
}

/// Below this nothing useful fits.
pub const SMALLEST: Size = Size { width: 40, height: 10 };
/// From here on four panels stand beside each other.
const MEDIUM: Size = Size { width: 100, height: 32 };
/// From here on there is a third column.
const WIDE: Size = Size { width: 180, height: 45 };
/// The column of the cell's details on a medium screen, of 120.
const CELL: u16 = 58;

/// The places for a terminal of `size`.
pub fn layout(size: Size) -> Areas {
    let Size { width, height } = size;
    let line = |y: u16| Rect { x: 0, y: y.min(height), width, height: u16::from(y < height) };
    let foot = height.saturating_sub(2);
    let body = Rect { x: 0, y: 2.min(height), width, height: foot.saturating_sub(2) };
    Areas { header: line(0), headline: line(1), body, main: main(body, size), status: line(foot), keys: line(height.saturating_sub(1)) }
}

fn main(body: Rect, size: Size) -> Main {
    if size.width >= WIDE.width && size.height >= WIDE.height {
        wide(body)
    } else if size.width >= MEDIUM.width && size.height >= MEDIUM.height {
        medium(body)
    } else {
        compact(body)
    }
}

fn compact(body: Rect) -> Main {
    let lines = body.height.saturating_sub(6).min(3);
    let matrix = Rect { height: body.height - lines, ..body };
    let line = |n: u16| Rect { y: matrix.bottom() + n.min(lines), height: u16::from(n < lines), ..body };
    Main::Compact { matrix, lines: [line(0), line(1), line(2)] }
}

/// The heights of three rows of panels: 13, 13 and 10 of the 36 that a terminal of 40 lines leaves.
fn rows(height: u16) -> [u16; 3] {
    let part = |of: u32| u16::try_from(u32::from(height) * of / 36).unwrap_or(height);
    let (middle, bottom) = (part(13), part(10));
    [height - middle - bottom, middle, bottom]
}

fn split(row: Rect, at: u16) -> (Rect, Rect) {
    (Rect { width: at, ..row }, Rect { x: row.x + at, width: row.width - at, ..row })
}

fn stack(body: Rect) -> [Rect; 3] {
    let [top, middle, bottom] = rows(body.height);
    let at = |y: u16, height: u16| Rect { y: body.y + y, height, ..body };
    [at(0, top), at(top, middle), at(top + middle, bottom)]
}

fn medium(body: Rect) -> Main {
    let [matrix, middle, bottom] = stack(body);
    let left = u16::try_from(u32::from(body.width) * u32::from(CELL) / 120).unwrap_or(CELL);
    let ((cell, logs), (pipelines, alerts)) = (split(middle, left), split(bottom, left));
    Main::Medium { matrix, cell, logs, pipelines, alerts }
}

fn wide(body: Rect) -> Main {
    let (rest, timeline) = split(body, body.width - 44);
    let [matrix, middle, bottom] = stack(rest);
    let left = rest.width.saturating_sub(90).min(66);
    let ((cell, logs), (pipelines, alerts)) = (split(middle, left), split(bottom, left));
    Main::Wide { matrix, cell, logs, pipelines, alerts, timeline }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rects(areas: &Areas) -> Vec<Rect> {
        let mut rects = vec![areas.header, areas.headline, areas.status, areas.keys];
        match areas.main {
            Main::Compact { matrix, lines } => rects.extend([matrix, lines[0], lines[1], lines[2]]),
            Main::Medium { matrix, cell, logs, pipelines, alerts } => rects.extend([matrix, cell, logs, pipelines, alerts]),
            Main::Wide { matrix, cell, logs, pipelines, alerts, timeline } => rects.extend([matrix, cell, logs, pipelines, alerts, timeline]),
        }
        rects
    }

    #[test]
    fn at_120_by_40_the_frame_of_the_design() {
        let Main::Medium { matrix, cell, logs, pipelines, alerts } = layout(Size { width: 120, height: 40 }).main else { panic!("not medium") };
        assert_eq!([matrix.y, cell.y, pipelines.y], [2, 15, 28]);
        assert_eq!([cell.width, logs.width, pipelines.width, alerts.width], [58, 62, 58, 62]);
        assert_eq!([matrix.height, cell.height, pipelines.height], [13, 13, 10]);
    }

    #[test]
    fn from_useful_sizes_on_every_cell_belongs_to_exactly_one_place() {
        for (width, height) in [(80, 24), (120, 40), (200, 60), (100, 32), (179, 44), (300, 100), (40, 10), (43, 11)] {
            let mut owners = vec![0_u8; usize::from(width) * usize::from(height)];
            for rect in rects(&layout(Size { width, height })) {
                for (x, y) in (rect.left()..rect.right()).flat_map(|x| (rect.top()..rect.bottom()).map(move |y| (x, y))) {
                    owners[usize::from(y) * usize::from(width) + usize::from(x)] += 1;
                }
            }
            assert!(owners.iter().all(|owners| *owners == 1), "{width}×{height}");
        }
    }

    #[test]
    fn logs_are_at_least_90_wide_on_a_wide_screen() {
        let Main::Wide { logs, timeline, .. } = layout(Size { width: 200, height: 60 }).main else { panic!("not wide") };
        assert!(logs.width >= 90 && timeline.width >= 40, "{logs:?} {timeline:?}");
    }

    #[test]
    fn no_size_panics() {
        for width in 0..140 {
            for height in 0..60 {
                layout(Size { width, height });
            }
        }
    }
}
