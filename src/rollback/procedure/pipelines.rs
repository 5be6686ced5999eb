//! A rollback that a pipeline carries out: an earlier deployment is made again.

use super::{stage::*, *};
use crate::{
    domain::*,
    store::{
        Store,
        fixture::{World, ago, counts, now, revision, workload},
    },
    text::Name,
};

/// The environment as its newest deployment left it: of commit `newest`, which stands so.
fn site(newest: &'static str, progress: Progress, before: &[&'static str]) -> World {
    let mut row = workload("prod", "shop", "cart");
    row.kind = Kind::CiEnvironment;
    (row.revision, row.images) = (None, Box::default());
    row.version = Version(newest.into());
    row.replicas = counts(1, 1, u32::from(progress == Progress::Done), 1);
    (row.progress, row.changed) = (progress, Some(ago(300)));
    let rows: Vec<Revision> =
        std::iter::once(&newest).chain(before).enumerate().map(|(at, commit)| deployment(&row, (at, before.len() + 1 - at), commit)).collect();
    World::new().workloads("prod", [row]).revisions("prod", rows)
}

fn deployment(of: &Workload, (at, number): (usize, usize), commit: &'static str) -> Revision {
    let mut row = revision(of, 0, u32::from(at == 1));
    row.id = Id::new(&of.id.source(), &format!("{}@{number}", of.id.key()));
    (row.current, row.template, row.version) = (at == 0, Raw::new(commit), Version(commit.into()));
    row.created = Some(ago(300 * (i64::try_from(at).expect("few") + 1)));
    row.evidence = if at == 0 { Vec::new() } else { vec![Evidence::Deployed { by: "GitHub".into() }] };
    row.outline = outline_of(commit);
    row
}

fn outline_of(commit: &'static str) -> Outline {
    Outline(vec![Leaf { part: Part::Other, path: "commit".into(), value: commit.into() }])
}

fn stuck() -> Progress {
    Progress::Stuck { since: Some(ago(240)), reason: "the deployment failed".into(), message: "exit 1".into() }
}

/// The environment whose newest deployment is number `newest`, of `commit`.
fn seen(newest: &str, commit: &'static str) -> Subject {
    Subject { revision: None, outline: outline_of(commit), progress: stuck(), ..subject(newest) }
}

fn rerun(attempt: u32, began: i64, status: RunStatus) -> Option<Rerun> {
    Some(Rerun { name: "run #311 of acme/cart".into(), attempt, began: Some(later(began)), by: "kim".into(), status })
}

fn begun(world: &Store) -> Procedure {
    let (mut procedure, wants) = begin(world);
    let asked: Vec<_> = wants.iter().filter_map(|want| if let Want::Ask(ask) = want { Some(ask.question.clone()) } else { None }).collect();
    assert!(!asked.iter().any(|question| matches!(question, Question::Memory { .. })), "no metrics remember a deployment: {asked:?}");
    for question in asked {
        let answer = match &question {
            Question::Subject(_) => Ok(Answer::Subject(Box::new(seen("900", "bad")))),
            Question::Revisions(_) => Ok(Answer::Revisions(world.revisions_of(&id()).into_iter().cloned().collect())),
            _ => no(),
        };
        let _ = procedure.answered(&question, answer, now());
    }
    procedure.prepared(1, Ok(()));
    procedure
}

fn bad() -> World {
    site("bad", stuck(), &["good", "older"])
}

fn sent_from(world: &World) -> Procedure {
    sent(begun(&world.0))
}

/// What answers while it is under way: how the run stands.
fn answers(rerun: Option<Rerun>) -> impl Fn(&Question) -> Result<Answer, Why> {
    move |question| match question {
        Question::Redeployed { .. } => Ok(Answer::Subject(Box::new(Subject { rerun: rerun.clone(), ..seen("900", "bad") }))),
        _ => no(),
    }
}

fn line(procedure: &Procedure, label: &str, at: i64) -> String {
    procedure.lines(later(at)).iter().find(|line| &*line.label == label).map(|line| line.text.to_string()).unwrap_or_default()
}

#[test]
fn it_goes_to_the_newest_that_succeeded_and_recovers_when_that_is_deployed_again() {
    let world = bad();
    let procedure = begun(&world.0);
    assert_eq!(procedure.goal().map(|goal| goal.version.0.to_string()).as_deref(), Some("good"));
    assert!(procedure.plan().and_then(Plan::candidate).is_some_and(|candidate| candidate.why.contains("likely good: GitHub says it was deployed")));
    let mut procedure = sent(procedure);
    assert!(procedure.staged(&op(1), Stage::Sending, later(1)).is_empty());
    let wants = procedure.staged(&op(1), accepted(), later(1));
    let asks = |want: &Want| matches!(want, Want::Ask(Ask { question: Question::Redeployed { to, .. }, .. }) if to.key().ends_with("@2"));
    assert!(wants.iter().any(asks), "the run is read: {wants:?}");
    assert_eq!(play(&mut procedure, &world.0, 60, &answers(rerun(2, 2, RunStatus::Running))), None);
    assert_eq!(line(&procedure, "deployment", 60), "run #311 of acme/cart is under way; no deployment of good yet");
    assert!(line(&procedure, "taken up", 60).contains("attempt 2"));

    let rolling = site("good", Progress::Rolling, &["bad", "good"]);
    assert_eq!(play(&mut procedure, &rolling.0, 60, &answers(rerun(2, 2, RunStatus::Running))), None);
    assert_eq!(line(&procedure, "deployment", 60), "the deployment of good is under way");
    let done = site("good", Progress::Done, &["bad", "good"]);
    let (verdict, _) = play(&mut procedure, &done.0, 300, &answers(rerun(2, 2, RunStatus::Success))).expect("a verdict");
    assert!(matches!(verdict, Verdict::Recovered { .. }), "{verdict:?}");
    assert_eq!(procedure.headline(later(300)).detail.as_str(), "bad → good     not measured: errors, latency, alert");
}

#[test]
fn a_deployment_that_fails_again_has_not_helped_and_that_is_said_at_once() {
    let mut procedure = sent_from(&bad());
    let _ = procedure.staged(&op(1), accepted(), later(1));
    let (verdict, at) = play(&mut procedure, &site("good", stuck(), &["bad", "good"]).0, 600, &answers(None)).expect("a verdict");
    assert!(matches!(&verdict, Verdict::NotRecovered { why } if &**why == "the deployment of good failed: exit 1"), "{verdict:?}");
    assert!(at < 5, "{at}");
}

#[test]
fn a_run_that_ends_before_it_deploys_has_not_helped() {
    for status in [RunStatus::Failed, RunStatus::Cancelled] {
        let mut procedure = sent_from(&bad());
        let _ = procedure.staged(&op(1), accepted(), later(1));
        let (verdict, _) = play(&mut procedure, &bad().0, 600, &answers(rerun(2, 2, status.clone()))).expect("a verdict");
        assert!(matches!(&verdict, Verdict::NotRecovered { why } if why.ends_with(": good is not deployed")), "{verdict:?}");
    }
    // How it stood before it was run again says nothing.
    let mut procedure = sent_from(&bad());
    let _ = procedure.staged(&op(1), accepted(), later(1));
    assert_eq!(play(&mut procedure, &bad().0, 600, &answers(rerun(1, -900, RunStatus::Failed))), None);
}

#[test]
fn a_lost_answer_is_settled_by_the_run_and_nothing_is_sent_again() {
    let unclear = || {
        let mut procedure = sent_from(&bad());
        let _ = procedure.staged(&op(1), Stage::Sending, later(1));
        let wants = procedure.staged(&op(1), Stage::Unclear { why: "broken".into() }, later(2));
        let [Want::Ask(Ask { question, .. })] = &wants[..] else { panic!("{wants:?}") };
        assert!(matches!(question, Question::Redeployed { .. }), "{question:?}");
        (procedure, question.clone())
    };
    let answered = |subject: Subject, at: i64| {
        let (mut procedure, question) = unclear();
        let wants = procedure.answered(&question, Ok(Answer::Subject(Box::new(subject))), later(at));
        assert!(!wants.iter().any(|want| matches!(want, Want::Act(_))), "{wants:?}");
        procedure.state.word()
    };
    let read = |rerun| Subject { rerun, ..seen("900", "bad") };
    assert_eq!(answered(read(rerun(2, 1, RunStatus::Queued)), 4), "under way", "it was run again since");
    assert_eq!(answered(seen("901", "good"), 4), "under way", "there is a new deployment of it already");
    assert_eq!(answered(read(rerun(1, -900, RunStatus::Success)), 4), "unclear", "it may be on its way");
    assert_eq!(answered(read(rerun(2, -900, RunStatus::Success)), 40), "confirming", "it was run again long before: nothing was applied");
    assert_eq!(answered(seen("901", "other"), 4), "done", "somebody deployed something else");
}

#[test]
fn a_service_that_was_deployed_well_and_of_which_nothing_is_measured_can_not_be_told_recovered() {
    let mut procedure = sent_from(&site("bad", Progress::Done, &["good"]));
    let _ = procedure.staged(&op(1), accepted(), later(1));
    let (verdict, _) = play(&mut procedure, &site("good", Progress::Done, &["bad", "good"]).0, 600, &answers(None)).expect("a verdict");
    assert!(matches!(&verdict, Verdict::CouldNotTell { why } if why.starts_with("it is deployed;")), "{verdict:?}");
}

#[test]
fn another_deployment_on_screen_makes_the_plan_anew() {
    let world = bad();
    let procedure = begun(&world.0);
    let row = |world: &World| world.0.workload(&id()).expect("it is known").clone();
    assert!(!procedure.outdated(&row(&world)) && procedure.outdated(&row(&site("worse", stuck(), &["bad", "good"]))));
}

#[test]
fn it_stands_in_its_cell_only_where_nothing_better_tells_of_it() {
    let told = |world: &World| {
        let matrix = world.0.matrix(now());
        let cell = matrix.rows[0].cells.iter().find(|cell| !cell.workloads.is_empty()).expect("a cell").clone();
        (cell.version.to_string(), cell.serving, cell.workloads.len(), cell.state.word())
    };
    assert_eq!(told(&bad()), ("good → bad".to_owned(), None, 1, "stuck"));
    let mut real = workload("prod", "shop", "cart");
    real.id = Id::new(&crate::store::fixture::source("prod"), "shop/real");
    real.labels = Labels::new([("app", "cart")]);
    let mut ci = bad().0.workload(&id()).expect("it is known").clone();
    (ci.place.context, ci.place.namespace) = (Name::new("acme/cart"), Name::new("prod"));
    let both = World::new().workloads("prod", [ci, real]);
    assert_eq!(told(&both), ("1.0".to_owned(), Some((3, 3)), 1, "ok"));
}
