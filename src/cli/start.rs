//! From arguments, files and variables to a console that is ready to run.

use super::{Failed, args::Global, exit::Exit, headless::Headless};
use crate::{
    app::{App, Event, Size, Start},
    config::{self, Config, ConfigError, Layers, Loaded, Paths},
    console::{Clock, Console, Manners},
    gate::Mode,
    journal::{Journal, JournalError, Who},
    keys::Keymap,
    runtime::{Book, Heir, Inbox, Runtime},
    sources::{self, Made, Wish, demo::Scenario},
    terminal::{Mux, Options, Ring, enter},
    text::{Clean, Name},
    theme::{Depth, Theme},
    widgets::Glyphs,
};
use jiff::tz::TimeZone;
use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Everything that was read before the first source is dialled.
pub struct Prepared {
    /// The flags.
    pub global: Global,
    /// Where our files are.
    pub paths: Paths,
    /// The configuration.
    pub config: Arc<Config>,
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// The theme.
    pub theme: Arc<Theme>,
    /// How long a face without a screen waits.
    pub patience: Duration,
    open: (Option<Name>, Option<Name>),
    demo: Option<(Vec<Made>, jiff::Timestamp)>,
}

/// Where panics are reported: the state directory, if there is a place for it.
pub fn reports() -> Option<PathBuf> {
    let paths = Paths::find(None, &|name| std::env::var_os(name)).ok()?;
    paths.log().parent().map(|folder| folder.join("reports"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// How many colours the terminal has.
pub fn depth() -> Depth {
    Depth::of(variable("NO_COLOR").as_deref(), variable("TERM").as_deref(), variable("COLORTERM").as_deref())
}

/// The configuration with flags over it, or all that is wrong with it.
pub fn load(global: &Global, depth: Depth) -> Result<(Paths, Loaded), Failed> {
    let paths = Paths::find(global.config.clone(), &|name| std::env::var_os(name)).map_err(|error| wrong(&[error]))?;
    let mut layers = Layers::new().variables(std::env::vars());
    if let Some(theme) = &global.theme {
        layers = layers.flag("--theme", "ui", "theme", theme);
    }
    let (loaded, mut errors) = config::load_partly(&paths, layers, depth);
    let kinds: Vec<&str> = sources::KINDS.iter().map(|(kind, _)| *kind).collect();
    errors.extend(loaded.config.unknown_kinds(&kinds));
    errors.extend(sources::check(&loaded.config));
    if errors.is_empty() { Ok((paths, loaded)) } else { Err(wrong(&ConfigError::in_order(errors))) }
}

/// Configuration errors, all at once.
pub fn wrong(errors: &[ConfigError]) -> Failed {
    let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Failed::new(Exit::Config, words.join("\n"))
}

/// A duration as people write it: `90s`, `10m`, `1h 30m`.
pub fn duration(text: &str) -> Result<Duration, Failed> {
    let span: Result<jiff::SignedDuration, _> = text.parse();
    span.ok()
        .and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| Failed::new(Exit::Usage, format!("`{}` is not a duration: write 90s, 10m or 1h", Clean::from_untrusted(text))))
}

/// A few characters that no other console of this machine has now.
fn session() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let mixed = (nanos as u64 ^ (u64::from(std::process::id()) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{:04x}", (mixed >> 48) as u16)
}

fn host() -> Clean {
    Clean::from_untrusted(&rustix::system::uname().nodename().to_string_lossy())
}

fn user() -> Clean {
    let name = ["USER", "LOGNAME"].iter().find_map(|name| variable(name)).filter(|name| !name.is_empty());
    name.map_or_else(|| crate::clean!("uid {}", rustix::process::getuid().as_raw()), |name| Clean::from_untrusted(&name))
}

fn who(session: &str) -> Who {
    let clean = |name: &str| variable(name).filter(|value| !value.is_empty()).map(|value| Clean::from_untrusted(&value));
    let tty = rustix::termios::ttyname(std::io::stdin(), Vec::new()).ok().map(|name| Clean::from_untrusted(&name.to_string_lossy()));
    Who {
        user: user(),
        uid: rustix::process::getuid().as_raw(),
        sudo_user: clean("SUDO_USER"),
        ssh_client: clean("SSH_CLIENT").or_else(|| clean("SSH_CONNECTION")),
        host: host(),
        tty,
        pid: std::process::id(),
        boot_id: std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| Clean::from_untrusted(id.trim())).unwrap_or_default(),
        session: Clean::from_untrusted(session),
        version: Clean::from_static(env!("CARGO_PKG_VERSION")),
    }
}

impl Prepared {
    /// Reads flags, variables and files.
    pub fn of(global: &Global) -> Result<Self, Failed> {
        let (paths, Loaded { config, keymap, theme }) = load(global, depth())?;
        let patience = duration(&global.timeout)?;
        Ok(Self {
            global: global.clone(),
            paths,
            config: Arc::new(config),
            keymap: Arc::new(keymap),
            theme: Arc::new(theme),
            patience,
            open: (None, None),
            demo: None,
        })
    }

    /// Opens on a service or alert, and an environment.
    #[must_use]
    pub fn open(mut self, service: Option<String>, environment: Option<String>) -> Self {
        self.open = (service.as_deref().map(Name::new), environment.as_deref().map(Name::new));
        self
    }

    /// The environments of the simulated world instead of the user's own.
    #[must_use]
    pub fn simulated(mut self, scenario: &Scenario) -> Self {
        let mut config =
            Config { thresholds: self.config.thresholds.clone(), gates: self.config.gates.clone(), ui: self.config.ui.clone(), ..Config::default() };
        config.environments = scenario.environments();
        config.services = scenario.services();
        self.config = Arc::new(config);
        self
    }

    /// The sources of the simulated world, as it is at `now`.
    #[must_use]
    pub fn playing(mut self, sources: Vec<Made>, now: jiff::Timestamp) -> Self {
        self.demo = Some((sources, now));
        self
    }

    fn mode(&self) -> Mode {
        match (self.global.read_only, self.global.write) {
            (true, _) => Mode::ReadOnly,
            (false, true) => Mode::Write,
            (false, false) => Mode::ByTier,
        }
    }

    fn start(&self, clock: Clock, size: Size, session: &str) -> Start {
        let glyphs = match self.config.ui.glyphs {
            config::Glyphs::Ascii => Glyphs::Ascii,
            config::Glyphs::Unicode => Glyphs::Unicode,
            config::Glyphs::Auto if utf8() => Glyphs::Unicode,
            config::Glyphs::Auto => Glyphs::Ascii,
        };
        let guessed = self.config.environments.is_empty() && self.demo.is_none();
        let remarks = if guessed {
            vec![Clean::from_static("environments are guessed from names and marked with ?: pilothouse config init writes a file that says what they are")]
        } else {
            Vec::new()
        };
        Start {
            now: clock.now(),
            size,
            zone: if self.demo.is_some() { TimeZone::UTC } else { TimeZone::system() },
            user: if self.demo.is_some() { Clean::from_static("oncall") } else { user() },
            host: host(),
            session: session.to_owned(),
            mode: self.mode(),
            demo: self.demo.is_some(),
            rules: self.config.rules(),
            limits: self.config.limits(),
            min_requests: self.config.ui.min_requests as f64,
            environments: self.config.declared(),
            smoke: self.config.smoke(),
            registries: self.config.images.registries.clone(),
            keymap: self.keymap.clone(),
            theme: self.theme.clone(),
            glyphs,
            open: self.open.clone(),
            guards: false,
            remarks,
        }
    }

    /// What an app on the simulated world starts with, where no runtime is needed.
    pub fn staged(mut self, now: jiff::Timestamp, size: Size) -> Start {
        self.demo = Some((Vec::new(), now));
        self.start(Clock::at(now), size, "7f3a")
    }

    /// The sources of the configuration; with none of them, what is found.
    fn sources(&self) -> Vec<Made> {
        let wish = |table| Wish {
            table,
            config: &self.config,
            read_only: self.global.read_only,
            contexts: &self.global.context,
            namespace: self.global.namespace.as_deref(),
        };
        let aside: Vec<Made> = sources::smoke::connect(&wish(None)).into_iter().chain([sources::registry::connect()]).collect();
        if self.config.sources.is_empty() {
            let found = sources::KINDS.iter().filter(|(kind, _)| *kind != "demo").flat_map(|(_, connect)| connect(&wish(None)));
            return found.chain(aside).collect();
        }
        let connect = |kind: &str| sources::KINDS.iter().find(|(known, _)| *known == kind).map(|(_, connect)| connect);
        self.config.sources.iter().filter_map(|table| connect(table.kind()).map(|connect| connect(&wish(Some(table))))).flatten().chain(aside).collect()
    }

    /// This program with the flags that lead it to the same world and the same journal.
    fn heir(&self) -> Option<Heir> {
        let Global { config, read_only, write, context, namespace, theme: _, timeout, demo: _ } = &self.global;
        let mut arguments: Vec<OsString> = vec!["--timeout".into(), timeout.into()];
        let mut flag = |name: &str, value: &OsStr| arguments.extend([name.into(), value.to_owned()]);
        config.iter().for_each(|file| flag("--config", file.as_os_str()));
        context.iter().for_each(|context| flag("--context", OsStr::new(context)));
        namespace.iter().for_each(|namespace| flag("--namespace", OsStr::new(namespace)));
        arguments.extend([(*read_only, "--read-only"), (*write, "--write")].into_iter().filter(|(set, _)| *set).map(|(_, name)| name.into()));
        Some(Heir { program: std::env::current_exe().ok()?, arguments, folder: self.paths.handed_over() })
    }

    /// App, runtime and inbox, wired.
    fn assemble(&mut self, size: Size) -> (App, Runtime, Arc<Inbox>, Clock) {
        let session = session();
        let clock = self.demo.as_ref().map_or_else(Clock::start, |(_, now)| Clock::at(*now));
        let app = App::new(self.start(clock, size, &session));
        let inbox = Arc::new(Inbox::default());
        let made = self.demo.take().map_or_else(|| self.sources(), |(made, _)| made);
        let folder = if app.start.demo { std::env::temp_dir().join(format!("pilothouse-demo-{session}")) } else { self.paths.journal() };
        let book = match book(&self.config.journal, &folder, &session) {
            Ok(book) => Some(Arc::new(book)),
            Err(why) => {
                inbox.put(Event::Told(Err(why)));
                None
            }
        };
        let state = self.paths.views();
        let flags = crate::runtime::Flags {
            read_only: self.global.read_only,
            contexts: self.global.context.clone(),
            namespace: self.global.namespace.clone(),
            heir: self.heir().filter(|_| !app.start.demo),
            scratch: app.start.demo.then_some(folder),
        };
        let runtime = Runtime::new(inbox.clone(), self.config.clone(), flags, book, state, made);
        (app, runtime, inbox, clock)
    }

    /// The console on this terminal.
    pub fn console(mut self) -> Result<Exit, Failed> {
        let tokio = tokio()?;
        tokio.block_on(async {
            let measure = self.config.ui.glyphs == config::Glyphs::Auto;
            let taken = enter(Options { title: Some(Clean::from_static("pilothouse")), measure_glyphs: measure })
                .map_err(|refusal| Failed::new(Exit::Usage, refusal.to_string()))?;
            let size = taken.canvas.size();
            let (mut app, runtime, inbox, clock) = self.assemble(Size { width: size.width, height: size.height });
            app.start.guards = true;
            runtime.look_back();
            let manners = Manners {
                mux: Mux::of(variable("TMUX").as_deref(), variable("STY").as_deref(), variable("TERM").as_deref()),
                ring: self.ring(),
                measure_glyphs: measure,
            };
            let code = Console::new(app, runtime, taken.canvas, taken.inbox, inbox, clock, manners).run_on(taken.guard).await;
            std::process::exit(i32::from(code));
        })
    }

    fn ring(&self) -> Ring {
        match self.config.ui.notify {
            config::Notify::Off => Ring::Off,
            config::Notify::Bell => Ring::Bell,
            config::Notify::Osc9 => Ring::Osc9,
            config::Notify::Osc777 => Ring::Osc777,
        }
    }

    /// Runs a face that has no screen.
    pub fn block_on<F>(mut self, face: impl FnOnce(Headless) -> F) -> Result<Exit, Failed>
    where
        F: Future<Output = Result<Exit, Failed>>,
    {
        let tokio = tokio()?;
        let result = tokio.block_on(async {
            let patience = self.patience;
            let (app, runtime, inbox, clock) = self.assemble(Size { width: 120, height: 40 });
            face(Headless { app, runtime, inbox, clock, patience }).await
        });
        tokio.shutdown_background();
        result
    }
}

/// The journal. Without one the console still shows everything; only changes are refused.
fn book(table: &config::Journal, folder: &std::path::Path, session: &str) -> Result<Book, Clean> {
    let who = who(session);
    let journal = open(table, folder, &who.short()).map_err(|error| crate::clean!("the journal can not be opened, so nothing can be changed: {error}"))?;
    Ok(Book::new(journal, who))
}

/// The journal that the configuration names; `holder` is what others are told while they wait for us.
pub(super) fn open(table: &config::Journal, folder: &std::path::Path, holder: &str) -> Result<Journal, JournalError> {
    match table.database() {
        None => Journal::open(folder),
        Some(database) => Ok(Journal::shared(folder, database, holder)),
    }
}

fn tokio() -> Result<tokio::runtime::Runtime, Failed> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| Failed::new(Exit::Fault, format!("the runtime could not be started: {error}")))
}

/// Whether the locale says that the terminal reads UTF-8.
fn utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name).filter(|value| !value.is_empty())).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
