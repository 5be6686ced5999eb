//! What the journal answers.

use super::*;
use crate::{
    domain::{Id, Operation, RevisionRef, Seen, Tier, Verb, Version},
    gate::{Demand, OnDisk},
    text::Raw,
};
use jiff::{SignedDuration, tz::TimeZone};

const SUBJECT: &str = "kubernetes/prod#u-1";

fn here() -> Here {
    Here { host: "bastion".into(), boot_id: "b00t".into() }
}

fn open(room: &Room) -> Vec<(String, State)> {
    let open = room.journal.open_intents(&here()).expect("reads");
    open.into_iter().map(|open| (open.intent.op.to_string(), open.state)).collect()
}

/// The state of one operation after these lines, asked anew after each so that the index is continued.
fn after(lines: &[Body]) -> State {
    let room = Room::new();
    let mut state = None;
    for body in lines {
        let _ = room.write(1, body);
        state = room.journal.state(&OpId::restore("7f3a-1")).expect("reads");
    }
    assert_eq!(Journal::open(&room.path()).and_then(|cold| cold.state(&OpId::restore("7f3a-1"))).expect("reads"), state, "read at once or bit by bit");
    state.expect("known")
}

const OP: &str = "7f3a-1";

#[test]
fn an_operation_is_as_far_as_its_last_line_says() {
    let (begun, went) = (intent(OP, 1, 1), sent(OP, 1));
    let ended = |result| outcome(OP, 1, result);
    let cases: &[(&[Body], State)] = &[
        (std::slice::from_ref(&begun), State::Confirmed),
        (&[begun.clone(), went.clone()], State::Sent),
        (&[begun.clone(), went.clone(), ended(Ended::Unclear)], State::Unclear),
        (&[begun.clone(), went.clone(), ended(Ended::Unclear), ended(Ended::Accepted)], State::Verifying),
        (&[begun.clone(), went.clone(), ended(Ended::Unclear), ended(Ended::Superseded)], State::Superseded),
        (&[begun.clone(), went.clone(), ended(Ended::Accepted), verdict(OP, Verdict::Worse)], State::Done(Some(Verdict::Worse))),
        (&[begun.clone(), went.clone(), ended(Ended::Conflict)], State::Failed),
        (&[begun.clone(), went.clone(), ended(Ended::Conflict), begun.clone()], State::Confirmed),
        (&[begun.clone(), ended(Ended::Refused), verdict(OP, Verdict::Recovered)], State::Failed),
        (&[begun.clone(), went.clone(), ended(Ended::Accepted), ended(Ended::Failed)], State::Verifying),
        (&[begun.clone(), verdict(OP, Verdict::Recovered)], State::Confirmed),
        (&[begun.clone(), sent(OP, 2)], State::Confirmed),
    ];
    for (lines, state) in cases {
        assert_eq!(after(lines), *state, "{lines:?}");
    }
}

#[test]
fn a_plan_of_two_steps_stays_open_between_them() {
    let mut lines = vec![intent(OP, 1, 2), sent(OP, 1), outcome(OP, 1, Ended::Accepted)];
    assert_eq!(after(&lines), State::Between);
    lines.extend([intent(OP, 2, 2), sent(OP, 2)]);
    assert_eq!(after(&lines), State::Sent);
    lines.push(outcome(OP, 1, Ended::Failed));
    assert_eq!(after(&lines), State::Sent, "a late word about the first step");
    lines.extend([outcome(OP, 2, Ended::Accepted), verdict(OP, Verdict::Recovered)]);
    assert_eq!(after(&lines), State::Done(Some(Verdict::Recovered)));
}

#[test]
fn an_operation_without_a_verdict_to_come_ends_with_its_outcome() {
    let Body::Intent(mut restart) = intent(OP, 1, 1) else { unreachable!("an intent") };
    restart.ends = Ends::AtOutcome;
    assert_eq!(after(&[Body::Intent(restart), sent(OP, 1), outcome(OP, 1, Ended::Accepted)]), State::Done(None));
}

#[test]
fn open_intents_say_whether_their_process_still_runs() {
    let room = Room::new();
    let mut child = std::process::Command::new("true").spawn().expect("starts");
    child.wait().expect("ends");
    let dead = Who { pid: child.id(), ..who() };
    let rebooted = Who { boot_id: "earlier".into(), ..who() };
    let elsewhere = Who { host: "laptop".into(), ..who() };
    for (op, who) in [("a-1", &who()), ("b-1", &dead), ("c-1", &rebooted), ("d-1", &elsewhere)] {
        let _ = room.journal.append(at(1), who, &intent(op, 1, 1)).expect("appends");
    }
    let lives = |room: &Room| room.journal.open_intents(&here()).expect("reads").into_iter().map(|open| open.life).collect::<Vec<_>>();
    assert_eq!(lives(&room), [Life::Runs, Life::Gone, Life::Gone, Life::Elsewhere]);
    let _ = room.write(2, &Body::Taken(Taken { op: OpId::restore("d-1") }));
    assert_eq!(lives(&room)[3], Life::Runs, "whoever took it over answers for it");
    let _ = room.write(3, &outcome("a-1", 1, Ended::Refused));
    assert_eq!(open(&room).len(), 3);
}

#[test]
fn a_line_that_was_altered_moves_nothing_on() {
    let room = Room::new();
    for body in [intent(OP, 1, 1), sent(OP, 1), outcome(OP, 1, Ended::Refused)] {
        let _ = room.write(1, &body);
    }
    let text = String::from_utf8(room.bytes()).expect("ASCII");
    fs::write(room.file(), text.replace("\"refused\"", "\"accepted\"")).expect("writes");
    assert_eq!(Journal::open(&room.path()).and_then(|cold| cold.state(&OpId::restore(OP))).expect("reads"), Some(State::Sent));
}

#[test]
fn going_back_to_what_was_rolled_back_from_is_known_for_as_long_as_asked() {
    let room = Room::new();
    for (op, second, result) in [("a-1", 0, Ended::Accepted), ("b-1", 100_000, Ended::Refused), ("c-1", 100_001, Ended::Unclear)] {
        for body in [intent(op, 1, 1), sent(op, 1), outcome(op, 1, result)] {
            let _ = room.write(second, &body);
        }
    }
    let of = |subject: &str, since| {
        let back = room.journal.rolled_back_from(subject, at(since)).expect("reads");
        back.into_iter().map(|back| (back.op.to_string(), back.revision.expect("known").template)).collect::<Vec<_>>()
    };
    let bad = Exact::new("6b9d");
    assert_eq!(of(SUBJECT, 0), [("a-1".to_owned(), bad.clone()), ("c-1".to_owned(), bad.clone())]);
    assert_eq!(of(SUBJECT, 100_000), [("c-1".to_owned(), bad)], "what may have happened counts, what was refused does not");
    assert_eq!(of("kubernetes/prod#u-2", 0), []);
}

#[test]
fn a_rollback_counts_although_its_second_step_was_refused() {
    let room = Room::new();
    for body in [intent(OP, 1, 2), sent(OP, 1), outcome(OP, 1, Ended::Accepted), intent(OP, 2, 2), sent(OP, 2), outcome(OP, 2, Ended::Refused)] {
        let _ = room.write(1, &body);
    }
    assert_eq!(room.journal.rolled_back_from(SUBJECT, at(0)).expect("reads").len(), 1);
}

#[test]
fn a_revision_seen_healthy_is_remembered_by_its_longest_and_its_last_time() {
    let room = Room::new();
    let seen = |workload: &str, template: &str, second, available_ms| {
        let (environment, service) = ("production".into(), "cart".into());
        let body =
            Body::Observed(Observed { environment, service, workload: Exact::new(workload), template: Exact::new(template), since: at(0), available_ms });
        let _ = room.write(second, &body);
    };
    seen(SUBJECT, "5c7d", 60, 60_000);
    seen(SUBJECT, "5c7d", 600, 600_000);
    seen(SUBJECT, "5c7d", 900, 30_000);
    seen(SUBJECT, "4a4a", 10, 5_000);
    seen("kubernetes/prod#u-10", "ffff", 10, 5_000);
    let healthy = |template: &str, held, until| Healthy { template: Raw::new(template), held: SignedDuration::from_secs(held), until: at(until) };
    assert_eq!(room.journal.observed(SUBJECT).expect("reads"), [healthy("4a4a", 5, 10), healthy("5c7d", 600, 900)]);
}

#[test]
fn history_follows_service_environment_time_and_limit() {
    let room = Room::with(Limits { full: 3_000, ..Limits::default() });
    for body in [intent(OP, 1, 1), sent(OP, 1), note("about cart")] {
        let _ = room.write(1, &body);
    }
    let other = Body::Note(Note { environment: "staging".into(), service: "search".into(), text: "about search".into() });
    let _ = room.write(2, &other);
    for second in 3..20 {
        let _ = room.write(second, &note("later"));
    }
    let seqs = |filter: Filter| room.journal.history(&filter).expect("reads").into_iter().map(|entry| entry.seq).collect::<Vec<_>>();
    let all = Filter::default();
    assert_eq!(seqs(Filter { service: Some("search".into()), ..all.clone() }), [4]);
    assert_eq!(seqs(Filter { environment: Some("production".into()), ..all.clone() })[..4], [1, 2, 3, 5], "what was sent goes with its intent");
    assert_eq!(seqs(Filter { since: Some(at(18)), ..all.clone() }), [20, 21]);
    assert_eq!(seqs(Filter { limit: 2, ..all }), [20, 21]);
}

#[test]
fn kinds_of_another_version_are_kept_and_passed_over() {
    let room = Room::new();
    let _ = room.write(1, &intent(OP, 1, 1));
    let first = room.bytes();
    let hash = &line::read(first.trim_ascii_end()).expect("a line").hash;
    let before = line::Before { seq: 1, hash: hash.clone(), torn: None };
    let (line, _) = line::next(&before, at(2), &who(), &note("x")).expect("writes");
    let foreign = String::from_utf8(line).expect("ASCII").replace(r#""kind":"note""#, r#""kind":"weather""#);
    let sealed = &foreign[..foreign.len() - 75];
    let sum = ring::digest::digest(&ring::digest::SHA256, format!("{hash}{sealed}}}").as_bytes());
    let foreign = format!(r#"{sealed},"hash":"{}"}}"#, line::hex(sum.as_ref()));
    fs::write(room.file(), [first, foreign.clone().into_bytes(), b"\n".to_vec()].concat()).expect("writes");

    let _ = room.write(3, &sent(OP, 1));
    assert_eq!((sound(&room.path()).entries, sound(&room.path()).unknown), (3, 1));
    let entries = room.journal.history(&Filter::default()).expect("reads");
    assert_eq!(entries[1].content, Content::Unknown { kind: "weather".into(), line: Raw::new(&foreign) });
    assert_eq!(open(&room), [(OP.to_owned(), State::Sent)]);
}

#[test]
fn a_journal_that_was_replaced_is_read_anew() {
    let room = Room::new();
    let _ = room.write(1, &intent(OP, 1, 1));
    assert_eq!(open(&room).len(), 1);
    room.cut(0);
    assert_eq!(open(&room), []);
}

#[test]
fn the_gate_gets_its_proof_from_an_intent_that_is_on_disk() {
    let room = Room::new();
    let template = |hash: &str, number, version: &'static str| RevisionRef {
        id: Id::restore(&format!("kubernetes/prod#{hash}")),
        number,
        template: Raw::new(hash),
        version: Version(version.into()),
    };
    let operation = Operation {
        id: OpId::restore(OP),
        verb: Verb::RollBack,
        subject: Id::restore(SUBJECT),
        title: "cart in production".into(),
        from: Seen { uid: Raw::new("u-1"), template: Raw::new("aaaa"), paused: false },
        to: Some(template("5c7d", 41, "2.7.3")),
        scaling: None,
        inputs: Vec::new(),
        reason: "CartErrorRate 17.4 %".into(),
        by: "oncall".into(),
    };
    let confirmation = Demand::NameAndReason("cart".into()).confirm("cart", "CartErrorRate 17.4 %", false).expect("confirmed");
    let confirmed = Confirmed {
        plan: "roll back cart in production to 2.7.3 r41".into(),
        environment: "production".into(),
        tier: Tier::Production,
        service: "cart".into(),
        running: Some((template("6b9d", 42, "2.8.0"), vec!["sha256:41c0f2".into()])),
        images: vec!["sha256:41c0f2".into()],
        params_hash: "c0ffee".into(),
        step: 1,
        steps: 1,
        command: "kubectl rollout undo deployment/cart --to-revision=41".into(),
        ends: Ends::AtVerdict,
        stood: None,
    };
    let who = who();
    let page = Page { journal: &room.journal, who: &who, confirmed: &confirmed };
    let proof = OnDisk::write(&page, &operation, &confirmation, at(1)).expect("on disk");
    assert_eq!(proof.entry(), 1);
    assert_eq!(room.journal.history(&Filter::default()).expect("reads")[0].content, Content::Known(intent(OP, 1, 1)));

    append_newer_line(&room);
    assert!(OnDisk::write(&page, &operation, &confirmation, at(2)).is_err(), "without an entry there is no proof");
}

fn append_newer_line(room: &Room) {
    fs::write(room.file(), [room.bytes(), b"{\"v\":9}\n".to_vec()].concat()).expect("writes");
}

#[test]
fn an_entry_is_one_line_of_words() {
    let room = Room::new();
    for body in [
        intent(OP, 1, 1),
        sent(OP, 1),
        outcome(OP, 1, Ended::Accepted),
        verdict(OP, Verdict::Recovered),
        note("users are told\u{1b}[2J"),
        Body::Acknowledged(Acknowledged {
            environment: "production".into(),
            service: "cart".into(),
            alert: "CartErrorRate".into(),
            fingerprint: Exact::new("f1"),
            landed: "Alertmanager: quiet 15 min".into(),
        }),
        Body::Shell(Shell { environment: "staging".into(), service: "cart".into(), target: "shop/cart-x7k2p cart".into(), command: "sh".into() }),
    ] {
        let _ = room.write(88, &body);
    }
    let entries = room.journal.history(&Filter::default()).expect("reads");
    let lines: Vec<_> = entries.iter().map(|entry| line_of(entry, &TimeZone::UTC)[46..].to_owned()).collect();
    assert_eq!(&*line_of(&entries[1], &TimeZone::UTC), "    2  2027-01-15 08:01:28 UTC  oncall@bastion  7f3a-1  sent");
    assert_eq!(lines[0], "  7f3a-1  roll back cart in production from 2.8.0 r42 to 2.7.3 r41, confirmed by typed name: CartErrorRate 17.4 %");
    assert_eq!(lines[2], "  7f3a-1  accepted: in 21 ms, request audit-9");
    assert_eq!(lines[3], "  7f3a-1  RECOVERED in 3m12s: 6 of 6 pods on 2.7.3; errors 0.2 %");
    assert!(lines[4].starts_with("  note cart in production: users are told") && !lines[4].contains('\u{1b}'), "{}", lines[4]);
    assert_eq!(lines[5], "  acknowledged CartErrorRate cart in production: Alertmanager: quiet 15 min");
    assert_eq!(lines[6], "  shell cart in staging: sh in shop/cart-x7k2p cart");
}
