//! Taking the terminal and giving it back.

use super::{
    canvas::{Canvas, Tty as _},
    decode::{Decoder, WIDTH_QUESTION},
    inbox::{Inbox, Input, Sender, Signal},
    reader::Reader,
    writer::{Writer, write_all},
};
use crate::text::Clean;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::dup,
    process,
    stdio::{stdin, stdout},
    termios::{OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcsetattr},
};
use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::AbortHandle,
};

/// How the terminal is to be taken.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the window is called meanwhile; its own title comes back.
    pub title: Option<Clean>,
    /// Whether to measure how wide a box character is (`glyphs = "auto"`). The answer comes as [`Input::NarrowGlyphs`], if at all.
    pub measure_glyphs: bool,
}

/// Why there is no console.
#[derive(Debug)]
pub enum Refusal {
    /// Standard input or output is a file or a pipe.
    NotATerminal(&'static str),
    /// The terminal can not place text.
    Dumb,
    /// The system did not let us.
    Failed(io::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instead = "`pilothouse status` tells the state as text, `pilothouse print` draws one frame";
        match self {
            Self::NotATerminal(which) => write!(f, "{which} is not a terminal, so the console can not run; {instead}"),
            Self::Dumb => write!(f, "the terminal can not place text (TERM is `dumb` or not set), so the console can not run; {instead}"),
            Self::Failed(error) => write!(f, "the terminal could not be taken: {error}; {instead}"),
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            Self::NotATerminal(_) | Self::Dumb => None,
        }
    }
}

impl From<rustix::io::Errno> for Refusal {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Failed(error.into())
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The terminal, taken.
pub struct Terminal {
    /// Gives it back when dropped.
    pub guard: Guard,
    /// To draw on.
    pub canvas: Canvas<Writer>,
    /// To listen to.
    pub inbox: Inbox,
}

/// Gives the terminal back when it is dropped, unless a panic has done so before.
#[derive(Debug)]
pub struct Guard {
    writer: Writer,
    reader: Reader,
    events: Sender,
    title: Option<Clean>,
    /// While another program has the terminal its ctrl-c and ctrl-z are not for us.
    aside: Arc<AtomicBool>,
    signals: AbortHandle,
}

/// Who wants the program suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The person, with ctrl-z.
    Key,
    /// Somebody outside, with SIGTSTP.
    Signal,
}

/// What must be undone to give the terminal back.
struct Claim {
    saved: Termios,
    writer: Writer,
    titled: bool,
    events: Sender,
}

/// The process has one terminal and so one claim. A panic on any thread must find it.
static CLAIM: Mutex<Option<Claim>> = Mutex::new(None);

/// The alternate screen. Entered once: some terminals would forget where the cursor was on the first.
const SCREEN: &[u8] = b"\x1b[?1049h";
/// No cursor, pastes marked as such, and no wrapping at the last column (a symbol drawn wider than it should be would else push a
/// line down).
const MODES: &[u8] = b"\x1b[?25l\x1b[?2004h\x1b[?7l";
/// The same backwards, with an end to a frame that was cut off.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?2004l\x1b[?25h\x1b[?1049l";
const TITLE_KEPT: &[u8] = b"\x1b[22;0t";
const TITLE_BACK: &[u8] = b"\x1b[23;0t";

/// What a frame that is being written gets before it is cut off.
const LAST_FRAME: Duration = Duration::from_millis(300);
/// Ends the program when the terminal is gone and the loop does not end: as a shell says SIGHUP.
const EXIT_HANGUP: i32 = 129;

/// Takes the terminal. Needs a tokio runtime, whose signals it listens to.
///
/// # Errors
/// When there is none, or none that a console can be drawn on. Nothing has been changed then.
pub fn enter(options: Options) -> Result<Terminal, Refusal> {
    check(isatty(stdin()), isatty(stdout()), std::env::var("TERM").ok().as_deref())?;
    let (events, inbox) = Inbox::pair();
    let aside = Arc::new(AtomicBool::new(false));
    let writer = Writer::start(dup(stdout())?, events.clone())?;
    let signals = listen(&events, &writer, aside.clone())?;
    let decoder = if options.measure_glyphs { Decoder::expecting_width() } else { Decoder::default() };
    let reader = Reader::start(dup(stdin())?, decoder, events.clone(), || std::process::exit(EXIT_HANGUP))?;
    let mut guard = Guard { writer: writer.clone(), reader, events, title: options.title, aside, signals };
    guard.take()?;
    if options.measure_glyphs {
        write_all(stdout(), WIDTH_QUESTION)?;
    }
    Ok(Terminal { guard, canvas: Canvas::new(writer), inbox })
}

fn check(input: bool, output: bool, term: Option<&str>) -> Result<(), Refusal> {
    match (input, output, term) {
        (false, ..) => Err(Refusal::NotATerminal("standard input")),
        (_, false, _) => Err(Refusal::NotATerminal("standard output")),
        (.., None | Some("" | "dumb")) => Err(Refusal::Dumb),
        (true, true, Some(_)) => Ok(()),
    }
}

impl Guard {
    /// Gives the terminal back now.
    pub fn leave(self) {
        drop(self);
    }

    /// Gives the terminal back and stops the process. It goes on with [`Signal::Continue`], whose answer is [`resume`](Self::resume);
    /// frames until then are dropped. Answers `false` and does nothing when ctrl-z was pressed and there is no shell to go back to.
    ///
    /// # Errors
    /// When the system did not let us.
    pub fn suspend(&mut self, asked: Asked) -> Result<bool, Refusal> {
        if asked == Asked::Key && alone() {
            return Ok(false);
        }
        give_back();
        // The stop may reach this thread a moment later, so that nothing is taken back here.
        match asked {
            // The whole job, as a terminal would: a script that started us stops with us.
            Asked::Key => process::kill_current_process_group(process::Signal::STOP)?,
            Asked::Signal => process::kill_process(process::getpid(), process::Signal::STOP)?,
        }
        Ok(true)
    }

    /// After [`Signal::Continue`]: takes the terminal, whatever has become of it, and repaints.
    ///
    /// # Errors
    /// When the terminal could not be taken.
    pub fn resume(&mut self, canvas: &mut Canvas<Writer>) -> Result<(), Refusal> {
        if self.aside.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.take()?;
        canvas.repaint();
        Ok(())
    }

    /// Lends the terminal to another program (`kubectl exec`, an editor) until [`come_back`](Self::come_back): it has the keys, the
    /// screen, ctrl-c and ctrl-z; frames are dropped.
    pub fn step_aside(&mut self) {
        self.aside.store(true, Ordering::Relaxed);
        self.reader.step_aside();
        give_back();
    }

    /// Takes the terminal again and repaints.
    ///
    /// # Errors
    /// When the terminal could not be taken.
    pub fn come_back(&mut self, canvas: &mut Canvas<Writer>) -> Result<(), Refusal> {
        self.aside.store(false, Ordering::Relaxed);
        self.reader.come_back();
        self.resume(canvas)
    }

    /// Raw mode and our modes; the settings to go back to are those found when it was not ours.
    fn take(&mut self) -> Result<(), Refusal> {
        let mut claim = claim();
        let found = tcgetattr(stdin())?;
        let again = claim.is_some();
        let mut raw = claim.as_ref().map_or_else(|| found.clone(), |claim| claim.saved.clone());
        raw.make_raw();
        if !again {
            *claim = Some(Claim { saved: found, writer: self.writer.clone(), titled: self.title.is_some(), events: self.events.clone() });
        }
        drop(claim);
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        self.writer.shut(LAST_FRAME);
        write_all(stdout(), &[if again { b"" } else { SCREEN }, MODES].concat())?;
        if let Some(title) = self.title.as_ref().filter(|_| !again) {
            write_all(stdout(), &[TITLE_KEPT, b"\x1b]2;", title.as_bytes(), b"\x07"].concat())?;
        }
        self.writer.open();
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
        self.writer.end();
        self.signals.abort();
    }
}

fn claim() -> MutexGuard<'static, Option<Claim>> {
    CLAIM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal back if it is ours, once; answers whom to tell. Called by the guard and by the panic hook, on any thread;
/// it takes half a second at most, even where the terminal does not read.
pub(super) fn give_back() -> Option<Sender> {
    let Claim { saved, writer, titled, events } = claim().take()?;
    if !writer.shut(LAST_FRAME) {
        // The terminal does not read. What waits in its queue is dropped, so that the writer comes back from it.
        let _ = tcflush(stdout(), QueueSelector::OFlush);
        writer.shut(LAST_FRAME / 3);
    }
    let last = [LEAVE, if titled { TITLE_BACK } else { b"" }].concat();
    if writable() {
        // A terminal that is gone needs nothing back.
        let _ = write_all(stdout(), &last);
    }
    // Half a sequence that was typed must not end up in the shell.
    let _ = tcflush(stdin(), QueueSelector::IFlush);
    let _ = tcsetattr(stdin(), OptionalActions::Now, &saved);
    Some(events)
}

fn writable() -> bool {
    let patience = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let out = stdout();
    poll(&mut [PollFd::new(&out, PollFlags::OUT)], Some(&patience)).is_ok_and(|ready| ready > 0)
}

/// Whether our job is led by the leader of the session: no shell waits for it, and nobody would continue it.
fn alone() -> bool {
    process::getsid(None).is_ok_and(|session| session == process::getpgrp())
}

/// Turns signals into inputs, for as long as the runtime lives.
fn listen(events: &Sender, writer: &Writer, aside: Arc<AtomicBool>) -> io::Result<AbortHandle> {
    let (events, writer) = (events.clone(), writer.clone());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut stop = signal(SignalKind::from_raw(process::Signal::TSTP.as_raw()))?;
    let mut cont = signal(SignalKind::from_raw(process::Signal::CONT.as_raw()))?;
    let mut resize = signal(SignalKind::window_change())?;
    let task = tokio::spawn(async move {
        loop {
            let input = tokio::select! {
                Some(()) = terminate.recv() => Input::Signal(Signal::Terminate),
                Some(()) = interrupt.recv() => Input::Signal(Signal::Interrupt),
                Some(()) = quit.recv() => Input::Signal(Signal::Quit),
                Some(()) = hangup.recv() => Input::Signal(Signal::Hangup),
                Some(()) = stop.recv() => Input::Signal(Signal::Stop),
                Some(()) = cont.recv() => Input::Signal(Signal::Continue),
                Some(()) = resize.recv() => Input::Resize(writer.size()),
                else => return,
            };
            let theirs = aside.load(Ordering::Relaxed) && matches!(input, Input::Signal(Signal::Interrupt | Signal::Quit | Signal::Stop));
            if !theirs {
                events.send(input);
            }
        }
    });
    Ok(task.abort_handle())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU16;

    #[test]
    fn without_a_terminal_the_refusal_says_what_works_instead() {
        let refused = |input, output, term| check(input, output, term).map_or_else(|refusal| refusal.to_string(), |()| "taken".into());
        assert_eq!(refused(true, true, Some("xterm-256color")), "taken");
        for (refusal, why) in [
            (refused(false, true, Some("xterm")), "standard input is not a terminal"),
            (refused(true, false, Some("xterm")), "standard output is not a terminal"),
            (refused(true, true, Some("dumb")), "can not place text"),
            (refused(true, true, None), "can not place text"),
        ] {
            assert!(refusal.contains(why) && refusal.contains("pilothouse print") && refusal.contains("pilothouse status"), "{refusal}");
        }
    }

    #[test]
    fn leaving_undoes_all_that_entering_did() {
        let size = |cells| NonZeroU16::new(cells).expect("a size");
        let mut parser = vt100::Parser::new(size(24), size(80), 0);
        parser.process(b"$ pilothouse\r\n\x1b[31m");
        let before =
            (parser.screen().contents().to_string(), parser.screen().cursor_position(), parser.screen().hide_cursor(), parser.screen().bracketed_paste());
        parser.process(SCREEN);
        parser.process(MODES);
        parser.process(MODES);
        parser.process(WIDTH_QUESTION);
        assert!(parser.screen().alternate_screen() && parser.screen().hide_cursor() && parser.screen().bracketed_paste());
        parser.process("\x1b[?2026h\x1b[3;3H\x1b[7mhalf a fra".as_bytes());
        parser.process(LEAVE);
        let after =
            (parser.screen().contents().to_string(), parser.screen().cursor_position(), parser.screen().hide_cursor(), parser.screen().bracketed_paste());
        assert_eq!(after, before);
        assert!(!parser.screen().alternate_screen() && !parser.screen().inverse());
    }

    #[test]
    fn nothing_is_given_back_that_was_not_taken() {
        assert!(give_back().is_none());
    }
}
