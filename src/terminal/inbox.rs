//! Everything that comes in from the terminal and about it.

use crate::keys::Key;
use ratatui::layout::Size;
use std::time::Duration;
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
pub struct Inbox(UnboundedReceiver<Input>);

impl Inbox {
    /// An inbox and what fills it: the threads and signals of [`enter`](super::enter), or a test.
    pub fn pair() -> (Sender, Self) {
        let (sender, from) = mpsc::unbounded_channel();
        (Sender(sender), Self(from))
    }

    /// The next input. When nothing can come any more that is [`Input::Gone`]. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Input {
        self.0.recv().await.unwrap_or(Input::Gone)
    }

    /// The next input, if there is one already.
    pub fn take(&mut self) -> Option<Input> {
        self.0.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_in_keeps_its_order_across_keys_and_frames() {
        let (sender, mut inbox) = Inbox::pair();
        let came = [Input::Key(Key::char('y')), Input::Flushed { frame: 7, took: Duration::ZERO }, Input::Paste("yes".into()), Input::Key(Key::char('n'))];
        came.iter().for_each(|input| sender.send(input.clone()));
        for input in came {
            assert_eq!(inbox.next().await, input);
        }
        assert_eq!(inbox.take(), None);
    }

    #[tokio::test]
    async fn when_nothing_can_come_any_more_the_terminal_is_gone() {
        let (sender, mut inbox) = Inbox::pair();
        drop(sender);
        assert_eq!(inbox.next().await, Input::Gone);
    }
}
