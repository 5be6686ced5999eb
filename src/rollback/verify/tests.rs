use super::*;
use crate::{
    domain::{Change, Container, Fact, Feed, GateKind, Image, Job, Link, Offers, Progress, Revision, RunStatus, Smoke, SourceId, Trouble},
    rollback::procedure::stage::{healed, id, later},
    store::fixture::{World, alert, now, pod, revision, workload},
    text::Name,
};

/// How metrics answer: errors and latency, or that nobody can be asked.
type Answers<'a> = &'a dyn Fn(Metric) -> Result<Answer, Why>;

fn measured(errors: f64) -> impl Fn(Metric) -> Result<Answer, Why> {
    move |metric| {
        let value = if metric == Metric::ErrorRate { errors } else { 0.2 };
        Ok(Answer::Window { value: Some(value), requests: Some(4_000.0), guessed: None })
    }
}

/// A Prometheus that is there and does not measure this service.
fn elsewhere(_: Metric) -> Result<Answer, Why> {
    Err(Why { trouble: Trouble::Unsupported, words: "no family of metrics here has it".into() })
}

fn silent(_: Metric) -> Result<Answer, Why> {
    Err(Why { trouble: Trouble::Unreachable, words: "prometheus does not answer".into() })
}

/// Plays the world second by second until there is a verdict; each of the sources answers each question, in their order.
fn play(expected: Expected, worlds: &dyn Fn(i64) -> World, sources: &[Answers<'_>]) -> (Option<Verified>, i64, Vec<Point>) {
    let timing = Timing { deadline: SignedDuration::from_secs(300), ..Timing::default() };
    let case = Case::of(&worlds(0).0, &id(), &timing, now()).expect("it is known");
    let mut verification = Verification::new(case, expected, timing, now());
    for second in 0..=400 {
        let (world, at) = (worlds(second), later(second));
        for ask in verification.observed(&world.0, at) {
            match &ask.question {
                Question::Window(window) => {
                    verification.asked(&ask.question, sources.len());
                    sources.iter().for_each(|answers| verification.answered(&ask.question, answers(window.metric), at));
                }
                question => verification.asked(question, 0),
            }
        }
        if let Some((verdict, _)) = &verification.verdict {
            return (Some(verdict.clone()), second, verification.points(at));
        }
    }
    (None, 400, verification.points(later(400)))
}

fn quiet() -> World {
    healed().alerts("alertmanager", [])
}

fn firing() -> World {
    healed().alerts("alertmanager", [alert("alertmanager", "f1", "CartErrorRate", &[("namespace", "shop"), ("app", "cart"), ("cluster", "prod")])])
}

/// The pods with these digests and restarts.
fn pods(digest: impl Fn(usize) -> &'static str, restarts: u32) -> World {
    let of = workload("prod", "shop", "cart");
    let rows = ["a", "b", "c", "d", "e", "f"].iter().enumerate().map(|(at, name)| {
        let mut row = pod(&of, 41, name);
        row.containers[0].image = Image { digest: Some(Name::new(digest(at))), ..Image::clone(&row.containers[0].image) }.into();
        (row.restarts, row.containers[0].restarts) = (restarts, restarts);
        row
    });
    let rows: Vec<Pod> = rows.collect();
    quiet().pods("prod", rows)
}

fn one(_: usize) -> &'static str {
    "sha256:41c0f2aa"
}

fn why(verdict: &Option<Verified>) -> String {
    match verdict {
        Some(Verified::No { why } | Verified::CouldNotTell { why }) => why.to_string(),
        Some(Verified::Yes { unmeasured }) => unmeasured.join(","),
        None => "none".into(),
    }
}

#[test]
fn a_good_release_is_verified_a_minute_after_it_is_in() {
    let version = |version: &'static str| Expected { version: Some(version.into()), digest: Some("sha256:41c0".into()) };
    let (verdict, after, points) = play(version("41.0"), &|_| pods(one, 0), &[&measured(0.002)]);
    assert_eq!(verdict, Some(Verified::Yes { unmeasured: vec!["smoke", "gates"] }), "{points:#?}");
    assert!((60..90).contains(&after), "{after}");
    // Without a source of metrics or alerts it says what nobody measures.
    let (verdict, ..) = play(Expected::default(), &|_| healed(), &[]);
    assert_eq!(why(&verdict), "digest,errors,latency,smoke,alerts,gates");
    assert_eq!(verdict.expect("one").word(), "VERIFIED");
}

#[test]
fn what_is_wrong_with_a_release_is_no_and_what_is_not_known_is_neither() {
    let odd = |at| if at == 3 { "sha256:9a9a9a9a" } else { one(at) };
    let cases: [(&str, &dyn Fn(i64) -> World, Answers<'_>, &str, &str); 6] = [
        ("a wrong digest on one pod", &|_| pods(odd, 0), &measured(0.002), "NOT VERIFIED", "d runs 9a9a9a9a"),
        ("restarts after it was ready", &|second| pods(one, u32::from(second > 20) + u32::from(second > 60)), &measured(0.002), "NOT VERIFIED", "restart"),
        ("an alert fires", &|_| firing(), &measured(0.002), "NOT VERIFIED", "CartErrorRate fires"),
        ("errors above the limit", &|_| quiet(), &measured(0.17), "NOT VERIFIED", "errors: 17 % now"),
        ("Prometheus does not answer", &|_| quiet(), &silent, "COULD NOT TELL", "prometheus does not answer"),
        ("no traffic", &|_| quiet(), &measured(f64::NAN), "COULD NOT TELL", "too little traffic"),
    ];
    for (name, worlds, answers, word, words) in cases {
        let (verdict, after, points) = play(Expected::default(), worlds, &[answers]);
        assert_eq!(verdict.as_ref().map(Verified::word), Some(word), "{name}: {points:#?}");
        assert!(why(&verdict).contains(words) && after < 200, "{name}, after {after} s: {}", why(&verdict));
    }
}

#[test]
fn nobody_measures_it_only_where_no_source_does_or_should() {
    let cases: [(&str, &[Answers<'_>], &str, &str); 5] = [
        ("one that is there and has no such metric", &[&elsewhere], "VERIFIED", "digest,errors,latency,smoke,gates"),
        ("one has it and the other has not", &[&measured(0.002), &elsewhere], "VERIFIED", "digest,smoke,gates"),
        ("the other way round", &[&elsewhere, &measured(0.002)], "VERIFIED", "digest,smoke,gates"),
        ("one has it not and the other does not answer", &[&elsewhere, &silent], "COULD NOT TELL", "prometheus does not answer"),
        ("the other way round", &[&silent, &elsewhere], "COULD NOT TELL", "prometheus does not answer"),
    ];
    for (name, sources, word, words) in cases {
        let (verdict, _, points) = play(Expected::default(), &|_| quiet(), sources);
        assert_eq!(verdict.as_ref().map(Verified::word), Some(word), "{name}: {points:#?}");
        assert!(why(&verdict).ends_with(words), "{name}: {}", why(&verdict));
    }
}

/// A mesh puts a container of its own in front: its image says nothing of the release.
#[test]
fn the_digest_is_that_of_the_container_that_the_template_names_first() {
    let meshed = |name: &str, own: &str| {
        let mut row = pod(&workload("prod", "shop", "cart"), 41, name);
        let image = |digest: &str| Image { digest: Some(Name::new(digest)), ..Image::default() }.into();
        let app = Container { image: image(own), ..row.containers[0].clone() };
        let proxy = Container { name: Name::new("istio-proxy"), image: image("sha256:eeee"), ..app.clone() };
        row.containers = [proxy, app].into();
        row
    };
    let told = |rows: &[Pod], expected: Option<&str>| {
        let app = Name::new("app");
        digest(&rows.iter().collect::<Vec<_>>(), Some(&app), expected.map(Clean::from_untrusted).as_ref()).text.to_string()
    };
    assert_eq!(told(&[meshed("a", "sha256:41c0"), meshed("b", "sha256:41c0")], Some("41c0")), "41c0 on all 2");
    assert_eq!(told(&[meshed("a", "sha256:41c0"), meshed("b", "sha256:9a9a")], None), "b runs 9a9a, others 41c0");
}

#[test]
fn a_version_that_does_not_come_is_no_and_one_that_comes_is_waited_for() {
    let expected = || Expected { version: Some("42.0".into()), digest: None };
    let (verdict, after, _) = play(expected(), &|_| quiet(), &[&measured(0.0)]);
    assert_eq!((why(&verdict).as_str(), after), ("version: 41.0 r43 is the newest, 42.0 is expected", 300));
    let arrived = || {
        let mut cart = workload("prod", "shop", "cart");
        (cart.revision, cart.replicas) = (Some(44), crate::store::fixture::counts(3, 3, 3, 3));
        let mut newest = revision(&cart, 44, 3);
        (newest.template, newest.version) = (crate::text::Raw::new("h42"), crate::domain::Version("42.0".into()));
        let rows = ["x", "y", "z"].map(|name| pod(&cart, 42, name));
        World::new().workloads("prod", [cart]).revisions("prod", [newest]).pods("prod", rows).alerts("alertmanager", [])
    };
    let (verdict, after, points) = play(expected(), &|second| if second < 100 { quiet() } else { arrived() }, &[&measured(0.0)]);
    assert!(matches!(verdict, Some(Verified::Yes { .. })) && after > 160, "after {after}: {points:#?}");
}

#[test]
fn a_rollout_that_its_controller_gave_up_is_no_at_once_and_a_source_that_is_away_is_not_good() {
    let stuck = |_| {
        let mut cart = workload("prod", "shop", "cart");
        (cart.revision, cart.replicas) = (Some(42), crate::store::fixture::counts(3, 4, 1, 3));
        cart.progress = Progress::Stuck { since: None, reason: "ProgressDeadlineExceeded".into(), message: "has timed out progressing".into() };
        let row = revision(&cart, 42, 0);
        let bad = crate::store::fixture::crashing(pod(&cart, 42, "x7k2p"), 1, 5);
        World::new().workloads("prod", [cart]).revisions("prod", [row]).pods("prod", [bad])
    };
    let (verdict, after, _) = play(Expected::default(), &stuck, &[&measured(0.0)]);
    assert_eq!((why(&verdict).as_str(), after), ("has timed out progressing; x7k2p exit 1, 5 restarts", 0));
    let away = |_| {
        let mut world = quiet();
        let why = Why { trouble: Trouble::Unreachable, words: "gone".into() };
        world.0.link(&SourceId::new("alertmanager"), &Feed::Alerts, Link::Retrying { at: now(), since: Some(now()), why });
        world
    };
    let (verdict, ..) = play(Expected::default(), &away, &[&measured(0.0)]);
    assert_eq!(why(&verdict), "alerts: alertmanager does not answer");
}

#[test]
fn what_will_not_mend_by_waiting_is_bad_long_before_its_controller_gives_up_where_more_hangs_on_it() {
    let crashing = |still: bool| {
        let mut cart = workload("prod", "shop", "cart");
        (cart.revision, cart.replicas, cart.progress) = (Some(42), crate::store::fixture::counts(3, 4, 1, 3), Progress::Rolling);
        let (row, new) = (revision(&cart, 42, 0), pod(&cart, 42, "x7k2p"));
        let new = if still { crate::store::fixture::crashing(new, 1, 5) } else { new };
        World::new().workloads("prod", [cart]).revisions("prod", [row]).pods("prod", [new])
    };
    let judged = |settle: Option<i64>, until: i64| {
        let timing = Timing { deadline: SignedDuration::from_secs(300), ..Timing::default() };
        let mut verification = Verification::new(Case::of(&crashing(true).0, &id(), &timing, now()).expect("it is known"), Expected::default(), timing, now());
        settle.into_iter().for_each(|seconds| verification.hold(SignedDuration::from_secs(seconds)));
        let end = (0..=400).find(|second| {
            verification.observed(&crashing(*second < until).0, later(*second)).iter().for_each(|ask| verification.asked(&ask.question, 0));
            verification.verdict.is_some()
        });
        (end.expect("a verdict"), why(&verification.verdict.clone().map(|(verdict, _)| verdict)))
    };
    assert_eq!(judged(Some(90), 400), (90, "it does not get ready; x7k2p exit 1, 5 restarts".into()));
    assert_eq!(judged(None, 400).0, 300, "a person who waits is told at the end of what was waited for");
    assert!(judged(Some(90), 60).0 > 90, "it got over it in time");
}

/// The smoke requests come back like this, at each second when they were sent.
fn smoked(came: &dyn Fn(i64) -> Result<Answer, Why>) -> (Option<Verified>, i64) {
    let timing = Timing { deadline: SignedDuration::from_secs(300), ..Timing::default() };
    let world = quiet();
    let mut verification = Verification::new(Case::of(&world.0, &id(), &timing, now()).expect("it is known"), Expected::default(), timing, now());
    for second in 0..=400 {
        for ask in verification.observed(&world.0, later(second)) {
            let smoke = matches!(ask.question, Question::Smoke { .. });
            verification.asked(&ask.question, usize::from(smoke));
            if smoke {
                verification.answered(&ask.question, came(second), later(second));
            }
        }
        if let Some((verdict, _)) = &verification.verdict {
            return (Some(verdict.clone()), second);
        }
    }
    (None, 400)
}

fn one_smoke(came: Result<SignedDuration, Clean>) -> Result<Answer, Why> {
    Ok(Answer::Smoke(vec![Smoke { what: "cart.example/healthz".into(), came }]))
}

#[test]
fn only_a_fresh_release_that_stayed_bad_is_fit_to_be_taken_back_without_a_person() {
    let judged = |age: i64, expected: Expected, bad_from: i64, bad_to: i64| {
        let world = |second: i64| {
            let mut world = pods(one, 0);
            let mut cart = world.0.workload(&id()).expect("it is there").clone();
            cart.changed = Some(now() - SignedDuration::from_secs(age));
            let revisions: Vec<_> = world.0.revisions_of(&id()).into_iter().cloned().map(|row| Revision { created: cart.changed, ..row }).collect();
            world = world.workloads("prod", [cart]).revisions("prod", revisions);
            if (bad_from..bad_to).contains(&second) {
                world.alerts("alertmanager", [alert("alertmanager", "f1", "CartErrorRate", &[("namespace", "shop"), ("app", "cart"), ("cluster", "prod")])])
            } else {
                world
            }
        };
        let timing = Timing { deadline: SignedDuration::from_secs(300), ..Timing::default() };
        let mut verification = Verification::new(Case::of(&world(0).0, &id(), &timing, now()).expect("it is known"), expected, timing, now());
        verification.hold(SignedDuration::from_secs(90));
        let end = (0..=400).find(|second| {
            verification.observed(&world(*second).0, later(*second)).iter().for_each(|ask| verification.asked(&ask.question, 0));
            verification.verdict.is_some()
        });
        (end.expect("a verdict"), verification.unfit().map(|why| why.to_string()))
    };
    let any = Expected::default;
    assert_eq!(judged(300, any(), 0, 400), (90, None), "it was bad for the 90 s that the policy says");
    let (after, unfit) = judged(300, any(), 0, 60);
    assert!(after < 90 && unfit.as_deref() == Some("it was not found bad for long enough"), "it got well again: {after} {unfit:?}");
    assert_eq!(judged(9 * 86_400, any(), 0, 400).1.as_deref(), Some("it runs for 9 d: that is no fresh release"));
    let other = Expected { version: Some("42.0".into()), digest: None };
    assert_eq!(judged(300, other, 0, 400).1.as_deref(), Some("what runs is not the release that was to be verified"));
}

#[test]
fn smoke_requests_that_fail_once_are_sent_again_and_those_that_go_on_failing_are_no() {
    let good = || one_smoke(Ok(SignedDuration::from_millis(84)));
    let bad = || one_smoke(Err("503, 200 is expected".into()));
    let (verdict, _) = smoked(&|second| if second < 15 { bad() } else { good() });
    assert_eq!(why(&verdict), "digest,errors,latency,gates", "it was tried again and is measured");
    let (verdict, after) = smoked(&|_| bad());
    assert_eq!((why(&verdict).as_str(), after), ("smoke: cart.example/healthz: 503, 200 is expected", 31));
    let (verdict, _) = smoked(&|_| Err(Why { trouble: Trouble::Unreachable, words: "the answer did not come".into() }));
    assert_eq!(verdict.map(|verdict| verdict.word()), Some("NOT VERIFIED"), "what could not be sent has not succeeded");
}

/// A run of a repository on a tag, with a job for each of these gates.
fn run((repository, tag): (&str, &str), jobs: &[(&str, GateKind, RunStatus)]) -> World {
    let github = SourceId::new("github");
    let at = Some(now() - SignedDuration::from_mins(20));
    let row = domain::Run {
        id: Id::new(&github, "run/1"),
        repository: Name::new(repository),
        workflow: "release".into(),
        number: 311,
        attempt: 1,
        title: Clean::EMPTY,
        branch: Name::new(tag),
        commit: Name::new("c0ffee1"),
        actor: Clean::EMPTY,
        status: RunStatus::Running,
        created: at,
        started: at,
        ended: None,
        was: None,
        digests: Box::default(),
        usual: None,
        url: Clean::EMPTY,
    };
    let job = |(name, gate, status): &(&str, GateKind, RunStatus)| Job {
        id: Id::new(&github, name),
        run: row.id.clone(),
        name: Clean::from_untrusted(name),
        status: status.clone(),
        started: at,
        ended: None,
        steps: Box::new([]),
        gate: Some(*gate),
        url: Clean::EMPTY,
    };
    let jobs: Vec<Job> = jobs.iter().map(job).collect();
    let mut world = quiet();
    world.0.link(&github, &Feed::Runs, Link::Live { offers: Offers::default(), synced: true });
    world.0.apply(&github, &Feed::Runs, Fact::Run(Change::Upsert(row.clone())), now());
    jobs.into_iter().for_each(|job| world.0.apply(&github, &Feed::Jobs(row.id.clone()), Fact::Job(Change::Upsert(job)), now()));
    world
}

#[test]
fn the_gates_of_the_run_that_shipped_it_count_and_a_deployment_under_way_holds_nothing_up() {
    use GateKind::{Build, Deployment, Security};
    let cases: [((&str, &str), &[(&str, GateKind, RunStatus)], &str, &str); 4] = [
        (
            ("acme/cart", "v41.0"),
            &[("build", Build, RunStatus::Success), ("scan", Security, RunStatus::Success), ("deploy", Deployment, RunStatus::Running)],
            "VERIFIED",
            "digest,errors,latency,smoke",
        ),
        (
            ("acme/cart", "v41.0"),
            &[("build", Build, RunStatus::Success), ("scan", Security, RunStatus::Failed)],
            "NOT VERIFIED",
            "gates: #311 build ok, security failed, deploy missing",
        ),
        (
            ("acme/cart", "v41.0"),
            &[("build", Build, RunStatus::Success), ("scan", Security, RunStatus::Running)],
            "NOT VERIFIED",
            "gates: #311 build ok, security running, deploy missing",
        ),
        (("acme/other", "v41.0"), &[("scan", Security, RunStatus::Failed)], "VERIFIED", "digest,errors,latency,smoke,gates"),
    ];
    for (of, jobs, word, words) in cases {
        let (verdict, ..) = play(Expected::default(), &|_| run(of, jobs), &[]);
        assert_eq!((verdict.as_ref().map(Verified::word), why(&verdict).as_str()), (Some(word), words));
    }
}
