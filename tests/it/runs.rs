//! Runs of a CI: run again, cancelled, approved, rejected, through the same gate as everything else.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{Effect, End, Event, Known, Screen, Stand, offers},
    domain::{Change, Fact, Feed, Id, Link, Run, RunStatus, SourceId, Stage as Told, Verb},
    gate::Mode,
    keys::{Action, Key},
};

/// The story when cart's run waits for a person, with the cursor on it.
fn waiting(mode: Mode) -> Scene {
    let mut scene = stage("incident").size(120, 40).mode(mode).keys("2").after("4m").play();
    on(&mut scene, 312);
    scene
}

/// Moves the cursor to the run of that number.
fn on(scene: &mut Scene, number: u64) {
    scene.go("g");
    for _ in 0..scene.app.pipelines.order.len() {
        let here = scene.app.pipelines.at.id().and_then(|id| scene.app.store.run(id)).map(|run| run.number);
        if here == Some(number) {
            return;
        }
        scene.go("j");
    }
    panic!("no run #{number}\n{}", scene.text());
}

/// The run of that number as the store has it.
fn row(scene: &Scene, number: u64) -> Run {
    scene.app.store.runs().into_iter().find(|run| run.number == number).expect("it is known").clone()
}

#[test]
fn what_waited_in_a_queue_stays_under_the_cursor_open_and_watched_when_its_turn_has_come() {
    let mut scene = waiting(Mode::Write);
    let before = row(&scene, 312);
    scene.go("W<enter>").says(&["#312"]);
    let mut now = Run { id: Id::new(&before.id.source(), "builds/312"), was: Some(before.id.clone()), status: RunStatus::Running, ..before.clone() };
    let told = |facts: Vec<Fact>| Event::Facts(before.id.source(), Feed::Runs, facts);
    scene.told(told(vec![Change::Upsert(now.clone()).into(), Change::<Run>::Remove(before.id.clone()).into()]));
    assert!(matches!(scene.app.screens.last(), Some(Screen::Run(id, _)) if *id == now.id), "its screen is open");
    scene.says(&["#312"]).hides(&["this run is gone"]);
    assert_eq!(scene.app.pipelines.at.id(), Some(&now.id));
    now.status = RunStatus::Failed;
    let effects = scene.app.update(scene.app.now, told(vec![Change::Upsert(now).into()]));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Notify(words) if words.contains("running → failed"))), "{effects:?}");
}

#[test]
fn on_the_screen_of_a_run_the_run_is_watched_whichever_job_is_chosen() {
    let mut scene = waiting(Mode::Write);
    let before = row(&scene, 312);
    scene.go("<enter>jw").says(&["#312 is watched (waiting now)", "it rings when that changes"]);
    let told = |status| Event::Facts(before.id.source(), Feed::Runs, vec![Change::Upsert(Run { status, ..before.clone() }).into()]);
    let rings = |scene: &mut Scene, status| {
        let effects = scene.app.update(scene.app.now, told(status));
        effects.iter().filter_map(|effect| if let Effect::Notify(words) = effect { Some(words.to_string()) } else { None }).collect::<Vec<_>>()
    };
    let [words] = &rings(&mut scene, RunStatus::Failed)[..] else { panic!("it rings once") };
    assert!(words.contains("#312") && words.ends_with("waiting → failed"), "{words}");
    assert!(rings(&mut scene, RunStatus::Failed).is_empty(), "it is as it was");
    scene.go("W").says(&["#312 is no longer watched"]);
    assert!(rings(&mut scene, RunStatus::Success).is_empty());
}

fn status(scene: &Scene, number: u64) -> (u32, RunStatus) {
    let run = scene.app.store.runs().into_iter().find(|run| run.number == number).expect("it is known");
    (run.attempt, run.status.clone())
}

fn stand(scene: &Scene) -> &Stand {
    let key = scene.app.screens.iter().find_map(|screen| if let Screen::Operation(key) = screen { Some(*key) } else { None });
    &scene.app.operations.single(key.expect("a plan is open")).expect("it is one change").stand
}

fn complete(scene: &Scene) -> bool {
    matches!(stand(scene), Stand::Done { end: End::Complete, .. })
}

#[test]
fn what_waits_for_a_person_is_approved_as_strictly_as_what_it_deploys_to() {
    let mut scene = waiting(Mode::Write);
    scene.go("A").says(&["Approve", "#312 of shop/cart", "waits for production", "release-managers", "THE SAME BY HAND"]);
    scene.go("<enter>cart<enter>waits for nobody else<enter>");
    assert_eq!(scene.theatre.acts.last().map(|act| (act.verb, act.subject.key().to_owned())), Some((Verb::Approve, "cart/312".to_owned())));
    scene.go("<wait:10s>");
    assert!(complete(&scene), "{:?}", stand(&scene));
    scene.says(&["COMPLETE", "approved, it goes on"]);
    assert_eq!(status(&scene, 312), (1, RunStatus::Running));
}

#[test]
fn what_is_rejected_does_not_go_on() {
    let mut scene = waiting(Mode::Write);
    scene.go(":reject<enter>").says(&["Reject", "says no to production"]);
    scene.go("<enter>cart<enter>not tonight<enter><wait:10s>");
    assert!(complete(&scene), "{:?}", stand(&scene));
    assert_eq!(status(&scene, 312).1, RunStatus::Failed);
}

#[test]
fn a_run_is_cancelled_and_what_was_stopped_runs_again() {
    let mut scene = waiting(Mode::Write);
    scene.go("X").says(&["Cancel", "#312 of shop/cart", "what was deployed"]);
    scene.go("<enter>cart<enter>wrong branch<enter><wait:10s>");
    assert!(complete(&scene), "{:?}", stand(&scene));
    assert_eq!(status(&scene, 312).1, RunStatus::Cancelled);
    scene.go("<enter>");
    on(&mut scene, 312);
    assert!(scene.app.offer(Action::Stop, &scene.app.subject()).is_err_and(|why| why.contains("over already")));
    scene.go("r").says(&["Rerun what failed", "as attempt 2"]);
    scene.go("<enter>cart<enter>once more<enter><wait:10s>");
    assert!(complete(&scene), "{:?}", stand(&scene));
    scene.says(&["attempt 2 is there"]);
    assert_eq!(status(&scene, 312).0, 2);
    assert_eq!(scene.theatre.acts.iter().map(|act| act.verb).collect::<Vec<_>>(), [Verb::Cancel, Verb::RerunFailed], "each once");
}

/// A key on the plan of a change of a run is about that run.
#[test]
fn on_the_plan_of_a_run_the_keys_are_about_the_run() {
    let mut scene = waiting(Mode::Write);
    scene.go("X").says(&["Cancel", "#312 of shop/cart"]);
    scene.go("A").hides(&["this workload is gone"]).says(&["Approve", "#312 of shop/cart"]);
    scene.go("<esc><esc>");
    on(&mut scene, 311);
    scene.go("r").says(&["Rerun what failed", "#311 of shop/cart"]);
    scene.go("r").hides(&["this workload is gone"]).says(&["Rerun what failed", "#311 of shop/cart"]);
    assert_eq!(scene.app.screens.len(), 1, "the plan that is open is checked once more");
    assert!(scene.theatre.acts.is_empty());
}

#[test]
fn read_only_and_a_lock_forbid_it() {
    for (mode, says) in [(Mode::ReadOnly, "read-only"), (Mode::ByTier, "locked")] {
        let mut scene = waiting(mode);
        scene.go("X<enter>").says(&[says]);
        assert!(matches!(stand(&scene), Stand::Planned(_)), "{:?}", stand(&scene));
        assert!(scene.theatre.acts.is_empty());
    }
}

#[test]
fn what_moved_since_is_read_again_and_a_lost_answer_is_settled_by_the_run_itself() {
    let mut scene = waiting(Mode::Write);
    scene.go("X<enter>cart<enter>wrong branch");
    let key: Key = "enter".parse().expect("a key");
    let act = |scene: &mut Scene| {
        let effects = scene.app.update(scene.app.now, Event::Key(key));
        effects.into_iter().find_map(|effect| if let Effect::Act { task, .. } = effect { Some(task) } else { None })
    };
    let task = act(&mut scene).expect("the one request");
    scene.told(Event::Recorded(task, Ok(7))).told(Event::Stage(task, Told::Sending));
    scene.told(Event::Stage(task, Told::Unclear { why: "the connection broke".into() }));
    assert!(matches!(stand(&scene), Stand::Unclear { .. }));
    scene.go("<wait:1m>");
    assert!(matches!(stand(&scene), Stand::Confirming { again: Some(why), .. } if why.contains("was not applied")), "{:?}", stand(&scene));
    assert!(scene.theatre.acts.is_empty(), "nothing is sent again by itself");
    scene.go("<tab><tab>");
    let task = act(&mut scene).expect("a person pressed it once more");
    scene.told(Event::Recorded(task, Ok(8))).told(Event::Stage(task, Told::Conflict { what: "it is attempt 2 by now".into(), same: false }));
    scene.says(&["it is attempt 2 by now"]);
    assert!(matches!(stand(&scene), Stand::Planned(_) | Stand::Reading { .. }));
}

#[test]
fn only_what_can_be_done_is_offered() {
    let scene = waiting(Mode::Write);
    let yes = |scene: &Scene| -> Vec<Action> {
        offers(&scene.app, &scene.app.subject()).into_iter().filter(|offer| offer.words.is_ok()).map(|offer| offer.action).collect()
    };
    let here = yes(&scene);
    assert!([Action::Stop, Action::LetGo, Action::Reject, Action::ForceCancel].iter().all(|action| here.contains(action)), "{here:?}");
    assert!(![Action::Restart, Action::Rerun].iter().any(|action| here.contains(action)), "{here:?}");
    let mut scene = waiting(Mode::Write);
    on(&mut scene, 311);
    let here = yes(&scene);
    assert!([Action::Restart, Action::Rerun].iter().all(|action| here.contains(action)), "{here:?}");
    assert!(![Action::Stop, Action::LetGo, Action::Reject].iter().any(|action| here.contains(action)), "{here:?}");
}

#[test]
fn where_a_ci_runs_nothing_but_the_whole_again_the_same_key_runs_that() {
    let mut scene = waiting(Mode::Write);
    on(&mut scene, 311);
    let source = scene.app.pipelines.at.id().expect("a run").source();
    let Some(Ok(Known::Ready(mut known))) = scene.app.sources.get(&source).cloned() else { panic!("{source} is there") };
    known.verbs.remove(&Verb::RerunFailed);
    scene.told(Event::Known(source.clone(), Ok(Known::Ready(known.clone()))));
    let words = |scene: &Scene| scene.app.offer(Action::Restart, &scene.app.subject());
    assert!(words(&scene).is_ok_and(|words| words.starts_with("rerun release #311")), "{:?}", words(&scene));
    scene.go("r").says(&["Rerun release #311", "runs every job of"]);
    known.verbs.remove(&Verb::Rerun);
    scene.go("<esc>").told(Event::Known(source, Ok(Known::Ready(known))));
    assert!(words(&scene).is_err_and(|why| why.contains("from here: open")), "{:?}", words(&scene));
}

#[test]
fn the_plan_of_a_run_as_it_stands() {
    let scene = || stage("incident").size(80, 24).mode(Mode::Write).keys("2").after("4m");
    scene().keys("gA").shows("run_approve_80x24");
    scene().keys("gX<enter>cart<enter>wrong branch<enter>").after("4s").shows("run_cancelled_80x24");
}

#[test]
fn a_feed_that_nobody_listens_to_keeps_nobody_awake() {
    let mut scene = stage("incident").untold();
    let calm = scene.app.next_wake();
    let source = SourceId::new("github");
    let jobs = Feed::Jobs(Id::new(&source, "acme/cart/311"));
    scene.told(Event::Link(source.clone(), jobs.clone(), Link::Connecting));
    assert!(scene.app.next_wake() < calm, "what is on its way is looked at each second");
    scene.told(Event::Link(source, jobs, Link::NotConnected));
    assert_eq!(scene.app.next_wake(), calm);
}

#[test]
fn a_cursor_that_nobody_moved_stays_where_what_runs_is() {
    let mut scene = stage("incident").at("-6m").play();
    let here = |scene: &Scene| (scene.app.pipelines.at.row(), scene.app.pipelines.at.id().cloned());
    let began = here(&scene);
    assert_eq!(began.0, Some(0));
    let mut others = 0;
    for _ in 0..40 {
        scene.go("<wait:15s>");
        assert_eq!(here(&scene).0, Some(0));
        others += usize::from(here(&scene).1 != began.1);
    }
    assert!(others > 0, "another run came to the top in these ten minutes");
    // Whoever is at it keeps what is under the cursor.
    let mut scene = stage("incident").at("-6m").keys("2").play();
    assert_eq!(here(&scene), began);
    let mut down = 0;
    for _ in 0..40 {
        scene.go("<wait:15s>");
        assert_eq!(here(&scene).1, began.1);
        down += usize::from(here(&scene).0 != Some(0));
    }
    assert!(down > 0, "its run went down, the cursor with it");
}

#[test]
fn jobs_of_runs_that_nobody_can_see_are_not_asked_for() {
    let asks = |scene: &Scene| scene.app.wanted().iter().filter(|(_, feed)| matches!(feed, Feed::Jobs(_))).count();
    let mut scene = stage("incident").size(120, 40).after("4m").play();
    let all = asks(&scene);
    assert!(all > 1, "the panel is there: {all}");
    // Another screen lies over it: whoever is soon back finds them, and a minute later nobody asks.
    scene.go("B<wait:30s>");
    assert_eq!(asks(&scene), all);
    scene.go("<wait:62s>");
    assert_eq!(asks(&scene), 0);
    scene.go("<esc>");
    assert_eq!(asks(&scene), all);
    // A run that is open is asked for, and those below it are not.
    scene.go("2<enter><wait:62s>");
    assert_eq!(asks(&scene), 1);
    // A cursor on its way down passes over runs that nobody asks for, and what was just seen is kept.
    let mut scene = stage("incident").size(120, 40).after("4m").keys("2").play();
    let run = scene.app.store.runs()[0].clone();
    let source = run.id.source();
    let more = (1_000..1_040).map(|number| Change::Upsert(Run { id: Id::new(&source, &format!("acme/cart/{number}")), number, ..run.clone() }).into());
    scene.told(Event::Facts(source.clone(), Feed::Runs, more.collect())).go("g<wait:62s>");
    assert_eq!(asks(&scene), 6);
    (0..24).for_each(|_| _ = scene.told(Event::Key(Key::char('j'))));
    assert_eq!(asks(&scene), 6);
    for (script, asked) in [("<wait:1s>", 12), ("<wait:62s>", 6)] {
        scene.go(script);
        assert_eq!(asks(&scene), asked, "{script}");
    }
    // In a small terminal the panel has a line until somebody goes there.
    let mut small = stage("incident").size(80, 24).after("4m").play();
    assert_eq!(asks(&small), 0);
    small.go("2<wait:1s>");
    assert!(asks(&small) > 1);
}
