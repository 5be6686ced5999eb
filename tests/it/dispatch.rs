//! A workflow is started from one of its runs, with inputs that are written on the plan: nothing in them executes.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{self, Effect, End, Event, Known, Screen, Single, Stand, offers},
    domain::{Again, Answer, Change, Feed, Held, Inputs, Job, Question, RunNow, RunStatus, Stage as Told, Subject, Verb},
    gate::Mode,
    keys::{Action, Key},
    text::{Name, Raw},
};

/// The plan of another run of what cart's newest run is of.
fn planned(mode: Mode, size: (u16, u16)) -> Scene {
    let mut scene = stage("incident").size(size.0, size.1).mode(mode).keys("2").after("4m").play();
    scene.go("gD");
    scene
}

fn single(scene: &Scene) -> &Single {
    let key = scene.app.screens.iter().find_map(|screen| if let Screen::Operation(key) = screen { Some(*key) } else { None });
    scene.app.operations.single(key.expect("a plan is open")).expect("it is one change")
}

fn lines(scene: &Scene) -> Vec<&str> {
    single(scene).lines.fields.iter().map(|field| field.text()).collect()
}

#[test]
fn what_is_written_on_the_plan_is_what_is_sent_once_and_the_new_run_is_named() {
    let mut scene = planned(Mode::Write, (120, 40));
    scene.says(&["Dispatch release of shop/cart on main", "INPUTS", "must be written", "environment=staging", "one of staging, production"]);
    scene.says(&["Enter is barred: version must be written: Tab writes it"]);
    scene.go("<enter>");
    assert!(matches!(single(&scene).stand, Stand::Planned(_)), "Enter is barred");
    // Keys are text here: q does not close, R rolls nothing back.
    scene.go(
        "<tab>2.8.1-qR<backspace><backspace><backspace><down><backspace><backspace><backspace><backspace><backspace><backspace><backspace>production<enter>",
    );
    assert_eq!(lines(&scene), ["version=2.8.1", "environment=production", "dry_run=false"]);
    scene.says(&[
        "version=2.8.1",
        "environment=production",
        "gh workflow run release.yml --ref main -f version=2.8.1 -f environment=production -f dry_run=false",
    ]);
    scene.go("<enter>").says(&["dispatch with version=2.8.1, environment=production, dry_run=false"]);
    scene.go("cart<enter>the mirror is back<enter>");
    let [sent] = &scene.theatre.acts[..] else { panic!("{:?}", scene.theatre.acts) };
    let given: Vec<(&str, &str)> = sent.inputs.iter().map(|one| (one.name.raw(), one.value.expose())).collect();
    assert_eq!((sent.verb, given), (Verb::Dispatch, vec![("version", "2.8.1"), ("environment", "production"), ("dry_run", "false")]));
    scene.go("<wait:10s>").says(&["COMPLETE", "#313 was started"]);
    assert_eq!(scene.theatre.acts.len(), 1, "once");
    let run = scene.app.store.runs().into_iter().find(|run| run.number == 313).expect("it is in the list");
    assert_eq!(run.branch.raw(), "main");
}

#[test]
fn a_value_that_is_no_choice_is_said_at_once_and_can_not_be_sent() {
    let mut scene = planned(Mode::Write, (120, 40));
    scene.go("<tab>1<tab>2").says(&["environment takes one of staging, production"]);
    scene.go("<enter>").says(&["Enter is barred: environment takes one of staging, production"]);
    scene.go("<enter>");
    assert!(matches!(single(&scene).stand, Stand::Planned(_)) && scene.theatre.acts.is_empty());
    // Esc leaves them as they were before the last Tab.
    scene.go("<shift-tab><shift-tab><backspace><esc>");
    assert_eq!(lines(&scene), ["version=1", "environment=staging2", "dry_run=false"]);
    scene.go("<tab><down><backspace><enter>").says(&["confirm…"]);
    scene.go("<enter>");
    assert!(matches!(single(&scene).stand, Stand::Confirming { .. }), "{:?}", single(&scene).stand);
    scene.go("<esc><esc>");
    assert!(scene.app.screens.is_empty() && scene.theatre.acts.is_empty(), "Esc is always no");
}

#[test]
fn read_only_and_a_lock_forbid_it_and_what_is_no_run_says_why() {
    for (mode, says) in [(Mode::ReadOnly, "read-only"), (Mode::ByTier, "locked")] {
        let mut scene = planned(mode, (120, 40));
        scene.go("<tab>2.8.1<enter><enter>").says(&[says]);
        assert!(matches!(single(&scene).stand, Stand::Planned(_)) && scene.theatre.acts.is_empty());
    }
    let mut scene = stage("incident").size(120, 40).mode(Mode::Write).after("4m").play();
    scene.go(":dispatch").says(&["only what a run of a CI is of can be started"]);
    let mut scene = stage("incident").size(120, 40).mode(Mode::Write).keys("2").after("4m").play();
    let found = offers(&scene.app, &scene.app.subject()).into_iter().find(|offer| offer.action == Action::Dispatch).expect("it is offered");
    assert!(found.words.is_ok_and(|words| words.starts_with("dispatch release of shop/")));
    scene.go("<enter>D").says(&["Dispatch release of shop/"]);
}

#[test]
fn a_lost_answer_is_never_called_not_applied_and_nothing_is_sent_again() {
    let mut scene = planned(Mode::Write, (120, 40));
    scene.go("<tab>2.8.1<enter><enter>cart<enter>the mirror is back");
    let key: Key = "enter".parse().expect("a key");
    let effects = scene.app.update(scene.app.now, Event::Key(key));
    let task = effects.into_iter().find_map(|effect| if let Effect::Act { task, .. } = effect { Some(task) } else { None }).expect("the one request");
    scene.told(Event::Recorded(task, Ok(7))).told(Event::Stage(task, Told::Sending));
    scene.told(Event::Stage(task, Told::Unclear { why: "the connection broke".into() }));
    assert!(matches!(single(&scene).stand, Stand::Unclear { .. }));
    scene.go("<wait:1m>").says(&["COULD NOT TELL", "the connection broke", "you start another"]);
    assert!(matches!(&single(&scene).stand, Stand::Done { end: End::CouldNotTell(_), .. }) && scene.theatre.acts.is_empty(), "nothing is sent by itself");
}

/// Presses keys, each a name or a character, and gives back what is wanted of the world.
fn press(scene: &mut Scene, keys: &[&str]) -> Vec<Effect> {
    let one = |key: &&str| scene.app.update(scene.app.now, Event::Key(key.parse().expect("a key")));
    keys.iter().flat_map(one).collect()
}

/// What the CI of a run can do besides.
fn can_also(scene: &mut Scene, verbs: &[Verb]) {
    let source = scene.app.pipelines.at.id().expect("a run").source();
    let Some(Ok(Known::Ready(mut known))) = scene.app.sources.get(&source).cloned() else { panic!("{source} is there") };
    known.verbs.extend(verbs);
    scene.told(Event::Known(source, Ok(Known::Ready(known))));
}

/// The job of the run under the cursor that waits, as one of a status.
fn stands(scene: &mut Scene, status: RunStatus) -> Job {
    let run = scene.app.pipelines.at.id().expect("a run").clone();
    let waiting = |job: &&Job| matches!(job.status, RunStatus::Waiting(_));
    let job = scene.app.store.jobs_of(&run).into_iter().find(waiting).expect("one waits").clone();
    let job = Job { status, ..job };
    scene.told(Event::Facts(run.source(), Feed::Jobs(run), vec![Change::Upsert(job.clone()).into()]));
    job
}

#[test]
fn a_job_is_played_with_variables_of_any_name() {
    let mut scene = stage("incident").size(120, 40).mode(Mode::Write).keys("2").after("4m").keys("g").play();
    can_also(&mut scene, &[Verb::Play]);
    let effects = press(&mut scene, &["A"]);
    let asked = effects.into_iter().find_map(|effect| if let Effect::Ask { task, question, .. } = effect { Some((task, question)) } else { None });
    let Some((task, Question::Run { run, verb: Verb::Play })) = asked else { panic!("{asked:?}") };
    let of = scene.app.store.runs().into_iter().find(|run| run.number == 312).expect("the run").clone();
    let inputs = Ok(Inputs { known: Vec::new(), open: true });
    let held = vec![Held { environment: Name::new("deploy"), key: Raw::new("41"), ours: None, asks: Vec::new() }];
    let now = RunNow { run: of, failed: Vec::new(), held, again: Again::Within, inputs };
    let subject = Subject { workload: run.cast(), ..now.subject(Verb::Play) };
    scene.told(Event::Answer(task, Ok(Box::new(Answer::Subject(Box::new(subject))))));
    scene.says(&["INPUTS", "none; any NAME=value can be written", "with the variables that it has."]);
    let typed = press(&mut scene, &["tab", "T", "O", "K", "E", "N", "=", "x", "y"]);
    assert!(typed.is_empty(), "nothing in it executes");
    scene.says(&["TOKEN=••"]).hides(&["TOKEN=xy"]);
    let mut effects = press(&mut scene, &["enter"]);
    scene.says(&["TOKEN=••••", "with the variables that it has, with the inputs above."]).hides(&["xy"]);
    let Some(Effect::Prepare { operation, .. }) = effects.pop() else { panic!("{effects:?}") };
    assert_eq!(operation.inputs.iter().map(|one| (one.name.raw(), one.value.expose())).collect::<Vec<_>>(), [("TOKEN", "xy")]);
}

#[test]
fn a_key_is_about_the_job_that_is_chosen_where_its_ci_knows_such_a_thing() {
    let mut scene = stage("incident").size(120, 40).mode(Mode::Write).keys("2").after("4m").keys("g").play();
    can_also(&mut scene, &[Verb::Play, Verb::RerunJob]);
    let words = |scene: &Scene, action, job: &Job| {
        scene.app.offer(action, &app::Subject::Job(job.id.clone())).map_or_else(|why| why.to_string(), |words| words.to_string())
    };
    let job = stands(&mut scene, RunStatus::Waiting("for somebody to play it".into()));
    assert!(words(&scene, Action::LetGo, &job).starts_with("play deploy of release #312"), "{}", words(&scene, Action::LetGo, &job));
    let job = stands(&mut scene, RunStatus::unapproved(&Name::new("production")));
    assert!(words(&scene, Action::LetGo, &job).starts_with("approve deploy of release #312"), "{}", words(&scene, Action::LetGo, &job));
    assert!(words(&scene, Action::Reject, &job).starts_with("reject deploy of release #312"));
    let job = stands(&mut scene, RunStatus::Failed);
    assert!(words(&scene, Action::Restart, &job).starts_with("rerun the job deploy of release #312"), "{}", words(&scene, Action::Restart, &job));
}

#[test]
fn the_plan_of_a_start_as_it_is_written() {
    let scene = || stage("incident").size(80, 24).mode(Mode::Write).keys("2").after("4m");
    scene().keys("gD").shows("dispatch_plan_80x24");
    scene().keys("gD<tab>2.8.1<tab>x").shows("dispatch_inputs_80x24");
    scene().keys("gD<tab>2.8.1<enter><enter>").shows("dispatch_confirm_80x24");
}
