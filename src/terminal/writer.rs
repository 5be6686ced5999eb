//! The one thread that writes to the terminal.

use super::{
    canvas::Tty,
    inbox::{Input, Sender},
};
use ratatui::layout::Size;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    termios::tcgetwinsize,
};
use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Hands frames to the thread that writes them, one at a time. Clones write to the same terminal.
#[derive(Clone, Debug)]
pub struct Writer {
    desk: Arc<Desk>,
}

/// What lies between the loop and the writing thread.
#[derive(Debug)]
struct Desk {
    tty: OwnedFd,
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Debug)]
struct Work {
    state: State,
    /// The number of the last frame taken.
    frame: u64,
}

#[derive(Debug)]
enum State {
    /// The terminal waits for a frame.
    Idle,
    /// A frame waits for the thread.
    Waiting(Vec<u8>),
    /// The thread writes.
    Writing,
    /// The terminal is lent or given back: frames are dropped.
    Shut,
    /// The terminal is gone, or the program ends.
    Over,
}

impl Writer {
    /// Starts the thread that owns `tty`. It tells `events` of every frame that has left, and when the terminal is gone.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(tty: OwnedFd, events: Sender) -> std::io::Result<Self> {
        let desk = Arc::new(Desk { tty, work: Mutex::new(Work { state: State::Idle, frame: 0 }), changed: Condvar::new() });
        let writer = Self { desk: desk.clone() };
        thread::Builder::new().name("terminal-writer".into()).spawn(move || desk.run(&events))?;
        Ok(writer)
    }

    /// Waits until nothing is being written, at most `patience`, then drops all frames until [`open`](Self::open).
    /// Answers whether the terminal took everything.
    pub fn shut(&self, patience: Duration) -> bool {
        let busy = |work: &mut Work| matches!(work.state, State::Waiting(_) | State::Writing);
        let (mut work, late) = self.desk.changed.wait_timeout_while(self.desk.lock(), patience, busy).unwrap_or_else(PoisonError::into_inner);
        if !matches!(work.state, State::Over) {
            work.state = State::Shut;
        }
        !late.timed_out()
    }

    /// Takes frames again.
    pub fn open(&self) {
        let mut work = self.desk.lock();
        if matches!(work.state, State::Shut) {
            work.state = State::Idle;
        }
    }

    /// Ends the thread, once it has come back from the terminal.
    pub fn end(&self) {
        self.desk.lock().state = State::Over;
        self.desk.changed.notify_all();
    }
}

impl Tty for Writer {
    fn size(&self) -> Size {
        tcgetwinsize(&self.desk.tty).map_or(Size::ZERO, |size| Size::new(size.ws_col, size.ws_row))
    }

    fn idle(&self) -> bool {
        matches!(self.desk.lock().state, State::Idle | State::Shut | State::Over)
    }

    fn put(&mut self, frame: Vec<u8>) -> u64 {
        let mut work = self.desk.lock();
        work.frame += 1;
        if matches!(work.state, State::Idle) {
            work.state = State::Waiting(frame);
            self.desk.changed.notify_all();
        }
        work.frame
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Work> {
        // No code of ours panics while it holds the lock; a panic elsewhere must still be able to give the terminal back.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, events: &Sender) {
        while let Some((frame, bytes)) = self.next() {
            let start = Instant::now();
            let outcome = write_all(&self.tty, &bytes);
            let mut work = self.lock();
            match (&work.state, outcome) {
                (_, Err(_)) => {
                    work.state = State::Over;
                    events.send(Input::Gone);
                }
                (State::Writing, Ok(())) => {
                    work.state = State::Idle;
                    events.send(Input::Flushed { frame, took: start.elapsed() });
                }
                (State::Idle | State::Waiting(_) | State::Shut | State::Over, Ok(())) => {}
            }
            drop(work);
            self.changed.notify_all();
        }
    }

    /// The next frame, when there is one; nothing when it is over.
    fn next(&self) -> Option<(u64, Vec<u8>)> {
        let unemployed = |work: &mut Work| !matches!(work.state, State::Waiting(_) | State::Over);
        let mut work = self.changed.wait_while(self.lock(), unemployed).unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut work.state, State::Writing) {
            State::Waiting(bytes) => Some((work.frame, bytes)),
            over => {
                work.state = over;
                None
            }
        }
    }
}

/// Writes everything, in one call where the terminal takes it at once, which is the usual case.
///
/// # Errors
/// When the terminal is gone.
pub(super) fn write_all(tty: impl AsFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&tty, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            // Somebody who shares the terminal made it non-blocking.
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::new(&tty, PollFlags::OUT)], None)?),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::inbox::Inbox;
    use super::*;
    use std::{io::Read, os::unix::net::UnixStream};

    fn writer() -> (Writer, Inbox, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let (events, inbox) = Inbox::pair();
        (Writer::start(ours.into(), events).expect("a thread"), inbox, theirs)
    }

    #[tokio::test]
    async fn a_frame_leaves_whole_and_its_number_comes_back() {
        let (mut writer, mut inbox, mut screen) = writer();
        assert!(writer.idle());
        assert_eq!(writer.put(b"first".to_vec()), 1);
        assert!(matches!(inbox.next().await, Input::Flushed { frame: 1, .. }));
        assert!(writer.idle());
        let mut seen = [0; 5];
        screen.read_exact(&mut seen).expect("the frame");
        assert_eq!(&seen, b"first");
        writer.end();
    }

    #[tokio::test]
    async fn a_terminal_that_does_not_read_blocks_the_writer_alone_until_it_reads_again() {
        let (mut writer, mut inbox, mut screen) = writer();
        let large = vec![b'x'; 4 << 20];
        let frame = writer.put(large.clone());
        assert!(!writer.idle());
        assert!(!writer.shut(Duration::from_millis(20)), "it is stuck, and that is known soon");
        writer.open();
        let reader = thread::spawn(move || {
            let mut seen = vec![0; large.len()];
            screen.read_exact(&mut seen).map(|()| screen)
        });
        let _screen = reader.join().expect("no panic").expect("everything arrives");
        // Shut in between, the frame is no longer news; the next one is.
        assert!(writer.shut(Duration::from_secs(5)));
        writer.open();
        assert_eq!(writer.put(b"y".to_vec()), frame + 1);
        assert!(matches!(inbox.next().await, Input::Flushed { frame: 2, .. }));
        writer.end();
    }

    #[tokio::test]
    async fn a_terminal_that_goes_away_is_told_and_takes_no_more() {
        let (mut writer, mut inbox, screen) = writer();
        drop(screen);
        writer.put(b"into the void".to_vec());
        assert!(matches!(inbox.next().await, Input::Gone));
        assert!(writer.shut(Duration::ZERO), "nothing to wait for");
        writer.put(b"more".to_vec());
        assert!(writer.idle());
    }

    #[test]
    fn what_is_shut_takes_no_frames() {
        let (mut writer, _inbox, screen) = writer();
        assert!(writer.shut(Duration::ZERO));
        writer.put(b"late".to_vec());
        writer.end();
        screen.set_nonblocking(true).expect("a socket");
        assert!((&screen).read(&mut [0; 4]).is_err(), "nothing was written");
    }
}
