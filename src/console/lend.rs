//! The terminal in other hands: a program of the person's own has it until that has ended.

use super::{Console, Dirty, Left, Pause};
use crate::{
    app::{Event, Size},
    domain::Program,
    terminal::{Canvas, Input, Signal, Tty},
    text::Clean,
};
use std::{io, process::ExitStatus, time::Duration};
use tokio::process::{Child, Command};

/// A ctrl-c that ended the program reaches us too, and may come after its end: for so long it is not taken for a wish to leave.
const ECHO: Duration = Duration::from_secs(1);
/// However little happens, what is under way is told the time this often.
const TICK: Duration = Duration::from_secs(1);

impl<T: Tty> Console<T> {
    /// Gives the terminal to `program`, goes on deciding without drawing, and takes it back. Its ctrl-c and ctrl-z are not for us; when we
    /// are told to leave, it ends with us.
    pub(super) async fn lend(&mut self, program: Program, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Option<Left> {
        suspend(&mut self.canvas, Pause::Lend);
        let ended = match start(&program) {
            Err(error) => Err(error),
            Ok(child) => match self.wait_for(child, suspend).await {
                Ok(ended) => ended,
                Err(left) => return Some(left),
            },
        };
        suspend(&mut self.canvas, Pause::Back);
        self.took_back = Some(self.clock.now().mono);
        self.dirty = Dirty::Now;
        let ended = ended.map(|status| status.code()).map_err(|error| failed(&program, &error));
        self.update(Event::Back(program, ended), suspend)
    }

    /// Whether a signal may still be the echo of what ended the program.
    pub(super) fn just_took_back(&self) -> bool {
        self.took_back.is_some_and(|at| self.clock.now().mono.saturating_sub(at) < ECHO)
    }

    async fn wait_for(&mut self, mut child: Child, suspend: &mut impl FnMut(&mut Canvas<T>, Pause) -> bool) -> Result<io::Result<ExitStatus>, Left> {
        loop {
            self.runtime.reconcile(&self.app.wanted());
            let left = tokio::select! {
                biased;
                ended = child.wait() => return Ok(ended),
                input = self.typed.next() => match input {
                    Input::Resize(size) => self.update(Event::Resize(Size { width: size.width, height: size.height }), suspend),
                    Input::Signal(Signal::Terminate) => Some(Left::With(0)),
                    Input::Signal(Signal::Hangup) | Input::Gone => Some(Left::Gone),
                    Input::Panicked => Some(Left::With(70)),
                    Input::Key(_)
                    | Input::Paste(_)
                    | Input::NarrowGlyphs(_)
                    | Input::Flushed { .. }
                    | Input::Focus(_)
                    | Input::Signal(Signal::Interrupt | Signal::Quit | Signal::Stop | Signal::Continue) => None,
                },
                () = self.inbox.wait() => self.take(suspend),
                () = tokio::time::sleep(TICK) => self.update(Event::Tick, suspend),
            };
            if let Some(left) = left {
                return Err(left);
            }
        }
    }
}

fn start(program: &Program) -> io::Result<Child> {
    let mut words = program.words();
    let first = words.next().unwrap_or_default();
    Command::new(first).args(words).kill_on_drop(true).spawn()
}

fn failed(program: &Program, error: &io::Error) -> Clean {
    let first = program.words().next().map(Clean::from_untrusted).unwrap_or_default();
    match error.kind() {
        io::ErrorKind::NotFound => crate::clean!("{first} is not on the PATH: install it, or copy the command to where it is"),
        _ => crate::clean!("{first} could not be started: {error}"),
    }
}
