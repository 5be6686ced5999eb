//! A run that is watched rings in the terminal: once, in the way that is configured, and nothing else does.

use crate::term::{Setup, Term, pilothouse};
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// What somebody may call a workflow who wants to write to the terminal of whoever watches it.
const NAME: &str = "ship\u{7}\u{1b}]52;c;AAAA\u{7};\u{9b}2J\u{1b}\\it";

/// How long anything may take, on a machine that is busy with other things.
const LONG: Duration = Duration::from_secs(120);

/// A CI with two runs, and how both stand.
struct Ci {
    port: u16,
    status: Arc<Mutex<&'static str>>,
    asked: Arc<AtomicUsize>,
}

impl Ci {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let own = Self { port, status: Arc::new(Mutex::new("running")), asked: Arc::default() };
        let (status, asked) = (own.status.clone(), own.asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (status, asked) = (status.clone(), asked.clone());
                std::thread::spawn(move || serve(stream, &status, &asked));
            }
        });
        own
    }

    fn stands(&self, status: &'static str) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// Waits until it was asked so often from now on.
    fn is_asked(&self, times: usize) {
        let (from, began) = (self.asked.load(Ordering::SeqCst), Instant::now());
        while self.asked.load(Ordering::SeqCst) < from + times {
            assert!(began.elapsed() < LONG, "nobody asks");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn setup(&self, notify: &str) -> Setup {
        let config = format!(
            "[ui]\nnotify = '{notify}'\n[[source]]\nkind = 'http'\nname = 'own'\nurl = 'http://127.0.0.1:{}/list'\nruns = '.runs'\ninterval = '5s'\n",
            self.port
        );
        pilothouse(&[]).file("config/pilothouse/config.toml", &config)
    }
}

fn serve(stream: TcpStream, status: &Mutex<&'static str>, asked: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().expect("a connection"));
    let mut stream = stream;
    loop {
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|count| count > 0) && !line.ends_with("\r\n\r\n") {}
        if line.is_empty() {
            return;
        }
        let run = |number: u64| {
            json!({ "id": number.to_string(), "number": number, "name": NAME, "title": NAME, "branch": NAME, "repository": "acme/cart",
                "status": *status.lock().unwrap_or_else(PoisonError::into_inner), "created": format!("2026-11-27T10:0{number}:00Z") })
        };
        let text = json!({ "runs": [run(8), run(7)] }).to_string();
        asked.fetch_add(1, Ordering::SeqCst);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())).is_err() {
            return;
        }
    }
}

/// All that a terminal would hear or be told aside from drawing: bells, the clipboard, notifications. Titles are left out.
fn heard(bytes: &[u8]) -> Vec<String> {
    let (mut told, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0x07 | 0x1b)) {
        rest = &rest[at..];
        let string = matches!(rest, [0x1b, b']' | b'P', ..]);
        if !string {
            if rest[0] == 0x07 {
                told.push("bell".to_owned());
            }
            rest = &rest[1..];
            continue;
        }
        // A string of control ends with ST; one of OSC with a bell too.
        let osc = rest[1] == b']';
        let end = (2..rest.len()).find(|at| (osc && rest[*at] == 0x07) || (rest[*at] == 0x1b && rest.get(at + 1) == Some(&b'\\')));
        let end = end.unwrap_or(rest.len() - 1);
        let words = String::from_utf8_lossy(&rest[2..end]).into_owned();
        if !(osc && ["0;", "1;", "2;"].iter().any(|title| words.starts_with(title))) {
            told.push(words.replace('\u{1b}', "^").replace('\u{7}', "%"));
        }
        rest = &rest[(end + if rest[end] == 0x1b { 2 } else { 1 }).min(rest.len())..];
    }
    told
}

fn on_the_run(setup: Setup) -> Term {
    let mut term = setup.start();
    term.shows("#7");
    term.types("2").shows("#8");
    term
}

#[test]
fn a_watched_run_rings_once_when_it_ends_as_it_is_configured_and_says_nothing_that_others_wrote_for_the_terminal() {
    let ci = Ci::start();
    let ways = [("off", None), ("bell", None), ("osc9", None), ("osc777", None), ("osc9", Some(("TMUX", "/tmp/tmux-0/default,1,0")))];
    let mut terms: Vec<Term> = ways
        .iter()
        .map(|(notify, variable)| {
            let setup = ci.setup(notify);
            on_the_run(variable.iter().fold(setup, |setup, (name, value)| setup.with(name, value)))
        })
        .collect();
    // One of them looks at the run, and has the key of every panel; the others have that of the list.
    terms[1].types("\r").types("W").shows("is watched (running now)");
    for at in [0, 2, 3, 4] {
        terms[at].types("w").shows("is watched (running now)");
    }
    let mut deaf = on_the_run(ci.setup("osc9"));
    ci.is_asked(2 * terms.len());
    assert!(terms.iter().all(|term| heard(&term.bytes()).is_empty()), "nothing has happened yet");
    ci.stands("failed");
    let began = Instant::now();
    while terms[1..].iter().any(|term| heard(&term.bytes()).is_empty()) {
        assert!(began.elapsed() < LONG, "it never rang:\n{}", terms.iter().map(Term::contents).collect::<Vec<_>>().join("\n"));
        std::thread::sleep(Duration::from_millis(20));
    }
    // What must not ring, or not again, has time to.
    ci.is_asked(3 * terms.len());
    terms[0].shows("failed");
    let told: Vec<Vec<String>> = terms.iter().map(|term| heard(&term.bytes())).collect();
    let one = |told: &[String], begins: &str, ends: &str| matches!(told, [one] if one.starts_with(begins) && one.ends_with(ends));
    assert!(told[0].is_empty(), "{told:?}");
    assert_eq!(told[1], ["bell"]);
    assert!(one(&told[2], "9;Pilothouse: ", ": running → failed") && !told[2][0].contains(['^', '%']), "{told:?}");
    assert!(one(&told[3], "777;notify;Pilothouse;", ": running → failed") && told[3][0].matches(';').count() == 3, "{told:?}");
    assert!(one(&told[4], "tmux;^^]9;Pilothouse: ", ": running → failed%") && told[4][0].matches(['^', '%']).count() == 3, "{told:?}");
    deaf.shows("failed");
    assert!(heard(&deaf.bytes()).is_empty(), "it watches nothing");
    deaf.quits();
}
