//! The one thread that reads from the terminal, and watches over it.

use super::{
    decode::Decoder,
    inbox::{Input, Sender},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use std::{
    io::{PipeReader, PipeWriter, Read as _, Write as _},
    os::fd::OwnedFd,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Reads the terminal until it is dropped.
#[derive(Debug)]
pub(super) struct Reader {
    /// A byte calls the thread to its gate; closing it ends the thread.
    call: PipeWriter,
    gate: Arc<Gate>,
}

/// Where the thread waits while somebody else reads the terminal.
#[derive(Debug, Default)]
struct Gate {
    turn: Mutex<Turn>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// The thread reads.
    #[default]
    Ours,
    /// The thread is asked to stop reading.
    Asked,
    /// The thread does not read.
    Theirs,
}

/// What a program that was told to leave gets before it is ended; two seconds are promised.
const GRACE: Duration = Duration::from_millis(1800);
/// Reads of nothing without a hang-up in a row, after which the terminal counts as gone all the same.
const EMPTY_READS: u32 = 3;

impl Reader {
    /// Starts the thread. When the terminal is gone it says so, and calls `stuck` if the reader is not dropped in time.
    ///
    /// # Errors
    /// When no thread or pipe can be made.
    pub fn start(tty: OwnedFd, decoder: Decoder, events: Sender, stuck: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (called, call) = std::io::pipe()?;
        let gate = Arc::new(Gate::default());
        let mut thread = Thread { tty, called, gate: gate.clone(), decoder, events, empty: 0 };
        thread::Builder::new().name("terminal-reader".into()).spawn(move || thread.run(stuck))?;
        Ok(Self { call, gate })
    }

    /// Stops reading, so that another program gets the keys.
    pub fn step_aside(&mut self) {
        *self.gate.lock() = Turn::Asked;
        // An error says that the thread has ended, and with it all reading.
        if self.call.write_all(b".").is_ok() {
            let asked = |turn: &mut Turn| *turn == Turn::Asked;
            drop(self.gate.changed.wait_timeout_while(self.gate.lock(), Duration::from_millis(500), asked));
        }
    }

    /// Reads again.
    pub fn come_back(&mut self) {
        *self.gate.lock() = Turn::Ours;
        self.gate.changed.notify_all();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.come_back();
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) {
        let mut turn = self.lock();
        if *turn == Turn::Asked {
            *turn = Turn::Theirs;
            self.changed.notify_all();
        }
        drop(self.changed.wait_while(turn, |turn| *turn != Turn::Ours));
    }
}

struct Thread {
    tty: OwnedFd,
    called: PipeReader,
    gate: Arc<Gate>,
    decoder: Decoder,
    events: Sender,
    empty: u32,
}

/// Why the thread woke up.
enum Woken {
    Bytes,
    Silence,
    Called,
    Gone,
}

impl Thread {
    fn run(&mut self, stuck: impl FnOnce()) {
        let mut told = Vec::new();
        loop {
            match self.wait() {
                Woken::Bytes if self.read(&mut told) => {}
                Woken::Silence => self.decoder.silence(&mut told),
                Woken::Called => match self.called.read(&mut [0]) {
                    Ok(1) => self.gate.wait(),
                    Ok(_) | Err(_) => return,
                },
                Woken::Bytes | Woken::Gone => {
                    self.events.send(Input::Gone);
                    return self.see_it_end(stuck);
                }
            }
            told.drain(..).for_each(|input| self.events.send(input));
        }
    }

    /// One wait for all three: bytes, the end of the terminal, a call. No signal is needed to notice that the terminal is gone.
    fn wait(&self) -> Woken {
        let mut both = [PollFd::new(&self.tty, PollFlags::IN), PollFd::new(&self.called, PollFlags::IN)];
        let patience = self.decoder.patience().and_then(|patience| Timespec::try_from(patience).ok());
        match std::iter::repeat_with(|| poll(&mut both, patience.as_ref())).find(|woken| *woken != Err(Errno::INTR)) {
            Some(Ok(0)) => return Woken::Silence,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Woken::Gone,
        }
        if !both[1].revents().is_empty() {
            return Woken::Called;
        }
        let seen = both[0].revents();
        if seen.contains(PollFlags::IN) { Woken::Bytes } else { Woken::Gone }
    }

    /// Reads what is there; answers whether the terminal is still there too.
    fn read(&mut self, told: &mut Vec<Input>) -> bool {
        let mut bytes = [0; 4096];
        match rustix::io::read(&self.tty, &mut bytes) {
            // A terminal set to lines (before the program took it back) says nothing at an end of input; one that is gone goes on with it.
            Ok(0) => {
                self.empty += 1;
                self.empty < EMPTY_READS
            }
            Ok(count) => {
                self.empty = 0;
                self.decoder.feed(&bytes[..count], told);
                true
            }
            Err(Errno::INTR | Errno::AGAIN) => true,
            Err(_) => false,
        }
    }

    /// The terminal is gone: waits until the reader is dropped, at most [`GRACE`].
    fn see_it_end(&mut self, stuck: impl FnOnce()) {
        let end = Instant::now() + GRACE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let patience = Timespec::try_from(left).unwrap_or_default();
            match poll(&mut [PollFd::new(&self.called, PollFlags::IN)], Some(&patience)) {
                Ok(0) => return stuck(),
                Ok(_) if matches!(self.called.read(&mut [0]), Ok(1)) => {}
                Ok(_) => return,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return stuck(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inbox::Inbox;
    use super::*;
    use crate::keys::Key;
    use portable_pty::{MasterPty, PtySize, native_pty_system};
    use std::sync::mpsc;

    /// A real terminal: the side of the person, and the side of the program.
    fn terminal() -> (Box<dyn MasterPty + Send>, OwnedFd) {
        let pair = native_pty_system().openpty(PtySize::default()).expect("a terminal");
        let path = pair.master.tty_name().expect("its name");
        let tty = std::fs::File::options().read(true).write(true).open(path).expect("its other side");
        let mut raw = rustix::termios::tcgetattr(&tty).expect("its settings");
        raw.make_raw();
        rustix::termios::tcsetattr(&tty, rustix::termios::OptionalActions::Now, &raw).expect("raw");
        (pair.master, tty.into())
    }

    #[tokio::test]
    async fn keys_arrive_and_escape_after_a_moment() {
        let (master, tty) = terminal();
        let (events, mut inbox) = Inbox::pair();
        let _reader = Reader::start(tty, Decoder::default(), events, || {}).expect("a thread");
        let mut person = master.take_writer().expect("a keyboard");
        person.write_all(b"j\x1b").expect("typed");
        assert_eq!(inbox.next().await, Input::Key(Key::char('j')));
        assert_eq!(inbox.next().await, Input::Key("esc".parse().expect("a key")));
    }

    #[tokio::test]
    async fn while_somebody_else_reads_no_key_is_taken() {
        let (master, tty) = terminal();
        let (events, mut inbox) = Inbox::pair();
        let theirs = tty.try_clone().expect("a second handle");
        let mut reader = Reader::start(tty, Decoder::default(), events, || {}).expect("a thread");
        let mut person = master.take_writer().expect("a keyboard");
        reader.step_aside();
        person.write_all(b"x").expect("typed");
        let mut byte = [0];
        assert_eq!(rustix::io::read(&theirs, &mut byte), Ok(1), "it is theirs");
        reader.come_back();
        person.write_all(b"j").expect("typed");
        assert_eq!(inbox.next().await, Input::Key(Key::char('j')));
    }

    #[tokio::test]
    async fn a_terminal_that_is_gone_is_told_at_once_and_costs_nothing_from_then_on() {
        let (master, tty) = terminal();
        let (events, mut inbox) = Inbox::pair();
        let (stuck, was_stuck) = mpsc::channel();
        let reader = Reader::start(tty, Decoder::default(), events, move || stuck.send(()).expect("the test waits")).expect("a thread");
        drop(master);
        assert_eq!(inbox.next().await, Input::Gone);
        drop(reader);
        assert!(was_stuck.recv().is_err(), "it left in time, and the thread has ended");
    }

    #[tokio::test]
    async fn a_program_that_does_not_leave_after_its_terminal_is_ended_within_two_seconds_without_spinning() {
        let (master, tty) = terminal();
        let (events, mut inbox) = Inbox::pair();
        let (stuck, was_stuck) = mpsc::channel();
        let _reader = Reader::start(tty, Decoder::default(), events, move || {
            stuck.send(ticks()).expect("the test waits");
        })
        .expect("a thread");
        let start = Instant::now();
        drop(master);
        assert_eq!(inbox.next().await, Input::Gone);
        let used = was_stuck.recv_timeout(Duration::from_secs(3)).expect("it is ended");
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(used < 10, "{used} hundredths of a second of processor time");
    }

    /// The processor time of this thread, in hundredths of a second.
    fn ticks() -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux");
        let after_name = stat.rsplit(')').next().expect("fields").split_whitespace();
        after_name.skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
    }
}
