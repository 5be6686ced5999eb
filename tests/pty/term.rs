//! A terminal with the program in it. Nothing here sleeps: what is awaited is awaited, with a deadline.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{Read, Write},
    num::NonZeroU16,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use vt100::{Parser, Screen};

/// How long a screen may take to show what is awaited, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);
/// Within this a program whose terminal is gone is gone (reliability R5).
pub const GONE: Duration = Duration::from_secs(2);
/// What stood on the terminal before, to be there again.
const BEFORE: &str = "$ pilothouse\r\n";

/// A copy of the binary that no later build replaces while tests run.
static BINARY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("pilothouse");
    std::fs::copy(env!("CARGO_BIN_EXE_pilothouse"), &copy).expect("the binary");
    (folder, copy)
});

/// How the program is started.
pub struct Setup {
    args: Vec<String>,
    size: (u16, u16),
    variables: Vec<(String, String)>,
    wrapper: &'static [&'static str],
    home: TempDir,
}

/// `pilothouse ARGS…` in a home of its own, on a terminal of 120×40.
pub fn pilothouse(args: &[&str]) -> Setup {
    let home = TempDir::new().expect("a folder");
    let at = |name: &str| home.path().join(name).display().to_string();
    std::fs::create_dir_all(home.path().join("tmp")).expect("a folder");
    let variables = [
        ("HOME", at("")),
        ("XDG_CONFIG_HOME", at("config")),
        ("XDG_STATE_HOME", at("state")),
        ("TMPDIR", at("tmp")),
        ("PATH", "/usr/bin:/bin".into()),
        ("TERM", "xterm-256color".into()),
        ("COLORTERM", "truecolor".into()),
        ("LANG", "C.UTF-8".into()),
        ("USER", "oncall".into()),
        ("TZ", "UTC".into()),
    ];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Setup { args: args.iter().map(ToString::to_string).collect(), size: (120, 40), variables, wrapper: &[], home }
}

impl Setup {
    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Where something is in its home.
    pub fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Started by another program, which is the leader of the session then.
    pub fn under(mut self, wrapper: &'static [&'static str]) -> Self {
        self.wrapper = wrapper;
        self
    }

    /// Writes a file below the home.
    pub fn file(self, name: &str, text: &str) -> Self {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        self
    }

    pub fn start(self) -> Term {
        let (width, height) = self.size;
        let pair = native_pty_system().openpty(pty_size(width, height)).expect("a pty");
        let mut argv: Vec<std::ffi::OsString> = self.wrapper.iter().map(Into::into).collect();
        argv.push(BINARY.1.clone().into());
        argv.extend(self.args.iter().map(Into::into));
        let mut command = CommandBuilder::from_argv(argv);
        command.env_clear();
        command.cwd(self.home.path());
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        let before = format!("{:?}", pair.master.get_termios());
        let child = pair.slave.spawn_command(command).expect("the program");
        let shown = Arc::new(Shown::new(width, height));
        let reader = pair.master.try_clone_reader().expect("a reader");
        let thread = std::thread::spawn({
            let shown = shown.clone();
            move || shown.read(reader)
        });
        Term {
            writer: Some(pair.master.take_writer().expect("a writer")),
            master: Some(pair.master),
            slave: Some(pair.slave),
            child,
            shown,
            thread: Some(thread),
            before,
            home: self.home,
        }
    }
}

fn pty_size(width: u16, height: u16) -> PtySize {
    PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a size")
}

/// What the terminal shows.
struct Shown {
    held: Mutex<(Parser, Vec<u8>)>,
    changed: Condvar,
    /// The terminal goes away with the next thing that it is told.
    leave: AtomicBool,
}

impl Shown {
    fn new(width: u16, height: u16) -> Self {
        let mut parser = Parser::new(cells(height), cells(width), 0);
        parser.process(BEFORE.as_bytes());
        Self { held: Mutex::new((parser, Vec::new())), changed: Condvar::new(), leave: AtomicBool::new(false) }
    }

    /// A test that fails leaves the rest readable.
    fn held(&self) -> MutexGuard<'_, (Parser, Vec<u8>)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, mut reader: Box<dyn Read + Send>) {
        let mut bytes = [0; 65_536];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            let mut parser = self.held();
            parser.0.process(&bytes[..count]);
            parser.1.extend_from_slice(&bytes[..count]);
            drop(parser);
            self.changed.notify_all();
            if self.leave.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// The terminal, and the program in it.
pub struct Term {
    master: Option<Box<dyn MasterPty + Send>>,
    /// Kept, so that the settings of the terminal can be read after the program has left.
    slave: Option<Box<dyn portable_pty::SlavePty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<Shown>,
    thread: Option<JoinHandle<()>>,
    before: String,
    home: TempDir,
}

impl Term {
    /// Writes keys as a terminal would.
    pub fn types(&mut self, keys: &str) -> &mut Self {
        let writer = self.writer.as_mut().expect("a terminal");
        writer.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self
    }

    /// Leaves by the key for it, which asks.
    #[track_caller]
    pub fn quits(&mut self) -> &mut Self {
        self.types("q").shows("Leave?");
        self.confirms("no question", |screen| !screen.contents().contains("Leave?"))
    }

    /// Presses Enter on a question. The program may hear that its frame has left only after we have read it, and drops what comes before,
    /// saying so: then it is pressed once more, as a person would.
    #[track_caller]
    pub fn confirms(&mut self, what: &str, done: impl Fn(&Screen) -> bool) -> &mut Self {
        const EARLY: &str = "press it once more";
        self.types("\r").until(what, |screen| done(screen) || screen.contents().contains(EARLY));
        if !done(&self.screen()) {
            self.types("\r").until(what, done);
        }
        self
    }

    /// Presses Enter on a question, and waits until `words` stand on the screen.
    #[track_caller]
    pub fn enters(&mut self, words: &str) -> &mut Self {
        self.confirms(words, |screen| screen.contents().contains(words))
    }

    /// Types a name into a confirm line until it stands there, which is when the line takes keys, and confirms with it.
    #[track_caller]
    pub fn names(&mut self, name: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while !self.contents().contains(&format!("type {name}  {name}")) {
            assert!(Instant::now() < deadline, "it takes no name\n{}", self.contents());
            self.types(&format!("\x15{name}"));
            std::thread::sleep(Duration::from_millis(50));
        }
        self.types("\r")
    }

    /// Waits until the screen is as it must be.
    #[track_caller]
    pub fn until(&self, what: &str, is: impl Fn(&Screen) -> bool) -> &Self {
        let deadline = Instant::now() + PATIENCE;
        let mut parser = self.shown.held();
        while !is(parser.0.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it never came: {what}\n{}", parser.0.screen().contents());
            parser = self.shown.changed.wait_timeout(parser, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self
    }

    /// Waits until `words` stand on the screen.
    #[track_caller]
    pub fn shows(&self, words: &str) -> &Self {
        self.until(words, |screen| screen.contents().contains(words))
    }

    /// Waits until `words` have left the screen.
    #[track_caller]
    pub fn hides(&self, words: &str) -> &Self {
        self.until(&format!("no {words}"), |screen| !screen.contents().contains(words))
    }

    /// The screen as it is now.
    pub fn screen(&self) -> Screen {
        self.shown.held().0.screen().clone()
    }

    pub fn contents(&self) -> String {
        self.screen().contents().to_string()
    }

    /// Everything that was written to the terminal.
    pub fn bytes(&self) -> Vec<u8> {
        self.shown.held().1.clone()
    }

    /// The terminal gets another size.
    pub fn resize(&self, width: u16, height: u16) {
        self.shown.held().0.screen_mut().set_size(cells(height), cells(width));
        self.master.as_ref().expect("a terminal").resize(pty_size(width, height)).expect("another size");
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().expect("it runs")).expect("a pid")).expect("a pid")
    }

    pub fn signal(&self, signal: Signal) -> &Self {
        kill_process(self.pid(), signal).expect("it runs");
        self
    }

    /// Waits until the process is in `state`, as /proc says it: `T` stopped.
    #[track_caller]
    pub fn until_state(&self, state: char) -> &Self {
        let deadline = Instant::now() + PATIENCE;
        while process_state(self.pid().as_raw_nonzero().get()) != Some(state) {
            assert!(Instant::now() < deadline, "it is never in state {state}\n{}", self.contents());
            std::thread::yield_now();
        }
        self
    }

    /// Waits until the program has left; its exit code.
    #[track_caller]
    pub fn leaves_within(&mut self, time: Duration) -> u32 {
        let deadline = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it is still there after {time:?}\n{}", self.contents());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// That the terminal is as it was: its settings, its screen, its modes.
    #[track_caller]
    pub fn is_given_back(&self) {
        self.modes_are_given_back();
        assert!(self.contents().starts_with("$ pilothouse"), "what stood there before is gone:\n{}", self.contents());
    }

    /// The same for a terminal that was too small meanwhile to keep what stood there.
    #[track_caller]
    pub fn modes_are_given_back(&self) {
        self.until("the first screen", |screen| !screen.alternate_screen());
        let screen = self.screen();
        assert!(!screen.hide_cursor() && !screen.bracketed_paste() && !screen.application_cursor() && !screen.inverse(), "a mode was left behind");
        let after = format!("{:?}", self.master.as_ref().expect("a terminal").get_termios());
        assert_eq!(after, self.before, "the settings of the terminal are not what they were");
    }

    /// The terminal goes away, as when a connection drops.
    pub fn hang_up(&mut self) {
        self.shown.leave.store(true, Ordering::SeqCst);
        // Whatever it says next ends the reader, and with the last handle the terminal.
        self.resize(121, 41);
        self.thread.take().expect("once").join().expect("no panic");
        (self.slave, self.writer, self.master) = (None, None, None);
    }

    /// The processes that this one has started.
    pub fn children(&self) -> Vec<i32> {
        let pid = self.pid().as_raw_nonzero().get();
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        for pid in self.children() {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The letter by which /proc says how a process is; none when there is no such process.
pub fn process_state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits until a process that is nobody's child here is gone.
#[track_caller]
pub fn gone_within(pid: i32, time: Duration) {
    let deadline = Instant::now() + time;
    while !matches!(process_state(pid), None | Some('Z')) {
        assert!(Instant::now() < deadline, "process {pid} is still there after {time:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
