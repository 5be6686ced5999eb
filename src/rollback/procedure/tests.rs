use super::{stage::*, *};
use crate::{
    domain::*,
    rollback::{Mark, Observed, Standing},
    store::fixture::{World, ago, counts, crashing, now, pod, revision, source, workload},
    text::Name,
};

#[test]
fn a_crash_looping_rollout_on_a_bare_cluster_is_taken_back_and_recovers() {
    let mut procedure = sent(planned());
    assert!(matches!(procedure.case.baseline.pods, Standing::Bad(_)));
    let _ = procedure.staged(&op(1), Stage::Sending, now());
    let wants = procedure.staged(&op(1), accepted(), now());
    assert_eq!(wants.len(), 2, "errors and latency are asked for");
    let (verdict, second) = play(&mut procedure, &healed().0, 700, &|_| no()).expect("a verdict");
    assert!(matches!(verdict, Verdict::Recovered { .. }), "{verdict:?}");
    assert!((60..=100).contains(&second), "after {second} s");
    let headline = procedure.headline(later(second));
    assert!(headline.line.starts_with("RECOVERED in 1m"), "{headline:?}");
    assert_eq!(&*headline.detail, "42.0 → 41.0     not measured: errors, latency, alert");
    assert_eq!(&*procedure.change(), "42.0 r42 → 41.0 r41 (it runs on as r43)");
    let lines: Vec<(Mark, String)> = procedure.lines(later(second)).iter().map(|line| (line.mark, line.label.to_string())).collect();
    assert_eq!(lines[0], (Mark::Good, "pods".into()));
    assert_eq!(lines[2], (Mark::Unknown, "errors".into()), "what was not measured is not green");
}

#[test]
fn pods_that_never_come_up_are_not_recovered_and_named() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let world = {
        let mut cart = workload("prod", "shop", "cart");
        cart.revision = Some(43);
        cart.progress = Progress::Rolling;
        cart.replicas = counts(6, 7, 6, 5);
        let mut row = revision(&cart, 43, 5);
        row.template = crate::text::Raw::new("h41");
        let pods = [crashing(pod(&cart, 41, "q8w2n"), 2, 3), pod(&cart, 41, "a"), crashing(pod(&cart, 42, "x7k2p"), 1, 5)];
        World::new().workloads("prod", [cart]).revisions("prod", [row]).pods("prod", pods)
    };
    assert_eq!(play(&mut procedure, &world.0, 90, &|_| no()), None);
    assert!(procedure.headline(later(90)).detail.contains("x explains"), "no progress for a minute");
    let waiting: Vec<&str> = procedure.waiting_for().iter().map(|blocker| &*blocker.pod).collect();
    assert_eq!(waiting, ["q8w2n", "x7k2p"]);
    let (verdict, second) = play(&mut procedure, &world.0, 700, &|_| no()).expect("a verdict");
    let Verdict::NotRecovered { why } = verdict else { panic!("{verdict:?}") };
    assert!(why.contains("q8w2n exit 2, 3 restarts"), "{why}");
    assert_eq!(second, 600);
}

#[test]
fn errors_that_stay_say_that_the_version_was_not_the_cause() {
    let mut procedure = sent(planned());
    procedure.case.baseline.errors = Standing::Bad("17.4 %".into());
    procedure.case.baseline.error_rate = Some(0.174);
    let _ = procedure.staged(&op(1), accepted(), now());
    let answers = |question: &Question| match question {
        Question::Window(window) if window.metric == Metric::ErrorRate => Ok(Answer::Window { value: Some(0.169), requests: Some(4182.0), guessed: None }),
        _ => no(),
    };
    let (verdict, _) = play(&mut procedure, &healed().0, 700, &answers).expect("a verdict");
    assert_eq!(verdict, Verdict::NotRecovered { why: "pods are fine, errors still 16.9 % now, limit 5 %: 42.0 was not the cause".into() });
}

#[test]
fn errors_are_proven_by_a_window_that_began_after_the_pods_were_ready() {
    let mut procedure = sent(planned());
    procedure.case.baseline.errors = Standing::Bad("17.4 %".into());
    let _ = procedure.staged(&op(1), accepted(), now());
    let answers = |question: &Question| match question {
        Question::Window(window) if window.metric == Metric::ErrorRate => Ok(Answer::Window { value: Some(0.002), requests: Some(4182.0), guessed: None }),
        _ => no(),
    };
    let (verdict, second) = play(&mut procedure, &healed().0, 700, &answers).expect("a verdict");
    assert!(matches!(verdict, Verdict::Recovered { .. }));
    assert!(second >= 60, "the window is a minute: {second}");
    let errors = procedure.proofs(later(second)).into_iter().find(|proof| proof.kind == ProofKind::Errors).expect("there");
    assert_eq!(&*errors.text, "0.2 % for 1 min, 4,182 requests, limit 5 %");
}

fn state_of(procedure: &Procedure, kind: ProofKind, at: i64) -> crate::rollback::ProofState {
    procedure.proofs(later(at)).into_iter().find(|proof| proof.kind == kind).expect("there").state
}

#[test]
fn a_window_that_reaches_back_before_the_pods_were_ready_proves_nothing() {
    use crate::rollback::ProofState;
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let answers = |question: &Question| match question {
        Question::Window(_) => Ok(Answer::Window { value: Some(0.002), requests: Some(4182.0), guessed: None }),
        _ => no(),
    };
    let (healed, mut early) = (healed(), procedure.clone());
    assert_eq!(play(&mut early, &healed.0, 20, &answers), None);
    assert_eq!(state_of(&early, ProofKind::Pods, 20), ProofState::Running, "ready, and not yet ten times in a row");
    assert_eq!(play(&mut procedure, &healed.0, 40, &answers), None);
    assert_eq!(state_of(&procedure, ProofKind::Errors, 40), ProofState::Running);
    assert_eq!(state_of(&procedure, ProofKind::Pods, 40), ProofState::Good, "the pods were looked at ten times by then");
}

#[test]
fn a_pod_that_falls_out_between_two_looks_begins_the_count_anew() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let (healed, flapping) = (healed(), {
        let mut world = healed();
        let mut row = world.0.workload(&id()).expect("there").clone();
        row.replicas.available = 5;
        world.0.apply(&source("prod"), &Feed::Workloads, Change::Upsert(row).into(), now());
        world
    });
    assert_eq!(play(&mut procedure, &healed.0, 28, &|_| no()), None);
    let _ = procedure.observed(&Observed::of(&flapping.0, &id()), later(28));
    let _ = procedure.observed(&Observed::of(&healed.0, &id()), later(28));
    let State::UnderWay { run, .. } = &procedure.state else { panic!("{}", state(&procedure)) };
    assert_eq!(run.in_a_row, 0);
}

#[test]
fn a_new_pod_that_restarts_is_bad_and_is_quiet_again_only_after_a_minute() {
    use crate::rollback::ProofState;
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let mut world = healed();
    assert_eq!(play(&mut procedure, &world.0, 20, &|_| no()), None);
    let mut restarted = pod(world.0.workload(&id()).expect("there"), 41, "a");
    restarted.restarts = 2;
    world.0.apply(&source("prod"), &Feed::Pods(Scope::All), Change::Upsert(restarted).into(), now());
    let _ = procedure.observed(&Observed::of(&world.0, &id()), later(21));
    assert_eq!(state_of(&procedure, ProofKind::Restarts, 22), ProofState::StillBad);
    assert_eq!(state_of(&procedure, ProofKind::Restarts, 82), ProofState::Good);
    let restarts = procedure.proofs(later(82)).into_iter().find(|proof| proof.kind == ProofKind::Restarts).expect("there");
    assert_eq!(&*restarts.text, "2 restarts, none for 1 min");
}

#[test]
fn too_little_traffic_is_could_not_tell() {
    let mut procedure = sent(planned());
    procedure.case.baseline.errors = Standing::Bad("17.4 %".into());
    let _ = procedure.staged(&op(1), accepted(), now());
    let answers = |question: &Question| match question {
        Question::Window(_) => Ok(Answer::Window { value: Some(0.0), requests: Some(12.0), guessed: None }),
        _ => no(),
    };
    let (verdict, second) = play(&mut procedure, &healed().0, 700, &answers).expect("a verdict");
    assert_eq!(verdict, Verdict::CouldNotTell { why: "pods are ready; errors: 12 requests since: too little traffic to judge errors".into() });
    assert_eq!(second, 600, "traffic may come until then");
}

#[test]
fn nothing_is_planned_without_the_object_and_what_is_not_answered_is_unknown() {
    let world = burning();
    let (mut procedure, wants) = begin(&world.0);
    assert_eq!(procedure.tick(later(4)), []);
    assert_eq!(state(&procedure), "gathering");
    let _ = procedure.tick(later(5));
    let State::Closed { why } = &procedure.state else { panic!("{}", state(&procedure)) };
    assert!(why.contains("no answer in time"), "{why}");
    let (mut procedure, wants_too) = begin(&world.0);
    for question in wants_too.iter().filter_map(|want| if let Want::Ask(ask) = want { Some(&ask.question) } else { None }) {
        let sources = usize::from(matches!(question, Question::Subject(_) | Question::Revisions(_)));
        let _ = procedure.asked(question, sources, now());
    }
    let _ = procedure.tick(later(5));
    let State::Closed { why } = &procedure.state else { panic!("{}", state(&procedure)) };
    assert!(why.contains("the object: no answer in time"), "what nobody measures is not why there is no plan: {why}");
    let (mut procedure, _) = begin(&world.0);
    for want in wants.into_iter().take(2) {
        let _ = answer(&mut procedure, vec![want], now());
    }
    let wants = procedure.tick(later(5));
    assert!(matches!(&wants[..], [Want::Prepare { .. }]));
    assert_eq!(procedure.plan().expect("planned").unknown.len(), 3, "memory, errors, latency");
}

#[test]
fn enter_does_not_open_the_line_while_checks_run_or_when_one_blocks() {
    let world = burning();
    let (mut procedure, wants) = begin(&world.0);
    let _ = answer(&mut procedure, wants, now());
    procedure.checked(1, Check::Expect(vec![CheckKind::Rights, CheckKind::Owner]));
    assert_eq!(procedure.open_confirm(), Err(Barred::Checking));
    procedure.checked(1, made(CheckKind::Owner, Outcome::Block));
    assert!(matches!(procedure.open_confirm(), Err(Barred::Blocked(_))));
    let _ = procedure.older(now());
    let mut procedure = planned();
    procedure.checked(9, made(CheckKind::Owner, Outcome::Block));
    assert_eq!(procedure.open_confirm(), Ok(()), "a check of another round is dropped");
}

#[test]
fn a_check_that_does_not_come_is_unknown_and_shown_as_such() {
    let world = burning();
    let (mut procedure, wants) = begin(&world.0);
    let _ = answer(&mut procedure, wants, now());
    procedure.checked(1, Check::Expect(vec![CheckKind::DryRun]));
    let _ = procedure.tick(later(5));
    let plan = procedure.plan().expect("planned");
    assert_eq!(plan.findings[&CheckKind::DryRun].outcome, Outcome::Unknown);
    assert_eq!(procedure.open_confirm(), Ok(()), "unknown is an answer");
}

#[test]
fn a_conflict_with_an_unchanged_object_takes_one_enter_and_any_other_goes_back_to_the_questions() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), Stage::Conflict { what: "the version moved".into(), same: true }, now());
    assert!(matches!(&procedure.state, State::Confirming { confirm: Confirm::Again { .. }, .. }));
    assert_eq!(procedure.confirmed(op(2), "errors".into(), "oncall".into(), now()).len(), 1);
    let wants = procedure.staged(&op(2), Stage::Conflict { what: "argocd changed the image".into(), same: false }, now());
    assert_eq!(state(&procedure), "gathering");
    let wants = answer(&mut procedure, wants, now());
    assert!(matches!(&wants[..], [Want::Prepare { .. }]));
    assert!(procedure.plan().and_then(|plan| plan.note.clone()).expect("said").contains("argocd changed the image"));
}

#[test]
fn a_lost_answer_is_settled_by_reading_the_world() {
    let unclear = || {
        let mut procedure = sent(planned());
        let wants = procedure.staged(&op(1), Stage::Unclear { why: "connection reset".into() }, later(1));
        assert!(matches!(&wants[..], [Want::Ask(Ask { question: Question::Subject(_), .. })]), "it is read, not sent: {wants:?}");
        procedure
    };
    let read = |procedure: &mut Procedure, subject: Subject, at: Timestamp| {
        let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject))), at);
        state(procedure)
    };
    let marked = Subject { operation: Some("7f3a-1".into()), ..subject("t41") };
    assert_eq!(read(&mut unclear(), marked, later(2)), "under way");
    let arrived = Subject { outline: outline(41), ..subject("t41") };
    assert_eq!(read(&mut unclear(), arrived, later(2)), "under way");
    assert_eq!(read(&mut unclear(), subject("t42"), later(2)), "unclear", "it may still be on its way");
    let mut untouched = unclear();
    assert_eq!(read(&mut untouched, subject("t42"), later(40)), "confirming", "not applied: Enter sends it again");
    let State::Confirming { confirm: Confirm::Again { why }, .. } = &untouched.state else { panic!("{}", state(&untouched)) };
    assert!(why.contains("connection reset"), "what broke is still said: {why}");
    let other = Subject { changed_by: Some(("argocd".into(), None)), ..subject("t99") };
    let mut procedure = unclear();
    assert_eq!(read(&mut procedure, other, later(2)), "done");
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::CouldNotTell { why }, .. } if why.contains("argocd")));
}

#[test]
fn one_confirmation_hands_out_one_request_and_a_word_about_another_moves_nothing() {
    let mut procedure = sent(planned());
    assert_eq!(procedure.confirmed(op(2), "errors".into(), "oncall".into(), now()), [], "it is on its way");
    let _ = procedure.staged(&op(9), accepted(), now());
    procedure.withheld(&op(9), "no disk".into());
    assert!(matches!(&procedure.state, State::Sending { sent, .. } if sent.ids == [op(1)]), "{}", state(&procedure));
}

#[test]
fn silence_after_sending_becomes_unclear_and_an_unreadable_world_could_not_tell() {
    let mut procedure = sent(planned());
    let wants = procedure.tick(later(36));
    assert_eq!((state(&procedure), wants.len()), ("unclear", 1));
    let _ = procedure.tick(later(601));
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::CouldNotTell { .. }, .. }));
}

#[test]
fn what_was_found_open_in_the_journal_is_settled_without_sending() {
    let world = healed();
    let timing = Timing::default();
    let case = Case::of(&world.0, &id(), &timing, now()).expect("known");
    let goal = RevisionRef { id: Id::new(&source("prod"), "r"), number: 41, template: crate::text::Raw::new("h41"), version: Version("41.0".into()) };
    let resume = |case: Case| {
        Procedure::resume(case, (op(1), Verb::RollBack, goal.clone(), subject("t42").seen), Raw::new("h42"), ago(60), "oncall".into(), timing, now())
    };
    let (mut procedure, _) = resume(case.clone());
    let marked = Subject { operation: Some("7f3a-1".into()), ..subject("t41") };
    let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(marked))), now());
    assert_eq!(state(&procedure), "under way");
    let (mut procedure, _) = resume(case);
    let _ = procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject("t42")))), now());
    assert_eq!(state(&procedure), "closed", "not applied, and its plan is gone");
}

#[test]
fn something_that_changes_it_back_ends_it_as_not_recovered() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let _ = procedure.observed(&Observed::of(&healed().0, &id()), later(1));
    let _ = procedure.observed(&Observed::of(&burning().0, &id()), later(2));
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::NotRecovered { why }, .. } if why.contains("changed it back")));
}

#[test]
fn a_source_that_falls_silent_never_proves_anything() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let mut world = healed();
    let why = Why { trouble: Trouble::Unreachable, words: "no answer".into() };
    world.0.link(&source("prod"), &Feed::Workloads, Link::Retrying { at: now(), since: None, why });
    let (verdict, _) = play(&mut procedure, &world.0, 700, &|_| no()).expect("a verdict");
    assert!(matches!(verdict, Verdict::CouldNotTell { .. }), "{verdict:?}");
}

#[test]
fn a_rollout_that_shows_that_it_is_bad_while_the_plan_is_read_is_judged_by_that() {
    let mut procedure = planned();
    procedure.case.baseline.pods = Standing::Good;
    procedure.case.baseline.restarts = Standing::Good;
    let world = burning();
    let _ = procedure.observed(&Observed::of(&world.0, &id()), later(1));
    assert!(procedure.case.baseline.pods.bad() && procedure.case.baseline.restarts.bad());
}

#[test]
fn without_its_pods_restarts_are_not_counted_and_nothing_is_called_recovered() {
    let mut procedure = sent(planned());
    let _ = procedure.staged(&op(1), accepted(), now());
    let blind = {
        let healed = healed();
        let (rows, revisions): (Vec<_>, Vec<_>) = (healed.0.workloads().cloned().collect(), healed.0.revisions_of(&id()).into_iter().cloned().collect());
        World::new().workloads("prod", rows).revisions("prod", revisions)
    };
    let (verdict, _) = play(&mut procedure, &blind.0, 700, &|_| no()).expect("a verdict");
    assert!(matches!(&verdict, Verdict::CouldNotTell { why } if why.contains("restarts are not counted")), "{verdict:?}");
}

#[test]
fn the_alert_that_began_with_the_change_is_the_one_that_started_it() {
    use crate::store::fixture::alert;
    let labels = &[("namespace", "shop"), ("app", "cart")];
    let of = |rows: Vec<Alert>| {
        let world = burning().alerts("am", rows);
        let case = Case::of(&world.0, &id(), &Timing::default(), now()).expect("known");
        case.alert.map(|alert| alert.name.raw().to_owned())
    };
    let aged = |name: &str, seconds: i64| Alert { since: Some(ago(seconds)), ..alert("am", name, name, labels) };
    assert_eq!(of(vec![aged("Disk", 9 * 86_400), aged("Errors", 120)]).as_deref(), Some("Errors"));
    assert_eq!(of(vec![aged("Disk", 9 * 86_400)]), None, "older than a day: it would never clear");
    let silenced = Alert { state: AlertState::Silenced { by: Clean::EMPTY, until: None }, ..aged("Errors", 120) };
    assert_eq!(of(vec![silenced]).as_deref(), Some("Errors"), "whatever is silenced");
}

#[test]
fn without_a_source_of_alerts_the_alert_is_unknown_and_not_quiet() {
    let with = |world: World| Case::of(&world.0, &id(), &Timing::default(), now()).expect("known").baseline.alert;
    assert!(matches!(with(burning()), Standing::Unknown(_)));
    assert_eq!(with(burning().alerts("am", [])), Standing::Good);
}

#[test]
fn the_reason_is_prefilled_from_what_burns() {
    let mut procedure = planned();
    assert_eq!(&*crate::rollback::reason(&procedure), "42.0 exit 1, 5 restarts");
    procedure.case.alert = Some(crate::rollback::AlertRef { name: Name::new("CartErrorRate"), labels: Labels::default(), since: None });
    procedure.case.baseline.errors = Standing::Bad("17.4 %".into());
    procedure.case.baseline.error_rate = Some(0.174);
    assert_eq!(&*crate::rollback::reason(&procedure), "CartErrorRate 17.4 %, 42.0 exit 1, 5 restarts");
}

#[test]
fn smoke_requests_of_the_configuration_are_sent_once_the_pods_are_ready_and_must_succeed() {
    let tried = |came: &dyn Fn() -> Result<SignedDuration, crate::text::Clean>, sources: usize| {
        let mut procedure = sent(planned());
        let _ = procedure.staged(&op(1), accepted(), now());
        let (mut asked, mut wants) = (Vec::new(), Vec::new());
        for second in 0..=700 {
            let at = later(second);
            wants.extend(procedure.observed(&Observed::of(&healed().0, &id()), at));
            wants.extend(procedure.tick(at));
            for want in std::mem::take(&mut wants) {
                let Want::Ask(ask) = want else { continue };
                let smoke = matches!(ask.question, Question::Smoke { .. });
                asked.extend(smoke.then_some(second));
                wants.extend(procedure.asked(&ask.question, if smoke { sources } else { 1 }, at));
                let answer = if smoke { Ok(Answer::Smoke(vec![Smoke { what: "cart.example/healthz".into(), came: came() }])) } else { no() };
                if !smoke || sources > 0 {
                    wants.extend(procedure.answered(&ask.question, answer, at));
                }
            }
            if let State::Done { verdict, proofs, .. } = &procedure.state {
                let proof = proofs.iter().find(|proof| proof.kind == crate::rollback::ProofKind::Smoke).map(|proof| proof.text.to_string());
                return (verdict.clone(), proof, asked.len());
            }
        }
        panic!("no verdict");
    };
    let (verdict, proof, asked) = tried(&|| Ok(SignedDuration::from_millis(84)), 1);
    assert!(matches!(verdict, Verdict::Recovered { .. }) && asked > 0, "{verdict:?}");
    assert_eq!(proof.as_deref(), Some("1 request as expected, in 84 ms"));
    let (verdict, ..) = tried(&|| Err("503, 200 is expected".into()), 1);
    let Verdict::NotRecovered { why } = verdict else { panic!("{verdict:?}") };
    assert_eq!(&*why, "pods are fine, smoke still cart.example/healthz: 503, 200 is expected: 42.0 was not the cause");
    let (verdict, proof, _) = tried(&|| Ok(SignedDuration::ZERO), 0);
    assert!(matches!(verdict, Verdict::Recovered { .. }) && proof.is_none(), "none are configured: {verdict:?} {proof:?}");
}
