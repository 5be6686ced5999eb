//! A team's journal in a real PostgreSQL.

mod base;
mod cut;
mod face;

use crate::door::Door;
use base::{Base, SERVER, client, left_in, server, sound, texts, who, write};
use cut::{Cut, Fault};
use pilothouse::{
    domain::OpId,
    journal::{Body, Broken, Ends, Exact, Flaw, Here, Intent, Journal, JournalError, Life, Origin, Subject, Taken, Unsound},
};
use std::{
    collections::BTreeMap,
    process::Command,
    sync::{
        Barrier, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::task::block_in_place;

const PATIENCE: Duration = Duration::from_secs(60);

fn intent(op: &str) -> Body {
    Body::Intent(Box::new(Intent {
        op: OpId::restore(op),
        plan: "roll back cart in production to 2.7.3 r41".into(),
        environment: "production".into(),
        tier: "production".into(),
        service: "cart".into(),
        subject: Subject { id: Exact::new("kubernetes/prod#u-1"), uid: Exact::new("u-1"), title: "cart in production".into() },
        verb: "roll back".into(),
        from: Origin { uid: Exact::new("u-1"), template: Exact::new("aaaa"), paused: false, revision: None },
        to: None,
        reason: "it's on fire; the caf\u{e9} too".into(),
        confirmation: "typed name".into(),
        params_hash: "c0ffee".into(),
        step: 1,
        steps: 1,
        command: "kubectl rollout undo deployment/cart --to-revision=41".into(),
        ends: Ends::AtVerdict,
        stood: None,
    }))
}

/// Who answers for each open operation, as a console on this machine finds it.
fn open(journal: &Journal) -> Vec<(String, u32, Life)> {
    let open = journal.open_intents(&Here { host: "elsewhere".into(), boot_id: "b00t".into() }).expect("reads");
    open.into_iter().map(|open| (open.intent.op.to_string(), open.who.pid, open.life)).collect()
}

#[test]
fn what_one_console_writes_another_reads() {
    let Some(base) = Base::new("shared") else { return };
    let (one, other) = (base.journal(), base.journal());
    assert_eq!((texts(&other), open(&other), sound(&other).entries), (Vec::new(), Vec::new(), 0), "there is no table yet");
    assert_eq!(base.sql("SELECT to_regclass('pilothouse_journal') IS NULL"), "t", "who only reads makes none");
    assert_eq!(write(&one, "o'ne \\ caf\u{e9}").expect("writes").seq(), 1);
    assert_eq!(one.append(jiff::Timestamp::now(), &who(7), &intent("7f3a-1")).expect("writes").seq(), 2);
    assert_eq!(open(&other), [("7f3a-1".to_owned(), 7, Life::Elsewhere)]);
    let third = write(&other, "three").expect("writes");
    assert_eq!((third.seq(), texts(&one)), (3, vec!["o'ne \\ caf\u{e9}".to_owned(), "three".to_owned()]));
    assert_eq!((sound(&one).entries, sound(&one).head.as_str()), (3, third.hash()));
    one.writable().expect("it can be written");
    assert_eq!(base.sql("SELECT count(*), max(seq) FROM pilothouse_journal"), "3|3", "whether it can be written is no entry");
    // They are the very lines of a file.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("journal.jsonl"), base.sql("SELECT line FROM pilothouse_journal ORDER BY seq") + "\n").expect("a file of ours");
    assert_eq!(pilothouse::journal::verify(folder.path()).expect("whole").head, third.hash());
}

#[test]
fn many_at_once_make_one_chain() {
    let Some(base) = Base::new("many") else { return };
    let go = Barrier::new(8);
    thread::scope(|scope| {
        for writer in 0..8 {
            let (base, go) = (&base, &go);
            scope.spawn(move || {
                let journal = base.journal();
                go.wait();
                for i in 0..10 {
                    let _ = write(&journal, &format!("{writer}.{i}")).unwrap_or_else(|error| panic!("{writer}.{i}: {error}"));
                }
            });
        }
    });
    let mut written = texts(&base.journal());
    written.sort_unstable();
    written.dedup();
    assert_eq!((sound(&base.journal()).entries, written.len()), (80, 80), "no entry is lost and none is written twice");
}

#[test]
fn of_two_that_take_an_operation_exactly_one_has_it_and_both_know_who() {
    let Some(base) = Base::new("taken") else { return };
    let _ = base.journal().append(jiff::Timestamp::now(), &who(7), &intent("7f3a-1")).expect("writes");
    let go = Barrier::new(2);
    let holders: Vec<u32> = thread::scope(|scope| {
        let take = |pid| {
            let (base, go) = (&base, &go);
            move || {
                let journal = base.journal();
                let taken = Body::Taken(Taken { op: OpId::restore("7f3a-1") });
                go.wait();
                let _ = journal.append(jiff::Timestamp::now(), &who(pid), &taken).expect("writes");
                go.wait();
                open(&journal)[0].1
            }
        };
        let both = [scope.spawn(take(8)), scope.spawn(take(9))];
        both.map(|one| one.join().expect("no panic")).to_vec()
    });
    assert!(holders[0] == holders[1] && [8, 9].contains(&holders[0]), "{holders:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_told_as_what_it_is_and_never_sent_twice() {
    let Some(base) = Base::new("lost") else { return };
    let wire = Cut::before(&server()).await;
    let journal = base.by(&base.url("lab", &wire.address));
    let _ = block_in_place(|| write(&journal, "first")).expect("writes");
    for (fault, there) in [(Fault::Before, false), (Fault::After, true), (Fault::Meanwhile, true), (Fault::Silent, true)] {
        let (text, commits) = (format!("{fault:?}"), wire.commits());
        wire.next(fault);
        match block_in_place(|| write(&journal, &text)) {
            Ok(_) => assert!(there, "{fault:?}"),
            Err(error) => assert!(!there && error.to_string().contains("was not written"), "{fault:?}: {error}"),
        }
        let found = base.sql(&format!("SELECT count(*) FROM pilothouse_journal WHERE line LIKE '%\"{text}\"%'"));
        assert_eq!((found, wire.commits()), (usize::from(there).to_string(), commits + 1), "{fault:?}");
    }
    let last = block_in_place(|| write(&journal, "last")).expect("writes");
    assert_eq!((last.seq(), block_in_place(|| sound(&journal)).entries), (5, 5));
}

/// Killed hard, again and again, while others write: what was said to be written is there, once, and what was said not to be is not.
#[test]
fn a_server_that_is_killed_loses_nothing_that_was_said_to_be_written() {
    if !left_in() {
        return;
    }
    let _alone = SERVER.write().unwrap_or_else(PoisonError::into_inner);
    let base = Base::alone("killed");
    let over = AtomicBool::new(false);
    let written = |wanted: &str| base.sql(&format!("SELECT count(*) >= {wanted} FROM pilothouse_journal")) == "t";
    let told: Vec<(String, Result<u64, JournalError>)> = thread::scope(|scope| {
        let writer = |name: usize| {
            let (base, over) = (&base, &over);
            move || {
                let journal = base.journal();
                let numbers = (0..).take_while(|_| !over.load(Ordering::Relaxed));
                numbers.map(|i| format!("w{name}.{i}.")).map(|text| (text.clone(), write(&journal, &text).map(|written| written.seq()))).collect::<Vec<_>>()
            }
        };
        let writers: Vec<_> = (0..4).map(|name| scope.spawn(writer(name))).collect();
        let began = Instant::now();
        while base.sql("SELECT to_regclass('pilothouse_journal') IS NULL") == "t" {
            assert!(began.elapsed() < PATIENCE);
        }
        for round in 1..=2 {
            let wanted = format!("{}", round * 20);
            while !written(&wanted) {
                assert!(began.elapsed() < PATIENCE, "nobody writes any more");
            }
            ctl("kill");
            ctl("start");
        }
        while !written("60") {
            assert!(began.elapsed() < PATIENCE, "nobody writes any more");
        }
        over.store(true, Ordering::Relaxed);
        writers.into_iter().flat_map(|writer| writer.join().expect("no panic")).collect()
    });
    let mut there: BTreeMap<String, usize> = BTreeMap::new();
    texts(&base.journal()).into_iter().for_each(|text| *there.entry(text).or_default() += 1);
    for (text, told) in &told {
        let count = there.get(text).copied().unwrap_or_default();
        match told {
            Ok(_) => assert_eq!(count, 1, "{text}"),
            Err(JournalError::Unsure { .. }) => assert!(count <= 1, "{text}"),
            Err(error) => assert_eq!(count, 0, "{text}: {error}"),
        }
    }
    assert!(told.iter().any(|(_, told)| told.is_err()), "it was killed while they wrote");
    assert_eq!(sound(&base.journal()).entries as usize, there.len());
}

fn ctl(verb: &str) {
    let lab = |name| std::env::var(name).expect("lab.env sets it");
    let out = Command::new(lab("LAB_CTL")).args([&lab("PILOTHOUSE_LAB"), verb, "postgres"]).output().expect("it runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn a_row_that_was_changed_is_found() {
    let Some(base) = Base::new("changed") else { return };
    let journal = base.journal();
    for text in ["one", "two", "three", "four"] {
        let _ = write(&journal, text).expect("writes");
    }
    base.sql("CREATE TABLE kept AS SELECT * FROM pilothouse_journal");
    for (harm, seq, why) in [
        ("UPDATE pilothouse_journal SET line = replace(line, 'two', 'six') WHERE seq = 2", 2, Flaw::Altered),
        ("DELETE FROM pilothouse_journal WHERE seq = 2", 2, Flaw::Misplaced { found: 3 }),
        ("DELETE FROM pilothouse_journal WHERE seq = 1", 1, Flaw::Misplaced { found: 2 }),
        ("INSERT INTO pilothouse_journal SELECT 9, line FROM kept WHERE seq = 2", 5, Flaw::Misplaced { found: 2 }),
        ("UPDATE pilothouse_journal SET line = (SELECT line FROM kept WHERE seq = 3) WHERE seq = 2", 2, Flaw::Misplaced { found: 3 }),
        ("UPDATE pilothouse_journal SET line = line || E'\\n' WHERE seq = 3", 4, Flaw::Altered),
    ] {
        base.sql(harm);
        match journal.verify() {
            Err(Unsound::Broken(Broken { seq: found, why: flaw, file, .. })) => {
                assert_eq!((found, flaw), (seq, why), "{harm}");
                assert!(file.ends_with(&base.name), "{file}");
            }
            other => panic!("{harm}: {other:?}"),
        }
        base.sql("DELETE FROM pilothouse_journal; INSERT INTO pilothouse_journal SELECT * FROM kept");
    }
    assert_eq!(sound(&journal).entries, 4);
    base.sql("UPDATE pilothouse_journal SET line = replace(line, 'four', 'five') WHERE seq = 4");
    let error = write(&journal, "on top").expect_err("nothing is added to what was changed").to_string();
    assert!(error.contains("row 4 is not what was written"), "{error}");
    assert!(matches!(journal.writable(), Err(JournalError::Changed { row: 4, .. })));
    base.sql("UPDATE pilothouse_journal SET line = '{\"v\":2,\"seq\":4}' WHERE seq = 4");
    assert!(matches!(write(&journal, "on top"), Err(JournalError::Newer { version: 2, .. })));
    assert_eq!(base.sql("SELECT count(*) FROM pilothouse_journal"), "4");
}

#[test]
fn a_table_that_was_replaced_is_read_anew() {
    let Some(base) = Base::new("replaced") else { return };
    let (journal, other) = (base.journal(), base.journal());
    let _ = journal.append(jiff::Timestamp::now(), &who(7), &intent("7f3a-1")).expect("writes");
    assert_eq!(open(&journal).len(), 1);
    base.sql("DROP TABLE pilothouse_journal");
    assert!(open(&journal).is_empty(), "what is gone is not remembered");
    let _ = other.append(jiff::Timestamp::now(), &who(8), &intent("7f3a-2")).expect("writes");
    assert_eq!(open(&journal), [("7f3a-2".to_owned(), 8, Life::Elsewhere)]);
}

#[test]
fn select_and_insert_are_enough_and_less_is_told_with_its_remedy() {
    let Some(base) = Base::new("rights") else { return };
    let [writer, reader, nobody] = ["writer", "reader", "nobody"].map(|about| base.role(about));
    base.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let by = |role: &str| base.by(&base.url(role, &server()));
    let error = write(&by(&writer), "x").expect_err("it may not make the table").to_string();
    let remedy =
        format!("CREATE TABLE pilothouse_journal (seq bigint PRIMARY KEY, line text NOT NULL); GRANT SELECT, INSERT ON pilothouse_journal TO {writer}");
    assert!(error.contains(&remedy), "{error}");
    base.sql(&remedy);
    base.sql(&format!("GRANT SELECT ON pilothouse_journal TO {reader}"));
    by(&writer).writable().expect("it may");
    assert_eq!(write(&by(&writer), "one").expect("writes").seq(), 1);
    assert_eq!((texts(&by(&writer)), sound(&by(&writer)).entries), (vec!["one".to_owned()], 1));
    assert_eq!(texts(&by(&reader)), ["one"], "who may read reads");
    let grant = |role: &str| format!("GRANT SELECT, INSERT ON pilothouse_journal TO {role}");
    for error in [by(&reader).writable().expect_err("may not"), write(&by(&reader), "x").map(|_| ()).expect_err("may not")] {
        assert!(error.to_string().contains(&grant(&reader)), "{error}");
    }
    let error = by(&nobody).writable().expect_err("may not").to_string();
    assert!(error.contains(&grant(&nobody)), "{error}");
    for change in ["UPDATE pilothouse_journal SET line = ''", "DELETE FROM pilothouse_journal", "TRUNCATE pilothouse_journal"] {
        let out = base::run_as(&writer, &base.name, change);
        assert!(out.contains("permission denied"), "{change}: {out}");
    }
    assert_eq!(base.sql("SELECT count(*) FROM pilothouse_journal"), "1");
}

#[test]
fn a_password_that_is_wrong_or_missing_is_told_with_where_it_comes_from() {
    let Some(base) = Base::new("password") else { return };
    let role = base.role("changed");
    base.sql(&format!("ALTER ROLE {role} PASSWORD 'of their own'"));
    let url = base.url(&role, &server());
    let wrong = base.by(&url).writable().expect_err("it is wrong").to_string();
    assert!(wrong.contains("password authentication failed") && wrong.contains("password_command"), "{wrong}");
    let missing = Journal::shared(base.home.path(), pilothouse::config::Database::parse(&url).expect("a URL"), "").writable().expect_err("nobody has one");
    assert!(missing.to_string().contains("the server wants a password") && missing.to_string().contains("PGPASSFILE"), "{missing}");
    let secret = std::env::var("LAB_POSTGRES_PASSWORD").expect("lab.env sets it");
    assert!(!wrong.contains(&secret));
}

#[test]
fn who_holds_the_lock_for_too_long_is_named() {
    let Some(base) = Base::new("held") else { return };
    let journal = base.journal();
    let _ = write(&journal, "before").expect("writes");
    let lock = "SELECT pg_advisory_lock(8100124630752718709), pg_sleep(600)";
    let mut holder = client(&base.name).env("PGAPPNAME", "pilothouse bob@bastion, pid 4711").args(["-c", lock]).spawn().expect("psql is installed");
    let began = Instant::now();
    while base.sql(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    ) == "0"
    {
        assert!(began.elapsed() < PATIENCE);
    }
    let error = write(&journal, "x").expect_err("it is locked").to_string();
    assert_eq!(error, "journal: locked by pilothouse bob@bastion, pid 4711 for more than 1500 ms; look at that process, then try again");
    assert_eq!(texts(&journal), ["before"], "reading goes on");
    base.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()");
    holder.wait().expect("it ends");
    assert_eq!(write(&journal, "after").expect("writes").seq(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_and_goes_is_told_of_and_used_again() {
    let Some(base) = Base::new("away") else { return };
    let mut door = Door::before(&format!("http://{}", server())).await;
    door.shut().await;
    let journal = base.by(&base.url("lab", &door.address()));
    let error = block_in_place(|| write(&journal, "x")).expect_err("nobody is there").to_string();
    assert!(error.contains("Connection refused") && error.contains("PILOTHOUSE_JOURNAL_URL=file"), "{error}");
    assert!(error.contains(&format!("postgresql://lab@{}/{}", door.address(), base.name)), "{error}");
    door.reopen().await;
    // It is left in peace for a moment; then it is asked again by whoever comes.
    let began = Instant::now();
    while block_in_place(|| write(&journal, "first")).is_err() {
        assert!(began.elapsed() < PATIENCE);
    }
    // Every connection is ended, as by a restart: nobody notices.
    base.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    assert_eq!(block_in_place(|| write(&journal, "second")).expect("writes").seq(), 2);
    door.shut().await;
    door.reopen().await;
    assert_eq!(block_in_place(|| texts(&journal)), ["first", "second"]);
}

/// It takes the connection and says nothing: nobody waits for it for ever, nor one after the other.
#[test]
fn a_server_that_says_nothing_holds_nobody() {
    let Some(base) = Base::new("mute") else { return };
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let journal = base.by(&base.url("lab", &mute.local_addr().expect("an address").to_string()));
    let first = write(&journal, "x").expect_err("it says nothing").to_string();
    assert!(first.contains("no answer within 3 s") || first.contains("timeout"), "{first}");
    mute.set_nonblocking(true).expect("a socket");
    while mute.accept().is_ok() {}
    assert_eq!(write(&journal, "y").expect_err("it was asked a moment ago").to_string(), first);
    assert!(mute.accept().is_err(), "it is left in peace");
}

#[test]
fn a_connection_is_as_private_as_its_url_says() {
    let Some(base) = Base::new("private") else { return };
    let (server, lab) = (server(), |name| std::env::var(name).expect("lab.env sets it"));
    let (port, authority) = (server.rsplit(':').next().expect("a port"), lab("LAB_POSTGRES_CA"));
    let by = |place: &str, query: &str| base.by(&format!("{}{query}", base.url("lab", place)));
    let private = |journal: &Journal| {
        let _ = write(journal, "x").unwrap_or_else(|error| panic!("{error}"));
        base.sql("SELECT bool_or(ssl) FROM pg_stat_ssl JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'pilothouse%' AND a.datname = current_database()")
    };
    let (named, numbered) = (format!("localhost:{port}"), format!("127.0.0.1:{port}"));
    assert_eq!(private(&by(&numbered, "")), "f");
    assert_eq!(private(&by(&numbered, "?sslmode=prefer")), "t");
    assert_eq!(private(&by(&numbered, "?sslmode=require")), "t");
    assert_eq!(private(&by(&named, &format!("?sslmode=verify-full&sslrootcert={authority}"))), "t");
    let socket = format!("postgresql:///{}?user=lab&port={port}&host={}", base.name, lab("LAB_POSTGRES_SOCKET"));
    assert_eq!(private(&base.by(&socket)), "f");
    let refused = |journal: &Journal| write(journal, "x").map(|_| ()).expect_err("refused").to_string();
    let error = refused(&by(&numbered, &format!("?sslmode=verify-full&sslrootcert={authority}")));
    assert!(error.contains("not valid for name"), "{error}");
    let error = refused(&by(&named, "?sslmode=verify-full"));
    assert!(error.contains("UnknownIssuer") || error.contains("no certificate of this system"), "{error}");
    let error = refused(&by(&named, "?sslmode=verify-full&sslrootcert=/nowhere.pem"));
    assert!(error.contains("sslrootcert /nowhere.pem"), "{error}");
}
