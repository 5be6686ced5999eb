//! Traffic that is led to another workload, which stands ready beside the one that is bad.

use super::{stage::*, *};
use crate::{
    domain::*,
    store::fixture::{World, ago, counts, crashing, now, pod, revision, workload},
    text::{Name, Raw},
};

const ENDPOINTS: Reach = Reach::Endpoints { own: 3, other: 0 };

fn blue() -> Workload {
    Workload { revision: Some(7), version: Version("7.0".into()), ..workload("prod", "shop", "blue") }
}

fn stands() -> Revision {
    let evidence = vec![Evidence::StandsReady { ready: 3, wanted: 3, until: Some(ago(100)) }];
    Revision { current: true, created: Some(ago(9000)), evidence, outline: route_outline("blue"), ..revision(&blue(), 7, 3) }
}

fn route_outline(to: &'static str) -> Outline {
    Outline(vec![Leaf { part: Part::Route, path: "Service web: selector color".into(), value: to.into() }])
}

/// The route with how many of a hundred requests go to blue, as `mark` left it.
fn route(share: u32, reach: Reach, mark: Option<&'static str>) -> Route {
    let cart = Revision { current: true, created: Some(ago(600)), outline: route_outline("green"), ..revision(&workload("prod", "shop", "cart"), 42, 0) };
    let arm = |revision: Revision, name: &str, share| Arm { workload: revision.workload.clone(), name: Name::new(name), revision, ready: 3, wanted: 3, share };
    Route {
        name: "Service web".into(),
        seen: Seen { uid: Raw::new("route"), template: Raw::new(&share.to_string()), paused: false },
        operation: mark.map(Clean::from_static),
        changed_by: Some(("kubectl".into(), None)),
        switched: Some(ago(100)),
        arms: vec![arm(stands(), "web-blue", share), arm(cart, "web-green", 100 - share)],
        reach,
    }
}

fn told(route: Route) -> Answer {
    Answer::Subject(Box::new(Subject { routes: vec![route], ..subject("t42") }))
}

/// The plan that leads the traffic to blue.
fn planned() -> Procedure {
    let (mut procedure, wants) = begin(&world().0);
    for want in wants {
        let Want::Ask(ask) = want else { continue };
        let result = match &ask.question {
            Question::Subject(_) => Ok(told(route(0, ENDPOINTS, None))),
            Question::Revisions(_) => {
                let mut rows = revisions(&procedure.case.workload).to_vec();
                rows.iter_mut().for_each(|row| row.created = Some(ago(600)));
                Ok(Answer::Revisions(rows))
            }
            _ => no(),
        };
        let _ = procedure.answered(&ask.question, result, now());
    }
    procedure.prepared(1, Ok(()));
    procedure
}

/// Green crashes; blue is well beside it.
fn world() -> World {
    let mut green = workload("prod", "shop", "cart");
    (green.revision, green.version, green.progress, green.replicas) = (Some(42), Version("42.0".into()), Progress::Rolling, counts(3, 3, 3, 0));
    let pods = ["a", "b", "c"].map(|name| pod(&blue(), 7, name)).into_iter().chain([crashing(pod(&green, 42, "x"), 1, 5)]);
    let rows = [revisions(&green).to_vec(), vec![stands()]].concat();
    World::new().workloads("prod", [green, blue()]).revisions("prod", rows).pods("prod", pods.collect::<Vec<_>>())
}

fn accepted_at_once() -> Procedure {
    let mut procedure = sent(planned());
    let wants = procedure.staged(&op(1), accepted(), later(0));
    assert!(wants.iter().any(|want| matches!(want, Want::Ask(Ask { question: Question::Subject(_), .. }))), "where it leads is read: {wants:?}");
    procedure
}

/// Plays the world while the route is read as `reads` has it.
fn watch(procedure: &mut Procedure, until: i64, reads: &dyn Fn() -> Route) -> Option<(Verdict, i64)> {
    play(procedure, &world().0, until, &|question| match question {
        Question::Subject(_) => Ok(told(reads())),
        _ => no(),
    })
}

#[test]
fn the_plan_is_about_the_route_and_changes_no_workload() {
    let mut procedure = planned();
    let plan = procedure.plan().expect("a plan");
    assert_eq!((plan.verb(), plan.goal().map(|goal| goal.template)), (Verb::SwitchBack, Some(Raw::new("h7"))));
    assert_eq!(&*procedure.change(), "42.0 r42 → 7.0 on web-blue");
    let difference: Vec<_> = plan.difference.iter().map(|change| (change.part, change.before.as_deref(), change.after.as_deref())).collect();
    assert_eq!(difference, [(Part::Route, Some("green"), Some("blue"))]);
    let _ = procedure.older(now());
    assert_eq!(procedure.plan().map(Plan::verb), Some(Verb::RollBack), "its own earlier revision is the next one");
    let _ = procedure.newer(now());
    procedure.prepared(3, Ok(()));
    procedure.open_confirm().expect("nothing bars it");
    let wants = procedure.confirmed(op(1), "errors".into(), "oncall".into(), now());
    let [Want::Act(operation)] = &wants[..] else { panic!("{wants:?}") };
    assert_eq!((operation.verb, operation.from.uid.expose(), operation.subject.clone()), (Verb::SwitchBack, "route", id()));
}

#[test]
fn it_is_recovered_when_only_ready_pods_of_the_target_are_reached() {
    for (what, share, reach, recovers) in [
        ("only blue", 100, ENDPOINTS, true),
        ("a mesh is not measured", 100, Reach::Mesh, true),
        ("an endpoint of green is left", 100, Reach::Endpoints { own: 3, other: 1 }, false),
        ("nothing is reached", 100, Reach::Endpoints { own: 0, other: 0 }, false),
    ] {
        let mut procedure = accepted_at_once();
        let ended = watch(&mut procedure, 120, &|| route(share, reach, Some("7f3a-1")));
        assert_eq!(matches!(ended, Some((Verdict::Recovered { .. }, _))), recovers, "{what}: {ended:?}");
        assert_eq!(procedure.watched(), &blue().id, "{what}: the pods of blue are what is looked at");
        let pods = &procedure.proofs(later(120))[0].text;
        let mesh = reach == Reach::Mesh;
        assert_eq!(pods.contains("not measured"), mesh, "{what}: {pods}");
        let open = procedure.still_open(&[]);
        assert_eq!(open.iter().any(|line| line.text.contains("still runs 42.0")), recovers, "{what}: {open:?}");
    }
}

#[test]
fn somebody_who_switches_again_ends_it() {
    for (share, mark) in [(0, "7f3a-1"), (40, "7f3a-1"), (0, "another console")] {
        let mut procedure = accepted_at_once();
        assert_eq!(watch(&mut procedure, 4, &|| route(0, ENDPOINTS, None)), None, "that was read before the request arrived");
        assert_eq!(watch(&mut procedure, 20, &|| route(100, ENDPOINTS, Some("7f3a-1"))), None, "it is still being verified");
        let (verdict, _) = watch(&mut procedure, 40, &|| route(share, ENDPOINTS, Some(mark))).expect("a verdict");
        assert!(matches!(&verdict, Verdict::NotRecovered { why } if why.contains("somebody switched forward")), "{share}: {verdict:?}");
    }
}

#[test]
fn a_lost_answer_is_settled_by_what_the_route_says() {
    let lost = || {
        let mut procedure = sent(planned());
        let _ = procedure.staged(&op(1), Stage::Unclear { why: "lost".into() }, later(1));
        procedure
    };
    let read = |procedure: &mut Procedure, route: Option<Route>, second| {
        let answer = route.map_or(Answer::Subject(Box::new(subject("t99"))), told);
        let _ = procedure.answered(&Question::Subject(id()), Ok(answer), later(second));
        state(procedure)
    };
    let mut procedure = lost();
    assert_eq!(read(&mut procedure, None, 2), "unclear", "what can not be read settles nothing");
    assert_eq!(read(&mut procedure, Some(route(0, ENDPOINTS, None)), 3), "unclear", "it may be on its way");
    assert_eq!(read(&mut procedure, Some(route(100, ENDPOINTS, Some("7f3a-1"))), 4), "under way");
    let mut procedure = lost();
    assert_eq!(read(&mut procedure, Some(route(0, ENDPOINTS, None)), 60), "confirming", "it was not applied");
    let mut procedure = lost();
    assert_eq!(read(&mut procedure, Some(route(100, ENDPOINTS, None)), 60), "done", "somebody else did it");
    assert!(matches!(&procedure.state, State::Done { verdict: Verdict::CouldNotTell { why }, .. } if why.contains("by kubectl")), "{:?}", procedure.state);
}

#[test]
fn one_that_another_console_began_is_watched_where_the_route_leads() {
    let before = planned();
    let (goal, plan) = (before.goal().expect("a goal"), before.plan().expect("a plan"));
    let from = plan.switch().expect("a switch").0.seen.clone();
    let resumed = (op(1), Verb::SwitchBack, goal, from);
    let (mut procedure, _) = Procedure::resume(before.case.clone(), resumed, Raw::new("h42"), now(), "oncall".into(), Timing::default(), now());
    assert_eq!(procedure.watched(), &id(), "not known yet");
    let ended = watch(&mut procedure, 120, &|| route(100, ENDPOINTS, Some("7f3a-1")));
    assert_eq!(procedure.watched(), &blue().id);
    assert!(matches!(ended, Some((Verdict::Recovered { .. }, _))), "{ended:?}");
}
