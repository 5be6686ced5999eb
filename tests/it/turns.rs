//! The pod that a StatefulSet waits for in vain: where the key offers its deletion, and where it does not.

use crate::stage::{Scene, stage};
use pilothouse::{
    app::{App, Effect, End, Event, Known, Now, Screen, Stand},
    domain::{
        Answer, Awaited, Change, Check, CheckKind, Fact, Feed, Id, Kind, Pod, Progress, Question, Scope, Seen, Stage, Standing, Subject, TaskId, Trouble, Verb,
        Why, Workload,
    },
    gate::Mode,
    keys::Action,
    text::{Clean, Name, Raw},
};

/// `stock` in staging at 80×24: its newest template is one that its second pod, which crashes, is not of. The simulated world never gets there: it is told.
struct Stuck {
    scene: Scene,
    id: Id<Workload>,
    pod: Pod,
}

impl Stuck {
    fn new(mode: Mode) -> Self {
        let scene = stage("incident").size(80, 24).mode(mode).open("stock", Some("staging")).play();
        let id = scene.app.workloads_of(&scene.app.subject()).remove(0);
        let mut pod = scene.app.store.pods_of(&id).next().expect("it has three").clone();
        pod.name = Name::new("stock-1");
        let mut stuck = Self { scene, id, pod };
        let Some(Ok(Known::Ready(mut offers))) = stuck.scene.app.sources.get(&stuck.id.source()).cloned() else { panic!("it is there") };
        offers.verbs.insert(Verb::DeletePod);
        stuck.scene.told(Event::Known(stuck.id.source(), Ok(Known::Ready(offers))));
        stuck.row(|row| (row.kind, row.in_order, row.progress, row.replicas.updated) = (Kind::StatefulSet, Some(0), Progress::Rolling, 2));
        stuck.second(|pod| (pod.ready, pod.template, pod.reason) = (false, Raw::new("left"), "CrashLoopBackOff".into()));
        stuck
    }

    /// Its row is told otherwise.
    fn row(&mut self, more: impl FnOnce(&mut Workload)) {
        let mut row = self.scene.app.store.workload(&self.id).expect("it is there").clone();
        more(&mut row);
        self.scene.told(Event::Facts(self.id.source(), Feed::Workloads, vec![Fact::Workload(Change::Upsert(row))]));
    }

    /// Its second pod is told otherwise.
    fn second(&mut self, more: impl FnOnce(&mut Pod)) {
        more(&mut self.pod);
        let feed = Feed::Pods(Scope::Workload(self.id.clone()));
        self.scene.told(Event::Facts(self.id.source(), feed, vec![Fact::Pod(Change::Upsert(self.pod.clone()))]));
    }

    fn offered(&self) -> Result<Clean, Clean> {
        self.scene.app.offer(Action::LetGo, &self.scene.app.subject())
    }

    /// Keys, and what the console wants then; nobody answers.
    fn keys(&mut self, keys: &[&str]) -> Vec<Effect> {
        let mut wanted = Vec::new();
        for key in keys {
            let now = self.scene.app.now;
            wanted.extend(self.scene.app.update(now, Event::Key(key.parse().expect("a key"))));
            if let Some(dialog) = self.scene.app.unseen() {
                wanted.extend(self.scene.app.update(now, Event::Painted(dialog)));
            }
        }
        wanted
    }

    /// The pod as its source reads it.
    fn read(&self, uid: &str, stands: Standing) -> Answer {
        let seen = uid == "seen";
        let awaited = Awaited {
            name: "stock-1".into(),
            uid: Raw::new(if seen { "3f2a90c1-77aa" } else { uid }),
            template: Raw::new(if seen { "left" } else { "newest" }),
            of: if seen { "12.1.0 r3".into() } else { "12.0.1 r4".into() },
            newest: Raw::new("newest"),
            anew: "12.0.1 r4".into(),
            stands,
        };
        let subject = Subject::new(self.id.clone(), awaited.seen());
        Answer::Subject(Box::new(Subject { awaited: Some(Box::new(awaited)), ..subject }))
    }

    fn unready(&self) -> Answer {
        let since = self.scene.app.now.wall - jiff::SignedDuration::from_mins(6);
        self.read("seen", Standing::Unready { since: Some(since), says: "CrashLoopBackOff".into() })
    }

    fn answers(&mut self, task: TaskId, answer: Answer) -> Vec<Effect> {
        let now = self.scene.app.now;
        self.scene.app.update(now, Event::Answer(task, Ok(Box::new(answer))))
    }

    /// The plan of its deletion, with its checks.
    fn planned(&mut self) {
        let task = asked(&self.keys(&["A"]));
        let answer = self.unready();
        let prepared = self.answers(task, answer);
        let [Effect::Prepare { task, operation, .. }] = &prepared[..] else { panic!("{prepared:?}") };
        assert_eq!((operation.verb, &operation.subject), (Verb::DeletePod, &self.id));
        for (kind, says) in [
            (CheckKind::Rights, "we may delete pods in shop-staging"),
            (CheckKind::Pod, "it still is that pod: CrashLoopBackOff, 5 restarts"),
            (CheckKind::Strategy, "OrderedReady: nothing of stock moves before stock-1 is ready; it is made anew from 12.0.1 r4"),
            (CheckKind::DryRun, "the server would accept it"),
        ] {
            self.scene.told(Event::Check(*task, Some(Ok(Check::Made(kind.ok(says))))));
        }
        let lost = CheckKind::Deletion.warn("what is in the emptyDir scratch is lost with it; the claim data-stock-1 stays", None);
        self.scene.told(Event::Check(*task, Some(Ok(Check::Made(lost)))));
        self.scene.told(Event::Check(*task, Some(Ok(Check::Command("kubectl delete pod stock-1 -n shop-staging --context lab-eu".into())))));
        self.scene.told(Event::Check(*task, None));
    }

    /// Confirmed: the one request is handed out.
    fn sent(&mut self) -> TaskId {
        self.planned();
        let wanted = self.keys(&["enter", "y", "e", "s", "enter"]);
        let acts: Vec<_> =
            wanted.iter().filter_map(|effect| if let Effect::Act { task, operation, .. } = effect { Some((*task, operation)) } else { None }).collect();
        let [(task, operation)] = acts[..] else { panic!("one request: {wanted:?}") };
        assert_eq!(Awaited::name_in(&operation.from).as_str(), "stock-1");
        let Seen { uid, template, .. } = &operation.from;
        assert_eq!((uid.expose(), template.expose()), ("3f2a90c1-77aa", "stock-1 left newest"), "what the operator saw");
        self.scene.told(Event::Recorded(task, Ok(7))).told(Event::Stage(task, Stage::Sending));
        task
    }

    fn told(&mut self, task: TaskId, stage: Stage) -> Vec<Effect> {
        let now = self.scene.app.now;
        self.scene.app.update(now, Event::Stage(task, stage))
    }
}

/// The one thing that is asked: the pod.
fn asked(wanted: &[Effect]) -> TaskId {
    match wanted {
        [Effect::Ask { task, question: Question::Awaited { .. }, .. }] => *task,
        other => panic!("{other:?}"),
    }
}

fn stand(app: &App) -> &Stand {
    let open = app.screens.iter().rev().find_map(|screen| if let Screen::Operation(key) = screen { app.operations.single(*key) } else { None });
    &open.expect("it is open").stand
}

fn yes() -> Stage {
    Stage::Accepted { request: None, warnings: Vec::new(), revision: None, generation: None }
}

#[test]
fn it_is_offered_for_the_first_pod_that_is_not_ready_and_was_left_and_for_no_other() {
    let mut stuck = Stuck::new(Mode::ByTier);
    assert!(stuck.offered().is_ok_and(|words| words.contains("delete stock-1, for which stock in staging waits in vain")), "{:?}", stuck.offered());
    // Parallel and OnDelete have no order; below a partition nothing is replaced.
    for order in [None, Some(2)] {
        stuck.row(|row| row.in_order = order);
        assert!(stuck.offered().is_err(), "{order:?}: {:?}", stuck.offered());
    }
    stuck.row(|row| (row.in_order, row.progress) = (Some(0), Progress::Unobserved));
    assert!(stuck.offered().is_err(), "its controller has not looked at the template yet");
    stuck.row(|row| row.progress = Progress::Rolling);
    assert!(stuck.offered().is_ok());
    stuck.second(|pod| pod.leaving = true);
    assert!(stuck.offered().is_err(), "it goes already");
    let newest = stuck.scene.app.store.revisions_of(&stuck.id).iter().find(|revision| revision.current).expect("one runs").template.clone();
    stuck.second(|pod| (pod.leaving, pod.template) = (false, newest));
    assert!(stuck.offered().is_err(), "it is of the newest template");
    stuck.second(|pod| (pod.template, pod.ready) = (Raw::new("left"), true));
    assert!(stuck.offered().is_err(), "it is well");
    stuck.scene.go("A").says(&["a StatefulSet can not be resumed from here"]);
}

#[test]
fn the_plan_says_what_goes_and_what_comes_and_the_policy_asks() {
    let mut stuck = Stuck::new(Mode::ByTier);
    stuck.planned();
    stuck.scene.says(&[
        "Delete stock-1 of stock in staging",
        "stock-1 (uid 3f2a90c1) is of 12.1.0 r3: not ready for 6 min,",
        "One request deletes this very pod",
        "deletes      what is in the emptyDir scratch is lost with it;",
        "“yes” must be typed",
    ]);
    let wanted = stuck.keys(&["enter", "enter"]);
    assert!(!wanted.iter().any(|effect| matches!(effect, Effect::Act { .. })), "Enter alone is no yes");
    stuck.scene.says(&["type yes"]);
}

#[test]
fn it_is_followed_until_what_takes_its_place_is_ready() {
    let mut stuck = Stuck::new(Mode::ByTier);
    let task = stuck.sent();
    let next = asked(&stuck.told(task, yes()));
    stuck.scene.says(&["Deleting stock-1 of stock in staging"]);
    let answer = stuck.read("", Standing::Gone);
    stuck.answers(next, answer);
    assert!(matches!(stand(&stuck.scene.app), Stand::UnderWay(_)));
    stuck.scene.says(&["stock-1 is gone"]);
    for (uid, stands) in [("new", Standing::Unready { since: None, says: "ContainerCreating".into() }), ("new", Standing::Ready)] {
        let now = Now { wall: stuck.scene.app.now.wall, mono: stuck.scene.app.now.mono + std::time::Duration::from_secs(5) };
        let wanted = stuck.scene.app.update(now, Event::Tick);
        let task = wanted
            .iter()
            .find_map(|effect| if let Effect::Ask { task, question: Question::Awaited { pod, .. }, .. } = effect { Some((*task, pod)) } else { None });
        let (task, pod) = task.unwrap_or_else(|| panic!("it is read again: {wanted:?}"));
        assert_eq!(pod.as_deref(), Some("stock-1"), "by its name");
        let answer = stuck.read(uid, stands);
        stuck.answers(task, answer);
    }
    assert!(matches!(stand(&stuck.scene.app), Stand::Done { end: End::Complete, .. }), "{:?}", stand(&stuck.scene.app));
    stuck.scene.told(Event::Tick).says(&["COMPLETE", "stock-1 was made anew from 12.0.1 r4 and is ready", "Recorded as entry 7"]);
}

#[test]
fn a_lost_answer_is_looked_up_and_never_sent_again_by_itself() {
    for (uid, stands, carried_out) in [("", Standing::Gone, true), ("new", Standing::Ready, true), ("seen", Standing::Leaving, true)] {
        let mut stuck = Stuck::new(Mode::ByTier);
        let task = stuck.sent();
        let looked = asked(&stuck.told(task, Stage::Unclear { why: "the connection broke".into() }));
        stuck.scene.says(&["the answer was lost", "It may have been carried out or not"]);
        let answer = stuck.read(uid, stands.clone());
        stuck.answers(looked, answer);
        assert_eq!(matches!(stand(&stuck.scene.app), Stand::UnderWay(_)), carried_out, "{stands:?}: {:?}", stand(&stuck.scene.app));
    }
    let mut stuck = Stuck::new(Mode::ByTier);
    let task = stuck.sent();
    let looked = asked(&stuck.told(task, Stage::Unclear { why: "the connection broke".into() }));
    let answer = stuck.unready();
    stuck.answers(looked, answer);
    assert!(matches!(stand(&stuck.scene.app), Stand::Unclear { .. }), "it may still be on its way: {:?}", stand(&stuck.scene.app));
}

#[test]
fn what_was_replaced_meanwhile_is_said_and_nothing_is_sent() {
    let mut stuck = Stuck::new(Mode::ByTier);
    let task = stuck.sent();
    let what = "stock-1 was replaced meanwhile: it is another pod now";
    let read = asked(&stuck.told(task, Stage::Conflict { what: what.into(), same: false }));
    let now = stuck.scene.app.now;
    let none = Why { trouble: Trouble::NotFound, words: "every pod of stock is ready: it waits for none".into() };
    let _ = stuck.scene.app.update(now, Event::Answer(read, Err(none)));
    stuck.scene.says(&["NOTHING WAS CHANGED", "replaced meanwhile", "it waits for none"]);
}

#[test]
fn read_only_shows_the_plan_and_never_acts() {
    let mut stuck = Stuck::new(Mode::ReadOnly);
    stuck.planned();
    let wanted = stuck.keys(&["enter", "y", "e", "s", "enter", "enter"]);
    assert!(!wanted.iter().any(|effect| matches!(effect, Effect::Act { .. })), "{wanted:?}");
    stuck.scene.says(&["read-only"]);
}
