//! Everything that comes in from the terminal and about it.

use crate::keys::Key;
use ratatui::layout::Size;
use std::{collections::VecDeque, time::Duration};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// One thing that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed. Releases are not told.
    Key(Key),
    /// Text was pasted, as it came: it is neither clean nor a key. At most 64 KiB; the rest is left out.
    Paste(String),
    /// The terminal has another size.
    Resize(Size),
    /// The terminal's window got or lost the attention.
    Focus(bool),
    /// Whether a box character takes one cell here (`true`) or two, as measured at the start.
    NarrowGlyphs(bool),
    /// The frame of this number has left, and how long the terminal took for it. More than 10 ms: draw less often.
    /// Frames drawn while the terminal was lent or suspended are never told; a later number covers them.
    Flushed {
        /// As [`Canvas::draw`](super::Canvas::draw) numbered it.
        frame: u64,
        /// How long it took.
        took: Duration,
    },
    /// A signal arrived.
    Signal(Signal),
    /// The terminal is gone. The loop must end within 2 s; what still runs then is ended.
    Gone,
    /// A task that nobody supervises panicked; the screen has been given back and the program must end.
    Panicked,
}

/// Signals that the loop has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: leave.
    Terminate,
    /// SIGINT from outside (ctrl-c is a key): leave.
    Interrupt,
    /// SIGQUIT: leave.
    Quit,
    /// SIGHUP: the session ended; leave, as for [`Input::Gone`].
    Hangup,
    /// SIGTSTP from outside (ctrl-z is a key): [`Guard::suspend`](super::Guard::suspend).
    Stop,
    /// SIGCONT, after a suspension or a stop that could not be noticed: [`Guard::resume`](super::Guard::resume).
    Continue,
}

impl Input {
    /// Whether somebody typed or pasted it.
    fn typed(&self) -> bool {
        match self {
            Self::Key(_) | Self::Paste(_) => true,
            Self::Resize(_) | Self::Focus(_) | Self::NarrowGlyphs(_) | Self::Flushed { .. } | Self::Signal(_) | Self::Gone | Self::Panicked => false,
        }
    }
}

/// Puts inputs into an [`Inbox`].
#[derive(Clone, Debug)]
pub struct Sender(UnboundedSender<Input>);

impl Sender {
    /// Puts one in; after the end of the loop it is dropped.
    pub fn send(&self, input: Input) {
        // An error says that the loop is over; there is nobody left to tell.
        let _ = self.0.send(input);
    }
}

/// Inputs in the order in which they came.
#[derive(Debug)]
pub struct Inbox {
    kept: VecDeque<Input>,
    from: UnboundedReceiver<Input>,
}

impl Inbox {
    /// An inbox and what fills it: the threads and signals of [`enter`](super::enter), or a test.
    pub fn pair() -> (Sender, Self) {
        let (sender, from) = mpsc::unbounded_channel();
        (Sender(sender), Self { kept: VecDeque::new(), from })
    }

    /// The next input. When nothing can come any more that is [`Input::Gone`]. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Input {
        if let Some(input) = self.kept.pop_front() {
            return input;
        }
        self.from.recv().await.unwrap_or(Input::Gone)
    }

    /// The next input, if there is one already.
    pub fn take(&mut self) -> Option<Input> {
        self.kept.pop_front().or_else(|| self.from.try_recv().ok())
    }

    /// Drops every key and paste that is already here: they were meant for what was on the screen before. All else is kept.
    pub fn forget_typed(&mut self) {
        while let Ok(input) = self.from.try_recv() {
            self.kept.push_back(input);
        }
        self.kept.retain(|input| !input.typed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_typed_before_is_dropped_and_nothing_else() {
        let (sender, mut inbox) = Inbox::pair();
        let resize = Input::Resize(Size::new(80, 24));
        for input in [Input::Key(Key::char('y')), resize.clone(), Input::Paste("yes".into()), Input::Signal(Signal::Hangup)] {
            sender.send(input);
        }
        inbox.forget_typed();
        sender.send(Input::Key(Key::char('n')));
        assert_eq!(inbox.next().await, resize);
        assert_eq!(inbox.take(), Some(Input::Signal(Signal::Hangup)));
        assert_eq!(inbox.next().await, Input::Key(Key::char('n')));
        assert_eq!(inbox.take(), None);
    }

    #[tokio::test]
    async fn when_nothing_can_come_any_more_the_terminal_is_gone() {
        let (sender, mut inbox) = Inbox::pair();
        drop(sender);
        assert_eq!(inbox.next().await, Input::Gone);
    }
}
