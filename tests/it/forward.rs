//! A Rollout on the console: promoted, promoted in full, retried, paused, stopped; what is offered where, and what became of it.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{App, Came, Effect, End, Event, Known, OpenOperation, Record, Screen, Stand, Subject as Under, offers},
    domain::{
        Answer, Change, Check, CheckKind, Fact, Feed, FeedKind, Id, Kind, Offers, OpId, Operation, Progress, Question, Replicas, Seen, Stage, Steps, Subject,
        TaskId, Verb, Workload,
    },
    gate::Mode,
    keys::Action,
    text::{Clean, Raw},
};

/// A console on which payments in staging is a Rollout, and the answers of its cluster.
struct Play {
    scene: Scene,
    id: Id<Workload>,
    now: Subject,
    acts: Vec<(TaskId, Operation)>,
    recorded: Vec<Record>,
}

fn waiting(step: u32) -> Progress {
    Progress::Waiting { since: None, place: pilothouse::clean!("step {} of 3", step + 1) }
}

fn aborted() -> Progress {
    Progress::Aborted { since: None, back_to: Raw::new("aaa"), whole: true, message: Clean::EMPTY }
}

fn play(progress: Progress) -> Play {
    let mut scene = stage("quiet").mode(Mode::ByTier).play();
    while scene.app.environment_here().is_some_and(|environment| environment.raw() != "staging") {
        scene.go("<left>");
    }
    let id = scene.app.workloads_of(&scene.app.subject()).into_iter().next().expect("a workload is under the cursor");
    let steps = Steps { at: 1, of: 3, waits: true, full: false, aborted: progress.is_aborted(), through: false, template: Raw::new("t2") };
    let now = Subject {
        revision: Some(2),
        generation: 4,
        observed: 4,
        replicas: Replicas { wanted: 3, total: 3, updated: 1, ready: 3, available: 3 },
        progress: progress.clone(),
        steps: Some(steps),
        ..Subject::new(id.clone(), Seen { uid: Raw::new("u"), template: Raw::new("t2 stable=aaa"), paused: matches!(progress, Progress::Paused { .. }) })
    };
    let mut play = Play { scene, id, now, acts: Vec::new(), recorded: Vec::new() };
    let verbs = [Verb::RollBack, Verb::Pause, Verb::Resume, Verb::Promote, Verb::PromoteFull, Verb::Retry];
    let offers = Offers { feeds: [FeedKind::Workloads, FeedKind::Pods].into(), verbs: verbs.into(), ..Offers::default() };
    play.tell(Event::Known(play.id.source(), Ok(Known::Ready(offers))));
    play.becomes(progress);
    play
}

impl Play {
    /// What the watch tells of it, and what it says when it is asked.
    fn becomes(&mut self, progress: Progress) {
        let mut row = self.scene.app.store.workload(&self.id).expect("it is there").clone();
        (row.kind, row.progress) = (Kind::Rollout, progress.clone());
        self.now.progress = progress;
        let told = Event::Facts(self.id.source(), Feed::Workloads, vec![Fact::Workload(Change::Upsert(row))]);
        self.tell(told);
    }

    fn tell(&mut self, event: Event) {
        let effects = self.scene.app.update(self.scene.app.now, event);
        for effect in effects {
            match effect {
                Effect::Ask { task, question: Question::Subject(_), .. } => {
                    self.tell(Event::Answer(task, Ok(Box::new(Answer::Subject(Box::new(self.now.clone()))))));
                }
                Effect::Prepare { task, .. } => {
                    for check in [Check::Expect(vec![CheckKind::Rights]), Check::Made(CheckKind::Rights.ok("we may"))] {
                        self.tell(Event::Check(task, Some(Ok(check))));
                    }
                    self.tell(Event::Check(task, None));
                }
                Effect::Act { task, operation, .. } => self.acts.push((task, *operation)),
                Effect::Record(record) => self.recorded.push(record),
                Effect::Remember(workload) => self.tell(Event::Remembered(workload, Ok(Vec::new()))),
                _ => {}
            }
        }
        if let Some(dialog) = self.scene.app.unseen() {
            let _ = self.scene.app.update(self.scene.app.now, Event::Painted(dialog));
        }
    }

    fn keys(&mut self, keys: &[&str]) -> &mut Self {
        for key in keys {
            self.tell(Event::Key(key.parse().expect("a key")));
        }
        self
    }

    fn types(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            let key = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
            self.keys(&[&key]);
        }
        self
    }

    /// Types the word that staging demands; the one request that leaves.
    fn confirms(&mut self) -> Operation {
        assert!(self.acts.is_empty(), "nothing left before it was confirmed");
        self.keys(&["enter"]).types("yes").keys(&["enter"]);
        let [(_, operation)] = &self.acts[..] else { panic!("{:?}", self.acts) };
        operation.clone()
    }

    fn staged(&mut self, stage: Stage) {
        let (task, _) = self.acts.last().expect("it left").clone();
        self.tell(Event::Stage(task, stage));
    }

    fn accepted(&mut self) {
        let (task, _) = self.acts.last().expect("it left").clone();
        self.tell(Event::Recorded(task, Ok(7)));
        self.staged(Stage::Sending);
        self.staged(Stage::Accepted { request: None, warnings: Vec::new(), revision: None, generation: Some(4) });
    }

    /// So many seconds go by.
    fn wait(&mut self, seconds: i64) {
        let time = jiff::SignedDuration::from_secs(seconds);
        let now = self.scene.app.now;
        self.scene.app.now = pilothouse::app::Now { wall: now.wall + time, mono: now.mono + time.unsigned_abs() };
        self.tell(Event::Tick);
    }

    fn stand(&self) -> Option<&Stand> {
        stand(&self.scene.app)
    }

    /// What the palette and the footer say of an action.
    fn offer(&self, action: Action) -> Result<String, String> {
        let under: Under = self.scene.app.subject();
        let all = offers(&self.scene.app, &under);
        let words = all.into_iter().find(|offer| offer.action == action).expect("it is a verb").words;
        words.map(|words| words.to_string()).map_err(|why| why.to_string())
    }
}

fn stand(app: &App) -> Option<&Stand> {
    app.screens.iter().rev().find_map(|screen| match screen {
        Screen::Operation(key) => app.operations.single(*key).map(|single| &single.stand),
        _ => None,
    })
}

#[test]
fn one_key_promotes_by_one_step_and_it_is_over_when_the_step_has_moved() {
    let mut play = play(waiting(1));
    play.keys(&["A"]).scene.says(&["Promote payments in staging", "it waits at step 2 of 3", "no further than the", "“yes” must be typed"]);
    let operation = play.confirms();
    assert_eq!((operation.verb, operation.from.clone()), (Verb::Promote, play.now.seen_by(Verb::Promote)));
    play.accepted();
    play.wait(5);
    assert!(matches!(play.stand(), Some(Stand::UnderWay(_))), "the step has not moved: {:?}", play.stand());
    play.now.steps.as_mut().expect("steps").at = 2;
    play.becomes(waiting(2));
    play.wait(5);
    assert!(matches!(play.stand(), Some(Stand::Done { end: End::Complete, .. })), "{:?}", play.stand());
    play.scene.says(&["COMPLETE", "promoted in 10s: it waits at step 3 of 3", "Recorded as entry 7"]);
    play.keys(&["enter", "enter"]);
    assert_eq!(play.acts.len(), 1, "once");
}

#[test]
fn what_is_typed_skips_all_steps_and_what_was_aborted_goes_forward_by_its_own_word() {
    let mut full = play(waiting(1));
    full.types(":promote full").keys(&["enter"]).scene.says(&["past all its steps", "skip every step, pause and analysis"]);
    assert_eq!(full.confirms().verb, Verb::PromoteFull);
    let mut retry = play(aborted());
    let version = retry.scene.app.store.workload(&retry.id).expect("it is there").version.clone();
    retry.types(":retry").keys(&["enter"]);
    retry.scene.says(&["Retry payments in staging", "That goes forward, not back", &format!("{version}, the version that was aborted")]);
    assert_eq!(retry.confirms().verb, Verb::Retry);
    retry.accepted();
    retry.wait(5);
    assert!(matches!(retry.stand(), Some(Stand::UnderWay(_))), "{:?}", retry.stand());
    retry.now.steps.as_mut().expect("steps").aborted = false;
    retry.becomes(Progress::Rolling);
    retry.wait(5);
    assert!(matches!(retry.stand(), Some(Stand::Done { end: End::Complete, .. })), "{:?}", retry.stand());
}

#[test]
fn one_that_its_controller_does_not_move_is_told_as_that_at_the_deadline() {
    let mut play = play(waiting(1));
    play.keys(&["A"]);
    play.confirms();
    play.accepted();
    for _ in 0..130 {
        play.wait(5);
    }
    let Some(Stand::Done { end: End::Incomplete(why), .. }) = play.stand() else { panic!("{:?}", play.stand()) };
    assert!(why.contains("it waits at step 2 of 3"), "{why}");
    assert_eq!(play.acts.len(), 1, "nothing is sent again");
}

#[test]
fn a_lost_answer_is_settled_by_the_step_at_which_it_is() {
    for (moved, goes_on) in [(true, true), (false, false)] {
        let mut play = play(waiting(1));
        play.keys(&["A"]);
        play.confirms();
        if moved {
            play.now.steps.as_mut().expect("steps").at = 2;
        }
        play.staged(Stage::Unclear { why: "connection reset".into() });
        for _ in 0..10 {
            play.wait(5);
        }
        let settled = play.stand().map(|stand| matches!(stand, Stand::Done { end: End::Complete, .. }));
        assert_eq!(settled, Some(goes_on), "{:?}", play.stand());
        assert!(goes_on || matches!(play.stand(), Some(Stand::Confirming { again: Some(_), .. })), "{:?}", play.stand());
        assert_eq!(play.acts.len(), 1, "nothing was sent again by itself");
    }
}

#[test]
fn what_somebody_else_promoted_meanwhile_is_planned_anew() {
    let mut play = play(waiting(1));
    play.keys(&["A"]);
    play.confirms();
    let what = "cart was promoted or went on meanwhile: it is at step 3 now";
    play.staged(Stage::Conflict { what: what.into(), same: false });
    play.scene.says(&["the world moved on, nothing was changed", "it is at step 3 now"]);
    assert!(matches!(play.stand(), Some(Stand::Planned(_))), "{:?}", play.stand());
}

#[test]
fn each_is_offered_only_where_it_applies_and_says_why_not_elsewhere() {
    use Action::{LetGo, Pause, Promote, PromoteFull, Resume, Retry, Stop};
    let paused = || Progress::Paused { since: None };
    for (progress, action, offered, words) in [
        (waiting(1), LetGo, true, "promote payments in staging past the pause"),
        (waiting(1), Promote, true, "promote payments in staging past the pause"),
        (waiting(1), PromoteFull, true, "past all its steps"),
        (waiting(1), Retry, false, "was not aborted"),
        (waiting(1), Stop, true, "abort the rollout of payments in staging"),
        (waiting(1), Pause, true, "pause payments in staging"),
        (Progress::Rolling, LetGo, false, "nothing waits to go on"),
        (Progress::Rolling, Promote, false, "waits at no pause"),
        (Progress::Rolling, PromoteFull, true, "past all its steps"),
        (Progress::Done, PromoteFull, false, "no rollout is under way"),
        (Progress::Done, Stop, false, "nothing to abort, R takes back what runs"),
        (aborted(), Retry, true, "forward again to the version that was aborted"),
        (aborted(), LetGo, false, ":retry sends it forward"),
        (aborted(), Promote, false, ":retry sends it forward"),
        (aborted(), Stop, false, "aborted already"),
        (paused(), LetGo, true, "let payments in staging go on"),
        (paused(), Resume, true, "let payments in staging go on"),
        (paused(), Pause, false, "paused already"),
        (paused(), Promote, false, "resume it first"),
    ] {
        let play = play(progress.clone());
        let (found, said) = match play.offer(action) {
            Ok(said) => (true, said),
            Err(said) => (false, said),
        };
        assert!(found == offered && said.contains(words), "{action:?} at {progress:?}: {found} {said}");
    }
    let deployment = stage("quiet").play();
    let words = |action| offers(&deployment.app, &deployment.app.subject()).into_iter().find(|offer| offer.action == action).expect("a verb").words;
    for action in [Promote, PromoteFull, Retry, Stop] {
        assert!(words(action).is_err_and(|why| why.contains("Deployment")), "{action:?}");
    }
}

#[test]
fn the_key_that_stops_opens_the_plan_that_the_key_of_a_rollback_opens() {
    let keys = |key: &str| {
        let mut play = play(waiting(1));
        play.keys(&[key]);
        assert!(play.acts.is_empty());
        play.scene.says(&["Roll back payments in staging"]);
    };
    keys("R");
    keys("X");
}

#[test]
fn a_promotion_that_was_left_behind_is_told_as_what_the_rollout_says() {
    for (moved, came, words) in [(false, Came::Not, "the object is as it was"), (true, Came::Superseded, "this or somebody else moved it")] {
        let mut play = play(waiting(1));
        let open = OpenOperation {
            operation: OpId::restore("else-1"),
            title: "payments in staging: promote".into(),
            verb: Clean::from_static(Verb::Promote.words()),
            subject: play.id.clone(),
            from: play.now.seen_by(Verb::Promote),
            to: None,
            left: None,
            before: None,
            reason: Clean::EMPTY,
            entry: 1,
            since: play.scene.app.now.wall - jiff::SignedDuration::from_mins(2),
            accepted: false,
            alive: None,
        };
        if moved {
            play.now.steps.as_mut().expect("steps").at = 2;
            play.becomes(waiting(2));
        }
        play.tell(Event::Open(vec![open]));
        play.keys(&["B", "enter"]).scene.says(&[words]);
        let told = play.recorded.iter().any(|record| matches!(record, Record::Settled { came: as_this, .. } if *as_this == came));
        assert!(told, "{:?}", play.recorded);
    }
}
