//! The whole program on a terminal, with all real systems at once: one of them stops and comes back, all are down at start, and a line that
//! is said somewhere stands on the screen soon.

use crate::{
    docker::engine::{self, Engine},
    door::Door,
    github,
    kubernetes::lab::{self, Space},
    term::{GONE, Term, gone_within, pilothouse},
};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use vt100::Screen;

/// The header's words for the systems.
const SYSTEMS: [&str; 5] = ["k8s", "docker", "github", "prom", "alerts"];

/// What a container does that is only there.
const IDLE: &str = "while :; do sleep 1; done";

/// All systems, each behind a door.
struct World {
    doors: Vec<(&'static str, Door)>,
    space: Space,
    repository: String,
    kubeconfig: (tempfile::TempDir, std::path::PathBuf),
}

impl World {
    /// None where the tests are left out on purpose.
    async fn new(about: &'static str, engine: &Engine) -> Option<Self> {
        let kubeconfig = lab::kubeconfig()?;
        let (github, repository, _) = github::seen::repository(about, "")?;
        github.with(&repository, |world| world.add(github::world::Run::over(310, "success")));
        let space = Space::new(about);
        space.deploy("cart", 1, &[("APP_LOG_EVERY", "0")], "first");
        space.rolled_out("cart");
        let (k8s, folder, path) = lab::door(&kubeconfig).await;
        let server = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("lab.env sets {name}"));
        let doors = vec![
            ("k8s", k8s),
            ("docker", Door::before(&engine.host()).await),
            ("github", Door::before(&github.proxy).await),
            ("prom", Door::before(&server("LAB_PROMETHEUS")).await),
            ("alerts", Door::before(&server("LAB_ALERTMANAGER_1")).await),
        ];
        Some(Self { doors, space, repository, kubeconfig: (folder, path) })
    }

    fn door(&mut self, system: &str) -> &mut Door {
        &mut self.doors.iter_mut().find(|(name, _)| *name == system).expect("a system").1
    }

    fn at(&self, system: &str) -> String {
        self.doors.iter().find(|(name, _)| *name == system).expect("a system").1.address()
    }

    /// The console on all of them, where every name of a system has room.
    fn console(&self) -> Term {
        let config = format!(
            "[[source]]\nkind = 'kubernetes'\nkubeconfig = '{}'\ncontexts = ['lab']\nnamespaces = ['{}']\ndiscover = false\n\
             [[source]]\nkind = 'docker'\nhost = 'tcp://{}'\n\
             [[source]]\nkind = 'github'\nurl = 'http://{}'\nrepositories = ['{}']\ntoken_command = ['echo', 't0ken']\n\
             [[source]]\nkind = 'prometheus'\nurl = 'http://{}'\n\
             [[source]]\nkind = 'alertmanager'\nurl = 'http://{}'\n",
            self.kubeconfig.1.display(),
            self.space.name,
            self.at("docker"),
            self.at("github"),
            self.repository,
            self.at("prom"),
            self.at("alerts"),
        );
        pilothouse(&[]).size(200, 60).file("config/pilothouse/config.toml", &config).start()
    }
}

/// What the header says of a system.
fn sign(screen: &Screen, system: &str) -> Option<char> {
    let header = screen.rows(0, 200).next()?;
    let (_, after) = header.split_once(&format!(" {system} "))?;
    after.chars().next()
}

fn lives(screen: &Screen, system: &str) -> bool {
    sign(screen, system) == Some('●')
}

/// What stands in the row of `service` in the matrix, and whether its version is drawn as what may no longer be so.
fn row(screen: &Screen, service: &str) -> Option<(String, bool)> {
    let (number, text) = screen.rows(0, 200).enumerate().find(|(_, text)| text.chars().skip(4).collect::<String>().starts_with(&format!("{service} ")))?;
    let at = text.find(" 1 ").map(|at| text[..at].chars().count() + 1)?;
    let stale = screen.cell(u16::try_from(number).ok()?, u16::try_from(at).ok()?)?.italic();
    Some((text, stale))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_system_stops_its_rows_dim_the_others_go_on_and_it_comes_back() {
    if engine::left_out("whole") {
        return;
    }
    let engine = Engine::any();
    let Some(mut world) = World::new("stops", &engine).await else { return };
    let name = format!("box-{}", std::process::id());
    let _container = engine.run(&name, &[], IDLE);
    let console = world.console();
    console.until("all systems live", |screen| SYSTEMS.iter().all(|system| lives(screen, system)));
    for words in ["cart", name.as_str(), "CertificateExpiresSoon", "#310"] {
        console.shows(words);
    }
    for system in SYSTEMS {
        let own = match system {
            "k8s" => Some("cart"),
            "docker" => Some(name.as_str()),
            _ => None,
        };
        world.door(system).shut().await;
        console.until(&format!("{system} is missed"), |screen| sign(screen, system).is_some_and(|sign| sign != '●'));
        console.shows("next try in");
        if let Some(service) = own {
            let dim = |(text, stale): (String, bool)| text.contains(" 1 ? ") && stale;
            console.until(&format!("{service} is dim and says since when"), |screen| row(screen, service).is_some_and(dim));
        }
        console.until("the others live", |screen| SYSTEMS.iter().all(|other| *other == system || lives(screen, other)));
        // What another system says meanwhile is shown.
        let another = if system == "k8s" {
            let name = format!("meanwhile-{}", std::process::id());
            let _container = engine.run(&name, &[], IDLE);
            console.shows(&name);
            name
        } else {
            let name = format!("beside-{system}");
            world.space.kubectl(&["create", "deployment", &name, "--image=lab/app:1", "--replicas=0"]);
            console.shows(&name);
            name
        };
        world.door(system).reopen().await;
        console.until(&format!("{system} is back"), |screen| SYSTEMS.iter().all(|system| lives(screen, system)));
        if let Some(service) = own {
            let well = |(text, stale): (String, bool)| text.contains(" 1 ✓ ") && !stale;
            console.until(&format!("{service} is as before"), |screen| row(screen, service).is_some_and(well));
        }
        if system != "k8s" {
            world.space.kubectl(&["delete", "deployment", &another]);
            console.hides(&another);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_everything_down_at_start_the_console_is_usable_and_everything_comes() {
    if engine::left_out("whole") {
        return;
    }
    let Some(mut world) = World::new("down", &Engine::any()).await else { return };
    for system in SYSTEMS {
        world.door(system).shut().await;
    }
    let mut console = world.console();
    console.shows("PILOTHOUSE");
    console.types("?").shows("all keys");
    console.until("all systems are missed", |screen| SYSTEMS.iter().all(|system| sign(screen, system).is_some_and(|sign| sign != '●')));
    console.types("\u{1b}").hides("Keys");
    for system in SYSTEMS {
        world.door(system).reopen().await;
    }
    console.until("all systems live", |screen| SYSTEMS.iter().all(|system| lives(screen, system)));
    console.shows("cart").shows("#310").shows("CertificateExpiresSoon");
    console.quits();
    assert_eq!(console.leaves_within(Duration::from_secs(60)), 0);
}

/// How long after `say` was called something was there.
fn took(say: impl FnOnce(), seen: impl FnOnce()) -> Duration {
    let began = Instant::now();
    say();
    seen();
    began.elapsed()
}

/// A program that follows the same log, to compare with.
struct Beside(std::process::Child, std::sync::mpsc::Receiver<String>);

impl Beside {
    fn new(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it is installed");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (tell, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self(child, lines)
    }

    fn says(&self, words: &str) {
        while !self.1.recv_timeout(lab::PATIENCE).expect("it follows").contains(words) {}
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A line goes through the kubelet and the API server, as kubectl's does. A slow machine slows both.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_pod_stands_on_the_screen_as_soon_as_kubectl_has_it() {
    if engine::left_out("whole") {
        return;
    }
    let Some(world) = World::new("lines", &Engine::any()).await else { return };
    let pods = world.space.kubectl(&["get", "pods", "-l", "app=cart", "-o", "name"]);
    let pod = pods.lines().next().expect("a pod").to_owned();
    let mut console = world.console();
    console.shows("cart");
    console.types(":cart\r");
    console.until("its logs", |screen| screen.contents().contains("3 Logs"));
    console.types("3f");
    let say = |words: &str| _ = world.space.kubectl(&["exec", &pod, "--", "sh", "-c", &format!("echo {words} > /proc/1/fd/1")]);
    say("line-first");
    console.shows("line-first");
    let kubectl = Beside::new(Command::new("kubectl").args(["-n", &world.space.name, "logs", "-f", &pod]));
    kubectl.says("line-first");
    let (mut ours, mut theirs): (Vec<_>, Vec<_>) = (0..9_u8)
        .map(|number| {
            // Lines that differ in a number alone are folded into one.
            let word = char::from(b'a' + number);
            let (one, two) = (format!("ours-{word}{word}{word}"), format!("theirs-{word}{word}{word}"));
            (took(|| say(&one), || _ = console.shows(&one)), took(|| say(&two), || kubectl.says(&two)))
        })
        .unzip();
    let middle = |all: &mut Vec<Duration>| {
        all.sort();
        all[all.len() / 2]
    };
    println!("a line, from the command that says it: on our screen after {:?}, from kubectl after {:?}", middle(&mut ours), middle(&mut theirs));
    assert!(middle(&mut ours) < middle(&mut theirs) * 2 + Duration::from_millis(250), "we: {ours:?}; kubectl: {theirs:?}");
}

/// The lines of a journal.
fn journal(home: &std::path::Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(home.join("state/pilothouse/journal/journal.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The first line of this kind in a journal, once it is there: a verdict comes a minute and a half after the pods are well.
async fn told(home: &std::path::Path, kind: &str) -> serde_json::Value {
    let began = Instant::now();
    loop {
        if let Some(line) = journal(home).into_iter().find(|line| line["kind"] == kind) {
            return line;
        }
        assert!(began.elapsed() < Duration::from_secs(300), "no {kind} was written: {:#?}", journal(home));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_drops_in_a_rollback_leaves_somebody_who_sees_it_through() {
    let Some(kubeconfig) = lab::kubeconfig() else { return };
    let space = Space::new("drops");
    space.deploy("cart", 1, &[], "good");
    space.rolled_out("cart");
    space.deploy("cart", 2, &[("APP_CRASH_AFTER", "1"), ("APP_CRASH_MESSAGE", "no ledger")], "bad");
    let config = format!(
        "[[source]]\nkind = 'kubernetes'\nkubeconfig = '{}'\ncontexts = ['lab']\nnamespaces = ['{}']\ndiscover = false\n\
         [[environment]]\nname = 'development'\ntier = 'development'\nmatch = [{{ context = 'lab' }}]\n",
        kubeconfig.display(),
        space.name,
    );
    let start = |setup: crate::term::Setup| setup.file("config/pilothouse/config.toml", &config).start();
    let mut first = start(pilothouse(&[]));
    first.shows("cart in development is stuck");
    first.types("R").shows("DIFFERENCE");
    first.shows("Enter asks once more");
    first.types("\r").shows("Enter does it");
    first.enters("accepted in");
    first.hang_up();
    first.leaves_within(GONE);

    // The next console finds it, and watches without taking it away from who has it.
    let home = first.home().to_owned();
    let heir = told(&home, "taken").await;
    let state = home.join("state").display().to_string();
    let mut next = start(pilothouse(&[]).with("XDG_STATE_HOME", &state));
    next.shows("is under way at");
    next.types("B").shows("Enter watches it");
    next.types("\r");
    next.shows("Rolling back cart in development");

    let verdict = told(&home, "verdict").await;
    assert_eq!((&verdict["verdict"], &verdict["who"]["pid"]), (&"RECOVERED".into(), &heir["who"]["pid"]), "{verdict}");
    assert!(verdict["who"].get("tty").is_none(), "it has no terminal: {verdict}");
    gone_within(i32::try_from(heir["who"]["pid"].as_i64().expect("a pid")).expect("a pid"), Duration::from_secs(60));
    // Who watches began later, and waits as long.
    lab::eventually("the watcher's verdict", async || next.contents().contains("RECOVERED in").then_some(())).await;
    let kinds: Vec<_> = journal(&home).iter().map(|line| line["kind"].as_str().unwrap_or_default().to_owned()).filter(|kind| kind != "observed").collect();
    assert_eq!(kinds, ["intent", "outcome", "taken", "verdict"], "nothing is sent or said twice");
}
