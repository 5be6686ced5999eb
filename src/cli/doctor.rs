//! Configuration, reach, rights, clock and terminal, each with a remedy.

use super::{
    Failed,
    args::{Global, Output},
    exit::Exit,
    headless::Headless,
    start::{Prepared, depth, load},
};
use crate::{
    app::Known,
    domain::{Link, Trouble},
    journal::Journal,
};
use serde_json::json;

/// One thing that was looked at.
struct Looked {
    what: String,
    state: State,
    words: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Bad,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

fn looked(what: impl Into<String>, state: State, words: impl Into<String>) -> Looked {
    Looked { what: what.into(), state, words: words.into() }
}

/// Looks at everything and says what it found.
pub fn run(global: &Global, output: Output) -> Result<Exit, Failed> {
    let mut found = vec![terminal()];
    let exit = match load(global, depth()) {
        Err(failed) => {
            found.push(looked("configuration", State::Bad, failed.words));
            Exit::Config
        }
        Ok((paths, _)) => {
            found.push(looked(
                "configuration",
                State::Ok,
                format!("{}{}", paths.config().display(), if paths.config().exists() { "" } else { " is not there: the built-in values hold" }),
            ));
            found.push(journal(&paths.journal()));
            found.push(leaving());
            let mut reached = Vec::new();
            Prepared::of(global)?.block_on(|headless| async {
                reached = reach(headless).await;
                Ok(Exit::Yes)
            })?;
            found.extend(reached);
            if found.iter().any(|one| one.state == State::Bad) { Exit::No } else { Exit::Yes }
        }
    };
    tell(&found, output);
    Ok(exit)
}

fn tell(found: &[Looked], output: Output) {
    if output.json {
        let shape: Vec<_> = found.iter().map(|one| json!({ "what": one.what, "state": one.state.word(), "words": one.words })).collect();
        return println!("{:#}", json!({ "v": 1, "looked": shape }));
    }
    for one in found {
        println!("{:<5} {:<26} {}", one.state.word(), one.what, one.words);
    }
}

fn terminal() -> Looked {
    let term = std::env::var("TERM").unwrap_or_default();
    match term.as_str() {
        "" | "dumb" => looked("terminal", State::Warn, "TERM is dumb or not set: the console can not draw; status and print work"),
        _ => looked("terminal", State::Ok, format!("TERM={term}, colours: {:?}", depth())),
    }
}

fn journal(folder: &std::path::Path) -> Looked {
    match Journal::open(folder).and_then(|journal| journal.writable()) {
        Ok(()) => looked("journal", State::Ok, folder.display().to_string()),
        Err(error) => looked("journal", State::Bad, format!("{error}; without it nothing can be changed")),
    }
}

/// Whether the system ends a user's processes when the session drops: then nothing can finish what was confirmed.
fn leaving() -> Looked {
    let text = std::fs::read_to_string("/etc/systemd/logind.conf").unwrap_or_default();
    let kills = text.lines().map(str::trim).any(|line| line.eq_ignore_ascii_case("KillUserProcesses=yes"));
    if kills {
        return looked("dropped session", State::Warn, "KillUserProcesses=yes ends everything with the session: loginctl enable-linger keeps it");
    }
    looked("dropped session", State::Ok, "processes outlive the session")
}

/// Every source: what it says, what it lacks, and how far its clock is off.
async fn reach(mut headless: Headless) -> Vec<Looked> {
    headless.synced().await;
    let app = &headless.app;
    let mut found = Vec::new();
    for (id, known) in &app.sources {
        match known {
            Err(why) => found.push(looked(id.to_string(), State::Bad, why.words.to_string())),
            Ok(Known::Listed(words)) => found.push(looked(id.to_string(), State::Ok, format!("not connected: {words}"))),
            Ok(Known::Sought) => found.push(looked(id.to_string(), State::Warn, "is still looked for: try again with a longer --timeout")),
            Ok(Known::Absent(words)) => found.push(looked(id.to_string(), State::Warn, words.to_string())),
            Ok(Known::Ready(offers)) => {
                let feeds = app.store.feeds().iter().filter(|feed| feed.source == *id);
                let trouble = feeds.filter_map(|feed| match &feed.link {
                    Link::Retrying { why, .. } | Link::Refused { why, .. } => Some((feed.feed.kind(), why)),
                    Link::NotConnected | Link::Connecting | Link::Live { .. } => None,
                });
                let before = found.len();
                for (kind, why) in trouble {
                    let state = if why.trouble == Trouble::Unsupported { State::Warn } else { State::Bad };
                    found.push(looked(format!("{id} {kind:?}"), state, why.words.to_string()));
                }
                found.extend(offers.lacks.iter().chain(&offers.warnings).map(|words| looked(id.to_string(), State::Warn, words.to_string())));
                let well = (found.len() == before).then_some("answers");
                let words: Vec<&str> = well.into_iter().chain(offers.found.as_deref()).collect();
                if !words.is_empty() {
                    found.push(looked(id.to_string(), State::Ok, words.join("; ")));
                }
            }
        }
    }
    if app.sources.is_empty() {
        found.push(looked("sources", State::Warn, "no kubeconfig, no Docker socket, no git remote with a CI: pilothouse demo shows a simulated world"));
    }
    found
}
