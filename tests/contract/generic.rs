//! `kind = "http"` against systems that we play ourselves: Buildkite, CircleCI, Drone, Woodpecker, Azure Pipelines, and one that nobody knows.

mod stand_in;
mod world;

use crate::github::seen::Seen;
use pilothouse::{
    domain::{Feed, FeedKind, Run, RunStatus},
    sources::{Source, SourceError},
};
use serde_json::json;
use stand_in::{Server, serve, source, told};
use std::{
    process::Command,
    sync::{Arc, Mutex},
};
use world::{Build, System};

const ALL: [System; 5] = [System::Buildkite, System::CircleCi, System::Drone, System::Woodpecker, System::Azure];

/// How each of them says: begins, runs, waits, succeeded, failed, cancelled.
fn words(system: System) -> [(&'static str, Option<&'static str>); 6] {
    match system {
        System::Buildkite => [("scheduled", None), ("running", None), ("blocked", None), ("passed", None), ("failed", None), ("canceled", None)],
        System::CircleCi => [("none", None), ("running", None), ("on_hold", None), ("success", None), ("failed", None), ("canceled", None)],
        System::Drone => [("pending", None), ("running", None), ("blocked", None), ("success", None), ("failure", None), ("killed", None)],
        System::Woodpecker => [("pending", None), ("running", None), ("blocked", None), ("success", None), ("error", None), ("killed", None)],
        System::Azure => [
            ("notStarted", None),
            ("inProgress", None),
            ("postponed", None),
            ("completed", Some("succeeded")),
            ("completed", Some("failed")),
            ("completed", Some("canceled")),
        ],
        System::Own => [("q", None), ("r", None), ("w", None), ("s", None), ("f", None), ("c", None)],
    }
}

/// Follows the one run until it stands so.
async fn stands(seen: &mut Seen, number: u64, word: &str) -> Run {
    seen.until(word, |seen| seen.run(number).filter(|run| &*run.status.word() == word).cloned()).await
}

#[tokio::test]
async fn a_run_is_followed_from_the_queue_to_its_end() {
    for system in ALL {
        let [begins, runs, waits, succeeded, ..] = words(system);
        let server = Server::of(system, vec![Build::over(1, succeeded.0, succeeded.1), Build::new(2, begins.0)]);
        let source = server.source("");
        let mut seen = Seen::new(&source, Feed::Runs);
        let queued = stands(&mut seen, 2, "queued").await;
        assert_eq!(
            (queued.repository.raw(), &*queued.title, queued.branch.raw(), queued.commit.raw()),
            ("acme/cart", "Change 2", "main", "c0ffee2"),
            "{system:?}"
        );
        assert_eq!((queued.started, queued.ended), (None, None), "{system:?}");
        assert!(queued.created.is_some() && queued.actor.eq_ignore_ascii_case("kim"), "{system:?}: {queued:?}");
        let before = stands(&mut seen, 1, "ok").await;
        assert_eq!(before.usual, if system == System::CircleCi { Some(305) } else { Some(300) }, "{system:?}: it is known how long it takes");
        assert!(before.url.starts_with("https://") && !before.workflow.is_empty(), "{system:?}: {before:?}");
        server.with(|world| world.build(2).becomes(runs.0, runs.1));
        let running = stands(&mut seen, 2, "running").await;
        assert!(running.started.is_some() && running.ended.is_none(), "{system:?}: {running:?}");
        server.with(|world| world.build(2).becomes(waits.0, waits.1));
        let waiting = stands(&mut seen, 2, "waiting").await;
        assert!(matches!(&waiting.status, RunStatus::Waiting(why) if !why.is_empty()), "{system:?}: {waiting:?}");
        let [.., failed, _] = words(system);
        server.with(|world| world.build(2).ends(failed.0, failed.1));
        let over = stands(&mut seen, 2, "failed").await;
        assert!(over.ended > over.started && seen.whole && seen.runs.len() == 2, "{system:?}: {over:?}");
        let [.., cancelled] = words(system);
        server.with(|world| world.builds.push(Build::over(3, cancelled.0, cancelled.1)));
        stands(&mut seen, 3, "cancelled").await;
        server.with(|world| world.builds.retain(|build| build.number != 1));
        seen.until("that one is gone", |seen| (seen.run(1).is_none() && seen.runs.len() == 2).then_some(())).await;
        seen.look().await;
        seen.look().await;
        let told = server.with(|world| world.asked.clone());
        assert!(told.iter().any(|(_, status)| *status == 304) && told.iter().all(|(_, status)| [200, 304].contains(status)), "{system:?}: {told:?}");
    }
}

#[tokio::test]
async fn it_says_that_it_tells_runs_and_nothing_else() {
    let server = Server::of(System::Drone, vec![Build::over(1, "success", None)]);
    let source = server.source("");
    let offers = source.offers();
    assert_eq!((offers.feeds, offers.verbs.len()), ([FeedKind::Runs].into(), 0));
    assert!(offers.lacks.iter().any(|words| words.starts_with("runs only:")), "{:?}", offers.lacks);
    let run = Seen::new(&source, Feed::Runs).until("the run", |seen| seen.run(1).cloned()).await;
    let error = Seen::new(&source, Feed::Jobs(run.id)).error().await;
    assert!(matches!(&error, SourceError::Unsupported(words) if words.contains("Drone")), "{error}");
}

#[tokio::test]
async fn what_can_not_be_read_is_counted_and_loses_nothing_else() {
    let odd = |number, state, odd| Build { odd, ..Build::over(number, state, None) };
    let nulls = json!({ "message": null, "branch": null, "commit": null, "creator": null, "pipeline": null, "created_at": null, "web_url": null });
    let builds = vec![
        odd(1, "passed", json!({ "id": null, "number": null })),
        odd(2, "passed", json!({ "finished_at": "yesterday" })),
        odd(3, "frozen", json!({})),
        odd(4, "passed", nulls),
        odd(5, "passed", json!({ "state": null })),
        odd(6, "passed", json!({ "pipeline": "cart" })),
        Build::over(7, "failed", None),
    ];
    let server = Server::of(System::Buildkite, builds);
    let source = server.source("");
    let mut seen = Seen::new(&source, Feed::Runs);
    seen.until("the list", |seen| seen.whole.then_some(())).await;
    let word = |number| seen.run(number).map(|run| run.status.word().to_string());
    assert_eq!([2, 3, 4, 5, 7].map(word), ["ok", "frozen", "ok", "no status", "failed"].map(|word| Some(word.to_owned())));
    assert_eq!((seen.runs.len(), word(6)), (5, None));
    assert_eq!(seen.run(3).map(|run| run.status.clone()), Some(RunStatus::Unknown("frozen".into())));
    let lacks = source.offers().lacks;
    assert!(lacks.iter().any(|words| words.starts_with("2 of 7 records can not be read as runs; the first: ")), "{lacks:?}");
    assert!(
        lacks.iter().any(|words| words.starts_with("1 of 7 runs have a time that can not be read; the first: `ended` is no time: \"yesterday\"")),
        "{lacks:?}"
    );
    server.with(|world| world.builds.retain(|build| build.number > 2 && build.number != 6));
    seen.until("the rest", |seen| (seen.runs.len() == 4).then_some(())).await;
    assert_eq!(source.offers().lacks.len(), 1, "what is mended is lacking no more: {:?}", source.offers().lacks);

    server.with(|world| world.builds = vec![odd(1, "passed", json!({ "id": null, "number": null }))]);
    let error = seen.error().await;
    assert!(matches!(&error, SourceError::Protocol(words) if words.contains("1 of 1 records can not be read as runs; the first: it has no id")), "{error}");
}

#[tokio::test]
async fn it_waits_for_as_long_as_it_is_asked_to() {
    let server = Server::of(System::CircleCi, vec![Build::over(1, "success", None)]);
    let source = server.source("");
    server.with(|world| world.refusal = Some((429, vec![("retry-after", "5".into())], "{\"message\":\"slow down\"}")));
    let began = jiff::Timestamp::now();
    let error = Seen::new(&source, Feed::Runs).error().await;
    let SourceError::RateLimited { until, words } = &error else { panic!("{error}") };
    assert!(until.duration_since(began).as_secs() >= 5 && words.contains("slow down"), "{until} {words}");
    let again = Seen::new(&source, Feed::Runs).error().await;
    assert!(matches!(again, SourceError::RateLimited { .. }), "{again}");
    assert_eq!(server.with(|world| world.asked.len()), 1, "nothing is sent meanwhile");
    server.with(|world| world.refusal = None);
    tokio::time::sleep(std::time::Duration::try_from(until.duration_since(jiff::Timestamp::now())).unwrap_or_default()).await;
    Seen::new(&source, Feed::Runs).until("the list", |seen| seen.whole.then_some(())).await;
}

#[tokio::test]
async fn it_rests_where_an_answer_asks_for_it() {
    let server = Server::of(System::Azure, vec![Build::new(1, "inProgress")]);
    server.with(|world| world.says = vec![("retry-after", "3".into())]);
    let source = server.source("");
    let mut seen = Seen::new(&source, Feed::Runs);
    stands(&mut seen, 1, "running").await;
    let began = std::time::Instant::now();
    server.with(|world| world.build(1).ends("completed", Some("succeeded")));
    stands(&mut seen, 1, "ok").await;
    assert!(began.elapsed() > std::time::Duration::from_secs(2), "it was asked again after {:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_left_of_the_limit_is_told_and_the_rest_of_it_is_left_to_others() {
    let server = Server::of(System::Buildkite, vec![Build::new(1, "running")]);
    let limit = |left: &str| vec![("ratelimit-limit", "200".into()), ("ratelimit-remaining", left.to_owned()), ("ratelimit-reset", "40".into())];
    server.with(|world| world.says = limit("163"));
    let source = server.source("");
    let mut seen = Seen::new(&source, Feed::Runs);
    seen.until("the list", |seen| seen.whole.then_some(())).await;
    assert_eq!(source.offers().budget.as_deref(), Some("163 left"));
    server.with(|world| world.says = limit("12"));
    let error = seen.error().await;
    let SourceError::RateLimited { until, words } = &error else { panic!("{error}") };
    let wait = until.duration_since(jiff::Timestamp::now()).as_secs();
    assert!(words.contains("12 of 200 requests are left") && (1..=40).contains(&wait), "{words} {wait}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_named_with_its_remedy() {
    for system in ALL {
        let server = Server::of(system, Vec::new());
        let refused = source(&server.table("").replace("t0ken", "stale"));
        let error = Seen::new(&refused, Feed::Runs).error().await;
        let SourceError::Denied(words) = &error else { panic!("{system:?}: {error}") };
        assert!(words.contains("does not accept the token of the program echo") && words.contains(". It takes "), "{system:?}: {words}");
        assert!(!words.contains("stale"), "{system:?}: {words}");
        let nobody = source(&server.table("").replace("token_command = ['echo', 't0ken']", ""));
        let error = Seen::new(&nobody, Feed::Runs).error().await;
        assert!(matches!(&error, SourceError::Denied(words) if words.contains("wants a login") && words.contains("token_env")), "{system:?}: {error}");
        assert!(nobody.offers().lacks.iter().any(|words| words.starts_with("no token")));
    }
}

/// What came to another server: its headers.
fn elsewhere(answer: &'static str, kind: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let came = Arc::new(Mutex::new(Vec::new()));
    let own = came.clone();
    let url = serve(move |_, request| {
        own.lock().expect("no panic").push(format!("{:?}", request.headers()));
        told(200, &[("content-type", kind.into())], answer)
    });
    (url, came)
}

#[tokio::test]
async fn a_token_does_not_follow_to_another_server() {
    for system in ALL.into_iter().chain([System::Own]) {
        let server = Server::of(system, Vec::new());
        let (url, came) = elsewhere("<html>Sign in</html>", "text/html");
        server.with(|world| world.refusal = Some((302, vec![("location", format!("{url}/signin"))], "")));
        let source = server.source(if system == System::Own { "runs = '.'" } else { "" });
        let error = Seen::new(&source, Feed::Runs).error().await;
        assert!(matches!(&error, SourceError::Denied(words) if words.contains("does not accept the token of the program echo")), "{system:?}: {error}");
        let came = came.lock().expect("no panic");
        assert!(!came.is_empty() && came.iter().all(|headers| !headers.contains("t0ken") && !headers.contains("OnQwa2Vu")), "{system:?}: {came:?}");
    }
}

#[tokio::test]
async fn pages_are_read_until_there_are_enough() {
    for system in ALL {
        let [.., succeeded, _, _] = words(system);
        // Three pages of ten; of a system that is asked for so many at once, its own largest page.
        let server = Server::of(system, (1..=120).map(|number| Build::over(number, succeeded.0, succeeded.1)).collect());
        let (page, newest) = if matches!(system, System::Drone | System::Woodpecker) { (100, 60) } else { (10, 25) };
        server.with(|world| world.page = page);
        let source = server.source(&format!("newest = {newest}"));
        let mut seen = Seen::new(&source, Feed::Runs);
        seen.until("as many as are wanted", |seen| (seen.whole && seen.runs.len() == newest).then_some(())).await;
        let mut numbers: Vec<u64> = seen.runs.values().map(|run| run.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (121 - newest as u64..=120).collect::<Vec<_>>(), "{system:?}");
        let lists = server.with(|world| world.asked.iter().filter(|(path, _)| !path.ends_with("/workflow")).map(|(path, _)| path.clone()).collect::<Vec<_>>());
        let first: Vec<&String> = lists
            .iter()
            .take_while({
                let mut times = 0;
                let first = lists[0].clone();
                move |path| {
                    times += usize::from(**path == first);
                    times < 2
                }
            })
            .collect();
        assert_eq!(first.len(), if system == System::Woodpecker { 2 } else { 3 }, "{system:?}: {first:#?}");
    }
}

#[tokio::test]
async fn of_pipelines_with_workflows_only_those_are_asked_again_that_may_be_others() {
    let mut builds: Vec<Build> = (1..=15).map(|number| Build::over(number, "success", None)).collect();
    builds.push(Build::new(16, "running"));
    let server = Server::of(System::CircleCi, builds);
    let source = server.source("");
    let mut seen = Seen::new(&source, Feed::Runs);
    seen.until("all", |seen| (seen.runs.len() == 16).then_some(())).await;
    server.with(|world| world.asked.clear());
    for _ in 0..3 {
        seen.look().await;
    }
    let asked = server.with(|world| world.asked.clone());
    let of = |number: u64| asked.iter().filter(|(path, _)| path.ends_with(&format!("/p-{number}/workflow"))).count();
    let lists = asked.iter().filter(|(path, _)| path.ends_with("/pipeline")).count();
    assert!(lists >= 3 && of(16) >= 3 && (1..=15).map(of).sum::<usize>() <= lists, "what runs each time, and one of the others: {asked:#?}");
    server.with(|world| {
        world.build(16).ends("success", None);
        world.build(3).becomes("running", None);
        world.build(3).ended = None;
    });
    stands(&mut seen, 16, "ok").await;
    stands(&mut seen, 3, "running").await;
}

#[tokio::test]
async fn a_mapping_of_ones_own_needs_no_preset() {
    let server = Server::of(System::Own, vec![Build::new(41, "r"), Build::new(42, "s")]);
    let runs = "runs = '''\n.list[] | { id: .nr, workflow: \"nightly\", title: .what, created: .when,\n  status: ({ r: \"running\", s: \"success\" }[.how] // .how) }'''\nquery = { limit = '50' }";
    let source = server.source(runs);
    assert!(source.id().as_str().starts_with("http/127.0.0.1:"), "{}", source.id());
    let mut seen = Seen::new(&source, Feed::Runs);
    let run = stands(&mut seen, 41, "running").await;
    assert_eq!((run.repository.raw(), &*run.workflow, &*run.title, run.id.key()), ("acme/cart", "nightly", "Change 41", "41"));
    stands(&mut seen, 42, "ok").await;
    server.with(|world| world.build(41).becomes("lost", None));
    stands(&mut seen, 41, "lost").await;
    assert!(server.with(|world| world.asked.iter().all(|(path, _)| path == "/api/list?limit=50")));
}

/// Watches with an expression that does not end by itself: the words that end it.
async fn runaway(source: &Arc<dyn Source>) -> String {
    let error = Seen::new(source, Feed::Runs).error().await;
    assert!(matches!(error, SourceError::Protocol(_)), "{error}");
    error.to_string()
}

#[tokio::test]
async fn an_expression_that_does_not_end_is_ended_and_left_alone_for_a_while() {
    for (code, why) in [
        ("def f: f; f", "of the processor"),
        ("[range(1e12)]", "the expression was ended: it took more than"),
        ("def f: \"\" + f; f", "goes too deep"),
        ("def d: . + .; \"0123456789\" | d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d", "more than 512 MiB"),
        ("range(999) | { id: ., title: (\"0123456789\" * 1000) }", "more than 4 MiB come of it"),
        ("halt", "ended early"),
    ] {
        let server = Server::of(System::Own, vec![Build::new(1, "r")]);
        let source = server.source(&format!("runs = '{code}'"));
        let words = runaway(&source).await;
        assert!(words.contains(why), "{code}: {words}");
        let sent = server.with(|world| world.asked.len());
        assert_eq!(runaway(&source).await, words, "{code}");
        assert_eq!(server.with(|world| world.asked.len()), sent, "{code}: nothing is asked that nobody can read");
    }
}

#[tokio::test]
async fn more_than_a_list_can_have_is_cut_and_said() {
    let server = Server::of(System::Own, vec![Build::new(1, "r")]);
    let source = server.source("runs = 'repeat(1) | { id: 1 }'");
    let mut seen = Seen::new(&source, Feed::Runs);
    seen.until("the run", |seen| seen.run(1).cloned()).await;
    let lacks = source.offers().lacks;
    assert!(lacks.iter().any(|words| words.contains("more than 1000 came of one answer")), "{lacks:?}");
}

#[tokio::test]
async fn an_expression_sees_nothing_but_the_answer() {
    let server = Server::of(System::Own, vec![Build::new(1, "r")]);
    let source = server.source("runs = '{ id: 1, title: (env | tostring) }'");
    let run = Seen::new(&source, Feed::Runs).until("the run", |seen| seen.run(1).cloned()).await;
    assert_eq!(&*run.title, "{}");
}

/// The program itself finds the program that runs expressions: itself.
#[test]
fn the_program_follows_a_run_of_such_a_source() {
    let server = Server::of(System::Drone, vec![Build::over(6, "success", None), Build::over(7, "failure", None)]);
    let home = tempfile::tempdir().expect("a folder");
    let config = home.path().join("config.toml");
    std::fs::write(&config, format!("[[source]]\n{}", server.table(""))).expect("a file of ours");
    let run = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
        program.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).arg("--config").arg(&config).args(arguments);
        let out = program.output().expect("it runs");
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
    };
    let (code, said) = run(&["--timeout", "100s", "watch", "6"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["--timeout", "100s", "watch", "7"]);
    assert_eq!(code, Some(1), "{said}");
    let (code, said) = run(&["config", "check"]);
    assert_eq!(code, Some(0), "{said}");
    std::fs::write(&config, format!("[[source]]\n{}", server.table("runs = '.'"))).expect("a file of ours");
    let (code, said) = run(&["config", "check"]);
    assert!(code == Some(78) && said.contains("config.toml:7:8") && said.contains("a preset has this itself"), "{code:?} {said}");
}
