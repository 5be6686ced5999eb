//! Random histories of Deployments on the real cluster: whatever was rolled out, failed, was undone or fell out of the history, what is proposed
//! is never called good unless it was, and is good wherever a good one is left. `tests/run --long` plays hundreds.

use super::{
    acts::{insist, operation, revisions, subject},
    lab::{self, Space},
};
use pilothouse::{
    domain::{Answer, Pod, Question, Revision, Stage, Verb},
    rollback::{Class, History, target},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::collections::BTreeSet;

/// How many are played at the same time.
const AT_ONCE: usize = 5;

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

/// How many revisions are kept, and what is done.
type Story = (u32, Vec<Step>);

fn stories() -> impl Strategy<Value = Story> {
    let step = prop_oneof![
        4 => Just(Step::Good),
        2 => Just(Step::Crash),
        1 => Just(Step::Missing),
        1 => Just(Step::NeverReady),
        1 => Just(Step::NoConfig),
        2 => Just(Step::Undo),
        1 => Just(Step::Same),
    ];
    (prop_oneof![1 => Just(0_u32), 1 => Just(1), 4 => 2..11_u32], proptest::collection::vec(step, 1..6))
}

/// One Deployment, and what is known of it because we made it so.
struct Played<'a> {
    space: &'a Space,
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
        let (image, mut environment) = match step {
            Step::Missing => ("lab/app:missing", vec![("N", number.as_str())]),
            _ => ("lab/app:1", vec![("N", number.as_str())]),
        };
        match step {
            Step::Crash => environment.extend([("APP_CRASH_AFTER", "0.1"), ("APP_READY_AFTER", "never")]),
            Step::NeverReady => environment.push(("APP_READY_AFTER", "never")),
            _ => {}
        }
        let mut manifest: serde_json::Value = serde_json::from_str(&lab::deployment(&self.name, image, &environment, "")).expect("JSON");
        manifest["spec"]["revisionHistoryLimit"] = self.limit.into();
        if step == Step::NoConfig {
            manifest["spec"]["template"]["spec"]["containers"][0]["envFrom"] = serde_json::json!([{ "configMapRef": { "name": "nowhere" } }]);
        }
        self.manifest = manifest.to_string();
        self.space.apply(&self.manifest);
    }

    /// Does one thing, and waits until the cluster has made of it what it will.
    async fn play(&mut self, step: Step) {
        match step {
            Step::Same if self.made > 0 => self.space.apply(&self.manifest),
            Step::Undo if self.made > 0 => {
                // Where there is nothing to go back to kubectl refuses, which is a history too.
                let undo = ["-n", &self.space.name, "rollout", "undo", &format!("deployment/{}", self.name)];
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

    /// The version of the newest template, if it is rolled out whole.
    fn available(&self) -> Option<String> {
        let text = self.space.kubectl(&["get", "deployment", &self.name, "-o", "json"]);
        let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let (status, number) = (&object["status"], |field: &str| object["status"][field].as_u64().unwrap_or(0));
        let whole = number("updatedReplicas") == 2 && number("replicas") == 2 && number("availableReplicas") == 2;
        let seen = status["observedGeneration"] == object["metadata"]["generation"];
        (whole && seen).then(|| variable(&object["spec"]["template"]))
    }

    /// What the pods of the newest template say, and whether they are never to become ready.
    fn newest_pods(&self) -> String {
        let text = self.space.kubectl(&["get", "pods", "-l", &format!("app={}", self.name), "-o", "json"]);
        let pods: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let object: serde_json::Value = serde_json::from_str(&self.space.kubectl(&["get", "deployment", &self.name, "-o", "json"])).expect("JSON");
        let newest = variable(&object["spec"]["template"]);
        let own = pods["items"].as_array().into_iter().flatten().filter(|pod| variable(pod) == newest);
        let said = own.map(|pod| {
            let waits = pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str().unwrap_or_default();
            let runs = pod["status"]["containerStatuses"][0]["state"].get("running").is_some();
            let never = pod["spec"]["containers"][0]["env"].as_array().into_iter().flatten().any(|one| one["value"] == "never");
            format!("{waits} {} ", if runs && never { "never" } else { "" })
        });
        said.collect()
    }
}

/// The number by which versions are told apart.
fn variable(template: &serde_json::Value) -> String {
    let list = template["spec"]["containers"][0]["env"].as_array();
    list.into_iter().flatten().find(|one| one["name"] == "N").and_then(|one| one["value"].as_str()).unwrap_or_default().to_owned()
}

/// The same from a revision's outline.
fn number_of(revision: &Revision) -> String {
    revision.outline.0.iter().find(|leaf| leaf.path.ends_with(": N")).map(|leaf| leaf.value.to_string()).unwrap_or_default()
}

async fn told(space: &Space, at: usize, (limit, steps): Story) {
    let source = lab::source(&lab::kubeconfig().expect("there is a lab"), "lab", "");
    let mut played = Played { space, name: format!("story-{at}"), limit, good: BTreeSet::new(), made: 0, manifest: String::new() };
    for step in &steps {
        played.play(*step).await;
    }
    let story = format!("story {at}: limit {limit}, {steps:?}");
    let id = space.deployment(&source, &played.name);
    let rows = revisions(&source, &id).await;
    let pods: Vec<Pod> = match source.ask(Question::Explain(id.clone())).await {
        Ok(Answer::Explain { pods, .. }) => pods,
        other => panic!("{story}: {other:?}"),
    };
    let found = target(&History { revisions: &rows, records: &[], pods: &pods }, jiff::Timestamp::now());
    for candidate in &found.candidates {
        let was_good = played.good.contains(&number_of(&candidate.revision));
        assert!(candidate.class != Class::Proven || was_good, "{story}: {} is called proven and never was well: {}", candidate.revision.short(), candidate.why);
    }
    let current_is_bad = played.available().is_none();
    let good_is_kept = found.candidates.iter().any(|candidate| played.good.contains(&number_of(&candidate.revision)));
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
        as_kubectl_does(space, &played.name, &story).await;
    }
}

/// What was made of it is what kubectl makes of the same history: it goes forward to what was left, and back again.
async fn as_kubectl_does(space: &Space, name: &str, story: &str) {
    let object = || -> serde_json::Value { serde_json::from_str(&space.kubectl(&["get", "deployment", name, "-o", "json"])).expect("JSON") };
    let observed = async || {
        let now = object();
        (now["status"]["observedGeneration"] == now["metadata"]["generation"]).then_some(now)
    };
    let ours = lab::eventually("the controller has seen ours", observed).await;
    let number = ours["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str().expect("a number").to_owned();
    let undo = ["rollout", "undo", &format!("deployment/{name}")];
    space.kubectl(&undo);
    lab::eventually("the controller has seen the undo", observed).await;
    space.kubectl(&[&undo[..], &["--to-revision", &number]].concat());
    let theirs = object();
    assert_eq!(ours["spec"]["template"], theirs["spec"]["template"], "{story}");
}

#[test]
fn what_is_proposed_of_a_random_history_was_well_and_nothing_else_is_called_so() {
    let Some(_) = lab::kubeconfig() else { return };
    let many = if std::env::var_os("PILOTHOUSE_LONG").is_some() { 200 } else { 20 };
    let seed = std::env::var("PILOTHOUSE_SEED").ok().and_then(|seed| seed.parse::<u8>().ok()).unwrap_or(7);
    println!("PILOTHOUSE_SEED={seed}");
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let all: Vec<Story> = (0..many).map(|_| stories().new_tree(&mut runner).expect("a story").current()).collect();
    let space = Space::new("stories");
    // Some at a time: the nodes of the lab have room for a few pods. Each plays in a thread of its own, because kubectl is waited for.
    for (round, some) in all.chunks(AT_ONCE).enumerate() {
        std::thread::scope(|scope| {
            for (at, story) in some.iter().enumerate() {
                let space = &space;
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
                    runtime.block_on(told(space, round * AT_ONCE + at, story.clone()));
                });
            }
        });
        space.kubectl(&["delete", "deployment", "--all", "--wait=false"]);
        println!("{} of {many}", round * AT_ONCE + some.len());
    }
}
