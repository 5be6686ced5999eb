//! Random histories of Deployments, StatefulSets and DaemonSets on the real cluster: whatever was rolled out, failed, was undone or fell out of
//! the history, what is proposed is never called good unless it was, and is good wherever a good one is known. `tests/run --long` plays hundreds.

use super::{
    acts::{insist, operation, revisions, subject},
    lab::{self, Space},
    sets::manifest,
};
use pilothouse::{
    domain::{Answer, Evidence, Id, Pod, Question, Revision, Stage, Verb, Workload},
    rollback::{Class, History, Record, target},
    sources::Source,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// A kind, the plural of its name, how many stories of it are played at the same time and how many in all, how many more with `--long`, and
/// the most that happens in one: pods of a set are replaced where they are, which takes this kubelet ten seconds each time.
struct Sort {
    kind: &'static str,
    plural: &'static str,
    at_once: usize,
    many: usize,
    long: usize,
    steps: usize,
}

const DEPLOYMENTS: Sort = Sort { kind: "Deployment", plural: "deployments", at_once: 5, many: 20, long: 200, steps: 5 };
const STATEFUL_SETS: Sort = Sort { kind: "StatefulSet", plural: "statefulsets", at_once: 4, many: 8, long: 200, steps: 2 };
const DAEMON_SETS: Sort = Sort { kind: "DaemonSet", plural: "daemonsets", at_once: 4, many: 8, long: 200, steps: 2 };

/// Whether hundreds are played.
fn long() -> bool {
    std::env::var_os("PILOTHOUSE_LONG").is_some()
}

/// What somebody does to a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A version that becomes ready.
    Good,
    /// One that ends again and again.
    Crash,
    /// One whose image is nowhere.
    Missing,
    /// One that runs and never becomes ready.
    NeverReady,
    /// One that names a ConfigMap that is not there.
    NoConfig,
    /// `kubectl rollout undo`, wherever that leads.
    Undo,
    /// The same template once more.
    Same,
}

/// How many revisions are kept, what is done, and whether somebody watched and wrote down what was well.
type Story = (u32, Vec<Step>, bool);

fn stories(steps: usize) -> impl Strategy<Value = Story> {
    let step = prop_oneof![
        4 => Just(Step::Good),
        2 => Just(Step::Crash),
        1 => Just(Step::Missing),
        1 => Just(Step::NeverReady),
        1 => Just(Step::NoConfig),
        2 => Just(Step::Undo),
        1 => Just(Step::Same),
    ];
    (prop_oneof![1 => Just(0_u32), 1 => Just(1), 4 => 2..11_u32], proptest::collection::vec(step, 1..=steps), any::<bool>())
}

/// One workload, and what is known of it because we made it so.
struct Played<'a> {
    space: &'a Space,
    sort: &'static Sort,
    name: String,
    limit: u32,
    /// Versions that were ready, by the value of their variable.
    good: BTreeSet<String>,
    made: u32,
    manifest: String,
}

impl Played<'_> {
    fn apply(&mut self, step: Step) {
        self.made += 1;
        let number = self.made.to_string();
        let mut environment = vec![("N", number.as_str())];
        match step {
            Step::Crash => environment.extend([("APP_CRASH_AFTER", "0.1"), ("APP_READY_AFTER", "never")]),
            Step::NeverReady => environment.push(("APP_READY_AFTER", "never")),
            _ => {}
        }
        let mut manifest = manifest(self.sort.kind, &self.name, 1, &environment);
        manifest["spec"]["revisionHistoryLimit"] = self.limit.into();
        let pod = &mut manifest["spec"]["template"]["spec"];
        match step {
            Step::Missing => pod["containers"][0]["image"] = "lab/app:missing".into(),
            Step::NoConfig => pod["containers"][0]["envFrom"] = json!([{ "configMapRef": { "name": "nowhere" } }]),
            _ => {}
        }
        if self.sort.kind != "Deployment" {
            pod["terminationGracePeriodSeconds"] = 0.into();
        }
        if self.sort.kind == "StatefulSet" {
            (manifest["spec"]["replicas"], manifest["spec"]["podManagementPolicy"]) = (self.wanted().into(), "Parallel".into());
        }
        self.manifest = manifest.to_string();
        self.space.apply(&self.manifest);
    }

    fn object(&self) -> Value {
        object(self.space, &self.path())
    }

    /// `deployment/story-3`.
    fn path(&self) -> String {
        format!("{}/{}", self.sort.kind.to_lowercase(), self.name)
    }

    fn wanted(&self) -> usize {
        if self.sort.kind == "Deployment" { 2 } else { 1 }
    }

    /// Its pods that stay.
    fn pods(&self) -> Vec<Value> {
        let text = self.space.kubectl(&["get", "pods", "-l", &format!("app={}", self.name), "-o", "json"]);
        let pods: Value = serde_json::from_str(&text).expect("JSON");
        pods["items"].as_array().into_iter().flatten().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).cloned().collect()
    }

    /// Does one thing, and waits until the cluster has made of it what it will.
    async fn play(&mut self, step: Step) {
        match step {
            Step::Same if self.made > 0 => self.space.apply(&self.manifest),
            Step::Undo if self.made > 0 => {
                // Where there is nothing to go back to kubectl refuses, which is a history too.
                let undo = ["-n", &self.space.name, "rollout", "undo", &self.path()];
                _ = std::process::Command::new("kubectl").args(undo).output();
            }
            Step::Same | Step::Undo => self.apply(Step::Good),
            other => self.apply(other),
        }
        self.settled().await;
        if let Some(version) = self.available() {
            self.good.insert(version);
        }
    }

    /// The state of the newest pods that will not change by waiting: ready, or in trouble.
    async fn settled(&self) {
        let words = ["CrashLoopBackOff", "ErrImageNeverPull", "CreateContainerConfigError"];
        lab::eventually("the rollout is over or stuck", async || {
            if self.available().is_some() {
                return Some(());
            }
            let newest = self.newest_pods();
            let stuck = words.iter().any(|word| newest.contains(word)) || newest.contains("never");
            stuck.then_some(())
        })
        .await;
    }

    /// The version of the newest template, if it is rolled out whole: it was looked at, and it is in every pod that there is.
    fn available(&self) -> Option<String> {
        let (object, pods) = (self.object(), self.pods());
        let newest = variable(&object["spec"]["template"]);
        let ready = |pod: &Value| {
            let conditions = pod["status"]["conditions"].as_array();
            conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        };
        let whole = pods.len() == self.wanted() && pods.iter().all(|pod| ready(pod) && variable(pod) == newest);
        let seen = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let counted = self.sort.kind != "Deployment" || (object["status"]["availableReplicas"] == 2 && object["status"]["replicas"] == 2);
        (whole && seen && counted).then_some(newest)
    }

    /// What the pods of the newest template say, and whether they are never to become ready.
    fn newest_pods(&self) -> String {
        let newest = variable(&self.object()["spec"]["template"]);
        let said = self.pods().into_iter().filter(|pod| variable(pod) == newest).map(|pod| {
            let waits = pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str().unwrap_or_default();
            let runs = pod["status"]["containerStatuses"][0]["state"].get("running").is_some();
            let never = pod["spec"]["containers"][0]["env"].as_array().into_iter().flatten().any(|one| one["value"] == "never");
            format!("{waits} {} ", if runs && never { "never" } else { "" })
        });
        said.collect()
    }
}

fn object(space: &Space, path: &str) -> Value {
    serde_json::from_str(&space.kubectl(&["get", path, "-o", "json"])).expect("JSON")
}

/// The number by which versions are told apart.
fn variable(template: &Value) -> String {
    let list = template["spec"]["containers"][0]["env"].as_array();
    list.into_iter().flatten().find(|one| one["name"] == "N").and_then(|one| one["value"].as_str()).unwrap_or_default().to_owned()
}

/// The same from a revision's outline.
fn number_of(revision: &Revision) -> String {
    revision.outline.0.iter().find(|leaf| leaf.path.ends_with(": N")).map(|leaf| leaf.value.to_string()).unwrap_or_default()
}

async fn told(space: &Space, sort: &'static Sort, at: usize, (limit, steps, watched): Story) {
    let source = lab::source(&lab::kubeconfig().expect("there is a lab"), "lab", "");
    let mut played = Played { space, sort, name: format!("story-{at}"), limit, good: BTreeSet::new(), made: 0, manifest: String::new() };
    for step in &steps {
        played.play(*step).await;
    }
    let story = format!("{} {at}: limit {limit}, {steps:?}, watched {watched}", sort.kind);
    let id: Id<Workload> = Id::new(source.id(), &format!("{}/{}/{}", sort.plural, space.name, played.name));
    let rows = revisions(&source, &id).await;
    let pods: Vec<Pod> = match lab::ask(&source, Question::Explain(id.clone())).await {
        Ok(Answer::Explain { pods, .. }) => pods,
        other => panic!("{story}: {other:?}"),
    };
    // What a console that watched has written down: of a set nothing else tells what was well, its pods are replaced where they are.
    let seen = |row: &Revision| {
        let evidence = Evidence::SeenHealthy { held: jiff::SignedDuration::from_mins(10), until: jiff::Timestamp::now() };
        (watched && played.good.contains(&number_of(row))).then(|| Record { template: row.template.clone(), evidence })
    };
    let records: Vec<Record> = rows.iter().filter_map(seen).collect();
    let found = target(&History { revisions: &rows, records: &records, pods: &pods }, jiff::Timestamp::now());
    for candidate in &found.candidates {
        let was_good = played.good.contains(&number_of(&candidate.revision));
        assert!(candidate.class != Class::Proven || was_good, "{story}: {} is called proven and never was well: {}", candidate.revision.short(), candidate.why);
    }
    let current_is_bad = played.available().is_none();
    let good_is_known = sort.kind == "Deployment" || watched;
    let good_is_kept = good_is_known && found.candidates.iter().any(|candidate| played.good.contains(&number_of(&candidate.revision)));
    let proposed = found.proposed.as_ref().ok().map(|at| &found.candidates[*at]);
    if current_is_bad && good_is_kept {
        let proposed = proposed.unwrap_or_else(|| panic!("{story}: nothing is proposed: {:?}", found.proposed));
        assert!(
            played.good.contains(&number_of(&proposed.revision)),
            "{story}: {} is proposed and was never well: {}",
            proposed.revision.short(),
            proposed.why
        );
    }
    let Some(proposed) = proposed else { return };
    let seen = subject(&source, &id).await;
    let stages = insist(&source, operation(Verb::RollBack, &seen, Some(&proposed.revision))).await;
    assert!(matches!(stages.last(), Some(Stage::Accepted { .. })), "{story}: {stages:?}");
    if limit > 1 {
        as_kubectl_does(&played, (&source, &id), &story).await;
    }
}

/// What was made of it is what kubectl makes of the same history: it goes forward to what was left, and back again.
async fn as_kubectl_does(played: &Played<'_>, (source, id): (&Arc<dyn Source>, &Id<Workload>), story: &str) {
    let observed = async || {
        let now = played.object();
        (now["status"]["observedGeneration"] == now["metadata"]["generation"]).then_some(now)
    };
    let ours = lab::eventually("the controller has seen ours", observed).await;
    let number = revisions(source, id).await.iter().find(|row| row.current).map(|row| row.number.to_string()).expect("one is current");
    let path = played.path();
    let undo = ["rollout", "undo", path.as_str()];
    played.space.kubectl(&undo);
    lab::eventually("the controller has seen the undo", observed).await;
    played.space.kubectl(&[&undo[..], &["--to-revision", &number]].concat());
    assert_eq!(ours["spec"]["template"], played.object()["spec"]["template"], "{story}");
}

#[test]
fn what_is_proposed_of_a_random_history_was_well_and_nothing_else_is_called_so() {
    plays(&DEPLOYMENTS);
}

#[test]
fn the_same_holds_for_random_histories_of_stateful_sets() {
    plays(&STATEFUL_SETS);
}

#[test]
fn the_same_holds_for_random_histories_of_daemon_sets() {
    plays(&DAEMON_SETS);
}

fn plays(sort: &'static Sort) {
    let Some(_) = lab::kubeconfig() else { return };
    let (many, steps) = if long() { (sort.long, 5) } else { (sort.many, sort.steps) };
    let seed = std::env::var("PILOTHOUSE_SEED").ok().and_then(|seed| seed.parse::<u8>().ok()).unwrap_or(7);
    println!("PILOTHOUSE_SEED={seed}");
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let all: Vec<Story> = (0..many).map(|_| stories(steps).new_tree(&mut runner).expect("a story").current()).collect();
    let space = Space::new(&format!("stories-{}", sort.plural));
    // Some at a time: the nodes of the lab have room for a few pods. Each plays in a thread of its own, because kubectl is waited for.
    for (round, some) in all.chunks(sort.at_once).enumerate() {
        std::thread::scope(|scope| {
            for (at, story) in some.iter().enumerate() {
                let space = &space;
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
                    runtime.block_on(told(space, sort, round * sort.at_once + at, story.clone()));
                });
            }
        });
        space.kubectl(&["delete", sort.plural, "--all", "--wait=false"]);
        println!("{} of {many}", round * sort.at_once + some.len());
    }
}
