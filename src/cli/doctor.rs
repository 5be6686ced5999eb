//! Configuration, reach, rights, clock and terminal, each with a remedy.

mod logind;

use super::{
    Failed,
    args::{Global, Output},
    exit::Exit,
    headless::{Headless, Unheard, word},
    out::say,
    start::{depth, load, open},
};
use crate::{app::Known, domain::Trouble};
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
    /// It was not seen, so nothing can be said of it.
    Unknown,
    Bad,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
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
        Ok((paths, loaded)) => {
            found.push(looked(
                "configuration",
                State::Ok,
                format!("{}{}", paths.config().display(), if paths.config().exists() { "" } else { " is not there: the built-in values hold" }),
            ));
            found.push(journal(&loaded.config.journal, &paths.journal()));
            found.push(leaving());
            let mut reached = Vec::new();
            super::demo::or_real(global)?.block_on(|headless| async {
                reached = reach(headless).await;
                Ok(Exit::Yes)
            })?;
            found.extend(reached);
            exit(&found)
        }
    };
    tell(&found, output);
    Ok(exit)
}

/// No if something is wrong, could not tell if something was not seen.
fn exit(found: &[Looked]) -> Exit {
    let any = |state| found.iter().any(|one| one.state == state);
    match (any(State::Bad), any(State::Unknown)) {
        (true, _) => Exit::No,
        (false, true) => Exit::Unknown,
        (false, false) => Exit::Yes,
    }
}

fn tell(found: &[Looked], output: Output) {
    if output.json {
        let shape: Vec<_> = found.iter().map(|one| json!({ "what": one.what, "state": one.state.word(), "words": one.words })).collect();
        return say!("{:#}", json!({ "v": 1, "looked": shape }));
    }
    for one in found {
        say!("{:<7} {:<26} {}", one.state.word(), one.what, one.words);
    }
}

fn terminal() -> Looked {
    let term = std::env::var("TERM").unwrap_or_default();
    match term.as_str() {
        "" | "dumb" => looked("terminal", State::Warn, "TERM is dumb or not set: the console can not draw; status and print work"),
        _ => looked("terminal", State::Ok, format!("TERM={term}, colours: {:?}", depth())),
    }
}

fn journal(table: &crate::config::Journal, folder: &std::path::Path) -> Looked {
    match open(table, folder, "doctor").and_then(|journal| journal.writable().map(|()| journal.place())) {
        Ok(place) => match table.database().and_then(|database| database.exposed()) {
            Some(words) => looked("journal", State::Warn, format!("{place}: {words}")),
            None => looked("journal", State::Ok, place.to_string()),
        },
        Err(error) => looked("journal", State::Bad, format!("{error}; without it nothing can be changed")),
    }
}

/// What becomes of a change when the session drops in the middle of it.
fn leaving() -> Looked {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    if logind::ends_processes(std::path::Path::new("/"), &user) {
        let words = "logind ends what a session has started with it (KillUserProcesses), and with it whoever sees a rollback through: what was sent stays \
                     sent, and B of the next console takes it up; `loginctl enable-linger` keeps it alive";
        return looked("dropped session", State::Warn, words);
    }
    let words =
        "a rollback whose console goes away is watched to its verdict by a process of its own; other changes stay sent, and B of the next console shows them";
    looked("dropped session", State::Ok, words)
}

/// Every source: what it says, what it lacks, and what of it was not told.
async fn reach(mut headless: Headless) -> Vec<Looked> {
    headless.synced().await;
    let mut found: Vec<Looked> = headless.unheard().iter().map(silent).collect();
    for (id, known) in &headless.app.sources {
        match known {
            Err(_) => {}
            Ok(Known::Listed(words)) => found.push(looked(id.to_string(), State::Ok, format!("not connected: {words}"))),
            Ok(Known::Sought) => found.push(looked(id.to_string(), State::Warn, headless.sought(id).to_string())),
            Ok(Known::Absent(words)) => found.push(looked(id.to_string(), State::Warn, words.to_string())),
            Ok(Known::Ready(offers)) => {
                let before = found.len();
                found.extend(offers.lacks.iter().chain(&offers.warnings).map(|words| looked(id.to_string(), State::Warn, words.to_string())));
                let heard = headless.app.store.feeds().iter().filter(|feed| feed.source == *id && feed.link.live()).map(|feed| word(feed.feed.kind()));
                let heard: std::collections::BTreeSet<&str> = heard.collect();
                let well = (found.len() == before && !heard.is_empty()).then(|| format!("answers: {}", heard.into_iter().collect::<Vec<_>>().join(", ")));
                let words: Vec<&str> = well.as_deref().into_iter().chain(offers.found.as_deref()).collect();
                if !words.is_empty() {
                    found.push(looked(id.to_string(), State::Ok, words.join("; ")));
                }
            }
        }
    }
    if headless.app.sources.is_empty() {
        found.push(looked("sources", State::Warn, "no kubeconfig, no Docker socket, no git remote with a CI: pilothouse demo shows a simulated world"));
    }
    found
}

/// A feed, or a whole source, that was not told.
fn silent(one: &Unheard) -> Looked {
    let state = match one.trouble {
        None => State::Unknown,
        Some(Trouble::Unsupported) if one.feed.is_some() => State::Warn,
        Some(_) => State::Bad,
    };
    looked(format!("{} {}", one.source, one.what()).trim(), state, one.why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FeedKind, SourceId};

    #[test]
    fn what_was_not_seen_is_never_green() {
        let one = |trouble| silent(&Unheard { source: SourceId::new("kubernetes/prod"), feed: Some(FeedKind::Workloads), why: "why".into(), trouble });
        let ok = || looked("journal", State::Ok, "");
        assert_eq!(exit(&[ok(), one(None)]), Exit::Unknown);
        assert_eq!(exit(&[ok(), one(Some(Trouble::Denied)), one(None)]), Exit::No);
        assert_eq!(exit(&[ok()]), Exit::Yes);
        assert_eq!((one(None).what.as_str(), one(None).state.word()), ("kubernetes/prod workloads", "unknown"));
    }
}
