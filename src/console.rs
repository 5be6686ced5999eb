//! The loop: keys before anything else, then what waits, then at most one frame. The only place that names both tokio and ratatui.

mod lend;

use crate::{
    app::{App, DialogId, Effect, Event, Now, Size},
    domain::Program,
    runtime::{Errand, Runtime},
    terminal::{Asked, Canvas, Copied, Guard, Inbox as Typed, Input, Mux, Ring, Signal, Tty, Writer, clipboard, ring},
    text::Clean,
    view,
    widgets::Glyphs,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Frames come at most so often, unless a key was pressed.
const FRAME: Duration = Duration::from_millis(50);
/// A terminal that took longer than this for a frame is slow: frames come less often then.
const SLOW: Duration = Duration::from_millis(10);
/// How many waiting events are taken before a frame is drawn.
const BATCH: usize = 256;
/// However little happens, the loop looks at the time this often.
const IDLE: Duration = Duration::from_secs(60);
/// How long operations may take to write their outcome down when the console leaves.
const SETTLE: Duration = Duration::from_millis(1_500);

/// How the terminal is told things that draw nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// What stands between us and the terminal.
    pub mux: Mux,
    /// How a person is called.
    pub ring: Ring,
    /// Whether the terminal's answer decides which signs are drawn.
    pub measure_glyphs: bool,
}

/// The two clocks of a process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    /// The simulated world has a wall clock of its own, which began here.
    wall: Option<Timestamp>,
}

impl Clock {
    /// Starts the monotonic one.
    pub fn start() -> Self {
        Self { began: Instant::now(), wall: None }
    }

    /// Clocks of a simulated world, whose wall says `wall` now.
    pub fn at(wall: Timestamp) -> Self {
        Self { began: Instant::now(), wall: Some(wall) }
    }

    /// This instant on both.
    pub fn now(self) -> Now {
        let mono = self.began.elapsed();
        let simulated = |wall: Timestamp| wall + SignedDuration::try_from(mono).unwrap_or(SignedDuration::ZERO);
        Now { wall: self.wall.map_or_else(Timestamp::now, simulated), mono }
    }

    /// How long it is until `mono`.
    pub fn until(self, mono: Duration) -> Duration {
        mono.saturating_sub(self.began.elapsed())
    }
}

/// Everything the loop owns. Generic over the terminal, so that it runs in tests.
pub struct Console<T: Tty> {
    /// What decides.
    pub app: App,
    /// What acts.
    pub runtime: Runtime,
    /// What is drawn on.
    pub canvas: Canvas<T>,
    /// What is typed.
    pub typed: Typed,
    /// What arrives.
    pub inbox: Arc<crate::runtime::Inbox>,
    /// The time.
    pub clock: Clock,
    /// How the terminal is told things.
    pub manners: Manners,
    drawn: Option<Duration>,
    pace: Duration,
    dirty: Dirty,
    seen_with: Option<(DialogId, u64)>,
    lending: Option<Program>,
    took_back: Option<Duration>,
}

/// Whether a frame is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dirty {
    No,
    Soon,
    Now,
}

/// What ends the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    With(u8),
    Gone,
}

impl<T: Tty> Console<T> {
    /// A console that has not drawn yet.
    pub fn new(app: App, runtime: Runtime, canvas: Canvas<T>, typed: Typed, inbox: Arc<crate::runtime::Inbox>, clock: Clock, manners: Manners) -> Self {
        Self {
            app,
            runtime,
            canvas,
            typed,
            inbox,
            clock,
            manners,
            drawn: None,
            pace: FRAME,
            dirty: Dirty::Now,
            seen_with: None,
            lending: None,
            took_back: None,
        }
    }

    /// Runs until somebody leaves or the terminal is gone. `suspend` gives the terminal to the shell and takes it back.
    pub async fn run(mut self, mut suspend: impl FnMut(&mut Canvas<T>, Pause) -> bool) -> u8 {
        let left = loop {
            self.runtime.reconcile(&self.app.wanted());
            self.draw();
            let (wake, ripe) = (self.clock.until(self.wake()), self.ripe());
            let left = tokio::select! {
                biased;
                input = self.typed.next() => self.input(input, &mut suspend),
                () = self.inbox.ripe(BATCH, ripe), if self.may_take() => self.take(&mut suspend),
                () = tokio::time::sleep(wake) => self.tick(&mut suspend),
            };
            let left = match (left, self.lending.take()) {
                (None, Some(program)) => self.lend(program, &mut suspend).await,
                (left, _) => left,
            };
            if let Some(left) = left {
                break left;
            }
        };
        self.runtime.settle(SETTLE).await;
        self.runtime.hand_over(&self.app.operations.to_hand_over());
        match left {
            Left::With(code) => code,
            Left::Gone => 129,
        }
    }

    /// When facts are taken from the inbox. Those that arrive between two frames are taken together just before the second: what follows
    /// from them is then worked out once. Many of them, and anything that is not a fact, are taken at once.
    fn ripe(&self) -> tokio::time::Instant {
        tokio::time::Instant::now() + self.drawn.map_or(Duration::ZERO, |drawn| self.clock.until(drawn + self.pace))
    }

    /// When the loop must look up, whatever happens.
    fn wake(&self) -> Duration {
        let now = self.clock.now().mono;
        let due = self.app.next_wake().unwrap_or(now + IDLE).min(now + IDLE);
        match (self.dirty, self.drawn) {
            (Dirty::Soon, Some(drawn)) if self.canvas.idle() => due.min(drawn + self.pace),
            (..) => due,
        }
    }

    /// While a dialog is being painted nothing else goes on, so that what it says is what was decided.
    fn may_take(&self) -> bool {
        self.dirty != Dirty::Now || !self.canvas.idle()
    }

    fn update(&mut self, event: Event, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Option<Left> {
        let effects = self.app.update(self.clock.now(), event);
        self.carry_out(effects, suspend)
    }

    fn carry_out(&mut self, effects: Vec<Effect>, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Option<Left> {
        for effect in effects {
            match self.runtime.carry_out(effect) {
                None => {}
                Some(Errand::Copy(lines)) => self.copy(&lines, suspend),
                Some(Errand::Notify(words)) => self.canvas.aside(&ring(self.manners.ring, &words, self.manners.mux)),
                Some(Errand::Lend(program)) => self.lending = Some(program),
                Some(Errand::Redraw) => self.canvas.repaint(),
                Some(Errand::Suspend) => {
                    suspend(&mut self.canvas, Pause::Stop(Asked::Key));
                }
                Some(Errand::Quit(code)) => return Some(Left::With(code)),
            }
        }
        None
    }

    fn copy(&mut self, lines: &[Clean], suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) {
        let text = lines.iter().map(Clean::as_str).collect::<Vec<_>>().join("\n");
        let told = match clipboard(&text, self.manners.mux) {
            Ok(Copied { bytes, says }) => {
                self.canvas.aside(&bytes);
                Ok(says)
            }
            Err(why) => Err(why),
        };
        self.update(Event::Told(told), suspend);
    }

    /// One thing from the terminal, and with it every key that waits, up to one that opens a dialog.
    fn input(&mut self, input: Input, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Option<Left> {
        let mut next = Some(input);
        while let Some(input) = next {
            if let Some(left) = self.one_input(input, suspend) {
                return Some(left);
            }
            if self.app.unseen().is_some() {
                return None;
            }
            next = self.typed.take();
        }
        None
    }

    fn one_input(&mut self, input: Input, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Option<Left> {
        match input {
            Input::Key(key) => {
                crate::provoke("ui");
                self.dirty = Dirty::Now;
                self.update(Event::Key(key), suspend)
            }
            Input::Paste(text) => {
                self.dirty = Dirty::Now;
                self.update(Event::Paste(text), suspend)
            }
            Input::Resize(size) => {
                self.dirty = Dirty::Now;
                self.update(Event::Resize(Size { width: size.width, height: size.height }), suspend)
            }
            Input::NarrowGlyphs(narrow) => {
                if self.manners.measure_glyphs && !narrow {
                    self.app.start.glyphs = Glyphs::Ascii;
                    self.dirty = Dirty::Now;
                }
                None
            }
            Input::Flushed { frame, took } => self.flushed(frame, took, suspend),
            Input::Signal(Signal::Stop) => {
                suspend(&mut self.canvas, Pause::Stop(Asked::Signal));
                None
            }
            Input::Signal(Signal::Continue) => {
                suspend(&mut self.canvas, Pause::Continue);
                self.dirty = Dirty::Now;
                None
            }
            Input::Signal(Signal::Interrupt | Signal::Quit) if self.just_took_back() => None,
            Input::Signal(Signal::Terminate | Signal::Interrupt | Signal::Quit) => Some(Left::With(0)),
            Input::Signal(Signal::Hangup) | Input::Gone => Some(Left::Gone),
            Input::Panicked => Some(Left::With(70)),
            Input::Focus(_) => None,
        }
    }

    /// A frame has left. If it was the first to show a dialog, that may be confirmed from now on. Inputs come in their order: what was
    /// typed before the frame left was taken before, and the app has dropped it.
    fn flushed(&mut self, frame: u64, took: Duration, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Option<Left> {
        self.pace = if took > SLOW { (took * 4).clamp(FRAME, Duration::from_secs(1)) } else { FRAME };
        if let Some((dialog, _)) = self.seen_with.take_if(|(_, first)| frame >= *first) {
            return self.update(Event::Painted(dialog), suspend);
        }
        None
    }

    fn take(&mut self, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Option<Left> {
        self.dirty = self.dirty.max(Dirty::Soon);
        self.inbox.take(BATCH).into_iter().find_map(|event| self.update(event, suspend))
    }

    fn tick(&mut self, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Option<Left> {
        if self.app.next_wake().is_some_and(|wake| self.clock.until(wake).is_zero()) {
            self.dirty = self.dirty.max(Dirty::Soon);
            return self.update(Event::Tick, suspend);
        }
        None
    }

    /// Draws when it is due and the terminal is idle. A frame that has not changed writes no byte.
    fn draw(&mut self) {
        let now = self.clock.now().mono;
        let due = match self.dirty {
            Dirty::No => false,
            Dirty::Soon => self.drawn.is_none_or(|drawn| now >= drawn + self.pace),
            Dirty::Now => true,
        };
        if !due || !self.canvas.idle() {
            return;
        }
        let unseen = self.app.unseen();
        let app = &self.app;
        let frame = self.canvas.draw(|frame| view::draw(app, frame));
        self.drawn = Some(now);
        self.dirty = Dirty::No;
        if let (Some(dialog), Some(frame)) = (unseen, frame) {
            self.seen_with.get_or_insert((dialog, frame));
        }
    }
}

/// Why the terminal changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// To the shell.
    Stop(Asked),
    /// Back to us.
    Continue,
    /// To another program, while we go on.
    Lend,
    /// Back from it.
    Back,
}

impl Console<Writer> {
    /// Runs on a real terminal.
    pub async fn run_on(self, mut guard: Guard) -> u8 {
        let code = self
            .run(|canvas, pause| match pause {
                Pause::Stop(asked) => guard.suspend(asked).unwrap_or(false),
                Pause::Continue => guard.resume(canvas).is_ok(),
                Pause::Lend => {
                    guard.step_aside();
                    true
                }
                Pause::Back => guard.come_back(canvas).is_ok(),
            })
            .await;
        guard.leave();
        code
    }
}
