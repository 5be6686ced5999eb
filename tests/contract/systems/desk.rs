//! A console on one source, with everything but the terminal: keys go in, and what would stand on the screen comes out.

use crate::kubernetes::lab::PATIENCE;
use jiff::tz::TimeZone;
use pilothouse::{
    app::{App, Event, Size, Start},
    cli::print,
    config::Config,
    console::Clock,
    gate::Mode,
    keys::Keymap,
    runtime::{Flags, Inbox, Runtime},
    sources::{Made, Source},
    text::Clean,
    theme::Theme,
    view,
    widgets::Glyphs,
};
use ratatui::{buffer::Buffer, layout::Rect};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub struct Desk {
    pub app: App,
    runtime: Runtime,
    inbox: Arc<Inbox>,
    clock: Clock,
    /// Whatever it may write goes here.
    _folder: tempfile::TempDir,
}

impl Desk {
    pub fn new(source: Arc<dyn Source>) -> Self {
        let (config, clock, inbox) = (Config::default(), Clock::start(), Arc::new(Inbox::default()));
        let folder = tempfile::tempdir().expect("a folder");
        let start = Start {
            now: clock.now(),
            size: Size { width: 120, height: 40 },
            zone: TimeZone::UTC,
            user: Clean::from_static("kim"),
            host: Clean::from_static("bastion"),
            session: "7f3a".into(),
            mode: Mode::ByTier,
            demo: false,
            rules: config.rules(),
            limits: config.limits(),
            min_requests: config.ui.min_requests as f64,
            environments: Vec::new(),
            smoke: Vec::new(),
            registries: Vec::new(),
            keymap: Arc::new(Keymap::default()),
            theme: Arc::new(Theme::read("dark", &|_| None).expect("a theme")),
            glyphs: Glyphs::Unicode,
            open: (None, None),
            guards: false,
            remarks: Vec::new(),
        };
        let made = vec![Made::Source(source)];
        let runtime = Runtime::new(inbox.clone(), Arc::new(config), Flags::default(), None, folder.path().to_owned(), made);
        Self { app: App::new(start), runtime, inbox, clock, _folder: folder }
    }

    fn take(&mut self, event: Event) {
        for effect in self.app.update(self.clock.now(), event) {
            _ = self.runtime.carry_out(effect);
        }
        self.runtime.reconcile(&self.app.wanted());
    }

    pub fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.take(Event::Key(key.parse().expect("a key")));
        }
    }

    /// Lets things happen until something is there.
    pub async fn until<T>(&mut self, what: &str, find: impl Fn(&App) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = find(&self.app) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{what} never came\n{}", self.text());
            _ = tokio::time::timeout(Duration::from_secs(1), self.inbox.wait()).await;
            for event in self.inbox.take(4_096) {
                self.take(event);
            }
            self.take(Event::Tick);
        }
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        let area = Rect::new(0, 0, self.app.size.width, self.app.size.height);
        let mut buffer = Buffer::empty(area);
        view::draw_into(&self.app, &mut buffer, area);
        print::plain(&buffer)
    }
}
