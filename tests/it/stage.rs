//! A stage for the simulated world: `stage("incident").at("180s").size(120, 40).keys("jjR").after("41s").shows("name")`.

use jiff::{SignedDuration, Timestamp};
use pilothouse::{
    app::{App, Now, Size, Start},
    cli::{
        print,
        theatre::{Cue, Theatre},
    },
    config::{Config, Service},
    domain::Automatic,
    gate::Mode,
    keys::Keymap,
    sources::demo::Scenario,
    text::{Clean, Name},
    theme::{Role, Theme},
    view,
    widgets::Glyphs,
};
use ratatui::{buffer::Buffer, layout::Rect, style::Color};
use std::{fmt::Write, sync::Arc, time::Duration};

/// What the curtain rises on, and what happens then.
#[derive(Clone)]
pub struct Stage {
    scenario: Scenario,
    seed: u64,
    at: Timestamp,
    size: Size,
    mode: Mode,
    theme: String,
    glyphs: Glyphs,
    open: (Option<Name>, Option<Name>),
    needs: Vec<(Name, Name)>,
    guards: bool,
    automatic: Automatic,
    script: Vec<Cue>,
}

/// A story by its name, as it opens.
pub fn stage(name: &str) -> Stage {
    stage_of(Scenario::named(name).unwrap_or_else(|| panic!("there is no story {name}")))
}

/// A story of a test's own.
pub fn stage_of(scenario: Scenario) -> Stage {
    let at = scenario.opens();
    Stage {
        scenario,
        seed: 7,
        at,
        size: Size { width: 120, height: 40 },
        mode: Mode::ByTier,
        theme: "roles".into(),
        glyphs: Glyphs::Unicode,
        open: (None, None),
        needs: Vec::new(),
        guards: false,
        automatic: Automatic::Off,
        script: Vec::new(),
    }
}

/// A duration as people write it.
pub fn time(text: &str) -> SignedDuration {
    text.parse().unwrap_or_else(|_| panic!("{text} is no duration"))
}

impl Stage {
    /// So long into the story.
    pub fn at(mut self, at: &str) -> Self {
        self.at = self.scenario.start() + time(at);
        self
    }

    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = Size { width, height };
        self
    }

    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub fn theme(mut self, name: &str) -> Self {
        name.clone_into(&mut self.theme);
        self
    }

    pub fn ascii(mut self) -> Self {
        self.glyphs = Glyphs::Ascii;
        self
    }

    /// Presses keys: `jj<enter>`.
    pub fn keys(mut self, keys: &str) -> Self {
        self.script.extend(print::script(keys).unwrap_or_else(|failed| panic!("{}", failed.words)));
        self
    }

    /// Opens on a service, and an environment.
    pub fn open(mut self, service: &str, environment: Option<&str>) -> Self {
        self.open = (Some(Name::new(service)), environment.map(Name::new));
        self
    }

    /// The configuration says that a service depends on another.
    pub fn needs(mut self, service: &str, other: &str) -> Self {
        self.needs.push((Name::new(service), Name::new(other)));
        self
    }

    /// Production's configuration says `rollback = { automatic = "prepare" }`.
    pub fn guarding(mut self) -> Self {
        (self.guards, self.automatic) = (true, Automatic::Prepare);
        self
    }

    /// The same with `automatic = "execute"`, for a face: a console only prepares.
    pub fn executing(mut self) -> Self {
        self.automatic = Automatic::Execute;
        self
    }

    /// Lets time pass.
    pub fn after(mut self, passed: &str) -> Self {
        self.script.push(Cue::Wait(time(passed)));
        self
    }

    fn start(&self) -> Start {
        let mut config = Config { environments: self.scenario.environments(), services: self.scenario.services(), ..Config::default() };
        for environment in config.environments.iter_mut().filter(|environment| environment.name.raw() == "production") {
            environment.automatic = self.automatic;
        }
        for (name, other) in &self.needs {
            config.services.push(Service { name: name.clone(), depends_on: vec![other.clone()], ..Service::default() });
        }
        Start {
            now: Now { wall: self.at, mono: Duration::ZERO },
            size: self.size,
            zone: jiff::tz::TimeZone::UTC,
            user: Clean::from_static("oncall"),
            host: Clean::from_static("bastion"),
            session: "7f3a".into(),
            mode: self.mode,
            demo: true,
            rules: config.rules(),
            limits: config.limits(),
            min_requests: config.ui.min_requests as f64,
            environments: config.declared(),
            keymap: Arc::new(Keymap::default()),
            theme: Arc::new(Theme::read(&self.theme, &|name| (name == "roles").then(roles)).expect("a theme")),
            glyphs: self.glyphs,
            open: self.open.clone(),
            smoke: config.smoke(),
            registries: config.images.registries.clone(),
            guards: self.guards,
            remarks: Vec::new(),
        }
    }

    /// Plays it, and hands over what stands on the stage then.
    pub fn play(self) -> Scene {
        let mut app = App::new(self.start());
        let mut theatre = Theatre::new(&self.scenario, self.seed, self.at);
        theatre.open(&mut app);
        theatre.play(&mut app, &self.script);
        Scene { app, theatre }
    }

    /// A console to which nobody has told anything yet.
    pub fn untold(self) -> Scene {
        let app = App::new(self.start());
        let theatre = Theatre::new(&self.scenario, self.seed, self.at);
        Scene { app, theatre }
    }

    /// The picture is the one that was accepted under `name`. Returned for what must hold besides.
    #[track_caller]
    pub fn shows(self, name: &str) -> Scene {
        let scene = self.play();
        let buffer = scene.buffer();
        assert_no_control(&buffer);
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, picture(&buffer)));
        scene
    }
}

/// What stands on the stage.
pub struct Scene {
    pub app: App,
    pub theatre: Theatre,
}

impl Scene {
    /// Goes on: keys, and time between angle brackets.
    pub fn go(&mut self, script: &str) -> &mut Self {
        let script = print::script(script).unwrap_or_else(|failed| panic!("{}", failed.words));
        self.theatre.play(&mut self.app, &script);
        self
    }

    /// One event, and nothing that the simulated world would say to it.
    pub fn told(&mut self, event: pilothouse::app::Event) -> &mut Self {
        let _ = self.app.update(self.app.now, event);
        self
    }

    /// The keys at the foot.
    pub fn foot(&self) -> String {
        self.text().lines().last().unwrap_or_default().to_owned()
    }

    /// The frame.
    pub fn buffer(&self) -> Buffer {
        let area = Rect::new(0, 0, self.app.size.width, self.app.size.height);
        let mut buffer = Buffer::empty(area);
        view::draw_into(&self.app, &mut buffer, area);
        buffer
    }

    /// The frame as text.
    pub fn text(&self) -> String {
        print::plain(&self.buffer())
    }

    /// The row of the frame that holds `words`.
    #[track_caller]
    pub fn row(&self, words: &str) -> String {
        let text = self.text();
        text.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("`{words}` is not on the screen:\n{text}")).to_owned()
    }

    /// That the frame says all of these.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> &Self {
        let text = self.text();
        for words in words {
            assert!(text.contains(words), "`{words}` is not on the screen:\n{text}");
        }
        self
    }

    /// That the frame says none of these.
    #[track_caller]
    pub fn hides(&self, words: &[&str]) -> &Self {
        let text = self.text();
        for words in words {
            assert!(!text.contains(words), "`{words}` is on the screen:\n{text}");
        }
        self
    }

    /// The roles of the cells in which `words` stand, where they stand first.
    #[track_caller]
    pub fn role_of(&self, words: &str) -> Vec<Role> {
        let buffer = self.buffer();
        for (y, line) in print::plain(&buffer).lines().enumerate() {
            let Some(at) = line.find(words) else { continue };
            let x = line[..at].chars().count();
            let cells = (x..x + words.chars().count()).map(|x| &buffer[(u16::try_from(x).unwrap(), u16::try_from(y).unwrap())]);
            let mut roles: Vec<Role> = cells.filter(|cell| cell.symbol() != " ").filter_map(|cell| role(cell.fg)).collect();
            roles.dedup();
            return roles;
        }
        panic!("`{words}` is not on the screen:\n{}", print::plain(&buffer));
    }
}

/// A letter for each role, in the map below a picture.
const LETTERS: &[(Role, char)] = &[
    (Role::Text, '.'),
    (Role::Dim, 'd'),
    (Role::Faint, 'f'),
    (Role::Title, 't'),
    (Role::Border, 'b'),
    (Role::BorderFocus, 'B'),
    (Role::Cursor, '@'),
    (Role::Accent, 'a'),
    (Role::Ok, 'o'),
    (Role::Rolling, 'r'),
    (Role::Warn, 'w'),
    (Role::Critical, '!'),
    (Role::Stale, 's'),
    (Role::Unknown, '?'),
    (Role::Production, 'P'),
    (Role::Header, 'h'),
    (Role::Key, 'k'),
    (Role::Marker, 'm'),
    (Role::Demo, 'D'),
    (Role::BarDone, '='),
    (Role::BarTodo, '-'),
    (Role::LogError, 'E'),
    (Role::LogWarn, 'W'),
    (Role::LogInfo, 'I'),
    (Role::LogDebug, 'G'),
    (Role::Hit, 'H'),
    (Role::Marked, 'M'),
    (Role::Added, '+'),
    (Role::Removed, '<'),
];

/// A theme in which every role has a colour of its own.
fn roles() -> String {
    let lines = Role::ALL.iter().enumerate().map(|(at, role)| format!("{} = \"#0000{:02x}\"\n", role.name(), at + 1));
    format!("[roles]\n{}", lines.collect::<String>())
}

/// The role of a cell, in that theme.
pub fn role(ink: Color) -> Option<Role> {
    match ink {
        Color::Rgb(0, 0, at) => Role::ALL.get(usize::from(at).checked_sub(1)?).copied(),
        _ => None,
    }
}

/// The frame as text, and below it which role each cell has.
fn picture(buffer: &Buffer) -> String {
    let mut text = print::plain(buffer);
    let area = buffer.area;
    let rule = "─".repeat(usize::from(area.width));
    let _ = writeln!(text, "{rule}");
    let mut used = Vec::new();
    for y in 0..area.height {
        let line: String = (0..area.width)
            .map(|x| {
                let cell = &buffer[(x, y)];
                let Some(role) = role(cell.fg).filter(|_| !cell.symbol().trim().is_empty()) else { return ' ' };
                used.push(role);
                LETTERS.iter().find(|(known, _)| *known == role).map_or('¿', |(_, letter)| *letter)
            })
            .collect();
        let _ = writeln!(text, "{}", line.trim_end());
    }
    used.sort();
    used.dedup();
    let legend: Vec<String> = LETTERS.iter().filter(|(role, _)| used.contains(role)).map(|(role, letter)| format!("{letter} {}", role.name())).collect();
    if !legend.is_empty() {
        let _ = writeln!(text, "{rule}\n{}", legend.join("   "));
    }
    text
}

/// Nothing that a terminal would obey reaches a cell.
#[track_caller]
pub fn assert_no_control(buffer: &Buffer) {
    for (at, cell) in buffer.content.iter().enumerate() {
        assert!(!cell.symbol().chars().any(char::is_control), "cell {at} holds {:?}", cell.symbol());
    }
}

#[test]
fn every_role_has_a_letter_of_its_own() {
    let mut letters: Vec<char> = Role::ALL.iter().map(|role| LETTERS.iter().find(|(known, _)| known == role).expect("a letter").1).collect();
    letters.sort_unstable();
    letters.dedup();
    assert_eq!(letters.len(), Role::COUNT);
}
