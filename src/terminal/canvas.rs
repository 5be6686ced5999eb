//! What frames are drawn on.

use super::encode::Encoder;
use ratatui::{
    Frame,
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};
use std::convert::Infallible;

/// Where encoded frames go: the writer thread, or a test's own screen.
pub trait Tty {
    /// Columns and rows.
    fn size(&self) -> Size;
    /// Whether the last frame has left.
    fn idle(&self) -> bool;
    /// Sends a frame without waiting; answers its number. Called only when idle.
    fn put(&mut self, frame: Vec<u8>) -> u64;
}

/// The screen as the loop sees it: it draws whole frames, and what has not changed costs nothing.
pub struct Canvas<T: Tty> {
    terminal: ratatui::Terminal<Ink<T>>,
}

/// Larger than any real terminal; a size beyond it is a lie that would cost memory.
const LARGEST: Size = Size::new(1000, 500);
/// A terminal that does not know its size (a serial line, a pty nobody sized).
const USUAL: Size = Size::new(80, 24);

impl<T: Tty> Canvas<T> {
    /// A canvas on `tty`, which nothing is known about.
    pub fn new(tty: T) -> Self {
        let ink = Ink { encoder: Encoder::default(), tty, sent: None };
        let Ok(terminal) = ratatui::Terminal::new(ink);
        Self { terminal }
    }

    /// Whether a frame may be drawn: the last one has left.
    pub fn idle(&self) -> bool {
        self.terminal.backend().tty.idle()
    }

    /// Columns and rows, as a frame drawn now would have them.
    pub fn size(&self) -> Size {
        real(self.terminal.backend().tty.size())
    }

    /// Draws a frame and sends what has changed; answers the frame's number, or nothing if no byte had to be sent.
    /// While the terminal is busy nothing is drawn: draw again when it is idle.
    pub fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> Option<u64> {
        if !self.idle() {
            return None;
        }
        self.terminal.backend_mut().sent = None;
        let Ok(_) = self.terminal.draw(paint);
        self.terminal.backend_mut().sent.take()
    }

    /// The next frame is drawn whole: somebody else has written to the terminal, or it may have lost something.
    pub fn repaint(&mut self) {
        self.terminal.backend_mut().encoder.forget();
        let Ok(()) = self.terminal.clear();
    }

    /// Sends bytes that draw nothing (clipboard, bell, notification), with the next frame or at once if the terminal is idle.
    pub fn aside(&mut self, bytes: &[u8]) {
        self.terminal.backend_mut().encoder.aside(bytes);
        if self.idle() {
            let Ok(()) = self.terminal.backend_mut().flush();
        }
    }

    /// What the frames go to, for tests.
    pub fn tty(&self) -> &T {
        &self.terminal.backend().tty
    }
}

fn real(size: Size) -> Size {
    if size.width == 0 || size.height == 0 {
        return USUAL;
    }
    Size::new(size.width.min(LARGEST.width), size.height.min(LARGEST.height))
}

/// Drawing library's side of the canvas.
struct Ink<T: Tty> {
    encoder: Encoder,
    tty: T,
    sent: Option<u64>,
}

/// The terminal shows what lies between these two at once, and not half of it.
const TOGETHER: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");

impl<T: Tty> Backend for Ink<T> {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.encoder.set_width(real(self.tty.size()).width);
        content.for_each(|(x, y, cell)| self.encoder.cell(x, y, cell));
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.encoder.show_cursor(false);
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.encoder.show_cursor(true);
        Ok(())
    }

    /// Never asked of the terminal, whose answer would be a round trip away.
    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.encoder.place().map_or(Position::ORIGIN, Position::from))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        let Position { x, y } = position.into();
        self.encoder.go(x, y);
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.encoder.clear();
        Ok(())
    }

    /// We draw on the whole screen, where only the whole is ever cleared.
    fn clear_region(&mut self, _: ClearType) -> Result<(), Infallible> {
        self.clear()
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(real(self.tty.size()))
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: real(self.tty.size()), pixels: Size::ZERO })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        if !self.encoder.is_empty() && self.tty.idle() {
            self.sent = Some(self.tty.put([TOGETHER.0, &self.encoder.take(), TOGETHER.1].concat()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{
        layout::Rect,
        style::{Color, Style},
    };
    use std::num::NonZeroU16;

    /// A terminal that really interprets what it is sent.
    struct Screen {
        parser: vt100::Parser,
        size: Size,
        frames: Vec<Vec<u8>>,
        busy: bool,
    }

    impl Tty for Screen {
        fn size(&self) -> Size {
            self.size
        }
        fn idle(&self) -> bool {
            !self.busy
        }
        fn put(&mut self, frame: Vec<u8>) -> u64 {
            self.parser.process(&frame);
            self.frames.push(frame);
            self.frames.len() as u64
        }
    }

    fn canvas(width: u16, height: u16) -> Canvas<Screen> {
        let size = |cells| NonZeroU16::new(cells).expect("a size");
        Canvas::new(Screen { parser: vt100::Parser::new(size(height), size(width), 0), size: Size::new(width, height), frames: Vec::new(), busy: false })
    }

    fn picture(seed: u64) -> impl FnOnce(&mut Frame<'_>) {
        move |frame| {
            let area = frame.area();
            let mut state = seed;
            for y in 0..area.height {
                for x in 0..area.width {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    let roll = state >> 33;
                    let symbol = ["a", "é", "─", "✓", " ", "▃"][(roll % 6) as usize];
                    let style = Style::new().fg([Color::Reset, Color::Red, Color::Indexed(200), Color::Rgb(9, 8, 7)][(roll / 6 % 4) as usize]);
                    frame.buffer_mut()[(x, y)].set_symbol(symbol).set_style(style);
                }
            }
        }
    }

    /// Symbols and foregrounds as the terminal has them after everything it was sent.
    fn on_screen(canvas: &Canvas<Screen>) -> Vec<(String, vt100::Color)> {
        let Screen { parser, size, .. } = canvas.tty();
        let cell = |x, y| parser.screen().cell(y, x).expect("on the screen");
        let all = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
        all.map(|(x, y)| (if cell(x, y).contents().is_empty() { " ".to_owned() } else { cell(x, y).contents().to_string() }, cell(x, y).fgcolor())).collect()
    }

    #[test]
    fn what_the_terminal_shows_is_what_was_drawn_however_the_frames_follow_each_other() {
        for seed in 0..40 {
            let (mut stepwise, mut at_once) = (canvas(23, 7), canvas(23, 7));
            for frame in [seed, seed + 1, seed / 2, seed * 7] {
                stepwise.draw(picture(frame));
            }
            at_once.draw(picture(seed * 7));
            assert_eq!(on_screen(&stepwise), on_screen(&at_once), "seed {seed}");
        }
    }

    #[test]
    fn an_unchanged_frame_costs_no_byte_and_one_cell_a_few() {
        let mut canvas = canvas(120, 40);
        assert_eq!(canvas.draw(picture(1)), Some(1));
        assert_eq!(canvas.draw(picture(1)), None);
        assert_eq!(canvas.tty().frames.len(), 1);
        canvas.draw(|frame| {
            picture(1)(frame);
            frame.buffer_mut()[(60, 20)].set_symbol("X");
        });
        let last = canvas.tty().frames.last().expect("a frame");
        assert!(last.len() <= 40, "{} bytes for one cell", last.len());
    }

    #[test]
    fn a_frame_is_shown_as_one() {
        let mut canvas = canvas(20, 5);
        canvas.draw(picture(3));
        let frame = &canvas.tty().frames[0];
        assert!(frame.starts_with(TOGETHER.0) && frame.ends_with(TOGETHER.1));
    }

    #[test]
    fn a_busy_terminal_is_drawn_on_later_and_then_shows_the_newest() {
        let mut busy = canvas(20, 5);
        busy.draw(picture(1));
        busy.terminal.backend_mut().tty.busy = true;
        assert_eq!(busy.draw(picture(2)), None);
        busy.aside(b"\x07");
        assert_eq!(busy.tty().frames.len(), 1, "nothing is queued behind a terminal that does not read");
        busy.terminal.backend_mut().tty.busy = false;
        assert_eq!(busy.draw(picture(3)), Some(2));
        let mut fresh = canvas(20, 5);
        fresh.draw(picture(3));
        assert_eq!(on_screen(&busy), on_screen(&fresh));
    }

    #[test]
    fn after_somebody_else_wrote_a_repaint_shows_the_whole_frame() {
        let mut canvas = canvas(20, 5);
        canvas.draw(picture(1));
        let before = on_screen(&canvas);
        canvas.terminal.backend_mut().tty.parser.process(b"\x1b[H\x1b[31;7mgarbage\x1b[3;3H");
        canvas.repaint();
        canvas.draw(picture(1));
        assert_eq!(on_screen(&canvas), before);
    }

    #[test]
    fn the_last_size_counts_and_no_size_is_believed_that_can_not_be() {
        let mut canvas = canvas(20, 5);
        let area = |canvas: &mut Canvas<Screen>, width, height| {
            canvas.terminal.backend_mut().tty.size = Size::new(width, height);
            let mut seen = Rect::ZERO;
            canvas.draw(|frame| seen = frame.area());
            (seen.width, seen.height)
        };
        assert_eq!(area(&mut canvas, 10, 3), (10, 3));
        assert_eq!(area(&mut canvas, 1, 1), (1, 1));
        assert_eq!(area(&mut canvas, 0, 0), (80, 24));
        assert_eq!(area(&mut canvas, 65_535, 65_535), (1000, 500));
    }

    #[test]
    fn a_whole_frame_is_smaller_than_the_usual_way_of_writing_it() {
        let mut ours = canvas(120, 40);
        ours.draw(picture(5));
        let mut usual = Vec::new();
        let backend = ratatui::backend::CrosstermBackend::new(&mut usual);
        let options = ratatui::TerminalOptions { viewport: ratatui::Viewport::Fixed(Rect::new(0, 0, 120, 40)) };
        let mut terminal = ratatui::Terminal::with_options(backend, options).expect("no terminal is asked");
        terminal.draw(picture(5)).expect("a vector takes everything");
        drop(terminal);
        let (ours, usual) = (ours.tty().frames[0].len(), usual.len());
        assert!(ours < usual, "{ours} bytes, usually {usual}");
    }
}
